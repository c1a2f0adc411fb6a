package fk

import (
	"context"
	"errors"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// ErrStop, returned by an emit function, ends a Children scan without an error.
var ErrStop = errors.New("fk: enough children seen")

// Store is what constraint programs need of the executor. Rows are by attnum-1. Every method is one batched scatter,
// and sees the transaction's own writes up to the call.
type Store interface {
	// LockParents locks, KEY SHARE, the referenced entry of each key (in the referenced columns' types, in the order of
	// k.ParentCols), reads its latest version, leaves a shared mark where there is one, and says which keys exist.
	LockParents(ctx context.Context, k *Key, keys [][]types.Datum) (found []bool, err error)
	// ParentExists says which keys a live parent row has now, without locking: NO ACTION's second look.
	ParentExists(ctx context.Context, k *Key, keys [][]types.Datum) ([]bool, error)
	// Children finds the child rows whose referencing columns equal one of the parent keys. The caller's writer holds the
	// keys in Update mode; Children draws a fresh timestamp F, leaves the keys' exclusive marks at F, scans at F, locks
	// the rows found in the mode, and drops those that after a wait are gone or no longer reference the key. It calls emit
	// with at most about 1,000 rows at a time, each with the position of its key. A row invisible to the snapshot of a
	// REPEATABLE READ transaction is a serialization failure (40001). emit may write; ErrStop from it ends the scan.
	Children(ctx context.Context, k *Key, keys [][]types.Datum, mode lock.Mode, emit func(rows [][]types.Datum, key []int) error) error
	// DeleteRows and UpdateRows write rows of k.Child that Children locked. They report the writes to the Runner.
	DeleteRows(ctx context.Context, k *Key, rows [][]types.Datum) error
	// UpdateRows assigns columns (attnum-1) of each row of k.Child and checks NOT NULL and CHECK as any UPDATE does. Rows may
	// move to other partitions of k.DeclaredOn.
	UpdateRows(ctx context.Context, k *Key, rows [][]types.Datum, cols []int, vals [][]types.Datum) error
	// Defaults evaluates the default expressions that columns of k.Child have in k.DeclaredOn.
	Defaults(ctx context.Context, k *Key, cols []int) ([]types.Datum, error)
	// Current re-reads rows by their row keys: the row as the transaction sees it now, or nil when it is gone.
	Current(ctx context.Context, t *catalog.Table, rows [][]types.Datum) ([][]types.Datum, error)
	// CheckUnique judges deferred unique keys: an error when two live rows hold one of them.
	CheckUnique(ctx context.Context, t *catalog.Table, ix *catalog.Index, rows [][]types.Datum) error
	// Readable says whether the current role may read columns (attnum-1), and so their values in errors.
	Readable(t *catalog.Table, cols []int) bool
	// IOEnv prints values in errors.
	IOEnv() *types.IOEnv
}
