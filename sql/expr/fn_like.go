package expr

import (
	"strings"
	"unicode/utf8"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// LIKE patterns are matched by hand.

// likePattern is a LIKE pattern taken apart: literal pieces with what stands before each.
type likePattern struct {
	kind  likeKind
	text  string // of the simple kinds
	full  string
	lower bool
}

type likeKind uint8

const (
	likeGeneric  likeKind = iota
	likeExact             // no wildcards
	likePrefix            // abc%
	likeSuffix            // %abc
	likeContains          // %abc%
)

func compileLike(p string, fold bool) likePattern {
	if fold {
		p = strings.ToLower(p)
	}
	lp := likePattern{full: p, lower: fold}
	body := p
	lead, trail := strings.HasPrefix(body, "%"), strings.HasSuffix(body, "%")
	if lead {
		body = body[1:]
	}
	if trail && len(body) > 0 {
		body = body[:len(body)-1]
	}
	if strings.ContainsAny(body, `%_\`) {
		return lp
	}
	lp.text = body
	switch {
	case lead && trail:
		lp.kind = likeContains
	case lead:
		lp.kind = likeSuffix
	case trail:
		lp.kind = likePrefix
	default:
		lp.kind = likeExact
	}
	return lp
}

var errLikeEscape = pgerr.New(pgerr.InvalidEscapeSequence, "LIKE pattern must not end with escape character")

func (p *likePattern) match(s string) (bool, error) {
	if p.lower {
		s = strings.ToLower(s)
	}
	switch p.kind {
	case likeExact:
		return s == p.text, nil
	case likePrefix:
		return strings.HasPrefix(s, p.text), nil
	case likeSuffix:
		return strings.HasSuffix(s, p.text), nil
	case likeContains:
		return strings.Contains(s, p.text), nil
	}
	return likeMatch(s, p.full)
}

// likeMatch matches with one step back: to the last % seen, which may take one character more.
func likeMatch(s, p string) (bool, error) {
	si, pi := 0, 0
	starP, starS := -1, 0
	for {
		if pi < len(p) {
			switch c := p[pi]; {
			case c == '%':
				starP, starS = pi+1, si
				pi++
				continue
			case c == '_' && si < len(s):
				_, w := utf8.DecodeRuneInString(s[si:])
				si += w
				pi++
				continue
			case c == '\\':
				if si < len(s) && pi+1 >= len(p) {
					return false, errLikeEscape
				}
				if si < len(s) && s[si] == p[pi+1] {
					si++
					pi += 2
					continue
				}
			case c != '_' && si < len(s) && s[si] == c:
				si++
				pi++
				continue
			}
		} else if si == len(s) {
			return true, nil
		}
		if starP < 0 || starS >= len(s) {
			return false, nil
		}
		_, w := utf8.DecodeRuneInString(s[starS:])
		starS += w
		si, pi = starS, starP
	}
}

// like is [NOT] [I]LIKE.
func like(fold, not bool) impl {
	return impl{
		f2: func(_ *Call, a, b types.Datum) (types.Datum, error) {
			p := compileLike(b.Str(), fold)
			ok, err := p.match(a.Str())
			return types.NewBool(ok != not), err
		},
		prepare: func(r types.Datum) func(*Call, types.Datum) (types.Datum, error) {
			p := compileLike(r.Str(), fold)
			return func(_ *Call, a types.Datum) (types.Datum, error) {
				ok, err := p.match(a.Str())
				return types.NewBool(ok != not), err
			}
		},
	}
}

var errEscapeString = pgerr.New(pgerr.InvalidEscapeSequence, "invalid escape string").WithHint("Escape string must be empty or one character.")

// likeEscape rewrites a pattern with another escape character to one with a backslash.
func likeEscape(p, esc string) (string, error) {
	if runeLen(esc) > 1 {
		return "", errEscapeString
	}
	if esc == `\` {
		return p, nil
	}
	var b strings.Builder
	for i := 0; i < len(p); {
		switch {
		case esc != "" && strings.HasPrefix(p[i:], esc):
			i += len(esc)
			if i >= len(p) { // LIKE finds fault with it
				b.WriteByte('\\')
				break
			}
			_, w := utf8.DecodeRuneInString(p[i:])
			b.WriteByte('\\')
			b.WriteString(p[i : i+w])
			i += w
		case p[i] == '\\':
			b.WriteString(`\\`)
			i++
		default:
			b.WriteByte(p[i])
			i++
		}
	}
	return b.String(), nil
}
