package expr

import (
	"strings"
	"unicode/utf8"
)

// checkQuantifiers refuses what PostgreSQL refuses of quantifiers and RE2 does not: one behind a constraint (^, $, \y,
// look-around), and bounds that are none. A brace before which, or behind which, no digit stands is a character.
func checkQuantifiers(p string) error {
	var constraints []bool // of each open group: it is look-around
	atom := false          // a quantifier may follow
	for i := 0; i < len(p); {
		switch c := p[i]; {
		case c == '\\' && i+1 < len(p):
			atom = !strings.Contains("AmMyYZ", p[i+1:i+2])
			i += 2
		case c == '[':
			n := bracketLen(p[i:])
			if n < 0 {
				return nil // not balanced: RE2 says so
			}
			atom = p[i:i+n] != "[[:<:]]" && p[i:i+n] != "[[:>:]]"
			i += n
		case c == '(':
			look := groupPrefix(p[i:])
			constraints, atom = append(constraints, look != "(" && look != "(?:"), false
			i += len(look)
		case c == ')' && len(constraints) > 0:
			atom = !constraints[len(constraints)-1]
			constraints = constraints[:len(constraints)-1]
			i++
		case c == '|', c == '^', c == '$':
			atom = false
			i++
		case c == '*', c == '+', c == '?', c == '{' && i+1 < len(p) && p[i+1] >= '0' && p[i+1] <= '9':
			if !atom {
				return errARE("quantifier operand invalid")
			}
			n := 1
			if c == '{' {
				var complaint string
				if n, complaint = boundLen(p[i:]); complaint != "" {
					return errARE(complaint)
				}
			}
			if i += n; i < len(p) && p[i] == '?' {
				i++
			}
			atom = false
		default:
			_, w := utf8.DecodeRuneInString(p[i:])
			atom = true
			i += w
		}
	}
	return nil
}

// groupPrefix is how the group at the beginning of p opens.
func groupPrefix(p string) string {
	for _, prefix := range [...]string{"(?:", "(?=", "(?!", "(?<=", "(?<!"} {
		if strings.HasPrefix(p, prefix) {
			return prefix
		}
	}
	return "("
}

// bracketLen is the length of the bracket expression at the beginning of p, -1 if it does not end.
func bracketLen(p string) int {
	i := 1
	if strings.HasPrefix(p[i:], "^") {
		i++
	}
	if strings.HasPrefix(p[i:], "]") {
		i++
	}
	for i < len(p) {
		switch {
		case p[i] == ']':
			return i + 1
		case p[i] == '\\':
			i += 2
		case p[i] == '[' && i+1 < len(p) && strings.Contains(":.=", p[i+1:i+2]):
			end := strings.Index(p[i+2:], p[i+1:i+2]+"]")
			if end < 0 {
				return -1
			}
			i += end + 4
		default:
			i++
		}
	}
	return -1
}

// boundLen is the length of the bound {m}, {m,} or {m,n} at the beginning of p, with what is wrong with it.
func boundLen(p string) (n int, complaint string) {
	const most = 255
	i := 1
	number := func() int {
		v := 0
		for ; i < len(p) && p[i] >= '0' && p[i] <= '9'; i++ {
			v = min(v*10+int(p[i]-'0'), most+1)
		}
		return v
	}
	m := number()
	high := m
	if i < len(p) && p[i] == ',' {
		if i++; i < len(p) && p[i] >= '0' && p[i] <= '9' {
			high = number()
		}
	}
	switch {
	case m > most || high > most:
		return 0, "invalid repetition count(s)"
	case i == len(p):
		return 0, "braces {} not balanced"
	case p[i] != '}' || high < m:
		return 0, "invalid repetition count(s)"
	}
	return i + 1, ""
}
