package expr

import (
	"fmt"
	"math"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Date and time values of the path language: what .datetime() makes of a string. They exist during a path's evaluation
// only; in its result they are strings again.

// pathTime is a value of type date, time, timetz, timestamp or timestamptz.
type pathTime struct {
	typ   types.Oid
	value int64 // days, or microseconds: of the day, or since 2000; a timestamptz in UTC
	zone  int64 // seconds east of UTC, as written
}

func (t *pathTime) typeName() string { return types.FormatType(types.T(t.typ)) }

// shortName is the type's name in errors about casts.
func (t *pathTime) shortName() string { return types.Lookup(t.typ).Name }

func (t *pathTime) text() string {
	clock := func(us int64) string { return types.Text(types.TimeOid, types.NewInt(us), types.DefaultIOEnv) }
	env := *types.DefaultIOEnv
	env.DateStyle = "ISO"
	switch t.typ {
	case types.DateOid:
		return types.Text(types.DateOid, types.NewInt(t.value), &env)
	case types.TimeOid:
		return clock(t.value)
	case types.TimetzOid:
		return clock(t.value) + zoneText(t.zone)
	case types.TimestampOid:
		return strings.Replace(types.Text(types.TimestampOid, types.NewInt(t.value), &env), " ", "T", 1)
	}
	return strings.Replace(types.Text(types.TimestampOid, types.NewInt(t.value+t.zone*1_000_000), &env), " ", "T", 1) + zoneText(t.zone)
}

func zoneText(east int64) string {
	sign := '+'
	if east < 0 {
		sign, east = '-', -east
	}
	s := fmt.Sprintf("%c%02d:%02d", sign, east/3600, east/60%60)
	if east%60 != 0 {
		s += fmt.Sprintf(":%02d", east%60)
	}
	return s
}

// isoDatetimes are the formats that .datetime() tries without a template, in this order.
var isoDatetimes = [...]string{
	"yyyy-mm-dd",
	"HH24:MI:SS.USTZH:TZM", "HH24:MI:SS.USTZH", "HH24:MI:SSTZH:TZM", "HH24:MI:SSTZH",
	"HH24:MI:SS.US", "HH24:MI:SS",
	"yyyy-mm-dd HH24:MI:SS.USTZH:TZM", "yyyy-mm-dd HH24:MI:SS.USTZH", "yyyy-mm-dd HH24:MI:SSTZH:TZM", "yyyy-mm-dd HH24:MI:SSTZH",
	`yyyy-mm-dd"T"HH24:MI:SS.USTZH:TZM`, `yyyy-mm-dd"T"HH24:MI:SS.USTZH`, `yyyy-mm-dd"T"HH24:MI:SSTZH:TZM`, `yyyy-mm-dd"T"HH24:MI:SSTZH`,
	"yyyy-mm-dd HH24:MI:SS.US", "yyyy-mm-dd HH24:MI:SS", `yyyy-mm-dd"T"HH24:MI:SS.US`, `yyyy-mm-dd"T"HH24:MI:SS`,
}

// Kinds of template elements, by what they make of the value.
const (
	elementDated = 1 << iota
	elementTimed
	elementZoned
)

func elementKind(key string) int {
	switch key {
	case "", "FX":
		return 0
	case "HH", "HH12", "HH24", "MI", "SS", "MS", "US", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6", "SSSS", "SSSSS", "AM", "PM", "A.M.", "P.M.":
		return elementTimed
	case "TZ", "OF", "TZH", "TZM":
		return elementZoned
	}
	return elementDated
}

// parsePathTime is PostgreSQL's parse_datetime in its strict mode: separators must be those of the template, and nothing
// may be left over on either side.
func parsePathTime(s, format string) (*pathTime, error) {
	nodes := parseTimeFormat(format)
	kinds := 0
	for _, n := range nodes {
		kinds |= elementKind(n.key)
		if n.key == "" && !n.quoted && !strings.Contains("-./,':; ", n.raw) {
			return nil, pgerr.New(pgerr.InvalidDatetimeFormat, "invalid datetime format separator: \"%s\"", n.raw)
		}
	}
	r, err := readTime(s, nodes, true)
	if err != nil {
		return nil, err
	}
	m, err := r.moment()
	if err != nil {
		return nil, err
	}
	return m.pathTime(s, kinds)
}

// pathTime makes the value of what was read.
func (m *readMoment) pathTime(text string, kinds int) (*pathTime, error) {
	switch kinds {
	case elementDated:
		d, ok := m.days()
		if !ok {
			return nil, pgerr.New(pgerr.DatetimeFieldOverflow, "date out of range: \"%s\"", text)
		}
		return &pathTime{typ: types.DateOid, value: d}, nil
	case elementDated | elementZoned:
		return nil, pgerr.New(pgerr.InvalidDatetimeFormat, "datetime format is zoned but not timed")
	case elementTimed:
		return &pathTime{typ: types.TimeOid, value: m.timeMicros()}, nil
	case elementTimed | elementZoned:
		return &pathTime{typ: types.TimetzOid, value: m.timeMicros(), zone: m.offset}, nil
	case elementDated | elementTimed, elementDated | elementTimed | elementZoned:
	default:
		return nil, pgerr.New(pgerr.InvalidDatetimeFormat, "datetime format is not dated and not timed")
	}
	ts, err := m.timestamp()
	if err != nil {
		return nil, err
	}
	if kinds&elementZoned == 0 {
		return &pathTime{typ: types.TimestampOid, value: ts}, nil
	}
	return &pathTime{typ: types.TimestamptzOid, value: ts - m.offset*1_000_000, zone: m.offset}, nil
}

// comparePathTimes orders two values; false if their types cannot be compared. A comparison that depends on the
// session's time zone is an error unless tz allows it.
func comparePathTimes(c *EvalContext, a, b *pathTime, tz bool) (int, bool, error) {
	if a.typ == b.typ {
		if a.typ == types.TimetzOid {
			return compareTimetz(a.value, a.zone, b.value, b.zone), true, nil
		}
		return cmp64(a.value, b.value), true, nil
	}
	isTime := func(t *pathTime) bool { return t.typ == types.TimeOid || t.typ == types.TimetzOid }
	if isTime(a) != isTime(b) {
		return 0, false, nil
	}
	if rank(a.typ) > rank(b.typ) {
		r, ok, err := comparePathTimes(c, b, a, tz)
		return -r, ok, err
	}
	if b.typ == types.TimestampOid { // and a is a date
		return cmp64(dayStart(a.value), b.value), true, nil
	}
	if !tz {
		return 0, false, pgerr.New(pgerr.FeatureNotSupported, "cannot convert value from %s to %s without time zone usage", a.shortName(), b.shortName()).
			WithHint("Use *_tz() function for time zone support.")
	}
	local := a.value
	switch a.typ {
	case types.TimeOid:
		day := types.TimestampFromTime(c.TxnTime)
		zone := types.TimestamptzToLocal(day, c.IO().TimeZone) - day
		return compareTimetz(a.value, zone/1_000_000, b.value, b.zone), true, nil
	case types.DateOid:
		local = dayStart(local)
	}
	return cmp64(types.LocalToTimestamptz(local, c.IO().TimeZone), b.value), true, nil
}

// dayStart is a date's midnight as a timestamp, a value beyond all timestamps for dates that have none.
func dayStart(days int64) int64 {
	const most = math.MaxInt64 / 2 / microsPerDay
	return min(max(days, -most), most) * microsPerDay
}

// rank orders the types so that one with a zone comes last.
func rank(t types.Oid) int {
	switch t {
	case types.DateOid, types.TimeOid:
		return 0
	case types.TimestampOid:
		return 1
	}
	return 2
}

func cmp64(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// compareTimetz compares moments in UTC first, then zones from east to west.
func compareTimetz(a, zoneA, b, zoneB int64) int {
	if c := cmp64(a-zoneA*1_000_000, b-zoneB*1_000_000); c != 0 {
		return c
	}
	return cmp64(zoneB, zoneA)
}
