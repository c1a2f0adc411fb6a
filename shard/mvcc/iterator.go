package mvcc

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Iterator walks a delta's keys in order, beside the writer. It may stand on a key of which the bound hides every version.
type Iterator struct {
	d *Delta
	e *entry
	m *merge // nil: the delta has no runs
}

// Iterator returns an iterator that stands nowhere.
func (d *Delta) Iterator() Iterator {
	it := Iterator{d: d}
	if runs := d.runs.Load(); runs != nil {
		it.m = newMerge(*runs)
	}
	return it
}

// SeekGE moves to the first key >= key and reports whether there is one.
func (it *Iterator) SeekGE(key []byte) bool {
	it.e = it.d.before(key).next0.Load()
	if it.m != nil {
		it.m.seekGE(key, it.e)
	}
	return it.Valid()
}

// SeekLT moves to the last key < key, or the last key of all when key is nil.
func (it *Iterator) SeekLT(key []byte) bool {
	if key == nil {
		// A node appended after the tail was read is hidden by the caller's bound.
		it.e = it.d.tail.Load()
	} else if it.e = it.d.before(key); it.e == &it.d.head {
		it.e = nil
	}
	if it.m != nil {
		it.m.seekLT(key, it.e)
	}
	return it.Valid()
}

func (d *Delta) before(key []byte) *entry {
	p, t := &d.head, newTarget(key)
	for l := int(d.height.Load()) - 1; l >= 0; l-- {
		for n := p.next(l); n != nil && n.before(&t); n = p.next(l) {
			p = n
		}
	}
	return p
}

// Next moves on by one key. It may not follow SeekLT or Prev.
func (it *Iterator) Next() bool {
	if it.m == nil {
		it.e = it.e.next0.Load()
		return it.e != nil
	}
	it.m.step()
	if it.onEntry() {
		it.e = it.e.next0.Load()
	}
	it.m.pick(it.e)
	return it.Valid()
}

// Prev moves back by one key. It may not follow SeekGE or Next.
func (it *Iterator) Prev() bool {
	if it.m == nil {
		it.e = it.e.prev0.Load()
		return it.e != nil
	}
	it.m.step()
	if it.onEntry() {
		it.e = it.e.prev0.Load()
	}
	it.m.pick(it.e)
	return it.Valid()
}

// onEntry reports whether the skip list's node has the current key.
func (it *Iterator) onEntry() bool {
	return it.e != nil && (it.m == nil || bytes.Equal(it.e.key(), it.m.key))
}

// Valid reports whether the iterator stands on a key.
func (it *Iterator) Valid() bool {
	if it.m != nil {
		return it.m.key != nil
	}
	return it.e != nil
}

// Key returns the key; it never changes.
func (it *Iterator) Key() []byte {
	if it.m != nil {
		return it.m.key
	}
	return it.e.key()
}

// Visible returns the newest version with a timestamp <= ts that the bound admits, or nil.
func (it *Iterator) Visible(ts topo.Timestamp, bound Bound) *Version {
	if it.m == nil {
		return visible(it.e.head.Load(), ts, bound)
	}
	var v *Version
	if it.onEntry() {
		v = visible(it.e.head.Load(), ts, bound)
	}
	return it.m.visible(v, ts, bound)
}

// Versions appends all versions of the key that the bound admits to dst, newest first.
func (it *Iterator) Versions(dst []*Version, bound Bound) []*Version {
	from := len(dst)
	if it.m != nil {
		for i, r := range it.m.runs {
			if r.seq <= bound && it.m.on(i) {
				dst = append(dst, r.version(it.m.at[i]))
			}
		}
	}
	inRuns := len(dst) - from
	if it.onEntry() {
		for v := it.e.head.Load(); v != nil; v = v.Next() {
			if v.Seq() <= bound {
				dst = append(dst, v)
			}
		}
	}
	if inRuns == 0 || len(dst) == from+1 {
		return dst
	}
	// Of equal timestamps the first stays: of two runs never, of a run and the list the run's.
	slices.SortStableFunc(dst[from:], func(a, b *Version) int { return cmp.Compare(b.TS, a.TS) })
	kept := slices.CompactFunc(dst[from:], func(a, b *Version) bool { return a.TS == b.TS })
	return dst[:from+len(kept)]
}
