package planner

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
)

// postponed reports which targets are computed once rows are sorted: volatile ones that the order does not need. So
// nextval counts in the order of the result, and for rows within a LIMIT alone, as in PostgreSQL (make_sort_input_target).
func (q *query) postponed() []bool {
	s := q.q
	if len(s.OrderBy) == 0 || s.Distinct || s.DistinctOn != nil || s.HasSRFs {
		return nil
	}
	out := make([]bool, len(s.Targets))
	for i, t := range s.Targets {
		key := slices.ContainsFunc(s.OrderBy, func(k sema.OrderKey) bool { return k.Target == i })
		out[i] = !key && t.Group == 0 && hasVolatileShallow(t.Expr) // not what a subquery of it calls
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
	return mapNode(n, func(m expr.Node) (expr.Node, bool) {
		if c, ok := m.(*expr.Column); ok {
			return &expr.Column{Index: c.Index + by, Type: c.Type}, true
		}
		return nil, false
	})
}
