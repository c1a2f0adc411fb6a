package types

import (
	"bytes"
	"math/rand"
	"strings"
	"testing"
)

// Values that are packed so that their order needs no knowledge of the type, checked against comparisons of their parts.

func TestBitsOrderAsTheirDigitsDo(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	random := func() []byte {
		b := make([]byte, r.Intn(40))
		for i := range b {
			b[i] = '0' + byte(r.Intn(2))
		}
		return b
	}
	for range 20000 {
		a, b := random(), random()
		if r.Intn(2) == 0 { // a continuation of a
			b = append(bytes.Clone(a), b[:r.Intn(len(b)+1)]...)
		}
		x, y := NewBits(bytes.Clone(a)), NewBits(bytes.Clone(b))
		if !bytes.Equal(x.Bits(), a) || x.BitCount() != len(a) {
			t.Fatalf("%s became %s", a, x.Bits())
		}
		if got, want := strings.Compare(x.Str(), y.Str()), bytes.Compare(a, b); got != want {
			t.Fatalf("%s against %s: %d instead of %d", a, b, got, want)
		}
		bin := AppendBinary(nil, VarbitOid, x, DefaultIOEnv)
		back, err := ParseBinary(T(VarbitOid), bin, DefaultIOEnv)
		if err != nil || back.Str() != x.Str() {
			t.Fatalf("%s read back as %s: %v", a, back.Bits(), err)
		}
	}
}

func TestTimetzOrdersByInstantThenZone(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	type value struct {
		micros int64
		east   int
	}
	random := func() value {
		return value{r.Int63n(25) * microsPerHour % (MicrosPerDay + 1), (r.Intn(31) - 15) * 3600}
	}
	for range 20000 {
		a, b := random(), random()
		x, y := NewTimetz(a.micros, a.east), NewTimetz(b.micros, b.east)
		if m, e := x.Timetz(); m != a.micros || e != a.east {
			t.Fatalf("%v became %d, %d", a, m, e)
		}
		want := cmpInt64(a.micros-int64(a.east)*MicrosPerSecond, b.micros-int64(b.east)*MicrosPerSecond)
		if want == 0 {
			want = cmpInt64(int64(-a.east), int64(-b.east))
		}
		if got := Compare(TimetzOid, x, y); got != want {
			t.Fatalf("%v against %v: %d instead of %d", a, b, got, want)
		}
		back, err := ParseBinary(T(TimetzOid), AppendBinary(nil, TimetzOid, x, DefaultIOEnv), DefaultIOEnv)
		if err != nil || back.Int() != x.Int() {
			t.Fatalf("%v: %v", a, err)
		}
	}
}
