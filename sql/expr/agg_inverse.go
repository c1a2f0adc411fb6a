package expr

import "github.com/pgmqdb/pgmqdb/sql/types"

// A window frame whose start moves takes rows out of an aggregate. Where that is exact, a state does it itself: an inverse
// transition in PostgreSQL's terms. Sums of floats are not among them, as in PostgreSQL: what was rounded does not come back.

// InverseState is an AggState that can take rows back.
type InverseState interface {
	AggState
	// RemoveRow takes back a row that was added to a group. False: it cannot, and the group must be computed anew.
	RemoveRow(ctx *EvalContext, group int, args []types.Datum) (bool, error)
}

// remover is an accumulator that can take rows back.
type remover interface {
	remove(args []types.Datum) (bool, error)
}

// RemoveRow implements InverseState.
func (s *accumulators) RemoveRow(_ *EvalContext, g int, args []types.Datum) (bool, error) {
	if r, ok := s.groups[g].(remover); ok {
		return r.remove(args)
	}
	return false, nil
}

// RemoveRow implements InverseState.
func (s *countAgg) RemoveRow(_ *EvalContext, g int, args []types.Datum) (bool, error) {
	if s.star || !args[0].IsNull() {
		s.n[g]--
	}
	return true, nil
}

// RemoveRow implements InverseState.
func (s *sumIntAgg) RemoveRow(_ *EvalContext, g int, args []types.Datum) (bool, error) {
	if !args[0].IsNull() {
		s.sum[g] -= args[0].Int()
		s.n[g]--
	}
	return true, nil
}

// remove refuses the last value with the most decimals, which the result would go on showing, and what is no number.
func (a *numericAcc) remove(args []types.Datum) (bool, error) {
	d := args[0]
	if d.IsNull() {
		return true, nil
	}
	if a.n--; a.n == 0 {
		*a = numericAcc{avg: a.avg}
		return true, nil
	}
	if d.Kind() == types.KInt {
		if s, ok := subInt(a.small, d.Int()); ok {
			a.small = s
			return true, nil
		}
		return true, a.take(types.NumericFromInt(d.Int()))
	}
	if types.NumericIsNaN(d) || types.NumericIsInf(d, 1) || types.NumericIsInf(d, -1) {
		return false, nil
	}
	if types.NumericScale(d) == a.scale {
		if a.scale > 0 && a.scaled == 1 {
			return false, nil
		}
		a.scaled--
	}
	return true, a.take(d)
}

func (a *numericAcc) take(d types.Datum) error {
	if a.sum.IsNull() {
		a.sum = types.NumericNeg(d)
		return nil
	}
	var err error
	a.sum, err = types.NumericSub(a.sum, d)
	return err
}

func (a *intervalAcc) remove(args []types.Datum) (bool, error) {
	if args[0].IsNull() {
		return true, nil
	}
	if a.n--; a.n == 0 {
		a.sum = types.Interval{}
		return true, nil
	}
	var err error
	a.sum, err = types.IntervalSub(a.sum, args[0].Interval())
	return true, err
}
