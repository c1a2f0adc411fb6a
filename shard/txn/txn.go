package txn

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// Recheck scans the children of a deleted or changed key again at f, acting on those found, when a commit met a child
// that the scan at the marked timestamp could not see.
type Recheck func(ctx context.Context, f topo.Timestamp) error

type phase uint8

const (
	phaseActive phase = iota
	phaseCommitting
	phaseEnded
)

// Txn is one transaction. One session drives it; reads and scanners may run in several goroutines at once.
type Txn struct {
	m    *Manager
	id   topo.TxnID
	opts Options

	// The list of transactions with a snapshot; guarded by m.mu. oldest is what the horizon must not pass.
	prev, next *Txn
	oldest     atomic.Uint64
	registered bool

	lockTimeout time.Duration
	waitStarted func(holders []topo.TxnID)
	onCommit    []func(topo.Timestamp)

	// mu guards what follows. It is never held across a call to a group or the clock.
	mu     sync.Mutex
	phase  phase
	tables []topo.TableVersion
	locks  []topo.TableVersion // what the statement's lock calls go by beside tables
	groups []*groupBuffer      // ascending ids
	// seq is the number of the last operation, lock or mark.
	seq     Seq
	stmtSeq Seq
	snap    topo.Timestamp // 0: none drawn yet (in READ COMMITTED: in this statement)
	drawing chan struct{}  // closed when a draw of the snapshot under way ends
	holds   int            // HoldSnapshot calls in force
	retain  int            // bytes of locked versions kept in entries

	// savepoints are the sequence numbers of the savepoints, released ones included, ascending; undo is recorded while
	// there is one.
	savepoints []Seq
	undo       []undo
	// marked is the lowest timestamp of an exclusive mark: the horizon must not pass it, or the commit would be refused.
	marked     topo.Timestamp
	rolledBack []fsm.SeqRange // among operations sent ahead; ascending, disjoint
	unlocking  chan struct{}  // closed when the background unlock of the last ROLLBACK TO has ended
}

// ID returns the transaction's id.
func (t *Txn) ID() topo.TxnID { return t.id }

// Options returns the options in force.
func (t *Txn) Options() Options { return t.opts }

// SetOptions changes the options; it fails (25001) once a snapshot was drawn, unless only ReadOnly becomes stricter.
func (t *Txn) SetOptions(o Options) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o == t.opts {
		return nil
	}
	if t.registered && o.Isolation != t.opts.Isolation {
		return pgerr.New(pgerr.ActiveSqlTransaction, "SET TRANSACTION ISOLATION LEVEL must be called before any query")
	}
	if t.registered && t.opts.ReadOnly && !o.ReadOnly {
		return pgerr.New(pgerr.ActiveSqlTransaction, "transaction read-write mode must be set before any query")
	}
	t.opts = o
	return nil
}

// SetLockTimeout bounds each wait for a lock from now on; 0: no bound.
func (t *Txn) SetLockTimeout(d time.Duration) { t.lockTimeout = d }

// SetWaitStarted sets what is called when a lock request begins to wait, with the holders.
func (t *Txn) SetWaitStarted(f func(holders []topo.TxnID)) { t.waitStarted = f }

// OnCommit adds a hook that runs once the commit is certain, before Commit returns, with the commit timestamp (0 for a
// transaction that wrote nothing).
func (t *Txn) OnCommit(f func(topo.Timestamp)) { t.onCommit = append(t.onCommit, f) }

// StartStatement begins a statement: it will not see its own operations (StatementSeq), and in READ COMMITTED the next
// Snapshot draws anew.
func (t *Txn) StartStatement() {
	t.mu.Lock()
	t.startStatement()
	t.mu.Unlock()
}

func (t *Txn) startStatement() {
	t.stmtSeq, t.locks = t.seq, nil
	if t.opts.Isolation == ReadCommitted {
		t.snap = 0
	}
}

// Nest begins a statement within the running one (of a function that it calls) and returns what ends it: the running
// statement then goes on with its own snapshot and sees what it saw. A fresh one sees what the transaction has written so
// far and, in READ COMMITTED, draws a snapshot of its own; another sees what the running statement sees.
func (t *Txn) Nest(fresh bool) (end func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	stmtSeq, snap, locks := t.stmtSeq, t.snap, t.locks
	t.holds++ // the running statement needs its snapshot again
	if fresh {
		t.startStatement()
	}
	return func() {
		t.mu.Lock()
		t.stmtSeq, t.locks = stmtSeq, locks
		if snap != 0 || fresh && t.opts.Isolation == ReadCommitted {
			t.snap = snap
		}
		t.holds--
		t.mu.Unlock()
	}
}

