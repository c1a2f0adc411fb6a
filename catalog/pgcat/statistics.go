package pgcat

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// statsRows makes pg_stats: what ANALYZE found out about the columns that the current role may read.
func statsRows(b *builder) error {
	b.snap.Tables(func(t *catalog.Table) bool {
		st := b.sys.Statistics(t)
		if st == nil {
			return true
		}
		rel := catalog.Relation{Kind: catalog.KindTable, Table: t}
		for i := range st.Columns {
			c := &st.Columns[i]
			col := rel.Column(c.Num)
			if col == nil || b.env.Role != 0 && !b.seesColumn(rel, c.Num, catalog.PrivSelect) {
				continue
			}
			corr := null
			if len(c.Common)+len(c.Bounds) > 0 {
				corr = types.NewFloat(float64(float32(c.Correlation)))
			}
			b.add(str(b.snap.SchemaName(t.SchemaID)), str(t.Name), str(col.Name), no, types.NewFloat(float64(float32(c.NullFrac))),
				num(c.Width), types.NewFloat(float64(float32(c.Distinct))), valueList(c.Common), frequencies(c.Freqs),
				valueList(c.Bounds), corr)
		}
		return true
	})
	return nil
}

// valueList is the text of an array of values.
func valueList(vals []string) types.Datum {
	if len(vals) == 0 {
		return null
	}
	out := make([]types.Datum, len(vals))
	for i, v := range vals {
		out[i] = str(v)
	}
	return str(string(types.AppendText(nil, types.TextArrayOid, types.NewArray1(types.TextOid, out), types.DefaultIOEnv)))
}

func frequencies(fs []float64) types.Datum {
	if len(fs) == 0 {
		return null
	}
	out := make([]types.Datum, len(fs))
	for i, f := range fs {
		out[i] = types.NewFloat(float64(float32(f)))
	}
	return types.NewArray1(types.Float4Oid, out)
}

// pagesOf is about how many pages PostgreSQL would need for a table's rows; 0 where nothing is known.
func pagesOf(st *catalog.TableStats) int64 {
	if st == nil {
		return 0
	}
	const page, header = 8192, 28
	return (st.Width + header*st.Rows + page - 1) / page
}
