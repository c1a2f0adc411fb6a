package cluster

import (
	"testing"
	"time"
)

// Scenario 13: a node joins, is drained, is removed, and another takes its place, while writes and cascades run.
func TestRebalanceUnderLoad(t *testing.T) {
	c := start(t, 3)
	l := c.startLoad(2)
	time.Sleep(500 * time.Millisecond)
	for round := range rounds(1, 3) {
		began := time.Now()
		c.join()
		node := len(c.dbs) - 1
		id := node + 1
		l.addNode(c.Nodes[node].URL())
		c.settle(3)
		t.Logf("node %d had its share %v after it was started", id, time.Since(began).Round(time.Millisecond))
		if n := c.count(0, `select count(*) from pgmqdb.shards where kind = 'data' and $1::int = any(replicas)`, id); n == 0 {
			t.Errorf("node %d received no shard", id)
		}
		if n := c.count(0, `select count(*) from pgmqdb.shards where leader = $1`, id); n == 0 {
			time.Sleep(5 * time.Second) // leases move last
			if n := c.count(0, `select count(*) from pgmqdb.shards where leader = $1`, id); n == 0 {
				t.Errorf("node %d leads no shard", id)
			}
		}
		if n := c.count(1, `select count(*) from pgmqdb.rebalance where to_node = $1 and state = 'done'`, id); n == 0 {
			t.Errorf("pgmqdb.rebalance shows no finished move to node %d", id)
		}
		c.must(round%3, `select pgmqdb.drain($1)`, id)
		c.expect(2, 0, `select count(*) from pgmqdb.shards where kind = 'data' and ($1::int = any(replicas) or leader = $1)`, id)
		// A drained node serves clients still.
		c.expect(node, accounts*balance, `select sum(amount)::int from account`)
		c.must((round+1)%3, `select pgmqdb.remove($1)`, id)
		c.expect(0, 0, `select count(*) from pgmqdb.nodes where node_id = $1 and state in ('live', 'draining')`, id)
		for deadline := time.Now().Add(20 * time.Second); c.Nodes[node].Running(); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Errorf("node %d was removed and does not stop:\n%s", id, c.Nodes[node].Log())
				c.kill(node)
			}
		}
		if err := c.Nodes[node].StartAsync(); err != nil {
			t.Fatal(err)
		}
		if err := c.Nodes[node].Await(5 * time.Second); err == nil {
			t.Errorf("node %d was removed and serves again", id)
		}
		c.kill(node)
	}
	// Another node takes its place.
	c.join()
	last := len(c.dbs) - 1
	l.addNode(c.Nodes[last].URL())
	c.settle(3)
	if n := c.count(1, `select count(*) from pgmqdb.rebalance where state = 'copying'`); n != 0 {
		t.Errorf("%d moves have not ended", n)
	}
	time.Sleep(500 * time.Millisecond)
	c.finish(l, 0, 1, 2, last)
}
