package querygen

import (
	"fmt"
	"strings"
)

// modified makes the tables that data-modifying statements change: a parent with a primary key, a unique column and a
// check, and a child for every action of a foreign key. They are filled anew before each sequence of statements.
const modified = `
CREATE TABLE p (id int4 PRIMARY KEY, u text UNIQUE, n numeric(8,2) DEFAULT 1.5, c int4 CHECK (c < 100));
CREATE TABLE k1 (id int4 PRIMARY KEY, p int4 REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE, t text NOT NULL DEFAULT 'x');
CREATE TABLE k2 (id int4 PRIMARY KEY, p int4 DEFAULT 1 REFERENCES p ON DELETE SET NULL ON UPDATE SET DEFAULT, t text);
CREATE TABLE k3 (id int4 PRIMARY KEY, u text REFERENCES p (u) ON UPDATE CASCADE ON DELETE RESTRICT, t varchar(5));
CREATE TABLE k4 (id int4 PRIMARY KEY, p int4 REFERENCES p DEFERRABLE INITIALLY DEFERRED, k1 int4 REFERENCES k1 ON DELETE CASCADE, UNIQUE (p, k1));
`

// refill is the state in which every sequence starts.
const refill = `
DELETE FROM k4; DELETE FROM k3; DELETE FROM k2; DELETE FROM k1; DELETE FROM p;
INSERT INTO p (id, u, n, c) VALUES (1, 'a', 1, 10), (2, 'b', 2.5, 20), (3, NULL, NULL, NULL), (4, 'd', 0, 99), (5, 'e', -1, -5);
INSERT INTO k1 VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 1, 'c'), (4, NULL, 'd');
INSERT INTO k2 VALUES (1, 1, 'a'), (2, 3, NULL), (3, 5, 'c');
INSERT INTO k3 VALUES (1, 'a', 'a'), (2, NULL, 'b');
INSERT INTO k4 VALUES (1, 2, 1), (2, 4, NULL), (3, NULL, 2);
`

// contents reads what the statements left.
const contents = `
SELECT 'p', p::text FROM p UNION ALL SELECT 'k1', k1::text FROM k1 UNION ALL SELECT 'k2', k2::text FROM k2
UNION ALL SELECT 'k3', k3::text FROM k3 UNION ALL SELECT 'k4', k4::text FROM k4`

// A target is a table that statements modify, with the columns they may set.
type target struct {
	name    string
	columns []Column
}

var targets = []target{
	{"p", []Column{{"id", "int4"}, {"u", "text"}, {"n", "numeric"}, {"c", "int4"}}},
	{"p", []Column{{"id", "int4"}, {"u", "text"}, {"n", "numeric"}, {"c", "int4"}}},
	{"k1", []Column{{"id", "int4"}, {"p", "int4"}, {"t", "text"}}},
	{"k2", []Column{{"id", "int4"}, {"p", "int4"}, {"t", "text"}}},
	{"k3", []Column{{"id", "int4"}, {"u", "text"}, {"t", "text"}}},
	{"k4", []Column{{"id", "int4"}, {"p", "int4"}, {"k1", "int4"}}},
}

// modification is a sequence of statements, each of which may fail on its own: what it returns and what all tables hold
// in the end is compared. Several rows that fail may do so in any order, so a statement changes one row mostly.
func (g *generator) modification() *Statement {
	g.careful, g.subqueries = true, 1
	root := list(1, ";\n")
	for range 1 + g.IntN(4) {
		root.parts = append(root.parts, g.change())
	}
	return &Statement{kind: "modification", root: root, many: true, steps: true}
}

// value is a value for a column that keys refer to: mostly one that is there.
func (g *generator) value(c Column) *Node {
	if g.chance(10) {
		return text("DEFAULT")
	}
	if g.chance(8) {
		return expr(c.typ, "NULL::", string(c.typ))
	}
	switch c.typ {
	case "int4":
		return expr(c.typ, fmt.Sprint(1+g.IntN(8)))
	case "text":
		return expr(c.typ, quote(pick(g, []string{"a", "b", "d", "e", "z", "xyz"})))
	}
	return expr(c.typ, pick(g, []string{"0", "1", "-2.5", "7.125"}))
}

func (g *generator) change() *Node {
	t := pick(g, targets)
	item := &fromItem{"m", t.columns}
	where := func() *Node {
		if g.chance(75) {
			return option(fmt.Sprintf(" WHERE m.id = %d", 1+g.IntN(5)))
		}
		return g.within([]*fromItem{item}, func() *Node { return option(" WHERE ", g.expr("bool", 2)) })
	}
	returning := func() *Node {
		if g.chance(50) {
			return text("")
		}
		return g.within([]*fromItem{item}, func() *Node { return option(" RETURNING *, ", g.expr(pick(g, []Type{"int4", "text", "bool"}), 2)) })
	}
	sets := func() *Node {
		l := list(1, ", ")
		for _, i := range g.Perm(len(t.columns))[:1+g.IntN(2)] {
			c := t.columns[i]
			v := g.value(c)
			if c.typ == "int4" && g.chance(25) {
				v = expr(c.typ, "m.", c.name, " + ", fmt.Sprint(1+g.IntN(3)))
			}
			l.parts = append(l.parts, text(c.name, " = ", v))
		}
		return l
	}
	var names []string
	for _, c := range t.columns {
		names = append(names, c.name)
	}
	row := func() *Node {
		l := list(len(t.columns), ", ")
		for i, c := range t.columns {
			v := g.value(c)
			if i == 0 {
				v = expr(c.typ, fmt.Sprint(1+g.IntN(12)))
			}
			l.parts = append(l.parts, v)
		}
		return text("(", l, ")")
	}
	columns := strings.Join(names, ", ")
	switch g.IntN(9) {
	case 0, 1:
		return text("UPDATE ", t.name, " AS m SET ", sets(), where(), returning())
	case 2, 3:
		return text("DELETE FROM ", t.name, " AS m", where(), returning())
	case 4:
		return text("INSERT INTO ", t.name, " AS m (", columns, ") VALUES ", row(), " ON CONFLICT DO NOTHING", returning())
	case 5:
		return text("INSERT INTO ", t.name, " AS m (", columns, ") VALUES ", row(), " ON CONFLICT (id) DO UPDATE SET ", sets(), where(), returning())
	case 6:
		return text("MERGE INTO ", t.name, " AS m USING (VALUES ", list(1, ", ", text(fmt.Sprintf("(%d)", 1+g.IntN(4))), text(fmt.Sprintf("(%d)", 5+g.IntN(5)))),
			") AS s(x) ON m.id = s.x WHEN MATCHED", option(" AND m.id > 2"), " THEN ", pick(g, []*Node{text("DELETE"), text("UPDATE SET ", sets()), text("DO NOTHING")}),
			option(" WHEN NOT MATCHED THEN INSERT (", columns, ") VALUES ", row()))
	case 7:
		return text("WITH d AS (DELETE FROM k2 AS m", where(), " RETURNING *) INSERT INTO k1 (id, p) SELECT d.id + 20, d.p FROM d RETURNING *")
	}
	return text("INSERT INTO ", t.name, " AS m (", columns, ") VALUES ", list(1, ", ", row(), row()), returning())
}
