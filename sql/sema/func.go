package sema

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// funcCall resolves a call: a function, an aggregate, a set-returning function or a cast in function notation.
func (s *scope) funcCall(f *parse.FuncCall) (expr.Node, error) {
	if f.AggWithinGroup {
		return nil, s.unsupported(f.Loc(), "WITHIN GROUP")
	}
	oldCond := s.conditional
	defer func() { s.conditional = oldCond }()
	args, names, err := s.callArgs(f)
	if err != nil {
		return nil, err
	}
	display := f.Name.String()
	var r *expr.Resolved
	if lookup, ok := builtin(f.Name); ok {
		if r, err = expr.LookupFunction(lookup, oidsOf(args), names, f.FuncVariadic); err != nil {
			return nil, s.at(f.Loc(), err)
		}
	}
	if r == nil {
		return nil, s.noFunction(f, display, args, names)
	}
	if r.Window != nil && f.Over == nil {
		return nil, s.errorf(f.Loc(), pgerr.WrongObjectType, "window function %s requires an OVER clause", f.Name.String())
	}
	if r.Agg != nil && orderedSets[r.Agg.Name] {
		return nil, s.errorf(f.Loc(), pgerr.WrongObjectType, "WITHIN GROUP is required for ordered-set aggregate %s", f.Name.String())
	}
	if r.Agg == nil && r.Window == nil {
		if err := s.notAggregate(f); err != nil {
			return nil, err
		}
	}
	switch {
	case r.Cast != 0:
		return s.coerceMod(args[0], types.T(r.Cast), types.Explicit, f.Loc())
	case f.Over != nil:
		return s.windowFunc(f, r, args)
	case r.Agg != nil:
		return s.aggregate(f, r, args)
	}
	if args, err = s.arrange(r, args, f.Loc()); err != nil {
		return nil, err
	}
	if r.Set != nil {
		return s.setReturning(f, r, args)
	}
	n, err := s.call(r.Fn, r.Args, args, f.Loc())
	if err != nil {
		return nil, err
	}
	out := n.(*expr.Func)
	out.Variadic = f.FuncVariadic
	return s.spread(r, out)
}

// orderedSets are the ordered-set and hypothetical-set aggregates.
var orderedSets = map[string]bool{"mode": true, "percentile_cont": true, "percentile_disc": true, "rank": true, "dense_rank": true,
	"percent_rank": true, "cume_dist": true}

