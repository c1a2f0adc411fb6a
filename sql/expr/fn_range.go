package expr

import (
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Ranges and multiranges. Most tests are the same for both: Datum.Ranges gives either as a list of ranges in order that are
// not empty.

// rangeTest makes a test of two ranges or multiranges.
func rangeTest(f func(a, b []*types.Range) bool) impl {
	return impl{f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		return types.NewBool(f(a.Ranges(), b.Ranges())), nil
	}}
}

func swapTest(f func(a, b []*types.Range) bool) func(a, b []*types.Range) bool {
	return func(a, b []*types.Range) bool { return f(b, a) }
}

func rangesBefore(a, b []*types.Range) bool {
	return len(a) > 0 && len(b) > 0 && a[len(a)-1].Before(b[0])
}

func rangesAdjacent(a, b []*types.Range) bool {
	return len(a) > 0 && len(b) > 0 && (a[len(a)-1].Touches(b[0]) || b[len(b)-1].Touches(a[0]))
}

// rangesOverleft: a does not extend to the right of b.
func rangesOverleft(a, b []*types.Range) bool {
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	_, x := a[len(a)-1].Bounds()
	_, y := b[len(b)-1].Bounds()
	return types.CompareBounds(a[0].Elem, x, y) <= 0
}

// rangesOverright: a does not extend to the left of b.
func rangesOverright(a, b []*types.Range) bool {
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	x, _ := a[0].Bounds()
	y, _ := b[0].Bounds()
	return types.CompareBounds(a[0].Elem, x, y) >= 0
}

// containsElem makes the test whether a value of the subtype is in a range or multirange.
func containsElem(swapped bool) impl {
	return impl{f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		if swapped {
			a, b = b, a
		}
		for _, r := range a.Ranges() {
			if r.Contains(b) {
				return types.NewBool(true), nil
			}
		}
		return types.NewBool(false), nil
	}}
}

// rangeEnd makes a function of the first or last range of a range or multirange; empty is its result where there is none.
func rangeEnd(last bool, empty types.Datum, f func(r *types.Range) types.Datum) impl {
	return impl{f1: func(_ *Call, a types.Datum) (types.Datum, error) {
		rs := a.Ranges()
		switch {
		case len(rs) == 0:
			return empty, nil
		case last:
			return f(rs[len(rs)-1]), nil
		}
		return f(rs[0]), nil
	}}
}

var (
	lowerOf    = rangeEnd(false, types.Null, func(r *types.Range) types.Datum { return r.Lower })
	upperOf    = rangeEnd(true, types.Null, func(r *types.Range) types.Datum { return r.Upper })
	lowerInc   = rangeEnd(false, types.NewBool(false), func(r *types.Range) types.Datum { return types.NewBool(r.LowerInc) })
	upperInc   = rangeEnd(true, types.NewBool(false), func(r *types.Range) types.Datum { return types.NewBool(r.UpperInc) })
	lowerInf   = rangeEnd(false, types.NewBool(false), func(r *types.Range) types.Datum { return types.NewBool(r.Lower.IsNull()) })
	upperInf   = rangeEnd(true, types.NewBool(false), func(r *types.Range) types.Datum { return types.NewBool(r.Upper.IsNull()) })
	rangeEmpty = impl{f1: func(_ *Call, a types.Datum) (types.Datum, error) { return types.NewBool(len(a.Ranges()) == 0), nil }}
)

// makeRange is the constructor of a range type, with or without flags.
func makeRange(c *Call, a []types.Datum) (types.Datum, error) {
	lower, upper := types.Bound{Value: a[0], Inc: true, Lower: true}, types.Bound{Value: a[1]}
	if len(a) == 3 {
		if a[2].IsNull() {
			return types.Null, pgerr.New(pgerr.DataException, "range constructor flags argument must not be null")
		}
		switch f := a[2].Str(); f {
		case "[]", "[)", "(]", "()":
			lower.Inc, upper.Inc = f[0] == '[', f[1] == ']'
		default:
			return types.Null, pgerr.New(pgerr.SyntaxError, "invalid range bound flags").
				WithHint("Valid values are \"[]\", \"[)\", \"(]\", and \"()\".")
		}
	}
	return rangeDatum(types.MakeRange(c.Fn.Result, lower, upper))
}

func rangeDatum(r *types.Range, err error) (types.Datum, error) {
	if err != nil {
		return types.Null, err
	}
	return types.NewRange(r), nil
}

