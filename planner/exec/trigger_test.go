package exec

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/fk"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// triggerDB is a database whose trigger functions are Go's: what fires is written down, and what a function is to do with
// the row or with other rows is told by its trigger's name.
type triggerDB struct {
	*db
	runner *fk.Runner
	log    strings.Builder
	does   map[string]func(d *TriggerData) ([]types.Datum, error)
	next   catalog.Oid
	ctxs   []*Context
}

func newTriggerDB(t testing.TB) *triggerDB {
	return &triggerDB{db: newDB(t), does: map[string]func(*TriggerData) ([]types.Datum, error){}, next: 50000}
}

func (d *triggerDB) Replica() bool { return false }

func (d *triggerDB) CallTrigger(_ context.Context, _ *Context, g *TriggerData) ([]types.Datum, error) {
	row := func(r []types.Datum) string {
		if r == nil {
			return "-"
		}
		var out []string
		for i := range g.Table.Columns {
			if c := &g.Table.Columns[i]; !c.Hidden && r[i].IsNull() {
				out = append(out, "null")
			} else if !c.Hidden {
				out = append(out, string(types.AppendText(nil, c.Type.Oid, r[i], types.DefaultIOEnv)))
			}
		}
		return "(" + strings.Join(out, ",") + ")"
	}
	event := map[catalog.TriggerType]string{catalog.TriggerInsert: "insert", catalog.TriggerUpdate: "update", catalog.TriggerDelete: "delete"}[g.Event]
	fmt.Fprintf(&d.log, "%s %s", g.Trigger.Name, event)
	if g.Trigger.Type&catalog.TriggerRow != 0 {
		fmt.Fprintf(&d.log, " %s %s", row(g.Old), row(g.New))
	}
	for _, t := range []*Transition{g.OldTable, g.NewTable} {
		if t != nil {
			d.log.WriteString(" [")
			for _, r := range t.Rows {
				d.log.WriteString(row(r))
			}
			d.log.WriteString("]")
		}
	}
	d.log.WriteString("\n")
	if f := d.does[g.Trigger.Name]; f != nil {
		return f(g)
	}
	if g.Trigger.Type&catalog.TriggerRow == 0 {
		return nil, nil
	}
	if g.New != nil {
		return g.New, nil
	}
	return g.Old, nil
}

// trigger puts a trigger on a table.
func (d *triggerDB) trigger(table, name string, typ catalog.TriggerType, change ...func(*catalog.Trigger)) {
	d.next++
	g := catalog.Trigger{OID: d.next, Name: name, Function: d.next, Type: typ, State: catalog.TriggerFiresOrigin}
	for _, f := range change {
		f(&g)
	}
	rel, _ := d.snap.LookupRelation([]string{"public"}, "", table)
	t := rel.Table.Clone()
	at, _ := catalog.FindTrigger(t.Triggers, name)
	t.Triggers = append(t.Triggers[:at:at], append([]catalog.Trigger{g}, t.Triggers[at:]...)...)
	d.snap = d.snap.Put(t)
}

// exec runs a statement as a session does, within another one or not, and returns what fired.
func (d *triggerDB) exec(sql string) (string, error) {
	p := d.plan(sql)
	outer := len(d.ctxs) > 0
	if !outer {
		d.log.Reset()
	}
	before, start := d.txn.start, d.txn.seq
	d.txn.start = d.txn.seq
	c := d.context()
	c.Triggers = d
	store, programs := NewStore(c), fk.NewPrograms(d.snap)
	if d.runner == nil {
		d.runner = fk.NewRunner(store, programs)
	}
	end := d.runner.Nest(store, programs)
	c.Constraints = d.runner
	d.ctxs = append(d.ctxs, c)
	_, err := Run(c, p, nil)
	d.ctxs = d.ctxs[:len(d.ctxs)-1]
	end()
	d.txn.start = before
	if err != nil && !outer {
		d.txn.rollbackTo(start)
	}
	return d.log.String(), err
}

// fires runs a statement and compares what fired.
func (d *triggerDB) fires(sql, want string) {
	d.t.Helper()
	got, err := d.exec(sql)
	if err != nil {
		d.t.Errorf("%s: %v", sql, err)
	}
	want = strings.ReplaceAll(strings.TrimLeft(want, "\n"), "\t", "")
	if got != want {
		d.t.Errorf("%s fired\n%swant\n%s", sql, got, want)
	}
}

