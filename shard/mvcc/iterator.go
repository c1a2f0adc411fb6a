package mvcc

import "github.com/pgmqdb/pgmqdb/shard/topo"

// Iterator walks a delta's keys in order, beside the writer. It may stand on a key of which the bound hides every version.
type Iterator struct {
	d *Delta
	e *entry
}

// Iterator returns an iterator that stands nowhere.
func (d *Delta) Iterator() Iterator { return Iterator{d: d} }

// SeekGE moves to the first key >= key and reports whether there is one.
func (it *Iterator) SeekGE(key []byte) bool {
	it.e = it.d.before(key).next0.Load()
	return it.e != nil
}

// SeekLT moves to the last key < key, or the last key of all when key is nil.
func (it *Iterator) SeekLT(key []byte) bool {
	if key == nil {
		// A node appended after the tail was read is hidden by the caller's bound.
		it.e = it.d.tail.Load()
		return it.e != nil
	}
	it.e = it.d.before(key)
	if it.e == &it.d.head {
		it.e = nil
	}
	return it.e != nil
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

// Next moves on by one key.
func (it *Iterator) Next() bool {
	it.e = it.e.next0.Load()
	return it.e != nil
}

// Prev moves back by one key.
func (it *Iterator) Prev() bool {
	it.e = it.e.prev0.Load()
	return it.e != nil
}

// Valid reports whether the iterator stands on a key.
func (it *Iterator) Valid() bool { return it.e != nil }

// Key returns the key; it never changes.
func (it *Iterator) Key() []byte { return it.e.key() }

// Visible returns the newest version with a timestamp <= ts that the bound admits, or nil.
func (it *Iterator) Visible(ts topo.Timestamp, bound Bound) *Version {
	return visible(it.e.head.Load(), ts, bound)
}
