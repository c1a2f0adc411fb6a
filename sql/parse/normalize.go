package parse

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// Normalize takes the literals out of a text, so that texts that differ only
// in them share a plan. It is a lexer, not a parser, and it gives up (ok
// false) rather than guess.
//
// Literals are taken only where a literal is a value whose place, name and
// type nobody else looks at:
//
//	INSERT … VALUES (here)
//	UPDATE … SET (here) … WHERE (here)
//	SELECT … WHERE (here), DELETE … WHERE (here)
//
// and there, not in the parentheses of a call or type (f(1), varchar(10)), not
// in brackets, not behind a word that may be a type (date '…', interval '…').
// A literal that is not taken stays in the key as written. A nested SELECT,
// UNION, WITH, a client's $n, a comment, E'…' and its kin, $$…$$, a second
// statement: not normalized. Neither is a text without literals to take.
//
// A minus sign before a number is part of the literal where it can only be a
// sign, as the grammar folds it (doNegate); before number::type or number[ it
// stays an operator, as there it is one.

// maxNormalized bounds the literals of a normalized text, and so its key.
const maxNormalized = 256

// Normalize returns the key of sql and its literals, in order: the n-th
// literal is $n in the tree that ParseNormalized(key) gives. Texts with equal
// keys have literals of equal kinds.
func Normalize(sql string) (key string, lits []Literal, ok bool) {
	var keyBuf [512]byte
	var litBuf [16]Literal
	k, l, ok := NormalizeInto(keyBuf[:0], litBuf[:0], sql)
	if !ok {
		return "", nil, false
	}
	return string(k), append([]Literal(nil), l...), true
}

// NormalizeInto is Normalize that appends to the caller's buffers, so that a
// lookup m[string(key)] of a cached plan allocates nothing.
func NormalizeInto(key []byte, lits []Literal, sql string) ([]byte, []Literal, bool) {
	n := normalizer{sql: sql, key: key, lits: lits, firstLit: len(lits)}
	if !n.run() || len(n.lits) == n.firstLit {
		return key, lits, false
	}
	n.key = append(n.key, sql[n.copied:]...)
	n.key = append(n.key, 0)
	for _, l := range n.lits[n.firstLit:] {
		n.key = append(n.key, byte(l.Kind))
	}
	return n.key, n.lits, true
}

// ParseNormalized parses a key of Normalize's: literals are ParamRefs with
// Literal set, and must be typed as the constants they were (an int4, an int8,
// a numeric, or a string of unknown type), not as a client's parameters.
// Locations are those of the key.
func ParseNormalized(key string) (Statement, error) {
	text, kinds, ok := strings.Cut(key, "\x00")
	if !ok {
		return nil, pgerr.Internal("not a normalized statement")
	}
	t := &translator{sql: text, lits: []LiteralKind(kinds)}
	stmts, err := t.parse(text, nil)
	if err != nil {
		return nil, err
	}
	if len(stmts) != 1 {
		return nil, pgerr.Internal("normalized text holds %d statements", len(stmts))
	}
	return stmts[0].Stmt, nil
}

// prevToken is what the normalizer remembers of the token before.
type prevToken uint8

const (
	prevValue   prevToken = iota // a value or name ended: a minus is binary, a string may be typed
	prevOpen                     // a value must follow: operator, comma, parenthesis, AND…
	prevCallee                   // an identifier: a parenthesis makes it a call or type
	prevKeyword                  // a keyword that a parenthesis may follow without a call: IN, VALUES
)

type normalizer struct {
	sql      string
	pos      int
	copied   int // sql[:copied] is in key
	key      []byte
	lits     []Literal
	firstLit int

	verb     byte // first letter of SELECT, INSERT, UPDATE, DELETE; 0 before it
	depth    int  // open parentheses
	verbatim int  // depth of the outermost call, type or bracket; 0 none
	region   bool // literals here are taken
	wide     bool // non-ASCII bytes seen
	prev     prevToken
}

