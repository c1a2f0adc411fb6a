package plpgsql

import (
	"context"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Env is what a session's expressions mean at a moment: its catalog, search path, role and settings. The host makes another
// when one of them changes, so that what was made for one is compared by pointer.
type Env struct {
	Sema    *sema.Env
	IO      *types.IOEnv
	Checks  Checks
	Asserts bool
}

// Host runs SQL for a function that is being executed. Errors have positions in the text of the statement.
type Host interface {
	// Context is done when the statement that the client sent is to end.
	Context() context.Context
	// Resume returns the context of what a function does that has caught the cancellation of its statement.
	Resume() context.Context
	// Failure is an error as users see it: that of a statement that is to end has the reason for it.
	Failure(err error) error
	Env() *Env
	// Eval fills a context for expressions, without parameters.
	Eval(c *expr.EvalContext)
	// Nest makes what an expression calls see what the transaction has written so far (where the function may see that),
	// until end is called.
	Nest() (end func())
	// Transaction identifies the running transaction.
	Transaction() any

	// Prepare makes a statement of a piece of SQL, whose variables say what its names stand for.
	Prepare(text string, raw parse.RawStmt, vars sema.Variables) (Statement, error)
	// PrepareText makes the statements of a text, with parameters of these types.
	PrepareText(text string, params []types.Type) ([]Statement, error)
	// Describe makes a statement's plan current: its columns are right until something else is executed.
	Describe(st Statement) error
	// Run executes a statement, to its end or to a number of rows of a query (0: all). rows, which may be nil, takes its rows;
	// the batch is valid during the call only.
	Run(st Statement, params []types.Datum, limit int, rows func(b *types.Batch) error) (Outcome, error)
	// Rows opens a query for a loop over its rows.
	Rows(st Statement, params []types.Datum) (Rows, error)
	// Call executes CALL or DO, which may end the transaction where this function may. out is the row of output arguments, nil
	// where there are none.
	Call(st Statement, params []types.Datum) (out []types.Datum, columns []expr.RecordColumn, err error)
	// CallTargets returns of a CALL, for each output argument, its name and the number of the parameter that is there, 0 for
	// what is none.
	CallTargets(st Statement) ([]CallTarget, error)

	// OpenCursor opens a cursor under a name, or one that it finds where name is empty, and returns that.
	OpenCursor(name string, st Statement, params []types.Datum, options int) (string, error)
	CursorOpen(name string) bool
	// FetchCursor moves a cursor. rows takes the rows that it passes; nil: MOVE.
	FetchCursor(name string, direction parse.FetchDirection, count int64, rows func(columns []expr.RecordColumn, b *types.Batch) error) (int64, error)
	// CursorColumns are those of an open cursor.
	CursorColumns(name string) []expr.RecordColumn
	CloseCursor(name string) error
	// PinCursor keeps a cursor from being closed, but by the end of a loop over it.
	PinCursor(name string) (unpin func())

	// Begin begins a subtransaction.
	Begin() (Subtransaction, error)
	// End commits the transaction, or rolls it back, and begins another.
	End(commit, chain bool) error

	Notice(n *pgerr.Error)
	// Push adds to what encloses the code that runs, for CONTEXT; Pop takes it away.
	Push(f Frame)
	Pop()
	// Trace is CONTEXT: a line for each frame, the innermost first.
	Trace() string
}

// Frame is what encloses running code.
type Frame interface {
	// ContextLine is its line in CONTEXT; empty for none.
	ContextLine() string
}

// Statement is a statement that a host has prepared.
type Statement interface {
	// Columns are those of the result; nil: it returns no rows.
	Columns() []expr.RecordColumn
	Class() Class
}

// Class is what kind of statement it is.
type Class uint8

// The classes.
const (
	ClassUtility Class = iota
	ClassShow          // a utility statement that returns rows: EXPLAIN, SHOW, FETCH, EXECUTE
	ClassSelect
	ClassModify // INSERT, UPDATE, DELETE or MERGE
	ClassSelectInto
	ClassCopy // from or to the client
	ClassTransaction
	ClassEmpty
)

// Outcome is what a statement did.
type Outcome struct {
	// Rows is the number of rows that it returned or wrote.
	Rows int64
	// Returns says that it returns rows, of Columns.
	Returns bool
	Columns []expr.RecordColumn
	// Rewritten says that rules have put other statements in its place.
	Rewritten bool
}

// Rows are those of a loop.
type Rows interface {
	Columns() []expr.RecordColumn
	// Next returns some of the rows, about as many as are wanted; nil at the end. They are valid until the next call.
	Next(want int) (*types.Batch, error)
	Close()
}

// CallTarget is where an output argument of CALL goes.
type CallTarget struct {
	Name  string
	Param int
}

// Subtransaction is that of a block with handlers.
type Subtransaction interface {
	Commit()
	Rollback()
}

// sqlFrame is a statement or expression of SQL that runs.
type sqlFrame struct{ e *expression }

// ContextLine implements Frame.
func (f sqlFrame) ContextLine() string { return f.e.contextLine() }

func (e *expression) contextLine() string {
	switch e.mode {
	case parse.PLExpression:
		return "SQL expression \"" + e.text + "\""
	case parse.PLStatement:
		return "SQL statement \"" + e.text + "\""
	}
	return "PL/pgSQL assignment \"" + e.text + "\""
}

// inSQL says of an error where it was: at a place in the text, or within the whole.
func (e *expression) inSQL(err error) error {
	x := pgerr.From(err).Clone()
	if x.Position > 0 {
		x.WithInternal(e.text, x.Position)
		x.Position = 0
		return x
	}
	return x.WithWhere("%s", e.contextLine())
}

// within runs f as part of a piece of SQL.
func (x *execution) within(e *expression, f func() error) error {
	x.host.Push(sqlFrame{e})
	err := f()
	x.host.Pop()
	if err != nil {
		return e.inSQL(err)
	}
	return nil
}
