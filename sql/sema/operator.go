package sema

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// extensionOperators are the operators of a name that the database's extensions have in a schema, or with an empty one in the
// search path. What is stored of an expression is read under any search path, and finds them all.
func (a *analyzer) extensionOperators(schema, name string) []*expr.Function {
	out := []*expr.Function{} // not nil: no others are to be looked for
	if a.env.Catalog == nil {
		return out
	}
	a.env.Catalog.Extensions(func(e *catalog.Extension) bool {
		ops := expr.ExtensionOperatorsNamed(e.Name, name)
		if ops == nil {
			return true
		}
		in := a.env.Catalog.SchemaName(e.SchemaID)
		switch {
		case schema == "":
			if a.env.Text == "" || slices.Contains(a.env.SearchPath, in) {
				out = append(out, ops...)
			}
		case schema == in:
			out = append(out, ops...)
		}
		return true
	})
	return out
}

// resolveOperator finds the operator for operands of these types: of a schema if that is not empty.
func (a *analyzer) resolveOperator(schema, name string, args []types.Oid) (*expr.Function, error) {
	more := a.extensionOperators(schema, name)
	if schema != "" && schema != catalog.PgCatalogName {
		return expr.ResolveOperatorAmong(schema+"."+name, args, more)
	}
	return expr.ResolveOperator(name, args, more...)
}

// opName is an operator's schema, empty where none is given, and its name. The schema must have such operators.
func (s *scope) opName(name parse.Name, loc int, args ...expr.Node) (schema, op string, err error) {
	if len(name) == 1 {
		return "", name.Last(), nil
	}
	schema, op = name.Schema(), name.Last()
	if schema != catalog.PgCatalogName && len(s.extensionOperators(schema, op)) == 0 {
		if s.env.Catalog != nil && s.env.Catalog.SchemaByName(name.Schema()) == nil {
			return "", "", s.errorf(loc, pgerr.InvalidSchemaName, "schema %q does not exist", name.Schema())
		}
		var ts string
		for i, a := range args {
			if i > 0 {
				ts += " " + name.String() + " "
			}
			ts += typeString(oidOf(a))
		}
		return "", "", s.errorf(loc, pgerr.UndefinedFunction, "operator does not exist: %s", ts)
	}
	return schema, op, nil
}

// operator applies an operator to one (l nil) or two operands. Where a row is asked for by its ctid, it is by its key.
func (s *scope) operator(name string, l, r expr.Node, loc int) (expr.Node, error) {
	return s.operatorIn("", name, l, r, loc)
}

// operatorIn is operator for one of a schema; empty: whichever the search path finds.
func (s *scope) operatorIn(schema, name string, l, r expr.Node, loc int) (expr.Node, error) {
	n, err := s.applied(schema, name, l, r, loc)
	if f, ok := n.(*expr.Func); ok && err == nil {
		return byKey(f), nil
	}
	return n, err
}

// applied applies an operator as it is.
func (s *scope) applied(schema, name string, l, r expr.Node, loc int) (expr.Node, error) {
	args := []expr.Node{r}
	if l != nil {
		args = []expr.Node{l, r}
	}
	fn, err := s.resolveOperator(schema, name, oidsOf(args))
	if err != nil {
		return nil, s.at(loc, err)
	}
	return s.call(fn, fn.Args, args, loc)
}

// call makes a call of a resolved overload with its arguments coerced.
func (s *scope) call(fn *expr.Function, declared []types.Oid, args []expr.Node, loc int) (expr.Node, error) {
	if !fn.Supported() {
		_, err := expr.Compile(&expr.Func{Fn: fn, Type: types.T(fn.Result)}, nil)
		return nil, s.at(loc, err)
	}
	want, ret, err := expr.ResolvePolymorphic(oidsOf(args), declared, fn.Result)
	if err != nil {
		return nil, s.at(loc, err)
	}
	out := make([]expr.Node, len(args))
	for i, a := range args {
		if out[i], err = s.coerceType(a, want[i], types.Implicit, -1); err != nil {
			return nil, err
		}
	}
	return &expr.Func{Fn: fn, Args: out, Type: types.T(ret), Loc: loc}, nil
}

