package session

import (
	"context"
	"strconv"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// statement is a prepared statement, named or not, or the text of a simple query.
type statement struct {
	name string
	raw  parse.RawStmt // Stmt nil: the empty statement
	text string
	// declared are the parameter types that the client gave; 0 leaves one to the analysis.
	declared []types.Oid
	literals []parse.Literal // of a normalised simple query: they become parameters
	simple   bool            // a simple query: $n means nothing

	// The plan and what it was made for. A nil plan is a utility statement.
	params  []types.Type
	plan    *planner.Plan
	columns []planner.Output
	target  catalog.Oid // the table that an INSERT, UPDATE or DELETE writes
	// permissions are checked at each execution.
	permissions *sema.Permissions
	madeFor     *catalog.Snapshot
	madePath    string
	// rowSecurity says that the plan is one for madeRole alone.
	rowSecurity bool
	madeRole    catalog.Oid
	prepared    time.Time
	fromSQL     bool  // of PREPARE, not of a Parse message
	generic     int64 // executions of the plan
	custom      customPlans
	populate    catalog.Oid // the new table or materialized view that it fills, with no right to insert
	cursor      bool        // of DECLARE CURSOR: its rows have keys for WHERE CURRENT OF behind their columns
	keys        []sema.CursorKey
	function    *sema.FunctionScope // of a function's body
	variables   sema.Variables      // of a function in PL/pgSQL
	values      []types.Datum       // of variables, while a utility statement runs that has a query
	bound       []catalog.ViewDep   // what the names of a stored text stand for
	described   bool                // the client has seen the result's columns: they must not change
	// products are the actions of rules that are done beside the statement; product is which of them it is itself, from 1.
	products []*statement
	product  int
}

// plannable reports whether a statement goes through analysis and planning; all others are utility statements.
func plannable(st parse.Statement) bool {
	switch st.(type) {
	case *parse.SelectStmt, *parse.InsertStmt, *parse.UpdateStmt, *parse.DeleteStmt, *parse.MergeStmt, *parse.PLAssignStmt:
		return true
	}
	return false
}

// newStatement wraps one parsed statement.
func newStatement(name string, raw parse.RawStmt, text string, declared []types.Oid) *statement {
	return &statement{name: name, raw: raw, text: text, declared: declared}
}

// prepare makes the statement's plan current for the session's catalog and search path.
func (s *Session) prepare(st *statement) error {
	if call, ok := st.raw.Stmt.(*parse.CallStmt); ok && !st.simple {
		c, err := s.analyseCall(st, call)
		if err == nil {
			st.params = c.Params
		}
		return err
	}
	if st.raw.Stmt == nil || !plannable(st.raw.Stmt) {
		return nil
	}
	snap := s.snapshot()
	path := s.pathKey()
	if st.rowSecurity && st.madeRole != s.role() {
		st.plan = nil
	}
	if st.plan != nil && st.madePath == path && s.planHolds(st.madeFor, snap, st.text) && s.estimatesHold(st.plan) {
		return nil
	}
	an, params, err := s.analyse(st, snap)
	if err != nil {
		return err
	}
	visible := len(an.Columns())
	if st.cursor {
		st.keys = an.AddCursorKeys()
	}
	plan, err := planner.Prepare(tree(an), s.planEnv())
	if err != nil {
		return err
	}
	if st.described && !sameColumns(st.columns, plan.Columns) {
		return pgerr.New(pgerr.FeatureNotSupported, "cached plan must not change result type")
	}
	if an.DML != nil {
		st.target = an.DML.Table.OID
	}
	st.plan, st.params, st.columns, st.madeFor, st.madePath = plan, params, plan.Columns, snap, path
	if st.cursor {
		st.columns = st.columns[:visible]
	}
	st.permissions = an.Permissions
	st.rowSecurity, st.madeRole = an.RowSecurity, s.role()
	st.products = st.productStatements(an.Products)
	if st.populate != 0 {
		st.permissions = an.Permissions.Without(st.populate)
	}
	return nil
}

func sameColumns(a, b []planner.Output) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Type != b[i].Type || a[i].Name != b[i].Name {
			return false
		}
	}
	return true
}

// analyse gives the statement its meaning; the types are its parameters', or its literals' when it was normalised.
func (s *Session) analyse(st *statement, snap *catalog.Snapshot) (*sema.Analyzed, []types.Type, error) {
	env := s.semaEnv(snap, st.text)
	env.Populate = st.populate
	env.ParamTypes = make([]types.Type, len(st.declared))
	for i, o := range st.declared {
		env.ParamTypes[i] = snap.ValueType(o)
	}
	env.NoParams = st.simple
	env.Function, env.Bound, env.Variables, env.Product = st.function, st.bound, st.variables, st.product
	var an *sema.Analyzed
	var err error
	if a, ok := st.raw.Stmt.(*parse.PLAssignStmt); ok {
		an, err = sema.AnalyzeAssignment(a, env)
	} else {
		an, err = sema.Analyze(st.raw.Stmt, env)
	}
	if err != nil {
		return nil, nil, err
	}
	if err := an.Inline(env); err != nil {
		return nil, nil, err
	}
	if len(st.literals) > 0 {
		return an, an.Literals, nil
	}
	return an, an.Params, nil
}

