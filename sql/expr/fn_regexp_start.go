package expr

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"unicode/utf8"
)

// looksBack reports whether what an expression matches depends on the character in front of it.
func looksBack(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpBeginLine, syntax.OpBeginText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return true
	}
	return slices.ContainsFunc(re.Sub, looksBack)
}

// matchesEmpty reports whether an expression may match nothing, at some place.
func matchesEmpty(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText, syntax.OpWordBoundary,
		syntax.OpNoWordBoundary, syntax.OpStar, syntax.OpQuest:
		return true
	case syntax.OpRepeat:
		return re.Min == 0 || matchesEmpty(re.Sub[0])
	case syntax.OpConcat:
		return !slices.ContainsFunc(re.Sub, func(s *syntax.Regexp) bool { return !matchesEmpty(s) })
	case syntax.OpCapture, syntax.OpPlus, syntax.OpAlternate:
		return slices.ContainsFunc(re.Sub, matchesEmpty)
	}
	return false
}

// all returns the first n matches, all if n is negative.
func (r *areRegexp) all(c *Call, s string, n int) ([][]int, error) {
	if r.bt != nil {
		return r.bt.findAll(contextOf(c), s, 0, n)
	}
	if len(s) >= longText && contextOf(c) != nil && !r.looksBack && !r.empty {
		return r.allInPieces(c, s, n)
	}
	return interruptible(c, len(s), func() [][]int { return r.withEmpty(s, r.re.FindAllStringSubmatchIndex(s, n), n) })
}

// pieceMatches is how many matches are searched for at a time.
const pieceMatches = 1024

// allInPieces is all for an expression whose matches are never empty and do not depend on what stands before them: behind a
// match it can be searched for as if the text began there. A statement that ends leaves a piece to run to its end, not the
// whole search.
func (r *areRegexp) allInPieces(c *Call, s string, n int) ([][]int, error) {
	var out [][]int
	for at := 0; n < 0 || len(out) < n; {
		if err := c.cancelled(); err != nil {
			return nil, err
		}
		want := pieceMatches
		if n >= 0 {
			want = min(want, n-len(out))
		}
		piece, err := interruptible(c, len(s)-at, func() [][]int { return r.re.FindAllStringSubmatchIndex(s[at:], want) })
		if err != nil {
			return nil, err
		}
		for _, m := range piece {
			shift(m, at)
		}
		if out = append(out, piece...); len(piece) < want {
			break
		}
		at = out[len(out)-1][1]
	}
	return out, nil
}

// shift moves the places of a match by n.
func shift(m []int, n int) {
	for i := range m {
		if m[i] >= 0 {
			m[i] += n
		}
	}
}

// withEmpty adds the empty matches right behind other matches, which package regexp leaves out.
func (r *areRegexp) withEmpty(s string, matches [][]int, n int) [][]int {
	if !r.empty {
		return matches
	}
	var out [][]int
	for i, m := range matches {
		out = append(out, m)
		if m[0] == m[1] || i+1 < len(matches) && matches[i+1][0] == m[1] {
			continue
		}
		if e := matchBehind(r.behind, s, m[1]); e != nil {
			out = append(out, e)
		}
	}
	if n >= 0 && len(out) > n {
		out = out[:n]
	}
	return out
}

// allFrom returns the first n matches, all if n is negative, that begin at the start-th character (from 1) or behind it.
// What stands before it is still there for ^ and the like to see, and a start behind the end finds nothing, not even an
// empty match.
func (r *areRegexp) allFrom(c *Call, s string, start int64, n int) ([][]int, error) {
	from := byteAt(s, start-1)
	switch {
	case start > int64(utf8.RuneCountInString(s))+1:
		return nil, nil
	case from == 0:
		return r.all(c, s, n)
	case r.bt != nil:
		return r.bt.findAll(contextOf(c), s, from, n)
	}
	if r.looksBack {
		return interruptible(c, len(s), func() [][]int { return findBehind(r.behind, s, from, n) })
	}
	out, err := r.all(c, s[from:], n)
	for _, m := range out {
		shift(m, from)
	}
	return out, err
}

// findBehind finds the matches from a position on, which is not the first: at one position after another, so that each sees
// what stands before it.
func findBehind(behind *regexp.Regexp, s string, from, n int) (out [][]int) {
	for at := from; at <= len(s) && (n < 0 || len(out) < n); {
		_, next := utf8.DecodeRuneInString(s[at:])
		m := matchBehind(behind, s, at)
		if m == nil {
			at += max(next, 1)
			continue
		}
		out = append(out, m)
		if at = m[1]; m[0] == m[1] {
			at += max(next, 1)
		}
	}
	return out
}

// matchBehind matches at a position, which is not the first, by an expression that takes one character more in front.
func matchBehind(behind *regexp.Regexp, s string, at int) []int {
	_, before := utf8.DecodeLastRuneInString(s[:at])
	m := behind.FindStringSubmatchIndex(s[at-before:])
	if m == nil {
		return nil
	}
	shift(m, at-before)
	m[0] = at
	return m
}
