package types

import (
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// timestamp returns the local timestamp, without regard to a zone; false if it
// is out of range.
func (v *dtValue) timestamp() (int64, bool) {
	days, ok := v.days()
	if !ok || days > endTimestamp/MicrosPerDay {
		return 0, false
	}
	ts := days*MicrosPerDay + v.micros
	return ts, days < 0 || ts >= 0
}

// parseTimestamp reads a timestamp or timestamptz of a precision (-1 full).
func parseTimestamp(s string, withZone bool, precision int32, env *IOEnv) (int64, error) {
	typeName := "timestamp"
	if withZone {
		typeName = "timestamp with time zone"
	}
	var v dtValue
	if e := parseDatetime(s, &v, env); e != dtOK {
		return 0, dtErr(e, typeName, s, v.zoneText)
	}
	switch v.special {
	case spInfinity:
		return TimestampInfinity, nil
	case spNegInfinity:
		return TimestampNegInfinity, nil
	case spEpoch:
		return -unixEpochMicros, nil
	case spNow:
		ts := TimestampFromTime(env.now())
		if !withZone {
			ts = TimestamptzToLocal(ts, env.TimeZone)
		}
		return roundMicros(ts, precision), nil
	}
	if !v.hasDay {
		return 0, dtErr(dtBad, typeName, s, "")
	}
	ts, ok := v.timestamp()
	if ok && withZone {
		switch {
		case !v.hasZone:
			ts = LocalToTimestamptz(ts, env.TimeZone)
		case v.loc != nil:
			ts = LocalToTimestamptz(ts, v.loc)
		default:
			ts -= int64(v.zoneSeconds) * MicrosPerSecond
		}
	}
	if !ok || !TimestampInRange(ts) {
		return 0, pgerr.New(pgerr.DatetimeFieldOverflow, "timestamp out of range: \"%s\"", s)
	}
	return roundMicros(ts, precision), nil
}

// parseDate reads a date; a time of day is ignored.
func parseDate(s string, env *IOEnv) (int64, error) {
	var v dtValue
	if e := parseDatetime(s, &v, env); e != dtOK {
		return 0, dtErr(e, "date", s, v.zoneText)
	}
	switch v.special {
	case spInfinity:
		return DateInfinity, nil
	case spNegInfinity:
		return DateNegInfinity, nil
	case spEpoch:
		return -unixEpochDays, nil
	case spNow:
		days, _ := splitMicros(TimestamptzToLocal(TimestampFromTime(env.now()), env.TimeZone))
		return days, nil
	}
	if !v.hasDay {
		return 0, dtErr(dtBad, "date", s, "")
	}
	days, ok := v.days()
	if !ok || !validDate(days) {
		return 0, pgerr.New(pgerr.DatetimeFieldOverflow, "date out of range: \"%s\"", s)
	}
	return days, nil
}

// parseTimeOfDay reads a time without time zone in microseconds, up to 24:00:00.
func parseTimeOfDay(s string, precision int32, env *IOEnv) (int64, error) {
	v := dtValue{timeOnly: true}
	if e := parseDatetime(s, &v, env); e != dtOK {
		return 0, dtErr(e, "time", s, v.zoneText)
	}
	if v.special == spNow {
		_, micros := splitMicros(TimestamptzToLocal(TimestampFromTime(env.now()), env.TimeZone))
		return roundMicros(micros, precision), nil
	}
	if !v.hasTime || v.loc != nil && !v.hasDay && !isFixedZone(v.loc) {
		return 0, dtErr(dtBad, "time", s, "")
	}
	return min(roundMicros(v.micros, precision), MicrosPerDay), nil
}