// makeMultirange is the constructor of a multirange type from an array of ranges.
func makeMultirange(c *Call, a types.Datum) (types.Datum, error) {
	arr := a.Array()
	if len(arr.Dims) > 1 {
		return types.Null, pgerr.New(pgerr.CardinalityViolation, "multiranges cannot be constructed from multidimensional arrays")
	}
	ranges := make([]*types.Range, len(arr.Elems))
	for i, e := range arr.Elems {
		if e.IsNull() {
			return types.Null, pgerr.New(pgerr.NullValueNotAllowed, "multirange values cannot contain null members")
		}
		ranges[i] = e.Range()
	}
	return types.NewMultirange(types.MakeMultirange(types.RangeOf(c.Fn.Result), ranges)), nil
}

// multirangeOf makes a function of two multiranges whose result is one.
func multirangeOf(f func(a, b []*types.Range) []*types.Range) impl {
	return impl{f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		t := a.Multirange().Range
		return types.NewMultirange(types.MakeMultirange(t, f(a.Ranges(), b.Ranges()))), nil
	}}
}

func bothRanges(a, b []*types.Range) []*types.Range {
	return append(append([]*types.Range(nil), a...), b...)
}

func rangeUnion(_ *Call, a, b types.Datum) (types.Datum, error) {
	x, y := a.Range(), b.Range()
	if !x.Empty && !y.Empty && !x.Overlaps(y) && !x.Adjacent(y) {
		return types.Null, pgerr.New(pgerr.DataException, "result of range union would not be contiguous")
	}
	return types.NewRange(x.Span(y)), nil
}

func rangeMinus(_ *Call, a, b types.Datum) (types.Datum, error) {
	x := a.Range()
	switch rest := x.Minus(nil, b.Range()); len(rest) {
	case 0:
		return types.NewRange(types.EmptyRange(x.Elem)), nil
	case 1:
		return types.NewRange(rest[0]), nil
	}
	return types.Null, pgerr.New(pgerr.DataException, "result of range difference would not be contiguous")
}

func rangeIntersect(_ *Call, a, b types.Datum) (types.Datum, error) {
	return types.NewRange(a.Range().Intersect(b.Range())), nil
}

// mergeMultirange is range_merge of a multirange: the least range around it.
func mergeMultirange(_ *Call, a types.Datum) (types.Datum, error) {
	m := a.Multirange()
	if len(m.Ranges) == 0 {
		return types.NewRange(types.EmptyRange(types.RangeElem(m.Range))), nil
	}
	return types.NewRange(m.Ranges[0].Span(m.Ranges[len(m.Ranges)-1])), nil
}

func multirangeUnnest(_ *Call, args []types.Datum) (SetIterator, error) {
	var out []types.Datum
	for _, r := range args[0].Ranges() {
		out = append(out, types.NewRange(r))
	}
	return column(out), nil
}

// rangeDistance makes a subtype's difference function, in the unit of one.
func rangeDistance(unit float64) impl {
	return impl{f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		return types.NewFloat((float64(a.Int()) - float64(b.Int())) / unit), nil
	}}
}

func numericDistance(_ *Call, a, b types.Datum) (types.Datum, error) {
	d, err := types.NumericSub(a, b)
	if err != nil {
		return types.Null, err
	}
	f, err := types.NumericToFloat(d)
	return types.NewFloat(f), err
}

var sameRange = impl{f1: func(_ *Call, a types.Datum) (types.Datum, error) { return a, nil }}

