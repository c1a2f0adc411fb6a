package pgcat

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
)

// Queries are printed by the rules of ruleutils.c, line breaks and indentation included. What those rules need and the
// analysed tree does not keep (JOIN … USING, aliased joins, two columns of one name) makes the printing
// fail, and the text of CREATE VIEW stands in.

// PostgreSQL's steps of indentation.
const (
	indentStd   = 8
	indentJoin  = 4
	indentVar   = 4
	indentLimit = 40
)

// namespace holds the names that a query's range table is printed with.
type namespace struct {
	query *sema.Query
	rels  []relNames
}

type relNames struct {
	name string
	cols map[int]string // by position in the entry's columns
	list []string       // the names of all live columns
	show bool           // the list is printed
}

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
		d.node(q.Limit, false)
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
	if q.Values != nil {
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
	d.fromClause(q)
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

func (d *deparser) values(q *sema.Query) {
	d.b.WriteString("VALUES ")
	for i, row := range q.Values {
		d.comma(i)
		d.b.WriteByte('(')
		for k, e := range row {
			if k > 0 {
				d.b.WriteByte(',')
			}
			d.node(e, false)
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
			d.node(t.Expr, true)
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

func (d *deparser) fromClause(q *sema.Query) {
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
	for i, it := range items {
		if i == 0 {
			d.keyword(" FROM ", -indentStd, indentStd, 2)
			d.fromItem(q, it)
			continue
		}
		d.b.WriteString(", ")
		d.wrapped(d.apart(func() { d.fromItem(q, it) }), true, false)
	}
}

func (d *deparser) fromItem(q *sema.Query, j sema.JoinNode) {
	t, ok := j.(*sema.Join)
	if !ok {
		d.rel(q, j.(sema.RelRef).Rel)
		return
	}
	if t.Unmarked {
		d.failed = true
		return
	}
	left, right, word := t.Left, t.Right, " JOIN "
	switch {
	case t.Swapped:
		left, right, word = t.Right, t.Left, " RIGHT JOIN "
	case t.Kind == sema.LeftJoin:
		word = " LEFT JOIN "
	case t.Kind == sema.FullJoin:
		word = " FULL JOIN "
	case t.On == nil:
		word = " CROSS JOIN "
	}
	d.open()
	d.fromItem(q, left)
	d.keyword(word, -indentStd, indentStd, indentJoin)
	_, leaf := right.(sema.RelRef)
	if d.pretty && !leaf {
		d.b.WriteByte('(')
	}
	d.fromItem(q, right)
	if d.pretty && !leaf {
		d.b.WriteByte(')')
	}
	if t.On != nil {
		d.b.WriteString(" ON ")
		d.open()
		d.node(t.On, false)
		d.close()
	}
	d.close()
}

// rel prints an entry of the range table.
func (d *deparser) rel(q *sema.Query, i int) {
	r, n := q.Rels[i], &d.spaces[len(d.spaces)-1].rels[i]
	if r.Lateral && (r.Kind == sema.RTESubquery || r.Kind == sema.RTEValues) {
		d.b.WriteString("LATERAL ")
	}
	plain := "" // the name that needs no alias
	switch {
	case r.Kind == sema.RTETable:
		plain = r.Table.Name
		if r.Only {
			d.b.WriteString("ONLY ")
		}
		d.b.WriteString(d.snap.RelationName(d.path, catalog.Relation{Kind: catalog.KindTable, Table: r.Table}))
	case r.View != nil:
		plain = r.View.Name
		d.b.WriteString(d.snap.RelationName(d.path, catalog.Relation{Kind: catalog.KindView, View: r.View}))
	case r.Kind == sema.RTECatalog:
		plain = r.Virtual.Name
		if q := d.snap.Sequence(r.Virtual.OID); q != nil {
			d.b.WriteString(d.snap.RelationName(d.path, catalog.Relation{Kind: catalog.KindSequence, Sequence: q}))
		} else if r.Virtual.Schema == pgCatalog || slices.Contains(d.path, r.Virtual.Schema) {
			d.b.WriteString(catalog.QuoteIdent(plain))
		} else {
			d.b.WriteString(catalog.QualifiedName(r.Virtual.Schema, plain))
		}
	case r.RowsFrom:
		d.failed = true
		return
	case r.Kind == sema.RTESubquery, r.Kind == sema.RTEValues:
		d.b.WriteByte('(')
		d.query(r.Query, nil, true)
		d.b.WriteByte(')')
	case r.Kind == sema.RTECTE, r.Kind == sema.RTEWorkTable:
		plain = r.CTE.Name
		d.b.WriteString(catalog.QuoteIdent(plain))
	case r.Kind == sema.RTEFunction:
		d.node(r.Func, true)
		if r.Ordinality {
			d.b.WriteString(" WITH ORDINALITY")
		}
	default:
		d.failed = true
		return
	}
	if r.Written != nil || n.name != plain {
		d.b.WriteString(" " + catalog.QuoteIdent(n.name))
	}
	if n.show {
		d.b.WriteString("(" + quotedList(n.list) + ")")
	}
	if r.Sample != nil {
		d.sample(r.Sample)
	}
}

func (d *deparser) sample(s *sema.TableSample) {
	method := "bernoulli"
	if s.System {
		method = "system"
	}
	d.b.WriteString(" TABLESAMPLE " + method + " (")
	d.node(s.Percent, false)
	d.b.WriteByte(')')
	if s.Seed != nil {
		d.b.WriteString(" REPEATABLE (")
		d.node(s.Seed, false)
		d.b.WriteByte(')')
	}
}

// name chooses the names of a query's range table: no two alike, and none like one of a query around it
// (set_rtable_names).
func (d *deparser) name(q *sema.Query) *namespace {
	ns := &namespace{query: q, rels: make([]relNames, len(q.Rels))}
	used := map[string]int{}
	for _, s := range d.spaces {
		for _, r := range s.rels {
			if r.name != "" {
				used[r.name] = 0
			}
		}
	}
	for i, r := range q.Rels {
		n := &ns.rels[i]
		if r.Kind == sema.RTEJoin {
			continue
		}
		n.name = r.Alias
		for base := r.Alias; ; {
			if _, taken := used[n.name]; !taken {
				break
			}
			used[base]++
			n.name = base + "_" + strconv.Itoa(used[base])
		}
		used[n.name] = 0
		d.nameColumns(r, n)
	}
	return ns
}

// nameColumns settles an entry's column names and whether the list of them is printed (set_relation_column_names).
func (d *deparser) nameColumns(r *sema.RTE, n *relNames) {
	var aliases []string
	if r.Written != nil {
		aliases = r.Written.Columns
	}
	n.cols = map[int]string{}
	changed := false
	for i, c := range r.Columns {
		if r.Table != nil && i >= len(r.Table.Columns) { // a tree's tableoid
			n.cols[i] = c.Name
			continue
		}
		if r.Table != nil && (r.Table.Columns[i].Dropped || r.Table.Columns[i].Hidden) {
			continue
		}
		name := c.Name
		if k := len(n.list); k < len(aliases) {
			changed = changed || aliases[k] != name
			name = aliases[k]
		}
		if slices.Contains(n.list, name) {
			d.failed = true
		}
		n.cols[i] = name
		n.list = append(n.list, name)
	}
	switch {
	case r.Kind == sema.RTETable || r.View != nil:
		n.show = changed
	case r.Kind == sema.RTEFunction:
		n.show = true
	default:
		n.show = changed || len(aliases) > 0
	}
}

// lookup finds the names of the entry that a variable refers to.
func (d *deparser) lookup(n *expr.Var) *relNames {
	at := len(d.spaces) - 1 - n.Level
	if at < 1 || n.Rel >= len(d.spaces[at].rels) {
		return nil
	}
	return &d.spaces[at].rels[n.Rel]
}

func (d *deparser) variableName(n *expr.Var) string {
	if r := d.lookup(n); r != nil {
		return r.cols[n.Col]
	}
	return ""
}

// qualified prints a column with the name of its table.
func (d *deparser) qualified(n *expr.Var) {
	r := d.lookup(n)
	if r == nil || r.name == "" || r.cols[n.Col] == "" {
		d.failed = true
		return
	}
	d.b.WriteString(catalog.QuoteIdent(r.name) + "." + catalog.QuoteIdent(r.cols[n.Col]))
}

func (d *deparser) aggregate(n *expr.Aggregate) {
	d.b.WriteString(catalog.QuoteIdent(n.Fn.Name) + "(")
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
	if n.Kind == expr.AnySubquery || n.Kind == expr.AllSubquery {
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
