package types

import (
	"math"
	"unsafe"

	"github.com/cockroachdb/apd/v3"
)

// Datum is one SQL value without its type; the zero Datum is NULL. It is
// immutable and may be copied freely.
//
//	kind      n               aux     p
//	KInt      the value
//	KFloat    IEEE 754 bits
//	KString   length                  first byte
//	KNumeric  coefficient     scale   nil: value = n / 10^aux
//	KNumeric                          *apd.Decimal: all other numerics
//	others                            *Interval, *Array, *Record, *Range, *Multirange
type Datum struct {
	kind Kind
	aux  int32
	n    int64
	p    unsafe.Pointer
}

// Interval is PostgreSQL's interval: three parts that do not carry over into
// each other.
type Interval struct {
	Months int32
	Days   int32
	Micros int64
}

// Array is a value of an array type. An empty array has no dimensions.
type Array struct {
	Elem  Oid     // the element type
	Dims  []int32 // length of each dimension, outermost first; the product is len(Elems)
	Lbs   []int32 // lower bound of each dimension; nil means all 1
	Elems []Datum // row-major
}

// Record is a value of an anonymous composite type. Unlike other values it
// carries its field types, for nothing else knows them when it is printed.
type Record struct {
	Oid    Oid // the composite type that it is a value of; 0 for record
	Types  []Type
	Names  []string // nil, or one name a field
	Fields []Datum
}

// Null is SQL NULL, the zero Datum.
var Null Datum

// NewBool returns a bool.
func NewBool(b bool) Datum {
	if b {
		return Datum{kind: KInt, n: 1}
	}
	return Datum{kind: KInt}
}

// NewInt returns a value of any KInt type.
func NewInt(i int64) Datum { return Datum{kind: KInt, n: i} }

// NewFloat returns a float4 or float8; a float4 must already be rounded to single precision.
func NewFloat(f float64) Datum { return Datum{kind: KFloat, n: int64(math.Float64bits(f))} }

// NewString returns a value of any KString type. It refers to the bytes of s.
func NewString(s string) Datum {
	return Datum{kind: KString, n: int64(len(s)), p: unsafe.Pointer(unsafe.StringData(s))}
}

// NewBytes is NewString for bytes that will never change again; it does not copy them.
func NewBytes(b []byte) Datum {
	return Datum{kind: KString, n: int64(len(b)), p: unsafe.Pointer(unsafe.SliceData(b))}
}

// NewInterval returns an interval.
func NewInterval(iv Interval) Datum { return Datum{kind: KInterval, p: unsafe.Pointer(&iv)} }

// NewArray returns an array, which must not change any more.
func NewArray(a *Array) Datum { return Datum{kind: KArray, p: unsafe.Pointer(a)} }

// NewArray1 returns a one-dimensional array with lower bound 1 (no dimensions if it has no elements).
func NewArray1(elem Oid, elems []Datum) Datum {
	a := &Array{Elem: elem, Elems: elems}
	if len(elems) > 0 {
		a.Dims = []int32{int32(len(elems))}
	}
	return NewArray(a)
}

// NewRecord returns a record, which must not change any more.
func NewRecord(r *Record) Datum { return Datum{kind: KRecord, p: unsafe.Pointer(r)} }

// IsNull reports whether d is SQL NULL.
func (d Datum) IsNull() bool { return d.kind == KNull }

// Kind returns the physical representation, KNull for NULL.
func (d Datum) Kind() Kind { return d.kind }

// Bool returns the value of a bool; false for NULL.
func (d Datum) Bool() bool { return d.n != 0 }

// Int returns the value of a KInt Datum; 0 for NULL.
func (d Datum) Int() int64 { return d.n }

// Float returns the value of a KFloat Datum; 0 for NULL.
func (d Datum) Float() float64 { return math.Float64frombits(uint64(d.n)) }

// Str returns the value of a KString Datum without copying; "" for NULL.
func (d Datum) Str() string {
	if d.kind != KString {
		return ""
	}
	return unsafe.String((*byte)(d.p), int(d.n))
}

// Bytes returns the value of a KString Datum without copying. The caller must not change it.
func (d Datum) Bytes() []byte {
	if d.kind != KString {
		return nil
	}
	return unsafe.Slice((*byte)(d.p), int(d.n))
}

// Interval returns the value of an interval.
func (d Datum) Interval() Interval {
	if d.kind != KInterval {
		return Interval{}
	}
	return *(*Interval)(d.p)
}

// Array returns the value of an array; nil for NULL. The caller must not change it.
func (d Datum) Array() *Array {
	if d.kind != KArray {
		return nil
	}
	return (*Array)(d.p)
}

// Record returns the value of a record; nil for NULL. The caller must not change it.
func (d Datum) Record() *Record {
	if d.kind != KRecord {
		return nil
	}
	return (*Record)(d.p)
}

// NewSmallNumeric returns coef / 10^scale, displayed with scale digits after
// the point (0 <= scale <= 16383).
func NewSmallNumeric(coef int64, scale int32) Datum {
	return Datum{kind: KNumeric, n: coef, aux: scale}
}

// NewNumeric returns a numeric. The display scale is -x.Exponent; a positive
// exponent is multiplied out. x must not change any more.
func NewNumeric(x *apd.Decimal) Datum {
	if x.Form != apd.Finite {
		if x.Form == apd.NaNSignaling {
			x = &apd.Decimal{Form: apd.NaN}
		}
		return Datum{kind: KNumeric, p: unsafe.Pointer(x)}
	}
	if x.Exponent > 0 {
		y := &apd.Decimal{Negative: x.Negative}
		y.Coeff.Mul(&x.Coeff, pow10(int(x.Exponent)))
		x = y
	}
	if x.Coeff.IsInt64() {
		n := x.Coeff.Int64()
		if x.Negative {
			n = -n
		}
		return NewSmallNumeric(n, -x.Exponent)
	}
	return Datum{kind: KNumeric, p: unsafe.Pointer(x)}
}

// SmallNumeric returns coefficient and display scale of a finite numeric whose
// coefficient fits an int64, which is how such numerics are always held.
func (d Datum) SmallNumeric() (coef int64, scale int32, ok bool) {
	return d.n, d.aux, d.kind == KNumeric && d.p == nil
}

// Numeric returns the value of a numeric, which the caller must not change;
// nil for NULL. It allocates when the value is held in its small form.
func (d Datum) Numeric() *apd.Decimal {
	if d.kind != KNumeric {
		return nil
	}
	if d.p != nil {
		return (*apd.Decimal)(d.p)
	}
	return apd.New(d.n, -d.aux)
}
