package planner

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// CompileTriggerWhen compiles the condition of a trigger over OLD ++ NEW, both rows of a table by attnum-1: OLD is relation
// 0 of n, and NEW relation 1.
func CompileTriggerWhen(n expr.Node, t *catalog.Table) (*Scalar, error) {
	width := len(t.Columns)
	ts := make([]types.Type, 2*width)
	for i := range ts {
		ts[i] = t.Columns[i%width].Type
	}
	node := mapNode(n, func(m expr.Node) (expr.Node, bool) {
		if v, ok := m.(*expr.Var); ok && v.Level == 0 {
			return &expr.Column{Index: v.Rel*width + v.Col, Type: v.Type}, true
		}
		return nil, false
	})
	c, err := expr.Compile(node, ts)
	if err != nil {
		return nil, err
	}
	return &Scalar{Compiled: c, Node: node, From: n, Type: n.ResultType()}, nil
}

// Instead says of a ModifyTable that the INSTEAD OF triggers of a view get its rows: the input has the view's columns as they
// were, from Old on, and as they would be, from New on (-1: not at all). Returning is over the row that the triggers leave ++
// the input row.
type Instead struct {
	View     *catalog.View
	Old, New int
}

// planInstead plans a statement that the triggers of a view carry out.
func (q *query) planInstead(d *sema.DML, m *ModifyTable) error {
	var err error
	if m.Input, err = q.b.planQuery(d.Source, q, q.unit, q.depth+1); err != nil {
		return err
	}
	m.Instead = &Instead{View: d.Instead.View, Old: d.Instead.Old, New: d.Instead.New}
	over := &query{b: q.b, q: &sema.Query{Rels: []*sema.RTE{
		{Kind: sema.RTETable, Table: d.Table}, {Kind: sema.RTESubquery, Query: d.Source},
	}}, up: q.up, unit: q.unit, depth: q.depth}
	lay := tableLayout(d.Table, 0)
	for i, t := range m.Input.Base().Types {
		lay.add(varID{1, i}, t)
	}
	for _, r := range d.Returning {
		s, err := over.scalar(r.Expr, lay, nil)
		if err != nil {
			return err
		}
		m.Returning = append(m.Returning, s)
	}
	return nil
}
