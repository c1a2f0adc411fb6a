package expr

import (
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/cockroachdb/apd/v3"

	"github.com/pgmqdb/pgmqdb/sql/libm"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Adapters from plain functions to implementations.

func float1(f func(float64) (float64, error)) impl {
	return impl{f1: func(_ *Call, a types.Datum) (types.Datum, error) {
		r, err := f(a.Float())
		return types.NewFloat(r), err
	}}
}

func floatPlain(f func(float64) float64) impl {
	return float1(func(x float64) (float64, error) { return f(x), nil })
}

func num1(f func(types.Datum) types.Datum) impl {
	return impl{f1: func(_ *Call, a types.Datum) (types.Datum, error) { return f(a), nil }}
}

func num2(f func(a, b types.Datum) (types.Datum, error)) impl {
	return impl{f2: func(_ *Call, a, b types.Datum) (types.Datum, error) { return f(a, b) }}
}

// longNumeric is the size of a numeric's digits, in bits, from which on a product or quotient is worth interrupting.
const longNumeric = 64 << 10

// product2 is a function of two numerics whose time grows faster than their length.
func product2(f func(a, b types.Datum) (types.Datum, error)) impl {
	return impl{f2: func(c *Call, a, b types.Datum) (types.Datum, error) {
		if types.NumericBits(a) < longNumeric && types.NumericBits(b) < longNumeric {
			return f(a, b)
		}
		return slowly(c, func() (types.Datum, error) { return f(a, b) })
	}}
}

var (
	errLogZero = pgerr.New(pgerr.InvalidArgumentForLogarithm, "cannot take logarithm of zero")
	errLogNeg  = pgerr.New(pgerr.InvalidArgumentForLogarithm, "cannot take logarithm of a negative number")
	errSqrtNeg = pgerr.New(pgerr.InvalidArgumentForPowerFunction, "cannot take square root of a negative number")
	errInput   = pgerr.New(pgerr.NumericValueOutOfRange, "input is out of range")
)

func logOf(f func(float64) float64) impl {
	return float1(func(x float64) (float64, error) {
		switch {
		case x == 0:
			return 0, errLogZero
		case x < 0:
			return 0, errLogNeg
		}
		return f(x), nil
	})
}

func finiteOnly(f func(float64) float64) impl {
	return float1(func(x float64) (float64, error) {
		if math.IsInf(x, 0) {
			return 0, errInput
		}
		return f(x), nil
	})
}

func within1(f func(float64) float64) impl {
	return float1(func(x float64) (float64, error) {
		if x < -1 || x > 1 {
			return 0, errInput
		}
		return f(x), nil
	})
}

func powFloat(x, y float64) (float64, error) {
	switch {
	case x == 0 && y < 0:
		return 0, pgerr.New(pgerr.InvalidArgumentForPowerFunction, "zero raised to a negative power is undefined")
	case x < 0 && y != math.Floor(y) && !math.IsNaN(y):
		return 0, pgerr.New(pgerr.InvalidArgumentForPowerFunction, "a negative number raised to a non-integer power yields a complex result")
	}
	return checkFloat(libm.Pow(x, y), false, infs(x, y), true)
}

func gcd(a, b int64) int64 {
	for b != 0 {
		if b == -1 {
			return 1
		}
		a, b = b, a%b
	}
	return a
}

func intGCD(t types.Oid) impl {
	lo, _, oor := intLimits(t)
	return *binaryInt(func(a, b int64) (int64, error) {
		g := gcd(a, b)
		if g == lo {
			return 0, oor
		}
		return max(g, -g), nil
	})
}

func intLCM(t types.Oid) impl {
	lo, hi, oor := intLimits(t)
	return *binaryInt(func(a, b int64) (int64, error) {
		if a == 0 || b == 0 {
			return 0, nil
		}
		r, ok := mulInt(a/gcd(a, b), b)
		if !ok || r == lo || r > hi || r < lo {
			return 0, oor
		}
		return max(r, -r), nil
	})
}

func numericScaleArg(f func(types.Datum, int32) (types.Datum, error)) impl {
	return impl{fn: func(_ *Call, a []types.Datum) (types.Datum, error) {
		scale := int32(0)
		if len(a) > 1 {
			scale = int32(a[1].Int())
		}
		return f(a[0], scale)
	}}
}

var mathImpls = map[string]impl{
	"numeric_add":        num2(types.NumericAdd),
	"numeric_sub":        num2(types.NumericSub),
	"numeric_mul":        product2(types.NumericMul),
	"numeric_div":        product2(types.NumericDiv),
	"numeric_mod":        product2(types.NumericRem),
	"numeric_uminus":     num1(types.NumericNeg),
	"numeric_uplus":      num1(func(d types.Datum) types.Datum { return d }),
	"numeric_abs":        num1(types.NumericAbs),
	"numeric_sign":       num1(types.NumericSign),
	"numeric_ceil":       num1(types.NumericCeil),
	"numeric_floor":      num1(types.NumericFloor),
	"numeric_round":      numericScaleArg(types.NumericRound),
	"round(numeric)":     numericScaleArg(types.NumericRound),
	"numeric_trunc":      numericScaleArg(types.NumericTrunc),
	"trunc(numeric)":     numericScaleArg(types.NumericTrunc),
	"numeric_sqrt":       slow1(types.NumericSqrt),
	"numeric_exp":        slow1(types.NumericExp),
	"numeric_ln":         slow1(types.NumericLn),
	"numeric_log":        slow2(types.NumericLog),
	"log(numeric)":       slow1(func(d types.Datum) (types.Datum, error) { return types.NumericLog(types.NumericFromInt(10), d) }),
	"log10(numeric)":     slow1(func(d types.Datum) (types.Datum, error) { return types.NumericLog(types.NumericFromInt(10), d) }),
	"numeric_power":      slow2(types.NumericPower),
	"numeric_div_trunc":  product2(types.NumericDivTrunc),
	"numeric_trim_scale": num1(types.NumericTrimScale),
	"numeric_scale": {f1: func(_ *Call, a types.Datum) (types.Datum, error) {
		if notFinite(a) {
			return types.Null, nil
		}
		return types.NewInt(int64(types.NumericScale(a))), nil
	}},
	"numeric_min_scale": {f1: func(_ *Call, a types.Datum) (types.Datum, error) {
		if notFinite(a) {
			return types.Null, nil
		}
		return types.NewInt(int64(types.NumericScale(types.NumericTrimScale(a)))), nil
	}},
	"numeric_fac": {f1: func(c *Call, a types.Datum) (types.Datum, error) { return factorial(c, a.Int()) }},
	"numeric_inc": {f1: func(_ *Call, a types.Datum) (types.Datum, error) { return types.NumericAdd(a, types.NumericFromInt(1)) }},
	"numeric_gcd": {f2: numericGCD},
	"numeric_lcm": {f2: func(c *Call, a, b types.Datum) (types.Datum, error) {
		g, err := numericGCD(c, a, b)
		if err != nil || types.NumericIsNaN(g) || types.NumericCompare(g, types.NumericFromInt(0)) == 0 {
			return g, err
		}
		q, err := types.NumericDivTrunc(a, g)
		if err != nil {
			return q, err
		}
		m, err := types.NumericMul(q, b)
		if err != nil {
			return m, err
		}
		return types.NumericRound(types.NumericAbs(m), types.NumericScale(g))
	}},
	"width_bucket_numeric": {fn: widthBucketNumeric},
	"width_bucket_float8": {fn: func(_ *Call, a []types.Datum) (types.Datum, error) {
		return widthBucket(a[0].Float(), a[1].Float(), a[2].Float(), a[3].Int())
	}},

	"dceil":  floatPlain(math.Ceil),
	"dfloor": floatPlain(math.Floor),
	"dround": floatPlain(math.RoundToEven),
	"dtrunc": floatPlain(math.Trunc),
	"dsign": floatPlain(func(x float64) float64 {
		if math.IsNaN(x) {
			return 0
		}
		return float64(types.CompareFloat(x, 0))
	}),
	"dsqrt": float1(func(x float64) (float64, error) {
		if x < 0 {
			return 0, errSqrtNeg
		}
		return math.Sqrt(x), nil
	}),
	"dcbrt": floatPlain(libm.Cbrt),
	"dpow": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		r, err := powFloat(a.Float(), b.Float())
		return types.NewFloat(r), err
	}},
	"dexp": float1(func(x float64) (float64, error) {
		return checkFloat(libm.Exp(x), false, math.IsInf(x, 0), math.IsInf(x, 0))
	}),
	"dlog1":  logOf(libm.Log),
	"dlog10": logOf(libm.Log10),
	"dsin":   finiteOnly(libm.Sin),
	"dcos":   finiteOnly(libm.Cos),
	"dtan":   finiteOnly(libm.Tan),
	"dcot":   finiteOnly(func(x float64) float64 { return 1 / libm.Tan(x) }),
	"dasin":  within1(libm.Asin),
	"dacos":  within1(libm.Acos),
	"datan":  floatPlain(libm.Atan),
	"dsinh":  floatPlain(libm.Sinh),
	"dcosh":  floatPlain(libm.Cosh),
	"dtanh":  floatPlain(libm.Tanh),
	"dasinh": floatPlain(libm.Asinh),
	"dacosh": float1(func(x float64) (float64, error) {
		if x < 1 {
			return 0, errInput
		}
		return libm.Acosh(x), nil
	}),
	"datanh": within1(libm.Atanh),
	"dsind":  finiteOnly(sind), "dcosd": finiteOnly(cosd), "dtand": finiteOnly(tand), "dcotd": finiteOnly(cotd),
	"dasind": within1(asind), "dacosd": within1(acosd), "datand": floatPlain(atand),
	"datan2d": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		return types.NewFloat(libm.Atan2(a.Float(), b.Float()) / atanOne * 45), nil
	}},
	"degrees": floatPlain(func(x float64) float64 { return x / (math.Pi / 180) }),
	"radians": floatPlain(func(x float64) float64 { return x * (math.Pi / 180) }),
	"datan2": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		return types.NewFloat(libm.Atan2(a.Float(), b.Float())), nil
	}},
	"dpi":     {f0: func(*Call) (types.Datum, error) { return types.NewFloat(math.Pi), nil }},
	"drandom": {f0: func(*Call) (types.Datum, error) { return types.NewFloat(rand.Float64()), nil }},
	"setseed": {f1: func(_ *Call, a types.Datum) (types.Datum, error) {
		if s := a.Float(); !(s >= -1 && s <= 1) {
			return types.Null, pgerr.New(pgerr.InvalidParameterValue, "setseed parameter %s is out of allowed range [-1,1]",
				strconv.FormatFloat(s, 'g', 6, 64))
		}
		return types.NewString(""), nil
	}},
	"int4gcd": intGCD(types.Int4Oid),
	"int8gcd": intGCD(types.Int8Oid),
	"int4lcm": intLCM(types.Int4Oid),
	"int8lcm": intLCM(types.Int8Oid),
}

