package lock

import (
	"context"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

type waitState uint8

const (
	queued waitState = iota
	granted
	failed // err says why
)

// waiter is one queued request. All but the constants of its making is guarded by shard.mu.
type waiter struct {
	m     *Manager
	shard *keyShard
	head  *head // valid while queued
	hold  *hold // valid while queued
	owner topo.TxnID
	mode  Mode
	since time.Time
	done  chan struct{} // closed when state leaves queued

	state      waitState
	registered bool // the graph knows this wait
	err        error
	next, prev *waiter
}

// await waits for the grant, the deadlock detector's no, the timeout or the context.
func (w *waiter) await(ctx context.Context, opt *Options) error {
	if g := w.m.graph; g != nil {
		if d := g.Add(w); d != nil {
			return w.abandon(d)
		}
		defer g.Remove(w)
		w.shard.mu.Lock()
		w.registered = true
		w.shard.mu.Unlock()
	}
	var expired <-chan time.Time
	if opt != nil {
		if opt.OnWait != nil {
			opt.OnWait(w.holders())
		}
		if opt.Timeout > 0 {
			t := time.NewTimer(opt.Timeout)
			defer t.Stop()
			expired = t.C
		}
	}
	select {
	case <-w.done:
		return w.outcome()
	case <-ctx.Done():
		return w.abandon(context.Cause(ctx))
	case <-expired:
		return w.abandon(ErrTimeout)
	}
}

// abandon takes the request out of the queue and returns err, or nil when it was granted meanwhile.
func (w *waiter) abandon(err error) error {
	w.end(err)
	return w.outcome()
}

// Fail implements Waiter.
func (w *waiter) Fail(err error) bool { return w.end(err) }

// outcome is the result of a request that waits no more.
func (w *waiter) outcome() error {
	w.shard.mu.Lock()
	defer w.shard.mu.Unlock()
	return w.err
}

// end takes a request that waits still out of its queue, with an error.
func (w *waiter) end(err error) bool {
	os := w.m.ownerShard(w.owner)
	os.mu.Lock()
	defer os.mu.Unlock()
	w.shard.mu.Lock()
	defer w.shard.mu.Unlock()
	if w.state != queued {
		return false
	}
	h, mine := w.head, w.hold
	w.leave(failed, err)
	w.m.wake(h)
	w.m.settle(os, w.shard, mine)
	return true
}

// leave takes w out of its queue and wakes its goroutine.
func (w *waiter) leave(s waitState, err error) {
	w.head.dequeue(w)
	w.hold.waiting--
	w.state, w.err = s, err
	close(w.done)
}

// wake grants what can be granted, in queue order: a request must conflict neither with what others hold nor with the
// requests that keep waiting ahead of it.
func (m *Manager) wake(h *head) {
	var ahead ModeSet
	for w := h.qfirst; w != nil; {
		next := w.next
		conflicts := m.class.Conflicts[w.mode]
		if ahead&conflicts == 0 && !h.conflictsWithOthers(w.hold, conflicts) {
			h.grant(w.hold, w.mode)
			w.leave(granted, nil)
		} else {
			ahead |= 1 << w.mode
		}
		w = next
	}
}

// enqueue puts w before the waiter given, or at the end.
func (h *head) enqueue(w, before *waiter) {
	w.next = before
	if before == nil {
		w.prev, h.qlast = h.qlast, w
	} else {
		w.prev, before.prev = before.prev, w
	}
	if w.prev == nil {
		h.qfirst = w
	} else {
		w.prev.next = w
	}
}

func (h *head) dequeue(w *waiter) {
	if w.prev == nil {
		h.qfirst = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		h.qlast = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.next, w.prev = nil, nil
}

// Owner implements Waiter.
func (w *waiter) Owner() topo.TxnID { return w.owner }

// Blockers implements Waiter. Going backwards from w, it stops at the first waiter whose request conflicts with all that
// w's does: whoever is ahead of that one is reached through it. So in a queue of equal exclusive requests each has one
// edge, and a search of the graph is linear in the queue's length. The shortcut leads only through a waiter that the graph
// knows already; through another one the search would come to a dead end.
func (w *waiter) Blockers(dst []Blocker) []Blocker { return w.blockers(dst, true) }

// AllBlockers implements Waiter.
func (w *waiter) AllBlockers(dst []Blocker) []Blocker { return w.blockers(dst, false) }

func (w *waiter) blockers(dst []Blocker, shortcut bool) []Blocker {
	w.shard.mu.Lock()
	defer w.shard.mu.Unlock()
	if w.state != queued {
		return dst
	}
	class := &w.m.class
	conflicts := class.Conflicts[w.mode]
	for p := w.prev; p != nil; p = p.prev {
		if p.hold == w.hold || !conflicts.Has(p.mode) {
			continue
		}
		dst = append(dst, Blocker{Owner: p.owner, Soft: true})
		// p's own holds do not block p, so the shortcut needs a p that holds nothing here.
		if shortcut && p.registered && p.hold.modes == 0 && w.hold.modes == 0 && conflicts&^class.Conflicts[p.mode] == 0 {
			return dst
		}
	}
	for h := w.head.holds; h != nil; h = h.hnext {
		if h != w.hold && h.modes&conflicts != 0 {
			dst = append(dst, Blocker{Owner: h.owner})
		}
	}
	return dst
}

// Jump implements Waiter.
func (w *waiter) Jump() bool {
	w.shard.mu.Lock()
	defer w.shard.mu.Unlock()
	if w.state != queued {
		return true
	}
	if w.head.conflictsWithOthers(w.hold, w.m.class.Conflicts[w.mode]) {
		return false
	}
	h := w.head
	h.grant(w.hold, w.mode)
	w.leave(granted, nil)
	w.m.wake(h)
	return true
}

// Describe implements Waiter.
func (w *waiter) Describe() WaitInfo {
	w.shard.mu.Lock()
	defer w.shard.mu.Unlock()
	i := WaitInfo{Class: w.m.class.Name, Mode: w.mode, Name: w.m.class.Modes[w.mode], Since: w.since}
	if w.state == queued {
		i.Key = append([]byte(nil), w.head.key...)
	}
	return i
}

// holders returns the owners that hold a conflicting mode, or the first waiter ahead when none does.
func (w *waiter) holders() []topo.TxnID {
	w.shard.mu.Lock()
	defer w.shard.mu.Unlock()
	if w.state != queued {
		return nil
	}
	var out []topo.TxnID
	conflicts := w.m.class.Conflicts[w.mode]
	for h := w.head.holds; h != nil; h = h.hnext {
		if h != w.hold && h.modes&conflicts != 0 {
			out = append(out, h.owner)
		}
	}
	for p := w.head.qfirst; p != w && len(out) == 0; p = p.next {
		if conflicts.Has(p.mode) {
			out = append(out, p.owner)
		}
	}
	return out
}