// StatementSeq returns the number of the last operation before the statement began.
func (t *Txn) StatementSeq() Seq {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stmtSeq
}

// LastSeq returns the number of the latest operation.
func (t *Txn) LastSeq() Seq {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.seq
}

// HasSnapshot reports whether the transaction (in READ COMMITTED: the statement) has drawn its snapshot.
func (t *Txn) HasSnapshot() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.snap != 0
}

// Snapshot returns the statement's (READ COMMITTED) or the transaction's snapshot, drawing it on first use.
func (t *Txn) Snapshot(ctx context.Context) (topo.Timestamp, error) {
	for {
		t.mu.Lock()
		if t.snap != 0 {
			ts := t.snap
			t.mu.Unlock()
			return ts, nil
		}
		wait := t.drawing
		if wait == nil {
			break
		}
		t.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return 0, canceled(ctx)
		}
	}
	t.drawing = make(chan struct{})
	t.mu.Unlock()
	ts, err := t.pinned(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.drawing)
	t.drawing = nil
	if err != nil {
		return 0, err
	}
	t.snap = ts
	return ts, nil
}

// ReadsLatest reports whether a statement that reads one key had better read its latest committed version than draw a
// snapshot: it sees the same, and saves the question to another node's oracle.
func (t *Txn) ReadsLatest() bool {
	if t.opts.Isolation != ReadCommitted || t.m.cfg.RemoteClock == nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.snap == 0 && t.m.cfg.RemoteClock()
}

// pinned draws a timestamp to read at, so that the horizon cannot pass it before or after it is known here.
func (t *Txn) pinned(ctx context.Context) (topo.Timestamp, error) {
	first := !t.registered
	if first {
		t.m.register(t)
	}
	ts, err := t.m.timestamp(ctx)
	if err != nil {
		return 0, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if first || (t.opts.Isolation == ReadCommitted && t.holds == 0) {
		if t.marked != 0 {
			t.oldest.Store(uint64(min(ts, t.marked)))
		} else {
			t.oldest.Store(uint64(ts))
		}
	}
	return ts, nil
}

// HoldSnapshot keeps versions that the current snapshot sees readable in later statements of a READ COMMITTED transaction
// (an open cursor), until release is called.
func (t *Txn) HoldSnapshot() (release func()) {
	t.mu.Lock()
	t.holds++
	t.mu.Unlock()
	var once sync.Once
	return func() {
		once.Do(func() {
			t.mu.Lock()
			t.holds--
			t.mu.Unlock()
		})
	}
}

// FreshTimestamp draws a new timestamp, later than every commit that was acknowledged before the call: the time of a
// foreign-key scan after its locks were granted.
func (t *Txn) FreshTimestamp(ctx context.Context) (topo.Timestamp, error) {
	if !t.registered {
		return t.pinned(ctx)
	}
	return t.m.timestamp(ctx)
}

// UseTable notes that the transaction was planned against this version of a table. It travels in every read and prepare.
//
// A READ COMMITTED transaction that has only read goes on with a later version: the reads of earlier statements are over.
// What it wrote is shaped by the version that it was planned against, and a snapshot is older than a new index.
func (t *Txn) UseTable(v topo.TableVersion) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, u := range t.tables {
		if u == v {
			return
		}
		if u.Table == v.Table && u.Version < v.Version && t.opts.Isolation == ReadCommitted && !t.hasWrites() {
			t.tables = slices.Clone(t.tables)
			t.tables[i] = v
			return
		}
	}
	t.tables = append(t.tables, v)
}

// UseForLocks notes that the statement locks rows of this version of a table. It travels in the statement's lock calls; the
// commit does not rely on it.
func (t *Txn) UseForLocks(v topo.TableVersion) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.Contains(t.locks, v) {
		t.locks = append(t.locks, v)
	}
}

// lockedBy returns the versions by which a lock call goes. t.mu is held.
func (t *Txn) lockedBy() []topo.TableVersion {
	if len(t.locks) == 0 {
		return t.tables
	}
	return slices.Concat(t.tables, t.locks)
}

// plannedBy returns the versions by which a read goes. t.mu is held.
func (t *Txn) plannedBy(o *ReadOptions) []topo.TableVersion {
	if o.Tables != nil {
		return o.Tables
	}
	return t.tables
}

// ReplaceTable notes that the transaction's own DDL moved a table to this version: plans before it were made by the
// transaction itself, so that only the new version is demanded.
func (t *Txn) ReplaceTable(v topo.TableVersion) {
	t.mu.Lock()
	defer t.mu.Unlock()
	tables := make([]topo.TableVersion, 0, len(t.tables)+1)
	for _, u := range t.tables {
		if u.Table != v.Table {
			tables = append(tables, u)
		}
	}
	t.tables = append(tables, v)
}

