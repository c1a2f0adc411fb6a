// Package tso hands out the cluster's timestamps. An Oracle runs beside the catalog group's leaseholder: it logs a window
// of timestamps in that group ahead of use and serves from a counter below the window's end, so that a timestamp costs an
// atomic add and a look at the clock of the lease.
//
// Safety. A window is logged under one lease epoch and served under that epoch only; the next holder, or the same one
// after a restart, starts above the logged end. A value is drawn first and the lease looked at afterwards: a value that is
// returned was drawn while this node held the lease, so no later holder had handed out a higher one before.
package tso

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Clock hands out timestamps: each call a new one, later than every one handed out before the call began.
type Clock interface {
	Timestamp(ctx context.Context) (topo.Timestamp, error)
}

// Group is what the oracle needs of the catalog group; *group.Replica has it.
type Group interface {
	// ConfirmLease returns the epoch under which this node holds the lease at some time during the call.
	ConfirmLease(ctx context.Context) (topo.LeaseEpoch, error)
	// LoggedWindow returns the end of the last window logged, 0 before the first.
	LoggedWindow(ctx context.Context) (topo.Timestamp, error)
	// LogWindow logs a new end; it fails when the epoch is over.
	LogWindow(ctx context.Context, epoch topo.LeaseEpoch, end topo.Timestamp) error
}

// DefaultWindow is how many timestamps are logged at a time.
const DefaultWindow = 4 << 20

// MaxBatch is how many timestamps are handed out at a time at most; it is far below every window.
const MaxBatch = 4096

// maxEpochChanges bounds the lease changes that one request sits through.
const maxEpochChanges = 16

// errUnsettled says that the lease kept changing hands.
var errUnsettled = errors.New("tso: the catalog group's lease keeps changing")

// Oracle is a Clock.
type Oracle struct {
	group Group
	size  uint64

	current atomic.Pointer[window]
	// logging holds a token while a window is being logged: one at a time, and whoever waits for it waits no longer than
	// its context.
	logging chan struct{}
	filling atomic.Bool
}

var _ Clock = (*Oracle)(nil)

// window is the part of the timestamps that one epoch has logged: values in (start, end] may be handed out.
type window struct {
	epoch topo.LeaseEpoch
	last  atomic.Uint64 // the last value drawn; it may run past end, those draws are not used
	end   atomic.Uint64
}

// New returns an oracle that logs size timestamps at a time (0: DefaultWindow).
func New(g Group, size uint64) *Oracle {
	if size == 0 {
		size = DefaultWindow
	}
	return &Oracle{group: g, size: size, logging: make(chan struct{}, 1)}
}

// Timestamp implements Clock.
func (o *Oracle) Timestamp(ctx context.Context) (topo.Timestamp, error) { return o.Timestamps(ctx, 1) }

// Timestamps hands out n consecutive timestamps and returns the first; 1 <= n <= MaxBatch.
func (o *Oracle) Timestamps(ctx context.Context, n int) (topo.Timestamp, error) {
	for range maxEpochChanges {
		w := o.current.Load()
		if w == nil {
			if err := o.open(ctx); err != nil {
				return 0, err
			}
			continue
		}
		v := w.last.Add(uint64(n))
		end := w.end.Load()
		if v > end {
			if err := o.extend(ctx, w); err != nil {
				return 0, err
			}
			continue
		}
		epoch, err := o.group.ConfirmLease(ctx)
		if err != nil {
			return 0, err
		}
		if epoch != w.epoch {
			o.current.CompareAndSwap(w, nil)
			continue
		}
		if end-v < o.size/2 && o.filling.CompareAndSwap(false, true) {
			go o.fill(w)
		}
		return topo.Timestamp(v) - topo.Timestamp(n) + 1, nil
	}
	return 0, errUnsettled
}

// Last returns the last timestamp handed out by this oracle's current window, 0 when it has none.
func (o *Oracle) Last() topo.Timestamp {
	w := o.current.Load()
	if w == nil {
		return 0
	}
	return topo.Timestamp(min(w.last.Load(), w.end.Load()))
}

// begin waits for the turn to log a window; end gives it back.
func (o *Oracle) begin(ctx context.Context) error {
	select {
	case o.logging <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (o *Oracle) end() { <-o.logging }

// open starts a window of the current epoch above the logged end.
func (o *Oracle) open(ctx context.Context) error {
	if err := o.begin(ctx); err != nil {
		return err
	}
	defer o.end()
	if o.current.Load() != nil {
		return nil
	}
	epoch, err := o.group.ConfirmLease(ctx)
	if err != nil {
		return err
	}
	start, err := o.group.LoggedWindow(ctx)
	if err != nil {
		return err
	}
	w := &window{epoch: epoch}
	w.last.Store(uint64(start))
	w.end.Store(uint64(start) + o.size)
	// LogWindow fails unless epoch still holds; so start is the end of the last window of every earlier epoch.
	if err := o.group.LogWindow(ctx, epoch, topo.Timestamp(w.end.Load())); err != nil {
		return err
	}
	o.current.Store(w)
	return nil
}

// extend waits until w has values again, or is given up with its epoch.
func (o *Oracle) extend(ctx context.Context, w *window) error {
	if err := o.begin(ctx); err != nil {
		return err
	}
	defer o.end()
	if o.current.Load() != w || w.last.Load() < w.end.Load() {
		return nil
	}
	// Draws that ran past the old end were not handed out; those values may not come under the new end unseen, so the
	// window goes on above them: their drawers come back for another value.
	end := max(w.end.Load(), w.last.Load()) + o.size
	return o.log(ctx, w, end)
}

func (o *Oracle) log(ctx context.Context, w *window, end uint64) error {
	if err := o.group.LogWindow(ctx, w.epoch, topo.Timestamp(end)); err != nil {
		o.current.CompareAndSwap(w, nil)
		return err
	}
	w.end.Store(end)
	return nil
}

// fill logs the next window before this one runs out.
func (o *Oracle) fill(w *window) {
	defer o.filling.Store(false)
	_ = o.begin(context.Background())
	defer o.end()
	if end := w.end.Load(); o.current.Load() == w && end-min(end, w.last.Load()) < o.size/2 {
		// An error is met again, and reported, by the request that finds the window empty.
		_ = o.log(context.Background(), w, max(end, w.last.Load())+o.size)
	}
}