// refuses runs a statement that fails.
func (d *triggerDB) refuses(sql, code string) {
	d.t.Helper()
	if _, err := d.exec(sql); !pgerr.HasCode(err, code) {
		d.t.Errorf("%s: %v, want %s", sql, err, code)
	}
}

// within is a function that runs a statement and then does nothing else.
func (d *triggerDB) within(sql string) func(*TriggerData) ([]types.Datum, error) {
	return func(g *TriggerData) ([]types.Datum, error) {
		_, err := d.exec(sql)
		if g.New == nil {
			return g.Old, err
		}
		return g.New, err
	}
}

const (
	rowBefore = catalog.TriggerRow | catalog.TriggerBefore
	allOfRows = catalog.TriggerInsert | catalog.TriggerUpdate | catalog.TriggerDelete
)

func triggerShop(t testing.TB) *triggerDB {
	d := newTriggerDB(t)
	d.table("parent", []col{{"id", types.Int4Oid, true}, {"v", types.Int4Oid, false}}, 1, nil, nil)
	d.table("child", []col{{"id", types.Int4Oid, true}, {"pid", types.Int4Oid, false}}, 1, nil, [][]int{{1}})
	return d
}

func TestTriggersFireInOrder(t *testing.T) {
	d := triggerShop(t)
	d.trigger("parent", "sb", catalog.TriggerBefore|allOfRows)
	d.trigger("parent", "sa", allOfRows)
	d.trigger("parent", "b2", rowBefore|allOfRows)
	d.trigger("parent", "b1", rowBefore|allOfRows)
	d.trigger("parent", "a2", catalog.TriggerRow|allOfRows)
	d.trigger("parent", "a1", catalog.TriggerRow|allOfRows)
	d.fires("INSERT INTO parent VALUES (1, 10), (2, 20)", `
		sb insert
		b1 insert - (1,10)
		b2 insert - (1,10)
		b1 insert - (2,20)
		b2 insert - (2,20)
		a1 insert - (1,10)
		a2 insert - (1,10)
		a1 insert - (2,20)
		a2 insert - (2,20)
		sa insert
	`)
	d.fires("UPDATE parent SET v = v + 1 WHERE id = 2", `
		sb update
		b1 update (2,20) (2,21)
		b2 update (2,20) (2,21)
		a1 update (2,20) (2,21)
		a2 update (2,20) (2,21)
		sa update
	`)
	d.fires("DELETE FROM parent WHERE id = 7", "sb delete\nsa delete\n")
	d.fires("INSERT INTO parent VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET v = excluded.v", `
		sb insert
		sb update
		b1 insert - (1,1)
		b2 insert - (1,1)
		b1 update (1,10) (1,1)
		b2 update (1,10) (1,1)
		a1 update (1,10) (1,1)
		a2 update (1,10) (1,1)
		sa update
		sa insert
	`)
}

func TestBeforeTriggersChangeAndDropRows(t *testing.T) {
	d := triggerShop(t)
	d.trigger("parent", "b", rowBefore|allOfRows)
	d.does["b"] = func(g *TriggerData) ([]types.Datum, error) {
		switch {
		case g.New != nil && g.New[1].Int() == 13, g.New == nil && g.Old[0].Int() == 1:
			return nil, nil
		case g.New == nil:
			return g.Old, nil
		}
		g.New[1] = types.NewInt(g.New[1].Int() * 2)
		return g.New, nil
	}
	d.fires("INSERT INTO parent VALUES (1, 5), (2, 13), (3, 6)", "b insert - (1,5)\nb insert - (2,13)\nb insert - (3,6)\n")
	d.must("SELECT id, v FROM parent", "1|10\n3|12\n")
	d.fires("UPDATE parent SET v = id + 12", "b update (1,10) (1,13)\nb update (3,12) (3,15)\n")
	d.must("SELECT id, v FROM parent", "1|10\n3|30\n")
	d.fires("DELETE FROM parent", "b delete (1,10) -\nb delete (3,30) -\n")
	d.must("SELECT id FROM parent", "1\n")
}

