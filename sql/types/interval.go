package types

import (
	"math"
	"strconv"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// Bits of an interval modifier's range, PostgreSQL's INTERVAL_MASK.
const (
	intervalMonth  = 1 << 1
	intervalYear   = 1 << 2
	intervalDay    = 1 << 3
	intervalHour   = 1 << 10
	intervalMinute = 1 << 11
	intervalSecond = 1 << 12

	intervalFullRange     = 0x7fff
	intervalFullPrecision = 0xffff
)

var intervalRanges = [...]struct {
	bits int32
	name string
}{
	{intervalYear, " year"}, {intervalMonth, " month"}, {intervalDay, " day"}, {intervalHour, " hour"},
	{intervalMinute, " minute"}, {intervalSecond, " second"}, {intervalYear | intervalMonth, " year to month"},
	{intervalDay | intervalHour, " day to hour"}, {intervalDay | intervalHour | intervalMinute, " day to minute"},
	{intervalDay | intervalHour | intervalMinute | intervalSecond, " day to second"},
	{intervalHour | intervalMinute, " hour to minute"},
	{intervalHour | intervalMinute | intervalSecond, " hour to second"},
	{intervalMinute | intervalSecond, " minute to second"},
}

// MakeIntervalMod packs an interval modifier: fields is what follows the word
// interval, such as "day to second" ("" for all), precision 0..6 or -1 for none.
func MakeIntervalMod(fields string, precision int32) (int32, bool) {
	rng := int32(intervalFullRange)
	if fields != "" {
		rng = 0
		for _, r := range intervalRanges {
			if r.name[1:] == fields {
				rng = r.bits
			}
		}
		if rng == 0 {
			return -1, false
		}
	}
	if precision < 0 {
		if fields == "" {
			return -1, true
		}
		precision = intervalFullPrecision
	}
	return rng<<16 | precision, true
}

func intervalModSuffix(mod int32) string {
	if mod < 0 {
		return ""
	}
	s := ""
	for _, r := range intervalRanges {
		if r.bits == mod>>16&0x7fff {
			s = r.name
		}
	}
	if p := mod & 0xffff; p != intervalFullPrecision {
		s += "(" + strconv.Itoa(int(p)) + ")"
	}
	return s
}

// applyIntervalMod drops the fields below the modifier's range and rounds seconds.
func applyIntervalMod(iv Interval, mod int32) Interval {
	if mod < 0 {
		return iv
	}
	switch rng := mod >> 16 & 0x7fff; {
	case rng == intervalFullRange || rng&intervalSecond != 0:
	case rng&intervalMinute != 0:
		iv.Micros = iv.Micros / microsPerMinute * microsPerMinute
	case rng&intervalHour != 0:
		iv.Micros = iv.Micros / microsPerHour * microsPerHour
	case rng&intervalDay != 0:
		iv.Micros = 0
	case rng&intervalMonth != 0:
		iv.Days, iv.Micros = 0, 0
	case rng&intervalYear != 0:
		iv.Months = iv.Months / 12 * 12
		iv.Days, iv.Micros = 0, 0
	}
	if p := mod & 0xffff; p != intervalFullPrecision {
		iv.Micros = roundMicros(iv.Micros, p)
	}
	return iv
}

func errIntervalRange() error {
	return pgerr.New(pgerr.DatetimeFieldOverflow, "interval out of range")
}

// IntervalSpan is what intervals are ordered by: a month counts as 30 days and a day as 24 hours.
func IntervalSpan(iv Interval) (days, micros int64) {
	d, us := splitMicros(iv.Micros)
	return int64(iv.Months)*30 + int64(iv.Days) + d, us
}

// IntervalCompare orders intervals as PostgreSQL does: 1 month = 30 days, 1 day = 24 hours.
func IntervalCompare(a, b Interval) int {
	da, ua := IntervalSpan(a)
	db, ub := IntervalSpan(b)
	if da != db {
		return cmpInt64(da, db)
	}
	return cmpInt64(ua, ub)
}

func addInt32(a, b int32) (int32, bool) {
	c := int64(a) + int64(b)
	return int32(c), c == int64(int32(c))
}

// IntervalAdd returns a + b field by field.
func IntervalAdd(a, b Interval) (Interval, error) {
	m, ok1 := addInt32(a.Months, b.Months)
	d, ok2 := addInt32(a.Days, b.Days)
	us := a.Micros + b.Micros
	if !ok1 || !ok2 || (us > a.Micros) != (b.Micros > 0) {
		return Interval{}, errIntervalRange()
	}
	return Interval{m, d, us}, nil
}

// IntervalNeg returns -a.
func IntervalNeg(a Interval) (Interval, error) {
	if a.Months == math.MinInt32 || a.Days == math.MinInt32 || a.Micros == math.MinInt64 {
		return Interval{}, errIntervalRange()
	}
	return Interval{-a.Months, -a.Days, -a.Micros}, nil
}

// IntervalSub returns a - b field by field.
func IntervalSub(a, b Interval) (Interval, error) {
	n, err := IntervalNeg(b)
	if err != nil {
		return Interval{}, err
	}
	return IntervalAdd(a, n)
}

func roundToMicros(seconds float64) float64 { return math.RoundToEven(seconds*1e6) / 1e6 }

// IntervalMul returns a * f; fractions of months become days, fractions of days time.
func IntervalMul(a Interval, f float64) (Interval, error) {
	return scaleInterval(a, func(x float64) float64 { return x * f })
}

// IntervalDiv returns a / f, or 22012.
func IntervalDiv(a Interval, f float64) (Interval, error) {
	if f == 0 {
		return Interval{}, errDivisionByZero()
	}
	return scaleInterval(a, func(x float64) float64 { return x / f })
}

func scaleInterval(a Interval, scale func(float64) float64) (Interval, error) {
	m, d := scale(float64(a.Months)), scale(float64(a.Days))
	fits := func(f float64) bool { return f >= math.MinInt32 && f <= math.MaxInt32 }
	if !fits(m) || !fits(d) {
		return Interval{}, errIntervalRange()
	}
	r := Interval{Months: int32(m), Days: int32(d)}
	monthDays := roundToMicros((m - float64(r.Months)) * 30)
	seconds := roundToMicros((d - float64(r.Days) + monthDays - math.Trunc(monthDays)) * 86400)
	carried := true
	if math.Abs(seconds) >= 86400 {
		carried = addTo32(&r.Days, int64(seconds/86400))
		seconds -= math.Trunc(seconds/86400) * 86400
	}
	if !carried || !addTo32(&r.Days, int64(monthDays)) {
		return Interval{}, errIntervalRange()
	}
	us := math.RoundToEven(scale(float64(a.Micros)) + seconds*1e6)
	if math.IsNaN(us) || us >= math.MaxInt64 || us < math.MinInt64 {
		return Interval{}, errIntervalRange()
	}
	r.Micros = int64(us)
	return r, nil
}

// JustifyHours carries 24-hour spans into days, with one sign for both.
func JustifyHours(a Interval) (Interval, error) {
	whole := a.Micros / MicrosPerDay
	d := int64(a.Days) + whole
	us := a.Micros - whole*MicrosPerDay
	if d > 0 && us < 0 {
		us += MicrosPerDay
		d--
	} else if d < 0 && us > 0 {
		us -= MicrosPerDay
		d++
	}
	if d != int64(int32(d)) {
		return Interval{}, errIntervalRange()
	}
	return Interval{a.Months, int32(d), us}, nil
}

// JustifyDays carries 30-day spans into months, with one sign for both.
func JustifyDays(a Interval) (Interval, error) {
	m, d := int64(a.Months)+int64(a.Days/30), a.Days%30
	if m > 0 && d < 0 {
		d += 30
		m--
	} else if m < 0 && d > 0 {
		d -= 30
		m++
	}
	if m != int64(int32(m)) {
		return Interval{}, errIntervalRange()
	}
	return Interval{int32(m), d, a.Micros}, nil
}

// JustifyInterval carries hours into days and days into months, with one sign for all.
func JustifyInterval(a Interval) (Interval, error) {
	whole := a.Micros / MicrosPerDay
	d := int64(a.Days) + whole
	us := a.Micros - whole*MicrosPerDay
	m := int64(a.Months) + d/30
	d %= 30
	if m > 0 && (d < 0 || d == 0 && us < 0) {
		d += 30
		m--
	} else if m < 0 && (d > 0 || d == 0 && us > 0) {
		d -= 30
		m++
	}
	if d > 0 && us < 0 {
		us += MicrosPerDay
		d--
	} else if d < 0 && us > 0 {
		us -= MicrosPerDay
		d++
	}
	if m != int64(int32(m)) {
		return Interval{}, errIntervalRange()
	}
	return Interval{int32(m), int32(d), us}, nil
}

// addMonthsDays moves a local timestamp by months (clipping the day to the
// month's length) and then by days.
func addMonthsDays(ts int64, iv Interval) (int64, error) {
	days, micros := splitMicros(ts)
	if iv.Months != 0 {
		d := dateFromDays(days)
		total := int64(d.year)*12 + int64(d.month) - 1 + int64(iv.Months)
		year := total / 12
		if total%12 < 0 {
			year--
		}
		month := int(total-year*12) + 1
		if year < -4800 || year > 300000 {
			return 0, errOutOfRange("timestamp")
		}
		days = daysFromDate(int(year), month, min(d.day, DaysInMonth(int(year), month)))
	}
	days += int64(iv.Days)
	if days < minDate || days > endTimestamp/MicrosPerDay {
		return 0, errOutOfRange("timestamp")
	}
	return addMicros(days*MicrosPerDay, micros)
}

func addMicros(ts, us int64) (int64, error) {
	sum := ts + us
	if (sum > ts) != (us > 0) && us != 0 || !TimestampInRange(sum) {
		return 0, errOutOfRange("timestamp")
	}
	return sum, nil
}

// TimestampAddInterval returns ts + iv: months, then days, then time.
func TimestampAddInterval(ts int64, iv Interval) (int64, error) {
	if !TimestampIsFinite(ts) {
		return ts, nil
	}
	if iv.Months != 0 || iv.Days != 0 {
		var err error
		if ts, err = addMonthsDays(ts, iv); err != nil {
			return 0, err
		}
	}
	return addMicros(ts, iv.Micros)
}

// TimestamptzAddInterval returns ts + iv: months on the clock of the session's
// zone, then days on it, then time.
func TimestamptzAddInterval(ts int64, iv Interval, env *IOEnv) (int64, error) {
	if !TimestampIsFinite(ts) {
		return ts, nil
	}
	for _, step := range [...]Interval{{Months: iv.Months}, {Days: iv.Days}} {
		if step == (Interval{}) {
			continue
		}
		local, err := addMonthsDays(TimestamptzToLocal(ts, env.TimeZone), step)
		if err != nil {
			return 0, err
		}
		ts = LocalToTimestamptz(local, env.TimeZone)
	}
	return addMicros(ts, iv.Micros)
}

// TimestampSub returns a - b in days and time. Where PostgreSQL 15 wraps around
// int64, at spans above 292,000 years, the answer is 22008.
func TimestampSub(a, b int64) (Interval, error) {
	if !TimestampIsFinite(a) || !TimestampIsFinite(b) {
		return Interval{}, pgerr.New(pgerr.DatetimeFieldOverflow, "cannot subtract infinite timestamps")
	}
	diff := a - b
	if (diff < a) != (b > 0) && b != 0 {
		return Interval{}, errIntervalRange()
	}
	return JustifyHours(Interval{Micros: diff})
}

// TimestampAge returns a - b in years, months, days and time, as age() does. Like
// PostgreSQL 15 it takes the infinities for the extreme points of time.
func TimestampAge(a, b int64) Interval {
	sign := int64(1)
	if a < b {
		a, b, sign = b, a, -1
	}
	da, ua := splitMicros(a)
	db, ub := splitMicros(b)
	x, y := dateFromDays(da), dateFromDays(db)
	us := ua - ub
	days := x.day - y.day
	months := (x.year-y.year)*12 + x.month - y.month
	if us < 0 {
		us += MicrosPerDay
		days--
	}
	if days < 0 { // borrow the length of the month that the span starts in
		days += DaysInMonth(y.year, y.month)
		months--
	}
	return Interval{int32(sign) * int32(months), int32(sign) * int32(days), sign * us}
}

// DateAddDays returns d + n days.
func DateAddDays(d, n int64) (int64, error) {
	if !DateIsFinite(d) {
		return d, nil
	}
	if r := d + n; validDate(r) {
		return r, nil
	}
	return 0, errOutOfRange("date")
}

// DateToTimestamp returns midnight of a date, or 22008.
func DateToTimestamp(d int64) (int64, error) {
	switch {
	case d == DateInfinity:
		return TimestampInfinity, nil
	case d == DateNegInfinity:
		return TimestampNegInfinity, nil
	case d >= endTimestamp/MicrosPerDay:
		return 0, errDateForTimestamp
	}
	return d * MicrosPerDay, nil
}

// TimestampToDate returns the day of a local timestamp.
func TimestampToDate(ts int64) int64 {
	switch ts {
	case TimestampInfinity:
		return DateInfinity
	case TimestampNegInfinity:
		return DateNegInfinity
	}
	days, _ := splitMicros(ts)
	return days
}
