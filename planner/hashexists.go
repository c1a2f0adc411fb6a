package planner

import (
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
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
	alt.Left, alt.Query = mapList(alt.Left, resolve), plan
	k := coster{env: q.b.env}
	c.Grouped, c.HashRows = alt, k.of(plan.Root).total/cpuTupleCost/2
	return nil
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
