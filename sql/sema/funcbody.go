package sema

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
)

// FunctionScope is what the statements of a function in SQL may name besides columns: its parameters, as name or
// function.name, which columns come before. Parameter i (from 1) is $i.
type FunctionScope struct {
	Name   string
	Params []string // names of the input parameters; empty for none
}

// Parameters is the scope of a function's body.
func Parameters(f *catalog.Function) *FunctionScope {
	s := &FunctionScope{Name: f.Name}
	for _, a := range f.Inputs() {
		s.Params = append(s.Params, a.Name)
	}
	return s
}

// functionParam is the parameter that a name in a function's body means: p, f.p, p.field or f.p.field; nil for none.
func (s *scope) functionParam(c *parse.ColumnRef) (expr.Node, error) {
	f := s.env.Function
	at := func(name string) int { return slices.Index(f.Params, name) }
	names := c.Fields
	i := -1
	if len(names) > 1 && names[0] == f.Name {
		if i = at(names[1]); i >= 0 {
			names = names[2:]
		}
	}
	if i < 0 {
		if i = at(names[0]); i < 0 {
			return nil, nil
		}
		names = names[1:]
	}
	if len(names) > 1 {
		return nil, nil
	}
	n, err := s.param(&parse.ParamRef{Number: i + 1, Location: c.Location})
	if err != nil || len(names) == 0 {
		return n, err
	}
	return s.fieldOf(n, names[0], c.Loc())
}
