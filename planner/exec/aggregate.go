package exec

import (
	"runtime"
	"slices"
	"sync"

	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// aggregateOp groups its input by hash. A parallel one splits the data groups among workers, each with its own copy of
// the operators from the scan up to here, and merges their tables.
type aggregateOp struct {
	r     *run
	n     *planner.Aggregate
	in    operator
	table []*groupTable // one per grouping set
	set   int
	at    int
	ready bool
	out   *types.Batch
}

func (a *aggregateOp) next(max int) (*types.Batch, error) {
	if !a.ready {
		a.ready = true
		if err := a.compute(); err != nil {
			return nil, err
		}
	}
	for a.set < len(a.table) {
		t := a.table[a.set]
		if err := t.finish(a.r); err != nil {
			return nil, err
		}
		if a.at >= t.groups() {
			a.set++
			a.at = 0
			continue
		}
		return a.emit(t)
	}
	return nil, nil
}

func (a *aggregateOp) compute() error {
	sets := a.n.Sets
	if sets == nil {
		sets = [][]int{allKeys(len(a.n.Keys))}
	}
	if workers := a.workers(); workers > 1 {
		return a.parallel(sets, workers)
	}
	a.table = newGroupTables(a.n, sets)
	var err error
	if a.in, err = a.r.build(a.n.Input); err != nil {
		return err
	}
	return consume(a.r, a.in, a.table)
}

func allKeys(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func (a *aggregateOp) workers() int {
	if !a.n.Parallel || a.r.stats != nil {
		return 1
	}
	w := a.r.c.Workers
	if w == 0 {
		w = runtime.GOMAXPROCS(0)
	}
	return min(w, len(a.r.groups()))
}

// consume feeds a whole input to the tables of all grouping sets.
func consume(r *run, in operator, tables []*groupTable) error {
	for {
		if err := r.cancelled(); err != nil {
			return err
		}
		b, err := in.next(0)
		if err != nil || b == nil {
			return err
		}
		for _, t := range tables {
			if err := t.add(r, b); err != nil {
				return err
			}
			if t.bytes() > r.workMem() {
				return errMemory()
			}
		}
	}
}

func (a *aggregateOp) parallel(sets [][]int, workers int) error {
	if _, err := a.r.readOptions(); err != nil {
		return err
	}
	shared := map[*planner.HashJoin]*sharedBuild{}
	tables := make([][]*groupTable, workers)
	errs := make([]error, workers)
	ops := make([]operator, workers)
	for w := range workers {
		var err error
		if ops[w], err = a.r.buildPart(a.n.Input, groupsFor(a.r.groups(), w, workers), shared); err != nil {
			return err
		}
		tables[w] = newGroupTables(a.n, sets)
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer ops[w].close()
			errs[w] = consume(a.r, ops[w], tables[w])
		}()
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	for _, part := range tables[1:] {
		for i, t := range part {
			if err := tables[0][i].merge(a.r, t); err != nil {
				return err
			}
		}
	}
	a.table = tables[0]
	return nil
}

// buildPart makes the operators of a splittable plan over some data groups. The build sides of joins are shared.
func (r *run) buildPart(n planner.Node, groups []topo.GroupID, shared map[*planner.HashJoin]*sharedBuild) (operator, error) {
	switch n := n.(type) {
	case *planner.Scan:
		return newScan(r, n, groups), nil
	case *planner.Filter:
		in, err := r.buildPart(n.Input, groups, shared)
		return &filterOp{r: r, n: n, in: in}, err
	case *planner.Project:
		in, err := r.buildPart(n.Input, groups, shared)
		return &projectOp{r: r, n: n, in: in}, err
	case *planner.HashJoin:
		left, err := r.buildPart(n.Left, groups, shared)
		if err != nil {
			return nil, err
		}
		j := &hashJoinOp{r: r, n: n, left: left, tail: -1, shared: shared[n]}
		if j.shared == nil {
			j.shared = &sharedBuild{}
			shared[n] = j.shared
			if j.right, err = r.build(n.Right); err != nil {
				return nil, err
			}
			j.shared.right = j.right
		}
		return j, nil
	}
	return r.build(n)
}

func (a *aggregateOp) emit(t *groupTable) (*types.Batch, error) {
	if a.out == nil {
		a.out = types.NewBatch(a.n.Types, 0)
	}
	a.out.Reset()
	end := min(t.groups(), a.at+types.BatchSize)
	for k := range a.n.Keys {
		dst := &a.out.Cols[k]
		pos := slices.Index(t.set, k)
		for g := a.at; g < end; g++ {
			if pos < 0 {
				dst.AppendNull()
			} else {
				dst.Append(t.keys.keys.Cols[pos].Get(g))
			}
		}
	}
	for i := range a.n.Aggs {
		dst := &a.out.Cols[len(a.n.Keys)+i]
		for g := a.at; g < end; g++ {
			d, err := t.result(a.r, i, g)
			if err != nil {
				return nil, err
			}
			dst.Append(d)
		}
	}
	for i, args := range a.n.Groupings {
		bits := int64(0)
		for _, k := range args {
			bits <<= 1
			if slices.Index(t.set, k) < 0 {
				bits |= 1
			}
		}
		dst := &a.out.Cols[len(a.n.Keys)+len(a.n.Aggs)+i]
		for g := a.at; g < end; g++ {
			dst.Append(types.NewInt(bits))
		}
	}
	a.out.N = end - a.at
	a.at = end
	return a.out, nil
}

func (a *aggregateOp) close() {
	if a.in != nil {
		a.in.close()
	}
}

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
}

// aggState is one aggregate's running state with what DISTINCT, FILTER and ORDER BY add.
type aggState struct {
	a       *planner.Agg
	state   expr.AggState
	seen    *keyTable            // DISTINCT: (group, arguments)
	ordered expr.OrderedSetState // state, of an ordered-set aggregate
	sorted  *types.Batch         // rows that wait to be sorted: the arguments, then the keys that are none of these
	groups  []int32              // of the rows in sorted
	bytes   int64                // of sorted
	tmp     []types.Vec
	vecs    []*types.Vec
	sel     []int32
	ids     []int32
	sortTmp []types.Vec
}

func newGroupTables(n *planner.Aggregate, sets [][]int) []*groupTable {
	out := make([]*groupTable, len(sets))
	for i, s := range sets {
		out[i] = newGroupTable(n, s)
	}
	return out
}

func newGroupTable(n *planner.Aggregate, set []int) *groupTable {
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
			st := append([]types.Type{}, args...)
			for _, k := range a.OrderBy {
				if k.Expr != nil {
					st = append(st, k.Type)
				}
			}
			s.sorted = types.NewBatch(st, 0)
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
		n += t.aggs[i].state.MemBytes() + t.aggs[i].bytes
	}
	return n
}

