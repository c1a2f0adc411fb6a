package planner

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
)

// A condition a OR b of which each side is served by a key of its own is read as the union of two scans; a row that both
// find is taken once, by its row key. PostgreSQL's BitmapOr does the same.

// maxUnionArms bounds the scans of a union.
const maxUnionArms = 16

// unionRowCost is what a row of a union costs beside its reading, in rows of a scan.
const unionRowCost = 1

// union is such a plan: the condition, and for each of its sides all conditions on the table and the path.
type union struct {
	or    *conj
	conds [][]*conj
	paths []*accessPath
	cost  float64
}

// unionOf finds the cheapest union for the conditions on a table; nil: there is none.
func (q *query) unionOf(rel int, r *sema.RTE, conds []*conj) *union {
	if r.Sample != nil {
		return nil
	}
	var best *union
	for i, c := range conds {
		n, ok := c.node.(*expr.BoolOp)
		if !ok || c.derived || n.Op != expr.Or || len(n.Args) > maxUnionArms || hasSubquery(n) || hasVolatile(n) {
			continue
		}
		u := &union{or: c}
		for _, arm := range n.Args {
			own := slices.Clone(conds[:i])
			own = append(own, conds[i+1:]...)
			var arms []*conj
			for _, a := range splitAnd(nil, arm) {
				arms = append(arms, q.newConj(a))
			}
			own = append(append(own, arms...), q.derive(arms)...)
			p := q.bestPath(rel, r.Table, own, false)
			if !p.narrows() {
				u = nil
				break
			}
			u.conds, u.paths = append(u.conds, own), append(u.paths, p)
			u.cost += pathCost(p) + unionRowCost*p.rows
		}
		if u != nil && (best == nil || u.cost < best.cost) {
			best = u
		}
	}
	return best
}

// scanUnion makes the scans of a union, and drops the rows that came before.
func (q *query) scanUnion(f *fromItem, r *sema.RTE, conds []*conj, u *union) (*fromItem, error) {
	refs := q.rowRefs
	defer func() { q.rowRefs = refs }()
	q.rowRefs = map[int]bool{f.rel: true}
	ap := &Append{}
	rows := 0.0
	var lay *layout
	for i, p := range u.paths {
		arm := &fromItem{rel: f.rel, rels: f.rels, lay: newLayout()}
		arm, err := q.scanBy(arm, r, u.conds[i], p)
		if err != nil {
			return nil, err
		}
		ap.Children = append(ap.Children, arm.node)
		lay = arm.lay
		rows += arm.rows()
	}
	ap.Props = q.b.props(lay.ts, rows)
	n := Node(&Distinct{Props: q.b.props(lay.ts, rows), Input: ap, Cols: []int{lay.pos[varID{f.rel, sysKey}]}})
	f.lay = lay
	if !refs[f.rel] {
		f.lay = newLayout()
		var exprs []*Scalar
		for i, id := range lay.ids {
			if id.col >= 0 {
				f.lay.add(id, lay.ts[i])
				exprs = append(exprs, q.columnScalar(i, lay.ts[i]))
			}
		}
		n = q.project(n, exprs)
	}
	f.node = n
	return f, nil
}
