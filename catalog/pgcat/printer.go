package pgcat

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// printer prints what the catalog stores as SQL text the way PostgreSQL prints it from its parse trees: the text is
// parsed and analysed, and the typed tree is printed by the rules of ruleutils.c. Results are kept, as a snapshot's
// definitions do not change.
type printer struct {
	snap  *catalog.Snapshot
	path  []string
	io    *types.IOEnv
	trees *analyses
	// system has the system relations that views read; nil: such views are printed as they are stored.
	system sema.VirtualTables

	mu   sync.Mutex
	done map[printKey]string

	commentsOnce sync.Once
	comments     map[commentKey]string
}

type printKey struct {
	text   string
	table  catalog.Oid
	column catalog.AttNum
	pretty bool
}

func newPrinter(snap *catalog.Snapshot, path []string, trees *analyses) *printer {
	p := &printer{snap: snap, path: path, trees: trees, done: map[printKey]string{}}
	io := *types.DefaultIOEnv
	names := &regNames{snap: snap, path: path}
	io.RegOut, io.RegIn, io.UserType = names.out, names.in, snap.UserType
	p.io = &io
	return p
}

// expr prints a stored expression: the default of column col, or where col is nil a CHECK of t. Text that no longer
// analyses is printed as it is stored.
func (p *printer) expr(text string, t *catalog.Table, col *catalog.Column, pretty bool) string {
	key := printKey{text: text, pretty: pretty}
	if t != nil {
		key.table = t.OID
	}
	if col != nil {
		key.column = col.Num
	}
	p.mu.Lock()
	out, ok := p.done[key]
	p.mu.Unlock()
	if ok {
		return out
	}
	out = p.render(text, t, col, pretty)
	p.mu.Lock()
	p.done[key] = out
	p.mu.Unlock()
	return out
}

func (p *printer) render(text string, t *catalog.Table, col *catalog.Column, pretty bool) string {
	key := analysisKey{table: t, text: text}
	if col != nil {
		key.column = col.Num
	}
	n, err := p.trees.tree(key, func() (expr.Node, error) { return p.analyse(text, t, col) })
	if err != nil {
		return text
	}
	d := deparser{printer: p, table: t, pretty: pretty}
	d.node(n, false)
	if d.failed {
		return text
	}
	return d.b.String()
}

func (p *printer) analyse(text string, t *catalog.Table, col *catalog.Column) (expr.Node, error) {
	e, err := parse.ParseExpr(text)
	if err != nil {
		return nil, err
	}
	scope := sema.ExprScope{Kind: sema.CheckExpr, Table: t}
	if col != nil {
		scope = sema.ExprScope{Kind: sema.DefaultExpr, Column: col.Name, Type: col.Type}
		if col.Generated {
			scope.Kind, scope.Table = sema.GeneratedExpr, t
		}
	}
	env := &sema.Env{Catalog: p.snap, SearchPath: p.path, NoParams: true, IOEnv: p.io, Print: true}
	n, err := sema.AnalyzeExpr(e, scope, env)
	if err != nil && col == nil { // of an index, and of another type than boolean
		scope.Kind = sema.IndexExpr
		n, err = sema.AnalyzeExpr(e, scope, env)
	}
	return n, err
}

// constraint prints a constraint as pg_get_constraintdef does.
func (p *printer) constraint(t *catalog.Table, c *catalog.Constraint, pretty bool) string {
	return p.snap.ConstraintDef(p.path, t, c,
		func(text string, t *catalog.Table) string { return p.indexKey(text, t, pretty) },
		func(text string, t *catalog.Table) string { return p.expr(text, t, nil, pretty) })
}

// index prints an index as pg_get_indexdef does, the table's name qualified.
func (p *printer) index(t *catalog.Table, i *catalog.Index, pretty bool) string {
	return p.snap.IndexDef(p.path, t, i,
		func(text string, t *catalog.Table) string { return p.indexKey(text, t, pretty) },
		func(text string, t *catalog.Table) string { return p.expr(text, t, nil, pretty) })
}

// indexKey prints an index expression: in parentheses where it is no function call.
func (p *printer) indexKey(text string, t *catalog.Table, pretty bool) string {
	out := p.expr(text, t, nil, pretty)
	n, err := p.trees.tree(analysisKey{table: t, text: text}, func() (expr.Node, error) { return p.analyse(text, t, nil) })
	if err == nil && looksLikeFunction(n) {
		return out
	}
	return "(" + out + ")"
}

