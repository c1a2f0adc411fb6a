package group

import (
	"bytes"
	"fmt"
	"math/rand"
	"testing"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// A prepare in flight is met by whoever reads what it writes and by nobody else, in whatever order its items come.
func TestPreparesInFlightAreMetByWhatTheyWrite(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	key := func() []byte { return fmt.Appendf(nil, "k%02d", rng.Intn(40)) }
	kinds := []fsm.ItemKind{fsm.ItemPut, fsm.ItemDelete, fsm.ItemPutEntry, fsm.ItemDeleteEntry, fsm.ItemLock, fsm.ItemSharedMark, fsm.ItemExclusive}
	met, ordered := 0, 0
	for range 2000 {
		p := &fsm.Prepare{}
		for range rng.Intn(12) {
			p.Items = append(p.Items, fsm.Item{Kind: kinds[rng.Intn(len(kinds))], Key: key()})
		}
		if rng.Intn(4) > 0 {
			sortItems(p.Items)
		}
		if rng.Intn(3) == 0 {
			p.Items = append(p.Items, fsm.Item{Kind: fsm.ItemReadRange, Key: []byte("a"), End: []byte("z")})
		}
		r := newReads()
		f := r.register(p)
		if f.ordered > 0 {
			ordered++
		}
		any := func(in func(k []byte) bool) bool {
			for i := range p.Items {
				if writes(p.Items[i].Kind) && in(p.Items[i].Key) {
					return true
				}
			}
			return false
		}
		for range 20 {
			k := key()
			if got, want := f.touches(k), any(func(o []byte) bool { return bytes.Equal(o, k) }); got != want {
				t.Fatalf("touches %s: %v of %v", k, got, p.Items)
			}
			lo, hi := key(), key()
			if rng.Intn(5) == 0 {
				hi = nil
			}
			within := func(o, lo, hi []byte) bool {
				return bytes.Compare(o, lo) >= 0 && (hi == nil || bytes.Compare(o, hi) < 0)
			}
			want := any(func(o []byte) bool { return within(o, lo, hi) })
			if got := f.touchesRange(lo, hi, nil); got != want {
				t.Fatalf("touches [%s, %s): %v of %v", lo, hi, got, p.Items)
			}
			var ranges []fsm.KeyRange
			for n := 0; n < 40; n += 1 + rng.Intn(20) {
				ranges = append(ranges, fsm.KeyRange{Lo: fmt.Appendf(nil, "k%02d", n), Hi: fmt.Appendf(nil, "k%02d", n+1+rng.Intn(2))})
			}
			want = any(func(o []byte) bool {
				in := false
				for _, r := range ranges {
					in = in || within(o, r.Lo, r.Hi)
				}
				return in && within(o, lo, hi)
			})
			if got := f.touchesRange(lo, hi, ranges); got != want {
				t.Fatalf("touches %s of [%s, %s): %v of %v", ranges, lo, hi, got, p.Items)
			}
			if want {
				met++
			}
		}
		r.servePoint(key(), topo.Timestamp(5))
		r.unregister(f)
		for i := range r.stripes {
			if n := r.stripes[i].count.Load(); n != 0 {
				t.Fatalf("stripe %d has %d registrations left", i, n)
			}
		}
	}
	if met == 0 || ordered == 0 {
		t.Fatalf("met %d, ordered %d: nothing was tried", met, ordered)
	}
}

func sortItems(items []fsm.Item) {
	for i := range items {
		for j := i; j > 0 && bytes.Compare(items[j].Key, items[j-1].Key) < 0; j-- {
			items[j], items[j-1] = items[j-1], items[j]
		}
	}
}
