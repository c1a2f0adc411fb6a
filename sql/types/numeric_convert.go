package types

import (
	"math"
	"strconv"
	"strings"
	"unsafe"

	"github.com/cockroachdb/apd/v3"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

func ptrOf[T any](p *T) unsafe.Pointer { return unsafe.Pointer(p) }

// isSpace reports what C's isspace accepts in the C locale.
func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func trimSpace(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	for s != "" && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

func isDigit(c byte) bool { return c-'0' <= 9 }

func errSyntax(typeName, s string) error {
	return pgerr.New(pgerr.InvalidTextRepresentation, "invalid input syntax for type %s: \"%s\"", typeName, s)
}

// ParseNumeric reads a numeric as numeric_in does, without a modifier.
func ParseNumeric(s string) (Datum, error) {
	t := trimSpace(s)
	if t == "" {
		return Null, errSyntax("numeric", s)
	}
	neg := t[0] == '-'
	body := t
	if neg || t[0] == '+' {
		body = t[1:]
	}
	if body != "" && !isDigit(body[0]) && body[0] != '.' {
		return parseNumericWord(t, body, neg, s)
	}
	intDigits := 0
	for intDigits < len(body) && isDigit(body[intDigits]) {
		intDigits++
	}
	rest := body[intDigits:]
	digits, scale := body[:intDigits], 0
	if rest != "" && rest[0] == '.' {
		f := 1
		for f < len(rest) && isDigit(rest[f]) {
			f++
		}
		scale = f - 1
		if scale > 0 {
			digits = body[:intDigits] + rest[1:f]
		}
		rest = rest[f:]
	}
	if digits == "" {
		return Null, errSyntax("numeric", s)
	}
	exp := 0
	if rest != "" {
		var ok bool
		if exp, ok = parseExponent(rest); !ok {
			return Null, errSyntax("numeric", s)
		}
	}
	return numericFromDigits(digits, neg, scale, exp)
}

func parseNumericWord(t, body string, neg bool, whole string) (Datum, error) {
	switch strings.ToLower(body) {
	case "nan":
		if t == body {
			return numericNaN, nil
		}
	case "inf", "infinity":
		if neg {
			return numericNegInf, nil
		}
		return numericInf, nil
	}
	return Null, errSyntax("numeric", whole)
}

// parseExponent reads "e5", "E-12"; bounded so that sums with scales cannot overflow.
func parseExponent(s string) (int, bool) {
	if s[0] != 'e' && s[0] != 'E' || len(s) < 2 {
		return 0, false
	}
	d := s[1:]
	if d[0] == '+' || d[0] == '-' {
		d = d[1:]
	}
	if d == "" {
		return 0, false
	}
	for i := range len(d) {
		if !isDigit(d[i]) {
			return 0, false
		}
	}
	n, err := strconv.Atoi(s[1:])
	return n, err == nil && n < math.MaxInt32/2 && n > -math.MaxInt32/2
}

// numericFromDigits returns ±digits * 10^(exp-scale).
func numericFromDigits(digits string, neg bool, scale, exp int) (Datum, error) {
	scale -= exp
	significant := strings.TrimLeft(digits, "0")
	if significant == "" {
		if max(scale, 0) > numericMaxScale {
			return Null, errNumericOverflow()
		}
		return NewSmallNumeric(0, int32(max(scale, 0))), nil
	}
	if scale > numericMaxScale || len(significant)-scale > numericMaxIntDigits {
		return Null, errNumericOverflow()
	}
	if scale >= 0 && len(significant) <= 18 {
		n, _ := strconv.ParseInt(significant, 10, 64)
		if neg {
			n = -n
		}
		return NewSmallNumeric(n, int32(scale)), nil
	}
	var z apd.BigInt
	if _, ok := z.SetString(significant, 10); !ok {
		return Null, errSyntax("numeric", digits)
	}
	if scale < 0 {
		z.Mul(&z, pow10(-scale))
		scale = 0
	}
	if neg {
		z.Neg(&z)
	}
	return finite(&z, int32(scale))
}

// AppendNumeric appends the text form of a numeric, all digits of its scale shown.
func AppendNumeric(buf []byte, d Datum) []byte {
	switch formOf(d) {
	case numNaN:
		return append(buf, "NaN"...)
	case numPosInf:
		return append(buf, "Infinity"...)
	case numNegInf:
		return append(buf, "-Infinity"...)
	}
	if numericSign(d) < 0 {
		buf = append(buf, '-')
	}
	start := len(buf)
	scale := int(NumericScale(d))
	if d.p == nil {
		buf = strconv.AppendUint(buf, absInt64(d.n), 10)
	} else {
		buf = (*apd.Decimal)(d.p).Coeff.Append(buf, 10)
	}
	if scale == 0 {
		return buf
	}
	n := len(buf) - start
	if n <= scale { // put the zeros of 0.00123 in front
		pad := scale + 1 - n
		for range pad {
			buf = append(buf, '0')
		}
		copy(buf[start+pad:], buf[start:start+n])
		for i := range pad {
			buf[start+i] = '0'
		}
	}
	buf = append(buf, 0)
	point := len(buf) - 1 - scale
	copy(buf[point+1:], buf[point:len(buf)-1])
	buf[point] = '.'
	return buf
}

// applyNumericMod rounds to the scale of numeric(p,s) and checks its precision.
func applyNumericMod(d Datum, mod int32) (Datum, error) {
	if mod < 4 {
		return d, nil
	}
	precision, scale := NumericMod(mod)
	if f := formOf(d); f != numFinite {
		if f == numNaN {
			return d, nil
		}
		return Null, pgerr.New(pgerr.NumericValueOutOfRange, "numeric field overflow").
			WithDetail("A field with precision %d, scale %d cannot hold an infinite value.", precision, scale)
	}
	r, err := NumericRound(d, scale)
	if err != nil {
		return Null, err
	}
	maxDigits := int(precision - scale)
	if r.p == nil && maxDigits+int(r.aux) >= 0 && maxDigits+int(r.aux) < len(pow10Small) {
		if absInt64(r.n) < uint64(pow10Small[maxDigits+int(r.aux)]) {
			return r, nil
		}
	} else {
		var z apd.BigInt
		if z := signedCoef(&z, r); z.Sign() == 0 || decimalDigits(z)-int(NumericScale(r)) <= maxDigits {
			return r, nil
		}
	}
	bound := "1"
	if maxDigits != 0 {
		bound = "10^" + strconv.Itoa(maxDigits)
	}
	return Null, pgerr.New(pgerr.NumericValueOutOfRange, "numeric field overflow").
		WithDetail("A field with precision %d, scale %d must round to an absolute value less than %s.", precision, scale, bound)
}

// NumericFromInt returns an integer as a numeric.
func NumericFromInt(i int64) Datum { return NewSmallNumeric(i, 0) }

// NumericFromFloat converts through the shortest decimal that the C type is sure
// to keep: 15 digits for float8 (bits 64), 6 for float4 (bits 32).
func NumericFromFloat(f float64, bits int) (Datum, error) {
	switch {
	case math.IsNaN(f):
		return numericNaN, nil
	case math.IsInf(f, 1):
		return numericInf, nil
	case math.IsInf(f, -1):
		return numericNegInf, nil
	}
	digits := 15
	if bits == 32 {
		digits = 6
	}
	var tmp [32]byte
	s := strconv.AppendFloat(tmp[:0], f, 'e', digits-1, 64)
	// Drop the mantissa's trailing zeros, as %g does.
	e := len(s) - 1
	for s[e] != 'e' {
		e--
	}
	m := e
	for s[m-1] == '0' {
		m--
	}
	if s[m-1] == '.' {
		m--
	}
	return ParseNumeric(string(append(s[:m], s[e:]...)))
}

// integerName returns the SQL name and the bounds of an integer type.
func integerBounds(oid Oid) (name string, lo, hi int64) {
	switch oid {
	case Int2Oid:
		return "smallint", math.MinInt16, math.MaxInt16
	case Int4Oid:
		return "integer", math.MinInt32, math.MaxInt32
	}
	return "bigint", math.MinInt64, math.MaxInt64
}

// NumericToInt rounds half away from zero to int2, int4 or int8; 22003 if the
// result does not fit.
func NumericToInt(d Datum, oid Oid) (int64, error) {
	name, lo, hi := integerBounds(oid)
	switch formOf(d) {
	case numNaN:
		return 0, pgerr.New(pgerr.FeatureNotSupported, "cannot convert NaN to %s", name)
	case numPosInf, numNegInf:
		return 0, pgerr.New(pgerr.FeatureNotSupported, "cannot convert infinity to %s", name)
	}
	r, err := NumericRound(d, 0)
	if err != nil {
		return 0, err
	}
	if r.p != nil || r.n < lo || r.n > hi {
		return 0, pgerr.New(pgerr.NumericValueOutOfRange, "%s out of range", name)
	}
	return r.n, nil
}

// NumericToFloat returns the nearest float8; 22003 if there is none.
func NumericToFloat(d Datum) (float64, error) {
	if d.p == nil && d.aux < 16 && absInt64(d.n) < 1<<53 {
		return float64(d.n) / float64(pow10Small[d.aux]), nil // both exact: one rounding
	}
	switch formOf(d) {
	case numNaN:
		return math.NaN(), nil
	case numPosInf:
		return math.Inf(1), nil
	case numNegInf:
		return math.Inf(-1), nil
	}
	s := string(AppendNumeric(nil, d))
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, pgerr.New(pgerr.NumericValueOutOfRange, "\"%s\" is out of range for type double precision", s)
	}
	return f, nil
}
