package keyenc

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
	"pgregory.net/rapid"
)

// genDatum draws values of a type, dense around the borders of its encoding.
func genDatum(oid types.Oid) *rapid.Generator[types.Datum] {
	return rapid.Custom(func(t *rapid.T) types.Datum {
		switch oid {
		case types.BoolOid:
			return types.NewBool(rapid.Bool().Draw(t, "bool"))
		case types.Int2Oid:
			return types.NewInt(int64(rapid.Int16().Draw(t, "int2")))
		case types.Int4Oid, types.DateOid:
			return types.NewInt(int64(rapid.Int32().Draw(t, "int4")))
		case types.Int8Oid, types.PgLsnOid, types.TimestamptzOid:
			return types.NewInt(rapid.Int64().Draw(t, "int8"))
		case types.Float8Oid:
			return types.NewFloat(rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, math.Copysign(0, -1), math.NaN(),
				math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64})).Draw(t, "float"))
		case types.TextOid, types.BpcharOid, types.ByteaOid:
			return types.NewString(rapid.StringOfN(rapid.RuneFrom([]rune{0, 1, ' ', 'a', 'b', 0xff, 0x10ffff}), 0, 6, -1).Draw(t, "string"))
		case types.CitextOid:
			return types.NewString(rapid.StringOfN(rapid.RuneFrom([]rune{'a', 'A', 'b', 'B', 'ä', 'Ä', '[', 'K', 0x212a}), 0, 6, -1).Draw(t, "citext"))
		case types.UuidOid:
			return types.NewString(string(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uuid")))
		case types.NumericOid:
			s := rapid.OneOf(rapid.StringMatching(`-?[0-9]{1,30}(\.[0-9]{1,10})?`), rapid.StringMatching(`-?[0-3](\.[0-2]{1,3}0{0,2})?`),
				rapid.StringMatching(`-?[1-9]e-?[0-9]{1,2}`), rapid.SampledFrom([]string{"NaN", "Infinity", "-Infinity", "9223372036854775807"})).Draw(t, "numeric")
			d, err := types.ParseNumeric(s)
			if err != nil {
				t.Fatal(err)
			}
			return d
		case types.IntervalOid:
			return types.NewInterval(types.Interval{Months: int32(rapid.IntRange(-3, 3).Draw(t, "months")),
				Days: int32(rapid.IntRange(-90, 90).Draw(t, "days")), Micros: int64(rapid.IntRange(-3, 3).Draw(t, "hours")) * 12 * 3600e6})
		case types.JsonbOid:
			s, err := types.NormalizeJSONB(genJSON(2).Draw(t, "json"))
			if err != nil {
				t.Fatal(err)
			}
			return types.NewString(s)
		case types.Int4RangeOid, types.Int8RangeOid, types.NumRangeOid, userRange:
			return types.NewRange(genRange(oid).Draw(t, "range"))
		case types.Int8MultirangeOid, types.NumMultirangeOid, types.MultirangeOf(userRange):
			ranges := rapid.SliceOfN(genRange(types.RangeOf(oid)), 0, 3).Draw(t, "ranges")
			return types.NewMultirange(types.MakeMultirange(types.RangeOf(oid), ranges))
		}
		elem := types.ElemOf(oid)
		elems := rapid.SliceOfN(genNullable(elem), 0, 3).Draw(t, "elems")
		a := &types.Array{Elem: elem, Elems: elems}
		if len(elems) > 0 {
			a.Dims = []int32{int32(len(elems))}
			if rapid.Bool().Draw(t, "shifted") {
				a.Lbs = []int32{int32(rapid.IntRange(-2, 3).Draw(t, "lower"))}
			}
		}
		return types.NewArray(a)
	})
}

