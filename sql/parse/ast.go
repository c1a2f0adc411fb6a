package parse

import "strings"

// Statement is one SQL statement.
type Statement interface{ stmt() }

// Tagged is a Statement whose CommandComplete tag does not depend on its
// execution. (INSERT, UPDATE, SELECT and their kin append row counts.)
type Tagged interface {
	Statement
	// Tag returns the command tag, such as "CREATE TABLE".
	Tag() string
}

// Expr is an expression.
type Expr interface {
	expr()
	// Loc is the byte offset of the expression in the text given to Parse, or
	// -1 where PostgreSQL knows none. Position makes it an error position.
	Loc() int
}

// FromItem is an entry of a FROM clause.
type FromItem interface {
	fromItem()
	Loc() int
}

// TableElt is an element of CREATE TABLE's parentheses: *ColumnDef,
// *Constraint or *TableLikeClause.
type TableElt interface{ tableElt() }

// Location is a byte offset in the text given to Parse, -1 for none. Nodes
// embed it.
type Location int

// Loc returns the offset.
func (l Location) Loc() int { return int(l) }

// RawStmt is a statement with its place in the text.
type RawStmt struct {
	Stmt  Statement
	Start int    // byte offset of the statement in the text
	Len   int    // bytes, without the semicolon
	Text  string // the statement's own text
}

// Name is a possibly qualified name, outermost qualifier first, after case
// folding and truncation.
type Name []string

// String joins the parts with dots, unquoted, as PostgreSQL's
// NameListToString does for messages.
func (n Name) String() string { return strings.Join(n, ".") }

// Last returns the unqualified part, "" for an empty name.
func (n Name) Last() string {
	if len(n) == 0 {
		return ""
	}
	return n[len(n)-1]
}

// Schema returns the qualifier before the last part, or "".
func (n Name) Schema() string {
	if len(n) < 2 {
		return ""
	}
	return n[len(n)-2]
}

// RoleSpecType says how a RoleSpec names its role.
type RoleSpecType uint8

// The kinds of RoleSpec.
const (
	RoleSpecCString RoleSpecType = iota // by name
	RoleSpecCurrentRole
	RoleSpecCurrentUser
	RoleSpecSessionUser
	RoleSpecPublic
)

// RoleSpec names a role.
type RoleSpec struct {
	Type RoleSpecType
	Name string // only for RoleSpecCString
	Location
}

// DropBehavior is CASCADE or RESTRICT.
type DropBehavior uint8

// Behaviors of DROP and kin.
const (
	DropRestrict DropBehavior = iota
	DropCascade
)

// TypeName is a type as written.
type TypeName struct {
	Names       Name   // "pg_catalog","int4" for SQL's own spellings
	Setof       bool   // SETOF
	PctType     bool   // names a column: table.column%TYPE
	Typmods     []Expr // as written, unevaluated; nil none
	ArrayBounds []int  // one a dimension, -1 where not given; nil for a scalar
	Location
}

// IsSystem reports whether the type was spelled by one of SQL's keywords or
// as pg_catalog.name, and then is name.
func (t *TypeName) IsSystem(name string) bool {
	switch len(t.Names) {
	case 1:
		return t.Names[0] == name
	case 2:
		return t.Names[0] == "pg_catalog" && t.Names[1] == name
	}
	return false
}

// Alias is AS name (columns).
type Alias struct {
	Name    string
	Columns []string
}

// DefElemAction is the action of an option in ALTER … OPTIONS.
type DefElemAction uint8

// Actions of DefElem.
const (
	DefElemUnspec DefElemAction = iota
	DefElemSet
	DefElemAdd
	DefElemDrop
)

// DefArg is the value of a DefElem: a *Const (numbers, strings, booleans),
// *TypeName, NameList, NameArg, *RoleSpec, *ColumnDef, RangeVarArg, StarArg
// and so on.
type DefArg interface{ defArg() }

// DefElem is a generic option: name and value.
type DefElem struct {
	Namespace string
	Name      string
	Arg       DefArg // nil where none is given
	Action    DefElemAction
	Location
}

// NameArg is a bare or quoted string as an option's value (PostgreSQL's
// String node).
type NameArg string

// NameListArg is a list of names, as in OWNED BY a.b (dotted) or COPY's
// FORCE_QUOTE (a, b).
type NameListArg []string

// StarArg is a bare * as an option's value (FORCE_QUOTE *).
type StarArg struct{}

// RoleListArg is a list of roles, as in CREATE ROLE … IN ROLE a, b.
type RoleListArg []*RoleSpec

// SetArg is a SET clause within CREATE FUNCTION's options.
type SetArg struct{ Stmt *VariableSetStmt }

// OptionListArg is a parenthesised list of options.
type OptionListArg []*DefElem

func (*Const) defArg()        {}
func (*TypeName) defArg()     {}
func (*RoleSpec) defArg()     {}
func (NameArg) defArg()       {}
func (NameListArg) defArg()   {}
func (StarArg) defArg()       {}
func (RoleListArg) defArg()   {}
func (SetArg) defArg()        {}
func (OptionListArg) defArg() {}
