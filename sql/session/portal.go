package session

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/catalog/pgcat"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/planner/exec"
	"github.com/pgmqdb/pgmqdb/shard/txn"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// portal is a statement bound to parameters, and its execution.
type portal struct {
	name     string
	number   int // in order of opening
	st       *statement
	plan     *planner.Plan // that is executed
	params   []types.Datum
	formats  []int16
	fields   []Field
	cursor   *exec.Cursor
	ectx     *exec.Context
	analyze  bool // EXPLAIN ANALYZE
	quiet    bool // fires no triggers
	started  bool
	done     bool
	rows     int64
	tag      string
	created  time.Time
	declared *cursorState // of DECLARE CURSOR
	release  func()       // ends what keeps the rows readable that the cursor of a function sees
	pinned   bool         // a loop is over it
}

const (
	// schemaPatience bounds for how long a statement is planned again because the schema changed under it, schemaPause is how
	// long it waits for the node's catalog to change.
	schemaPatience = 5 * time.Second
	schemaPause    = 20 * time.Millisecond
)

// runPortal runs a portal for at most maxRows rows (0: all). describe sends RowDescription first, as a simple query does.
func (s *Session) runPortal(ctx context.Context, p *portal, maxRows int, describe bool) error {
	if p.st.raw.Stmt == nil {
		s.client.EmptyQueryResponse()
		return nil
	}
	if s.nesting == 0 {
		s.text = p.st.text
	}
	if !plannable(p.st.raw.Stmt) {
		return s.runUtility(ctx, p, maxRows, describe)
	}
	if p.done {
		s.complete(p.completeTag())
		return nil
	}
	if !p.started {
		return s.runPlan(ctx, p, maxRows, describe)
	}
	if describe && p.st.columns != nil {
		s.client.RowDescription(p.fields)
	}
	return s.fetchPortal(p, maxRows)
}

// runPlan opens the portal's plan, describes its rows if that is asked for, and sends the first of them. A statement that
// meets a schema change before it has left or sent anything starts again by the new schema, which this node's catalog may
// still have to follow.
func (s *Session) runPlan(ctx context.Context, p *portal, maxRows int, describe bool) error {
	var described []Field
	for began := time.Now(); ; {
		changed := s.node.CatalogChanged()
		s.open()
		seq := s.tx.txn.LastSeq()
		err := s.openPlan(ctx, p)
		if err == nil && described != nil && !slices.Equal(described, p.fields) {
			p.cursor.Close()
			return txn.ErrSchemaChanged
		}
		if err == nil {
			if describe && described == nil && p.st.columns != nil {
				s.client.RowDescription(p.fields)
				described = p.fields
			}
			err = s.fetchPortal(p, maxRows)
		}
		if !errors.Is(err, txn.ErrSchemaChanged) || time.Since(began) > schemaPatience || !s.mayRestart(p, seq) {
			return err
		}
		p.started, p.done = false, false
		select {
		case <-changed:
		case <-time.After(schemaPause):
		case <-ctx.Done(): // the statement will say why
		}
	}
}

// mayRestart reports whether nothing is left of a portal's execution that began when the transaction's last operation was seq.
// What a transaction has noted to rely on it relies on to its end, but for READ COMMITTED.
func (s *Session) mayRestart(p *portal, seq txn.Seq) bool {
	if p.rows > 0 || s.tx.txn == nil || s.tx.txn.LastSeq() != seq {
		return false
	}
	switch s.tx.txn.Options().Isolation {
	case txn.ReadCommitted:
		return true
	case txn.Serializable:
		return false
	}
	return !p.st.plan.Writes
}

