package store

import (
	"context"
	"fmt"
	"maps"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
)

type statistics = map[topo.StorageID]*catalog.TableStats

// Statistics returns what ANALYZE found out about the rows in a storage, nil for nothing.
func (s *Store) Statistics(rows topo.StorageID) *catalog.TableStats {
	if m := s.statistics.Load(); m != nil {
		return (*m)[rows]
	}
	return nil
}

// SetStatistics replaces the statistics of some tables and drops those of storages that are gone, in a transaction of its
// own. They are here when it returns, and reach the other nodes soon.
func (s *Store) SetStatistics(ctx context.Context, m *txn.Manager, stats []*catalog.TableStats, gone []topo.StorageID) error {
	if len(stats)+len(gone) == 0 {
		return nil
	}
	t := m.Begin(txn.Options{})
	var keys [][]byte
	var locks []txn.LockRequest
	for _, x := range stats {
		keys = append(keys, catalog.StatisticsKey(x.Storage))
	}
	for _, id := range gone {
		keys = append(keys, catalog.StatisticsKey(id))
	}
	for _, k := range keys {
		locks = append(locks, txn.LockRequest{Key: txn.Key{Group: topo.CatalogGroup, Bytes: k}, Mode: lock.Update, Latest: true})
	}
	if err := t.Lock(ctx, locks, lock.Wait, make([]txn.Locked, len(locks))); err != nil {
		t.Rollback(ctx)
		return err
	}
	for i, l := range locks {
		if i < len(stats) {
			t.Put(l.Key, catalog.EncodeRecord(stats[i]), 0)
		} else {
			t.Delete(l.Key, 0)
		}
	}
	var at topo.Timestamp
	t.OnCommit(func(ts topo.Timestamp) { at = ts })
	if err := t.Commit(ctx); err != nil {
		return err
	}
	return s.WaitEntries(ctx, keys, at)
}

// StatisticsOf lists the storages that have statistics.
func (s *Store) StatisticsOf() []topo.StorageID {
	var out []topo.StorageID
	if m := s.statistics.Load(); m != nil {
		for id := range *m {
			out = append(out, id)
		}
	}
	return out
}

// applyStatistics takes entries of statistics; others leave m as it is. What is in m does not change.
func applyStatistics(m statistics, e entry) (statistics, error) {
	id, ok := catalog.ParseStatisticsKey(e.key)
	if !ok {
		return m, nil
	}
	next := maps.Clone(m)
	if next == nil {
		next = statistics{}
	}
	if e.value == nil {
		delete(next, id)
		return next, nil
	}
	x, err := catalog.DecodeRecord[catalog.TableStats](e.value)
	if err != nil {
		return nil, fmt.Errorf("statistics: %w", err)
	}
	next[id] = x
	return next, nil
}
