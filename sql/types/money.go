package types

import (
	"math"
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// A Datum of money is cents. The locale is C: "$" in front, "," between groups of three digits, "." before the cents.

func appendMoney(buf []byte, n int64) []byte {
	u := uint64(n)
	if n < 0 {
		buf, u = append(buf, '-'), -u
	}
	whole := strconv.FormatUint(u/100, 10)
	buf = append(buf, '$')
	for i := range len(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			buf = append(buf, ',')
		}
		buf = append(buf, whole[i])
	}
	return append(buf, '.', byte('0'+u%100/10), byte('0'+u%10))
}

// parseMoney is cash_in: blanks, a currency sign and a minus or a parenthesis may stand on either side of the digits, which
// may have commas anywhere; a third decimal rounds.
func parseMoney(text string) (Datum, error) {
	outOfRange := pgerr.New(pgerr.NumericValueOutOfRange, "value \"%s\" is out of range for type money", text)
	s := strings.TrimLeft(text, " \t\n\v\f\r")
	s = strings.TrimPrefix(s, "$")
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	neg := false
	switch {
	case strings.HasPrefix(s, "-"), strings.HasPrefix(s, "("):
		neg, s = true, s[1:]
	case strings.HasPrefix(s, "+"):
		s = s[1:]
	}
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	s = strings.TrimPrefix(s, "$")
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	value, i, ok := readCents(s)
	if !ok {
		return Null, outOfRange
	}
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case isSpace(c), c == ')', c == '$', c == '+':
		case c == '-':
			neg = true
		default:
			return Null, errSyntax("money", text)
		}
	}
	if neg {
		return NewInt(value), nil
	}
	if value == math.MinInt64 {
		return Null, outOfRange
	}
	return NewInt(-value), nil
}

// readCents reads digits up to the cents, negated because the least value has no positive counterpart, and returns where
// they end; false is an overflow.
func readCents(s string) (value int64, end int, ok bool) {
	seenDot, decimals, i := false, 0, 0
digits:
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case isDigit(c) && decimals < 2:
			if value < math.MinInt64/10 || value == math.MinInt64/10 && c > '8' {
				return 0, 0, false
			}
			value = value*10 - int64(c-'0')
			if seenDot {
				decimals++
			}
		case c == '.' && !seenDot:
			seenDot = true
		case c == ',':
		default:
			break digits
		}
	}
	if i < len(s) && s[i] >= '5' && s[i] <= '9' && decimals == 2 {
		if value == math.MinInt64 {
			return 0, 0, false
		}
		value--
	}
	for ; decimals < 2; decimals++ {
		if value < math.MinInt64/10 {
			return 0, 0, false
		}
		value *= 10
	}
	return value, i, true
}

// toMoney casts numbers to money.
func toMoney(d Datum, from Oid) (Datum, error) {
	num := d
	if from != NumericOid {
		num = NewSmallNumeric(d.n, 0)
	}
	cents, err := NumericMul(num, NewSmallNumeric(100, 0))
	if err != nil {
		return Null, err
	}
	n, err := NumericToInt(cents, Int8Oid)
	return NewInt(n), err
}
