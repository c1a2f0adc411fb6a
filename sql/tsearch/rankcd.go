package tsearch

import (
	"cmp"
	"math"
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Cover density ranking. The document is seen as the places of the query's operands. A cover is a shortest stretch of them
// that satisfies the query; the closer its ends are, the more it counts.

// place is a position at which a lexeme occurs, with the operands that stand for it.
type place struct {
	pos      types.TSPos
	entry    int // of the lexeme in the document
	operands []*types.TSNode
}

// places returns where the operands of a query occur. Lexemes without positions do not count.
func places(v types.TSVector, q *types.TSNode) (out []place) {
	q.Operands(func(o *types.TSNode) {
		first, _ := v.Find(o.Word)
		for i, e := range entries(v, o) {
			for _, p := range e.Pos {
				if o.Weight == 0 || o.Weight&(1<<p.Weight()) != 0 {
					out = append(out, place{pos: p, entry: first + i, operands: []*types.TSNode{o}})
				}
			}
		}
	})
	slices.SortStableFunc(out, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.pos.Pos(), b.pos.Pos()), cmp.Compare(a.pos.Weight(), b.pos.Weight()), cmp.Compare(a.entry, b.entry))
	})
	merged := out[:0]
	for _, p := range out {
		if n := len(merged); n > 0 && merged[n-1].pos == p.pos && merged[n-1].entry == p.entry {
			merged[n-1].operands = append(merged[n-1].operands, p.operands...)
			continue
		}
		merged = append(merged, p)
	}
	return merged
}

// window holds the positions of the operands within a stretch of places.
type window map[*types.TSNode][]int

func (w window) add(p place) {
	for _, o := range p.operands {
		pos := p.pos.Pos()
		if at := w[o]; len(at) == 0 || at[len(at)-1] != pos {
			w[o] = append(at, pos)
		}
	}
}

// holds reports whether what is in the window satisfies the query.
func (w window) holds(q *types.TSNode, descending bool) bool {
	return execute(q, func(o *types.TSNode, s *span) ternary {
		at := w[o]
		if len(at) == 0 {
			return no
		}
		if s != nil {
			if s.pos = at; descending {
				s.pos = slices.Clone(at)
				slices.Reverse(s.pos)
			}
		}
		return yes
	}) != no
}

// nextCover finds the next cover at or behind a place; behind is where to look for the one after it.
func nextCover(q *types.TSNode, doc []place, from int) (begin, end, behind int, ok bool) {
	for ; ; from++ {
		w := window{}
		found := false
		for end = from; end < len(doc) && !found; end++ {
			w.add(doc[end])
			found = w.holds(q, false)
		}
		if !found || doc[end-1].pos.Pos() == 0 {
			return 0, 0, 0, false
		}
		end--
		w = window{}
		for begin = end; begin >= from; begin-- {
			w.add(doc[begin])
			if w.holds(q, true) {
				return begin, end, begin + 1, true
			}
		}
	}
}

// RankCD is ts_rank_cd.
func RankCD(weights [4]float32, v types.TSVector, q *types.TSNode, norm int) float32 {
	doc := places(v, q)
	if len(doc) == 0 {
		return 0
	}
	var rank, sumDistance, last float64
	extents := 0
	for from := 0; ; extents++ {
		begin, end, behind, ok := nextCover(q, doc, from)
		if !ok {
			break
		}
		from = behind
		var inverse float64
		for _, p := range doc[begin : end+1] {
			inverse += 1 / float64(weights[p.pos.Weight()])
		}
		p, q := doc[begin].pos.Pos(), doc[end].pos.Pos()
		noise := q - p - (end - begin)
		if noise < 0 { // positions beyond the highest are the highest
			noise = (end - begin) / 2
		}
		rank += float64(end-begin+1) / inverse / float64(1+noise)
		middle := float64(q+p) / 2
		if extents > 0 && middle > last {
			sumDistance += 1 / (middle - last)
		}
		last = middle
	}
	if norm&normLogLength != 0 && len(v) > 0 {
		rank /= math.Log(float64(documentLength(v) + 1))
	}
	if n := documentLength(v); norm&normLength != 0 && n > 0 {
		rank /= float64(n)
	}
	if norm&normExtentDistance != 0 && extents > 0 && sumDistance > 0 {
		rank /= float64(extents) / sumDistance
	}
	if norm&normUnique != 0 && len(v) > 0 {
		rank /= float64(len(v))
	}
	if norm&normLogUnique != 0 && len(v) > 0 {
		rank /= math.Log(float64(len(v)+1)) / math.Log(2)
	}
	if norm&normSelf != 0 {
		rank /= rank + 1
	}
	return float32(rank)
}
