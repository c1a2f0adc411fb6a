package lockmgr

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// deadlocked waits for the one victim among requests, and says which it is. The others' channels are left as they are.
func deadlocked(t *testing.T, within time.Duration, requests ...<-chan error) (int, *lock.Deadlock) {
	t.Helper()
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(200 * time.Microsecond) {
		for i, r := range requests {
			select {
			case err := <-r:
				var dl *lock.Deadlock
				if !errors.As(err, &dl) {
					t.Fatalf("request %d: want a deadlock, got %v", i, err)
				}
				return i, dl
			default:
			}
		}
	}
	t.Fatal("the deadlock was not found in time")
	return 0, nil
}

// Generous: 1.5 s is the aim on a machine that is not under the race detector's and other tests' load.
const found = 5 * time.Second

func TestADeadlockOverRowsAtTwoLeaseholders(t *testing.T) {
	c := newCluster(t, 4)
	n1, n2, n3, n4 := c.nodes[1], c.nodes[2], c.nodes[3], c.nodes[4]
	a, b := n1.owner(), n4.owner() // transactions of node 1 and 4, rows led by 2 and 3
	take(t, n2.rows, a, "x", lock.Update)
	take(t, n3.rows, b, "y", lock.Update)
	wa := c.waits(n3, n3.rows, a, "y", lock.Update)
	wb := c.waits(n2, n2.rows, b, "x", lock.KeyShare)
	began := time.Now()
	i, dl := deadlocked(t, found, wa, wb)
	t.Logf("found after %s", time.Since(began).Round(time.Millisecond))
	if i != 1 {
		t.Errorf("the victim is to be the youngest wait")
	}
	const want = "Process 4001 waits for ShareLock on transaction 1; blocked by process 1001.\n" +
		"Process 1001 waits for ShareLock on transaction 1; blocked by process 4001."
	if got := n4.Detail(bg, dl, nil); got != want {
		t.Errorf("detail:\n%s", got)
	}
	n3.rows.ReleaseAll(b)
	n2.rows.ReleaseAll(b)
	c.until("the other one goes on", func() bool { return n3.rows.Held(a, []byte("y")).Has(lock.Update) })
}

func TestADeadlockOverTableLocksOfTwoNodes(t *testing.T) {
	c := newCluster(t, 3)
	n2, n3 := c.nodes[2], c.nodes[3]
	a, b := n2.owner(), n3.owner()
	take(t, n2.Tables, a, "t", lock.RowExclusiveLock)
	take(t, n3.Tables, b, "u", lock.RowExclusiveLock)
	wa := c.waits(n3, n2.Tables, a, "u", lock.AccessExclusiveLock)
	wb := c.waits(n2, n3.Tables, b, "t", lock.AccessExclusiveLock)
	i, dl := deadlocked(t, found, wa, wb)
	if len(dl.Edges) != 2 || dl.Edges[0].Wait.Name != "AccessExclusiveLock" || string(dl.Edges[0].Wait.Key) == "" {
		t.Errorf("edges: %+v", dl.Edges)
	}
	// What the victim had taken on other nodes for this request is given back; the other one goes on when it rolls back.
	if i != 1 || dl.Edges[0].Waiter != b {
		t.Errorf("victim %d, the edges begin with %v", i, dl.Edges[0])
	}
	n3.Tables.ReleaseAll(b)
	if err := answer(t, wa); err != nil {
		t.Fatal(err)
	}
	n2.Tables.ReleaseAll(a)
	c.empty()
}

func TestADeadlockOfAnAdvisoryLockAndARow(t *testing.T) {
	c := newCluster(t, 3)
	n2, n3 := c.nodes[2], c.nodes[3]
	sa, ta, sb, tb := n2.owner(), n2.owner(), n3.owner(), n3.owner()
	n2.det.Bind(ta, sa)
	n3.det.Bind(tb, sb)
	take(t, n2.Advisory, sa, "k", exclusive)
	take(t, n2.rows, tb, "x", lock.Update)
	w1 := c.waits(c.nodes[1], n3.Advisory, sb, "k", exclusive)
	w2 := c.waits(n2, n2.rows, ta, "x", lock.Update)
	i, dl := deadlocked(t, found, w1, w2)
	if i != 1 || dl.Edges[1].Wait.Class != "advisory" {
		t.Errorf("victim %d, edges %+v", i, dl.Edges)
	}
	n2.det.Unbind(ta)
	n2.Advisory.ReleaseAll(sa)
	c.until("the other session goes on", func() bool { return n3.Advisory.Held(sb, []byte("k")) != 0 })
}

