// Package disk is the durable half of a replica: one bbolt file that holds what was flushed from the delta. It is the only
// importer of bbolt.
//
// A file has four buckets: versions (key and timestamp to value, see codec.go), state (the side tables' records, which
// shard/fsm encodes), gc (which keys hold something that the horizon will let go of, by the timestamp it must reach) and
// meta (format, applied index, counts). Flush writes a whole delta, the changed records and the applied index in one
// transaction; nothing else ever writes, so one read transaction serves all readers, but while a flush commits.
//
// bbolt checksums only its meta pages. Every entry here carries its own CRC32C, verified by every read; what bbolt panics
// about, and faults of the mapped file, are caught. All come back as *CorruptError: the replica is to be rebuilt.
package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// CorruptError says that a file's bytes are damaged.
type CorruptError struct {
	Path string
	Err  error
}

func (e *CorruptError) Error() string { return "disk: " + e.Path + " is corrupt: " + e.Err.Error() }

func (e *CorruptError) Unwrap() error { return e.Err }

// ErrClosed says that the file was closed.
var ErrClosed = errors.New("disk: closed")

// Options tune a file. The zero value is usable.
type Options struct {
	// InitialMmapBytes is the address space reserved at open (0: 16 GiB). A file that outgrows it remaps, and waits for
	// readers to do so.
	InitialMmapBytes int64
	// ReadOnly opens a file that exists and changes no byte of it.
	ReadOnly bool
}

const defaultMmapBytes = 16 << 30

var (
	bucketVersions = []byte("versions")
	bucketState    = []byte("state")
	bucketGC       = []byte("gc")
	bucketMeta     = []byte("meta")
)

// DB is an open file.
type DB struct {
	path string
	bolt *bbolt.DB

	mu sync.Mutex
	// shared serves all readers; nil when none was opened since the last flush began or ended, and while unshared is set.
	shared   *Reader
	unshared bool // see withdraw
	closed   bool
	// gen counts the flushes; readers of one generation see the same bytes.
	gen uint64

	// gcHorizon is the horizon up to which old versions may be gone: set before the flush that drops them.
	gcHorizon atomic.Uint64
	meta      Meta // of the last flush; guarded by mu
}

// Meta is what the meta bucket says.
type Meta struct {
	Index    uint64 // of the last log entry whose effects the file has
	Horizon  topo.Timestamp
	Versions int64 // entries in the versions bucket
	Records  int64 // entries in the state bucket
	Format   uint8 // the newest layout that an entry of the file has; 0 is 1, the first
}

// Open opens the file, or creates it.
func Open(path string, opts Options) (db *DB, err error) {
	db = &DB{path: path}
	defer db.contain(&err)
	if !opts.ReadOnly {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, err
		}
	}
	mmap := opts.InitialMmapBytes
	if mmap == 0 {
		mmap = defaultMmapBytes
	}
	db.bolt, err = bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout:         5 * time.Second,
		NoFreelistSync:  true,
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: int(mmap),
		NoStatistics:    true,
		ReadOnly:        opts.ReadOnly,
	})
	if err != nil {
		return nil, db.openError(err)
	}
	if err := db.init(); err != nil {
		db.bolt.Close()
		return nil, err
	}
	return db, nil
}

// openError tells damage from what the environment refused.
func (db *DB) openError(err error) error {
	var pathErr *os.PathError
	if errors.As(err, &pathErr) || errors.Is(err, bbolterrors.ErrTimeout) {
		return fmt.Errorf("disk: open %s: %w", db.path, err)
	}
	return &CorruptError{db.path, err}
}

func (db *DB) init() error {
	fresh := false
	err := db.bolt.View(func(tx *bbolt.Tx) error {
		m := tx.Bucket(bucketMeta)
		if m == nil {
			fresh = true
			return nil
		}
		for _, name := range [][]byte{bucketVersions, bucketState, bucketGC} {
			if tx.Bucket(name) == nil {
				return &CorruptError{db.path, fmt.Errorf("bucket %s is missing", name)}
			}
		}
		meta, err := readMeta(m)
		if err != nil {
			return &CorruptError{db.path, err}
		}
		db.meta = meta
		db.gcHorizon.Store(uint64(meta.Horizon))
		return nil
	})
	if err != nil || !fresh {
		return err
	}
	return db.bolt.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{bucketVersions, bucketState, bucketGC, bucketMeta} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return writeMeta(tx.Bucket(bucketMeta), Meta{})
	})
}

// contain turns a panic of bbolt, or a fault of the mapped file, into a CorruptError. Deferred by every entry point; the
// goroutine has SetPanicOnFault on while it touches mapped bytes.
func (db *DB) contain(err *error) {
	switch r := recover().(type) {
	case nil:
	case runtime.Error:
		if fault, ok := r.(interface{ Addr() uintptr }); ok {
			*err = &CorruptError{db.path, fmt.Errorf("fault in the mapped file at %#x", fault.Addr())}
			return
		}
		*err = &CorruptError{db.path, fmt.Errorf("bbolt panic: %w", r)}
	default:
		*err = &CorruptError{db.path, fmt.Errorf("bbolt panic: %v", r)}
	}
}

