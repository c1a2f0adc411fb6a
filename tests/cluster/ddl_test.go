package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgmqdb/pgmqdb/tests/checker"
)

var itemSchema = checker.Schema{
	{Name: "target", Columns: []string{"id"}, Key: []string{"id"}},
	{Name: "item", Columns: []string{"id", "ref", "value"}, Key: []string{"id"}},
}

// itemConstraints are added under load. bad removes the rows that are in the way; broken is a row that they refuse.
var itemConstraints = []struct{ name, add, bad, code string }{
	{"item_ref", `alter table item add constraint item_ref foreign key (ref) references target on delete cascade`,
		`delete from item where not exists (select from target where target.id = ref)`, "23503"},
	{"item_value", `alter table item add constraint item_value unique (value)`,
		`delete from item a using item b where a.value = b.value and a.id > b.id`, "23505"},
}

// with is itemSchema with the constraints that hold.
func with(held map[string]bool) checker.Schema {
	s := append(checker.Schema(nil), itemSchema...)
	if held["item_ref"] {
		s[1].Foreign = []checker.Foreign{foreign("ref", "target")}
	}
	if held["item_value"] {
		s[1].Unique = [][]string{{"value"}}
	}
	return s
}

// itemWriter inserts rows, good ones and bad ones, through one node and remembers what was acknowledged.
type itemWriter struct {
	c     *cluster
	n     int
	node  int
	rnd   *rand.Rand
	next  int
	rows  map[int]bool // acknowledged and good: nobody deletes those
	maybe map[int]bool
	// held says which constraints were acknowledged and not dropped since, before a statement begins and after it ended.
	held func() string
	bad  *atomic.Bool // whether bad rows are tried
	acks int
}

const itemTargets = 50

func (w *itemWriter) run(stop *atomic.Bool) {
	for !stop.Load() {
		w.next++
		id := w.next*100 + w.n
		ref, value, kind := w.rnd.Intn(itemTargets)+1, fmt.Sprint("v", id), ""
		if w.bad.Load() {
			switch w.rnd.Intn(6) {
			case 0:
				ref, kind = 1000+w.rnd.Intn(10), "item_ref"
			case 1:
				value, kind = fmt.Sprint("same ", w.rnd.Intn(3)), "item_value"
			}
		}
		before := w.held()
		limit, cancel := context.WithTimeout(ctx, opTimeout)
		_, err := w.c.dbs[w.node].Exec(limit, `insert into item (id, ref, value) values ($1, $2, $3)`, id, ref, value)
		cancel()
		after := w.held()
		switch {
		case err == nil:
			w.acks++
			if kind == "" {
				w.rows[id] = true
			}
			// A bad value's first row is no violation; a bad reference is one.
			if kind == "item_ref" && before == after && strings.Contains(before, kind) {
				w.c.t.Errorf("node %d took a row that violates %s, which was published before it began", w.node+1, kind)
			}
		case kind != "" && (code(err) == "23503" || code(err) == "23505"):
		case !retryable(err):
			w.c.t.Errorf("writing through node %d: %v", w.node+1, err)
			return
		case inDoubt(err):
			w.maybe[id] = true
		}
		time.Sleep(time.Millisecond)
	}
}

