package plpgsql

import (
	"strings"
	"unicode/utf8"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

type tokenKind uint8

const (
	tokEOF tokenKind = iota
	tokIdent
	tokQuoted
	tokString
	tokOther
)

// token is src[start:end]; text is the name of an identifier, the value of a string, or what is written.
type token struct {
	kind       tokenKind
	text       string
	start, end int
}

func isIdent(b byte) bool {
	return b == '_' || b >= 0x80 || 'a' <= b|0x20 && b|0x20 <= 'z'
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

// scan splits a body into tokens.
func scan(src string) ([]token, error) {
	var out []token
	for i := 0; ; {
		for i < len(src) {
			if strings.IndexByte(" \t\n\r\f\v", src[i]) >= 0 {
				i++
			} else if strings.HasPrefix(src[i:], "--") {
				if n := strings.IndexByte(src[i:], '\n'); n >= 0 {
					i += n
				} else {
					i = len(src)
				}
			} else if strings.HasPrefix(src[i:], "/*") {
				depth := 0
				for ; i < len(src); i++ {
					if strings.HasPrefix(src[i:], "/*") {
						depth++
						i++
					} else if strings.HasPrefix(src[i:], "*/") {
						i++
						if depth--; depth == 0 {
							i++
							break
						}
					}
				}
				if depth > 0 {
					return nil, errorAt(src, i, "unterminated /* comment")
				}
			} else {
				break
			}
		}
		if i >= len(src) {
			return append(out, token{kind: tokEOF, start: len(src), end: len(src)}), nil
		}
		t, err := scanOne(src, i)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
		i = t.end
	}
}

// scanOne reads the token that begins at i.
func scanOne(src string, i int) (token, error) {
	start := i
	quoted := func(q byte, backslash bool) (string, int, error) {
		var b strings.Builder
		for k := i + 1; k < len(src); k++ {
			switch {
			case src[k] == q && k+1 < len(src) && src[k+1] == q:
				b.WriteByte(q)
				k++
			case src[k] == q:
				return b.String(), k + 1, nil
			case src[k] == '\\' && backslash && k+1 < len(src):
				k++
				c := src[k]
				if e := strings.IndexByte("nrtbf", c); e >= 0 {
					c = "\n\r\t\b\f"[e]
				}
				b.WriteByte(c)
			default:
				b.WriteByte(src[k])
			}
		}
		return "", 0, errorAt(src, start, "unterminated quoted string")
	}
	switch c := src[i]; {
	case c == '"':
		s, end, err := quoted('"', false)
		return token{tokQuoted, s, start, end}, err
	case c == '\'':
		s, end, err := quoted('\'', false)
		return token{tokString, s, start, end}, err
	case (c|0x20 == 'e' || c|0x20 == 'b' || c|0x20 == 'x' || c|0x20 == 'n') && i+1 < len(src) && src[i+1] == '\'':
		i++
		s, end, err := quoted('\'', c|0x20 == 'e')
		return token{tokString, s, start, end}, err
	case c == '$':
		k := i + 1
		for k < len(src) && (isIdent(src[k]) || k > i+1 && isDigit(src[k])) {
			k++
		}
		if k < len(src) && src[k] == '$' {
			tag := src[i : k+1]
			n := strings.Index(src[k+1:], tag)
			if n < 0 {
				return token{}, errorAt(src, start, "unterminated dollar-quoted string")
			}
			return token{tokString, src[k+1 : k+1+n], start, k + 1 + n + len(tag)}, nil
		}
		for k = i + 1; k < len(src) && isDigit(src[k]); {
			k++
		}
		return token{tokIdent, src[i:k], start, k}, nil
	case isIdent(c):
		for i < len(src) && (isIdent(src[i]) || isDigit(src[i]) || src[i] == '$') {
			i++
		}
		return token{tokIdent, strings.ToLower(src[start:i]), start, i}, nil
	case isDigit(c):
		for i < len(src) && (isDigit(src[i]) || src[i] == '.' && !strings.HasPrefix(src[i:], "..")) {
			i++
		}
		return token{tokOther, src[start:i], start, i}, nil
	}
	for _, op := range []string{":=", "<<", ">>", "..", "::", "=>", "<=", ">=", "<>", "!="} {
		if strings.HasPrefix(src[i:], op) {
			return token{tokOther, op, start, i + len(op)}, nil
		}
	}
	return token{tokOther, src[i : i+1], start, i + 1}, nil
}

// errorAt is a syntax error at an offset in the body.
func errorAt(src string, at int, format string, args ...any) *pgerr.Error {
	return pgerr.New(pgerr.SyntaxError, format, args...).WithPosition(utf8.RuneCountInString(src[:at]) + 1)
}
