package planner

import (
	"errors"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
)

// The order of rows. A scan of a key can put its rows out in the key's order, merged over the groups; filters, projections
// and joins that look partners up for one row after the other keep it. Where that order is, or begins like, one that the
// query wants, a sort is saved or gets less to do, groups and duplicates stand together, and LIMIT ends the scan early.
//
// A query is planned by whatever reads the fewest rows, and once more with the table of the first wanted key driving: read
// in order, all others joined to it in ways that keep it. The plan of the lower cost is taken.

// errUnordered says that there is no plan with the wanted order.
var errUnordered = errors.New("no plan keeps the order")

// maxVariants bounds the queries of a statement that are planned twice: those nested in them are planned twice as often.
const maxVariants = 100

// orderKey is one key of an order. print identifies its expression.
type orderKey struct {
	node             expr.Node
	print            string
	desc, nullsFirst bool
	notNull          bool // nullsFirst does not matter
}

// rowOrder is an order in which rows come; nil: none.
type rowOrder struct {
	keys []orderKey
	// fixed are expressions that have one value in all rows.
	fixed map[string]bool
	// unique: no two rows agree in all keys.
	unique bool
	// dependent are expressions that have one value in all rows that agree in all keys.
	dependent map[string]bool
}

// covers returns how many of the wanted keys the order serves, from the first on.
func (o *rowOrder) covers(want []orderKey) int {
	if o == nil {
		return 0
	}
	seen := map[string]bool{}
	at := 0
	for i, w := range want {
		if o.fixed[w.print] || seen[w.print] {
			continue
		}
		if at == len(o.keys) {
			if o.unique {
				return len(want)
			}
			if o.dependent[w.print] {
				continue
			}
			return i
		}
		k := o.keys[at]
		if k.print != w.print || k.desc != w.desc || k.nullsFirst != w.nullsFirst && !k.notNull {
			return i
		}
		seen[w.print] = true
		at++
	}
	return len(want)
}

// together reports whether rows that agree in some expressions come one after the other.
func (o *rowOrder) together(prints []string) bool {
	if o == nil {
		return false
	}
	left := map[string]bool{}
	for _, p := range prints {
		if !o.fixed[p] {
			left[p] = true
		}
	}
	for _, k := range o.keys {
		if len(left) == 0 {
			return true
		}
		if !left[k.print] {
			return false
		}
		delete(left, k.print)
	}
	for p := range o.dependent {
		delete(left, p)
	}
	return len(left) == 0 || o.unique
}

// joined is the order of rows each of which may have become several.
func (o *rowOrder) joined() *rowOrder {
	if o == nil || !o.unique {
		return o
	}
	c := *o
	c.unique = false
	return &c
}

// orderPrint identifies an expression for its order: casts that change nothing of it do not count.
func (q *query) orderPrint(n expr.Node) string {
	n = q.expand(n)
	if in := stripCast(n); sameBytes(in.ResultType().Oid, n.ResultType().Oid) {
		n = in
	}
	return fingerprint(n)
}

// wanted is the order that would serve the query best, of what is below its topmost grouping or window.
func (q *query) wanted() []orderKey {
	s := q.q
	var out []orderKey
	ended := false
	add := func(n expr.Node, desc, nullsFirst bool) {
		if _, isConst := n.(*expr.Const); isConst || ended {
			return
		}
		if ended = containsSet([]expr.Node{n}) || hasSubquery(n) || hasVolatile(n) || hasAggregate(n); !ended {
			out = append(out, orderKey{node: n, print: q.orderPrint(n), desc: desc, nullsFirst: nullsFirst})
		}
	}
	byOrder := func(only map[string]bool) {
		for _, k := range s.OrderBy {
			if n := s.Targets[k.Target].Expr; only == nil || only[q.orderPrint(n)] {
				add(n, k.Desc, k.NullsFirst)
			} else {
				ended = true
			}
		}
		ended = false
	}
	switch {
	case s.GroupingSets != nil:
	case len(s.GroupBy) > 0:
		keys := map[string]bool{}
		for _, k := range s.GroupBy {
			keys[q.orderPrint(k)] = true
		}
		byOrder(keys)
		for _, k := range s.GroupBy {
			add(k, false, false)
		}
	case s.HasAggs || s.Having != nil:
	case s.HasWindows:
		for _, w := range s.Windows {
			if len(w.Partition)+len(w.OrderBy) <= len(out) {
				continue
			}
			out = nil
			for _, k := range w.Partition {
				add(k, false, false)
			}
			for _, k := range w.OrderBy {
				add(k.Expr, k.Desc, k.NullsFirst)
			}
			ended = false
		}
	default:
		byOrder(nil)
		for _, t := range s.DistinctOn {
			add(s.Targets[t].Expr, false, false)
		}
		for _, t := range s.Targets {
			if s.Distinct && !t.Junk {
				add(t.Expr, false, false)
			}
		}
	}
	return out
}

