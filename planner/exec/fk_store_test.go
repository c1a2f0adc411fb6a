package exec

import (
	"strings"
	"testing"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/fk"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// references adds a foreign key from columns (from 0) of child to the parent's primary key, and makes the runner follow.
func (d *db) references(child, parent catalog.Oid, cols []int, onDelete, onUpdate catalog.Action) *catalog.Constraint {
	d.oid++
	c, p := d.snap.Table(child).Clone(), d.snap.Table(parent).Clone()
	if child == parent {
		p = c
	}
	con := &catalog.Constraint{OID: d.oid, Name: c.Name + "_fkey", Type: catalog.Foreign, Validated: true,
		FK: &catalog.ForeignKey{RefTable: parent, Match: catalog.MatchSimple, OnDelete: onDelete, OnUpdate: onUpdate}}
	for i, ic := range cols {
		con.Columns = append(con.Columns, catalog.AttNum(ic+1))
		con.FK.RefColumns = append(con.FK.RefColumns, p.KeyColumns[i])
	}
	for _, ix := range p.Indexes {
		if ix.Primary {
			con.FK.RefIndex = ix.OID
		}
	}
	c.Constraints = append(c.Constraints, con)
	p.Inbound = append(p.Inbound, catalog.InboundFK{Table: child, Constraint: con.OID})
	d.snap = d.snap.Put(c)
	if child != parent {
		d.snap = d.snap.Put(p)
	}
	d.enforce()
	return con
}

func (d *db) enforce() {
	r := fk.NewRunner(nil, nil)
	d.cons = r
	r.Use(NewStore(d.context()), fk.NewPrograms(d.snap))
}

func violates(t *testing.T, d *db, sql, want string) {
	t.Helper()
	d.enforce()
	_, err := d.query(sql)
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: got error %v, want %s", sql, err, want)
	}
	d.enforce()
}

// childForms are the ways in which children of a key can be found.
var childForms = []struct {
	name    string
	nkey    int
	cols    []col // p is the referencing column
	uniques [][]int
	indexes [][]int
	p       int
}{
	{"no index", 1, []col{{"c", types.Int4Oid, true}, {"p", types.Int4Oid, false}, {"v", types.TextOid, false}}, nil, nil, 1},
	{"an index beside the rows", 1, []col{{"c", types.Int4Oid, true}, {"p", types.Int4Oid, false}, {"v", types.TextOid, false}}, nil, [][]int{{1}}, 1},
	{"an index with more columns", 1, []col{{"c", types.Int4Oid, true}, {"p", types.Int4Oid, false}, {"v", types.TextOid, false}}, nil, [][]int{{1, 2}}, 1},
	{"the row key's first column", 2, []col{{"p", types.Int4Oid, true}, {"c", types.Int4Oid, true}, {"v", types.TextOid, false}}, nil, nil, 0},
	{"a unique index with more columns", 1, []col{{"c", types.Int4Oid, true}, {"p", types.Int4Oid, false}, {"v", types.TextOid, false}}, [][]int{{1, 0}}, nil, 1},
	{"another integer type", 1, []col{{"c", types.Int4Oid, true}, {"p", types.Int2Oid, false}, {"v", types.TextOid, false}}, nil, [][]int{{1}}, 1},
	{"a numeric", 1, []col{{"c", types.Int4Oid, true}, {"p", types.NumericOid, false}, {"v", types.TextOid, false}}, nil, [][]int{{1}}, 1},
}

func family(t *testing.T, form int, onDelete, onUpdate catalog.Action) *db {
	f := childForms[form]
	d := newDB(t)
	p := d.table("parent", []col{{"id", types.Int8Oid, true}, {"v", types.TextOid, false}}, 1, nil, nil)
	c := d.table("child", f.cols, f.nkey, f.uniques, f.indexes)
	d.references(c.OID, p.OID, []int{f.p}, onDelete, onUpdate)
	d.must(`INSERT INTO parent SELECT g, 'p' FROM generate_series(1, 40) g`, "")
	d.must(`INSERT INTO child(c, p, v) SELECT g, g % 20 + 1, 'c' FROM generate_series(1, 3000) g`, "")
	return d
}

func TestForeignKeyActionsFindChildrenHoweverTheyAreStored(t *testing.T) {
	for i, f := range childForms {
		t.Run(f.name, func(t *testing.T) {
			d := family(t, i, catalog.Cascade, catalog.Cascade)
			violates(t, d, `INSERT INTO child(c, p, v) VALUES (9000, 41, 'x')`, `violates foreign key constraint "child_fkey"`)
			d.must(`DELETE FROM parent WHERE id IN (3, 5, 30)`, "")
			d.must(`SELECT count(*), count(DISTINCT p) FROM child`, "2700|18\n")
			d.must(`SELECT count(*) FROM child WHERE p = 3 OR p = 5`, "0\n")
			d.must(`UPDATE parent SET id = id + 100 WHERE id < 10`, "")
			d.must(`SELECT count(*), min(p), max(p) FROM child WHERE p > 100`, "1050|101|109\n")
			d.must(`SELECT count(*) FROM child`, "2700\n")
			d.must(`DELETE FROM parent`, "")
			d.must(`SELECT count(*) FROM child`, "0\n")
		})
	}
}

