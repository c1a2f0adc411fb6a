package types

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// Input of dates and times.
//
// parseISO reads the forms that programs write. Everything else is split into
// tokens (numbers, dates with separators, clock times, words, zone offsets),
// which are then read in any order: what a number means depends on what is
// already known, on its length and on IOEnv.DateOrder. A word is a month, a
// weekday, a zone, one of the special values ('now', 'infinity', ...) or noise.

type dtTokenKind uint8

const (
	tkNumber dtTokenKind = iota // 8, 20240102, 3.5
	tkDate                      // 2024-01-02, 1/2/2024, 2-jan-2024
	tkTime                      // 10:11, 10:11:12.5
	tkWord                      // january, utc, america/new_york
	tkOffset                    // +02, -05:30
)

type dtToken struct {
	kind dtTokenKind
	text string // lower case
}

type dtError uint8

const (
	dtOK        dtError = iota
	dtBad               // no date at all
	dtOverflow          // a field is out of range
	dtMonthDay          // month or day out of range: perhaps the order is another
	dtZoneRange         // offset too large
	dtZoneName          // unknown zone
)

// dtErr makes the error for an input that is no value of the named type.
func dtErr(code dtError, typeName, s, zone string) error {
	switch code {
	case dtOverflow:
		return pgerr.New(pgerr.DatetimeFieldOverflow, "date/time field value out of range: \"%s\"", s)
	case dtMonthDay:
		return pgerr.New(pgerr.DatetimeFieldOverflow, "date/time field value out of range: \"%s\"", s).
			WithHint("Perhaps you need a different \"datestyle\" setting.")
	case dtZoneRange:
		return pgerr.New(pgerr.InvalidTimeZoneDisplacementValue, "time zone displacement out of range: \"%s\"", s)
	case dtZoneName:
		return pgerr.New(pgerr.InvalidParameterValue, "time zone \"%s\" not recognized", zone)
	}
	return pgerr.New(pgerr.InvalidDatetimeFormat, "invalid input syntax for type %s: \"%s\"", typeName, s)
}

type dtSpecial uint8

const (
	spNone dtSpecial = iota
	spInfinity
	spNegInfinity
	spEpoch
	spNow
)

// dtValue is what an input says.
type dtValue struct {
	special          dtSpecial
	timeOnly         bool // no date is looked for: a bare number is a time
	year, month, day int
	hasYear, hasMon  bool
	hasDay           bool
	textMonth        bool
	twoDigitYear     bool
	bc               bool
	dayOfYear        bool // day counts from January 1st
	julian           bool // day is a Julian day
	hasTime          bool
	micros           int64 // of the day, up to 24 hours and a leap second
	meridian         byte  // 'a', 'p' or 0
	hasZone          bool
	loc              *time.Location // nil: zoneSeconds
	zoneSeconds      int            // east of UTC
	zoneText         string         // for messages
}

func (v *dtValue) hasDate() bool {
	return v.hasDay && (v.dayOfYear || v.julian || v.hasMon) && (v.julian || v.hasYear)
}

// digits2 reads two digits at s[i:], or -1.
func digits2(s string, i int) int {
	if i+2 > len(s) || !isDigit(s[i]) || !isDigit(s[i+1]) {
		return -1
	}
	return int(s[i]-'0')*10 + int(s[i+1]-'0')
}

