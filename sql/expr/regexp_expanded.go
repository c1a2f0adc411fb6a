package expr

import "strings"

// tightARE takes out of an expression what means nothing: comments, (?#…), and in expanded syntax white space and # up to
// the end of the line, where they stand neither in brackets nor behind a backslash.
func tightARE(p string, expanded bool) (string, error) {
	var b strings.Builder
	escape, quantifier := false, false // what the token before is
	gap := func() {                    // nothing may join what it parts
		if escape {
			b.WriteString("(?:)")
			escape = false
		}
	}
	for i := 0; i < len(p); {
		c := p[i]
		switch {
		case c == '\\' && i+1 < len(p):
			b.WriteString(p[i : i+2])
			i, escape, quantifier = i+2, true, false
			continue
		case strings.HasPrefix(p[i:], "(?#"):
			end := strings.IndexByte(p[i:], ')')
			if end < 0 {
				end = len(p) - i - 1
			}
			i += end + 1
		case expanded && strings.IndexByte(" \t\n\r\v\f", c) >= 0:
			i++
		case expanded && c == '#':
			for i < len(p) && p[i] != '\n' {
				i++
			}
		case c == '[':
			n := bracketLen(p[i:])
			if n < 0 {
				return b.String() + p[i:], nil // a mistake that others tell
			}
			b.WriteString(p[i : i+n])
			i, escape, quantifier = i+n, false, false
			continue
		default:
			b.WriteByte(c)
			escape, quantifier = escape && isAlnum(c), strings.IndexByte("(*+?}", c) >= 0
			i++
			continue
		}
		if quantifier && i < len(p) && p[i] == '?' { // not that of a non-greedy one, or of a group
			return "", errARE("quantifier operand invalid")
		}
		if i < len(p) && isAlnum(p[i]) {
			gap()
		}
	}
	return b.String(), nil
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
