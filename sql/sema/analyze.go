// Package sema gives statements their meaning: it resolves names against a catalog snapshot and types against
// PostgreSQL's rules, and turns the syntax tree of sql/parse into a Query or a DML, whose expressions are the typed
// trees of sql/expr. It follows PostgreSQL's parse analysis, with its messages, hints and positions.
//
// Analyze is the entry point; AnalyzeExpr does a single expression, such as a DEFAULT or CHECK. Env is all that the
// analysis knows besides the statement.
package sema

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Env is what a statement is analysed against.
type Env struct {
	Catalog *catalog.Snapshot
	// SearchPath are schema names, first to last; pg_catalog is searched before them unless it is listed.
	SearchPath []string
	// Populate is a materialized view that the statement may write.
	Populate catalog.Oid
	// NoViews refuses views, as restrict_nonsystem_relation_kind asks.
	NoViews bool
	// Role is whose rights to look into schemas count; 0: everything may be named.
	Role catalog.Oid
	// Text is the statement's text, into which the tree's locations point; errors carry positions only if it is set.
	Text string
	// Virtual provides pg_catalog and information_schema; nil has none.
	Virtual VirtualTables
	// ParamTypes are the declared types of $1…; Oid 0 or UnknownOid, or a missing entry, is to be inferred.
	// The types found are in Analyzed's parameters.
	ParamTypes []types.Type
	// NoRowSecurity refuses statements that policies would restrict: row_security is off.
	NoRowSecurity bool
	// NoParams refuses $n (42P02), as in the simple protocol without bound values and in stored expressions.
	NoParams bool
	// LiteralBase is where the literals that parse.Normalize took out begin among the parameters: literal k (from 1)
	// becomes the Param of Index LiteralBase+k. It is at least the number of the statement's own parameters.
	LiteralBase int
	// IOEnv are the settings for reading literals; nil means types.DefaultIOEnv.
	IOEnv *types.IOEnv
	// Bound says of a view's text what its names stand for, whatever the objects are called by now.
	Bound []catalog.ViewDep
	// AsWritten leaves the arguments that calls leave out, for who looks for what a text names.
	AsWritten bool
	// Function says what the parameters of the function are called whose body is analysed; nil outside of bodies.
	Function *FunctionScope
	// Variables are those of the function of a procedural language whose statement is analysed; nil for others.
	Variables Variables
	// Product asks not for the statement but for the action, counted from 1, of one of the rules that stand beside it: see
	// Analyzed.Products. 0: the statement.
	Product int
	// Print asks for a tree that is printed again: joins keep what they were written with, ROWS FROM its functions, and a
	// whole row is marked as one. It is not planned.
	Print bool
}

// VirtualTables provides the system relations.
type VirtualTables interface {
	// Lookup returns the system relation of a schema ("pg_catalog" or "information_schema"), or nil.
	Lookup(schema, name string) *VirtualTable
}

// Analyzed is a statement with its meaning: exactly one of Query and DML is set.
type Analyzed struct {
	Query *Query
	DML   *DML
	// Params are the types of $1 to the highest that occurs; Literals those of Normalize's literals, to which the session
	// converts their texts (types.ParseText; its errors are the statement's).
	Params   []types.Type
	Literals []types.Type
	// Tables are the tables that the statement reads or writes, views expanded, without duplicates. A plan is valid as
	// long as their versions are.
	Tables []*catalog.Table
	// Keys are the primary keys by which columns need no grouping: without them the statement would be an error.
	Keys []catalog.Oid
	// Virtual says that virtual tables are read, whose content follows the catalog.
	Virtual bool
	// Products is how many actions of rules are to be done beside the statement: behind an INSERT, and before an UPDATE or
	// DELETE. Env.Product analyses them.
	Products int
	// Permissions are what the statement must be allowed at each execution.
	Permissions *Permissions
	// RowSecurity says that a relation has row-level security, so that another role may mean another statement by the same text.
	RowSecurity bool
}

