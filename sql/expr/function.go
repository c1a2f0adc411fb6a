package expr

import "github.com/pgmqdb/pgmqdb/sql/types"

// Volatility is pg_proc.provolatile.
type Volatility byte

// The volatilities.
const (
	Immutable Volatility = 'i'
	Stable    Volatility = 's'
	Volatile  Volatility = 'v'
)

// Function is one overload of a scalar function or operator: a row of pg_proc with its implementation. Functions are
// made once and compared by pointer; the Function of an operator is not that of the function behind it.
type Function struct {
	Oid        types.Oid // pg_proc.oid
	Name       string    // pg_proc.proname
	Args       []types.Oid
	Result     types.Oid // may be polymorphic: a call's type is Func.Type
	Volatility Volatility
	Strict     bool      // NULL for any NULL argument, without a call
	Variadic   types.Oid // element type of the last argument of a variadic function, or 0
	Defaults   int       // how many of the last arguments may be left out
	ArgNames   []string  // input arguments' names, nil if none has one
	// Constructs is the user's type that the function is a constructor of; 0 for others.
	Constructs types.Oid
	// User is set for functions that users created.
	User *UserDef
	// Operator is set for operators.
	Operator *Operator
	// Extension is the extension that an operator belongs to; empty for built-in ones.
	Extension string

	src  string // pg_proc.prosrc, the key of the implementation
	impl *impl  // nil: known, but not supported
}

// Operator is a row of pg_operator.
type Operator struct {
	Oid         types.Oid
	Name        string
	Left, Right types.Oid // Left is 0 for a prefix operator
	Result      types.Oid
	commutator  types.Oid
	negator     types.Oid
	CanHash     bool // equality that agrees with types.Hash
	CanMerge    bool // equality that agrees with types.Compare
}

// Call is a bound call: what an implementation may know besides its arguments.
type Call struct {
	*EvalContext
	Fn     *Function
	Types  []types.Type // of the arguments
	Result types.Type
	// Variadic says that the last argument of a VARIADIC "any" function is an array to be spread.
	Variadic bool
	// Columns are those of a column definition list, nil without one.
	Columns []RecordColumn

	user *UserDef // of a set-returning function that a user created
}

// AggFunction is one overload of an aggregate.
type AggFunction struct {
	Oid  types.Oid
	Name string
	Kind AggKind
	// Args are the arguments, those of WITHIN GROUP last. Direct is how many stand before these; VARIADIC "any" stands for
	// direct and aggregated ones alike.
	Args       []types.Oid
	Direct     int
	Result     types.Oid
	Volatility Volatility
	Variadic   types.Oid
	// Strict: rows with a NULL argument do not count. The state skips them by itself.
	Strict bool
	// OrderSensitive tells aggregates whose result depends on the order of their input (array_agg, string_agg…).
	OrderSensitive bool
	// User is set for aggregates that users created.
	User *AggregateDef

	newState func(args []types.Type, result types.Type) AggState
}

// NewState returns an empty state for calls with these argument types and result, both as in the Aggregate node.
func (f *AggFunction) NewState(args []types.Type, result types.Type) AggState {
	return f.newState(args, result)
}

// AggState holds the running values of one aggregate for all groups of an operator, numbered from 0. It is used by one
// goroutine. DISTINCT, ORDER BY and FILTER are the operator's business: it chooses and orders the rows that it passes.
type AggState interface {
	// Grow makes groups up to n exist, new ones empty.
	Grow(n int)
	// Accumulate adds the row at position p to group groups[p], for all p in sel, or for all p < n if sel is nil.
	// args are the argument columns; none for count(*).
	Accumulate(ctx *EvalContext, groups []int32, args []*types.Vec, sel []int32, n int) error
	// AccumulateRow adds one row to a group.
	AccumulateRow(ctx *EvalContext, group int, args []types.Datum) error
	// Merge adds group g of other, a state of the same aggregate over other rows, to group groups[g].
	Merge(ctx *EvalContext, other AggState, groups []int32) error
	// Result returns the value of a group.
	Result(ctx *EvalContext, group int) (types.Datum, error)
	// MemBytes estimates the memory held.
	MemBytes() int64
}

// SetFunction is one overload of a set-returning function.
type SetFunction struct {
	Oid        types.Oid
	Name       string
	Args       []types.Oid
	Result     types.Oid
	Volatility Volatility
	Strict     bool // no rows for any NULL argument
	Variadic   types.Oid
	Defaults   int
	ArgNames   []string
	// Columns are the names and declared types of the OUT columns; nil for functions of a single unnamed column.
	Columns []OutColumn
	// User is set for functions that users created.
	User *UserDef

	src  string
	open func(c *Call, args []types.Datum) (SetIterator, error)
}

// RecordColumn is a column of a row whose type only the query knows.
type RecordColumn struct {
	Name string
	Type types.Type
}

// OutColumn is an OUT parameter.
type OutColumn struct {
	Name string
	Type types.Oid
}

// SetIterator yields the rows of a call of a set-returning function.
type SetIterator interface {
	// Next fills row, which has one place a column (one place for functions without Columns). False: no more rows.
	Next(ctx *EvalContext, row []types.Datum) (bool, error)
}

// Compiled is an executable expression. It is immutable and may be used by many goroutines.
type Compiled struct {
	root evaluator
	typ  types.Type
	size frameSize
	pool *framePool
	// failed is why constants were not folded.
	failed error
	// wide says that it makes strings, whose length is known when they are there; stable, that it can be evaluated again.
	wide, stable bool
}