func notFinite(d types.Datum) bool {
	return types.NumericIsNaN(d) || types.NumericIsInf(d, 1) || types.NumericIsInf(d, -1)
}

// slow1 is a function of a numeric that takes long for many digits.
func slow1(f func(types.Datum) (types.Datum, error)) impl {
	return impl{f1: func(c *Call, a types.Datum) (types.Datum, error) {
		return slowly(c, func() (types.Datum, error) { return f(a) })
	}}
}

func slow2(f func(a, b types.Datum) (types.Datum, error)) impl {
	return impl{f2: func(c *Call, a, b types.Datum) (types.Datum, error) {
		return slowly(c, func() (types.Datum, error) { return f(a, b) })
	}}
}

// slowly computes what cannot be stopped, but need not be waited for.
func slowly(c *Call, f func() (types.Datum, error)) (types.Datum, error) {
	type result struct {
		d   types.Datum
		err error
	}
	r, err := interruptible(c, longText, func() result {
		d, err := f()
		return result{d, err}
	})
	if err != nil {
		return types.Null, err
	}
	return r.d, r.err
}

func factorial(c *Call, n int64) (types.Datum, error) {
	if n < 0 {
		return types.Null, pgerr.New(pgerr.NumericValueOutOfRange, "factorial of a negative number is undefined")
	}
	if n > 32177 {
		return types.Null, pgerr.New(pgerr.NumericValueOutOfRange, "value overflows numeric format")
	}
	var x, k apd.BigInt
	x.SetInt64(1)
	for i := int64(2); i <= n; i++ {
		if i%256 == 0 {
			if err := c.cancelled(); err != nil {
				return types.Null, err
			}
		}
		x.Mul(&x, k.SetInt64(i))
	}
	return types.NewNumeric(apd.NewWithBigInt(&x, 0)), nil
}

