package session

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/plpgsql"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
	"github.com/pgmqdb/pgmqdb/sql/utility"
)

// plHost is the session as what runs the SQL of a function in PL/pgSQL: its plpgsql.Host.
type plHost struct {
	s     *Session
	ctx   context.Context
	clock time.Time // statement_timestamp()
	// readOnly is said of functions that are not volatile: their statements see what the statement around sees, and write nothing.
	readOnly bool
	// atomic functions cannot end the transaction.
	atomic bool
}

func (s *Session) newPLHost(ctx context.Context, clock time.Time, readOnly, atomic bool) *plHost {
	return &plHost{s: s, ctx: ctx, clock: clock, readOnly: readOnly, atomic: atomic}
}

// statementClock is when the statement that the client sent began.
func (s *Session) statementClock() time.Time {
	e := s.activity
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.running {
		return time.Now()
	}
	return e.began
}

// Context implements plpgsql.Host.
func (h *plHost) Context() context.Context { return h.ctx }

// Failure implements plpgsql.Host.
func (h *plHost) Failure(err error) error { return h.s.interrupted(h.ctx, err) }

// Resume implements plpgsql.Host: what the function does from now on has a context of its own, which a cancel request ends.
func (h *plHost) Resume() context.Context {
	s := h.s
	ctx, cancel := context.WithCancelCause(s.base)
	s.mu.Lock()
	s.cancel = cancel
	s.mu.Unlock()
	s.pl.resumed = append(s.pl.resumed, cancel)
	h.ctx = ctx
	return ctx
}

// Env implements plpgsql.Host.
func (h *plHost) Env() *plpgsql.Env { return h.s.plEnvironment() }

// Eval implements plpgsql.Host.
func (h *plHost) Eval(c *expr.EvalContext) {
	*c = expr.EvalContext{Context: h.ctx, IOEnv: h.s.io(), Session: (*functions)(h.s), StatementTime: h.clock, TxnTime: h.s.tx.started}
}

// Nest implements plpgsql.Host.
func (h *plHost) Nest() (end func()) { return h.s.tx.txn.Nest(!h.readOnly) }

// Transaction implements plpgsql.Host.
func (h *plHost) Transaction() any { return h.s.tx.txn }

// Notice implements plpgsql.Host.
func (h *plHost) Notice(n *pgerr.Error) { h.s.notice(n) }

// Push implements plpgsql.Host.
func (h *plHost) Push(f plpgsql.Frame) { h.s.pushFrame(f) }

// Pop implements plpgsql.Host.
func (h *plHost) Pop() { h.s.popFrame() }

// Trace implements plpgsql.Host.
func (h *plHost) Trace() string { return h.s.trace() }

// plStatement is a statement of a function.
type plStatement struct {
	st      *statement
	columns []expr.RecordColumn
	plan    *planner.Plan // that columns are of
	epoch   int           // of the session's plans
}

// Columns implements plpgsql.Statement.
func (p *plStatement) Columns() []expr.RecordColumn {
	if p.st.plan != p.plan {
		p.columns, p.plan = recordColumns(p.st.columns), p.st.plan
	}
	return p.columns
}

func recordColumns(columns []planner.Output) []expr.RecordColumn {
	if columns == nil {
		return nil
	}
	out := make([]expr.RecordColumn, len(columns))
	for i, c := range columns {
		out[i] = expr.RecordColumn{Name: c.Name, Type: c.Type}
	}
	return out
}

// Class implements plpgsql.Statement.
func (p *plStatement) Class() plpgsql.Class {
	switch u := p.st.raw.Stmt.(type) {
	case nil:
		return plpgsql.ClassEmpty
	case *parse.SelectStmt, *parse.PLAssignStmt:
		return plpgsql.ClassSelect
	case *parse.InsertStmt, *parse.UpdateStmt, *parse.DeleteStmt, *parse.MergeStmt:
		return plpgsql.ClassModify
	case *parse.CreateTableAsStmt:
		if u.IsSelectInto {
			return plpgsql.ClassSelectInto
		}
	case *parse.CopyStmt:
		if u.Filename == "" {
			return plpgsql.ClassCopy
		}
	case *parse.TransactionStmt:
		return plpgsql.ClassTransaction
	case *parse.ExplainStmt, *parse.VariableShowStmt, *parse.ExecuteStmt:
		return plpgsql.ClassShow
	case *parse.FetchStmt:
		if !u.IsMove {
			return plpgsql.ClassShow
		}
	}
	return plpgsql.ClassUtility
}

