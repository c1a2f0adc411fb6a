package sema

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Query is an analysed SELECT, VALUES or set operation: PostgreSQL's Query, without the parts that plain reading needs
// not. All names are resolved and all types settled.
type Query struct {
	// CTEs in WITH order; a range-table entry of kind RTECTE points into the list of the query that defines it.
	CTEs []*CTE
	// RecursiveWith is set where WITH RECURSIVE was written.
	RecursiveWith bool
	// Rels is the range table; expr.Var.Rel indexes it.
	Rels []*RTE
	// From is the join tree; nil for a query without FROM.
	From  JoinNode
	Where expr.Node
	// GroupBy lists the grouping expressions; GroupingSets, when not nil, lists sets of positions in GroupBy, the shortest
	// first. GroupingTree is how they were written, for those who print it again.
	GroupBy       []expr.Node
	GroupingSets  [][]int
	GroupingTree  []*GroupingSet
	GroupDistinct bool
	Having        expr.Node
	HasAggs       bool // GROUPING counts
	HasSRFs       bool
	// Windows are what WindowFuncs in Targets refer to, unused ones of the WINDOW clause too.
	Windows    []Window
	HasWindows bool
	Targets    []Target
	// Distinct: DISTINCT over all visible targets; DistinctOn: positions in Targets.
	Distinct   bool
	DistinctOn []int
	OrderBy    []OrderKey
	Limit      expr.Node
	Offset     expr.Node
	WithTies   bool
	Locking    []Locking
	// Values holds the rows of a VALUES query; LiteralRows the compact form of long literal lists, already in columns.
	Values      [][]expr.Node
	LiteralRows *types.Batch
	// SetOp is set for UNION, INTERSECT and EXCEPT; Targets then describe the output columns.
	SetOp *SetOp
	// runAs is the owner of the view in whose expression the query is a subquery, where it is not the view's own query.
	runAs catalog.Oid
}

// Target is a select-list entry. Junk ones serve ORDER BY or DISTINCT ON only and are not returned. Table and Col tell
// the client where a plain column comes from (RowDescription); zero otherwise. Group is 1 + the position in GroupBy of the
// grouping expression that the entry is; 0 for none. Equal entries may be different ones.
type Target struct {
	Expr  expr.Node
	Name  string
	Junk  bool
	Group int
	Table catalog.Oid
	Col   catalog.AttNum
	// Collation is 0 for the type's; NoCollation: none could be determined.
	Collation catalog.Oid
}

// OrderKey sorts by Targets[Target].
type OrderKey struct {
	Target     int
	Desc       bool
	NullsFirst bool
}

// SetOpKind is the operator of a SetOp.
type SetOpKind uint8

// The set operations.
const (
	Union SetOpKind = iota
	Intersect
	Except
)

// SetOp combines two queries whose columns were cast to common types.
type SetOp struct {
	Kind        SetOpKind
	All         bool
	Left, Right *Query
}

// CTE is a WITH query. DML is set instead of Query for a data-modifying one.
type CTE struct {
	Name         string
	Query        *Query
	DML          *DML
	Columns      []Column
	Recursive    bool
	Aliases      []string // column names as written
	Materialized *bool    // as written: nil when left to the planner
	// Search and Cycle add columns after Columns; the planner rewrites Query to compute them.
	Search *SearchClause
	Cycle  *CycleClause
	Refs   int
}

// Column is a named output column.
type Column struct {
	Name      string
	Type      types.Type
	Collation catalog.Oid // 0: the type's; NoCollation: none could be determined
}

// RTEKind is what a range-table entry stands for.
type RTEKind uint8

// The kinds of range-table entries.
const (
	RTETable     RTEKind = iota // Table
	RTESubquery                 // Query (also views)
	RTEFunction                 // Func: a set-returning or scalar function in FROM
	RTECTE                      // CTE
	RTEValues                   // Query holding Values
	RTEJoin                     // of a tree that is printed: a join, with the columns JoinCols
	RTECatalog                  // Virtual: a pg_catalog or information_schema relation
	RTEWorkTable                // the recursive reference inside a recursive CTE
)