// Columns returns the result columns of the statement: the visible targets of a query or RETURNING.
func (a *Analyzed) Columns() []Target {
	if a.DML != nil {
		return a.DML.Returning
	}
	var out []Target
	for _, t := range a.Query.Targets {
		if !t.Junk {
			out = append(out, t)
		}
	}
	return out
}

// Analyze gives a SELECT, VALUES, INSERT, UPDATE, DELETE or MERGE its meaning. Errors are *pgerr.Error.
func Analyze(stmt parse.Statement, env *Env) (*Analyzed, error) {
	a := newAnalyzer(env)
	out := &Analyzed{}
	var err error
	switch s := stmt.(type) {
	case *parse.SelectStmt:
		out.Query, err = a.topQuery(s)
	case *parse.InsertStmt:
		out.DML, err = a.insert(s, nil)
	case *parse.UpdateStmt:
		out.DML, err = a.update(s, nil)
	case *parse.DeleteStmt:
		out.DML, err = a.delete(s, nil)
	case *parse.MergeStmt:
		out.DML, err = a.merge(s)
	default:
		err = pgerr.Internal("statement %T has no analysis", stmt)
	}
	if err == nil {
		err = a.checkParams()
	}
	if err != nil {
		return nil, a.positioned(err)
	}
	out.Params, out.Literals, out.Tables, out.Virtual = a.paramTypes, a.literals, a.tables, a.usesVirtual
	if env.Variables != nil {
		out.Params = env.Variables.Types()
	}
	out.Keys, out.Products = a.keys, a.products
	out.Permissions = permissions(out)
	if err := a.secure(out); err != nil {
		return nil, a.positioned(err)
	}
	return out, nil
}

// ExprKind is what an expression outside of a query is for.
type ExprKind uint8

// The kinds of expressions.
const (
	DefaultExpr         ExprKind = iota // a column's DEFAULT: no columns
	CheckExpr                           // a table's CHECK
	IndexExpr                           // an index's expression
	TransformExpr                       // USING of ALTER COLUMN TYPE
	StandaloneExpr                      // an argument of a utility statement: no columns
	CopyWhereExpr                       // WHERE of COPY FROM
	ExecuteExpr                         // a parameter of EXECUTE: no columns
	DomainCheckExpr                     // a domain's CHECK: VALUE is Column 0, of type Type
	GeneratedExpr                       // the expression of a generated column: the table's other columns
	PredicateExpr                       // the predicate of a partial index
	PartitionKeyExpr                    // an expression of a partition key
	FunctionDefaultExpr                 // the default of a function's parameter: no columns
	PartitionBoundExpr                  // a value of a partition's bound: no columns; Type is as StandaloneExpr's
)

// ExprScope is what an expression outside of a query may refer to.
type ExprScope struct {
	Kind  ExprKind
	Table *catalog.Table // its columns are Var{Rel: 0, Col: attnum-1}; nil for none
	// Column, for DefaultExpr and GeneratedExpr, is the column assigned to: the expression is cast to Type in assignment context. For
	// StandaloneExpr, Type alone does that if its OID is not 0.
	Column string
	// Param is the number of the parameter, for ExecuteExpr.
	Param int
	Type  types.Type
}

// AnalyzeExpr gives an expression its meaning.
func AnalyzeExpr(e parse.Expr, scope ExprScope, env *Env) (expr.Node, error) {
	a := newAnalyzer(env)
	a.kept = true
	n, err := a.standalone(e, scope)
	if err != nil {
		return nil, a.positioned(err)
	}
	return n, nil
}

// ResolveType returns the type that a type name stands for.
func ResolveType(t *parse.TypeName, env *Env) (types.Type, error) {
	a := newAnalyzer(env)
	typ, err := a.typeName(t)
	if err != nil {
		return typ, a.positioned(err)
	}
	return typ, nil
}
