package session

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
