package txn

import (
	"context"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Isolation is a transaction's isolation level; READ UNCOMMITTED is READ COMMITTED, as in PostgreSQL.
type Isolation uint8

// The isolation levels.
const (
	ReadCommitted Isolation = iota
	RepeatableRead
	Serializable
)

// Options are fixed before a transaction's first snapshot.
type Options struct {
	Isolation  Isolation
	ReadOnly   bool
	Deferrable bool
}

// Key names an entry and the group that holds it. Rows and the entries beside them go by the row's slot, unique entries
// by their own; catalog entries use CatalogKey.
type Key struct {
	Group topo.GroupID
	Bytes []byte
}

// Seq numbers a transaction's buffered operations. A statement reads its own transaction's operations with seq <= the
// value at its start, so that it never sees its own writes; foreign-key programs read with LatestSeq.
type Seq uint64

// LatestSeq makes a read see every operation buffered so far.
const LatestSeq Seq = 1<<63 - 1

// ReadOptions say which versions a read sees: committed ones at TS (topo.MaxTimestamp: the latest committed at the
// leaseholder), overlaid with the transaction's own operations up to Own.
//
// Tables are the versions that the read was planned against; nil: those of UseTable. A read of its own list leaves nothing
// behind that the commit would have to rely on: what READ COMMITTED and REPEATABLE READ read by their snapshot.
type ReadOptions struct {
	TS     topo.Timestamp
	Own    Seq
	Tables []topo.TableVersion
}

// Version is what a read or a lock found under a key.
type Version struct {
	rpc.Version
	// Own says that the value (or the deletion: nil Value) is the transaction's own uncommitted operation. TS and
	// KeyVersion are then those of the committed version beneath, as seen when the key was locked.
	Own bool
}

// Exists reports whether there is a live value.
func (v Version) Exists() bool { return v.Value != nil }

// LockRequest is one key to lock.
type LockRequest struct {
	Key  Key
	Mode lock.Mode
	// ExistenceOnly says that the caller needs no value, only Exists, TS and KeyVersion (a foreign-key check): a key that
	// the transaction locked before is then answered from memory, and Value may be an empty stand-in.
	ExistenceOnly bool
	// Latest leaves the judgement of versions newer than the transaction's snapshot to the caller (unique and foreign-key
	// checks, which look at the latest version at every isolation level). Otherwise REPEATABLE READ and SERIALIZABLE
	// answer 40001 to them.
	Latest bool
	// AsOf, if not 0, says that the row is wanted which was under the key at this timestamp. If it is under another key by
	// now, it is locked there instead, with the same policy, and its version there is the answer; if it is gone, a version
	// that does not exist is, whatever the key holds now.
	AsOf topo.Timestamp
}

// Locked answers one LockRequest. Version is the latest one as of the grant, own operations included.
type Locked struct {
	Version Version
	Skipped bool // under lock.SkipLocked and lock.WaitIfExists
	// Waited is set when the lock was not free at once: the version may be newer than the statement's snapshot.
	Waited bool
	// At is where a row wanted by AsOf was found, if that is not under the request's key.
	At *Key
}

// KeyRange is [Lo, Hi).
type KeyRange = fsm.KeyRange

// ScanSpec is a range of one storage in some groups, or many of them.
type ScanSpec struct {
	Groups []topo.GroupID
	Lo, Hi []byte // [Lo, Hi), storage id included
	// Ranges are read instead of [Lo, Hi), in one request a group as far as they fit: not empty, ascending, without
	// overlap, and not in reverse. Rows come in key order: a reader that has to know which range a row is of walks along.
	Ranges  []KeyRange
	Reverse bool
	// Ordered merges the groups' rows into one key order; otherwise groups come one after the other (or in parallel).
	Ordered  bool
	KeysOnly bool
	// LimitHint is about how many rows the caller will read (0: all); it sizes the first batches.
	LimitHint int
}

// Batch is a run of scanned rows, own operations merged in: of one group, or of several, one after the other (in one order
// when Ordered). GroupOf(i) says where row i lives. Versions of own rows are 0.
type Batch struct {
	rpc.Rows
	Group  topo.GroupID   // of every row, unless Groups is set
	Groups []topo.GroupID // per row; nil when all are of one group
}

// GroupOf returns the group that holds row i.
func (b *Batch) GroupOf(i int) topo.GroupID {
	if b.Groups != nil {
		return b.Groups[i]
	}
	return b.Group
}

// Scanner yields a scan's batches. Next returns nil at the end.
type Scanner interface {
	Next(ctx context.Context) (*Batch, error)
	Close()
}

// WriteFlags qualify a Put.
type WriteFlags uint8

// The write flags.
const (
	// KeepsKey: an update that changes no referenced key; the key version stays.
	KeepsKey WriteFlags = 1 << iota
	// Entry: a non-unique index entry beside its row; it is not locked, nor validated at commit.
	Entry
)

// Savepoint is a point of the transaction to which RollbackTo returns. Operations, locks and marks share one numbering,
// so that the point is one number.
type Savepoint struct {
	seq Seq
}

// SequenceOptions are the bounds of nextval, from the catalog. Name is for error messages.
type SequenceOptions struct {
	ID               topo.StorageID
	Name             string
	Start, Increment int64
	Min, Max         int64
	Cycle            bool
}
