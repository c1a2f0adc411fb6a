package utility

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// script runs statements that must succeed.
func (s *session) script(t *testing.T, stmts ...string) {
	t.Helper()
	for _, sql := range stmts {
		if out := s.run(sql); strings.Contains(out, "ERROR") {
			t.Fatalf("%s: %s", sql, out)
		}
	}
}

func (s *session) wantFences(t *testing.T, want ...string) {
	t.Helper()
	got := s.c.fences
	s.c.fences = nil
	if strings.Join(got, "; ") != strings.Join(want, "; ") {
		t.Errorf("fences: got %q, want %q", got, want)
	}
}

func (s *session) wantCalls(t *testing.T, want ...string) {
	t.Helper()
	got := s.c.calls
	s.c.calls = nil
	if strings.Join(got, "; ") != strings.Join(want, "; ") {
		t.Errorf("backend: got %q, want %q", got, want)
	}
}

func table(t *testing.T, c *cluster, name string) *catalog.Table {
	t.Helper()
	rel, ok := c.replica.Current().LookupRelation(path, "", name)
	if !ok || rel.Table == nil {
		t.Fatalf("no table %s", name)
	}
	return rel.Table
}

// A new table needs no fence: nobody can have planned against it.
func TestNewTableNeedsNoFence(t *testing.T) {
	s := newCluster(t).session()
	s.script(t, "CREATE TABLE p (id int PRIMARY KEY)", "BEGIN", "CREATE TABLE c (a int)", "ALTER TABLE c ADD COLUMN b int", "COMMIT")
	s.wantFences(t)
	if v := table(t, s.c, "c").Version; v != 1 {
		t.Errorf("version %d of a table altered in the transaction that made it, want 1", v)
	}
}

// Adding a foreign key bumps both sides, with a fence raised before the rows are judged and opened after the commit.
func TestForeignKeyFencesBothSidesBeforeValidation(t *testing.T) {
	s := newCluster(t).session()
	s.script(t, "CREATE TABLE p (id int PRIMARY KEY)", "CREATE TABLE c (a int)")
	p, c := table(t, s.c, "p"), table(t, s.c, "c")
	s.script(t, "BEGIN", "ALTER TABLE c ADD FOREIGN KEY (a) REFERENCES p")
	if n := len(s.c.fences); n != 1 || !strings.HasPrefix(s.c.fences[0], "raise") {
		t.Fatalf("fences before COMMIT: %q", s.c.fences)
	}
	s.wantCalls(t, "foreign key c c_a_fkey")
	if len(table(t, s.c, "p").Inbound) != 0 {
		t.Error("the constraint is published before COMMIT")
	}
	s.script(t, "COMMIT")
	if len(s.c.fences) != 2 || !strings.HasPrefix(s.c.fences[1], "open") {
		t.Fatalf("fences after COMMIT: %q", s.c.fences)
	}
	for _, old := range []*catalog.Table{p, c} {
		if v := s.c.replica.Current().Table(old.OID).Version; v != old.Version+1 {
			t.Errorf("%s is at version %d, want %d", old.Name, v, old.Version+1)
		}
	}
}

// A failed validation leaves nothing behind: the fences are lowered and the catalog is as before.
func TestFailedValidationLowersFences(t *testing.T) {
	s := newCluster(t).session()
	s.script(t, "CREATE TABLE p (id int PRIMARY KEY, a int)")
	s.c.fences, s.c.calls = nil, nil
	s.c.fail = pgerr.New(pgerr.CheckViolation, "check constraint %q of relation %q is violated by some row", "p_a_check", "p")
	if out := s.run("ALTER TABLE p ADD CHECK (a IS NULL)"); !strings.HasPrefix(out, "ERROR:  23514") {
		t.Fatal(out)
	}
	id := topo.TableID(table(t, s.c, "p").OID)
	s.wantFences(t, fence("raise", id, 2), fence("lower", id, 2))
	if p := table(t, s.c, "p"); p.Version != 1 || len(p.Constraints) != 1 {
		t.Errorf("after the failure: version %d, %d constraints", p.Version, len(p.Constraints))
	}
}

