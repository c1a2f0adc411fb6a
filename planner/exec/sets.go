package exec

import (
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// setOpener is a set-returning function that can be called.
type setOpener interface {
	Open(ctx *expr.EvalContext, argTypes []types.Type, result types.Type, args []types.Datum) (expr.SetIterator, error)
}

// openSet starts a call of a set-returning function. A nil iterator has no rows.
func openSet(eval *expr.EvalContext, s *expr.SetReturning, args []types.Datum) (expr.SetIterator, error) {
	if s.Fn.Strict {
		for _, a := range args {
			if a.IsNull() {
				return nil, nil
			}
		}
	}
	o, ok := any(s.Fn).(setOpener)
	if !ok {
		return nil, pgerr.NotSupported("function " + s.Fn.Name)
	}
	ts := make([]types.Type, len(s.Args))
	for i, a := range s.Args {
		ts[i] = a.ResultType()
	}
	return o.Open(eval, ts, s.Type, args)
}
