package expr

import (
	"bytes"
	"cmp"
	"math"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Bit strings are worked on digit by digit: types.Datum.Bits gives them as '0' and '1', types.NewBits packs them.

func zeroBits(n int) []byte { return bytes.Repeat([]byte{'0'}, n) }

// bitLogic makes AND, OR or XOR of two bit strings of a length.
func bitLogic(name string, f func(a, b byte) byte) impl {
	return impl{f2: func(_ *Call, a, b types.Datum) (types.Datum, error) { return combineBits(name, f, a, b) }}
}

func combineBits(name string, f func(a, b byte) byte, a, b types.Datum) (types.Datum, error) {
	x, y := a.Bits(), b.Bits()
	if len(x) != len(y) {
		return types.Null, pgerr.New(pgerr.StringDataLengthMismatch, "cannot %s bit strings of different sizes", name)
	}
	for i := range x {
		x[i] = f(x[i], y[i])
	}
	return types.NewBits(x), nil
}

func xorByte(a, b byte) byte { return a ^ b }

func bitNot(_ *Call, a types.Datum) (types.Datum, error) {
	x := a.Bits()
	for i := range x {
		x[i] ^= 1
	}
	return types.NewBits(x), nil
}

// bitShift makes << (sign 1) or >> (sign -1), which keep the length.
func bitShift(sign int64) impl {
	return impl{f2: func(_ *Call, a, by types.Datum) (types.Datum, error) {
		x := a.Bits()
		size := int64(len(x))
		n := min(max(sign*by.Int(), -size), size)
		if n >= 0 {
			return types.NewBits(append(x[n:], zeroBits(int(n))...)), nil
		}
		return types.NewBits(append(zeroBits(int(-n)), x[:size+n]...)), nil
	}}
}

// cutBits is the digits of a substring from a position that counts from 1; length -1 means to the end.
func cutBits(x []byte, from, length int64) []byte {
	end := int64(len(x)) + 1
	if length >= 0 && from+length <= math.MaxInt32 {
		end = min(end, from+length)
	}
	if from = max(from, 1); from > int64(len(x)) || end <= from {
		return nil
	}
	return x[from-1 : end-1]
}

func bitSubstring(_ *Call, a []types.Datum) (types.Datum, error) {
	length := int64(-1)
	if len(a) == 3 {
		if length = a[2].Int(); length < 0 {
			return types.Null, pgerr.New(pgerr.SubstringError, "negative substring length not allowed")
		}
	}
	return types.NewBits(cutBits(a[0].Bits(), a[1].Int(), length)), nil
}

func bitOverlay(_ *Call, a []types.Datum) (types.Datum, error) {
	x, y, at := a[0].Bits(), a[1].Bits(), a[2].Int()
	length := int64(len(y))
	if len(a) == 4 {
		length = a[3].Int()
	}
	switch {
	case at <= 0:
		return types.Null, pgerr.New(pgerr.SubstringError, "negative substring length not allowed")
	case at+length > math.MaxInt32:
		return types.Null, pgerr.New(pgerr.NumericValueOutOfRange, "integer out of range")
	}
	out := append([]byte(nil), cutBits(x, 1, at-1)...)
	return types.NewBits(append(append(out, y...), cutBits(x, at+length, -1)...)), nil
}

func bitPosition(_ *Call, str, sub types.Datum) (types.Datum, error) {
	x := str.Bits()
	if len(x) == 0 {
		return types.NewInt(0), nil
	}
	return types.NewInt(int64(bytes.Index(x, sub.Bits()) + 1)), nil
}

func bitAt(x []byte, n int64) error {
	if n < 0 || n >= int64(len(x)) {
		return pgerr.New(pgerr.ArraySubscriptError, "bit index %d out of valid range (0..%d)", n, len(x)-1)
	}
	return nil
}

func bitGet(_ *Call, a, n types.Datum) (types.Datum, error) {
	x := a.Bits()
	if err := bitAt(x, n.Int()); err != nil {
		return types.Null, err
	}
	return types.NewInt(int64(x[n.Int()] & 1)), nil
}

func bitSet(_ *Call, a []types.Datum) (types.Datum, error) {
	x, n, v := a[0].Bits(), a[1].Int(), a[2].Int()
	if err := bitAt(x, n); err != nil {
		return types.Null, err
	}
	if v != 0 && v != 1 {
		return types.Null, pgerr.New(pgerr.InvalidParameterValue, "new bit must be 0 or 1")
	}
	x[n] = byte(v)
	return types.NewBits(x), nil
}

// bitFit is the length coercion that a cast calls.
// maxBits is the length that bit(n) may have at most; beyond it the functions bit and varbit leave their argument alone.
const maxBits = math.MaxInt32 - 7

func bitFit(c *Call, a []types.Datum) (types.Datum, error) {
	ctx := types.Assignment
	if a[2].Bool() {
		ctx = types.Explicit
	}
	if n := a[1].Int(); n <= 0 || n > maxBits {
		return a[0], nil
	}
	return types.Cast(a[0], types.T(c.Fn.Result), types.Type{Oid: c.Fn.Result, Mod: int32(a[1].Int())}, ctx, c.IO())
}

func bitFromInt(c *Call, n, length types.Datum) (types.Datum, error) {
	return types.Cast(n, types.T(c.Fn.Args[0]), types.Type{Oid: types.BitOid, Mod: max(int32(length.Int()), 1)}, types.Explicit, c.IO())
}

func bitLength(unit int64) impl {
	return impl{f1: func(_ *Call, a types.Datum) (types.Datum, error) {
		return types.NewInt((int64(a.BitCount()) + unit - 1) / unit), nil
	}}
}

// bitCompare is the difference of the first bytes that are not equal, as memcmp has it, and otherwise what the lengths say.
func bitCompare(_ *Call, a, b types.Datum) (types.Datum, error) {
	x, y := packBits(a.Bits()), packBits(b.Bits())
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return types.NewInt(int64(x[i]) - int64(y[i])), nil
		}
	}
	return types.NewInt(int64(cmp.Compare(a.BitCount(), b.BitCount()))), nil
}

