package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
)

// Options describe a run.
type Options struct {
	Seed    uint64
	Dir     string // for the replicas' files
	Groups  int    // data groups
	Nodes   int
	Clients int // per node
	Txns    int // per client
	// Loss and Duplicate are the chances of a message; the others are the mean steps between two such events (0: never).
	Loss, Duplicate float64
	CrashEvery      int // a process is killed, and started again
	LeaseEvery      int // a group's leader is cut off from its peers, and another node asks for the lease
	PauseEvery      int // a process stands still
	HorizonEvery    int
	CutEvery        int  // a group is cut off from the gateways
	Drift           bool // clocks run at different rates, within what is allowed, and change them
	DDLWeight       int  // of schema changes among the operations; 0: none
	Faults          Faults
	// Model runs on the plain model of the state machine instead of shard/fsm.
	Model bool
	// Shadow compares every answer of the first node's replicas with the model's.
	Shadow  bool
	Verbose bool
	Log     func(format string, args ...any)
}

// Faults switch off one safety rule each: a run has to notice.
type Faults struct {
	Txn txn.Faults
	// IgnoreShareTS lets exclusive items pass whatever shared mark was committed after their scan of the children.
	IgnoreShareTS bool
	// KeepHighestRead lets a new leaseholder prepare below what its predecessor has served.
	KeepHighestRead bool
	// IgnoreInFlight lets readers pass prepares that were proposed and have not been applied.
	IgnoreInFlight bool
	// SuccessorDoesNotWait lets a replica ask for the lease at once.
	SuccessorDoesNotWait bool
	// UnnamedIndex leaves out of the successor's Lease which entry its wait began at.
	UnnamedIndex bool
	// HolderIgnoresExpiry serves by a lease whose time is over, without asking the log.
	HolderIgnoresExpiry bool
	// LeaseFromApply extends a lease from the time at which a command was applied, rather than proposed.
	LeaseFromApply bool
	// DataGroupsOnly leaves the catalog group's leaseholders, and so the oracle, as they should be.
	DataGroupsOnly bool
	// OracleKeepsWindow hands out timestamps from a window of a lease that may be over.
	OracleKeepsWindow bool
	// NoFence makes schema changes without fences.
	NoFence bool
	// NoTableVersions sends prepares that do not say what they were planned against.
	NoTableVersions bool
}

// Cluster is the world of a run.
type Cluster struct {
	opt      Options
	faults   Faults
	sched    *scheduler
	all      []*Group // the catalog group first
	groups   []*Group // the data groups
	machines []*machine
	epochs   []topo.LivenessEpoch
	handed   handed

	runCtx context.Context
	stop   context.CancelFunc
	wg     sync.WaitGroup // everything spawned
	active atomic.Int64   // clients that have not finished
	oids   atomic.Uint32
	ledger ledger
	idled  int // turns in a row without a step to take

	mu       sync.Mutex
	nodes    []*Node // the machines' processes, nil for one that is down
	past     []*Node
	failures []string
}

func newCluster(opt Options) (*Cluster, error) {
	c := &Cluster{opt: opt, faults: opt.Faults, sched: newScheduler(opt.Seed), handed: handed{all: map[topo.Timestamp]bool{}}}
	c.sched.verbose, c.sched.log, c.sched.chores = opt.Verbose, opt.Log, c.chores
	c.runCtx, c.stop = context.WithCancel(context.Background())
	c.oids.Store(firstOID)
	c.ledger.init()
	for i := 0; i <= opt.Groups; i++ {
		c.all = append(c.all, &Group{c: c, id: topo.CatalogGroup + topo.GroupID(i), leader: topo.NodeID(i%opt.Nodes + 1),
			isolated: map[topo.NodeID]time.Time{}})
	}
	c.groups = c.all[1:]
	for i := 0; i < opt.Nodes; i++ {
		m := &machine{id: topo.NodeID(i + 1), since: time.Now(), base: c.sched.rng.Int64N(1 << 40), rate: 1}
		if opt.Drift {
			m.drift(2*c.sched.rng.Float64() - 1)
		}
		c.machines, c.epochs = append(c.machines, m), append(c.epochs, 1)
		n, err := c.startNode(m, 1)
		if err != nil {
			return nil, err
		}
		c.nodes = append(c.nodes, n)
	}
	return c, nil
}

func (c *Cluster) spawn(f func()) {
	c.wg.Add(1)
	go func() {
		defer c.wg.Done()
		f()
	}()
}

func (c *Cluster) fail(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.failures) < 20 {
		c.failures = append(c.failures, fmt.Sprintf(format, args...))
	}
}

func (c *Cluster) failed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.failures) > 0
}

