package sema

import (
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// direction settles DESC and NULLS of a sort key.
func (s *scope) direction(sb *parse.SortBy, n expr.Node) (desc, nullsFirst bool, err error) {
	switch sb.Dir {
	case parse.SortByDesc:
		desc = true
	case parse.SortByUsing:
		switch sb.UseOp.Last() {
		case "<":
		case ">":
			desc = true
		default:
			return false, false, s.at(sb.Loc(), pgerr.New(pgerr.WrongObjectType, "operator %s is not a valid ordering operator", sb.UseOp.Last()).
				WithHint("Ordering operators must be \"<\" or \">\" members of btree operator families."))
		}
	}
	nullsFirst = desc
	switch sb.Nulls {
	case parse.SortByNullsFirst:
		nullsFirst = true
	case parse.SortByNullsLast:
		nullsFirst = false
	}
	if t := oidOf(n); t != types.UnknownOid && t != types.RecordOid && expr.LessThanOf(t) == nil {
		return false, false, s.at(locOf(n), noOrdering(t, false))
	}
	return desc, nullsFirst, nil
}

// orderBy analyses ORDER BY: positions and names of the select list, or expressions over the FROM clause.
func (s *scope) orderBy(keys []*parse.SortBy) error {
	for _, sb := range keys {
		i, err := s.sortTarget(sb.Node, inOrderBy, "ORDER BY")
		if err != nil {
			return err
		}
		if s.q.Targets[i].Expr, err = s.resolveUnknown(s.q.Targets[i].Expr); err != nil {
			return err
		}
		k := OrderKey{Target: i}
		if k.Desc, k.NullsFirst, err = s.direction(sb, s.q.Targets[i].Expr); err != nil {
			return err
		}
		dup := false
		for _, have := range s.q.OrderBy {
			dup = dup || have.Target == i
		}
		if !dup {
			s.q.OrderBy = append(s.q.OrderBy, k)
		}
	}
	return nil
}

// sortTarget finds or adds the target that an ORDER BY or DISTINCT ON item means.
func (s *scope) sortTarget(e parse.Expr, c clause, name string) (int, error) {
	switch k := e.(type) {
	case *parse.ColumnRef:
		if len(k.Fields) == 1 && !k.Star {
			if i, err := s.byOutputName(k, name); err != nil || i >= 0 {
				return i, err
			}
		}
	case *parse.Const:
		return s.ordinal(k, name)
	}
	n, err := s.exprIn(e, c)
	if err != nil {
		return 0, err
	}
	for i, t := range s.q.Targets {
		if expr.Equal(t.Expr, n) {
			return i, nil
		}
	}
	s.q.Targets = append(s.q.Targets, Target{Expr: n, Name: figureName(e), Junk: true})
	return len(s.q.Targets) - 1, nil
}

func (s *scope) distinct(sel *parse.SelectStmt) error {
	if sel.DistinctOn == nil {
		s.q.Distinct = true
		for _, k := range s.q.OrderBy {
			if t := s.q.Targets[k.Target]; t.Junk {
				return s.errorf(locOf(t.Expr), pgerr.InvalidColumnReference, "for SELECT DISTINCT, ORDER BY expressions must appear in select list")
			}
		}
		for _, t := range s.q.Targets {
			if o := oidOf(t.Expr); o != types.UnknownOid && o != types.RecordOid && expr.EqualityOf(o) == nil {
				return s.at(locOf(t.Expr), noEquality(o))
			}
		}
		return nil
	}
	var on []int
	for _, e := range sel.DistinctOn {
		i, err := s.sortTarget(e, inDistinctOn, "DISTINCT ON")
		if err != nil {
			return err
		}
		if s.q.Targets[i].Expr, err = s.resolveUnknown(s.q.Targets[i].Expr); err != nil {
			return err
		}
		on = append(on, i)
	}
	s.q.DistinctOn = on
	has := func(i int) bool {
		for _, d := range on {
			if d == i {
				return true
			}
		}
		return false
	}
	covered := map[int]bool{}
	skipped := false
	for _, k := range s.q.OrderBy {
		if !has(k.Target) {
			skipped = true
			continue
		}
		if skipped {
			return s.errorf(s.distinctOnLoc(sel.DistinctOn[0]), pgerr.InvalidColumnReference, "SELECT DISTINCT ON expressions must match initial ORDER BY expressions")
		}
		covered[k.Target] = true
	}
	for n, i := range on {
		if skipped && !covered[i] {
			return s.errorf(s.distinctOnLoc(sel.DistinctOn[n]), pgerr.InvalidColumnReference, "SELECT DISTINCT ON expressions must match initial ORDER BY expressions")
		}
	}
	return nil
}

// distinctOnLoc is where an item of DISTINCT ON begins in the text; the target that it means may stand elsewhere.
func (s *scope) distinctOnLoc(e parse.Expr) int {
	if n, err := s.exprIn(e, inDistinctOn); err == nil {
		return locOf(n)
	}
	return e.Loc() // a name of the output
}

func (s *scope) limit(sel *parse.SelectStmt) error {
	one := func(e parse.Expr, c clause) (expr.Node, error) {
		if e == nil {
			return nil, nil
		}
		n, err := s.exprIn(e, c)
		if err != nil {
			return nil, err
		}
		if n, err = s.coerceSpecific(n, types.Int8Oid, c.name()); err != nil {
			return nil, err
		}
		var bad error
		walkVars(n, func(v *expr.Var, level int) {
			if level == 0 && bad == nil {
				bad = s.errorf(v.Loc, pgerr.InvalidColumnReference, "argument of %s must not contain variables", c.name())
			}
		})
		return n, bad
	}
	var err error
	if s.q.Offset, err = one(sel.LimitOffset, inOffset); err != nil {
		return err
	}
	if s.q.Limit, err = one(sel.LimitCount, inLimit); err != nil {
		return err
	}
	if s.q.Limit != nil && isNullConst(s.q.Limit) && sel.WithTies {
		return s.errorf(-1, pgerr.InvalidRowCountInLimitClause, "row count cannot be null in FETCH FIRST ... WITH TIES clause")
	}
	if sel.WithTies {
		if len(sel.SortClause) == 0 {
			return s.errorf(-1, pgerr.SyntaxError, "WITH TIES cannot be specified without ORDER BY clause")
		}
		s.q.WithTies = true
	}
	return nil
}
