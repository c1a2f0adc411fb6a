package place

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// How a replica moves. Each arrow is one step, taken only when the one before it is seen to be done:
//
//	record a learner on the new node         Add
//	raft knows it, without a vote            Enlist
//	it has caught up: raft gives it a vote   Promote
//	record the old replica as leaving        Retire
//	it holds the lease: hand that over       MoveLease
//	raft forgets it, then the record does    Remove
//
// So a group has its full number of voters at every moment of a move, and never two moves at once. A group of one voter that is
// to get three copies to two learners before the first of them gets its vote: with two voters it would depend on both nodes, for
// as long as the second copy takes. A node that is drained, or
// dead for longer than ReplaceAfter, is a node whose replicas are to be elsewhere; a group with more voters than it should
// have retires the one on the fullest node. Balancing adds a learner on the emptiest node and leaves the rest to those rules.
//
// The catalog group differs: every node has a replica of it, and only some of them vote.

// Kind is what a step does.
type Kind uint8

// The kinds of steps.
const (
	Add       Kind = iota + 1 // record a learner of Group on Node
	Enlist                    // make raft know the learner Replica
	Promote                   // give Replica a vote, in raft and then in the record
	Retire                    // record that Replica is leaving
	Remove                    // take Replica out of raft and then out of the record
	MoveLease                 // hand Group's lease to Replica on Node
	Forget                    // record that Node, which holds nothing any more, is removed
)

func (k Kind) String() string {
	return [...]string{"", "add", "enlist", "promote", "retire", "remove", "move lease", "forget"}[k]
}

// Step is one thing to do. Reason says why, for the log and for pgmqdb.rebalance.
type Step struct {
	Kind    Kind
	Group   topo.GroupID
	Node    topo.NodeID
	Replica uint64
	Reason  string
}

func (s Step) String() string {
	return fmt.Sprintf("%s group %d replica %d node %d (%s)", s.Kind, s.Group, s.Replica, s.Node, s.Reason)
}

// Wait is something that cannot go on, and why.
type Wait struct {
	Group  topo.GroupID
	Node   topo.NodeID
	Reason string
}

// NodeView is what is known of a node beside its record.
type NodeView struct {
	Live    bool          // heard of lately, under its current epoch, and admitted: its catalog is as new as it must be
	DeadFor time.Duration // how long it has not been heard of; 0 when Live
}

// GroupView is what is known of a group beside its record.
type GroupView struct {
	Holder   topo.NodeID     // who holds the lease, 0 when nobody is known to
	CaughtUp map[uint64]bool // learners that have applied what was committed when they asked
	Enlisted map[uint64]bool // replicas that raft was seen to know
	Bytes    int64
}

// View is what Plan decides by.
type View struct {
	Topology     *topo.Topology
	Nodes        map[topo.NodeID]NodeView
	Groups       map[topo.GroupID]GroupView
	ReplaceAfter time.Duration // how long a dead node's replicas are left to it
}

// Limits of the plans.
const (
	replication   = 3 // voters of a group where there are as many nodes
	catalogVoters = 5 // voters of the catalog group where there are as many nodes
	maxMoves      = 2 // data groups that copy at a time
)

type planner struct {
	v      *View
	steps  []Step
	waits  []Wait
	load   map[topo.NodeID]int // replicas of data groups that are there to stay
	leases map[topo.NodeID]int
	moving int // data groups with learners
}

// Plan returns the steps that can be taken now, at most one a group, and what is in the way of the rest.
func Plan(v *View) ([]Step, []Wait) {
	p := &planner{v: v, load: map[topo.NodeID]int{}, leases: map[topo.NodeID]int{}}
	ids := v.Topology.GroupIDs()
	// A group with two voters depends on both nodes: it goes on before others start.
	slices.SortStableFunc(ids, func(a, b topo.GroupID) int {
		return compareBool(!pair(v.Topology.Groups[a]), !pair(v.Topology.Groups[b]))
	})
	for _, id := range ids {
		p.leases[v.Groups[id].Holder]++
		if id == topo.CatalogGroup {
			continue
		}
		for _, r := range v.Topology.Groups[id].Replicas {
			if r.Role != topo.Leaving {
				p.load[r.Node]++
			}
		}
		if len(learners(v.Topology.Groups[id])) > 0 {
			p.moving++
		}
	}
	leaseMoved := false
	for _, id := range ids {
		g := v.Topology.Groups[id]
		before := len(p.steps)
		if id == topo.CatalogGroup {
			p.catalog(g)
		} else {
			p.data(g)
		}
		if len(p.steps) == before && !leaseMoved {
			leaseMoved = p.balanceLease(g)
		}
	}
	p.forget()
	return p.steps, p.waits
}

