package exec

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/fk"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Triggers. Those of a table are compiled once a table version; a table without any costs a nil check. A BEFORE trigger of
// rows fires when its row is about to be written, so rows of such tables are written one by one: each call sees what the
// rows before did. AFTER triggers of rows join the events of the foreign keys (fk.Runner), row by row, and fire with them at
// the statement's end, or the transaction's, in PostgreSQL's order; those of a statement come behind its rows'. What a
// statement's triggers share (transition tables, whether BEFORE STATEMENT has fired) is in its Context, since actions of
// foreign keys are part of the statement that causes them.

// TriggerHost calls trigger functions.
type TriggerHost interface {
	// CallTrigger calls a trigger's function. It returns the row that the function returned, by attnum-1, nil for NULL; for a
	// trigger of a statement nil.
	CallTrigger(ctx context.Context, c *Context, d *TriggerData) ([]types.Datum, error)
	// Replica reports whether session_replication_role is replica.
	Replica() bool
}

func (c *Context) replica() bool { return c.Triggers != nil && c.Triggers.Replica() }

// TriggerData is what a call of a trigger's function is about: PostgreSQL's TriggerData.
type TriggerData struct {
	Trigger *catalog.Trigger
	// Relation is what the trigger is on, Table its columns: the table itself, or of a view a table that stands for it.
	Relation catalog.Relation
	Table    *catalog.Table
	Event    catalog.TriggerType // TriggerInsert, TriggerUpdate, TriggerDelete or TriggerTruncate
	// Updated are the columns that an UPDATE sets.
	Updated []catalog.AttNum
	// Old and New are rows by attnum-1, nil where there is none. The function may keep them.
	Old, New []types.Datum
	// OldTable and NewTable are the transition tables that the trigger names, else nil.
	OldTable, NewTable *Transition
}

// Transition is a transition table: rows of Table by attnum-1.
type Transition struct {
	Table *catalog.Table
	Rows  [][]types.Datum
	size  int64
}

// trigger is a trigger that can be judged.
type trigger struct {
	*catalog.Trigger
	when *planner.Scalar // over OLD ++ NEW; nil: always
	// constraint stands for a constraint trigger's among those that SET CONSTRAINTS names.
	constraint *catalog.Constraint
}

// triggers are those of one relation, by name.
type triggers struct {
	rel  catalog.Relation
	t    *catalog.Table
	list []trigger
}

var triggerSets sync.Map // catalog.Oid -> *triggers of the latest version met

// triggersOf returns the triggers of a table; nil: it has none.
func triggersOf(c *Context, t *catalog.Table) (*triggers, error) {
	if len(t.Triggers) == 0 {
		return nil, nil
	}
	if v, ok := triggerSets.Load(t.OID); ok && v.(*triggers).t == t {
		return v.(*triggers), nil
	}
	set, err := compileTriggers(c, t.Relation(), t)
	if err != nil {
		return nil, err
	}
	triggerSets.Store(t.OID, set)
	return set, nil
}

func compileTriggers(c *Context, rel catalog.Relation, t *catalog.Table) (*triggers, error) {
	set := &triggers{rel: rel, t: t}
	list := rel.RelationTriggers()
	for i := range list {
		g := trigger{Trigger: &list[i]}
		if g.When != "" {
			q, err := sema.TriggerWhen(rel, g.Trigger, &sema.Env{Catalog: c.Catalog, SearchPath: []string{"public"}})
			if err != nil {
				return nil, err
			}
			if g.when, err = planner.CompileTriggerWhen(q.Where, t); err != nil {
				return nil, err
			}
		}
		if g.Constraint != 0 {
			g.constraint = &catalog.Constraint{OID: g.Constraint, Name: g.Name, Deferrable: g.Deferrable, Deferred: g.Deferred}
		}
		set.list = append(set.list, g)
	}
	return set, nil
}

// firing fires the triggers of one relation for a statement.
type firing struct {
	c       *Context
	set     *triggers
	updated []catalog.AttNum // the columns that the UPDATE sets; nil for other statements
	// row and after are the events for which there are BEFORE and AFTER triggers of rows that may fire.
	row, after catalog.TriggerType
	// root is the relation that the statement names, at the place in rows of set.t of its columns: what transition tables
	// are of.
	root *catalog.Table
	at   []int
}

