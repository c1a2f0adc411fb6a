package store

import (
	"context"
	"math"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// UpdateNode changes a node's record in a transaction of its own: f gets the latest record, nil when there is none, and
// returns the next one, or nil to leave it as it is. It returns the record as it is afterwards, and only when this replica
// has it. f decides under the record's lock, so a controller that lost its lease meanwhile decides nothing by old news.
func (s *Store) UpdateNode(ctx context.Context, m *txn.Manager, id topo.NodeID, f func(*topo.Node) *topo.Node) (*topo.Node, error) {
	return updateRecord(ctx, s, m, catalog.NodeKey(id), f)
}

// UpdateGroup changes a group's record as UpdateNode does a node's.
func (s *Store) UpdateGroup(ctx context.Context, m *txn.Manager, id topo.GroupID, f func(*topo.Group) *topo.Group) (*topo.Group, error) {
	return updateRecord(ctx, s, m, catalog.GroupKey(id), f)
}

func updateRecord[R topo.Node | topo.Group](ctx context.Context, s *Store, m *txn.Manager, key []byte, f func(*R) *R) (*R, error) {
	t := m.Begin(txn.Options{})
	k := txn.Key{Group: topo.CatalogGroup, Bytes: key}
	out := make([]txn.Locked, 1)
	if err := t.Lock(ctx, []txn.LockRequest{{Key: k, Mode: lock.Update, Latest: true}}, lock.Wait, out); err != nil {
		t.Rollback(ctx)
		return nil, err
	}
	var now *R
	if out[0].Version.Exists() {
		var err error
		if now, err = catalog.DecodeRecord[R](out[0].Version.Value); err != nil {
			t.Rollback(ctx)
			return nil, err
		}
	}
	next := f(now)
	if next == nil {
		t.Rollback(ctx)
		return now, s.WaitEntries(ctx, [][]byte{key}, out[0].Version.TS)
	}
	t.Put(k, catalog.EncodeRecord(next), 0)
	var at topo.Timestamp
	t.OnCommit(func(ts topo.Timestamp) { at = ts })
	if err := t.Commit(ctx); err != nil {
		return nil, err
	}
	return next, s.WaitEntries(ctx, [][]byte{key}, at)
}

// NextNodeID hands out a node id that was never handed out before.
func NextNodeID(ctx context.Context, catalogGroup rpc.Group) (topo.NodeID, error) {
	resp, err := catalogGroup.NextSequenceValues(ctx, &rpc.SequenceRequest{
		ID: catalog.ClusterSequence, Start: int64(FirstNode) + 1, Increment: 1, Min: 1, Max: math.MaxInt32, Count: 1,
	})
	if err != nil {
		return 0, err
	}
	if resp.Count < 1 {
		return 0, pgerr.New(pgerr.ProgramLimitExceeded, "the cluster has no more node ids")
	}
	return topo.NodeID(resp.First), nil
}
