package exec

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// ON CONFLICT. For each row the arbiter keys are read at the latest version first, so that no lock is taken on the keys
// of rows that exist. A key that looks free is locked, which waits for a concurrent inserter, and judged again.

// conflictState is what an INSERT … ON CONFLICT keeps over its rows.
type conflictState struct {
	arbiters []*indexInfo
	all      bool // DO NOTHING without a target: every unique index, and every exclusion constraint
	excluded []*exclusion
	touched  map[string]struct{} // row keys that the command inserted or updated
}

func (m *modifyOp) conflictState(l *leaf) *conflictState {
	if l.con != nil {
		return l.con
	}
	s := &conflictState{touched: map[string]struct{}{}, all: len(m.n.Conflict.Arbiters) == 0}
	for _, ix := range m.n.Conflict.Arbiters {
		switch own := m.indexIn(l, ix); {
		case own == nil:
		case own.ix.Excludes():
			for _, e := range l.ti.exclusions() {
				if e.x == own {
					s.excluded = append(s.excluded, e)
				}
			}
		default:
			s.arbiters = append(s.arbiters, own)
		}
	}
	if s.all {
		if l.ti.rowKey != nil {
			s.arbiters = append(s.arbiters, l.ti.rowKey)
		}
		for _, x := range l.ti.indexes {
			if x.global {
				s.arbiters = append(s.arbiters, x)
			}
		}
		s.excluded = l.ti.exclusions()
	}
	l.con = s
	return s
}

// indexIn returns the index of a leaf that belongs to an index of the plan's table; nil for none.
func (m *modifyOp) indexIn(l *leaf, root *catalog.Index) *indexInfo {
	if l.ti.t == m.n.Table {
		return l.ti.indexByOID(root.OID)
	}
	for _, ix := range l.ti.t.Indexes {
		if m.r.c.Catalog.IndexBelongsTo(l.ti.t, ix, root.OID) {
			return l.ti.indexByOID(ix.OID)
		}
	}
	return nil
}

// insertOrConflict inserts the rows of a chunk one by one, after one batched look at their arbiter keys.
func (m *modifyOp) insertOrConflict(l *leaf, rows [][]types.Datum) error {
	s := m.conflictState(l)
	wide, err := l.w.wideAll(rows)
	if err != nil {
		return err
	}
	keys, owner := l.arbiterKeys(s, wide)
	vers := make([]txn.Version, len(keys))
	latest := txn.ReadOptions{TS: topo.MaxTimestamp, Own: txn.LatestSeq}
	if len(keys) > 0 {
		if err := m.r.c.Txn.Get(m.r.ctx(), latest, keys, vers); err != nil {
			return err
		}
	}
	at := 0
	for i, row := range rows {
		hit := -1
		first := at
		for at < len(keys) && owner[at].row == i {
			if hit < 0 && vers[at].Exists() {
				hit = at
			}
			at++
		}
		if hit >= 0 && m.n.Conflict.DoNothing {
			// Whoever is deleting the row that is in the way may take it out.
			if err := m.r.c.Txn.Probe(m.r.ctx(), keys[hit:hit+1], vers[hit:hit+1]); err != nil {
				return err
			}
			if !vers[hit].Exists() {
				hit = -1
			}
		}
		if len(rows) > 1 && hit < 0 {
			// Rows of this command may have taken the key meanwhile.
			fresh := make([]txn.Version, at-first)
			if err := m.r.c.Txn.Get(m.r.ctx(), latest, keys[first:at], fresh); err != nil {
				return err
			}
			for k := range fresh {
				vers[first+k] = fresh[k]
				if hit < 0 && fresh[k].Exists() {
					hit = first + k
				}
			}
		}
		if err := m.insertOne(l, row, keys[first:at], owner[first:at], vers[first:at], hit-first); err != nil {
			return err
		}
	}
	return nil
}

// arbiterKey says which row and index a key belongs to.
type arbiterKey struct {
	row int
	x   *indexInfo
}

func (l *leaf) arbiterKeys(s *conflictState, rows [][]types.Datum) ([]txn.Key, []arbiterKey) {
	var keys []txn.Key
	var owner []arbiterKey
	for i, row := range rows {
		for _, x := range s.arbiters {
			if x == l.ti.rowKey {
				k, _ := l.w.rowKey(row)
				keys, owner = append(keys, k), append(owner, arbiterKey{i, x})
			} else if !x.absent(row) {
				keys, owner = append(keys, l.w.entryKey(x, row, 0)), append(owner, arbiterKey{i, x})
			}
		}
	}
	return keys, owner
}

// insertOne inserts a row, or acts on its conflict. hit is the position of a key that exists, or negative.
func (m *modifyOp) insertOne(l *leaf, row []types.Datum, keys []txn.Key, owner []arbiterKey, vers []txn.Version, hit int) error {
	for {
		if hit >= 0 && hit < len(keys) {
			done, err := m.onConflict(l, row, keys[hit], owner[hit].x, vers[hit])
			if done || err != nil {
				return err
			}
			// The row was deleted meanwhile: look again.
		}
		hit = -1
		reqs := make([]txn.LockRequest, len(keys))
		for i, k := range keys {
			reqs[i] = txn.LockRequest{Key: k, Mode: lock.Update, Latest: true}
		}
		locked := make([]txn.Locked, len(reqs))
		if len(reqs) > 0 {
			if err := m.r.c.Txn.Lock(m.r.ctx(), reqs, lock.Wait, locked); err != nil {
				return err
			}
		}
		for i := range locked {
			vers[i] = locked[i].Version
			if hit < 0 && vers[i].Exists() {
				hit = i
			}
		}
		if hit < 0 {
			break
		}
	}
	one := [][]types.Datum{row}
	if out, err := m.isExcluded(l, one); err != nil || out {
		return err
	}
	if err := l.w.Insert(m.r.ctx(), one); err != nil {
		return err
	}
	k, _ := l.w.rowKey(row)
	l.con.touched[string(k.Bytes)] = struct{}{}
	return m.written(l, one, nil)
}