// looksLikeFunction is ruleutils.c's looks_like_function.
func looksLikeFunction(n expr.Node) bool {
	switch n := n.(type) {
	case *expr.Func:
		return n.Fn.Operator == nil
	case *expr.Coalesce, *expr.MinMax, *expr.NullIf, *expr.SQLValue:
		return true
	}
	return false
}

// IndexExpression prints an index expression as messages show it.
func IndexExpression(snap *catalog.Snapshot, t *catalog.Table, text string) string {
	return newPrinter(snap, []string{catalog.PublicName}, &analyses{}).indexKey(text, t, true)
}

// deparser prints one typed tree. Without pretty every operator has its own parentheses; with it, those that precedence
// makes needless are left out. Names and structure follow ruleutils.c.
type deparser struct {
	*printer
	table  *catalog.Table // what columns belong to outside of queries
	pretty bool
	b      strings.Builder
	failed bool // a node has no text form

	// Of queries: the names of the range tables, innermost last, and how far lines are indented.
	spaces []*namespace
	indent int
	wrap   int
}

func (d *deparser) open() {
	if !d.pretty {
		d.b.WriteByte('(')
	}
}

func (d *deparser) close() {
	if !d.pretty {
		d.b.WriteByte(')')
	}
}

// paren prints a child, in parentheses where pretty printing has left out the child's own and needs them
// (get_rule_expr_paren).
func (d *deparser) paren(n expr.Node, implicit bool, parent expr.Node) {
	need := d.pretty && !simple(n, parent)
	if need {
		d.b.WriteByte('(')
	}
	d.node(n, implicit)
	if need {
		d.b.WriteByte(')')
	}
}

func (d *deparser) list(ns []expr.Node, implicit bool) {
	for i, n := range ns {
		if i > 0 {
			d.b.WriteString(", ")
		}
		d.node(n, implicit)
	}
}

// node prints an expression; implicit says whether implicit casts show (get_rule_expr).
func (d *deparser) node(n expr.Node, implicit bool) {
	switch n := n.(type) {
	case *expr.Const:
		d.constant(n, 0)
	case *expr.Var:
		d.variable(n)
	case *expr.Func:
		d.function(n)
	case *expr.Cast:
		if n.Context != types.Explicit && n.Type.Oid == types.RecordOid { // PostgreSQL's tree has no such cast
			d.node(n.Arg, implicit)
			return
		}
		if n.Context != types.Explicit && !implicit {
			if n.Domain != nil && n.Arg.ResultType().Oid == n.Type.Oid {
				d.node(n.Arg, false)
				return
			}
			d.paren(n.Arg, false, n)
			return
		}
		d.cast(n.Arg, n.Type, n)
	case *expr.Collate:
		d.open()
		d.paren(n.Arg, implicit, n)
		d.b.WriteString(" COLLATE " + catalog.QuoteIdent(n.Name))
		d.close()
	case *expr.BoolOp:
		d.boolean(n)
	case *expr.IsTest:
		d.test(n)
	case *expr.Distinct:
		d.distinct(n)
	case *expr.Case:
		d.caseExpr(n)
	case *expr.Coalesce:
		d.call("COALESCE", n.Args, true)
	case *expr.Column: // of a domain's CHECK
		d.b.WriteString("VALUE")
	case *expr.MinMax:
		name := "GREATEST"
		if n.Least {
			name = "LEAST"
		}
		d.call(name, n.Args, true)
	case *expr.NullIf:
		d.call("NULLIF", []expr.Node{n.Left, n.Right}, true)
	case *expr.AnyAll:
		d.anyAll(n)
	case *expr.ArrayExpr:
		d.b.WriteString("ARRAY[")
		d.list(n.Elems, true)
		d.b.WriteByte(']')
		if len(n.Elems) == 0 {
			d.label(n.Type)
		}
	case *expr.Subscript:
		d.subscript(n)
	case *expr.Row:
		if n.Whole {
			d.wholeRow(n, false)
			return
		}
		d.b.WriteString("ROW(")
		for i, f := range n.Fields {
			d.comma(i)
			d.top(f, true)
		}
		d.b.WriteByte(')')
		if n.Cast {
			d.label(n.Type)
		}
	case *expr.Field:
		d.field(n)
	case *expr.SQLValue:
		d.sqlValue(n)
	case *expr.Aggregate:
		d.aggregate(n)
	case *expr.Grouping:
		d.call("GROUPING", n.Args, true)
	case *expr.WindowFunc:
		d.windowFunc(n)
	case *expr.Subquery:
		d.subquery(n)
	case *expr.SetReturning:
		d.call(d.setName(n.Fn), n.Args, true)
	default:
		d.failed = true
	}
}

