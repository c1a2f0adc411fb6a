package scenario

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A snapshot that is older than an index finds every row of its time, also those which the index has no entries for because
// they were deleted before it was filled; and it does so although plans with the index were cached meanwhile.
func TestSnapshotOlderThanAnIndex(t *testing.T) {
	onGroups(t, func(t *testing.T, db *pgxpool.Pool) {
		must(t, db, "create table t (id int primary key, a int, b int)")
		must(t, db, "create table u (id int primary key, a int)")
		must(t, db, "insert into t select g, g % 100, g from generate_series(1, 1000) g")
		must(t, db, "insert into u values (1, 7), (2, 8)")
		queries := []string{
			"select count(*), coalesce(sum(b), 0) from t where a = 7",
			"select count(*), coalesce(sum(t.b), 0) from u join t on t.a = u.a",
			"select count(*), coalesce(sum(b), 0) from t where b = 107",
			"select count(*), coalesce(sum(b), 0) from (select b from t where a >= 0 order by a limit 10) x",
		}
		read := func(q pgx.Tx) string {
			var out strings.Builder
			for _, sql := range queries {
				var n, sum int
				if err := q.QueryRow(ctx, sql).Scan(&n, &sum); err != nil {
					t.Fatalf("%s: %v", sql, err)
				}
				fmt.Fprintln(&out, sql, n, sum)
			}
			return out.String()
		}
		must(t, db, "create table other (id int)")
		for _, level := range []pgx.TxIsoLevel{pgx.RepeatableRead, pgx.Serializable} {
			begin := func() pgx.Tx {
				tx, err := db.BeginTx(ctx, pgx.TxOptions{IsoLevel: level})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = tx.Rollback(ctx) })
				if _, err := tx.Exec(ctx, "select * from other"); err != nil { // takes the snapshot
					t.Fatal(err)
				}
				return tx
			}
			first, old := begin(), begin()
			before := read(first)
			_ = first.Rollback(ctx)
			must(t, db, "delete from t where id % 10 = 7")
			must(t, db, "create index ta on t (a)")
			must(t, db, "create unique index tb on t (b)")
			rows, _ := db.Query(ctx, "explain "+queries[0])
			lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if err != nil || !strings.Contains(strings.Join(lines, " "), "using ta") {
				t.Fatalf("the plan does not use the index, so that this proves nothing: %v %v", lines, err)
			}
			fresh := begin()
			after := read(fresh) // puts the plans into the cache
			_ = fresh.Rollback(ctx)
			if after == before {
				t.Error("a fresh snapshot sees nothing of the deletions")
			}
			for range 2 {
				if again := read(old); again != before {
					t.Errorf("%s: the old snapshot should read\n%sand reads\n%s", level, before, again)
				}
			}
			_ = old.Rollback(ctx)
			must(t, db, "drop index ta, tb; insert into t select g, g % 100, g from generate_series(1, 1000) g on conflict do nothing")
		}
	})
}