func fence(phase string, id topo.TableID, v topo.SchemaVersion) string {
	return fmt.Sprintf("%s %d@%d", phase, id, v)
}

// ROLLBACK TO takes the change back; a fence raised meanwhile is lowered, not opened, when the transaction commits.
func TestRollbackToSavepointLowersItsFences(t *testing.T) {
	s := newCluster(t).session()
	s.script(t, "CREATE TABLE p (id int PRIMARY KEY, a int)", "CREATE TABLE q (a int)")
	p, q := table(t, s.c, "p"), table(t, s.c, "q")
	s.script(t, "BEGIN", "ALTER TABLE q ADD COLUMN b int", "SAVEPOINT sp", "CREATE INDEX ON p (a)", "ROLLBACK TO sp", "COMMIT")
	s.wantFences(t, fence("raise", p.ID(), 2), fence("raise", q.ID(), 2), fence("open", q.ID(), 2), fence("lower", p.ID(), 2))
	if now := table(t, s.c, "p"); len(now.Indexes) != 1 || now.Version != 1 {
		t.Errorf("p: %d indexes at version %d after ROLLBACK TO", len(now.Indexes), now.Version)
	}
	if now := table(t, s.c, "q"); now.ColumnByName("b") == nil || now.Version != 2 {
		t.Error("q lost the change before the savepoint")
	}
}

// Two transactions that create the same name: the second finds it taken when it gets the lock.
func TestConcurrentCreatorsOfOneName(t *testing.T) {
	c := newCluster(t)
	a, b := c.session(), c.session()
	b.script(t, "BEGIN")
	a.script(t, "CREATE TABLE t (a int)")
	if out := b.run("CREATE TABLE t (b int)"); out != `ERROR:  42P07: relation "t" already exists` {
		t.Error(out)
	}
}

// A DDL that waited for another works on what that one committed.
func TestOverlayMovesOntoNewerSnapshot(t *testing.T) {
	c := newCluster(t)
	a, b := c.session(), c.session()
	a.script(t, "CREATE TABLE t (a int)", "CREATE TABLE u (a int)")
	b.script(t, "BEGIN", "ALTER TABLE u ADD COLUMN mine int")
	a.script(t, "ALTER TABLE t ADD COLUMN theirs int")
	b.script(t, "ALTER TABLE t ADD COLUMN mine int", "COMMIT")
	tt := table(t, c, "t")
	if tt.ColumnByName("theirs") == nil || tt.ColumnByName("mine") == nil || tt.Version != 3 {
		t.Errorf("t has %d columns at version %d", len(tt.LiveColumns()), tt.Version)
	}
	if table(t, c, "u").ColumnByName("mine") == nil {
		t.Error("the change made before the wait is lost")
	}
}

// TRUNCATE gives the table and its indexes new storages, and remembers the old ones for collection.
func TestTruncateMovesToNewStorages(t *testing.T) {
	s := newCluster(t).session()
	s.script(t, "CREATE TABLE t (id serial PRIMARY KEY, a int UNIQUE)")
	old := table(t, s.c, "t")
	seq := s.c.replica.Current().Sequence(old.Columns[0].Sequence)
	s.script(t, "TRUNCATE t RESTART IDENTITY")
	now := table(t, s.c, "t")
	if now.RowStorage == old.RowStorage || now.Indexes[1].Storage == old.Indexes[1].Storage || now.Version != old.Version+1 {
		t.Errorf("storages %d, %d at version %d", now.RowStorage, now.Indexes[1].Storage, now.Version)
	}
	if q := s.c.replica.Current().Sequence(seq.OID); q.Storage == seq.Storage || q.First != 1 {
		t.Error("the sequence did not restart")
	}
	if g := s.c.replica.Garbage(s.c.clock); len(g) != 3 {
		t.Errorf("garbage %v, want the rows, one index and the sequence", g)
	}
	if g := s.c.replica.Garbage(s.c.clock - 1); len(g) != 0 {
		t.Errorf("%v may be collected before the horizon passes the TRUNCATE", g)
	}
}

