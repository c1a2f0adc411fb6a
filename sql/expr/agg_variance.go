package expr

import (
	"math"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// varianceAcc is the variance family over floats, by Youngs and Cramer as PostgreSQL's float8_accum has it.
type varianceAcc struct {
	pop, sqrt  bool
	n, sx, sxx float64
}

func (a *varianceAcc) add(_ *EvalContext, args []types.Datum) error {
	if args[0].IsNull() {
		return nil
	}
	return a.plus(args[0].Float())
}

func (a *varianceAcc) plus(x float64) error {
	before := a.sx
	a.n++
	a.sx += x
	if a.n <= 1 {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			a.sxx = math.NaN()
		}
		return nil
	}
	t := x*a.n - a.sx
	a.sxx += t * t / (a.n * (a.n - 1))
	if math.IsInf(a.sx, 0) || math.IsInf(a.sxx, 0) {
		if !math.IsInf(before, 0) && !math.IsInf(x, 0) {
			return errFloatOverflow
		}
		a.sxx = math.NaN()
	}
	return nil
}

func (a *varianceAcc) merge(_ *EvalContext, other accumulator) error {
	o := other.(*varianceAcc)
	switch {
	case o.n == 0:
		return nil
	case a.n == 0:
		a.n, a.sx, a.sxx = o.n, o.sx, o.sxx
		return nil
	}
	var err error
	a.sxx, err = combineSquares(a.n, o.n, a.sxx, o.sxx, a.sx/a.n-o.sx/o.n, a.sx/a.n-o.sx/o.n)
	if err != nil {
		return err
	}
	a.n += o.n
	a.sx, err = addFloats(a.sx, o.sx)
	return err
}

// combineSquares adds two sums of products of deviations from means that differ by d and e.
func combineSquares(n1, n2, s1, s2, d, e float64) (float64, error) {
	s := s1 + s2 + n1*n2*d*e/(n1+n2)
	if math.IsInf(s, 0) && !math.IsInf(s1, 0) && !math.IsInf(s2, 0) {
		return s, errFloatOverflow
	}
	return s, nil
}

func addFloats(a, b float64) (float64, error) {
	s := a + b
	if math.IsInf(s, 0) && !math.IsInf(a, 0) && !math.IsInf(b, 0) {
		return s, errFloatOverflow
	}
	return s, nil
}

func (a *varianceAcc) result(*EvalContext) (types.Datum, error) {
	d := a.n
	if !a.pop {
		d--
	}
	if d <= 0 {
		return types.Null, nil
	}
	v := a.sxx / d
	if a.sqrt {
		v = math.Sqrt(v)
	}
	return types.NewFloat(v), nil
}

func (a *varianceAcc) size() int64 { return 40 }
