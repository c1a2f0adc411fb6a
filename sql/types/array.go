package types

import (
	"strconv"
	"strings"
)

// Limits of arrays.
const (
	MaxArrayDims = 6         // dimensions: PostgreSQL's MAXDIM
	MaxArraySize = 134217727 // elements: its MaxArraySize
)

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
