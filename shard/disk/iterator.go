package disk

import (
	"bytes"
	"fmt"
	"runtime/debug"

	"go.etcd.io/bbolt"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Iterator walks the keys that have a version at or below one timestamp, in order or in reverse, and stands on the newest
// such version (which may be a tombstone). It swaps its read transaction every refreshSteps entries, so that a long scan
// pins no pages; Generation then changes if a flush came between.
//
// Key, Row and their bytes are valid until the next move.
type Iterator struct {
	db      *DB
	r       *Reader
	c       *bbolt.Cursor
	ts      topo.Timestamp
	reverse bool

	k, v  []byte // where the cursor stands; nil at the end
	key   []byte // the unescaped key, in a reused buffer
	row   Row
	valid bool
	steps int
	seek  []byte // scratch
	err   error
}

const (
	// refreshSteps entries are read in one transaction: a few milliseconds.
	refreshSteps = 1 << 15
	// skipSteps versions of a key are passed over one by one before a seek takes over.
	skipSteps = 16
)

// Iterator returns an iterator at ts; Close it.
func (db *DB) Iterator(ts topo.Timestamp, reverse bool) (*Iterator, error) {
	r, err := db.Reader()
	if err != nil {
		return nil, err
	}
	return r.iterator(ts, reverse), nil
}

// PinnedIterator returns an iterator over this view alone, which never swaps it.
func (r *Reader) PinnedIterator(ts topo.Timestamp) *Iterator {
	r.Retain()
	it := r.iterator(ts, false)
	it.db = nil
	return it
}

func (r *Reader) iterator(ts topo.Timestamp, reverse bool) *Iterator {
	return &Iterator{db: r.db, r: r, c: r.rows.Cursor(), ts: ts, reverse: reverse}
}

// Close releases the iterator's view.
func (it *Iterator) Close() {
	if it.r != nil {
		it.r.Release()
		it.r = nil
	}
}

// Valid reports whether the iterator stands on a key.
func (it *Iterator) Valid() bool { return it.valid }

// Key returns the key.
func (it *Iterator) Key() []byte { return it.key }

// Row returns the version.
func (it *Iterator) Row() *Row { return &it.row }

// Err returns what ended the iteration early.
func (it *Iterator) Err() error { return it.err }

// Generation is the view's.
func (it *Iterator) Generation() uint64 { return it.r.Generation() }

// Seek moves to the first key >= key; in reverse, to the last key < key (nil: the last of all).
func (it *Iterator) Seek(key []byte) {
	defer it.r.db.contain(&it.err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	it.valid = false
	if it.reverse {
		if key == nil {
			it.k, it.v = it.c.Last()
		} else {
			it.seekBefore(appendPrefix(it.seek[:0], key))
		}
		it.findReverse()
		return
	}
	it.seek = appendPrefix(it.seek[:0], key)
	it.k, it.v = it.c.Seek(it.seek)
	it.find()
}

// seekBefore moves the cursor to the last entry before the disk key.
func (it *Iterator) seekBefore(diskKey []byte) {
	it.seek = diskKey
	if k, _ := it.c.Seek(diskKey); k == nil {
		it.k, it.v = it.c.Last()
	} else {
		it.k, it.v = it.c.Prev()
	}
}

// Next moves on by one key.
func (it *Iterator) Next() {
	it.valid = false
	if it.err != nil {
		return
	}
	defer it.r.db.contain(&it.err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	if it.steps >= refreshSteps && it.db != nil {
		if it.err = it.refresh(); it.err != nil {
			return
		}
	} else if !it.reverse {
		prefix, _, _ := splitVersionKey(it.k)
		it.skip(prefix)
	}
	if it.reverse {
		it.findReverse()
	} else {
		it.find()
	}
}

// refresh swaps the view and moves its cursor to the first entry behind (in reverse, before) the current key's versions.
func (it *Iterator) refresh() error {
	r, err := it.db.Reader()
	if err != nil {
		return err
	}
	at := appendPrefix(nil, it.key)
	it.r.Release()
	it.r, it.c, it.steps = r, r.rows.Cursor(), 0
	if it.reverse {
		it.seekBefore(at)
		return nil
	}
	it.k, it.v = it.c.Seek(afterVersions(at))
	return nil
}

// afterVersions returns a disk key above all versions of a prefix and below any later key.
func afterVersions(prefix []byte) []byte {
	return append(prefix, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF)
}

// skip moves the cursor past the remaining versions of a prefix.
func (it *Iterator) skip(prefix []byte) {
	for i := 0; ; i++ {
		it.k, it.v = it.c.Next()
		it.steps++
		if it.k == nil || len(it.k) != len(prefix)+tsBytes || !bytes.Equal(it.k[:len(prefix)], prefix) {
			return
		}
		if i == skipSteps {
			it.seek = afterVersions(append(it.seek[:0], prefix...))
			it.k, it.v = it.c.Seek(it.seek)
			return
		}
	}
}

// find goes on from the cursor's entry to the first key with a version at or below ts.
func (it *Iterator) find() {
	for it.k != nil {
		prefix, ts, ok := splitVersionKey(it.k)
		if !ok {
			it.err = it.r.db.corrupt(fmt.Errorf("entry %x: %w", it.k, errKey))
			return
		}
		if ts > it.ts {
			it.seek = appendTS(it.seek[:0], prefix, it.ts)
			if it.k, it.v = it.c.Next(); it.k == nil {
				return
			}
			it.steps++
			if p, t, ok := splitVersionKey(it.k); ok && t > it.ts && bytes.Equal(p, prefix) {
				it.k, it.v = it.c.Seek(it.seek)
			}
			continue
		}
		it.stand(prefix, it.k, it.v, ts)
		return
	}
}

// findReverse goes back from the cursor's entry, the oldest version of some key, to the first key with a version at or
// below ts, and leaves the cursor on the entry before that key.
func (it *Iterator) findReverse() {
	for it.k != nil && it.err == nil {
		prefix, ts, ok := splitVersionKey(it.k)
		if !ok {
			it.err = it.r.db.corrupt(fmt.Errorf("entry %x: %w", it.k, errKey))
			return
		}
		var k, v []byte
		var found topo.Timestamp
		for {
			if ts <= it.ts {
				k, v, found = it.k, it.v, ts
			}
			it.k, it.v = it.c.Prev()
			it.steps++
			var p []byte
			if it.k == nil {
				break
			}
			if p, ts, ok = splitVersionKey(it.k); !ok || !bytes.Equal(p, prefix) {
				break
			}
		}
		if k != nil {
			it.stand(prefix, k, v, found)
			return
		}
	}
}

// stand decodes the entry that the iterator yields.
func (it *Iterator) stand(prefix, k, v []byte, ts topo.Timestamp) {
	it.key = appendUnescaped(it.key[:0], prefix)
	it.row.TS = ts
	var err error
	if it.row.KeyTS, it.row.Value, it.row.Moved, err = decodeValue(k, v, ts); err != nil {
		it.err = it.r.db.corrupt(fmt.Errorf("version of key %x: %w", it.key, err))
		return
	}
	it.valid = true
}

// VersionIterator walks every version in key order, newest first, of one pinned view. Key and Row are valid until the
// next move.
type VersionIterator struct {
	r    *Reader
	c    *bbolt.Cursor
	key  []byte
	pref []byte
	row  Row
	ok   bool
	err  error
}

// Versions returns an iterator on the first version. It shares the reader's pin.
func (r *Reader) Versions() *VersionIterator {
	it := &VersionIterator{r: r, c: r.rows.Cursor()}
	it.move(it.c.First)
	return it
}

// Valid reports whether the iterator stands on a version.
func (it *VersionIterator) Valid() bool { return it.ok }

// Key returns the version's key.
func (it *VersionIterator) Key() []byte { return it.key }

// Row returns the version.
func (it *VersionIterator) Row() *Row { return &it.row }

// Err returns what ended the iteration early.
func (it *VersionIterator) Err() error { return it.err }

// Next moves on by one version.
func (it *VersionIterator) Next() { it.move(it.c.Next) }

func (it *VersionIterator) move(step func() ([]byte, []byte)) {
	defer it.r.db.contain(&it.err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	it.ok = false
	k, v := step()
	if k == nil {
		return
	}
	prefix, ts, ok := splitVersionKey(k)
	if !ok {
		it.err = it.r.db.corrupt(fmt.Errorf("entry %x: %w", k, errKey))
		return
	}
	if it.pref == nil || !bytes.Equal(prefix, it.pref) {
		it.pref = prefix
		it.key = appendUnescaped(it.key[:0], prefix)
	}
	it.row.TS = ts
	var err error
	if it.row.KeyTS, it.row.Value, it.row.Moved, err = decodeValue(k, v, ts); err != nil {
		it.err = it.r.db.corrupt(fmt.Errorf("version of key %x: %w", it.key, err))
		return
	}
	it.ok = true
}
