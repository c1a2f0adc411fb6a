package planner

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// hashedExists is EXISTS (subquery) as = ANY over the subquery without its conditions on the enclosing row, which must be
// equalities; nil where that does not do.
func hashedExists(s *expr.Subquery, sub *sema.Query) *expr.Subquery {
	if s.Kind != expr.ExistsSubquery || !canTrimExists(sub) || !isPlainFrom(sub) || !correlatedInWhereOnly(sub) || changes(sub) {
		return nil
	}
	out := &expr.Subquery{Kind: expr.AnySubquery, Type: s.Type, Loc: s.Loc}
	c := *sub
	c.Targets, c.OrderBy = nil, nil
	left, right, rest := splitCorrelation(sub)
	for i := range left {
		out.Left = append(out.Left, relevel(left[i], -1))
		c.Targets = append(c.Targets, sema.Target{Expr: right[i], Name: "?column?"})
	}
	if len(out.Left) == 0 {
		return nil
	}
	for _, w := range splitAnd(nil, sub.Where) {
		if _, outer := sidesOf(w); outer {
			out.Ops = append(out.Ops, w.(*expr.Func).Fn)
		}
	}
	c.Where = nil
	if len(rest) > 0 {
		c.Where = andOf(rest)
	}
	out.Query = &c
	return out
}

// sidesOf reports whether an expression has columns of its query, and values of those around it.
func sidesOf(n expr.Node) (own, outer bool) {
	visitLevels(n, 0, func(k expr.Node, depth int) {
		if v, ok := k.(*expr.Var); ok {
			own, outer = own || v.Level == depth, outer || v.Level > depth
		} else if level, ok := levelOf(k); ok {
			outer = outer || level > depth
		}
	})
	return own, outer
}

// changes reports whether a query may answer differently from one time to the next in one statement, for the same outer
// values.
func changes(s *sema.Query) bool {
	found := hasVolatile(&expr.Subquery{Query: s})
	eachQuery(s, func(k *sema.Query) {
		found = found || len(k.Locking) > 0
		for _, r := range k.Rels {
			found = found || r.Kind == sema.RTEWorkTable
		}
		for _, c := range k.CTEs {
			found = found || c.DML != nil
		}
	})
	return found
}

// groupedAlternative sets c.Grouped where c is of the rows with some columns equal to outer values.
func (q *query) groupedAlternative(c *expr.Subquery, sub *sema.Query, resolve replacer) error {
	alt := groupedAggregate(c, sub)
	if alt == nil {
		return nil
	}
	plan, outer, err := q.subplan(alt, alt.Query.(*sema.Query))
	if err != nil || len(outer) > 0 {
		return err
	}
	keys := alt.Query.(*sema.Query)
	alt.Left, alt.Query = mapList(alt.Left, resolve), plan
	k := coster{env: q.b.env}
	c.Grouped, c.HashRows = alt, k.of(plan.Root).total/cpuTupleCost/2
	return q.batchedAlternative(c, alt, keys, sub)
}

// batchKeysCol is the number of a column that stands for the array of the keys of a batch.
const batchKeysCol = -100

// batchedAlternative sets c.Batched where an index leads to the rows that have one of a batch's keys. keys is the query of
// alt, that of all keys.
func (q *query) batchedAlternative(c, alt *expr.Subquery, keys, sub *sema.Query) error {
	var ops []*expr.Function
	for _, w := range splitAnd(nil, sub.Where) {
		if _, outer := sidesOf(w); outer {
			ops = append(ops, w.(*expr.Func).Fn)
		}
	}
	for i := range alt.Left {
		col := keys.Targets[i].Expr
		array := types.ArrayOf(col.ResultType().Oid)
		if array == 0 || !leadsIndex(keys, col) || q.b.variants == maxVariants {
			continue
		}
		q.b.variants++
		own := *keys
		in := &expr.AnyAll{Op: ops[i], Left: col, Array: &expr.Var{Level: 1, Col: batchKeysCol, Type: types.T(array), Loc: -1}, Loc: -1}
		own.Where = andOf(append(splitAnd(nil, keys.Where), in))
		plan, outer, err := q.subplan(alt, &own)
		if err != nil {
			return err
		}
		if plan.Batch = true; len(outer) == 1 && readsIn(plan.Root) {
			c.Batched, c.BatchKey = &expr.Subquery{Kind: alt.Kind, Type: alt.Type, Loc: alt.Loc, Left: alt.Left, Query: plan}, i
			return nil
		}
	}
	return nil
}

