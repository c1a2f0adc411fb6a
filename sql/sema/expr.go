package sema

import (
	"math"
	"strconv"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

var boolean = types.T(types.BoolOid)

func attNum(i int) catalog.AttNum { return catalog.AttNum(i) }

// exprIn analyses an expression of a clause.
func (s *scope) exprIn(e parse.Expr, c clause) (expr.Node, error) {
	defer s.in(c)()
	return s.expr(e)
}

// boolExpr analyses a condition.
func (s *scope) boolExpr(e parse.Expr, construct string) (expr.Node, error) {
	n, err := s.expr(e)
	if err != nil {
		return nil, err
	}
	return s.coerceBool(n, construct)
}

func (s *scope) exprs(es []parse.Expr) ([]expr.Node, error) {
	out := make([]expr.Node, len(es))
	for i, e := range es {
		n, err := s.expr(e)
		if err != nil {
			return nil, err
		}
		out[i] = n
	}
	return out, nil
}

// expr analyses an expression.
func (s *scope) expr(e parse.Expr) (expr.Node, error) {
	switch e := e.(type) {
	case *parse.Const:
		return s.constant(e)
	case *parse.ColumnRef:
		return s.columnRef(e)
	case *parse.ParamRef:
		return s.param(e)
	case *parse.TypeCast:
		return s.typeCast(e)
	case *parse.AExpr:
		return s.aExpr(e)
	case *parse.BoolExpr:
		return s.connective(e)
	case *parse.FuncCall:
		return s.funcCall(e)
	case *parse.NullTest:
		return s.nullTest(e)
	case *parse.SubLink:
		return s.subLink(e)
	}
	return s.lessCommon(e)
}

func (s *scope) lessCommon(e parse.Expr) (expr.Node, error) {
	switch e := e.(type) {
	case *parse.CaseExpr:
		return s.caseExpr(e)
	case *parse.CoalesceExpr:
		return s.coalesce(e)
	case *parse.MinMaxExpr:
		return s.minMax(e)
	case *parse.BooleanTest:
		return s.booleanTest(e)
	case *parse.ArrayExpr:
		return s.arrayExpr(e, types.Type{Mod: -1})
	case *parse.RowExpr:
		return s.rowExpr(e)
	case *parse.Indirection:
		return s.indirection(e)
	case *parse.SQLValueFunction:
		return s.sqlValue(e)
	case *parse.CollateClause:
		return s.collate(e)
	case *parse.GroupingFunc:
		return s.groupingFunc(e)
	case *parse.SetToDefault:
		return nil, s.errorf(e.Loc(), pgerr.SyntaxError, "DEFAULT is not allowed in this context")
	case *parse.CurrentOfExpr:
		return nil, s.unsupported(-1, "WHERE CURRENT OF")
	case *parse.NamedArgExpr:
		return nil, s.errorf(e.Loc(), pgerr.SyntaxError, "named argument is not allowed here")
	}
	return nil, pgerr.NotSupported("this expression")
}

func (s *scope) constant(c *parse.Const) (expr.Node, error) {
	k := &expr.Const{Loc: c.Loc()}
	switch c.Kind {
	case parse.ConstNull:
		k.Type = types.T(types.UnknownOid)
	case parse.ConstInteger:
		k.Type, k.Value = types.T(types.Int4Oid), types.NewInt(int64(c.Ival))
	case parse.ConstFloat:
		if i, err := strconv.ParseInt(c.Sval, 10, 64); err == nil {
			if i >= math.MinInt32 && i <= math.MaxInt32 {
				k.Type, k.Value = types.T(types.Int4Oid), types.NewInt(i)
			} else {
				k.Type, k.Value = types.T(types.Int8Oid), types.NewInt(i)
			}
			break
		}
		d, err := types.ParseNumeric(c.Sval)
		if err != nil {
			return nil, s.at(c.Loc(), err)
		}
		k.Type, k.Value = types.T(types.NumericOid), d
	case parse.ConstString:
		k.Type, k.Value = types.T(types.UnknownOid), types.NewString(c.Sval)
	case parse.ConstBool:
		k.Type, k.Value = boolean, types.NewBool(c.Bval)
	case parse.ConstBit:
		return nil, s.unsupported(c.Loc(), "type bit")
	}
	return k, nil
}

func (s *scope) typeCast(e *parse.TypeCast) (expr.Node, error) {
	t, err := s.typeName(e.Type)
	if err != nil {
		return nil, err
	}
	var n expr.Node
	if arr, ok := e.Arg.(*parse.ArrayExpr); ok && types.ElemOf(t.Oid) != 0 {
		n, err = s.arrayExpr(arr, types.Type{Oid: t.Oid, Mod: t.Mod})
	} else {
		n, err = s.expr(e.Arg)
	}
	if err != nil {
		return nil, err
	}
	loc := e.Loc()
	if loc < 0 {
		loc = e.Type.Loc()
	}
	out, err := s.coerceTo(n, t, types.Explicit, loc)
	if err != nil {
		return nil, err
	}
	if out == nil {
		return nil, s.errorf(loc, pgerr.CannotCoerce, "cannot cast type %s to %s", typeString(oidOf(n)), typeString(t.Oid))
	}
	return out, nil
}

// opName is an operator's name without its schema, which must be pg_catalog.
func (s *scope) opName(name parse.Name, loc int, args ...expr.Node) (string, error) {
	if len(name) > 1 && name.Schema() != catalog.PgCatalogName {
		var ts string
		for i, a := range args {
			if i > 0 {
				ts += " " + name.String() + " "
			}
			ts += typeString(oidOf(a))
		}
		return "", s.errorf(loc, pgerr.UndefinedFunction, "operator does not exist: %s", ts)
	}
	return name.Last(), nil
}

// operator applies an operator to one (l nil) or two operands.
func (s *scope) operator(name string, l, r expr.Node, loc int) (expr.Node, error) {
	args := []expr.Node{r}
	if l != nil {
		args = []expr.Node{l, r}
	}
	fn, err := expr.ResolveOperator(name, oidsOf(args))
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
	name, err := s.opName(e.Name, e.Loc(), l, r)
	if err != nil {
		return nil, err
	}
	return s.operator(name, l, r, e.Loc())
}

// rowSubquery is (a, b) op (SELECT …): a row of a scalar subquery, compared column by column.
func (s *scope) rowSubquery(e *parse.AExpr, l *parse.RowExpr, r *parse.SubLink) (expr.Node, error) {
	if op := e.Name.Last(); op != "=" {
		return nil, s.unsupported(e.Loc(), "comparing a row with a subquery by "+op)
	}
	return s.anySubLink(&parse.SubLink{Type: parse.AnySubLink, Testexpr: l, Subselect: r.Subselect, Location: r.Location})
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
	switch op {
	case "=":
	case "<>":
		kind = expr.Or
	case "<", "<=", ">", ">=":
		return s.lexicographic(op, l, r, loc)
	default:
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

func (s *scope) lexicographic(op string, l, r []expr.Node, loc int) (expr.Node, error) {
	strict := op[:1]
	if len(l) == 1 {
		return s.operator(op, l[0], r[0], loc)
	}
	less, err := s.operator(strict, l[0], r[0], loc)
	if err != nil {
		return nil, err
	}
	eq, err := s.operator("=", l[0], r[0], loc)
	if err != nil {
		return nil, err
	}
	rest, err := s.lexicographic(op, l[1:], r[1:], loc)
	if err != nil {
		return nil, err
	}
	return &expr.BoolOp{Op: expr.Or, Loc: loc, Args: []expr.Node{less, &expr.BoolOp{Op: expr.And, Args: []expr.Node{eq, rest}, Loc: loc}}}, nil
}

// pairOf resolves an operator for two operands, and coerces them.
func (s *scope) pairOf(name string, l, r expr.Node, loc int) (*expr.Func, error) {
	n, err := s.operator(name, l, r, loc)
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
	name, err := s.opName(e.Name, e.Loc(), l, r)
	if err != nil {
		return nil, err
	}
	return s.scalarArray(name, l, r, e.Kind == parse.AExprOpAll, e.Loc())
}

// scalarArray is l op ANY/ALL (array).
func (s *scope) scalarArray(name string, l, r expr.Node, all bool, loc int) (expr.Node, error) {
	elem := types.Oid(types.UnknownOid)
	if oidOf(r) != types.UnknownOid {
		if elem = types.ElemOf(oidOf(r)); elem == 0 {
			return nil, s.errorf(loc, pgerr.WrongObjectType, "op ANY/ALL (array) requires array on right side")
		}
	}
	fn, err := expr.ResolveOperator(name, []types.Oid{oidOf(l), elem})
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
	return &expr.AnyAll{Op: fn, Left: l, Array: r, All: all, Loc: loc}, nil
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
	if isNullConst(r) {
		return &expr.IsTest{Arg: l, Test: expr.IsNull, Not: !not, Loc: e.Loc()}, nil
	}
	if isNullConst(l) {
		return &expr.IsTest{Arg: r, Test: expr.IsNull, Not: !not, Loc: e.Loc()}, nil
	}
	if lr, ok := l.(*expr.Row); ok {
		if rr, ok := r.(*expr.Row); ok {
			return s.distinctRows(lr, rr, not, e.Loc())
		}
	}
	f, err := s.pairOf("=", l, r, e.Loc())
	if err != nil {
		return nil, err
	}
	return &expr.Distinct{Eq: f.Fn, Left: f.Args[0], Right: f.Args[1], Not: not, Loc: e.Loc()}, nil
}

func isNullConst(n expr.Node) bool {
	k, ok := n.(*expr.Const)
	return ok && k.Value.IsNull()
}

func (s *scope) distinctRows(l, r *expr.Row, not bool, loc int) (expr.Node, error) {
	if len(l.Fields) != len(r.Fields) {
		return nil, s.errorf(loc, pgerr.SyntaxError, "unequal number of entries in row expressions")
	}
	b := &expr.BoolOp{Op: expr.Or, Loc: loc}
	if not {
		b.Op = expr.And
	}
	for i := range l.Fields {
		f, err := s.pairOf("=", l.Fields[i], r.Fields[i], loc)
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
	return &expr.NullIf{Eq: f.Fn, Left: f.Args[0], Right: f.Args[1], Type: f.Args[0].ResultType(), Loc: e.Loc()}, nil
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
		if _, isRow := n.(*expr.Row); isRow || hasLocalVar(n) {
			others = append(others, n)
		} else {
			consts = append(consts, n)
		}
	}
	var parts []expr.Node
	if _, isRow := l.(*expr.Row); len(consts) > 1 && !isRow {
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
		lr, ok1 := l.(*expr.Row)
		rr, ok2 := n.(*expr.Row)
		if ok1 && ok2 {
			c, err = s.compareRows(name, lr.Fields, rr.Fields, e.Loc())
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
	return s.scalarArray(name, l, arr, all, loc)
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

func (s *scope) connective(e *parse.BoolExpr) (expr.Node, error) {
	b := &expr.BoolOp{Op: expr.BoolKind(e.Op), Loc: e.Loc()}
	name := [...]string{"AND", "OR", "NOT"}[e.Op]
	for _, x := range e.Args {
		n, err := s.boolExpr(x, name)
		if err != nil {
			return nil, err
		}
		b.Args = append(b.Args, n)
	}
	return b, nil
}

func (s *scope) nullTest(e *parse.NullTest) (expr.Node, error) {
	n, err := s.expr(e.Arg)
	if err != nil {
		return nil, err
	}
	return &expr.IsTest{Arg: n, Test: expr.IsNull, Not: e.Not, Loc: e.Loc()}, nil
}

func (s *scope) booleanTest(e *parse.BooleanTest) (expr.Node, error) {
	n, err := s.expr(e.Arg)
	if err != nil {
		return nil, err
	}
	name := [...]string{"IS TRUE", "IS NOT TRUE", "IS FALSE", "IS NOT FALSE", "IS UNKNOWN", "IS NOT UNKNOWN"}[e.Test]
	if n, err = s.coerceBool(n, name); err != nil {
		return nil, err
	}
	kind := [...]expr.TestKind{expr.IsTrue, expr.IsFalse, expr.IsUnknown}[e.Test/2]
	return &expr.IsTest{Arg: n, Test: kind, Not: e.Test%2 == 1, Loc: e.Loc()}, nil
}

func (s *scope) caseExpr(e *parse.CaseExpr) (expr.Node, error) {
	old := s.conditional
	s.conditional = "CASE"
	defer func() { s.conditional = old }()
	var operand expr.Node
	if e.Arg != nil {
		n, err := s.expr(e.Arg)
		if err != nil {
			return nil, err
		}
		if operand, err = s.resolveUnknown(n); err != nil {
			return nil, err
		}
	}
	c := &expr.Case{Loc: e.Loc()}
	var results []expr.Node
	if e.Defresult != nil {
		n, err := s.expr(e.Defresult)
		if err != nil {
			return nil, err
		}
		results = append(results, n)
	} else {
		results = append(results, &expr.Const{Type: types.T(types.UnknownOid), Loc: -1})
	}
	for _, w := range e.Whens {
		cond, err := s.expr(w.Expr)
		if err == nil && operand != nil {
			cond, err = s.operator("=", operand, cond, w.Loc())
		}
		if err == nil {
			cond, err = s.coerceBool(cond, "CASE/WHEN")
		}
		if err != nil {
			return nil, err
		}
		res, err := s.expr(w.Result)
		if err != nil {
			return nil, err
		}
		c.Whens = append(c.Whens, expr.When{Cond: cond})
		results = append(results, res)
	}
	results, t, err := s.unify(results, "CASE")
	if err != nil {
		return nil, err
	}
	if e.Defresult == nil {
		t.Mod = commonMod(results[1:])
	} else {
		c.Else = results[0]
	}
	for i := range c.Whens {
		c.Whens[i].Result = results[i+1]
	}
	c.Type = t
	return c, nil
}

func (s *scope) coalesce(e *parse.CoalesceExpr) (expr.Node, error) {
	old := s.conditional
	s.conditional = "COALESCE"
	defer func() { s.conditional = old }()
	args, err := s.exprs(e.Args)
	if err != nil {
		return nil, err
	}
	args, t, err := s.unify(args, "COALESCE")
	if err != nil {
		return nil, err
	}
	return &expr.Coalesce{Args: args, Type: t, Loc: e.Loc()}, nil
}

func (s *scope) minMax(e *parse.MinMaxExpr) (expr.Node, error) {
	name := "GREATEST"
	if e.Least {
		name = "LEAST"
	}
	args, err := s.exprs(e.Args)
	if err != nil {
		return nil, err
	}
	args, t, err := s.unify(args, name)
	if err != nil {
		return nil, err
	}
	if expr.LessThanOf(t.Oid) == nil {
		return nil, s.errorf(e.Loc(), pgerr.UndefinedFunction, "could not identify a comparison function for type %s", typeString(t.Oid))
	}
	return &expr.MinMax{Args: args, Least: e.Least, Type: t, Loc: e.Loc()}, nil
}

// arrayExpr is ARRAY[…], with target's array type if it is cast to one (Oid 0: it is not).
func (s *scope) arrayExpr(e *parse.ArrayExpr, target types.Type) (expr.Node, error) {
	var elems []expr.Node
	nested := false
	for _, x := range e.Elements {
		var n expr.Node
		var err error
		if sub, ok := x.(*parse.ArrayExpr); ok {
			nested = true
			n, err = s.arrayExpr(sub, target)
		} else {
			n, err = s.expr(x)
		}
		if err != nil {
			return nil, err
		}
		nested = nested || types.ElemOf(oidOf(n)) != 0
		elems = append(elems, n)
	}
	if target.Oid == 0 && len(elems) == 0 {
		return nil, s.at(e.Loc(), pgerr.New(pgerr.IndeterminateDatatype, "cannot determine type of empty array").
			WithHint("Explicitly cast to the desired type, for example ARRAY[]::integer[]."))
	}
	elem, array := types.ElemOf(target.Oid), target.Oid
	if target.Oid == 0 {
		t, err := s.commonType(elems, "ARRAY")
		if err != nil {
			return nil, err
		}
		if elem = t; nested {
			elem = types.ElemOf(t)
		}
		if array = types.ArrayOf(elem); array == 0 {
			return nil, s.errorf(e.Loc(), pgerr.UndefinedObject, "could not find array type for data type %s", typeString(elem))
		}
	}
	want := types.Type{Oid: elem, Mod: target.Mod}
	ctx := types.Implicit
	if target.Oid != 0 {
		ctx = types.Explicit
	}
	if nested {
		want.Oid = array
	}
	for i, n := range elems {
		c, err := s.coerceTo(n, want, ctx, -1)
		if err != nil {
			return nil, err
		}
		if c == nil {
			return nil, s.errorf(locOf(n), pgerr.CannotCoerce, "ARRAY could not convert type %s to %s", typeString(oidOf(n)), typeString(want.Oid))
		}
		elems[i] = c
	}
	return &expr.ArrayExpr{Elems: elems, Type: types.Type{Oid: array, Mod: target.Mod}, Loc: e.Loc()}, nil
}

func (s *scope) rowExpr(e *parse.RowExpr) (expr.Node, error) {
	r := &expr.Row{Type: types.T(types.RecordOid), Loc: e.Loc()}
	for i, x := range e.Args {
		if c, ok := x.(*parse.ColumnRef); ok && c.Star {
			ts, err := s.starColumns(c)
			if err != nil {
				return nil, err
			}
			for _, t := range ts {
				r.Fields = append(r.Fields, t.Expr)
			}
			continue
		}
		n, err := s.expr(e.Args[i])
		if err != nil {
			return nil, err
		}
		r.Fields = append(r.Fields, n)
	}
	for i := range r.Fields {
		r.Names = append(r.Names, "f"+strconv.Itoa(i+1))
	}
	return r, nil
}

func (s *scope) indirection(e *parse.Indirection) (expr.Node, error) {
	n, err := s.expr(e.Arg)
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(e.Steps); i++ {
		st := e.Steps[i]
		switch {
		case st.Star:
			return nil, s.unsupported(e.Loc(), "expansion of a row value")
		case st.Field != "":
			n, err = s.fieldOf(n, st.Field, e.Loc())
		default:
			n, err = s.subscript(n, st, e.Loc())
		}
		if err != nil {
			return nil, err
		}
	}
	return n, nil
}

func (s *scope) fieldOf(n expr.Node, field string, loc int) (expr.Node, error) {
	switch r := n.(type) {
	case *expr.Row:
		for i, name := range r.Names {
			if name == field {
				return r.Fields[i], nil
			}
		}
	case *expr.SetReturning:
		for i, c := range s.outColumns(r) {
			if c.Name == field {
				return &expr.Field{Arg: n, Index: i, Type: c.Type, Loc: loc}, nil
			}
		}
	}
	if oidOf(n) == types.RecordOid {
		return nil, s.errorf(loc, pgerr.UndefinedColumn, "could not identify column %q in record data type", field)
	}
	return nil, s.errorf(loc, pgerr.WrongObjectType, "column notation .%s applied to type %s, which is not a composite type", field, typeString(oidOf(n)))
}

func (s *scope) subscript(n expr.Node, st parse.Subscript, loc int) (expr.Node, error) {
	t := oidOf(n)
	if t == types.JsonbOid && !st.Slice {
		k, err := s.expr(st.Uidx)
		if err != nil {
			return nil, err
		}
		return s.operator("->", n, k, loc)
	}
	elem := types.ElemOf(t)
	if elem == 0 || t.Kind() != types.KArray {
		return nil, s.errorf(loc, pgerr.DatatypeMismatch, "cannot subscript type %s because it does not support subscripting", typeString(t))
	}
	out := &expr.Subscript{Array: n, Slice: st.Slice, Type: types.Type{Oid: elem, Mod: n.ResultType().Mod}, Loc: loc}
	if st.Slice {
		out.Type = n.ResultType()
	}
	index := func(e parse.Expr) (expr.Node, error) {
		if e == nil {
			return nil, nil
		}
		i, err := s.expr(e)
		if err != nil {
			return nil, err
		}
		c, err := s.coerceTo(i, types.T(types.Int4Oid), types.Assignment, -1)
		if err == nil && c == nil {
			return nil, s.errorf(locOf(i), pgerr.DatatypeMismatch, "array subscript must have type integer")
		}
		return c, err
	}
	var err error
	if !st.Slice {
		out.Index, err = index(st.Uidx)
		return out, err
	}
	if out.Index, err = index(st.Lidx); err != nil {
		return nil, err
	}
	out.Upper, err = index(st.Uidx)
	return out, err
}

func (s *scope) sqlValue(e *parse.SQLValueFunction) (expr.Node, error) {
	k := &expr.SQLValue{Loc: e.Loc()}
	t := types.T(types.NameOid)
	switch e.Op {
	case parse.CurrentDate:
		k.Kind, t = expr.CurrentDate, types.T(types.DateOid)
	case parse.CurrentTime, parse.CurrentTimeN:
		return nil, s.unsupported(e.Loc(), "type time with time zone")
	case parse.CurrentTimestamp, parse.CurrentTimestampN:
		k.Kind, t = expr.CurrentTimestamp, types.T(types.TimestamptzOid)
	case parse.LocalTime, parse.LocalTimeN:
		k.Kind, t = expr.LocalTime, types.T(types.TimeOid)
	case parse.LocalTimestamp, parse.LocalTimestampN:
		k.Kind, t = expr.LocalTimestamp, types.T(types.TimestampOid)
	case parse.CurrentRole:
		k.Kind = expr.CurrentRole
	case parse.CurrentUser, parse.User:
		k.Kind = expr.CurrentUser
	case parse.SessionUser:
		k.Kind = expr.SessionUser
	case parse.CurrentCatalog:
		k.Kind = expr.CurrentCatalog
	case parse.CurrentSchema:
		k.Kind = expr.CurrentSchema
	}
	if e.Typmod >= 0 && t.Oid != types.NameOid && t.Oid != types.DateOid {
		t.Mod = int32(min(e.Typmod, 6))
	}
	k.Type = t
	return k, nil
}

// collate accepts the collations that compare as bytes, which is what all text does here.
func (s *scope) collate(e *parse.CollateClause) (expr.Node, error) {
	n, err := s.expr(e.Arg)
	if err != nil {
		return nil, err
	}
	if n, err = s.resolveUnknown(n); err != nil {
		return nil, err
	}
	if in := types.Lookup(oidOf(n)); in == nil || in.Collation == 0 && in.Category != 'S' {
		return nil, s.errorf(e.Loc(), pgerr.DatatypeMismatch, "collations are not supported by type %s", typeString(oidOf(n)))
	}
	switch e.Name.Last() {
	case "C", "POSIX", "default", "ucs_basic", "C.UTF-8", "C.utf8":
		return n, nil
	}
	return nil, s.errorf(e.Loc(), pgerr.UndefinedObject, "collation %q for encoding \"UTF8\" does not exist", e.Name.String())
}

func (s *scope) groupingFunc(e *parse.GroupingFunc) (expr.Node, error) {
	return nil, s.unsupported(e.Loc(), "GROUPING")
}
