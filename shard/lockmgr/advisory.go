package lockmgr

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Advisory are the advisory locks. Every owner is a session.
//
// record has what own sessions hold, with their counts; the table at the home has each once. So an owner that has a mode of
// a key already, or is not through with it, does not ask the home.
type Advisory struct {
	m      *Manager
	record *lock.Manager
	graph  *homeGraph

	mu sync.Mutex
	// known is the latest home that this node has told its record to: grants of earlier ones are not taken. It only grows.
	known struct {
		term topo.LeaseEpoch
		node topo.NodeID
	}
	term *homeTerm // this node's as the home, nil when it is not, as far as it knows
}

func newAdvisory(m *Manager) *Advisory {
	a := &Advisory{m: m, record: lock.NewRecord(), graph: &homeGraph{d: m.cfg.Detector}}
	if a.graph.d != nil {
		a.graph.d.AddSource(a.graph)
	}
	return a
}

// home returns the node to ask for advisory locks.
func (a *Advisory) home() (topo.NodeID, topo.LeaseEpoch, bool) {
	node, term, ok := a.m.env.CatalogHolder()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known.term > 0 && (!ok || term < a.known.term) {
		return a.known.node, a.known.term, true
	}
	return node, term, ok
}

// Acquire takes a lock for a session of this node; see lock.Manager.Acquire. While the home cannot be reached it waits, under
// any policy, within the timeout and ctx.
func (a *Advisory) Acquire(ctx context.Context, owner topo.TxnID, key []byte, mode lock.Mode, opt *lock.Options) (waited bool, err error) {
	if a.record.Held(owner, key).Has(mode) {
		return a.record.Acquire(ctx, owner, key, mode, nil)
	}
	ctx, cancel := withTimeout(ctx, opt)
	defer cancel()
	for _, o := range a.m.out.before(toHome, owner) {
		select {
		case <-o.done:
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
	noWait := opt != nil && opt.Policy != lock.Wait
	asked := false // another node may have been left with a request
	pause := minPause
	for {
		node, _, ok := a.home()
		if ok {
			var r *acquireReply
			if node == a.m.self {
				r, err = a.acquireHere(ctx, owner, key, mode, opt)
			} else {
				asked = true
				req := &acquireRequest{Class: classAdvisory, Owner: owner, Key: key, Mode: mode, NoWait: noWait}
				r, err = a.m.acquireAt(ctx, node, req, func() bool { n, _, ok := a.home(); return ok && n == node })
				if err == nil {
					err = r.err()
				}
			}
			if err == nil && a.accept(r.Term, owner, key, mode) {
				return waited || r.Waited, nil
			}
			waited = waited || r != nil && r.Waited
			if err != nil && !errors.Is(err, errElsewhere) && !errors.Is(err, errGone) {
				return waited, a.giveUp(asked, owner, key, mode, err)
			}
		}
		if err := sleep(ctx, &pause); err != nil {
			return waited, a.giveUp(asked, owner, key, mode, err)
		}
	}
}

// giveUp ends an acquire that failed. The home has given its answer, or is told that it is not awaited any more.
func (a *Advisory) giveUp(asked bool, owner topo.TxnID, key []byte, mode lock.Mode, err error) error {
	var dl *lock.Deadlock
	switch {
	case errors.Is(err, ErrFenced):
		a.record.ReleaseAll(owner)
		a.m.lost(owner)
	case !asked, errors.Is(err, lock.ErrNotAvailable), errors.As(err, &dl):
	default:
		a.m.out.wait([]*outOp{a.m.out.put(toHome, releaseOp{Class: classAdvisory, Owner: owner, Key: key, Modes: lock.SetOf(mode)})}, undoWait)
	}
	return err
}

// acquireHere takes a lock where this node is the home.
func (a *Advisory) acquireHere(ctx context.Context, owner topo.TxnID, key []byte, mode lock.Mode, opt *lock.Options) (*acquireReply, error) {
	t, err := a.serving(ctx)
	if err != nil {
		return nil, err
	}
	waited, err := t.acquire(ctx, owner, key, mode, opt)
	return &acquireReply{Waited: waited, Term: t.epoch}, err
}

// accept takes a grant into the record, unless this node has told its record to a later home than the one that granted it.
func (a *Advisory) accept(term topo.LeaseEpoch, owner topo.TxnID, key []byte, mode lock.Mode) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if term < a.known.term || a.known.node == a.m.self && (a.term == nil || a.term.epoch != term) {
		return false
	}
	_, err := a.record.Acquire(context.Background(), owner, key, mode, nil)
	return err == nil
}

// ReleaseMode undoes one Acquire of a mode. It reports whether owner held it.
func (a *Advisory) ReleaseMode(owner topo.TxnID, key []byte, mode lock.Mode) bool {
	a.mu.Lock()
	if !a.record.ReleaseMode(owner, key, mode) {
		a.mu.Unlock()
		return false
	}
	t := a.term
	last := !a.record.Held(owner, key).Has(mode)
	a.mu.Unlock()
	if last {
		a.send(t, releaseOp{Class: classAdvisory, Owner: owner, Key: key, Modes: lock.SetOf(mode)})
	}
	return true
}

// ReleaseModes drops the modes given wherever owner holds them, however often it acquired them.
func (a *Advisory) ReleaseModes(owner topo.TxnID, modes lock.ModeSet) {
	if !a.record.Holds(owner) {
		return
	}
	_, held := a.record.HeldBy(owner)
	var all lock.ModeSet
	for _, h := range held {
		all |= h
	}
	if all&modes == 0 {
		return
	}
	a.mu.Lock()
	a.record.ReleaseModes(owner, modes)
	t := a.term
	a.mu.Unlock()
	a.send(t, releaseOp{Class: classAdvisory, Owner: owner, Modes: modes})
}

// ReleaseAll drops everything that owner holds.
func (a *Advisory) ReleaseAll(owner topo.TxnID) { a.ReleaseModes(owner, ^lock.ModeSet(0)) }

// Held returns the modes that a session of this node holds of key.
func (a *Advisory) Held(owner topo.TxnID, key []byte) lock.ModeSet { return a.record.Held(owner, key) }

// Holds reports whether a session of this node holds anything.
func (a *Advisory) Holds(owner topo.TxnID) bool { return a.record.Holds(owner) }

// send releases at the home; t is this node's term, as of when the record was changed.
func (a *Advisory) send(t *homeTerm, op releaseOp) {
	if t != nil {
		release(t.table, &op)
		return
	}
	a.m.out.wait([]*outOp{a.m.out.put(toHome, op)}, releaseWait)
}

// lose drops the record of sessions of earlier liveness epochs and returns them.
func (a *Advisory) lose(before topo.LivenessEpoch) []topo.TxnID {
	a.mu.Lock()
	defer a.mu.Unlock()
	seen := map[topo.TxnID]bool{}
	var out []topo.TxnID
	a.record.EachHeld(func(owner topo.TxnID, _ []byte, _ lock.Mode) bool {
		if owner.Epoch < before && !seen[owner] {
			seen[owner] = true
			out = append(out, owner)
		}
		return true
	})
	for _, o := range out {
		a.record.ReleaseAll(o)
		if a.term != nil {
			a.term.table.ReleaseAll(o)
		}
	}
	return out
}

// waits lists the requests of own sessions that wait at this node as the home.
func (a *Advisory) waits() []lock.Entry {
	a.mu.Lock()
	t := a.term
	a.mu.Unlock()
	if t == nil {
		return nil
	}
	var out []lock.Entry
	for _, e := range t.table.List() {
		if !e.Granted && e.Owner.Node == a.m.self {
			out = append(out, e)
		}
	}
	return out
}

// tick ends the term of a home that is no longer one.
func (a *Advisory) tick() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.term == nil {
		return
	}
	if _, term, ok := a.m.env.CatalogHolder(); ok && term > a.term.epoch {
		a.endTerm()
	}
}

// joinTimeout bounds the wait of a release for the home's recovery; the release is repeated.
const joinTimeout = 2 * time.Second
