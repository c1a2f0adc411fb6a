package sema

import (
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

func (s *scope) subLink(e *parse.SubLink) (expr.Node, error) {
	if why := s.clause.noSubqueries(); why != "" {
		return nil, s.errorf(e.Loc(), pgerr.FeatureNotSupported, "%s", why)
	}
	if e.Type == parse.AnySubLink || e.Type == parse.AllSubLink {
		return s.anySubLink(e)
	}
	q, err := s.sublinkQuery(e)
	if err != nil {
		return nil, err
	}
	n := &expr.Subquery{Query: q, Loc: e.Loc()}
	if e.Type == parse.ExistsSubLink {
		n.Kind, n.Type = expr.ExistsSubquery, boolean
		return n, nil
	}
	cols := queryColumns(q)
	if len(cols) != 1 {
		return nil, s.errorf(e.Loc(), pgerr.SyntaxError, "subquery must return only one column")
	}
	if e.Type == parse.ExprSubLink {
		n.Kind, n.Type = expr.ScalarSubquery, cols[0].Type
		return n, nil
	}
	n.Kind = expr.ArraySubquery
	arr := cols[0].Type.Oid
	if n.Nested = types.IsArray(arr); !n.Nested {
		if arr = types.ArrayOf(arr); arr == 0 {
			return nil, s.errorf(e.Loc(), pgerr.UndefinedObject, "could not find array type for data type %s", typeString(cols[0].Type.Oid))
		}
	}
	n.Type = types.T(arr)
	return n, nil
}

func (s *scope) sublinkQuery(e *parse.SubLink) (*Query, error) {
	sel, ok := e.Subselect.(*parse.SelectStmt)
	if !ok {
		return nil, pgerr.Internal("sublink is no SELECT")
	}
	// An expression's subquery sees all that the expression does.
	return s.subquery(sel, s.lateral, false)
}

// anySubLink is left op ANY/ALL (subquery), and [NOT] IN.
func (s *scope) anySubLink(e *parse.SubLink) (expr.Node, error) {
	op := "="
	if len(e.OperName) > 0 {
		op = e.OperName.Last()
	}
	q, err := s.sublinkQuery(e) // its errors come before those of the left side
	if err != nil {
		return nil, err
	}
	var left []expr.Node
	if r, ok := e.Testexpr.(*parse.RowExpr); ok {
		left, err = s.exprs(r.Args)
	} else {
		var l expr.Node
		l, err = s.expr(e.Testexpr)
		left = []expr.Node{l}
		if row, ok := l.(*expr.Row); ok && row.Cast { // though made one value of a composite type by a cast
			left = row.Fields
		}
	}
	if err != nil {
		return nil, err
	}
	if err := s.checkWidth(q, len(left), e.Loc()); err != nil {
		return nil, err
	}
	cols := queryColumns(q)
	all := e.Type == parse.AllSubLink
	if len(left) > 1 && !(op == "=" && !all) && !(op == "<>" && all) && !s.env.Print {
		return s.compareEach(op, left, q, all, e.Loc())
	}
	n := &expr.Subquery{Kind: expr.AnySubquery, Query: q, Type: boolean, Loc: e.Loc()}
	if all {
		n.Kind = expr.AllSubquery
	}
	negate := false
	if op == "<>" && len(left) > 1 && !s.env.Print {
		// NOT IN arrives as NOT of = ANY; a row <> ALL is the same thing.
		op, negate, n.Kind = "=", true, expr.AnySubquery
	}
	casts := make([]types.Oid, len(cols))
	keys := make([]*expr.Function, len(cols))
	for i, c := range cols {
		probe := &expr.Column{Index: i, Type: c.Type}
		f, err := s.pairOf(op, left[i], probe, e.Loc())
		if err != nil {
			return nil, err
		}
		if f.Fn.Result != types.BoolOid {
			return nil, s.errorf(e.Loc(), pgerr.DatatypeMismatch, "operator %s must return type boolean, not type %s", op, typeString(f.Fn.Result))
		}
		if k := byKey(f); k != f && n.Kind == expr.AnySubquery {
			if _, other := k.Args[0].(*expr.Func); !other {
				f, keys[i] = k, k.Args[1].(*expr.Func).Fn
				f.Args[1] = probe
			}
		}
		n.Left = append(n.Left, f.Args[0])
		n.Ops = append(n.Ops, f.Fn)
		casts[i] = oidOf(f.Args[1])
	}
	if !s.env.Print {
		n.Query = keyOutput(s.castOutput(q, casts), keys)
	}
	if negate {
		return &expr.BoolOp{Op: expr.Not, Args: []expr.Node{n}, Loc: e.Loc()}, nil
	}
	return n, nil
}

// checkWidth compares the number of a subquery's columns with that of a row.
func (s *scope) checkWidth(q *Query, width, loc int) error {
	switch n := len(queryColumns(q)); {
	case n > width:
		return s.errorf(loc, pgerr.SyntaxError, "subquery has too many columns")
	case n < width:
		return s.errorf(loc, pgerr.SyntaxError, "subquery has too few columns")
	}
	return nil
}

// compareEach is row op ANY or ALL (subquery), where the comparison is not one of columns: the subquery makes it, and its
// outcomes are compared with true.
func (s *scope) compareEach(op string, left []expr.Node, q *Query, all bool, loc int) (expr.Node, error) {
	outer := wrap(q)
	l, r := make([]expr.Node, len(left)), make([]expr.Node, len(left))
	for i := range left {
		l[i], r[i] = pushDownExpr(left[i]), outer.Targets[i].Expr
	}
	cmp, err := s.compareRows(op, l, r, loc)
	if err != nil {
		return nil, err
	}
	outer.Targets = []Target{{Expr: cmp, Name: "?column?"}}
	yes := &expr.Const{Type: boolean, Value: types.NewBool(true), Loc: -1}
	eq, err := s.pairOf("=", yes, cmp, loc)
	if err != nil {
		return nil, err
	}
	n := &expr.Subquery{Kind: expr.AnySubquery, Query: outer, Left: []expr.Node{yes}, Ops: []*expr.Function{eq.Fn}, Type: boolean, Loc: loc}
	if all {
		n.Kind = expr.AllSubquery
	}
	return n, nil
}

// castOutput makes a query's columns have the given types, by a query around it where any differs.
func (s *scope) castOutput(q *Query, want []types.Oid) *Query {
	cols := queryColumns(q)
	same := true
	for i, c := range cols {
		same = same && c.Type.Oid == want[i]
	}
	if same {
		return q
	}
	outer := wrap(q)
	for i := range outer.Targets {
		t := &outer.Targets[i]
		if oidOf(t.Expr) != want[i] {
			t.Expr = &expr.Cast{Arg: t.Expr, Type: types.T(want[i]), Context: types.Implicit, Loc: -1}
		}
	}
	return outer
}

// wrap is SELECT * FROM (q).
func wrap(q *Query) *Query {
	pushDown(q)
	cols := queryColumns(q)
	kind := RTESubquery
	if q.Values != nil || q.LiteralRows != nil {
		kind = RTEValues
	}
	outer := &Query{Rels: []*RTE{{Kind: kind, Alias: "*SELECT*", Columns: cols, Query: q}}, From: RelRef{0}}
	for i, c := range cols {
		outer.Targets = append(outer.Targets, Target{Expr: &expr.Var{Col: i, Type: c.Type, Name: c.Name, Loc: -1}, Name: c.Name})
	}
	return outer
}