var rangeImpls = withRangeTests(map[string]impl{
	"range_constructor2": {fn: makeRange}, "range_constructor3": {fn: makeRange},
	"multirange_constructor0": {f0: func(c *Call) (types.Datum, error) {
		return types.NewMultirange(&types.Multirange{Range: types.RangeOf(c.Fn.Result)}), nil
	}},
	"multirange_constructor1": {f1: func(c *Call, a types.Datum) (types.Datum, error) {
		return types.NewMultirange(&types.Multirange{Range: c.Types[0].Oid, Ranges: a.Ranges()}), nil
	}},
	"multirange_constructor2": {f1: makeMultirange},
	"range_lower":             lowerOf, "multirange_lower": lowerOf,
	"range_upper": upperOf, "multirange_upper": upperOf,
	"range_lower_inc": lowerInc, "multirange_lower_inc": lowerInc,
	"range_upper_inc": upperInc, "multirange_upper_inc": upperInc,
	"range_lower_inf": lowerInf, "multirange_lower_inf": lowerInf,
	"range_upper_inf": upperInf, "multirange_upper_inf": upperInf,
	"range_empty": rangeEmpty, "multirange_empty": rangeEmpty,
	"range_contains_elem": containsElem(false), "elem_contained_by_range": containsElem(true),
	"multirange_contains_elem": containsElem(false), "elem_contained_by_multirange": containsElem(true),
	"range_cmp": bytesCompare(), "multirange_cmp": bytesCompare(),

	"range_union": {f2: rangeUnion}, "range_minus": {f2: rangeMinus}, "range_intersect": {f2: rangeIntersect},
	"range_merge": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		return types.NewRange(a.Range().Span(b.Range())), nil
	}},
	"range_merge_from_multirange": {f1: mergeMultirange},
	"multirange_union":            multirangeOf(bothRanges),
	"multirange_minus":            multirangeOf(types.MinusAll),
	"multirange_intersect":        multirangeOf(types.IntersectAll),

	"int4range_canonical": sameRange, "int8range_canonical": sameRange, "daterange_canonical": sameRange,
	"int4range_subdiff": rangeDistance(1), "int8range_subdiff": rangeDistance(1), "daterange_subdiff": rangeDistance(1),
	"tsrange_subdiff": rangeDistance(1e6), "tstzrange_subdiff": rangeDistance(1e6), "numrange_subdiff": {f2: numericDistance},
})

// rangeTests are the operators' tests; for each, PostgreSQL has a function for every pair of range and multirange.
var rangeTests = map[string]func(a, b []*types.Range) bool{
	"overlaps": types.OverlapsAny, "contains": types.ContainsAll, "contained_by": swapTest(types.ContainsAll),
	"adjacent": rangesAdjacent, "before": rangesBefore, "after": swapTest(rangesBefore),
	"overleft": rangesOverleft, "overright": rangesOverright,
}

func withRangeTests(impls map[string]impl) map[string]impl {
	for name, f := range rangeTests {
		impls["range_"+name] = rangeTest(f)
		for _, pair := range [...][2]string{{"range_", "_multirange"}, {"multirange_", "_range"}, {"multirange_", "_multirange"}} {
			impls[pair[0]+name+pair[1]] = rangeTest(f)
		}
	}
	return impls
}

// rangeAcc is range_agg, and range_intersect_agg where intersect is set.
type rangeAcc struct {
	typ       types.Type
	rangeType types.Oid
	intersect bool
	seen      bool
	ranges    []*types.Range
}

func (a *rangeAcc) add(_ *EvalContext, args []types.Datum) error {
	if args[0].IsNull() {
		return nil
	}
	rs := args[0].Ranges()
	switch {
	case !a.intersect:
		a.ranges = append(a.ranges, rs...)
	case a.seen:
		a.ranges = types.IntersectAll(a.ranges, rs)
	default:
		a.ranges = rs
	}
	a.seen = true
	return nil
}

func (a *rangeAcc) merge(_ *EvalContext, other accumulator) error {
	o := other.(*rangeAcc)
	switch {
	case !o.seen:
	case !a.intersect:
		a.ranges = append(a.ranges, o.ranges...)
	case a.seen:
		a.ranges = types.IntersectAll(a.ranges, o.ranges)
	default:
		a.ranges = o.ranges
	}
	a.seen = a.seen || o.seen
	return nil
}

func (a *rangeAcc) result(*EvalContext) (types.Datum, error) {
	switch {
	case !a.seen:
		return types.Null, nil
	case a.typ.Kind() == types.KMultirange:
		return types.NewMultirange(types.MakeMultirange(a.rangeType, append([]*types.Range(nil), a.ranges...))), nil
	case len(a.ranges) == 0:
		return types.NewRange(types.EmptyRange(types.RangeElem(a.rangeType))), nil
	}
	return types.NewRange(a.ranges[0]), nil
}

func (a *rangeAcc) size() int64 { return 64 + 96*int64(len(a.ranges)) }

func newRangeAcc(intersect bool) func(args []types.Type, result types.Type) accumulator {
	return func(args []types.Type, result types.Type) accumulator {
		t := args[0].Oid
		if t.Kind() == types.KMultirange {
			t = types.RangeOf(t)
		}
		return &rangeAcc{typ: result, rangeType: t, intersect: intersect}
	}
}
