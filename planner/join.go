package planner

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
)

// join joins two items under conditions that concern both (or, for outer joins, the join itself).
func (q *query) join(kind JoinType, left, right *fromItem, conds []*conj) (*fromItem, error) {
	conds = oneOfClass(conds)
	out := &fromItem{rels: left.rels.union(right.rels), rel: -1}
	if !right.needs.empty() {
		out.order = left.order.joined()
		return q.lateralJoin(kind, out, left, right, conds)
	}
	if left.order != nil {
		return q.orderedJoin(kind, out, left, right, conds)
	}
	if kind == Inner {
		// The item that can be read by key stands right; where both can, the larger one does.
		lp, rp := q.lookupPath(left, right, conds), q.lookupPath(right, left, conds)
		if rp != nil && (lp == nil || right.rows() < left.rows()) {
			left, right = right, left
		}
	}
	lk, err := q.lookup(kind, left, right, conds)
	if err != nil {
		return nil, err
	}
	if q.b.env.Methods.NoNestLoop && connected(left.rels, right.rels, conds) {
		lk = nil
	}
	if lk != nil && !connected(left.rels, right.rels, conds) {
		if left.rows()*lk.Inner.eachCost() < right.rows()+pairCost*left.rows()*right.rows() {
			out.node, out.lay = lk, lk.lay(left, right, kind)
			return out, nil
		}
		lk = nil
	}
	if lk != nil && !q.streams() && left.rows() > float64(q.lookupRows(lk, right)) {
		lk = nil
	}
	if lk != nil && q.streams() {
		out.node, out.lay = lk, lk.lay(left, right, kind)
		return out, nil
	}
	return q.hashOrLoop(kind, out, left, right, conds, lk)
}

// orderedJoin joins an item to one whose order is to be kept.
func (q *query) orderedJoin(kind JoinType, out, left, right *fromItem, conds []*conj) (*fromItem, error) {
	lk, err := q.lookup(kind, left, right, conds)
	if err != nil {
		return nil, err
	}
	m, err := q.mergeOrdered(kind, left, right, conds)
	if err != nil {
		return nil, err
	}
	k := coster{env: q.b.env}
	switch {
	case lk == nil && m == nil:
		return nil, errUnordered
	case m != nil && (lk == nil || k.of(m.node).total < k.of(lk).total):
		return m, nil
	}
	out.node, out.lay, out.order = lk, lk.lay(left, right, kind), left.order
	if kind != Semi && kind != Anti && !lk.Inner.Access.Point {
		out.order = left.order.joined()
	}
	return out, nil
}

// lay returns the layout of a lookup join's rows.
func (n *LookupJoin) lay(left, right *fromItem, kind JoinType) *layout {
	if kind == Semi || kind == Anti {
		return left.lay
	}
	return left.lay.concat(right.lay)
}

// streams reports whether the query wants the first rows soon: LIMIT without anything that needs all rows.
func (q *query) streams() bool {
	s := q.q
	return s.Limit != nil && len(s.OrderBy) == 0 && !s.HasAggs && !s.HasWindows && len(s.GroupBy) == 0 && !s.Distinct && s.DistinctOn == nil
}

