package planner

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// planCTEs plans the query's WITH list. A CTE used once, without side effects or outer references, is left to be planned
// where it is used; the others are computed once and kept.
func (q *query) planCTEs() ([]*CTEPlan, error) {
	var out []*CTEPlan
	for _, c := range q.q.CTEs {
		// An UPDATE or DELETE lists its WITH queries in its source too. In a query that is planned once more, for an order of a
		// query around it, they are planned anew, as parts of the new plan's units.
		if st := q.b.ctes[c]; st != nil && q.isIn(st.owner) {
			continue
		}
		st := &cteState{owner: q}
		st.outer = q.cteOuter(c)
		q.b.ctes[c] = st
		if c.DML == nil && (c.Refs == 0 && !usesCTE(q.q, c) || inlinable(c)) {
			continue
		}
		p := &CTEPlan{ID: q.b.cteCount, Name: c.Name, Modifies: c.DML != nil}
		q.b.cteCount++
		var err error
		if c.DML != nil {
			p.Plan, err = q.b.planDML(c.DML, q, q.unit, false)
		} else {
			p.Plan, err = q.planCTE(c, st, q.unit)
		}
		if err != nil {
			return nil, err
		}
		st.plan = p
		out = append(out, p)
	}
	return out, nil
}

// isIn reports whether q is up, or nested in it.
func (q *query) isIn(up *query) bool {
	for at := q; at != nil; at = at.up {
		if at == up {
			return true
		}
	}
	return false
}

func usesCTE(s *sema.Query, c *sema.CTE) bool {
	found := false
	eachQuery(s, func(k *sema.Query) {
		for _, r := range k.Rels {
			found = found || r.CTE == c && r.Kind == sema.RTECTE
		}
	})
	return found
}

func inlinable(c *sema.CTE) bool {
	if c.Refs != 1 || c.Materialized != nil && *c.Materialized {
		return false
	}
	volatile := false
	eachQuery(c.Query, func(s *sema.Query) {
		eachExpr(s, func(n expr.Node) { volatile = volatile || hasVolatile(n) })
		volatile = volatile || len(s.Locking) > 0
	})
	return !volatile && !anyOuterRefs(c.Query)
}

// anyOuterRefs reports whether a query refers to any query around it.
func anyOuterRefs(s *sema.Query) bool {
	found := false
	visitQuery(s, 0, func(n expr.Node, depth int) {
		if v, ok := n.(*expr.Var); ok && v.Level > depth {
			found = true
		}
	})
	return found
}

// cteOuter are the references of a CTE to queries around q, as q sees them: its own, and those of the CTEs that it reads.
func (q *query) cteOuter(c *sema.CTE) []expr.Node {
	var out []expr.Node
	if c.Query == nil {
		return nil
	}
	mapQuery(c.Query, 0, func(n expr.Node, depth int) (expr.Node, bool) {
		level, ok := levelOf(n)
		if !ok || level <= depth {
			return nil, false
		}
		out = append(out, relevel(n, -depth-1))
		return n, true // an aggregate's arguments belong to it
	})
	eachQuery(c.Query, func(s *sema.Query) {
		for _, r := range s.Rels {
			if st := q.b.ctes[r.CTE]; r.Kind == sema.RTECTE && st != nil {
				levels := 0
				for at := q; at != nil && at != st.owner; at = at.up {
					levels++
				}
				for _, n := range st.outer {
					out = append(out, relevel(n, levels))
				}
			}
		}
	})
	return out
}

// bindOuter makes the unit that reads a CTE of an enclosing one depend on what the CTE depends on, so that it runs again
// when the CTE does.
func (q *query) bindOuter(st *cteState) error {
	if q.unit == st.owner.unit {
		return nil
	}
	levels := 0
	for at := q; at != nil && at != st.owner; at = at.up {
		levels++
	}
	for _, n := range st.outer {
		level, _ := levelOf(n)
		if _, err := q.outerValue(relevel(n, levels), level+levels); err != nil {
			return err
		}
	}
	return nil
}

