package types

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// intervalParts is an interval split into the units that text forms name; all
// parts of the time have the sign of Micros.
type intervalParts struct {
	years, months, days        int
	hours                      int64
	minutes, seconds, fraction int
}

func splitInterval(iv Interval) intervalParts {
	us := iv.Micros
	return intervalParts{int(iv.Months / 12), int(iv.Months % 12), int(iv.Days),
		us / microsPerHour, int(us / microsPerMinute % 60), int(us / MicrosPerSecond % 60), int(us % MicrosPerSecond)}
}

func absInt(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

// appendInterval appends an interval in the session's style.
func appendInterval(buf []byte, iv Interval, style string) []byte {
	p := splitInterval(iv)
	switch style {
	case "iso_8601":
		return appendISOInterval(buf, p)
	case "sql_standard":
		return appendSQLInterval(buf, p)
	case "postgres_verbose":
		return appendVerboseInterval(buf, p)
	}
	start, negative := len(buf), false
	for _, u := range [...]struct {
		n    int
		name string
	}{{p.years, "year"}, {p.months, "mon"}, {p.days, "day"}} {
		if u.n == 0 {
			continue
		}
		if len(buf) > start {
			buf = append(buf, ' ')
		}
		if negative && u.n > 0 {
			buf = append(buf, '+')
		}
		buf = append(append(strconv.AppendInt(buf, int64(u.n), 10), ' '), u.name...)
		if u.n != 1 {
			buf = append(buf, 's')
		}
		negative = u.n < 0
	}
	if iv.Micros == 0 && len(buf) > start {
		return buf
	}
	if len(buf) > start {
		buf = append(buf, ' ')
	}
	if iv.Micros < 0 {
		buf = append(buf, '-')
	} else if negative {
		buf = append(buf, '+')
	}
	return appendSpan(buf, p, 2)
}

// appendSpan appends hh:mm:ss without a sign, hours padded to a width.
func appendSpan(buf []byte, p intervalParts, width int) []byte {
	h := p.hours
	if h < 0 {
		h = -h
	}
	if h < 10 && width == 2 {
		buf = append(buf, '0')
	}
	buf = strconv.AppendInt(buf, h, 10)
	buf = pad2(append(buf, ':'), absInt(p.minutes))
	buf = pad2(append(buf, ':'), absInt(p.seconds))
	return appendFraction(buf, absInt(p.fraction))
}

func appendVerboseInterval(buf []byte, p intervalParts) []byte {
	buf = append(buf, '@')
	first, ago := true, false
	unit := func(n int64, name string) {
		if n == 0 {
			return
		}
		if first {
			first, ago = false, n < 0
		}
		if ago {
			n = -n
		}
		buf = append(append(strconv.AppendInt(append(buf, ' '), n, 10), ' '), name...)
		if n != 1 {
			buf = append(buf, 's')
		}
	}
	unit(int64(p.years), "year")
	unit(int64(p.months), "mon")
	unit(int64(p.days), "day")
	unit(p.hours, "hour")
	unit(int64(p.minutes), "min")
	if p.seconds != 0 || p.fraction != 0 {
		neg := p.seconds < 0 || p.fraction < 0
		if first {
			first, ago = false, neg
		}
		buf = append(buf, ' ')
		if neg != ago {
			buf = append(buf, '-')
		}
		buf = appendFraction(strconv.AppendInt(buf, int64(absInt(p.seconds)), 10), absInt(p.fraction))
		buf = append(buf, " sec"...)
		if absInt(p.seconds) != 1 || p.fraction != 0 {
			buf = append(buf, 's')
		}
	}
	if first {
		return append(buf, " 0"...)
	}
	if ago {
		buf = append(buf, " ago"...)
	}
	return buf
}

func appendISOInterval(buf []byte, p intervalParts) []byte {
	if p == (intervalParts{}) {
		return append(buf, "PT0S"...)
	}
	unit := func(n int64, u byte) {
		if n != 0 {
			buf = append(strconv.AppendInt(buf, n, 10), u)
		}
	}
	buf = append(buf, 'P')
	unit(int64(p.years), 'Y')
	unit(int64(p.months), 'M')
	unit(int64(p.days), 'D')
	if p.hours == 0 && p.minutes == 0 && p.seconds == 0 && p.fraction == 0 {
		return buf
	}
	buf = append(buf, 'T')
	unit(p.hours, 'H')
	unit(int64(p.minutes), 'M')
	if p.seconds != 0 || p.fraction != 0 {
		if p.seconds < 0 || p.fraction < 0 {
			buf = append(buf, '-')
		}
		buf = appendFraction(strconv.AppendInt(buf, int64(absInt(p.seconds)), 10), absInt(p.fraction))
		buf = append(buf, 'S')
	}
	return buf
}

func appendSQLInterval(buf []byte, p intervalParts) []byte {
	timeSign := p.hours < 0 || p.minutes < 0 || p.seconds < 0 || p.fraction < 0
	hasTime := p.hours != 0 || p.minutes != 0 || p.seconds != 0 || p.fraction != 0
	hasYM, hasDT := p.years != 0 || p.months != 0, p.days != 0 || hasTime
	negative := p.years < 0 || p.months < 0 || p.days < 0 || timeSign
	positive := p.years > 0 || p.months > 0 || p.days > 0 || hasTime && !timeSign
	sign := func(neg bool) {
		if neg {
			buf = append(buf, '-')
		} else {
			buf = append(buf, '+')
		}
	}
	ym := func() {
		buf = strconv.AppendInt(buf, int64(absInt(p.years)), 10)
		buf = strconv.AppendInt(append(buf, '-'), int64(absInt(p.months)), 10)
	}
	switch {
	case !negative && !positive:
		return append(buf, '0')
	case negative && positive || hasYM && hasDT:
		sign(p.years < 0 || p.months < 0)
		ym()
		buf = append(buf, ' ')
		sign(p.days < 0)
		buf = append(strconv.AppendInt(buf, int64(absInt(p.days)), 10), ' ')
		sign(timeSign)
		return appendSpan(buf, p, 1)
	}
	if negative {
		buf = append(buf, '-')
	}
	if hasYM {
		ym()
		return buf
	}
	if p.days != 0 {
		buf = append(strconv.AppendInt(buf, int64(absInt(p.days)), 10), ' ')
	}
	return appendSpan(buf, p, 1)
}

// intervalUnit is a word's meaning: a number of months, days or microseconds.
type intervalUnit struct {
	months, days int64
	micros       int64
}

var intervalUnits = func() map[string]intervalUnit {
	m := map[string]intervalUnit{}
	add := func(u intervalUnit, names string) {
		for _, n := range strings.Fields(names) {
			m[n] = u
		}
	}
	add(intervalUnit{months: 12000}, "millennium millennia mil mils millenniums")
	add(intervalUnit{months: 1200}, "century centuries cent c")
	add(intervalUnit{months: 120}, "decade decades dec decs")
	add(intervalUnit{months: 12}, "year years yr yrs y")
	add(intervalUnit{months: 1}, "month months mon mons")
	add(intervalUnit{days: 7}, "week weeks w")
	add(intervalUnit{days: 1}, "day days d")
	add(intervalUnit{micros: microsPerHour}, "hour hours hr hrs h")
	add(intervalUnit{micros: microsPerMinute}, "minute minutes min mins m")
	add(intervalUnit{micros: MicrosPerSecond}, "second seconds sec secs s")
	add(intervalUnit{micros: 1000}, "millisecond milliseconds msec msecs ms msecond mseconds")
	add(intervalUnit{micros: 1}, "microsecond microseconds usec usecs us usecond useconds")
	return m
}()

// intervalSum gathers an input's fields before they are checked for range.
type intervalSum struct {
	months, days int64
	micros       int64
	overflow     bool
}

func (s *intervalSum) add(dst *int64, n int64) {
	sum := *dst + n
	if n != 0 && (sum > *dst) != (n > 0) {
		s.overflow = true
	}
	*dst = sum
}

func (s *intervalSum) mul(dst *int64, n, unit int64) {
	p, ok := mulInt64(n, unit)
	s.overflow = s.overflow || !ok
	s.add(dst, p)
}

// addUnits adds n.frac units; frac has the sign of the number. Fractions of
// months become days of a 30-day month, fractions of days time.
func (s *intervalSum) addUnits(n int64, frac float64, u intervalUnit) {
	switch {
	case u.months > 1:
		s.mul(&s.months, n, u.months)
		s.add(&s.months, rint(frac*float64(u.months)))
	case u.months == 1:
		s.add(&s.months, n)
		s.addDays(frac * 30)
	case u.days != 0:
		s.mul(&s.days, n, u.days)
		s.addDays(frac * float64(u.days))
	default:
		s.mul(&s.micros, n, u.micros)
		s.add(&s.micros, rint(frac*float64(u.micros)))
	}
}

func (s *intervalSum) addDays(f float64) {
	whole := math.Trunc(f)
	s.add(&s.days, int64(whole))
	s.add(&s.micros, rint((f-whole)*MicrosPerDay))
}

func (s *intervalSum) interval(text string) (Interval, error) {
	if s.overflow || s.months != int64(int32(s.months)) || s.days != int64(int32(s.days)) {
		return Interval{}, pgerr.New(pgerr.IntervalFieldOverflow, "interval field value out of range: \"%s\"", text)
	}
	return Interval{int32(s.months), int32(s.days), s.micros}, nil
}

func errIntervalSyntax(s string) error {
	return pgerr.New(pgerr.InvalidDatetimeFormat, "invalid input syntax for type interval: \"%s\"", s)
}

// intervalField is one number of an interval's text with the unit after it.
type intervalField struct {
	number string // sign, digits and perhaps a point, colons or a hyphen
	unit   string // "" when no word follows
}

// splitIntervalText cuts the text into numbers with units; ok is false on bytes
// that belong to neither.
func splitIntervalText(s string) (fields []intervalField, ago, ok bool) {
	s = strings.ToLower(s)
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case isSpace(c) || c == '@' || c == ',':
			i++
		case isDigit(c) || c == '+' || c == '-' || c == '.':
			sign := ""
			if c == '+' || c == '-' { // "- 5": blanks may follow the sign
				sign, i = s[i:i+1], spanWhile(s, i+1, isSpace)
			}
			j := spanWhile(s, i, func(c byte) bool { return isTimeByte(c) || c == '-' })
			if j == i || s[i] == '-' || j == i+1 && !isDigit(s[i]) {
				return nil, false, false
			}
			fields = append(fields, intervalField{number: sign + s[i:j]})
			i = j
		case isAlpha(c):
			j := spanWhile(s, i, isAlpha)
			word := s[i:j]
			i = j
			if word == "ago" {
				ago = true
			} else if len(fields) == 0 || fields[len(fields)-1].unit != "" {
				return nil, false, false
			} else {
				fields[len(fields)-1].unit = word
			}
		default:
			return nil, false, false
		}
	}
	return fields, ago, len(fields) > 0
}

