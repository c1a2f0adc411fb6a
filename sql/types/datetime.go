package types

import (
	"math"
	"strconv"
	"time"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// Dates are days and timestamps microseconds since 2000-01-01 in the proleptic
// Gregorian calendar; year 0 is 1 BC. A timestamptz is UTC. The extreme values
// of the C types stand for the infinities.
const (
	DateInfinity         = math.MaxInt32
	DateNegInfinity      = math.MinInt32
	TimestampInfinity    = math.MaxInt64
	TimestampNegInfinity = math.MinInt64

	MicrosPerSecond = 1_000_000
	microsPerMinute = 60 * MicrosPerSecond
	microsPerHour   = 60 * microsPerMinute
	MicrosPerDay    = 24 * microsPerHour

	// unixEpochDays is 2000-01-01 in days since 1970-01-01.
	unixEpochDays   = 10957
	unixEpochMicros = unixEpochDays * MicrosPerDay

	minDate      = -2451545             // 4714-11-24 BC, Julian day 0
	endDate      = 2147483494 - 2451545 // 5874898-06-03, the first day past the range
	minTimestamp = -211813488000000000  // 4714-11-24 BC
	endTimestamp = 9223371331200000000  // 294277-01-01, the first past the range
)

// civilDate is a calendar date; Year 0 is 1 BC.
type civilDate struct {
	year       int
	month, day int
}

// dateFromDays splits days since 2000-01-01.
func dateFromDays(days int64) civilDate {
	// Count from 0000-03-01 in eras of 400 years, so that leap days end a year.
	z := days + 730425
	era := z / 146097
	if z < 0 {
		era = (z - 146096) / 146097
	}
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d := civilDate{int(yoe + era*400), int(mp) + 3, int(doy-(153*mp+2)/5) + 1}
	if d.month > 12 {
		d.month -= 12
		d.year++
	}
	return d
}

// daysFromDate is the inverse of dateFromDays. Month and day may lie outside
// their ranges by a few years' worth.
func daysFromDate(year, month, day int) int64 {
	m := month - 1
	y := int64(year) + int64(floorDiv(m, 12))
	month = m - floorDiv(m, 12)*12 + 1
	mp := int64(month) - 3
	if month < 3 {
		mp += 12
		y--
	}
	era := y / 400
	if y < 0 {
		era = (y - 399) / 400
	}
	yoe := y - era*400
	doy := (153*mp+2)/5 + int64(day) - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return era*146097 + doe - 730425
}

func isLeap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

var monthDays = [13]int{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// DaysInMonth is the length of a month; year 0 is 1 BC.
func DaysInMonth(year, month int) int {
	if month == 2 && isLeap(year) {
		return 29
	}
	return monthDays[month]
}

// DaysFromDate returns the date of a year (0 is 1 BC), month and day as days since 2000-01-01.
func DaysFromDate(year, month, day int) int64 { return daysFromDate(year, month, day) }

// DateFromDays splits a date into year (0 is 1 BC), month and day.
func DateFromDays(days int64) (year, month, day int) {
	d := dateFromDays(days)
	return d.year, d.month, d.day
}

// splitMicros splits a timestamp into days and the microseconds of the day.
func splitMicros(ts int64) (days, micros int64) {
	days = ts / MicrosPerDay
	micros = ts - days*MicrosPerDay
	if micros < 0 {
		micros += MicrosPerDay
		days--
	}
	return days, micros
}

func validDate(days int64) bool { return days >= minDate && days < endDate }

// TimestampInRange reports whether a finite timestamp is one that PostgreSQL has.
func TimestampInRange(ts int64) bool { return ts >= minTimestamp && ts < endTimestamp }

// TimestampIsFinite reports whether a timestamp is none of the infinities.
func TimestampIsFinite(ts int64) bool { return ts != TimestampInfinity && ts != TimestampNegInfinity }

// DateIsFinite reports whether a date is none of the infinities.
func DateIsFinite(d int64) bool { return d != DateInfinity && d != DateNegInfinity }

// TimestampFromTime converts a wall-clock time to microseconds since 2000-01-01 UTC.
func TimestampFromTime(t time.Time) int64 { return t.UnixMicro() - unixEpochMicros }

// TimeFromTimestamp is the inverse of TimestampFromTime, in UTC.
func TimeFromTimestamp(ts int64) time.Time { return time.UnixMicro(ts + unixEpochMicros).UTC() }

// now returns the start of the transaction, or the wall clock outside of one.
func (env *IOEnv) now() time.Time {
	if env.Now == nil {
		return time.Now()
	}
	return env.Now()
}

// zoneOffset returns the seconds east of UTC at a timestamptz, and the zone's abbreviation.
func zoneOffset(ts int64, loc *time.Location) (seconds int, abbrev string) {
	if loc == time.UTC {
		return 0, "UTC"
	}
	abbrev, seconds = unixTime(ts).In(loc).Zone()
	return seconds, abbrev
}

func unixTime(ts int64) time.Time {
	days, micros := splitMicros(ts)
	return time.Unix((days+unixEpochDays)*86400+micros/MicrosPerSecond, 0)
}

// TimestamptzToLocal returns the local timestamp that a clock in loc shows.
func TimestamptzToLocal(ts int64, loc *time.Location) int64 {
	if !TimestampIsFinite(ts) {
		return ts
	}
	off, _ := zoneOffset(ts, loc)
	return ts + int64(off)*MicrosPerSecond
}

// LocalToTimestamptz returns the timestamptz at which a clock in loc shows the
// local timestamp. A time that a jump forward skips counts from before the jump;
// a time that occurs twice means the second.
func LocalToTimestamptz(local int64, loc *time.Location) int64 {
	if !TimestampIsFinite(local) || loc == time.UTC {
		return local
	}
	if zone := zoneOfAbbrev(loc); zone != nil {
		off, _ := zoneOffset(LocalToTimestamptz(local, zone), loc)
		return local - int64(off)*MicrosPerSecond
	}
	return local - int64(localOffset(local, loc))*MicrosPerSecond
}

func localOffset(local int64, loc *time.Location) int {
	wall := unixTime(local).Unix()
	prev := time.Unix(wall-86400, 0).In(loc)
	_, before := prev.Zone()
	_, end := prev.ZoneBounds()
	if end.IsZero() {
		return before
	}
	boundary := end.Unix()
	_, after := end.In(loc).Zone()
	t1, t2 := wall-int64(before), wall-int64(after)
	switch {
	case t1 < boundary && t2 < boundary:
		return before
	case t1 >= boundary && t2 >= boundary:
		return after
	case t1 > t2: // skipped
		return before
	}
	return after
}

func pad2(buf []byte, n int) []byte { return append(buf, byte('0'+n/10), byte('0'+n%10)) }

func padN(buf []byte, n, width int) []byte {
	for w := pow10Small[width-1]; w > 1 && int64(n) < w; w /= 10 {
		buf = append(buf, '0')
	}
	return strconv.AppendInt(buf, int64(n), 10)
}

// displayYear returns the year to print and whether BC follows.
func displayYear(year int) (int, bool) {
	if year <= 0 {
		return 1 - year, true
	}
	return year, false
}

func appendClock(buf []byte, micros int64) []byte {
	buf = append(pad2(buf, int(micros/microsPerHour)), ':')
	buf = append(pad2(buf, int(micros/microsPerMinute%60)), ':')
	buf = pad2(buf, int(micros/MicrosPerSecond%60))
	return appendFraction(buf, int(micros%MicrosPerSecond))
}

// appendFraction appends ".5" for 500000 µs; nothing for 0.
func appendFraction(buf []byte, micros int) []byte {
	if micros == 0 {
		return buf
	}
	buf = padN(append(buf, '.'), micros, 6)
	for buf[len(buf)-1] == '0' {
		buf = buf[:len(buf)-1]
	}
	return buf
}

func appendOffset(buf []byte, seconds int) []byte {
	sign := byte('+')
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	buf = pad2(append(buf, sign), seconds/3600)
	if seconds%3600 != 0 {
		buf = pad2(append(buf, ':'), seconds/60%60)
	}
	if seconds%60 != 0 {
		buf = pad2(append(buf, ':'), seconds%60)
	}
	return buf
}

func appendBC(buf []byte, bc bool) []byte {
	if bc {
		return append(buf, " BC"...)
	}
	return buf
}

// appendDate appends a date in the session's style.
func appendDate(buf []byte, days int64, env *IOEnv) []byte {
	switch days {
	case DateInfinity:
		return append(buf, "infinity"...)
	case DateNegInfinity:
		return append(buf, "-infinity"...)
	}
	d := dateFromDays(days)
	year, bc := displayYear(d.year)
	switch env.DateStyle {
	case "SQL":
		buf = appendDayMonth(buf, d, '/', env.DateOrder == "DMY")
		buf = padN(append(buf, '/'), year, 4)
	case "German":
		buf = appendDayMonth(buf, d, '.', true)
		buf = padN(append(buf, '.'), year, 4)
	case "Postgres":
		buf = appendDayMonth(buf, d, '-', env.DateOrder == "DMY")
		buf = padN(append(buf, '-'), year, 4)
	default:
		buf = padN(buf, year, 4)
		buf = pad2(append(buf, '-'), d.month)
		buf = pad2(append(buf, '-'), d.day)
	}
	return appendBC(buf, bc)
}

func appendDayMonth(buf []byte, d civilDate, sep byte, dayFirst bool) []byte {
	a, b := d.month, d.day
	if dayFirst {
		a, b = b, a
	}
	return pad2(append(pad2(buf, a), sep), b)
}

var monthAbbrevs = [...]string{"", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}
var dayAbbrevs = [...]string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}

// appendTimestamp appends a timestamp, or a timestamptz in the session's zone.
func appendTimestamp(buf []byte, ts int64, withZone bool, env *IOEnv) []byte {
	switch ts {
	case TimestampInfinity:
		return append(buf, "infinity"...)
	case TimestampNegInfinity:
		return append(buf, "-infinity"...)
	}
	offset, abbrev := 0, ""
	if withZone {
		offset, abbrev = zoneOffset(ts, env.TimeZone)
		ts += int64(offset) * MicrosPerSecond
	}
	days, micros := splitMicros(ts)
	if env.DateStyle == "Postgres" {
		return appendPostgresTimestamp(buf, days, micros, withZone, abbrev, offset, env)
	}
	d := dateFromDays(days)
	year, bc := displayYear(d.year)
	iso := env.DateStyle != "SQL" && env.DateStyle != "German"
	if iso {
		buf = padN(buf, year, 4)
		buf = pad2(append(buf, '-'), d.month)
		buf = pad2(append(buf, '-'), d.day)
	} else if env.DateStyle == "SQL" {
		buf = padN(append(appendDayMonth(buf, d, '/', env.DateOrder == "DMY"), '/'), year, 4)
	} else {
		buf = padN(append(appendDayMonth(buf, d, '.', true), '.'), year, 4)
	}
	buf = appendClock(append(buf, ' '), micros)
	if withZone {
		if iso {
			buf = appendOffset(buf, offset)
		} else {
			buf = append(append(buf, ' '), abbrev...)
		}
	}
	return appendBC(buf, bc)
}

// appendPostgresTimestamp appends "Wed Jan 02 03:04:05 2024 UTC".
func appendPostgresTimestamp(buf []byte, days, micros int64, withZone bool, abbrev string, offset int, env *IOEnv) []byte {
	d := dateFromDays(days)
	year, bc := displayYear(d.year)
	weekday := int((days%7 + 7 + 6) % 7) // 2000-01-01 was a Saturday
	buf = append(append(buf, dayAbbrevs[weekday]...), ' ')
	if env.DateOrder == "DMY" {
		buf = append(append(pad2(buf, d.day), ' '), monthAbbrevs[d.month]...)
	} else {
		buf = pad2(append(append(buf, monthAbbrevs[d.month]...), ' '), d.day)
	}
	buf = appendClock(append(buf, ' '), micros)
	buf = padN(append(buf, ' '), year, 4)
	if withZone {
		buf = append(append(buf, ' '), abbrev...)
	}
	return appendBC(buf, bc)
}

// roundMicros rounds to a precision of 0..6 digits of a second.
func roundMicros(ts int64, precision int32) int64 {
	if precision < 0 || precision >= 6 || !TimestampIsFinite(ts) {
		return ts
	}
	unit := pow10Small[6-precision]
	if ts >= 0 {
		return (ts + unit/2) / unit * unit
	}
	return -((-ts + unit/2) / unit * unit)
}

var errDateForTimestamp = pgerr.New(pgerr.DatetimeFieldOverflow, "date out of range for timestamp")

func errOutOfRange(what string) error {
	return pgerr.New(pgerr.DatetimeFieldOverflow, "%s out of range", what)
}
