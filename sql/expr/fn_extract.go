package expr

import (
	"math"
	"strings"
	"time"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// part is a field of a date, time or interval as coef / 10^scale.
type part struct {
	coef  int64
	scale int32
	inf   int // ±1: infinity
	null  bool
	exact types.Datum // the value instead, where it has more digits
}

func (p part) numeric() types.Datum {
	switch {
	case !p.exact.IsNull():
		return p.exact
	case p.null:
		return types.Null
	case p.inf != 0:
		d, _ := types.ParseNumeric(map[int]string{1: "Infinity", -1: "-Infinity"}[p.inf])
		return d
	}
	return types.NewSmallNumeric(p.coef, p.scale)
}

func (p part) float() types.Datum {
	switch {
	case !p.exact.IsNull():
		f, _ := types.NumericToFloat(p.exact)
		return types.NewFloat(f)
	case p.null:
		return types.Null
	case p.inf != 0:
		return types.NewFloat(math.Inf(p.inf))
	}
	return types.NewFloat(float64(p.coef) / math.Pow10(int(p.scale)))
}

func whole[T int | int64 | int32](n T) (part, error) { return part{coef: int64(n)}, nil }

// micros is us microseconds and secs seconds, in seconds. The sum may have more digits than an int64.
func micros(us, secs int64) (part, error) {
	if sum := us + secs*1_000_000; secs == 0 || secs < math.MaxInt64/1_000_000 && secs > math.MinInt64/1_000_000 &&
		(sum > us) == (secs > 0) {
		return part{coef: sum, scale: 6}, nil
	}
	sum, err := types.NumericAdd(types.NewSmallNumeric(us, 6), types.NewSmallNumeric(secs, 0))
	return part{exact: sum}, err
}

// timePart is a field of the time of day; ok is false for other fields.
func timePart(u string, us int64) (part, bool) {
	switch u {
	case "hour":
		return part{coef: us / 3_600_000_000}, true
	case "minute":
		return part{coef: us / 60_000_000 % 60}, true
	case "second":
		return part{coef: us % 60_000_000, scale: 6}, true
	case "millisecond":
		return part{coef: us % 60_000_000, scale: 3}, true
	case "microsecond":
		return part{coef: us % 60_000_000}, true
	}
	return part{}, false
}

// timestampPart extracts from a local timestamp; utc is the instant, for epoch, loc the zone or nil.
func timestampPart(unit string, ts, utc int64, loc *time.Location, t types.Oid) (part, error) {
	u, kind := findUnit(unit)
	if !types.TimestampIsFinite(utc) {
		return infinitePart(unit, utc, t)
	}
	f := breakDown(ts)
	if p, ok := timePart(u, f.micros); ok {
		return p, nil
	}
	if p, ok := datePart(u, f); ok {
		return p, nil
	}
	switch {
	case u == "epoch":
		return micros(utc, 946684800)
	case u == "julian":
		d := types.NewSmallNumeric(f.micros, 0)
		q, err := types.NumericDiv(d, types.NewSmallNumeric(microsPerDay, 0))
		if err != nil {
			return part{}, err
		}
		sum, err := types.NumericAdd(q, types.NewSmallNumeric(types.DaysFromDate(f.year, f.month, f.day)+2451545, 0))
		return part{exact: sum}, err
	case loc != nil && strings.HasPrefix(u, "timezone"):
		off := (ts - utc) / 1_000_000
		switch u {
		case "timezone":
			return whole(off)
		case "timezone_hour":
			return whole(off / 3600)
		case "timezone_minute":
			return whole(off / 60 % 60)
		}
	}
	return part{}, wrongUnit(unit, kind != unitUnknown, t)
}

// datePart is a field of the date; ok is false for other fields.
func datePart(u string, f fields) (part, bool) {
	y := int64(f.year)
	days := types.DaysFromDate(f.year, f.month, f.day)
	var n int64
	switch u {
	case "year":
		n = y
		if y <= 0 {
			n = y - 1
		}
	case "month":
		n = int64(f.month)
	case "day":
		n = int64(f.day)
	case "quarter":
		n = int64(f.month-1)/3 + 1
	case "decade":
		if n = y / 10; y < 0 {
			n = -((8 - (y - 1)) / 10)
		}
	case "century":
		if n = (y + 99) / 100; y <= 0 {
			n = -((99 - (y - 1)) / 100)
		}
	case "millennium":
		if n = (y + 999) / 1000; y <= 0 {
			n = -((999 - (y - 1)) / 1000)
		}
	case "dow":
		n = isoDow(days) % 7
	case "isodow":
		n = isoDow(days)
	case "doy":
		n = days - types.DaysFromDate(f.year, 1, 1) + 1
	case "week":
		_, n = isoWeek(days)
	case "isoyear":
		if n, _ = isoWeek(days); n <= 0 {
			n--
		}
	default:
		return part{}, false
	}
	return part{coef: n}, true
}

func infinitePart(unit string, ts int64, t types.Oid) (part, error) {
	u, kind := findUnit(unit)
	sign := 1
	if ts < 0 {
		sign = -1
	}
	switch u {
	case "year", "decade", "century", "millennium", "julian", "isoyear", "epoch":
		return part{inf: sign}, nil
	case "month", "day", "hour", "minute", "second", "millisecond", "microsecond", "dow", "isodow", "doy", "week", "quarter",
		"timezone", "timezone_hour", "timezone_minute":
		return part{null: true}, nil
	}
	return part{}, wrongUnit(unit, kind != unitUnknown, t)
}

func intervalPart(unit string, iv types.Interval) (part, error) {
	us, m := iv.Micros, int64(iv.Months)
	u, kind := findUnit(unit)
	switch u {
	case "microsecond":
		return whole(us % 60_000_000)
	case "millisecond":
		return part{coef: us % 60_000_000, scale: 3}, nil
	case "second":
		return part{coef: us % 60_000_000, scale: 6}, nil
	case "minute":
		return whole(us / 60_000_000 % 60)
	case "hour":
		return whole(us / 3_600_000_000)
	case "day":
		return whole(int64(iv.Days))
	case "month":
		return whole(m % 12)
	case "quarter":
		return whole(m%12/3 + 1)
	case "year":
		return whole(m / 12)
	case "decade":
		return whole(m / 120)
	case "century":
		return whole(m / 1200)
	case "millennium":
		return whole(m / 12000)
	case "epoch":
		secs := m/12*31557600 + m%12*2592000 + int64(iv.Days)*86400
		return micros(us, secs)
	}
	return part{}, wrongUnit(unit, kind == unitField || kind == unitOfDate, types.IntervalOid)
}

// extract finds a field of a value of any date or time type.
func extract(c *Call, unit string, d types.Datum, t types.Oid) (part, error) {
	switch t {
	case types.TimestampOid:
		return timestampPart(unit, d.Int(), d.Int(), nil, t)
	case types.TimestamptzOid:
		loc := c.IO().TimeZone
		if !types.TimestampIsFinite(d.Int()) {
			return timestampPart(unit, 0, d.Int(), loc, t)
		}
		return timestampPart(unit, types.TimestamptzToLocal(d.Int(), loc), d.Int(), loc, t)
	case types.TimetzOid:
		return timetzExtract(unit, d)
	case types.DateOid:
		return dateExtract(unit, d.Int())
	case types.TimeOid:
		u, kind := findUnit(unit)
		if u == "epoch" {
			return part{coef: d.Int(), scale: 6}, nil
		}
		if p, ok := timePart(u, d.Int()); ok {
			return p, nil
		}
		return part{}, wrongUnit(unit, kind == unitField || kind == unitOfDate, t)
	}
	return intervalPart(unit, d.Interval())
}

func dateExtract(unit string, days int64) (part, error) {
	u, _ := findUnit(unit)
	if _, ok := timePart(u, 0); ok {
		return part{}, wrongUnit(unit, true, types.DateOid)
	}
	if !types.DateIsFinite(days) {
		return infinitePart(unit, days, types.DateOid)
	}
	y, m, d := types.DateFromDays(days)
	if p, ok := datePart(u, fields{year: y, month: m, day: d}); ok {
		return p, nil
	}
	switch u {
	case "epoch":
		return whole(days*86400 + 946684800)
	case "julian":
		return whole(days + 2451545)
	}
	return timestampPart(unit, 0, 0, nil, types.DateOid) // for its errors
}

func extractFn() impl {
	return impl{f2: func(c *Call, u, d types.Datum) (types.Datum, error) {
		p, err := extract(c, u.Str(), d, c.Types[1].Oid)
		return p.numeric(), err
	}}
}

func partFn() impl {
	return impl{f2: func(c *Call, u, d types.Datum) (types.Datum, error) {
		t := c.Types[1].Oid
		if t == types.DateOid { // date_part(text, date) is that of the timestamp
			ts, err := types.DateToTimestamp(d.Int())
			if err != nil {
				return types.Null, err
			}
			t, d = types.TimestampOid, types.NewInt(ts)
		}
		p, err := extract(c, u.Str(), d, t)
		return p.float(), err
	}}
}
