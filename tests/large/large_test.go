// Package large runs transactions far beyond what a gateway buffers through a real node, and holds its memory to a bound:
// what is too large for a prepare goes ahead to the log, so that nothing but the disk limits a transaction.
package large

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

var ctx = context.Background()

// The bounds on resident memory beyond the idle node's.
const (
	fullMB  = 500
	smallMB = 350
)

// size is how much a run does. The bound falls less than the rows do: what is beside them (buffers, deltas, the file's
// transaction, the collector's slack) does not shrink with them.
type size struct {
	rows, inserts int
	extraMB       int64
}

func sizes(t *testing.T) size {
	t.Helper()
	if os.Getenv("PGMQDB_LONG") != "" {
		return size{rows: 1_000_000, inserts: 130_000, extraMB: fullMB}
	}
	if testing.Short() {
		t.Skip("large transactions take a while")
	}
	return size{rows: 200_000, inserts: 20_000, extraMB: smallMB}
}

const parents = 1000

// start runs a node with a table whose every constraint costs an entry: a primary key, a unique key, a foreign key.
func start(t *testing.T) *testenv.Server {
	t.Helper()
	s, err := testenv.StartPgmqdb(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	c := connect(t, s)
	must(t, c, `CREATE TABLE parents (id int PRIMARY KEY)`)
	must(t, c, `CREATE TABLE big (id int PRIMARY KEY, code int UNIQUE, parent int NOT NULL REFERENCES parents ON DELETE CASCADE, body text)`)
	must(t, c, `INSERT INTO parents SELECT g FROM generate_series(0, $1::int - 1) g`, parents)
	return s
}

func connect(t *testing.T, s *testenv.Server) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		t.Fatalf("%v\n%s", err, s.Log())
	}
	t.Cleanup(func() { c.Close(ctx) })
	return c
}

func must(t *testing.T, c *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := c.Exec(ctx, sql, args...); err != nil {
		t.Fatalf("%.60s: %v", sql, err)
	}
}

func count(t *testing.T, c *pgx.Conn) (n int) {
	t.Helper()
	if err := c.QueryRow(ctx, `SELECT count(*) FROM big`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func code(err error) string {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		return pe.Code
	}
	return fmt.Sprint(err)
}

// status reads a field of /proc/PID/status, in KB.
func status(t *testing.T, s *testenv.Server, field string) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.PID()))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(b), "\n") {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no %s in the process's status", field)
	return 0
}

// memory watches a node's resident memory against what it was when the node was idle.
type memory struct {
	s       *testenv.Server
	limitMB int64
	idleKB  int64
}

func watch(t *testing.T, s *testenv.Server, limitMB int64) *memory {
	t.Helper()
	return &memory{s: s, limitMB: limitMB, idleKB: status(t, s, "VmRSS")}
}

// within runs f and fails when the node's resident memory was beyond the bound while it ran.
func (m *memory) within(t *testing.T, what string, f func()) {
	t.Helper()
	// The kernel keeps the greatest size; 5 makes it start anew.
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", m.s.PID()), []byte("5"), 0); err != nil {
		t.Logf("the peak counts from the node's start: %v", err)
	}
	begun := time.Now()
	f()
	took := time.Since(begun)
	extra := (status(t, m.s, "VmHWM") - m.idleKB) >> 10
	t.Logf("%s: %v, at most %d MB more than the %d MB of the idle node (now %d MB, %d of them files)", what,
		took.Round(time.Millisecond), extra, m.idleKB>>10, status(t, m.s, "VmRSS")>>10, status(t, m.s, "RssFile")>>10)
	if extra > m.limitMB {
		t.Errorf("%s took %d MB of memory, the bound is %d", what, extra, m.limitMB)
	}
}
