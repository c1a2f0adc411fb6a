package store

import (
	"context"
	"math"
	"sync"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

const (
	// reserve is how many numbers a node takes from the catalog group at a time.
	reserve = 64
	// rowBlock is how many row ids a number of RowIDSequence stands for: as many as there are places in a block of a tid.
	rowBlock = 1 << 16
	// maxRowBlock keeps new row ids below those of databases that were made before RowIDSequence, which began at 1<<55.
	maxRowBlock = 1<<39 - 1
)

// Allocator hands out OIDs and storage ids from counters in the catalog group, which work as sequences do: what was
// handed out once never is again, in whichever node and whatever became of it.
type Allocator struct {
	catalog func() rpc.Group

	mu       sync.Mutex
	oids     numbers
	storages numbers

	rowMu  sync.Mutex
	row    int64 // the last row id that was handed out; its block is used up where the next one would begin a block
	blocks numbers
}

// numbers is a run of numbers taken from a counter: next <= n < end are free.
type numbers struct{ next, end int64 }

// NewAllocator returns an Allocator; catalogGroup returns the catalog group.
func NewAllocator(catalogGroup func() rpc.Group) *Allocator { return &Allocator{catalog: catalogGroup} }

// OIDs returns the first of n consecutive OIDs.
func (a *Allocator) OIDs(ctx context.Context, n int) (catalog.Oid, error) {
	v, err := a.take(ctx, &a.oids, catalog.OIDSequence, int64(catalog.FirstNormalOid), types.MaxSerial, n)
	return catalog.Oid(v), err
}

// RowID returns a key for a row of a table without a primary key, which no row of the cluster ever had. Ids are counted through
// from block 0 on, so that they are those of a tid as long as there are fewer than 1<<48.
func (a *Allocator) RowID(ctx context.Context) (int64, error) {
	a.rowMu.Lock()
	defer a.rowMu.Unlock()
	if (a.row+1)%rowBlock == 0 || a.row == 0 {
		// Blocks are counted from 1 on, for sequences begin there.
		block, err := a.take(ctx, &a.blocks, catalog.RowIDSequence, 1, maxRowBlock, 1)
		if err != nil {
			return 0, err
		}
		a.row = (block - 1) * rowBlock // the first place of a block is 1
	}
	a.row++
	return a.row, nil
}

// Storages returns the first of n consecutive storage ids.
func (a *Allocator) Storages(ctx context.Context, n int) (topo.StorageID, error) {
	v, err := a.take(ctx, &a.storages, catalog.StorageSequence, int64(catalog.FirstUserStorage), math.MaxUint32, n)
	return topo.StorageID(v), err
}

func (a *Allocator) take(ctx context.Context, r *numbers, counter topo.StorageID, start, end int64, n int) (int64, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.end-r.next < int64(n) {
		count := max(n, reserve)
		resp, err := a.catalog().NextSequenceValues(ctx, &rpc.SequenceRequest{
			ID: counter, Start: start, Increment: 1, Min: 1, Max: end, Count: count,
		})
		if err != nil {
			return 0, txn.CallError(ctx, err)
		}
		if resp.Count < n {
			return 0, pgerr.New(pgerr.ProgramLimitExceeded, "the cluster has no more object identifiers")
		}
		*r = numbers{resp.First, resp.First + int64(resp.Count)}
	}
	v := r.next
	r.next += int64(n)
	return v, nil
}
