package querygen

import (
	"fmt"
	"slices"
	"strings"
)

// depthInQuery is how deep the expressions of a query are; queries find their differences in combination, not in depth.
const depthInQuery = 2

// outputTypes are what the columns of subqueries are chosen from.
var outputTypes = []Type{"int4", "int4", "int8", "text", "text", "numeric", "bool", "date", "timestamp", "jsonb", "int4[]", "float8", "varchar", "int2", "timestamptz", "interval", "mood", "uuid"}

// within makes something with further FROM items in scope.
func (g *generator) within(items []*fromItem, make func() *Node) *Node {
	scope, keys := g.scope, g.keys
	g.scope, g.keys = append(scope[:len(scope):len(scope)], items...), nil
	n := make()
	g.scope, g.keys = scope, keys
	return n
}

// scalarSubquery is a subquery of one row: an aggregate without GROUP BY, or the first row by a stated order.
func (g *generator) scalarSubquery(t Type, depth int) *Node {
	g.subqueries--
	defer func() { g.subqueries++ }()
	from, items := g.from(1)
	return g.within(items, func() *Node {
		where := option(" WHERE ", g.expr("bool", depth))
		if ps := g.aggregatesOf(t); len(ps) > 0 && g.chance(60) {
			return expr(t, "(SELECT ", g.aggregate(pick(g, ps), items, depth), " FROM ", from, where, ")")
		}
		target := g.expr(t, depth)
		return expr(t, "(SELECT ", target, " FROM ", from, where, " ORDER BY (", target, ")::text LIMIT 1)")
	})
}

// subqueryCondition is EXISTS, IN, or a comparison with ANY or ALL of a subquery's rows.
func (g *generator) subqueryCondition(t Type, op, not string, depth int) *Node {
	g.subqueries--
	defer func() { g.subqueries++ }()
	left, right := g.expr(t, depth), g.expr("int4", depth)
	from, items := g.from(1)
	return g.within(items, func() *Node {
		where := option(" WHERE ", g.expr("bool", depth))
		switch g.IntN(4) {
		case 0:
			return expr("bool", "(", not, "EXISTS (SELECT ", pick(g, []string{"1", "*", ""}), " FROM ", from, where, "))")
		case 1:
			return expr("bool", "(", left, " ", not, "IN (SELECT ", g.expr(t, depth), " FROM ", from, where, "))")
		case 2:
			return expr("bool", "((", left, ", ", right, ") ", not, "IN (SELECT ", g.expr(t, depth), ", ", g.expr("int4", depth), " FROM ", from, where, "))")
		}
		return expr("bool", "(", left, " ", op, " ", pick(g, []string{"ANY", "ALL"}), " (SELECT ", g.expr(t, depth), " FROM ", from, where, "))")
	})
}

// from makes a FROM list of at most n items and returns what it brings into scope.
func (g *generator) from(n int) (*Node, []*fromItem) {
	first, item := g.fromItem(false)
	items := []*fromItem{item}
	tree := expr(tFrom, first)
	for range g.IntN(n) {
		switch k := g.IntN(8); k {
		case 0: // a comma, with LATERAL or without
			var next *Node
			lateral := g.within(items, func() *Node { next, item = g.fromItem(true); return next })
			tree = expr(tFrom, tree, " CROSS JOIN ", lateral)
		case 1:
			next, it := g.fromItem(false)
			item = it
			if common := sharedName(items, item); common != "" {
				tree = expr(tFrom, "(", tree, pick(g, []string{" JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN "}), next, " USING (", common, "))")
			} else {
				tree = expr(tFrom, tree, " CROSS JOIN ", next)
			}
		case 2:
			kind := pick(g, []string{" JOIN ", " LEFT JOIN "})
			var next *Node
			lateral := g.within(items, func() *Node { next, item = g.fromItem(true); return next })
			both := append(items[:len(items):len(items)], item)
			on := g.within(both, func() *Node { return g.expr("bool", depthInQuery) })
			tree = expr(tFrom, "(", tree, kind, lateral, " ON ", on, ")")
		default:
			next, it := g.fromItem(false)
			item = it
			var on *Node
			kind := pick(g, []string{" JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN "})
			if on = g.equality(items, item); on == nil || kind != " FULL JOIN " && g.chance(30) {
				if kind == " FULL JOIN " {
					kind = " LEFT JOIN "
				}
				both := append(items[:len(items):len(items)], item)
				on = g.within(both, func() *Node { return g.expr("bool", depthInQuery) })
			}
			tree = expr(tFrom, "(", tree, kind, next, " ON ", on, ")")
		}
		items = append(items, item)
	}
	return tree, items
}

