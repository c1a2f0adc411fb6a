package keyenc

import (
	"bytes"
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

const (
	tagValue = 0x01
	tagNull  = 0xff

	escape     = 0x00
	escapedNul = 0xff // after escape: a zero byte of the string
	terminator = 0x01 // after escape: the end of the string

	elemFollows = 0x02
	elemsEnd    = 0x01

	signBit = 1 << 63
)

func errCorruptKey() error {
	return pgerr.New(pgerr.DataCorrupted, "malformed key")
}

func isUnsigned64(oid types.Oid) bool { return oid == types.PgLsnOid || oid == types.Xid8Oid }

// AppendKey appends a column of a key. Byte order of ascending columns is
// types.Compare's, with NULL last; desc reverses both.
func AppendKey(buf []byte, oid types.Oid, d types.Datum, desc bool) []byte {
	start := len(buf)
	if d.IsNull() {
		buf = append(buf, tagNull)
	} else {
		buf = appendValue(append(buf, tagValue), oid, d)
	}
	if desc {
		for i := start; i < len(buf); i++ {
			buf[i] = ^buf[i]
		}
	}
	return buf
}

// AppendKeyInt is AppendKey of an ascending value of a signed KInt type.
func AppendKeyInt(buf []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(append(buf, tagValue), uint64(n)^signBit)
}

// AppendKeyString is AppendKey of an ascending value of a KString type that is
// types.ByteOrdered.
func AppendKeyString(buf []byte, s string) []byte { return appendString(append(buf, tagValue), s) }

func appendValue(buf []byte, oid types.Oid, d types.Datum) []byte {
	switch d.Kind() {
	case types.KInt:
		n := uint64(d.Int())
		if !isUnsigned64(oid) {
			n ^= signBit
		}
		return binary.BigEndian.AppendUint64(buf, n)
	case types.KString:
		switch oid {
		case types.BpcharOid:
			return appendString(buf, types.TrimBlanks(d.Str()))
		case types.JsonbOid:
			return appendJSONB(buf, d.Str())
		case types.TsvectorOid:
			return appendString(buf, string(types.TSVectorKey(d.Str())))
		case types.TsqueryOid:
			return appendString(buf, string(types.TSQueryKey(d.Str())))
		case types.CitextOid:
			return appendString(buf, types.FoldCitext(d.Str()))
		}
		return appendString(buf, d.Str())
	case types.KFloat:
		return binary.BigEndian.AppendUint64(buf, floatBits(d.Float()))
	case types.KNumeric:
		return appendNumeric(buf, d)
	case types.KInterval:
		days, us := types.IntervalSpan(d.Interval())
		buf = binary.BigEndian.AppendUint64(buf, uint64(days)^signBit)
		return binary.BigEndian.AppendUint64(buf, uint64(us)^signBit)
	case types.KArray:
		return appendArray(buf, d.Array())
	case types.KRange:
		return appendRange(buf, oid, d.Range())
	case types.KMultirange:
		return appendMultirange(buf, d.Multirange())
	}
	r := d.Record()
	for i, f := range r.Fields {
		buf = AppendKey(append(buf, elemFollows), r.Types[i].Oid, f, false)
	}
	return append(buf, elemsEnd)
}

func appendString(buf []byte, s string) []byte {
	plain := 0
	for i := range len(s) {
		if s[i] == 0 {
			buf = append(append(buf, s[plain:i]...), escape, escapedNul)
			plain = i + 1
		}
	}
	return append(append(buf, s[plain:]...), escape, terminator)
}

// floatBits maps floats to integers in the same order: one zero, one NaN above all.
func floatBits(f float64) uint64 {
	switch {
	case f != f:
		return 0x7ff8000000000000 | signBit
	case f == 0:
		return signBit
	}
	b := math.Float64bits(f)
	if b&signBit != 0 {
		return ^b
	}
	return b | signBit
}

func floatFromBits(b uint64) float64 {
	if b&signBit != 0 {
		return math.Float64frombits(b &^ signBit)
	}
	return math.Float64frombits(^b)
}

func appendArray(buf []byte, a *types.Array) []byte {
	for _, e := range a.Elems {
		buf = AppendKey(append(buf, elemFollows), a.Elem, e, false)
	}
	buf = append(buf, elemsEnd, byte(len(a.Dims)))
	for _, n := range a.Dims {
		buf = binary.BigEndian.AppendUint32(buf, uint32(n))
	}
	for i := range a.Dims {
		buf = binary.BigEndian.AppendUint32(buf, uint32(a.LowerBound(i))^1<<31)
	}
	return buf
}

// reader takes a key apart; mask undoes the flipping of descending columns.
type reader struct {
	b    []byte
	mask byte
	bad  bool
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	c := r.b[0] ^ r.mask
	r.b = r.b[1:]
	return c
}

func (r *reader) uint(bytes int) uint64 {
	if len(r.b) < bytes {
		r.bad, r.b = true, nil
		return 0
	}
	var n uint64
	for _, c := range r.b[:bytes] {
		n = n<<8 | uint64(c^r.mask)
	}
	r.b = r.b[bytes:]
	return n
}

// string reads up to the terminator. Without escapes in an ascending column the
// result refers to the key.
func (r *reader) string() string {
	var out []byte
	copied := r.mask != 0
	for i := 0; i+1 < len(r.b); i++ {
		c := r.b[i] ^ r.mask
		if c != escape {
			if copied {
				out = append(out, c)
			}
			continue
		}
		switch r.b[i+1] ^ r.mask {
		case terminator:
			if !copied {
				out = r.b[:i]
			}
			r.b = r.b[i+2:]
			return unsafe.String(unsafe.SliceData(out), len(out))
		case escapedNul:
			if !copied {
				out, copied = append(out, r.b[:i]...), true
			}
			out = append(out, 0)
			i++
		default:
			r.bad = true
			return ""
		}
	}
	r.bad, r.b = true, nil
	return ""
}

// DecodeKey reads a column that AppendKey wrote and returns what follows it. The
// value equals the original and, where KeyLossless(oid), is identical to it; it
// may refer to b, which must not change while it lives. A malformed key gives
// XX001, a record 0A000.
func DecodeKey(oid types.Oid, b []byte, desc bool) (d types.Datum, rest []byte, err error) {
	r := reader{b: b}
	if desc {
		r.mask = 0xff
	}
	d, err = r.column(oid)
	if err == nil && r.bad {
		err = errCorruptKey()
	}
	if err != nil {
		return types.Null, nil, err
	}
	return d, r.b, nil
}

// SkipKey returns what follows a column.
func SkipKey(oid types.Oid, b []byte, desc bool) (rest []byte, err error) {
	if len(b) >= 1 && (b[0] == tagValue && !desc || b[0] == tagValue^0xff && desc) {
		switch kind := oid.Kind(); {
		case kind == types.KInt && len(b) >= 9:
			return b[9:], nil
		case kind == types.KString && !desc && oid != types.JsonbOid:
			if end := plainEnd(b[1:]); end >= 0 {
				return b[1+end+2:], nil
			}
		}
	}
	_, rest, err = DecodeKey(oid, b, desc)
	return rest, err
}

// plainEnd is the length of an ascending string that has no zero bytes; -1 for others.
func plainEnd(b []byte) int {
	if i := bytes.IndexByte(b, escape); i >= 0 && i+1 < len(b) && b[i+1] == terminator {
		return i
	}
	return -1
}

// DecodeKeyTo is DecodeKey that appends to a column of the type.
func DecodeKeyTo(v *types.Vec, oid types.Oid, b []byte, desc bool) (rest []byte, err error) {
	if len(b) >= 1 && b[0] == tagValue && !desc {
		switch kind := oid.Kind(); {
		case kind == types.KInt && len(b) >= 9 && !isUnsigned64(oid):
			v.I = append(v.I, int64(binary.BigEndian.Uint64(b[1:])^signBit))
			return b[9:], nil
		case kind == types.KString && oid != types.JsonbOid:
			if end := plainEnd(b[1:]); end >= 0 {
				v.S = append(v.S, unsafe.String(unsafe.SliceData(b[1:]), end))
				return b[1+end+2:], nil
			}
		}
	}
	d, rest, err := DecodeKey(oid, b, desc)
	if err == nil {
		v.Append(d)
	}
	return rest, err
}

func (r *reader) column(oid types.Oid) (types.Datum, error) {
	switch r.byte() {
	case tagNull:
		return types.Null, nil
	case tagValue:
		return r.value(oid)
	}
	return types.Null, errCorruptKey()
}

func (r *reader) value(oid types.Oid) (types.Datum, error) {
	switch oid.Kind() {
	case types.KInt:
		n := r.uint(8)
		if !isUnsigned64(oid) {
			n ^= signBit
		}
		return types.NewInt(int64(n)), nil
	case types.KFloat:
		return types.NewFloat(floatFromBits(r.uint(8))), nil
	case types.KNumeric:
		return r.numeric()
	case types.KInterval:
		days, us := int64(r.uint(8)^signBit), int64(r.uint(8)^signBit)
		return r.interval(days, us), nil
	case types.KArray:
		return r.array(oid)
	case types.KRange:
		x, err := r.rangeValue(oid)
		if err != nil {
			return types.Null, err
		}
		return types.NewRange(x), nil
	case types.KMultirange:
		return r.multirange(oid)
	case types.KRecord:
		return types.Null, pgerr.NotSupported("decoding a record from a key")
	}
	switch oid {
	case types.JsonbOid:
		return r.jsonb()
	case types.TsvectorOid:
		return fromOrderKey(types.TSVectorFromKey([]byte(r.string())))
	case types.TsqueryOid:
		return fromOrderKey(types.TSQueryFromKey([]byte(r.string())))
	}
	return types.NewString(r.string()), nil
}

func fromOrderKey(d types.Datum, ok bool) (types.Datum, error) {
	if !ok {
		return types.Null, errCorruptKey()
	}
	return d, nil
}

// interval makes an interval of a span whose days may exceed an int32.
func (r *reader) interval(days, us int64) types.Datum {
	var months int64
	if days != int64(int32(days)) {
		months, days = days/30, days%30
	}
	if months != int64(int32(months)) {
		over := months - int64(int32(max(min(months, math.MaxInt32), math.MinInt32)))
		months -= over
		days += over * 30
	}
	if days != int64(int32(days)) || us < 0 || us >= types.MicrosPerDay {
		r.bad = true
	}
	return types.NewInterval(types.Interval{Months: int32(months), Days: int32(days), Micros: us})
}

func (r *reader) array(oid types.Oid) (types.Datum, error) {
	elem := types.ElemOf(oid)
	a := &types.Array{Elem: elem}
	for {
		c := r.byte()
		if c == elemsEnd {
			break
		}
		if c != elemFollows || r.bad {
			return types.Null, errCorruptKey()
		}
		d, err := r.column(elem)
		if err != nil {
			return types.Null, err
		}
		a.Elems = append(a.Elems, d)
	}
	dims := int(r.byte())
	if dims > 6 || len(r.b) < dims*8 {
		return types.Null, errCorruptKey()
	}
	product, plain := int64(1), true
	for range dims {
		n := int32(r.uint(4))
		product *= int64(n)
		if n < 0 || product > int64(len(a.Elems)) {
			return types.Null, errCorruptKey()
		}
		a.Dims = append(a.Dims, n)
	}
	if dims == 0 {
		product = 0
	}
	for range dims {
		l := int32(uint32(r.uint(4)) ^ 1<<31)
		plain = plain && l == 1
		a.Lbs = append(a.Lbs, l)
	}
	if product != int64(len(a.Elems)) {
		return types.Null, errCorruptKey()
	}
	if plain {
		a.Lbs = nil
	}
	return types.NewArray(a), nil
}

// KeyLossless reports whether DecodeKey returns exactly the value that was
// encoded. It is false where equal values can look different: floats (-0),
// numeric (scale), bpchar (blanks), interval, jsonb, tsquery, and arrays and ranges of these, and for records and users' ranges.
func KeyLossless(oid types.Oid) bool {
	switch oid.Kind() {
	case types.KInt:
		return true
	case types.KString:
		return types.ByteEqual(oid)
	case types.KArray:
		return KeyLossless(types.ElemOf(oid))
	case types.KRange:
		return !oid.IsUser() && KeyLossless(types.RangeElem(oid))
	case types.KMultirange:
		return KeyLossless(types.RangeOf(oid))
	}
	return false
}

// PrefixEnd returns the smallest key that is greater than all keys with the
// prefix, in new memory; nil if there is none (no prefix byte is below 0xff),
// which as an upper bound means no bound.
func PrefixEnd(key []byte) []byte {
	for i := len(key) - 1; i >= 0; i-- {
		if key[i] != 0xff {
			end := make([]byte, i+1)
			copy(end, key)
			end[i]++
			return end
		}
	}
	return nil
}
