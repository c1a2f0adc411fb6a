package session

import (
	"context"
	"time"

	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/planner/exec"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
	"github.com/pgmqdb/pgmqdb/sql/utility"
)

// Statements within a statement: those of the functions that it calls. They run in its transaction and on its goroutine, each
// with a view of its own of what the transaction has written, and its own constraints' events.

// maxNesting bounds how deep statements are nested, where PostgreSQL's stack ends.
const maxNesting = 1000

// enterNested counts a call; leave ends it.
func (s *Session) enterNested() (leave func(), err error) {
	if s.nesting >= maxNesting {
		return nil, pgerr.New(pgerr.StatementTooComplex, "stack depth limit exceeded").
			WithHint("Increase the configuration parameter \"max_stack_depth\" (currently 2048kB), after ensuring the platform's stack depth limit is adequate.")
	}
	s.nesting++
	return func() { s.nesting-- }, nil
}

// nestedStatement is one execution of a statement within the running one.
type nestedStatement struct {
	st     *statement
	params []types.Datum
	// fresh: it sees what the transaction has written so far, and in READ COMMITTED what others have committed. Otherwise it
	// sees what the running statement sees.
	fresh bool
	// limit ends it after so many rows; 0: it runs to its end.
	limit int
	// rows takes the rows, if it returns any; the batch is valid during the call only. nil: they are dropped.
	rows func(b *types.Batch) error
	// clock is the statement_timestamp() of the statement that the client sent.
	clock time.Time
}

// runNested executes a statement within the running one and returns the number of rows returned, or for a write without
// RETURNING written.
func (s *Session) runNested(ctx context.Context, n *nestedStatement) (int64, error) {
	if n.st.raw.Stmt == nil {
		return 0, nil
	}
	if !plannable(n.st.raw.Stmt) {
		return 0, s.nestedUtility(ctx, n, &capturingClient{})
	}
	if err := s.prepare(n.st); err != nil {
		return 0, err
	}
	if n.st.productsFirst() {
		if err := s.runProducts(ctx, n.st, n.params, n.clock); err != nil {
			return 0, err
		}
	}
	rows, err := s.runNestedPlan(ctx, n)
	if err == nil && n.st.plan.Kind == planner.Insert {
		err = s.runProducts(ctx, n.st, n.params, n.clock)
	}
	return rows, err
}

func (s *Session) runNestedPlan(ctx context.Context, n *nestedStatement) (int64, error) {
	end := s.tx.txn.Nest(n.fresh)
	defer end()
	ectx, plan, err := s.openNested(ctx, n)
	if err != nil {
		return 0, err
	}
	if plan.Kind != planner.Select || plan.Writes {
		store, programs := exec.NewStore(ectx), s.node.programsFor(ectx.Catalog)
		if s.tx.fk == nil {
			s.tx.fk = s.newRunner(store, programs)
		}
		done := s.tx.fk.Nest(store, programs)
		defer done()
		ectx.Constraints = s.tx.fk
	}
	cur, err := exec.Open(ectx, plan)
	if err != nil {
		return 0, err
	}
	defer cur.Close()
	var got int64
	for {
		want := 0
		if n.limit > 0 {
			want = n.limit - int(got)
		}
		b, err := cur.Next(want)
		if err != nil {
			return 0, err
		}
		if b == nil {
			break
		}
		got += int64(b.N)
		if n.rows != nil && b.N > 0 {
			if err := n.rows(b); err != nil {
				return 0, err
			}
		}
		if n.limit > 0 && got >= int64(n.limit) {
			return got, nil
		}
	}
	return cur.Result().Rows, nil
}

// openNested makes the plan and the context of a nested statement, as openPlan does for a client's.
func (s *Session) openNested(ctx context.Context, n *nestedStatement) (*exec.Context, *planner.Plan, error) {
	if err := s.prepare(n.st); err != nil {
		return nil, nil, err
	}
	if err := s.lockPlan(ctx, n.st); err != nil {
		return nil, nil, err
	}
	if err := s.planForSnapshot(ctx, n.st); err != nil {
		return nil, nil, err
	}
	plan, err := s.planFor(n.st, n.params)
	if err != nil {
		return nil, nil, err
	}
	if s.tx.readOnly && plan.Writes && n.st.permissions.WritePermanent(s.snapshot()) {
		return nil, nil, readOnlyError(plan)
	}
	if err := n.st.permissions.Check(s.snapshot(), s.role()); err != nil {
		return nil, nil, err
	}
	if err := s.takeSnapshot(ctx); err != nil {
		return nil, nil, err
	}
	ectx := s.execContext(ctx, n.params)
	ectx.Permissions = n.st.permissions
	if !n.clock.IsZero() {
		ectx.Eval.StatementTime = n.clock
	}
	return ectx, plan, nil
}

// nestedUtility runs a utility statement within the running statement. What it would tell the client goes to c, but for
// notices.
func (s *Session) nestedUtility(ctx context.Context, n *nestedStatement, c *capturingClient) error {
	if name := outsideFunctions(n.st.raw.Stmt); name != "" {
		return pgerr.New(pgerr.ActiveSqlTransaction, "%s cannot be executed from a function", name)
	}
	end := s.tx.txn.Nest(true)
	defer end()
	if s.tx.fk != nil { // a utility statement has a runner of its own, but for the events of the statements around
		around := s.execContext(ctx, nil)
		done := s.tx.fk.Nest(exec.NewStore(around), s.node.programsFor(around.Catalog))
		defer done()
	}
	client, explicit := s.client, s.tx.explicit
	c.Client = &nestedClient{Client: silent{client}, outer: client}
	holds := s.holdTag
	s.client, s.tx.explicit, s.holdTag = c, true, false
	defer func() { s.client, s.tx.explicit, s.holdTag = client, explicit, holds }()
	leave, err := s.enterNested()
	if err != nil {
		return err
	}
	defer leave()
	n.st.values = n.params
	p := &portal{st: n.st, params: n.params}
	return s.runUtility(ctx, p, 0, true)
}

// nestedClient is the client of a statement within another: it hears notices.
type nestedClient struct {
	Client
	outer Client
}

func (c *nestedClient) Notice(n *pgerr.Error) { c.outer.Notice(n) }

// outsideFunctions names the statements that no function can execute; "" for others.
func outsideFunctions(st parse.Statement) string {
	switch u := st.(type) {
	case *parse.VacuumStmt:
		if u.IsVacuum {
			return "VACUUM"
		}
	case *parse.CreatedbStmt, *parse.DropdbStmt:
		return utility.Tag(st)
	case *parse.IndexStmt:
		if u.Concurrent {
			return "CREATE INDEX CONCURRENTLY"
		}
	case *parse.TransactionStmt:
		return "COMMIT"
	}
	return ""
}
