package fsm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tidwall/btree"

	"github.com/pgmqdb/pgmqdb/shard/disk"
	"github.com/pgmqdb/pgmqdb/shard/mvcc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// State is everything that a replica of a group knows. See the package documentation.
//
// Locks, in the order in which they nest: flushMu, applyMu, mu.
type State struct {
	path   string
	opts   Options
	runOps int // see commitRun

	// flushMu admits one flush, or one recovery, at a time.
	flushMu sync.Mutex
	// applyMu is held by Apply, and by whoever needs the state to stand still between two entries.
	applyMu sync.Mutex
	// mu guards t and the pending index against readers. Only the holder of applyMu changes them, so it reads freely.
	mu sync.RWMutex
	t  tables

	// Derived from t: the keys of prepared items in order, those of wide prepares, prepares with provisional operations or
	// read ranges, and forgotten outcomes by timestamp.
	pendKeys   *btree.BTreeG[pendRef]
	pendHint   btree.PathHint // of the last change: items come in key order
	wide       wideIndex
	wideItems  int // see isWide
	bigPends   []*pending
	rangePends []*pending
	forgotten  outcomeHeap

	// What changed since the last flush began; see records.go.
	dirty         map[string]struct{}
	dirtyOutcomes []attemptID
	dirtyShares   []string

	view atomic.Pointer[view]
	seq  mvcc.Bound // of the command that is being applied
	// visible is the last command that was applied whole.
	visible      atomic.Uint64
	pendCount    atomic.Int64
	schemaMark   atomic.Uint64 // see SchemaMark; changed under mu
	intentCount  atomic.Int64
	horizon      atomic.Uint64
	applied      atomic.Uint64
	maxTS        atomic.Uint64
	flushedMaxTS topo.Timestamp // above every version on disk, or equal; guarded by applyMu

	frozen    *disk.Batch // being flushed, or to be flushed again after an error; guarded by flushMu
	sentAhead aheadBytes
	watchers  []func(topo.Timestamp, []Entry)
	entries   []Entry      // scratch for watchers
	scratch   []byte       // a value read by lookup
	seeker    *disk.Seeker // see file; of the view seekerOf
	seekerOf  *view
	// Reused by one-phase prepares.
	spareItems  []pendItem
	spareRanges []pendRange
	spareHeld   itemLists // of the others
	spareChunk  []byte

	digests   []*digestWaiter // see DigestAt; guarded by applyMu
	snapshots sync.Map        // of *Snapshot: prepared, and not yet being saved

	flusher flusher
	failed  atomic.Pointer[error]
	closed  atomic.Bool
}

// view is where versions are: newest in active, then frozen (nil when no flush runs), then the file. Replaced whole.
type view struct {
	active  *mvcc.Delta
	frozen  *mvcc.Delta
	disk    *disk.DB
	dropped []topo.StorageID // the storages whose entries are dead, wherever they still are
}

const defaultDeltaBytes = 64 << 20

// Open opens or creates the replica's file.
func Open(path string, opts Options) (*State, error) {
	if opts.MaxDeltaBytes <= 0 {
		opts.MaxDeltaBytes = defaultDeltaBytes
	}
	if opts.ReadOnly {
		opts.ManualFlush, opts.MaxDeltaBytes = true, math.MaxInt64
	}
	s := &State{path: path, opts: opts, runOps: defaultRunOps, wideItems: defaultWideItems}
	if err := s.load(); err != nil {
		return nil, err
	}
	s.flusher.init(s)
	return s, nil
}

// load opens the file and reads the tables from it.
func (s *State) load() error {
	db, err := disk.Open(s.path, disk.Options{InitialMmapBytes: s.opts.InitialMmapBytes, ReadOnly: s.opts.ReadOnly})
	if err != nil {
		return err
	}
	t := newTables()
	r, err := db.Reader()
	if err == nil {
		err = r.Records(t.decode)
		r.Release()
	}
	if t.version > Format {
		// Another release wrote it. That is no damage, and not for this one to repair.
		db.Close()
		return fmt.Errorf("%s: %w: %d", s.path, ErrFormat, t.version)
	}
	if err == nil && t.index != db.Meta().Index {
		err = fmt.Errorf("tables at index %d, file at %d", t.index, db.Meta().Index)
	}
	if err != nil {
		db.Close()
		if IsCorrupt(err) {
			return err
		}
		return &disk.CorruptError{Path: s.path, Err: err}
	}
	s.install(t, db)
	return nil
}

