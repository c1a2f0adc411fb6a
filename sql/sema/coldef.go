package sema

import (
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// recordCall gives a function in FROM that returns any record the columns of its column definition list.
func (s *scope) recordCall(n expr.Node, defs []*parse.ColumnDef) (expr.Node, error) {
	set, isSet := n.(*expr.SetReturning)
	if f, ok := n.(*expr.Func); ok && oidOf(n).Kind() == types.KRecord {
		if fn := f.Fn.AsSet(); fn != nil {
			set, isSet = &expr.SetReturning{Fn: fn, Args: f.Args, Type: f.Type, Loc: f.Loc}, true
			if fn.User != nil && fn.User.Columns != nil {
				set.Columns = recordOf(fn.User, f.Args)
				n = set
			}
		}
	}
	if isSet && len(defs) == 0 && set.Columns == nil && len(set.Fn.Columns) == 0 {
		if cols := expr.CompositeColumns(oidOf(set), s.io); cols != nil {
			call := *set
			call.Columns = cols
			return &call, nil
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
	if in := types.Lookup(t.Oid); in != nil && in.Type == 'p' && t.Oid != types.RecordOid && t.Oid != types.ArrayOf(types.RecordOid) {
		return expr.RecordColumn{}, s.errorf(d.Loc(), pgerr.InvalidTableDefinition, "column %q has pseudo-type %s", d.Name, typeString(t.Oid))
	}
	return expr.RecordColumn{Name: d.Name, Type: t}, nil
}
