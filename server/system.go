package server

import (
	"context"
	"encoding/binary"
	"slices"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog/pgcat"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// systemConfig is what the system catalogs show of this node and of the cluster.
func (s *Server) systemConfig() pgcat.Config {
	return pgcat.Config{Node: s.id.Node, Nodes: func() []pgcat.Node { return s.clusterStatus().Nodes },
		Shards:          func() []pgcat.Shard { return s.clusterStatus().Shards },
		Rebalance:       func() []pgcat.Move { return s.clusterStatus().Moves },
		NodeConstraints: s.constraintsByNode,
		Activity:        s.activity, Locks: s.lockRows, Blockers: s.blockers, RowCount: s.rowCount, Statistics: s.statistics,
		Size: func(topo.StorageID) int64 { return 0 }, Analyze: s.analyze, Started: s.started,
		TempFiles: func(database string) (files, bytes int64) {
			u := s.temp.Use(database)
			return u.Files.Load(), u.Bytes.Load()
		}}
}

// clusterStatus asks the holder, and falls back on what it last said.
func (s *Server) clusterStatus() clusterStatus {
	ctx, cancel := context.WithTimeout(s.life, time.Second)
	defer cancel()
	if st, err := askHolder[clusterStatus](ctx, s, methodStatus, &empty{}); err == nil {
		return *st
	}
	s.member.mu.Lock()
	defer s.member.mu.Unlock()
	return s.member.status
}

// status describes the nodes and groups by the records and the latest heartbeats.
func (h *holder) status() clusterStatus {
	t := h.s.catalog.Topology()
	out := clusterStatus{Moves: h.control.progress()}
	reports := map[topo.NodeID]*heartbeat{}
	for _, id := range t.NodeIDs() {
		n := t.Nodes[id]
		row := pgcat.Node{ID: id, Address: n.Address, SQL: n.SQL, Epoch: n.Epoch, State: n.State.String()}
		q := h.report(n)
		switch {
		case q != nil:
			reports[id] = q
			row.CatalogVersion, row.Started, row.Replicas = q.Version, q.Started, len(q.Replicas)
			for _, r := range q.Replicas {
				if r.Holder {
					row.Leases++
				}
			}
			if n.State == topo.NodeActive {
				row.State = "live"
			}
		case n.Dead:
			row.State = "dead"
		case n.State == topo.NodeActive:
			row.State = "suspect"
		}
		out.Nodes = append(out.Nodes, row)
	}
	slots := map[topo.GroupID]int{}
	if m := h.s.catalog.Current().SlotMap(); m != nil {
		for i := range topo.NumSlots {
			slots[m.Group(topo.Slot(i))]++
		}
	}
	for _, id := range t.GroupIDs() {
		out.Shards = append(out.Shards, shardRow(t.Groups[id], slots[id], reports))
	}
	return out
}

func shardRow(g *topo.Group, slots int, reports map[topo.NodeID]*heartbeat) pgcat.Shard {
	row := pgcat.Shard{Group: g.ID, Slots: slots, State: "ok"}
	voters, live := 0, 0
	for _, r := range g.Replicas {
		row.Replicas = append(row.Replicas, r.Node)
		if r.Role != topo.Learner {
			voters++
		}
		q := reports[r.Node]
		if q == nil {
			continue
		}
		if r.Role != topo.Learner {
			live++
		}
		for _, x := range q.Replicas {
			if x.Group == g.ID && x.Holder && x.Lease >= row.Lease {
				row.Leader, row.Lease, row.Bytes = r.Node, x.Lease, x.Bytes
			}
		}
	}
	slices.Sort(row.Replicas)
	switch {
	case live <= voters/2:
		row.State = "unavailable"
	case live < voters:
		row.State = "under-replicated"
	}
	return row
}

// nodeConstraints is the answer to methodTables.
type nodeConstraints struct{ List []pgcat.NodeConstraint }

func (s *Server) ownConstraints(context.Context, *empty) (*nodeConstraints, error) {
	return &nodeConstraints{s.system.Constraints(s.catalog.Current())}, nil
}

// constraintsByNode asks every node that is alive for the constraints that its own catalog replica holds. A node that does
// not answer, as one does for a moment after it restarted, is asked again until it counts as dead; it is left out only
// when the time is up before that.
func (s *Server) constraintsByNode() ([]pgcat.NodeConstraint, error) {
	ctx, cancel := context.WithTimeout(s.life, callTimeout)
	defer cancel()
	ids := s.catalog.Topology().NodeIDs()
	lists := make([][]pgcat.NodeConstraint, len(ids))
	var wg sync.WaitGroup
	for i, id := range ids {
		wg.Go(func() { lists[i] = s.constraintsOf(ctx, id) })
	}
	wg.Wait()
	return slices.Concat(lists...), nil
}

func (s *Server) constraintsOf(ctx context.Context, id topo.NodeID) []pgcat.NodeConstraint {
	for {
		n := s.catalog.Topology().Nodes[id]
		if n == nil || n.Dead || n.Epoch == 0 {
			return nil
		}
		answer, err := askNode[nodeConstraints](ctx, s, id, methodTables, &empty{})
		if err == nil {
			return answer.List
		}
		select {
		case <-ctx.Done():
			s.log.Warn("asking a node for its constraints", "node", id, "err", err)
			return nil
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// cancelRequest asks the node that a backend runs on to cancel its statement, or to end it.
type cancelRequest struct {
	PID       int32
	Terminate bool
	Secret    *uint32 // of a client's cancel request, which proves itself by it; nil: of a SQL function
}

type cancelResponse struct{ Found bool }

func (s *Server) cancelHere(_ context.Context, q *cancelRequest) (*cancelResponse, error) {
	if q.Secret != nil {
		return &cancelResponse{s.wire.CancelRequest(q.PID, *q.Secret)}, nil
	}
	if q.Terminate {
		return &cancelResponse{s.wire.TerminateBackend(q.PID)}, nil
	}
	return &cancelResponse{s.wire.CancelBackend(q.PID)}, nil
}

// cancelBackend cancels or ends a session on whichever node it is: the node's id is part of the process id.
func (s *Server) cancelBackend(pid int32, terminate bool) bool {
	q := &cancelRequest{PID: pid, Terminate: terminate}
	node := nodeOfPID(pid)
	if node == s.id.Node {
		r, _ := s.cancelHere(s.life, q)
		return r.Found
	}
	ctx, cancel := context.WithTimeout(s.life, callTimeout)
	defer cancel()
	r, err := askNode[cancelResponse](ctx, s, node, methodCancel, q)
	return err == nil && r.Found
}

// cancelElsewhere passes a client's cancel request on to the node that its process id names.
func (s *Server) cancelElsewhere(pid int32, secret uint32) {
	node := nodeOfPID(pid)
	if node == s.id.Node || s.addressOf(node) == "" {
		return
	}
	ctx, cancel := context.WithTimeout(s.life, callTimeout)
	defer cancel()
	if _, err := askNode[cancelResponse](ctx, s, node, methodCancel, &cancelRequest{PID: pid, Secret: &secret}); err != nil {
		s.log.Info("passing a cancel request on", "node", node, "err", err)
	}
}

// nodeOfPID reads the node out of a process id that package wire made.
func nodeOfPID(pid int32) topo.NodeID { return topo.NodeID(uint32(pid) >> 19 & 0xfff) }

func appendNumber(b []byte, n uint64) []byte { return binary.AppendUvarint(b, n) }

func readNumber(b []byte) (n uint64, ok bool) {
	n, size := binary.Uvarint(b)
	return n, size == len(b) && size > 0
}

// blockers are the backends that keep one waiting, on whichever nodes.
func (s *Server) blockers(pid int32) []int32 {
	ctx, cancel := context.WithTimeout(s.life, callTimeout)
	defer cancel()
	return s.locks.BlockingPIDs(ctx, pid)
}
