package parse

import "strings"

// tokenKind is the kind of a token of the hand lexer.
type tokenKind uint8

const (
	tokEOF    tokenKind = iota
	tokIdent            // unquoted identifier or keyword
	tokQuoted           // "identifier", U&"identifier"
	tokNumber           // 1, 1.5, .5, 1e10
	tokString           // '…'
	tokOther            // E'…', B'…', X'…', N'…', U&'…', $$…$$
	tokParam            // $1
	tokOp               // run of operator characters
	tokPunct            // one of ( ) [ ] , ; : . or another single byte
	tokCast             // ::
	tokError            // unterminated string, comment or quoted identifier
)

// token is sql[start:end].
type token struct {
	kind       tokenKind
	start, end int
}

// lexer splits a text into tokens as PostgreSQL's scan.l does, as far as our
// uses need: where tokens begin and end and what kind they are. It never
// fails: a broken text yields tokError, and the C parser then says why.
type lexer struct {
	sql string
	pos int
}

// Classes of bytes.
const (
	clsSpace = 1 << iota
	clsIdentStart
	clsIdentCont
	clsDigit
	clsOp
)

var byteClass = func() (c [256]uint8) {
	for _, b := range " \t\n\r\f\v" {
		c[b] |= clsSpace
	}
	for b := range 256 {
		if b >= 0x80 || b == '_' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' {
			c[b] |= clsIdentStart | clsIdentCont
		}
		if '0' <= b && b <= '9' {
			c[b] |= clsDigit | clsIdentCont
		}
	}
	c['$'] |= clsIdentCont
	for _, b := range "~!@#^&|`?+-*/%<>=" {
		c[b] |= clsOp
	}
	return c
}()

// skip moves past white space and comments. It reports false at a comment
// that does not end, and stays there.
func (l *lexer) skip() bool {
	for l.pos < len(l.sql) {
		b := l.sql[l.pos]
		switch {
		case byteClass[b]&clsSpace != 0:
			l.pos++
		case b == '-' && strings.HasPrefix(l.sql[l.pos:], "--"):
			i := strings.IndexAny(l.sql[l.pos:], "\n\r")
			if i < 0 {
				l.pos = len(l.sql)
			} else {
				l.pos += i
			}
		case b == '/' && strings.HasPrefix(l.sql[l.pos:], "/*"):
			if !l.skipBlockComment() {
				return false
			}
		default:
			return true
		}
	}
	return true
}

// skipBlockComment moves past a comment, which may nest.
func (l *lexer) skipBlockComment() bool {
	depth := 0
	for i := l.pos; i+1 < len(l.sql); i++ {
		switch {
		case l.sql[i] == '/' && l.sql[i+1] == '*':
			depth++
			i++
		case l.sql[i] == '*' && l.sql[i+1] == '/':
			depth--
			i++
			if depth == 0 {
				l.pos = i + 1
				return true
			}
		}
	}
	return false
}

// next returns the next token.
func (l *lexer) next() token {
	if !l.skip() {
		return token{tokError, l.pos, l.pos}
	}
	start := l.pos
	if start >= len(l.sql) {
		return token{tokEOF, start, start}
	}
	b := l.sql[start]
	kind := tokPunct
	switch cls := byteClass[b]; {
	case cls&clsIdentStart != 0:
		kind = l.ident()
	case cls&clsDigit != 0 || b == '.' && l.digitAt(start+1):
		l.number()
		kind = tokNumber
	case b == '\'':
		kind = l.quoted(tokString, '\'', false)
	case b == '"':
		kind = l.quoted(tokQuoted, '"', false)
	case b == '$':
		kind = l.dollar()
	case b == ':' && strings.HasPrefix(l.sql[start:], "::"):
		l.pos += 2
		kind = tokCast
	case cls&clsOp != 0:
		l.operator()
		kind = tokOp
	default:
		l.pos++
	}
	return token{kind, start, l.pos}
}

func (l *lexer) digitAt(i int) bool { return i < len(l.sql) && byteClass[l.sql[i]]&clsDigit != 0 }

