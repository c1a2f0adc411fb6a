package txn

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Clock hands out timestamps: each call a new one, later than every one handed out before the call began.
type Clock interface {
	Timestamp(ctx context.Context) (topo.Timestamp, error)
}

// Config is a Manager's environment.
type Config struct {
	Node  topo.NodeID
	Epoch topo.LivenessEpoch
	Clock Clock
	// RemoteClock reports whether a timestamp costs a call to another node at the moment; nil: never.
	RemoteClock func() bool
	Groups      func(topo.GroupID) rpc.Group
	// AllGroups lists the groups, for recoveries that cannot learn who takes part; nil: they leave that to the caller.
	AllGroups func() []topo.GroupID
	// SequenceGroup says which group serves a sequence; nil: the first data group.
	SequenceGroup func(topo.StorageID) topo.GroupID
	// ProvisionBytes is the size of a transaction's buffer from which operations are sent ahead; 0: 4 MB.
	ProvisionBytes int
	// OutcomeTimeout bounds how long a commit whose answer was lost is looked up before 08007; 0: 10 s.
	OutcomeTimeout time.Duration
	// PendingGrace is how long a commit that meets another's prepare leaves it alone before it recovers it; 0: 50 ms.
	PendingGrace time.Duration
	// DeadlockDetail words the DETAIL of a deadlock error; nil: it says how many waits there were.
	DeadlockDetail func(context.Context, *lock.Deadlock) string
	// Format returns the newest command format that all groups admit; nil: fsm.FormatFirst.
	Format func() uint8
	// FirstSeq is the number of the first transaction, for a node that restarts within one liveness epoch; 0: 1.
	FirstSeq uint64

	// Faults break single rules, so that the simulation can prove that it would notice. Nil outside tests.
	Faults *Faults
}

// Faults switch off one safety rule each. Only tests set them.
type Faults struct {
	// NoSharedMarks leaves the shared marks out of prepares, and of what goes ahead of them (rule R2).
	NoSharedMarks bool
	// NoExclusiveMarksAhead leaves the exclusive marks out of what goes ahead of a prepare (rule R2).
	NoExclusiveMarksAhead bool
	// ForgottenOrigins takes every row that moves to have been where it is when the transaction began.
	ForgottenOrigins bool
	// NoMoves leaves out where rows went.
	NoMoves bool
	// NoAttemptRule proposes attempt n+1, or gives up, without attempt n's tombstone.
	NoAttemptRule bool
	// ResolveBeforeCommitRecord sends the resolves of a commit without the record at the primary before them.
	ResolveBeforeCommitRecord bool
}

// omits reports whether an item of the prepare is to be left out.
func (f *Faults) omits(it *fsm.Item) bool {
	return f.NoSharedMarks && it.Kind == fsm.ItemSharedMark || f.NoMoves && it.Kind == fsm.ItemMoved
}

func (c *Config) setDefaults() {
	if c.ProvisionBytes == 0 {
		c.ProvisionBytes = 4 << 20
	}
	if c.OutcomeTimeout == 0 {
		c.OutcomeTimeout = 10 * time.Second
	}
	if c.PendingGrace == 0 {
		c.PendingGrace = 50 * time.Millisecond
	}
	if c.FirstSeq == 0 {
		c.FirstSeq = 1
	}
	if c.SequenceGroup == nil {
		c.SequenceGroup = func(topo.StorageID) topo.GroupID { return topo.FirstDataGroup }
	}
	if c.Faults == nil {
		c.Faults = &Faults{}
	}
}

// maxFinishing bounds the committed transactions whose records and resolves are under way in the background. Beyond it
// COMMIT finishes its own before it returns.
const maxFinishing = 1024

// Manager makes a node's transactions and finishes those that its groups met stuck. It is safe for concurrent use.
type Manager struct {
	cfg   Config
	seq   atomic.Uint64
	epoch atomic.Uint32
	// drawn is the latest timestamp that this node has seen: a later snapshot cannot be below it.
	drawn atomic.Uint64

	mu   sync.Mutex
	live *Txn // the transactions that have a snapshot, a doubly linked list

	forgets forgets

	base   context.Context // ends when Close gives up on the background work
	cancel context.CancelFunc
	slots  chan struct{}

	// The background work under way, counted by mu. Not a WaitGroup: sessions may still begin some beside Close.
	working int
	closed  bool
	idle    chan struct{} // set by Close, closed when working falls to 0
}

