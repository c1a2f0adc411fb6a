package expr

import (
	"time"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// addTimetz makes time with time zone plus or minus an interval, whose days and months do not count.
func addTimetz(sign int64, swapped bool) impl {
	return impl{f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		if swapped {
			a, b = b, a
		}
		micros, east := a.Timetz()
		micros = (micros + sign*b.Interval().Micros) % microsPerDay
		if micros < 0 {
			micros += microsPerDay
		}
		return types.NewTimetz(micros, east), nil
	}}
}

// timetzExtract is a field of a time with time zone.
func timetzExtract(unit string, d types.Datum) (part, error) {
	micros, east := d.Timetz()
	u, kind := findUnit(unit)
	switch u {
	case "epoch":
		return part{coef: micros - int64(east)*1_000_000, scale: 6}, nil
	case "timezone":
		return part{coef: int64(east)}, nil
	case "timezone_hour":
		return part{coef: int64(east / 3600)}, nil
	case "timezone_minute":
		return part{coef: int64(east % 3600 / 60)}, nil
	}
	if p, ok := timePart(u, micros); ok {
		return p, nil
	}
	return part{}, wrongUnit(unit, kind == unitField || kind == unitOfDate, types.TimetzOid)
}

// timetzAtZone is AT TIME ZONE with a name; a zone with daylight saving time is taken as of the transaction's start.
func timetzAtZone(c *Call, zone, d types.Datum) (types.Datum, error) {
	loc, err := types.FindTimeZone(zone.Str())
	if err != nil {
		return types.Null, err
	}
	now := c.TxnTime
	if now.IsZero() {
		now = time.Now()
	}
	_, east := now.In(loc).Zone()
	return types.TimetzAt(d, east), nil
}

// timetzAtInterval is AT TIME ZONE with a displacement.
func timetzAtInterval(_ *Call, zone, d types.Datum) (types.Datum, error) {
	iv := zone.Interval()
	if iv.Months != 0 || iv.Days != 0 {
		return types.Null, pgerr.New(pgerr.InvalidParameterValue, "interval time zone \"%s\" must not include months or days",
			types.Text(types.IntervalOid, zone, types.DefaultIOEnv))
	}
	return types.TimetzAt(d, int(iv.Micros/1_000_000)), nil
}

// dateTimetz is the instant of a time on a date.
func dateTimetz(date, d types.Datum) (types.Datum, error) {
	switch date.Int() {
	case types.DateInfinity:
		return types.NewInt(types.TimestampInfinity), nil
	case types.DateNegInfinity:
		return types.NewInt(types.TimestampNegInfinity), nil
	}
	ts, err := types.DateToTimestamp(date.Int())
	if err != nil {
		return types.Null, err
	}
	micros, east := d.Timetz()
	return types.NewInt(ts + micros - int64(east)*1_000_000), nil
}

// inRangeTimetz is RANGE over times with time zone: an interval moves the instant, which is the upper part of the packed
// value, and keeps the zone. The sum does not wrap around midnight.
func inRangeTimetz(_ *EvalContext, val, base, offset types.Datum, sub, less bool) (bool, error) {
	o := offset.Interval().Micros
	if o < 0 {
		return false, errRangeOffset()
	}
	if o > 1<<44 { // more than any two times are apart
		return sub != less, nil
	}
	if sub {
		o = -o
	}
	return side(compareInts(val.Int(), base.Int()+o<<18), less), nil
}

var timetzImpls = map[string]impl{
	"timetz_pl_interval":                  addTimetz(1, false),
	"timetz_mi_interval":                  addTimetz(-1, false),
	"interval_pl_timetz(interval,timetz)": addTimetz(1, true),
	"timetz_cmp":                          bytesCompare(),
	"timetz_larger":                       larger(1),
	"timetz_smaller":                      larger(-1),
	"timetz_zone":                         {f2: timetzAtZone},
	"timetz_izone":                        {f2: timetzAtInterval},
	"timetz_part":                         partFn(),
	"extract_timetz":                      extractFn(),
	"overlaps_timetz":                     {fn: overlaps},
	"datetimetz_timestamptz":              {f2: func(_ *Call, d, t types.Datum) (types.Datum, error) { return dateTimetz(d, t) }},
	"timetzdate_pl(timetz,date)":          {f2: func(_ *Call, t, d types.Datum) (types.Datum, error) { return dateTimetz(d, t) }},
	"timetz_scale": scaleTime(func(c *Call, d types.Datum, m int32) (types.Datum, error) {
		return types.Cast(d, types.T(types.TimetzOid), types.Type{Oid: types.TimetzOid, Mod: m}, types.Explicit, c.IO())
	}),
}
