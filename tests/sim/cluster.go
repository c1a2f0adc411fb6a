package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
)

// Options describe a run.
type Options struct {
	Seed    uint64
	Dir     string // for the replicas' files
	Groups  int
	Nodes   int
	Clients int // per node
	Txns    int // per client
	// Loss and Duplicate are the chances of a message; CrashEvery, LeaseEvery and HorizonEvery the mean steps between
	// two such events (0: never).
	Loss, Duplicate                      float64
	CrashEvery, LeaseEvery, HorizonEvery int
	CutEvery                             int // a group is cut off from the gateways for a while
	Faults                               Faults
	// Model runs on the plain model of the state machine instead of shard/fsm.
	Model bool
	// Shadow compares every answer of the leaders' replicas with the model's.
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
}

// clock is the oracle: a counter.
type clock struct{ last atomic.Uint64 }

func (c *clock) next() topo.Timestamp { return topo.Timestamp(c.last.Add(1)) }

// Timestamp implements txn.Clock.
func (c *clock) Timestamp(ctx context.Context) (topo.Timestamp, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	return c.next(), nil
}

// Node is one incarnation of a gateway process.
type Node struct {
	c      *Cluster
	id     topo.NodeID
	epoch  topo.LivenessEpoch
	mgr    *txn.Manager
	ctx    context.Context // ends with the crash
	cancel context.CancelFunc
}

// alive blocks the calls of a dead node until their contexts end.
func (n *Node) alive(ctx context.Context) error {
	if n.ctx.Err() == nil {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-n.c.runCtx.Done():
		return unavailable("ended")
	}
}

// Cluster is the world of a run.
type Cluster struct {
	opt    Options
	faults Faults
	sched  *scheduler
	clock  *clock
	groups []*Group
	nodes  []*Node

	runCtx context.Context
	stop   context.CancelFunc
	wg     sync.WaitGroup // everything spawned
	active atomic.Int64   // clients that have not finished
	ledger ledger

	mu       sync.Mutex
	failures []string
}

func newCluster(opt Options) (*Cluster, error) {
	c := &Cluster{opt: opt, faults: opt.Faults, sched: newScheduler(opt.Seed), clock: &clock{}}
	c.sched.verbose, c.sched.log = opt.Verbose, opt.Log
	c.sched.loss, c.sched.duplicate = opt.Loss, opt.Duplicate
	c.clock.last.Store(10)
	c.runCtx, c.stop = context.WithCancel(context.Background())
	c.ledger.init()
	for i := 0; i < opt.Groups; i++ {
		g := &Group{c: c, id: topo.FirstDataGroup + topo.GroupID(i), changed: make(chan struct{}), locks: lock.NewRows(nil), flight: map[int]*inFlight{}}
		for r := 0; r < 2; r++ {
			if opt.Model {
				g.replicas = append(g.replicas, newModel())
				continue
			}
			s, err := fsm.Open(filepath.Join(opt.Dir, fmt.Sprintf("s%d-g%d-r%d", opt.Seed, g.id, r)),
				fsm.Options{ManualFlush: true, InitialMmapBytes: 1 << 20})
			if err != nil {
				return nil, err
			}
			if r == 0 && opt.Shadow {
				g.replicas = append(g.replicas, &shadow{replica: s, model: newModel(), fail: c.fail})
				continue
			}
			g.replicas = append(g.replicas, s)
		}
		g.applied = make([]int, len(g.replicas))
		c.groups = append(c.groups, g)
		if err := g.moveLease(); err != nil {
			return nil, err
		}
	}
	for i := 0; i < opt.Nodes; i++ {
		c.nodes = append(c.nodes, c.startNode(topo.NodeID(i+1), 1))
	}
	return c, nil
}

func (c *Cluster) startNode(id topo.NodeID, epoch topo.LivenessEpoch) *Node {
	n := &Node{c: c, id: id, epoch: epoch}
	n.ctx, n.cancel = context.WithCancel(c.runCtx)
	clients := map[topo.GroupID]rpc.Group{}
	for _, g := range c.groups {
		clients[g.id] = &client{g: g, n: n}
	}
	provision := 0
	if id%2 == 0 {
		provision = 1200 // a few rows: most transactions of this node send operations ahead
		if c.opt.Seed%3 == 0 {
			provision = 1 // whatever is buffered goes ahead of the next call
		}
	}
	n.mgr = txn.New(txn.Config{Node: id, Epoch: epoch, Clock: c.clock,
		Groups:         func(id topo.GroupID) rpc.Group { return clients[id] },
		ProvisionBytes: provision, OutcomeTimeout: 500 * time.Millisecond, PendingGrace: 20 * time.Millisecond,
		Faults: &c.faults.Txn})
	return n
}