// New returns a Manager.
func New(cfg Config) *Manager {
	cfg.setDefaults()
	m := &Manager{cfg: cfg, slots: make(chan struct{}, maxFinishing)}
	m.seq.Store(cfg.FirstSeq - 1)
	m.epoch.Store(uint32(cfg.Epoch))
	m.base, m.cancel = context.WithCancel(context.Background())
	return m
}

// Close waits for the background work of finished transactions, at most as long as ctx allows, and then stops it. What is
// left is finished by whoever meets it.
func (m *Manager) Close(ctx context.Context) error {
	m.mu.Lock()
	m.closed = true
	if m.idle == nil {
		m.idle = make(chan struct{})
		if m.working == 0 {
			close(m.idle)
		}
	}
	idle := m.idle
	m.mu.Unlock()
	var err error
	select {
	case <-idle:
	case <-ctx.Done():
		err = ctx.Err()
	}
	m.cancel()
	<-idle
	return err
}

// startWork counts a piece of background work in; false when the manager is closed. endWork counts it out.
func (m *Manager) startWork() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.working++
	return true
}

func (m *Manager) endWork() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.working--; m.working == 0 && m.idle != nil {
		close(m.idle)
	}
}

// Begin starts a transaction. It costs nothing until the transaction draws a snapshot or touches a group.
func (m *Manager) Begin(o Options) *Txn {
	return &Txn{
		m:    m,
		id:   topo.TxnID{Node: m.cfg.Node, Epoch: topo.LivenessEpoch(m.epoch.Load()), Seq: m.seq.Add(1)},
		opts: o,
	}
}

// SetEpoch is called when the node got another liveness epoch. Transactions that began under an older one go on: others may
// finish them, and then their commit says so.
func (m *Manager) SetEpoch(e topo.LivenessEpoch) { m.epoch.Store(uint32(e)) }

// Now draws a timestamp; every snapshot taken later is above it.
func (m *Manager) Now(ctx context.Context) (topo.Timestamp, error) { return m.timestamp(ctx) }

// timestamp draws from the oracle.
func (m *Manager) timestamp(ctx context.Context) (topo.Timestamp, error) {
	ts, err := m.cfg.Clock.Timestamp(ctx)
	if err != nil {
		return 0, clockError(ctx, err)
	}
	for {
		old := m.drawn.Load()
		if uint64(ts) <= old || m.drawn.CompareAndSwap(old, uint64(ts)) {
			return ts, nil
		}
	}
}

// register makes t count for OldestSnapshot, with a floor that no snapshot drawn from now on can be below.
func (m *Manager) register(t *Txn) {
	m.mu.Lock()
	t.oldest.Store(max(1, m.drawn.Load()))
	t.next = m.live
	if t.next != nil {
		t.next.prev = t
	}
	m.live = t
	m.mu.Unlock()
	t.registered = true
}

func (m *Manager) unregister(t *Txn) {
	m.mu.Lock()
	if t.prev != nil {
		t.prev.next = t.next
	} else {
		m.live = t.next
	}
	if t.next != nil {
		t.next.prev = t.prev
	}
	t.prev, t.next = nil, nil
	m.mu.Unlock()
	t.registered = false
}

// OldestSnapshot returns the oldest snapshot in use at this node, for the GC horizon; ok is false when none is. A
// snapshot drawn after the call is at or above the latest timestamp that the caller had drawn before it.
func (m *Manager) OldestSnapshot() (ts topo.Timestamp, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for t := m.live; t != nil; t = t.next {
		s := topo.Timestamp(t.oldest.Load())
		if !ok || s < ts {
			ts, ok = s, true
		}
	}
	return ts, ok
}

// background runs f outside the caller, or in it when too much is under way already. After Close it runs f in the caller
// with a context that has ended: what f would finish is left to whoever meets it.
func (m *Manager) background(f func(ctx context.Context)) {
	if !m.startWork() {
		ctx, cancel := context.WithCancel(m.base)
		cancel()
		f(ctx)
		return
	}
	select {
	case m.slots <- struct{}{}:
		go func() {
			defer m.endWork()
			defer func() { <-m.slots }()
			f(m.base)
		}()
	default:
		defer m.endWork()
		ctx, cancel := context.WithTimeout(m.base, time.Second)
		defer cancel()
		f(ctx)
	}
}
