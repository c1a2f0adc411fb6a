package exec

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/fk"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

func errCheckViolated(c *Context, t *catalog.Table, name string) error {
	return pgerr.New(pgerr.CheckViolation, "check constraint \"%s\" of relation \"%s\" is violated by some row", name, t.Name).
		WithTable(schemaName(c, t), t.Name).WithConstraint(name)
}

func errContainsNulls(c *Context, t *catalog.Table, col *catalog.Column) error {
	return pgerr.New(pgerr.NotNullViolation, "column \"%s\" of relation \"%s\" contains null values", col.Name, t.Name).
		WithTable(schemaName(c, t), t.Name).WithColumn(col.Name)
}

// rowExprs evaluates expressions over the columns of a table, by the batch: only the columns used are decoded.
type rowExprs struct {
	in     *types.Batch
	wanted []int
	dst    []*types.Vec
	out    []types.Vec
}

func newRowExprs(ti *tableInfo, ss []*planner.Scalar) *rowExprs {
	r := &rowExprs{in: types.NewBatch(ti.layout.Types, 0), out: make([]types.Vec, len(ss))}
	for _, s := range ss {
		expr.Walk(s.Node, func(n expr.Node) bool {
			if c, ok := n.(*expr.Column); ok && !slices.Contains(r.wanted, c.Index) {
				r.wanted = append(r.wanted, c.Index)
				r.dst = append(r.dst, &r.in.Cols[c.Index])
			}
			return true
		})
	}
	return r
}

// eval fills out[k] with the values of ss[k].
func (r *rowExprs) eval(ec *expr.EvalContext, ti *tableInfo, ss []*planner.Scalar, tb *txn.Batch) error {
	r.in.Reset()
	for i := range tb.Len() {
		if err := keyenc.DecodeColumns(tb.Value(i), ti.layout, r.wanted, r.dst); err != nil {
			return err
		}
	}
	r.in.N = tb.Len()
	for k, s := range ss {
		if err := s.Eval(ec, r.in, &r.out[k]); err != nil {
			return err
		}
	}
	return nil
}

// ValidateCheck implements ddl.Backend.
func (b *Backend) ValidateCheck(ctx context.Context, t *catalog.Table, con *catalog.Constraint) error {
	b.know(t)
	ti := newTableInfo(t)
	s, err := StoredExpr(b.C, t, con.Check, sema.CheckExpr, nil)
	if err != nil {
		return err
	}
	o, err := b.readNow(ctx)
	if err != nil {
		return err
	}
	ss := []*planner.Scalar{s}
	return b.eachBatch(ctx, ti, o, callsUser(ss...), func() batchFunc {
		rows := newRowExprs(ti, ss)
		return func(_ context.Context, tb *txn.Batch) error {
			if tb == nil {
				return nil
			}
			if err := rows.eval(b.C.Eval, ti, ss, tb); err != nil {
				return err
			}
			v := &rows.out[0]
			for i := range tb.Len() {
				if v.I[i] == 0 && !v.IsNull(i) {
					return errCheckViolated(b.C, t, con.Name)
				}
			}
			return nil
		}
	})
}

// FitsBounds implements ddl.Backend.
func (b *Backend) FitsBounds(ctx context.Context, snap *catalog.Snapshot, t *catalog.Table) (bool, error) {
	b.know(t)
	ti := newTableInfo(t)
	o, err := b.readNow(ctx)
	if err != nil {
		return false, err
	}
	var outside atomic.Bool
	oneByOne := false
	for p := t; p.Bound != nil; {
		p = snap.Table(p.Parents[0])
		_, columns := p.Partitioning.KeyColumns()
		oneByOne = oneByOne || !columns // an expression, which may call a function of a user
	}
	err = b.eachBatch(ctx, ti, o, oneByOne, func() batchFunc {
		own := *b.C // its evaluator is one goroutine's
		own.Catalog, own.Eval = snap, &expr.EvalContext{Context: ctx}
		if b.C.Eval != nil {
			own.Eval.IOEnv, own.Eval.Session = b.C.Eval.IOEnv, b.C.Eval.Session
		}
		var row []types.Datum
		return func(_ context.Context, tb *txn.Batch) error {
			if tb == nil || outside.Load() {
				return nil
			}
			for i := range tb.Len() {
				var err error
				if row, err = ti.decode(row[:0], tb.Value(i)); err != nil {
					return err
				}
				ok, err := fits(&own, t, row)
				if err != nil {
					return err
				}
				if !ok {
					outside.Store(true)
					return nil
				}
			}
			return nil
		}
	})
	return !outside.Load(), err
}

