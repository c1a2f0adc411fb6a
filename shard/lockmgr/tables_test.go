package lockmgr

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/deadlock"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

func TestALoneNodeCallsNobody(t *testing.T) {
	d := deadlock.New()
	m := New(Config{Env: Lone(1, 3), Detector: d})
	defer m.Close()
	a, b := topo.TxnID{Node: 1, Epoch: 3, Seq: 1}, topo.TxnID{Node: 1, Epoch: 3, Seq: 2}
	take(t, m.Tables, a, "t", lock.AccessExclusiveLock)
	refused(t, m.Tables, b, "t", lock.AccessShareLock)
	take(t, m.Advisory, a, "k", lock.AdvisoryExclusiveSession)
	take(t, m.Advisory, a, "k", lock.AdvisoryExclusiveSession)
	refused(t, m.Advisory, b, "k", lock.AdvisorySharedTransaction)
	if n := len(m.List()); n != 2 {
		t.Errorf("%d locks listed, want 2", n)
	}
	m.Tables.ReleaseAll(a)
	take(t, m.Tables, b, "t", lock.AccessExclusiveLock)
	for i, want := range []bool{true, true, false} {
		if got := m.Advisory.ReleaseMode(a, []byte("k"), lock.AdvisoryExclusiveSession); got != want {
			t.Errorf("unlock %d: %v", i, got)
		}
	}
	take(t, m.Advisory, b, "k", lock.AdvisorySharedTransaction)
	m.Advisory.ReleaseModes(b, lock.AdvisoryTransaction)
	m.Tables.ReleaseAll(b)
	if n := len(m.List()); n != 0 || m.Tables.gate.Load() != 0 {
		t.Errorf("%d locks are left", n)
	}
}

func TestWeakTableLocksCallNobodyAndStrongOnesHoldOnEveryNode(t *testing.T) {
	c := newCluster(t, 3)
	n1, n2, n3 := c.nodes[1], c.nodes[2], c.nodes[3]
	o1, o2, o3 := n1.owner(), n2.owner(), n3.owner()
	take(t, n1.Tables, o1, "t", lock.RowExclusiveLock)
	take(t, n2.Tables, o2, "t", lock.RowExclusiveLock)
	if len(c.calls) != 0 {
		t.Fatalf("weak locks made calls: %v", c.calls)
	}
	refused(t, n3.Tables, o3, "t", lock.AccessExclusiveLock)
	ddl := c.waits(n1, n3.Tables, o3, "t", lock.AccessExclusiveLock)
	refused(t, n1.Tables, n1.owner(), "t", lock.AccessShareLock) // newcomers queue behind the drain
	n1.Tables.ReleaseAll(o1)
	c.until("the strong lock waits at node 2", func() bool { return waitsAt(n2, o3) })
	n2.Tables.ReleaseAll(o2)
	if err := answer(t, ddl); err != nil {
		t.Fatal(err)
	}
	for _, n := range c.nodes {
		refused(t, n.Tables, n.owner(), "t", lock.AccessShareLock)
	}
	if l := n3.List(); len(l) != 1 || !l[0].Granted || len(n1.List()) != 0 {
		t.Errorf("a strong lock is to be listed once, at its owner's node: %v", l)
	}
	n3.Tables.ReleaseAll(o3)
	c.empty()
}

