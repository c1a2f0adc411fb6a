package expr

import "github.com/pgmqdb/pgmqdb/sql/types"

// OVERLAPS with periods that are given by their length.

var overlapsImpls = map[string]impl{
	"overlaps(time,interval,time,interval)": overlapsImpl(addToTime, true, true),
	"overlaps(time,time,time,interval)":     overlapsImpl(addToTime, false, true),
	"overlaps(time,interval,time,time)":     overlapsImpl(addToTime, true, false),

	"overlaps(timestamp,interval,timestamp,interval)":        overlapsImpl(addToTimestamp, true, true),
	"overlaps(timestamp,timestamp,timestamp,interval)":       overlapsImpl(addToTimestamp, false, true),
	"overlaps(timestamp,interval,timestamp,timestamp)":       overlapsImpl(addToTimestamp, true, false),
	"overlaps(timestamptz,interval,timestamptz,interval)":    overlapsImpl(addToTimestamptz, true, true),
	"overlaps(timestamptz,timestamptz,timestamptz,interval)": overlapsImpl(addToTimestamptz, false, true),
	"overlaps(timestamptz,interval,timestamptz,timestamptz)": overlapsImpl(addToTimestamptz, true, false),
}

func addToTime(_ *Call, t int64, iv types.Interval) (int64, error) {
	const day = 24 * 3600 * 1000000
	return ((t+iv.Micros)%day + day) % day, nil
}

func addToTimestamp(_ *Call, t int64, iv types.Interval) (int64, error) {
	return types.TimestampAddInterval(t, iv)
}

func addToTimestamptz(c *Call, t int64, iv types.Interval) (int64, error) {
	return types.TimestamptzAddInterval(t, iv, c.IO())
}

// overlapsImpl makes OVERLAPS; first and second say which period is given by its length.
func overlapsImpl(add func(*Call, int64, types.Interval) (int64, error), first, second bool) impl {
	own := func(c *Call, a []types.Datum) (types.Datum, error) {
		a = append([]types.Datum(nil), a...)
		for i, length := range []bool{first, second} {
			if !length || a[2*i+1].IsNull() {
				continue
			}
			if a[2*i].IsNull() {
				a[2*i+1] = types.Null
				continue
			}
			end, err := add(c, a[2*i].Int(), a[2*i+1].Interval())
			if err != nil {
				return types.Null, err
			}
			a[2*i+1] = types.NewInt(end)
		}
		return overlaps(c, a)
	}
	return impl{fn: own, inline: func(args []Node) error {
		for i, length := range []bool{first, second} {
			start, ok1 := args[2*i].(*Const)
			by, ok2 := args[2*i+1].(*Const)
			if !length || !ok1 || !ok2 || start.Value.IsNull() || by.Value.IsNull() || start.Type.Oid == types.TimestamptzOid {
				continue // not constant, or not as long as the time zone may change
			}
			if _, err := add(nil, start.Value.Int(), by.Value.Interval()); err != nil {
				return err
			}
		}
		return nil
	}}
}