// hashOrLoop makes a hash join where there is an equality, else a nested loop. lk is the lookup alternative, outer left.
func (q *query) hashOrLoop(kind JoinType, out, left, right *fromItem, conds []*conj, lk *LookupJoin) (*fromItem, error) {
	outer, inner := left, right
	if kind == Inner && (lk != nil || left.rows() < right.rows()) {
		// The build side stands right: it is read first, and if it is small the other is looked up instead of scanned.
		left, right = right, left
	}
	h := &HashJoin{Type: kind}
	lay := left.lay.concat(right.lay)
	var rest []expr.Node
	for _, c := range conds {
		l, r := c.left, c.right
		switch {
		case c.left != nil && c.leftRels.within(left.rels) && c.rightRels.within(right.rels) && !(c.leftRels.empty() && c.rightRels.empty()):
		case c.left != nil && c.leftRels.within(right.rels) && c.rightRels.within(left.rels) && !(c.leftRels.empty() && c.rightRels.empty()):
			l, r = c.right, c.left
		default:
			rest = append(rest, c.node)
			continue
		}
		ls, err := q.scalar(l, left.lay, nil)
		if err != nil {
			return nil, err
		}
		rs, err := q.scalar(r, right.lay, nil)
		if err != nil {
			return nil, err
		}
		h.LeftKeys, h.RightKeys = append(h.LeftKeys, ls), append(h.RightKeys, rs)
		h.KeyTypes = append(h.KeyTypes, keyType(ls.Type, rs.Type))
	}
	var cond *Scalar
	var err error
	if len(rest) > 0 {
		if cond, err = q.scalar(andOf(rest), lay, nil); err != nil {
			return nil, err
		}
	}
	out.lay = lay
	if kind == Semi || kind == Anti || kind == NullAnti {
		out.lay = left.lay
	}
	rows := q.joinRows(kind, left, right, conds)
	if len(h.LeftKeys) == 0 {
		n := &NestLoop{Props: q.b.props(out.lay.ts, rows), Type: kind, Left: left.node, Right: right.node, Cond: cond}
		if f, err := q.ginJoin(kind, left, right, conds, n); f != nil || err != nil {
			return f, err
		}
		out.node = n
		return out, nil
	}
	h.Props = q.b.props(out.lay.ts, rows)
	h.Left, h.Right, h.Cond = left.node, right.node, cond
	if lk != nil {
		h.Lookup = lk
		h.LookupRows = q.lookupRows(lk, inner)
		if kind == Inner {
			// The lookup puts out outer ++ inner; the hash join puts out inner ++ outer.
			n := len(outer.lay.ts)
			for i := range inner.lay.ts {
				lk.Out = append(lk.Out, n+i)
			}
			for i := range outer.lay.ts {
				lk.Out = append(lk.Out, i)
			}
			lk.Types = out.lay.ts
		}
	}
	out.node = h
	return q.mergeInstead(kind, out, left, right, conds)
}

// mergeInstead takes a merge join, or a nested loop, in the place of a hash join that is not wanted or would not fit into
// memory.
func (q *query) mergeInstead(kind JoinType, out, left, right *fromItem, conds []*conj) (*fromItem, error) {
	k := coster{env: q.b.env}
	off := q.b.env.Methods
	h := out.node.(*HashJoin)
	if _, spill := k.spillCost(h); (spill == 0 || h.Lookup != nil) && !off.NoHashJoin {
		return out, nil
	}
	if !off.NoMergeJoin {
		m, err := q.mergeByKeys(kind, left, right, conds)
		if err != nil || m != nil && (off.NoHashJoin || k.of(m.node).total < k.of(h).total) {
			return m, err
		}
	}
	if !off.NoHashJoin || off.NoNestLoop || kind == NullAnti {
		return out, nil
	}
	n := &NestLoop{Props: h.Props, Type: kind, Left: left.node, Right: right.node}
	var err error
	n.Cond, err = q.scalar(andOf(nodesOf(conds)), left.lay.concat(right.lay), nil)
	out.node = n
	return out, err
}

// looksUp reports whether the join is expected to look its partners up.
func (n *HashJoin) looksUp() bool {
	if n.Lookup == nil {
		return false
	}
	outer := n.Left
	if n.Type == Inner {
		outer = n.Right
	}
	return inputRows(outer) <= float64(n.LookupRows)
}

// lookupRows is the number of outer rows up to which looking up beats reading the inner item and finding its rows by a hash.
func (q *query) lookupRows(lk *LookupJoin, inner *fromItem) int {
	least := 16.0
	if lk.Inner.Access.Point {
		least = 64
	}
	other := q.scanRows(inner.scan) + hashProbeCost*inner.rows()
	return int(max(least, other/lk.Inner.eachCost()))
}

