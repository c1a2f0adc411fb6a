package plpgsql

import (
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// simpleExpr is an expression that is evaluated without a statement.
type simpleExpr struct {
	compiled *expr.Compiled
	params   []types.Datum // where the values of the variables are put, unless busy
	calls    bool          // it calls functions that users made, or volatile ones: what they do, the environment included, is not known
	user     bool          // it calls functions that users made
	keeps    []bool        // of the parameters: the expression gives their value to nobody
	store    *elementStore // of an assignment that changes an array in place
	// busy says that an evaluation runs, or failed, in a transaction. PostgreSQL then evaluates another one as a statement,
	// which CONTEXT shows.
	busy any
	eval expr.EvalContext // of an expression that calls
}

// prepare gives an expression its meaning, in the environment as it is.
func (x *execution) prepare(e *expression) error {
	return x.within(e, func() error {
		if e.parsed == nil {
			parsed, err := parse.ParsePL(e.text, e.mode)
			if err != nil {
				return err
			}
			e.parsed = parsed
		}
		if len(e.parsed) != 1 {
			return pgerr.Internal("a piece of SQL has %d statements", len(e.parsed))
		}
		if e.mode != parse.PLStatement && !e.whole {
			done, err := x.prepareSimple(e)
			if done || err != nil {
				return err
			}
		}
		return x.prepareStatement(e)
	})
}

func (x *execution) prepareStatement(e *expression) error {
	if e.statement == nil {
		st, err := x.host.Prepare(e.text, e.parsed[0], e)
		if err != nil {
			return err
		}
		e.statement = st
	}
	if err := x.host.Describe(e.statement); err != nil {
		return err
	}
	e.simple, e.madeFor = nil, x.env
	return nil
}

// prepareSimple compiles an expression if it is simple.
func (x *execution) prepareSimple(e *expression) (done bool, err error) {
	env := *x.env.Sema
	env.Text, env.Variables = e.text, e
	var an *sema.Analyzed
	if a, ok := e.parsed[0].Stmt.(*parse.PLAssignStmt); ok {
		an, err = sema.AnalyzeAssignment(a, &env)
	} else {
		an, err = sema.Analyze(e.parsed[0].Stmt, &env)
	}
	if err != nil {
		return false, err
	}
	if err := an.Inline(&env); err != nil {
		return false, err
	}
	n := simpleTarget(an)
	if n == nil {
		return false, nil
	}
	s := &simpleExpr{params: make([]types.Datum, len(e.params)), user: expr.ContainsUser(n)}
	s.calls = s.user || expr.ContainsVolatile(n)
	if s.compiled, err = expr.Compile(n, nil); err != nil {
		return false, err
	}
	if err := s.compiled.Failed(); err != nil {
		return false, err
	}
	s.keeps = make([]bool, len(e.params))
	for i, d := range e.params {
		s.keeps[i] = d.kind != scalarDatum || d.typ.Kind() != types.KArray || readsOnly(n, i+1)
	}
	if !s.calls {
		if s.store, err = newElementStore(e, n); err != nil {
			return false, err
		}
	}
	e.simple, e.madeFor = s, x.env
	return true, nil
}

// simpleTarget is exec_is_simple_query: the one expression of a query that is nothing else.
func simpleTarget(an *sema.Analyzed) expr.Node {
	q := an.Query
	if q == nil || len(q.Rels) > 0 || q.HasAggs || q.HasWindows || q.HasSRFs || len(q.CTEs) > 0 || q.From != nil || q.Where != nil ||
		len(q.GroupBy) > 0 || q.GroupingSets != nil || q.Having != nil || len(q.Windows) > 0 || q.Distinct || q.DistinctOn != nil ||
		len(q.OrderBy) > 0 || q.Limit != nil || q.Offset != nil || q.SetOp != nil || q.Values != nil || q.LiteralRows != nil ||
		len(q.Targets) != 1 {
		return nil
	}
	n := q.Targets[0].Expr
	simple := true
	expr.Walk(n, func(k expr.Node) bool {
		switch k.(type) {
		case *expr.Subquery, *expr.SetReturning, *expr.Aggregate, *expr.WindowFunc:
			simple = false
		}
		return simple
	})
	if !simple {
		return nil
	}
	return n
}

// value evaluates an expression: exec_eval_expr.
func (x *execution) evaluate(e *expression) (types.Datum, types.Type, error) {
	if e.madeFor != x.env || e.simple == nil && e.statement == nil {
		if err := x.prepare(e); err != nil {
			return types.Null, types.Type{}, err
		}
	}
	if e.simple != nil {
		return x.evaluateSimple(e)
	}
	return x.evaluateQuery(e)
}

func (x *execution) evaluateSimple(e *expression) (d types.Datum, t types.Type, err error) {
	s := e.simple
	if s.busy != nil && s.busy == x.host.Transaction() {
		params, err := x.arguments(e, make([]types.Datum, len(e.params)))
		if err == nil {
			err = x.within(e, func() error {
				d, err = x.evalSimple(s, params, true)
				return err
			})
		}
		return d, s.compiled.Type(), err
	}
	params, err := x.arguments(e, s.params)
	if err != nil {
		return types.Null, types.Type{}, err
	}
	if s.calls {
		s.busy = x.host.Transaction()
	}
	if d, err = x.evalSimple(s, params, false); err == nil {
		s.busy = nil
	} else {
		s.busy = x.host.Transaction()
	}
	return d, s.compiled.Type(), err
}

// evalSimple evaluates a simple expression; again says that an evaluation of it runs already.
func (x *execution) evalSimple(s *simpleExpr, params []types.Datum, again bool) (types.Datum, error) {
	eval := &x.eval
	if s.calls { // what is called may evaluate too
		if eval = &s.eval; again {
			eval = &expr.EvalContext{}
		}
		x.host.Eval(eval)
	}
	eval.Params = params
	if s.user {
		end := x.host.Nest()
		defer end()
	}
	d, err := s.compiled.EvalRow(eval, nil)
	if s.calls {
		x.renew()
	}
	return d, err
}

// arguments puts the values of an expression's variables into out.
func (x *execution) arguments(e *expression, out []types.Datum) ([]types.Datum, error) {
	for i, d := range e.params {
		if x.owned != nil && d.kind == scalarDatum && (e.simple == nil || !e.simple.keeps[i]) {
			x.owned[d.no] = nil
		}
		if d.kind == scalarDatum && x.varTypes == nil {
			out[i] = x.vals[d.no]
			continue
		}
		v, t, err := x.value(d)
		if err != nil {
			return nil, err
		}
		if t.Declared() != e.types[i].Declared() {
			return nil, pgerr.New(pgerr.DatatypeMismatch, "type of parameter %d (%s) does not match that when preparing the plan (%s)",
				d.no+1, types.FormatType(types.Type{Oid: t.Oid, Mod: -1, Domain: t.Domain}),
				types.FormatType(types.Type{Oid: e.types[i].Oid, Mod: -1, Domain: e.types[i].Domain}))
		}
		out[i] = v
	}
	return out, nil
}

// evaluateQuery evaluates an expression that is a query.
func (x *execution) evaluateQuery(e *expression) (types.Datum, types.Type, error) {
	query := "query: " + e.text
	d := types.Null
	out, err := x.run(e, 0, func(b *types.Batch) error {
		if b.N > 0 && len(b.Cols) > 0 {
			d = b.Cols[0].Get(0)
		}
		return nil
	})
	if err != nil {
		return d, types.Type{}, err
	}
	x.processed = out.Rows
	switch n := len(out.Columns); {
	case n != 1:
		return d, types.Type{}, pgerr.New(pgerr.SyntaxError, "query returned %d columns", n).WithWhere("%s", query)
	case out.Rows > 1:
		return d, types.Type{}, pgerr.New(pgerr.CardinalityViolation, "query returned more than one row").WithWhere("%s", query)
	}
	return d, out.Columns[0].Type, nil
}

// ready makes the plan of a piece of SQL current, and takes the values of its variables.
func (x *execution) ready(e *expression) ([]types.Datum, error) {
	if e.madeFor != x.env || e.statement == nil {
		if err := x.prepare(e); err != nil {
			return nil, err
		}
	}
	params, err := x.arguments(e, make([]types.Datum, len(e.params)))
	if err != nil {
		return nil, e.inSQL(err)
	}
	return params, nil
}

// run executes a piece of SQL as a statement.
func (x *execution) run(e *expression, limit int, rows func(b *types.Batch) error) (out Outcome, err error) {
	params, err := x.ready(e)
	if err != nil {
		return out, err
	}
	err = x.within(e, func() error {
		out, err = x.host.Run(e.statement, params, limit, rows)
		return err
	})
	x.renew()
	return out, err
}

// evaluateTo evaluates an expression to a value of a type.
func (x *execution) evaluateTo(e *expression, to types.Type) (types.Datum, error) {
	d, t, err := x.evaluate(e)
	if err != nil {
		return d, err
	}
	return x.cast(d, t, to)
}

var boolType, intType = types.T(types.BoolOid), types.T(types.Int4Oid)

// holds evaluates a condition.
func (x *execution) holds(e *expression) (bool, error) {
	d, err := x.evaluateTo(e, boolType)
	return err == nil && !d.IsNull() && d.Bool(), err
}

// assignExpression evaluates an expression into a variable.
func (x *execution) assignExpression(to *datum, e *expression) error {
	if s := e.simple; s != nil && s.store != nil && e.madeFor == x.env && x.varTypes == nil && e.target == to {
		if done, err := x.storeElement(to, e); done {
			return err
		}
	}
	d, t, err := x.evaluate(e)
	if err != nil {
		return err
	}
	return x.assign(to, d, t)
}
