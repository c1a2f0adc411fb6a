package types_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	. "github.com/pgmqdb/pgmqdb/sql/types"
)

// The .cases files in testdata list inputs, the .golden files what PostgreSQL 15
// answers to them. To add cases, write them into the .cases file and run
//
//	go test ./sql/types -run Oracle -rewrite -oracle postgres://postgres@127.0.0.1:5432/postgres
//
// and review the difference.
var (
	rewrite = flag.Bool("rewrite", false, "ask the server at -oracle and write the golden files")
	oracle  = flag.String("oracle", "", "connection string of a PostgreSQL 15 server")
)

// testEnv is the session that the golden files were made in.
func testEnv() *IOEnv {
	env := *DefaultIOEnv
	loc, err := FindTimeZone("America/New_York")
	if err != nil {
		panic(err)
	}
	env.TimeZone = loc
	env.Now = func() time.Time { return time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC) }
	return &env
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// answer is one line of a golden file: "ok" and the text, or "error" and its fields.
func answer(text []byte, null bool, err error) string {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		return fmt.Sprintf("error %s %q %q %q %q", pe.Code, pe.Message, pe.Detail, pe.Hint, pe.Where)
	}
	if err != nil {
		e := pgerr.From(err)
		return fmt.Sprintf("error %s %q %q %q %q", e.Code, e.Message, e.Detail, e.Hint, e.Where)
	}
	if null {
		return "null"
	}
	return "ok " + strconv.Quote(string(text))
}

// runGolden compares ours with the golden file of the same name, line by line.
func runGolden(t *testing.T, name string, query func(f []string) string, ours func(f []string) (string, bool)) {
	cases, err := os.ReadFile("testdata/" + name + ".cases")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(string(cases), "\n"), "\n")
	if *rewrite {
		writeGolden(t, name, lines, query)
	}
	golden, err := os.ReadFile("testdata/" + name + ".golden")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimRight(string(golden), "\n"), "\n")
	if len(want) != len(lines) {
		t.Fatalf("%d cases, %d golden lines", len(lines), len(want))
	}
	for i, line := range lines {
		got, ok := ours(fields(t, line))
		if ok && got != want[i] {
			t.Errorf("%s\n got  %s\n want %s", line, got, want[i])
		}
	}
}

// fields splits a case at " | "; a field in backquotes is unquoted as Go's "..." is.
func fields(t *testing.T, line string) []string {
	f := strings.Split(line, " | ")
	for i := range f {
		if strings.HasPrefix(f[i], "`") {
			u, err := strconv.Unquote(`"` + strings.Trim(f[i], "`") + `"`)
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			f[i] = u
		}
	}
	return f
}

