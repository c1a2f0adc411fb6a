package fsm

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/pgmqdb/pgmqdb/shard/disk"
	"github.com/pgmqdb/pgmqdb/shard/mvcc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// A snapshot is a stream: magic, format, index and horizon; the records of tables; the versions in key order, newest
// first; counts and the digest of all of it. It has what matters and nothing else: of each key the versions above the
// horizon and the newest one at or below it, unless that is a tombstone. So it is the same on every replica.

const (
	snapshotMagic = "PGMQSNAP"
	// A stream of FormatFirst has no version that says where the row before it went, so that nodes that do not know of
	// that can read it.
	snapshotFormatFirst = 1
	snapshotFormatMoved = 2

	frameEnd     = 0
	frameRecord  = 1
	frameVersion = 2
	frameOlder   = 3 // a further version of the same key
)

// Snapshot pins one applied index of a State for SaveSnapshot.
type Snapshot struct {
	index   uint64
	format  uint8
	horizon topo.Timestamp
	bound   mvcc.Bound
	view    view
	reader  *disk.Reader
	records []disk.Record
	// waiting says that nobody has begun to save it: whoever clears it releases the reader.
	waiting atomic.Bool
}

// Index returns the applied index that the snapshot pins.
func (snap *Snapshot) Index() uint64 { return snap.index }

// PrepareSnapshot pins the state at the applied index. It must not run beside Apply. A snapshot that is never saved nor
// released ends with Close.
func (s *State) PrepareSnapshot() (*Snapshot, error) {
	snap, err := s.pin()
	if err != nil {
		return nil, err
	}
	snap.waiting.Store(true)
	s.snapshots.Store(snap, nil)
	return snap, nil
}

// releaseSnapshots gives up those that nobody has begun to save: their pins would keep the file from closing.
func (s *State) releaseSnapshots() {
	s.snapshots.Range(func(key, _ any) bool {
		s.snapshots.Delete(key)
		key.(*Snapshot).Release()
		return true
	})
}

func (s *State) pin() (*Snapshot, error) {
	s.applyMu.Lock()
	defer s.applyMu.Unlock()
	return s.pinHeld()
}

// pinHeld is pin for the holder of applyMu.
func (s *State) pinHeld() (*Snapshot, error) {
	if err := s.failure(); err != nil {
		return nil, err
	}
	snap := &Snapshot{index: s.t.index, format: snapshotFormatFirst, horizon: s.t.horizon, bound: s.seq, view: *s.view.Load()}
	if s.t.version >= FormatMoved {
		snap.format = snapshotFormatMoved
	}
	r, err := snap.view.disk.Reader()
	if err != nil {
		return nil, closedError(err)
	}
	snap.reader = r
	for _, key := range s.t.keys() {
		snap.records = append(snap.records, disk.Record{Key: key, Value: s.t.encode(key)})
	}
	return snap, nil
}

// Release gives a prepared snapshot up that will not be saved.
func (snap *Snapshot) Release() {
	if snap.waiting.Swap(false) {
		snap.reader.Release()
	}
}

// digest sums the hashes of what a state holds, so that the order of hashing does not matter.
type digest struct {
	sum             uint64
	records, values uint64
	buf             []byte
}

// header makes a stream's head and counts it in.
func (d *digest) header(format uint8, index uint64, horizon topo.Timestamp) []byte {
	b := append([]byte(snapshotMagic), format)
	b = appendTS(binary.AppendUvarint(b, index), horizon)
	d.sum += hash64(3, b)
	return b
}

func (d *digest) record(key, value []byte) {
	d.records++
	d.sum += hash64(hash64(1, key), value)
}

func (d *digest) version(key []byte, v *version) {
	d.values++
	seed := hash64(2, key)
	d.buf = binary.BigEndian.AppendUint64(d.buf[:0], uint64(v.ts))
	d.buf = binary.BigEndian.AppendUint64(d.buf, uint64(v.keyTS))
	d.buf = append(d.buf, flags(v.value != nil, v.moved != nil))
	sum := hash64(hash64(seed, d.buf), v.value)
	if v.moved != nil {
		sum = hash64(sum, v.moved)
	}
	d.sum += sum
}

// Digest hashes the logical state at the applied index: equal on all replicas that applied the same log. It reads all of
// it, beside apply.
func (s *State) Digest() (index, sum uint64, err error) {
	snap, err := s.pin()
	if err != nil {
		return 0, 0, err
	}
	defer snap.reader.Release()
	sum, err = snap.digest(context.Background())
	return snap.index, sum, err
}

