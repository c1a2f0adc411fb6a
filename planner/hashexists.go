package planner

import (
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
)

// hashedExists is EXISTS (subquery) as = ANY over the subquery without its conditions on the enclosing row, which must be
// equalities; nil where that does not do.
func hashedExists(s *expr.Subquery, sub *sema.Query) *expr.Subquery {
	if s.Kind != expr.ExistsSubquery || !canTrimExists(sub) || !isPlainFrom(sub) || !correlatedInWhereOnly(sub) || volatileQuery(sub) {
		return nil
	}
	out := &expr.Subquery{Kind: expr.AnySubquery, Type: s.Type, Loc: s.Loc}
	c := *sub
	c.Targets, c.OrderBy = nil, nil
	var rest []expr.Node
	for _, w := range splitAnd(nil, sub.Where) {
		if _, outer := sidesOf(w); !outer {
			rest = append(rest, w)
			continue
		}
		f, ok := w.(*expr.Func)
		if !ok || !isHashableEq(f) || f.Fn.Args[0] != f.Fn.Args[1] {
			return nil
		}
		left, right := f.Args[0], f.Args[1]
		if own, _ := sidesOf(left); own {
			left, right = right, left
		}
		ownLeft, outerLeft := sidesOf(left)
		ownRight, outerRight := sidesOf(right)
		if ownLeft || !outerLeft || !ownRight || outerRight {
			return nil
		}
		out.Left, out.Ops = append(out.Left, relevel(left, -1)), append(out.Ops, f.Fn)
		c.Targets = append(c.Targets, sema.Target{Expr: right, Name: "?column?"})
	}
	if len(out.Left) == 0 {
		return nil
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

func volatileQuery(s *sema.Query) bool {
	found := false
	visitQuery(s, 0, func(n expr.Node, _ int) {
		if f, ok := n.(*expr.Func); ok && f.Fn.Volatility == expr.Volatile {
			found = true
		}
	})
	return found
}
