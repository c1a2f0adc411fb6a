package group

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// snapshots read two counters, that are always written together, several times at one timestamp: a commit beneath a read
// that was served, by whichever holder, would show as a change. They return how many were read.
func (c *cluster) snapshots(stop chan struct{}, wg *sync.WaitGroup) *int {
	n := new(int)
	wg.Add(1)
	go func() {
		defer wg.Done()
		gw := &gateway{c: c, to: 1}
		for {
			select {
			case <-stop:
				return
			default:
			}
			ts := c.now() + 3 // ahead of the clock, where a prepare's minimum may fall at any moment
			var seen []string
			for range 3 {
				for _, k := range []string{"x", "y"} {
					v, err := gw.get(k, ts)
					if err != nil {
						c.t.Error(err)
						return
					}
					seen = append(seen, v)
				}
				time.Sleep(time.Millisecond)
			}
			for _, v := range seen {
				if v != seen[0] {
					c.t.Errorf("at %d: %v", ts, seen)
					return
				}
			}
			*n++
		}
	}()
	return n
}

// count locks both counters, reads them, and writes the next number to both, until it is stopped.
func (c *cluster) count(stop chan struct{}, wg *sync.WaitGroup) (committed, unknown *int) {
	committed, unknown = new(int), new(int)
	wg.Add(1)
	go func() {
		defer wg.Done()
		gw := &gateway{c: c, to: 1}
		for {
			select {
			case <-stop:
				return
			default:
			}
			id := topo.TxnID{Node: 1, Epoch: 1, Seq: c.seq.Add(1)}
			ok := false
			err := gw.do(func(n *node) error {
				locked, err := n.g.Lock(ctx, &rpc.LockRequest{Txn: id, Keys: [][]byte{key("x"), key("y")},
					Modes: []lock.Mode{lock.NoKeyUpdate, lock.NoKeyUpdate}})
				if err != nil {
					return err
				}
				var number int
				fmt.Sscan(string(locked.Versions[0].Value), &number)
				cmd := n.put(id, c.now(), fmt.Sprint(number+1), "x", "y")
				for i := range cmd.Prepare.Items {
					cmd.Prepare.Items[i].Seen = locked.Versions[i].TS
					cmd.Prepare.Items[i].SeenAbsent = locked.Versions[i].Value == nil
				}
				res, err := n.g.Propose(ctx, cmd)
				ok = err == nil && res.Code == fsm.ResultCommitted
				return err
			})
			var e *rpc.Error
			switch {
			case ok:
				*committed++
			case errors.As(err, &e) && e.Code == rpc.ErrAmbiguous:
				*unknown++
			case err != nil:
				c.t.Error(err)
				return
			}
			// What a lost lease left locked.
			_ = gw.do(func(n *node) error { return n.g.Unlock(ctx, &rpc.UnlockRequest{Txn: id}) })
		}
	}()
	return committed, unknown
}

func TestTheLeaseMovesUnderLoad(t *testing.T) {
	t.Parallel()
	c, at := three(t, small)
	w := c.write(3)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var once sync.Once
	end := func() { once.Do(func() { close(stop); wg.Wait() }) }
	t.Cleanup(end)
	snapshots := c.snapshots(stop, &wg)
	committed, unknown := c.count(stop, &wg)
	time.Sleep(200 * time.Millisecond)
	owner := topo.TxnID{Node: 8, Epoch: 1, Seq: 1}
	if err := c.node(at).lockAs(owner, lock.Update, lock.Wait, "held"); err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		to := at%3 + 1
		w.takePause()
		began := time.Now()
		if err := c.node(at).g.TransferLease(bound(t, 10*time.Second), uint64(to)); err != nil {
			t.Fatal(err)
		}
		took := time.Since(began)
		c.node(to).g.WaitReady(bound(t, time.Second))
		if err := c.node(to).lockAs(topo.TxnID{Node: 8, Epoch: 1, Seq: 2}, lock.Share, lock.NoWait, "held"); err == nil {
			t.Errorf("transfer %d: the lock did not move", i)
		}
		if info, mine := c.node(to).g.Lease(); !mine || info.Holder != topo.NodeID(to) {
			t.Errorf("transfer %d: %+v", i, info)
		}
		time.Sleep(100 * time.Millisecond)
		t.Logf("transfer from %d to %d took %v, a client's longest pause %v", at, to, took, w.takePause())
		at = to
	}
	end()
	got, err := (&gateway{c: c, to: at}).get("x", topo.MaxTimestamp)
	if err != nil {
		t.Fatal(err)
	}
	var number int
	fmt.Sscan(got, &number)
	if number < *committed || number > *committed+*unknown {
		t.Errorf("the counter says %d after %d commits and %d unknown", number, *committed, *unknown)
	}
	t.Logf("%d snapshots beside %d commits", *snapshots, *committed)
	c.check(w.end())
}

