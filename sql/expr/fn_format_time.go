package expr

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// timeKeys are the elements of date and time templates, longer before shorter.
var timeKeys = [...]string{"Y,YYY", "MONTH", "SSSSS", "A.D.", "B.C.", "A.M.", "P.M.", "HH24", "HH12", "IDDD", "IYYY", "SSSS", "YYYY", "DAY", "DDD",
	"IYY", "MON", "TZH", "TZM", "YYY", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6", "AD", "BC", "AM", "PM", "CC", "DD", "DY", "FX", "HH", "ID", "IW",
	"IY", "MI", "MM", "MS", "OF", "RM", "SS", "TZ", "US", "WW", "YY", "D", "I", "J", "Q", "W", "Y"}

// timeNode is an element of a template: a keyword as written, with its modifiers, or a character of text.
type timeNode struct {
	key    string // upper case; "" for text
	raw    string // as written, which decides the case of names
	fill   bool   // FM
	suffix string // "TH" or "th"
	quoted bool
}

// timeKey is the keyword that s begins with: it is written in one case, but for names that begin with a capital.
func timeKey(s string) string {
	for _, k := range timeKeys {
		if len(s) < len(k) {
			continue
		}
		raw := s[:len(k)]
		if raw == k || raw == strings.ToLower(k) {
			return k
		}
		switch raw {
		case "Month", "Mon", "Day", "Dy":
			if strings.EqualFold(raw, k) {
				return k
			}
		}
	}
	return ""
}

func parseTimeFormat(s string) []timeNode {
	var out []timeNode
	for s != "" {
		if s[0] == '"' {
			var text string
			text, s = quotedText(s[1:])
			for _, r := range text {
				out = append(out, timeNode{raw: string(r), quoted: true})
			}
			continue
		}
		n := timeNode{}
		if len(s) >= 2 {
			switch s[:2] {
			case "FM", "fm":
				n.fill, s = true, s[2:]
			case "TM", "tm":
				s = s[2:]
			}
		}
		if s == "" {
			break
		}
		if n.key = timeKey(s); n.key == "" {
			if strings.HasPrefix(s, "\\\"") {
				s = s[1:]
			}
			_, size := utf8.DecodeRuneInString(s)
			out = append(out, timeNode{raw: s[:size]})
			s = s[size:]
			continue
		}
		n.raw, s = s[:len(n.key)], s[len(n.key):]
		if len(s) >= 2 {
			switch s[:2] {
			case "TH", "th":
				n.suffix, s = s[:2], s[2:]
			case "SP":
				s = s[2:]
			}
		}
		out = append(out, n)
	}
	return out
}

var monthNames = [...]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
var dayNames = [...]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}
var romanMonths = [...]string{"I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"}

// clock is a value that to_char prints.
type clock struct {
	fields
	days     int64 // since 2000-01-01
	hours    int64 // of an interval, more than a day's too
	zone     string
	offset   int64 // seconds east
	interval bool
	zoned    bool
}

func clockOf(c *Call, d types.Datum) (clock, bool) {
	switch c.Types[0].Oid {
	case types.IntervalOid:
		iv := d.Interval()
		k := clock{interval: true}
		k.year, k.month, k.day = int(iv.Months/12), int(iv.Months%12), int(iv.Days)
		k.micros, k.hours = iv.Micros, iv.Micros/3_600_000_000
		return k, true
	case types.TimestamptzOid:
		if !types.TimestampIsFinite(d.Int()) {
			return clock{}, false
		}
		loc := c.IO().TimeZone
		local := types.TimestamptzToLocal(d.Int(), loc)
		k := clock{fields: breakDown(local), zoned: true}
		k.zone, _ = types.TimeFromTimestamp(d.Int()).In(loc).Zone()
		k.offset = (local - d.Int()) / 1_000_000
		k.complete()
		return k, true
	}
	if !types.TimestampIsFinite(d.Int()) {
		return clock{}, false
	}
	k := clock{fields: breakDown(d.Int())}
	k.complete()
	return k, true
}

func (k *clock) complete() {
	k.days = types.DaysFromDate(k.year, k.month, k.day)
	k.hours = k.micros / 3_600_000_000
}

// cased prints a name in the case of its keyword.
func cased(name, raw string) string {
	switch {
	case raw == strings.ToUpper(raw):
		return strings.ToUpper(name)
	case raw == strings.ToLower(raw):
		return strings.ToLower(name)
	}
	return name
}

