package expr

import (
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// impl is how a function is computed: by one of f1, f2 and fn, which get no NULL if the function is strict, and for
// speed by a kernel over columns.
type impl struct {
	f0 func(c *Call) (types.Datum, error)
	f1 func(c *Call, a types.Datum) (types.Datum, error)
	f2 func(c *Call, a, b types.Datum) (types.Datum, error)
	fn func(c *Call, args []types.Datum) (types.Datum, error)
	// kernel computes the selected positions (all n if sel is nil) at which no argument is NULL (out.Nulls is set for the
	// others); only of strict functions.
	kernel kernel
	// prepare specialises on a constant right argument: a LIKE pattern, a regular expression. Nil: it cannot.
	prepare func(right types.Datum) func(c *Call, a types.Datum) (types.Datum, error)
	// inline computes the parts of the body of a function in SQL that constant arguments, if not all, make constant. Nil:
	// there are none, or they do not fail.
	inline func(args []Node) error
}

type kernel func(args []*types.Vec, sel []int32, n int, out *types.Vec) error

func (im *impl) call(c *Call, args []types.Datum) (types.Datum, error) {
	switch {
	case im.f2 != nil && len(args) == 2:
		return im.f2(c, args[0], args[1])
	case im.f1 != nil && len(args) == 1:
		return im.f1(c, args[0])
	case im.fn != nil:
		return im.fn(c, args)
	case im.f0 != nil:
		return im.f0(c)
	}
	return types.Null, pgerr.NotSupported("function " + c.Fn.Name)
}

// unsupported is the error for a function that is known and not implemented.
func (f *Function) unsupported() error {
	if f.Operator != nil {
		return pgerr.NotSupported("operator " + opSignature(f.Operator.Name, f.Args))
	}
	return pgerr.NotSupported("function " + funcSignature(f.Name, f.Args, nil))
}

func (c *compiler) function(n *Func) (evaluator, error) {
	if n.Fn.impl == nil {
		return nil, n.Fn.unsupported()
	}
	args, err := c.nodes(n.Args)
	if err != nil {
		return nil, err
	}
	ts := make([]types.Type, len(n.Args))
	for i, a := range n.Args {
		ts[i] = a.ResultType()
	}
	e := &funcEval{fn: n.Fn, im: n.Fn.impl, args: args, typ: n.Type, slot: c.vecSlot(),
		call: c.callSlot(Call{Fn: n.Fn, Types: ts, Result: n.Type, Variadic: n.Variadic}), datums: c.datumSlots(len(args))}
	if len(args) == 2 && e.im.prepare != nil {
		if k, ok := n.Args[1].(*Const); ok && !k.Value.IsNull() && k.Notices == nil {
			if f1 := e.im.prepare(k.Value); f1 != nil {
				e.im = &impl{f1: f1}
				e.args = args[:1]
			}
		}
	}
	switch {
	case len(e.args) == 2 && e.im.f2 != nil:
		return &func2Eval{e}, nil
	case len(e.args) == 1 && e.im.f1 != nil:
		return &func1Eval{e}, nil
	}
	return e, nil
}

// funcEval evaluates every argument before it looks for NULLs: a later argument that fails does so though an earlier one
// is NULL.
type funcEval struct {
	fn     *Function
	im     *impl
	args   []evaluator
	typ    types.Type
	slot   int
	call   int
	datums int
}

func (e *funcEval) bound(f *frame) *Call {
	c := &f.calls[e.call]
	c.EvalContext = f.ctx
	return c
}

func (e *funcEval) row(f *frame, row []types.Datum) (types.Datum, error) {
	args := f.datums[e.datums : e.datums+len(e.args)]
	null := false
	for i, a := range e.args {
		d, err := a.row(f, row)
		if err != nil {
			return types.Null, err
		}
		null = null || d.IsNull()
		args[i] = d
	}
	if null && e.fn.Strict {
		return types.Null, nil
	}
	return e.im.call(e.bound(f), args)
}

func (e *funcEval) vec(f *frame, in *types.Batch, sel []int32) (*types.Vec, error) {
	var store [4]*types.Vec
	cols := store[:0]
	for _, a := range e.args {
		v, err := a.vec(f, in, sel)
		if err != nil {
			return nil, err
		}
		cols = append(cols, v)
	}
	if e.im.kernel != nil {
		out := f.out(e.slot, e.typ, in.N)
		for _, v := range cols {
			addNulls(out, v)
		}
		return out, e.im.kernel(cols, sel, in.N, out)
	}
	c := e.bound(f)
	args := f.datums[e.datums : e.datums+len(cols)]
	return generic(f, e.slot, e.typ, in.N, sel, func(i int) (types.Datum, error) {
		for k, v := range cols {
			if args[k] = v.Get(i); args[k].IsNull() && e.fn.Strict {
				return types.Null, nil
			}
		}
		return e.im.call(c, args)
	})
}

// addNulls makes out NULL wherever v is.
func addNulls(out, v *types.Vec) {
	for len(out.Nulls) < len(v.Nulls) {
		out.Nulls = append(out.Nulls, 0)
	}
	for w, bits := range v.Nulls {
		out.Nulls[w] |= bits
	}
}

type func1Eval struct{ *funcEval }

func (e *func1Eval) row(f *frame, row []types.Datum) (types.Datum, error) {
	a, err := e.args[0].row(f, row)
	if err != nil || a.IsNull() && e.fn.Strict {
		return types.Null, err
	}
	return e.im.f1(e.bound(f), a)
}

type func2Eval struct{ *funcEval }

func (e *func2Eval) row(f *frame, row []types.Datum) (types.Datum, error) {
	a, err := e.args[0].row(f, row)
	if err != nil {
		return types.Null, err
	}
	b, err := e.args[1].row(f, row)
	if err != nil || e.fn.Strict && (a.IsNull() || b.IsNull()) {
		return types.Null, err
	}
	return e.im.f2(e.bound(f), a, b)
}

// cast compiles a Cast. Casts between types of one representation whose values need no check cost nothing.
func (c *compiler) cast(n *Cast) (evaluator, error) {
	arg, err := c.node(n.Arg)
	if err != nil {
		return nil, err
	}
	from := n.Arg.ResultType()
	if n.ViaIO {
		arg = &textCastEval{arg: arg, from: from, to: n.Type, slot: c.vecSlot()}
	} else if !freeCast(from, n.Type) {
		arg = &castEval{arg: arg, from: from, to: n.Type, ctx: n.Context, slot: c.vecSlot()}
	}
	if n.Domain != nil {
		return c.domain(arg, n)
	}
	return arg, nil
}

func freeCast(from, to types.Type) bool {
	if from.Oid.Kind() != to.Oid.Kind() {
		return false
	}
	if to.Mod >= 0 && (to.Mod != from.Mod || to.Oid != from.Oid) {
		return false
	}
	if to.Oid == types.OidOid && from.Oid == types.Int4Oid {
		return false // a negative integer is a large OID
	}
	if from.Oid == to.Oid || types.BinaryCoercible(from.Oid, to.Oid) {
		return true
	}
	switch to.Oid {
	case types.Int8Oid:
		return from.Oid == types.Int4Oid || from.Oid == types.Int2Oid
	case types.Int4Oid:
		return from.Oid == types.Int2Oid
	case types.Float8Oid:
		return from.Oid == types.Float4Oid
	}
	return false
}

type castEval struct {
	arg      evaluator
	from, to types.Type
	ctx      types.CastContext
	slot     int
}

func (e *castEval) row(f *frame, row []types.Datum) (types.Datum, error) {
	d, err := e.arg.row(f, row)
	if err != nil || d.IsNull() {
		return types.Null, err
	}
	return castDatum(f.ctx, d, e.from, e.to, e.ctx)
}

func castDatum(ctx *EvalContext, d types.Datum, from, to types.Type, cc types.CastContext) (types.Datum, error) {
	return types.Cast(d, from, to, cc, ctx.IO())
}

func (e *castEval) vec(f *frame, in *types.Batch, sel []int32) (*types.Vec, error) {
	v, err := e.arg.vec(f, in, sel)
	if err != nil {
		return nil, err
	}
	if e.to.Oid == types.Float8Oid && e.from.Oid.Kind() == types.KInt && sel == nil {
		out := f.out(e.slot, e.to, in.N)
		addNulls(out, v)
		for i, x := range v.I[:in.N] {
			out.F[i] = float64(x)
		}
		return out, nil
	}
	return generic(f, e.slot, e.to, in.N, sel, func(i int) (types.Datum, error) {
		d := v.Get(i)
		if d.IsNull() {
			return d, nil
		}
		return castDatum(f.ctx, d, e.from, e.to, e.ctx)
	})
}

// textCastEval converts by the text form.
type textCastEval struct {
	arg      evaluator
	from, to types.Type
	slot     int
}

func (e *textCastEval) row(f *frame, row []types.Datum) (types.Datum, error) {
	d, err := e.arg.row(f, row)
	if err != nil || d.IsNull() {
		return types.Null, err
	}
	return e.convert(f, d)
}

func (e *textCastEval) convert(f *frame, d types.Datum) (types.Datum, error) {
	base := types.Type{Oid: e.to.Oid, Mod: -1}
	d, err := types.ParseText(base, types.Text(e.from.Oid, d, f.ctx.IO()), f.ctx.IO())
	if err != nil || e.to.Mod < 0 {
		return d, err
	}
	return castDatum(f.ctx, d, base, e.to, types.Assignment)
}

func (e *textCastEval) vec(f *frame, in *types.Batch, sel []int32) (*types.Vec, error) {
	v, err := e.arg.vec(f, in, sel)
	if err != nil {
		return nil, err
	}
	return generic(f, e.slot, e.to, in.N, sel, func(i int) (types.Datum, error) {
		if d := v.Get(i); !d.IsNull() {
			return e.convert(f, d)
		}
		return types.Null, nil
	})
}