// Tag is the statement's command tag, for errors.
func (p *plStatement) Tag() string { return statementTag(p.st.raw.Stmt) }

var transactionTags = map[parse.TransactionStmtKind]string{parse.TransBegin: "BEGIN", parse.TransStart: "START TRANSACTION",
	parse.TransCommit: "COMMIT", parse.TransRollback: "ROLLBACK", parse.TransSavepoint: "SAVEPOINT", parse.TransRelease: "RELEASE",
	parse.TransRollbackTo: "ROLLBACK", parse.TransPrepare: "PREPARE TRANSACTION", parse.TransCommitPrepared: "COMMIT PREPARED",
	parse.TransRollbackPrepared: "ROLLBACK PREPARED"}

func statementTag(stmt parse.Statement) string {
	switch u := stmt.(type) {
	case *parse.TransactionStmt:
		return transactionTags[u.Kind]
	case *parse.SelectStmt, *parse.PLAssignStmt:
		return "SELECT"
	case *parse.InsertStmt:
		return "INSERT"
	case *parse.UpdateStmt:
		return "UPDATE"
	case *parse.DeleteStmt:
		return "DELETE"
	case *parse.MergeStmt:
		return "MERGE"
	case *parse.ExplainStmt:
		return "EXPLAIN"
	case *parse.VariableShowStmt:
		return "SHOW"
	}
	return utility.Tag(stmt)
}

// Prepare implements plpgsql.Host.
func (h *plHost) Prepare(text string, raw parse.RawStmt, vars sema.Variables) (plpgsql.Statement, error) {
	st := newStatement("", raw, text, nil)
	st.variables = vars
	return &plStatement{st: st}, nil
}

// usingParams are the parameters of EXECUTE … USING.
type usingParams []types.Type

// Column implements sema.Variables.
func (usingParams) Column([]string, bool, bool) (*sema.Variable, error) { return nil, nil }

// Numbered implements sema.Variables.
func (u usingParams) Numbered(n int) *sema.Variable {
	if n < 1 || n > len(u) {
		return nil
	}
	return &sema.Variable{Param: n, Type: u[n-1]}
}

// Conflict implements sema.Variables.
func (usingParams) Conflict() sema.VariableConflict { return sema.ConflictUsesColumn }

// Types implements sema.Variables.
func (u usingParams) Types() []types.Type { return u }

// The statements of EXECUTE that a session keeps: most loops execute the same text again.
const (
	maxDynamicStatements = 256
	maxDynamicText       = 4096
)

// PrepareText implements plpgsql.Host.
func (h *plHost) PrepareText(text string, params []types.Type) ([]plpgsql.Statement, error) {
	if len(text) > maxDynamicText {
		return h.prepareText(text, params)
	}
	var b strings.Builder
	for _, t := range params {
		b.WriteString(strconv.Itoa(int(t.Declared())))
		b.WriteByte(',')
		b.WriteString(strconv.Itoa(int(t.Mod)))
		b.WriteByte(',')
	}
	b.WriteByte(' ')
	b.WriteString(text)
	key := b.String()
	if list, ok := h.s.pl.dynamic[key]; ok {
		return list, nil
	}
	list, err := h.prepareText(text, params)
	if err != nil || len(list) != 1 || !plannable(list[0].(*plStatement).st.raw.Stmt) {
		return list, err
	}
	if h.s.pl.dynamic == nil || len(h.s.pl.dynamic) >= maxDynamicStatements {
		h.s.pl.dynamic = map[string][]plpgsql.Statement{}
	}
	h.s.pl.dynamic[key] = list
	return list, nil
}

func (h *plHost) prepareText(text string, params []types.Type) ([]plpgsql.Statement, error) {
	raws, err := parse.ParseWith(text, parse.Options{Notice: h.s.notice})
	if err != nil {
		return nil, err
	}
	out := make([]plpgsql.Statement, len(raws))
	for i, raw := range raws {
		st := newStatement("", raw, text, nil)
		st.variables = usingParams(params)
		out[i] = &plStatement{st: st}
	}
	return out, nil
}