func hasAggregate(n expr.Node) bool {
	found := false
	visit(n, func(m expr.Node) bool {
		switch m.(type) {
		case *expr.Aggregate, *expr.Grouping, *expr.WindowFunc:
			found = true
		}
		return !found
	})
	return found
}

// orderRel is the table that the first wanted key is of; none for no table.
func (q *query) orderRel() (rel int, ok bool) {
	want := q.wanted()
	if len(want) == 0 {
		return 0, false
	}
	rels := q.relsOf(want[0].node)
	for r, e := range q.q.Rels {
		if rels.only(r) && e.Kind == sema.RTETable && e.Tree == nil {
			return r, true
		}
	}
	return 0, false
}

// pathOrder is the order in which a path's rows come when they are merged over the groups; nil: none that is of use.
func (q *query) pathOrder(rel int, t *catalog.Table, p *accessPath, conds []*conj, reverse bool) *rowOrder {
	if p.in != nil || p.gin != nil {
		return nil
	}
	o := &rowOrder{fixed: map[string]bool{}, unique: p.unique}
	column := func(col int) string { return fingerprint(&expr.Var{Rel: rel, Col: col, Type: t.Columns[col].Type}) }
	for _, c := range conds {
		switch {
		case c.left == nil:
		case c.rightRels.empty():
			o.fixed[q.orderPrint(c.left)] = true
		case c.leftRels.empty():
			o.fixed[q.orderPrint(c.right)] = true
		}
	}
	for i := range p.columns {
		c := &p.columns[i]
		col, node := q.indexKey(rel, t, c)
		notNull := col >= 0 && t.Columns[col].NotNull
		o.unique = o.unique && (notNull || p.index == nil || i < len(p.eq))
		if i < len(p.eq) {
			continue
		}
		// Stored order has NULLs last ascending, first descending.
		k := orderKey{desc: c.Desc != reverse, nullsFirst: c.Desc != reverse, notNull: notNull}
		switch {
		case col >= 0:
			k.print = column(col)
		case node != nil:
			k.print = fingerprint(node)
		default:
			o.unique = false
			return o
		}
		o.keys = append(o.keys, k)
	}
	if o.unique {
		o.dependent = map[string]bool{}
		for i := range t.Columns {
			o.dependent[column(i)] = true
		}
	}
	return o
}

// orderedPath finds the path whose order serves the query best; nil: there is none.
func (q *query) orderedPath(rel int, t *catalog.Table, conds []*conj) *accessPath {
	want := q.wanted()
	rows := q.b.tableRows(t)
	var best *accessPath
	bestCost := 0.0
	q.eachPath(rel, t, conds, func(p *accessPath) {
		n := 0
		for _, reverse := range []bool{false, true} {
			if o := q.pathOrder(rel, t, p, conds, reverse); o.covers(want) > n {
				n = o.covers(want)
				p.order, p.reverse = o, reverse
			}
		}
		if n == 0 {
			return
		}
		cost := p.rows * q.wantedPart(want[:n], n == len(want), rows)
		if p.index != nil {
			cost = p.rowCost()*cost + 1
		}
		if best == nil || cost < bestCost {
			best, bestCost = p, cost
		}
	})
	return best
}

// wantedPart is the part of the rows that LIMIT lets through, and those that have to be sorted with its last one.
func (q *query) wantedPart(served []orderKey, all bool, rows float64) float64 {
	part := q.limitRows(rows) / rows
	if !all {
		part += 1 / q.groupsOf(served, rows)
	}
	return min(1, part)
}

// limitRows is how many of an estimated number of rows LIMIT and OFFSET let through, the skipped ones included.
func (q *query) limitRows(rows float64) float64 {
	s := q.q
	if s.Limit == nil {
		return rows
	}
	n := 0.0
	for _, e := range []expr.Node{s.Limit, s.Offset} {
		if e == nil {
			continue
		}
		if k, ok := constInt(q.b.bind(e)); ok {
			n += float64(k)
		} else {
			q.b.plan.WantsValues = q.b.plan.WantsValues || hasParam(e)
			n += rows / 10 // PostgreSQL's guess
		}
	}
	return max(1, min(rows, n))
}

// orderBy is ORDER BY as keys of an order; constants are none.
func (q *query) orderBy() []orderKey {
	var out []orderKey
	for _, k := range q.q.OrderBy {
		t := &q.q.Targets[k.Target]
		if _, isConst := t.Expr.(*expr.Const); isConst && t.Group == 0 {
			continue
		}
		out = append(out, orderKey{node: t.Expr, print: q.orderPrint(t.Expr), desc: k.Desc, nullsFirst: k.NullsFirst})
	}
	return out
}

// groupsOf estimates how many groups rows make by some keys.
func (q *query) groupsOf(keys []orderKey, rows float64) float64 {
	n := 1.0
	for _, k := range keys {
		d, _ := q.distinctValues(q.expand(k.node))
		n = min(n*d, rows)
	}
	return max(1, n)
}
