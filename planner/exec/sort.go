package exec

import (
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// compareRows returns a comparison of two rows of key columns. Columns stand in the order of keys.
func compareRows(cols []*types.Vec, keys []planner.SortKey) func(a, b int32) int {
	cmps := make([]func(a, b int32) int, len(keys))
	for i, k := range keys {
		cmps[i] = compareColumn(cols[i], k)
	}
	if len(cmps) == 1 {
		return cmps[0]
	}
	return func(a, b int32) int {
		for _, c := range cmps {
			if r := c(a, b); r != 0 {
				return r
			}
		}
		return 0
	}
}

// compareColumn compares values of one column as a sort key wants it.
func compareColumn(v *types.Vec, k planner.SortKey) func(a, b int32) int {
	sign := 1
	if k.Desc {
		sign = -1
	}
	oid := k.Type.Oid
	var cmp func(a, b int32) int
	switch {
	case oid.Kind() == types.KInt && oid != types.PgLsnOid && oid != types.Xid8Oid:
		cmp = func(a, b int32) int {
			switch x, y := v.I[a], v.I[b]; {
			case x < y:
				return -sign
			case x > y:
				return sign
			}
			return 0
		}
	case oid == types.TextOid || oid == types.VarcharOid:
		cmp = func(a, b int32) int { return sign * strings.Compare(v.S[a], v.S[b]) }
	default:
		cmp = func(a, b int32) int { return sign * types.Compare(oid, v.Get(int(a)), v.Get(int(b))) }
	}
	if len(v.Nulls) == 0 {
		return cmp
	}
	null := 1
	if k.NullsFirst {
		null = -1
	}
	return func(a, b int32) int {
		x, y := v.IsNull(int(a)), v.IsNull(int(b))
		switch {
		case x && y:
			return 0
		case x:
			return null
		case y:
			return -null
		}
		return cmp(a, b)
	}
}

// sortCheck is after how many comparisons a sort looks whether the statement is to end.
const sortCheck = 1 << 12

// sortInterrupted is how the comparison leaves a sort, which knows no other way to end early.
type sortInterrupted struct{ error }

// orderBy returns the numbers of n rows in order. Equal rows keep their order.
func (x *execution) orderBy(n int, cmp func(a, b int32) int) (order []int32, err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case sortInterrupted:
			order, err = nil, p.error
		default:
			panic(p)
		}
	}()
	order = make([]int32, n)
	for i := range order {
		order[i] = int32(i)
	}
	left := sortCheck
	slices.SortFunc(order, func(a, b int32) int {
		if left--; left == 0 {
			if err := x.cancelled(); err != nil {
				panic(sortInterrupted{err})
			}
			left = sortCheck
		}
		if c := cmp(a, b); c != 0 {
			return c
		}
		return int(a - b)
	})
	return order, nil
}

// sortOp sorts its input. With a limit it keeps about twice the rows that are wanted and cuts down now and then.
type sortOp struct {
	r    *run
	n    *planner.Sort
	in   operator
	s    *sorter
	left int64 // rows still to be put out; negative: all
}

func (s *sortOp) next(max int) (*types.Batch, error) {
	if s.s == nil {
		if err := s.read(); err != nil {
			return nil, err
		}
	}
	n := int64(types.BatchSize)
	if s.left >= 0 {
		n = min(n, s.left)
	}
	if max > 0 {
		n = min(n, int64(max))
	}
	b, err := s.s.next(int(n))
	if b != nil && s.left >= 0 {
		s.left -= int64(b.N)
	}
	return b, err
}

// gatherBatch makes out the rows sel of src.
func gatherBatch(out, src *types.Batch, sel []int32) *types.Batch {
	if len(out.Cols) != len(src.Cols) {
		out.Cols = make([]types.Vec, len(src.Cols))
	}
	for c := range src.Cols {
		out.Cols[c].Type = src.Cols[c].Type
		out.Cols[c].Reset()
		out.Cols[c].Gather(&src.Cols[c], sel)
	}
	out.N = len(sel)
	return out
}

func (s *sortOp) read() error {
	s.left = -1
	if s.n.Limit != nil {
		limit, offset, err := limitOf(s.r, s.n.Limit, s.n.Off)
		if err != nil {
			return err
		}
		if limit >= 0 && limit+offset < 100000 {
			s.left = limit + offset
		}
	}
	width := len(s.n.Input.Base().Types)
	var exprs []*planner.Scalar
	cols := make([]int, len(s.n.Keys))
	for i, k := range s.n.Keys {
		cols[i] = k.Col
		if k.Expr != nil {
			cols[i] = width + len(exprs)
			exprs = append(exprs, k.Expr)
		}
	}
	s.s = newSorter(s.r, s.n.Keys, cols, width)
	s.s.keep = int(s.left)
	var tmp []types.Vec
	var vecs []*types.Vec
	size, long := batchSizer{}, makesStrings(exprs...)
	add := func(b *types.Batch) (bytes int64, err error) {
		if vecs, err = s.r.evalVecs(exprs, b, &tmp, vecs); err != nil {
			return 0, err
		}
		return stringBytes(tmp), s.s.add(b, vecs, nil)
	}
	for {
		if err := s.r.cancelled(); err != nil {
			return err
		}
		b, err := s.in.next(0)
		if err != nil {
			return err
		}
		if b == nil {
			break
		}
		if long {
			err = size.each(b, add)
		} else {
			_, err = add(b)
		}
		if err != nil {
			return err
		}
	}
	if err := s.s.finish(); err != nil {
		return err
	}
	s.report()
	return nil
}

