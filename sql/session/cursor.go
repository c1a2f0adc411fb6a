package session

import (
	"context"
	"time"

	"github.com/pgmqdb/pgmqdb/planner/exec"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// cursorState is what DECLARE CURSOR adds to a portal: the rows read so far, so that FETCH can go back, and where it is.
// Rows are kept for SCROLL cursors, and all of them at COMMIT for WITH HOLD ones; in a file if they are too many.
type cursorState struct {
	scroll bool
	held   bool // its transaction has ended; all rows are here
	rows   *exec.RowStore
	full   bool // the plan has ended
	pos    int  // rows before the current one: 0 is before the first, len+1 after the last
}

// declareCursor is DECLARE … CURSOR FOR query.
func (s *Session) declareCursor(ctx context.Context, outer *portal, u *parse.DeclareCursorStmt) error {
	if u.Options&parse.CursorOptBinary != 0 {
		return pgerr.NotSupported("DECLARE BINARY CURSOR")
	}
	if u.Options&parse.CursorOptHold != 0 {
		return pgerr.NotSupported("DECLARE CURSOR WITH HOLD")
	}
	if err := s.requireBlock("DECLARE CURSOR"); err != nil {
		return err
	}
	if q := u.Query; len(q.LockingClause) > 0 && u.Options&parse.CursorOptScroll != 0 {
		return pgerr.New(pgerr.FeatureNotSupported, "DECLARE SCROLL CURSOR ... %s is not supported", q.LockingClause[0].Strength).
			WithDetail("Scrollable cursors must be READ ONLY.")
	}
	if s.portals[u.PortalName] != nil {
		return pgerr.New(pgerr.DuplicateCursor, "cursor \"%s\" already exists", u.PortalName)
	}
	st := newStatement("", parse.RawStmt{Stmt: u.Query, Text: outer.st.raw.Text}, outer.st.text, nil)
	p := &portal{name: u.PortalName, st: st, created: time.Now(), declared: &cursorState{scroll: u.Options&parse.CursorOptNoScroll == 0}}
	if err := s.startPortal(ctx, p); err != nil {
		return err
	}
	p.declared.rows = exec.NewRowStore(s.spill, s.storeMemory())
	// The cursor outlives the statement that declared it, and with it the statement's context.
	p.ectx.Context, p.ectx.Eval.Context = s.base, s.base
	s.addPortal(u.PortalName, p)
	return nil
}

// len is the number of rows read so far.
func (c *cursorState) len() int { return int(c.rows.Len()) }

// fill reads rows until n are kept or the plan ends.
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
	from, to, step, err := p.move(u)
	if err != nil {
		return err
	}
	n := int64(max(0, (to-from)*step))
	if !u.IsMove {
		fields := append([]Field(nil), p.fields...)
		if err := applyFormats(fields, outer.formats); err != nil {
			return err
		}
		if describe {
			s.client.RowDescription(fields)
		}
		if err := s.sendKept(p, fields, from, to, step); err != nil {
			return err
		}
	}
	s.complete(fetchTag(u.IsMove, n))
	return nil
}

// sendKept sends kept rows from one on to another (exclusive).
func (s *Session) sendKept(p *portal, fields []Field, from, to, step int) error {
	out := types.NewBatch(columnTypes(p.fields), 0)
	var row []types.Datum
	for i := from; i != to; i += step {
		var err error
		if row, err = p.declared.rows.Row(row[:0], int64(i)); err != nil {
			return err
		}
		if out.AppendRow(row); out.N < types.BatchSize && i+step != to {
			continue
		}
		if err := s.client.DataRows(fields, out, s.io()); err != nil {
			return err
		}
		out.Reset()
	}
	return nil
}

func columnTypes(fields []Field) []types.Type {
	out := make([]types.Type, len(fields))
	for i, f := range fields {
		out[i] = f.Type
	}
	return out
}

// move settles which kept rows a FETCH returns, in which order, and moves the cursor: from (inclusive) to to (exclusive)
// by step. Position 0 is before the first row, so row i is at position i+1.
func (p *portal) move(u *parse.FetchStmt) (from, to, step int, err error) {
	c := p.declared
	dir, n := u.Direction, u.HowMany
	if n < 0 && (dir == parse.FetchForward || dir == parse.FetchBackward) {
		n = -n
		if dir == parse.FetchForward {
			dir = parse.FetchBackward
		} else {
			dir = parse.FetchForward
		}
	}
	backward := dir == parse.FetchBackward && n > 0 || dir == parse.FetchAbsolute && n < int64(c.pos) || dir == parse.FetchRelative && n < 0
	if backward && !c.scroll {
		return 0, 0, 1, pgerr.New(pgerr.ObjectNotInPrerequisiteState, "cursor can only scan forward").
			WithHint("Declare it with SCROLL option to enable backward scan.")
	}
	const all = int(^uint(0)>>1) - 1
	count := all
	if n < int64(all) {
		count = int(n)
	}
	switch dir {
	case parse.FetchForward:
		if count == 0 {
			return p.current()
		}
		want := all
		if count < all-c.pos {
			want = c.pos + count
		}
		if err := p.fill(want); err != nil {
			return 0, 0, 1, err
		}
		start := min(c.pos, c.len())
		end := min(want, c.len())
		c.pos = end
		if end < want {
			c.pos = c.len() + 1
		}
		return start, max(start, end), 1, nil
	case parse.FetchBackward:
		if count == 0 {
			return p.current()
		}
		start := c.pos - 2 // the row before the current one
		end := max(-1, start-count)
		if count >= all {
			end = -1
		}
		start = max(start, -1)
		c.pos = end + 2
		if start-end < count {
			c.pos = 0
		}
		return start, end, -1, nil
	}
	return p.moveTo(dir, n)
}

// current returns the row that the cursor is on.
func (p *portal) current() (from, to, step int, err error) {
	c := p.declared
	if c.pos >= 1 && c.pos <= c.len() {
		return c.pos - 1, c.pos, 1, nil
	}
	return 0, 0, 1, nil
}

// moveTo is FETCH ABSOLUTE and RELATIVE.
func (p *portal) moveTo(dir parse.FetchDirection, n int64) (from, to, step int, err error) {
	c := p.declared
	target := n
	if dir == parse.FetchRelative {
		target = int64(c.pos) + n
	} else if n < 0 {
		if err := p.fill(int(^uint(0) >> 1)); err != nil {
			return 0, 0, 1, err
		}
		target = int64(c.len()) + 1 + n
	}
	if target <= 0 {
		c.pos = 0
		return 0, 0, 1, nil
	}
	if err := p.fill(int(target)); err != nil {
		return 0, 0, 1, err
	}
	if target > int64(c.len()) {
		c.pos = c.len() + 1
		return 0, 0, 1, nil
	}
	c.pos = int(target)
	return c.pos - 1, c.pos, 1, nil
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
