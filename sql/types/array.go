package types

import (
	"math"
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// Limits of arrays.
const (
	MaxArrayDims = 6         // dimensions: PostgreSQL's MAXDIM
	MaxArraySize = 134217727 // elements: its MaxArraySize
)

// arrayReader reads an array literal: {1,{2,"x"}} with an optional [l:u]...= in front.
type arrayReader struct {
	whole string
	s     string
	pos   int
	elem  Type
	env   *IOEnv
	dims  []int32 // of the literal; -1 until the first sub-array of a level ends
	elems []Datum
}

func (r *arrayReader) fail(detail string, args ...any) error {
	return pgerr.New(pgerr.InvalidTextRepresentation, "malformed array literal: \"%s\"", r.whole).WithDetail(detail, args...)
}

func (r *arrayReader) skipSpace() { r.pos = spanWhile(r.s, r.pos, isSpace) }

// peek returns the next byte that is no blank; 0 at the end.
func (r *arrayReader) peek() byte {
	r.skipSpace()
	if r.pos < len(r.s) {
		return r.s[r.pos]
	}
	return 0
}

func parseArray(t Type, s string, env *IOEnv) (Datum, error) {
	elem := Type{ElemOf(t.Oid), t.Mod}
	r := &arrayReader{whole: s, s: s, elem: elem, env: env}
	var lbs, ubs []int32
	for r.peek() == '[' {
		lo, hi, err := r.readBounds()
		if err != nil {
			return Null, err
		}
		lbs, ubs = append(lbs, lo), append(ubs, hi)
		if len(lbs) > MaxArrayDims {
			return Null, errTooManyDims(len(lbs))
		}
	}
	if lbs != nil {
		if r.peek() != '=' {
			return Null, r.fail("Missing \"=\" after array dimensions.")
		}
		r.pos++
	}
	if r.peek() != '{' {
		if lbs != nil {
			return Null, r.fail("Array contents must start with \"{\".")
		}
		return Null, r.fail("Array value must start with \"{\" or dimension information.")
	}
	if err := r.readLevel(0); err != nil {
		return Null, err
	}
	if r.peek() != 0 {
		return Null, r.fail("Junk after closing right brace.")
	}
	a := &Array{Elem: elem.Oid, Elems: r.elems}
	if len(r.elems) > 0 {
		a.Dims = r.dims
	}
	return finishBounds(r, a, lbs, ubs)
}

func errTooManyDims(n int) error {
	return pgerr.New(pgerr.ProgramLimitExceeded, "number of array dimensions (%d) exceeds the maximum allowed (%d)", n, MaxArrayDims)
}

// finishBounds checks written dimensions against the contents.
func finishBounds(r *arrayReader, a *Array, lbs, ubs []int32) (Datum, error) {
	if lbs == nil || len(a.Elems) == 0 {
		return NewArray(a), nil
	}
	ok := len(lbs) == len(a.Dims)
	plain := true
	for i := range lbs {
		ok = ok && ubs[i]-lbs[i]+1 == a.Dims[i]
		plain = plain && lbs[i] == 1
	}
	if !ok {
		return Null, r.fail("Specified array dimensions do not match array contents.")
	}
	if !plain {
		a.Lbs = lbs
	}
	return NewArray(a), nil
}

func (r *arrayReader) readBounds() (lo, hi int32, err error) {
	end := strings.IndexByte(r.s[r.pos:], ']')
	if end < 0 {
		return 0, 0, r.fail("Missing \"]\" after array dimensions.")
	}
	body := r.s[r.pos+1 : r.pos+end]
	r.pos += end + 1
	first, second, two := strings.Cut(body, ":")
	if !two {
		first, second = "1", body
	}
	l, err1 := strconv.ParseInt(trimSpace(first), 10, 32)
	u, err2 := strconv.ParseInt(trimSpace(second), 10, 32)
	if err1 != nil || err2 != nil {
		return 0, 0, r.fail("\"[\" must introduce explicitly-specified array dimensions.")
	}
	if u < l {
		return 0, 0, pgerr.New(pgerr.ArraySubscriptError, "upper bound cannot be less than lower bound")
	}
	if u-l+1 > math.MaxInt32/8 {
		return 0, 0, pgerr.New(pgerr.ProgramLimitExceeded, "array size exceeds the maximum allowed (%d)", 134217727)
	}
	return int32(l), int32(u), nil
}

func (r *arrayReader) errMismatch() error {
	return r.fail("Multidimensional arrays must have sub-arrays with matching dimensions.")
}

// readLevel reads { ... } of one dimension and checks that its length is that of
// its siblings.
func (r *arrayReader) readLevel(level int) error {
	if level >= MaxArrayDims {
		return errTooManyDims(level + 1)
	}
	if level == len(r.dims) {
		if len(r.elems) > 0 {
			return r.fail("Unexpected \"{\" character.")
		}
		r.dims = append(r.dims, -1)
	}
	r.pos++ // {
	n := int32(0)
	if r.peek() == '}' {
		r.pos++
		if level > 0 {
			r.pos--
			return r.fail("Unexpected \"}\" character.")
		}
		r.dims[level] = 0
		return nil
	}
	for {
		switch r.peek() {
		case 0:
			return r.fail("Unexpected end of input.")
		case '{':
			if err := r.readLevel(level + 1); err != nil {
				return err
			}
		case ',', '}':
			return r.fail("Unexpected \"%c\" character.", r.s[r.pos])
		default:
			if level != len(r.dims)-1 {
				return r.fail("Unexpected array element.")
			}
			if err := r.readElement(); err != nil {
				return err
			}
		}
		n++
		switch c := r.peek(); c {
		case ',':
			r.pos++
		case '}':
			r.pos++
			if r.dims[level] >= 0 && r.dims[level] != n {
				return r.errMismatch()
			}
			r.dims[level] = n
			return nil
		case 0:
			return r.fail("Unexpected end of input.")
		default:
			if c == '{' {
				return r.fail("Unexpected \"{\" character.")
			}
			return r.fail("Unexpected array element.")
		}
	}
}

// readElement reads one element, quoted or not.
func (r *arrayReader) readElement() error {
	if r.s[r.pos] == '"' {
		text, err := r.readQuoted()
		if err != nil {
			return err
		}
		return r.addElement(text)
	}
	var out []byte
	start, kept := r.pos, 0 // out[:kept] ends with an escaped byte, which blanks after it don't join
	escaped := false
	i := r.pos
scan:
	for ; i < len(r.s); i++ {
		switch r.s[i] {
		case ',', '}':
			break scan
		case '{':
			r.pos = i
			return r.fail("Unexpected \"{\" character.")
		case '"':
			r.pos = i
			return r.fail("Unexpected array element.")
		case '\\':
			if i++; i >= len(r.s) {
				return r.fail("Unexpected end of input.")
			}
			if !escaped {
				out = append(out, r.s[start:i-1]...)
				escaped = true
			}
			out = append(out, r.s[i])
			kept = len(out)
		default:
			if escaped {
				out = append(out, r.s[i])
			}
		}
	}
	if i >= len(r.s) {
		return r.fail("Unexpected end of input.")
	}
	r.pos = i
	if !escaped {
		text := r.s[start:i]
		for text != "" && isSpace(text[len(text)-1]) {
			text = text[:len(text)-1]
		}
		if strings.EqualFold(text, "null") {
			r.elems = append(r.elems, Null)
			return nil
		}
		return r.addElement(text)
	}
	for len(out) > kept && isSpace(out[len(out)-1]) {
		out = out[:len(out)-1]
	}
	return r.addElement(string(out))
}

func (r *arrayReader) readQuoted() (string, error) {
	var out []byte
	for i := r.pos + 1; i < len(r.s); i++ {
		switch r.s[i] {
		case '"':
			r.pos = i + 1
			return string(out), nil
		case '\\':
			if i++; i < len(r.s) {
				out = append(out, r.s[i])
			}
		default:
			out = append(out, r.s[i])
		}
	}
	return "", r.fail("Unexpected end of input.")
}

func (r *arrayReader) addElement(text string) error {
	d, err := ParseText(r.elem, text, r.env)
	r.elems = append(r.elems, d)
	return err
}

// parseVector reads int2vector and oidvector: numbers with blanks between.
func parseVector(oid Oid, s string) (Datum, error) {
	elem := ElemOf(oid)
	var elems []Datum
	for _, f := range strings.Fields(s) {
		d, err := ParseText(T(elem), f, DefaultIOEnv)
		if err != nil {
			return Null, err
		}
		elems = append(elems, d)
	}
	return NewVector(elem, elems), nil
}

// NewVector returns an int2vector or oidvector: one dimension that starts at 0.
func NewVector(elem Oid, elems []Datum) Datum {
	return NewArray(&Array{Elem: elem, Dims: []int32{int32(len(elems))}, Lbs: []int32{0}, Elems: elems})
}

// appendArray appends an array literal, or the vector types' plain list.
func appendArray(buf []byte, oid Oid, a *Array, env *IOEnv) []byte {
	if oid == Int2vectorOid || oid == OidvectorOid {
		for i, e := range a.Elems {
			if i > 0 {
				buf = append(buf, ' ')
			}
			buf = strconv.AppendInt(buf, e.Int(), 10)
		}
		return buf
	}
	if len(a.Elems) == 0 {
		return append(buf, '{', '}')
	}
	shifted := false
	for _, l := range a.Lbs {
		shifted = shifted || l != 1
	}
	if shifted {
		for i, n := range a.Dims {
			buf = strconv.AppendInt(append(buf, '['), int64(a.Lbs[i]), 10)
			buf = strconv.AppendInt(append(buf, ':'), int64(a.Lbs[i]+n-1), 10)
			buf = append(buf, ']')
		}
		buf = append(buf, '=')
	}
	buf, _ = appendLevel(buf, a, 0, 0, env)
	return buf
}

// appendLevel appends one sub-array, whose first element is next, and returns the element after it.
func appendLevel(buf []byte, a *Array, level, next int, env *IOEnv) ([]byte, int) {
	buf = append(buf, '{')
	for i := range int(a.Dims[level]) {
		if i > 0 {
			buf = append(buf, ',')
		}
		if level+1 < len(a.Dims) {
			buf, next = appendLevel(buf, a, level+1, next, env)
			continue
		}
		if e := a.Elems[next]; e.IsNull() {
			buf = append(buf, "NULL"...)
		} else {
			start := len(buf)
			buf = quoteElement(AppendText(buf, a.Elem, e, env), start)
		}
		next++
	}
	return append(buf, '}'), next
}

// quoteElement puts buf[start:] in quotes if it would not read back as it stands.
func quoteElement(buf []byte, start int) []byte {
	text := buf[start:]
	need := len(text) == 0 || len(text) == 4 && strings.EqualFold(string(text), "null")
	escapes := 0
	for _, c := range text {
		switch c {
		case '"', '\\':
			escapes++
		case '{', '}', ',', ' ', '\t', '\n', '\r', '\v', '\f':
			need = true
		}
	}
	if !need && escapes == 0 {
		return buf
	}
	src := string(text)
	buf = append(buf[:start], '"')
	for i := range len(src) {
		if src[i] == '"' || src[i] == '\\' {
			buf = append(buf, '\\')
		}
		buf = append(buf, src[i])
	}
	return append(buf, '"')
}

// appendRecord appends (a,"b c",) with PostgreSQL's quoting of composites.
func appendRecord(buf []byte, r *Record, env *IOEnv) []byte {
	buf = append(buf, '(')
	for i, f := range r.Fields {
		if i > 0 {
			buf = append(buf, ',')
		}
		if !f.IsNull() {
			start := len(buf)
			buf = quoteField(AppendText(buf, r.Types[i].Oid, f, env), start)
		}
	}
	return append(buf, ')')
}

func quoteField(buf []byte, start int) []byte {
	text := buf[start:]
	need := len(text) == 0
	for _, c := range text {
		if c == '"' || c == '\\' || c == '(' || c == ')' || c == ',' || isSpace(c) {
			need = true
		}
	}
	if !need {
		return buf
	}
	src := string(text)
	buf = append(buf[:start], '"')
	for i := range len(src) {
		if src[i] == '"' || src[i] == '\\' {
			buf = append(buf, src[i])
		}
		buf = append(buf, src[i])
	}
	return append(buf, '"')
}
