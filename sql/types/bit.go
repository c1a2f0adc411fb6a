package types

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// A Datum of bit or varbit is bytes in PostgreSQL's order of bit strings, which is that of their digits, a string before
// its continuations; so comparing, hashing and keys need not know the type. Seven digits take a byte, the last digit's
// neighbour being 1:
//
//	every full seven:  d6 d5 d4 d3 d2 d1 d0 1
//	what is left, n digits (0 < n < 7), padded with zeros:  d6 … 0, and another byte, n
//
// A shorter string that is a prefix of another has fewer bytes, or a 0 where the other has 1, or the lower count.

const maxBits = math.MaxInt32

// NewBits returns the bit string with the digits '0' and '1'.
func NewBits(digits []byte) Datum {
	buf := make([]byte, 0, len(digits)/7+2)
	for len(digits) >= 7 {
		b := byte(0)
		for _, c := range digits[:7] {
			b = b<<1 | c&1
		}
		buf, digits = append(buf, b<<1|1), digits[7:]
	}
	if n := len(digits); n > 0 {
		b := byte(0)
		for _, c := range digits {
			b = b<<1 | c&1
		}
		buf = append(buf, b<<(8-n), byte(n))
	}
	return NewBytes(buf)
}

// BitCount returns the number of digits of a bit string.
func (d Datum) BitCount() int { return countBits(d.Str()) }

func countBits(s string) int {
	if n := len(s); n >= 2 && s[n-2]&1 == 0 {
		return (n-2)*7 + int(s[n-1])
	}
	return len(s) * 7
}

// Bits returns the digits of a bit string, '0' and '1'.
func (d Datum) Bits() []byte { return appendBits(nil, d.Str()) }

func appendBits(buf []byte, s string) []byte {
	for n, i := countBits(s), 0; i < n; i++ {
		buf = append(buf, '0'|s[i/7]>>(7-i%7)&1)
	}
	return buf
}

// parseBits is bit_in and varbit_in: binary digits, perhaps with a B in front, or hexadecimal ones after an X.
func parseBits(t Type, s string) (Datum, error) {
	digits, hexadecimal := s, false
	if s != "" {
		switch s[0] | 0x20 {
		case 'b':
			digits = s[1:]
		case 'x':
			digits, hexadecimal = s[1:], true
		}
	}
	n := len(digits)
	if hexadecimal {
		n *= 4
	}
	if n > maxBits {
		return Null, pgerr.New(pgerr.ProgramLimitExceeded, "bit string length exceeds the maximum allowed (%d)", maxBits)
	}
	if err := checkBitLength(t, n); err != nil {
		return Null, err
	}
	if hexadecimal {
		return parseHexBits(digits)
	}
	for i := range len(digits) {
		if digits[i]&^1 != '0' {
			return Null, pgerr.New(pgerr.InvalidTextRepresentation, "\"%s\" is not a valid binary digit", charAt(digits, i))
		}
	}
	return NewBits([]byte(digits)), nil
}

func parseHexBits(digits string) (Datum, error) {
	bits := make([]byte, 0, 4*len(digits))
	for i := range len(digits) {
		v, ok := hexDigit(digits[i])
		if !ok {
			return Null, pgerr.New(pgerr.InvalidTextRepresentation, "\"%s\" is not a valid hexadecimal digit", charAt(digits, i))
		}
		bits = append(bits, v>>3, v>>2&1, v>>1&1, v&1)
	}
	return NewBits(bits), nil
}

// charAt is the whole character that begins at s[i].
func charAt(s string, i int) string {
	for _, r := range s[i:] {
		return string(r)
	}
	return ""
}

// checkBitLength checks the length of an input against the modifier.
func checkBitLength(t Type, n int) error {
	switch {
	case t.Mod < 0:
	case t.Oid == BitOid && n != int(t.Mod):
		return pgerr.New(pgerr.StringDataLengthMismatch, "bit string length %d does not match type bit(%d)", n, t.Mod)
	case t.Oid == VarbitOid && n > int(t.Mod):
		return pgerr.New(pgerr.StringDataRightTruncation, "bit string too long for type bit varying(%d)", t.Mod)
	}
	return nil
}

// applyBitMod makes a bit string fit: an explicit cast cuts it or fills it with zeros, others refuse it.
func applyBitMod(d Datum, t Type, explicit bool) (Datum, error) {
	n, want := d.BitCount(), int(t.Mod)
	if n == want || t.Oid == VarbitOid && n < want {
		return d, nil
	}
	if !explicit {
		return Null, checkBitLength(t, n)
	}
	bits := d.Bits()
	if n > want {
		return NewBits(bits[:want]), nil
	}
	return NewBits(append(bits, strings.Repeat("0", want-n)...)), nil
}

// intToBits is the low-order digits of a number of so many bits, or its sign repeated above.
func intToBits(n int64, mod int32) Datum {
	bits := make([]byte, max(mod, 1))
	for i := range bits {
		bits[i] = byte(n>>min(len(bits)-1-i, 63)) & 1
	}
	return NewBits(bits)
}

// bitsToInt reads a bit string as an int4 or int8.
func bitsToInt(d Datum, to Oid) (Datum, error) {
	name, size := "integer", 32
	if to == Int8Oid {
		name, size = "bigint", 64
	}
	bits := d.Bits()
	if len(bits) > size {
		return Null, pgerr.New(pgerr.NumericValueOutOfRange, "%s out of range", name)
	}
	var n uint64
	for _, b := range bits {
		n = n<<1 | uint64(b&1)
	}
	if to == Int4Oid {
		return NewInt(int64(int32(n))), nil
	}
	return NewInt(int64(n)), nil
}

func appendBinaryBits(buf []byte, s string) []byte {
	n := countBits(s)
	buf = binary.BigEndian.AppendUint32(buf, uint32(n))
	start := len(buf)
	for i, c := range appendBits(nil, s) {
		if i%8 == 0 {
			buf = append(buf, 0)
		}
		buf[start+i/8] |= c & 1 << (7 - i%8)
	}
	return buf
}

func parseBinaryBits(t Type, b []byte) (Datum, error) {
	if len(b) < 4 {
		return Null, errBinaryShort()
	}
	n := int(int32(binary.BigEndian.Uint32(b)))
	if n < 0 {
		return Null, pgerr.New(pgerr.InvalidBinaryRepresentation, "invalid length in external bit string")
	}
	if err := checkBitLength(t, n); err != nil {
		return Null, err
	}
	b = b[4:]
	if len(b) != (n+7)/8 {
		return Null, binaryLength(b, (n+7)/8)
	}
	bits := make([]byte, n)
	for i := range bits {
		bits[i] = b[i/8] >> (7 - i%8) & 1
	}
	return NewBits(bits), nil
}
