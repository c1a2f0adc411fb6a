package exec

import (
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// CopyIn inserts batches that the caller pushes: COPY FROM. Its plan is that of an INSERT over the copied columns, whose
// input is replaced by the pushed batches; rows go to the transaction's buffer as they come and are kept nowhere else.
type CopyIn struct {
	cur *Cursor
	in  *pushOp
}

// pushOp is an operator whose batches are pushed.
type pushOp struct{ b *types.Batch }

func (p *pushOp) next(int) (*types.Batch, error) {
	b := p.b
	p.b = nil
	return b, nil
}

func (p *pushOp) close() {}

// NewCopyIn starts a COPY into the table of an INSERT plan. The caller has called Txn.StartStatement.
func NewCopyIn(c *Context, p *planner.Plan) (*CopyIn, error) {
	n, ok := p.Root.(*planner.ModifyTable)
	if !ok || n.Kind != planner.Insert || n.Returning != nil {
		return nil, pgerr.Internal("exec: COPY needs a plain INSERT plan")
	}
	for _, v := range p.Versions {
		c.Txn.UseTable(v)
	}
	x := &execution{c: c, plan: p, own: c.Txn.StatementSeq(), modified: true}
	r := &run{execution: x, eval: c.Eval}
	in := &pushOp{}
	return &CopyIn{cur: &Cursor{run: r, op: newModify(r, n, in)}, in: in}, nil
}

// Add inserts the rows of a batch, whose columns are those of the INSERT in order.
func (ci *CopyIn) Add(b *types.Batch) error {
	ci.in.b = b
	m := ci.cur.op.(*modifyOp)
	m.done = false
	_, err := m.next(0)
	return err
}

// Finish flushes the constraints and returns how many rows were copied.
func (ci *CopyIn) Finish() (Result, error) {
	if c := ci.cur.run.c; c.Constraints != nil {
		if err := c.Constraints.Flush(c.Context); err != nil {
			return Result{}, err
		}
	}
	return Result{Rows: ci.cur.run.written}, nil
}