// newFiring returns what fires a table's triggers in a statement that names root (nil: the table itself) and sets the columns
// of an UPDATE, in numbers of root; nil where there is nothing to fire for rows.
func newFiring(c *Context, t, root *catalog.Table, at []int, updated []catalog.AttNum) (*firing, error) {
	set, err := triggersOf(c, t)
	if err != nil {
		return nil, err
	}
	f := &firing{c: c, set: set, root: t}
	captures := false
	if root != nil && root != t {
		f.root, f.at = root, at
		for _, n := range updated {
			if at[n-1] >= 0 {
				f.updated = append(f.updated, catalog.AttNum(at[n-1]+1))
			}
		}
		above, err := triggersOf(c, root)
		if err != nil {
			return nil, err
		}
		captures = above.captures(c)
	} else {
		f.updated = slices.Clone(updated)
		captures = set.captures(c)
	}
	if set == nil && !captures {
		return nil, nil
	}
	if set == nil {
		f.set = &triggers{rel: t.Relation(), t: t}
	}
	for _, g := range t.GeneratedColumns() {
		if slices.ContainsFunc(g.Uses, func(n catalog.AttNum) bool { return slices.Contains(f.updated, n) }) {
			f.updated = append(f.updated, g.Num)
		}
	}
	for i := range f.set.list {
		g := &f.set.list[i]
		if g.Type&catalog.TriggerRow == 0 || !g.Enabled(c.replica()) {
			continue
		}
		if g.Type&catalog.TriggerBefore != 0 {
			f.row |= g.Type & catalog.TriggerEvents
		} else {
			f.after |= g.Type & catalog.TriggerEvents
		}
	}
	if f.row == 0 && f.after == 0 && !captures {
		return nil, nil
	}
	return f, nil
}

// captures reports whether one of the triggers has transition tables.
func (s *triggers) captures(c *Context) bool {
	return s != nil && slices.ContainsFunc(s.list, func(g trigger) bool {
		return (g.OldTable != "" || g.NewTable != "") && g.Enabled(c.replica())
	})
}

// wants reports whether a trigger is to be considered for an event.
func (f *firing) wants(g *trigger, timing, event, level catalog.TriggerType) bool {
	if !g.Fires(timing, event, level) || !g.Enabled(f.c.replica()) {
		return false
	}
	return event != catalog.TriggerUpdate || g.Columns == nil ||
		slices.ContainsFunc(g.Columns, func(n catalog.AttNum) bool { return slices.Contains(f.updated, n) })
}

// holds evaluates a trigger's condition.
func (f *firing) holds(g *trigger, old, new []types.Datum) (bool, error) {
	if g.when == nil {
		return true, nil
	}
	n := len(f.set.t.Columns)
	both := make([]types.Datum, 2*n)
	copy(both, old)
	copy(both[n:], new)
	d, err := g.when.EvalRow(f.c.Eval, both)
	return err == nil && !d.IsNull() && d.Bool(), err
}

func (f *firing) call(ctx context.Context, c *Context, g *trigger, event catalog.TriggerType, old, new []types.Datum) ([]types.Datum, error) {
	d := &TriggerData{Trigger: g.Trigger, Relation: f.set.rel, Table: f.set.t, Event: event, Updated: f.updated, Old: old, New: new}
	if g.OldTable != "" || g.NewTable != "" {
		s := c.stmt(f.root, event)
		if g.OldTable != "" {
			d.OldTable = s.old
		}
		if g.NewTable != "" {
			d.NewTable = s.new
		}
	}
	return callTrigger(ctx, c, d)
}

// before fires the BEFORE triggers of a row. It returns the row to be written (of a DELETE the old one), nil where the row is
// to be left alone.
func (f *firing) before(event catalog.TriggerType, old, new []types.Datum) ([]types.Datum, error) {
	row := new
	if event == catalog.TriggerDelete {
		row = old
	}
	if f == nil || f.row&event == 0 {
		return row, nil
	}
	ctx := f.c.Context
	for i := range f.set.list {
		g := &f.set.list[i]
		if !f.wants(g, catalog.TriggerBefore, event, catalog.TriggerRow) {
			continue
		}
		ok, err := f.holds(g, old, new)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		out, err := f.call(ctx, f.c, g, event, slices.Clone(old), slices.Clone(new))
		if err != nil || out == nil {
			return nil, err
		}
		if event == catalog.TriggerDelete {
			continue
		}
		// What is hidden is not the function's to change.
		if id := int(f.set.t.RowIDColumn()) - 1; id >= 0 {
			out[id] = new[id]
		}
		if event == catalog.TriggerInsert && g.Parent != 0 {
			if in, err := fits(f.c, f.set.t, out); err != nil || !in {
				if err == nil {
					err = f.errMovesBefore(g)
				}
				return nil, err
			}
		}
		new, row = out, out
	}
	return row, nil
}

func (f *firing) errMovesBefore(g *trigger) error {
	t := f.set.t
	return pgerr.New(pgerr.FeatureNotSupported, "moving row to another partition during a BEFORE FOR EACH ROW trigger is not supported").
		WithDetail("Before executing trigger \"%s\", the row was to be in partition \"%s.%s\".", g.Name, schemaName(f.c, t), t.Name)
}