// ParseInterval reads an interval; mod gives the meaning of a number without a
// unit, and what is kept.
func ParseInterval(s string, mod int32, style string) (Interval, error) {
	t := trimSpace(s)
	if t != "" && (t[0] == 'P' || t[0] == 'p') && len(t) > 1 && !isAlpha(t[1]) || strings.HasPrefix(t, "PT") {
		iv, err := parseISOInterval(t, s)
		return applyIntervalMod(iv, mod), err
	}
	fields, ago, ok := splitIntervalText(s)
	if !ok {
		return Interval{}, errIntervalSyntax(s)
	}
	allNegative := style == "sql_standard" && leadingSignOnly(fields)
	var sum intervalSum
	var seen []intervalUnit // a unit may be given once
	afterTime := false
	for i := len(fields) - 1; i >= 0; i-- { // from the right: in "1 2:03" the 1 is days
		f := fields[i]
		neg := f.number[0] == '-' || allNegative
		body := strings.TrimLeft(f.number, "+-")
		switch {
		case strings.IndexByte(body, ':') >= 0:
			if f.unit != "" || slices.Contains(seen, intervalUnit{micros: microsPerHour}) || !sum.addTime(body, neg, mod) {
				return Interval{}, errIntervalSyntax(s)
			}
			seen = append(seen, intervalUnit{micros: microsPerHour}, intervalUnit{micros: microsPerMinute}, intervalUnit{micros: MicrosPerSecond})
			afterTime = true
			continue
		case strings.IndexByte(body, '-') > 0 && f.unit == "":
			if !sum.addYearMonth(body, neg) {
				return Interval{}, errIntervalSyntax(s)
			}
		default:
			u, known := defaultIntervalUnit(f.unit, afterTime, mod)
			if !known || slices.Contains(seen, u) || !sum.addNumber(body, neg, u) {
				return Interval{}, errIntervalSyntax(s)
			}
			seen = append(seen, u)
		}
		afterTime = false
	}
	if ago {
		sum.months, sum.days, sum.micros = -sum.months, -sum.days, -sum.micros
	}
	iv, err := sum.interval(s)
	return applyIntervalMod(iv, mod), err
}

