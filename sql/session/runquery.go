package session

import (
	"errors"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/plpgsql"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// RunQuery implements expr.Session. The query sees what the statement around it sees, as PostgreSQL's cursor that only reads.
func (f *functions) RunQuery(ctx *expr.EvalContext, text string, columns func(ts []types.Type) error, row func(values []types.Datum) error) error {
	s := f.session()
	leave, err := s.enterNested()
	if err != nil {
		return err
	}
	defer leave()
	h := s.newPLHost(callContext(ctx), ctx.StatementTime, true, true)
	list, err := h.prepareText(text, nil)
	if err != nil {
		return inQuery(err, text)
	}
	if len(list) != 1 {
		return pgerr.New(pgerr.InvalidCursorDefinition, "cannot open multi-query plan as cursor")
	}
	p := list[0].(*plStatement)
	if p.Class() != plpgsql.ClassSelect {
		return pgerr.New(pgerr.InvalidCursorDefinition, "cannot open %s query as cursor", p.Tag())
	}
	if err := h.Describe(p); err != nil {
		return inQuery(err, text)
	}
	var ts []types.Type
	for _, c := range p.Columns() {
		ts = append(ts, c.Type)
	}
	if err := columns(ts); err != nil {
		return err
	}
	var refused error
	_, err = h.Run(p, nil, 0, func(b *types.Batch) error {
		for i := range b.N {
			if refused = row(b.Row(i)); refused != nil {
				return refused
			}
		}
		return nil
	})
	if refused != nil {
		return refused
	}
	return inQuery(err, text)
}

// inQuery says of an error in which query of a function it was.
func inQuery(err error, text string) error {
	var e *pgerr.Error
	if !errors.As(err, &e) {
		return err
	}
	if e.Position > 0 {
		e.WithInternal(text, e.Position)
		e.Position = 0
		return e
	}
	return e.WithWhere("SQL statement \"%s\"", text)
}
