package exec

import (
	"encoding/binary"
	"slices"
	"sync"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// tableInfo is what reading and writing a table's keys needs, computed once per table version.
type tableInfo struct {
	t      *catalog.Table
	layout *keyenc.RowLayout
	prefix []byte // the row storage id
	key    []keyColumn
	dist   []keyColumn
	placed bool // the row key is what the row is placed by: dist is key
	// indexes are those that have entries of their own.
	indexes []*indexInfo
	rowKey  *indexInfo // the unique index that the row key is, if there is one
	rowID   int        // attnum-1 of the hidden row id, or -1
	// computed are the expressions and predicates of the indexes, in the order of wide rows.
	computed []computedAttr
	excl     exclusions
	// keyAttr[i]: column i is part of the row key, the placement or a unique index.
	keyAttr []bool
}

// keyColumn is a column of a key.
type keyColumn struct {
	at   int // in a wide row: attnum-1, or a computed attribute
	oid  types.Oid
	desc bool
	expr string // of an index expression
}

// indexInfo describes the entries of an index. For rowKey indexes it only names the constraint.
type indexInfo struct {
	ix     *catalog.Index
	con    *catalog.Constraint // its UNIQUE or PRIMARY KEY constraint, or nil
	prefix []byte
	cols   []keyColumn
	global bool
	gin    []keyenc.GinClass // of a GIN index: its columns' operator classes
	pred   int               // the position of its predicate in wide rows; -1: none
}

// deferrable reports whether duplicates are judged at the statement's end or later.
func (x *indexInfo) deferrable() bool { return x.con != nil && x.con.Deferrable }

// name returns the name that a duplicate key error shows.
func (x *indexInfo) name() string { return x.ix.Name }

var tableInfos sync.Map // catalog.Oid -> *tableInfo, the latest version met

// infoOf returns the derived facts of a table version.
func infoOf(t *catalog.Table) *tableInfo {
	if v, ok := tableInfos.Load(t.OID); ok {
		if ti := v.(*tableInfo); ti.t == t {
			return ti
		}
	}
	ti := newTableInfo(t)
	tableInfos.Store(t.OID, ti)
	return ti
}

func newTableInfo(t *catalog.Table) *tableInfo { return newTableInfoOf(t, t.Indexes) }

// newTableInfoOf knows only some of the table's indexes.
func newTableInfoOf(t *catalog.Table, indexes []*catalog.Index) *tableInfo {
	ti := &tableInfo{t: t, layout: t.RowLayout(), prefix: topo.AppendStorageID(nil, t.RowStorage), rowID: int(t.RowIDColumn()) - 1}
	for _, c := range t.KeyColumns {
		ti.key = append(ti.key, keyColumn{at: int(c) - 1, oid: t.Columns[c-1].Type.Oid})
	}
	for _, c := range t.DistColumns {
		ti.dist = append(ti.dist, keyColumn{at: int(c) - 1, oid: t.Columns[c-1].Type.Oid})
	}
	if len(ti.dist) == 0 {
		ti.dist = ti.key
	}
	ti.placed = slices.Equal(ti.dist, ti.key)
	ti.keyAttr = make([]bool, len(t.Columns))
	for n := range planner.KeyAttributes(t) {
		ti.keyAttr[n-1] = true
	}
	for _, ix := range indexes {
		x := ti.newIndexInfo(ix)
		if ix.RowKey {
			ti.rowKey = x
			continue
		}
		ti.indexes = append(ti.indexes, x)
	}
	return ti
}

func (ti *tableInfo) newIndexInfo(ix *catalog.Index) *indexInfo {
	x := &indexInfo{ix: ix, prefix: topo.AppendStorageID(nil, ix.Storage), global: ix.Global(), pred: -1}
	if ix.Predicate != "" {
		x.pred = ti.computedAt(ix.Predicate, true, -1)
	}
	for i := range ix.Columns {
		c := &ix.Columns[i]
		at := int(c.Num) - 1
		if c.Num == 0 {
			at = ti.computedAt(c.Expr, false, x.pred)
		}
		x.cols = append(x.cols, keyColumn{at: at, oid: ti.t.IndexType(c).Oid, desc: c.Desc, expr: c.Expr})
		if ix.Gin() {
			x.gin = append(x.gin, ti.t.GinClass(c))
		}
	}
	if ix.Constraint != 0 {
		x.con = ti.t.ConstraintByOID(ix.Constraint)
	}
	return x
}

// indexByOID returns the entries' description of an index, the row key's included.
func (ti *tableInfo) indexByOID(oid catalog.Oid) *indexInfo {
	if ti.rowKey != nil && ti.rowKey.ix.OID == oid {
		return ti.rowKey
	}
	for _, x := range ti.indexes {
		if x.ix.OID == oid {
			return x
		}
	}
	return nil
}

// appendColumns appends the row's values of some key columns.
func appendColumns(buf []byte, cols []keyColumn, row []types.Datum) []byte {
	for i := range cols {
		buf = keyenc.AppendKey(buf, cols[i].oid, row[cols[i].at], cols[i].desc)
	}
	return buf
}

// rowKeyOf appends a row's key.
func (ti *tableInfo) rowKeyOf(buf []byte, row []types.Datum) []byte {
	return appendColumns(append(buf, ti.prefix...), ti.key, row)
}

// slotOfKey returns the slot of a row whose key was encoded already.
func (ti *tableInfo) slotOfKey(key []byte, row []types.Datum) topo.Slot {
	if ti.placed {
		return topo.Slot(keyenc.SlotOf(key[len(ti.prefix):]))
	}
	return ti.slotOf(row)
}

// slotOf returns the slot of a row.
func (ti *tableInfo) slotOf(row []types.Datum) topo.Slot { return slotOfColumns(ti.dist, row) }

func slotOfColumns(cols []keyColumn, row []types.Datum) topo.Slot {
	var tmp [64]byte
	buf := tmp[:0]
	for i := range cols {
		buf = keyenc.CanonicalBytes(buf, cols[i].oid, row[cols[i].at])
	}
	return topo.Slot(keyenc.SlotOf(buf))
}

// slotOfValues is slotOf for values given in the order of the columns.
func slotOfValues(cols []keyColumn, vals []types.Datum) topo.Slot {
	var tmp [64]byte
	buf := tmp[:0]
	for i := range cols {
		buf = keyenc.CanonicalBytes(buf, cols[i].oid, vals[i])
	}
	return topo.Slot(keyenc.SlotOf(buf))
}

// rowTxnKey returns where a row lives.
func (ti *tableInfo) rowTxnKey(row []types.Datum, sm *topo.SlotMap) txn.Key {
	key := ti.rowKeyOf(nil, row)
	return txn.Key{Group: sm.Group(ti.slotOfKey(key, row)), Bytes: key}
}

// absent reports whether a wide row has no entry: the predicate of a partial index is not true, or there is a NULL among
// the columns of a unique one.
func (x *indexInfo) absent(row []types.Datum) bool {
	if x.pred >= 0 && !isTrue(row[x.pred]) {
		return true
	}
	if !x.global || x.ix.NullsNotDistinct {
		return false
	}
	for i := range x.cols {
		if row[x.cols[i].at].IsNull() {
			return true
		}
	}
	return false
}

// omitsNulls reports whether the index has no entry of rows that are NULL in one of some of its columns, which may be NULL.
func (x *indexInfo) omitsNulls(t *catalog.Table, cols []keyColumn) bool {
	if !x.global || x.ix.NullsNotDistinct {
		return false
	}
	for i := range cols {
		if cols[i].at >= len(t.Columns) || !t.Columns[cols[i].at].NotNull {
			return true
		}
	}
	return false
}

// entryKey returns an entry's key. group is the row's, for entries beside it.
func (x *indexInfo) entryKey(ti *tableInfo, row []types.Datum, group topo.GroupID, sm *topo.SlotMap) txn.Key {
	buf := appendColumns(append(make([]byte, 0, 32), x.prefix...), x.cols, row)
	if x.global {
		return txn.Key{Group: sm.Group(slotOfColumns(x.cols, row)), Bytes: buf}
	}
	return txn.Key{Group: group, Bytes: appendColumns(buf, ti.key, row)}
}

// locator appends what a unique entry holds: the row's key columns behind their length, then its slot.
func (ti *tableInfo) locator(buf, rowKey []byte, slot topo.Slot) []byte {
	pk := rowKey[len(ti.prefix):]
	buf = binary.AppendUvarint(buf, uint64(len(pk)))
	buf = append(buf, pk...)
	return binary.BigEndian.AppendUint16(buf, uint16(slot))
}

// follow returns the key of the row that a locator names.
func (ti *tableInfo) follow(locator []byte, sm *topo.SlotMap) (txn.Key, error) {
	n, w := binary.Uvarint(locator)
	if w <= 0 || len(locator) != w+int(n)+2 {
		return txn.Key{}, errMalformedEntry(ti.t)
	}
	key := append(append(make([]byte, 0, len(ti.prefix)+int(n)), ti.prefix...), locator[w:w+int(n)]...)
	return txn.Key{Group: sm.Group(topo.Slot(binary.BigEndian.Uint16(locator[w+int(n):]))), Bytes: key}, nil
}

// rowOfEntry returns the row key that an entry beside its row names.
func (x *indexInfo) rowOfEntry(ti *tableInfo, entry []byte) ([]byte, error) {
	rest, err := x.keyInEntry(entry)
	if err != nil {
		return nil, err
	}
	return append(append(make([]byte, 0, len(ti.prefix)+len(rest)), ti.prefix...), rest...), nil
}

// keyInEntry returns what the key of the row has behind the table's prefix.
func (x *indexInfo) keyInEntry(entry []byte) (rest []byte, err error) {
	rest = entry[len(x.prefix):]
	if x.gin != nil {
		return keyenc.SkipGinKey(rest)
	}
	for i := range x.cols {
		if rest, err = keyenc.SkipKey(x.cols[i].oid, rest, x.cols[i].desc); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// decode returns a stored row as values by attnum-1.
func (ti *tableInfo) decode(dst []types.Datum, value []byte) ([]types.Datum, error) {
	return keyenc.DecodeRow(value, ti.layout, dst)
}
