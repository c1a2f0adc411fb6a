package mvcc

import (
	"bytes"
	"slices"
	"sort"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Run is what one large commit wrote, where it stands already: keys in order, each once, with one version, all of one
// timestamp. It never changes. Putting such a commit's versions into the skip list one by one would take as much memory
// again, at the moment at which most is in use.
//
// A search in a run costs more than one in the skip list, and every read of the delta pays for each run in it: a run is for
// large commits, and to be flushed soon.
type Run interface {
	Len() int
	Key(i int) []byte
	// Version returns what belongs to the key; a nil value is a tombstone. to, if not nil, is where the row that the version
	// replaces went.
	Version(i int) (keyTS topo.Timestamp, value, to []byte, flags Flags)
}

// run is a Run in a delta.
type run struct {
	Run
	ts  topo.Timestamp
	seq Bound
}

// AddRun adds a run of versions at ts, of so many bytes. They replace versions of the same timestamp.
func (d *Delta) AddRun(r Run, ts topo.Timestamp, seq Bound, size int64) {
	var runs []*run
	if old := d.runs.Load(); old != nil {
		runs = slices.Clone(*old)
	}
	runs = append(runs, &run{r, ts, seq})
	d.runs.Store(&runs)
	d.count += int64(r.Len())
	d.bytes.Add(size)
}

// search returns the position of the first key >= key.
func (r *run) search(key []byte) int {
	return sort.Search(r.Len(), func(i int) bool { return bytes.Compare(r.Key(i), key) >= 0 })
}

func (r *run) version(i int) *Version {
	keyTS, value, to, flags := r.Version(i)
	if to != nil {
		value, flags = appendMoved(nil, to, value), flags|moved
	}
	return &Version{TS: r.ts, KeyTS: keyTS, data: value, seq: r.seq | Bound(flags)<<flagShift}
}

// wins reports whether the run's version of a key, if it has one, comes before best.
func (r *run) wins(best *Version, ts topo.Timestamp, bound Bound) bool {
	return r.ts <= ts && r.seq <= bound && (best == nil || r.ts >= best.TS)
}

// newestInRuns returns the version that a reader sees, which is best or one of a run's.
func newestInRuns(runs []*run, best *Version, key []byte, ts topo.Timestamp, bound Bound) *Version {
	for _, r := range runs {
		if !r.wins(best, ts, bound) {
			continue
		}
		if i := r.search(key); i < r.Len() && bytes.Equal(r.Key(i), key) {
			best = r.version(i)
		}
	}
	return best
}

// merge is an iterator's place in the runs of its delta, beside the one in the skip list.
type merge struct {
	runs []*run
	at   []int
	key  []byte // nil: nowhere
	back bool   // the places are at or before key, not at or behind it
}

func newMerge(runs []*run) *merge { return &merge{runs: runs, at: make([]int, len(runs))} }

// seekGE places the runs at or behind key; the caller has placed e.
func (m *merge) seekGE(key []byte, e *entry) {
	m.back = false
	for i, r := range m.runs {
		m.at[i] = r.search(key)
	}
	m.pick(e)
}

// seekLT places the runs before key, nil being behind all.
func (m *merge) seekLT(key []byte, e *entry) {
	m.back = true
	for i, r := range m.runs {
		if key == nil {
			m.at[i] = r.Len() - 1
		} else {
			m.at[i] = r.search(key) - 1
		}
	}
	m.pick(e)
}

// step moves the runs that stand on the current key by one.
func (m *merge) step() {
	for i := range m.runs {
		if !m.on(i) {
			continue
		}
		if m.back {
			m.at[i]--
		} else {
			m.at[i]++
		}
	}
}

// pick makes the next key of all places the current one.
func (m *merge) pick(e *entry) {
	m.key = nil
	if e != nil {
		m.key = e.key()
	}
	for i, r := range m.runs {
		if n := m.at[i]; n >= 0 && n < r.Len() {
			if key := r.Key(n); m.key == nil || bytes.Compare(key, m.key) < 0 != m.back {
				m.key = key
			}
		}
	}
}

// on reports whether run i stands on the current key.
func (m *merge) on(i int) bool {
	n := m.at[i]
	return n >= 0 && n < m.runs[i].Len() && bytes.Equal(m.runs[i].Key(n), m.key)
}

func (m *merge) visible(best *Version, ts topo.Timestamp, bound Bound) *Version {
	for i, r := range m.runs {
		if r.wins(best, ts, bound) && m.on(i) {
			best = r.version(m.at[i])
		}
	}
	return best
}
