package catalog

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// bound is the values of a range's end: "min" and "max" are infinite.
func bound(vs ...any) []BoundDatum {
	var out []BoundDatum
	for _, v := range vs {
		switch v {
		case "min":
			out = append(out, BoundDatum{Kind: MinValue})
		case "max":
			out = append(out, BoundDatum{Kind: MaxValue})
		default:
			out = append(out, BoundDatum{Value: types.NewInt(int64(v.(int)))})
		}
	}
	return out
}

// test reads conditions on a column: "=1", "in1,2", ">=1 <4", "null", "notnull"; "" says nothing.
func test(t *testing.T, s string) (k KeyTest) {
	for _, c := range strings.Fields(s) {
		k.Known = true
		switch {
		case c == "null":
			k.Null = true
		case c == "notnull":
		case strings.HasPrefix(c, "in"), c[0] == '=':
			k.In = true
			for _, v := range strings.Split(strings.TrimLeft(c, "=in"), ",") {
				var n int64
				if _, err := fmt.Sscan(v, &n); err != nil {
					t.Fatal(err)
				}
				k.Eq = append(k.Eq, types.NewInt(n))
			}
		default:
			var n int64
			if _, err := fmt.Sscan(strings.TrimLeft(c, "<>="), &n); err != nil {
				t.Fatal(err)
			}
			b := &KeyBound{Value: types.NewInt(n), Inclusive: strings.Contains(c, "=")}
			if c[0] == '<' {
				k.Hi = b
			} else {
				k.Lo = b
			}
		}
	}
	return k
}

// TestMatching compares the partitions that are read with those of PostgreSQL's plans; where it reads the default partition of
// several columns though the others cover all keys wanted, it is not.
func TestMatching(t *testing.T) {
	const def, null = Oid(90), Oid(91)
	int4 := types.T(types.Int4Oid)
	sets := map[string]*Partitions{
		"list": {Strategy: ListPartitioning, Types: []types.Type{int4}, Default: def, Null: null, lists: []listEntry{
			{types.NewInt(1), 1}, {types.NewInt(2), 1}, {types.NewInt(3), 2}, {types.NewInt(4), 2}}},
		"range": {Strategy: RangePartitioning, Types: []types.Type{int4}, Default: def, ranges: []RangeEntry{
			{1, bound("min"), bound(0)}, {2, bound(0), bound(10)}, {3, bound(10), bound(20)}, {4, bound(30), bound(40)}}},
		"full": {Strategy: RangePartitioning, Types: []types.Type{int4}, Default: def, ranges: []RangeEntry{
			{1, bound("min"), bound(10)}, {2, bound(10), bound("max")}}},
		"multi": {Strategy: RangePartitioning, Types: []types.Type{int4, int4}, Default: def, ranges: []RangeEntry{
			{1, bound(1, "min"), bound(1, 10)}, {2, bound(1, 10), bound(1, "max")}, {3, bound(2, 0), bound(3, 0)}}},
		"empty": {Strategy: RangePartitioning, Types: []types.Type{int4}, Default: def},
	}
	var many []string // too many to be looked up one by one
	for i := range maxPrunedKeys + 1 {
		many = append(many, fmt.Sprint(-i-1))
	}
	for _, c := range []struct {
		set, a, b string
		want      []Oid
	}{
		{"list", "=1", "", []Oid{1}},
		{"list", "=9", "", []Oid{def}},
		{"list", "in1,3", "", []Oid{1, 2}},
		{"list", "in1,9", "", []Oid{1, def}},
		{"list", "in1,3 >2", "", []Oid{2}},
		{"list", ">=1 <=4", "", []Oid{1, 2, def}},
		{"list", "null", "", []Oid{null}},
		{"list", "notnull", "", []Oid{1, 2, def}},
		{"range", "=5", "", []Oid{2}},
		{"range", "=25", "", []Oid{def}},
		{"range", ">=0 <10", "", []Oid{2}},
		{"range", ">=0 <20", "", []Oid{2, 3}},
		{"range", ">=0 <=20", "", []Oid{2, 3, def}},
		{"range", "<20", "", []Oid{1, 2, 3}},
		{"range", "<=20", "", []Oid{1, 2, 3, def}},
		{"range", ">5", "", []Oid{2, 3, 4, def}},
		{"range", ">=20 <30", "", []Oid{def}},
		{"range", ">19 <30", "", []Oid{3, def}},
		{"range", "in5,15", "", []Oid{2, 3}},
		{"range", "in5,25", "", []Oid{2, def}},
		{"range", "in5,25 <20", "", []Oid{2}},
		{"range", ">=30 <40", "", []Oid{4}},
		{"range", ">=35", "", []Oid{4, def}},
		{"range", "null", "", []Oid{def}},
		{"range", "notnull", "", []Oid{1, 2, 3, 4, def}},
		{"range", ">10 <5", "", nil},
		{"range", ">10 <=10", "", nil},
		{"range", "in" + strings.Join(many, ","), "", []Oid{1}},
		{"full", ">5", "", []Oid{1, 2}},
		{"full", "<5", "", []Oid{1}},
		{"full", "in1,20", "", []Oid{1, 2}},
		{"full", "notnull", "", []Oid{1, 2, def}},
		{"full", "", "", []Oid{1, 2, def}},
		{"empty", ">5", "", []Oid{def}},
		{"multi", "=1", "", []Oid{1, 2, def}},
		{"multi", "=1", "=5", []Oid{1}},
		{"multi", "=1", ">=10", []Oid{2}}, // PostgreSQL: the default one, too
		{"multi", "=1", "<10", []Oid{1}},
		{"multi", "=1", ">=5 <20", []Oid{1, 2}},
		{"multi", "=2", ">=0", []Oid{3}},
		{"multi", "=2", "<5", []Oid{3, def}},
		{"multi", "=3", "<0", []Oid{3}},
		{"multi", "=3", "<=0", []Oid{3, def}},
		{"multi", "=3", ">=0", []Oid{def}},
		{"multi", "=0", ">3", []Oid{def}},
		{"multi", ">=2", "", []Oid{3, def}},
		{"multi", ">2 <3", "", []Oid{3, def}},
		{"multi", "", "=5", []Oid{1, 2, 3, def}},
		{"multi", "", "null", []Oid{def}},
		{"multi", "=1", "null", []Oid{def}},
		{"multi", "=1", "notnull", []Oid{1, 2, def}},
		{"multi", "in1,2", "=5", []Oid{1, 3}},     // PostgreSQL: all
		{"multi", "in1,2", ">=10", []Oid{2, 3}},   // PostgreSQL: all
		{"multi", "in1,9", ">=10", []Oid{2, def}}, // PostgreSQL: all
	} {
		p := sets[c.set]
		tests := []KeyTest{test(t, c.a), test(t, c.b)}[:len(p.Types)]
		got, err := p.Matching(tests, nil)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Sort(got); !slices.Equal(got, c.want) {
			t.Errorf("%s, %q, %q: %v, want %v", c.set, c.a, c.b, got, c.want)
		}
	}
}
