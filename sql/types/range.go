package types

import (
	"math"
	"slices"
	"sync"
	"unsafe"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// Ranges and multiranges.
//
// A Range's bounds are values of the subtype, NULL where there is none on that side. A built-in range over integers or dates
// is kept in its canonical form, with the lower bound in and the upper one out, so that equal sets of values are equal ranges. The
// ranges of a Multirange are not empty, in order, and neither overlap nor touch; so equal sets are equal lists.

// Range is a value of a range type. It must not be changed once it is a Datum.
type Range struct {
	Elem               Oid // the subtype
	Empty              bool
	LowerInc, UpperInc bool  // false for an infinite bound
	Lower, Upper       Datum // NULL: infinite; both NULL if Empty
}

// Multirange is a value of a multirange type. It must not be changed once it is a Datum.
type Multirange struct {
	Range  Oid // the range type
	Ranges []*Range
}

// RangeInfo is a row of pg_range.
type RangeInfo struct {
	Range, Multirange, Elem Oid
	Subopc                  Oid // operator class of the subtype
	Canonical, Subdiff      string
}

// RangeTypes are the range types with their subtypes and multiranges.
var RangeTypes = [...]RangeInfo{
	{Int4RangeOid, Int4MultirangeOid, Int4Oid, 1978, "int4range_canonical", "int4range_subdiff"},
	{NumRangeOid, NumMultirangeOid, NumericOid, 3125, "", "numrange_subdiff"},
	{TsRangeOid, TsMultirangeOid, TimestampOid, 3128, "", "tsrange_subdiff"},
	{TstzRangeOid, TstzMultirangeOid, TimestamptzOid, 3127, "", "tstzrange_subdiff"},
	{DateRangeOid, DateMultirangeOid, DateOid, 3122, "daterange_canonical", "daterange_subdiff"},
	{Int8RangeOid, Int8MultirangeOid, Int8Oid, 3124, "int8range_canonical", "int8range_subdiff"},
}

// subtypes are the subtypes of the range types that users created, by OID: map[Oid]Type. It is what a process has learned
// of them from any snapshot of the catalog, and it stays true: a range type keeps its subtype for good, and no OID is given
// twice. Stored values do not rely on it: they name their subtype.
var subtypes sync.Map

// LearnRange makes the subtype of a user's range type known. A catalog does it with every such type that enters it.
func LearnRange(t Oid, subtype Type) { subtypes.Store(t, subtype) }

// RangeSubtype returns the subtype of a range type as it was declared, perhaps a domain; false for other types.
func RangeSubtype(t Oid) (Type, bool) {
	if t.Class() == RangeClass {
		s, ok := subtypes.Load(t)
		if !ok {
			return Type{}, false
		}
		return s.(Type), true
	}
	for i := range RangeTypes {
		if RangeTypes[i].Range == t {
			return T(RangeTypes[i].Elem), true
		}
	}
	return Type{}, false
}

// RangeElem returns the type of the values of a range type's subtype; 0 for other types.
func RangeElem(t Oid) Oid {
	s, _ := RangeSubtype(t)
	return s.Oid
}

func rangeAlign(t Oid) byte {
	if in := Lookup(RangeElem(t)); in != nil && in.Align == 'd' {
		return 'd'
	}
	return 'i'
}

// MultirangeOf returns the multirange type over a range type; 0 for other types.
func MultirangeOf(t Oid) Oid {
	if t.Class() == RangeClass {
		return UserOid(MultirangeClass, t.Serial())
	}
	for i := range RangeTypes {
		if RangeTypes[i].Range == t {
			return RangeTypes[i].Multirange
		}
	}
	return 0
}

// RangeOf returns the range type of a multirange type; 0 for other types.
func RangeOf(t Oid) Oid {
	if t.Class() == MultirangeClass {
		return UserOid(RangeClass, t.Serial())
	}
	for i := range RangeTypes {
		if RangeTypes[i].Multirange == t {
			return RangeTypes[i].Range
		}
	}
	return 0
}

// Bound is one end of a range.
type Bound struct {
	Value      Datum // NULL: infinite
	Inc, Lower bool
}

// Bounds returns both ends of a range that is not empty.
func (r *Range) Bounds() (lower, upper Bound) {
	return Bound{r.Lower, r.LowerInc, true}, Bound{r.Upper, r.UpperInc, false}
}

// CompareBounds orders two ends by where they cut the line of a subtype's values: an exclusive lower bound is behind its
// value, an exclusive upper one before it.
func CompareBounds(elem Oid, a, b Bound) int {
	sign := func(positive bool) int {
		if positive {
			return 1
		}
		return -1
	}
	switch {
	case a.Value.IsNull() && b.Value.IsNull():
		if a.Lower == b.Lower {
			return 0
		}
		return sign(!a.Lower)
	case a.Value.IsNull():
		return sign(!a.Lower)
	case b.Value.IsNull():
		return sign(b.Lower)
	}
	if c := Compare(elem, a.Value, b.Value); c != 0 {
		return c
	}
	switch {
	case a.Inc && b.Inc, !a.Inc && !b.Inc && a.Lower == b.Lower:
		return 0
	case !a.Inc:
		return sign(a.Lower)
	}
	return sign(!b.Lower)
}

func compareRanges(a, b *Range) int {
	if a.Empty || b.Empty {
		return int(NewBool(b.Empty).n - NewBool(a.Empty).n)
	}
	al, au := a.Bounds()
	bl, bu := b.Bounds()
	if c := CompareBounds(a.Elem, al, bl); c != 0 {
		return c
	}
	return CompareBounds(a.Elem, au, bu)
}

func compareMultiranges(a, b *Multirange) int {
	return slices.CompareFunc(a.Ranges, b.Ranges, compareRanges)
}

func hashRange(r *Range) uint64 {
	h := uint64(NewBool(r.Empty).n | NewBool(r.LowerInc).n<<1 | NewBool(r.UpperInc).n<<2)
	return mix64(mix64(h, Hash(r.Elem, r.Lower)), Hash(r.Elem, r.Upper))
}

// EmptyRange returns the empty range over a subtype.
func EmptyRange(elem Oid) *Range { return &Range{Elem: elem, Empty: true} }

// MakeRange returns the range of a type between two bounds, in canonical form where the type has one; 22000 if they are in
// the wrong order.
func MakeRange(t Oid, lower, upper Bound) (*Range, error) {
	r, err := makeRange(RangeElem(t), lower, upper)
	if err != nil || r.Empty || t.IsUser() {
		return r, err
	}
	return r.canonical()
}

func makeRange(elem Oid, lower, upper Bound) (*Range, error) {
	r := &Range{Elem: elem, Lower: lower.Value, Upper: upper.Value,
		LowerInc: lower.Inc && !lower.Value.IsNull(), UpperInc: upper.Inc && !upper.Value.IsNull()}
	if r.Lower.IsNull() || r.Upper.IsNull() {
		return r, nil
	}
	switch c := Compare(elem, r.Lower, r.Upper); {
	case c > 0:
		return nil, pgerr.New(pgerr.DataException, "range lower bound must be less than or equal to range upper bound")
	case c == 0 && !(r.LowerInc && r.UpperInc):
		return EmptyRange(elem), nil
	}
	return r, nil
}

// canonical brings a range over a discrete subtype to the form [a,b).
func (r *Range) canonical() (*Range, error) {
	if r.Elem != Int4Oid && r.Elem != Int8Oid && r.Elem != DateOid {
		return r, nil
	}
	lower, upper := r.Bounds()
	finite := func(b Bound) bool { return !b.Value.IsNull() && (r.Elem != DateOid || DateIsFinite(b.Value.n)) }
	var err error
	if finite(lower) && !lower.Inc {
		lower.Value, err = successor(r.Elem, lower.Value)
		lower.Inc = true
	}
	if err == nil && finite(upper) && upper.Inc {
		upper.Value, err = successor(r.Elem, upper.Value)
		upper.Inc = false
	}
	if err != nil {
		return nil, err
	}
	return makeRange(r.Elem, lower, upper)
}

// successor is the next value of a discrete subtype.
func successor(elem Oid, d Datum) (Datum, error) {
	limit, name := int64(math.MaxInt32), "integer"
	switch elem {
	case Int8Oid:
		limit, name = math.MaxInt64, "bigint"
	case DateOid:
		if !validDate(d.n + 1) {
			return Null, pgerr.New(pgerr.DatetimeFieldOverflow, "date out of range")
		}
		return NewInt(d.n + 1), nil
	}
	if d.n == limit {
		return Null, pgerr.New(pgerr.NumericValueOutOfRange, "%s out of range", name)
	}
	return NewInt(d.n + 1), nil
}

// Contains reports whether a value of the subtype is in the range.
func (r *Range) Contains(d Datum) bool {
	if r.Empty {
		return false
	}
	if !r.Lower.IsNull() {
		if c := Compare(r.Elem, r.Lower, d); c > 0 || c == 0 && !r.LowerInc {
			return false
		}
	}
	if !r.Upper.IsNull() {
		if c := Compare(r.Elem, r.Upper, d); c < 0 || c == 0 && !r.UpperInc {
			return false
		}
	}
	return true
}

// ContainsRange reports whether all of o is in r; the empty range is in every range.
func (r *Range) ContainsRange(o *Range) bool {
	if o.Empty {
		return true
	}
	if r.Empty {
		return false
	}
	rl, ru := r.Bounds()
	ol, ou := o.Bounds()
	return CompareBounds(r.Elem, rl, ol) <= 0 && CompareBounds(r.Elem, ru, ou) >= 0
}

// Overlaps reports whether two ranges have a value in common.
func (r *Range) Overlaps(o *Range) bool {
	if r.Empty || o.Empty {
		return false
	}
	rl, ru := r.Bounds()
	ol, ou := o.Bounds()
	return CompareBounds(r.Elem, rl, ou) <= 0 && CompareBounds(r.Elem, ol, ru) <= 0
}

// Before reports whether r is left of o, with no value in common.
func (r *Range) Before(o *Range) bool {
	if r.Empty || o.Empty {
		return false
	}
	_, ru := r.Bounds()
	ol, _ := o.Bounds()
	return CompareBounds(r.Elem, ru, ol) < 0
}

// Touches reports whether o begins where r ends, with nothing between and nothing in common.
func (r *Range) Touches(o *Range) bool {
	if r.Empty || o.Empty || r.Upper.IsNull() || o.Lower.IsNull() {
		return false
	}
	return r.UpperInc != o.LowerInc && Compare(r.Elem, r.Upper, o.Lower) == 0
}

// Adjacent reports whether two ranges touch on either side.
func (r *Range) Adjacent(o *Range) bool { return r.Touches(o) || o.Touches(r) }

// Intersect returns what two ranges have in common.
func (r *Range) Intersect(o *Range) *Range {
	if !r.Overlaps(o) {
		return EmptyRange(r.Elem)
	}
	rl, ru := r.Bounds()
	ol, ou := o.Bounds()
	if CompareBounds(r.Elem, rl, ol) < 0 {
		rl = ol
	}
	if CompareBounds(r.Elem, ru, ou) > 0 {
		ru = ou
	}
	return span(r.Elem, rl, ru)
}

func span(elem Oid, lower, upper Bound) *Range {
	return &Range{Elem: elem, Lower: lower.Value, LowerInc: lower.Inc, Upper: upper.Value, UpperInc: upper.Inc}
}

// Span returns the least range that contains both.
func (r *Range) Span(o *Range) *Range {
	if r.Empty {
		return o
	}
	if o.Empty {
		return r
	}
	rl, ru := r.Bounds()
	ol, ou := o.Bounds()
	if CompareBounds(r.Elem, rl, ol) > 0 {
		rl = ol
	}
	if CompareBounds(r.Elem, ru, ou) < 0 {
		ru = ou
	}
	return span(r.Elem, rl, ru)
}

// Minus appends what is left of r without o: no range, one, or two.
func (r *Range) Minus(dst []*Range, o *Range) []*Range {
	if r.Empty || !r.Overlaps(o) {
		if !r.Empty {
			dst = append(dst, r)
		}
		return dst
	}
	rl, ru := r.Bounds()
	ol, ou := o.Bounds()
	if CompareBounds(r.Elem, rl, ol) < 0 {
		dst = append(dst, span(r.Elem, rl, Bound{ol.Value, !ol.Inc, false}))
	}
	if CompareBounds(r.Elem, ru, ou) > 0 {
		dst = append(dst, span(r.Elem, Bound{ou.Value, !ou.Inc, true}, ru))
	}
	return dst
}

// MakeMultirange returns the union of ranges, which it may reorder.
func MakeMultirange(rangeType Oid, ranges []*Range) *Multirange {
	m := &Multirange{Range: rangeType}
	slices.SortFunc(ranges, compareRanges)
	for _, r := range ranges {
		if r.Empty {
			continue
		}
		if n := len(m.Ranges); n > 0 && (m.Ranges[n-1].Overlaps(r) || m.Ranges[n-1].Touches(r)) {
			m.Ranges[n-1] = m.Ranges[n-1].Span(r)
			continue
		}
		m.Ranges = append(m.Ranges, r)
	}
	return m
}

// OverlapsAny reports whether any ranges of two ordered lists overlap.
func OverlapsAny(a, b []*Range) bool {
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].Overlaps(b[0]):
			return true
		case a[0].Before(b[0]):
			a = a[1:]
		default:
			b = b[1:]
		}
	}
	return false
}

