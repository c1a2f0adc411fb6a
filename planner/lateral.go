package planner

import (
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
)

// A LATERAL item runs for each row of what stands to its left. Mostly both are items of one list of inner joins, or the
// sides of one outer join. But in
//
//	a CROSS JOIN (b LEFT JOIN LATERAL (SELECT … a.x …) c ON …)
//
// the outer join is an item of the list and its right side refers beyond it. Then the whole outer join is a unit of its own,
// run for each row of a: planned as if the entries outside were given, which become the unit's outer values.

// lateralRels returns the query's entries that items of a join tree refer to.
func (q *query) lateralRels(j sema.JoinNode) (s relSet) {
	r, ok := relOf(j)
	if !ok {
		t := j.(*sema.Join)
		return q.lateralRels(t.Left).union(q.lateralRels(t.Right))
	}
	switch r := q.q.Rels[r]; r.Kind {
	case sema.RTEFunction:
		return q.relsOf(r.Func)
	case sema.RTESubquery, sema.RTEValues:
		visitQuery(r.Query, 0, func(n expr.Node, depth int) {
			if v, ok := n.(*expr.Var); ok && v.Level == depth+1 {
				s = s.union(q.relsOf(relevel(v, -v.Level)))
			}
		})
	}
	return s
}

// planOuterLeaf plans an outer join that is an item.
func (q *query) planOuterLeaf(t *sema.Join, conds []*conj) (*fromItem, error) {
	outside := q.lateralRels(t).minus(q.treeRels(t))
	if outside.empty() {
		return q.planOuter(t, conds)
	}
	u := &unit{parent: q, direct: true}
	in := *q
	in.unit, in.depth, in.outside = u, 0, outside
	f, err := in.planOuter(t, conds)
	if err != nil {
		return nil, err
	}
	f.args, f.scan = u.args, nil
	for _, a := range u.args {
		f.needs = f.needs.union(q.relsOf(a))
	}
	return q.given(f)
}

// given takes what is outside of the unit from the needs of a LATERAL item. One that needs nothing else has no left side
// in the unit: it becomes a join with a single row, which gives it its values.
func (q *query) given(f *fromItem) (*fromItem, error) {
	f.needs = f.needs.minus(q.outside)
	if len(f.args) == 0 || !f.needs.empty() {
		return f, nil
	}
	one := &Values{Props: q.b.props(nil, 1), Rows: [][]*Scalar{{}}}
	n := &NestLoop{Props: q.b.props(f.lay.ts, f.rows()), Type: Inner, Left: one, Right: f.node, Lateral: true}
	var err error
	if n.Args, err = q.scalars(f.args, newLayout(), nil); err != nil {
		return nil, err
	}
	f.node, f.args = n, nil
	return f, nil
}
