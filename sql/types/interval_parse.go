package types

import (
	"math"
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// Reading intervals, as PostgreSQL's DecodeInterval and DecodeISO8601Interval do. The text is cut into fields, which are
// read from the right: a unit comes before its number then, and what has no unit has the one that fits what follows it.

// intervalUnit is what a number counts. A unit may be given once.
type intervalUnit uint8

const (
	unitNone intervalUnit = iota
	unitMicrosecond
	unitMillisecond
	unitSecond
	unitMinute
	unitHour
	unitDay
	unitWeek
	unitMonth
	unitYear
	unitDecade
	unitCentury
	unitMillennium
	unitAgo // the word that turns all signs around
)

// unitNames has the words by their first ten letters, which are all that count.
var unitNames = func() map[string]intervalUnit {
	m := map[string]intervalUnit{}
	for u, names := range map[intervalUnit]string{
		unitMillennium: "millennium millennia mil mils", unitCentury: "century centuries cent c", unitDecade: "decade decades dec decs",
		unitYear: "year years yr yrs y", unitMonth: "month months mon mons", unitWeek: "week weeks w", unitDay: "day days d",
		unitHour: "hour hours hr hrs h", unitMinute: "minute minutes min mins m", unitSecond: "second seconds sec secs s",
		unitMillisecond: "millisecon msec msecs ms msecond mseconds", unitMicrosecond: "microsecon usec usecs us usecond useconds",
		unitAgo: "ago",
	} {
		for _, n := range strings.Fields(names) {
			m[n] = u
		}
	}
	return m
}()

// unitMask are the units that a unit excludes.
func unitMask(u intervalUnit) int { return 1 << u }

const (
	secondMask = 1<<unitMicrosecond | 1<<unitMillisecond | 1<<unitSecond
	timeMask   = 1<<unitSecond | 1<<unitMinute | 1<<unitHour | secondMask
)

// intervalSum gathers what was read, each field in its own range until they are put together.
type intervalSum struct {
	years, months, days int32
	micros              int64
}

func addTo32(dst *int32, n int64) bool {
	sum := int64(*dst) + n
	*dst = int32(sum)
	return n == int64(int32(n)) && sum == int64(int32(sum))
}

func addTo64(dst *int64, n int64) bool {
	sum := *dst + n
	ok := (sum > *dst) == (n > 0)
	*dst = sum
	return ok
}

// mul64 multiplies; unit is positive.
func mul64(n, unit int64) (int64, bool) {
	p := n * unit
	return p, p/unit == n
}

// addMicros adds n.frac units of a number of microseconds.
func (s *intervalSum) addMicros(n int64, frac float64, unit int64) bool {
	p, ok := mul64(n, unit)
	return ok && addTo64(&s.micros, p) && s.addFraction(frac, unit)
}

// addFraction adds a part of a unit, rounded to a microsecond.
func (s *intervalSum) addFraction(frac float64, unit int64) bool {
	if frac == 0 {
		return true
	}
	frac *= float64(unit)
	us := int64(frac)
	switch frac -= float64(us); {
	case frac > 0.5:
		us++
	case frac < -0.5:
		us--
	}
	return addTo64(&s.micros, us)
}

// addFractionDays adds a part of a unit of some days: whole days, and the rest as time.
func (s *intervalSum) addFractionDays(frac float64, days int64) bool {
	if frac == 0 {
		return true
	}
	frac *= float64(days)
	whole := int64(frac)
	return addTo32(&s.days, whole) && s.addFraction(frac-float64(whole), MicrosPerDay)
}

func (s *intervalSum) addYears(n int64, frac float64, unit int64) bool {
	return n == int64(int32(n)) && addTo32(&s.years, n*unit) && addTo32(&s.months, rint(frac*float64(unit)*12))
}

func (s *intervalSum) addDays(n, unit int64) bool {
	return n == int64(int32(n)) && addTo32(&s.days, n*unit)
}

func (s *intervalSum) addMonths(n int64, frac float64) bool {
	return addTo32(&s.months, n) && s.addFractionDays(frac, 30)
}

// add adds n.frac units; frac has the sign of the number. False: the result is out of range.
func (s *intervalSum) add(n int64, frac float64, u intervalUnit) bool {
	switch u {
	case unitMicrosecond:
		return s.addMicros(n, frac, 1)
	case unitMillisecond:
		return s.addMicros(n, frac, 1000)
	case unitSecond:
		return s.addMicros(n, frac, MicrosPerSecond)
	case unitMinute:
		return s.addMicros(n, frac, microsPerMinute)
	case unitHour:
		return s.addMicros(n, frac, microsPerHour)
	case unitDay:
		return s.addDays(n, 1) && s.addFraction(frac, MicrosPerDay)
	case unitWeek:
		return s.addDays(n, 7) && s.addFractionDays(frac, 7)
	case unitMonth:
		return s.addMonths(n, frac)
	case unitYear:
		return s.addYears(n, frac, 1)
	case unitDecade:
		return s.addYears(n, frac, 10)
	case unitCentury:
		return s.addYears(n, frac, 100)
	}
	return s.addYears(n, frac, 1000)
}

func (s *intervalSum) negate() bool {
	if s.micros == math.MinInt64 || s.days == math.MinInt32 || s.months == math.MinInt32 || s.years == math.MinInt32 {
		return false
	}
	s.micros, s.days, s.months, s.years = -s.micros, -s.days, -s.months, -s.years
	return true
}

func errIntervalSyntax(s string) error {
	return pgerr.New(pgerr.InvalidDatetimeFormat, "invalid input syntax for type interval: \"%s\"", s)
}

// ParseInterval reads an interval; mod gives the meaning of a number without a unit, and what is kept.
func ParseInterval(s string, mod int32, style string) (Interval, error) {
	rng := int32(intervalFullRange)
	if mod >= 0 {
		rng = mod >> 16 & intervalFullRange
	}
	var sum intervalSum
	fields, e := splitIntervalText(s)
	if e == dtOK {
		e = sum.read(fields, rng, style == "sql_standard")
	}
	if e == dtBad {
		sum = intervalSum{}
		e = sum.readISO(s)
	}
	switch e {
	case dtOK:
	case dtOverflow:
		return Interval{}, pgerr.New(pgerr.IntervalFieldOverflow, "interval field value out of range: \"%s\"", s)
	default:
		return Interval{}, errIntervalSyntax(s)
	}
	months := int64(sum.years)*12 + int64(sum.months)
	if months != int64(int32(months)) {
		return Interval{}, errIntervalRange()
	}
	return applyIntervalMod(Interval{int32(months), sum.days, sum.micros}, mod), nil
}

func isPunct(c byte) bool { return c > ' ' && c < 0x7f && !isDigit(c) && !isAlpha(c) }

// splitIntervalText cuts a text as PostgreSQL's ParseDateTime does: a field begins with a digit, a point, a sign or a
// letter; other punctuation separates.
func splitIntervalText(s string) ([]string, dtError) {
	s = strings.ToLower(s)
	var fields []string
	for i := 0; i < len(s); {
		j := i + 1
		switch c := s[i]; {
		case isSpace(c):
			i++
			continue
		case isDigit(c):
			j = spanNumber(s, i)
		case c == '.':
			j = spanWhile(s, j, isDigit)
		case isAlpha(c):
			if j = spanWhile(s, j, isAlpha); j < len(s) && (s[j] == '-' || s[j] == '/' || s[j] == '.') {
				return nil, dtBad // a date, or a zone
			}
		case c == '+' || c == '-':
			k := spanWhile(s, j, isSpace)
			switch {
			case k < len(s) && isDigit(s[k]):
				j = spanWhile(s, k, func(c byte) bool { return isTimeByte(c) || c == '-' })
			default:
				return nil, dtBad
			}
			fields = append(fields, s[i:i+1]+s[k:j])
			i = j
			continue
		case isPunct(c):
			i++
			continue
		default:
			return nil, dtBad
		}
		fields = append(fields, s[i:j])
		i = j
	}
	return fields, dtOK
}

// spanNumber returns where a field that begins with a digit ends: a number, a time, or numbers joined by - / or points.
func spanNumber(s string, i int) int {
	i = spanWhile(s, i, isDigit)
	if i == len(s) {
		return i
	}
	switch delim := s[i]; delim {
	case ':':
		return spanWhile(s, i, isTimeByte)
	case '-', '/', '.':
		i++
		if i < len(s) && !isDigit(s[i]) {
			return spanWhile(s, i, func(c byte) bool { return isDigit(c) || isAlpha(c) || c == delim })
		}
		i = spanWhile(s, i, isDigit)
		if i < len(s) && s[i] == delim {
			return spanWhile(s, i, func(c byte) bool { return isDigit(c) || c == delim })
		}
	}
	return i
}

// rightmostUnit is what a last number without a unit counts, by the fields that the type is restricted to.
func rightmostUnit(rng int32) intervalUnit {
	switch {
	case rng == intervalFullRange || rng&intervalSecond != 0:
		return unitSecond
	case rng&intervalMinute != 0:
		return unitMinute
	case rng&intervalHour != 0:
		return unitHour
	case rng&intervalDay != 0:
		return unitDay
	case rng&intervalMonth != 0:
		return unitMonth
	}
	return unitYear
}

// read adds up the fields of a text. A sign before the first field counts for all in SQL's style, if it is the only one.
func (s *intervalSum) read(fields []string, rng int32, sql bool) dtError {
	negative := sql && len(fields) > 0 && fields[0][0] == '-'
	for _, f := range fields[min(1, len(fields)):] {
		negative = negative && f[0] != '-' && f[0] != '+'
	}
	seen, unit, ago := 0, unitNone, false
	for i := len(fields) - 1; i >= 0; i-- {
		f := fields[i]
		mask := 0
		var e dtError
		switch {
		case isAlpha(f[0]):
			u, ok := unitNames[f[:min(len(f), 10)]]
			if !ok {
				return dtBad
			}
			if u == unitAgo {
				ago, u = true, unitNone
			}
			unit = u
			continue
		case isDigit(f[0]) && strings.Contains(f, ":"):
			e = s.readTime(f, rng, negative)
			mask, unit = timeMask, unitDay
		case !isDigit(f[0]) && strings.Contains(f, ":"):
			if e = s.readTime(f[1:], rng, false); e == dtOK {
				mask, unit = timeMask, unitDay
				if f[0] == '-' {
					s.micros = -s.micros
				}
				if negative && s.micros > 0 {
					s.micros = -s.micros
				}
				break
			}
			fallthrough
		default:
			if unit == unitNone {
				unit = rightmostUnit(rng)
			}
			mask, unit, e = s.readNumber(f, unit, negative)
		}
		if e != dtOK {
			return e
		}
		if mask&seen != 0 {
			return dtBad
		}
		seen |= mask
	}
	switch {
	case seen == 0:
		return dtBad
	case ago && !s.negate():
		return dtOverflow
	}
	return dtOK
}

// readNumber reads a number of units, or years and months with a hyphen between. It returns the mask of what it gave, and
// the unit of a number to its left that has none.
func (s *intervalSum) readNumber(f string, unit intervalUnit, negative bool) (int, intervalUnit, dtError) {
	end := 0
	if f[0] == '-' || f[0] == '+' {
		end++
	}
	digits := spanWhile(f, end, isDigit)
	var n int64
	var err error
	if digits > end {
		if n, err = strconv.ParseInt(f[:digits], 10, 64); err != nil {
			return 0, unit, dtOverflow
		}
	} else {
		digits = 0 // strtol takes no sign without digits
	}
	var frac float64
	switch rest := f[digits:]; {
	case rest == "":
	case rest[0] == '-':
		months, err := strconv.Atoi(rest[1:])
		if err != nil && spanWhile(rest, 1, isDigit) < len(rest) {
			return 0, unit, dtBad
		}
		if err != nil || months > 11 {
			return 0, unit, dtOverflow
		}
		if f[0] == '-' {
			months = -months
		}
		years, ok := mul64(n, 12)
		if n = years; !ok || !addTo64(&n, int64(months)) {
			return 0, unit, dtOverflow
		}
		unit = unitMonth
	case rest[0] == '.':
		if rest != "." {
			if frac, err = strconv.ParseFloat("0"+rest, 64); err != nil {
				return 0, unit, dtBad
			}
		}
		if f[0] == '-' {
			frac = -frac
		}
	default:
		return 0, unit, dtBad
	}
	if negative {
		n, frac = min(n, -n), min(frac, -frac)
	}
	if !s.add(n, frac, unit) {
		return 0, unit, dtOverflow
	}
	switch {
	case unit == unitSecond && frac != 0:
		return secondMask, unit, dtOK
	case unit == unitHour:
		return unitMask(unit), unitDay, dtOK
	}
	return unitMask(unit), unit, dtOK
}

// readTime sets the time to hh:mm[:ss[.f]], or mm:ss.f, or mm:ss where the type has no hours.
func (s *intervalSum) readTime(f string, rng int32, negative bool) dtError {
	clock, fraction, hasFraction := strings.Cut(f, ".")
	parts := strings.Split(clock, ":")
	if len(parts) > 3 || spanWhile(fraction, 0, isDigit) < len(fraction) {
		return dtBad
	}
	var n [3]int64
	for i, p := range parts {
		if p == "" {
			continue
		}
		v, err := strconv.ParseInt(p, 10, 64)
		if err != nil || i > 0 && v > math.MaxInt32 {
			return dtOverflow
		}
		n[i] = v
	}
	if len(parts) == 2 && (hasFraction || rng == intervalMinute|intervalSecond) {
		n[0], n[1], n[2] = 0, n[0], n[1]
	}
	if n[1] > 59 || n[2] > 60 {
		return dtOverflow
	}
	us := parseFraction(fraction)
	h, ok := mul64(n[0], microsPerHour)
	if !ok || !addTo64(&us, h) || !addTo64(&us, n[1]*microsPerMinute) || !addTo64(&us, n[2]*MicrosPerSecond) {
		return dtOverflow
	}
	if negative {
		us = -us
	}
	s.micros = us
	return dtOK
}

// isoNumber reads a number of an ISO interval: a floating-point one, split into its whole part and the rest.
func isoNumber(t string) (n int64, frac float64, rest string, e dtError) {
	if t == "" || !isDigit(t[0]) && t[0] != '-' && t[0] != '.' {
		return 0, 0, "", dtBad
	}
	i := 0
	if t[0] == '-' {
		i++
	}
	i = spanWhile(t, i, func(c byte) bool { return isDigit(c) || c == '.' })
	if k := strings.IndexByte(t[:i], '.'); k >= 0 {
		i = spanWhile(t, k+1, isDigit)
	}
	if i < len(t) && (t[i] == 'e' || t[i] == 'E') {
		j := i + 1
		if j < len(t) && (t[j] == '-' || t[j] == '+') {
			j++
		}
		if k := spanWhile(t, j, isDigit); k > j {
			i = k
		}
	}
	f, err := strconv.ParseFloat(t[:i], 64)
	if err != nil {
		return 0, 0, "", dtBad
	}
	if math.Abs(f) > 1e15 {
		return 0, 0, "", dtOverflow
	}
	n = int64(f)
	return n, f - float64(n), t[i:], dtOK
}

// isoUnit is the unit of a letter in the date or the time part.
func isoUnit(c byte, date bool) intervalUnit {
	switch {
	case date && c == 'Y':
		return unitYear
	case date && c == 'M':
		return unitMonth
	case date && c == 'W':
		return unitWeek
	case date && c == 'D':
		return unitDay
	case !date && c == 'H':
		return unitHour
	case !date && c == 'M':
		return unitMinute
	case !date && c == 'S':
		return unitSecond
	}
	return unitNone
}

// readISO reads P1Y2M3DT4H5M6.7S and its like, and the alternative formats P00010203T040506 and P0001-02-03T04:05:06.
func (s *intervalSum) readISO(t string) dtError {
	if len(t) < 2 || t[0] != 'P' {
		return dtBad
	}
	date, found := true, false
	for t = t[1:]; t != ""; {
		if t[0] == 'T' {
			date, found, t = false, false, t[1:]
			continue
		}
		width := spanWhile(t, 0, func(c byte) bool { return c == '-' }) // one at most, or no number follows
		width = spanWhile(t, width, isDigit) - width
		n, frac, rest, e := isoNumber(t)
		if e != dtOK {
			return e
		}
		if rest != "" && isoUnit(rest[0], date) != unitNone {
			if !s.add(n, frac, isoUnit(rest[0], date)) {
				return dtOverflow
			}
			found, t = true, rest[1:]
			continue
		}
		basic := rest == "" || date && rest[0] == 'T'
		switch {
		case !basic && (rest == "" || rest[0] != map[bool]byte{true: '-', false: ':'}[date]):
			return dtBad
		case basic && !found && (date && width == 8 || !date && width == 6):
			if !s.addBasic(n, frac, date) {
				return dtOverflow
			}
		case found:
			return dtBad
		default:
			if rest, e = s.readExtended(n, frac, rest, date); e != dtOK {
				return e
			}
		}
		t = rest
		if rest != "" && !date {
			return dtBad
		}
		found = false
	}
	return dtOK
}

// addBasic adds a date or a time that was written as one number.
func (s *intervalSum) addBasic(n int64, frac float64, date bool) bool {
	if date {
		return s.add(n/10000, 0, unitYear) && s.add(n/100%100, 0, unitMonth) && s.add(n%100, frac, unitDay)
	}
	return s.add(n/10000, 0, unitHour) && s.add(n/100%100, 0, unitMinute) && s.add(n%100, 0, unitSecond) && s.addFraction(frac, 1)
}

// readExtended reads a date or a time with separators, of which the first number is read. What is left is empty, or the T
// before a time.
func (s *intervalSum) readExtended(n int64, frac float64, rest string, date bool) (string, dtError) {
	units, separator := [...]intervalUnit{unitHour, unitMinute, unitSecond}, byte(':')
	if date {
		units, separator = [...]intervalUnit{unitYear, unitMonth, unitDay}, '-'
	}
	for i := 0; ; i++ {
		if !s.add(n, frac, units[i]) {
			return "", dtOverflow
		}
		if rest == "" || date && rest[0] == 'T' {
			return rest, dtOK
		}
		if i == len(units)-1 || rest[0] != separator {
			return "", dtBad
		}
		var e dtError
		if n, frac, rest, e = isoNumber(rest[1:]); e != dtOK {
			return "", e
		}
	}
}
