package exec

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// valuesOp computes rows from expressions.
type valuesOp struct {
	r   *run
	n   *planner.Values
	at  int
	out *types.Batch
}

func (v *valuesOp) next(max int) (*types.Batch, error) {
	if v.at >= len(v.n.Rows) {
		return nil, nil
	}
	if v.out == nil {
		v.out = types.NewBatch(v.n.Types, 0)
	}
	v.out.Reset()
	limit := types.BatchSize
	if max > 0 {
		limit = min(limit, max)
	}
	bytes := 0
	for v.at < len(v.n.Rows) && v.out.N < limit && bytes < targetBatchBytes {
		for c, s := range v.n.Rows[v.at] {
			d, err := s.EvalRow(v.r.eval, nil)
			if err != nil {
				return nil, err
			}
			bytes += strLen(d)
			v.out.Cols[c].Append(d)
		}
		v.out.N++
		v.at++
	}
	return v.out, nil
}

func (v *valuesOp) close() {}

// literalOp puts out a batch of literals once. The batch belongs to the plan: nobody changes it.
type literalOp struct {
	b    *types.Batch
	done bool
}

func (l *literalOp) next(max int) (*types.Batch, error) {
	if l.done {
		return nil, nil
	}
	l.done = true
	return l.b, nil
}

func (l *literalOp) close() {}

// filterOp keeps the rows for which the condition is true.
type filterOp struct {
	r       *run
	n       *planner.Filter
	in      operator
	checked bool
	out     types.Batch
	sel     []int32
}

func (f *filterOp) next(max int) (*types.Batch, error) {
	if f.n.OneTime && !f.checked {
		f.checked = true
		d, err := f.n.Cond.EvalRow(f.r.eval, nil)
		if err != nil {
			return nil, err
		}
		if d.IsNull() || !d.Bool() {
			f.in.close()
			f.in = &emptyOp{}
			return nil, nil
		}
	}
	for {
		b, err := f.in.next(max)
		if err != nil || b == nil || f.n.OneTime {
			return b, err
		}
		if f.sel, err = f.n.Cond.Filter(f.r.eval, b, nil, f.sel[:0]); err != nil {
			return nil, err
		}
		switch len(f.sel) {
		case 0:
			continue
		case b.N:
			return b, nil
		}
		return gatherBatch(&f.out, b, f.sel), nil
	}
}

func (f *filterOp) close() { f.in.close() }

type emptyOp struct{}

func (emptyOp) next(int) (*types.Batch, error) { return nil, nil }
func (emptyOp) close()                         {}

// projectOp computes columns.
type projectOp struct {
	r    *run
	n    *planner.Project
	in   operator
	tmp  []types.Vec
	vecs []*types.Vec
	out  types.Batch
	// Of rows computed one after the other: the input batch, how far it was used, and the rows.
	input *types.Batch
	at    int
	rows  *types.Batch

	pieces *projectPieces // nil: no strings are computed
}

func (p *projectOp) next(max int) (*types.Batch, error) {
	if p.n.ByRow {
		return p.byRow(max)
	}
	if len(p.out.Cols) != len(p.n.Exprs) {
		p.out.Cols = make([]types.Vec, len(p.n.Exprs))
		if makesStrings(p.n.Exprs...) {
			p.pieces = &projectPieces{}
		}
	}
	if p.pieces != nil {
		return p.nextPiece(max)
	}
	b, err := p.in.next(max)
	if err != nil || b == nil {
		return nil, err
	}
	p.out.N = b.N
	if p.n.Passing != nil {
		for i, c := range p.n.Passing {
			p.out.Cols[i] = b.Cols[c]
		}
		return &p.out, nil
	}
	if p.vecs, err = p.r.evalVecs(p.n.Exprs, b, &p.tmp, p.vecs); err != nil {
		return nil, err
	}
	for i, v := range p.vecs {
		p.out.Cols[i] = *v
	}
	return &p.out, nil
}

// byRow computes rows one after the other, up to max.
func (p *projectOp) byRow(max int) (*types.Batch, error) {
	if p.input == nil || p.at >= p.input.N {
		b, err := p.in.next(max)
		if err != nil || b == nil {
			return nil, err
		}
		p.input, p.at = b, 0
	}
	if p.rows == nil {
		p.rows = types.NewBatch(p.n.Types, 0)
	}
	p.rows.Reset()
	for ; p.at < p.input.N && (max <= 0 || p.rows.N < max); p.at++ {
		row := p.input.Row(p.at)
		for c, s := range p.n.Exprs {
			d, err := p.r.evalRow(s, row)
			if err != nil {
				return nil, err
			}
			p.rows.Cols[c].Append(d)
		}
		p.rows.N++
	}
	return p.rows, nil
}

