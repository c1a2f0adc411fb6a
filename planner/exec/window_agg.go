package exec

import (
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// aggCall is an aggregate over the frame. state holds the rows [lo, hi), with exclusion nothing from one row to the next.
type aggCall struct {
	w    *windowOp
	c    *planner.WindowCall
	cols callColumns
	f    *frame

	state  expr.AggState
	lo, hi int
	valid  bool // result is that of state
	result types.Datum

	args  []types.Datum
	vecs  []*types.Vec
	zeros []int32
	sel   []int32
	segs  [][2]int
}

func (a *aggCall) begin(f *frame) {
	a.f = f
	a.args = make([]types.Datum, len(a.cols.args))
	a.reset(f.first)
}

// reset empties the state; the frame's rows are added from at on.
func (a *aggCall) reset(at int) {
	ts := make([]types.Type, len(a.c.Args))
	for i, x := range a.c.Args {
		ts[i] = x.Type
	}
	a.state = a.c.Agg.NewState(ts, a.c.Type)
	a.state.Grow(1)
	a.lo, a.hi, a.valid = at, at, false
}

func (a *aggCall) row(int) (types.Datum, error) {
	if a.w.n.Frame&sema.FrameExclusion != 0 {
		return a.excluding()
	}
	if a.valid && a.lo == a.f.lo && a.hi == a.f.hi {
		return a.result, nil
	}
	if err := a.dropTo(a.f.lo); err != nil {
		return types.Null, err
	}
	if err := a.add(a.hi, a.f.hi); err != nil {
		return types.Null, err
	}
	a.hi = max(a.hi, a.f.hi)
	return a.finish()
}

func (a *aggCall) finish() (types.Datum, error) {
	err := a.w.r.unspillable(a.state.MemBytes())
	if err != nil {
		return types.Null, err
	}
	a.result, err = a.state.Result(a.w.r.eval, 0)
	a.valid = true
	return a.result, err
}

// dropTo takes the rows before lo out of the state, or starts it anew from there.
func (a *aggCall) dropTo(lo int) error {
	if lo == a.lo {
		return nil
	}
	inverse, ok := a.state.(expr.InverseState)
	if !ok || lo >= a.hi {
		a.reset(lo)
		return nil
	}
	for ; a.lo < lo; a.lo++ {
		if !a.included(a.lo) {
			continue
		}
		a.read(a.lo)
		done, err := inverse.RemoveRow(a.w.r.eval, 0, a.args)
		if err != nil {
			return err
		}
		if !done {
			a.reset(lo)
			return nil
		}
	}
	return a.w.work(1)
}

func (a *aggCall) included(i int) bool {
	return a.cols.filter < 0 || a.f.rows.isTrue(a.cols.filter, i)
}

func (a *aggCall) read(i int) {
	for k, c := range a.cols.args {
		a.args[k] = a.f.rows.get(c, i)
	}
}

// add adds the rows [from, to).
func (a *aggCall) add(from, to int) error {
	for from < to {
		page, at := a.f.rows.page(from)
		end := min(to, from+types.BatchSize, from+page.N-at)
		if err := a.w.work(end - from); err != nil {
			return err
		}
		if err := a.addSome(page, at-from, from, end); err != nil {
			return err
		}
		from = end
	}
	return nil
}

// addSome adds the rows [from, to), which are in a page: row i at i+shift.
func (a *aggCall) addSome(page *types.Batch, shift, from, to int) error {
	if to-from < 8 {
		for i := from; i < to; i++ {
			if !a.included(i) {
				continue
			}
			a.read(i)
			if err := a.state.AccumulateRow(a.w.r.eval, 0, a.args); err != nil {
				return err
			}
		}
		return nil
	}
	if len(a.zeros) < page.N {
		a.zeros = make([]int32, page.N)
	}
	a.sel = a.sel[:0]
	for i := from; i < to; i++ {
		if a.included(i) {
			a.sel = append(a.sel, int32(i+shift))
		}
	}
	if len(a.sel) == 0 {
		return nil
	}
	a.vecs = a.vecs[:0]
	for _, c := range a.cols.args {
		a.vecs = append(a.vecs, &page.Cols[c])
	}
	return a.state.Accumulate(a.w.r.eval, a.zeros, a.vecs, a.sel, page.N)
}

// excluding computes a frame with exclusion from nothing, as PostgreSQL does.
func (a *aggCall) excluding() (types.Datum, error) {
	a.reset(a.f.lo)
	a.segs = a.f.segments(a.segs[:0])
	for _, s := range a.segs {
		if err := a.add(s[0], s[1]); err != nil {
			return types.Null, err
		}
	}
	return a.finish()
}

// extremeCall is min and max over frames whose start moves: queue holds the rows of the frame that no later one beats, best
// first. Every row enters and leaves once.
type extremeCall struct {
	w     *windowOp
	c     *planner.WindowCall
	cols  callColumns
	less  bool
	f     *frame
	hi    int
	queue []int32
	head  int
}

func (e *extremeCall) begin(f *frame) {
	e.f, e.hi, e.queue, e.head = f, f.first, e.queue[:0], 0
}

func (e *extremeCall) row(int) (types.Datum, error) {
	arg, rows := e.cols.args[0], e.f.rows
	for i := max(e.hi, e.f.lo); i < e.f.hi; i++ {
		d := rows.get(arg, i)
		if d.IsNull() || e.cols.filter >= 0 && !rows.isTrue(e.cols.filter, i) {
			continue
		}
		for len(e.queue) > e.head && e.beats(d, rows.get(arg, int(e.queue[len(e.queue)-1]))) {
			e.queue = e.queue[:len(e.queue)-1]
		}
		e.queue = append(e.queue, int32(i))
	}
	if err := e.w.work(e.f.hi - e.hi + 1); err != nil {
		return types.Null, err
	}
	e.hi = max(e.hi, e.f.hi)
	for e.head < len(e.queue) && int(e.queue[e.head]) < e.f.lo {
		e.head++
	}
	if e.head == len(e.queue) {
		return types.Null, nil
	}
	return rows.get(arg, int(e.queue[e.head])), nil
}

// beats reports whether d, a later value, takes the place of an earlier one. Of equals the last counts (of char(n), the
// first), as in the aggregate without a window.
func (e *extremeCall) beats(d, earlier types.Datum) bool {
	oid := e.c.Args[0].Type.Oid
	c := types.Compare(oid, d, earlier)
	if !e.less {
		c = -c
	}
	return c < 0 || c == 0 && oid != types.BpcharOid
}
