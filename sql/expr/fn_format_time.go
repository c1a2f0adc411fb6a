package expr

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// timeKeys are the elements of date and time templates, longer before shorter.
var timeKeys = [...]string{"Y,YYY", "MONTH", "SSSSS", "A.D.", "B.C.", "A.M.", "P.M.", "HH24", "HH12", "IDDD", "IYYY", "SSSS", "YYYY", "DAY", "DDD",
	"IYY", "MON", "TZH", "TZM", "YYY", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6", "AD", "BC", "AM", "PM", "CC", "DD", "DY", "FX", "HH", "ID", "IW",
	"IY", "MI", "MM", "MS", "OF", "RM", "SS", "TZ", "US", "WW", "YY", "D", "I", "J", "Q", "W", "Y"}

// timeNode is an element of a template: a keyword as written, with its modifiers, or literal text.
type timeNode struct {
	key    string // upper case; "" for text
	raw    string // as written, which decides the case of names
	fill   bool   // FM
	suffix string // "TH" or "th"
	quoted bool
}

func parseTimeFormat(s string) []timeNode {
	var out []timeNode
	for i := 0; i < len(s); {
		if s[i] == '"' {
			j := i + 1
			for j < len(s) && s[j] != '"' {
				if s[j] == '\\' && j+1 < len(s) {
					j++
				}
				j++
			}
			out = append(out, timeNode{raw: strings.ReplaceAll(s[i+1:min(j, len(s))], `\`, ""), quoted: true})
			i = j + 1
			continue
		}
		n := timeNode{}
		start := i
		for {
			if len(s) >= i+2 && strings.EqualFold(s[i:i+2], "FM") {
				n.fill = true
				i += 2
			} else if len(s) >= i+2 && s[i:i+2] == "TM" {
				i += 2
			} else {
				break
			}
		}
		for _, k := range timeKeys {
			if len(s) >= i+len(k) && strings.EqualFold(s[i:i+len(k)], k) {
				n.key, n.raw = k, s[i:i+len(k)]
				break
			}
		}
		if n.key == "" {
			i = start
			if s[i] == '\\' && i+1 < len(s) && s[i+1] == '"' {
				i++
			}
			out = append(out, timeNode{raw: s[i : i+1]})
			i++
			continue
		}
		i += len(n.key)
		if len(s) >= i+2 && strings.EqualFold(s[i:i+2], "TH") {
			n.suffix = s[i : i+2]
			i += 2
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
		if n.suffix != "" && s != "" {
			s += ordinalSuffix(s, n.suffix == "TH")
		}
		b.WriteString(s)
	}
	return types.NewString(b.String()), nil
}

// padded prints a number with leading zeros, unless FM.
func padded(n timeNode, v int64, width int) string {
	if n.fill {
		return strconv.FormatInt(v, 10)
	}
	if v < 0 {
		width++
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
		return padded(n, h, 2), nil
	case "MI":
		return padded(n, abs64(k.micros/60_000_000%60), 2), nil
	case "SS":
		return padded(n, abs64(k.micros/1_000_000%60), 2), nil
	case "SSSS", "SSSSS":
		return strconv.FormatInt(k.micros/1_000_000, 10), nil
	case "MS":
		return fmt.Sprintf("%03d", abs64(k.micros/1000%1000)), nil
	case "US":
		return fmt.Sprintf("%06d", abs64(k.micros%1_000_000)), nil
	case "FF1", "FF2", "FF3", "FF4", "FF5", "FF6":
		return fmt.Sprintf("%06d", abs64(k.micros%1_000_000))[:n.key[2]-'0'], nil
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

func (k *clock) dateElement(n timeNode) (string, error) {
	if k.interval {
		switch n.key {
		case "MONTH", "MON", "DAY", "DY", "D", "ID", "TZ", "TZH", "TZM", "OF", "AD", "BC", "A.D.", "B.C.":
			return "", pgerr.New(pgerr.InvalidDatetimeFormat, "invalid format specification for an interval value").
				WithHint("Intervals are not tied to specific calendar dates.")
		}
	}
	year := int64(k.year)
	if year <= 0 && !k.interval {
		year = 1 - year
	}
	isoYear, week := isoWeek(k.days)
	dow := isoDow(k.days) % 7
	doy := k.days - types.DaysFromDate(k.year, 1, 1) + 1
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
	case "IYYY":
		return padded(n, isoYear, 4), nil
	case "IYY":
		return padded(n, isoYear%1000, 3), nil
	case "IY":
		return padded(n, isoYear%100, 2), nil
	case "I":
		return padded(n, isoYear%10, 1), nil
	case "MM":
		return padded(n, int64(k.month), 2), nil
	case "DD":
		return padded(n, int64(k.day), 2), nil
	case "DDD":
		return padded(n, doy, 3), nil
	case "IDDD":
		return padded(n, (week-1)*7+isoDow(k.days), 3), nil
	case "D":
		return strconv.FormatInt(dow+1, 10), nil
	case "ID":
		return strconv.FormatInt(isoDow(k.days), 10), nil
	case "IW":
		return padded(n, week, 2), nil
	case "WW":
		return padded(n, (doy-1)/7+1, 2), nil
	case "W":
		return strconv.Itoa((k.day-1)/7 + 1), nil
	case "Q":
		if k.month == 0 {
			return "", nil
		}
		return strconv.Itoa((k.month-1)/3 + 1), nil
	case "J":
		return strconv.FormatInt(k.days+2451545, 10), nil
	case "CC":
		p, _ := datePart("century", k.fields)
		return padded(n, p.coef, 2), nil
	}
	return k.nameElement(n, dow)
}

func (k *clock) nameElement(n timeNode, dow int64) (string, error) {
	switch n.key {
	case "MONTH", "MON", "RM":
		if k.month < 1 {
			return "", nil
		}
		switch n.key {
		case "MONTH":
			return named(n, monthNames[k.month-1], 9), nil
		case "MON":
			return cased(monthNames[k.month-1][:3], n.raw), nil
		}
		return named(n, romanMonths[k.month-1], 4), nil
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
	case "TZH":
		return fmt.Sprintf("%+03d", k.offset/3600), nil
	case "TZM":
		return fmt.Sprintf("%02d", abs64(k.offset)/60%60), nil
	case "OF":
		s := fmt.Sprintf("%+03d", k.offset/3600)
		if m := abs64(k.offset) / 60 % 60; m != 0 {
			s += fmt.Sprintf(":%02d", m)
		}
		return s, nil
	}
	return "", nil
}

// timeReader takes a text apart by a template.
type timeReader struct {
	in                             string
	year, month, day, doy          int64
	hour, minute, second, micros   int64
	half                           int // 1 AM, 2 PM
	hour12, hasDay, bc, hasYear    bool
	offset                         int64
	hasOffset                      bool
	week, isoDay, isoYear, julian  int64
	secondsOfDay                   int64
	hasIso, hasJulian, hasSeconds2 bool
	strict                         bool  // a number before another has its full width
	zoneSign                       int64 // of TZH
}

func invalidValue(value, field, detail string) error {
	e := pgerr.New(pgerr.InvalidDatetimeFormat, "invalid value %q for %q", value, field)
	if detail != "" {
		e = e.WithDetail("%s", detail)
	}
	return e
}

// number reads up to width digits (all there are if the next element is no number).
func (r *timeReader) number(n timeNode, width int, greedy bool) (int64, int, error) {
	r.in = strings.TrimLeft(r.in, " \t\n")
	if r.strict && !greedy && len(r.in) < width {
		return 0, 0, pgerr.New(pgerr.InvalidDatetimeFormat, "source string too short for \"%s\" formatting field", n.raw).
			WithDetail("Field requires %d characters, but only %d remain.", width, len(r.in)).
			WithHint("If your source string is not fixed-width, try using the \"FM\" modifier.")
	}
	i := 0
	if i < len(r.in) && (r.in[i] == '-' || r.in[i] == '+') {
		i++
	}
	start := i
	for i < len(r.in) && r.in[i] >= '0' && r.in[i] <= '9' && (greedy || i-start < width) {
		i++
	}
	if i == start {
		v := r.in
		if len(v) > width {
			v = v[:width]
		}
		return 0, 0, invalidValue(v, n.raw, "Value must be an integer.")
	}
	if r.strict && !greedy && i < width {
		return 0, 0, pgerr.New(pgerr.InvalidDatetimeFormat, "invalid value \"%s\" for \"%s\"", r.in[:width], n.raw).
			WithDetail("Field requires %d characters, but only %d could be parsed.", width, i).
			WithHint("If your source string is not fixed-width, try using the \"FM\" modifier.")
	}
	v, err := strconv.ParseInt(r.in[:i], 10, 64)
	if err != nil {
		return 0, 0, invalidValue(r.in[:i], n.raw, "")
	}
	r.in = r.in[i:]
	return v, i - start, nil
}

// name reads one of some names and returns its index.
func (r *timeReader) name(n timeNode, names []string, short bool) (int64, error) {
	r.in = strings.TrimLeft(r.in, " \t\n")
	for i, s := range names {
		if short {
			s = s[:3]
		}
		if len(r.in) >= len(s) && strings.EqualFold(r.in[:len(s)], s) {
			r.in = r.in[len(s):]
			return int64(i), nil
		}
	}
	word := r.in
	if i := strings.IndexByte(word, ' '); i > 0 {
		word = word[:i]
	}
	return 0, invalidValue(word, n.raw, "The given value did not match any of the allowed values for this field.")
}

func readTime(in, format string) (*timeReader, error) {
	r := &timeReader{in: in, month: 1, day: 1}
	nodes := parseTimeFormat(format)
	for i, n := range nodes {
		if n.key == "" {
			r.skip(n)
			continue
		}
		if strings.TrimLeft(r.in, " ") == "" {
			break
		}
		greedy := i+1 == len(nodes) || nodes[i+1].key == ""
		if err := r.element(n, greedy); err != nil {
			return nil, err
		}
		if n.suffix != "" && len(r.in) >= 2 {
			r.in = r.in[2:]
		}
	}
	return r, nil
}

// skip passes what a template has as text: a separator matches any separator.
func (r *timeReader) skip(n timeNode) {
	isSep := func(c byte) bool {
		return !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80)
	}
	if n.quoted {
		r.in = r.in[min(len(n.raw), len(r.in)):]
		return
	}
	if n.raw == " " || isSep(n.raw[0]) {
		for len(r.in) > 0 && (r.in[0] == ' ' || r.in[0] == '\t') {
			r.in = r.in[1:]
		}
		if len(r.in) > 0 && isSep(r.in[0]) && !(r.in[0] == '-' || r.in[0] == '+') || len(r.in) > 0 && r.in[0] == n.raw[0] {
			r.in = r.in[1:]
		} else if len(r.in) > 0 && (r.in[0] == '-' || r.in[0] == '+') && n.raw != " " {
			r.in = r.in[1:]
		}
		return
	}
	if len(r.in) > 0 {
		r.in = r.in[1:]
	}
}

func (r *timeReader) element(n timeNode, greedy bool) error {
	num := func(dst *int64, width int) error {
		v, _, err := r.number(n, width, greedy && !strings.HasPrefix(n.key, "MS"))
		*dst = v
		return err
	}
	switch n.key {
	case "YYYY", "IYYY", "YYY", "YY", "Y", "IYY", "IY", "I":
		return r.yearElement(n, greedy)
	case "MM":
		return num(&r.month, 2)
	case "DD":
		r.hasDay = true
		return num(&r.day, 2)
	case "DDD":
		return num(&r.doy, 3)
	case "HH24":
		return num(&r.hour, 2)
	case "HH", "HH12":
		r.hour12 = true
		if err := num(&r.hour, 2); err != nil {
			return err
		}
		if r.hour < 1 || r.hour > 12 {
			return pgerr.New(pgerr.InvalidDatetimeFormat, "hour \"%d\" is invalid for the 12-hour clock", r.hour).
				WithHint("Use the 24-hour clock, or give an hour between 1 and 12.")
		}
		return nil
	case "MI":
		return num(&r.minute, 2)
	case "SS":
		return num(&r.second, 2)
	case "J":
		r.hasJulian = true
		return num(&r.julian, 7)
	case "IW", "WW":
		r.hasIso = true
		return num(&r.week, 2)
	case "ID", "D":
		return num(&r.isoDay, 1)
	case "SSSS", "SSSSS":
		r.hasSeconds2 = true
		return num(&r.secondsOfDay, 5)
	}
	return r.otherElement(n)
}

func (r *timeReader) yearElement(n timeNode, greedy bool) error {
	width := len(n.key)
	v, used, err := r.number(n, width, greedy && width == 4)
	if err != nil {
		return err
	}
	if used < 4 && width < 4 || used <= 2 && width < 4 {
		switch {
		case v < 70:
			v += 2000
		case v < 100:
			v += 1900
		case v < 520:
			v += 2000
		case v < 1000:
			v += 1000
		}
	}
	r.hasYear = true
	if n.key[0] == 'I' {
		r.isoYear, r.hasIso = v, true
		return nil
	}
	r.year = v
	return nil
}

func (r *timeReader) otherElement(n timeNode) error {
	switch n.key {
	case "MONTH", "MON":
		m, err := r.name(n, monthNames[:], n.key == "MON")
		r.month = m + 1
		return err
	case "DAY", "DY":
		_, err := r.name(n, dayNames[:], n.key == "DY")
		return err
	case "MS", "US", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6":
		width := map[string]int{"MS": 3, "US": 6}[n.key]
		if width == 0 {
			width = int(n.key[2] - '0')
		}
		v, used, err := r.number(n, width, false)
		for range 6 - used {
			v *= 10
		}
		r.micros = v
		return err
	case "AM", "PM", "A.M.", "P.M.":
		i, err := r.name(n, []string{"a.m.", "p.m.", "am", "pm"}, false)
		r.half = int(i)%2 + 1
		return err
	case "AD", "BC", "A.D.", "B.C.":
		i, err := r.name(n, []string{"a.d.", "b.c.", "ad", "bc"}, false)
		r.bc = i%2 == 1
		return err
	case "TZH":
		v, _, err := r.number(n, 2, false)
		r.offset, r.hasOffset = v*3600, true
		return err
	case "TZM":
		v, _, err := r.number(n, 2, false)
		r.offset += v * 60
		return err
	case "FX":
		return nil
	}
	return pgerr.New(pgerr.FeatureNotSupported, "formatting field \"%s\" is only supported in to_char", n.raw)
}

// timestamp assembles what was read.
func (r *timeReader) timestamp() (int64, error) {
	days, err := r.date()
	if err != nil {
		return 0, err
	}
	switch {
	case r.half == 2 && r.hour < 12:
		r.hour += 12
	case r.half == 1 && r.hour == 12, r.hour12 && r.half == 0 && r.hour == 12:
		r.hour = 0
	}
	if r.hour > 23 || r.minute > 59 || r.second > 59 {
		return 0, pgerr.New(pgerr.DatetimeFieldOverflow, "date/time field value out of range: \"%s\"", r.in)
	}
	us := ((r.hour*60+r.minute)*60+r.second)*1_000_000 + r.micros
	if r.hasSeconds2 {
		us = r.secondsOfDay * 1_000_000
	}
	return days*microsPerDay + us, nil
}

func (r *timeReader) date() (int64, error) {
	switch {
	case r.hasJulian:
		return r.julian - 2451545, nil
	case r.hasIso && r.isoYear != 0:
		jan4 := types.DaysFromDate(int(r.isoYear), 1, 4)
		return jan4 - isoDow(jan4) + 1 + max(r.week-1, 0)*7 + max(r.isoDay-1, 0), nil
	}
	y := r.year
	if !r.hasYear {
		y = -1 // PostgreSQL's year 0 is 1 BC
	}
	if r.bc {
		y = -y
	}
	if r.doy > 0 {
		jan1, err := makeDate(y, 1, 1)
		return jan1 + r.doy - 1, err
	}
	return makeDate(y, r.month, r.day)
}

// outOfRange words makeDate's error with the text that was read.
func outOfRange(err error, text string) error {
	if pgerr.HasCode(err, pgerr.DatetimeFieldOverflow) {
		return pgerr.New(pgerr.DatetimeFieldOverflow, "date/time field value out of range: \"%s\"", text)
	}
	return err
}

func toTimestamp(c *Call, a, format types.Datum) (types.Datum, error) {
	r, err := readTime(a.Str(), format.Str())
	if err != nil {
		return types.Null, err
	}
	ts, err := r.timestamp()
	if err != nil {
		return types.Null, outOfRange(err, a.Str())
	}
	if r.hasOffset {
		return types.NewInt(ts - r.offset*1_000_000), nil
	}
	return types.NewInt(types.LocalToTimestamptz(ts, c.IO().TimeZone)), nil
}

func toDate(_ *Call, a, format types.Datum) (types.Datum, error) {
	r, err := readTime(a.Str(), format.Str())
	if err != nil {
		return types.Null, err
	}
	d, err := r.date()
	return types.NewInt(d), outOfRange(err, a.Str())
}
