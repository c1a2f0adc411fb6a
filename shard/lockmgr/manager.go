package lockmgr

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/deadlock"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Env is what a Manager knows of the cluster. Its methods are safe for concurrent use and, but for Call, cheap.
type Env interface {
	// Self is this node and its liveness epoch.
	Self() (topo.NodeID, topo.LivenessEpoch)
	// Live lists the nodes whose liveness epoch is not over, this one included, ascending.
	Live() []topo.NodeID
	// CatalogHolder says who holds the catalog group's lease, and under which epoch, as far as this node knows.
	CatalogHolder() (node topo.NodeID, epoch topo.LeaseEpoch, ok bool)
	// Call has Handle of another node's Manager serve a request. After an error it may have been served or not.
	Call(ctx context.Context, node topo.NodeID, method string, body []byte) ([]byte, error)
}

// Config is a Manager's environment.
type Config struct {
	Env Env
	// Detector watches all lock managers of this process, those of row locks included.
	Detector *deadlock.Detector
	// PID returns the backend process id of a session or transaction of this node, 0 when there is none.
	PID func(topo.TxnID) int32
	// OnLost says that a session of this node (known by itself, or by its transaction) lost locks that it was granted: this
	// node was declared dead meanwhile. The session must end. It is called once or more, with no lock held.
	OnLost func(owner topo.TxnID)
	Log    *slog.Logger // nil: none
	// LongWait is the age from which a wait is reported for the search over all nodes; 0: 300 ms.
	LongWait time.Duration
}

// ErrFenced is the end of a request whose node was declared dead under the owner's liveness epoch.
var ErrFenced = errors.New("lockmgr: this node was declared dead")

var (
	errElsewhere = errors.New("lockmgr: not the home of the advisory locks")
	errGone      = errors.New("lockmgr: the node is no longer live")
	errClosed    = errors.New("lockmgr: closed")
)

// Times.
const (
	defaultLongWait = 300 * time.Millisecond
	tick            = 100 * time.Millisecond
	// pollWait bounds how long a node lets an acquire wait before it says that it waits still.
	pollWait = 2 * time.Second
	// callTimeout bounds calls, beyond what they wait by design.
	callTimeout = 2 * time.Second
	// releaseWait bounds how long a release waits for other nodes; what has not arrived by then is sent in the background.
	releaseWait = time.Second
	// undoWait is the same for a request that failed: its client waits for the error.
	undoWait = 100 * time.Millisecond
	minPause = 5 * time.Millisecond
	maxPause = 200 * time.Millisecond
)

// Manager is a node's part in the cluster's table and advisory locks.
type Manager struct {
	Tables   *Tables
	Advisory *Advisory

	cfg     Config
	env     Env
	self    topo.NodeID
	process uint64        // random: tells this process from earlier ones of the node
	seq     atomic.Uint64 // numbers requests to other nodes
	in      *inbox
	out     *outbox
	search  search
	watch   watch

	mu sync.Mutex
	// announced are nodes that synced here and that Live did not have yet; an epoch each.
	announced  map[topo.NodeID]topo.LivenessEpoch
	nAnnounced atomic.Int32
	dead       map[topo.NodeID]topo.LivenessEpoch // earlier epochs of the node are over
	epoch      topo.LivenessEpoch                 // this node's, as last looked at
	calls      map[*inflight]struct{}
	pending    map[*pending]struct{}

	life   context.Context
	end    context.CancelCauseFunc
	work   sync.WaitGroup
	closed bool // guarded by mu
}

// inflight is a call to another node.
type inflight struct {
	node   topo.NodeID
	cancel context.CancelCauseFunc
}

// pending is a request of an own owner at another node.
type pending struct {
	class class
	entry lock.Entry
}

// New returns a Manager. Close ends it.
func New(cfg Config) *Manager {
	if cfg.LongWait == 0 {
		cfg.LongWait = defaultLongWait
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	m := &Manager{cfg: cfg, env: cfg.Env, process: rand.Uint64(), in: newInbox(), announced: map[topo.NodeID]topo.LivenessEpoch{},
		dead: map[topo.NodeID]topo.LivenessEpoch{}, calls: map[*inflight]struct{}{}, pending: map[*pending]struct{}{}}
	m.self, m.epoch = cfg.Env.Self()
	m.life, m.end = context.WithCancelCause(context.Background())
	m.out = newOutbox(m)
	m.Tables = newTables(m)
	m.Advisory = newAdvisory(m)
	m.spawn(m.watchWaits)
	return m
}

// Close ends the background work. Releases that have not arrived are given up.
func (m *Manager) Close() {
	m.end(errClosed)
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.work.Wait()
}

// spawn runs f in the background. It reports false, and does nothing, once Close was called.
func (m *Manager) spawn(f func()) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.work.Go(f)
	return true
}

