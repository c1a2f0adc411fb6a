package types

import (
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// A json value is kept as written after a check; a jsonb value is kept as the
// text that PostgreSQL prints for it: one space after commas and colons, keys in
// order of length and then bytes, the last of equal keys, numbers as numerics,
// strings with only the escapes they need. Two jsonb values are equal exactly
// when these texts are, save for numbers of different scale.
//
// One recursive-descent reader serves both. It reports errors at the token and
// with the words of PostgreSQL's.

// maxJSONDepth bounds nesting, as PostgreSQL's stack limit does.
const maxJSONDepth = 6400

// JSONKind is the kind of a JSON value.
type JSONKind uint8

// The order of the kinds is that of jsonb scalars.
const (
	JSONNull JSONKind = iota
	JSONString
	JSONNumber
	JSONBool
	JSONArray
	JSONObject
	jsonEnd // no value: end of the input
	jsonPunct
)

// JSONNode is a JSON value as a tree.
type JSONNode struct {
	Kind  JSONKind
	Bool  bool
	Str   string     // of a string, unescaped
	Num   Datum      // of a number, a numeric
	Keys  []string   // of an object: in jsonb's order, without duplicates
	Elems []JSONNode // of an array, or of an object beside Keys
}

type jsonReader struct {
	in       string
	typeName string
	build    bool // for jsonb: make nodes and unescape
	depth    int
	start    int // of the current token
	end      int // of the current token
	tok      JSONKind
	str      string // unescaped string of the current token, when building
}

func (r *jsonReader) lineStart() (start, number int) {
	head := r.in[:r.start]
	return strings.LastIndexByte(head, '\n') + 1, strings.Count(head, "\n") + 1
}

// fail makes the error for the token in.[start:end].
func (r *jsonReader) fail(detail string, args ...any) error {
	line, number := r.lineStart()
	from, to := line, r.end
	for to-from >= 50 && from < to {
		_, n := utf8.DecodeRuneInString(r.in[from:])
		from += n
	}
	if from-line <= 3 {
		from = line
	}
	prefix, suffix := "", ""
	if from > line {
		prefix = "..."
	}
	if r.tok != jsonEnd && to < len(r.in) && r.in[to] != '\n' && r.in[to] != '\r' {
		suffix = "..."
	}
	return pgerr.New(pgerr.InvalidTextRepresentation, "invalid input syntax for type %s", r.typeName).
		WithDetail(detail, args...).
		WithWhere("JSON data, line %d: %s%s%s", number, prefix, r.in[from:to], suffix)
}

func (r *jsonReader) failToken() error {
	return r.fail("Token \"%s\" is invalid.", r.in[r.start:r.end])
}

// expected makes the error for a token that is not what must come here.
func (r *jsonReader) expected(what string) error {
	if r.tok == jsonEnd {
		return r.fail("The input string ended unexpectedly.")
	}
	return r.fail("Expected %s, but found \"%s\".", what, r.in[r.start:r.end])
}

func isWordByte(c byte) bool { return isAlpha(c) || isDigit(c) || c == '_' || c >= 0x80 }

// next reads a token.
func (r *jsonReader) next() error {
	i := r.end
	for i < len(r.in) && (r.in[i] == ' ' || r.in[i] == '\t' || r.in[i] == '\n' || r.in[i] == '\r') {
		i++
	}
	r.start, r.end = i, i
	if i == len(r.in) {
		r.tok = jsonEnd
		return nil
	}
	r.tok = jsonPunct
	switch c := r.in[i]; {
	case c == '{' || c == '}' || c == '[' || c == ']' || c == ':' || c == ',':
		r.end = i + 1
		return nil
	case c == '"':
		r.tok = JSONString
		return r.readString()
	case c == '-' || isDigit(c):
		r.tok = JSONNumber
		return r.readNumber()
	case !isWordByte(c):
		r.end = i + 1
		return r.failToken()
	}
	r.end = spanWhile(r.in, i, isWordByte)
	switch r.in[i:r.end] {
	case "true", "false":
		r.tok = JSONBool
	case "null":
		r.tok = JSONNull
	default:
		return r.failToken()
	}
	return nil
}

func (r *jsonReader) readNumber() error {
	s, i := r.in, r.start
	if s[i] == '-' {
		i++
	}
	bad := false
	switch {
	case i < len(s) && s[i] == '0':
		i++
	case i < len(s) && isDigit(s[i]):
		i = spanWhile(s, i, isDigit)
	default:
		bad = true
	}
	if i < len(s) && s[i] == '.' {
		j := spanWhile(s, i+1, isDigit)
		bad = bad || j == i+1
		i = j
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		j := spanWhile(s, i, isDigit)
		bad = bad || j == i
		i = j
	}
	j := spanWhile(s, i, isWordByte)
	r.end = j
	if bad || j > i {
		return r.failToken()
	}
	return nil
}

func (r *jsonReader) readString() error {
	var out []byte
	s := r.in
	i := r.start + 1
	plain := i // start of bytes not yet copied to out
	for {
		if i >= len(s) {
			r.end = len(s)
			return r.failToken()
		}
		c := s[i]
		switch {
		case c == '"':
			r.end = i + 1
			if r.build {
				if out == nil {
					r.str = s[plain:i]
				} else {
					r.str = string(append(out, s[plain:i]...))
				}
			}
			return nil
		case c < 0x20:
			r.end = i
			return r.fail("Character with value 0x%02x must be escaped.", c)
		case c != '\\':
			i++
			continue
		}
		if r.build {
			out = append(out, s[plain:i]...)
		}
		n, err := r.readEscape(i, &out)
		if err != nil {
			return err
		}
		i += n
		plain = i
	}
}

// readEscape reads the escape at in[i:], a surrogate pair included, and returns its length.
func (r *jsonReader) readEscape(i int, out *[]byte) (int, error) {
	s := r.in
	if i+1 >= len(s) {
		r.end = len(s)
		return 0, r.failToken()
	}
	const from, to = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if k := strings.IndexByte(from, s[i+1]); k >= 0 {
		*out = append(*out, to[k])
		return 2, nil
	}
	if s[i+1] != 'u' {
		_, n := utf8.DecodeRuneInString(s[i+1:])
		r.end = i + 1 + n
		return 0, r.fail("Escape sequence \"\\%s\" is invalid.", s[i+1:i+1+n])
	}
	c, err := r.hex4(i + 2)
	if err != nil {
		return 0, err
	}
	n := 6
	if !r.build {
		return n, nil
	}
	r.end = i + 6
	switch {
	case c == 0:
		e := r.fail("\\u0000 cannot be converted to text.").(*pgerr.Error)
		e.Code, e.Message = pgerr.UntranslatableCharacter, "unsupported Unicode escape sequence"
		return 0, e
	case c >= 0xDC00 && c < 0xE000:
		return 0, r.fail("Unicode low surrogate must follow a high surrogate.")
	case c >= 0xD800 && c < 0xDC00:
		if i+7 >= len(s) || s[i+6] != '\\' || s[i+7] != 'u' {
			_, size := utf8.DecodeRuneInString(s[i+6:])
			r.end = i + 6 + size
			return 0, r.fail("Unicode low surrogate must follow a high surrogate.")
		}
		low, err := r.hex4(i + 8)
		if err != nil {
			return 0, err
		}
		r.end = i + 12
		if low >= 0xD800 && low < 0xDC00 {
			return 0, r.fail("Unicode high surrogate must not follow a high surrogate.")
		}
		if low < 0xDC00 || low >= 0xE000 {
			return 0, r.fail("Unicode low surrogate must follow a high surrogate.")
		}
		c = 0x10000 + (c-0xD800)<<10 + (low - 0xDC00)
		n = 12
	}
	*out = utf8.AppendRune(*out, c)
	return n, nil
}

func (r *jsonReader) hex4(i int) (rune, error) {
	var c rune
	for k := i; k < i+4; k++ {
		if k >= len(r.in) {
			r.end = len(r.in)
			return 0, r.failToken()
		}
		d, ok := hexDigit(r.in[k])
		if !ok {
			_, n := utf8.DecodeRuneInString(r.in[k:])
			r.end = k + n
			return 0, r.fail("\"\\u\" must be followed by four hexadecimal digits.")
		}
		c = c<<4 | rune(d)
	}
	return c, nil
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case isDigit(c):
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// is reports whether the current token is a punctuation mark.
func (r *jsonReader) is(c byte) bool { return r.tok == jsonPunct && r.in[r.start] == c }

// value reads the value that starts at the current token, and the token after it.
// what says what was expected, should there be no value.
func (r *jsonReader) value(what string) (n JSONNode, err error) {
	n.Kind = r.tok
	switch r.tok {
	case JSONString:
		n.Str = r.str
	case JSONNumber:
		if r.build {
			if n.Num, err = ParseNumeric(r.in[r.start:r.end]); err != nil {
				return n, err
			}
		}
	case JSONBool:
		n.Bool = r.in[r.start] == 't'
	case JSONNull:
	default:
		if r.depth++; r.depth > maxJSONDepth {
			return n, pgerr.New(pgerr.StatementTooComplex, "stack depth limit exceeded")
		}
		defer func() { r.depth-- }()
		switch {
		case r.is('['):
			return r.array()
		case r.is('{'):
			return r.object()
		}
		return n, r.expected(what)
	}
	return n, r.next()
}

func (r *jsonReader) array() (n JSONNode, err error) {
	n.Kind = JSONArray
	if err = r.next(); err != nil {
		return n, err
	}
	if r.is(']') {
		return n, r.next()
	}
	for what := "array element or \"]\""; ; what = "JSON value" {
		e, err := r.value(what)
		if err != nil {
			return n, err
		}
		if r.build {
			n.Elems = append(n.Elems, e)
		}
		if r.is(']') {
			return n, r.next()
		}
		if !r.is(',') {
			return n, r.expected("\",\" or \"]\"")
		}
		if err := r.next(); err != nil {
			return n, err
		}
	}
}

func (r *jsonReader) object() (n JSONNode, err error) {
	n.Kind = JSONObject
	if err = r.next(); err != nil {
		return n, err
	}
	if r.is('}') {
		return n, r.next()
	}
	for what := "string or \"}\""; ; what = "string" {
		if r.tok != JSONString {
			return n, r.expected(what)
		}
		key := r.str
		if err := r.next(); err != nil {
			return n, err
		}
		if !r.is(':') {
			return n, r.expected("\":\"")
		}
		if err := r.next(); err != nil {
			return n, err
		}
		e, err := r.value("JSON value")
		if err != nil {
			return n, err
		}
		if r.build {
			n.Keys, n.Elems = append(n.Keys, key), append(n.Elems, e)
		}
		if r.is('}') {
			n.SortKeys()
			return n, r.next()
		}
		if !r.is(',') {
			return n, r.expected("\",\" or \"}\"")
		}
		if err := r.next(); err != nil {
			return n, err
		}
	}
}

func jsonKeyLess(a, b string) bool {
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return a < b
}

type byJSONKey JSONNode

func (n *byJSONKey) Len() int           { return len(n.Keys) }
func (n *byJSONKey) Less(i, j int) bool { return jsonKeyLess(n.Keys[i], n.Keys[j]) }
func (n *byJSONKey) Swap(i, j int) {
	n.Keys[i], n.Keys[j] = n.Keys[j], n.Keys[i]
	n.Elems[i], n.Elems[j] = n.Elems[j], n.Elems[i]
}

// SortKeys orders an object's keys and keeps the last of equal ones.
func (n *JSONNode) SortKeys() {
	if len(n.Keys) < 2 {
		return
	}
	sort.Stable((*byJSONKey)(n))
	w := 0
	for i := range n.Keys {
		if i+1 < len(n.Keys) && n.Keys[i] == n.Keys[i+1] {
			continue
		}
		n.Keys[w], n.Elems[w] = n.Keys[i], n.Elems[i]
		w++
	}
	n.Keys, n.Elems = n.Keys[:w], n.Elems[:w]
}

// parseJSON reads one value and nothing after it.
func parseJSON(s string, build bool) (JSONNode, error) {
	r := jsonReader{in: s, typeName: "json", build: build}
	if err := r.next(); err != nil {
		return JSONNode{}, err
	}
	n, err := r.value("JSON value")
	if err == nil && r.tok != jsonEnd {
		err = r.expected("end of input")
	}
	return n, err
}

// ParseJSONB reads a json or jsonb text into a tree with an object's keys in
// jsonb's order and without duplicates.
func ParseJSONB(s string) (*JSONNode, error) {
	n, err := parseJSON(s, true)
	if err != nil {
		return nil, err
	}
	return &n, nil
}

// AppendJSONB appends the text that PostgreSQL prints for a jsonb tree.
func AppendJSONB(buf []byte, n *JSONNode) []byte { return appendJSONB(buf, n) }

// ValidateJSON checks the text of a json value; 22P02 with DETAIL and CONTEXT.
func ValidateJSON(s string) error {
	_, err := parseJSON(s, false)
	return err
}

// NormalizeJSONB returns the text that PostgreSQL prints for a jsonb value.
func NormalizeJSONB(s string) (string, error) {
	n, err := parseJSON(s, true)
	if err != nil {
		return "", err
	}
	return string(appendJSONB(make([]byte, 0, len(s)+16), &n)), nil
}

func appendJSONB(buf []byte, n *JSONNode) []byte {
	switch n.Kind {
	case JSONNull:
		return append(buf, "null"...)
	case JSONBool:
		if n.Bool {
			return append(buf, "true"...)
		}
		return append(buf, "false"...)
	case JSONNumber:
		return AppendNumeric(buf, n.Num)
	case JSONString:
		return AppendJSONString(buf, n.Str)
	case JSONArray:
		buf = append(buf, '[')
		for i := range n.Elems {
			if i > 0 {
				buf = append(buf, ", "...)
			}
			buf = appendJSONB(buf, &n.Elems[i])
		}
		return append(buf, ']')
	}
	buf = append(buf, '{')
	for i := range n.Elems {
		if i > 0 {
			buf = append(buf, ", "...)
		}
		buf = append(AppendJSONString(buf, n.Keys[i]), ": "...)
		buf = appendJSONB(buf, &n.Elems[i])
	}
	return append(buf, '}')
}

// AppendJSONString appends s in quotes with the escapes that JSON demands.
func AppendJSONString(buf []byte, s string) []byte {
	const hex = "0123456789abcdef"
	buf = append(buf, '"')
	plain := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		buf = append(buf, s[plain:i]...)
		plain = i + 1
		switch c {
		case '\b':
			buf = append(buf, '\\', 'b')
		case '\f':
			buf = append(buf, '\\', 'f')
		case '\n':
			buf = append(buf, '\\', 'n')
		case '\r':
			buf = append(buf, '\\', 'r')
		case '\t':
			buf = append(buf, '\\', 't')
		case '"', '\\':
			buf = append(buf, '\\', c)
		default:
			buf = append(buf, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(buf, s[plain:]...), '"')
}

// compareJSONB orders jsonb values as PostgreSQL's btree does.
func compareJSONB(a, b string) int {
	if a == b {
		return 0
	}
	x, err1 := parseJSON(a, true)
	y, err2 := parseJSON(b, true)
	if err1 != nil || err2 != nil {
		return strings.Compare(a, b) // unreachable for values that passed input
	}
	// At the top a scalar is an array of one element that sorts before true
	// arrays of one and more, but after the empty array.
	if x.Kind != JSONObject && y.Kind != JSONObject && (x.Kind == JSONArray) != (y.Kind == JSONArray) {
		if x.Kind == JSONArray {
			return -compareScalarToArray(len(x.Elems))
		}
		return compareScalarToArray(len(y.Elems))
	}
	return compareJSONNodes(&x, &y)
}

func compareScalarToArray(n int) int {
	if n == 0 {
		return 1
	}
	return -1
}

func compareJSONNodes(a, b *JSONNode) int {
	if a.Kind != b.Kind {
		return cmpInt64(int64(a.Kind), int64(b.Kind))
	}
	switch a.Kind {
	case JSONString:
		return strings.Compare(a.Str, b.Str)
	case JSONNumber:
		return NumericCompare(a.Num, b.Num)
	case JSONBool:
		return cmpInt64(NewBool(a.Bool).n, NewBool(b.Bool).n)
	case JSONNull:
		return 0
	}
	if c := cmpInt64(int64(len(a.Elems)), int64(len(b.Elems))); c != 0 {
		return c
	}
	for i := range a.Elems {
		if a.Kind == JSONObject {
			if c := strings.Compare(a.Keys[i], b.Keys[i]); c != 0 {
				return c
			}
		}
		if c := compareJSONNodes(&a.Elems[i], &b.Elems[i]); c != 0 {
			return c
		}
	}
	return 0
}

// canonicalJSONB returns a text that is the same for equal jsonb values: numbers
// lose the zeros at the end of their fractions.
func canonicalJSONB(s string) string {
	if !strings.Contains(s, ".") {
		return s
	}
	n, err := parseJSON(s, true)
	if err != nil {
		return s
	}
	stripJSONNumbers(&n)
	return string(appendJSONB(nil, &n))
}

func stripJSONNumbers(n *JSONNode) {
	if n.Kind == JSONNumber {
		n.Num = NumericTrimScale(n.Num)
	}
	for i := range n.Elems {
		stripJSONNumbers(&n.Elems[i])
	}
}
