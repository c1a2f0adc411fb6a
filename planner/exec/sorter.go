package exec

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// sorter sorts rows: in memory as long as they fit, else as sorted runs in a file, which are merged at the end. Equal rows
// keep the order in which they came, whichever way it goes, so that the size of the memory never shows in a result.
type sorter struct {
	r     *run
	keys  []planner.SortKey
	cols  []int // the keys' columns in rows
	width int   // columns put out; those of key expressions stand behind them
	keep  int   // only the first rows of the result are wanted, this many; negative: all are

	rows  *types.Batch // nil before the first row
	used  int64
	peak  int64
	file  *spillFile
	runs  []*rowStream
	disk  int64 // bytes written
	limit int64

	ord   []int32
	at    int
	merge *merger
	out   types.Batch
}

// mergeBlocks is about how many blocks of rows fit into memory, one of each run that is merged.
const (
	mergeBlocks   = 64
	minMergeOrder = 6 // PostgreSQL's MINORDER
)

func newSorter(r *run, keys []planner.SortKey, cols []int, width int) *sorter {
	return &sorter{r: r, keys: keys, cols: cols, width: width, keep: -1, limit: r.workMem()}
}

// add takes rows of b (positions sel, or all), with further columns beside b's.
func (s *sorter) add(b *types.Batch, extra []*types.Vec, sel []int32) error {
	if s.rows == nil {
		s.rows = &types.Batch{Cols: make([]types.Vec, len(b.Cols)+len(extra))}
		for c := range s.rows.Cols {
			s.rows.Cols[c] = types.NewVec(columnOf(b, extra, c).Type, 0)
		}
	}
	n := b.N
	if sel != nil {
		n = len(sel)
	}
	for c := range s.rows.Cols {
		dst, src := &s.rows.Cols[c], columnOf(b, extra, c)
		from := dst.Len()
		if sel == nil {
			dst.AppendVec(src, 0, n)
		} else {
			dst.Gather(src, sel)
		}
		s.used += vecBytes(dst, from)
	}
	s.rows.N += n
	s.used += 4 * int64(n)
	s.peak = max(s.peak, s.used)
	if s.keep >= 0 && (s.used > s.limit && s.rows.N > 2*s.keep || s.rows.N > 2*s.keep+4*types.BatchSize) {
		if err := s.cut(); err != nil {
			return err
		}
	}
	if s.used <= s.limit {
		return nil
	}
	return s.spill()
}

// spill writes the rows in memory as a run.
func (s *sorter) spill() error {
	if over, err := s.r.spills(s.used, s.limit); !over && err != nil {
		return err
	}
	if s.file == nil {
		var err error
		if s.file, err = s.r.files.create(s.r.c.Temp); err != nil {
			return err
		}
	}
	ord, err := s.order()
	if err != nil {
		return err
	}
	run, err := s.writeRun(s.file, s.rows, ord)
	if err != nil {
		return err
	}
	s.runs = append(s.runs, run)
	s.rows.Reset()
	clearRefs(s.rows)
	s.used = 0
	return nil
}

func (s *sorter) blockBytes() int64 {
	return min(max(s.limit/mergeBlocks, minBlockBytes), maxBlockBytes)
}

// order returns how many runs are merged at a time.
func (s *sorter) mergeOrder() int { return int(max(minMergeOrder, s.limit/s.blockBytes()-1)) }

func (s *sorter) writeRun(f *spillFile, rows *types.Batch, ord []int32) (*rowStream, error) {
	run := &rowStream{file: f, flush: s.blockBytes(), enc: new([]byte)}
	for len(ord) > 0 {
		if err := s.r.cancelled(); err != nil {
			return nil, err
		}
		n := min(len(ord), types.BatchSize)
		if err := run.add(rows, nil, ord[:n]); err != nil {
			return nil, err
		}
		ord = ord[n:]
	}
	err := run.finish()
	s.disk += run.disk
	return run, err
}

