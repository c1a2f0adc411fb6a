package types

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
	"strings"
	"unsafe"

	"github.com/cockroachdb/apd/v3"
)

// Compare orders two values of a type as PostgreSQL's default btree operator
// class does: -1, 0 or 1. NaN is the biggest float and numeric, text compares as
// bytes, bpchar ignores blanks at the end. NULLs at the top are the caller's
// business; inside arrays and records they come last.
func Compare(oid Oid, a, b Datum) int {
	switch a.kind {
	case KInt:
		if oid == PgLsnOid || oid == Xid8Oid {
			return cmpUint64(uint64(a.n), uint64(b.n))
		}
		return cmpInt64(a.n, b.n)
	case KFloat:
		return CompareFloat(a.Float(), b.Float())
	case KString:
		return CompareString(oid, a.Str(), b.Str())
	case KNumeric:
		return NumericCompare(a, b)
	case KInterval:
		return IntervalCompare(a.Interval(), b.Interval())
	case KArray:
		return compareArrays(a.Array(), b.Array())
	case KRange:
		return compareRanges(a.Range(), b.Range())
	case KMultirange:
		return compareMultiranges(a.Multirange(), b.Multirange())
	case KRecord:
		return compareRecords(a.Record(), b.Record())
	}
	return 0
}

func cmpUint64(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// CompareFloat orders floats: NaN equals itself and is above +Infinity, -0 equals 0.
func CompareFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	case a == b:
		return 0
	}
	return int(NewBool(a != a).n - NewBool(b != b).n)
}

// CompareString orders values of a KString type.
func CompareString(oid Oid, a, b string) int {
	switch oid {
	case BpcharOid:
		return strings.Compare(TrimBlanks(a), TrimBlanks(b))
	case JsonbOid:
		return compareJSONB(a, b)
	case TsvectorOid:
		return bytes.Compare(TSVectorKey(a), TSVectorKey(b))
	case TsqueryOid:
		return bytes.Compare(TSQueryKey(a), TSQueryKey(b))
	case CitextOid:
		return strings.Compare(FoldCitext(a), FoldCitext(b))
	}
	return strings.Compare(a, b)
}

// FoldCitext is the text by which citext is compared: lower(). Stored keys have it.
func FoldCitext(s string) string { return strings.ToLower(s) }

// ByteEqual says that values of a KString type are equal exactly when their bytes are.
func ByteEqual(oid Oid) bool {
	return oid != BpcharOid && oid != JsonbOid && oid != TsqueryOid && oid != CitextOid
}

// ByteOrdered says that values of a KString type sort as their bytes do.
func ByteOrdered(oid Oid) bool { return ByteEqual(oid) && oid != TsvectorOid }

// TrimBlanks cuts the blanks at the end, which do not count in bpchar.
func TrimBlanks(s string) string {
	n := len(s)
	for n > 0 && s[n-1] == ' ' {
		n--
	}
	return s[:n]
}

func compareNullable(oid Oid, a, b Datum) int {
	if a.IsNull() || b.IsNull() {
		return int(NewBool(a.IsNull()).n - NewBool(b.IsNull()).n)
	}
	return Compare(oid, a, b)
}

func compareArrays(a, b *Array) int {
	for i := range min(len(a.Elems), len(b.Elems)) {
		if c := compareNullable(a.Elem, a.Elems[i], b.Elems[i]); c != 0 {
			return c
		}
	}
	if c := cmpInt64(int64(len(a.Elems)), int64(len(b.Elems))); c != 0 {
		return c
	}
	if c := cmpInt64(int64(len(a.Dims)), int64(len(b.Dims))); c != 0 {
		return c
	}
	for i := range a.Dims {
		if c := cmpInt64(int64(a.Dims[i]), int64(b.Dims[i])); c != 0 {
			return c
		}
	}
	for i := range a.Dims {
		if c := cmpInt64(int64(a.LowerBound(i)), int64(b.LowerBound(i))); c != 0 {
			return c
		}
	}
	return 0
}

// LowerBound returns the lower bound of dimension i.
func (a *Array) LowerBound(i int) int32 {
	if a.Lbs == nil {
		return 1
	}
	return a.Lbs[i]
}

func compareRecords(a, b *Record) int {
	for i := range min(len(a.Fields), len(b.Fields)) {
		if c := compareNullable(a.Types[i].Oid, a.Fields[i], b.Fields[i]); c != 0 {
			return c
		}
	}
	if a.Oid == 0 || a.Oid != b.Oid {
		return cmpInt64(int64(len(a.Fields)), int64(len(b.Fields)))
	}
	// Attributes added since one of the two was made are null in it.
	for i := len(b.Fields); i < len(a.Fields); i++ {
		if !a.Fields[i].IsNull() {
			return -1
		}
	}
	for i := len(a.Fields); i < len(b.Fields); i++ {
		if !b.Fields[i].IsNull() {
			return 1
		}
	}
	return 0
}