func genRange(oid types.Oid) *rapid.Generator[*types.Range] {
	return rapid.Custom(func(t *rapid.T) *types.Range {
		elem := types.RangeElem(oid)
		bound := func(name string) types.Datum {
			n := rapid.IntRange(-1, 4).Draw(t, name)
			switch {
			case n < 0:
				return types.Null
			case elem == types.NumericOid:
				return types.NewSmallNumeric(int64(n)*10, int32(rapid.IntRange(0, 1).Draw(t, "scale")))
			}
			return types.NewInt(int64(n))
		}
		r, err := types.MakeRange(oid, types.Bound{Value: bound("lower"), Inc: rapid.Bool().Draw(t, "inc"), Lower: true},
			types.Bound{Value: bound("upper"), Inc: rapid.Bool().Draw(t, "inc")})
		if err != nil { // in the wrong order
			return types.EmptyRange(elem)
		}
		return r
	})
}

func genNullable(oid types.Oid) *rapid.Generator[types.Datum] {
	return rapid.Custom(func(t *rapid.T) types.Datum {
		if rapid.IntRange(0, 5).Draw(t, "null") == 0 {
			return types.Null
		}
		return genDatum(oid).Draw(t, "value")
	})
}

func genJSON(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		limit := 6
		if depth == 0 {
			limit = 4
		}
		switch rapid.IntRange(0, limit-1).Draw(t, "kind") {
		case 0:
			return "null"
		case 1:
			return rapid.SampledFrom([]string{"true", "false"}).Draw(t, "bool")
		case 2:
			return rapid.SampledFrom([]string{"0", "1", "1.0", "-1", "10", "1.5", "1e30"}).Draw(t, "number")
		case 3:
			return `"` + rapid.StringMatching(`[ab]{0,2}`).Draw(t, "string") + `"`
		case 4:
			return "[" + strings.Join(rapid.SliceOfN(genJSON(depth-1), 0, 3).Draw(t, "elems"), ",") + "]"
		}
		var parts []string
		for _, v := range rapid.SliceOfN(genJSON(depth-1), 0, 3).Draw(t, "values") {
			parts = append(parts, `"`+rapid.StringMatching(`[ab]{0,2}`).Draw(t, "key")+`":`+v)
		}
		return "{" + strings.Join(parts, ",") + "}"
	})
}

var keyTypes = []types.Oid{types.BoolOid, types.Int2Oid, types.Int4Oid, types.Int8Oid, types.DateOid, types.TimestamptzOid, types.PgLsnOid,
	types.Float8Oid, types.TextOid, types.BpcharOid, types.ByteaOid, types.UuidOid, types.NumericOid, types.IntervalOid, types.JsonbOid, types.CitextOid,
	types.Int4ArrayOid, types.TextArrayOid, types.NumericArrayOid,
	types.Int4RangeOid, types.NumRangeOid, types.Int8MultirangeOid, types.NumMultirangeOid, userRange, types.MultirangeOf(userRange)}

// userRange is a range over numeric that a user created.
var userRange = func() types.Oid {
	oid := types.UserOid(types.RangeClass, 16400)
	types.LearnRange(oid, types.T(types.NumericOid))
	return oid
}()

// What is stored of a user's range is read without its definition.
func TestUserRangesAreReadWithoutTheirDefinition(t *testing.T) {
	known, unknown := userRange, types.UserOid(types.RangeClass, 16999)
	r, err := types.MakeRange(known, types.Bound{Value: types.NewSmallNumeric(15, 1), Inc: true, Lower: true}, types.Bound{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []types.Datum{types.NewRange(r), types.NewRange(types.EmptyRange(types.NumericOid))} {
		key := AppendKey(nil, known, d, false)
		got, rest, err := DecodeKey(unknown, key, false)
		if err != nil || len(rest) > 0 || got.Range().Elem != types.NumericOid || types.Compare(known, got, d) != 0 {
			t.Fatalf("key: %v, %v", got.Range(), err)
		}
		row := appendStored(nil, known, d)
		if got, err = readStored(unknown, row); err != nil || got.Range().Elem != types.NumericOid || types.Compare(known, got, d) != 0 {
			t.Fatalf("row: %v, %v", got.Range(), err)
		}
	}
}

func compareNullsLast(oid types.Oid, a, b types.Datum) int {
	switch {
	case a.IsNull() && b.IsNull():
		return 0
	case a.IsNull():
		return 1
	case b.IsNull():
		return -1
	}
	return types.Compare(oid, a, b)
}

func TestKeyOrderIsTheOrderOfValues(t *testing.T) {
	for _, oid := range keyTypes {
		t.Run(types.Lookup(oid).Name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				a, b := genNullable(oid).Draw(t, "a"), genNullable(oid).Draw(t, "b")
				want := compareNullsLast(oid, a, b)
				if got := bytes.Compare(AppendKey(nil, oid, a, false), AppendKey(nil, oid, b, false)); got != want {
					t.Fatalf("ascending: keys compare %d, values %d", got, want)
				}
				if got := bytes.Compare(AppendKey(nil, oid, a, true), AppendKey(nil, oid, b, true)); got != -want {
					t.Fatalf("descending: keys compare %d, values %d", got, want)
				}
				if want == 0 && types.Hash(oid, a) != types.Hash(oid, b) {
					t.Fatal("equal values hash differently")
				}
			})
		})
	}
}

