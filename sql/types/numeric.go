package types

import (
	"math"
	"math/bits"

	"github.com/cockroachdb/apd/v3"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// Numeric arithmetic with PostgreSQL's display scales.
//
// A finite numeric is coefficient / 10^scale where scale is also the number of
// digits shown after the point, so 1.0 and 1.00 are equal and print differently.
// Each operation below first chooses the scale of its result as PostgreSQL does
// and then computes a coefficient, rounded half away from zero. Numerics whose
// coefficient fits an int64 are held inside the Datum (see Datum) and take a
// path without allocation, which falls through to big integers on overflow.
//
// PostgreSQL computes in base 10000; where a scale rule depends on the weight or
// the first digit in that base, base10000 recovers both from the decimal form.

// Limits of the type numeric.
const (
	numericMaxPrecision    = 1000   // of numeric(p,s)
	numericMaxDisplayScale = 1000   // that an inexact operation chooses
	numericMaxResultScale  = 2000   // of exp() and power(), in digits
	numericMinSigDigits    = 16     // of an inexact result, at least
	numericMaxScale        = 16383  // that a value can have
	numericMaxIntDigits    = 131072 // before the point
)

var (
	numericNaN    = Datum{kind: KNumeric, p: ptrOf(&apd.Decimal{Form: apd.NaN})}
	numericInf    = Datum{kind: KNumeric, p: ptrOf(&apd.Decimal{Form: apd.Infinite})}
	numericNegInf = Datum{kind: KNumeric, p: ptrOf(&apd.Decimal{Form: apd.Infinite, Negative: true})}
)

// pow10Small holds the powers of ten that fit an int64.
var pow10Small = func() (t [19]int64) {
	t[0] = 1
	for i := 1; i < len(t); i++ {
		t[i] = t[i-1] * 10
	}
	return t
}()

var pow10Big = func() (t [128]apd.BigInt) {
	t[0].SetInt64(1)
	ten := apd.NewBigInt(10)
	for i := 1; i < len(t); i++ {
		t[i].Mul(&t[i-1], ten)
	}
	return t
}()

// pow10 returns 10^n, which the caller must not change.
func pow10(n int) *apd.BigInt {
	if n < len(pow10Big) {
		return &pow10Big[n]
	}
	z := apd.NewBigInt(10)
	return z.Exp(z, apd.NewBigInt(int64(n)), nil)
}

func errNumericOverflow() error {
	return pgerr.New(pgerr.NumericValueOutOfRange, "value overflows numeric format")
}

func errDivisionByZero() error { return pgerr.New(pgerr.DivisionByZero, "division by zero") }

// numericForm classifies a numeric.
type numericForm uint8

const (
	numFinite numericForm = iota
	numNaN
	numPosInf
	numNegInf
)

func formOf(d Datum) numericForm {
	if d.p == nil {
		return numFinite
	}
	x := (*apd.Decimal)(d.p)
	switch {
	case x.Form == apd.Finite:
		return numFinite
	case x.Form != apd.Infinite:
		return numNaN
	case x.Negative:
		return numNegInf
	}
	return numPosInf
}

// NumericNaN returns NaN.
func NumericNaN() Datum { return numericNaN }

// NumericInf returns the infinity of a sign.
func NumericInf(sign int) Datum {
	if sign < 0 {
		return NumericNeg(numericInf)
	}
	return numericInf
}

// NumericIsNaN reports whether a numeric is NaN.
func NumericIsNaN(d Datum) bool { return formOf(d) == numNaN }

// NumericIsInf reports whether a numeric is Infinity (sign >= 0 looks for
// +Infinity, sign <= 0 for -Infinity).
func NumericIsInf(d Datum, sign int) bool {
	f := formOf(d)
	return f == numPosInf && sign >= 0 || f == numNegInf && sign <= 0
}

// NumericBits returns how many bits the digits of a numeric take; 0 of those that take a word at most.
func NumericBits(d Datum) int {
	if d.p == nil {
		return 0
	}
	return (*apd.Decimal)(d.p).Coeff.BitLen()
}

// NumericScale returns the display scale; 0 for NaN and the infinities.
func NumericScale(d Datum) int32 {
	if d.p == nil {
		return d.aux
	}
	return -(*apd.Decimal)(d.p).Exponent
}

// signedCoef sets z to the signed coefficient of a finite numeric.
func signedCoef(z *apd.BigInt, d Datum) *apd.BigInt {
	if d.p == nil {
		return z.SetInt64(d.n)
	}
	x := (*apd.Decimal)(d.p)
	z.Set(&x.Coeff)
	if x.Negative {
		z.Neg(z)
	}
	return z
}

// finite makes a numeric of a signed coefficient, which it takes over.
func finite(coef *apd.BigInt, scale int32) (Datum, error) {
	if coef.IsInt64() {
		return NewSmallNumeric(coef.Int64(), scale), nil
	}
	// 3.3219 bits a digit: skip the exact count for all but enormous values.
	if coef.BitLen() > (numericMaxIntDigits+int(scale))*33219/10000 && decimalDigits(coef)-int(scale) > numericMaxIntDigits {
		return Null, errNumericOverflow()
	}
	x := &apd.Decimal{Exponent: -scale, Negative: coef.Sign() < 0}
	x.Coeff.Abs(coef)
	return Datum{kind: KNumeric, p: ptrOf(x)}, nil
}

// decimalDigits returns the number of decimal digits of |z|; 0 for zero.
func decimalDigits(z *apd.BigInt) int {
	n := z.BitLen()
	if n == 0 {
		return 0
	}
	d := int(float64(n-1) * 0.30102999566398120)
	var a apd.BigInt
	a.Abs(z)
	for a.Cmp(pow10(d)) >= 0 {
		d++
	}
	return d
}

// roundQuo returns num / den rounded half away from zero; den > 0.
func roundQuo(num, den *apd.BigInt) *apd.BigInt {
	var q, r, twice apd.BigInt
	q.QuoRem(num, den, &r)
	twice.Abs(&r)
	twice.Add(&twice, &twice)
	if twice.Cmp(den) >= 0 {
		one := apd.NewBigInt(1)
		if num.Sign() < 0 {
			q.Sub(&q, one)
		} else {
			q.Add(&q, one)
		}
	}
	return &q
}

// rescaleCoef converts a coefficient between scales, rounding half away from zero.
func rescaleCoef(z *apd.BigInt, from, to int32) *apd.BigInt {
	if to >= from {
		return z.Mul(z, pow10(int(to-from)))
	}
	return roundQuo(z, pow10(int(from-to)))
}

// rescaleSmall converts a small coefficient between scales; false if that overflows.
func rescaleSmall(n int64, from, to int32) (int64, bool) {
	if to == from {
		return n, true
	}
	if to > from {
		if to-from >= int32(len(pow10Small)) {
			return 0, n == 0
		}
		return mulInt64(n, pow10Small[to-from])
	}
	if from-to >= int32(len(pow10Small)) {
		return 0, from-to > int32(len(pow10Small)) // |n| < 10^20 / 2, but perhaps not 10^19 / 2
	}
	p := pow10Small[from-to]
	q, r := n/p, n%p
	if r >= p-r && r > 0 {
		q++
	} else if r < 0 && -r >= p+r {
		q--
	}
	return q, true
}

func addInt64(a, b int64) (int64, bool) {
	c := a + b
	return c, (c > a) == (b > 0)
}

func mulInt64(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(absInt64(a), absInt64(b))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, false
	}
	if (a < 0) != (b < 0) {
		return -int64(lo), true
	}
	return int64(lo), true
}

