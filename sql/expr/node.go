package expr

import (
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Node is a typed, resolved scalar expression. The semantic analysis makes it, the planner rewrites it, Compile turns it
// into an evaluator. Nodes are immutable after analysis.
type Node interface {
	// ResultType is the node's SQL type.
	ResultType() types.Type
	// Pos is the byte offset in the statement's text, or -1.
	Pos() int
}

// Const is a literal or a folded constant.
type Const struct {
	Type  types.Type
	Value types.Datum
	Loc   int
	// Notices are what was said when the constant was computed, for the client of whoever uses it.
	Notices []*pgerr.Error
}

// Param is a statement parameter, $Index (from 1).
type Param struct {
	Index int
	Type  types.Type
	Loc   int
}

// Var is a column of a range-table entry of a query. Level counts query levels outward: 0 is the own query, 1 the
// directly enclosing one (a correlated reference). The planner replaces Vars by Columns.
type Var struct {
	Rel   int // index into the query's range table
	Col   int // index into the entry's columns, from 0, or XminCol or XmaxCol of a table, or PresentCol
	Level int
	Type  types.Type
	Name  string
	Loc   int
}

// The system columns that Vars of tables may have.
const (
	XminCol = -12 // xmin: the transaction that wrote the row
	XmaxCol = -14 // xmax, in RETURNING: who locked the row that INSERT … ON CONFLICT changed
)

// PresentCol is a column that every entry has: true in all its rows, and so NULL in those that an outer join made up.
const PresentCol = -30

// SystemAttNum is the attribute number of a system column.
func SystemAttNum(col int) int { return col + 10 }

// Column is a column of an operator's input batch, by position. Only planned expressions have it.
type Column struct {
	Index int
	Type  types.Type
}

// OuterColumn is a value of an enclosing row bound for each execution of a correlated subplan.
type OuterColumn struct {
	Index int // into the evaluation context's Outer values
	Type  types.Type
}

// Func is a call of a built-in scalar function or operator, resolved to one overload.
type Func struct {
	Fn       *Function
	Args     []Node
	Type     types.Type
	Variadic bool
	// Names are those of the last Args where a tree that is printed has a call in named notation.
	Names []string
	// SQLSyntax says that the call was spelled by SQL's grammar (EXTRACT, AT TIME ZONE, …) and not as a call.
	SQLSyntax bool
	Loc       int
}

// Collate is COLLATE in a tree that is printed. All collations compare as bytes here, so that others do without.
type Collate struct {
	Arg  Node
	Name string
	Loc  int
}

// Cast converts its argument; Implicit ones were put in by the analysis.
type Cast struct {
	Arg     Node
	Type    types.Type
	Context types.CastContext
	Domain  *Domain // what a value of a domain type must satisfy; nil for other types
	ViaIO   bool    // by the text form, whatever other way there is: PL/pgSQL's assignments
	Loc     int
}

// BoolOp is AND, OR or NOT.
type BoolOp struct {
	Op   BoolKind
	Args []Node
	Rows bool // it is of a comparison of rows by <, <=, > or >=, which a null ends
	Loc  int
}

// BoolKind is a boolean connective.
type BoolKind uint8

// The connectives.
const (
	And BoolKind = iota
	Or
	Not
)

// IsTest is IS [NOT] NULL, TRUE, FALSE or UNKNOWN.
type IsTest struct {
	Arg  Node
	Test TestKind
	Not  bool
	Loc  int
}

// TestKind is what an IsTest tests for.
type TestKind uint8

// The tests.
const (
	IsNull TestKind = iota
	IsTrue
	IsFalse
	IsUnknown
)

// Distinct is IS [NOT] DISTINCT FROM; Eq is the equality function of its operands.
type Distinct struct {
	Eq          *Function
	Left, Right Node
	Not         bool
	Loc         int
}

// Case is CASE. With Operand set, each When.Cond is already the resolved comparison with it.
type Case struct {
	Operand Node // of CASE x WHEN …, whose conditions are x = …; for printing only
	Whens   []When
	Else    Node // nil: NULL
	Type    types.Type
	Loc     int
}

// When is one arm of a Case.
type When struct{ Cond, Result Node }

// Coalesce is COALESCE.
type Coalesce struct {
	Args []Node
	Type types.Type
	Loc  int
}

// MinMax is GREATEST or LEAST.
type MinMax struct {
	Args  []Node
	Least bool
	Type  types.Type
	Loc   int
}

// NullIf is NULLIF(Left, Right).
type NullIf struct {
	Eq          *Function
	Left, Right Node
	Type        types.Type
	Loc         int
}

// AnyAll is `scalar op ANY/ALL (array)`; `x IN (a, b, …)` becomes Any over an ArrayExpr (or a constant array).
type AnyAll struct {
	Op    *Function
	Left  Node
	Array Node
	All   bool
	Loc   int
}

// ArrayExpr is ARRAY[…].
type ArrayExpr struct {
	Elems []Node
	Type  types.Type
	Loc   int
}

// Subscript is container[i][j]…, or with Lower a slice, container[l:u][l:u]…: of an array, of a name (its bytes), or of a
// jsonb, which is never sliced. With Assign it is the container with that part replaced.
type Subscript struct {
	Container Node
	Lower     []Node // nil: no slice; one a subscript, nil where it is left out
	Upper     []Node // one a subscript; in a slice nil where it is left out
	Assign    Node   // nil: read the part
	Type      types.Type
	Loc       int
}

// Store is a value with a part of it replaced: what Steps lead to, each within the one before, becomes Value.
type Store struct {
	Container Node
	Steps     []StoreStep
	Value     Node
	Type      types.Type
	Loc       int
}

// StoreStep is a step into a value of type Of: to a field of a composite, or by subscripts as those of a Subscript.
type StoreStep struct {
	Of     types.Type
	Fields []types.Attribute // of the composite; nil for subscripts
	Field  int
	Lower  []Node
	Upper  []Node
}

// Row is ROW(…) or a row of a comparison.
type Row struct {
	Fields []Node
	Names  []string
	Type   types.Type // record, or a composite type whose attributes by number the fields are
	Cast   bool       // a cast was written to the composite type
	Whole  bool       // a reference to a FROM item, which is no row constructor
	Loc    int
}

// Field selects a field of a record.
type Field struct {
	Arg   Node
	Index int
	Name  string // of an attribute of a composite type
	Type  types.Type
	Loc   int
}

// SubqueryKind is how a subquery's result is used.
type SubqueryKind uint8

// The subquery kinds.
const (
	ScalarSubquery SubqueryKind = iota
	ExistsSubquery
	AnySubquery // Left op ANY (subquery); IN is = ANY
	AllSubquery
	ArraySubquery
	RowSubquery // Left op (subquery), in a tree that is printed
)

// Subquery is a subquery in an expression. Query is a *sema.Query until planning and the planner's subplan after it.
type Subquery struct {
	Kind  SubqueryKind
	Query any
	// Left and Ops belong to Any and All: Left[i] Ops[i] column i of the subquery.
	Left []Node
	Ops  []*Function
	// Outer is set by the planner: expressions over the enclosing row whose values are the subplan's OuterColumns. Without
	// any the subplan runs once a statement and its result is kept in the EvalContext.
	Outer []Node
	// Hashed is set by the planner for an EXISTS that depends on its enclosing row by equalities alone: the same as = ANY
	// over a set made once, whose NULL means false. HashRows estimates the set. Many rows are judged by it.
	Hashed   Node
	HashRows float64
	// Grouped is set by the planner for a value of the rows with some columns equal to outer values: a *Subquery whose
	// Left are these values and whose rows are the columns' values and the result for them, for all values that occur.
	Grouped Node
	// Batched, set by the planner too, is Grouped for the rows whose BatchKey-th column is in an array, which is its
	// subplan's only outer value.
	Batched  Node
	BatchKey int
	// Memo says that the result depends on Outer alone, so that it may be kept.
	Memo bool
	// Nested says of an ARRAY subquery that its rows are arrays, which make one of a dimension more.
	Nested bool
	Type   types.Type
	Loc    int
}

// Aggregate is a call of an aggregate function at Level query levels outward. Of an ordered-set aggregate, Args are the
// expressions of WITHIN GROUP, which OrderBy repeats, and Direct the direct arguments, which have one value a group.
type Aggregate struct {
	Fn       *AggFunction
	Direct   []Node
	Args     []Node
	Star     bool
	Distinct bool
	OrderBy  []SortKey
	Filter   Node
	Level    int // the query that it belongs to, outward
	Type     types.Type
	Loc      int
}

// Grouping is GROUPING(…) of the query Level levels outward: a bit for each of Args, which are grouping expressions of it,
// set where the row's grouping set lacks the expression.
type Grouping struct {
	Args  []Node
	Level int
	Loc   int
}

// SortKey is one key of an ORDER BY inside an expression or a query.
type SortKey struct {
	Expr       Node
	Desc       bool
	NullsFirst bool
}

// SQLValueKind names the SQL value functions and other values of the session.
type SQLValueKind uint8

// The SQL value functions.
const (
	CurrentDate SQLValueKind = iota
	CurrentTime
	CurrentTimestamp
	LocalTime
	LocalTimestamp
	CurrentRole
	CurrentUser
	SessionUser
	CurrentCatalog
	CurrentSchema
)

// SQLValue is CURRENT_TIMESTAMP and its like.
type SQLValue struct {
	Kind SQLValueKind
	User bool // CURRENT_USER was written USER
	Type types.Type
	Loc  int
}

// SetReturning is a call of a set-returning function in a select list or in FROM.
type SetReturning struct {
	Fn   *SetFunction
	Args []Node
	Type types.Type // of one row: the element type, or record
	// Columns are those of FROM's column definition list, nil without one.
	Columns []RecordColumn
	Loc     int
}

// Default is DEFAULT in a VALUES list or SET clause; the rewriter replaces it.
type Default struct {
	Type types.Type
	Loc  int
}