func (p *planner) step(k Kind, g *topo.Group, node topo.NodeID, replica uint64, reason string) {
	p.steps = append(p.steps, Step{Kind: k, Group: g.ID, Node: node, Replica: replica, Reason: reason})
}

func (p *planner) wait(g *topo.Group, node topo.NodeID, reason string) {
	p.waits = append(p.waits, Wait{Group: g.ID, Node: node, Reason: reason})
}

// leavingNode says why a node is meant to hold nothing, empty when it is not.
func (p *planner) leavingNode(id topo.NodeID) string {
	n := p.v.Topology.Nodes[id]
	switch {
	case n == nil || n.State == topo.NodeRemoved:
		return "the node was removed"
	case n.State == topo.NodeRemoving:
		return "the node is being removed"
	case n.State == topo.NodeDraining:
		return "the node is being drained"
	}
	return ""
}

// lost says why a node's replicas are to be elsewhere, empty when they may stay.
func (p *planner) lost(id topo.NodeID) string {
	if why := p.leavingNode(id); why != "" {
		return why
	}
	if nv := p.v.Nodes[id]; !nv.Live && nv.DeadFor >= p.v.ReplaceAfter {
		return "the node is dead"
	}
	return ""
}

// wanted counts the nodes that are meant to hold replicas. Dead ones count: a cluster of three of which one has died does
// not get safer by settling for two replicas.
func (p *planner) wanted() int {
	n := 0
	for _, r := range p.v.Topology.Nodes {
		if r.State == topo.NodeActive {
			n++
		}
	}
	return n
}

// target is how many voters a group should have. With two nodes a group keeps what it has: a second voter would make it
// depend on both.
func (p *planner) target(g *topo.Group, full int) int {
	n := p.wanted()
	if n >= full {
		return full
	}
	if n >= replication {
		return replication
	}
	meant := 0
	for _, r := range g.Replicas {
		if r.Role == topo.Voter && p.leavingNode(r.Node) == "" {
			meant++
		}
	}
	return max(1, min(n, meant))
}

// staying counts the voters on nodes that may hold them.
func (p *planner) staying(g *topo.Group) int {
	n := 0
	for _, r := range g.Replicas {
		if r.Role == topo.Voter && p.lost(r.Node) == "" {
			n++
		}
	}
	return n
}

// voters counts a group's voters, those that are to leave a node too.
func voters(g *topo.Group) int {
	n := 0
	for _, r := range g.Replicas {
		if r.Role == topo.Voter {
			n++
		}
	}
	return n
}

// pair reports whether a group has two voters.
func pair(g *topo.Group) bool { return voters(g) == 2 }

func learners(g *topo.Group) (out []topo.ReplicaRecord) {
	for _, r := range g.Replicas {
		if r.Role == topo.Learner {
			out = append(out, r)
		}
	}
	return out
}

// data plans the next step of a data group.
func (p *planner) data(g *topo.Group) {
	target := p.target(g, replication)
	if list := learners(g); len(list) > 0 {
		if voters(g) == 1 && target >= replication && len(list) == 1 && p.lost(list[0].Node) == "" {
			if id, ok := p.candidate(g); ok {
				p.load[id]++
				p.step(Add, g, id, 0, "two replicas are copied before either votes")
				return
			}
		}
		p.learners(g, list, target)
		return
	}
	if p.leaving(g) {
		return
	}
	staying := p.staying(g)
	if staying < target {
		p.add(g, fmt.Sprintf("%d of %d voters", staying, target))
		return
	}
	if p.retire(g, target) {
		return
	}
	p.balance(g, target)
}

// learners brings a group's learners on their way, by one step.
func (p *planner) learners(g *topo.Group, list []topo.ReplicaRecord, target int) {
	gv := p.v.Groups[g.ID]
	for _, r := range list {
		if why := p.lost(r.Node); why != "" {
			p.step(Retire, g, r.Node, r.ID, why)
			return
		}
	}
	for _, r := range list {
		if !gv.Enlisted[r.ID] {
			p.step(Enlist, g, r.Node, r.ID, "new replica")
			return
		}
	}
	for _, r := range list {
		if gv.CaughtUp[r.ID] && !p.awaits(g, list, r, target) {
			p.step(Promote, g, r.Node, r.ID, "caught up")
			return
		}
	}
	for _, r := range list {
		if !gv.CaughtUp[r.ID] {
			p.wait(g, r.Node, "copying")
		}
	}
}

