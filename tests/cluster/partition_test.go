package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

// startApart runs a cluster whose nodes are in network namespaces of their own. It skips the test where there are none.
func startApart(t *testing.T, n int, args ...string) (*cluster, *testenv.Network) {
	t.Helper()
	abreast(t)
	network, err := testenv.NewNetwork()
	if errors.Is(err, testenv.ErrNoNetwork) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(network.Close) // after the nodes were killed
	limit, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	c, err := testenv.StartClusterIn(limit, network, t.TempDir(), n, args...)
	if err != nil {
		t.Fatal(err)
	}
	return harness(t, c), network
}

// Partitions under load: a minority, the catalog's leader, one direction only, one link only, delay and loss. The majority
// goes on within seconds, the minority commits nothing and refuses with retryable errors, and after healing every node shows
// the same.
func TestPartitions(t *testing.T) {
	c, network := startApart(t, 3)
	rnd := rand.New(rand.NewSource(c.seed))
	c.must(0, holderDDL)
	c.must(0, `insert into holder values (1, 'taken', null)`)
	l := c.startLoad(2)
	time.Sleep(time.Second)
	cuts := []struct {
		name string
		cut  func(a, b, third int) // node ids; a is cut off, or is the worse off
		off  bool                  // a reaches nobody
	}{
		{"a node is cut off", func(a, _, _ int) { network.Isolate(a) }, true},
		{"a node hears nobody", func(a, b, third int) {
			network.Set(b, a, testenv.Link{Cut: true})
			network.Set(third, a, testenv.Link{Cut: true})
		}, true},
		{"nobody hears a node", func(a, b, third int) {
			network.Set(a, b, testenv.Link{Cut: true})
			network.Set(a, third, testenv.Link{Cut: true})
		}, true},
		{"one link is cut", func(a, b, _ int) { network.SetBoth(a, b, testenv.Link{Cut: true}) }, false},
		{"one link is cut in one direction", func(a, b, _ int) { network.Set(a, b, testenv.Link{Cut: true}) }, false},
		{"packets are late and lost", func(a, b, third int) {
			for _, x := range []int{b, third} {
				network.SetBoth(a, x, testenv.Link{Delay: 30 * time.Millisecond, Loss: 0.05})
			}
		}, false},
	}
	for round := range rounds(2, 18) {
		x := cuts[round%len(cuts)]
		if !long() {
			x = cuts[[]int{0, 3}[round]]
		}
		a := rnd.Intn(3)
		if round%2 == 0 {
			a = c.leader(rnd.Intn(3), catalogGroup)
		}
		b := (a + 1 + rnd.Intn(2)) % 3
		third := 3 - a - b
		t.Logf("%s: node %d (the other is node %d)", x.name, a+1, b+1)
		x.cut(a+1, b+1, third+1)
		// Through a node of the majority the next write has succeeded after:
		probe := c.eventually(third, `insert into holder values ($1, $2, null)`, 1000+round, fmt.Sprint("through the majority ", round))
		t.Logf("    a write through node %d took %v", third+1, probe.Round(time.Millisecond))
		if probe > 20*time.Second {
			t.Errorf("%s: %v passed until a write", x.name, probe)
		}
		if x.off {
			c.minorityIsHonest(a, round)
			t.Logf("    node %d was asked in vain until %s", a+1, time.Now().UTC().Format(time.StampMilli))
		}
		time.Sleep(time.Duration(rounds(500, 4000)) * time.Millisecond)
		network.Heal()
		healed := c.eventually(a, `insert into holder values ($1, $2, null)`, 2000+round, fmt.Sprint("healed ", round))
		t.Logf("    after healing a write through node %d took %v", a+1, healed.Round(time.Millisecond))
		c.settle(3)
		if l.failed() {
			break
		}
	}
	c.finish(l)
	c.judge(holderSchema)
}

// minorityIsHonest asks the node that is cut off for what it cannot know.
func (c *cluster) minorityIsHonest(node, round int) {
	for _, sql := range []string{
		`insert into holder values (%d, 'taken', null)`,
		`insert into holder values (%d, 'minority %[1]d', null)`,
		`insert into holder values (%d, 'orphan %[1]d', 555)`,
		`select count(*) from holder where id = %d`,
	} {
		limit, cancel := context.WithTimeout(ctx, 30*time.Second)
		conn, err := pgx.Connect(limit, c.Nodes[node].URL())
		if err == nil {
			_, err = conn.Exec(limit, fmt.Sprintf(sql, 3000+round))
			closeConn(conn)
		}
		cancel()
		if err == nil || !retryable(err) {
			c.t.Errorf("node %d, cut off: %s: %v, want a retryable error", node+1, fmt.Sprintf(sql, 3000+round), err)
		}
		if limit.Err() != nil && errors.Is(err, context.DeadlineExceeded) {
			c.t.Errorf("node %d, cut off: no answer within 30 s", node+1)
		}
	}
}
