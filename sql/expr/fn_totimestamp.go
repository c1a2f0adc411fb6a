package expr

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// to_timestamp and to_date: a template takes a text apart into fields (fromChar), which are put together to a time as
// PostgreSQL's do_to_timestamp does. Zero stands for a field that is not there, in the fields as in PostgreSQL.

// dateMode is which calendar the elements of a template are of; they must not be mixed.
type dateMode uint8

const (
	anyDate dateMode = iota
	gregorianDate
	isoWeekDate
)

func modeOf(key string) dateMode {
	switch key {
	case "D", "DD", "DDD", "MM", "MON", "MONTH", "RM", "W", "WW", "Y", "YY", "YYY", "YYYY", "Y,YYY":
		return gregorianDate
	case "I", "ID", "IDDD", "IW", "IY", "IYY", "IYYY":
		return isoWeekDate
	}
	return anyDate
}

// fromChar is what was read.
type fromChar struct {
	text                                  string // the whole, for messages
	in                                    string // what is left of it
	strict                                bool   // of jsonpath: the text has exactly what the template has
	fixed                                 bool   // FX
	extra                                 int    // spaces that were passed beyond those of the template
	mode                                  dateMode
	hh, mi, ss, ssss, d, dd, ddd, mm, ww  int
	ms, us, year, bc, w, cc, j, pm, digit int
	yearDigits                            int
	clock12                               bool
	zoneSign, tzh, tzm                    int
}

