package exec

import (
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Operators over inputs whose rows come sorted by some keys: rows that agree in these, a run, stand together. They keep no
// more than a batch and the run at its end.

// runFinder tells where runs begin.
type runFinder struct {
	cmps []func(a *types.Vec, i int32, b *types.Vec, j int32) int
	last []*types.Vec // the keys of the last row seen, one row each; nil before the first
}

func newRunFinder(ts []types.Type) *runFinder {
	f := &runFinder{}
	for _, t := range ts {
		f.cmps = append(f.cmps, compareAcross(planner.SortKey{Type: t}))
	}
	return f
}

func (f *runFinder) equal(a []*types.Vec, i int32, b []*types.Vec, j int32) bool {
	for k, cmp := range f.cmps {
		if cmp(a[k], i, b[k], j) != 0 {
			return false
		}
	}
	return true
}

// cut looks at n > 0 rows with their keys: whether the first begins a run, and where the last run that they have begins.
func (f *runFinder) cut(keys []*types.Vec, n int) (begins bool, last int) {
	begins = f.last != nil && !f.equal(f.last, 0, keys, 0)
	end := int32(n - 1)
	at := end
	for at > 0 && f.equal(keys, at-1, keys, end) {
		at--
	}
	f.last = make([]*types.Vec, len(keys))
	for k, v := range keys {
		one := types.NewVec(v.Type, 1)
		one.Gather(v, []int32{end})
		f.last[k] = &one
	}
	return begins, int(at)
}

// span is the row numbers [from, to).
func span(dst []int32, from, to int) []int32 {
	dst = dst[:0]
	for i := from; i < to; i++ {
		dst = append(dst, int32(i))
	}
	return dst
}

// incrementalSort sorts each run by all keys.
type incrementalSort struct {
	r     *run
	n     *planner.Sort
	in    operator
	find  *runFinder
	exprs []*planner.Scalar // of the keys that are no columns
	cols  []int             // of the keys, in the input's columns followed by exprs
	tmp   []types.Vec
	vecs  []*types.Vec
	sel   []int32

	out     *sorter // complete runs that are put out
	next1   *sorter // the run that goes on
	left    int64   // rows still wanted; negative: all
	ready   bool
	ended   bool
	peak    int64
	spilled int64
}

func newIncrementalSort(r *run, n *planner.Sort, in operator) *incrementalSort {
	s := &incrementalSort{r: r, n: n, in: in, left: -1}
	width := len(n.Input.Base().Types)
	var ts []types.Type
	for i, k := range n.Keys {
		at := k.Col
		if k.Expr != nil {
			at = width + len(s.exprs)
			s.exprs = append(s.exprs, k.Expr)
		}
		s.cols = append(s.cols, at)
		if i < n.Presorted {
			ts = append(ts, k.Type)
		}
	}
	s.find = newRunFinder(ts)
	return s
}

func (s *incrementalSort) newSorter() *sorter {
	out := newSorter(s.r, s.n.Keys, s.cols, len(s.n.Input.Base().Types))
	out.keep = int(s.left)
	return out
}

func (s *incrementalSort) next(max int) (*types.Batch, error) {
	if !s.ready {
		s.ready = true
		if s.n.Limit != nil {
			limit, offset, err := limitOf(s.r, s.n.Limit, s.n.Off)
			if err != nil {
				return nil, err
			}
			if limit >= 0 && limit+offset < 100000 {
				s.left = limit + offset
			}
		}
		s.next1 = s.newSorter()
	}
	for s.left != 0 {
		if err := s.r.cancelled(); err != nil {
			return nil, err
		}
		if s.out != nil {
			n := int64(types.BatchSize)
			if s.left >= 0 {
				n = min(n, s.left)
			}
			b, err := s.out.next(int(n))
			if err != nil {
				return nil, err
			}
			if b != nil {
				if s.left >= 0 {
					s.left -= int64(b.N)
				}
				return b, nil
			}
			s.out.close()
			s.out = nil
		}
		if s.ended {
			break
		}
		if err := s.read(max); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// read takes another batch of the input.
func (s *incrementalSort) read(max int) error {
	b, err := s.in.next(max)
	if err != nil {
		return err
	}
	if b == nil {
		s.ended = true
		return s.complete()
	}
	if b.N == 0 {
		return nil
	}
	if s.vecs, err = s.r.evalVecs(s.exprs, b, &s.tmp, s.vecs); err != nil {
		return err
	}
	keys := make([]*types.Vec, s.n.Presorted)
	for i := range keys {
		keys[i] = columnOf(b, s.vecs, s.cols[i])
	}
	begins, last := s.find.cut(keys, b.N)
	if last > 0 {
		// The rows before the last run end what was there, be it the run that goes on or one before.
		s.sel = span(s.sel, 0, last)
		if err := s.next1.add(b, s.vecs, s.sel); err != nil {
			return err
		}
		begins = true
	}
	if begins {
		if err := s.complete(); err != nil {
			return err
		}
	}
	s.sel = span(s.sel, last, b.N)
	return s.next1.add(b, s.vecs, s.sel)
}

// complete ends the sorter that was filled.
func (s *incrementalSort) complete() error {
	err := s.next1.finish()
	s.peak, s.spilled = max(s.peak, s.next1.peak), s.spilled+s.next1.disk
	s.out, s.next1 = s.next1, s.newSorter()
	s.r.note(s.n, func(st *planner.NodeStats) {
		st.SortMethod, st.SortKB, st.SortDisk = "quicksort", (s.peak+1023)/1024, false
		if s.spilled > 0 {
			st.SortMethod, st.SortKB, st.SortDisk = "external merge", (s.spilled+1023)/1024, true
		}
	})
	return err
}

func (s *incrementalSort) close() {
	for _, k := range []*sorter{s.out, s.next1} {
		if k != nil {
			k.close()
		}
	}
	s.in.close()
}

// groupAggregate aggregates runs, each a group.
type groupAggregate struct {
	r    *run
	n    *planner.Aggregate
	in   operator
	find *runFinder
	tmp  []types.Vec
	vecs []*types.Vec

	cur   *groupTable // the group that goes on, with those before it in the same batch
	full  aggregateOp // puts out the groups that are complete
	some  types.Batch
	ended bool
	size  batchSizer
	long  bool
}

func newGroupAggregate(r *run, n *planner.Aggregate, in operator) *groupAggregate {
	g := &groupAggregate{r: r, n: n, in: in}
	var ts []types.Type
	for _, k := range n.Keys {
		ts = append(ts, types.T(k.Type.Oid))
	}
	g.find = newRunFinder(ts)
	g.full = aggregateOp{r: r, n: n, ready: true}
	g.long = newGroupTable(r, n, nil).makesStrings() || makesStrings(n.Keys...)
	return g
}

func (g *groupAggregate) next(max int) (*types.Batch, error) {
	for {
		if err := g.r.cancelled(); err != nil {
			return nil, err
		}
		if b, err := g.full.next(max); b != nil || err != nil {
			return b, err
		}
		if g.ended {
			return nil, nil
		}
		if err := g.read(max); err != nil {
			return nil, err
		}
	}
}

// read takes another batch of the input.
func (g *groupAggregate) read(max int) error {
	b, err := g.in.next(max)
	if err != nil {
		return err
	}
	if b == nil {
		g.ended = true
		g.complete()
		return nil
	}
	if b.N == 0 {
		return nil
	}
	if g.long {
		return g.size.each(b, g.take)
	}
	_, err = g.take(b)
	return err
}

// take aggregates rows; it returns what the strings took that are computed of them.
func (g *groupAggregate) take(b *types.Batch) (int64, error) {
	var err error
	if g.vecs, err = g.r.evalVecs(g.n.Keys, b, &g.tmp, g.vecs); err != nil {
		return 0, err
	}
	begins, last := g.find.cut(g.vecs, b.N)
	if begins {
		g.complete()
	}
	if last > 0 {
		if err := g.add(b, 0, last); err != nil {
			return 0, err
		}
		g.complete()
	}
	if err := g.add(b, last, b.N); err != nil {
		return 0, err
	}
	return stringBytes(g.tmp) + g.cur.computedBytes(), g.r.unspillable(g.cur.bytes())
}

// add aggregates rows [from, to) of a batch with their keys.
func (g *groupAggregate) add(b *types.Batch, from, to int) error {
	if g.cur == nil {
		g.cur = newGroupTable(g.r, g.n, allKeys(len(g.n.Keys)))
	}
	if from == 0 && to == b.N {
		return g.cur.addKeyed(g.r, b, g.vecs)
	}
	sel := span(nil, from, to)
	keys := make([]*types.Vec, len(g.vecs))
	for i, v := range g.vecs {
		k := types.NewVec(v.Type, to-from)
		k.Gather(v, sel)
		keys[i] = &k
	}
	return g.cur.addKeyed(g.r, gatherBatch(&g.some, b, sel), keys)
}

// complete hands what was aggregated over to be put out.
func (g *groupAggregate) complete() {
	if g.cur != nil {
		g.full.table = append(g.full.table, g.cur)
		g.cur = nil
	}
}

func (g *groupAggregate) close() {
	g.cur.close()
	g.full.close()
	g.in.close()
}
