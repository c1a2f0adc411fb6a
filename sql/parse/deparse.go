package parse

import (
	"strconv"
	"strings"
)

// Deparse prints an expression so that ParseExpr reads it back as the same
// tree, locations aside. It puts parentheses around every operator, because it
// serves storage (DEFAULT, CHECK), not the eye. A subquery is printed as a
// subquery that fails to parse: no stored expression may hold one, and the
// semantic analysis says so before anything is stored.
func Deparse(e Expr) string {
	var d deparser
	d.expr(e)
	return d.String()
}

type deparser struct{ strings.Builder }

// QuoteIdent quotes an identifier where the grammar needs it, and in doubt.
func QuoteIdent(s string) string {
	safe := s != "" && (s[0] >= 'a' && s[0] <= 'z' || s[0] == '_')
	for i := 0; i < len(s) && safe; i++ {
		safe = s[i] >= 'a' && s[i] <= 'z' || s[i] == '_' || s[i] >= '0' && s[i] <= '9'
	}
	if safe && !quotedWords[s] {
		return s
	}
	return "\"" + strings.ReplaceAll(s, "\"", "\"\"") + "\""
}

// QuoteLiteral makes a string literal of s.
func QuoteLiteral(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func (d *deparser) name(n Name) {
	for i, p := range n {
		if i > 0 {
			d.WriteByte('.')
		}
		d.WriteString(QuoteIdent(p))
	}
}

func (d *deparser) list(es []Expr) {
	for i, e := range es {
		if i > 0 {
			d.WriteString(", ")
		}
		d.expr(e)
	}
}

func (d *deparser) put(parts ...any) {
	for _, p := range parts {
		switch v := p.(type) {
		case string:
			d.WriteString(v)
		case Expr:
			d.expr(v)
		}
	}
}

func (d *deparser) expr(e Expr) {
	switch n := e.(type) {
	case *Const:
		d.constant(n)
	case *ColumnRef:
		d.columnRef(n)
	case *ParamRef:
		d.put("$", strconv.Itoa(n.Number))
	case *TypeCast:
		d.put("CAST(", n.Arg, " AS ")
		d.typeName(n.Type)
		d.put(")")
	case *CollateClause:
		d.put("(", n.Arg, " COLLATE ")
		d.name(n.Name)
		d.put(")")
	case *AExpr:
		d.aExpr(n)
	case *BoolExpr:
		d.boolExpr(n)
	case *NullTest:
		d.put("(", n.Arg, " IS ", not(n.Not), "NULL)")
	case *BooleanTest:
		d.put("(", n.Arg, " IS ", booleanTests[n.Test], ")")
	case *FuncCall:
		d.funcCall(n)
	case *CaseExpr:
		d.caseExpr(n)
	default:
		d.rareExpr(e)
	}
}

func not(b bool) string {
	if b {
		return "NOT "
	}
	return ""
}

var booleanTests = [...]string{"TRUE", "NOT TRUE", "FALSE", "NOT FALSE", "UNKNOWN", "NOT UNKNOWN"}

func (d *deparser) rareExpr(e Expr) {
	switch n := e.(type) {
	case *CoalesceExpr:
		d.put("COALESCE(")
		d.list(n.Args)
		d.put(")")
	case *MinMaxExpr:
		if n.Least {
			d.put("LEAST(")
		} else {
			d.put("GREATEST(")
		}
		d.list(n.Args)
		d.put(")")
	case *SQLValueFunction:
		d.put(sqlValueFunctions[n.Op])
		if n.Typmod >= 0 {
			d.put("(", strconv.Itoa(n.Typmod), ")")
		}
	case *ArrayExpr:
		d.put("ARRAY[")
		d.list(n.Elements)
		d.put("]")
	case *RowExpr:
		// (a, b) is an implicit row; with fewer than two it must say ROW.
		if n.Explicit || len(n.Args) < 2 {
			d.put("ROW")
		}
		d.put("(")
		d.list(n.Args)
		d.put(")")
	case *Indirection:
		d.put("(", n.Arg, ")")
		for _, s := range n.Steps {
			d.subscript(s)
		}
	case *NamedArgExpr:
		d.put(QuoteIdent(n.Name), " => ", n.Arg)
	case *GroupingFunc:
		d.put("GROUPING(")
		d.list(n.Args)
		d.put(")")
	case *SetToDefault:
		d.put("DEFAULT")
	case *CurrentOfExpr:
		d.put("CURRENT OF ", QuoteIdent(n.CursorName))
	case *SubLink:
		d.put("(SELECT subquery not stored)")
	}
}

var sqlValueFunctions = [...]string{
	CurrentDate: "CURRENT_DATE", CurrentTime: "CURRENT_TIME", CurrentTimeN: "CURRENT_TIME",
	CurrentTimestamp: "CURRENT_TIMESTAMP", CurrentTimestampN: "CURRENT_TIMESTAMP", LocalTime: "LOCALTIME",
	LocalTimeN: "LOCALTIME", LocalTimestamp: "LOCALTIMESTAMP", LocalTimestampN: "LOCALTIMESTAMP",
	CurrentRole: "CURRENT_ROLE", CurrentUser: "CURRENT_USER", User: "USER", SessionUser: "SESSION_USER",
	CurrentCatalog: "CURRENT_CATALOG", CurrentSchema: "CURRENT_SCHEMA",
}

func (d *deparser) constant(c *Const) {
	switch c.Kind {
	case ConstNull:
		d.put("NULL")
	case ConstInteger:
		d.put(strconv.Itoa(int(c.Ival)))
	case ConstFloat:
		d.put(c.Sval)
	case ConstString:
		d.put(QuoteLiteral(c.Sval))
	case ConstBit:
		if c.Sval == "" {
			return
		}
		d.put(c.Sval[:1], QuoteLiteral(c.Sval[1:]))
	case ConstBool:
		if c.Bval {
			d.put("TRUE")
		} else {
			d.put("FALSE")
		}
	}
}

func (d *deparser) columnRef(n *ColumnRef) {
	d.name(n.Fields)
	if n.Star {
		if len(n.Fields) > 0 {
			d.WriteByte('.')
		}
		d.WriteByte('*')
	}
}

func (d *deparser) subscript(s Subscript) {
	switch {
	case s.Star:
		d.put(".*")
	case s.Field != "":
		d.put(".", QuoteIdent(s.Field))
	case s.Slice:
		d.put("[")
		if s.Lidx != nil {
			d.expr(s.Lidx)
		}
		d.put(":")
		if s.Uidx != nil {
			d.expr(s.Uidx)
		}
		d.put("]")
	default:
		d.put("[", s.Uidx, "]")
	}
}

// operator prints an operator's name.
func (d *deparser) operator(n Name) {
	if len(n) == 1 {
		d.WriteString(n[0])
		return
	}
	d.WriteString("OPERATOR(")
	d.name(n[:len(n)-1])
	d.put(".", n.Last(), ")")
}

func (d *deparser) aExpr(n *AExpr) {
	if n.Kind == AExprNullIf {
		d.put("NULLIF(", n.Lexpr, ", ", n.Rexpr, ")")
		return
	}
	d.put("(")
	if n.Lexpr != nil {
		d.put(n.Lexpr, " ")
	}
	negated := strings.HasPrefix(n.Name.Last(), "!") || n.Name.Last() == "<>"
	switch n.Kind {
	case AExprOp:
		d.operator(n.Name)
		d.put(" ", n.Rexpr)
	case AExprOpAny, AExprOpAll:
		d.operator(n.Name)
		d.put(map[bool]string{true: " ANY (", false: " ALL ("}[n.Kind == AExprOpAny], n.Rexpr, ")")
	case AExprDistinct:
		d.put("IS DISTINCT FROM ", n.Rexpr)
	case AExprNotDistinct:
		d.put("IS NOT DISTINCT FROM ", n.Rexpr)
	case AExprIn:
		d.put(not(negated), "IN (")
		d.list(n.List)
		d.put(")")
	case AExprLike:
		d.pattern(not(negated)+"LIKE ", n.Rexpr)
	case AExprILike:
		d.pattern(not(negated)+"ILIKE ", n.Rexpr)
	case AExprSimilar:
		d.pattern(not(negated)+"SIMILAR TO ", n.Rexpr)
	case AExprBetween, AExprNotBetween, AExprBetweenSym, AExprNotBetweenSym:
		d.put(not(n.Kind == AExprNotBetween || n.Kind == AExprNotBetweenSym), "BETWEEN ")
		if n.Kind >= AExprBetweenSym {
			d.put("SYMMETRIC ")
		}
		d.put(n.List[0], " AND ", n.List[1])
	}
	d.put(")")
}

// pattern prints LIKE's right side. The grammar wraps SIMILAR TO's pattern,
// and any with ESCAPE, in a call that is not to be printed.
func (d *deparser) pattern(op string, e Expr) {
	d.put(op)
	f, ok := e.(*FuncCall)
	if ok && f.SQLSyntax || ok && len(f.Name) == 2 && f.Name[0] == "pg_catalog" &&
		(f.Name[1] == "like_escape" || f.Name[1] == "similar_to_escape") {
		d.expr(f.Args[0])
		if len(f.Args) > 1 {
			d.put(" ESCAPE ", f.Args[1])
		}
		return
	}
	d.expr(e)
}

func (d *deparser) boolExpr(n *BoolExpr) {
	if n.Op == NotExpr {
		d.put("(NOT ", n.Args[0], ")")
		return
	}
	sep := " AND "
	if n.Op == OrExpr {
		sep = " OR "
	}
	d.put("(")
	for i, a := range n.Args {
		if i > 0 {
			d.put(sep)
		}
		d.expr(a)
	}
	d.put(")")
}

func (d *deparser) caseExpr(n *CaseExpr) {
	d.put("CASE")
	if n.Arg != nil {
		d.put(" ", n.Arg)
	}
	for _, w := range n.Whens {
		d.put(" WHEN ", w.Expr, " THEN ", w.Result)
	}
	if n.Defresult != nil {
		d.put(" ELSE ", n.Defresult)
	}
	d.put(" END")
}

func (d *deparser) funcCall(n *FuncCall) {
	if n.SQLSyntax {
		d.sqlFuncCall(n)
		return
	}
	d.name(n.Name)
	d.funcArgs(n)
}

// sqlFuncCall prints a call that the grammar made of SQL's own syntax: as a
// plain call, which means the same function but loses the spelling. COLLATION
// FOR and AT TIME ZONE are such calls; so are EXTRACT, OVERLAY, TRIM, ….
func (d *deparser) sqlFuncCall(n *FuncCall) {
	for i, p := range n.Name {
		if i > 0 {
			d.WriteByte('.')
		}
		d.WriteString("\"" + strings.ReplaceAll(p, "\"", "\"\"") + "\"")
	}
	d.funcArgs(n)
}

func (d *deparser) funcArgs(n *FuncCall) {
	d.put("(")
	if n.AggDistinct {
		d.put("DISTINCT ")
	}
	if n.AggStar {
		d.put("*")
	}
	for i, a := range n.Args {
		if i > 0 {
			d.put(", ")
		}
		if n.FuncVariadic && i == len(n.Args)-1 {
			d.put("VARIADIC ")
		}
		d.expr(a)
	}
	if len(n.AggOrder) > 0 && !n.AggWithinGroup {
		d.put(" ")
		d.orderBy(n.AggOrder)
	}
	d.put(")")
	if n.AggWithinGroup {
		d.put(" WITHIN GROUP (")
		d.orderBy(n.AggOrder)
		d.put(")")
	}
	if n.AggFilter != nil {
		d.put(" FILTER (WHERE ", n.AggFilter, ")")
	}
	if n.Over != nil {
		d.put(" OVER (window not stored)")
	}
}

func (d *deparser) orderBy(order []*SortBy) {
	d.put("ORDER BY ")
	for i, s := range order {
		if i > 0 {
			d.put(", ")
		}
		d.expr(s.Node)
		switch s.Dir {
		case SortByAsc:
			d.put(" ASC")
		case SortByDesc:
			d.put(" DESC")
		case SortByUsing:
			d.put(" USING ")
			d.operator(s.UseOp)
		}
		switch s.Nulls {
		case SortByNullsFirst:
			d.put(" NULLS FIRST")
		case SortByNullsLast:
			d.put(" NULLS LAST")
		}
	}
}

// typeName prints a type by its catalog names. An interval's modifiers (a
// field mask and a precision) have no such spelling and are printed as the
// grammar's own fields.
func (d *deparser) typeName(t *TypeName) {
	if t.Setof {
		d.put("SETOF ")
	}
	if t.IsSystem("interval") && len(t.Typmods) > 0 {
		d.interval(t)
	} else {
		d.name(t.Names)
		if t.PctType {
			d.put("%TYPE")
		}
		if len(t.Typmods) > 0 {
			d.put("(")
			d.list(t.Typmods)
			d.put(")")
		}
	}
	for _, b := range t.ArrayBounds {
		if b < 0 {
			d.put("[]")
		} else {
			d.put("[", strconv.Itoa(b), "]")
		}
	}
}

// intervalFields spells PostgreSQL's interval field masks.
var intervalFields = map[int32]string{
	1 << 2: " YEAR", 1 << 1: " MONTH", 1 << 3: " DAY", 1 << 10: " HOUR", 1 << 11: " MINUTE", 1 << 12: " SECOND",
	1<<2 | 1<<1: " YEAR TO MONTH", 1<<3 | 1<<10: " DAY TO HOUR", 1<<3 | 1<<10 | 1<<11: " DAY TO MINUTE",
	1<<3 | 1<<10 | 1<<11 | 1<<12: " DAY TO SECOND", 1<<10 | 1<<11: " HOUR TO MINUTE",
	1<<10 | 1<<11 | 1<<12: " HOUR TO SECOND", 1<<11 | 1<<12: " MINUTE TO SECOND",
}

func (d *deparser) interval(t *TypeName) {
	d.put("interval")
	if c, ok := t.Typmods[0].(*Const); ok {
		d.put(intervalFields[c.Ival])
	}
	if len(t.Typmods) > 1 {
		d.put("(", t.Typmods[1], ")")
	}
}
