package types

import (
	"math/rand"
	"testing"
)

// randomRange is a range over the integers from 0 to 9, perhaps infinite or empty.
func randomRange(r *rand.Rand) *Range {
	bound := func(lower bool) Bound {
		if r.Intn(5) == 0 {
			return Bound{Lower: lower}
		}
		return Bound{Value: NewInt(int64(r.Intn(10))), Inc: r.Intn(2) == 0, Lower: lower}
	}
	x, err := MakeRange(Int4RangeOid, bound(true), bound(false))
	if err != nil {
		return EmptyRange(Int4Oid)
	}
	return x
}

// members are the integers from -3 to 12 in any of the ranges, as bits.
func members(ranges ...*Range) (set uint32) {
	for n := range 16 {
		for _, r := range ranges {
			if r.Contains(NewInt(int64(n - 3))) {
				set |= 1 << n
			}
		}
	}
	return set
}

// Operations on multiranges are those on the sets of their members.
func TestMultirangesAreSets(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	random := func() *Multirange {
		ranges := make([]*Range, r.Intn(4))
		for i := range ranges {
			ranges[i] = randomRange(r)
		}
		want := members(ranges...)
		m := MakeMultirange(Int4RangeOid, ranges)
		if got := members(m.Ranges...); got != want {
			t.Fatalf("%s has %b instead of %b", show(m), got, want)
		}
		for i := 1; i < len(m.Ranges); i++ {
			if !m.Ranges[i-1].Before(m.Ranges[i]) || m.Ranges[i-1].Adjacent(m.Ranges[i]) {
				t.Fatalf("%s is not in order", show(m))
			}
		}
		return m
	}
	for range 20000 {
		a, b := random(), random()
		x, y := members(a.Ranges...), members(b.Ranges...)
		check := func(what string, got, want any) {
			if got != want {
				t.Fatalf("%s %s %s: %v instead of %v", show(a), what, show(b), got, want)
			}
		}
		check("*", members(IntersectAll(a.Ranges, b.Ranges)...), x&y)
		check("-", members(MinusAll(a.Ranges, b.Ranges)...), x&^y)
		check("&&", OverlapsAny(a.Ranges, b.Ranges), x&y != 0)
		check("@>", ContainsAll(a.Ranges, b.Ranges), y&^x == 0)
		check("=", Compare(Int4MultirangeOid, NewMultirange(a), NewMultirange(b)) == 0, x == y)
		back, err := ParseText(T(Int4MultirangeOid), show(a), DefaultIOEnv)
		check("text", err == nil && Equal(Int4MultirangeOid, back, NewMultirange(a)), true)
		back, err = ParseBinary(T(Int4MultirangeOid), AppendBinary(nil, Int4MultirangeOid, NewMultirange(a), DefaultIOEnv), DefaultIOEnv)
		check("binary", err == nil && Equal(Int4MultirangeOid, back, NewMultirange(a)), true)
	}
}

func show(m *Multirange) string { return Text(Int4MultirangeOid, NewMultirange(m), DefaultIOEnv) }