// live lists this node, the live ones, and those that announced themselves, ascending.
func (m *Manager) live() []topo.NodeID {
	nodes := m.env.Live()
	if m.nAnnounced.Load() > 0 {
		nodes = slices.Clone(nodes)
		m.mu.Lock()
		for n := range m.announced {
			if slices.Contains(nodes, n) {
				delete(m.announced, n) // from here on, Live says when it is gone
			} else {
				nodes = append(nodes, n)
			}
		}
		m.nAnnounced.Store(int32(len(m.announced)))
		m.mu.Unlock()
		slices.Sort(nodes)
	}
	if !slices.Contains(nodes, m.self) {
		nodes = append(slices.Clone(nodes), m.self)
		slices.Sort(nodes)
	}
	return nodes
}

// alone reports whether there is no other live node.
func (m *Manager) alone() bool {
	if m.nAnnounced.Load() > 0 {
		return false
	}
	nodes := m.env.Live()
	return len(nodes) == 0 || len(nodes) == 1 && nodes[0] == m.self
}

func (m *Manager) isLive(n topo.NodeID) bool { return slices.Contains(m.live(), n) }

func (m *Manager) announce(p peer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p.Epoch < m.dead[p.Node] || p.Node == m.self {
		return
	}
	m.announced[p.Node] = p.Epoch
	m.nAnnounced.Store(int32(len(m.announced)))
}

// over reports whether the owner's node was declared dead under the owner's epoch.
func (m *Manager) over(owner topo.TxnID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return owner.Epoch < m.dead[owner.Node]
}

// NodeDead drops everywhere on this node what owners of a node hold and wait for, if their liveness epoch is before the one
// given. Every live node is to be told; telling twice does no harm.
func (m *Manager) NodeDead(node topo.NodeID, before topo.LivenessEpoch) {
	m.mu.Lock()
	m.dead[node] = max(m.dead[node], before)
	if e, ok := m.announced[node]; ok && e < before {
		delete(m.announced, node)
		m.nAnnounced.Store(int32(len(m.announced)))
	}
	m.mu.Unlock()
	if node == m.self {
		m.lose(before)
		return
	}
	m.Tables.local.ReleaseNode(node, before)
	m.Advisory.nodeDead(node, before)
	m.cancelCalls()
}

// checkEpoch finds out whether this node was declared dead and has come back under another liveness epoch.
func (m *Manager) checkEpoch() {
	_, epoch := m.env.Self()
	m.mu.Lock()
	changed := epoch > m.epoch
	m.epoch = max(m.epoch, epoch)
	m.mu.Unlock()
	if changed {
		m.lose(epoch)
	}
}

// lose tells the sessions of earlier liveness epochs that others may have been granted their locks meanwhile.
func (m *Manager) lose(before topo.LivenessEpoch) {
	owners := append(m.Advisory.lose(before), m.Tables.strongOwners(before)...)
	for _, o := range owners {
		m.lost(o)
	}
}

func (m *Manager) lost(owner topo.TxnID) {
	m.cfg.Log.Warn("a session lost its locks: this node was declared dead", "owner", owner.String())
	if m.cfg.OnLost != nil {
		m.cfg.OnLost(owner)
	}
}

// Epoch is this node's liveness epoch: owners of earlier ones are granted nothing at other nodes any more.
func (m *Manager) Epoch() topo.LivenessEpoch { return m.peer().Epoch }

func (m *Manager) peer() peer {
	_, epoch := m.env.Self()
	return peer{m.self, epoch}
}

// Handle serves a call of another node's Manager.
func (m *Manager) Handle(ctx context.Context, method string, body []byte) ([]byte, error) {
	switch method {
	case methodAcquire:
		return serve(ctx, body, m.serveAcquire)
	case methodRelease:
		return serve(ctx, body, m.serveRelease)
	case methodSync:
		return serve(ctx, body, m.Tables.serveSync)
	case methodReassert:
		return serve(ctx, body, m.Advisory.serveReassert)
	case methodLost:
		return serve(ctx, body, m.Advisory.serveLost)
	case methodLongWait:
		m.search.start(m)
		return nil, nil
	case methodWaits:
		return serve(ctx, body, m.serveWaits)
	case methodBreak:
		return serve(ctx, body, m.serveBreak)
	case methodJump:
		return serve(ctx, body, m.serveJump)
	case methodPIDs:
		return serve(ctx, body, m.servePIDs)
	}
	return nil, fmt.Errorf("lockmgr: unknown method %q", method)
}

