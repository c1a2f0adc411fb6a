package types

import (
	"math"

	"github.com/cockroachdb/apd/v3"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// Roots, powers and logarithms. They follow one pattern: estimate the decimal
// weight of the result with float64, choose the scale so that 16 significant
// digits appear, compute with guard digits, round.

const (
	log10E = 0.434294481903252
	// maxExpArg bounds the argument of exp: beyond it the result over- or underflows.
	maxExpArg = numericMaxResultScale * 3
	// guardDigits are computed beyond the last digit shown.
	guardDigits = 12
)

// mathContext computes with a number of significant digits.
func mathContext(precision int) *apd.Context {
	return &apd.Context{
		Precision: uint32(max(precision, 20)), MaxExponent: apd.MaxExponent, MinExponent: apd.MinExponent,
		Rounding: apd.RoundHalfUp,
	}
}

// fromContext rounds a computed value to a scale.
func fromContext(x *apd.Decimal, scale int32) (Datum, error) {
	if x.Form != apd.Finite {
		return Null, errNumericOverflow()
	}
	var z apd.BigInt
	z.Set(&x.Coeff)
	if x.Negative {
		z.Neg(&z)
	}
	from := -x.Exponent
	if int(from)-int(scale) > decimalDigits(&z)+1 {
		return NewSmallNumeric(0, scale), nil
	}
	if int(scale)-int(from) > numericMaxIntDigits+numericMaxScale {
		return Null, errNumericOverflow()
	}
	return finite(rescaleCoef(&z, from, scale), scale)
}

// floatOf returns the nearest float64, infinite if it is too large.
func floatOf(d Datum) float64 {
	f, err := NumericToFloat(d)
	if err != nil {
		return math.Inf(numericSign(d))
	}
	return f
}

// NumericSqrt returns the square root, or 2201F for negative numbers.
func NumericSqrt(a Datum) (Datum, error) {
	switch formOf(a) {
	case numNaN, numPosInf:
		return a, nil
	}
	if numericSign(a) < 0 {
		return Null, pgerr.New(pgerr.InvalidArgumentForPowerFunction, "cannot take square root of a negative number")
	}
	weight, _ := base10000(a)
	resultWeight := (weight+1)*4/2 - 1
	return NumericSqrtAt(a, clampScale(numericMinSigDigits-resultWeight, NumericScale(a)))
}

// NumericSqrtAt returns the square root of a number that is not negative at a scale.
func NumericSqrtAt(a Datum, scale int32) (Datum, error) {
	if formOf(a) != numFinite {
		return a, nil
	}
	// Integer square root of a * 10^(2*(scale+1)), then round off one digit: the
	// root of a non-square is never exactly half way.
	var z apd.BigInt
	signedCoef(&z, a)
	shift := 2*(int(scale)+1) - int(NumericScale(a))
	if shift >= 0 {
		z.Mul(&z, pow10(shift))
	} else {
		z.Quo(&z, pow10(-shift))
	}
	z.Sqrt(&z)
	return finite(roundQuo(&z, pow10(1)), scale)
}

// NumericExp returns e^a.
func NumericExp(a Datum) (Datum, error) {
	switch formOf(a) {
	case numNaN, numPosInf:
		return a, nil
	case numNegInf:
		return NewSmallNumeric(0, 0), nil
	}
	x := floatOf(a)
	w := math.Max(math.Min(x*log10E, numericMaxResultScale), -numericMaxResultScale)
	return expAtScale(a.Numeric(), x, clampScale(numericMinSigDigits-int(w), NumericScale(a)))
}

// expAtScale returns e^a at a scale; x is a as a float.
func expAtScale(a *apd.Decimal, x float64, scale int32) (Datum, error) {
	if x >= maxExpArg {
		return Null, errNumericOverflow()
	}
	if x <= -maxExpArg {
		return NewSmallNumeric(0, scale), nil
	}
	var r apd.Decimal
	digits := int(scale) + max(int(x*log10E), 0) + guardDigits
	if _, err := mathContext(digits).Exp(&r, a); err != nil {
		return Null, errNumericOverflow()
	}
	return fromContext(&r, scale)
}

func checkLogArgument(a Datum) error {
	switch s := numericSign(a); {
	case NumericIsNaN(a) || s > 0:
		return nil
	case s == 0:
		return pgerr.New(pgerr.InvalidArgumentForLogarithm, "cannot take logarithm of zero")
	}
	return pgerr.New(pgerr.InvalidArgumentForLogarithm, "cannot take logarithm of a negative number")
}

// lnWeight estimates the decimal weight of ln(a), a > 0 and finite.
func lnWeight(a Datum) int {
	if NumericCompare(a, NewSmallNumeric(9, 1)) >= 0 && NumericCompare(a, NewSmallNumeric(11, 1)) <= 0 {
		x, err := NumericSub(a, NewSmallNumeric(1, 0)) // ln(1+x) ~ x
		if err != nil || numericSign(x) == 0 {
			return 0
		}
		w, first := base10000(x)
		return w*4 + int(math.Log10(float64(first)))
	}
	var z apd.BigInt
	signedCoef(&z, a)
	digits := decimalDigits(&z)
	exp := -float64(NumericScale(a))
	if cut := digits - 17; cut > 0 {
		z.Quo(&z, pow10(cut))
		exp += float64(cut)
	}
	ln := math.Log(float64(z.Int64())) + exp*math.Ln10
	return int(math.Log10(math.Abs(ln)))
}

func lnContext(a Datum, digits int) (*apd.Decimal, error) {
	r := new(apd.Decimal)
	// Near 1 the leading digits cancel, so add as many as the operand has.
	if _, err := mathContext(digits+guardDigits).Ln(r, a.Numeric()); err != nil {
		return nil, pgerr.Internal("ln: %v", err)
	}
	return r, nil
}

// NumericLn returns the natural logarithm, or 2201E.
func NumericLn(a Datum) (Datum, error) {
	if err := checkLogArgument(a); err != nil {
		return Null, err
	}
	if formOf(a) != numFinite {
		return a, nil
	}
	w := lnWeight(a)
	scale := clampScale(numericMinSigDigits-w, NumericScale(a))
	r, err := lnContext(a, int(scale)+max(w, 0)+1)
	if err != nil {
		return Null, err
	}
	return fromContext(r, scale)
}

// NumericLog returns the logarithm of a to a base, or 2201E.
func NumericLog(base, a Datum) (Datum, error) {
	if NumericIsNaN(base) || NumericIsNaN(a) {
		return numericNaN, nil
	}
	if err := checkLogArgument(base); err != nil {
		return Null, err
	}
	if err := checkLogArgument(a); err != nil {
		return Null, err
	}
	if fb, fa := formOf(base), formOf(a); fb != numFinite || fa != numFinite {
		switch {
		case fb == fa:
			return numericNaN, nil
		case fb == numPosInf:
			return NewSmallNumeric(0, 0), nil
		}
		return numericInf, nil
	}
	wb, wa := lnWeight(base), lnWeight(a)
	scale := clampScale(numericMinSigDigits-(wa-wb), NumericScale(base), NumericScale(a))
	digits := int(scale) + max(wa-wb, 0) + 8
	lb, err := lnContext(base, digits+max(-wb, 0))
	if err != nil {
		return Null, err
	}
	la, err := lnContext(a, digits+max(-wa, 0))
	if err != nil {
		return Null, err
	}
	if lb.IsZero() {
		return Null, errDivisionByZero()
	}
	var q apd.Decimal
	if _, err := mathContext(digits+guardDigits).Quo(&q, la, lb); err != nil {
		return Null, errNumericOverflow()
	}
	return fromContext(&q, scale)
}

func isInteger(a Datum) bool {
	t, err := NumericTrunc(a, 0)
	return err == nil && NumericCompare(t, a) == 0
}

func isOdd(a Datum) bool {
	r, err := NumericRem(a, NewSmallNumeric(2, 0))
	return err == nil && numericSign(r) != 0
}

// NumericPower returns base^exp, or 2201F where that is undefined.
func NumericPower(base, exp Datum) (Datum, error) {
	if formOf(base) != numFinite || formOf(exp) != numFinite {
		return powerSpecial(base, exp)
	}
	sb, se := numericSign(base), numericSign(exp)
	if sb == 0 && se < 0 {
		return Null, pgerr.New(pgerr.InvalidArgumentForPowerFunction, "zero raised to a negative power is undefined")
	}
	whole := isInteger(exp)
	if sb < 0 && !whole {
		return Null, errComplexPower()
	}
	if whole {
		if n, err := NumericToInt(exp, Int4Oid); err == nil {
			return powerInt(base, n, NumericScale(exp))
		}
	}
	if sb == 0 {
		return NewSmallNumeric(0, numericMinSigDigits), nil
	}
	r, err := powerReal(NumericAbs(base), exp)
	if err == nil && sb < 0 && isOdd(exp) {
		r = NumericNeg(r)
	}
	return r, err
}

func errComplexPower() error {
	return pgerr.New(pgerr.InvalidArgumentForPowerFunction, "a negative number raised to a non-integer power yields a complex result")
}

// powerSpecial follows POSIX pow() for NaN and the infinities.
func powerSpecial(base, exp Datum) (Datum, error) {
	one, zero := NewSmallNumeric(1, 0), NewSmallNumeric(0, 0)
	fe := formOf(exp)
	switch {
	case fe == numFinite && numericSign(exp) == 0 || formOf(base) == numFinite && NumericCompare(base, one) == 0:
		return one, nil
	case NumericIsNaN(base) || fe == numNaN:
		return numericNaN, nil
	case fe != numFinite:
		if numericSign(base) == 0 && fe == numNegInf {
			return Null, pgerr.New(pgerr.InvalidArgumentForPowerFunction, "zero raised to a negative power is undefined")
		}
		abs := NumericAbs(base)
		c := NumericCompare(abs, one)
		switch {
		case c == 0:
			return one, nil
		case (c > 0) == (fe == numPosInf):
			return numericInf, nil
		}
		return zero, nil
	case formOf(base) == numPosInf:
		if numericSign(exp) > 0 {
			return numericInf, nil
		}
		return zero, nil
	case !isInteger(exp):
		return Null, errComplexPower()
	case numericSign(exp) < 0:
		return zero, nil
	case isOdd(exp):
		return numericNegInf, nil
	}
	return numericInf, nil
}

// weightOf returns log10|a| of a finite numeric that is not zero.
func weightOf(a Datum) float64 {
	var z apd.BigInt
	signedCoef(&z, a)
	z.Abs(&z)
	exp := -float64(NumericScale(a))
	if cut := decimalDigits(&z) - 17; cut > 0 {
		z.Quo(&z, pow10(cut))
		exp += float64(cut)
	}
	return math.Log10(float64(z.Int64())) + exp
}

// powerInt returns base^n by squaring, with 16 digits after the point at least.
func powerInt(base Datum, n int64, expScale int32) (Datum, error) {
	w := 0.0
	if numericSign(base) != 0 {
		w = float64(n) * weightOf(base)
	}
	if w > numericMaxIntDigits {
		return Null, errNumericOverflow()
	}
	scale := clampScale(numericMinSigDigits, NumericScale(base), expScale)
	switch {
	case n == 0:
		return NumericRound(NewSmallNumeric(1, 0), scale)
	case n == 1:
		return NumericRound(base, scale)
	case n == -1:
		return divAtScale(NewSmallNumeric(1, 0), base, scale)
	case numericSign(base) == 0 || w+1 < -float64(scale):
		return NewSmallNumeric(0, scale), nil
	}
	ctx := mathContext(int(scale) + max(int(w), 0) + 8 + guardDigits + int(math.Log10(math.Abs(float64(n)))))
	var r, sq apd.Decimal
	r.SetInt64(1)
	sq.Set(base.Numeric())
	for m := absInt64(n); ; {
		if m&1 == 1 {
			if _, err := ctx.Mul(&r, &r, &sq); err != nil {
				return Null, errNumericOverflow()
			}
		}
		if m >>= 1; m == 0 {
			break
		}
		if _, err := ctx.Mul(&sq, &sq, &sq); err != nil {
			return Null, errNumericOverflow()
		}
	}
	if n < 0 {
		if _, err := ctx.Quo(&r, apd.New(1, 0), &r); err != nil {
			return Null, errNumericOverflow()
		}
	}
	return fromContext(&r, scale)
}

// powerReal returns exp(e * ln(base)), base > 0.
func powerReal(base, e Datum) (Datum, error) {
	estimate := weightOf(base) * floatOf(e) // log10 of the result
	if math.Abs(estimate)/log10E > numericMaxResultScale*3.01 {
		if estimate > 0 {
			return Null, errNumericOverflow()
		}
		return NewSmallNumeric(0, numericMaxDisplayScale), nil
	}
	scale := clampScale(numericMinSigDigits-int(estimate), NumericScale(base), NumericScale(e))
	digits := int(scale) + max(int(estimate), 0) + 8
	ln, err := lnContext(base, digits+8)
	if err != nil {
		return Null, err
	}
	var x apd.Decimal
	if _, err := mathContext(digits+8+guardDigits).Mul(&x, ln, e.Numeric()); err != nil {
		return Null, errNumericOverflow()
	}
	return expAtScale(&x, estimate/log10E, scale)
}
