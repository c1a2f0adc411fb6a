package exec

import (
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// nestLoopOp compares every left row with every right row, or runs the right side anew for each left row (LATERAL). The right
// side is kept; when it does not fit into memory it is in a file, and each batch of left rows goes through it page by page.
type nestLoopOp struct {
	r     *run
	n     *planner.NestLoop
	left  operator
	right operator // nil when lateral
	inner *run     // lateral: the unit of the right side

	store *RowStore    // the right side when it is in a file
	rows  *types.Batch // the right side, or the page of it at hand
	base  int64        // rows of the right side before rows

	in          *types.Batch
	first, last int   // the left rows that are joined with rows
	row, pos    int   // where that is: the next pair
	ahead       int64 // before the next pair, the page from this row is read; turnAhead: turn is called; negative: neither
	loaded      bool
	pairs       pairBuffer
	matched     []bool
	hit         types.Bitmap // FULL
	tail        int64
}

func (r *run) buildNestLoop(n *planner.NestLoop) (operator, error) {
	left, err := r.build(n.Left)
	if err != nil {
		return nil, err
	}
	j := &nestLoopOp{r: r, n: n, left: left}
	if n.Lateral {
		j.inner = r.child()
		return j, nil
	}
	j.right, err = r.build(n.Right)
	return j, err
}

// turnAhead is never the start of a page but the first.
const turnAhead = 0

// load reads the right side: all of it, or for one left row.
func (j *nestLoopOp) load(op operator) error {
	j.drop()
	j.rows = types.NewBatch(j.n.Right.Base().Types, 0)
	var used int64
	for {
		if err := j.r.cancelled(); err != nil {
			return err
		}
		b, err := op.next(0)
		if err != nil || b == nil {
			return err
		}
		if j.store != nil {
			if err := j.store.Add(b); err != nil {
				return err
			}
			continue
		}
		appendBatch(j.rows, b)
		used += batchBytes(b)
		over, err := j.r.spills(used, j.r.workMem())
		if err != nil {
			return err
		}
		if over {
			j.store = j.r.newRowStore()
			if err := j.store.take(j.rows); err != nil {
				return err
			}
		}
	}
}

// drop forgets the right side.
func (j *nestLoopOp) drop() {
	j.store.Close()
	j.store, j.rows, j.base = nil, nil, 0
}

// bind runs the right side for a left row.
func (j *nestLoopOp) bind(at int) error {
	row := j.in.Row(at)
	outer := make([]types.Datum, len(j.n.Args))
	for i, a := range j.n.Args {
		d, err := j.r.evalRow(a, row)
		if err != nil {
			return err
		}
		outer[i] = d
	}
	j.inner.eval.Outer = outer
	op, err := j.inner.build(j.n.Right)
	if err != nil {
		return err
	}
	defer op.close()
	return j.load(op)
}

func (j *nestLoopOp) next(max int) (*types.Batch, error) {
	if !j.n.Lateral && !j.loaded {
		j.loaded = true
		if err := j.load(j.right); err != nil {
			return nil, err
		}
	}
	for {
		if err := j.r.cancelled(); err != nil {
			return nil, err
		}
		if j.in == nil {
			b, err := j.left.next(max)
			if err != nil {
				return nil, err
			}
			if b == nil {
				return j.unmatchedRight()
			}
			if b.N == 0 {
				continue
			}
			j.in = b
			j.matched = append(j.matched[:0], make([]bool, b.N)...)
			j.last, j.ahead = 0, turnAhead
		}
		b, err := j.step()
		if err != nil {
			return nil, err
		}
		if b != nil && b.N > 0 {
			return b, nil
		}
	}
}

// turn takes the next left rows, of which a LATERAL right side has one at a time, and the right side from its start.
func (j *nestLoopOp) turn() error {
	j.first, j.last = j.last, j.in.N
	if j.n.Lateral {
		j.last = j.first + 1
		if err := j.bind(j.first); err != nil {
			return err
		}
	}
	return j.page(0)
}

// page takes the page of the right side that starts with a row.
func (j *nestLoopOp) page(row int64) error {
	j.row, j.pos = j.first, 0
	if j.store == nil {
		return nil
	}
	var err error
	j.rows, err = j.store.Read(row, 0)
	j.base = row
	return err
}

// step joins rows until a batch is full or the page has been gone through.
func (j *nestLoopOp) step() (*types.Batch, error) {
	p := &j.pairs
	p.reset()
	var err error
	switch ahead := j.ahead; {
	case ahead == turnAhead:
		err = j.turn()
	case ahead > 0:
		err = j.page(ahead)
	}
	if j.ahead = -1; err != nil {
		return nil, err
	}
	for j.row < j.last && p.len() < 2*types.BatchSize {
		for ; j.pos < j.rows.N && p.len() < 2*types.BatchSize; j.pos++ {
			p.add(int32(j.row), int32(j.pos))
		}
		if j.pos >= j.rows.N {
			j.row++
			j.pos = 0
		}
	}
	if err := p.filter(j.r, j.n.Cond, j.in, j.rows); err != nil {
		return nil, err
	}
	for k, l := range p.left {
		j.matched[l] = true
		if j.n.Type == planner.FullOuter {
			j.hit.Set(int(j.base) + int(p.right[k]))
		}
	}
	return j.settle(), nil
}

// settle puts the pairs out, and with the last of them the left rows that a semi or an outer join adds.
func (j *nestLoopOp) settle() *types.Batch {
	p := &j.pairs
	semi := j.n.Type == planner.Semi || j.n.Type == planner.Anti || j.n.Type == planner.NullAnti
	if semi {
		p.reset()
	}
	in, rows := j.in, j.rows
	through := j.row >= j.last
	more := through && j.store != nil && j.base+int64(j.rows.N) < j.store.Len()
	if through && !more {
		if j.last >= in.N {
			j.in = nil
		}
		for i := j.first; i < j.last; i++ { // all, or the one of a LATERAL side, so that these keep their order
			m := j.matched[i]
			switch {
			case semi && m == (j.n.Type == planner.Semi):
				p.left = append(p.left, int32(i))
			case !semi && !m && (j.n.Type == planner.LeftOuter || j.n.Type == planner.FullOuter):
				p.add(int32(i), -1)
			}
		}
	}
	switch {
	case more:
		j.ahead = j.base + int64(rows.N)
	case through && j.in != nil:
		j.ahead = turnAhead
	}
	if semi {
		return p.gather(in, nil)
	}
	return p.gather(in, rows)
}

// unmatchedRight puts out, for FULL, the right rows that found no partner.
func (j *nestLoopOp) unmatchedRight() (*types.Batch, error) {
	if j.n.Type != planner.FullOuter || j.rows == nil {
		return nil, nil
	}
	p := &j.pairs
	total := int64(j.rows.N)
	if j.store != nil {
		total = j.store.Len()
	}
	for j.tail < total {
		p.reset()
		if j.store != nil && (j.tail < j.base || j.tail >= j.base+int64(j.rows.N)) {
			if err := j.page(j.tail); err != nil {
				return nil, err
			}
		}
		for end := j.base + int64(j.rows.N); j.tail < end && p.len() < types.BatchSize; j.tail++ {
			if !j.hit.Has(int(j.tail)) {
				p.add(-1, int32(j.tail-j.base))
			}
		}
		if p.len() > 0 {
			return p.gather(types.NewBatch(j.n.Left.Base().Types, 0), j.rows), nil
		}
	}
	return nil, nil
}

func (j *nestLoopOp) close() {
	j.drop()
	j.left.close()
	if j.right != nil {
		j.right.close()
	}
}
