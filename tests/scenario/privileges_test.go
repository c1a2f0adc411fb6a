package scenario

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// A role to which something is being granted in an open transaction is dropped only when that transaction has ended, and not
// at all when it has committed.
func TestARoleIsNotDroppedWhileItIsGranted(t *testing.T) {
	onGroups(t, func(t *testing.T, db *pgxpool.Pool) {
		must(t, db, "create table granted (a int)")
		for _, sql := range []string{"grant select on granted to fleeting", "grant insert (a) on granted to fleeting",
			"alter table granted owner to fleeting", "create schema fleeting authorization fleeting",
			"alter default privileges grant select on tables to fleeting"} {
			must(t, db, "create role fleeting")
			tx, err := db.Begin(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(ctx, sql); err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
			dropped := make(chan error, 1)
			go func() {
				_, err := db.Exec(ctx, "drop role fleeting")
				dropped <- err
			}()
			select {
			case err := <-dropped:
				t.Fatalf("%s: the role was dropped meanwhile: %v", sql, err)
			case <-time.After(150 * time.Millisecond):
			}
			if err := tx.Commit(ctx); err != nil {
				t.Fatal(err)
			}
			if err := <-dropped; code(err) != "2BP01" {
				t.Errorf("%s: then DROP ROLE: %v", sql, err)
			}
			must(t, db, "reassign owned by fleeting to postgres; drop owned by fleeting; drop role fleeting")
		}
		must(t, db, "drop schema fleeting; drop table granted")
	})
}