// events reports rows that were written to the constraints and the AFTER triggers, row by row as PostgreSQL queues them.
func (f *firing) events(event catalog.TriggerType, old, new [][]types.Datum, constraints func(from, to int) error) error {
	n := max(len(old), len(new))
	for i := range n {
		var o, w []types.Datum
		if old != nil {
			o = old[i]
		}
		if new != nil {
			w = new[i]
		}
		if err := f.capture(event, o, w); err != nil {
			return err
		}
		if err := f.queue(event, o, w, true); err != nil {
			return err
		}
		if err := constraints(i, i+1); err != nil {
			return err
		}
		if err := f.queue(event, o, w, false); err != nil {
			return err
		}
	}
	return nil
}

// constraintTriggers is where the names of the triggers of foreign keys sort among others.
const constraintTriggers = "RI_ConstraintTrigger_"

// queue queues the AFTER triggers of a row whose names come before those of foreign keys' triggers, or behind.
func (f *firing) queue(event catalog.TriggerType, old, new []types.Datum, early bool) error {
	if f.after&event == 0 || f.c.Constraints == nil {
		return nil
	}
	for i := range f.set.list {
		g := &f.set.list[i]
		if (g.Name < constraintTriggers) != early || !f.wants(g, 0, event, catalog.TriggerRow) {
			continue
		}
		ok, err := f.holds(g, old, new)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		o, w := keptRow(old), keptRow(new)
		f.c.Constraints.Queue(g.constraint, func(ctx context.Context, s fk.Store) error {
			c := f.c
			if s, ok := s.(*Store); ok { // the transaction's end has a context of its own
				c = s.c
			}
			_, err := f.call(ctx, c, g, event, o, w)
			return err
		})
	}
	return nil
}

func keptRow(row []types.Datum) []types.Datum {
	if row == nil {
		return nil
	}
	return slices.Clone(row)
}

// stmtKey names the triggers of a statement: PostgreSQL keeps them by table and command.
type stmtKey struct {
	table catalog.Oid
	event catalog.TriggerType
}

// stmtTriggers is what the triggers of a table share in a statement and the actions that it causes.
type stmtTriggers struct {
	began    bool // the BEFORE triggers have fired
	closed   bool // the AFTER triggers have fired: what comes now is another round
	old, new *Transition
	cancel   []func() // takes the AFTER triggers back that are queued
}

// stmt returns what the triggers of a table share for an event.
func (c *Context) stmt(t *catalog.Table, event catalog.TriggerType) *stmtTriggers {
	key := stmtKey{t.OID, event}
	s := c.stmts[key]
	if s == nil || s.closed {
		s = &stmtTriggers{old: &Transition{Table: t}, new: &Transition{Table: t}}
		if c.stmts == nil {
			c.stmts = map[stmtKey]*stmtTriggers{}
		}
		c.stmts[key] = s
	}
	return s
}

// capture adds a row to the transition tables of the statement's table.
func (f *firing) capture(event catalog.TriggerType, old, new []types.Datum) error {
	above, err := triggersOf(f.c, f.root)
	if err != nil || above == nil {
		return err
	}
	var o, n bool
	for i := range above.list {
		if g := &above.list[i]; g.Type&event != 0 && g.Enabled(f.c.replica()) {
			o, n = o || g.OldTable != "", n || g.NewTable != ""
		}
	}
	s := f.c.stmt(f.root, event)
	if o && old != nil {
		if err := s.old.add(rootRow(f.at, old)); err != nil {
			return err
		}
	}
	if n && new != nil {
		return s.new.add(rootRow(f.at, new))
	}
	return nil
}

// datumBytes is what a value takes at least.
const datumBytes = 24

func (t *Transition) add(row []types.Datum) error {
	t.Rows = append(t.Rows, slices.Clone(row))
	for _, d := range row {
		t.size += datumBytes
		if d.Kind() == types.KString {
			t.size += int64(len(d.Str()))
		}
	}
	if t.size > unspillableBytes {
		return errMemory()
	}
	return nil
}

// beforeStatement fires the BEFORE triggers of a statement, once.
func beforeStatement(ctx context.Context, c *Context, rel catalog.Relation, t *catalog.Table, event catalog.TriggerType, updated []catalog.AttNum) error {
	f, err := statementFiring(c, rel, t, updated)
	if err != nil || f == nil {
		return err
	}
	s := c.stmt(t, event)
	if s.began {
		return nil
	}
	s.began = true
	for i := range f.set.list {
		g := &f.set.list[i]
		if !f.wants(g, catalog.TriggerBefore, event, 0) {
			continue
		}
		if ok, err := f.holds(g, nil, nil); err != nil || !ok {
			if err != nil {
				return err
			}
			continue
		}
		row, err := f.call(ctx, c, g, event, nil, nil)
		if err != nil {
			return err
		}
		if row != nil {
			return pgerr.New(pgerr.TriggerProtocolViolated, "BEFORE STATEMENT trigger cannot return a value")
		}
	}
	return nil
}