// ValidateNotNull implements ddl.Backend.
func (b *Backend) ValidateNotNull(ctx context.Context, t *catalog.Table, col *catalog.Column) error {
	b.know(t)
	ti := newTableInfo(t)
	o, err := b.readNow(ctx)
	if err != nil {
		return err
	}
	return b.eachBatch(ctx, ti, o, false, func() batchFunc {
		p := newProbe(ti, []int{int(col.Num) - 1})
		return func(_ context.Context, tb *txn.Batch) error {
			if tb == nil {
				return nil
			}
			if err := p.decode(tb); err != nil {
				return err
			}
			if p.b.Cols[0].Nulls.Any() {
				return errContainsNulls(b.C, t, col)
			}
			return nil
		}
	})
}

// fkValidation looks up the distinct keys of all child rows, each once.
type fkValidation struct {
	b     *Backend
	k     *fk.Key
	store *Store
	opts  txn.ReadOptions
	types []types.Type // of the referenced columns
	mu    sync.Mutex
	seen  *keyTable
	// on, if it is not nil, is where the foreign key is declared, of which no key may be found.
	on *catalog.Table
}

// ValidateForeignKey implements ddl.Backend.
func (b *Backend) ValidateForeignKey(ctx context.Context, snap *catalog.Snapshot, child *catalog.Table, con *catalog.Constraint) error {
	return b.eachReference(ctx, snap, child, con, nil)
}

// ReleasesReferenced implements ddl.Backend.
func (b *Backend) ReleasesReferenced(ctx context.Context, snap *catalog.Snapshot, child *catalog.Table, con *catalog.Constraint, on *catalog.Table) error {
	return b.eachReference(ctx, snap, child, con, on)
}

// eachReference judges the distinct keys of a table's rows.
func (b *Backend) eachReference(ctx context.Context, snap *catalog.Snapshot, child *catalog.Table, con *catalog.Constraint, on *catalog.Table) error {
	b.know(child)
	k := b.foreignKey(child, con)
	if k == nil {
		return pgerr.Internal("exec: foreign key %q references no index of table %d", con.Name, con.FK.RefTable)
	}
	o, err := b.readNow(ctx)
	if err != nil {
		return err
	}
	c := *b.C
	c.Catalog = snap
	v := &fkValidation{b: b, k: k, store: NewStore(&c), opts: o, on: on}
	v.store.validates = true
	for _, c := range k.ParentCols {
		v.types = append(v.types, types.T(k.Parent.Columns[c].Type.Oid))
	}
	v.seen = newKeyTable(v.types)
	ti := newTableInfo(child)
	return b.eachBatch(ctx, ti, o, false, func() batchFunc {
		p := newProbe(ti, k.ChildCols)
		return func(ctx context.Context, tb *txn.Batch) error {
			if tb == nil {
				return nil
			}
			if err := p.decode(tb); err != nil {
				return err
			}
			return v.judge(ctx, p)
		}
	})
}

// foreignKey resolves a constraint against the tables as the DDL has them by now, nil if there is no such parent.
func (b *Backend) foreignKey(child *catalog.Table, con *catalog.Constraint) *fk.Key {
	parent := b.table(con.FK.RefTable)
	if parent == nil {
		return nil
	}
	k := &fk.Key{Constraint: con, Child: child, Parent: parent, RefIndex: parent.IndexByOID(con.FK.RefIndex),
		ChildSchema: schemaName(b.C, child)}
	for i, c := range con.Columns {
		ref := con.FK.RefColumns[i]
		k.ChildCols, k.ParentCols = append(k.ChildCols, int(c)-1), append(k.ParentCols, int(ref)-1)
		k.Convert = append(k.Convert, child.Columns[c-1].Type.Oid != parent.Columns[ref-1].Type.Oid)
	}
	if k.RefIndex == nil {
		return nil
	}
	return k
}

