package exec

import (
	"encoding/binary"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// entryReader decodes the columns of an index-only scan from entries.
type entryReader struct {
	ti    *tableInfo
	x     *indexInfo
	index []entryStep // up to the last column of the index that is wanted, or all where the row's key follows in the entry
	row   []entryStep // of the row's key; none where none is wanted
}

// entryStep is a column of a key: decoded to dst, or passed over where that is nil.
type entryStep struct {
	col keyColumn
	dst *types.Vec
}

// readerOf makes a reader of a scan's columns into those of a batch.
func readerOf(n *planner.Scan, ti *tableInfo, out *types.Batch) *entryReader {
	r := &entryReader{ti: ti, x: ti.indexByOID(n.Access.Index.OID)}
	dst := make([]*types.Vec, len(r.x.cols)+len(ti.key))
	last := -1
	for i, c := range n.Cols {
		at := planner.EntryColumn(n.Table, n.Access.Index, c)
		dst[at], last = &out.Cols[i], max(last, at)
	}
	for i := range dst[:last+1] {
		if i < len(r.x.cols) {
			r.index = append(r.index, entryStep{r.x.cols[i], dst[i]})
		} else {
			r.row = append(r.row, entryStep{ti.key[i-len(r.x.cols)], dst[i]})
		}
	}
	return r
}

// entriesNeedValues reports whether an index-only scan reads the values of its entries, beside their keys.
func entriesNeedValues(n *planner.Scan) bool {
	if !n.Access.Index.Global() {
		return false
	}
	for _, c := range n.Cols {
		if planner.EntryColumn(n.Table, n.Access.Index, c) >= len(n.Access.Index.Columns) {
			return true
		}
	}
	return false
}

func readSteps(b []byte, steps []entryStep) (rest []byte, err error) {
	for i := range steps {
		s := &steps[i]
		if s.dst == nil {
			b, err = keyenc.SkipKey(s.col.oid, b, s.col.desc)
		} else {
			b, err = keyenc.DecodeKeyTo(s.dst, s.col.oid, b, s.col.desc)
		}
		if err != nil {
			return nil, err
		}
	}
	return b, nil
}

// read appends the columns of an entry.
func (r *entryReader) read(key, value []byte) error {
	rest, err := readSteps(key[len(r.x.prefix):], r.index)
	if err != nil || len(r.row) == 0 {
		return err
	}
	if r.x.global {
		n, w := binary.Uvarint(value)
		if w <= 0 || n > uint64(len(value)-w) {
			return errMalformedEntry(r.ti.t)
		}
		rest = value[w : w+int(n)]
	}
	_, err = readSteps(rest, r.row)
	return err
}

func errMalformedEntry(t *catalog.Table) error {
	return pgerr.New(pgerr.DataCorrupted, "malformed entry of a unique index of table %q", t.Name)
}

// entries decodes entries instead of rows.
func (d *decoder) entries(n int, entry func(int) (key, value []byte)) (*types.Batch, error) {
	if d.out == nil {
		d.out = types.NewBatch(d.n.Types, 0)
		into := d.out
		if d.n.Filter != nil {
			d.pre = types.NewBatch(d.n.Types, 0)
			into = d.pre
		}
		d.reader = readerOf(d.n, d.ti, into)
	}
	d.out.Reset()
	d.sel = d.sel[:0]
	if d.n.Filter != nil {
		d.pre.Reset()
	}
	for i := range n {
		if err := d.reader.read(entry(i)); err != nil {
			return nil, err
		}
	}
	if d.n.Filter == nil {
		for i := range n {
			d.sel = append(d.sel, int32(i))
		}
		d.out.N = n
		return d.out, nil
	}
	d.pre.N = n
	var err error
	if d.sel, err = d.n.Filter.Filter(d.r.eval, d.pre, nil, d.sel); err != nil {
		return nil, err
	}
	for c := range d.out.Cols {
		d.out.Cols[c].Gather(&d.pre.Cols[c], d.sel)
	}
	d.out.N = len(d.sel)
	return d.out, nil
}
