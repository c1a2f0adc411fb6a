package expr

import (
	"github.com/pgmqdb/pgmqdb/sql/types"
)

func (c *compiler) caseExpr(n *Case) (evaluator, error) {
	e := &caseEval{typ: n.Type, slot: c.vecSlot(), live: c.selSlot(), hit: c.selSlot()}
	for _, w := range n.Whens {
		cond, err := c.node(w.Cond)
		if err != nil {
			return nil, err
		}
		res, err := c.node(w.Result)
		if err != nil {
			return nil, err
		}
		e.conds, e.results = append(e.conds, cond), append(e.results, res)
	}
	if n.Else != nil {
		d, err := c.node(n.Else)
		if err != nil {
			return nil, err
		}
		e.def = d
	}
	return e, nil
}

type caseEval struct {
	conds, results []evaluator
	def            evaluator
	typ            types.Type
	slot           int
	live, hit      int
}

func (e *caseEval) row(f *frame, row []types.Datum) (types.Datum, error) {
	for i, c := range e.conds {
		d, err := c.row(f, row)
		if err != nil {
			return d, err
		}
		if !d.IsNull() && d.Bool() {
			return e.results[i].row(f, row)
		}
	}
	if e.def != nil {
		return e.def.row(f, row)
	}
	return types.Null, nil
}

// allRows fills a selection with all positions, for evaluators that narrow one.
func allRows(buf []int32, n int) []int32 {
	buf = buf[:0]
	for i := range int32(n) {
		buf = append(buf, i)
	}
	return buf
}

func (e *caseEval) vec(f *frame, in *types.Batch, sel []int32) (*types.Vec, error) {
	out := f.out(e.slot, e.typ, in.N)
	live := f.sels[e.live]
	if sel == nil {
		live = allRows(live, in.N)
	} else {
		live = append(live[:0], sel...)
	}
	defer func() { f.sels[e.live] = live }()
	for k, c := range e.conds {
		if len(live) == 0 {
			return out, nil
		}
		v, err := c.vec(f, in, live)
		if err != nil {
			return nil, err
		}
		hit, rest := f.sels[e.hit][:0], live[:0]
		for _, i := range live {
			if v.I[i] != 0 && !v.Nulls.Has(int(i)) {
				hit = append(hit, i)
			} else {
				rest = append(rest, i)
			}
		}
		live, f.sels[e.hit] = rest, hit
		if err := copyArm(f, in, hit, e.results[k], out); err != nil {
			return nil, err
		}
	}
	return out, copyArm(f, in, live, e.def, out)
}

// copyArm evaluates an arm (nil: NULL) at the positions and puts its values in out.
func copyArm(f *frame, in *types.Batch, at []int32, arm evaluator, out *types.Vec) error {
	if len(at) == 0 {
		return nil
	}
	if arm == nil {
		for _, i := range at {
			out.SetNull(int(i))
		}
		return nil
	}
	v, err := arm.vec(f, in, at)
	if err != nil {
		return err
	}
	for _, i := range at {
		out.Set(int(i), v.Get(int(i)))
	}
	return nil
}

func (c *compiler) coalesce(n *Coalesce) (evaluator, error) {
	args, err := c.nodes(n.Args)
	if err != nil {
		return nil, err
	}
	return &coalesceEval{args: args, typ: n.Type, slot: c.vecSlot(), live: c.selSlot()}, nil
}

type coalesceEval struct {
	args []evaluator
	typ  types.Type
	slot int
	live int
}

func (e *coalesceEval) row(f *frame, row []types.Datum) (types.Datum, error) {
	for _, a := range e.args {
		d, err := a.row(f, row)
		if err != nil || !d.IsNull() {
			return d, err
		}
	}
	return types.Null, nil
}

func (e *coalesceEval) vec(f *frame, in *types.Batch, sel []int32) (*types.Vec, error) {
	out := f.out(e.slot, e.typ, in.N)
	cur, live := sel, f.sels[e.live][:0]
	for _, a := range e.args {
		v, err := a.vec(f, in, cur)
		if err != nil {
			return nil, err
		}
		next := live[:0]
		each(cur, in.N, func(i int32) {
			if v.Nulls.Has(int(i)) {
				next = append(next, i)
			} else {
				out.Set(int(i), v.Get(int(i)))
			}
		})
		live, cur = next, next
		if len(cur) == 0 {
			break
		}
	}
	f.sels[e.live] = live
	for _, i := range live {
		out.SetNull(int(i))
	}
	return out, nil
}

func (c *compiler) minMax(n *MinMax) (evaluator, error) {
	args, err := c.nodes(n.Args)
	if err != nil {
		return nil, err
	}
	return &minMaxEval{args: args, least: n.Least, typ: n.Type, slot: c.vecSlot()}, nil
}

type minMaxEval struct {
	args  []evaluator
	least bool
	typ   types.Type
	slot  int
}

// better returns the one of two values that wins; NULL loses to all.
func (e *minMaxEval) better(a, b types.Datum) types.Datum {
	if a.IsNull() {
		return b
	}
	if b.IsNull() {
		return a
	}
	if cmp := types.Compare(e.typ.Oid, b, a); cmp < 0 && e.least || cmp > 0 && !e.least {
		return b
	}
	return a
}

func (e *minMaxEval) row(f *frame, row []types.Datum) (types.Datum, error) {
	var best types.Datum
	for _, a := range e.args {
		d, err := a.row(f, row)
		if err != nil {
			return d, err
		}
		best = e.better(best, d)
	}
	return best, nil
}

func (e *minMaxEval) vec(f *frame, in *types.Batch, sel []int32) (*types.Vec, error) {
	cols := make([]*types.Vec, len(e.args))
	for i, a := range e.args {
		v, err := a.vec(f, in, sel)
		if err != nil {
			return nil, err
		}
		cols[i] = v
	}
	return generic(f, e.slot, e.typ, in.N, sel, func(i int) (types.Datum, error) {
		var best types.Datum
		for _, v := range cols {
			best = e.better(best, v.Get(i))
		}
		return best, nil
	})
}

func (c *compiler) nullIf(n *NullIf) (evaluator, error) {
	l, r, eq, err := c.equality(n.Eq, n.Left, n.Right)
	if err != nil {
		return nil, err
	}
	return &nullIfEval{left: l, right: r, eq: eq, typ: n.Type, slot: c.vecSlot()}, nil
}

type nullIfEval struct {
	left, right evaluator
	eq          pairFunc
	typ         types.Type
	slot        int
}

func (e *nullIfEval) values(f *frame, a, b types.Datum) (types.Datum, error) {
	if a.IsNull() || b.IsNull() {
		return a, nil
	}
	d, err := e.eq.do(f, a, b)
	if err != nil || !d.IsNull() && d.Bool() {
		return types.Null, err
	}
	return a, nil
}

func (e *nullIfEval) row(f *frame, row []types.Datum) (types.Datum, error) {
	a, err := e.left.row(f, row)
	if err != nil {
		return a, err
	}
	b, err := e.right.row(f, row)
	if err != nil {
		return b, err
	}
	return e.values(f, a, b)
}

func (e *nullIfEval) vec(f *frame, in *types.Batch, sel []int32) (*types.Vec, error) {
	return vecPair(f, in, sel, e.left, e.right, e.slot, e.typ, func(a, b types.Datum) (types.Datum, error) {
		return e.values(f, a, b)
	})
}
