package exec

import (
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// distinctOp drops rows whose columns equal those of an earlier row. When the table of the rows known is full, rows that
// are not in it are put aside, parted by their hash, and looked through part by part when the input has ended. Where equal
// rows come one after the other nothing but the last row is kept.
type distinctOp struct {
	r     *run
	n     *planner.Distinct
	in    operator
	level int

	seen  *keyTable
	ids   []int32
	sel   []int32
	out   types.Batch
	aside *parts
	part  int
	sub   *distinctOp
	ended bool
	last  *types.Batch // sorted: the last row
}

func (d *distinctOp) next(max int) (*types.Batch, error) {
	if d.n.Sorted {
		return d.unique(max)
	}
	if d.seen == nil {
		ts := make([]types.Type, len(d.n.Cols))
		for i, c := range d.n.Cols {
			ts[i] = types.T(d.n.Input.Base().Types[c].Oid)
		}
		d.seen = newKeyTable(ts)
	}
	for {
		if err := d.r.cancelled(); err != nil {
			return nil, err
		}
		if d.ended {
			return d.nextPart(max)
		}
		b, err := d.in.next(0)
		if err != nil {
			return nil, err
		}
		if b == nil {
			if err := d.endInput(); err != nil {
				return nil, err
			}
			continue
		}
		if len(d.n.Cols) == 0 {
			// Rows without columns are all equal.
			if d.seen.keys.N > 0 || b.N == 0 {
				continue
			}
			d.seen.keys.N = 1
			return &types.Batch{Cols: b.Cols, N: 1}, nil
		}
		if err := d.judge(b); err != nil {
			return nil, err
		}
		switch len(d.sel) {
		case 0:
			continue
		case b.N:
			return b, nil
		}
		return gatherBatch(&d.out, b, d.sel), nil
	}
}

// judge finds the rows of b that are new.
func (d *distinctOp) judge(b *types.Batch) error {
	d.sel = d.sel[:0]
	keys := vecsOf(b, d.n.Cols)
	if d.aside != nil {
		d.ids = d.seen.find(keys, b.N, d.ids, &d.seen.scratch)
		for i, id := range d.ids {
			if id < 0 {
				d.sel = append(d.sel, int32(i))
			}
		}
		err := d.aside.add(b, nil, d.seen.scratch, d.sel)
		d.sel = d.sel[:0]
		return err
	}
	before := int32(d.seen.len())
	d.ids = d.seen.insert(keys, b.N, d.ids)
	for i, id := range d.ids {
		if id >= before {
			d.sel = append(d.sel, int32(i))
			before = id + 1
		}
	}
	over, err := d.r.spills(d.seen.bytes, d.r.hashMem())
	if !over || d.level >= maxPartLevel {
		return err
	}
	d.aside, err = d.r.newParts(d.level)
	return err
}

func (d *distinctOp) endInput() error {
	d.ended = true
	d.report()
	d.seen = newKeyTable(d.seen.types)
	if d.aside == nil {
		return nil
	}
	return d.aside.finish()
}

func (d *distinctOp) report() {
	if d.level > 0 {
		return
	}
	d.r.note(d.n, func(st *planner.NodeStats) {
		st.Batches, st.MemoryKB = 1, (d.seen.bytes+1023)/1024
		if d.aside != nil {
			st.Batches, st.DiskUsedKB = 1+d.aside.used(), (d.aside.file.size+1023)/1024
		}
	})
}

// nextPart looks through what was put aside.
func (d *distinctOp) nextPart(max int) (*types.Batch, error) {
	for {
		if d.sub != nil {
			b, err := d.sub.next(max)
			if b != nil || err != nil {
				return b, err
			}
			d.sub.closeParts()
			d.sub = nil
		}
		if d.aside == nil || d.part == len(d.aside.streams) {
			return nil, nil
		}
		d.sub = &distinctOp{r: d.r, n: d.n, level: d.level + 1, in: &streamOp{r: d.r, s: d.aside.streams[d.part]}}
		d.part++
	}
}

// unique drops the rows that equal the one before.
func (d *distinctOp) unique(max int) (*types.Batch, error) {
	keys := make([]planner.SortKey, len(d.n.Cols))
	var cmp []func(a *types.Vec, i int32, b *types.Vec, j int32) int
	for i, c := range d.n.Cols {
		keys[i] = planner.SortKey{Col: c, Type: d.n.Input.Base().Types[c]}
		cmp = append(cmp, compareAcross(keys[i]))
	}
	equal := func(a *types.Batch, i int32, b *types.Batch, j int32) bool {
		for k, f := range cmp {
			c := keys[k].Col
			if f(&a.Cols[c], i, &b.Cols[c], j) != 0 {
				return false
			}
		}
		return true
	}
	for {
		if err := d.r.cancelled(); err != nil {
			return nil, err
		}
		b, err := d.in.next(max)
		if err != nil || b == nil {
			return nil, err
		}
		if b.N == 0 {
			continue
		}
		d.sel = d.sel[:0]
		for i := range int32(b.N) {
			if i == 0 && (d.last == nil || !equal(d.last, 0, b, 0)) || i > 0 && !equal(b, i-1, b, i) {
				d.sel = append(d.sel, i)
			}
		}
		d.last = gatherBatch(&types.Batch{}, b, []int32{int32(b.N - 1)})
		if len(d.sel) > 0 {
			return gatherBatch(&d.out, b, d.sel), nil
		}
	}
}

func (d *distinctOp) closeParts() {
	if d.sub != nil {
		d.sub.closeParts()
		d.sub = nil
	}
	d.aside.close()
}

func (d *distinctOp) close() {
	d.closeParts()
	d.in.close()
}
