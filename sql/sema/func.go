package sema

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// funcCall resolves a call: a function, an aggregate, a set-returning function or a cast in function notation.
func (s *scope) funcCall(f *parse.FuncCall) (expr.Node, error) {
	oldCond := s.conditional
	defer func() { s.conditional = oldCond }()
	args, names, err := s.callArgs(f)
	if err != nil {
		return nil, err
	}
	if f.AggWithinGroup {
		for _, sb := range f.AggOrder {
			n, err := s.exprIn(sb.Node, inOrderBy)
			if err != nil {
				return nil, err
			}
			args = append(args, n)
		}
	}
	n, err := s.callOf(f, args, names)
	if n == nil && err == nil {
		if n, err = s.projection(f, args, names); n == nil && err == nil {
			return nil, s.noFunction(f, f.Name.String(), args, names)
		}
	}
	return n, err
}

// projection is f(row) for row.f, the row's field.
func (s *scope) projection(f *parse.FuncCall, args []expr.Node, names []string) (expr.Node, error) {
	if len(f.Name) != 1 || len(args) != 1 || names != nil || oidOf(args[0]).Kind() != types.KRecord || f.AggStar || f.AggDistinct ||
		f.AggWithinGroup || f.AggOrder != nil || f.AggFilter != nil || f.Over != nil || f.FuncVariadic {
		return nil, nil
	}
	for _, c := range s.recordColumns(args[0]) {
		if c.Name == f.Name[0] {
			return s.fieldOf(args[0], f.Name[0], f.Loc())
		}
	}
	return nil, nil
}

// attributeCall is row.f for f(row), where the row has no such field; nil if there is no such function either.
func (s *scope) attributeCall(row expr.Node, name string, loc int) (expr.Node, error) {
	f := &parse.FuncCall{Name: parse.Name{name}, Location: parse.Location(loc)}
	if lookup, ok := builtin(f.Name); ok {
		if r, err := expr.LookupFunction(lookup, []types.Oid{oidOf(row)}, nil, false, s.userNames(f.Name)); r == nil || err != nil {
			return nil, nil
		}
	}
	return s.callOf(f, []expr.Node{row}, nil)
}

// callOf resolves a call with its arguments analysed; nil if there is no such function.
func (s *scope) callOf(f *parse.FuncCall, args []expr.Node, names []string) (expr.Node, error) {
	lookup, _ := builtin(f.Name)
	r, err := expr.LookupFunction(lookup, oidsOf(args), names, f.FuncVariadic, s.userNames(f.Name))
	if err != nil {
		return nil, s.at(f.Loc(), err)
	}
	if r == nil {
		return nil, nil
	}
	if def := userDef(r); def != nil && def.Procedure {
		return nil, s.errProcedure(f, args)
	}
	if err := s.checkKind(f, r, args); err != nil {
		return nil, err
	}
	if r.Agg != nil && len(names) > 0 {
		return nil, s.errorf(f.Loc(), pgerr.FeatureNotSupported, "aggregates cannot use named arguments")
	}
	switch {
	case r.Cast != 0:
		return s.coerceMod(args[0], s.valueType(r.Cast), types.Explicit, f.Loc())
	case f.Over != nil:
		return s.windowFunc(f, r, args)
	case f.AggWithinGroup:
		return s.orderedAggregate(f, r, args)
	case r.Agg != nil:
		return s.aggregate(f, r, args)
	}
	if s.env.Print {
		args = writtenArgs(r, args)
	} else if args, err = s.arrange(r, args, f.Loc()); err != nil {
		return nil, err
	}
	if def := userDef(r); def != nil {
		return s.userCall(f, r, def, args, names)
	}
	if r.Set != nil {
		return s.setReturning(f, r, args)
	}
	if last := len(args) - 1; f.FuncVariadic && r.Fn.Variadic == types.AnyOid && types.ElemOf(oidOf(args[last])) == 0 {
		return nil, s.errorf(locOf(args[last]), pgerr.DatatypeMismatch, "VARIADIC argument must be an array")
	}
	if args, err = s.boundsOf(r.Fn, args); err != nil {
		return nil, err
	}
	n, err := s.call(r.Fn, r.Args, args, f.Loc())
	if err != nil {
		return nil, err
	}
	out := n.(*expr.Func)
	out.Variadic, out.SQLSyntax = f.FuncVariadic, f.SQLSyntax
	if s.env.Print {
		out.Names = names
	}
	return s.spread(r, out)
}

