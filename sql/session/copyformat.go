package session

import (
	"bytes"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// copyOptions are the options of a COPY, as PostgreSQL's ProcessCopyOptions settles them.
type copyOptions struct {
	csv        bool
	delim      byte
	null       string
	header     bool
	match      bool // HEADER MATCH
	quote      byte
	escape     byte
	forceQuote map[string]bool // nil: none; a nil-keyed "*" entry: all
	forceNull  map[string]bool
	forceNot   map[string]bool
	freeze     bool
}

func parseCopyOptions(u *parse.CopyStmt) (*copyOptions, error) {
	o := &copyOptions{delim: '\t', null: `\N`}
	get := func(name string) (string, bool) {
		e := parse.Option(u.Options, name)
		if e == nil {
			return "", false
		}
		switch v := e.Arg.(type) {
		case *parse.Const:
			return constText(v), true
		case parse.NameArg:
			return string(v), true
		}
		return "", true
	}
	for _, e := range u.Options {
		switch e.Name {
		case "format", "delimiter", "null", "header", "quote", "escape", "force_quote", "force_null", "force_not_null", "encoding", "freeze":
		default:
			return nil, pgerr.New(pgerr.SyntaxError, "option \"%s\" not recognized", e.Name)
		}
	}
	if f, ok := get("format"); ok {
		switch f {
		case "text":
		case "csv":
			o.csv, o.delim, o.null, o.quote, o.escape = true, ',', "", '"', '"'
		case "binary":
			return nil, pgerr.NotSupported("COPY BINARY")
		default:
			return nil, pgerr.New(pgerr.InvalidParameterValue, "COPY format \"%s\" not recognized", f)
		}
	}
	if v, ok := get("encoding"); ok && !strings.EqualFold(strings.ReplaceAll(v, "-", ""), "utf8") {
		return nil, pgerr.NotSupported("COPY with encoding " + v)
	}
	return o, o.override(u, get)
}

func (o *copyOptions) override(u *parse.CopyStmt, get func(string) (string, bool)) error {
	one := func(name string, dst *byte, csvOnly bool) error {
		v, ok := get(name)
		if !ok {
			return nil
		}
		if csvOnly && !o.csv {
			return pgerr.New(pgerr.FeatureNotSupported, "COPY %s available only in CSV mode", name)
		}
		if len(v) != 1 {
			return pgerr.New(pgerr.FeatureNotSupported, "COPY %s must be a single one-byte character", name)
		}
		*dst = v[0]
		return nil
	}
	if err := one("delimiter", &o.delim, false); err != nil {
		return err
	}
	if v, ok := get("null"); ok {
		o.null = v
	}
	if v, ok := get("freeze"); ok {
		o.freeze = v == ""
		if v != "" {
			o.freeze, _ = parseBool(v)
		}
	}
	if err := one("quote", &o.quote, true); err != nil {
		return err
	}
	if o.csv {
		o.escape = o.quote
	}
	if err := one("escape", &o.escape, true); err != nil {
		return err
	}
	if v, ok := get("header"); ok {
		switch {
		case v == "match":
			o.header, o.match = true, true
		case v == "":
			o.header = true
		default:
			o.header, _ = parseBool(v)
		}
	}
	for name, dst := range map[string]*map[string]bool{"force_quote": &o.forceQuote, "force_null": &o.forceNull,
		"force_not_null": &o.forceNot} {
		e := parse.Option(u.Options, name)
		if e == nil {
			continue
		}
		if !o.csv {
			return pgerr.New(pgerr.FeatureNotSupported, "COPY %s available only in CSV mode", strings.ReplaceAll(name, "_", " "))
		}
		*dst = map[string]bool{}
		switch v := e.Arg.(type) {
		case parse.NameListArg:
			for _, n := range v {
				(*dst)[n] = true
			}
		default:
			(*dst)["*"] = true
		}
	}
	return nil
}

// appendText appends one value in COPY's text format.
func (o *copyOptions) appendText(buf, val []byte) []byte {
	for _, c := range val {
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
			if o.delim == '\t' {
				buf = append(buf, '\\', 't')
			} else {
				buf = append(buf, '\\', 't')
			}
		case '\v':
			buf = append(buf, '\\', 'v')
		case '\\':
			buf = append(buf, '\\', '\\')
		default:
			if c == o.delim {
				buf = append(buf, '\\')
			}
			buf = append(buf, c)
		}
	}
	return buf
}

// appendCSV appends one value in CSV format, quoted where it must be. single says that it is the row's only column.
func (o *copyOptions) appendCSV(buf, val []byte, force, single bool) []byte {
	if !force {
		force = string(val) == o.null || single && string(val) == `\.`
		for _, c := range val {
			if c == o.delim || c == o.quote || c == '\n' || c == '\r' {
				force = true
				break
			}
		}
	}
	if !force {
		return append(buf, val...)
	}
	buf = append(buf, o.quote)
	for _, c := range val {
		if c == o.quote || c == o.escape {
			buf = append(buf, o.escape)
		}
		buf = append(buf, c)
	}
	return append(buf, o.quote)
}

// copyField is one raw field of a line.
type copyField struct {
	text   string
	isNull bool
}