// openPlan plans the portal's statement and begins its execution.
func (s *Session) openPlan(ctx context.Context, p *portal) error {
	s.open()
	if err := s.prepare(p.st); err != nil {
		return err
	}
	if err := s.lockPlan(ctx, p.st); err != nil {
		return err
	}
	if err := s.planForSnapshot(ctx, p.st); err != nil {
		return err
	}
	plan, err := s.planFor(p.st, p.params)
	if err != nil {
		return err
	}
	if s.tx.readOnly && plan.Writes && p.st.permissions.WritePermanent(s.snapshot()) {
		return readOnlyError(plan)
	}
	if err := p.st.permissions.Check(s.snapshot(), s.roleOf(p.st)); err != nil {
		return err
	}
	fields, err := s.fields(p.st, p.formats)
	if err != nil {
		return err
	}
	p.fields = fields
	if err := s.takeSnapshot(ctx); err != nil {
		return err
	}
	if p.st.productsFirst() {
		s.tx.txn.StartStatement()
		if err := s.runProducts(ctx, p.st, p.params, time.Time{}); err != nil {
			return err
		}
	}
	s.tx.txn.StartStatement()
	p.ectx = s.execContext(ctx, p.params)
	p.ectx.Permissions = p.st.permissions
	if p.analyze {
		p.ectx.Analyze = &exec.Instrumentation{}
	}
	if p.quiet {
		p.ectx.Triggers = nil
	}
	if plan.Kind != planner.Select || plan.Writes {
		s.useRunnerWith(p.ectx)
	}
	cur, err := exec.Open(p.ectx, plan)
	if err != nil {
		return err
	}
	p.cursor, p.started, p.plan = cur, true, plan
	return nil
}

// takeSnapshot notes that a statement runs: above READ COMMITTED the first one's snapshot is the transaction's, whatever it
// reads.
func (s *Session) takeSnapshot(ctx context.Context) error {
	s.tx.ran = true
	if s.tx.txn.Options().Isolation == txn.ReadCommitted {
		return nil
	}
	_, err := s.tx.txn.Snapshot(ctx)
	return err
}

// planForSnapshot plans again where the transaction's snapshot is older than an index of the plan. That plan serves this
// execution only.
func (s *Session) planForSnapshot(ctx context.Context, st *statement) error {
	if st.plan.Since == 0 || s.tx.txn.Options().Isolation == txn.ReadCommitted {
		return nil
	}
	snapshot, err := s.tx.txn.Snapshot(ctx)
	if err != nil || snapshot >= st.plan.Since {
		return err
	}
	an, _, err := s.analyse(st, st.madeFor)
	if err != nil {
		return err
	}
	if st.cursor {
		st.keys = an.AddCursorKeys()
	}
	env := s.planEnv()
	env.Snapshot = snapshot
	plan, err := planner.Prepare(tree(an), env)
	if err != nil {
		return err
	}
	st.plan, st.madeFor = plan, nil
	return nil
}

// useModes are the modes in which tables are locked for what a plan does with them.
var useModes = [...]ddl.LockMode{
	planner.TableRead: ddl.AccessShareLock, planner.TableLocked: ddl.RowShareLock, planner.TableWritten: ddl.RowExclusiveLock,
}

// lockPlan takes the plan's table locks. When the catalog changed before they were granted, the plan is made again: with
// the locks held, no table of it can change any more.
func (s *Session) lockPlan(ctx context.Context, st *statement) error {
	for {
		if err := s.checkReadable(st); err != nil {
			return err
		}
		for i, t := range st.plan.Tables {
			if err := s.lockTable(ctx, t.OID, useModes[st.plan.Uses[i]], false); err != nil {
				return err
			}
		}
		before := st.plan
		if err := s.prepare(st); err != nil {
			return err
		}
		if st.plan == before {
			return nil
		}
	}
}

func readOnlyError(p *planner.Plan) error {
	name := map[planner.Kind]string{planner.Select: "SELECT FOR UPDATE", planner.Insert: "INSERT", planner.Update: "UPDATE",
		planner.Delete: "DELETE", planner.Merge: "MERGE"}[p.Kind]
	return pgerr.New(pgerr.ReadOnlySqlTransaction, "cannot execute %s in a read-only transaction", name)
}

