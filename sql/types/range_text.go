package types

import (
	"encoding/binary"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// Text and binary forms of ranges and multiranges.

func appendRange(buf []byte, r *Range, env *IOEnv) []byte {
	if r.Empty {
		return append(buf, "empty"...)
	}
	open, end := byte('('), byte(')')
	if r.LowerInc {
		open = '['
	}
	if r.UpperInc {
		end = ']'
	}
	buf = append(appendBound(append(buf, open), r.Elem, r.Lower, env), ',')
	return append(appendBound(buf, r.Elem, r.Upper, env), end)
}

// appendBound appends a bound, in quotes where it is empty or has characters that mean something in a range.
func appendBound(buf []byte, elem Oid, d Datum, env *IOEnv) []byte {
	if d.IsNull() {
		return buf
	}
	text := Text(elem, d, env)
	if text != "" && !strings.ContainsAny(text, "\"\\()[], \t\n\v\f\r") {
		return append(buf, text...)
	}
	buf = append(buf, '"')
	for i := range len(text) {
		if c := text[i]; c == '"' || c == '\\' {
			buf = append(buf, c)
		}
		buf = append(buf, text[i])
	}
	return append(buf, '"')
}

func appendMultirange(buf []byte, m *Multirange, env *IOEnv) []byte {
	buf = append(buf, '{')
	for i, r := range m.Ranges {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = appendRange(buf, r, env)
	}
	return append(buf, '}')
}

func errNoSubtype(t Oid) error { return pgerr.Internal("cache lookup failed for range type %d", t) }

// parseRange is range_in.
func parseRange(t Oid, text string, env *IOEnv) (*Range, error) {
	malformed := func(detail string) (*Range, error) {
		return nil, pgerr.New(pgerr.InvalidTextRepresentation, "malformed range literal: \"%s\"", text).WithDetail("%s", detail)
	}
	sub, ok := RangeSubtype(t)
	if !ok {
		return nil, errNoSubtype(t)
	}
	elem := sub.Oid
	s := skipSpace(text)
	if len(s) >= 5 && strings.EqualFold(s[:5], "empty") {
		if skipSpace(s[5:]) != "" {
			return malformed("Junk after \"empty\" key word.")
		}
		return EmptyRange(elem), nil
	}
	if s == "" || s[0] != '[' && s[0] != '(' {
		return malformed("Missing left parenthesis or bracket.")
	}
	lower := Bound{Inc: s[0] == '[', Lower: true}
	lowerText, s, ok := scanBound(s[1:])
	if !ok {
		return malformed("Unexpected end of input.")
	}
	if s[0] != ',' {
		return malformed("Missing comma after lower bound.")
	}
	upperText, s, ok := scanBound(s[1:])
	if !ok {
		return malformed("Unexpected end of input.")
	}
	upper := Bound{Inc: s[0] == ']'}
	if s[0] == ',' {
		return malformed("Too many commas.")
	}
	if skipSpace(s[1:]) != "" {
		return malformed("Junk after right parenthesis or bracket.")
	}
	for _, b := range [...]struct {
		text *string
		to   *Bound
	}{{lowerText, &lower}, {upperText, &upper}} {
		if b.text == nil {
			continue
		}
		var err error
		if b.to.Value, err = ParseText(sub, *b.text, env); err != nil {
			return nil, err
		}
		if b.to.Value, err = FieldValue(sub, b.to.Value, env); err != nil {
			return nil, err
		}
	}
	return MakeRange(t, lower, upper)
}

func skipSpace(s string) string { return strings.TrimLeft(s, " \t\n\v\f\r") }

// scanBound reads a bound up to the comma or bracket that ends it; nil is a missing one. False if the text ends before.
func scanBound(s string) (bound *string, rest string, ok bool) {
	ends := func(c byte) bool { return c == ',' || c == ')' || c == ']' }
	if s != "" && ends(s[0]) {
		return nil, s, true
	}
	var b strings.Builder
	quoted := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !quoted && ends(c) {
			text := b.String()
			return &text, s[i:], true
		}
		switch {
		case c == '\\':
			if i++; i == len(s) {
				return nil, "", false
			}
			b.WriteByte(s[i])
		case c == '"' && !quoted:
			quoted = true
		case c == '"' && i+1 < len(s) && s[i+1] == '"':
			b.WriteByte('"')
			i++
		case c == '"':
			quoted = false
		default:
			b.WriteByte(c)
		}
	}
	return nil, "", false
}

