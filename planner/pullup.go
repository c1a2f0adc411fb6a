package planner

import (
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Pull-up turns subqueries into joins before anything is planned: simple subqueries in FROM (views) dissolve into the
// enclosing FROM, and EXISTS, IN and = ANY among the conjuncts of WHERE become semi and anti joins. The pulled query's
// range table is appended to the enclosing one, so that all columns live in one name space.

// semiJoin is a pulled EXISTS or ANY.
type semiJoin struct {
	kind  JoinType
	from  sema.JoinNode
	rels  relSet
	where []expr.Node // over the enclosing query's range table: conditions within the subquery and across
	// left and right are the comparisons of ANY.
	eqs []expr.Node
}

// isPlainFrom reports whether a query is only FROM, WHERE and targets.
func isPlainFrom(s *sema.Query) bool {
	return s.From != nil && s.SetOp == nil && s.Values == nil && s.LiteralRows == nil && len(s.CTEs) == 0 && !s.HasAggs &&
		!s.HasSRFs && !s.HasWindows && len(s.GroupBy) == 0 && s.GroupingSets == nil && s.Having == nil && !s.Distinct && s.DistinctOn == nil &&
		s.Limit == nil && s.Offset == nil && len(s.Locking) == 0
}

// pullUp rewrites q.q. keepRels leaves FROM's subqueries alone (RETURNING refers to them).
func (q *query) pullUp(keepRels bool) {
	if q.q.SetOp != nil || q.q.Values != nil || q.q.LiteralRows != nil {
		return
	}
	if !keepRels {
		for r := 0; r < len(q.q.Rels) && r < maxRels/2; r++ {
			q.pullRel(r)
		}
	}
	q.where = splitAnd(nil, q.q.Where)
	q.original = q.where
	var rest []expr.Node
	for _, w := range q.where {
		if s := q.pullSemi(w); s != nil {
			q.semis = append(q.semis, s)
			continue
		}
		rest = append(rest, w)
	}
	q.where = rest
	q.havingToWhere()
	q.minMax()
}

// absorb appends sub's range table to the query's and returns a function that moves sub's expressions into the query.
func (q *query) absorb(sub *sema.Query) (offset int, move func(expr.Node) expr.Node) {
	offset = len(q.q.Rels)
	var f levelFunc
	f = func(n expr.Node, d int) (expr.Node, bool) {
		level, ok := levelOf(n)
		if ok && level > d {
			return mapChildren(withLevel(n, level-1), f.at(d)), true
		}
		v, ok := n.(*expr.Var)
		if !ok {
			return nil, false
		}
		c := *v
		if level == d {
			c.Rel += offset
		}
		return &c, true
	}
	move = func(n expr.Node) expr.Node { return mapLevels(n, 0, f) }
	rels := append([]*sema.RTE{}, q.q.Rels...)
	for _, r := range sub.Rels {
		c := *r
		c.Query = mapQuery(r.Query, 1, f)
		c.Func = move(r.Func)
		c.JoinCols = mapEach(r.JoinCols, move)
		c.Security = mapEach(r.Security, move)
		rels = append(rels, &c)
	}
	s := *q.q
	s.Rels = rels
	q.q = &s
	return offset, move
}

// moveTree shifts the entries of a join tree and moves its conditions.
func moveTree(j sema.JoinNode, offset int, move func(expr.Node) expr.Node) sema.JoinNode {
	if r, ok := relOf(j); ok {
		return sema.RelRef{Rel: r + offset}
	}
	t := j.(*sema.Join)
	return &sema.Join{Kind: t.Kind, Left: moveTree(t.Left, offset, move), Right: moveTree(t.Right, offset, move), On: move(t.On)}
}

// pullRel dissolves entry r if it is a simple subquery.
func (q *query) pullRel(r int) {
	rte := q.q.Rels[r]
	// A subquery's ORDER BY is kept, as in PostgreSQL: aggregates are fed in that order.
	if rte.View != nil && rte.View.Barrier {
		return // conditions on it are to be judged after its own
	}
	if rte.Kind != sema.RTESubquery || rte.Query == nil || !isPlainFrom(rte.Query) || len(rte.Query.OrderBy) > 0 || len(q.q.Rels)+len(rte.Query.Rels) > maxRels/2 {
		return
	}
	nullable, found := nullableSide(q.q.From, r, false)
	if !found || nullable && rte.Query.Where != nil || nullable && q.asksPresence(r) {
		return
	}
	var ts []sema.Target
	for _, t := range rte.Query.Targets {
		if t.Junk {
			return
		}
		_, plain := t.Expr.(*expr.Var)
		// What an outer join or a grouping set makes NULL is the subquery's column, not what it was computed from.
		if (nullable || q.q.GroupingSets != nil) && !plain || hasSubquery(t.Expr) || hasVolatile(t.Expr) {
			return
		}
		ts = append(ts, t)
	}
	if outerRefs(rte.Query) && (nullable || outerRefsInOuterJoins(rte.Query)) {
		return
	}
	offset, move := q.absorb(rte.Query)
	exprs := make([]expr.Node, len(ts))
	for i, t := range ts {
		exprs[i] = move(t.Expr)
	}
	tree := moveTree(rte.Query.From, offset, move)
	where := move(rte.Query.Where)
	s := *q.q
	s.From = replaceLeaf(s.From, r, tree)
	s.Locking = lockWithin(s.Locking, r, offset, len(rte.Query.Rels))
	if where != nil {
		s.Where = andOf(append(splitAnd(nil, s.Where), where))
	}
	q.q = mapQuery(&s, 0, func(n expr.Node, d int) (expr.Node, bool) {
		v, ok := n.(*expr.Var)
		if !ok || v.Level != d || v.Rel != r || v.Col >= len(exprs) {
			return nil, false
		}
		if v.Col == expr.PresentCol { // no outer join makes up its rows
			return &expr.Const{Type: v.Type, Value: types.NewBool(true), Loc: -1}, true
		}
		return relevel(exprs[v.Col], d), true
	})
	// The entry stays in the range table, unread.
	dead := *q.q.Rels[r]
	dead.Query = nil
	q.q.Rels[r] = &dead
}

// asksPresence reports whether the query tells rows of entry r from those that an outer join made up.
func (q *query) asksPresence(r int) bool {
	found := false
	visitQuery(q.q, 0, func(n expr.Node, depth int) {
		v, ok := n.(*expr.Var)
		found = found || ok && v.Level == depth && v.Rel == r && v.Col == expr.PresentCol
	})
	return found
}

// lockWithin makes a row-locking clause on a dissolved subquery one on the n entries that came from it.
func lockWithin(ls []sema.Locking, r, offset, n int) []sema.Locking {
	out := append([]sema.Locking{}, ls...)
	for i := range out {
		var rels []int
		for _, x := range out[i].Rels {
			if x != r {
				rels = append(rels, x)
				continue
			}
			for k := range n {
				rels = append(rels, offset+k)
			}
		}
		out[i].Rels = rels
	}
	return out
}

// outerRefs reports whether a query refers to the one around it.
func outerRefs(s *sema.Query) bool {
	found := false
	visitQuery(s, 0, func(n expr.Node, depth int) {
		if v, ok := n.(*expr.Var); ok && v.Level == depth+1 {
			found = true
		}
	})
	return found
}

// outerRefsInOuterJoins reports whether a condition of the query's outer joins refers to the query around it: what it
// reads is not there where those joins are planned, were they among the enclosing query's.
func outerRefsInOuterJoins(s *sema.Query) bool {
	var visit func(j sema.JoinNode) bool
	visit = func(j sema.JoinNode) bool {
		t, ok := j.(*sema.Join)
		if !ok {
			return false
		}
		if t.Kind == sema.LeftJoin || t.Kind == sema.FullJoin {
			if outerRefs(&sema.Query{Where: t.On}) {
				return true
			}
		}
		return visit(t.Left) || visit(t.Right)
	}
	return visit(s.From)
}

func replaceLeaf(j sema.JoinNode, r int, by sema.JoinNode) sema.JoinNode {
	if x, ok := relOf(j); ok {
		if x == r {
			return by
		}
		return j
	}
	t := j.(*sema.Join)
	return &sema.Join{Kind: t.Kind, Left: replaceLeaf(t.Left, r, by), Right: replaceLeaf(t.Right, r, by), On: t.On}
}

// nullableSide reports whether entry r lies where an outer join fills in NULLs.
func nullableSide(j sema.JoinNode, r int, nullable bool) (is, found bool) {
	if j == nil {
		return false, false
	}
	if x, ok := relOf(j); ok {
		return nullable, x == r
	}
	t := j.(*sema.Join)
	if is, found = nullableSide(t.Left, r, nullable || t.Kind == sema.FullJoin); found {
		return is, true
	}
	return nullableSide(t.Right, r, nullable || t.Kind == sema.FullJoin || t.Kind == sema.LeftJoin)
}

// pullSemi turns a conjunct into a semi or anti join, or answers nil.
func (q *query) pullSemi(w expr.Node) *semiJoin {
	not := false
	if b, ok := w.(*expr.BoolOp); ok && b.Op == expr.Not {
		not = true
		w = b.Args[0]
	}
	s, ok := w.(*expr.Subquery)
	if !ok || s.Kind != expr.ExistsSubquery && s.Kind != expr.AnySubquery {
		return nil
	}
	sub, ok := s.Query.(*sema.Query)
	if !ok || q.q.From == nil || len(q.q.Rels)+2 > maxRels/2 {
		return nil
	}
	j := &semiJoin{kind: Semi}
	if not {
		j.kind = Anti
	}
	if s.Kind == expr.AnySubquery {
		return q.pullAny(j, s, sub, not)
	}
	if !isPlainFrom(sub) || len(q.q.Rels)+len(sub.Rels) > maxRels/2 || !correlatedInWhereOnly(sub) {
		return nil
	}
	q.absorbSemi(j, sub)
	return j
}

// pullAny pulls `left = ANY (subquery)`. The subquery must not refer outward, except a plain one from its WHERE.
func (q *query) pullAny(j *semiJoin, s *expr.Subquery, sub *sema.Query, not bool) *semiJoin {
	// NOT IN is a join of keys on both sides: a constant compared with the subquery's column would become its filter, which
	// drops the NULLs that count.
	if not && (len(s.Left) != 1 || q.relsOf(s.Left[0]).empty()) {
		return nil
	}
	for i, op := range s.Ops {
		if op.Operator == nil || op.Operator.Name != "=" || hasSubquery(s.Left[i]) || hasVolatile(s.Left[i]) {
			return nil
		}
	}
	var cols []expr.Node
	if isPlainFrom(sub) && correlatedInWhereOnly(sub) && !not && len(q.q.Rels)+len(sub.Rels) <= maxRels/2 {
		offset := len(q.q.Rels)
		_ = offset
		move := q.absorbSemi(j, sub)
		for _, t := range visibleTargets(sub) {
			cols = append(cols, move(t.Expr))
		}
	} else {
		if outerRefs(sub) {
			return nil
		}
		// The subquery stays whole, as one entry.
		c := *q.q
		rte := &sema.RTE{Kind: sema.RTESubquery, Alias: "ANY_subquery", Query: sub}
		for _, t := range visibleTargets(sub) {
			rte.Columns = append(rte.Columns, sema.Column{Name: t.Name, Type: t.Expr.ResultType()})
		}
		rel := len(c.Rels)
		c.Rels = append(append([]*sema.RTE{}, c.Rels...), rte)
		q.q = &c
		j.from = sema.RelRef{Rel: rel}
		j.rels.add(rel)
		for i, col := range rte.Columns {
			cols = append(cols, &expr.Var{Rel: rel, Col: i, Type: col.Type, Name: col.Name, Loc: -1})
		}
		if not {
			j.kind = NullAnti
		}
	}
	for i, op := range s.Ops {
		j.eqs = append(j.eqs, &expr.Func{Fn: op, Args: []expr.Node{s.Left[i], cols[i]}, Type: types.T(types.BoolOid), Loc: s.Loc})
	}
	if j.kind == NullAnti {
		c := q.newConj(j.eqs[0])
		if c.left == nil {
			return nil
		}
	}
	return j
}

func (q *query) absorbSemi(j *semiJoin, sub *sema.Query) func(expr.Node) expr.Node {
	offset, move := q.absorb(sub)
	j.from = moveTree(sub.From, offset, move)
	for i := range sub.Rels {
		j.rels.add(offset + i)
	}
	for _, w := range splitAnd(nil, sub.Where) {
		j.where = append(j.where, move(w))
	}
	return move
}

// correlatedInWhereOnly reports whether the query refers to its enclosing one from the conjuncts of WHERE only, and not
// from queries nested in them.
func correlatedInWhereOnly(s *sema.Query) bool {
	bare := *s
	bare.Where = nil
	if outerRefs(&bare) {
		return false
	}
	ok := true
	for _, w := range splitAnd(nil, s.Where) {
		visitLevels(w, 0, func(n expr.Node, depth int) {
			if v, isVar := n.(*expr.Var); isVar && depth > 0 && v.Level == depth+1 {
				ok = false
			}
		})
	}
	return ok
}

// joinSemi joins a pulled subquery to what is planned so far.
func (q *query) joinSemi(left *fromItem, s *semiJoin) (*fromItem, error) {
	var inner, across []*conj
	for _, w := range append(append([]expr.Node{}, s.where...), s.eqs...) {
		c := q.newConj(w)
		if c.rels.within(s.rels) && !c.rels.empty() {
			inner = append(inner, c)
		} else {
			across = append(across, c)
		}
	}
	right, err := q.planJoinTree(s.from, inner)
	if err != nil {
		return nil, err
	}
	if s.kind == Semi && q.driver == 0 && q.worthUnique(left, right, across) {
		if u, ok := q.uniqueRight(right, across, s.rels); ok {
			return q.join(Inner, left, u, across)
		}
	}
	return q.join(s.kind, left, right, across)
}

// worthUnique reports whether reading left by the distinct keys of right beats reading all of left.
func (q *query) worthUnique(left, right *fromItem, across []*conj) bool {
	if left.scan == nil || !left.scan.Access.Unbounded() || len(across) == 0 {
		return false
	}
	for _, c := range across {
		if c.left == nil {
			return false
		}
	}
	p := q.lookupPath(right, left, across)
	return p != nil && right.rows() < q.b.tableRows(left.scan.Table)
}

// uniqueRight makes right's comparison columns distinct, if they are plain columns, or ctids.
func (q *query) uniqueRight(right *fromItem, across []*conj, rels relSet) (*fromItem, bool) {
	var cols []int
	lay := newLayout()
	var exprs []*Scalar
	for _, c := range across {
		e := c.right
		if c.leftRels.within(rels) && !c.leftRels.empty() {
			e = c.left
		}
		if f, ok := e.(*expr.Func); ok && expr.IsKeyOfTid(f.Fn) {
			e = f.Args[0] // tids that differ are of different keys
		}
		v, ok := e.(*expr.Var)
		if !ok || v.Level != 0 {
			return nil, false
		}
		p, ok := right.lay.pos[varID{v.Rel, v.Col}]
		if !ok {
			return nil, false
		}
		if _, dup := lay.pos[varID{v.Rel, v.Col}]; dup {
			continue
		}
		cols = append(cols, len(cols))
		lay.add(varID{v.Rel, v.Col}, v.Type)
		exprs = append(exprs, q.columnScalar(p, right.lay.ts[p]))
	}
	n := q.project(right.node, exprs)
	d := &Distinct{Props: q.b.props(lay.ts, n.Base().Rows), Input: n, Cols: cols}
	return &fromItem{rels: right.rels, node: d, lay: lay, rel: -1}, true
}