// numericGCD is Euclid's algorithm. What is not finite has no divisor: the result is NaN.
func numericGCD(c *Call, a, b types.Datum) (types.Datum, error) {
	if notFinite(a) || notFinite(b) {
		return types.NumericNaN(), nil
	}
	scale := max(types.NumericScale(a), types.NumericScale(b))
	zero := types.NumericFromInt(0)
	for types.NumericCompare(b, zero) != 0 {
		if err := c.cancelled(); err != nil { // numbers of 100,000 digits take long
			return types.Null, err
		}
		r, err := types.NumericRem(a, b)
		if err != nil {
			return r, err
		}
		a, b = b, r
	}
	return types.NumericRound(types.NumericAbs(a), scale)
}

func bucketArgs(x, lo, hi float64, count int64) error {
	switch {
	case count <= 0:
		return pgerr.New(pgerr.InvalidArgumentForWidthBucketFunction, "count must be greater than zero")
	case math.IsNaN(x) || math.IsNaN(lo) || math.IsNaN(hi):
		return pgerr.New(pgerr.InvalidArgumentForWidthBucketFunction, "operand, lower bound, and upper bound cannot be NaN")
	case math.IsInf(lo, 0) || math.IsInf(hi, 0):
		return pgerr.New(pgerr.InvalidArgumentForWidthBucketFunction, "lower and upper bounds must be finite")
	case lo == hi:
		return pgerr.New(pgerr.InvalidArgumentForWidthBucketFunction, "lower bound cannot equal upper bound")
	}
	return nil
}

func widthBucket(x, lo, hi float64, count int64) (types.Datum, error) {
	if err := bucketArgs(x, lo, hi, count); err != nil {
		return types.Null, err
	}
	flip := lo > hi
	if flip {
		x, lo, hi = -x, -lo, -hi
	}
	switch {
	case x < lo:
		return types.NewInt(0), nil
	case x >= hi && count == math.MaxInt32:
		return types.Null, errInteger
	case x >= hi:
		return types.NewInt(count + 1), nil
	}
	return types.NewInt(min(int64(float64(count)*(x-lo)/(hi-lo))+1, count)), nil
}

func widthBucketNumeric(_ *Call, a []types.Datum) (types.Datum, error) {
	var f [3]float64
	for i := range f {
		x, err := types.NumericToFloat(a[i])
		if err != nil {
			return types.Null, err
		}
		f[i] = x
	}
	return widthBucket(f[0], f[1], f[2], a[3].Int())
}