// parseISO reads YYYY-MM-DD[( |T)HH:MM:SS[.ffffff][Z|±HH[:MM]]]. False means
// that the input has another form or is wrong.
func parseISO(s string, v *dtValue) bool {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return false
	}
	hi, lo, mon, day := digits2(s, 0), digits2(s, 2), digits2(s, 5), digits2(s, 8)
	if hi < 0 || lo < 0 || mon < 1 || mon > 12 || day < 1 || hi+lo == 0 || day > DaysInMonth(hi*100+lo, mon) {
		return false
	}
	v.year, v.month, v.day = hi*100+lo, mon, day
	v.hasYear, v.hasMon, v.hasDay = true, true, true
	if len(s) == 10 {
		return true
	}
	if len(s) < 19 || s[10] != ' ' && s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return false
	}
	h, m, sec := digits2(s, 11), digits2(s, 14), digits2(s, 17)
	if h < 0 || h > 23 || m < 0 || m > 59 || sec < 0 || sec > 59 {
		return false
	}
	v.hasTime = true
	v.micros = int64(h)*microsPerHour + int64(m)*microsPerMinute + int64(sec)*MicrosPerSecond
	i := 19
	if i < len(s) && s[i] == '.' {
		i++
		unit := int64(100000)
		for ; i < len(s) && isDigit(s[i]); i++ {
			if unit == 0 {
				return false // a seventh digit rounds
			}
			v.micros += int64(s[i]-'0') * unit
			unit /= 10
		}
	}
	switch rest := s[i:]; {
	case rest == "":
	case rest == "Z":
		v.hasZone = true
	case len(rest) == 3 || len(rest) == 6 && rest[3] == ':':
		zh, zm := digits2(rest, 1), 0
		if len(rest) == 6 {
			zm = digits2(rest, 4)
		}
		if zh < 0 || zh > 15 || zm < 0 || zm > 59 || rest[0] != '+' && rest[0] != '-' {
			return false
		}
		v.hasZone, v.zoneSeconds = true, zh*3600+zm*60
		if rest[0] == '-' {
			v.zoneSeconds = -v.zoneSeconds
		}
	default:
		return false
	}
	return true
}

func isAlpha(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func spanWhile(s string, i int, ok func(byte) bool) int {
	for i < len(s) && ok(s[i]) {
		i++
	}
	return i
}

func isDateByte(c byte) bool { return isDigit(c) || isAlpha(c) || c == '-' || c == '/' || c == '.' }
func isTimeByte(c byte) bool { return isDigit(c) || c == ':' || c == '.' }
func isZoneByte(c byte) bool {
	return isDigit(c) || isAlpha(c) || c == '/' || c == '_' || c == '-' || c == '+' || c == ':'
}

// tokenizeDatetime splits an input; false if it holds a byte that no token may.
func tokenizeDatetime(s string) ([]dtToken, bool) {
	s = strings.ToLower(s)
	toks := make([]dtToken, 0, 8)
	for i := 0; i < len(s); {
		c, start := s[i], i
		kind := tkNumber
		switch {
		case isSpace(c) || c == ',':
			i++
			continue
		case isDigit(c):
			i = spanWhile(s, i, isDigit)
			if i < len(s) {
				switch s[i] {
				case ':':
					kind, i = tkTime, spanWhile(s, i, isTimeByte)
				case '-', '/':
					kind, i = tkDate, endOfDate(s, i)
				case '.':
					i = spanWhile(s, i+1, isDigit)
					if i < len(s) && s[i] == '.' {
						kind, i = tkDate, endOfDate(s, i)
					}
				}
			}
		case c == '.':
			i = spanWhile(s, i+1, isDigit)
		case isAlpha(c):
			kind = tkWord
			i, kind = endOfWord(s, i)
		case c == '+' || c == '-':
			j := spanWhile(s, i+1, isSpace)
			if j < len(s) && isAlpha(s[j]) {
				i = spanWhile(s, j, isAlpha)
				toks = append(toks, dtToken{tkWord, s[start:start+1] + s[j:i]})
				continue
			}
			kind, i = tkOffset, spanWhile(s, i+1, isTimeByte)
			if i == start+1 {
				return nil, false
			}
		case isPunct(c):
			i++
			continue
		default:
			return nil, false
		}
		toks = append(toks, dtToken{kind, s[start:i]})
	}
	return toks, true
}

// endOfDate returns the end of a date that continues with the separator s[i]. A
// 't' after three numbers starts the time.
func endOfDate(s string, i int) int {
	sep := s[i]
	if i+1 < len(s) && isAlpha(s[i+1]) {
		return spanWhile(s, i, isDateByte)
	}
	i = spanWhile(s, i+1, isDigit)
	if i < len(s) && s[i] == sep {
		i = spanWhile(s, i+1, isDigit)
	}
	return i
}

// endOfWord returns the end of a word: a month may start a date (jan-2-2024), a
// zone may contain separators, 't', 'j' and their like may stick to the number that follows.
func endOfWord(s string, i int) (int, dtTokenKind) {
	j := spanWhile(s, i, isAlpha)
	if j == len(s) {
		return j, tkWord
	}
	word := s[i:j]
	if isDigit(s[j]) && standsAlone[word] {
		return j, tkWord
	}
	if _, isMonth := monthNames[word]; isMonth {
		if s[j] == '-' || s[j] == '/' || s[j] == '.' {
			return spanWhile(s, j, isDateByte), tkDate
		}
		return j, tkWord
	}
	if s[j] == '/' || s[j] == '_' || isDigit(s[j]) || (s[j] == '+' || s[j] == '-') && j+1 < len(s) && isDigit(s[j+1]) {
		return spanWhile(s, j, isZoneByte), tkWord
	}
	return j, tkWord
}

// standsAlone are the words that a number may stick to; of all others it is a part.
var standsAlone = map[string]bool{"ad": true, "am": true, "at": true, "bc": true, "d": true, "dst": true, "h": true, "j": true, "jd": true,
	"m": true, "mm": true, "on": true, "pm": true, "s": true, "t": true, "y": true}

var monthNames = func() map[string]int {
	m := map[string]int{"sept": 9}
	for i, n := range [...]string{"january", "february", "march", "april", "may", "june", "july", "august", "september",
		"october", "november", "december"} {
		m[n], m[n[:3]] = i+1, i+1
	}
	return m
}()

// noiseWords carry nothing.
var noiseWords = func() map[string]bool {
	m := map[string]bool{"at": true, "on": true, "tue": true, "tues": true, "wed": true, "weds": true, "thu": true, "thur": true, "thurs": true}
	for _, n := range [...]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"} {
		m[n], m[n[:3]] = true, true
	}
	return m
}()

