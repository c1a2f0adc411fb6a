package exec

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// keyTable numbers distinct keys from 0 in the order they come: the heart of hash joins, aggregation, DISTINCT and set
// operations. Keys are kept in columns; an open-addressing table of hashes leads to them. A key of one integer column
// takes a path of its own.
//
// NULLs are equal to each other here; a join leaves keys with NULLs out before it asks.
type keyTable struct {
	types  []types.Type
	kinds  []types.Kind
	intKey bool
	keys   *types.Batch
	hashes []uint64 // per key
	slots  []int32  // key number + 1, 0: free
	mask   uint64
	bytes  int64

	scratch []uint64 // hashes of the batch being inserted
}

func newKeyTable(ts []types.Type) *keyTable {
	t := &keyTable{types: ts, keys: types.NewBatch(ts, 0), slots: make([]int32, 1024), mask: 1023}
	for _, x := range ts {
		t.kinds = append(t.kinds, x.Kind())
	}
	t.intKey = len(ts) == 1 && t.kinds[0] == types.KInt
	return t
}

// len returns the number of keys.
func (t *keyTable) len() int { return t.keys.N }

const nullHash = 0x9e3779b97f4a7c15

// hashRows returns the hashes of rows [0, n) in buf, which grows as needed.
func (t *keyTable) hashRows(cols []*types.Vec, n int, buf *[]uint64) []uint64 {
	if cap(*buf) < n {
		*buf = make([]uint64, n+n/2)
	}
	h := (*buf)[:n]
	for i := range h {
		h[i] = 0
	}
	for c, v := range cols {
		t.hashColumn(h, v, c)
	}
	return h
}

func (t *keyTable) hashColumn(h []uint64, v *types.Vec, c int) {
	nulls := len(v.Nulls) > 0
	oid := t.types[c].Oid
	for i := range h {
		var x uint64
		switch {
		case nulls && v.IsNull(i):
			x = nullHash
		case t.kinds[c] == types.KInt:
			x = uint64(v.I[i]) * 0x9fb21c651e98df25
			x ^= x >> 32
		case t.kinds[c] == types.KString && types.ByteEqual(oid):
			x = types.HashString(v.S[i])
		case oid == types.BpcharOid:
			x = types.HashString(strings.TrimRight(v.S[i], " "))
		default:
			x = types.Hash(oid, v.Get(i))
		}
		h[i] = (h[i]*31 ^ x) * 0xff51afd7ed558ccd
		h[i] ^= h[i] >> 29
	}
}

// equal compares key k with row i.
func (t *keyTable) equal(k int, cols []*types.Vec, i int) bool {
	for c, v := range cols {
		have := &t.keys.Cols[c]
		a, b := have.IsNull(k), v.IsNull(i)
		if a || b {
			if a != b {
				return false
			}
			continue
		}
		switch {
		case t.kinds[c] == types.KInt:
			if have.I[k] != v.I[i] {
				return false
			}
		case t.kinds[c] == types.KString && types.ByteEqual(t.types[c].Oid):
			if have.S[k] != v.S[i] {
				return false
			}
		default:
			if !types.Equal(t.types[c].Oid, have.Get(k), v.Get(i)) {
				return false
			}
		}
	}
	return true
}

// find returns in out, for each row, the number of its key, or -1. buf is the caller's own: the workers of a parallel join
// look up in one table at the same time, and nothing of the table may change then.
func (t *keyTable) find(cols []*types.Vec, n int, out []int32, buf *[]uint64) []int32 {
	h := t.hashRows(cols, n, buf)
	out = out[:0]
	if t.intKey && len(cols[0].Nulls) == 0 && len(t.keys.Cols[0].Nulls) == 0 {
		vals, have := cols[0].I, t.keys.Cols[0].I
		for i := range n {
			id := int32(-1)
			for s := h[i] & t.mask; t.slots[s] != 0; s = (s + 1) & t.mask {
				if k := t.slots[s] - 1; have[k] == vals[i] {
					id = k
					break
				}
			}
			out = append(out, id)
		}
		return out
	}
	for i := range n {
		id := int32(-1)
		for s := h[i] & t.mask; t.slots[s] != 0; s = (s + 1) & t.mask {
			k := t.slots[s] - 1
			if t.hashes[k] == h[i] && t.equal(int(k), cols, i) {
				id = k
				break
			}
		}
		out = append(out, id)
	}
	return out
}

// insert returns in out the number of each row's key, new ones added.
func (t *keyTable) insert(cols []*types.Vec, n int, out []int32) []int32 {
	h := t.hashRows(cols, n, &t.scratch)
	out = out[:0]
	fast := t.intKey && len(cols[0].Nulls) == 0
	for i := range n {
		if uint64(t.keys.N)*2 >= t.mask {
			t.grow()
		}
		id := int32(-1)
		s := h[i] & t.mask
		for ; t.slots[s] != 0; s = (s + 1) & t.mask {
			k := t.slots[s] - 1
			if t.hashes[k] != h[i] {
				continue
			}
			if fast && t.keys.Cols[0].I[k] == cols[0].I[i] && !t.keys.Cols[0].IsNull(int(k)) || !fast && t.equal(int(k), cols, i) {
				id = k
				break
			}
		}
		if id < 0 {
			id = int32(t.keys.N)
			for c := range cols {
				d := cols[c].Get(i)
				t.keys.Cols[c].Append(d)
				t.bytes += types.DatumBytes(d)
			}
			t.keys.N++
			t.hashes = append(t.hashes, h[i])
			t.slots[s] = id + 1
			t.bytes += 16
		}
		out = append(out, id)
	}
	return out
}

func (t *keyTable) grow() {
	t.mask = t.mask*2 + 1
	t.slots = make([]int32, t.mask+1)
	for k, h := range t.hashes {
		s := h & t.mask
		for t.slots[s] != 0 {
			s = (s + 1) & t.mask
		}
		t.slots[s] = int32(k) + 1
	}
}

// vecBytes estimates the memory of a column's values from one on.
func vecBytes(v *types.Vec, from int) int64 {
	n := int64(v.Len()-from) * 8
	if len(v.S) > from {
		n *= 2
		for _, s := range v.S[from:] {
			n += int64(len(s))
		}
	}
	if len(v.X) > from {
		n = 0
		for _, d := range v.X[from:] {
			n += types.ObjectBytes(d)
		}
	}
	return n
}

// batchBytes estimates the memory of a batch.
func batchBytes(b *types.Batch) int64 {
	n := int64(0)
	for c := range b.Cols {
		n += vecBytes(&b.Cols[c], 0)
	}
	return n
}

// vecsOf returns pointers to some columns of a batch.
func vecsOf(b *types.Batch, cols []int) []*types.Vec {
	out := make([]*types.Vec, len(cols))
	for i, c := range cols {
		out[i] = &b.Cols[c]
	}
	return out
}

// appendBatch adds all rows of b to dst.
func appendBatch(dst, b *types.Batch) {
	for c := range dst.Cols {
		dst.Cols[c].AppendVec(&b.Cols[c], 0, b.N)
	}
	dst.N += b.N
}

// copyBatch returns a copy that outlives its source's next call.
func copyBatch(b *types.Batch) *types.Batch {
	out := &types.Batch{Cols: make([]types.Vec, len(b.Cols)), N: b.N}
	for c := range b.Cols {
		out.Cols[c].CopyFrom(&b.Cols[c])
	}
	return out
}
