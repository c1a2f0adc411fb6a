package types

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// The tsvector type: the lexemes of a document with their positions. A value is held in the form in which PostgreSQL sends
// it, a count and for each lexeme its text, a zero byte, the number of positions and the positions, 16 bits each. That form
// is canonical (lexemes sorted, positions ascending), so equal values are equal bytes; their order is that of TSVectorKey.

// Limits of the text search types, PostgreSQL's MAXSTRLEN and so on.
const (
	MaxLexemeBytes   = 1<<11 - 1 // of a lexeme
	MaxTSVectorBytes = 1<<20 - 1 // of all lexemes and positions of a tsvector, and of all operands of a tsquery
	MaxTSPosition    = 1<<14 - 1 // positions beyond it are it
	maxPositions     = 256       // of a lexeme
)

// TSPos is the position of a lexeme in a document and its weight, 0 (D) to 3 (A).
type TSPos uint16

// NewTSPos makes a position; what is beyond MaxTSPosition becomes that.
func NewTSPos(pos, weight int) TSPos { return TSPos(min(pos, MaxTSPosition) | weight<<14) }

// Pos is the position, from 1.
func (p TSPos) Pos() int { return int(p & MaxTSPosition) }

// Weight is 0 for D to 3 for A.
func (p TSPos) Weight() int { return int(p >> 14) }

// WithWeight is the position with another weight.
func (p TSPos) WithWeight(w int) TSPos { return p&MaxTSPosition | TSPos(w)<<14 }

// TSLexeme is a lexeme of a tsvector; Pos is empty where the positions are not known.
type TSLexeme struct {
	Word string
	Pos  []TSPos // ascending
}

// TSVector is a tsvector: lexemes in the order of their bytes, each once.
type TSVector []TSLexeme

// TSVector returns the value of a tsvector, whose lexemes refer to the datum's memory.
func (d Datum) TSVector() TSVector {
	s := d.Str()
	n := int(binary.BigEndian.Uint32([]byte(s[:4])))
	v, all := make(TSVector, n), make([]TSPos, 0, len(s)/4)
	at := 4
	for i := range v {
		end := at + strings.IndexByte(s[at:], 0)
		v[i].Word = s[at:end]
		npos := int(s[end+1])<<8 | int(s[end+2])
		at = end + 3
		first := len(all)
		for range npos {
			all = append(all, TSPos(s[at])<<8|TSPos(s[at+1]))
			at += 2
		}
		if npos > 0 {
			v[i].Pos = all[first:len(all):len(all)]
		}
	}
	return v
}

// NewTSVector makes a tsvector of lexemes that are sorted and unique.
func NewTSVector(v TSVector) Datum {
	n := 4
	for i := range v {
		n += len(v[i].Word) + 3 + 2*len(v[i].Pos)
	}
	b := binary.BigEndian.AppendUint32(make([]byte, 0, n), uint32(len(v)))
	for i := range v {
		b = append(append(b, v[i].Word...), 0)
		b = binary.BigEndian.AppendUint16(b, uint16(len(v[i].Pos)))
		for _, p := range v[i].Pos {
			b = binary.BigEndian.AppendUint16(b, uint16(p))
		}
	}
	return NewBytes(b)
}

// dataBytes is how long PostgreSQL's own form of the lexemes and positions is, in which positions stand at even offsets.
func (v TSVector) dataBytes() int {
	n := 0
	for i := range v {
		n += len(v[i].Word)
		if len(v[i].Pos) > 0 {
			n = n + n&1 + 2 + 2*len(v[i].Pos)
		}
	}
	return n
}

// CheckSize refuses a tsvector that is too long (54000).
func (v TSVector) CheckSize() error {
	if n := v.dataBytes(); n > MaxTSVectorBytes {
		return errTSVectorSize(n)
	}
	return nil
}

func errTSVectorSize(n int) error {
	return pgerr.New(pgerr.ProgramLimitExceeded, "string is too long for tsvector (%d bytes, max %d bytes)", n, MaxTSVectorBytes)
}

// Find returns the index of a lexeme, or where it would be inserted and false.
func (v TSVector) Find(word string) (int, bool) {
	return slices.BinarySearchFunc(v, word, func(l TSLexeme, w string) int { return strings.Compare(l.Word, w) })
}

