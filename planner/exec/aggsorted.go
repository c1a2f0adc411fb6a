package exec

import (
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Aggregates with ORDER BY, and ordered-set ones, are computed when all rows have come, group by group: their rows wait in a
// sorter, by group first, which puts them into files where they do not fit. No more than the state of one group is in memory.

// sortedRows is the rows of an aggregate that wait.
type sortedRows struct {
	grouped bool    // there is more than one group
	sorter  *sorter // the arguments, the keys that are none of these, the group
	sortTmp []types.Vec
	group   types.Vec
	set     *expr.OrderedSetState // of an ordered-set aggregate
	rows    []int64               // of it: the rows of each group

	batch *types.Batch // of the sorter, when all have come
	at    int          // in batch
	last  []types.Datum
}

func newOrderedSet(a *planner.Agg, args []types.Type) *expr.OrderedSetState {
	var direct []types.Type
	for _, d := range a.Direct {
		direct = append(direct, d.Type)
	}
	var order []expr.SortOrder
	for _, k := range a.OrderBy {
		order = append(order, expr.SortOrder{Desc: k.Desc, NullsFirst: k.NullsFirst})
	}
	return a.Fn.NewOrderedSet(args, order, direct)
}

// newSorter makes the sorter of an ordered aggregate, or of one with DISTINCT: then equal arguments of a group come to
// stand together.
func (s *aggState) newSorter(r *run) *sorter {
	width := len(s.a.Args)
	sorted := make([]bool, width)
	var keys []planner.SortKey
	var cols []int
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
	}
	if s.grouped {
		keys, cols = append([]planner.SortKey{{Type: types.T(types.Int4Oid)}}, keys...), append([]int{width}, cols...)
	}
	return newSorter(r, keys, cols, width+1)
}

// keep stores rows until all have come.
func (s *aggState) keep(r *run, b *types.Batch, ids []int32, groups int, sel []int32) error {
	if s.set != nil {
		sel = s.count(b.N, ids, groups, sel)
	}
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

// count counts the rows of an ordered-set aggregate, and returns those that count.
func (s *aggState) count(n int, ids []int32, groups int, sel []int32) []int32 {
	for len(s.rows) < groups {
		s.rows = append(s.rows, 0)
	}
	if first := s.vecs[0]; len(first.Nulls) > 0 && !s.set.WantsNulls() {
		if sel == nil {
			sel = span(nil, 0, n)
		}
		some := sel[:0]
		for _, i := range sel {
			if !first.IsNull(int(i)) {
				some = append(some, i)
			}
		}
		sel = some
	}
	if sel == nil {
		for _, g := range ids {
			s.rows[g]++
		}
		return nil
	}
	for _, i := range sel {
		s.rows[ids[i]]++
	}
	return sel
}

// finish sorts the rows that wait.
func (t *groupTable) finish() error {
	for i := range t.aggs {
		s := &t.aggs[i]
		s.seen = nil
		if s.sorter == nil {
			continue
		}
		if err := s.sorter.finish(); err != nil {
			return err
		}
	}
	return nil
}

// result is the value of aggregate i for group g. Each aggregate is asked for all groups in their order.
func (t *groupTable) result(r *run, i, g int) (types.Datum, error) {
	s := &t.aggs[i]
	switch {
	case s.set != nil:
		return t.orderedSet(r, s, g)
	case s.sorter == nil:
		return s.state.Result(r.eval, g)
	}
	state, at := s.state, g
	if state == nil {
		state, at = s.a.Fn.NewState(s.types, s.a.Type), 0
		state.Grow(1)
	}
	if err := s.accumulate(r, g, state, at); err != nil {
		return types.Null, err
	}
	return state.Result(r.eval, at)
}

// orderedSet computes an ordered-set aggregate for group g.
func (t *groupTable) orderedSet(r *run, s *aggState, g int) (types.Datum, error) {
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
	rows := int64(0)
	if g < len(s.rows) {
		rows = s.rows[g]
	}
	if err := s.set.Start(rows, direct); err != nil {
		return types.Null, err
	}
	cols := make([]*types.Vec, len(s.types))
	err := s.rowsOf(r, g, func(b *types.Batch, from, to int) error {
		for c := range cols {
			cols[c] = &b.Cols[c]
		}
		s.set.Add(cols, from, to)
		return nil
	})
	if err != nil {
		return types.Null, err
	}
	return s.set.Final()
}

// rowsOf calls f for the rows of group g, in order, as spans of batches.
func (s *aggState) rowsOf(r *run, g int, f func(b *types.Batch, from, to int) error) error {
	for {
		if s.batch == nil || s.at == s.batch.N {
			if err := r.cancelled(); err != nil {
				return err
			}
			var err error
			if s.batch, err = s.sorter.next(types.BatchSize); err != nil || s.batch == nil {
				return err
			}
			s.at = 0
		}
		from, groups := s.at, s.batch.Cols[len(s.batch.Cols)-1].I
		for s.at < s.batch.N && groups[s.at] == int64(g) {
			s.at++
		}
		if s.at > from {
			if err := f(s.batch, from, s.at); err != nil {
				return err
			}
		}
		if s.at < s.batch.N {
			return nil
		}
	}
}

// accumulate adds the rows of group g to group at of a state.
func (s *aggState) accumulate(r *run, g int, state expr.AggState, at int) error {
	s.last = s.last[:0]
	cols := make([]*types.Vec, len(s.types))
	return s.rowsOf(r, g, func(b *types.Batch, from, to int) error {
		var sel []int32
		if from > 0 || to < b.N || s.late {
			s.sel = span(s.sel, from, to)
			sel = s.sel
		}
		for c := range cols {
			cols[c] = &b.Cols[c]
		}
		if s.late {
			sel = s.withoutDuplicates(cols, sel)
		}
		for len(s.ids) < to {
			s.ids = append(s.ids, 0)
		}
		for i := from; i < to; i++ {
			s.ids[i] = int32(at)
		}
		if err := state.Accumulate(r.eval, s.ids, cols, sel, b.N); err != nil || to < b.N {
			return err
		}
		return r.unspillable(state.MemBytes())
	})
}

// withoutDuplicates drops rows that equal the one before them in their group.
func (s *aggState) withoutDuplicates(cols []*types.Vec, sel []int32) []int32 {
	out := sel[:0]
	row := make([]types.Datum, len(cols))
	for _, i := range sel {
		for c, v := range cols {
			row[c] = v.Get(int(i))
		}
		if len(s.last) > 0 && s.sameArgs(s.last, row) {
			continue
		}
		s.last = append(s.last[:0], row...)
		out = append(out, i)
	}
	return out
}

func (s *aggState) sameArgs(a, b []types.Datum) bool {
	for i, t := range s.types {
		if a[i].IsNull() != b[i].IsNull() || !a[i].IsNull() && !types.Equal(t.Oid, a[i], b[i]) {
			return false
		}
	}
	return true
}