// scanRows is what a scan costs, in rows of a table that is read from end to end.
func (q *query) scanRows(n *Scan) float64 {
	if n.Access.FullScan() {
		return q.b.tableRows(n.Table)
	}
	return n.Read * rowCost(n.Access.Index, n.Access.IndexOnly)
}

// eachCost is what looking up by the key of a scan costs, in the units of joinorder.go.
func (n *Scan) eachCost() float64 {
	return lookupCost(n.Read, n.Access.Point, n.Access.Index, n.Access.IndexOnly)
}

// lookupCost is what a row's partners cost, so many, that are looked up by a unique key (point) or another one.
func lookupCost(rows float64, point bool, ix *catalog.Index, indexOnly bool) float64 {
	switch {
	case point:
		return pointCost
	case ix != nil && !indexOnly:
		return rangeCost + fetchCost*rows
	}
	return rangeCost + rows
}

// lateralJoin runs the right item for each left row.
func (q *query) lateralJoin(kind JoinType, out, left, right *fromItem, conds []*conj) (*fromItem, error) {
	lay := left.lay.concat(right.lay)
	n := &NestLoop{Type: kind, Left: left.node, Right: right.node, Lateral: true}
	out.lay = lay
	if kind == Semi || kind == Anti {
		out.lay = left.lay
	}
	n.Props = q.b.props(out.lay.ts, q.joinRows(kind, left, right, conds))
	var err error
	if n.Args, err = q.scalars(right.args, left.lay, nil); err != nil {
		return nil, err
	}
	if ns := nodesOf(conds); len(ns) > 0 {
		if n.Cond, err = q.scalar(andOf(ns), lay, nil); err != nil {
			return nil, err
		}
	}
	out.node = n
	return out, nil
}

func nodesOf(conds []*conj) []expr.Node {
	var out []expr.Node
	for _, c := range conds {
		out = append(out, c.node)
	}
	return out
}

// lookupPath finds a key of the inner table that equalities with outer columns bind.
func (q *query) lookupPath(outer, inner *fromItem, conds []*conj) *accessPath {
	if inner.scan == nil {
		return nil
	}
	var joins []*keyCond
	for _, c := range conds {
		f, ok := c.node.(*expr.Func)
		if !ok || c.left == nil && !q.isRange(f) {
			continue
		}
		op := operatorName(f)
		if k := q.joinKey(c, f.Args[0], f.Args[1], outer, inner); k != nil {
			k.op = op
			joins = append(joins, k)
		} else if k := q.joinKey(c, f.Args[1], f.Args[0], outer, inner); k != nil {
			k.op = commuted[op]
			joins = append(joins, k)
		}
	}
	if len(joins) == 0 {
		return nil
	}
	t := inner.scan.Table
	ks := joins
	for _, k := range q.keyConds(inner.rel, inner.conds) {
		if k.op != "in" && k.op != "not null" {
			ks = append(ks, k)
		}
	}
	var best *accessPath
	try := func(ix *catalog.Index, cols []catalog.IndexColumn, unique bool) {
		p := q.matchPath(inner.rel, t, ix, cols, unique, ks, q.b.tableRows(t))
		usesJoin := false
		for _, e := range append([]*keyCond{p.lo, p.hi}, p.eq...) {
			usesJoin = usesJoin || slices.Contains(joins, e)
		}
		if usesJoin && !p.omitsRows(t) && (best == nil || p.rows < best.rows) {
			best = p
		}
	}
	try(nil, rowKeyColumns(t), true)
	for _, ix := range t.Indexes {
		if !ix.RowKey && !ix.Gin() && !q.b.tooNew(ix) && q.admits(inner.rel, t, ix, inner.conds) {
			try(ix, ix.Columns, ix.Unique)
		}
	}
	return best
}

