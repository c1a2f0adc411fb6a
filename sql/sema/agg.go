package sema

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

func noEquality(t types.Oid) *pgerr.Error {
	return pgerr.New(pgerr.UndefinedFunction, "could not identify an equality operator for type %s", typeString(t))
}

func noOrdering(t types.Oid, distinct bool) *pgerr.Error {
	if distinct {
		return noEquality(t)
	}
	return pgerr.New(pgerr.UndefinedFunction, "could not identify an ordering operator for type %s", typeString(t)).
		WithHint("Use an explicit ordering operator or modify the query.")
}

// groupItem is one item: an input column, a position or name in the select list, or an expression. target is the entry of
// the select list that it is, -1 for none.
func (s *scope) groupItem(e parse.Expr) (n expr.Node, target int, err error) {
	defer s.in(inGroupBy)()
	switch k := e.(type) {
	case *parse.Const:
		if target, err = s.ordinal(k, "GROUP BY"); err != nil {
			return nil, 0, err
		}
		n, err = s.checkGroup(target, k.Loc())
		return n, target, err
	case *parse.ColumnRef:
		if len(k.Fields) != 1 || k.Star {
			break
		}
		if n, err = s.localColumn(k.Fields[0], 0, k.Loc()); n != nil || err != nil {
			break
		}
		if target, err = s.byOutputName(k, "GROUP BY"); err == nil && target >= 0 {
			n, err = s.checkGroup(target, k.Loc())
			return n, target, err
		}
	}
	if err != nil {
		return nil, 0, err
	}
	if n, err = s.expr(e); err != nil {
		return nil, 0, err
	}
	if n, err = s.resolveUnknown(n); err != nil {
		return nil, 0, err
	}
	if expr.EqualityOf(oidOf(n)) == nil {
		return nil, 0, s.at(e.Loc(), noEquality(oidOf(n)))
	}
	return n, slices.IndexFunc(s.q.Targets, func(t Target) bool { return expr.Equal(t.Expr, n) }), nil
}

// checkGroup takes a select-list entry as a grouping expression.
func (s *scope) checkGroup(i, loc int) (expr.Node, error) {
	n, err := s.resolveUnknown(s.q.Targets[i].Expr)
	if err != nil {
		return nil, err
	}
	s.q.Targets[i].Expr = n
	if a := containsAgg(n); a != nil {
		return nil, s.errorf(a.Loc, pgerr.GroupingError, "aggregate functions are not allowed in GROUP BY")
	}
	if w := containsWindow(n); w != nil {
		return nil, s.errorf(w.Loc, pgerr.WindowingError, "window functions are not allowed in GROUP BY")
	}
	if expr.EqualityOf(oidOf(n)) == nil {
		return nil, s.at(loc, noEquality(oidOf(n)))
	}
	return n, nil
}

func containsAgg(n expr.Node) (found *expr.Aggregate) {
	expr.Walk(n, func(k expr.Node) bool {
		if a, ok := k.(*expr.Aggregate); ok && a.Level == 0 && found == nil {
			found = a
		}
		return found == nil
	})
	return found
}

// ordinal is a position in the select list, from 0.
func (s *scope) ordinal(k *parse.Const, clause string) (int, error) {
	if k.Kind != parse.ConstInteger {
		return 0, s.errorf(k.Loc(), pgerr.SyntaxError, "non-integer constant in %s", clause)
	}
	pos := int(k.Ival)
	for i, t := range s.q.Targets {
		if t.Junk {
			continue
		}
		if pos--; pos == 0 {
			return i, nil
		}
	}
	return 0, s.errorf(k.Loc(), pgerr.InvalidColumnReference, "%s position %d is not in select list", clause, k.Ival)
}

// byOutputName finds a select-list entry by its name, -1 if there is none.
func (s *scope) byOutputName(c *parse.ColumnRef, clause string) (int, error) {
	at := -1
	for i, t := range s.q.Targets {
		if t.Junk || t.Name != c.Fields[0] {
			continue
		}
		if at >= 0 && !expr.Equal(s.q.Targets[at].Expr, t.Expr) {
			return 0, s.errorf(c.Loc(), pgerr.AmbiguousColumn, "%s %q is ambiguous", clause, c.Fields[0])
		}
		if at < 0 {
			at = i
		}
	}
	return at, nil
}

// checkGrouping refuses columns that are neither grouped nor in an aggregate.
func (s *scope) checkGrouping() error {
	q := s.q
	if !q.HasAggs && len(q.GroupBy) == 0 && q.Having == nil && q.GroupingSets == nil {
		return nil
	}
	var list []expr.Node
	for _, t := range q.Targets {
		list = append(list, t.Expr)
	}
	for _, w := range q.Windows {
		for _, k := range w.OrderBy {
			list = append(list, k.Expr)
		}
		list = append(list, w.Partition...)
	}
	if err := s.checkGrouped(list); err != nil {
		return err
	}
	if q.Having != nil {
		if err := s.checkGrouped([]expr.Node{q.Having}); err != nil {
			return err
		}
	}
	if q.HasAggs {
		return s.checkRecursiveAggs()
	}
	return nil
}