// Scenario 11: constraints, columns and indexes are added and dropped while writers run on every node, one of which is
// stopped and wakes with an old catalog. No row violates a constraint that was published, and no acknowledged write is lost.
func TestDDLUnderLoad(t *testing.T) {
	c := start(t, 3)
	rnd := rand.New(rand.NewSource(c.seed))
	c.must(0, `create table target (id int primary key); create table item (id int primary key, ref int, value text)`)
	c.must(0, `insert into target select g from generate_series(1, $1::int) g`, itemTargets)
	var stop, bad atomic.Bool
	bad.Store(true)
	var mu sync.Mutex
	held := map[string]bool{}
	changes := 0
	say := func(name string, on bool) { mu.Lock(); held[name] = on; changes++; mu.Unlock() }
	var writers []*itemWriter
	var wg sync.WaitGroup
	for n := range 6 {
		w := &itemWriter{c: c, n: n, node: n % 3, rnd: rand.New(rand.NewSource(rnd.Int63())), rows: map[int]bool{}, maybe: map[int]bool{}, bad: &bad,
			held: func() string {
				mu.Lock()
				defer mu.Unlock()
				s := fmt.Sprint(changes)
				for name, on := range held {
					if on {
						s += " " + name
					}
				}
				return s
			}}
		writers = append(writers, w)
		wg.Add(1)
		go func() { defer wg.Done(); w.run(&stop) }()
	}
	defer func() { stop.Store(true); wg.Wait() }()

	for round := range rounds(2, 12) {
		through := round % 3
		paused := (through + 1) % 3
		for i, x := range itemConstraints {
			if i == round%2 {
				c.Nodes[paused].Pause()
			}
			say(x.name, false)
			bad.Store(false) // or the constraint would never hold
			c.until(60*time.Second, func(ctx context.Context) error {
				if _, err := c.dbs[through].Exec(ctx, x.bad); err != nil {
					return err
				}
				_, err := c.dbs[through].Exec(ctx, x.add)
				if code(err) == x.code { // one of the last bad rows came between
					return errors.New("a bad row came between: once more")
				}
				return err
			})
			say(x.name, true)
			bad.Store(true)
			if i == round%2 {
				time.Sleep(time.Duration(rnd.Intn(1500)) * time.Millisecond)
				c.Nodes[paused].Resume()
			}
			time.Sleep(300 * time.Millisecond)
			d, err := itemSchema.Dump(ctx, c.dbs[c.other(paused)])
			if err != nil {
				t.Fatal(err)
			}
			mu.Lock()
			s := with(held)
			mu.Unlock()
			for _, p := range s.Violations(d) {
				t.Error(p)
			}
		}
		c.must(through, fmt.Sprintf(`alter table item add column extra%d int default %d`, round, round))
		c.must((through+1)%3, fmt.Sprintf(`create index on item (ref, extra%d)`, round))
		c.expect((through+2)%3, 0, fmt.Sprintf(`select count(*) from item where extra%d is distinct from %d`, round, round))
		for _, x := range itemConstraints {
			if round < rounds(2, 12)-1 {
				say(x.name, false)
				c.must((through+1)%3, `alter table item drop constraint `+x.name)
			}
		}
		if t.Failed() {
			return
		}
	}
	stop.Store(true)
	wg.Wait()
	there := indexed(c.judge(with(held)))
	acks := 0
	for _, w := range writers {
		acks += w.acks
		for id := range w.rows {
			if there[rowKey{"item", int64(id)}] == "" {
				t.Errorf("row %d, written through node %d and acknowledged, is lost", id, w.node+1)
			}
		}
	}
	t.Logf("%d rows acknowledged", acks)
	if acks < 100 {
		t.Error("the writers did not run")
	}
}

// Scenario 12: a migration of several DDL and DML statements is there whole or not at all, also when a node is killed at
// any moment: the one that runs it, a leader, or another.
func TestMigrationIsAtomic(t *testing.T) {
	c := start(t, 3)
	rnd := rand.New(rand.NewSource(c.seed))
	outcomes := map[string]int{}
	for i := range rounds(5, 60) {
		c.eventually(i%3, fmt.Sprintf(`create table base%[1]d (id int primary key, name text); insert into base%[1]d select g, 'n' || g from generate_series(1, 10) g`, i))
		through, victim := i%3, rnd.Intn(3)
		conn, err := pgx.Connect(ctx, c.Nodes[through].URL())
		if err != nil {
			t.Fatal(err)
		}
		result, committing := make(chan [2]error, 1), make(chan struct{})
		go func() {
			limit, cancel := context.WithTimeout(ctx, 60*time.Second)
			defer cancel()
			result <- migrate(limit, conn, i, committing)
		}()
		killing := i > 0 // the first one is left alone
		switch {
		case !killing:
		case i%2 == 0: // its own node dies while it commits
			victim = through
			<-committing
			time.Sleep(time.Duration(rnd.Intn(20)) * time.Millisecond)
			c.kill(victim)
		default:
			time.Sleep(time.Duration(rnd.Intn(150)) * time.Millisecond)
			c.kill(victim)
		}
		errs := <-result
		err = errs[0]
		doubt := false
		if err == nil {
			err = errs[1]
			doubt = err != nil && inDoubt(err)
		}
		if err != nil && (!retryable(err) || !killing) {
			t.Errorf("round %d: %v", i, err)
		}
		if killing {
			c.restart(victim)
		}
		go closeConn(conn)
		whole := c.judgeMigration(i)
		switch {
		case err == nil && !whole:
			t.Errorf("round %d: the acknowledged migration is lost", i)
		case err != nil && !doubt && whole:
			t.Errorf("round %d: the refused migration (%v) took place", i, err)
		}
		outcomes[fmt.Sprintf("acknowledged %v, there %v", err == nil, whole)]++
		if t.Failed() {
			t.Fatalf("round %d: through node %d, node %d was killed", i, through+1, victim+1)
		}
	}
	t.Logf("migrations: %v", outcomes)
}

