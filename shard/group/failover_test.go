package group

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// freeAddress returns a loopback address that was free a moment ago.
func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// awaitHolder returns the node of three that holds the group's lease, other than those given as nil.
func awaitHolder(t *testing.T, nodes []*node) int {
	t.Helper()
	for start := time.Now(); time.Since(start) < 30*time.Second; time.Sleep(20 * time.Millisecond) {
		for i, n := range nodes {
			if n != nil && n.g.lease.Load().mine {
				return i
			}
		}
	}
	t.Fatal("nobody took the lease")
	return -1
}

func TestASuccessorWaitsTheLeaseOutAndHasEveryCommit(t *testing.T) {
	var clock atomic.Uint64
	members := map[uint64]string{}
	for i := uint64(1); i <= 3; i++ {
		members[i] = freeAddress(t)
	}
	nodes := make([]*node, 3)
	for i := range nodes {
		h, err := Open(Config{Dir: t.TempDir(), Node: topo.NodeID(i + 1), RaftAddress: members[uint64(i+1)],
			Logger: slog.New(slog.DiscardHandler), MinFreeBytes: 8 << 20, ReserveBytes: 1 << 20, State: fsm.Options{InitialMmapBytes: 64 << 20}})
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		h.Bind(Bindings{Timestamp: func(context.Context) (topo.Timestamp, error) {
			return topo.Timestamp(clock.Add(1)), nil
		}})
		nodes[i] = &node{Host: h}
		if nodes[i].g, err = h.StartGroup(GroupOptions{ID: testGroup, Replica: uint64(i + 1), Members: members}); err != nil {
			t.Fatal(err)
		}
	}
	commit := func(n *node, k string) {
		t.Helper()
		id := topo.TxnID{Node: n.cfg.Node, Epoch: 1, Seq: n.seq.Add(1)}
		res, err := n.g.Propose(ctx, n.put(id, topo.Timestamp(clock.Add(1)), "v", k))
		if err != nil || res.Code != fsm.ResultCommitted {
			t.Fatalf("%s: %+v, %v", k, res, err)
		}
	}
	first := awaitHolder(t, nodes)
	for i := range 50 {
		commit(nodes[first], fmt.Sprint("first", i))
	}
	expiry := nodes[first].g.expiry.Load()
	epoch := nodes[first].g.lease.Load().info.Epoch
	readAt := topo.Timestamp(clock.Add(1))
	nodes[first].read(t, readAt, "later")
	nodes[first].Close()
	nodes[first] = nil

	second := awaitHolder(t, nodes)
	if now := bootNS(); now < expiry {
		t.Errorf("the successor took the lease %v before it ran out", time.Duration(expiry-now))
	}
	if e := nodes[second].g.lease.Load().info.Epoch; e <= epoch {
		t.Errorf("epoch %d after %d", e, epoch)
	}
	for i := range 50 {
		if got := nodes[second].read(t, topo.MaxTimestamp, fmt.Sprint("first", i)); got != "v" {
			t.Errorf("the successor lacks first%d", i)
		}
	}
	id := topo.TxnID{Node: 9, Epoch: 1, Seq: 1}
	res, err := nodes[second].g.Propose(ctx, nodes[second].put(id, 1, "v", "later"))
	if err != nil || res.Code != fsm.ResultCommitted || res.TS <= readAt {
		t.Errorf("a commit at %d below a read at %d that the predecessor served: %+v, %v", res.TS, readAt, res, err)
	}
}

func TestTheLogIsCompactedAndTheStateOutlivesIt(t *testing.T) {
	dir := t.TempDir()
	small := func(c *Config) { c.SnapshotEntries = 100 }
	for round := range 3 {
		n := open(t, dir, small)
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
