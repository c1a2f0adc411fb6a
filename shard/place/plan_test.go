package place

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// model carries steps out at once, as raft would in the end, and checks what must hold at every moment.
type model struct {
	t    *testing.T
	v    *View
	raft map[topo.GroupID]map[uint64]bool // replica -> has a vote
}

func newModel(t *testing.T, groups int) *model {
	m := &model{t: t, raft: map[topo.GroupID]map[uint64]bool{}, v: &View{ReplaceAfter: time.Minute,
		Topology: &topo.Topology{Nodes: map[topo.NodeID]*topo.Node{}, Groups: map[topo.GroupID]*topo.Group{}},
		Nodes:    map[topo.NodeID]NodeView{}, Groups: map[topo.GroupID]GroupView{}}}
	m.join(1)
	for g := topo.CatalogGroup; g <= topo.CatalogGroup+topo.GroupID(groups); g++ {
		m.v.Topology.Groups[g] = (&topo.Group{ID: g, NextReplica: 1}).With(1, topo.Voter)
		m.v.Groups[g] = GroupView{Holder: 1, CaughtUp: map[uint64]bool{}, Enlisted: map[uint64]bool{1: true}}
		m.raft[g] = map[uint64]bool{1: true}
	}
	return m
}

func (m *model) join(id topo.NodeID) {
	m.v.Topology.Nodes[id] = &topo.Node{ID: id, State: topo.NodeActive, Epoch: 1}
	m.v.Nodes[id] = NodeView{Live: true}
}

func (m *model) set(id topo.NodeID, s topo.NodeState) {
	n := *m.v.Topology.Nodes[id]
	n.State = s
	m.v.Topology.Nodes[id] = &n
}

func (m *model) do(s Step) {
	g := m.v.Topology.Groups[s.Group]
	gv := m.v.Groups[s.Group]
	switch s.Kind {
	case Add:
		if _, has := g.On(s.Node); has {
			m.t.Fatalf("%v: it has a replica there", s)
		}
		g = g.With(s.Node, topo.Learner)
	case Enlist:
		m.raft[s.Group][s.Replica] = false
		gv.Enlisted[s.Replica] = true
		gv.CaughtUp[s.Replica] = m.v.Nodes[s.Node].Live
	case Promote:
		m.raft[s.Group][s.Replica] = true
		g = g.WithRole(s.Replica, topo.Voter)
	case Retire:
		g = g.WithRole(s.Replica, topo.Leaving)
	case Remove:
		if gv.Holder == s.Node {
			m.t.Fatalf("%v: it holds the lease", s)
		}
		delete(m.raft[s.Group], s.Replica)
		g = g.WithRole(s.Replica, 0)
	case MoveLease:
		if !m.v.Nodes[s.Node].Live || !m.raft[s.Group][s.Replica] {
			m.t.Fatalf("%v: it cannot hold the lease", s)
		}
		gv.Holder = s.Node
	case Forget:
		m.set(s.Node, topo.NodeRemoved)
		return
	}
	m.v.Topology.Groups[s.Group], m.v.Groups[s.Group] = g, gv
	live, voters := 0, 0
	for id, votes := range m.raft[s.Group] {
		if r, ok := g.Replica(id); votes {
			voters++
			if ok && m.v.Nodes[r.Node].Live {
				live++
			}
		}
	}
	if live <= voters/2 {
		m.t.Fatalf("after %v group %d has %d live of %d voters", s, s.Group, live, voters)
	}
}

func (m *model) run() []Wait {
	for range 1000 {
		steps, waits := Plan(m.v)
		if len(steps) == 0 {
			return waits
		}
		seen := map[topo.GroupID]bool{}
		for _, s := range steps {
			if s.Group != 0 && seen[s.Group] {
				m.t.Fatalf("two steps for group %d: %v", s.Group, steps)
			}
			seen[s.Group] = true
			m.do(s)
		}
	}
	steps, _ := Plan(m.v)
	m.t.Fatalf("the plans do not come to an end: %v", steps)
	return nil
}

func (m *model) String() string {
	s := ""
	for _, id := range m.v.Topology.GroupIDs() {
		s += fmt.Sprintf("%d:", id)
		for _, r := range m.v.Topology.Groups[id].Replicas {
			s += fmt.Sprintf(" %d%c", r.Node, r.Role.String()[0])
			if m.v.Groups[id].Holder == r.Node {
				s += "*"
			}
		}
		s += "\n"
	}
	return s
}

func (m *model) voters(g topo.GroupID) (n int) {
	for _, r := range m.v.Topology.Groups[g].Replicas {
		if r.Role == topo.Voter {
			n++
		}
	}
	return n
}

func (m *model) counts() (replicas, leases map[topo.NodeID]int) {
	replicas, leases = map[topo.NodeID]int{}, map[topo.NodeID]int{}
	for id, g := range m.v.Topology.Groups {
		leases[m.v.Groups[id].Holder]++
		if id == topo.CatalogGroup {
			continue
		}
		for _, r := range g.Replicas {
			replicas[r.Node]++
		}
	}
	return replicas, leases
}

