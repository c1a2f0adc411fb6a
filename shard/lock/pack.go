package lock

import (
	"bytes"
	"encoding/binary"
	"math"
	"sync"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// An owner of very many locks (a bulk load) holds most of them alone and unawaited. Beyond the first packFrom they are
// packed: a map entry of 16 bytes and the key's own bytes, instead of a head and a hold. The request of anyone else for
// such a key unpacks it first.
//
// Invariant: a key is packed, or it has a head, or neither; never both. A packed lock has one owner and no waiters.

// packFrom is how many locks an owner takes before further ones are packed.
const packFrom = 512

// packed is one lock. owner is its number among the owners of packed locks.
type packed struct {
	off   uint32 // of the key in keys
	owner uint16
	modes ModeSet
}

// packs is a key shard's packed locks, by the hash of the key.
type packs struct {
	locks map[uint64]packed
	keys  []byte // each with its length before it; those of released locks stay until half of it is theirs
	live  int
}

// packers numbers the owners of packed locks, in a whole manager.
type packers struct {
	mu     sync.Mutex
	owners []topo.TxnID // by number - 1
	free   []uint16
}

// number returns a new number for owner, 0 when there are none left.
func (p *packers) number(owner topo.TxnID) uint16 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		id := p.free[n-1]
		p.free = p.free[:n-1]
		p.owners[id-1] = owner
		return id
	}
	if len(p.owners) == math.MaxUint16 {
		return 0
	}
	p.owners = append(p.owners, owner)
	return uint16(len(p.owners))
}

func (p *packers) owner(id uint16) topo.TxnID {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.owners[id-1]
}

func (p *packers) release(id uint16) {
	p.mu.Lock()
	p.free = append(p.free, id)
	p.mu.Unlock()
}

func (p *packs) key(l packed) []byte {
	n, size := binary.Uvarint(p.keys[l.off:])
	at := int(l.off) + size
	return p.keys[at : at+int(n) : at+int(n)]
}

// find returns the packed lock of a key. p may be nil.
func (p *packs) find(hash uint64, key []byte) (packed, bool) {
	if p == nil {
		return packed{}, false
	}
	l, ok := p.locks[hash]
	return l, ok && bytes.Equal(p.key(l), key)
}

// add stores a lock; false when the hash is another key's, or the keys have grown too long.
func (p *packs) add(hash uint64, key []byte, owner uint16, mode Mode) bool {
	if _, taken := p.locks[hash]; taken || len(p.keys)+len(key) > math.MaxInt32 {
		return false
	}
	off := len(p.keys)
	p.keys = append(binary.AppendUvarint(p.keys, uint64(len(key))), key...)
	p.live += len(p.keys) - off
	p.locks[hash] = packed{uint32(off), owner, 1 << mode}
	return true
}

func (p *packs) remove(hash uint64, l packed) {
	n := len(p.key(l))
	p.live -= n + uvarintLen(uint64(n))
	delete(p.locks, hash)
}

func uvarintLen(n uint64) (size int) {
	for size = 1; n >= 0x80; size++ {
		n >>= 7
	}
	return size
}

// tidyPacks gives back what released locks took. The shard is locked.
func (ks *keyShard) tidyPacks() {
	p := ks.packs
	switch {
	case len(p.locks) == 0:
		ks.packs = nil
	case len(p.keys) > 4096 && p.live < len(p.keys)/2:
		next := packs{locks: make(map[uint64]packed, len(p.locks)), keys: make([]byte, 0, p.live), live: p.live}
		for hash, l := range p.locks {
			key := p.key(l)
			l.off = uint32(len(next.keys))
			next.keys = append(binary.AppendUvarint(next.keys, uint64(len(key))), key...)
			next.locks[hash] = l
		}
		ks.packs = &next
	}
}

// acquirePacked grants a request for a key without a head, if it is packed for the owner already or can be. other is set
// when it is another owner's: then it has to be unpacked first. Both shards are locked.
func (m *Manager) acquirePacked(os *ownerShard, ks *keyShard, owner topo.TxnID, hash uint64, key []byte, mode Mode) (done bool, other topo.TxnID) {
	if l, ok := ks.packs.find(hash, key); ok {
		if holder := m.packers.owner(l.owner); holder != owner {
			return false, holder
		}
		if !l.modes.Has(mode) {
			l.modes |= 1 << mode
			ks.packs.locks[hash] = l
		}
		return true, topo.TxnID{}
	}
	ol := os.find(owner)
	if ol == nil || ol.taken < m.packFrom || m.class.Counted {
		return false, topo.TxnID{}
	}
	if ol.number == 0 {
		if ol.number = m.packers.number(owner); ol.number == 0 {
			return false, topo.TxnID{}
		}
	}
	if ks.packs == nil {
		ks.packs = &packs{locks: map[uint64]packed{}}
	}
	if !ks.packs.add(hash, key, ol.number, mode) {
		return false, topo.TxnID{}
	}
	ol.packed++
	return true, topo.TxnID{}
}

