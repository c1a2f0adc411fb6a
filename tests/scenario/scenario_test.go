// Package scenario proves the product's scenarios, those of docs/INVARIANTS.md, on one node with 4 and with 16 data groups.
// Keys are such that parents and children land in different groups.
package scenario

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

func long() bool { return os.Getenv("PGMQDB_LONG") != "" }

// onGroups runs a scenario on fresh nodes with 4 and 16 groups.
func onGroups(t *testing.T, f func(t *testing.T, db *pgxpool.Pool)) {
	for _, n := range []int{4, 16} {
		t.Run(fmt.Sprintf("%d groups", n), func(t *testing.T) {
			s, err := testenv.StartPgmqdb(t.TempDir(), "--groups", fmt.Sprint(n))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Kill)
			cfg, err := pgxpool.ParseConfig(s.URL())
			if err != nil {
				t.Fatal(err)
			}
			cfg.MaxConns = 64
			db, err := pgxpool.NewWithConfig(context.Background(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(db.Close)
			f(t, db)
		})
	}
}

var ctx = context.Background()

func must(t *testing.T, db *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	if _, err := db.Exec(ctx, sql, args...); err != nil {
		t.Fatalf("%.80s: %v", sql, err)
	}
}

func code(err error) string {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		return pe.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func refused(t *testing.T, db *pgxpool.Pool, want, sql string, args ...any) {
	t.Helper()
	_, err := db.Exec(ctx, sql, args...)
	if code(err) != want {
		t.Errorf("%.80s: got %v, want SQLSTATE %s", sql, err, want)
	}
}

func count(t *testing.T, db *pgxpool.Pool, sql string, args ...any) int {
	t.Helper()
	var n int
	if err := db.QueryRow(ctx, sql, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}

func expect(t *testing.T, what string, got, want int) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %d, want %d", what, got, want)
	}
}

// Scenario 2, on one node: posts and comments with every referential action.
func TestPostsAndComments(t *testing.T) {
	onGroups(t, func(t *testing.T, db *pgxpool.Pool) {
		for _, action := range []string{"cascade", "restrict", "no action", "set null", "set default"} {
			must(t, db, `drop table if exists comments, posts`)
			must(t, db, `create table posts (id int primary key, title text unique, author text, body text)`)
			must(t, db, `create table comments (id int primary key, post_id int default 1000 references posts on delete `+action+`, text text)`)
			must(t, db, `insert into posts select g, 'title ' || g, 'a', 'b' from generate_series(1, 10) g`)
			must(t, db, `insert into posts values (1000, 'default', 'a', 'b')`)
			must(t, db, `insert into comments select g, g % 10 + 1, 'c' from generate_series(1, 21) g`)
			for i := 1; i <= 10; i++ {
				refused(t, db, "23505", `insert into posts values ($1, $2, 'a', 'b')`, 2000+i, fmt.Sprintf("title %d", i))
			}
			refused(t, db, "23503", `insert into comments values (99, 555, 'orphan')`)
			if action == "restrict" || action == "no action" {
				refused(t, db, "23503", `delete from posts where id <= 10`)
				expect(t, "posts after "+action, count(t, db, `select count(*) from posts`), 11)
				expect(t, "comments after "+action, count(t, db, `select count(*) from comments`), 21)
				must(t, db, `delete from comments`)
			}
			must(t, db, `delete from posts where id <= 10`)
			expect(t, "posts", count(t, db, `select count(*) from posts`), 1)
			switch action {
			case "cascade":
				expect(t, "comments", count(t, db, `select count(*) from comments`), 0)
			case "set null":
				expect(t, "null comments", count(t, db, `select count(*) from comments where post_id is null`), 21)
			case "set default":
				expect(t, "moved comments", count(t, db, `select count(*) from comments where post_id = 1000`), 21)
			}
		}
	})
}

// Scenario 4: SET NULL and a concurrent re-pointing; SET NULL onto NOT NULL.
func TestSetNullKeepsARepointedChild(t *testing.T) {
	onGroups(t, func(t *testing.T, db *pgxpool.Pool) {
		must(t, db, `create table p (id int primary key)`)
		must(t, db, `create table c (id int primary key, p int references p on delete set null)`)
		must(t, db, `create table nn (id int primary key, p int not null references p on delete set null)`)
		for i := 0; i < 20; i++ {
			a, b := i*2+1, i*2+2
			must(t, db, `insert into p values ($1), ($2)`, a, b)
			must(t, db, `insert into c values ($1, $2)`, i, a)
			tx, err := db.Begin(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(ctx, `update c set p = $2 where id = $1`, i, b); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { _, err := db.Exec(ctx, `delete from p where id = $1`, a); done <- err }()
			if err := tx.Commit(ctx); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			expect(t, "re-pointed child's parent", count(t, db, `select coalesce(p, -1) from c where id = $1`, i), b)
		}
		must(t, db, `insert into p values (777)`)
		must(t, db, `insert into nn values (1, 777)`)
		refused(t, db, "23502", `delete from p where id = 777`)
		expect(t, "parent after the refused delete", count(t, db, `select count(*) from p where id = 777`), 1)
	})
}

// Scenario 5: many levels, all or nothing.
func TestCascadeIsAtomicOverLevels(t *testing.T) {
	onGroups(t, func(t *testing.T, db *pgxpool.Pool) {
		must(t, db, `create table usr (id int primary key)`)
		must(t, db, `create table post (id int primary key, u int references usr on delete cascade)`)
		must(t, db, `create table com (id int primary key, p int references post on delete cascade)`)
		must(t, db, `create table pin (id int primary key, c int references com on delete restrict)`)
		must(t, db, `insert into usr values (1), (2)`)
		must(t, db, `insert into post values (1, 1), (2, 1), (3, 2)`)
		must(t, db, `insert into com values (1, 1), (2, 1), (3, 2), (4, 3)`)
		must(t, db, `insert into pin values (1, 3)`)
		refused(t, db, "23503", `delete from usr where id = 1`)
		expect(t, "posts", count(t, db, `select count(*) from post`), 3)
		expect(t, "comments", count(t, db, `select count(*) from com`), 4)
		must(t, db, `delete from pin`)
		stop := make(chan struct{})
		var torn atomic.Int64
		var wg sync.WaitGroup
		for range 4 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for {
					select {
					case <-stop:
						return
					default:
					}
					var u, p, c int
					err := db.QueryRow(ctx, `select (select count(*) from usr where id = 1), (select count(*) from post where u = 1),
						(select count(*) from com where p in (1, 2))`).Scan(&u, &p, &c)
					if err == nil && !(u == 1 && p == 2 && c == 3 || u == 0 && p == 0 && c == 0) {
						torn.Add(1)
						t.Errorf("a state between: %d users, %d posts, %d comments", u, p, c)
						return
					}
				}
			}()
		}
		must(t, db, `delete from usr where id = 1`)
		close(stop)
		wg.Wait()
		expect(t, "posts left", count(t, db, `select count(*) from post`), 1)
		expect(t, "comments left", count(t, db, `select count(*) from com`), 1)
	})
}

