package types

import (
	"strings"
	"unicode/utf8"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// The scanner of the path language, after PostgreSQL's flex rules: of the rules that match, the longest counts, then
// the first. An error names the text that the last rule matched, which is not always the token: a word is only ended
// by what follows it.

type pathToken uint8

// Tokens; single characters are pathChar with the character in ch.
const (
	pathEnd pathToken = iota
	pathChar
	pathWord // not a keyword, or one in another case where that counts
	pathQuoted
	pathVariable
	pathInteger
	pathNumber
	pathAndOp
	pathOrOp
	pathAnyOp
	pathCompare
	pathKeyword
)

type pathScanner struct {
	in      string
	pos     int
	tok     pathToken
	ch      byte
	op      JSONPathKind // of pathCompare
	str     string       // value of words, strings, variables and numbers; a keyword in lower case
	written string       // a word or keyword as it stands
	matched string       // what errors name; "" is the end
}

// pathKeywords says of each keyword whether it must be in lower case.
var pathKeywords = map[string]bool{
	"is": false, "to": false, "abs": false, "lax": false, "flag": false, "last": false, "null": true, "size": false,
	"true": true, "type": false, "with": false, "false": true, "floor": false, "double": false, "exists": false,
	"starts": false, "strict": false, "ceiling": false, "unknown": false, "datetime": false, "keyvalue": false,
	"like_regex": false,
}

func (s *pathScanner) fail(what string) error {
	if s.matched == "" {
		return pgerr.New(pgerr.SyntaxError, "%s at end of jsonpath input", what)
	}
	return pgerr.New(pgerr.SyntaxError, "%s at or near \"%s\" of jsonpath input", what, s.matched)
}

func isPathBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' }

func isPathSpecial(c byte) bool { return strings.IndexByte("?%$.[]{}()|&!=<>@#,*:-+/", c) >= 0 }

func isPathOther(c byte) bool { return !isPathSpecial(c) && !isPathBlank(c) && c != '\\' && c != '"' }

// next reads a token.
func (s *pathScanner) next() error {
	for {
		s.pos = spanWhile(s.in, s.pos, isPathBlank)
		if !strings.HasPrefix(s.in[s.pos:], "/*") {
			break
		}
		if err := s.comment(); err != nil {
			return err
		}
	}
	rest := s.in[s.pos:]
	if rest == "" {
		s.tok, s.matched = pathEnd, ""
		return nil
	}
	c := rest[0]
	switch {
	case c == '"':
		s.pos++
		return s.quoted(pathQuoted)
	case strings.HasPrefix(rest, `$"`):
		s.pos += 2
		return s.quoted(pathVariable)
	case c == '$' && len(rest) > 1 && isPathOther(rest[1]):
		s.take(pathVariable, spanWhile(rest, 1, isPathOther))
		s.str = s.str[1:]
		return nil
	case isDigit(c), c == '.' && len(rest) > 1 && isDigit(rest[1]):
		if done, err := s.number(rest); done || err != nil {
			return err
		}
	}
	if isPathOther(c) || c == '\\' {
		return s.word()
	}
	s.operator(rest)
	return nil
}

// take makes a token of the next n bytes.
func (s *pathScanner) take(t pathToken, n int) {
	s.tok, s.str = t, s.in[s.pos:s.pos+n]
	s.matched = s.str
	s.pos += n
}

var pathOperators = []struct {
	text string
	tok  pathToken
	op   JSONPathKind
}{
	{"&&", pathAndOp, 0}, {"||", pathOrOp, 0}, {"**", pathAnyOp, 0}, {"<=", pathCompare, PathLessOrEqual}, {"<>", pathCompare, PathNotEqual},
	{"==", pathCompare, PathEqual}, {"!=", pathCompare, PathNotEqual}, {">=", pathCompare, PathGreaterOrEqual},
	{"<", pathCompare, PathLess}, {">", pathCompare, PathGreater},
}

func (s *pathScanner) operator(rest string) {
	for _, o := range pathOperators {
		if strings.HasPrefix(rest, o.text) {
			s.op = o.op
			s.take(o.tok, len(o.text))
			return
		}
	}
	s.ch = rest[0]
	s.take(pathChar, 1)
}

func (s *pathScanner) comment() error {
	end := strings.Index(s.in[s.pos+2:], "*/")
	if end < 0 {
		s.pos, s.matched = len(s.in), ""
		return s.fail("unexpected end of comment")
	}
	s.pos += 2 + end + 2
	return nil
}

// number reads a number; done is false where a longer word begins here.
func (s *pathScanner) number(rest string) (done bool, err error) {
	whole := 0
	if isDigit(rest[0]) {
		if whole = 1; rest[0] != '0' {
			whole = spanWhile(rest, 0, isDigit)
		}
	}
	kind, n := pathInteger, whole
	if n < len(rest) && rest[n] == '.' {
		kind, n = pathNumber, spanWhile(rest, n+1, isDigit)
	}
	if n < len(rest) && rest[n]|0x20 == 'e' {
		exp := n + 1
		signed := exp < len(rest) && (rest[exp] == '+' || rest[exp] == '-')
		if signed {
			exp++
		}
		switch end := spanWhile(rest, exp, isDigit); {
		case end > exp:
			kind, n = pathNumber, end
		case signed:
			s.take(pathNumber, exp)
			return true, s.fail("invalid numeric literal")
		}
	}
	word := spanWhile(rest, 0, isPathOther)
	if n < len(rest) && isPathOther(rest[n]) {
		if word > n+1 {
			return false, nil
		}
		s.take(kind, n+1)
		return true, s.fail("trailing junk after numeric literal")
	}
	if word > n {
		return false, nil
	}
	s.take(kind, n)
	return true, nil
}

// word reads an unquoted name, which may hold escapes.
func (s *pathScanner) word() error {
	var b []byte
	for s.pos < len(s.in) {
		c := s.in[s.pos]
		switch {
		case c == '\\':
			var err error
			if b, err = s.escape(b); err != nil {
				return err
			}
			continue
		case isPathBlank(c):
			end := spanWhile(s.in, s.pos, isPathBlank)
			s.matched = s.in[s.pos:end]
			s.pos = end
			s.keyword(string(b))
			return nil
		case strings.HasPrefix(s.in[s.pos:], "/*"): // as in PostgreSQL the word is lost
			if err := s.comment(); err != nil {
				return err
			}
			return s.next()
		case isPathSpecial(c) || c == '"':
			s.matched = ""
			s.keyword(string(b))
			return nil
		}
		end := spanWhile(s.in, s.pos, isPathOther)
		b = append(b, s.in[s.pos:end]...)
		s.pos = end
	}
	s.matched = ""
	s.keyword(string(b))
	return nil
}

func (s *pathScanner) keyword(word string) {
	s.tok, s.str, s.written = pathWord, word, word
	lower := strings.ToLower(word)
	if exact, ok := pathKeywords[lower]; ok && (!exact || word == lower) {
		s.tok, s.str = pathKeyword, lower
	}
}

// quoted reads up to the closing quote.
func (s *pathScanner) quoted(t pathToken) error {
	var b []byte
	for s.pos < len(s.in) {
		switch c := s.in[s.pos]; c {
		case '"':
			s.tok, s.str, s.matched = t, string(b), `"`
			s.pos++
			return nil
		case '\\':
			var err error
			if b, err = s.escape(b); err != nil {
				return err
			}
		default:
			b = append(b, c)
			s.pos++
		}
	}
	s.matched = ""
	return s.fail("unexpected end of quoted string")
}

// escape reads what begins with a backslash.
func (s *pathScanner) escape(b []byte) ([]byte, error) {
	rest := s.in[s.pos:]
	if len(rest) == 1 {
		s.matched = `\`
		return nil, s.fail("unexpected end after backslash")
	}
	simple := map[byte]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v'}
	switch c := rest[1]; c {
	case 'u':
		return s.unicode(b)
	case 'x':
		n := spanHex(rest, 2, 2)
		if n < 4 {
			s.matched = rest[:n]
			return nil, s.fail("invalid hex character sequence")
		}
		s.pos += n
		return appendPathRune(b, hexValue(rest[2:4]))
	default:
		s.pos += 2
		if k, ok := simple[c]; ok {
			return append(b, k), nil
		}
		return append(b, c), nil
	}
}

// spanHex is the end of at most limit hexadecimal digits from i on.
func spanHex(s string, i, limit int) int {
	end := i
	for end < len(s) && end < i+limit {
		if _, ok := hexDigit(s[end]); !ok {
			break
		}
		end++
	}
	return end
}

func hexValue(s string) (n rune) {
	for i := range len(s) {
		d, _ := hexDigit(s[i])
		n = n<<4 | rune(d)
	}
	return n
}

// unicodeEscape is the length of one complete \uXXXX or \u{X…} that s begins with, and of what there is of one if it is
// not complete.
func unicodeEscape(s string) (n int, ch rune, complete bool) {
	if !strings.HasPrefix(s, `\u`) {
		return 0, 0, false
	}
	if len(s) > 2 && s[2] == '{' {
		end := spanHex(s, 3, 6)
		if end > 3 && end < len(s) && s[end] == '}' {
			return end + 1, hexValue(s[3:end]), true
		}
		return end, 0, false
	}
	end := spanHex(s, 2, 4)
	return end, hexValue(s[2:end]), end == 6
}

// unicode reads a run of Unicode escapes, of which pairs may be surrogates.
func (s *pathScanner) unicode(b []byte) ([]byte, error) {
	var high rune
	bad := func(detail string) error {
		return pgerr.New(pgerr.InvalidTextRepresentation, "invalid input syntax for type %s", "jsonpath").WithDetail("%s", detail)
	}
	start := s.pos
	var run []rune
	for {
		n, ch, complete := unicodeEscape(s.in[s.pos:])
		if !complete {
			if n > 0 {
				s.matched = s.in[start : s.pos+n]
				return nil, s.fail("invalid unicode sequence")
			}
			break
		}
		run = append(run, ch)
		s.pos += n
	}
	for _, ch := range run {
		switch {
		case ch >= 0xD800 && ch < 0xDC00:
			if high != 0 {
				return nil, bad("Unicode high surrogate must not follow a high surrogate.")
			}
			high = ch
			continue
		case ch >= 0xDC00 && ch < 0xE000:
			if high == 0 {
				return nil, bad("Unicode low surrogate must follow a high surrogate.")
			}
			ch, high = 0x10000+(high-0xD800)<<10+(ch-0xDC00), 0
		case high != 0:
			return nil, bad("Unicode low surrogate must follow a high surrogate.")
		}
		var err error
		if b, err = appendPathRune(b, ch); err != nil {
			return nil, err
		}
	}
	if high != 0 {
		return nil, bad("Unicode low surrogate must follow a high surrogate.")
	}
	return b, nil
}

func appendPathRune(b []byte, ch rune) ([]byte, error) {
	switch {
	case ch == 0:
		return nil, pgerr.New(pgerr.UntranslatableCharacter, "unsupported Unicode escape sequence").WithDetail("\\u0000 cannot be converted to text.")
	case ch > utf8.MaxRune:
		return nil, pgerr.New(pgerr.SyntaxError, "invalid Unicode code point")
	}
	return utf8.AppendRune(b, ch), nil
}