func (s *sorter) order() ([]int32, error) {
	cols := make([]*types.Vec, len(s.cols))
	for i, c := range s.cols {
		cols[i] = &s.rows.Cols[c]
	}
	return s.r.orderBy(s.rows.N, compareRows(cols, s.keys))
}

// cut keeps, of the rows in memory, the first in order.
func (s *sorter) cut() error {
	ord, err := s.order()
	if err != nil {
		return err
	}
	if len(ord) > s.keep {
		ord = ord[:s.keep]
	}
	s.rows = gatherBatch(&types.Batch{}, s.rows, ord)
	s.used = batchBytes(s.rows) + 4*int64(s.rows.N)
	return nil
}

// finish ends the input: rows can be taken with next.
func (s *sorter) finish() error {
	if s.rows == nil {
		return nil
	}
	if s.runs == nil {
		var err error
		s.ord, err = s.order()
		return err
	}
	if s.rows.N > 0 {
		if err := s.spill(); err != nil {
			return err
		}
	}
	s.rows = nil
	for len(s.runs) > s.mergeOrder() {
		if err := s.pass(); err != nil {
			return err
		}
	}
	var err error
	s.merge, err = s.newMerger(s.runs)
	return err
}

// pass merges neighbouring runs into longer ones, in a new file.
func (s *sorter) pass() error {
	f, err := s.r.files.create(s.r.c.Temp)
	if err != nil {
		return err
	}
	var longer []*rowStream
	for left := s.runs; len(left) > 0; {
		n := min(len(left), s.mergeOrder())
		m, err := s.newMerger(left[:n])
		if err != nil {
			return err
		}
		run := &rowStream{file: f, flush: s.blockBytes(), enc: new([]byte)}
		for {
			if err := s.r.cancelled(); err != nil {
				return err
			}
			b, err := m.next(types.BatchSize, len(m.cols))
			if err != nil {
				return err
			}
			if b == nil {
				break
			}
			if err := run.add(b, nil, nil); err != nil {
				return err
			}
		}
		if err := run.finish(); err != nil {
			return err
		}
		longer, left = append(longer, run), left[n:]
	}
	s.file.remove()
	s.file, s.runs = f, longer
	return nil
}

// next returns at most n rows more; nil at the end.
func (s *sorter) next(n int) (*types.Batch, error) {
	if s.merge != nil {
		return s.merge.next(n, s.width)
	}
	if n = min(n, len(s.ord)-s.at); n == 0 {
		return nil, nil
	}
	src := &types.Batch{Cols: s.rows.Cols[:s.width], N: s.rows.N}
	s.at += n
	return gatherBatch(&s.out, src, s.ord[s.at-n:s.at]), nil
}

// close drops everything.
func (s *sorter) close() {
	s.file.remove()
	s.file, s.runs, s.rows, s.ord, s.merge = nil, nil, nil, nil, nil
}

// merger merges sorted runs by a heap of their next rows; of equal rows that of the earlier run goes first.
type merger struct {
	r    *run
	cols []int // all columns, of which keys are some
	keys []func(a *types.Vec, i int32, b *types.Vec, j int32) int
	at   []int // the keys' columns
	heap []*runCursor
	out  types.Batch
	from []*types.Batch // of the rows picked for out
	row  []int32
}

// runCursor is a place in a run.
type runCursor struct {
	number int
	in     streamOp
	b      *types.Batch
	bytes  int64 // of a row of b, about
	row    int32
}

// load takes the next rows of the run; b is nil at its end.
func (c *runCursor) load() (err error) {
	if c.b, err = c.in.next(0); c.b != nil {
		c.bytes = batchBytes(c.b) / int64(max(c.b.N, 1))
	}
	return err
}

