package types

import (
	"encoding/binary"
	"time"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// A Datum of timetz is one integer in PostgreSQL's order of such times: first the instant of the day in UTC, then the zone,
// west of Greenwich above east. So comparing, hashing and keys need not know the type.
//
//	(microseconds of the local day + seconds west * 1000000) << 18 | (seconds west + 1 << 17)

const (
	timetzZoneBits = 18
	timetzZoneBias = 1 << (timetzZoneBits - 1)
	// maxZoneSeconds bounds a displacement: PostgreSQL's TZDISP_LIMIT.
	maxZoneSeconds = 16 * 3600
)

// NewTimetz returns a time of day in microseconds (0 to 24 hours) in a zone of so many seconds east of Greenwich.
func NewTimetz(micros int64, east int) Datum { return NewInt(packTimetz(micros, east)) }

func packTimetz(micros int64, east int) int64 {
	west := -int64(east)
	return (micros+west*MicrosPerSecond)<<timetzZoneBits | (west + timetzZoneBias)
}

// Timetz takes a value of timetz apart.
func (d Datum) Timetz() (micros int64, east int) { return unpackTimetz(d.n) }

func unpackTimetz(n int64) (micros int64, east int) {
	west := n&(1<<timetzZoneBits-1) - timetzZoneBias
	return n>>timetzZoneBits - west*MicrosPerSecond, int(-west)
}

func appendTimetz(buf []byte, n int64) []byte {
	micros, east := unpackTimetz(n)
	return appendOffset(appendClock(buf, micros), east)
}

func roundTimetz(n int64, precision int32) int64 {
	micros, east := unpackTimetz(n)
	return packTimetz(min(roundMicros(micros, precision), MicrosPerDay), east)
}

// parseTimetz reads a time with time zone. A zone with daylight saving time needs a date to be a number of hours; the
// session's zone is taken as of today.
func parseTimetz(s string, precision int32, env *IOEnv) (Datum, error) {
	const name = "time with time zone"
	v := dtValue{timeOnly: true}
	if e := parseDatetime(s, &v, env); e != dtOK {
		return Null, dtErr(e, name, s, v.zoneText)
	}
	if v.special == spNow {
		ts := TimestampFromTime(env.now())
		return NewInt(roundTimetz(TimestamptzToTimetz(ts, env).n, precision)), nil
	}
	if !v.hasTime || v.special != spNone {
		return Null, dtErr(dtBad, name, s, "")
	}
	east := v.zoneSeconds
	if !v.hasZone || v.loc != nil {
		loc, days := env.TimeZone, today(env)
		if v.loc != nil {
			loc = v.loc
		}
		dated := v.hasDay
		if dated {
			var ok bool
			if days, ok = v.days(); !ok {
				return Null, dtErr(dtOverflow, name, s, "")
			}
		}
		if v.loc != nil && !dated && !isFixedZone(v.loc) {
			return Null, dtErr(dtBad, name, s, "")
		}
		east = localOffset(days*MicrosPerDay+v.micros, loc)
	}
	return NewInt(roundTimetz(packTimetz(v.micros, east), precision)), nil
}

// isFixedZone reports whether a zone never had but one offset.
func isFixedZone(loc *time.Location) bool {
	_, first := time.Date(1850, 1, 1, 0, 0, 0, 0, time.UTC).In(loc).Zone()
	for t := time.Date(1850, 1, 1, 0, 0, 0, 0, time.UTC); t.Year() < 2040; t = t.AddDate(0, 2, 0) {
		if _, off := t.In(loc).Zone(); off != first {
			return false
		}
	}
	return true
}

// today is the current date in the session's zone.
func today(env *IOEnv) int64 {
	days, _ := splitMicros(TimestamptzToLocal(TimestampFromTime(env.now()), env.TimeZone))
	return days
}

// TimestamptzToTimetz is the time of day of an instant, in the session's zone; NULL for an infinite one.
func TimestamptzToTimetz(ts int64, env *IOEnv) Datum {
	if !TimestampIsFinite(ts) {
		return Null
	}
	east, _ := zoneOffset(ts, env.TimeZone)
	_, micros := splitMicros(ts + int64(east)*MicrosPerSecond)
	return NewTimetz(micros, east)
}

// TimeToTimetz gives a time of day the session's zone as of today.
func TimeToTimetz(micros int64, env *IOEnv) Datum {
	return NewTimetz(micros, localOffset(today(env)*MicrosPerDay+micros, env.TimeZone))
}

// TimetzAt moves a time to another zone.
func TimetzAt(d Datum, east int) Datum {
	micros, from := d.Timetz()
	_, micros = splitMicros(micros + int64(east-from)*MicrosPerSecond)
	return NewTimetz(micros, east)
}

func parseBinaryTimetz(t Type, b []byte) (Datum, error) {
	if len(b) != 12 {
		return Null, binaryLength(b, 12)
	}
	micros, west := int64(binary.BigEndian.Uint64(b)), int32(binary.BigEndian.Uint32(b[8:]))
	switch {
	case micros < 0 || micros > MicrosPerDay:
		return Null, errOutOfRange("time")
	case west <= -maxZoneSeconds || west >= maxZoneSeconds:
		return Null, pgerr.New(pgerr.InvalidTimeZoneDisplacementValue, "time zone displacement out of range")
	}
	return NewInt(roundTimetz(packTimetz(micros, -int(west)), t.Mod)), nil
}

func appendBinaryTimetz(buf []byte, n int64) []byte {
	micros, east := unpackTimetz(n)
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(buf, uint64(micros)), uint32(-east))
}
