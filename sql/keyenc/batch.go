package keyenc

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// The encoding of batches, for rows that an operator puts aside in a temporary file. It keeps all that a value is, names
// of a record's fields included, and is read by the process that wrote it: it has no version and no checksum.
//
//	uvarint rows, uvarint columns
//	column: uvarint oid, varint modifier, uvarint words of the null bitmap, the words, the values
//
// Values of a KInt column take the bytes that the widest of them needs, those of a KString column are the lengths and then
// all bytes; those without a column representation are tagged with their kind.

func errCorruptBatch() error { return pgerr.Internal("malformed block of a temporary file") }

// AppendBatch appends the encoding of b.
func AppendBatch(buf []byte, b *types.Batch) []byte {
	buf = binary.AppendUvarint(buf, uint64(b.N))
	buf = binary.AppendUvarint(buf, uint64(len(b.Cols)))
	for c := range b.Cols {
		buf = appendVec(buf, &b.Cols[c])
	}
	return buf
}

func appendVec(buf []byte, v *types.Vec) []byte {
	buf = binary.AppendUvarint(buf, uint64(v.Type.Oid))
	buf = binary.AppendVarint(buf, int64(v.Type.Mod))
	buf = binary.AppendUvarint(buf, uint64(len(v.Nulls)))
	for _, w := range v.Nulls {
		buf = binary.LittleEndian.AppendUint64(buf, w)
	}
	switch v.Type.Oid.Kind() {
	case types.KInt:
		return appendInts(buf, v.I)
	case types.KFloat:
		for _, f := range v.F {
			buf = binary.LittleEndian.AppendUint64(buf, math.Float64bits(f))
		}
	case types.KString:
		for _, s := range v.S {
			buf = binary.AppendUvarint(buf, uint64(len(s)))
		}
		for _, s := range v.S {
			buf = append(buf, s...)
		}
	default:
		for _, d := range v.X {
			buf = appendTagged(buf, d)
		}
	}
	return buf
}

func appendInts(buf []byte, vals []int64) []byte {
	width := byte(1)
	for _, n := range vals {
		switch {
		case n != int64(int32(n)):
			width = 8
		case n != int64(int8(n)) && width < 4:
			width = 4
		}
	}
	buf = append(buf, width)
	switch width {
	case 1:
		for _, n := range vals {
			buf = append(buf, byte(n))
		}
	case 4:
		for _, n := range vals {
			buf = binary.LittleEndian.AppendUint32(buf, uint32(n))
		}
	default:
		for _, n := range vals {
			buf = binary.LittleEndian.AppendUint64(buf, uint64(n))
		}
	}
	return buf
}

// appendTagged appends a value with its kind, whatever type it is declared to have.
func appendTagged(buf []byte, d types.Datum) []byte {
	buf = append(buf, byte(d.Kind()))
	switch d.Kind() {
	case types.KNull:
	case types.KInt:
		buf = binary.AppendVarint(buf, d.Int())
	case types.KFloat:
		buf = binary.LittleEndian.AppendUint64(buf, math.Float64bits(d.Float()))
	case types.KString:
		buf = appendBytes(buf, d.Str())
	case types.KArray:
		a := d.Array()
		buf = binary.AppendUvarint(buf, uint64(a.Elem))
		buf = binary.AppendUvarint(buf, uint64(len(a.Dims)))
		for i, n := range a.Dims {
			buf = binary.AppendVarint(buf, int64(n))
			buf = binary.AppendVarint(buf, int64(a.LowerBound(i)))
		}
		buf = binary.AppendUvarint(buf, uint64(len(a.Elems)))
		for _, e := range a.Elems {
			buf = appendTagged(buf, e)
		}
	case types.KRecord:
		buf = appendTaggedRecord(buf, d.Record())
	default: // numeric and interval: behind their length, for their own encoding does not say where it ends
		buf = appendBytes(buf, string(appendStored(nil, 0, d)))
	}
	return buf
}

func appendBytes(buf []byte, s string) []byte {
	return append(binary.AppendUvarint(buf, uint64(len(s))), s...)
}

func appendTaggedRecord(buf []byte, r *types.Record) []byte {
	buf = binary.AppendUvarint(buf, uint64(r.Oid))
	buf = binary.AppendUvarint(buf, uint64(len(r.Fields)))
	buf = binary.AppendUvarint(buf, uint64(len(r.Names)))
	for i, f := range r.Fields {
		buf = binary.AppendUvarint(buf, uint64(r.Types[i].Oid))
		buf = binary.AppendVarint(buf, int64(r.Types[i].Mod))
		buf = appendTagged(buf, f)
	}
	for _, n := range r.Names {
		buf = appendBytes(buf, n)
	}
	return buf
}

// DecodeBatch returns the batch that AppendBatch encoded. Its strings refer to data, which must not change while they live.
func DecodeBatch(data []byte) (*types.Batch, error) {
	r := &blockReader{b: data}
	n, cols := r.length(math.MaxInt32), r.length(len(data))
	b := &types.Batch{Cols: make([]types.Vec, cols), N: n}
	for c := range b.Cols {
		r.vec(&b.Cols[c], n)
	}
	if r.bad || len(r.b) != 0 {
		return nil, errCorruptBatch()
	}
	return b, nil
}

