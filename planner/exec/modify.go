package exec

import (
	"bytes"
	"maps"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// modifyChunk is how many rows are locked and written at a time.
const modifyChunk = 1000

// modifyOp is INSERT, UPDATE, DELETE or MERGE. Without RETURNING it runs to its end on the first call.
type modifyOp struct {
	r    *run
	n    *planner.ModifyTable
	in   operator
	w    *Writer // of the plan's table
	root *leaf
	// leaves are the tables of a tree; nil: the statement writes root alone.
	leaves map[topo.StorageID]*leaf
	// router is set where root is partitioned.
	router *router
	done   bool

	b     *types.Batch // the input batch at hand and how far it was used
	at    int
	set   []*types.Vec
	tmp   []types.Vec
	flat  []types.Datum
	reqs  []txn.LockRequest
	lock_ []txn.Locked
	// seen are the target rows met, where the input may bring one twice.
	seen map[string]struct{}
	out  *types.Batch
	// xid and lockedBy are xmin and xmax of the rows that RETURNING is about.
	xid, lockedBy types.Datum
	// triggered: one of the tables has triggers. begun: the statement's BEFORE triggers have fired. single: rows are written one
	// by one, for BEFORE triggers of rows and for functions that look at the rows before.
	triggered, begun, single bool
}

// notLocked is the xmax of a row that nobody has locked.
var notLocked = types.NewInt(0)

func newModify(r *run, n *planner.ModifyTable, in operator) operator {
	m := &modifyOp{r: r, n: n, in: in, w: NewWriter(r.c, n.Table), leaves: newLeaves(r.c, n),
		lockedBy: notLocked, xid: types.NewInt(int64(r.c.Txn.ID().XID()))}
	m.root = &leaf{ti: m.w.ti, w: m.w, generated: n.Generated, checks: n.Checks}
	if n.Table.Partitioning != nil {
		m.router = newRouter(r.c, n.Table, slices.Collect(maps.Values(m.leaves)))
	}
	m.single = n.ByRow
	if n.Kind != planner.Insert && (m.single || !n.Unique) {
		m.seen = map[string]struct{}{}
	}
	m.triggered = r.c.Triggers != nil && hasTriggers(n)
	if s, ok := in.(*scanOp); ok && m.claims(s) {
		s.claim = n.Target.Mode
	}
	return m
}

// claims reports whether a row that the input finds by its key is written for certain, and locked in the target's mode: then
// it can be locked as it is found.
func (m *modifyOp) claims(s *scanOp) bool {
	n := m.n
	return (n.Kind == planner.Update && !n.KeyChange || n.Kind == planner.Delete) && n.Target.Policy == lock.Wait &&
		s.keys.x == nil && s.n.Filter == nil && s.n.Table == n.Table
}

func (m *modifyOp) next(max int) (*types.Batch, error) {
	if m.done {
		return nil, nil
	}
	m.r.modified = true
	if m.triggered && !m.begun {
		m.begun = true
		if err := m.beginTriggers(); err != nil {
			return nil, err
		}
	}
	if m.n.Returning != nil && m.out == nil {
		m.out = types.NewBatch(m.n.Types, 0)
	}
	for {
		if err := m.r.cancelled(); err != nil {
			return nil, err
		}
		if m.b == nil || m.at >= m.b.N {
			want := 0
			if m.n.ByRow {
				want = 1
			}
			b, err := m.in.next(want)
			if err != nil {
				return nil, err
			}
			if b == nil {
				m.done = true
				if m.triggered {
					return nil, m.endTriggers()
				}
				return nil, nil
			}
			if err := m.start(b); err != nil {
				return nil, err
			}
		}
		if m.out != nil {
			m.out.Reset()
		}
		end := min(m.at+modifyChunk, m.b.N)
		if m.single {
			end = m.at + 1
		}
		if err := m.chunk(m.at, end); err != nil {
			return nil, err
		}
		m.at = end
		if m.out != nil && m.out.N > 0 {
			return m.out, nil
		}
	}
}

// start takes an input batch and computes the new values of an UPDATE for all of it.
func (m *modifyOp) start(b *types.Batch) error {
	m.b, m.at = b, 0
	if m.n.Kind != planner.Update {
		return nil
	}
	var err error
	m.set, err = m.r.evalVecs(m.n.Set, b, &m.tmp, m.set)
	return err
}

func (m *modifyOp) chunk(from, to int) error {
	m.flat = m.flat[:0]
	switch m.n.Kind {
	case planner.Insert:
		return m.insert(from, to)
	case planner.Update:
		return m.update(from, to)
	case planner.Merge:
		return m.merge(from, to)
	}
	return m.delete(from, to)
}

// newRow returns a zeroed row of the plan's table in the chunk's memory.
func (m *modifyOp) newRow() []types.Datum { return m.rowOf(len(m.n.Table.Columns)) }

// rowOf returns a zeroed row of n columns in the chunk's memory.
func (m *modifyOp) rowOf(n int) []types.Datum {
	if cap(m.flat)-len(m.flat) < n {
		m.flat = make([]types.Datum, 0, max(n, min(modifyChunk*n, 4*cap(m.flat)+n)))
	}
	at := len(m.flat)
	m.flat = m.flat[:at+n]
	row := m.flat[at : at+n : at+n]
	clear(row)
	return row
}

// insertRow makes and checks the new row of an input row; nil: a trigger has left it out.
func (m *modifyOp) insertRow(i int) ([]types.Datum, error) {
	row, err := m.buildRow(i)
	if err != nil {
		return nil, err
	}
	if row, err = m.beforeInsert(m.root, row); err != nil || row == nil {
		return nil, err
	}
	return row, m.finish(row)
}

// finish computes the generated columns of a new row of the plan's table and checks it.
func (m *modifyOp) finish(row []types.Datum) error { return m.finishIn(m.root, row) }

// finishIn is finish for a row of a leaf.
func (m *modifyOp) finishIn(l *leaf, row []types.Datum) error {
	return m.finishBy(l, row, m.n.RowChecks)
}

// finishBy is finishIn with what row-level security demands of the row, which comes before constraints.
func (m *modifyOp) finishBy(l *leaf, row []types.Datum, demands []planner.Check) error {
	if err := generate(m.r.eval, l.generated, row); err != nil {
		return err
	}
	if err := m.checkPolicies(l, row, demands, errRowSecurity); err != nil {
		return err
	}
	return l.w.check(m.r, l.checks, row)
}

// checkPolicies judges a row of a leaf by conditions of policies.
func (m *modifyOp) checkPolicies(l *leaf, row []types.Datum, list []planner.Check, refused func(t *catalog.Table, policy string) error) error {
	if len(list) == 0 {
		return nil
	}
	wide := m.treeRow(nil, l, row)
	for _, c := range list {
		d, err := m.r.evalRow(c.Cond, wide)
		if err != nil {
			return err
		}
		if d.IsNull() || !d.Bool() {
			return refused(m.n.Table, c.Name)
		}
	}
	return nil
}

// generate computes the generated columns of a row that is complete otherwise.
func generate(ec *expr.EvalContext, list []planner.Generated, row []types.Datum) error {
	for i := range list {
		d, err := list[i].Value.EvalRow(ec, row)
		if err != nil {
			return err
		}
		row[list[i].Col] = d
	}
	return nil
}

// buildRow makes the new row of an input row.
func (m *modifyOp) buildRow(i int) ([]types.Datum, error) {
	row := m.newRow()
	for c, at := range m.n.Direct {
		if at >= 0 {
			row[c] = m.b.Cols[at].Get(i)
			continue
		}
		if s := m.n.Values[c]; s != nil {
			var err error
			if row[c], err = s.EvalRow(m.r.eval, nil); err != nil {
				return nil, err
			}
		}
	}
	return row, m.w.ti.number(m.r.ctx(), m.r.c, row)
}

func (m *modifyOp) insert(from, to int) error {
	if m.router != nil {
		return m.insertRouted(from, to)
	}
	rows := make([][]types.Datum, 0, to-from)
	for i := from; i < to; i++ {
		row, err := m.insertRow(i)
		if err != nil {
			// PostgreSQL has inserted the rows before; a duplicate among them is the error that it reports.
			if len(rows) > 0 && m.n.Conflict == nil {
				if earlier := m.insertChecked(rows); earlier != nil {
					return earlier
				}
			}
			return err
		}
		if row != nil {
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	if m.n.Conflict != nil {
		return m.insertOrConflict(m.root, rows)
	}
	if err := m.insertChecked(rows); err != nil {
		return err
	}
	return m.returned(m.root, rows, nil)
}

// insertChecked inserts rows up to the first that a view's check option refuses, so that a duplicate before it, or which it
// is, is reported and none behind it.
func (m *modifyOp) insertChecked(rows [][]types.Datum) error {
	good, refused := m.checkViews(m.root, rows)
	if err := m.w.Insert(m.r.ctx(), rows[:min(good+1, len(rows))]); err != nil {
		return err
	}
	return refused
}

// written judges rows of a leaf, which were written, by the views' check options, and returns them.
func (m *modifyOp) written(l *leaf, rows [][]types.Datum, inputs []int) error {
	if _, err := m.checkViews(l, rows); err != nil {
		return err
	}
	return m.returned(l, rows, inputs)
}

// returned counts rows of a leaf and computes RETURNING. inputs, if not nil, are the input rows' positions.
func (m *modifyOp) returned(l *leaf, rows [][]types.Datum, inputs []int) error {
	if m.n.Main {
		m.r.written += int64(len(rows))
	}
	if m.n.Returning == nil {
		return nil
	}
	var wide, vals []types.Datum
	for k, row := range rows {
		wide = m.treeRow(wide[:0], l, row)
		if inputs != nil {
			wide = m.b.AppendRowTo(wide, inputs[k])
		}
		wide = append(wide, m.xid, m.lockedBy)
		vals = vals[:0]
		for _, s := range m.n.Returning {
			d, err := m.r.evalRow(s, wide)
			if err != nil {
				return err
			}
			vals = append(vals, d)
		}
		m.out.AppendRow(vals)
	}
	return nil
}

// treeRow appends a leaf's row in the form of the plan's table, for a tree followed by tableoid.
func (m *modifyOp) treeRow(dst []types.Datum, l *leaf, row []types.Datum) []types.Datum {
	dst = append(dst, rootRow(l.at, row)...)
	if m.leaves != nil {
		dst = append(dst, types.NewInt(int64(l.ti.t.OID)))
	}
	return dst
}

// checkViews judges rows by the conditions of WITH CHECK OPTION, and returns how many pass before the first that does not.
func (m *modifyOp) checkViews(l *leaf, rows [][]types.Datum) (passed int, err error) {
	if len(m.n.ViewChecks) == 0 {
		return len(rows), nil
	}
	var wide []types.Datum
	for i, row := range rows {
		wide = m.treeRow(wide[:0], l, row)
		for _, c := range m.n.ViewChecks {
			d, err := c.Cond.EvalRow(m.r.eval, wide)
			if err != nil {
				return i, err
			}
			if d.IsNull() || !d.Bool() {
				return i, errViewCheck(m.r.c, m.n.Table, c.Name, wide[:len(m.n.Table.Columns)])
			}
		}
	}
	return len(rows), nil
}

// rowRef reads the system columns of input row i.
func rowRef(b *types.Batch, at, i int) (txn.Key, topo.Timestamp) {
	s := b.Cols[at].S[i]
	return txn.Key{Group: topo.GroupID(b.Cols[at+1].I[i]), Bytes: []byte(s)}, topo.Timestamp(b.Cols[at+2].I[i])
}

// lockRequest asks for the row that the statement read under key in its version ts, wherever it is now. A row that the
// transaction wrote itself has no ts, and stays where it is.
func (r *run) lockRequest(key txn.Key, ts topo.Timestamp, mode lock.Mode) (txn.LockRequest, error) {
	req := txn.LockRequest{Key: key, Mode: mode}
	if ts == 0 {
		return req, nil
	}
	opts, err := r.readOptions()
	req.AsOf = opts.TS
	return req, err
}

// lockTargets locks the target rows of input rows [from, to) and returns the inputs that are still to be written: rows
// met before and rows without a reference (the empty side of an outer join) are left out.
func (m *modifyOp) lockTargets(from, to int) ([]int, []topo.Timestamp, error) {
	t := &m.n.Target
	m.reqs = m.reqs[:0]
	var inputs []int
	var seenTS []topo.Timestamp
	for i := from; i < to; i++ {
		if m.b.Cols[t.Ref].IsNull(i) {
			continue
		}
		key, ts := rowRef(m.b, t.Ref, i)
		if m.seen != nil {
			if _, twice := m.seen[string(key.Bytes)]; twice {
				continue
			}
			m.seen[string(key.Bytes)] = struct{}{}
		}
		mode := t.Mode
		if m.n.KeyChange {
			l, err := m.leafOf(key.Bytes)
			if err != nil {
				return nil, nil, err
			}
			if m.keyChanges(l, i) {
				mode = lock.Update
			}
		}
		req, err := m.r.lockRequest(key, ts, mode)
		if err != nil {
			return nil, nil, err
		}
		m.reqs = append(m.reqs, req)
		inputs, seenTS = append(inputs, i), append(seenTS, ts)
	}
	if cap(m.lock_) < len(m.reqs) {
		m.lock_ = make([]txn.Locked, len(m.reqs))
	}
	m.lock_ = m.lock_[:len(m.reqs)]
	if len(m.reqs) == 0 {
		return nil, nil, nil
	}
	return inputs, seenTS, m.r.c.Txn.Lock(m.r.ctx(), m.reqs, t.Policy, m.lock_)
}

// keyChanges reports whether the new values of input row i differ from the old ones in a key column.
func (m *modifyOp) keyChanges(l *leaf, i int) bool {
	for k, c := range m.n.Columns {
		if !l.ti.keyAttr[l.column(c)] {
			continue
		}
		at := m.n.Target.Cols[c-1]
		if at < 0 {
			return true
		}
		old, new := m.b.Cols[at].Get(i), m.set[k].Get(i)
		if old.IsNull() != new.IsNull() || !old.IsNull() && !types.Equal(m.n.Table.Columns[c-1].Type.Oid, old, new) {
			return true
		}
	}
	return false
}

// current decides what a locked row is now: row is its latest version, nil when it is to be skipped; moved says that it
// is not the version that the input row was made from.
func current(ti *tableInfo, l *txn.Locked, ts topo.Timestamp, dst []types.Datum) (row []types.Datum, moved bool, err error) {
	if l.Skipped || !l.Version.Exists() {
		return nil, false, nil
	}
	if l.At != nil && !bytes.HasPrefix(l.At.Bytes, ti.prefix) {
		return nil, false, errMovedAway()
	}
	if l.Version.Own {
		if ts != 0 {
			return nil, false, nil // this statement has written it already
		}
	} else {
		moved = l.Version.TS != ts
	}
	row, err = ti.decode(dst, l.Version.Value)
	return row, moved, err
}

// replaceTarget puts the latest version of a locked row in the place of the one that an input row was made from.
func replaceTarget(t *planner.LockTarget, wide, row []types.Datum, l *txn.Locked) {
	for c, at := range t.Cols {
		if at >= 0 {
			wide[at] = row[c]
		}
	}
	if t.Xmin >= 0 {
		wide[t.Xmin] = types.NewInt(int64(xmin(l.Version.Value, l.Version.TS)))
	}
}

// xmin is the transaction that wrote a version of a row: as the row says, or as its timestamp does.
func xmin(value []byte, ts topo.Timestamp) uint32 {
	if x, ok := keyenc.Writer(value); ok {
		return x
	}
	return ts.XID()
}

// recheck judges an input row again with the target's columns replaced by the latest version: READ COMMITTED's second
// look. It returns the replaced input row, nil when the row no longer qualifies.
func recheck(r *run, cond *planner.Scalar, t *planner.LockTarget, b *types.Batch, i int, row []types.Datum, l *txn.Locked) ([]types.Datum, error) {
	wide := b.Row(i)
	replaceTarget(t, wide, row, l)
	if cond == nil {
		return wide, nil
	}
	d, err := cond.EvalRow(r.eval, wide)
	if err != nil || d.IsNull() || !d.Bool() {
		return nil, err
	}
	return wide, nil
}

func (m *modifyOp) update(from, to int) error {
	inputs, seenTS, err := m.lockTargets(from, to)
	if err != nil {
		return err
	}
	var g changes
	for k, i := range inputs {
		l, err := m.leafOf(m.reqs[k].Key.Bytes)
		if err != nil {
			return err
		}
		if err := m.turn(&g, l); err != nil {
			return err
		}
		t := target{l, &m.reqs[k], &m.lock_[k], "updated"}
		if err := m.met(&t, catalog.TriggerUpdate, uint64(seenTS[k])); err != nil {
			return err
		}
		orow, nrow, err := m.updatedRow(l, k, i, seenTS[k])
		if err != nil {
			return err
		}
		if orow == nil {
			continue
		}
		if nrow, err = m.before(&t, catalog.TriggerUpdate, orow, nrow); err != nil {
			return err
		}
		if nrow == nil {
			continue
		}
		moves, err := m.moves(l, nrow)
		if err != nil {
			return err
		}
		if moves {
			if err := m.write(&g); err != nil {
				return err
			}
			if err := m.move(l, orow, nrow, i); err != nil {
				return err
			}
			continue
		}
		if err := m.finishIn(l, nrow); err != nil {
			if dup := m.write(&g); dup != nil {
				return dup
			}
			return err
		}
		g.old, g.new, g.inputs = append(g.old, orow), append(g.new, nrow), append(g.inputs, i)
	}
	return m.write(&g)
}

// updatedRow returns a locked row, which is input i's target, as it is and as it will be; nil where it is to be left alone.
func (m *modifyOp) updatedRow(l *leaf, k, i int, ts topo.Timestamp) (orow, nrow []types.Datum, err error) {
	n := len(l.ti.t.Columns)
	orow, moved, err := current(l.ti, &m.lock_[k], ts, m.rowOf(n)[:0])
	if err != nil || orow == nil {
		return nil, nil, err
	}
	nrow = m.rowOf(n)
	copy(nrow, orow)
	if !moved {
		for s, c := range m.n.Columns {
			nrow[l.column(c)] = m.set[s].Get(i)
		}
		return orow, nrow, nil
	}
	wide, err := recheck(m.r, m.n.Recheck, &m.n.Target, m.b, i, rootRow(l.at, orow), &m.lock_[k])
	if err != nil || wide == nil {
		return nil, nil, err
	}
	for s, c := range m.n.Columns {
		if nrow[l.column(c)], err = m.r.evalRow(m.n.Set[s], wide); err != nil {
			return nil, nil, err
		}
	}
	return orow, nrow, nil
}

func (m *modifyOp) delete(from, to int) error {
	inputs, seenTS, err := m.lockTargets(from, to)
	if err != nil {
		return err
	}
	var g changes
	for k, i := range inputs {
		l, err := m.leafOf(m.reqs[k].Key.Bytes)
		if err != nil {
			return err
		}
		if err := m.turn(&g, l); err != nil {
			return err
		}
		t := target{l, &m.reqs[k], &m.lock_[k], "deleted"}
		if err := m.met(&t, catalog.TriggerDelete, uint64(seenTS[k])); err != nil {
			return err
		}
		row, moved, err := current(l.ti, &m.lock_[k], seenTS[k], m.rowOf(len(l.ti.t.Columns))[:0])
		if err != nil {
			return err
		}
		if row == nil {
			continue
		}
		if moved {
			wide, err := recheck(m.r, m.n.Recheck, &m.n.Target, m.b, i, rootRow(l.at, row), &m.lock_[k])
			if err != nil {
				return err
			}
			if wide == nil {
				continue
			}
		}
		if row, err = m.before(&t, catalog.TriggerDelete, row, nil); err != nil {
			return err
		}
		if row == nil {
			continue
		}
		g.old, g.inputs = append(g.old, row), append(g.inputs, i)
	}
	return m.write(&g)
}

func (m *modifyOp) close() { m.in.close() }

// lockRowsOp is SELECT … FOR UPDATE. It never locks more rows than it is asked for, so that LIMIT 1 SKIP LOCKED takes
// one row from a queue.
type lockRowsOp struct {
	r   *run
	n   *planner.LockRows
	in  operator
	b   *types.Batch
	at  int
	out *types.Batch
}

func newLockRows(r *run, n *planner.LockRows, in operator) operator {
	return &lockRowsOp{r: r, n: n, in: in, out: types.NewBatch(n.Types, 0)}
}

func (l *lockRowsOp) next(max int) (*types.Batch, error) {
	l.out.Reset()
	if max <= 0 || max > modifyChunk {
		max = modifyChunk
	}
	for l.out.N == 0 {
		if err := l.r.cancelled(); err != nil {
			return nil, err
		}
		if l.b == nil || l.at >= l.b.N {
			b, err := l.in.next(max)
			if err != nil || b == nil {
				return nil, err
			}
			l.b, l.at = b, 0
		}
		end := min(l.at+max, l.b.N)
		if err := l.lockRange(l.at, end); err != nil {
			return nil, err
		}
		l.at = end
	}
	return l.out, nil
}

// lockRange locks input rows [from, to), table by table, and puts out those that still qualify.
func (l *lockRowsOp) lockRange(from, to int) error {
	rows := make([][]types.Datum, to-from)
	for i := range rows {
		rows[i] = l.b.Row(from + i)
	}
	changed := make([]bool, len(rows))
	for t := range l.n.Targets {
		if err := l.lockTable(&l.n.Targets[t], from, rows, changed); err != nil {
			return err
		}
	}
	for i, row := range rows {
		if row == nil {
			continue
		}
		if changed[i] && l.n.Recheck != nil {
			d, err := l.n.Recheck.EvalRow(l.r.eval, row)
			if err != nil {
				return err
			}
			if d.IsNull() || !d.Bool() {
				continue
			}
		}
		l.out.AppendRow(row)
	}
	return nil
}

func (l *lockRowsOp) lockTable(t *planner.LockTarget, from int, rows [][]types.Datum, changed []bool) error {
	var reqs []txn.LockRequest
	var at []int
	var seen []topo.Timestamp
	for i, row := range rows {
		if row == nil || row[t.Ref].IsNull() {
			continue
		}
		key, ts := rowRef(l.b, t.Ref, from+i)
		req, err := l.r.lockRequest(key, ts, t.Mode)
		if err != nil {
			return err
		}
		reqs, at, seen = append(reqs, req), append(at, i), append(seen, ts)
	}
	if len(reqs) == 0 {
		return nil
	}
	locked := make([]txn.Locked, len(reqs))
	if err := l.r.c.Txn.Lock(l.r.ctx(), reqs, t.Policy, locked); err != nil {
		return l.lockError(t, err)
	}
	of, tree := &leaf{ti: infoOf(t.Table)}, newTreeRows(t)
	for k, i := range at {
		if tree != nil {
			id, _ := topo.KeyStorageID(reqs[k].Key.Bytes)
			of = tree[id]
		}
		row, moved, err := current(of.ti, &locked[k], seen[k], nil)
		if err != nil {
			return err
		}
		if row == nil {
			rows[i] = nil
			continue
		}
		if moved {
			row = rootRow(of.at, row)
			changed[i] = true
			replaceTarget(t, rows[i], row, &locked[k])
		}
	}
	return nil
}

// lockError names the table of a lock that NOWAIT did not get, as PostgreSQL does; and to it a deleted row that the
// transaction's snapshot has is an updated one here.
func (l *lockRowsOp) lockError(t *planner.LockTarget, err error) error {
	if t.Policy == lock.NoWait && pgerr.HasCode(err, pgerr.LockNotAvailable) {
		return pgerr.New(pgerr.LockNotAvailable, "could not obtain lock on row in relation %q", t.Table.Name)
	}
	if txn.IsConcurrentDelete(err) {
		return errSerialize("update")
	}
	return err
}

func (l *lockRowsOp) close() { l.in.close() }
