package sema

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
)

// CursorKey tells where a cursor's rows have the key of the row of a table that they come from: the columns from First on
// are the table's KeyColumns. Locked says that the cursor locks these rows.
type CursorKey struct {
	Table  catalog.Oid
	First  int
	Locked bool
	// Tree are the tables that the rows may be of, where Table stands for a tree. The columns from First on are then the OID
	// of a row's table and its row key.
	Tree []*catalog.Table
}

// AddCursorKeys appends to the query of a cursor the keys of the rows that WHERE CURRENT OF may name: those of the tables
// that it locks, or of its only table if it is simply updatable. It is called after the permissions were found.
func (a *Analyzed) AddCursorKeys() []CursorKey {
	q := a.Query
	if q == nil || q.SetOp != nil || q.Values != nil || q.LiteralRows != nil {
		return nil
	}
	var out []CursorKey
	add := func(r *RTE, cols []int, rel int, locked bool) {
		out = append(out, CursorKey{Table: r.Table.OID, First: len(queryColumns(q)), Locked: locked, Tree: r.Tree})
		for i, c := range cols {
			q.Targets = append(q.Targets, Target{Expr: keyVar(r, i, rel, c)})
		}
	}
	if len(q.Locking) == 0 {
		if rel, r, cols := simplyUpdatable(q); r != nil {
			add(r, cols, rel, false)
		}
		return out
	}
	var seen []int
	for _, l := range q.Locking {
		for _, rel := range l.Rels {
			if slices.Contains(seen, rel) {
				continue
			}
			seen = append(seen, rel)
			if r, cols := relKey(q, rel); r != nil {
				add(r, cols, rel, true)
			}
		}
	}
	return out
}

func keyVar(r *RTE, i, rel, col int) expr.Node {
	if r.Tree != nil {
		c := &r.Columns[len(r.Table.Columns)+i]
		return &expr.Var{Rel: rel, Col: col, Type: c.Type, Name: c.Name, Loc: -1}
	}
	c := &r.Table.Columns[r.Table.KeyColumns[i]-1]
	return &expr.Var{Rel: rel, Col: col, Type: c.Type, Name: c.Name, Loc: -1}
}

// simplyUpdatable returns the only table behind a query whose rows are rows of it, one for one and in no order of the
// query's own, with the columns of the range-table entry that are its key.
func simplyUpdatable(q *Query) (rel int, r *RTE, cols []int) {
	leaf, ok := q.From.(RelRef)
	if !ok || q.SetOp != nil || q.Values != nil || len(q.GroupBy) > 0 || q.GroupingSets != nil || q.Having != nil || q.HasAggs ||
		q.HasWindows || q.HasSRFs || q.Distinct || q.DistinctOn != nil || len(q.OrderBy) > 0 {
		return 0, nil, nil
	}
	r, cols = relKey(q, leaf.Rel)
	return leaf.Rel, r, cols
}

// relKey returns the entry of the table behind a range-table entry, and the columns of the latter that are the table's key.
// A subquery gets them as further columns.
func relKey(q *Query, rel int) (*RTE, []int) {
	r := q.Rels[rel]
	var cols []int
	switch r.Kind {
	case RTETable:
		if n := len(r.Table.Columns); r.Tree != nil {
			return r, []int{n, n + 1}
		}
		for _, n := range r.Table.KeyColumns {
			cols = append(cols, int(n)-1)
		}
		return r, cols
	case RTESubquery:
		inner, from, at := simplyUpdatable(r.Query)
		if from == nil {
			return nil, nil
		}
		for i, c := range at {
			v := keyVar(from, i, inner, c)
			cols = append(cols, len(r.Columns))
			r.Query.Targets = append(r.Query.Targets, Target{Expr: v})
			r.Columns = append(r.Columns, Column{Type: v.ResultType()})
		}
		return from, cols
	}
	return nil, nil
}

// currentOf is WHERE CURRENT OF for the target of an UPDATE or DELETE: its key is that of the row the cursor is on.
func (s *scope) currentOf(e *parse.CurrentOfExpr, rel int) (expr.Node, error) {
	r := s.q.Rels[rel]
	if r.Tree == nil {
		return s.currentIn(e, r.Table, rel)
	}
	for _, t := range r.Tree {
		n, err := s.currentIn(e, t, rel)
		if err != nil {
			return nil, err
		}
		r.Own = append(r.Own, n)
	}
	return nil, nil
}

// currentIn is currentOf for the rows of one table, over its own columns.
func (s *scope) currentIn(e *parse.CurrentOfExpr, t *catalog.Table, rel int) (expr.Node, error) {
	var conds, args []expr.Node
	variable, err := s.cursorVariable(e)
	if err != nil {
		return nil, err
	}
	if variable != nil {
		args = []expr.Node{variable}
	}
	for i, n := range t.KeyColumns {
		c := &t.Columns[n-1]
		key := &expr.Func{Fn: expr.CursorKey(e.CursorName, t.OID, t.Name, i, c.Type.Oid), Args: args, Type: c.Type, Loc: -1}
		eq, err := s.operator("=", &expr.Var{Rel: rel, Col: int(n) - 1, Type: c.Type, Name: c.Name, Loc: -1}, key, -1)
		if err != nil {
			return nil, err
		}
		conds = append(conds, eq)
	}
	if len(conds) == 1 {
		return conds[0], nil
	}
	return &expr.BoolOp{Op: expr.And, Args: conds, Loc: -1}, nil
}

// namesCursor reports whether an expression is a comparison that currentOf made, which needs no privileges.
func namesCursor(n expr.Node) bool {
	f, ok := n.(*expr.Func)
	if !ok || f.Fn.Operator == nil {
		return false
	}
	return slices.ContainsFunc(f.Args, func(a expr.Node) bool {
		if c, cast := a.(*expr.Cast); cast {
			a = c.Arg
		}
		k, ok := a.(*expr.Func)
		return ok && k.Fn.Name == expr.CursorKeyName
	})
}
