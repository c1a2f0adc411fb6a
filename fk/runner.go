package fk

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// earlyCheckRows is how many child rows may wait for the statement's end before their parents are looked up ahead of it.
// Only keys found missing are kept then: a statement that inserts a million rows keeps none of them here.
const earlyCheckRows = 8192

// Runner runs the constraint programs of one transaction. It is the executor's exec.Constraints. One goroutine uses it.
type Runner struct {
	store    Store
	programs *Programs

	// Replica reports whether session_replication_role is replica: then rows are written as they come, and foreign keys
	// neither checked nor acted upon. nil: it is not.
	Replica func() bool
	// Observe is told what the running statement's checks (or with acts, actions) of a foreign key took, and for how many rows
	// they were. nil: nobody asks.
	Observe func(k *Key, acts bool, rows int, took time.Duration)

	queue    []event // of the running statement, in order
	early    map[*Key]*pendingKeys
	deferred []event // for the transaction's end
	modes    Modes
}

// Modes is the transaction's SET CONSTRAINTS state. It is copied on write.
type Modes struct {
	all   int8 // 0: as declared; 1: deferred; -1: immediate
	byOID map[catalog.Oid]bool
}

// deferred says whether a constraint's check waits for the transaction's end.
func (m Modes) deferred(c *catalog.Constraint) bool {
	if !c.Deferrable {
		return false
	}
	if d, ok := m.byOID[c.OID]; ok {
		return d
	}
	if m.all != 0 {
		return m.all > 0
	}
	return c.Deferred
}

type eventKind uint8

const (
	checkEvent   eventKind = iota // child rows to be checked against keys
	deleteEvent                   // parent keys that are gone
	updateEvent                   // parent keys that changed
	uniqueEvent                   // deferrable unique keys that were taken when written
	triggerEvent                  // a call of a trigger's function
)

// event is a batch of rows of one table with what they entail.
type event struct {
	kind eventKind
	keys []*Key // all foreign keys concerned, in trigger order
	// rows are whole child rows (checkEvent), or parent rows before the write; new are the parent rows after it.
	rows  [][]types.Datum
	new   [][]types.Datum
	table *catalog.Table
	index *catalog.Index
	// recheck is set for an event whose rows may have changed since it was queued.
	recheck bool
	call    *queued
}

// pendingKeys are keys of one foreign key that had no parent when looked up early.
type pendingKeys struct{ rows [][]types.Datum }

// NewRunner returns the runner of a transaction that plans against the programs' catalog snapshot.
func NewRunner(store Store, programs *Programs) *Runner {
	return &Runner{store: store, programs: programs}
}

// Use moves the runner to another store and snapshot: each statement has its own.
func (r *Runner) Use(store Store, programs *Programs) { r.store, r.programs = store, programs }

// State is what a savepoint keeps of a Runner.
type State struct {
	deferred []event
	modes    Modes
	// queue and early are what the running statement had queued, where there was one.
	queue []event
	early map[*Key]*pendingKeys
}

// Save returns the state for a savepoint; Restore goes back to it.
func (r *Runner) Save() State {
	r.deferred = r.deferred[:len(r.deferred):len(r.deferred)]
	return State{r.deferred, r.modes, r.queue, r.early}
}

// Restore returns to a saved state and drops what was queued since: by a failed statement, or by those that a function within
// a statement has executed. What the statement around had queued by then stays.
func (r *Runner) Restore(s State) {
	r.deferred, r.modes, r.queue, r.early = s.deferred, s.modes, s.queue, s.early
}

// Abandon drops the events of a statement that failed.
func (r *Runner) Abandon() { r.queue, r.early = nil, nil }

// Nest sets the running statement's events aside for those of a statement within it, which runs over another store, and
// returns what brings them back.
func (r *Runner) Nest(store Store, programs *Programs) (end func()) {
	queue, early, outer, outerPrograms := r.queue, r.early, r.store, r.programs
	r.queue, r.early, r.store, r.programs = nil, nil, store, programs
	return func() { r.queue, r.early, r.store, r.programs = queue, early, outer, outerPrograms }
}

func copyRows(rows [][]types.Datum) [][]types.Datum {
	out := make([][]types.Datum, len(rows))
	n := 0
	for _, row := range rows {
		n += len(row)
	}
	flat := make([]types.Datum, 0, n)
	for i, row := range rows {
		flat = append(flat, row...)
		out[i] = flat[len(flat)-len(row) : len(flat) : len(flat)]
	}
	return out
}

