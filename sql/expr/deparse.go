package expr

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Deparse prints an expression as pg_get_expr does: fully parenthesised, constants with their types, so that it reads
// back as the same tree. env shows constants (its RegOut the names of reg* values; nil is the default); column names a
// Var, nil by its own name.
func Deparse(n Node, env *types.IOEnv, column func(*Var) string) string {
	d := deparser{env: env, column: column}
	if env == nil {
		d.env = types.DefaultIOEnv
	}
	if column == nil {
		d.column = func(v *Var) string { return QuoteIdent(v.Name) }
	}
	d.node(n, false)
	return d.b.String()
}

type deparser struct {
	b      strings.Builder
	env    *types.IOEnv
	column func(*Var) string
	indent int
}

func (d *deparser) put(parts ...string) {
	for _, p := range parts {
		d.b.WriteString(p)
	}
}

func (d *deparser) list(ns []Node, showImplicit bool) {
	for i, n := range ns {
		if i > 0 {
			d.put(", ")
		}
		d.node(n, showImplicit)
	}
}

// node prints n; showImplicit makes an implicit cast at its top visible, as it is within operators and calls.
func (d *deparser) node(n Node, showImplicit bool) {
	switch n := n.(type) {
	case *Const:
		d.constant(n, true)
	case *Var:
		d.put(d.column(n))
	case *Param:
		d.put("$", types.Text(types.Int4Oid, types.NewInt(int64(n.Index)), types.DefaultIOEnv))
	case *Func:
		d.function(n)
	case *Cast:
		d.cast(n, showImplicit)
	case *BoolOp:
		d.boolOp(n)
	case *IsTest:
		d.isTest(n)
	case *Distinct:
		d.put("(")
		d.node(n.Left, true)
		d.put(map[bool]string{false: " IS DISTINCT FROM ", true: " IS NOT DISTINCT FROM "}[n.Not])
		d.node(n.Right, true)
		d.put(")")
	case *Case:
		d.caseExpr(n)
	default:
		d.other(n)
	}
}

func (d *deparser) other(n Node) {
	switch n := n.(type) {
	case *Coalesce:
		d.call("COALESCE", n.Args)
	case *MinMax:
		d.call(map[bool]string{false: "GREATEST", true: "LEAST"}[n.Least], n.Args)
	case *NullIf:
		d.call("NULLIF", []Node{n.Left, n.Right})
	case *Row:
		d.call("ROW", n.Fields)
	case *ArrayExpr:
		d.put("ARRAY[")
		d.list(n.Elems, true)
		d.put("]")
		if len(n.Elems) == 0 {
			d.put("::", typeName(n.Type))
		}
	case *AnyAll:
		d.put("(")
		d.node(n.Left, true)
		d.put(" ", n.Op.Operator.Name, map[bool]string{false: " ANY (", true: " ALL ("}[n.All])
		d.node(n.Array, true)
		d.put("))")
	case *Subscript:
		d.subscript(n)
	case *SQLValue:
		d.put([...]string{"CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP", "CURRENT_ROLE", "CURRENT_USER",
			"SESSION_USER", "CURRENT_CATALOG", "CURRENT_SCHEMA"}[n.Kind])
		if n.Type.Mod >= 0 {
			d.put("(", types.Text(types.Int4Oid, types.NewInt(int64(n.Type.Mod)), types.DefaultIOEnv), ")")
		}
	case *SetReturning:
		d.call(QuoteIdent(n.Fn.Name), n.Args)
	case *Aggregate:
		d.aggregate(n)
	case *Field:
		d.put("(")
		d.node(n.Arg, false)
		d.put(").f", types.Text(types.Int4Oid, types.NewInt(int64(n.Index+1)), types.DefaultIOEnv))
	case *Default:
		d.put("DEFAULT")
	case *Subquery:
		d.put("(SubPlan)")
	}
}

func (d *deparser) call(name string, args []Node) {
	d.put(name, "(")
	d.list(args, true)
	d.put(")")
}

func (d *deparser) aggregate(n *Aggregate) {
	d.put(QuoteIdent(n.Fn.Name), "(")
	if n.Distinct {
		d.put("DISTINCT ")
	}
	if n.Star {
		d.put("*")
	}
	d.list(n.Args, true)
	d.put(")")
}

// constant prints a literal; label asks for ::type where it is needed to read it back.
func (d *deparser) constant(n *Const, label bool) {
	t := n.Type
	if n.Value.IsNull() {
		d.put("NULL")
		if label {
			d.put("::", typeName(t))
		}
		return
	}
	s := types.Text(t.Oid, n.Value, d.env)
	need := false
	switch t.Oid {
	case types.BoolOid:
		d.put(map[bool]string{false: "false", true: "true"}[n.Value.Bool()])
		return
	case types.Int4Oid:
		need = s[0] == '-'
	case types.NumericOid:
		need = !(s[0] >= '0' && s[0] <= '9' && strings.ContainsAny(s, "eE."))
	}
	if t.Oid == types.Int4Oid && !need || t.Oid == types.NumericOid && !need {
		d.put(s)
		need = t.Oid == types.NumericOid && t.Mod >= 0
	} else {
		d.put(QuoteLiteral(s))
		need = t.Oid != types.UnknownOid
	}
	if label && need {
		d.put("::", typeName(t))
	}
}