// Scenario 6: INSERT child against DELETE parent, first attempts only: no orphan, and no error but 23503 and 40P01.
func TestForeignKeyRace(t *testing.T) {
	n := 400
	if long() {
		n = 10000
	}
	onGroups(t, func(t *testing.T, db *pgxpool.Pool) {
		must(t, db, `create table p (id int primary key)`)
		must(t, db, `create table c (id int primary key, p int not null references p)`)
		must(t, db, `create table cc (id int primary key, p int not null references p on delete cascade)`)
		for i := 0; i < n; i++ {
			table := []string{"c", "cc"}[i%2]
			must(t, db, `insert into p values ($1)`, i)
			var wg sync.WaitGroup
			errs := make([]error, 2)
			wg.Add(2)
			go func() {
				defer wg.Done()
				_, errs[0] = db.Exec(ctx, `insert into `+table+` values ($1, $1)`, i)
			}()
			go func() { defer wg.Done(); _, errs[1] = db.Exec(ctx, `delete from p where id = $1`, i) }()
			wg.Wait()
			for _, err := range errs {
				if err != nil && code(err) != "23503" && code(err) != "40P01" {
					t.Fatalf("round %d: %v", i, err)
				}
			}
		}
		for _, table := range []string{"c", "cc"} {
			expect(t, "orphans in "+table, count(t, db, `select count(*) from `+table+` where not exists (select 1 from p where p.id = `+table+`.p)`), 0)
		}
	})
}

// Scenario 7: one value, 64 clients: one row. Distinct values: no false conflict.
func TestUniqueContention(t *testing.T) {
	const clients, each = 64, 100
	onGroups(t, func(t *testing.T, db *pgxpool.Pool) {
		must(t, db, `create table u (id bigserial primary key, v text unique)`)
		var won, lost atomic.Int64
		var wg sync.WaitGroup
		for range clients {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for range each {
					switch _, err := db.Exec(ctx, `insert into u (v) values ('the one')`); code(err) {
					case "":
						won.Add(1)
					case "23505":
						lost.Add(1)
					default:
						t.Errorf("unexpected: %v", err)
						return
					}
				}
			}()
		}
		wg.Wait()
		expect(t, "successes", int(won.Load()), 1)
		expect(t, "refusals", int(lost.Load()), clients*each-1)
		expect(t, "rows", count(t, db, `select count(*) from u`), 1)
		for i := range 200 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				if _, err := db.Exec(ctx, `insert into u (v) values ($1)`, fmt.Sprint("v", i)); err != nil {
					t.Errorf("distinct value %d: %v", i, err)
				}
			}()
		}
		wg.Wait()
		expect(t, "rows", count(t, db, `select count(*) from u`), 201)
	})
}

