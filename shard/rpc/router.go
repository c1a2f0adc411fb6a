package rpc

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Router finds the leaseholder of each group, wherever it is, and is the rpc.Group that gateways use. It remembers who
// answered last, follows the hints of replicas that are not the holder, and otherwise asks the group's nodes in turn. A
// lost answer is never retried here when the call may have had an effect: Propose then fails with ErrAmbiguous, and who
// proposed decides (its commands are idempotent). All other calls may be repeated.
type Router struct {
	cfg RouterConfig

	mu     sync.RWMutex
	routes map[topo.GroupID]*route
}

// RouterConfig is a Router's environment. All functions are safe for concurrent use.
type RouterConfig struct {
	Self topo.NodeID
	// Local returns this node's replica, nil when it has none.
	Local func(topo.GroupID) Group
	// Holder returns who holds the lease as far as this node's own replica knows, 0 when it has none or does not know.
	Holder func(topo.GroupID) topo.NodeID
	// Nodes lists the nodes that have a replica of the group which may hold the lease, this one included.
	Nodes func(topo.GroupID) []topo.NodeID
	// Remote returns the group at another node, nil when its address is not known.
	Remote func(topo.NodeID, topo.GroupID) Group
	// Patience is how long a call looks for a leaseholder before it fails with ErrUnavailable; 0: 8 s.
	Patience time.Duration
}

// The pauses between two rounds over a group's nodes.
const (
	routePause    = 5 * time.Millisecond
	maxRoutePause = 100 * time.Millisecond
)

// NewRouter returns a Router.
func NewRouter(cfg RouterConfig) *Router {
	if cfg.Patience == 0 {
		cfg.Patience = 8 * time.Second
	}
	return &Router{cfg: cfg, routes: map[topo.GroupID]*route{}}
}

// Group returns the group with an id; it is made when first asked for and never fails by itself.
func (r *Router) Group(id topo.GroupID) Group {
	r.mu.RLock()
	g := r.routes[id]
	r.mu.RUnlock()
	if g != nil {
		return g
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if g = r.routes[id]; g == nil {
		g = &route{r: r, id: id}
		r.routes[id] = g
	}
	return g
}

// route is one group.
type route struct {
	r    *Router
	id   topo.GroupID
	last atomic.Uint32 // the node that answered last, 0: none
	turn atomic.Uint32 // which of the nodes to ask next when nobody is known
}

var _ Group = (*route)(nil)

// ID implements Group.
func (g *route) ID() topo.GroupID { return g.id }

// target returns the group at the node to be asked next.
func (g *route) target() (topo.NodeID, Group) {
	cfg := &g.r.cfg
	n := topo.NodeID(g.last.Load())
	if n == 0 {
		n = cfg.Holder(g.id)
	}
	if n == 0 {
		return g.another()
	}
	if at := g.at(n); at != nil {
		return n, at
	}
	return g.another()
}

func (g *route) at(n topo.NodeID) Group {
	if n == g.r.cfg.Self {
		return g.r.cfg.Local(g.id)
	}
	return g.r.cfg.Remote(n, g.id)
}

// another returns the next of the group's nodes in turn.
func (g *route) another() (topo.NodeID, Group) {
	nodes := g.r.cfg.Nodes(g.id)
	for range nodes {
		n := nodes[int(g.turn.Add(1))%len(nodes)]
		if at := g.at(n); at != nil {
			return n, at
		}
	}
	return 0, nil
}

// failed takes in that a node did not serve the group, and reports whether another one may be asked.
func (g *route) failed(n topo.NodeID, err error) (retry bool) {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case ErrNotLeaseholder:
		g.last.CompareAndSwap(uint32(n), uint32(e.Holder))
		return true
	case ErrUnavailable:
		g.last.CompareAndSwap(uint32(n), 0)
		return true
	case ErrNotProposed, ErrAmbiguous:
		g.last.CompareAndSwap(uint32(n), 0)
	}
	return false
}

// route runs f at the leaseholder.
func (g *route) route(ctx context.Context, f func(Group) error) error {
	n, at := g.target()
	var err error
	if at != nil {
		if err = f(at); err == nil {
			if g.last.Load() != uint32(n) {
				g.last.Store(uint32(n))
			}
			return nil
		}
		if !g.failed(n, err) {
			return err
		}
	}
	return g.search(ctx, n, err, f)
}