// afterStatement queues the AFTER triggers of a statement behind its rows'; those that an earlier part of it has queued go.
func afterStatement(c *Context, rel catalog.Relation, t *catalog.Table, event catalog.TriggerType, updated []catalog.AttNum) error {
	f, err := statementFiring(c, rel, t, updated)
	if err != nil || f == nil || c.Constraints == nil {
		return err
	}
	s := c.stmt(t, event)
	for _, cancel := range s.cancel {
		cancel()
	}
	s.cancel = nil
	for i := range f.set.list {
		g := &f.set.list[i]
		if !f.wants(g, 0, event, 0) {
			continue
		}
		if ok, err := f.holds(g, nil, nil); err != nil || !ok {
			if err != nil {
				return err
			}
			continue
		}
		s.cancel = append(s.cancel, c.Constraints.Queue(nil, func(ctx context.Context, _ fk.Store) error {
			s.closed = true
			d := &TriggerData{Trigger: g.Trigger, Relation: f.set.rel, Table: f.set.t, Event: event}
			if g.OldTable != "" {
				d.OldTable = s.old
			}
			if g.NewTable != "" {
				d.NewTable = s.new
			}
			_, err := callTrigger(ctx, c, d)
			return err
		}))
	}
	return nil
}

// statementFiring is what fires a relation's triggers of statements; nil: it has none.
func statementFiring(c *Context, rel catalog.Relation, t *catalog.Table, updated []catalog.AttNum) (*firing, error) {
	if len(rel.RelationTriggers()) == 0 {
		return nil, nil
	}
	var set *triggers
	var err error
	if rel.View != nil {
		set, err = compileTriggers(c, rel, t)
	} else {
		set, err = triggersOf(c, t)
	}
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(set.list, func(g trigger) bool { return g.Type&catalog.TriggerRow == 0 }) {
		return nil, nil
	}
	return &firing{c: c, set: set, root: t, updated: updated}, nil
}

// callTrigger calls a trigger's function: a built-in one, or the host's.
func callTrigger(ctx context.Context, c *Context, d *TriggerData) ([]types.Datum, error) {
	if c.Analyze != nil {
		began := time.Now()
		defer func() { c.Analyze.called(c, d, time.Since(began)) }()
	}
	if d.Trigger.Function < catalog.FirstNormalOid {
		switch d.Trigger.Function {
		case tsvectorUpdate, tsvectorUpdateColumn:
			return updateTSVector(c, d)
		}
		return suppressRedundantUpdates(d)
	}
	if c.Triggers == nil {
		return nil, pgerr.Internal("exec: nothing calls triggers here")
	}
	return c.Triggers.CallTrigger(ctx, c, d)
}

// SuppressRedundantUpdates is pg_proc's OID of suppress_redundant_updates_trigger.
const SuppressRedundantUpdates catalog.Oid = 1291

// suppressRedundantUpdates is suppress_redundant_updates_trigger.
func suppressRedundantUpdates(d *TriggerData) ([]types.Datum, error) {
	bad := func(what string) error {
		return pgerr.New(pgerr.TriggerProtocolViolated, "suppress_redundant_updates_trigger: must be called %s", what)
	}
	g := d.Trigger
	switch {
	case g.Function != SuppressRedundantUpdates:
		return nil, pgerr.NotSupported("a built-in trigger function")
	case d.Event != catalog.TriggerUpdate:
		return nil, bad("on update")
	case g.Type&catalog.TriggerBefore == 0:
		return nil, bad("before update")
	case g.Type&catalog.TriggerRow == 0:
		return nil, bad("for each row")
	}
	layout := d.Table.RowLayout()
	if bytes.Equal(keyenc.EncodeRow(nil, layout, d.Old), keyenc.EncodeRow(nil, layout, d.New)) {
		return nil, nil
	}
	return d.New, nil
}

// movedEvents reports a row that an UPDATE has moved to another partition: deleted from one table and inserted into another,
// but to the statement's transition tables updated.
func movedEvents(from, to *firing, old, new []types.Datum) error {
	queue := func(f *firing, event catalog.TriggerType, old, new []types.Datum) error {
		if f == nil {
			return nil
		}
		if err := f.capture(catalog.TriggerUpdate, old, new); err != nil {
			return err
		}
		if err := f.queue(event, old, new, true); err != nil {
			return err
		}
		return f.queue(event, old, new, false)
	}
	if err := queue(from, catalog.TriggerDelete, old, nil); err != nil {
		return err
	}
	return queue(to, catalog.TriggerInsert, nil, new)
}
