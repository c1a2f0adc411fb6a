package group

import (
	"sync"
	"testing"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
)

func nextval(t *testing.T, n *node, req rpc.SequenceRequest) *rpc.SequenceResponse {
	t.Helper()
	resp, err := n.g.NextSequenceValues(ctx, &req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func TestASequenceIsDenseAndLogsAhead(t *testing.T) {
	dir := t.TempDir()
	n := open(t, dir, nil)
	req := rpc.SequenceRequest{ID: 5, Start: 10, Increment: 1, Min: 1, Max: 1 << 40}
	_, c0 := n.g.Batches()
	for want := int64(10); want < 10+sequenceLogValues; want++ {
		if got := nextval(t, n, req); got.First != want || got.Count != 1 {
			t.Fatalf("got %+v, want %d", got, want)
		}
	}
	if _, c := n.g.Batches(); c-c0 > 2 {
		t.Errorf("%d log entries for %d values", c-c0, sequenceLogValues)
	}
	req.Count = 100
	if got := nextval(t, n, req); got.First != 10+sequenceLogValues || got.Count != 100 {
		t.Fatalf("%+v", got)
	}
	n.Close()
	n = open(t, dir, nil)
	req.Count = 1
	if got := nextval(t, n, req); got.First != 110+sequenceLogValues {
		t.Fatalf("after a clean stop: %+v", got)
	}
	req.Set = &rpc.SequenceValue{Last: 500}
	nextval(t, n, req)
	req.Set = nil
	if got := nextval(t, n, req); got.First != 500 || !got.State.IsCalled {
		t.Fatalf("after setval(500, false): %+v", got)
	}
	req.Peek = true
	if got := nextval(t, n, req); got.State != (rpc.SequenceValue{Last: 500, IsCalled: true}) {
		t.Fatalf("peek: %+v", got)
	}
}

// TestNextvalGoesOnWhileMoreIsLogged: clients side by side get every value once, most of them without waiting for the log,
// and a crash skips no more than what PostgreSQL may skip.
func TestNextvalGoesOnWhileMoreIsLogged(t *testing.T) {
	const clients, each = 8, 400
	dir := t.TempDir()
	n := open(t, dir, nil)
	req := rpc.SequenceRequest{ID: 5, Start: 1, Increment: 1, Min: 1, Max: 1 << 40}
	var mu sync.Mutex
	seen := map[int64]bool{}
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			last := int64(0)
			for range each {
				resp, err := n.g.NextSequenceValues(ctx, &req)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if seen[resp.First] || resp.First <= last || resp.Count != 1 {
					t.Errorf("%+v after %d", resp, last)
				}
				seen[resp.First], last = true, resp.First
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for v := int64(1); v <= clients*each; v++ {
		if !seen[v] {
			t.Fatalf("%d was not handed out", v)
		}
	}
	// setval and a sequence's own command come after what is being logged, whenever they come.
	for i := range int64(40) {
		for range i {
			nextval(t, n, req)
		}
		set := req
		set.Set = &rpc.SequenceValue{Last: 10000 + 100*i, IsCalled: true}
		nextval(t, n, set)
		if got := nextval(t, n, req); got.First != 10001+100*i {
			t.Fatalf("after setval %d: %+v", i, got)
		}
	}
	for range sequenceLogValues - sequenceLogBelow + 1 { // up to where more is logged
		nextval(t, n, req)
	}
	cmd := sequenceCommand(req.ID, rpc.SequenceValue{Last: 50000, IsCalled: true})
	if res, err := n.g.Propose(ctx, cmd); err != nil || res.Code != fsm.ResultOK {
		t.Fatal(res, err)
	}
	last := nextval(t, n, req).First
	if last != 50001 {
		t.Fatalf("after the sequence was set by a command: %d", last)
	}
	for range 3 * sequenceLogValues {
		last = nextval(t, n, req).First
	}
	n.crash()
	n = open(t, dir, nil)
	if got := nextval(t, n, req); got.First <= last || got.First > last+sequenceLogValues+1 {
		t.Fatalf("%d after a crash at %d", got.First, last)
	}
}

func TestASequenceStopsAtItsBoundOrCycles(t *testing.T) {
	const lowest, highest = -1 << 63, 1<<63 - 1
	for _, c := range []struct {
		name   string
		state  rpc.SequenceValue
		req    rpc.SequenceRequest
		count  int64
		ok     bool
		first  int64
		n      int64
		logged int64
	}{
		{"up to the bound", rpc.SequenceValue{Last: 8, IsCalled: true}, rpc.SequenceRequest{Increment: 1, Min: 1, Max: 10}, 5, true, 9, 2, 10},
		{"at the bound", rpc.SequenceValue{Last: 10, IsCalled: true}, rpc.SequenceRequest{Increment: 1, Min: 1, Max: 10}, 1, false, 0, 0, 0},
		{"cycle", rpc.SequenceValue{Last: 10, IsCalled: true}, rpc.SequenceRequest{Increment: 1, Min: 1, Max: 10, Cycle: true}, 1, true, 1, 1, 10},
		{"cycle downwards", rpc.SequenceValue{Last: 2, IsCalled: true}, rpc.SequenceRequest{Increment: -2, Min: 1, Max: 10, Cycle: true}, 1, true, 10, 1, 2},
		{"a step too far", rpc.SequenceValue{Last: 9, IsCalled: true}, rpc.SequenceRequest{Increment: 3, Min: 1, Max: 11}, 1, false, 0, 0, 0},
		{"not called", rpc.SequenceValue{Last: 10}, rpc.SequenceRequest{Increment: 1, Min: 1, Max: 10}, 3, true, 10, 1, 10},
		{"whole int8 range", rpc.SequenceValue{Last: lowest}, rpc.SequenceRequest{Increment: highest, Min: lowest, Max: highest}, 9, true, lowest, 3, highest - 1},
		{"smallest increment", rpc.SequenceValue{Last: highest}, rpc.SequenceRequest{Increment: lowest, Min: lowest, Max: highest}, 9, true, highest, 2, -1},
	} {
		run, ok := nextRun(c.state, &c.req, c.count)
		if ok != c.ok || ok && (run.first != c.first || run.count != c.n || run.logged != c.logged) {
			t.Errorf("%s: %+v, %v", c.name, run, ok)
		}
	}
}