// search asks one node after the other until one serves.
func (g *route) search(ctx context.Context, tried topo.NodeID, err error, f func(Group) error) error {
	deadline := time.Now().Add(g.r.cfg.Patience)
	pause := routePause
	for {
		n, at := g.target()
		if at == nil || n == tried {
			// The same one again: give it, or the group, time. A node that only points elsewhere is not waited for.
			timer := time.NewTimer(pause)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return context.Cause(ctx)
			}
			pause = min(2*pause, maxRoutePause)
			if time.Now().After(deadline) {
				if err == nil {
					err = &Error{Code: ErrUnavailable, Detail: "no node that has the group is known"}
				}
				return unavailable(err)
			}
			if n, at = g.another(); at == nil {
				continue
			}
		}
		if err = f(at); err == nil {
			g.last.Store(uint32(n))
			return nil
		}
		if !g.failed(n, err) {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		tried = n
		if time.Now().After(deadline) {
			return unavailable(err)
		}
	}
}

// unavailable is the end of a search: who is not the leaseholder is of no interest any more.
func unavailable(err error) error {
	var e *Error
	if errors.As(err, &e) && e.Code == ErrNotLeaseholder {
		return &Error{Code: ErrUnavailable, Detail: "the group has no leaseholder"}
	}
	return err
}

// mine returns this node's replica while it is the one that answered last: the short way, without a closure.
func (g *route) mine() Group {
	if topo.NodeID(g.last.Load()) != g.r.cfg.Self {
		return nil
	}
	return g.r.cfg.Local(g.id)
}

// Get implements Group.
func (g *route) Get(ctx context.Context, req *GetRequest) (*GetResponse, error) {
	if at := g.mine(); at != nil {
		if resp, err := at.Get(ctx, req); err == nil || !g.failed(g.r.cfg.Self, err) {
			return resp, err
		}
	}
	return routed(ctx, g, func(at Group) (*GetResponse, error) { return at.Get(ctx, req) })
}

// Scan implements Group.
func (g *route) Scan(ctx context.Context, req *ScanRequest) (*ScanResponse, error) {
	if at := g.mine(); at != nil {
		if resp, err := at.Scan(ctx, req); err == nil || !g.failed(g.r.cfg.Self, err) {
			return resp, err
		}
	}
	return routed(ctx, g, func(at Group) (*ScanResponse, error) { return at.Scan(ctx, req) })
}

// Lock implements Group.
func (g *route) Lock(ctx context.Context, req *LockRequest) (*LockResponse, error) {
	if at := g.mine(); at != nil {
		if resp, err := at.Lock(ctx, req); err == nil || !g.failed(g.r.cfg.Self, err) {
			return resp, err
		}
	}
	return routed(ctx, g, func(at Group) (*LockResponse, error) { return at.Lock(ctx, req) })
}

// Unlock implements Group. Locks at a holder that is gone are gone.
func (g *route) Unlock(ctx context.Context, req *UnlockRequest) error {
	_, err := routed(ctx, g, func(at Group) (struct{}, error) { return struct{}{}, at.Unlock(ctx, req) })
	return err
}

// Propose implements Group. Only a replica that says that it did nothing, for want of the lease, makes it try another:
// whoever proposes has to know whether a copy may have reached the log.
func (g *route) Propose(ctx context.Context, cmd *fsm.Command) (fsm.Result, error) {
	propose := func(at Group) (fsm.Result, error) {
		c := *cmd // the leaseholder fills in epoch and time
		res, err := at.Propose(ctx, &c)
		return res, unsettled(err)
	}
	if at := g.mine(); at != nil {
		if res, err := at.Propose(ctx, cmd); err == nil {
			return res, nil
		} else if e := (*Error)(nil); !errors.As(err, &e) || e.Code != ErrNotLeaseholder {
			g.failed(g.r.cfg.Self, err)
			return res, err
		}
		g.last.Store(0)
	}
	return routed(ctx, g, propose)
}

// unsettled is the failure of a proposal, which may have reached the log when a replica cannot be reached any more.
func unsettled(err error) error {
	var e *Error
	if errors.As(err, &e) && e.Code == ErrUnavailable {
		return &Error{Code: ErrAmbiguous, Detail: e.Detail}
	}
	return err
}

// Outcome implements Group.
func (g *route) Outcome(ctx context.Context, txn topo.TxnID, attempt topo.Attempt) (*OutcomeResponse, error) {
	return routed(ctx, g, func(at Group) (*OutcomeResponse, error) { return at.Outcome(ctx, txn, attempt) })
}

// NextSequenceValues implements Group. A lost answer costs the values that it held.
func (g *route) NextSequenceValues(ctx context.Context, req *SequenceRequest) (*SequenceResponse, error) {
	return routed(ctx, g, func(at Group) (*SequenceResponse, error) { return at.NextSequenceValues(ctx, req) })
}

// routed runs f at the leaseholder.
func routed[R any](ctx context.Context, g *route, f func(Group) (R, error)) (resp R, err error) {
	err = g.route(ctx, func(at Group) error { resp, err = f(at); return err })
	return resp, err
}
