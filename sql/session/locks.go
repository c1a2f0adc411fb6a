package session

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/shard/deadlock"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// lockTable takes a table lock for a transaction, until its end.
func lockTable(ctx context.Context, locks *lock.Manager, t *txn.Txn, oid catalog.Oid, mode ddl.LockMode, noWait bool, limit time.Duration) error {
	var key [4]byte
	binary.BigEndian.PutUint32(key[:], uint32(oid))
	opt := lock.Options{Timeout: limit}
	if noWait {
		opt.Policy = lock.NoWait
	}
	_, err := locks.Acquire(ctx, t.ID(), key[:], lock.Mode(mode), &opt)
	return lockError(ctx, err)
}

func isNotAvailable(err error) bool {
	return errors.Is(err, lock.ErrNotAvailable) || errors.Is(err, lock.ErrTimeout)
}

// lockError words a failed lock as PostgreSQL does.
func lockError(ctx context.Context, err error) error {
	var dead *lock.Deadlock
	switch {
	case err == nil:
		return nil
	case errors.Is(err, lock.ErrTimeout):
		return pgerr.New(pgerr.LockNotAvailable, "canceling statement due to lock timeout")
	case errors.Is(err, lock.ErrNotAvailable):
		return pgerr.New(pgerr.LockNotAvailable, "could not obtain lock on relation")
	case errors.As(err, &dead):
		return pgerr.New(pgerr.DeadlockDetected, "deadlock detected").WithDetail("%s", deadlock.Detail(dead, deadlock.Names{})).
			WithHint("See server log for query details.")
	}
	return interrupted(ctx, err)
}
