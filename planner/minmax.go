package planner

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// minMax replaces min and max over a table by subqueries that read its first row in the order of a key, as PostgreSQL's
// preprocess_minmax_aggregates does: all aggregates of the query must be such, and reading the keys must be cheaper than the
// table.
func (q *query) minMax() {
	s := q.q
	if !s.HasAggs || len(s.GroupBy) > 0 || s.GroupingSets != nil || s.Having != nil || s.HasWindows || s.HasSRFs || s.Distinct ||
		len(q.semis) > 0 || len(s.CTEs) > 0 || len(s.Locking) > 0 {
		return
	}
	rel, ok := relOf(s.From)
	if !ok || s.Rels[rel].Kind != sema.RTETable || s.Rels[rel].Tree != nil || s.Rels[rel].Sample != nil || s.Rels[rel].Security != nil {
		return
	}
	var aggs []*expr.Aggregate
	for _, t := range s.Targets {
		if hasSubquery(t.Expr) {
			return
		}
		visit(t.Expr, func(n expr.Node) bool {
			if a, is := n.(*expr.Aggregate); is && a.Level == 0 {
				aggs = append(aggs, a)
			}
			return true
		})
	}
	subs := map[*expr.Aggregate]*sema.Query{}
	cost := 0.0
	for _, a := range aggs {
		sub, c := q.firstRow(rel, a)
		if sub == nil {
			return
		}
		subs[a], cost = sub, cost+c
	}
	var conds []*conj
	for _, w := range q.where {
		conds = append(conds, q.newConj(w))
	}
	if len(aggs) == 0 || cost >= pathCost(q.bestPath(rel, s.Rels[rel].Table, conds, false)) {
		return
	}
	c := *s
	c.HasAggs, c.From, c.Where, q.where = false, nil, nil, nil
	c.Targets = slices.Clone(s.Targets)
	for i := range c.Targets {
		c.Targets[i].Expr = mapNode(c.Targets[i].Expr, func(n expr.Node) (expr.Node, bool) {
			a, is := n.(*expr.Aggregate)
			if !is || subs[a] == nil {
				return nil, false
			}
			return &expr.Subquery{Kind: expr.ScalarSubquery, Query: subs[a], Type: a.Type, Loc: -1}, true
		})
	}
	q.q = &c
}

// firstRow is the subquery for an aggregate, and what it costs in rows of a scan; nil: there is none.
func (q *query) firstRow(rel int, a *expr.Aggregate) (*sema.Query, float64) {
	if a.Fn.User != nil || a.Fn.Name != "min" && a.Fn.Name != "max" || len(a.Args) != 1 || a.Filter != nil || len(a.OrderBy) > 0 || !q.relsOf(a.Args[0]).only(rel) ||
		hasVolatile(a.Args[0]) || a.Args[0].ResultType().Oid.Class() == types.CompositeClass {
		return nil, 0
	}
	notNull := &expr.IsTest{Arg: a.Args[0], Test: expr.IsNull, Not: true, Loc: -1}
	desc := a.Fn.Name == "max"
	sub := &sema.Query{Rels: q.q.Rels, From: q.q.From, Where: andOf(append(slices.Clip(q.where), notNull)),
		Targets: []sema.Target{{Expr: a.Args[0], Name: a.Fn.Name}}, OrderBy: []sema.OrderKey{{Desc: desc, NullsFirst: desc}},
		Limit: &expr.Const{Type: types.T(types.Int8Oid), Value: types.NewInt(1), Loc: -1}}
	try := &query{b: q.b, q: sub, up: q.up, unit: q.unit, depth: q.depth, where: splitAnd(nil, sub.Where)}
	var conds []*conj
	var nodes []expr.Node
	for _, w := range try.where {
		conds, nodes = append(conds, try.newConj(w)), append(nodes, w)
	}
	t := q.q.Rels[rel].Table
	p := try.orderedPath(rel, t, conds)
	if p == nil {
		return nil, 0
	}
	return mapQuery(sub, 0, func(n expr.Node, d int) (expr.Node, bool) {
		if level, is := levelOf(n); is && level > d {
			return withLevel(n, level+1), true
		}
		return nil, false
	}), keyReads / try.allOf(nodes)
}

// keyReads is what reading the first row of a key costs, in rows of a scan.
const keyReads = 50
