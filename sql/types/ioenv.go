package types

import (
	"time"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// IOEnv is the settings on which text forms depend. The zero value of a field
// is not its default: start from DefaultIOEnv.
type IOEnv struct {
	DateStyle        string         // "ISO", "SQL", "Postgres" or "German"
	DateOrder        string         // "MDY", "DMY" or "YMD"
	TimeZone         *time.Location // never nil
	ExtraFloatDigits int            // -15..3; above 0 means shortest exact
	ByteaOutput      string         // "hex" or "escape"
	IntervalStyle    string         // "postgres", "postgres_verbose", "sql_standard" or "iso_8601"
	// Now is the start of the transaction, for 'now' and 'today'; nil means the wall clock.
	Now func() time.Time

	// RegOut gives the text of a reg* value; nil or false prints the number.
	RegOut func(t Oid, value uint32) (string, bool)
	// RegIn resolves a reg* name; nil accepts numbers and "-" only.
	RegIn func(t Oid, name string) (uint32, error)
	// UserType returns the definition of an enum or composite type, nil where there is none. Without it the text of an
	// enum is its key behind a mark, which reads back with it too.
	UserType func(oid Oid) *UserType
	// Notice takes what an input function has to say; nil: nobody listens.
	Notice func(*pgerr.Error)
	// Domain judges a value that was read as a field of a domain; nil judges none.
	Domain func(t Type, d Datum) error
}

// DefaultIOEnv is PostgreSQL's defaults in UTC. It must not be changed.
var DefaultIOEnv = &IOEnv{
	DateStyle: "ISO", DateOrder: "MDY", TimeZone: time.UTC, ExtraFloatDigits: 1,
	ByteaOutput: "hex", IntervalStyle: "postgres",
}