func TestADeadlockOfADrainAndARow(t *testing.T) {
	c := newCluster(t, 3)
	n1, n2, n3 := c.nodes[1], c.nodes[2], c.nodes[3]
	ddl, reader := n1.owner(), n3.owner()
	take(t, n2.rows, ddl, "x", lock.Update)
	take(t, n3.Tables, reader, "t", lock.RowExclusiveLock)
	wr := c.waits(n2, n2.rows, reader, "x", lock.Update)
	wd := c.waits(n3, n1.Tables, ddl, "t", lock.AccessExclusiveLock)
	if i, _ := deadlocked(t, found, wr, wd); i != 1 {
		t.Error("the victim is to be the drain")
	}
	take(t, n3.Tables, n3.owner(), "t", lock.RowExclusiveLock)
	take(t, n1.Tables, n1.owner(), "t", lock.AccessShareLock)
}

// Reader 2 queues behind a drain only; letting it overtake ends the cycle without a victim.
func TestACycleThatHangsOnAQueuesOrderIsUntied(t *testing.T) {
	c := newCluster(t, 3)
	n1, n2, n3 := c.nodes[1], c.nodes[2], c.nodes[3]
	r1, r2, ddl := n3.owner(), n3.owner(), n1.owner()
	take(t, n3.Tables, r1, "t", lock.AccessShareLock)
	take(t, n2.rows, r2, "x", lock.Update)
	wd := c.waits(n3, n1.Tables, ddl, "t", lock.AccessExclusiveLock)
	w2 := c.waits(n3, n3.Tables, r2, "t", lock.AccessShareLock)
	w1 := c.waits(n2, n2.rows, r1, "x", lock.Update)
	if err := answer(t, w2); err != nil {
		t.Fatalf("reader 2: %v", err)
	}
	n2.rows.ReleaseAll(r2)
	n3.Tables.ReleaseAll(r2)
	if err := answer(t, w1); err != nil {
		t.Fatalf("reader 1: %v", err)
	}
	n3.Tables.ReleaseAll(r1)
	if err := answer(t, wd); err != nil {
		t.Fatalf("the drain: %v", err)
	}
}

// A wait that ends between two collections is part of no deadlock.
func TestAWaitThatEndsBetweenTheCollectionsHasNoVictim(t *testing.T) {
	c := newCluster(t, 3)
	n1, n2, n3 := c.nodes[1], c.nodes[2], c.nodes[3]
	a, b := n1.owner(), n2.owner()
	take(t, n1.rows, a, "x", lock.Update)
	take(t, n2.rows, b, "y", lock.Update)
	again := make(chan (<-chan error), 1)
	collections := 0
	canceled := errors.New("canceled")
	ctx, cancel := context.WithCancelCause(bg)
	c.set(func() {
		c.fault = func(_ context.Context, from, to topo.NodeID, method string) error {
			if method == methodLongWait {
				return errNetwork
			}
			if method != methodWaits || from != 3 || to != 1 {
				return nil
			}
			if collections++; collections == 2 {
				// b gives up, and waits for the same again.
				cancel(canceled)
				c.until("b waits no more", func() bool { return !waitsAt(n1, b) })
				again <- c.waits(n1, n1.rows, b, "x", lock.Update)
			}
			return nil
		}
	})
	wb := later(n1.rows, ctx, b, "x", lock.Update, nil)
	c.until("b waits", func() bool { return waitsAt(n1, b) })
	wa := c.waits(n2, n2.rows, a, "y", lock.Update)
	n3.breakCycles(bg)
	if collections != 2 {
		t.Errorf("%d collections", collections)
	}
	if err := answer(t, wb); err != canceled {
		t.Errorf("b: %v", err)
	}
	for _, n := range c.nodes {
		if v, _ := n.det.Stats(); v != 0 {
			t.Error("a wait that was not there any more made a victim")
		}
	}
	c.set(func() { c.fault = nil })
	if i, _ := deadlocked(t, found, wa, <-again); i != 1 {
		t.Error("now it is a deadlock, and b's wait is the youngest")
	}
}

