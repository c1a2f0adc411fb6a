package disk

import (
	"bytes"
	"context"
	"fmt"
	"runtime/debug"

	"go.etcd.io/bbolt"
)

// Check reads the whole file and verifies bbolt's own structure, the order of keys and timestamps, every checksum and the
// counts. It holds one read transaction for as long as it takes.
func (db *DB) Check(ctx context.Context) (err error) {
	defer db.contain(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	tx, err := db.bolt.Begin(false)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	meta, err := readMeta(tx.Bucket(bucketMeta))
	if err != nil {
		return db.corrupt(err)
	}
	n, err := db.checkVersions(ctx, tx.Bucket(bucketVersions))
	if err != nil {
		return err
	}
	if n != meta.Versions {
		return db.corrupt(fmt.Errorf("%d versions where the meta record counts %d", n, meta.Versions))
	}
	n = 0
	c := tx.Bucket(bucketState).Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if _, err := decodeRecord(k, v); err != nil {
			return db.corrupt(fmt.Errorf("record %x: %w", k, err))
		}
		n++
	}
	if n != meta.Records {
		return db.corrupt(fmt.Errorf("%d records where the meta record counts %d", n, meta.Records))
	}
	return nil
}

func (db *DB) checkVersions(ctx context.Context, b *bbolt.Bucket) (int64, error) {
	var n int64
	var last []byte
	c := b.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if n++; n&4095 == 0 && ctx.Err() != nil {
			return n, ctx.Err()
		}
		_, ts, ok := splitVersionKey(k)
		if !ok {
			return n, db.corrupt(fmt.Errorf("entry %x: %w", k, errKey))
		}
		if last != nil && bytes.Compare(last, k) >= 0 {
			return n, db.corrupt(fmt.Errorf("entry %x: %w", k, errOrder))
		}
		if _, _, _, err := decodeValue(k, v, ts); err != nil {
			return n, db.corrupt(fmt.Errorf("entry %x: %w", k, err))
		}
		last = k
	}
	return n, nil
}