func TestKeyDecodesToAnEqualValueAndTheRest(t *testing.T) {
	env := types.DefaultIOEnv
	for _, oid := range keyTypes {
		t.Run(types.Lookup(oid).Name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				d, desc := genNullable(oid).Draw(t, "d"), rapid.Bool().Draw(t, "desc")
				key := append(AppendKey(nil, oid, d, desc), "rest"...)
				got, rest, err := DecodeKey(oid, key, desc)
				if err != nil || string(rest) != "rest" {
					t.Fatalf("rest %q, error %v", rest, err)
				}
				if compareNullsLast(oid, d, got) != 0 {
					t.Fatalf("%s came back as %s", types.Text(oid, d, env), types.Text(oid, got, env))
				}
				if KeyLossless(oid) && types.Text(oid, d, env) != types.Text(oid, got, env) {
					t.Fatalf("lossless %s came back as %s", types.Text(oid, d, env), types.Text(oid, got, env))
				}
				if rest, err := SkipKey(oid, key, desc); err != nil || string(rest) != "rest" {
					t.Fatalf("skip: rest %q, error %v", rest, err)
				}
				v := types.NewVec(types.T(oid), 0)
				if rest, err := DecodeKeyTo(&v, oid, key, desc); err != nil || string(rest) != "rest" || v.Len() != 1 {
					t.Fatalf("to a column: rest %q, error %v", rest, err)
				}
				if into := v.Get(0); types.Text(oid, into, env) != types.Text(oid, got, env) || into.IsNull() != got.IsNull() {
					t.Fatalf("%s comes into a column as %s", types.Text(oid, got, env), types.Text(oid, into, env))
				}
			})
		})
	}
}

func TestEveryIntegerTypeHasTheSameKeyForTheSameNumber(t *testing.T) {
	for _, n := range []int64{0, 1, -1, math.MaxInt16, math.MinInt16} {
		want := AppendKey(nil, types.Int8Oid, types.NewInt(n), false)
		for _, oid := range []types.Oid{types.Int2Oid, types.Int4Oid} {
			if !bytes.Equal(AppendKey(nil, oid, types.NewInt(n), false), want) {
				t.Errorf("%d differs between int8 and %s", n, types.Lookup(oid).Name)
			}
		}
		if !bytes.Equal(AppendKeyInt(nil, n), want) {
			t.Errorf("AppendKeyInt(%d) differs", n)
		}
	}
}

func TestPrefixEndBoundsAllKeysWithThePrefix(t *testing.T) {
	for in, want := range map[string]string{"": "", "61": "62", "61ff": "62", "ff": "", "ffff": "", "00": "01", "61fe": "61ff"} {
		b, _ := hex.DecodeString(in)
		if got := hex.EncodeToString(PrefixEnd(b)); got != want {
			t.Errorf("PrefixEnd(%s) = %s, want %s", in, got, want)
		}
	}
}