func (c *Cluster) spawn(f func(ctx context.Context)) {
	c.wg.Add(1)
	go func() {
		defer c.wg.Done()
		f(c.runCtx)
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

// someNode returns a live node.
func (c *Cluster) someNode() *Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.nodes {
		if n.ctx.Err() == nil {
			return n
		}
	}
	return nil
}

// startClients starts a node's clients for txns transactions each.
func (c *Cluster) startClients(n *Node, txns int) {
	for k := 0; k < c.opt.Clients; k++ {
		cl := &workload{c: c, n: n, k: k,
			rng: rand.New(rand.NewPCG(c.opt.Seed, uint64(n.id)<<40|uint64(n.epoch)<<20|uint64(k)))}
		c.active.Add(1)
		c.spawn(func(context.Context) {
			defer c.active.Add(-1)
			cl.run(n.ctx, txns)
		})
	}
}

// crash kills a coordinator and starts its next incarnation. The groups release the dead one's locks later.
func (c *Cluster) crash(i int) {
	old := c.nodes[i]
	c.sched.event("crash n%d.%d", old.id, old.epoch)
	old.cancel()
	c.spawn(func(context.Context) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = old.mgr.Close(ctx)
	})
	n := c.startNode(old.id, old.epoch+1)
	c.mu.Lock()
	c.nodes[i] = n
	c.mu.Unlock()
	c.spawn(func(ctx context.Context) {
		if _, err := c.sched.wait(ctx, "bury n%d.%d", old.id, old.epoch); err != nil {
			return
		}
		for _, g := range c.groups {
			g.bury(ctx, old)
		}
	})
	c.startClients(n, c.opt.Txns/2)
}

// bury drops what a dead coordinator has left in a group's volatile state and in its provisional intents.
func (g *Group) bury(ctx context.Context, dead *Node) {
	g.mu.Lock()
	list := g.locks.List()
	provisional := g.replicas[0].ProvisionalTxns()
	g.mu.Unlock()
	for _, e := range list {
		if e.Owner.Node == dead.id && e.Owner.Epoch == dead.epoch {
			g.unlock(e.Owner, nil)
		}
	}
	n := g.c.someNode()
	for _, id := range provisional {
		if id.Node == dead.id && id.Epoch == dead.epoch && n != nil {
			_ = n.mgr.AbortProvisional(ctx, g.id, id)
		}
	}
}

// raiseHorizon logs a horizon below every snapshot in use.
func (c *Cluster) raiseHorizon() error {
	h := c.clock.next()
	for _, n := range c.nodes {
		if s, ok := n.mgr.OldestSnapshot(); ok && s < h {
			h = s
		}
	}
	if h < 40 {
		return nil
	}
	h -= 20
	c.sched.event("horizon %d", h)
	for _, g := range c.groups {
		g.mu.Lock()
		_, err := g.apply(fsm.Command{Epoch: g.epoch, Horizon: &fsm.Horizon{TS: h}})
		g.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// disturb may do one of the things that go wrong, and moves the followers along.
func (c *Cluster) disturb() error {
	r := c.sched.rng
	one := func(every int) bool { return every > 0 && r.IntN(every) == 0 }
	if one(c.opt.CrashEvery) {
		c.crash(r.IntN(len(c.nodes)))
	}
	if one(c.opt.LeaseEvery) {
		g := c.groups[r.IntN(len(c.groups))]
		c.sched.event("lease g%d", g.id)
		if err := g.moveLease(); err != nil {
			return err
		}
	}
	if one(c.opt.CutEvery) {
		g := c.groups[r.IntN(len(c.groups))]
		d := time.Duration(r.IntN(800)) * time.Millisecond
		c.sched.event("cut g%d for %v", g.id, d)
		g.mu.Lock()
		g.cutUntil = time.Now().Add(d)
		g.mu.Unlock()
	}
	if one(c.opt.HorizonEvery) {
		if err := c.raiseHorizon(); err != nil {
			return err
		}
	}
	if one(20) {
		g := c.groups[r.IntN(len(c.groups))]
		if err := g.catchUp(1, r.IntN(50)); err != nil {
			return err
		}
	}
	if one(200) {
		g := c.groups[r.IntN(len(c.groups))]
		if err := g.replicas[r.IntN(2)].Flush(context.Background()); err != nil {
			return err
		}
	}
	return nil
}
