package pgcat

import (
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
)

// Queries are printed by the rules of ruleutils.c, line breaks and indentation included. A node that has no text form makes
// the printing fail, and the stored text stands in.

// PostgreSQL's steps of indentation.
const (
	indentStd   = 8
	indentJoin  = 4
	indentVar   = 4
	indentLimit = 40
)

// view prints a view's query, with PostgreSQL's leading blank and semicolon. Lists are broken at the wrap column, 0 for
// after every item.
func (p *printer) view(v *catalog.View, pretty bool, wrap int) string {
	stored := " " + strings.TrimSuffix(strings.TrimSpace(v.Query), ";") + ";"
	q, err := sema.AnalyzeView(v, &sema.Env{Catalog: p.snap, SearchPath: p.path, Virtual: p.system, IOEnv: p.io, Print: true})
	if err != nil {
		return stored
	}
	names := make([]string, len(v.Columns))
	for i := range v.Columns {
		names[i] = v.Columns[i].Name
	}
	d := deparser{printer: p, pretty: pretty, wrap: wrap}
	// The range table of PostgreSQL's rule begins with these two.
	d.spaces = []*namespace{{query: &sema.Query{}, rels: []relNames{{name: "old"}, {name: "new"}}}}
	d.query(q, names, true)
	if d.failed {
		return stored
	}
	return d.b.String() + ";"
}

// keyword starts a new line with a word (appendContextKeyword).
func (d *deparser) keyword(word string, before, after, plus int) {
	d.indent += before
	s := strings.TrimRight(d.b.String(), " ")
	d.b.Reset()
	d.b.WriteString(s)
	n := max(d.indent, 0)
	if d.indent >= indentLimit {
		n = (indentLimit + (d.indent-indentLimit)/(indentStd/2)) % indentLimit
	}
	d.b.WriteByte('\n')
	d.b.WriteString(strings.Repeat(" ", n+plus))
	d.b.WriteString(word)
	d.indent = max(d.indent+after, 0)
}

// query prints a query; names are what its columns must be called, nil for what they are; visible says that anybody sees
// them (get_query_def).
func (d *deparser) query(q *sema.Query, names []string, visible bool) {
	indent := d.indent
	d.spaces = append(d.spaces, d.name(q))
	d.with(q)
	if q.SetOp != nil {
		d.setOp(q.SetOp, names, visible)
	} else {
		d.plain(q, names, visible)
	}
	if len(q.OrderBy) > 0 {
		d.keyword(" ORDER BY ", -indentStd, indentStd, 1)
		for i, k := range q.OrderBy {
			d.comma(i)
			d.sortItem(q, k.Target, q.SetOp != nil)
			d.order(k.Desc, k.NullsFirst)
		}
	}
	if q.Offset != nil {
		d.keyword(" OFFSET ", -indentStd, indentStd, 0)
		d.node(q.Offset, false)
	}
	if q.Limit != nil {
		d.limit(q)
	}
	d.locking(q)
	d.spaces = d.spaces[:len(d.spaces)-1]
	d.indent = indent
}

func (d *deparser) comma(i int) {
	if i > 0 {
		d.b.WriteString(", ")
	}
}

func (d *deparser) order(desc, nullsFirst bool) {
	switch {
	case desc && nullsFirst:
		d.b.WriteString(" DESC")
	case desc:
		d.b.WriteString(" DESC NULLS LAST")
	case nullsFirst:
		d.b.WriteString(" NULLS FIRST")
	}
}

func (d *deparser) limit(q *sema.Query) {
	if q.WithTies {
		d.keyword(" FETCH FIRST ", -indentStd, indentStd, 0)
		d.parens(true, func() { d.node(q.Limit, false) })
		d.b.WriteString(" ROWS WITH TIES")
		return
	}
	d.keyword(" LIMIT ", -indentStd, indentStd, 0)
	if c, ok := q.Limit.(*expr.Const); ok && c.Value.IsNull() {
		d.b.WriteString("ALL")
		return
	}
	d.node(q.Limit, false)
}