func TestARequestThatFailsLeavesNothingBehind(t *testing.T) {
	c := newCluster(t, 3)
	n1, n2, n3 := c.nodes[1], c.nodes[2], c.nodes[3]
	reader := n3.owner()
	take(t, n3.Tables, reader, "t", lock.AccessShareLock)
	writer := n2.owner()
	if _, err := n2.Tables.Acquire(bg, writer, []byte("t"), lock.AccessExclusiveLock, &lock.Options{Timeout: 30 * time.Millisecond}); err != lock.ErrTimeout {
		t.Fatalf("want a lock timeout, got %v", err)
	}
	refused(t, n2.Tables, writer, "t", lock.AccessExclusiveLock)
	cause := errors.New("canceled by the user")
	ctx, cancel := context.WithCancelCause(bg)
	w := later(n2.Tables, ctx, writer, "t", lock.AccessExclusiveLock, nil)
	c.until("the writer waits at node 3", func() bool { return waitsAt(n3, writer) })
	cancel(cause)
	if err := answer(t, w); err != cause {
		t.Fatalf("want the context's cause, got %v", err)
	}
	take(t, n1.Tables, n1.owner(), "t", lock.RowExclusiveLock)
	take(t, n2.Tables, writer, "t", lock.RowExclusiveLock)
	for _, n := range c.nodes {
		for _, e := range n.Tables.local.List() {
			if e.Mode == lock.AccessExclusiveLock {
				t.Errorf("node %d: %v", n.id, e)
			}
		}
	}
}

func TestSingleModesAreReleasedEverywhereByCount(t *testing.T) {
	c := newCluster(t, 3)
	n1, n2 := c.nodes[1], c.nodes[2]
	o, other := n2.owner(), n1.owner()
	key := []byte("t")
	take(t, n2.Tables, o, "t", lock.ShareLock)
	take(t, n2.Tables, o, "t", lock.ShareLock)
	take(t, n2.Tables, o, "t", lock.ExclusiveLock)
	if !n2.Tables.ReleaseMode(o, key, lock.ExclusiveLock) || n2.Tables.ReleaseMode(o, key, lock.ExclusiveLock) {
		t.Error("ReleaseMode misjudged what is held")
	}
	take(t, n1.Tables, other, "t", lock.RowShareLock) // conflicts with Exclusive alone
	n2.Tables.ReleaseMode(o, key, lock.ShareLock)
	refused(t, n1.Tables, other, "t", lock.RowExclusiveLock)
	n2.Tables.ReleaseMode(o, key, lock.ShareLock)
	take(t, n1.Tables, other, "t", lock.RowExclusiveLock)
	n1.Tables.ReleaseAll(other)
	take(t, n2.Tables, o, "u", lock.ShareLock)
	n2.Tables.ReleaseModes(o, lock.SetOf(lock.ShareLock))
	take(t, n1.Tables, other, "u", lock.AccessExclusiveLock)
	n1.Tables.Release(other, []byte("u"))
	c.empty()
}

// flaky loses a part of the requests and replies, and carries some requests out twice.
func flaky(c *cluster, seed uint64) (fault, after func(context.Context, topo.NodeID, topo.NodeID, string) error) {
	var mu sync.Mutex
	rnd := rand.New(rand.NewPCG(seed, 1))
	lose := func(context.Context, topo.NodeID, topo.NodeID, string) error {
		mu.Lock()
		defer mu.Unlock()
		if rnd.IntN(5) == 0 {
			return errNetwork
		}
		return nil
	}
	return lose, lose
}

func TestStrongLocksExcludeEachOtherOverALossyNetwork(t *testing.T) {
	c := newCluster(t, 4)
	c.set(func() { c.fault, c.after = flaky(c, 1) })
	var holders, readers atomic.Int32
	var wg sync.WaitGroup
	for _, n := range c.nodes {
		for w := range 2 {
			wg.Go(func() {
				for i := range 12 {
					o := n.owner()
					mode := lock.AccessExclusiveLock
					if (i+w)%3 == 0 {
						mode = lock.AccessShareLock
					}
					ctx, cancel := context.WithTimeout(bg, 20*time.Second)
					opt := &lock.Options{}
					if i%4 == 1 {
						opt.Timeout = 3 * time.Millisecond
					}
					_, err := n.Tables.Acquire(ctx, o, []byte("t"), mode, opt)
					cancel()
					if err != nil && err != lock.ErrTimeout {
						t.Errorf("node %d: %v", n.id, err)
					}
					if err != nil {
						n.Tables.ReleaseAll(o)
						continue
					}
					if mode == lock.AccessShareLock {
						readers.Add(1)
						if holders.Load() != 0 {
							t.Error("a reader beside a writer")
						}
						readers.Add(-1)
					} else {
						if holders.Add(1) != 1 || readers.Load() != 0 {
							t.Error("two hold AccessExclusive")
						}
						holders.Add(-1)
					}
					n.Tables.ReleaseAll(o)
				}
			})
		}
	}
	wg.Wait()
	c.set(func() { c.fault, c.after = nil, nil })
	c.empty()
}