// planCTE plans the query of a CTE, recursive or not.
func (q *query) planCTE(c *sema.CTE, st *cteState, u *unit) (Node, error) {
	depth := q.depth + 1
	if !isRecursive(c) {
		return q.b.planQuery(c.Query, q, u, depth)
	}
	op := c.Query.SetOp
	if op == nil || op.Kind != sema.Union {
		return nil, pgerr.New(pgerr.InvalidRecursion, "recursive query %q does not have the form non-recursive-term UNION [ALL] recursive-term", c.Name)
	}
	if len(c.Query.OrderBy) > 0 || c.Query.Limit != nil || c.Query.Offset != nil {
		return nil, pgerr.NotSupported("ORDER BY or LIMIT in a recursive query")
	}
	full, err := expandSearchCycle(c)
	if err != nil {
		return nil, err
	}
	op = full.SetOp
	outer := &query{b: q.b, q: full, up: q, unit: u, depth: depth}
	ctes, err := outer.planCTEs()
	if err != nil {
		return nil, err
	}
	st.work = q.b.cteCount + 1
	n := &RecursiveUnion{ID: q.b.cteCount, All: op.All}
	q.b.cteCount++
	if n.Start, err = q.b.planQuery(op.Left, outer, u, depth+1); err != nil {
		return nil, err
	}
	if n.Step, err = q.b.planQuery(op.Right, outer, u, depth+1); err != nil {
		return nil, err
	}
	n.Props = q.b.props(n.Start.Base().Types, n.Start.Base().Rows*10)
	if !op.All && slices.ContainsFunc(n.Types, func(t types.Type) bool { return !hasHash(t.Oid) }) {
		return nil, pgerr.New(pgerr.FeatureNotSupported, "could not implement recursive UNION").
			WithDetail("All column datatypes must be hashable.")
	}
	if ctes = outer.usedCTEs(ctes); len(ctes) > 0 {
		return &With{Props: q.b.props(n.Types, n.Rows), Input: n, CTEs: ctes}, nil
	}
	return n, nil
}

func isRecursive(c *sema.CTE) bool {
	found := false
	eachQuery(c.Query, func(s *sema.Query) {
		for _, r := range s.Rels {
			found = found || r.Kind == sema.RTEWorkTable && (r.CTE == c || r.CTE == nil)
		}
	})
	return found
}

// usedCTEs returns the CTEs to keep in a With.
func (q *query) usedCTEs(all []*CTEPlan) []*CTEPlan { return all }

// planCTERef plans a reference to a CTE.
func (q *query) planCTERef(f *fromItem, r *sema.RTE) error {
	st := q.b.ctes[r.CTE]
	if st == nil {
		return pgerr.Internal("planner: CTE %s is not in scope", r.Alias)
	}
	if err := q.bindOuter(st); err != nil {
		return err
	}
	if st.plan != nil {
		base := st.plan.Plan.Base()
		f.node = &CTEScan{Props: q.b.props(columnTypes(r.Columns), base.Rows), CTE: st.plan, Name: r.Alias}
		return nil
	}
	n, err := st.owner.planCTE(r.CTE, st, q.unit)
	f.node = n
	return err
}

// planSetOp plans UNION, INTERSECT and EXCEPT.
func (q *query) planSetOp() (Node, error) {
	op := q.q.SetOp
	var ts []types.Type
	for _, t := range visibleTargets(q.q) {
		ts = append(ts, t.Expr.ResultType())
	}
	if op.Kind == sema.Union {
		app := &Append{}
		rows := 0.0
		if err := q.unionBranches(op, op.All, &app.Children); err != nil {
			return nil, err
		}
		for _, c := range app.Children {
			rows += c.Base().Rows
		}
		app.Props = q.b.props(ts, rows)
		if op.All {
			return app, nil
		}
		return &Distinct{Props: q.b.props(ts, rows), Input: app, Cols: seq(len(ts))}, nil
	}
	n := &SetOp{Kind: op.Kind, All: op.All}
	var err error
	if n.Left, err = q.b.planQuery(op.Left, q, q.unit, q.depth+1); err != nil {
		return nil, err
	}
	if n.Right, err = q.b.planQuery(op.Right, q, q.unit, q.depth+1); err != nil {
		return nil, err
	}
	n.Props = q.b.props(ts, n.Left.Base().Rows)
	return n, nil
}

// unionBranches lists the branches of nested unions of the same kind.
func (q *query) unionBranches(op *sema.SetOp, all bool, out *[]Node) error {
	for _, s := range []*sema.Query{op.Left, op.Right} {
		n, err := q.b.planQuery(s, q, q.unit, q.depth+1)
		if err != nil {
			return err
		}
		if app, ok := n.(*Append); ok && all {
			*out = append(*out, app.Children...)
			continue
		}
		*out = append(*out, n)
	}
	return nil
}

func seq(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}
