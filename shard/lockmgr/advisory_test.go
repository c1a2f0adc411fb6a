package lockmgr

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

const (
	shared    = lock.AdvisorySharedSession
	exclusive = lock.AdvisoryExclusiveSession
)

// move gives the catalog group's lease to another node.
func (c *cluster) move(to topo.NodeID) {
	c.set(func() { c.holder, c.term = to, c.term+1 })
}

func TestAdvisoryLocksHoldOverTheNodesWithTheirCounts(t *testing.T) {
	c := newCluster(t, 3)
	n1, n2, n3 := c.nodes[1], c.nodes[2], c.nodes[3]
	a, b := n2.owner(), n3.owner()
	key := []byte("k")
	take(t, n2.Advisory, a, "k", exclusive)
	asked := c.count(methodAcquire)
	take(t, n2.Advisory, a, "k", exclusive)
	if c.count(methodAcquire) != asked {
		t.Error("a repeated lock asked the home")
	}
	take(t, n2.Advisory, a, "k", lock.AdvisorySharedTransaction)
	refused(t, n3.Advisory, b, "k", shared)
	w := c.waits(n1, n3.Advisory, b, "k", shared)
	for i, want := range []bool{true, true, false} {
		if got := n2.Advisory.ReleaseMode(a, key, exclusive); got != want {
			t.Errorf("pg_advisory_unlock %d: %v", i, got)
		}
	}
	if err := answer(t, w); err != nil {
		t.Fatal(err)
	}
	refused(t, n1.Advisory, n1.owner(), "k", exclusive)
	n2.Advisory.ReleaseModes(a, lock.AdvisorySession) // the transaction's lock stays
	n3.Advisory.ReleaseAll(b)
	refused(t, n1.Advisory, n1.owner(), "k", exclusive)
	n2.Advisory.ReleaseModes(a, lock.AdvisoryTransaction)
	o := n1.owner()
	take(t, n1.Advisory, o, "k", exclusive)
	if _, err := n2.Advisory.Acquire(bg, a, key, shared, &lock.Options{Timeout: 20 * time.Millisecond}); err != lock.ErrTimeout {
		t.Errorf("want a lock timeout, got %v", err)
	}
	n1.Advisory.ReleaseAll(o)
	c.empty()
}

func TestTheHomeMakesNoCall(t *testing.T) {
	c := newCluster(t, 3)
	n1 := c.nodes[1]
	a := n1.owner()
	take(t, n1.Advisory, a, "k", exclusive) // the term begins, and asks every node once
	c.set(func() { clear(c.calls) })
	take(t, n1.Advisory, a, "l", exclusive)
	refused(t, n1.Advisory, n1.owner(), "k", exclusive)
	n1.Advisory.ReleaseAll(a)
	if c.mu.Lock(); len(c.calls) > 0 {
		t.Errorf("calls: %v", c.calls)
	}
	c.mu.Unlock()
}

func TestAdvisoryLocksSurviveAChangeOfTheirHome(t *testing.T) {
	c := newCluster(t, 4)
	owners := map[topo.NodeID]topo.TxnID{}
	for id, n := range c.nodes {
		owners[id] = n.owner()
		take(t, n.Advisory, owners[id], fmt.Sprint("k", id), exclusive)
	}
	take(t, c.nodes[2].Advisory, owners[2], "shared", shared)
	waiter := c.nodes[3].owner()
	w := c.waits(c.nodes[1], c.nodes[3].Advisory, waiter, "k2", exclusive)
	c.move(4)
	for id := range c.nodes {
		for _, n := range c.nodes {
			refused(t, n.Advisory, n.owner(), fmt.Sprint("k", id), shared)
		}
	}
	take(t, c.nodes[1].Advisory, owners[1], "shared", shared)
	refused(t, c.nodes[4].Advisory, owners[4], "shared", exclusive)
	c.until("the waiter waits at the new home", func() bool { return waitsAt(c.nodes[4], waiter) })
	c.nodes[2].Advisory.ReleaseAll(owners[2])
	if err := answer(t, w); err != nil {
		t.Fatal(err)
	}
	c.nodes[3].Advisory.ReleaseAll(waiter)
	for id, n := range c.nodes {
		n.Advisory.ReleaseAll(owners[id])
		if l := n.lostOwners(); len(l) > 0 {
			t.Errorf("node %d: lost %v", id, l)
		}
	}
	c.empty()
}

