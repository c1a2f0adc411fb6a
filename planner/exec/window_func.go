package exec

import (
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// newWindowCall makes the evaluator of a call.
func newWindowCall(w *windowOp, c *planner.WindowCall, cols callColumns) windowCall {
	if c.Agg == nil {
		switch c.Fn.Kind {
		case expr.Ntile:
			return &ntileCall{arg: cols.args[0]}
		case expr.FirstValue, expr.LastValue, expr.NthValue:
			w.frame.needed = true
			return &frameValueCall{kind: c.Fn.Kind, cols: cols}
		case expr.Lag, expr.Lead:
			return &offsetCall{lead: c.Fn.Kind == expr.Lead, cols: cols}
		}
		return &rankCall{kind: c.Fn.Kind}
	}
	w.frame.needed = true
	moves := w.n.Frame&parse.FrameStartUnboundedPreceding == 0
	if moves && w.n.Frame&sema.FrameExclusion == 0 && c.Agg.User == nil && (c.Agg.Name == "min" || c.Agg.Name == "max") {
		return &extremeCall{w: w, c: c, cols: cols, less: c.Agg.Name == "min"}
	}
	return &aggCall{w: w, c: c, cols: cols}
}

// rankCall is row_number, rank and their like: what follows from the row's place among the peer groups.
type rankCall struct {
	kind expr.WindowKind
	f    *frame
}

func (c *rankCall) begin(f *frame) { c.f = f }

func (c *rankCall) row(i int) (types.Datum, error) {
	f := c.f
	rank, total := f.groupStart(f.group)-f.first+1, f.past-f.first
	switch c.kind {
	case expr.RowNumber:
		return types.NewInt(int64(i - f.first + 1)), nil
	case expr.Rank:
		return types.NewInt(int64(rank)), nil
	case expr.DenseRank:
		return types.NewInt(int64(f.group + 1)), nil
	case expr.PercentRank:
		if total <= 1 {
			return types.NewFloat(0), nil
		}
		return types.NewFloat(float64(rank-1) / float64(total-1)), nil
	}
	return types.NewFloat(float64(f.groupStart(f.group+1)-f.first) / float64(total)), nil // cume_dist
}

// ntileCall deals the partition's rows out to buckets; the number of them is the first that is not NULL.
type ntileCall struct {
	arg                            int
	f                              *frame
	bucket, inBucket, size, larger int64
}

func (c *ntileCall) begin(f *frame) { *c = ntileCall{arg: c.arg, f: f} }

func (c *ntileCall) row(i int) (types.Datum, error) {
	if c.bucket == 0 {
		n := c.f.rows.get(c.arg, i)
		if n.IsNull() {
			return types.Null, nil
		}
		if n.Int() <= 0 {
			return types.Null, pgerr.New(pgerr.InvalidArgumentForNtileFunction, "argument of ntile must be greater than zero")
		}
		total := int64(c.f.past - c.f.first)
		c.bucket, c.size, c.larger = 1, total/n.Int(), 0
		if c.size <= 0 {
			c.size = 1
		} else if c.larger = total % n.Int(); c.larger != 0 {
			c.size++
		}
	}
	if c.inBucket++; c.inBucket > c.size {
		if c.larger != 0 && c.bucket == c.larger {
			c.larger = 0
			c.size--
		}
		c.bucket++
		c.inBucket = 1
	}
	return types.NewInt(c.bucket), nil
}

// offsetCall is lag and lead: argument, offset, default.
type offsetCall struct {
	lead bool
	cols callColumns
	f    *frame
}

func (c *offsetCall) begin(f *frame) { c.f = f }

func (c *offsetCall) row(i int) (types.Datum, error) {
	by := int64(1)
	if len(c.cols.args) > 1 {
		d := c.f.rows.get(c.cols.args[1], i)
		if d.IsNull() {
			return types.Null, nil
		}
		by = d.Int()
	}
	if !c.lead {
		by = -by
	}
	if at := int64(i) + by; at >= int64(c.f.first) && at < int64(c.f.past) {
		return c.f.rows.get(c.cols.args[0], int(at)), nil
	}
	if len(c.cols.args) > 2 {
		return c.f.rows.get(c.cols.args[2], i), nil
	}
	return types.Null, nil
}

// frameValueCall is first_value, last_value and nth_value.
type frameValueCall struct {
	kind expr.WindowKind
	cols callColumns
	f    *frame
	segs [][2]int
}

func (c *frameValueCall) begin(f *frame) { c.f = f }

func (c *frameValueCall) row(i int) (types.Datum, error) {
	nth := int64(1)
	if c.kind == expr.NthValue {
		d := c.f.rows.get(c.cols.args[1], i)
		if d.IsNull() {
			return types.Null, nil
		}
		if nth = d.Int(); nth <= 0 {
			return types.Null, pgerr.New(pgerr.InvalidArgumentForNthValueFunction, "argument of nth_value must be greater than zero")
		}
	}
	c.segs = c.f.segments(c.segs[:0])
	v := c.cols.args[0]
	if c.kind == expr.LastValue {
		for k := len(c.segs) - 1; k >= 0; k-- {
			if s := c.segs[k]; s[0] < s[1] {
				return c.f.rows.get(v, s[1]-1), nil
			}
		}
		return types.Null, nil
	}
	for _, s := range c.segs {
		if n := int64(s[1] - s[0]); nth <= n {
			return c.f.rows.get(v, s[0]+int(nth)-1), nil
		} else {
			nth -= n
		}
	}
	return types.Null, nil
}
