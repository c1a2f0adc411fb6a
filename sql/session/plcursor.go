package session

import (
	"context"
	"strconv"
	"time"

	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/planner/exec"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/plpgsql"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// The cursors of PL/pgSQL, and its loops over queries.

// unnamedPortal is the name of the next portal that gets none: loops have such portals too.
func (s *Session) unnamedPortal() string {
	for {
		s.pl.unnamed++
		name := "<unnamed portal " + strconv.Itoa(s.pl.unnamed) + ">"
		if s.portals[name] == nil {
			return name
		}
	}
}

// openedQuery is a query that goes on while the function executes other statements.
type openedQuery struct {
	cursor  *exec.Cursor
	ectx    *exec.Context
	plan    *planner.Plan
	release func()
}

// openQuery opens a query that reads. What it sees is fixed now.
func (h *plHost) openQuery(n *nestedStatement) (*openedQuery, error) {
	s := h.s
	end := s.tx.txn.Nest(n.fresh)
	defer end()
	ectx, plan, err := s.openNested(h.ctx, n)
	if err == nil {
		err = n.st.noProducts("a loop over the rows")
	}
	if err != nil {
		return nil, err
	}
	q := &openedQuery{ectx: ectx, plan: plan}
	if len(plan.Tables) > 0 {
		if _, err := s.tx.txn.Snapshot(h.ctx); err != nil {
			return nil, err
		}
	}
	if q.cursor, err = exec.Open(ectx, plan); err != nil {
		return nil, err
	}
	q.release = s.tx.txn.HoldSnapshot()
	return q, nil
}

// store runs a statement to its end and keeps its rows.
func (h *plHost) store(p *plStatement, params []types.Datum) (*exec.RowStore, []expr.RecordColumn, error) {
	rows := exec.NewRowStore(h.s.spill, h.s.storeMemory())
	out, err := h.Run(p, params, 0, rows.Add)
	if err != nil {
		rows.Close()
		return nil, nil, err
	}
	return rows, out.Columns, nil
}

// reads reports whether a statement is a query that writes nothing, whose rows can be computed as they are wanted.
func (p *plStatement) reads() bool {
	if !plannable(p.st.raw.Stmt) || p.st.plan == nil || p.st.plan.Kind != planner.Select {
		return false
	}
	if sel, ok := p.st.raw.Stmt.(*parse.SelectStmt); ok && sel.With != nil && p.st.plan.Writes {
		for _, c := range sel.With.CTEs {
			if _, query := c.Query.(*parse.SelectStmt); !query {
				return false
			}
		}
	}
	return true
}

// loopRows are the rows of a loop.
type loopRows struct {
	h       *plHost
	columns []expr.RecordColumn
	query   *openedQuery   // nil: the rows are stored
	stored  *exec.RowStore // once the transaction of the query has ended, or where it writes
	at      int64
	writes  bool
	run     func() error // what stores the rows, which the first call of Next does
}

// Rows implements plpgsql.Host.
func (h *plHost) Rows(ps plpgsql.Statement, params []types.Datum) (plpgsql.Rows, error) {
	h.s.unnamedPortal()
	p := ps.(*plStatement)
	r := &loopRows{h: h}
	var err error
	if p.reads() {
		r.columns = p.Columns()
		r.query, err = h.openQuery(h.nested(p.st, params))
	} else {
		r.writes, r.columns = true, p.Columns()
		r.run = func() (err error) {
			r.stored, r.columns, err = h.store(p, params)
			return err
		}
		if p.Class() != plpgsql.ClassModify { // its columns are not known before
			err, r.run = r.run(), nil
		}
	}
	if err != nil {
		return nil, err
	}
	h.s.pl.loops = append(h.s.pl.loops, r)
	return r, nil
}

// Columns implements plpgsql.Rows.
func (r *loopRows) Columns() []expr.RecordColumn { return r.columns }

// Next implements plpgsql.Rows.
func (r *loopRows) Next(want int) (*types.Batch, error) {
	if r.query != nil {
		return r.query.cursor.Next(want)
	}
	if run := r.run; run != nil {
		r.run = nil
		if err := run(); err != nil {
			return nil, err
		}
	}
	b, err := r.stored.Read(r.at, want)
	if b != nil {
		r.at += int64(b.N)
	}
	return b, err
}

// Close implements plpgsql.Rows.
func (r *loopRows) Close() {
	if q := r.query; q != nil {
		q.cursor.Close()
		q.release()
	}
	r.stored.Close()
	loops := r.h.s.pl.loops
	for i := len(loops) - 1; i >= 0; i-- {
		if loops[i] == r {
			r.h.s.pl.loops = append(loops[:i:i], loops[i+1:]...)
			return
		}
	}
}

// hold reads the rest of the rows.
func (r *loopRows) hold(ctx context.Context) error {
	if r.writes {
		return pgerr.New(pgerr.ObjectNotInPrerequisiteState, "cannot perform transaction commands inside a cursor loop that is not read-only")
	}
	if r.query == nil {
		return nil
	}
	rows := exec.NewRowStore(r.h.s.spill, r.h.s.storeMemory())
	for {
		b, err := r.query.cursor.Next(0)
		if err != nil {
			rows.Close()
			return err
		}
		if b == nil {
			break
		}
		if err := rows.Add(b); err != nil {
			rows.Close()
			return err
		}
	}
	r.query.cursor.Close()
	r.query.release()
	r.query, r.stored, r.at = nil, rows, 0
	return nil
}

// holdLoops keeps the rows that loops have still to come to, before the transaction ends.
func (s *Session) holdLoops(ctx context.Context) error {
	for _, r := range s.pl.loops {
		if err := r.hold(ctx); err != nil {
			return err
		}
	}
	for _, p := range s.portals {
		if !p.pinned || p.declared == nil || p.declared.held {
			continue
		}
		if err := p.fill(all); err != nil {
			return err
		}
		p.declared.held, p.declared.full, p.done = true, true, true
	}
	return nil
}

// OpenCursor implements plpgsql.Host.
func (h *plHost) OpenCursor(name string, ps plpgsql.Statement, params []types.Datum, options int) (string, error) {
	s, p := h.s, ps.(*plStatement)
	if name == "" {
		name = s.unnamedPortal()
	}
	c := &cursorState{atStart: true}
	out := &portal{name: name, params: params, created: time.Now(), declared: c}
	if !p.reads() {
		if options&parse.CursorOptScroll != 0 && p.Class() == plpgsql.ClassSelect {
			return "", errScrollsLocked(p.st)
		}
		rows, columns, err := h.store(p, params)
		if err != nil {
			return "", err
		}
		c.rows, c.full, c.scroll = rows, true, options&parse.CursorOptNoScroll == 0
		out.st, out.done, out.started = p.st, true, true
		for _, col := range columns {
			out.fields = append(out.fields, Field{Name: col.Name, Type: col.Type})
		}
		s.addPortal(name, out)
		return name, nil
	}
	if !p.st.cursor { // its rows have the keys for WHERE CURRENT OF
		p.st.cursor, p.st.plan = true, nil
	}
	q, err := h.openQuery(h.nested(p.st, params))
	if err != nil {
		return "", err
	}
	st := *p.st
	out.st = &st
	if out.fields, err = s.fields(out.st, nil); err != nil {
		return "", err
	}
	sel, _ := st.raw.Stmt.(*parse.SelectStmt)
	locks := sel != nil && len(sel.LockingClause) > 0
	switch {
	case options&parse.CursorOptScroll != 0:
		c.scroll = true
	case options&parse.CursorOptNoScroll == 0:
		c.scroll = !locks && scansBackward(q.plan.Root)
	}
	if locks && c.scroll {
		q.cursor.Close()
		q.release()
		return "", errScrollsLocked(&st)
	}
	c.keys, c.rows = st.keys, exec.NewRowStore(s.spill, s.storeMemory())
	out.cursor, out.ectx, out.plan, out.started, out.release = q.cursor, q.ectx, q.plan, true, q.release
	q.ectx.Context, q.ectx.Eval.Context = s.base, s.base
	s.addPortal(name, out)
	return name, nil
}

func errScrollsLocked(st *statement) error {
	strength := "FOR UPDATE"
	if sel, ok := st.raw.Stmt.(*parse.SelectStmt); ok && len(sel.LockingClause) > 0 {
		strength = sel.LockingClause[0].Strength.String()
	}
	return pgerr.New(pgerr.FeatureNotSupported, "DECLARE SCROLL CURSOR ... %s is not supported", strength).
		WithDetail("Scrollable cursors must be READ ONLY.")
}

// CursorOpen implements plpgsql.Host.
func (h *plHost) CursorOpen(name string) bool { return h.s.portals[name] != nil }

// CursorColumns implements plpgsql.Host.
func (h *plHost) CursorColumns(name string) []expr.RecordColumn {
	p := h.s.portals[name]
	if p == nil {
		return nil
	}
	out := make([]expr.RecordColumn, len(p.fields))
	for i, f := range p.fields {
		out[i] = expr.RecordColumn{Name: f.Name, Type: f.Type}
	}
	return out
}

// FetchCursor implements plpgsql.Host.
func (h *plHost) FetchCursor(name string, direction parse.FetchDirection, count int64,
	rows func(columns []expr.RecordColumn, b *types.Batch) error) (int64, error) {
	s := h.s
	p := s.portals[name]
	if p == nil || p.declared == nil {
		return 0, errNoCursor(name)
	}
	c := p.declared
	if c.failed {
		return 0, pgerr.New(pgerr.ObjectNotInPrerequisiteState, "portal \"%s\" cannot be run", name)
	}
	if p.ectx != nil {
		p.ectx.Context, p.ectx.Eval.Context = h.ctx, h.ctx
		defer func() { p.ectx.Context, p.ectx.Eval.Context = s.base, s.base }()
	}
	u := &parse.FetchStmt{Direction: direction, HowMany: count, PortalName: name, IsMove: rows == nil}
	var emit func(row int) error
	if rows != nil {
		columns := h.CursorColumns(name)
		ts := make([]types.Type, len(columns))
		for i, col := range columns {
			ts[i] = col.Type
		}
		out := types.NewBatch(ts, 1)
		emit = func(i int) error {
			row, err := c.rows.Row(nil, int64(i))
			if err != nil {
				return err
			}
			out.Reset()
			out.AppendRow(row[:len(ts)])
			return rows(columns, out)
		}
	}
	n, err := p.move(u, emit)
	if err != nil {
		c.failed = true
	}
	return int64(n), err
}

// CloseCursor implements plpgsql.Host.
func (h *plHost) CloseCursor(name string) error {
	if p := h.s.portals[name]; p != nil && p.pinned {
		return pgerr.New(pgerr.InvalidCursorState, "cannot drop pinned portal \"%s\"", name)
	}
	h.s.dropPortal(name)
	return nil
}

// PinCursor implements plpgsql.Host.
func (h *plHost) PinCursor(name string) (unpin func()) {
	p := h.s.portals[name]
	if p == nil {
		return func() {}
	}
	p.pinned = true
	return func() { p.pinned = false }
}
