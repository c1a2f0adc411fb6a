package group

import (
	"testing"

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
