package planner

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// The FROM clause becomes a tree of joins in three steps. Inner joins are flattened into lists of items and conjuncts;
// outer joins stay where they are, as items. Each conjunct sinks to the smallest item that has all its columns. The items
// of a list are then joined in the order that joinorder.go finds.

// maxRels bounds the range table of one query.
const maxRels = 256

// relSet is a set of range-table entries.
type relSet [maxRels / 64]uint64

func (s *relSet) add(r int)     { s[r>>6] |= 1 << (uint(r) & 63) }
func (s relSet) has(r int) bool { return s[r>>6]&(1<<(uint(r)&63)) != 0 }
func (s relSet) empty() bool    { return s == relSet{} }
func (s relSet) only(r int) bool {
	var t relSet
	t.add(r)
	return s == t
}
func (s relSet) within(t relSet) bool {
	for i := range s {
		if s[i]&^t[i] != 0 {
			return false
		}
	}
	return true
}
func (s relSet) meets(t relSet) bool {
	for i := range s {
		if s[i]&t[i] != 0 {
			return true
		}
	}
	return false
}
func (s relSet) minus(t relSet) relSet {
	for i := range s {
		s[i] &^= t[i]
	}
	return s
}
func (s relSet) union(t relSet) relSet {
	for i := range s {
		s[i] |= t[i]
	}
	return s
}

// conj is a conjunct of WHERE or ON.
type conj struct {
	node expr.Node
	rels relSet
	// left = right when the conjunct is a hashable equality.
	left, right         expr.Node
	leftRels, rightRels relSet
	// derived conjuncts follow from others: they restrict scans but need no check at a join.
	derived bool
	// hint: a derived one that follows from a condition on the same rows. It serves a key or nothing.
	hint bool
	// class numbers the equalities that belong together, from 1; 0: none. See equivalence.go.
	class int
}

// fromItem is a planned part of FROM.
type fromItem struct {
	rels relSet
	node Node
	lay  *layout
	// needs are entries that must be to the left (LATERAL).
	needs relSet
	args  []expr.Node // of a LATERAL item: its outer values, over the query's range table
	order *rowOrder
	// scan and conds are set for a plain table: what a lookup join needs to plan the access anew.
	rel   int
	scan  *Scan
	conds []*conj
}

func (f *fromItem) rows() float64 { return f.node.Base().Rows }

// planFrom plans FROM and WHERE.
func (q *query) planFrom() (*fromItem, error) {
	if len(q.q.Rels) >= maxRels {
		return nil, pgerr.New(pgerr.StatementTooComplex, "a query with more than %d tables is not supported", maxRels)
	}
	q.findNeeded()
	var conds []*conj
	var late []expr.Node
	for _, w := range q.where {
		c := q.newConj(w)
		if c.rels.empty() {
			late = append(late, w)
			continue
		}
		conds = append(conds, c)
	}
	var item *fromItem
	var err error
	if q.q.From == nil {
		v := &Values{Props: q.b.props(nil, 1), Rows: [][]*Scalar{{}}}
		item = &fromItem{node: v, lay: newLayout(), rel: -1}
	} else if item, err = q.planJoinTree(q.q.From, conds); err != nil {
		return nil, err
	}
	for _, s := range q.semis {
		if item, err = q.joinSemi(item, s); err != nil {
			return nil, err
		}
	}
	if len(late) > 0 {
		if item.node, err = q.filter(item.node, late, item.lay, nil); err != nil {
			return nil, err
		}
	}
	return item, nil
}

// findNeeded notes which columns of each entry the query reads anywhere, nested queries included.
func (q *query) findNeeded() {
	q.needed = make([]map[int]bool, len(q.q.Rels))
	for i := range q.needed {
		q.needed[i] = map[int]bool{}
	}
	own := func(n expr.Node, depth int) {
		if v, ok := n.(*expr.Var); ok && v.Level == depth {
			q.need(v)
		}
	}
	visitOwn(q.q, own)
	for _, s := range q.semis {
		for _, n := range append(append([]expr.Node{}, s.where...), s.eqs...) {
			visitLevels(n, 0, own)
		}
		eachOn(s.from, func(n expr.Node) { visitLevels(n, 0, own) })
	}
	for _, n := range q.extra {
		visitLevels(n, 0, own)
	}
}

