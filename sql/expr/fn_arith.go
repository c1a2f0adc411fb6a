package expr

import (
	"math"
	"math/bits"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

var (
	errDivZero       = pgerr.New(pgerr.DivisionByZero, "division by zero")
	errFloatOverflow = pgerr.New(pgerr.NumericValueOutOfRange, "value out of range: overflow")
	errFloatUnder    = pgerr.New(pgerr.NumericValueOutOfRange, "value out of range: underflow")
	errSmallint      = pgerr.New(pgerr.NumericValueOutOfRange, "smallint out of range")
	errInteger       = pgerr.New(pgerr.NumericValueOutOfRange, "integer out of range")
	errBigint        = pgerr.New(pgerr.NumericValueOutOfRange, "bigint out of range")
)

// intLimits are the bounds of an integer type and the error beyond them.
func intLimits(t types.Oid) (lo, hi int64, err error) {
	switch t {
	case types.Int2Oid:
		return math.MinInt16, math.MaxInt16, errSmallint
	case types.Int4Oid:
		return math.MinInt32, math.MaxInt32, errInteger
	}
	return math.MinInt64, math.MaxInt64, errBigint
}

// arithmetic serves + - * / of integers and floats of all widths: int4pl, int48mi, float84div and so on.
func arithmetic(src string, ret types.Oid) *impl {
	for _, prefix := range [...]string{"int", "float"} {
		rest, ok := strings.CutPrefix(src, prefix)
		if !ok {
			continue
		}
		op := strings.TrimLeft(rest, "248")
		if op == rest || len(rest)-len(op) > 2 {
			continue
		}
		if prefix == "int" && ret.Kind() == types.KInt {
			return intArith(op, ret)
		}
		if prefix == "float" && ret.Kind() == types.KFloat {
			return floatArith(op, ret)
		}
	}
	return nil
}

func intArith(op string, ret types.Oid) *impl {
	lo, hi, oor := intLimits(ret)
	var f func(a, b int64) (int64, bool)
	switch op {
	case "pl":
		f = addInt
	case "mi":
		f = subInt
	case "mul":
		f = mulInt
	case "div":
		return intDiv(hi, oor)
	case "mod":
		return binaryInt(func(a, b int64) (int64, error) {
			if b == 0 {
				return 0, errDivZero
			}
			if b == -1 {
				return 0, nil
			}
			return a % b, nil
		})
	case "and":
		return binaryInt(func(a, b int64) (int64, error) { return a & b, nil })
	case "or":
		return binaryInt(func(a, b int64) (int64, error) { return a | b, nil })
	case "xor":
		return binaryInt(func(a, b int64) (int64, error) { return a ^ b, nil })
	default:
		return intUnary(op, lo, hi, oor, ret)
	}
	return &impl{
		kernel: intKernel(f, lo, hi, oor),
		f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
			r, ok := f(a.Int(), b.Int())
			if !ok || r < lo || r > hi {
				return types.Null, oor
			}
			return types.NewInt(r), nil
		},
	}
}

func intUnary(op string, lo, hi int64, oor error, ret types.Oid) *impl {
	width := uint64(bits.Len64(uint64(hi))) + 1
	switch op {
	case "um":
		return &impl{f1: func(_ *Call, a types.Datum) (types.Datum, error) {
			if a.Int() == lo {
				return types.Null, oor
			}
			return types.NewInt(-a.Int()), nil
		}}
	case "abs":
		return &impl{f1: func(_ *Call, a types.Datum) (types.Datum, error) {
			if a.Int() == lo {
				return types.Null, oor
			}
			return types.NewInt(max(a.Int(), -a.Int())), nil
		}}
	case "up":
		return &impl{f1: func(_ *Call, a types.Datum) (types.Datum, error) { return a, nil }}
	case "not":
		return &impl{f1: func(_ *Call, a types.Datum) (types.Datum, error) { return types.NewInt(^a.Int()), nil }}
	case "shl":
		return binaryInt(func(a, b int64) (int64, error) {
			n := uint64(b) & (width - 1)
			if ret == types.Int2Oid {
				return int64(int16(a << (uint64(b) & 31))), nil
			}
			if ret == types.Int4Oid {
				return int64(int32(a << n)), nil
			}
			return a << n, nil
		})
	case "shr":
		return binaryInt(func(a, b int64) (int64, error) { return a >> (uint64(b) & (max(width, 32) - 1)), nil })
	}
	return nil
}