// leadsIndex reports whether a key of a table begins with a column.
func leadsIndex(s *sema.Query, n expr.Node) bool {
	v, ok := stripCast(n).(*expr.Var)
	if !ok || v.Level != 0 || s.Rels[v.Rel].Kind != sema.RTETable || v.Col < 0 {
		return false
	}
	t := s.Rels[v.Rel].Table
	if len(t.KeyColumns) > 0 && int(t.KeyColumns[0]) == v.Col+1 {
		return true
	}
	return slices.ContainsFunc(t.Indexes, func(ix *catalog.Index) bool { return int(ix.Columns[0].Num) == v.Col+1 })
}

// readsIn reports whether a plan looks the values of an array up that it is given.
func readsIn(n Node) bool {
	if s, ok := n.(*Scan); ok && s.Access.In != nil {
		if _, given := stripCast(s.Access.In.Node).(*expr.OuterColumn); given {
			return true
		}
	}
	return slices.ContainsFunc(n.Inputs(), readsIn)
}

// groupedAggregate is an aggregate over rows with columns equal to outer values as one grouped by these columns, or a value of
// such a row as that of all rows; nil where that does not do.
func groupedAggregate(s *expr.Subquery, sub *sema.Query) *expr.Subquery {
	visible := visibleTargets(sub)
	if s.Kind != expr.ScalarSubquery || len(sub.GroupBy) > 0 || sub.GroupingSets != nil || sub.Having != nil || sub.HasWindows ||
		sub.HasSRFs || sub.Distinct || sub.DistinctOn != nil || sub.Limit != nil || sub.Offset != nil || len(sub.CTEs) > 0 ||
		len(visible) != 1 || len(sub.Targets) != 1 || sub.From == nil || !correlatedInWhereOnly(sub) {
		return nil
	}
	left, right, rest := splitCorrelation(sub)
	if len(left) == 0 {
		return nil
	}
	c := *sub
	c.OrderBy, c.Targets = nil, nil
	for i, r := range right {
		t := sema.Target{Expr: r, Name: "?column?"}
		if sub.HasAggs {
			c.GroupBy, t.Group = append(c.GroupBy, r), i+1
		}
		c.Targets = append(c.Targets, t)
	}
	c.Targets = append(c.Targets, visible[0])
	if c.Where = nil; len(rest) > 0 {
		c.Where = andOf(rest)
	}
	out := &expr.Subquery{Kind: expr.ScalarSubquery, Type: s.Type, Loc: s.Loc, Query: &c}
	for _, l := range left {
		out.Left = append(out.Left, relevel(l, -1))
	}
	return out
}

// splitCorrelation parts the conditions of a subquery: equalities of outer values with its own, and those that have no outer
// values. left is nil where others have.
func splitCorrelation(sub *sema.Query) (left, right, rest []expr.Node) {
	for _, w := range splitAnd(nil, sub.Where) {
		if _, outer := sidesOf(w); !outer {
			rest = append(rest, w)
			continue
		}
		f, ok := w.(*expr.Func)
		if !ok || !isHashableEq(f) || f.Fn.Args[0] != f.Fn.Args[1] {
			return nil, nil, nil
		}
		l, r := f.Args[0], f.Args[1]
		if own, _ := sidesOf(l); own {
			l, r = r, l
		}
		ownLeft, outerLeft := sidesOf(l)
		ownRight, outerRight := sidesOf(r)
		if ownLeft || !outerLeft || !ownRight || outerRight {
			return nil, nil, nil
		}
		left, right = append(left, l), append(right, r)
	}
	return left, right, rest
}
