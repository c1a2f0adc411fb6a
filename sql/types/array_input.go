package types

import (
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// Reading array literals: {1,{2,"x"}} with an optional [l:u]...= in front. As in PostgreSQL there are two passes: the
// first checks the braces and counts what is between them, the second reads the elements.

func errTooManyDims(n int) error {
	return pgerr.New(pgerr.ProgramLimitExceeded, "number of array dimensions (%d) exceeds the maximum allowed (%d)", n, MaxArrayDims)
}

func errArraySize() error {
	return pgerr.New(pgerr.ProgramLimitExceeded, "array size exceeds the maximum allowed (%d)", MaxArraySize)
}

func malformedArray(text, detail string, args ...any) error {
	return pgerr.New(pgerr.InvalidTextRepresentation, "malformed array literal: \"%s\"", text).WithDetail(detail, args...)
}

// CheckArrayShape returns the number of elements of an array of these dimensions and lower bounds (nil: all 1), and
// refuses what PostgreSQL's limits do not allow.
func CheckArrayShape(dims, lbs []int32) (int, error) {
	n := int64(1)
	for _, d := range dims {
		if n *= int64(d); d < 0 || n > MaxArraySize {
			return 0, errArraySize()
		}
	}
	for i, l := range lbs {
		if int64(l)+int64(dims[i]) > 1<<31-1 {
			return 0, pgerr.New(pgerr.ProgramLimitExceeded, "array lower bound is too large: %d", l)
		}
	}
	return int(n), nil
}

// PlainBounds returns nil for lower bounds that are all 1.
func PlainBounds(lbs []int32) []int32 {
	for _, l := range lbs {
		if l != 1 {
			return lbs
		}
	}
	return nil
}

func parseArray(t Type, s string, env *IOEnv) (Datum, error) {
	dims, lbs, pos, err := readBounds(s)
	if err != nil {
		return Null, err
	}
	if dims == nil {
		if pos == len(s) || s[pos] != '{' {
			return Null, malformedArray(s, "Array value must start with \"{\" or dimension information.")
		}
	} else {
		if pos == len(s) || s[pos] != '=' {
			return Null, malformedArray(s, "Missing \"=\" after array dimensions.")
		}
		pos = spanWhile(s, pos+1, isSpace)
		if pos == len(s) || s[pos] != '{' {
			return Null, malformedArray(s, "Array contents must start with \"{\".")
		}
	}
	c := arrayCounter{s: s[pos:]}
	counted, err := c.count()
	if err != nil {
		return Null, err
	}
	if dims != nil {
		ok := len(dims) == len(counted)
		for i := 0; ok && i < len(dims); i++ {
			ok = dims[i] == counted[i]
		}
		if !ok {
			return Null, malformedArray(s, "Specified array dimensions do not match array contents.")
		}
	}
	n, err := CheckArrayShape(counted, lbs)
	if err != nil {
		return Null, err
	}
	elem := Type{Oid: ElemOf(t.Oid), Mod: t.Mod}
	a := &Array{Elem: elem.Oid}
	if len(counted) == 0 {
		return NewArray(a), nil
	}
	a.Dims, a.Lbs, a.Elems = counted, PlainBounds(lbs), make([]Datum, 0, n)
	return NewArray(a), readElements(a, s[pos:], elem, env)
}

// readBounds reads [l:u] and [u] in front of a literal; pos is the first byte after them and after blanks.
func readBounds(s string) (dims, lbs []int32, pos int, err error) {
	number := func(from int) (int64, int) {
		end := spanWhile(s, from, func(c byte) bool { return isDigit(c) || c == '-' || c == '+' })
		return cInt(s[from:end]), end
	}
	for {
		pos = spanWhile(s, pos, isSpace)
		if pos == len(s) || s[pos] != '[' {
			return dims, lbs, pos, nil
		}
		if len(dims) >= MaxArrayDims {
			return nil, nil, 0, errTooManyDims(len(dims) + 1)
		}
		lower := int64(1)
		upper, end := number(pos + 1)
		if end == pos+1 {
			return nil, nil, 0, malformedArray(s, "\"[\" must introduce explicitly-specified array dimensions.")
		}
		if end < len(s) && s[end] == ':' {
			lower = upper
			pos = end
			if upper, end = number(pos + 1); end == pos+1 {
				return nil, nil, 0, malformedArray(s, "Missing array dimension value.")
			}
		}
		if end == len(s) || s[end] != ']' {
			return nil, nil, 0, malformedArray(s, "Missing \"]\" after array dimensions.")
		}
		if upper < lower {
			return nil, nil, 0, pgerr.New(pgerr.ArraySubscriptError, "upper bound cannot be less than lower bound")
		}
		// As in C the length wraps around: one beyond 32 bits is then refused as negative, or does not match.
		dims, lbs, pos = append(dims, int32(upper-lower+1)), append(lbs, int32(lower)), end+1
	}
}

// cInt is C's atoi for what fits: a sign and digits, 0 if there are none.
func cInt(s string) int64 {
	end := 0
	if s != "" && (s[0] == '-' || s[0] == '+') {
		end = 1
	}
	end = spanWhile(s, end, isDigit)
	n, _ := strconv.ParseInt(s[:end], 10, 64)
	return int64(int32(n))
}

// arrayState is where between braces, delimiters and elements the counter is.
type arrayState uint8

const (
	noLevel arrayState = iota
	levelStarted
	elemStarted
	quotedElemStarted
	quotedElemCompleted
	elemDelimited
	levelCompleted
	levelDelimited
)

// arrayCounter is PostgreSQL's ArrayCount.
type arrayCounter struct {
	s                    string
	pos                  int
	state                arrayState
	inQuotes, filled     bool
	level, dims          int
	lengths, elems, last [MaxArrayDims]int32
	closed, itemDone     bool
}

func (c *arrayCounter) fail(detail string, args ...any) error {
	return malformedArray(c.s, detail, args...)
}

func (c *arrayCounter) in(states ...arrayState) bool {
	for _, s := range states {
		if c.state == s {
			return true
		}
	}
	return false
}

// count returns the dimensions; none for an empty array.
func (c *arrayCounter) count() ([]int32, error) {
	c.dims = 1
	for i := range c.elems {
		c.elems[i] = 1
	}
	for !c.closed {
		for c.itemDone = false; !c.itemDone; c.pos++ {
			if c.state == elemStarted || c.state == quotedElemStarted {
				c.filled = true
			}
			if c.pos >= len(c.s) {
				return nil, c.fail("Unexpected end of input.")
			}
			if err := c.step(c.s[c.pos]); err != nil {
				return nil, err
			}
		}
		c.lengths[c.dims-1]++
	}
	if spanWhile(c.s, c.pos, isSpace) < len(c.s) {
		return nil, c.fail("Junk after closing right brace.")
	}
	if !c.filled {
		return nil, nil
	}
	return append([]int32(nil), c.lengths[:c.dims]...), nil
}

func (c *arrayCounter) step(b byte) error {
	switch {
	case b == '\\':
		if !c.in(levelStarted, elemStarted, quotedElemStarted, elemDelimited) {
			return c.fail("Unexpected \"\\\" character.")
		}
		if c.state != quotedElemStarted {
			c.state = elemStarted
		}
		if c.pos++; c.pos >= len(c.s) {
			return c.fail("Unexpected end of input.")
		}
	case b == '"':
		if !c.in(levelStarted, quotedElemStarted, elemDelimited) {
			return c.fail("Unexpected array element.")
		}
		if c.inQuotes = !c.inQuotes; c.inQuotes {
			c.state = quotedElemStarted
		} else {
			c.state = quotedElemCompleted
		}
	case c.inQuotes:
	case b == '{':
		return c.open()
	case b == '}':
		return c.close()
	case b == ',':
		if !c.in(elemStarted, quotedElemCompleted, levelCompleted) {
			return c.fail("Unexpected \",\" character.")
		}
		if c.state == levelCompleted {
			c.state = levelDelimited
		} else {
			c.state = elemDelimited
		}
		c.itemDone = true
		c.elems[c.level-1]++
	case !isSpace(b):
		if !c.in(levelStarted, elemStarted, elemDelimited) {
			return c.fail("Unexpected array element.")
		}
		c.state = elemStarted
	}
	return nil
}

func (c *arrayCounter) open() error {
	if !c.in(noLevel, levelStarted, levelDelimited) {
		return c.fail("Unexpected \"{\" character.")
	}
	c.state = levelStarted
	if c.level >= MaxArrayDims {
		return errTooManyDims(c.level + 1)
	}
	c.lengths[c.level] = 0
	c.level++
	c.dims = max(c.dims, c.level)
	return nil
}

func (c *arrayCounter) close() error {
	if !c.in(elemStarted, quotedElemCompleted, levelCompleted) && !(c.level == 1 && c.state == levelStarted) {
		return c.fail("Unexpected \"}\" character.")
	}
	c.state = levelCompleted
	c.level--
	if c.last[c.level] != 0 && c.elems[c.level] != c.last[c.level] {
		return c.fail("Multidimensional arrays must have sub-arrays with matching dimensions.")
	}
	c.last[c.level], c.elems[c.level] = c.elems[c.level], 1
	if c.level == 0 {
		c.closed, c.itemDone = true, true
	} else {
		c.lengths[c.level-1]++
	}
	return nil
}

// readElements reads the elements of a literal whose braces are in order.
func readElements(a *Array, s string, elem Type, env *IOEnv) error {
	var buf []byte
	level := 0
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '{':
			if level++; level > len(a.Dims) {
				return pgerr.New(pgerr.InvalidTextRepresentation, "malformed array literal: \"%s\"", s)
			}
			i++
		case c == '}':
			level--
			i++
		case c == ',' || isSpace(c):
			i++
		default:
			if level != len(a.Dims) {
				return pgerr.New(pgerr.InvalidTextRepresentation, "malformed array literal: \"%s\"", s)
			}
			var text string
			var quoted bool
			text, quoted, i, buf = readElement(s, i, buf[:0])
			if !quoted && strings.EqualFold(text, "null") {
				a.Elems = append(a.Elems, Null)
				continue
			}
			d, err := ParseText(elem, text, env)
			if err != nil {
				return err
			}
			a.Elems = append(a.Elems, d)
		}
	}
	if n, _ := CheckArrayShape(a.Dims, nil); n != len(a.Elems) {
		return pgerr.New(pgerr.InvalidTextRepresentation, "malformed array literal: \"%s\"", s)
	}
	return nil
}

// readElement reads the element that begins at i, quoted or not or in part; blanks at its end count only where quoted
// or escaped. buf is room for what cannot be a piece of s.
func readElement(s string, i int, buf []byte) (text string, quoted bool, end int, _ []byte) {
	start, inQuotes, kept := i, false, 0
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			if !quoted {
				buf, quoted = append(buf, s[start:i]...), true
			}
			if i++; i < len(s) {
				buf = append(buf, s[i])
			}
			kept = len(buf)
		case c == '"':
			if !quoted {
				buf, quoted = append(buf, s[start:i]...), true
			}
			if inQuotes = !inQuotes; !inQuotes {
				kept = len(buf)
			}
		case inQuotes:
			buf = append(buf, c)
		case c == ',' || c == '}':
			if quoted {
				return string(buf[:kept]), true, i, buf
			}
			text = s[start:i]
			for text != "" && isSpace(text[len(text)-1]) {
				text = text[:len(text)-1]
			}
			return text, false, i, buf
		case quoted:
			buf = append(buf, c)
			if !isSpace(c) {
				kept = len(buf)
			}
		}
	}
	return string(buf), quoted, i, buf
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
