package keyenc

import (
	"strconv"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// A numeric in a key is a class byte and, for finite values other than zero,
// the exponent e and the digits of |x| = 0.d1d2d3... * 10^e with d1 > 0: e in
// three bytes, biased; pairs of digits plus one, so 1..100, without the zeros at
// the end; a zero byte. A negative value has everything after its class flipped.
const (
	numNegInf   = 0x10
	numNegative = 0x20
	numZero     = 0x30
	numPositive = 0x40
	numPosInf   = 0x50
	numNaN      = 0x60

	exponentBias = 1 << 23
)

func appendNumeric(buf []byte, d types.Datum) []byte {
	var tmp [24]byte
	var digits []byte
	var scale int32
	negative := false
	if coef, s, ok := d.SmallNumeric(); ok {
		if coef == 0 {
			return append(buf, numZero)
		}
		u := uint64(coef)
		if negative = coef < 0; negative {
			u = -u
		}
		digits, scale = strconv.AppendUint(tmp[:0], u, 10), s
	} else {
		switch {
		case types.NumericIsNaN(d):
			return append(buf, numNaN)
		case types.NumericIsInf(d, 1):
			return append(buf, numPosInf)
		case types.NumericIsInf(d, -1):
			return append(buf, numNegInf)
		}
		x := d.Numeric()
		negative = x.Negative
		digits, scale = x.Coeff.Append(tmp[:0], 10), -x.Exponent
	}
	exp := len(digits) - int(scale)
	for digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	class, mask := byte(numPositive), byte(0)
	if negative {
		class, mask = numNegative, 0xff
	}
	e := uint32(exp + exponentBias)
	buf = append(buf, class, byte(e>>16)^mask, byte(e>>8)^mask, byte(e)^mask)
	for i := 0; i < len(digits); i += 2 {
		pair := (digits[i] - '0') * 10
		if i+1 < len(digits) {
			pair += digits[i+1] - '0'
		}
		buf = append(buf, (pair+1)^mask)
	}
	return append(buf, mask)
}

// numeric reads a numeric with the least scale that holds it.
func (r *reader) numeric() (types.Datum, error) {
	class := r.byte()
	switch class {
	case numZero:
		return types.NewSmallNumeric(0, 0), nil
	case numNaN:
		return types.ParseNumeric("NaN")
	case numPosInf:
		return types.ParseNumeric("Infinity")
	case numNegInf:
		return types.ParseNumeric("-Infinity")
	case numNegative, numPositive:
	default:
		return types.Null, errCorruptKey()
	}
	saved := r.mask
	if class == numNegative {
		r.mask = ^r.mask
	}
	defer func() { r.mask = saved }()
	exp := int(r.uint(3)) - exponentBias
	var tmp [48]byte
	text := tmp[:0]
	if class == numNegative {
		text = append(text, '-')
	}
	text = append(text, '.')
	first := len(text)
	for {
		c := r.byte()
		if c > 100 || r.bad {
			return types.Null, errCorruptKey()
		}
		if c == 0 {
			break
		}
		text = append(text, '0'+(c-1)/10, '0'+(c-1)%10)
	}
	if len(text) == first {
		return types.Null, errCorruptKey()
	}
	if text[len(text)-1] == '0' {
		text = text[:len(text)-1]
	}
	text = strconv.AppendInt(append(text, 'e'), int64(exp), 10)
	d, err := types.ParseNumeric(string(text))
	if err != nil {
		return types.Null, errCorruptKey()
	}
	return d, nil
}