func (q *query) need(v *expr.Var) {
	if v.Rel >= len(q.needed) || q.needed[v.Rel][v.Col] {
		return
	}
	q.needed[v.Rel][v.Col] = true
	if r := q.q.Rels[v.Rel]; r.Kind == sema.RTEJoin && v.Col < len(r.JoinCols) {
		visit(r.JoinCols[v.Col], func(m expr.Node) bool {
			if w, ok := m.(*expr.Var); ok && w.Level == 0 {
				q.need(w)
			}
			return true
		})
	}
}

// visitOwn calls own for every Var of the query and those nested in it, with its depth; the merged columns of joins count
// only where they are used.
func visitOwn(s *sema.Query, own func(n expr.Node, depth int)) {
	bare := *s
	bare.Rels = make([]*sema.RTE, len(s.Rels))
	for i, r := range s.Rels {
		if r.Kind == sema.RTEJoin {
			r = &sema.RTE{Kind: sema.RTEJoin}
		}
		bare.Rels[i] = r
	}
	visitQuery(&bare, 0, own)
}

// relsOf returns the query's own entries that n refers to.
func (q *query) relsOf(n expr.Node) (s relSet) {
	visitLevels(n, 0, func(m expr.Node, depth int) {
		v, ok := m.(*expr.Var)
		if !ok || v.Level != depth {
			return
		}
		if r := q.q.Rels[v.Rel]; r.Kind == sema.RTEJoin && v.Col < len(r.JoinCols) {
			s = s.union(q.relsOf(r.JoinCols[v.Col]))
			return
		}
		s.add(v.Rel)
	})
	return s
}

// expand replaces the merged columns of joins by what they stand for.
func (q *query) expand(n expr.Node) expr.Node {
	var f func(m expr.Node) (expr.Node, bool)
	f = func(m expr.Node) (expr.Node, bool) {
		if v, ok := m.(*expr.Var); ok && v.Level == 0 && v.Rel < len(q.q.Rels) {
			if r := q.q.Rels[v.Rel]; r.Kind == sema.RTEJoin && v.Col < len(r.JoinCols) {
				return mapNode(r.JoinCols[v.Col], f), true
			}
			return v, true
		}
		return nil, false
	}
	return mapNode(n, f)
}

func (q *query) newConj(n expr.Node) *conj {
	n = q.b.bind(q.expand(n))
	c := &conj{node: n, rels: q.relsOf(n)}
	if f, ok := n.(*expr.Func); ok && isHashableEq(f) {
		l, r := f.Args[0], f.Args[1]
		lr, rr := q.relsOf(l), q.relsOf(r)
		if !hasVolatile(n) {
			c.left, c.right, c.leftRels, c.rightRels = l, r, lr, rr
		}
	}
	return c
}

// planJoinTree plans a join tree with the conjuncts that concern it.
func (q *query) planJoinTree(j sema.JoinNode, conds []*conj) (*fromItem, error) {
	var leaves []sema.JoinNode
	conds = q.flatten(j, conds, &leaves)
	conds = append(conds, q.derive(conds)...)
	conds = append(conds, q.transitive(conds)...)
	conds = append(conds, q.equivalent(conds)...)
	if len(leaves) == 1 {
		return q.planLeaf(leaves[0], conds)
	}
	items := make([]*fromItem, len(leaves))
	var rest []*conj
	own := make([][]*conj, len(leaves))
	for _, c := range conds {
		placed := false
		for i, l := range leaves {
			if c.rels.within(q.treeRels(l)) {
				own[i] = append(own[i], c)
				placed = true
				break
			}
		}
		if !placed && (!c.derived || c.class != 0) {
			rest = append(rest, c)
		}
	}
	for i, l := range leaves {
		var err error
		if items[i], err = q.planLeaf(l, own[i]); err != nil {
			return nil, err
		}
	}
	return q.joinItems(items, rest)
}

// flatten lists the items of nested inner joins and adds their conditions to conds.
func (q *query) flatten(j sema.JoinNode, conds []*conj, leaves *[]sema.JoinNode) []*conj {
	t, ok := j.(*sema.Join)
	if ok {
		t = q.reduce(t, conds)
		j = t
	}
	if !ok || t.Kind == sema.LeftJoin || t.Kind == sema.FullJoin {
		*leaves = append(*leaves, j)
		return conds
	}
	for _, n := range splitAnd(nil, t.On) {
		conds = append(conds, q.newConj(n))
	}
	conds = q.flatten(t.Left, conds, leaves)
	return q.flatten(t.Right, conds, leaves)
}