// awaits reports whether a learner's vote would be a group's second, while another learner is on its way to the third: that one
// has to be about to vote, too. One at a node that does not answer is not waited for.
func (p *planner) awaits(g *topo.Group, list []topo.ReplicaRecord, r topo.ReplicaRecord, target int) bool {
	if voters(g) != 1 || target < replication {
		return false
	}
	coming := false
	for _, o := range list {
		if o.ID == r.ID || !p.v.Nodes[o.Node].Live {
			continue
		}
		if p.v.Groups[g.ID].CaughtUp[o.ID] {
			return false
		}
		coming = true
	}
	return coming
}

// leaving brings a retired replica on its way out.
func (p *planner) leaving(g *topo.Group) bool {
	for _, r := range g.Replicas {
		if r.Role != topo.Leaving {
			continue
		}
		if p.v.Groups[g.ID].Holder == r.Node {
			p.giveLease(g, r.Node, "the replica is leaving")
		} else {
			p.step(Remove, g, r.Node, r.ID, "retired")
		}
		return true
	}
	return false
}

// retire marks a voter that is one too many, or on a node that is to hold nothing. Enough others stay.
func (p *planner) retire(g *topo.Group, target int) bool {
	var out []topo.ReplicaRecord
	voters := 0
	for _, r := range g.Replicas {
		if r.Role == topo.Voter {
			voters++
			out = append(out, r)
		}
	}
	if voters <= target {
		for _, r := range out {
			if why := p.lost(r.Node); why != "" {
				p.wait(g, r.Node, why+", and no other node can take its replica")
				return true
			}
		}
		return false
	}
	holder := p.v.Groups[g.ID].Holder
	worst := slices.MaxFunc(out, func(a, b topo.ReplicaRecord) int {
		return cmp.Or(
			compareBool(p.lost(a.Node) != "", p.lost(b.Node) != ""),
			cmp.Compare(p.load[a.Node], p.load[b.Node]),
			compareBool(a.Node != holder, b.Node != holder),
			cmp.Compare(a.Node, b.Node))
	})
	if live := p.liveVoters(g, worst.ID); live <= (voters-1)/2 {
		p.wait(g, worst.Node, "too few of the other replicas are alive")
		return true
	}
	why := p.lost(worst.Node)
	if why == "" {
		why = "one replica too many"
	}
	p.step(Retire, g, worst.Node, worst.ID, why)
	return true
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// liveVoters counts the voters on live nodes, but for one replica.
func (p *planner) liveVoters(g *topo.Group, but uint64) int {
	n := 0
	for _, r := range g.Replicas {
		if r.Role == topo.Voter && r.ID != but && p.v.Nodes[r.Node].Live {
			n++
		}
	}
	return n
}

// candidate is the emptiest live node without a replica of g.
func (p *planner) candidate(g *topo.Group) (topo.NodeID, bool) {
	best, found := topo.NodeID(0), false
	for _, id := range p.v.Topology.NodeIDs() {
		n := p.v.Topology.Nodes[id]
		if _, has := g.On(id); has || n.State != topo.NodeActive || !p.v.Nodes[id].Live {
			continue
		}
		if !found || p.load[id] < p.load[best] {
			best, found = id, true
		}
	}
	return best, found
}

func (p *planner) add(g *topo.Group, reason string) {
	id, ok := p.candidate(g)
	switch {
	case !ok:
		p.wait(g, 0, reason+", and no other node can take a replica")
	case p.moving >= maxMoves && !pair(g):
		p.wait(g, id, "other groups are being copied")
	default:
		p.moving++
		p.load[id]++
		p.step(Add, g, id, 0, reason)
	}
}

// balance starts a move from the fullest of the group's nodes to the emptiest other one.
func (p *planner) balance(g *topo.Group, target int) {
	if len(g.Replicas) != target || target < replication || p.moving >= maxMoves {
		return
	}
	to, ok := p.candidate(g)
	if !ok {
		return
	}
	for _, r := range g.Replicas {
		if !p.v.Nodes[r.Node].Live {
			return // it may come back; then there is time to balance
		}
	}
	from := slices.MaxFunc(g.Replicas, func(a, b topo.ReplicaRecord) int {
		return cmp.Or(cmp.Compare(p.load[a.Node], p.load[b.Node]), cmp.Compare(a.Node, b.Node))
	})
	if p.load[from.Node]-p.load[to] < 2 {
		return
	}
	p.moving++
	p.load[to]++
	p.load[from.Node]--
	p.step(Add, g, to, 0, fmt.Sprintf("balance: node %d holds more", from.Node))
}

// catalog plans the next step of the catalog group.
func (p *planner) catalog(g *topo.Group) {
	if p.leaving(g) {
		return
	}
	full := replication
	if p.wanted() >= catalogVoters {
		full = catalogVoters
	}
	target := p.target(g, full)
	if p.catalogReplicas(g) {
		return
	}
	staying := p.staying(g)
	able := slices.DeleteFunc(learners(g), func(r topo.ReplicaRecord) bool { return p.lost(r.Node) != "" || !p.v.Nodes[r.Node].Live })
	if staying < target && len(able) > 0 {
		p.learners(g, able, target)
		return
	}
	for _, r := range g.Replicas {
		n := p.v.Topology.Nodes[r.Node]
		if r.Role != topo.Voter || n.State == topo.NodeDraining || p.lost(r.Node) == "" || n.State == topo.NodeRemoving && p.load[r.Node] > 0 {
			continue
		}
		if staying < target || staying == 0 {
			p.wait(g, r.Node, p.lost(r.Node)+", and no other node can take its vote")
			continue
		}
		p.step(Retire, g, r.Node, r.ID, p.lost(r.Node))
		return
	}
}

// catalogReplicas sees to it that every node has a replica of the catalog, with or without a vote.
func (p *planner) catalogReplicas(g *topo.Group) bool {
	for _, id := range p.v.Topology.NodeIDs() {
		n := p.v.Topology.Nodes[id]
		r, has := g.On(id)
		switch {
		case !has && n.State != topo.NodeRemoving && (n.State == topo.NodeJoining || p.v.Nodes[id].DeadFor < p.v.ReplaceAfter):
			p.step(Add, g, id, 0, "every node has the catalog")
			return true
		case has && r.Role == topo.Learner && n.State == topo.NodeRemoving && p.load[id] == 0:
			p.step(Retire, g, id, r.ID, "the node is being removed")
			return true
		case has && r.Role == topo.Learner && !p.v.Groups[g.ID].Enlisted[r.ID]:
			p.step(Enlist, g, id, r.ID, "every node has the catalog")
			return true
		}
	}
	return false
}

// giveLease hands a lease to the live voter with the fewest.
func (p *planner) giveLease(g *topo.Group, from topo.NodeID, reason string) bool {
	to, ok := p.leaseTarget(g, from)
	if !ok {
		p.wait(g, from, "no other live replica can take the lease")
		return false
	}
	p.leases[from]--
	p.leases[to.Node]++
	p.step(MoveLease, g, to.Node, to.ID, reason)
	return true
}

func (p *planner) leaseTarget(g *topo.Group, from topo.NodeID) (best topo.ReplicaRecord, found bool) {
	for _, r := range g.Replicas {
		if r.Role != topo.Voter || r.Node == from || !p.v.Nodes[r.Node].Live || p.v.Topology.Nodes[r.Node].State != topo.NodeActive {
			continue
		}
		if !found || p.leases[r.Node] < p.leases[best.Node] {
			best, found = r, true
		}
	}
	return best, found
}

// balanceLease moves a lease off a node that is being drained, or to a node that has two fewer.
func (p *planner) balanceLease(g *topo.Group) bool {
	holder := p.v.Groups[g.ID].Holder
	n := p.v.Topology.Nodes[holder]
	if n == nil || !p.v.Nodes[holder].Live {
		return false // whoever raft elects takes it
	}
	if n.State != topo.NodeActive {
		return p.giveLease(g, holder, "the node is being drained")
	}
	to, ok := p.leaseTarget(g, holder)
	if !ok || p.leases[holder]-p.leases[to.Node] < 2 {
		return false
	}
	return p.giveLease(g, holder, fmt.Sprintf("balance: node %d holds fewer leases", to.Node))
}

// forget ends the removal of nodes that hold nothing any more.
func (p *planner) forget() {
	for _, id := range p.v.Topology.NodeIDs() {
		if p.v.Topology.Nodes[id].State != topo.NodeRemoving {
			continue
		}
		held := 0
		for _, g := range p.v.Topology.Groups {
			if _, has := g.On(id); has {
				held++
			}
		}
		if held == 0 {
			p.steps = append(p.steps, Step{Kind: Forget, Node: id, Reason: "it holds nothing any more"})
		}
	}
}
