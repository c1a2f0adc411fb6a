package lock

import (
	"errors"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

func TestReleaseNodeDropsEarlierEpochsOfThatNodeAlone(t *testing.T) {
	for _, from := range []int{0, packFrom} {
		testReleaseNode(t, from)
	}
}

func testReleaseNode(t *testing.T, from int) {
	m := NewRows(nil)
	m.packFrom = from
	own := func(node topo.NodeID, epoch topo.LivenessEpoch, seq uint64) topo.TxnID {
		return topo.TxnID{Node: node, Epoch: epoch, Seq: seq}
	}
	dead, alive, other := own(2, 4, 1), own(2, 5, 1), own(3, 1, 1)
	take := func(o topo.TxnID, key string) {
		t.Helper()
		if _, err := m.Acquire(ctx, o, []byte(key), Update, &Options{Policy: NoWait}); err != nil {
			t.Fatal(err)
		}
	}
	take(dead, "a")
	take(alive, "b")
	take(other, "c")
	ends := map[string]chan error{}
	wait := func(name string, o topo.TxnID, key string) {
		done := make(chan error, 1)
		ends[name] = done
		n := len(m.List())
		go func() {
			_, err := m.Acquire(ctx, o, []byte(key), Update, nil)
			done <- err
		}()
		for len(m.List()) == n {
			time.Sleep(time.Millisecond)
		}
	}
	wait("waits for the dead", own(3, 1, 2), "a")
	wait("dead and waiting", own(2, 3, 9), "c")
	wait("behind the dead", own(3, 1, 3), "c")

	if n := m.ReleaseNode(2, 5); n != 2 {
		t.Errorf("%d owners were dropped, want 2", n)
	}
	if err := <-ends["waits for the dead"]; err != nil {
		t.Errorf("who waited for the dead owner got %v", err)
	}
	if err := <-ends["dead and waiting"]; !errors.Is(err, ErrDropped) {
		t.Errorf("the dead owner's wait ended with %v", err)
	}
	if m.Held(dead, []byte("a")) != 0 || m.Held(alive, []byte("b")) == 0 || m.Held(other, []byte("c")) == 0 {
		t.Errorf("held: %v", m.List())
	}
	m.ReleaseAll(other)
	if err := <-ends["behind the dead"]; err != nil {
		t.Error(err)
	}
	seen := 0
	m.EachHeld(func(o topo.TxnID, key []byte, mode Mode) bool {
		if !m.class.Conflicts[mode].Has(Update) {
			t.Errorf("%v of %s by %v", mode, key, o)
		}
		seen++
		return true
	})
	if seen != 3 {
		t.Errorf("%d locks are held, want a, b and c: %v", seen, m.List())
	}
}
