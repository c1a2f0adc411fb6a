package types

// BatchSize is the number of rows that operators put in a batch.
const BatchSize = 1024

// Bitmap is a set of row numbers. Rows past its end are not in it, so nil is
// the empty set.
type Bitmap []uint64

// Has reports whether row i is in the set.
func (b Bitmap) Has(i int) bool {
	return i>>6 < len(b) && b[i>>6]&(1<<(uint(i)&63)) != 0
}

// Set adds row i.
func (b *Bitmap) Set(i int) {
	for i>>6 >= len(*b) {
		*b = append(*b, 0)
	}
	(*b)[i>>6] |= 1 << (uint(i) & 63)
}

// Clear removes row i.
func (b Bitmap) Clear(i int) {
	if i>>6 < len(b) {
		b[i>>6] &^= 1 << (uint(i) & 63)
	}
}

// Any reports whether the set has members.
func (b Bitmap) Any() bool {
	for _, w := range b {
		if w != 0 {
			return true
		}
	}
	return false
}

// Vec is one column of a batch. Exactly one of I, F, S and X is in use, by the
// kind of Type: KInt, KFloat, KString, all others. The value under a NULL is
// the zero of its kind.
type Vec struct {
	Type  Type
	Nulls Bitmap // rows that are NULL; nil when none is
	I     []int64
	F     []float64
	S     []string
	X     []Datum
}

// NewVec returns an empty column with room for capacity values.
func NewVec(t Type, capacity int) Vec {
	v := Vec{Type: t}
	switch t.Oid.Kind() {
	case KInt:
		v.I = make([]int64, 0, capacity)
	case KFloat:
		v.F = make([]float64, 0, capacity)
	case KString:
		v.S = make([]string, 0, capacity)
	default:
		v.X = make([]Datum, 0, capacity)
	}
	return v
}

// Len returns the number of values.
func (v *Vec) Len() int {
	switch v.Type.Oid.Kind() {
	case KInt:
		return len(v.I)
	case KFloat:
		return len(v.F)
	case KString:
		return len(v.S)
	}
	return len(v.X)
}

// IsNull reports whether value i is NULL.
func (v *Vec) IsNull(i int) bool { return v.Nulls.Has(i) }

// Get returns value i.
func (v *Vec) Get(i int) Datum {
	if v.Nulls.Has(i) {
		return Null
	}
	switch v.Type.Oid.Kind() {
	case KInt:
		return NewInt(v.I[i])
	case KFloat:
		return NewFloat(v.F[i])
	case KString:
		return NewString(v.S[i])
	}
	return v.X[i]
}

// Set replaces value i, 0 <= i < Len().
func (v *Vec) Set(i int, d Datum) {
	if d.IsNull() {
		v.Nulls.Set(i)
	} else {
		v.Nulls.Clear(i)
	}
	switch v.Type.Oid.Kind() {
	case KInt:
		v.I[i] = d.Int()
	case KFloat:
		v.F[i] = d.Float()
	case KString:
		v.S[i] = d.Str()
	default:
		v.X[i] = d
	}
}

// SetNull makes value i NULL.
func (v *Vec) SetNull(i int) { v.Set(i, Null) }

// Append adds a value at the end.
func (v *Vec) Append(d Datum) {
	if d.IsNull() {
		v.Nulls.Set(v.Len())
	}
	switch v.Type.Oid.Kind() {
	case KInt:
		v.I = append(v.I, d.Int())
	case KFloat:
		v.F = append(v.F, d.Float())
	case KString:
		v.S = append(v.S, d.Str())
	default:
		v.X = append(v.X, d)
	}
}

// AppendNull adds a NULL at the end.
func (v *Vec) AppendNull() { v.Append(Null) }

// Reset empties the column and keeps its memory. References to strings and
// Datums past the end are dropped lazily, by being overwritten.
func (v *Vec) Reset() { v.Truncate(0) }