// run scans the text. It reports false where the text is not to be normalized.
func (n *normalizer) run() bool {
	for n.pos < len(n.sql) {
		b := n.sql[n.pos]
		cls := byteClass[b]
		ok := true
		switch {
		case cls&clsSpace != 0:
			n.pos++
		case cls&clsIdentStart != 0:
			ok = n.ident()
		case cls&clsDigit != 0 || b == '.' && n.pos+1 < len(n.sql) && byteClass[n.sql[n.pos+1]]&clsDigit != 0:
			ok = n.number(n.pos)
		case b == '\'':
			ok = n.str()
		case cls&clsOp != 0:
			ok = n.operator()
		default:
			ok = n.punct(b)
		}
		if !ok {
			return false
		}
	}
	return n.verb != 0 && n.depth == 0 && (!n.wide || utf8.ValidString(n.sql))
}

func (n *normalizer) punct(b byte) bool {
	n.pos++
	switch b {
	case '(', '[':
		n.depth++
		if n.verbatim == 0 && (b == '[' || n.prev == prevCallee) {
			n.verbatim = n.depth
		}
		n.prev = prevOpen
	case ')', ']':
		if n.depth == n.verbatim {
			n.verbatim = 0
		}
		n.depth--
		n.prev = prevValue
		return n.depth >= 0
	case ',':
		n.prev = prevOpen
	case '.':
		n.prev = prevValue
	case ':': // part of :: or a slice: what follows is a type or in brackets
		n.prev = prevValue
	case '"':
		i := strings.IndexByte(n.sql[n.pos:], '"')
		if i < 0 || i > maxIdentifier {
			return false
		}
		for _, c := range []byte(n.sql[n.pos : n.pos+i]) {
			n.wide = n.wide || c >= 0x80
			if c == 0 {
				return false
			}
		}
		n.pos += i + 1
		n.prev = prevCallee
	case ';':
		return n.depth == 0 && strings.Trim(n.sql[n.pos:], " \t\r\n") == "" && n.finish()
	default: // NUL, $, backslash, …
		return false
	}
	return true
}

// finish leaves the trailing white space to the key.
func (n *normalizer) finish() bool {
	n.pos = len(n.sql)
	return true
}

func (n *normalizer) operator() bool {
	start := n.pos
	for n.pos < len(n.sql) && byteClass[n.sql[n.pos]]&clsOp != 0 {
		n.pos++
	}
	op := n.sql[start:n.pos]
	if strings.Contains(op, "--") || strings.Contains(op, "/*") {
		return false
	}
	sign := -1 // where a minus that is a sign stands
	if op == "-" && (n.prev == prevOpen || n.prev == prevKeyword) {
		sign = start
	} else if len(op) > 1 && op[len(op)-1] == '-' {
		if strings.ContainsAny(op, "~!@#^&|`?%") {
			return false
		}
		sign = n.pos - 1 // "=-" is "=" and "-"
		if op[len(op)-2] == '+' || len(op) > 3 {
			return false
		}
	}
	n.prev = prevOpen
	if sign < 0 {
		return true
	}
	for n.pos < len(n.sql) && n.sql[n.pos] == ' ' {
		n.pos++
	}
	if n.pos < len(n.sql) && (byteClass[n.sql[n.pos]]&clsDigit != 0 || n.sql[n.pos] == '.') {
		return n.number(sign)
	}
	return false // a minus before something else: rare
}

// number scans a number at pos; its sign, if it has one, is at start.
func (n *normalizer) number(start int) bool {
	digits := n.pos
	l := lexer{sql: n.sql, pos: n.pos}
	l.number()
	n.pos = l.pos
	if n.pos == digits || n.pos < len(n.sql) && byteClass[n.sql[n.pos]]&clsIdentCont != 0 {
		return false
	}
	was := n.prev
	n.prev = prevValue
	if !n.region || n.verbatim != 0 {
		return true
	}
	if was != prevOpen && was != prevKeyword {
		return false
	}
	next := n.peek()
	if next == '.' {
		return false
	}
	text := n.sql[digits:n.pos]
	if start < digits && next != ':' && next != '[' {
		text = "-" + text
		if start+1 == digits {
			text = n.sql[start:n.pos]
		}
	} else {
		start = digits
	}
	return n.take(Literal{Text: text, Kind: numberKind(text), Pos: start})
}

// peek returns the next byte that is not white space, 0 at the end.
func (n *normalizer) peek() byte {
	for i := n.pos; i < len(n.sql); i++ {
		if byteClass[n.sql[i]]&clsSpace == 0 {
			return n.sql[i]
		}
	}
	return 0
}

