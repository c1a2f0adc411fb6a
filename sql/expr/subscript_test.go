package expr

import (
	"fmt"
	"math/rand"
	"testing"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// place is where an element of an array is, by its subscripts.
type place [3]int64

// cells are the elements of an array by place: the dumb form that the tests compare with.
func cells(a *types.Array) map[place]string {
	out := map[place]string{}
	var at place
	var walk func(d, i int) int
	walk = func(d, i int) int {
		for k := range int(a.Dims[d]) {
			at[d] = int64(a.LowerBound(d)) + int64(k)
			if d+1 < len(a.Dims) {
				i = walk(d+1, i)
				continue
			}
			out[at] = fmt.Sprint(a.Elems[i].IsNull(), a.Elems[i].Int())
			i++
		}
		return i
	}
	if len(a.Dims) > 0 {
		walk(0, 0)
	}
	return out
}

func randomArray(r *rand.Rand, dims int) *types.Array {
	a := &types.Array{Elem: types.Int4Oid}
	n := 1
	for range dims {
		d := int32(1 + r.Intn(3))
		a.Dims, a.Lbs = append(a.Dims, d), append(a.Lbs, int32(r.Intn(5)-2))
		n *= int(d)
	}
	for range n {
		a.Elems = append(a.Elems, types.NewInt(int64(r.Intn(100))))
	}
	return a
}

func TestAssignedElementsAndSlicesAreWhatIsReadThen(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for range 20000 {
		dims := 1 + r.Intn(3)
		a := randomArray(r, dims)
		before := cells(a)
		b := bounds{n: dims}
		n := 1
		inside := true
		for d := range dims {
			lo, size := int64(a.LowerBound(d)), int64(a.Dims[d])
			b.lower[d] = lo + int64(r.Intn(int(size)+4)) - 2
			b.upper[d] = b.lower[d] + int64(r.Intn(3))
			b.hasLower[d], b.hasUpper[d] = true, true
			n *= int(b.upper[d] - b.lower[d] + 1)
			inside = inside && b.lower[d] >= lo && b.upper[d] < lo+size
		}
		src := &types.Array{Elem: types.Int4Oid, Dims: []int32{int32(n)}}
		for range n {
			src.Elems = append(src.Elems, types.NewInt(int64(1000+r.Intn(100))))
		}
		got, err := assignSlice(a, &b, src)
		if dims > 1 && !inside {
			if err == nil {
				t.Fatalf("%v: slice %v to %v changed the shape", a, b.lower, b.upper)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		after, i := cells(got.Array()), 0
		want := map[place]string{}
		for k, v := range before {
			want[k] = v
		}
		var at place
		var fill func(d int)
		fill = func(d int) {
			for at[d] = b.lower[d]; at[d] <= b.upper[d]; at[d]++ {
				if d+1 < dims {
					fill(d + 1)
					continue
				}
				want[at] = fmt.Sprint(false, src.Elems[i].Int())
				i++
			}
		}
		fill(0)
		for k, v := range after {
			if w, ok := want[k]; ok && w != v || !ok && v != fmt.Sprint(true, 0) {
				t.Fatalf("%v[%v:%v] = %v: at %v %s, not %q", a, b.lower, b.upper, src, k, v, w)
			}
		}
		read := arraySlice(got.Array(), &b).Array()
		if len(read.Elems) != n {
			t.Fatalf("the slice has %d elements, not %d", len(read.Elems), n)
		}
		for i, e := range read.Elems {
			if e.Int() != src.Elems[i].Int() {
				t.Fatalf("element %d of the slice is %d, not %d", i, e.Int(), src.Elems[i].Int())
			}
		}
		one := b.lower[:dims]
		set, err := assignElement(a, one, types.NewInt(-1))
		if err == nil && arrayElement(set.Array(), one).Int() != -1 {
			t.Fatalf("%v: element %v was not set", a, one)
		}
	}
}
