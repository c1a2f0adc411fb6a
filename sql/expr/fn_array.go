package expr

import (
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// elemOf is the element type of the call's array argument i.
func elemOf(c *Call, i int) types.Oid { return types.ElemOf(c.Types[i].Oid) }

// one returns a one-dimensional array's elements; NULL has none.
func one(c *Call, d types.Datum) ([]types.Datum, error) {
	if d.IsNull() {
		return nil, nil
	}
	a := d.Array()
	if len(a.Dims) > 1 {
		return nil, pgerr.New(pgerr.DataException, "argument must be empty or one-dimensional array")
	}
	return a.Elems, nil
}

// withElems is a one-dimensional array with the lower bound of an old one.
func withElems(elem types.Oid, old types.Datum, elems []types.Datum) types.Datum {
	out := &types.Array{Elem: elem, Elems: elems}
	if len(elems) > 0 {
		out.Dims = []int32{int32(len(elems))}
		if a := old.Array(); a != nil && a.Lbs != nil && len(a.Lbs) == 1 {
			out.Lbs = a.Lbs
		}
	}
	return types.NewArray(out)
}

func arrayAppend(c *Call, arr, x types.Datum) (types.Datum, error) {
	elems, err := one(c, arr)
	if err != nil {
		return types.Null, err
	}
	return withElems(types.ElemOf(c.Result.Oid), arr, append(elems[:len(elems):len(elems)], x)), nil
}

func arrayPrepend(c *Call, x, arr types.Datum) (types.Datum, error) {
	elems, err := one(c, arr)
	if err != nil {
		return types.Null, err
	}
	return withElems(types.ElemOf(c.Result.Oid), arr, append([]types.Datum{x}, elems...)), nil
}

func arrayCat(c *Call, a, b types.Datum) (types.Datum, error) {
	switch {
	case a.IsNull():
		return b, nil
	case b.IsNull():
		return a, nil
	}
	x, y := a.Array(), b.Array()
	switch {
	case len(x.Dims) == 0 && len(y.Dims) > 0:
		return b, nil
	case len(y.Dims) == 0:
		return a, nil
	}
	out := &types.Array{Elem: types.ElemOf(c.Result.Oid), Elems: append(x.Elems[:len(x.Elems):len(x.Elems)], y.Elems...)}
	bad := pgerr.New(pgerr.ArraySubscriptError, "cannot concatenate incompatible arrays")
	ok := false
	switch len(x.Dims) - len(y.Dims) {
	case 0:
		out.Dims, out.Lbs = append([]int32{x.Dims[0] + y.Dims[0]}, x.Dims[1:]...), x.Lbs
		if !sameShape(x, 1, y, 1) {
			return types.Null, bad.WithDetail("Arrays with differing element dimensions are not compatible for concatenation.")
		}
		ok = true
	case 1:
		out.Dims, out.Lbs = append([]int32{x.Dims[0] + 1}, x.Dims[1:]...), x.Lbs
		ok = sameShape(x, 1, y, 0)
	case -1:
		out.Dims, out.Lbs = append([]int32{y.Dims[0] + 1}, y.Dims[1:]...), y.Lbs
		ok = sameShape(y, 1, x, 0)
	default:
		return types.Null, bad.WithDetail("Arrays of %d and %d dimensions are not compatible for concatenation.", len(x.Dims), len(y.Dims))
	}
	if !ok {
		return types.Null, bad.WithDetail("Arrays with differing dimensions are not compatible for concatenation.")
	}
	if _, err := types.CheckArrayShape(out.Dims, out.Lbs); err != nil {
		return types.Null, err
	}
	return types.NewArray(out), nil
}

// sameShape compares dimensions and bounds, of a from dimension i on and of b from k on.
func sameShape(a *types.Array, i int, b *types.Array, k int) bool {
	if len(a.Dims)-i != len(b.Dims)-k {
		return false
	}
	for ; i < len(a.Dims); i, k = i+1, k+1 {
		if a.Dims[i] != b.Dims[k] || a.LowerBound(i) != b.LowerBound(k) {
			return false
		}
	}
	return true
}

// dimension is a property of one dimension of an array, NULL if there is no such dimension.
func dimension(f func(a *types.Array, d int) int64) impl {
	return impl{f2: func(_ *Call, a, d types.Datum) (types.Datum, error) {
		arr := a.Array()
		if d.Int() < 1 || d.Int() > int64(len(arr.Dims)) {
			return types.Null, nil
		}
		return types.NewInt(f(arr, int(d.Int())-1)), nil
	}}
}

func same(t types.Oid, a, b types.Datum) bool {
	if a.IsNull() || b.IsNull() {
		return a.IsNull() && b.IsNull()
	}
	return types.Equal(t, a, b)
}

var errSearchDims = pgerr.New(pgerr.FeatureNotSupported, "searching for elements in multidimensional arrays is not supported")

func arrayPosition(c *Call, a []types.Datum) (types.Datum, error) {
	if a[0].IsNull() {
		return types.Null, nil
	}
	arr := a[0].Array()
	if len(arr.Dims) > 1 {
		return types.Null, errSearchDims
	}
	if a[1].IsNull() && !slices.ContainsFunc(arr.Elems, types.Datum.IsNull) {
		return types.Null, nil
	}
	start := lowest(arr)
	from := start
	if len(a) > 2 && len(arr.Dims) > 0 {
		if a[2].IsNull() {
			return types.Null, pgerr.New(pgerr.NullValueNotAllowed, "initial position must not be null")
		}
		from = a[2].Int()
	}
	for i, x := range arr.Elems {
		if start+int64(i) >= from && same(elemOf(c, 0), x, a[1]) {
			return types.NewInt(start + int64(i)), nil
		}
	}
	return types.Null, nil
}

func arrayPositions(c *Call, d, x types.Datum) (types.Datum, error) {
	if d.IsNull() {
		return types.Null, nil
	}
	arr := d.Array()
	if len(arr.Dims) > 1 {
		return types.Null, errSearchDims
	}
	var out []types.Datum
	for i, e := range arr.Elems {
		if same(elemOf(c, 0), e, x) {
			out = append(out, types.NewInt(lowest(arr)+int64(i)))
		}
	}
	return types.NewArray1(types.Int4Oid, out), nil
}

func arrayRemove(c *Call, arr, x types.Datum) (types.Datum, error) {
	if arr.IsNull() {
		return types.Null, nil
	}
	elems, err := one(c, arr)
	if err != nil {
		return types.Null, pgerr.New(pgerr.FeatureNotSupported, "removing elements from multidimensional arrays is not supported")
	}
	var out []types.Datum
	for _, e := range elems {
		if !same(elemOf(c, 0), e, x) {
			out = append(out, e)
		}
	}
	return withElems(elemOf(c, 0), arr, out), nil
}

func arrayReplace(c *Call, a []types.Datum) (types.Datum, error) {
	if a[0].IsNull() {
		return types.Null, nil
	}
	old := a[0].Array()
	out := *old
	out.Elems = make([]types.Datum, len(old.Elems))
	for i, e := range old.Elems {
		if out.Elems[i] = e; same(elemOf(c, 0), e, a[1]) {
			out.Elems[i] = a[2]
		}
	}
	return types.NewArray(&out), nil
}

// arrayHas reports whether all (or any) elements of b are in a; NULLs are in nothing.
func arrayHas(t types.Oid, a, b types.Datum, all bool) bool {
	set := map[uint64][]types.Datum{}
	for _, x := range a.Array().Elems {
		if !x.IsNull() {
			h := types.Hash(t, x)
			set[h] = append(set[h], x)
		}
	}
	for _, y := range b.Array().Elems {
		found := false
		if !y.IsNull() {
			for _, x := range set[types.Hash(t, y)] {
				found = found || types.Equal(t, x, y)
			}
		}
		if found != all {
			return !all
		}
	}
	return all
}

// arrayText joins the elements that are not NULL; null, if given, stands for those that are.
func arrayText(c *Call, a []types.Datum) (types.Datum, error) {
	if a[0].IsNull() || a[1].IsNull() {
		return types.Null, nil
	}
	var b strings.Builder
	n := 0
	for _, e := range a[0].Array().Elems {
		s := ""
		switch {
		case !e.IsNull():
			s = text(c, elemOf(c, 0), e)
		case len(a) > 2 && !a[2].IsNull():
			s = a[2].Str()
		default:
			continue
		}
		if n++; n > 1 {
			b.WriteString(a[1].Str())
		}
		b.WriteString(s)
	}
	return types.NewString(b.String()), nil
}

// splitText splits a string; a NULL separator splits into characters. null, if given, is the text of NULL.
func splitText(a []types.Datum) []types.Datum {
	s := a[0].Str()
	var parts []string
	switch {
	case s == "":
		return nil
	case a[1].IsNull():
		for _, r := range s {
			parts = append(parts, string(r))
		}
	case a[1].Str() == "":
		parts = []string{s}
	default:
		parts = strings.Split(s, a[1].Str())
	}
	out := make([]types.Datum, len(parts))
	for i, p := range parts {
		if len(a) < 3 || a[2].IsNull() || p != a[2].Str() {
			out[i] = types.NewString(p)
		}
	}
	return out
}

func textToArray(_ *Call, a []types.Datum) (types.Datum, error) {
	if a[0].IsNull() {
		return types.Null, nil
	}
	return types.NewArray1(types.TextOid, splitText(a)), nil
}

func arrayDims(_ *Call, d types.Datum) (types.Datum, error) {
	a := d.Array()
	if len(a.Dims) == 0 {
		return types.Null, nil
	}
	var b strings.Builder
	for i, n := range a.Dims {
		lb := int(a.LowerBound(i))
		b.WriteString("[" + strconv.Itoa(lb) + ":" + strconv.Itoa(lb+int(n)-1) + "]")
	}
	return types.NewString(b.String()), nil
}

// fillBounds reads the dimensions or lower bounds of array_fill.
func fillBounds(a *types.Array) ([]int32, error) {
	if len(a.Dims) > 1 {
		return nil, pgerr.New(pgerr.ArraySubscriptError, "wrong number of array subscripts").WithDetail("Dimension array must be one dimensional.")
	}
	out := make([]int32, len(a.Elems))
	for i, d := range a.Elems {
		if d.IsNull() {
			return nil, pgerr.New(pgerr.NullValueNotAllowed, "dimension values cannot be null")
		}
		out[i] = int32(d.Int())
	}
	return out, nil
}

func arrayFill(c *Call, a []types.Datum) (types.Datum, error) {
	if a[1].IsNull() || len(a) > 2 && a[2].IsNull() {
		return types.Null, pgerr.New(pgerr.NullValueNotAllowed, "dimension array or low bound array cannot be null")
	}
	out := &types.Array{Elem: types.ElemOf(c.Result.Oid)}
	var err error
	if out.Dims, err = fillBounds(a[1].Array()); err != nil {
		return types.Null, err
	}
	if n := len(out.Dims); n > types.MaxArrayDims {
		return types.Null, pgerr.New(pgerr.ProgramLimitExceeded, "number of array dimensions (%d) exceeds the maximum allowed (%d)", n, types.MaxArrayDims)
	}
	if len(a) > 2 {
		if out.Lbs, err = fillBounds(a[2].Array()); err != nil {
			return types.Null, err
		}
		if len(out.Lbs) != len(out.Dims) {
			return types.Null, pgerr.New(pgerr.ArraySubscriptError, "wrong number of array subscripts").
				WithDetail("Low bound array has different size than dimensions array.")
		}
	}
	n, err := checkFilled(out.Dims, out.Lbs)
	if err != nil {
		return types.Null, err
	}
	if len(out.Dims) == 0 || n == 0 {
		return types.NewArray1(out.Elem, nil), nil
	}
	out.Lbs = types.PlainBounds(out.Lbs)
	out.Elems = make([]types.Datum, n)
	fill(out.Elems, a[0])
	return types.NewArray(out), nil
}

// widthBucketArray finds between which thresholds, given in order, a value lies.
func widthBucketArray(c *Call, x, d types.Datum) (types.Datum, error) {
	arr := d.Array()
	if len(arr.Dims) > 1 {
		return types.Null, pgerr.New(pgerr.ArraySubscriptError, "thresholds must be one-dimensional array")
	}
	for _, e := range arr.Elems {
		if e.IsNull() {
			return types.Null, pgerr.New(pgerr.NullValueNotAllowed, "thresholds array must not contain NULLs")
		}
	}
	t := elemOf(c, 1)
	return types.NewInt(int64(sort.Search(len(arr.Elems), func(i int) bool { return types.Compare(t, x, arr.Elems[i]) < 0 }))), nil
}

func trimArray(c *Call, a, n types.Datum) (types.Datum, error) {
	arr := a.Array()
	have := int64(0)
	if len(arr.Dims) > 0 {
		have = int64(arr.Dims[0])
	}
	if n.Int() < 0 || n.Int() > have {
		return types.Null, pgerr.New(pgerr.ArrayElementError, "number of elements to trim must be between 0 and %d", have)
	}
	b := bounds{n: 1}
	b.hasUpper[0], b.upper[0] = true, lowest(arr)+have-n.Int()-1
	return arraySlice(arr, &b), nil
}

func lowest(a *types.Array) int64 {
	if len(a.Dims) == 0 {
		return 1
	}
	return int64(a.LowerBound(0))
}

var arrayImpls = map[string]impl{
	"array_append": {f2: arrayAppend}, "array_prepend": {f2: arrayPrepend}, "array_cat": {f2: arrayCat},
	"array_length": dimension(func(a *types.Array, d int) int64 { return int64(a.Dims[d]) }),
	"array_lower":  dimension(func(a *types.Array, d int) int64 { return int64(a.LowerBound(d)) }),
	"array_upper":  dimension(func(a *types.Array, d int) int64 { return int64(a.LowerBound(d)) + int64(a.Dims[d]) - 1 }),
	"array_ndims": {f1: func(_ *Call, d types.Datum) (types.Datum, error) {
		if n := len(d.Array().Dims); n > 0 {
			return types.NewInt(int64(n)), nil
		}
		return types.Null, nil
	}},
	"array_cardinality": {f1: func(_ *Call, d types.Datum) (types.Datum, error) {
		return types.NewInt(int64(len(d.Array().Elems))), nil
	}},
	"array_dims":     {f1: arrayDims},
	"array_position": {fn: arrayPosition}, "array_position_start": {fn: arrayPosition}, "array_positions": {f2: arrayPositions},
	"array_remove": {f2: arrayRemove}, "array_replace": {fn: arrayReplace},
	"arraycontains": {f2: func(c *Call, a, b types.Datum) (types.Datum, error) {
		return types.NewBool(arrayHas(elemOf(c, 0), a, b, true)), nil
	}},
	"arraycontained": {f2: func(c *Call, a, b types.Datum) (types.Datum, error) {
		return types.NewBool(arrayHas(elemOf(c, 0), b, a, true)), nil
	}},
	"arrayoverlap": {f2: func(c *Call, a, b types.Datum) (types.Datum, error) {
		return types.NewBool(arrayHas(elemOf(c, 0), a, b, false)), nil
	}},
	"array_to_text": {fn: arrayText}, "array_to_text_null": {fn: arrayText},
	"text_to_array": {fn: textToArray}, "text_to_array_null": {fn: textToArray},
	"width_bucket_array": {f2: widthBucketArray},
	"array_fill":         {fn: arrayFill}, "array_fill_with_lower_bounds": {fn: arrayFill}, "trim_array": {f2: trimArray},
}