// migrate returns the error of a statement before COMMIT, and that of COMMIT. It closes committing before that, or at its end.
func migrate(ctx context.Context, conn *pgx.Conn, i int, committing chan struct{}) (errs [2]error) {
	told := sync.OnceFunc(func() { close(committing) })
	defer told()
	tx, err := conn.Begin(ctx)
	if err != nil {
		return [2]error{err, nil}
	}
	for _, sql := range []string{
		`create table made%[1]d (id int primary key, base int references base%[1]d on delete cascade, note text)`,
		`alter table base%[1]d add column size int`,
		`update base%[1]d set size = id * 2`,
		`alter table base%[1]d alter size set not null, add constraint size%[1]d check (size > 0)`,
		`insert into made%[1]d select id, id, name from base%[1]d`,
		`alter table base%[1]d add constraint name%[1]d unique (name)`,
		`create index on made%[1]d (note)`,
		`delete from base%[1]d where id = 10`,
	} {
		if _, err := tx.Exec(ctx, fmt.Sprintf(sql, i)); err != nil {
			_ = tx.Rollback(ctx)
			return [2]error{err, nil}
		}
	}
	told()
	return [2]error{nil, tx.Commit(ctx)}
}

// judgeMigration looks through every node: all of it is there, or none.
func (c *cluster) judgeMigration(i int) (whole bool) {
	c.t.Helper()
	for node, db := range c.dbs {
		var tables, columns, constraints, rows int
		c.until(30*time.Second, func(ctx context.Context) error {
			return db.QueryRow(ctx, fmt.Sprintf(`select (select count(*) from pg_class where relname = 'made%[1]d'),
				(select count(*) from information_schema.columns where table_name = 'base%[1]d'),
				(select count(*) from pg_constraint c join pg_class t on t.oid = c.conrelid where t.relname in ('base%[1]d', 'made%[1]d')),
				(select count(*) from base%[1]d)`, i)).Scan(&tables, &columns, &constraints, &rows)
		})
		got := [4]int{tables, columns, constraints, rows}
		switch got {
		case [4]int{1, 3, 5, 9}:
			if node > 0 && !whole {
				c.t.Errorf("round %d: node %d shows the migration, node 1 does not", i, node+1)
			}
			whole = true
			c.expect(node, 9, fmt.Sprintf(`select count(*) from made%[1]d join base%[1]d b on b.id = base and b.size = b.id * 2`, i))
			c.refused(node, "23505", fmt.Sprintf(`insert into base%d values (50, 'n1', 1)`, i))
			c.refused(node, "23514", fmt.Sprintf(`insert into base%d values (50, 'n50', 0)`, i))
			c.refused(node, "23503", fmt.Sprintf(`insert into made%d values (50, 10, '')`, i))
		case [4]int{0, 2, 1, 10}:
			if whole {
				c.t.Errorf("round %d: node %d does not show the migration, another does", i, node+1)
			}
		default:
			c.t.Errorf("round %d: node %d shows a part: table, columns, constraints, rows: %v", i, node+1, got)
		}
	}
	return whole
}
