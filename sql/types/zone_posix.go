package types

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Zones that no database has: those of POSIX, which say their rules in their name, and abbreviations whose meaning
// changed over the years. Both become a time.Location by way of the format that compiled zones have (RFC 8536).

// transition is the beginning of a time with another offset.
type transition struct {
	unix   int64
	offset int // seconds east
	abbrev string
}

// makeZone returns a zone by its changes in ascending order, the first of which is taken to be that of all time before. A
// rule, as in the variable TZ, holds after the last of them.
func makeZone(name string, changes []transition, rule string) (*time.Location, error) {
	var names []byte
	at := map[string]byte{}
	for _, c := range changes {
		if _, ok := at[c.abbrev]; !ok {
			at[c.abbrev] = byte(len(names))
			names = append(append(names, c.abbrev...), 0)
		}
	}
	header := func(times, kinds, chars int) []byte {
		b := append([]byte("TZif2"), make([]byte, 15)...)
		for _, n := range [...]int{0, 0, 0, times, kinds, chars} {
			b = binary.BigEndian.AppendUint32(b, uint32(n))
		}
		return b
	}
	b := append(header(0, 1, 1), 0, 0, 0, 0, 0, 0, 0) // what readers of the first version get: UTC
	b = append(b, header(len(changes)-1, len(changes), len(names))...)
	for _, c := range changes[1:] {
		b = binary.BigEndian.AppendUint64(b, uint64(c.unix))
	}
	for i := range changes[1:] {
		b = append(b, byte(i+1))
	}
	for _, c := range changes {
		b = append(binary.BigEndian.AppendUint32(b, uint32(int32(c.offset))), 0, at[c.abbrev])
	}
	b = append(append(b, names...), "\n"+rule+"\n"...)
	return time.LoadLocationFromTZData(name, b)
}

const zonePart = `(<[^>]*>|[^\d,+\-<]*)`
const zoneOffsetPart = `([+-]?\d{1,3}(?::\d{1,2}(?::\d{1,2})?)?)`
const zoneRulePart = `(?:J\d{1,3}|M\d{1,2}\.\d\.\d|\d{1,3})(?:/[+-]?\d{1,3}(?::\d{1,2}(?::\d{1,2})?)?)?`

var posixZone = regexp.MustCompile("^" + zonePart + zoneOffsetPart + "(?:(<[^>]+>|[^\\d,+\\-<;]+)" + zoneOffsetPart + "?(?:[,;](" + zoneRulePart + "," +
	zoneRulePart + "))?)?$")

// posixZoneNamed reads a zone in the form of the variable TZ: a name, an offset west of Greenwich, and possibly those of
// daylight saving time and when it begins and ends, by default as in the United States.
func posixZoneNamed(name string) (*time.Location, bool) {
	m := posixZone.FindStringSubmatch(name)
	if m == nil {
		return nil, false
	}
	std, ok := posixOffset(m[2])
	if !ok {
		return nil, false
	}
	abbrev := strings.Trim(m[1], "<>")
	rule := ""
	if m[3] != "" {
		dst, rules := std+3600, "M3.2.0,M11.1.0"
		if m[4] != "" {
			if dst, ok = posixOffset(m[4]); !ok {
				return nil, false
			}
		}
		if m[5] != "" {
			rules = m[5]
		}
		rule = fmt.Sprintf("<%s>%s<%s>%s,%s", abbrev, westOffset(std), strings.Trim(m[3], "<>"), westOffset(dst), rules)
	}
	loc, err := makeZone(name, []transition{{offset: std, abbrev: abbrev}}, rule)
	return loc, err == nil
}

// posixOffset reads hours west of Greenwich and returns seconds east.
func posixOffset(s string) (int, bool) {
	sign := -1
	if s[0] == '-' {
		sign = 1
	}
	total, unit := 0, 3600
	for i, p := range strings.Split(strings.TrimLeft(s, "+-"), ":") {
		n, _ := smallInt(p)
		if i == 0 && n > 167 || i > 0 && n > 59 {
			return 0, false
		}
		total, unit = total+n*unit, unit/60
	}
	return sign * total, true
}

func westOffset(east int) string {
	return strings.Replace(offsetText(-east), "+", "", 1)
}

func offsetText(secs int) string {
	sign := "+"
	if secs < 0 {
		sign, secs = "-", -secs
	}
	s := fmt.Sprintf("%s%02d", sign, secs/3600)
	if secs %= 3600; secs != 0 {
		s += fmt.Sprintf(":%02d", secs/60)
	}
	if secs %= 60; secs != 0 {
		s += fmt.Sprintf(":%02d", secs)
	}
	return s
}

// OffsetZone is the zone of a plain offset in seconds east, named as PostgreSQL names what SET TIME ZONE makes of one.
func OffsetZone(secs int) *time.Location {
	west := offsetText(-secs)
	if secs == 0 {
		west = "-00"
	}
	loc, ok := posixZoneNamed("<" + offsetText(secs) + ">" + west)
	if !ok {
		return time.FixedZone(offsetText(secs), secs)
	}
	return loc
}

