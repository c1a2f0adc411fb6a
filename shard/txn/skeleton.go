package txn

import (
	"context"
	"errors"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Clock hands out timestamps: each call a new one, later than every one handed out before the call began.
type Clock interface {
	Timestamp(ctx context.Context) (topo.Timestamp, error)
}

// ErrSchemaChanged says that a table is no longer at the version that the statement was planned against: plan again.
var ErrSchemaChanged = errors.New("txn: a table's schema has changed since the statement was planned")

// Config is a Manager's environment.
type Config struct {
	Node   topo.NodeID
	Epoch  topo.LivenessEpoch
	Clock  Clock
	Groups func(topo.GroupID) rpc.Group
	// SequenceGroup says which group serves a sequence; nil: the first data group.
	SequenceGroup func(topo.StorageID) topo.GroupID
	// ProvisionBytes is the size of a transaction's buffer from which operations are sent ahead; 0: 4 MB.
	ProvisionBytes int
	// OutcomeTimeout bounds how long a commit whose answer was lost is looked up before 08007; 0: 10 s.
	OutcomeTimeout time.Duration
}

// Manager makes transactions and finishes those that it meets.
type Manager struct{}

// New returns a Manager.
func New(cfg Config) *Manager { return &Manager{} }

// Close waits for background resolves, at most as long as ctx allows.
func (m *Manager) Close(ctx context.Context) error { return nil }

// Begin starts a transaction.
func (m *Manager) Begin(o Options) *Txn { return &Txn{} }

// Recover finishes or aborts an attempt of a transaction that was met prepared and stuck. Groups call it.
func (m *Manager) Recover(ctx context.Context, txn topo.TxnID, attempt topo.Attempt, primary topo.GroupID) error {
	return nil
}

// OldestSnapshot returns the oldest snapshot in use at this node, for the GC horizon; ok is false when there is none.
func (m *Manager) OldestSnapshot() (ts topo.Timestamp, ok bool) { return 0, false }

// NextSequenceValues takes n values (fewer near the bound).
func (m *Manager) NextSequenceValues(ctx context.Context, o SequenceOptions, n int) (first int64, count int, err error) {
	return 0, 0, nil
}

// SetSequence is setval.
func (m *Manager) SetSequence(ctx context.Context, o SequenceOptions, v rpc.SequenceValue) error {
	return nil
}

// ReadSequence returns last_value and is_called.
func (m *Manager) ReadSequence(ctx context.Context, o SequenceOptions) (rpc.SequenceValue, error) {
	return rpc.SequenceValue{}, nil
}

// DropSequence removes a sequence's state.
func (m *Manager) DropSequence(ctx context.Context, id topo.StorageID) error { return nil }

// Txn is one transaction.
type Txn struct{}

// Recheck scans the children of a deleted or changed key again at f, acting on those found, when a commit met a child
// that the scan at the marked timestamp could not see.
type Recheck func(ctx context.Context, f topo.Timestamp) error

func (t *Txn) ID() topo.TxnID                                                          { return topo.TxnID{} }
func (t *Txn) Options() Options                                                        { return Options{} }
func (t *Txn) SetOptions(o Options) error                                              { return nil }
func (t *Txn) SetLockTimeout(d time.Duration)                                          {}
func (t *Txn) SetWaitStarted(f func(holders []topo.TxnID))                             {}
func (t *Txn) Snapshot(ctx context.Context) (topo.Timestamp, error)                    { return 0, nil }
func (t *Txn) HasSnapshot() bool                                                       { return false }
func (t *Txn) HoldSnapshot() (release func())                                          { return func() {} }
func (t *Txn) StartStatement()                                                         {}
func (t *Txn) StatementSeq() Seq                                                       { return 0 }
func (t *Txn) FreshTimestamp(ctx context.Context) (topo.Timestamp, error)              { return 0, nil }
func (t *Txn) UseTable(v topo.TableVersion)                                            {}
func (t *Txn) Get(ctx context.Context, o ReadOptions, keys []Key, out []Version) error { return nil }
func (t *Txn) Scan(ctx context.Context, o ReadOptions, spec ScanSpec) (Scanner, error) {
	return nil, nil
}
func (t *Txn) Lock(ctx context.Context, reqs []LockRequest, policy lock.WaitPolicy, out []Locked) error {
	return nil
}
func (t *Txn) Put(key Key, value []byte, flags WriteFlags)       {}
func (t *Txn) Delete(key Key, flags WriteFlags)                  {}
func (t *Txn) MarkShared(key Key, seenKeyVersion topo.Timestamp) {}
func (t *Txn) MarkExclusive(key Key, f topo.Timestamp)           {}
func (t *Txn) OnChildrenChanged(key Key, recheck Recheck)        {}
func (t *Txn) ReadRange(group topo.GroupID, lo, hi []byte)       {}
func (t *Txn) Savepoint() Savepoint                              { return Savepoint{} }
func (t *Txn) RollbackTo(sp Savepoint)                           {}
func (t *Txn) HasWrites() bool                                   { return false }
func (t *Txn) Commit(ctx context.Context) error                  { return nil }
func (t *Txn) Rollback(ctx context.Context)                      {}
func (t *Txn) OnCommit(f func(topo.Timestamp))                   {}