// install makes t the tables, and an empty delta over db the versions.
func (s *State) install(t tables, db *disk.DB) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.t = t
	s.pendKeys = btree.NewBTreeGOptions(pendRefLess, btree.Options{NoLocks: true, Degree: 16})
	s.wide = newWideIndex()
	s.bigPends, s.rangePends, s.forgotten = nil, nil, nil
	s.dirty = map[string]struct{}{}
	s.dirtyOutcomes, s.dirtyShares = nil, nil
	s.pendCount.Store(0)
	for _, id := range sortedTxns(t.pendings) {
		s.linkPending(t.pendings[id])
	}
	for id, o := range t.outcomes {
		if o.forgotten {
			s.forgotten.push(o.ts, id)
		}
	}
	s.markSchema()
	s.intentCount.Store(int64(len(t.intents)))
	s.sentAhead.reset(t.intents)
	s.horizon.Store(uint64(t.horizon))
	s.applied.Store(t.index)
	s.maxTS.Store(uint64(t.maxTS))
	s.flushedMaxTS = t.maxTS
	s.frozen = nil
	s.view.Store(&view{active: mvcc.New(), disk: db, dropped: t.dropped})
}

func sortedTxns[V any](m map[topo.TxnID]V) []topo.TxnID {
	ids := make([]topo.TxnID, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b topo.TxnID) int { return attemptID{txn: a}.compare(attemptID{txn: b}) })
	return ids
}

// IsCorrupt reports whether err says that stored bytes are damaged: the replica is to be rebuilt.
func IsCorrupt(err error) bool {
	var c *disk.CorruptError
	return errors.As(err, &c)
}

// AppliedIndex returns the index of the last applied entry.
func (s *State) AppliedIndex() uint64 { return s.applied.Load() }

// DurableIndex returns the index that a restart replays from.
func (s *State) DurableIndex() uint64 { return s.view.Load().disk.Meta().Index }

// Horizon returns the logged garbage-collection horizon.
func (s *State) Horizon() topo.Timestamp { return topo.Timestamp(s.horizon.Load()) }

// MaxTS returns the highest commit timestamp applied.
func (s *State) MaxTS() topo.Timestamp { return topo.Timestamp(s.maxTS.Load()) }

// Lease returns the logged lease.
func (s *State) Lease() LeaseInfo {
	s.mu.RLock()
	defer s.mu.RUnlock()
	l := s.t.lease
	l.Released = s.t.released != nil
	return l
}

// Released returns what the last holder handed over with the lease, nil unless the lease is released. It must not be
// changed.
func (s *State) Released() *Release {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.t.released
}

// ClusterVersion returns the newest command format that the group admits.
func (s *State) ClusterVersion() uint8 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.t.version
}

// MaxAttempts bounds the attempts of a transaction's commit.
const MaxAttempts = 16

// TableSchema returns what the group knows of a table's versions for a read at ts.
func (s *State) TableSchema(id topo.TableID, ts topo.Timestamp) TableSchema {
	s.mu.RLock()
	defer s.mu.RUnlock()
	st, known := s.t.schema[id]
	if !known {
		return TableSchema{}
	}
	out := TableSchema{Version: st.version}
	if st.fenced {
		f := st.info(id)
		out.Fence = &f
		for a := st.attempt; a < st.attempt+MaxAttempts; a++ {
			o := s.t.outcomes[attemptID{st.txn, a}]
			out.Published = out.Published || o.code == OutcomeCommitted && o.ts <= ts
		}
	}
	return out
}

// SchemaMark changes with every change of a table's version or fence, and is odd while any fence is up. What a read found
// of tables before it began holds for what it has read if the mark is even and the same after it.
func (s *State) SchemaMark() uint64 { return s.schemaMark.Load() }

