package sema

import (
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// locking analyses FOR UPDATE and its kin.
func (s *scope) locking(sel *parse.SelectStmt) error {
	for _, lc := range sel.LockingClause {
		name := lc.Strength.String()
		var with string
		switch q := s.q; {
		case q.SetOp != nil:
			with = "UNION/INTERSECT/EXCEPT"
		case q.Distinct || q.DistinctOn != nil:
			with = "DISTINCT clause"
		case len(q.GroupBy) > 0 || q.GroupingSets != nil:
			with = "GROUP BY clause"
		case q.Having != nil:
			with = "HAVING clause"
		case q.HasAggs:
			with = "aggregate functions"
		case q.HasWindows:
			with = "window functions"
		case q.HasSRFs:
			with = "set-returning functions in the target list"
		}
		if with != "" {
			return s.errorf(-1, pgerr.FeatureNotSupported, "%s is not allowed with %s", name, with)
		}
		l := Locking{Strength: LockStrength(lc.Strength - parse.LockForKeyShare), NoWait: lc.WaitPolicy == parse.LockWaitError,
			SkipLocked: lc.WaitPolicy == parse.LockWaitSkip}
		if lc.Rels == nil {
			for i, r := range s.q.Rels {
				if r.Kind == RTETable || r.Kind == RTESubquery {
					l.Rels = append(l.Rels, i)
				}
			}
		}
		for _, rv := range lc.Rels {
			i, err := s.lockedRel(rv, name)
			if err != nil {
				return err
			}
			l.Rels = append(l.Rels, i)
		}
		s.q.Locking = append(s.q.Locking, l)
		for _, i := range l.Rels {
			if t := s.q.Rels[i].Table; t != nil && t.MatView != nil {
				return pgerr.New(pgerr.WrongObjectType, "cannot lock rows in materialized view %q", t.Name)
			}
			if r := s.q.Rels[i]; r.Kind == RTESubquery {
				lockSubquery(r.Query, l)
			}
		}
	}
	return nil
}

// lockSubquery passes a lock on a subquery of FROM to the tables in it, where it is a plain one.
func lockSubquery(q *Query, l Locking) {
	if q.SetOp != nil || q.Distinct || q.DistinctOn != nil || len(q.GroupBy) > 0 || q.HasAggs || q.HasWindows || q.Values != nil {
		return
	}
	l.Rels = nil
	for i, r := range q.Rels {
		switch r.Kind {
		case RTETable:
			l.Rels = append(l.Rels, i)
		case RTESubquery:
			lockSubquery(r.Query, l)
		}
	}
	if len(l.Rels) > 0 {
		q.Locking = append(q.Locking, l)
	}
}

func (s *scope) lockedRel(rv *parse.RangeVar, name string) (int, error) {
	if rv.Schema != "" {
		return 0, s.errorf(rv.Loc(), pgerr.SyntaxError, "%s must specify unqualified relation names", name)
	}
	for _, it := range s.ns {
		if it.name != rv.Name || !it.relVisible {
			continue
		}
		if it.rel < 0 {
			return 0, s.errorf(rv.Loc(), pgerr.FeatureNotSupported, "%s cannot be applied to a join", name)
		}
		switch kind := s.q.Rels[it.rel].Kind; kind {
		case RTETable, RTESubquery:
			return it.rel, nil
		default:
			what := map[RTEKind]string{RTEFunction: "a function", RTECTE: "a WITH query", RTEValues: "VALUES", RTEWorkTable: "a WITH query"}[kind]
			if what == "" {
				what = "a system relation"
			}
			return 0, s.errorf(rv.Loc(), pgerr.FeatureNotSupported, "%s cannot be applied to %s", name, what)
		}
	}
	return 0, s.errorf(rv.Loc(), pgerr.UndefinedTable, "relation %q in %s clause not found in FROM clause", rv.Name, name)
}
