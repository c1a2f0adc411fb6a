package fsm

import (
	"context"
	"errors"
	"slices"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Replicas of a group apply the same entries under the same indexes. So the digests that they take after the first entry
// at or above some index are of the same state, however fast the log grows, if each was asked before it got there.

// ErrPassed says that the replica has applied the index already.
var ErrPassed = errors.New("fsm: the index has been applied")

// digestWaiter wants the state pinned after the first entry at or above index. Guarded by applyMu, until done is closed.
type digestWaiter struct {
	index uint64
	at    func()
	done  chan struct{}
	snap  *Snapshot
	err   error
}

// DigestAt waits for the first entry at or above index and returns the digest of the state that it left, with its index.
// at, when set, is called at that moment: apply waits for it. ErrPassed: it was too late, or a snapshot took the state over
// the index.
func (s *State) DigestAt(ctx context.Context, index uint64, at func()) (applied, sum uint64, err error) {
	w := &digestWaiter{index: index, at: at, done: make(chan struct{})}
	s.applyMu.Lock()
	if err := s.failure(); err != nil {
		s.applyMu.Unlock()
		return 0, 0, err
	}
	if s.t.index >= index {
		s.applyMu.Unlock()
		return 0, 0, ErrPassed
	}
	s.digests = append(s.digests, w)
	s.applyMu.Unlock()
	select {
	case <-w.done:
	case <-ctx.Done():
		s.applyMu.Lock()
		s.digests = slices.DeleteFunc(s.digests, func(x *digestWaiter) bool { return x == w })
		s.applyMu.Unlock()
		if w.snap != nil { // pinned in the last moment
			w.snap.reader.Release()
		}
		return 0, 0, context.Cause(ctx)
	}
	if w.err != nil {
		return 0, 0, w.err
	}
	defer w.snap.reader.Release()
	sum, err = w.snap.digest(ctx)
	return w.snap.index, sum, err
}

// pinWaiting pins the state for those who waited for the entry that was just applied. The caller holds applyMu.
func (s *State) pinWaiting() {
	s.digests = slices.DeleteFunc(s.digests, func(w *digestWaiter) bool {
		if s.t.index < w.index {
			return false
		}
		if w.snap, w.err = s.pinHeld(); w.err == nil && w.at != nil {
			w.at()
		}
		close(w.done)
		return true
	})
}

// passWaiting tells those who wait for an index that a snapshot passed over. The caller holds applyMu.
func (s *State) passWaiting() {
	s.digests = slices.DeleteFunc(s.digests, func(w *digestWaiter) bool {
		if s.t.index < w.index {
			return false
		}
		w.err = ErrPassed
		close(w.done)
		return true
	})
}

// digestPoll is how many versions are hashed between two looks at the context.
const digestPoll = 1024

func (snap *Snapshot) digest(ctx context.Context) (uint64, error) {
	var d digest
	for _, r := range snap.records {
		d.record(r.Key, r.Value)
	}
	err := snap.eachVersion(func(key []byte, v *version) error {
		if d.version(key, v); d.values%digestPoll == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return nil
	})
	return d.sum, err
}

// HighestShare returns the highest share_ts of rule R2 and its key; 0 when there is none.
func (s *State) HighestShare() (key []byte, ts topo.Timestamp) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	highest := ""
	for k, at := range s.t.shares {
		if at > ts || at == ts && k < highest {
			highest, ts = k, at
		}
	}
	return []byte(highest), ts
}
