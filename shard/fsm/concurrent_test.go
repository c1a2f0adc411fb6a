package fsm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// TestReadersSeeWholeCommitsBesideApplyAndFlush moves money between accounts while the delta is flushed over and over: the
// sum must hold at every timestamp served, and for the latest versions.
func TestReadersSeeWholeCommitsBesideApplyAndFlush(t *testing.T) {
	const accounts = 40
	r := newReplica(t, Options{MaxDeltaBytes: 64 << 10})
	balance := make([]int64, accounts)
	seen := make([]topo.Timestamp, accounts)
	item := func(i int) Item {
		it := put(string(rowKey(i)), "", seen[i])
		it.Value = binary.BigEndian.AppendUint64(nil, uint64(balance[i]))
		return it
	}
	ts := topo.Timestamp(10)
	first := onePhase(1, ts)
	for i := range accounts {
		balance[i] = 100
		first.Prepare.Items = append(first.Prepare.Items, item(i))
	}
	r.want(first, ResultCommitted)
	for i := range seen {
		seen[i] = ts
	}
	var served atomic.Uint64
	served.Store(uint64(ts))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for n := range 3 {
		wg.Go(func() { sumUntil(t, r.s, stop, &served, n, accounts) })
	}
	rng := rand.New(rand.NewSource(2))
	deadline := time.Now().Add(2 * time.Second)
	for txn := 2; time.Now().Before(deadline); txn++ {
		a, b := rng.Intn(accounts), rng.Intn(accounts)
		if a == b {
			continue
		}
		balance[a]--
		balance[b]++
		ts++
		c := onePhase(txn, ts, item(a), item(b))
		if txn%3 == 0 {
			c.Prepare.OnePhase = false
			r.want(c, ResultPrepared)
			r.want(resolve(txn, ts), ResultCommitted)
		} else {
			r.want(c, ResultCommitted)
		}
		seen[a], seen[b] = ts, ts
		served.Store(uint64(ts))
		if txn%64 == 0 {
			r.want(horizon(ts-50), ResultOK)
		}
	}
	close(stop)
	wg.Wait()
	if r.s.DurableIndex() == 0 {
		t.Fatal("nothing was flushed in the background")
	}
}

func sumUntil(t *testing.T, s *State, stop chan struct{}, served *atomic.Uint64, n, accounts int) {
	rounds := 0
	for ; ; rounds++ {
		select {
		case <-stop:
			if rounds == 0 {
				t.Error("no round was read")
			}
			return
		default:
		}
		o := ScanOptions{TS: topo.Timestamp(served.Load()), Reverse: n == 1}
		if n == 2 {
			o.TS = topo.MaxTimestamp
		}
		var sum, rows int64
		resume, p, err := s.Scan(o, func(key, value []byte, ts topo.Timestamp) bool {
			sum += int64(binary.BigEndian.Uint64(value))
			rows++
			return true
		})
		if err == ErrSnapshotTooOld || p != nil || resume != nil {
			continue
		}
		if err != nil || rows != int64(accounts) || sum != rows*100 {
			t.Errorf("at %d: %d rows, sum %d, %v", o.TS, rows, sum, err)
			return
		}
		if o.TS != topo.MaxTimestamp {
			var together int64
			keys := make([][]byte, accounts)
			for i := range keys {
				keys[i] = rowKey(i)
			}
			n, err := s.VisibleOf(keys, o.TS, func(_ int, v Version) {
				if v.Value != nil { // what is too old is told at the end
					together += int64(binary.BigEndian.Uint64(v.Value))
				}
			})
			if err != ErrSnapshotTooOld && (err != nil || n == accounts && together != 100*int64(accounts)) {
				t.Errorf("at %d: %d rows read together, sum %d, %v", o.TS, n, together, err)
				return
			}
		}
		if _, _, err := s.Get(rowKey(rounds%accounts), o.TS, Own{}); err != nil && err != ErrSnapshotTooOld {
			t.Error(err)
			return
		}
	}
}