// RTE is a range-table entry. Columns of an RTETable are the table's columns by attribute number, dropped and hidden
// ones included at their place, so that expr.Var.Col == attnum-1.
type RTE struct {
	Kind    RTEKind
	Alias   string
	Columns []Column
	Table   *catalog.Table
	Only    bool             // of an RTETable: ONLY was written
	Tree    []*catalog.Table // of an RTETable: see scope.expand
	Inner   []*catalog.Table // the partitioned tables of Tree, which have no rows
	Own     []expr.Node      // conditions for each table of Tree, over its own columns; nil: none
	Sample  *TableSample     // of an RTETable
	// Security are the conditions of policies: they decide which rows there are before any other condition sees one.
	Security   []expr.Node
	Query      *Query
	Lateral    bool
	Func       expr.Node
	Ordinality bool
	RowsFrom   bool // Query stands for several functions of ROWS FROM
	CTE        *CTE
	JoinCols   []expr.Node
	Virtual    *VirtualTable
	// How the entry was written, for those who print it again: the alias, nil for none, and the view that Query stands for.
	Written *parse.Alias
	View    *catalog.View
	// Known are the columns' names in a view's text, nil for what they are; later columns were added since.
	Known []string
	// Funcs and Shape are of trees that are printed alone: the functions of an RTEFunction, and where the columns of an
	// RTEJoin come from.
	Funcs []FromFunc
	Shape *JoinShape
}

// FromFunc is a function in FROM with its column definition list, nil for none.
type FromFunc struct {
	Call    expr.Node
	Columns []expr.RecordColumn
}

// JoinShape says where the columns of a join come from. The first len(Using) are those that USING or NATURAL merged; the
// left side's others follow, and the right side's.
type JoinShape struct {
	Left, Right int      // the range-table entries of the sides, as written
	Using       []string // the merged columns
	UsingAlias  string
	Natural     bool // NATURAL that merged nothing
	// LeftCols and RightCols are the columns' places among those of the sides; -1 where a column is not of that side.
	LeftCols, RightCols []int
	// Computed says of a merged column that it is neither side's own: both sides' values, or a converted one.
	Computed []bool
}

// VirtualTable is a system relation served from the catalog snapshot, or a sequence read as a table. Rows are made by
// catalog/pgcat at execution; the analysis needs name, OID and columns only.
type VirtualTable struct {
	OID     catalog.Oid
	Schema  string
	Name    string
	Columns []Column
	// Closed says that PUBLIC may not read it; View, that messages call it a view.
	Closed, View bool
}

// JoinNode is RelRef or *Join.
type JoinNode interface{ joinNode() }

// RelRef is a leaf of the join tree: Query.Rels[Rel].
type RelRef struct{ Rel int }

// JoinKind is the kind of a join; a right join was turned into a left one.
type JoinKind uint8

// The join kinds.
const (
	InnerJoin JoinKind = iota
	LeftJoin
	FullJoin
	CrossJoin
)

// Join is a node of the join tree; commas in FROM are cross joins.
type Join struct {
	Kind        JoinKind
	Left, Right JoinNode
	On          expr.Node // nil for a cross join
	// How the join was written, for those who print it again: as a comma; as a right join, its sides swapped since; and in a
	// tree that is printed, its own range-table entry.
	Comma, Swapped bool
	Entry          int
}

func (RelRef) joinNode() {}
func (*Join) joinNode()  {}

// Locking is FOR UPDATE and its like on range-table entries.
type Locking struct {
	Rels       []int
	Strength   LockStrength
	NoWait     bool
	SkipLocked bool
}

// LockStrength is the strength of a locking clause.
type LockStrength uint8

// The strengths.
const (
	ForKeyShare LockStrength = iota
	ForShare
	ForNoKeyUpdate
	ForUpdate
)

// String is the clause as it is written.
func (l LockStrength) String() string {
	return [...]string{"FOR KEY SHARE", "FOR SHARE", "FOR NO KEY UPDATE", "FOR UPDATE"}[l]
}