// leadingSignOnly reports whether the first field is negative and no other has a sign.
func leadingSignOnly(fields []intervalField) bool {
	if fields[0].number[0] != '-' {
		return false
	}
	for _, f := range fields[1:] {
		if f.number[0] == '-' || f.number[0] == '+' {
			return false
		}
	}
	return true
}

func defaultIntervalUnit(unit string, afterTime bool, mod int32) (intervalUnit, bool) {
	if unit != "" {
		if len(unit) > 10 {
			unit = unit[:10]
		}
		u, ok := intervalUnits[unit]
		if !ok && unit == "millisecon" {
			u, ok = intervalUnits["ms"], true
		} else if !ok && unit == "microsecon" {
			u, ok = intervalUnits["us"], true
		}
		return u, ok
	}
	if afterTime {
		return intervalUnit{days: 1}, true
	}
	rng := mod >> 16 & 0x7fff
	switch {
	case mod < 0 || rng == intervalFullRange || rng&intervalSecond != 0:
		return intervalUnit{micros: MicrosPerSecond}, true
	case rng&intervalMinute != 0:
		return intervalUnit{micros: microsPerMinute}, true
	case rng&intervalHour != 0:
		return intervalUnit{micros: microsPerHour}, true
	case rng&intervalDay != 0:
		return intervalUnit{days: 1}, true
	case rng&intervalMonth != 0:
		return intervalUnit{months: 1}, true
	}
	return intervalUnit{months: 12}, true
}