// fetchPortal sends up to maxRows rows and then CommandComplete or PortalSuspended.
func (s *Session) fetchPortal(p *portal, maxRows int) error {
	sent := 0
	for {
		want := 0
		if maxRows > 0 {
			want = maxRows - sent
		}
		b, err := p.cursor.Next(want)
		if err != nil {
			p.cursor.Close()
			p.done = true
			return err
		}
		if b == nil {
			break
		}
		if len(p.fields) > 0 || p.st.plan.Kind == planner.Select {
			if err := s.client.DataRows(p.fields, b, p.ectx.Eval.IO()); err != nil {
				return err
			}
		}
		sent += b.N
		p.rows += int64(b.N)
		if maxRows > 0 && sent >= maxRows {
			s.client.PortalSuspended()
			return nil
		}
	}
	return s.finishPortal(p)
}

func (s *Session) finishPortal(p *portal) error {
	res := p.cursor.Result()
	p.cursor.Close()
	p.done = true
	if p.st.plan.Kind != planner.Select {
		p.rows = res.Rows
	}
	if p.st.plan.Kind == planner.Insert && len(p.st.products) > 0 {
		if err := s.runProducts(p.ectx.Context, p.st, p.params, time.Time{}); err != nil {
			return err
		}
	}
	s.complete(p.completeTag())
	return nil
}

func (p *portal) completeTag() string {
	if p.tag != "" {
		return p.tag
	}
	n := strconv.FormatInt(p.rows, 10)
	switch p.st.plan.Kind {
	case planner.Insert:
		return "INSERT 0 " + n
	case planner.Update:
		return "UPDATE " + n
	case planner.Delete:
		return "DELETE " + n
	case planner.Merge:
		return "MERGE " + n
	}
	return "SELECT " + n
}

// execContext is what one execution runs in.
func (s *Session) execContext(ctx context.Context, params []types.Datum) *exec.Context {
	snap := s.snapshot()
	c := &exec.Context{
		Context: ctx, Txn: s.tx.txn, SlotMap: snap.SlotMap(), Catalog: snap, Role: s.role(),
		Eval: &expr.EvalContext{Context: ctx, IOEnv: s.io(), Params: params, Session: (*functions)(s),
			StatementTime: time.Now(), TxnTime: s.tx.started},
		Virtual: func(t *sema.VirtualTable, emit func(row []types.Datum) error) error {
			return s.virtualRows(ctx, snap, t, emit)
		},
		NextRowID:       s.node.NextRowID,
		Triggers:        (*triggerHost)(s),
		IndexExpression: pgcat.IndexExpression,
	}
	s.memory(c)
	return c
}

// useRunner makes the transaction's constraint runner ready outside a statement's execution (COMMIT, SET CONSTRAINTS).
func (s *Session) useRunner(ctx context.Context) { s.useRunnerWith(s.execContext(ctx, nil)) }

// useRunnerWith binds the transaction's constraint runner to a statement's execution.
func (s *Session) useRunnerWith(c *exec.Context) {
	store, programs := exec.NewStore(c), s.node.programsFor(c.Catalog)
	if s.tx.fk == nil {
		s.tx.fk = s.newRunner(store, programs)
	} else {
		s.tx.fk.Abandon()
		s.tx.fk.Use(store, programs)
	}
	s.tx.fk.Observe = nil
	if c.Analyze != nil {
		s.tx.fk.Observe = c.Analyze.Keys
	}
	c.Constraints = s.tx.fk
}

func (s *Session) addPortal(name string, p *portal) {
	s.lastPortal++
	p.number = s.lastPortal
	s.portals[name] = p
}

func (s *Session) dropPortal(name string) {
	if p := s.portals[name]; p != nil {
		if p.cursor != nil && !p.done {
			p.cursor.Close()
		}
		if p.declared != nil {
			p.declared.rows.Close()
		}
		if p.release != nil {
			p.release()
		}
		delete(s.portals, name)
	}
}

// closePortals ends all portals with their transaction, but for cursors WITH HOLD that have their rows already.
func (s *Session) closePortals() {
	for name, p := range s.portals {
		if p.declared != nil && p.declared.held {
			continue
		}
		s.dropPortal(name)
	}
}