// Normalize sorts lexemes, merges those that are the same, and sorts and merges positions: of one position with several
// weights the highest stays.
func (v TSVector) Normalize() TSVector {
	slices.SortStableFunc(v, func(a, b TSLexeme) int { return strings.Compare(a.Word, b.Word) })
	out := v[:0]
	for _, l := range v {
		if n := len(out); n > 0 && out[n-1].Word == l.Word {
			out[n-1].Pos = append(out[n-1].Pos, l.Pos...)
			continue
		}
		out = append(out, l)
	}
	for i := range out {
		out[i].Pos = normalizePositions(out[i].Pos)
	}
	return out
}

func normalizePositions(p []TSPos) []TSPos {
	if len(p) < 2 {
		return p
	}
	slices.SortStableFunc(p, func(a, b TSPos) int { return cmp.Compare(a.Pos(), b.Pos()) })
	out := p[:1]
	for _, x := range p[1:] {
		last := &out[len(out)-1]
		if x.Pos() == last.Pos() {
			*last = last.WithWeight(max(last.Weight(), x.Weight()))
			continue
		}
		out = append(out, x)
		if len(out) >= maxPositions || x.Pos() == MaxTSPosition {
			break
		}
	}
	return out
}

func parseTSVector(s string) (Datum, error) {
	sc := tsScanner{in: s}
	var v TSVector
	bytes := 0
	for {
		w, pos, ok, err := sc.next()
		switch {
		case err != nil:
			return Null, err
		case !ok:
			v = v.Normalize()
			return NewTSVector(v), v.CheckSize()
		case len(w) >= MaxLexemeBytes:
			return Null, pgerr.New(pgerr.ProgramLimitExceeded, "word is too long (%d bytes, max %d bytes)", len(w), MaxLexemeBytes-1)
		case bytes > MaxTSVectorBytes:
			return Null, errTSVectorSize(bytes)
		}
		bytes += len(w)
		v = append(v, TSLexeme{w, pos})
	}
}

func appendTSVector(buf []byte, s string) []byte {
	for i, l := range NewString(s).TSVector() {
		if i > 0 {
			buf = append(buf, ' ')
		}
		buf = appendLexeme(buf, l.Word)
		for j, p := range l.Pos {
			sep := byte(',')
			if j == 0 {
				sep = ':'
			}
			buf = strconv.AppendInt(append(buf, sep), int64(p.Pos()), 10)
			if w := p.Weight(); w > 0 {
				buf = append(buf, "DCBA"[w])
			}
		}
	}
	return buf
}

// appendLexeme appends a lexeme in quotes.
func appendLexeme(buf []byte, w string) []byte {
	buf = append(buf, '\'')
	for i := range len(w) {
		if w[i] == '\'' || w[i] == '\\' {
			buf = append(buf, w[i])
		}
		buf = append(buf, w[i])
	}
	return append(buf, '\'')
}

// tsReader reads what a client sends of the text search types.
type tsReader struct {
	b   []byte
	err error
}

func (r *tsReader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.b = nil
}

func (r *tsReader) uint(bytes int) (n uint32) {
	if len(r.b) < bytes {
		r.fail(errBinaryShort())
		return 0
	}
	for _, c := range r.b[:bytes] {
		n = n<<8 | uint32(c)
	}
	r.b = r.b[bytes:]
	return n
}

func (r *tsReader) string() string {
	for i, c := range r.b {
		if c == 0 {
			s := string(r.b[:i])
			r.b = r.b[i+1:]
			if err := ValidateUTF8(s); err != nil {
				r.fail(err)
			}
			return s
		}
	}
	r.fail(pgerr.New(pgerr.ProtocolViolation, "invalid string in message"))
	return ""
}

// end returns the first fault, or that something is left.
func (r *tsReader) end() error {
	if r.err == nil && len(r.b) > 0 {
		return errBinaryFormat()
	}
	return r.err
}

