package exec

import (
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// groupTable is one grouping set's groups with the states of all aggregates.
type groupTable struct {
	n    *planner.Aggregate
	set  []int // positions in n.Keys
	keys *keyTable
	aggs []aggState
	all  int // without keys: 1, one group whatever comes

	keyExprs []*planner.Scalar
	tmp      []types.Vec
	vecs     []*types.Vec
	ids      []int32

	level   int
	full    bool   // no group is added any more
	aside   *parts // input rows, and their keys behind them, of groups that are not here
	missing []int32
	present []int32
	some    types.Batch
}

// close drops what the table has in files; nil has nothing.
func (t *groupTable) close() {
	if t == nil {
		return
	}
	t.aside.close()
	for i := range t.aggs {
		if s := t.aggs[i].sorter; s != nil {
			s.close()
		}
	}
}

// aggState is one aggregate's running state with what DISTINCT, FILTER and ORDER BY add.
type aggState struct {
	a       *planner.Agg
	state   expr.AggState
	seen    *keyTable            // DISTINCT: (group, arguments)
	late    bool                 // seen is full: what it has not goes to sorter, where duplicates come to stand together
	ordered expr.OrderedSetState // state, of an ordered-set aggregate
	sorter  *sorter              // rows that wait to be sorted: the arguments, the keys that are none of these, the group
	tmp     []types.Vec
	vecs    []*types.Vec
	sel     []int32
	ids     []int32
	sortTmp []types.Vec
	group   types.Vec
}

func newGroupTables(r *run, n *planner.Aggregate, sets [][]int) []*groupTable {
	out := make([]*groupTable, len(sets))
	for i, s := range sets {
		out[i] = newGroupTable(r, n, s)
	}
	return out
}

func newGroupTable(r *run, n *planner.Aggregate, set []int) *groupTable {
	t := &groupTable{n: n, set: set}
	var ts []types.Type
	for _, k := range set {
		t.keyExprs = append(t.keyExprs, n.Keys[k])
		ts = append(ts, types.T(n.Keys[k].Type.Oid))
	}
	t.keys = newKeyTable(ts)
	if len(set) == 0 {
		t.all = 1
	}
	for i := range n.Aggs {
		a := &n.Aggs[i]
		var args []types.Type
		for _, x := range a.Args {
			args = append(args, x.Type)
		}
		s := newAggState(a, args)
		s.state.Grow(t.all)
		if a.Distinct {
			kt := []types.Type{types.T(types.Int4Oid)}
			for _, x := range args {
				kt = append(kt, types.T(x.Oid))
			}
			s.seen = newKeyTable(kt)
		}
		if len(a.OrderBy) > 0 {
			s.sorter = s.newSorter(r)
		}
		t.aggs = append(t.aggs, s)
	}
	return t
}

func newAggState(a *planner.Agg, args []types.Type) aggState {
	if a.Fn.Kind == expr.PlainAggregate {
		return aggState{a: a, state: a.Fn.NewState(args, a.Type)}
	}
	var direct []types.Type
	for _, d := range a.Direct {
		direct = append(direct, d.Type)
	}
	var order []expr.SortOrder
	for _, k := range a.OrderBy {
		order = append(order, expr.SortOrder{Desc: k.Desc, NullsFirst: k.NullsFirst})
	}
	set := a.Fn.NewOrderedSet(args, order, direct)
	return aggState{a: a, state: set, ordered: set}
}

// result is the value of aggregate i for group g.
func (t *groupTable) result(r *run, i, g int) (types.Datum, error) {
	s := &t.aggs[i]
	if s.ordered == nil {
		return s.state.Result(r.eval, g)
	}
	keys := make([]types.Datum, len(t.n.Keys))
	for c, k := range t.set {
		keys[k] = t.keys.keys.Cols[c].Get(g)
	}
	direct := make([]types.Datum, len(s.a.Direct))
	for k, e := range s.a.Direct {
		var err error
		if direct[k], err = r.evalRow(e, keys); err != nil {
			return types.Null, err
		}
	}
	return s.ordered.Final(r.eval, g, direct)
}

func (t *groupTable) groups() int {
	if t.all > 0 {
		return 1
	}
	return t.keys.len()
}

func (t *groupTable) bytes() int64 {
	n := t.keys.bytes
	for i := range t.aggs {
		n += t.aggs[i].state.MemBytes()
		if s := t.aggs[i].seen; s != nil {
			n += s.bytes
		}
	}
	return n
}

// add aggregates a batch.
func (t *groupTable) add(r *run, b *types.Batch) error {
	if t.all == 0 {
		var err error
		if t.vecs, err = r.evalVecs(t.keyExprs, b, &t.tmp, t.vecs); err != nil {
			return err
		}
	}
	return t.addKeyed(r, b, t.vecs)
}

// addKeyed aggregates rows whose keys are computed already.
func (t *groupTable) addKeyed(r *run, b *types.Batch, keys []*types.Vec) error {
	switch {
	case t.all > 0:
		t.ids = append(t.ids[:0], make([]int32, b.N)...)
	case t.full:
		var err error
		if b, err = t.putAside(r, b, keys); err != nil || b.N == 0 {
			return err
		}
	default:
		t.ids = t.keys.insert(keys, b.N, t.ids)
	}
	groups := t.keys.len() + t.all
	for i := range t.aggs {
		t.aggs[i].state.Grow(groups)
		if err := t.aggs[i].add(r, b, t.ids); err != nil {
			return err
		}
	}
	return nil
}

// putAside writes the rows whose groups are not here, and returns the others, with ids.
func (t *groupTable) putAside(r *run, b *types.Batch, keys []*types.Vec) (*types.Batch, error) {
	t.ids = t.keys.find(keys, b.N, t.ids, &t.keys.scratch)
	t.missing, t.present = t.missing[:0], t.present[:0]
	kept := t.ids[:0]
	for i, id := range t.ids {
		if id < 0 {
			t.missing = append(t.missing, int32(i))
		} else {
			t.present = append(t.present, int32(i))
			kept = append(kept, id)
		}
	}
	if len(t.missing) == 0 {
		return b, nil
	}
	t.ids = kept
	if t.aside == nil {
		var err error
		if t.aside, err = r.newParts(t.level); err != nil {
			return nil, err
		}
	}
	if err := t.aside.add(b, keys, t.keys.scratch, t.missing); err != nil {
		return nil, err
	}
	return gatherBatch(&t.some, b, t.present), nil
}

func (s *aggState) add(r *run, b *types.Batch, ids []int32) error {
	var err error
	if s.vecs, err = r.evalVecs(s.a.Args, b, &s.tmp, s.vecs); err != nil {
		return err
	}
	var sel []int32
	if s.a.Filter != nil {
		if s.sel, err = s.a.Filter.Filter(r.eval, b, nil, s.sel[:0]); err != nil {
			return err
		}
		sel = s.sel
		if sel == nil {
			sel = []int32{}
		}
	}
	if s.seen != nil {
		if sel, err = s.distinct(r, b.N, ids, sel); err != nil {
			return err
		}
	}
	if s.sorter != nil {
		return s.keep(r, b, ids, sel)
	}
	if sel != nil && len(sel) == 0 {
		return nil
	}
	return s.state.Accumulate(r.eval, ids, s.vecs, sel, b.N)
}

// distinct returns the selected rows whose arguments are new to their group. From when seen is full they may be so more
// than once, and go to the sorter.
func (s *aggState) distinct(r *run, n int, ids []int32, sel []int32) ([]int32, error) {
	group := types.NewVec(types.T(types.Int4Oid), n)
	for _, g := range ids {
		group.I = append(group.I, int64(g))
	}
	cols := append([]*types.Vec{&group}, s.vecs...)
	if sel != nil {
		for c, v := range cols {
			g := types.NewVec(v.Type, len(sel))
			g.Gather(v, sel)
			cols[c] = &g
		}
		n = len(sel)
	}
	out := make([]int32, 0, n)
	at := func(i int) int32 {
		if sel != nil {
			return sel[i]
		}
		return int32(i)
	}
	if s.late {
		s.ids = s.seen.find(cols, n, s.ids, &s.seen.scratch)
		for i, id := range s.ids {
			if id < 0 {
				out = append(out, at(i))
			}
		}
		return out, nil
	}
	before := int32(s.seen.len())
	s.ids = s.seen.insert(cols, n, s.ids)
	for i, id := range s.ids {
		if id >= before {
			out = append(out, at(i))
			before = id + 1
		}
	}
	over, err := r.spills(s.seen.bytes, r.workMem())
	if !over {
		return out, err
	}
	s.late = true
	if s.sorter == nil { // the rows of this batch go there, which are new
		s.sorter = s.newSorter(r)
	}
	return out, nil
}

// newSorter makes the sorter of an ordered aggregate, or of one with DISTINCT: then equal arguments of a group come to
// stand together.
func (s *aggState) newSorter(r *run) *sorter {
	width := len(s.a.Args)
	var keys []planner.SortKey
	var cols []int
	sorted := make([]bool, width)
	for _, k := range s.a.OrderBy {
		at := k.Col
		if k.Expr != nil {
			at = width
			width++
		} else {
			sorted[at] = true
		}
		keys, cols = append(keys, planner.SortKey{Type: k.Type, Desc: k.Desc, NullsFirst: k.NullsFirst}), append(cols, at)
	}
	if s.seen != nil {
		for i, x := range s.a.Args {
			if !sorted[i] {
				keys, cols = append(keys, planner.SortKey{Type: x.Type}), append(cols, i)
			}
		}
		keys, cols = append(keys, planner.SortKey{Type: types.T(types.Int4Oid)}), append(cols, width)
	}
	return newSorter(r, keys, cols, width+1)
}

// keep stores rows of an ordered aggregate until all have come.
func (s *aggState) keep(r *run, b *types.Batch, ids []int32, sel []int32) error {
	if sel != nil && len(sel) == 0 {
		return nil
	}
	var keys []*planner.Scalar
	for _, k := range s.a.OrderBy {
		if k.Expr != nil {
			keys = append(keys, k.Expr)
		}
	}
	vecs, err := r.evalVecs(keys, b, &s.sortTmp, nil)
	if err != nil {
		return err
	}
	s.group.Type = types.T(types.Int4Oid)
	s.group.Reset()
	for _, g := range ids {
		s.group.I = append(s.group.I, int64(g))
	}
	cols := append(append(append([]*types.Vec{}, s.vecs...), vecs...), &s.group)
	return s.sorter.add(&types.Batch{N: b.N}, cols, sel)
}

// finish aggregates the rows of ordered aggregates, in order.
func (t *groupTable) finish(r *run) error {
	for i := range t.aggs {
		s := &t.aggs[i]
		if s.sorter == nil {
			continue
		}
		if err := s.aggregateSorted(r); err != nil {
			return err
		}
		s.sorter.close()
		s.sorter, s.seen = nil, nil
	}
	return nil
}

func (s *aggState) aggregateSorted(r *run) error {
	if err := s.sorter.finish(); err != nil {
		return err
	}
	row := make([]types.Datum, len(s.a.Args))
	var last []types.Datum // the row before, of a state whose duplicates are found here
	lastGroup := int64(-1)
	for {
		if err := r.cancelled(); err != nil {
			return err
		}
		b, err := s.sorter.next(types.BatchSize)
		if err != nil || b == nil {
			return err
		}
		groups := b.Cols[len(b.Cols)-1].I
		for i := range b.N {
			for c := range row {
				row[c] = b.Cols[c].Get(i)
			}
			if s.late {
				if lastGroup == groups[i] && s.sameArgs(last, row) {
					continue
				}
				last, lastGroup = append(last[:0], row...), groups[i]
			}
			if err := s.state.AccumulateRow(r.eval, int(groups[i]), row); err != nil {
				return err
			}
		}
	}
}

func (s *aggState) sameArgs(a, b []types.Datum) bool {
	for i, x := range s.a.Args {
		if a[i].IsNull() != b[i].IsNull() || !a[i].IsNull() && !types.Equal(x.Type.Oid, a[i], b[i]) {
			return false
		}
	}
	return true
}

// merge adds another worker's groups.
func (t *groupTable) merge(r *run, o *groupTable) error {
	var ids []int32
	if t.all > 0 {
		ids = []int32{0}
	} else {
		cols := make([]*types.Vec, len(o.keys.keys.Cols))
		for c := range cols {
			cols[c] = &o.keys.keys.Cols[c]
		}
		ids = t.keys.insert(cols, o.keys.len(), nil)
	}
	for i := range t.aggs {
		t.aggs[i].state.Grow(t.keys.len() + t.all)
		if err := t.aggs[i].state.Merge(r.eval, o.aggs[i].state, ids); err != nil {
			return err
		}
	}
	return nil
}