// report notes for EXPLAIN ANALYZE how the rows were sorted.
func (s *sortOp) report() {
	s.r.note(s.n, func(st *planner.NodeStats) {
		st.SortMethod, st.SortKB, st.SortDisk = "quicksort", (s.s.peak+1023)/1024, false
		switch {
		case s.s.merge != nil:
			st.SortMethod, st.SortKB, st.SortDisk = "external merge", (s.s.disk+1023)/1024, true
		case s.left >= 0 && s.s.peak > 0:
			st.SortMethod = "top-N heapsort"
		}
	})
}

func (s *sortOp) close() {
	if s.s != nil {
		s.s.close()
	}
	s.in.close()
}

// limitOf evaluates LIMIT and OFFSET; limit is -1 for none.
func limitOf(r *run, limit, offset *planner.Scalar) (l, o int64, err error) {
	l = -1
	if limit != nil {
		d, err := r.evalOne(limit)
		if err != nil {
			return 0, 0, err
		}
		if !d.IsNull() {
			if l = d.Int(); l < 0 {
				return 0, 0, pgerr.New(pgerr.InvalidRowCountInLimitClause, "LIMIT must not be negative")
			}
		}
	}
	if offset != nil {
		d, err := r.evalOne(offset)
		if err != nil {
			return 0, 0, err
		}
		if o = d.Int(); o < 0 {
			return 0, 0, pgerr.New(pgerr.InvalidRowCountInResultOffsetClause, "OFFSET must not be negative")
		}
	}
	return l, o, nil
}

// limitOp is LIMIT and OFFSET. It tells its input how many rows are still wanted.
type limitOp struct {
	r          *run
	n          *planner.Limit
	in         operator
	ready      bool
	left, skip int64
	out        types.Batch
	last       *types.Batch // WITH TIES: the last row put out
	unlimited  bool
}

// skipper is an operator that may be told, before its first next, to leave out its first n rows; false: it does not.
type skipper interface{ skipRows(n int64) bool }

func (l *limitOp) next(max int) (*types.Batch, error) {
	if !l.ready {
		l.ready = true
		limit, offset, err := limitOf(l.r, l.n.Limit, l.n.Offset)
		if err != nil {
			return nil, err
		}
		l.left, l.skip, l.unlimited = limit, offset, limit < 0
		if in, ok := l.in.(skipper); ok && l.skip > 0 && in.skipRows(l.skip) {
			l.skip = 0
		}
	}
	for {
		if !l.unlimited && l.left <= 0 {
			return l.ties()
		}
		want := 0
		if !l.unlimited {
			want = int(min(l.left+l.skip, 1<<30))
		}
		if max > 0 && (want == 0 || int64(max)+l.skip < int64(want)) {
			want = max + int(l.skip)
		}
		b, err := l.in.next(want)
		if err != nil || b == nil {
			return nil, err
		}
		from := int(min(l.skip, int64(b.N)))
		l.skip -= int64(from)
		to := b.N
		if !l.unlimited {
			to = int(min(int64(to), int64(from)+l.left))
		}
		if l.n.Ties != nil && to > from && !l.unlimited && l.left == int64(to-from) {
			return l.withTies(b, from, to)
		}
		if from == to {
			continue
		}
		l.left -= int64(to - from)
		if from == 0 && to == b.N {
			return b, nil
		}
		return l.slice(b, from, to), nil
	}
}

func (l *limitOp) slice(b *types.Batch, from, to int) *types.Batch {
	sel := make([]int32, 0, to-from)
	for i := from; i < to; i++ {
		sel = append(sel, int32(i))
	}
	return gatherBatch(&l.out, b, sel)
}

// withTies puts out the last rows of the limit and those of the same batch that tie with the last.
func (l *limitOp) withTies(b *types.Batch, from, to int) (*types.Batch, error) {
	l.left = 0
	cols := make([]*types.Vec, len(l.n.Ties))
	for i, k := range l.n.Ties {
		cols[i] = &b.Cols[k.Col]
	}
	cmp := compareRows(cols, l.n.Ties)
	last := int32(to - 1)
	for to < b.N && cmp(last, int32(to)) == 0 {
		to++
	}
	if to == b.N {
		l.last = gatherBatch(&types.Batch{}, b, []int32{last})
	}
	return l.slice(b, from, to), nil
}

// ties goes on after the limit while rows equal the last one.
func (l *limitOp) ties() (*types.Batch, error) {
	if l.last == nil {
		return nil, nil
	}
	b, err := l.in.next(0)
	if err != nil || b == nil {
		l.last = nil
		return nil, err
	}
	both := copyBatch(l.last)
	appendBatch(both, b)
	cols := make([]*types.Vec, len(l.n.Ties))
	for i, k := range l.n.Ties {
		cols[i] = &both.Cols[k.Col]
	}
	cmp := compareRows(cols, l.n.Ties)
	to := 0
	for to < b.N && cmp(0, int32(to+1)) == 0 {
		to++
	}
	if to < b.N {
		l.last = nil
	}
	if to == 0 {
		return nil, nil
	}
	return l.slice(b, 0, to), nil
}

func (l *limitOp) close() { l.in.close() }
