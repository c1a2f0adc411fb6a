package server

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog/pgcat"
	"github.com/pgmqdb/pgmqdb/shard/place"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// controller carries out what place.Plan asks for, one step a group at a time.
type controller struct {
	h      *holder
	kicked chan struct{}

	mu       sync.Mutex
	term     *term
	enlisted map[replicaKey]bool       // raft was seen to know them
	silent   map[topo.NodeID]time.Time // since when a node is not live
	moves    []*pgcat.Move             // the latest ones, for pgmqdb.rebalance
	waits    []place.Wait
	nextMove int64
}

// term is a time as leaseholder of the catalog group: its steps end with it, and those of the next one do not wait for them.
type term struct {
	epoch topo.LeaseEpoch
	ctx   context.Context
	end   context.CancelFunc
	busy  map[topo.GroupID]bool // groups with a step under way
}

const (
	controlEvery = 250 * time.Millisecond
	stepTimeout  = 20 * time.Second
	// memberTimeout bounds one request to change raft's membership. The node asked may be dead or without the lease by then:
	// the next plan asks anew, at the node that is right then. The request may be repeated, so nothing is lost by giving up. It is
	// longer than two tries at the replica that is asked.
	memberTimeout = 5 * time.Second
	movesRetained = 200
)

func newController(h *holder) *controller {
	c := &controller{h: h, kicked: make(chan struct{}, 1)}
	c.forget()
	return c
}

// forget drops what a former time as leaseholder left.
func (c *controller) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.enlisted, c.silent, c.moves, c.waits = map[replicaKey]bool{}, map[topo.NodeID]time.Time{}, nil, nil
	if c.term != nil {
		c.term.end()
		c.term = nil
	}
}

// begin returns the term of a lease epoch.
func (c *controller) begin(epoch topo.LeaseEpoch) *term {
	c.mu.Lock()
	t := c.term
	c.mu.Unlock()
	if t != nil && t.epoch == epoch {
		return t
	}
	c.forget()
	t = &term{epoch: epoch, busy: map[topo.GroupID]bool{}}
	t.ctx, t.end = context.WithCancel(c.h.s.life)
	c.mu.Lock()
	c.term = t
	c.mu.Unlock()
	return t
}

// step plans once and starts the steps of groups that are not busy with an earlier one of the term.
func (c *controller) step(epoch topo.LeaseEpoch) {
	t := c.begin(epoch)
	v := c.view()
	steps, waits := place.Plan(v)
	c.mu.Lock()
	c.waits = waits
	c.follow(v)
	steps = slices.DeleteFunc(steps, func(s place.Step) bool { return s.Group != 0 && t.busy[s.Group] })
	for _, s := range steps {
		if s.Group != 0 {
			t.busy[s.Group] = true
		}
	}
	c.mu.Unlock()
	for _, s := range steps {
		c.h.s.background(func(ctx context.Context) {
			if s.Kind != place.MoveLease { // which may move the very lease that the term ends with
				ctx = t.ctx
			}
			timed, cancel := context.WithTimeout(ctx, stepTimeout)
			defer cancel()
			err := c.do(timed, t, v, s)
			if err != nil && ctx.Err() == nil { // a step that took too long is told of too, the end of its term is not
				c.h.s.log.Info("placement: not done", "step", s.String(), "err", err) // planned anew from what is then known
			} else if err == nil {
				c.h.s.log.Info("placement", "step", s.String())
			}
			c.mu.Lock()
			delete(t.busy, s.Group)
			c.mu.Unlock()
			if err == nil {
				select {
				case c.kicked <- struct{}{}:
				default:
				}
			}
		})
	}
}

// view gathers what the plans need.
func (c *controller) view() *place.View {
	s := c.h.s
	t := s.catalog.Topology()
	v := &place.View{Topology: t, ReplaceAfter: s.cfg.ReplaceAfter, Nodes: map[topo.NodeID]place.NodeView{},
		Groups: map[topo.GroupID]place.GroupView{}}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range t.Groups {
		v.Groups[id] = place.GroupView{CaughtUp: map[uint64]bool{}, Enlisted: map[uint64]bool{}}
	}
	leases := map[topo.GroupID]topo.LeaseEpoch{}
	for id, n := range t.Nodes {
		q := c.h.report(n)
		if q == nil {
			if c.silent[id].IsZero() {
				c.silent[id] = time.Now()
			}
			v.Nodes[id] = place.NodeView{DeadFor: time.Since(c.silent[id])}
			continue
		}
		delete(c.silent, id)
		v.Nodes[id] = place.NodeView{Live: q.Admitted}
		for _, r := range q.Replicas {
			g, known := v.Groups[r.Group]
			if !known {
				continue
			}
			if r.CaughtUp {
				g.CaughtUp[r.ID] = true
			}
			if r.Holder && r.Lease >= leases[r.Group] {
				g.Holder, leases[r.Group] = id, r.Lease
				g.Bytes = r.Bytes
			}
			v.Groups[r.Group] = g
		}
	}
	for k := range c.enlisted {
		if g, ok := v.Groups[k.group]; ok {
			g.Enlisted[k.id] = true
		}
	}
	return v
}