// Truncate keeps the first n values.
func (v *Vec) Truncate(n int) {
	v.I, v.F, v.S, v.X = cut(v.I, n), cut(v.F, n), cut(v.S, n), cut(v.X, n)
	words := (n + 63) >> 6
	if len(v.Nulls) > words {
		v.Nulls = v.Nulls[:words]
	}
	if n&63 != 0 && len(v.Nulls) == words {
		v.Nulls[words-1] &= 1<<(uint(n)&63) - 1
	}
}

func cut[T any](s []T, n int) []T {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// CopyFrom makes v a copy of src's values: strings and Datums are shared, the
// slices are not. The type of v becomes that of src.
func (v *Vec) CopyFrom(src *Vec) {
	v.Type = src.Type
	v.I = append(v.I[:0], src.I...)
	v.F = append(v.F[:0], src.F...)
	v.S = append(v.S[:0], src.S...)
	v.X = append(v.X[:0], src.X...)
	v.Nulls = append(v.Nulls[:0], src.Nulls...)
}

// Gather appends src's values at the positions sel, in that order. Both columns
// have the same kind.
func (v *Vec) Gather(src *Vec, sel []int32) {
	base := v.Len()
	switch v.Type.Oid.Kind() {
	case KInt:
		for _, i := range sel {
			v.I = append(v.I, src.I[i])
		}
	case KFloat:
		for _, i := range sel {
			v.F = append(v.F, src.F[i])
		}
	case KString:
		for _, i := range sel {
			v.S = append(v.S, src.S[i])
		}
	default:
		for _, i := range sel {
			v.X = append(v.X, src.X[i])
		}
	}
	if len(src.Nulls) == 0 {
		return
	}
	for k, i := range sel {
		if src.Nulls.Has(int(i)) {
			v.Nulls.Set(base + k)
		}
	}
}

// AppendVec appends src's values [from, to). Both columns have the same kind.
func (v *Vec) AppendVec(src *Vec, from, to int) {
	base := v.Len()
	switch v.Type.Oid.Kind() {
	case KInt:
		v.I = append(v.I, src.I[from:to]...)
	case KFloat:
		v.F = append(v.F, src.F[from:to]...)
	case KString:
		v.S = append(v.S, src.S[from:to]...)
	default:
		v.X = append(v.X, src.X[from:to]...)
	}
	if len(src.Nulls) == 0 {
		return
	}
	for i := from; i < to; i++ {
		if src.Nulls.Has(i) {
			v.Nulls.Set(base + i - from)
		}
	}
}

// Batch is some columns of equal length.
type Batch struct {
	Cols []Vec
	N    int // rows; the length of every column (a batch without columns still has rows)
}

// NewBatch returns an empty batch with room for capacity rows.
func NewBatch(ts []Type, capacity int) *Batch {
	b := &Batch{Cols: make([]Vec, len(ts))}
	for i, t := range ts {
		b.Cols[i] = NewVec(t, capacity)
	}
	return b
}

// Row returns a new slice with the values of row i.
func (b *Batch) Row(i int) []Datum { return b.AppendRowTo(nil, i) }

// AppendRowTo appends the values of row i to dst.
func (b *Batch) AppendRowTo(dst []Datum, i int) []Datum {
	for c := range b.Cols {
		dst = append(dst, b.Cols[c].Get(i))
	}
	return dst
}

// AppendRow adds a row, one value a column.
func (b *Batch) AppendRow(row []Datum) {
	for c := range b.Cols {
		b.Cols[c].Append(row[c])
	}
	b.N++
}

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	for c := range b.Cols {
		b.Cols[c].Reset()
	}
	b.N = 0
}

// Truncate keeps the first n rows.
func (b *Batch) Truncate(n int) {
	for c := range b.Cols {
		b.Cols[c].Truncate(n)
	}
	b.N = min(b.N, n)
}
