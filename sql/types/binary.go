package types

import (
	"encoding/binary"
	"math"

	"github.com/cockroachdb/apd/v3"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

func errBinaryFormat() error {
	return pgerr.New(pgerr.InvalidBinaryRepresentation, "incorrect binary data format")
}

func errBinaryShort() error {
	return pgerr.New(pgerr.ProtocolViolation, "insufficient data left in message")
}

// intSize returns the bytes of a KInt type's binary form.
func intSize(oid Oid) int {
	switch oid {
	case BoolOid, CharOid:
		return 1
	case Int2Oid:
		return 2
	case Int8Oid, TimestampOid, TimestamptzOid, TimeOid, Xid8Oid, PgLsnOid, MoneyOid:
		return 8
	case TimetzOid:
		return 12
	case TidOid:
		return 6
	}
	return 4
}

// isSigned32 reports whether a four-byte type is signed.
func isSigned32(oid Oid) bool { return oid == Int4Oid || oid == DateOid }

// AppendBinary appends the binary form of a value that is not NULL, as the
// type's send function writes it, without the length in front.
func AppendBinary(buf []byte, oid Oid, d Datum, env *IOEnv) []byte {
	switch d.kind {
	case KInt:
		return appendBinaryInt(buf, oid, d.n)
	case KFloat:
		return appendBinaryFloat(buf, oid, d.Float())
	case KString:
		return appendBinaryString(buf, oid, d.Str(), env)
	case KNumeric:
		return appendBinaryNumeric(buf, d)
	case KInterval:
		iv := d.Interval()
		buf = binary.BigEndian.AppendUint64(buf, uint64(iv.Micros))
		buf = binary.BigEndian.AppendUint32(buf, uint32(iv.Days))
		return binary.BigEndian.AppendUint32(buf, uint32(iv.Months))
	case KArray:
		return appendBinaryArray(buf, d.Array(), env)
	case KRange:
		return appendBinaryRange(buf, d.Range(), env)
	case KMultirange:
		return appendBinaryMultirange(buf, d.Multirange(), env)
	case KRecord:
		return appendBinaryRecord(buf, oid, d.Record(), env)
	}
	return buf
}

// AppendBinaryVec is AppendBinary of value i of a column.
func AppendBinaryVec(buf []byte, v *Vec, i int, env *IOEnv) []byte {
	switch oid := v.Type.Oid; oid.Kind() {
	case KInt:
		return appendBinaryInt(buf, oid, v.I[i])
	case KFloat:
		return appendBinaryFloat(buf, oid, v.F[i])
	case KString:
		return appendBinaryString(buf, oid, v.S[i], env)
	default:
		return AppendBinary(buf, oid, v.X[i], env)
	}
}

func appendBinaryInt(buf []byte, oid Oid, n int64) []byte {
	switch intSize(oid) {
	case 12:
		return appendBinaryTimetz(buf, n)
	case 1:
		return append(buf, byte(n))
	case 2:
		return binary.BigEndian.AppendUint16(buf, uint16(n))
	case 4:
		return binary.BigEndian.AppendUint32(buf, uint32(n))
	case 6:
		return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint32(buf, uint32(n>>16)), uint16(n))
	}
	return binary.BigEndian.AppendUint64(buf, uint64(n))
}

func appendBinaryFloat(buf []byte, oid Oid, f float64) []byte {
	nan := math.IsNaN(f) // there is one: Go's has another bit set than C's
	if oid == Float4Oid {
		bits := math.Float32bits(float32(f))
		if nan {
			bits = 0x7fc00000
		}
		return binary.BigEndian.AppendUint32(buf, bits)
	}
	bits := math.Float64bits(f)
	if nan {
		bits = 0x7ff8000000000000
	}
	return binary.BigEndian.AppendUint64(buf, bits)
}

func appendBinaryString(buf []byte, oid Oid, s string, env *IOEnv) []byte {
	switch oid {
	case JsonpathOid:
		return appendJSONPath(append(buf, 1), s) // version
	case JsonbOid:
		buf = append(buf, 1) // version
	case BitOid, VarbitOid:
		return appendBinaryBits(buf, s)
	case InetOid, CidrOid:
		return appendBinaryInet(buf, s, oid == CidrOid)
	}
	if oid.Class() == EnumClass {
		return appendEnum(buf, oid, s, env)
	}
	return append(buf, s...)
}

