package types_test

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"testing"

	. "github.com/pgmqdb/pgmqdb/sql/types"
)

// Cases: datestyle | intervalstyle | extra_float_digits | bytea_output | type | value.
func TestOracleOutputStyles(t *testing.T) {
	runGolden(t, "styles",
		func(f []string) string {
			return fmt.Sprintf("set local datestyle = %s; set local intervalstyle = %s; set local extra_float_digits = %s; set local bytea_output = %s; select %s %s",
				quote(f[0]), f[1], f[2], f[3], f[4], quote(f[5]))
		},
		func(f []string) (string, bool) {
			env := testEnv()
			env.DateStyle, env.DateOrder = f[0][:len(f[0])-5], f[0][len(f[0])-3:]
			env.IntervalStyle, env.ByteaOutput = f[1], f[3]
			env.ExtraFloatDigits, _ = strconv.Atoi(f[2])
			ty := typeOf(t, f[4])
			d, err := ParseText(ty, f[5], env)
			if err != nil {
				return answer(nil, false, err), true
			}
			return answer(AppendText(nil, ty.Oid, d, env), false, nil), true
		})
}

// timeOp is an operator: the operands' types, its SQL, the result's type.
type timeOp struct {
	a, b, sql string
	result    Oid
	fn        func(a, b Datum, env *IOEnv) (Datum, error)
}

func intResult(n int64, err error) (Datum, error)          { return NewInt(n), err }
func intervalResult(iv Interval, err error) (Datum, error) { return NewInterval(iv), err }

var timeOps = map[string]timeOp{
	"ts+iv": {"timestamp", "interval", "%s + %s", TimestampOid, func(a, b Datum, _ *IOEnv) (Datum, error) {
		return intResult(TimestampAddInterval(a.Int(), b.Interval()))
	}},
	"tz+iv": {"timestamptz", "interval", "%s + %s", TimestamptzOid, func(a, b Datum, env *IOEnv) (Datum, error) {
		return intResult(TimestamptzAddInterval(a.Int(), b.Interval(), env))
	}},
	"ts-ts": {"timestamp", "timestamp", "%s - %s", IntervalOid, func(a, b Datum, _ *IOEnv) (Datum, error) {
		return intervalResult(TimestampSub(a.Int(), b.Int()))
	}},
	"age": {"timestamp", "timestamp", "age(%s, %s)", IntervalOid, func(a, b Datum, _ *IOEnv) (Datum, error) {
		return NewInterval(TimestampAge(a.Int(), b.Int())), nil
	}},
	"date+n": {"date", "int4", "%s + %s", DateOid, func(a, b Datum, _ *IOEnv) (Datum, error) {
		return intResult(DateAddDays(a.Int(), b.Int()))
	}},
	"iv+iv": {"interval", "interval", "%s + %s", IntervalOid, func(a, b Datum, _ *IOEnv) (Datum, error) {
		return intervalResult(IntervalAdd(a.Interval(), b.Interval()))
	}},
	"iv-iv": {"interval", "interval", "%s - %s", IntervalOid, func(a, b Datum, _ *IOEnv) (Datum, error) {
		return intervalResult(IntervalSub(a.Interval(), b.Interval()))
	}},
	"iv*f": {"interval", "float8", "%s * %s", IntervalOid, func(a, b Datum, _ *IOEnv) (Datum, error) {
		return intervalResult(IntervalMul(a.Interval(), b.Float()))
	}},
	"iv/f": {"interval", "float8", "%s / %s", IntervalOid, func(a, b Datum, _ *IOEnv) (Datum, error) {
		return intervalResult(IntervalDiv(a.Interval(), b.Float()))
	}},
	"jhours": {"interval", "int4", "justify_hours(%s + %s * interval '0')", IntervalOid, func(a, _ Datum, _ *IOEnv) (Datum, error) {
		return intervalResult(JustifyHours(a.Interval()))
	}},
	"jdays": {"interval", "int4", "justify_days(%s + %s * interval '0')", IntervalOid, func(a, _ Datum, _ *IOEnv) (Datum, error) {
		return intervalResult(JustifyDays(a.Interval()))
	}},
	"justify": {"interval", "int4", "justify_interval(%s + %s * interval '0')", IntervalOid, func(a, _ Datum, _ *IOEnv) (Datum, error) {
		return intervalResult(JustifyInterval(a.Interval()))
	}},
}

// Cases: operator | operand | operand.
func TestOracleDatetimeArithmetic(t *testing.T) {
	env := testEnv()
	runGolden(t, "datetime",
		func(f []string) string {
			op := timeOps[f[0]]
			return "select " + fmt.Sprintf(op.sql, "cast("+quote(f[1])+" as "+op.a+")", "cast("+quote(f[2])+" as "+op.b+")")
		},
		func(f []string) (string, bool) {
			op := timeOps[f[0]]
			a, err1 := ParseText(typeOf(t, op.a), f[1], env)
			b, err2 := ParseText(typeOf(t, op.b), f[2], env)
			if err1 != nil || err2 != nil {
				t.Fatal(f, err1, err2)
			}
			d, err := op.fn(a, b, env)
			if err != nil {
				return answer(nil, false, err), true
			}
			return answer(AppendText(nil, op.result, d, env), false, nil), true
		})
}

// Cases: type | value: the hexadecimal binary form, which must also read back.
func TestOracleBinaryFormat(t *testing.T) {
	env := testEnv()
	runGolden(t, "binary",
		func(f []string) string {
			in := ByName(f[0])
			return fmt.Sprintf("select encode(%s(cast(%s as %s)), 'hex')", in.Send, quote(f[1]), f[0])
		},
		func(f []string) (string, bool) {
			ty := typeOf(t, f[0])
			d, err := ParseText(ty, f[1], env)
			if err != nil {
				t.Fatal(f, err)
			}
			b := AppendBinary(nil, ty.Oid, d, DefaultIOEnv)
			back, err := ParseBinary(ty, b, DefaultIOEnv)
			if err != nil || Text(ty.Oid, back, env) != Text(ty.Oid, d, env) {
				t.Errorf("%v reads back as %s: %v", f, Text(ty.Oid, back, env), err)
			}
			for n := range b { // what is cut short is refused or shorter, never a panic
				_, _ = ParseBinary(ty, b[:n], DefaultIOEnv)
			}
			return answer([]byte(hex.EncodeToString(b)), false, nil), true
		})
}

// Cases: type's OID | modifier, null for none.
func TestOracleFormatType(t *testing.T) {
	runGolden(t, "format",
		func(f []string) string { return "select format_type(" + f[0] + ", " + f[1] + ")" },
		func(f []string) (string, bool) {
			oid, _ := strconv.Atoi(f[0])
			mod, err := strconv.Atoi(f[1])
			if err != nil {
				mod = -1
			}
			return answer([]byte(FormatType(Type{Oid: Oid(oid), Mod: int32(mod)})), false, nil), true
		})
}
