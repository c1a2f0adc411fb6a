package sema

import (
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// topQuery analyses a statement's own SELECT.
func (a *analyzer) topQuery(sel *parse.SelectStmt) (*Query, error) {
	s := a.newScope(nil)
	if err := s.selectStmt(sel); err != nil {
		return nil, err
	}
	return s.q, nil
}

// selectStmt fills the scope's query from a SELECT, VALUES or set operation.
func (s *scope) selectStmt(sel *parse.SelectStmt) error {
	if sel.With != nil {
		if err := s.with(sel.With); err != nil {
			return err
		}
	}
	switch {
	case sel.Op != parse.SetOpNone:
		return s.setOperation(sel)
	case sel.ValuesLists != nil:
		return s.values(sel)
	case sel.LiteralRows != nil:
		return s.literalValues(sel)
	}
	return s.plainSelect(sel)
}

func (s *scope) plainSelect(sel *parse.SelectStmt) error {
	if sel.Into != nil {
		return s.errorf(sel.Into.Rel.Loc(), pgerr.SyntaxError, "SELECT ... INTO is not allowed here")
	}
	s.windows = append(s.windows, sel.WindowClause...)
	if s.rule.joins(sel) {
		s.ruleItems()
	}
	if err := s.from(sel.FromClause); err != nil {
		return err
	}
	if err := s.targetList(sel.TargetList, inSelect); err != nil {
		return err
	}
	var err error
	if sel.WhereClause != nil {
		done := s.in(inWhere)
		s.q.Where, err = s.boolExpr(sel.WhereClause, "WHERE")
		done()
		if err != nil {
			return err
		}
	}
	if sel.HavingClause != nil {
		done := s.in(inHaving)
		s.q.Having, err = s.boolExpr(sel.HavingClause, "HAVING")
		done()
		if err != nil {
			return err
		}
	}
	if err := s.orderBy(sel.SortClause); err != nil {
		return err
	}
	if err := s.groupBy(sel); err != nil {
		return err
	}
	if sel.Distinct {
		if err := s.distinct(sel); err != nil {
			return err
		}
	}
	if err := s.limit(sel); err != nil {
		return err
	}
	if err := s.windowClause(); err != nil {
		return err
	}
	if err := s.resolveTargets(); err != nil {
		return err
	}
	if err := s.deriveCollations(); err != nil {
		return err
	}
	if err := s.checkGrouping(); err != nil {
		return err
	}
	return s.locking(sel)
}
