package expr

import (
	"math"
	"strings"
	"time"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

func intFn(f func(c *Call, a []types.Datum) (int64, error)) impl {
	return impl{fn: func(c *Call, a []types.Datum) (types.Datum, error) {
		n, err := f(c, a)
		return types.NewInt(n), err
	}}
}

func intervalFn(f func(c *Call, a []types.Datum) (types.Interval, error)) impl {
	return impl{fn: func(c *Call, a []types.Datum) (types.Datum, error) {
		iv, err := f(c, a)
		if err != nil {
			return types.Null, err
		}
		return types.NewInterval(iv), nil
	}}
}

// addInterval is timestamp[tz] ± interval.
func addInterval(zoned, minus, swapped bool) impl {
	return intFn(func(c *Call, a []types.Datum) (int64, error) {
		t, d := a[0], a[1]
		if swapped {
			t, d = d, t
		}
		iv := d.Interval()
		if minus {
			var err error
			if iv, err = types.IntervalNeg(iv); err != nil {
				return 0, err
			}
		}
		if zoned {
			return types.TimestamptzAddInterval(t.Int(), iv, c.IO())
		}
		return types.TimestampAddInterval(t.Int(), iv)
	})
}

func dateInterval(minus, swapped bool) impl {
	add := addInterval(false, minus, false)
	return intFn(func(c *Call, a []types.Datum) (int64, error) {
		d, iv := a[0], a[1]
		if swapped {
			d, iv = iv, d
		}
		ts, err := types.DateToTimestamp(d.Int())
		if err != nil {
			return 0, err
		}
		r, err := add.fn(c, []types.Datum{types.NewInt(ts), iv})
		return r.Int(), err
	})
}

func timeInterval(minus bool) impl {
	return intFn(func(_ *Call, a []types.Datum) (int64, error) {
		d := a[1].Interval().Micros
		if minus {
			d = -d
		}
		t := (a[0].Int() + d) % microsPerDay
		if t < 0 {
			t += microsPerDay
		}
		return t, nil
	})
}

// fields is a broken-down timestamp.
type fields struct {
	year, month, day int
	micros           int64 // of the day
}

func breakDown(ts int64) fields {
	days := ts / microsPerDay
	us := ts % microsPerDay
	if us < 0 {
		days--
		us += microsPerDay
	}
	y, m, d := types.DateFromDays(days)
	return fields{y, m, d, us}
}

func (f fields) timestamp() int64 {
	return types.DaysFromDate(f.year, f.month, f.day)*microsPerDay + f.micros
}

// truncate is date_trunc of a local timestamp.
func truncate(unit string, ts int64, t types.Oid) (int64, error) {
	f := breakDown(ts)
	cut := func(unit int64) { f.micros -= f.micros % unit }
	u, kind := findUnit(unit)
	switch u {
	case "microsecond":
	case "millisecond":
		cut(1000)
	case "second":
		cut(1_000_000)
	case "minute":
		cut(60_000_000)
	case "hour":
		cut(3_600_000_000)
	case "day":
		f.micros = 0
	case "week":
		days := types.DaysFromDate(f.year, f.month, f.day)
		return (days - isoDow(days) + 1) * microsPerDay, nil
	case "month", "quarter", "year", "decade", "century", "millennium":
		truncDate(&f, u)
	default:
		return 0, wrongUnit(unit, kind == unitField, t)
	}
	return f.timestamp(), nil
}

func truncDate(f *fields, unit string) {
	f.micros, f.day = 0, 1
	floorTo := func(y, n int) int {
		if y > 0 {
			return y / n * n
		}
		return -((n - 1 - y) / n * n)
	}
	switch unit {
	case "month":
		return
	case "quarter":
		f.month -= (f.month - 1) % 3
		return
	case "decade":
		f.year = floorTo(f.year, 10)
	case "century":
		f.year = centuryStart(f.year, 100)
	case "millennium":
		f.year = centuryStart(f.year, 1000)
	}
	f.month = 1
}

func centuryStart(y, n int) int {
	if y > 0 {
		return (y+n-1)/n*n - (n - 1)
	}
	return -((n-1-(y-1))/n*n - 1)
}

// isoDow is the day of the week from Monday 1 to Sunday 7.
func isoDow(days int64) int64 {
	d := (days + 5) % 7 // 2000-01-01 was a Saturday
	if d < 0 {
		d += 7
	}
	return d + 1
}

// isoWeek is the ISO year and week of a day.
func isoWeek(days int64) (year, week int64) {
	thursday := days - isoDow(days) + 4
	y, _, _ := types.DateFromDays(thursday)
	return int64(y), (thursday-types.DaysFromDate(y, 1, 1))/7 + 1
}

func truncZoned(c *Call, unit string, ts int64, loc *time.Location) (int64, error) {
	if !types.TimestampIsFinite(ts) {
		return ts, nil
	}
	local, err := truncate(unit, types.TimestamptzToLocal(ts, loc), types.TimestamptzOid)
	if err != nil {
		return 0, err
	}
	switch u, _ := findUnit(unit); u {
	case "hour", "minute", "second", "millisecond", "microsecond":
		return ts - (types.TimestamptzToLocal(ts, loc) - local), nil
	}
	return types.LocalToTimestamptz(local, loc), nil
}

func truncInterval(unit string, iv types.Interval) (types.Interval, error) {
	div := func(u int64) { iv.Micros -= iv.Micros % u }
	u, kind := findUnit(unit)
	switch u {
	case "microsecond":
	case "millisecond":
		div(1000)
	case "second":
		div(1_000_000)
	case "minute":
		div(60_000_000)
	case "hour":
		div(3_600_000_000)
	case "day":
		iv.Micros = 0
	case "month", "quarter", "year", "decade", "century", "millennium":
		n := map[string]int32{"month": 1, "quarter": 3, "year": 12, "decade": 120, "century": 1200, "millennium": 12000}[u]
		return types.Interval{Months: iv.Months / n * n}, nil
	case "week":
		return iv, pgerr.From(wrongUnit(unit, true, types.IntervalOid)).WithDetail("Months usually have fractional weeks.")
	default:
		return iv, wrongUnit(unit, kind == unitField, types.IntervalOid)
	}
	return iv, nil
}

// makeDate makes a date of a year, negative before Christ, a month and a day. Errors show the year as it counts, 0 for 1 BC.
func makeDate(y, m, d int64) (int64, error) {
	year := y
	if y < 0 && y != math.MinInt32 {
		year = y + 1
	}
	return dateOf(y, year, m, d, year)
}

// dateOf is makeDate of a year as given and as it counts; shown is the one that errors show.
func dateOf(y, year, m, d, shown int64) (int64, error) {
	bad := pgerr.New(pgerr.DatetimeFieldOverflow, "date field value out of range: %d-%02d-%02d", shown, m, d)
	if y == 0 || y == math.MinInt32 || m < 1 || m > 12 || d < 1 || d > 31 || int(d) > types.DaysInMonth(int(year), int(m)) {
		return 0, bad
	}
	if year > 5874897 || year < -4713 || year == -4713 && (m < 11 || m == 11 && d < 24) {
		return 0, pgerr.New(pgerr.DatetimeFieldOverflow, "date out of range: %d-%02d-%02d", shown, m, d)
	}
	days := types.DaysFromDate(int(year), int(m), int(d))
	if yy, mm, dd := types.DateFromDays(days); int64(yy) != year || int64(mm) != m || int64(dd) != d {
		return 0, bad
	}
	return days, nil
}

func makeTime(h, m int64, s float64) (int64, error) {
	micros := math.RoundToEven(s * 1e6) // what rounds to nothing is in range, however negative
	if h < 0 || h > 24 || m < 0 || m > 59 || !(micros >= 0 && micros <= 60_000_000) || h == 24 && (m > 0 || micros > 0) {
		return 0, pgerr.New(pgerr.DatetimeFieldOverflow, "time field value out of range: %d:%02d:%s", h, m, padZero(formatG(s)))
	}
	return (h*60+m)*60_000_000 + int64(micros), nil
}

// padZero fills a number up to two characters.
func padZero(s string) string { return strings.Repeat("0", max(0, 2-len(s))) + s }

// dateAtTime is a day's timestamp at a time.
func dateAtTime(day, time int64) (int64, error) {
	ts, err := types.DateToTimestamp(day)
	if err != nil || !types.TimestampIsFinite(ts) {
		return ts, err
	}
	return ts + time, nil
}

func makeTimestamp(a []types.Datum) (int64, error) {
	y := a[0].Int()
	year := y
	if y < 0 {
		year = y + 1
	}
	d, err := dateOf(y, year, a[1].Int(), a[2].Int(), y)
	if err != nil {
		return 0, err
	}
	t, err := makeTime(a[3].Int(), a[4].Int(), a[5].Float())
	if err != nil {
		return 0, err
	}
	ts, err := dateAtTime(d, t)
	if err != nil || !types.TimestampInRange(ts) {
		return 0, pgerr.New(pgerr.DatetimeFieldOverflow, "timestamp out of range: %d-%02d-%02d %d:%02d:%s",
			a[0].Int(), a[1].Int(), a[2].Int(), a[3].Int(), a[4].Int(), padZero(formatG(a[5].Float())))
	}
	return ts, nil
}

// atZone is AT TIME ZONE by name: to the zone's local time, or from it.
func atZone(toLocal bool) impl {
	return intFn(func(_ *Call, a []types.Datum) (int64, error) {
		if !types.TimestampIsFinite(a[1].Int()) {
			return a[1].Int(), nil
		}
		loc, err := types.FindTimeZone(a[0].Str())
		if err != nil {
			return 0, err
		}
		ts := types.LocalToTimestamptz(a[1].Int(), loc)
		if toLocal {
			ts = types.TimestamptzToLocal(a[1].Int(), loc)
		}
		return ts, checkTimestamp(ts)
	})
}

// checkTimestamp fails on a timestamp out of range.
func checkTimestamp(ts int64) error {
	if !types.TimestampInRange(ts) {
		return pgerr.New(pgerr.DatetimeFieldOverflow, "timestamp out of range")
	}
	return nil
}

func atOffset(sign int64) impl {
	return intFn(func(_ *Call, a []types.Datum) (int64, error) {
		iv := a[0].Interval()
		if !types.TimestampIsFinite(a[1].Int()) {
			return a[1].Int(), nil
		}
		if iv.Months != 0 || iv.Days != 0 {
			return 0, pgerr.New(pgerr.InvalidParameterValue, "interval time zone \"%s\" must not include months or days",
				types.Text(types.IntervalOid, a[0], types.DefaultIOEnv))
		}
		ts := a[1].Int() + sign*(iv.Micros/types.MicrosPerSecond*types.MicrosPerSecond) // whole seconds alone count
		return ts, checkTimestamp(ts)
	})
}

func ageFn(zoned bool) impl {
	return intervalFn(func(c *Call, a []types.Datum) (types.Interval, error) {
		if !zoned {
			return types.TimestampAge(a[0].Int(), a[1].Int()), nil
		}
		loc := c.IO().TimeZone
		return types.TimestampAge(types.TimestamptzToLocal(a[0].Int(), loc), types.TimestamptzToLocal(a[1].Int(), loc)), nil
	})
}

// ageToday is age(timestamp): from midnight of the current date.
func ageToday(zoned bool) impl {
	return intervalFn(func(c *Call, a []types.Datum) (types.Interval, error) {
		if c.TxnTime.IsZero() {
			return types.Interval{}, errNoSession
		}
		loc := c.IO().TimeZone
		local := types.TimestamptzToLocal(types.TimestampFromTime(c.TxnTime), loc)
		local = types.TimestampToDate(local) * microsPerDay
		t := a[0].Int()
		if zoned {
			t = types.TimestamptzToLocal(t, loc)
		}
		return types.TimestampAge(local, t), nil
	})
}

func overlaps(c *Call, a []types.Datum) (types.Datum, error) {
	s1, e1, s2, e2 := a[0], a[1], a[2], a[3]
	swap := func(s, e types.Datum) (types.Datum, types.Datum) {
		if s.IsNull() || !e.IsNull() && s.Int() > e.Int() {
			return e, s
		}
		return s, e
	}
	if s1.IsNull() && e1.IsNull() || s2.IsNull() && e2.IsNull() {
		return types.Null, nil
	}
	s1, e1 = swap(s1, e1)
	s2, e2 = swap(s2, e2)
	if s1.Int() == s2.Int() {
		if e1.IsNull() || e2.IsNull() {
			return types.Null, nil
		}
		return types.NewBool(true), nil
	}
	if s1.Int() > s2.Int() {
		s1, e1, s2, e2 = s2, e2, s1, e1
	}
	if e1.IsNull() {
		return types.Null, nil
	}
	if s2.Int() < e1.Int() {
		return types.NewBool(true), nil
	}
	if e2.IsNull() {
		return types.Null, nil
	}
	return types.NewBool(false), nil
}

func dateBin(_ *Call, a []types.Datum) (int64, error) {
	iv := a[0].Interval()
	if iv.Months != 0 {
		return 0, pgerr.New(pgerr.FeatureNotSupported, "timestamps cannot be binned into intervals containing months or years")
	}
	outOfRange := func(what string) error { return pgerr.New(pgerr.DatetimeFieldOverflow, "%s out of range", what) }
	days := int64(iv.Days) * microsPerDay
	stride := days + iv.Micros
	if days/microsPerDay != int64(iv.Days) || (stride > days) != (iv.Micros > 0) {
		return 0, outOfRange("interval")
	}
	if stride <= 0 {
		return 0, pgerr.New(pgerr.DatetimeFieldOverflow, "stride must be greater than zero")
	}
	ts, origin := a[1].Int(), a[2].Int()
	diff := ts - origin
	if (diff < ts) != (origin > 0) {
		return 0, outOfRange("interval")
	}
	rest := diff % stride
	bin := origin + diff - rest
	if rest >= 0 {
		return bin, nil
	}
	if below := bin - stride; below < bin && types.TimestampInRange(below) {
		return below, nil
	}
	return 0, outOfRange("timestamp")
}

func makeInterval(_ *Call, a []types.Datum) (types.Interval, error) {
	get := func(i int) int64 {
		if i < len(a) {
			return a[i].Int()
		}
		return 0
	}
	secs := 0.0
	if len(a) > 6 {
		secs = a[6].Float()
	}
	if math.IsInf(secs, 0) || math.IsNaN(secs) {
		return types.Interval{}, pgerr.New(pgerr.DatetimeFieldOverflow, "interval out of range")
	}
	return types.Interval{Months: int32(get(0)*12 + get(1)), Days: int32(get(2)*7 + get(3)),
		Micros: get(4)*3_600_000_000 + get(5)*60_000_000 + int64(math.RoundToEven(secs*1e6))}, nil
}

func scaleTime(f func(c *Call, d types.Datum, mod int32) (types.Datum, error)) impl {
	return impl{f2: func(c *Call, a, b types.Datum) (types.Datum, error) { return f(c, a, int32(b.Int())) }}
}

func scaleTimestamp(_ *Call, d types.Datum, m int32) (types.Datum, error) {
	if (m < -1 || m > 6) && types.TimestampIsFinite(d.Int()) {
		return types.Null, pgerr.New(pgerr.InvalidParameterValue, "timestamp(%d) precision must be between 0 and 6", m)
	}
	return types.NewInt(roundMicros(d.Int(), m)), nil
}

func nowFn(get func(c *Call) time.Time) impl {
	return impl{f0: func(c *Call) (types.Datum, error) {
		t := get(c)
		if t.IsZero() {
			return types.Null, errNoSession
		}
		return types.NewInt(types.TimestampFromTime(t)), nil
	}}
}

var dateImpls = map[string]impl{
	"timestamp_pl_interval": addInterval(false, false, false), "timestamp_mi_interval": addInterval(false, true, false),
	"timestamptz_pl_interval": addInterval(true, false, false), "timestamptz_mi_interval": addInterval(true, true, false),
	"interval_pl_timestamp(interval,timestamp)":     addInterval(false, false, true),
	"interval_pl_timestamptz(interval,timestamptz)": addInterval(true, false, true),
	"date_pl_interval":                              dateInterval(false, false), "date_mi_interval": dateInterval(true, false),
	"interval_pl_date(interval,date)": dateInterval(false, true),
	"time_pl_interval":                timeInterval(false), "time_mi_interval": timeInterval(true),
	"interval_pl_time(interval,time)": intFn(func(_ *Call, a []types.Datum) (int64, error) {
		r, err := timeInterval(false).fn(nil, []types.Datum{a[1], a[0]})
		return r.Int(), err
	}),
	"timestamp_mi": intervalFn(func(_ *Call, a []types.Datum) (types.Interval, error) {
		return types.TimestampSub(a[0].Int(), a[1].Int())
	}),
	"time_mi_time": intervalFn(func(_ *Call, a []types.Datum) (types.Interval, error) {
		return types.Interval{Micros: a[0].Int() - a[1].Int()}, nil
	}),
	"date_pli":                   intFn(func(_ *Call, a []types.Datum) (int64, error) { return types.DateAddDays(a[0].Int(), a[1].Int()) }),
	"date_mii":                   intFn(func(_ *Call, a []types.Datum) (int64, error) { return types.DateAddDays(a[0].Int(), -a[1].Int()) }),
	"integer_pl_date(int4,date)": intFn(func(_ *Call, a []types.Datum) (int64, error) { return types.DateAddDays(a[1].Int(), a[0].Int()) }),
	"date_mi": intFn(func(_ *Call, a []types.Datum) (int64, error) {
		if !types.DateIsFinite(a[0].Int()) || !types.DateIsFinite(a[1].Int()) {
			return 0, pgerr.New(pgerr.DatetimeFieldOverflow, "cannot subtract infinite dates")
		}
		return a[0].Int() - a[1].Int(), nil
	}),
	"datetime_timestamp":     intFn(func(_ *Call, a []types.Datum) (int64, error) { return dateAtTime(a[0].Int(), a[1].Int()) }),
	"timedate_pl(time,date)": intFn(func(_ *Call, a []types.Datum) (int64, error) { return dateAtTime(a[1].Int(), a[0].Int()) }),
	"interval_pl": intervalFn(func(_ *Call, a []types.Datum) (types.Interval, error) {
		return types.IntervalAdd(a[0].Interval(), a[1].Interval())
	}),
	"interval_mi": intervalFn(func(_ *Call, a []types.Datum) (types.Interval, error) {
		return types.IntervalSub(a[0].Interval(), a[1].Interval())
	}),
	"interval_um": intervalFn(func(_ *Call, a []types.Datum) (types.Interval, error) { return types.IntervalNeg(a[0].Interval()) }),
	"interval_mul": intervalFn(func(_ *Call, a []types.Datum) (types.Interval, error) {
		return types.IntervalMul(a[0].Interval(), a[1].Float())
	}),
	"mul_d_interval": intervalFn(func(_ *Call, a []types.Datum) (types.Interval, error) {
		return types.IntervalMul(a[1].Interval(), a[0].Float())
	}),
	"interval_div": intervalFn(func(_ *Call, a []types.Datum) (types.Interval, error) {
		return types.IntervalDiv(a[0].Interval(), a[1].Float())
	}),
	"interval_justify_hours":    intervalFn(func(_ *Call, a []types.Datum) (types.Interval, error) { return types.JustifyHours(a[0].Interval()) }),
	"interval_justify_days":     intervalFn(func(_ *Call, a []types.Datum) (types.Interval, error) { return types.JustifyDays(a[0].Interval()) }),
	"interval_justify_interval": intervalFn(func(_ *Call, a []types.Datum) (types.Interval, error) { return types.JustifyInterval(a[0].Interval()) }),
	"make_interval":             intervalFn(makeInterval),
	"make_date":                 intFn(func(_ *Call, a []types.Datum) (int64, error) { return makeDate(a[0].Int(), a[1].Int(), a[2].Int()) }),
	"make_time":                 intFn(func(_ *Call, a []types.Datum) (int64, error) { return makeTime(a[0].Int(), a[1].Int(), a[2].Float()) }),
	"make_timestamp":            intFn(func(_ *Call, a []types.Datum) (int64, error) { return makeTimestamp(a) }),
	"make_timestamptz": intFn(func(c *Call, a []types.Datum) (int64, error) {
		ts, err := makeTimestamp(a)
		return types.LocalToTimestamptz(ts, c.IO().TimeZone), err
	}),
	"make_timestamptz_at_timezone": intFn(func(_ *Call, a []types.Datum) (int64, error) {
		ts, err := makeTimestamp(a)
		if err != nil {
			return 0, err
		}
		loc, err := types.ParseZoneArgument(a[6].Str())
		if err != nil {
			return 0, err
		}
		return types.LocalToTimestamptz(ts, loc), nil
	}),
	"timestamp_trunc": intFn(func(_ *Call, a []types.Datum) (int64, error) {
		if !types.TimestampIsFinite(a[1].Int()) {
			return a[1].Int(), nil
		}
		return truncate(a[0].Str(), a[1].Int(), types.TimestampOid)
	}),
	"timestamptz_trunc": intFn(func(c *Call, a []types.Datum) (int64, error) {
		return truncZoned(c, a[0].Str(), a[1].Int(), c.IO().TimeZone)
	}),
	"timestamptz_trunc_zone": intFn(func(c *Call, a []types.Datum) (int64, error) {
		if !types.TimestampIsFinite(a[1].Int()) {
			return a[1].Int(), nil
		}
		loc, err := types.FindTimeZone(a[2].Str())
		if err != nil {
			return 0, err
		}
		return truncZoned(c, a[0].Str(), a[1].Int(), loc)
	}),
	"interval_trunc": intervalFn(func(_ *Call, a []types.Datum) (types.Interval, error) {
		return truncInterval(a[0].Str(), a[1].Interval())
	}),
	"extract_date": extractFn(), "extract_time": extractFn(), "extract_timestamp": extractFn(), "extract_timestamptz": extractFn(), "extract_interval": extractFn(),
	"timestamp_part": partFn(), "timestamptz_part": partFn(), "interval_part": partFn(), "time_part": partFn(), "date_part(text,date)": partFn(),
	"timestamptz_zone": atZone(true), "timestamp_zone": atZone(false), "timestamptz_izone": atOffset(1), "timestamp_izone": atOffset(-1),
	"timestamp_age": ageFn(false), "timestamptz_age": ageFn(true), "age(timestamp)": ageToday(false), "age(timestamptz)": ageToday(true),
	"date_finite":      boolFn(func(a []types.Datum) (bool, error) { return types.DateIsFinite(a[0].Int()), nil }),
	"timestamp_finite": boolFn(func(a []types.Datum) (bool, error) { return types.TimestampIsFinite(a[0].Int()), nil }),
	"interval_finite":  boolFn(func([]types.Datum) (bool, error) { return true, nil }),
	"timestamp_bin":    intFn(dateBin), "timestamptz_bin": intFn(dateBin),
	"overlaps_timestamp": {fn: overlaps}, "overlaps_time": {fn: overlaps},
	"float8_timestamptz": intFn(func(_ *Call, a []types.Datum) (int64, error) {
		f := a[0].Float()
		switch {
		case math.IsNaN(f):
			return 0, pgerr.New(pgerr.DatetimeFieldOverflow, "timestamp cannot be NaN")
		case math.IsInf(f, 1):
			return types.TimestampInfinity, nil
		case math.IsInf(f, -1):
			return types.TimestampNegInfinity, nil
		case f < -210866803200 || f >= 9224318016000:
			return 0, pgerr.New(pgerr.DatetimeFieldOverflow, "timestamp out of range: \"%s\"", formatG(f))
		}
		return int64(math.RoundToEven(f*1e6)) - 946684800_000000, nil
	}),
	"now":                 nowFn(func(c *Call) time.Time { return c.TxnTime }),
	"statement_timestamp": nowFn(func(c *Call) time.Time { return c.StatementTime }),
	"clock_timestamp":     nowFn(func(*Call) time.Time { return time.Now() }),
	"timeofday": {f0: func(c *Call) (types.Datum, error) {
		return types.NewString(time.Now().In(c.IO().TimeZone).Format("Mon Jan 02 15:04:05.000000 2006 MST")), nil
	}},
	"timestamp_scale": scaleTime(scaleTimestamp), "timestamptz_scale": scaleTime(scaleTimestamp),
}