func serve[Q, R any](ctx context.Context, body []byte, f func(context.Context, *Q) (*R, error)) ([]byte, error) {
	req, err := decode[Q](body)
	if err != nil {
		return nil, err
	}
	reply, err := f(ctx, req)
	if err != nil {
		return nil, err
	}
	return encode(reply), nil
}

// call asks a node, this one included. It ends when the node is no longer live.
func call[R any](ctx context.Context, m *Manager, node topo.NodeID, method string, req any, limit time.Duration) (*R, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if node == m.self {
		body, err := m.Handle(ctx, method, encode(req))
		if err != nil {
			return nil, err
		}
		return decode[R](body)
	}
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	f := &inflight{node, abort}
	m.mu.Lock()
	m.calls[f] = struct{}{}
	m.mu.Unlock()
	body, err := m.env.Call(ctx, node, method, encode(req))
	m.mu.Lock()
	delete(m.calls, f)
	m.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if len(body) == 0 {
		return new(R), nil
	}
	return decode[R](body)
}

// cancelCalls ends calls to nodes that are no longer live.
func (m *Manager) cancelCalls() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.calls) == 0 {
		return
	}
	nodes := m.env.Live()
	for f := range m.calls {
		if _, ok := m.announced[f.node]; !ok && !slices.Contains(nodes, f.node) {
			f.cancel(errGone)
		}
	}
}

// acquireAt asks another node for a lock, until it answers, the node is no longer live or wanted says no.
func (m *Manager) acquireAt(ctx context.Context, node topo.NodeID, req *acquireRequest, wanted func() bool) (*acquireReply, error) {
	p := &pending{req.Class, lock.Entry{Owner: req.Owner, Key: req.Key, Mode: req.Mode, Since: time.Now()}}
	m.mu.Lock()
	m.pending[p] = struct{}{}
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		delete(m.pending, p)
		m.mu.Unlock()
	}()
	req.Seq = m.seq.Add(1)
	pause := minPause
	for {
		req.From = m.peer()
		reply, err := call[acquireReply](ctx, m, node, methodAcquire, req, pollWait+callTimeout)
		if err == nil && reply.Status != stStillWaiting {
			return reply, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if !m.isLive(node) || !wanted() {
			return nil, errGone
		}
		if err == nil {
			continue
		}
		if err := sleep(ctx, &pause); err != nil {
			return nil, err
		}
	}
}

// sleep pauses, longer each time.
func sleep(ctx context.Context, pause *time.Duration) error {
	t := time.NewTimer(*pause)
	defer t.Stop()
	*pause = min(*pause*2, maxPause)
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// serveAcquire is the other end of acquireAt.
func (m *Manager) serveAcquire(ctx context.Context, req *acquireRequest) (*acquireReply, error) {
	if m.over(req.Owner) {
		return replyOf(false, ErrFenced), nil
	}
	run := m.Tables.runRemote
	if req.Class == classAdvisory {
		run = m.Advisory.runRemote
	}
	ctx, cancel := context.WithTimeout(ctx, pollWait)
	defer cancel()
	reply := m.in.acquire(ctx, req.Owner, req.Seq, func(ctx context.Context) *acquireReply { return run(ctx, req) })
	if reply == nil {
		reply = &acquireReply{Status: stStillWaiting}
	}
	return reply, nil
}

func (m *Manager) serveRelease(ctx context.Context, req *releaseRequest) (*doneReply, error) {
	for i := range req.Ops {
		op := &req.Ops[i]
		if op.Class == classTable {
			m.in.release(op.Owner, op.Seq, func() { release(m.Tables.local, op) })
			continue
		}
		t, err := m.Advisory.joined(ctx, req.From)
		if err != nil {
			return nil, err
		}
		m.in.release(op.Owner, op.Seq, func() { release(t.table, op) })
	}
	return &doneReply{true}, nil
}

func release(table *lock.Manager, op *releaseOp) {
	if op.Key == nil {
		table.ReleaseModes(op.Owner, op.Modes)
	} else {
		table.ReleaseOf(op.Owner, op.Key, op.Modes)
	}
}

// withTimeout bounds ctx by lock_timeout.
func withTimeout(ctx context.Context, opt *lock.Options) (context.Context, context.CancelFunc) {
	if opt == nil || opt.Timeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, opt.Timeout, lock.ErrTimeout)
}
