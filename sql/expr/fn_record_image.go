package expr

import (
	"bytes"
	"cmp"
	"encoding/binary"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// The operators *=, *< and their like compare records by the bytes that PostgreSQL stores for their fields. Here no field is
// stored so; its image is made for the comparison: a word for a type that PostgreSQL passes by value, otherwise bytes.

// imageTest makes one of the operators.
func imageTest(t test) impl {
	return impl{f2: func(c *Call, a, b types.Datum) (types.Datum, error) {
		n, err := compareImages(a.Record(), b.Record(), c.IO())
		return types.NewBool(t.holds(n)), err
	}}
}

var recordImpls = map[string]impl{
	"record_image_eq": imageTest(testEQ), "record_image_ne": imageTest(testNE),
	"record_image_lt": imageTest(testLT), "record_image_le": imageTest(testLE),
	"record_image_gt": imageTest(testGT), "record_image_ge": imageTest(testGE),
	"btrecordimagecmp": {f2: func(c *Call, a, b types.Datum) (types.Datum, error) {
		n, err := compareImages(a.Record(), b.Record(), c.IO())
		return types.NewInt(int64(n)), err
	}},
	"btrecordcmp": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		if err := comparableRecords(a.Record(), b.Record()); err != nil {
			return types.Null, err
		}
		return types.NewInt(int64(types.Compare(types.RecordOid, a, b))), nil
	}},
}

// compareImages is record_image_cmp.
func compareImages(a, b *types.Record, env *types.IOEnv) (int, error) {
	x, y := types.RecordFields(types.RecordOid, a, env), types.RecordFields(types.RecordOid, b, env)
	for i := range min(len(x), len(y)) {
		t := x[i].Type.Declared()
		if other := y[i].Type.Declared(); t != other {
			return 0, pgerr.New(pgerr.DatatypeMismatch, "cannot compare dissimilar column types %s and %s at record column %d",
				types.FormatType(types.T(t)), types.FormatType(types.T(other)), i+1)
		}
		f, g := x[i].Value, y[i].Value
		if f.IsNull() || g.IsNull() {
			if f.IsNull() != g.IsNull() {
				return cmp.Compare(b2i(f.IsNull()), b2i(g.IsNull())), nil
			}
			continue
		}
		if n := compareImage(x[i].Type.Oid, f, g, env); n != 0 {
			return n, nil
		}
	}
	if len(x) != len(y) {
		return 0, pgerr.New(pgerr.DatatypeMismatch, "cannot compare record types with different numbers of columns")
	}
	return 0, nil
}

func compareImage(t types.Oid, a, b types.Datum, env *types.IOEnv) int {
	in := types.Lookup(t)
	if in != nil && in.ByVal && a.Kind() != types.KString {
		return cmp.Compare(word(t, a), word(t, b))
	}
	return bytes.Compare(image(t, a, env), image(t, b, env))
}

// word is a value as PostgreSQL passes it: integers are extended by their sign, a float4 is not.
func word(t types.Oid, d types.Datum) uint64 {
	switch t {
	case types.Float8Oid:
		return binary.BigEndian.Uint64(types.AppendBinary(nil, t, d, nil))
	case types.Float4Oid:
		return uint64(int64(int32(binary.BigEndian.Uint32(types.AppendBinary(nil, t, d, nil)))))
	}
	return uint64(d.Int())
}

// image is what PostgreSQL stores for a value, without its length.
func image(t types.Oid, d types.Datum, env *types.IOEnv) []byte {
	switch {
	case t == types.NumericOid:
		return numericImage(types.AppendBinary(nil, t, d, env))
	case t == types.IntervalOid:
		i := d.Interval()
		out := binary.LittleEndian.AppendUint64(nil, uint64(i.Micros))
		out = binary.LittleEndian.AppendUint32(out, uint32(i.Days))
		return binary.LittleEndian.AppendUint32(out, uint32(i.Months))
	case t == types.JsonbOid || d.Kind() != types.KString:
		return types.AppendBinary(nil, t, d, env)
	}
	return d.Bytes()
}

// numericImage makes the stored form of a numeric of its binary form: a header of one word where its parts are small, then
// the digits.
func numericImage(b []byte) []byte {
	word := func(i int) uint16 { return binary.BigEndian.Uint16(b[2*i:]) }
	weight, sign, scale := int16(word(1)), word(2), word(3)
	le := binary.LittleEndian
	var out []byte
	switch {
	case sign&0xC000 == 0xC000: // NaN and the infinities
		return le.AppendUint16(nil, sign)
	case scale <= 63 && weight >= -64 && weight <= 63:
		out = le.AppendUint16(nil, 0x8000|sign>>1|scale<<7|uint16(weight)&0x7F)
	default:
		out = le.AppendUint16(le.AppendUint16(nil, sign|scale), uint16(weight))
	}
	for i := range int(word(0)) {
		out = le.AppendUint16(out, word(4+i))
	}
	return out
}