func writeGolden(t *testing.T, name string, lines []string, query func(f []string) string) {
	ctx := context.Background()
	conn, err := pgconn.Connect(ctx, *oracle)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	conn.Exec(ctx, "set timezone = 'America/New_York'").ReadAll()
	var out bytes.Buffer
	for _, line := range lines {
		r, err := conn.Exec(ctx, query(fields(t, line))).ReadAll()
		var text []byte
		if err == nil {
			text = r[len(r)-1].Rows[0][0]
		}
		fmt.Fprintln(&out, answer(text, err == nil && text == nil, err))
	}
	if err := os.WriteFile("testdata/"+name+".golden", out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// typeOf reads "numeric(10,2)" and the like.
func typeOf(t *testing.T, name string) Type {
	base, mod, ok := strings.Cut(name, "(")
	in := ByName(base)
	if ok {
		var suffix string
		mod, suffix, _ = strings.Cut(mod, ")")
		in = ByName(base + suffix)
	}
	if in == nil {
		t.Fatalf("no type %s", name)
	}
	if !ok {
		return T(in.Oid)
	}
	p, s, two := strings.Cut(mod, ",")
	n, _ := strconv.Atoi(p)
	k, _ := strconv.Atoi(s)
	_ = two
	switch base {
	case "numeric":
		return Type{Oid: in.Oid, Mod: MakeNumericMod(int32(n), int32(k))}
	case "varchar", "bpchar":
		return Type{Oid: in.Oid, Mod: int32(n) + 4}
	case "interval":
		m, _ := MakeIntervalMod("", int32(n))
		return Type{Oid: in.Oid, Mod: m}
	}
	return Type{Oid: in.Oid, Mod: int32(n)}
}

// Cases: type | input. The literal is inserted into a column of the type, and what
// the column then holds is printed.
func TestOracleTextInputAndOutput(t *testing.T) {
	env := testEnv()
	runGolden(t, "io",
		func(f []string) string {
			return "create temp table t (v " + f[0] + ") on commit drop; insert into t values (" + quote(f[1]) + "); select v from t"
		},
		func(f []string) (string, bool) {
			ty := typeOf(t, f[0])
			d, err := ParseText(ty, f[1], env)
			if err != nil {
				return answer(nil, false, err), true
			}
			return answer(AppendText(nil, ty.Oid, d, env), d.IsNull(), nil), true
		})
}

// Cases: from | value | to.
func TestOracleExplicitCasts(t *testing.T) {
	env := testEnv()
	runGolden(t, "cast",
		func(f []string) string {
			return "select cast(cast(" + quote(f[1]) + " as " + f[0] + ") as " + f[2] + ")"
		},
		func(f []string) (string, bool) {
			from, to := typeOf(t, f[0]), typeOf(t, f[2])
			d, err := ParseText(from, f[1], env)
			if err == nil {
				if _, ok := CastAllowed(from.Oid, to.Oid); !ok {
					err = pgerr.New(pgerr.CannotCoerce, "cannot cast type %s to %s", FormatType(T(from.Oid)), FormatType(T(to.Oid)))
				} else {
					d, err = Cast(d, from, to, Explicit, env)
				}
			}
			if err != nil {
				return answer(nil, false, err), true
			}
			return answer(AppendText(nil, to.Oid, d, env), d.IsNull(), nil), true
		})
}

type numericOp struct {
	sql string // with %s for the arguments
	fn  func(a ...Datum) (Datum, error)
}

var numericOps = map[string]numericOp{
	"add":   {"%s + %s", func(a ...Datum) (Datum, error) { return NumericAdd(a[0], a[1]) }},
	"sub":   {"%s - %s", func(a ...Datum) (Datum, error) { return NumericSub(a[0], a[1]) }},
	"mul":   {"%s * %s", func(a ...Datum) (Datum, error) { return NumericMul(a[0], a[1]) }},
	"div":   {"%s / %s", func(a ...Datum) (Datum, error) { return NumericDiv(a[0], a[1]) }},
	"rem":   {"%s %% %s", func(a ...Datum) (Datum, error) { return NumericRem(a[0], a[1]) }},
	"divt":  {"div(%s, %s)", func(a ...Datum) (Datum, error) { return NumericDivTrunc(a[0], a[1]) }},
	"pow":   {"power(%s, %s)", func(a ...Datum) (Datum, error) { return NumericPower(a[0], a[1]) }},
	"log":   {"log(%s, %s)", func(a ...Datum) (Datum, error) { return NumericLog(a[0], a[1]) }},
	"sqrt":  {"sqrt(%s)", func(a ...Datum) (Datum, error) { return NumericSqrt(a[0]) }},
	"exp":   {"exp(%s)", func(a ...Datum) (Datum, error) { return NumericExp(a[0]) }},
	"ln":    {"ln(%s)", func(a ...Datum) (Datum, error) { return NumericLn(a[0]) }},
	"ceil":  {"ceil(%s)", func(a ...Datum) (Datum, error) { return NumericCeil(a[0]), nil }},
	"floor": {"floor(%s)", func(a ...Datum) (Datum, error) { return NumericFloor(a[0]), nil }},
	"abs":   {"abs(%s)", func(a ...Datum) (Datum, error) { return NumericAbs(a[0]), nil }},
	"trim":  {"trim_scale(%s)", func(a ...Datum) (Datum, error) { return NumericTrimScale(a[0]), nil }},
	"round": {"round(%s, (%s)::int)", func(a ...Datum) (Datum, error) {
		return NumericRound(a[0], int32(a[1].Numeric().Coeff.Int64())*sign(a[1]))
	}},
	"trunc": {"trunc(%s, (%s)::int)", func(a ...Datum) (Datum, error) {
		return NumericTrunc(a[0], int32(a[1].Numeric().Coeff.Int64())*sign(a[1]))
	}},
	"cmp": {"(case when %[1]s < %[2]s then -1 when %[1]s > %[2]s then 1 else 0 end)::numeric",
		func(a ...Datum) (Datum, error) { return NumericFromInt(int64(Compare(NumericOid, a[0], a[1]))), nil }},
}

func sign(d Datum) int32 {
	if d.Numeric().Negative {
		return -1
	}
	return 1
}

// Cases: operation | operand | operand.
func TestOracleNumericArithmetic(t *testing.T) {
	runGolden(t, "numeric",
		func(f []string) string {
			args := make([]any, 0, 2)
			for _, a := range f[1:] {
				args = append(args, "numeric "+quote(a))
			}
			return "select " + fmt.Sprintf(numericOps[f[0]].sql, args...)
		},
		func(f []string) (string, bool) {
			var args []Datum
			for _, a := range f[1:] {
				d, err := ParseNumeric(a)
				if err != nil {
					t.Fatal(err)
				}
				args = append(args, d)
			}
			d, err := numericOps[f[0]].fn(args...)
			if err != nil {
				return answer(nil, false, err), true
			}
			return answer(AppendNumeric(nil, d), false, nil), true
		})
}

// Cases: type | a | b: the order of two values.
func TestOracleComparison(t *testing.T) {
	env := testEnv()
	runGolden(t, "compare",
		func(f []string) string {
			a, b := "cast("+quote(f[1])+" as "+f[0]+")", "cast("+quote(f[2])+" as "+f[0]+")"
			return "select case when " + a + " < " + b + " then -1 when " + a + " > " + b + " then 1 else 0 end"
		},
		func(f []string) (string, bool) {
			ty := typeOf(t, f[0])
			a, err1 := ParseText(ty, f[1], env)
			b, err2 := ParseText(ty, f[2], env)
			if err1 != nil || err2 != nil {
				t.Fatal(f, err1, err2)
			}
			c := Compare(ty.Oid, a, b)
			if (c == 0) != Equal(ty.Oid, a, b) || c == 0 && Hash(ty.Oid, a) != Hash(ty.Oid, b) {
				t.Errorf("%v: Equal or Hash disagrees with Compare", f)
			}
			return answer([]byte(strconv.Itoa(c)), false, nil), true
		})
}