// version is one that eachVersion weighs.
type version struct {
	ts, keyTS    topo.Timestamp
	value, moved []byte
}

// eachVersion calls fn for every version that matters, in key order, newest first.
func (snap *Snapshot) eachVersion(fn func(key []byte, v *version) error) error {
	var deltas []mvcc.Iterator
	for _, d := range [...]*mvcc.Delta{snap.view.active, snap.view.frozen} {
		if d == nil {
			continue
		}
		if it := d.Iterator(); it.SeekGE(nil) {
			deltas = append(deltas, it)
		}
	}
	file := snap.reader.Versions()
	var key, arena []byte
	var all []version
	var list []*mvcc.Version
	for {
		next, any := []byte(nil), false
		if file.Valid() {
			next, any = file.Key(), true
		}
		for i := range deltas {
			if it := &deltas[i]; it.Valid() && (!any || bytes.Compare(it.Key(), next) < 0) {
				next, any = it.Key(), true
			}
		}
		if !any {
			return file.Err()
		}
		key = append(key[:0], next...)
		all, arena = all[:0], arena[:0]
		for i := range deltas {
			it := &deltas[i]
			if !it.Valid() || !bytes.Equal(it.Key(), key) {
				continue
			}
			list = it.Versions(list[:0], snap.bound)
			for _, v := range list {
				all = insertVersion(all, version{v.TS, v.KeyTS, v.Value(), v.Moved()})
			}
			it.Next()
		}
		for ; file.Valid() && bytes.Equal(file.Key(), key); file.Next() {
			row := file.Row()
			all = insertVersion(all, version{row.TS, row.KeyTS, row.Value, row.Moved})
		}
		if file.Err() != nil {
			return file.Err()
		}
		if hasStorage(snap.view.dropped, key) {
			continue
		}
		if err := snap.emit(key, all, fn); err != nil {
			return err
		}
	}
}

// insertVersion keeps the list newest first; what is there already wins at an equal timestamp.
func insertVersion(all []version, v version) []version {
	i := len(all)
	for i > 0 && all[i-1].ts <= v.ts {
		if all[i-1].ts == v.ts {
			return all
		}
		i--
	}
	all = append(all, version{})
	copy(all[i+1:], all[i:])
	all[i] = v
	return all
}

func (snap *Snapshot) emit(key []byte, all []version, fn func([]byte, *version) error) error {
	for i := range all {
		v := &all[i]
		passed := v.ts <= snap.horizon
		if passed && v.value == nil {
			return nil
		}
		if err := fn(key, v); err != nil || passed {
			return err
		}
	}
	return nil
}

// SaveSnapshot writes a pinned state, beside Apply, and releases it. done interrupts it.
func (s *State) SaveSnapshot(snap *Snapshot, w io.Writer, done <-chan struct{}) error {
	s.snapshots.Delete(snap)
	if !snap.waiting.Swap(false) {
		return ErrClosed
	}
	defer snap.reader.Release()
	out := bufio.NewWriterSize(w, 256<<10)
	var d digest
	buf := d.header(snap.format, snap.index, snap.horizon)
	if _, err := out.Write(buf); err != nil {
		return err
	}
	for _, r := range snap.records {
		d.record(r.Key, r.Value)
		buf = appendBytes(appendBytes(append(buf[:0], frameRecord), r.Key), r.Value)
		if _, err := out.Write(buf); err != nil {
			return err
		}
	}
	var last []byte
	err := snap.eachVersion(func(key []byte, v *version) error {
		if d.version(key, v); d.values&1023 == 0 && interrupted(done) {
			return ErrInterrupted
		}
		if d.values > 1 && bytes.Equal(last, key) {
			buf = append(buf[:0], frameOlder)
		} else {
			buf = appendBytes(append(buf[:0], frameVersion), key)
			last = append(last[:0], key...)
		}
		buf = append(appendTS(appendTS(buf, v.ts), v.keyTS), flags(v.value != nil, v.moved != nil))
		if v.moved != nil {
			buf = appendBytes(buf, v.moved)
		}
		_, err := out.Write(appendBytes(buf, v.value))
		return err
	})
	if err != nil {
		return err
	}
	buf = append(buf[:0], frameEnd)
	for _, u := range [...]uint64{d.records, d.values, d.sum} {
		buf = binary.LittleEndian.AppendUint64(buf, u)
	}
	if _, err := out.Write(buf); err != nil {
		return err
	}
	return out.Flush()
}