// addNumber adds digits[.digits] units.
func (s *intervalSum) addNumber(body string, neg bool, u intervalUnit) bool {
	whole, frac, _ := strings.Cut(body, ".")
	var n int64
	var err error
	if whole != "" {
		if n, err = strconv.ParseInt(whole, 10, 64); err != nil {
			if spanWhile(whole, 0, isDigit) < len(whole) {
				return false
			}
			s.overflow = true
		}
	} else if frac == "" {
		return false
	}
	var f float64
	if frac != "" {
		if spanWhile(frac, 0, isDigit) < len(frac) {
			return false
		}
		f, _ = strconv.ParseFloat("0."+frac, 64)
	}
	if neg {
		n, f = -n, -f
	}
	s.addUnits(n, f, u)
	return true
}

func (s *intervalSum) addYearMonth(body string, neg bool) bool {
	y, m, _ := strings.Cut(body, "-")
	years, ok1 := smallInt(y)
	months, ok2 := smallInt(m)
	if !ok1 || !ok2 {
		return false
	}
	if months > 11 {
		s.overflow = true
	}
	total := int64(years)*12 + int64(months)
	if neg {
		total = -total
	}
	s.add(&s.months, total)
	return true
}

// addTime adds hh:mm[:ss[.f]]; mm:ss.f, and mm:ss where the modifier ends in seconds but has no hours.
func (s *intervalSum) addTime(body string, neg bool, mod int32) bool {
	clock, frac, hasFrac := strings.Cut(body, ".")
	parts := strings.Split(clock, ":")
	if len(parts) > 3 || spanWhile(frac, 0, isDigit) < len(frac) {
		return false
	}
	var n [3]int64
	for i, p := range parts {
		v, err := strconv.ParseInt(p, 10, 64)
		if err != nil || p[0] == '-' || p[0] == '+' {
			return false
		}
		n[i] = v
	}
	minuteToSecond := mod >= 0 && mod>>16&0x7fff == intervalMinute|intervalSecond
	if len(parts) == 2 && (hasFrac || minuteToSecond) {
		n[0], n[1], n[2] = 0, n[0], n[1]
	}
	if n[1] > 59 || n[2] > 60 {
		s.overflow = true
	}
	var t intervalSum
	t.mul(&t.micros, n[0], microsPerHour)
	t.mul(&t.micros, n[1], microsPerMinute)
	t.mul(&t.micros, n[2], MicrosPerSecond)
	t.add(&t.micros, parseFraction(frac))
	if neg {
		t.micros = -t.micros
	}
	s.overflow = s.overflow || t.overflow
	s.add(&s.micros, t.micros)
	return true
}