func TestThreeNodesGetThreeReplicasAndAFourthItsShare(t *testing.T) {
	m := newModel(t, 4)
	m.run()
	m.join(2)
	m.run()
	if m.voters(2) != 1 {
		t.Fatalf("two nodes: a second voter\n%v", m)
	}
	m.join(3)
	m.run()
	for g := topo.CatalogGroup; g <= 5; g++ {
		if m.voters(g) != 3 {
			t.Fatalf("group %d\n%v", g, m)
		}
	}
	m.join(4)
	m.run()
	replicas, leases := m.counts()
	for n := topo.NodeID(1); n <= 4; n++ {
		if replicas[n] != 3 || leases[n] == 0 {
			t.Fatalf("node %d: %d replicas, %d leases\n%v", n, replicas[n], leases[n], m)
		}
	}
	if r, has := m.v.Topology.Groups[topo.CatalogGroup].On(4); !has || r.Role != topo.Learner {
		t.Fatalf("node 4 has no catalog without a vote\n%v", m)
	}
}

func TestADrainedNodeIsEmptiedAndARemovedOneForgotten(t *testing.T) {
	m := newModel(t, 4)
	for n := topo.NodeID(2); n <= 4; n++ {
		m.join(n)
	}
	m.run()
	m.set(1, topo.NodeDraining)
	m.run()
	if replicas, leases := m.counts(); replicas[1] != 0 || leases[1] != 0 {
		t.Fatalf("node 1 holds something\n%v", m)
	}
	m.set(1, topo.NodeRemoving)
	m.run()
	if m.v.Topology.Nodes[1].State != topo.NodeRemoved || m.voters(topo.CatalogGroup) != 3 {
		t.Fatalf("node 1 is %v\n%v", m.v.Topology.Nodes[1].State, m)
	}
}

func TestADeadNodeIsReplacedOnlyWhereThereIsAnother(t *testing.T) {
	m := newModel(t, 4)
	m.join(2)
	m.join(3)
	m.run()
	m.dies(3)
	if waits := m.run(); m.voters(2) != 3 || len(waits) == 0 {
		t.Fatalf("waits %v\n%v", waits, m)
	}
	m.join(4)
	m.run()
	for g := topo.CatalogGroup; g <= 5; g++ {
		if _, has := m.v.Topology.Groups[g].On(3); has || m.voters(g) != 3 {
			t.Fatalf("group %d\n%v", g, m)
		}
	}
}

// dies takes a node away; the groups elect others.
func (m *model) dies(id topo.NodeID) {
	m.v.Nodes[id] = NodeView{DeadFor: time.Hour}
	for g, gv := range m.v.Groups {
		if gv.Holder != id {
			continue
		}
		gv.Holder = 0
		for _, r := range m.v.Topology.Groups[g].Replicas {
			if m.raft[g][r.ID] && m.v.Nodes[r.Node].Live {
				gv.Holder = r.Node
			}
		}
		m.v.Groups[g] = gv
	}
}

// Whatever happens, plans end, no quorum is lost, and with three good nodes every group ends with three good voters.
func TestRandomLives(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		m := newModel(t, 1+rnd.IntN(8))
		next := topo.NodeID(2)
		for range 12 {
			if rnd.IntN(3) > 0 {
				m.join(next)
				next++
			} else if id := topo.NodeID(1 + rnd.IntN(int(next)-1)); m.spare(id) {
				switch rnd.IntN(3) {
				case 0:
					m.dies(id)
				case 1:
					m.set(id, topo.NodeDraining)
				case 2:
					m.set(id, topo.NodeRemoving)
				}
			}
			m.run()
		}
		good := 0
		for id, n := range m.v.Topology.Nodes {
			if n.State == topo.NodeActive && m.v.Nodes[id].Live {
				good++
			}
		}
		for g := range m.raft {
			n := 0
			for _, r := range m.v.Topology.Groups[g].Replicas {
				if r.Role == topo.Voter && m.v.Topology.Nodes[r.Node].State == topo.NodeActive && m.v.Nodes[r.Node].Live {
					n++
				}
			}
			if good >= 3 && n < 3 {
				t.Fatalf("seed %d: group %d has %d good voters\n%v", seed, g, n, m)
			}
		}
	}
}

// spare reports whether a node may go while enough others stay for every quorum and for a place to move to.
func (m *model) spare(id topo.NodeID) bool {
	good := 0
	for n, r := range m.v.Topology.Nodes {
		if n != id && r.State == topo.NodeActive && m.v.Nodes[n].Live {
			good++
		}
	}
	return good >= 3 && m.v.Topology.Nodes[id].State == topo.NodeActive && m.v.Nodes[id].Live
}

