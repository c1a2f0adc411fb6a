package cluster

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// A REVOKE that was acknowledged on one node holds on every other: no statement that begins later is let through, not even
// one that was prepared and ran before. A GRANT is as quick.
func TestPrivilegesHoldOnEveryNode(t *testing.T) {
	c := start(t, 3)
	c.must(0, `create table t (a int primary key, b int); insert into t select g, g from generate_series(1, 30) g; create role app login`)
	conns := make([]*pgx.Conn, len(c.Nodes))
	for i, s := range c.Nodes {
		conn, err := pgx.Connect(ctx, strings.Replace(s.URL(), "postgres:@", "app:@", 1))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(ctx)
		for name, sql := range map[string]string{"read": "select b from t where a = $1", "write": "update t set b = b + 1 where a = $1"} {
			if _, err := conn.Prepare(ctx, name, sql); err != nil {
				t.Fatal(err)
			}
		}
		conns[i] = conn
	}
	run := func(node int, name string) error {
		_, err := conns[node].Exec(ctx, name, node+1)
		return err
	}
	for round := range rounds(5, 50) {
		from := round % len(c.Nodes)
		c.must(from, "grant select, update on t to app")
		for i := range conns {
			for _, name := range []string{"read", "write"} {
				if err := run(i, name); err != nil {
					t.Fatalf("round %d, node %d, %s after GRANT on node %d: %v", round, i+1, name, from+1, err)
				}
			}
		}
		var revoked, stop atomic.Bool
		done := make(chan string, len(conns))
		for i := range conns {
			go func() {
				for !stop.Load() {
					late := revoked.Load() // before the statement begins
					if err := run(i, []string{"read", "write"}[i%2]); err == nil && late {
						done <- c.Nodes[i].Name
						return
					} else if err != nil && code(err) != "42501" {
						done <- err.Error()
						return
					}
				}
				done <- ""
			}()
		}
		c.must((from+1)%len(c.Nodes), "revoke all on t from app")
		revoked.Store(true)
		time.Sleep(50 * time.Millisecond)
		stop.Store(true)
		for range conns {
			if bad := <-done; bad != "" {
				t.Fatalf("round %d: a statement went through after REVOKE: %s", round, bad)
			}
		}
	}
}
