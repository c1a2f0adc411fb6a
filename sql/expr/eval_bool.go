package expr

import (
	"github.com/pgmqdb/pgmqdb/sql/types"
)

func (c *compiler) boolOp(n *BoolOp) (evaluator, error) {
	args, err := c.nodes(n.Args)
	if err != nil {
		return nil, err
	}
	if n.Op == Not {
		return &notEval{arg: args[0], slot: c.vecSlot()}, nil
	}
	return &connectiveEval{args: args, or: n.Op == Or, nullDecides: n.Rows, slot: c.vecSlot(), sel: c.selSlot()}, nil
}

type notEval struct {
	arg  evaluator
	slot int
}

func (e *notEval) row(f *frame, row []types.Datum) (types.Datum, error) {
	d, err := e.arg.row(f, row)
	if err != nil || d.IsNull() {
		return types.Null, err
	}
	return types.NewBool(!d.Bool()), nil
}

func (e *notEval) vec(f *frame, in *types.Batch, sel []int32) (*types.Vec, error) {
	v, err := e.arg.vec(f, in, sel)
	if err != nil {
		return nil, err
	}
	out := f.out(e.slot, boolType, in.N)
	addNulls(out, v)
	for i, b := range v.I[:in.N] {
		out.I[i] = b ^ 1
	}
	return out, nil
}

// connectiveEval is AND or OR. The result starts as the neutral value everywhere; each argument is evaluated only for
// the rows that are not decided yet. Rows are compared up to the first column that is null.
type connectiveEval struct {
	args        []evaluator
	or          bool
	nullDecides bool // in the comparison of rows
	slot        int
	sel         int
}

func (e *connectiveEval) row(f *frame, row []types.Datum) (types.Datum, error) {
	null := false
	for _, a := range e.args {
		d, err := a.row(f, row)
		if err != nil {
			return types.Null, err
		}
		if d.IsNull() {
			if null = true; e.nullDecides {
				break
			}
		} else if d.Bool() == e.or {
			return d, nil
		}
	}
	if null {
		return types.Null, nil
	}
	return types.NewBool(!e.or), nil
}

func (e *connectiveEval) vec(f *frame, in *types.Batch, sel []int32) (*types.Vec, error) {
	neutral, decided := int64(1), int64(0)
	if e.or {
		neutral, decided = 0, 1
	}
	out := f.out(e.slot, boolType, in.N)
	fill(out.I, neutral)
	live := f.sels[e.sel][:0]
	cur := sel
	for _, a := range e.args {
		v, err := a.vec(f, in, cur)
		if err != nil {
			return nil, err
		}
		next := live[:0]
		each(cur, in.N, func(i int32) {
			switch {
			case v.Nulls.Has(int(i)):
				if out.Nulls.Set(int(i)); !e.nullDecides {
					next = append(next, i)
				}
			case v.I[i] == decided:
				out.I[i] = decided
				out.Nulls.Clear(int(i))
			default:
				next = append(next, i)
			}
		})
		live, cur = next, next
		if len(cur) == 0 {
			break
		}
	}
	f.sels[e.sel] = live
	return out, nil
}

// each calls do for the selected positions.
func each(sel []int32, n int, do func(i int32)) {
	if sel != nil {
		for _, i := range sel {
			do(i)
		}
		return
	}
	for i := range int32(n) {
		do(i)
	}
}

func (c *compiler) isTest(n *IsTest) (evaluator, error) {
	arg, err := c.node(n.Arg)
	if err != nil {
		return nil, err
	}
	return &isTestEval{arg: arg, test: n.Test, not: n.Not, slot: c.vecSlot(),
		record: n.Arg.ResultType().Oid.Kind() == types.KRecord}, nil
}

type isTestEval struct {
	arg    evaluator
	test   TestKind
	not    bool
	record bool
	slot   int
}

func (e *isTestEval) test1(d types.Datum) bool {
	switch e.test {
	case IsTrue:
		return !d.IsNull() && d.Bool()
	case IsFalse:
		return !d.IsNull() && !d.Bool()
	}
	return d.IsNull()
}

// recordTest is IS [NOT] NULL of a row: true if all fields are (not) null. The two are not each other's opposites.
func (e *isTestEval) recordTest(d types.Datum) bool {
	if d.IsNull() {
		return !e.not
	}
	for _, x := range d.Record().Fields {
		if x.IsNull() == e.not {
			return false
		}
	}
	return true
}

