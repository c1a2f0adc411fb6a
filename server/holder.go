package server

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog/pgcat"
	"github.com/pgmqdb/pgmqdb/catalog/store"
	"github.com/pgmqdb/pgmqdb/shard/group"
	"github.com/pgmqdb/pgmqdb/shard/place"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// holder is what the catalog group's leaseholder does beside its group: it takes nodes in, gives and ends the right to plan,
// hands out timestamps, knows the oldest snapshot in use, and moves replicas. Every node has one, which serves while its
// node has the lease; what it remembers is forgotten with the lease, and known again after one round of heartbeats.
type holder struct {
	s        *Server
	liveness *place.Liveness
	control  *controller

	mu      sync.Mutex
	horizon topo.Timestamp
	leaving sync.Mutex // one node's leave at a time is judged and recorded
	// upgrading: a new command format is being admitted.
	upgrading atomic.Bool
}

func newHolder(s *Server) *holder {
	h := &holder{s: s, liveness: place.NewLiveness(group.BootNS)}
	h.control = newController(h)
	return h
}

// joinRequest asks to be taken in; asked again by the same instance it gets the same answer.
type joinRequest struct {
	Instance     string
	Address, SQL string
	Format       uint8 // the newest command format that the program understands
}

// joinResponse tells a node who it is.
type joinResponse struct {
	Cluster        uint64
	Node           topo.NodeID
	CatalogReplica uint64
	Contacts       map[topo.NodeID]string // where the other nodes are
	Replaced       []uint64               // the clusters that this one took the place of
}

// fenceRequest asks to end a node's epoch: it does not follow the catalog.
type fenceRequest struct {
	Node  topo.NodeID
	Epoch topo.LivenessEpoch
}

// stateRequest sets where a node is in its life.
type stateRequest struct {
	Node  topo.NodeID
	State topo.NodeState
}

// clusterStatus is what the holder knows of all nodes and groups, for the views of the schema pgmqdb.
type clusterStatus struct {
	Nodes  []pgcat.Node
	Shards []pgcat.Shard
	Moves  []pgcat.Move
}

// serve answers a cluster.* call, if this node holds the catalog group's lease.
func (h *holder) serve(ctx context.Context, method string, body []byte) ([]byte, error) {
	cat, err := h.s.replica(topo.CatalogGroup)
	if err != nil {
		return nil, err
	}
	epoch, err := cat.ConfirmLease(ctx)
	if err != nil {
		return nil, err
	}
	h.liveness.Serve(epoch)
	switch method {
	case methodTimestamp:
		return h.timestamps(ctx, body)
	case methodHeartbeat:
		return handle(ctx, body, h.heartbeat)
	case methodJoinHere:
		return handle(ctx, body, h.join)
	case methodRegHere:
		return handle(ctx, body, h.register)
	case methodFence:
		return handle(ctx, body, h.fence)
	case methodLost:
		return handle(ctx, body, h.replicaLost)
	case methodSetState:
		return handle(ctx, body, h.setState)
	case methodStatus:
		return handle(ctx, body, func(context.Context, *empty) (*clusterStatus, error) { s := h.status(); return &s, nil })
	}
	return nil, fmt.Errorf("unknown call %q", method)
}