func TestTriggersSeeWhatWasDoneBefore(t *testing.T) {
	d := triggerShop(t)
	d.table("audit", []col{{"id", types.Int4Oid, false}, {"n", types.Int8Oid, false}}, 0, nil, nil)
	d.trigger("parent", "b", rowBefore|catalog.TriggerInsert)
	d.does["b"] = func(g *TriggerData) ([]types.Datum, error) {
		_, err := d.exec(fmt.Sprintf("INSERT INTO audit SELECT %d, count(*) FROM parent", g.New[0].Int()))
		return g.New, err
	}
	d.fires("INSERT INTO parent VALUES (1, 1), (2, 1), (3, 1)", "b insert - (1,1)\nb insert - (2,1)\nb insert - (3,1)\n")
	d.must("SELECT id, n FROM audit", "1|0\n2|1\n3|2\n")
}

func TestRowsThatTriggersChangedThemselves(t *testing.T) {
	d := triggerShop(t)
	d.fires("INSERT INTO parent VALUES (1, 1), (2, 2)", "")
	d.trigger("parent", "b", rowBefore|catalog.TriggerUpdate, func(g *catalog.Trigger) { g.Columns = []catalog.AttNum{1} })
	d.does["b"] = d.within("UPDATE parent SET v = 99 WHERE id = 1")
	d.refuses("UPDATE parent SET id = id WHERE id = 1", pgerr.TriggeredDataChangeViolation)
	d.trigger("parent", "c", rowBefore|catalog.TriggerDelete)
	d.does["c"] = d.within("UPDATE parent SET v = 99 WHERE id = 2")
	d.refuses("DELETE FROM parent WHERE id = 2", pgerr.TriggeredDataChangeViolation)
	d.refuses("DELETE FROM parent", pgerr.TriggeredDataChangeViolation) // the trigger of row 1 has changed row 2
	d.must("SELECT id, v FROM parent", "1|1\n2|2\n")
}

func TestTransitionTables(t *testing.T) {
	d := triggerShop(t)
	names := func(old, new string) func(*catalog.Trigger) {
		return func(g *catalog.Trigger) { g.OldTable, g.NewTable = old, new }
	}
	d.trigger("parent", "i", catalog.TriggerInsert, names("", "n"))
	d.trigger("parent", "u", catalog.TriggerUpdate, names("o", "n"))
	d.trigger("parent", "r", catalog.TriggerUpdate|catalog.TriggerRow, names("o", "n"))
	d.fires("INSERT INTO parent VALUES (1, 1), (2, 2)", "i insert [(1,1)(2,2)]\n")
	d.fires("UPDATE parent SET v = v + 1", `
		r update (1,1) (1,2) [(1,1)(2,2)] [(1,2)(2,3)]
		r update (2,2) (2,3) [(1,1)(2,2)] [(1,2)(2,3)]
		u update [(1,1)(2,2)] [(1,2)(2,3)]
	`)
	d.fires("UPDATE parent SET v = 0 WHERE id = 9", "u update [] []\n")
	d.fires("INSERT INTO parent VALUES (1, 7), (3, 3) ON CONFLICT (id) DO UPDATE SET v = excluded.v", `
		r update (1,2) (1,7) [(1,2)] [(1,7)]
		u update [(1,2)] [(1,7)]
		i insert [(3,3)]
	`)
}

func TestConditionsAndColumns(t *testing.T) {
	d := triggerShop(t)
	d.trigger("parent", "w", catalog.TriggerUpdate|catalog.TriggerRow, func(g *catalog.Trigger) { g.When = "old.v < new.v" })
	d.trigger("parent", "c", catalog.TriggerUpdate|catalog.TriggerRow, func(g *catalog.Trigger) { g.Columns = []catalog.AttNum{1} })
	d.trigger("parent", "x", catalog.TriggerUpdate|catalog.TriggerRow, func(g *catalog.Trigger) { g.State = catalog.TriggerDisabled })
	d.fires("INSERT INTO parent VALUES (1, 1), (2, 2)", "")
	d.fires("UPDATE parent SET v = 2", "w update (1,1) (1,2)\n")
	d.fires("UPDATE parent SET id = id WHERE id = 1", "c update (1,2) (1,2)\n")
}

