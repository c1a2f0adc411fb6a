package large

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

// row is a row of the table as COPY and VALUES write it.
func row(i int, format string) string {
	return fmt.Sprintf(format, i, -i, i%parents, i)
}

func insertSelect(t *testing.T, c *pgx.Conn, rows int) {
	t.Helper()
	must(t, c, `INSERT INTO big SELECT g, -g, g % $1::int, 'body of row ' || g FROM generate_series(1, $2::int) g`, parents, rows)
}

func copyIn(t *testing.T, c *pgx.Conn, rows int) {
	t.Helper()
	r, w := io.Pipe()
	go func() {
		b := bufio.NewWriter(w)
		for i := 1; i <= rows; i++ {
			_, _ = b.WriteString(row(i, "%d\t%d\t%d\tbody of row %d\n"))
		}
		_ = b.Flush()
		w.Close()
	}()
	if _, err := c.PgConn().CopyFrom(ctx, r, "COPY big FROM STDIN"); err != nil {
		t.Fatal(err)
	}
}

// TestOneTransactionOfManyRows rolls a transaction far larger than any buffer back, and commits another one.
func TestOneTransactionOfManyRows(t *testing.T) {
	z := sizes(t)
	for name, fill := range map[string]func(*testing.T, *pgx.Conn, int){"INSERT SELECT": insertSelect, "COPY": copyIn} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			c := connect(t, s)
			m := watch(t, s, z.extraMB)
			for _, end := range []string{"ROLLBACK", "COMMIT"} {
				m.within(t, name+" and "+end, func() {
					must(t, c, "BEGIN")
					fill(t, c, z.rows)
					if n := count(t, c); n != z.rows {
						t.Errorf("the transaction sees %d of its %d rows", n, z.rows)
					}
					must(t, c, end)
					want := 0
					if end == "COMMIT" {
						want = z.rows
					}
					if n := count(t, c); n != want {
						t.Errorf("%d rows after %s, want %d", n, end, want)
					}
				})
			}
			enforced(t, c, z.rows)
		})
	}
}

// enforced checks the table's constraints against rows of the large transaction.
func enforced(t *testing.T, c *pgx.Conn, rows int) {
	t.Helper()
	for sql, want := range map[string]string{
		fmt.Sprintf("INSERT INTO big VALUES (%d, 0, 0)", rows):                     "23505",
		fmt.Sprintf("INSERT INTO big VALUES (0, %d, 0)", -rows/2):                  "23505",
		fmt.Sprintf("INSERT INTO big VALUES (0, 0, %d)", parents):                  "23503",
		fmt.Sprintf("UPDATE big SET parent = -1 WHERE id = %d", rows/3):            "23503",
		fmt.Sprintf("UPDATE big SET code = -1 WHERE id = %d AND code <> -1", rows): "23505",
	} {
		if _, err := c.Exec(ctx, sql); code(err) != want {
			t.Errorf("%s: %v, want %s", sql, err, want)
		}
	}
	must(t, c, "DELETE FROM parents WHERE id = 7")
	gone := rows / parents
	if n := count(t, c); n != rows-gone {
		t.Errorf("%d rows after a cascade, want %d", n, rows-gone)
	}
}

// TestAScriptOfManyInserts runs psql over a script of single-row INSERTs between BEGIN and COMMIT.
func TestAScriptOfManyInserts(t *testing.T) {
	z := sizes(t)
	s := start(t)
	c := connect(t, s)
	m := watch(t, s, z.extraMB)
	var b strings.Builder
	for i := 1; i <= z.inserts; i++ {
		b.WriteString(row(i, "INSERT INTO big VALUES (%d, %d, %d, 'body of row %d');\n"))
	}
	for _, end := range []string{"ROLLBACK", "COMMIT"} {
		m.within(t, fmt.Sprintf("a script of %d INSERTs and %s", z.inserts, end), func() {
			if out, err := s.PSQL(ctx, "BEGIN;\n"+b.String()+end+";\n", "-q", "-v", "ON_ERROR_STOP=1"); err != nil || out != "" {
				t.Fatalf("%v\n%.500s", err, out)
			}
			want := 0
			if end == "COMMIT" {
				want = z.inserts
			}
			if n := count(t, c); n != want {
				t.Errorf("%d rows after %s, want %d", n, end, want)
			}
		})
	}
	enforced(t, c, z.inserts)
}

// TestKillInTheMiddle: of a transaction that a kill -9 cut off, whatever had gone ahead to the log, nothing is left.
func TestKillInTheMiddle(t *testing.T) {
	z := sizes(t)
	s := start(t)
	for _, after := range []time.Duration{200 * time.Millisecond, 700 * time.Millisecond} {
		c, err := pgx.Connect(ctx, s.URL())
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			_, err := c.Exec(ctx, fmt.Sprintf(`BEGIN; INSERT INTO big SELECT g, -g, g %% %d, 'body of row ' || g FROM generate_series(1, %d) g`,
				parents, z.rows))
			done <- err
		}()
		time.Sleep(after)
		s.Kill() // the transaction is open, or its INSERT is under way
		<-done
		restarted(t, s)
	}
}

func restarted(t *testing.T, s *testenv.Server) {
	t.Helper()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	c := connect(t, s)
	if n := count(t, c); n != 0 {
		t.Errorf("%d rows are left of a transaction that never committed", n)
	}
	// Nor do its locks or its unique entries stand in the way.
	must(t, c, "SET lock_timeout = '5s'")
	must(t, c, "INSERT INTO big VALUES (1, -1, 1)")
	must(t, c, "DELETE FROM big")
	if n := count(t, c); n != 0 {
		t.Errorf("%d rows", n)
	}
}
