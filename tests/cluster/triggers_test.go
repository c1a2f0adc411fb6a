package cluster

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// suppress is a trigger by which an UPDATE that changes nothing counts no row: whether it fires shows at the command tag.
const suppress = "before update on t for each row execute function suppress_redundant_updates_trigger()"

// updated runs an UPDATE that changes nothing and returns how many rows it counted.
func (c *cluster) updated(node int) int64 {
	c.t.Helper()
	var n int64
	c.until(30*time.Second, func(ctx context.Context) error {
		tag, err := c.dbs[node].Exec(ctx, "update t set b = b where a = $1", node+1)
		n = tag.RowsAffected()
		return err
	})
	return n
}

// A trigger that was created, dropped, enabled or disabled on one node fires, or does not, for the very next statement on
// every other, prepared ones included.
func TestTriggersFireThroughEveryNode(t *testing.T) {
	c := start(t, 3)
	c.must(0, `create table t (a int primary key, b int); insert into t select g, g from generate_series(1, 30) g`)
	everywhere := func(what string, want int64) {
		t.Helper()
		for i := range c.Nodes {
			if got := c.updated(i); got != want {
				t.Fatalf("node %d after %s: %d rows updated, want %d", i+1, what, got, want)
			}
		}
	}
	for round := range rounds(5, 50) {
		node := func(k int) int { return (round + k) % len(c.Nodes) }
		c.must(node(0), "create trigger z "+suppress)
		everywhere("CREATE TRIGGER", 0)
		c.must(node(1), "alter table t disable trigger z")
		everywhere("DISABLE TRIGGER", 1)
		c.must(node(2), "alter table t enable always trigger z")
		everywhere("ENABLE TRIGGER", 0)
		c.must(node(1), "drop trigger z on t")
		everywhere("DROP TRIGGER", 1)
	}
	c.must(0, "create trigger z "+suppress)
	c.kill(1)
	c.restart(1)
	everywhere("a restart", 0)
	victim := c.leader(0, catalogGroup)
	c.kill(victim)
	for i := range c.Nodes {
		if i != victim {
			if got := c.updated(i); got != 0 {
				t.Fatalf("node %d after a failover: %d rows updated, want none", i+1, got)
			}
		}
	}
}

// While a trigger comes and goes, no statement that begins after the acknowledgement of a change is without it.
func TestTriggersUnderConcurrency(t *testing.T) {
	c := start(t, 3)
	c.must(0, `create table t (a int primary key, b int); insert into t select g, g from generate_series(1, 30) g; create trigger z `+suppress+`; alter table t disable trigger z`)
	for round := range rounds(5, 50) {
		var enabled, stop atomic.Bool
		done := make(chan string, len(c.Nodes))
		for i, s := range c.Nodes {
			go func() {
				conn, err := pgx.Connect(ctx, s.URL())
				if err != nil {
					done <- err.Error()
					return
				}
				defer conn.Close(ctx)
				for !stop.Load() {
					late := enabled.Load() // before the statement begins
					tag, err := conn.Exec(ctx, "update t set b = b where a = $1", i+1)
					if err != nil || late && tag.RowsAffected() != 0 {
						done <- fmt.Sprintf("%s: %d rows, %v", s.Name, tag.RowsAffected(), err)
						return
					}
				}
				done <- ""
			}()
		}
		time.Sleep(20 * time.Millisecond)
		c.must(round%len(c.Nodes), "alter table t enable trigger z")
		enabled.Store(true)
		time.Sleep(50 * time.Millisecond)
		stop.Store(true)
		for range c.Nodes {
			if bad := <-done; bad != "" {
				t.Fatalf("round %d: a statement passed an enabled trigger: %s", round, bad)
			}
		}
		c.must((round+1)%len(c.Nodes), "alter table t disable trigger z")
	}
}
