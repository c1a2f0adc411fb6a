package ddl

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Name is a possibly qualified name of an existing object. Schema is empty when it is to be found along the search path.
// Pos is the 1-based character position for error messages, 0 for none.
type Name struct {
	Schema string
	Name   string
	Pos    int
	// Only, of a table: those that inherit from it are not meant.
	Only bool
}

// String returns the name as PostgreSQL's messages print it: dotted, unquoted.
func (n Name) String() string {
	if n.Schema != "" {
		return n.Schema + "." + n.Name
	}
	return n.Name
}

// Expression is an analysed DEFAULT, CHECK or USING expression.
type Expression struct {
	// Text is what is stored: SQL that means the same whatever the search path is. Sequences in nextval and the like are
	// written by OID.
	Text string
	// Sequences are the sequences that the expression names.
	Sequences []catalog.Oid
	// Types are the user types that the expression names.
	Types []catalog.Oid
	// Functions are the users' functions that the expression calls.
	Functions []catalog.Oid
	// Columns are the names of the columns that it refers to, each once, in order of first use.
	Columns []string
}

// Deps are the objects that the expression depends on.
func (e *Expression) Deps() []catalog.Oid {
	return append(append(slices.Clip(e.Sequences), e.Types...), e.Functions...)
}

// named are the types and functions that the expression names.
func (e *Expression) named() []catalog.Oid { return append(slices.Clip(e.Types), e.Functions...) }

// ColumnSpec is a column of CREATE TABLE or ADD COLUMN, its column constraints folded into the table's.
type ColumnSpec struct {
	Name    string
	Type    types.Type
	NotNull bool
	// Default is nil for none, or for a column with Sequence.
	Default *Expression
	// Generated says that Default is a generation expression.
	Generated bool
	// Missing is the default's value in text form for the rows that exist when the column is added; NeedsRewrite says
	// that there is no one value (a volatile default, a serial or identity column).
	Missing      string
	HasMissing   bool
	NeedsRewrite bool
	// Fill is the value in the rows that exist where it is not the column's default: that of its domain.
	Fill string
	// Sequence is set for serial and identity columns: a sequence of this type is made and owned by the column.
	Sequence  *SequenceSpec
	Identity  catalog.Identity
	Collation catalog.Oid
	Comment   string
	Pos       int
	// InhCount and Inherited are catalog.Column's.
	InhCount  int
	Inherited bool
}

// ConstraintSpec is a table constraint; column constraints are given in this form too.
type ConstraintSpec struct {
	Name       string // empty: PostgreSQL's choice
	Type       catalog.ConstraintType
	Columns    []string // not of CHECK
	Check      *Expression
	NoInherit  bool
	Deferrable bool
	Deferred   bool
	NotValid   bool
	// UsingIndex is ADD CONSTRAINT … USING INDEX.
	UsingIndex string
	// Include and NullsNotDistinct are a key constraint's.
	Include          []string
	NullsNotDistinct bool
	FK               *ForeignKeySpec
	Exclude          *ExcludeSpec
	Comment          string
	Pos              int
	KeyPos           int // of a key constraint, in ALTER TABLE too
	// InhCount, Inherited and Parent are catalog.Constraint's, ParentIndex is catalog.Index's Parent.
	InhCount    int
	Inherited   bool
	Parent      catalog.Oid
	ParentIndex catalog.Oid
}

// ExcludeSpec is EXCLUDE: an index, and the operator of each of its columns.
type ExcludeSpec struct {
	Index     IndexSpec
	Operators []string
}

// ForeignKeySpec is REFERENCES.
type ForeignKeySpec struct {
	RefTable   Name
	RefColumns []string // nil: the primary key's
	Match      catalog.MatchType
	OnDelete   catalog.Action
	OnUpdate   catalog.Action
	SetColumns []string
}

// TableSpec is CREATE TABLE.
type TableSpec struct {
	Schema      string // empty: the first schema of the search path that exists
	Name        string
	IfNotExists bool
	Columns     []ColumnSpec
	Constraints []ConstraintSpec
	// OfType is catalog.Table's.
	OfType catalog.Oid
	// Parents are the tables of INHERITS, or the one of PARTITION OF, which has a Bound.
	Parents      []Name
	Bound        *BoundSpec
	Partitioning *PartitioningSpec
	// Indexes are made after the constraints (CREATE TABLE … (LIKE … INCLUDING INDEXES)).
	Indexes []IndexSpec
	// DistributionKey names the columns of WITH (distribution_key = 'a, b'); nil: the primary key.
	DistributionKey []string
	Persistence     catalog.Persistence
	OnCommit        catalog.OnCommit
	HasOnCommit     bool
	MatView         *catalog.MatView // CREATE MATERIALIZED VIEW
	Options         []string
	Comment         string
	Pos             int
}

