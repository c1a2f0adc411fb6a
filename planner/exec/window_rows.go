package exec

import (
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// windowRows are the rows of one or some partitions, by number: in a batch, or in a file once they are too many for the
// memory. What reading the file fails with is in err, for whoever reads has no use for it before the row is done.
type windowRows struct {
	n     int
	mem   *types.Batch // all rows, or, with a store, the last row that came
	store *RowStore
	err   error
}

// page returns a batch with row i and its place there.
func (w *windowRows) page(i int) (*types.Batch, int) {
	if w.store == nil {
		return w.mem, i
	}
	b, at, err := w.store.page(int64(i))
	if err == nil {
		return b, at
	}
	w.err = err
	b = &types.Batch{Cols: make([]types.Vec, len(w.mem.Cols)), N: 1}
	for c := range b.Cols {
		b.Cols[c] = types.NewVec(w.mem.Cols[c].Type, 1)
		b.Cols[c].AppendNull()
	}
	return b, 0
}

// get returns a value.
func (w *windowRows) get(c, i int) types.Datum {
	if w.store == nil {
		return w.mem.Cols[c].Get(i)
	}
	b, at := w.page(i)
	return b.Cols[c].Get(at)
}

// isTrue reports whether a boolean that is never NULL is true.
func (w *windowRows) isTrue(c, i int) bool { return w.get(c, i).Bool() }

// changes calls f for each row in (first, past) whose keys differ from those of the row before.
func (w *windowRows) changes(first, past int, keys []planner.SortKey, f func(i int)) {
	if w.store == nil {
		same := compareRows(keyColumns(w.mem, keys), keys)
		for i := first + 1; i < past; i++ {
			if same(int32(i-1), int32(i)) != 0 {
				f(i)
			}
		}
		return
	}
	cmps := make([]func(a *types.Vec, i int32, b *types.Vec, j int32) int, len(keys))
	for k := range keys {
		cmps[k] = compareAcross(keys[k])
	}
	before, p := w.page(first)
	for i := first + 1; i < past && w.err == nil; i++ {
		b, at := w.page(i)
		for k, cmp := range cmps {
			if c := keys[k].Col; cmp(&before.Cols[c], int32(p), &b.Cols[c], int32(at)) != 0 {
				f(i)
				break
			}
		}
		before, p = b, at
	}
}

// clear drops all rows.
func (w *windowRows) clear() {
	w.store.Close()
	w.store, w.n, w.err = nil, 0, nil
	w.mem.Reset()
}

// added takes note of rows that were appended to mem, whose memory is used, and moves them to the file if that is too much.
func (w *windowRows) added(r *run, used int64) error {
	if w.store == nil {
		w.n = w.mem.N
		over, err := r.spills(used, r.workMem())
		if !over {
			return err
		}
		w.store = r.newRowStore()
		if err := w.store.Add(w.mem); err != nil {
			return err
		}
	} else {
		n := w.mem.N - 1 // the first is the last row of before
		w.n += n
		if err := w.store.Add(sliceBatch(w.mem, 1, w.mem.N)); err != nil {
			return err
		}
	}
	last := sliceBatch(w.mem, w.mem.N-1, w.mem.N)
	w.mem.Reset()
	clearRefs(w.mem)
	appendBatch(w.mem, last)
	return nil
}

// cut moves the rows from i on to dst.
func (w *windowRows) cut(i int, dst *types.Batch) error {
	for at := i; at < w.n; {
		b, p := w.page(at)
		end := min(b.N, p+w.n-at)
		for c := range dst.Cols {
			dst.Cols[c].AppendVec(&b.Cols[c], p, end)
		}
		dst.N += end - p
		at += end - p
	}
	w.n = i
	if w.store == nil {
		w.mem.Truncate(i)
	}
	return w.err
}
