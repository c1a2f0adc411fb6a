package tso

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// fakeGroup is a catalog group whose lease the test moves.
type fakeGroup struct {
	mu    sync.Mutex
	epoch topo.LeaseEpoch
	end   topo.Timestamp
	lost  bool
}

var errLost = errors.New("not the leaseholder")

func (g *fakeGroup) ConfirmLease(context.Context) (topo.LeaseEpoch, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.lost {
		return 0, errLost
	}
	return g.epoch, nil
}

func (g *fakeGroup) LoggedWindow(context.Context) (topo.Timestamp, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.end, nil
}

func (g *fakeGroup) LogWindow(_ context.Context, epoch topo.LeaseEpoch, end topo.Timestamp) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if epoch != g.epoch || g.lost {
		return errLost
	}
	if end <= g.end {
		panic("window moved back")
	}
	g.end = end
	return nil
}

func TestTimestampsGrowOverWindowsAndLeases(t *testing.T) {
	g := &fakeGroup{epoch: 1}
	o := New(g, 8)
	var last topo.Timestamp
	for i := 0; i < 500; i++ {
		if i%100 == 99 {
			g.mu.Lock()
			g.epoch++
			g.mu.Unlock()
		}
		if i%150 == 149 {
			o = New(g, 8) // a restart
		}
		ts, err := o.Timestamp(context.Background())
		if err != nil {
			// A fill in the background may meet the new epoch first; the request after it must do.
			if ts, err = o.Timestamp(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		if end, _ := g.LoggedWindow(context.Background()); ts <= last || ts > end {
			t.Fatalf("got %d after %d, window ends at %d", ts, last, end)
		}
		last = ts
	}
}

func TestNoTimestampWithoutTheLease(t *testing.T) {
	g := &fakeGroup{epoch: 1}
	o := New(g, 1000)
	if _, err := o.Timestamp(context.Background()); err != nil {
		t.Fatal(err)
	}
	g.lost = true
	if ts, err := o.Timestamp(context.Background()); err == nil {
		t.Fatalf("got %d without the lease", ts)
	}
}

func TestConcurrentRequestsGetDistinctTimestamps(t *testing.T) {
	g := &fakeGroup{epoch: 1}
	o := New(g, 64)
	const workers, each = 8, 2000
	got := make([][]topo.Timestamp, workers)
	var wg sync.WaitGroup
	for i := range got {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for len(got[i]) < each {
				ts, err := o.Timestamp(context.Background())
				if err == errUnsettled {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				got[i] = append(got[i], ts)
			}
		}()
	}
	wg.Wait()
	seen := map[topo.Timestamp]bool{}
	for _, list := range got {
		for j, ts := range list {
			if seen[ts] || j > 0 && ts <= list[j-1] {
				t.Fatalf("%d again or out of order", ts)
			}
			seen[ts] = true
		}
	}
}

func TestARequestRidesOnlyInABatchSentAfterIt(t *testing.T) {
	var last, asked atomic.Uint64
	gate := make(chan struct{})
	r := NewRemote(func(_ context.Context, n int) (topo.Timestamp, error) {
		asked.Add(1)
		first := last.Add(uint64(n)) - uint64(n) + 1 // drawn before the delay, as a slow answer would be
		<-gate
		return topo.Timestamp(first), nil
	})
	first := make(chan topo.Timestamp)
	go func() {
		ts, _ := r.Timestamp(context.Background())
		first <- ts
	}()
	for asked.Load() == 0 {
		runtime.Gosched()
	}
	committed := topo.Timestamp(last.Add(10)) // others draw and commit while the first question is on its way
	const later = 50
	got := make(chan topo.Timestamp, later)
	for range later {
		go func() {
			ts, _ := r.Timestamp(context.Background())
			got <- ts
		}()
	}
	for waiting := 0; waiting < later; {
		r.mu.Lock()
		waiting = len(r.waiting)
		r.mu.Unlock()
		runtime.Gosched()
	}
	close(gate)
	if ts := <-first; ts != 1 {
		t.Fatalf("the first got %d", ts)
	}
	seen := map[topo.Timestamp]bool{}
	for range later {
		ts := <-got
		if ts <= committed || seen[ts] {
			t.Fatalf("%d is not after %d, or was handed out twice", ts, committed)
		}
		seen[ts] = true
	}
	if n := asked.Load(); n != 2 {
		t.Fatalf("%d questions", n)
	}
}

func TestBatchesAreConsecutive(t *testing.T) {
	o := New(&fakeGroup{epoch: 1}, 2*MaxBatch)
	var next topo.Timestamp = 1
	for range 20 {
		first, err := o.Timestamps(context.Background(), 1000)
		if err != nil || first < next {
			t.Fatalf("%d after %d: %v", first, next, err)
		}
		next = first + 1000
	}
}