// isExcluded reports whether an exclusion constraint does not admit a new row, which DO NOTHING leaves out.
func (m *modifyOp) isExcluded(l *leaf, row [][]types.Datum) (bool, error) {
	if len(l.con.excluded) == 0 {
		return false, nil
	}
	wide, err := l.w.wideAll(row)
	if err != nil {
		return false, err
	}
	for _, e := range l.con.excluded {
		if e.x.con.Deferrable {
			return false, errDeferrableArbiter(m.r.c, l.ti.t, e.x)
		}
		if e.spares(wide[0]) {
			continue
		}
		if other, err := l.w.excluded(m.r.ctx(), e, wide[0], false); err != nil || other != nil {
			return other != nil, err
		}
	}
	return false, nil
}

// onConflict does what ON CONFLICT says with the row that holds the key. done is false when that row is gone.
func (m *modifyOp) onConflict(l *leaf, row []types.Datum, key txn.Key, x *indexInfo, v txn.Version) (done bool, err error) {
	target := key
	if x != l.ti.rowKey {
		if target, err = l.ti.follow(v.Value, m.r.c.SlotMap); err != nil {
			return false, err
		}
	}
	c := m.n.Conflict
	if c.DoNothing {
		return true, m.visibleConflict(v)
	}
	if _, twice := l.con.touched[string(target.Bytes)]; twice {
		return false, errSecondTime()
	}
	mode := lock.NoKeyUpdate
	for _, col := range c.Columns {
		if l.ti.keyAttr[l.column(col)] {
			mode = lock.Update
		}
	}
	reqs, locked := [1]txn.LockRequest{{Key: target, Mode: mode}}, [1]txn.Locked{}
	if err := m.r.c.Txn.Lock(m.r.ctx(), reqs[:], lock.Wait, locked[:]); err != nil {
		return false, err
	}
	if !locked[0].Version.Exists() {
		return false, nil
	}
	old, err := l.ti.decode(nil, locked[0].Version.Value)
	if err != nil {
		return false, err
	}
	if holds, err := l.holdsKey(x, old, row); err != nil || !holds {
		return false, err
	}
	return true, m.updateConflict(l, target, old, row)
}

// holdsKey reports whether an existing row still has a new row's key in an index.
func (l *leaf) holdsKey(x *indexInfo, old, row []types.Datum) (bool, error) {
	wide, err := l.w.wideAll([][]types.Datum{old, row})
	if err != nil {
		return false, err
	}
	return !x.absent(wide[0]) && !l.w.changed(x.cols, wide[0], wide[1]), nil
}

// visibleConflict is REPEATABLE READ's check of DO NOTHING: the row in the way must be one that the snapshot sees.
func (m *modifyOp) visibleConflict(v txn.Version) error {
	if v.Own || m.r.c.Txn.Options().Isolation == txn.ReadCommitted {
		return nil
	}
	opts, err := m.r.readOptions()
	if err != nil {
		return err
	}
	if v.TS > opts.TS {
		return errSerialize("update")
	}
	return nil
}

func (m *modifyOp) updateConflict(l *leaf, target txn.Key, old, excluded []types.Datum) error {
	c := m.n.Conflict
	if err := m.checkPolicies(l, old, c.ConflictChecks, errTargetSecurity); err != nil {
		return err
	}
	wide := m.treeRow(m.treeRow(make([]types.Datum, 0, 2*len(old)+2), l, old), l, excluded)
	if c.Where != nil {
		d, err := c.Where.EvalRow(m.r.eval, wide)
		if err != nil || d.IsNull() || !d.Bool() {
			return err
		}
	}
	new := append([]types.Datum(nil), old...)
	for i, col := range c.Columns {
		var err error
		if new[l.column(col)], err = m.r.evalRow(c.Set[i], wide); err != nil {
			return err
		}
	}
	if l.w.fire.rows(catalog.TriggerUpdate) {
		var err error
		if new, err = m.beforeConflict(l, target, old, new); err != nil || new == nil {
			return err
		}
	}
	if l.ti.t.Bound != nil {
		if fits, err := fits(m.r.c, l.ti.t, new); err != nil || !fits {
			if err == nil {
				err = errConflictMoves()
			}
			return err
		}
	}
	if err := m.finishBy(l, new, c.RowChecks); err != nil {
		return err
	}
	l.con.touched[string(target.Bytes)] = struct{}{}
	if err := l.w.Update(m.r.ctx(), [][]types.Datum{old}, [][]types.Datum{new}); err != nil {
		return err
	}
	k, _ := l.w.rowKey(new)
	l.con.touched[string(k.Bytes)] = struct{}{}
	m.lockedBy = m.xid
	defer func() { m.lockedBy = notLocked }()
	return m.written(l, [][]types.Datum{new}, nil)
}
