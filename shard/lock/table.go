package lock

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// TableKey is the key of a table's lock.
func TableKey(id topo.TableID) [4]byte {
	var k [4]byte
	binary.BigEndian.PutUint32(k[:], uint32(id))
	return k
}

// AdvisoryKey is the key of an advisory lock in a database: pg_advisory_lock(int8) has its halves in class and object
// and sub = 1; pg_advisory_lock(int4, int4) has sub = 2, as pg_locks shows them.
func AdvisoryKey(database, class, object uint32, sub uint16) [14]byte {
	var k [14]byte
	binary.BigEndian.PutUint32(k[0:], database)
	binary.BigEndian.PutUint32(k[4:], class)
	binary.BigEndian.PutUint32(k[8:], object)
	binary.BigEndian.PutUint16(k[12:], sub)
	return k
}

// Entry is a line of pg_locks.
type Entry struct {
	Owner   topo.TxnID
	Class   string
	Key     []byte
	Mode    Mode
	Name    string // of the mode
	Granted bool
	Since   time.Time // when a wait began; zero for a lock that is held
}

// Holder is one owner of a key.
type Holder struct {
	Owner topo.TxnID
	Modes ModeSet
}

// Held returns the modes that owner holds of key.
func (m *Manager) Held(owner topo.TxnID, key []byte) ModeSet {
	hash := maphash.Bytes(m.seed, key)
	ks := m.keyShard(hash)
	ks.mu.Lock()
	defer ks.mu.Unlock()
	if h := ks.find(hash, key); h != nil {
		if mine := h.find(owner); mine != nil {
			return mine.modes
		}
	} else if l, ok := ks.packs.find(hash, key); ok && m.packers.owner(l.owner) == owner {
		return l.modes
	}
	return 0
}

// Holders returns who holds key.
func (m *Manager) Holders(key []byte) []Holder {
	hash := maphash.Bytes(m.seed, key)
	ks := m.keyShard(hash)
	ks.mu.Lock()
	defer ks.mu.Unlock()
	var out []Holder
	if h := ks.find(hash, key); h != nil {
		for o := h.holds; o != nil; o = o.hnext {
			if o.modes != 0 {
				out = append(out, Holder{o.owner, o.modes})
			}
		}
	} else if l, ok := ks.packs.find(hash, key); ok {
		out = append(out, Holder{m.packers.owner(l.owner), l.modes})
	}
	return out
}

// List returns everything held and awaited. Keys are seen at slightly different times.
func (m *Manager) List() []Entry {
	var out []Entry
	for i := range m.keys {
		ks := &m.keys[i]
		ks.mu.Lock()
		ks.heads.all(func(h *head) bool {
			out = m.listHead(out, h)
			return true
		})
		m.eachPacked(ks, func(owner topo.TxnID, key []byte, modes ModeSet) bool {
			key = bytes.Clone(key)
			for mode := Mode(1); mode <= maxMode; mode++ {
				if modes.Has(mode) {
					out = append(out, Entry{Owner: owner, Class: m.class.Name, Key: key, Mode: mode, Name: m.class.Modes[mode],
						Granted: true})
				}
			}
			return true
		})
		ks.mu.Unlock()
	}
	return out
}

func (m *Manager) listHead(out []Entry, h *head) []Entry {
	key := append([]byte(nil), h.key...)
	e := Entry{Class: m.class.Name, Key: key, Granted: true}
	for o := h.holds; o != nil; o = o.hnext {
		for mode := Mode(1); mode <= maxMode; mode++ {
			if o.modes.Has(mode) {
				e.Owner, e.Mode, e.Name = o.owner, mode, m.class.Modes[mode]
				out = append(out, e)
			}
		}
	}
	e.Granted = false
	for w := h.qfirst; w != nil; w = w.next {
		e.Owner, e.Mode, e.Name, e.Since = w.owner, w.mode, m.class.Modes[w.mode], w.since
		out = append(out, e)
	}
	return out
}

// Blocking implements Source.
func (m *Manager) Blocking(owner topo.TxnID) bool {
	os := m.ownerShard(owner)
	os.mu.Lock()
	defer os.mu.Unlock()
	ol := os.owners[owner]
	if ol == nil {
		return false
	}
	n := 0
	for mine := ol.first; mine != nil; mine = mine.onext {
		if n++; n > maxBlockingScan {
			return true
		}
		ks := m.keyShard(mine.head.hash)
		ks.mu.Lock()
		blocking := mine.head.qfirst != nil
		if mine.modes == 0 {
			// Only a request of the owner's is here: it is in the way of those queued behind it.
			blocking = mine.head.qlast != nil && mine.head.qlast.hold != mine
		}
		ks.mu.Unlock()
		if blocking {
			return true
		}
	}
	return false
}