func absInt64(a int64) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}

// NumericAdd returns a + b at the larger scale.
func NumericAdd(a, b Datum) (Datum, error) {
	if a.p == nil && b.p == nil {
		scale := max(a.aux, b.aux)
		x, ok1 := rescaleSmall(a.n, a.aux, scale)
		y, ok2 := rescaleSmall(b.n, b.aux, scale)
		if ok1 && ok2 {
			if z, ok := addInt64(x, y); ok {
				return NewSmallNumeric(z, scale), nil
			}
		}
	}
	if fa, fb := formOf(a), formOf(b); fa != numFinite || fb != numFinite {
		switch {
		case fa == numNaN || fb == numNaN:
			return numericNaN, nil
		case fa == numFinite:
			return b, nil
		case fb == numFinite || fa == fb:
			return a, nil
		}
		return numericNaN, nil
	}
	var x, y apd.BigInt
	scale := max(NumericScale(a), NumericScale(b))
	u := rescaleCoef(signedCoef(&x, a), NumericScale(a), scale)
	v := rescaleCoef(signedCoef(&y, b), NumericScale(b), scale)
	return finite(u.Add(u, v), scale)
}

// NumericSub returns a - b at the larger scale.
func NumericSub(a, b Datum) (Datum, error) { return NumericAdd(a, NumericNeg(b)) }