func (s *Session) semaEnv(snap *catalog.Snapshot, text string) *sema.Env {
	return &sema.Env{Catalog: snap, SearchPath: s.searchPath(), Role: s.role(), Virtual: s.virtualTables(), Text: text, IOEnv: s.io(),
		NoViews: s.settings.NoViews, NoRowSecurity: s.settings.NoRowSecurity}
}

// fields describes a statement's result; nil when it returns no rows.
func (s *Session) fields(st *statement, formats []int16) ([]Field, error) {
	if st.raw.Stmt == nil {
		return nil, nil
	}
	if !plannable(st.raw.Stmt) {
		return s.utilityFields(st)
	}
	if st.columns == nil {
		return nil, nil
	}
	out := make([]Field, len(st.columns))
	for i, c := range st.columns {
		out[i] = Field{Name: c.Name, TableOID: c.Table, AttNum: int16(c.Col), Type: c.Type}
	}
	return out, applyFormats(out, formats)
}

// applyFormats spreads Bind's result formats over the fields: none is text, one is for all.
func applyFormats(fields []Field, formats []int16) error {
	switch {
	case len(formats) == 0:
		return nil
	case len(formats) != 1 && len(formats) != len(fields):
		return pgerr.New(pgerr.ProtocolViolation, "bind message has %d result formats but query has %d columns",
			len(formats), len(fields))
	}
	for i := range fields {
		f := formats[0]
		if len(formats) > 1 {
			f = formats[i]
		}
		if f != 0 && f != 1 {
			return pgerr.New(pgerr.InvalidParameterValue, "unsupported format code: %d", f)
		}
		fields[i].Format = f
	}
	return nil
}

// SimpleQuery runs the statements of a Query message as one implicit transaction, unless they open blocks themselves.
func (s *Session) SimpleQuery(text string) error {
	delete(s.statements, "")
	s.dropPortal("")
	s.activity.begin(text)
	defer s.activity.end(s)
	ctx, done := s.statementContext()
	defer done()
	err := s.interrupted(ctx, s.runText(ctx, text))
	tag := s.heldTag
	s.holdTag, s.heldTag = false, ""
	if err != nil {
		s.fail()
		return err
	}
	if !s.tx.explicit && s.tx.txn != nil {
		if err := s.commit(ctx); err != nil {
			return err
		}
	}
	if tag != "" {
		s.client.CommandComplete(tag)
	}
	return nil
}

// complete ends a statement for the client. The last statement of a simple query is complete only when its implicit
// transaction is: a deferred constraint may still refuse it.
func (s *Session) complete(tag string) {
	if s.holdTag {
		s.heldTag = tag
		return
	}
	s.client.CommandComplete(tag)
}

func (s *Session) runText(ctx context.Context, text string) error {
	if st := s.node.plans.lookup(s, text); st != nil {
		if s.tx.failed {
			return errAborted()
		}
		s.holdTag = true
		return s.runSimple(ctx, st)
	}
	raws, err := parse.ParseWith(text, parse.Options{LiteralRows: true, Notice: s.notice})
	if err != nil {
		return err
	}
	if len(raws) == 0 {
		s.client.EmptyQueryResponse()
		return nil
	}
	s.several = len(raws) > 1
	for i := range raws {
		st := newStatement("", raws[i], text, nil)
		st.simple = true
		s.holdTag = i == len(raws)-1
		if err := s.runSimple(ctx, st); err != nil {
			return err
		}
	}
	return nil
}

// runSimple runs one statement of a simple query and sends its rows in text format.
func (s *Session) runSimple(ctx context.Context, st *statement) error {
	if err := s.admitted(ctx); err != nil {
		return err
	}
	if err := s.admit(st.raw.Stmt); err != nil {
		return err
	}
	p := &portal{st: st}
	if len(st.literals) > 0 {
		if err := s.prepare(st); err != nil {
			return err
		}
		vals, err := literalValues(st, s.io())
		if err != nil {
			return err
		}
		p.params = vals
	}
	return s.runPortal(ctx, p, 0, true)
}

// admit refuses what a failed transaction block does not accept.
func (s *Session) admit(st parse.Statement) error {
	if !s.tx.failed {
		return nil
	}
	if t, ok := st.(*parse.TransactionStmt); ok {
		switch t.Kind {
		case parse.TransCommit, parse.TransPrepare, parse.TransRollback, parse.TransRollbackTo:
			return nil
		}
	}
	return errAborted()
}

// tree returns what the planner takes: the *sema.Query or the *sema.DML.
func tree(an *sema.Analyzed) any {
	if an.DML != nil {
		return an.DML
	}
	return an.Query
}

// constText is a literal's value as text: SET and option values.
func constText(c *parse.Const) string {
	switch c.Kind {
	case parse.ConstInteger:
		return strconv.Itoa(int(c.Ival))
	case parse.ConstBool:
		return strconv.FormatBool(c.Bval)
	}
	return c.Sval
}
