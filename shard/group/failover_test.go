package group

import (
	"fmt"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

func TestASuccessorWaitsTheLeaseOutAndHasEveryCommit(t *testing.T) {
	t.Parallel()
	c, first := three(t, nil)
	cl := &gateway{c: c, to: first}
	for i := range 50 {
		if _, _, err := cl.put(fmt.Sprint("first", i)); err != nil {
			t.Fatal(err)
		}
	}
	old := c.node(first).g
	readAt := c.now()
	c.node(first).read(t, readAt, "later")
	expiry := old.expiry.Load()
	epoch := old.lease.Load().info.Epoch
	c.stop(first, true)

	second := c.node(c.holder())
	if now := BootNS(); now < expiry {
		t.Errorf("the successor took the lease %v before it ran out", time.Duration(expiry-now))
	}
	if e := second.g.lease.Load().info.Epoch; e <= epoch {
		t.Errorf("epoch %d after %d", e, epoch)
	}
	for i := range 50 {
		if got := second.read(t, topo.MaxTimestamp, fmt.Sprint("first", i)); got != "v" {
			t.Errorf("the successor lacks first%d", i)
		}
	}
	id := topo.TxnID{Node: 9, Epoch: 1, Seq: 1}
	res, err := second.g.Propose(ctx, second.put(id, 1, "v", "later"))
	if err != nil || res.Code != fsm.ResultCommitted || res.TS <= readAt {
		t.Errorf("a commit at %d below a read at %d that the predecessor served: %+v, %v", res.TS, readAt, res, err)
	}
}

func TestTheLogIsCompactedAndTheStateOutlivesIt(t *testing.T) {
	dir := t.TempDir()
	hundred := func(c *Config) { c.SnapshotEntries = 100 }
	for round := range 3 {
		n := open(t, dir, hundred)
		for i := range 500 {
			n.mustPut(t, "v", fmt.Sprintf("%d/%d", round, i))
		}
		for r := range round + 1 {
			for i := 0; i < 500; i += 99 {
				if got := n.read(t, topo.MaxTimestamp, fmt.Sprintf("%d/%d", r, i)); got != "v" {
					t.Fatalf("round %d: %d/%d is %q", round, r, i, got)
				}
			}
		}
		reader, err := n.nh.GetLogReader(uint64(testGroup))
		if err != nil {
			t.Fatal(err)
		}
		if first, last := reader.GetRange(); round > 0 && first < 100 {
			t.Errorf("round %d: the log still runs from %d to %d", round, first, last)
		}
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRaisingTheOwnEpochSucceedsUnderLoadAndKeepsLocks(t *testing.T) {
	n := open(t, t.TempDir(), nil)
	holder := n.txn()
	n.mustPut(t, "v", "locked")
	if _, err := n.g.locks.Acquire(ctx, holder, key("locked"), 4, nil); err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan int)
	go func() {
		stale := 0
		for i := 0; ; i++ {
			select {
			case <-stop:
				stopped <- stale
				return
			default:
			}
			res, err := n.g.Propose(ctx, n.put(n.txn(), n.now(t), "v", fmt.Sprint(i)))
			if err == nil && res.Code == fsm.ResultStaleEpoch {
				stale++
			} else if err != nil || res.Code != fsm.ResultCommitted {
				t.Error(res, err)
			}
		}
	}()
	before, _ := n.g.Lease()
	for range 5 {
		v := n.g.lease.Load()
		n.g.fence.Store(true)
		n.kick()
		select {
		case <-v.changed:
		case <-time.After(5 * time.Second):
			t.Fatal("the epoch was not raised")
		}
	}
	close(stop)
	t.Logf("%d commands were refused for their epoch", <-stopped)
	if now, mine := n.g.Lease(); !mine || now.Epoch < before.Epoch+5 {
		t.Errorf("epoch %d after %d", now.Epoch, before.Epoch)
	}
	if h := n.g.locks.Holders(key("locked")); len(h) != 1 || h[0].Owner != holder {
		t.Errorf("holders: %v", h)
	}
}