// markSchema follows a change of t.schema. s.mu is held.
func (s *State) markSchema() {
	next := s.schemaMark.Load()&^1 + 2
	for _, st := range s.t.schema {
		if st.fenced {
			next |= 1
			break
		}
	}
	s.schemaMark.Store(next)
}

func (st *tableState) info(id topo.TableID) FenceInfo {
	return FenceInfo{Table: id, Version: st.next, Txn: st.txn, Attempt: st.attempt, Primary: st.primary}
}

// Fences lists the raised fences by table.
func (s *State) Fences() []FenceInfo {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []FenceInfo
	for id, st := range s.t.schema {
		if st.fenced {
			out = append(out, st.info(id))
		}
	}
	slices.SortFunc(out, func(a, b FenceInfo) int { return int(int64(a.Table) - int64(b.Table)) })
	return out
}

// Outcome reports what the state knows of an attempt.
func (s *State) Outcome(txn topo.TxnID, attempt topo.Attempt) OutcomeInfo {
	s.mu.RLock()
	defer s.mu.RUnlock()
	id := attemptID{txn, attempt}
	if o, ok := s.t.outcomes[id]; ok {
		info := OutcomeInfo{Code: o.code, Primary: o.primary, Participants: slices.Clone(s.t.members[id])}
		if o.code == OutcomeCommitted {
			info.TS = o.ts
		}
		return info
	}
	if p := s.t.pendings[txn]; p != nil && p.attempt == attempt {
		return OutcomeInfo{Code: OutcomePrepared, TS: p.min, Primary: p.primary, Participants: slices.Clone(p.participants)}
	}
	return OutcomeInfo{}
}

// PendingList lists the prepared attempts, ordered by transaction.
func (s *State) PendingList() []PendingInfo {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]PendingInfo, 0, len(s.t.pendings))
	for _, id := range sortedTxns(s.t.pendings) {
		p := s.t.pendings[id]
		out = append(out, PendingInfo{Txn: p.txn, Attempt: p.attempt, Primary: p.primary, Min: p.min,
			Participants: slices.Clone(p.participants), Keys: len(p.items) + len(p.ranges) + len(p.net)})
	}
	return out
}

// ProvisionalTxns lists the transactions that hold provisional operations, in order.
func (s *State) ProvisionalTxns() []topo.TxnID {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return sortedTxns(s.t.intents)
}

// Sequence returns a sequence's logged state.
func (s *State) Sequence(id topo.StorageID) (SequenceState, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	q, ok := s.t.sequences[id]
	return q, ok
}

// DeltaBytes returns about how many bytes were applied and not yet flushed.
func (s *State) DeltaBytes() int64 {
	v := s.view.Load()
	n := v.active.Bytes()
	if v.frozen != nil {
		n += v.frozen.Bytes()
	}
	return n
}

// DiskBytes returns the size of the replica's file.
func (s *State) DiskBytes() int64 { return s.view.Load().disk.Size() }

// Watch registers fn, called by Apply for every committed batch of writes, in apply order; a deletion has a nil Value.
// The slices are valid during the call only. Register before the first Apply.
func (s *State) Watch(fn func(ts topo.Timestamp, entries []Entry)) {
	s.applyMu.Lock()
	defer s.applyMu.Unlock()
	s.watchers = append(s.watchers, fn)
}

// Check scrubs the file: order, checksums, counts.
func (s *State) Check(ctx context.Context) error { return s.view.Load().disk.Check(ctx) }

// Close stops the background flush and closes the file. What was not flushed replays from the log.
func (s *State) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.flusher.stop()
	s.flushMu.Lock()
	defer s.flushMu.Unlock()
	s.releaseSnapshots()
	return s.view.Load().disk.Close()
}

func (s *State) fail(err error) error {
	s.failed.CompareAndSwap(nil, &err)
	return err
}

func (s *State) failure() error {
	if s.closed.Load() {
		return ErrClosed
	}
	if p := s.failed.Load(); p != nil {
		return *p
	}
	return nil
}

