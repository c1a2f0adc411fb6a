package fsm

import (
	"bytes"
	"hash/maphash"
	"slices"
	"sort"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// The items of prepares are found by key, for conflicts, and in order, for scans. Those of small prepares are in one ordered
// tree (State.pendKeys). A wide prepare has many, and has them in key order: they are found by hash, and a scan searches
// each wide prepare by itself. That is a fraction of the tree's work where hundreds of items come and go at once; and there
// are never many such prepares at a time.

// defaultWideItems is how many items make a prepare wide.
const defaultWideItems = 16

// wideIndex finds items of wide prepares. Guarded as State.pendKeys is.
type wideIndex struct {
	prepares []*pending
	seed     maphash.Seed
	first    map[uint64]int32 // by a key's hash: a node
	nodes    []wideNode
	free     int32 // a node, or noNode
	peak     int   // the most nodes in use since first was made
	used     int
}

// wideNode is an item in the chain of its key's hash.
type wideNode struct {
	p          *pending
	item, next int32
}

const noNode = -1

// maxIdleWide is how many items an empty index may have had: its memory does not shrink, so a larger one is made anew.
const maxIdleWide = 4096

func newWideIndex() wideIndex {
	return wideIndex{seed: maphash.MakeSeed(), first: map[uint64]int32{}, free: noNode}
}

// isWide reports whether a prepare's items go to the wide index.
func (s *State) isWide(p *pending) bool {
	return len(p.items) >= s.wideItems &&
		slices.IsSortedFunc(p.items, func(a, b pendItem) int { return bytes.Compare(a.key, b.key) })
}

func (w *wideIndex) link(p *pending) {
	w.prepares = append(w.prepares, p)
	for i := range p.items {
		hash := maphash.Bytes(w.seed, p.items[i].key)
		at := w.free
		if at == noNode {
			at = int32(len(w.nodes))
			w.nodes = append(w.nodes, wideNode{})
		} else {
			w.free = w.nodes[at].next
		}
		next, ok := w.first[hash]
		if !ok {
			next = noNode
		}
		w.nodes[at] = wideNode{p, int32(i), next}
		w.first[hash] = at
	}
	w.used += len(p.items)
	w.peak = max(w.peak, w.used)
}

func (w *wideIndex) unlink(p *pending) {
	w.prepares = slices.DeleteFunc(w.prepares, func(q *pending) bool { return q == p })
	w.used -= len(p.items)
	if len(w.prepares) == 0 && w.peak > maxIdleWide {
		w.first, w.nodes, w.free, w.peak = map[uint64]int32{}, nil, noNode, 0
		return
	}
	for i := range p.items {
		hash := maphash.Bytes(w.seed, p.items[i].key)
		at := w.first[hash]
		if n := &w.nodes[at]; n.p == p && n.item == int32(i) {
			if n.next == noNode {
				delete(w.first, hash)
			} else {
				w.first[hash] = n.next
			}
		} else {
			for before := n; ; before = n {
				at = before.next
				if n = &w.nodes[at]; n.p == p && n.item == int32(i) {
					before.next = n.next
					break
				}
			}
		}
		w.nodes[at] = wideNode{next: w.free}
		w.free = at
	}
}

// appendItems appends the items on key, of any transaction but own.
func (w *wideIndex) appendItems(refs []pendRef, key []byte, own topo.TxnID) []pendRef {
	at, ok := w.first[maphash.Bytes(w.seed, key)]
	if !ok {
		return refs
	}
	for ; at != noNode; at = w.nodes[at].next {
		if n := &w.nodes[at]; n.p.txn != own && bytes.Equal(n.p.items[n.item].key, key) {
			refs = append(refs, pendRef{key, n.p, int(n.item)})
		}
	}
	return refs
}

// firstWrite returns the lowest (highest) key of [lo, hi) that an item of the prepare writes, or nil; a nil hi is the end.
func (p *pending) firstWrite(lo, hi []byte, reverse bool) []byte {
	search := func(key []byte) int {
		return sort.Search(len(p.items), func(i int) bool { return bytes.Compare(p.items[i].key, key) >= 0 })
	}
	from, to := search(lo), len(p.items)
	if hi != nil {
		to = search(hi)
	}
	for n := 0; n < to-from; n++ {
		i := from + n
		if reverse {
			i = to - 1 - n
		}
		if p.items[i].kind.writes() {
			return p.items[i].key
		}
	}
	return nil
}
