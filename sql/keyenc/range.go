package keyenc

import (
	"encoding/binary"
	"math"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// A value of a user's range type, stored or in a key, begins with its subtype, so that it can be read without the type's
// definition.
//
// A range in a key: the empty one first; then by the lower bound, an infinite one first and, of equal ones, the inclusive
// one; then by the upper bound, of equal ones the exclusive one first and an infinite one last. A multirange is its ranges,
// each behind elemFollows.

const (
	keyEmptyRange = 0x01
	keyRange      = 0x02

	keyBoundLow  = 0x01 // an infinite lower bound, or a finite upper one
	keyBoundHigh = 0x02 // a finite lower bound, or an infinite upper one

	keyBoundBefore = 0x01 // the bound is just before its value: inclusive lower, exclusive upper
	keyBoundAfter  = 0x02
)

func appendRange(buf []byte, oid types.Oid, r *types.Range) []byte {
	if oid.IsUser() {
		buf = binary.BigEndian.AppendUint32(buf, uint32(r.Elem))
	}
	if r.Empty {
		return append(buf, keyEmptyRange)
	}
	buf = append(buf, keyRange)
	if r.Lower.IsNull() {
		buf = append(buf, keyBoundLow)
	} else {
		buf = appendBoundSide(appendValue(append(buf, keyBoundHigh), r.Elem, r.Lower), r.LowerInc)
	}
	if r.Upper.IsNull() {
		return append(buf, keyBoundHigh)
	}
	return appendBoundSide(appendValue(append(buf, keyBoundLow), r.Elem, r.Upper), !r.UpperInc)
}

func appendBoundSide(buf []byte, before bool) []byte {
	if before {
		return append(buf, keyBoundBefore)
	}
	return append(buf, keyBoundAfter)
}

func appendMultirange(buf []byte, m *types.Multirange) []byte {
	for _, r := range m.Ranges {
		buf = appendRange(append(buf, elemFollows), m.Range, r)
	}
	return append(buf, elemsEnd)
}

func (r *reader) rangeValue(oid types.Oid) (*types.Range, error) {
	elem := types.RangeElem(oid)
	if oid.IsUser() {
		elem = types.Oid(r.uint(4))
	}
	out := types.EmptyRange(elem)
	switch r.byte() {
	case keyEmptyRange:
		return out, nil
	case keyRange:
	default:
		return nil, errCorruptKey()
	}
	out.Empty = false
	var err error
	if out.Lower, out.LowerInc, err = r.bound(out.Elem, keyBoundHigh); err != nil {
		return nil, err
	}
	if out.Upper, out.UpperInc, err = r.bound(out.Elem, keyBoundLow); err != nil {
		return nil, err
	}
	out.UpperInc = !out.Upper.IsNull() && !out.UpperInc
	return out, nil
}

// bound reads a bound; finite is the tag of one that has a value.
func (r *reader) bound(elem types.Oid, finite byte) (d types.Datum, before bool, err error) {
	switch c := r.byte(); c {
	case finite:
	case keyBoundLow, keyBoundHigh:
		return types.Null, false, nil
	default:
		return types.Null, false, errCorruptKey()
	}
	if d, err = r.value(elem); err != nil {
		return types.Null, false, err
	}
	side := r.byte()
	if side != keyBoundBefore && side != keyBoundAfter {
		return types.Null, false, errCorruptKey()
	}
	return d, side == keyBoundBefore, nil
}

func (r *reader) multirange(oid types.Oid) (types.Datum, error) {
	m := &types.Multirange{Range: types.RangeOf(oid)}
	for {
		switch r.byte() {
		case elemsEnd:
			return types.NewMultirange(m), nil
		case elemFollows:
		default:
			return types.Null, errCorruptKey()
		}
		x, err := r.rangeValue(m.Range)
		if err != nil {
			return types.Null, err
		}
		m.Ranges = append(m.Ranges, x)
	}
}

// A range in a row: a byte of flags, and the finite bounds behind their lengths. A multirange is its ranges behind theirs.
const (
	storedRangeEmpty = 1 << iota
	storedRangeLowerInc
	storedRangeUpperInc
)

func appendStoredRange(buf []byte, oid types.Oid, r *types.Range) []byte {
	if oid.IsUser() {
		buf = binary.AppendUvarint(buf, uint64(r.Elem))
	}
	flags := byte(0)
	if r.Empty {
		flags |= storedRangeEmpty
	}
	if r.LowerInc {
		flags |= storedRangeLowerInc
	}
	if r.UpperInc {
		flags |= storedRangeUpperInc
	}
	return appendStoredElem(appendStoredElem(append(buf, flags), r.Elem, r.Lower), r.Elem, r.Upper)
}

func readStoredRange(oid types.Oid, b []byte) (types.Datum, error) {
	elem := types.RangeElem(oid)
	if oid.IsUser() {
		v, n := binary.Uvarint(b)
		if n <= 0 || v > math.MaxUint32 {
			return types.Null, errCorruptRow()
		}
		elem, b = types.Oid(v), b[n:]
	}
	if len(b) == 0 {
		return types.Null, errCorruptRow()
	}
	flags := b[0]
	r := &types.Range{Elem: elem, Empty: flags&storedRangeEmpty != 0, LowerInc: flags&storedRangeLowerInc != 0,
		UpperInc: flags&storedRangeUpperInc != 0}
	var err error
	rest := b[1:]
	if r.Lower, rest, err = readStoredElem(r.Elem, rest); err != nil {
		return types.Null, err
	}
	if r.Upper, _, err = readStoredElem(r.Elem, rest); err != nil {
		return types.Null, err
	}
	return types.NewRange(r), nil
}

func appendStoredMultirange(buf []byte, m *types.Multirange) []byte {
	for _, r := range m.Ranges {
		buf = appendStoredElem(buf, m.Range, types.NewRange(r))
	}
	return buf
}

func readStoredMultirange(oid types.Oid, b []byte) (types.Datum, error) {
	m := &types.Multirange{Range: types.RangeOf(oid)}
	for len(b) > 0 {
		d, rest, err := readStoredElem(m.Range, b)
		if err != nil {
			return types.Null, err
		}
		if d.IsNull() {
			return types.Null, errCorruptRow()
		}
		m.Ranges, b = append(m.Ranges, d.Range()), rest
	}
	return types.NewMultirange(m), nil
}
