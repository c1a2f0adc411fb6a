package store

import (
	"context"
	"errors"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
)

// Collect drops from all data groups the storages given up at or before the horizon: no snapshot can still read them. It
// forgets them in a transaction of its own only when every group has dropped them, so that a crash leaves nothing behind.
// One node at a time need run it; two do no harm.
func (s *Store) Collect(ctx context.Context, horizon topo.Timestamp, groups func(topo.GroupID) rpc.Group, m *txn.Manager) error {
	list := s.Garbage(horizon)
	slots := s.Current().SlotMap()
	if len(list) == 0 || slots == nil {
		return nil
	}
	var rows []topo.StorageID
	for _, g := range list {
		if !g.Sequence {
			rows = append(rows, g.Storage)
		} else if err := m.DropSequence(ctx, g.Storage); err != nil {
			return err
		}
	}
	if len(rows) > 0 {
		for _, g := range slots.DataGroups() {
			res, err := groups(g).Propose(ctx, &fsm.Command{Drop: &fsm.DropStorage{IDs: rows}})
			if err != nil {
				return err
			}
			if res.Code != fsm.ResultOK {
				return errors.New("catalog: a group refused to drop storages")
			}
		}
	}
	return s.forget(ctx, list, m)
}

func (s *Store) forget(ctx context.Context, list []Garbage, m *txn.Manager) error {
	t := m.Begin(txn.Options{})
	reqs := make([]txn.LockRequest, len(list))
	for i, g := range list {
		key := txn.Key{Group: topo.CatalogGroup, Bytes: catalog.GarbageKey(g.Storage)}
		reqs[i] = txn.LockRequest{Key: key, Mode: lock.Update, Latest: true}
	}
	err := t.Lock(ctx, reqs, lock.Wait, make([]txn.Locked, len(reqs)))
	if err == nil {
		for i := range reqs {
			t.Delete(reqs[i].Key, 0)
		}
		err = t.Commit(ctx)
	}
	if err != nil {
		t.Rollback(ctx)
	}
	return err
}
