package sema

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// AnalyzeTriggerWhen analyses the condition of a trigger of a relation: the Where of the query that it returns. OLD is
// relation 0 of the query and NEW relation 1, both with the columns of the relation by attribute number.
func AnalyzeTriggerWhen(when parse.Expr, rel catalog.Relation, g catalog.TriggerType, env *Env) (*Query, error) {
	a := newAnalyzer(env)
	t := relationTable(rel)
	a.rule = &ruleAnalysis{relation: t, attribute: a.ruleAttribute(t)}
	s := a.newScope(nil)
	s.rowOnly, s.clause = true, inTriggerWhen
	s.ruleItems()
	for _, it := range s.ns {
		it.colsVisible = true
		if rel.Table != nil { // a whole row has the columns that came later too
			it.table = t
		}
	}
	n, err := s.boolExpr(when, "WHEN")
	if err == nil {
		err = s.triggerRows(n, t, g)
	}
	if err != nil {
		return nil, a.positioned(err)
	}
	s.q.Where = n
	return s.q, nil
}

// TriggerWhen analyses the condition of a stored trigger.
func TriggerWhen(rel catalog.Relation, g *catalog.Trigger, env *Env) (*Query, error) {
	e, err := parse.ParseExpr(g.When)
	if err != nil {
		return nil, err
	}
	c := *env
	c.Text, c.NoParams, c.Role, c.Bound = "", true, 0, g.Deps
	return AnalyzeTriggerWhen(e, rel, g.Type, &c)
}

// TriggerColumns lists the columns of its relation that a trigger's condition names, other than by whole rows, in an
// analysis that is to be printed.
func TriggerColumns(q *Query) (out []catalog.AttNum) {
	expr.Walk(q.Where, func(n expr.Node) bool {
		if r, ok := n.(*expr.Row); ok && r.Whole {
			return false
		}
		if v, ok := n.(*expr.Var); ok && v.Level == 0 && v.Col >= 0 && !slices.Contains(out, catalog.AttNum(v.Col+1)) {
			out = append(out, catalog.AttNum(v.Col+1))
		}
		return true
	})
	slices.Sort(out)
	return out
}

// triggerRows refuses references to rows that a trigger does not have, or that are not complete when it fires.
func (s *scope) triggerRows(n expr.Node, t *catalog.Table, g catalog.TriggerType) (err error) {
	bad := func(loc int, format string) error { return s.errorf(loc, pgerr.InvalidObjectDefinition, "%s", format) }
	check := func(v *expr.Var) error {
		switch {
		case g&catalog.TriggerRow == 0:
			return bad(v.Loc, "statement trigger's WHEN condition cannot reference column values")
		case v.Rel == 0 && g&catalog.TriggerInsert != 0:
			return bad(v.Loc, "INSERT trigger's WHEN condition cannot reference OLD values")
		case v.Rel == 1 && g&catalog.TriggerDelete != 0:
			return bad(v.Loc, "DELETE trigger's WHEN condition cannot reference NEW values")
		case v.Rel == 1 && g&catalog.TriggerBefore != 0 && v.Col >= 0 && v.Col < len(t.Columns) && t.Columns[v.Col].Generated:
			return s.at(v.Loc, pgerr.New(pgerr.InvalidObjectDefinition, "BEFORE trigger's WHEN condition cannot reference NEW generated columns").
				WithDetail("Column \"%s\" is a generated column.", t.Columns[v.Col].Name))
		}
		return nil
	}
	expr.Walk(n, func(m expr.Node) bool {
		if err != nil {
			return false
		}
		switch v := m.(type) {
		case *expr.Var:
			err = check(v)
		case *expr.Row:
			if at, ok := newGenerated(v, t); ok && g&catalog.TriggerBefore != 0 && g&(catalog.TriggerRow|catalog.TriggerDelete) == catalog.TriggerRow {
				err = s.at(at, pgerr.New(pgerr.InvalidObjectDefinition, "BEFORE trigger's WHEN condition cannot reference NEW generated columns").
					WithDetail("A whole-row reference is used and the table contains generated columns."))
			}
		}
		return err == nil
	})
	return err
}

// newGenerated reports whether a row is NEW as a whole, where the table has generated columns.
func newGenerated(r *expr.Row, t *catalog.Table) (loc int, ok bool) {
	if !r.Whole || len(r.Fields) == 0 || len(t.GeneratedColumns()) == 0 {
		return 0, false
	}
	for _, f := range r.Fields {
		if v, is := f.(*expr.Var); is && v.Rel == 1 {
			return r.Loc, true
		}
	}
	return 0, false
}
