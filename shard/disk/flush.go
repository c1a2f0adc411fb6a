package disk

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"runtime/debug"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/pgmqdb/pgmqdb/shard/mvcc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Record is a changed record of the side tables; a nil Value deletes it.
type Record struct{ Key, Value []byte }

// Batch is what one flush writes, in one transaction.
type Batch struct {
	Index   uint64
	Horizon topo.Timestamp
	// Delta is frozen: nobody writes to it any more.
	Delta *mvcc.Delta
	// Records is sorted by key.
	Records []Record
	// Dropped lists the storages, in order, whose entries are dead; what the file still has of them is deleted a bounded
	// number per flush.
	Dropped []topo.StorageID
}

// Bounds of the housekeeping in one flush.
const (
	gcPerFlush   = 200_000
	dropPerFlush = 200_000
)

// valueSlab is how much memory the values of a flush take at a time.
const valueSlab = 32 << 10

// fillPercent leaves a little room in pages: batches are sorted, but the next one falls between this one's keys.
const fillPercent = 0.85

// Flush writes a batch durably. One flush at a time; readers go on beside it.
//
// Versions that the horizon has passed go: of each key that the batch touches, and of keys that the gc bucket lists, stay
// the versions above the horizon and the newest one at or below it, unless that is a tombstone.
func (db *DB) Flush(ctx context.Context, b *Batch) (err error) {
	defer db.contain(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	if err := db.withdraw(); err != nil {
		return err
	}
	var meta Meta
	committed := false
	defer func() { db.endFlush(meta, committed) }()
	if h := uint64(b.Horizon); h > db.gcHorizon.Load() {
		db.gcHorizon.Store(h)
	}
	tx, err := db.bolt.Begin(true)
	if err != nil {
		return err
	}
	defer func() {
		if !committed {
			_ = tx.Rollback()
		}
	}()
	db.share()
	f := newFlush(db, tx, b)
	if meta, err = readMeta(f.meta); err != nil {
		return db.corrupt(err)
	}
	for _, step := range []func(context.Context) error{f.dropStorages, f.writeDelta, f.collect, f.writeRecords} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	meta.Index, meta.Horizon = b.Index, max(meta.Horizon, b.Horizon)
	meta.Versions += f.added
	meta.Records += f.records
	meta.Format = max(meta.Format, f.format)
	if err := writeMeta(f.meta, meta); err != nil {
		return err
	}
	if err := db.withdraw(); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("disk: flush %s: %w", db.path, err)
	}
	committed = true
	return nil
}

// withdraw gives up the shared reader, so that it is gone when its last user is, and lets none be shared until share or
// endFlush. A flush does so twice: when its transaction begins, which can then reuse the pages that only older views have, and
// before its commit, which may have to remap. In between, where the versions are merged, it allocates no page.
func (db *DB) withdraw() error {
	db.mu.Lock()
	if db.closed {
		db.mu.Unlock()
		return ErrClosed
	}
	shared := db.shared
	db.shared, db.unshared = nil, true
	db.mu.Unlock()
	if shared != nil {
		shared.Release()
	}
	return nil
}

// share lets readers share a view again, of what the file had before the flush.
func (db *DB) share() {
	db.mu.Lock()
	db.unshared = false
	db.mu.Unlock()
}

func (db *DB) endFlush(meta Meta, committed bool) {
	db.mu.Lock()
	db.unshared = false
	if committed {
		db.meta = meta
		db.gen++
	}
	db.mu.Unlock()
}

// flush is one Flush at work.
type flush struct {
	db    *DB
	b     *Batch
	rows  *bbolt.Bucket
	state *bbolt.Bucket
	gc    *bbolt.Bucket
	meta  *bbolt.Bucket
	cur   *bbolt.Cursor

	added   int64 // versions put less versions deleted
	records int64
	format  uint8 // that what was put needs
	steps   int

	delta      []*mvcc.Version // of the key at work, as the delta has them
	versions   []version       // of the key at work, newest first
	prefix     []byte
	buf        []byte
	values     []byte   // what is left of it is for the next values
	candidates [][]byte // gc records to put
}

// version is one version of a key at work: from the delta (isNew), on disk, or both, when the delta's replaces it.
type version struct {
	ts, keyTS topo.Timestamp
	value     []byte
	moved     []byte
	tombstone bool
	isNew     bool
	onDisk    bool
}

func newFlush(db *DB, tx *bbolt.Tx, b *Batch) *flush {
	f := &flush{db: db, b: b, rows: tx.Bucket(bucketVersions), state: tx.Bucket(bucketState),
		gc: tx.Bucket(bucketGC), meta: tx.Bucket(bucketMeta)}
	f.rows.FillPercent, f.gc.FillPercent = fillPercent, fillPercent
	f.cur = f.rows.Cursor()
	return f
}

