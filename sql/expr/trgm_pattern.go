package expr

import (
	"reflect"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"

	"github.com/pgmqdb/pgmqdb/sql/keyenc"
)

// What trigrams a text must have to match a pattern.

// likeTrigrams returns what follows from matching a LIKE pattern, in any case: the texts between wildcards.
func likeTrigrams(p string) *keyenc.GinQuery {
	var parts []*keyenc.GinQuery
	part := []byte(keyenc.TextEdge)
	for i := 0; i < len(p); i++ {
		switch c := p[i]; {
		case c == '%' || c == '_':
			parts = append(parts, keyenc.GinTrigramsOf(string(part)))
			part = part[:0]
		case c == '\\' && i+1 == len(p):
			return nil // an error, if there is a row to match
		case c == '\\':
			i++
			part = append(part, p[i])
		default:
			part = append(part, c)
		}
	}
	return keyenc.GinAll(append(parts, keyenc.GinTrigramsOf(string(part)+keyenc.TextEdge))...)
}

// regexpTrigrams returns what follows from having a match of a regular expression. It never compares with what RE2 cannot
// read: from those nothing follows.
func regexpTrigrams(pattern, flags string) (*keyenc.GinQuery, error) {
	re, err := compileRegexp(pattern, flags)
	if err != nil || re.bt != nil {
		return nil, err
	}
	tree, err := syntax.Parse(re.re.String(), syntax.Perl)
	if err != nil {
		return nil, nil
	}
	q := matchOf(tree.Simplify()).all()
	if q != nil && !q.Or {
		q.Parts = distinctQueries(q.Parts)
	}
	return keyenc.GinAll(q), nil
}

// distinctQueries drops what was said before.
func distinctQueries(list []*keyenc.GinQuery) []*keyenc.GinQuery {
	var out []*keyenc.GinQuery
	for _, q := range list {
		if !slices.ContainsFunc(out, func(o *keyenc.GinQuery) bool { return reflect.DeepEqual(o, q) }) {
			out = append(out, q)
		}
	}
	return out
}

// A regexpMatches says what the texts are that an expression matches: either all of them, or how they begin and end and
// what trigrams they have besides. Texts are in lower case; keyenc.TextEdge stands where the whole text begins or ends. The
// algorithm is that of Russ Cox, "Regular Expression Matching with a Trigram Index" (2012).
type regexpMatches struct {
	exact          []string // all of them; nil: they are not known
	prefix, suffix []string // where exact is nil: every one begins and ends with one of these
	empty          bool     // where exact is nil: the empty text may be among them
	query          *keyenc.GinQuery
}

const (
	maxExactTexts = 16 // more are cut to their ends
	maxEndTexts   = 32
	keptEnd       = 3  // characters of an end
	maxExactChars = 64 // a text that is longer is cut to its ends
	maxClass      = 8  // characters of a class that are told apart
)

// anything is what is known of an expression of which nothing is.
func anything(empty bool) regexpMatches {
	return regexpMatches{prefix: []string{""}, suffix: []string{""}, empty: empty}
}

func exactly(texts ...string) regexpMatches {
	slices.Sort(texts)
	return regexpMatches{exact: slices.Compact(texts)}
}

func matchOf(re *syntax.Regexp) regexpMatches {
	switch re.Op {
	case syntax.OpNoMatch:
		return anything(false)
	case syntax.OpEmptyMatch, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return exactly("")
	case syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText:
		return exactly(keyenc.TextEdge)
	case syntax.OpLiteral:
		m := exactly("")
		for _, r := range re.Rune {
			m = m.then(runeMatch(r, re.Flags&syntax.FoldCase != 0))
		}
		return m
	case syntax.OpCharClass:
		return classMatch(re.Rune)
	case syntax.OpCapture:
		return matchOf(re.Sub[0])
	case syntax.OpConcat:
		m := exactly("")
		for _, s := range re.Sub {
			m = m.then(matchOf(s))
		}
		return m
	case syntax.OpAlternate:
		m := matchOf(re.Sub[0])
		for _, s := range re.Sub[1:] {
			m = m.or(matchOf(s))
		}
		return m
	case syntax.OpQuest:
		return matchOf(re.Sub[0]).or(exactly(""))
	case syntax.OpPlus:
		m := matchOf(re.Sub[0])
		if m.exact != nil {
			m = regexpMatches{prefix: m.exact, suffix: m.exact, empty: slices.Contains(m.exact, ""), query: anyTrigrams(m.exact)}
		}
		return m.cut()
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return anything(false)
	}
	return anything(true)
}

// runeMatch is what a character matches; fold: in any case.
func runeMatch(r rune, fold bool) regexpMatches {
	texts := []string{string(unicode.ToLower(r))}
	for f := unicode.SimpleFold(r); fold && f != r; f = unicode.SimpleFold(f) {
		texts = append(texts, string(unicode.ToLower(f)))
	}
	return exactly(texts...)
}