// Describe implements plpgsql.Host.
func (h *plHost) Describe(p plpgsql.Statement) error {
	ps := p.(*plStatement)
	st := ps.st
	if ps.epoch != h.s.pl.epoch {
		ps.epoch, st.plan = h.s.pl.epoch, nil
	}
	if h.readOnly {
		if err := allowedReadOnly(st.raw.Stmt); err != nil {
			return err
		}
	}
	if q := queryWithin(st.raw.Stmt); !plannable(st.raw.Stmt) && q != nil && st.variables != nil { // it takes variables, which must be known before it runs
		inner := newStatement("", parse.RawStmt{Stmt: q, Text: st.raw.Text}, st.text, nil)
		inner.variables = st.variables
		if _, _, err := h.s.analyse(inner, h.s.snapshot()); err != nil {
			return err
		}
	}
	return h.s.prepare(st)
}

// queryWithin is the query that a utility statement executes; nil: none.
func queryWithin(stmt parse.Statement) parse.Statement {
	switch u := stmt.(type) {
	case *parse.CreateTableAsStmt:
		return queryWithin(u.Query)
	case *parse.ExplainStmt:
		return queryWithin(u.Query)
	case *parse.DeclareCursorStmt:
		return u.Query
	case *parse.SelectStmt, *parse.InsertStmt, *parse.UpdateStmt, *parse.DeleteStmt, *parse.MergeStmt:
		return u
	}
	return nil
}

// allowedReadOnly refuses what a function that is not volatile cannot execute.
func allowedReadOnly(stmt parse.Statement) error {
	switch u := stmt.(type) {
	case nil, *parse.PLAssignStmt, *parse.VariableShowStmt, *parse.ExplainStmt, *parse.FetchStmt, *parse.ClosePortalStmt, *parse.CallStmt,
		*parse.DoStmt, *parse.DeclareCursorStmt:
		return nil
	case *parse.SelectStmt:
		if len(u.LockingClause) == 0 {
			return nil
		}
		return pgerr.New(pgerr.FeatureNotSupported, "SELECT %s is not allowed in a non-volatile function", u.LockingClause[0].Strength)
	case *parse.CopyStmt:
		if !u.IsFrom {
			return nil
		}
	}
	return pgerr.New(pgerr.FeatureNotSupported, "%s is not allowed in a non-volatile function", statementTag(stmt))
}

func (h *plHost) nested(st *statement, params []types.Datum) *nestedStatement {
	return &nestedStatement{st: st, params: params, fresh: !h.readOnly, clock: h.clock}
}

// Run implements plpgsql.Host.
func (h *plHost) Run(ps plpgsql.Statement, params []types.Datum, limit int, rows func(b *types.Batch) error) (plpgsql.Outcome, error) {
	p := ps.(*plStatement)
	if !plannable(p.st.raw.Stmt) {
		return h.runUtility(p, params, rows)
	}
	n := h.nested(p.st, params)
	n.limit, n.rows = limit, rows
	if p.Class() != plpgsql.ClassSelect {
		n.limit = 0
	}
	got, err := h.s.runNested(h.ctx, n)
	if err != nil {
		return plpgsql.Outcome{}, err
	}
	out := plpgsql.Outcome{Rows: got, Columns: p.Columns(), Rewritten: p.st.plan.Uncounted}
	out.Returns = out.Columns != nil
	return out, nil
}

// runUtility runs a statement without a plan, and takes the rows that it would send to the client.
func (h *plHost) runUtility(p *plStatement, params []types.Datum, rows func(b *types.Batch) error) (plpgsql.Outcome, error) {
	out := plpgsql.Outcome{}
	if p.st.raw.Stmt == nil {
		return out, nil
	}
	n := h.nested(p.st, params)
	c := &capturingClient{rows: rows}
	if err := h.s.nestedUtility(h.ctx, n, c); err != nil {
		return out, err
	}
	out.Rows, out.Returns, out.Columns = c.count, c.columns != nil, c.columns
	if f := strings.Fields(c.tag); len(f) == 2 && (f[0] == "SELECT" || f[0] == "COPY" || f[0] == "FETCH" || f[0] == "MOVE") {
		out.Rows, _ = strconv.ParseInt(f[1], 10, 64)
	}
	return out, nil
}

