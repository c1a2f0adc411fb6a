package keyenc

import (
	"math"
	"reflect"
	"testing"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

func numeric(t *testing.T, s string) types.Datum {
	d, err := types.ParseText(types.T(types.NumericOid), s, types.DefaultIOEnv)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestBatchKeepsValues writes rows of every kind of value and reads them back.
func TestBatchKeepsValues(t *testing.T) {
	rec := &types.Record{Types: []types.Type{types.T(types.Int4Oid), {Oid: types.VarcharOid, Mod: 24}}, Names: []string{"a", "b"},
		Fields: []types.Datum{types.NewInt(7), types.NewString("x")}}
	nested := types.NewArray(&types.Array{Elem: types.TextOid, Dims: []int32{2, 1}, Lbs: []int32{0, -3},
		Elems: []types.Datum{types.NewString("é"), types.Null}})
	vals := map[types.Oid][]types.Datum{
		types.Int4Oid:      {types.NewInt(1), types.Null, types.NewInt(-128)},
		types.Int8Oid:      {types.NewInt(math.MaxInt64), types.NewInt(math.MinInt64), types.Null},
		types.DateOid:      {types.NewInt(129), types.NewInt(-70000), types.NewInt(0)},
		types.Float8Oid:    {types.NewFloat(math.Inf(-1)), types.NewFloat(1.5), types.Null},
		types.TextOid:      {types.NewString(""), types.Null, types.NewString("two")},
		types.NumericOid:   {numeric(t, "1.500"), numeric(t, "123456789012345678901234567890.1"), numeric(t, "NaN")},
		types.IntervalOid:  {types.NewInterval(types.Interval{Months: -1, Days: 3, Micros: 5}), types.Null, types.Null},
		types.TextArrayOid: {nested, types.NewArray1(types.TextOid, nil), types.Null},
		types.RecordOid:    {types.NewRecord(rec), types.Null, types.NewRecord(&types.Record{})},
	}
	b := &types.Batch{N: 3}
	for oid, ds := range vals {
		v := types.NewVec(types.Type{Oid: oid, Mod: 9}, 0)
		for _, d := range ds {
			v.Append(d)
		}
		b.Cols = append(b.Cols, v)
	}
	data := AppendBatch(nil, b)
	got, err := DecodeBatch(data)
	if err != nil {
		t.Fatal(err)
	}
	if got.N != 3 || len(got.Cols) != len(b.Cols) {
		t.Fatalf("%d rows of %d columns", got.N, len(got.Cols))
	}
	for c := range b.Cols {
		typ := b.Cols[c].Type
		if got.Cols[c].Type != typ {
			t.Errorf("type %v became %v", typ, got.Cols[c].Type)
		}
		for i, want := range vals[typ.Oid] {
			d := got.Cols[c].Get(i)
			if d.Kind() != want.Kind() {
				t.Errorf("type %d row %d: %v became %v", typ.Oid, i, want.Kind(), d.Kind())
				continue
			}
			if want.IsNull() {
				continue
			}
			a, z := types.AppendText(nil, typ.Oid, want, types.DefaultIOEnv), types.AppendText(nil, typ.Oid, d, types.DefaultIOEnv)
			if string(a) != string(z) {
				t.Errorf("type %d row %d: %s became %s", typ.Oid, i, a, z)
			}
		}
	}
	for i := range data {
		if _, err := DecodeBatch(data[:i]); err == nil {
			t.Errorf("the first %d bytes of %d passed for a batch", i, len(data))
		}
	}
}

// TestBatchKnowsRecord fails when a record has a field that the encoding does not keep.
func TestBatchKnowsRecord(t *testing.T) {
	rec := types.Record{Types: []types.Type{types.T(types.Int4Oid)}, Names: []string{"n"}, Fields: []types.Datum{types.NewInt(1)}}
	v := reflect.ValueOf(&rec).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Uint32 {
			f.SetUint(70001)
		} else if f.IsZero() {
			t.Fatalf("the test does not fill %s", v.Type().Field(i).Name)
		}
	}
	vec := types.NewVec(types.T(types.RecordOid), 0)
	vec.Append(types.NewRecord(&rec))
	got, err := DecodeBatch(AppendBatch(nil, &types.Batch{Cols: []types.Vec{vec}, N: 1}))
	if err != nil {
		t.Fatal(err)
	}
	if r := got.Cols[0].X[0].Record(); !reflect.DeepEqual(*r, rec) {
		t.Errorf("%+v became %+v", rec, *r)
	}
}
