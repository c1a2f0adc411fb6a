package exec

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// insteadOp is INSERT, UPDATE or DELETE of a view that its INSTEAD OF triggers carry out, row by row.
type insteadOp struct {
	r     *run
	n     *planner.ModifyTable
	in    operator
	f     *firing
	event catalog.TriggerType
	done  bool
	out   *types.Batch
}

func (o *insteadOp) begin() error {
	if _, err := o.r.readOptions(); err != nil {
		return err
	}
	o.event = map[planner.Kind]catalog.TriggerType{planner.Insert: catalog.TriggerInsert, planner.Update: catalog.TriggerUpdate,
		planner.Delete: catalog.TriggerDelete}[o.n.Kind]
	set, err := compileTriggers(o.r.c, o.relation(), o.n.Table)
	if err != nil {
		return err
	}
	o.f = &firing{c: o.r.c, set: set, root: o.n.Table}
	if o.n.Returning != nil {
		o.out = types.NewBatch(o.n.Types, 0)
	}
	return beforeStatement(o.r.ctx(), o.r.c, o.relation(), o.n.Table, o.event, nil)
}

func (o *insteadOp) relation() catalog.Relation {
	return catalog.Relation{Kind: catalog.KindView, View: o.n.Instead.View}
}

func (o *insteadOp) next(int) (*types.Batch, error) {
	if o.done {
		return nil, nil
	}
	o.r.modified = true
	if o.f == nil {
		if err := o.begin(); err != nil {
			return nil, err
		}
	}
	for {
		if err := o.r.cancelled(); err != nil {
			return nil, err
		}
		b, err := o.in.next(0)
		if err != nil {
			return nil, err
		}
		if b == nil {
			o.done = true
			return nil, afterStatement(o.r.c, o.relation(), o.n.Table, o.event, nil)
		}
		if o.out != nil {
			o.out.Reset()
		}
		for i := range b.N {
			if err := o.row(b.Row(i)); err != nil {
				return nil, err
			}
		}
		if o.out != nil && o.out.N > 0 {
			return o.out, nil
		}
	}
}

// row gives an input row to the triggers.
func (o *insteadOp) row(in []types.Datum) error {
	width := len(o.n.Table.Columns)
	var old, new []types.Datum
	if at := o.n.Instead.Old; at >= 0 {
		old = append(old, in[at:at+width]...)
	}
	if at := o.n.Instead.New; at >= 0 {
		new = append(new, in[at:at+width]...)
	}
	left := old
	for i := range o.f.set.list {
		g := &o.f.set.list[i]
		if !o.f.wants(g, catalog.TriggerInstead, o.event, catalog.TriggerRow) {
			continue
		}
		row, err := o.f.call(o.r.ctx(), o.r.c, g, o.event, keptRow(old), keptRow(new))
		if err != nil || row == nil {
			return err
		}
		if o.event != catalog.TriggerDelete {
			new = row
		}
	}
	if o.event != catalog.TriggerDelete {
		left = new
	}
	if o.n.Main {
		o.r.written++
	}
	if o.out == nil {
		return nil
	}
	wide := append(append(make([]types.Datum, 0, len(left)+len(in)), left...), in...)
	vals := make([]types.Datum, len(o.n.Returning))
	for i, s := range o.n.Returning {
		var err error
		if vals[i], err = o.r.evalRow(s, wide); err != nil {
			return err
		}
	}
	o.out.AppendRow(vals)
	return nil
}

func (o *insteadOp) close() { o.in.close() }

// TruncateTriggers fires the triggers of TRUNCATE of a table: before it, or after it, at the end of the statement.
func TruncateTriggers(c *Context, t *catalog.Table, before bool) error {
	if before {
		return beforeStatement(c.Context, c, t.Relation(), t, catalog.TriggerTruncate, nil)
	}
	return afterStatement(c, t.Relation(), t, catalog.TriggerTruncate, nil)
}