// ContainsAll reports whether every range of the ordered list b is in one of the ordered list a.
func ContainsAll(a, b []*Range) bool {
	for _, r := range b {
		for len(a) > 0 && a[0].Before(r) {
			a = a[1:]
		}
		if len(a) == 0 || !a[0].ContainsRange(r) {
			return false
		}
	}
	return true
}

// IntersectAll returns what two ordered lists have in common, in order.
func IntersectAll(a, b []*Range) (out []*Range) {
	for len(a) > 0 && len(b) > 0 {
		if x := a[0].Intersect(b[0]); !x.Empty {
			out = append(out, x)
		}
		_, au := a[0].Bounds()
		if _, bu := b[0].Bounds(); CompareBounds(a[0].Elem, au, bu) < 0 {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return out
}

// MinusAll returns what is left of an ordered list without another, in order.
func MinusAll(a, b []*Range) (out []*Range) {
	for _, r := range a {
		for len(b) > 0 && b[0].Before(r) {
			b = b[1:]
		}
		rest := []*Range{r}
		for _, o := range b {
			last := rest[len(rest)-1]
			if last.Before(o) {
				break
			}
			if rest = last.Minus(rest[:len(rest)-1], o); len(rest) == 0 {
				break
			}
		}
		out = append(out, rest...)
	}
	return out
}

// NewRange returns a range, which must not change any more.
func NewRange(r *Range) Datum { return Datum{kind: KRange, p: unsafe.Pointer(r)} }

// NewMultirange returns a multirange, which must not change any more.
func NewMultirange(m *Multirange) Datum { return Datum{kind: KMultirange, p: unsafe.Pointer(m)} }

// Range returns the value of a range; nil for NULL. The caller must not change it.
func (d Datum) Range() *Range {
	if d.kind != KRange {
		return nil
	}
	return (*Range)(d.p)
}

// Multirange returns the value of a multirange; nil for NULL. The caller must not change it.
func (d Datum) Multirange() *Multirange {
	if d.kind != KMultirange {
		return nil
	}
	return (*Multirange)(d.p)
}

// Ranges returns the ranges of a multirange, or the range, if it is not empty. The caller must not change them.
func (d Datum) Ranges() []*Range {
	if m := d.Multirange(); m != nil {
		return m.Ranges
	}
	if r := d.Range(); r != nil && !r.Empty {
		return []*Range{r}
	}
	return nil
}