func (s *scope) aExpr(e *parse.AExpr) (expr.Node, error) {
	switch e.Kind {
	case parse.AExprOp, parse.AExprLike, parse.AExprILike, parse.AExprSimilar:
		return s.opExpr(e)
	case parse.AExprOpAny, parse.AExprOpAll:
		return s.opAnyAll(e)
	case parse.AExprDistinct, parse.AExprNotDistinct:
		return s.distinctFrom(e)
	case parse.AExprNullIf:
		return s.nullIf(e)
	case parse.AExprIn:
		return s.inList(e)
	}
	return s.between(e)
}

func (s *scope) opExpr(e *parse.AExpr) (expr.Node, error) {
	if l, ok := e.Lexpr.(*parse.RowExpr); ok {
		switch r := e.Rexpr.(type) {
		case *parse.RowExpr:
			return s.rowCompare(e.Name.Last(), l, r, e.Loc())
		case *parse.SubLink:
			if r.Type == parse.ExprSubLink {
				return s.rowSubquery(e, l, r)
			}
		}
	}
	var l expr.Node
	var err error
	if e.Lexpr != nil {
		if l, err = s.expr(e.Lexpr); err != nil {
			return nil, err
		}
	}
	r, err := s.expr(e.Rexpr)
	if err != nil {
		return nil, err
	}
	schema, name, err := s.opName(e.Name, e.Loc(), l, r)
	if err != nil {
		return nil, err
	}
	return s.operatorIn(schema, name, l, r, e.Loc())
}

// rowSubquery is (a, b) op (SELECT …): a row of a scalar subquery, compared column by column.
func (s *scope) rowSubquery(e *parse.AExpr, l *parse.RowExpr, r *parse.SubLink) (expr.Node, error) {
	right := make([]expr.Node, len(l.Args))
	queries := make([]*Query, len(right))
	for i := range right {
		var err error
		if queries[i], err = s.sublinkQuery(r); err != nil {
			return nil, err
		}
	}
	left, err := s.exprs(l.Args)
	if err != nil {
		return nil, err
	}
	if s.env.Print {
		return s.printedRowSubquery(e.Name.Last(), left, r)
	}
	for i, q := range queries {
		if err := s.checkWidth(q, len(left), e.Loc()); err != nil {
			return nil, err
		}
		right[i] = scalarColumn(q, i, r.Loc())
	}
	return s.compareRows(e.Name.Last(), left, right, e.Loc())
}

// scalarColumn is one column of a scalar subquery of several.
func scalarColumn(q *Query, i, loc int) *expr.Subquery {
	cols := queryColumns(q)
	if len(cols) > 1 {
		q = wrap(q)
		q.Targets = q.Targets[i : i+1]
	}
	return &expr.Subquery{Kind: expr.ScalarSubquery, Query: q, Type: cols[i].Type, Loc: loc}
}

func (s *scope) rowCompare(op string, l, r *parse.RowExpr, loc int) (expr.Node, error) {
	la, err := s.exprs(l.Args)
	if err != nil {
		return nil, err
	}
	ra, err := s.exprs(r.Args)
	if err != nil {
		return nil, err
	}
	return s.compareRows(op, la, ra, loc)
}

// compareRows compares rows: = and <> as conjunction and disjunction, the others column by column from the left.
func (s *scope) compareRows(op string, l, r []expr.Node, loc int) (expr.Node, error) {
	if len(l) != len(r) {
		return nil, s.errorf(loc, pgerr.SyntaxError, "unequal number of entries in row expressions")
	}
	if len(l) == 0 {
		return nil, s.errorf(loc, pgerr.FeatureNotSupported, "cannot compare rows of zero length")
	}
	kind := expr.And
	switch family := rowOrders[op]; {
	case op == "=" || op == "*=":
	case op == "<>" || op == "*<>":
		kind = expr.Or
	case family != nil:
		return s.lexicographic(op, family, l, r, loc)
	default:
		// PostgreSQL looks at the operator's type first.
		c, err := s.operator(op, l[0], r[0], loc)
		if err != nil {
			return nil, err
		}
		if t := oidOf(c); t != types.BoolOid {
			return nil, s.errorf(loc, pgerr.DatatypeMismatch, "row comparison operator must yield type boolean, not type %s", typeString(t))
		}
		return nil, s.at(loc, pgerr.New(pgerr.FeatureNotSupported, "could not determine interpretation of row comparison operator %s", op).
			WithHint("Row comparison operators must be associated with btree operator families."))
	}
	b := &expr.BoolOp{Op: kind, Loc: loc}
	for i := range l {
		c, err := s.operator(op, l[i], r[i], loc)
		if err != nil {
			return nil, err
		}
		b.Args = append(b.Args, c)
	}
	if len(b.Args) == 1 {
		return b.Args[0], nil
	}
	return b, nil
}

