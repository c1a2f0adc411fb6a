package catalog

import (
	"encoding/binary"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// TableStats is what ANALYZE found out about a table. It is kept apart from the snapshot, under the storage of the rows that
// it describes: a table that is truncated or rewritten has none until it is analyzed again.
type TableStats struct {
	Storage topo.StorageID
	Rows    int64
	Width   int64 // bytes of all rows
	Columns []ColumnStats
}

// ColumnStats is a row of pg_statistic. Values are in their text form.
type ColumnStats struct {
	Num      AttNum
	NullFrac float64
	Width    int // average bytes of a value
	// Distinct is the number of values, or, negative, its ratio to the number of rows: pg_statistic.stadistinct. 0: unknown.
	Distinct float64
	// Common are the most common values, and Freqs how often each occurs among all rows.
	Common []string  `json:",omitempty"`
	Freqs  []float64 `json:",omitempty"`
	// Bounds part the other values into intervals of as many rows each.
	Bounds []string `json:",omitempty"`
	// Sample are some values, taken evenly, of a column of which the above is not known: those conditions are tried on which
	// GIN indexes serve.
	Sample []string `json:",omitempty"`
	// Correlation is that of the values' order with that of the rows.
	Correlation float64
}

// Column returns the statistics of a column, nil for none; t may be nil.
func (t *TableStats) Column(num AttNum) *ColumnStats {
	if t == nil {
		return nil
	}
	for i := range t.Columns {
		if t.Columns[i].Num == num {
			return &t.Columns[i]
		}
	}
	return nil
}

// StatisticsKey is the key of a table's statistics in the catalog group.
func StatisticsKey(rows topo.StorageID) []byte {
	return binary.BigEndian.AppendUint32(topo.AppendStorageID(make([]byte, 0, 8), StatisticStorage), uint32(rows))
}

// ParseStatisticsKey reads a StatisticsKey back; ok is false for any other key.
func ParseStatisticsKey(key []byte) (rows topo.StorageID, ok bool) {
	if s, _ := topo.KeyStorageID(key); s != StatisticStorage || len(key) != 8 {
		return 0, false
	}
	return topo.StorageID(binary.BigEndian.Uint32(key[4:])), true
}
