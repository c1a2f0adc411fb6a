package types_test

import (
	"os"
	"strings"
	"testing"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	. "github.com/pgmqdb/pgmqdb/sql/types"
	"pgregory.net/rapid"
)

func TestZeroDatumIsNull(t *testing.T) {
	var d Datum
	if !d.IsNull() || d.Str() != "" || d.Numeric() != nil || d.Array() != nil {
		t.Fatal("the zero Datum is not NULL")
	}
	if NewString("").IsNull() || NewInt(0).IsNull() || NewSmallNumeric(0, 0).IsNull() {
		t.Fatal("an empty value is NULL")
	}
}

func TestVecBehavesAsASliceOfDatums(t *testing.T) {
	kinds := map[Oid]func(i int) Datum{
		Int4Oid:    func(i int) Datum { return NewInt(int64(i)) },
		Float8Oid:  func(i int) Datum { return NewFloat(float64(i)) },
		TextOid:    func(i int) Datum { return NewString(strings.Repeat("x", i)) },
		NumericOid: func(i int) Datum { return NewSmallNumeric(int64(i), 1) },
	}
	for oid, value := range kinds {
		rapid.Check(t, func(t *rapid.T) {
			v := NewVec(T(oid), 4)
			var model []Datum
			for range rapid.IntRange(0, 150).Draw(t, "steps") {
				d := value(rapid.IntRange(0, 9).Draw(t, "value"))
				if rapid.Bool().Draw(t, "null") {
					d = Null
				}
				switch op := rapid.IntRange(0, 9).Draw(t, "op"); {
				case op < 6 || len(model) == 0:
					v.Append(d)
					model = append(model, d)
				case op < 7:
					i := rapid.IntRange(0, len(model)-1).Draw(t, "at")
					v.Set(i, d)
					model[i] = d
				case op < 8:
					n := rapid.IntRange(0, len(model)).Draw(t, "keep")
					v.Truncate(n)
					model = model[:n]
				default:
					var src Vec
					src.CopyFrom(&v)
					i := int32(rapid.IntRange(0, len(model)-1).Draw(t, "gather"))
					v.Gather(&src, []int32{i, i})
					model = append(model, model[i], model[i])
				}
			}
			if v.Len() != len(model) {
				t.Fatalf("length %d, want %d", v.Len(), len(model))
			}
			for i, want := range model {
				got := v.Get(i)
				if got.IsNull() != want.IsNull() || !want.IsNull() && !Equal(oid, got, want) {
					t.Fatalf("value %d differs", i)
				}
			}
		})
	}
}

func TestInvalidUTF8IsRefusedByName(t *testing.T) {
	for in, want := range map[string]string{
		"a\xff":     `invalid byte sequence for encoding "UTF8": 0xff`,
		"\xe2\x28":  `invalid byte sequence for encoding "UTF8": 0xe2 0x28`,
		"a\x00b":    `invalid byte sequence for encoding "UTF8": 0x00`,
		"\xc0\xafx": `invalid byte sequence for encoding "UTF8": 0xc0 0xaf`,
	} {
		_, err := ParseText(T(TextOid), in, DefaultIOEnv)
		if e := pgerr.From(err); e == nil || e.Code != pgerr.CharacterNotInRepertoire || e.Message != want {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestCastContextsAreThoseOfPgCast(t *testing.T) {
	cases := []struct {
		from, to Oid
		ctx      CastContext
		ok       bool
	}{
		{Int4Oid, Int8Oid, Implicit, true}, {Int8Oid, Int4Oid, Assignment, true}, {Int4Oid, BoolOid, Explicit, true},
		{Int8Oid, BoolOid, 0, false}, {TextOid, Int4Oid, Explicit, true}, {Int4Oid, TextOid, Assignment, true},
		{VarcharOid, TextOid, Implicit, true}, {UnknownOid, DateOid, Implicit, true}, {DateOid, TimestamptzOid, Implicit, true},
		{TimestamptzOid, DateOid, Assignment, true}, {Int4ArrayOid, Int8ArrayOid, Implicit, true}, {Int4ArrayOid, TextOid, Assignment, true},
		{JsonbOid, JsonOid, Assignment, true}, {JsonbOid, NumericOid, Explicit, true}, {UuidOid, Int4Oid, 0, false},
		{NumericOid, Float8Oid, Implicit, true}, {Float8Oid, NumericOid, Assignment, true}, {RecordOid, TextOid, Assignment, true},
	}
	for _, c := range cases {
		if ctx, ok := CastAllowed(c.from, c.to); ctx != c.ctx || ok != c.ok {
			t.Errorf("%s to %s: %d %v", FormatType(T(c.from)), FormatType(T(c.to)), ctx, ok)
		}
	}
}

func TestAssignmentRefusesWhatAnExplicitCastCuts(t *testing.T) {
	to := Type{Oid: VarcharOid, Mod: 3 + 4}
	if _, err := Cast(NewString("abcd"), T(TextOid), to, Assignment, DefaultIOEnv); !pgerr.HasCode(err, pgerr.StringDataRightTruncation) {
		t.Errorf("assignment: %v", err)
	}
	if d, err := Cast(NewString("abcd"), T(TextOid), to, Explicit, DefaultIOEnv); err != nil || d.Str() != "abc" {
		t.Errorf("explicit: %q %v", d.Str(), err)
	}
	if d, err := Cast(NewString("abc  "), T(TextOid), to, Assignment, DefaultIOEnv); err != nil || d.Str() != "abc" {
		t.Errorf("blanks: %q %v", d.Str(), err)
	}
}

func TestRecordTextQuotesLikePostgreSQL(t *testing.T) {
	d := NewRecord(&Record{
		Types:  []Type{T(Int4Oid), T(TextOid), T(TextOid), T(TextOid), T(BoolOid)},
		Fields: []Datum{NewInt(1), NewString(`a "b"\`), NewString(""), Null, NewBool(true)},
	})
	if got := Text(RecordOid, d, DefaultIOEnv); got != `(1,"a ""b""\\","",,t)` {
		t.Error(got)
	}
}

// FuzzParseText: no input panics, and what a type prints it reads back the same.
func FuzzParseText(f *testing.F) {
	cases, err := os.ReadFile("testdata/io.cases")
	if err != nil {
		f.Fatal(err)
	}
	for _, line := range strings.Split(string(cases), "\n") {
		if name, text, ok := strings.Cut(line, " | "); ok {
			if in := ByName(name); in != nil {
				f.Add(uint32(in.Oid), text)
			}
		}
	}
	env := testEnv()
	f.Fuzz(func(t *testing.T, oid uint32, s string) {
		o := Oid(oid)
		if len(s) > 200 {
			return
		}
		d, err := ParseText(T(o), s, env)
		if err != nil {
			return
		}
		text := Text(o, d, env)
		back, err := ParseText(T(o), text, env)
		if err != nil {
			t.Fatalf("%s: %q prints as %q, which is refused: %v", FormatType(T(o)), s, text, err)
		}
		if again := Text(o, back, env); again != text {
			t.Fatalf("%s: %q prints as %q and then as %q", FormatType(T(o)), s, text, again)
		}
		if _, err := ParseBinary(T(o), []byte(s), DefaultIOEnv); err != nil {
			return
		}
	})
}

func BenchmarkParseTimestamp(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseText(T(TimestamptzOid), "2024-02-29 12:34:56.789+00", DefaultIOEnv); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNumericAdd(b *testing.B) {
	x, y := NewSmallNumeric(123456, 2), NewSmallNumeric(789, 3)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NumericAdd(x, y); err != nil {
			b.Fatal(err)
		}
	}
}
