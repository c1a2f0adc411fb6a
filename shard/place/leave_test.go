package place

import (
	"slices"
	"testing"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

func TestBlockingNamesTheGroupsThatCannotSpareANode(t *testing.T) {
	for _, c := range []struct {
		name         string
		nodes        int
		voters       []topo.NodeID
		learners     []topo.NodeID
		dead, leaves []topo.NodeID
		blocks       bool
	}{
		{name: "one of three", nodes: 3, voters: []topo.NodeID{1, 2, 3}, leaves: []topo.NodeID{1, 2, 3}},
		{name: "a live one of three, one dead", nodes: 3, voters: []topo.NodeID{1, 2, 3}, dead: []topo.NodeID{3}, leaves: []topo.NodeID{1, 2}, blocks: true},
		{name: "the dead one of three", nodes: 3, voters: []topo.NodeID{1, 2, 3}, dead: []topo.NodeID{3}, leaves: []topo.NodeID{3}},
		{name: "a live one of three, one dead, a fourth in its place", nodes: 4, voters: []topo.NodeID{1, 2, 3}, dead: []topo.NodeID{3},
			leaves: []topo.NodeID{1, 2, 4}},
		{name: "no majority, a fourth that cannot be enlisted", nodes: 4, voters: []topo.NodeID{1, 2, 3}, dead: []topo.NodeID{2, 3},
			leaves: []topo.NodeID{1, 2, 3}, blocks: true},
		{name: "the only voter, nobody else", nodes: 1, voters: []topo.NodeID{1}, leaves: []topo.NodeID{1}, blocks: true},
		{name: "the only voter, another node", nodes: 2, voters: []topo.NodeID{1}, leaves: []topo.NodeID{1, 2}},
		{name: "the only voter, a learner elsewhere", nodes: 2, voters: []topo.NodeID{1}, learners: []topo.NodeID{2}, leaves: []topo.NodeID{1, 2}},
		{name: "the only voter, the other node dead", nodes: 2, voters: []topo.NodeID{1}, dead: []topo.NodeID{2}, leaves: []topo.NodeID{1}, blocks: true},
		{name: "one of two voters", nodes: 2, voters: []topo.NodeID{1, 2}, leaves: []topo.NodeID{1, 2}},
		{name: "one of two voters, the other dead", nodes: 2, voters: []topo.NodeID{1, 2}, dead: []topo.NodeID{2}, leaves: []topo.NodeID{1, 2}, blocks: true},
		{name: "one of five, two dead", nodes: 5, voters: []topo.NodeID{1, 2, 3, 4, 5}, dead: []topo.NodeID{4, 5}, leaves: []topo.NodeID{1}, blocks: true},
	} {
		m := newModel(t, 0)
		for id := topo.NodeID(2); int(id) <= c.nodes; id++ {
			m.join(id)
		}
		g := &topo.Group{ID: topo.FirstDataGroup, NextReplica: 1}
		for _, id := range c.voters {
			g = g.With(id, topo.Voter)
		}
		for _, id := range c.learners {
			g = g.With(id, topo.Learner)
		}
		m.v.Topology.Groups = map[topo.GroupID]*topo.Group{g.ID: g}
		for _, id := range c.dead {
			m.v.Nodes[id] = NodeView{DeadFor: 1}
		}
		for _, id := range c.leaves {
			if got := slices.Contains(Blocking(m.v, id), g.ID); got != c.blocks {
				t.Errorf("%s: node %d blocked %v, want %v", c.name, id, got, c.blocks)
			}
		}
	}
}
