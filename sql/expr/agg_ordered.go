package expr

import (
	"math"
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// AggKind is pg_aggregate.aggkind.
type AggKind byte

// The kinds of aggregates: plain ones; ordered-set ones, whose result depends on the rows in the order of WITHIN GROUP;
// and hypothetical-set ones, which say where a row of their direct arguments would stand among them.
const (
	PlainAggregate  AggKind = 'n'
	OrderedSet      AggKind = 'o'
	HypotheticalSet AggKind = 'h'
)

var orderedKinds = map[string]AggKind{"mode": OrderedSet, "percentile_cont": OrderedSet, "percentile_disc": OrderedSet,
	"rank": HypotheticalSet, "dense_rank": HypotheticalSet, "percent_rank": HypotheticalSet, "cume_dist": HypotheticalSet}

// SortOrder is the direction of a sort key.
type SortOrder struct{ Desc, NullsFirst bool }

// OrderedSetState is the state of an ordered-set or hypothetical-set aggregate. Each group's rows are added in their order.
type OrderedSetState interface {
	AggState
	// Final returns the value of a group for its direct arguments.
	Final(ctx *EvalContext, group int, direct []types.Datum) (types.Datum, error)
}

// bindOrdered sets how an ordered-set aggregate is computed.
func bindOrdered(f *AggFunction) {
	f.Kind = orderedKinds[f.Name]
	f.Strict, f.OrderSensitive = f.Kind == OrderedSet, true
	if f.Kind == HypotheticalSet {
		f.Direct = len(f.Args)
	} else {
		f.Direct = len(f.Args) - 1
	}
	f.newState = func([]types.Type, types.Type) AggState { return nil }
}

// NewOrderedSet returns an empty state of an ordered-set aggregate: args are the types of the aggregated arguments, order
// their directions, and direct the types of the direct ones.
func (f *AggFunction) NewOrderedSet(args []types.Type, order []SortOrder, direct []types.Type) OrderedSetState {
	return &orderedSet{fn: f, args: args, order: order, direct: direct}
}

// orderedSet keeps all rows of all groups.
type orderedSet struct {
	fn           *AggFunction
	args, direct []types.Type
	order        []SortOrder
	groups       [][]types.Datum // the rows of a group one after the other
	bytes        int64
}

func (s *orderedSet) Grow(n int) { s.groups = grow(s.groups, n) }

func (s *orderedSet) Accumulate(ctx *EvalContext, g []int32, args []*types.Vec, sel []int32, n int) error {
	row := make([]types.Datum, len(args))
	var err error
	each(sel, n, func(i int32) {
		for k, v := range args {
			row[k] = v.Get(int(i))
		}
		if err == nil {
			err = s.AccumulateRow(ctx, int(g[i]), row)
		}
	})
	return err
}

func (s *orderedSet) AccumulateRow(_ *EvalContext, g int, args []types.Datum) error {
	if s.fn.Kind == OrderedSet && args[0].IsNull() {
		return nil
	}
	s.groups[g] = append(s.groups[g], args...)
	s.bytes += 48 * int64(len(args))
	return nil
}

// Merge is not possible: the order of the rows of both is lost.
func (s *orderedSet) Merge(*EvalContext, AggState, []int32) error {
	return pgerr.Internal("ordered-set aggregates cannot be merged")
}

func (s *orderedSet) Result(*EvalContext, int) (types.Datum, error) {
	return types.Null, pgerr.Internal("an ordered-set aggregate has direct arguments")
}

func (s *orderedSet) MemBytes() int64 { return s.bytes + int64(cap(s.groups))*24 }

// Final implements OrderedSetState.
func (s *orderedSet) Final(ctx *EvalContext, g int, direct []types.Datum) (types.Datum, error) {
	rows := s.groups[g]
	switch s.fn.Name {
	case "mode":
		return s.mode(ctx, rows)
	case "percentile_disc":
		return s.percentiles(rows, direct[0], s.discrete)
	case "percentile_cont":
		return s.percentiles(rows, direct[0], s.continuous)
	}
	return s.hypothetical(ctx, rows, direct)
}

// finalCheck is a mask of how many rows are looked at until the statement is asked whether it is to end.
const finalCheck = 1<<12 - 1

// mode is the most frequent value, the first in order of several.
func (s *orderedSet) mode(ctx *EvalContext, vals []types.Datum) (types.Datum, error) {
	best, most := types.Null, 0
	for from := 0; from < len(vals); {
		to := from
		for to < len(vals) && types.Equal(s.args[0].Oid, vals[from], vals[to]) {
			if to++; to&finalCheck == 0 {
				if err := ctx.cancelled(); err != nil {
					return types.Null, err
				}
			}
		}
		if to-from > most {
			best, most = vals[from], to-from
		}
		from = to
	}
	return best, nil
}

// percentiles computes one percentile, or an array of them in the shape of the argument.
func (s *orderedSet) percentiles(vals []types.Datum, arg types.Datum, one func([]types.Datum, float64) (types.Datum, error)) (types.Datum, error) {
	if s.direct[0].Kind() != types.KArray {
		if arg.IsNull() {
			return types.Null, nil
		}
		if err := checkPercentile(arg.Float()); err != nil || len(vals) == 0 {
			return types.Null, err
		}
		return one(vals, arg.Float())
	}
	if len(vals) == 0 || arg.IsNull() {
		return types.Null, nil
	}
	in := arg.Array()
	out := &types.Array{Elem: s.args[0].Oid, Dims: in.Dims, Lbs: in.Lbs}
	for _, p := range in.Elems {
		if !p.IsNull() {
			if err := checkPercentile(p.Float()); err != nil {
				return types.Null, err
			}
		}
	}
	for _, p := range in.Elems {
		v := types.Null
		if !p.IsNull() {
			var err error
			if v, err = one(vals, p.Float()); err != nil {
				return v, err
			}
		}
		out.Elems = append(out.Elems, v)
	}
	return types.NewArray(out), nil
}

func checkPercentile(p float64) error {
	if p < 0 || p > 1 || math.IsNaN(p) {
		return pgerr.New(pgerr.NumericValueOutOfRange, "percentile value %s is not between 0 and 1", formatG(p))
	}
	return nil
}

// formatG is C's %g, with PostgreSQL's names of what is no number.
func formatG(f float64) string {
	if math.IsInf(f, 0) {
		return strings.TrimPrefix(strconv.FormatFloat(f, 'g', 6, 64), "+") + "inity"
	}
	return strconv.FormatFloat(f, 'g', 6, 64)
}

func (s *orderedSet) discrete(vals []types.Datum, p float64) (types.Datum, error) {
	return vals[max(1, int(math.Ceil(p*float64(len(vals)))))-1], nil
}

// continuous interpolates between the two values around the percentile.
func (s *orderedSet) continuous(vals []types.Datum, p float64) (types.Datum, error) {
	at := p * float64(len(vals)-1)
	lo, hi := vals[int(math.Floor(at))], vals[int(math.Ceil(at))]
	if math.Floor(at) == math.Ceil(at) {
		return lo, nil
	}
	part := at - math.Floor(at)
	if s.args[0].Oid != types.IntervalOid {
		return types.NewFloat(lo.Float() + part*(hi.Float()-lo.Float())), nil
	}
	diff, err := types.IntervalSub(hi.Interval(), lo.Interval())
	if err != nil {
		return types.Null, err
	}
	if diff, err = types.IntervalMul(diff, part); err != nil {
		return types.Null, err
	}
	sum, err := types.IntervalAdd(diff, lo.Interval())
	return types.NewInterval(sum), err
}

// hypothetical tells where a row would stand among the rows.
func (s *orderedSet) hypothetical(ctx *EvalContext, rows, row []types.Datum) (types.Datum, error) {
	width := len(s.args)
	n := len(rows) / width
	before, upTo, distinct := 0, 0, 0
	for i := range n {
		if i&finalCheck == finalCheck {
			if err := ctx.cancelled(); err != nil {
				return types.Null, err
			}
		}
		at := rows[i*width : (i+1)*width]
		c := s.compare(at, row)
		if c > 0 {
			break
		}
		upTo++
		if c == 0 {
			continue
		}
		before++
		if i == 0 || s.compare(rows[(i-1)*width:i*width], at) != 0 {
			distinct++
		}
	}
	switch s.fn.Name {
	case "rank":
		return types.NewInt(int64(before + 1)), nil
	case "dense_rank":
		return types.NewInt(int64(distinct + 1)), nil
	case "percent_rank":
		if n == 0 {
			return types.NewFloat(0), nil
		}
		return types.NewFloat(float64(before) / float64(n)), nil
	}
	return types.NewFloat(float64(upTo+1) / float64(n+1)), nil
}

func (s *orderedSet) compare(a, b []types.Datum) int {
	for i, o := range s.order {
		x, y := a[i].IsNull(), b[i].IsNull()
		c := 0
		switch {
		case x && y:
			continue
		case x != y:
			if x == o.NullsFirst {
				return -1
			}
			return 1
		default:
			c = types.Compare(s.args[i].Oid, a[i], b[i])
		}
		if o.Desc {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}
