package session

import (
	"context"
	"io"
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner/exec"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// copyStmt runs COPY to or from the client. Files and programs on the server are not for clients of a cluster.
func (s *Session) copyStmt(ctx context.Context, st *statement, u *parse.CopyStmt) error {
	switch {
	case u.IsProgram:
		return pgerr.NotSupported("COPY PROGRAM")
	case u.Filename != "":
		return pgerr.NotSupported("COPY to or from a server file")
	case u.WhereClause != nil:
		return pgerr.NotSupported("COPY WHERE")
	}
	o, err := parseCopyOptions(u)
	if err != nil {
		return err
	}
	if u.IsFrom {
		return s.copyFrom(ctx, u, o)
	}
	return s.copyTo(ctx, st, u, o)
}

// copyColumns resolves COPY's column list; without one, all columns.
func copyColumns(t *catalog.Table, names []string) ([]*catalog.Column, error) {
	var out []*catalog.Column
	if names == nil {
		for i := range t.Columns {
			if c := &t.Columns[i]; !c.Dropped && !c.Hidden {
				out = append(out, c)
			}
		}
		return out, nil
	}
	seen := map[string]bool{}
	for _, n := range names {
		var found *catalog.Column
		for i := range t.Columns {
			if c := &t.Columns[i]; !c.Dropped && !c.Hidden && c.Name == n {
				found = c
			}
		}
		if found == nil {
			return nil, pgerr.New(pgerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", n, t.Name)
		}
		if seen[n] {
			return nil, pgerr.New(pgerr.DuplicateColumn, "column \"%s\" specified more than once", n)
		}
		seen[n] = true
		out = append(out, found)
	}
	return out, nil
}

func (s *Session) qualified(t *catalog.Table) string {
	return quoteIdent(s.snapshot().SchemaName(t.SchemaID)) + "." + quoteIdent(t.Name)
}

func columnList(cols []*catalog.Column) string {
	names := make([]string, len(cols))
	for i, c := range cols {
		names[i] = quoteIdent(c.Name)
	}
	return strings.Join(names, ", ")
}

// copyTo runs COPY … TO STDOUT as the SELECT that it stands for.
func (s *Session) copyTo(ctx context.Context, st *statement, u *parse.CopyStmt, o *copyOptions) error {
	inner := newStatement("", parse.RawStmt{Stmt: u.Query, Text: st.raw.Text}, st.text, nil)
	if u.Relation != nil {
		t, err := s.relation(u.Relation)
		if err != nil {
			return err
		}
		cols, err := copyColumns(t, u.Columns)
		if err != nil {
			return err
		}
		text := "SELECT " + columnList(cols) + " FROM " + s.qualified(t)
		raws, err := parse.Parse(text)
		if err != nil {
			return err
		}
		inner = newStatement("", raws[0], text, nil)
	} else if !plannable(u.Query) {
		return pgerr.NotSupported("COPY of this statement")
	}
	p := &portal{st: inner}
	if err := s.startPortal(ctx, p); err != nil {
		return err
	}
	defer p.cursor.Close()
	if inner.columns == nil {
		return pgerr.New(pgerr.FeatureNotSupported, "COPY query must have a RETURNING clause")
	}
	s.client.CopyOutResponse(len(p.fields), false)
	n, err := s.copyRows(p, o)
	if err != nil {
		return err
	}
	s.client.CopyDone()
	s.complete("COPY " + strconv.FormatInt(n, 10))
	return nil
}

func (s *Session) copyRows(p *portal, o *copyOptions) (int64, error) {
	var n int64
	var buf, val []byte
	if o.header {
		for i, f := range p.fields {
			if i > 0 {
				buf = append(buf, o.delim)
			}
			if o.csv {
				buf = o.appendCSV(buf, []byte(f.Name), false, len(p.fields) == 1)
			} else {
				buf = o.appendText(buf, []byte(f.Name))
			}
		}
		buf = append(buf, '\n')
	}
	env := p.ectx.Eval.IO()
	for {
		b, err := p.cursor.Next(0)
		if err != nil {
			return 0, err
		}
		if b == nil {
			break
		}
		for i := 0; i < b.N; i++ {
			for c := range p.fields {
				if c > 0 {
					buf = append(buf, o.delim)
				}
				v := &b.Cols[c]
				if v.IsNull(i) {
					buf = append(buf, o.null...)
					continue
				}
				val = types.AppendTextVec(val[:0], v, i, env)
				if o.csv {
					force := o.forceQuote["*"] || o.forceQuote[p.fields[c].Name]
					buf = o.appendCSV(buf, val, force, len(p.fields) == 1)
				} else {
					buf = o.appendText(buf, val)
				}
			}
			buf = append(buf, '\n')
			// One CopyData message a row, as PostgreSQL sends: clients rely on it.
			if err := s.client.WriteCopyData(buf); err != nil {
				return 0, err
			}
			buf = buf[:0]
		}
		n += int64(b.N)
	}
	if len(buf) > 0 {
		return n, s.client.WriteCopyData(buf)
	}
	return n, nil
}

// copyIn is a running COPY … FROM STDIN.
type copyIn struct {
	s      *Session
	o      *copyOptions
	table  *catalog.Table
	cols   []*catalog.Column
	types  []types.Type
	rows   *types.Batch
	fields []copyField
	ectx   *exec.Context
	in     *exec.CopyIn
	reader copyReader
}

func (s *Session) copyFrom(ctx context.Context, u *parse.CopyStmt, o *copyOptions) error {
	s.open()
	if s.tx.readOnly {
		return pgerr.New(pgerr.ReadOnlySqlTransaction, "cannot execute COPY FROM in a read-only transaction")
	}
	c := &copyIn{s: s, o: o, reader: copyReader{o: o}}
	inner, err := c.prepare(ctx, u)
	if err != nil {
		return err
	}
	s.tx.ran = true
	s.tx.txn.StartStatement()
	c.ectx = s.execContext(ctx, nil)
	s.useRunnerWith(c.ectx)
	if c.in, err = exec.NewCopyIn(c.ectx, inner.plan); err != nil {
		return err
	}
	if err := s.client.CopyInResponse(len(c.cols), false); err != nil {
		return err
	}
	if err := c.run(ctx); err != nil {
		return err
	}
	res, err := c.in.Finish()
	if err != nil {
		return err
	}
	s.complete("COPY " + strconv.FormatInt(res.Rows, 10))
	return nil
}

// prepare analyses the INSERT that the COPY stands for and locks its table.
func (c *copyIn) prepare(ctx context.Context, u *parse.CopyStmt) (*statement, error) {
	s := c.s
	t, err := s.relation(u.Relation)
	if err != nil {
		return nil, err
	}
	if c.cols, err = copyColumns(t, u.Columns); err != nil {
		return nil, err
	}
	// Rows here need no freezing; the promise that FREEZE asks for is kept, and so is its condition.
	if old := s.node.Catalog().Table(t.OID); c.o.freeze && old != nil && old.RowStorage == t.RowStorage {
		return nil, pgerr.New(pgerr.ObjectNotInPrerequisiteState,
			"cannot perform COPY FREEZE because the table was not created or truncated in the current subtransaction")
	}
	params := make([]string, len(c.cols))
	for i, col := range c.cols {
		params[i] = "$" + strconv.Itoa(i+1)
		c.types = append(c.types, col.Type)
	}
	text := "INSERT INTO " + s.qualified(t) + " (" + columnList(c.cols) + ") OVERRIDING SYSTEM VALUE VALUES (" + strings.Join(params, ", ") + ")"
	raws, err := parse.Parse(text)
	if err != nil {
		return nil, err
	}
	inner := newStatement("", raws[0], text, nil)
	if err := s.prepare(inner); err != nil {
		return nil, err
	}
	if err := s.lockPlan(ctx, inner); err != nil {
		return nil, err
	}
	c.table = s.snapshot().Table(inner.target)
	return inner, nil
}

// copyBatch is how many rows go to the writer at once.
const copyBatch = 1000

func (c *copyIn) run(ctx context.Context) error {
	c.rows = types.NewBatch(c.types, copyBatch)
	header := c.o.header
	for !c.reader.eof {
		data, err := c.s.client.ReadCopyData()
		if err == io.EOF {
			c.reader.eof = true
		} else if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		c.reader.feed(data)
		for {
			fields, ok, err := c.reader.next(c.fields)
			if err != nil {
				return c.where(err, "")
			}
			if !ok {
				break
			}
			c.fields = fields
			if header {
				header = false
				continue
			}
			if err := c.add(fields); err != nil {
				return err
			}
			if c.rows.N == copyBatch {
				if err := c.write(ctx); err != nil {
					return err
				}
			}
		}
	}
	return c.write(ctx)
}

// where adds PostgreSQL's CONTEXT line.
func (c *copyIn) where(err error, column string) error {
	e := pgerr.From(err).Clone()
	w := "COPY " + c.table.Name + ", line " + strconv.Itoa(c.reader.line)
	if column != "" {
		w += column
	}
	return e.WithWhere("%s", w)
}

func (c *copyIn) add(fields []copyField) error {
	quoted := `: "` + c.reader.text + `"`
	if len(fields) > len(c.cols) {
		return c.where(pgerr.New(pgerr.BadCopyFileFormat, "extra data after last expected column"), quoted)
	}
	if len(fields) < len(c.cols) {
		if len(c.cols) > 0 && !(len(fields) == 1 && len(c.cols) == 0) {
			return c.where(pgerr.New(pgerr.BadCopyFileFormat, "missing data for column \"%s\"", c.cols[len(fields)].Name), quoted)
		}
	}
	for i, f := range fields {
		v := &c.rows.Cols[i]
		if c.o.forceNot["*"] || c.o.forceNot[c.cols[i].Name] {
			f.isNull = false
		}
		if f.isNull {
			v.AppendNull()
			continue
		}
		if err := types.ValidateUTF8(f.text); err != nil {
			return c.where(err, "")
		}
		d, err := types.ParseText(c.types[i], f.text, c.s.io())
		if err != nil {
			return c.where(err, ", column "+c.cols[i].Name+`: "`+f.text+`"`)
		}
		v.Append(d)
	}
	c.rows.N++
	return nil
}

// write inserts the rows gathered so far.
func (c *copyIn) write(ctx context.Context) error {
	if c.rows.N == 0 {
		return nil
	}
	if err := c.in.Add(c.rows); err != nil {
		return c.where(err, "")
	}
	c.rows = types.NewBatch(c.types, copyBatch)
	return nil
}
