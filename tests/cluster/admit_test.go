package cluster

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// A schema change is acknowledged when no node plans without it: one whose process is stopped has to lose its right to plan
// first, and then, going on, does not answer by what it knew.
func TestAStoppedNodeIsWaitedOutBeforeASchemaChangeIsAcknowledged(t *testing.T) {
	c := start(t, 3)
	conn, err := pgx.Connect(ctx, c.Nodes[2].URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, `select 1`); err != nil {
		t.Fatal(err)
	}
	c.Nodes[2].Pause()
	stopped := time.Now()
	// The question is in the stopped node's socket before the table is there.
	answer := make(chan error, 1)
	go func() {
		time.Sleep(100 * time.Millisecond)
		_, err := conn.Exec(ctx, `select count(*) from fresh`, pgx.QueryExecModeSimpleProtocol)
		answer <- err
	}()
	c.must(0, `create table fresh (id int primary key)`)
	// The node's right to plan is good for 3 s from its last heartbeat, and heartbeats come every 0.4 s.
	if took := time.Since(stopped); took < 2400*time.Millisecond {
		t.Errorf("acknowledged %v after a node was stopped that could still plan", took)
	}
	c.Nodes[2].Resume()
	if got := code(<-answer); got == "42P01" {
		t.Error("the node that was stopped answered by its old catalog")
	}
}
