package place

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Blocking names the groups that could not spare a node: without it, and with what the other nodes that are alive could hold in
// its place, they would have no majority of live voters. It is asked before a node is drained or removed. Plan keeps to the same
// rule, and would wait for ever.
func Blocking(v *View, node topo.NodeID) []topo.GroupID {
	var out []topo.GroupID
	for _, id := range v.Topology.GroupIDs() {
		if !spares(v, v.Topology.Groups[id], node) {
			out = append(out, id)
		}
	}
	return out
}

func spares(v *View, g *topo.Group, node topo.NodeID) bool {
	voters, live, has := 0, 0, false
	now := 0 // live voters with the node's own
	for _, r := range g.Replicas {
		switch {
		case r.Role != topo.Voter:
		case r.Node == node:
			has = true
			if v.Nodes[node].Live {
				now = 1
			}
		default:
			voters++
			if v.Nodes[r.Node].Live {
				live++
			}
		}
	}
	if !has {
		return true
	}
	if now += live; now <= (voters+1)/2 {
		return false // it has no majority as it is, and agrees on nothing
	}
	// A replacement votes before the node's own replica goes.
	if slices.ContainsFunc(v.Topology.NodeIDs(), func(id topo.NodeID) bool {
		r, on := g.On(id)
		return id != node && v.Topology.Nodes[id].State == topo.NodeActive && v.Nodes[id].Live && (!on || r.Role == topo.Learner)
	}) {
		voters++
		live++
	}
	return live > voters/2
}
