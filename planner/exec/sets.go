package exec

import (
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// openSet starts a call of a set-returning function. A nil iterator has no rows.
func openSet(eval *expr.EvalContext, s *expr.SetReturning, args []types.Datum) (expr.SetIterator, error) {
	return s.Fn.Open(eval, s, args)
}
