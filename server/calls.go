package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/group"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// The calls between nodes beside those to raft groups. Those named cluster.* are for the node that holds the catalog
// group's lease, and only it answers them; those named node.* are for any node; lock.* belong to shard/lockmgr. join and
// register are the ways in: any node takes them to the holder. hello comes before them, also from nodes of other clusters.
const (
	methodHello      = "hello"
	methodJoin       = "join"
	methodRegister   = "register"
	methodJoinHere   = "cluster.join"
	methodRegHere    = "cluster.register"
	methodHeartbeat  = "cluster.heartbeat"
	methodTimestamp  = "cluster.timestamp"
	methodFence      = "cluster.fence"
	methodLost       = "cluster.lost"
	methodSetState   = "cluster.set_state"
	methodStatus     = "cluster.status"
	methodApplied    = "node.applied"
	methodReady      = "node.ready"
	methodLease      = "node.lease"
	methodMembership = "node.membership"
	methodTables     = "node.constraints"
	methodCancel     = "node.cancel"
	methodDigest     = "node.digest"
	methodLeftovers  = "node.leftovers"
	methodActivity   = "node.activity"
	methodLocks      = "node.locks"
	methodNotify     = "node.notify"
	lockMethods      = "lock."
)

const (
	// callTimeout bounds a call that changes or asks something small.
	callTimeout = 5 * time.Second
	// holderPatience is how long a call looks for the catalog group's leaseholder.
	holderPatience = 10 * time.Second
	// readyTimeout bounds the question whether a replica may take a lease, and transferTimeout the lease's way there.
	readyTimeout    = time.Second
	transferTimeout = 2 * time.Second
)

// Call implements rpc.Handler.
func (s *Server) Call(ctx context.Context, method string, body []byte) ([]byte, error) {
	if !s.assembled.Load() {
		return nil, &rpc.Error{Code: rpc.ErrUnavailable, Detail: "the node is starting"}
	}
	switch {
	case strings.HasPrefix(method, lockMethods):
		return s.locks.Handle(ctx, method, body)
	case method == methodHello:
		return handle(ctx, body, s.hello)
	case method == methodJoin:
		return s.atHolder(ctx, methodJoinHere, body)
	case method == methodRegister:
		return s.atHolder(ctx, methodRegHere, body)
	case strings.HasPrefix(method, "cluster."):
		return s.holder.serve(ctx, method, body)
	}
	switch method {
	case methodApplied:
		return handle(ctx, body, s.awaitApplied)
	case methodReady:
		return handle(ctx, body, s.replicaReady)
	case methodLease:
		return handle(ctx, body, s.moveLease)
	case methodMembership:
		return handle(ctx, body, s.changeMembership)
	case methodTables:
		return handle(ctx, body, s.ownConstraints)
	case methodCancel:
		return handle(ctx, body, s.cancelHere)
	case methodDigest:
		return handle(ctx, body, s.digest)
	case methodLeftovers:
		return handle(ctx, body, s.leftoversHere)
	case methodActivity:
		return handle(ctx, body, s.ownActivity)
	case methodNotify:
		return handle(ctx, body, s.postman.receive)
	case methodLocks:
		return handle(ctx, body, s.ownLocks)
	}
	return nil, fmt.Errorf("unknown call %q", method)
}

// Group implements rpc.Handler.
func (s *Server) Group(id topo.GroupID) rpc.Group { return s.localGroup(id) }

// handle decodes a call's body, runs f and encodes its answer.
func handle[Q, R any](ctx context.Context, body []byte, f func(context.Context, *Q) (*R, error)) ([]byte, error) {
	q := new(Q)
	if err := json.Unmarshal(body, q); err != nil {
		return nil, fmt.Errorf("damaged request: %w", err)
	}
	r, err := f(ctx, q)
	if err != nil {
		return nil, err
	}
	return json.Marshal(r)
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil { // requests hold nothing that JSON cannot
		panic(err)
	}
	return b
}

