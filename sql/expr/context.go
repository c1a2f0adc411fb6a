package expr

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// EvalContext is what an expression may know besides its input row. One is made for each execution of a statement;
// it may be used by several goroutines at a time once it is set up.
type EvalContext struct {
	Context context.Context
	IOEnv   *types.IOEnv // nil means types.DefaultIOEnv
	// Params are the statement's parameters, $1 first, of the types that the analysis settled.
	Params []types.Datum
	// Outer are the values that OuterColumn reads: those of the enclosing row of the running subplan.
	Outer   []types.Datum
	Session Session // nil where no session is (constant folding, index backfill): functions that need one fail
	// StatementTime and TxnTime are statement_timestamp() and now().
	StatementTime time.Time
	TxnTime       time.Time
	// Subplan runs the plan of a Subquery node with outer as its OuterColumn values and yields its rows until yield
	// returns false. Rows belong to the callee and are valid during the call of yield only.
	Subplan func(ctx *EvalContext, plan any, outer []types.Datum, yield func(row []types.Datum) (bool, error)) error

	// HashMemBytes bounds what is kept of a subquery; 0: nothing does.
	HashMemBytes int64

	mu       sync.Mutex
	said     map[*constEval]bool // whose notices the client has
	subCache map[*Subquery]*subResult
	subMemo  map[*Subquery]*subMemo
	subTime  map[*Subquery]time.Duration // spent on running a subquery row by row that could be hashed
}

// Session is what functions need of the session that runs them.
type Session interface {
	CurrentUser() string
	SessionUser() string
	CurrentDatabase() string
	// CurrentSchemas is the search path, of schemas that exist; implicit adds pg_catalog where it is searched.
	CurrentSchemas(implicit bool) []string
	BackendPID() int32
	// ServerVersion is what version() returns.
	ServerVersion() string

	// ShowSetting returns a setting's value as SHOW prints it; false if there is no such setting.
	ShowSetting(name string) (string, bool)
	// SetSetting is set_config; it returns the new value.
	SetSetting(name, value string, local bool) (string, error)

	// NextVal, CurrVal, SetVal and LastVal are the sequence functions; errors are PostgreSQL's (55000, 2200H, 42809, 42501).
	// NextIdentity is NextVal for an identity column, whose sequence needs no privileges of its own.
	NextVal(ctx context.Context, sequence types.Oid) (int64, error)
	NextIdentity(ctx context.Context, sequence types.Oid) (int64, error)
	CurrVal(sequence types.Oid) (int64, error)
	SetVal(ctx context.Context, sequence types.Oid, value int64, called bool) error
	LastVal() (int64, error)

	// CursorKey returns the value of the k-th key column of the row of a table that a cursor is on: WHERE CURRENT OF.
	CursorKey(cursor string, table types.Oid, tableName string, k int) (types.Datum, error)

	// ListeningChannels is pg_listening_channels().
	ListeningChannels() []string

	// TxnID is txid_current(); with assign false it returns 0 where the transaction has no number yet.
	TxnID(assign bool) (int64, error)

	// AdvisoryLock and AdvisoryUnlock are the pg_advisory functions. The results of AdvisoryLock (false only for Try) and
	// AdvisoryUnlock (false with a warning when it was not held) are the functions'.
	AdvisoryLock(ctx context.Context, req AdvisoryRequest) (bool, error)
	AdvisoryUnlock(req AdvisoryRequest) (bool, error)
	AdvisoryUnlockAll()

	// CallFunction runs a function that a user created, and OpenFunction one that returns a set. Strict ones are not called
	// with a NULL argument.
	CallFunction(ctx *EvalContext, call *FunctionCall) (types.Datum, error)
	OpenFunction(ctx *EvalContext, call *FunctionCall) (SetIterator, error)
	// MayAggregate checks that the current role may use an aggregate that a user created, and its owner what it is made of.
	MayAggregate(aggregate types.Oid) error

	// RunQuery runs a query for a function: columns judges the types of what it returns, row takes the rows.
	RunQuery(ctx *EvalContext, text string, columns func(ts []types.Type) error, row func(values []types.Datum) error) error

	// SystemFunction runs a function about the catalog or the server: pg_get_constraintdef, pg_table_is_visible,
	// has_table_privilege, pg_relation_size, pg_cancel_backend… (systemFunctions lists them). args are those of the
	// overload whose pg_proc.proname is name, none of them NULL if the function is strict; argTypes are their types.
	// Functions that it does not know return 0A000.
	SystemFunction(ctx *EvalContext, name string, argTypes []types.Type, args []types.Datum) (types.Datum, error)
}

// AdvisoryRequest is one advisory lock. Two-key locks have Class2 true and Key = key1<<32 | uint32(key2).
type AdvisoryRequest struct {
	Key    int64
	TwoKey bool
	Shared bool
	Try    bool // do not wait
	Xact   bool // released at the transaction's end
}

// IO returns the settings for text forms, never nil.
func (c *EvalContext) IO() *types.IOEnv {
	if c.IOEnv != nil {
		return c.IOEnv
	}
	return types.DefaultIOEnv
}

// say passes the notices of a constant on, once.
func (c *EvalContext) say(e *constEval, notices []*pgerr.Error) {
	c.mu.Lock()
	said := c.said[e]
	if c.said == nil {
		c.said = map[*constEval]bool{}
	}
	c.said[e] = true
	c.mu.Unlock()
	if notice := c.IO().Notice; notice != nil && !said {
		for _, n := range notices {
			notice(n)
		}
	}
}

// cancelled returns the reason why the statement is to end, or nil. A function that may compute for long asks in its loop.
func (c *EvalContext) cancelled() error {
	if c.Context == nil || c.Context.Err() == nil {
		return nil
	}
	if e := (*pgerr.Error)(nil); errors.As(context.Cause(c.Context), &e) {
		return e
	}
	return pgerr.New(pgerr.QueryCanceled, "canceling statement due to user request")
}
