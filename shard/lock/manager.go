package lock

// A Manager has two kinds of shards. A key shard guards the heads (one per locked or awaited key) whose hash falls into
// it, with their queues and the modes that are held. An owner shard guards the lists of what each owner holds, so that
// ReleaseAll costs what the owner has, not what the table has.
//
// Order of the mutexes: owner shard, then key shard, never two of a kind (but for Clear, which takes all). A release
// grants waiters under the key shard alone: a waiter's hold was put on its owner's list when it was queued, with no mode
// held yet, so a grant touches no owner shard. The wait graph is called with no mutex held, and calls back.
//
// The queue is PostgreSQL's (ProcSleep, ProcLockWakeup): a request that conflicts with a request waiting ahead queues
// behind it, so that nobody starves; but an owner that holds the lock already goes before the first waiter that it
// blocks, since that one could not move first.

import (
	"context"
	"errors"
	"hash/maphash"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Errors of Acquire, besides *Deadlock and the context's cause.
var (
	ErrNotAvailable = errors.New("lock: not available")              // NoWait or SkipLocked
	ErrTimeout      = errors.New("lock: not granted within timeout") // Options.Timeout passed
	ErrDropped      = errors.New("lock: table dropped")              // Clear was called: the lease moved
)

const (
	numShards = 128
	// maxBlockingScan bounds the locks that Blocking looks at before it answers true.
	maxBlockingScan = 64
	// releaseChunk bounds the locks released under one hold of an owner shard.
	releaseChunk = 256
)

// Manager is a lock table. Create it with New.
type Manager struct {
	class  Class
	graph  WaitGraph
	seed   maphash.Seed
	keys   [numShards]keyShard
	owners [numShards]ownerShard

	packFrom int
	packers  packers
}

type keyShard struct {
	mu        sync.Mutex
	heads     headTable
	packs     *packs // nil when there are none
	freeHeads *head
	freeHolds *hold
	// Lengths of the free lists: what a bulk load locked is not kept for ever.
	pooledHeads, pooledHolds int32
}

type ownerShard struct {
	mu     sync.Mutex
	owners map[topo.TxnID]*ownerLocks
	free   *ownerLocks
	// last is the locks of lastOwner, which were looked for last; nil: nothing is known.
	last      *ownerLocks
	lastOwner topo.TxnID
	_         [8]byte
}

// ownerLocks is what one owner holds or waits for; guarded by the owner shard.
type ownerLocks struct {
	first  *hold
	taken  int         // how many were put on the list, ever
	packed int         // locks that are packed
	number uint16      // the owner's among those with packed locks; 0: none yet
	next   *ownerLocks // in the free list
}

// head is one key's lock; guarded by its key shard.
type head struct {
	key        []byte
	hash       uint64
	next       *head // in its bucket, or free list
	grantedSet ModeSet
	granted    [maxMode + 1]int32 // owners that hold the mode
	holds      *hold
	qfirst     *waiter
	qlast      *waiter
}

// hold is what one owner holds of one head: nothing yet (modes == 0) while its first request waits. The h links and the
// modes are guarded by the key shard, the o links by the owner shard; it is made and freed under both.
type hold struct {
	head         *head
	list         *ownerLocks // that it is on
	owner        topo.TxnID
	modes        ModeSet
	waiting      int32 // requests of this owner in head's queue
	counts       [maxMode + 1]uint32
	hnext, hprev *hold
	onext, oprev *hold
}

// Options qualify a request. The zero value (or nil) waits for ever.
type Options struct {
	Policy  WaitPolicy
	Timeout time.Duration // 0: none
	// OnWait is called before the first wait with those who hold the lock.
	OnWait func(holders []topo.TxnID)
}

// New returns an empty manager of a class.
func New(class Class, graph WaitGraph) *Manager {
	m := &Manager{class: class, graph: graph, seed: maphash.MakeSeed(), packFrom: packFrom}
	for i := range m.keys {
		m.owners[i].owners = map[topo.TxnID]*ownerLocks{}
	}
	if graph != nil {
		graph.AddSource(m)
	}
	return m
}

func (m *Manager) ownerShard(o topo.TxnID) *ownerShard {
	h := o.Seq*0x9e3779b97f4a7c15 ^ uint64(o.Node)*0xff51afd7ed558ccd
	return &m.owners[(h>>40)%numShards]
}

func (m *Manager) keyShard(hash uint64) *keyShard { return &m.keys[hash%numShards] }

// Acquire takes a lock for owner, waiting by the options. The key is copied. waited reports whether it was not free at
// once. On an error the owner holds no more than before.
func (m *Manager) Acquire(ctx context.Context, owner topo.TxnID, key []byte, mode Mode, opt *Options) (waited bool, err error) {
	hash := maphash.Bytes(m.seed, key)
	os, ks := m.ownerShard(owner), m.keyShard(hash)
	var h *head
	for {
		os.mu.Lock()
		ks.mu.Lock()
		if h = ks.find(hash, key); h != nil {
			break
		}
		done, other := m.acquirePacked(os, ks, owner, hash, key, mode)
		if !done && other == (topo.TxnID{}) {
			h = ks.newHead(hash, key)
			break
		}
		ks.mu.Unlock()
		os.mu.Unlock()
		if done {
			return false, nil
		}
		m.unpack(other, hash, key)
	}
	mine := h.find(owner)
	before, ok := m.grantable(h, mine, mode)
	if ok {
		if mine == nil {
			mine = ks.newHold(h, owner)
			os.link(mine)
		}
		h.grant(mine, mode)
		ks.mu.Unlock()
		os.mu.Unlock()
		return false, nil
	}
	if opt != nil && (opt.Policy == NoWait || opt.Policy == SkipLocked) {
		ks.freeIfIdle(h)
		ks.mu.Unlock()
		os.mu.Unlock()
		return false, ErrNotAvailable
	}
	if mine == nil {
		mine = ks.newHold(h, owner)
		os.link(mine)
	}
	w := &waiter{m: m, shard: ks, head: h, hold: mine, owner: owner, mode: mode, done: make(chan struct{}), since: time.Now()}
	mine.waiting++
	h.enqueue(w, before)
	ks.mu.Unlock()
	os.mu.Unlock()
	return true, w.await(ctx, opt)
}

// grantable decides a request: at once, or before which waiter it queues (nil: at the end).
func (m *Manager) grantable(h *head, mine *hold, mode Mode) (before *waiter, ok bool) {
	conflicts := m.class.Conflicts[mode]
	var held ModeSet
	if mine != nil {
		held = mine.modes
	}
	if held != 0 && m.covered(held, mode) {
		return nil, true
	}
	free := !h.conflictsWithOthers(mine, conflicts)
	if h.qfirst == nil {
		return nil, free
	}
	var ahead ModeSet
	for w := h.qfirst; w != nil; w = w.next {
		if w.hold != mine && m.class.Conflicts[w.mode]&held != 0 {
			// w waits for this owner, who therefore goes first.
			return w, free && ahead&conflicts == 0
		}
		if w.hold != mine {
			ahead |= 1 << w.mode
		}
	}
	return nil, free && ahead&conflicts == 0
}

// covered reports whether a mode adds nothing to the modes held.
func (m *Manager) covered(held ModeSet, mode Mode) bool {
	if held.Has(mode) {
		return true
	}
	for o := Mode(1); o <= maxMode; o++ {
		if held.Has(o) && m.class.Conflicts[mode]&^m.class.Conflicts[o] == 0 {
			return true
		}
	}
	return false
}

// conflictsWithOthers reports whether an owner other than mine's holds one of the modes.
func (h *head) conflictsWithOthers(mine *hold, conflicts ModeSet) bool {
	both := h.grantedSet & conflicts
	if both == 0 {
		return false
	}
	if mine == nil || mine.modes&both == 0 {
		return true
	}
	for o := Mode(1); o <= maxMode; o++ {
		if both.Has(o) {
			n := h.granted[o]
			if mine.modes.Has(o) {
				n--
			}
			if n > 0 {
				return true
			}
		}
	}
	return false
}

func (h *head) grant(mine *hold, mode Mode) {
	mine.counts[mode]++
	if !mine.modes.Has(mode) {
		mine.modes |= 1 << mode
		h.granted[mode]++
		h.grantedSet |= 1 << mode
	}
}

// revoke takes modes from a hold altogether.
func (h *head) revoke(mine *hold, modes ModeSet) {
	for o := Mode(1); o <= maxMode; o++ {
		if mine.modes&modes&(1<<o) != 0 {
			mine.counts[o] = 0
			h.granted[o]--
			if h.granted[o] == 0 {
				h.grantedSet &^= 1 << o
			}
		}
	}
	mine.modes &^= modes
}

// Release drops everything that owner holds of key.
func (m *Manager) Release(owner topo.TxnID, key []byte) {
	m.release(owner, key, ^ModeSet(0), func(h *head, mine *hold) bool {
		h.revoke(mine, mine.modes)
		return true
	})
}

// ReleaseMode undoes one Acquire of a mode. It reports whether owner held it.
func (m *Manager) ReleaseMode(owner topo.TxnID, key []byte, mode Mode) bool {
	return m.release(owner, key, 1<<mode, func(h *head, mine *hold) bool {
		if !mine.modes.Has(mode) {
			return false
		}
		if m.class.Counted && mine.counts[mode] > 1 {
			mine.counts[mode]--
			return true
		}
		h.revoke(mine, 1<<mode)
		return true
	})
}

func (m *Manager) release(owner topo.TxnID, key []byte, modes ModeSet, drop func(*head, *hold) bool) bool {
	hash := maphash.Bytes(m.seed, key)
	os, ks := m.ownerShard(owner), m.keyShard(hash)
	os.mu.Lock()
	defer os.mu.Unlock()
	ks.mu.Lock()
	defer ks.mu.Unlock()
	h := ks.find(hash, key)
	if h == nil {
		return m.releasePackedKey(os, ks, owner, hash, key, modes)
	}
	mine := h.find(owner)
	if mine == nil || !drop(h, mine) {
		return false
	}
	m.wake(h)
	m.settle(os, ks, mine)
	return true
}

// settle frees a hold that holds nothing and waits for nothing, and its head when that was the last. Both shards are
// locked.
func (m *Manager) settle(os *ownerShard, ks *keyShard, mine *hold) {
	if mine.modes != 0 || mine.waiting > 0 {
		return
	}
	h := mine.head
	if ol := os.unlink(mine); ol != nil {
		m.forgetIdle(os, mine.owner, ol)
	}
	ks.freeHold(mine)
	ks.freeIfIdle(h)
}

// ReleaseAll drops everything that owner holds.
func (m *Manager) ReleaseAll(owner topo.TxnID) { m.ReleaseModes(owner, ^ModeSet(0)) }

// ReleaseModes drops the modes given wherever owner holds them, however often it acquired them.
func (m *Manager) ReleaseModes(owner topo.TxnID, modes ModeSet) {
	os := m.ownerShard(owner)
	for {
		for m.releaseSome(os, owner, modes) {
		}
		if !m.releasePacked(os, owner, modes) || modes != ^ModeSet(0) {
			return
		}
	}
}

// releaseSome releases up to releaseChunk locks and reports whether there may be more. When only some modes go, the
// holds that stay would be walked again, so it is all one chunk.
func (m *Manager) releaseSome(os *ownerShard, owner topo.TxnID, modes ModeSet) bool {
	os.mu.Lock()
	defer os.mu.Unlock()
	ol := os.find(owner)
	if ol == nil {
		return false
	}
	released := 0
	for mine := ol.first; mine != nil; {
		next := mine.onext
		ks := m.keyShard(mine.head.hash)
		ks.mu.Lock()
		if mine.modes&modes != 0 {
			mine.head.revoke(mine, modes)
			m.wake(mine.head)
			m.settle(os, ks, mine)
			released++
		}
		ks.mu.Unlock()
		if released == releaseChunk && modes == ^ModeSet(0) && next != nil {
			return true
		}
		mine = next
	}
	return false
}