// field prints the selection of a field: of an attribute of a composite type by the name that it has now, and of a function's
// result by the name of its column. There are no parentheses around another selection or an element of an array.
func (d *deparser) field(n *expr.Field) {
	name := n.Name
	if u := d.snap.UserType(n.Arg.ResultType().Oid); u != nil && n.Index < len(u.Fields) {
		name = u.Fields[n.Index].Name
	}
	if s, ok := n.Arg.(*expr.SetReturning); ok && name == "" {
		name = setColumn(s, n.Index)
	}
	if name == "" {
		d.failed = true
		return
	}
	_, nested := n.Arg.(*expr.Field)
	_, element := n.Arg.(*expr.Subscript)
	d.parens(!nested && !element, func() { d.node(n.Arg, true) })
	d.b.WriteString("." + catalog.QuoteIdent(name))
}

// setColumn is the name of a column of a function's result; empty where it has none.
func setColumn(s *expr.SetReturning, i int) string {
	switch {
	case i < len(s.Columns):
		return s.Columns[i].Name
	case s.Columns == nil && i < len(s.Fn.Columns):
		return s.Fn.Columns[i].Name
	}
	return ""
}

// top prints an expression where t.* alone would mean all columns (get_rule_expr_toplevel).
func (d *deparser) top(n expr.Node, implicit bool) {
	if r, ok := n.(*expr.Row); ok && r.Whole {
		d.wholeRow(r, true)
		return
	}
	d.node(n, implicit)
}

func (d *deparser) call(name string, args []expr.Node, implicit bool) {
	d.b.WriteString(name + "(")
	d.list(args, implicit)
	d.b.WriteByte(')')
}

func (d *deparser) variable(n *expr.Var) {
	if len(d.spaces) == 2 && d.table != nil && n.Level == 0 { // within a subquery they have the table's name
		d.b.WriteString(catalog.QuoteIdent(d.table.Column(catalog.AttNum(n.Col + 1)).Name))
		return
	}
	if len(d.spaces) > 0 {
		d.qualified(n)
		return
	}
	if d.table == nil || n.Level != 0 || d.table.Column(catalog.AttNum(n.Col+1)) == nil {
		d.failed = true
		return
	}
	d.b.WriteString(catalog.QuoteIdent(d.table.Column(catalog.AttNum(n.Col + 1)).Name))
}

// cast prints arg::type; a constant of that very type has no label of its own (get_coercion_expr).
func (d *deparser) cast(arg expr.Node, t types.Type, parent expr.Node) {
	if c, ok := arg.(*expr.Const); ok && c.Type.Declared() == t.Declared() && c.Type.Mod == -1 {
		d.constant(c, -1)
	} else {
		// A conversion and a length are two nodes of PostgreSQL's tree, and both put what needs it in parentheses.
		twice := d.pretty && t.Mod >= 0 && !simple(arg, parent) && relabelled(arg.ResultType(), t)
		d.open()
		d.parens(twice, func() { d.paren(arg, false, parent) })
		d.close()
	}
	d.label(t)
}

// relabelled reports whether a cast converts to another type, and by no function.
func relabelled(from, to types.Type) bool {
	return from.Oid != to.Oid && expr.FindCoercion(from.Oid, to.Oid, types.Explicit) != expr.CastFunc
}

// label prints ::type. As format_type does with a modifier of -1, it tells bpchar from character(1), and bit from bit(1).
func (d *deparser) label(t types.Type) {
	d.b.WriteString("::" + d.typeName(t))
}

func (d *deparser) typeName(t types.Type) string {
	switch {
	case t.Oid == types.BitOid && t.Mod < 0:
		return "\"bit\""
	case t.Oid == types.BpcharOid && t.Mod < 0:
		return "bpchar"
	}
	return d.snap.FormatType(d.path, t)
}