// numberKind classifies a number, with its sign, as make_const does.
func numberKind(text string) LiteralKind {
	digits := text
	if digits[0] == '-' {
		digits = digits[1:]
	}
	for i := range len(digits) {
		if byteClass[digits[i]]&clsDigit == 0 {
			return LitNumeric
		}
	}
	if len(digits) < 10 {
		return LitInt4
	}
	v, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		return LitNumeric
	case v == int64(int32(v)):
		return LitInt4
	}
	return LitInt8
}

func (n *normalizer) str() bool {
	start := n.pos
	end, doubled := start+1, false
	for {
		i := strings.IndexByte(n.sql[end:], '\'')
		if i < 0 {
			return false
		}
		end += i + 1
		if end >= len(n.sql) || n.sql[end] != '\'' {
			break
		}
		doubled = true
		end++
	}
	n.pos = end
	was := n.prev
	n.prev = prevValue
	text := n.sql[start+1 : end-1]
	for i := range len(text) {
		if text[i] >= 0x80 {
			n.wide = true
		} else if text[i] == 0 {
			return false
		}
	}
	if n.peek() == '\'' { // 'a' newline 'b' is one string
		return false
	}
	// A string behind a value or name may be of a type (date '…'): it stays.
	if !n.region || n.verbatim != 0 || was != prevOpen && was != prevKeyword {
		return true
	}
	if doubled {
		text = strings.ReplaceAll(text, "''", "'")
	}
	return n.take(Literal{Text: text, Kind: LitString, Pos: start})
}

// take replaces sql[l.Pos:n.pos] by the next parameter.
func (n *normalizer) take(l Literal) bool {
	if len(n.lits)-n.firstLit >= maxNormalized {
		return false
	}
	n.lits = append(n.lits, l)
	n.key = append(n.key, n.sql[n.copied:l.Pos]...)
	if l.Pos > 0 && byteClass[n.sql[l.Pos-1]]&clsIdentCont != 0 {
		n.key = append(n.key, ' ')
	}
	n.key = append(n.key, '$')
	n.key = strconv.AppendInt(n.key, int64(len(n.lits)-n.firstLit), 10)
	if n.pos < len(n.sql) && byteClass[n.sql[n.pos]]&clsIdentCont != 0 {
		n.key = append(n.key, ' ')
	}
	n.copied = n.pos
	return true
}

func (n *normalizer) ident() bool {
	start := n.pos
	for n.pos < len(n.sql) && byteClass[n.sql[n.pos]]&clsIdentCont != 0 {
		n.wide = n.wide || n.sql[n.pos] >= 0x80
		n.pos++
	}
	if n.pos < len(n.sql) && (n.sql[n.pos] == '\'' || n.sql[n.pos] == '&') || n.pos-start > maxIdentifier {
		return false // E'…', U&'…' and kin; a truncated name
	}
	l := lexer{sql: n.sql}
	var buf [16]byte
	word := l.keyword(token{tokIdent, start, n.pos}, &buf)
	if start > 0 && n.sql[start-1] == '.' { // t.limit
		n.prev = prevCallee
		return true
	}
	if n.verb == 0 {
		switch string(word) {
		case "select", "insert", "update", "delete":
			n.verb = word[0]
			n.prev = prevOpen
			return true
		}
		return false
	}
	return n.word(word)
}

// word handles a keyword or name behind the verb.
func (n *normalizer) word(word []byte) bool {
	n.prev = prevCallee
	switch string(word) {
	case "select", "union", "intersect", "except", "with", "similar", "table":
		return false
	case "and", "or", "not", "like", "ilike", "between", "when", "then", "else":
		n.prev = prevOpen
	case "in":
		n.prev = prevKeyword
	case "where":
		n.prev = prevOpen
		if n.depth == 0 && n.verb != 'i' {
			n.region = true
		}
	case "values":
		n.prev = prevKeyword
		if n.depth > 0 || n.verb != 'i' {
			return false
		}
		n.region = true
	case "set":
		n.prev = prevOpen
		if n.depth == 0 && n.verb == 'u' {
			n.region = true
		}
	case "from", "group", "having", "order", "limit", "offset", "fetch", "for", "window", "returning", "on", "using":
		if n.depth == 0 {
			n.region = false
		}
	}
	return true
}