// copyReader splits COPY data into rows. feed gives it bytes; next returns false when it needs more.
type copyReader struct {
	o    *copyOptions
	buf  []byte
	pos  int
	line int
	eof  bool // no more data comes
	done bool // the \. marker was seen
	text string
}

func (r *copyReader) feed(data []byte) {
	if r.pos > 0 {
		r.buf = append(r.buf[:0], r.buf[r.pos:]...)
		r.pos = 0
	}
	r.buf = append(r.buf, data...)
}

// next returns the fields of the next row; ok is false when there is no complete row yet.
func (r *copyReader) next(dst []copyField) (fields []copyField, ok bool, err error) {
	if r.done {
		return nil, false, nil
	}
	end, next, ok := r.lineEnd()
	if !ok {
		return nil, false, nil
	}
	raw := r.buf[r.pos:end]
	r.pos = next
	r.line++
	r.text = ""
	if string(raw) == `\.` {
		r.done = true
		return nil, false, nil
	}
	if r.o.csv {
		fields, err = r.splitCSV(dst[:0], raw)
	} else {
		fields, err = r.splitText(dst[:0], raw)
	}
	r.text = string(raw)
	return fields, err == nil, err
}

// lineEnd finds the end of the row that starts at pos: the end of its text and the start of the next. In CSV a newline
// within quotes belongs to the value.
func (r *copyReader) lineEnd() (end, next int, ok bool) {
	b := r.buf
	if !r.o.csv {
		for i := r.pos; i < len(b); i++ {
			switch b[i] {
			case '\\':
				i++ // an escaped newline is data
			case '\n':
				end = i
				if end > r.pos && b[end-1] == '\r' {
					end--
				}
				return end, i + 1, true
			}
		}
	} else {
		quoted := false
		for i := r.pos; i < len(b); i++ {
			switch {
			case quoted && b[i] == r.o.escape && r.o.escape != r.o.quote && i+1 < len(b):
				i++
			case b[i] == r.o.quote:
				quoted = !quoted
			case b[i] == '\n' && !quoted:
				end = i
				if end > r.pos && b[end-1] == '\r' {
					end--
				}
				return end, i + 1, true
			}
		}
	}
	if r.eof && r.pos < len(b) {
		return len(b), len(b), true
	}
	return 0, 0, false
}

func (r *copyReader) splitText(dst []copyField, raw []byte) ([]copyField, error) {
	start := 0
	for i := 0; ; i++ {
		if i < len(raw) && raw[i] == '\\' {
			i++
			continue
		}
		if i < len(raw) && raw[i] != r.o.delim {
			continue
		}
		end := min(i, len(raw))
		field := raw[start:end]
		if string(field) == r.o.null {
			dst = append(dst, copyField{isNull: true})
		} else {
			dst = append(dst, copyField{text: unescapeCopy(field)})
		}
		if i >= len(raw) {
			return dst, nil
		}
		start = i + 1
	}
}

// unescapeCopy undoes COPY text escapes.
func unescapeCopy(f []byte) string {
	if bytes.IndexByte(f, '\\') < 0 {
		return string(f)
	}
	out := make([]byte, 0, len(f))
	for i := 0; i < len(f); i++ {
		if f[i] != '\\' || i+1 == len(f) {
			out = append(out, f[i])
			continue
		}
		i++
		switch c := f[i]; c {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'v':
			out = append(out, '\v')
		case '0', '1', '2', '3', '4', '5', '6', '7':
			v := c - '0'
			for n := 1; n < 3 && i+1 < len(f) && f[i+1] >= '0' && f[i+1] <= '7'; n++ {
				i++
				v = v<<3 | (f[i] - '0')
			}
			out = append(out, v)
		case 'x':
			v, n := 0, 0
			for n < 2 && i+1 < len(f) && isHex(f[i+1]) {
				i++
				v = v<<4 | hexVal(f[i])
				n++
			}
			if n == 0 {
				out = append(out, 'x')
			} else {
				out = append(out, byte(v))
			}
		default:
			out = append(out, c)
		}
	}
	return string(out)
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }

func hexVal(c byte) int {
	switch {
	case c <= '9':
		return int(c - '0')
	case c >= 'a':
		return int(c-'a') + 10
	}
	return int(c-'A') + 10
}

func (r *copyReader) splitCSV(dst []copyField, raw []byte) ([]copyField, error) {
	i := 0
	for {
		var out []byte
		quoted := false
		for i < len(raw) && raw[i] != r.o.delim {
			if raw[i] != r.o.quote {
				out = append(out, raw[i])
				i++
				continue
			}
			quoted = true
			closed := false
			for i++; i < len(raw); i++ {
				c := raw[i]
				if c == r.o.escape && i+1 < len(raw) && (raw[i+1] == r.o.quote || raw[i+1] == r.o.escape) {
					i++
					out = append(out, raw[i])
					continue
				}
				if c == r.o.quote {
					closed = true
					i++
					break
				}
				out = append(out, c)
			}
			if !closed {
				return nil, pgerr.New(pgerr.BadCopyFileFormat, "unterminated CSV quoted field")
			}
		}
		dst = append(dst, copyField{text: string(out), isNull: !quoted && string(out) == r.o.null})
		if i >= len(raw) {
			return dst, nil
		}
		i++
	}
}
