package querygen

// A Statement is a tree with what its comparison must know.
type Statement struct {
	kind    string
	root    *Node
	inOrder bool // the order of its rows counts
	many    bool // it reads rows
	steps   bool // it is a sequence of statements that modify tables
}

// statement makes the statement of a seed and a number.
func statement(c *Catalog, seed, number uint64) *Statement {
	g := newGenerator(c, seed, number)
	switch n := g.IntN(100); {
	case n < 30:
		return g.bareExpressions()
	case n < 50:
		return g.overRows()
	case n < 62:
		return g.modification()
	}
	return g.anyQuery()
}

// bareExpressions is a SELECT without FROM: each function, operator and cast is as likely as the others.
func (g *generator) bareExpressions() *Statement {
	g.subqueries = 0
	var p *Producer
	for p == nil || p.kind == "aggregate" || p.kind == "window" || p.kind == "set" {
		p = pick(g, g.catalog.all)
	}
	target := g.produce(p, g.IntN(3))
	return &Statement{kind: "expression", root: text("SELECT ", target)}
}

// overRows is an expression of the columns of one table.
func (g *generator) overRows() *Statement {
	g.careful, g.subqueries = g.chance(60), 1
	name := pick(g, []string{"t1", "t2", "t3"})
	item := &fromItem{"r", tables[name]}
	t := pick(g, g.catalog.types())
	root := g.within([]*fromItem{item}, func() *Node {
		return text("SELECT r.id, ", g.expr(t, 3), " FROM ", name, " AS r", option(" WHERE ", g.expr("bool", 2)), " ORDER BY r.id")
	})
	return &Statement{kind: "rows", root: root, inOrder: true, many: true}
}

// anyQuery is a query of every clause.
func (g *generator) anyQuery() *Statement {
	g.careful, g.subqueries = g.chance(85), 3
	types, tables := g.outputs(1+g.IntN(4)), 2
	if g.chance(25) {
		tables = 3
	}
	if g.chance(30) {
		root := g.limited(g.query(types, tables), types)
		root.typ = "" // the order stays
		return &Statement{kind: "query", root: root, many: true, inOrder: true}
	}
	return &Statement{kind: "query", root: g.query(types, tables), many: true}
}
