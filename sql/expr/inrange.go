package expr

import (
	"math"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// RANGE frames with offsets: PostgreSQL's in_range support functions of the btree operator families.

// RangeTest says on which side of base - offset (sub) or base + offset a value lies: at or below it (less), or at or above.
// None of the values is NULL.
type RangeTest func(ctx *EvalContext, val, base, offset types.Datum, sub, less bool) (bool, error)

// RangeOffsets are the types that a RANGE offset may have when the window is ordered by a column of the given type; nil
// where there is no RANGE with offset. Types that share an order share the tests: varchar has text's, which are none.
func RangeOffsets(column types.Oid) []types.Oid {
	switch column {
	case types.Int8Oid:
		return []types.Oid{types.Int8Oid}
	case types.Int4Oid, types.Int2Oid:
		return []types.Oid{types.Int8Oid, types.Int4Oid, types.Int2Oid}
	case types.Float4Oid, types.Float8Oid:
		return []types.Oid{types.Float8Oid}
	case types.NumericOid:
		return []types.Oid{types.NumericOid}
	case types.DateOid, types.TimestampOid, types.TimestamptzOid, types.TimeOid, types.TimetzOid, types.IntervalOid:
		return []types.Oid{types.IntervalOid}
	}
	return nil
}

// RangeTestOf returns the test for a column type that has RangeOffsets.
func RangeTestOf(column types.Oid) RangeTest {
	switch column {
	case types.Int8Oid, types.Int4Oid, types.Int2Oid:
		return inRangeInt
	case types.Float4Oid, types.Float8Oid:
		return inRangeFloat
	case types.NumericOid:
		return inRangeNumeric
	case types.TimeOid:
		return inRangeTime
	case types.TimetzOid:
		return inRangeTimetz
	case types.IntervalOid:
		return inRangeInterval
	case types.DateOid, types.TimestampOid, types.TimestamptzOid:
		return func(ctx *EvalContext, val, base, offset types.Datum, sub, less bool) (bool, error) {
			return inRangeTimestamp(ctx, column, val, base, offset, sub, less)
		}
	}
	return nil
}

func errRangeOffset() error {
	return pgerr.New(pgerr.InvalidPrecedingOrFollowingSize, "invalid preceding or following size in window function")
}

// side judges the comparison of a value with the bound.
func side(cmp int, less bool) bool {
	if less {
		return cmp <= 0
	}
	return cmp >= 0
}

func compareInts(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func inRangeInt(_ *EvalContext, val, base, offset types.Datum, sub, less bool) (bool, error) {
	o := offset.Int()
	if o < 0 {
		return false, errRangeOffset()
	}
	if sub {
		o = -o
	}
	sum, ok := addInt(base.Int(), o)
	if !ok { // beyond every value
		return sub != less, nil
	}
	return side(compareInts(val.Int(), sum), less), nil
}

func inRangeFloat(_ *EvalContext, val, base, offset types.Datum, sub, less bool) (bool, error) {
	v, b, o := val.Float(), base.Float(), offset.Float()
	if math.IsNaN(o) || o < 0 {
		return false, errRangeOffset()
	}
	if sub {
		o = -o
	}
	switch {
	case math.IsNaN(v): // NaN sorts last
		return math.IsNaN(b) || !less, nil
	case math.IsNaN(b):
		return less, nil
	case math.IsInf(o, 0) && math.IsInf(b, 0) && math.Signbit(o) != math.Signbit(b):
		return true, nil // the sum is NaN: everything is within an infinite distance
	}
	return side(types.CompareFloat(v, b+o), less), nil
}

func inRangeNumeric(_ *EvalContext, val, base, offset types.Datum, sub, less bool) (bool, error) {
	if types.NumericIsNaN(offset) || types.NumericCompare(offset, types.NumericFromInt(0)) < 0 {
		return false, errRangeOffset()
	}
	switch {
	case types.NumericIsNaN(val):
		return types.NumericIsNaN(base) || !less, nil
	case types.NumericIsNaN(base):
		return less, nil
	}
	if sub {
		offset = types.NumericNeg(offset)
	}
	if types.NumericIsInf(offset, 1) && types.NumericIsInf(base, -1) || types.NumericIsInf(offset, -1) && types.NumericIsInf(base, 1) {
		return true, nil
	}
	sum, err := types.NumericAdd(base, offset)
	if err != nil {
		return false, err
	}
	return side(types.NumericCompare(val, sum), less), nil
}

// inRangeTime disregards the offset's months and days, and does not wrap at midnight.
func inRangeTime(_ *EvalContext, val, base, offset types.Datum, sub, less bool) (bool, error) {
	o := offset.Interval().Micros
	if o < 0 {
		return false, errRangeOffset()
	}
	if sub {
		o = -o
	}
	sum, ok := addInt(base.Int(), o)
	if !ok {
		return sub != less, nil
	}
	return side(compareInts(val.Int(), sum), less), nil
}

func inRangeInterval(_ *EvalContext, val, base, offset types.Datum, sub, less bool) (bool, error) {
	o, err := rangeInterval(offset, sub)
	if err != nil {
		return false, err
	}
	sum, err := types.IntervalAdd(base.Interval(), o)
	if err != nil {
		return false, err
	}
	return side(types.IntervalCompare(val.Interval(), sum), less), nil
}

func rangeInterval(offset types.Datum, sub bool) (types.Interval, error) {
	o := offset.Interval()
	if types.IntervalCompare(o, types.Interval{}) < 0 {
		return o, errRangeOffset()
	}
	if sub {
		return types.IntervalNeg(o)
	}
	return o, nil
}

func inRangeTimestamp(ctx *EvalContext, t types.Oid, val, base, offset types.Datum, sub, less bool) (bool, error) {
	o, err := rangeInterval(offset, sub)
	if err != nil {
		return false, err
	}
	v, b := val.Int(), base.Int()
	if t == types.DateOid {
		if v, err = types.DateToTimestamp(v); err != nil {
			return false, err
		}
		if b, err = types.DateToTimestamp(b); err != nil {
			return false, err
		}
	}
	var sum int64
	if t == types.TimestamptzOid {
		sum, err = types.TimestamptzAddInterval(b, o, ctx.IOEnv)
	} else {
		sum, err = types.TimestampAddInterval(b, o)
	}
	if err != nil {
		return false, err
	}
	return side(compareInts(v, sum), less), nil
}
