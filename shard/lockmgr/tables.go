package lockmgr

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Tables are the table locks. The own node's table has all that its own owners hold, with their counts, and the strong locks
// of other nodes' owners. owners says at which other nodes the strong locks of own owners are.
//
// A strong lock is complete when, under mu, every live node was found among its nodes. A node that syncs is made live in
// the same critical section in which it is told of the complete locks: a lock that is not complete by then will be taken at
// the newcomer by whoever is at it.
type Tables struct {
	m     *Manager
	local *lock.Manager
	// gate is not 0 while owners has an entry or a sync is under way: while it is 0, a release is the own node's matter.
	gate atomic.Int64

	mu     sync.Mutex
	owners map[topo.TxnID]map[strongKey]*strongLock
	syncs  map[topo.NodeID]uint64 // how often a node synced
}

type strongKey struct {
	key  string
	mode lock.Mode
}

// strongLock is a strong lock of an own owner that is, or is being, taken at several nodes. Guarded by Tables.mu.
type strongLock struct {
	strongKey
	owner    topo.TxnID
	nodes    map[topo.NodeID]bool // where it was granted
	complete bool
}

func newTables(m *Manager) *Tables {
	return &Tables{m: m, local: lock.NewTables(m.cfg.Detector), owners: map[topo.TxnID]map[strongKey]*strongLock{},
		syncs: map[topo.NodeID]uint64{}}
}

// Acquire takes a lock for an owner of this node; see lock.Manager.Acquire. A strong lock waits for unreachable nodes until
// they are no longer live.
func (t *Tables) Acquire(ctx context.Context, owner topo.TxnID, key []byte, mode lock.Mode, opt *lock.Options) (waited bool, err error) {
	if !lock.Strong.Has(mode) {
		return t.local.Acquire(ctx, owner, key, mode, opt)
	}
	if !t.m.alone() {
		return t.spread(ctx, owner, key, mode, opt, false)
	}
	waited, err = t.local.Acquire(ctx, owner, key, mode, opt)
	if err != nil || t.m.alone() {
		return waited, err
	}
	// A node has joined since. Either its sync saw this lock, or it was live when we looked just now.
	_, err = t.spread(ctx, owner, key, mode, opt, true)
	return waited, err
}

// spread takes a strong lock at all nodes; here says that it was taken at the own one.
func (t *Tables) spread(ctx context.Context, owner topo.TxnID, key []byte, mode lock.Mode, opt *lock.Options, here bool) (waited bool, err error) {
	ctx, cancel := withTimeout(ctx, opt)
	defer cancel()
	l := t.begin(owner, key, mode, here)
	if l == nil {
		return t.local.Acquire(ctx, owner, key, mode, opt) // one more of what is complete
	}
	noWait := opt != nil && opt.Policy != lock.Wait
	for {
		node, syncs, behind, more := t.next(l)
		if !more {
			return waited, nil
		}
		w, err := t.take(ctx, node, l, opt, noWait || behind)
		waited = waited || w
		switch {
		case err == nil:
			t.visited(l, node, syncs)
		case errors.Is(err, errGone):
		case behind && !noWait && errors.Is(err, lock.ErrNotAvailable):
			// Whoever has the lock at that node may wait for ours at the next: begin again, in order.
			t.giveBack(l)
			waited = true
		default:
			t.undo(l, node)
			if errors.Is(err, ErrFenced) {
				t.m.lost(owner)
			}
			return waited, err
		}
	}
}

// begin returns the lock to be taken, nil when it is complete.
func (t *Tables) begin(owner topo.TxnID, key []byte, mode lock.Mode, here bool) *strongLock {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.owners[owner][strongKey{string(key), mode}]
	if l != nil && !here {
		return nil
	}
	if l == nil {
		l = t.enter(owner, strongKey{string(key), mode})
	}
	l.complete = false
	if here {
		l.nodes[t.m.self] = true
	}
	return l
}

// enter makes an entry. t.mu is held.
func (t *Tables) enter(owner topo.TxnID, k strongKey) *strongLock {
	locks := t.owners[owner]
	if locks == nil {
		locks = map[strongKey]*strongLock{}
		t.owners[owner] = locks
		t.gate.Add(1)
	}
	l := &strongLock{strongKey: k, owner: owner, nodes: map[topo.NodeID]bool{}}
	locks[k] = l
	return l
}

// leave removes an entry. t.mu is held.
func (t *Tables) leave(l *strongLock) {
	locks := t.owners[l.owner]
	if locks[l.strongKey] != l {
		return
	}
	delete(locks, l.strongKey)
	if len(locks) == 0 {
		delete(t.owners, l.owner)
		t.gate.Add(-1)
	}
}

// next returns the lowest live node where l is still to be taken, and whether it was taken at a higher one already: then that
// node has joined or returned since. When there is none, l is complete.
func (t *Tables) next(l *strongLock) (node topo.NodeID, syncs uint64, behind, more bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, n := range t.m.live() {
		if !l.nodes[n] {
			for o := range l.nodes {
				behind = behind || o > n
			}
			return n, t.syncs[n], behind, true
		}
	}
	l.complete = true
	return 0, 0, false, false
}

// visited notes a grant, unless the node has synced, and so may have lost it, since the request began.
func (t *Tables) visited(l *strongLock, node topo.NodeID, syncs uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.syncs[node] == syncs {
		l.nodes[node] = true
	}
}

