package lockmgr

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/pgmqdb/pgmqdb/shard/deadlock"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// The home of the advisory locks, and why two homes grant nothing that conflicts.
//
// A term is one node's time as the home: one epoch of the catalog group's lease. A node may not know that its lease is gone,
// so there can be an old home O that still grants when there is a new one N. But a grant takes effect only when the session's
// node takes it into its record (accept), and each node G answers N with its record and, in the same critical section, makes
// N's term the earliest that it takes grants of. N grants nothing before every live node has answered. So a grant of O either
// is in the record that N was told, or is not taken. A node that is not live by N's view has been declared dead: its sessions'
// locks are lost, and when it comes back, under a new liveness epoch, it tells these sessions so.
//
// A request or release of G that comes before N has G's record waits until it has (joined); so what N does of G's is in order:
// the record first, then what came after it.

// homeTerm is a node's term as the home.
type homeTerm struct {
	epoch topo.LeaseEpoch
	table *lock.Manager
	ready chan struct{} // closed when every live node's record is in the table
	ended chan struct{} // closed before the table is cleared

	mu      sync.Mutex
	members map[topo.NodeID]*member
}

// member is a node whose record is in the table.
type member struct {
	mu    sync.Mutex // held while the node is asked
	epoch topo.LivenessEpoch
	in    bool
}

func (t *homeTerm) over() bool {
	select {
	case <-t.ended:
		return true
	default:
		return false
	}
}

func (t *homeTerm) isReady() bool {
	select {
	case <-t.ready:
		return true
	default:
		return false
	}
}

func (t *homeTerm) member(n topo.NodeID) *member {
	t.mu.Lock()
	defer t.mu.Unlock()
	mb := t.members[n]
	if mb == nil {
		mb = &member{}
		t.members[n] = mb
	}
	return mb
}

// acquire takes a lock in the table. A grant in a term that was not over afterwards was made while the table was whole.
func (t *homeTerm) acquire(ctx context.Context, owner topo.TxnID, key []byte, mode lock.Mode, opt *lock.Options) (waited bool, err error) {
	waited, err = t.table.Acquire(ctx, owner, key, mode, opt)
	if t.over() || errors.Is(err, lock.ErrDropped) {
		return waited, errElsewhere
	}
	return waited, err
}

// homeGraph stands between the tables of a node's terms and its detector, which keeps every source for ever.
type homeGraph struct {
	d   *deadlock.Detector
	cur atomic.Pointer[lock.Manager]
}

func (g *homeGraph) AddSource(lock.Source)            {}
func (g *homeGraph) Add(w lock.Waiter) *lock.Deadlock { return g.d.Add(w) }
func (g *homeGraph) Remove(w lock.Waiter)             { g.d.Remove(w) }
func (g *homeGraph) Blocking(o topo.TxnID) (blocks bool) {
	t := g.cur.Load()
	return t != nil && t.Blocking(o)
}