func TestForeignKeyForbidsTheDeleteOfAReferencedRow(t *testing.T) {
	for i, f := range childForms {
		t.Run(f.name, func(t *testing.T) {
			d := family(t, i, catalog.NoAction, catalog.Restrict)
			violates(t, d, `DELETE FROM parent WHERE id = 7`, `update or delete on table "parent" violates foreign key constraint "child_fkey" on table "child"`)
			violates(t, d, `UPDATE parent SET id = 70 WHERE id = 7`, `update or delete on table "parent"`)
			d.must(`DELETE FROM parent WHERE id > 20`, "")
			d.must(`DELETE FROM child WHERE p = 7`, "")
			d.must(`DELETE FROM parent WHERE id = 7`, "")
		})
	}
}

func TestForeignKeySetsChildrenNull(t *testing.T) {
	for _, i := range []int{0, 1, 2, 4, 5, 6} {
		t.Run(childForms[i].name, func(t *testing.T) {
			d := family(t, i, catalog.SetNull, catalog.SetNull)
			d.must(`DELETE FROM parent WHERE id <= 2`, "")
			d.must(`SELECT count(*), count(p) FROM child`, "3000|2700\n")
			d.must(`UPDATE parent SET id = 50 WHERE id = 4`, "")
			d.must(`SELECT count(p) FROM child`, "2550\n")
		})
	}
}

func TestForeignKeySetNullObeysNotNull(t *testing.T) {
	d := newDB(t)
	p := d.table("parent", []col{{"id", types.Int4Oid, true}}, 1, nil, nil)
	c := d.table("child", []col{{"c", types.Int4Oid, true}, {"p", types.Int4Oid, true}}, 1, nil, [][]int{{1}})
	d.references(c.OID, p.OID, []int{1}, catalog.SetNull, catalog.SetNull)
	d.must(`INSERT INTO parent VALUES (1)`, "")
	d.must(`INSERT INTO child VALUES (1, 1)`, "")
	violates(t, d, `DELETE FROM parent`, `null value in column "p" of relation "child" violates not-null constraint`)
}

func TestForeignKeyOfATreeDeletesAllDescendants(t *testing.T) {
	d := newDB(t)
	n := d.table("node", []col{{"id", types.Int4Oid, true}, {"up", types.Int4Oid, false}}, 1, nil, [][]int{{1}})
	d.references(n.OID, n.OID, []int{1}, catalog.Cascade, catalog.NoAction)
	d.must(`INSERT INTO node SELECT g, CASE WHEN g > 1 THEN g / 2 END FROM generate_series(1, 200) g`, "")
	violates(t, d, `INSERT INTO node VALUES (500, 499)`, `violates foreign key constraint`)
	d.must(`DELETE FROM node WHERE id = 2`, "")
	d.must(`SELECT count(*) FROM node WHERE id IN (3, 4, 5, 8, 150)`, "1\n")
	d.must(`DELETE FROM node WHERE id = 1`, "")
	d.must(`SELECT count(*) FROM node`, "0\n")
}

func TestForeignKeyCascadeMovesKeysAlongOneByOne(t *testing.T) {
	d := newDB(t)
	p := d.table("parent", []col{{"id", types.Int4Oid, true}}, 1, nil, nil)
	c := d.table("child", []col{{"c", types.Int4Oid, true}, {"p", types.Int4Oid, false}}, 1, nil, [][]int{{1}})
	d.references(c.OID, p.OID, []int{1}, catalog.Cascade, catalog.Cascade)
	d.must(`INSERT INTO parent VALUES (3), (2), (1)`, "")
	d.must(`INSERT INTO child VALUES (1, 1), (2, 2), (3, 3)`, "")
	d.must(`UPDATE parent SET id = id + 1 FROM (VALUES (3), (2), (1)) v(x) WHERE id = v.x`, "")
	d.must(`SELECT c, p FROM child ORDER BY c`, "1|2\n2|3\n3|4\n")
}

func TestChildPathPrefersMoreColumnsThenRows(t *testing.T) {
	d := newDB(t)
	c := d.table("child", []col{{"a", types.Int4Oid, true}, {"b", types.Int4Oid, true}, {"x", types.Int4Oid, false}}, 2,
		[][]int{{2, 1}}, [][]int{{1}, {2}})
	ti := infoOf(c)
	cols := func(at ...int) (out []keyColumn) {
		for _, i := range at {
			out = append(out, keyColumn{at: i, oid: types.Int4Oid})
		}
		return out
	}
	if p := chooseChildPath(ti, cols(0)); p.x != nil || len(p.lead) != 1 || p.dist != nil {
		t.Errorf("the row key's first column: %+v", p)
	}
	if p := chooseChildPath(ti, cols(1, 0)); p.x != nil || len(p.lead) != 2 || len(p.dist) != 2 {
		t.Errorf("the whole row key: %+v", p)
	}
	if p := chooseChildPath(ti, cols(1, 2)); !p.point {
		t.Errorf("the whole unique index: %+v", p)
	}
	if p := chooseChildPath(ti, cols(2)); p.x == nil || p.x.global {
		t.Errorf("an index beside the rows: %+v", p)
	}
}