// appendBinaryElem appends a value behind its length, -1 for NULL.
func appendBinaryElem(buf []byte, oid Oid, d Datum, env *IOEnv) []byte {
	if d.IsNull() {
		return append(buf, 0xff, 0xff, 0xff, 0xff)
	}
	start := len(buf)
	buf = AppendBinary(append(buf, 0, 0, 0, 0), oid, d, env)
	binary.BigEndian.PutUint32(buf[start:], uint32(len(buf)-start-4))
	return buf
}

func appendBinaryArray(buf []byte, a *Array, env *IOEnv) []byte {
	hasNull := uint32(0)
	for _, e := range a.Elems {
		if e.IsNull() {
			hasNull = 1
		}
	}
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(a.Dims)))
	buf = binary.BigEndian.AppendUint32(buf, hasNull)
	buf = binary.BigEndian.AppendUint32(buf, uint32(a.Elem))
	for i, n := range a.Dims {
		buf = binary.BigEndian.AppendUint32(buf, uint32(n))
		buf = binary.BigEndian.AppendUint32(buf, uint32(a.LowerBound(i)))
	}
	for _, e := range a.Elems {
		buf = appendBinaryElem(buf, a.Elem, e, env)
	}
	return buf
}

// Signs of a numeric's binary form.
const (
	numericSignNeg    = 0x4000
	numericSignNaN    = 0xC000
	numericSignPosInf = 0xD000
	numericSignNegInf = 0xF000
)

// appendBinaryNumeric appends count, weight, sign, scale and digits in base 10000.
func appendBinaryNumeric(buf []byte, d Datum) []byte {
	special := map[numericForm]uint16{numNaN: numericSignNaN, numPosInf: numericSignPosInf, numNegInf: numericSignNegInf}
	if f := formOf(d); f != numFinite {
		buf = append(buf, 0, 0, 0, 0)
		scale := byte(0x20) // PostgreSQL's own quirk
		if f == numNaN {
			scale = 0
		}
		return append(binary.BigEndian.AppendUint16(buf, special[f]), 0, scale)
	}
	text := AppendNumeric(make([]byte, 0, 40), d)
	sign := uint16(0)
	if text[0] == '-' {
		sign, text = numericSignNeg, text[1:]
	}
	scale := int(NumericScale(d))
	intDigits := len(text)
	if scale > 0 {
		intDigits -= scale + 1
		text = append(text[:intDigits], text[intDigits+1:]...)
	}
	pad := (4 - intDigits%4) % 4 // zeros in front so that the point falls between groups
	weight := (intDigits+pad)/4 - 1
	var groups []uint16
	for i := -pad; i < len(text); i += 4 {
		g := uint16(0)
		for k := i; k < i+4; k++ {
			g *= 10
			if k >= 0 && k < len(text) {
				g += uint16(text[k] - '0')
			}
		}
		groups = append(groups, g)
	}
	for len(groups) > 0 && groups[0] == 0 {
		groups, weight = groups[1:], weight-1
	}
	for len(groups) > 0 && groups[len(groups)-1] == 0 {
		groups = groups[:len(groups)-1]
	}
	if len(groups) == 0 {
		weight, sign = 0, 0
	}
	buf = binary.BigEndian.AppendUint16(buf, uint16(len(groups)))
	buf = binary.BigEndian.AppendUint16(buf, uint16(weight))
	buf = binary.BigEndian.AppendUint16(buf, sign)
	buf = binary.BigEndian.AppendUint16(buf, uint16(scale))
	for _, g := range groups {
		buf = binary.BigEndian.AppendUint16(buf, g)
	}
	return buf
}

// ParseBinary reads the binary form of a value as the type's receive function
// does and applies the modifier as for an assignment. The result may refer to b,
// which must not change while it lives.
func ParseBinary(t Type, b []byte, env *IOEnv) (Datum, error) {
	switch t.Kind() {
	case KInt:
		return parseBinaryInt(t, b)
	case KFloat:
		return parseBinaryFloat(t.Oid, b)
	case KNumeric:
		d, err := parseBinaryNumeric(b)
		if err != nil {
			return Null, err
		}
		return applyNumericMod(d, t.Mod)
	case KInterval:
		if len(b) != 16 {
			return Null, binaryLength(b, 16)
		}
		iv := Interval{Micros: int64(binary.BigEndian.Uint64(b)), Days: int32(binary.BigEndian.Uint32(b[8:])),
			Months: int32(binary.BigEndian.Uint32(b[12:]))}
		return NewInterval(applyIntervalMod(iv, t.Mod)), nil
	case KArray:
		return parseBinaryArray(t, b, env)
	case KRange:
		return parseBinaryRange(t.Oid, b, env)
	case KMultirange:
		return parseBinaryMultirange(t.Oid, b, env)
	case KRecord:
		if t.Oid != RecordOid {
			return parseBinaryComposite(t.Oid, b, env)
		}
		return parseBinaryRecord(b, env)
	}
	return parseBinaryString(t, b, env)
}

