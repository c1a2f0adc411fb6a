package planner

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
)

// postponed reports which targets are computed once rows are sorted: volatile ones that the order does not need, and where a
// LIMIT leaves rows out, dear ones. So nextval counts in the order of the result, and for rows within a LIMIT alone, as in
// PostgreSQL (make_sort_input_target).
func (q *query) postponed() []bool {
	s := q.q
	if len(s.OrderBy) == 0 || s.Distinct || s.DistinctOn != nil || s.HasSRFs {
		return nil
	}
	out := make([]bool, len(s.Targets))
	for i, t := range s.Targets {
		key := slices.ContainsFunc(s.OrderBy, func(k sema.OrderKey) bool { return k.Target == i })
		dear := s.Limit != nil && (hasSubquery(t.Expr) || expr.ContainsUser(t.Expr))
		out[i] = !key && t.Group == 0 && (dear || hasVolatileShallow(t.Expr)) // not what a subquery of it calls
	}
	if !slices.Contains(out, true) {
		return nil
	}
	return out
}

// projectTargets computes the targets over n. Where some are postponed, it returns what computes them over sorted rows: until
// then these carry n's columns behind the targets, whose own places are NULL.
func (q *query) projectTargets(n Node, exprs []*Scalar) (Node, func(Node) (Node, error), error) {
	late := q.postponed()
	if late == nil {
		return q.project(n, exprs), nil, nil
	}
	first := slices.Clone(exprs)
	for i := range first {
		if late[i] {
			null := &expr.Const{Type: exprs[i].Type, Loc: -1}
			c, err := q.b.compile(null, null, nil)
			if err != nil {
				return nil, nil, err
			}
			first[i] = c
		}
	}
	for i, t := range n.Base().Types {
		first = append(first, q.columnScalar(i, t))
	}
	after := func(sorted Node) (Node, error) {
		var last []*Scalar
		for i, e := range exprs {
			if !late[i] {
				last = append(last, q.columnScalar(i, e.Type))
				continue
			}
			c, err := q.b.compile(shifted(e.Node, len(exprs)), e.From, sorted.Base().Types)
			if err != nil {
				return nil, err
			}
			last = append(last, c)
		}
		return q.project(sorted, last), nil
	}
	return q.project(n, first), after, nil
}

// shifted moves the columns that a planned expression reads.
func shifted(n expr.Node, by int) expr.Node {
	var move func(m expr.Node) (expr.Node, bool)
	move = func(m expr.Node) (expr.Node, bool) {
		switch m := m.(type) {
		case *expr.Column:
			return &expr.Column{Index: m.Index + by, Type: m.Type}, true
		case *expr.Subquery:
			c := *m
			c.Left, c.Outer = mapList(m.Left, move), mapList(m.Outer, move)
			c.Hashed, c.Grouped, c.Batched = mapNode(m.Hashed, move), mapNode(m.Grouped, move), mapNode(m.Batched, move)
			return &c, true
		}
		return nil, false
	}
	return mapNode(n, move)
}