func (e *isTestEval) row(f *frame, row []types.Datum) (types.Datum, error) {
	d, err := e.arg.row(f, row)
	if err != nil {
		return types.Null, err
	}
	if e.record && e.test == IsNull {
		return types.NewBool(e.recordTest(d)), nil
	}
	return types.NewBool(e.test1(d) != e.not), nil
}

func (e *isTestEval) vec(f *frame, in *types.Batch, sel []int32) (*types.Vec, error) {
	v, err := e.arg.vec(f, in, sel)
	if err != nil {
		return nil, err
	}
	if e.record && e.test == IsNull {
		return generic(f, e.slot, boolType, in.N, sel, func(i int) (types.Datum, error) {
			return types.NewBool(e.recordTest(v.Get(i))), nil
		})
	}
	out := f.out(e.slot, boolType, in.N)
	var flip int64
	if e.not {
		flip = 1
	}
	each(sel, in.N, func(i int32) {
		null := v.Nulls.Has(int(i))
		var b int64
		switch {
		case e.test == IsTrue && !null && v.I[i] != 0, e.test == IsFalse && !null && v.I[i] == 0,
			e.test != IsTrue && e.test != IsFalse && null:
			b = 1
		}
		out.I[i] = b ^ flip
	})
	return out, nil
}

func (c *compiler) distinct(n *Distinct) (evaluator, error) {
	l, r, eq, err := c.equality(n.Eq, n.Left, n.Right)
	if err != nil {
		return nil, err
	}
	return &distinctEval{left: l, right: r, eq: eq, not: n.Not, slot: c.vecSlot()}, nil
}

// pairFunc calls a resolved two-argument function on values.
type pairFunc struct {
	fn   *Function
	call int
}

func (c *compiler) pair(fn *Function, l, r types.Type) (pairFunc, error) {
	if fn.impl == nil || fn.impl.f2 == nil {
		return pairFunc{}, fn.unsupported()
	}
	return pairFunc{fn, c.callSlot(Call{Fn: fn, Types: []types.Type{l, r}, Result: types.T(fn.Result)})}, nil
}

func (p pairFunc) do(f *frame, a, b types.Datum) (types.Datum, error) {
	if p.fn.Strict && (a.IsNull() || b.IsNull()) {
		return types.Null, nil
	}
	c := &f.calls[p.call]
	c.EvalContext = f.ctx
	return p.fn.impl.f2(c, a, b)
}

func (c *compiler) equality(eq *Function, left, right Node) (l, r evaluator, p pairFunc, err error) {
	if l, err = c.node(left); err != nil {
		return
	}
	if r, err = c.node(right); err != nil {
		return
	}
	p, err = c.pair(eq, left.ResultType(), right.ResultType())
	return
}

type distinctEval struct {
	left, right evaluator
	eq          pairFunc
	not         bool
	slot        int
}

func (e *distinctEval) values(f *frame, a, b types.Datum) (types.Datum, error) {
	var distinct bool
	switch {
	case a.IsNull() && b.IsNull():
	case a.IsNull() || b.IsNull():
		distinct = true
	default:
		d, err := e.eq.do(f, a, b)
		if err != nil {
			return d, err
		}
		distinct = !d.Bool()
	}
	return types.NewBool(distinct != e.not), nil
}

func (e *distinctEval) row(f *frame, row []types.Datum) (types.Datum, error) {
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

func (e *distinctEval) vec(f *frame, in *types.Batch, sel []int32) (*types.Vec, error) {
	return vecPair(f, in, sel, e.left, e.right, e.slot, boolType, func(a, b types.Datum) (types.Datum, error) {
		return e.values(f, a, b)
	})
}

func vecPair(f *frame, in *types.Batch, sel []int32, l, r evaluator, slot int, t types.Type,
	do func(a, b types.Datum) (types.Datum, error)) (*types.Vec, error) {
	a, err := l.vec(f, in, sel)
	if err != nil {
		return nil, err
	}
	b, err := r.vec(f, in, sel)
	if err != nil {
		return nil, err
	}
	return generic(f, slot, t, in.N, sel, func(i int) (types.Datum, error) { return do(a.Get(i), b.Get(i)) })
}
