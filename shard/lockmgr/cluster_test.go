package lockmgr

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/deadlock"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// cluster is nodes in one process, with a network that does what a test says.
type cluster struct {
	t testing.TB

	mu     sync.Mutex
	nodes  map[topo.NodeID]*node
	live   []topo.NodeID
	lag    map[topo.NodeID]bool // live nodes that only they themselves know to be
	epochs map[topo.NodeID]topo.LivenessEpoch
	holder topo.NodeID
	term   topo.LeaseEpoch
	calls  map[string]int
	onLive func(topo.NodeID) // called once a node has been told who is live, before it goes on
	// fault, when set, decides what happens to a call, before it is served: an error that loses the request. It may block.
	fault func(ctx context.Context, from, to topo.NodeID, method string) error
	// after is asked when it was served: an error loses the reply.
	after func(ctx context.Context, from, to topo.NodeID, method string) error
}

// node is one node: its Manager, and row locks as of a group that it leads.
type node struct {
	*Manager
	c    *cluster
	id   topo.NodeID
	det  *deadlock.Detector
	rows *lock.Manager
	next uint64

	mu   sync.Mutex
	lost []topo.TxnID
}

type env struct {
	c  *cluster
	id topo.NodeID
}

func (e env) Self() (topo.NodeID, topo.LivenessEpoch) {
	e.c.mu.Lock()
	defer e.c.mu.Unlock()
	return e.id, e.c.epochs[e.id]
}

func (e env) Live() []topo.NodeID {
	e.c.mu.Lock()
	nodes := slices.DeleteFunc(slices.Clone(e.c.live), func(n topo.NodeID) bool { return e.c.lag[n] && n != e.id })
	f := e.c.onLive
	e.c.mu.Unlock()
	if f != nil {
		f(e.id)
	}
	return nodes
}

func (e env) CatalogHolder() (topo.NodeID, topo.LeaseEpoch, bool) {
	e.c.mu.Lock()
	defer e.c.mu.Unlock()
	return e.c.holder, e.c.term, e.c.holder != 0
}

var errNetwork = errors.New("the network lost it")

func (e env) Call(ctx context.Context, to topo.NodeID, method string, body []byte) ([]byte, error) {
	e.c.mu.Lock()
	fault, after, n := e.c.fault, e.c.after, e.c.nodes[to]
	e.c.calls[method]++
	e.c.mu.Unlock()
	if fault != nil {
		if err := fault(ctx, e.id, to, method); err != nil {
			return nil, err
		}
	}
	if n == nil {
		return nil, errNetwork
	}
	reply, err := n.Handle(ctx, method, body)
	if err == nil && after != nil {
		err = after(ctx, e.id, to, method)
	}
	return reply, err
}

// newCluster starts nodes 1 to n; node 1 holds the catalog group's lease.
func newCluster(t testing.TB, n int) *cluster {
	c := &cluster{t: t, nodes: map[topo.NodeID]*node{}, lag: map[topo.NodeID]bool{}, epochs: map[topo.NodeID]topo.LivenessEpoch{}, holder: 1, term: 7,
		calls: map[string]int{}}
	for i := 1; i <= n; i++ {
		c.start(topo.NodeID(i), 1)
	}
	return c
}

// start starts a node, which is live from then on.
func (c *cluster) start(id topo.NodeID, epoch topo.LivenessEpoch) *node {
	n := &node{c: c, id: id, det: deadlock.New()}
	n.rows = lock.NewRows(n.det)
	c.mu.Lock()
	c.epochs[id] = epoch
	c.mu.Unlock()
	n.Manager = New(Config{Env: env{c, id}, Detector: n.det,
		PID: func(o topo.TxnID) int32 { return int32(id)*1000 + int32(o.Seq) },
		OnLost: func(o topo.TxnID) {
			n.mu.Lock()
			n.lost = append(n.lost, o)
			n.mu.Unlock()
		}})
	c.mu.Lock()
	c.nodes[id] = n
	if !slices.Contains(c.live, id) {
		c.live = append(c.live, id)
		slices.Sort(c.live)
	}
	c.mu.Unlock()
	c.t.Cleanup(n.Close)
	return n
}