func (s *scope) checkGrouped(list []expr.Node) error {
	if s.env.Print { // it was judged when it was stored
		return nil
	}
	for _, n := range list {
		if err := s.checkGroupings(n); err != nil {
			return err
		}
	}
	for _, n := range list {
		if err := s.checkUngrouped(n); err != nil {
			return err
		}
	}
	return nil
}

// checkRecursiveAggs refuses aggregates over a recursive query's reference to itself.
func (s *scope) checkRecursiveAggs() error {
	if !slices.ContainsFunc(s.q.Rels, func(r *RTE) bool { return r.Kind == RTEWorkTable }) {
		return nil
	}
	loc := -1
	for _, t := range s.q.Targets {
		if a := containsAgg(t.Expr); a != nil && loc < 0 {
			loc = a.Loc
		}
	}
	return s.errorf(loc, pgerr.InvalidRecursion, "aggregate functions are not allowed in a recursive query's recursive term")
}

func (s *scope) checkUngrouped(n expr.Node) error {
	for _, g := range s.q.GroupBy {
		if expr.Equal(g, n) {
			return nil
		}
	}
	switch k := n.(type) {
	case *expr.Var:
		if k.Level != 0 || s.groupedByKey(k) {
			return nil
		}
		return s.errorf(k.Loc, pgerr.GroupingError, "column %q must appear in the GROUP BY clause or be used in an aggregate function", s.displayName(k))
	case *expr.Aggregate:
		if k.Level == 0 {
			return s.checkDirectGrouped(k)
		}
	case *expr.Grouping:
		if k.Level == 0 {
			return nil
		}
	case *expr.Subquery:
		if err := s.checkSubquery(k); err != nil {
			return err
		}
	}
	var err error
	expr.Walk(n, func(k expr.Node) bool {
		if k == n {
			return true
		}
		if err == nil {
			err = s.checkUngrouped(k)
		}
		return false
	})
	return err
}

// checkDirectGrouped refuses ungrouped columns in direct arguments, which are computed once a group.
func (s *scope) checkDirectGrouped(agg *expr.Aggregate) error {
	for _, a := range agg.Direct {
		err := s.checkUngrouped(a)
		if e := pgerr.From(err); err != nil && e.Code == pgerr.GroupingError {
			return e.Clone().WithDetail("Direct arguments of an ordered-set aggregate must use only grouped columns.")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *scope) displayName(v *expr.Var) string {
	r := s.q.Rels[v.Rel]
	if r.Alias == "" {
		if v.Col < 0 {
			return v.Name
		}
		return r.Columns[v.Col].Name
	}
	return r.Alias + "." + v.Name
}

// checkSubquery refuses outer columns in a subquery that are not grouped, except in aggregates of the outer query.
func (s *scope) checkSubquery(sub *expr.Subquery) error {
	var err error
	var query func(q *Query, depth int)
	var within func(n expr.Node, depth int)
	within = func(n expr.Node, depth int) {
		expr.Walk(n, func(k expr.Node) bool {
			switch k := k.(type) {
			case *expr.Aggregate:
				if k.Level == depth {
					for _, a := range k.Direct {
						within(a, depth)
					}
					return false
				}
			case *expr.Grouping:
				return k.Level != depth
			case *expr.Subquery:
				if q, ok := k.Query.(*Query); ok {
					query(q, depth+1)
				}
			case *expr.Var:
				if k.Level == depth && err == nil {
					err = s.checkOuterVar(k)
				}
			}
			return err == nil
		})
	}
	query = func(q *Query, depth int) {
		ownExprs(q, func(n *expr.Node) { within(*n, depth) })
		ownQueries(q, func(below *Query) { query(below, depth+1) })
	}
	if q, ok := sub.Query.(*Query); ok {
		query(q, 1)
	}
	return err
}

// checkOuterVar refuses a subquery's reference to a column that is not grouped.
func (s *scope) checkOuterVar(v *expr.Var) error {
	own := *v
	own.Level = 0
	grouped := slices.ContainsFunc(s.q.GroupBy, func(g expr.Node) bool { return expr.Equal(g, &own) })
	if grouped || s.groupedByKey(&own) {
		return nil
	}
	return s.errorf(v.Loc, pgerr.GroupingError, "subquery uses ungrouped column %q from outer query", s.displayName(&own))
}

// groupedByKey reports whether the primary key of a column's table is among the grouping columns of every set: then the
// column has one value a group.
func (s *scope) groupedByKey(v *expr.Var) bool {
	t := s.q.Rels[v.Rel].Table
	if t == nil {
		return false
	}
	common := s.q.commonGroups()
	for _, c := range t.Constraints {
		if c.Type != catalog.PrimaryKey {
			continue
		}
		for _, num := range c.Columns {
			if !slices.ContainsFunc(common, func(i int) bool {
				k, ok := s.q.GroupBy[i].(*expr.Var)
				return ok && k.Level == 0 && k.Rel == v.Rel && k.Col == int(num)-1
			}) {
				return false
			}
		}
		if !slices.Contains(s.keys, c.OID) {
			s.keys = append(s.keys, c.OID)
		}
		return true
	}
	return false
}
