package group

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// startSlow starts a group whose apply of a write waits for gate; applying is told when it does.
func startSlow(t *testing.T, n *node, id topo.GroupID, gate <-chan struct{}, applying chan<- struct{}) *Replica {
	t.Helper()
	r, err := n.StartGroup(GroupOptions{ID: id, BeforeStart: func(s *fsm.State) {
		s.Watch(func(topo.Timestamp, []fsm.Entry) {
			applying <- struct{}{}
			<-gate
		})
	}})
	if err != nil {
		t.Fatal(err)
	}
	ready, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := r.WaitReady(ready); err != nil {
		t.Fatal(err)
	}
	return r
}

// ingest writes a key; its apply may take as long as it likes.
func ingest(r *Replica, ts topo.Timestamp, k string) error {
	_, err := r.Propose(ctx, &fsm.Command{Ingest: &fsm.Ingest{TS: ts, Entries: []fsm.Entry{{Key: key(k), Value: []byte("v")}}}})
	return err
}

// Timestamps and heartbeats depend on the catalog group's log.
func TestDataGroupsThatCannotApplyDoNotHoldUpTheCatalog(t *testing.T) {
	n := open(t, t.TempDir(), nil)
	const groups = applyWorkers - 2 // and testGroup
	gate, applying := make(chan struct{}), make(chan struct{}, groups)
	var wg sync.WaitGroup
	defer wg.Wait()
	open := sync.OnceFunc(func() { close(gate) })
	defer open()
	for i := range groups {
		r := startSlow(t, n, testGroup+1+topo.GroupID(i), gate, applying)
		ts := n.now(t)
		wg.Go(func() {
			if err := ingest(r, ts, "a"); err != nil {
				t.Error(err)
			}
		})
	}
	for range groups {
		<-applying
	}
	soon, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := n.Replica(topo.CatalogGroup).ProposeHorizon(soon, 1); err != nil {
		t.Errorf("the catalog group's log: %v", err)
	}
}

func TestAReadWaitsForAnApplyThatTakesLong(t *testing.T) {
	n := open(t, t.TempDir(), func(c *Config) { c.LeaseDuration = 50 * time.Millisecond })
	gate, applying := make(chan struct{}), make(chan struct{}, 1)
	r := startSlow(t, n, testGroup+1, gate, applying)
	ts := n.now(t)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		if err := ingest(r, ts, "a"); err != nil {
			t.Error(err)
		}
	})
	<-applying
	time.Sleep(100 * time.Millisecond) // the lease expires
	time.AfterFunc(readIndexTimeout+time.Second, func() { close(gate) })
	resp, err := r.Get(ctx, &rpc.GetRequest{TS: n.now(t), Keys: [][]byte{key("a")}})
	if err != nil || string(resp.Versions[0].Value) != "v" {
		t.Errorf("%+v, %v", resp, err)
	}
}