// builtin returns the name by which the registry may know a function.
func builtin(n parse.Name) (lookup string, ok bool) {
	switch {
	case len(n) == 1 || n.Schema() == catalog.PgCatalogName:
		return n.Last(), true
	case n.Schema() == expr.ClusterSchema:
		return expr.ClusterSchema + "." + n.Last(), true
	case n.Schema() == expr.InformationSchema:
		return expr.InformationSchema + "." + n.Last(), true
	}
	return "", false
}

// callArgs analyses the arguments of a call; names are those of the last ones.
func (s *scope) callArgs(f *parse.FuncCall) (args []expr.Node, names []string, err error) {
	for _, a := range f.Args {
		if n, ok := a.(*parse.NamedArgExpr); ok {
			names = append(names, n.Name)
			a = n.Arg
		} else if len(names) > 0 {
			return nil, nil, s.errorf(a.Loc(), pgerr.SyntaxError, "positional argument cannot follow named argument")
		}
		if c, ok := a.(*parse.ColumnRef); ok && c.Star && len(c.Fields) > 0 {
			a = &parse.ColumnRef{Fields: c.Fields, Location: c.Location} // f(t.*) is f of the row
		}
		n, err := s.expr(a)
		if err != nil {
			return nil, nil, err
		}
		args = append(args, n)
	}
	return args, names, nil
}

// checkKind refuses what is not said of the kind of function that a call means.
func (s *scope) checkKind(f *parse.FuncCall, r *expr.Resolved, args []expr.Node) error {
	switch name := f.Name.String(); {
	case r.Window != nil && f.Over == nil:
		return s.errorf(f.Loc(), pgerr.WrongObjectType, "window function %s requires an OVER clause", name)
	case r.Window != nil && f.AggWithinGroup:
		return s.errorf(f.Loc(), pgerr.WrongObjectType, "window function %s cannot have WITHIN GROUP", name)
	case r.Window != nil:
	case r.Agg == nil:
		return s.notAggregate(f)
	case r.Agg.Kind != expr.PlainAggregate:
		return s.checkOrderedSet(f, r, args)
	case f.AggWithinGroup:
		return s.errorf(f.Loc(), pgerr.WrongObjectType, "%s is not an ordered-set aggregate, so it cannot have WITHIN GROUP", name)
	}
	return nil
}

func (s *scope) notAggregate(f *parse.FuncCall) error {
	name := f.Name.String()
	switch {
	case f.AggStar:
		return s.errorf(f.Loc(), pgerr.WrongObjectType, "%s(*) specified, but %s is not an aggregate function", name, name)
	case f.AggDistinct:
		return s.errorf(f.Loc(), pgerr.WrongObjectType, "DISTINCT specified, but %s is not an aggregate function", name)
	case f.AggWithinGroup:
		return s.errorf(f.Loc(), pgerr.WrongObjectType, "WITHIN GROUP specified, but %s is not an aggregate function", name)
	case len(f.AggOrder) > 0:
		return s.errorf(f.Loc(), pgerr.WrongObjectType, "ORDER BY specified, but %s is not an aggregate function", name)
	case f.AggFilter != nil:
		return s.errorf(f.Loc(), pgerr.WrongObjectType, "FILTER specified, but %s is not an aggregate function", name)
	case f.Over != nil:
		return s.errorf(f.Loc(), pgerr.WrongObjectType, "OVER specified, but %s is not a window function nor an aggregate function", name)
	}
	return nil
}

