package sema

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/tsearch"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// analyzer is the state of one call of Analyze.
type analyzer struct {
	env *Env
	io  *types.IOEnv

	calling     bool // the call of CALL is analysed
	paramTypes  []types.Type
	params      []*expr.Param // every reference made, to be checked at the end
	literals    []types.Type
	tables      []*catalog.Table
	keys        []catalog.Oid // the primary keys that make columns functionally dependent
	usesVirtual bool
	kept        bool // the expression is a stored one: it is printed again from its tree
	viewDepth   int
	rule        *ruleAnalysis // of a rule's action
	rewriting   []ruleUse     // the rules whose actions the statement is within
	products    int           // how many actions of rules are done beside the statement
	domainDepth int
	collates    bool                  // a collation was met that is not its type's
	explicit    map[expr.Node]derived // the expressions that COLLATE stands at
	byText      bool                  // an assignment of PL/pgSQL: what no cast converts, the text form does
}

func newAnalyzer(env *Env) *analyzer {
	a := &analyzer{env: env}
	io := types.DefaultIOEnv
	if env.IOEnv != nil {
		io = env.IOEnv
	}
	if io.RegIn == nil || io.UserType == nil && env.Catalog != nil {
		c := *io
		if c.RegIn == nil {
			c.RegIn = a.regIn
		}
		if c.UserType == nil && env.Catalog != nil {
			c.UserType = env.Catalog.UserType
		}
		io = &c
	}
	if env.Bound != nil && io.UserType != nil {
		c, userType := *io, io.UserType
		c.UserType = func(oid types.Oid) *types.UserType { return a.boundType(userType(oid)) }
		io = &c
	}
	a.io = io
	if a.io.Domain == nil && env.Catalog != nil {
		c := *a.io
		c.Domain = a.fieldDomain
		a.io = &c
	}
	for _, t := range env.ParamTypes {
		if t.Oid == 0 {
			t = types.T(types.UnknownOid)
		}
		a.paramTypes = append(a.paramTypes, t)
	}
	return a
}

// regIn resolves names of relations, types and text search where the session does not.
func (a *analyzer) regIn(t types.Oid, name string) (uint32, error) {
	parts := splitIdentifier(name)
	switch t {
	case types.RegclassOid:
		schema, rel := "", parts[len(parts)-1]
		if len(parts) > 1 {
			schema = parts[len(parts)-2]
		}
		if a.env.Catalog != nil {
			if r, ok := a.env.Catalog.LookupRelation(a.env.SearchPath, schema, rel); ok {
				return uint32(r.OID()), nil
			}
		}
		if v := a.virtual(schema, rel); v != nil {
			return uint32(v.OID), nil
		}
		return 0, undefinedRelation(name)
	case types.RegtypeOid:
		if in := types.ByName(parts[len(parts)-1]); in != nil {
			return uint32(in.Oid), nil
		}
		return 0, pgerr.New(pgerr.UndefinedObject, "type %q does not exist", name)
	case types.RegconfigOid:
		if c := tsearch.ConfigNamed(parts[len(parts)-1]); c != nil {
			return uint32(c.Oid), nil
		}
		return 0, pgerr.New(pgerr.UndefinedObject, "text search configuration \"%s\" does not exist", name)
	case types.RegdictionaryOid:
		if d := tsearch.DictionaryNamed(parts[len(parts)-1]); d != nil {
			return uint32(d.Oid), nil
		}
		return 0, pgerr.New(pgerr.UndefinedObject, "text search dictionary \"%s\" does not exist", name)
	}
	return 0, pgerr.NotSupported(types.FormatType(types.T(t)) + " names")
}

// splitIdentifier splits a dotted name with quotes, folding what is not quoted.
func splitIdentifier(s string) []string {
	var out []string
	var cur []byte
	quoted := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '"' && quoted && i+1 < len(s) && s[i+1] == '"':
			cur = append(cur, c)
			i++
		case c == '"':
			quoted = !quoted
		case c == '.' && !quoted:
			out, cur = append(out, string(cur)), nil
		case !quoted && c >= 'A' && c <= 'Z':
			cur = append(cur, c+'a'-'A')
		default:
			cur = append(cur, c)
		}
	}
	return append(out, string(cur))
}

func undefinedRelation(name string) *pgerr.Error {
	return pgerr.New(pgerr.UndefinedTable, "relation %q does not exist", name)
}