// treeRels returns the entries at the leaves of a join tree.
func (q *query) treeRels(j sema.JoinNode) (s relSet) {
	if r, ok := relOf(j); ok {
		s.add(r)
		return s
	}
	t := j.(*sema.Join)
	return q.treeRels(t.Left).union(q.treeRels(t.Right))
}

// transitive derives x = const from x = y and y = const, so that both sides of a join use their keys.
func (q *query) transitive(conds []*conj) []*conj {
	var out []*conj
	have := map[string]bool{}
	values := map[string]*conj{}
	for _, c := range conds {
		if c.left == nil {
			continue
		}
		if v, ok := c.left.(*expr.Var); ok && v.Level == 0 && c.rightRels.empty() {
			values[fingerprint(v)] = c
		} else if v, ok := c.right.(*expr.Var); ok && v.Level == 0 && c.leftRels.empty() {
			values[fingerprint(v)] = &conj{node: c.node, left: c.right, right: c.left}
		}
	}
	for round := true; round && len(values) > 0; {
		round = false
		for _, c := range conds {
			l, lok := c.left.(*expr.Var)
			r, rok := c.right.(*expr.Var)
			if !lok || !rok || l.Level != 0 || r.Level != 0 || l.Type.Oid != r.Type.Oid {
				continue
			}
			for _, p := range [2][2]*expr.Var{{l, r}, {r, l}} {
				known := values[fingerprint(p[0])]
				key := fingerprint(p[1])
				if known == nil || values[key] != nil || have[key] || known.right.ResultType().Oid != l.Type.Oid {
					continue
				}
				f := *(c.node.(*expr.Func))
				f.Args = []expr.Node{p[1], known.right}
				d := q.newConj(&f)
				d.derived = true
				values[key], have[key] = d, true
				out = append(out, d)
				round = true
			}
		}
	}
	return out
}

// planLeaf plans an item: an entry, or an outer join.
func (q *query) planLeaf(j sema.JoinNode, conds []*conj) (*fromItem, error) {
	if r, ok := relOf(j); ok {
		return q.planRel(r, conds)
	}
	return q.planOuterLeaf(j.(*sema.Join), conds)
}

// planOuter plans a LEFT or FULL join. conds come from above it: those over the left side of a left join may sink.
func (q *query) planOuter(t *sema.Join, conds []*conj) (*fromItem, error) {
	leftRels, rightRels := q.treeRels(t.Left), q.treeRels(t.Right)
	if q.driver > 0 && rightRels.has(q.driver-1) {
		return nil, errUnordered
	}
	nullable := rightRels
	if t.Kind == sema.FullJoin {
		nullable = nullable.union(leftRels)
	}
	if err := q.checkLocking(nullable); err != nil {
		return nil, err
	}
	var leftConds, rightConds, on, above []*conj
	for _, c := range conds {
		if t.Kind == sema.LeftJoin && c.rels.within(leftRels) {
			leftConds = append(leftConds, c)
		} else if !c.derived {
			above = append(above, c)
		}
	}
	for _, n := range splitAnd(nil, t.On) {
		c := q.newConj(n)
		if t.Kind == sema.LeftJoin && c.rels.within(rightRels) && !c.rels.empty() {
			rightConds = append(rightConds, c)
		} else {
			on = append(on, c)
		}
	}
	// What the left side's equality with a constant implies for the right side.
	if t.Kind == sema.LeftJoin {
		for _, d := range q.transitive(append(append([]*conj{}, leftConds...), on...)) {
			if d.rels.within(rightRels) {
				rightConds = append(rightConds, d)
			}
		}
	}
	left, err := q.planJoinTree(t.Left, leftConds)
	if err != nil {
		return nil, err
	}
	right, err := q.planJoinTree(t.Right, rightConds)
	if err != nil {
		return nil, err
	}
	kind := LeftOuter
	if t.Kind == sema.FullJoin {
		kind = FullOuter
	}
	out, err := q.join(kind, left, right, on)
	if err != nil {
		return nil, err
	}
	return q.filterItem(out, above)
}

func (q *query) filterItem(f *fromItem, conds []*conj) (*fromItem, error) {
	if len(conds) == 0 {
		return f, nil
	}
	var ns []expr.Node
	for _, c := range conds {
		if !c.hint {
			ns = append(ns, c.node)
		}
	}
	n, err := q.filter(f.node, ns, f.lay, nil)
	if err != nil {
		return nil, err
	}
	c := *f
	c.node, c.scan = n, nil
	return &c, nil
}

