package session

import (
	"context"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// CallFunction runs a function that a user created.
func (f *functions) CallFunction(ctx *expr.EvalContext, call *expr.FunctionCall) (types.Datum, error) {
	s := f.session()
	fn, leave, err := s.enterFunction(call.Def)
	if err != nil {
		return types.Null, err
	}
	defer leave()
	switch fn.Language {
	case catalog.LanguageSQL:
		return s.callSQL(ctx, fn, call)
	case catalog.LanguagePLpgSQL:
		return s.callPLpgSQL(ctx, fn, call)
	}
	return types.Null, pgerr.NotSupported("LANGUAGE " + fn.Language)
}

// OpenFunction runs a function that a user created and that returns a set.
func (f *functions) OpenFunction(ctx *expr.EvalContext, call *expr.FunctionCall) (expr.SetIterator, error) {
	s := f.session()
	fn, leave, err := s.enterFunction(call.Def)
	if err != nil {
		return nil, err
	}
	defer leave()
	switch fn.Language {
	case catalog.LanguageSQL:
		return s.openSQL(ctx, fn, call)
	case catalog.LanguagePLpgSQL:
		return s.openPLpgSQL(ctx, fn, call)
	}
	return nil, pgerr.NotSupported("LANGUAGE " + fn.Language)
}

// enterFunction finds a function, checks that the current role may call it, and puts its settings and its owner's role in
// force until leave.
func (s *Session) enterFunction(def *expr.UserDef) (fn *catalog.Function, leave func(), err error) {
	snap := s.snapshot()
	if fn = snap.Function(def.Oid); fn == nil {
		return nil, nil, pgerr.New(pgerr.UndefinedFunction, "function with OID %d does not exist", def.Oid)
	}
	if !def.Unchecked {
		if err := s.mayExecute(fn, s.role()); err != nil {
			return nil, nil, err
		}
	}
	nested, err := s.enterNested()
	if err != nil {
		return nil, nil, err
	}
	if !fn.SecurityDefiner && len(fn.Config) == 0 {
		return fn, nested, nil
	}
	restore, err := s.functionSettings(fn)
	if err != nil {
		nested()
		return nil, nil, err
	}
	return fn, func() { restore(); nested() }, nil
}

func (s *Session) mayExecute(fn *catalog.Function, role catalog.Oid) error {
	if p, _ := s.snapshot().FunctionPrivileges(fn, role); p&catalog.PrivExecute == 0 {
		return catalog.DeniedError(fn.Kind.Noun(), fn.Name)
	}
	return nil
}

// MayAggregate checks that the current role may use an aggregate, and its owner the functions that compute it.
func (f *functions) MayAggregate(oid types.Oid) error {
	s := f.session()
	snap := s.snapshot()
	agg := snap.Function(oid)
	if agg == nil || agg.Aggregate == nil {
		return pgerr.New(pgerr.UndefinedFunction, "function with OID %d does not exist", oid)
	}
	if err := s.mayExecute(agg, s.role()); err != nil {
		return err
	}
	for _, part := range []catalog.Oid{agg.Aggregate.Transition, agg.Aggregate.Final} {
		if fn := snap.Function(part); fn != nil {
			if err := s.mayExecute(fn, agg.Owner); err != nil {
				return err
			}
		}
	}
	return nil
}

// functionSettings applies SECURITY DEFINER and SET; restore takes them back, whatever else was set meanwhile.
func (s *Session) functionSettings(fn *catalog.Function) (restore func(), err error) {
	restore = func() {}
	if !fn.SecurityDefiner && len(fn.Config) == 0 {
		return restore, nil
	}
	type old struct {
		name  string
		value string
	}
	var olds []old
	change := func(name, value string) error {
		key := lower(name)
		before, _, _ := s.settings.raw(key)
		next, err := s.settings.with(changer{superuser: true}, name, &value, false)
		if err == nil {
			s.settings = next
			olds = append(olds, old{name, before})
		}
		return err
	}
	restore = func() {
		for _, o := range slices.Backward(olds) {
			if next, err := s.settings.with(changer{superuser: true}, o.name, &o.value, false); err == nil {
				s.settings = next
			}
		}
	}
	if fn.SecurityDefiner {
		if err := change("role", rawRole(fn.Owner)); err != nil {
			return nil, err
		}
	}
	for _, c := range fn.Config {
		if err := change(c.Name, c.Value); err != nil {
			restore()
			return nil, err
		}
	}
	return restore, nil
}

// rowsIterator yields rows that are all known.
type rowsIterator struct {
	rows [][]types.Datum
	next int
}

// Next implements expr.SetIterator.
func (r *rowsIterator) Next(_ *expr.EvalContext, row []types.Datum) (bool, error) {
	if r.next >= len(r.rows) {
		return false, nil
	}
	copy(row, r.rows[r.next])
	r.rows[r.next] = nil
	r.next++
	return true, nil
}

// callContext is the context of the statements that a function executes.
func callContext(ctx *expr.EvalContext) context.Context {
	if ctx.Context != nil {
		return ctx.Context
	}
	return context.Background()
}

// checksBodies is check_function_bodies.
func (s *Session) checksBodies() bool {
	v, _, _ := s.settings.raw("check_function_bodies")
	return v != "off"
}