// at sets an error's position from a byte offset unless it has one.
func (a *analyzer) at(loc int, err error) error {
	if err == nil {
		return nil
	}
	e := pgerr.From(err)
	if e.Position != 0 || loc < 0 || a.env.Text == "" {
		return e
	}
	return e.Clone().WithPosition(parse.Position(a.env.Text, loc))
}

// ioAt is how a literal at a byte offset is read. What its input function has to say gets the position, as errors do; only
// tsquery's says anything.
func (a *analyzer) ioAt(loc int, t types.Oid) *types.IOEnv {
	if t != types.TsqueryOid && t != types.TsqueryArrayOid || a.io.Notice == nil {
		return a.io
	}
	io := *a.io
	io.Notice = func(n *pgerr.Error) {
		if e, ok := a.at(loc, n).(*pgerr.Error); ok {
			a.io.Notice(e)
		}
	}
	return &io
}

// errorf makes an error at a byte offset.
func (a *analyzer) errorf(loc int, code, format string, args ...any) error {
	return a.at(loc, pgerr.New(code, format, args...))
}

func (a *analyzer) unsupported(loc int, feature string) error {
	return a.at(loc, pgerr.NotSupported(feature))
}

// positioned makes sure that what leaves the package is a *pgerr.Error.
func (a *analyzer) positioned(err error) error { return a.named(pgerr.From(err)) }

func (a *analyzer) addTable(t *catalog.Table) {
	for _, have := range a.tables {
		if have == t {
			return
		}
	}
	a.tables = append(a.tables, t)
}

// clause is the part of a statement that an expression is in, for messages and for what is allowed there.
type clause uint8

const (
	inNone clause = iota
	inSelect
	inWhere
	inHaving
	inGroupBy
	inOrderBy
	inDistinctOn
	inLimit
	inOffset
	inJoinOn
	inFromFunction
	inFromSubselect
	inFilter
	inValues
	inInsertTarget
	inUpdateSource
	inReturning
	inDefault
	inCheck
	inIndex
	inTransform
	inStandalone
	inCopyWhere
	inExecute
	inCall
	inGenerated
	inPredicate
	inPartitionKey
	inPartitionBound
	inCaseWhen
	inWindowPartition
	inWindowOrder
	inFrameRange
	inFrameRows
	inFrameGroups
	inMergeWhen
	inPolicy
	inTriggerWhen
)

// noAggs is the name of a clause where aggregates are not allowed, "" where they are.
func (c clause) noAggs() string {
	switch c {
	case inWhere:
		return "WHERE"
	case inJoinOn:
		return "JOIN conditions"
	case inFromFunction:
		return "functions in FROM"
	case inFromSubselect:
		return "FROM clause of their own query level"
	case inDefault:
		return "DEFAULT expressions"
	case inCheck:
		return "check constraints"
	case inIndex:
		return "index expressions"
	case inPredicate:
		return "index predicates"
	case inPartitionKey:
		return "partition key expressions"
	case inPartitionBound:
		return "partition bound"
	case inGenerated:
		return "column generation expressions"
	case inTransform:
		return "transform expressions"
	case inExecute:
		return "EXECUTE parameters"
	case inCall:
		return "CALL arguments"
	case inCopyWhere:
		return "COPY FROM WHERE conditions"
	case inTriggerWhen:
		return "trigger WHEN conditions"
	}
	if n := c.name(); n != "" && c != inSelect && c != inHaving && c != inOrderBy && c != inDistinctOn &&
		c != inWindowPartition && c != inWindowOrder {
		return n
	}
	return ""
}