// judge finds the keys of a batch that were not met before and looks their parents up.
func (v *fkValidation) judge(ctx context.Context, p *probe) error {
	cols, rows, err := v.parentColumns(p)
	if err != nil || len(rows) == 0 {
		return err
	}
	var keys [][]types.Datum
	var at []int32
	v.mu.Lock()
	if v.seen.bytes > v.b.workMem() {
		v.seen = newKeyTable(v.types) // keys met again are looked up again
	}
	next := int32(v.seen.len())
	for i, id := range v.seen.insert(cols, len(rows), nil) {
		if id == next {
			next++
			key := make([]types.Datum, len(cols))
			for c := range cols {
				key[c] = cols[c].Get(i)
			}
			keys, at = append(keys, key), append(at, rows[i])
		}
	}
	v.mu.Unlock()
	if len(keys) == 0 {
		return nil
	}
	all, err := v.store.parentKeys(v.k, keys)
	if err != nil {
		return err
	}
	refs, places := there(v.k, all)
	vers := make([]txn.Version, len(refs))
	if err := v.b.C.Txn.Get(ctx, v.opts, refs, vers); err != nil {
		return err
	}
	found := make([]bool, len(keys))
	for i := range vers {
		found[place(places, i)] = vers[i].Exists()
	}
	for i, ok := range found {
		switch {
		case v.on != nil && ok:
			return v.k.StillReferencedFrom(v.on, schemaName(v.b.C, v.on), keys[i], ioEnv(v.b.C), v.b.C.readable(v.k.Parent, v.k.ParentCols))
		case v.on == nil && !ok:
			return v.missing(p, int(at[i]))
		}
	}
	return nil
}

func (v *fkValidation) missing(p *probe, i int) error {
	vals := make([]types.Datum, len(p.dst))
	for c := range vals {
		vals[c] = p.dst[c].Get(i)
	}
	return v.k.MissingParent(vals, ioEnv(v.b.C), v.b.C.readable(v.k.Child, v.k.ChildCols))
}

// parentColumns returns a batch's keys in the referenced columns' types, and the rows that they are from: those with a
// NULL have none.
func (v *fkValidation) parentColumns(p *probe) (cols []*types.Vec, rows []int32, err error) {
	nulls, convert := false, slices.Contains(v.k.Convert, true)
	for _, c := range p.dst {
		nulls = nulls || c.Nulls.Any()
	}
	rows = make([]int32, 0, p.b.N)
	for i := range p.b.N {
		if nulls {
			n := 0
			for _, c := range p.dst {
				if c.IsNull(i) {
					n++
				}
			}
			if n > 0 {
				if n < len(p.dst) && v.k.Constraint.FK.Match == catalog.MatchFull {
					return nil, nil, v.mixedNulls()
				}
				continue
			}
		}
		rows = append(rows, int32(i))
	}
	if !nulls && !convert {
		return p.dst, rows, nil
	}
	for c, in := range p.dst {
		out := types.NewVec(v.types[c], len(rows))
		if !v.k.Convert[c] {
			out.Gather(in, rows)
			cols = append(cols, &out)
			continue
		}
		for _, i := range rows {
			d, ok := convertKey(in.Get(int(i)), in.Type, v.types[c])
			if !ok {
				return nil, nil, v.missing(p, int(i))
			}
			out.Append(d)
		}
		cols = append(cols, &out)
	}
	return cols, rows, nil
}

func (v *fkValidation) mixedNulls() error {
	return pgerr.New(pgerr.ForeignKeyViolation, "insert or update on table \"%s\" violates foreign key constraint \"%s\"",
		v.k.Child.Name, v.k.Constraint.Name).
		WithDetail("MATCH FULL does not allow mixing of null and nonnull key values.").
		WithTable(v.k.ChildSchema, v.k.Child.Name).WithConstraint(v.k.Constraint.Name)
}

func (b *Backend) workMem() int64 { return (&execution{c: b.C}).workMem() }