func (db *DB) corrupt(err error) error { return &CorruptError{db.path, err} }

// Path returns the file's name.
func (db *DB) Path() string { return db.path }

// Meta returns the meta of the last flush.
func (db *DB) Meta() Meta {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.meta
}

// GCHorizon returns the horizon below which a read may miss versions.
func (db *DB) GCHorizon() topo.Timestamp { return topo.Timestamp(db.gcHorizon.Load()) }

// Size returns the file's size in bytes.
func (db *DB) Size() int64 {
	info, err := os.Stat(db.path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// Close waits for readers and closes the file.
func (db *DB) Close() (err error) {
	defer db.contain(&err)
	db.mu.Lock()
	if db.closed {
		db.mu.Unlock()
		return nil
	}
	db.closed = true
	shared := db.shared
	db.shared = nil
	db.mu.Unlock()
	if shared != nil {
		shared.Release()
	}
	return db.bolt.Close()
}

// Reader is a pinned, consistent view of the file, for any number of goroutines. Hold it shortly: a flush beside it cannot
// reuse pages, and one that must remap waits.
type Reader struct {
	db      *DB
	tx      *bbolt.Tx
	rows    *bbolt.Bucket
	state   *bbolt.Bucket
	gen     uint64
	refs    atomic.Int64
	cursors sync.Pool
	seekers sync.Pool
}

// Reader returns a view; Release it.
func (db *DB) Reader() (*Reader, error) {
	db.mu.Lock()
	if r := db.shared; r != nil {
		r.refs.Add(1)
		db.mu.Unlock()
		return r, nil
	}
	if db.closed {
		db.mu.Unlock()
		return nil, ErrClosed
	}
	if db.unshared {
		// bbolt's commit may wait for readers to remap while it blocks new ones: never wait for it under mu.
		db.mu.Unlock()
		return db.begin()
	}
	defer db.mu.Unlock()
	r, err := db.begin()
	if err == nil {
		db.shared = r
		r.gen = db.gen
		r.refs.Add(1)
	}
	return r, err
}

func (db *DB) begin() (r *Reader, err error) {
	defer db.contain(&err)
	tx, err := db.bolt.Begin(false)
	if err != nil {
		if errors.Is(err, bbolterrors.ErrDatabaseNotOpen) {
			err = ErrClosed
		}
		return nil, err
	}
	r = &Reader{db: db, tx: tx, rows: tx.Bucket(bucketVersions), state: tx.Bucket(bucketState), gen: ^uint64(0)}
	r.refs.Store(1)
	return r, nil
}

// Release gives the view up.
func (r *Reader) Release() {
	if r.refs.Add(-1) == 0 {
		_ = r.tx.Rollback()
	}
}

// Retain adds a holder.
func (r *Reader) Retain() { r.refs.Add(1) }

// Generation tells views of different flushes apart; views opened while a flush commits have none in common with any other.
func (r *Reader) Generation() uint64 {
	if r.gen == ^uint64(0) {
		return uint64(r.tx.ID()) | 1<<63
	}
	return r.gen
}

// Row is a version on disk. Value is nil for a tombstone, and Moved when the row before it went nowhere; their bytes are
// valid until the reader is released.
type Row struct {
	TS    topo.Timestamp
	KeyTS topo.Timestamp
	Value []byte
	Moved []byte
}

// Get returns the newest version of key at or below ts; ok is false when there is none.
func (r *Reader) Get(key []byte, ts topo.Timestamp) (row Row, ok bool, err error) {
	defer r.db.contain(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	var stack [192]byte
	want := appendVersionKey(stack[:0], key, ts)
	c, _ := r.cursors.Get().(*bbolt.Cursor)
	if c == nil {
		c = r.rows.Cursor()
	}
	k, v := c.Seek(want)
	r.cursors.Put(c)
	n := len(want) - tsBytes
	if len(k) != len(want) || string(k[:n]) != string(want[:n]) {
		return Row{}, false, nil
	}
	_, row.TS, _ = splitVersionKey(k)
	if row.KeyTS, row.Value, row.Moved, err = decodeValue(k, v, row.TS); err != nil {
		return Row{}, false, r.db.corrupt(fmt.Errorf("version of key %x: %w", key, err))
	}
	return row, true, nil
}

// Records calls fn for every record of the side tables in key order. The bytes are valid during the call only.
func (r *Reader) Records(fn func(key, value []byte) error) (err error) {
	defer r.db.contain(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	c := r.state.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		value, err := decodeRecord(k, v)
		if err != nil {
			return r.db.corrupt(fmt.Errorf("record %x: %w", k, err))
		}
		if err := fn(k, value); err != nil {
			return err
		}
	}
	return nil
}
