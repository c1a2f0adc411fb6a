package exec

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Window functions. The operator reads whole partitions, which come one after the other because the input is sorted, and
// then answers row by row as it puts them out: every function keeps what it knows of the current partition and moves on
// with the rows. Both bounds of a frame only ever move forward within a partition, so that finding all frames costs no
// more than the partition has rows, and so does an aggregate that takes rows back (expr.InverseState) or is a minimum or
// maximum; others are computed anew when the start of the frame moves, as in PostgreSQL.
//
// Arguments are evaluated once, as rows come in, and stand behind the input's columns. The rows of one partition, or of as
// many as make a batch, are kept: in memory, or in a file if they are too many.

// windowOp computes the functions of one window.
type windowOp struct {
	r  *run
	n  *planner.WindowAgg
	in operator

	width   int          // columns of the input
	rows    *windowRows  // input ++ arguments, from the start of a partition to the end of one
	pending *types.Batch // the beginning of the partition after those in rows
	starts  []int        // where partitions start in rows
	eof     bool
	used    int64
	exprs   []*planner.Scalar // what is computed behind the input's columns
	filters []int             // per expression: position among the filters, -1 for none
	conds   []*planner.Scalar // the filters, whose values stand behind the expressions'

	at    int // next row to put out
	part  int // its partition, in starts
	frame *frame
	calls []windowCall
	out   *types.Batch
	steps int
}

// windowCall is a function in the course of a partition. row is called for every row of it, in order.
type windowCall interface {
	begin(f *frame)
	row(i int) (types.Datum, error)
}

func newWindow(r *run, n *planner.WindowAgg, in operator) *windowOp {
	w := &windowOp{r: r, n: n, in: in, width: len(n.Input.Base().Types), frame: &frame{n: n, r: r}}
	ts := slices.Clone(n.Input.Base().Types)
	calls := make([]callColumns, len(n.Funcs))
	for i := range n.Funcs {
		f := &n.Funcs[i]
		filter := -1
		if f.Filter != nil {
			filter = len(w.conds)
			w.conds = append(w.conds, f.Filter)
		}
		for _, a := range f.Args {
			if c, ok := a.Node.(*expr.Column); ok && c.Index < w.width {
				calls[i].args = append(calls[i].args, c.Index)
				continue
			}
			calls[i].args = append(calls[i].args, len(ts))
			ts = append(ts, a.Type)
			w.exprs, w.filters = append(w.exprs, a), append(w.filters, filter)
		}
		calls[i].filter = filter
	}
	for i := range calls {
		if calls[i].filter >= 0 {
			calls[i].filter += len(ts)
		}
	}
	for range w.conds {
		ts = append(ts, types.T(types.BoolOid))
	}
	w.rows = &windowRows{mem: types.NewBatch(ts, 0)}
	w.pending = types.NewBatch(ts, 0)
	for i := range n.Funcs {
		w.calls = append(w.calls, newWindowCall(w, &n.Funcs[i], calls[i]))
	}
	w.out = types.NewBatch(n.Types, 0)
	return w
}

// callColumns says where a call's arguments and its filter (-1: none) are in rows.
type callColumns struct {
	args   []int
	filter int
}

func (w *windowOp) next(max int) (*types.Batch, error) {
	if w.at >= w.rows.n {
		if w.eof && w.pending.N == 0 {
			return nil, nil
		}
		if err := w.fill(); err != nil || w.rows.n == 0 {
			return nil, err
		}
	}
	page, from := w.rows.page(w.at)
	end := min(w.rows.n, w.at+types.BatchSize, w.at+page.N-from)
	if max > 0 {
		end = min(end, w.at+max)
	}
	w.out.Reset()
	for c := range w.width {
		w.out.Cols[c].AppendVec(&page.Cols[c], from, from+end-w.at)
	}
	for i := w.at; i < end; i++ {
		if w.part < len(w.starts) && w.starts[w.part] == i {
			w.begin()
		}
		if err := w.frame.move(i); err != nil {
			return nil, err
		}
		for k, c := range w.calls {
			d, err := c.row(i)
			if err != nil {
				return nil, err
			}
			w.out.Cols[w.width+k].Append(d)
		}
		if w.rows.err != nil {
			return nil, w.rows.err
		}
	}
	w.out.N = end - w.at
	w.at = end
	return w.out, nil
}