// joinGreedily joins items: it starts with the smallest and goes on with the item that makes the smallest result,
// preferring those that are connected by an equality.
func (q *query) joinGreedily(items []*fromItem, conds []*conj) (*fromItem, error) {
	at := -1
	for i, f := range items {
		if !f.needs.empty() {
			continue
		}
		if f.order != nil {
			at = i
			break
		}
		if at < 0 || f.rows() < items[at].rows() {
			at = i
		}
	}
	if at < 0 {
		return nil, pgerr.Internal("planner: LATERAL items refer to each other")
	}
	cur := items[at]
	items = append(append([]*fromItem{}, items[:at]...), items[at+1:]...)
	for len(items) > 0 {
		best, bestCost := -1, 0.0
		for i, f := range items {
			if !f.needs.within(cur.rels) {
				continue
			}
			cost := cur.rows() * f.rows()
			if connected(cur.rels, f.rels, conds) {
				cost = max(cur.rows(), f.rows())
			} else {
				cost = cost*1e3 + 1e12
			}
			if best < 0 || cost < bestCost {
				best, bestCost = i, cost
			}
		}
		if best < 0 {
			return nil, pgerr.Internal("planner: a LATERAL item lacks its left side")
		}
		next := items[best]
		items = append(append([]*fromItem{}, items[:best]...), items[best+1:]...)
		both := cur.rels.union(next.rels)
		var now, later []*conj
		for _, c := range conds {
			if c.rels.within(both) {
				now = append(now, c)
			} else {
				later = append(later, c)
			}
		}
		var err error
		if cur, err = q.join(Inner, cur, next, now); err != nil {
			return nil, err
		}
		conds = later
	}
	return q.filterItem(cur, conds)
}

func connected(a, b relSet, conds []*conj) bool {
	for _, c := range conds {
		if c.left == nil {
			continue
		}
		if c.leftRels.within(a) && c.rightRels.within(b) || c.leftRels.within(b) && c.rightRels.within(a) {
			return true
		}
	}
	return false
}

// planRel plans an entry of the range table with the conditions on it alone.
func (q *query) planRel(rel int, conds []*conj) (*fromItem, error) {
	r := q.q.Rels[rel]
	f := &fromItem{rel: rel, lay: newLayout()}
	f.rels.add(rel)
	switch r.Kind {
	case sema.RTETable:
		plan := q.planTable
		if r.Security != nil {
			plan = q.planSecured
		}
		f, err := plan(f, r, conds)
		if err != nil {
			return nil, err
		}
		return f, q.addPresent(f)
	case sema.RTESubquery, sema.RTEValues:
		if r.Kind == sema.RTESubquery {
			inner := *r
			inner.Query, conds = q.pushInto(r, conds)
			r = &inner
		}
		if err := q.planSubquery(f, r, q.needed[rel]); err != nil {
			return nil, err
		}
	case sema.RTEFunction:
		if err := q.planFunction(f, r); err != nil {
			return nil, err
		}
	case sema.RTECTE:
		if err := q.planCTERef(f, r); err != nil {
			return nil, err
		}
	case sema.RTEWorkTable:
		st := q.b.ctes[r.CTE]
		if st == nil || st.work == 0 {
			return nil, pgerr.Internal("planner: no recursive query for %s", r.Alias)
		}
		f.node = &WorkTableScan{Props: q.b.props(columnTypes(r.Columns), 100), ID: st.work - 1}
	case sema.RTECatalog:
		n := &VirtualScan{Props: q.b.props(nil, 200), Table: r.Virtual}
		for i, c := range r.Columns {
			if q.needed[rel][i] {
				n.Cols = append(n.Cols, i)
				n.Types = append(n.Types, c.Type)
				f.lay.add(varID{rel, i}, c.Type)
			}
		}
		f.node = n
	default:
		return nil, pgerr.Internal("planner: range-table entry %s cannot be read", r.Alias)
	}
	if len(f.lay.ids) == 0 && r.Kind != sema.RTECatalog {
		for i, t := range f.node.Base().Types {
			f.lay.add(varID{rel, i}, t)
		}
	}
	if err := q.addPresent(f); err != nil {
		return nil, err
	}
	f, err := q.given(f)
	if err != nil {
		return nil, err
	}
	return q.filterItem(f, conds)
}

