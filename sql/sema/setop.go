package sema

import (
	"strconv"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// tail analyses ORDER BY, LIMIT and locking of VALUES and set operations.
func (s *scope) tail(sel *parse.SelectStmt) error {
	n := len(s.q.Targets)
	s.ns = nil
	if s.q.SetOp != nil {
		s.ns = []*nsItem{outputItem("", s.q)}
		for i, leaf := range leaves(s.q, nil) {
			s.hidden = append(s.hidden, outputItem("*SELECT* "+strconv.Itoa(i+1), leaf))
		}
	}
	if err := s.orderBy(sel.SortClause); err != nil {
		return err
	}
	if len(s.q.Targets) > n {
		return s.at(locOf(s.q.Targets[n].Expr), pgerr.New(pgerr.FeatureNotSupported, "invalid UNION/INTERSECT/EXCEPT ORDER BY clause").
			WithDetail("Only result column names can be used, not expressions or functions.").
			WithHint("Add the expression/function to every SELECT, or move the UNION into a FROM clause."))
	}
	if err := s.limit(sel); err != nil {
		return err
	}
	if len(sel.LockingClause) > 0 && s.q.SetOp == nil {
		return s.errorf(-1, pgerr.FeatureNotSupported, "%s cannot be applied to VALUES", sel.LockingClause[0].Strength.String())
	}
	return s.locking(sel)
}

// leaves are the queries that a tree of set operations combines.
func leaves(q *Query, out []*Query) []*Query {
	if q.SetOp == nil {
		return append(out, q)
	}
	return leaves(q.SetOp.Right, leaves(q.SetOp.Left, out))
}

// outputItem makes the columns of a query's result visible to ORDER BY. What it does with them beyond naming one is an
// error, so that they need not be the real ones.
func outputItem(name string, q *Query) *nsItem {
	it := &nsItem{name: name, colsVisible: true}
	for i, t := range q.Targets {
		if !t.Junk {
			it.cols = append(it.cols, nsCol{name: t.Name, col: i, typ: types.T(oidOf(t.Expr))})
		}
	}
	return it
}

// setOperation is UNION, INTERSECT and EXCEPT.
func (s *scope) setOperation(sel *parse.SelectStmt) error {
	left, err := s.arm(sel.Larg)
	if err != nil {
		return err
	}
	right, err := s.arm(sel.Rarg)
	if err != nil {
		return err
	}
	return s.combine(sel, left, right)
}

func (s *scope) arm(sel *parse.SelectStmt) (*Query, error) {
	if len(sel.LockingClause) > 0 {
		return nil, s.errorf(-1, pgerr.FeatureNotSupported, "%s is not allowed with UNION/INTERSECT/EXCEPT", sel.LockingClause[0].Strength.String())
	}
	return s.subquery(sel, s.lateral, true)
}

func setOpName(op parse.SetOperation) string {
	return [...]string{"", "UNION", "INTERSECT", "EXCEPT"}[op]
}

// combine unifies the columns of the arms and completes the query.
func (s *scope) combine(sel *parse.SelectStmt, left, right *Query) error {
	name := setOpName(sel.Op)
	lc, rc := queryColumns(left), queryColumns(right)
	if len(lc) != len(rc) {
		loc := -1
		if t := visibleTarget(right, 0); t != nil {
			loc = locOf(t.Expr)
		}
		return s.errorf(loc, pgerr.SyntaxError, "each %s query must have the same number of columns", name)
	}
	names, ts := make([]string, len(lc)), make([]types.Type, len(lc))
	for i := range lc {
		names[i] = lc[i].Name
		pair := []expr.Node{armColumn(left, i), armColumn(right, i)}
		if s.keepUnknown && allUnknown(pair) {
			ts[i] = types.T(types.UnknownOid)
			continue
		}
		both, t, err := s.unify(pair, name)
		if err != nil {
			return err
		}
		if lc[i].Type.Mod != rc[i].Type.Mod {
			t.Mod = -1
		}
		ts[i] = t
		if !(sel.Op == parse.SetOpUnion && sel.All) && expr.EqualityOf(t.Oid) == nil {
			return s.at(locOf(pair[0]), noEquality(t.Oid))
		}
		left, err = s.setArmColumn(left, i, both[0], pair[0], t.Oid)
		if err != nil {
			return err
		}
		if right, err = s.setArmColumn(right, i, both[1], pair[1], t.Oid); err != nil {
			return err
		}
	}
	s.q.SetOp = &SetOp{Kind: SetOpKind(sel.Op - parse.SetOpUnion), All: sel.All, Left: left, Right: right}
	s.q.Targets = outputTargets(names, ts)
	if err := s.tail(sel); err != nil {
		return err
	}
	return s.deriveCollations()
}

// armColumn is column i of an arm as an expression of its type; literals are themselves.
func armColumn(q *Query, i int) expr.Node {
	t := visibleTarget(q, i)
	return t.Expr
}

// setArmColumn puts the unified expression of a column in place: in the arm's select list where that does not change the
// arm's meaning, else in a query around it.
func (s *scope) setArmColumn(q *Query, i int, unified, was expr.Node, to types.Oid) (*Query, error) {
	if unified == was || s.env.Print && oidOf(was) != types.UnknownOid {
		return q, nil
	}
	if q.SetOp == nil && q.Values == nil && !q.Distinct && q.DistinctOn == nil && !orderedBy(q, i) {
		visibleTarget(q, i).Expr = unified
		return q, nil
	}
	if oidOf(was) == types.UnknownOid {
		if err := s.resolveArm(q, i, to); err != nil {
			return nil, err
		}
		return q, nil
	}
	want := make([]types.Oid, 0, len(q.Targets))
	for k, c := range queryColumns(q) {
		if k == i {
			c.Type.Oid = to
		}
		want = append(want, c.Type.Oid)
	}
	return s.castOutput(q, want), nil
}

func orderedBy(q *Query, i int) bool {
	t := visibleTarget(q, i)
	for _, k := range q.OrderBy {
		if &q.Targets[k.Target] == t {
			return true
		}
	}
	return false
}

// resolveArm gives a column of unknown literals its type, in the arms of a nested set operation and in VALUES too.
func (s *scope) resolveArm(q *Query, i int, to types.Oid) error {
	t := visibleTarget(q, i)
	var err error
	switch {
	case q.SetOp != nil:
		for _, arm := range []*Query{q.SetOp.Left, q.SetOp.Right} {
			if err = s.resolveArm(arm, i, to); err != nil {
				return err
			}
		}
		t.Expr = &expr.Column{Index: i, Type: types.T(to)}
	case q.Values != nil:
		for _, row := range q.Values {
			if row[i], err = s.coerceType(row[i], to, types.Implicit, -1); err != nil {
				return err
			}
		}
		t.Expr = &expr.Column{Index: i, Type: types.T(to)}
	default:
		t.Expr, err = s.coerceType(t.Expr, to, types.Implicit, -1)
	}
	return err
}