func binaryLength(b []byte, want int) error {
	if len(b) < want {
		return errBinaryShort()
	}
	return errBinaryFormat()
}

func parseBinaryInt(t Type, b []byte) (Datum, error) {
	if t.Oid == TimetzOid {
		return parseBinaryTimetz(t, b)
	}
	size := intSize(t.Oid)
	if len(b) != size {
		return Null, binaryLength(b, size)
	}
	var n int64
	switch size {
	case 1:
		n = int64(b[0])
		if t.Oid == BoolOid && n != 0 {
			n = 1
		}
	case 2:
		n = int64(int16(binary.BigEndian.Uint16(b)))
	case 4:
		n = int64(binary.BigEndian.Uint32(b))
		if isSigned32(t.Oid) {
			n = int64(int32(n))
		}
	case 6:
		n = int64(binary.BigEndian.Uint32(b))<<16 | int64(binary.BigEndian.Uint16(b[4:]))
	default:
		n = int64(binary.BigEndian.Uint64(b))
	}
	switch t.Oid {
	case TimestampOid, TimestamptzOid:
		if TimestampIsFinite(n) && !TimestampInRange(n) {
			return Null, errOutOfRange("timestamp")
		}
		n = roundMicros(n, t.Mod)
	case DateOid:
		if DateIsFinite(n) && !validDate(n) {
			return Null, errOutOfRange("date")
		}
	case TimeOid:
		if n < 0 || n > MicrosPerDay {
			return Null, errOutOfRange("time")
		}
		n = min(roundMicros(n, t.Mod), MicrosPerDay)
	}
	return NewInt(n), nil
}

func parseBinaryFloat(oid Oid, b []byte) (Datum, error) {
	if oid == Float4Oid {
		if len(b) != 4 {
			return Null, binaryLength(b, 4)
		}
		return NewFloat(float64(math.Float32frombits(binary.BigEndian.Uint32(b)))), nil
	}
	if len(b) != 8 {
		return Null, binaryLength(b, 8)
	}
	return NewFloat(math.Float64frombits(binary.BigEndian.Uint64(b))), nil
}

func parseBinaryString(t Type, b []byte, env *IOEnv) (Datum, error) {
	d := NewBytes(b)
	switch t.Oid {
	case ByteaOid:
		return d, nil
	case UuidOid:
		if len(b) != 16 {
			return Null, binaryLength(b, 16)
		}
		return d, nil
	case InetOid, CidrOid:
		return parseBinaryInet(b, t.Oid == CidrOid)
	case BitOid, VarbitOid:
		return parseBinaryBits(t, b)
	case MacaddrOid, Macaddr8Oid:
		return parseBinaryMacaddr(t.Oid, b)
	case TsvectorOid:
		return parseBinaryTSVector(b)
	case TsqueryOid:
		return parseBinaryTSQuery(b)
	case JsonbOid, JsonpathOid:
		if len(b) == 0 {
			return Null, errBinaryShort()
		}
		if b[0] != 1 {
			return Null, pgerr.Internal("unsupported %s version number %d", Lookup(t.Oid).Name, b[0])
		}
		return ParseText(t, NewBytes(b[1:]).Str(), env)
	}
	return ParseText(t, d.Str(), env)
}

// NumericStorageSize is the size in bytes of a numeric as PostgreSQL stores it.
func NumericStorageSize(d Datum) int64 {
	b := appendBinaryNumeric(nil, d)
	digits, weight, scale := int64(binary.BigEndian.Uint16(b)), int16(binary.BigEndian.Uint16(b[2:])), binary.BigEndian.Uint16(b[6:])
	header := int64(8)
	if scale <= 63 && weight >= -64 && weight <= 63 {
		header = 6
	}
	return header + 2*digits
}