// isRange reports whether a condition compares by <, <=, > or >= what is the same at each evaluation.
func (q *query) isRange(f *expr.Func) bool {
	op := operatorName(f)
	return commuted[op] != "" && op != "=" && !hasVolatile(f)
}

// joinKey reads a comparison as one of an inner column with an outer expression.
func (q *query) joinKey(c *conj, col, val expr.Node, outer, inner *fromItem) *keyCond {
	key := stripCast(col)
	if valRels := q.relsOf(val); !sameBytes(key.ResultType().Oid, col.ResultType().Oid) || valRels.empty() || !valRels.within(outer.rels) || hasSubquery(val) {
		return nil
	}
	v, ok := key.(*expr.Var)
	if !ok {
		if !onExpressions(inner.scan.Table) || !q.relsOf(key).only(inner.rel) || hasVolatile(key) || hasSubquery(key) {
			return nil
		}
		return &keyCond{c: c, col: -1, key: expr.Fold(key), op: "=", val: val}
	}
	if v.Level != 0 || v.Rel != inner.rel {
		return nil
	}
	return &keyCond{c: c, col: v.Col, op: "=", val: val}
}

// lookup makes the lookup join of outer with inner, or nil when no key serves.
func (q *query) lookup(kind JoinType, outer, inner *fromItem, conds []*conj) (*LookupJoin, error) {
	if kind == FullOuter || kind == NullAnti {
		return nil, nil
	}
	p := q.lookupPath(outer, inner, conds)
	if p == nil {
		return nil, nil
	}
	s := *inner.scan
	s.Access = Access{Index: p.index, Columns: p.columns}
	q.b.use(p.index)
	s.Filter, s.FilterCols = nil, nil
	used := map[*conj]bool{}
	for _, k := range p.eq {
		v, err := q.scalar(k.val, outer.lay, nil)
		if err != nil {
			return nil, err
		}
		s.Access.Eq = append(s.Access.Eq, v)
		used[k.c] = true
	}
	for _, b := range []struct {
		k  *keyCond
		at **Bound
	}{{p.lo, &s.Access.Lo}, {p.hi, &s.Access.Hi}} {
		if b.k == nil {
			continue
		}
		v, err := q.scalar(b.k.val, outer.lay, nil)
		if err != nil {
			return nil, err
		}
		*b.at = &Bound{Value: v, Inclusive: len(b.k.op) == 2}
		used[b.k.c] = true
	}
	s.Access.NotNull = p.lo != nil || p.hi != nil
	s.Access.Point = p.unique && len(p.eq) == len(p.columns)
	s.Access.Dist = distOf(s.Table, &s.Access, len(p.eq))
	s.Access.IndexOnly = q.indexOnly(inner.rel, s.Table, p.index)
	var own, rest []expr.Node
	for _, c := range inner.conds {
		if !used[c] && !c.hint {
			own = append(own, c.node)
		}
	}
	for _, c := range conds {
		if !used[c] {
			rest = append(rest, c.node)
		}
	}
	var err error
	if len(own) > 0 {
		if s.Filter, err = q.scalar(andOf(own), inner.lay, nil); err != nil {
			return nil, err
		}
		s.FilterCols = columnsOf(s.Filter.Node)
	}
	s.Props, s.Read = q.b.props(inner.scan.Types, p.rows), p.rows
	lay := outer.lay.concat(inner.lay)
	n := &LookupJoin{Type: kind, Left: outer.node, Inner: &s}
	if len(rest) > 0 {
		if n.Cond, err = q.scalar(andOf(rest), lay, nil); err != nil {
			return nil, err
		}
	}
	ts := lay.ts
	if kind == Semi || kind == Anti {
		ts = outer.lay.ts
	}
	n.Props = q.b.props(ts, q.joinRows(kind, outer, inner, conds))
	return n, nil
}