func (d *deparser) locking(q *sema.Query) {
	ns := d.spaces[len(d.spaces)-1]
	for _, l := range q.Locking {
		for _, r := range l.Rels {
			d.keyword(" "+l.Strength.String(), -indentStd, indentStd, 0)
			d.b.WriteString(" OF " + catalog.QuoteIdent(ns.rels[r].name))
			if l.NoWait {
				d.b.WriteString(" NOWAIT")
			} else if l.SkipLocked {
				d.b.WriteString(" SKIP LOCKED")
			}
		}
	}
}

func quotedList(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = catalog.QuoteIdent(n)
	}
	return strings.Join(out, ", ")
}

// setOp prints UNION and its like (get_setop_query).
func (d *deparser) setOp(op *sema.SetOp, names []string, visible bool) {
	paren := op.Left.SetOp != nil && plainArm(op.Left) && (op.Left.SetOp.Kind != op.Kind || op.Left.SetOp.All != op.All)
	sub := 0
	if paren {
		sub = indentStd
		d.b.WriteByte('(')
		d.keyword("", sub, 0, 0)
	}
	d.arm(op.Left, names, visible)
	if paren {
		d.keyword(") ", -sub, 0, 0)
	} else {
		d.keyword("", 0, 0, 0)
	}
	d.b.WriteString([...]string{sema.Union: "UNION ", sema.Intersect: "INTERSECT ", sema.Except: "EXCEPT "}[op.Kind])
	if op.All {
		d.b.WriteString("ALL ")
	}
	sub = 0
	if paren = op.Right.SetOp != nil && plainArm(op.Right); paren {
		d.b.WriteByte('(')
		sub = indentStd
	}
	d.keyword("", sub, 0, 0)
	d.arm(op.Right, names, false)
	d.indent -= sub
	if paren {
		d.keyword(")", 0, 0, 0)
	}
}

// plainArm reports whether an arm that is a set operation is one with its parent: no clause of its own sets it apart.
func plainArm(q *sema.Query) bool {
	return len(q.CTEs) == 0 && len(q.OrderBy) == 0 && q.Limit == nil && q.Offset == nil && len(q.Locking) == 0
}

func (d *deparser) arm(q *sema.Query, names []string, visible bool) {
	if plainArm(q) {
		if q.SetOp != nil { // it has no query level of its own in PostgreSQL's tree, but it has in ours
			d.spaces = append(d.spaces, d.name(q))
			d.setOp(q.SetOp, names, visible)
			d.spaces = d.spaces[:len(d.spaces)-1]
			return
		}
		d.query(q, names, visible)
		return
	}
	d.b.WriteByte('(')
	d.query(q, names, visible)
	d.b.WriteByte(')')
}

// plain prints a query that is no set operation (get_basic_select_query).
func (d *deparser) plain(q *sema.Query, names []string, visible bool) {
	d.indent += indentStd
	d.b.WriteByte(' ')
	switch {
	case q.Values != nil && renamed(q, names):
		d.namedValues(q, names)
		return
	case q.Values != nil:
		d.values(q)
		return
	}
	if q.LiteralRows != nil {
		d.failed = true
		return
	}
	d.b.WriteString("SELECT")
	if len(q.DistinctOn) > 0 {
		d.b.WriteString(" DISTINCT ON (")
		for i, t := range q.DistinctOn {
			d.comma(i)
			d.sortItem(q, t, false)
		}
		d.b.WriteByte(')')
	} else if q.Distinct {
		d.b.WriteString(" DISTINCT")
	}
	d.targets(q, names, visible)
	d.fromClause(q, " FROM ", 0)
	if q.Where != nil {
		d.keyword(" WHERE ", -indentStd, indentStd, 1)
		d.node(q.Where, false)
	}
	d.groupBy(q)
	if q.Having != nil {
		d.keyword(" HAVING ", -indentStd, indentStd, 0)
		d.node(q.Having, false)
	}
	d.windowClause(q)
}