// parseDatetime reads an input into v.
func parseDatetime(s string, v *dtValue, env *IOEnv) dtError {
	if parseISO(s, v) {
		return dtOK
	}
	*v = dtValue{timeOnly: v.timeOnly}
	toks, ok := tokenizeDatetime(s)
	if !ok || len(toks) == 0 || len(toks) > 25 {
		return dtBad
	}
	for i := 0; i < len(toks); i++ {
		var e dtError
		t := toks[i]
		switch t.kind {
		case tkDate:
			if v.hasDay {
				e = v.readZonedTime(t.text)
				break
			}
			e = v.readDate(t.text, env)
		case tkTime:
			e = v.readTime(t.text)
		case tkNumber:
			e = v.readNumber(t.text, env)
		case tkOffset:
			e = v.readOffset(t.text)
		case tkWord:
			if t.text == "j" && i+1 < len(toks) && toks[i+1].kind == tkNumber {
				i++
				e = v.readJulian(toks[i].text)
				break
			}
			if t.text == "t" && i+1 < len(toks) && toks[i+1].kind == tkNumber {
				i++
				e = v.readCompactTime(toks[i].text)
				break
			}
			if t.text == "t" && i+1 < len(toks) && toks[i+1].kind == tkDate {
				i++
				e = v.readZonedTime(toks[i].text)
				break
			}
			e = v.readWord(t.text, env)
		}
		if e != dtOK {
			return e
		}
	}
	return v.finish()
}

// finish applies AM and PM and checks the date's fields.
func (v *dtValue) finish() dtError {
	if v.special != spNone {
		return dtOK
	}
	if v.meridian != 0 {
		hour := v.micros / microsPerHour
		if !v.hasTime || hour > 12 || hour == 0 {
			return dtOverflow
		}
		if v.meridian == 'a' && hour == 12 {
			v.micros -= 12 * microsPerHour
		} else if v.meridian == 'p' && hour != 12 {
			v.micros += 12 * microsPerHour
		}
	}
	if !v.hasYear && !v.hasDay && !v.hasMon {
		return dtOK // a bare time; the caller decides
	}
	if v.julian {
		return dtOK
	}
	if v.timeOnly && !v.hasDate() {
		return dtBad
	}
	switch {
	case !v.hasYear:
	case v.bc:
		if v.year <= 0 {
			return dtOverflow
		}
		v.year = 1 - v.year
	case v.twoDigitYear && v.year < 70:
		v.year += 2000
	case v.twoDigitYear && v.year < 100:
		v.year += 1900
	case v.year <= 0:
		return dtOverflow
	}
	if v.dayOfYear {
		if v.day < 1 || v.day > 366 || v.day == 366 && !isLeap(v.year) {
			return dtOverflow
		}
		v.month = 1
		return dtOK
	}
	switch {
	case v.hasMon && (v.month < 1 || v.month > 12), v.hasDay && (v.day < 1 || v.day > 31):
		return dtMonthDay
	case !v.hasDate():
		return dtBad
	}
	if v.day > DaysInMonth(v.year, v.month) {
		return dtOverflow
	}
	return dtOK
}

