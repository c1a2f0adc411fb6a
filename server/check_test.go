package server

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
)

// checked is a node in this process whose storages are damaged behind the back of SQL.
type checked struct {
	t    *testing.T
	s    *Server
	conn *pgx.Conn
}

var ctx = context.Background()

func startChecked(t *testing.T) *checked {
	t.Helper()
	limit, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	s, err := Start(limit, Config{DataDir: t.TempDir(), Listen: "127.0.0.1:0", Groups: 4, MaxConnections: 20,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	host, port := s.SQLAddress()
	conn, err := pgx.Connect(limit, fmt.Sprintf("postgres://postgres@%s:%s/postgres", host, port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(ctx) })
	c := &checked{t, s, conn}
	c.exec(`create table parents (id int primary key, code text unique, v int);
		create table children (id int primary key, parent int references parents, code text references parents (code), n numeric,
			check (n > 0));
		create index children_parent on children (parent, n desc);
		create table free_parents (id int primary key, code text, v int);
		create table free_children (id int primary key, parent int, code text, n numeric);
		create table pairs (a int, b int, c int not null, primary key (a, b)) with (distribution_key = 'b');
		create table refs (id int primary key, a int, b int, boss int references refs,
			foreign key (a, b) references pairs match full);
		create table keyless (v int unique);
		insert into parents select g, 'c' || g, g % 3 from generate_series(1, 200) g;
		insert into children select g, g % 200 + 1, case when g % 5 > 0 then 'c' || g % 200 + 1 end, g from generate_series(1, 500) g;
		insert into free_parents select g, 'c' || g, g from generate_series(1, 10) g;
		insert into pairs select g, g + 1, g from generate_series(1, 20) g;
		insert into refs select g, g, g + 1, nullif(g - 1, 0) from generate_series(1, 20) g;
		insert into keyless values (1), (2), (null), (null)`)
	return c
}

func (c *checked) exec(sql string) {
	c.t.Helper()
	if _, err := c.conn.Exec(ctx, sql); err != nil {
		c.t.Fatal(err)
	}
}

// findings runs the check and returns a line per problem, and the summary.
func (c *checked) findings() (problems []string, summary string) {
	c.t.Helper()
	rows, err := c.conn.Query(ctx, `select status, coalesce("table", '-'), coalesce(object, '-'), problem, coalesce(key, '-') from pgmqdb.check`)
	if err != nil {
		c.t.Fatal(err)
	}
	var status, table, object, problem, key string
	_, err = pgx.ForEachRow(rows, []any{&status, &table, &object, &problem, &key}, func() error {
		if status == "summary" {
			summary = problem
		} else {
			problems = append(problems, strings.Join([]string{status, table, object, problem, key}, " | "))
		}
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return problems, summary
}

// expect runs the check: every line wanted is a part of one found, and nothing else is found.
func (c *checked) expect(want ...string) {
	c.t.Helper()
	got, summary := c.findings()
	if !strings.HasPrefix(summary, "checked ") {
		c.t.Errorf("summary %q", summary)
	}
	for _, w := range want {
		found := false
		for i, g := range got {
			if found = strings.Contains(g, w); found {
				got = append(got[:i], got[i+1:]...)
				break
			}
		}
		if !found {
			c.t.Errorf("not reported: %s", w)
		}
	}
	for _, g := range got {
		c.t.Errorf("reported: %s", g)
	}
}

func (c *checked) table(name string) *catalog.Table {
	rel, ok := c.s.catalog.Current().LookupRelation([]string{"public"}, "", name)
	if !ok {
		c.t.Fatalf("no table %s", name)
	}
	return rel.Table
}

func (c *checked) index(table, name string) topo.StorageID {
	return c.table(table).IndexByName(name).Storage
}

// entry is what is stored under a key.
type entry struct {
	key   txn.Key
	value []byte
}

// entries reads a storage in all groups.
func (c *checked) entries(id topo.StorageID) (out []entry) {
	c.t.Helper()
	t := c.s.txns.Begin(txn.Options{})
	defer t.Rollback(ctx)
	ts, err := t.Snapshot(ctx)
	if err != nil {
		c.t.Fatal(err)
	}
	lo := topo.AppendStorageID(nil, id)
	sc, err := t.Scan(ctx, txn.ReadOptions{TS: ts}, txn.ScanSpec{Groups: c.s.catalog.Current().SlotMap().DataGroups(), Lo: lo, Hi: keyenc.PrefixEnd(lo)})
	if err != nil {
		c.t.Fatal(err)
	}
	defer sc.Close()
	for {
		b, err := sc.Next(ctx)
		if err != nil {
			c.t.Fatal(err)
		}
		if b == nil {
			return out
		}
		for i := range b.Len() {
			out = append(out, entry{txn.Key{Group: b.GroupOf(i), Bytes: bytes.Clone(b.Key(i))}, append([]byte{}, b.Value(i)...)})
		}
	}
}

// row finds the row of a table with a single int4 key column.
func (c *checked) row(table string, id int64) entry {
	c.t.Helper()
	t := c.table(table)
	for _, e := range c.entries(t.RowStorage) {
		if bytes.Equal(e.key.Bytes[4:], keyenc.AppendKeyInt(nil, id)) {
			return e
		}
	}
	c.t.Fatalf("no row %d in %s", id, table)
	return entry{}
}

// uniqueEntry finds an index entry by its text column.
func (c *checked) uniqueEntry(table, index, key string) entry {
	c.t.Helper()
	for _, e := range c.entries(c.index(table, index)) {
		if bytes.Equal(e.key.Bytes[4:], keyenc.AppendKeyString(nil, key)) {
			return e
		}
	}
	c.t.Fatalf("no entry %q in %s", key, index)
	return entry{}
}

// write puts an entry, or deletes one (nil value), as a transaction that knows nothing of SQL.
func (c *checked) write(key txn.Key, value []byte) {
	c.t.Helper()
	t := c.s.txns.Begin(txn.Options{})
	out := make([]txn.Locked, 1)
	err := t.Lock(ctx, []txn.LockRequest{{Key: key, Mode: lock.Update, Latest: true}}, lock.Wait, out)
	if err == nil {
		if value == nil {
			t.Delete(key, 0)
		} else {
			t.Put(key, value, 0)
		}
		err = t.Commit(ctx)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// otherGroup is a data group that a key is not in.
func otherGroup(g topo.GroupID) topo.GroupID {
	if g == topo.FirstDataGroup {
		return topo.FirstDataGroup + 1
	}
	return topo.FirstDataGroup
}

func TestCheckOfAHealthyNode(t *testing.T) {
	c := startChecked(t)
	c.expect()
	_, summary := c.findings()
	// parents_code_key, children_parent, keyless_v_key without its NULLs; pairs' key is (a, b), placed by b.
	if want := "checked 7 tables, 754 rows, 702 index entries in 4 groups at snapshot "; !strings.HasPrefix(summary, want) {
		t.Errorf("summary %q, want %q", summary, want)
	}
	// What the session itself has not committed is neither seen nor missed.
	c.exec(`begin; delete from children; insert into parents values (1000, 'new', 1); create table fresh (id int primary key, a int);
		insert into fresh select g, g from generate_series(1, 100) g; create index on fresh (a); create index on children (n)`)
	c.expect()
	c.exec(`savepoint s; create index on parents (v); rollback to s; commit`)
	c.expect()
}

func TestCheckReportsDamage(t *testing.T) {
	for _, d := range []struct {
		name   string
		damage func(c *checked)
		want   []string
	}{
		{"a row without its unique entry", func(c *checked) {
			c.exec(`delete from children where code = 'c7'`)
			c.write(c.uniqueEntry("parents", "parents_code_key", "c7").key, nil)
		}, []string{"problem | parents | parents_code_key | the row has no entry | (code)=(c7) of (id)=(7)"}},
		{"a row without its entry beside it", func(c *checked) {
			c.write(c.entries(c.index("children", "children_parent"))[0].key, nil)
		}, []string{"problem | children | children_parent | the row has no entry | (parent, n)=("}},
		{"an entry beside a row that is not there", func(c *checked) {
			c.write(c.row("children", 8).key, nil)
		}, []string{"problem | children | children_parent | the entry has no row (group "}},
		{"an entry that is not its row's", func(c *checked) {
			e := c.entries(c.index("children", "children_parent"))[0]
			key := bytes.Clone(e.key.Bytes)
			key[8] ^= 0x40 // the parent's value
			c.write(txn.Key{Group: e.key.Group, Bytes: key}, []byte{})
		}, []string{"problem | children | children_parent | the entry is not that of its row"}},
		{"a parent's row gone, its children and its entry left", func(c *checked) {
			c.write(c.row("parents", 9).key, nil)
		}, []string{
			"problem | parents | parents_code_key | the entry has no row (group ",
			"problem | children | children_parent_fkey | the referenced key is not present in table \"parents\" | (parent)=(9) of (id)=(8)",
			"problem | children | children_parent_fkey | the referenced key is not present in table \"parents\" | (parent)=(9) of (id)=(208)",
			"problem | children | children_parent_fkey | the referenced key is not present in table \"parents\" | (parent)=(9) of (id)=(408)"}},
		{"a parent of a self-reference gone", func(c *checked) {
			c.write(c.row("refs", 1).key, nil)
		}, []string{"problem | refs | refs_boss_fkey | the referenced key is not present in table \"refs\" | (boss)=(1) of (id)=(2)"}},
		{"a parent of a composite key gone", func(c *checked) {
			c.write(c.entries(c.table("pairs").RowStorage)[0].key, nil)
		}, []string{"problem | refs | refs_a_b_fkey | the referenced key is not present in table \"pairs\" | (a, b)=("}},
		{"two rows with one unique key", func(c *checked) {
			c.exec(`delete from children where parent = 3; delete from children where code = 'c3'; update free_parents set code = 'c4' where id = 3`)
			c.write(c.uniqueEntry("parents", "parents_code_key", "c3").key, nil)
			c.write(c.row("parents", 3).key, c.row("free_parents", 3).value)
		}, []string{"problem | parents | parents_code_key | two rows have one unique key | (code)=(c4) of (id)=(3), the entry names (id)=(4)"}},
		{"a unique entry in the wrong group", func(c *checked) {
			e := c.uniqueEntry("parents", "parents_code_key", "c11")
			c.write(txn.Key{Group: otherGroup(e.key.Group), Bytes: e.key.Bytes}, e.value)
		}, []string{"problem | parents | parents_code_key | the entry belongs in group "}},
		{"a malformed unique entry", func(c *checked) {
			c.exec(`delete from children where code = 'c12'`)
			c.write(c.uniqueEntry("parents", "parents_code_key", "c12").key, []byte{1, 2})
		}, []string{
			"problem | parents | parents_code_key | the entry is malformed | (code)=(c12)",
			"problem | parents | parents_code_key | the row's entry names no row | (code)=(c12) of (id)=(12)"}},
		{"a row in the wrong group", func(c *checked) {
			e := c.row("free_parents", 5)
			c.write(txn.Key{Group: otherGroup(e.key.Group), Bytes: e.key.Bytes}, e.value)
		}, []string{"problem | free_parents | - | the row is in group "}},
		{"a row under another row's key", func(c *checked) {
			c.write(c.row("free_parents", 5).key, c.row("free_parents", 6).value)
		}, []string{"problem | free_parents | - | the row's columns are not its key's: they say (id)=(6) | (id)=(5)"}},
		{"a row that cannot be decoded", func(c *checked) {
			c.write(c.row("free_parents", 5).key, []byte{0xff})
		}, []string{"problem | free_parents | - | the row cannot be decoded: malformed row | (id)=(5)"}},
		{"a violated check", func(c *checked) {
			c.exec(`delete from children where id = 1; insert into children values (1, null, null, 1); insert into free_children values (1, null, null, -1);
				drop index children_parent`)
			c.write(c.row("children", 1).key, c.row("free_children", 1).value)
		}, []string{"problem | children | children_n_check | the check constraint is violated | (id)=(1)"}},
		{"null in a NOT NULL column", func(c *checked) {
			c.exec(`create table strict (id int primary key, c int not null); insert into strict values (1, 1);
				create table loose (id int primary key, c int); insert into loose values (1, null)`)
			c.write(c.row("strict", 1).key, c.row("loose", 1).value)
		}, []string{"problem | strict | c | null in a NOT NULL column | (id)=(1)"}},
		{"MATCH FULL with one null", func(c *checked) {
			c.exec(`create table loose (id int primary key, a int, b int, boss int); insert into loose values (1, 1, null, null)`)
			c.write(c.row("refs", 1).key, c.row("loose", 1).value)
		}, []string{"problem | refs | refs_a_b_fkey | MATCH FULL does not allow mixing of null and nonnull key values | (a, b)=(1, null) of (id)=(1)"}},
		{"a leftover storage", func(c *checked) {
			key := keyenc.AppendKeyInt(topo.AppendStorageID(nil, 987654), 1)
			c.write(txn.Key{Group: topo.FirstDataGroup + 1, Bytes: key}, []byte{})
		}, []string{fmt.Sprintf("problem | - | group %d | storage 987654 has entries, and no table or index names it", topo.FirstDataGroup+1)}},
		{"a mark from the future", func(c *checked) {
			c.futureMark(c.row("parents", 1).key)
		}, []string{"a shared mark is of timestamp ", "a commit is of timestamp "}},
	} {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			c := startChecked(t)
			d.damage(c)
			c.expect(d.want...)
		})
	}
}

// futureMark commits a shared mark on a key, and a row, at a timestamp that nobody handed out.
func (c *checked) futureMark(key txn.Key) {
	c.t.Helper()
	var seen topo.Timestamp
	t := c.s.txns.Begin(txn.Options{})
	out := make([]txn.Version, 1)
	if err := t.Get(ctx, txn.ReadOptions{TS: topo.MaxTimestamp}, []txn.Key{key}, out); err != nil {
		c.t.Fatal(err)
	}
	seen = out[0].KeyVersion
	defer t.Rollback(ctx)
	res, err := c.s.group(key.Group).Propose(ctx, &fsm.Command{Prepare: &fsm.Prepare{Txn: t.ID(), Attempt: 1, Primary: key.Group, OnePhase: true,
		MinTS: 1 << 60, Items: []fsm.Item{{Kind: fsm.ItemSharedMark, Mode: lock.KeyShare, Key: key.Bytes, Seen: seen},
			{Kind: fsm.ItemPutEntry, Mode: lock.Update, Key: topo.AppendStorageID(nil, uint32Max), Value: []byte{}}}}})
	if err != nil || res.Code != fsm.ResultCommitted {
		c.t.Fatalf("%+v %v", res, err)
	}
}

const uint32Max topo.StorageID = 1<<32 - 2

// Only the first problems of a kind are listed, and the rest counted.
func TestCheckCountsWhatItDoesNotList(t *testing.T) {
	c := startChecked(t)
	c.exec(`create table many (id int primary key, a int); create index many_a on many (a); insert into many select g, g from generate_series(1, 150) g`)
	for _, e := range c.entries(c.index("many", "many_a")) {
		c.write(e.key, nil)
	}
	got, _ := c.findings()
	if len(got) != 101 || !strings.Contains(got[100], "50 more: the row has no entry") {
		t.Errorf("%d lines, the last %q", len(got), got[len(got)-1])
	}
}

func TestCheckIsCancelledAndPrivileged(t *testing.T) {
	c := startChecked(t)
	c.exec(`create role someone login; set statement_timeout = '1ms'`)
	if _, err := c.conn.Exec(ctx, "select * from pgmqdb.check"); err == nil || !strings.Contains(err.Error(), "57014") {
		t.Errorf("statement_timeout: %v", err)
	}
	c.exec(`reset statement_timeout; set role someone`)
	if _, err := c.conn.Exec(ctx, "select * from pgmqdb.check"); err == nil || !strings.Contains(err.Error(), "42501") {
		t.Errorf("another role: %v", err)
	}
}

// Schema changes that build storages while checks run leave nothing to report.
func TestCheckBesideSchemaChanges(t *testing.T) {
	c := startChecked(t)
	host, port := c.s.SQLAddress()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		conn, err := pgx.Connect(ctx, fmt.Sprintf("postgres://postgres@%s:%s/postgres", host, port))
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close(ctx)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			end := []string{"commit", "rollback"}[i%2]
			sql := fmt.Sprintf(`begin; create table t%d (id int primary key, a int); insert into t%[1]d select g, g from generate_series(1, 300) g;
				create index on t%[1]d (a); create unique index on parents (v, id); %s; drop table if exists t%[1]d`, i, end)
			if _, err := conn.Exec(ctx, sql); err != nil {
				t.Errorf("%s: %v", sql, err)
				return
			}
		}
	})
	for range 15 {
		c.expect()
	}
	close(stop)
	wg.Wait()
	c.expect()
}

// What an ended coordinator left is reported once it has been there for a while, and forgotten when it is gone.
func TestAbandonedThingsAge(t *testing.T) {
	var a abandoned
	began := time.Now()
	p := abandonedThing{Group: 1, Kind: "prepare", Txn: topo.TxnID{Node: 1, Epoch: 1, Seq: 1}}
	f := abandonedThing{Group: 1, Kind: "fence", Txn: topo.TxnID{Node: 1, Epoch: 1, Seq: 2}, Table: 7}
	a.note(began, []abandonedThing{p})
	a.note(began.Add(40*time.Second), []abandonedThing{p, f})
	if got := a.older(began.Add(61*time.Second), time.Minute); len(got) != 1 || got[0] != p {
		t.Errorf("after a minute: %v", got)
	}
	a.note(began.Add(62*time.Second), []abandonedThing{f})
	if got := a.older(began.Add(90*time.Second), time.Minute); len(got) != 0 {
		t.Errorf("what was finished is still there: %v", got)
	}
	if got := a.older(began.Add(101*time.Second), time.Minute); len(got) != 1 || got[0] != f {
		t.Errorf("the fence: %v", got)
	}
}
