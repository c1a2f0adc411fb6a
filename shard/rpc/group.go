package rpc

import (
	"context"
	"slices"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Group is a raft group as a gateway sees it: its leaseholder, wherever that is. All errors are *Error or the context's.
type Group interface {
	// ID returns the group's id.
	ID() topo.GroupID
	// Get reads keys at a snapshot. It waits for in-flight prepares and resolves finished ones that it meets.
	Get(ctx context.Context, req *GetRequest) (*GetResponse, error)
	// Scan reads a key range at a snapshot, a bounded batch per call.
	Scan(ctx context.Context, req *ScanRequest) (*ScanResponse, error)
	// Lock takes row locks and returns the latest committed version of each key as of the grant.
	Lock(ctx context.Context, req *LockRequest) (*LockResponse, error)
	// Unlock releases locks: the keys given, or all of the transaction's when Keys is nil.
	Unlock(ctx context.Context, req *UnlockRequest) error
	// Propose runs a command through the log and returns apply's result. For a Prepare the leaseholder first registers
	// the items' keys, raises MinTS above its highest served read, and after a OnePhase commit or a Resolve releases the
	// transaction's locks in the group. Once it has returned without an error nobody has the command any more, and the caller
	// may use the memory of its items again.
	Propose(ctx context.Context, cmd *fsm.Command) (fsm.Result, error)
	// Outcome reports what the group knows of an attempt, for recovery: prepared (with minimum, primary, participants),
	// committed, aborted, or unknown.
	Outcome(ctx context.Context, txn topo.TxnID, attempt topo.Attempt) (*OutcomeResponse, error)
	// NextSequenceValues hands out sequence values from the leaseholder's memory, logging ahead.
	NextSequenceValues(ctx context.Context, req *SequenceRequest) (*SequenceResponse, error)
}

// GetRequest reads Keys at TS (topo.MaxTimestamp: the latest committed). With Txn set, the transaction's own provisional
// intents (not rolled back, seq <= OwnSeq) win over committed versions. With Since set, which has one timestamp per key, the
// question is what became of the row that each key held then: fsm.State.Moved answers. With Links set, the question is also
// where own provisional rows come from: fsm.State.Origin answers.
type GetRequest struct {
	TS         topo.Timestamp
	Tables     []topo.TableVersion
	Keys       [][]byte
	Txn        topo.TxnID
	OwnSeq     uint64
	RolledBack []fsm.SeqRange
	Links      bool
	Since      []topo.Timestamp
}

// GetResponse has one Version per key, in order; and one of Links where the request has Links or Since. Each names a key,
// perhaps of another group: of a row's origin, or with Since of where the row went, its version being when it did.
type GetResponse struct {
	Versions []Version
	Links    [][]byte
}

// Version is a key's visible version. Value is nil when the key is absent or deleted (TS is then the tombstone's, or 0).
// The bytes are the caller's to keep and must not be changed.
type Version struct {
	TS         topo.Timestamp
	KeyVersion topo.Timestamp
	Value      []byte // empty but non-nil for an entry without a value
}

// ScanRequest reads [Lo, Hi) at TS, from the end when Reverse, at most MaxRows rows and about MaxBytes bytes (0: the
// server's choice). KeysOnly leaves the values out. Ranges, which ascend and do not overlap, narrow a forward scan to what
// of [Lo, Hi) lies in one of them: many lookups are one request, and resume like one range.
type ScanRequest struct {
	TS         topo.Timestamp
	Tables     []topo.TableVersion
	Lo, Hi     []byte
	Ranges     []fsm.KeyRange
	Reverse    bool
	KeysOnly   bool
	MaxRows    int
	MaxBytes   int
	Txn        topo.TxnID
	OwnSeq     uint64
	RolledBack []fsm.SeqRange
}

// ScanResponse is a batch of rows in key order (descending when Reverse). Resume is nil at the end of the range;
// otherwise the next request's Lo (or, when Reverse, its Hi).
type ScanResponse struct {
	Rows   Rows
	Resume []byte
}

// Rows is a list of keys and values packed in one allocation. The bytes never change after the response was made.
type Rows struct {
	Data []byte
	// Ends[2i] is the end of key i and Ends[2i+1] the end of value i in Data, each beginning where the one before ended.
	Ends []uint32
	// Versions[i] is the commit timestamp of row i.
	Versions []topo.Timestamp
}

// Len returns the number of rows.
func (r *Rows) Len() int { return len(r.Versions) }

// Key returns the key of row i.
func (r *Rows) Key(i int) []byte {
	start := uint32(0)
	if i > 0 {
		start = r.Ends[2*i-1]
	}
	return r.Data[start:r.Ends[2*i]:r.Ends[2*i]]
}

// Value returns the value of row i.
func (r *Rows) Value(i int) []byte {
	return r.Data[r.Ends[2*i]:r.Ends[2*i+1]:r.Ends[2*i+1]]
}

// firstRows is how many rows there is room for from the first one on.
const firstRows = 8

// Append adds a row, copying key and value.
func (r *Rows) Append(key, value []byte, ts topo.Timestamp) {
	if r.Versions == nil {
		if n := len(key) + len(value); n <= 128 {
			r.Data = make([]byte, 0, firstRows*n)
		}
		r.Ends, r.Versions = make([]uint32, 0, 2*firstRows), make([]topo.Timestamp, 0, firstRows)
	}
	r.Data = append(r.Data, key...)
	r.Ends = append(r.Ends, uint32(len(r.Data)))
	r.Data = append(r.Data, value...)
	r.Ends = append(r.Ends, uint32(len(r.Data)))
	r.Versions = append(r.Versions, ts)
}

// Clone returns a copy in memory of its own that has no room for more.
func (r *Rows) Clone() Rows {
	if r.Len() == 0 {
		return Rows{}
	}
	return Rows{Data: slices.Clone(r.Data), Ends: slices.Clone(r.Ends), Versions: slices.Clone(r.Versions)}
}

// Reset takes all rows away; their memory is used for the next ones.
func (r *Rows) Reset() { r.Data, r.Ends, r.Versions = r.Data[:0], r.Ends[:0], r.Versions[:0] }

// LockRequest asks for row locks, in order. LockTimeoutMS bounds each wait (0: none).
type LockRequest struct {
	Txn           topo.TxnID
	Tables        []topo.TableVersion
	Keys          [][]byte
	Modes         []lock.Mode
	Policy        lock.WaitPolicy
	LockTimeoutMS int64
	// WaitStarted, when set, is called before the first wait (the gateway then reports that the session is blocked).
	WaitStarted func(holders []topo.TxnID)
}

// LockResponse has one entry per key: the latest committed version as of the grant. Skipped is set under SkipLocked
// and WaitIfExists.
type LockResponse struct {
	Versions []Version
	Skipped  []bool // nil when nothing was skipped
	Waited   bool   // some lock was not free at once: a READ COMMITTED caller must re-check
}

// UnlockRequest releases Keys, or everything of Txn when Keys is nil.
type UnlockRequest struct {
	Txn  topo.TxnID
	Keys [][]byte
}

// OutcomeCode is what a group knows of an attempt.
type OutcomeCode uint8

// The outcome codes.
const (
	OutcomeUnknown OutcomeCode = iota
	OutcomePrepared
	OutcomeCommitted
	OutcomeAborted
)

// OutcomeResponse answers Outcome.
type OutcomeResponse struct {
	Code         OutcomeCode
	TS           topo.Timestamp // the minimum of a prepared attempt, the commit timestamp of a committed one
	Primary      topo.GroupID
	Participants []topo.GroupID
}

// SequenceRequest asks for Count values. The bounds come with it: the shard knows no catalog.
type SequenceRequest struct {
	ID               topo.StorageID
	Start, Increment int64
	Min, Max         int64
	Cycle            bool
	Count            int
	Set              *SequenceValue // setval instead of nextval
	Peek             bool           // read last_value and is_called, hand out nothing
}

// SequenceValue is a sequence's state as PostgreSQL keeps it.
type SequenceValue struct {
	Last     int64
	IsCalled bool
}

// SequenceResponse holds First, First+Increment, …, Count of them (fewer when the bound is near); AtLimit is set, and
// Count zero, when a sequence that does not cycle is exhausted.
type SequenceResponse struct {
	First   int64
	Count   int
	AtLimit bool
	State   SequenceValue
}

// ErrorCode classifies what a call to a group failed with.
type ErrorCode uint8

// The error codes.
const (
	ErrUnavailable      ErrorCode = iota + 1 // no leaseholder within the time allowed: retryable, nothing is known of the command
	ErrNotProposed                           // refused before the log: nothing happened (busy, disk reserve reached, shutting down)
	ErrDiskFull                              // refused before the log: the disk reserve is reached (53100)
	ErrLockNotAvailable                      // NoWait, or lock_timeout (55P03)
	ErrDeadlock                              // this transaction is the victim (40P01)
	ErrSnapshotTooOld                        // TS is below the horizon (72000)
	ErrTableVersion                          // a table is at another schema version: plan again
	ErrAmbiguous                             // proposed, but the answer was lost
	ErrCorrupt                               // stored bytes fail their checksum
	ErrNotLeaseholder                        // this replica does not hold the lease: nothing happened; Holder may know who does
)

// Error is a failed call.
type Error struct {
	Code    ErrorCode
	Timeout bool   // ErrLockNotAvailable: by lock_timeout rather than NoWait
	Detail  string // for the log, and DETAIL of a deadlock
	Key     []byte
	Table   topo.TableID
	// Deadlock has the waits of the cycle; deadlock.Detail formats them.
	Deadlock *lock.Deadlock
	// Holder is who ErrNotLeaseholder's sender believes to hold the lease, 0 when it does not know.
	Holder topo.NodeID
}

func (e *Error) Error() string { return "shard: " + e.Code.String() + ": " + e.Detail }

func (c ErrorCode) String() string {
	switch c {
	case ErrUnavailable:
		return "group unavailable"
	case ErrNotProposed:
		return "refused before the log"
	case ErrDiskFull:
		return "disk reserve reached"
	case ErrLockNotAvailable:
		return "lock not available"
	case ErrDeadlock:
		return "deadlock"
	case ErrSnapshotTooOld:
		return "snapshot too old"
	case ErrTableVersion:
		return "table version not admitted"
	case ErrAmbiguous:
		return "outcome unknown"
	case ErrCorrupt:
		return "stored data corrupt"
	case ErrNotLeaseholder:
		return "not the leaseholder"
	}
	return "unknown"
}
