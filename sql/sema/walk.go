package sema

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/expr"
)

// rewriteQuery replaces every expression of q and of the queries in it by what f returns for it. depth is 0 in q itself
// and one more in each query below. f gets whole expressions; the queries of their Subqueries come separately.
func rewriteQuery(q *Query, depth int, f func(n expr.Node, depth int) expr.Node) {
	below := func(sub *Query) { rewriteQuery(sub, depth+1, f) }
	ownExprs(q, func(n *expr.Node) {
		*n = f(*n, depth)
		subqueries(*n, below)
	})
	ownQueries(q, below)
}

// ownQueries calls f for the queries in q that are not Subqueries of expressions. Of a set operation, the arms are such.
func ownQueries(q *Query, f func(*Query)) {
	for _, r := range q.Rels {
		if r.Query != nil {
			f(r.Query)
		}
	}
	if q.SetOp != nil {
		f(q.SetOp.Left)
		f(q.SetOp.Right)
	}
	for _, c := range q.CTEs {
		if c.Query != nil {
			f(c.Query)
		}
	}
}

// ownExprs calls f for every expression at the query's own level.
func ownExprs(q *Query, f func(n *expr.Node)) {
	one := func(n *expr.Node) {
		if *n != nil {
			f(n)
		}
	}
	list := func(ns []expr.Node) {
		for i := range ns {
			one(&ns[i])
		}
	}
	one(&q.Where)
	one(&q.Having)
	one(&q.Limit)
	one(&q.Offset)
	list(q.GroupBy)
	for i := range q.Windows {
		w := &q.Windows[i]
		// Keys may be shared with the window that they were copied from: each has its own before it is changed.
		w.Partition, w.OrderBy = slices.Clone(w.Partition), slices.Clone(w.OrderBy)
		list(w.Partition)
		for k := range w.OrderBy {
			one(&w.OrderBy[k].Expr)
		}
		one(&w.Start)
		one(&w.End)
	}
	for i := range q.Targets {
		one(&q.Targets[i].Expr)
	}
	for _, row := range q.Values {
		list(row)
	}
	rewriteJoin(q.From, one)
	for _, r := range q.Rels {
		one(&r.Func)
		list(r.JoinCols)
		list(r.Security)
	}
}

func rewriteJoin(j JoinNode, one func(*expr.Node)) {
	if join, ok := j.(*Join); ok {
		one(&join.On)
		rewriteJoin(join.Left, one)
		rewriteJoin(join.Right, one)
	}
}

// subqueries calls f for the queries of the Subqueries in n.
func subqueries(n expr.Node, f func(*Query)) {
	expr.Walk(n, func(k expr.Node) bool {
		if s, ok := k.(*expr.Subquery); ok {
			if q, ok := s.Query.(*Query); ok {
				f(q)
			}
		}
		return true
	})
}

// WalkQuery calls f for every expression of q and of the queries below it, with its depth: a Var in it belongs to q if
// its Level equals the depth.
func WalkQuery(q *Query, f func(n expr.Node, depth int)) {
	rewriteQuery(q, 0, func(n expr.Node, depth int) expr.Node {
		f(n, depth)
		return n
	})
}

// pushDown makes room for one query level between q and what it refers to outside.
func pushDown(q *Query) {
	rewriteQuery(q, 0, func(n expr.Node, depth int) expr.Node { return raiseLevels(n, depth+1) })
}

// pushDownExpr moves an expression into a query below its own.
func pushDownExpr(n expr.Node) expr.Node {
	subqueries(n, pushDown)
	return raiseLevels(n, 0)
}

// raiseLevels adds one to the Level of what belongs to a query at least from levels out.
func raiseLevels(n expr.Node, from int) expr.Node {
	out, _ := expr.Rewrite(n, func(k expr.Node) (expr.Node, error) {
		if levelOf(k) < from {
			return k, nil
		}
		switch v := k.(type) {
		case *expr.Var:
			c := *v
			c.Level++
			return &c, nil
		case *expr.Aggregate:
			c := *v
			c.Level++
			return &c, nil
		case *expr.Grouping:
			c := *v
			c.Level++
			return &c, nil
		}
		return k, nil
	})
	return out
}

// walkVars calls f for every Var in n and in the queries of its Subqueries, with the level relative to n's own query.
func walkVars(n expr.Node, f func(v *expr.Var, level int)) {
	walkLevels(n, func(k expr.Node, level int) {
		if v, ok := k.(*expr.Var); ok {
			f(v, level)
		}
	})
}

// levelOf is the Level of a Var, Aggregate or Grouping, the nodes that belong to a query; -1 for others.
func levelOf(n expr.Node) int {
	switch n := n.(type) {
	case *expr.Var:
		return n.Level
	case *expr.Aggregate:
		return n.Level
	case *expr.Grouping:
		return n.Level
	}
	return -1
}

// walkLevels calls f for every Var, Aggregate and Grouping in n and in the queries of its Subqueries, with the level
// relative to n's own query, which is negative for what belongs to a subquery.
func walkLevels(n expr.Node, f func(k expr.Node, level int)) {
	expr.Walk(n, func(k expr.Node) bool {
		if l := levelOf(k); l >= 0 {
			f(k, l)
		}
		return true
	})
	subqueries(n, func(q *Query) {
		WalkQuery(q, func(m expr.Node, d int) {
			expr.Walk(m, func(k expr.Node) bool {
				if l := levelOf(k); l > d {
					f(k, l-d-1)
				}
				return true
			})
		})
	})
}
