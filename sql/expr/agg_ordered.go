package expr

import (
	"math"
	"slices"
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

// NewOrderedSet returns a computation of an ordered-set aggregate: args are the types of the aggregated arguments, order
// their directions, and direct the types of the direct ones.
func (f *AggFunction) NewOrderedSet(args []types.Type, order []SortOrder, direct []types.Type) *OrderedSetState {
	return &OrderedSetState{fn: f, args: args, order: order, direct: direct}
}

// OrderedSetState computes an ordered-set or hypothetical-set aggregate, one group after the other: Start, Add with the group's
// rows in their order, Final. As the number of rows is known before the first comes, none but the wanted are kept.
type OrderedSetState struct {
	fn           *AggFunction
	args, direct []types.Type
	order        []SortOrder

	given []types.Datum // the direct arguments
	rows  int64         // of the group
	at    int64         // rows that came

	want []int64       // percentiles: the numbers of the rows wanted, ascending
	vals []types.Datum // of the rows wanted that came

	run, best  types.Datum // mode: the value of the last row, and the most frequent one
	runs, most int64       // how often they came

	before, upTo, distinct int64 // hypothetical: rows before the given one, rows not after it, distinct ones before it
	passed                 bool  // the rows that come are after it
	last                   []types.Datum
}

// WantsNulls reports whether rows whose first argument is NULL count.
func (s *OrderedSetState) WantsNulls() bool { return s.fn.Kind == HypotheticalSet }

// Start begins a group of so many rows, with the values of the direct arguments.
func (s *OrderedSetState) Start(rows int64, direct []types.Datum) error {
	*s = OrderedSetState{fn: s.fn, args: s.args, direct: s.direct, order: s.order, given: direct, rows: rows, want: s.want[:0],
		vals: s.vals[:0], last: s.last[:0]}
	if s.fn.Name != "percentile_disc" && s.fn.Name != "percentile_cont" {
		return nil
	}
	array := s.direct[0].Kind() == types.KArray
	if direct[0].IsNull() || array && rows == 0 {
		return nil
	}
	all := direct
	if array {
		all = direct[0].Array().Elems
	}
	for _, p := range all {
		if !p.IsNull() {
			if err := checkPercentile(p.Float()); err != nil {
				return err
			}
		}
	}
	if rows == 0 {
		return nil
	}
	for _, p := range all {
		if !p.IsNull() {
			lo, hi, _ := s.place(p.Float())
			s.want = append(s.want, lo, hi)
		}
	}
	slices.Sort(s.want)
	s.want = slices.Compact(s.want)
	return nil
}

// place returns the rows between which a percentile is, and how far it is from the first to the second.
func (s *OrderedSetState) place(p float64) (lo, hi int64, part float64) {
	if s.fn.Name == "percentile_disc" {
		lo = max(1, int64(math.Ceil(p*float64(s.rows)))) - 1
		return lo, lo, 0
	}
	at := p * float64(s.rows-1)
	return int64(math.Floor(at)), int64(math.Ceil(at)), at - math.Floor(at)
}

// Add adds the rows [from, to) of columns.
func (s *OrderedSetState) Add(cols []*types.Vec, from, to int) {
	switch s.fn.Name {
	case "percentile_disc", "percentile_cont":
		for k := len(s.vals); k < len(s.want) && s.want[k] < s.at+int64(to-from); k++ {
			s.vals = append(s.vals, cols[0].Get(from+int(s.want[k]-s.at)))
		}
	case "mode":
		for i := from; i < to; i++ {
			s.addMode(cols[0].Get(i))
		}
	default:
		for i := from; i < to && !s.passed; i++ {
			s.addHypothetical(cols, i)
		}
	}
	s.at += int64(to - from)
}

// addMode counts a value: the mode is the most frequent one, the first in order of several.
func (s *OrderedSetState) addMode(d types.Datum) {
	if s.runs == 0 || !types.Equal(s.args[0].Oid, s.run, d) {
		s.run, s.runs = d, 0
	}
	if s.runs++; s.runs > s.most {
		s.best, s.most = s.run, s.runs
	}
}

// addHypothetical looks where the given row stands to another.
func (s *OrderedSetState) addHypothetical(cols []*types.Vec, i int) {
	row := make([]types.Datum, len(s.args))
	for k := range row {
		row[k] = cols[k].Get(i)
	}
	c := s.compare(row, s.given)
	if c > 0 {
		s.passed = true
		return
	}
	s.upTo++
	if c == 0 {
		return
	}
	s.before++
	if len(s.last) == 0 || s.compare(s.last, row) != 0 {
		s.distinct++
	}
	s.last = row
}

// Final returns the value of the group.
func (s *OrderedSetState) Final() (types.Datum, error) {
	switch s.fn.Name {
	case "mode":
		return s.best, nil
	case "percentile_disc", "percentile_cont":
		return s.percentiles(s.given[0])
	case "rank":
		return types.NewInt(s.before + 1), nil
	case "dense_rank":
		return types.NewInt(s.distinct + 1), nil
	case "percent_rank":
		if s.rows == 0 {
			return types.NewFloat(0), nil
		}
		return types.NewFloat(float64(s.before) / float64(s.rows)), nil
	}
	return types.NewFloat(float64(s.upTo+1) / float64(s.rows+1)), nil // cume_dist
}

// percentiles returns one percentile, or an array of them in the shape of the argument.
func (s *OrderedSetState) percentiles(arg types.Datum) (types.Datum, error) {
	if arg.IsNull() || s.rows == 0 {
		return types.Null, nil
	}
	if s.direct[0].Kind() != types.KArray {
		return s.percentile(arg.Float())
	}
	in := arg.Array()
	out := &types.Array{Elem: s.args[0].Oid, Dims: in.Dims, Lbs: in.Lbs}
	for _, p := range in.Elems {
		v := types.Null
		if !p.IsNull() {
			var err error
			if v, err = s.percentile(p.Float()); err != nil {
				return v, err
			}
		}
		out.Elems = append(out.Elems, v)
	}
	return types.NewArray(out), nil
}

// percentile returns the value at a percentile, between two rows where it is continuous.
func (s *OrderedSetState) percentile(p float64) (types.Datum, error) {
	first, second, part := s.place(p)
	at, _ := slices.BinarySearch(s.want, first)
	lo := s.vals[at]
	if second == first {
		return lo, nil
	}
	at, _ = slices.BinarySearch(s.want, second)
	hi := s.vals[at]
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

func (s *OrderedSetState) compare(a, b []types.Datum) int {
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
