package scenario

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

// An UPDATE with the xmin that its client read waits for the one before it, and finds that the row is another version now. An
// xmin that RETURNING gave is the one that the row has after the commit.
func TestXminIsJudgedAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, url string) {
		watch, a, b := connect(t, url), connect(t, url), connect(t, url)
		run(t, a, "create table t (id int primary key, v text); insert into t values (1, 'first')")
		xmin := func(c *pgx.Conn, sql string) (x string) {
			t.Helper()
			if err := c.QueryRow(ctx, sql).Scan(&x); err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
			return x
		}
		read := xmin(b, "select xmin::text from t")
		for _, change := range []string{"update t set v = 'second' where id = 1", "insert into t values (1, 'x') on conflict (id) do update set v = 'third'"} {
			run(t, a, "begin")
			returned := xmin(a, change+" returning xmin::text")
			done := make(chan int64)
			go func() {
				tag, err := b.Exec(ctx, "update t set v = 'stale' where id = 1 and xmin = $1::xid", read)
				if err != nil {
					t.Error(err)
				}
				done <- tag.RowsAffected()
			}()
			blocked(t, watch, b, a)
			run(t, a, "commit")
			if n := <-done; n != 0 {
				t.Fatalf("after %s: a stale version was updated", change)
			}
			if read = xmin(b, "select xmin::text from t"); read != returned {
				t.Fatalf("%s returned xmin %s, and the row has %s", change, returned, read)
			}
		}
		if tag, err := b.Exec(ctx, "delete from t where xmin = $1::xid", read); err != nil || tag.RowsAffected() != 1 {
			t.Fatalf("deleting the version that was read: %v %v", tag, err)
		}
	})
}
