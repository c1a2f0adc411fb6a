package mvcc

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand"
	"sort"
	"sync"
	"testing"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// TestDeltaAgreesWithAMap puts versions in random, sorted and backward order and compares reads, walks and counts.
func TestDeltaAgreesWithAMap(t *testing.T) {
	orders := map[string]func(i, n int, rng *rand.Rand) int{
		"random":   func(i, n int, rng *rand.Rand) int { return rng.Intn(n) },
		"sorted":   func(i, n int, rng *rand.Rand) int { return i },
		"backward": func(i, n int, rng *rand.Rand) int { return n - i },
	}
	for name, order := range orders {
		t.Run(name, func(t *testing.T) {
			const n = 3000
			rng := rand.New(rand.NewSource(1))
			d := New()
			want := map[string]map[topo.Timestamp]string{}
			for i := range n {
				key := fmt.Sprintf("k%05d", order(i, n, rng))
				ts := topo.Timestamp(1 + rng.Intn(20))
				value := fmt.Sprint("v", i)
				if rng.Intn(5) == 0 {
					value = ""
				}
				var stored []byte
				if value != "" {
					stored = []byte(value)
				}
				d.Put([]byte(key), ts, ts, stored, nil, Bound(i+1), 0, false)
				if want[key] == nil {
					want[key] = map[topo.Timestamp]string{}
				}
				want[key][ts] = value
			}
			if d.Keys() != int64(len(want)) {
				t.Fatal(d.Keys(), len(want))
			}
			compareDelta(t, d, want)
		})
	}
}

// listRun is a Run of values by key.
type listRun struct {
	keys   []string
	values map[string]string
}

func (r *listRun) Len() int         { return len(r.keys) }
func (r *listRun) Key(i int) []byte { return []byte(r.keys[i]) }
func (r *listRun) Version(i int) (topo.Timestamp, []byte, []byte, Flags) {
	if v := r.values[r.keys[i]]; v != "" {
		return 1, []byte(v), nil, 0
	}
	return 1, nil, nil, 0
}

// TestRunsAreReadAsIfTheirVersionsHadBeenPut mixes runs of other timestamps among single versions, older and newer ones.
func TestRunsAreReadAsIfTheirVersionsHadBeenPut(t *testing.T) {
	for seed := range int64(20) {
		rng := rand.New(rand.NewSource(seed))
		d := New()
		want := map[string]map[topo.Timestamp]string{}
		note := func(key string, ts topo.Timestamp, value string) {
			if want[key] == nil {
				want[key] = map[topo.Timestamp]string{}
			}
			want[key][ts] = value
		}
		seq := Bound(0)
		for _, ts := range rng.Perm(20) {
			at := topo.Timestamp(1 + ts)
			r := &listRun{values: map[string]string{}}
			for range 50 {
				key, value := fmt.Sprintf("k%03d", rng.Intn(200)), ""
				if rng.Intn(4) > 0 {
					value = fmt.Sprint("v", rng.Intn(1000))
				}
				r.values[key] = value
			}
			for key, value := range r.values {
				r.keys = append(r.keys, key)
				note(key, at, value)
			}
			sort.Strings(r.keys)
			seq++
			if rng.Intn(3) > 0 {
				// What the run replaces: a version of the same timestamp.
				d.Put([]byte(r.keys[0]), at, 1, []byte("replaced"), nil, seq, 0, false)
				d.AddRun(r, at, seq, 100)
				continue
			}
			for i, key := range r.keys {
				_, value, _, _ := r.Version(i)
				d.Put([]byte(key), at, 1, value, nil, seq, 0, false)
			}
		}
		compareDelta(t, d, want)
		if d.Get([]byte("k000"), topo.MaxTimestamp, 0) != nil {
			t.Fatal("a bound below all commands shows a version")
		}
	}
}

func compareDelta(t *testing.T, d *Delta, want map[string]map[topo.Timestamp]string) {
	keys := make([]string, 0, len(want))
	for key, versions := range want {
		keys = append(keys, key)
		for ts := topo.Timestamp(0); ts <= 21; ts++ {
			best := topo.Timestamp(0)
			for v := range versions {
				if v <= ts && v > best {
					best = v
				}
			}
			v := d.Get([]byte(key), ts, Unbounded)
			if (v == nil) != (best == 0) || v != nil && (v.TS != best || string(v.Value()) != versions[best] || v.Tombstone() != (versions[best] == "")) {
				t.Fatalf("%s at %d: %+v", key, ts, v)
			}
		}
	}
	sort.Strings(keys)
	it := d.Iterator()
	i := 0
	for ok := it.SeekGE(nil); ok; ok = it.Next() {
		if string(it.Key()) != keys[i] {
			t.Fatal(i, string(it.Key()))
		}
		versions := it.Versions(nil, Unbounded)
		if len(versions) != len(want[keys[i]]) || versions[0].TS != it.Visible(topo.MaxTimestamp, Unbounded).TS {
			t.Fatalf("%s has %d versions, want %d", keys[i], len(versions), len(want[keys[i]]))
		}
		for n, v := range versions {
			if n > 0 && versions[n-1].TS <= v.TS || want[keys[i]][v.TS] != string(v.Value()) {
				t.Fatalf("%s: version %d is %+v", keys[i], n, v)
			}
		}
		i++
	}
	if i != len(keys) {
		t.Fatal(i)
	}
	for ok := it.SeekLT(nil); ok; ok = it.Prev() {
		i--
		if string(it.Key()) != keys[i] {
			t.Fatal(i, string(it.Key()))
		}
	}
	if i != 0 {
		t.Fatal(i)
	}
	for _, key := range keys[1:] {
		it.SeekLT([]byte(key))
		back := string(it.Key())
		it.SeekGE([]byte(key))
		if string(it.Key()) != key || back >= key {
			t.Fatal(key, back)
		}
	}
}