func TestCascadesFireTheChildsTriggers(t *testing.T) {
	d := triggerShop(t)
	child, _ := d.snap.LookupRelation([]string{"public"}, "", "child")
	parent, _ := d.snap.LookupRelation([]string{"public"}, "", "parent")
	d.references(child.OID(), parent.OID(), []int{1}, catalog.Cascade, catalog.Cascade)
	d.fires("INSERT INTO parent VALUES (1, 1), (2, 2)", "")
	d.fires("INSERT INTO child VALUES (10, 1), (20, 2)", "")
	d.trigger("child", "b", rowBefore|allOfRows)
	d.trigger("child", "a", catalog.TriggerRow|allOfRows)
	d.trigger("child", "sa", allOfRows)
	d.trigger("child", "sb", catalog.TriggerBefore|allOfRows)
	d.trigger("parent", "p", catalog.TriggerRow|allOfRows)
	d.fires("UPDATE parent SET id = 5 WHERE id = 1", `
		sb update
		b update (10,1) (10,5)
		p update (1,1) (5,1)
		a update (10,1) (10,5)
		sa update
	`)
	d.fires("DELETE FROM parent", `
		sb delete
		b delete (10,5) -
		p delete (5,1) -
		b delete (20,2) -
		p delete (2,2) -
		a delete (10,5) -
		a delete (20,2) -
		sa delete
	`)
	d.must("SELECT id FROM child", "")
}

func TestDeferredConstraintTriggers(t *testing.T) {
	d := triggerShop(t)
	d.trigger("parent", "c", catalog.TriggerRow|catalog.TriggerInsert, func(g *catalog.Trigger) {
		g.Constraint, g.Deferrable, g.Deferred = 60000, true, true
	})
	d.fires("INSERT INTO parent VALUES (1, 1)", "")
	if err := d.runner.FlushDeferred(context.Background()); err != nil || d.log.String() != "c insert - (1,1)\n" {
		t.Errorf("at the end: %v, %s", err, &d.log)
	}
	d.fires("INSERT INTO parent VALUES (2, 2)", "")
	if err := d.runner.SetConstraints(context.Background(), []catalog.Oid{60000}, false); err != nil || d.log.String() != "c insert - (2,2)\n" {
		t.Errorf("made immediate: %v, %s", err, &d.log)
	}
	d.fires("INSERT INTO parent VALUES (3, 3)", "c insert - (3,3)\n")
}

func TestTriggersOfTriggers(t *testing.T) {
	d := triggerShop(t)
	d.trigger("parent", "a", catalog.TriggerRow|catalog.TriggerInsert)
	d.trigger("child", "k", catalog.TriggerRow|catalog.TriggerInsert)
	d.does["a"] = func(g *TriggerData) ([]types.Datum, error) {
		_, err := d.exec(fmt.Sprintf("INSERT INTO child VALUES (%d, NULL)", 10+g.New[0].Int()))
		return nil, err
	}
	d.fires("INSERT INTO parent VALUES (1, 1), (2, 2)", `
		a insert - (1,1)
		k insert - (11,null)
		a insert - (2,2)
		k insert - (12,null)
	`)
}

func TestInsteadOfTriggers(t *testing.T) {
	d := triggerShop(t)
	d.fires("INSERT INTO parent VALUES (1, 10), (2, 20)", "")
	column := func(name string) catalog.Column { return catalog.Column{Name: name, Type: types.T(types.Int4Oid)} }
	parent, _ := d.snap.LookupRelation([]string{"public"}, "", "parent")
	v := &catalog.View{OID: 40000, SchemaID: 2200, Name: "v", Query: "SELECT id, v + 1 AS w FROM public.parent",
		Columns: []catalog.Column{column("id"), column("w")},
		Deps:    []catalog.ViewDep{{Relation: parent.OID(), Columns: []catalog.AttNum{1, 2}, Schema: "public", Name: "parent", Names: []string{"id", "v"}}},
		Triggers: []catalog.Trigger{
			{OID: 40001, Name: "i", Function: 40001, State: catalog.TriggerFiresOrigin, Type: catalog.TriggerInstead | catalog.TriggerRow | allOfRows},
			{OID: 40002, Name: "s", Function: 40002, State: catalog.TriggerFiresOrigin, Type: catalog.TriggerBefore | allOfRows},
		}}
	d.snap = d.snap.Put(v)
	d.fires("INSERT INTO v VALUES (3, 31), (4, 41)", "s insert\ni insert - (3,31)\ni insert - (4,41)\n")
	d.fires("UPDATE v SET w = w + 1 WHERE id = 2", "s update\ni update (2,21) (2,22)\n")
	d.fires("UPDATE v SET w = x.a FROM (VALUES (1, 77)) x (id, a) WHERE x.id = v.id", "s update\ni update (1,11) (1,77)\n")
	d.fires("DELETE FROM v WHERE w > 15", "s delete\ni delete (2,21) -\n")
	d.must("SELECT id, v FROM parent", "1|10\n2|20\n") // nothing but what the functions do
	d.does["i"] = func(g *TriggerData) ([]types.Datum, error) {
		if g.New == nil || g.New[0].Int() == 9 {
			return nil, nil
		}
		g.New[1] = types.NewInt(0)
		return g.New, nil
	}
	returns := func(sql, want string) {
		t.Helper()
		c := d.context()
		c.Triggers = d
		var out []string
		p := d.plan(sql)
		res, err := Run(c, p, func(b *types.Batch) error {
			for i := range b.N {
				var row []string
				for k := range p.Columns {
					row = append(row, string(types.AppendText(nil, p.Columns[k].Type.Oid, b.Cols[k].Get(i), types.DefaultIOEnv)))
				}
				out = append(out, strings.Join(row, "|"))
			}
			return nil
		})
		if got := fmt.Sprint(res.Rows, " ", out); err != nil || got != want {
			t.Errorf("%s: %s %v, want %s", sql, got, err, want)
		}
	}
	returns("INSERT INTO v VALUES (3, 31), (9, 41) RETURNING id, w", "1 [3|0]")
	returns("UPDATE v SET w = x.a FROM (VALUES (1, 77)) x (id, a) WHERE x.id = v.id RETURNING v.w, x.a, v.id + x.id", "1 [0|77|2]")
	returns("DELETE FROM v RETURNING id", "0 []")
}