// begin enters the next partition.
func (w *windowOp) begin() {
	end := w.rows.n
	if w.part+1 < len(w.starts) {
		end = w.starts[w.part+1]
	}
	w.frame.begin(w.rows, w.starts[w.part], end)
	w.part++
	for _, c := range w.calls {
		c.begin(w.frame)
	}
}

// fill reads until the end of a partition, and a batch's worth of rows, are there.
func (w *windowOp) fill() error {
	w.rows.clear()
	w.rows.mem, w.pending = w.pending, w.rows.mem
	w.rows.n = w.rows.mem.N
	w.used = batchBytes(w.rows.mem)
	w.at, w.part, w.starts = 0, 0, append(w.starts[:0], 0)
	if !w.frame.ready {
		if err := w.frame.offsets(); err != nil {
			return err
		}
	}
	for !w.eof && (len(w.starts) < 2 || w.starts[len(w.starts)-1] < types.BatchSize) {
		if err := w.r.cancelled(); err != nil {
			return err
		}
		b, err := w.in.next(0)
		if err != nil {
			return err
		}
		if b == nil {
			w.eof = true
			break
		}
		if err := w.add(b); err != nil {
			return err
		}
	}
	if !w.eof {
		last := len(w.starts) - 1
		if err := w.rows.cut(w.starts[last], w.pending); err != nil {
			return err
		}
		w.starts = w.starts[:last]
	}
	return nil
}

// add appends rows with their arguments, and finds where partitions start among them.
func (w *windowOp) add(b *types.Batch) error {
	rows := w.rows.mem
	from, before := rows.N, w.rows.n
	for c := range w.width {
		rows.Cols[c].AppendVec(&b.Cols[c], 0, b.N)
	}
	sels := make([][]int32, len(w.conds))
	for i, c := range w.conds {
		var err error
		if sels[i], err = c.Filter(w.r.eval, b, nil, make([]int32, 0, b.N)); err != nil {
			return err
		}
	}
	var tmp types.Vec
	for i, x := range w.exprs {
		dst := &rows.Cols[w.width+i]
		var sel []int32
		if f := w.filters[i]; f >= 0 {
			sel = sels[f]
		}
		if sel != nil && len(sel) == 0 {
			appendNulls(dst, b.N)
			continue
		}
		if err := x.EvalSelected(w.r.eval, b, sel, &tmp); err != nil {
			return err
		}
		if sel == nil {
			dst.AppendVec(&tmp, 0, b.N)
			continue
		}
		at := 0
		for k, pos := range sel {
			appendNulls(dst, int(pos)-at)
			dst.Append(tmp.Get(k))
			at = int(pos) + 1
		}
		appendNulls(dst, b.N-at)
	}
	for i, sel := range sels {
		dst := &rows.Cols[w.width+len(w.exprs)+i]
		k := 0
		for pos := range b.N {
			in := k < len(sel) && int(sel[k]) == pos
			if in {
				k++
			}
			dst.Append(types.NewBool(in))
		}
	}
	rows.N += b.N
	if len(w.n.Partition) > 0 {
		same := compareRows(keyColumns(rows, w.n.Partition), w.n.Partition)
		for i := max(from, 1); i < rows.N; i++ {
			if same(int32(i-1), int32(i)) != 0 {
				w.starts = append(w.starts, before+i-from)
			}
		}
	}
	w.used += batchBytes(b)
	return w.rows.added(w.r, w.used)
}

func appendNulls(v *types.Vec, n int) {
	for range n {
		v.AppendNull()
	}
}

func keyColumns(b *types.Batch, keys []planner.SortKey) []*types.Vec {
	out := make([]*types.Vec, len(keys))
	for i, k := range keys {
		out[i] = &b.Cols[k.Col]
	}
	return out
}

// work counts rows that an aggregate went through, and looks for a cancellation now and then.
func (w *windowOp) work(n int) error {
	if w.steps += n; w.steps < 1<<14 {
		return nil
	}
	w.steps = 0
	return w.r.cancelled()
}

func (w *windowOp) close() {
	w.rows.store.Close()
	w.in.close()
}
