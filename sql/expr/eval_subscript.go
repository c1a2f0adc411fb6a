package expr

import (
	"math"
	"strconv"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Subscripts, read and assigned. Reading outside of an array gives NULL, or for slices what overlaps; an assignment
// extends an array of one dimension, makes one of NULL or {}, and refuses to change the shape of others.

// maxFilled is how many elements an assignment or array_fill may make in one go. PostgreSQL's limit is that of all
// arrays, but its NULLs take a bit each, where they take 24 bytes here.
const maxFilled = 1 << 24

// subscriptEval holds where a Subscript's parts are among its arguments: container, lower bounds, upper bounds, value.
type subscriptEval struct {
	node   *Subscript
	elem   types.Oid
	lower  int // index of the first lower bound; 0 if it is no slice
	upper  int // index of the first subscript
	assign int // index of the value; 0 if there is none
}

func (c *compiler) subscript(n *Subscript) (evaluator, error) {
	e := &subscriptEval{node: n, elem: types.ElemOf(n.Container.ResultType().Oid), upper: 1}
	args := []Node{n.Container}
	if n.Lower != nil {
		e.lower, e.upper = 1, 1+len(n.Lower)
		args = append(args, n.Lower...)
	}
	args = append(args, n.Upper...)
	if n.Assign != nil {
		e.assign = len(args)
		args = append(args, n.Assign)
	}
	do := e.array
	switch n.Container.ResultType().Oid {
	case types.JsonbOid:
		do = e.jsonb
	case types.NameOid:
		do = func(args []types.Datum) (types.Datum, error) {
			if args[0].IsNull() || args[1].IsNull() {
				return types.Null, nil
			}
			return nameByte(args[0].Str(), args[1].Int()), nil
		}
	}
	return c.rowFunc(args, n.Type, func(_ *frame, args []types.Datum) (types.Datum, error) { return do(args) })
}

// bounds are a slice's; has tells which of them are given.
type bounds struct {
	lower, upper       [types.MaxArrayDims]int64
	hasLower, hasUpper [types.MaxArrayDims]bool
	n                  int
}

// indexes reads the subscripts; null if one of them is.
func (e *subscriptEval) indexes(args []types.Datum) (b bounds, null bool) {
	b.n = len(e.node.Upper)
	for i, u := range e.node.Upper {
		if b.hasUpper[i] = u != nil; b.hasUpper[i] {
			d := args[e.upper+i]
			null = null || d.IsNull()
			b.upper[i] = d.Int()
		}
	}
	for i, l := range e.node.Lower {
		if b.hasLower[i] = l != nil; b.hasLower[i] {
			d := args[e.lower+i]
			null = null || d.IsNull()
			b.lower[i] = d.Int()
		}
	}
	return b, null
}

func (e *subscriptEval) array(args []types.Datum) (types.Datum, error) {
	b, null := e.indexes(args)
	if e.assign > 0 {
		if null {
			return types.Null, pgerr.New(pgerr.NullValueNotAllowed, "array subscript in assignment must not be null")
		}
		arr := args[0].Array()
		if arr == nil {
			arr = &types.Array{Elem: e.elem}
		}
		if e.lower > 0 {
			return assignSlice(arr, &b, args[e.assign].Array())
		}
		return assignElement(arr, b.upper[:b.n], args[e.assign])
	}
	if null || args[0].IsNull() {
		return types.Null, nil
	}
	if e.lower > 0 {
		return arraySlice(args[0].Array(), &b), nil
	}
	return arrayElement(args[0].Array(), b.upper[:b.n]), nil
}

// arrayElement is array[i][j]…: NULL unless there is such an element.
func arrayElement(a *types.Array, at []int64) types.Datum {
	i := elementIndex(a, at)
	if i < 0 {
		return types.Null
	}
	return a.Elems[i]
}

// elementIndex is the place of an element among all, -1 if there is none.
func elementIndex(a *types.Array, at []int64) int {
	if len(a.Dims) != len(at) {
		return -1
	}
	k := 0
	for d, i := range at {
		i -= int64(a.LowerBound(d))
		if i < 0 || i >= int64(a.Dims[d]) {
			return -1
		}
		k = k*int(a.Dims[d]) + int(i)
	}
	return k
}

// arraySlice is array[l:u]…: what of the array lies within, with lower bounds of 1.
func arraySlice(a *types.Array, b *bounds) types.Datum {
	nd := len(a.Dims)
	empty := types.NewArray1(a.Elem, nil)
	if nd == 0 || nd < b.n {
		return empty
	}
	var lo, span [types.MaxArrayDims]int64
	out := &types.Array{Elem: a.Elem}
	n := int64(1)
	for d := range nd {
		first := int64(a.LowerBound(d))
		l, u := first, first+int64(a.Dims[d])-1
		if d < b.n && b.hasLower[d] {
			l = max(l, b.lower[d])
		}
		if d < b.n && b.hasUpper[d] {
			u = min(u, b.upper[d])
		}
		if l > u {
			return empty
		}
		lo[d], span[d] = l-first, u-l+1
		n *= span[d]
		out.Dims = append(out.Dims, int32(span[d]))
	}
	if nd == 1 {
		out.Elems = a.Elems[lo[0] : lo[0]+n]
		return types.NewArray(out)
	}
	out.Elems = make([]types.Datum, 0, n)
	eachInRange(a.Dims, lo[:nd], span[:nd], func(i int) { out.Elems = append(out.Elems, a.Elems[i]) })
	return types.NewArray(out)
}

// eachInRange calls f with the place of every element of a range, in order. lo are offsets from 0.
func eachInRange(dims []int32, lo, span []int64, f func(i int)) {
	var at [types.MaxArrayDims]int64
	for {
		k := int64(0)
		for d := range dims {
			k = k*int64(dims[d]) + lo[d] + at[d]
		}
		f(int(k))
		d := len(dims) - 1
		for ; d >= 0; d-- {
			if at[d]++; at[d] < span[d] {
				break
			}
			at[d] = 0
		}
		if d < 0 {
			return
		}
	}
}

func errArraySize(limit int) error {
	return pgerr.New(pgerr.ProgramLimitExceeded, "array size exceeds the maximum allowed (%d)", limit)
}

// checkFilled is types.CheckArrayShape with the limit of what may be made in one go.
func checkFilled(dims, lbs []int32) (int, error) {
	n, err := types.CheckArrayShape(dims, lbs)
	if err == nil && n > maxFilled {
		err = errArraySize(maxFilled)
	}
	return n, err
}

func errSubscripts(text string) error { return pgerr.New(pgerr.ArraySubscriptError, "%s", text) }

// assignElement is the array with one element replaced.
func assignElement(a *types.Array, at []int64, x types.Datum) (types.Datum, error) {
	out := &types.Array{Elem: a.Elem}
	switch nd := len(a.Dims); {
	case nd == 0:
		for _, i := range at {
			out.Dims, out.Lbs = append(out.Dims, 1), append(out.Lbs, int32(i))
		}
		if _, err := types.CheckArrayShape(out.Dims, out.Lbs); err != nil {
			return types.Null, err
		}
		out.Lbs, out.Elems = types.PlainBounds(out.Lbs), []types.Datum{x}
		return types.NewArray(out), nil
	case nd != len(at):
		return types.Null, errSubscripts("wrong number of array subscripts")
	case nd == 1:
		return extend(a, at[0], at[0], []types.Datum{x})
	}
	i := elementIndex(a, at)
	if i < 0 {
		return types.Null, errSubscripts("array subscript out of range")
	}
	out.Dims, out.Lbs = a.Dims, a.Lbs
	out.Elems = append([]types.Datum(nil), a.Elems...)
	out.Elems[i] = x
	return types.NewArray(out), nil
}

// extend replaces elements lo to hi of an array of one dimension, which grows as needed, with NULLs in the gap.
func extend(a *types.Array, lo, hi int64, with []types.Datum) (types.Datum, error) {
	first := int64(a.LowerBound(0))
	last := first + int64(a.Dims[0]) - 1
	newFirst, newLast := min(first, lo), max(last, hi)
	if newLast-newFirst+1 > math.MaxInt32 {
		return types.Null, errArraySize(types.MaxArraySize)
	}
	out := &types.Array{Elem: a.Elem, Dims: []int32{int32(newLast - newFirst + 1)}, Lbs: []int32{int32(newFirst)}}
	n, err := checkFilled(out.Dims, out.Lbs)
	if err != nil {
		return types.Null, err
	}
	out.Lbs = types.PlainBounds(out.Lbs)
	out.Elems = make([]types.Datum, n)
	copy(out.Elems[first-newFirst:], a.Elems)
	copy(out.Elems[lo-newFirst:], with)
	return types.NewArray(out), nil
}

// assignSlice is the array with the elements of a slice replaced by those of src in their order. A NULL src changes
// nothing.
func assignSlice(a *types.Array, b *bounds, src *types.Array) (types.Datum, error) {
	switch {
	case src == nil:
		return types.NewArray(a), nil
	case len(a.Dims) == 0:
		return newSlice(a, b, src)
	case len(a.Dims) < b.n:
		return types.Null, errSubscripts("wrong number of array subscripts")
	}
	nd := len(a.Dims)
	var lo, span [types.MaxArrayDims]int64
	n := int64(1)
	for d := range nd {
		first := int64(a.LowerBound(d))
		last := first + int64(a.Dims[d]) - 1
		l, u := first, last
		if d < b.n && b.hasLower[d] {
			l = b.lower[d]
		}
		if d < b.n && b.hasUpper[d] {
			u = b.upper[d]
		}
		if l > u {
			return types.Null, errSubscripts("upper bound cannot be less than lower bound")
		}
		if nd > 1 && (l < first || u > last) {
			return types.Null, errSubscripts("array subscript out of range")
		}
		if nd == 1 && u-l+1 > int64(len(src.Elems)) {
			if max(u, last)-min(l, first) >= types.MaxArraySize {
				return types.Null, errArraySize(types.MaxArraySize)
			}
			return types.Null, errSubscripts("source array too small")
		}
		lo[d], span[d] = l-first, u-l+1
		n *= span[d]
	}
	if nd == 1 {
		l := int64(a.LowerBound(0)) + lo[0]
		return extend(a, l, l+span[0]-1, src.Elems[:span[0]])
	}
	if n > int64(len(src.Elems)) {
		return types.Null, errSubscripts("source array too small")
	}
	out := &types.Array{Elem: a.Elem, Dims: a.Dims, Lbs: a.Lbs, Elems: append([]types.Datum(nil), a.Elems...)}
	k := 0
	eachInRange(a.Dims, lo[:nd], span[:nd], func(i int) { out.Elems[i] = src.Elems[k]; k++ })
	return types.NewArray(out), nil
}

// newSlice is the assignment to a slice of an empty array, which gets the slice's bounds.
func newSlice(a *types.Array, b *bounds, src *types.Array) (types.Datum, error) {
	out := &types.Array{Elem: a.Elem}
	for d := range b.n {
		if !b.hasLower[d] || !b.hasUpper[d] {
			return types.Null, pgerr.New(pgerr.ArraySubscriptError, "array slice subscript must provide both boundaries").
				WithDetail("When assigning to a slice of an empty array value, slice boundaries must be fully specified.")
		}
		n := b.upper[d] - b.lower[d] + 1
		if n > math.MaxInt32 || n < math.MinInt32 {
			return types.Null, errArraySize(types.MaxArraySize)
		}
		out.Dims, out.Lbs = append(out.Dims, int32(n)), append(out.Lbs, int32(b.lower[d]))
	}
	n, err := types.CheckArrayShape(out.Dims, nil)
	if err != nil {
		return types.Null, err
	}
	if len(src.Elems) < n {
		return types.Null, errSubscripts("source array too small")
	}
	if n == 0 {
		return types.NewArray1(a.Elem, nil), nil
	}
	if _, err := types.CheckArrayShape(out.Dims, out.Lbs); err != nil {
		return types.Null, err
	}
	out.Lbs, out.Elems = types.PlainBounds(out.Lbs), src.Elems[:n]
	return types.NewArray(out), nil
}

// nameByte is a subscript of a name: one of its 64 bytes, of which those behind its end are zero.
func nameByte(s string, i int64) types.Datum {
	switch {
	case i < 0 || i >= 64:
		return types.Null
	case i >= int64(len(s)):
		return types.NewInt(0)
	}
	return types.NewInt(int64(s[i]))
}

// jsonb reads or assigns document[key][index]…; integer subscripts are path steps as text.
func (e *subscriptEval) jsonb(args []types.Datum) (types.Datum, error) {
	steps := make([]types.Datum, len(e.node.Upper))
	for i := range steps {
		d := args[e.upper+i]
		switch {
		case d.IsNull() && e.assign > 0:
			return types.Null, pgerr.New(pgerr.NullValueNotAllowed, "jsonb subscript in assignment must not be null")
		case d.IsNull():
			return types.Null, nil
		case e.node.Upper[i].ResultType().Oid == types.Int4Oid:
			d = types.NewString(strconv.FormatInt(d.Int(), 10))
		}
		steps[i] = d
	}
	if e.assign == 0 {
		if args[0].IsNull() {
			return types.Null, nil
		}
		n := followSteps(node(args[0].Str()), steps)
		if n == nil {
			return types.Null, nil
		}
		return nodeText(n), nil
	}
	doc := &types.JSONNode{Kind: types.JSONObject}
	switch {
	case !args[0].IsNull():
		doc = node(args[0].Str())
	case e.node.Upper[0].ResultType().Oid == types.Int4Oid:
		doc.Kind = types.JSONArray
	}
	value := &types.JSONNode{Kind: types.JSONNull}
	if v := args[e.assign]; !v.IsNull() {
		value = node(v.Str())
	}
	out, err := jsonEdit{op: pathCreate | pathFillGaps | pathFixedPositions, value: value, steps: steps}.apply(doc, 0)
	if err != nil {
		return types.Null, err
	}
	return nodeText(out), nil
}