func TestANewHomeGrantsNothingUntilEveryLiveNodeHasReasserted(t *testing.T) {
	c := newCluster(t, 4)
	n2, n3, n4 := c.nodes[2], c.nodes[3], c.nodes[4]
	a, b := n3.owner(), n4.owner()
	take(t, n3.Advisory, a, "k", exclusive)
	c.set(func() { c.fault = cut(3) })
	c.move(2)
	w := later(n4.Advisory, bg, b, "k", exclusive, noWait)
	u := later(n2.Advisory, bg, n2.owner(), "other", exclusive, nil)
	c.until("the new home asks node 3 again", func() bool { return c.count(methodReassert) > 8 })
	select {
	case err := <-w:
		t.Fatalf("answered before node 3 has reasserted: %v", err)
	case err := <-u:
		t.Fatalf("granted before node 3 has reasserted: %v", err)
	default:
	}
	c.set(func() { c.fault = nil })
	if err := answer(t, w); err != lock.ErrNotAvailable {
		t.Errorf("want not available, got %v", err)
	}
	if err := answer(t, u); err != nil {
		t.Error(err)
	}
	// Once more, and now node 3 dies instead.
	c.set(func() { c.fault = cut(3) })
	c.move(4)
	w = later(n2.Advisory, bg, n2.owner(), "k", exclusive, nil)
	c.until("the new home asks node 3 again", func() bool { return c.count(methodReassert) > 20 })
	c.dead(3)
	if err := answer(t, w); err != nil {
		t.Fatal(err)
	}
	// It comes back, and its session is told.
	c.set(func() { c.fault, c.epochs[3], c.live = nil, 2, []topo.NodeID{1, 2, 3, 4} })
	refused(t, n3.Advisory, n3.owner(), "k", shared)
	c.until("the session of node 3 is told", func() bool { return slices.Contains(n3.lostOwners(), a) })
	if n3.Advisory.Held(a, []byte("k")) != 0 {
		t.Error("node 3 still believes in its lock")
	}
}

func TestAnOldHomeThatDoesNotKnowOfTheNewOneGrantsNothing(t *testing.T) {
	c := newCluster(t, 3)
	n1, n2, n3 := c.nodes[1], c.nodes[2], c.nodes[3]
	take(t, n3.Advisory, n3.owner(), "x", exclusive)
	// Node 1's grant to node 3 is on its way when the lease moves to node 2.
	granted, deliver := make(chan struct{}), make(chan struct{})
	var once sync.Once
	c.set(func() {
		c.after = func(_ context.Context, _, to topo.NodeID, method string) error {
			if to == 1 && method == methodAcquire {
				once.Do(func() { close(granted); <-deliver })
			}
			return nil
		}
	})
	a, b := n3.owner(), n2.owner()
	late := later(n3.Advisory, bg, a, "k", exclusive, nil)
	<-granted
	c.move(2)
	take(t, n2.Advisory, b, "k", exclusive) // node 3 has reasserted, without k
	close(deliver)
	c.until("node 3's request waits at the new home", func() bool { return waitsAt(n2, a) })
	// Node 1 grants by its table as long as it believes to be the home.
	c.set(func() { c.holder, c.term = 1, c.term-1 })
	if r, err := n1.Advisory.acquireHere(bg, n1.owner(), []byte("k"), exclusive, nil); err == nil && n1.Advisory.accept(r.Term, n1.owner(), []byte("k"), exclusive) {
		t.Error("an old home's own session took its grant")
	}
	c.set(func() { c.holder, c.term = 2, c.term+1 })
	n2.Advisory.ReleaseAll(b)
	if err := answer(t, late); err != nil {
		t.Fatal(err)
	}
}

func TestAdvisoryLocksOfADeadNodeAreDropped(t *testing.T) {
	c := newCluster(t, 3)
	take(t, c.nodes[3].Advisory, c.nodes[3].owner(), "k", exclusive)
	w := c.waits(c.nodes[1], c.nodes[2].Advisory, c.nodes[2].owner(), "k", exclusive)
	c.set(func() { c.fault = cut(3) })
	c.dead(3)
	if err := answer(t, w); err != nil {
		t.Fatal(err)
	}
}

func TestARequestDoesNotOvertakeAReleaseOfItsSession(t *testing.T) {
	c := newCluster(t, 3)
	n2, n3 := c.nodes[2], c.nodes[3]
	a := n2.owner()
	take(t, n2.Advisory, a, "k", exclusive)
	c.set(func() {
		c.fault = func(_ context.Context, _, _ topo.NodeID, method string) error {
			if method == methodRelease {
				return errNetwork
			}
			return nil
		}
	})
	if !n2.Advisory.ReleaseMode(a, []byte("k"), exclusive) {
		t.Fatal("not held")
	}
	next := later(n2.Advisory, bg, a, "l", exclusive, nil)
	released := c.count(methodRelease)
	c.until("the release is tried again", func() bool { return c.count(methodRelease) > released+1 })
	c.set(func() { c.fault = nil })
	if err := answer(t, next); err != nil {
		t.Fatal(err)
	}
	take(t, n3.Advisory, n3.owner(), "k", exclusive)
	refused(t, n3.Advisory, n3.owner(), "l", exclusive)
}

