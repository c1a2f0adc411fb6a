package tso

import (
	"context"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Remote is a Clock for a node that does not hold the catalog group's lease: it asks the one that does. Requests that come
// while a question is on its way share the next one: a timestamp is never drawn before it was asked for, so that it is
// later than everything that its asker knows to have committed. One question is on its way at a time; the more callers, the
// larger the batches, and the fewer the questions a timestamp.
type Remote struct {
	ask func(ctx context.Context, n int) (first topo.Timestamp, err error)

	mu      sync.Mutex
	waiting []chan answer
	asking  bool
}

type answer struct {
	ts  topo.Timestamp
	err error
}

// askTimeout bounds one question, so that those who wait behind a lost one get their turn.
const askTimeout = 10 * time.Second

var _ Clock = (*Remote)(nil)

// NewRemote returns a Clock that asks with ask, which returns the first of n consecutive timestamps.
func NewRemote(ask func(ctx context.Context, n int) (topo.Timestamp, error)) *Remote {
	return &Remote{ask: ask}
}

// Timestamp implements Clock.
func (r *Remote) Timestamp(ctx context.Context) (topo.Timestamp, error) {
	ch := make(chan answer, 1)
	r.mu.Lock()
	r.waiting = append(r.waiting, ch)
	lead := !r.asking
	r.asking = true
	r.mu.Unlock()
	if lead {
		go r.round() // not in the caller, which may be cancelled
	}
	select {
	case a := <-ch:
		return a.ts, a.err
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// round asks for all who wait, and hands over to a goroutine if more have come meanwhile.
func (r *Remote) round() {
	r.mu.Lock()
	batch := r.waiting
	r.waiting = nil
	if len(batch) > MaxBatch {
		batch, r.waiting = batch[:MaxBatch:MaxBatch], batch[MaxBatch:]
	}
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	first, err := r.ask(ctx, len(batch))
	cancel()
	r.mu.Lock()
	more := len(r.waiting) > 0
	r.asking = more
	r.mu.Unlock()
	for i, ch := range batch {
		if err != nil {
			ch <- answer{err: err}
		} else {
			ch <- answer{ts: first + topo.Timestamp(i)}
		}
	}
	if more {
		go r.round()
	}
}