// set changes the cluster.
func (c *cluster) set(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// cut loses everything from and to a node.
func cut(id topo.NodeID) func(context.Context, topo.NodeID, topo.NodeID, string) error {
	return func(_ context.Context, from, to topo.NodeID, _ string) error {
		if from == id || to == id {
			return errNetwork
		}
		return nil
	}
}

// dead declares a node's epoch over and tells the others.
func (c *cluster) dead(id topo.NodeID) {
	var before topo.LivenessEpoch
	var others []*node
	c.set(func() {
		c.live = slices.DeleteFunc(c.live, func(n topo.NodeID) bool { return n == id })
		before = c.epochs[id] + 1
		for _, n := range c.nodes {
			if n.id != id {
				others = append(others, n)
			}
		}
	})
	for _, n := range others {
		n.NodeDead(id, before)
	}
}

func (c *cluster) count(method string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[method]
}

// owner makes an owner of the node.
func (n *node) owner() topo.TxnID {
	_, e := n.env.Self()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.next++
	return topo.TxnID{Node: n.id, Epoch: e, Seq: n.next}
}

func (n *node) lostOwners() []topo.TxnID {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.lost)
}

// locker is what table, advisory and row locks have in common.
type locker interface {
	Acquire(ctx context.Context, owner topo.TxnID, key []byte, mode lock.Mode, opt *lock.Options) (bool, error)
}

var bg = context.Background()

var noWait = &lock.Options{Policy: lock.NoWait}

func take(t testing.TB, l locker, o topo.TxnID, key string, mode lock.Mode) {
	t.Helper()
	ctx, cancel := context.WithTimeout(bg, 10*time.Second)
	defer cancel()
	if _, err := l.Acquire(ctx, o, []byte(key), mode, nil); err != nil {
		t.Fatalf("owner %s, %s, %v: %v", o, key, mode, err)
	}
}

func refused(t testing.TB, l locker, o topo.TxnID, key string, mode lock.Mode) {
	t.Helper()
	ctx, cancel := context.WithTimeout(bg, 10*time.Second)
	defer cancel()
	if _, err := l.Acquire(ctx, o, []byte(key), mode, noWait); !errors.Is(err, lock.ErrNotAvailable) {
		t.Fatalf("owner %s, %s, %v: want not available, got %v", o, key, mode, err)
	}
}

// later starts a request.
func later(l locker, ctx context.Context, o topo.TxnID, key string, mode lock.Mode, opt *lock.Options) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := l.Acquire(ctx, o, []byte(key), mode, opt)
		done <- err
	}()
	return done
}

// waits starts a request, and returns when some node's detector has it waiting there.
func (c *cluster) waits(at *node, l locker, o topo.TxnID, key string, mode lock.Mode) <-chan error {
	c.t.Helper()
	done := later(l, bg, o, key, mode, nil)
	c.until("owner "+o.String()+" waits at node", func() bool { return waitsAt(at, o) })
	return done
}

func waitsAt(n *node, o topo.TxnID) bool {
	for _, w := range n.det.Waits(false) {
		if w.Owner == o {
			return true
		}
	}
	return false
}

// until waits for a condition.
func (c *cluster) until(what string, cond func() bool) {
	c.t.Helper()
	for end := time.Now().Add(10 * time.Second); !cond(); time.Sleep(200 * time.Microsecond) {
		if time.Now().After(end) {
			c.t.Fatalf("never: %s", what)
		}
	}
}

func answer(t testing.TB, done <-chan error) error {
	t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("no answer")
		return nil
	}
}

// empty waits until no node holds or awaits a lock, whoever's.
func (c *cluster) empty() {
	c.t.Helper()
	c.until("all tables are empty", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, n := range c.nodes {
			if !slices.Contains(c.live, n.id) {
				continue
			}
			n.Advisory.mu.Lock()
			home := 0
			if n.Advisory.term != nil {
				home = len(n.Advisory.term.table.List())
			}
			n.Advisory.mu.Unlock()
			if home+len(n.Tables.local.List())+len(n.Advisory.record.List()) > 0 || n.Tables.gate.Load() != 0 {
				return false
			}
		}
		return true
	})
}
