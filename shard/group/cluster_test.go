package group

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// cluster is several Hosts in one process, on loopback, that share a clock. Node i has the raft address addrs[i].
type cluster struct {
	t      testing.TB
	root   string
	clock  atomic.Uint64
	seq    atomic.Uint64
	change func(*Config)
	mu     sync.Mutex
	dirs   map[int]string
	addrs  map[int]string
	nodes  map[int]*node
	cut    map[int]bool // nodes that nobody reaches, and that reach nobody
	open   map[int][]net.Conn
}

func newCluster(t testing.TB, change func(*Config)) *cluster {
	c := &cluster{t: t, root: t.TempDir(), change: change, dirs: map[int]string{}, addrs: map[int]string{}, nodes: map[int]*node{},
		cut: map[int]bool{}, open: map[int][]net.Conn{}}
	t.Cleanup(func() {
		for _, n := range c.all() {
			n.Close()
		}
	})
	return c
}

func (c *cluster) all() []*node {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []*node
	for i := 1; i <= 9; i++ {
		if n := c.nodes[i]; n != nil {
			out = append(out, n)
		}
	}
	return out
}

func (c *cluster) node(i int) *node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nodes[i]
}

// setCut separates a node from all others, or joins it again.
func (c *cluster) setCut(i int, cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut[i] = cut
	for _, conn := range c.open[i] {
		conn.Close()
	}
	c.open[i] = nil
}

type cutListener struct {
	net.Listener
	c *cluster
	i int
}

func (l cutListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.c.mu.Lock()
		if l.c.cut[l.i] {
			conn.Close()
		}
		l.c.open[l.i] = append(l.c.open[l.i], conn)
		l.c.mu.Unlock()
	}
	return conn, err
}

func (c *cluster) dial(i int) func(context.Context, string) (net.Conn, error) {
	return func(ctx context.Context, addr string) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", addr)
		if err != nil {
			return nil, err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.cut[i] {
			conn.Close()
			return nil, errors.New("cut off")
		}
		c.open[i] = append(c.open[i], conn)
		return conn, nil
	}
}