// renamed reports whether a query's columns are to be called otherwise than they are.
func renamed(q *sema.Query, names []string) bool {
	for i := range min(len(names), len(q.Targets)) {
		if q.Targets[i].Name != names[i] {
			return true
		}
	}
	return false
}

// namedValues prints VALUES whose columns have names of their own: as a subquery, which PostgreSQL's tree has of all VALUES.
func (d *deparser) namedValues(q *sema.Query, names []string) {
	d.b.WriteString("SELECT ")
	for i, name := range names {
		if i > 0 {
			d.b.WriteString(", ")
			d.keyword("", -indentStd, indentStd, indentVar)
		}
		d.b.WriteString("\"*VALUES*\"." + q.Targets[i].Name)
		if name != q.Targets[i].Name {
			d.b.WriteString(" AS " + catalog.QuoteIdent(name))
		}
	}
	d.keyword(" FROM ", -indentStd, indentStd, 2)
	d.b.WriteByte('(')
	d.values(q)
	d.b.WriteString(") \"*VALUES*\"")
}

func (d *deparser) values(q *sema.Query) {
	d.b.WriteString("VALUES ")
	for i, row := range q.Values {
		d.comma(i)
		d.b.WriteByte('(')
		for k, e := range row {
			if k > 0 {
				d.b.WriteByte(',')
			}
			d.top(e, false)
		}
		d.b.WriteByte(')')
	}
}

// sortItem prints a target as an item of ORDER BY or DISTINCT ON (get_rule_sortgroupclause).
func (d *deparser) sortItem(q *sema.Query, target int, number bool) {
	if number {
		if q.Targets[target].Junk {
			d.failed = true
		}
		d.b.WriteString(strconv.Itoa(target + 1))
		return
	}
	d.sortExpr(q.Targets[target].Expr)
}

func (d *deparser) sortExpr(n expr.Node) {
	switch e := n.(type) {
	case *expr.Const:
		d.constant(e, 1)
		return
	case *expr.Var:
		d.variable(e)
		return
	case *expr.Func:
		if e.Fn.Operator == nil && !d.pretty {
			d.parenthesised(n)
			return
		}
	case *expr.Cast:
		// A cast by a function is a call of it, which PostgreSQL parenthesises like any.
		from := e.Arg.ResultType().Oid
		if !d.pretty && (e.Type.Mod >= 0 || expr.FindCoercion(from, e.Type.Oid, e.Context) == expr.CastFunc) {
			d.parenthesised(n)
			return
		}
	case *expr.Aggregate, *expr.WindowFunc:
		if !d.pretty {
			d.parenthesised(n)
			return
		}
	}
	if d.pretty {
		d.parenthesised(n)
		return
	}
	d.node(n, true)
}

func (d *deparser) parenthesised(n expr.Node) {
	d.b.WriteByte('(')
	d.node(n, true)
	d.b.WriteByte(')')
}

// apart runs f and returns what it printed instead of appending it.
func (d *deparser) apart(f func()) string {
	outer := d.b.String()
	d.b = strings.Builder{}
	f()
	text := d.b.String()
	d.b = strings.Builder{}
	d.b.WriteString(outer)
	return text
}

// targets prints the select list, each item but the first on a line of its own (get_target_list).
func (d *deparser) targets(q *sema.Query, names []string, visible bool) {
	n, multiline := 0, false
	for _, t := range q.Targets {
		if t.Junk {
			continue
		}
		if names != nil && n >= len(names) {
			break // columns that a star has gained since
		}
		name := t.Name
		if names != nil {
			name = names[n]
		}
		own := ""
		if !visible {
			own = "?column?"
		}
		text := d.apart(func() {
			if v, ok := t.Expr.(*expr.Var); ok {
				own = d.variableName(v)
				d.variable(v)
				return
			}
			d.top(t.Expr, true)
		})
		if own == "" || own != name {
			text += " AS " + catalog.QuoteIdent(name)
		}
		if n == 0 {
			d.b.WriteByte(' ')
		} else {
			d.b.WriteString(", ")
		}
		n++
		d.wrapped(text, n > 1, multiline)
		multiline = strings.Contains(strings.TrimPrefix(text, "\n"), "\n")
	}
}

