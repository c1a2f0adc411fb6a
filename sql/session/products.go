package session

import (
	"context"
	"time"

	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// What rules do beside a statement: see sema.Analyzed.Products. Each action is a statement of its own, made of the same text,
// and sees what those before it have written.

// productStatements are the statements of n actions.
func (st *statement) productStatements(n int) []*statement {
	if n == len(st.products) {
		return st.products
	}
	out := make([]*statement, n)
	for i := range out {
		out[i] = &statement{raw: st.raw, text: st.text, declared: st.declared, simple: st.simple, function: st.function, variables: st.variables,
			bound: st.bound, product: i + 1}
	}
	return out
}

// productsFirst reports whether the actions come before the statement: those beside an INSERT come behind it.
func (st *statement) productsFirst() bool {
	return len(st.products) > 0 && st.plan.Kind != planner.Insert
}

// runProducts does the actions of rules beside a statement.
func (s *Session) runProducts(ctx context.Context, st *statement, params []types.Datum, clock time.Time) error {
	for _, p := range st.products {
		if _, err := s.runNested(ctx, &nestedStatement{st: p, params: params, fresh: true, clock: clock}); err != nil {
			return err
		}
	}
	return nil
}

// noProducts refuses a statement with actions beside it where they are not done.
func (st *statement) noProducts(what string) error {
	if len(st.products) == 0 {
		return nil
	}
	return pgerr.NotSupported(what + " of a statement on a relation with rules that do something besides")
}