// callAddress calls a node that is known by its address only.
func (s *Server) callAddress(ctx context.Context, address, method string, q, r any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	b, err := s.client.Call(ctx, address, method, encode(q))
	if err != nil {
		return err
	}
	return json.Unmarshal(b, r)
}

// callNode calls a node, this one included.
func (s *Server) callNode(ctx context.Context, id topo.NodeID, method string, body []byte) ([]byte, error) {
	if id == s.id.Node {
		return s.Call(ctx, method, body)
	}
	address := s.addressOf(id)
	if address == "" {
		return nil, &rpc.Error{Code: rpc.ErrUnavailable, Detail: fmt.Sprintf("the address of node %d is not known", id)}
	}
	return s.client.Call(ctx, address, method, body)
}

func (s *Server) addressOf(id topo.NodeID) string {
	if n := s.catalog.Topology().Nodes[id]; n != nil {
		return n.Address
	}
	return s.id.contacts()[id]
}

// catalogHolder returns who holds the catalog group's lease, as this node's replica of it knows.
func (s *Server) catalogHolder() (topo.NodeID, topo.LeaseEpoch) {
	r := s.host.Replica(topo.CatalogGroup)
	if r == nil {
		return 0, 0
	}
	info, _ := r.Lease()
	return info.Holder, info.Epoch
}

// atHolder makes a call at the catalog group's leaseholder, and looks for it while it changes.
func (s *Server) atHolder(ctx context.Context, method string, body []byte) ([]byte, error) {
	deadline := time.Now().Add(holderPatience)
	next, _ := s.catalogHolder()
	var tried topo.NodeID
	for turn := 0; ; turn++ {
		if next == 0 || next == tried {
			next = s.someVoter(turn)
		}
		var b []byte
		err := error(&rpc.Error{Code: rpc.ErrUnavailable, Detail: "no node of the catalog group is known"})
		if next != 0 {
			b, err = s.callNode(ctx, next, method, body)
		}
		var e *rpc.Error
		if err == nil || !errors.As(err, &e) || e.Code != rpc.ErrNotLeaseholder && e.Code != rpc.ErrUnavailable && e.Code != rpc.ErrNotProposed {
			return b, err
		}
		if time.Now().After(deadline) {
			return nil, err
		}
		tried, next = next, e.Holder
		if next == 0 {
			next, _ = s.catalogHolder()
		}
		if !sleep(ctx, 20*time.Millisecond) {
			return nil, context.Cause(ctx)
		}
	}
}

// someVoter names the catalog group's voters in turn.
func (s *Server) someVoter(turn int) topo.NodeID {
	g := s.catalog.Topology().Groups[topo.CatalogGroup]
	if g == nil {
		return 0
	}
	var voters []topo.NodeID
	for _, r := range g.Replicas {
		if r.Role != topo.Learner {
			voters = append(voters, r.Node)
		}
	}
	if len(voters) == 0 {
		return 0
	}
	return voters[turn%len(voters)]
}

// askHolder is atHolder with a request and an answer.
func askHolder[R any](ctx context.Context, s *Server, method string, q any) (*R, error) {
	b, err := s.atHolder(ctx, method, encode(q))
	if err != nil {
		return nil, err
	}
	r := new(R)
	return r, json.Unmarshal(b, r)
}

// askNode is callNode with a request and an answer.
func askNode[R any](ctx context.Context, s *Server, id topo.NodeID, method string, q any) (*R, error) {
	b, err := s.callNode(ctx, id, method, encode(q))
	if err != nil {
		return nil, err
	}
	r := new(R)
	return r, json.Unmarshal(b, r)
}

// sleep waits; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// retryUntil runs f until it succeeds, its error is final, or ctx ends.
func retryUntil(ctx context.Context, f func(context.Context) error) error {
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err := f(ctx)
		if err == nil || final(err) {
			return err
		}
		if !sleep(ctx, pause) {
			return err
		}
	}
}