// The row key is the primary key, a hidden row id where there is none, and a primary key without the distribution key has
// an index of its own.
func TestRowKeyLayout(t *testing.T) {
	s := newCluster(t).session()
	s.script(t, "CREATE TABLE a (x int, y int, PRIMARY KEY (y, x))", "CREATE TABLE b (x int)",
		"CREATE TABLE c (x int PRIMARY KEY, y int) WITH (distribution_key = 'y')",
		"CREATE TABLE d (x int, y int, PRIMARY KEY (x, y)) WITH (distribution_key = 'y')")
	a, b, c, d := table(t, s.c, "a"), table(t, s.c, "b"), table(t, s.c, "c"), table(t, s.c, "d")
	if len(a.KeyColumns) != 2 || a.KeyColumns[0] != 2 || !a.Indexes[0].RowKey || a.Indexes[0].Storage != a.RowStorage {
		t.Errorf("a: %+v", a.Indexes[0])
	}
	if b.RowIDColumn() != 2 || b.KeyColumns[0] != 2 || b.ColumnByName("rowid") != nil || len(b.LiveColumns()) != 1 {
		t.Errorf("b: row id %d", b.RowIDColumn())
	}
	if i := c.Indexes[0]; i.RowKey || i.Storage == c.RowStorage || !i.Global() || c.DistColumns[0] != 2 {
		t.Errorf("c: %+v", i)
	}
	if !d.Indexes[0].RowKey || d.DistColumns[0] != 2 {
		t.Errorf("d: %+v", d.Indexes[0])
	}
	s.c.calls = nil
	s.script(t, "ALTER TABLE b ADD PRIMARY KEY (x)")
	s.wantCalls(t, "rewrite b")
	if b = table(t, s.c, "b"); b.RowIDColumn() != 0 || b.KeyColumns[0] != 1 || !b.Indexes[0].RowKey || b.DistColumns[0] != 1 {
		t.Errorf("b with a primary key: key %v, distribution %v", b.KeyColumns, b.DistColumns)
	}
	s.script(t, "ALTER TABLE b DROP CONSTRAINT b_pkey")
	if b = table(t, s.c, "b"); b.RowIDColumn() != 3 || b.KeyColumns[0] != 3 || b.DistColumns[0] != 3 {
		t.Errorf("b without it again: key %v, distribution %v", b.KeyColumns, b.DistColumns)
	}
}

// Stored expressions survive renames: sequences are stored by OID and CHECK follows a renamed column.
func TestStoredExpressionsFollowRenames(t *testing.T) {
	got, err := Expressions{}.RenameColumn(`a > 0 AND "a" <> t.a AND f('a') IS NULL AND ab = 1`, "a", "Odd Name")
	want := `"Odd Name" > 0 AND "Odd Name" <> t."Odd Name" AND f('a') IS NULL AND ab = 1`
	if err != nil || got != want {
		t.Errorf("got %s (%v), want %s", got, err, want)
	}
	s := newCluster(t).session()
	s.script(t, "CREATE TABLE t (id serial, a int CHECK (a IS NOT NULL))", "ALTER SEQUENCE t_id_seq RENAME TO other",
		"ALTER TABLE t RENAME COLUMN a TO b")
	tab := table(t, s.c, "t")
	if q := tab.Columns[0].DefaultDeps; len(q) != 1 || s.c.replica.Current().Sequence(q[0]).Name != "other" {
		t.Errorf("the default depends on %v", q)
	}
	if tab.Constraints[0].Check != "(b IS NOT NULL)" {
		t.Errorf("check %q", tab.Constraints[0].Check)
	}
}