func parseBinaryTSVector(b []byte) (Datum, error) {
	r := tsReader{b: b}
	n := int(int32(r.uint(4)))
	if n < 0 || n > math.MaxInt32/16 {
		r.fail(pgerr.Internal("invalid size of tsvector"))
	}
	var v TSVector
	sorted, bytes := true, 0
	for i := 0; i < n && r.err == nil; i++ {
		l := TSLexeme{Word: r.string()}
		npos := int(r.uint(2))
		switch {
		case len(l.Word) > MaxLexemeBytes:
			r.fail(pgerr.Internal("invalid tsvector: lexeme too long"))
		case bytes > MaxTSVectorBytes:
			r.fail(pgerr.Internal("invalid tsvector: maximum total lexeme length exceeded"))
		case npos > maxPositions:
			r.fail(pgerr.Internal("unexpected number of tsvector positions"))
		}
		bytes += len(l.Word) + 2*npos
		for j := 0; j < npos && r.err == nil; j++ {
			l.Pos = append(l.Pos, TSPos(r.uint(2)))
			if j > 0 && l.Pos[j].Pos() <= l.Pos[j-1].Pos() {
				r.fail(pgerr.Internal("position information is misordered"))
			}
		}
		sorted = sorted && (i == 0 || l.Word > v[i-1].Word)
		v = append(v, l)
	}
	if err := r.end(); err != nil {
		return Null, err
	}
	if !sorted {
		v = v.Normalize()
	}
	return NewTSVector(v), v.CheckSize()
}

// TSVectorKey returns bytes in whose order PostgreSQL sorts tsvectors: the size of its own form, the number of lexemes, and
// then lexeme by lexeme, those with positions, more and higher ones first.
func TSVectorKey(s string) []byte {
	v := NewString(s).TSVector()
	b := binary.BigEndian.AppendUint32(make([]byte, 0, len(s)+4), uint32(8+4*len(v)+v.dataBytes()))
	b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
	for _, l := range v {
		if len(l.Pos) == 0 {
			b = append(append(append(b, 1), l.Word...), 0)
			continue
		}
		b = append(append(append(b, 0), l.Word...), 0)
		b = binary.BigEndian.AppendUint16(b, ^uint16(len(l.Pos)))
		for _, p := range l.Pos {
			b = binary.BigEndian.AppendUint16(b, ^uint16(p.Pos()<<2|p.Weight()))
		}
	}
	return b
}

// TSVectorFromKey is the tsvector of a TSVectorKey; false for other bytes.
func TSVectorFromKey(key []byte) (Datum, bool) {
	r := tsReader{b: key}
	r.uint(4)
	n := r.uint(4)
	var v TSVector
	for i := uint32(0); i < n && r.err == nil; i++ {
		bare := r.uint(1) == 1
		l := TSLexeme{Word: r.string()}
		if !bare {
			for npos := ^uint16(r.uint(2)); npos > 0 && r.err == nil; npos-- {
				p := ^uint16(r.uint(2))
				l.Pos = append(l.Pos, NewTSPos(int(p>>2), int(p&3)))
			}
		}
		v = append(v, l)
	}
	return NewTSVector(v), r.end() == nil
}

// tsScanner reads the words of the text forms of tsvector and tsquery.
type tsScanner struct {
	in    string // the whole text
	at    int
	query bool // ! & | ( ) end a word, and what follows a colon is not a position
	web   bool // of websearch_to_tsquery: quotes and backslashes mean nothing, " ends a word
}

func (sc *tsScanner) errSyntax() error {
	what := "tsvector"
	if sc.query {
		what = "tsquery"
	}
	return pgerr.New(pgerr.SyntaxError, "syntax error in %s: \"%s\"", what, sc.in)
}

// char is the next byte, 0 at the end.
func (sc *tsScanner) char() byte {
	if sc.at < len(sc.in) {
		return sc.in[sc.at]
	}
	return 0
}

// space reports whether the next character is white space.
func (sc *tsScanner) space() bool {
	if c := sc.char(); c < utf8.RuneSelf {
		return isSpace(c)
	}
	r, _ := utf8.DecodeRuneInString(sc.in[sc.at:])
	return IsWideSpace(r)
}

// skip passes one character.
func (sc *tsScanner) skip() {
	_, n := utf8.DecodeRuneInString(sc.in[sc.at:])
	sc.at += n
}

func isTSOperator(c byte) bool {
	return c == '!' || c == '&' || c == '|' || c == '(' || c == ')' || c == '<'
}

