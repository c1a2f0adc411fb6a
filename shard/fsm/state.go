package fsm

import (
	"context"
	"errors"
	"io"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// State is everything that a replica of a group knows. See the package documentation.
type State struct{ path string }

// Snapshot pins one applied index of a State for SaveSnapshot.
type Snapshot struct{}

var errSkeleton = errors.New("fsm: not built yet")

// Open opens or creates the replica's file.
func Open(path string, opts Options) (*State, error) { return nil, errSkeleton }

// Apply applies the commands of the log entry at index (none for an entry that is not ours) and fills results, one per
// command. One goroutine applies; indexes grow. An error means that this replica cannot go on.
func (s *State) Apply(index uint64, cmds []Command, results []Result) error { return errSkeleton }

// AppliedIndex returns the index of the last applied entry.
func (s *State) AppliedIndex() uint64 { return 0 }

// Lease returns the logged lease.
func (s *State) Lease() LeaseInfo { return LeaseInfo{} }

// Horizon returns the logged garbage-collection horizon.
func (s *State) Horizon() topo.Timestamp { return 0 }

// MaxTS returns the highest commit timestamp applied.
func (s *State) MaxTS() topo.Timestamp { return 0 }

// Digest hashes the logical state at the applied index: equal on all replicas that applied the same log.
func (s *State) Digest() (index, digest uint64, err error) { return 0, 0, errSkeleton }

// Get reads key at ts. A non-nil Pending is another transaction's prepared write with a minimum <= ts; the version is
// then not to be used.
func (s *State) Get(key []byte, ts topo.Timestamp, own Own) (Version, *Pending, error) {
	return Version{}, nil, errSkeleton
}

// Latest reads the latest committed version of key, for lock grants, and any other transaction's prepared write on it.
func (s *State) Latest(key []byte, own topo.TxnID) (Version, *Pending, error) {
	return Version{}, nil, errSkeleton
}

// Scan calls emit for the visible rows of the range in order, until it returns false or a bound is reached. The slices are
// valid during the call only. resume is nil at the end of the range, else the next scan's Lo (Hi when Reverse). With a
// non-nil Pending the rows before its key were emitted, and resume starts at that key.
func (s *State) Scan(opts ScanOptions, emit func(key, value []byte, ts topo.Timestamp) bool) (resume []byte, p *Pending, err error) {
	return nil, nil, errSkeleton
}

// TableAdmitted reports whether a read or prepare planned against tv is admitted, and by whom the table is fenced.
func (s *State) TableAdmitted(tv topo.TableVersion) (ok bool, fencedBy *FenceInfo) { return false, nil }

// Fences lists the raised fences by table.
func (s *State) Fences() []FenceInfo { return nil }

// Outcome reports what the state knows of an attempt.
func (s *State) Outcome(txn topo.TxnID, attempt topo.Attempt) OutcomeInfo { return OutcomeInfo{} }

// PendingList lists the prepared attempts, ordered by transaction.
func (s *State) PendingList() []PendingInfo { return nil }

// ProvisionalTxns lists the transactions that hold provisional operations, in order.
func (s *State) ProvisionalTxns() []topo.TxnID { return nil }

// Sequence returns a sequence's logged state.
func (s *State) Sequence(id topo.StorageID) (SequenceState, bool) { return SequenceState{}, false }

// DeltaBytes returns about how many bytes were applied and not yet flushed.
func (s *State) DeltaBytes() int64 { return 0 }

// Watch registers fn, called by Apply for every committed batch of writes, in apply order; a deletion has a nil Value.
// The slices are valid during the call only. Register before the first Apply.
func (s *State) Watch(fn func(ts topo.Timestamp, entries []Entry)) {}

// Flush writes what was applied to the file, durably, beside apply and reads.
func (s *State) Flush(ctx context.Context) error { return errSkeleton }

// Sync makes everything applied durable.
func (s *State) Sync() error { return errSkeleton }

// PrepareSnapshot pins the state at the applied index. It must not run beside Apply.
func (s *State) PrepareSnapshot() (*Snapshot, error) { return nil, errSkeleton }

// SaveSnapshot writes a pinned state, beside Apply, and releases it.
func (s *State) SaveSnapshot(snap *Snapshot, w io.Writer, done <-chan struct{}) error {
	return errSkeleton
}

// Release gives a snapshot up that was not saved.
func (snap *Snapshot) Release() {}

// RecoverFromSnapshot replaces the state by a saved one, durably. It must not run beside Apply.
func (s *State) RecoverFromSnapshot(r io.Reader, done <-chan struct{}) error { return errSkeleton }

// Check scrubs the file: order, checksums, counts.
func (s *State) Check(ctx context.Context) error { return errSkeleton }

// Close stops the background flush and closes the file. What was not flushed replays from the log.
func (s *State) Close() error { return nil }

// IsCorrupt reports whether err says that stored bytes are damaged: the replica is to be rebuilt.
func IsCorrupt(err error) bool { return false }

// AppendCommand appends the encoding of c, behind those of other commands of the proposal.
func AppendCommand(buf []byte, c *Command) []byte { return buf }

// DecodeCommands decodes a proposal. The commands alias data.
func DecodeCommands(data []byte) ([]Command, error) { return nil, errSkeleton }

// HashOp is the hash of a provisional operation that Provisioned.Digest sums (wrapping).
func HashOp(op *ProvisionOp) uint64 { return 0 }
