package session

import (
	"bytes"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

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
	line int // of the input, from 1: that of the row's end
	// inner counts the newlines within the quotes of the row at hand.
	inner int
	eof   bool // no more data comes
	done  bool // the \. marker was seen
	text  string
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
	r.line += 1 + r.inner
	r.inner = 0
	r.text = string(raw)
	if string(raw) == `\.` {
		r.done = true
		return nil, false, nil
	}
	if r.o.csv {
		fields, err = r.splitCSV(dst[:0], raw)
	} else {
		fields, err = r.splitText(dst[:0], raw)
	}
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
		r.inner = 0
		for i := r.pos; i < len(b); i++ {
			switch {
			case quoted && b[i] == '\n':
				if r.line > 0 { // PostgreSQL knows what ends a line only after the first
					r.inner++
				}
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