func timeToChar(c *Call, d, format types.Datum) (types.Datum, error) {
	k, ok := clockOf(c, d)
	if !ok || format.Str() == "" {
		return types.Null, nil
	}
	var b strings.Builder
	for _, n := range parseTimeFormat(format.Str()) {
		if n.key == "" {
			b.WriteString(n.raw)
			continue
		}
		s, err := k.element(n)
		if err != nil {
			return types.Null, err
		}
		if n.suffix != "" && s != "" && isDigits(n.key) && n.key != "TZM" {
			s += ordinalSuffix(s, n.suffix == "TH")
		}
		b.WriteString(s)
	}
	return types.NewString(b.String()), nil
}

// padded prints a number with leading zeros, unless FM; a sign is beyond the width.
func padded(n timeNode, v int64, width int) string {
	if v < 0 {
		width++
	}
	return padded0(n, v, width)
}

// padded0 is padded with the sign as a part of the width.
func padded0(n timeNode, v int64, width int) string {
	if n.fill {
		return strconv.FormatInt(v, 10)
	}
	return fmt.Sprintf("%0*d", width, v)
}

func named(n timeNode, name string, width int) string {
	s := cased(name, n.raw)
	if n.fill {
		return s
	}
	return fmt.Sprintf("%-*s", width, s)
}

func (k *clock) element(n timeNode) (string, error) {
	switch n.key {
	case "HH24":
		return padded(n, k.hours, 2), nil
	case "HH", "HH12":
		h := k.hours % 12
		if h == 0 {
			h = 12
		}
		width := 2
		if k.hours < 0 && h > 0 {
			width = 3
		}
		return padded(n, h, width), nil
	case "MI":
		return padded(n, k.micros/60_000_000%60, 2), nil
	case "SS":
		return padded(n, k.micros/1_000_000%60, 2), nil
	case "SSSS", "SSSSS":
		return strconv.FormatInt(k.micros/1_000_000, 10), nil
	case "MS":
		return fmt.Sprintf("%03d", k.micros%1_000_000/1000), nil
	case "US":
		return fmt.Sprintf("%06d", k.micros%1_000_000), nil
	case "FF1", "FF2", "FF3", "FF4", "FF5", "FF6":
		digits := int(n.key[2] - '0')
		v := k.micros % 1_000_000
		for range 6 - digits {
			v /= 10
		}
		return fmt.Sprintf("%0*d", digits, v), nil
	case "AM", "PM", "A.M.", "P.M.":
		s := "am"
		if k.hours%24 >= 12 {
			s = "pm"
		}
		if len(n.key) == 4 {
			s = s[:1] + "." + s[1:] + "."
		}
		if n.raw[0] >= 'a' {
			return s, nil
		}
		return strings.ToUpper(s), nil
	}
	return k.dateElement(n)
}

func abs64(n int64) int64 { return max(n, -n) }

// shownYear counts years before 1 AD from 1.
func (k *clock) shownYear(y int64) int64 {
	if y <= 0 && !k.interval {
		return 1 - y
	}
	return y
}

func (k *clock) dateElement(n timeNode) (string, error) {
	if k.interval {
		switch n.key {
		case "MONTH", "MON", "DAY", "DY", "D", "ID", "TZ", "TZH", "TZM", "OF", "AD", "BC", "A.D.", "B.C.":
			return "", pgerr.New(pgerr.InvalidDatetimeFormat, "invalid format specification for an interval value").
				WithHint("Intervals are not tied to specific calendar dates.")
		}
	}
	year := k.shownYear(int64(k.year))
	switch n.key {
	case "YYYY":
		return padded(n, year, 4), nil
	case "YYY":
		return padded(n, year%1000, 3), nil
	case "YY":
		return padded(n, year%100, 2), nil
	case "Y":
		return padded(n, year%10, 1), nil
	case "Y,YYY":
		return fmt.Sprintf("%d,%03d", year/1000, year%1000), nil
	case "MM":
		return padded(n, int64(k.month), 2), nil
	case "DD":
		return padded0(n, int64(k.day), 2), nil
	case "W":
		return strconv.Itoa((k.day-1)/7 + 1), nil
	case "Q":
		if k.month == 0 {
			return "", nil
		}
		return strconv.Itoa((k.month-1)/3 + 1), nil
	case "CC":
		c := int64(k.year) / 100
		switch {
		case k.interval:
		case k.year > 0:
			c = int64(k.year-1)/100 + 1
		default:
			c--
		}
		if c > 99 || c < -99 {
			return strconv.FormatInt(c, 10), nil
		}
		return padded(n, c, 2), nil
	}
	return k.dayElement(n)
}

