package session

import (
	"context"
	"io"
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/planner/exec"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// copyIn is a running COPY … FROM.
type copyIn struct {
	s       *Session
	o       *copyOptions
	table   *catalog.Table
	cols    []*catalog.Column
	types   []types.Type
	domains []*planner.Scalar // by column; nil for those that are of no domain
	where   *planner.Scalar
	rows    *types.Batch
	fields  []copyField
	in      *exec.CopyIn
	reader  copyReader
	source  copySource
}

func (s *Session) copyFrom(ctx context.Context, st *statement, u *parse.CopyStmt) error {
	s.open()
	c := &copyIn{s: s}
	inner, err := c.prepare(ctx, st, u)
	if err != nil {
		return err
	}
	if s.tx.readOnly && c.table.Persistence != catalog.Temporary {
		return pgerr.New(pgerr.ReadOnlySqlTransaction, "cannot execute COPY FROM in a read-only transaction")
	}
	if inner.rowSecurity && s.catalog().RowSecurityFor(c.table, s.role()) == catalog.RowSecurityOn {
		return pgerr.New(pgerr.FeatureNotSupported, "COPY FROM not supported with row-level security").WithHint("Use INSERT statements instead.")
	}
	s.tx.ran = true
	s.tx.txn.StartStatement()
	ectx := s.execContext(ctx, nil)
	ectx.Permissions = inner.permissions
	s.useRunnerWith(ectx)
	if c.in, err = exec.NewCopyIn(ectx, inner.plan, c.where); err != nil {
		return err
	}
	if c.source, err = s.openSource(u, len(c.cols), c.o.binary); err != nil {
		return err
	}
	defer c.source.close()
	run := c.run
	if c.o.binary {
		run = c.runBinary
	}
	if err := run(ctx); err != nil {
		return err
	}
	res, err := c.in.Finish()
	if err != nil {
		return err
	}
	s.complete(copyTag(res.Rows))
	return nil
}

// prepare analyses the INSERT that the COPY stands for and locks its table.
func (c *copyIn) prepare(ctx context.Context, st *statement, u *parse.CopyStmt) (*statement, error) {
	s := c.s
	t, err := s.copyRelation(u.Relation, "cannot copy to %s \"%s\"", "To enable copying to a view, provide an INSTEAD OF INSERT trigger.")
	if err != nil {
		return nil, err
	}
	if c.cols, err = copyColumns(t, u.Columns); err != nil {
		return nil, err
	}
	var where expr.Node
	if u.WhereClause != nil {
		n, err := sema.AnalyzeExpr(u.WhereClause, sema.ExprScope{Kind: sema.CopyWhereExpr, Table: t}, s.semaEnv(s.snapshot(), st.text))
		if err != nil {
			return nil, err
		}
		where = n
		ts := make([]types.Type, len(t.Columns))
		for i := range ts {
			ts[i] = t.Columns[i].Type
		}
		if c.where, err = planner.CompileOver(n, ts); err != nil {
			return nil, err
		}
	}
	if err := c.checkPermissions(t, where); err != nil {
		return nil, err
	}
	if c.o, err = parseCopyOptions(u, st.text); err != nil {
		return nil, err
	}
	if err := c.o.checkColumns(t, c.cols, nil); err != nil {
		return nil, err
	}
	c.reader.o = c.o
	// Rows here need no freezing; the promise that FREEZE asks for is kept, and so is its condition.
	if old := s.catalog().Table(t.OID); c.o.freeze && old != nil && old.RowStorage == t.RowStorage {
		return nil, pgerr.New(pgerr.ObjectNotInPrerequisiteState,
			"cannot perform COPY FREEZE because the table was not created or truncated in the current subtransaction")
	}
	text := "INSERT INTO " + s.qualified(t) + " DEFAULT VALUES"
	if len(c.cols) > 0 {
		params := make([]string, len(c.cols))
		for i, col := range c.cols {
			params[i] = "$" + strconv.Itoa(i+1)
			c.types = append(c.types, col.Type)
			domain, err := s.domainCast(col.Type)
			if err != nil {
				return nil, err
			}
			c.domains = append(c.domains, domain)
		}
		text = "INSERT INTO " + s.qualified(t) + " (" + columnList(c.cols) + ") OVERRIDING SYSTEM VALUE VALUES (" + strings.Join(params, ", ") + ")"
	}
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

// checkPermissions checks INSERT on the columns, and SELECT on those that WHERE reads.
func (c *copyIn) checkPermissions(t *catalog.Table, where expr.Node) error {
	required := catalog.PrivInsert
	var read []catalog.AttNum
	if where != nil {
		expr.Walk(where, func(n expr.Node) bool {
			if v, ok := n.(*expr.Var); ok {
				required |= catalog.PrivSelect
				read = append(read, catalog.AttNum(v.Col+1))
			}
			return true
		})
	}
	return c.s.checkPermissions(sema.TablePermissions(t, required, read, attNums(c.cols)))
}

// copyBatch is how many rows are written at once.
const copyBatch = 1000

func (c *copyIn) run(ctx context.Context) error {
	c.rows = types.NewBatch(c.types, copyBatch)
	header := c.o.header
	for !c.reader.eof {
		data, err := c.source.read()
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
				return c.withLine(err)
			}
			if !ok {
				break
			}
			c.fields = fields
			if header {
				header = false
				if err := c.matchHeader(fields); err != nil {
					return c.withLine(err)
				}
				continue
			}
			if err := c.add(fields); err != nil {
				return err
			}
			if c.rows.N == copyBatch || c.in.Single() {
				if err := c.write(); err != nil {
					return err
				}
			}
		}
	}
	return c.write()
}

