package session

import "github.com/pgmqdb/pgmqdb/sql/types"

// appendHeader appends the line of column names.
func (o *copyOptions) appendHeader(buf []byte, fields []Field) []byte {
	for i, f := range fields {
		if i > 0 {
			buf = append(buf, o.delim)
		}
		if o.csv {
			buf = o.appendCSV(buf, []byte(f.Name), false, len(fields) == 1)
		} else {
			buf = o.appendText(buf, []byte(f.Name))
		}
	}
	return append(buf, '\n')
}

// rowWriter writes rows in the text and CSV formats.
type rowWriter struct {
	o      *copyOptions
	fields []Field
	env    *types.IOEnv
	val    []byte
}

// row appends the line of a row.
func (w *rowWriter) row(buf []byte, b *types.Batch, i int) []byte {
	o := w.o
	for c := range w.fields {
		if c > 0 {
			buf = append(buf, o.delim)
		}
		v := &b.Cols[c]
		if v.IsNull(i) {
			buf = append(buf, o.null...)
			continue
		}
		w.val = types.AppendTextVec(w.val[:0], v, i, w.env)
		if o.csv {
			force := o.forceQuote["*"] || o.forceQuote[w.fields[c].Name]
			buf = o.appendCSV(buf, w.val, force, len(w.fields) == 1)
		} else {
			buf = o.appendText(buf, w.val)
		}
	}
	return append(buf, '\n')
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