func classMatch(ranges []rune) regexpMatches {
	var texts []string
	for i := 0; i < len(ranges); i += 2 {
		if ranges[i+1]-ranges[i] >= maxClass*2 {
			return anything(false)
		}
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			texts = append(texts, string(unicode.ToLower(r)))
		}
	}
	if m := exactly(texts...); len(m.exact) <= maxClass && len(m.exact) > 0 {
		return m
	}
	return anything(false)
}

// cross returns what begins with one of some texts and goes on with one of others.
func cross(a, b []string) []string {
	out := make([]string, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			out = append(out, x+y)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func either(a, b []string) []string {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}

// then is what matches m and then n.
func (m regexpMatches) then(n regexpMatches) regexpMatches {
	out := regexpMatches{query: keyenc.GinAll(m.query, n.query)}
	if m.exact != nil && n.exact != nil {
		out.exact = cross(m.exact, n.exact)
		return out.cut()
	}
	switch {
	case m.exact != nil:
		out.prefix = cross(m.exact, n.prefix)
	case m.empty:
		out.prefix = either(m.prefix, n.starts())
	default:
		out.prefix = m.prefix
	}
	switch {
	case n.exact != nil:
		out.suffix = cross(m.suffix, n.exact)
	case n.empty:
		out.suffix = either(n.suffix, m.ends())
	default:
		out.suffix = n.suffix
	}
	out.empty = m.mayBeEmpty() && n.mayBeEmpty()
	// What m ends with and n begins with stand side by side.
	if !m.mayBeEmpty() && !n.mayBeEmpty() && len(m.ends())*len(n.starts()) <= maxEndTexts {
		out.query = keyenc.GinAll(out.query, anyTrigrams(cross(m.ends(), n.starts())))
	}
	return out.cut()
}

func (m regexpMatches) mayBeEmpty() bool {
	return m.exact == nil && m.empty || slices.Contains(m.exact, "")
}

func (m regexpMatches) starts() []string {
	if m.exact != nil {
		return m.exact
	}
	return m.prefix
}

func (m regexpMatches) ends() []string {
	if m.exact != nil {
		return m.exact
	}
	return m.suffix
}

// or is what matches m or n.
func (m regexpMatches) or(n regexpMatches) regexpMatches {
	if m.exact != nil && n.exact != nil && m.query == nil && n.query == nil {
		return regexpMatches{exact: either(m.exact, n.exact)}.cut()
	}
	return regexpMatches{prefix: either(m.starts(), n.starts()), suffix: either(m.ends(), n.ends()),
		empty: m.mayBeEmpty() || n.mayBeEmpty(), query: keyenc.GinOneOf(m.all(), n.all())}.cut()
}

// all is everything that follows from a match.
func (m regexpMatches) all() *keyenc.GinQuery {
	if m.exact != nil {
		return keyenc.GinAll(m.query, anyTrigrams(m.exact))
	}
	return keyenc.GinAll(m.query, anyTrigrams(m.prefix), anyTrigrams(m.suffix))
}

// anyTrigrams is what follows from having one of some parts.
func anyTrigrams(parts []string) *keyenc.GinQuery {
	out := make([]*keyenc.GinQuery, len(parts))
	for i, p := range parts {
		if out[i] = keyenc.GinTrigramsOf(p); out[i] == nil {
			return nil
		}
	}
	return keyenc.GinOneOf(out...)
}

// cut keeps what is known small: of too many or too long texts the ends, and their trigrams.
func (m regexpMatches) cut() regexpMatches {
	long := func(s string) bool { return len(s) > maxExactChars }
	if len(m.exact) > maxExactTexts || slices.ContainsFunc(m.exact, long) {
		m = regexpMatches{prefix: m.exact, suffix: m.exact, empty: slices.Contains(m.exact, ""),
			query: keyenc.GinAll(m.query, anyTrigrams(m.exact))}
	}
	if m.exact != nil {
		return m
	}
	m.query = keyenc.GinAll(m.query, anyTrigrams(m.prefix), anyTrigrams(m.suffix))
	m.prefix, m.suffix = cutAll(m.prefix, firstRunes), cutAll(m.suffix, lastRunes)
	return m
}

func cutAll(texts []string, f func(string, int) string) []string {
	for n := keptEnd; n >= 0; n-- {
		out := make([]string, len(texts))
		for i, t := range texts {
			out[i] = f(t, n)
		}
		slices.Sort(out)
		if out = slices.Compact(out); len(out) <= maxEndTexts {
			return out
		}
	}
	return []string{""}
}

func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

func lastRunes(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return strings.TrimPrefix(s, string(r[:len(r)-n]))
}
