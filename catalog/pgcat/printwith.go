package pgcat

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// with prints WITH (get_with_clause).
func (d *deparser) with(q *sema.Query) {
	if len(q.CTEs) == 0 {
		return
	}
	d.indent += indentStd
	d.b.WriteByte(' ')
	for i, c := range q.CTEs {
		switch {
		case i > 0:
			d.b.WriteString(", ")
		case q.RecursiveWith:
			d.b.WriteString("WITH RECURSIVE ")
		default:
			d.b.WriteString("WITH ")
		}
		d.b.WriteString(catalog.QuoteIdent(c.Name))
		if len(c.Aliases) > 0 {
			d.b.WriteString("(" + quotedList(c.Aliases) + ")")
		}
		d.b.WriteString(" AS ")
		if m := c.Materialized; m != nil && *m {
			d.b.WriteString("MATERIALIZED ")
		} else if m != nil {
			d.b.WriteString("NOT MATERIALIZED ")
		}
		if c.Query == nil {
			d.failed = true
			return
		}
		d.b.WriteByte('(')
		d.keyword("", 0, 0, 0)
		d.query(c.Query, nil, true)
		d.keyword(")", 0, 0, 0)
		d.searchAndCycle(c)
	}
	d.indent -= indentStd
	d.keyword("", 0, 0, 0)
}

// searchAndCycle prints SEARCH and CYCLE of a WITH query.
func (d *deparser) searchAndCycle(c *sema.CTE) {
	if s := c.Search; s != nil {
		how := "DEPTH"
		if s.Breadth {
			how = "BREADTH"
		}
		d.b.WriteString(" SEARCH " + how + " FIRST BY " + quotedList(s.Columns) + " SET " + catalog.QuoteIdent(s.Seq))
	}
	if y := c.Cycle; y != nil {
		d.b.WriteString(" CYCLE " + quotedList(y.Columns) + " SET " + catalog.QuoteIdent(y.Mark))
		if !isBool(y.Value, true) || !isBool(y.Default, false) {
			d.b.WriteString(" TO ")
			d.node(y.Value, false)
			d.b.WriteString(" DEFAULT ")
			d.node(y.Default, false)
		}
		d.b.WriteString(" USING " + catalog.QuoteIdent(y.Path))
	}
}

func isBool(n expr.Node, v bool) bool {
	c, ok := n.(*expr.Const)
	return ok && c.Type.Oid == types.BoolOid && !c.Value.IsNull() && c.Value.Bool() == v
}