// LoadTimeZone returns the zone that the setting TimeZone can have by a name: one of the database in any case, or one in
// POSIX's form.
func LoadTimeZone(name string) (*time.Location, bool) { return findZone(name) }

// zonesOfAbbrevs are the zones that tell what an abbreviation meant when.
var zonesOfAbbrevs = map[string]string{
	"art":   "America/Argentina/Buenos_Aires",
	"arst":  "America/Argentina/Buenos_Aires",
	"clt":   "America/Santiago",
	"gyt":   "America/Guyana",
	"pyt":   "America/Asuncion",
	"vet":   "America/Caracas",
	"davt":  "Antarctica/Davis",
	"mawt":  "Antarctica/Mawson",
	"amst":  "Asia/Yerevan",
	"anast": "Asia/Anadyr",
	"anat":  "Asia/Anadyr",
	"azst":  "Asia/Baku",
	"azt":   "Asia/Baku",
	"gest":  "Asia/Tbilisi",
	"get":   "Asia/Tbilisi",
	"irkst": "Asia/Irkutsk",
	"irkt":  "Asia/Irkutsk",
	"kgt":   "Asia/Bishkek",
	"krast": "Asia/Krasnoyarsk",
	"krat":  "Asia/Krasnoyarsk",
	"lkt":   "Asia/Colombo",
	"magst": "Asia/Magadan",
	"magt":  "Asia/Magadan",
	"novst": "Asia/Novosibirsk",
	"novt":  "Asia/Novosibirsk",
	"omsst": "Asia/Omsk",
	"omst":  "Asia/Omsk",
	"petst": "Asia/Kamchatka",
	"pett":  "Asia/Kamchatka",
	"sgt":   "Asia/Singapore",
	"tmt":   "Asia/Ashgabat",
	"ulat":  "Asia/Ulaanbaatar",
	"vlast": "Asia/Vladivostok",
	"vlat":  "Asia/Vladivostok",
	"yakst": "Asia/Yakutsk",
	"yakt":  "Asia/Yakutsk",
	"yekt":  "Asia/Yekaterinburg",
	"fkst":  "Atlantic/Stanley",
	"fkt":   "Atlantic/Stanley",
	"lhdt":  "Australia/Lord_Howe",
	"msk":   "Europe/Moscow",
	"volt":  "Europe/Volgograd",
	"iot":   "Indian/Chagos",
	"ckt":   "Pacific/Rarotonga",
	"easst": "Pacific/Easter",
	"east":  "Pacific/Easter",
	"kost":  "Pacific/Kosrae",
	"lint":  "Pacific/Kiritimati",
	"nut":   "Pacific/Niue",
	"tkt":   "Pacific/Fakaofo",
}

var abbrevZoneCache sync.Map // abbreviation -> *time.Location; bounded by zonesOfAbbrevs

// abbrevZone returns a zone in which an abbreviation has the offset that it has in the zone it belongs to: at each time the
// latest one till then, before its first use that one. An abbreviation that its zone does not have stands for the zone.
func abbrevZone(abbrev string) *time.Location {
	if l, ok := abbrevZoneCache.Load(abbrev); ok {
		return l.(*time.Location)
	}
	zone, err := time.LoadLocation(zonesOfAbbrevs[abbrev])
	if err != nil {
		return nil
	}
	var changes []transition
	for t := time.Date(1850, 1, 1, 0, 0, 0, 0, zone); t.Year() < 2100; {
		start, end := t.ZoneBounds()
		if name, off := t.Zone(); strings.EqualFold(name, abbrev) && (len(changes) == 0 || changes[len(changes)-1].offset != off) {
			changes = append(changes, transition{unix: start.Unix(), offset: off, abbrev: name})
		}
		if end.IsZero() {
			break
		}
		t = end
	}
	if len(changes) > 0 {
		made, err := makeZone(strings.ToUpper(abbrev), changes, "")
		if err != nil {
			return nil
		}
		abbrevBases.Store(made, zone)
		zone = made
	}
	l, _ := abbrevZoneCache.LoadOrStore(abbrev, zone)
	return l.(*time.Location)
}

// abbrevBases has the zones that those of abbreviations were made of.
var abbrevBases sync.Map

// zoneOfAbbrev returns the zone that loc, made by abbrevZone, was made of; nil for all other zones. Which moment a local
// time is, the zone decides; the abbreviation then has the offset that it had at that moment.
func zoneOfAbbrev(loc *time.Location) *time.Location {
	if name := loc.String(); len(name) > 5 || strings.IndexByte(name, '/') >= 0 {
		return nil
	}
	if zone, ok := abbrevBases.Load(loc); ok {
		return zone.(*time.Location)
	}
	return nil
}