// As in PostgreSQL, a BEFORE trigger of the child that leaves its row alone leaves it behind, whatever the foreign key says.
func TestTriggersStopCascades(t *testing.T) {
	d := triggerShop(t)
	child, _ := d.snap.LookupRelation([]string{"public"}, "", "child")
	parent, _ := d.snap.LookupRelation([]string{"public"}, "", "parent")
	d.references(child.OID(), parent.OID(), []int{1}, catalog.Cascade, catalog.SetNull)
	d.fires("INSERT INTO parent VALUES (1, 1), (2, 2), (3, 3)", "")
	d.fires("INSERT INTO child VALUES (10, 1), (20, 2), (30, 3)", "")
	d.trigger("child", "b", rowBefore|allOfRows)
	d.does["b"] = func(g *TriggerData) ([]types.Datum, error) {
		if g.Old != nil && g.Old[0].Int() < 30 {
			return nil, nil
		}
		if g.New == nil {
			return g.Old, nil
		}
		return g.New, nil
	}
	d.fires("DELETE FROM parent WHERE id = 1", "b delete (10,1) -\n")
	d.fires("UPDATE parent SET id = 9 WHERE id = 2", "b update (20,2) (20,null)\n")
	d.fires("DELETE FROM parent WHERE id = 3", "b delete (30,3) -\n")
	d.must("SELECT id, pid FROM child", "10|1\n20|2\n")
	again := d.within("UPDATE child SET pid = NULL WHERE id = 20")
	d.does["b"] = func(g *TriggerData) ([]types.Datum, error) {
		if g.Event == catalog.TriggerDelete {
			return again(g)
		}
		return g.New, nil
	}
	d.fires("INSERT INTO parent VALUES (2, 2)", "")
	d.refuses("DELETE FROM parent WHERE id = 2", pgerr.TriggeredDataChangeViolation)
}

func TestMergeFiresTriggers(t *testing.T) {
	d := triggerShop(t)
	d.fires("INSERT INTO parent VALUES (1, 1), (2, 2)", "")
	d.trigger("parent", "sb", catalog.TriggerBefore|allOfRows)
	d.trigger("parent", "b", rowBefore|allOfRows)
	d.trigger("parent", "a", catalog.TriggerRow|allOfRows)
	d.trigger("parent", "sa", allOfRows)
	d.fires(`MERGE INTO parent p USING (VALUES (3, 30)) s (id, v) ON p.id = s.id
		WHEN MATCHED AND s.v = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.v)`, `
		sb insert
		sb update
		sb delete
		b insert - (3,30)
		a insert - (3,30)
		sa delete
		sa update
		sa insert
	`)
	d.fires(`MERGE INTO parent p USING (VALUES (2, 20)) s (id, v) ON p.id = s.id WHEN MATCHED THEN UPDATE SET v = s.v`, `
		sb update
		b update (2,2) (2,20)
		a update (2,2) (2,20)
		sa update
	`)
}