func (r *Runner) observe(k *Key, acts bool, rows int, began time.Time) {
	if r.Observe != nil {
		r.Observe(k, acts, rows, time.Since(began))
	}
}

// off reports whether what is written entails nothing for now. What was queued before stays queued.
func (r *Runner) off() bool { return r.Replica != nil && r.Replica() }

// Inserted queues the checks of new rows.
func (r *Runner) Inserted(table *catalog.Table, rows [][]types.Datum) error {
	p := r.programs.Of(table.OID)
	if len(p.Checks) == 0 || r.off() {
		return nil
	}
	return r.queueChecks(p.Checks, table, copyRows(rows))
}

// Updated queues the checks of rows whose foreign keys changed, and the actions of rows whose referenced keys did.
func (r *Runner) Updated(table *catalog.Table, old, new [][]types.Datum) error {
	p := r.programs.Of(table.OID)
	if p.Empty() || r.off() {
		return nil
	}
	r.changed(table, old, new)
	for _, k := range p.Checks {
		var changed [][]types.Datum
		deferred := r.modes.deferred(k.Constraint)
		for i := range new {
			// A row inserted earlier in the transaction may still have its check pending, under its old image: a deferred
			// foreign key is judged for every new image.
			if deferred || !k.sameChildKey(old[i], new[i]) {
				changed = append(changed, new[i])
			}
		}
		if len(changed) > 0 {
			if err := r.queueChecks([]*Key{k}, table, copyRows(changed)); err != nil {
				return err
			}
		}
	}
	return nil
}

// changed queues the actions of rows whose referenced keys changed.
func (r *Runner) changed(table *catalog.Table, old, new [][]types.Datum) {
	for _, k := range r.programs.Of(table.OID).Actions {
		var o, n [][]types.Datum
		for i := range old {
			if nulls(old[i], k.ParentCols) == noNulls && !k.sameParentKey(old[i], new[i]) {
				o, n = append(o, old[i]), append(n, new[i])
			}
		}
		if len(o) > 0 {
			r.push(event{kind: updateEvent, keys: []*Key{k}, rows: copyRows(o), new: copyRows(n), table: table})
		}
	}
}

// Deleted queues the actions of deleted rows.
func (r *Runner) Deleted(table *catalog.Table, old [][]types.Datum) error {
	p := r.programs.Of(table.OID)
	if len(p.Actions) == 0 || r.off() {
		return nil
	}
	rows := copyRows(old)
	r.push(event{kind: deleteEvent, keys: p.Actions, rows: rows, table: table})
	return nil
}

// Moved queues what follows from rows that an UPDATE of root, a partitioned table, has moved from one of its partitions to
// another: to the foreign keys that reference root they are updates, to those that reference the partition itself deletes.
// old is in the form of from, new in that of to; oldRoot and newRoot are the same in the form of root.
func (r *Runner) Moved(root, from, to *catalog.Table, old, new, oldRoot, newRoot [][]types.Datum) error {
	if r.off() {
		return nil
	}
	var own []*Key
	for _, k := range r.programs.Of(from.OID).Actions {
		if !k.OfPartition() {
			own = append(own, k)
		}
	}
	for t := r.programs.cat.Table(from.Parents[0]); t != nil && t.OID != root.OID && t.Bound != nil; t = r.programs.cat.Table(t.Parents[0]) {
		for _, k := range r.programs.Of(t.OID).Actions {
			if !k.OfPartition() {
				return errMovesFrom(t, root)
			}
		}
	}
	if len(own) > 0 {
		r.push(event{kind: deleteEvent, keys: own, rows: copyRows(old), table: from})
	}
	r.changed(root, oldRoot, newRoot)
	return r.Inserted(to, new)
}

// DeferUnique queues deferrable unique keys for a second look.
func (r *Runner) DeferUnique(table *catalog.Table, index *catalog.Index, rows [][]types.Datum) error {
	r.push(event{kind: uniqueEvent, rows: copyRows(rows), table: table, index: index})
	return nil
}

