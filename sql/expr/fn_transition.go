package expr

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// PostgreSQL's transition functions that can be called as functions, too. The aggregates here do not go through them.

// extremeTransition makes the implementation of a type's transition function of max or min, nil for other functions.
func extremeTransition(p *proc) *impl {
	less := strings.HasSuffix(p.name, "smaller")
	if !less && !strings.HasSuffix(p.name, "larger") || len(p.args) != 2 || !types.Supported(p.args[0]) {
		return nil
	}
	return &impl{f2: func(c *Call, a, b types.Datum) (types.Datum, error) {
		if d := types.Compare(c.Fn.Args[0], a, b); d < 0 == less && d != 0 {
			return a, nil
		}
		return b, nil
	}}
}

func boolTransition(and bool) impl {
	return impl{f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
		if and {
			return types.NewBool(a.Bool() && b.Bool()), nil
		}
		return types.NewBool(a.Bool() || b.Bool()), nil
	}}
}

// transitionState reads a state of n sums.
func transitionState(c *Call, d types.Datum, n int) ([]float64, error) {
	a := d.Array()
	out := make([]float64, 0, n)
	if len(a.Dims) == 1 && len(a.Elems) == n {
		for _, e := range a.Elems {
			if !e.IsNull() {
				out = append(out, e.Float())
			}
		}
	}
	if len(out) != n {
		return nil, pgerr.Internal("%s: expected %d-element float8 array", c.Fn.Name, n)
	}
	return out, nil
}

func floatArray(vals ...float64) types.Datum {
	elems := make([]types.Datum, len(vals))
	for i, v := range vals {
		elems[i] = types.NewFloat(v)
	}
	return types.NewArray1(types.Float8Oid, elems)
}

func varianceState(c *Call, d types.Datum) (*varianceAcc, error) {
	s, err := transitionState(c, d, 3)
	if err != nil {
		return nil, err
	}
	return &varianceAcc{n: s[0], sx: s[1], sxx: s[2]}, nil
}

func (a *varianceAcc) state() types.Datum { return floatArray(a.n, a.sx, a.sxx) }

func float8Accum(c *Call, state, x types.Datum) (types.Datum, error) {
	a, err := varianceState(c, state)
	if err == nil {
		err = a.plus(x.Float())
	}
	if err != nil {
		return types.Null, err
	}
	return a.state(), nil
}

func float8Combine(c *Call, state, other types.Datum) (types.Datum, error) {
	a, err := varianceState(c, state)
	if err != nil {
		return types.Null, err
	}
	b, err := varianceState(c, other)
	if err == nil {
		err = a.merge(c.EvalContext, b)
	}
	if err != nil {
		return types.Null, err
	}
	return a.state(), nil
}

func regressionState(c *Call, d types.Datum) (*regressionAcc, error) {
	s, err := transitionState(c, d, 6)
	if err != nil {
		return nil, err
	}
	return &regressionAcc{n: s[0], sx: s[1], sxx: s[2], sy: s[3], syy: s[4], sxy: s[5]}, nil
}

func (a *regressionAcc) state() types.Datum { return floatArray(a.n, a.sx, a.sxx, a.sy, a.syy, a.sxy) }

func float8RegrAccum(c *Call, args []types.Datum) (types.Datum, error) {
	a, err := regressionState(c, args[0])
	if err == nil {
		err = a.plus(args[1].Float(), args[2].Float())
	}
	if err != nil {
		return types.Null, err
	}
	return a.state(), nil
}

func float8RegrCombine(c *Call, state, other types.Datum) (types.Datum, error) {
	a, err := regressionState(c, state)
	if err != nil {
		return types.Null, err
	}
	b, err := regressionState(c, other)
	if err == nil {
		err = a.merge(c.EvalContext, b)
	}
	if err != nil {
		return types.Null, err
	}
	return a.state(), nil
}

var transitionImpls = map[string]impl{
	"booland_statefunc": boolTransition(true), "boolor_statefunc": boolTransition(false),
	"float8_accum": {f2: float8Accum}, "float4_accum": {f2: float8Accum}, "float8_combine": {f2: float8Combine},
	"float8_regr_accum": {fn: float8RegrAccum}, "float8_regr_combine": {f2: float8RegrCombine},
}
