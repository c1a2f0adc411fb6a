package fsm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Digests asked for at one index are of one state, wherever the log goes on to and whichever replica flushed.
func TestDigestAtIsOfOneState(t *testing.T) {
	ctx := context.Background()
	a, b := newReplica(t, manual), newReplica(t, manual)
	both := func(c Command) {
		a.want(c, ResultCommitted)
		b.want(c, ResultCommitted)
	}
	both(onePhase(1, 10, put("a", "1", 0)))
	index := a.s.AppliedIndex() + 2
	type answer struct {
		index, sum uint64
		err        error
	}
	answers := make(chan answer, 2)
	moments := make(chan uint64, 2)
	for _, r := range []*replica{a, b} {
		go func() {
			i, sum, err := r.s.DigestAt(ctx, index, func() { moments <- r.s.AppliedIndex() })
			answers <- answer{i, sum, err}
		}()
	}
	for _, r := range []*replica{a, b} {
		for waiting := false; !waiting; time.Sleep(time.Millisecond) {
			r.s.applyMu.Lock()
			waiting = len(r.s.digests) == 1
			r.s.applyMu.Unlock()
		}
	}
	b.flush()
	for i := 2; i < 9; i++ {
		a.want(onePhase(i, 20, put(fmt.Sprint("k", i), "v", 0)), ResultCommitted)
	}
	for i := 2; i < 4; i++ {
		b.want(onePhase(i, 20, put(fmt.Sprint("k", i), "v", 0)), ResultCommitted)
	}
	x, y := <-answers, <-answers
	if x != y || x.err != nil || x.index != index || <-moments != index || <-moments != index {
		t.Errorf("want equal digests at %d, got %+v and %+v", index, x, y)
	}
	if x.sum != b.digest() {
		t.Error("the digest is not that of the state at the index")
	}
	if _, _, err := a.s.DigestAt(ctx, index, nil); !errors.Is(err, ErrPassed) {
		t.Errorf("an index that was applied: %v", err)
	}
	short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	if _, _, err := a.s.DigestAt(short, a.s.AppliedIndex()+1, nil); !errors.Is(err, context.DeadlineExceeded) || len(a.s.digests) != 0 {
		t.Errorf("nothing was applied: %v, %d waiting", err, len(a.s.digests))
	}
}

// A snapshot that takes a replica over an index leaves nobody waiting for it.
func TestDigestAtIsPassedByASnapshot(t *testing.T) {
	a, b := newReplica(t, manual), newReplica(t, manual)
	for i := 1; i < 6; i++ {
		a.want(onePhase(i, 20, put(fmt.Sprint("k", i), "v", 0)), ResultCommitted)
	}
	snap, err := a.s.PrepareSnapshot()
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := a.s.SaveSnapshot(snap, &buf, nil); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() {
		_, _, err := b.s.DigestAt(context.Background(), 2, nil)
		failed <- err
	}()
	for waiting := false; !waiting; time.Sleep(time.Millisecond) {
		b.s.applyMu.Lock()
		waiting = len(b.s.digests) == 1
		b.s.applyMu.Unlock()
	}
	if err := b.s.RecoverFromSnapshot(&buf, nil); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; !errors.Is(err, ErrPassed) {
		t.Errorf("got %v", err)
	}
}

func TestHighestShare(t *testing.T) {
	r := newReplica(t, manual)
	if _, ts := r.s.HighestShare(); ts != 0 {
		t.Errorf("an empty state has a share_ts of %d", ts)
	}
	r.want(onePhase(1, 10, put("a", "1", 0)), ResultCommitted)
	res := r.want(onePhase(2, 30, Item{Kind: ItemSharedMark, Mode: 1, Key: []byte("a"), Seen: r.keyVersion("a")}), ResultCommitted)
	if key, ts := r.s.HighestShare(); string(key) != "a" || ts != res.TS {
		t.Errorf("got %q %d, want a %d", key, ts, res.TS)
	}
}

func (r *replica) keyVersion(key string) (ts topo.Timestamp) {
	v, _, err := r.s.Latest([]byte(key), txnID(0))
	if err != nil {
		r.t.Fatal(err)
	}
	return v.KeyVersion
}