// join takes a node in: it gets an id and a replica of the catalog, and becomes known to raft.
func (h *holder) join(ctx context.Context, q *joinRequest) (*joinResponse, error) {
	s := h.s
	if err := s.understands(q.Format); err != nil {
		return nil, err
	}
	var id topo.NodeID
	for _, n := range s.catalog.Topology().Nodes {
		if n.Instance == q.Instance {
			id = n.ID
		}
	}
	if id == 0 {
		var err error
		if id, err = store.NextNodeID(ctx, s.group(topo.CatalogGroup)); err != nil {
			return nil, err
		}
	}
	node, err := s.catalog.UpdateNode(ctx, s.txns, id, func(n *topo.Node) *topo.Node {
		if n != nil {
			return nil
		}
		return &topo.Node{ID: id, Instance: q.Instance, Address: q.Address, SQL: q.SQL, State: topo.NodeJoining, Format: q.Format}
	})
	if err != nil {
		return nil, err
	}
	if node.State == topo.NodeRemoved {
		return nil, errNodeRemoved(id)
	}
	replica, err := h.catalogReplica(ctx, id)
	if err != nil {
		return nil, err
	}
	s.log.Info("a node joins", "node", id, "address", q.Address)
	resp := &joinResponse{Cluster: s.id.Cluster, Node: id, CatalogReplica: replica, Contacts: map[topo.NodeID]string{},
		Replaced: s.id.Replaced}
	for _, n := range s.catalog.Topology().Nodes {
		if n.ID != id && n.State != topo.NodeRemoved {
			resp.Contacts[n.ID] = n.Address
		}
	}
	return resp, nil
}

// understands refuses a program that does not know what the cluster's log holds.
func (s *Server) understands(format uint8) error {
	if v := s.clusterVersion(); format < v {
		return pgerr.New(pgerr.ObjectNotInPrerequisiteState, "the node's program is too old: it understands command format %d, and the "+
			"cluster uses %d", format, v)
	}
	return nil
}

func errNodeRemoved(id topo.NodeID) *pgerr.Error {
	return pgerr.New(pgerr.ObjectNotInPrerequisiteState, "node %d was removed from the cluster", id)
}

// catalogReplica returns the id of a node's replica of the catalog group; a node without one gets one.
func (h *holder) catalogReplica(ctx context.Context, node topo.NodeID) (uint64, error) {
	g, err := h.s.catalog.UpdateGroup(ctx, h.s.txns, topo.CatalogGroup, func(g *topo.Group) *topo.Group {
		if _, has := g.On(node); has {
			return nil
		}
		return g.With(node, topo.Learner)
	})
	if err != nil {
		return 0, err
	}
	r, _ := g.On(node)
	if r.Role != topo.Learner {
		return r.ID, nil
	}
	_, err = h.s.changeMembership(ctx, &membershipRequest{Group: topo.CatalogGroup, Op: "enlist", Replica: r.ID, Node: node})
	return r.ID, err
}

// dropCatalogReplica takes a replica of the catalog group whose data is lost out of raft and out of the record.
func (h *holder) dropCatalogReplica(ctx context.Context, node topo.NodeID, replica uint64) error {
	g := h.s.catalog.Topology().Groups[topo.CatalogGroup]
	if r, has := g.On(node); !has || r.ID != replica {
		return nil
	}
	_, err := h.s.changeMembership(ctx, &membershipRequest{Group: topo.CatalogGroup, Op: "remove", Replica: replica, Node: node})
	if err == nil {
		_, err = h.s.catalog.UpdateGroup(ctx, h.s.txns, topo.CatalogGroup, func(g *topo.Group) *topo.Group { return g.WithRole(replica, 0) })
	}
	return err
}