// push queues an event for the statement's end, or for the transaction's where its constraint is deferred now.
func (r *Runner) push(e event) {
	switch e.kind {
	case uniqueEvent:
		for _, c := range e.table.Constraints {
			if c.OID == e.index.Constraint && r.modes.deferred(c) {
				e.recheck = true
				r.deferred = append(r.deferred, e)
				return
			}
		}
	case deleteEvent, updateEvent:
		var now []*Key
		for _, k := range e.keys {
			if k.action(e.kind) == catalog.NoAction && r.modes.deferred(k.Constraint) {
				d := e
				d.keys, d.recheck = []*Key{k}, true
				r.deferred = append(r.deferred, d)
			} else {
				now = append(now, k)
			}
		}
		if e.keys = now; len(now) == 0 {
			return
		}
	}
	if n := len(r.queue); n > 0 && e.kind == deleteEvent {
		// The rows of one level of a cascade come in batches; their children are looked for together.
		last := &r.queue[n-1]
		if last.kind == deleteEvent && last.table == e.table && len(last.rows)+len(e.rows) <= maxEventRows && sameKeys(last.keys, e.keys) {
			last.rows = append(last.rows, e.rows...)
			return
		}
	}
	r.queue = append(r.queue, e)
}

// maxEventRows bounds the deleted rows whose children are looked for together.
const maxEventRows = 4096

func (k *Key) action(kind eventKind) catalog.Action {
	if kind == deleteEvent {
		return k.Constraint.FK.OnDelete
	}
	return k.Constraint.FK.OnUpdate
}

func (r *Runner) queueChecks(keys []*Key, table *catalog.Table, rows [][]types.Datum) error {
	now := keys[:0:0]
	for _, k := range keys {
		if r.modes.deferred(k.Constraint) {
			r.deferred = append(r.deferred, event{kind: checkEvent, keys: []*Key{k}, rows: rows, table: table, recheck: true})
		} else {
			now = append(now, k)
		}
	}
	if len(now) == 0 {
		return nil
	}
	if n := len(r.queue); n > 0 && r.queue[n-1].kind == checkEvent && sameKeys(r.queue[n-1].keys, now) {
		last := &r.queue[n-1]
		last.rows = append(last.rows, rows...)
		if len(last.rows) >= earlyCheckRows {
			return r.checkEarly(last)
		}
		return nil
	}
	r.queue = append(r.queue, event{kind: checkEvent, keys: now, rows: rows, table: table})
	return nil
}

func sameKeys(a, b []*Key) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// checkEarly looks up the parents of a long statement's rows before its end and forgets those that have theirs: the
// KEY SHARE locks keep it so. The others may still be inserted by this very statement.
func (r *Runner) checkEarly(e *event) error {
	ctx := context.Background()
	if r.early == nil {
		r.early = map[*Key]*pendingKeys{}
	}
	for _, k := range e.keys {
		missing, err := r.missing(ctx, k, e.rows, false)
		if err != nil {
			return err
		}
		if len(missing) == 0 {
			continue
		}
		p := r.early[k]
		if p == nil {
			p = &pendingKeys{}
			r.early[k] = p
		}
		for _, i := range missing {
			p.rows = append(p.rows, e.rows[i])
		}
	}
	e.rows = nil
	return nil
}

// Flush ends a statement: it works the queue off, what its actions queue included.
func (r *Runner) Flush(ctx context.Context) error {
	late := make([]*Key, 0, len(r.early))
	for k := range r.early {
		late = append(late, k)
	}
	slices.SortFunc(late, func(a, b *Key) int { return cmp.Compare(a.Constraint.OID, b.Constraint.OID) })
	for _, k := range late {
		r.queue = append(r.queue, event{kind: checkEvent, keys: []*Key{k}, rows: r.early[k].rows, table: k.Child})
	}
	r.early = nil
	err := r.drain(ctx)
	r.queue = nil
	return err
}

// FlushDeferred judges everything deferred: at COMMIT, and at PREPARE TRANSACTION.
func (r *Runner) FlushDeferred(ctx context.Context) error {
	for len(r.deferred) > 0 {
		r.queue, r.deferred = append(r.queue, r.deferred...), nil
		if err := r.drain(ctx); err != nil {
			r.queue = nil
			return err
		}
		r.queue = nil
	}
	return nil
}

// SetConstraints is SET CONSTRAINTS. A nil list means ALL. Turning a constraint immediate judges its pending events now.
func (r *Runner) SetConstraints(ctx context.Context, constraints []catalog.Oid, deferred bool) error {
	m := Modes{all: r.modes.all, byOID: map[catalog.Oid]bool{}}
	if constraints == nil {
		m.all = -1
		if deferred {
			m.all = 1
		}
	} else {
		for oid, d := range r.modes.byOID {
			m.byOID[oid] = d
		}
		for _, oid := range constraints {
			m.byOID[oid] = deferred
		}
	}
	r.modes = m
	if deferred {
		return nil
	}
	var keep []event
	for _, e := range r.deferred {
		if r.modes.deferred(e.constraint()) {
			keep = append(keep, e)
		} else {
			r.queue = append(r.queue, e)
		}
	}
	r.deferred = keep
	err := r.drain(ctx)
	r.queue = nil
	return err
}

