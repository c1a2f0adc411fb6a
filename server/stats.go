package server

import (
	"context"
	"sync"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
)

// rowCounts estimates how many rows each table has, for the planner. Counts are made by ANALYZE, and in the background for
// tables that have none yet; they live in memory only.
type rowCounts struct {
	mu sync.RWMutex
	m  map[topo.StorageID]int64
}

// RowCount returns the estimate, or -1.
func (c *rowCounts) RowCount(t *catalog.Table) int64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if n, ok := c.m[t.RowStorage]; ok {
		return n
	}
	return -1
}

func (c *rowCounts) set(t *catalog.Table, n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == nil {
		c.m = map[topo.StorageID]int64{}
	}
	c.m[t.RowStorage] = n
}

// analyze counts all tables' rows.
func (s *Server) analyze(ctx context.Context) error {
	var tables []*catalog.Table
	s.catalog.Current().Tables(func(t *catalog.Table) bool {
		tables = append(tables, t)
		return true
	})
	for _, t := range tables {
		n, err := s.countRows(ctx, t)
		if err != nil {
			return err
		}
		s.stats.set(t, n)
	}
	return nil
}

func (s *Server) countRows(ctx context.Context, t *catalog.Table) (int64, error) {
	x := s.txns.Begin(txn.Options{ReadOnly: true})
	defer x.Rollback(ctx)
	x.StartStatement()
	ts, err := x.Snapshot(ctx)
	if err != nil {
		return 0, err
	}
	lo := topo.AppendStorageID(nil, t.RowStorage)
	sc, err := x.Scan(ctx, txn.ReadOptions{TS: ts}, txn.ScanSpec{Groups: s.catalog.Current().SlotMap().DataGroups(), Lo: lo,
		Hi: keyenc.PrefixEnd(lo), KeysOnly: true})
	if err != nil {
		return 0, err
	}
	defer sc.Close()
	var n int64
	for {
		b, err := sc.Next(ctx)
		if err != nil || b == nil {
			return n, err
		}
		n += int64(b.Len())
	}
}

// follow forgets counts of tables that are gone.
func (c *rowCounts) follow(s *Server) func(context.Context) {
	var seen *catalog.Snapshot
	return func(context.Context) {
		cur := s.catalog.Current()
		if cur == seen {
			return
		}
		seen = cur
		live := map[topo.StorageID]bool{}
		cur.Tables(func(t *catalog.Table) bool { live[t.RowStorage] = true; return true })
		c.mu.Lock()
		defer c.mu.Unlock()
		for id := range c.m {
			if !live[id] {
				delete(c.m, id)
			}
		}
	}
}