func binaryInt(f func(a, b int64) (int64, error)) *impl {
	return &impl{f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		r, err := f(a.Int(), b.Int())
		return types.NewInt(r), err
	}}
}

func intDiv(hi int64, oor error) *impl {
	div := func(a, b int64) (int64, error) {
		if b == 0 {
			return 0, errDivZero
		}
		if b == -1 {
			if a < -hi {
				return 0, oor
			}
			return -a, nil
		}
		return a / b, nil
	}
	return binaryInt(div)
}

func addInt(a, b int64) (int64, bool) {
	c := a + b
	return c, (c > a) == (b > 0)
}

func subInt(a, b int64) (int64, bool) {
	c := a - b
	return c, (c < a) == (b > 0)
}

func mulInt(a, b int64) (int64, bool) {
	if a == 0 || b == 0 {
		return 0, true
	}
	c := a * b
	if (c < 0) == ((a < 0) != (b < 0)) && c/b == a {
		return c, true
	}
	return 0, false
}

// intKernel checks each result against the bounds; the values under NULLs are not looked at.
func intKernel(f func(a, b int64) (int64, bool), lo, hi int64, oor error) kernel {
	return func(args []*types.Vec, sel []int32, n int, out *types.Vec) error {
		a, b, o := args[0].I, args[1].I, out.I
		if sel == nil && len(out.Nulls) == 0 {
			for i := range n {
				r, ok := f(a[i], b[i])
				if !ok || r < lo || r > hi {
					return oor
				}
				o[i] = r
			}
			return nil
		}
		var bad error
		each(sel, n, func(i int32) {
			if out.Nulls.Has(int(i)) {
				o[i] = 0
				return
			}
			r, ok := f(a[i], b[i])
			if !ok || r < lo || r > hi {
				bad = oor
			}
			o[i] = r
		})
		return bad
	}
}

func floatArith(op string, ret types.Oid) *impl {
	single := ret == types.Float4Oid
	var f func(a, b float64) (float64, error)
	switch op {
	case "pl":
		f = func(a, b float64) (float64, error) { return checkFloat(a+b, single, infs(a, b), true) }
	case "mi":
		f = func(a, b float64) (float64, error) { return checkFloat(a-b, single, infs(a, b), true) }
	case "mul":
		f = func(a, b float64) (float64, error) { return checkFloat(a*b, single, infs(a, b), a == 0 || b == 0) }
	case "div":
		f = func(a, b float64) (float64, error) {
			if b == 0 && !math.IsNaN(a) {
				return 0, errDivZero
			}
			return checkFloat(a/b, single, math.IsInf(a, 0), a == 0 || math.IsInf(b, 0))
		}
	case "um":
		return &impl{f1: func(_ *Call, a types.Datum) (types.Datum, error) { return types.NewFloat(-a.Float()), nil }}
	case "up":
		return &impl{f1: func(_ *Call, a types.Datum) (types.Datum, error) { return a, nil }}
	case "abs":
		return &impl{f1: func(_ *Call, a types.Datum) (types.Datum, error) { return types.NewFloat(math.Abs(a.Float())), nil }}
	default:
		return nil
	}
	return &impl{
		f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
			r, err := f(a.Float(), b.Float())
			return types.NewFloat(r), err
		},
		kernel: func(args []*types.Vec, sel []int32, n int, out *types.Vec) error {
			var bad error
			a, b := args[0].F, args[1].F
			each(sel, n, func(i int32) {
				if out.Nulls.Has(int(i)) {
					out.F[i] = 0
					return
				}
				r, err := f(a[i], b[i])
				if err != nil {
					bad = err
				}
				out.F[i] = r
			})
			return bad
		},
	}
}

func infs(a, b float64) bool { return math.IsInf(a, 0) || math.IsInf(b, 0) }

// checkFloat rounds to single precision where that is the type, and refuses results that became infinite or zero.
func checkFloat(r float64, single, infOK, zeroOK bool) (float64, error) {
	if single {
		r = float64(float32(r))
	}
	if math.IsInf(r, 0) && !infOK {
		return 0, errFloatOverflow
	}
	if r == 0 && !zeroOK {
		return 0, errFloatUnder
	}
	return r, nil
}