func isSpaceByte(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func isSeparator(c byte) bool {
	return c > 0x20 && c < 0x7f && !(c >= '0' && c <= '9') && !(c|0x20 >= 'a' && c|0x20 <= 'z')
}

// isDigits reports whether an element is made of digits, so that the one before it has a fixed width.
func isDigits(key string) bool {
	switch key {
	case "", "FX", "AM", "PM", "A.M.", "P.M.", "AD", "BC", "A.D.", "B.C.", "DAY", "DY", "MONTH", "MON", "OF", "RM", "TZ", "TZH":
		return false
	}
	return true
}

// openEnded reports whether what follows element i cannot be taken for a part of it.
func openEnded(nodes []timeNode, i int) bool {
	switch {
	case nodes[i].fill || nodes[i].suffix != "" || i+1 == len(nodes):
		return true
	case nodes[i+1].key != "":
		return !isDigits(nodes[i+1].key)
	}
	return !isDigitByte(nodes[i+1].raw[0])
}

func (r *fromChar) skipSpaces() {
	for r.in != "" && isSpaceByte(r.in[0]) {
		r.in = r.in[1:]
		r.extra++
	}
}

func (r *fromChar) skipRune() {
	_, size := utf8.DecodeRuneInString(r.in)
	r.in = r.in[size:]
}

// readTime reads by all elements of a template.
func readTime(text string, nodes []timeNode, strict bool) (*fromChar, error) {
	r := &fromChar{text: text, in: text, strict: strict, fixed: strict}
	for i, n := range nodes {
		if r.in == "" {
			if strict {
				return nil, pgerr.New(pgerr.InvalidDatetimeFormat, "input string is too short for datetime format")
			}
			break
		}
		if !r.fixed && (n.key != "" || i == 0) {
			r.skipSpaces()
		}
		if n.key == "" {
			if err := r.passText(n); err != nil {
				return nil, err
			}
			continue
		}
		if err := r.setMode(modeOf(n.key)); err != nil {
			return nil, err
		}
		if err := r.element(n, openEnded(nodes, i)); err != nil {
			return nil, err
		}
		if !r.fixed {
			r.extra = 0
			r.skipSpaces()
		}
	}
	if strict && strings.TrimLeft(r.in, " \t\n\v\f\r") != "" {
		return nil, pgerr.New(pgerr.InvalidDatetimeFormat, "trailing characters remain in input string after datetime format")
	}
	return r, nil
}

// passText passes what a template has as text. A separator matches any separator, or none; another character any, but
// none where spaces were passed in its place.
func (r *fromChar) passText(n timeNode) error {
	separator := !n.quoted && (isSeparator(n.raw[0]) || isSpaceByte(n.raw[0]))
	switch {
	case r.in == "":
	case r.strict:
		if !strings.HasPrefix(r.in, n.raw) {
			if separator {
				return pgerr.New(pgerr.InvalidDatetimeFormat, "unmatched format separator \"%s\"", n.raw)
			}
			return pgerr.New(pgerr.InvalidDatetimeFormat, "unmatched format character \"%s\"", n.raw)
		}
		r.in = r.in[len(n.raw):]
	case r.fixed:
		r.skipRune()
	case separator:
		if isSpaceByte(r.in[0]) || isSeparator(r.in[0]) {
			r.in = r.in[1:]
		} else {
			r.extra--
		}
	case r.extra > 0:
		r.extra--
	default:
		r.skipRune()
	}
	return nil
}

func (r *fromChar) setMode(m dateMode) error {
	if m == anyDate {
		return nil
	}
	if r.mode != anyDate && r.mode != m {
		return pgerr.New(pgerr.InvalidDatetimeFormat, "invalid combination of date conventions").
			WithHint("Do not mix Gregorian and ISO week date conventions in a formatting template.")
	}
	r.mode = m
	return nil
}

func invalidValue(value, field, detail string) *pgerr.Error {
	e := pgerr.New(pgerr.InvalidDatetimeFormat, "invalid value \"%s\" for \"%s\"", value, field)
	if detail != "" {
		e = e.WithDetail("%s", detail)
	}
	return e
}

// set stores a field, which must not have another value already.
func (r *fromChar) set(field *int, v int, n timeNode) error {
	if *field != 0 && *field != v {
		return pgerr.New(pgerr.InvalidDatetimeFormat, "conflicting values for \"%s\" field in formatting string", n.raw).
			WithDetail("This value contradicts a previous setting for the same field type.")
	}
	*field = v
	return nil
}

// integer reads a number of width digits, or of as many as there are if open, and returns how long its text was.
func (r *fromChar) integer(n timeNode, width int, open bool) (v, used int, err error) {
	const hint = "If your source string is not fixed-width, try using the \"FM\" modifier."
	rest := strings.TrimLeft(r.in, " \t\n\v\f\r")
	shown := rest[:min(width, len(rest))]
	source, skipped := rest, len(r.in)-len(rest)
	if !open {
		if len(rest) < width {
			return 0, 0, pgerr.New(pgerr.InvalidDatetimeFormat, "source string too short for \"%s\" formatting field", n.raw).
				WithDetail("Field requires %d characters, but only %d remain.", width, len(rest)).WithHint("%s", hint)
		}
		source = shown
	}
	x, l, overflow := leadingInteger(source)
	if !open && l > 0 && l < width {
		return 0, 0, invalidValue(shown, n.raw, "").
			WithDetail("Field requires %d characters, but only %d could be parsed.", width, l).WithHint("%s", hint)
	}
	if l == 0 && (open || skipped == 0) {
		return 0, 0, invalidValue(shown, n.raw, "Value must be an integer.")
	}
	if overflow {
		return 0, 0, pgerr.New(pgerr.DatetimeFieldOverflow, "value for \"%s\" in source string is out of range", n.raw).
			WithDetail("Value must be in the range %d to %d.", math.MinInt32, math.MaxInt32)
	}
	r.in = rest[l:]
	return x, skipped + l, nil
}

// leadingInteger is strtol: the integer that s begins with after spaces, and the length of all that.
func leadingInteger(s string) (v, length int, overflow bool) {
	i := 0
	for i < len(s) && isSpaceByte(s[i]) {
		i++
	}
	start := i
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	first := i
	for i < len(s) && isDigitByte(s[i]) {
		i++
	}
	if i == first {
		return 0, 0, false
	}
	x, err := strconv.ParseInt(s[start:i], 10, 32)
	return int(x), i, err != nil
}

// name reads one of some names and returns its index.
func (r *fromChar) name(n timeNode, names []string) (int, error) {
	for i, s := range names {
		if len(r.in) >= len(s) && strings.EqualFold(r.in[:len(s)], s) {
			r.in = r.in[len(s):]
			return i, nil
		}
	}
	word := r.in
	if i := strings.IndexFunc(word, func(c rune) bool { return c < 0x80 && isSpaceByte(byte(c)) }); i >= 0 {
		word = word[:i]
	}
	return 0, invalidValue(word, n.raw, "The given value did not match any of the allowed values for this field.")
}

// number reads a number into a field.
func (r *fromChar) number(field *int, n timeNode, width int, open bool) error {
	v, _, err := r.integer(n, width, open)
	if err != nil {
		return err
	}
	if field != nil {
		if err := r.set(field, v, n); err != nil {
			return err
		}
	}
	if n.suffix != "" {
		for range 2 {
			r.skipRune()
		}
	}
	return nil
}

func (r *fromChar) element(n timeNode, open bool) error {
	num := func(field *int, width int) error { return r.number(field, n, width, open) }
	switch n.key {
	case "FX":
		r.fixed = true
		return nil
	case "HH24":
		return num(&r.hh, 2)
	case "HH", "HH12":
		r.clock12 = true
		return num(&r.hh, 2)
	case "MI":
		return num(&r.mi, 2)
	case "SS":
		return num(&r.ss, 2)
	case "SSSS", "SSSSS":
		return num(&r.ssss, len(n.key))
	case "MM":
		return num(&r.mm, 2)
	case "DD":
		return num(&r.dd, 2)
	case "DDD", "IDDD":
		return num(&r.ddd, 3)
	case "D":
		return num(&r.d, 1)
	case "ID": // Monday is 1; the field counts from Sunday
		if err := num(&r.d, 1); err != nil {
			return err
		}
		if r.d++; r.d > 7 {
			r.d = 1
		}
		return nil
	case "WW", "IW":
		return num(&r.ww, 2)
	case "W":
		return num(&r.w, 1)
	case "Q":
		return num(nil, 1)
	case "CC":
		return num(&r.cc, 2)
	case "J":
		return num(&r.j, 1)
	}
	return r.otherElement(n, open)
}

func (r *fromChar) otherElement(n timeNode, open bool) error {
	switch n.key {
	case "MS", "US", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6":
		return r.fraction(n, open)
	case "Y,YYY", "YYYY", "IYYY", "YYY", "IYY", "YY", "IY", "Y", "I":
		return r.yearElement(n, open)
	case "MONTH", "MON", "DAY", "DY", "RM", "AM", "PM", "A.M.", "P.M.", "AD", "BC", "A.D.", "B.C.":
		return r.nameElement(n)
	case "TZH":
		switch before := len(r.text) - len(r.in); {
		case r.in[0] == '+' || r.in[0] == '-' || r.in[0] == ' ':
			r.zoneSign = 1
			if r.in[0] == '-' {
				r.zoneSign = -1
			}
			r.in = r.in[1:]
		case r.extra > 0 && before > 0 && r.text[before-1] == '-': // it was passed as a separator
			r.zoneSign = -1
		default:
			r.zoneSign = 1
		}
		return r.number(&r.tzh, n, 2, open)
	case "TZM":
		if r.zoneSign == 0 {
			r.zoneSign = 1
		}
		return r.number(&r.tzm, n, 2, open)
	}
	return pgerr.New(pgerr.FeatureNotSupported, "formatting field \"%s\" is only supported in to_char", n.raw)
}

func (r *fromChar) fraction(n timeNode, open bool) error {
	field, digits := &r.us, 6
	switch n.key {
	case "MS":
		field, digits = &r.ms, 3
	case "US":
	default:
		r.digit = int(n.key[2] - '0')
	}
	width := digits
	if r.digit > 0 && n.key[0] == 'F' {
		width = r.digit
	}
	before := len(r.in)
	if err := r.number(field, timeNode{key: n.key, raw: n.raw}, width, open); err != nil {
		return err
	}
	for range digits - (before - len(r.in)) {
		*field *= 10
	}
	if n.suffix != "" {
		r.skipRune()
		r.skipRune()
	}
	return nil
}

func (r *fromChar) yearElement(n timeNode, open bool) error {
	if n.key == "Y,YYY" {
		return r.groupedYear(n)
	}
	v, used, err := r.integer(n, len(n.key), open)
	if err != nil {
		return err
	}
	if err := r.set(&r.year, v, n); err != nil {
		return err
	}
	if r.yearDigits = len(n.key); r.yearDigits < 4 && used < 4 {
		switch {
		case v < 70:
			r.year += 2000
		case v < 100:
			r.year += 1900
		case v < 520:
			r.year += 2000
		case v < 1000:
			r.year += 1000
		}
	}
	if n.suffix != "" {
		r.skipRune()
		r.skipRune()
	}
	return nil
}

// groupedYear reads a year with a comma before its last three digits.
func (r *fromChar) groupedYear(n timeNode) error {
	bad := pgerr.New(pgerr.InvalidDatetimeFormat, "invalid input string for \"Y,YYY\"")
	thousands, l, overflow := leadingInteger(r.in)
	if l == 0 || overflow || l >= len(r.in) || r.in[l] != ',' {
		return bad
	}
	rest := r.in[l+1:]
	digits := 0
	for digits < 3 && digits < len(rest) && isDigitByte(rest[digits]) {
		digits++
	}
	if digits == 0 {
		return bad
	}
	years, _ := strconv.Atoi(rest[:digits])
	r.in = rest[digits:]
	r.yearDigits = 4
	if n.suffix != "" {
		r.skipRune()
		r.skipRune()
	}
	return r.set(&r.year, thousands*1000+years, n)
}

var shortMonths, shortDays = firstThree(monthNames[:]), firstThree(dayNames[:])

func firstThree(names []string) []string {
	out := make([]string, len(names))
	for i, s := range names {
		out[i] = s[:3]
	}
	return out
}

func (r *fromChar) nameElement(n timeNode) error {
	field, names := &r.mm, monthNames[:]
	switch n.key {
	case "MON":
		names = shortMonths
	case "RM":
		names = []string{"XII", "XI", "X", "IX", "VIII", "VII", "VI", "V", "IV", "III", "II", "I"}
	case "DAY":
		field, names = &r.d, dayNames[:]
	case "DY":
		field, names = &r.d, shortDays
	case "AM", "PM":
		field, names, r.clock12 = &r.pm, []string{"am", "pm"}, true
	case "A.M.", "P.M.":
		field, names, r.clock12 = &r.pm, []string{"a.m.", "p.m."}, true
	case "AD", "BC":
		field, names = &r.bc, []string{"ad", "bc"}
	case "A.D.", "B.C.":
		field, names = &r.bc, []string{"a.d.", "b.c."}
	}
	i, err := r.name(n, names)
	if err != nil {
		return err
	}
	switch n.key {
	case "MONTH", "MON":
		i++
	case "RM":
		i = 12 - i
	case "DAY", "DY":
		err := r.set(field, i, n)
		r.d++
		return err
	}
	return r.set(field, i, n)
}

// readMoment is a time as it was read, before it is one: year 0 is 1 BC.
type readMoment struct {
	year, month, day     int
	hour, minute, second int
	micros               int
	hasYear, hasMonth    bool
	hasDay, hasZone      bool
	offset               int64 // seconds east, if hasZone
}

func (r *fromChar) overflow() error {
	return pgerr.New(pgerr.DatetimeFieldOverflow, "date/time field value out of range: \"%s\"", r.text)
}

// moment puts the fields together.
func (r *fromChar) moment() (*readMoment, error) {
	m := &readMoment{month: 1, day: 1}
	if err := r.timeOfDay(m); err != nil {
		return nil, err
	}
	r.yearOf(m)
	if r.j != 0 {
		r.setDay(m, int64(r.j))
	}
	if r.ww != 0 {
		if r.mode == isoWeekDate {
			day := isoWeekStart(int64(m.year), int64(r.ww))
			switch {
			case r.d > 1:
				day += int64(r.d - 2)
			case r.d == 1:
				day += 6
			}
			r.setDay(m, day)
		} else {
			r.ddd = (r.ww-1)*7 + 1
		}
	}
	if r.w != 0 {
		r.dd = (r.w-1)*7 + 1
	}
	if r.dd != 0 {
		m.day, m.hasDay = r.dd, true
	}
	if r.mm != 0 {
		m.month, m.hasMonth = r.mm, true
	}
	if r.ddd != 0 && (m.month <= 1 || m.day <= 1) {
		if err := r.dayOfYear(m); err != nil {
			return nil, err
		}
	}
	return m, r.check(m)
}

func (r *fromChar) timeOfDay(m *readMoment) error {
	m.hour, m.minute, m.second = r.ssss/3600, r.ssss/60%60, r.ssss%60
	if r.ss != 0 {
		m.second = r.ss
	}
	if r.mi != 0 {
		m.minute = r.mi
	}
	if r.hh != 0 {
		m.hour = r.hh
	}
	m.micros = r.ms*1000 + r.us
	if !r.clock12 {
		return nil
	}
	if m.hour < 1 || m.hour > 12 {
		return pgerr.New(pgerr.InvalidDatetimeFormat, "hour \"%d\" is invalid for the 12-hour clock", m.hour).
			WithHint("Use the 24-hour clock, or give an hour between 1 and 12.")
	}
	switch {
	case r.pm != 0 && m.hour < 12:
		m.hour += 12
	case r.pm == 0 && m.hour == 12:
		m.hour = 0
	}
	return nil
}

// yearOf makes the year of a year, of its last digits and a century, or of a century alone.
func (r *fromChar) yearOf(m *readMoment) {
	century := r.cc
	if r.bc != 0 {
		century = -century
	}
	m.hasYear = r.year != 0 || century != 0
	switch {
	case r.year != 0 && century != 0 && r.yearDigits <= 2:
		switch m.year = r.year % 100; {
		case m.year != 0 && century >= 0:
			m.year += (century - 1) * 100
		case m.year != 0:
			m.year = (century+1)*100 - m.year + 1
		case century >= 0:
			m.year = century * 100
		default:
			m.year = century*100 + 1
		}
	case r.year != 0:
		if m.year = r.year; r.bc != 0 {
			m.year = -m.year
		}
		if m.year < 0 {
			m.year++
		}
	case century > 0:
		m.year = (century-1)*100 + 1
	case century < 0:
		m.year = century*100 + 1
	}
}

func (r *fromChar) setDay(m *readMoment, julian int64) {
	m.year, m.month, m.day = types.DateFromDays(julian - postgresEpochJulian)
	m.hasYear, m.hasMonth, m.hasDay = true, true, true
}

// dayOfYear finds month and day, where they are not given, by the day of the year.
func (r *fromChar) dayOfYear(m *readMoment) error {
	if m.year == 0 && r.bc == 0 {
		return pgerr.New(pgerr.InvalidDatetimeFormat, "cannot calculate day of year without year information")
	}
	if r.mode == isoWeekDate {
		r.setDay(m, isoWeekStart(int64(m.year), 1)-1+int64(r.ddd))
		return nil
	}
	month, before := 1, 0
	for month <= 12 {
		days := types.DaysInMonth(m.year, month)
		if r.ddd <= before+days {
			break
		}
		before += days
		month++
	}
	if m.month <= 1 {
		m.month = month
	}
	if m.day <= 1 {
		m.day = r.ddd - before
	}
	m.hasMonth, m.hasDay = true, true
	return nil
}

// check finds fields that are out of their ranges.
func (r *fromChar) check(m *readMoment) error {
	switch {
	case m.hasMonth && (m.month < 1 || m.month > 12), m.hasDay && (m.day < 1 || m.day > 31),
		m.hasYear && m.hasMonth && m.hasDay && m.day > types.DaysInMonth(m.year, m.month),
		m.hour < 0 || m.hour > 23 || m.minute < 0 || m.minute > 59 || m.second < 0 || m.second > 59 || m.micros < 0 || m.micros > 999_999:
		return r.overflow()
	}
	if r.zoneSign == 0 {
		return nil
	}
	if r.tzh < 0 || r.tzh > 15 || r.tzm < 0 || r.tzm > 59 {
		return pgerr.New(pgerr.InvalidTimeZoneDisplacementValue, "time zone displacement out of range: \"%s\"", r.text)
	}
	m.hasZone, m.offset = true, int64(r.zoneSign*(r.tzh*3600+r.tzm*60))
	return nil
}

func (m *readMoment) timeMicros() int64 {
	return int64((m.hour*60+m.minute)*60+m.second)*1_000_000 + int64(m.micros)
}

// days is the date since 2000-01-01, false if there is none.
func (m *readMoment) days() (int64, bool) {
	if m.year < -4713 || m.year == -4713 && m.month < 11 || m.year > 5874898 {
		return 0, false
	}
	d := types.DaysFromDate(m.year, m.month, m.day)
	return d, d >= -2451545 && d < 2145031949
}

// timestamp is the moment by a clock that shows no zone.
func (m *readMoment) timestamp() (int64, error) {
	d, ok := m.days()
	if ok {
		if _, err := types.DateToTimestamp(d); err == nil {
			return d*microsPerDay + m.timeMicros(), nil
		}
	}
	return 0, pgerr.New(pgerr.DatetimeFieldOverflow, "timestamp out of range")
}

func toTimestamp(c *Call, a, format types.Datum) (types.Datum, error) {
	r, err := readTime(a.Str(), parseTimeFormat(format.Str()), false)
	if err != nil {
		return types.Null, err
	}
	m, err := r.moment()
	if err != nil {
		return types.Null, err
	}
	ts, err := m.timestamp()
	if err != nil {
		return types.Null, err
	}
	if m.hasZone {
		ts -= m.offset * 1_000_000
	} else {
		ts = types.LocalToTimestamptz(ts, c.IO().TimeZone)
	}
	if !types.TimestampInRange(ts) {
		return types.Null, pgerr.New(pgerr.DatetimeFieldOverflow, "timestamp out of range")
	}
	if r.digit > 0 && r.digit < 6 {
		return types.Cast(types.NewInt(ts), types.T(types.TimestamptzOid), types.Type{Oid: types.TimestamptzOid, Mod: int32(r.digit)}, types.Explicit, c.IO())
	}
	return types.NewInt(ts), nil
}

func toDate(_ *Call, a, format types.Datum) (types.Datum, error) {
	r, err := readTime(a.Str(), parseTimeFormat(format.Str()), false)
	if err != nil {
		return types.Null, err
	}
	m, err := r.moment()
	if err != nil {
		return types.Null, err
	}
	d, ok := m.days()
	if !ok {
		return types.Null, pgerr.New(pgerr.DatetimeFieldOverflow, "date out of range: \"%s\"", a.Str())
	}
	return types.NewInt(d), nil
}
