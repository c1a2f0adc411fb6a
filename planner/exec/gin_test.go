package exec

import (
	"context"
	"fmt"
	"testing"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// ginDB has a table g with GIN indexes on a document and an array, and a table plain with the same columns and none.
func ginDB(t *testing.T) *db {
	d := newDB(t)
	cols := []col{{"id", types.Int4Oid, true}, {"doc", types.JsonbOid, false}, {"tags", types.TextArrayOid, false}}
	for _, ix := range d.table("g", cols, 1, nil, [][]int{{1}, {2}}).Indexes {
		if !ix.Primary {
			ix.Method = "gin"
		}
	}
	d.table("plain", cols, 1, nil, nil)
	for _, name := range []string{"g", "plain"} {
		d.must(fmt.Sprintf(`INSERT INTO %s SELECT i, CASE WHEN i %% 9 <> 0 THEN jsonb_build_object('a', i %% 5, 'b', array[i %% 3, i]) END,
			CASE i %% 4 WHEN 0 THEN '{}' WHEN 1 THEN array['x', 'y' || i %% 3, NULL] WHEN 2 THEN array['x'] END FROM generate_series(1, 60) i`, name), "")
	}
	return d
}

// byGin counts the scans of a plan that a GIN index serves.
func byGin(n planner.Node) (count int) {
	if s, ok := n.(*planner.Scan); ok && s.Access.Gin != nil {
		count++
	}
	for _, in := range n.Inputs() {
		count += byGin(in)
	}
	return count
}

// g is the table with the indexes.
func (d *db) g() (g *catalog.Table) {
	d.snap.Tables(func(t *catalog.Table) bool {
		if t.Name == "g" {
			g = t
		}
		return true
	})
	return g
}

// ginEntryCount counts the stored entries of g's GIN indexes.
func (d *db) ginEntryCount() (n int) {
	for _, x := range infoOf(d.g()).indexes {
		sc, err := d.txn.Scan(context.Background(), Latest, txn.ScanSpec{Groups: d.sm.DataGroups(), Lo: x.prefix, Hi: keyenc.PrefixEnd(x.prefix)})
		if err != nil {
			d.t.Fatal(err)
		}
		for {
			b, err := sc.Next(context.Background())
			if err != nil {
				d.t.Fatal(err)
			}
			if b == nil {
				break
			}
			n += b.Len()
		}
	}
	return n
}

// What a GIN index serves is read by it, and answers as without.
func TestGinIndexServesItsOperators(t *testing.T) {
	d := ginDB(t)
	for where, scans := range map[string]int{
		`t.doc @> '{"a": 3}'`: 1, `'{"a": 3}' <@ t.doc`: 1, `t.doc ? 'a'`: 1, `t.doc ?| '{b,c}'`: 1, `t.doc ?& '{a,b}'`: 1,
		`t.doc @? '$.a ? (@ == 2)'`: 1, `t.doc @@ '$.b[*] == 7'`: 1, `t.doc @> '{}'`: 1, `t.doc <@ '{"a": 3}'`: 0, `t.doc = '{"a": 3}'`: 0,
		`t.tags @> '{x}'`: 1, `t.tags && '{y1,y2}'`: 1, `t.tags <@ '{x}'`: 1, `t.tags = '{}'`: 1, `t.tags <> '{}'`: 0,
		`t.doc @> '{"a": 3}' AND t.tags @> '{x}'`: 1, `t.doc @> '{"a": 3}' OR t.tags @> '{y2}'`: 2, `t.doc @> '{"a": 3}' OR t.id > 50`: 1,
		`t.id = 7 AND t.doc ? 'a'`: 0, `NOT t.doc @> '{"a": 3}'`: 0,
		`t.doc @> (SELECT '{"a": 3}'::jsonb)`: 0, `t.doc @> jsonb_build_object('a', 1 + 1)`: 1,
	} {
		want, err := d.query("SELECT t.id FROM plain t WHERE " + where)
		if err != nil {
			t.Fatal(where, err)
		}
		sql := "SELECT t.id FROM g t WHERE " + where
		d.must(sql, want)
		if got := byGin(d.plan(sql).Root); got != scans {
			t.Errorf("%s: %d scans by GIN indexes, want %d", where, got, scans)
		}
	}
	for _, join := range []string{
		"SELECT p.id, t.id FROM plain p JOIN %s t ON t.doc @> p.doc WHERE p.id < 5",
		"SELECT p.id, t.id FROM plain p LEFT JOIN %s t ON t.tags && p.tags AND t.id > 50 WHERE p.id < 5",
		"SELECT p.id FROM plain p WHERE NOT EXISTS (SELECT FROM %s t WHERE t.tags @> p.tags AND t.id <> p.id) AND p.id < 9",
	} {
		want, err := d.query(fmt.Sprintf(join, "plain"))
		if err != nil {
			t.Fatal(join, err)
		}
		sql := fmt.Sprintf(join, "g")
		d.must(sql, want)
		if byGin(d.plan(sql).Root) != 1 {
			t.Errorf("%s: not by the GIN index", sql)
		}
	}
}

// A GIN index on lexemes is read for what follows from a query; the table is where nothing does.
func TestGinIndexServesTextSearch(t *testing.T) {
	d := newDB(t)
	cols := []col{{"id", types.Int4Oid, true}, {"v", types.TsvectorOid, false}}
	d.table("g", cols, 1, nil, [][]int{{1}}).Indexes[1].Method = "gin"
	d.table("plain", cols, 1, nil, nil)
	for _, name := range []string{"g", "plain"} {
		d.must(fmt.Sprintf(`INSERT INTO %s SELECT i, (CASE WHEN i %% 9 = 0 THEN '' ELSE 'all:1 x' || i || ':2 y' || i %% 5 || ':3A' END)::tsvector
			FROM generate_series(1, 400) i`, name), "")
	}
	for query, entries := range map[string]int{
		"x7": 1, "x7 | x8": 2, "x7:*": 11 - 1, "!x7": -1, "y1 & x6": -1, "all & x8": -1, "all <-> x11": -1, "x11:A": 1, "!!x11": 1, "nothing": 0,
		"nothing | x1": 1, "x7:* | x70": 11 - 1, "(x1 | x2) & !(y1 | !x2)": -1,
	} {
		cond := fmt.Sprintf("t.v @@ '%s'", query)
		want, err := d.query("SELECT t.id FROM plain t WHERE " + cond)
		if err != nil {
			t.Fatal(query, err)
		}
		sql := "SELECT t.id FROM g t WHERE " + cond
		d.must(sql, want)
		if byGin(d.plan(sql).Root) != 1 {
			t.Errorf("%s: not by the GIN index", query)
		}
		if rows, known := d.ginRowsOf(query); entries >= 0 && (!known || rows != entries) {
			t.Errorf("%s: %d rows are looked up, want %d", query, rows, entries)
		}
	}
}

// ginRowsOf counts the rows that have keys of a tsquery's operands, read one after the other.
func (d *db) ginRowsOf(query string) (rows int, known bool) {
	q, err := types.ParseText(types.T(types.TsqueryOid), query, types.DefaultIOEnv)
	if err != nil {
		d.t.Fatal(err)
	}
	gin, err := keyenc.GinQueryOf(keyenc.GinTSVector, "@@", q)
	if err != nil {
		d.t.Fatal(err)
	}
	if gin == nil {
		return 0, false
	}
	x := infoOf(d.g()).indexes[0]
	seen := map[string]bool{}
	of := gin.Of(0)
	for _, k := range prefixFree(append(of.Any, of.Starts...)) {
		lo := append(append([]byte(nil), x.prefix...), k...)
		sc, err := d.txn.Scan(context.Background(), Latest, txn.ScanSpec{Groups: d.sm.DataGroups(), Lo: lo, Hi: keyenc.PrefixEnd(lo)})
		if err != nil {
			d.t.Fatal(err)
		}
		for {
			b, err := sc.Next(context.Background())
			if err != nil {
				d.t.Fatal(err)
			}
			if b == nil {
				break
			}
			for i := range b.Len() {
				rest, err := x.keyInEntry(b.Key(i))
				if err != nil {
					d.t.Fatal(err)
				}
				seen[string(rest)] = true
			}
		}
	}
	return len(seen), true
}

// Entries are those of the rows after each kind of write, no more and no fewer.
func TestGinEntriesFollowTheirRows(t *testing.T) {
	d := ginDB(t)
	owed := func() (n int) {
		out, err := d.query("SELECT id, doc, tags FROM g")
		if err != nil || out == "" {
			return 0
		}
		ti := infoOf(d.g())
		sc, err := d.txn.Scan(context.Background(), Latest, txn.ScanSpec{Groups: d.sm.DataGroups(), Lo: ti.prefix, Hi: keyenc.PrefixEnd(ti.prefix)})
		for err == nil {
			b, e := sc.Next(context.Background())
			if err = e; b == nil {
				break
			}
			for i := range b.Len() {
				row, e := ti.decode(nil, b.Value(i))
				if err = e; err == nil {
					for _, x := range ti.indexes {
						n += len(x.ginKeys(row))
					}
				}
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, sql := range []string{
		`UPDATE g SET doc = doc || '{"a": 7}' WHERE id < 20`, `UPDATE g SET tags = tags || '{z}' WHERE id % 2 = 0`, `UPDATE g SET id = id + 100 WHERE id < 10`,
		`UPDATE g SET doc = NULL WHERE id > 100`, `UPDATE g SET doc = '{}', tags = NULL WHERE id = 30`, `DELETE FROM g WHERE doc @> '{"a": 3}'`,
		`INSERT INTO g VALUES (30, '{"c": 1}', '{x}') ON CONFLICT (id) DO UPDATE SET doc = EXCLUDED.doc`, `DELETE FROM g`,
	} {
		if _, err := d.query(sql); err != nil {
			t.Fatal(sql, err)
		}
		if have, want := d.ginEntryCount(), owed(); have != want {
			t.Errorf("%s: %d entries, and the rows owe %d", sql, have, want)
		}
	}
	if n := d.ginEntryCount(); n != 0 {
		t.Errorf("%d entries of no rows", n)
	}
}
