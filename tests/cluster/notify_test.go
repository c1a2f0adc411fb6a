package cluster

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// listener is a session that listens.
func (c *cluster) listener(node int, channels ...string) *pgx.Conn {
	c.t.Helper()
	conn, err := pgx.Connect(context.Background(), c.Nodes[node].URL())
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	for _, ch := range channels {
		if _, err := conn.Exec(context.Background(), "listen "+ch); err != nil {
			c.t.Fatal(err)
		}
	}
	return conn
}

// heard returns the next n notifications, as channel:payload.
func (c *cluster) heard(conn *pgx.Conn, n int) (out []string) {
	c.t.Helper()
	for range n {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		note, err := conn.WaitForNotification(ctx)
		cancel()
		if err != nil {
			c.t.Fatalf("after %v: %v", out, err)
		}
		out = append(out, note.Channel+":"+note.Payload)
	}
	return out
}

// TestNotificationsReachAllNodes checks that what is notified on one node comes to the listeners of all, once, in order, and
// only if it was committed.
func TestNotificationsReachAllNodes(t *testing.T) {
	c := start(t, 3)
	var all []*pgx.Conn
	for node := range 3 {
		all = append(all, c.listener(node, "one", "two"))
	}
	sender := c.listener(0, "one")
	run := func(sql string) {
		t.Helper()
		if _, err := sender.Exec(context.Background(), sql); err != nil {
			t.Fatal(err)
		}
	}
	run("begin; notify one, 'rolled back'; rollback")
	run("begin; notify one, 'a'; savepoint s; notify one, 'lost'; notify two, 'lost'; rollback to s; notify one, 'a'; select pg_notify('two', 'b'); notify one, 'lost'; commit")
	want := []string{"one:a", "two:b", "one:lost"}
	for i, conn := range all {
		if got := c.heard(conn, 3); !slices.Equal(got, want) {
			t.Errorf("a listener of node %d heard %v, not %v", i+1, got, want)
		}
	}
	if got := c.heard(sender, 2); !slices.Equal(got, []string{"one:a", "one:lost"}) {
		t.Errorf("the sender heard %v", got)
	}
	const many = 300
	want = nil
	for i := range many {
		run(fmt.Sprintf("notify two, '%d'", i))
		want = append(want, fmt.Sprintf("two:%d", i))
	}
	for i, conn := range all {
		if got := c.heard(conn, many); !slices.Equal(got, want) {
			t.Errorf("a listener of node %d heard another order: %v", i+1, got)
		}
	}
	// A listener in a transaction hears when it is over; one that listens no more hears nothing.
	third := all[2]
	for _, sql := range []string{"unlisten two", "begin", "select 1"} {
		if _, err := third.Exec(context.Background(), sql); err != nil {
			t.Fatal(err)
		}
	}
	run("notify two, 'unheard'")
	run("notify one, 'heard'")
	c.heard(all[1], 2)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	_, err := third.WaitForNotification(ctx)
	cancel()
	if err == nil {
		t.Error("a notification came within a transaction")
	}
}
