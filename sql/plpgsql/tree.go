package plpgsql

import (
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// datumKind is what a datum is.
type datumKind uint8

const (
	scalarDatum datumKind = iota
	recordDatum           // of a composite type, or RECORD
	fieldDatum            // of a record
	rowDatum              // a list of others: of INTO, of output arguments, of a cursor's arguments
)

// datum is a variable of a function as it is declared; its value is in the execution.
type datum struct {
	kind     datumKind
	no       int
	name     string
	line     int
	typ      types.Type // of a scalar or a record
	typeName *parse.TypeName
	constant bool
	notNull  bool
	init     *expression

	// A cursor that is bound to a query; cursorArgs is nil where it has no arguments.
	cursorQuery   *expression
	cursorArgs    *datum
	cursorOptions int

	record *datum // of a field: name is the field's
	fields []*datum
	// seen and at are where the field was found last.
	seen *rowType
	at   int

	members []*datum // of a row
	names   []string // of the members
}

// composite reports whether a value of the datum has fields.
func (d *datum) composite() bool { return d.kind == recordDatum || d.kind == rowDatum }

// expression is a piece of SQL: PLpgSQL_expr.
type expression struct {
	text string
	mode parse.PLMode
	ns   *nsItem
	fn   *Function
	// target is the scalar that an assignment goes to, nil for other expressions.
	target *datum
	// whole says that it is executed as a statement, however simple it is.
	whole bool

	parsed []parse.RawStmt
	// params are the datums that the parameters stand for, with the types they had when the expression was analysed.
	params []*datum
	types  []types.Type

	simple    *simpleExpr
	statement Statement
	madeFor   *Env
}

// statementKind is PostgreSQL's word for a statement in CONTEXT.
type stmt interface {
	lineNo() int
	kind() string
}

type line int

func (l line) lineNo() int { return int(l) }

type blockStmt struct {
	line
	label    string
	vars     []*datum // to be initialised
	body     []stmt
	handlers []*handler
	// state and message are SQLSTATE and SQLERRM in the handlers; guarded says that there are handlers.
	guarded        bool
	state, message *datum
}

type handler struct {
	conditions []string // SQLSTATEs; "" is OTHERS
	body       []stmt
}

type assignStmt struct {
	line
	target *datum
	value  *expression
}

type performStmt struct {
	line
	query *expression
}

type callStmt struct {
	line
	query  *expression
	isCall bool
	target *datum // made of the first call
}

type diagnosticsStmt struct {
	line
	stacked bool
	items   []diagnostic
}

type diagnostic struct {
	target *datum
	item   string
}

type branch struct {
	cond *expression
	body []stmt
}

type ifStmt struct {
	line
	branches  []branch
	otherwise []stmt
}

type caseStmt struct {
	line
	operand   *expression // nil: the conditions are whole ones
	variable  *datum
	branches  []branch
	hasElse   bool
	otherwise []stmt
}

type loopStmt struct {
	line
	label string
	body  []stmt
}

type whileStmt struct {
	line
	label string
	cond  *expression
	body  []stmt
}

type rangeStmt struct {
	line
	label        string
	variable     *datum
	lower, upper *expression
	step         *expression // nil: 1
	reverse      bool
	body         []stmt
}

// rowsStmt is FOR over the rows of a query, of a cursor, or of EXECUTE.
type rowsStmt struct {
	line
	label   string
	target  *datum
	query   *expression // of a query
	cursor  *datum      // of a cursor
	args    *expression // of the cursor
	dynamic *expression // of EXECUTE
	using   []*expression
	body    []stmt
}

type eachStmt struct {
	line
	label  string
	target *datum
	slice  int
	array  *expression
	body   []stmt
}

type exitStmt struct {
	line
	label  string
	isExit bool
	when   *expression
}

type returnStmt struct {
	line
	variable *datum
	value    *expression
}

type returnNextStmt struct {
	line
	variable *datum
	value    *expression
}

type returnQueryStmt struct {
	line
	query   *expression
	dynamic *expression
	using   []*expression
}

type raiseStmt struct {
	line
	level     string
	condition string
	message   string
	formatted bool // there is a message
	params    []*expression
	options   []raiseOption
}

type raiseOption struct {
	name  string
	value *expression
}

type assertStmt struct {
	line
	cond, message *expression
}

type sqlStmt struct {
	line
	query  *expression
	into   *datum
	strict bool
}

type executeStmt struct {
	line
	query  *expression
	into   *datum
	strict bool
	using  []*expression
}

type openStmt struct {
	line
	cursor  *datum
	options int
	query   *expression
	dynamic *expression
	using   []*expression
	args    *expression
}

type fetchStmt struct {
	line
	cursor    *datum
	direction parse.FetchDirection
	count     int64
	howMany   *expression
	multiple  bool
	move      bool
	target    *datum
}

type closeStmt struct {
	line
	cursor *datum
}

type transactionStmt struct {
	line
	commit bool
	chain  bool
}

func (*blockStmt) kind() string       { return "statement block" }
func (*assignStmt) kind() string      { return "assignment" }
func (*performStmt) kind() string     { return "PERFORM" }
func (*ifStmt) kind() string          { return "IF" }
func (*caseStmt) kind() string        { return "CASE" }
func (*loopStmt) kind() string        { return "LOOP" }
func (*whileStmt) kind() string       { return "WHILE" }
func (*rangeStmt) kind() string       { return "FOR with integer loop variable" }
func (*eachStmt) kind() string        { return "FOREACH over array" }
func (*returnStmt) kind() string      { return "RETURN" }
func (*returnNextStmt) kind() string  { return "RETURN NEXT" }
func (*returnQueryStmt) kind() string { return "RETURN QUERY" }
func (*raiseStmt) kind() string       { return "RAISE" }
func (*assertStmt) kind() string      { return "ASSERT" }
func (*sqlStmt) kind() string         { return "SQL statement" }
func (*executeStmt) kind() string     { return "EXECUTE" }
func (*openStmt) kind() string        { return "OPEN" }
func (*closeStmt) kind() string       { return "CLOSE" }

func (s *callStmt) kind() string {
	if s.isCall {
		return "CALL"
	}
	return "DO"
}

func (s *diagnosticsStmt) kind() string {
	if s.stacked {
		return "GET STACKED DIAGNOSTICS"
	}
	return "GET DIAGNOSTICS"
}

func (s *rowsStmt) kind() string {
	switch {
	case s.cursor != nil:
		return "FOR over cursor"
	case s.dynamic != nil:
		return "FOR over EXECUTE statement"
	}
	return "FOR over SELECT rows"
}

func (s *exitStmt) kind() string {
	if s.isExit {
		return "EXIT"
	}
	return "CONTINUE"
}

func (s *fetchStmt) kind() string {
	if s.move {
		return "MOVE"
	}
	return "FETCH"
}

func (s *transactionStmt) kind() string {
	if s.commit {
		return "COMMIT"
	}
	return "ROLLBACK"
}

// Function is a function that was compiled, or the block of a DO. It belongs to one session.
type Function struct {
	name      string
	signature string
	datums    []*datum
	args      []*datum
	out       *datum // the output argument, or the row of several; nil for none
	found     *datum
	newRow    *datum // NEW and OLD, of a trigger
	oldRow    *datum
	trigger   []*datum // the TG_ variables
	body      *blockStmt
	options   Options

	result    types.Type
	set       bool
	tuple     bool // the result has fields
	procedure bool
	readOnly  bool
	ofTrigger bool
	// running is the execution that runs now: expressions are analysed with its values' types.
	running *execution
	// idle is an execution that has ended, for the next call.
	idle *execution
}

// rowType says what the fields of a row are.
type rowType struct {
	columns []expr.RecordColumn
	of      types.Oid // the composite type; 0 for record
}

// record is the value of a record variable.
type record struct {
	typ    *rowType
	fields []types.Datum
	null   bool // NULL, though it is known what its fields would be
}