// unpack gives a packed lock of holder's a head, so that others can wait for it.
func (m *Manager) unpack(holder topo.TxnID, hash uint64, key []byte) {
	os, ks := m.ownerShard(holder), m.keyShard(hash)
	os.mu.Lock()
	defer os.mu.Unlock()
	ks.mu.Lock()
	defer ks.mu.Unlock()
	l, ok := ks.packs.find(hash, key)
	if !ok || m.packers.owner(l.owner) != holder {
		return
	}
	h := ks.newHead(hash, key)
	mine := ks.newHold(h, holder)
	os.link(mine)
	for mode := Mode(1); mode <= maxMode; mode++ {
		if l.modes.Has(mode) {
			h.grant(mine, mode)
		}
	}
	os.owners[holder].packed--
	ks.packs.remove(hash, l)
	ks.tidyPacks()
}

// releasePackedKey drops modes of one packed lock and reports whether owner held any of them. Both shards are locked.
func (m *Manager) releasePackedKey(os *ownerShard, ks *keyShard, owner topo.TxnID, hash uint64, key []byte, modes ModeSet) bool {
	l, ok := ks.packs.find(hash, key)
	if !ok || l.modes&modes == 0 || m.packers.owner(l.owner) != owner {
		return false
	}
	if l.modes &^= modes; l.modes != 0 {
		ks.packs.locks[hash] = l
		return true
	}
	ks.packs.remove(hash, l)
	ks.tidyPacks()
	ol := os.owners[owner]
	ol.packed--
	m.forgetIdle(os, owner, ol)
	return true
}

// releasePacked drops modes of all packed locks of an owner. It reports whether there were any of those: meanwhile some
// may have been unpacked, so that the owner's list has to be looked at again.
func (m *Manager) releasePacked(os *ownerShard, owner topo.TxnID, modes ModeSet) bool {
	os.mu.Lock()
	ol := os.owners[owner]
	none := ol == nil || ol.packed == 0
	os.mu.Unlock()
	if none {
		return false
	}
	for i := range m.keys {
		ks := &m.keys[i]
		os.mu.Lock()
		ks.mu.Lock()
		if ol := os.owners[owner]; ol != nil && ks.packs != nil { // Clear may have come between
			ol.packed -= ks.dropPacked(ol.number, modes)
			ks.tidyPacks()
		}
		ks.mu.Unlock()
		os.mu.Unlock()
	}
	os.mu.Lock()
	defer os.mu.Unlock()
	if ol := os.owners[owner]; ol != nil {
		m.forgetIdle(os, owner, ol)
	}
	return true
}

func (ks *keyShard) dropPacked(number uint16, modes ModeSet) (dropped int) {
	for hash, l := range ks.packs.locks {
		if l.owner != number || l.modes&modes == 0 {
			continue
		}
		if l.modes &^= modes; l.modes != 0 {
			ks.packs.locks[hash] = l
			continue
		}
		ks.packs.remove(hash, l)
		dropped++
	}
	return dropped
}

// forgetIdle forgets an owner that holds nothing. The owner shard is locked.
func (m *Manager) forgetIdle(os *ownerShard, owner topo.TxnID, ol *ownerLocks) {
	if ol.packed > 0 {
		return
	}
	if ol.number != 0 {
		m.packers.release(ol.number)
		ol.number = 0
	}
	if ol.first == nil {
		delete(os.owners, owner)
		os.last = nil
		*ol = ownerLocks{next: os.free}
		os.free = ol
	}
}

// eachPacked calls fn for every packed lock of the shard until it returns false. The shard is locked.
func (m *Manager) eachPacked(ks *keyShard, fn func(owner topo.TxnID, key []byte, modes ModeSet) bool) bool {
	if ks.packs == nil {
		return true
	}
	for _, l := range ks.packs.locks {
		if !fn(m.packers.owner(l.owner), ks.packs.key(l), l.modes) {
			return false
		}
	}
	return true
}