// group returns the transaction's part in a group, making it. t.mu is held.
func (t *Txn) group(id topo.GroupID) *groupBuffer {
	i := 0
	for i < len(t.groups) && t.groups[i].id < id {
		i++
	}
	if i < len(t.groups) && t.groups[i].id == id {
		return t.groups[i]
	}
	g := newGroupBuffer(id, t.m.cfg.Groups(id))
	t.groups = append(t.groups, nil)
	copy(t.groups[i+1:], t.groups[i:])
	t.groups[i] = g
	return g
}

// Put buffers a new value of a key that the transaction locked NoKeyUpdate or Update before (unless flags has Entry). A
// key that it never locked is taken to be new: the commit fails with 40001 if it exists. A nil value is stored as an
// empty one.
func (t *Txn) Put(key Key, value []byte, flags WriteFlags) {
	if value == nil {
		value = []byte{}
	}
	t.write(key, op{value: value, entry: flags&Entry != 0, keeps: flags&KeepsKey != 0})
}

// Delete buffers the deletion of a key that the transaction locked Update before (unless flags has Entry).
func (t *Txn) Delete(key Key, flags WriteFlags) {
	if origin := t.write(key, op{entry: flags&Entry != 0}); origin != nil {
		t.moved(origin, gone)
	}
}

// write adds an operation. It returns the origin of the own row that the operation ends, nil when that is where it was.
func (t *Txn) write(key Key, o op) (ended *Key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.group(key.Group)
	var e *entry
	if o.entry {
		e = g.enter(key.Bytes) // few are written twice
	} else {
		e = g.entryFor(key.Bytes)
	}
	t.seq++
	o.seq = t.seq
	if e.mode == lock.None && g.prov.sent > 0 && !o.entry {
		if seen, ok := g.prov.seen(key.Bytes); ok {
			// Locked before an earlier operation, which has gone ahead with what was seen then.
			e.mode, e.seenTS, e.seenAbsent = lock.Update, seen.ts(), seen.absent()
			e.held.seq = t.seq // ROLLBACK TO leaves what went ahead, so that this lock need not go as well
		}
	}
	e.asked = 0
	if !o.keeps {
		if ended = e.origin; e.last != nil {
			ended = e.last.origin
		}
	}
	// Whoever reads between two operations of one statement reads the latest: the older one is then invisible for good.
	inPlace := e.last != nil && e.last.seq > t.stmtSeq && e.last.seq > t.savepoint()
	g.push(e, o, inPlace)
	if t.undoes() && !inPlace {
		t.undo = append(t.undo, undo{seq: t.seq, g: g, e: e, kind: undoOp})
	}
	return ended
}

// MarkShared notes that a foreign-key check relied on the key, which has this key version and was locked KeyShare.
func (t *Txn) MarkShared(key Key, seenKeyVersion topo.Timestamp) {
	t.mark(key, true, func(m *marks) { m.shared, m.sharedVersion = true, seenKeyVersion })
}

// MarkExclusive notes that the key, locked Update, is to be deleted or changed and that its children were scanned at f.
// The latest f counts.
func (t *Txn) MarkExclusive(key Key, f topo.Timestamp) {
	t.mark(key, false, func(m *marks) {
		m.exclusive = max(m.exclusive, f)
		if t.marked == 0 || f < t.marked {
			t.marked = f
		}
	})
}

// OnChildrenChanged sets what a commit does when the children of an exclusively marked key have changed since f: recheck
// runs with a later f, which the mark then takes. Without one, and when the mark went ahead, the commit fails with
// ErrChildrenChanged.
func (t *Txn) OnChildrenChanged(key Key, recheck Recheck) {
	t.mark(key, true, func(m *marks) { m.recheck = recheck })
}

// mark changes a key's marks. covered says that the mark adds nothing to an operation on the key that went ahead.
func (t *Txn) mark(key Key, covered bool, change func(*marks)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.group(key.Group)
	if covered && g.prov.sent > 0 && g.find(key.Bytes) == nil && g.prov.covers(key.Bytes) {
		return
	}
	e := g.entryFor(key.Bytes)
	t.seq++
	m := &marks{}
	if e.marks != nil {
		*m = *e.marks
	}
	change(m)
	if m.exclusive != 0 || m.moved != nil {
		g.marked++
	}
	if o := e.marks; o != nil && o.shared == m.shared && o.sharedVersion == m.sharedVersion &&
		o.exclusive == m.exclusive && o.moved == m.moved && m.recheck == nil {
		return
	}
	m.seq = t.seq
	g.bytes += entryOverhead
	if t.undoes() {
		t.undo = append(t.undo, undo{seq: t.seq, g: g, e: e, kind: undoMark, marks: e.marks})
	}
	e.marks = m
}