// register gives a node its epoch. The answer's index is that of an entry logged after the epoch was given, or of it.
func (h *holder) register(ctx context.Context, q *registerRequest) (*registerResponse, error) {
	s := h.s
	if slices.Contains(s.id.Replaced, q.Cluster) {
		return nil, pgerr.New(pgerr.ObjectNotInPrerequisiteState, "cluster %d was recovered from its survivors and goes on as cluster %d: "+
			"what the node has is of before that; join with an empty directory", q.Cluster, s.id.Cluster)
	}
	if q.Cluster != s.id.Cluster {
		return nil, pgerr.New(pgerr.ObjectNotInPrerequisiteState, "the node belongs to another cluster")
	}
	if err := s.understands(q.Format); err != nil {
		return nil, err
	}
	if err := h.checkRunning(ctx, q); err != nil {
		return nil, err
	}
	var problem error
	var taken topo.LivenessEpoch
	node, err := s.catalog.UpdateNode(ctx, s.txns, q.Node, func(n *topo.Node) *topo.Node {
		problem, taken = nil, 0
		switch {
		case n == nil:
			problem = pgerr.New(pgerr.ObjectNotInPrerequisiteState, "node %d is not known", q.Node)
		case n.State == topo.NodeRemoved:
			problem = errNodeRemoved(q.Node)
		case n.Instance != "" && n.Instance != q.Instance:
			problem = pgerr.New(pgerr.ObjectNotInPrerequisiteState, "node %d is another one", q.Node)
		case q.Epoch < n.Epoch || q.Epoch == n.Epoch && n.Dead:
			taken = n.Epoch
		default:
			c := *n
			c.Epoch, c.Dead, c.Address, c.SQL, c.Instance = q.Epoch, false, q.Address, q.SQL, q.Instance
			c.Format = q.Format
			if c.State == topo.NodeJoining {
				c.State = topo.NodeActive
			}
			return &c
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case problem != nil:
		return nil, problem
	case taken != 0:
		return &registerResponse{Epoch: taken}, nil
	}
	s.log.Info("a node registers", "node", node.ID, "epoch", node.Epoch, "address", node.Address)
	if q.LostReplica != 0 {
		if err := h.dropCatalogReplica(ctx, q.Node, q.LostReplica); err != nil {
			return nil, err
		}
	}
	replica, err := h.catalogReplica(ctx, q.Node)
	if err != nil {
		return nil, err
	}
	cat, err := s.replica(topo.CatalogGroup)
	if err != nil {
		return nil, err
	}
	return &registerResponse{Index: cat.State().AppliedIndex(), CatalogReplica: replica}, nil
}

// heartbeat gives a node the right to plan, unless its epoch is over.
func (h *holder) heartbeat(_ context.Context, q *heartbeat) (*heartbeatResponse, error) {
	n := h.s.catalog.Topology().Nodes[q.Node]
	switch {
	case n == nil:
		return &heartbeatResponse{}, nil
	case n.State == topo.NodeRemoved:
		return &heartbeatResponse{Removed: true}, nil
	case n.Epoch != q.Epoch || n.Dead || !h.liveness.Answer(q.Node, q.Epoch, q):
		return &heartbeatResponse{}, nil
	}
	return &heartbeatResponse{OK: true, Horizon: h.oldestSnapshot(), Status: h.status()}, nil
}

// report returns what a node last reported, nil when it is not alive.
func (h *holder) report(n *topo.Node) *heartbeat {
	if n.Dead {
		return nil
	}
	q, _ := h.liveness.Report(n.ID, n.Epoch).(*heartbeat)
	return q
}

// oldestSnapshot is the timestamp below which no node uses a snapshot. It stands still while a node that may be alive has
// not been heard of under this lease.
func (h *holder) oldestSnapshot() topo.Timestamp {
	h.mu.Lock()
	defer h.mu.Unlock()
	oldest := topo.MaxTimestamp
	for _, n := range h.s.catalog.Topology().Nodes {
		if n.Dead || n.Epoch == 0 || n.State == topo.NodeRemoved {
			continue
		}
		q := h.report(n)
		if q == nil {
			return h.horizon
		}
		oldest = min(oldest, q.Oldest)
	}
	if oldest != topo.MaxTimestamp && oldest > h.horizon {
		h.horizon = oldest
	}
	return h.horizon
}

// fence ends a node's epoch: it gets no more answers, and once its right to plan has run out its record says so.
func (h *holder) fence(ctx context.Context, q *fenceRequest) (*empty, error) {
	if wait := h.liveness.Fence(q.Node, q.Epoch); wait > 0 && !sleep(ctx, wait) {
		return nil, context.Cause(ctx)
	}
	return &empty{}, h.endEpoch(ctx, q.Node, q.Epoch, "it does not follow the catalog")
}

// endEpoch records that an epoch is over. Its node's right to plan has run out.
func (h *holder) endEpoch(ctx context.Context, id topo.NodeID, epoch topo.LivenessEpoch, why string) error {
	_, err := h.s.catalog.UpdateNode(ctx, h.s.txns, id, func(n *topo.Node) *topo.Node {
		if n == nil || n.Epoch != epoch || n.Dead {
			return nil
		}
		c := *n
		c.Dead = true
		return &c
	})
	if err == nil {
		h.s.log.Warn("a node's epoch is over", "node", id, "epoch", epoch, "why", why)
	}
	return err
}

// replicaLost retires a replica whose data is gone; the plans then put another one in its place.
func (h *holder) replicaLost(ctx context.Context, q *lostRequest) (*empty, error) {
	_, err := h.s.catalog.UpdateGroup(ctx, h.s.txns, q.Group, func(g *topo.Group) *topo.Group {
		if g == nil {
			return nil
		}
		if r, ok := g.Replica(q.Replica); !ok || r.Role == topo.Leaving {
			return nil
		}
		return g.WithRole(q.Replica, topo.Leaving)
	})
	return &empty{}, err
}

// setState drains, removes or reactivates a node.
func (h *holder) setState(ctx context.Context, q *stateRequest) (*empty, error) {
	h.leaving.Lock()
	defer h.leaving.Unlock()
	if err := h.awaitReports(ctx); err != nil {
		return nil, err
	}
	if err := h.spared(q); err != nil {
		return nil, err
	}
	var problem error
	_, err := h.s.catalog.UpdateNode(ctx, h.s.txns, q.Node, func(n *topo.Node) *topo.Node {
		problem = nil
		switch {
		case n == nil || n.State == topo.NodeRemoved && q.State != topo.NodeRemoving:
			problem = pgerr.New(pgerr.UndefinedObject, "node %d does not exist", q.Node)
		case n.State == topo.NodeRemoving && q.State != topo.NodeRemoving:
			problem = pgerr.New(pgerr.ObjectNotInPrerequisiteState, "node %d is being removed", q.Node)
		case n.State != q.State && n.State != topo.NodeRemoved:
			c := *n
			c.State = q.State
			return &c
		}
		return nil
	})
	if err == nil {
		err = problem
	}
	return &empty{}, err
}

// timestamps answers methodTimestamp: a count, and the first of as many timestamps.
func (h *holder) timestamps(ctx context.Context, body []byte) ([]byte, error) {
	n, ok := readNumber(body)
	if !ok || n < 1 {
		return nil, &rpc.Error{Code: rpc.ErrNotProposed, Detail: "damaged request"}
	}
	first, err := h.s.oracle.Timestamps(ctx, int(n))
	if err != nil {
		return nil, err
	}
	return appendNumber(nil, uint64(first)), nil
}

// run ends the epochs of nodes that are not heard of and moves replicas, while this node holds the lease.
func (h *holder) run(ctx context.Context) {
	t := time.NewTicker(controlEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		case <-h.control.kicked:
		}
		cat := h.s.host.Replica(topo.CatalogGroup)
		if cat == nil {
			continue
		}
		if _, mine := cat.Lease(); !mine {
			h.control.forget()
			continue
		}
		epoch, err := cat.ConfirmLease(ctx)
		if err != nil {
			continue
		}
		h.liveness.Serve(epoch)
		h.endSilent(ctx)
		h.control.step(epoch)
		h.upgrade()
	}
}

// endSilent ends the epochs of the nodes that were not heard of for too long.
func (h *holder) endSilent(ctx context.Context) {
	for _, n := range h.s.catalog.Topology().Nodes {
		if n.Dead || n.Epoch == 0 || n.State == topo.NodeRemoved || n.ID == h.s.id.Node {
			continue
		}
		if _, over := h.liveness.Silence(n.ID, n.Epoch); over {
			if err := h.endEpoch(ctx, n.ID, n.Epoch, "it does not answer"); err != nil {
				h.s.log.Debug("ending an epoch", "node", n.ID, "err", err)
			}
		}
	}
}