func (s *sorter) newMerger(runs []*rowStream) (*merger, error) {
	m := &merger{r: s.r, at: s.cols}
	for _, k := range s.keys {
		m.keys = append(m.keys, compareAcross(k))
	}
	for i, run := range runs {
		c := &runCursor{number: i, in: streamOp{r: s.r, s: run}}
		if err := c.load(); err != nil {
			return nil, err
		}
		if c.b != nil {
			m.heap = append(m.heap, c)
			m.cols = allKeys(len(c.b.Cols))
		}
	}
	for i := len(m.heap)/2 - 1; i >= 0; i-- {
		m.down(i)
	}
	return m, nil
}

func (m *merger) less(a, b *runCursor) bool {
	for k, cmp := range m.keys {
		c := m.at[k]
		if r := cmp(&a.b.Cols[c], a.row, &b.b.Cols[c], b.row); r != 0 {
			return r < 0
		}
	}
	return a.number < b.number
}

// down restores the heap's order below i.
func (m *merger) down(i int) {
	h := m.heap
	for {
		k := 2*i + 1
		if k >= len(h) {
			return
		}
		if k+1 < len(h) && m.less(h[k+1], h[k]) {
			k++
		}
		if !m.less(h[k], h[i]) {
			return
		}
		h[i], h[k] = h[k], h[i]
		i = k
	}
}

// next returns the next rows, with their first width columns.
func (m *merger) next(n, width int) (*types.Batch, error) {
	m.from, m.row = m.from[:0], m.row[:0]
	for bytes := int64(0); len(m.heap) > 0 && len(m.row) < n && bytes < targetBatchBytes; {
		c := m.heap[0]
		bytes += c.bytes
		m.from, m.row = append(m.from, c.b), append(m.row, c.row)
		if c.row++; int(c.row) == c.b.N {
			if err := c.load(); err != nil {
				return nil, err
			}
			if c.row = 0; c.b == nil {
				last := len(m.heap) - 1
				m.heap[0], m.heap = m.heap[last], m.heap[:last]
			}
		}
		m.down(0)
	}
	if len(m.row) == 0 {
		return nil, nil
	}
	if len(m.out.Cols) != width {
		m.out.Cols = make([]types.Vec, width)
	}
	for c := range width {
		gatherFrom(&m.out.Cols[c], m.from, m.row, c)
	}
	m.out.N = len(m.row)
	return &m.out, nil
}

// gatherFrom makes dst the values of column c of rows of several batches.
func gatherFrom(dst *types.Vec, from []*types.Batch, row []int32, c int) {
	dst.Type = from[0].Cols[c].Type
	dst.Reset()
	for k, b := range from {
		v, i := &b.Cols[c], row[k]
		switch {
		case v.IsNull(int(i)):
			dst.AppendNull()
		case v.I != nil:
			dst.I = append(dst.I, v.I[i])
		case v.S != nil:
			dst.S = append(dst.S, v.S[i])
		case v.F != nil:
			dst.F = append(dst.F, v.F[i])
		default:
			dst.X = append(dst.X, v.X[i])
		}
	}
}

// compareAcross is compareColumn for values of two columns of the same type.
func compareAcross(k planner.SortKey) func(a *types.Vec, i int32, b *types.Vec, j int32) int {
	sign, null := 1, 1
	if k.Desc {
		sign = -1
	}
	if k.NullsFirst {
		null = -1
	}
	oid := k.Type.Oid
	ints := oid.Kind() == types.KInt && oid != types.PgLsnOid && oid != types.Xid8Oid
	text := oid == types.TextOid || oid == types.VarcharOid
	return func(a *types.Vec, i int32, b *types.Vec, j int32) int {
		x, y := a.IsNull(int(i)), b.IsNull(int(j))
		switch {
		case x && y:
			return 0
		case x:
			return null
		case y:
			return -null
		case ints:
			switch p, q := a.I[i], b.I[j]; {
			case p < q:
				return -sign
			case p > q:
				return sign
			}
			return 0
		case text:
			return sign * strings.Compare(a.S[i], b.S[j])
		}
		return sign * types.Compare(oid, a.Get(int(i)), b.Get(int(j)))
	}
}
