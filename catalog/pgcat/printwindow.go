package pgcat

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/sema"
)

// windowClause prints WINDOW (get_rule_windowclause).
func (d *deparser) windowClause(q *sema.Query) {
	first := true
	for i := range q.Windows {
		w := &q.Windows[i]
		if w.Name == "" {
			continue
		}
		if first {
			d.keyword(" WINDOW ", -indentStd, indentStd, 1)
		} else {
			d.b.WriteString(", ")
		}
		first = false
		d.b.WriteString(catalog.QuoteIdent(w.Name) + " AS ")
		d.windowSpec(w)
	}
}

// windowSpec prints what is in the parentheses of OVER (get_rule_windowspec). What was copied from another window is not
// printed again.
func (d *deparser) windowSpec(w *sema.Window) {
	d.b.WriteByte('(')
	sep := ""
	part := func(s string) {
		d.b.WriteString(sep + s)
		sep = " "
	}
	if w.Refname != "" {
		part(catalog.QuoteIdent(w.Refname))
	}
	if len(w.Partition) > 0 && w.Refname == "" {
		part("PARTITION BY ")
		for i, n := range w.Partition {
			d.comma(i)
			d.sortExpr(n)
		}
	}
	if len(w.OrderBy) > 0 && !w.OrderCopied {
		part("ORDER BY ")
		for i, k := range w.OrderBy {
			d.comma(i)
			d.sortExpr(k.Expr)
			d.order(k.Desc, k.NullsFirst)
		}
	}
	if w.Frame&parse.FrameNonDefault != 0 {
		part("")
		d.frame(w)
	}
	d.b.WriteByte(')')
}

func (d *deparser) frame(w *sema.Window) {
	mode := "RANGE "
	switch {
	case w.Frame&parse.FrameRows != 0:
		mode = "ROWS "
	case w.Frame&parse.FrameGroups != 0:
		mode = "GROUPS "
	}
	d.b.WriteString(mode)
	between := w.Frame&parse.FrameBetween != 0
	if between {
		d.b.WriteString("BETWEEN ")
	}
	switch {
	case w.Start != nil:
		d.frameOffset(w.Start, w.Frame&parse.FrameStartOffsetPreceding != 0)
	case w.Frame&parse.FrameStartCurrentRow != 0:
		d.b.WriteString("CURRENT ROW")
	default:
		d.b.WriteString("UNBOUNDED PRECEDING")
	}
	if between {
		d.b.WriteString(" AND ")
		switch {
		case w.End != nil:
			d.frameOffset(w.End, w.Frame&parse.FrameEndOffsetPreceding != 0)
		case w.Frame&parse.FrameEndCurrentRow != 0:
			d.b.WriteString("CURRENT ROW")
		default:
			d.b.WriteString("UNBOUNDED FOLLOWING")
		}
	}
	switch {
	case w.Frame&parse.FrameExcludeCurrentRow != 0:
		d.b.WriteString(" EXCLUDE CURRENT ROW")
	case w.Frame&parse.FrameExcludeGroup != 0:
		d.b.WriteString(" EXCLUDE GROUP")
	case w.Frame&parse.FrameExcludeTies != 0:
		d.b.WriteString(" EXCLUDE TIES")
	}
}

func (d *deparser) frameOffset(n expr.Node, preceding bool) {
	d.node(n, false)
	if preceding {
		d.b.WriteString(" PRECEDING")
	} else {
		d.b.WriteString(" FOLLOWING")
	}
}

// windowFunc prints a call with OVER (get_windowfunc_expr).
func (d *deparser) windowFunc(n *expr.WindowFunc) {
	name := catalog.QuoteIdent(n.Name())
	if n.Agg != nil {
		name = d.aggregateName(n.Agg)
	}
	d.b.WriteString(name + "(")
	if n.Star {
		d.b.WriteByte('*')
	}
	d.list(n.Args, true)
	d.b.WriteByte(')')
	if n.Filter != nil {
		d.b.WriteString(" FILTER (WHERE ")
		d.node(n.Filter, false)
		d.b.WriteByte(')')
	}
	d.b.WriteString(" OVER ")
	q := d.spaces[len(d.spaces)-1].query
	if n.Window >= len(q.Windows) {
		d.failed = true
		return
	}
	if w := &q.Windows[n.Window]; w.Name != "" {
		d.b.WriteString(catalog.QuoteIdent(w.Name))
	} else {
		d.windowSpec(w)
	}
}
