package disk

import (
	"context"
	"fmt"
	"math/rand"
	"path/filepath"
	"slices"
	"testing"

	"github.com/pgmqdb/pgmqdb/shard/mvcc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// TestASeekerFindsWhatAReaderFinds looks random keys up in order, in reverse, in no order, far and near, with versions
// between them, behind the last key and before the first.
func TestASeekerFindsWhatAReaderFinds(t *testing.T) {
	rng := rand.New(rand.NewSource(7))
	db := open(t, filepath.Join(t.TempDir(), "f"))
	d := mvcc.New()
	for i := range 4000 {
		if i >= 1000 && i < 1100 {
			continue
		}
		key := fmt.Appendf(nil, "k%05d", 10+i)
		for n := range 1 + rng.Intn(3)*rng.Intn(4) {
			var value []byte
			if rng.Intn(8) > 0 {
				value = fmt.Appendf(nil, "%d of %d", n, i)
			}
			d.Put(key, topo.Timestamp(10+n), topo.Timestamp(10), value, nil, 1, 0, false)
		}
	}
	if err := db.Flush(context.Background(), &Batch{Index: 1, Delta: d}); err != nil {
		t.Fatal(err)
	}
	r, err := db.Reader()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	for round := range 300 {
		ids := make([]int, 1+rng.Intn(60))
		from, span := rng.Intn(4200), 1+rng.Intn(1<<uint(1+rng.Intn(12)))
		for i := range ids {
			ids[i] = from + rng.Intn(span)
		}
		switch round % 4 {
		case 0:
			slices.Sort(ids)
		case 1:
			slices.Sort(ids)
			slices.Reverse(ids)
		case 2:
			for i := range ids {
				ids[i] = from + i
			}
		}
		ts := topo.Timestamp(9 + rng.Intn(14))
		if round%3 == 0 {
			ts = topo.MaxTimestamp
		}
		s, err := db.Seeker()
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			key := fmt.Appendf(nil, "k%05d", id)
			want, there, err := r.Get(key, ts)
			if err != nil {
				t.Fatal(err)
			}
			got, ok, err := s.Get(key, ts)
			if err != nil {
				t.Fatal(err)
			}
			if ok != there || got.TS != want.TS || got.KeyTS != want.KeyTS || string(got.Value) != string(want.Value) || (got.Value == nil) != (want.Value == nil) {
				t.Fatalf("round %d, %s@%d of %v: %v %+v, want %v %+v", round, key, ts, ids, ok, got, there, want)
			}
		}
		s.Close()
	}
}
