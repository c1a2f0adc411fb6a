package deadlock

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

func owner(n int) topo.TxnID { return topo.TxnID{Node: 1, Epoch: 1, Seq: uint64(n)} }

var ctx = context.Background()

func take(t *testing.T, m *lock.Manager, o int, key string, mode lock.Mode) {
	t.Helper()
	if _, err := m.Acquire(ctx, owner(o), []byte(key), mode, &lock.Options{Policy: lock.NoWait}); err != nil {
		t.Fatal(err)
	}
}

// queue starts a request and returns when the detector has registered it, or when it was answered.
func queue(t *testing.T, d *Detector, m *lock.Manager, o int, key string, mode lock.Mode) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := m.Acquire(ctx, owner(o), []byte(key), mode, nil)
		done <- err
	}()
	for start := time.Now(); time.Since(start) < 5*time.Second; time.Sleep(10 * time.Microsecond) {
		d.mu.Lock()
		n := len(d.waits[d.process(owner(o))])
		d.mu.Unlock()
		if n > 0 {
			return done
		}
		select {
		case err := <-done:
			done <- err
			return done
		default:
		}
	}
	t.Fatal("not queued")
	return nil
}

func answer(t *testing.T, c <-chan error) error {
	t.Helper()
	select {
	case err := <-c:
		return err
	case <-time.After(5 * time.Second):
		t.Fatal("no answer")
		return nil
	}
}

func TestTheWaiterThatClosesACycleOverTwoManagersIsTheVictim(t *testing.T) {
	d := New()
	a, b, tab := lock.NewRows(d), lock.NewRows(d), lock.NewTables(d)
	take(t, a, 1, "x", lock.Update)
	take(t, b, 2, "y", lock.Update)
	take(t, tab, 3, "tttt", lock.RowExclusiveLock)
	w1 := queue(t, d, b, 1, "y", lock.KeyShare)
	w2 := queue(t, d, tab, 2, "tttt", lock.AccessExclusiveLock)
	err := answer(t, queue(t, d, a, 3, "x", lock.Share))
	var dl *lock.Deadlock
	if !errors.As(err, &dl) || len(dl.Edges) != 3 {
		t.Fatalf("want a deadlock of three, got %v", err)
	}
	pids := func(o topo.TxnID) int32 { return int32(o.Seq) + 100 }
	const want = "Process 103 waits for ShareLock on transaction 1; blocked by process 101.\n" +
		"Process 101 waits for ShareLock on transaction 2; blocked by process 102.\n" +
		"Process 102 waits for AccessExclusiveLock on relation; blocked by process 103."
	if got := Detail(dl, Names{Process: pids}); got != want {
		t.Errorf("detail:\n%s", got)
	}
	tab.ReleaseAll(owner(3))
	if err := answer(t, w2); err != nil {
		t.Error(err)
	}
	b.ReleaseAll(owner(2))
	if err := answer(t, w1); err != nil {
		t.Error(err)
	}
	if len(d.waits) != 0 {
		t.Errorf("%d waits left", len(d.waits))
	}
}

func TestTwoUpgradesOfASharedLockDeadlock(t *testing.T) {
	d := New()
	m := lock.NewRows(d)
	take(t, m, 1, "k", lock.Share)
	take(t, m, 2, "k", lock.Share)
	w1 := queue(t, d, m, 1, "k", lock.Update)
	var dl *lock.Deadlock
	if err := answer(t, queue(t, d, m, 2, "k", lock.Update)); !errors.As(err, &dl) {
		t.Fatalf("second upgrade: %v", err)
	}
	m.ReleaseAll(owner(2))
	if err := answer(t, w1); err != nil {
		t.Fatal(err)
	}
}

func TestACycleOfQueueOrderAloneIsUntied(t *testing.T) {
	d := New()
	m := lock.NewTables(d)
	take(t, m, 1, "aaaa", lock.AccessShareLock)
	take(t, m, 3, "bbbb", lock.AccessExclusiveLock)
	w2 := queue(t, d, m, 2, "aaaa", lock.AccessExclusiveLock)
	w3 := queue(t, d, m, 3, "aaaa", lock.AccessShareLock) // behind owner 2
	w1 := queue(t, d, m, 1, "bbbb", lock.AccessShareLock) // closes the cycle 1 -> 3 -> 2 -> 1
	if err := answer(t, w3); err != nil {
		t.Fatalf("owner 3 should have overtaken: %v", err)
	}
	m.ReleaseAll(owner(3))
	if err := answer(t, w1); err != nil {
		t.Fatal(err)
	}
	m.ReleaseAll(owner(1))
	if err := answer(t, w2); err != nil {
		t.Fatal(err)
	}
}

func TestASessionsAdvisoryLockAndItsTransactionAreOneProcess(t *testing.T) {
	d := New()
	rows, adv := lock.NewRows(d), lock.NewAdvisory(d)
	const session1, txn1, txn2 = 101, 1, 2
	d.Bind(owner(txn1), owner(session1))
	take(t, adv, session1, "L", lock.AdvisoryExclusiveSession)
	take(t, rows, txn2, "r", lock.Update)
	w := queue(t, d, rows, txn1, "r", lock.Update)
	var dl *lock.Deadlock
	if err := answer(t, queue(t, d, adv, txn2, "L", lock.AdvisoryExclusiveTransaction)); !errors.As(err, &dl) {
		t.Fatalf("want a deadlock, got %v", err)
	}
	rows.ReleaseAll(owner(txn2))
	if err := answer(t, w); err != nil {
		t.Fatal(err)
	}
	d.Unbind(owner(txn1))
	if len(d.waits)+len(d.sessionOf)+len(d.txnOf) != 0 {
		t.Error("the graph kept something")
	}
}

func TestRandomLockersAlwaysMoveOn(t *testing.T) {
	d := New()
	m := lock.NewRows(d)
	var wg sync.WaitGroup
	for g := 0; g < 16; g++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := 0; i < 300; i++ {
				o := topo.TxnID{Node: topo.NodeID(g), Epoch: 1, Seq: uint64(i)}
				for j := 0; j < 4; j++ {
					key := fmt.Sprint((g*7 + i*13 + j*5) % 6)
					mode := lock.Mode(1 + (g+i+j)%4)
					if _, err := m.Acquire(ctx, o, []byte(key), mode, nil); err != nil {
						break
					}
				}
				m.ReleaseAll(o)
			}
		}()
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatalf("stuck: %v", m.List())
	}
	if l := m.List(); len(l) != 0 || len(d.waits) != 0 {
		t.Errorf("left: %v, %d waits", l, len(d.waits))
	}
}

func BenchmarkHotRowArrival(b *testing.B) {
	d := New()
	m := lock.NewRows(d)
	key := []byte("hot")
	c, cancel := context.WithCancel(ctx)
	defer cancel()
	m.Acquire(c, owner(0), key, lock.Update, nil)
	for i := 1; i <= 1000; i++ {
		go m.Acquire(c, owner(i), key, lock.Update, nil)
	}
	m.Acquire(c, owner(5000), []byte("other"), lock.Update, nil)
	go m.Acquire(c, owner(5001), []byte("other"), lock.Update, nil)
	time.Sleep(50 * time.Millisecond)
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		m.Acquire(c, owner(5000), key, lock.Update, &lock.Options{Timeout: time.Nanosecond})
	}
}