func TestARequestOfAnOwnerIsCarriedOutOnceAndInOrder(t *testing.T) {
	c := newCluster(t, 2)
	n1, n2 := c.nodes[1], c.nodes[2]
	o := n2.owner()
	acquire := func(seq uint64) status {
		r, err := call[acquireReply](bg, n2.Manager, 1, methodAcquire, &acquireRequest{From: n2.peer(), Class: classTable,
			Owner: o, Seq: seq, Key: []byte("t"), Mode: lock.ShareLock}, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		return r.Status
	}
	drop := func(seq uint64) {
		op := releaseOp{Class: classTable, Owner: o, Seq: seq, Key: []byte("t"), Modes: lock.SetOf(lock.ShareLock)}
		if _, err := call[doneReply](bg, n2.Manager, 1, methodRelease, &releaseRequest{n2.peer(), []releaseOp{op}}, time.Second); err != nil {
			t.Fatal(err)
		}
	}
	held := func() bool { return n1.Tables.local.Held(o, []byte("t")) != 0 }
	for range 2 {
		if acquire(10) != stGranted || !held() {
			t.Error("an acquire, repeated")
		}
	}
	if drop(11); held() {
		t.Error("a release left the lock")
	}
	if acquire(10) != stStale || held() {
		t.Error("a late acquire was carried out")
	}
	if acquire(12) != stGranted || !held() {
		t.Error("the next acquire")
	}
	if drop(11); !held() {
		t.Error("a late release was carried out")
	}
	drop(13)
	c.empty()
}

func TestAReleaseIsRepeatedUntilTheNodeAnswers(t *testing.T) {
	c := newCluster(t, 3)
	n1, n3 := c.nodes[1], c.nodes[3]
	o := n1.owner()
	take(t, n1.Tables, o, "t", lock.AccessExclusiveLock)
	c.set(func() { c.fault = cut(3) })
	n1.Tables.ReleaseAll(o)
	refused(t, n3.Tables, n3.owner(), "t", lock.AccessShareLock) // node 3 cannot know yet
	take(t, c.nodes[2].Tables, c.nodes[2].owner(), "u", lock.AccessShareLock)
	c.set(func() { c.fault = nil })
	take(t, n3.Tables, n3.owner(), "t", lock.AccessShareLock)
}

func TestAStrongLockWaitsForAnUnreachableNodeUntilItIsDead(t *testing.T) {
	c := newCluster(t, 3)
	n1 := c.nodes[1]
	held := c.nodes[3].owner()
	take(t, c.nodes[3].Tables, held, "u", lock.ShareLock)
	c.set(func() { c.fault = cut(3) })
	o := n1.owner()
	if _, err := n1.Tables.Acquire(bg, o, []byte("t"), lock.ShareLock, &lock.Options{Timeout: 20 * time.Millisecond}); err != lock.ErrTimeout {
		t.Fatalf("want a lock timeout, got %v", err)
	}
	w := later(n1.Tables, bg, o, "t", lock.ShareLock, nil)
	u := later(n1.Tables, bg, n1.owner(), "u", lock.RowExclusiveLock, nil)
	c.until("node 1 asks node 3", func() bool { return c.count(methodAcquire) > 4 })
	c.dead(3)
	if err := answer(t, w); err != nil {
		t.Fatal(err)
	}
	if err := answer(t, u); err != nil {
		t.Fatalf("a dead node's lock is in the way: %v", err)
	}
	if _, err := n1.Handle(bg, methodAcquire, encode(&acquireRequest{From: peer{3, 1}, Class: classTable, Owner: held, Seq: 99,
		Key: []byte("v"), Mode: lock.ShareLock})); err != nil || n1.Tables.local.Held(held, []byte("v")) != 0 {
		t.Errorf("a dead node took a lock: %v", err)
	}
}

func TestANodeThatBecomesLiveAdoptsTheStrongLocksOfOthers(t *testing.T) {
	c := newCluster(t, 1)
	n1 := c.nodes[1]
	alone := n1.owner()
	take(t, n1.Tables, alone, "a", lock.AccessExclusiveLock)
	n2 := c.start(2, 1)
	if err := n2.Sync(bg); err != nil {
		t.Fatal(err)
	}
	refused(t, n2.Tables, n2.owner(), "a", lock.AccessShareLock)
	both := n1.owner()
	take(t, n1.Tables, both, "b", lock.ShareLock)
	n3 := c.start(3, 1)
	reader := n1.owner()
	take(t, n1.Tables, reader, "c", lock.AccessShareLock)
	busy := n2.owner()
	w := c.waits(n1, n2.Tables, busy, "c", lock.AccessExclusiveLock) // not complete when node 3 syncs
	if err := n3.Sync(bg); err != nil {
		t.Fatal(err)
	}
	refused(t, n3.Tables, n3.owner(), "a", lock.AccessShareLock)
	refused(t, n3.Tables, n3.owner(), "b", lock.RowExclusiveLock)
	n1.Tables.ReleaseAll(reader)
	if err := answer(t, w); err != nil {
		t.Fatal(err)
	}
	refused(t, n3.Tables, n3.owner(), "c", lock.AccessShareLock)
	n1.Tables.ReleaseAll(alone)
	n1.Tables.ReleaseAll(both)
	n2.Tables.ReleaseAll(busy)
	c.empty()
}

func TestANodeThatJoinsWhileALoneOneTakesALockGetsIt(t *testing.T) {
	c := newCluster(t, 1)
	n1 := c.nodes[1]
	var n2 *node
	o := n1.owner()
	joins := make(chan struct{}, 1)
	joins <- struct{}{}
	c.set(func() {
		c.onLive = func(id topo.NodeID) {
			select {
			case <-joins: // node 1 believes to be alone, and has not taken the lock yet
				c.set(func() { c.onLive = nil })
				n2 = c.start(2, 1)
				if err := n2.Sync(bg); err != nil {
					t.Error(err)
				}
			default:
			}
		}
	})
	take(t, n1.Tables, o, "t", lock.AccessExclusiveLock)
	refused(t, n2.Tables, n2.owner(), "t", lock.AccessShareLock)
	n1.Tables.ReleaseAll(o)
	c.empty()
}

func TestANodeThatReturnsForgetsWhatWasReleasedMeanwhile(t *testing.T) {
	c := newCluster(t, 3)
	n1, n3 := c.nodes[1], c.nodes[3]
	gone, kept := n1.owner(), n1.owner()
	take(t, n1.Tables, gone, "g", lock.ShareLock)
	take(t, n1.Tables, kept, "k", lock.ShareLock)
	own := n3.owner()
	take(t, n3.Tables, own, "o", lock.ShareLock)
	c.set(func() { c.fault = cut(3) })
	c.dead(3)
	n1.Tables.ReleaseAll(gone)
	take(t, n1.Tables, kept, "new", lock.ShareLock)
	take(t, n1.Tables, n1.owner(), "o", lock.AccessExclusiveLock)
	c.set(func() { c.fault, c.epochs[3], c.live = nil, 2, []topo.NodeID{1, 2, 3} })
	if err := n3.Sync(bg); err != nil {
		t.Fatal(err)
	}
	take(t, n3.Tables, n3.owner(), "g", lock.RowExclusiveLock)
	refused(t, n3.Tables, n3.owner(), "k", lock.RowExclusiveLock)
	refused(t, n3.Tables, n3.owner(), "new", lock.RowExclusiveLock)
	refused(t, n3.Tables, n3.owner(), "o", lock.RowExclusiveLock)
	if l := n3.lostOwners(); len(l) != 1 || l[0] != own {
		t.Errorf("lost: %v, want %v", l, own)
	}
}

func TestAStrongLockIsTakenAgainAtANodeThatRestartsMeanwhile(t *testing.T) {
	c := newCluster(t, 3)
	n2, n3 := c.nodes[2], c.nodes[3]
	reader, ddl := n3.owner(), n2.owner()
	take(t, n3.Tables, reader, "t", lock.AccessShareLock)
	w := c.waits(n3, n2.Tables, ddl, "t", lock.AccessExclusiveLock)
	n1 := c.start(1, 2)
	if err := n1.Sync(bg); err != nil {
		t.Fatal(err)
	}
	take(t, n1.Tables, n1.owner(), "u", lock.AccessShareLock)
	n3.Tables.ReleaseAll(reader)
	if err := answer(t, w); err != nil {
		t.Fatal(err)
	}
	refused(t, n1.Tables, n1.owner(), "t", lock.AccessShareLock)
}

// Strong locks are taken and released while a node keeps restarting; whatever is granted and complete holds on all nodes.
func TestStrongLocksHoldOnNodesThatJoinMeanwhile(t *testing.T) {
	t.Run("last", func(t *testing.T) { testJoin(t, []topo.NodeID{1, 2}, 3) })
	t.Run("first", func(t *testing.T) { testJoin(t, []topo.NodeID{2, 3}, 1) })
	t.Run("second", func(t *testing.T) { testJoin(t, []topo.NodeID{1}, 2) })
}

func testJoin(t *testing.T, stay []topo.NodeID, joins topo.NodeID) {
	c := newCluster(t, 0)
	for _, id := range stay {
		c.start(id, 1)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for _, id := range stay {
		n := c.nodes[id]
		for w := range 2 {
			wg.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					o, key := n.owner(), fmt.Sprint("t", w)
					take(t, n.Tables, o, key, lock.AccessExclusiveLock)
					c.mu.Lock()
					new := c.nodes[joins]
					c.mu.Unlock()
					if new != nil && new.synced() {
						reader := topo.TxnID{Node: joins, Epoch: 999, Seq: o.Seq}
						if _, err := new.Tables.local.Acquire(bg, reader, []byte(key), lock.AccessShareLock, noWait); err == nil {
							t.Errorf("node %d does not know the lock of %s", joins, o)
						}
					}
					n.Tables.ReleaseAll(o)
				}
			})
		}
	}
	for e := topo.LivenessEpoch(1); e <= 20; e++ {
		c.set(func() { c.lag[joins] = e%2 == 0 }) // the others hear of every second one from itself first
		new := c.start(joins, e)
		if err := new.Sync(bg); err != nil {
			t.Fatal(err)
		}
		new.mu.Lock()
		new.next = 1 << 40 // synced
		new.mu.Unlock()
		c.until("locks are taken at the new node", func() bool { return new.in.size() > 3 })
		c.set(func() { c.lag[joins] = false })
		size := new.in.size()
		c.until("more locks are taken at the new node", func() bool { return new.in.size() > size+3 })
		c.set(func() { delete(c.nodes, joins) })
		c.dead(joins)
	}
	close(stop)
	wg.Wait()
	c.empty()
}

func (n *node) synced() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.next >= 1<<40
}

func (b *inbox) size() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.owners)
}
