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
	"float8_avg": {f1: float8Avg}, "float8_var_pop": float8Variance(true, false), "float8_var_samp": float8Variance(false, false),
	"float8_stddev_pop": float8Variance(true, true), "float8_stddev_samp": float8Variance(false, true),

	"int8inc": count(1), "int8inc_any": count(1), "int8inc_float8_float8": count(1), "int8dec": count(-1), "int8dec_any": count(-1),
	"int2_sum": {f2: sumInts}, "int4_sum": {f2: sumInts},
	"int2_avg_accum": countInts(1), "int4_avg_accum": countInts(1), "int2_avg_accum_inv": countInts(-1), "int4_avg_accum_inv": countInts(-1),
	"int8_avg": {f1: averageInts}, "int2int4_sum": {f1: summedInts},
}

func float8Avg(c *Call, state types.Datum) (types.Datum, error) {
	s, err := transitionState(c, state, 3)
	if err != nil || s[0] == 0 {
		return types.Null, err
	}
	return types.NewFloat(s[1] / s[0]), nil
}

func float8Variance(pop, sqrt bool) impl {
	return impl{f1: func(c *Call, state types.Datum) (types.Datum, error) {
		a, err := varianceState(c, state)
		if err != nil {
			return types.Null, err
		}
		a.pop, a.sqrt = pop, sqrt
		return a.result(c.EvalContext)
	}}
}

// count counts rows, whatever else the arguments are.
func count(by int64) impl {
	return impl{fn: func(_ *Call, args []types.Datum) (types.Datum, error) {
		n, ok := addInt(args[0].Int(), by)
		if !ok {
			return types.Null, errBigint
		}
		return types.NewInt(n), nil
	}}
}

// sumInts is int4_sum: NULL is the state of no values.
func sumInts(_ *Call, state, x types.Datum) (types.Datum, error) {
	switch {
	case x.IsNull():
		return state, nil
	case state.IsNull():
		return types.NewInt(x.Int()), nil
	}
	return types.NewInt(state.Int() + x.Int()), nil
}

// intState reads the state of an average of integers: how many there were, and their sum.
func intState(d types.Datum) (n, sum int64, err error) {
	a := d.Array()
	if len(a.Elems) != 2 || a.Elems[0].IsNull() || a.Elems[1].IsNull() {
		return 0, 0, pgerr.Internal("expected 2-element int8 array")
	}
	return a.Elems[0].Int(), a.Elems[1].Int(), nil
}

func intPair(n, sum int64) types.Datum {
	return types.NewArray1(types.Int8Oid, []types.Datum{types.NewInt(n), types.NewInt(sum)})
}

// countInts adds a value to such a state, or with by -1 takes it back.
func countInts(by int64) impl {
	return impl{f2: func(_ *Call, state, x types.Datum) (types.Datum, error) {
		n, sum, err := intState(state)
		if err != nil {
			return types.Null, err
		}
		return intPair(n+by, sum+by*x.Int()), nil
	}}
}

func averageInts(_ *Call, state types.Datum) (types.Datum, error) {
	n, sum, err := intState(state)
	if err != nil || n == 0 {
		return types.Null, err
	}
	return types.NumericDiv(types.NumericFromInt(sum), types.NumericFromInt(n))
}

func summedInts(_ *Call, state types.Datum) (types.Datum, error) {
	n, sum, err := intState(state)
	if err != nil || n == 0 {
		return types.Null, err
	}
	return types.NewInt(sum), nil
}
