package tsearch

import (
	"math"
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// ternary is whether something matches: where positions are not known, a phrase may.
type ternary uint8

const (
	no ternary = iota
	yes
	maybe
)

// span is where a part of a phrase matches: ends of matches, ascending, or with negate all positions but these. A match
// takes width positions before its end.
type span struct {
	pos    []int
	negate bool
	width  int
}

// lookup tells whether an operand occurs; where s is not nil, also at what positions.
type lookup func(operand *types.TSNode, s *span) ternary

// Match reports whether a document matches a query. Nothing matches the empty query.
func Match(v types.TSVector, q *types.TSNode) bool {
	return q != nil && execute(q, func(o *types.TSNode, s *span) ternary { return find(v, o, s) }) != no
}

// execute evaluates a query.
func execute(q *types.TSNode, look lookup) ternary {
	switch q.Op {
	case types.TSOperand:
		return look(q, nil)
	case types.TSNot:
		switch execute(q.Right, look) {
		case no:
			return yes
		case yes:
			return no
		}
		return maybe
	case types.TSAnd:
		l := execute(q.Left, look)
		if l == no {
			return no
		}
		if r := execute(q.Right, look); r != yes {
			return r
		}
		return l
	case types.TSOr:
		l := execute(q.Left, look)
		if l == yes {
			return yes
		}
		if r := execute(q.Right, look); r != no {
			return r
		}
		return l
	}
	if phrase(q, look, &span{}) == yes { // without positions no phrase is sure, and that is not enough
		return yes
	}
	return no
}

// phrase evaluates a query within a phrase, where positions count. s is set only where the result is yes.
func phrase(q *types.TSNode, look lookup, s *span) ternary {
	switch q.Op {
	case types.TSOperand:
		return look(q, s)
	case types.TSNot:
		switch r := phrase(q.Right, look, s); {
		case r == maybe:
			return maybe
		case r == no:
			*s = span{negate: true, width: s.width}
		case len(s.pos) == 0: // everywhere: now nowhere
			s.negate = false
			return no
		default:
			s.negate = !s.negate
		}
		return yes
	}
	var l, r span
	lm := phrase(q.Left, look, &l)
	if q.Op != types.TSOr && lm == no {
		return no
	}
	rm := phrase(q.Right, look, &r)
	switch {
	case q.Op != types.TSOr && rm == no, lm == no && rm == no:
		return no
	case lm == maybe || rm == maybe:
		return maybe
	}
	if q.Op == types.TSOr {
		if lm == no {
			l.width = 0
		}
		if rm == no {
			r.width = 0
		}
		return union(&l, &r, s)
	}
	lShift, rShift, width := align(&l, &r)
	if q.Op == types.TSPhrase {
		lShift, rShift, width = q.Distance+r.width, 0, q.Distance+l.width+r.width
	}
	return intersect(&l, &r, lShift, rShift, width, s)
}

// align moves the narrower of two parts to the right end of the wider.
func align(l, r *span) (lShift, rShift, width int) {
	width = max(l.width, r.width)
	return width - l.width, width - r.width, width
}

func intersect(l, r *span, lShift, rShift, width int, s *span) ternary {
	s.width = width
	switch {
	case l.negate && r.negate:
		s.pos = merge(l, r, lShift, rShift, true, true, true)
		s.negate = true
		return yes
	case l.negate:
		s.pos = merge(l, r, lShift, rShift, false, true, false)
	case r.negate:
		s.pos = merge(l, r, lShift, rShift, true, false, false)
	default:
		s.pos = merge(l, r, lShift, rShift, false, false, true)
	}
	if len(s.pos) == 0 {
		return no
	}
	return yes
}

func union(l, r, s *span) ternary {
	lShift, rShift, width := align(l, r)
	s.width = width
	switch {
	case l.negate && r.negate:
		s.pos = merge(l, r, lShift, rShift, false, false, true)
	case l.negate:
		s.pos = merge(l, r, lShift, rShift, true, false, false)
	case r.negate:
		s.pos = merge(l, r, lShift, rShift, false, true, false)
	default:
		s.pos = merge(l, r, lShift, rShift, true, true, true)
		if len(s.pos) == 0 {
			return no
		}
		return yes
	}
	s.negate = true
	return yes
}

// merge returns the positions, shifted, that are in l alone, in r alone, in both.
func merge(l, r *span, lShift, rShift int, inL, inR, inBoth bool) (out []int) {
	for i, j := 0, 0; i < len(l.pos) || j < len(r.pos); {
		a, b := math.MaxInt, math.MaxInt
		if i < len(l.pos) {
			a = l.pos[i] + lShift
		}
		if j < len(r.pos) {
			b = r.pos[j] + rShift
		}
		wanted := inBoth
		switch {
		case a < b:
			wanted = inL
		case a > b:
			wanted = inR
		}
		if p := min(a, b); wanted && p > 0 {
			out = append(out, p)
		}
		if a <= b {
			i++
		}
		if b <= a {
			j++
		}
	}
	return out
}

// find looks an operand up in a document.
func find(v types.TSVector, o *types.TSNode, s *span) ternary {
	i, exact := v.Find(o.Word)
	result := no
	if exact {
		result = check(&v[i], o, s)
	}
	if !o.Prefix || result == yes && s == nil {
		return result
	}
	var all []int
	result = no
	for ; i < len(v) && strings.HasPrefix(v[i].Word, o.Word); i++ {
		var found *span
		if s != nil {
			found = &span{}
		}
		r := check(&v[i], o, found)
		switch {
		case r == no:
			continue
		case s == nil && r == yes:
			return yes
		case s == nil:
			result = r
			continue
		case r == maybe:
			*s = span{}
			return maybe
		}
		all = append(all, found.pos...)
		result = yes
	}
	if s != nil {
		slices.Sort(all)
		s.pos = slices.Compact(all)
	}
	return result
}

// check tells whether a lexeme has the weights of an operand, and at what positions. One without positions has them all.
func check(l *types.TSLexeme, o *types.TSNode, s *span) ternary {
	if len(l.Pos) == 0 {
		if s != nil {
			return maybe
		}
		return yes
	}
	result := no
	for _, p := range l.Pos {
		if o.Weight != 0 && o.Weight&(1<<p.Weight()) == 0 {
			continue
		}
		result = yes
		if s == nil {
			break
		}
		s.pos = append(s.pos, p.Pos())
	}
	return result
}
