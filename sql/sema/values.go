package sema

import (
	"strconv"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// outputTargets describe the columns of VALUES and set operations.
func outputTargets(names []string, ts []types.Type) []Target {
	out := make([]Target, len(ts))
	for i, t := range ts {
		out[i] = Target{Expr: &expr.Column{Index: i, Type: t}, Name: names[i]}
	}
	return out
}

func columnNames(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = "column" + strconv.Itoa(i+1)
	}
	return out
}

// values is VALUES as a query of its own.
func (s *scope) values(sel *parse.SelectStmt) error {
	rows, err := s.valuesRows(sel.ValuesLists)
	if err != nil {
		return err
	}
	ts := make([]types.Type, len(rows[0]))
	for c := range ts {
		col := make([]expr.Node, len(rows))
		for r := range rows {
			col[r] = rows[r][c]
		}
		if s.keepUnknown && allUnknown(col) {
			ts[c] = types.T(types.UnknownOid)
			continue
		}
		if col, ts[c], err = s.unify(col, "VALUES"); err != nil {
			return err
		}
		for r := range rows {
			rows[r][c] = col[r]
		}
	}
	s.q.Values = rows
	s.q.Targets = outputTargets(columnNames(len(ts)), ts)
	if err := s.tail(sel); err != nil {
		return err
	}
	return s.deriveCollations()
}

func allUnknown(ns []expr.Node) bool {
	for _, n := range ns {
		if oidOf(n) != types.UnknownOid {
			return false
		}
	}
	return true
}

func (s *scope) valuesRows(lists [][]parse.Expr) ([][]expr.Node, error) {
	defer s.in(inValues)()
	rows := make([][]expr.Node, len(lists))
	for i, l := range lists {
		if len(l) != len(lists[0]) {
			return nil, s.errorf(l[0].Loc(), pgerr.SyntaxError, "VALUES lists must all be the same length")
		}
		r, err := s.exprs(l)
		if err != nil {
			return nil, err
		}
		rows[i] = r
	}
	return rows, nil
}

// literalValues is a long VALUES list of literals outside of INSERT: it is analysed as if it were written out.
func (s *scope) literalValues(sel *parse.SelectStmt) error {
	c := *sel
	c.ValuesLists, c.LiteralRows = expandLiterals(sel.LiteralRows), nil
	return s.values(&c)
}

func expandLiterals(l *parse.LiteralRows) [][]parse.Expr {
	rows := make([][]parse.Expr, l.NumRows())
	for r := range rows {
		rows[r] = make([]parse.Expr, l.NumCols)
		for c := range rows[r] {
			i := r*l.NumCols + c
			k := &parse.Const{Sval: l.Texts[i], Location: parse.Location(l.Locs[i])}
			switch l.Kinds[i] {
			case parse.LitNull:
				k.Kind = parse.ConstNull
			case parse.LitTrue, parse.LitFalse:
				k.Kind, k.Bval = parse.ConstBool, l.Kinds[i] == parse.LitTrue
			case parse.LitString:
				k.Kind = parse.ConstString
			default:
				k.Kind = parse.ConstFloat // constant reads integers from it too
			}
			rows[r][c] = k
		}
	}
	return rows
}