// matchHeader is HEADER MATCH: the names of the first line must be those of the columns.
func (c *copyIn) matchHeader(fields []copyField) error {
	if !c.o.match {
		return nil
	}
	if len(fields) != len(c.cols) {
		return pgerr.New(pgerr.BadCopyFileFormat, "wrong number of fields in header line: got %d, expected %d", len(fields), len(c.cols))
	}
	for i, f := range fields {
		switch name := c.cols[i].Name; {
		case f.isNull:
			return pgerr.New(pgerr.BadCopyFileFormat, "column name mismatch in header line field %d: got null value (\"%s\"), expected \"%s\"",
				i+1, c.o.null, name)
		case f.text != name:
			return pgerr.New(pgerr.BadCopyFileFormat, "column name mismatch in header line field %d: got \"%s\", expected \"%s\"",
				i+1, f.text, name)
		}
	}
	return nil
}

// at adds PostgreSQL's CONTEXT line: a line of the input, with more about it.
func (c *copyIn) at(err error, line int, more string) error {
	return pgerr.From(err).Clone().WithWhere("%s", "COPY "+c.table.Name+", line "+strconv.Itoa(line)+more)
}

// withLine adds the CONTEXT of an error that concerns a whole line, which it shows.
func (c *copyIn) withLine(err error) error {
	return c.at(err, c.reader.line, `: "`+shown(c.reader.text)+`"`)
}

// maxShown is how much of a line or value an error shows (PostgreSQL's MAX_COPY_DATA_DISPLAY).
const maxShown = 100

func shown(s string) string {
	if len(s) <= maxShown {
		return s
	}
	n := maxShown
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n] + "..."
}

func (c *copyIn) add(fields []copyField) error {
	if len(fields) > len(c.cols) && (len(c.cols) > 0 || c.reader.text != "") {
		return c.withLine(pgerr.New(pgerr.BadCopyFileFormat, "extra data after last expected column"))
	}
	for i, col := range c.cols {
		if i >= len(fields) {
			return c.withLine(pgerr.New(pgerr.BadCopyFileFormat, "missing data for column \"%s\"", col.Name))
		}
		f := fields[i]
		if c.o.csv {
			f = c.o.forced(f, col.Name)
		}
		v := &c.rows.Cols[i]
		if f.isNull && c.domains[i] == nil {
			v.AppendNull()
			continue
		}
		if f.isNull {
			d, err := c.domains[i].EvalRow(c.in.Eval(), []types.Datum{types.Null})
			if err != nil {
				return c.at(err, c.reader.line, ", column "+col.Name+": null input")
			}
			v.Append(d)
			continue
		}
		if err := types.ValidateUTF8(f.text); err != nil {
			return c.at(err, c.reader.line, "")
		}
		d, err := types.ParseText(c.types[i], f.text, c.s.io())
		if err != nil {
			return c.at(err, c.reader.line, ", column "+col.Name+`: "`+shown(f.text)+`"`)
		}
		if c.domains[i] != nil {
			if d, err = c.domains[i].EvalRow(c.in.Eval(), []types.Datum{d}); err != nil {
				return c.at(err, c.reader.line, ", column "+col.Name+`: "`+shown(f.text)+`"`)
			}
		}
		v.Append(d)
	}
	c.rows.N++
	if err := c.in.Take(c.rows, c.rows.N-1, c.reader.line); err != nil {
		return c.withLine(err)
	}
	return nil
}

// forced applies FORCE_NULL and FORCE_NOT_NULL to a field of a CSV line.
func (o *copyOptions) forced(f copyField, column string) copyField {
	switch {
	case f.isNull && o.forceNot[column]:
		return copyField{text: o.null}
	case !f.isNull && o.forceNull[column] && f.text == o.null:
		return copyField{isNull: true}
	}
	return f
}

// write inserts the rows gathered so far.
func (c *copyIn) write() error {
	line, err := c.in.Flush()
	if err != nil {
		if line == 0 {
			line = c.reader.line
		}
		return c.at(err, line, "")
	}
	c.rows = types.NewBatch(c.types, copyBatch)
	return nil
}
