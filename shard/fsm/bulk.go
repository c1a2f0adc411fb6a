package fsm

import (
	"context"
	"time"
)

// The commit of a large transaction puts all that it had sent ahead into the delta at once, whatever the delta's bound, and
// the flush after it holds as much again in the file's transaction. Its groups commit at the same time, and on one node
// they share the memory. Therefore:
//
//   - one flush at a time writes to a file in the whole process;
//   - one large commit at a time is in the deltas: the next one's apply waits for the flush of the one before it, but no
//     longer than bulkWait: reads and the lease wait with it.
//
// Both are about memory alone: what is applied, and in which order, is not touched.

const (
	bulkOps  = 50_000 // net operations from which a commit is large
	bulkWait = 2 * time.Second
)

var (
	writing  = make(chan struct{}, 1) // held while a flush writes
	bulkSlot = make(chan struct{}, 1) // held from a large commit to the end of its flush
)

// awaitBulk takes the slot of large commits for one with so many operations. The caller is apply.
func (s *State) awaitBulk(ops int) {
	if ops < bulkOps || s.opts.ManualFlush || s.bulk.Load() {
		return
	}
	timer := time.NewTimer(bulkWait)
	defer timer.Stop()
	select {
	case bulkSlot <- struct{}{}:
		s.bulk.Store(true)
	case <-timer.C:
	case <-s.flusher.quit:
	}
}

// endBulk gives the slot back, if this replica has it. The caller holds flushMu, and what was committed is in the file,
// or the replica is closed.
func (s *State) endBulk() {
	if s.bulk.Swap(false) {
		<-bulkSlot
	}
}

// awaitWriting takes the turn to write a file.
func awaitWriting(ctx context.Context) error {
	select {
	case writing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func endWriting() { <-writing }
