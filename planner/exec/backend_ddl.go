package exec

import (
	"context"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Backend does for DDL what needs rows: validations, index builds and rewrites. It has all of ddl.Backend but Lock, which
// belongs to the session. Rows are read at the latest timestamp, the transaction's own included; the tables are fenced.
type Backend struct {
	// C gives the execution's context for a catalog snapshot (the overlay).
	C *Context
	// Ingest writes committed entries of a storage that nobody reads yet straight into a group's log: an index build
	// need not pass them through the transaction. dup is the position of an entry whose key has another value, or -1.
	// nil: entries go through the transaction.
	Ingest func(ctx context.Context, group topo.GroupID, unique bool, entries []IngestEntry) (dup int, err error)
}

// IngestEntry is a key and its value.
type IngestEntry struct{ Key, Value []byte }

// ingestChunk is how many entries go into one Ingest.
const ingestChunk = 4096

// eachBatch scans all rows of a table.
func (b *Backend) eachBatch(ctx context.Context, ti *tableInfo, f func(*txn.Batch) error) error {
	sc, err := b.C.Txn.Scan(ctx, Latest, txn.ScanSpec{Groups: dataGroups(b.C.SlotMap), Lo: ti.prefix, Hi: prefixEnd(ti.prefix)})
	if err != nil {
		return err
	}
	defer sc.Close()
	for {
		tb, err := sc.Next(ctx)
		if err != nil || tb == nil {
			return err
		}
		if err := f(tb); err != nil {
			return err
		}
	}
}

// eachRow decodes all rows of a table.
func (b *Backend) eachRow(ctx context.Context, ti *tableInfo, f func(row []types.Datum, tb *txn.Batch, i int) error) error {
	return b.eachBatch(ctx, ti, func(tb *txn.Batch) error {
		var row []types.Datum
		for i := range tb.Len() {
			var err error
			if row, err = ti.decode(row[:0], tb.Value(i)); err != nil {
				return err
			}
			if err := f(row, tb, i); err != nil {
				return err
			}
		}
		return nil
	})
}

// ValidateCheck implements ddl.Backend.
func (b *Backend) ValidateCheck(ctx context.Context, t *catalog.Table, con *catalog.Constraint) error {
	s, err := StoredExpr(b.C, t, con.Check, sema.CheckExpr, nil)
	if err != nil {
		return err
	}
	return b.eachRow(ctx, newTableInfo(t), func(row []types.Datum, _ *txn.Batch, _ int) error {
		d, err := s.EvalRow(b.C.Eval, row)
		if err != nil || d.IsNull() || d.Bool() {
			return err
		}
		return pgerr.New(pgerr.CheckViolation, "check constraint %q of relation %q is violated by some row", con.Name, t.Name).
			WithTable(schemaName(b.C, t), t.Name).WithConstraint(con.Name)
	})
}

// ValidateNotNull implements ddl.Backend.
func (b *Backend) ValidateNotNull(ctx context.Context, t *catalog.Table, col *catalog.Column) error {
	ti := newTableInfo(t)
	p := newProbe(ti, []int{int(col.Num) - 1})
	return b.eachBatch(ctx, ti, func(tb *txn.Batch) error {
		if err := p.decode(tb); err != nil {
			return err
		}
		if p.b.Cols[0].Nulls.Any() {
			return pgerr.New(pgerr.NotNullViolation, "column %q of relation %q contains null values", col.Name, t.Name).
				WithTable(schemaName(b.C, t), t.Name).WithColumn(col.Name)
		}
		return nil
	})
}

// ValidateForeignKey implements ddl.Backend by a hash anti-join: the parent's keys are hashed, the child is scanned once.
func (b *Backend) ValidateForeignKey(ctx context.Context, child *catalog.Table, con *catalog.Constraint) error {
	parent := b.C.Catalog.Table(con.FK.RefTable)
	if con.FK.RefTable == child.OID {
		parent = child
	}
	if parent == nil {
		return pgerr.Internal("exec: no table %d", con.FK.RefTable)
	}
	pti, cti := newTableInfo(parent), newTableInfo(child)
	refs, cols := make([]int, len(con.Columns)), make([]int, len(con.Columns))
	ts := make([]types.Type, len(con.Columns))
	convert := false
	for i, c := range con.Columns {
		cols[i], refs[i] = int(c)-1, int(con.FK.RefColumns[i])-1
		ts[i] = types.T(parent.Columns[refs[i]].Type.Oid)
		convert = convert || child.Columns[cols[i]].Type.Oid.Kind() != ts[i].Oid.Kind()
	}
	table := newKeyTable(ts)
	pp := newProbe(pti, refs)
	var ids []int32
	err := b.eachBatch(ctx, pti, func(tb *txn.Batch) error {
		if err := pp.decode(tb); err != nil {
			return err
		}
		ids = table.insert(pp.dst, pp.b.N, ids)
		return nil
	})
	if err != nil {
		return err
	}
	cp := newProbe(cti, cols)
	return b.eachBatch(ctx, cti, func(tb *txn.Batch) error {
		if err := cp.decode(tb); err != nil {
			return err
		}
		vecs := cp.dst
		if convert {
			if vecs, err = castVecs(b.C, cp.dst, ts); err != nil {
				return err
			}
		}
		ids = table.find(vecs, cp.b.N, ids)
		for i, id := range ids {
			if id >= 0 && !anyNull(cp.dst, i) {
				continue
			}
			if err := b.judgeChild(child, parent, con, cti, cp, tb, i); err != nil {
				return err
			}
		}
		return nil
	})
}

// castVecs converts child columns to the referenced columns' types.
func castVecs(c *Context, in []*types.Vec, ts []types.Type) ([]*types.Vec, error) {
	out := make([]*types.Vec, len(in))
	for k, v := range in {
		n := v.Len()
		w := types.NewVec(ts[k], n)
		for i := range n {
			d, err := types.Cast(v.Get(i), v.Type, ts[k], types.Implicit, ioEnv(c))
			if err != nil {
				return nil, err
			}
			w.Append(d)
		}
		out[k] = &w
	}
	return out, nil
}

// judgeChild decides about a child row whose key was not found or has NULLs.
func (b *Backend) judgeChild(child, parent *catalog.Table, con *catalog.Constraint, cti *tableInfo, cp *probe, tb *txn.Batch, i int) error {
	nulls := 0
	for _, v := range cp.dst {
		if v.IsNull(i) {
			nulls++
		}
	}
	if nulls == len(cp.dst) || nulls > 0 && con.FK.Match != catalog.MatchFull {
		return nil
	}
	e := pgerr.New(pgerr.ForeignKeyViolation, "insert or update on table %q violates foreign key constraint %q", child.Name, con.Name).
		WithTable(schemaName(b.C, child), child.Name).WithConstraint(con.Name)
	if nulls > 0 {
		return e.WithDetail("MATCH FULL does not allow mixing of null and nonnull key values.")
	}
	row, err := cti.decode(nil, tb.Value(i))
	if err != nil {
		return err
	}
	ks := make([]keyColumn, len(con.Columns))
	for k, c := range con.Columns {
		ks[k] = keyColumn{at: int(c) - 1, oid: child.Columns[c-1].Type.Oid}
	}
	return e.WithDetail("%s", "Key "+keyText(b.C, child, ks, row)+" is not present in table \""+parent.Name+"\".")
}

// indexBuild collects entries by group.
type indexBuild struct {
	b       *Backend
	ti      *tableInfo
	x       *indexInfo
	byGroup map[topo.GroupID][]IngestEntry
	own     []txn.Key
	ownVal  [][]byte
}

// BuildIndex implements ddl.Backend.
func (b *Backend) BuildIndex(ctx context.Context, t *catalog.Table, index *catalog.Index) error {
	ti := newTableInfo(t)
	ib := &indexBuild{b: b, ti: ti, x: newIndexInfo(t, index), byGroup: map[topo.GroupID][]IngestEntry{}}
	w := &Writer{c: b.C, ti: ti}
	err := b.eachRow(ctx, ti, func(row []types.Datum, tb *txn.Batch, i int) error {
		if ib.x.global && ib.x.hasNull(row) {
			return nil
		}
		key := w.entryKey(ib.x, row, tb.GroupOf(i))
		value := emptyValue
		if ib.x.global {
			value = w.locator(tb.Key(i), ti.slotOf(row))
		}
		if tb.Versions[i] == 0 || b.Ingest == nil {
			ib.own, ib.ownVal = append(ib.own, key), append(ib.ownVal, value)
			if len(ib.own) >= fetchChunk {
				return ib.flushOwn(ctx)
			}
			return nil
		}
		ib.byGroup[key.Group] = append(ib.byGroup[key.Group], IngestEntry{key.Bytes, value})
		if len(ib.byGroup[key.Group]) >= ingestChunk {
			return ib.flush(ctx, key.Group)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for g := range ib.byGroup {
		if err := ib.flush(ctx, g); err != nil {
			return err
		}
	}
	return ib.flushOwn(ctx)
}

// flush ingests the entries of a group.
func (ib *indexBuild) flush(ctx context.Context, g topo.GroupID) error {
	es := ib.byGroup[g]
	ib.byGroup[g] = nil
	if len(es) == 0 {
		return nil
	}
	slices.SortFunc(es, func(a, b IngestEntry) int { return slices.Compare(a.Key, b.Key) })
	if ib.x.global {
		for i := 1; i < len(es); i++ {
			if slices.Equal(es[i-1].Key, es[i].Key) {
				return ib.duplicated(es[i].Key)
			}
		}
	}
	dup, err := ib.b.Ingest(ctx, g, ib.x.global, es)
	if err == nil && dup >= 0 {
		return ib.duplicated(es[dup].Key)
	}
	return err
}

// flushOwn writes the entries of the transaction's own rows through it.
func (ib *indexBuild) flushOwn(ctx context.Context) error {
	t := ib.b.C.Txn
	if !ib.x.global {
		for i, k := range ib.own {
			t.Put(k, ib.ownVal[i], txn.Entry)
		}
	} else if len(ib.own) > 0 {
		reqs, locked := make([]txn.LockRequest, len(ib.own)), make([]txn.Locked, len(ib.own))
		for i, k := range ib.own {
			reqs[i] = txn.LockRequest{Key: k, Mode: lock.Update, Latest: true, ExistenceOnly: true}
		}
		if err := t.Lock(ctx, reqs, lock.Wait, locked); err != nil {
			return err
		}
		seen := map[string]bool{}
		for i, k := range ib.own {
			if locked[i].Version.Exists() || seen[string(k.Bytes)] {
				return ib.duplicated(k.Bytes)
			}
			seen[string(k.Bytes)] = true
			t.Put(k, ib.ownVal[i], 0)
		}
	}
	ib.own, ib.ownVal = ib.own[:0], ib.ownVal[:0]
	return nil
}

// duplicated is the error for a key that two rows have; its values are read from the entry's key.
func (ib *indexBuild) duplicated(key []byte) error {
	row := make([]types.Datum, len(ib.ti.t.Columns))
	rest := key[len(ib.x.prefix):]
	for _, k := range ib.x.cols {
		var err error
		if row[k.at], rest, err = keyenc.DecodeKey(k.oid, rest, k.desc); err != nil {
			return err
		}
	}
	return pgerr.New(pgerr.UniqueViolation, "could not create unique index %q", ib.x.ix.Name).
		WithDetail("%s", "Key "+keyText(ib.b.C, ib.ti.t, ib.x.cols, row)+" is duplicated.").
		WithTable(schemaName(ib.b.C, ib.ti.t), ib.ti.t.Name).WithConstraint(ib.x.ix.Name)
}

// RewriteTable implements ddl.Backend: the rows pass through the transaction.
func (b *Backend) RewriteTable(ctx context.Context, r ddl.Rewrite) error {
	old := newTableInfo(r.Old)
	c := *b.C
	c.Constraints = nil
	w := NewWriter(&c, r.New)
	x := &run{execution: &execution{c: &c}, eval: c.Eval}
	conv, err := b.rewriteExprs(r)
	if err != nil {
		return err
	}
	checks, err := StoredChecks(&c, r.New)
	if err != nil {
		return err
	}
	var rows [][]types.Datum
	flush := func() error {
		err := w.Insert(ctx, rows)
		if pgerr.HasCode(err, pgerr.UniqueViolation) {
			e := pgerr.From(err)
			return pgerr.New(e.Code, "could not create unique index %q", e.Constraint).WithTable(e.Schema, e.Table).WithConstraint(e.Constraint)
		}
		rows = rows[:0]
		return err
	}
	err = b.eachRow(ctx, old, func(row []types.Datum, _ *txn.Batch, _ int) error {
		out := make([]types.Datum, len(r.New.Columns))
		copy(out, row)
		for n, s := range conv {
			d, err := s.EvalRow(c.Eval, row)
			if err != nil {
				return err
			}
			if t := r.New.Columns[n-1].Type; s.Type != t {
				if d, err = types.Cast(d, s.Type, t, types.Assignment, ioEnv(&c)); err != nil {
					return err
				}
			}
			out[n-1] = d
		}
		if id := w.ti.rowID; id >= 0 && out[id].IsNull() {
			out[id] = types.NewInt(c.NextRowID())
		}
		if r.Verify {
			if err := w.check(x, checks, out); err != nil {
				return err
			}
		}
		if rows = append(rows, out); len(rows) >= modifyChunk {
			return flush()
		}
		return nil
	})
	if err != nil || len(rows) == 0 {
		return err
	}
	return flush()
}

// rewriteExprs compiles the expressions of a rewrite over the old table's columns, cast to the new columns' types.
func (b *Backend) rewriteExprs(r ddl.Rewrite) (map[catalog.AttNum]*planner.Scalar, error) {
	out := map[catalog.AttNum]*planner.Scalar{}
	for n, text := range r.Exprs {
		col := r.New.Columns[n-1]
		s, err := StoredExpr(b.C, r.Old, text, sema.TransformExpr, &col)
		if err != nil {
			return nil, err
		}
		out[n] = s
	}
	return out, nil
}
