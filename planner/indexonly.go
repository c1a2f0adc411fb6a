package planner

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// An index-only scan puts out what the entries of an index hold, and reads no rows. An entry has the index's columns, and
// the key of the row that it names: in its own key where it lies beside the row, in its value where it is unique. Entries
// have versions as rows have, and change in the transaction that changes the row, so that a snapshot sees entries and
// rows that agree; PostgreSQL's visibility map has no counterpart.

// Costs of a row that is read through an index, in rows of a scan: an entry alone is shorter than a row; with it, the row is
// read apart.
const (
	entryRowCost = 0.7
	indexRowCost = 4
)

// EntryColumn says where the entries of an index hold a column of the table: a position among the index's columns, or,
// behind these, among those of the row's key; -1: nowhere, or not so that the value comes back as it was.
func EntryColumn(t *catalog.Table, ix *catalog.Index, col catalog.AttNum) int {
	if typ := t.Columns[col-1].Type.Oid; !keyenc.KeyLossless(typ) || typ.IsUser() && typ.Class() != types.EnumClass {
		return -1
	}
	if at := slices.IndexFunc(ix.Columns, func(c catalog.IndexColumn) bool { return c.Num == col }); at >= 0 {
		return at
	}
	if at := slices.Index(t.KeyColumns, col); at >= 0 {
		return len(ix.Columns) + at
	}
	return -1
}

// indexOnly reports whether the entries of an index hold all that the query reads of a table.
func (q *query) indexOnly(rel int, t *catalog.Table, ix *catalog.Index) bool {
	if ix == nil || ix.RowKey || ix.Gin() || rel >= len(q.needed) || q.rowRefs[rel] || q.q.Rels[rel].Sample != nil {
		return false
	}
	for col, is := range q.needed[rel] {
		if is && (col < 0 || col >= len(t.Columns) || EntryColumn(t, ix, catalog.AttNum(col+1)) < 0) {
			return false
		}
	}
	return true
}

// rowCost is what each row of a path costs.
func (p *accessPath) rowCost() float64 { return rowCost(p.index, p.indexOnly) }

func rowCost(ix *catalog.Index, indexOnly bool) float64 {
	switch {
	case ix == nil:
		return 1
	case indexOnly:
		return entryRowCost
	}
	return indexRowCost
}