// ident scans an identifier, or a string with a prefix.
func (l *lexer) ident() tokenKind {
	rest := l.sql[l.pos:]
	if len(rest) >= 2 && rest[1] == '\'' {
		switch rest[0] {
		case 'e', 'E':
			l.pos++
			return l.quoted(tokOther, '\'', true)
		case 'b', 'B', 'x', 'X', 'n', 'N':
			l.pos++
			return l.quoted(tokOther, '\'', false)
		}
	}
	if len(rest) >= 3 && (rest[0] == 'u' || rest[0] == 'U') && rest[1] == '&' {
		switch rest[2] {
		case '\'':
			l.pos += 2
			return l.quoted(tokOther, '\'', false)
		case '"':
			l.pos += 2
			return l.quoted(tokQuoted, '"', false)
		}
	}
	for l.pos < len(l.sql) && byteClass[l.sql[l.pos]]&clsIdentCont != 0 {
		l.pos++
	}
	return tokIdent
}

// number scans digits, a fraction and an exponent.
func (l *lexer) number() {
	digits := func() {
		for l.digitAt(l.pos) {
			l.pos++
		}
	}
	digits()
	// 1..2 is two numbers around a dot-dot.
	if l.pos < len(l.sql) && l.sql[l.pos] == '.' && !strings.HasPrefix(l.sql[l.pos:], "..") {
		l.pos++
		digits()
	}
	if l.pos < len(l.sql) && (l.sql[l.pos] == 'e' || l.sql[l.pos] == 'E') {
		i := l.pos + 1
		if i < len(l.sql) && (l.sql[i] == '+' || l.sql[i] == '-') {
			i++
		}
		if l.digitAt(i) {
			l.pos = i
			digits()
		}
	}
}

// quoted scans what stands between two quotes; a doubled quote is a quote.
func (l *lexer) quoted(kind tokenKind, quote byte, backslash bool) tokenKind {
	for i := l.pos + 1; i < len(l.sql); i++ {
		switch l.sql[i] {
		case '\\':
			if backslash {
				i++
			}
		case quote:
			if i+1 < len(l.sql) && l.sql[i+1] == quote {
				i++
				continue
			}
			l.pos = i + 1
			return kind
		}
	}
	l.pos = len(l.sql)
	return tokError
}

// dollar scans $1, or $tag$…$tag$.
func (l *lexer) dollar() tokenKind {
	i := l.pos + 1
	if l.digitAt(i) {
		for l.digitAt(i) {
			i++
		}
		l.pos = i
		return tokParam
	}
	for i < len(l.sql) && l.sql[i] != '$' && byteClass[l.sql[i]]&clsIdentCont != 0 {
		i++
	}
	if i >= len(l.sql) || l.sql[i] != '$' {
		l.pos++
		return tokPunct
	}
	tag := l.sql[l.pos : i+1]
	j := strings.Index(l.sql[i+1:], tag)
	if j < 0 {
		l.pos = len(l.sql)
		return tokError
	}
	l.pos = i + 1 + j + len(tag)
	return tokOther
}

// operator scans a run of operator characters, up to a comment. (The grammar
// may cut it further: a run like "=-" is two operators.)
func (l *lexer) operator() {
	for l.pos < len(l.sql) && byteClass[l.sql[l.pos]]&clsOp != 0 {
		if rest := l.sql[l.pos:]; strings.HasPrefix(rest, "--") || strings.HasPrefix(rest, "/*") {
			return
		}
		l.pos++
	}
}

// keyword is the token's text in lower case if it is an identifier of at most
// 16 ASCII letters and underscores, "" otherwise. Keywords of the grammar are
// no longer than that, where they matter here.
func (l *lexer) keyword(t token, buf *[16]byte) []byte {
	n := t.end - t.start
	if t.kind != tokIdent || n > len(buf) {
		return nil
	}
	for i := range n {
		b := l.sql[t.start+i]
		if 'A' <= b && b <= 'Z' {
			b += 'a' - 'A'
		}
		buf[i] = b
	}
	return buf[:n]
}