// capturingClient is the client of a utility statement within a function.
type capturingClient struct {
	Client
	rows    func(b *types.Batch) error
	columns []expr.RecordColumn
	count   int64
	tag     string
}

// RowDescription implements Client.
func (c *capturingClient) RowDescription(fields []Field) {
	c.columns = make([]expr.RecordColumn, len(fields))
	for i, f := range fields {
		c.columns[i] = expr.RecordColumn{Name: f.Name, Type: f.Type}
	}
}

// DataRows implements Client.
func (c *capturingClient) DataRows(_ []Field, b *types.Batch, _ *types.IOEnv) error {
	c.count += int64(b.N)
	if c.rows == nil {
		return nil
	}
	return c.rows(b)
}

// CommandComplete implements Client.
func (c *capturingClient) CommandComplete(tag string) { c.tag = tag }

// Call implements plpgsql.Host.
func (h *plHost) Call(ps plpgsql.Statement, params []types.Datum) ([]types.Datum, []expr.RecordColumn, error) {
	st := ps.(*plStatement).st
	h.s.mayEnd = !h.atomic
	switch u := st.raw.Stmt.(type) {
	case *parse.CallStmt:
		_, rows, err := h.s.callProcedure(h.ctx, &portal{st: st, params: params}, u, h)
		if err != nil || rows == nil {
			return nil, nil, err
		}
		columns := make([]expr.RecordColumn, len(rows.fields))
		for i, f := range rows.fields {
			columns[i] = expr.RecordColumn{Name: f.Name, Type: f.Type}
		}
		return rows.batch.Row(0), columns, nil
	case *parse.DoStmt:
		return nil, nil, h.s.do(h.ctx, st.text, u)
	}
	return nil, nil, pgerr.Internal("plpgsql: CALL of %T", st.raw.Stmt)
}

// CallTargets implements plpgsql.Host.
func (h *plHost) CallTargets(ps plpgsql.Statement) ([]plpgsql.CallTarget, error) {
	st := ps.(*plStatement).st
	c, err := h.s.analyseCall(st, st.raw.Stmt.(*parse.CallStmt))
	if err != nil {
		return nil, err
	}
	out := make([]plpgsql.CallTarget, len(c.Outputs))
	for i, n := range c.Outputs {
		out[i].Name = c.OutputNames[i]
		if p, ok := n.(*expr.Param); ok {
			out[i].Param = p.Index
		}
	}
	return out, nil
}

// plSubtransaction is the subtransaction of a block with handlers: a savepoint that no ROLLBACK TO names.
type plSubtransaction struct {
	s  *Session
	at int
}

// Begin implements plpgsql.Host.
func (h *plHost) Begin() (plpgsql.Subtransaction, error) {
	at := len(h.s.tx.savepoints)
	h.s.pushSavepoint("")
	return &plSubtransaction{h.s, at}, nil
}

// Commit implements plpgsql.Subtransaction.
func (t *plSubtransaction) Commit() { t.s.tx.savepoints = t.s.tx.savepoints[:t.at] }

// Rollback implements plpgsql.Subtransaction. The statement around goes on with what it saw before.
func (t *plSubtransaction) Rollback() {
	s := t.s
	end := s.tx.txn.Nest(false)
	s.restore(&s.tx.savepoints[t.at])
	end()
	s.tx.savepoints = s.tx.savepoints[:t.at]
}

// End implements plpgsql.Host: COMMIT and ROLLBACK.
func (h *plHost) End(commit, chain bool) error {
	s := h.s
	if h.atomic {
		return pgerr.New(pgerr.InvalidTransactionTermination, "invalid transaction termination")
	}
	if len(s.tx.savepoints) > 0 {
		what := "roll back"
		if commit {
			what = "commit"
		}
		return pgerr.New(pgerr.InvalidTransactionTermination, "cannot %s while a subtransaction is active", what)
	}
	opts, readOnly := s.currentOptions(), s.tx.readOnly
	if err := s.holdLoops(h.ctx); err != nil {
		return err
	}
	var err error
	if commit {
		err = s.commit(h.ctx)
	} else {
		s.abort()
	}
	s.open()
	if chain && err == nil {
		s.tx.readOnly = readOnly
		err = s.tx.txn.SetOptions(opts)
	}
	s.tx.started = time.Now()
	s.tx.txn.StartStatement()
	return err
}

var _ plpgsql.Host = (*plHost)(nil)