// parseISOInterval reads P1Y2M3DT4H5M6.7S, P2W and P0001-02-03T04:05:06.
func parseISOInterval(t, whole string) (Interval, error) {
	var sum intervalSum
	datePart, timePart, hasTime := strings.Cut(strings.ToUpper(t[1:]), "T")
	if !hasTime && datePart == "" {
		return Interval{}, errIntervalSyntax(whole)
	}
	designators := map[byte]intervalUnit{'Y': {months: 12}, 'M': {months: 1}, 'W': {days: 7}, 'D': {days: 1}}
	if strings.IndexByte(datePart, '-') > 0 && datePart[len(datePart)-1] <= '9' {
		p := strings.Split(datePart, "-")
		units := [...]intervalUnit{{months: 12}, {months: 1}, {days: 1}}
		for i, n := range p {
			if i > 2 || !sum.addNumber(n, false, units[i]) {
				return Interval{}, errIntervalSyntax(whole)
			}
		}
	} else if !sum.addDesignated(datePart, designators) {
		return Interval{}, errIntervalSyntax(whole)
	}
	if strings.IndexByte(timePart, ':') > 0 {
		if !sum.addTime(timePart, false, -1) {
			return Interval{}, errIntervalSyntax(whole)
		}
	} else if !sum.addDesignated(timePart, map[byte]intervalUnit{
		'H': {micros: microsPerHour}, 'M': {micros: microsPerMinute}, 'S': {micros: MicrosPerSecond}}) {
		return Interval{}, errIntervalSyntax(whole)
	}
	return sum.interval(whole)
}

// addDesignated adds numbers that a letter follows each.
func (s *intervalSum) addDesignated(text string, units map[byte]intervalUnit) bool {
	for text != "" {
		i := 0
		if text[0] == '-' || text[0] == '+' {
			i++
		}
		j := spanWhile(text, i, func(c byte) bool { return isDigit(c) || c == '.' })
		if j == i || j == len(text) {
			return false
		}
		u, ok := units[text[j]]
		if !ok || !s.addNumber(text[i:j], text[0] == '-', u) {
			return false
		}
		text = text[j+1:]
	}
	return true
}