// Scenario 8: a unique value's life.
func TestUniqueLifeCycle(t *testing.T) {
	onGroups(t, func(t *testing.T, db *pgxpool.Pool) {
		must(t, db, `create table p (id int primary key)`)
		must(t, db, `create table u (id int primary key, v text unique, p int references p on delete cascade)`)
		must(t, db, `insert into p values (1), (2)`)
		for round := 0; round < 10; round++ {
			must(t, db, `insert into u values (1, 'a', 1), (2, 'b', 2)`)
			refused(t, db, "23505", `update u set v = 'a' where id = 2`)
			must(t, db, `update u set v = 'c' where id = 1`)
			must(t, db, `update u set v = 'a' where id = 2`)
			must(t, db, `insert into u values (3, 'b', 1)`)
			must(t, db, `delete from u where id = 3`)
			must(t, db, `insert into u values (4, 'b', 1)`)
			must(t, db, `delete from p where id = 1`)
			must(t, db, `insert into u values (5, 'b', 2), (6, 'c', 2)`)
			must(t, db, `delete from u`)
			must(t, db, `insert into p values (1)`)
		}
	})
}

// Lost update and read skew under REPEATABLE READ, write skew and phantoms under SERIALIZABLE, across groups.
func TestAnomaliesAreRefused(t *testing.T) {
	onGroups(t, func(t *testing.T, db *pgxpool.Pool) {
		must(t, db, `create table k (id int primary key, v int)`)
		must(t, db, `insert into k select g, 0 from generate_series(1, 40) g`)
		begin := func(level pgx.TxIsoLevel) pgx.Tx {
			tx, err := db.BeginTx(ctx, pgx.TxOptions{IsoLevel: level})
			if err != nil {
				t.Fatal(err)
			}
			return tx
		}
		read := func(tx pgx.Tx, sql string, args ...any) (n int) {
			t.Helper()
			if err := tx.QueryRow(ctx, sql, args...).Scan(&n); err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
			return n
		}
		rnd := rand.New(rand.NewSource(1))
		for round := 0; round < 10; round++ {
			a, b := rnd.Intn(20)+1, rnd.Intn(20)+21
			// Lost update.
			t1, t2 := begin(pgx.RepeatableRead), begin(pgx.RepeatableRead)
			read(t1, `select v from k where id = $1`, a)
			read(t2, `select v from k where id = $1`, a)
			if _, err := t1.Exec(ctx, `update k set v = v + 1 where id = $1`, a); err != nil {
				t.Fatal(err)
			}
			if err := t1.Commit(ctx); err != nil {
				t.Fatal(err)
			}
			_, err := t2.Exec(ctx, `update k set v = v + 1 where id = $1`, a)
			if code(err) != "40001" {
				t.Errorf("lost update: %v", err)
			}
			_ = t2.Rollback(ctx)
			// Read skew.
			t1 = begin(pgx.RepeatableRead)
			before := read(t1, `select v from k where id = $1`, a)
			must(t, db, `update k set v = v + 10 where id in ($1, $2)`, a, b)
			sum := read(t1, `select sum(v) from k where id in ($1, $2)`, a, b)
			if again := read(t1, `select v from k where id = $1`, a); again != before || sum > before+1000000 {
				t.Errorf("read skew: %d then %d", before, again)
			}
			_ = t1.Rollback(ctx)
			// Write skew.
			t1, t2 = begin(pgx.Serializable), begin(pgx.Serializable)
			read(t1, `select sum(v) from k where id in ($1, $2)`, a, b)
			read(t2, `select sum(v) from k where id in ($1, $2)`, a, b)
			_, e1 := t1.Exec(ctx, `update k set v = v - 1 where id = $1`, a)
			_, e2 := t2.Exec(ctx, `update k set v = v - 1 where id = $1`, b)
			if e1 == nil {
				e1 = t1.Commit(ctx)
			}
			if e2 == nil {
				e2 = t2.Commit(ctx)
			}
			if e1 == nil && e2 == nil {
				t.Errorf("write skew: both committed")
			}
			_ = t1.Rollback(ctx)
			_ = t2.Rollback(ctx)
			// Phantom.
			t1, t2 = begin(pgx.Serializable), begin(pgx.Serializable)
			read(t1, `select count(*) from k where v = 500`)
			read(t2, `select count(*) from k where v = 500`)
			_, e1 = t1.Exec(ctx, `insert into k values ($1, 500)`, 1000+round*2)
			_, e2 = t2.Exec(ctx, `insert into k values ($1, 500)`, 1001+round*2)
			if e1 == nil {
				e1 = t1.Commit(ctx)
			}
			if e2 == nil {
				e2 = t2.Commit(ctx)
			}
			if e1 == nil && e2 == nil {
				t.Errorf("phantom: both committed")
			}
			_ = t1.Rollback(ctx)
			_ = t2.Rollback(ctx)
			must(t, db, `delete from k where v = 500`)
		}
	})
}