// blockReader reads an encoded batch. Once bad it yields zeros.
type blockReader struct {
	b   []byte
	bad bool
}

func (r *blockReader) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.b) {
		r.bad = true
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *blockReader) uvarint() uint64 {
	n, w := binary.Uvarint(r.b)
	if w <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[w:]
	return n
}

func (r *blockReader) varint() int64 {
	n, w := binary.Varint(r.b)
	if w <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[w:]
	return n
}

// length reads a count of at most limit.
func (r *blockReader) length(limit int) int {
	n := r.uvarint()
	if n > uint64(limit) {
		r.bad = true
		return 0
	}
	return int(n)
}

func (r *blockReader) typ() types.Type {
	return types.Type{Oid: types.Oid(r.uvarint()), Mod: int32(r.varint())}
}

func (r *blockReader) vec(v *types.Vec, n int) {
	v.Type = r.typ()
	if words := r.length(len(r.b) / 8); words > 0 {
		v.Nulls = make(types.Bitmap, words)
		raw := r.take(8 * words)
		for i := range v.Nulls {
			if raw != nil {
				v.Nulls[i] = binary.LittleEndian.Uint64(raw[8*i:])
			}
		}
	}
	if r.bad || n > len(r.b) { // no value takes less than a byte
		r.bad = true
		return
	}
	switch v.Type.Oid.Kind() {
	case types.KInt:
		v.I = r.ints(n)
	case types.KFloat:
		raw := r.take(8 * n)
		v.F = make([]float64, len(raw)/8)
		for i := range v.F {
			v.F[i] = math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:]))
		}
	case types.KString:
		lens := make([]int, n)
		for i := range lens {
			lens[i] = r.length(len(r.b))
		}
		v.S = make([]string, n)
		for i, l := range lens {
			s := r.take(l)
			v.S[i] = unsafe.String(unsafe.SliceData(s), len(s))
		}
	default:
		v.X = make([]types.Datum, n)
		for i := range v.X {
			v.X[i] = r.tagged()
		}
	}
}

func (r *blockReader) ints(n int) []int64 {
	w := r.take(1)
	if w == nil {
		return nil
	}
	width := int(w[0])
	raw := r.take(n * width)
	out := make([]int64, n)
	switch {
	case raw == nil:
	case width == 1:
		for i, b := range raw {
			out[i] = int64(int8(b))
		}
	case width == 4:
		for i := range out {
			out[i] = int64(int32(binary.LittleEndian.Uint32(raw[4*i:])))
		}
	case width == 8:
		for i := range out {
			out[i] = int64(binary.LittleEndian.Uint64(raw[8*i:]))
		}
	default:
		r.bad = true
	}
	return out
}

func (r *blockReader) tagged() types.Datum {
	tag := r.take(1)
	if tag == nil {
		return types.Null
	}
	switch k := types.Kind(tag[0]); k {
	case types.KNull:
		return types.Null
	case types.KInt:
		return types.NewInt(r.varint())
	case types.KFloat:
		if raw := r.take(8); raw != nil {
			return types.NewFloat(math.Float64frombits(binary.LittleEndian.Uint64(raw)))
		}
	case types.KString:
		return types.NewBytes(r.bytes())
	case types.KArray:
		return r.array()
	case types.KRecord:
		return r.record()
	case types.KNumeric, types.KInterval:
		oid := types.NumericOid
		if k == types.KInterval {
			oid = types.IntervalOid
		}
		d, err := readStored(oid, r.bytes())
		if err == nil {
			return d
		}
	}
	r.bad = true
	return types.Null
}

func (r *blockReader) bytes() []byte { return r.take(r.length(len(r.b))) }

func (r *blockReader) array() types.Datum {
	a := &types.Array{Elem: types.Oid(r.uvarint())}
	ones := true
	for range r.length(len(r.b)) {
		a.Dims = append(a.Dims, int32(r.varint()))
		lb := int32(r.varint())
		a.Lbs = append(a.Lbs, lb)
		ones = ones && lb == 1
	}
	if ones {
		a.Lbs = nil
	}
	a.Elems = make([]types.Datum, r.length(len(r.b)))
	for i := range a.Elems {
		a.Elems[i] = r.tagged()
	}
	return types.NewArray(a)
}

func (r *blockReader) record() types.Datum {
	oid := types.Oid(r.uvarint())
	fields, names := r.length(len(r.b)), r.length(len(r.b))
	rec := &types.Record{Oid: oid, Types: make([]types.Type, fields), Fields: make([]types.Datum, fields)}
	for i := range fields {
		rec.Types[i] = r.typ()
		rec.Fields[i] = r.tagged()
	}
	for range names {
		b := r.bytes()
		rec.Names = append(rec.Names, unsafe.String(unsafe.SliceData(b), len(b)))
	}
	return types.NewRecord(rec)
}
