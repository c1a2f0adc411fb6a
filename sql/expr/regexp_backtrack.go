package expr

import (
	"context"
	"math"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// A matcher for the regular expressions that no automaton matches: those with back references or look-around. It tries one
// way after another, as Perl does, so that it may take exponential time; it looks for a cancelled statement as it goes.
// Of several matches at the leftmost position it takes the first that it finds, where PostgreSQL takes the longest (or, of an
// expression that begins with a non-greedy quantifier, the shortest). All other expressions are matched by package regexp.
//
// An expression becomes a tree of functions. Each matches at a position and calls what follows with the position behind it;
// false means that no way on from there leads to a match.

type btNode func(m *btMatch, at int, next func(at int) bool) bool

// backtracker is a compiled expression; it is immutable.
type backtracker struct {
	root   btNode
	groups int
}

// btMatch is the state of one search.
type btMatch struct {
	s     string
	caps  []int // start and end of each group, -1 for none
	ctx   context.Context
	steps int
	depth int
	err   error // ends the search
}

const maxBacktrackDepth = 200_000

// enter counts a step; true ends the search, with an error.
func (m *btMatch) enter() bool {
	if m.steps++; m.steps&0x3ff == 0 && m.ctx != nil && m.ctx.Err() != nil {
		m.err = context.Cause(m.ctx)
	}
	if m.depth++; m.depth > maxBacktrackDepth {
		m.err = pgerr.New(pgerr.StatementTooComplex, "regular expression failed: regular expression is too complex")
	}
	return m.err != nil
}

// find returns the leftmost match from a position on, nil for none.
func (b *backtracker) find(ctx context.Context, s string, from int) ([]int, error) {
	m := &btMatch{s: s, ctx: ctx, caps: make([]int, 2*b.groups+2)}
	for at := from; at <= len(s); {
		for i := range m.caps {
			m.caps[i] = -1
		}
		m.depth = 0
		found := b.root(m, at, func(end int) bool {
			m.caps[0], m.caps[1] = at, end
			return true
		})
		switch {
		case m.err != nil:
			return nil, m.err
		case found:
			return m.caps, nil
		case at == len(s):
			return nil, nil
		}
		_, w := utf8.DecodeRuneInString(s[at:])
		at += w
	}
	return nil, nil
}

// findAll returns the first n matches from a position on, all if n is negative. Right behind a match there may be an empty
// one.
func (b *backtracker) findAll(ctx context.Context, s string, from, n int) (out [][]int, err error) {
	for at := from; at <= len(s) && (n < 0 || len(out) < n); {
		m, err := b.find(ctx, s, at)
		if err != nil || m == nil {
			return out, err
		}
		out = append(out, m)
		at = m[1]
		if m[0] == m[1] {
			_, w := utf8.DecodeRuneInString(s[at:])
			at += max(w, 1)
		}
	}
	return out, nil
}

// btParser reads an ARE whose options are known.
type btParser struct {
	p      string
	at     int
	fold   bool
	dotNL  bool // . and [^…] match a newline
	lines  bool // ^ and $ match at newlines
	groups int
	// constraint says that the last atom was one that matches no text, and so has no quantifier.
	constraint bool
	look       int // depth of look-around, where parentheses do not capture
	closed     map[int]bool
}

func errARE(what string) error {
	return pgerr.New(pgerr.InvalidRegularExpression, "invalid regular expression: %s", what)
}

// compileBacktracker compiles an expression; mods are the flags of package regexp that areOptions makes of the options.
func compileBacktracker(p, mods string) (*backtracker, error) {
	q := &btParser{p: p, fold: strings.Contains(mods, "i"), dotNL: strings.Contains(mods, "s"), lines: strings.Contains(mods, "m"),
		closed: map[int]bool{}}
	root, err := q.alternatives()
	if err == nil && q.at < len(p) {
		err = errARE("parentheses () not balanced")
	}
	if err != nil {
		return nil, err
	}
	return &backtracker{root: root, groups: q.groups}, nil
}

func (q *btParser) peek(prefix string) bool { return strings.HasPrefix(q.p[q.at:], prefix) }

func (q *btParser) take(prefix string) bool {
	if q.peek(prefix) {
		q.at += len(prefix)
		return true
	}
	return false
}

func (q *btParser) alternatives() (btNode, error) {
	var branches []btNode
	for {
		b, err := q.branch()
		if err != nil {
			return nil, err
		}
		if branches = append(branches, b); !q.take("|") {
			break
		}
	}
	if len(branches) == 1 {
		return branches[0], nil
	}
	return func(m *btMatch, at int, next func(int) bool) bool {
		for _, b := range branches {
			if b(m, at, next) || m.err != nil {
				return true
			}
		}
		return false
	}, nil
}

func (q *btParser) branch() (btNode, error) {
	var nodes []btNode
	for q.at < len(q.p) && !q.peek("|") && !q.peek(")") {
		n, single, err := q.atom()
		if err != nil {
			return nil, err
		}
		if n, err = q.quantified(n, single); err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	out := func(_ *btMatch, at int, next func(int) bool) bool { return next(at) }
	for i := len(nodes) - 1; i >= 0; i-- {
		first, rest := nodes[i], btNode(out)
		if i == len(nodes)-1 {
			out = first
			continue
		}
		out = func(m *btMatch, at int, next func(int) bool) bool {
			return first(m, at, func(mid int) bool { return rest(m, mid, next) })
		}
	}
	return out, nil
}

// atom reads one atom; single is set for one that matches one character.
func (q *btParser) atom() (n btNode, single func(rune) bool, err error) {
	start := q.at
	q.constraint = false
	c := q.p[q.at]
	switch {
	case c == '(':
		n, err = q.group()
		return n, nil, err
	case c == '^' || c == '$':
		q.at++
		q.constraint = true
		return q.edge(c == '^'), nil, nil
	case c == '*' || c == '+' || c == '?':
		return nil, nil, errARE("quantifier operand invalid")
	case c == '[':
		if n := q.wordEdge(); n != nil {
			q.constraint = true
			return n, nil, nil
		}
		if err := q.skipBracket(); err != nil {
			return nil, nil, err
		}
	case c == '\\':
		if q.at+1 == len(q.p) {
			return nil, nil, errARE("invalid escape \\ sequence")
		}
		if n, err := q.escape(); n != nil || err != nil {
			return n, nil, err
		}
	default:
		_, w := utf8.DecodeRuneInString(q.p[q.at:])
		q.at += w
	}
	if single, err = q.class(q.p[start:q.at]); err != nil {
		return nil, nil, err
	}
	return func(m *btMatch, at int, next func(int) bool) bool {
		r, w := utf8.DecodeRuneInString(m.s[at:])
		return w > 0 && single(r) && next(at+w)
	}, single, nil
}

func (q *btParser) group() (btNode, error) {
	q.at++
	index, look, behind, negative := 0, false, false, false
	switch {
	case q.take("?:"):
	case q.take("?<="):
		look, behind = true, true
	case q.take("?<!"):
		look, behind, negative = true, true, true
	case q.take("?="):
		look = true
	case q.take("?!"):
		look, negative = true, true
	case q.peek("?"):
		return nil, errARE("quantifier operand invalid")
	case q.look == 0:
		q.groups++
		index = q.groups
	}
	if look {
		q.look++
	}
	n, err := q.alternatives()
	if err != nil {
		return nil, err
	}
	if !q.take(")") {
		return nil, errARE("parentheses () not balanced")
	}
	if look {
		q.look--
		q.constraint = true
		return lookAround(n, behind, negative), nil
	}
	q.constraint = false
	if index == 0 {
		return n, nil
	}
	q.closed[index] = true
	return func(m *btMatch, at int, next func(int) bool) bool {
		from, to := m.caps[2*index], m.caps[2*index+1]
		if n(m, at, func(end int) bool {
			was, wasEnd := m.caps[2*index], m.caps[2*index+1]
			m.caps[2*index], m.caps[2*index+1] = at, end
			if next(end) {
				return true
			}
			m.caps[2*index], m.caps[2*index+1] = was, wasEnd
			return false
		}) {
			return true
		}
		m.caps[2*index], m.caps[2*index+1] = from, to
		return false
	}, nil
}

// lookAround makes a constraint: ahead, n matches at the position; behind, it matches something that ends there.
func lookAround(n btNode, behind, negative bool) btNode {
	return func(m *btMatch, at int, next func(int) bool) bool {
		found := false
		if !behind {
			found = n(m, at, func(int) bool { return true })
		}
		for from := at; behind && !found && from >= 0 && m.err == nil; from-- {
			if from == len(m.s) || utf8.RuneStart(m.s[from]) {
				found = n(m, from, func(end int) bool { return end == at })
			}
		}
		if m.err != nil {
			return true
		}
		return found != negative && next(at)
	}
}

func assertAt(ok func(s string, at int) bool) btNode {
	return func(m *btMatch, at int, next func(int) bool) bool { return ok(m.s, at) && next(at) }
}

// edge is ^ or $.
func (q *btParser) edge(begin bool) btNode {
	lines := q.lines
	if begin {
		return assertAt(func(s string, at int) bool { return at == 0 || lines && s[at-1] == '\n' })
	}
	return assertAt(func(s string, at int) bool { return at == len(s) || lines && s[at] == '\n' })
}

func isWordRune(r rune) bool { return r == '_' || unicode.In(r, unicode.L, unicode.M, unicode.N) }

func wordBefore(s string, at int) bool {
	r, w := utf8.DecodeLastRuneInString(s[:at])
	return w > 0 && isWordRune(r)
}

func wordAfter(s string, at int) bool {
	r, w := utf8.DecodeRuneInString(s[at:])
	return w > 0 && isWordRune(r)
}

func wordBegins(s string, at int) bool { return !wordBefore(s, at) && wordAfter(s, at) }
func wordEnds(s string, at int) bool   { return wordBefore(s, at) && !wordAfter(s, at) }

// wordEdge reads [[:<:]] or [[:>:]].
func (q *btParser) wordEdge() btNode {
	switch {
	case q.take("[[:<:]]"):
		return assertAt(wordBegins)
	case q.take("[[:>:]]"):
		return assertAt(wordEnds)
	}
	return nil
}

// escape reads an escape that is no character or class; nil for one that is, with the parser behind it.
func (q *btParser) escape() (btNode, error) {
	c := q.p[q.at+1]
	q.at += 2
	q.constraint = strings.IndexByte("AZmMyY", c) >= 0
	switch c {
	case 'A':
		return assertAt(func(_ string, at int) bool { return at == 0 }), nil
	case 'Z':
		return assertAt(func(s string, at int) bool { return at == len(s) }), nil
	case 'm':
		return assertAt(wordBegins), nil
	case 'M':
		return assertAt(wordEnds), nil
	case 'y':
		return assertAt(func(s string, at int) bool { return wordBefore(s, at) != wordAfter(s, at) }), nil
	case 'Y':
		return assertAt(func(s string, at int) bool { return wordBefore(s, at) == wordAfter(s, at) }), nil
	case 'u':
		q.at = min(q.at+4, len(q.p))
	}
	if c < '1' || c > '9' {
		return nil, nil
	}
	if q.look > 0 || !q.closed[int(c-'0')] {
		return nil, errARE("invalid backreference number")
	}
	return backReference(int(c-'0'), q.fold), nil
}

func backReference(group int, fold bool) btNode {
	return func(m *btMatch, at int, next func(int) bool) bool {
		if m.enter() {
			return true
		}
		defer func() { m.depth-- }()
		from, to := m.caps[2*group], m.caps[2*group+1]
		if from < 0 || at+to-from > len(m.s) {
			return false
		}
		was, is := m.s[from:to], m.s[at:at+to-from]
		return (was == is || fold && strings.EqualFold(was, is)) && next(at+to-from)
	}
}

// skipBracket moves behind a bracket expression.
func (q *btParser) skipBracket() error {
	q.at++
	q.take("^")
	q.take("]")
	for q.at < len(q.p) {
		switch c := q.p[q.at]; {
		case c == ']':
			q.at++
			return nil
		case c == '\\':
			q.at += 2
		case c == '[' && q.at+1 < len(q.p) && strings.IndexByte(":.=", q.p[q.at+1]) >= 0:
			end := strings.Index(q.p[q.at+2:], q.p[q.at+1:q.at+2]+"]")
			if end < 0 {
				return errARE("brackets [] not balanced")
			}
			q.at += end + 4
		default:
			q.at++
		}
	}
	return errARE("brackets [] not balanced")
}

// class makes the test of a character out of an atom that matches one.
func (q *btParser) class(atom string) (func(rune) bool, error) {
	text, err := translateEscapes(atom)
	if err != nil {
		return nil, err
	}
	flags := syntax.Perl
	if q.fold {
		flags |= syntax.FoldCase
	}
	if q.dotNL {
		flags |= syntax.DotNL
	}
	re, err := syntax.Parse(text, flags)
	if err != nil {
		return nil, errARE(areError(err))
	}
	switch re.Op {
	case syntax.OpAnyChar:
		return func(rune) bool { return true }, nil
	case syntax.OpAnyCharNotNL:
		return func(r rune) bool { return r != '\n' }, nil
	case syntax.OpLiteral:
		want, fold := re.Rune[0], re.Flags&syntax.FoldCase != 0
		return func(r rune) bool {
			for f := r; ; {
				if f == want {
					return true
				}
				if f = unicode.SimpleFold(f); !fold || f == r {
					return false
				}
			}
		}, nil
	case syntax.OpCharClass:
		set := re.Rune
		return func(r rune) bool {
			for i := 0; i < len(set); i += 2 {
				if r >= set[i] && r <= set[i+1] {
					return true
				}
			}
			return false
		}, nil
	case syntax.OpNoMatch:
		return func(rune) bool { return false }, nil
	}
	return nil, pgerr.NotSupported("this atom beside back references or look-around in a regular expression")
}

// quantified reads the quantifier behind an atom, if there is one.
func (q *btParser) quantified(n btNode, single func(rune) bool) (btNode, error) {
	lo, hi := 1, 1
	switch {
	case q.take("*"):
		lo, hi = 0, math.MaxInt
	case q.take("+"):
		hi = math.MaxInt
	case q.take("?"):
		lo = 0
	case q.peek("{") && q.at+1 < len(q.p) && q.p[q.at+1] >= '0' && q.p[q.at+1] <= '9':
		end := strings.IndexByte(q.p[q.at:], '}')
		if end < 0 {
			return nil, errARE("braces {} not balanced")
		}
		first, second, ranged := strings.Cut(q.p[q.at+1:q.at+end], ",")
		q.at += end + 1
		var err error
		if lo, err = strconv.Atoi(first); err == nil {
			switch {
			case !ranged:
				hi = lo
			case second == "":
				hi = math.MaxInt
			default:
				hi, err = strconv.Atoi(second)
			}
		}
		if err != nil || lo > 255 || hi > 255 && hi != math.MaxInt || lo > hi {
			return nil, errARE("invalid repetition count(s)")
		}
	default:
		return n, nil
	}
	lazy := q.take("?")
	switch {
	case q.constraint:
		return nil, errARE("quantifier operand invalid")
	case q.at < len(q.p) && strings.IndexByte("*+?", q.p[q.at]) >= 0:
		return nil, errARE("quantifier operand invalid")
	case single != nil && !lazy:
		return repeatSingle(single, lo, hi), nil
	}
	return repeat(n, lo, hi, lazy), nil
}

// repeatSingle takes as many characters as it can and gives them back one by one.
func repeatSingle(single func(rune) bool, lo, hi int) btNode {
	return func(m *btMatch, at int, next func(int) bool) bool {
		if m.enter() {
			return true
		}
		defer func() { m.depth-- }()
		n, end := 0, at
		for n < hi {
			r, w := utf8.DecodeRuneInString(m.s[end:])
			if w == 0 || !single(r) {
				break
			}
			n, end = n+1, end+w
		}
		for ; n >= lo; n-- {
			if next(end) || m.err != nil {
				return true
			}
			_, w := utf8.DecodeLastRuneInString(m.s[at:end])
			end -= w
			if m.steps++; m.steps&0x3ff == 0 && m.ctx != nil && m.ctx.Err() != nil {
				m.err = context.Cause(m.ctx)
				return true
			}
		}
		return false
	}
}

func repeat(n btNode, lo, hi int, lazy bool) btNode {
	var try func(m *btMatch, at, count int, next func(int) bool) bool
	try = func(m *btMatch, at, count int, next func(int) bool) bool {
		if m.enter() {
			return true
		}
		defer func() { m.depth-- }()
		more := func() bool {
			return count < hi && n(m, at, func(end int) bool {
				if end == at && count >= lo { // an empty turn is the last
					return next(end)
				}
				return try(m, end, count+1, next)
			})
		}
		switch {
		case count < lo:
			return more()
		case lazy:
			return next(at) || m.err != nil || more()
		}
		return more() || m.err != nil || next(at)
	}
	return func(m *btMatch, at int, next func(int) bool) bool { return try(m, at, 0, next) }
}