// linkPending and unlinkPending keep what is derived from t.pendings. The caller holds mu.
func (s *State) linkPending(p *pending) {
	if p.wide = s.isWide(p); p.wide {
		s.wide.link(p)
	} else {
		for i := range p.items {
			s.pendKeys.SetHint(pendRef{p.items[i].key, p, i}, &s.pendHint)
		}
	}
	if p.provisioned {
		s.bigPends = append(s.bigPends, p)
	}
	if len(p.ranges) > 0 {
		s.rangePends = append(s.rangePends, p)
	}
	s.pendCount.Add(1)
}

func (s *State) unlinkPending(p *pending) {
	if p.wide {
		s.wide.unlink(p)
	} else {
		for i := range p.items {
			s.pendKeys.DeleteHint(pendRef{p.items[i].key, p, i}, &s.pendHint)
		}
	}
	same := func(q *pending) bool { return q == p }
	if p.provisioned {
		s.bigPends = slices.DeleteFunc(s.bigPends, same)
	}
	if len(p.ranges) > 0 {
		s.rangePends = slices.DeleteFunc(s.rangePends, same)
	}
	s.pendCount.Add(-1)
}

// eachPending calls fn for every item and net operation on key, of any transaction but own, until it returns false.
func (s *State) eachPending(key []byte, own topo.TxnID, fn func(p *pending, it *pendItem) bool) {
	stop, found := false, false
	if len(s.wide.prepares) > 0 {
		var few [8]pendRef
		if wide := s.wide.appendItems(few[:0], key, own); len(wide) > 0 {
			stop, found = !s.eachOf(wide, key, own, fn), true
		}
	}
	if !found && s.pendKeys.Len() > 0 {
		s.pendKeys.Ascend(pendRef{key: key}, func(r pendRef) bool {
			if !bytes.Equal(r.key, key) {
				return false
			}
			if r.p.txn != own && !fn(r.p, &r.p.items[r.item]) {
				stop = true
			}
			return !stop
		})
	}
	for _, p := range s.bigPends {
		if stop || p.txn == own {
			continue
		}
		for i := p.netSearch(key); i < len(p.net) && !stop; i++ {
			op := p.in.op(p.net[i])
			if !bytes.Equal(op.Item.Key, key) {
				break
			}
			it := pendItem{kind: op.Item.Kind, mode: conflictMode(&op.Item), key: key, value: op.Item.Value}
			stop = !fn(p, &it)
		}
	}
}

// eachOf calls fn for items of wide prepares on key and those of others, in the order that they all would have in the tree.
func (s *State) eachOf(refs []pendRef, key []byte, own topo.TxnID, fn func(p *pending, it *pendItem) bool) bool {
	s.pendKeys.Ascend(pendRef{key: key}, func(r pendRef) bool {
		if !bytes.Equal(r.key, key) {
			return false
		}
		if r.p.txn != own {
			refs = append(refs, r)
		}
		return true
	})
	slices.SortFunc(refs, func(a, b pendRef) int {
		if pendRefLess(a, b) {
			return -1
		}
		return 1
	})
	for _, r := range refs {
		if !fn(r.p, &r.p.items[r.item]) {
			return false
		}
	}
	return true
}

// outcomeHeap orders forgotten outcomes by the timestamp that the horizon must reach. Its order among equals does not
// show: all of them go.
type outcomeHeap []heapItem

type heapItem struct {
	ts topo.Timestamp
	id attemptID
}

func (h *outcomeHeap) push(ts topo.Timestamp, id attemptID) {
	*h = append(*h, heapItem{ts, id})
	a := *h
	for i := len(a) - 1; i > 0; {
		up := (i - 1) / 2
		if a[up].ts <= a[i].ts {
			return
		}
		a[up], a[i] = a[i], a[up]
		i = up
	}
}

func (h *outcomeHeap) pop() {
	a := *h
	n := len(a) - 1
	a[0] = a[n]
	a = a[:n]
	*h = a
	for i := 0; ; {
		c := 2*i + 1
		if c >= n {
			return
		}
		if c+1 < n && a[c+1].ts < a[c].ts {
			c++
		}
		if a[i].ts <= a[c].ts {
			return
		}
		a[i], a[c] = a[c], a[i]
		i = c
	}
}