// rowOrder is what rows are ordered by with an operator of a btree family: its strict form, and the family's equality.
type rowOrder struct{ strict, equal string }

var rowOrders = map[string]*rowOrder{
	"<": {"<", "="}, "<=": {"<", "="}, ">": {">", "="}, ">=": {">", "="},
	"~<~": {"~<~", "="}, "~<=~": {"~<~", "="}, "~>~": {"~>~", "="}, "~>=~": {"~>~", "="},
	"*<": {"*<", "*="}, "*<=": {"*<", "*="}, "*>": {"*>", "*="}, "*>=": {"*>", "*="},
}

func (s *scope) lexicographic(op string, by *rowOrder, l, r []expr.Node, loc int) (expr.Node, error) {
	if len(l) == 1 {
		return s.operator(op, l[0], r[0], loc)
	}
	if s.env.Print {
		return s.printedComparison(op, l, r, loc)
	}
	if _, err := s.operator(op, l[0], r[0], loc); err != nil { // errors name the operator that was written
		return nil, err
	}
	less, err := s.operator(by.strict, l[0], r[0], loc)
	if err != nil {
		return nil, err
	}
	eq, err := s.operator(by.equal, l[0], r[0], loc)
	if err != nil {
		return nil, err
	}
	rest, err := s.lexicographic(op, by, l[1:], r[1:], loc)
	if err != nil {
		return nil, err
	}
	return &expr.BoolOp{Op: expr.Or, Rows: true, Loc: loc, Args: []expr.Node{less, &expr.BoolOp{Op: expr.And, Rows: true, Args: []expr.Node{eq, rest}, Loc: loc}}}, nil
}

// pairOf resolves an operator for two operands, and coerces them.
func (s *scope) pairOf(name string, l, r expr.Node, loc int) (*expr.Func, error) {
	n, err := s.applied("", name, l, r, loc)
	if err != nil {
		return nil, err
	}
	return n.(*expr.Func), nil
}

func (s *scope) opAnyAll(e *parse.AExpr) (expr.Node, error) {
	l, err := s.expr(e.Lexpr)
	if err != nil {
		return nil, err
	}
	r, err := s.expr(e.Rexpr)
	if err != nil {
		return nil, err
	}
	schema, name, err := s.opName(e.Name, e.Loc(), l, r)
	if err != nil {
		return nil, err
	}
	return s.scalarArray(schema, name, l, r, e.Kind == parse.AExprOpAll, e.Loc())
}

// scalarArray is l op ANY/ALL (array).
func (s *scope) scalarArray(schema, name string, l, r expr.Node, all bool, loc int) (expr.Node, error) {
	elem := types.Oid(types.UnknownOid)
	if oidOf(r) != types.UnknownOid {
		if elem = types.ElemOf(oidOf(r)); elem == 0 {
			return nil, s.errorf(loc, pgerr.WrongObjectType, "op ANY/ALL (array) requires array on right side")
		}
	}
	fn, err := s.resolveOperator(schema, name, []types.Oid{oidOf(l), elem})
	if err != nil {
		return nil, s.at(loc, err)
	}
	if fn.Result != types.BoolOid {
		return nil, s.errorf(loc, pgerr.WrongObjectType, "op ANY/ALL (array) requires operator to yield boolean")
	}
	want, _, err := expr.ResolvePolymorphic([]types.Oid{oidOf(l), elem}, fn.Args, fn.Result)
	if err != nil {
		return nil, s.at(loc, err)
	}
	if l, err = s.coerceType(l, want[0], types.Implicit, -1); err != nil {
		return nil, err
	}
	arr := types.ArrayOf(want[1])
	if arr == 0 {
		return nil, s.errorf(loc, pgerr.UndefinedObject, "could not find array type for data type %s", typeString(want[1]))
	}
	if r, err = s.coerceType(r, arr, types.Implicit, -1); err != nil {
		return nil, err
	}
	return anyByKey(&expr.AnyAll{Op: fn, Left: l, Array: r, All: all, Loc: loc}), nil
}