func (f *flush) yield(ctx context.Context) error {
	f.steps++
	GiveWay(f.steps)
	if f.steps&1023 == 0 {
		return ctx.Err()
	}
	return nil
}

func (f *flush) dropped(key []byte) bool {
	if len(f.b.Dropped) == 0 {
		return false
	}
	id, ok := topo.KeyStorageID(key)
	if !ok {
		return false
	}
	_, found := slices.BinarySearch(f.b.Dropped, id)
	return found
}

// walker goes through disk keys.
type walker interface {
	// Seek goes to the first disk key at or behind one, nil at the end; the bytes are valid until the walker moves.
	Seek(diskKey []byte) (k, v []byte)
	Next() (k, v []byte)
}

// writeDelta merges every key of the delta with what the file has of it. What it had before the flush, that is: no key comes
// twice, so that it is read in a view, beside what is being written, and in steps where the keys lie close together.
func (f *flush) writeDelta(ctx context.Context) error {
	before, err := f.db.Seeker()
	if err != nil {
		return err
	}
	defer before.Close()
	it := f.b.Delta.Iterator()
	for ok := it.SeekGE(nil); ok; ok = it.Next() {
		if err := f.yield(ctx); err != nil {
			return err
		}
		key := it.Key()
		if f.dropped(key) {
			continue
		}
		f.prefix = appendPrefix(f.prefix[:0], key)
		f.versions = f.versions[:0]
		lone := false
		f.delta = it.Versions(f.delta[:0], mvcc.Unbounded)
		for _, v := range f.delta {
			f.versions = append(f.versions, version{ts: v.TS, keyTS: v.KeyTS, value: v.Value(), moved: v.Moved(), tombstone: v.Tombstone(), isNew: true})
			lone = lone || v.Flags()&mvcc.Lone != 0
		}
		if !lone {
			if err := f.addDiskVersions((*seekerWalk)(before)); err != nil {
				return err
			}
		}
		if err := f.rewrite(); err != nil {
			return err
		}
	}
	return nil
}

// addDiskVersions merges the file's versions of f.prefix into f.versions; the delta's wins at an equal timestamp.
func (f *flush) addDiskVersions(file walker) error {
	fromDelta := len(f.versions)
	for k, v := file.Seek(f.prefix); k != nil && bytes.HasPrefix(k, f.prefix); k, v = file.Next() {
		prefix, ts, ok := splitVersionKey(k)
		if !ok || len(prefix) != len(f.prefix) {
			return f.db.corrupt(fmt.Errorf("entry %x: %w", k, errKey))
		}
		_, value, _, err := decodeValue(k, v, ts)
		if err != nil {
			return f.db.corrupt(fmt.Errorf("entry %x: %w", k, err))
		}
		f.versions = append(f.versions, version{ts: ts, tombstone: value == nil, onDisk: true})
	}
	if fromDelta == 0 || fromDelta == len(f.versions) {
		return nil
	}
	slices.SortStableFunc(f.versions, func(a, b version) int { return cmp.Compare(b.ts, a.ts) })
	n := 1
	for _, v := range f.versions[1:] {
		if last := &f.versions[n-1]; last.ts == v.ts {
			last.onDisk = true
			continue
		}
		f.versions[n] = v
		n++
	}
	f.versions = f.versions[:n]
	return nil
}

// rewrite puts and deletes what f.versions needs, and lists the key for collection when something of it will fall due.
func (f *flush) rewrite() error {
	var oldest, before topo.Timestamp
	oldestTombstone := false
	kept := 0
	passed := false // the newest version at or below the horizon was met
	for i := range f.versions {
		v := &f.versions[i]
		keep := !passed
		if v.ts <= f.b.Horizon && !passed {
			passed = true
			keep = !v.tombstone
		}
		if keep {
			kept++
			before, oldest, oldestTombstone = oldest, v.ts, v.tombstone
		}
		var err error
		switch {
		case keep && v.isNew:
			err = f.put(v)
		case !keep && v.onDisk:
			err = f.remove(v.ts)
		}
		if err != nil {
			return err
		}
	}
	switch {
	case kept > 0 && oldestTombstone:
		f.candidate(oldest)
	case kept > 1:
		f.candidate(before)
	}
	return nil
}