// Equal reports whether Compare is 0.
func Equal(oid Oid, a, b Datum) bool {
	if a.kind == KInt && b.kind == KInt {
		return a.n == b.n
	}
	if a.kind == KString && ByteEqual(oid) {
		return a.Str() == b.Str()
	}
	return Compare(oid, a, b) == 0
}

const (
	hashK0 = 0x9e3779b97f4a7c15
	hashK1 = 0xe7037ed1a0b428db
)

func mix64(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^hashK0, b^hashK1)
	return hi ^ lo
}

// HashInt hashes a KInt value.
func HashInt(i int64) uint64 { return mix64(uint64(i), hashK0) }

// HashString hashes bytes.
func HashString(s string) uint64 {
	h := uint64(len(s)) * hashK1
	b := unsafe.Slice(unsafe.StringData(s), len(s))
	for len(b) >= 8 {
		h = mix64(h, binary.LittleEndian.Uint64(b))
		b = b[8:]
	}
	var tail uint64
	for i, c := range b {
		tail |= uint64(c) << (8 * i)
	}
	return mix64(h, tail)
}

// HashFloat hashes a float so that -0 and 0, and all NaNs, hash equal.
func HashFloat(f float64) uint64 {
	if f == 0 {
		f = 0 // drops the sign
		return HashInt(0)
	}
	if f != f {
		return HashInt(0x7ff8000000000001)
	}
	return HashInt(int64(math.Float64bits(f)))
}

// Hash returns a hash of a value that is the same for values that Compare equal,
// whichever of int2, int4 and int8 they are and whatever scale a numeric has. It
// may differ between versions of this program: nothing stored depends on it.
// NULL hashes to a constant.
func Hash(oid Oid, d Datum) uint64 {
	switch d.kind {
	case KInt:
		return HashInt(d.n)
	case KFloat:
		return HashFloat(d.Float())
	case KString:
		switch oid {
		case BpcharOid:
			return HashString(TrimBlanks(d.Str()))
		case JsonbOid:
			return HashString(canonicalJSONB(d.Str()))
		case TsqueryOid:
			return HashString(string(TSQueryKey(d.Str())))
		case CitextOid:
			return HashString(FoldCitext(d.Str()))
		}
		return HashString(d.Str())
	case KNumeric:
		return hashNumeric(d)
	case KInterval:
		days, us := IntervalSpan(d.Interval())
		return mix64(HashInt(days), uint64(us))
	case KArray:
		a := d.Array()
		h := uint64(len(a.Elems))
		for _, e := range a.Elems {
			h = mix64(h, Hash(a.Elem, e))
		}
		return h
	case KRange:
		return hashRange(d.Range())
	case KMultirange:
		h := uint64(0)
		for _, r := range d.Ranges() {
			h = mix64(h, hashRange(r))
		}
		return h
	case KRecord:
		r := d.Record()
		n := len(r.Fields)
		for n > 0 && r.Fields[n-1].IsNull() { // as where the attribute was not there yet
			n--
		}
		h := uint64(n)
		for i, f := range r.Fields[:n] {
			h = mix64(h, Hash(r.Types[i].Oid, f))
		}
		return h
	}
	return hashK1
}

// NumericTrimScale drops the zeros at the end of the fraction: SQL's trim_scale.
func NumericTrimScale(d Datum) Datum {
	if d.p == nil {
		n, scale := d.n, d.aux
		if n == 0 {
			return NewSmallNumeric(0, 0)
		}
		for scale > 0 && n%10 == 0 {
			n /= 10
			scale--
		}
		return NewSmallNumeric(n, scale)
	}
	if formOf(d) != numFinite {
		return d
	}
	src := (*apd.Decimal)(d.p)
	x := &apd.Decimal{Negative: src.Negative, Exponent: src.Exponent}
	x.Coeff.Set(&src.Coeff)
	var q, r apd.BigInt
	for x.Exponent < 0 {
		q.QuoRem(&x.Coeff, pow10(1), &r)
		if r.Sign() != 0 {
			break
		}
		x.Coeff.Set(&q)
		x.Exponent++
	}
	return NewNumeric(x)
}

func hashNumeric(d Datum) uint64 {
	d = NumericTrimScale(d)
	if d.p == nil {
		return mix64(HashInt(d.n), uint64(d.aux))
	}
	var tmp [64]byte
	return HashString(string(AppendNumeric(tmp[:0], d)))
}