func (s *scope) distinctFrom(e *parse.AExpr) (expr.Node, error) {
	not := e.Kind == parse.AExprNotDistinct
	l, err := s.expr(e.Lexpr)
	if err != nil {
		return nil, err
	}
	r, err := s.expr(e.Rexpr)
	if err != nil {
		return nil, err
	}
	if isNullLiteral(e.Rexpr) {
		return s.distinctFromNull(l, not, e.Loc())
	}
	if isNullLiteral(e.Lexpr) {
		return s.distinctFromNull(r, not, e.Loc())
	}
	if lr, rr := writtenRow(l), writtenRow(r); lr != nil && rr != nil {
		return s.distinctRows(lr, rr, not, e.Loc())
	}
	f, err := s.pairOf("=", l, r, e.Loc())
	if err != nil {
		return nil, err
	}
	return &expr.Distinct{Eq: f.Fn, Left: f.Args[0], Right: f.Args[1], Not: not, Loc: e.Loc()}, nil
}

// distinctFromNull is IS DISTINCT FROM the bare word NULL: a test for NULL, except that a row is not NULL for its fields being.
func (s *scope) distinctFromNull(n expr.Node, not bool, loc int) (expr.Node, error) {
	t := n.ResultType()
	if t.Oid.Kind() != types.KRecord {
		return &expr.IsTest{Arg: n, Test: expr.IsNull, Not: !not, Loc: loc}, nil
	}
	f, err := s.pairOf("=", n, &expr.Const{Type: t, Loc: loc}, loc)
	if err != nil {
		return nil, err
	}
	return &expr.Distinct{Eq: f.Fn, Left: f.Args[0], Right: f.Args[1], Not: not, Loc: loc}, nil
}

// isNullLiteral reports whether an expression is the bare word NULL.
func isNullLiteral(e parse.Expr) bool {
	k, ok := e.(*parse.Const)
	return ok && k.Kind == parse.ConstNull
}

func isNullConst(n expr.Node) bool {
	k, ok := n.(*expr.Const)
	return ok && k.Value.IsNull()
}

func (s *scope) distinctRows(l, r *expr.Row, not bool, loc int) (expr.Node, error) {
	left, right := l.Live(), r.Live()
	if len(left) != len(right) {
		return nil, s.errorf(loc, pgerr.SyntaxError, "unequal number of entries in row expressions")
	}
	b := &expr.BoolOp{Op: expr.Or, Loc: loc}
	if not {
		b.Op = expr.And
	}
	for i := range left {
		f, err := s.pairOf("=", left[i], right[i], loc)
		if err != nil {
			return nil, err
		}
		b.Args = append(b.Args, &expr.Distinct{Eq: f.Fn, Left: f.Args[0], Right: f.Args[1], Not: not, Loc: loc})
	}
	return b, nil
}

func (s *scope) nullIf(e *parse.AExpr) (expr.Node, error) {
	l, err := s.expr(e.Lexpr)
	if err != nil {
		return nil, err
	}
	r, err := s.expr(e.Rexpr)
	if err != nil {
		return nil, err
	}
	f, err := s.pairOf("=", l, r, e.Loc())
	if err != nil {
		return nil, err
	}
	t := f.Args[0].ResultType()
	if t.Oid == types.RecordOid { // rows of a named type are compared as records and keep their type
		t = l.ResultType()
	}
	return &expr.NullIf{Eq: f.Fn, Left: f.Args[0], Right: f.Args[1], Type: t, Loc: e.Loc()}, nil
}

// writtenRow is the row constructor that n is; nil for other expressions, references to whole rows among them.
func writtenRow(n expr.Node) *expr.Row {
	if r, ok := n.(*expr.Row); ok && !r.Whole {
		return r
	}
	return nil
}

