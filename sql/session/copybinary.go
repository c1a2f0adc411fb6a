package session

import (
	"context"
	"encoding/binary"
	"io"
	"strconv"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// COPY BINARY: a header, then for each row the number of its fields and the length and bytes of each, then -1.

// copySignature begins the data.
const copySignature = "PGCOPY\n\xff\r\n\x00"

// appendBinaryHeader appends the signature, no flags and no extension.
func appendBinaryHeader(buf []byte) []byte {
	return append(append(buf, copySignature...), 0, 0, 0, 0, 0, 0, 0, 0)
}

// appendBinaryRow appends a row of a batch.
func appendBinaryRow(buf []byte, b *types.Batch, row, columns int, env *types.IOEnv) []byte {
	buf = binary.BigEndian.AppendUint16(buf, uint16(columns))
	for c := range columns {
		v := &b.Cols[c]
		if v.IsNull(row) {
			buf = append(buf, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		at := len(buf)
		buf = types.AppendBinaryVec(append(buf, 0, 0, 0, 0), v, row, env)
		binary.BigEndian.PutUint32(buf[at:], uint32(len(buf)-at-4))
	}
	return buf
}

// binaryReader reads the fields of binary data that comes in chunks.
type binaryReader struct {
	source copySource
	rest   []byte
	buf    []byte
}

var errCopyEOF = pgerr.New(pgerr.BadCopyFileFormat, "unexpected EOF in COPY data")

// next returns n bytes, valid until the next call; io.EOF if the data ends before.
func (r *binaryReader) next(n int) ([]byte, error) {
	r.buf = r.buf[:0]
	for len(r.buf)+len(r.rest) < n {
		r.buf = append(r.buf, r.rest...)
		chunk, err := r.source.read()
		r.rest = chunk
		if err != nil {
			r.rest = nil
			return nil, err
		}
	}
	if len(r.buf) == 0 {
		out := r.rest[:n]
		r.rest = r.rest[n:]
		return out, nil
	}
	take := n - len(r.buf)
	r.buf = append(r.buf, r.rest[:take]...)
	r.rest = r.rest[take:]
	return r.buf, nil
}

// header reads and judges the header.
func (r *binaryReader) header() error {
	bad := func(text string) error { return pgerr.New(pgerr.BadCopyFileFormat, "%s", text) }
	read := func(n int, missing string) ([]byte, error) {
		b, err := r.next(n)
		if err == io.EOF {
			err = bad(missing)
		}
		return b, err
	}
	b, err := read(len(copySignature), "COPY file signature not recognized")
	if err != nil {
		return err
	}
	if string(b) != copySignature {
		return bad("COPY file signature not recognized")
	}
	if b, err = read(4, "invalid COPY file header (missing flags)"); err != nil {
		return err
	}
	switch flags := binary.BigEndian.Uint32(b); {
	case flags&(1<<16) != 0:
		return bad("invalid COPY file header (WITH OIDS)")
	case flags>>16 != 0:
		return bad("unrecognized critical flags in COPY file header")
	}
	if b, err = read(4, "invalid COPY file header (missing length)"); err != nil {
		return err
	}
	n := int32(binary.BigEndian.Uint32(b))
	if n < 0 {
		return bad("invalid COPY file header (missing length)")
	}
	for n > 0 {
		part := min(n, copyChunk)
		if _, err := read(int(part), "invalid COPY file header (wrong length)"); err != nil {
			return err
		}
		n -= part
	}
	return nil
}

// runBinary copies binary data in.
func (c *copyIn) runBinary(ctx context.Context) error {
	c.rows = types.NewBatch(c.types, copyBatch)
	r := &binaryReader{source: c.source}
	if err := r.header(); err != nil {
		return err
	}
	for {
		c.reader.line++
		b, err := r.next(2)
		if err == io.EOF {
			return c.write()
		}
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		fields := int16(binary.BigEndian.Uint16(b))
		if fields == -1 {
			if _, err := r.next(1); err != io.EOF {
				if err == nil {
					err = c.at(pgerr.New(pgerr.BadCopyFileFormat, "received copy data after EOF marker"), c.reader.line, "")
				}
				return err
			}
			return c.write()
		}
		if int(fields) != len(c.cols) {
			return c.at(pgerr.New(pgerr.BadCopyFileFormat, "row field count is %d, expected %d", fields, len(c.cols)), c.reader.line, "")
		}
		if err := c.addBinary(r); err != nil {
			return err
		}
		if c.rows.N == copyBatch {
			if err := c.write(); err != nil {
				return err
			}
		}
	}
}

// addBinary reads the fields of a row.
func (c *copyIn) addBinary(r *binaryReader) error {
	for i, col := range c.cols {
		at := func(err error) error {
			if err == io.EOF {
				err = errCopyEOF
			}
			if !isSQLError(err) {
				return err
			}
			return c.at(err, c.reader.line, ", column "+col.Name)
		}
		b, err := r.next(4)
		if err != nil {
			return at(err)
		}
		v := &c.rows.Cols[i]
		n := int32(binary.BigEndian.Uint32(b))
		if n == -1 && c.domains[i] == nil {
			v.AppendNull()
			continue
		}
		if n == -1 {
			d, err := c.domains[i].EvalRow(c.in.Eval(), []types.Datum{types.Null})
			if err != nil {
				return at(err)
			}
			v.Append(d)
			continue
		}
		if n < 0 || n > maxField {
			return at(pgerr.New(pgerr.BadCopyFileFormat, "invalid field size"))
		}
		if b, err = r.next(int(n)); err != nil {
			return at(err)
		}
		d, err := types.ParseBinary(c.types[i], append([]byte(nil), b...), c.s.io())
		if err == nil && c.domains[i] != nil {
			d, err = c.domains[i].EvalRow(c.in.Eval(), []types.Datum{d})
		}
		if err != nil {
			return at(err)
		}
		v.Append(d)
	}
	c.rows.N++
	if err := c.in.Take(c.rows, c.rows.N-1, c.reader.line); err != nil {
		return c.at(err, c.reader.line, "")
	}
	return nil
}

// maxField is the longest value, PostgreSQL's MaxAllocSize.
const maxField = 1<<30 - 1

// copyTag is COPY's command tag.
func copyTag(n int64) string { return "COPY " + strconv.FormatInt(n, 10) }
