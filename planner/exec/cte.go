package exec

import (
	"sync"

	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// cteData is a CTE while the query that defines it runs: its plan is pulled as far as its readers need.
type cteData struct {
	mu   sync.Mutex // the build sides of a parallel aggregate's joins may read at the same time
	r    *run
	p    *planner.CTEPlan
	op   operator
	rows *RowStore
	done bool
}

// more pulls another batch; false at the end.
func (d *cteData) more() (bool, error) {
	if d.done {
		return false, nil
	}
	if d.op == nil {
		var err error
		if d.op, err = d.r.build(d.p.Plan); err != nil {
			return false, err
		}
	}
	b, err := d.op.next(0)
	if err != nil {
		return false, err
	}
	if b == nil {
		d.done = true
		d.op.close()
		d.op = nil
		return false, nil
	}
	return true, d.rows.Add(b)
}

// withOp opens the CTEs of a query. Data-modifying ones run to their end before the query, which reads the same snapshot.
type withOp struct {
	r  *run
	n  *planner.With
	in operator
	ok bool
}

func (r *run) buildWith(n *planner.With) (operator, error) {
	for _, c := range n.CTEs {
		r.ctes[c.ID] = &cteData{r: r, p: c, rows: r.newRowStore()}
	}
	in, err := r.build(n.Input)
	return &withOp{r: r, n: n, in: in}, err
}

func (w *withOp) next(max int) (*types.Batch, error) {
	if !w.ok {
		w.ok = true
		for _, c := range w.n.CTEs {
			for c.Modifies {
				more, err := w.r.ctes[c.ID].more()
				if err != nil {
					return nil, err
				}
				if !more {
					break
				}
			}
		}
	}
	return w.in.next(max)
}

func (w *withOp) close() {
	w.in.close()
	for _, c := range w.n.CTEs {
		d := w.r.ctes[c.ID]
		if d == nil {
			continue
		}
		if d.op != nil {
			d.op.close()
			d.op = nil
		}
		d.rows.Close()
	}
}

// cteScan reads a CTE.
type cteScan struct {
	r  *run
	n  *planner.CTEScan
	at int64
}

func (s *cteScan) next(max int) (*types.Batch, error) {
	d := s.r.ctes[s.n.CTE.ID]
	d.mu.Lock()
	defer d.mu.Unlock()
	for s.at >= d.rows.Len() {
		if more, err := d.more(); err != nil || !more {
			return nil, err
		}
	}
	b, err := d.rows.Read(s.at, 0)
	if b != nil {
		s.at += int64(b.N)
	}
	return b, err
}

func (s *cteScan) close() {}

// workTable holds the rows of the last round of a recursive query.
type workTable struct{ rows *RowStore }

// recursiveOp computes WITH RECURSIVE: rounds of the step over the rows that the round before added.
type recursiveOp struct {
	r       *run
	n       *planner.RecursiveUnion
	op      operator
	started bool
	known   *knownRows     // without ALL
	ready   []*types.Batch // rows that are put out next
	next1   *RowStore      // rows of the running round
}

func (o *recursiveOp) next(max int) (*types.Batch, error) {
	if !o.started {
		o.started = true
		o.next1 = o.r.newRowStore()
		if !o.n.All {
			o.known = newKnownRows(o.r, o.n.Types)
		}
		var err error
		if o.op, err = o.r.build(o.n.Start); err != nil {
			return nil, err
		}
	}
	for {
		if err := o.r.cancelled(); err != nil {
			return nil, err
		}
		if len(o.ready) > 0 {
			b := o.ready[0]
			o.ready = o.ready[1:]
			return b, o.next1.take(b)
		}
		b, err := o.op.next(0)
		switch {
		case err != nil:
			return nil, err
		case b != nil:
			err = o.add(b)
		default:
			if err = o.judge(); err == nil && len(o.ready) == 0 {
				if o.next1.Len() == 0 {
					return nil, nil
				}
				err = o.round()
			}
		}
		if err != nil {
			return nil, err
		}
	}
}

// add takes rows of the running round.
func (o *recursiveOp) add(b *types.Batch) error {
	if o.known == nil {
		if b.N > 0 {
			o.ready = append(o.ready, copyBatch(b))
		}
		return nil
	}
	b, err := o.known.fresh(b)
	if err != nil {
		return err
	}
	if b.N > 0 {
		o.ready = append(o.ready, b)
	}
	if o.known.full() {
		return o.judge()
	}
	return nil
}

// judge puts out those of the rows held that are new.
func (o *recursiveOp) judge() error {
	if o.known == nil {
		return nil
	}
	b, err := o.known.judge()
	if err != nil {
		return err
	}
	for from := 0; from < b.N; from += types.BatchSize {
		o.ready = append(o.ready, sliceBatch(b, from, min(b.N, from+types.BatchSize)))
	}
	return nil
}

// round makes the rows of the finished round the work table and starts the step over them.
func (o *recursiveOp) round() error {
	o.op.close()
	if w := o.r.work[o.n.ID]; w != nil {
		w.rows.Close()
	}
	o.r.work[o.n.ID] = &workTable{rows: o.next1}
	o.next1 = o.r.newRowStore()
	var err error
	o.op, err = o.r.build(o.n.Step)
	return err
}

func (o *recursiveOp) close() {
	if o.op != nil {
		o.op.close()
	}
	o.known.close()
	o.next1.Close()
	if w := o.r.work[o.n.ID]; w != nil {
		w.rows.Close()
		o.r.work[o.n.ID] = nil
	}
}

// workScan reads the work table.
type workScan struct {
	r  *run
	n  *planner.WorkTableScan
	at int64
}

func (s *workScan) next(max int) (*types.Batch, error) {
	w := s.r.work[s.n.ID]
	if w == nil {
		return nil, nil
	}
	b, err := w.rows.Read(s.at, 0)
	if b != nil {
		s.at += int64(b.N)
	}
	return b, err
}

func (s *workScan) close() {}
