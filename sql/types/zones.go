package types

import (
	"math"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // zones must not depend on the machine

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

func rint(f float64) int64 { return int64(math.RoundToEven(f)) }

// findZone returns a zone by its name in any case, or by a POSIX form such as "utc+3" or "+3", which is west of Greenwich.
func findZone(name string) (*time.Location, bool) {
	lower := strings.ToLower(name)
	if lower == "utc" || lower == "gmt" || lower == "z" || lower == "zulu" {
		return time.UTC, true
	}
	if l, ok := zoneCache.Load(lower); ok {
		return l.(*time.Location), true
	}
	for _, try := range [...]string{name, strings.ToUpper(name), titleZone(lower), titleRegion(lower)} {
		if try == "LOCAL" || try == "Local" || try == "" {
			continue
		}
		if l, err := time.LoadLocation(try); err == nil {
			zoneCache.Store(lower, l)
			return l, true
		}
	}
	return posixZoneNamed(strings.ToUpper(name))
}

var zoneCache sync.Map // lower-case name -> *time.Location; only names that exist, so it is bounded

// titleZone spells america/new_york as America/New_York.
func titleZone(lower string) string {
	b := []byte(lower)
	start := true
	for i, c := range b {
		if start && c >= 'a' && c <= 'z' && !strings.HasPrefix(lower[i:], "of_") {
			b[i] = c - 32
		}
		start = c == '/' || c == '_' || c == '-'
	}
	return string(b)
}

// titleRegion spells etc/utc as Etc/UTC.
func titleRegion(lower string) string {
	region, place, ok := strings.Cut(lower, "/")
	if !ok {
		return ""
	}
	return titleZone(region) + "/" + strings.ToUpper(place)
}

// ParseZoneArgument resolves the zone of make_timestamptz: as FindTimeZone does, but an offset is east where it has a +,
// and must have a sign.
func ParseZoneArgument(name string) (*time.Location, error) {
	switch {
	case name == "":
	case isDigit(name[0]):
		return nil, pgerr.New(pgerr.InvalidParameterValue, "invalid input syntax for type numeric time zone: \"%s\"", name).
			WithHint("Numeric time zones must have \"-\" or \"+\" as first character.")
	case name[0] == '+' || name[0] == '-':
		switch n, e := parseOffset(name); e {
		case dtOK:
			return time.FixedZone(string(appendOffset(nil, n)), n), nil
		case dtZoneRange:
			return nil, pgerr.New(pgerr.InvalidParameterValue, "numeric time zone \"%s\" out of range", name)
		}
	}
	return FindTimeZone(name)
}

// FindTimeZone resolves a zone's name, abbreviation or POSIX offset ("+02", "-05:30", where + is west) as AT TIME ZONE
// does; 22023 if there is none.
func FindTimeZone(name string) (*time.Location, error) {
	lower := strings.ToLower(name)
	if zonesOfAbbrevs[lower] != "" {
		if l := abbrevZone(lower); l != nil {
			return l, nil
		}
	}
	if off, ok := zoneAbbrevs[lower]; ok {
		return time.FixedZone(strings.ToUpper(lower), int(off)), nil
	}
	if l, ok := findZone(name); ok {
		return l, nil
	}
	return nil, pgerr.New(pgerr.InvalidParameterValue, "time zone \"%s\" not recognized", name)
}
