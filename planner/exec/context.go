package exec

import (
	"context"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/fk"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Txn is what execution needs of a transaction; *txn.Txn has it.
type Txn interface {
	ID() topo.TxnID
	Options() txn.Options
	Snapshot(ctx context.Context) (topo.Timestamp, error)
	ReadsLatest() bool
	FreshTimestamp(ctx context.Context) (topo.Timestamp, error)
	StatementSeq() txn.Seq
	UseTable(v topo.TableVersion)
	UseForLocks(v topo.TableVersion)
	Get(ctx context.Context, o txn.ReadOptions, keys []txn.Key, out []txn.Version) error
	Scan(ctx context.Context, o txn.ReadOptions, spec txn.ScanSpec) (txn.Scanner, error)
	Lock(ctx context.Context, reqs []txn.LockRequest, policy lock.WaitPolicy, out []txn.Locked) error
	LockSeen(ctx context.Context, key txn.Key, mode lock.Mode, snapshot topo.Timestamp) (v txn.Version, ok bool, err error)
	Probe(ctx context.Context, keys []txn.Key, out []txn.Version) error
	Put(key txn.Key, value []byte, flags txn.WriteFlags)
	Delete(key txn.Key, flags txn.WriteFlags)
	Move(from, to txn.Key, value []byte)
	MarkShared(key txn.Key, seenKeyVersion topo.Timestamp)
	MarkExclusive(key txn.Key, f topo.Timestamp)
	LastSeq() txn.Seq
	OnChildrenChanged(key txn.Key, recheck txn.Recheck)
}

// Context is what one execution of a plan runs in. It is used by one execution at a time.
type Context struct {
	Context context.Context
	Txn     Txn
	SlotMap *topo.SlotMap
	// Catalog names schemas in errors and finds the tables of constraints.
	Catalog *catalog.Snapshot
	// Role is whose privileges decide which values errors show; 0: all are shown. Permissions are the statement's: what it
	// writes itself may be shown.
	Role        catalog.Oid
	Permissions *sema.Permissions
	// IndexExpression prints an expression of an index for errors; nil: as it is stored.
	IndexExpression func(snap *catalog.Snapshot, t *catalog.Table, text string) string
	// Eval carries parameters, settings and the session; execution sets its Outer and Subplan.
	Eval *expr.EvalContext
	// WorkMemBytes bounds each operator's memory, HashMemMultiplier (0: 1) times that a hash table's; 0: 4 MB, or 256 MB
	// without Temp.
	WorkMemBytes      int64
	HashMemMultiplier float64
	// Temp takes what exceeds that; nil: it is an error.
	Temp *TempSpace
	// Workers bounds the goroutines of a parallel plan; 0: the number of CPUs.
	Workers int
	// Constraints receives the row images of the statement's writes; nil: no table with foreign keys is written.
	Constraints Constraints
	// Virtual makes the rows of a system relation, all columns in order, calling emit for each; the row may be reused.
	Virtual func(t *sema.VirtualTable, emit func(row []types.Datum) error) error
	// NextRowID makes keys of tables without a primary key, unique over the cluster and time.
	NextRowID func(context.Context) (int64, error)
	// Triggers calls trigger functions; nil: none fire.
	Triggers TriggerHost
	// stmts are what the triggers of each table share in the statement.
	stmts map[stmtKey]*stmtTriggers
	// Analyze collects rows and times per node, for EXPLAIN ANALYZE.
	Analyze *Instrumentation
}

// Constraints is the foreign-key side of a statement: package fk's runner. Rows are by attnum-1; the slices are valid
// during the call only, the Datums in them for ever. Calls come in batches of at most about 1,000 rows, after the rows
// were locked and written to the transaction's buffer, in statement order. Flush ends the statement: it checks what is
// immediate, runs the actions (through the Writer, which reports its own writes to the same Constraints), and keeps what
// is deferred for the transaction's end.
type Constraints interface {
	Inserted(table *catalog.Table, rows [][]types.Datum) error
	Updated(table *catalog.Table, old, new [][]types.Datum) error
	Deleted(table *catalog.Table, old [][]types.Datum) error
	// Moved is told of rows that an UPDATE of root has moved from one of its partitions to another; oldRoot and newRoot are
	// old and new in the form of root.
	Moved(root, from, to *catalog.Table, old, new, oldRoot, newRoot [][]types.Datum) error
	Flush(ctx context.Context) error
	// DeferUnique keeps keys of a deferrable unique index that were taken while another row held them: each is judged
	// again, by Writer.CheckUnique, at the statement's end or, where the constraint is deferred now, the transaction's.
	DeferUnique(table *catalog.Table, index *catalog.Index, rows [][]types.Datum) error
	// Queue adds the call of an AFTER trigger behind what was reported so far; see fk.Runner.Queue.
	Queue(constraint *catalog.Constraint, fire fk.Fire) (cancel func())
}

// Sink receives a query's rows; the batch is valid during the call only.
type Sink func(b *types.Batch) error

// Result is what a statement did.
type Result struct {
	// Rows is the number of rows returned, or for DML inserted, updated or deleted: the command tag's number.
	Rows int64
}

// Run runs a plan to its end, sending rows to sink, then flushes the constraints. The caller has called
// Txn.StartStatement.
func Run(c *Context, p *planner.Plan, sink Sink) (Result, error) {
	cur, err := Open(c, p)
	if err != nil {
		return Result{}, err
	}
	defer cur.Close()
	for {
		b, err := cur.Next(0)
		if err != nil {
			return Result{}, err
		}
		if b == nil {
			return cur.Result(), nil
		}
		if sink != nil && b.N > 0 && len(p.Columns) > 0 {
			if err := sink(b); err != nil {
				return Result{}, err
			}
		}
	}
}