// skipRows leaves the choice to the input, where nothing is computed of the rows left out.
func (p *projectOp) skipRows(n int64) bool {
	for _, e := range p.n.Exprs {
		if _, ok := e.Node.(*expr.Column); !ok {
			return false
		}
	}
	in, ok := p.in.(skipper)
	return ok && in.skipRows(n)
}

func (p *projectOp) close() { p.in.close() }

// projectSetOp computes columns of which some are sets.
type projectSetOp struct {
	r   *run
	n   *planner.ProjectSet
	in  operator
	b   *types.Batch
	row int
	// its are the open iterators of the current row, nil for plain columns and exhausted sets.
	its  []expr.SetIterator
	vals []types.Datum
	open bool
	out  *types.Batch
	made int // bytes of the strings of out
}

func newProjectSet(r *run, n *planner.ProjectSet, in operator) *projectSetOp {
	return &projectSetOp{r: r, n: n, in: in, its: make([]expr.SetIterator, len(n.Items)), vals: make([]types.Datum, len(n.Items)), out: types.NewBatch(n.Types, 0)}
}

func (p *projectSetOp) next(max int) (*types.Batch, error) {
	p.out.Reset()
	p.made = 0
	limit := types.BatchSize
	if max > 0 {
		limit = min(limit, max)
	}
	for p.out.N < limit && p.made < targetBatchBytes {
		if p.b == nil || p.row >= p.b.N {
			if p.out.N > 0 {
				return p.out, nil
			}
			b, err := p.in.next(0)
			if err != nil {
				return nil, err
			}
			if b == nil {
				return nil, nil
			}
			p.b, p.row, p.open = b, 0, false
			continue
		}
		if err := p.fill(limit); err != nil {
			return nil, err
		}
	}
	return p.out, nil
}

// fill puts out rows of the current input row until it is used up or the batch is full.
func (p *projectSetOp) fill(limit int) error {
	if !p.open {
		row := p.b.Row(p.row)
		for i, it := range p.n.Items {
			var err error
			if it.Set == nil {
				if p.vals[i], err = p.r.evalRow(it.Expr, row); err != nil {
					return err
				}
				p.made += strLen(p.vals[i])
				continue
			}
			args := make([]types.Datum, len(it.Args))
			for a, s := range it.Args {
				if args[a], err = p.r.evalRow(s, row); err != nil {
					return err
				}
			}
			if p.its[i], err = openSet(p.r.eval, it.Set, args); err != nil {
				return err
			}
		}
		p.open = true
	}
	for p.out.N < limit && p.made < targetBatchBytes {
		any := false
		for i, it := range p.n.Items {
			if it.Set == nil {
				continue
			}
			p.vals[i] = types.Null
			if p.its[i] == nil {
				continue
			}
			d, ok, err := nextOfSet(p.r.eval, it.Set, p.its[i])
			if err != nil {
				return err
			}
			if !ok {
				p.its[i] = nil
				continue
			}
			p.vals[i], any = d, true
			p.made += strLen(d)
		}
		if !any {
			p.row++
			p.open = false
			return nil
		}
		p.out.AppendRow(p.vals)
	}
	return nil
}

func (p *projectSetOp) close() {
	for _, it := range p.its {
		closeSet(it)
	}
	p.in.close()
}

// closeSet ends the iteration over a set that keeps its rows somewhere.
func closeSet(it expr.SetIterator) {
	if c, ok := it.(interface{ Close() }); ok {
		c.Close()
	}
}

// setWidth is the number of columns of a set-returning function's rows.
func setWidth(s *expr.SetReturning) int { return max(1, len(s.Fn.Columns), len(s.Columns)) }

// nextOfSet returns the next row of a set as one value: a record where it has several columns.
func nextOfSet(eval *expr.EvalContext, s *expr.SetReturning, it expr.SetIterator) (types.Datum, bool, error) {
	row := make([]types.Datum, setWidth(s))
	ok, err := it.Next(eval, row)
	if err != nil || !ok {
		return types.Null, false, err
	}
	if len(row) == 1 && s.Columns == nil {
		return row[0], true, nil
	}
	rec := &types.Record{Fields: row}
	if s.Columns != nil {
		for _, c := range s.Columns {
			rec.Types, rec.Names = append(rec.Types, c.Type), append(rec.Names, c.Name)
		}
		return types.NewRecord(rec), true, nil
	}
	for _, c := range s.Fn.Columns {
		rec.Types = append(rec.Types, types.T(c.Type))
		rec.Names = append(rec.Names, c.Name)
	}
	return types.NewRecord(rec), true, nil
}

// functionOp runs a function in FROM.
type functionOp struct {
	r       *run
	n       *planner.FunctionScan
	it      expr.SetIterator
	started bool
	done    bool
	ord     int64
	out     *types.Batch
	made    int // bytes of the strings of out
}