// node returns a machine's process, nil while it is down.
func (c *Cluster) node(id topo.NodeID) *Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nodes[id-1]
}

// seat returns a group's replica at a machine's process, nil while it is down.
func (c *Cluster) seat(g *Group, id topo.NodeID) *seat {
	if n := c.node(id); n != nil {
		return n.seats[g.id]
	}
	return nil
}

// someNode returns a live node, or nil.
func (c *Cluster) someNode() *Node {
	for _, m := range c.machines {
		if n := c.node(m.id); n != nil {
			return n
		}
	}
	return nil
}

// chores are the replicas that have something to apply.
func (c *Cluster) chores() []chore {
	var list []chore
	for _, g := range c.all {
		last := g.lastIndex()
		for _, m := range c.machines {
			s := c.seat(g, m.id)
			if s == nil || s.applied == last || m.paused() || g.cutOff(m.id) {
				continue
			}
			list = append(list, chore{label: fmt.Sprintf("apply n%d g%d", m.id, g.id), run: func() {
				n := last - s.applied
				if c.sched.rng.IntN(3) == 0 {
					n = 1
				}
				for ; n > 0; n-- {
					c.apply(s, 1)
					synctest.Wait() // whom an entry lets go on sees the state that it left
				}
			}})
		}
	}
	return list
}

func (c *Cluster) apply(s *seat, n int) {
	if err := s.apply(n); err != nil {
		c.fail("apply of group %d at node %d: %v", s.g.id, s.n.id, err)
	}
}

// startClients starts a node's clients for txns transactions each.
func (c *Cluster) startClients(n *Node, txns int) {
	for k := 0; k < c.opt.Clients; k++ {
		cl := &workload{c: c, n: n, k: k,
			rng: rand.New(rand.NewPCG(c.opt.Seed, uint64(n.id)<<40|uint64(n.epoch)<<20|uint64(k)))}
		c.active.Add(1)
		c.spawn(func() {
			defer c.active.Add(-1)
			cl.run(n.ctx, txns)
		})
	}
}

// crash kills a process. Another one is started on its machine later, or at once.
func (c *Cluster) crash(m *machine) {
	n := c.node(m.id)
	if n == nil {
		return
	}
	c.sched.event("crash n%d.%d", n.id, n.epoch)
	n.kill()
	m.pausedUntil, m.downUntil = time.Time{}, time.Now()
	if c.sched.rng.IntN(2) == 0 {
		m.downUntil = time.Now().Add(time.Duration(c.sched.rng.IntN(50)) * time.Millisecond)
	}
	c.mu.Lock()
	c.nodes[m.id-1], c.past = nil, append(c.past, n)
	c.mu.Unlock()
}

// restart starts a machine's next process, which finishes what its predecessors left behind.
func (c *Cluster) restart(m *machine) error {
	c.epochs[m.id-1]++
	n, err := c.startNode(m, c.epochs[m.id-1])
	if err != nil {
		return err
	}
	c.sched.event("start n%d.%d", n.id, n.epoch)
	c.mu.Lock()
	c.nodes[m.id-1] = n
	c.mu.Unlock()
	ctx := withActor(n.ctx, fmt.Sprintf(" starting n%d.%d", n.id, n.epoch))
	c.spawn(func() {
		for _, g := range c.all {
			n.bury(ctx, g)
		}
		n.recoverLost(ctx)
	})
	return nil
}

// bury drops what this machine's earlier processes have left in a group's volatile state and in its provisional intents.
func (n *Node) bury(ctx context.Context, g *Group) {
	if err := n.seats[g.id].step(ctx, "buries the dead"); err != nil {
		return
	}
	for _, m := range n.c.machines {
		s := n.c.seat(g, m.id)
		if s == nil {
			continue
		}
		for _, e := range s.locks.List() {
			if e.Owner.Node == n.id && e.Owner.Epoch < n.epoch {
				s.unlock(e.Owner, nil)
			}
		}
	}
	s := n.seats[g.id]
	s.mu.Lock()
	provisional := s.st.ProvisionalTxns()
	s.mu.Unlock()
	for _, id := range provisional {
		if id.Node == n.id && id.Epoch < n.epoch {
			_ = n.mgr.AbortProvisional(ctx, g.id, id)
		}
	}
}

// raiseHorizon logs a horizon below every snapshot in use.
func (c *Cluster) raiseHorizon() {
	h := c.handed.last
	for _, n := range c.nodes {
		if n == nil {
			continue
		}
		if s, ok := n.mgr.OldestSnapshot(); ok && s < h {
			h = s
		}
	}
	if h < 40 {
		return
	}
	h -= 20
	n := c.someNode()
	if n == nil {
		return
	}
	c.sched.event("horizon %d", h)
	ctx := withActor(n.ctx, fmt.Sprintf(" horizon %d, step %d", h, c.sched.steps))
	for _, g := range c.all {
		c.spawn(func() { _, _ = n.clients[g.id].Propose(ctx, &fsm.Command{Horizon: &fsm.Horizon{TS: h}}) })
	}
}