func parseBinaryNumeric(b []byte) (Datum, error) {
	if len(b) < 8 {
		return Null, errBinaryShort()
	}
	n := int(binary.BigEndian.Uint16(b))
	weight := int(int16(binary.BigEndian.Uint16(b[2:])))
	sign, scale := binary.BigEndian.Uint16(b[4:]), int(binary.BigEndian.Uint16(b[6:]))
	if len(b) != 8+2*n {
		return Null, binaryLength(b, 8+2*n)
	}
	switch sign {
	case numericSignNaN:
		return numericNaN, nil
	case numericSignPosInf:
		return numericInf, nil
	case numericSignNegInf:
		return numericNegInf, nil
	case 0, numericSignNeg:
	default:
		return Null, pgerr.New(pgerr.InvalidBinaryRepresentation, "invalid sign in external \"numeric\" value")
	}
	if scale > numericMaxScale {
		return Null, pgerr.New(pgerr.InvalidBinaryRepresentation, "invalid scale in external \"numeric\" value")
	}
	var z apd.BigInt
	base := apd.NewBigInt(10000)
	for i := range n {
		g := binary.BigEndian.Uint16(b[8+2*i:])
		if g > 9999 {
			return Null, pgerr.New(pgerr.InvalidBinaryRepresentation, "invalid digit in external \"numeric\" value")
		}
		z.Mul(&z, base)
		z.Add(&z, apd.NewBigInt(int64(g)))
	}
	if sign == numericSignNeg {
		z.Neg(&z)
	}
	// z * 10000^(weight-n+1); digits below the scale are cut, not rounded.
	if shift := 4*(weight-n+1) + scale; shift >= 0 {
		z.Mul(&z, pow10(shift))
	} else {
		z.Quo(&z, pow10(-shift))
	}
	return finite(&z, int32(scale))
}

// parseBinaryElem reads a value behind its length and returns what follows.
func parseBinaryElem(t Type, b []byte, env *IOEnv) (Datum, []byte, error) {
	if len(b) < 4 {
		return Null, nil, errBinaryShort()
	}
	n := int(int32(binary.BigEndian.Uint32(b)))
	b = b[4:]
	if n == -1 {
		return Null, b, nil
	}
	if n < 0 || n > len(b) {
		return Null, nil, errBinaryShort()
	}
	d, err := ParseBinary(t, b[:n:n], env)
	return d, b[n:], err
}

func parseBinaryArray(t Type, b []byte, env *IOEnv) (Datum, error) {
	if len(b) < 12 {
		return Null, errBinaryShort()
	}
	dims, elem := binary.BigEndian.Uint32(b), Oid(binary.BigEndian.Uint32(b[8:]))
	if dims > MaxArrayDims {
		return Null, errTooManyDims(int(dims))
	}
	if want := ElemOf(t.Oid); elem != want {
		return Null, pgerr.New(pgerr.DatatypeMismatch, "binary data has array element type %d (%s) instead of expected %d (%s)",
			elem, FormatType(T(elem)), want, FormatType(T(want)))
	}
	b = b[12:]
	a := &Array{Elem: elem}
	total, plain := int64(1), true
	for range dims {
		if len(b) < 8 {
			return Null, errBinaryShort()
		}
		n, lb := int32(binary.BigEndian.Uint32(b)), int32(binary.BigEndian.Uint32(b[4:]))
		b = b[8:]
		if total *= int64(n); n < 0 || total > int64(len(b)/4) { // an element takes four bytes at least
			return Null, errBinaryShort()
		}
		plain = plain && lb == 1
		a.Dims, a.Lbs = append(a.Dims, n), append(a.Lbs, lb)
	}
	if plain {
		a.Lbs = nil
	}
	if _, err := CheckArrayShape(a.Dims, a.Lbs); err != nil {
		return Null, err
	}
	if dims == 0 || total == 0 {
		return NewArray(&Array{Elem: elem}), nil
	}
	a.Elems = make([]Datum, total)
	for i := range a.Elems {
		var err error
		if a.Elems[i], b, err = parseBinaryElem(Type{Oid: elem, Mod: t.Mod}, b, env); err != nil {
			return Null, err
		}
	}
	if len(b) > 0 {
		return Null, errBinaryFormat()
	}
	return NewArray(a), nil
}

func parseBinaryRecord(b []byte, env *IOEnv) (Datum, error) {
	if len(b) < 4 {
		return Null, errBinaryShort()
	}
	n := int(binary.BigEndian.Uint32(b))
	b = b[4:]
	if n > len(b)/8 {
		return Null, errBinaryShort()
	}
	r := &Record{}
	for range n {
		if len(b) < 8 {
			return Null, errBinaryShort()
		}
		t := T(Oid(binary.BigEndian.Uint32(b)))
		d, rest, err := parseBinaryElem(t, b[4:], env)
		if err != nil {
			return Null, err
		}
		b = rest
		r.Types, r.Fields = append(r.Types, t), append(r.Fields, d)
	}
	return NewRecord(r), nil
}
