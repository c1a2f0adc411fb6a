package exec

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// A GIN index has, beside each row, an entry for every key of the row's values (sql/keyenc/gin.go): the number of the
// column, the key, and the row's key. An UPDATE writes only the entries in which the old row and the new one differ.

// ginKeys returns what the entries of a wide row have behind the index's storage, up to the row's key, in ascending order.
func (x *indexInfo) ginKeys(row []types.Datum) []string {
	if x.absent(row) {
		return nil
	}
	var out []string
	var buf []byte
	for n, c := range x.cols {
		for _, k := range keyenc.GinKeys(x.gin[n], row[c.at]) {
			buf = keyenc.AppendGinKey(buf[:0], n, k)
			out = append(out, string(buf))
		}
	}
	slices.Sort(out)
	return out
}

// ginEntry appends the entry of a key of a row.
func (x *indexInfo) ginEntry(buf []byte, ti *tableInfo, key string, rowKey []byte) []byte {
	buf = append(append(buf, x.prefix...), key...)
	return append(buf, rowKey[len(ti.prefix):]...)
}

// ginEntries returns all entries of a wide row.
func (x *indexInfo) ginEntries(ti *tableInfo, row []types.Datum, rowKey txn.Key) []txn.Key {
	keys := x.ginKeys(row)
	out := make([]txn.Key, len(keys))
	for i, k := range keys {
		out[i] = txn.Key{Group: rowKey.Group, Bytes: x.ginEntry(nil, ti, k, rowKey.Bytes)}
	}
	return out
}

// planGin plans the entries of row i of a batch: op puts or drops them.
func (w *Writer) planGin(i int, x *indexInfo, keys []string, rowKey txn.Key, op writeOp) {
	for _, k := range keys {
		w.add(keyWrite{key: txn.Key{Group: rowKey.Group, Bytes: w.ginEntry(x, k, rowKey.Bytes)}, row: int32(i), x: x, op: op})
	}
}

// ginEntry is indexInfo.ginEntry in the writer's memory.
func (w *Writer) ginEntry(x *indexInfo, key string, rowKey []byte) []byte {
	return w.keep(x.ginEntry(w.bytes(len(x.prefix)+len(key)+len(rowKey)), w.ti, key, rowKey))
}

// planGinUpdate plans the entries of a row that was replaced; moved: it has another key or group.
func (w *Writer) planGinUpdate(i int, x *indexInfo, old, new []types.Datum, oldKey, newKey txn.Key, moved bool) {
	if !moved && !w.changed(x.cols, old, new) && (x.pred < 0 || x.absent(old) == x.absent(new)) {
		return
	}
	before, after := x.ginKeys(old), x.ginKeys(new)
	if !moved {
		before, after = without(before, after), without(after, before)
	}
	w.planGin(i, x, before, oldKey, dropEntry)
	w.planGin(i, x, after, newKey, putEntry)
}

// without returns what of a list is not in another; both ascend.
func without(a, b []string) []string {
	var out []string
	for _, k := range a {
		if _, both := slices.BinarySearch(b, k); !both {
			out = append(out, k)
		}
	}
	return out
}
