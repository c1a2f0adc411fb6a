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

// isDigits reports whether an element is made of digits, so that the one before it has a fixed width.
func isDigits(key string) bool {
	switch key {
	case "", "FX", "AM", "PM", "A.M.", "P.M.", "AD", "BC", "A.D.", "B.C.", "DAY", "DY", "MONTH", "MON", "OF", "RM", "TZ", "TZH":
		return false
	}
	return true
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
	r := &timeReader{in: s, month: 1, day: 1, strict: true}
	for i, n := range nodes {
		if r.in == "" {
			return nil, pgerr.New(pgerr.InvalidDatetimeFormat, "input string is too short for datetime format")
		}
		next := ""
		if i+1 < len(nodes) {
			next = nodes[i+1].key
		}
		if err := r.strictElement(s, n, n.fill || !isDigits(next)); err != nil {
			return nil, err
		}
	}
	if strings.TrimLeft(r.in, " \t\n\v\f\r") != "" {
		return nil, pgerr.New(pgerr.InvalidDatetimeFormat, "trailing characters remain in input string after datetime format")
	}
	return r.pathTime(s, kinds)
}

// strictElement reads one element of text by the rules of the strict mode.
func (r *timeReader) strictElement(text string, n timeNode, greedy bool) error {
	switch n.key {
	case "":
		if !strings.HasPrefix(r.in, n.raw) {
			if n.quoted {
				return r.unmatchedText(n.raw)
			}
			return pgerr.New(pgerr.InvalidDatetimeFormat, "unmatched format separator \"%s\"", n.raw)
		}
		r.in = r.in[len(n.raw):]
		return nil
	case "MS", "US", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6":
		width := map[string]int{"MS": 3, "US": 6}[n.key]
		if width == 0 {
			width = int(n.key[2] - '0')
		}
		v, used, err := r.number(n, width, greedy)
		for range 6 - used {
			v *= 10
		}
		r.micros = v
		return err
	case "TZH":
		sign := int64(1)
		if c := r.in[0]; c == '+' || c == '-' || c == ' ' {
			if c == '-' {
				sign = -1
			}
			r.in = r.in[1:]
		}
		v, _, err := r.number(n, 2, greedy)
		if err == nil {
			err = displacement(v, 15, text)
		}
		r.offset, r.hasOffset, r.zoneSign = sign*v*3600, true, sign
		return err
	case "TZM":
		v, _, err := r.number(n, 2, greedy)
		if err == nil {
			err = displacement(v, 59, text)
		}
		if r.zoneSign == 0 {
			r.zoneSign = 1
		}
		r.offset, r.hasOffset = r.offset+r.zoneSign*v*60, true
		return err
	}
	return r.element(n, greedy)
}

// displacement checks hours or minutes of a zone.
func displacement(v, most int64, text string) error {
	switch {
	case v < 0:
		return pgerr.New(pgerr.DatetimeFieldOverflow, "date/time field value out of range: \"%s\"", text)
	case v > most:
		return pgerr.New(pgerr.InvalidTimeZoneDisplacementValue, "time zone displacement out of range: \"%s\"", text)
	}
	return nil
}

// unmatchedText names the first character of a quoted text that the input does not have.
func (r *timeReader) unmatchedText(text string) error {
	for i, c := range text {
		if !strings.HasPrefix(r.in[min(i, len(r.in)):], string(c)) {
			if i >= len(r.in) {
				return pgerr.New(pgerr.InvalidDatetimeFormat, "input string is too short for datetime format")
			}
			return pgerr.New(pgerr.InvalidDatetimeFormat, "unmatched format character \"%c\"", c)
		}
	}
	return nil
}

// pathTime makes the value of what was read.
func (r *timeReader) pathTime(text string, kinds int) (*pathTime, error) {
	switch kinds {
	case elementDated:
		d, err := r.date()
		return &pathTime{typ: types.DateOid, value: d}, outOfRange(err, text)
	case elementDated | elementZoned:
		return nil, pgerr.New(pgerr.InvalidDatetimeFormat, "datetime format is zoned but not timed")
	case elementTimed, elementTimed | elementZoned:
		r.hasYear, r.year = true, 2000
	case elementDated | elementTimed, elementDated | elementTimed | elementZoned:
	default:
		return nil, pgerr.New(pgerr.InvalidDatetimeFormat, "datetime format is not dated and not timed")
	}
	r.in = text // for messages
	ts, err := r.timestamp()
	if err != nil {
		return nil, outOfRange(err, text)
	}
	out := &pathTime{typ: types.TimestampOid, value: ts, zone: r.offset}
	switch kinds {
	case elementTimed:
		out.typ = types.TimeOid
	case elementTimed | elementZoned:
		out.typ = types.TimetzOid
	case elementDated | elementTimed | elementZoned:
		out.typ = types.TimestamptzOid
		out.value -= r.offset * 1_000_000
	}
	return out, nil
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
