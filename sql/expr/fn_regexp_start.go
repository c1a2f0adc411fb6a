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
	var out [][]int
	if r.behind == nil {
		out = r.re.FindAllStringSubmatchIndex(s[from:], n)
	} else {
		out = findBehind(r.behind, s, from, n)
		from = 0
	}
	for _, m := range out {
		for i := range m {
			if m[i] >= 0 {
				m[i] += from
			}
		}
	}
	return out, nil
}

// findBehind finds the matches from a position on, which is not the first, by an expression that takes one character more
// in front: it is tried at one position after another, so that it sees what stands before each.
func findBehind(behind *regexp.Regexp, s string, from, n int) (out [][]int) {
	prevEnd := -1
	for at := from; at <= len(s) && (n < 0 || len(out) < n); {
		_, before := utf8.DecodeLastRuneInString(s[:at])
		_, next := utf8.DecodeRuneInString(s[at:])
		m := behind.FindStringSubmatchIndex(s[at-before:])
		if m == nil {
			at += max(next, 1)
			continue
		}
		for i := range m {
			if m[i] >= 0 {
				m[i] += at - before
			}
		}
		m[0] = at
		empty := m[0] == m[1]
		if !empty || m[0] != prevEnd {
			out = append(out, m)
		}
		if prevEnd, at = m[1], m[1]; empty {
			at += max(next, 1)
		}
	}
	return out
}
