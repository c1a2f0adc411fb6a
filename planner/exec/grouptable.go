package exec

import (
	"slices"

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
	t.closeSorters()
}

// closeSorters drops the rows of ordered aggregates.
func (t *groupTable) closeSorters() {
	for i := range t.aggs {
		if s := &t.aggs[i]; s.sorter != nil {
			s.sorter.close()
			s.sorter, s.batch = nil, nil
		}
	}
}

// aggState is one aggregate's running state with what DISTINCT, FILTER and ORDER BY add.
type aggState struct {
	a     *planner.Agg
	types []types.Type  // of the arguments
	state expr.AggState // nil of an aggregate that is computed group by group in the end: one with ORDER BY
	seen  *keyTable     // DISTINCT: (group, arguments)
	late  bool          // seen is full: what it has not goes to sorter, where duplicates come to stand together
	tmp   []types.Vec
	vecs  []*types.Vec
	sel   []int32
	ids   []int32
	sortedRows
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
		s := aggState{a: a, types: args, sortedRows: sortedRows{grouped: t.all == 0}}
		if len(a.OrderBy) == 0 {
			s.state = a.Fn.NewState(args, a.Type)
			s.state.Grow(t.all)
		}
		if a.Fn.Kind != expr.PlainAggregate {
			s.set = newOrderedSet(a, args)
		}
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

func (t *groupTable) groups() int {
	if t.all > 0 {
		return 1
	}
	return t.keys.len()
}

func (t *groupTable) bytes() int64 {
	n := t.keys.bytes
	for i := range t.aggs {
		s := &t.aggs[i]
		if s.state != nil {
			n += s.state.MemBytes()
		}
		if s.seen != nil {
			n += s.seen.bytes
		}
		n += int64(len(s.rows)) * 8
	}
	return n
}

// makesStrings reports whether strings are computed of the input.
func (t *groupTable) makesStrings() bool {
	return makesStrings(t.keyExprs...) || slices.ContainsFunc(t.aggs, func(s aggState) bool {
		return makesStrings(s.a.Args...) || slices.ContainsFunc(s.a.OrderBy, func(k planner.SortKey) bool { return makesStrings(k.Expr) })
	})
}

// computedBytes is the length of the strings that were computed of the last rows added.
func (t *groupTable) computedBytes() int64 {
	n := stringBytes(t.tmp)
	for i := range t.aggs {
		n += stringBytes(t.aggs[i].tmp) + stringBytes(t.aggs[i].sortTmp)
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
		if err := t.aggs[i].add(r, b, t.ids, groups); err != nil {
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

func (s *aggState) add(r *run, b *types.Batch, ids []int32, groups int) error {
	if s.state != nil {
		s.state.Grow(groups)
	}
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
		return s.keep(r, b, ids, groups, sel)
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
