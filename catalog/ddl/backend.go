package ddl

import (
	"context"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// LockMode is a table lock's mode, numbered as in PostgreSQL.
type LockMode uint8

// The table lock modes.
const (
	AccessShareLock LockMode = iota + 1
	RowShareLock
	RowExclusiveLock
	ShareUpdateExclusiveLock
	ShareLock
	ShareRowExclusiveLock
	ExclusiveLock
	AccessExclusiveLock
)

// Backend does for a DDL transaction what needs rows or expressions. Package planner/exec (or its user) implements it, one
// per transaction. Tables given are the overlay's: the transaction's own uncommitted rows are to be seen and converted
// too. All of them read at the latest timestamp drawn after the call began; when they are called on a table that existed
// before, its fence is raised, so that nobody else writes meanwhile.
type Backend interface {
	// Lock takes a table lock for the transaction and waits, under lock_timeout, for holders of conflicting modes on all
	// nodes. With noWait it answers 55P03 instead of waiting.
	Lock(ctx context.Context, table catalog.Oid, mode LockMode, noWait bool) error
	// ValidateCheck reads all rows of t and answers 23514 `check constraint "c" of relation "t" is violated by some row`
	// for the first row for which the expression is false.
	ValidateCheck(ctx context.Context, t *catalog.Table, c *catalog.Constraint) error
	// ValidateNotNull answers 23502 `column "a" of relation "t" contains null values`.
	ValidateNotNull(ctx context.Context, t *catalog.Table, col *catalog.Column) error
	// ValidateForeignKey answers 23503 `insert or update on table "c" violates foreign key constraint "f"` with DETAIL
	// `Key (x)=(y) is not present in table "p".` for the first child row without a parent. Child and parent (in
	// snap, the overlay) already have the constraint; both are fenced.
	ValidateForeignKey(ctx context.Context, snap *catalog.Snapshot, child *catalog.Table, fk *catalog.Constraint) error
	// ReleasesReferenced answers 23503 `removing partition "p" violates foreign key constraint "f"` with DETAIL `Key (x)=(y)
	// is still referenced from table "c".` for the first row of child that references a row of what fk references; the
	// foreign key is declared on the table on. Both are fenced.
	ReleasesReferenced(ctx context.Context, snap *catalog.Snapshot, child *catalog.Table, fk *catalog.Constraint, on *catalog.Table) error
	// ValidateExclusion answers 23P01 `could not create exclusion constraint "c"` with DETAIL `Key (a)=(1) conflicts with key
	// (a)=(1).` for two rows that exclude each other.
	ValidateExclusion(ctx context.Context, t *catalog.Table, c *catalog.Constraint) error
	// FitsBounds reads all rows of t, a partition in snap, the overlay, and reports whether all of them are in its bounds.
	FitsBounds(ctx context.Context, snap *catalog.Snapshot, t *catalog.Table) (bool, error)
	// BuildIndex fills the empty storage of an index of t from t's rows; for a unique one it answers 23505 `could not
	// create unique index "i"` with DETAIL `Key (a)=(1) is duplicated.`. It returns the timestamp of the entries.
	BuildIndex(ctx context.Context, t *catalog.Table, index *catalog.Index) (topo.Timestamp, error)
	// RewriteTable copies all rows of r.Old into the new, empty storages of r.New (row storage and all indexes), as
	// described by Rewrite. It answers the conversion's error, 23505 as BuildIndex, 23502 and 23514 as the validations.
	RewriteTable(ctx context.Context, r Rewrite) error
	// SequenceValue reads a sequence's last_value.
	SequenceValue(ctx context.Context, q *catalog.Sequence) (int64, error)
	// CopySequence makes a sequence that nobody knows yet go on where another is.
	CopySequence(ctx context.Context, from, to *catalog.Sequence) error
}

// Rewrite describes a copy of a table's rows into new storages. Columns keep their numbers. A column whose number is in
// Exprs takes that expression's value (SQL text over the old table's columns); a hidden row id that Old lacks takes
// generated ids; any other keeps its value. NotNull and CHECK constraints of New are verified where Verify is set.
type Rewrite struct {
	Old, New *catalog.Table
	Exprs    map[catalog.AttNum]string
	Verify   bool
}

// Expressions edits the SQL text of stored DEFAULT, CHECK and view expressions when names in them change. The layer that
// has the parser implements it.
type Expressions interface {
	// RenameColumn returns an expression over one table's columns with references to old renamed to new.
	RenameColumn(text, old, new string) (string, error)
	// RenameTable returns an expression over a table with whole-row references to the table renamed.
	RenameTable(text string, t *catalog.Table, to string) (string, error)
	// RenameAttribute returns an expression with selections of a composite type's attribute renamed: old is the catalog before
	// the change and new the one after it. The expression is over a table, or over a domain's VALUE of the type value, or
	// where both are zero over nothing.
	RenameAttribute(old, new *catalog.Snapshot, t *catalog.Table, value types.Type, text, from, to string) (string, error)
	// IndexType returns the type of an index expression, or of a partial index's predicate, over a table of a catalog, and
	// the name that it suggests; an error where the table's columns do not allow it.
	IndexType(snap *catalog.Snapshot, t *catalog.Table, text string, predicate bool) (types.Type, string, error)
	// Same reports whether two texts are the same expression, however they are written.
	Same(a, b string) bool
}

// Allocator hands out numbers that are never handed out again, whatever becomes of the transaction.
type Allocator interface {
	// OIDs returns the first of n consecutive OIDs.
	OIDs(ctx context.Context, n int) (catalog.Oid, error)
	// Storages returns the first of n consecutive storage ids.
	Storages(ctx context.Context, n int) (topo.StorageID, error)
}

// Replica is the node's catalog replica: catalog/store.Store.
type Replica interface {
	// Current returns the latest published snapshot.
	Current() *catalog.Snapshot
	// WaitEntries waits until every one of the catalog group's keys has been applied here at or after ts.
	WaitEntries(ctx context.Context, keys [][]byte, ts topo.Timestamp) error
}

// Transaction is the part of *txn.Txn that DDL uses.
type Transaction interface {
	ID() topo.TxnID
	Lock(ctx context.Context, reqs []txn.LockRequest, policy lock.WaitPolicy, out []txn.Locked) error
	Put(key txn.Key, value []byte, flags txn.WriteFlags)
	Delete(key txn.Key, flags txn.WriteFlags)
	// ReplaceTable moves the transaction itself to the new version of a table.
	ReplaceTable(v topo.TableVersion)
}