// TestMillionRowTransactionResolvesInSecondsWithinItsMemory bounds time and memory of a provisional transaction.
func TestMillionRowTransactionResolvesInSecondsWithinItsMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("a million rows")
	}
	const rows, chunk = 1_000_000, 10_000
	r := newReplica(t, Options{ManualFlush: true, MaxDeltaBytes: 8 << 30})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	sum := Provisioned{Count: rows}
	for i := 0; i < rows; i += chunk {
		ops := make([]ProvisionOp, chunk)
		for j := range ops {
			n := (i + j) * 7919 % rows
			ops[j] = ProvisionOp{uint64(i + j), Item{Kind: ItemPut, Key: rowKey(n), Value: make([]byte, 40), SeenAbsent: true}}
			sum.Digest += HashOp(&ops[j])
		}
		r.want(provision(1, ops...), ResultOK)
	}
	sent := time.Since(start)
	start = time.Now()
	p := prepare(1, 10)
	p.Prepare.Provisioned = sum
	r.want(p, ResultPrepared)
	prepared := time.Since(start)
	start = time.Now()
	r.want(resolve(1, 20), ResultCommitted)
	resolved := time.Since(start)
	runtime.GC()
	runtime.ReadMemStats(&after)
	perRow := (after.HeapAlloc - before.HeapAlloc) / rows
	t.Log(fmt.Sprint("sent ", sent, ", prepared ", prepared, ", resolved ", resolved, ", bytes a row ", perRow))
	if prepared+resolved > 20*time.Second || perRow > 330 {
		t.Fatalf("prepare %v, resolve %v, %d bytes a row", prepared, resolved, perRow)
	}
	start = time.Now()
	r.flush()
	t.Log("flushed in ", time.Since(start))
	if v := r.get(string(rowKey(77)), 30); v == "-" {
		t.Fatal(v)
	}
}

func TestCloseEndsSnapshotsThatNobodySaves(t *testing.T) {
	r := newReplica(t, manual)
	r.want(onePhase(1, 10, put("k", "a", 0)), ResultCommitted)
	snap, err := r.s.PrepareSnapshot()
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan error)
	go func() { closed <- r.s.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Close waits for a snapshot")
	}
	if err := r.s.SaveSnapshot(snap, nil, nil); err != ErrClosed {
		t.Fatal(err)
	}
	if _, _, err := r.s.Get([]byte("j"), 20, Own{}); err != ErrClosed {
		t.Fatal(err)
	}
}

// TestSnapshotIsOfItsIndexWhateverIsAppliedAndFlushedMeanwhile saves long after preparing.
func TestSnapshotIsOfItsIndexWhateverIsAppliedAndFlushedMeanwhile(t *testing.T) {
	r := newReplica(t, manual)
	r.want(onePhase(1, 10, put("a", "1", 0), put("b", "1", 0)), ResultCommitted)
	r.want(prepare(2, 20, put("c", "2", 0)), ResultPrepared)
	want := r.digest()
	snap, err := r.s.PrepareSnapshot()
	if err != nil {
		t.Fatal(err)
	}
	r.want(resolve(2, 25), ResultCommitted)
	r.want(onePhase(3, 30, put("a", "2", 10), del("b", 10)), ResultCommitted)
	r.want(horizon(40), ResultOK)
	r.flush()
	var buf bytes.Buffer
	if err := r.s.SaveSnapshot(snap, &buf, nil); err != nil {
		t.Fatal(err)
	}
	torn := bytes.Clone(buf.Bytes())
	other := newReplica(t, manual)
	for n := range torn {
		torn[n] ^= 0x10
		if err := other.s.RecoverFromSnapshot(bytes.NewReader(torn), nil); err == nil && other.digest() != want {
			t.Fatalf("a flip of byte %d was installed", n)
		}
		torn[n] ^= 0x10
	}
	if err := other.s.RecoverFromSnapshot(&buf, nil); err != nil {
		t.Fatal(err)
	}
	if other.digest() != want || other.s.AppliedIndex() != snap.Index() {
		t.Fatal("the recovered state differs from the prepared one")
	}
	if got := other.get("a", 30) + " " + other.get("b", 30) + " " + other.get("c", 30); got != "1@10 1@10 pending 1.1.2" {
		t.Fatal(got)
	}
}
