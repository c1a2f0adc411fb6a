package expr

import (
	"math"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

var errMoneyRange = pgerr.New(pgerr.NumericValueOutOfRange, "money out of range")

func moneyFn(f func(a, b types.Datum) (int64, bool)) impl {
	return impl{f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		n, ok := f(a, b)
		if !ok {
			return types.Null, errMoneyRange
		}
		return types.NewInt(n), nil
	}}
}

var moneyTimesInt = moneyFn(func(a, b types.Datum) (int64, bool) { return mulInt(a.Int(), b.Int()) })

func moneyOfFloat(f float64) (types.Datum, error) {
	if f = math.RoundToEven(f); !(f >= math.MinInt64 && f < -math.MinInt64) {
		return types.Null, errMoneyRange
	}
	return types.NewInt(int64(f)), nil
}

func moneyTimesFloat(swapped bool) impl {
	return impl{f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		if swapped {
			a, b = b, a
		}
		return moneyOfFloat(float64(a.Int()) * b.Float())
	}}
}

func moneyByFloat(_ *Call, a, b types.Datum) (types.Datum, error) {
	if b.Float() == 0 {
		return types.Null, errDivZero
	}
	return moneyOfFloat(float64(a.Int()) / b.Float())
}

func moneyByInt(_ *Call, a, b types.Datum) (types.Datum, error) {
	switch {
	case b.Int() == 0:
		return types.Null, errDivZero
	case b.Int() == -1 && a.Int() == math.MinInt64:
		return types.Null, errMoneyRange
	}
	return types.NewInt(a.Int() / b.Int()), nil
}

var smallNumbers = strings.Fields("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen " +
	"fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety")

// numberWords spells a number below 1000.
func numberWords(n uint64) string {
	tens := func(n uint64) string { return smallNumbers[18+n/10] }
	hundreds, rest := smallNumbers[n/100]+" hundred", n%100
	switch {
	case n <= 20:
		return smallNumbers[n]
	case rest == 0:
		return hundreds
	}
	var words string
	switch {
	case rest%10 == 0 && rest > 10:
		words = tens(rest)
	case rest < 20 && n > 99:
		words = "and " + smallNumbers[rest]
	case rest < 20:
		words = smallNumbers[rest]
	default:
		words = tens(rest) + " " + smallNumbers[rest%10]
	}
	if n > 99 {
		return hundreds + " " + words
	}
	return words
}

// moneyWords is cash_words: an amount in English.
func moneyWords(cents int64) string {
	var b strings.Builder
	n := uint64(cents)
	if cents < 0 {
		n = -n
		b.WriteString("minus ")
	}
	whole, start := n/100, b.Len()
	unit := uint64(1_000_000_000_000_000)
	for _, name := range [...]string{" quadrillion ", " trillion ", " billion ", " million ", " thousand ", ""} {
		if k := whole / unit % 1000; k > 0 {
			b.WriteString(numberWords(k) + name)
		}
		unit /= 1000
	}
	if b.Len() == start {
		b.WriteString("zero")
	}
	if whole == 1 {
		b.WriteString(" dollar and ")
	} else {
		b.WriteString(" dollars and ")
	}
	b.WriteString(numberWords(n % 100))
	if n%100 == 1 {
		b.WriteString(" cent")
	} else {
		b.WriteString(" cents")
	}
	s := b.String()
	return strings.ToUpper(s[:1]) + s[1:]
}

// moneyAcc is sum(money).
type moneyAcc struct {
	seen bool
	sum  int64
}

func (a *moneyAcc) add(_ *EvalContext, args []types.Datum) error {
	if args[0].IsNull() {
		return nil
	}
	sum, ok := addInt(a.sum, args[0].Int())
	if !ok {
		return errMoneyRange
	}
	a.seen, a.sum = true, sum
	return nil
}

func (a *moneyAcc) merge(ctx *EvalContext, other accumulator) error {
	if o := other.(*moneyAcc); o.seen {
		return a.add(ctx, []types.Datum{types.NewInt(o.sum)})
	}
	return nil
}

func (a *moneyAcc) result(*EvalContext) (types.Datum, error) {
	if !a.seen {
		return types.Null, nil
	}
	return types.NewInt(a.sum), nil
}

func (a *moneyAcc) size() int64 { return 16 }

var moneyImpls = map[string]impl{
	"cash_pl":     moneyFn(func(a, b types.Datum) (int64, bool) { return addInt(a.Int(), b.Int()) }),
	"cash_mi":     moneyFn(func(a, b types.Datum) (int64, bool) { return subInt(a.Int(), b.Int()) }),
	"cash_cmp":    bytesCompare(),
	"cashlarger":  larger(1),
	"cashsmaller": larger(-1),
	"cash_words":  {f1: func(_ *Call, d types.Datum) (types.Datum, error) { return types.NewString(moneyWords(d.Int())), nil }},
	"cash_div_cash": {f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		if b.Int() == 0 {
			return types.Null, errDivZero
		}
		return types.NewFloat(float64(a.Int()) / float64(b.Int())), nil
	}},
	"cash_mul_flt4": moneyTimesFloat(false), "cash_mul_flt8": moneyTimesFloat(false),
	"flt4_mul_cash": moneyTimesFloat(true), "flt8_mul_cash": moneyTimesFloat(true),
	"cash_div_flt4": {f2: moneyByFloat}, "cash_div_flt8": {f2: moneyByFloat},
	"cash_mul_int2": moneyTimesInt, "cash_mul_int4": moneyTimesInt, "cash_mul_int8": moneyTimesInt,
	"int2_mul_cash": moneyTimesInt, "int4_mul_cash": moneyTimesInt, "int8_mul_cash": moneyTimesInt,
	"cash_div_int2": {f2: moneyByInt}, "cash_div_int4": {f2: moneyByInt}, "cash_div_int8": {f2: moneyByInt},
}