func (d *deparser) function(n *Func) {
	if op := n.Fn.Operator; op != nil {
		d.put("(")
		if len(n.Args) == 1 {
			d.put(op.Name, " ")
			d.node(n.Args[0], true)
		} else {
			d.node(n.Args[0], true)
			d.put(" ", op.Name, " ")
			d.node(n.Args[1], true)
		}
		d.put(")")
		return
	}
	switch {
	case n.Fn.Name == "extract" && len(n.Args) == 2:
		if k, ok := n.Args[0].(*Const); ok && !k.Value.IsNull() {
			d.put("EXTRACT(", k.Value.Str(), " FROM ")
			d.node(n.Args[1], false)
			d.put(")")
			return
		}
	case n.Fn.Name == "position" && len(n.Args) == 2:
		d.put("POSITION((")
		d.node(n.Args[1], false)
		d.put(") IN (")
		d.node(n.Args[0], false)
		d.put("))")
		return
	case n.Fn.Name == "timezone" && len(n.Args) == 2:
		d.put("(")
		d.node(n.Args[1], false)
		d.put(" AT TIME ZONE ")
		d.node(n.Args[0], false)
		d.put(")")
		return
	}
	d.put(functionName(n.Fn.Name), "(")
	for i, a := range n.Args {
		if i > 0 {
			d.put(", ")
		}
		if i == len(n.Args)-1 && (n.Variadic || n.Fn.Variadic != 0 && n.Fn.Variadic != types.AnyOid) {
			d.put("VARIADIC ")
		}
		d.node(a, true)
	}
	d.put(")")
}

// functionName quotes a function's name where the grammar would not take it for one.
func functionName(name string) string {
	switch name {
	case "substring", "overlay", "left", "right", "normalize":
		return `"` + name + `"`
	}
	return QuoteIdent(name)
}

func (d *deparser) cast(n *Cast, showImplicit bool) {
	if n.Context != types.Explicit && !showImplicit {
		d.node(n.Arg, showImplicit)
		return
	}
	if k, ok := n.Arg.(*Const); ok && k.Type.Oid == n.Type.Oid && k.Type.Mod == -1 {
		d.constant(k, false)
	} else {
		d.put("(")
		d.node(n.Arg, false)
		d.put(")")
	}
	d.put("::", typeName(n.Type))
}

func (d *deparser) boolOp(n *BoolOp) {
	d.put("(")
	if n.Op == Not {
		d.put("NOT ")
	}
	for i, a := range n.Args {
		if i > 0 {
			d.put(map[BoolKind]string{And: " AND ", Or: " OR "}[n.Op])
		}
		d.node(a, false)
	}
	d.put(")")
}

func (d *deparser) isTest(n *IsTest) {
	d.put("(")
	d.node(n.Arg, n.Test == IsNull)
	d.put(" IS ")
	if n.Not {
		d.put("NOT ")
	}
	d.put([...]string{"NULL", "TRUE", "FALSE", "UNKNOWN"}[n.Test], ")")
}

// keyword begins a line with a keyword, as PostgreSQL lays out CASE.
func (d *deparser) keyword(word string) {
	kept := strings.TrimRight(d.b.String(), " ")
	d.b.Reset()
	d.put(kept, "\n", strings.Repeat(" ", d.indent), word)
}

func (d *deparser) caseExpr(n *Case) {
	d.keyword("CASE")
	d.indent += 4
	for _, w := range n.Whens {
		d.keyword("WHEN ")
		d.node(w.Cond, false)
		d.put(" THEN ")
		d.node(w.Result, true)
	}
	d.keyword("ELSE ")
	if n.Else != nil {
		d.node(n.Else, true)
	} else {
		d.put("NULL::", typeName(n.Type))
	}
	d.indent -= 4
	d.keyword("END")
}

func (d *deparser) subscript(n *Subscript) {
	if _, plain := n.Container.(*Var); plain {
		d.node(n.Container, false)
	} else {
		d.put("(")
		d.node(n.Container, false)
		d.put(")")
	}
	for i, u := range n.Upper {
		d.put("[")
		if n.Lower != nil {
			if n.Lower[i] != nil {
				d.node(n.Lower[i], false)
			}
			d.put(":")
		}
		if u != nil {
			d.node(u, false)
		}
		d.put("]")
	}
}

// typeName is format_type as casts show it: char without a length is bpchar, since "character" would mean character(1), and
// bit is quoted.
func typeName(t types.Type) string {
	if t.Oid == types.BitOid && t.Mod < 0 {
		return "\"bit\""
	}
	if t.Oid == types.BpcharOid && t.Mod < 0 {
		return "bpchar"
	}
	return types.FormatType(t)
}
