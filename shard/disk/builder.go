package disk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Builder writes a whole file from a snapshot's stream: records first, then versions in key order, newest first. It writes
// beside the old file without fsync; Finish syncs the new one and Install renames it over.
type Builder struct {
	path, tmp string
	bolt      *bbolt.DB
	tx        *bbolt.Tx
	rows      *bbolt.Bucket
	state     *bbolt.Bucket
	gc        *bbolt.Bucket
	meta      Meta
	pending   int

	last, key []byte
	// Of the key at work: how many versions, and what the last two were.
	prefix   []byte
	n        int
	before   topo.Timestamp
	oldest   topo.Timestamp
	oldestTS bool // the oldest so far is a tombstone
}

const (
	builderTxBytes = 8 << 20
	builderFill    = 0.95
)

// NewBuilder starts a file that will replace path.
func NewBuilder(path string) (*Builder, error) {
	b := &Builder{path: path, tmp: path + ".recover"}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	if err := os.Remove(b.tmp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	bolt, err := bbolt.Open(b.tmp, 0o600, &bbolt.Options{
		Timeout: 5 * time.Second, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType,
		InitialMmapSize: defaultMmapBytes, NoStatistics: true, NoSync: true,
	})
	if err != nil {
		return nil, fmt.Errorf("disk: open %s: %w", b.tmp, err)
	}
	b.bolt = bolt
	return b, b.begin()
}

func (b *Builder) begin() error {
	tx, err := b.bolt.Begin(true)
	if err != nil {
		return err
	}
	for _, bucket := range []struct {
		name []byte
		to   **bbolt.Bucket
	}{{bucketVersions, &b.rows}, {bucketState, &b.state}, {bucketGC, &b.gc}} {
		if *bucket.to, err = tx.CreateBucketIfNotExists(bucket.name); err != nil {
			return err
		}
	}
	b.rows.FillPercent = builderFill
	b.tx, b.pending = tx, 0
	return nil
}

func (b *Builder) wrote(n int) error {
	if b.pending += n; b.pending < builderTxBytes {
		return nil
	}
	if err := b.tx.Commit(); err != nil {
		return err
	}
	return b.begin()
}

// Record adds a record of the side tables.
func (b *Builder) Record(key, value []byte) error {
	b.meta.Records++
	if err := b.state.Put(key, appendRecord(nil, key, value)); err != nil {
		return err
	}
	return b.wrote(len(key) + len(value))
}

// Version adds a version; a nil value is a tombstone. moved, if not nil, is where the row before it went.
func (b *Builder) Version(key []byte, ts, keyTS topo.Timestamp, value, moved []byte) error {
	b.key = appendVersionKey(b.key[:0], key, ts)
	if bytes.Compare(b.last, b.key) >= 0 {
		return fmt.Errorf("disk: recover %s: %w", b.path, errOrder)
	}
	prefix := b.key[:len(b.key)-tsBytes]
	if !bytes.Equal(prefix, b.prefix) {
		if err := b.endKey(); err != nil {
			return err
		}
		b.prefix = append(b.prefix[:0], prefix...)
		b.n = 0
	}
	b.n++
	b.before, b.oldest, b.oldestTS = b.oldest, ts, value == nil
	b.last = append(b.last[:0], b.key...)
	b.meta.Versions++
	if moved != nil {
		b.meta.Format = formatMoved
	}
	stored := appendValue(make([]byte, 0, crcBytes+9+len(value)+len(moved)), b.key, ts, keyTS, value, moved)
	if err := b.rows.Put(b.key, stored); err != nil {
		return err
	}
	return b.wrote(len(b.key) + len(stored))
}

// endKey lists the finished key for collection, as a flush does.
func (b *Builder) endKey() error {
	var ts topo.Timestamp
	switch {
	case b.n > 0 && b.oldestTS:
		ts = b.oldest
	case b.n > 1:
		ts = b.before
	default:
		return nil
	}
	return b.gc.Put(append(binary.BigEndian.AppendUint64(nil, uint64(ts)), b.prefix...), nil)
}

// Finish writes the meta record and makes the new file durable; Install puts it in the old one's place.
func (b *Builder) Finish(index uint64, horizon topo.Timestamp) error {
	if err := b.endKey(); err != nil {
		return err
	}
	b.meta.Index, b.meta.Horizon = index, horizon
	m, err := b.tx.CreateBucketIfNotExists(bucketMeta)
	if err != nil {
		return err
	}
	if err := writeMeta(m, b.meta); err != nil {
		return err
	}
	if err := b.tx.Commit(); err != nil {
		return err
	}
	b.tx = nil
	if err := b.bolt.Sync(); err != nil {
		return err
	}
	if err := b.bolt.Close(); err != nil {
		return err
	}
	b.bolt = nil
	return nil
}

// Install renames the finished file over the old one, which must be closed, and makes that durable.
func (b *Builder) Install() error {
	if err := os.Rename(b.tmp, b.path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(b.path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// Abort gives up and removes the new file.
func (b *Builder) Abort() {
	if b.tx != nil {
		_ = b.tx.Rollback()
	}
	if b.bolt != nil {
		_ = b.bolt.Close()
	}
	_ = os.Remove(b.tmp)
}
