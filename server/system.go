package server

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/pgcat"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// systemConfig is what the system catalogs show of this node.
func (s *Server) systemConfig() pgcat.Config {
	return pgcat.Config{Node: thisNode, Nodes: s.nodes, Shards: s.shards, Rebalance: func() []pgcat.Move { return nil },
		NodeConstraints: func() ([]pgcat.NodeConstraint, error) { return s.system.Constraints(s.catalog.Current()), nil },
		Locks:           s.locks, Blockers: func(int32) []int32 { return nil }, RowCount: s.stats.RowCount,
		Size: func(topo.StorageID) int64 { return 0 }, Analyze: s.analyze, Started: s.started}
}

func (s *Server) nodes() []pgcat.Node {
	n := pgcat.Node{ID: thisNode, Address: s.cfg.ClusterListen, SQL: s.listener.Addr().String(), State: "live",
		Epoch: topo.LivenessEpoch(s.host.Incarnation()), CatalogVersion: s.catalog.Current().Version(), Started: s.started}
	for _, r := range s.host.Replicas() {
		n.Replicas++
		if r.State().Lease().Holder == thisNode {
			n.Leases++
		}
	}
	return []pgcat.Node{n}
}

func (s *Server) shards() []pgcat.Shard {
	slots := map[topo.GroupID]int{}
	if m := s.catalog.Current().SlotMap(); m != nil {
		for i := range topo.NumSlots {
			slots[m.Group(topo.Slot(i))]++
		}
	}
	var out []pgcat.Shard
	for _, r := range s.host.Replicas() {
		l := r.State().Lease()
		out = append(out, pgcat.Shard{Group: r.ID(), Slots: slots[r.ID()], Leader: l.Holder, Lease: l.Epoch,
			Replicas: []topo.NodeID{thisNode}, Bytes: r.State().DiskBytes() + r.State().DeltaBytes(), State: "ok"})
	}
	return out
}

// locks lists table and advisory locks, and the row locks of every group.
func (s *Server) locks() []pgcat.Lock {
	var out []pgcat.Lock
	for _, e := range s.node.Tables.List() {
		l := pgcat.Lock{Type: "relation", Mode: e.Name, Granted: e.Granted, PID: s.node.PIDOf(e.Owner)}
		if len(e.Key) == 4 {
			l.Relation = catalog.Oid(uint32(e.Key[0])<<24 | uint32(e.Key[1])<<16 | uint32(e.Key[2])<<8 | uint32(e.Key[3]))
		}
		out = append(out, l)
	}
	for _, e := range s.node.Advisory.List() {
		l := pgcat.Lock{Type: "advisory", Mode: e.Name, Granted: e.Granted, PID: s.node.PIDOf(e.Owner), ObjSubID: 1}
		if k := e.Key; len(k) == 9 {
			if k[0] == 1 {
				l.ObjSubID = 2
			}
			l.ClassID = uint32(k[1])<<24 | uint32(k[2])<<16 | uint32(k[3])<<8 | uint32(k[4])
			l.ObjID = uint32(k[5])<<24 | uint32(k[6])<<16 | uint32(k[7])<<8 | uint32(k[8])
		}
		out = append(out, l)
	}
	for _, r := range s.host.Replicas() {
		for _, e := range r.Locks() {
			out = append(out, pgcat.Lock{Type: "tuple", Mode: e.Name, Granted: e.Granted, PID: s.node.PIDOf(e.Owner),
				TransactionID: uint32(e.Owner.Seq)})
		}
	}
	return out
}