// days returns the date in days since 2000-01-01; false if it is out of range. It
// admits all of the first month, 4714-11 BC, for a zone may move a time in it
// behind the first valid instant.
func (v *dtValue) days() (int64, bool) {
	if v.julian {
		d := int64(v.day) - 2451545
		return d, validDate(d)
	}
	if v.year > 5874898 || v.year < -4713 {
		return 0, false
	}
	d := daysFromDate(v.year, v.month, v.day)
	return d, d >= minDate-23 && d < endDate
}

func (v *dtValue) setDays(days int64) dtError {
	if v.hasYear || v.hasMon || v.hasDay {
		return dtBad
	}
	d := dateFromDays(days)
	v.year, v.month, v.day = d.year, d.month, d.day
	v.bc = d.year <= 0
	if v.bc {
		v.year = 1 - d.year
	}
	v.hasYear, v.hasMon, v.hasDay = true, true, true
	return dtOK
}

func smallInt(s string) (int, bool) {
	if s == "" || len(s) > 9 {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && s[0] != '+' && s[0] != '-'
}

// atoi is C's for digits alone: a long at most, of which an int takes the lower half.
func atoi(digits string) int {
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		n = math.MaxInt64
	}
	return int(int32(n))
}

// readDate reads the parts of a date with separators, each as if it stood alone.
func (v *dtValue) readDate(text string, env *IOEnv) dtError {
	if v.hasDate() { // "2024-01-02 10-08" has no second date
		return dtBad
	}
	parts := strings.FieldsFunc(text, func(r rune) bool { return r == '-' || r == '/' || r == '.' })
	if len(parts) > 3 {
		return dtBad
	}
	if len(parts) == 2 && strings.IndexByte(text, '.') > 2 { // 2024.123
		y, ok1 := smallInt(parts[0])
		d, ok2 := smallInt(parts[1])
		if !ok1 || !ok2 || len(parts[1]) != 3 {
			return dtBad
		}
		v.year, v.day, v.hasYear, v.hasDay, v.dayOfYear = y, d, true, true, true
		return dtOK
	}
	for i, p := range parts { // the month's name first: it decides what the numbers are
		if m, ok := monthNames[p]; ok {
			if v.hasMon {
				return dtBad
			}
			v.month, v.hasMon, v.textMonth = m, true, true
			parts[i] = ""
		}
	}
	for _, p := range parts {
		if p == "" {
			continue
		}
		if e := v.readDatePart(p, env); e != dtOK {
			return e
		}
	}
	if !v.hasDate() {
		return dtBad
	}
	return dtOK
}

