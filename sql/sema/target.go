package sema

import (
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// resolveTargets makes unknown literals of the select list text.
func (s *scope) resolveTargets() error {
	if s.keepUnknown {
		return nil
	}
	for i := range s.q.Targets {
		n, err := s.resolveUnknown(s.q.Targets[i].Expr)
		if err != nil {
			return err
		}
		s.q.Targets[i].Expr = n
	}
	return nil
}

// targetList analyses a select list or RETURNING.
func (s *scope) targetList(list []*parse.ResTarget, c clause) error {
	defer s.in(c)()
	for _, rt := range list {
		if ref, ok := rt.Val.(*parse.ColumnRef); ok && ref.Star {
			ts, err := s.starColumns(ref)
			if err != nil {
				return err
			}
			s.q.Targets = append(s.q.Targets, ts...)
			continue
		}
		if ind, ok := rt.Val.(*parse.Indirection); ok && len(ind.Steps) > 0 && ind.Steps[len(ind.Steps)-1].Star {
			if err := s.starOfRow(ind); err != nil {
				return err
			}
			continue
		}
		n, err := s.expr(rt.Val)
		if err != nil {
			return err
		}
		t := Target{Expr: n, Name: rt.Name}
		if t.Name == "" {
			t.Name = figureName(rt.Val)
		}
		s.setOrigin(&t)
		s.q.Targets = append(s.q.Targets, t)
	}
	return nil
}

// starOfRow expands (row expression).*.
func (s *scope) starOfRow(ind *parse.Indirection) error {
	base := parse.Expr(ind.Arg)
	if len(ind.Steps) > 1 {
		base = &parse.Indirection{Arg: ind.Arg, Steps: ind.Steps[:len(ind.Steps)-1]}
	}
	n, err := s.expr(base)
	if err != nil {
		return err
	}
	switch r := rowOf(n).(type) {
	case *expr.Row:
		for i, f := range r.Fields {
			if r.Names[i] != "" { // of an attribute that was dropped
				s.q.Targets = append(s.q.Targets, Target{Expr: f, Name: r.Names[i]})
			}
		}
		return nil
	case *expr.SetReturning:
		for i, c := range s.outColumns(r) {
			s.q.Targets = append(s.q.Targets, Target{Expr: &expr.Field{Arg: n, Index: i, Type: c.Type, Loc: r.Loc}, Name: c.Name})
		}
		return nil
	}
	if u := s.composite(oidOf(n)); u != nil {
		for i, f := range u.Fields {
			if !f.Dropped {
				s.q.Targets = append(s.q.Targets, Target{Expr: &expr.Field{Arg: n, Index: i, Name: f.Name, Type: f.Type, Loc: ind.Loc()}, Name: f.Name})
			}
		}
		return nil
	}
	if cols := s.recordColumns(n); cols != nil {
		for i, c := range cols {
			if c.Name != "" {
				s.q.Targets = append(s.q.Targets, Target{Expr: &expr.Field{Arg: n, Index: i, Name: c.Name, Type: c.Type, Loc: ind.Loc()}, Name: c.Name})
			}
		}
		return nil
	}
	return s.errorf(ind.Loc(), pgerr.WrongObjectType, "type %s is not composite", typeString(oidOf(n)))
}

// figureName is the column name that PostgreSQL gives an unnamed expression.
func figureName(e parse.Expr) string {
	if name, _ := guessName(e); name != "" {
		return name
	}
	return "?column?"
}

// FigureName is the name that PostgreSQL gives the column of an index on an expression; empty for none.
func FigureName(e parse.Expr) string {
	name, _ := guessName(e)
	return name
}

// guessName returns a name and how good it is: 2 for a name the user wrote, 1 for a type's.
func guessName(e parse.Expr) (string, int) {
	switch e := e.(type) {
	case *parse.ColumnRef:
		if len(e.Fields) == 0 {
			return "", 0
		}
		return e.Fields.Last(), 2
	case *parse.Indirection:
		for i := len(e.Steps) - 1; i >= 0; i-- {
			if e.Steps[i].Field != "" {
				return e.Steps[i].Field, 2
			}
		}
		return guessName(e.Arg)
	case *parse.FuncCall:
		return e.Name.Last(), 2
	case *parse.AExpr:
		if e.Kind == parse.AExprNullIf {
			return "nullif", 2
		}
	case *parse.TypeCast:
		name, strength := guessName(e.Arg)
		if strength <= 1 {
			return e.Type.Names.Last(), 1
		}
		return name, strength
	case *parse.CollateClause:
		return guessName(e.Arg)
	case *parse.GroupingFunc:
		return "grouping", 2
	case *parse.SubLink:
		return subLinkName(e)
	case *parse.CaseExpr:
		if e.Defresult != nil {
			if name, strength := guessName(e.Defresult); strength > 1 {
				return name, strength
			}
		}
		return "case", 1
	case *parse.ArrayExpr:
		return "array", 2
	case *parse.RowExpr:
		return "row", 2
	case *parse.CoalesceExpr:
		return "coalesce", 2
	case *parse.MinMaxExpr:
		if e.Least {
			return "least", 2
		}
		return "greatest", 2
	case *parse.SQLValueFunction:
		return [...]string{"current_date", "current_time", "current_time", "current_timestamp", "current_timestamp", "localtime", "localtime",
			"localtimestamp", "localtimestamp", "current_role", "current_user", "user", "session_user", "current_catalog", "current_schema"}[e.Op], 2
	}
	return "", 0
}

func subLinkName(e *parse.SubLink) (string, int) {
	switch e.Type {
	case parse.ExistsSubLink:
		return "exists", 2
	case parse.ArraySubLink:
		return "array", 2
	case parse.ExprSubLink:
		if sel, ok := e.Subselect.(*parse.SelectStmt); ok {
			for sel.Op != parse.SetOpNone {
				sel = sel.Larg
			}
			if sel.ValuesLists != nil || sel.LiteralRows != nil {
				return columnNames(1)[0], 2
			}
			if len(sel.TargetList) > 0 {
				if n := sel.TargetList[0].Name; n != "" {
					return n, 2
				}
				return figureName(sel.TargetList[0].Val), 2
			}
		}
	}
	return "", 0
}
