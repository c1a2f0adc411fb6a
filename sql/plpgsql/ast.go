package plpgsql

import (
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Function is a body that was read. One execution at a time uses it.
type Function struct {
	Source string
	// Signature is what CONTEXT calls it: name(types) or inline_code_block.
	Signature string
	Return    Return
	vars      []*variable
	args      []int
	outs      []int
	found     int
	new, old  int // of a trigger, else -1
	body      *block
	frame     *frame // of the running execution
}

// Return says what a function returns.
type Return struct {
	Type    types.Type
	Set     bool
	Trigger bool
	// Procedure: RETURN has no value.
	Procedure bool
}

// Param is a parameter.
type Param struct {
	Name    string
	Type    types.Type
	In, Out bool
}

// variable is a declared variable; its number is its index among the function's.
type variable struct {
	name     string
	typ      types.Type
	record   bool // its type is record: what is assigned says its fields
	constant bool
	notNull  bool
	init     *Query
	line     int
}

// Query is a piece of SQL with its plan.
type Query struct {
	// Text is what is parsed; Written is what CONTEXT shows, and Shift what is to be added to a position in Text for one in Written.
	Text, Written string
	Shift         int
	// Kind is CONTEXT's word for it: SQL expression, PL/pgSQL assignment or SQL statement.
	Kind  string
	Scope *sema.FunctionScope
	// Prepared belongs to the host.
	Prepared any
	ns       *namespace
	refs     []ref
	types    []types.Type
}

// Expression reports whether the text is SELECT and an expression.
func (q *Query) Expression() bool { return q.Kind != statementKind }

const (
	expressionKind = "SQL expression"
	assignmentKind = "PL/pgSQL assignment"
	statementKind  = "SQL statement"
)

// ref is a variable, or a field of one, that a query uses as a parameter.
type ref struct {
	v     int
	field string
}

// namespace is what names mean in a block.
type namespace struct {
	outer *namespace
	label string
	vars  map[string]int
	loop  bool
}

func (n *namespace) find(name string) (int, bool) {
	for ; n != nil; n = n.outer {
		if v, ok := n.vars[name]; ok {
			return v, true
		}
	}
	return 0, false
}

// resolve is the variable, and what of names is its field, that names mean.
func (n *namespace) resolve(names []string) (v int, rest []string, ok bool) {
	for at := n; at != nil; at = at.outer {
		if v, ok := at.vars[names[0]]; ok {
			return v, names[1:], true
		}
		if len(names) > 1 && at.label != "" && at.label == names[0] {
			if v, ok := at.vars[names[1]]; ok {
				return v, names[2:], true
			}
		}
	}
	return 0, nil, false
}

// target is what INTO or an assignment writes.
type target struct {
	v         int
	field     string
	subscript *Query
}

type stmt interface{ at() int }

type line int

func (l line) at() int { return int(l) }

type block struct {
	line
	label    string
	vars     []int
	body     []stmt
	handlers []handler
	state    [2]int // SQLSTATE and SQLERRM in the handlers
}

type handler struct {
	codes []string // "" is OTHERS
	body  []stmt
}

type assign struct {
	line
	to   target
	expr *Query
}

type branch struct {
	line int
	cond *Query
	body []stmt
}

type ifStmt struct {
	line
	branches  []branch
	otherwise []stmt
}

type caseStmt struct {
	line
	operand   *Query
	branches  []branch
	otherwise []stmt
	hasElse   bool
}

type loop struct {
	line
	label string
	cond  *Query // of WHILE
	body  []stmt
}

type forRange struct {
	line
	label    string
	v        int
	from, to *Query
	by       *Query
	reverse  bool
	body     []stmt
}

type forQuery struct {
	line
	label   string
	into    []target
	query   *Query
	dynamic *Query
	using   []*Query
	body    []stmt
}

type forEach struct {
	line
	label string
	into  target
	array *Query
	body  []stmt
}

type exit struct {
	line
	label    string
	proceeds bool
	when     *Query
}

type returnStmt struct {
	line
	expr *Query
}

type returnNext struct {
	line
	expr *Query
}

type returnQuery struct {
	line
	query   *Query
	dynamic *Query
	using   []*Query
}

type sqlStmt struct {
	line
	query   *Query
	perform bool
	into    []target
	strict  bool
}

type execute struct {
	line
	text   *Query
	into   []target
	strict bool
	using  []*Query
}

type raise struct {
	line
	level   string
	name    string // condition name, or SQLSTATE
	format  string
	hasText bool
	args    []*Query
	options []option
}

type option struct {
	name string
	expr *Query
}

type assert struct {
	line
	cond, message *Query
}

type diagnostics struct {
	line
	stacked bool
	items   []diagnostic
}

type diagnostic struct {
	to   target
	item string
}

type null struct{ line }
