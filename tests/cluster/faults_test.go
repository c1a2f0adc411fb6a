package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

// faulty makes one fault at a time in a cluster under load.
type faulty struct {
	*cluster
	network *testenv.Network // nil: no partitions
	rnd     *rand.Rand
	counts  map[string]int
}

// Mixed faults under a mixed load: kill -9, SIGTERM, SIGSTOP, and where namespaces can be had partitions, delay and loss;
// now and then two nodes at once, and schema changes between. Some twenty seconds, or ten minutes in a long run.
func TestMixedFaults(t *testing.T) {
	f := &faulty{counts: map[string]int{}}
	network, err := testenv.NewNetwork()
	switch {
	case err == nil:
		network.Close()
		f.cluster, f.network = startApart(t, 3)
	case errors.Is(err, testenv.ErrNoNetwork):
		t.Logf("without partitions: %v", err)
		f.cluster = start(t, 3)
	default:
		t.Fatal(err)
	}
	f.rnd = rand.New(rand.NewSource(f.seed))
	l := f.startLoad(2)
	f.must(0, `create table changing (id int primary key, parent_id bigint references parent on delete cascade)`)
	length := 20 * time.Second
	if long() {
		length = 10 * time.Minute
	}
	for end := time.Now().Add(length); time.Now().Before(end) && !l.failed(); {
		f.fault(f.rnd.Intn(3))
		f.changeSchema()
		time.Sleep(time.Duration(200+f.rnd.Intn(1500)) * time.Millisecond)
	}
	t.Logf("faults: %v", f.counts)
	f.settle(3)
	f.finish(l)
	f.same(3, len(loadConstraints(f.cluster)))
}

// fault makes one, and undoes it.
func (f *faulty) fault(node int) {
	f.t.Helper()
	pause := func(most time.Duration) { time.Sleep(time.Duration(f.rnd.Int63n(int64(most)))) }
	cut := testenv.Link{Cut: true}
	other := (node + 1 + f.rnd.Intn(2)) % 3
	kinds := 5
	if f.network != nil {
		kinds = 10
	}
	var what string
	switch f.rnd.Intn(kinds) {
	case 0, 1:
		what = "kill -9"
		f.kill(node)
		pause(4 * time.Second)
		f.restart(node)
	case 2:
		what = "SIGTERM"
		if err := f.Nodes[node].Stop(); err != nil {
			f.t.Error(err)
		}
		pause(2 * time.Second)
		f.restart(node)
	case 3:
		what = "SIGSTOP"
		f.Nodes[node].Pause()
		pause(8 * time.Second)
		f.Nodes[node].Resume()
	case 4:
		what = "kill -9 of two"
		f.kill(node)
		f.kill(other)
		pause(time.Second)
		f.startTwo(node, other)
	case 5, 6:
		what = "cut off"
		f.network.Isolate(node + 1)
		pause(8 * time.Second)
	case 7:
		what = "one link cut"
		f.network.SetBoth(node+1, other+1, cut)
		pause(6 * time.Second)
	case 8:
		what = "one direction cut"
		f.network.Set(node+1, other+1, cut)
		if f.rnd.Intn(2) == 0 {
			f.network.Set(node+1, 3-node-other+1, cut)
		}
		pause(6 * time.Second)
	case 9:
		what = "delay and loss"
		slow := testenv.Link{Delay: time.Duration(f.rnd.Intn(80)) * time.Millisecond, Loss: 0.1 * f.rnd.Float64()}
		f.network.SetBoth(node+1, other+1, slow)
		f.network.SetBoth(node+1, 3-node-other+1, slow)
		pause(5 * time.Second)
	}
	if f.network != nil {
		f.network.Heal()
	}
	f.counts[what]++
}

// startTwo starts two nodes at once: neither can serve alone.
func (f *faulty) startTwo(nodes ...int) {
	f.t.Helper()
	for _, n := range nodes {
		if err := f.Nodes[n].StartAsync(); err != nil {
			f.t.Fatal(err)
		}
	}
	for _, n := range nodes {
		if err := f.Nodes[n].Await(60 * time.Second); err != nil {
			f.t.Fatal(err)
		}
		f.dbs[n].Reset()
	}
}

// changeSchema adds and drops a constraint through some node; it may fail retryably.
func (f *faulty) changeSchema() {
	limit, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	f.counts["schema changes"]++
	name := fmt.Sprint("extra", f.counts["schema changes"])
	db := f.dbs[f.rnd.Intn(3)]
	_, err := db.Exec(limit, fmt.Sprintf(`alter table changing add column %s int constraint %[1]s_positive check (%[1]s > 0)`, name))
	if err == nil {
		_, err = db.Exec(limit, fmt.Sprintf(`alter table changing drop column %s`, name))
	}
	if err != nil && !retryable(err) {
		f.t.Errorf("a schema change: %v", err)
	}
}

// loadConstraints lists one node's constraints, through another.
func loadConstraints(c *cluster) []string {
	rows, err := c.dbs[0].Query(ctx, `select "constraint" from pgmqdb.constraints_by_node where node = 2`)
	if err != nil {
		c.t.Fatal(err)
	}
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			c.t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}