func TestANodesLeaseOutlivesNoFence(t *testing.T) {
	now := int64(0)
	l := NewLiveness(func() int64 { return now })
	l.Serve(1)
	if !l.Answer(2, 1, "r") {
		t.Fatal("refused")
	}
	now += int64(time.Second)
	if w := l.Fence(2, 1); w < LivenessLease-time.Second {
		t.Fatalf("waits only %v", w)
	}
	if l.Answer(2, 1, "r") || l.Report(2, 1) != nil {
		t.Fatal("a fenced epoch was answered")
	}
	if _, over := l.Silence(2, 1); over {
		t.Fatal("over before its lease")
	}
	now += int64(fenceWait)
	if _, over := l.Silence(2, 1); !over {
		t.Fatal("not over")
	}
	if !l.Answer(2, 2, "r") {
		t.Fatal("the next epoch was refused")
	}
	l.Serve(2) // another holder: everybody counts as heard of when it took the lease
	if since, over := l.Silence(2, 2); since != 0 || over {
		t.Fatal("silent at once")
	}
}

// Between its second and its third voter a group depends on two nodes: others do not start, nor take its turn, meanwhile.
func TestAGroupWithTwoVotersGoesFirst(t *testing.T) {
	m := newModel(t, 4)
	m.join(2)
	m.join(3)
	last := topo.CatalogGroup + 4
	m.v.Topology.Groups[last] = m.v.Topology.Groups[last].With(2, topo.Voter)
	m.raft[last][2] = true
	added := func() bool {
		steps, _ := Plan(m.v)
		for _, s := range steps {
			if s.Group == last && s.Kind == Add {
				return true
			}
		}
		return false
	}
	steps, _ := Plan(m.v)
	for _, s := range steps {
		if s.Kind == Add && s.Group != topo.CatalogGroup {
			if s.Group != last {
				t.Fatalf("first of the groups: %v", s)
			}
			break
		}
	}
	// As many others as may copy at a time are under way already.
	for g := topo.CatalogGroup + 1; g <= topo.CatalogGroup+maxMoves; g++ {
		m.v.Topology.Groups[g] = m.v.Topology.Groups[g].With(2, topo.Learner)
	}
	if !added() {
		t.Fatalf("it waits for others\n%v", m)
	}
}

// A drain copies no more groups at a time than may: its groups keep three voters all along, and can wait.
func TestADrainKeepsToTheLimit(t *testing.T) {
	m := newModel(t, 6)
	m.join(2)
	m.join(3)
	m.run()
	m.join(4)
	m.set(1, topo.NodeDraining)
	steps, _ := Plan(m.v)
	adds := 0
	for _, s := range steps {
		if s.Kind == Add && s.Group != topo.CatalogGroup {
			adds++
		}
	}
	if adds != maxMoves {
		t.Fatalf("%d groups start to copy: %v", adds, steps)
	}
}

// A group of one voter copies to two nodes before the first of the copies gets its vote: with two voters it depends on both.
func TestTwoCopiesBeforeTheFirstVote(t *testing.T) {
	m := newModel(t, 4)
	m.join(2)
	m.join(3)
	caughtUp := map[topo.NodeID]bool{}
	// settle carries out what there is to do, while copies are as far as caughtUp says, and returns the most groups copied at a time.
	settle := func() (most int) {
		for range 200 {
			moving := 0
			for id, g := range m.v.Topology.Groups {
				if id != topo.CatalogGroup && len(learners(g)) > 0 {
					moving++
				}
				for _, r := range g.Replicas {
					if r.Role == topo.Learner {
						m.v.Groups[id].CaughtUp[r.ID] = caughtUp[r.Node]
					}
				}
			}
			most = max(most, moving)
			steps, _ := Plan(m.v)
			if len(steps) == 0 {
				return most
			}
			for _, s := range steps {
				m.do(s)
			}
		}
		t.Fatal("the plans do not come to an end")
		return most
	}
	for _, ready := range []topo.NodeID{0, 2} {
		caughtUp[ready] = true
		if most := settle(); most != maxMoves {
			t.Fatalf("%d groups copy at a time", most)
		}
		for id := range m.v.Topology.Groups {
			if n := m.voters(id); n != 1 {
				t.Fatalf("node %d has caught up: group %d has %d voters\n%v", ready, id, n, m)
			}
		}
	}
	if len(learners(m.v.Topology.Groups[2])) != 2 {
		t.Fatalf("group 2 does not copy to both nodes\n%v", m)
	}
	caughtUp[3] = true
	settle()
	for id := range m.v.Topology.Groups {
		if n := m.voters(id); n != 3 {
			t.Fatalf("group %d has %d voters\n%v", id, n, m)
		}
	}
}

// A learner whose node does not answer is not waited for.
func TestADeadNodesCopyKeepsNoVote(t *testing.T) {
	m := newModel(t, 1)
	m.join(2)
	m.join(3)
	g := topo.CatalogGroup + 1
	m.do(Step{Kind: Add, Group: g, Node: 2})
	m.do(Step{Kind: Add, Group: g, Node: 3})
	m.v.Nodes[3] = NodeView{DeadFor: time.Second}
	for range 4 {
		steps, _ := Plan(m.v)
		for _, s := range steps {
			if s.Group == g {
				m.do(s)
			}
		}
	}
	if m.voters(g) != 2 {
		t.Fatalf("%v", m)
	}
}