// packBits puts eight digits into a byte.
func packBits(digits []byte) []byte {
	out := make([]byte, (len(digits)+7)/8)
	for i, d := range digits {
		out[i/8] |= (d & 1) << (7 - i%8)
	}
	return out
}

// bitsAcc is bit_and, bit_or and bit_xor of bit strings.
type bitsAcc struct {
	op    string // as errors name it
	f     func(a, b byte) byte
	value types.Datum
}

func (a *bitsAcc) add(_ *EvalContext, args []types.Datum) (err error) {
	switch {
	case args[0].IsNull():
	case a.value.IsNull():
		a.value = args[0]
	default:
		a.value, err = combineBits(a.op, a.f, a.value, args[0])
	}
	return err
}

func (a *bitsAcc) merge(ctx *EvalContext, other accumulator) error {
	return a.add(ctx, []types.Datum{other.(*bitsAcc).value})
}

func (a *bitsAcc) result(*EvalContext) (types.Datum, error) { return a.value, nil }

func (a *bitsAcc) size() int64 { return 64 + int64(len(a.value.Str())) }

func newBitsAcc(aggregate string) accumulator {
	switch aggregate {
	case "bit_and":
		return &bitsAcc{op: "AND", f: andByte}
	case "bit_or":
		return &bitsAcc{op: "OR", f: orByte}
	}
	return &bitsAcc{op: "XOR", f: xorByte}
}

var bitImpls = map[string]impl{
	"bit_and": bitLogic("AND", andByte), "bit_or": bitLogic("OR", orByte), "bitxor": bitLogic("XOR", xorByte),
	"bitnot": {f1: bitNot}, "bitshiftleft": bitShift(1), "bitshiftright": bitShift(-1),
	"bitcat": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		return types.NewBits(append(a.Bits(), b.Bits()...)), nil
	}},
	"bitsubstr": {fn: bitSubstring}, "bitsubstr_no_len": {fn: bitSubstring},
	"bitoverlay": {fn: bitOverlay}, "bitoverlay_no_len": {fn: bitOverlay},
	"bitposition": {f2: bitPosition}, "bitgetbit": {f2: bitGet}, "bitsetbit": {fn: bitSet},
	"bitlength": bitLength(1), "bit_length(bit)": bitLength(1), "bitoctetlength": bitLength(8),
	"bitcmp": {f2: bitCompare}, "bit": {fn: bitFit}, "varbit": {fn: bitFit},
	"bitfromint4": {f2: bitFromInt}, "bitfromint8": {f2: bitFromInt},
	"bit_bit_count": {f1: func(_ *Call, a types.Datum) (types.Datum, error) {
		return types.NewInt(int64(bytes.Count(a.Bits(), []byte{'1'}))), nil
	}},
}