// wrapped appends an item of a list: on a line of its own where it is a later one and the line would grow beyond the wrap
// column, or force is set. An item that begins with a line break has its line already.
func (d *deparser) wrapped(text string, later, force bool) {
	line := d.b.String()
	line = line[strings.LastIndexByte(line, '\n')+1:]
	switch {
	case strings.HasPrefix(text, "\n"):
		s := strings.TrimRight(d.b.String(), " ")
		d.b.Reset()
		d.b.WriteString(s)
	case later && (force || len(line)+len(text) > d.wrap):
		d.keyword("", -indentStd, indentStd, indentVar)
	}
	d.b.WriteString(text)
}

// fromClause prints the items of FROM or USING after the first skip (get_from_clause).
func (d *deparser) fromClause(q *sema.Query, word string, skip int) {
	if q.From == nil {
		return
	}
	var items []sema.JoinNode
	var split func(j sema.JoinNode)
	split = func(j sema.JoinNode) {
		if t, ok := j.(*sema.Join); ok && t.Comma {
			split(t.Left)
			items = append(items, t.Right)
			return
		}
		items = append(items, j)
	}
	split(q.From)
	for i, it := range items[skip:] {
		if i == 0 {
			d.keyword(word, -indentStd, indentStd, 2)
			d.fromItem(q, it)
			continue
		}
		d.b.WriteString(", ")
		d.wrapped(d.apart(func() { d.fromItem(q, it) }), true, false)
	}
}

func (d *deparser) aggregate(n *expr.Aggregate) {
	d.b.WriteString(d.aggregateName(n.Fn) + "(")
	if n.Distinct {
		d.b.WriteString("DISTINCT ")
	}
	if n.Star {
		d.b.WriteByte('*')
	}
	args, sep := n.Args, " ORDER BY "
	if n.Fn.Kind != expr.PlainAggregate {
		args, sep = n.Direct, ") WITHIN GROUP (ORDER BY "
	}
	d.list(args, true)
	for i, k := range n.OrderBy {
		if i == 0 {
			d.b.WriteString(sep)
		}
		d.comma(i)
		d.sortExpr(k.Expr)
		d.order(k.Desc, k.NullsFirst)
	}
	d.b.WriteByte(')')
	if n.Filter != nil {
		d.b.WriteString(" FILTER (WHERE ")
		d.node(n.Filter, false)
		d.b.WriteByte(')')
	}
}

// subquery prints a subquery of an expression (get_sublink_expr).
func (d *deparser) subquery(n *expr.Subquery) {
	q, ok := n.Query.(*sema.Query)
	if !ok {
		d.failed = true
		return
	}
	if n.Kind == expr.ArraySubquery {
		d.b.WriteString("ARRAY")
	}
	d.b.WriteByte('(')
	close := ")"
	if n.Kind == expr.AnySubquery || n.Kind == expr.AllSubquery || n.Kind == expr.RowSubquery {
		if len(n.Left) == 0 || len(n.Ops) == 0 || n.Ops[0].Operator == nil {
			d.failed = true
			return
		}
		if len(n.Left) > 1 {
			d.b.WriteByte('(')
		}
		d.list(n.Left, true)
		if len(n.Left) > 1 {
			d.b.WriteByte(')')
		}
		op := n.Ops[0].Operator.Name
		switch {
		case n.Kind == expr.RowSubquery:
			d.b.WriteString(" " + op + " (")
		case n.Kind == expr.AllSubquery:
			d.b.WriteString(" " + op + " ALL (")
		case op == "=":
			d.b.WriteString(" IN (")
		default:
			d.b.WriteString(" " + op + " ANY (")
		}
		close = "))"
	} else if n.Kind == expr.ExistsSubquery {
		d.b.WriteString("EXISTS (")
		close = "))"
	}
	d.query(q, nil, false)
	d.b.WriteString(close)
}