// noSets is why set-returning functions are not allowed, "" where they are.
func (c clause) noSets() string {
	switch c {
	case inSelect, inGroupBy, inOrderBy, inDistinctOn, inFromFunction, inInsertTarget, inWindowPartition, inWindowOrder:
		return ""
	case inFrameRange, inFrameRows, inFrameGroups:
		return "set-returning functions are not allowed in window definitions"
	case inJoinOn:
		return "set-returning functions are not allowed in JOIN conditions"
	case inDefault:
		return "set-returning functions are not allowed in DEFAULT expressions"
	case inCheck:
		return "set-returning functions are not allowed in check constraints"
	case inIndex:
		return "set-returning functions are not allowed in index expressions"
	case inPredicate:
		return "set-returning functions are not allowed in index predicates"
	case inPartitionKey:
		return "set-returning functions are not allowed in partition key expressions"
	case inPartitionBound:
		return "set-returning functions are not allowed in partition bound"
	case inTransform:
		return "set-returning functions are not allowed in transform expressions"
	case inGenerated:
		return "set-returning functions are not allowed in column generation expressions"
	case inExecute:
		return "set-returning functions are not allowed in EXECUTE parameters"
	case inCall:
		return "set-returning functions are not allowed in CALL arguments"
	case inCopyWhere:
		return "set-returning functions are not allowed in COPY FROM WHERE conditions"
	case inTriggerWhen:
		return "set-returning functions are not allowed in trigger WHEN conditions"
	}
	if n := c.name(); n != "" {
		return "set-returning functions are not allowed in " + n
	}
	return "set-returning functions are not allowed here"
}

// noSubqueries is why subqueries are not allowed, "" where they are.
func (c clause) noSubqueries() string {
	switch c {
	case inDefault:
		return "cannot use subquery in DEFAULT expression"
	case inCheck:
		return "cannot use subquery in check constraint"
	case inIndex:
		return "cannot use subquery in index expression"
	case inPredicate:
		return "cannot use subquery in index predicate"
	case inPartitionKey:
		return "cannot use subquery in partition key expression"
	case inPartitionBound:
		return "cannot use subquery in partition bound"
	case inGenerated:
		return "cannot use subquery in column generation expression"
	case inTransform:
		return "cannot use subquery in transform expression"
	case inExecute:
		return "cannot use subquery in EXECUTE parameter"
	case inCall:
		return "cannot use subquery in CALL argument"
	case inCopyWhere:
		return "cannot use subquery in COPY FROM WHERE condition"
	case inTriggerWhen:
		return "cannot use subquery in trigger WHEN condition"
	}
	return ""
}

func (c clause) name() string {
	return map[clause]string{inSelect: "SELECT", inWhere: "WHERE", inHaving: "HAVING", inGroupBy: "GROUP BY", inOrderBy: "ORDER BY",
		inDistinctOn: "DISTINCT ON", inLimit: "LIMIT", inOffset: "OFFSET", inFilter: "FILTER", inValues: "VALUES",
		inUpdateSource: "UPDATE", inReturning: "RETURNING", inInsertTarget: "VALUES",
		inWindowPartition: "window PARTITION BY", inWindowOrder: "window ORDER BY", inFrameRange: "window RANGE",
		inFrameRows: "window ROWS", inFrameGroups: "window GROUPS", inMergeWhen: "MERGE WHEN conditions", inPolicy: "policy expressions"}[c]
}

// scope is a query level during analysis: PostgreSQL's ParseState.
type scope struct {
	*analyzer
	parent *scope
	q      *Query
	ns     []*nsItem
	clause clause
	// domainValue is the type of VALUE in a domain's CHECK.
	domainValue *types.Type
	// lateral says that lateral-only items of this scope may be seen, by an item of its own FROM.
	lateral bool
	// hidden are items that cannot be referenced and only serve hints: the target of INSERT.
	hidden []*nsItem
	ctes   []*cteEntry
	// returns is 1 plus the target's range-table entry in RETURNING; rowOnly says that the columns are those of a row at
	// hand, and not of one that is read.
	returns int
	rowOnly bool
	// windows are those of the WINDOW clause and of OVER so far; windowClause makes the query's Windows of them.
	windows []*parse.WindowDef
	// keepUnknown leaves unknown literals of the select list as they are, for INSERT and set operations.
	keepUnknown bool
	// conditional is "CASE" or "COALESCE" inside of one, where set-returning functions are refused.
	conditional string
}

// nsItem is a name in a FROM clause with its columns.
type nsItem struct {
	rel         int
	name        string // alias
	schema      string // schema of an unaliased relation, for schema.table.column
	cols        []nsCol
	table       *catalog.Table
	virtual     *VirtualTable
	relVisible  bool // name.column finds it
	colsVisible bool // column alone finds it
	lateralOnly bool
	lateralOK   bool
	nullable    bool // on the side of an outer join that may have no row
	bound       bool // cols are those of a view's creation
	funcScalar  bool // a function of one scalar column: its name is the column
	tree        bool // a table with those that inherit from it
}

