package types

import (
	"github.com/cockroachdb/apd/v3"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

func pow10(n int) *apd.BigInt {
	z := apd.NewBigInt(10)
	return z.Exp(z, apd.NewBigInt(int64(n)), nil)
}
func intervalModSuffix(mod int32) string { return "" }

func ParseText(t Type, s string, env *IOEnv) (Datum, error)      { return Null, pgerr.NotSupported("x") }
func AppendText(buf []byte, oid Oid, d Datum, env *IOEnv) []byte { return buf }
func AppendTextVec(buf []byte, v *Vec, i int, env *IOEnv) []byte { return buf }
func ParseBinary(t Type, b []byte) (Datum, error)                { return Null, pgerr.NotSupported("x") }
func AppendBinary(buf []byte, oid Oid, d Datum) []byte           { return buf }
func AppendBinaryVec(buf []byte, v *Vec, i int) []byte           { return buf }

func Compare(oid Oid, a, b Datum) int { return 0 }
func Equal(oid Oid, a, b Datum) bool  { return Compare(oid, a, b) == 0 }
func Hash(oid Oid, d Datum) uint64    { return 0 }

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

func NumericAdd(a, b Datum) (Datum, error)                { return Null, nil }
func NumericSub(a, b Datum) (Datum, error)                { return Null, nil }
func NumericMul(a, b Datum) (Datum, error)                { return Null, nil }
func NumericDiv(a, b Datum) (Datum, error)                { return Null, nil }
func NumericRem(a, b Datum) (Datum, error)                { return Null, nil }
func NumericDivTrunc(a, b Datum) (Datum, error)           { return Null, nil }
func NumericNeg(a Datum) Datum                            { return Null }
func NumericAbs(a Datum) Datum                            { return Null }
func NumericSign(a Datum) Datum                           { return Null }
func NumericRound(a Datum, scale int32) (Datum, error)    { return Null, nil }
func NumericTrunc(a Datum, scale int32) (Datum, error)    { return Null, nil }
func NumericCeil(a Datum) Datum                           { return Null }
func NumericFloor(a Datum) Datum                          { return Null }
func NumericPower(a, b Datum) (Datum, error)              { return Null, nil }
func NumericSqrt(a Datum) (Datum, error)                  { return Null, nil }
func NumericExp(a Datum) (Datum, error)                   { return Null, nil }
func NumericLn(a Datum) (Datum, error)                    { return Null, nil }
func NumericLog(base, a Datum) (Datum, error)             { return Null, nil }
func NumericCompare(a, b Datum) int                       { return 0 }
func NumericFromInt(i int64) Datum                        { return NewSmallNumeric(i, 0) }
func NumericFromFloat(f float64, bits int) (Datum, error) { return Null, nil }
func NumericToInt(d Datum, oid Oid) (int64, error)        { return 0, nil }
func NumericToFloat(d Datum) (float64, error)             { return 0, nil }
func NumericScale(d Datum) int32                          { return 0 }
func NumericIsNaN(d Datum) bool                           { return false }

// Date and time arithmetic.
func TimestampAddInterval(ts int64, iv Interval) (int64, error)               { return 0, nil }
func TimestamptzAddInterval(ts int64, iv Interval, env *IOEnv) (int64, error) { return 0, nil }
func TimestampSub(a, b int64) (Interval, error)                               { return Interval{}, nil }
func TimestampAge(a, b int64) (Interval, error)                               { return Interval{}, nil }
func DateAddDays(d, n int64) (int64, error)                                   { return 0, nil }
func IntervalAdd(a, b Interval) (Interval, error)                             { return a, nil }
func IntervalSub(a, b Interval) (Interval, error)                             { return a, nil }
func IntervalMul(a Interval, f float64) (Interval, error)                     { return a, nil }
func IntervalDiv(a Interval, f float64) (Interval, error)                     { return a, nil }
func IntervalNeg(a Interval) (Interval, error)                                { return a, nil }
func IntervalCompare(a, b Interval) int                                       { return 0 }
func JustifyHours(a Interval) (Interval, error)                               { return a, nil }
func JustifyDays(a Interval) (Interval, error)                                { return a, nil }
func JustifyInterval(a Interval) (Interval, error)                            { return a, nil }

// JSON.
func ValidateJSON(s string) error             { return nil }
func NormalizeJSONB(s string) (string, error) { return s, nil }
