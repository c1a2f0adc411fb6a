package planner

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// grouper collects what the Aggregate below a query's targets must put out.
type grouper struct {
	q         *query
	keys      []expr.Node
	aggs      []*expr.Aggregate
	groupings []*expr.Grouping
	at        map[string]int // fingerprint -> position among its own kind
}

func (g *grouper) has(print string) bool {
	_, ok := g.at[print]
	return ok
}

func (g *grouper) print(n expr.Node) string { return fingerprint(g.q.expand(n)) }

// collect notes the aggregates of an expression, and the columns outside them that depend on the group keys.
func (g *grouper) collect(n expr.Node) {
	visit(n, func(m expr.Node) bool {
		if g.has(g.print(m)) {
			return false
		}
		switch level, ok := levelOf(m); {
		case !ok:
		case level == 0:
			g.add(m)
			return false
		default:
			return false // the value of an enclosing query
		}
		if s, ok := m.(*expr.Subquery); ok {
			if sub, ok := s.Query.(*sema.Query); ok {
				g.collectWithin(sub)
			}
		}
		return true
	})
}

// add notes a column, an aggregate or a GROUPING call of the query.
func (g *grouper) add(n expr.Node) {
	f := g.print(n)
	if g.has(f) {
		return
	}
	switch n := n.(type) {
	case *expr.Aggregate:
		g.at[f] = len(g.aggs)
		g.aggs = append(g.aggs, n)
		for _, d := range n.Direct {
			g.collect(d)
		}
	case *expr.Grouping:
		g.at[f] = len(g.groupings)
		g.groupings = append(g.groupings, n)
	default:
		g.addKey(g.q.expand(n))
	}
}

// collectWithin notes what a subquery uses of the query. The arguments of its aggregates are not among it.
func (g *grouper) collectWithin(sub *sema.Query) {
	f := func(m expr.Node, depth int) (expr.Node, bool) {
		level, ok := levelOf(m)
		switch {
		case !ok || level < depth:
			return nil, false
		case level == depth:
			g.add(relevel(m, -depth))
		}
		return m, true
	}
	mapQuery(sub, 1, f)
}

// addKey adds an expression to the group keys unless it is there.
func (g *grouper) addKey(n expr.Node) {
	f := g.print(n)
	if g.has(f) {
		return
	}
	g.at[f] = len(g.keys)
	g.keys = append(g.keys, n)
}

// replacer maps group keys and aggregates to the Aggregate's output columns.
func (g *grouper) replacer() replacer {
	return func(n expr.Node) (expr.Node, bool) {
		i, ok := g.at[g.print(n)]
		if _, constant := n.(*expr.Const); !ok || constant {
			return nil, false // a constant that is the same as a key is not the key
		}
		switch n := n.(type) {
		case *expr.Aggregate:
			i += len(g.keys)
		case *expr.Grouping:
			return &expr.Column{Index: i + len(g.keys) + len(g.aggs), Type: n.ResultType()}, true
		}
		return &expr.Column{Index: i, Type: n.ResultType()}, true
	}
}

// planAggregate groups the rows of n, which come in some order. It returns the order of the groups.
func (q *query) planAggregate(n Node, in *layout, order *rowOrder) (Node, replacer, *rowOrder, error) {
	s := q.q
	g := &grouper{q: q, at: map[string]int{}}
	for i, k := range s.GroupBy {
		g.keys = append(g.keys, k)
		if f := g.print(k); !g.has(f) { // of equal ones, the first
			g.at[f] = i
		}
	}
	for _, t := range s.Targets {
		g.collect(t.Expr)
	}
	for _, w := range s.Windows {
		for _, n := range w.Partition {
			g.collect(n)
		}
		for _, k := range w.OrderBy {
			g.collect(k.Expr)
		}
	}
	if s.Having != nil {
		g.collect(s.Having)
	}
	var ts []types.Type
	n, in, rep, err := q.setKeys(n, in, nil, g.keys)
	if err != nil {
		return nil, nil, nil, err
	}
	a := &Aggregate{Input: n}
	if a.Keys, err = q.scalars(g.keys, in, rep); err != nil {
		return nil, nil, nil, err
	}
	ts = append(ts, typesOf(g.keys)...)
	for _, agg := range g.aggs {
		p, err := g.planAgg(agg, in)
		if err != nil {
			return nil, nil, nil, err
		}
		a.Aggs = append(a.Aggs, p)
		ts = append(ts, agg.Type)
	}
	for _, gr := range g.groupings {
		args := make([]int, len(gr.Args))
		for i, x := range gr.Args {
			args[i] = g.at[g.print(x)]
		}
		a.Groupings = append(a.Groupings, args)
		ts = append(ts, gr.ResultType())
	}
	for _, set := range s.GroupingSets {
		cols := slices.Clone(set)
		// Columns that depend on the keys go with every set.
		for x := len(s.GroupBy); x < len(g.keys); x++ {
			cols = append(cols, x)
		}
		a.Sets = append(a.Sets, cols)
	}
	rows := q.groupRows(g.keys, n.Base().Rows)
	a.Props = q.b.props(ts, rows)
	var prints []string
	for _, k := range s.GroupBy { // the other keys depend on these
		prints = append(prints, q.orderPrint(k))
	}
	if a.Sorted = len(g.keys) > 0 && s.GroupingSets == nil && order.together(prints); !a.Sorted {
		order = nil
	}
	a.Parallel = !a.Sorted && canParallel(a)
	return a, g.replacer(), order, nil
}

