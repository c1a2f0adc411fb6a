package sim

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog/store"
	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/tso"
	"github.com/pgmqdb/pgmqdb/shard/txn"
)

// oracleWindow is how many timestamps are logged at a time.
const oracleWindow = 24

// Node is one process: a gateway, a replica of every group, the catalog and an oracle.
type Node struct {
	c     *Cluster
	m     *machine
	id    topo.NodeID
	epoch topo.LivenessEpoch

	mgr     *txn.Manager
	seats   map[topo.GroupID]*seat
	catalog *store.Store
	clients map[topo.GroupID]rpc.Group

	oracle      *tso.Oracle
	oracleTurn  chan struct{} // one question at a time, in the order of their arrival
	oracleEpoch topo.LeaseEpoch
	remote      *tso.Remote

	ctx    context.Context // ends with the crash
	cancel context.CancelFunc
	dead   chan struct{}
}

func (n *Node) isDead() bool {
	select {
	case <-n.dead:
		return true
	default:
		return false
	}
}

// startNode starts a process on a machine.
func (c *Cluster) startNode(m *machine, epoch topo.LivenessEpoch) (*Node, error) {
	n := &Node{c: c, m: m, id: m.id, epoch: epoch, seats: map[topo.GroupID]*seat{}, catalog: store.New(),
		clients: map[topo.GroupID]rpc.Group{}, oracleTurn: make(chan struct{}, 1), dead: make(chan struct{})}
	n.ctx, n.cancel = context.WithCancel(c.runCtx)
	for _, g := range c.all {
		s, err := newSeat(g, n)
		if err != nil {
			return nil, err
		}
		n.seats[g.id], n.clients[g.id] = s, &client{g: g, n: n}
	}
	cat := n.seats[topo.CatalogGroup]
	if st, ok := cat.st.(interface{ state() *fsm.State }); ok {
		if err := n.catalog.Load(st.state()); err != nil {
			return nil, err
		}
	} else if st, ok := cat.st.(*fsm.State); ok {
		if err := n.catalog.Load(st); err != nil {
			return nil, err
		}
	}
	cat.st.Watch(n.catalog.Apply)
	n.oracle, n.remote = tso.New(cat, oracleWindow), tso.NewRemote(n.ask)
	provision := 0
	if n.id%2 == 0 {
		provision = 1200 // a few rows: most transactions of this node send operations ahead
		if c.opt.Seed%3 == 0 {
			provision = 1 // whatever is buffered goes ahead of the next call
		}
	}
	n.mgr = txn.New(txn.Config{Node: n.id, Epoch: epoch, Clock: n,
		Groups: func(id topo.GroupID) rpc.Group { return n.clients[id] }, AllGroups: func() []topo.GroupID { return groupIDs(c.all) },
		ProvisionBytes: provision, OutcomeTimeout: 500 * time.Millisecond, PendingGrace: 20 * time.Millisecond,
		Format: func() uint8 { return fsm.Format }, Faults: &c.faults.Txn})
	return n, nil
}

// step is a point at which the node may be paused or killed. What takes numbers from a counter begins with one, so that the
// seed decides who gets which.
func (n *Node) step(ctx context.Context, what string) error {
	_, err := n.c.sched.wait(ctx, place{on: [2]*machine{n.m}, dead: n.dead}, "n%d.%d%s %s", n.id, n.epoch, actor(ctx), what)
	return callError(err)
}

// kill ends the process: what its memory held is gone, and what waits for it gets an error.
func (n *Node) kill() {
	close(n.dead)
	n.cancel()
	for _, g := range n.c.all {
		s := n.seats[g.id]
		s.locks.Clear()
		s.mu.Lock()
		_ = s.st.Close()
		s.mu.Unlock()
	}
	n.c.spawn(func() { n.closeManager() })
}

func (n *Node) closeManager() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = n.mgr.Close(ctx)
}

// holderOf returns whom this node's replica believes to hold a group's lease.
func (n *Node) holderOf(g *Group) topo.NodeID {
	s := n.seats[g.id]
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.rule.info.Holder; h != 0 {
		return h
	}
	return n.id
}

// handed is what the cluster's clocks have answered.
type handed struct {
	mu   sync.Mutex
	last topo.Timestamp
	all  map[topo.Timestamp]bool
}

// Timestamp implements txn.Clock: the node asks whoever holds the catalog group's lease. The judge of the oracle is here:
// each answer is new, and later than every one that was there before the question.
func (n *Node) Timestamp(ctx context.Context) (topo.Timestamp, error) {
	// One at a time joins a batch, so that the seed decides who gets which.
	if _, err := n.c.sched.wait(ctx, place{on: [2]*machine{n.m}, dead: n.dead}, "n%d.%d%s wants a timestamp", n.id, n.epoch, actor(ctx)); err != nil {
		if err == errDead {
			return 0, n.gone(ctx)
		}
		return 0, callError(err)
	}
	h := &n.c.handed
	h.mu.Lock()
	before := h.last
	h.mu.Unlock()
	ts, err := n.remote.Timestamp(ctx)
	if err != nil {
		return 0, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all[ts] {
		n.c.fail("timestamp %d was handed out twice", ts)
	}
	if ts <= before {
		n.c.fail("timestamp %d was handed out after %d", ts, before)
	}
	h.all[ts] = true
	h.last = max(h.last, ts)
	return ts, nil
}

// ask gets k timestamps from the oracle of the catalog group's leaseholder.
func (n *Node) ask(ctx context.Context, k int) (topo.Timestamp, error) {
	g := n.c.all[0]
	to := n.holderOf(g)
	for began := time.Now(); ; {
		s, f, err := n.deliver(ctx, to, g, fmt.Sprintf("asks for %d timestamps", k))
		next := topo.NodeID(0)
		if err == nil {
			var first topo.Timestamp
			if first, err = s.n.answer(ctx, k); err == nil && !f.answerLost {
				return first, nil
			}
			var e *rpc.Error
			if errors.As(err, &e) && e.Code == rpc.ErrNotLeaseholder {
				next = e.Holder
			}
		}
		if n.isDead() || n.c.runCtx.Err() != nil || time.Since(began) > patience {
			return 0, unavailable("no oracle")
		}
		if next == 0 || next == to {
			next = to%topo.NodeID(len(n.c.machines)) + 1
			if !sleep(ctx, n.dead, 2*time.Millisecond) {
				return 0, unavailable("no oracle")
			}
		}
		to = next
	}
}

// answer serves a question at this node.
func (n *Node) answer(ctx context.Context, k int) (topo.Timestamp, error) {
	select {
	case n.oracleTurn <- struct{}{}:
	case <-n.dead:
		return 0, unavailable("dead")
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	defer func() { <-n.oracleTurn }()
	return n.oracle.Timestamps(withActor(ctx, " the oracle"), k)
}

// recoverLost finishes what processes that are gone left behind here, as a server does.
func (n *Node) recoverLost(ctx context.Context) {
	for _, g := range n.c.all {
		s := n.seats[g.id]
		s.mu.Lock()
		pending := s.st.PendingList()
		s.mu.Unlock()
		for _, p := range pending {
			_ = n.mgr.RecoverStuck(ctx, p.Txn, p.Attempt, p.Primary)
		}
	}
	n.recoverFences(ctx)
}