// ReadRange notes that a SERIALIZABLE transaction's result depends on [lo, hi) of a group at its snapshot. Get and Scan
// call it themselves. ROLLBACK TO keeps read ranges.
func (t *Txn) ReadRange(group topo.GroupID, lo, hi []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.group(group).ranges.add(lo, hi)
}

// Savepoint returns a point to which RollbackTo can return.
func (t *Txn) Savepoint() Savepoint {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.undoes() || t.savepoint() < t.seq {
		t.savepoints = append(t.savepoints, t.seq)
	}
	return Savepoint{seq: t.seq}
}

// undoes reports whether there may be a ROLLBACK TO. t.mu is held.
func (t *Txn) undoes() bool { return len(t.savepoints) > 0 }

// savepoint returns the number of the latest savepoint, 0 when there is none. t.mu is held.
func (t *Txn) savepoint() Seq {
	if n := len(t.savepoints); n > 0 {
		return t.savepoints[n-1]
	}
	return 0
}

// savepointBetween reports whether a ROLLBACK TO may drop number b and leave a, an earlier one, alone. t.mu is held.
func (t *Txn) savepointBetween(a, b Seq) bool {
	i, _ := slices.BinarySearch(t.savepoints, a)
	return i < len(t.savepoints) && t.savepoints[i] < b
}

// RollbackTo drops the operations, locks and marks after a savepoint; the savepoint stays. Read ranges and the snapshot
// stay too. The groups release the locks in the background; the transaction's next lock request waits for that.
func (t *Txn) RollbackTo(sp Savepoint) {
	t.mu.Lock()
	release := map[*groupBuffer][][]byte{}
	var order []*groupBuffer
	for len(t.undo) > 0 {
		u := &t.undo[len(t.undo)-1]
		if u.seq <= sp.seq {
			break
		}
		switch u.kind {
		case undoOp:
			u.g.pop(u.e)
		case undoMark:
			u.e.marks = u.marks
		case undoLock:
			u.e.held = u.held
			if u.held.mode == lock.None && !u.g.prov.held(u.e.key) { // or what went ahead relies on the lock
				if release[u.g] == nil {
					order = append(order, u.g)
				}
				release[u.g] = append(release[u.g], u.e.key)
			}
		}
		t.undo[len(t.undo)-1] = undo{}
		t.undo = t.undo[:len(t.undo)-1]
	}
	for t.undoes() && t.savepoint() > sp.seq {
		t.savepoints = t.savepoints[:len(t.savepoints)-1]
	}
	t.rollBackProvisions(sp.seq)
	// Numbers are never used twice: a later operation is not mistaken for one that was sent ahead and rolled back.
	t.seq++
	t.stmtSeq = t.seq
	before, done := t.unlocking, make(chan struct{})
	if len(order) > 0 {
		t.unlocking = done
	}
	t.mu.Unlock()
	if len(order) > 0 {
		t.releaseInBackground(order, release, before, done)
	}
}

// releaseInBackground unlocks keys after those of an earlier ROLLBACK TO (before, if any), and closes done.
func (t *Txn) releaseInBackground(order []*groupBuffer, keys map[*groupBuffer][][]byte, before <-chan struct{}, done chan<- struct{}) {
	t.m.background(func(ctx context.Context) {
		defer close(done)
		if before != nil {
			<-before
		}
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		parallel(len(order), func(i int) error {
			g := order[i]
			// A failure leaves the lock to the end of the transaction.
			_ = g.group.Unlock(ctx, unlockRequest(t.id, keys[g]))
			return nil
		})
	})
}

// HasWrites reports whether COMMIT has anything to propose.
func (t *Txn) HasWrites() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.hasWrites()
}

func (t *Txn) hasWrites() bool {
	for _, g := range t.groups {
		if g.ops > 0 || g.prov.sent > 0 {
			return true
		}
	}
	return false
}

// ready does what precedes any call to the groups: it waits for the unlocks of a ROLLBACK TO when locks is set, and sends
// operations ahead when the buffer is full.
func (t *Txn) ready(ctx context.Context, locks bool) error {
	t.mu.Lock()
	if t.phase == phaseEnded {
		t.mu.Unlock()
		return errEnded()
	}
	wait := t.unlocking
	full := false
	if t.phase == phaseActive {
		n := 0
		for _, g := range t.groups {
			n += g.bytes
		}
		full = n >= t.m.cfg.ProvisionBytes
	}
	t.mu.Unlock()
	if locks && wait != nil {
		select {
		case <-wait:
		case <-ctx.Done():
			return canceled(ctx)
		}
	}
	if full {
		return t.provision(ctx)
	}
	return nil
}