// readDatePart decides which field a number is from its length, from the fields
// known, and from the session's order.
func (v *dtValue) readDatePart(p string, env *IOEnv) dtError {
	n, ok := smallInt(p)
	if !ok {
		if len(p) > 9 && isDigit(p[0]) {
			return dtOverflow
		}
		return dtBad
	}
	setYear := func() {
		v.year, v.hasYear, v.twoDigitYear = n, true, len(p) <= 2
	}
	setMonth := func() { v.month, v.hasMon = n, true }
	setDay := func() { v.day, v.hasDay = n, true }
	long := len(p) >= 3
	switch {
	case v.hasDate():
		return dtBad
	case len(p) == 3 && v.hasYear && !v.hasMon && !v.hasDay && n >= 1 && n <= 366:
		v.dayOfYear = true
		setDay()
	case !v.hasYear && !v.hasMon && !v.hasDay:
		switch {
		case long || env.DateOrder == "YMD":
			setYear()
		case env.DateOrder == "DMY":
			setDay()
		default:
			setMonth()
		}
	case v.hasMon && v.hasDay:
		setYear()
	case v.hasYear && v.hasMon:
		if v.textMonth && long && v.twoDigitYear { // 02-jan-2024 in YMD order
			v.day, v.hasDay = v.year, true
			setYear()
		} else {
			setDay()
		}
	case v.hasMon && !v.hasYear: // month only
		if v.textMonth && (long || env.DateOrder == "YMD") {
			setYear()
		} else {
			setDay()
		}
	case v.hasDay || v.hasYear:
		setMonth()
	}
	return dtOK
}

// readNumber reads a number without separators.
func (v *dtValue) readNumber(text string, env *IOEnv) dtError {
	whole, frac, hasFrac := strings.Cut(text, ".")
	if (v.hasDate() || v.timeOnly) && !v.hasTime && (hasFrac && len(whole) >= 6 || !hasFrac && (len(whole) == 4 || len(whole) == 6)) {
		return v.readCompactTime(text)
	}
	if hasFrac {
		if len(frac) == 3 && len(whole) >= 4 && !v.hasDate() {
			return v.readDate(text, env)
		}
		return dtBad
	}
	if v.timeOnly && len(whole) > 4 {
		return dtBad
	}
	if len(whole) >= 6 && !v.hasYear && !v.hasMon && !v.hasDay { // 20240102, 240102
		k := len(whole)
		v.year, v.month, v.day = atoi(whole[:k-4]), digits2(whole, k-4), digits2(whole, k-2)
		v.hasYear, v.hasMon, v.hasDay, v.twoDigitYear = true, true, true, k == 6
		return dtOK
	}
	return v.readDatePart(whole, env)
}

func (v *dtValue) readJulian(text string) dtError {
	n, ok := smallInt(text)
	if !ok || v.hasYear || v.hasMon || v.hasDay {
		return dtBad
	}
	v.day, v.hasDay, v.julian = n, true, true
	return dtOK
}

// readCompactTime reads hhmm, hhmmss and hhmmss.fff.
func (v *dtValue) readCompactTime(text string) dtError {
	whole, frac, hasFrac := strings.Cut(text, ".")
	var parts string
	switch len(whole) {
	case 2:
		parts = whole + ":00"
	case 4:
		parts = whole[:2] + ":" + whole[2:]
	case 6:
		parts = whole[:2] + ":" + whole[2:4] + ":" + whole[4:]
	default:
		return dtBad
	}
	if hasFrac {
		if len(whole) != 6 {
			return dtBad
		}
		parts += "." + frac
	}
	return v.readTime(parts)
}

// parseFraction returns the microseconds of the digits after a point, through a
// float64 and rint as PostgreSQL does.
func parseFraction(frac string) int64 {
	if frac == "" {
		return 0
	}
	f, err := strconv.ParseFloat("0."+frac, 64)
	if err != nil {
		return 0
	}
	return rint(f * 1e6)
}

// readZonedTime reads a compact time with a zone behind it, such as 040506-08.
func (v *dtValue) readZonedTime(text string) dtError {
	i := strings.IndexByte(text, '-')
	if i <= 0 || !isDigit(text[0]) {
		return dtBad
	}
	if e := v.readOffset(text[i:]); e != dtOK {
		return e
	}
	return v.readCompactTime(text[:i])
}

