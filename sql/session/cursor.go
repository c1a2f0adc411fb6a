package session

import (
	"context"
	"slices"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/planner/exec"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// cursorState is what DECLARE CURSOR adds to a portal: the rows read so far, in a file if they are too many, and where it is
// among them.
type cursorState struct {
	scroll bool
	hold   bool // WITH HOLD
	held   bool // its transaction has ended; all rows are here
	binary bool
	failed bool // a FETCH ended in an error: there will be no other
	rows   *exec.RowStore
	full   bool // the plan has ended
	// Where the cursor is, as PostgreSQL's portals say it: pos rows have been passed; the current one is the last of them,
	// unless the cursor is before the first row (atStart) or after the last (atEnd).
	pos            int
	atStart, atEnd bool
	// keys are the columns behind the visible ones that tell, for each table that WHERE CURRENT OF may name, its row.
	keys []sema.CursorKey
}

// declareCursor is DECLARE … CURSOR FOR query.
func (s *Session) declareCursor(ctx context.Context, outer *portal, u *parse.DeclareCursorStmt) error {
	if err := checkCursorOptions(u); err != nil {
		return err
	}
	if u.PortalName == "" {
		return pgerr.New(pgerr.InvalidCursorName, "invalid cursor name: must not be empty")
	}
	hold := u.Options&parse.CursorOptHold != 0
	if !hold {
		if err := s.requireBlock("DECLARE CURSOR"); err != nil {
			return err
		}
	}
	if s.portals[u.PortalName] != nil {
		return pgerr.New(pgerr.DuplicateCursor, "cursor \"%s\" already exists", u.PortalName)
	}
	st := newStatement("", parse.RawStmt{Stmt: u.Query, Text: outer.st.raw.Text}, outer.st.text, nil)
	st.simple, st.cursor, st.variables = outer.st.simple, true, outer.st.variables
	p := &portal{name: u.PortalName, st: st, params: outer.params, created: time.Now()}
	p.declared = &cursorState{atStart: true, hold: hold, binary: u.Options&parse.CursorOptBinary != 0}
	if err := s.openPlan(ctx, p); err != nil {
		return err
	}
	c := p.declared
	switch {
	case u.Options&parse.CursorOptScroll != 0:
		c.scroll = true
	case u.Options&parse.CursorOptNoScroll == 0:
		c.scroll = len(u.Query.LockingClause) == 0 && scansBackward(st.plan.Root)
	}
	c.keys = st.keys
	c.rows = exec.NewRowStore(s.spill, s.storeMemory())
	// The cursor outlives the statement that declared it, and with it the statement's context.
	p.ectx.Context, p.ectx.Eval.Context = s.base, s.base
	s.addPortal(u.PortalName, p)
	return nil
}

// checkCursorOptions is transformDeclareCursorStmt.
func checkCursorOptions(u *parse.DeclareCursorStmt) error {
	on := func(opt int) bool { return u.Options&opt != 0 }
	if on(parse.CursorOptScroll) && on(parse.CursorOptNoScroll) {
		return pgerr.New(pgerr.InvalidCursorDefinition, "cannot specify both %s and %s", "SCROLL", "NO SCROLL")
	}
	if on(parse.CursorOptAsensitive) && on(parse.CursorOptInsensitive) {
		return pgerr.New(pgerr.InvalidCursorDefinition, "cannot specify both %s and %s", "ASENSITIVE", "INSENSITIVE")
	}
	if w := u.Query.With; w != nil {
		for _, c := range w.CTEs {
			if _, sel := c.Query.(*parse.SelectStmt); !sel {
				return pgerr.New(pgerr.FeatureNotSupported, "DECLARE CURSOR must not contain data-modifying statements in WITH")
			}
		}
	}
	if len(u.Query.LockingClause) == 0 {
		return nil
	}
	refused := func(before, after, kind string) error {
		return pgerr.New(pgerr.FeatureNotSupported, "DECLARE %s%s %s is not supported", before, after, u.Query.LockingClause[0].Strength).
			WithDetail("%s cursors must be READ ONLY.", kind)
	}
	switch {
	case on(parse.CursorOptHold):
		return refused("CURSOR WITH HOLD", " ...", "Holdable")
	case on(parse.CursorOptScroll):
		return refused("SCROLL CURSOR", " ...", "Scrollable")
	case on(parse.CursorOptInsensitive):
		return pgerr.New(pgerr.InvalidCursorDefinition, "DECLARE INSENSITIVE CURSOR ... %s is not valid", u.Query.LockingClause[0].Strength).
			WithDetail("Insensitive cursors must be READ ONLY.")
	}
	return nil
}

// scansBackward is ExecSupportsBackwardScan: it decides whether a cursor scrolls that says neither SCROLL nor NO SCROLL.
func scansBackward(n planner.Node) bool {
	switch n := n.(type) {
	case *planner.Values:
		return len(n.Types) > 0 // else the one row of a query without FROM
	case *planner.Scan, *planner.LiteralRows, *planner.FunctionScan, *planner.VirtualScan, *planner.CTEScan, *planner.Sort:
		return true
	case *planner.Project:
		return scansBackward(n.Input)
	case *planner.Filter:
		return scansBackward(n.Input)
	case *planner.Limit:
		return scansBackward(n.Input)
	case *planner.With:
		return scansBackward(n.Input)
	case *planner.Append:
		for _, in := range n.Children {
			if !scansBackward(in) {
				return false
			}
		}
		return true
	}
	return false
}

// len is the number of rows read so far.
func (c *cursorState) len() int { return int(c.rows.Len()) }

// fill reads rows until n have been read in all or the plan ends.
func (p *portal) fill(n int) error {
	c := p.declared
	for !c.full && c.len() < n {
		b, err := p.cursor.Next(min(n-c.len(), types.BatchSize))
		if err != nil {
			return err
		}
		if b == nil {
			c.full = true
			p.cursor.Close()
			p.done = true
			break
		}
		if err := c.rows.Add(b); err != nil {
			return err
		}
	}
	return nil
}

// all is the count of FETCH ALL.
const all = int(parse.FetchAll)

var errForwardOnly = pgerr.New(pgerr.ObjectNotInPrerequisiteState, "cursor can only scan forward").
	WithHint("Declare it with SCROLL option to enable backward scan.")

// run is PortalRunSelect: it passes up to count rows in a direction and gives their numbers to emit, nil for none.
func (p *portal) run(forward bool, count int, emit func(row int) error) (n int, err error) {
	c := p.declared
	if forward {
		if c.atEnd || count <= 0 {
			return 0, nil
		}
		want := all
		if count < all-c.pos {
			want = c.pos + count
		}
		if err := p.fill(want); err != nil {
			return 0, err
		}
		for n < count && c.pos < c.len() {
			if emit != nil {
				if err := emit(c.pos); err != nil {
					return n, err
				}
			}
			c.pos++
			n++
		}
		if n > 0 {
			c.atStart = false
		}
		if n < count {
			c.atEnd = true
		}
		return n, nil
	}
	if !c.scroll {
		return 0, errForwardOnly
	}
	if c.atStart || count <= 0 {
		return 0, nil
	}
	if c.atEnd && c.pos > 0 {
		c.atEnd = false
		c.pos++
	}
	for n < count && c.pos > 1 {
		c.pos--
		n++
		if emit != nil {
			if err := emit(c.pos - 1); err != nil {
				return n, err
			}
		}
	}
	if n < count {
		c.atStart, c.atEnd, c.pos = true, false, 0
	}
	return n, nil
}

// rewind is DoPortalRewind.
func (p *portal) rewind() error {
	c := p.declared
	if c.atStart && !c.atEnd {
		return nil
	}
	if !c.scroll {
		return errForwardOnly
	}
	c.atStart, c.atEnd, c.pos = true, false, 0
	return nil
}

// move is DoPortalRunFetch: it moves the cursor and gives the rows to return to emit, which is nil for MOVE.
func (p *portal) move(u *parse.FetchStmt, emit func(row int) error) (int, error) {
	c := p.declared
	forward, count := true, int(u.HowMany)
	switch u.Direction {
	case parse.FetchForward, parse.FetchBackward:
		forward = u.Direction == parse.FetchForward
		if count < 0 {
			forward, count = !forward, -count
		}
	case parse.FetchAbsolute:
		return p.moveTo(count, emit)
	case parse.FetchRelative:
		if count != 0 {
			forward = count > 0
			if count < 0 {
				count = -count
			}
			if _, err := p.run(forward, count-1, nil); err != nil {
				return 0, err
			}
			return p.run(forward, 1, emit)
		}
	}
	if count == 0 { // the row that the cursor is on
		switch {
		case c.atStart || c.atEnd:
			return 0, nil
		case emit == nil:
			return 1, nil
		case !c.scroll:
			return 0, errForwardOnly
		}
		return 1, emit(c.pos - 1)
	}
	if !forward && count == all && emit == nil {
		n := c.pos
		if n > 0 && !c.atEnd {
			n--
		}
		return n, p.rewind()
	}
	return p.run(forward, count, emit)
}

// moveTo is FETCH ABSOLUTE.
func (p *portal) moveTo(count int, emit func(row int) error) (int, error) {
	c := p.declared
	var err error
	switch {
	case count == 0:
		return 0, p.rewind()
	case count < 0:
		if _, err = p.run(true, all, nil); err == nil && count < -1 {
			_, err = p.run(false, -count-1, nil)
		}
		if err != nil {
			return 0, err
		}
		return p.run(false, 1, emit)
	case count-1 <= c.pos/2:
		if err = p.rewind(); err == nil {
			_, err = p.run(true, count-1, nil)
		}
	default:
		pos := c.pos
		if c.atEnd {
			pos++
		}
		if count <= pos {
			_, err = p.run(false, pos-count+1, nil)
		} else {
			_, err = p.run(true, count-pos-1, nil)
		}
	}
	if err != nil {
		return 0, err
	}
	return p.run(true, 1, emit)
}

// fetch is FETCH and MOVE.
func (s *Session) fetch(ctx context.Context, outer *portal, u *parse.FetchStmt, describe bool) error {
	p := s.portals[u.PortalName]
	if p == nil || p.declared == nil {
		return errNoCursor(u.PortalName)
	}
	if p.ectx != nil {
		p.ectx.Context, p.ectx.Eval.Context = ctx, ctx
		defer func() { p.ectx.Context, p.ectx.Eval.Context = s.base, s.base }()
	}
	c := p.declared
	if c.failed {
		return pgerr.New(pgerr.ObjectNotInPrerequisiteState, "portal \"%s\" cannot be run", p.name)
	}
	if u.IsMove {
		n, err := p.move(u, nil)
		if err != nil {
			c.failed = true
			return err
		}
		s.complete(fetchTag(true, int64(n)))
		return nil
	}
	fields := append([]Field(nil), p.fields...)
	var err error
	switch {
	case outer.formats != nil:
		err = applyFormats(fields, outer.formats)
	case c.binary && describe:
		err = applyFormats(fields, []int16{1})
	}
	if err != nil {
		return err
	}
	if describe {
		s.client.RowDescription(fields)
	}
	n, err := s.sendMoved(p, u, fields)
	if err != nil {
		c.failed = true
		return err
	}
	s.complete(fetchTag(false, int64(n)))
	return nil
}

// sendMoved moves a cursor and sends the rows that it passes.
func (s *Session) sendMoved(p *portal, u *parse.FetchStmt, fields []Field) (int, error) {
	ts := make([]types.Type, len(fields))
	for i, f := range fields {
		ts[i] = f.Type
	}
	out := types.NewBatch(ts, 0)
	var row []types.Datum
	n, err := p.move(u, func(i int) (err error) {
		if row, err = p.declared.rows.Row(row[:0], int64(i)); err != nil {
			return err
		}
		if out.AppendRow(row[:len(fields)]); out.N < types.BatchSize {
			return nil
		}
		err = s.client.DataRows(fields, out, s.io())
		out.Reset()
		return err
	})
	if err != nil || out.N == 0 {
		return n, err
	}
	return n, s.client.DataRows(fields, out, s.io())
}

// holdCursors is what COMMIT does first: cursors WITH HOLD read the rest of their rows.
func (s *Session) holdCursors(ctx context.Context) error {
	for _, p := range s.portals {
		c := p.declared
		if c == nil || !c.hold || c.held {
			continue
		}
		p.ectx.Context, p.ectx.Eval.Context = ctx, ctx
		if err := p.fill(all); err != nil {
			return err
		}
		p.ectx.Context, p.ectx.Eval.Context = s.base, s.base
		if !c.full {
			p.cursor.Close()
		}
		c.held, c.full, p.done = true, true, true
	}
	return nil
}

// CursorKey returns the value of the k-th key column of the row of a table that a cursor is on, for WHERE CURRENT OF. It is
// execCurrentOf; any row that it returns NULL for is none.
func (f *functions) CursorKey(name string, table types.Oid, tableName string, k int) (types.Datum, error) {
	p := f.portals[name]
	state := func(format string, args ...any) (types.Datum, error) {
		return types.Null, pgerr.New(pgerr.InvalidCursorState, format, args...)
	}
	switch {
	case p == nil:
		return types.Null, errNoCursor(name)
	case !plannable(p.st.raw.Stmt) || p.declared == nil:
		return state("cursor \"%s\" is not a SELECT query", name)
	case p.declared.held:
		return state("cursor \"%s\" is held from a previous transaction", name)
	}
	c := p.declared
	var key *sema.CursorKey
	for i := range c.keys {
		if c.keys[i].Tree == nil && c.keys[i].Table != table ||
			c.keys[i].Tree != nil && !slices.ContainsFunc(c.keys[i].Tree, func(t *catalog.Table) bool { return t.OID == table }) {
			continue
		}
		if key != nil {
			return state("cursor \"%s\" has multiple FOR UPDATE/SHARE references to table \"%s\"", name, tableName)
		}
		key = &c.keys[i]
	}
	switch {
	case key == nil && p.st.plan.Locks:
		return state("cursor \"%s\" does not have a FOR UPDATE/SHARE reference to table \"%s\"", name, tableName)
	case key == nil:
		return state("cursor \"%s\" is not a simply updatable scan of table \"%s\"", name, tableName)
	case c.atStart || c.atEnd:
		return state("cursor \"%s\" is not positioned on a row", name)
	}
	row, err := c.rows.Row(nil, int64(c.pos-1))
	if err != nil {
		return types.Null, err
	}
	if key.Tree == nil {
		return row[key.First+k], nil
	}
	return treeKey(key, table, row, k)
}

// treeKey is CursorKey for a cursor on a tree of tables: NULL where the row is of another table.
func treeKey(key *sema.CursorKey, table types.Oid, row []types.Datum, k int) (d types.Datum, err error) {
	if types.Oid(row[key.First].Int()) != table {
		return types.Null, nil
	}
	t := key.Tree[slices.IndexFunc(key.Tree, func(t *catalog.Table) bool { return t.OID == table })]
	rest := []byte(row[key.First+1].Str())[len(topo.AppendStorageID(nil, t.RowStorage)):]
	for _, n := range t.KeyColumns[:k+1] {
		if d, rest, err = keyenc.DecodeKey(t.Column(n).Type.Oid, rest, false); err != nil {
			return types.Null, err
		}
	}
	return d, nil
}

// closeCursor is CLOSE.
func (s *Session) closeCursor(u *parse.ClosePortalStmt) (string, *rowSource, error) {
	if u.PortalName == "" {
		for name, p := range s.portals {
			if p.declared != nil {
				s.dropPortal(name)
			}
		}
		return "CLOSE CURSOR ALL", nil, nil
	}
	if s.portals[u.PortalName] == nil {
		return "", nil, errNoCursor(u.PortalName)
	}
	s.dropPortal(u.PortalName)
	return "CLOSE CURSOR", nil, nil
}
