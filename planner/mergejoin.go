package planner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// A merge join wants both sides in the order of its keys. It is taken where the left side's order is to be kept and a lookup
// would cost more, and where a hash table would not fit into memory while both sides come in order cheaply.

// Methods says what a session does not want, as PostgreSQL's enable_hashjoin and its like: such a plan is made only where
// there is no other.
type Methods struct {
	NoHashJoin, NoMergeJoin, NoNestLoop bool
}

// mergeKey is an equality that a merge join may go by.
type mergeKey struct {
	c           *conj
	left, right expr.Node
}

// mergeKeys are the equalities between two items whose values are compared as they are sorted.
func (q *query) mergeKeys(left, right *fromItem, conds []*conj) []mergeKey {
	var out []mergeKey
	for _, c := range conds {
		if c.left == nil {
			continue
		}
		k := mergeKey{c, c.left, c.right}
		switch {
		case c.leftRels.empty() || c.rightRels.empty():
			continue
		case c.leftRels.within(left.rels) && c.rightRels.within(right.rels):
		case c.leftRels.within(right.rels) && c.rightRels.within(left.rels):
			k.left, k.right = k.right, k.left
		default:
			continue
		}
		a, b := k.left.ResultType().Oid, k.right.ResultType().Oid
		alike := a == b || intFamily(a) && intFamily(b) || (a == types.TextOid || a == types.VarcharOid) && (b == types.TextOid || b == types.VarcharOid)
		if alike && !hasSubquery(k.left) && !hasSubquery(k.right) && a.Class() == 0 && a != types.BpcharOid {
			out = append(out, k)
		}
	}
	return out
}

// mergeOrdered joins an item to one whose order is to be kept, by the keys that this order begins with; nil: there are none.
func (q *query) mergeOrdered(kind JoinType, left, right *fromItem, conds []*conj) (*fromItem, error) {
	if left.order == nil || q.b.env.Methods.NoMergeJoin || kind == FullOuter || kind == NullAnti {
		return nil, nil
	}
	all := q.mergeKeys(left, right, conds)
	var keys []mergeKey
	var order []orderKey
	for _, o := range left.order.keys {
		i := slices.IndexFunc(all, func(k mergeKey) bool { return q.orderPrint(k.left) == o.print })
		if i < 0 {
			break
		}
		keys, order = append(keys, all[i]), append(order, o)
	}
	if len(keys) == 0 {
		return nil, nil
	}
	return q.mergeJoin(kind, left, right, keys, order, conds)
}

// mergeByKeys joins two items in the order of the keys that costs least; nil: there is no equality to go by.
func (q *query) mergeByKeys(kind JoinType, left, right *fromItem, conds []*conj) (*fromItem, error) {
	if kind == NullAnti || !right.needs.empty() {
		return nil, nil
	}
	all := q.mergeKeys(left, right, conds)
	if len(all) == 0 {
		return nil, nil
	}
	var best *fromItem
	bestCost := 0.0
	k := coster{env: q.b.env}
	for _, keys := range q.keyOrders(left, right, all) {
		order := make([]orderKey, len(keys))
		for i := range keys {
			order[i] = orderKey{node: keys[i].left, print: q.orderPrint(keys[i].left)}
		}
		l, err := q.inOrder(left, order)
		if err != nil {
			return nil, err
		}
		f, err := q.mergeJoin(kind, l, right, keys, order, conds)
		if err != nil {
			return nil, err
		}
		if c := k.of(f.node).total; best == nil || c < bestCost {
			best, bestCost = f, c
		}
	}
	best.order = nil // whoever wants an order plans by a table that drives
	return best, nil
}

// keyOrders are the orders of the keys that are worth a try: as they are, and as a key of either side has them.
func (q *query) keyOrders(left, right *fromItem, all []mergeKey) [][]mergeKey {
	out := [][]mergeKey{all}
	for side, f := range []*fromItem{left, right} {
		if f.scan == nil {
			continue
		}
		q.eachPath(f.rel, f.scan.Table, f.conds, func(p *accessPath) {
			o := q.pathOrder(f.rel, f.scan.Table, p, f.conds, false)
			if o == nil {
				return
			}
			var keys []mergeKey
			for _, w := range o.keys {
				i := slices.IndexFunc(all, func(k mergeKey) bool {
					return q.orderPrint([]expr.Node{k.left, k.right}[side]) == w.print
				})
				if i < 0 {
					break
				}
				keys = append(keys, all[i])
			}
			if len(keys) > 0 {
				out = append(out, keys)
			}
		})
	}
	return out
}

