package types

import (
	"encoding/hex"
	"math"
	"strconv"
)

// AppendText appends the text form of a value that is not NULL, as the type's
// output function prints it.
func AppendText(buf []byte, oid Oid, d Datum, env *IOEnv) []byte {
	switch d.kind {
	case KInt:
		return AppendIntText(buf, oid, d.n, env)
	case KString:
		return AppendStringText(buf, oid, d.Str(), env)
	case KFloat:
		return AppendFloatText(buf, oid, d.Float(), env)
	case KNumeric:
		return AppendNumeric(buf, d)
	case KInterval:
		return appendInterval(buf, d.Interval(), env.IntervalStyle)
	case KArray:
		return appendArray(buf, oid, d.Array(), env)
	case KRange:
		return appendRange(buf, d.Range(), env)
	case KMultirange:
		return appendMultirange(buf, d.Multirange(), env)
	case KRecord:
		return appendRecord(buf, oid, d.Record(), env)
	}
	return buf
}

// AppendTextVec is AppendText of value i of a column.
func AppendTextVec(buf []byte, v *Vec, i int, env *IOEnv) []byte {
	switch oid := v.Type.Oid; oid.Kind() {
	case KInt:
		return AppendIntText(buf, oid, v.I[i], env)
	case KString:
		return AppendStringText(buf, oid, v.S[i], env)
	case KFloat:
		return AppendFloatText(buf, oid, v.F[i], env)
	default:
		return AppendText(buf, oid, v.X[i], env)
	}
}

// Text returns the text form as a string.
func Text(oid Oid, d Datum, env *IOEnv) string {
	if d.kind == KString {
		switch oid {
		case TextOid, VarcharOid, BpcharOid, NameOid, JsonOid, JsonbOid, UnknownOid:
			return d.Str()
		}
	}
	return string(AppendText(nil, oid, d, env))
}

// AppendIntText appends a value of a KInt type.
func AppendIntText(buf []byte, oid Oid, n int64, env *IOEnv) []byte {
	switch oid {
	case Int4Oid, Int8Oid, Int2Oid, OidOid, XidOid, CidOid:
		return strconv.AppendInt(buf, n, 10)
	case BoolOid:
		if n != 0 {
			return append(buf, 't')
		}
		return append(buf, 'f')
	case TimestamptzOid, TimestampOid:
		return appendTimestamp(buf, n, oid == TimestamptzOid, env)
	case DateOid:
		return appendDate(buf, n, env)
	case TimeOid:
		return appendClock(buf, n)
	case TimetzOid:
		return appendTimetz(buf, n)
	case MoneyOid:
		return appendMoney(buf, n)
	case CharOid:
		return appendChar(buf, byte(n))
	case Xid8Oid:
		return strconv.AppendUint(buf, uint64(n), 10)
	case TidOid:
		buf = strconv.AppendInt(append(buf, '('), n>>16, 10)
		return append(strconv.AppendInt(append(buf, ','), n&0xffff, 10), ')')
	case PgLsnOid:
		buf = appendUpperHex(buf, uint64(n)>>32)
		return appendUpperHex(append(buf, '/'), uint64(n)&math.MaxUint32)
	}
	if env.RegOut != nil { // reg*
		if s, ok := env.RegOut(oid, uint32(n)); ok {
			return append(buf, s...)
		}
	}
	if n == 0 {
		return append(buf, '-')
	}
	return strconv.AppendInt(buf, n, 10)
}

func appendUpperHex(buf []byte, n uint64) []byte {
	start := len(buf)
	buf = strconv.AppendUint(buf, n, 16)
	for i := start; i < len(buf); i++ {
		if buf[i] >= 'a' {
			buf[i] -= 32
		}
	}
	return buf
}

// AppendStringText appends a value of a KString type.
func AppendStringText(buf []byte, oid Oid, s string, env *IOEnv) []byte {
	switch oid {
	case ByteaOid:
		if env.ByteaOutput == "escape" {
			return appendByteaEscape(buf, s)
		}
		buf = append(buf, '\\', 'x')
		return hex.AppendEncode(buf, []byte(s))
	case UuidOid:
		return appendUUID(buf, s)
	case JsonpathOid:
		return appendJSONPath(buf, s)
	case TsvectorOid:
		return appendTSVector(buf, s)
	case TsqueryOid:
		return appendTSQuery(buf, s)
	case InetOid, CidrOid:
		return appendInet(buf, s, oid == CidrOid)
	case BitOid, VarbitOid:
		return appendBits(buf, s)
	case MacaddrOid, Macaddr8Oid:
		return appendMacaddr(buf, s)
	}
	if oid.Class() == EnumClass {
		return appendEnum(buf, oid, s, env)
	}
	return append(buf, s...)
}

func appendByteaEscape(buf []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\\':
			buf = append(buf, '\\', '\\')
		case c < 0x20 || c > 0x7e:
			buf = append(buf, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
		default:
			buf = append(buf, c)
		}
	}
	return buf
}

func appendUUID(buf []byte, s string) []byte {
	const digits = "0123456789abcdef"
	for i := range len(s) {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			buf = append(buf, '-')
		}
		buf = append(buf, digits[s[i]>>4], digits[s[i]&15])
	}
	return buf
}

// AppendFloatText appends a float4 or float8: the shortest text that reads back
// the same, or a fixed number of digits where extra_float_digits is not positive.
func AppendFloatText(buf []byte, oid Oid, f float64, env *IOEnv) []byte {
	bits, digits, limit := 64, 15, 1e15
	low := 1e-4
	if oid == Float4Oid {
		bits, digits, limit, low = 32, 6, 1e6, float64(float32(1e-4))
	}
	abs := math.Abs(f)
	switch {
	case f != f:
		return append(buf, "NaN"...)
	case abs > math.MaxFloat64:
		if f < 0 {
			buf = append(buf, '-')
		}
		return append(buf, "Infinity"...)
	case env.ExtraFloatDigits <= 0:
		return appendG(buf, f, max(digits+env.ExtraFloatDigits, 1))
	case abs == 0 || abs >= low && abs < limit:
		return strconv.AppendFloat(buf, f, 'f', -1, bits)
	}
	return strconv.AppendFloat(buf, f, 'e', -1, bits)
}

// appendG is C's %.*g: significant digits without the zeros at the end.
func appendG(buf []byte, f float64, digits int) []byte {
	var tmp [400]byte
	s := strconv.AppendFloat(tmp[:0], f, 'e', digits-1, 64)
	e := len(s) - 1
	for s[e] != 'e' {
		e--
	}
	exp, _ := strconv.Atoi(string(s[e+1:]))
	suffix := s[e:]
	if exp >= -4 && exp < digits {
		s = strconv.AppendFloat(tmp[:0], f, 'f', digits-1-exp, 64)
		e, suffix = len(s), nil
	}
	m := e
	point := false
	for _, c := range s[:e] {
		point = point || c == '.'
	}
	if point {
		for s[m-1] == '0' {
			m--
		}
		if s[m-1] == '.' {
			m--
		}
	}
	return append(append(buf, s[:m]...), suffix...)
}
