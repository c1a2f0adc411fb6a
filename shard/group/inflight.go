package group

import (
	"bytes"
	"context"
	"hash/maphash"
	"sort"
	"sync"
	"sync/atomic"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// reads is the highest served read and the register of in-flight prepares. The two work together:
//
//	prepare: register the keys; then read the highest served read; ask for a commit timestamp above it; propose
//	read:    raise the highest served read; then look for its keys in the register; wait if they are there; read
//
// Both sides are sequentially consistent, so at least one sees the other. The highest served read is kept in stripes, by
// key for point reads and in one of its own for scans, so that point reads share no cache line, and so that a prepare is
// pushed up by reads of its own keys' stripes and by scans only.
type reads struct {
	seed    maphash.Seed
	floor   atomic.Uint64 // every earlier holder's reads are at or below it
	stripes [numStripes]stripe
	scans   paddedTS
	all     inflightList
}

const numStripes = 256

type paddedTS struct {
	ts atomic.Uint64
	_  [56]byte
}

// stripe has a share of the keys. count is how many registrations name a key of it.
type stripe struct {
	ts    atomic.Uint64
	count atomic.Int64
	_     [48]byte
}

func newReads() *reads { return &reads{seed: maphash.MakeSeed()} }

func (r *reads) stripe(key []byte) *stripe { return &r.stripes[r.stripeAt(key)] }

func (r *reads) stripeAt(key []byte) uint8 { return uint8(maphash.Bytes(r.seed, key) % numStripes) }

func raise(a *atomic.Uint64, ts topo.Timestamp) {
	for {
		old := a.Load()
		if old >= uint64(ts) || a.CompareAndSwap(old, uint64(ts)) {
			return
		}
	}
}

// inflightList has the registrations of all prepares in flight.
type inflightList struct {
	n  atomic.Int64
	mu sync.RWMutex
	m  map[*inflight]struct{}
}

// inflight is one prepare between its registration and its apply.
type inflight struct {
	items []fsm.Item
	// ordered: the items that write are among the first so many, which are in key order; 0: they may be in any order.
	ordered int
	lo, hi  []byte // the smallest and the greatest key that is written
	// stripes has the stripe of each of these keys.
	stripes []uint8
	// everything is set when the keys are not known here: the provisional operations of a large transaction.
	everything bool
	// min is the minimum commit timestamp asked for; 0 while it is being determined.
	min  atomic.Uint64
	done chan struct{} // closed when the prepare is applied, or will never be
}

func writes(k fsm.ItemKind) bool {
	switch k {
	case fsm.ItemPut, fsm.ItemDelete, fsm.ItemPutEntry, fsm.ItemDeleteEntry:
		return true
	}
	return false
}

// register puts a prepare's written keys into the register and raises its MinTS.
func (r *reads) register(p *fsm.Prepare) *inflight {
	f := &inflight{items: p.Items, everything: p.Provisioned.Count > 0, done: make(chan struct{})}
	if !f.everything {
		f.stripes = make([]uint8, 0, len(p.Items))
	}
	f.order()
	for i := range p.Items {
		if !writes(p.Items[i].Kind) {
			continue
		}
		k := p.Items[i].Key
		if !f.everything {
			f.stripes = append(f.stripes, r.stripeAt(k))
		}
		if f.ordered > 0 {
			if f.hi = k; f.lo == nil {
				f.lo = k
			}
			continue
		}
		if f.lo == nil || bytes.Compare(k, f.lo) < 0 {
			f.lo = k
		}
		if f.hi == nil || bytes.Compare(k, f.hi) > 0 {
			f.hi = k
		}
	}
	r.all.mu.Lock()
	if r.all.m == nil {
		r.all.m = map[*inflight]struct{}{}
	}
	r.all.m[f] = struct{}{}
	r.all.mu.Unlock()
	r.all.n.Add(1)
	r.count(f, 1)

	high := max(r.floor.Load(), r.scans.ts.Load())
	if f.everything {
		for i := range r.stripes {
			high = max(high, r.stripes[i].ts.Load())
		}
	} else {
		for _, at := range f.stripes {
			high = max(high, r.stripes[at].ts.Load())
		}
	}
	p.MinTS = max(p.MinTS, topo.Timestamp(high)+1)
	f.min.Store(uint64(p.MinTS))
	return f
}

func (r *reads) count(f *inflight, by int64) {
	if f.everything {
		for i := range r.stripes {
			r.stripes[i].count.Add(by)
		}
		return
	}
	for _, at := range f.stripes {
		r.stripes[at].count.Add(by)
	}
}

// unregister is called when the prepare was applied or can no longer be.
func (r *reads) unregister(f *inflight) {
	r.all.mu.Lock()
	_, ok := r.all.m[f]
	delete(r.all.m, f)
	r.all.mu.Unlock()
	if !ok {
		return
	}
	r.all.n.Add(-1)
	r.count(f, -1)
	close(f.done)
}

// unregisterAll ends every registration: the epoch they were made in is over, so apply refuses what has not applied.
func (r *reads) unregisterAll() {
	r.all.mu.Lock()
	gone := make([]*inflight, 0, len(r.all.m))
	for f := range r.all.m {
		gone = append(gone, f)
	}
	r.all.mu.Unlock()
	for _, f := range gone {
		r.unregister(f)
	}
}

// servePoint raises the highest served read for a point read of key.
func (r *reads) servePoint(key []byte, ts topo.Timestamp) *stripe {
	s := r.stripe(key)
	raise(&s.ts, ts)
	return s
}

// serveScan raises the highest served read for a scan.
func (r *reads) serveScan(ts topo.Timestamp) { raise(&r.scans.ts, ts) }

// awaitPoint waits for the in-flight prepares that may commit key at or below ts.
func (r *reads) awaitPoint(ctx context.Context, s *stripe, key []byte, ts topo.Timestamp) error {
	if s.count.Load() == 0 {
		return nil
	}
	return r.await(ctx, ts, func(f *inflight) bool { return f.touches(key) })
}

// awaitScan waits for the in-flight prepares that may commit into what a scan reads, at or below its timestamp.
func (r *reads) awaitScan(ctx context.Context, q *rpc.ScanRequest) error {
	if r.all.n.Load() == 0 {
		return nil
	}
	return r.await(ctx, q.TS, func(f *inflight) bool { return f.touchesRange(q.Lo, q.Hi, q.Ranges) })
}

func (r *reads) await(ctx context.Context, ts topo.Timestamp, touches func(*inflight) bool) error {
	var buf [8]*inflight
	met := buf[:0]
	r.all.mu.RLock()
	for f := range r.all.m {
		if m := f.min.Load(); (m == 0 || topo.Timestamp(m) <= ts) && touches(f) {
			met = append(met, f)
		}
	}
	r.all.mu.RUnlock()
	for _, f := range met {
		select {
		case <-f.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (f *inflight) touches(key []byte) bool {
	if f.everything {
		return true
	}
	if f.lo == nil || bytes.Compare(key, f.lo) < 0 || bytes.Compare(key, f.hi) > 0 {
		return false
	}
	if f.ordered > 0 {
		for i := f.search(key); i < f.ordered && bytes.Equal(f.items[i].Key, key); i++ {
			if writes(f.items[i].Kind) {
				return true
			}
		}
		return false
	}
	for i := range f.items {
		if writes(f.items[i].Kind) && bytes.Equal(f.items[i].Key, key) {
			return true
		}
	}
	return false
}

// order finds out whether the items that write are in key order: those of a transaction are, and read ranges come behind.
func (f *inflight) order() {
	n := min(1, len(f.items))
	for n < len(f.items) && bytes.Compare(f.items[n-1].Key, f.items[n].Key) <= 0 {
		n++
	}
	for i := n; i < len(f.items); i++ {
		if writes(f.items[i].Kind) {
			return
		}
	}
	f.ordered = n
}

// search returns the first of the ordered items with a key >= key.
func (f *inflight) search(key []byte) int {
	return sort.Search(f.ordered, func(i int) bool { return bytes.Compare(f.items[i].Key, key) >= 0 })
}

// writesIn reports whether one of the ordered items writes into [lo, hi).
func (f *inflight) writesIn(lo, hi []byte) bool {
	for i := f.search(lo); i < f.ordered && (hi == nil || bytes.Compare(f.items[i].Key, hi) < 0); i++ {
		if writes(f.items[i].Kind) {
			return true
		}
	}
	return false
}

// touchesRange reports whether the prepare may write into [lo, hi), and there into one of ranges unless that is nil.
func (f *inflight) touchesRange(lo, hi []byte, ranges []fsm.KeyRange) bool {
	if f.everything {
		return true
	}
	if f.lo == nil || bytes.Compare(f.hi, lo) < 0 || hi != nil && bytes.Compare(f.lo, hi) >= 0 {
		return false
	}
	if len(ranges) < f.ordered { // otherwise the items are fewer than the ranges
		if ranges == nil {
			return f.writesIn(lo, hi)
		}
		for i := range ranges {
			from, to := ranges[i].Lo, ranges[i].Hi
			if bytes.Compare(from, lo) < 0 {
				from = lo
			}
			if to == nil || hi != nil && bytes.Compare(hi, to) < 0 {
				to = hi
			}
			if f.writesIn(from, to) {
				return true
			}
		}
		return false
	}
	for i := range f.items {
		k := f.items[i].Key
		if writes(f.items[i].Kind) && bytes.Compare(k, lo) >= 0 && (hi == nil || bytes.Compare(k, hi) < 0) &&
			(ranges == nil || inRanges(ranges, k)) {
			return true
		}
	}
	return false
}

// inRanges reports whether a key lies in one of some ascending ranges.
func inRanges(ranges []fsm.KeyRange, key []byte) bool {
	// The first range that begins behind the key: only the one before it can hold the key.
	i := sort.Search(len(ranges), func(i int) bool { return bytes.Compare(ranges[i].Lo, key) > 0 })
	return i > 0 && (ranges[i-1].Hi == nil || bytes.Compare(key, ranges[i-1].Hi) < 0)
}