// Pending reports whether a commit has deferred checks to run.
func (r *Runner) Pending() bool { return len(r.deferred) > 0 }

func (e *event) constraint() *catalog.Constraint {
	if e.kind == triggerEvent {
		return e.call.constraint
	}
	if e.kind != uniqueEvent {
		return e.keys[0].Constraint
	}
	for _, c := range e.table.Constraints {
		if c.OID == e.index.Constraint {
			return c
		}
	}
	return &catalog.Constraint{}
}

// drain runs events in order; those that they cause join the end of the queue. ran tells later checks that rows may
// have changed since they were queued.
func (r *Runner) drain(ctx context.Context) error {
	ran := false
	for i := 0; i < len(r.queue); i++ {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		e := r.queue[i]
		r.queue[i] = event{}
		e.recheck = e.recheck || ran
		var err error
		switch e.kind {
		case checkEvent:
			err = r.check(ctx, &e)
		case uniqueEvent:
			err = r.unique(ctx, &e)
		case triggerEvent:
			if e.call.fire == nil {
				continue
			}
			ran = true
			err = e.call.fire(ctx, r.store)
		default:
			ran = true
			err = r.act(ctx, &e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// check runs a checkEvent. Where several foreign keys fail, the first row's first one is reported, as triggers fired row
// by row would.
func (r *Runner) check(ctx context.Context, e *event) error {
	firstRow := len(e.rows)
	var bad *Key
	for _, k := range e.keys {
		missing, err := r.missing(ctx, k, e.rows, e.recheck)
		if err != nil {
			return err
		}
		if len(missing) > 0 && missing[0] < firstRow {
			firstRow, bad = missing[0], k
		}
	}
	if bad == nil {
		return nil
	}
	row := e.rows[firstRow]
	if bad.Constraint.FK.Match == catalog.MatchFull && nulls(row, bad.ChildCols) == someNulls {
		return bad.mixedNulls()
	}
	return bad.MissingParent(project(row, bad.ChildCols), r.store.IOEnv(), r.store.Readable(bad.Child, bad.ChildCols))
}

// missing returns the positions of rows whose key has no parent, in order. With recheck, rows that are gone are passed
// over and others are judged by their current image, which replaces the old one in rows.
func (r *Runner) missing(ctx context.Context, k *Key, rows [][]types.Datum, recheck bool) ([]int, error) {
	if recheck {
		cur, err := r.store.Current(ctx, k.Child, rows)
		if err != nil {
			return nil, err
		}
		copy(rows, cur)
	}
	defer r.observe(k, false, len(rows), time.Now())
	var bad []int
	set := newKeySet(k.refTypes())
	var owners [][]int32 // per distinct key, the rows that hold it
	for i, row := range rows {
		if row == nil {
			continue
		}
		switch nulls(row, k.ChildCols) {
		case allNulls:
			continue
		case someNulls:
			if k.Constraint.FK.Match == catalog.MatchFull {
				bad = append(bad, i)
			}
			continue
		}
		key, ok := k.toParent(project(row, k.ChildCols))
		if !ok {
			bad = append(bad, i)
			continue
		}
		at, added := set.add(key)
		if added {
			owners = append(owners, nil)
		}
		owners[at] = append(owners[at], int32(i))
	}
	if len(set.keys) == 0 {
		return bad, nil
	}
	found, err := r.store.LockParents(ctx, k, set.keys)
	if err != nil {
		return nil, err
	}
	for i, f := range found {
		if !f {
			for _, row := range owners[i] {
				bad = append(bad, int(row))
			}
		}
	}
	return sorted(bad), nil
}

func (r *Runner) unique(ctx context.Context, e *event) error {
	rows, err := r.store.Current(ctx, e.table, e.rows)
	if err != nil {
		return err
	}
	live := rows[:0:0]
	for _, row := range rows {
		if row != nil {
			live = append(live, row)
		}
	}
	if len(live) == 0 {
		return nil
	}
	return r.store.CheckUnique(ctx, e.table, e.index, live)
}

// lockFor is the strength in which an action locks the children it meets.
func lockFor(a catalog.Action) lock.Mode {
	switch a {
	case catalog.Cascade:
		return lock.Update
	case catalog.SetNull, catalog.SetDefault:
		return lock.NoKeyUpdate
	}
	return lock.KeyShare
}
