package fsm

import (
	"errors"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Options size a replica's state. The zero value is usable.
type Options struct {
	// MaxDeltaBytes bounds what was applied and not yet flushed (0: 64 MiB). Apply waits for the flush when it is reached.
	MaxDeltaBytes int64
	// InitialMmapBytes reserves address space, so that a growing file need not wait for readers to remap (0: 16 GiB).
	InitialMmapBytes int64
	// ManualFlush starts no background flush: Flush and Sync do, and Apply itself when the delta is full. A simulator
	// needs it, to decide when each replica flushes.
	ManualFlush bool
	// ReadOnly leaves the file as it is: what is applied stays in memory, however much it is.
	ReadOnly bool
}

// The errors of reads, besides *disk.CorruptError (test with IsCorrupt).
var (
	// ErrSnapshotTooOld says that the read's timestamp is below the garbage-collection horizon (SQLSTATE 72000).
	ErrSnapshotTooOld = errors.New("fsm: snapshot is below the garbage-collection horizon")
	// ErrClosed says that the state was closed.
	ErrClosed = errors.New("fsm: state is closed")
	// ErrReadOnly says that a state was opened to be read, and is not flushed.
	ErrReadOnly = errors.New("fsm: state is read-only")
)

// Own names the reading transaction: its provisional operations with number <= Seq, the rolled-back ones excepted, win
// over committed versions, and its own prepare stands in nobody's way. The zero Own is no transaction.
type Own struct {
	Txn        topo.TxnID
	Seq        uint64
	RolledBack []SeqRange
}

// Version is what a read found under a key; it converts to rpc.Version. Value is nil when the key is absent or deleted
// (TS is then the tombstone's, or 0), and empty but not nil for an entry without a value. A transaction's own provisional
// value has TS and KeyVersion 0. The bytes are the caller's to keep and must not be changed.
type Version struct {
	TS         topo.Timestamp
	KeyVersion topo.Timestamp
	Value      []byte
}

// Pending names another transaction's prepared write that a read has to wait for, or to resolve.
type Pending struct {
	Txn     topo.TxnID
	Attempt topo.Attempt
	Primary topo.GroupID
	Min     topo.Timestamp
	Key     []byte
}

// KeyRange is [Lo, Hi); a nil Hi is the end of the key space.
type KeyRange struct{ Lo, Hi []byte }

// ScanOptions describe a scan of [Lo, Hi) at TS; nil Hi is the end of the key space. Ranges, which ascend and do not
// overlap, narrow a forward scan to what of [Lo, Hi) lies in one of them (nil: all of it). MaxRows and MaxBytes bound what
// is emitted (0: no bound).
type ScanOptions struct {
	Lo, Hi   []byte
	Ranges   []KeyRange
	TS       topo.Timestamp
	Reverse  bool
	KeysOnly bool
	MaxRows  int
	MaxBytes int
	Own      Own
}

// LeaseInfo is the logged lease. LastIndex is the log index of the last applied entry of Epoch (its Lease included): what
// a successor's Lease.AfterIndex has to reach.
type LeaseInfo struct {
	Epoch       topo.LeaseEpoch
	Holder      topo.NodeID
	Incarnation uint64
	LastIndex   uint64
	// Released says that the holder gave the lease up: whoever logs the next epoch need not wait. See State.Released.
	Released bool
}

// OutcomeCode is what the state knows of an attempt. The values are rpc.OutcomeCode's.
type OutcomeCode uint8

// The outcome codes.
const (
	OutcomeUnknown OutcomeCode = iota
	OutcomePrepared
	OutcomeCommitted
	OutcomeAborted
)

// OutcomeInfo answers Outcome. Participants is set at the primary until the attempt is forgotten.
type OutcomeInfo struct {
	Code         OutcomeCode
	TS           topo.Timestamp // the minimum of a prepared attempt, the commit timestamp of a committed one
	Primary      topo.GroupID
	Participants []topo.GroupID
}

// PendingInfo describes a prepared attempt, for recovery.
type PendingInfo struct {
	Txn          topo.TxnID
	Attempt      topo.Attempt
	Primary      topo.GroupID
	Min          topo.Timestamp
	Participants []topo.GroupID
	Keys         int // items and provisional operations held
}

// FenceInfo describes a raised fence: whose outcome decides whether it is opened or lowered.
type FenceInfo struct {
	Table   topo.TableID
	Version topo.SchemaVersion // the version to admit once open
	Txn     topo.TxnID
	Attempt topo.Attempt
	Primary topo.GroupID
}

// TableSchema is what a group knows of a table's versions.
type TableSchema struct {
	Version topo.SchemaVersion // older ones are not admitted any more; 0: the group knows of none
	Fence   *FenceInfo         // that is up, or nil
	// Published says that the change that raised the fence is committed at or below a read's timestamp: its rows are there,
	// and were written by the version to come.
	Published bool
}

// SequenceState is a sequence as last logged.
type SequenceState struct {
	Last     int64
	IsCalled bool
}