// constant prints a literal; label is -1 for never a type label, 0 for one where needed (get_const_expr).
func (d *deparser) constant(c *expr.Const, label int) {
	if c.Value.IsNull() {
		d.b.WriteString("NULL")
		if label >= 0 {
			d.label(c.Type)
		}
		return
	}
	text := types.Text(c.Type.Oid, c.Value, d.io)
	need := true
	switch c.Type.Oid {
	case types.BoolOid:
		d.b.WriteString(map[string]string{"t": "true", "f": "false"}[text])
		return
	case types.Int4Oid:
		if need = text[0] == '-'; need {
			d.b.WriteString(quoteLiteral(text))
		} else {
			d.b.WriteString(text)
		}
	case types.NumericOid:
		if text[0] >= '0' && text[0] <= '9' && strings.ContainsAny(text, "eE.") {
			d.b.WriteString(text)
			need = c.Type.Mod >= 0
		} else {
			d.b.WriteString(quoteLiteral(text))
		}
	case types.UnknownOid:
		d.b.WriteString(quoteLiteral(text))
		need = false
	default:
		d.b.WriteString(quoteLiteral(text))
	}
	if label >= 0 && need || label > 0 {
		d.label(c.Type)
	}
}

// quoteLiteral is simple_quote_literal: backslashes stand for themselves.
func quoteLiteral(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func (d *deparser) function(n *expr.Func) {
	if n.Fn.Operator != nil {
		d.operator(n)
		return
	}
	if n.SQLSyntax && d.sqlSyntax(n) {
		return
	}
	d.b.WriteString(d.functionName(n.Fn) + "(")
	for i, a := range n.Args {
		if i > 0 {
			d.b.WriteString(", ")
		}
		if i == len(n.Args)-1 && (n.Variadic || n.Fn.Variadic != 0 && n.Fn.Variadic != types.AnyOid) {
			d.b.WriteString("VARIADIC ")
		}
		if k := i - (len(n.Args) - len(n.Names)); k >= 0 {
			d.b.WriteString(catalog.QuoteIdent(n.Names[k]) + " => ")
		}
		d.node(a, true)
	}
	d.b.WriteByte(')')
}

// isRow reports whether a node is a row constructor: two are compared by one node of PostgreSQL's tree.
func isRow(n expr.Node) bool {
	r, ok := n.(*expr.Row)
	return ok && !r.Whole && r.Type.Oid == types.RecordOid
}

// operatorName prints an operator: one of an extension that the search path does not find, with its schema.
func (d *deparser) operatorName(f *expr.Function) string {
	if f.Extension != "" {
		if e := d.snap.ExtensionNamed(f.Extension); e != nil {
			if schema := d.snap.SchemaName(e.SchemaID); !slices.Contains(d.path, schema) {
				return "OPERATOR(" + catalog.QuoteIdent(schema) + "." + f.Operator.Name + ")"
			}
		}
	}
	return f.Operator.Name
}

func (d *deparser) operator(n *expr.Func) {
	if len(n.Args) == 2 && isRow(n.Args[0]) && isRow(n.Args[1]) {
		d.b.WriteByte('(')
		d.node(n.Args[0], true)
		d.b.WriteString(" " + d.operatorName(n.Fn) + " ")
		d.node(n.Args[1], true)
		d.b.WriteByte(')')
		return
	}
	d.open()
	if len(n.Args) == 2 {
		d.paren(n.Args[0], true, n)
		d.b.WriteString(" " + d.operatorName(n.Fn) + " ")
		d.paren(n.Args[1], true, n)
	} else {
		d.b.WriteString(d.operatorName(n.Fn) + " ")
		d.paren(n.Args[0], true, n)
	}
	d.close()
}

func (d *deparser) boolean(n *expr.BoolOp) {
	d.open()
	switch n.Op {
	case expr.Not:
		d.b.WriteString("NOT ")
		d.paren(n.Args[0], false, n)
	default:
		word := " AND "
		if n.Op == expr.Or {
			word = " OR "
		}
		for i, a := range n.Args {
			if i > 0 {
				d.b.WriteString(word)
			}
			d.paren(a, false, n)
		}
	}
	d.close()
}

func (d *deparser) test(n *expr.IsTest) {
	d.open()
	d.paren(n.Arg, n.Test == expr.IsNull, n)
	d.b.WriteString(" IS ")
	if n.Not {
		d.b.WriteString("NOT ")
	}
	d.b.WriteString([...]string{expr.IsNull: "NULL", expr.IsTrue: "TRUE", expr.IsFalse: "FALSE", expr.IsUnknown: "UNKNOWN"}[n.Test])
	d.close()
}

func (d *deparser) distinct(n *expr.Distinct) {
	if n.Not { // PostgreSQL keeps IS NOT DISTINCT FROM as NOT over IS DISTINCT FROM
		d.open()
		d.b.WriteString("NOT ")
	}
	d.open()
	d.paren(n.Left, true, n)
	d.b.WriteString(" IS DISTINCT FROM ")
	d.paren(n.Right, true, n)
	d.close()
	if n.Not {
		d.close()
	}
}

// caseExpr prints CASE on lines of its own.
func (d *deparser) caseExpr(n *expr.Case) {
	d.keyword("CASE", 0, indentVar, 0)
	if n.Operand != nil {
		d.b.WriteByte(' ')
		d.node(n.Operand, true)
	}
	for _, w := range n.Whens {
		cond := w.Cond
		if f, ok := cond.(*expr.Func); ok && n.Operand != nil && len(f.Args) == 2 {
			cond = f.Args[1]
		}
		d.keyword("WHEN ", 0, 0, 0)
		d.node(cond, false)
		d.b.WriteString(" THEN ")
		d.node(w.Result, true)
	}
	d.keyword("ELSE ", 0, 0, 0)
	if n.Else == nil {
		d.b.WriteString("NULL")
		d.label(n.Type)
	} else {
		d.node(n.Else, true)
	}
	d.keyword("END", -indentVar, 0, 0)
}

func (d *deparser) anyAll(n *expr.AnyAll) {
	if n.Op == nil || n.Op.Operator == nil {
		d.failed = true
		return
	}
	d.open()
	d.paren(n.Left, true, n)
	d.b.WriteString(" " + d.operatorName(n.Op))
	if n.All {
		d.b.WriteString(" ALL (")
	} else {
		d.b.WriteString(" ANY (")
	}
	d.paren(n.Array, true, n)
	if q, ok := n.Array.(*expr.Subquery); ok && q.Kind == expr.ScalarSubquery {
		d.label(n.Array.ResultType()) // else it reads as a subquery of rows
	}
	d.b.WriteByte(')')
	d.close()
}

func (d *deparser) subscript(n *expr.Subscript) {
	_, plain := n.Container.(*expr.Var)
	if !plain {
		d.b.WriteByte('(')
	}
	d.node(n.Container, false)
	if !plain {
		d.b.WriteByte(')')
	}
	for i, u := range n.Upper {
		d.b.WriteByte('[')
		if n.Lower != nil {
			if n.Lower[i] != nil {
				d.node(n.Lower[i], false)
			}
			d.b.WriteByte(':')
		}
		if u != nil {
			d.node(u, false)
		}
		d.b.WriteByte(']')
	}
}

func (d *deparser) sqlValue(n *expr.SQLValue) {
	if n.User {
		d.b.WriteString("USER")
		return
	}
	d.b.WriteString([...]string{expr.CurrentDate: "CURRENT_DATE", expr.CurrentTime: "CURRENT_TIME",
		expr.CurrentTimestamp: "CURRENT_TIMESTAMP", expr.LocalTime: "LOCALTIME", expr.LocalTimestamp: "LOCALTIMESTAMP",
		expr.CurrentRole: "CURRENT_ROLE", expr.CurrentUser: "CURRENT_USER", expr.SessionUser: "SESSION_USER",
		expr.CurrentCatalog: "CURRENT_CATALOG", expr.CurrentSchema: "CURRENT_SCHEMA"}[n.Kind])
	if n.Type.Mod >= 0 && n.Kind <= expr.LocalTimestamp {
		d.b.WriteString("(" + itoa(int64(n.Type.Mod)) + ")")
	}
}

// simple reports whether pretty printing needs no parentheses around n below parent (isSimpleNode).
func simple(n, parent expr.Node) bool {
	switch n := n.(type) {
	case *expr.Cast:
		if n.Context != types.Explicit {
			return simple(n.Arg, n)
		}
		return simple(n.Arg, n)
	case *expr.Func:
		if n.Fn.Operator == nil {
			return true
		}
		if p, ok := parent.(*expr.Func); ok && p.Fn.Operator != nil {
			return bindsTighter(n, p)
		}
		return enclosed(parent, true)
	case *expr.AnyAll, *expr.Collate:
		return false
	case *expr.IsTest, *expr.Distinct, *expr.Subquery:
		return enclosed(parent, true)
	case *expr.BoolOp:
		if p, ok := parent.(*expr.BoolOp); ok {
			if n.Op == expr.Or {
				return p.Op == expr.Or
			}
			return p.Op != expr.Not
		}
		return enclosed(parent, false)
	}
	return true
}

// enclosed reports whether a parent delimits its arguments itself.
func enclosed(parent expr.Node, belowBool bool) bool {
	switch p := parent.(type) {
	case *expr.Func:
		return p.Fn.Operator == nil && !p.SQLSyntax
	case *expr.BoolOp:
		return belowBool
	case *expr.Subscript, *expr.ArrayExpr, *expr.Row, *expr.Coalesce, *expr.MinMax, *expr.NullIf, *expr.Case, *expr.Aggregate, *expr.WindowFunc:
		return true
	}
	return false
}

// bindsTighter reports whether an arithmetic operator below another needs no parentheses.
func bindsTighter(n, parent *expr.Func) bool {
	class := func(op string) int {
		switch op {
		case "+", "-":
			return 1
		case "*", "/", "%":
			return 2
		}
		return 0
	}
	if len(n.Args) != 2 || len(parent.Args) != 2 {
		return false
	}
	c, p := class(n.Fn.Operator.Name), class(parent.Fn.Operator.Name)
	switch {
	case c == 0 || p == 0:
		return false
	case c > p:
		return true
	case c == p:
		return parent.Args[0] == expr.Node(n)
	}
	return false
}

// commentKey names an object as pg_description does.
type commentKey struct {
	class, oid catalog.Oid
	sub        catalog.AttNum
}

// comment returns the comment on an object.
func (p *printer) comment(class, oid catalog.Oid, sub catalog.AttNum) (string, bool) {
	p.commentsOnce.Do(func() {
		p.comments = map[commentKey]string{}
		comments(p.snap, func(class, oid catalog.Oid, sub catalog.AttNum, text string) {
			p.comments[commentKey{class, oid, sub}] = text
		})
		sharedComments(p.snap, func(class, oid catalog.Oid, text string) { p.comments[commentKey{class, oid, 0}] = text })
		fixed := relationsBy[relationName{pgCatalog, "pg_description"}].fixed()
		for _, row := range fixed { // objoid, classoid, objsubid, description
			p.comments[commentKey{catalog.Oid(row[1].Int()), catalog.Oid(row[0].Int()), 0}] = row[3].Str()
		}
	})
	text, ok := p.comments[commentKey{class, oid, sub}]
	return text, ok
}

// defaultTree stands for PostgreSQL's node tree of a default: no expression begins with a brace.
func defaultTree(c *catalog.Column) string {
	return "{DEFAULT :attnum " + itoa(int64(c.Num)) + "}" + c.Default
}

// indexTree stands for the node tree of pg_index.indexprs: the lengths of the expressions' texts, then the texts.
func indexTree(list []string) string {
	lengths := make([]string, len(list))
	for i, s := range list {
		lengths[i] = strconv.Itoa(len(s))
	}
	return "{INDEX :lengths " + strings.Join(lengths, " ") + "}" + strings.Join(list, "")
}

// splitIndexTree takes an indexTree apart; nil for another.
func splitIndexTree(tree string) (out []string) {
	rest, ok := strings.CutPrefix(tree, "{INDEX :lengths ")
	lengths, texts, cut := strings.Cut(rest, "}")
	if !ok || !cut {
		return nil
	}
	for _, f := range strings.Fields(lengths) {
		n, err := strconv.Atoi(f)
		if err != nil || n < 0 || n > len(texts) {
			return nil
		}
		out, texts = append(out, texts[:n]), texts[n:]
	}
	return out
}

// splitTree takes a node tree apart: the column of t whose default it is, nil for other expressions, and the text.
func splitTree(t *catalog.Table, tree string) (*catalog.Column, string) {
	rest, ok := strings.CutPrefix(tree, "{DEFAULT :attnum ")
	digits, text, cut := strings.Cut(rest, "}")
	if !ok || !cut || t == nil {
		return nil, tree
	}
	n, err := strconv.Atoi(digits)
	if err != nil {
		return nil, tree
	}
	return t.Column(catalog.AttNum(n)), text
}