// Scenario 9, its restart half: after a full restart every constraint is enforced, and an ADD over violating rows fails as
// PostgreSQL words it and leaves nothing.
func TestConstraintsSurviveARestart(t *testing.T) {
	s, err := testenv.StartPgmqdb(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	open := func() *pgxpool.Pool {
		db, err := pgxpool.New(ctx, s.URL())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(db.Close)
		return db
	}
	db := open()
	must(t, db, `create table p (id int primary key, v text unique, n int check (n > 0))`)
	must(t, db, `create table c (id serial primary key, p int references p on delete cascade, q int references p on delete restrict)`)
	must(t, db, `insert into p select g, 'v' || g, g from generate_series(1, 50) g`)
	must(t, db, `insert into c (p, q) select g, 50 from generate_series(1, 49) g`)
	for round, stop := range []func(){func() { _ = s.Stop() }, s.Kill} {
		stop()
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		db = open()
		refused(t, db, "23505", `insert into p values (100, 'v7', 1)`)
		refused(t, db, "23505", `insert into p values (7, 'new', 1)`)
		refused(t, db, "23514", `insert into p values (100, 'new', 0)`)
		refused(t, db, "23503", `insert into c (p) values (999)`)
		refused(t, db, "23503", `delete from p where id = 50`)
		must(t, db, `delete from p where id = $1`, round+1)
		expect(t, "children", count(t, db, `select count(*) from c`), 48-round)
		must(t, db, `insert into c (id, p, q) values (900, 10, 10)`)
		_, err := db.Exec(ctx, `alter table c add constraint bad foreign key (id) references p`)
		if code(err) != "23503" {
			t.Errorf("ADD FOREIGN KEY over violating rows: %v", err)
		}
		_, err = db.Exec(ctx, `alter table c add constraint bad unique (q)`)
		var pe *pgconn.PgError
		if !errors.As(err, &pe) || pe.Code != "23505" || pe.Message != `could not create unique index "bad"` {
			t.Errorf("ADD UNIQUE over violating rows: %v", err)
		}
		expect(t, "leftovers", count(t, db, `select count(*) from pg_constraint where conname = 'bad'`)+
			count(t, db, `select count(*) from pg_class where relname = 'bad'`), 0)
		must(t, db, `insert into c (p, q) values (10, 10), (10, 10)`)
		must(t, db, `delete from c where q = 10`)
	}
}

// The read-only anomaly: a read-only transaction must not see a state that no serial order explains.
func TestReadOnlyAnomaly(t *testing.T) {
	onGroups(t, func(t *testing.T, db *pgxpool.Pool) {
		must(t, db, `create table acct (id text primary key, v int)`)
		must(t, db, `insert into acct values ('x', 0), ('y', 0)`)
		begin := func() pgx.Tx {
			tx, err := db.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.Serializable})
			if err != nil {
				t.Fatal(err)
			}
			return tx
		}
		both := func(tx pgx.Tx) (x, y int, err error) {
			if err = tx.QueryRow(ctx, `select v from acct where id = 'x'`).Scan(&x); err == nil {
				err = tx.QueryRow(ctx, `select v from acct where id = 'y'`).Scan(&y)
			}
			return x, y, err
		}
		// T2 reads both, T1 deposits 20 into y and commits, T3 reads both, T2 withdraws 11 from x with a fee since it saw 0+0.
		t2 := begin()
		if _, _, err := both(t2); err != nil {
			t.Fatal(err)
		}
		t1 := begin()
		if _, err := t1.Exec(ctx, `update acct set v = v + 20 where id = 'y'`); err != nil {
			t.Fatal(err)
		}
		if err := t1.Commit(ctx); err != nil {
			t.Fatal(err)
		}
		t3 := begin()
		x, y, err := both(t3)
		if err != nil {
			t.Fatal(err)
		}
		err3 := t3.Commit(ctx)
		_, err2 := t2.Exec(ctx, `update acct set v = v - 11 where id = 'x'`)
		if err2 == nil {
			err2 = t2.Commit(ctx)
		}
		if err2 == nil && err3 == nil && x == 0 && y == 20 {
			t.Error("T3 saw T1 without T2, and T2 committed as if before T1")
		}
	})
}