// next reads a word and the positions behind it; ok is false at the end of the text.
func (sc *tsScanner) next() (word string, pos []TSPos, ok bool, err error) {
	for sc.at < len(sc.in) && sc.space() {
		sc.skip()
	}
	c := sc.char()
	switch {
	case sc.at >= len(sc.in):
		return "", nil, false, nil
	case c == '\'' && !sc.web:
		sc.at++
		if word, err = sc.quoted(); err != nil {
			return "", nil, false, err
		}
	case sc.query && isTSOperator(c) || sc.web && c == '"':
		return "", nil, false, sc.errSyntax()
	default:
		if word, err = sc.bare(); err != nil {
			return "", nil, false, err
		}
	}
	if sc.char() == ':' && !sc.query {
		sc.at++
		pos, err = sc.positions()
	}
	return word, pos, err == nil, err
}

// escaped reads the character after a backslash.
func (sc *tsScanner) escaped(b []byte) ([]byte, error) {
	sc.at++
	if sc.at >= len(sc.in) {
		return nil, pgerr.New(pgerr.SyntaxError, "there is no escaped character: \"%s\"", sc.in)
	}
	from := sc.at
	sc.skip()
	return append(b, sc.in[from:sc.at]...), nil
}

// bare reads a word without quotes. Its first character is part of it whatever it is.
func (sc *tsScanner) bare() (string, error) {
	var b []byte
	for sc.at < len(sc.in) {
		c := sc.char()
		switch {
		case c == '\\' && !sc.web:
			var err error
			if b, err = sc.escaped(b); err != nil {
				return "", err
			}
			continue
		case len(b) == 0:
		case c == ':' || sc.space() || sc.query && isTSOperator(c) || sc.web && c == '"':
			return string(b), nil
		}
		from := sc.at
		sc.skip()
		b = append(b, sc.in[from:sc.at]...)
	}
	return string(b), nil
}

// quoted reads a word up to the quote that ends it.
func (sc *tsScanner) quoted() (string, error) {
	var b []byte
	for sc.at < len(sc.in) {
		switch c := sc.char(); c {
		case '\\':
			var err error
			if b, err = sc.escaped(b); err != nil {
				return "", err
			}
			continue
		case '\'':
			sc.at++
			if sc.char() == '\'' {
				break
			}
			if len(b) == 0 {
				return "", sc.errSyntax()
			}
			return string(b), nil
		}
		from := sc.at
		sc.skip()
		b = append(b, sc.in[from:sc.at]...)
	}
	return "", sc.errSyntax()
}

// positions reads 1A,2,3C.
func (sc *tsScanner) positions() (out []TSPos, err error) {
	for {
		p, err := sc.position()
		if err != nil {
			return nil, err
		}
		out = append(out, p)
		if sc.char() != ',' {
			return out, nil
		}
		sc.at++
	}
}

// position reads a position with its weight, up to a comma, white space or the end.
func (sc *tsScanner) position() (TSPos, error) {
	if !isDigit(sc.char()) {
		return 0, sc.errSyntax()
	}
	n := int64(0)
	for i := sc.at; i < len(sc.in) && isDigit(sc.in[i]); i++ {
		if n = n*10 + int64(sc.in[i]-'0'); n > math.MaxInt64/20 {
			n = math.MaxInt64 / 20 // some more digits do not matter, it is cut to the highest position
		}
	}
	p := NewTSPos(int(n), 0)
	if p == 0 {
		return 0, pgerr.New(pgerr.SyntaxError, "wrong position info in tsvector: \"%s\"", sc.in)
	}
	for {
		c := sc.char()
		switch {
		case c == ',' || sc.at >= len(sc.in) || sc.space():
			return p, nil
		case isDigit(c):
		case p.Weight() != 0:
			return 0, sc.errSyntax()
		case c == 'a' || c == 'A' || c == '*':
			p = p.WithWeight(3)
		case c == 'b' || c == 'B':
			p = p.WithWeight(2)
		case c == 'c' || c == 'C':
			p = p.WithWeight(1)
		case c != 'd' && c != 'D':
			return 0, sc.errSyntax()
		}
		sc.at++
	}
}
