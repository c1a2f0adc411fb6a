package sema

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// recordCall gives a function in FROM that returns any record the columns of its column definition list.
func (s *scope) recordCall(n expr.Node, defs []*parse.ColumnDef) (expr.Node, error) {
	set, isSet := n.(*expr.SetReturning)
	if f, ok := n.(*expr.Func); ok && oidOf(n) == types.RecordOid {
		if fn := f.Fn.AsSet(); fn != nil {
			set, isSet = &expr.SetReturning{Fn: fn, Args: f.Args, Type: f.Type, Loc: f.Loc}, true
		}
	}
	anyRecord := isSet && oidOf(set) == types.RecordOid && len(set.Fn.Columns) == 0 && set.Columns == nil
	if len(defs) == 0 {
		if anyRecord {
			return nil, s.errorf(locOf(n), pgerr.SyntaxError, "a column definition list is required for functions returning \"record\"")
		}
		return n, nil
	}
	switch loc := defs[0].Loc(); {
	case isSet && (len(set.Fn.Columns) > 1 || set.Columns != nil):
		return nil, s.errorf(loc, pgerr.SyntaxError, "a column definition list is redundant for a function with OUT parameters")
	case !anyRecord:
		return nil, s.errorf(loc, pgerr.SyntaxError, "a column definition list is only allowed for functions returning \"record\"")
	}
	call := *set
	for _, d := range defs {
		c, err := s.recordColumn(d)
		if err != nil {
			return nil, err
		}
		for _, have := range call.Columns {
			if have.Name == c.Name {
				return nil, s.errorf(-1, pgerr.DuplicateColumn, "column name %q specified more than once", c.Name)
			}
		}
		call.Columns = append(call.Columns, c)
	}
	return &call, nil
}

func (s *scope) recordColumn(d *parse.ColumnDef) (expr.RecordColumn, error) {
	if d.Type.Setof {
		return expr.RecordColumn{}, s.errorf(d.Loc(), pgerr.InvalidTableDefinition, "column %q cannot be declared SETOF", d.Name)
	}
	t, err := s.typeName(d.Type)
	if err != nil {
		return expr.RecordColumn{}, err
	}
	if in := types.Lookup(t.Oid); in != nil && in.Type == 'p' {
		return expr.RecordColumn{}, s.errorf(d.Loc(), pgerr.InvalidTableDefinition, "column %q has pseudo-type %s", d.Name, typeString(t.Oid))
	}
	return expr.RecordColumn{Name: d.Name, Type: t}, nil
}

// fromCall analyses a function in FROM, where unnest takes any number of arrays.
func (s *scope) fromCall(e parse.Expr) (expr.Node, error) {
	f, ok := e.(*parse.FuncCall)
	if !ok || len(f.Args) < 2 || len(f.Name) != 1 || f.Name.Last() != "unnest" || f.FuncVariadic || f.AggDistinct || f.AggStar ||
		len(f.AggOrder) > 0 || f.AggFilter != nil || f.AggWithinGroup || f.Over != nil {
		return s.expr(e)
	}
	out := &expr.SetReturning{Fn: expr.Unnests, Type: types.T(types.RecordOid), Loc: f.Loc()}
	for _, a := range f.Args {
		one := *f
		one.Name, one.Args = parse.Name{catalog.PgCatalogName, "unnest"}, []parse.Expr{a}
		n, err := s.expr(&one)
		if err != nil {
			return nil, err
		}
		set, ok := n.(*expr.SetReturning)
		if !ok || len(set.Args) != 1 || len(set.Fn.Columns) > 0 {
			return nil, s.unsupported(f.Loc(), "unnest of several values that are not all arrays")
		}
		out.Args = append(out.Args, set.Args[0])
		out.Columns = append(out.Columns, expr.RecordColumn{Name: "unnest", Type: set.Type})
	}
	return out, nil
}
