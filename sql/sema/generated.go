package sema

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// noGenerated refuses references to generated columns in a generation expression: there is no order of computing them.
func (s *scope) noGenerated(n expr.Node, t *catalog.Table) error {
	var err error
	expr.Walk(n, func(n expr.Node) bool {
		v, ok := n.(*expr.Var)
		if ok && err == nil && v.Col < len(t.Columns) && t.Columns[v.Col].Generated {
			err = s.at(v.Loc, pgerr.New(pgerr.InvalidObjectDefinition, "cannot use generated column %q in column generation expression", v.Name).
				WithDetail("A generated column cannot reference another generated column."))
		}
		return err == nil
	})
	return err
}

// mayAssign refuses an UPDATE's value for a column that has none but its own.
func mayAssign(c *catalog.Column) error {
	detail := ""
	switch {
	case c.Generated:
		detail = "Column %q is a generated column."
	case c.Identity == catalog.IdentityAlways:
		detail = "Column %q is an identity column defined as GENERATED ALWAYS."
	default:
		return nil
	}
	return pgerr.New(pgerr.GeneratedAlways, "column %q can only be updated to DEFAULT", c.Name).WithDetail(detail, c.Name)
}