// The bytes and slots below are on disks: a change that fails this test loses rows.
func TestCanonicalBytesAndSlotsNeverChange(t *testing.T) {
	cases := []struct {
		oid  types.Oid
		text string
		key  string
		slot uint16
	}{
		{types.Int4Oid, "1", "018000000000000001", 493},
		{types.Int8Oid, "1", "018000000000000001", 493},
		{types.Int8Oid, "-9223372036854775808", "010000000000000000", 879},
		{types.TextOid, "", "010001", 636},
		{types.TextOid, "abc", "016162630001", 618},
		{types.BpcharOid, "ab  ", "0161620001", 490},
		{types.CitextOid, "aB", "0161620001", 490},
		{types.ByteaOid, "\\x00ff00", "0100ffff00ff0001", 458},
		{types.UuidOid, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "01a0eebc999c0b4ef8bb6d6bb9bd380a110001", 326},
		{types.NumericOid, "0", "0130", 647},
		{types.NumericOid, "1.0", "01408000010b00", 947},
		{types.NumericOid, "1", "01408000010b00", 947},
		{types.NumericOid, "-12.345", "01207ffffdf2dcccff", 580},
		{types.NumericOid, "1e20", "01408000150b00", 954},
		{types.NumericOid, "NaN", "0160", 398},
		{types.Float8Oid, "-0", "018000000000000000", 755},
		{types.Float8Oid, "1.5", "01bff8000000000000", 158},
		{types.Float8Oid, "NaN", "01fff8000000000000", 630},
		{types.BoolOid, "t", "018000000000000001", 493},
		{types.DateOid, "2024-02-29", "018000000000002279", 125},
		{types.TimestamptzOid, "2024-02-29 12:00:00+00", "018002b582c4781000", 730},
		{types.IntervalOid, "1 mon 2 days 03:00", "0180000000000000208000000283baec00", 105},
		{types.JsonbOid, "{\"a\": [1.50, null]}", "0104070000000161000106000000020340800001100001", 119},
		{types.Int4ArrayOid, "{1,NULL}", "010201800000000000000102ff01010000000280000001", 182},
		{types.Int4RangeOid, "[1,5]", "01020280000000000000010101800000000000000601", 766},
		{types.NumRangeOid, "(,2.50]", "01020101408000011a0002", 947},
		{types.Int4MultirangeOid, "{[1,2),(,0)}", "01020201018000000000000000010202028000000000000001010180000000000000020101", 275},
		{types.TimetzOid, "10:00:00.5-03:30", "01802d43431c823138", 465},
		{types.VarbitOid, "101", "01a0030001", 903},
		{types.MoneyOid, "-1.50", "017fffffffffffff6a", 14},
	}
	for _, c := range cases {
		d, err := types.ParseText(types.T(c.oid), c.text, types.DefaultIOEnv)
		if err != nil {
			t.Fatal(err)
		}
		b := CanonicalBytes(nil, c.oid, d)
		if got := hex.EncodeToString(b); got != c.key || SlotOf(b) != c.slot {
			t.Errorf("{%d, %q, %q, %d},", c.oid, c.text, got, SlotOf(b))
		}
	}
}

func TestSlotsSpreadEvenly(t *testing.T) {
	var count [Slots]int
	for i := range int64(Slots * 100) {
		count[SlotOf(AppendKeyInt(nil, i))]++
	}
	for s, n := range count {
		if n < 50 || n > 160 {
			t.Errorf("slot %d has %d of 100 expected", s, n)
		}
	}
}

var rowTypes = []types.Type{types.T(types.Int4Oid), types.T(types.TextOid), types.T(types.NumericOid), types.T(types.Float8Oid),
	types.T(types.IntervalOid), types.T(types.TextArrayOid), types.T(types.BoolOid), types.T(types.TimestamptzOid), types.T(types.JsonbOid),
	types.T(types.NumericArrayOid), types.T(types.ByteaOid)}