// Views are stored with qualified names, whatever the search path was.
func TestViewTextIsQualified(t *testing.T) {
	s := newCluster(t).session()
	s.script(t, "CREATE TABLE t (a int, b int)", "CREATE VIEW v AS WITH c AS (SELECT a FROM t) SELECT c.a FROM c, t x")
	rel, _ := s.c.replica.Current().LookupRelation(path, "", "v")
	want := "WITH c AS (SELECT a FROM public.t) SELECT c.a FROM c, public.t x"
	if rel.View == nil || rel.View.Query != want {
		t.Errorf("got %q", rel.View.Query)
	}
}

// A snapshot published earlier never changes.
func TestSnapshotsAreImmutable(t *testing.T) {
	s := newCluster(t).session()
	s.script(t, "CREATE TABLE t (a int)")
	before := s.c.replica.Current()
	old := table(t, s.c, "t")
	s.script(t, "ALTER TABLE t ADD COLUMN b int", "ALTER TABLE t RENAME TO u", "CREATE TABLE t (z int)", "DROP TABLE u")
	if rel, ok := before.LookupRelation(path, "", "t"); !ok || rel.Table != old || len(old.LiveColumns()) != 1 || old.Version != 1 {
		t.Error("the old snapshot changed")
	}
	if _, ok := before.LookupRelation(path, "", "u"); ok {
		t.Error("the old snapshot has the new name")
	}
}

// recoveryTxn is a transaction of RecoverFences over the cluster in memory.
type recoveryTxn struct{ *memTxn }

func (r recoveryTxn) Commit(context.Context) error { r.memTxn.commit(); return nil }
func (r recoveryTxn) Rollback(context.Context)     {}

func (c *cluster) recovery() ddl.Recovery {
	return ddl.Recovery{Replica: c.replica, Begin: func() ddl.RecoveryTxn { return recoveryTxn{c.begin()} },
		Groups: func(g topo.GroupID) rpc.Group { return memGroup{c: c, id: g} }}
}

// A coordinator that died leaves no table shut: a change that was not committed never will be, since the descriptor moves
// to the version that it wanted; one that was committed is opened at its version.
func TestFencesOfLostSchemaChangesAreRecovered(t *testing.T) {
	s := newCluster(t).session()
	s.script(t, "CREATE TABLE t (a int)")
	before := table(t, s.c, "t")
	key := catalog.DescriptorKey(before.ObjectID())
	seen := s.c.data[string(key)].TS
	// Lost between the fence and the commit.
	f := fsm.FenceInfo{Table: before.ID(), Version: 2, Txn: topo.TxnID{Node: 9, Epoch: 9, Seq: 9}}
	if err := ddl.RecoverFences(context.Background(), s.c.recovery(), []fsm.FenceInfo{f}); err != nil {
		t.Fatal(err)
	}
	s.wantFences(t, fence("open", before.ID(), 2))
	if now := table(t, s.c, "t"); now.Version != 2 || len(now.Columns) != len(before.Columns) || s.c.data[string(key)].TS == seen {
		t.Errorf("version %d: a late prepare of the lost change could still commit", now.Version)
	}
	// Lost between the commit and the opening: the committed version is admitted and nothing is written.
	s.script(t, "ALTER TABLE t ADD COLUMN b int")
	s.c.fences, seen = nil, s.c.data[string(key)].TS
	f.Version = 3
	if err := ddl.RecoverFences(context.Background(), s.c.recovery(), []fsm.FenceInfo{f}); err != nil {
		t.Fatal(err)
	}
	s.wantFences(t, fence("open", before.ID(), 3))
	if s.c.data[string(key)].TS != seen || table(t, s.c, "t").Version != 3 {
		t.Error("recovery wrote over a committed change")
	}
	// A committed DROP.
	s.script(t, "DROP TABLE t")
	s.c.fences = nil
	f.Version = 4
	if err := ddl.RecoverFences(context.Background(), s.c.recovery(), []fsm.FenceInfo{f}); err != nil {
		t.Fatal(err)
	}
	s.wantFences(t, fence("open", before.ID(), 4))
}
