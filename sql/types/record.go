package types

import (
	"encoding/binary"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// definition returns the definition of a composite type; nil for record, and where there is none at hand.
func definition(oid Oid, r *Record, env *IOEnv) *UserType {
	if r != nil && r.Oid != 0 {
		oid = r.Oid
	}
	if oid.Class() != CompositeClass || env == nil || env.UserType == nil {
		return nil
	}
	return env.UserType(oid)
}

// RecordFields returns the fields of a value of record or of a composite type as they are shown: without dropped
// attributes, and with NULL for attributes added since the value was made. A name is empty where nothing knows it.
func RecordFields(oid Oid, r *Record, env *IOEnv) []RecordField {
	u := definition(oid, r, env)
	if u == nil {
		out := make([]RecordField, len(r.Fields))
		for i, f := range r.Fields {
			out[i] = RecordField{Type: r.Types[i], Value: f}
			if r.Names != nil {
				out[i].Name = r.Names[i]
			}
		}
		return out
	}
	out := make([]RecordField, 0, len(u.Fields))
	for i, a := range u.Fields {
		if a.Dropped {
			continue
		}
		f := RecordField{Name: a.Name, Type: a.Type}
		if i < len(r.Fields) {
			f.Value = r.Fields[i]
		}
		out = append(out, f)
	}
	return out
}

// RecordField is a field of a record with what is known of it.
type RecordField struct {
	Name  string
	Type  Type
	Value Datum
}

// appendRecord appends (a,"b c",) with PostgreSQL's quoting of composites.
func appendRecord(buf []byte, oid Oid, r *Record, env *IOEnv) []byte {
	buf = append(buf, '(')
	for i, f := range RecordFields(oid, r, env) {
		if i > 0 {
			buf = append(buf, ',')
		}
		if !f.Value.IsNull() {
			start := len(buf)
			buf = quoteField(AppendText(buf, f.Type.Oid, f.Value, env), start)
		}
	}
	return append(buf, ')')
}

func appendBinaryRecord(buf []byte, oid Oid, r *Record, env *IOEnv) []byte {
	fields := RecordFields(oid, r, env)
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(fields)))
	for _, f := range fields {
		buf = binary.BigEndian.AppendUint32(buf, uint32(f.Type.Declared()))
		buf = appendBinaryElem(buf, f.Type.Oid, f.Value, env)
	}
	return buf
}

// NewComposite returns a value of a composite type from the values of its live attributes.
func NewComposite(u *UserType, live []Datum) Datum {
	r := &Record{Oid: u.Oid, Types: make([]Type, len(u.Fields)), Fields: make([]Datum, len(u.Fields))}
	k := 0
	for i, a := range u.Fields {
		r.Types[i] = a.Type
		if !a.Dropped {
			r.Fields[i] = live[k]
			k++
		}
	}
	return NewRecord(r)
}

// liveFields are the attributes that are not dropped.
func (u *UserType) liveFields() []Attribute {
	out := make([]Attribute, 0, len(u.Fields))
	for _, a := range u.Fields {
		if !a.Dropped {
			out = append(out, a)
		}
	}
	return out
}

// FieldValue finishes a field that was read: a domain's constraints are judged, of NULL too.
func FieldValue(t Type, d Datum, env *IOEnv) (Datum, error) {
	if t.Domain == 0 || env.Domain == nil {
		return d, nil
	}
	return d, env.Domain(t, d)
}

// parseComposite is record_in.
func parseComposite(oid Oid, s string, env *IOEnv) (Datum, error) {
	u := definition(oid, nil, env)
	if u == nil {
		return Null, pgerr.Internal("cache lookup failed for type %d", oid)
	}
	bad := func(detail string) (Datum, error) {
		return Null, pgerr.New(pgerr.InvalidTextRepresentation, "malformed record literal: \"%s\"", s).WithDetail(detail)
	}
	pos := spanWhile(s, 0, isSpace)
	if pos >= len(s) || s[pos] != '(' {
		return bad("Missing left parenthesis.")
	}
	pos++
	fields := u.liveFields()
	live := make([]Datum, len(fields))
	for i, a := range fields {
		if i > 0 {
			if pos >= len(s) || s[pos] != ',' {
				return bad("Too few columns.")
			}
			pos++
		}
		text, next, isNull, ok := readField(s, pos)
		if !ok {
			return bad("Unexpected end of input.")
		}
		pos = next
		if !isNull {
			var err error
			if live[i], err = ParseText(a.Type, text, env); err != nil {
				return Null, err
			}
		}
		var err error
		if live[i], err = FieldValue(a.Type, live[i], env); err != nil {
			return Null, err
		}
	}
	if pos >= len(s) || s[pos] != ')' {
		return bad("Too many columns.")
	}
	if spanWhile(s, pos+1, isSpace) < len(s) {
		return bad("Junk after right parenthesis.")
	}
	return NewComposite(u, live), nil
}

// readField reads one field of a record literal, up to the comma or parenthesis behind it.
func readField(s string, pos int) (text string, next int, isNull, ok bool) {
	if pos < len(s) && (s[pos] == ',' || s[pos] == ')') {
		return "", pos, true, true
	}
	var out []byte
	quoted := false
	for ; pos < len(s) && (quoted || s[pos] != ',' && s[pos] != ')'); pos++ {
		switch c := s[pos]; {
		case c == '\\':
			if pos++; pos >= len(s) {
				return "", pos, false, false
			}
			out = append(out, s[pos])
		case c != '"':
			out = append(out, c)
		case quoted && pos+1 < len(s) && s[pos+1] == '"':
			out = append(out, c)
			pos++
		default:
			quoted = !quoted
		}
	}
	return string(out), pos, false, pos < len(s)
}

// parseBinaryComposite is record_recv.
func parseBinaryComposite(oid Oid, b []byte, env *IOEnv) (Datum, error) {
	u := definition(oid, nil, env)
	if u == nil {
		return Null, pgerr.Internal("cache lookup failed for type %d", oid)
	}
	if len(b) < 4 {
		return Null, errBinaryShort()
	}
	fields := u.liveFields()
	if n := int32(binary.BigEndian.Uint32(b)); int(n) != len(fields) {
		return Null, pgerr.New(pgerr.DatatypeMismatch, "wrong number of columns: %d, expected %d", n, len(fields))
	}
	b = b[4:]
	live := make([]Datum, len(fields))
	for i, a := range fields {
		if len(b) < 8 {
			return Null, errBinaryShort()
		}
		if t := Oid(binary.BigEndian.Uint32(b)); t != a.Type.Oid && t != a.Type.Declared() {
			return Null, pgerr.New(pgerr.DatatypeMismatch, "binary data has type %d (%s) instead of expected %d (%s) in record column %d",
				t, FormatType(T(t)), a.Type.Declared(), FormatType(a.Type), i+1)
		}
		var err error
		if live[i], b, err = parseBinaryElem(a.Type, b[4:], env); err != nil {
			return Null, err
		}
		if live[i], err = FieldValue(a.Type, live[i], env); err != nil {
			return Null, err
		}
	}
	if len(b) > 0 {
		return Null, errBinaryFormat()
	}
	return NewComposite(u, live), nil
}
