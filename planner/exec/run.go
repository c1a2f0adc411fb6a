package exec

import (
	"context"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Bounds of an operator's memory.
const (
	defaultWorkMemBytes = 4 << 20 // where the context sets none
	// unspillableBytes bounds what cannot go to a file: the state of one group of an aggregate, and
	// all that an execution without temporary files keeps.
	unspillableBytes = 256 << 20
)

// operator is a running node. next returns nil at the end; the batch is valid until the next call. max is about how many
// rows the caller still wants (0: all of them): operators with side effects per row (LockRows) never go beyond it.
type operator interface {
	next(max int) (*types.Batch, error)
	close()
}

// execution is what all parts of one running plan share.
type execution struct {
	c    *Context
	plan *planner.Plan
	own  txn.Seq
	// tables are what the reads at the statement's snapshot go by; nil: what the transaction has noted.
	tables []topo.TableVersion

	snapMu sync.Mutex
	snap   topo.Timestamp

	ctes  []*cteData
	work  []*workTable
	subs  []*run // per Subplan ID: its run, made on first use
	stats *Instrumentation
	files fileSet
	// written are the statement's own DML rows, for the command tag.
	written int64
	// modified is set once a writer wrote: the constraints must be flushed.
	modified bool
}

// run is a unit of a plan in execution: the main plan, a subplan or a LATERAL item, each with its own outer values.
type run struct {
	*execution
	eval *expr.EvalContext
}

// ctx returns the statement's context.
func (x *execution) ctx() context.Context { return x.c.Context }

// cancelled returns the cancellation's cause as an error, or nil.
func (x *execution) cancelled() error {
	if x.c.Context.Err() == nil {
		return nil
	}
	cause := context.Cause(x.c.Context)
	if e, ok := cause.(*pgerr.Error); ok {
		return e
	}
	return pgerr.New(pgerr.QueryCanceled, "canceling statement due to user request")
}

// readOptions returns how the statement reads: at its snapshot, without its own writes.
func (x *execution) readOptions() (txn.ReadOptions, error) {
	x.snapMu.Lock()
	defer x.snapMu.Unlock()
	if x.snap == 0 {
		ts, err := x.c.Txn.Snapshot(x.c.Context)
		if err != nil {
			return txn.ReadOptions{}, err
		}
		x.snap = ts
	}
	return txn.ReadOptions{TS: x.snap, Own: x.own, Tables: x.tables}, nil
}

// pointOptions is readOptions for a statement that reads a single key and nothing else: in READ COMMITTED any moment of the
// statement does as its snapshot, the one at which the key's leaseholder reads too.
func (x *execution) pointOptions() (txn.ReadOptions, error) {
	if x.c.Txn.ReadsLatest() {
		return txn.ReadOptions{TS: topo.MaxTimestamp, Own: x.own, Tables: x.tables}, nil
	}
	return x.readOptions()
}

// workMem is how much memory an operator may take before it uses temporary files.
func (x *execution) workMem() int64 {
	switch {
	case x.c.WorkMemBytes > 0:
		return x.c.WorkMemBytes
	case x.c.Temp == nil:
		return unspillableBytes
	}
	return defaultWorkMemBytes
}

// hashMem is workMem for hash tables.
func (x *execution) hashMem() int64 {
	if m := x.c.HashMemMultiplier; m > 1 && x.c.Temp != nil {
		return int64(min(float64(x.workMem())*m, 1<<50))
	}
	return x.workMem()
}

// spills reports whether an operator with used bytes of a limit has to put rows into files. Where there are none for it,
// that is an error.
func (x *execution) spills(used, limit int64) (bool, error) {
	if used <= limit {
		return false, nil
	}
	if x.c.Temp == nil {
		return false, errMemory()
	}
	return true, nil
}

// unspillable checks the size of something that has to stay in memory.
func (x *execution) unspillable(used int64) error {
	if used > max(unspillableBytes, x.workMem()) || x.c.Temp == nil && used > x.workMem() {
		return errMemory()
	}
	return nil
}

func errMemory() error {
	return pgerr.New(pgerr.OutOfMemory, "out of memory").WithDetail("An operator of the query exceeded its memory limit.")
}

// Cursor is an open plan from which rows are pulled.
type Cursor struct {
	run    *run
	op     operator
	rows   int64
	done   bool
	closed bool
}

// useTables returns what the plan's reads go by. The commit relies on it for tables that the statement writes, and in
// SERIALIZABLE. What is only read at a snapshot, or locked, leaves nothing to rely on: such a table may change in ways that
// leave it readable (CREATE INDEX, a foreign key of another table) before the transaction ends.
func useTables(c *Context, p *planner.Plan) []topo.TableVersion {
	all := c.Txn.Options().Isolation == txn.Serializable
	for i, v := range p.Versions {
		switch {
		case all || p.Uses[i] == planner.TableWritten:
			c.Txn.UseTable(v)
		case p.Uses[i] == planner.TableLocked:
			c.Txn.UseForLocks(v)
		}
	}
	return p.Versions
}

// Open starts a plan. The caller has called Txn.StartStatement and must call Close.
func Open(c *Context, p *planner.Plan) (*Cursor, error) {
	if p.Failed != nil {
		return nil, p.Failed
	}
	x := &execution{c: c, plan: p, tables: useTables(c, p), own: c.Txn.StatementSeq(), stats: c.Analyze}
	if p.CTEs > 0 {
		x.ctes, x.work = make([]*cteData, p.CTEs), make([]*workTable, p.CTEs)
	}
	if p.Subplans > 0 {
		x.subs = make([]*run, p.Subplans)
	}
	r := &run{execution: x, eval: c.Eval}
	if c.Eval != nil && p.Subplans > 0 {
		c.Eval.Subplan = r.subplan
		c.Eval.HashMemBytes = x.hashMem()
	}
	if p.Point != nil && c.Analyze == nil {
		return &Cursor{run: r, op: newPoint(x, p.Point)}, nil
	}
	op, err := r.build(p.Root)
	if err != nil {
		x.files.close()
		return nil, err
	}
	return &Cursor{run: r, op: op}, nil
}

// Next returns the next batch, nil at the end. max, if not 0, is the number of rows wanted; more may come.
func (cur *Cursor) Next(max int) (*types.Batch, error) {
	if cur.done {
		return nil, nil
	}
	if err := cur.run.cancelled(); err != nil {
		return nil, err
	}
	b, err := cur.op.next(max)
	if err != nil {
		return nil, err
	}
	if b != nil {
		cur.rows += int64(b.N)
		return b, nil
	}
	cur.done = true
	if cur.run.modified && cur.run.c.Constraints != nil {
		if err := cur.run.c.Constraints.Flush(cur.run.c.Context); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// Result returns what the statement did; it is complete after Next returned nil.
func (cur *Cursor) Result() Result {
	if cur.run.plan.Uncounted {
		return Result{}
	}
	if cur.run.plan.Kind != planner.Select {
		return Result{Rows: cur.run.written}
	}
	return Result{Rows: cur.rows}
}

// Close frees the plan's resources.
func (cur *Cursor) Close() {
	if !cur.closed {
		cur.closed = true
		cur.op.close()
		cur.run.files.close()
	}
}

// child returns a run for a unit below r with its own evaluation context.
func (r *run) child() *run {
	e := r.eval
	k := &run{execution: r.execution}
	k.eval = &expr.EvalContext{Context: e.Context, IOEnv: e.IOEnv, Params: e.Params, Session: e.Session,
		StatementTime: e.StatementTime, TxnTime: e.TxnTime, HashMemBytes: e.HashMemBytes}
	k.eval.Subplan = k.subplan
	return k
}

// subplan runs the plan of a Subquery expression.
func (r *run) subplan(_ *expr.EvalContext, plan any, outer []types.Datum, yield func([]types.Datum) (bool, error)) error {
	sub, ok := plan.(*planner.Subplan)
	if !ok {
		return pgerr.Internal("exec: %T is no subplan", plan)
	}
	k := r.subs[sub.ID]
	if k == nil {
		k = r.child()
		r.subs[sub.ID] = k
	}
	k.eval.Outer = append([]types.Datum(nil), outer...)
	op, err := k.build(sub.Root)
	if err != nil {
		return err
	}
	defer op.close()
	max := 0
	if sub.Kind == expr.ExistsSubquery {
		max = 1
	} else if sub.Kind == expr.ScalarSubquery {
		max = 2
	}
	var row []types.Datum
	for {
		b, err := op.next(max)
		if err != nil || b == nil {
			return err
		}
		for i := range b.N {
			row = b.AppendRowTo(row[:0], i)
			if more, err := yield(row); err != nil || !more {
				return err
			}
		}
	}
}

// build makes the operator of a node.
func (r *run) build(n planner.Node) (operator, error) {
	op, err := r.buildNode(n)
	if err != nil || r.stats == nil {
		return op, err
	}
	return &measured{op: op, s: r.stats.of(n)}, nil
}

func (r *run) buildNode(n planner.Node) (operator, error) {
	switch n := n.(type) {
	case *planner.Scan:
		return newScan(r, n, nil), nil
	case *planner.Values:
		return &valuesOp{r: r, n: n}, nil
	case *planner.LiteralRows:
		return &literalOp{b: n.Batch}, nil
	case *planner.Filter:
		return buildOver(r, n.Input, func(in operator) operator { return &filterOp{r: r, n: n, in: in} })
	case *planner.Sample:
		return buildOver(r, n.Input, func(in operator) operator { return &sampleOp{r: r, n: n, in: in} })
	case *planner.Project:
		return buildOver(r, n.Input, func(in operator) operator { return &projectOp{r: r, n: n, in: in} })
	case *planner.ProjectSet:
		return buildOver(r, n.Input, func(in operator) operator { return newProjectSet(r, n, in) })
	case *planner.FunctionScan:
		return &functionOp{r: r, n: n}, nil
	case *planner.VirtualScan:
		return &virtualOp{r: r, n: n}, nil
	case *planner.HashJoin:
		return r.buildHashJoin(n)
	case *planner.MergeJoin:
		return r.buildMergeJoin(n)
	case *planner.LookupJoin:
		return buildOver(r, n.Left, func(in operator) operator { return newLookupJoin(r, n, in) })
	case *planner.NestLoop:
		return r.buildNestLoop(n)
	case *planner.Aggregate:
		if n.Sorted {
			return buildOver(r, n.Input, func(in operator) operator { return newGroupAggregate(r, n, in) })
		}
		return &aggregateOp{r: r, n: n}, nil
	case *planner.Sort:
		if n.Presorted > 0 {
			return buildOver(r, n.Input, func(in operator) operator { return newIncrementalSort(r, n, in) })
		}
		return buildOver(r, n.Input, func(in operator) operator { return &sortOp{r: r, n: n, in: in} })
	case *planner.WindowAgg:
		return buildOver(r, n.Input, func(in operator) operator { return newWindow(r, n, in) })
	case *planner.Limit:
		return buildOver(r, n.Input, func(in operator) operator { return &limitOp{r: r, n: n, in: in} })
	case *planner.Distinct:
		return buildOver(r, n.Input, func(in operator) operator { return &distinctOp{r: r, n: n, in: in} })
	case *planner.Append:
		return &appendOp{r: r, n: n}, nil
	case *planner.SetOp:
		return &setOp{r: r, n: n}, nil
	case *planner.With:
		return r.buildWith(n)
	case *planner.CTEScan:
		return &cteScan{r: r, n: n}, nil
	case *planner.RecursiveUnion:
		return &recursiveOp{r: r, n: n}, nil
	case *planner.WorkTableScan:
		return &workScan{r: r, n: n}, nil
	case *planner.LockRows:
		return buildOver(r, n.Input, func(in operator) operator { return newLockRows(r, n, in) })
	case *planner.ModifyTable:
		return buildOver(r, n.Input, func(in operator) operator {
			if n.Instead != nil {
				return &insteadOp{r: r, n: n, in: in}
			}
			return newModify(r, n, in)
		})
	}
	return nil, pgerr.Internal("exec: no operator for %T", n)
}

func buildOver(r *run, input planner.Node, f func(operator) operator) (operator, error) {
	in, err := r.build(input)
	if err != nil {
		return nil, err
	}
	return f(in), nil
}

// Instrumentation collects, for EXPLAIN ANALYZE, what each node did.
type Instrumentation struct {
	mu       sync.Mutex
	nodes    map[planner.Node]*planner.NodeStats
	triggers map[triggerKey]*TriggerStats
}

// Stats returns what a node did, or nil; it is what planner.ExplainTree reads.
func (s *Instrumentation) Stats(n planner.Node) *planner.NodeStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nodes[n]
}

func (s *Instrumentation) of(n planner.Node) *planner.NodeStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.nodes == nil {
		s.nodes = map[planner.Node]*planner.NodeStats{}
	}
	st := s.nodes[n]
	if st == nil {
		st = &planner.NodeStats{}
		s.nodes[n] = st
	}
	st.Loops++
	return st
}

// note lets an operator say, for EXPLAIN ANALYZE, what it did for its node.
func (r *run) note(n planner.Node, f func(*planner.NodeStats)) {
	if r.stats == nil {
		return
	}
	r.stats.mu.Lock()
	defer r.stats.mu.Unlock()
	if st := r.stats.nodes[n]; st != nil {
		f(st)
	}
}

// measured counts what an operator does.
type measured struct {
	op   operator
	s    *planner.NodeStats
	came bool // rows have
}

func (m *measured) next(max int) (*types.Batch, error) {
	start := time.Now()
	b, err := m.op.next(max)
	took := time.Since(start)
	m.s.Time += took
	if !m.came {
		m.s.First += took
		m.came = b != nil
	}
	if b != nil {
		m.s.Rows += int64(b.N)
	}
	return b, err
}

func (m *measured) close() { m.op.close() }
