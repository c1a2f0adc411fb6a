package planner

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
)

// This file walks and rewrites analysed expressions and queries. Both are shared and immutable, so a rewrite copies the
// path from the root to each change and shares the rest.

// mapNode rewrites a tree top down. f may answer for a node (done); otherwise its children are mapped. A Subquery's
// query is left alone: f sees the Subquery first and may replace it.
func mapNode(n expr.Node, f func(expr.Node) (expr.Node, bool)) expr.Node {
	if n == nil {
		return nil
	}
	if r, done := f(n); done {
		return r
	}
	return mapChildren(n, f)
}

// mapChildren is mapNode for all that is directly below n.
func mapChildren(n expr.Node, f func(expr.Node) (expr.Node, bool)) expr.Node {
	one := func(a expr.Node) expr.Node {
		if a == nil {
			return nil
		}
		return mapNode(a, f)
	}
	list := func(as []expr.Node) []expr.Node { return mapList(as, f) }
	switch n := n.(type) {
	case *expr.Func:
		c := *n
		c.Args = list(n.Args)
		return &c
	case *expr.Cast:
		c := *n
		c.Arg = one(n.Arg)
		return &c
	case *expr.BoolOp:
		c := *n
		c.Args = list(n.Args)
		return &c
	case *expr.IsTest:
		c := *n
		c.Arg = one(n.Arg)
		return &c
	case *expr.Distinct:
		c := *n
		c.Left, c.Right = one(n.Left), one(n.Right)
		return &c
	case *expr.Case:
		c := *n
		c.Whens = make([]expr.When, len(n.Whens))
		for i, w := range n.Whens {
			c.Whens[i] = expr.When{Cond: one(w.Cond), Result: one(w.Result)}
		}
		c.Else = one(n.Else)
		return &c
	case *expr.Coalesce:
		c := *n
		c.Args = list(n.Args)
		return &c
	case *expr.MinMax:
		c := *n
		c.Args = list(n.Args)
		return &c
	case *expr.NullIf:
		c := *n
		c.Left, c.Right = one(n.Left), one(n.Right)
		return &c
	case *expr.AnyAll:
		c := *n
		c.Left, c.Array = one(n.Left), one(n.Array)
		return &c
	}
	return mapRare(n, f, one, list)
}

// mapRare is mapNode's second half: the node types met less often.
func mapRare(n expr.Node, f func(expr.Node) (expr.Node, bool), one func(expr.Node) expr.Node, list func([]expr.Node) []expr.Node) expr.Node {
	switch n := n.(type) {
	case *expr.ArrayExpr:
		c := *n
		c.Elems = list(n.Elems)
		return &c
	case *expr.Subscript:
		c := *n
		c.Container, c.Lower, c.Upper, c.Assign = one(n.Container), list(n.Lower), list(n.Upper), one(n.Assign)
		return &c
	case *expr.Store:
		c := *n
		c.Container, c.Value, c.Steps = one(n.Container), one(n.Value), slices.Clone(n.Steps)
		for i, st := range n.Steps {
			c.Steps[i].Lower, c.Steps[i].Upper = list(st.Lower), list(st.Upper)
		}
		return &c
	case *expr.Row:
		c := *n
		c.Fields = list(n.Fields)
		return &c
	case *expr.Field:
		c := *n
		c.Arg = one(n.Arg)
		return &c
	case *expr.Subquery:
		c := *n
		c.Left = list(n.Left)
		return &c
	case *expr.Aggregate:
		c := *n
		c.Direct, c.Args = list(n.Direct), list(n.Args)
		c.Filter = one(n.Filter)
		c.OrderBy = make([]expr.SortKey, len(n.OrderBy))
		for i, k := range n.OrderBy {
			c.OrderBy[i] = expr.SortKey{Expr: one(k.Expr), Desc: k.Desc, NullsFirst: k.NullsFirst}
		}
		return &c
	case *expr.Grouping:
		c := *n
		c.Args = list(n.Args)
		return &c
	case *expr.WindowFunc:
		c := *n
		c.Args = list(n.Args)
		c.Filter = one(n.Filter)
		return &c
	case *expr.SetReturning:
		c := *n
		c.Args = list(n.Args)
		return &c
	}
	return n
}

func mapList(as []expr.Node, f func(expr.Node) (expr.Node, bool)) []expr.Node {
	if as == nil {
		return nil
	}
	out := make([]expr.Node, len(as))
	for i, a := range as {
		if a != nil { // a bound that a slice leaves out is nil
			out[i] = mapNode(a, f)
		}
	}
	return out
}

// visit calls f for n and everything below; f answers whether to go below a node. A Subquery's query is not entered.
func visit(n expr.Node, f func(expr.Node) bool) {
	if n == nil {
		return
	}
	mapNode(n, func(m expr.Node) (expr.Node, bool) { return m, !f(m) })
}

