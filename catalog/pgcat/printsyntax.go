package pgcat

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/expr"
)

// sqlSyntax prints a call that was spelled by SQL's grammar in that spelling (get_func_sql_syntax); false for one that has
// none.
func (d *deparser) sqlSyntax(n *expr.Func) bool {
	arg := func(before string, i int) {
		d.b.WriteString(before)
		d.node(n.Args[i], false)
	}
	name, count := n.Fn.Name, len(n.Args)
	switch {
	case name == "timezone" && count == 2:
		d.b.WriteByte('(')
		d.paren(n.Args[1], false, n)
		d.b.WriteString(" AT TIME ZONE ")
		d.paren(n.Args[0], false, n)
	case name == "overlaps" && count == 4:
		arg("((", 0)
		arg(", ", 1)
		arg(") OVERLAPS (", 2)
		arg(", ", 3)
		d.b.WriteByte(')')
	case name == "extract" && count == 2 && constantText(n.Args[0]) != "":
		arg("EXTRACT("+constantText(n.Args[0])+" FROM ", 1)
	case name == "is_normalized":
		d.b.WriteByte('(')
		d.paren(n.Args[0], false, n)
		d.b.WriteString(" IS")
		if count == 2 {
			d.b.WriteString(" " + constantText(n.Args[1]))
		}
		d.b.WriteString(" NORMALIZED")
	case name == "pg_collation_for":
		arg("COLLATION FOR (", 0)
	case name == "normalize":
		if arg("NORMALIZE(", 0); count == 2 {
			d.b.WriteString(", " + constantText(n.Args[1]))
		}
	case name == "overlay":
		arg("OVERLAY(", 0)
		arg(" PLACING ", 1)
		if arg(" FROM ", 2); count == 4 {
			arg(" FOR ", 3)
		}
	case name == "position" && count == 2:
		arg("POSITION((", 1)
		arg(") IN (", 0)
		d.b.WriteByte(')')
	case name == "substring" && count == 3 && n.Args[2].ResultType().Oid.Kind() == n.Args[0].ResultType().Oid.Kind():
		arg("SUBSTRING(", 0)
		arg(" SIMILAR ", 1)
		arg(" ESCAPE ", 2)
	case name == "substring" && (count == 3 || n.Args[1].ResultType().Oid.Kind() != n.Args[0].ResultType().Oid.Kind()):
		arg("SUBSTRING(", 0)
		if arg(" FROM ", 1); count == 3 {
			arg(" FOR ", 2)
		}
	case strings.HasSuffix(name, "trim"):
		d.b.WriteString("TRIM(" + map[byte]string{'b': "BOTH", 'l': "LEADING", 'r': "TRAILING"}[name[0]])
		if count == 2 {
			arg(" ", 1)
		}
		arg(" FROM ", 0)
	default:
		return false
	}
	d.b.WriteByte(')')
	return true
}

// constantText is the text of a constant that SQL's grammar writes without quotes.
func constantText(n expr.Node) string {
	if c, ok := n.(*expr.Const); ok && !c.Value.IsNull() {
		return c.Value.Str()
	}
	return ""
}