func (t *Tables) take(ctx context.Context, node topo.NodeID, l *strongLock, opt *lock.Options, noWait bool) (waited bool, err error) {
	if node == t.m.self {
		var here lock.Options // ctx has the timeout
		if opt != nil {
			here.OnWait = opt.OnWait
		}
		if noWait {
			here.Policy = lock.NoWait
		}
		return t.local.Acquire(ctx, l.owner, []byte(l.key), l.mode, &here)
	}
	for _, o := range t.m.out.before(node, l.owner) {
		select {
		case <-o.done:
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
	req := &acquireRequest{Class: classTable, Owner: l.owner, Key: []byte(l.key), Mode: l.mode, NoWait: noWait}
	reply, err := t.m.acquireAt(ctx, node, req, func() bool { return true })
	if err != nil {
		return false, err
	}
	return reply.Waited, reply.err()
}

// runRemote takes a strong lock in this node's table for an owner of another one.
func (t *Tables) runRemote(ctx context.Context, req *acquireRequest) *acquireReply {
	opt := &lock.Options{}
	if req.NoWait {
		opt.Policy = lock.NoWait
	}
	waited, err := t.local.Acquire(ctx, req.Owner, req.Key, req.Mode, opt)
	if err == nil && t.m.over(req.Owner) {
		t.local.ReleaseAll(req.Owner)
		err = ErrFenced
	}
	return replyOf(waited, err)
}

// undo gives up a lock that could not be taken at node; there, the request may have been granted nevertheless.
func (t *Tables) undo(l *strongLock, node topo.NodeID) {
	t.mu.Lock()
	t.leave(l)
	if node != t.m.self {
		l.nodes[node] = true
	}
	t.mu.Unlock()
	t.giveBack(l)
}

// giveBack releases a lock wherever it was taken so far.
func (t *Tables) giveBack(l *strongLock) {
	t.mu.Lock()
	nodes := l.nodes
	l.nodes, l.complete = map[topo.NodeID]bool{}, false
	t.mu.Unlock()
	if nodes[t.m.self] {
		t.local.ReleaseMode(l.owner, []byte(l.key), l.mode)
	}
	t.send(nodes, releaseOp{Class: classTable, Owner: l.owner, Key: []byte(l.key), Modes: lock.SetOf(l.mode)}, undoWait)
}

// send releases at other nodes, and waits a while for them.
func (t *Tables) send(nodes map[topo.NodeID]bool, op releaseOp, wait time.Duration) {
	var ops []*outOp
	for n := range nodes {
		if n != t.m.self {
			ops = append(ops, t.m.out.put(n, op))
		}
	}
	t.m.out.wait(ops, wait)
}

// drop removes the entries of an owner that match, and returns where they were.
func (t *Tables) drop(owner topo.TxnID, match func(strongKey) bool) map[topo.NodeID]bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	nodes := map[topo.NodeID]bool{}
	for k, l := range t.owners[owner] {
		if match(k) {
			for n := range l.nodes {
				nodes[n] = true
			}
			t.leave(l)
		}
	}
	return nodes
}

// ReleaseAll drops everything that owner holds.
//
// The own table goes first and gate is read after: a sync that saw the lock there has raised gate before it looked.
func (t *Tables) ReleaseAll(owner topo.TxnID) { t.ReleaseModes(owner, ^lock.ModeSet(0)) }

// ReleaseModes drops the modes given wherever owner holds them, however often it acquired them.
func (t *Tables) ReleaseModes(owner topo.TxnID, modes lock.ModeSet) {
	t.local.ReleaseModes(owner, modes)
	if t.gate.Load() == 0 || modes&lock.Strong == 0 {
		return
	}
	nodes := t.drop(owner, func(k strongKey) bool { return modes.Has(k.mode) })
	t.send(nodes, releaseOp{Class: classTable, Owner: owner, Modes: modes}, releaseWait)
}

// Release drops everything that owner holds of key.
func (t *Tables) Release(owner topo.TxnID, key []byte) {
	t.local.Release(owner, key)
	if t.gate.Load() == 0 {
		return
	}
	nodes := t.drop(owner, func(k strongKey) bool { return k.key == string(key) })
	t.send(nodes, releaseOp{Class: classTable, Owner: owner, Key: key, Modes: ^lock.ModeSet(0)}, releaseWait)
}

// ReleaseMode undoes one Acquire of a mode. It reports whether owner held it.
func (t *Tables) ReleaseMode(owner topo.TxnID, key []byte, mode lock.Mode) bool {
	if !t.local.ReleaseMode(owner, key, mode) {
		return false
	}
	if lock.Strong.Has(mode) && t.gate.Load() != 0 && !t.local.Held(owner, key).Has(mode) {
		nodes := t.drop(owner, func(k strongKey) bool { return k == strongKey{string(key), mode} })
		t.send(nodes, releaseOp{Class: classTable, Owner: owner, Key: key, Modes: lock.SetOf(mode)}, releaseWait)
	}
	return true
}

// Held returns the modes that an owner of this node holds of key.
func (t *Tables) Held(owner topo.TxnID, key []byte) lock.ModeSet { return t.local.Held(owner, key) }

// strongOwners lists own owners of earlier liveness epochs that hold strong locks elsewhere.
func (t *Tables) strongOwners(before topo.LivenessEpoch) []topo.TxnID {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []topo.TxnID
	for o := range t.owners {
		if o.Epoch < before {
			out = append(out, o)
		}
	}
	return out
}
