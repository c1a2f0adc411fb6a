package disk

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"path/filepath"
	"slices"
	"testing"

	"github.com/pgmqdb/pgmqdb/shard/mvcc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

func TestDiskKeysSortAsKeyAscendingThenTimestampDescending(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	alphabet := []byte{0, 1, 0xFE, 0xFF, 'a'}
	random := func() []byte {
		k := make([]byte, rng.Intn(5))
		for i := range k {
			k[i] = alphabet[rng.Intn(len(alphabet))]
		}
		return k
	}
	stamps := []topo.Timestamp{0, 1, 255, 256, 1 << 40, topo.MaxTimestamp}
	for range 20000 {
		a, b := random(), random()
		ta, tb := stamps[rng.Intn(len(stamps))], stamps[rng.Intn(len(stamps))]
		want := bytes.Compare(a, b)
		if want == 0 && ta != tb {
			want = 1
			if ta > tb {
				want = -1
			}
		}
		ka, kb := appendVersionKey(nil, a, ta), appendVersionKey(nil, b, tb)
		if got := bytes.Compare(ka, kb); got != want {
			t.Fatalf("%x@%d against %x@%d: %d, want %d", a, ta, b, tb, got, want)
		}
		prefix, ts, ok := splitVersionKey(ka)
		if !ok || ts != ta || !bytes.Equal(appendUnescaped(nil, prefix), a) {
			t.Fatalf("%x@%d came back as %x@%d", a, ta, prefix, ts)
		}
	}
}

func open(t testing.TB, path string) *DB {
	t.Helper()
	db, err := Open(path, Options{InitialMmapBytes: 1 << 26})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// TestFlushesAgreeWithAModelOfGarbageCollection flushes random versions under a rising horizon; every read at or above the
// horizon must find what a map that forgets nothing has, and what is left must be no more than the rule allows plus what
// was not due when last looked at.
func TestFlushesAgreeWithAModelOfGarbageCollection(t *testing.T) {
	rng := rand.New(rand.NewSource(4))
	path := filepath.Join(t.TempDir(), "f.db")
	db := open(t, path)
	type at struct {
		ts    topo.Timestamp
		value []byte
	}
	all := map[string][]at{}
	now, horizon := topo.Timestamp(10), topo.Timestamp(0)
	for round := 1; round <= 60; round++ {
		d := mvcc.New()
		for range rng.Intn(40) {
			now++
			key := fmt.Sprint("k", rng.Intn(30))
			var value []byte
			if rng.Intn(3) > 0 {
				value = []byte(fmt.Sprint("v", now))
			}
			d.Put([]byte(key), now, now, value, nil, 1, 0, false)
			all[key] = append(all[key], at{now, value})
		}
		horizon = max(horizon, now-topo.Timestamp(rng.Intn(60)+1))
		if err := db.Flush(t.Context(), &Batch{Index: uint64(round), Horizon: horizon, Delta: d}); err != nil {
			t.Fatal(err)
		}
		if rng.Intn(5) == 0 {
			db.Close()
			db = open(t, path)
		}
		r, err := db.Reader()
		if err != nil {
			t.Fatal(err)
		}
		for key, versions := range all {
			for ts := horizon; ts <= now; ts += 7 {
				var want at
				for _, v := range versions {
					if v.ts <= ts {
						want = v
					}
				}
				row, ok, err := r.Get([]byte(key), ts)
				if err != nil || want.value != nil && (!ok || row.TS != want.ts) || !bytes.Equal(row.Value, want.value) {
					t.Fatalf("round %d, %s at %d: %+v %v, want %+v", round, key, ts, row, err, want)
				}
			}
		}
		r.Release()
		if err := db.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Flush(t.Context(), &Batch{Index: 100, Horizon: now, Delta: mvcc.New()}); err != nil {
		t.Fatal(err)
	}
	live := 0
	for _, versions := range all {
		if versions[len(versions)-1].value != nil {
			live++
		}
	}
	if n := db.Meta().Versions; n != int64(live) {
		t.Fatalf("%d versions are left of %d live keys once the horizon has passed all", n, live)
	}
}

func TestIteratorGoesOnAcrossRefreshesAndFlushes(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "f.db"))
	const n = 3*refreshSteps + 17
	d := mvcc.New()
	for i := range n {
		d.Put([]byte(fmt.Sprintf("%07d", i)), 5, 5, []byte("v"), nil, 1, mvcc.Lone, false)
	}
	if err := db.Flush(t.Context(), &Batch{Index: 1, Delta: d}); err != nil {
		t.Fatal(err)
	}
	for _, reverse := range []bool{false, true} {
		it, err := db.Iterator(9, reverse)
		if err != nil {
			t.Fatal(err)
		}
		i := 0
		for it.Seek(nil); it.Valid(); it.Next() {
			want := i
			if reverse {
				want = n - 1 - i
			}
			if string(it.Key()) != fmt.Sprintf("%07d", want) {
				t.Fatalf("row %d is %s", want, it.Key())
			}
			if i++; i == refreshSteps/2 {
				more := mvcc.New()
				more.Put([]byte(fmt.Sprintf("%07d", i)), 12, 12, []byte("later"), nil, 1, 0, false)
				if err := db.Flush(t.Context(), &Batch{Index: 2, Delta: more}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if it.Err() != nil || i != n {
			t.Fatal(i, it.Err())
		}
		it.Close()
	}
}

func TestRecordsAreReplacedAndDeletedByFlushes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.db")
	db := open(t, path)
	steps := [][]Record{
		{{[]byte("a"), []byte("1")}, {[]byte("b"), []byte{}}},
		{{[]byte("a"), []byte("2")}, {[]byte("b"), nil}, {[]byte("c"), nil}},
	}
	for i, records := range steps {
		if err := db.Flush(t.Context(), &Batch{Index: uint64(i + 1), Delta: mvcc.New(), Records: records}); err != nil {
			t.Fatal(err)
		}
	}
	db.Close()
	db = open(t, path)
	r, err := db.Reader()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	var got []string
	if err := r.Records(func(k, v []byte) error { got = append(got, string(k)+"="+string(v)); return nil }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, []string{"a=2"}) || db.Meta().Records != 1 || db.Meta().Index != 2 {
		t.Fatal(got, db.Meta())
	}
}

func TestClosedFileAnswersErrClosed(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "f.db"))
	db.Close()
	if _, err := db.Reader(); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
	if err := db.Flush(t.Context(), &Batch{Index: 1, Delta: mvcc.New()}); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
}