func (f *flush) put(v *version) error {
	// bbolt copies the key, and keeps the value until the transaction ends.
	f.buf = appendTS(f.buf[:0], f.prefix, v.ts)
	if !v.onDisk {
		f.added++
	}
	if v.moved != nil {
		f.format = formatMoved
	}
	size := crcBytes + 9 + len(v.value) + binary.MaxVarintLen32 + len(v.moved)
	if size > cap(f.values)-len(f.values) {
		f.values = make([]byte, 0, max(size, valueSlab))
	}
	from := len(f.values)
	f.values = appendValue(f.values, f.buf, v.ts, v.keyTS, v.value, v.moved)
	return f.rows.Put(f.buf, f.values[from:len(f.values):len(f.values)])
}

func (f *flush) remove(ts topo.Timestamp) error {
	f.added--
	f.buf = appendTS(f.buf[:0], f.prefix, ts)
	return f.rows.Delete(f.buf)
}

// candidate notes that f.prefix has something to drop once the horizon reaches ts.
func (f *flush) candidate(ts topo.Timestamp) {
	k := binary.BigEndian.AppendUint64(make([]byte, 0, tsBytes+len(f.prefix)), uint64(ts))
	f.candidates = append(f.candidates, append(k, f.prefix...))
}

// collect visits keys of the gc bucket whose time has come, a bounded number, and adds the candidates of this flush.
func (f *flush) collect(ctx context.Context) error {
	var due [][]byte
	c := f.gc.Cursor()
	for k, _ := c.First(); k != nil && len(due) < gcPerFlush; k, _ = c.Next() {
		if len(k) < tsBytes || topo.Timestamp(binary.BigEndian.Uint64(k)) > f.b.Horizon {
			break
		}
		due = append(due, bytes.Clone(k))
	}
	for _, k := range due {
		if err := f.gc.Delete(k); err != nil {
			return err
		}
	}
	slices.SortFunc(due, func(a, b []byte) int { return bytes.Compare(a[tsBytes:], b[tsBytes:]) })
	for i, k := range due {
		if i > 0 && bytes.Equal(k[tsBytes:], due[i-1][tsBytes:]) {
			continue
		}
		if err := f.yield(ctx); err != nil {
			return err
		}
		f.prefix = append(f.prefix[:0], k[tsBytes:]...)
		f.versions = f.versions[:0]
		if err := f.addDiskVersions(f.cur); err != nil {
			return err
		}
		if err := f.rewrite(); err != nil {
			return err
		}
	}
	slices.SortFunc(f.candidates, bytes.Compare)
	for _, k := range f.candidates {
		if err := f.gc.Put(k, nil); err != nil {
			return err
		}
	}
	return nil
}

// dropStorages deletes entries of dropped storages, a bounded number per flush. The meta bucket lists the storages of
// which nothing is left, so that none is looked for twice; readers ignore what remains.
func (f *flush) dropStorages(ctx context.Context) error {
	if len(f.b.Dropped) == 0 {
		return nil
	}
	gone := parseIDs(f.meta.Get(metaGone))
	budget := dropPerFlush
	for _, id := range f.b.Dropped {
		if _, ok := slices.BinarySearch(gone, id); ok {
			continue
		}
		n, err := f.dropStorage(ctx, appendEscaped(nil, topo.AppendStorageID(nil, id)), budget)
		if err != nil {
			return err
		}
		if budget -= n; budget <= 0 {
			break
		}
		at, _ := slices.BinarySearch(gone, id)
		gone = slices.Insert(gone, at, id)
	}
	return f.meta.Put(metaGone, appendIDs(nil, gone))
}

func (f *flush) dropStorage(ctx context.Context, prefix []byte, budget int) (int, error) {
	n := 0
	var keys [][]byte
	for n < budget {
		keys = keys[:0]
		for k, _ := f.cur.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix) && len(keys) < 4096; k, _ = f.cur.Next() {
			keys = append(keys, bytes.Clone(k))
		}
		for _, k := range keys {
			if err := f.yield(ctx); err != nil {
				return n, err
			}
			if err := f.rows.Delete(k); err != nil {
				return n, err
			}
		}
		n += len(keys)
		f.added -= int64(len(keys))
		if len(keys) == 0 {
			return n, nil
		}
	}
	return n, nil
}

// writeRecords puts and deletes the side tables' records.
func (f *flush) writeRecords(ctx context.Context) error {
	for _, r := range f.b.Records {
		if err := f.yield(ctx); err != nil {
			return err
		}
		exists := f.state.Get(r.Key) != nil
		switch {
		case r.Value == nil && exists:
			f.records--
			if err := f.state.Delete(r.Key); err != nil {
				return err
			}
		case r.Value != nil:
			if !exists {
				f.records++
			}
			value := appendRecord(make([]byte, 0, crcBytes+len(r.Value)), r.Key, r.Value)
			if err := f.state.Put(r.Key, value); err != nil {
				return err
			}
		}
	}
	return nil
}