// DMLKind is INSERT, UPDATE, DELETE or MERGE.
type DMLKind uint8

// The DML kinds.
const (
	Insert DMLKind = iota
	Update
	Delete
	Merge
)

// DML is an analysed INSERT, UPDATE, DELETE or MERGE. The target table is Rels[Target] of Source for all but INSERT (and of
// the scope in which Returning is resolved for INSERT).
type DML struct {
	Kind  DMLKind
	CTEs  []*CTE
	Table *catalog.Table
	Alias string
	// Source yields the rows. INSERT: one column per entry of Columns, already cast to the column's type (assignment);
	// defaults of columns left out are in Defaults. UPDATE/DELETE: a query over the target (range-table entry Target) and
	// the FROM/USING items with WHERE; its Targets are, for UPDATE, the new values parallel to Columns.
	// MERGE: the source joined to the target, inner where only rows with a match matter, else by a left join.
	Source *Query
	Target int
	// Actions are the WHEN clauses of MERGE.
	Actions []MergeAction
	// Columns are the attribute numbers assigned.
	Columns []catalog.AttNum
	// Defaults maps the table's other columns (INSERT), by attnum-1, to their default expressions; nil: NULL.
	Defaults []expr.Node
	// Generated are the table's generated columns, for Insert and Update, over Var{Rel: 0, Col: attnum-1}.
	Generated []GeneratedColumn
	// Checks are the table's CHECK constraints over Var{Rel: 0, Col: attnum-1}.
	Checks []CheckConstraint
	// ViewChecks are those of WITH CHECK OPTION, in the order in which they are judged.
	ViewChecks []ViewCheck
	// RowChecks are the conditions of policies on new rows, judged before constraints.
	RowChecks []RowCheck
	// Leaves are, where the target is a tree of tables, those that rows are written to, with their own checks (Checks is
	// empty then); nil: Table alone.
	Leaves []Leaf
	// Route are the partitioned tables that decide where rows go: those above and below Table.
	Route []*catalog.Table
	// Conflict is ON CONFLICT of INSERT.
	Conflict *OnConflict
	// Returning is over Rels of ReturningRels: entry 0 is the target's new (DELETE: old) row, then the FROM/USING items
	// at their range-table places.
	Returning []Target
	// Overriding is 's' (SYSTEM VALUE), 'u' (USER VALUE) or 0.
	Overriding byte
	// OneRow says of the INSERT of a rule's action that Source is its VALUES.
	OneRow bool
	// Nothing is said of a statement in whose place a rule does nothing; it has no Source.
	Nothing bool
	// target is what the statement named.
	target *dmlTarget
	ruled  *ruledStatement
	// Instead is set for a statement on a view that its INSTEAD OF triggers carry out; Table then only names its columns.
	Instead *InsteadOf
}

// GeneratedColumn is a column with the expression that it is computed by.
type GeneratedColumn struct {
	Num  catalog.AttNum
	Expr expr.Node
}

// RowCheck is what row-level security demands of a row, over the table as entry 0.
type RowCheck struct {
	Policy string // "" for the permissive ones together
	Expr   expr.Node
}

// Leaf is a table of the tree that a DML statement's target stands for, with its checks over its own columns.
type Leaf struct {
	Table     *catalog.Table
	Generated []GeneratedColumn
	Checks    []CheckConstraint
}

// CheckConstraint is a compiled CHECK.
type CheckConstraint struct {
	Name string
	Expr expr.Node
}

// OnConflict is ON CONFLICT. Arbiters are unique indexes; empty with DO NOTHING without a target: all of the table's.
// Set expressions are over Var{Rel: 0} the existing row and Var{Rel: 1} the excluded row.
type OnConflict struct {
	DoNothing bool
	// RowChecks are those of policies on the row that UPDATE makes, ConflictChecks on the one that it finds.
	RowChecks, ConflictChecks []RowCheck

	Arbiters []*catalog.Index
	Columns  []catalog.AttNum
	Set      []expr.Node
	Where    expr.Node
}