// dayElement prints what is told of the day as a whole. Of an interval it is what the same arithmetic gives, a year of
// twelve months of 30 days in the case of DDD and WW.
func (k *clock) dayElement(n timeNode) (string, error) {
	julian := julianDay(int64(k.year), int64(k.month), int64(k.day))
	days := julian - postgresEpochJulian
	doy := days - types.DaysFromDate(k.year, 1, 1) + 1
	if k.interval {
		doy = int64(k.year*12+k.month)*30 + int64(k.day)
	}
	isoYear, week := isoYearWeek(int64(k.year), julian)
	iso, sign := k.shownYear(isoYear), 0
	if k.shownYear(int64(k.year)) < 0 {
		sign = 1
	}
	switch n.key {
	case "IYYY":
		return padded0(n, iso, 4+sign), nil
	case "IYY":
		return padded0(n, iso%1000, 3+sign), nil
	case "IY":
		return padded0(n, iso%100, 2+sign), nil
	case "I":
		return padded0(n, iso%10, 1+sign), nil
	case "IW":
		return padded0(n, week, 2), nil
	case "IDDD":
		return padded0(n, julian-isoWeekStart(isoYear, 1)+1, 3), nil
	case "DDD":
		return padded0(n, doy, 3), nil
	case "D":
		return strconv.FormatInt(isoDow(days)%7+1, 10), nil
	case "ID":
		return strconv.FormatInt(isoDow(days), 10), nil
	case "WW":
		return padded0(n, (doy-1)/7+1, 2), nil
	case "J":
		return strconv.FormatInt(julian, 10), nil
	}
	return k.nameElement(n, isoDow(days)%7)
}

const postgresEpochJulian = 2451545 // 2000-01-01

// julianDay is PostgreSQL's date2j. Months and days of intervals, which are out of a calendar's range, have one too.
func julianDay(y, m, d int64) int64 {
	if m > 2 {
		m, y = m+1, y+4800
	} else {
		m, y = m+13, y+4799
	}
	century := y / 100
	return y*365 - 32167 + y/4 - century + century/4 + 7834*m/256 + d
}

// isoWeekStart is the Julian day of the Monday that a week of an ISO year begins with.
func isoWeekStart(year, week int64) int64 {
	jan4 := julianDay(year, 1, 4)
	return (week-1)*7 + jan4 - (isoDow(jan4-postgresEpochJulian) - 1)
}

// isoYearWeek is the ISO year and week of a Julian day in a year.
func isoYearWeek(year, julian int64) (y, week int64) {
	start := isoWeekStart(year, 1)
	if julian < start {
		year--
		start = isoWeekStart(year, 1)
	}
	week = (julian-start)/7 + 1
	if week >= 52 {
		if next := isoWeekStart(year+1, 1); julian >= next {
			return year + 1, (julian-next)/7 + 1
		}
	}
	return year, week
}

// romanMonth is the name of a month, or of an interval's months: those of whole years count as December, negative ones
// from the end of the year.
func (k *clock) romanMonth() string {
	switch {
	case k.month == 0 && k.year == 0:
		return ""
	case k.month == 0 && k.year > 0:
		return romanMonths[11]
	case k.month == 0:
		return romanMonths[0]
	case k.month < 0:
		return romanMonths[12+k.month]
	}
	return romanMonths[k.month-1]
}

func (k *clock) nameElement(n timeNode, dow int64) (string, error) {
	switch n.key {
	case "MONTH":
		return named(n, monthNames[k.month-1], 9), nil
	case "MON":
		return cased(monthNames[k.month-1][:3], n.raw), nil
	case "RM":
		name := k.romanMonth()
		if name == "" {
			return "", nil
		}
		return named(n, name, 4), nil
	case "DAY":
		return named(n, dayNames[dow], 9), nil
	case "DY":
		return cased(dayNames[dow][:3], n.raw), nil
	case "AD", "BC", "A.D.", "B.C.":
		s := "ad"
		if k.year <= 0 {
			s = "bc"
		}
		if len(n.key) == 4 {
			s = s[:1] + "." + s[1:] + "."
		}
		if n.raw[0] >= 'a' {
			return s, nil
		}
		return strings.ToUpper(s), nil
	case "TZ":
		if n.raw == "tz" {
			return strings.ToLower(k.zone), nil
		}
		return k.zone, nil
	}
	return k.offsetElement(n), nil
}

func (k *clock) offsetElement(n timeNode) string {
	sign, off := '+', abs64(k.offset)
	if k.offset < 0 {
		sign = '-'
	}
	switch n.key {
	case "TZH":
		return fmt.Sprintf("%c%02d", sign, off/3600)
	case "TZM":
		return fmt.Sprintf("%02d", off/60%60)
	case "OF":
		s := fmt.Sprintf("%c%s", sign, padded(n, off/3600, 2))
		if m := off / 60 % 60; m != 0 {
			s += fmt.Sprintf(":%02d", m)
		}
		return s
	}
	return ""
}
