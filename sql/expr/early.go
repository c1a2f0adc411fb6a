package expr

import "github.com/pgmqdb/pgmqdb/sql/types"

// PostgreSQL evaluates the constant parts of a statement when it plans, parameters' values being known by then: what
// fails there fails, whether a row would have reached it or not. AND, OR, CASE and COALESCE are simplified from left to
// right, and what a constant decides against is not looked at.

// Early evaluates the constant parts of an expression that can fail.
type Early interface {
	// Check returns the first error.
	Check(ctx *EvalContext) error
}

// EarlyCheck returns what evaluates n's constant parts ahead of its rows; nil if none of them can fail.
func EarlyCheck(n Node) (Early, error) {
	switch {
	case n == nil:
		return nil, nil
	case constTree(n):
		if !canFail(n) {
			return nil, nil
		}
		return earlyValue(n)
	}
	switch k := n.(type) {
	case *BoolOp:
		if k.Op != Not {
			stop := types.NewBool(k.Op == Or)
			return earlyList(k.Args, func(d types.Datum) bool { return !d.IsNull() && d.Bool() == stop.Bool() })
		}
	case *Coalesce:
		return earlyList(k.Args, func(d types.Datum) bool { return !d.IsNull() })
	case *Case:
		return earlyCase(k)
	}
	var args []Node
	children(n, func(c *Node) { args = append(args, *c) })
	return earlyList(args, func(types.Datum) bool { return false })
}

// constTree reports whether n's value depends on constants and parameters alone.
func constTree(n Node) bool {
	switch k := n.(type) {
	case *Const, *Param:
		return true
	case *Func:
		if k.Fn.Volatility != Immutable || k.Fn.impl == nil {
			return false
		}
	case *Cast:
		if !stableFreeCast(k) {
			return false
		}
	case *AnyAll:
		if k.Op.Volatility != Immutable {
			return false
		}
	case *ArrayExpr, *IsTest, *Distinct, *Coalesce, *MinMax, *NullIf, *Subscript, *Row, *BoolOp, *Case:
	default:
		return false
	}
	all := true
	children(n, func(c *Node) { all = all && constTree(*c) })
	return all
}

// canFail reports whether the evaluation of a constant expression may raise an error: comparisons do not.
func canFail(n Node) bool {
	switch k := n.(type) {
	case *Const, *Param:
		return false
	case *Func:
		if k.Fn.Operator == nil {
			return true
		}
		if _, ok := tests[k.Fn.Operator.Name]; !ok {
			return true
		}
	case *Cast:
		if !freeCast(k.Arg.ResultType(), k.Type) {
			return true
		}
	}
	found := false
	children(n, func(c *Node) { found = found || canFail(*c) })
	return found
}

type earlyConst struct{ c *Compiled }

func earlyValue(n Node) (*earlyConst, error) {
	c, err := Compile(n, nil)
	if err != nil {
		return nil, err
	}
	return &earlyConst{c}, nil
}

func (e *earlyConst) Check(ctx *EvalContext) error {
	_, err := e.c.EvalRow(ctx, nil)
	return err
}

// earlyStep is one expression of a list: its constant value, or what checks its constant parts.
type earlyStep struct {
	value *earlyConst
	check Early
	then  Early // of CASE: its result, looked at if the value is not false or no constant
	whole bool  // of CASE: ends the list if the value is true
}

type earlySteps struct {
	steps []earlyStep
	stop  func(types.Datum) bool
}

// earlyList checks expressions from left to right, until a constant among them says stop.
func earlyList(args []Node, stop func(types.Datum) bool) (Early, error) {
	l := &earlySteps{stop: stop}
	fails := false
	for _, a := range args {
		var s earlyStep
		var err error
		if constTree(a) {
			s.value, err = earlyValue(a)
			fails = fails || canFail(a)
		} else {
			s.check, err = EarlyCheck(a)
			fails = fails || s.check != nil
		}
		if err != nil {
			return nil, err
		}
		l.steps = append(l.steps, s)
	}
	if !fails {
		return nil, nil
	}
	return l, nil
}

func earlyCase(k *Case) (Early, error) {
	l := &earlySteps{stop: func(types.Datum) bool { return false }}
	fails := false
	for _, w := range k.Whens {
		s := earlyStep{whole: true}
		var err error
		if constTree(w.Cond) {
			s.value, err = earlyValue(w.Cond)
			fails = fails || canFail(w.Cond)
		} else {
			s.check, err = EarlyCheck(w.Cond)
		}
		if err == nil {
			s.then, err = EarlyCheck(w.Result)
		}
		if err != nil {
			return nil, err
		}
		fails = fails || s.check != nil || s.then != nil
		l.steps = append(l.steps, s)
	}
	last, err := EarlyCheck(k.Else)
	if err != nil {
		return nil, err
	}
	if last == nil && !fails {
		return nil, nil
	}
	l.steps = append(l.steps, earlyStep{check: last})
	return l, nil
}

func (l *earlySteps) Check(ctx *EvalContext) error {
	for _, s := range l.steps {
		if s.check != nil {
			if err := s.check.Check(ctx); err != nil {
				return err
			}
		}
		holds := true
		if s.value != nil {
			d, err := s.value.c.EvalRow(ctx, nil)
			if err != nil {
				return err
			}
			if l.stop(d) {
				return nil
			}
			holds = !d.IsNull() && (!s.whole || d.Bool())
		}
		if s.then != nil && holds {
			if err := s.then.Check(ctx); err != nil {
				return err
			}
		}
		if s.whole && s.value != nil && holds {
			return nil
		}
	}
	return nil
}
