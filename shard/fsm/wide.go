package fsm

import (
	"bytes"
	"hash/maphash"
	"slices"
	"sort"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// The items of prepares are found by key, for conflicts, and in order, for scans. Those of small prepares are in one ordered
// tree (State.pendKeys). A wide prepare has many, and has them in key order: each has a hash table of its own, made when it is
// prepared and dropped whole, and a scan searches each by itself. That is a fraction of the tree's work where hundreds of items
// come and go at once. A filter says which of them may have a key. There are at most maxWide wide prepares: others use the tree.

const (
	// defaultWideItems is how many items make a prepare wide.
	defaultWideItems = 8
	// maxWide bounds the wide prepares: each has a bit in a place of the filter.
	maxWide = 16
	// filterPlaces is few enough for them to stay in a cache, and many enough for the items that there are at a time. A word has
	// four of them.
	filterPlaces = 4096
	// pooledSlots bounds a table that is kept for the next prepare.
	pooledSlots = 1024
)

// wideIndex finds items of wide prepares. Guarded as State.pendKeys is.
type wideIndex struct {
	prepares []widePrepare
	seed     maphash.Seed
	free     [][]uint64 // tables of zeroes
	// filter has, at what the hash of a key says, the bits of prepares that may have the key.
	filter [filterPlaces / 4]uint64
	bits   uint16 // in use
}

// widePrepare has the items of one prepare by the hash of their key: an open-addressed, linearly probed table of a power of
// two of slots, half of them free at least. A slot has the hash's upper half and the item's position plus one; a free one is 0.
type widePrepare struct {
	p     *pending
	slots []uint64
	bit   uint16
}

func newWideIndex() wideIndex { return wideIndex{seed: maphash.MakeSeed()} }

// isWide reports whether a prepare's items go to the wide index.
func (s *State) isWide(p *pending) bool {
	return len(p.items) >= s.wideItems && len(s.wide.prepares) < maxWide &&
		slices.IsSortedFunc(p.items, func(a, b pendItem) int { return bytes.Compare(a.key, b.key) })
}

const hashHalf = 0xffffffff << 32

func (w *wideIndex) link(p *pending) {
	slots := w.table(2 * len(p.items))
	mask := uint64(len(slots) - 1)
	bit := ^w.bits & (w.bits + 1) // the lowest that is free
	w.bits |= bit
	for i := range p.items {
		hash := maphash.Bytes(w.seed, p.items[i].key)
		word, shift := filterAt(hash)
		w.filter[word] |= uint64(bit) << shift
		at := hash & mask
		for slots[at] != 0 {
			at = (at + 1) & mask
		}
		slots[at] = hash&hashHalf | uint64(i+1)
	}
	w.prepares = append(w.prepares, widePrepare{p, slots, bit})
}

// filterAt is a hash's place in the filter. Its lower bits say the place in a table.
func filterAt(hash uint64) (word, shift uint64) {
	at := hash >> 32 % filterPlaces
	return at / 4, at % 4 * maxWide
}

// table returns an empty table of at least n slots.
func (w *wideIndex) table(n int) []uint64 {
	size := 16
	for size < n {
		size *= 2
	}
	for i := len(w.free) - 1; i >= 0; i-- {
		if t := w.free[i]; cap(t) >= size {
			w.free = slices.Delete(w.free, i, i+1)
			return t[:size]
		}
	}
	return make([]uint64, size)
}

func (w *wideIndex) unlink(p *pending) {
	i := slices.IndexFunc(w.prepares, func(q widePrepare) bool { return q.p == p })
	slots, bit := w.prepares[i].slots, w.prepares[i].bit
	w.prepares = slices.Delete(w.prepares, i, i+1)
	w.bits &^= bit
	four := uint64(bit) * 0x0001_0001_0001_0001
	for n := range w.filter {
		w.filter[n] &^= four
	}
	if cap(slots) <= pooledSlots && len(w.free) < maxWide {
		clear(slots)
		w.free = append(w.free, slots)
	}
}

// appendItems appends the items on key, of any transaction but own.
func (w *wideIndex) appendItems(refs []pendRef, key []byte, own topo.TxnID) []pendRef {
	hash := maphash.Bytes(w.seed, key)
	word, shift := filterAt(hash)
	may := uint16(w.filter[word] >> shift)
	if may == 0 {
		return refs
	}
	for i := range w.prepares {
		if w.prepares[i].bit&may == 0 {
			continue
		}
		p, slots := w.prepares[i].p, w.prepares[i].slots
		mask := uint64(len(slots) - 1)
		for at := hash & mask; slots[at] != 0; at = (at + 1) & mask {
			if slots[at]&hashHalf != hash&hashHalf || p.txn == own {
				continue
			}
			if n := int(uint32(slots[at])) - 1; bytes.Equal(p.items[n].key, key) {
				refs = append(refs, pendRef{key, p, n})
			}
		}
	}
	return refs
}

// firstWrite returns the lowest (highest) key of [lo, hi) that an item of the prepare writes, or nil; a nil hi is the end.
func (p *pending) firstWrite(lo, hi []byte, reverse bool) []byte {
	search := func(key []byte) int {
		return sort.Search(len(p.items), func(i int) bool { return bytes.Compare(p.items[i].key, key) >= 0 })
	}
	if !reverse {
		for i := search(lo); i < len(p.items) && (hi == nil || bytes.Compare(p.items[i].key, hi) < 0); i++ {
			if p.items[i].kind.writes() {
				return p.items[i].key
			}
		}
		return nil
	}
	to := len(p.items)
	if hi != nil {
		to = search(hi)
	}
	for i := to - 1; i >= 0 && bytes.Compare(p.items[i].key, lo) >= 0; i-- {
		if p.items[i].kind.writes() {
			return p.items[i].key
		}
	}
	return nil
}