func interrupted(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

var errSnapshot = errors.New("fsm: malformed snapshot")

// RecoverFromSnapshot replaces the state by a saved one, durably. It must not run beside Apply. Reads beside it may answer
// ErrClosed. On an error the old state stands, unless the file could not be opened again.
func (s *State) RecoverFromSnapshot(r io.Reader, done <-chan struct{}) error {
	b, err := disk.NewBuilder(s.path)
	if err != nil {
		return err
	}
	defer b.Abort()
	if err := buildSnapshot(b, &snapshotReader{r: bufio.NewReaderSize(r, 256<<10)}, done); err != nil {
		return err
	}
	s.flushMu.Lock()
	defer s.flushMu.Unlock()
	s.applyMu.Lock()
	defer s.applyMu.Unlock()
	if s.closed.Load() {
		return ErrClosed
	}
	s.releaseSnapshots()
	if err := s.view.Load().disk.Close(); err != nil {
		return s.fail(err)
	}
	if err := b.Install(); err != nil {
		return s.fail(err)
	}
	if err := s.load(); err != nil {
		return s.fail(err)
	}
	s.failed.Store(nil)
	s.passWaiting()
	return nil
}

func buildSnapshot(b *disk.Builder, r *snapshotReader, done <-chan struct{}) error {
	head := make([]byte, len(snapshotMagic)+1)
	r.full(head)
	format := head[len(snapshotMagic)]
	if r.err == nil && (string(head[:len(snapshotMagic)]) != snapshotMagic || format < snapshotFormatFirst || format > snapshotFormatMoved) {
		return fmt.Errorf("%w: unknown magic or format", errSnapshot)
	}
	index, horizon := r.uvarint(), topo.Timestamp(r.uvarint())
	var d digest
	d.header(format, index, horizon)
	var key, value, moved []byte
	for n := 0; r.err == nil; n++ {
		if n&1023 == 0 && interrupted(done) {
			return ErrInterrupted
		}
		frame := r.byte()
		if r.err != nil || frame == frameEnd {
			break
		}
		if frame > frameOlder {
			return errSnapshot
		}
		if frame != frameOlder {
			key = r.bytes(key[:0], disk.MaxKeyBytes+64)
		}
		if frame == frameRecord {
			if value = r.bytes(value[:0], maxSnapshotValue); r.err == nil {
				d.record(key, value)
				r.err = b.Record(key, value)
			}
			continue
		}
		v := version{ts: topo.Timestamp(r.uvarint()), keyTS: topo.Timestamp(r.uvarint())}
		f := r.byte()
		if f&2 != 0 {
			moved = r.bytes(moved[:0], disk.MaxKeyBytes+64)
			v.moved = moved
		}
		value = r.bytes(value[:0], maxSnapshotValue)
		if f&1 != 0 {
			v.value = value
		}
		if r.err == nil {
			d.version(key, &v)
			r.err = b.Version(key, v.ts, v.keyTS, v.value, v.moved)
		}
	}
	tail := make([]byte, 24)
	r.full(tail)
	if r.err != nil {
		return fmt.Errorf("fsm: recover: %w", r.err)
	}
	for i, u := range [...]uint64{d.records, d.values, d.sum} {
		if binary.LittleEndian.Uint64(tail[8*i:]) != u {
			return fmt.Errorf("%w: digest differs", errSnapshot)
		}
	}
	return b.Finish(index, horizon)
}

// maxSnapshotValue bounds the memory that a length word can ask for.
const maxSnapshotValue = 1 << 30

// snapshotReader reads until its first error, and zeroes from then on.
type snapshotReader struct {
	r   *bufio.Reader
	err error
}

func (r *snapshotReader) full(b []byte) {
	if r.err == nil {
		_, r.err = io.ReadFull(r.r, b)
	}
}

func (r *snapshotReader) byte() (b byte) {
	if r.err == nil {
		b, r.err = r.r.ReadByte()
	}
	return b
}

func (r *snapshotReader) uvarint() (u uint64) {
	if r.err == nil {
		u, r.err = binary.ReadUvarint(r.r)
	}
	return u
}

// bytes reads a byte string into buf, growing it only as bytes arrive. The result is never nil.
func (r *snapshotReader) bytes(buf []byte, limit uint64) []byte {
	n := r.uvarint()
	if n > limit {
		r.err = errSnapshot
	}
	if buf == nil {
		buf = []byte{}
	}
	const step = 1 << 20
	for r.err == nil && n > 0 {
		k := min(n, step)
		at := len(buf)
		buf = append(buf, make([]byte, k)...)
		r.full(buf[at:])
		n -= k
	}
	return buf
}
