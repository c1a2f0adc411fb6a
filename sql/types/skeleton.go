package types

import (
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

func ParseBinary(t Type, b []byte) (Datum, error)      { return Null, pgerr.NotSupported("x") }
func AppendBinary(buf []byte, oid Oid, d Datum) []byte { return buf }
func AppendBinaryVec(buf []byte, v *Vec, i int) []byte { return buf }

// CastContext is pg_cast.castcontext: a cast of a context is allowed in it and in those above it.
type CastContext uint8

const (
	Implicit CastContext = iota
	Assignment
	Explicit
)

func Cast(d Datum, from, to Type, ctx CastContext, env *IOEnv) (Datum, error) {
	return Null, pgerr.NotSupported("x")
}
func CastAllowed(from, to Oid) (CastContext, bool) { return 0, false }
func BinaryCoercible(from, to Oid) bool            { return from == to }
