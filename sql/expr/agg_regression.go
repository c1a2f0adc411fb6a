package expr

import (
	"cmp"
	"math"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// regressionAcc is the family of two-argument statistics, over sums by Youngs and Cramer as PostgreSQL's
// float8_regr_accum has them. Its arguments are (Y, X).
type regressionAcc struct {
	name                     string
	n, sx, sxx, sy, syy, sxy float64
}

func bindRegression(f *AggFunction) {
	name := f.Name
	f.newState = rowAgg(func([]types.Type, types.Type) accumulator { return &regressionAcc{name: name} })
}

func (a *regressionAcc) add(_ *EvalContext, args []types.Datum) error {
	if args[0].IsNull() || args[1].IsNull() {
		return nil
	}
	return a.plus(args[0].Float(), args[1].Float())
}

func (a *regressionAcc) plus(y, x float64) error {
	beforeX, beforeY := a.sx, a.sy
	a.n++
	a.sx += x
	a.sy += y
	if a.n <= 1 {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			a.sxx, a.sxy = math.NaN(), math.NaN()
		}
		if math.IsNaN(y) || math.IsInf(y, 0) {
			a.syy, a.sxy = math.NaN(), math.NaN()
		}
		return nil
	}
	tx, ty := x*a.n-a.sx, y*a.n-a.sy
	scale := 1 / (a.n * (a.n - 1))
	a.sxx += tx * tx * scale
	a.syy += ty * ty * scale
	a.sxy += tx * ty * scale
	finiteX := !math.IsInf(beforeX, 0) && !math.IsInf(x, 0)
	finiteY := !math.IsInf(beforeY, 0) && !math.IsInf(y, 0)
	switch {
	case finiteX && (math.IsInf(a.sx, 0) || math.IsInf(a.sxx, 0)),
		finiteY && (math.IsInf(a.sy, 0) || math.IsInf(a.syy, 0)),
		finiteX && finiteY && math.IsInf(a.sxy, 0):
		return errFloatOverflow
	}
	for _, s := range []*float64{&a.sxx, &a.syy, &a.sxy} {
		if math.IsInf(*s, 0) { // of infinite inputs
			*s = math.NaN()
		}
	}
	return nil
}

func (a *regressionAcc) merge(_ *EvalContext, other accumulator) error {
	o := other.(*regressionAcc)
	switch {
	case o.n == 0:
		return nil
	case a.n == 0:
		name := a.name
		*a = *o
		a.name = name
		return nil
	}
	dx, dy := a.sx/a.n-o.sx/o.n, a.sy/a.n-o.sy/o.n
	var errs [5]error
	a.sxx, errs[0] = combineSquares(a.n, o.n, a.sxx, o.sxx, dx, dx)
	a.syy, errs[1] = combineSquares(a.n, o.n, a.syy, o.syy, dy, dy)
	a.sxy, errs[2] = combineSquares(a.n, o.n, a.sxy, o.sxy, dx, dy)
	a.sx, errs[3] = addFloats(a.sx, o.sx)
	a.sy, errs[4] = addFloats(a.sy, o.sy)
	a.n += o.n
	return cmp.Or(errs[:]...)
}

func (a *regressionAcc) result(*EvalContext) (types.Datum, error) {
	v, ok := a.value()
	switch {
	case a.name == "regr_count":
		return types.NewInt(int64(a.n)), nil
	case !ok:
		return types.Null, nil
	}
	return types.NewFloat(v), nil
}

// value is the statistic; ok is false where it is not defined.
func (a *regressionAcc) value() (v float64, ok bool) {
	switch a.name {
	case "covar_samp":
		return a.sxy / (a.n - 1), a.n >= 2
	case "covar_pop":
		return a.sxy / a.n, a.n >= 1
	case "corr":
		return a.sxy / math.Sqrt(a.sxx*a.syy), a.n >= 1 && a.sxx != 0 && a.syy != 0
	case "regr_avgx":
		return a.sx / a.n, a.n >= 1
	case "regr_avgy":
		return a.sy / a.n, a.n >= 1
	case "regr_sxx":
		return a.sxx, a.n >= 1
	case "regr_syy":
		return a.syy, a.n >= 1
	case "regr_sxy":
		return a.sxy, a.n >= 1
	case "regr_slope":
		return a.sxy / a.sxx, a.n >= 1 && a.sxx != 0
	case "regr_intercept":
		return (a.sy - a.sx*a.sxy/a.sxx) / a.n, a.n >= 1 && a.sxx != 0
	case "regr_r2":
		if a.syy == 0 {
			return 1, a.n >= 1 && a.sxx != 0
		}
		return a.sxy * a.sxy / (a.sxx * a.syy), a.n >= 1 && a.sxx != 0
	}
	return 0, false
}

func (a *regressionAcc) size() int64 { return 80 }