// nsCol is a visible column; node is set for a merged column of a join, else it is a Var.
type nsCol struct {
	name string
	rel  int
	col  int
	typ  types.Type
	node expr.Node
	used *bool // set when a reference is made
	// noStar: * does not stand for it.
	noStar bool
}

func (a *analyzer) newScope(parent *scope) *scope {
	return &scope{analyzer: a, parent: parent, q: &Query{}}
}

// in sets the clause until the returned function is called.
func (s *scope) in(c clause) func() {
	old := s.clause
	s.clause = c
	return func() { s.clause = old }
}

// param makes a reference to a parameter.
func (s *scope) param(p *parse.ParamRef) (expr.Node, error) {
	if p.Literal {
		return s.literalParam(p), nil
	}
	if s.env.Variables != nil {
		if v := s.env.Variables.Numbered(p.Number); v != nil {
			return v.node(p.Loc()), nil
		}
		return nil, s.errorf(p.Loc(), pgerr.UndefinedParameter, "there is no parameter $%d", p.Number)
	}
	if s.env.NoParams || p.Number < 1 || p.Number > 65535 {
		return nil, s.errorf(p.Loc(), pgerr.UndefinedParameter, "there is no parameter $%d", p.Number)
	}
	for len(s.paramTypes) < p.Number {
		s.paramTypes = append(s.paramTypes, types.T(types.UnknownOid))
	}
	n := &expr.Param{Index: p.Number, Type: s.paramTypes[p.Number-1], Loc: p.Loc()}
	s.params = append(s.params, n)
	return n, nil
}

func (a *analyzer) literalParam(p *parse.ParamRef) *expr.Param {
	t := types.T(types.UnknownOid)
	switch p.LitKind {
	case parse.LitInt4:
		t = types.T(types.Int4Oid)
	case parse.LitInt8:
		t = types.T(types.Int8Oid)
	case parse.LitNumeric:
		t = types.T(types.NumericOid)
	}
	for len(a.literals) < p.Number {
		a.literals = append(a.literals, types.T(types.UnknownOid))
	}
	// The literal may be analysed again (BETWEEN does that to its operand): a type that it got stays.
	if have := a.literals[p.Number-1]; have.Oid == types.UnknownOid {
		a.literals[p.Number-1] = t
	}
	return &expr.Param{Index: a.env.LiteralBase + p.Number, Type: t, Loc: p.Loc()}
}

// typedParam gives a parameter of unknown type its type, where it is first used as one.
func (a *analyzer) typedParam(p *expr.Param, t types.Oid) (expr.Node, error) {
	if k := p.Index - a.env.LiteralBase; k >= 1 && k <= len(a.literals) {
		if have := a.literals[k-1].Oid; have != types.UnknownOid && have != t {
			return nil, a.unsupported(-1, "one literal of several types in a normalized statement")
		}
		a.literals[k-1] = types.T(t)
		return &expr.Param{Index: p.Index, Type: types.T(t), Loc: p.Loc}, nil
	}
	have := a.paramTypes[p.Index-1].Oid
	if have != types.UnknownOid && have != t {
		return nil, a.at(p.Loc, pgerr.New(pgerr.AmbiguousParameter, "inconsistent types deduced for parameter $%d", p.Index).
			WithDetail("%s versus %s", types.FormatType(types.T(have)), types.FormatType(types.T(t))))
	}
	a.paramTypes[p.Index-1] = types.T(t)
	p.Type = types.T(t)
	return p, nil
}

// checkParams refuses parameters whose type was never settled.
func (a *analyzer) checkParams() error {
	for _, p := range a.params {
		if a.paramTypes[p.Index-1].Oid == types.UnknownOid {
			return a.errorf(p.Loc, pgerr.IndeterminateDatatype, "could not determine data type of parameter $%d", p.Index)
		}
		if p.Type.Oid != a.paramTypes[p.Index-1].Oid {
			return a.errorf(p.Loc, pgerr.AmbiguousParameter, "could not determine data type of parameter $%d", p.Index)
		}
	}
	for i, t := range a.paramTypes {
		if t.Oid == types.UnknownOid {
			return a.errorf(-1, pgerr.IndeterminateDatatype, "could not determine data type of parameter $%d", i+1)
		}
	}
	return nil
}
