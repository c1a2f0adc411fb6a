package sema

import (
	"cmp"
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// aggregate analyses a call of a plain aggregate, its arguments analysed already.
func (s *scope) aggregate(f *parse.FuncCall, r *expr.Resolved, args []expr.Node) (expr.Node, error) {
	loc := f.Loc()
	agg := r.Agg
	if !agg.Supported() {
		return nil, s.unsupported(loc, "aggregate "+expr.Signature(agg.Name, agg.Args))
	}
	if len(args) == 0 && !f.AggStar {
		return nil, s.errorf(loc, pgerr.WrongObjectType, "%s(*) must be used to call a parameterless aggregate function", f.Name.String())
	}
	args, result, err := s.aggregateArgs(f, r, args)
	if err != nil {
		return nil, err
	}
	n := &expr.Aggregate{Fn: agg, Args: args, Star: f.AggStar, Distinct: f.AggDistinct, Type: result, Loc: loc}
	for _, sb := range f.AggOrder {
		k, err := s.exprIn(sb.Node, inOrderBy)
		if err != nil {
			return nil, err
		}
		if k, err = s.resolveUnknown(argumentOf(args, k)); err != nil {
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
	return s.finishAggregate(f, n)
}

// argumentOf is the argument of an aggregate that an expression of its ORDER BY is, as the aggregate takes it: its cast to the
// parameter's type counts for the order, too.
func argumentOf(args []expr.Node, k expr.Node) expr.Node {
	for _, a := range args {
		if c, ok := a.(*expr.Cast); ok && c.Context == types.Implicit && c.Domain == nil && expr.Equal(c.Arg, k) {
			return a
		}
	}
	return k
}

// finishAggregate analyses FILTER and finds the query that the aggregate belongs to.
func (s *scope) finishAggregate(f *parse.FuncCall, n *expr.Aggregate) (expr.Node, error) {
	if f.AggFilter != nil {
		var err error
		done := s.in(inFilter)
		n.Filter, err = s.boolExpr(f.AggFilter, "FILTER")
		done()
		if err != nil {
			return nil, err
		}
	}
	return s.placeAggregate(n)
}

// checkOrderedSet refuses calls of ordered-set aggregates without WITHIN GROUP, and those whose arguments are divided
// otherwise than the aggregate has them.
func (s *scope) checkOrderedSet(f *parse.FuncCall, r *expr.Resolved, args []expr.Node) error {
	name := f.Name.String()
	if !f.AggWithinGroup {
		return s.errorf(f.Loc(), pgerr.WrongObjectType, "WITHIN GROUP is required for ordered-set aggregate %s", name)
	}
	if f.Over != nil {
		return s.errorf(f.Loc(), pgerr.FeatureNotSupported, "OVER is not supported for ordered-set aggregate %s", name)
	}
	direct, want := len(args)-len(f.AggOrder), r.Agg.Direct
	e := pgerr.New(pgerr.UndefinedFunction, "function %s does not exist", expr.Signature(name, oidsOf(args)))
	switch {
	case r.Agg.Kind == expr.HypotheticalSet && direct != len(f.AggOrder):
		return s.at(f.Loc(), e.WithHint("To use the hypothetical-set aggregate %s, the number of hypothetical direct arguments (here %d) must match the number of ordering columns (here %d).",
			name, direct, len(f.AggOrder)))
	case r.Agg.Kind == expr.OrderedSet && direct != want:
		word := "arguments"
		if want == 1 {
			word = "argument"
		}
		return s.at(f.Loc(), e.WithHint("There is an ordered-set aggregate %s, but it requires %d direct %s, not %d.", name, want, word, direct))
	}
	return nil
}

// orderedAggregate analyses a call with WITHIN GROUP, whose expressions are the last arguments.
func (s *scope) orderedAggregate(f *parse.FuncCall, r *expr.Resolved, args []expr.Node) (expr.Node, error) {
	direct := len(args) - len(f.AggOrder)
	result := r.Agg.Result
	if r.Agg.Kind == expr.HypotheticalSet {
		for i := range direct {
			// The type of the aggregated expression wins, so that it is the one value that is converted.
			pair, _, err := s.unify([]expr.Node{args[direct+i], args[i]}, "WITHIN GROUP")
			if err != nil {
				return nil, err
			}
			args[direct+i], args[i] = pair[0], pair[1]
		}
	} else {
		want, ret, err := expr.ResolvePolymorphic(oidsOf(args), r.Args, result)
		if err != nil {
			return nil, err
		}
		for i, a := range args {
			if args[i], err = s.coerceType(a, want[i], types.Implicit, -1); err != nil {
				return nil, err
			}
		}
		result = ret
	}
	n := &expr.Aggregate{Fn: r.Agg, Direct: args[:direct:direct], Args: args[direct:], Type: types.T(result), Loc: f.Loc()}
	for i, sb := range f.AggOrder {
		k := expr.SortKey{Expr: n.Args[i]}
		var err error
		if k.Desc, k.NullsFirst, err = s.direction(sb, n.Args[i]); err != nil {
			return nil, err
		}
		n.OrderBy = append(n.OrderBy, k)
	}
	return s.finishAggregate(f, n)
}

// withoutImplicit takes implicit conversions off an expression.
func withoutImplicit(n expr.Node) expr.Node {
	for {
		c, ok := n.(*expr.Cast)
		if !ok || c.Context == types.Explicit {
			return n
		}
		n = c.Arg
	}
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
	for i, k := range n.OrderBy {
		found := false
		for _, a := range n.Args { // an argument is compared as it was written, and ordered by as it was converted
			if expr.Equal(withoutImplicit(a), k.Expr) {
				n.OrderBy[i].Expr, found = a, true
				break
			}
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
	if n.Level, err = s.aggregateLevel(inner, "aggregate functions", n.Loc); err != nil {
		return nil, err
	}
	return n, s.checkDirect(n)
}

// checkDirect refuses direct arguments that have no value where the aggregate is computed.
func (s *scope) checkDirect(n *expr.Aggregate) error {
	for _, a := range n.Direct {
		if err := s.checkAggregateArg(a); err != nil {
			return err
		}
	}
	vars, aggs := innermost(n.Direct)
	if vars >= 0 && vars < n.Level {
		loc := -1
		for _, a := range n.Direct {
			walkVars(a, func(v *expr.Var, level int) {
				if level == vars && loc < 0 {
					loc = v.Loc
				}
			})
		}
		return s.errorf(loc, pgerr.GroupingError, "outer-level aggregate cannot contain a lower-level variable in its direct arguments")
	}
	if aggs >= 0 && aggs <= n.Level {
		return s.errorf(aggregateLoc(n.Direct, aggs), pgerr.GroupingError, "aggregate function calls cannot be nested")
	}
	return nil
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
	if err := s.checkNestedCTEs(args, level, loc); err != nil {
		return 0, err
	}
	sc.q.HasAggs = true
	return level, nil
}

// checkNestedCTEs refuses an aggregate of the query level levels out whose arguments read a WITH query from further in.
func (s *scope) checkNestedCTEs(args []expr.Node, level, loc int) error {
	var err error
	sc := s
	for range level {
		for _, a := range args {
			subqueries(a, func(q *Query) { err = cmp.Or(err, s.refuseCTEs(q, sc.ctes, loc)) })
		}
		sc = sc.parent
	}
	return err
}

// refuseCTEs refuses references to any of the given WITH queries in q and below.
func (s *scope) refuseCTEs(q *Query, ctes []*cteEntry, loc int) error {
	var err error
	for _, r := range q.Rels {
		if r.Kind == RTECTE && slices.ContainsFunc(ctes, func(c *cteEntry) bool { return c.cte == r.CTE }) {
			return s.at(loc, pgerr.New(pgerr.FeatureNotSupported, "outer-level aggregate cannot use a nested CTE").
				WithDetail("CTE %q is below the aggregate's semantic level.", r.CTE.Name))
		}
	}
	below := func(sub *Query) { err = cmp.Or(err, s.refuseCTEs(sub, ctes, loc)) }
	ownExprs(q, func(n *expr.Node) { subqueries(*n, below) })
	ownQueries(q, below)
	return err
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
