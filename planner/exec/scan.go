package exec

import (
	"bytes"
	"slices"
	"unsafe"

	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// scanOp reads a table. Rows come as packed bytes; the columns of the filter are decoded first, the others only for the
// rows that pass.
type scanOp struct {
	r     *run
	n     *planner.Scan
	keys  *accessKeys
	parts []topo.GroupID // the groups of a parallel worker; nil: all
	// claim is the mode in which a row that is looked up by its key is locked at once, when it is to be written; lock.None:
	// it is only read.
	claim lock.Mode
	opts  txn.ReadOptions

	started bool
	ranges  []keyRange
	at      int
	scanner txn.Scanner
	points  bool
	byGin   bool
	gin     []ginRow // what is left of the rows that a GIN index named
	// ginStream is the list that the other rows to look up come from; nil: there are no others.
	ginStream *ginEntries
	found     found
	dec       decoder
	skip      int64 // rows left out before any is put out
}

// newScan makes a scan; parts restricts it to some groups.
func newScan(r *run, n *planner.Scan, parts []topo.GroupID) *scanOp {
	ti := infoOf(n.Table)
	s := &scanOp{r: r, n: n, keys: newAccessKeys(ti, n), parts: parts}
	s.dec.init(r, n, ti)
	return s
}

func (s *scanOp) start() error {
	s.started = true
	var err error
	if s.opts, err = s.r.readOptions(); err != nil {
		return err
	}
	if a := &s.n.Access; a.Gin != nil && !a.Never {
		rows, whole, err := s.ginRows(s.keys.ti.indexByOID(a.Index.OID))
		if s.gin, s.byGin = rows, !whole; err != nil || !whole {
			return err
		}
		s.ranges = []keyRange{s.keys.storage()}
		return nil
	} else if a.Unbounded() {
		s.ranges = []keyRange{s.keys.storage()}
		return nil
	}
	s.ranges, err = s.keys.ranges(s.r.eval, s.r.c.SlotMap, nil)
	s.points = len(s.ranges) > 0 && s.ranges[0].point
	return err
}

func (s *scanOp) groupsOf(r *keyRange) []topo.GroupID {
	if s.parts != nil {
		return s.parts
	}
	return r.groups(s.r.groups())
}

func (s *scanOp) next(max int) (*types.Batch, error) {
	if !s.started {
		if err := s.start(); err != nil {
			return nil, err
		}
	}
	for {
		if err := s.r.cancelled(); err != nil {
			return nil, err
		}
		var b *types.Batch
		var done bool
		var err error
		switch {
		case s.byGin:
			b, done, err = s.nextGin(max)
		case s.points:
			b, done, err = s.nextPoints()
		default:
			b, done, err = s.nextRange(max)
		}
		if err != nil || done {
			return nil, err
		}
		if b != nil && int64(b.N) > s.skip {
			if s.skip > 0 {
				b = sliceBatch(b, int(s.skip), b.N)
				s.skip = 0
			}
			return b, nil
		}
		if b != nil {
			s.skip -= int64(b.N)
		}
	}
}

// skipRows leaves out the first n rows, which need not be decoded, or even looked up where the scan is of an index.
func (s *scanOp) skipRows(n int64) bool {
	if s.n.Filter != nil || s.started {
		return false
	}
	s.skip = n
	return true
}

// nextPoints looks up the next chunk of single keys.
func (s *scanOp) nextPoints() (*types.Batch, bool, error) {
	if s.at >= len(s.ranges) {
		return nil, true, nil
	}
	end := min(s.at+fetchChunk, len(s.ranges))
	s.found.reset()
	claimed, err := s.claimRow()
	if err == nil && !claimed {
		err = s.r.fetch(s.keys, s.opts, s.ranges[s.at:end], &s.found)
	}
	if err != nil {
		return nil, false, err
	}
	s.at = end
	b, err := s.dec.found(&s.found)
	return b, false, err
}

// claimRow finds the scan's only row and locks it in one call, if that can be done.
func (s *scanOp) claimRow() (bool, error) {
	if s.claim == lock.None || len(s.ranges) != 1 || s.ranges[0].group == 0 {
		return false, nil
	}
	key := txn.Key{Group: s.ranges[0].group, Bytes: s.ranges[0].lo}
	v, ok, err := s.r.c.Txn.LockSeen(s.r.ctx(), key, s.claim, s.opts.TS)
	if ok {
		s.found.add(key, v, 0)
	}
	return ok, err
}

// nextRange reads the next batch of the range scan.
func (s *scanOp) nextRange(max int) (*types.Batch, bool, error) {
	if s.scanner == nil {
		if s.at >= len(s.ranges) {
			return nil, true, nil
		}
		first := s.at
		r := &s.ranges[s.at]
		s.at++
		hint := 0
		if max > 0 && s.n.Filter == nil {
			hint = int(min(int64(max)+s.skip, 1<<30))
		}
		groups := s.groupsOf(r)
		spec := txn.ScanSpec{Groups: groups, Lo: r.lo, Hi: r.hi, Reverse: s.n.Access.Reverse,
			Ordered: s.n.Access.Ordered && len(groups) > 1, LimitHint: hint, KeysOnly: s.keysOnly()}
		if !s.n.Access.Ordered && !s.n.Access.Reverse {
			spec.Ranges = s.takeRanges(first)
		}
		sc, err := s.r.c.Txn.Scan(s.r.ctx(), s.opts, spec)
		if err != nil {
			return nil, false, err
		}
		s.scanner = sc
	}
	tb, err := s.scanner.Next(s.r.ctx())
	if err != nil {
		return nil, false, err
	}
	if tb == nil {
		s.scanner.Close()
		s.scanner = nil
		return nil, false, nil
	}
	from := 0
	if !s.keys.follows() || !s.keys.x.global {
		from = int(min(s.skip, int64(tb.Len())))
		if s.skip -= int64(from); from == tb.Len() {
			return nil, false, nil
		}
	}
	if !s.keys.follows() {
		b, err := s.dec.scanned(tb, from)
		return b, false, err
	}
	rows, err := s.r.rowsOfEntries(s.keys, tb)
	if err != nil {
		return nil, false, err
	}
	rows = rows[from:]
	s.found.reset()
	if err := s.r.getRows(s.opts, rows, make([]int32, len(rows)), &s.found); err != nil {
		return nil, false, err
	}
	b, err := s.dec.found(&s.found)
	return b, false, err
}

// takeRanges takes, behind a first one, the ranges that one scan can read with it: the next ones in the order of the keys,
// in the same groups. It returns nil when there are none.
func (s *scanOp) takeRanges(first int) []txn.KeyRange {
	for s.at < len(s.ranges) {
		last, r := &s.ranges[s.at-1], &s.ranges[s.at]
		if r.group != last.group || last.hi == nil || bytes.Compare(last.hi, r.lo) > 0 {
			break
		}
		s.at++
	}
	if s.at == first+1 {
		return nil
	}
	out := make([]txn.KeyRange, 0, s.at-first)
	for _, r := range s.ranges[first:s.at] {
		out = append(out, txn.KeyRange{Lo: r.lo, Hi: r.hi})
	}
	return out
}

// keysOnly reports whether the scan needs no values: entries beside their rows, or rows that are only counted.
func (s *scanOp) keysOnly() bool {
	if s.keys.x != nil {
		return s.keys.keysOnly()
	}
	return len(s.n.Cols) == 0 && s.n.Filter == nil && !s.n.Xmin
}

func (s *scanOp) close() {
	if s.scanner != nil {
		s.scanner.Close()
		s.scanner = nil
	}
	if s.ginStream != nil {
		s.ginStream.close()
		s.ginStream = nil
	}
}

// decoder turns stored rows into batches of a scan's columns.
type decoder struct {
	r      *run
	n      *planner.Scan
	ti     *tableInfo
	layout *keyenc.RowLayout
	reader *entryReader // of an index-only scan, made with out
	out    *types.Batch
	pre    *types.Batch // the filter's columns
	sel    []int32
	tags   []int32 // of the rows put out, when decoding found rows

	preWanted, restWanted []int
	preDst, restDst       []*types.Vec
	restCols              []int
}

func (d *decoder) init(r *run, n *planner.Scan, ti *tableInfo) {
	d.r, d.n, d.ti, d.layout = r, n, ti, ti.layout
}

func (d *decoder) prepare() {
	d.out = types.NewBatch(d.n.Types, 0)
	inFilter := make([]bool, len(d.n.Cols))
	if d.n.Filter != nil {
		d.pre = types.NewBatch(d.n.Types, 0)
		for _, c := range d.n.FilterCols {
			if c < len(d.n.Cols) {
				inFilter[c] = true
				d.preWanted = append(d.preWanted, int(d.n.Cols[c])-1)
				d.preDst = append(d.preDst, &d.pre.Cols[c])
			}
		}
	}
	for i, c := range d.n.Cols {
		if !inFilter[i] {
			d.restCols = append(d.restCols, i)
			d.restWanted = append(d.restWanted, int(c)-1)
			d.restDst = append(d.restDst, &d.out.Cols[i])
		}
	}
}

// scanned decodes the rows, or entries, of a batch of a scan from one on.
func (d *decoder) scanned(tb *txn.Batch, from int) (*types.Batch, error) {
	if d.n.Access.IndexOnly {
		return d.entries(tb.Len()-from, func(i int) ([]byte, []byte) { return tb.Key(from + i), tb.Value(from + i) })
	}
	return d.rows(tb.Len()-from, func(i int) []byte { return tb.Value(from + i) }, func(i int) ([]byte, topo.GroupID, topo.Timestamp) {
		return tb.Key(from + i), tb.GroupOf(from + i), tb.Versions[from+i]
	})
}

// found decodes rows that were looked up, or entries.
func (d *decoder) found(f *found) (b *types.Batch, err error) {
	if d.n.Access.IndexOnly {
		b, err = d.entries(len(f.values), func(i int) ([]byte, []byte) { return f.keys[i].Bytes, f.values[i] })
	} else {
		b, err = d.rows(len(f.values), func(i int) []byte { return f.values[i] }, func(i int) ([]byte, topo.GroupID, topo.Timestamp) {
			return f.keys[i].Bytes, f.keys[i].Group, f.ts[i]
		})
	}
	if err != nil {
		return nil, err
	}
	d.tags = d.tags[:0]
	for _, i := range d.sel {
		d.tags = append(d.tags, f.tag[i])
	}
	return b, nil
}

func (d *decoder) rows(n int, value func(int) []byte, ref func(int) ([]byte, topo.GroupID, topo.Timestamp)) (*types.Batch, error) {
	if d.out == nil {
		d.prepare()
	}
	d.out.Reset()
	d.sel = d.sel[:0]
	if d.n.Filter == nil {
		for i := range n {
			d.sel = append(d.sel, int32(i))
		}
	} else {
		d.pre.Reset()
		for i := range n {
			if err := keyenc.DecodeColumns(value(i), d.layout, d.preWanted, d.preDst); err != nil {
				return nil, err
			}
		}
		if at := len(d.n.Cols); d.n.Xmin && slices.Contains(d.n.FilterCols, at) {
			for i := range n {
				_, _, ts := ref(i)
				d.pre.Cols[at].I = append(d.pre.Cols[at].I, int64(xmin(value(i), ts)))
			}
		}
		d.pre.N = n
		var err error
		if d.sel, err = d.n.Filter.Filter(d.r.eval, d.pre, nil, d.sel); err != nil {
			return nil, err
		}
		for _, c := range d.n.FilterCols {
			if c < len(d.n.Cols) {
				d.out.Cols[c].Gather(&d.pre.Cols[c], d.sel)
			}
		}
	}
	if len(d.restWanted) > 0 {
		for _, i := range d.sel {
			if err := keyenc.DecodeColumns(value(int(i)), d.layout, d.restWanted, d.restDst); err != nil {
				return nil, err
			}
		}
	}
	at := len(d.n.Cols)
	if d.n.Xmin {
		for _, i := range d.sel {
			_, _, ts := ref(int(i))
			d.out.Cols[at].I = append(d.out.Cols[at].I, int64(xmin(value(int(i)), ts)))
		}
		at++
	}
	if d.n.RowRef {
		for _, i := range d.sel {
			key, group, ts := ref(int(i))
			d.out.Cols[at].S = append(d.out.Cols[at].S, unsafe.String(unsafe.SliceData(key), len(key)))
			d.out.Cols[at+1].I = append(d.out.Cols[at+1].I, int64(group))
			d.out.Cols[at+2].I = append(d.out.Cols[at+2].I, int64(ts))
		}
	}
	d.out.N = len(d.sel)
	return d.out, nil
}
