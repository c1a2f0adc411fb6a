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
CREATE TABLE m1 (id int4 PRIMARY KEY, e mood DEFAULT 'ok', d posint, cp pair, a int4[], g int4 GENERATED ALWAYS AS (id * 2) STORED);
CREATE VIEW pv AS SELECT id, u, n, c FROM p WHERE c IS NULL OR c < 50;
CREATE VIEW pc AS SELECT c, id, u FROM pv WHERE id < 7 WITH CASCADED CHECK OPTION;
CREATE VIEW kv AS SELECT id, p, t FROM k1 WHERE t <> 'c' WITH LOCAL CHECK OPTION;
CREATE TABLE k4 (id int4 PRIMARY KEY, p int4 REFERENCES p DEFERRABLE INITIALLY DEFERRED, k1 int4 REFERENCES k1 ON DELETE CASCADE, UNIQUE (p, k1));
`

// refill is the state in which every sequence starts.
const refill = `
DELETE FROM m1; DELETE FROM k4; DELETE FROM k3; DELETE FROM k2; DELETE FROM k1; DELETE FROM p;
INSERT INTO p (id, u, n, c) VALUES (1, 'a', 1, 10), (2, 'b', 2.5, 20), (3, NULL, NULL, NULL), (4, 'd', 0, 99), (5, 'e', -1, -5);
INSERT INTO m1 VALUES (1, 'sad', 1, '(1,a)', '{1,2,3}'), (2, NULL, NULL, NULL, NULL), (3, 'happy', 7, '(,)', '{}');
INSERT INTO k1 VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 1, 'c'), (4, NULL, 'd');
INSERT INTO k2 VALUES (1, 1, 'a'), (2, 3, NULL), (3, 5, 'c');
INSERT INTO k3 VALUES (1, 'a', 'a'), (2, NULL, 'b');
INSERT INTO k4 VALUES (1, 2, 1), (2, 4, NULL), (3, NULL, 2);
`

// contents reads what the statements left.
const contents = `
SELECT 'p', p::text FROM p UNION ALL SELECT 'k1', k1::text FROM k1 UNION ALL SELECT 'k2', k2::text FROM k2
UNION ALL SELECT 'k3', k3::text FROM k3 UNION ALL SELECT 'k4', k4::text FROM k4 UNION ALL SELECT 'm1', m1::text FROM m1`

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
	{"pv", []Column{{"id", "int4"}, {"u", "text"}, {"n", "numeric"}, {"c", "int4"}}},
	{"pc", []Column{{"id", "int4"}, {"u", "text"}, {"c", "int4"}}},
	{"kv", []Column{{"id", "int4"}, {"p", "int4"}, {"t", "text"}}},
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
	switch g.IntN(17) {
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
	case 8:
		return text("UPDATE ", t.name, " AS m SET ", sets(), " FROM ", pick(g, []string{"k1", "p", "pv"}), " AS s WHERE m.id = s.id", option(" AND ", g.overBoth(item)),
			option(" RETURNING m.*, s.id"))
	case 9:
		return text("DELETE FROM ", t.name, " AS m USING (VALUES (1, 'a'), (", fmt.Sprint(2+g.IntN(4)), ", 'x')) AS s(id, t) WHERE m.id = s.id", option(" RETURNING s.t, m.*"))
	case 10:
		return g.merge(t, item, columns, sets, row)
	case 11:
		return g.changeInWith()
	case 12:
		return g.changeValues()
	case 13:
		return text("INSERT INTO ", t.name, " AS m (", columns, ") SELECT s.id + ", fmt.Sprint(5+g.IntN(5)), strings.Repeat(", NULL", len(names)-1),
			" FROM k2 AS s WHERE s.id = ", fmt.Sprint(1+g.IntN(3)), option(" ON CONFLICT DO NOTHING"), returning())
	case 14:
		c := t.columns[len(t.columns)-1]
		return text("UPDATE ", t.name, " AS m SET (", t.columns[1].name, ", ", c.name, ") = ", pick(g, []*Node{
			text("(", g.value(t.columns[1]), ", ", g.value(c), ")"), text("ROW(", g.value(t.columns[1]), ", ", g.value(c), ")"),
			text("(SELECT NULL::", string(t.columns[1].typ), ", s.", map[Type]string{"int4": "id", "text": "t"}[c.typ], " FROM k1 AS s WHERE s.id = m.id)")}), where(), returning())
	case 15:
		if t.name == "p" {
			return text("INSERT INTO p AS m (", columns, ") VALUES ", row(), " ON CONFLICT ", pick(g, []string{"(u)", "ON CONSTRAINT p_u_key"}), " DO UPDATE SET ", sets(),
				option(" WHERE m.id > 1 AND EXCLUDED.id IS NOT NULL"), returning())
		}
	}
	return text("INSERT INTO ", t.name, " AS m (", columns, ") VALUES ", list(1, ", ", row(), row()), returning())
}

// overBoth is a condition on a target and the row s of another table.
func (g *generator) overBoth(item *fromItem) *Node {
	return g.within([]*fromItem{item, {"s", []Column{{"id", "int4"}}}}, func() *Node { return g.expr("bool", 1) })
}

// merge is a MERGE of several branches.
func (g *generator) merge(t target, item *fromItem, columns string, sets, row func() *Node) *Node {
	source := pick(g, []*Node{
		text("(VALUES (1, 'a'), (", fmt.Sprint(2+g.IntN(4)), ", 'b'), (", fmt.Sprint(6+g.IntN(4)), ", NULL)) AS s(id, t)"),
		text("(SELECT id, t FROM k2) AS s"), text("k1 AS s")})
	branch := func(kind string, actions ...*Node) *Node {
		return text(" WHEN ", kind, option(pick(g, []string{" AND s.id > 1", " AND s.t IS NOT NULL", " AND s.id <> 2"})), " THEN ", pick(g, actions))
	}
	nothing := text("DO NOTHING")
	branches := list(1, "", branch("MATCHED", text("DELETE"), text("UPDATE SET ", sets()), nothing), branch("MATCHED", text("UPDATE SET ", sets()), nothing),
		branch("NOT MATCHED", text("INSERT (", columns, ") VALUES ", row()), nothing))
	return text("MERGE INTO ", t.name, " AS m USING ", source, " ON m.id = s.id", option(" AND ", g.overBoth(item)), branches)
}

// changeInWith is a query over what changes return: all see the state before the statement.
func (g *generator) changeInWith() *Node {
	id := func() string { return fmt.Sprint(1 + g.IntN(9)) }
	first := pick(g, []*Node{
		text("INSERT INTO k1 (id, p, t) VALUES (", id(), ", ", id(), ", 'w')", option(" ON CONFLICT (id) DO UPDATE SET t = EXCLUDED.t || k1.t"), " RETURNING id, p AS x"),
		text("UPDATE k1 SET t = 'w', p = NULL WHERE id <= ", id(), " RETURNING id, p AS x"),
		text("DELETE FROM k2 WHERE id <> ", id(), " RETURNING id, p AS x")})
	second := pick(g, []*Node{
		text("UPDATE p SET c = 7 WHERE id IN (SELECT x FROM a) RETURNING id"),
		text("INSERT INTO p (id) SELECT id + 10 FROM a RETURNING id"), text("SELECT id FROM p WHERE id IN (SELECT id FROM a)")})
	return text("WITH a AS (", first, "), b AS (", second, ") SELECT ", pick(g, []string{"a.id, a.x, b.id AS y FROM a FULL JOIN b ON a.id = b.id", "count(*) FROM a",
		"k1.id, k1.t FROM k1 LEFT JOIN a USING (id)", "b.id, (SELECT count(*) FROM a) FROM b"}))
}

// changeValues changes a table of enums, domains, composites, arrays and a generated column.
func (g *generator) changeValues() *Node {
	id := fmt.Sprint(1 + g.IntN(5))
	set := pick(g, []string{"e = 'sad'", "e = 'none'", "d = -1", "d = m.id", "cp.x = m.id + 1", "cp = ROW(m.id, 'q')", "a[2] = 9", "a[1:2] = '{8,9}'", "a = a || m.id", "g = 1", "g = DEFAULT",
		"cp.y = 'z', cp.x = 3", "a[5] = NULL", "e = DEFAULT, d = DEFAULT", "id = m.id + 10"})
	switch g.IntN(3) {
	case 0:
		return text("INSERT INTO m1 AS m (id, e, d, cp, a) VALUES (", id, ", ", g.expr("mood", 1), ", ", fmt.Sprint(g.IntN(5)), ", ", g.expr("pair", 1), ", ", g.expr("int4[]", 1), ")",
			option(" ON CONFLICT (id) DO UPDATE SET ", set), option(" RETURNING *, (m.cp).x, m.a[1]"))
	case 1:
		return text("INSERT INTO m1 (id, a[1], a[3], cp.y) VALUES (", fmt.Sprint(3+g.IntN(5)), ", 1, 3, 'c') RETURNING *")
	}
	return text("UPDATE m1 AS m SET ", set, " WHERE m.id = ", id, option(" RETURNING *, e > 'sad'"))
}
