package topo

import (
	"maps"
	"slices"
)

// Nodes and the placement of groups, as the catalog group records them. The records are what is wanted and decided; what
// raft has made of it is asked of raft. Only the catalog group's leaseholder changes them, but for a node's own entry in
// Node at a join.

// NodeState is where a node is in its life.
type NodeState uint8

// The states of a node. A removed one never comes back: its id is not given again.
const (
	NodeJoining  NodeState = iota + 1 // known, has not served yet
	NodeActive                        // takes clients and replicas
	NodeDraining                      // gives its replicas and leases away, still takes clients
	NodeRemoving                      // as draining, and then leaves the cluster
	NodeRemoved
)

func (s NodeState) String() string {
	switch s {
	case NodeJoining:
		return "joining"
	case NodeActive:
		return "active"
	case NodeDraining:
		return "draining"
	case NodeRemoving:
		return "removing"
	case NodeRemoved:
		return "removed"
	}
	return "unknown"
}

// Node is the record of a node.
type Node struct {
	ID       NodeID
	Instance string // random, made by the node before it asked to join: asking twice gives one id
	Address  string // where other nodes reach it; fixed for the life of its data directory
	SQL      string // where clients reach it
	State    NodeState
	Format   uint8 `json:",omitempty"` // the newest command format that its program understood when it last registered
	// Epoch is the last liveness epoch given to the node; earlier ones are over.
	Epoch LivenessEpoch
	// Dead is set when Epoch is over too: the node was not heard of and its liveness lease has run out.
	Dead bool
}

// Wanted reports whether the node may hold replicas in the long run.
func (n *Node) Wanted() bool { return n.State == NodeActive }

// Over reports whether a liveness epoch of the node has ended: whatever it coordinated is to be finished by others.
func (n *Node) Over(epoch LivenessEpoch) bool {
	return epoch < n.Epoch || epoch == n.Epoch && n.Dead || n.State == NodeRemoved
}

// ReplicaRole is what a replica is to its group.
type ReplicaRole uint8

// The roles. Leaving replicas still vote until raft has removed them.
const (
	Learner ReplicaRole = iota + 1
	Voter
	Leaving
)

func (r ReplicaRole) String() string {
	switch r {
	case Learner:
		return "learner"
	case Voter:
		return "voter"
	case Leaving:
		return "leaving"
	}
	return "unknown"
}

// ReplicaRecord is one replica of a group. IDs are never given twice within a group.
type ReplicaRecord struct {
	ID   uint64
	Node NodeID
	Role ReplicaRole
}

// Group is the record of a raft group.
type Group struct {
	ID          GroupID
	NextReplica uint64 // every ReplicaRecord.ID ever given is below it
	Replicas    []ReplicaRecord
}

// On returns the group's replica on a node.
func (g *Group) On(n NodeID) (ReplicaRecord, bool) {
	for _, r := range g.Replicas {
		if r.Node == n {
			return r, true
		}
	}
	return ReplicaRecord{}, false
}

// Replica returns the replica with an id.
func (g *Group) Replica(id uint64) (ReplicaRecord, bool) {
	for _, r := range g.Replicas {
		if r.ID == id {
			return r, true
		}
	}
	return ReplicaRecord{}, false
}

// Voters counts the replicas that are meant to stay voters.
func (g *Group) Voters() int {
	n := 0
	for _, r := range g.Replicas {
		if r.Role == Voter {
			n++
		}
	}
	return n
}

// With returns a copy of the record with one more replica, under a new id.
func (g *Group) With(n NodeID, role ReplicaRole) *Group {
	c := *g
	c.Replicas = append(slices.Clone(g.Replicas), ReplicaRecord{ID: g.NextReplica, Node: n, Role: role})
	c.NextReplica++
	return &c
}

// WithRole returns a copy in which a replica has another role; role 0 takes it out.
func (g *Group) WithRole(id uint64, role ReplicaRole) *Group {
	c := *g
	c.Replicas = slices.Clone(g.Replicas)
	for i := range c.Replicas {
		if c.Replicas[i].ID != id {
			continue
		}
		if role == 0 {
			c.Replicas = slices.Delete(c.Replicas, i, i+1)
		} else {
			c.Replicas[i].Role = role
		}
		break
	}
	return &c
}

// Topology is the nodes and the groups at one time. It is immutable.
type Topology struct {
	Nodes  map[NodeID]*Node
	Groups map[GroupID]*Group
}

// NodeIDs returns the ids of all nodes that were not removed, ascending.
func (t *Topology) NodeIDs() []NodeID {
	out := make([]NodeID, 0, len(t.Nodes))
	for id, n := range t.Nodes {
		if n.State != NodeRemoved {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// GroupIDs returns the ids of all groups, ascending.
func (t *Topology) GroupIDs() []GroupID {
	out := make([]GroupID, 0, len(t.Groups))
	for id := range t.Groups {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// Over reports whether the coordinator of a transaction is gone: its node's liveness epoch has ended, or nobody knows it.
func (t *Topology) Over(id TxnID) bool {
	n := t.Nodes[id.Node]
	return n == nil || n.Over(id.Epoch)
}

// WithNode returns a copy in which a node has another record.
func (t *Topology) WithNode(n *Node) *Topology {
	c := &Topology{Nodes: maps.Clone(t.Nodes), Groups: t.Groups}
	c.Nodes[n.ID] = n
	return c
}

// WithGroup returns a copy in which a group has another record.
func (t *Topology) WithGroup(g *Group) *Topology {
	c := &Topology{Nodes: t.Nodes, Groups: maps.Clone(t.Groups)}
	c.Groups[g.ID] = g
	return c
}
