package sema

import (
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Variables are what the statements of a procedural language may name besides columns. A variable is a parameter of the
// statement, whose number and type they choose.
type Variables interface {
	// Column returns what names stand for, nil for nothing; with star they were written as names.*. missing says that they
	// stand for no column either: that a record has no such field is an error then.
	Column(names []string, star, missing bool) (*Variable, error)
	// Numbered returns what $n stands for, nil for nothing.
	Numbered(n int) *Variable
	// Conflict says what names stand for that are both a variable and a column.
	Conflict() VariableConflict
	// Types are the types of all parameters that were returned.
	Types() []types.Type
}

// Variable is a parameter that stands for a variable.
type Variable struct {
	Param int // from 1
	Type  types.Type
}

// VariableConflict is plpgsql.variable_conflict.
type VariableConflict uint8

// The ways to resolve a conflict.
const (
	ConflictIsError VariableConflict = iota
	ConflictUsesVariable
	ConflictUsesColumn
)

func (v *Variable) node(loc int) expr.Node {
	return &expr.Param{Index: v.Param, Type: v.Type, Loc: loc}
}

// variable is what a column reference means among the variables; nil for nothing.
func (s *scope) variable(c *parse.ColumnRef, missing bool) (expr.Node, error) {
	v, err := s.env.Variables.Column(c.Fields, c.Star, missing)
	if v == nil || err != nil {
		return nil, err
	}
	return v.node(c.Loc()), nil
}

// variableOrColumn resolves a column reference where there are variables.
func (s *scope) variableOrColumn(c *parse.ColumnRef) (expr.Node, error) {
	conflict := s.env.Variables.Conflict()
	if conflict == ConflictUsesVariable {
		if v, err := s.variable(c, false); v != nil || err != nil {
			return v, err
		}
		return s.tableColumn(c)
	}
	n, err := s.tableColumn(c)
	if err != nil && !undefinedName(err) || n != nil && conflict == ConflictUsesColumn {
		return n, err
	}
	v, verr := s.variable(c, n == nil)
	switch {
	case verr != nil:
		return nil, verr
	case v != nil && n != nil:
		return nil, s.at(c.Loc(), errAmbiguousVariable(c).
			WithDetail("It could refer to either a PL/pgSQL variable or a table column."))
	case v != nil:
		return v, nil
	}
	return n, err
}

func errAmbiguousVariable(c *parse.ColumnRef) *pgerr.Error {
	name := c.Fields.String()
	if c.Star {
		name += ".*"
	}
	return pgerr.New(pgerr.AmbiguousColumn, "column reference %q is ambiguous", name)
}

func undefinedName(err error) bool {
	return pgerr.HasCode(err, pgerr.UndefinedColumn) || pgerr.HasCode(err, pgerr.UndefinedTable)
}

// starOfVariable expands record.* in a select list; ok is false where the names stand for no variable.
func (s *scope) starOfVariable(c *parse.ColumnRef) (list []Target, ok bool, err error) {
	if s.env.Variables == nil || len(c.Fields) == 0 {
		return nil, false, nil
	}
	v, err := s.variable(c, false)
	if v == nil || err != nil {
		return nil, false, err
	}
	schema := ""
	if len(c.Fields) > 1 {
		schema = c.Fields.Schema()
	}
	switch it, _, err := s.findItem(schema, c.Fields.Last(), c.Loc()); {
	case err != nil:
		return nil, false, err
	case it != nil && s.env.Variables.Conflict() == ConflictUsesColumn:
		return nil, false, nil
	case it != nil && s.env.Variables.Conflict() == ConflictIsError:
		return nil, false, s.at(c.Loc(), errAmbiguousVariable(c))
	}
	u := s.composite(oidOf(v))
	if u == nil {
		return nil, false, pgerr.New(pgerr.WrongObjectType, "record type has not been registered")
	}
	for i, f := range u.Fields {
		if !f.Dropped {
			list = append(list, Target{Expr: &expr.Field{Arg: v, Index: i, Name: f.Name, Type: f.Type, Loc: c.Loc()}, Name: f.Name})
		}
	}
	return list, true, nil
}

// cursorVariable is the variable of type refcursor that WHERE CURRENT OF names; nil where it names a cursor.
func (s *scope) cursorVariable(e *parse.CurrentOfExpr) (expr.Node, error) {
	if s.env.Variables == nil {
		return nil, nil
	}
	v, err := s.env.Variables.Column([]string{e.CursorName}, false, false)
	if err != nil || v == nil || v.Type.Oid != types.RefcursorOid {
		return nil, err
	}
	return v.node(-1), nil
}

// AnalyzeAssignment gives an assignment its meaning: a query of one column, the target's new value. What no cast of an
// assignment makes a value of the target's type stays as it is, and goes into the target by its text form.
func AnalyzeAssignment(stmt *parse.PLAssignStmt, env *Env) (*Analyzed, error) {
	a := newAnalyzer(env)
	out := &Analyzed{}
	s := a.newScope(nil)
	if err := s.plAssignment(stmt); err != nil {
		return nil, a.positioned(err)
	}
	out.Query, out.Params = s.q, env.Variables.Types()
	out.Tables, out.Virtual, out.Keys = a.tables, a.usesVirtual, a.keys
	out.Permissions = permissions(out)
	if err := a.secure(out); err != nil {
		return nil, a.positioned(err)
	}
	return out, nil
}

func (s *scope) plAssignment(stmt *parse.PLAssignStmt) error {
	target, steps, err := s.assignmentTarget(stmt)
	if err != nil {
		return err
	}
	s.keepUnknown = true
	if err := s.selectStmt(stmt.Val); err != nil {
		return err
	}
	var value *Target
	columns := 0
	for i := range s.q.Targets {
		if !s.q.Targets[i].Junk {
			value = &s.q.Targets[i]
			columns++
		}
	}
	if columns != 1 {
		format := "assignment source returned %d columns"
		return pgerr.New(pgerr.SyntaxError, format, columns)
	}
	to, from := target.ResultType(), value.Expr.ResultType()
	defer s.in(inUpdateSource)()
	switch {
	case len(steps) > 0:
		rt := &parse.ResTarget{Name: stmt.Name, Indirection: steps, Location: stmt.Location}
		s.byText = true
		value.Expr, err = s.assignPart(target, rt, value.Expr)
		s.byText = false
		return err
	case from.Kind() == types.KRecord && to.Kind() == types.KRecord:
		return nil // field by field, when it runs
	}
	n, err := s.coerceTo(value.Expr, to, types.Assignment, -1)
	if err != nil {
		return err
	}
	if to.Kind() == types.KRecord && from.Oid != types.UnknownOid {
		n = viaText(value.Expr, to) // there is no cast; for other variables the text form is taken when it is assigned
		if to.Domain != 0 {
			n, err = s.toDomain(n, to, types.Assignment, -1)
		}
		value.Expr = n
		return err
	}
	if n == nil {
		n, err = s.resolveUnknown(value.Expr)
	}
	value.Expr = n
	return err
}

// assignmentTarget is the variable that an assignment changes, and the steps to the part of it that it changes.
func (s *scope) assignmentTarget(stmt *parse.PLAssignStmt) (target expr.Node, steps []parse.Subscript, err error) {
	c := &parse.ColumnRef{Fields: parse.Name{stmt.Name}, Location: stmt.Location}
	steps = stmt.Indirection
	for n := stmt.Names; n > 1 && len(steps) > 0; n-- {
		c.Fields = append(c.Fields, steps[0].Field)
		steps = steps[1:]
	}
	target, err = s.variable(c, true)
	if err == nil && target == nil {
		err = s.missingColumn("", stmt.Name, c.Loc())
	}
	return target, steps, err
}

// assignedValue makes a value one of the type of what it is assigned to; nil where it cannot. PL/pgSQL takes the text form then.
func (s *scope) assignedValue(value expr.Node, to types.Type) (expr.Node, error) {
	n, err := s.coerceTo(value, to, types.Assignment, -1)
	if n != nil || err != nil || !s.byText {
		return n, err
	}
	n = viaText(value, to)
	if to.Domain != 0 {
		return s.toDomain(n, to, types.Assignment, -1)
	}
	return n, nil
}

// viaText makes a value one of another type by its text form.
func viaText(value expr.Node, to types.Type) expr.Node {
	return &expr.Cast{Arg: value, Type: types.Type{Oid: to.Oid, Mod: to.Mod}, Context: types.Assignment, ViaIO: true, Loc: -1}
}

// CastTo makes a value of one type, which is parameter 1, one of another as PL/pgSQL does: by the cast of an assignment. It
// is nil where there is none, and the text form is what is left.
func CastTo(from, to types.Type, env *Env) (expr.Node, error) {
	if from.Oid == types.UnknownOid || from.Oid == types.RecordOid || from.Oid == types.RecordArrayOid {
		return nil, nil
	}
	a := newAnalyzer(env)
	n, err := a.coerceTo(&expr.Param{Index: 1, Type: from, Loc: -1}, to, types.Assignment, -1)
	if err != nil {
		return nil, a.positioned(err)
	}
	return n, nil
}

// DomainCheck judges a value of a domain's base type, which is parameter 1.
func DomainCheck(domain types.Type, env *Env) (expr.Node, error) {
	a := newAnalyzer(env)
	base := types.Type{Oid: domain.Oid, Mod: domain.Mod}
	n, err := a.toDomain(&expr.Param{Index: 1, Type: base, Loc: -1}, domain, types.Explicit, -1)
	if err != nil {
		return nil, a.positioned(err)
	}
	return n, nil
}