// inList is [NOT] IN (…): values become one comparison with an array where they have a common type, columns of the own
// query and rows become comparisons of their own.
func (s *scope) inList(e *parse.AExpr) (expr.Node, error) {
	name, kind := "=", expr.Or
	if e.Name.Last() == "<>" {
		name, kind = "<>", expr.And
	}
	l, err := s.expr(e.Lexpr)
	if err != nil {
		return nil, err
	}
	var consts, others []expr.Node
	for _, x := range e.List {
		n, err := s.expr(x)
		if err != nil {
			return nil, err
		}
		if hasLocalVar(n) {
			others = append(others, n)
		} else {
			consts = append(consts, n)
		}
	}
	var parts []expr.Node
	if len(consts) > 1 {
		n, err := s.inArray(name, l, consts, kind == expr.And, e.Loc())
		if err != nil {
			return nil, err
		}
		if n != nil {
			parts, consts = append(parts, n), nil
		}
	}
	for _, n := range append(consts, others...) {
		var c expr.Node
		lr, rr := writtenRow(l), writtenRow(n)
		if lr != nil && rr != nil {
			c, err = s.compareRows(name, lr.Live(), rr.Live(), e.Loc())
		} else if c, err = s.operator(name, l, n, e.Loc()); err == nil {
			c, err = s.coerceBool(c, "IN")
		}
		if err != nil {
			return nil, err
		}
		parts = append(parts, c)
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return &expr.BoolOp{Op: kind, Args: parts, Loc: e.Loc()}, nil
}

func hasLocalVar(n expr.Node) bool {
	found := false
	expr.Walk(n, func(k expr.Node) bool {
		if v, ok := k.(*expr.Var); ok && v.Level == 0 {
			found = true
		}
		return !found
	})
	return found
}

// inArray makes l = ANY (ARRAY[…]); nil where the values have no common type.
func (s *scope) inArray(name string, l expr.Node, items []expr.Node, all bool, loc int) (expr.Node, error) {
	t, err := s.commonType(append([]expr.Node{l}, items...), "")
	if err != nil || t == 0 || t == types.RecordOid || types.ArrayOf(t) == 0 {
		return nil, err
	}
	for _, n := range append([]expr.Node{l}, items...) {
		if !canCoerce1(oidOf(n), t) {
			return nil, nil
		}
	}
	arr := &expr.ArrayExpr{Type: types.T(types.ArrayOf(t)), Loc: -1}
	for _, n := range items {
		c, err := s.coerceType(n, t, types.Implicit, -1)
		if err != nil {
			return nil, err
		}
		arr.Elems = append(arr.Elems, c)
	}
	return s.scalarArray("", name, l, arr, all, loc)
}

func (s *scope) between(e *parse.AExpr) (expr.Node, error) {
	if len(e.List) != 2 {
		return nil, pgerr.Internal("BETWEEN with %d bounds", len(e.List))
	}
	cmp := func(op string, bound parse.Expr) parse.Expr {
		return &parse.AExpr{Kind: parse.AExprOp, Name: parse.Name{op}, Lexpr: e.Lexpr, Rexpr: bound, Location: e.Location}
	}
	both := func(t parse.BoolExprType, a, b parse.Expr) parse.Expr {
		return &parse.BoolExpr{Op: t, Args: []parse.Expr{a, b}, Location: e.Location}
	}
	lo, hi := e.List[0], e.List[1]
	switch e.Kind {
	case parse.AExprBetween:
		return s.expr(both(parse.AndExpr, cmp(">=", lo), cmp("<=", hi)))
	case parse.AExprNotBetween:
		return s.expr(both(parse.OrExpr, cmp("<", lo), cmp(">", hi)))
	case parse.AExprBetweenSym:
		return s.expr(both(parse.OrExpr, both(parse.AndExpr, cmp(">=", lo), cmp("<=", hi)), both(parse.AndExpr, cmp(">=", hi), cmp("<=", lo))))
	}
	return s.expr(both(parse.AndExpr, both(parse.OrExpr, cmp("<", lo), cmp(">", hi)), both(parse.OrExpr, cmp("<", hi), cmp(">", lo))))
}
