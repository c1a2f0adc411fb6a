package txn

import (
	"math/rand/v2"
	"testing"
)

func TestSeenTableAgreesWithAMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, versions := range []uint64{1, 200, 1000} {
		var table seenTable
		want := map[uint64]seenVersion{}
		for range 20_000 {
			hash := 1 + rng.Uint64N(9000)<<rng.UintN(3)*0x10001
			s := seenVersion(rng.Uint64N(versions))
			table.put(hash, s)
			want[hash] = s
		}
		for hash := range uint64(9000) {
			got, ok := table.get(hash + 1)
			if w, has := want[hash+1]; got != w || ok != has {
				t.Fatalf("%d versions: %d has %d %v, want %d %v", versions, hash+1, got, ok, w, has)
			}
		}
		for hash, w := range want {
			if got, ok := table.get(hash); !ok || got != w {
				t.Fatalf("%d versions: %d has %d %v, want %d", versions, hash, got, ok, w)
			}
		}
		if table.n != len(want) {
			t.Errorf("%d keys, want %d", table.n, len(want))
		}
	}
}
