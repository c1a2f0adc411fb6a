package planner

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
)

// A GIN index serves the operators of its columns' operator classes, any of its columns as well as the first. It narrows
// rows down: each condition is tested again on the rows that it finds. Which of a condition's keys are worth reading is
// found out by the execution, which can see how many rows have them.

// ginCond is a condition that a GIN index serves.
type ginCond struct {
	c      *conj
	column int // of the index
	op     string
	val    expr.Node
}

// ginCommuted are the operators that say the same of their operands in the other order.
var ginCommuted = map[string]string{"@>": "<@", "<@": "@>", "&&": "&&", "=": "=", "@@": "@@", "@@@": "@@@",
	"%": "%", "<%": "%>", "<<%": "%>>"}

// ginPath fits conditions to a GIN index; nil: it serves none of them. known says of an operand that its value is given.
func (q *query) ginPath(rel int, t *catalog.Table, ix *catalog.Index, conds []*conj, known func(expr.Node) bool) *accessPath {
	key, rows := q.keyOperand(rel), q.b.tableRows(t)
	p := &accessPath{index: ix, columns: ix.Columns, rows: rows}
	for _, c := range conds {
		f, ok := c.node.(*expr.Func)
		if !ok || c.hint || f.Fn.Operator == nil || len(f.Args) != 2 {
			continue
		}
		k := &keyCond{c: c, op: f.Fn.Operator.Name, val: f.Args[1]}
		if !known(f.Args[1]) || !key(f.Args[0], k) {
			k = &keyCond{c: c, op: ginCommuted[f.Fn.Operator.Name], val: f.Args[0]}
			if k.op == "" || !known(f.Args[0]) || !key(f.Args[1], k) {
				continue
			}
		}
		for i := range ix.Columns {
			col, node := q.indexKey(rel, t, &ix.Columns[i])
			class := t.GinClass(&ix.Columns[i])
			if !class.Serves(k.op) || !q.restricts(k, col, node) {
				continue
			}
			p.gin = append(p.gin, &ginCond{c: c, column: i, op: k.op, val: k.val})
			if p.keys++; class == keyenc.GinJSONB && k.op[0] != '?' {
				p.keys++ // keys of objects and values apart, where jsonb_path_ops has them in one
			}
			p.rows = max(1, p.rows*q.selectivity(f))
			break
		}
	}
	if p.gin == nil {
		return nil
	}
	return p
}

// counts reports whether the path's rows are already those that a condition lets through.
func (p *accessPath) counts(n expr.Node) bool {
	return slices.ContainsFunc(p.gin, func(g *ginCond) bool { return g.c.node == n })
}

// fillGin compiles the values of a path by a GIN index.
func (q *query) fillGin(a *Access, t *catalog.Table, p *accessPath) error {
	a.TableRows = q.b.tableRows(t)
	for _, g := range p.gin {
		s, err := q.scalar(g.val, nil, nil)
		if err != nil {
			return err
		}
		a.Gin = append(a.Gin, GinCond{Column: g.column, Op: g.op, Query: s})
	}
	return nil
}

// ginJoin joins by looking up the right side in a GIN index for each row of the left one; nil: no index serves the
// conditions, or a nested loop over all pairs is cheaper.
func (q *query) ginJoin(kind JoinType, left, right *fromItem, conds []*conj, loop *NestLoop) (*fromItem, error) {
	sides := [][2]*fromItem{{left, right}}
	switch kind {
	case FullOuter, NullAnti:
		return nil, nil
	case Inner:
		sides = append(sides, [2]*fromItem{right, left})
	}
	k := coster{env: q.b.env}
	least := k.of(loop).total
	var best *fromItem
	for _, s := range sides {
		f, err := q.ginLoop(kind, s[0], s[1], conds)
		if err != nil {
			return nil, err
		}
		if f == nil {
			continue
		}
		f.node.Base().Rows = loop.Rows
		if c := k.of(f.node).total; c < least {
			best, least = f, c
		}
	}
	return best, nil
}

// ginLoop is the join that runs a scan of inner by a GIN index for each row of outer; nil: no index serves.
func (q *query) ginLoop(kind JoinType, outer, inner *fromItem, conds []*conj) (*fromItem, error) {
	if inner.scan == nil || !outer.needs.empty() {
		return nil, nil
	}
	t := inner.scan.Table
	given := func(n expr.Node) bool { return q.relsOf(n).within(outer.rels) && !hasVolatile(n) && !hasSubquery(n) }
	all := append(slices.Clone(inner.conds), conds...)
	var best *accessPath
	for _, ix := range t.Indexes {
		if !ix.Gin() || q.b.tooNew(ix) || !q.admits(inner.rel, t, ix, inner.conds) {
			continue
		}
		p := q.ginPath(inner.rel, t, ix, all, given)
		joins := func(g *ginCond) bool { return slices.Contains(conds, g.c) }
		if p != nil && slices.ContainsFunc(p.gin, joins) && (best == nil || pathCost(p) < pathCost(best)) {
			best = p
		}
	}
	if best == nil {
		return nil, nil
	}
	u := &unit{parent: q, direct: true}
	in := *q
	in.unit, in.depth, in.outside = u, 0, outer.rels
	f, err := in.scanBy(&fromItem{rel: inner.rel, rels: inner.rels, lay: newLayout()}, q.q.Rels[inner.rel], inner.conds, best)
	if err != nil {
		return nil, err
	}
	f.args = u.args
	return q.lateralJoin(kind, &fromItem{rels: outer.rels.union(inner.rels), rel: -1}, outer, f, conds)
}
