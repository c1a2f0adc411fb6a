package exec

import (
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// frame is the current row's place in its partition: its peers and its frame. Positions are those of rows.
type frame struct {
	n    *planner.WindowAgg
	r    *run
	rows *windowRows

	ready      bool // start and end are evaluated
	start, end types.Datum
	inRange    expr.RangeTest

	first, past int     // the partition
	groups      []int32 // starts of the peer groups
	group       int     // that of the current row
	at          int     // the current row
	lo, hi      int     // the frame before exclusion: lo <= hi, and neither ever moves back in a partition
	needed      bool    // a function reads the frame
}

// offsets evaluates the offsets of the bounds: once an execution, before anything is read.
func (f *frame) offsets() error {
	f.ready = true
	var err error
	if f.start, err = f.offset(f.n.Start, "starting"); err != nil {
		return err
	}
	if f.end, err = f.offset(f.n.End, "ending"); err != nil {
		return err
	}
	if f.n.Frame&parse.FrameRange != 0 && (f.n.Start != nil || f.n.End != nil) {
		f.inRange = expr.RangeTestOf(f.n.Order[0].Type.Oid)
	}
	return nil
}

func (f *frame) offset(s *planner.Scalar, which string) (types.Datum, error) {
	if s == nil {
		return types.Null, nil
	}
	d, err := f.r.evalOne(s)
	if err != nil {
		return d, err
	}
	if d.IsNull() {
		return d, pgerr.New(pgerr.NullValueNotAllowed, "frame %s offset must not be null", which)
	}
	if f.n.Frame&parse.FrameRange == 0 && d.Int() < 0 {
		return d, pgerr.New(pgerr.InvalidPrecedingOrFollowingSize, "frame %s offset must not be negative", which)
	}
	return d, nil
}

// begin enters the partition [first, past) of rows.
func (f *frame) begin(rows *windowRows, first, past int) {
	f.rows, f.first, f.past = rows, first, past
	f.group, f.lo, f.hi = 0, first, first
	f.groups = append(f.groups[:0], int32(first))
	if len(f.n.Order) == 0 {
		return
	}
	rows.changes(first, past, f.n.Order, func(i int) { f.groups = append(f.groups, int32(i)) })
}

// groupStart returns where a peer group starts; the partition's end for those beyond the last.
func (f *frame) groupStart(g int) int {
	if g >= len(f.groups) {
		return f.past
	}
	return int(f.groups[max(g, 0)])
}

// move makes i the current row.
func (f *frame) move(i int) error {
	f.at = i
	for f.groupStart(f.group+1) <= i {
		f.group++
	}
	if !f.needed {
		return nil
	}
	lo, err := f.head()
	if err != nil {
		return err
	}
	hi, err := f.tail()
	f.lo, f.hi = lo, max(lo, hi)
	return err
}

// clampAdd returns at + offset, which may be large, within the partition.
func (f *frame) clampAdd(at int, offset int64) int {
	switch {
	case offset > 0 && offset > int64(f.past-at):
		return f.past
	case offset < 0 && -offset > int64(at-f.first):
		return f.first
	}
	return max(f.first, min(f.past, at+int(offset)))
}

// groupAt returns the number of the group that is an offset away; one before the first is -1, one behind the last
// len(groups).
func (f *frame) groupAt(offset int64) int {
	switch {
	case offset > int64(len(f.groups)-f.group):
		return len(f.groups)
	case offset < -int64(f.group):
		return -1
	}
	return f.group + int(offset)
}

func (f *frame) head() (int, error) {
	o := f.n.Frame
	sign := int64(1)
	switch {
	case o&parse.FrameStartUnboundedPreceding != 0:
		return f.first, nil
	case o&parse.FrameStartCurrentRow != 0:
		if o&parse.FrameRows != 0 {
			return f.at, nil
		}
		return f.groupStart(f.group), nil
	case o&parse.FrameStartOffsetPreceding != 0:
		sign = -1
	}
	switch {
	case o&parse.FrameRows != 0:
		return f.clampAdd(f.at, sign*f.start.Int()), nil
	case o&parse.FrameGroups != 0:
		return f.groupStart(f.groupAt(sign * f.start.Int())), nil
	}
	return f.rangeBound(f.start, sign < 0, false, f.lo)
}

func (f *frame) tail() (int, error) {
	o := f.n.Frame
	sign := int64(1)
	switch {
	case o&parse.FrameEndUnboundedFollowing != 0:
		return f.past, nil
	case o&parse.FrameEndCurrentRow != 0:
		if o&parse.FrameRows != 0 {
			return f.at + 1, nil
		}
		return f.groupStart(f.group + 1), nil
	case o&parse.FrameEndOffsetPreceding != 0:
		sign = -1
	}
	switch {
	case o&parse.FrameRows != 0:
		if sign < 0 && f.end.Int() > int64(f.at-f.first) {
			return f.first, nil
		}
		return f.clampAdd(min(f.at+1, f.past), sign*f.end.Int()), nil
	case o&parse.FrameGroups != 0:
		g := f.groupAt(sign * f.end.Int())
		if g < 0 {
			return f.first, nil
		}
		return f.groupStart(g + 1), nil
	}
	return f.rangeBound(f.end, sign < 0, true, f.hi)
}

// rangeBound moves a bound of a RANGE frame with an offset on from where it was: the head to the first row that is in range,
// the tail behind the last. It is update_frameheadpos and update_frametailpos of nodeWindowAgg.c.
func (f *frame) rangeBound(offset types.Datum, sub, tail bool, at int) (int, error) {
	key := &f.n.Order[0]
	less := tail
	if key.Desc {
		sub, less = !sub, !less
	}
	base := f.rows.get(key.Col, f.at)
	for ; at < f.past; at++ {
		v := f.rows.get(key.Col, at)
		if v.IsNull() || base.IsNull() {
			if !f.passNull(v.IsNull(), base.IsNull(), tail) {
				break
			}
			continue
		}
		in, err := f.inRange(f.r.eval, v, base, offset, sub, less)
		if err != nil {
			return at, err
		}
		if in != tail {
			break
		}
	}
	return at, nil
}

// passNull reports whether a bound goes past a row where the row, the current one, or both have no value.
func (f *frame) passNull(row, current, tail bool) bool {
	switch first := f.n.Order[0].NullsFirst; {
	case tail && first:
		return row || !current
	case tail:
		return !row || current
	case first:
		return row && !current
	default:
		return !row && current
	}
}

// segments appends the parts of the frame that exclusion leaves, in order.
func (f *frame) segments(out [][2]int) [][2]int {
	var xlo, xhi int
	switch o := f.n.Frame; {
	case o&sema.FrameExclusion == 0:
		return append(out, [2]int{f.lo, f.hi})
	case o&parse.FrameExcludeCurrentRow != 0:
		xlo, xhi = f.at, f.at+1
	default:
		xlo, xhi = f.groupStart(f.group), f.groupStart(f.group+1)
	}
	add := func(lo, hi int) {
		if lo < hi {
			out = append(out, [2]int{lo, hi})
		}
	}
	add(f.lo, min(f.hi, xlo))
	if f.n.Frame&parse.FrameExcludeTies != 0 && f.lo <= f.at && f.at < f.hi {
		add(f.at, f.at+1)
	}
	add(max(f.lo, xhi), f.hi)
	return out
}
