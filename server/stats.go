package server

import (
	"context"
	"math/rand"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// rowsPerTarget is how many rows ANALYZE samples for each unit of the statistics target, as in PostgreSQL.
const rowsPerTarget = 300

// maxSampleBytes bounds a sample, whose rows may be wide.
const maxSampleBytes = 64 << 20

// statistics returns what ANALYZE found out about a table, nil for nothing.
func (s *Server) statistics(t *catalog.Table) *catalog.TableStats {
	return s.catalog.Statistics(t.RowStorage)
}

// rowCount estimates a table's rows, -1 where it was never analyzed.
func (s *Server) rowCount(t *catalog.Table) int64 {
	if st := s.statistics(t); st != nil {
		return st.Rows
	}
	return -1
}

// analyze samples tables (nil: all) and keeps what it finds out in the catalog group, where every node reads it. Each table
// is kept as soon as it is known.
func (s *Server) analyze(ctx context.Context, tables []*catalog.Table, target int) error {
	live := map[topo.StorageID]bool{}
	var all []*catalog.Table
	s.catalog.Current().AllTables(func(t *catalog.Table) bool {
		live[t.RowStorage] = true
		all = append(all, t)
		return true
	})
	if tables == nil {
		tables = all
	}
	for _, t := range tables {
		if !live[t.RowStorage] {
			continue // made or rewritten by the transaction that asks
		}
		st, err := s.analyzeTable(ctx, t, target)
		if err != nil {
			return err
		}
		if err := s.catalog.SetStatistics(ctx, s.txns, []*catalog.TableStats{st}, nil); err != nil {
			return err
		}
	}
	gone := slices.DeleteFunc(s.catalog.StatisticsOf(), func(id topo.StorageID) bool { return live[id] })
	return s.catalog.SetStatistics(ctx, s.txns, nil, gone)
}

func (s *Server) analyzeTable(ctx context.Context, t *catalog.Table, target int) (*catalog.TableStats, error) {
	out := &catalog.TableStats{Storage: t.RowStorage}
	sample, err := s.sampleRows(ctx, t, target*rowsPerTarget, out)
	if err != nil {
		return nil, err
	}
	layout := t.RowLayout()
	for i := range t.Columns {
		c := &t.Columns[i]
		if c.Dropped || c.Hidden || len(sample) == 0 {
			continue
		}
		vals := make([]types.Datum, len(sample))
		for k, row := range sample {
			if vals[k], err = keyenc.DecodeColumn(row, layout, i); err != nil {
				return nil, err
			}
		}
		out.Columns = append(out.Columns, planner.ColumnStatistics(c.Num, c.Type, vals, out.Rows, target))
	}
	return out, nil
}

// sampleRows reads a table once and keeps want of its rows, each with the same chance, in their order; wide rows are kept in
// smaller number. It counts the rows and their bytes.
func (s *Server) sampleRows(ctx context.Context, t *catalog.Table, want int, out *catalog.TableStats) ([][]byte, error) {
	x := s.txns.Begin(txn.Options{ReadOnly: true})
	defer x.Rollback(ctx)
	x.StartStatement()
	ts, err := x.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	lo := topo.AppendStorageID(nil, t.RowStorage)
	sc, err := x.Scan(ctx, txn.ReadOptions{TS: ts}, txn.ScanSpec{Groups: s.catalog.Current().SlotMap().DataGroups(), Lo: lo,
		Hi: keyenc.PrefixEnd(lo)})
	if err != nil {
		return nil, err
	}
	defer sc.Close()
	rng := rand.New(rand.NewSource(int64(ts)))
	var rows [][]byte
	var at []int64 // the number of each among all rows
	bytes := 0
	for {
		b, err := sc.Next(ctx)
		if err != nil {
			return nil, err
		}
		if b == nil {
			break
		}
		for i := range b.Len() {
			v := b.Value(i)
			n := out.Rows
			out.Rows++
			out.Width += int64(len(v))
			if len(rows) < want {
				rows, at = append(rows, slices.Clone(v)), append(at, n)
				bytes += len(v)
			} else if k := rng.Int63n(n + 1); k < int64(want) {
				bytes += len(v) - len(rows[k])
				rows[k], at[k] = slices.Clone(v), n
			}
			for bytes > maxSampleBytes && len(rows) > 1 {
				last := len(rows) - 1
				k := rng.Intn(len(rows))
				bytes -= len(rows[k])
				rows[k], at[k] = rows[last], at[last]
				rows, at, want = rows[:last], at[:last], last
			}
		}
	}
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return int(at[a] - at[b]) })
	sorted := make([][]byte, len(rows))
	for i, k := range order {
		sorted[i] = rows[k]
	}
	return sorted, nil
}