// final reports whether a call's error will not go away by trying again: a refusal, rather than the lack of an answer or an
// answer for the moment.
func final(err error) bool {
	var no *refusedError
	var trust *rpc.TrustError
	if errors.As(err, &no) || errors.As(err, &trust) || errors.Is(err, errRemoved) {
		return true
	}
	var pe *pgerr.Error
	if !errors.As(err, &pe) {
		return false
	}
	switch pe.Code[:2] {
	case "08", "40", "53", "57": // connection, rollback, resources, operators
		return false
	}
	return pe.Code != pgerr.ObjectInUse && pe.Code != pgerr.LockNotAvailable
}

// localGroup returns this node's replica, nil when it has none.
func (s *Server) localGroup(id topo.GroupID) rpc.Group {
	if r := s.host.Replica(id); r != nil {
		return r
	}
	return nil
}

// empty is a request or an answer that says nothing more.
type empty struct{}

// appliedRequest asks a node to say when its catalog replica has applied an index.
type appliedRequest struct{ Index uint64 }

// awaitApplied answers appliedRequest.
func (s *Server) awaitApplied(ctx context.Context, q *appliedRequest) (*empty, error) {
	return &empty{}, s.catalogApplied(ctx, q.Index)
}

// catalogApplied waits until the catalog replica has applied an index, and the catalog has what that brought.
func (s *Server) catalogApplied(ctx context.Context, index uint64) error {
	for {
		changed := s.catalog.Changed()
		r := s.host.Replica(topo.CatalogGroup)
		if r != nil && r.FollowedIndex() >= index {
			return s.catalog.Err()
		}
		// Not every entry changes the catalog: look again now and then.
		t := time.NewTimer(5 * time.Millisecond)
		select {
		case <-changed:
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return context.Cause(ctx)
		}
		t.Stop()
	}
}

// leaseRequest asks a group's leaseholder to hand its lease to another replica.
type leaseRequest struct {
	Group topo.GroupID
	To    uint64
}

// moveLease answers leaseRequest. While the lease is under way nobody serves the group, so little time is given to it.
func (s *Server) moveLease(ctx context.Context, q *leaseRequest) (*empty, error) {
	r, err := s.replica(q.Group)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, transferTimeout)
	defer cancel()
	return &empty{}, r.TransferLease(ctx, q.To)
}

// replicaReady answers a leaseRequest's question whether the replica here is up to date.
func (s *Server) replicaReady(ctx context.Context, q *leaseRequest) (*empty, error) {
	r, err := s.replica(q.Group)
	if err != nil {
		return nil, err
	}
	if r.ReplicaID() != q.To {
		return nil, fmt.Errorf("the replica here is %d", r.ReplicaID())
	}
	return &empty{}, r.CaughtUp(ctx)
}

func (s *Server) replica(id topo.GroupID) (*group.Replica, error) {
	r := s.host.Replica(id)
	if r == nil {
		return nil, &rpc.Error{Code: rpc.ErrUnavailable, Detail: "this node has no replica of the group"}
	}
	return r, nil
}

// membershipRequest asks a node that has the group to change raft's membership. Every operation is idempotent.
type membershipRequest struct {
	Group   topo.GroupID
	Op      string // "enlist", "promote" or "remove"
	Replica uint64
	Node    topo.NodeID
}

// changeMembership answers membershipRequest.
func (s *Server) changeMembership(ctx context.Context, q *membershipRequest) (*empty, error) {
	r, err := s.replica(q.Group)
	if err != nil {
		return nil, err
	}
	switch q.Op {
	case "enlist":
		err = r.AddNonVoting(ctx, q.Replica, raftName(q.Node))
	case "promote":
		err = r.Promote(ctx, q.Replica, raftName(q.Node))
	case "remove":
		err = r.RemoveReplica(ctx, q.Replica)
	default:
		err = fmt.Errorf("unknown operation %q", q.Op)
	}
	return &empty{}, err
}