// NumericMul returns a * b; the scales add up.
func NumericMul(a, b Datum) (Datum, error) {
	if a.p == nil && b.p == nil && a.aux+b.aux <= numericMaxScale {
		if z, ok := mulInt64(a.n, b.n); ok {
			return NewSmallNumeric(z, a.aux+b.aux), nil
		}
	}
	if fa, fb := formOf(a), formOf(b); fa != numFinite || fb != numFinite {
		if fa == numNaN || fb == numNaN {
			return numericNaN, nil
		}
		return infinityOfSign(numericSign(a) * numericSign(b)), nil
	}
	var x, y apd.BigInt
	scale := NumericScale(a) + NumericScale(b)
	z := x.Mul(signedCoef(&x, a), signedCoef(&y, b))
	if scale > numericMaxScale {
		z, scale = rescaleCoef(z, scale, numericMaxScale), numericMaxScale
	}
	return finite(z, scale)
}

// infinityOfSign returns an infinity, or NaN for sign 0 (infinity times zero).
func infinityOfSign(sign int) Datum {
	switch {
	case sign > 0:
		return numericInf
	case sign < 0:
		return numericNegInf
	}
	return numericNaN
}

// base10000 returns weight and first digit of a finite numeric in PostgreSQL's
// base; both are 0 for zero.
func base10000(d Datum) (weight, first int) {
	var z, q apd.BigInt
	signedCoef(&z, d)
	if z.Sign() == 0 {
		return 0, 0
	}
	z.Abs(&z)
	scale := int(NumericScale(d))
	exp := decimalDigits(&z) - 1 - scale // 10^exp <= |d|
	weight = floorDiv(exp, 4)
	shift := scale + 4*weight
	if shift >= 0 {
		q.Quo(&z, pow10(shift))
	} else {
		q.Mul(&z, pow10(-shift))
	}
	return weight, int(q.Int64())
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

// base10000Small is base10000 for a small numeric.
func base10000Small(n int64, scale int32) (weight, first int) {
	u := absInt64(n)
	if u == 0 {
		return 0, 0
	}
	digits := 1
	for digits < len(pow10Small) && u >= uint64(pow10Small[digits]) {
		digits++
	}
	weight = floorDiv(digits-1-int(scale), 4)
	shift := int(scale) + 4*weight
	if shift >= 0 {
		return weight, int(u / uint64(pow10Small[shift]))
	}
	return weight, int(u * uint64(pow10Small[-shift]))
}

func clampScale(rscale int, scales ...int32) int32 {
	for _, s := range scales {
		rscale = max(rscale, int(s))
	}
	return int32(min(max(rscale, 0), numericMaxDisplayScale))
}

// divScale chooses the scale of a quotient: 16 significant digits at least, and
// no less than either operand shows.
func divScale(a, b Datum) int32 {
	var w1, f1, w2, f2 int
	if a.p == nil {
		w1, f1 = base10000Small(a.n, a.aux)
	} else {
		w1, f1 = base10000(a)
	}
	if b.p == nil {
		w2, f2 = base10000Small(b.n, b.aux)
	} else {
		w2, f2 = base10000(b)
	}
	qweight := w1 - w2
	if f1 <= f2 {
		qweight--
	}
	return clampScale(numericMinSigDigits-qweight*4, NumericScale(a), NumericScale(b))
}

// NumericDiv returns a / b with PostgreSQL's choice of scale, or 22012.
func NumericDiv(a, b Datum) (Datum, error) {
	if fa, fb := formOf(a), formOf(b); fa != numFinite || fb != numFinite {
		return divSpecial(a, b, fa, fb)
	}
	if numericSign(b) == 0 {
		return Null, errDivisionByZero()
	}
	return divAtScale(a, b, divScale(a, b))
}

func divSpecial(a, b Datum, fa, fb numericForm) (Datum, error) {
	switch {
	case fa == numNaN || fb == numNaN:
		return numericNaN, nil
	case fa == numFinite:
		return NewSmallNumeric(0, 0), nil
	case fb != numFinite:
		return numericNaN, nil
	case numericSign(b) == 0:
		return Null, errDivisionByZero()
	}
	return infinityOfSign(numericSign(a) * numericSign(b)), nil
}

// divAtScale returns a / b rounded half away from zero to a scale; b is not zero.
func divAtScale(a, b Datum, scale int32) (Datum, error) {
	if a.p == nil && b.p == nil {
		if z, ok := divSmall(a.n, b.n, int(scale-a.aux+b.aux)); ok {
			return NewSmallNumeric(z, scale), nil
		}
	}
	var x, y apd.BigInt
	num, den := signedCoef(&x, a), signedCoef(&y, b)
	if den.Sign() < 0 {
		num.Neg(num)
		den.Neg(den)
	}
	if shift := int(scale - NumericScale(a) + NumericScale(b)); shift >= 0 {
		num.Mul(num, pow10(shift))
	} else {
		den.Mul(den, pow10(-shift))
	}
	return finite(roundQuo(num, den), scale)
}

// divSmall returns round(n * 10^shift / d) through a 128-bit intermediate.
func divSmall(n, d int64, shift int) (int64, bool) {
	if shift < 0 || shift >= len(pow10Small) {
		return 0, false
	}
	hi, lo := bits.Mul64(absInt64(n), uint64(pow10Small[shift]))
	ud := absInt64(d)
	if hi >= ud {
		return 0, false
	}
	q, r := bits.Div64(hi, lo, ud)
	if r >= ud-r {
		q++
	}
	if q > math.MaxInt64 {
		return 0, false
	}
	if (n < 0) != (d < 0) {
		return -int64(q), true
	}
	return int64(q), true
}

// NumericRem returns a % b with the sign of a, at the larger scale.
func NumericRem(a, b Datum) (Datum, error) {
	fa, fb := formOf(a), formOf(b)
	switch {
	case fa == numNaN || fb == numNaN:
		return numericNaN, nil
	case fb == numFinite && numericSign(b) == 0:
		return Null, errDivisionByZero()
	case fa != numFinite:
		return numericNaN, nil
	case fb != numFinite:
		return a, nil
	}
	var x, y apd.BigInt
	scale := max(NumericScale(a), NumericScale(b))
	u := rescaleCoef(signedCoef(&x, a), NumericScale(a), scale)
	v := rescaleCoef(signedCoef(&y, b), NumericScale(b), scale)
	return finite(u.Rem(u, v), scale)
}

// NumericDivTrunc returns a / b truncated towards zero, scale 0: SQL's div().
func NumericDivTrunc(a, b Datum) (Datum, error) {
	if fa, fb := formOf(a), formOf(b); fa != numFinite || fb != numFinite {
		return divSpecial(a, b, fa, fb)
	}
	if numericSign(b) == 0 {
		return Null, errDivisionByZero()
	}
	var x, y apd.BigInt
	scale := max(NumericScale(a), NumericScale(b))
	u := rescaleCoef(signedCoef(&x, a), NumericScale(a), scale)
	v := rescaleCoef(signedCoef(&y, b), NumericScale(b), scale)
	return finite(u.Quo(u, v), 0)
}

// NumericNeg returns -a.
func NumericNeg(a Datum) Datum {
	if a.p == nil {
		if a.n != math.MinInt64 {
			return NewSmallNumeric(-a.n, a.aux)
		}
		x := &apd.Decimal{Exponent: -a.aux}
		x.Coeff.SetUint64(1 << 63)
		return Datum{kind: KNumeric, p: ptrOf(x)}
	}
	switch formOf(a) {
	case numNaN:
		return a
	case numPosInf:
		return numericNegInf
	case numNegInf:
		return numericInf
	}
	src := (*apd.Decimal)(a.p)
	x := &apd.Decimal{Exponent: src.Exponent, Negative: !src.Negative}
	x.Coeff.Set(&src.Coeff)
	return NewNumeric(x)
}

// NumericAbs returns |a|.
func NumericAbs(a Datum) Datum {
	if numericSign(a) < 0 {
		return NumericNeg(a)
	}
	return a
}

// numericSign returns -1, 0 or 1; 0 for NaN.
func numericSign(a Datum) int {
	if a.p == nil {
		switch {
		case a.n > 0:
			return 1
		case a.n < 0:
			return -1
		}
		return 0
	}
	x := (*apd.Decimal)(a.p)
	switch {
	case x.Form == apd.NaN:
		return 0
	case x.Negative:
		return -1
	}
	return 1 // a finite zero is always small
}

// NumericSign returns -1, 0 or 1 as a numeric; NaN for NaN.
func NumericSign(a Datum) Datum {
	if NumericIsNaN(a) {
		return a
	}
	return NewSmallNumeric(int64(numericSign(a)), 0)
}

// NumericRound rounds half away from zero to a number of digits after the
// point; a negative scale rounds before the point.
func NumericRound(a Datum, scale int32) (Datum, error) {
	if formOf(a) != numFinite {
		return a, nil
	}
	scale = max(min(scale, numericMaxScale), -(numericMaxIntDigits + 1))
	if a.p == nil && scale >= 0 {
		if n, ok := rescaleSmall(a.n, a.aux, scale); ok {
			return NewSmallNumeric(n, scale), nil
		}
	}
	var x apd.BigInt
	z := rescaleCoef(signedCoef(&x, a), NumericScale(a), scale)
	if scale < 0 {
		z, scale = z.Mul(z, pow10(int(-scale))), 0
	}
	return finite(z, scale)
}

// NumericTrunc cuts a to a number of digits after the point; a negative scale
// cuts before the point.
func NumericTrunc(a Datum, scale int32) (Datum, error) {
	if formOf(a) != numFinite {
		return a, nil
	}
	scale = max(min(scale, numericMaxScale), -(numericMaxIntDigits + 1))
	from := NumericScale(a)
	if scale >= from {
		return NumericRound(a, scale)
	}
	var x apd.BigInt
	z := signedCoef(&x, a)
	z.Quo(z, pow10(int(from-scale)))
	if scale < 0 {
		z, scale = z.Mul(z, pow10(int(-scale))), 0
	}
	return finite(z, scale)
}

// NumericCeil returns the smallest integer that is no less than a.
func NumericCeil(a Datum) Datum { return toInteger(a, 1) }

// NumericFloor returns the largest integer that is no more than a.
func NumericFloor(a Datum) Datum { return toInteger(a, -1) }

func toInteger(a Datum, direction int64) Datum {
	if formOf(a) != numFinite {
		return a
	}
	t, err := NumericTrunc(a, 0)
	if err == nil && NumericCompare(t, a) == int(-direction) {
		t, err = NumericAdd(t, NewSmallNumeric(direction, 0))
	}
	if err != nil {
		return numericNaN // unreachable: |t| is at most one above |a|'s integer part
	}
	return t
}

// NumericCompare orders numerics as PostgreSQL does: -Infinity, finite values,
// Infinity, NaN, which equals itself.
func NumericCompare(a, b Datum) int {
	if a.p == nil && b.p == nil {
		if a.aux == b.aux {
			return cmpInt64(a.n, b.n)
		}
		scale := max(a.aux, b.aux)
		x, ok1 := rescaleSmall(a.n, a.aux, scale)
		y, ok2 := rescaleSmall(b.n, b.aux, scale)
		if ok1 && ok2 {
			return cmpInt64(x, y)
		}
	}
	fa, fb := formOf(a), formOf(b)
	if fa != numFinite || fb != numFinite {
		rank := [...]int{numFinite: 0, numNaN: 2, numPosInf: 1, numNegInf: -1}
		return cmpInt64(int64(rank[fa]), int64(rank[fb]))
	}
	if sa, sb := numericSign(a), numericSign(b); sa != sb {
		return cmpInt64(int64(sa), int64(sb))
	}
	var x, y apd.BigInt
	scale := max(NumericScale(a), NumericScale(b))
	u := rescaleCoef(signedCoef(&x, a), NumericScale(a), scale)
	v := rescaleCoef(signedCoef(&y, b), NumericScale(b), scale)
	return u.Cmp(v)
}

func cmpInt64(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
