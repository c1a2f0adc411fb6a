package exec

import (
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// openSet starts a call of a set-returning function. A nil iterator has no rows.
func openSet(eval *expr.EvalContext, s *expr.SetReturning, args []types.Datum) (expr.SetIterator, error) {
	ts := make([]types.Type, len(s.Args))
	for i, a := range s.Args {
		ts[i] = a.ResultType()
	}
	return s.Fn.Open(eval, args, ts, s.Type)
}
