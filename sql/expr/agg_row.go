package expr

import (
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// accumulator is the value of one group of an aggregate without a columnar state.
type accumulator interface {
	add(ctx *EvalContext, args []types.Datum) error
	merge(ctx *EvalContext, other accumulator) error
	result(ctx *EvalContext) (types.Datum, error)
	size() int64
}

// rowAgg makes states out of accumulators.
func rowAgg(fresh func(args []types.Type, result types.Type) accumulator) func([]types.Type, types.Type) AggState {
	return func(a []types.Type, r types.Type) AggState {
		return &accumulators{fresh: func() accumulator { return fresh(a, r) }, args: make([]types.Datum, len(a))}
	}
}

type accumulators struct {
	fresh    func() accumulator
	groups   []accumulator
	args     []types.Datum
	rows     int64
	bytes    int64 // when there were rowsThen
	rowsThen int64
}

func (s *accumulators) Grow(n int) {
	for len(s.groups) < n {
		s.groups = append(s.groups, s.fresh())
	}
}

func (s *accumulators) Accumulate(ctx *EvalContext, g []int32, args []*types.Vec, sel []int32, n int) error {
	var bad error
	each(sel, n, func(i int32) {
		if bad != nil {
			return
		}
		for k, v := range args {
			s.args[k] = v.Get(int(i))
		}
		bad = s.groups[g[i]].add(ctx, s.args)
	})
	s.rows += int64(n)
	return bad
}

func (s *accumulators) AccumulateRow(ctx *EvalContext, g int, args []types.Datum) error {
	s.rows++
	return s.groups[g].add(ctx, args)
}

func (s *accumulators) Merge(ctx *EvalContext, other AggState, groups []int32) error {
	for i, g := range groups {
		if err := s.groups[g].merge(ctx, other.(*accumulators).groups[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *accumulators) Result(ctx *EvalContext, g int) (types.Datum, error) {
	return s.groups[g].result(ctx)
}

// MemBytes asks the groups only when there are as many new rows as a part of them.
func (s *accumulators) MemBytes() int64 {
	if s.bytes > 0 && s.rows-s.rowsThen < int64(len(s.groups)/4) {
		return s.bytes
	}
	s.bytes, s.rowsThen = 0, s.rows
	for _, g := range s.groups {
		s.bytes += g.size()
	}
	return s.bytes
}

// numericAcc is sum and avg of int8 and numeric; it adds in 64 bits as long as that is exact.
type numericAcc struct {
	avg   bool
	n     int64
	small int64 // sum of int8 values since the last carry
	sum   types.Datum
	// scale is the largest scale of a numeric value added, scaled how many had it.
	scale  int32
	scaled int64
}

func (a *numericAcc) add(_ *EvalContext, args []types.Datum) error {
	d := args[0]
	if d.IsNull() {
		return nil
	}
	a.n++
	if d.Kind() == types.KInt {
		if s, ok := addInt(a.small, d.Int()); ok {
			a.small = s
			return nil
		}
		return a.plus(types.NumericFromInt(d.Int()))
	}
	switch scale := types.NumericScale(d); {
	case scale > a.scale:
		a.scale, a.scaled = scale, 1
	case scale == a.scale:
		a.scaled++
	}
	return a.plus(d)
}

func (a *numericAcc) plus(d types.Datum) error {
	if a.sum.IsNull() {
		a.sum = d
		return nil
	}
	var err error
	a.sum, err = types.NumericAdd(a.sum, d)
	return err
}

func (a *numericAcc) total() (types.Datum, error) {
	if a.sum.IsNull() {
		return types.NumericFromInt(a.small), nil
	}
	if a.small == 0 {
		return a.sum, nil
	}
	return types.NumericAdd(a.sum, types.NumericFromInt(a.small))
}

func (a *numericAcc) merge(_ *EvalContext, other accumulator) error {
	o := other.(*numericAcc)
	if o.n == 0 {
		return nil
	}
	t, err := o.total()
	if err != nil {
		return err
	}
	a.n += o.n
	return a.plus(t)
}

func (a *numericAcc) result(*EvalContext) (types.Datum, error) {
	if a.n == 0 {
		return types.Null, nil
	}
	t, err := a.total()
	if err != nil || !a.avg {
		return t, err
	}
	return types.NumericDiv(t, types.NumericFromInt(a.n))
}

func (a *numericAcc) size() int64 { return 96 }

type intervalAcc struct {
	avg bool
	n   int64
	sum types.Interval
}

func (a *intervalAcc) add(_ *EvalContext, args []types.Datum) error {
	if args[0].IsNull() {
		return nil
	}
	a.n++
	var err error
	a.sum, err = types.IntervalAdd(a.sum, args[0].Interval())
	return err
}

func (a *intervalAcc) merge(_ *EvalContext, other accumulator) error {
	o := other.(*intervalAcc)
	a.n += o.n
	var err error
	a.sum, err = types.IntervalAdd(a.sum, o.sum)
	return err
}

func (a *intervalAcc) result(*EvalContext) (types.Datum, error) {
	if a.n == 0 {
		return types.Null, nil
	}
	if !a.avg {
		return types.NewInterval(a.sum), nil
	}
	iv, err := types.IntervalDiv(a.sum, float64(a.n))
	return types.NewInterval(iv), err
}

func (a *intervalAcc) size() int64 { return 48 }

type boolAcc struct{ and, seen, value bool }

func (a *boolAcc) add(_ *EvalContext, args []types.Datum) error {
	if args[0].IsNull() {
		return nil
	}
	b := args[0].Bool()
	switch {
	case !a.seen:
		a.value = b
	case a.and:
		a.value = a.value && b
	default:
		a.value = a.value || b
	}
	a.seen = true
	return nil
}

func (a *boolAcc) merge(ctx *EvalContext, other accumulator) error {
	if o := other.(*boolAcc); o.seen {
		return a.add(ctx, []types.Datum{types.NewBool(o.value)})
	}
	return nil
}

func (a *boolAcc) result(*EvalContext) (types.Datum, error) {
	if !a.seen {
		return types.Null, nil
	}
	return types.NewBool(a.value), nil
}

func (a *boolAcc) size() int64 { return 16 }

type bitAcc struct {
	op    string
	seen  bool
	value int64
}

func (a *bitAcc) add(_ *EvalContext, args []types.Datum) error {
	if args[0].IsNull() {
		return nil
	}
	x := args[0].Int()
	switch {
	case !a.seen:
		a.value = x
	case a.op == "bit_and":
		a.value &= x
	case a.op == "bit_or":
		a.value |= x
	default:
		a.value ^= x
	}
	a.seen = true
	return nil
}

func (a *bitAcc) merge(ctx *EvalContext, other accumulator) error {
	if o := other.(*bitAcc); o.seen {
		return a.add(ctx, []types.Datum{types.NewInt(o.value)})
	}
	return nil
}

func (a *bitAcc) result(*EvalContext) (types.Datum, error) {
	if !a.seen {
		return types.Null, nil
	}
	return types.NewInt(a.value), nil
}

func (a *bitAcc) size() int64 { return 40 }

type arrayAcc struct {
	typ    types.Type
	nested bool // of arrays, which make an array one dimension higher
	elems  []types.Datum
}

func (a *arrayAcc) merge(_ *EvalContext, other accumulator) error {
	a.elems = append(a.elems, other.(*arrayAcc).elems...)
	return nil
}

func (a *arrayAcc) result(*EvalContext) (types.Datum, error) {
	if len(a.elems) == 0 {
		return types.Null, nil
	}
	elem := types.ElemOf(a.typ.Oid)
	if a.nested {
		return accumulateArrays(elem, a.elems)
	}
	return types.NewArray1(elem, a.elems), nil
}

func (a *arrayAcc) size() int64 { return int64(cap(a.elems))*32 + 32 }

func (a *arrayAcc) add(_ *EvalContext, args []types.Datum) error {
	if a.nested { // refuse at the first wrong array, before those after it are even computed
		pair := append(a.elems[:len(a.elems):len(a.elems)], args[0])
		if len(pair) > 2 {
			pair = pair[len(pair)-2:]
		}
		if _, err := accumulateArrays(types.ElemOf(a.typ.Oid), pair); err != nil {
			return err
		}
	}
	a.elems = append(a.elems, args[0])
	return nil
}

type stringAcc struct {
	buf  []byte
	seen bool
	// first is the delimiter of the first value, which a merge needs and a result leaves out.
	first []byte
}

func (a *stringAcc) add(_ *EvalContext, args []types.Datum) error {
	if args[0].IsNull() {
		return nil
	}
	if a.seen {
		a.buf = append(a.buf, args[1].Str()...)
	} else {
		a.first = append(a.first, args[1].Str()...)
	}
	a.seen = true
	a.buf = append(a.buf, args[0].Str()...)
	return nil
}

func (a *stringAcc) merge(_ *EvalContext, other accumulator) error {
	o := other.(*stringAcc)
	if !o.seen {
		return nil
	}
	if a.seen {
		a.buf = append(a.buf, o.first...)
	} else {
		a.first = o.first
	}
	a.seen = true
	a.buf = append(a.buf, o.buf...)
	return nil
}

func (a *stringAcc) result(*EvalContext) (types.Datum, error) {
	if !a.seen {
		return types.Null, nil
	}
	return types.NewString(string(a.buf)), nil
}

func (a *stringAcc) size() int64 { return int64(cap(a.buf)) + 64 }

type jsonAcc struct {
	types  []types.Type
	typ    types.Type
	object bool
	buf    []byte
	n      int
}

func (a *jsonAcc) add(ctx *EvalContext, args []types.Datum) error {
	if a.n++; a.n > 1 {
		a.buf = append(a.buf, ", "...)
	}
	if !a.object {
		if t := a.types[0].Oid; a.n > 1 && !args[0].IsNull() && isStructured(t) {
			a.buf = append(a.buf, "\n "...) // json_agg sets arrays and rows off; jsonb forgets it
		}
		a.buf = appendJSON(a.buf, ctx, a.types[0].Oid, args[0])
		return nil
	}
	if args[0].IsNull() {
		return pgerr.New(pgerr.InvalidParameterValue, "field name must not be null")
	}
	if !isJSONKey(a.types[0].Oid) {
		return errJSONKey
	}
	a.buf = types.AppendJSONString(a.buf, text(&Call{EvalContext: ctx}, a.types[0].Oid, args[0]))
	a.buf = append(a.buf, " : "...)
	a.buf = appendJSON(a.buf, ctx, a.types[1].Oid, args[1])
	return nil
}

func (a *jsonAcc) merge(_ *EvalContext, other accumulator) error {
	o := other.(*jsonAcc)
	if o.n > 0 && a.n > 0 {
		a.buf = append(a.buf, ", "...)
	}
	a.n += o.n
	a.buf = append(a.buf, o.buf...)
	return nil
}

func (a *jsonAcc) result(*EvalContext) (types.Datum, error) {
	if a.n == 0 {
		return types.Null, nil
	}
	open, end := "[", "]"
	if a.object {
		open, end = "{ ", " }"
	}
	s := open + string(a.buf) + end
	if a.typ.Oid == types.JsonbOid {
		var err error
		if s, err = types.NormalizeJSONB(s); err != nil {
			return types.Null, err
		}
	}
	return types.NewString(s), nil
}

func (a *jsonAcc) size() int64 { return int64(cap(a.buf)) + 96 }

// numericVarianceAcc is the variance family over integers and numerics, exact until the division.
type numericVarianceAcc struct {
	pop, sqrt bool
	n         int64
	sx, sxx   types.Datum
}

func (a *numericVarianceAcc) add(_ *EvalContext, args []types.Datum) error {
	d := args[0]
	if d.IsNull() {
		return nil
	}
	if d.Kind() == types.KInt {
		d = types.NumericFromInt(d.Int())
	}
	if a.n++; a.n == 1 {
		a.sx, a.sxx = types.NumericFromInt(0), types.NumericFromInt(0)
	}
	sq, err := types.NumericMul(d, d)
	if err != nil {
		return err
	}
	if a.sx, err = types.NumericAdd(a.sx, d); err != nil {
		return err
	}
	a.sxx, err = types.NumericAdd(a.sxx, sq)
	return err
}

func (a *numericVarianceAcc) merge(_ *EvalContext, other accumulator) error {
	o := other.(*numericVarianceAcc)
	if o.n == 0 {
		return nil
	}
	if a.n == 0 {
		a.n, a.sx, a.sxx = o.n, o.sx, o.sxx
		return nil
	}
	a.n += o.n
	var err error
	if a.sx, err = types.NumericAdd(a.sx, o.sx); err != nil {
		return err
	}
	a.sxx, err = types.NumericAdd(a.sxx, o.sxx)
	return err
}

// result is (n·Σx² − (Σx)²) / (n·n) or / (n·(n−1)).
func (a *numericVarianceAcc) result(*EvalContext) (types.Datum, error) {
	if a.n == 0 || a.n == 1 && !a.pop {
		return types.Null, nil
	}
	n := types.NumericFromInt(a.n)
	left, err := types.NumericMul(n, a.sxx)
	if err != nil {
		return left, err
	}
	sq, err := types.NumericMul(a.sx, a.sx)
	if err != nil {
		return sq, err
	}
	num, err := types.NumericSub(left, sq)
	if err != nil {
		return num, err
	}
	if types.NumericCompare(num, types.NumericFromInt(0)) <= 0 {
		return types.NumericFromInt(0), nil
	}
	d := n
	if !a.pop {
		d = types.NumericFromInt(a.n - 1)
	}
	if d, err = types.NumericMul(n, d); err != nil {
		return d, err
	}
	v, err := types.NumericDiv(num, d)
	if err != nil || !a.sqrt {
		return v, err
	}
	return types.NumericSqrtAt(v, types.NumericScale(v)) // PostgreSQL takes the root at the quotient's scale
}

func (a *numericVarianceAcc) size() int64 { return 96 }

func bindVariance(f *AggFunction) {
	pop := f.Name == "stddev_pop" || f.Name == "var_pop"
	sqrt := f.Name[0] == 's'
	switch f.Args[0].Kind() {
	case types.KFloat:
		f.newState = rowAgg(func([]types.Type, types.Type) accumulator { return &varianceAcc{pop: pop, sqrt: sqrt} })
	case types.KInt, types.KNumeric:
		f.newState = rowAgg(func([]types.Type, types.Type) accumulator { return &numericVarianceAcc{pop: pop, sqrt: sqrt} })
	}
}
