package exec

import (
	"context"
	"slices"
	"sync"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/shard/disk"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// BuildIndex implements ddl.Backend.
func (b *Backend) BuildIndex(ctx context.Context, t *catalog.Table, index *catalog.Index) (topo.Timestamp, error) {
	b.know(t)
	ti := newTableInfoOf(t, []*catalog.Index{index})
	x := ti.indexByOID(index.OID)
	l, err := b.newLoader(ctx, ti)
	if err != nil {
		return 0, err
	}
	defer l.inFlight.Wait()
	o, err := b.readNow(ctx)
	if err != nil {
		return 0, err
	}
	// What an entry is made of: the index's columns, the row's key, and for a locator its placement.
	var wanted []int
	use := func(at int) {
		if !slices.Contains(wanted, at) {
			wanted = append(wanted, at)
		}
	}
	for _, at := range x.uses() {
		use(at)
	}
	place := ti.key
	if x.global {
		place = ti.dist
	}
	for _, c := range place {
		use(c.at)
	}
	oneByOne, err := (&widener{c: b.C, ti: ti}).callsUser()
	if err != nil {
		return 0, err
	}
	err = b.eachBatch(ctx, ti, o, oneByOne, func() batchFunc {
		w := l.worker()
		p := newProbe(ti, wanted)
		row := make([]types.Datum, ti.width())
		wide := widener{c: b.C, ti: ti}
		return func(ctx context.Context, tb *txn.Batch) error {
			if tb == nil {
				return w.finish(ctx)
			}
			if err := p.decode(tb); err != nil {
				return err
			}
			for i := range tb.Len() {
				if ctx.Err() != nil { // expressions may take long
					return context.Cause(ctx)
				}
				disk.GiveWay(i)
				for k, at := range wanted {
					row[at] = p.dst[k].Get(i)
				}
				slot := topo.Slot(0)
				if x.global {
					slot = ti.slotOf(row)
				}
				full, err := wide.wide(row)
				if err != nil {
					return err
				}
				if err := w.addEntry(ctx, x, full, txn.Key{Group: tb.GroupOf(i), Bytes: tb.Key(i)}, slot); err != nil {
					return err
				}
			}
			return nil
		}
	})
	if err != nil {
		return 0, err
	}
	l.inFlight.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ts, nil
}

// rewrite is one RewriteTable.
type rewrite struct {
	b        *Backend
	r        ddl.Rewrite
	old, new *tableInfo
	l        *loader
	attrs    []int // columns computed by exprs
	exprs    []*planner.Scalar
	checks   []*planner.Scalar
	names    []string // of the checks
	// serial is held while expressions that use the session (nextval) run.
	serial   *sync.Mutex
	newRowID bool
	// seen finds rows with equal new keys; nil when the keys stay as they are.
	seen *rowKeySet
}

// RewriteTable implements ddl.Backend.
func (b *Backend) RewriteTable(ctx context.Context, r ddl.Rewrite) error {
	b.know(r.New)
	rw := &rewrite{b: b, r: r, old: newTableInfo(r.Old), new: newTableInfo(r.New)}
	if err := rw.prepare(); err != nil {
		return err
	}
	var err error
	if rw.l, err = b.newLoader(ctx, rw.new); err != nil {
		return err
	}
	defer rw.l.inFlight.Wait()
	o, err := b.readNow(ctx)
	if err != nil {
		return err
	}
	oneByOne, err := (&widener{c: b.C, ti: rw.new}).callsUser()
	if err != nil {
		return err
	}
	return b.eachBatch(ctx, rw.old, o, oneByOne || callsUser(rw.exprs...) || callsUser(rw.checks...), rw.worker)
}

func (rw *rewrite) prepare() error {
	r := &rw.r
	for num, text := range r.Exprs {
		s, err := rw.compile(text, &r.New.Columns[num-1])
		if err != nil {
			return err
		}
		rw.attrs, rw.exprs = append(rw.attrs, int(num)-1), append(rw.exprs, s)
		if expr.ContainsVolatile(s.Node) {
			rw.serial = &sync.Mutex{}
		}
	}
	if r.Verify {
		for _, c := range r.New.Constraints {
			if c.Type != catalog.Check || !c.Validated {
				continue
			}
			s, err := StoredExpr(rw.b.C, r.New, c.Check, sema.CheckExpr, nil)
			if err != nil {
				return err
			}
			rw.checks, rw.names = append(rw.checks, s), append(rw.names, c.Name)
		}
	}
	id := rw.new.rowID
	rw.newRowID = id >= 0 && (id >= len(r.Old.Columns) || !r.Old.Columns[id].Hidden || r.Old.Columns[id].Dropped)
	keyStays := slices.Equal(r.Old.KeyColumns, r.New.KeyColumns)
	for _, k := range rw.new.key {
		keyStays = keyStays && !slices.Contains(rw.attrs, k.at)
	}
	if !keyStays && rw.new.rowKey != nil {
		rw.seen = newRowKeySet()
	}
	return nil
}

// compile makes a column's new value an expression over the old table, cast to the column's new type.
func (rw *rewrite) compile(text string, col *catalog.Column) (*planner.Scalar, error) {
	e, err := parse.ParseExpr(text)
	if err != nil {
		return nil, err
	}
	kind := sema.TransformExpr
	if col.Generated {
		kind = sema.GeneratedExpr
	}
	n, err := sema.AnalyzeExpr(e, sema.ExprScope{Kind: kind, Table: rw.r.Old, Column: col.Name, Type: col.Type},
		&sema.Env{Catalog: rw.b.C.Catalog, SearchPath: []string{catalog.PublicName}, NoParams: true, IOEnv: ioEnv(rw.b.C)})
	if err != nil {
		return nil, err
	}
	return planner.CompileOver(n, rw.old.layout.Types)
}

// worker converts the rows of one group.
func (rw *rewrite) worker() batchFunc {
	w := rw.l.worker()
	rows := newRowExprs(rw.old, rw.exprs)
	old := make([]types.Datum, 0, len(rw.r.Old.Columns))
	row := make([]types.Datum, len(rw.r.New.Columns))
	return func(ctx context.Context, tb *txn.Batch) error {
		if tb == nil {
			return w.finish(ctx)
		}
		if err := rw.evaluate(rows, tb); err != nil {
			return err
		}
		for i := range tb.Len() {
			if ctx.Err() != nil { // expressions may take long
				return context.Cause(ctx)
			}
			var err error
			if old, err = keyenc.DecodeRow(tb.Value(i), rw.old.layout, old[:0]); err != nil {
				return err
			}
			clear(row)
			copy(row, old)
			for k, at := range rw.attrs {
				row[at] = rows.out[k].Get(i)
			}
			if err := rw.complete(row); err != nil {
				return err
			}
			if err := rw.write(ctx, w, row); err != nil {
				return err
			}
		}
		return nil
	}
}

func (rw *rewrite) evaluate(rows *rowExprs, tb *txn.Batch) error {
	if len(rw.exprs) == 0 {
		return nil
	}
	if rw.serial != nil {
		rw.serial.Lock()
		defer rw.serial.Unlock()
	}
	return rows.eval(rw.b.C.Eval, rw.old, rw.exprs, tb)
}

// complete fills in a new row's id, drops what is dropped, and verifies the row.
func (rw *rewrite) complete(row []types.Datum) error {
	t := rw.r.New
	if rw.newRowID {
		if err := rw.new.number(rw.b.C.Context, rw.b.C, row); err != nil {
			return err
		}
	}
	for i := range t.Columns {
		col := &t.Columns[i]
		switch {
		case col.Dropped:
			row[i] = types.Null
		case rw.r.Verify && col.NotNull && row[i].IsNull():
			return errContainsNulls(rw.b.C, t, col)
		}
	}
	for i, s := range rw.checks {
		d, err := s.EvalRow(rw.b.C.Eval, row)
		if err != nil {
			return err
		}
		if !d.IsNull() && !d.Bool() {
			return errCheckViolated(rw.b.C, t, rw.names[i])
		}
	}
	return nil
}

// write loads a new row and its entries.
func (rw *rewrite) write(ctx context.Context, w *loadWorker, row []types.Datum) error {
	key, slot := w.w.rowKey(row)
	if rw.seen != nil && !rw.seen.add(key.Bytes) {
		return errDuplicated(rw.b.C, rw.new, rw.new.rowKey, row)
	}
	if err := w.add(ctx, nil, key, w.w.rowValue(row)); err != nil {
		return err
	}
	row, err := w.w.wide(row)
	if err != nil {
		return err
	}
	for _, x := range rw.new.indexes {
		if err := w.addEntry(ctx, x, row, key, slot); err != nil {
			return err
		}
	}
	return nil
}
