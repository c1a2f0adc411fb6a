package fsm

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/disk"
	"github.com/pgmqdb/pgmqdb/shard/mvcc"
)

// A flush has three steps. Freeze, between two entries: the active delta becomes the frozen one, and the changed records
// are encoded. Write: one transaction of the file. Thaw: the view loses the frozen delta, whose content the file has now.
// Apply and reads go on during the second, which takes the time. When it fails, the frozen batch stays and is written again;
// what was applied since is still in the active delta.

// flusher runs flushes in the background and makes apply wait when the delta is full.
type flusher struct {
	s     *State
	wake  chan struct{} // capacity 1: the active delta has passed half of its bound
	freed chan struct{} // capacity 1: a flush ended
	quit  chan struct{}
	done  chan struct{}
	once  sync.Once
}

func (f *flusher) init(s *State) {
	f.s = s
	f.wake, f.freed = make(chan struct{}, 1), make(chan struct{}, 1)
	f.quit, f.done = make(chan struct{}), make(chan struct{})
	if s.opts.ManualFlush {
		close(f.done)
		return
	}
	go f.run()
}

// The pause before a flush that failed, by a full disk for example, is tried again.
const retryFlush = 200 * time.Millisecond

func (f *flusher) run() {
	defer close(f.done)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-f.quit
		cancel()
	}()
	for {
		select {
		case <-f.quit:
			return
		case <-f.wake:
		}
		for {
			err := f.s.flushOnce(ctx)
			signal(f.freed)
			if err == nil || f.s.failure() != nil {
				break
			}
			select {
			case <-f.quit:
				return
			case <-time.After(retryFlush):
			}
		}
	}
}

func (f *flusher) stop() {
	f.once.Do(func() { close(f.quit) })
	<-f.done
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// awaitRoom makes apply wait while the active delta is full: half of the bound, the other half being the frozen one's.
func (f *flusher) awaitRoom() error {
	s := f.s
	half := s.opts.MaxDeltaBytes / 2
	if s.view.Load().active.Bytes() < half {
		return nil
	}
	if s.opts.ManualFlush {
		return s.Flush(context.Background())
	}
	signal(f.wake)
	for v := s.view.Load(); v.frozen != nil && v.active.Bytes() >= half; v = s.view.Load() {
		if err := s.failure(); err != nil {
			return err
		}
		select {
		case <-f.freed:
		case <-f.quit:
			return ErrClosed
		}
		signal(f.wake)
	}
	return nil
}

// Flush writes what was applied to the file, durably, beside apply and reads.
func (s *State) Flush(ctx context.Context) error {
	// The first may write what an earlier one froze and failed on.
	again, err := s.flush(ctx)
	if again && err == nil {
		_, err = s.flush(ctx)
	}
	return err
}

// Sync makes everything applied durable.
func (s *State) Sync() error { return s.Flush(context.Background()) }

func (s *State) flushOnce(ctx context.Context) error {
	_, err := s.flush(ctx)
	return err
}

func (s *State) flush(ctx context.Context) (old bool, err error) {
	s.flushMu.Lock()
	defer s.flushMu.Unlock()
	if err := s.failure(); err != nil {
		return false, err
	}
	if s.opts.ReadOnly {
		return false, ErrReadOnly
	}
	old = s.frozen != nil
	if !old && !s.freeze() {
		return false, nil
	}
	if err := s.flushFrozen(ctx); err != nil {
		if IsCorrupt(err) {
			s.fail(err)
		}
		return old, closedError(err)
	}
	s.swapView(func(v *view) { v.frozen = nil })
	s.frozen = nil
	s.sentAhead.flushed()
	return old, nil
}

// flushFrozen brings the frozen batch into the file.
func (s *State) flushFrozen(ctx context.Context) error {
	if err := awaitWriting(ctx); err != nil {
		return err
	}
	defer endWriting()
	return s.view.Load().disk.Flush(ctx, s.frozen)
}

// freeze makes the batch that the flush writes; false when the file has everything.
func (s *State) freeze() bool {
	s.applyMu.Lock()
	defer s.applyMu.Unlock()
	if s.t.index == s.view.Load().disk.Meta().Index {
		return false
	}
	s.frozen = &disk.Batch{Index: s.t.index, Horizon: s.t.horizon, Records: s.takeDirty(), Dropped: s.t.dropped}
	s.swapView(func(v *view) { v.frozen, v.active = v.active, mvcc.New() })
	s.frozen.Delta = s.view.Load().frozen
	s.sentAhead.freeze()
	s.flushedMaxTS = s.t.maxTS
	return true
}

// takeDirty encodes the records that changed since the last call, in key order.
func (s *State) takeDirty() []disk.Record {
	keys := make([][]byte, 0, 1+len(s.dirty)+len(s.dirtyOutcomes)+len(s.dirtyShares))
	keys = append(keys, metaRecordKey)
	for key := range s.dirty {
		keys = append(keys, []byte(key))
	}
	slices.SortFunc(s.dirtyOutcomes, attemptID.compare)
	for _, id := range slices.Compact(s.dirtyOutcomes) {
		keys = append(keys, outcomeRecordKey(id))
	}
	slices.SortFunc(s.dirtyShares, cmp.Compare[string])
	for _, key := range slices.Compact(s.dirtyShares) {
		keys = append(keys, shareRecordKey(key))
	}
	slices.SortFunc(keys, bytes.Compare)
	records := make([]disk.Record, len(keys))
	for i, key := range keys {
		records[i] = disk.Record{Key: key, Value: s.t.encode(key)}
	}
	clear(s.dirty)
	s.dirtyOutcomes, s.dirtyShares = s.dirtyOutcomes[:0], s.dirtyShares[:0]
	return records
}

// swapView replaces the view by a changed copy. Flushes and apply both do.
func (s *State) swapView(change func(*view)) {
	for {
		old := s.view.Load()
		v := *old
		change(&v)
		if s.view.CompareAndSwap(old, &v) {
			return
		}
	}
}

// ErrInterrupted says that saving or recovering was stopped by its done channel.
var ErrInterrupted = errors.New("fsm: interrupted")
