package expr

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// unitKind is what PostgreSQL takes a word for that names a field of a date or time.
type unitKind uint8

const (
	unitUnknown  unitKind = iota
	unitField             // of dates and intervals: hour, week
	unitOfDate            // only of dates: dow, julian
	unitReserved          // a word that stands for a value: epoch, infinity
)

// units are the words, by their first ten letters: more do not count.
var units = func() map[string]string {
	m := map[string]string{}
	for name, words := range map[string]string{
		"microsecond": "microsecon us usec usecond useconds usecs", "millisecond": "millisecon ms msec mseconds msecs",
		"second": "second seconds s sec secs", "minute": "minute minutes m min mins", "hour": "hour hours h hr hrs",
		"day": "day days d", "week": "week weeks w", "month": "month months mon mons", "quarter": "quarter qtr",
		"year": "year years y yr yrs", "decade": "decade decades dec decs", "century": "century centuries c cent",
		"millennium": "millennium millennia mil mils", "timezone": "timezone", "timezone_hour": "timezone_h", "timezone_minute": "timezone_m",
	} {
		for w := range strings.FieldsSeq(words) {
			m[w] = name
		}
	}
	return m
}()

var unitsOfDates = map[string]string{"dow": "dow", "doy": "doy", "isodow": "isodow", "isoyear": "isoyear", "julian": "julian", "j": "julian", "jd": "julian", "mm": "minute"}

// findUnit returns a unit's own name, and of what kind the word is.
func findUnit(word string) (string, unitKind) {
	u := strings.ToLower(word)
	u = u[:min(len(u), 10)]
	if name, ok := units[u]; ok {
		return name, unitField
	}
	if name, ok := unitsOfDates[u]; ok {
		return name, unitOfDate
	}
	switch u {
	case "epoch", "infinity", "-infinity", "now", "today", "tomorrow", "yesterday", "allballs":
		return u, unitReserved
	}
	return u, unitUnknown
}

// wrongUnit is the error for a unit that a value of the type does not have.
func wrongUnit(word string, known bool, t types.Oid) error {
	if known {
		return pgerr.New(pgerr.FeatureNotSupported, "unit \"%s\" not supported for type %s", strings.ToLower(word), types.FormatType(types.T(t)))
	}
	return pgerr.New(pgerr.InvalidParameterValue, "unit \"%s\" not recognized for type %s", strings.ToLower(word), types.FormatType(types.T(t)))
}
