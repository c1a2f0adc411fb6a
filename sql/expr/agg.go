package expr

import (
	"math"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Aggregates. A state holds all groups of an operator in slices by group number, so that adding a batch is a loop over
// two columns without a call per row for the common types; others keep one accumulator per group and go row by row.

// bindAggregate finds the implementation of an aggregate by its name and argument types.
func bindAggregate(f *AggFunction, key string) {
	f.Kind, f.Strict = PlainAggregate, true
	switch f.Name {
	case "count":
		star := len(f.Args) == 0
		f.newState = func([]types.Type, types.Type) AggState { return &countAgg{star: star} }
	case "sum":
		bindSum(f)
	case "avg":
		bindAvg(f)
	case "min", "max":
		if types.Supported(f.Args[0]) || f.Args[0] == types.AnyarrayOid || f.Args[0] == types.AnyenumOid {
			less := f.Name == "min"
			f.newState = func(a []types.Type, r types.Type) AggState { return newExtreme(a[0], less) }
		}
	case "bool_and", "every", "bool_or":
		and := f.Name != "bool_or"
		f.newState = rowAgg(func([]types.Type, types.Type) accumulator { return &boolAcc{and: and} })
	case "bit_and", "bit_or", "bit_xor":
		if f.Args[0].Kind() == types.KInt {
			op := f.Name
			f.newState = rowAgg(func([]types.Type, types.Type) accumulator { return &bitAcc{op: op} })
		}
		if f.Args[0] == types.BitOid {
			op := f.Name
			f.newState = rowAgg(func([]types.Type, types.Type) accumulator { return newBitsAcc(op) })
		}
	case "mode", "percentile_cont", "percentile_disc", "rank", "dense_rank", "percent_rank", "cume_dist":
		bindOrdered(f)
	default:
		bindCollecting(f)
	}
}

func bindSum(f *AggFunction) {
	switch f.Args[0] {
	case types.Int2Oid, types.Int4Oid:
		f.newState = func([]types.Type, types.Type) AggState { return &sumIntAgg{} }
	case types.Float4Oid, types.Float8Oid:
		single := f.Args[0] == types.Float4Oid
		f.newState = func([]types.Type, types.Type) AggState { return &sumFloatAgg{single: single} }
	case types.Int8Oid, types.NumericOid:
		f.newState = rowAgg(func([]types.Type, types.Type) accumulator { return &numericAcc{} })
	case types.MoneyOid:
		f.newState = rowAgg(func([]types.Type, types.Type) accumulator { return &moneyAcc{} })
	case types.IntervalOid:
		f.newState = rowAgg(func([]types.Type, types.Type) accumulator { return &intervalAcc{} })
	}
}

func bindAvg(f *AggFunction) {
	switch f.Args[0] {
	case types.Float4Oid, types.Float8Oid:
		f.newState = func([]types.Type, types.Type) AggState { return &sumFloatAgg{avg: true} }
	case types.Int2Oid, types.Int4Oid:
		f.newState = func([]types.Type, types.Type) AggState { return &sumIntAgg{avg: true} }
	case types.Int8Oid, types.NumericOid:
		f.newState = rowAgg(func([]types.Type, types.Type) accumulator { return &numericAcc{avg: true} })
	case types.IntervalOid:
		f.newState = rowAgg(func([]types.Type, types.Type) accumulator { return &intervalAcc{avg: true} })
	}
}

func bindCollecting(f *AggFunction) {
	switch f.Name {
	case "stddev", "stddev_samp", "stddev_pop", "variance", "var_samp", "var_pop":
		bindVariance(f)
	case "corr", "covar_pop", "covar_samp", "regr_avgx", "regr_avgy", "regr_count", "regr_intercept", "regr_r2", "regr_slope",
		"regr_sxx", "regr_sxy", "regr_syy":
		bindRegression(f)
	case "array_agg":
		f.Strict, f.OrderSensitive = false, true
		f.newState = rowAgg(func(a []types.Type, r types.Type) accumulator { return &arrayAcc{typ: r, nested: a[0].Oid == r.Oid} })
	case "range_agg", "range_intersect_agg":
		f.Strict = false
		f.newState = rowAgg(newRangeAcc(f.Name == "range_intersect_agg"))
	case "string_agg":
		f.Strict, f.OrderSensitive = false, true
		f.newState = rowAgg(func([]types.Type, types.Type) accumulator { return &stringAcc{} })
	case "json_agg", "jsonb_agg":
		f.Strict, f.OrderSensitive = false, true
		f.newState = rowAgg(func(a []types.Type, r types.Type) accumulator { return &jsonAcc{types: a, typ: r} })
	case "json_object_agg", "jsonb_object_agg":
		f.Strict, f.OrderSensitive = false, true
		f.newState = rowAgg(func(a []types.Type, r types.Type) accumulator { return &jsonAcc{types: a, typ: r, object: true} })
	}
}

// grow lengthens a slice to n elements.
func grow[T any](s []T, n int) []T {
	for len(s) < n {
		var zero T
		s = append(s, zero)
	}
	return s
}

type countAgg struct {
	star bool
	n    []int64
}

func (s *countAgg) Grow(n int) { s.n = grow(s.n, n) }

func (s *countAgg) Accumulate(_ *EvalContext, g []int32, args []*types.Vec, sel []int32, n int) error {
	if s.star || len(args[0].Nulls) == 0 {
		each(sel, n, func(i int32) { s.n[g[i]]++ })
		return nil
	}
	each(sel, n, func(i int32) {
		if !args[0].Nulls.Has(int(i)) {
			s.n[g[i]]++
		}
	})
	return nil
}

func (s *countAgg) AccumulateRow(_ *EvalContext, g int, args []types.Datum) error {
	if s.star || !args[0].IsNull() {
		s.n[g]++
	}
	return nil
}

func (s *countAgg) Merge(_ *EvalContext, other AggState, groups []int32) error {
	for i, g := range groups {
		s.n[g] += other.(*countAgg).n[i]
	}
	return nil
}

func (s *countAgg) Result(_ *EvalContext, g int) (types.Datum, error) {
	return types.NewInt(s.n[g]), nil
}
func (s *countAgg) MemBytes() int64 { return int64(cap(s.n)) * 8 }

// sumIntAgg is sum and avg of int2 and int4, whose sums fit in 64 bits for any number of rows that there can be.
type sumIntAgg struct {
	avg bool
	sum []int64
	n   []int64
}

func (s *sumIntAgg) Grow(n int) { s.sum, s.n = grow(s.sum, n), grow(s.n, n) }

func (s *sumIntAgg) Accumulate(_ *EvalContext, g []int32, args []*types.Vec, sel []int32, n int) error {
	v := args[0]
	if sel == nil && len(v.Nulls) == 0 {
		for i, x := range v.I[:n] {
			s.sum[g[i]] += x
			s.n[g[i]]++
		}
		return nil
	}
	each(sel, n, func(i int32) {
		if !v.Nulls.Has(int(i)) {
			s.sum[g[i]] += v.I[i]
			s.n[g[i]]++
		}
	})
	return nil
}

func (s *sumIntAgg) AccumulateRow(_ *EvalContext, g int, args []types.Datum) error {
	if !args[0].IsNull() {
		s.sum[g] += args[0].Int()
		s.n[g]++
	}
	return nil
}

func (s *sumIntAgg) Merge(_ *EvalContext, other AggState, groups []int32) error {
	o := other.(*sumIntAgg)
	for i, g := range groups {
		s.sum[g] += o.sum[i]
		s.n[g] += o.n[i]
	}
	return nil
}

func (s *sumIntAgg) Result(_ *EvalContext, g int) (types.Datum, error) {
	switch {
	case s.n[g] == 0:
		return types.Null, nil
	case s.avg:
		return types.NumericDiv(types.NumericFromInt(s.sum[g]), types.NumericFromInt(s.n[g]))
	}
	return types.NewInt(s.sum[g]), nil
}

func (s *sumIntAgg) MemBytes() int64 { return int64(cap(s.sum)) * 16 }

type sumFloatAgg struct {
	avg, single bool
	sum         []float64
	n           []int64
	inf         []bool // an infinite input, so that an infinite sum is no overflow
}

func (s *sumFloatAgg) Grow(n int) { s.sum, s.n, s.inf = grow(s.sum, n), grow(s.n, n), grow(s.inf, n) }

func (s *sumFloatAgg) add(g int, x float64) {
	if math.IsInf(x, 0) {
		s.inf[g] = true
	}
	if s.n[g] == 0 && !s.avg {
		s.sum[g] = x // not 0 + x, which would make 0 of -0
	} else {
		s.sum[g] += x
	}
	if s.single {
		s.sum[g] = float64(float32(s.sum[g]))
	}
	s.n[g]++
}

func (s *sumFloatAgg) Accumulate(_ *EvalContext, g []int32, args []*types.Vec, sel []int32, n int) error {
	v := args[0]
	each(sel, n, func(i int32) {
		if !v.Nulls.Has(int(i)) {
			s.add(int(g[i]), v.F[i])
		}
	})
	return nil
}

func (s *sumFloatAgg) AccumulateRow(_ *EvalContext, g int, args []types.Datum) error {
	if !args[0].IsNull() {
		s.add(g, args[0].Float())
	}
	return nil
}

func (s *sumFloatAgg) Merge(_ *EvalContext, other AggState, groups []int32) error {
	o := other.(*sumFloatAgg)
	for i, g := range groups {
		if o.n[i] > 0 {
			n := s.n[g] + o.n[i]
			s.add(int(g), o.sum[i])
			s.n[g] = n
			s.inf[g] = s.inf[g] || o.inf[i]
		}
	}
	return nil
}

func (s *sumFloatAgg) Result(_ *EvalContext, g int) (types.Datum, error) {
	if s.n[g] == 0 {
		return types.Null, nil
	}
	if math.IsInf(s.sum[g], 0) && !s.inf[g] {
		return types.Null, errFloatOverflow
	}
	if s.avg {
		return types.NewFloat(s.sum[g] / float64(s.n[g])), nil
	}
	return types.NewFloat(s.sum[g]), nil
}

func (s *sumFloatAgg) MemBytes() int64 { return int64(cap(s.sum)) * 17 }

// newExtreme makes the state of min or max.
func newExtreme(t types.Type, less bool) AggState {
	if t.Kind() == types.KInt && t.Oid != types.PgLsnOid && t.Oid != types.Xid8Oid { // those are unsigned
		return &extremeIntAgg{less: less}
	}
	return &extremeAgg{typ: t, less: less}
}

type extremeIntAgg struct {
	less bool
	best []int64
	seen []bool
}

func (s *extremeIntAgg) Grow(n int) { s.best, s.seen = grow(s.best, n), grow(s.seen, n) }

func (s *extremeIntAgg) add(g int, x int64) {
	if !s.seen[g] || x < s.best[g] == s.less && x != s.best[g] {
		s.best[g], s.seen[g] = x, true
	}
}

func (s *extremeIntAgg) Accumulate(_ *EvalContext, g []int32, args []*types.Vec, sel []int32, n int) error {
	v := args[0]
	each(sel, n, func(i int32) {
		if !v.Nulls.Has(int(i)) {
			s.add(int(g[i]), v.I[i])
		}
	})
	return nil
}

func (s *extremeIntAgg) AccumulateRow(_ *EvalContext, g int, args []types.Datum) error {
	if !args[0].IsNull() {
		s.add(g, args[0].Int())
	}
	return nil
}

func (s *extremeIntAgg) Merge(_ *EvalContext, other AggState, groups []int32) error {
	o := other.(*extremeIntAgg)
	for i, g := range groups {
		if o.seen[i] {
			s.add(int(g), o.best[i])
		}
	}
	return nil
}

func (s *extremeIntAgg) Result(_ *EvalContext, g int) (types.Datum, error) {
	if !s.seen[g] {
		return types.Null, nil
	}
	return types.NewInt(s.best[g]), nil
}

func (s *extremeIntAgg) MemBytes() int64 { return int64(cap(s.best)) * 9 }

type extremeAgg struct {
	typ  types.Type
	less bool
	best []types.Datum
}

func (s *extremeAgg) Grow(n int) { s.best = grow(s.best, n) }

func (s *extremeAgg) add(g int, d types.Datum) {
	if d.IsNull() {
		return
	}
	if s.best[g].IsNull() {
		s.best[g] = d
		return
	}
	// Of equal values that print differently, such as 1.0 and 1.00, PostgreSQL keeps the last (of char(n), the first).
	c := types.Compare(s.typ.Oid, d, s.best[g])
	if c < 0 && s.less || c > 0 && !s.less || c == 0 && s.typ.Oid != types.BpcharOid {
		s.best[g] = d
	}
}

func (s *extremeAgg) Accumulate(_ *EvalContext, g []int32, args []*types.Vec, sel []int32, n int) error {
	each(sel, n, func(i int32) { s.add(int(g[i]), args[0].Get(int(i))) })
	return nil
}

func (s *extremeAgg) AccumulateRow(_ *EvalContext, g int, args []types.Datum) error {
	s.add(g, args[0])
	return nil
}

func (s *extremeAgg) Merge(_ *EvalContext, other AggState, groups []int32) error {
	for i, g := range groups {
		s.add(int(g), other.(*extremeAgg).best[i])
	}
	return nil
}

func (s *extremeAgg) Result(_ *EvalContext, g int) (types.Datum, error) { return s.best[g], nil }
func (s *extremeAgg) MemBytes() int64                                   { return int64(cap(s.best)) * 48 }