// add aggregates a batch.
func (t *groupTable) add(r *run, b *types.Batch) error {
	var err error
	if t.all > 0 {
		t.ids = append(t.ids[:0], make([]int32, b.N)...)
	} else {
		if t.vecs, err = r.evalVecs(t.keyExprs, b, &t.tmp, t.vecs); err != nil {
			return err
		}
		t.ids = t.keys.insert(t.vecs, b.N, t.ids)
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
		sel = s.distinct(b.N, ids, sel)
	}
	if s.sorted != nil {
		return s.keep(r, b, ids, sel)
	}
	if sel != nil && len(sel) == 0 {
		return nil
	}
	return s.state.Accumulate(r.eval, ids, s.vecs, sel, b.N)
}

// distinct returns the selected rows whose arguments are new to their group.
func (s *aggState) distinct(n int, ids []int32, sel []int32) []int32 {
	group := types.NewVec(types.T(types.Int4Oid), n)
	for _, g := range ids {
		group.I = append(group.I, int64(g))
	}
	cols := append([]*types.Vec{&group}, s.vecs...)
	out := make([]int32, 0, n)
	if sel == nil {
		before := int32(s.seen.len())
		s.ids = s.seen.insert(cols, n, s.ids)
		for i, id := range s.ids {
			if id >= before {
				out = append(out, int32(i))
				before = id + 1
			}
		}
		return out
	}
	gathered := make([]*types.Vec, len(cols))
	for c, v := range cols {
		g := types.NewVec(v.Type, len(sel))
		g.Gather(v, sel)
		gathered[c] = &g
	}
	before := int32(s.seen.len())
	s.ids = s.seen.insert(gathered, len(sel), s.ids)
	for k, id := range s.ids {
		if id >= before {
			out = append(out, sel[k])
			before = id + 1
		}
	}
	return out
}

// keep stores rows of an ordered aggregate until all have come.
func (s *aggState) keep(r *run, b *types.Batch, ids []int32, sel []int32) error {
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
	if sel == nil {
		for i := range b.N {
			sel = append(sel, int32(i))
		}
	}
	for c, v := range append(append([]*types.Vec{}, s.vecs...), vecs...) {
		s.sorted.Cols[c].Gather(v, sel)
		for _, i := range sel {
			s.bytes += datumBytes(v.Get(int(i)))
		}
	}
	s.sorted.N += len(sel)
	for _, i := range sel {
		s.groups = append(s.groups, ids[i])
	}
	return nil
}

// finish aggregates the rows of ordered aggregates, in order.
func (t *groupTable) finish(r *run) error {
	for i := range t.aggs {
		s := &t.aggs[i]
		if s.sorted == nil {
			continue
		}
		keys := make([]planner.SortKey, len(s.a.OrderBy))
		at := len(s.a.Args)
		for k, o := range s.a.OrderBy {
			keys[k] = planner.SortKey{Col: o.Col, Type: o.Type, Desc: o.Desc, NullsFirst: o.NullsFirst}
			if o.Expr != nil {
				keys[k].Col = at
				at++
			}
		}
		order := sortedOrder(s.sorted, keys)
		row := make([]types.Datum, len(s.a.Args))
		for _, at := range order {
			for c := range row {
				row[c] = s.sorted.Cols[c].Get(int(at))
			}
			if err := s.state.AccumulateRow(r.eval, int(s.groups[at]), row); err != nil {
				return err
			}
		}
		s.sorted, s.bytes = nil, 0
	}
	return nil
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