func TestRowRoundTripsByEveryWayOfReading(t *testing.T) {
	layout := NewRowLayout(rowTypes, nil)
	env := types.DefaultIOEnv
	text := func(i int, d types.Datum) string {
		if d.IsNull() {
			return "NULL"
		}
		return types.Text(rowTypes[i].Oid, d, env)
	}
	rapid.Check(t, func(t *rapid.T) {
		row := make([]types.Datum, len(rowTypes))
		for i, ty := range rowTypes {
			row[i] = genNullable(ty.Oid).Draw(t, "value")
		}
		if rapid.IntRange(0, 9).Draw(t, "wide") == 0 {
			row[1] = types.NewString(strings.Repeat("x", 70000))
		}
		b := EncodeRow([]byte("head"), layout, row)[4:]
		all, err := DecodeRow(b, layout, nil)
		if err != nil {
			t.Fatal(err)
		}
		wanted := rapid.Permutation([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}).Draw(t, "wanted")
		vecs := make([]*types.Vec, len(wanted))
		for k, i := range wanted {
			v := types.NewVec(rowTypes[i], 1)
			vecs[k] = &v
		}
		if err := DecodeColumns(b, layout, wanted, vecs); err != nil {
			t.Fatal(err)
		}
		for k, i := range wanted {
			one, err := DecodeColumn(b, layout, i)
			if err != nil {
				t.Fatal(err)
			}
			want := text(i, row[i])
			if g1, g2, g3 := text(i, all[i]), text(i, one), text(i, vecs[k].Get(0)); g1 != want || g2 != want || g3 != want {
				t.Fatalf("column %d: want %s, got %s, %s, %s", i, want, g1, g2, g3)
			}
		}
	})
}

func TestRowWrittenBeforeAddColumnReadsTheMissingValue(t *testing.T) {
	old := NewRowLayout(rowTypes[:1], nil)
	b := EncodeRow(nil, old, []types.Datum{types.NewInt(7)})
	layout := NewRowLayout(rowTypes[:3], []types.Datum{types.Null, types.NewString("default")})
	row, err := DecodeRow(b, layout, nil)
	if err != nil || row[0].Int() != 7 || row[1].Str() != "default" || !row[2].IsNull() {
		t.Fatalf("%v %v", row, err)
	}
}

func TestMalformedRowsAndKeysGiveDataCorrupted(t *testing.T) {
	layout := NewRowLayout(rowTypes, nil)
	row := make([]types.Datum, len(rowTypes))
	for i, ty := range rowTypes {
		row[i] = genDatum(ty.Oid).Example(i)
	}
	b := EncodeRow(nil, layout, row)
	head := 3 + 2*len(rowTypes)
	for n := range head {
		if _, err := DecodeRow(b[:n], layout, nil); !pgerr.HasCode(err, pgerr.DataCorrupted) {
			t.Errorf("%d bytes of a row: %v", n, err)
		}
	}
	for i := range b { // no change of a byte may panic
		c := bytes.Clone(b)
		for _, x := range []byte{0, 1, 0x7f, 0x80, 0xff} {
			c[i] = x
			_, _ = DecodeRow(c, layout, nil)
		}
	}
}

func FuzzDecodeKey(f *testing.F) {
	for _, oid := range keyTypes {
		for i := range 3 {
			f.Add(uint32(oid), AppendKey(nil, oid, genDatum(oid).Example(i), false), false)
		}
	}
	f.Fuzz(func(t *testing.T, oid uint32, b []byte, desc bool) {
		o := types.Oid(oid)
		d, rest, err := DecodeKey(o, b, desc)
		if err != nil {
			return
		}
		again := append(AppendKey(nil, o, d, desc), rest...)
		if d2, _, err := DecodeKey(o, again, desc); err != nil || compareNullsLast(o, d, d2) != 0 {
			t.Fatalf("%x decodes, its re-encoding %x does not agree: %v", b, again, err)
		}
	})
}

func BenchmarkDecodeColumns(b *testing.B) {
	layout := NewRowLayout(rowTypes[:3], nil)
	row := EncodeRow(nil, layout, []types.Datum{types.NewInt(12345), types.NewString("hello world"), types.NewSmallNumeric(1050, 2)})
	vecs := make([]*types.Vec, 3)
	for i := range vecs {
		v := types.NewVec(rowTypes[i], types.BatchSize)
		vecs[i] = &v
	}
	wanted := []int{0, 1, 2}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%types.BatchSize == 0 {
			for _, v := range vecs {
				v.Reset()
			}
		}
		if err := DecodeColumns(row, layout, wanted, vecs); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleAppendKey() {
	key := AppendKey(nil, types.Int4Oid, types.NewInt(5), false)
	key = AppendKey(key, types.TextOid, types.NewString("a"), true)
	fmt.Printf("%x\n", key)
	// Output: 018000000000000005fe9efffe
}