// levelFunc rewrites a node that stands depth query levels below the root of a rewriting.
type levelFunc func(n expr.Node, depth int) (expr.Node, bool)

// mapLevels rewrites an expression and every query within it. f sees the nodes that belong to a level (Var, Aggregate and
// Grouping) with depth, the number of query levels between the root and the node.
func mapLevels(n expr.Node, depth int, f levelFunc) expr.Node {
	if n == nil {
		return nil
	}
	return mapNode(n, f.at(depth))
}

// at is f for nodes at a depth, the queries of Subqueries included.
func (f levelFunc) at(depth int) func(expr.Node) (expr.Node, bool) {
	return func(m expr.Node) (expr.Node, bool) {
		if s, ok := m.(*expr.Subquery); ok {
			c := *s
			c.Left = make([]expr.Node, len(s.Left))
			for i, l := range s.Left {
				c.Left[i] = mapLevels(l, depth, f)
			}
			if q, ok := s.Query.(*sema.Query); ok {
				c.Query = mapQuery(q, depth+1, f)
			}
			return &c, true
		}
		return f(m, depth)
	}
}

// levelOf is the Level of a node that belongs to a query; ok is false for other nodes.
func levelOf(n expr.Node) (level int, ok bool) {
	switch n := n.(type) {
	case *expr.Var:
		return n.Level, true
	case *expr.Aggregate:
		return n.Level, true
	case *expr.Grouping:
		return n.Level, true
	}
	return 0, false
}

// withLevel copies such a node to another level; what is below it stays.
func withLevel(n expr.Node, level int) expr.Node {
	switch n := n.(type) {
	case *expr.Var:
		c := *n
		c.Level = level
		return &c
	case *expr.Aggregate:
		c := *n
		c.Level = level
		return &c
	case *expr.Grouping:
		c := *n
		c.Level = level
		return &c
	}
	return n
}

// relevel moves an expression of a query by a number of query levels: down to a subquery (by > 0), or up from one, of whose
// columns it uses none.
func relevel(n expr.Node, by int) expr.Node {
	if by == 0 {
		return n
	}
	var f levelFunc
	f = func(m expr.Node, depth int) (expr.Node, bool) {
		level, ok := levelOf(m)
		if !ok || level < depth {
			return nil, false
		}
		return mapChildren(withLevel(m, level+by), f.at(depth)), true
	}
	return mapLevels(n, 0, f)
}

// mapQuery copies a query with f applied to all its expressions; depth is that of the query's own expressions.
func mapQuery(q *sema.Query, depth int, f levelFunc) *sema.Query {
	if q == nil {
		return nil
	}
	c := *q
	m := func(n expr.Node) expr.Node { return mapLevels(n, depth, f) }
	ctes := map[*sema.CTE]*sema.CTE{}
	c.CTEs = make([]*sema.CTE, len(q.CTEs))
	for i, cte := range q.CTEs {
		k := *cte
		c.CTEs[i] = &k
		ctes[cte] = &k
	}
	for _, k := range c.CTEs {
		k.Query = mapQuery(k.Query, depth+1, f)
	}
	c.Rels = make([]*sema.RTE, len(q.Rels))
	for i, r := range q.Rels {
		k := *r
		k.Query = mapQuery(r.Query, depth+1, f)
		k.Func = m(r.Func)
		k.JoinCols = mapEach(r.JoinCols, m)
		k.Security = mapEach(r.Security, m)
		if n := ctes[r.CTE]; n != nil {
			k.CTE = n
		}
		c.Rels[i] = &k
	}
	c.From = mapJoin(q.From, m)
	c.Where, c.Having = m(q.Where), m(q.Having)
	c.Limit, c.Offset = m(q.Limit), m(q.Offset)
	c.GroupBy = mapEach(q.GroupBy, m)
	c.Windows = mapWindows(q.Windows, m)
	c.Targets = make([]sema.Target, len(q.Targets))
	for i, t := range q.Targets {
		t.Expr = m(t.Expr)
		c.Targets[i] = t
	}
	if q.Values != nil {
		c.Values = make([][]expr.Node, len(q.Values))
		for i, row := range q.Values {
			c.Values[i] = mapEach(row, m)
		}
	}
	if q.SetOp != nil {
		s := *q.SetOp
		// The branches of a set operation are one level below it.
		s.Left, s.Right = mapQuery(s.Left, depth+1, f), mapQuery(s.Right, depth+1, f)
		c.SetOp = &s
	}
	relinkCTEs(&c, ctes)
	return &c
}

// relinkCTEs makes references below q to copied CTEs point to the copies. q is itself a copy and may be changed.
func relinkCTEs(q *sema.Query, ctes map[*sema.CTE]*sema.CTE) {
	if len(ctes) == 0 {
		return
	}
	eachQuery(q, func(s *sema.Query) {
		for _, r := range s.Rels {
			if n := ctes[r.CTE]; n != nil {
				r.CTE = n
			}
		}
	})
}