func TestATermThatIsOverGrantsNothing(t *testing.T) {
	c := newCluster(t, 2)
	a := c.nodes[1].Advisory
	term, err := a.serving(bg)
	if err != nil {
		t.Fatal(err)
	}
	holder, other := c.nodes[1].owner(), c.nodes[1].owner()
	if _, err := term.acquire(bg, holder, []byte("k"), exclusive, nil); err != nil {
		t.Fatal(err)
	}
	w := make(chan error, 1)
	go func() { _, err := term.acquire(bg, other, []byte("k"), exclusive, nil); w <- err }()
	c.until("the other one waits", func() bool { return waitsAt(c.nodes[1], other) })
	c.move(2)
	if err := answer(t, w); err != errElsewhere {
		t.Errorf("a waiter of the term: %v", err)
	}
	if _, err := term.acquire(bg, other, []byte("k"), exclusive, nil); err != errElsewhere {
		t.Errorf("the cleared table granted: %v", err)
	}
}

func TestANodeThatRestartsLosesItsEarlierLocks(t *testing.T) {
	c := newCluster(t, 3)
	take(t, c.nodes[3].Advisory, c.nodes[3].owner(), "k", exclusive)
	take(t, c.nodes[3].Advisory, c.nodes[3].owner(), "l", exclusive)
	n3 := c.start(3, 2) // before anybody declares the earlier process dead
	take(t, n3.Advisory, n3.owner(), "k", exclusive)
	take(t, c.nodes[2].Advisory, c.nodes[2].owner(), "l", exclusive)
}

// While the home is unreachable nobody is granted anything; a request ends by its timeout or waits.
func TestARequestWaitsForAnUnreachableHome(t *testing.T) {
	c := newCluster(t, 2)
	n2 := c.nodes[2]
	o := n2.owner()
	c.set(func() { c.fault = cut(1) })
	if _, err := n2.Advisory.Acquire(bg, o, []byte("k"), exclusive, &lock.Options{Timeout: 20 * time.Millisecond, Policy: lock.NoWait}); err != lock.ErrTimeout {
		t.Errorf("want a lock timeout, got %v", err)
	}
	w := later(n2.Advisory, bg, n2.owner(), "k", exclusive, nil)
	c.until("the home is asked again", func() bool { return c.count(methodAcquire) > 8 })
	c.set(func() { c.fault, c.holder = nil, 0 })
	if _, err := n2.Advisory.Acquire(bg, o, []byte("l"), exclusive, &lock.Options{Timeout: 20 * time.Millisecond}); err != lock.ErrTimeout {
		t.Errorf("without a known home: want a lock timeout, got %v", err)
	}
	c.set(func() { c.holder = 1 })
	if err := answer(t, w); err != nil {
		t.Fatal(err)
	}
}

func TestAdvisoryLocksExcludeEachOtherWhileTheHomeMovesOverALossyNetwork(t *testing.T) {
	c := newCluster(t, 4)
	c.set(func() { c.fault, c.after = flaky(c, 2) })
	var excl, shar [2]atomic.Int32
	var busy atomic.Int32
	var wg sync.WaitGroup
	for _, n := range c.nodes {
		for w := range 2 {
			busy.Add(1)
			rnd := rand.New(rand.NewPCG(uint64(n.id), uint64(w)))
			wg.Go(func() {
				defer busy.Add(-1)
				session := n.owner()
				for i := range 25 {
					k := rnd.IntN(2)
					key, mode := fmt.Sprint("k", k), exclusive
					if rnd.IntN(3) == 0 {
						mode = shared
					}
					opt := &lock.Options{}
					if rnd.IntN(4) == 0 {
						opt.Timeout = time.Duration(1+rnd.IntN(10)) * time.Millisecond
					}
					ctx, cancel := context.WithTimeout(bg, 30*time.Second)
					_, err := n.Advisory.Acquire(ctx, session, []byte(key), mode, opt)
					cancel()
					if err != nil {
						if err != lock.ErrTimeout {
							t.Errorf("node %d, %d: %v", n.id, i, err)
						}
						continue
					}
					if mode == exclusive {
						if excl[k].Add(1) != 1 || shar[k].Load() != 0 {
							t.Errorf("%s is held by two", key)
						}
						time.Sleep(time.Duration(rnd.IntN(300)) * time.Microsecond) // holding
						excl[k].Add(-1)
					} else {
						shar[k].Add(1)
						if excl[k].Load() != 0 {
							t.Errorf("%s is held shared and exclusive", key)
						}
						shar[k].Add(-1)
					}
					if rnd.IntN(2) == 0 {
						n.Advisory.ReleaseAll(session)
					} else if !n.Advisory.ReleaseMode(session, []byte(key), mode) {
						t.Error("the lock is gone")
					}
				}
			})
		}
	}
	for i := 0; busy.Load() > 0; i++ {
		c.move(topo.NodeID(1 + i%4))
		asked := c.count(methodReassert)
		c.until("the next home is in use", func() bool { return busy.Load() == 0 || c.count(methodReassert) > asked+6 })
	}
	wg.Wait()
	c.set(func() { c.fault, c.after = nil, nil })
	for _, n := range c.nodes {
		if l := n.lostOwners(); len(l) > 0 {
			t.Errorf("node %d: lost %v", n.id, l)
		}
	}
	c.empty()
}