// mergeJoin makes the join. left comes in an order that begins with the keys'.
func (q *query) mergeJoin(kind JoinType, left, right *fromItem, keys []mergeKey, order []orderKey, conds []*conj) (*fromItem, error) {
	want := make([]orderKey, len(keys))
	for i, k := range keys {
		want[i] = orderKey{node: k.right, print: q.orderPrint(k.right), desc: order[i].desc, nullsFirst: order[i].nullsFirst}
	}
	rows := q.joinRows(kind, left, right, conds)
	right, err := q.inOrder(right, want)
	if err != nil {
		return nil, err
	}
	n := &MergeJoin{Type: kind, Left: left.node, Right: right.node}
	var rest []expr.Node
	for _, c := range conds {
		if !slices.ContainsFunc(keys, func(k mergeKey) bool { return k.c == c }) {
			rest = append(rest, c.node)
		}
	}
	for i, k := range keys {
		l, err := q.scalar(k.left, left.lay, nil)
		if err != nil {
			return nil, err
		}
		r, err := q.scalar(k.right, right.lay, nil)
		if err != nil {
			return nil, err
		}
		n.LeftKeys, n.RightKeys = append(n.LeftKeys, l), append(n.RightKeys, r)
		n.Keys = append(n.Keys, SortKey{Type: mergeType(l.Type, r.Type), Desc: order[i].desc, NullsFirst: order[i].nullsFirst})
	}
	lay := left.lay.concat(right.lay)
	if len(rest) > 0 {
		if n.Cond, err = q.scalar(andOf(rest), lay, nil); err != nil {
			return nil, err
		}
	}
	out := &fromItem{rels: left.rels.union(right.rels), rel: -1, node: n, lay: lay}
	if kind == Semi || kind == Anti {
		out.lay = left.lay
	}
	n.Props = q.b.props(out.lay.ts, rows)
	if left.order != nil {
		// Rows that agree in the join's keys come in any order; some of these may be fixed, and no key of the order.
		o := &rowOrder{fixed: left.order.fixed}
		for _, k := range left.order.keys {
			if !slices.ContainsFunc(order, func(j orderKey) bool { return j.print == k.print }) {
				break
			}
			o.keys = append(o.keys, k)
		}
		if len(o.keys) == len(left.order.keys) {
			o.dependent = left.order.dependent
		}
		out.order = o
	}
	return out, nil
}

// mergeType is the type under which keys are compared.
func mergeType(a, b types.Type) types.Type {
	switch {
	case a.Oid == b.Oid:
		return types.T(a.Oid)
	case intFamily(a.Oid):
		return types.T(types.Int8Oid)
	}
	return types.T(types.TextOid)
}

// inOrder gives an item's rows an order: by a key that has it, or by sorting.
func (q *query) inOrder(f *fromItem, want []orderKey) (*fromItem, error) {
	if f.order.covers(want) == len(want) {
		return f, nil
	}
	keys := make([]SortKey, len(want))
	for i, w := range want {
		s, err := q.scalar(w.node, f.lay, nil)
		if err != nil {
			return nil, err
		}
		keys[i] = SortKey{Expr: s, Type: s.Type, Desc: w.desc, NullsFirst: w.nullsFirst}
		if c, ok := s.Node.(*expr.Column); ok {
			keys[i].Col, keys[i].Expr = c.Index, nil
		}
	}
	sorted := *f
	sorted.node = &Sort{Props: q.b.props(f.node.Base().Types, f.rows()), Input: f.node, Keys: keys}
	sorted.scan, sorted.order = nil, nil
	if f.scan == nil {
		return &sorted, nil
	}
	k := coster{env: q.b.env}
	best, bestCost := &sorted, k.of(sorted.node).total
	var err error
	q.eachPath(f.rel, f.scan.Table, f.conds, func(p *accessPath) {
		for _, reverse := range []bool{false, true} {
			o := q.pathOrder(f.rel, f.scan.Table, p, f.conds, reverse)
			if o.covers(want) < len(want) || err != nil {
				continue
			}
			own := *p
			own.order, own.reverse = o, reverse
			scan := &fromItem{rel: f.rel, rels: f.rels, lay: newLayout()}
			if scan, err = q.scanBy(scan, q.q.Rels[f.rel], f.conds, &own); err != nil {
				return
			}
			if c := k.of(scan.node).total; c < bestCost {
				best, bestCost = scan, c
			}
		}
	})
	return best, err
}

// spillCost is what writing and reading both sides of a hash join costs whose table does not fit into memory.
func (e *coster) spillCost(n *HashJoin) (startup, total float64) {
	bytes := func(k Node) float64 { return inputRows(k) * float64(rowHeaderBytes+rowWidth(k.Base().Types)) }
	if e.env.HashBytes == 0 || bytes(n.Right) <= float64(e.env.HashBytes) {
		return 0, 0
	}
	r, l := bytes(n.Right)/pageBytes, bytes(n.Left)/pageBytes
	return r, 2*r + 2*l
}

func (e *explainer) equalities(left, right []*Scalar) string {
	parts := make([]string, len(left))
	for i := range left {
		parts[i] = fmt.Sprintf("(%s = %s)", e.text(left[i]), e.text(right[i]))
	}
	return strings.Join(parts, " AND ")
}