// Clear empties the table; whoever waits gets ErrDropped. A leaseholder that lost its lease calls it: the next holder
// starts with no locks, and the versions that prepares carry keep everything safe (rule R1).
func (m *Manager) Clear() {
	for i := range m.owners {
		m.owners[i].mu.Lock()
	}
	for i := range m.keys {
		ks := &m.keys[i]
		ks.mu.Lock()
		ks.heads.all(func(h *head) bool {
			for h.qfirst != nil {
				h.qfirst.leave(failed, ErrDropped)
			}
			return true
		})
		ks.heads.clear()
		ks.packs = nil
		ks.mu.Unlock()
	}
	m.packers.mu.Lock()
	m.packers.owners, m.packers.free = nil, nil
	m.packers.mu.Unlock()
	for i := range m.owners {
		clear(m.owners[i].owners)
		m.owners[i].last = nil
		m.owners[i].mu.Unlock()
	}
}

func (ks *keyShard) find(hash uint64, key []byte) *head { return ks.heads.find(hash, key) }

const (
	// maxPooledKey keeps long keys' buffers out of the free lists.
	maxPooledKey = 256
	// maxPooled bounds each free list of a shard.
	maxPooled = 128
)

func (ks *keyShard) newHead(hash uint64, key []byte) *head {
	h := ks.freeHeads
	if h == nil {
		h = &head{}
	} else {
		ks.freeHeads = h.next
		ks.pooledHeads--
	}
	h.key = append(h.key[:0], key...)
	h.hash = hash
	ks.heads.add(h)
	return h
}

// freeIfIdle removes a head that nobody holds or waits for.
func (ks *keyShard) freeIfIdle(h *head) {
	if h.holds != nil || h.qfirst != nil {
		return
	}
	ks.heads.remove(h)
	if ks.pooledHeads >= maxPooled {
		return
	}
	key := h.key
	if cap(key) > maxPooledKey {
		key = nil
	}
	*h = head{key: key, next: ks.freeHeads}
	ks.freeHeads = h
	ks.pooledHeads++
}

func (ks *keyShard) newHold(h *head, owner topo.TxnID) *hold {
	o := ks.freeHolds
	if o == nil {
		o = &hold{}
	} else {
		ks.freeHolds = o.hnext
		ks.pooledHolds--
	}
	o.head, o.owner, o.hnext = h, owner, h.holds
	if h.holds != nil {
		h.holds.hprev = o
	}
	h.holds = o
	return o
}

func (ks *keyShard) freeHold(o *hold) {
	if o.hprev == nil {
		o.head.holds = o.hnext
	} else {
		o.hprev.hnext = o.hnext
	}
	if o.hnext != nil {
		o.hnext.hprev = o.hprev
	}
	if ks.pooledHolds >= maxPooled {
		return
	}
	*o = hold{hnext: ks.freeHolds}
	ks.freeHolds = o
	ks.pooledHolds++
}

func (h *head) find(owner topo.TxnID) *hold {
	o := h.holds
	for o != nil && o.owner != owner {
		o = o.hnext
	}
	return o
}

// find returns what an owner has; nil: nothing. Most requests come from the owner that the one before came from.
func (os *ownerShard) find(owner topo.TxnID) *ownerLocks {
	if os.last == nil || os.lastOwner != owner {
		os.last, os.lastOwner = os.owners[owner], owner
	}
	return os.last
}

func (os *ownerShard) link(o *hold) {
	ol := os.find(o.owner)
	if ol == nil {
		if ol = os.free; ol == nil {
			ol = &ownerLocks{}
		} else {
			os.free = ol.next
		}
		ol.next = nil
		os.owners[o.owner] = ol
		os.last = ol
	}
	o.list = ol
	ol.taken++
	o.onext = ol.first
	if ol.first != nil {
		ol.first.oprev = o
	}
	ol.first = o
}

// unlink takes a hold off its owner's list and returns the list when it was the last.
func (os *ownerShard) unlink(o *hold) *ownerLocks {
	if o.onext != nil {
		o.onext.oprev = o.oprev
	}
	if o.oprev != nil {
		o.oprev.onext = o.onext
		return nil
	}
	ol := o.list
	ol.first = o.onext
	if ol.first != nil {
		return nil
	}
	return ol
}
