package planner

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
)

// Conditions on a subquery that stays one (it groups, has windows, drops duplicates or is a set operation) sink into it
// where they pick whole groups, partitions or duplicates; those of HAVING that have no aggregate become WHERE's.

// pushInto gives a subquery in FROM the conditions on it that may be judged inside. It returns the subquery and the others.
func (q *query) pushInto(r *sema.RTE, conds []*conj) (*sema.Query, []*conj) {
	sub := r.Query
	if r.View != nil && r.View.Barrier {
		return sub, conds
	}
	var rest []*conj
	for _, c := range conds {
		if c.derived || hasSubquery(c.node) || hasVolatile(c.node) {
			rest = append(rest, c)
			continue
		}
		if in := pushed(sub, c.node, r.Columns); in != nil {
			sub = in
		} else {
			rest = append(rest, c)
		}
	}
	return sub, rest
}

// pushed is a subquery with a condition on its columns judged inside; nil where that would change its rows.
func pushed(s *sema.Query, cond expr.Node, columns []sema.Column) *sema.Query {
	if s.Limit != nil || s.Offset != nil || len(s.Locking) > 0 || s.Values != nil || s.LiteralRows != nil || s.GroupingSets != nil {
		return nil
	}
	visible := visibleTargets(s)
	if s.SetOp != nil {
		return pushedIntoBranches(s, cond, visible)
	}
	ok := true
	var used []expr.Node
	in := mapNode(cond, func(n expr.Node) (expr.Node, bool) {
		if level, is := levelOf(n); !is {
			return nil, false
		} else if level > 0 {
			return withLevel(n, level+1), true
		}
		v, is := n.(*expr.Var)
		if !is || v.Col < 0 || v.Col >= len(visible) {
			ok = false
			return n, true
		}
		e := visible[v.Col].Expr
		used = append(used, e)
		ok = ok && !hasSubquery(e) && !hasVolatile(e) && !containsSet([]expr.Node{e}) && e.ResultType().Oid == columns[v.Col].Type.Oid &&
			inAllPartitions(s, e) && (s.DistinctOn == nil || slices.ContainsFunc(s.DistinctOn, func(t int) bool {
			return expr.Equal(s.Targets[t].Expr, e)
		}))
		return e, true
	})
	if !ok || len(used) == 0 {
		return nil
	}
	c := *s
	switch grouped := s.HasAggs || len(s.GroupBy) > 0 || s.Having != nil; {
	case !grouped:
		c.Where = andOf(append(splitAnd(nil, s.Where), in))
	case hasWindow(in):
		return nil
	default:
		c.Having = andOf(append(splitAnd(nil, s.Having), in))
	}
	return &c
}

// pushedIntoBranches is pushed for a set operation. EXCEPT ALL and INTERSECT ALL count rows, but equal ones meet a condition
// alike.
func pushedIntoBranches(s *sema.Query, cond expr.Node, visible []sema.Target) *sema.Query {
	if s.SetOp.Kind == sema.Except {
		return nil
	}
	columns := make([]sema.Column, len(visible))
	for i, t := range visible {
		columns[i].Type = t.Expr.ResultType()
	}
	c, op := *s, *s.SetOp
	op.Left, op.Right = pushed(op.Left, cond, columns), pushed(op.Right, cond, columns)
	if op.Left == nil || op.Right == nil {
		return nil
	}
	c.SetOp = &op
	return &c
}

// inAllPartitions reports whether every window of a query computes rows with different values of an expression apart.
func inAllPartitions(s *sema.Query, e expr.Node) bool {
	for _, w := range s.Windows {
		if !slices.ContainsFunc(w.Partition, func(p expr.Node) bool { return expr.Equal(p, e) }) {
			return false
		}
	}
	return true
}

func hasWindow(n expr.Node) bool {
	found := false
	visit(n, func(m expr.Node) bool {
		_, is := m.(*expr.WindowFunc)
		found = found || is
		return !found
	})
	return found
}

// havingToWhere moves the conditions of HAVING that depend on group keys alone.
func (q *query) havingToWhere() {
	s := q.q
	if s.Having == nil || len(s.GroupBy) == 0 || s.GroupingSets != nil {
		return
	}
	var stay []expr.Node
	for _, n := range splitAnd(nil, s.Having) {
		if hasAggregate(n) || hasSubquery(n) || hasVolatile(n) {
			stay = append(stay, n)
		} else {
			q.where = append(slices.Clip(q.where), n)
		}
	}
	c := *s
	if c.Having = nil; len(stay) > 0 {
		c.Having = andOf(stay)
	}
	q.q = &c
}