// able reports whether a machine could lead a group.
func (c *Cluster) able(g *Group, m *machine) bool {
	return c.node(m.id) != nil && !m.paused() && !g.cutOff(m.id)
}

// tick is what happens by the clock: machines come back, and groups get leaders, who ask for leases.
func (c *Cluster) tick() error {
	r := c.sched.rng
	synctest.Wait()
	for _, m := range c.machines {
		if c.node(m.id) == nil && !time.Now().Before(m.downUntil) {
			if err := c.restart(m); err != nil {
				return err
			}
			if c.active.Load() > 0 {
				c.startClients(c.node(m.id), c.opt.Txns/2)
			}
			synctest.Wait()
		}
	}
	g := c.all[r.IntN(len(c.all))]
	if !c.able(g, c.machines[g.leader-1]) && r.IntN(4) == 0 {
		if m := c.machines[r.IntN(len(c.machines))]; c.able(g, m) {
			g.leader = m.id
		}
	}
	m := c.machines[r.IntN(len(c.machines))]
	if g.leader != 0 && r.IntN(2) == 0 {
		m = c.machines[g.leader-1]
	}
	if c.able(g, m) {
		c.seat(g, m.id).tick()
	}
	return nil
}

// disturb may do one of the things that go wrong.
func (c *Cluster) disturb() error {
	r := c.sched.rng
	one := func(every int) bool {
		hit := every > 0 && r.IntN(every) == 0
		if hit {
			synctest.Wait() // what the event before has set off is settled
		}
		return hit
	}
	ms := func(n int) time.Duration { return time.Duration(r.IntN(n)) * time.Millisecond }
	if one(c.opt.CrashEvery) {
		c.crash(c.machines[r.IntN(len(c.machines))])
	}
	if one(c.opt.LeaseEvery) {
		c.deposeLeader(c.all[r.IntN(len(c.all))])
	}
	if one(c.opt.PauseEvery) {
		m := c.machines[r.IntN(len(c.machines))]
		d := ms(int(4 * leaseDuration / time.Millisecond))
		c.sched.event("pause n%d for %v", m.id, d)
		m.pausedUntil = time.Now().Add(d)
		c.hurry(d)
	}
	if c.opt.Drift && one(300) {
		c.machines[r.IntN(len(c.machines))].drift(2*r.Float64() - 1)
	}
	if one(c.opt.CutEvery) {
		g := c.all[r.IntN(len(c.all))]
		d := ms(800)
		c.sched.event("cut g%d for %v", g.id, d)
		g.cutUntil = time.Now().Add(d)
	}
	if one(c.opt.HorizonEvery) {
		c.raiseHorizon()
	}
	if one(400) {
		if n := c.node(c.machines[r.IntN(len(c.machines))].id); n != nil {
			ctx := withActor(n.ctx, fmt.Sprintf(" janitor of n%d.%d, step %d", n.id, n.epoch, c.sched.steps))
			c.spawn(func() { n.recoverFences(ctx) })
		}
	}
	if one(100) {
		if s := c.seat(c.all[r.IntN(len(c.all))], c.machines[r.IntN(len(c.machines))].id); s != nil {
			return s.st.Flush(context.Background())
		}
	}
	return nil
}

// deposeLeader cuts a group's leader off from its peers for a while, longer than its lease more often than not, and
// another node believes to lead.
func (c *Cluster) deposeLeader(g *Group) {
	r := c.sched.rng
	old := g.leader
	d := leaseDuration/2 + time.Duration(r.Int64N(int64(2*leaseDuration)))
	c.sched.event("isolate n%d in g%d for %v", old, g.id, d)
	g.isolated[old] = time.Now().Add(d)
	if m := c.machines[r.IntN(len(c.machines))]; c.able(g, m) {
		g.leader = m.id
	}
	c.hurry(d)
}

// hurry lets much of d pass at once, sometimes: the steps that wait are slow ones.
func (c *Cluster) hurry(d time.Duration) {
	if c.sched.rng.IntN(2) == 0 {
		for n := c.sched.rng.IntN(4); n > 0; n-- {
			c.sched.idle(d / 4)
		}
	}
}

func groupIDs(groups []*Group) []topo.GroupID {
	ids := make([]topo.GroupID, len(groups))
	for i, g := range groups {
		ids[i] = g.id
	}
	return ids
}
