package planner

import (
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
)

// checkEarly notes the constant parts of a query's clauses that may fail. A query whose one row is sure to be computed
// needs none of that. Whether the targets of a subquery are computed depends on who reads them, so that those of the
// statement's own query alone are looked at.
func (q *query) checkEarly(top bool) error {
	s := q.q
	if s.From == nil && s.Where == nil && s.Limit == nil && s.SetOp == nil {
		return nil
	}
	var ns []expr.Node
	if top {
		ns = targetExprs(s)
	}
	ns = append(joinConds(ns, s.From), s.Where)
	return q.b.noteEarly(append(ns, s.Having))
}

func targetExprs(s *sema.Query) []expr.Node {
	out := make([]expr.Node, len(s.Targets))
	for i := range out {
		out[i] = s.Targets[i].Expr
	}
	return out
}

func (b *builder) noteEarly(ns []expr.Node) error {
	for _, n := range ns {
		c, err := expr.EarlyCheck(n)
		if err != nil {
			return err
		}
		if c != nil {
			b.plan.Early = append(b.plan.Early, c)
		}
	}
	return nil
}

func joinConds(out []expr.Node, j sema.JoinNode) []expr.Node {
	t, ok := j.(*sema.Join)
	if !ok {
		return out
	}
	return append(joinConds(joinConds(out, t.Left), t.Right), t.On)
}