// TestBoundHidesLaterCommandsFromReadersBesideTheWriter writes pairs of keys under one command and checks that readers
// with a bound always find both at the same version, in both directions.
func TestBoundHidesLaterCommandsFromReadersBesideTheWriter(t *testing.T) {
	const keys, commands = 64, 20000
	d := New()
	var mu sync.Mutex
	bound := Bound(0)
	key := func(i int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(i)) }
	var wg sync.WaitGroup
	for n := range 2 {
		wg.Go(func() {
			for {
				mu.Lock()
				b := bound
				mu.Unlock()
				var sum, count uint64
				it := d.Iterator()
				ok := it.SeekGE(nil)
				if n == 1 {
					ok = it.SeekLT(nil)
				}
				for ok {
					if v := it.Visible(topo.MaxTimestamp, b); v != nil {
						sum += uint64(v.Value()[0])
						count++
					}
					if n == 1 {
						ok = it.Prev()
					} else {
						ok = it.Next()
					}
				}
				if count%2 != 0 || sum*2 != count*255 {
					t.Errorf("bound %d: %d keys, sum %d", b, count, sum)
					return
				}
				if b == commands {
					return
				}
			}
		})
	}
	rng := rand.New(rand.NewSource(3))
	for c := 1; c <= commands; c++ {
		i, x := rng.Intn(keys), byte(rng.Intn(256))
		// The two values of a command sum to 255, so that over whole commands the mean is known.
		d.Put(key(2*i), topo.Timestamp(c), 1, []byte{x}, nil, Bound(c), 0, false)
		d.Put(key(2*(keys-i)+1), topo.Timestamp(c), 1, []byte{255 - x}, nil, Bound(c), 0, false)
		mu.Lock()
		bound = Bound(c)
		mu.Unlock()
	}
	wg.Wait()
}

func TestVersionKeepsFlagsApartFromItsNumber(t *testing.T) {
	d := New()
	d.Put([]byte("k"), 5, 4, []byte{}, nil, 77, Newest|Lone, false)
	v := d.Get([]byte("k"), 5, 77)
	if v == nil || v.Seq() != 77 || v.Flags() != Newest|Lone || v.Tombstone() || v.KeyTS != 4 {
		t.Fatalf("%+v", v)
	}
	if d.Get([]byte("k"), 5, 76) != nil {
		t.Fatal("a bound below the command shows its version")
	}
}

func BenchmarkGet(b *testing.B) {
	d := New()
	key := make([]byte, 12)
	for i := range 1_000_000 {
		binary.BigEndian.PutUint64(key[4:], uint64(i*7919%1_000_000))
		d.Put(key, 5, 5, key, nil, 1, 0, false)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		binary.BigEndian.PutUint64(key[4:], uint64(i*104729%1_000_000))
		if v := d.Get(key, 9, 9); v == nil || !bytes.Equal(v.Value(), key) {
			b.Fatal(v)
		}
	}
}

func BenchmarkGetAbsent(b *testing.B) {
	d := New()
	key := make([]byte, 12)
	for i := range 1_000_000 {
		binary.BigEndian.PutUint64(key[4:], uint64(2*i))
		d.Put(key, 5, 5, key, nil, 1, 0, false)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		binary.BigEndian.PutUint64(key[4:], uint64(2*(i*104729%1_000_000)+1))
		if d.Get(key, 9, 9) != nil {
			b.Fatal("a key that was never put")
		}
	}
}

func BenchmarkPutSorted(b *testing.B) {
	d := New()
	key := make([]byte, 12)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		binary.BigEndian.PutUint64(key[4:], uint64(i))
		d.Put(key, 5, 5, key, nil, 1, 0, false)
	}
}

func BenchmarkPutRandom(b *testing.B) {
	d := New()
	key := make([]byte, 12)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		binary.BigEndian.PutUint64(key[4:], uint64(i)*0x9E3779B97F4A7C15)
		d.Put(key, 5, 5, key, nil, 1, 0, false)
	}
}
