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
		return nil, pgerr.Internal("WHERE CURRENT OF outside of UPDATE and DELETE")
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
		d, err := types.ParseText(types.T(types.BitOid), c.Sval, s.io)
		if err != nil {
			return nil, s.at(c.Loc(), err)
		}
		k.Type, k.Value = types.T(types.BitOid), d
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
	results := []expr.Node{&expr.Const{Type: types.T(types.UnknownOid), Loc: -1}} // that of ELSE first
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
	if e.Defresult != nil {
		n, err := s.expr(e.Defresult)
		if err != nil {
			return nil, err
		}
		results[0] = n
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
	c.Type, c.Operand = t, operand
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
		nested = nested || types.IsArray(oidOf(n))
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

// rowItem is one item of a row: an expression as written, or a column that a * stands for.
type rowItem struct {
	written parse.Expr
	node    expr.Node
}

// rowItems expands the *s of a row's items.
func (s *scope) rowItems(args []parse.Expr) ([]rowItem, error) {
	out := make([]rowItem, 0, len(args))
	for _, x := range args {
		c, ok := x.(*parse.ColumnRef)
		if !ok || !c.Star {
			out = append(out, rowItem{written: x})
			continue
		}
		ts, err := s.starColumns(c)
		if err != nil {
			return nil, err
		}
		for _, t := range ts {
			out = append(out, rowItem{node: t.Expr})
		}
	}
	return out, nil
}

func (s *scope) rowExpr(e *parse.RowExpr) (expr.Node, error) {
	r := &expr.Row{Type: types.T(types.RecordOid), Loc: e.Loc()}
	items, err := s.rowItems(e.Args)
	if err != nil {
		return nil, err
	}
	for _, it := range items {
		n := it.node
		if n == nil {
			if n, err = s.expr(it.written); err != nil {
				return nil, err
			}
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
		case st.Star && i == len(e.Steps)-1 && oidOf(n).Kind() == types.KRecord:
			return n, nil // the row itself
		case st.Star:
			return nil, s.unsupported(e.Loc(), "expansion of a row value")
		case st.Field != "":
			n, err = s.fieldOf(n, st.Field, e.Loc())
		default: // all subscripts up to the next field are one node
			end := i + subscriptRun(e.Steps[i:])
			n, err = s.subscript(n, e.Steps[i:end], e.Loc())
			i = end - 1
		}
		if err != nil {
			return nil, err
		}
	}
	return n, nil
}

// rowOf is the row of a whole-row reference that may be null: its fields are null where it is.
func rowOf(n expr.Node) expr.Node {
	if c, ok := n.(*expr.Case); ok && len(c.Whens) == 1 && c.Else == nil {
		if r, ok := c.Whens[0].Result.(*expr.Row); ok && r.Names != nil {
			return r
		}
	}
	return n
}

func (s *scope) fieldOf(n expr.Node, field string, loc int) (expr.Node, error) {
	switch r := rowOf(n).(type) {
	case *expr.Row:
		for i, name := range r.Names {
			if name == field && !(r.Cast && s.env.Print) {
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
	u := s.composite(oidOf(n))
	if u != nil {
		if f := s.attribute(n, u, field, loc); f != nil {
			return f, nil
		}
	} else if oidOf(n) == types.RecordOid {
		for i, c := range s.recordColumns(n) {
			if c.Name == field {
				return &expr.Field{Arg: n, Index: i, Name: field, Type: c.Type, Loc: loc}, nil
			}
		}
	}
	if oidOf(n).Kind() == types.KRecord {
		if f, err := s.attributeCall(n, field, loc); f != nil || err != nil {
			return f, err
		}
	}
	switch {
	case u != nil:
		return nil, s.errorf(loc, pgerr.UndefinedColumn, "column %q not found in data type %s", field, typeString(oidOf(n)))
	case oidOf(n) == types.RecordOid:
		return nil, s.errorf(loc, pgerr.UndefinedColumn, "could not identify column %q in record data type", field)
	}
	return nil, s.errorf(loc, pgerr.WrongObjectType, "column notation .%s applied to type %s, which is not a composite type", field, typeString(oidOf(n)))
}

func (s *scope) sqlValue(e *parse.SQLValueFunction) (expr.Node, error) {
	k := &expr.SQLValue{Loc: e.Loc()}
	t := types.T(types.NameOid)
	switch e.Op {
	case parse.CurrentDate:
		k.Kind, t = expr.CurrentDate, types.T(types.DateOid)
	case parse.CurrentTime, parse.CurrentTimeN:
		k.Kind, t = expr.CurrentTime, types.T(types.TimetzOid)
	case parse.CurrentTimestamp, parse.CurrentTimestampN:
		k.Kind, t = expr.CurrentTimestamp, types.T(types.TimestamptzOid)
	case parse.LocalTime, parse.LocalTimeN:
		k.Kind, t = expr.LocalTime, types.T(types.TimeOid)
	case parse.LocalTimestamp, parse.LocalTimestampN:
		k.Kind, t = expr.LocalTimestamp, types.T(types.TimestampOid)
	case parse.CurrentRole:
		k.Kind = expr.CurrentRole
	case parse.CurrentUser, parse.User:
		k.Kind, k.User = expr.CurrentUser, e.Op == parse.User
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
	if !Collatable(n.ResultType()) {
		return nil, s.errorf(e.Loc(), pgerr.DatatypeMismatch, "collations are not supported by type %s", typeString(oidOf(n)))
	}
	if err := CheckCollation(e.Name); err != nil {
		return nil, s.at(e.Loc(), err)
	}
	if s.env.Print {
		return &expr.Collate{Arg: n, Name: e.Name.Last(), Loc: e.Loc()}, nil
	}
	s.mark(n, catalog.CollationOID(e.Name.Last()), e.Loc())
	return n, nil
}

// Collatable reports whether values of a type have a collation.
func Collatable(t types.Type) bool {
	in := types.Lookup(t.Oid)
	return in != nil && (in.Collation != 0 || in.Category == 'S')
}

// CheckCollation refuses the name of a collation that there is not.
func CheckCollation(name parse.Name) error {
	switch name.Last() {
	case "C", "POSIX", "default", "ucs_basic", "C.UTF-8", "C.utf8":
		return nil
	}
	return pgerr.New(pgerr.UndefinedObject, "collation %q for encoding \"UTF8\" does not exist", name.String())
}