// addPresent adds PresentCol to an entry's columns where it is asked for.
func (q *query) addPresent(f *fromItem) error {
	if !q.needed[f.rel][expr.PresentCol] {
		return nil
	}
	var exprs []*Scalar
	for i, t := range f.lay.ts {
		exprs = append(exprs, q.columnScalar(i, t))
	}
	yes := &expr.Const{Type: types.T(types.BoolOid), Value: types.NewBool(true), Loc: -1}
	s, err := q.b.compile(yes, yes, nil)
	if err != nil {
		return err
	}
	f.lay.add(varID{f.rel, expr.PresentCol}, yes.Type)
	f.node, f.scan = q.project(f.node, append(exprs, s)), nil
	return nil
}

func columnTypes(cs []sema.Column) []types.Type {
	ts := make([]types.Type, len(cs))
	for i, c := range cs {
		ts[i] = c.Type
	}
	return ts
}

// withoutUnused replaces columns of a subquery that nothing reads by NULL, where that cannot change its rows.
func withoutUnused(s *sema.Query, needed map[int]bool) *sema.Query {
	if s.SetOp != nil || s.Values != nil || s.LiteralRows != nil || s.Distinct || len(s.DistinctOn) > 0 {
		return s
	}
	targets, visible := s.Targets, 0
	for i, t := range s.Targets {
		if t.Junk {
			continue
		}
		visible++
		ordered := slices.ContainsFunc(s.OrderBy, func(k sema.OrderKey) bool { return k.Target == i })
		if needed[visible-1] || ordered || t.Group > 0 || mustCompute(t.Expr) {
			continue
		}
		if &targets[0] == &s.Targets[0] {
			targets = slices.Clone(targets)
		}
		targets[i].Expr = &expr.Const{Type: t.Expr.ResultType(), Loc: -1}
	}
	if len(targets) == 0 || &targets[0] == &s.Targets[0] {
		return s
	}
	c := *s
	c.Targets = targets
	return &c
}

// mustCompute says that a column that nothing reads is more than a value, or is one already.
func mustCompute(n expr.Node) bool {
	keep := false
	visit(n, func(m expr.Node) bool {
		switch m.(type) {
		case *expr.SetReturning, *expr.Grouping, *expr.WindowFunc:
			keep = true
		}
		return !keep
	})
	switch n.(type) {
	case *expr.Const, *expr.Var:
		return true
	}
	return keep || hasVolatile(n)
}

// planSubquery plans a subquery in FROM. One that refers to other items of the same FROM is a unit of its own, run for
// each left row.
func (q *query) planSubquery(f *fromItem, r *sema.RTE, needed map[int]bool) error {
	lateral := false
	sub := withoutUnused(r.Query, needed)
	visitQuery(sub, 0, func(n expr.Node, depth int) {
		if v, ok := n.(*expr.Var); ok && v.Level == depth+1 {
			lateral = true
		}
	})
	if !lateral {
		var err error
		f.node, err = q.b.planQuery(sub, q, q.unit, q.depth+1)
		return err
	}
	u := &unit{parent: q}
	n, err := q.b.planQuery(sub, q, u, 0)
	if err != nil {
		return err
	}
	f.node, f.args = n, u.args
	for _, a := range u.args {
		f.needs = f.needs.union(q.relsOf(a))
	}
	return nil
}

// planFunction plans a function in FROM.
func (q *query) planFunction(f *fromItem, r *sema.RTE) error {
	needs := q.relsOf(r.Func)
	in := q
	u := q.unit
	if !needs.empty() {
		u = &unit{parent: q, direct: true}
		in = &query{b: q.b, q: q.q, up: q.up, unit: u, needed: q.needed}
	}
	ts := columnTypes(r.Columns)
	n := &FunctionScan{Props: q.b.props(ts, 1000), Ordinality: r.Ordinality, Width: len(ts)}
	if r.Ordinality {
		n.Width--
	}
	var err error
	if set, ok := r.Func.(*expr.SetReturning); ok {
		n.Set = set
		n.Args, err = in.scalars(set.Args, nil, nil)
	} else {
		n.Rows = 1
		n.Expr, err = in.scalar(r.Func, nil, nil)
	}
	if err != nil {
		return err
	}
	f.node = n
	if !needs.empty() {
		f.needs, f.args = needs, u.args
	}
	return nil
}