// host opens node i, at its old directory and address if it ran before.
func (c *cluster) host(i int) *node {
	c.t.Helper()
	if c.dirs[i] == "" {
		c.dirs[i] = filepath.Join(c.root, fmt.Sprint(i))
	}
	at := c.addrs[i]
	if at == "" {
		at = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", at)
	if err != nil {
		c.t.Fatal(err)
	}
	c.mu.Lock()
	c.addrs[i] = l.Addr().String()
	c.mu.Unlock()
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("GROUP_TEST_DEBUG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("node", i)
	}
	cfg := Config{Dir: c.dirs[i], Node: topo.NodeID(i), Logger: log, RaftAddress: c.addrs[i], ClusterID: 77,
		Transport: &TransportConfig{Listener: cutListener{l, c, i}, Dial: c.dial(i)}, NodeAt: c.nodeAt,
		MinFreeBytes: 8 << 20, ReserveBytes: 1 << 20, State: fsm.Options{InitialMmapBytes: 64 << 20}}
	if c.change != nil {
		c.change(&cfg)
	}
	h, err := Open(cfg)
	if err != nil {
		c.t.Fatal(err)
	}
	h.Bind(Bindings{Timestamp: func(context.Context) (topo.Timestamp, error) { return c.now(), nil }})
	n := &node{Host: h}
	c.mu.Lock()
	c.nodes[i] = n
	c.mu.Unlock()
	return n
}

func (c *cluster) nodeAt(addr string) topo.NodeID {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, a := range c.addrs {
		if a == addr {
			return topo.NodeID(i)
		}
	}
	return 0
}

func (c *cluster) now() topo.Timestamp { return topo.Timestamp(c.clock.Add(1)) }

// start starts node i's replica.
func (c *cluster) start(i int, o GroupOptions) *Replica {
	c.t.Helper()
	o.ID = testGroup
	g, err := c.node(i).StartGroup(o)
	if err != nil {
		c.t.Fatal(err)
	}
	c.node(i).g = g
	return g
}

// stop takes node i down: by a clean stop, or as a crash would.
func (c *cluster) stop(i int, crash bool) {
	c.t.Helper()
	n := c.node(i)
	if crash {
		n.crash()
	} else if err := n.Close(); err != nil {
		c.t.Error(err)
	}
	c.mu.Lock()
	delete(c.nodes, i)
	c.mu.Unlock()
}

// three starts a group of three voters, and returns its first holder.
func three(t testing.TB, change func(*Config)) (c *cluster, holder int) {
	t.Helper()
	c = newCluster(t, change)
	members := map[uint64]string{}
	for i := 1; i <= 3; i++ {
		c.host(i)
		members[uint64(i)] = c.addrs[i]
	}
	for i := 1; i <= 3; i++ {
		c.start(i, GroupOptions{Replica: uint64(i), Members: members})
	}
	return c, c.holder()
}

// holder waits for a node that holds the lease.
func (c *cluster) holder() int {
	c.t.Helper()
	for start := time.Now(); time.Since(start) < 20*time.Second; time.Sleep(5 * time.Millisecond) {
		for _, n := range c.all() {
			if n.g != nil && n.g.lease.Load().mine {
				return int(n.cfg.Node)
			}
		}
	}
	c.t.Fatal("nobody took the lease")
	return 0
}

// bound is a context for one step of a test.
func bound(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// gateway sends commands to whoever holds the lease, as a gateway does.
type gateway struct {
	c  *cluster
	to int
}

var errGaveUp = errors.New("no answer for 10 s")

// do calls fn with a node until it is not told to go elsewhere.
func (cl *gateway) do(fn func(n *node) error) error {
	for start := time.Now(); time.Since(start) < 10*time.Second; {
		n := cl.c.node(cl.to)
		if n == nil || n.g == nil {
			cl.to = cl.to%9 + 1
			continue
		}
		err := fn(n)
		var e *rpc.Error
		switch {
		case err == nil:
			return nil
		case !errors.As(err, &e):
			return err
		case e.Code == rpc.ErrNotLeaseholder && e.Holder != 0 && int(e.Holder) != cl.to && cl.c.node(int(e.Holder)) != nil:
			cl.to = int(e.Holder)
			time.Sleep(time.Millisecond)
		case e.Code == rpc.ErrNotLeaseholder, e.Code == rpc.ErrUnavailable, e.Code == rpc.ErrNotProposed:
			cl.to = cl.to%9 + 1
			time.Sleep(time.Millisecond)
		default:
			return err
		}
	}
	return errGaveUp
}

var errStale = &rpc.Error{Code: rpc.ErrNotProposed, Detail: "stale epoch"}

// put commits one new row; known is false when its outcome is not.
func (cl *gateway) put(k string) (ts topo.Timestamp, known bool, err error) {
	err = cl.do(func(n *node) error {
		id := topo.TxnID{Node: 1, Epoch: 1, Seq: cl.c.seq.Add(1)}
		res, err := n.g.Propose(ctx, n.put(id, cl.c.now(), "v", k))
		switch {
		case err != nil:
			return err
		case res.Code == fsm.ResultStaleEpoch:
			return errStale
		case res.Code != fsm.ResultCommitted:
			return fmt.Errorf("%s: result %+v", k, res)
		}
		ts = res.TS
		return nil
	})
	var e *rpc.Error
	if errors.As(err, &e) && e.Code == rpc.ErrAmbiguous {
		return 0, false, nil
	}
	return ts, err == nil, err
}

func (cl *gateway) get(k string, ts topo.Timestamp) (value string, err error) {
	err = cl.do(func(n *node) error {
		resp, err := n.g.Get(ctx, &rpc.GetRequest{TS: ts, Keys: [][]byte{key(k)}})
		if err == nil {
			value = string(resp.Versions[0].Value)
		}
		return err
	})
	return value, err
}

// writers commit rows until they are stopped. Each remembers what was acknowledged, and the longest pause.
type writers struct {
	t     testing.TB
	stop  chan struct{}
	wg    sync.WaitGroup
	mu    sync.Mutex
	ended sync.Once
	acked []string
	pause time.Duration
	lost  int // of unknown outcome
}

func (c *cluster) write(clients int) *writers {
	w := &writers{t: c.t, stop: make(chan struct{})}
	c.t.Cleanup(func() { w.end() })
	for i := range clients {
		w.wg.Add(1)
		go func() {
			defer w.wg.Done()
			cl := &gateway{c: c, to: 1}
			last := time.Now()
			for n := 0; ; n++ {
				select {
				case <-w.stop:
					return
				default:
				}
				k := fmt.Sprintf("w%d/%d/%d", c.seq.Add(1), i, n)
				_, known, err := cl.put(k)
				if err != nil {
					w.t.Error(err)
					return
				}
				w.mu.Lock()
				if known {
					w.acked = append(w.acked, k)
				} else {
					w.lost++
				}
				w.pause = max(w.pause, time.Since(last))
				w.mu.Unlock()
				last = time.Now()
				time.Sleep(time.Millisecond)
			}
		}()
	}
	return w
}

// takePause returns the longest pause since the last call.
func (w *writers) takePause() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.pause
	w.pause = 0
	return p
}

func (w *writers) end() []string {
	w.ended.Do(func() {
		close(w.stop)
		w.wg.Wait()
		if w.lost > 0 {
			w.t.Logf("%d commits of unknown outcome", w.lost)
		}
	})
	return w.acked
}

// check compares the replicas with each other, and what was acknowledged with what can be read.
func (c *cluster) check(acked []string) {
	c.t.Helper()
	cl := &gateway{c: c, to: c.holder()}
	for _, k := range acked {
		if got, err := cl.get(k, topo.MaxTimestamp); got != "v" || err != nil {
			c.t.Fatalf("%s was acknowledged: %q, %v", k, got, err)
		}
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		type at struct{ index, sum uint64 }
		seen := map[at]int{}
		for _, n := range c.all() {
			index, sum, err := n.g.state.Digest()
			if err != nil {
				c.t.Fatal(err)
			}
			seen[at{index, sum}]++
		}
		if len(seen) == 1 {
			c.t.Logf("%d rows, digests of %d replicas agree", len(acked), len(c.all()))
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("replicas differ: %v", seen)
		}
	}
}

// grow adds node i as a learner, waits until it has caught up, and promotes it.
func (c *cluster) grow(i int, replica uint64) {
	c.t.Helper()
	leader := c.node(c.holder()).g
	ctx := bound(c.t, 20*time.Second)
	if err := leader.AddNonVoting(ctx, replica, c.addrs[i]); err != nil {
		c.t.Fatal(err)
	}
	if err := leader.AddNonVoting(ctx, replica, c.addrs[i]); err != nil {
		c.t.Fatal("again:", err)
	}
	g := c.start(i, GroupOptions{Replica: replica, Join: true, NonVoting: true})
	if err := g.CaughtUp(ctx); err != nil {
		c.t.Fatal(err)
	}
	for range 2 {
		if err := leader.Promote(ctx, replica, c.addrs[i]); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (n *node) lockAs(id topo.TxnID, mode lock.Mode, policy lock.WaitPolicy, keys ...string) error {
	req := &rpc.LockRequest{Txn: id, Policy: policy}
	for _, k := range keys {
		req.Keys, req.Modes = append(req.Keys, key(k)), append(req.Modes, mode)
	}
	_, err := n.g.Lock(ctx, req)
	return err
}

// crash ends everything as the death of the process would, as far as that is possible within one: no lease is handed over,
// nothing is flushed or logged, and the connections break at once.
func (h *Host) crash() {
	h.closed.Do(func() {
		_ = h.wire.Close()
		close(h.stopped)
		h.loop.Wait()
		for _, r := range h.Replicas() {
			r.end()
		}
		h.nh.Close()
		for _, r := range h.Replicas() {
			_ = r.state.Close()
		}
		h.dir.close()
	})
}