// eachQuery calls f for q and every query nested in it.
func eachQuery(q *sema.Query, f func(*sema.Query)) {
	if q == nil {
		return
	}
	f(q)
	for _, c := range q.CTEs {
		eachQuery(c.Query, f)
	}
	for _, r := range q.Rels {
		eachQuery(r.Query, f)
	}
	if q.SetOp != nil {
		eachQuery(q.SetOp.Left, f)
		eachQuery(q.SetOp.Right, f)
	}
	eachExpr(q, func(n expr.Node) {
		visit(n, func(m expr.Node) bool {
			if s, ok := m.(*expr.Subquery); ok {
				if sq, ok := s.Query.(*sema.Query); ok {
					eachQuery(sq, f)
				}
			}
			return true
		})
	})
}

// eachExpr calls f for every expression that stands directly in q.
func eachExpr(q *sema.Query, f func(expr.Node)) {
	g := func(n expr.Node) {
		if n != nil {
			f(n)
		}
	}
	for _, r := range q.Rels {
		g(r.Func)
		for _, n := range r.JoinCols {
			g(n)
		}
		for _, n := range r.Security {
			g(n)
		}
	}
	eachOn(q.From, g)
	g(q.Where)
	for _, n := range q.GroupBy {
		g(n)
	}
	g(q.Having)
	for i := range q.Windows {
		w := &q.Windows[i]
		for _, n := range w.Partition {
			g(n)
		}
		for _, k := range w.OrderBy {
			g(k.Expr)
		}
		g(w.Start)
		g(w.End)
	}
	for _, t := range q.Targets {
		g(t.Expr)
	}
	g(q.Limit)
	g(q.Offset)
	for _, row := range q.Values {
		for _, n := range row {
			g(n)
		}
	}
}

func eachOn(j sema.JoinNode, f func(expr.Node)) {
	if j, ok := j.(*sema.Join); ok {
		eachOn(j.Left, f)
		eachOn(j.Right, f)
		f(j.On)
	}
}

func mapEach(ns []expr.Node, m func(expr.Node) expr.Node) []expr.Node {
	if ns == nil {
		return nil
	}
	out := make([]expr.Node, len(ns))
	for i, n := range ns {
		out[i] = m(n)
	}
	return out
}

func mapWindows(ws []sema.Window, m func(expr.Node) expr.Node) []sema.Window {
	out := slices.Clone(ws)
	for i := range out {
		w := &out[i]
		w.Partition = mapEach(w.Partition, m)
		w.OrderBy = slices.Clone(w.OrderBy)
		for k := range w.OrderBy {
			w.OrderBy[k].Expr = m(w.OrderBy[k].Expr)
		}
		w.Start, w.End = m(w.Start), m(w.End)
	}
	return out
}

func mapJoin(j sema.JoinNode, m func(expr.Node) expr.Node) sema.JoinNode {
	if t, ok := j.(*sema.Join); ok {
		return &sema.Join{Kind: t.Kind, Left: mapJoin(t.Left, m), Right: mapJoin(t.Right, m), On: m(t.On)}
	}
	return j
}

// relOf returns the range-table index of a leaf of the join tree.
func relOf(j sema.JoinNode) (int, bool) {
	switch j := j.(type) {
	case sema.RelRef:
		return j.Rel, true
	case *sema.RelRef:
		return j.Rel, true
	}
	return 0, false
}

// visitLevels calls f for every Var, Aggregate and Grouping of n, those inside its subqueries included, with the depth.
func visitLevels(n expr.Node, depth int, f func(n expr.Node, depth int)) {
	if n == nil {
		return
	}
	visit(n, func(m expr.Node) bool {
		switch m := m.(type) {
		case *expr.Var:
			f(m, depth)
		case *expr.Aggregate:
			f(m, depth)
		case *expr.Grouping:
			f(m, depth)
		case *expr.Subquery:
			if q, ok := m.Query.(*sema.Query); ok {
				visitQuery(q, depth+1, f)
			}
		}
		return true
	})
}

// visitQuery is visitLevels for all expressions of a query; depth is that of its own expressions.
func visitQuery(q *sema.Query, depth int, f func(n expr.Node, depth int)) {
	if q == nil {
		return
	}
	eachExpr(q, func(n expr.Node) { visitLevels(n, depth, f) })
	for _, c := range q.CTEs {
		visitQuery(c.Query, depth+1, f)
		if c.DML != nil {
			visitQuery(c.DML.Source, depth+1, f)
		}
	}
	for _, r := range q.Rels {
		visitQuery(r.Query, depth+1, f)
	}
	if q.SetOp != nil {
		visitQuery(q.SetOp.Left, depth+1, f)
		visitQuery(q.SetOp.Right, depth+1, f)
	}
}
