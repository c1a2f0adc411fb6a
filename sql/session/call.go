package session

import (
	"context"
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// analyseCall gives a CALL its meaning for the session's catalog.
func (s *Session) analyseCall(st *statement, u *parse.CallStmt) (*sema.Call, error) {
	snap := s.snapshot()
	env := s.semaEnv(snap, st.text)
	for _, o := range st.declared {
		env.ParamTypes = append(env.ParamTypes, snap.ValueType(o))
	}
	env.NoParams = st.simple
	env.Function, env.Bound, env.Variables = st.function, st.bound, st.variables
	return sema.AnalyzeCall(u, env)
}

// callArgs evaluates the arguments of a CALL.
func (s *Session) callArgs(eval *expr.EvalContext, c *sema.Call, call *expr.FunctionCall, h *plHost) error {
	if h != nil {
		defer h.Nest()()
	}
	for _, a := range c.Args {
		e, err := expr.Compile(a, nil)
		if err != nil {
			return err
		}
		v, err := e.EvalRow(eval, nil)
		if err != nil {
			return err
		}
		call.Args, call.Types = append(call.Args, v), append(call.Types, a.ResultType())
	}
	return nil
}

// callFields describes the row of output arguments that a CALL returns; nil for none.
func callFields(c *sema.Call) []Field {
	var out []Field
	for _, col := range c.Columns {
		out = append(out, Field{Name: col.Name, Type: col.Type})
	}
	return out
}

// call is CALL.
func (s *Session) call(ctx context.Context, p *portal, u *parse.CallStmt) (string, *rowSource, error) {
	s.mayEnd = s.nonAtomic()
	return s.callProcedure(ctx, p, u, nil)
}

// callProcedure is CALL of a procedure that may end the transaction where mayEnd says so; h is the function that calls it, nil
// for none.
func (s *Session) callProcedure(ctx context.Context, p *portal, u *parse.CallStmt, h *plHost) (string, *rowSource, error) {
	mayEnd := s.mayEnd
	s.mayEnd = false
	s.open()
	c, err := s.analyseCall(p.st, u)
	if err != nil {
		return "", nil, err
	}
	s.tx.ran = true
	if s.nesting == 0 {
		s.tx.txn.StartStatement()
	}
	eval := s.execContext(ctx, p.params).Eval
	eval.StatementTime = s.statementClock()
	call := &expr.FunctionCall{Def: c.Def, Result: c.Def.Result, Columns: c.Columns}
	if err := s.callArgs(eval, c, call, h); err != nil {
		return "", nil, err
	}
	s.mayEnd = mayEnd
	out, err := (*functions)(s).CallFunction(eval, call)
	s.mayEnd = false
	if err != nil || c.Columns == nil {
		return "CALL", nil, err
	}
	rows := &rowSource{fields: callFields(c)}
	ts := make([]types.Type, len(rows.fields))
	for i, f := range rows.fields {
		ts[i] = f.Type
	}
	rows.batch = types.NewBatch(ts, 1)
	row := make([]types.Datum, len(ts))
	if !out.IsNull() {
		row = slices.Clone(out.Record().Fields)
	}
	rows.batch.AppendRow(row)
	return "CALL", rows, nil
}