func TestAReleaseCarriesLocksReadsAndSequences(t *testing.T) {
	t.Parallel()
	c, at := three(t, nil)
	gw := &gateway{c: c, to: at}
	if _, _, err := gw.put("first"); err != nil { // the floor of this tenure
		t.Fatal(err)
	}
	from := c.node(at)
	owner := topo.TxnID{Node: 1, Epoch: 1, Seq: 1 << 40}
	if err := from.lockAs(owner, lock.KeyShare, lock.Wait, "a", "b"); err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error, 1)
	started := make(chan struct{})
	go func() {
		_, err := from.g.Lock(ctx, &rpc.LockRequest{Txn: topo.TxnID{Node: 2, Epoch: 1, Seq: 1}, Keys: [][]byte{key("a")},
			Modes: []lock.Mode{lock.Update}, WaitStarted: func([]topo.TxnID) { close(started) }})
		waiting <- err
	}()
	<-started
	next := func(n *node) int64 {
		resp, err := n.g.NextSequenceValues(ctx, &rpc.SequenceRequest{ID: 9, Start: 1, Increment: 1, Min: 1, Max: 1 << 40})
		if err != nil {
			t.Fatal(err)
		}
		return resp.First
	}
	next(from)
	last := next(from)
	high := c.now() + 1000 // far ahead of the clock: a fresh timestamp would not cover it
	from.read(t, high, "later")

	to := at%3 + 1
	if err := from.g.TransferLease(bound(t, 10*time.Second), uint64(to)); err != nil {
		t.Fatal(err)
	}
	var e *rpc.Error
	if err := <-waiting; !errors.As(err, &e) || e.Code != rpc.ErrUnavailable && e.Code != rpc.ErrNotLeaseholder {
		t.Errorf("who waited for a lock got %v", err)
	}
	target := c.node(to)
	if h := target.g.locks.Holders(key("a")); len(h) != 1 || h[0].Owner != owner || !h[0].Modes.Has(lock.KeyShare) {
		t.Errorf("holders at the target: %v", h)
	}
	if n := len(from.g.Locks()); n != 0 {
		t.Errorf("%d locks are left behind", n)
	}
	if !target.g.floored.Load() || target.g.reads.floor.Load() < uint64(high) {
		t.Errorf("floor %d, a read at %d was served", target.g.reads.floor.Load(), high)
	}
	res, err := target.g.Propose(ctx, target.put(topo.TxnID{Node: 1, Epoch: 1, Seq: 5}, 1, "v", "later"))
	if err != nil || res.TS <= high {
		t.Errorf("a commit at %d below a served read at %d: %v", res.TS, high, err)
	}
	if got := next(target); got != last+1 {
		t.Errorf("the sequence goes on at %d after %d", got, last)
	}
	// The old holder knows where to go, and does not keep a transaction's end to itself.
	if err := from.g.Unlock(ctx, &rpc.UnlockRequest{Txn: owner}); !errors.As(err, &e) || e.Holder != topo.NodeID(to) {
		t.Errorf("an unlock at the old holder: %v", err)
	}
	if err := target.g.Unlock(ctx, &rpc.UnlockRequest{Txn: owner}); err != nil || len(target.g.Locks()) != 0 {
		t.Errorf("an unlock at the new one: %v, %v", err, target.g.Locks())
	}
}

func TestATransferToADeadNodeChangesNothing(t *testing.T) {
	t.Parallel()
	c, at := three(t, nil)
	dead := at%3 + 1
	w := c.write(2)
	c.stop(dead, true)
	before, _ := c.node(at).g.Lease()
	if err := c.node(at).g.TransferLease(bound(t, 1500*time.Millisecond), uint64(dead)); err == nil {
		t.Error("the lease moved to a dead node")
	}
	if now, mine := c.node(at).g.Lease(); !mine || now.Epoch != before.Epoch {
		t.Errorf("the lease is %+v, was %+v", now, before)
	}
	time.Sleep(300 * time.Millisecond)
	t.Logf("a client's longest pause: %v", w.takePause())
	c.check(w.end())
}

func TestALeaseReleasedToNobodyIsTakenBackWithItsLocks(t *testing.T) {
	t.Parallel()
	c, at := three(t, nil)
	n := c.node(at)
	if _, _, err := (&gateway{c: c, to: at}).put("a"); err != nil {
		t.Fatal(err)
	}
	owner := topo.TxnID{Node: 1, Epoch: 1, Seq: 1 << 40}
	if err := n.lockAs(owner, lock.Update, lock.Wait, "locked"); err != nil {
		t.Fatal(err)
	}
	v := n.g.lease.Load()
	began := time.Now()
	if err := n.g.release(bound(t, 5*time.Second), v, uint64(at%3+1)); err != nil {
		t.Fatal(err)
	}
	if err := n.g.awaitSuccessor(bound(t, 5*time.Second), v); !errors.Is(err, errTakenBack) {
		t.Errorf("got %v", err)
	}
	t.Logf("taken back after %v", time.Since(began))
	if info, mine := n.g.Lease(); !mine || info.Epoch != v.info.Epoch+1 {
		t.Errorf("lease %+v", info)
	}
	if h := n.g.locks.Holders(key("locked")); len(h) != 1 || h[0].Owner != owner {
		t.Errorf("holders: %v", h)
	}
	if _, _, err := (&gateway{c: c, to: at}).put("b"); err != nil {
		t.Error(err)
	}
}