func (f *functionOp) next(max int) (*types.Batch, error) {
	if f.done {
		return nil, nil
	}
	if f.out == nil {
		f.out = types.NewBatch(f.n.Types, 0)
	}
	f.out.Reset()
	f.made = 0
	if f.n.Set == nil {
		f.done = true
		d, err := f.n.Expr.EvalRow(f.r.eval, nil)
		if err != nil {
			return nil, err
		}
		f.emit(spread(d, f.n.Width))
		return f.out, nil
	}
	if !f.started {
		f.started = true
		args := make([]types.Datum, len(f.n.Args))
		for i, a := range f.n.Args {
			var err error
			if args[i], err = a.EvalRow(f.r.eval, nil); err != nil {
				return nil, err
			}
		}
		var err error
		if f.it, err = openSet(f.r.eval, f.n.Set, args); err != nil {
			return nil, err
		}
	}
	limit := types.BatchSize
	if max > 0 {
		limit = min(limit, max)
	}
	row := make([]types.Datum, setWidth(f.n.Set))
	for f.out.N < limit && f.made < targetBatchBytes && f.it != nil {
		if f.out.N&255 == 0 {
			if err := f.r.cancelled(); err != nil {
				return nil, err
			}
		}
		ok, err := f.it.Next(f.r.eval, row)
		if err != nil {
			return nil, err
		}
		if !ok {
			f.done = true
			break
		}
		if len(row) == 1 && f.n.Width > 1 {
			f.emit(spread(row[0], f.n.Width))
			continue
		}
		f.emit(row)
	}
	if f.it == nil {
		f.done = true
	}
	if f.out.N == 0 {
		return nil, nil
	}
	return f.out, nil
}

// spread makes a record's fields columns.
func spread(d types.Datum, width int) []types.Datum {
	if width == 1 {
		return []types.Datum{d}
	}
	row := make([]types.Datum, width)
	if rec := d.Record(); rec != nil {
		copy(row, rec.Fields)
	}
	return row
}

func (f *functionOp) emit(row []types.Datum) {
	for c := range f.n.Width {
		f.out.Cols[c].Append(row[c])
		f.made += strLen(row[c])
	}
	if f.n.Ordinality {
		f.ord++
		f.out.Cols[f.n.Width].Append(types.NewInt(f.ord))
	}
	f.out.N++
}

func (f *functionOp) close() { closeSet(f.it) }

// virtualOp reads a system relation: its rows are made at once.
type virtualOp struct {
	r    *run
	n    *planner.VirtualScan
	done bool
}

func (v *virtualOp) next(max int) (*types.Batch, error) {
	if v.done {
		return nil, nil
	}
	v.done = true
	if v.r.c.Virtual == nil {
		return nil, pgerr.NotSupported("reading " + v.n.Table.Schema + "." + v.n.Table.Name + " here")
	}
	out := types.NewBatch(v.n.Types, 0)
	err := v.r.c.Virtual(v.n.Table, func(row []types.Datum) error {
		for i, c := range v.n.Cols {
			out.Cols[i].Append(row[c])
		}
		out.N++
		return nil
	})
	if err != nil || out.N == 0 {
		return nil, err
	}
	return out, nil
}

func (v *virtualOp) close() {}

// appendOp puts out the rows of its inputs, one input after the other.
type appendOp struct {
	r  *run
	n  *planner.Append
	at int
	op operator
	// keep are the partitions that are read, nil for all.
	keep map[catalog.Oid]bool
}

func (a *appendOp) next(max int) (*types.Batch, error) {
	if a.n.Prune != nil && a.keep == nil {
		if err := a.prune(); err != nil {
			return nil, err
		}
	}
	for {
		if a.op == nil {
			for a.keep != nil && a.at < len(a.n.Children) && !a.keep[a.n.Leaves[a.at]] {
				a.at++
			}
			if a.at >= len(a.n.Children) {
				return nil, nil
			}
			var err error
			if a.op, err = a.r.build(a.n.Children[a.at]); err != nil {
				return nil, err
			}
			a.at++
		}
		b, err := a.op.next(max)
		if err != nil || b != nil {
			return b, err
		}
		a.op.close()
		a.op = nil
	}
}

// prune finds the partitions that may have rows, by the values that parameters and enclosing queries have now.
func (a *appendOp) prune() (err error) {
	c := a.r.c
	env := planner.PruneEnv{Catalog: c.Catalog, Eval: a.r.eval, Partitions: func(t *catalog.Table) (*catalog.Partitions, error) {
		p, err := partitionsOf(c, t)
		if err != nil {
			return nil, err
		}
		return p.set, nil
	}}
	a.keep, err = env.Leaves(a.n.Root, a.n.Prune)
	return err
}

func (a *appendOp) close() {
	if a.op != nil {
		a.op.close()
	}
}