// builtin returns the name by which the registry may know a function.
func builtin(n parse.Name) (lookup string, ok bool) {
	switch {
	case len(n) == 1 || n.Schema() == catalog.PgCatalogName:
		return n.Last(), true
	case n.Schema() == expr.ClusterSchema:
		return expr.ClusterSchema + "." + n.Last(), true
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

func (s *scope) notAggregate(f *parse.FuncCall) error {
	name := f.Name.String()
	switch {
	case f.AggStar:
		return s.errorf(f.Loc(), pgerr.WrongObjectType, "%s(*) specified, but %s is not an aggregate function", name, name)
	case f.AggDistinct:
		return s.errorf(f.Loc(), pgerr.WrongObjectType, "DISTINCT specified, but %s is not an aggregate function", name)
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
		(s.env.Catalog == nil || s.env.Catalog.SchemaByName(f.Name.Schema()) == nil) {
		return s.errorf(f.Loc(), pgerr.InvalidSchemaName, "schema %q does not exist", f.Name.Schema())
	}
	if len(f.AggOrder) > 0 && len(names) == 0 && !expr.Exists(f.Name.Last()) {
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
		d := r.DefaultArg(i)
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
	if why := s.clause.noSets(); why != "" {
		return nil, s.errorf(f.Loc(), pgerr.FeatureNotSupported, "%s", why)
	}
	if s.conditional != "" {
		return nil, s.at(f.Loc(), pgerr.New(pgerr.FeatureNotSupported, "set-returning functions are not allowed in %s", s.conditional).
			WithHint("You might be able to move the set-returning function into a LATERAL FROM item."))
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
	if s.clause != inFromFunction {
		s.q.HasSRFs = true
	}
	return &expr.SetReturning{Fn: r.Set, Args: args, Type: types.T(ret), Loc: f.Loc()}, nil
}

func (s *scope) aggregate(f *parse.FuncCall, r *expr.Resolved, args []expr.Node) (expr.Node, error) {
	loc := f.Loc()
	agg := r.Agg
	if !agg.Supported() {
		return nil, s.unsupported(loc, "aggregate "+expr.Signature(agg.Name, agg.Args))
	}
	if len(args) == 0 && !f.AggStar {
		return nil, s.errorf(loc, pgerr.WrongObjectType, "%s(*) must be used to call a parameterless aggregate function", f.Name.String())
	}
	want, ret, err := expr.ResolvePolymorphic(oidsOf(args), r.Args, agg.Result)
	if err != nil {
		return nil, s.at(loc, err)
	}
	for i, a := range args {
		if args[i], err = s.coerceType(a, want[i], types.Implicit, -1); err != nil {
			return nil, err
		}
	}
	n := &expr.Aggregate{Fn: agg, Args: args, Star: f.AggStar, Distinct: f.AggDistinct, Type: types.T(ret), Loc: loc}
	for _, sb := range f.AggOrder {
		k, err := s.expr(sb.Node)
		if err != nil {
			return nil, err
		}
		if k, err = s.resolveUnknown(k); err != nil {
			return nil, err
		}
		key := expr.SortKey{Expr: k}
		if key.Desc, key.NullsFirst, err = s.direction(sb, k); err != nil {
			return nil, err
		}
		n.OrderBy = append(n.OrderBy, key)
	}
	if err := s.aggDistinct(n); err != nil {
		return nil, err
	}
	if f.AggFilter != nil {
		done := s.in(inFilter)
		n.Filter, err = s.boolExpr(f.AggFilter, "FILTER")
		done()
		if err != nil {
			return nil, err
		}
	}
	return s.placeAggregate(n)
}

func (s *scope) aggDistinct(n *expr.Aggregate) error {
	if !n.Distinct {
		return nil
	}
	for _, a := range n.Args {
		if expr.LessThanOf(oidOf(a)) == nil {
			return s.at(locOf(a), noOrdering(oidOf(a), true))
		}
	}
	for _, k := range n.OrderBy {
		found := false
		for _, a := range n.Args {
			found = found || expr.Equal(a, k.Expr)
		}
		if !found {
			return s.errorf(locOf(k.Expr), pgerr.InvalidColumnReference, "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list")
		}
	}
	return nil
}

// placeAggregate finds the query that an aggregate belongs to.
func (s *scope) placeAggregate(n *expr.Aggregate) (expr.Node, error) {
	inner := slices.Clone(n.Args)
	for _, k := range n.OrderBy {
		inner = append(inner, k.Expr)
	}
	if n.Filter != nil {
		inner = append(inner, n.Filter)
	}
	var err error
	n.Level, err = s.aggregateLevel(inner, "aggregate functions", n.Loc)
	return n, err
}

// aggregateLevel finds the query that an aggregate or GROUPING call belongs to: the innermost one whose columns its
// arguments use, or its own if they use none.
func (s *scope) aggregateLevel(args []expr.Node, what string, loc int) (int, error) {
	for _, a := range args {
		if err := s.checkAggregateArg(a); err != nil {
			return 0, err
		}
	}
	vars, aggs := innermost(args)
	level := max(vars, 0)
	if aggs >= 0 && (vars < 0 || aggs <= vars) {
		return 0, s.errorf(aggregateLoc(args, aggs), pgerr.GroupingError, "aggregate function calls cannot be nested")
	}
	sc := s
	for range level {
		sc = sc.parent
	}
	if where := sc.clause.noAggs(); where != "" {
		return 0, s.errorf(loc, pgerr.GroupingError, "%s are not allowed in %s", what, where)
	}
	sc.q.HasAggs = true
	return level, nil
}

// checkAggregateArg refuses what an aggregate's argument may not hold outside of subqueries.
func (s *scope) checkAggregateArg(n expr.Node) error {
	var err error
	expr.Walk(n, func(k expr.Node) bool {
		switch k := k.(type) {
		case *expr.SetReturning:
			err = s.at(k.Loc, pgerr.New(pgerr.FeatureNotSupported, "aggregate function calls cannot contain set-returning function calls").
				WithHint("You might be able to move the set-returning function into a LATERAL FROM item."))
		case *expr.WindowFunc:
			err = s.errorf(k.Loc, pgerr.GroupingError, "aggregate function calls cannot contain window function calls")
		}
		return err == nil
	})
	return err
}

// innermost are the levels of the innermost columns and of the innermost aggregates that expressions use, -1 for none.
func innermost(ns []expr.Node) (vars, aggs int) {
	vars, aggs = -1, -1
	least := func(have *int, level int) {
		if level >= 0 && (*have < 0 || level < *have) {
			*have = level
		}
	}
	for _, n := range ns {
		walkLevels(n, func(k expr.Node, level int) {
			if _, ok := k.(*expr.Var); ok {
				least(&vars, level)
			} else {
				least(&aggs, level)
			}
		})
	}
	return vars, aggs
}

func aggregateLoc(ns []expr.Node, level int) int {
	loc := -1
	for _, n := range ns {
		walkLevels(n, func(k expr.Node, l int) {
			if _, isVar := k.(*expr.Var); !isVar && l == level && loc < 0 {
				loc = k.Pos()
			}
		})
	}
	return loc
}