// parseMultirange is multirange_in.
func parseMultirange(t Oid, text string, env *IOEnv) (Datum, error) {
	malformed := func(detail string) (Datum, error) {
		return Null, pgerr.New(pgerr.InvalidTextRepresentation, "malformed multirange literal: \"%s\"", text).WithDetail("%s", detail)
	}
	rangeType := RangeOf(t)
	s := skipSpace(text)
	if s == "" || s[0] != '{' {
		return malformed("Missing left brace.")
	}
	var ranges []*Range
	seen := false
	for s = skipSpace(s[1:]); ; s = skipSpace(s[1:]) {
		switch {
		case s == "":
			return malformed("Unexpected end of input.")
		case s[0] == '}' && !seen:
		case s[0] == '[' || s[0] == '(':
			n := rangeEnd(s)
			if n < 0 {
				return malformed("Unexpected end of input.")
			}
			r, err := parseRange(rangeType, s[:n], env)
			if err != nil {
				return Null, err
			}
			ranges, s = append(ranges, r), skipSpace(s[n:])
		case len(s) >= 5 && strings.EqualFold(s[:5], "empty"):
			s = skipSpace(s[5:])
		default:
			return malformed("Expected range start.")
		}
		seen = true
		if s == "" {
			return malformed("Unexpected end of input.")
		}
		if s[0] == '}' {
			break
		}
		if s[0] != ',' {
			return malformed("Expected comma or end of multirange.")
		}
	}
	if skipSpace(s[1:]) != "" {
		return malformed("Junk after closing right brace.")
	}
	return NewMultirange(MakeMultirange(rangeType, ranges)), nil
}

// rangeEnd is the length of the range that s begins with, -1 if the text ends before.
func rangeEnd(s string) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case c == '"' && quoted && i+1 < len(s) && s[i+1] == '"':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ']' || c == ')'):
			return i + 1
		}
	}
	return -1
}

// Flags of a range's binary form.
const (
	rangeEmpty    = 0x01
	rangeLowerInc = 0x02
	rangeUpperInc = 0x04
	rangeLowerInf = 0x08
	rangeUpperInf = 0x10
)

func appendBinaryRange(buf []byte, r *Range, env *IOEnv) []byte {
	if r.Empty {
		return append(buf, rangeEmpty)
	}
	flags := byte(0)
	for _, f := range [...]struct {
		set bool
		bit byte
	}{{r.LowerInc, rangeLowerInc}, {r.UpperInc, rangeUpperInc}, {r.Lower.IsNull(), rangeLowerInf}, {r.Upper.IsNull(), rangeUpperInf}} {
		if f.set {
			flags |= f.bit
		}
	}
	buf = append(buf, flags)
	for _, d := range [...]Datum{r.Lower, r.Upper} {
		if !d.IsNull() {
			buf = appendBinaryElem(buf, r.Elem, d, env)
		}
	}
	return buf
}

func appendBinaryMultirange(buf []byte, m *Multirange, env *IOEnv) []byte {
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(m.Ranges)))
	for _, r := range m.Ranges {
		buf = appendBinaryElem(buf, m.Range, NewRange(r), env)
	}
	return buf
}

func parseBinaryRange(t Oid, b []byte, env *IOEnv) (Datum, error) {
	if len(b) == 0 {
		return Null, errBinaryShort()
	}
	sub, ok := RangeSubtype(t)
	if !ok {
		return Null, errNoSubtype(t)
	}
	elem, flags := sub.Oid, b[0]
	b = b[1:]
	r := EmptyRange(elem)
	if flags&rangeEmpty == 0 {
		lower, upper := Bound{Inc: flags&rangeLowerInc != 0, Lower: true}, Bound{Inc: flags&rangeUpperInc != 0}
		var err error
		if flags&rangeLowerInf == 0 {
			if lower.Value, b, err = parseBinaryElem(sub, b, env); err != nil {
				return Null, err
			}
			if _, err = FieldValue(sub, lower.Value, env); err != nil {
				return Null, err
			}
		}
		if flags&rangeUpperInf == 0 {
			if upper.Value, b, err = parseBinaryElem(sub, b, env); err != nil {
				return Null, err
			}
			if _, err = FieldValue(sub, upper.Value, env); err != nil {
				return Null, err
			}
		}
		if r, err = MakeRange(t, lower, upper); err != nil {
			return Null, err
		}
	}
	if len(b) > 0 {
		return Null, errBinaryFormat()
	}
	return NewRange(r), nil
}

func parseBinaryMultirange(t Oid, b []byte, env *IOEnv) (Datum, error) {
	if len(b) < 4 {
		return Null, errBinaryShort()
	}
	n := int(binary.BigEndian.Uint32(b))
	b = b[4:]
	if n > len(b)/5 { // a range takes five bytes at least
		return Null, errBinaryShort()
	}
	rangeType := RangeOf(t)
	ranges := make([]*Range, 0, n)
	for range n {
		var d Datum
		var err error
		if d, b, err = parseBinaryElem(T(rangeType), b, env); err != nil {
			return Null, err
		}
		if d.IsNull() {
			return Null, errBinaryFormat()
		}
		ranges = append(ranges, d.Range())
	}
	if len(b) > 0 {
		return Null, errBinaryFormat()
	}
	return NewMultirange(MakeMultirange(rangeType, ranges)), nil
}
