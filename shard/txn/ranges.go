package txn

import (
	"bytes"
	"sort"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// maxReadRanges bounds the ranges kept per group; beyond it neighbours are joined into wider ones, which may refuse a
// commit that PostgreSQL would allow, never the reverse.
const maxReadRanges = 1024

// readRange is [lo, hi); a nil hi has no upper bound.
type readRange struct{ lo, hi []byte }

// readRanges are the ranges that a SERIALIZABLE transaction read in one group. Invariant after compact: sorted, disjoint.
type readRanges struct{ list []readRange }

// add records a range. Consecutive batches of one scan extend the range before.
func (r *readRanges) add(lo, hi []byte) {
	if n := len(r.list); n > 0 {
		last := &r.list[n-1]
		if bytes.Compare(last.lo, lo) <= 0 && (last.hi == nil || bytes.Compare(lo, last.hi) <= 0) {
			if hiLess(last.hi, hi) {
				last.hi = hi
			}
			return
		}
		if bytes.Equal(hi, last.lo) && hi != nil {
			last.lo = lo
			return
		}
	}
	r.list = append(r.list, readRange{lo, hi})
	if len(r.list) >= 2*maxReadRanges {
		r.compact()
	}
}

// hiLess compares upper bounds, nil being the greatest.
func hiLess(a, b []byte) bool {
	if a == nil {
		return false
	}
	return b == nil || bytes.Compare(a, b) < 0
}

// compact sorts and joins the ranges, widening them when they are too many.
func (r *readRanges) compact() {
	if len(r.list) < 2 {
		return
	}
	sort.Slice(r.list, func(i, j int) bool { return bytes.Compare(r.list[i].lo, r.list[j].lo) < 0 })
	out := r.list[:1]
	for _, x := range r.list[1:] {
		last := &out[len(out)-1]
		if last.hi == nil || bytes.Compare(x.lo, last.hi) <= 0 {
			if hiLess(last.hi, x.hi) {
				last.hi = x.hi
			}
			continue
		}
		out = append(out, x)
	}
	r.list = out
	for len(r.list) > maxReadRanges {
		r.widen()
	}
}

// widen joins every second range with its neighbour when both lie in one storage, and any neighbours once that no longer
// helps.
func (r *readRanges) widen() {
	before := len(r.list)
	out := r.list[:0]
	for i := 0; i < len(r.list); i++ {
		x := r.list[i]
		if i+1 < len(r.list) && sameStorage(x.lo, r.list[i+1].lo) {
			x.hi = r.list[i+1].hi
			i++
		}
		out = append(out, x)
	}
	r.list = out
	if len(r.list) == before {
		r.list = []readRange{{r.list[0].lo, r.list[before-1].hi}}
	}
}

func sameStorage(a, b []byte) bool {
	x, ok1 := topo.KeyStorageID(a)
	y, ok2 := topo.KeyStorageID(b)
	return ok1 && ok2 && x == y
}

// after returns the key right behind key.
func after(key []byte) []byte {
	b := make([]byte, len(key)+1)
	copy(b, key)
	return b
}