func TestTheLeaseFollowsRaftsLeader(t *testing.T) {
	t.Parallel()
	c, at := three(t, nil)
	w := c.write(2)
	to := at%3 + 1
	if err := c.node(at).g.moveLeadership(bound(t, 5*time.Second), uint64(to)); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := c.node(to).g.WaitReady(bound(t, 10*time.Second)); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(began); d > 3*time.Second {
		t.Errorf("it took %v", d)
	}
	t.Logf("the lease followed after %v; a client's longest pause %v", time.Since(began), w.takePause())
	c.check(w.end())
}

func TestACleanStopHandsTheLeaseOver(t *testing.T) {
	t.Parallel()
	c, at := three(t, nil)
	w := c.write(2)
	time.Sleep(200 * time.Millisecond)
	w.takePause()
	began := time.Now()
	c.stop(at, false)
	next := c.holder()
	took := time.Since(began)
	time.Sleep(100 * time.Millisecond)
	pause := w.takePause()
	t.Logf("a clean stop took %v; a client's longest pause %v", took, pause)
	if pause > time.Second {
		t.Error("that is no hand-over")
	}
	c.check(w.end())
	// With nobody left who could take it, a stop does not wait for long.
	for i := 1; i <= 3; i++ {
		if i != at && i != next {
			c.stop(i, true)
		}
	}
	time.Sleep(1200 * time.Millisecond)
	began = time.Now()
	c.stop(next, false)
	if d := time.Since(began); d > 2*closeTransfer {
		t.Errorf("the last one's stop took %v", d)
	}
}

func TestAProposalLostWithAnotherLeaderIsAnsweredSoonAndForCertain(t *testing.T) {
	t.Parallel()
	c, at := three(t, nil)
	if _, _, err := (&gateway{c: c, to: at}).put("first"); err != nil {
		t.Fatal(err)
	}
	n, leader := c.node(at), at%3+1
	if err := n.g.moveLeadership(bound(t, 5*time.Second), uint64(leader)); err != nil {
		t.Fatal(err)
	}
	c.setCut(leader, true)
	began := time.Now()
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			id := topo.TxnID{Node: 1, Epoch: 1, Seq: c.seq.Add(1)}
			res, err := n.g.Propose(ctx, n.put(id, c.now(), "v", fmt.Sprint("lost", i)))
			var e *rpc.Error
			if errors.As(err, &e) && e.Code == rpc.ErrAmbiguous {
				t.Errorf("of unknown outcome: %v", err)
			}
			t.Logf("answered after %v: result %d, %v", time.Since(began), res.Code, err)
		}()
		time.Sleep(20 * time.Millisecond)
	}
	wg.Wait()
	if d := time.Since(began); d > 8*time.Second {
		t.Errorf("it took %v", d)
	}
	c.setCut(leader, false)
	c.check([]string{"first"})
}

func TestACutOffHolderServesNothingOnceAnotherMay(t *testing.T) {
	t.Parallel()
	c, at := three(t, nil)
	old := c.node(at)
	gw := &gateway{c: c, to: at}
	if _, _, err := gw.put("before"); err != nil {
		t.Fatal(err)
	}
	c.setCut(at, true)
	began := time.Now()
	for other := at%3 + 1; ; other = other%3 + 1 {
		if other != at && c.node(other).g.lease.Load().mine {
			gw.to = other
			break
		}
		if time.Since(began) > 15*time.Second {
			t.Fatal("nobody took over")
		}
		time.Sleep(time.Millisecond)
	}
	t.Logf("another took over after %v", time.Since(began))
	if _, known, err := gw.put("after"); !known || err != nil {
		t.Fatal(err)
	}
	_, err := old.g.Get(bound(t, 6*time.Second), &rpc.GetRequest{TS: topo.MaxTimestamp, Keys: [][]byte{key("after")}})
	if err == nil {
		t.Error("a cut-off holder served a read")
	}
	c.setCut(at, false)
	c.check([]string{"before", "after"})
	// Whoever was cut off is of use again.
	if err := c.node(gw.to).g.TransferLease(bound(t, 10*time.Second), uint64(at)); err != nil {
		t.Error(err)
	}
}