// noFunction is the error for a call that nothing matches.
func (s *scope) noFunction(f *parse.FuncCall, display string, args []expr.Node, names []string) error {
	if len(f.Name) > 1 && f.Name.Schema() != catalog.PgCatalogName && f.Name.Schema() != catalog.InformationSchemaName &&
		(s.env.Catalog == nil || s.env.Catalog.SchemaNamed(s.env.SearchPath, f.Name.Schema()) == nil) {
		return s.errorf(f.Loc(), pgerr.InvalidSchemaName, "schema %q does not exist", f.Name.Schema())
	}
	if len(f.AggOrder) > 1 && !f.AggWithinGroup {
		return s.at(f.Loc(), pgerr.New(pgerr.UndefinedFunction, "function %s does not exist", expr.Signature(display, oidsOf(args))).
			WithHint("No aggregate function matches the given name and argument types. Perhaps you misplaced ORDER BY; ORDER BY must appear after all regular arguments of the aggregate."))
	}
	return s.at(f.Loc(), expr.NoFunction(display, oidsOf(args), names))
}

// arrange puts named arguments in declared order and fills in defaults between them.
func (s *scope) arrange(r *expr.Resolved, args []expr.Node, loc int) ([]expr.Node, error) {
	if r.Order == nil {
		return args, nil
	}
	last := -1
	for i, o := range r.Order {
		if o >= 0 {
			last = i
		}
	}
	out := make([]expr.Node, last+1)
	declared := make([]types.Oid, last+1)
	full := r.DeclaredArgs()
	for i := range out {
		declared[i] = full[i]
		if o := r.Order[i]; o >= 0 {
			out[i] = args[o]
			continue
		}
		d, err := s.defaultArg(r, i)
		if err != nil {
			return nil, err
		}
		if d == nil {
			return nil, s.unsupported(loc, "leaving out this argument in named notation")
		}
		out[i] = d
	}
	r.Args = declared
	return out, nil
}

// spread gathers the arguments of a VARIADIC parameter in an array.
func (s *scope) spread(r *expr.Resolved, f *expr.Func) (expr.Node, error) {
	if !r.Spread {
		return f, nil
	}
	tail := f.Args[r.SpreadFrom:]
	elem := r.SpreadElem
	if len(tail) > 0 {
		elem = oidOf(tail[0])
	}
	arr := &expr.ArrayExpr{Elems: append([]expr.Node(nil), tail...), Type: types.T(types.ArrayOf(elem)), Loc: -1}
	f.Args = append(append([]expr.Node(nil), f.Args[:r.SpreadFrom]...), arr)
	return f, nil
}

func (s *scope) setReturning(f *parse.FuncCall, r *expr.Resolved, args []expr.Node) (expr.Node, error) {
	if err := s.setsAllowed(f); err != nil {
		return nil, err
	}
	if !r.Set.Supported() {
		return nil, s.unsupported(f.Loc(), "function "+expr.Signature(r.Set.Name, r.Set.Args))
	}
	want, ret, err := expr.ResolvePolymorphic(oidsOf(args), r.Args, r.Set.Result)
	if err != nil {
		return nil, s.at(f.Loc(), err)
	}
	for i, a := range args {
		if args[i], err = s.coerceType(a, want[i], types.Implicit, -1); err != nil {
			return nil, err
		}
	}
	return &expr.SetReturning{Fn: r.Set, Args: args, Type: types.T(ret), Loc: f.Loc()}, nil
}

// setsAllowed refuses a set where there can be none, and notes it where it can be.
func (s *scope) setsAllowed(f *parse.FuncCall) error {
	if why := s.clause.noSets(); why != "" {
		return s.errorf(f.Loc(), pgerr.FeatureNotSupported, "%s", why)
	}
	if s.conditional != "" {
		return s.at(f.Loc(), pgerr.New(pgerr.FeatureNotSupported, "set-returning functions are not allowed in %s", s.conditional).
			WithHint("You might be able to move the set-returning function into a LATERAL FROM item."))
	}
	if s.clause != inFromFunction {
		s.q.HasSRFs = true
	}
	return nil
}
