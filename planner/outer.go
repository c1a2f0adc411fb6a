package planner

import (
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
)

// reduce turns an outer join into a lesser one where a condition above it refuses the NULLs that it would fill in
// (PostgreSQL's reduce_outer_joins): a left join into an inner one, a full join into a left one or an inner one.
func (q *query) reduce(t *sema.Join, conds []*conj) *sema.Join {
	if t.Kind != sema.LeftJoin && t.Kind != sema.FullJoin {
		return t
	}
	var forced relSet
	for _, c := range conds {
		if !c.derived {
			forced = forced.union(forcedRels(c.node, true))
		}
	}
	out := *t
	right := forced.meets(q.treeRels(t.Right))
	if t.Kind == sema.FullJoin {
		switch left := forced.meets(q.treeRels(t.Left)); {
		case left && right:
			out.Kind = sema.InnerJoin
		case left:
			out.Kind = sema.LeftJoin
		case right:
			out.Kind, out.Left, out.Right = sema.LeftJoin, t.Right, t.Left
		}
		return &out
	}
	if right {
		out.Kind = sema.InnerJoin
	}
	return &out
}

// forcedRels returns entries of which a row of NULLs makes n NULL or, at the top of a condition, not true
// (find_nonnullable_rels).
func forcedRels(n expr.Node, top bool) (s relSet) {
	switch n := n.(type) {
	case *expr.Var:
		if n.Level == 0 {
			s.add(n.Rel)
		}
	case *expr.Cast:
		return forcedRels(n.Arg, false)
	case *expr.Func:
		if !n.Fn.Strict {
			return s
		}
		for _, a := range n.Args {
			s = s.union(forcedRels(a, false))
		}
	case *expr.AnyAll:
		// NULL = ANY (array) is NULL, unless the array is empty, and then it is false: enough at the top only.
		if top && !n.All && n.Op != nil && n.Op.Strict {
			return forcedRels(n.Left, false)
		}
	case *expr.IsTest:
		if top && (n.Test == expr.IsNull && n.Not || n.Test == expr.IsTrue && !n.Not || n.Test == expr.IsFalse && !n.Not ||
			n.Test == expr.IsUnknown && n.Not) {
			return forcedRels(n.Arg, false)
		}
	case *expr.BoolOp:
		switch {
		case n.Op == expr.Not:
			return forcedRels(n.Args[0], false)
		case n.Op == expr.And && top:
			for _, a := range n.Args {
				s = s.union(forcedRels(a, true))
			}
		default: // OR, and below the top AND too, may be decided by any one argument
			for i, a := range n.Args {
				r := forcedRels(a, top)
				if i == 0 {
					s = r
				}
				for k := range s {
					s[k] &= r[k]
				}
			}
		}
	}
	return s
}

// checkLocking refuses FOR UPDATE and its kin for rows that an outer join may replace by NULLs.
func (q *query) checkLocking(nullable relSet) error {
	for _, l := range q.q.Locking {
		for _, r := range l.Rels {
			if nullable.has(r) {
				return pgerr.New(pgerr.FeatureNotSupported, "%s cannot be applied to the nullable side of an outer join", l.Strength)
			}
		}
	}
	return nil
}
