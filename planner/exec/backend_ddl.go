package exec

import (
	"context"
	"slices"
	"sync"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
)

// Backend does for the DDL of one statement what needs rows. Every group's rows are read by a goroutine of its own, at a
// timestamp drawn after the call began, the transaction's own rows included; the tables are fenced meanwhile, so that
// nothing newer can come.
type Backend struct {
	C *Context
	// Groups finds the raft groups, into which new storages are loaded directly.
	Groups func(topo.GroupID) rpc.Group
	// Sequence reads a sequence's last_value.
	Sequence func(*catalog.Sequence) (int64, error)
	// SequenceCopy makes a sequence go on where another is.
	SequenceCopy func(from, to *catalog.Sequence) error

	lock LockTable
	// tables are the versions that DDL has passed in: C.Catalog is the catalog as the statement began.
	tables map[catalog.Oid]*catalog.Table
}

// LockTable takes a table lock for the transaction.
type LockTable func(ctx context.Context, table catalog.Oid, mode ddl.LockMode, noWait bool) error

var _ ddl.Backend = (*Backend)(nil)

// NewBackend returns the backend of one statement.
func NewBackend(c *Context, groups func(topo.GroupID) rpc.Group, lock LockTable) *Backend {
	return &Backend{C: c, Groups: groups, lock: lock}
}

// SequenceValue implements ddl.Backend.
func (b *Backend) SequenceValue(_ context.Context, q *catalog.Sequence) (int64, error) {
	return b.Sequence(q)
}

// CopySequence implements ddl.Backend.
func (b *Backend) CopySequence(_ context.Context, from, to *catalog.Sequence) error {
	return b.SequenceCopy(from, to)
}

// Lock implements ddl.Backend, by the function that NewBackend was given.
func (b *Backend) Lock(ctx context.Context, table catalog.Oid, mode ddl.LockMode, noWait bool) error {
	return b.lock(ctx, table, mode, noWait)
}

// know notes a table's version.
func (b *Backend) know(t *catalog.Table) {
	if b.tables == nil {
		b.tables = map[catalog.Oid]*catalog.Table{}
	}
	b.tables[t.OID] = t
}

// table returns the latest version of a table that the backend knows.
func (b *Backend) table(oid catalog.Oid) *catalog.Table {
	if t := b.tables[oid]; t != nil {
		return t
	}
	return b.C.Catalog.Table(oid)
}

// readNow returns how to read what is committed by now.
func (b *Backend) readNow(ctx context.Context) (txn.ReadOptions, error) {
	ts, err := b.C.Txn.FreshTimestamp(ctx)
	return txn.ReadOptions{TS: ts, Own: txn.LatestSeq}, err
}

// batchFunc takes the batches of one group, one after the other; nil ends the group.
type batchFunc func(ctx context.Context, tb *txn.Batch) error

// eachBatch reads all rows of a table, the groups at the same time unless one by one; start makes a group's function.
func (b *Backend) eachBatch(ctx context.Context, ti *tableInfo, o txn.ReadOptions, oneByOne bool, start func() batchFunc) error {
	groups := dataGroups(b.C.SlotMap)
	hi := keyenc.PrefixEnd(ti.prefix)
	fs := make([]batchFunc, len(groups))
	for i := range fs {
		fs[i] = start()
	}
	return forEach(ctx, len(groups), oneByOne, func(ctx context.Context, i int) error {
		sc, err := b.C.Txn.Scan(ctx, o, txn.ScanSpec{Groups: groups[i : i+1], Lo: ti.prefix, Hi: hi})
		if err != nil {
			return err
		}
		defer sc.Close()
		for {
			tb, err := sc.Next(ctx)
			if err != nil {
				return err
			}
			if err := fs[i](ctx, tb); err != nil || tb == nil {
				return err
			}
		}
	})
}

// callsUser reports whether expressions call functions of users, which the session runs one after the other.
func callsUser(ss ...*planner.Scalar) bool {
	return slices.ContainsFunc(ss, func(s *planner.Scalar) bool { return expr.ContainsUser(s.Node) })
}

// forEach runs f(0..n-1), at the same time unless one by one.
func forEach(ctx context.Context, n int, oneByOne bool, f func(ctx context.Context, i int) error) error {
	if !oneByOne {
		return inParallel(ctx, n, f)
	}
	for i := range n {
		if err := f(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

// inParallel runs f(0..n-1) at the same time. The first error stops the others and is returned.
func inParallel(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	if n == 1 {
		return f(ctx, 0)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	var once sync.Once
	var first error
	for i := range n {
		wg.Go(func() {
			if err := f(ctx, i); err != nil {
				once.Do(func() {
					first = err
					cancel()
				})
			}
		})
	}
	wg.Wait()
	return first
}
