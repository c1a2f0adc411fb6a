package fsm

import (
	"bytes"
	"fmt"
	"math/rand"
	"slices"
	"testing"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// TestScanOfManyRangesIsThatOfEachAfterTheOther compares scans of random ranges with a loop of scans of one range, over a
// random log of commits, prepares in doubt, operations sent ahead and horizons, flushed or not.
func TestScanOfManyRangesIsThatOfEachAfterTheOther(t *testing.T) {
	seeds := 40
	if testing.Short() {
		seeds = 6
	}
	var total rangeStats
	for seed := range seeds {
		rng := rand.New(rand.NewSource(int64(seed)))
		g := &generator{rng: rng, m: newModel(), now: 20}
		r := newReplica(t, manual)
		for step := range 250 {
			c := g.next()
			g.m.apply(&c)
			r.do(c)
			switch {
			case rng.Intn(40) == 0:
				r.flush()
			case rng.Intn(8) == 0:
				key := g.key()
				it := Item{Kind: ItemPut, Key: []byte(key), Value: fmt.Append(nil, "own", step)}
				if rng.Intn(3) == 0 {
					it.Kind, it.Value = ItemDelete, nil
				}
				r.do(provision(ownTxn, ProvisionOp{uint64(step), it}))
			}
			if step%3 == 0 {
				compareRanges(t, fmt.Sprint("seed ", seed, " step ", step), g, r, step, &total)
			}
		}
	}
	t.Logf("%+v", total)
	if total.rows == 0 || total.pending == 0 || total.bounded == 0 || total.own == 0 || total.ended == 0 {
		t.Fatalf("the scans met too little: %+v", total)
	}
}

const ownTxn = 1 << 20

// rangeStats count what the compared scans met.
type rangeStats struct{ rows, pending, bounded, own, ended int }

func compareRanges(t *testing.T, where string, g *generator, r *replica, step int, total *rangeStats) {
	t.Helper()
	rng := g.rng
	o := ScanOptions{TS: g.m.horizon + topo.Timestamp(rng.Intn(int(g.now-g.m.horizon)+3)), MaxRows: rng.Intn(6), KeysOnly: rng.Intn(3) == 0}
	if rng.Intn(4) == 0 {
		o.TS = topo.MaxTimestamp
	}
	if rng.Intn(3) == 0 {
		o.Own = Own{Txn: txnID(ownTxn), Seq: uint64(step - rng.Intn(20))}
	}
	if rng.Intn(4) == 0 {
		o.Lo = []byte(g.key())
	}
	if rng.Intn(4) == 0 {
		o.Hi = []byte(g.key())
	}
	o.Ranges = randomRanges(g)
	rows, resume, p := r.scan(o)
	wantRows, wantResume, wantPending := scanEach(r, o)
	if !slices.Equal(rows, wantRows) || !bytes.Equal(resume, wantResume) || (resume == nil) != (wantResume == nil) ||
		fmt.Sprint(p) != fmt.Sprint(wantPending) {
		t.Fatalf("%s: %s at %d\n rows %q resume %q pending %v\n want %q %q %v", where, describeRanges(&o), o.TS, rows, resume, p,
			wantRows, wantResume, wantPending)
	}
	// Read on to the end, as a gateway does: every row once, and nothing else.
	all := rows
	next := o
	for resume != nil && p == nil {
		next.Lo = resume
		rows, resume, p = r.scan(next)
		all = append(all, rows...)
	}
	next = o
	next.MaxRows = 0
	if want, _, wantP := scanEach(r, next); p == nil && wantP == nil && !slices.Equal(all, want) {
		t.Fatalf("%s: %s at %d, batch by batch: %q, want %q", where, describeRanges(&o), o.TS, all, want)
	}
	total.rows += len(wantRows)
	switch {
	case wantPending != nil:
		total.pending++
	case wantResume != nil:
		total.bounded++
	default:
		total.ended++
	}
	for _, row := range wantRows {
		if bytes.Contains([]byte(row), []byte("=own")) {
			total.own++
		}
	}
}

// scanEach is the loop that a scan of many ranges stands for.
func scanEach(r *replica, o ScanOptions) (rows []string, resume []byte, p *Pending) {
	r.t.Helper()
	left := o.MaxRows
	for _, rg := range o.Ranges {
		one := o
		one.Ranges = nil
		one.Lo, one.Hi = rg.Lo, rg.Hi
		if bytes.Compare(o.Lo, one.Lo) > 0 {
			one.Lo = o.Lo
		}
		if o.Hi != nil && (one.Hi == nil || bytes.Compare(o.Hi, one.Hi) < 0) {
			one.Hi = o.Hi
		}
		if one.Hi != nil && bytes.Compare(one.Lo, one.Hi) >= 0 {
			continue
		}
		one.MaxRows = left
		got, resume, p := r.scan(one)
		rows = append(rows, got...)
		if resume != nil || p != nil {
			return rows, resume, p
		}
		if o.MaxRows > 0 {
			left -= len(got)
		}
	}
	return rows, nil, nil
}

// randomRanges returns a few ranges that ascend and do not overlap; some touch, and the last may have no end.
func randomRanges(g *generator) []KeyRange {
	var bounds []string
	for range 2 * (1 + g.rng.Intn(6)) {
		bounds = append(bounds, g.key())
	}
	slices.Sort(bounds)
	bounds = slices.Compact(bounds)
	out := []KeyRange{}
	for i := 0; i+1 < len(bounds); i++ {
		if g.rng.Intn(3) > 0 {
			out = append(out, KeyRange{Lo: []byte(bounds[i]), Hi: []byte(bounds[i+1])})
		}
	}
	if g.rng.Intn(4) == 0 {
		out = append(out, KeyRange{Lo: []byte(bounds[len(bounds)-1])})
	}
	return out
}

func describeRanges(o *ScanOptions) string {
	s := fmt.Sprintf("[%q, %q) own %v max %d:", o.Lo, o.Hi, o.Own, o.MaxRows)
	for _, r := range o.Ranges {
		s += fmt.Sprintf(" [%q, %q)", r.Lo, r.Hi)
	}
	return s
}

// TestScanOfManyRangesIsRefusedBelowTheHorizon holds also when every range is empty.
func TestScanOfManyRangesIsRefusedBelowTheHorizon(t *testing.T) {
	r := newReplica(t, manual)
	r.want(onePhase(1, 10, put("k", "a", 0)), ResultCommitted)
	r.want(horizon(20), ResultOK)
	for _, ranges := range [][]KeyRange{{}, {{Lo: []byte("a"), Hi: []byte("b")}}, {{Lo: []byte("k"), Hi: []byte("l")}}} {
		if _, _, err := r.s.Scan(ScanOptions{TS: 19, Ranges: ranges}, nil); err != ErrSnapshotTooOld {
			t.Fatalf("%v: %v", ranges, err)
		}
	}
}