// sharedName is a column name that exactly one of the items and the other one have, of types that compare.
func sharedName(items []*fromItem, other *fromItem) string {
	count := map[string]int{}
	for _, f := range items {
		for _, c := range f.columns {
			count[c.name]++
		}
	}
	for _, c := range other.columns {
		if (c.name == "b" || c.name == "id" || c.name == "t") && count[c.name] == 1 {
			return c.name
		}
	}
	return ""
}

// equality is a condition that merges and hashes: a column of the items equals one of the other's; nil: none is there.
func (g *generator) equality(items []*fromItem, other *fromItem) *Node {
	var found [][2]string
	for _, f := range items {
		for _, a := range f.columns {
			for _, b := range other.columns {
				if a.typ == b.typ && canonical[a.typ] || numberTypes[a.typ] && numberTypes[b.typ] {
					found = append(found, [2]string{f.alias + "." + a.name, other.alias + "." + b.name})
				}
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	p := pick(g, found)
	return text(p[0], " = ", p[1])
}

var numberTypes = map[Type]bool{"int2": true, "int4": true, "int8": true}

// fromItem is a table, a subquery, VALUES or a function. A lateral one reads the items in scope.
func (g *generator) fromItem(lateral bool) (*Node, *fromItem) {
	alias := g.alias("f")
	switch n := g.IntN(12); {
	case g.subqueries > 0 && (n < 2 || lateral && n < 7):
		g.subqueries--
		defer func() { g.subqueries++ }()
		types := g.outputs(1 + g.IntN(3))
		scope := g.scope
		if !lateral {
			g.scope = nil
		}
		keys := g.keys
		g.keys = nil
		q := g.query(types, 1+g.IntN(2))
		g.scope, g.keys = scope, keys
		names, item := named(alias, types)
		word := ""
		if lateral {
			word = "LATERAL "
		}
		return expr(tFrom, word, "(", q, ") AS ", alias, "(", names, ")"), item
	case n == 7:
		types := g.outputs(1 + g.IntN(3))
		scope := g.scope
		g.scope = nil
		rows := list(1, ", ")
		for range 1 + g.IntN(4) {
			row := list(len(types), ", ")
			for _, t := range types {
				row.parts = append(row.parts, g.literal(t))
			}
			rows.parts = append(rows.parts, text("(", row, ")"))
		}
		g.scope = scope
		names, item := named(alias, types)
		return expr(tFrom, "(VALUES ", rows, ") AS ", alias, "(", names, ")"), item
	case n == 8 || lateral && n < 11:
		if g.chance(50) {
			return expr(tFrom, fmt.Sprintf("generate_series(%d, %d) WITH ORDINALITY AS %s(x, o)", g.IntN(4), 2+g.IntN(5), alias)),
				&fromItem{alias, []Column{{"x", "int4"}, {"o", "int8"}}}
		}
		scope := g.scope
		if !lateral {
			g.scope = nil
		}
		if g.chance(40) {
			n, item := g.setFunction(alias)
			g.scope = scope
			return n, item
		}
		of := pick(g, []Type{"int4", "text"})
		e := g.expr(of+"[]", 1)
		g.scope = scope
		return expr(tFrom, "unnest(", e, ") WITH ORDINALITY AS ", alias, "(x, o)"), &fromItem{alias, []Column{{"x", of}, {"o", "int8"}}}
	}
	name := pick(g, tableNames)
	return expr(tFrom, name, " AS ", alias), &fromItem{alias, tables[name]}
}

// setFunction is a function in FROM, or several in ROWS FROM.
func (g *generator) setFunction(alias string) (*Node, *fromItem) {
	item := func(columns ...Column) *fromItem { return &fromItem{alias, columns} }
	switch g.IntN(6) {
	case 0:
		return expr(tFrom, "ROWS FROM (unnest(", g.expr("int4[]", 1), "), unnest(", g.expr("text[]", 1), ")) WITH ORDINALITY AS ", alias, "(x, t, o)"),
			item(Column{"x", "int4"}, Column{"t", "text"}, Column{"o", "int8"})
	case 1:
		return expr(tFrom, "unnest(", g.expr("int4[]", 1), ", ", g.expr("text[]", 1), ") AS ", alias, "(x, t)"), item(Column{"x", "int4"}, Column{"t", "text"})
	case 2:
		return expr(tFrom, "string_to_table(", g.expr("text", 1), ", ", quote(pick(g, []string{",", "", " ", "l"})), ") AS ", alias, "(t)"), item(Column{"t", "text"})
	case 3:
		j := g.expr("jsonb", 1)
		return expr(tFrom, "jsonb_array_elements(CASE jsonb_typeof(", j, ") WHEN 'array' THEN ", j, " ELSE '[1, null, \"x\"]' END) WITH ORDINALITY AS ", alias, "(j, o)"),
			item(Column{"j", "jsonb"}, Column{"o", "int8"})
	case 4:
		j := g.expr("jsonb", 1)
		return expr(tFrom, "jsonb_each_text(CASE jsonb_typeof(", j, ") WHEN 'object' THEN ", j, " ELSE '{\"k\": 1}' END) AS ", alias, "(t, v)"),
			item(Column{"t", "text"}, Column{"v", "text"})
	}
	return expr(tFrom, "generate_series('2024-02-28'::timestamp, '2024-03-02', ", quote(pick(g, []string{"1 day", "12:00", "1 mon", "-1 day"})), ") AS ", alias, "(ts)"),
		item(Column{"ts", "timestamp"})
}

func (g *generator) outputs(n int) []Type {
	var out []Type
	for range n {
		out = append(out, pick(g, outputTypes))
	}
	return out
}

// named names the columns of an item c1, c2 and so on.
func named(alias string, types []Type) (string, *fromItem) {
	item := &fromItem{alias: alias}
	var names []string
	for i, t := range types {
		name := fmt.Sprintf("c%d", i+1)
		names = append(names, name)
		item.columns = append(item.columns, Column{name, t})
	}
	return strings.Join(names, ", "), item
}

// query makes a query with columns of these types, in no order unless it is cut off.
func (g *generator) query(types []Type, tables int) *Node {
	switch n := g.IntN(20); {
	case n < 2 && g.subqueries > 0:
		return g.setOperation(types, tables)
	case n < 3:
		return g.limited(g.selection(types, tables), types)
	case n < 5 && g.subqueries > 0:
		return g.with(types, tables)
	}
	return g.selection(types, tables)
}

// setOperation combines two or three queries. Rows are compared as a whole, so they must be of canonical types.
func (g *generator) setOperation(types []Type, tables int) *Node {
	g.subqueries--
	defer func() { g.subqueries++ }()
	ops := []string{" UNION ALL "}
	if allCanonical(types) {
		ops = []string{" UNION ALL ", " UNION ", " INTERSECT ", " INTERSECT ALL ", " EXCEPT ", " EXCEPT ALL "}
	}
	side := func() *Node { return text("(", g.selection(types, tables), ")") }
	out := expr(tQuery, side(), pick(g, ops), side())
	if g.chance(40) {
		out = expr(tQuery, out, pick(g, ops), side())
	}
	return out
}

func allCanonical(types []Type) bool {
	for _, t := range types {
		if !canonical[t] {
			return false
		}
	}
	return true
}

// limited is the first rows of a query by the text of all columns, or by columns first.
func (g *generator) limited(q *Node, types []Type) *Node {
	alias := g.alias("l")
	names, item := named(alias, types)
	var keys []*Node
	for i, t := range types {
		if canonical[t] && g.chance(50) {
			keys = append(keys, text(item.alias, ".", item.columns[i].name, pick(g, []string{"", " DESC", " NULLS FIRST", " DESC NULLS LAST"})))
		}
	}
	for i := range types {
		keys = append(keys, text(item.alias, ".", item.columns[i].name, "::text"))
	}
	limit := fmt.Sprintf(" LIMIT %d", g.IntN(8))
	switch g.IntN(4) {
	case 0:
		limit = fmt.Sprintf(" OFFSET %d ROWS FETCH FIRST %d ROWS WITH TIES", g.IntN(3), 1+g.IntN(5))
	case 1:
		limit += fmt.Sprintf(" OFFSET %d", g.IntN(4))
	}
	return expr(tQuery, "SELECT * FROM (", q, ") AS ", alias, "(", names, ") ORDER BY ", list(len(types), ", ", keys...), limit)
}

// with puts a query in front that the next one reads, as it is or recursively.
func (g *generator) with(types []Type, tables int) *Node {
	g.subqueries--
	defer func() { g.subqueries++ }()
	name := g.alias("w")
	hint := pick(g, []string{"", "MATERIALIZED ", "NOT MATERIALIZED "})
	inner := g.outputs(1 + g.IntN(3))
	var definition *Node
	if g.chance(25) {
		inner = []Type{"int4", "text"}
		self := &fromItem{name, []Column{{"c1", "int4"}, {"c2", "text"}}}
		var step *Node
		g.within([]*fromItem{self}, func() *Node { step = g.expr("text", 1); return step })
		start := g.literal("text")
		definition = text("WITH RECURSIVE ", name, "(c1, c2) AS (SELECT 1, ", start, pick(g, []string{" UNION ALL ", " UNION "}), "SELECT ", name, ".c1 + 1, ", step,
			" FROM ", name, option(" LEFT JOIN t4 ON t4.id = ", name, ".c1"), fmt.Sprintf(" WHERE %s.c1 < %d) ", name, 2+g.IntN(4)))
	} else {
		names, _ := named(name, inner)
		definition = text("WITH ", name, "(", names, ") AS ", hint, "(", g.query(inner, tables), ") ")
	}
	_, item := named(name, inner)
	// The reader joins it with what else it reads.
	a, b := g.alias("f"), g.alias("f")
	item.alias = a
	items := []*fromItem{item}
	from := text(name, " AS ", a)
	if g.chance(50) {
		_, second := named(b, inner)
		items = append(items, second)
		from = text(from, ", ", name, " AS ", b)
	}
	body := g.within(items, func() *Node {
		return expr(tQuery, "SELECT ", g.targets(types), " FROM ", from, option(" WHERE ", g.expr("bool", depthInQuery)))
	})
	return expr(tQuery, definition, body)
}

func (g *generator) targets(types []Type) *Node {
	n := list(len(types), ", ")
	for _, t := range types {
		n.parts = append(n.parts, g.expr(t, depthInQuery))
	}
	return n
}

// selection is a SELECT with columns of these types: plain, DISTINCT, grouped, or with window functions.
func (g *generator) selection(types []Type, tables int) *Node {
	from, items := g.from(tables)
	return g.within(items, func() *Node {
		where := option(" WHERE ", g.expr("bool", depthInQuery))
		if g.chance(40) {
			where = text("")
		}
		switch n := g.IntN(10); {
		case n < 3:
			return g.grouped(types, from, where, items)
		case n < 5:
			return g.windowed(types, from, where, items)
		case n == 5 && allCanonical(types):
			return expr(tQuery, "SELECT DISTINCT ", g.targets(types), " FROM ", from, where)
		case n == 6:
			key := g.expr(pick(g, []Type{"int4", "text", "bool", "date"}), 1)
			key = expr(key.typ, "NULLIF(", key, ", NULL)") // no constant, which would be a position
			return expr(tQuery, "SELECT DISTINCT ON (", key, ") ", g.targets(types), " FROM ", from, where, " ORDER BY ", key, ", ", g.order(items))
		}
		return expr(tQuery, "SELECT ", g.targets(types), " FROM ", from, where)
	})
}

// order names every column of the items by its text, so that rows that tie are the same.
func (g *generator) order(items []*fromItem) *Node {
	n := text() // the shrinker leaves it whole: with less of it the order would be open
	for _, f := range items {
		for _, c := range f.columns {
			if len(n.parts) > 0 {
				n.parts = append(n.parts, ", ")
			}
			n.parts = append(n.parts, f.alias+"."+c.name+"::text")
		}
	}
	return n
}

// aggregatesOf are the aggregates of type t that may be used here.
func (g *generator) aggregatesOf(t Type) []*Producer {
	var out []*Producer
	for _, p := range g.catalog.aggregates[t] {
		if !g.careful || p.total() {
			out = append(out, p)
		}
	}
	return out
}

// aggregate is a call of p over the rows of items in scope.
func (g *generator) aggregate(p *Producer, items []*fromItem, depth int) *Node {
	if len(p.args) == 0 {
		return expr(p.typ, "count(*)", g.filter(depth))
	}
	// Of the enclosing query's columns alone, it would be the enclosing query's aggregate.
	scope := g.scope
	if g.chance(95) {
		g.scope = items
	}
	defer func() { g.scope = scope }()
	args, plain := list(len(p.args), ", "), true
	var first *Node
	for _, t := range p.args {
		a := g.expr(t, depth)
		if first == nil {
			first = a
		}
		plain = plain && canonical[t]
		args.parts = append(args.parts, a)
	}
	distinct := ""
	if len(p.args) == 1 && plain && g.chance(20) {
		if ordered[p.name] {
			return expr(p.typ, p.name, "(DISTINCT ", first, " ORDER BY ", first, ")", g.filter(depth))
		}
		distinct = "DISTINCT "
	}
	order := text("")
	// The order of its input decides the result, to the last digit at least.
	if ordered[p.name] || (!plain && distinct == "") {
		order = text(" ORDER BY ", g.order(items))
	}
	return expr(p.typ, p.name, "(", distinct, args, order, ")", g.filter(depth))
}

func (g *generator) filter(depth int) *Node {
	if g.chance(15) {
		return option(" FILTER (WHERE ", g.expr("bool", depth), ")")
	}
	return text("")
}

// ordered are the aggregates whose result is a sequence.
var ordered = map[string]bool{"array_agg": true, "string_agg": true, "json_agg": true, "jsonb_agg": true, "json_object_agg": true, "jsonb_object_agg": true}

// grouped is a SELECT with GROUP BY, by plain keys or grouping sets, or an aggregate of all rows.
func (g *generator) grouped(types []Type, from, where *Node, items []*fromItem) *Node {
	var keys []*Node
	for range g.IntN(3) {
		if k := g.column(pick(g, []Type{"int4", "text", "bool", "date", "int8", "varchar"})); k != nil {
			keys = append(keys, k)
		} else if k := g.column(pick(g, canonicalColumns)); k != nil {
			// Of a column: PostgreSQL folds a constant and then takes what equals it for no key. And no test whose
			// negation it simplifies: NOT (a IS NULL) becomes a IS NOT NULL, which is no longer of the key.
			keys = append(keys, expr("int4", "COALESCE(length(", k, "::text), 0)"))
		}
	}
	targets := list(len(types), ", ")
	var clause *Node
	var sets bool
	if len(keys) > 0 {
		clause, sets = g.groupBy(keys)
	}
	for _, t := range types {
		if sets && t == "int4" && g.chance(40) {
			targets.parts = append(targets.parts, expr(t, "GROUPING(", list(1, ", ", keys...), ")"))
			continue
		}
		if n := g.overGroups(t, keys); n != nil && g.chance(25) {
			targets.parts = append(targets.parts, n)
			continue
		}
		if n := g.orderedSet(t, items); n != nil && g.chance(20) {
			targets.parts = append(targets.parts, n)
			continue
		}
		if ps := g.aggregatesOf(t); len(ps) > 0 && g.chance(75) {
			// Arguments of aggregates don't nest aggregates: subqueries may.
			targets.parts = append(targets.parts, g.aggregate(pick(g, ps), items, 1))
			continue
		}
		targets.parts = append(targets.parts, g.ofGroup(t, keys))
	}
	if len(keys) == 0 {
		return expr(tQuery, "SELECT ", targets, " FROM ", from, where, pick(g, []string{"", "", " GROUP BY ()"}))
	}
	having := text("")
	if g.chance(30) {
		having = option(" HAVING ", g.ofGroup("bool", keys))
	}
	return expr(tQuery, "SELECT ", targets, " FROM ", from, where, clause, having)
}

var canonicalColumns = []Type{"date", "timestamp", "int8", "varchar", "uuid", "mood", "int4"}

// ofGroup is an expression of a group's keys.
func (g *generator) ofGroup(t Type, keys []*Node) *Node {
	old, sub, scope := g.keys, g.subqueries, g.scope
	g.keys, g.subqueries = keys, 0
	if keys == nil {
		g.keys = []*Node{}
	}
	n := g.expr(t, depthInQuery)
	g.keys, g.subqueries, g.scope = old, sub, scope
	return n
}

// windowed is a SELECT whose columns are window functions where there are any of the type. Where rows tie, a function that
// counts them (row_number, a frame of rows) gives them different values, and two such functions over different windows may
// count them in different orders: they are all over one window, or only others are used.
func (g *generator) windowed(types []Type, from, where *Node, items []*fromItem) *Node {
	partition := func() *Node {
		if k := g.column(pick(g, []Type{"int4", "text", "bool"})); k != nil && g.chance(60) {
			return option("PARTITION BY ", k, " ")
		}
		return text("")
	}
	one, several := partition(), g.chance(30)
	targets := list(len(types), ", ")
	for _, t := range types {
		ps := append(g.catalog.windows[t][:len(g.catalog.windows[t]):len(g.catalog.windows[t])], g.aggregatesOf(t)...)
		if several {
			ps = slices.DeleteFunc(ps, func(p *Producer) bool { return positional[p.name] })
		}
		if len(ps) == 0 || g.chance(30) {
			targets.parts = append(targets.parts, g.expr(t, depthInQuery))
			continue
		}
		if call := g.rangeWindow(t, items, partition); call != nil && g.chance(25) {
			targets.parts = append(targets.parts, call)
			continue
		}
		over := one
		if several {
			over = partition()
		}
		targets.parts = append(targets.parts, expr(t, g.windowCall(pick(g, ps)), " OVER (", over, "ORDER BY ", g.order(items), g.frame(!several), ")"))
	}
	return expr(tQuery, "SELECT ", targets, " FROM ", from, where)
}

// positional are the window functions that tell rows that tie apart.
var positional = map[string]bool{"row_number": true, "lag": true, "lead": true, "ntile": true, "nth_value": true, "first_value": true, "last_value": true}

// rangeWindow is an aggregate of type t over a frame of a range around a column's value: rows that tie have the same frame,
// and the aggregate does not tell them apart. Nil: there is none of the type.
func (g *generator) rangeWindow(t Type, items []*fromItem, partition func() *Node) *Node {
	arg, ok := map[Type][2]string{"int8": {"count(", ")"}, "numeric": {"sum(", "::int8)"}, "int4": {"max(", ")"}, "text": {"min(", "::text)"}}[t]
	if !ok {
		return nil
	}
	key := pick(g, []Type{"int4", "int8", "numeric", "date", "timestamp", "int2", "time", "timestamptz"})
	k, v := g.column(key), g.column("int4")
	if k == nil || v == nil {
		return nil
	}
	offset := func() string { return fmt.Sprint(g.IntN(12)) }
	switch key {
	case "date", "timestamp", "timestamptz":
		offset = func() string { return pick(g, []string{"'1 day'", "'1 mon'", "'30 years'", "'0'"}) + "::interval" }
	case "time":
		offset = func() string { return pick(g, []string{"'1 hour'", "'12:00'"}) + "::interval" }
	}
	bounds := [][2]string{{"UNBOUNDED PRECEDING", offset() + " PRECEDING"}, {offset() + " PRECEDING", offset() + " FOLLOWING"}, {"CURRENT ROW", offset() + " FOLLOWING"},
		{offset() + " FOLLOWING", "UNBOUNDED FOLLOWING"}, {offset() + " PRECEDING", "CURRENT ROW"}}
	b := pick(g, bounds)
	return expr(t, arg[0], v, arg[1], g.filter(1), " OVER (", partition(), "ORDER BY ", k, pick(g, []string{"", " DESC", " NULLS FIRST", " DESC NULLS LAST"}),
		" RANGE BETWEEN ", b[0], " AND ", b[1], option(pick(g, []string{"", " EXCLUDE GROUP", " EXCLUDE TIES", " EXCLUDE CURRENT ROW"})), ")")
}

func (g *generator) windowCall(p *Producer) *Node {
	if p.kind == "window" {
		if strings.Contains(p.name, "ntile") || p.name == "nth_value" {
			return p.call([]*Node{g.expr(p.args[0], 1), text("2")}[2-len(p.args):])
		}
		return g.produce(p, 1)
	}
	var args []*Node
	for _, a := range p.args {
		args = append(args, g.expr(a, 1))
	}
	call := p.call(args)
	if len(args) == 0 {
		call = expr(p.typ, "count(*)")
	}
	return text(call, g.filter(1))
}

// frame is a window's frame, of rows or groups: of a range only as far as peers.
func (g *generator) frame(rows bool) *Node {
	if g.chance(40) {
		return text("")
	}
	starts := []string{"UNBOUNDED PRECEDING", "2 PRECEDING", "1 PRECEDING", "CURRENT ROW", "1 FOLLOWING"}
	ends := []string{"1 PRECEDING", "CURRENT ROW", "1 FOLLOWING", "3 FOLLOWING", "UNBOUNDED FOLLOWING"}
	mode := pick(g, []string{"ROWS", "GROUPS", "RANGE"})
	if mode == "ROWS" && !rows {
		mode = "GROUPS"
	}
	if mode == "RANGE" {
		starts, ends = []string{"UNBOUNDED PRECEDING", "CURRENT ROW"}, []string{"CURRENT ROW", "UNBOUNDED FOLLOWING"}
	}
	s, e := g.IntN(len(starts)), g.IntN(len(ends))
	if mode != "RANGE" && s >= 3 && e < 1 || s == 4 && e < 2 {
		e = len(ends) - 1
	}
	exclude := pick(g, []string{"", " EXCLUDE CURRENT ROW", " EXCLUDE TIES", " EXCLUDE GROUP", " EXCLUDE NO OTHERS"})
	if exclude == " EXCLUDE TIES" && (starts[s] == "1 FOLLOWING" || ends[e] == "1 PRECEDING") {
		exclude = "" // PostgreSQL's first_value looks at the current row then, though it is not in the frame, and finds nothing
	}
	return option(" ", mode, " BETWEEN ", starts[s], " AND ", ends[e], option(exclude))
}
