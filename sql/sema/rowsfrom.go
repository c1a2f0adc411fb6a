package sema

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// functionCalls are the functions of an item of FROM. unnest of several arrays is as many calls of unnest.
func functionCalls(r *parse.RangeFunction) []parse.RangeFunctionItem {
	var out []parse.RangeFunctionItem
	for _, it := range r.Functions {
		f, ok := it.Func.(*parse.FuncCall)
		if !ok || len(f.Args) < 2 || f.Name.String() != "unnest" || f.FuncVariadic || f.AggStar || f.AggDistinct || f.Over != nil ||
			len(f.AggOrder) > 0 || f.AggFilter != nil {
			out = append(out, it)
			continue
		}
		for _, a := range f.Args {
			one := *f
			one.Name, one.Args = parse.Name{catalog.PgCatalogName, "unnest"}, []parse.Expr{a}
			out = append(out, parse.RangeFunctionItem{Func: &one, Coldefs: it.Coldefs})
		}
	}
	return out
}

// rowsFrom is several functions side by side, the shorter ones filled up with NULL: what a select list of set-returning
// functions yields.
func (s *scope) rowsFrom(r *parse.RangeFunction, calls []parse.RangeFunctionItem) (*nsItem, error) {
	if len(r.Coldefs) > 0 {
		err := pgerr.New(pgerr.SyntaxError, "ROWS FROM() with multiple functions cannot have a column definition list").
			WithHint("Put a separate column definition list for each function inside ROWS FROM().")
		if len(r.Functions) == 1 {
			err = pgerr.New(pgerr.SyntaxError, "UNNEST() with multiple arguments cannot have a column definition list").
				WithHint("Use separate UNNEST() calls inside ROWS FROM(), and attach a column definition list to each one.")
		}
		return nil, s.at(r.Coldefs[0].Loc(), err)
	}
	q := &Query{HasSRFs: true}
	for _, c := range calls {
		n, err := s.fromFunction(c.Func)
		if err != nil {
			return nil, err
		}
		if n, err = s.recordCall(n, c.Coldefs); err != nil {
			return nil, err
		}
		set, ok := n.(*expr.SetReturning)
		if !ok {
			return nil, s.unsupported(c.Func.Loc(), "a function that returns no set among several of ROWS FROM")
		}
		set = pushDownExpr(set).(*expr.SetReturning)
		if len(set.Fn.Columns) < 2 && set.Columns == nil {
			name := s.calledName(c.Func)
			if len(set.Fn.Columns) == 1 && set.Fn.Columns[0].Name != "" {
				name = set.Fn.Columns[0].Name
			}
			q.Targets = append(q.Targets, Target{Expr: set, Name: name})
			continue
		}
		for i, col := range s.outColumns(set) {
			q.Targets = append(q.Targets, Target{Expr: &expr.Field{Arg: set, Index: i, Type: col.Type, Loc: set.Loc}, Name: col.Name})
		}
	}
	if r.Ordinality {
		if err := numberRows(&q); err != nil {
			return nil, err
		}
	}
	name, aliases := aliasOf(r.Alias, s.calledName(calls[0].Func))
	rte := &RTE{Kind: RTESubquery, Alias: name, Columns: queryColumns(q), Query: q, Lateral: true, RowsFrom: true}
	return s.item(s.addRel(rte), name, aliases, r.Loc(), nil)
}

// numberRows adds WITH ORDINALITY's column to a query, by a query around it.
func numberRows(q **Query) error {
	fn, err := expr.LookupFunction("row_number", nil, nil, false, expr.UserNames{})
	if err != nil {
		return err
	}
	outer := wrap(*q)
	outer.Windows = []Window{{Frame: parse.FrameDefaults}}
	outer.HasWindows = true
	n := &expr.WindowFunc{Fn: fn.Window, Type: types.T(types.Int8Oid), Loc: -1}
	outer.Targets = append(slices.Clip(outer.Targets), Target{Expr: n, Name: "ordinality"})
	*q = outer
	return nil
}