// IndexSpec is CREATE INDEX. Its name lies in the table's schema.
type IndexSpec struct {
	Name        string // empty: PostgreSQL's choice
	Table       Name
	IfNotExists bool
	Unique      bool
	Method      string // "btree", "hash" or "gin"
	Columns     []IndexColumnSpec
	Include     []string
	// Predicate is the WHERE of a partial index; nil for none.
	Predicate        *Expression
	NullsNotDistinct bool
	Options          []string
	Comment          string
	Parent           catalog.Oid // catalog.Index's
}

// PartitioningSpec is PARTITION BY.
type PartitioningSpec struct {
	Strategy catalog.PartitionStrategy
	Keys     []PartitionKeySpec
}

// PartitionKeySpec is a column of a partition key: a table's column, or an expression.
type PartitionKeySpec struct {
	Name      Name
	Expr      *Expression
	Type      types.Type  // of Expr
	Collation catalog.Oid // 0: not given
	OpClass   string      // where it is not the type's default
}

// BoundSpec is a partition's bound. Pos is that of the whole; Positions are those of the values, From's before To's.
type BoundSpec struct {
	catalog.PartitionBound
	Pos       int
	Positions []int
}

// IndexColumnSpec is a key column of an index: a column's Name, or Expr.
type IndexColumnSpec struct {
	Name string
	// Expr is an expression of Type; Figured is the name that the expression suggests.
	Expr       *Expression
	Type       types.Type
	Figured    string
	Collation  catalog.Oid // where COLLATE says another than the column's or the type's
	Desc       bool
	NullsFirst bool
	OpClass    string // where it was given
}

// SequenceSpec holds a sequence's options; nil and empty mean "not given".
type SequenceSpec struct {
	Schema      string // of CREATE SEQUENCE and of an identity's SEQUENCE NAME
	Name        string
	IfNotExists bool
	Persistence catalog.Persistence
	Type        catalog.Oid // 0: bigint
	Increment   *int64
	Min, Max    *int64
	NoMin       bool
	NoMax       bool
	Start       *int64
	// Restart: RESTART; RestartWith its value, nil for the start value.
	Restart     bool
	RestartWith *int64
	Cache       *int64
	Cycle       *bool
	// OwnedBy is "NONE" (OwnedByNone) or a table and column.
	OwnedByNone   bool
	OwnedByTable  *Name
	OwnedByColumn string
}

// ViewOptions are the WITH parameters of a view.
type ViewOptions struct {
	Barrier, Invoker bool
	Options          []string // as given
}

// ViewSpec is CREATE VIEW.
type ViewSpec struct {
	Schema  string
	Name    string
	Replace bool
	Query   string
	Columns []catalog.Column // Name and Type; Num is filled in
	Deps    []catalog.ViewDep
	ViewOptions

	Persistence catalog.Persistence
}

// RoleSpec is CREATE and ALTER ROLE; nil means "not given".
type RoleSpec struct {
	Name        string
	Superuser   *bool
	Login       *bool
	Inherit     *bool
	CreateRole  *bool
	CreateDB    *bool
	Replication *bool
	BypassRLS   *bool
	ConnLimit   *int32
	ValidUntil  *string
	Password    *string // a verifier; empty removes it
	MemberOf    []string
	Members     []string
	Admins      []string // members WITH ADMIN OPTION
}

// Behavior is RESTRICT or CASCADE.
type Behavior uint8

// The behaviors of DROP and its kin.
const (
	Restrict Behavior = iota
	Cascade
)

// TypeChange is ALTER COLUMN … TYPE. Using is the conversion, over the table's columns; when it is nil the value is cast
// (in assignment context). ConvertedDefault is the column's default cast to the new type; nil where there is none.
type TypeChange struct {
	Type             types.Type
	Collation        catalog.Oid
	Using            *Expression
	ConvertedDefault *Expression
}