// serving returns this node's term, ready to grant.
func (a *Advisory) serving(ctx context.Context) (*homeTerm, error) {
	node, epoch, ok := a.m.env.CatalogHolder()
	if !ok || node != a.m.self {
		return nil, errElsewhere
	}
	a.mu.Lock()
	t := a.term
	switch {
	case t != nil && t.epoch == epoch:
	case epoch < a.known.term, t == nil && epoch == a.known.term:
		a.mu.Unlock()
		return nil, errElsewhere // a later home is known, or this term was ended
	default:
		t = a.begin(epoch)
	}
	a.mu.Unlock()
	if t.isReady() {
		return t, nil
	}
	select {
	case <-t.ready:
		return t, nil
	case <-t.ended:
		return nil, errElsewhere
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// begin starts a term with this node's own record. a.mu is held.
func (a *Advisory) begin(epoch topo.LeaseEpoch) *homeTerm {
	if a.term != nil {
		a.endTerm()
	}
	var graph lock.WaitGraph
	if a.graph.d != nil {
		graph = a.graph
	}
	t := &homeTerm{epoch: epoch, table: lock.NewAdvisory(graph), ready: make(chan struct{}), ended: make(chan struct{}),
		members: map[topo.NodeID]*member{}}
	a.term = t
	a.known.term, a.known.node = epoch, a.m.self
	a.graph.cur.Store(t.table)
	a.record.EachHeld(func(owner topo.TxnID, key []byte, mode lock.Mode) bool {
		t.table.Adopt(owner, key, mode, true)
		return true
	})
	if a.m.alone() {
		close(t.ready)
		return t
	}
	a.m.spawn(func() { a.recover(t) })
	return t
}

// endTerm makes the table's waiters look for the new home. a.mu is held.
func (a *Advisory) endTerm() {
	close(a.term.ended)
	a.term.table.Clear()
	a.term = nil
	a.graph.cur.Store(nil)
}

// recover collects the records of all live nodes, and opens the term.
func (a *Advisory) recover(t *homeTerm) {
	pause := minPause
	for !t.over() && a.m.life.Err() == nil {
		var wg sync.WaitGroup
		left := atomic.Int32{}
		for _, n := range a.m.live() {
			if n == a.m.self {
				continue
			}
			wg.Add(1)
			go func() {
				defer wg.Done()
				if mb := t.member(n); !mb.joined() && a.join(t, n, mb) != nil {
					left.Add(1)
				}
			}()
		}
		wg.Wait()
		if left.Load() == 0 {
			close(t.ready)
			return
		}
		_ = sleep(a.m.life, &pause)
	}
}

func (mb *member) joined() bool {
	mb.mu.Lock()
	defer mb.mu.Unlock()
	return mb.in
}

// since is the liveness epoch that the node joined under.
func (mb *member) since() topo.LivenessEpoch {
	mb.mu.Lock()
	defer mb.mu.Unlock()
	return mb.epoch
}

// join asks a node for its record and puts that into the table. mb may have been joined under an earlier liveness epoch.
func (a *Advisory) join(t *homeTerm, n topo.NodeID, mb *member) error {
	mb.mu.Lock()
	defer mb.mu.Unlock()
	reply, err := call[reassertReply](a.m.life, a.m, n, methodReassert, &reassertRequest{a.m.peer(), t.epoch}, callTimeout)
	if err != nil {
		return err
	}
	if reply.Refused {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.term == t {
			a.endTerm()
		}
		return errElsewhere
	}
	t.table.ReleaseNode(n, reply.Epoch)
	var lost []topo.TxnID
	for _, h := range reply.Held {
		for mode := lock.Mode(1); mode <= lock.AdvisoryExclusiveTransaction; mode++ {
			if h.Modes.Has(mode) && (a.m.over(h.Owner) || !t.table.Adopt(h.Owner, h.Key, mode, false)) && !slices.Contains(lost, h.Owner) {
				lost = append(lost, h.Owner)
			}
		}
	}
	if len(lost) > 0 {
		if _, err := call[doneReply](a.m.life, a.m, n, methodLost, &lostRequest{a.m.peer(), lost}, callTimeout); err != nil {
			return err
		}
		for _, o := range lost {
			t.table.ReleaseAll(o)
		}
	}
	mb.in, mb.epoch = true, reply.Epoch
	return nil
}

// joined returns the term that serves a node, with the node's record in it.
func (a *Advisory) joined(ctx context.Context, from peer) (*homeTerm, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, joinTimeout, errElsewhere)
	defer cancel()
	t, err := a.serving(ctx)
	if err != nil {
		return nil, err
	}
	if from.Node == a.m.self {
		return t, nil // since it began
	}
	mb := t.member(from.Node)
	mb.mu.Lock()
	in := mb.in && mb.epoch >= from.Epoch
	mb.mu.Unlock()
	if !in {
		if err := a.join(t, from.Node, mb); err != nil {
			return nil, errElsewhere
		}
	}
	return t, nil
}

// runRemote takes a lock for a session of another node.
func (a *Advisory) runRemote(ctx context.Context, req *acquireRequest) *acquireReply {
	t, err := a.joined(ctx, req.From)
	if err != nil {
		return replyOf(false, errElsewhere)
	}
	opt := &lock.Options{}
	if req.NoWait {
		opt.Policy = lock.NoWait
	}
	if req.Owner.Epoch < t.member(req.From.Node).since() {
		return replyOf(false, ErrFenced)
	}
	waited, err := t.acquire(ctx, req.Owner, req.Key, req.Mode, opt)
	if err == nil && a.m.over(req.Owner) {
		t.table.ReleaseAll(req.Owner)
		err = ErrFenced
	}
	r := replyOf(waited, err)
	r.Term = t.epoch
	return r
}

// serveReassert tells a new home what this node's sessions hold; grants of earlier homes are not taken any more.
func (a *Advisory) serveReassert(_ context.Context, req *reassertRequest) (*reassertReply, error) {
	a.m.checkEpoch()
	a.mu.Lock()
	defer a.mu.Unlock()
	reply := &reassertReply{Epoch: a.m.peer().Epoch}
	if req.Term < a.known.term {
		reply.Refused = true
		return reply, nil
	}
	a.known.term, a.known.node = req.Term, req.From.Node
	if a.term != nil {
		a.endTerm() // the epochs of a lease have one holder each: ours is an earlier one
	}
	a.record.EachHeld(func(owner topo.TxnID, key []byte, mode lock.Mode) bool {
		reply.Held = append(reply.Held, Held{owner, slices.Clone(key), lock.SetOf(mode)})
		return true
	})
	return reply, nil
}

// serveLost takes in that the home could not give sessions back what they held.
func (a *Advisory) serveLost(_ context.Context, req *lostRequest) (*doneReply, error) {
	for _, o := range req.Owners {
		a.mu.Lock()
		a.record.ReleaseAll(o)
		a.mu.Unlock()
		a.m.lost(o)
	}
	return &doneReply{true}, nil
}

// nodeDead drops a dead node's sessions from the table.
func (a *Advisory) nodeDead(node topo.NodeID, before topo.LivenessEpoch) {
	a.mu.Lock()
	t := a.term
	a.mu.Unlock()
	if t != nil {
		t.table.ReleaseNode(node, before)
	}
}