// planAgg plans one aggregate over rows of the given layout.
func (g *grouper) planAgg(agg *expr.Aggregate, in *layout) (Agg, error) {
	q := g.q
	p := Agg{Fn: agg.Fn, Distinct: agg.Distinct, Type: agg.Type}
	var err error
	if p.Args, err = q.scalars(guarded(agg.Args, agg.Filter), in, nil); err != nil {
		return p, err
	}
	if agg.Filter != nil {
		if p.Filter, err = q.scalar(agg.Filter, in, nil); err != nil {
			return p, err
		}
	}
	if p.Direct, err = q.scalars(agg.Direct, &layout{ts: typesOf(g.keys)}, g.replacer()); err != nil {
		return p, err
	}
	sorted := make([]bool, len(agg.Args))
	for _, k := range agg.OrderBy {
		key := SortKey{Type: k.Expr.ResultType(), Desc: k.Desc, NullsFirst: k.NullsFirst}
		if key.Col = slices.IndexFunc(agg.Args, func(a expr.Node) bool { return expr.Equal(a, k.Expr) }); key.Col >= 0 {
			sorted[key.Col] = true
		} else if key.Expr, err = q.scalar(guarded([]expr.Node{k.Expr}, agg.Filter)[0], in, nil); err != nil {
			return p, err
		}
		p.OrderBy = append(p.OrderBy, key)
	}
	if agg.Distinct && orderMatters(agg.Fn) {
		// PostgreSQL finds duplicates by sorting, and the values come in that order.
		for i, a := range agg.Args {
			if !sorted[i] {
				p.OrderBy = append(p.OrderBy, SortKey{Col: i, Type: a.ResultType()})
			}
		}
	}
	if agg.Distinct && agg.Fn.OrderSensitive { // PostgreSQL sorts to find duplicates, and so in the end by every argument
		for i, a := range agg.Args {
			if !slices.ContainsFunc(agg.OrderBy, func(k expr.SortKey) bool { return expr.Equal(k.Expr, a) }) {
				p.OrderBy = append(p.OrderBy, SortKey{Expr: p.Args[i], Type: p.Args[i].Type})
			}
		}
	}
	return p, nil
}

// guarded makes arguments that are computed only for the rows that pass an aggregate's FILTER: for others they may fail.
func guarded(args []expr.Node, filter expr.Node) []expr.Node {
	if filter == nil || hasVolatile(filter) {
		return args
	}
	out := make([]expr.Node, len(args))
	for i, a := range args {
		switch out[i] = a; a.(type) {
		case *expr.Var, *expr.Const, *expr.Param, *expr.Column:
		default:
			out[i] = &expr.Case{Whens: []expr.When{{Cond: filter, Result: a}}, Type: a.ResultType(), Loc: -1}
		}
	}
	return out
}

func typesOf(ns []expr.Node) []types.Type {
	out := make([]types.Type, len(ns))
	for i, n := range ns {
		out[i] = n.ResultType()
	}
	return out
}

// orderMatters reports whether an aggregate's result depends on the order of its input, be it in the last digit.
func orderMatters(f *expr.AggFunction) bool {
	if f.OrderSensitive {
		return true
	}
	switch f.Name {
	case "count", "min", "max":
		return false
	}
	for _, a := range f.Args {
		if a.Kind() == types.KFloat {
			return true
		}
	}
	return false
}

// canParallel reports whether partial aggregates over parts of the input can be merged: no order matters, no subplan
// and no volatile function runs in the workers, and the input can be split at a table scan.
func canParallel(a *Aggregate) bool {
	for _, g := range a.Aggs {
		if g.Distinct || len(g.OrderBy) > 0 || g.Fn.OrderSensitive || !safe(g.Args...) || !safe(g.Filter) {
			return false
		}
	}
	return safe(a.Keys...) && splittable(a.Input)
}

func safe(ss ...*Scalar) bool {
	for _, s := range ss {
		if s == nil {
			continue
		}
		if hasVolatile(s.Node) || hasSubquery(s.Node) || expr.ContainsUser(s.Node) {
			return false
		}
	}
	return true
}

// safeBounds is safe of the values that bound a scan.
func safeBounds(a *Access) bool {
	for _, b := range []*Bound{a.Lo, a.Hi} {
		if b != nil && !safe(b.Value) {
			return false
		}
	}
	return true
}

// splittable reports whether a node's rows can be made in parts by goroutines: a scan, below filters, projections and
// the probe sides of hash joins.
func splittable(n Node) bool {
	switch n := n.(type) {
	case *Scan:
		return n.Access.Eq == nil && n.Access.In == nil && !n.Access.Ordered && safe(n.Filter) && safeBounds(&n.Access)
	case *Filter:
		return !n.OneTime && safe(n.Cond) && splittable(n.Input)
	case *Project:
		return safe(n.Exprs...) && splittable(n.Input)
	case *HashJoin:
		// Workers always build the hash table.
		return n.Type != FullOuter && !n.looksUp() && safe(n.LeftKeys...) && safe(n.Cond) && splittable(n.Left)
	}
	return false
}