// A release on its way is as good as done: who waits for it is in no deadlock.
func TestAReleaseOnItsWayBlocksNobody(t *testing.T) {
	c := newCluster(t, 3)
	n1, n2, n3 := c.nodes[1], c.nodes[2], c.nodes[3]
	a, b := n2.owner(), n3.owner()
	take(t, n2.Tables, a, "t", lock.ShareLock)
	take(t, n1.rows, b, "x", lock.Update)
	w := c.waits(n3, n3.Tables, b, "t", lock.RowExclusiveLock)
	hold := make(chan struct{})
	c.set(func() {
		c.fault = func(_ context.Context, _, to topo.NodeID, method string) error {
			if method == methodRelease && to == 3 {
				<-hold
			}
			return nil
		}
	})
	released := make(chan struct{})
	go func() { n2.Tables.ReleaseAll(a); close(released) }()
	c.until("the release is on its way", func() bool { return c.count(methodRelease) > 1 })
	wa := c.waits(n1, n1.rows, a, "x", lock.Update)
	n1.breakCycles(bg)
	for _, n := range c.nodes {
		if v, _ := n.det.Stats(); v != 0 {
			t.Error("a release on its way made a victim")
		}
	}
	close(hold)
	if err := answer(t, w); err != nil {
		t.Fatal(err)
	}
	n1.rows.ReleaseAll(b)
	if err := answer(t, wa); err != nil {
		t.Fatal(err)
	}
	<-released
}

func TestNobodySearchesWhileNobodyWaitsLong(t *testing.T) {
	c := newCluster(t, 3)
	n2, n3 := c.nodes[2], c.nodes[3]
	for range 50 {
		o := n2.owner()
		take(t, n2.rows, o, "x", lock.Update)
		w := c.waits(n2, n2.rows, n3.owner(), "x", lock.Update)
		n2.rows.ReleaseAll(o)
		if err := answer(t, w); err != nil {
			t.Fatal(err)
		}
		n2.rows.Clear()
	}
	if n := c.count(methodLongWait) + c.count(methodWaits); n != 0 {
		t.Errorf("%d calls", n)
	}
	o := n2.owner()
	take(t, n2.rows, o, "x", lock.Update)
	c.waits(n2, n2.rows, n3.owner(), "x", lock.Update)
	c.until("the long wait is reported", func() bool { return c.count(methodWaits) >= 2 })
	if n := c.count(methodLongWait); n != 1 {
		t.Errorf("one long wait was reported %d times", n)
	}
	n2.rows.Clear()
}

func TestBlockersAreFoundOnAllNodes(t *testing.T) {
	c := newCluster(t, 3)
	n1, n2, n3 := c.nodes[1], c.nodes[2], c.nodes[3]
	holder, first, second := n1.owner(), n2.owner(), n3.owner()
	take(t, n3.rows, holder, "x", lock.Update)
	c.waits(n3, n3.rows, first, "x", lock.Update)
	c.waits(n3, n3.rows, second, "x", lock.Update)
	got := n2.Blockers(bg, second)
	if len(got) != 2 || !slices.Contains(got, holder) || !slices.Contains(got, first) {
		t.Errorf("blockers of the second: %v", got)
	}
	if pids := n1.BlockingPIDs(bg, 3001); !slices.Equal(pids, []int32{1001, 2001}) {
		t.Errorf("pg_blocking_pids: %v", pids)
	}
	if pids := n1.BlockingPIDs(bg, 1001); len(pids) != 0 {
		t.Errorf("pg_blocking_pids of the holder: %v", pids)
	}
	session, txn := n1.owner(), n1.owner()
	take(t, n2.Advisory, n2.owner(), "k", exclusive)
	c.waits(n1, n1.Advisory, session, "k", exclusive)
	n1.det.Bind(txn, session)
	if got := n3.Blockers(bg, txn); len(got) != 1 || got[0].Node != 2 {
		t.Errorf("blockers of a transaction whose session waits: %v", got)
	}
	listed := 0
	for _, e := range n1.List() {
		if e.Owner == session && !e.Granted && e.Class == "advisory" && e.Name == "ExclusiveLock" {
			listed++
		}
	}
	if listed != 1 {
		t.Errorf("the wait is listed %d times", listed)
	}
	n3.rows.Clear()
}

func TestMalformedCallsAreErrors(t *testing.T) {
	c := newCluster(t, 1)
	for _, m := range []string{methodAcquire, methodRelease, methodSync, methodReassert, methodLost, methodWaits, methodBreak, methodJump, methodPIDs, "lock.nosuch"} {
		if _, err := c.nodes[1].Handle(bg, m, []byte("{")); err == nil || !strings.HasPrefix(err.Error(), "lockmgr: ") {
			t.Errorf("%s: %v", m, err)
		}
	}
}
