package exec

import (
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// CopyIn inserts rows that the caller pushes: COPY FROM. Its plan is that of an INSERT over the copied columns, whose
// input is replaced by the pushed rows. As in PostgreSQL a row is checked when it is taken, and judged for duplicates
// when the rows gathered are written.
type CopyIn struct {
	m     *modifyOp
	where *planner.Scalar
	rows  [][]types.Datum
	at    []int // the caller's numbers of rows
	// routed are the rows of a partitioned table.
	routed routed
}

// NewCopyIn starts a COPY into the table of an INSERT plan. where, if not nil, is a condition over the table's columns
// that rows must meet to be inserted. The caller has called Txn.StartStatement.
func NewCopyIn(c *Context, p *planner.Plan, where *planner.Scalar) (*CopyIn, error) {
	n, ok := p.Root.(*planner.ModifyTable)
	if !ok || n.Kind != planner.Insert || n.Returning != nil {
		return nil, pgerr.Internal("exec: COPY needs a plain INSERT plan")
	}
	x := &execution{c: c, plan: p, tables: useTables(c, p), own: c.Txn.StatementSeq(), modified: true}
	r := &run{execution: x, eval: c.Eval}
	m := newModify(r, n, nil).(*modifyOp)
	if m.triggered {
		if err := m.beginTriggers(); err != nil {
			return nil, err
		}
	}
	return &CopyIn{m: m, where: where, routed: routed{m: m}}, nil
}

// Eval is what expressions over a row that is about to be taken are evaluated with.
func (ci *CopyIn) Eval() *expr.EvalContext { return ci.m.r.eval }

// Single reports whether each row is to be written before the next is taken, for the triggers that it fires.
func (ci *CopyIn) Single() bool { return ci.m.single }

// Take takes row i of a batch whose columns are those of the INSERT in order. The batch stays as it is until Flush.
// number is what Flush calls the row.
func (ci *CopyIn) Take(b *types.Batch, i, number int) error {
	ci.m.b = b
	row, err := ci.m.buildRow(i)
	if err != nil {
		return err
	}
	if ci.where != nil {
		d, err := ci.where.EvalRow(ci.m.r.eval, row)
		if err != nil || d.IsNull() || !d.Bool() {
			return err
		}
	}
	if ci.m.router != nil {
		return ci.routed.add(row)
	}
	if row, err = ci.m.beforeInsert(ci.m.root, row); err != nil || row == nil {
		return err
	}
	if err := ci.m.finish(row); err != nil {
		return err
	}
	ci.rows, ci.at = append(ci.rows, row), append(ci.at, number)
	return nil
}

// Flush inserts the rows taken since the last one. number is that of the row that err is about, 0 if it is about none.
func (ci *CopyIn) Flush() (number int, err error) {
	if ci.m.router != nil {
		err := ci.routed.write()
		ci.m.flat = ci.m.flat[:0]
		return 0, err
	}
	if len(ci.rows) == 0 {
		return 0, nil
	}
	w := ci.m.w
	w.refused = -1
	if err := w.Insert(ci.m.r.ctx(), ci.rows); err != nil {
		if w.refused >= 0 {
			number = ci.at[w.refused]
		}
		return number, err
	}
	err = ci.m.written(ci.m.root, ci.rows, nil)
	ci.rows, ci.at, ci.m.flat = ci.rows[:0], ci.at[:0], ci.m.flat[:0]
	return 0, err
}

// Finish flushes the constraints and returns how many rows were copied.
func (ci *CopyIn) Finish() (Result, error) {
	if ci.m.triggered {
		if err := ci.m.endTriggers(); err != nil {
			return Result{}, err
		}
	}
	if c := ci.m.r.c; c.Constraints != nil {
		if err := c.Constraints.Flush(c.Context); err != nil {
			return Result{}, err
		}
	}
	return Result{Rows: ci.m.r.written}, nil
}
