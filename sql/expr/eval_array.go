package expr

import (
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

func (c *compiler) anyAll(n *AnyAll) (evaluator, error) {
	if set := c.constantSet(n); set != nil {
		left, err := c.node(n.Left)
		if err != nil {
			return nil, err
		}
		set.left, set.slot = left, c.vecSlot()
		return set, nil
	}
	elem := types.T(types.ElemOf(n.Array.ResultType().Oid))
	if arr, ok := n.Array.(*ArrayExpr); ok && len(arr.Elems) <= 4 && types.ElemOf(arr.Type.Oid) != 0 && !nestedArray(arr) {
		return c.anyAllElems(n, arr)
	}
	l, r, p, err := c.equality2(n, elem)
	if err != nil {
		return nil, err
	}
	return &anyAllEval{left: l, array: r, op: p, all: n.All, slot: c.vecSlot()}, nil
}

func nestedArray(a *ArrayExpr) bool {
	return len(a.Elems) > 0 && types.IsArray(a.Elems[0].ResultType().Oid)
}

func (c *compiler) equality2(n *AnyAll, elem types.Type) (l, r evaluator, p pairFunc, err error) {
	if l, err = c.node(n.Left); err != nil {
		return
	}
	if r, err = c.node(n.Array); err != nil {
		return
	}
	p, err = c.pair(n.Op, n.Left.ResultType(), elem)
	return
}

// anyAllElems turns a short array that is not constant into a chain, which needs no array.
func (c *compiler) anyAllElems(n *AnyAll, arr *ArrayExpr) (evaluator, error) {
	op := &BoolOp{Op: Or, Loc: n.Loc}
	if n.All {
		op.Op = And
	}
	for _, x := range arr.Elems {
		op.Args = append(op.Args, &Func{Fn: n.Op, Args: []Node{n.Left, x}, Type: boolType, Loc: n.Loc})
	}
	if len(op.Args) == 1 {
		return c.node(op.Args[0])
	}
	if len(op.Args) == 0 {
		return c.node(&Const{Type: boolType, Value: types.NewBool(n.All)})
	}
	if ContainsVolatile(n.Left) {
		l, r, p, err := c.equality2(n, types.T(types.ElemOf(arr.Type.Oid)))
		if err != nil {
			return nil, err
		}
		return &anyAllEval{left: l, array: r, op: p, all: n.All, slot: c.vecSlot()}, nil
	}
	return c.boolOp(op)
}

// constantSet returns an evaluator by hash set for = ANY and <> ALL over a constant array, nil where that does not do.
func (c *compiler) constantSet(n *AnyAll) *inSetEval {
	k, ok := n.Array.(*Const)
	if !ok || k.Value.IsNull() || n.Op.Operator == nil {
		return nil
	}
	isIn := n.Op.Operator.Name == "=" && !n.All
	if !isIn && !(n.Op.Operator.Name == "<>" && n.All) {
		return nil
	}
	elem, left := types.ElemOf(k.Type.Oid), n.Left.ResultType().Oid
	e := &inSetEval{not: !isIn, bpchar: left == types.BpcharOid || elem == types.BpcharOid}
	switch {
	case left.Kind() == types.KInt && elem.Kind() == types.KInt && sameUnits(left, elem):
		e.ints = map[int64]struct{}{}
	case left.Kind() == types.KString && elem.Kind() == types.KString && (types.ByteEqual(left) || left == types.BpcharOid):
		e.strings = map[string]struct{}{}
	default:
		return nil
	}
	for _, d := range k.Value.Array().Elems {
		switch {
		case d.IsNull():
			e.hasNull = true
		case e.ints != nil:
			e.ints[d.Int()] = struct{}{}
		case e.bpchar:
			e.strings[types.TrimBlanks(d.Str())] = struct{}{}
		default:
			e.strings[d.Str()] = struct{}{}
		}
	}
	return e
}

// sameUnits excludes comparisons between date and timestamp types, whose integers mean different things.
func sameUnits(a, b types.Oid) bool {
	scale := func(o types.Oid) int {
		switch o {
		case types.DateOid:
			return 1
		case types.TimestampOid:
			return 2
		case types.TimestamptzOid:
			return 3
		case types.TimetzOid:
			return 4
		}
		return 0
	}
	return scale(a) == scale(b)
}

type inSetEval struct {
	left    evaluator
	ints    map[int64]struct{}
	strings map[string]struct{}
	hasNull bool
	not     bool
	bpchar  bool
	slot    int
}

func (e *inSetEval) has(d types.Datum) types.Datum {
	if d.IsNull() {
		if len(e.ints)+len(e.strings) == 0 && !e.hasNull {
			return types.NewBool(e.not)
		}
		return types.Null
	}
	var found bool
	switch {
	case e.ints != nil:
		_, found = e.ints[d.Int()]
	case e.bpchar:
		_, found = e.strings[types.TrimBlanks(d.Str())]
	default:
		_, found = e.strings[d.Str()]
	}
	if !found && e.hasNull {
		return types.Null
	}
	return types.NewBool(found != e.not)
}

func (e *inSetEval) row(f *frame, row []types.Datum) (types.Datum, error) {
	d, err := e.left.row(f, row)
	if err != nil {
		return d, err
	}
	return e.has(d), nil
}

func (e *inSetEval) vec(f *frame, in *types.Batch, sel []int32) (*types.Vec, error) {
	v, err := e.left.vec(f, in, sel)
	if err != nil {
		return nil, err
	}
	return generic(f, e.slot, boolType, in.N, sel, func(i int) (types.Datum, error) { return e.has(v.Get(i)), nil })
}

type anyAllEval struct {
	left, array evaluator
	op          pairFunc
	all         bool
	slot        int
}

func (e *anyAllEval) values(f *frame, a, arr types.Datum) (types.Datum, error) {
	if arr.IsNull() {
		return types.Null, nil
	}
	return anyAll(arr.Array().Elems, e.all, func(x types.Datum) (types.Datum, error) { return e.op.do(f, a, x) })
}

// anyAll combines comparisons with each element in three-valued logic.
func anyAll(elems []types.Datum, all bool, cmp func(types.Datum) (types.Datum, error)) (types.Datum, error) {
	null := false
	for _, x := range elems {
		d, err := cmp(x)
		if err != nil {
			return d, err
		}
		if d.IsNull() {
			null = true
		} else if d.Bool() != all {
			return d, nil
		}
	}
	if null {
		return types.Null, nil
	}
	return types.NewBool(all), nil
}

func (e *anyAllEval) row(f *frame, row []types.Datum) (types.Datum, error) {
	a, err := e.left.row(f, row)
	if err != nil {
		return a, err
	}
	b, err := e.array.row(f, row)
	if err != nil {
		return b, err
	}
	return e.values(f, a, b)
}

func (e *anyAllEval) vec(f *frame, in *types.Batch, sel []int32) (*types.Vec, error) {
	return vecPair(f, in, sel, e.left, e.array, e.slot, boolType, func(a, b types.Datum) (types.Datum, error) {
		return e.values(f, a, b)
	})
}

// rowFunc is an evaluator whose batch form is its row form over values of its arguments.
type rowFunc struct {
	args   []evaluator // nil: an omitted argument
	typ    types.Type
	slot   int
	datums int
	do     func(f *frame, args []types.Datum) (types.Datum, error)
}

func (c *compiler) rowFunc(ns []Node, t types.Type, do func(f *frame, args []types.Datum) (types.Datum, error)) (evaluator, error) {
	e := &rowFunc{typ: t, slot: c.vecSlot(), datums: c.datumSlots(len(ns)), do: do}
	for _, n := range ns {
		var a evaluator
		if n != nil {
			var err error
			if a, err = c.node(n); err != nil {
				return nil, err
			}
		}
		e.args = append(e.args, a)
	}
	return e, nil
}

func (e *rowFunc) row(f *frame, row []types.Datum) (types.Datum, error) {
	args := f.datums[e.datums : e.datums+len(e.args)]
	for i, a := range e.args {
		if a == nil {
			continue
		}
		d, err := a.row(f, row)
		if err != nil {
			return d, err
		}
		args[i] = d
	}
	return e.do(f, args)
}

func (e *rowFunc) vec(f *frame, in *types.Batch, sel []int32) (*types.Vec, error) {
	cols := make([]*types.Vec, len(e.args))
	for i, a := range e.args {
		if a == nil {
			continue
		}
		v, err := a.vec(f, in, sel)
		if err != nil {
			return nil, err
		}
		cols[i] = v
	}
	args := f.datums[e.datums : e.datums+len(e.args)]
	return generic(f, e.slot, e.typ, in.N, sel, func(i int) (types.Datum, error) {
		for k, v := range cols {
			if v != nil {
				args[k] = v.Get(i)
			}
		}
		return e.do(f, args)
	})
}

func (c *compiler) arrayExpr(n *ArrayExpr) (evaluator, error) {
	elem := types.ElemOf(n.Type.Oid)
	nested := nestedArray(n)
	return c.rowFunc(n.Elems, n.Type, func(_ *frame, args []types.Datum) (types.Datum, error) {
		if !nested {
			return types.NewArray1(elem, append([]types.Datum(nil), args...)), nil
		}
		return nestArrays(elem, args)
	})
}

// nestArrays makes an array one dimension higher out of arrays of one shape; if all are empty or NULL, an empty one.
func nestArrays(elem types.Oid, args []types.Datum) (types.Datum, error) {
	out := &types.Array{Elem: elem}
	var first *types.Array
	empty := 0
	for _, a := range args {
		arr := a.Array()
		if arr == nil || len(arr.Dims) == 0 {
			empty++
			continue
		}
		if first == nil {
			first = arr
		}
		if !sameShape(arr, 0, first, 0) {
			return types.Null, errNestedShape
		}
		out.Elems = append(out.Elems, arr.Elems...)
	}
	switch {
	case first == nil:
		return types.NewArray(out), nil
	case empty > 0:
		return types.Null, errNestedShape
	}
	return wrapDims(out, first, len(args))
}

var errNestedShape = pgerr.New(pgerr.ArraySubscriptError, "multidimensional arrays must have array expressions with matching dimensions")

// wrapDims gives out the shape of n arrays like inner.
func wrapDims(out, inner *types.Array, n int) (types.Datum, error) {
	if d := len(inner.Dims) + 1; d > types.MaxArrayDims {
		return types.Null, pgerr.New(pgerr.ProgramLimitExceeded, "number of array dimensions (%d) exceeds the maximum allowed (%d)", d, types.MaxArrayDims)
	}
	out.Dims = append([]int32{int32(n)}, inner.Dims...)
	if inner.Lbs != nil {
		out.Lbs = append([]int32{1}, inner.Lbs...)
	}
	_, err := types.CheckArrayShape(out.Dims, out.Lbs)
	return types.NewArray(out), err
}

// accumulateArrays is nestArrays as array_agg and ARRAY(SELECT …) have it, which take no NULLs and no empty arrays.
func accumulateArrays(elem types.Oid, args []types.Datum) (types.Datum, error) {
	out := &types.Array{Elem: elem}
	var first *types.Array
	for _, a := range args {
		arr := a.Array()
		switch {
		case arr == nil:
			return types.Null, pgerr.New(pgerr.NullValueNotAllowed, "cannot accumulate null arrays")
		case first == nil && len(arr.Dims) == 0:
			return types.Null, pgerr.New(pgerr.ArraySubscriptError, "cannot accumulate empty arrays")
		case first == nil:
			first = arr
		case !sameShape(arr, 0, first, 0):
			return types.Null, pgerr.New(pgerr.ArraySubscriptError, "cannot accumulate arrays of different dimensionality")
		}
		out.Elems = append(out.Elems, arr.Elems...)
	}
	return wrapDims(out, first, len(args))
}

func (c *compiler) rowExpr(n *Row) (evaluator, error) {
	ts := make([]types.Type, len(n.Fields))
	for i, x := range n.Fields {
		ts[i] = x.ResultType()
	}
	oid := n.Type.Oid
	if oid == types.RecordOid {
		oid = 0
	}
	return c.rowFunc(n.Fields, n.Type, func(_ *frame, args []types.Datum) (types.Datum, error) {
		return types.NewRecord(&types.Record{Oid: oid, Types: ts, Names: n.Names, Fields: append([]types.Datum(nil), args...)}), nil
	})
}

func (c *compiler) field(n *Field) (evaluator, error) {
	return c.rowFunc([]Node{n.Arg}, n.Type, func(_ *frame, args []types.Datum) (types.Datum, error) {
		if args[0].IsNull() {
			return types.Null, nil
		}
		if r := args[0].Record(); n.Index < len(r.Fields) {
			return r.Fields[n.Index], nil
		}
		return types.Null, nil // an attribute added since
	})
}