// do carries one step out. Each is safe to repeat, and to be carried out by a successor at the same time: raft's changes are
// idempotent, and the records are changed under their locks, from what they are then.
func (c *controller) do(ctx context.Context, t *term, v *place.View, step place.Step) error {
	s := c.h.s
	role := func(r topo.ReplicaRole) error {
		_, err := s.catalog.UpdateGroup(ctx, s.txns, step.Group, func(g *topo.Group) *topo.Group {
			if now, ok := g.Replica(step.Replica); !ok || now.Role == r || r != topo.Leaving && now.Role == topo.Leaving && r != 0 {
				return nil
			}
			return g.WithRole(step.Replica, r)
		})
		return err
	}
	member := func(op string) error {
		q := &membershipRequest{Group: step.Group, Op: op, Replica: step.Replica, Node: step.Node}
		short, cancel := context.WithTimeout(ctx, memberTimeout)
		defer cancel()
		_, err := askNode[empty](short, s, c.atGroup(v, step), methodMembership, q)
		return err
	}
	switch step.Kind {
	case place.Add:
		_, err := s.catalog.UpdateGroup(ctx, s.txns, step.Group, func(g *topo.Group) *topo.Group {
			if _, has := g.On(step.Node); has {
				return nil
			}
			return g.With(step.Node, topo.Learner)
		})
		return err
	case place.Enlist:
		err := member("enlist")
		if err == nil {
			c.mu.Lock()
			if c.term == t {
				c.enlisted[replicaKey{step.Group, step.Replica}] = true
			}
			c.mu.Unlock()
		}
		return err
	case place.Promote:
		if err := member("promote"); err != nil {
			return err
		}
		return role(topo.Voter)
	case place.Retire:
		return role(topo.Leaving)
	case place.Remove:
		if err := member("remove"); err != nil {
			return err
		}
		return role(0)
	case place.MoveLease:
		// A node may have died since its last heartbeat: it has to answer before anything is taken from the holder.
		q := &leaseRequest{Group: step.Group, To: step.Replica}
		short, cancel := context.WithTimeout(ctx, readyTimeout)
		_, err := askNode[empty](short, s, step.Node, methodReady, q)
		cancel()
		if err == nil {
			_, err = askNode[empty](ctx, s, v.Groups[step.Group].Holder, methodLease, q)
		}
		return err
	case place.Forget:
		_, err := s.catalog.UpdateNode(ctx, s.txns, step.Node, func(n *topo.Node) *topo.Node {
			if n.State != topo.NodeRemoving {
				return nil
			}
			n2 := *n
			n2.State, n2.Dead = topo.NodeRemoved, true
			return &n2
		})
		return err
	}
	return nil
}

// atGroup names a node through which a group's membership can be changed: its leaseholder, or any live voter.
func (c *controller) atGroup(v *place.View, step place.Step) topo.NodeID {
	if h := v.Groups[step.Group].Holder; h != 0 && v.Nodes[h].Live {
		return h
	}
	for _, r := range v.Topology.Groups[step.Group].Replicas {
		if r.Role != topo.Learner && v.Nodes[r.Node].Live && r.ID != step.Replica {
			return r.Node
		}
	}
	return c.h.s.id.Node
}

// follow keeps the list of moves: one for each learner of a data group, until it votes and what it replaces is gone. c.mu
// is held.
func (c *controller) follow(v *place.View) {
	for _, id := range v.Topology.GroupIDs() {
		g := v.Topology.Groups[id]
		if id == topo.CatalogGroup {
			continue
		}
		for _, r := range g.Replicas {
			m := c.move(id, r)
			if m == nil && r.Role == topo.Learner {
				c.nextMove++
				m = &pgcat.Move{ID: c.nextMove, Group: id, To: r.Node, From: v.Groups[id].Holder, State: "copying", Started: time.Now()}
				c.moves = append(c.moves, m)
				if len(c.moves) > movesRetained {
					c.moves = c.moves[1:]
				}
			}
			if m == nil || m.State != "copying" {
				continue
			}
			m.Total = v.Groups[id].Bytes
			m.Done = min(c.bytesAt(v, r), m.Total)
			if r.Role == topo.Voter {
				m.State, m.Finished, m.Done = "done", time.Now(), m.Total
			}
		}
	}
	for _, m := range c.moves {
		if _, has := v.Topology.Groups[m.Group].On(m.To); !has && m.State == "copying" {
			m.State, m.Finished, m.Reason = "failed", time.Now(), "the replica was given up"
		}
	}
}

// move finds the latest move that brings a replica to where it is.
func (c *controller) move(g topo.GroupID, r topo.ReplicaRecord) *pgcat.Move {
	for i := len(c.moves) - 1; i >= 0; i-- {
		if m := c.moves[i]; m.Group == g && m.To == r.Node {
			if m.State == "copying" || r.Role != topo.Learner {
				return m
			}
			return nil
		}
	}
	return nil
}

func (c *controller) bytesAt(v *place.View, r topo.ReplicaRecord) int64 {
	if q := c.h.report(v.Topology.Nodes[r.Node]); q != nil {
		for _, x := range q.Replicas {
			if x.ID == r.ID {
				return x.Bytes
			}
		}
	}
	return 0
}

// progress lists the moves and what is in the way of others.
func (c *controller) progress() []pgcat.Move {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]pgcat.Move, 0, len(c.moves)+len(c.waits))
	for _, m := range c.moves {
		out = append(out, *m)
	}
	for _, w := range c.waits {
		if w.Reason == "copying" {
			continue
		}
		out = append(out, pgcat.Move{Group: w.Group, To: w.Node, State: "pending", Reason: w.Reason})
	}
	return out
}
