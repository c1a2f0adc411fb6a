package scenario

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

// onBoth runs a scenario on PostgreSQL, which shows that its expectations are PostgreSQL's, and on a node.
func onBoth(t *testing.T, f func(t *testing.T, url string)) {
	start := map[string]func(string) (*testenv.Server, error){
		"PostgreSQL": func(dir string) (*testenv.Server, error) { return testenv.StartPostgres(dir, "deadlock_timeout=300ms") },
		"pgmqdb":     func(dir string) (*testenv.Server, error) { return testenv.StartPgmqdb(dir) },
	}
	for name, open := range start {
		t.Run(name, func(t *testing.T) {
			s, err := open(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Stop() })
			f(t, s.URL())
		})
	}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

func run(t *testing.T, c *pgx.Conn, sql string) {
	t.Helper()
	if _, err := c.Exec(ctx, sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func pid(c *pgx.Conn) int32 { return int32(c.PgConn().PID()) }

// blocked waits until pg_blocking_pids says that a blocks b.
func blocked(t *testing.T, watch *pgx.Conn, b, a *pgx.Conn) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		var by []int32
		if err := watch.QueryRow(ctx, "select pg_blocking_pids($1)", pid(b)).Scan(&by); err != nil {
			t.Fatal(err)
		}
		if slices.Contains(by, pid(a)) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("process %d is not blocked by %d but by %v", pid(b), pid(a), by)
		}
	}
}

var numbers = regexp.MustCompile(`(transaction|relation|database) \d+|\[\d+,`)

// detail replaces what differs from run to run.
func detail(d string, a, b *pgx.Conn) string {
	d = strings.NewReplacer(fmt.Sprint("process ", pid(a)), "process A", fmt.Sprint("process ", pid(b)), "process B",
		fmt.Sprint("Process ", pid(a)), "Process A", fmt.Sprint("Process ", pid(b)), "Process B").Replace(d)
	return numbers.ReplaceAllStringFunc(d, func(s string) string {
		if s[0] == '[' {
			return "[N,"
		}
		return strings.Fields(s)[0] + " N"
	})
}

// A deadlock is told with the processes, the modes and the objects, and ended by one victim.
func TestDeadlocksAreToldAsPostgreSQLTellsThem(t *testing.T) {
	cases := []struct{ name, a1, b1, a2, b2, want string }{
		{"rows", "update t set v = 1 where id = 1", "update t set v = 2 where id = 2", "update t set v = 1 where id = 2",
			"update t set v = 2 where id = 1", "Process B waits for ShareLock on transaction N; blocked by process A.\n" +
				"Process A waits for ShareLock on transaction N; blocked by process B."},
		{"tables", "lock t in exclusive mode", "lock u in exclusive mode", "lock u in access exclusive mode", "lock t in share mode",
			"Process B waits for ShareLock on relation N of database N; blocked by process A.\n" +
				"Process A waits for AccessExclusiveLock on relation N of database N; blocked by process B."},
		{"an advisory lock and a row", "select pg_advisory_lock(7)", "update t set v = 2 where id = 2",
			"update t set v = 1 where id = 2", "select pg_advisory_xact_lock(7)",
			"Process B waits for ExclusiveLock on advisory lock [N,0,7,1]; blocked by process A.\n" +
				"Process A waits for ShareLock on transaction N; blocked by process B."},
		{"a shared advisory lock and a row", "select pg_advisory_lock_shared(1, 9)", "update t set v = 3 where id = 1",
			"update t set v = 1 where id = 1", "select pg_advisory_lock(1, 9)",
			"Process B waits for ExclusiveLock on advisory lock [N,1,9,2]; blocked by process A.\n" +
				"Process A waits for ShareLock on transaction N; blocked by process B."},
	}
	onBoth(t, func(t *testing.T, url string) {
		watch := connect(t, url)
		run(t, watch, "create table t (id int primary key, v int); create table u (id int primary key)")
		run(t, watch, "insert into t values (1, 0), (2, 0)")
		for _, x := range cases {
			a, b := connect(t, url), connect(t, url)
			// A deadlock is found by whose deadlock_timeout ends first: A's does not.
			run(t, a, "begin")
			if strings.HasSuffix(t.Name(), "/PostgreSQL") {
				run(t, a, "set deadlock_timeout = '1min'")
			}
			run(t, b, "begin")
			run(t, a, x.a1)
			run(t, b, x.b1)
			done := make(chan error, 1)
			go func() {
				_, err := a.Exec(ctx, x.a2)
				done <- err
			}()
			blocked(t, watch, a, b)
			_, err := b.Exec(ctx, x.b2)
			var pe *pgconn.PgError
			if !errors.As(err, &pe) || pe.Code != "40P01" {
				t.Errorf("%s: want a deadlock, got %v", x.name, err)
			} else if got := detail(pe.Detail, a, b); got != x.want {
				t.Errorf("%s: detail\n%s\nwant\n%s", x.name, got, x.want)
			}
			run(t, b, "rollback")
			if err := <-done; err != nil {
				t.Errorf("%s: the other one: %v", x.name, err)
			}
			run(t, a, "rollback")
			a.Close(ctx)
			b.Close(ctx)
		}
	})
}

// Who waits, and for whom, is what isolation tests look at.
func TestBlockedSessionsAreShown(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		watch, a, b, c := connect(t, url), connect(t, url), connect(t, url), connect(t, url)
		run(t, watch, "create table t (id int primary key)")
		run(t, a, "begin; lock t in share mode")
		done := make(chan error, 2)
		go func() { _, err := b.Exec(ctx, "lock t in access exclusive mode"); done <- err }()
		blockedLock := func() (n int) {
			if err := watch.QueryRow(ctx, "select count(*) from pg_locks where not granted and locktype = 'relation' and pid = $1",
				pid(b)).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		// LOCK outside a block is refused; inside one it waits.
		if err := <-done; code(err) != "25P01" {
			t.Fatalf("LOCK outside a transaction block: %v", err)
		}
		go func() { _, err := b.Exec(ctx, "begin; lock t in access exclusive mode; commit"); done <- err }()
		blocked(t, watch, b, a)
		if blockedLock() != 1 {
			t.Error("pg_locks does not show the wait")
		}
		go func() { _, err := c.Exec(ctx, "insert into t values (1)"); done <- err }()
		blocked(t, watch, c, b)
		blocked(t, watch, c, a)
		var is bool
		if err := watch.QueryRow(ctx, "select pg_isolation_test_session_is_blocked($1, array[$2]::int[])", pid(c), pid(b)).Scan(&is); err != nil || !is {
			t.Errorf("pg_isolation_test_session_is_blocked: %v, %v", is, err)
		}
		run(t, a, "commit")
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}
