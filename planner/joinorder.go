package planner

import (
	"math/bits"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// The order of inner joins. Up to maxExactItems items (PostgreSQL's join_collapse_limit) all trees are weighed, bushy ones
// too, by dynamic programming over sets of items; above that, and where the first rows are wanted soon or LATERAL items
// prescribe an order, the items are joined greedily. Outer joins are items: nothing moves across them but what reduce and
// planOuter show to be right.
const maxExactItems = 8

// Costs are in rows read by a scan. What a join does with a row is dearer the more of the row it has to move.
const (
	hashBuildCost  = 1.5  // a row put into a hash table
	hashProbeCost  = 0.5  // a row that looks for partners
	joinOutputCost = 0.3  // a row put out
	pairCost       = 0.1  // a pair that a nested loop compares
	pointCost      = 8.0  // a row's partner read by a unique key
	rangeCost      = 50.0 // its partners by another one, to which come the rows
	fetchCost      = 6.0  // a row that an entry names, among some that were looked up
)

// joinPlan is the cheapest way found to join a set of items.
type joinPlan struct {
	set         uint
	rows, cost  float64
	left, right *joinPlan // nil: an item
}

// joinSearch looks for the best order of some items.
type joinSearch struct {
	q     *query
	items []*fromItem
	conds []*conj
	masks []uint // per condition: the items it refers to
	rels  []relSet
	best  []*joinPlan // by set
}

// joinItems joins the items of a FROM list.
func (q *query) joinItems(items []*fromItem, conds []*conj) (*fromItem, error) {
	exact := len(items) <= maxExactItems && !q.streams() && q.driver == 0
	for _, f := range items {
		exact = exact && f.needs.empty()
	}
	if !exact {
		return q.joinGreedily(items, conds)
	}
	s := &joinSearch{q: q, items: items, conds: conds}
	p := s.search()
	f, err := s.build(p)
	if err != nil {
		return nil, err
	}
	var rest []*conj
	for _, c := range conds {
		if !c.rels.within(f.rels) {
			rest = append(rest, c)
		}
	}
	return q.filterItem(f, rest)
}

// search fills best, smaller sets first.
func (s *joinSearch) search() *joinPlan {
	n := uint(len(s.items))
	s.best = make([]*joinPlan, 1<<n)
	s.rels = make([]relSet, 1<<n)
	for set := uint(1); set < 1<<n; set++ {
		low := uint(bits.TrailingZeros(set))
		s.rels[set] = s.rels[set&(set-1)].union(s.items[low].rels)
	}
	for _, c := range s.conds {
		m := uint(0)
		for i, f := range s.items {
			if c.rels.meets(f.rels) {
				m |= 1 << i
			}
		}
		s.masks = append(s.masks, m)
	}
	for set := uint(1); set < 1<<n; set++ {
		if set&(set-1) == 0 {
			f := s.items[bits.TrailingZeros(set)]
			s.best[set] = &joinPlan{set: set, rows: f.rows(), cost: s.itemCost(f)}
			continue
		}
		rows := s.rows(set)
		p := s.split(set, rows, true)
		if p == nil { // no equality leads from one part to another
			p = s.split(set, rows, false)
		}
		s.best[set] = p
	}
	return s.best[1<<n-1]
}

// itemCost is what reading an item costs.
func (s *joinSearch) itemCost(f *fromItem) float64 {
	if f.scan != nil {
		return s.q.scanRows(f.scan)
	}
	return f.rows()
}

// rows estimates the rows of a set of items, in whatever order they are joined.
func (s *joinSearch) rows(set uint) float64 {
	n := 1.0
	for i, f := range s.items {
		if set&(1<<i) != 0 {
			n *= f.rows()
		}
	}
	var in []*conj
	for i, c := range s.conds {
		if s.masks[i] != 0 && s.masks[i]&^set == 0 && bits.OnesCount(s.masks[i]) > 1 {
			in = append(in, c)
		}
	}
	if len(in) > 0 {
		n *= s.q.joinSelectivity(spanning(in))
	}
	return max(1, n)
}

// split finds the cheapest two parts of a set: of those that an equality connects, or of all.
func (s *joinSearch) split(set uint, rows float64, connectedOnly bool) *joinPlan {
	var best *joinPlan
	for left := (set - 1) & set; left != 0; left = (left - 1) & set {
		right := set &^ left
		if left < right {
			continue // its mirror image comes too
		}
		hash := connected(s.rels[left], s.rels[right], s.conds)
		if connectedOnly && !hash {
			continue
		}
		l, r := s.best[left], s.best[right]
		cost := s.cost(l, r, hash) + joinOutputCost*rows
		if best == nil || cost < best.cost {
			best = &joinPlan{set: set, rows: rows, cost: cost, left: l, right: r}
		}
	}
	return best
}

// cost weighs the join of two parts: by a hash table of the smaller, by looking one up for each row of the other, or, where
// no equality connects them, by all pairs.
func (s *joinSearch) cost(l, r *joinPlan, hash bool) float64 {
	both := l.cost + r.cost
	best := both + hashBuildCost*min(l.rows, r.rows) + hashProbeCost*max(l.rows, r.rows)
	if !hash {
		best = both + pairCost*l.rows*r.rows + 1e3*(l.rows+r.rows)
	}
	for _, p := range [2][2]*joinPlan{{l, r}, {r, l}} {
		outer, inner := p[0], p[1]
		if inner.left != nil {
			continue
		}
		f := s.items[bits.TrailingZeros(inner.set)]
		path := s.q.lookupPath(&fromItem{rels: s.rels[outer.set]}, f, s.conds)
		if path == nil {
			continue
		}
		point := path.unique && len(path.eq) == len(path.columns)
		best = min(best, outer.cost+outer.rows*lookupCost(path.rows, point, path.index, path.indexOnly))
	}
	return best
}

// build makes the plan's nodes. A condition is judged at the lowest join that has all its columns.
func (s *joinSearch) build(p *joinPlan) (*fromItem, error) {
	if p == nil {
		return nil, pgerr.Internal("planner: no order of joins")
	}
	if p.left == nil {
		return s.items[bits.TrailingZeros(p.set)], nil
	}
	left, err := s.build(p.left)
	if err != nil {
		return nil, err
	}
	right, err := s.build(p.right)
	if err != nil {
		return nil, err
	}
	var now []*conj
	both := left.rels.union(right.rels)
	for _, c := range s.conds {
		if c.rels.within(both) && !c.rels.within(left.rels) && !c.rels.within(right.rels) {
			now = append(now, c)
		}
	}
	return s.q.join(Inner, left, right, now)
}