// readTime reads hh:mm, hh:mm:ss[.f] and mm:ss.f.
func (v *dtValue) readTime(text string) dtError {
	if v.hasTime {
		return dtBad
	}
	clock, frac, hasFrac := strings.Cut(text, ".")
	if strings.IndexByte(frac, '.') >= 0 || strings.IndexByte(frac, ':') >= 0 {
		return dtBad
	}
	parts := strings.Split(clock, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return dtBad
	}
	var n [3]int
	for i, p := range parts {
		var ok bool
		if n[i], ok = smallInt(p); !ok {
			if p == "" && i > 0 {
				continue
			}
			return dtBad
		}
	}
	h, m, sec := n[0], n[1], n[2]
	if hasFrac && len(parts) == 2 {
		h, m, sec = 0, n[0], n[1]
	}
	fraction := parseFraction(frac)
	if h > 24 || m > 59 || sec > 60 || h == 24 && (m > 0 || sec > 0 || fraction > 0) || sec == 60 && fraction > 0 {
		return dtOverflow
	}
	v.hasTime = true
	v.micros = int64(h)*microsPerHour + int64(m)*microsPerMinute + int64(sec)*MicrosPerSecond + fraction
	return dtOK
}

// parseOffset reads ±hh, ±hhmm, ±hh:mm[:ss] in seconds, as written.
func parseOffset(text string) (int, dtError) {
	parts := strings.Split(text[1:], ":")
	var h, m, sec int
	ok := len(parts) <= 3
	switch {
	case !ok:
	case len(parts) == 1 && len(text) > 3: // ±hmm, ±hhmm
		k := len(text) - 2
		var ok1, ok2 bool
		h, ok1 = smallInt(text[1:k])
		m, ok2 = smallInt(text[k:])
		ok = ok1 && ok2
	default:
		h, ok = smallInt(parts[0])
		if ok && len(parts) > 1 && parts[1] != "" {
			m, ok = smallInt(parts[1])
		}
		if ok && len(parts) > 2 && parts[2] != "" {
			sec, ok = smallInt(parts[2])
		}
	}
	if !ok {
		return 0, dtBad
	}
	if h > 15 || m > 59 || sec > 59 {
		return 0, dtZoneRange
	}
	n := h*3600 + m*60 + sec
	if text[0] == '-' {
		n = -n
	}
	return n, dtOK
}

func (v *dtValue) readOffset(text string) dtError {
	if v.hasZone && v.zoneText == "" {
		return dtBad
	}
	n, e := parseOffset(text)
	v.hasZone, v.zoneSeconds, v.loc = true, v.zoneSeconds+n, nil
	return e
}

func (v *dtValue) readWord(w string, env *IOEnv) dtError {
	if m, ok := monthNames[w]; ok {
		if v.hasMon && !v.textMonth && !v.hasDay { // "5 jan": the number was the day
			v.day, v.hasDay = v.month, true
		} else if v.hasMon {
			return dtBad
		}
		v.month, v.hasMon, v.textMonth = m, true, true
		return dtOK
	}
	if noiseWords[w] || w == "t" {
		return dtOK
	}
	switch w {
	case "am", "pm":
		v.meridian = w[0]
		return dtOK
	case "bc":
		v.bc = true
		return dtOK
	case "ad":
		return dtOK
	case "infinity", "+infinity", "inf", "+inf":
		v.special = spInfinity
		return dtOK
	case "-infinity", "-inf":
		v.special = spNegInfinity
		return dtOK
	case "epoch":
		v.special = spEpoch
		return dtOK
	case "now":
		v.special = spNow
		return dtOK
	case "allballs":
		v.hasTime, v.hasZone, v.zoneSeconds = true, true, 0
		return dtOK
	case "today", "tomorrow", "yesterday":
		days, _ := splitMicros(TimestamptzToLocal(TimestampFromTime(env.now()), env.TimeZone))
		return v.setDays(days + map[string]int64{"today": 0, "tomorrow": 1, "yesterday": -1}[w])
	}
	return v.readZone(w)
}

func (v *dtValue) readZone(w string) dtError {
	if v.hasZone {
		return dtBad
	}
	v.zoneText = w
	if zonesOfAbbrevs[w] != "" {
		if v.loc = abbrevZone(w); v.loc != nil {
			v.hasZone = true
			return dtOK
		}
	}
	if off, ok := zoneAbbrevs[w]; ok {
		v.hasZone, v.zoneSeconds = true, int(off)
		return dtOK
	}
	loc, ok := findZone(w)
	if !ok {
		if strings.IndexByte(w, '/') >= 0 {
			return dtZoneName
		}
		return dtBad
	}
	v.hasZone, v.loc = true, loc
	return dtOK
}
