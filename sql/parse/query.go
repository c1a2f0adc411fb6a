package parse

// RangeVar is a table by name.
type RangeVar struct {
	Catalog, Schema, Name string
	Inh                   bool // false for ONLY
	Persistence           Persistence
	Alias                 *Alias // nil for none
	Location
}

// String returns the dotted name, unquoted.
func (r *RangeVar) String() string {
	s := r.Name
	if r.Schema != "" {
		s = r.Schema + "." + s
	}
	if r.Catalog != "" {
		s = r.Catalog + "." + s
	}
	return s
}

// Persistence is a relation's, as pg_class.relpersistence spells it.
type Persistence byte

// The persistences.
const (
	Permanent Persistence = 'p'
	Unlogged  Persistence = 'u'
	Temporary Persistence = 't'
)

// JoinType is the kind of a JoinExpr.
type JoinType uint8

// Kinds of JoinExpr. A CROSS JOIN is an inner join without Quals and Using.
const (
	JoinInner JoinType = iota
	JoinLeft
	JoinFull
	JoinRight
)

// JoinExpr is a join of two FROM items.
type JoinExpr struct {
	Type       JoinType
	Natural    bool
	Larg, Rarg FromItem
	Using      []string // nil for none
	UsingAlias *Alias   // USING (…) AS alias
	Quals      Expr     // ON
	Alias      *Alias
}

// Loc returns the location of the left argument.
func (j *JoinExpr) Loc() int { return j.Larg.Loc() }

// RangeSubselect is a subquery in FROM. Alias may be nil, which PostgreSQL 15
// refuses (42601 "subquery in FROM must have an alias"); Parse does that.
type RangeSubselect struct {
	Lateral  bool
	Subquery Statement // *SelectStmt
	Alias    *Alias
	Location
}

// RangeFunctionItem is one function of a RangeFunction.
type RangeFunctionItem struct {
	Func    Expr         // *FuncCall, or another function-like expression
	Coldefs []*ColumnDef // AS (name type, …) within ROWS FROM
}

// RangeFunction is a function in FROM.
type RangeFunction struct {
	Lateral    bool
	Ordinality bool
	RowsFrom   bool // ROWS FROM (…)
	Functions  []RangeFunctionItem
	Alias      *Alias
	Coldefs    []*ColumnDef // AS alias (name type, …)
	Location
}

// RangeTableSample is relation TABLESAMPLE method (args) [REPEATABLE (seed)].
type RangeTableSample struct {
	Relation   FromItem
	Method     Name
	Args       []Expr
	Repeatable Expr
	Location
}

func (*RangeVar) fromItem()         {}
func (*JoinExpr) fromItem()         {}
func (*RangeSubselect) fromItem()   {}
func (*RangeFunction) fromItem()    {}
func (*RangeTableSample) fromItem() {}

// ResTarget is an entry of a select list or RETURNING (Name is its AS, ""
// none), a column of INSERT (Name, Indirection; Val nil), or an assignment of
// UPDATE (all three).
type ResTarget struct {
	Name        string
	Indirection []Subscript
	Val         Expr
	Location
}

// SortByDir is a sort direction.
type SortByDir uint8

// Directions of SortBy.
const (
	SortByDefault SortByDir = iota
	SortByAsc
	SortByDesc
	SortByUsing
)

// SortByNulls is NULLS FIRST or LAST.
type SortByNulls uint8

// Orders of nulls.
const (
	SortByNullsDefault SortByNulls = iota
	SortByNullsFirst
	SortByNullsLast
)

// SortBy is an element of ORDER BY.
type SortBy struct {
	Node  Expr
	Dir   SortByDir
	Nulls SortByNulls
	UseOp Name // USING operator
	Location
}

// Frame options of a WindowDef, as PostgreSQL's FRAMEOPTION_ bits.
const (
	FrameNonDefault              = 0x00001
	FrameRange                   = 0x00002
	FrameRows                    = 0x00004
	FrameGroups                  = 0x00008
	FrameBetween                 = 0x00010
	FrameStartUnboundedPreceding = 0x00020
	FrameEndUnboundedPreceding   = 0x00040
	FrameStartUnboundedFollowing = 0x00080
	FrameEndUnboundedFollowing   = 0x00100
	FrameStartCurrentRow         = 0x00200
	FrameEndCurrentRow           = 0x00400
	FrameStartOffsetPreceding    = 0x00800
	FrameEndOffsetPreceding      = 0x01000
	FrameStartOffsetFollowing    = 0x02000
	FrameEndOffsetFollowing      = 0x04000
	FrameExcludeCurrentRow       = 0x08000
	FrameExcludeGroup            = 0x10000
	FrameExcludeTies             = 0x20000
	FrameDefaults                = FrameRange | FrameStartUnboundedPreceding | FrameEndCurrentRow
)

// WindowDef is OVER (…), OVER name (Name set only), or an entry of WINDOW.
type WindowDef struct {
	Name         string // window's own name (WINDOW clause, or OVER name)
	Refname      string // window it copies
	Partition    []Expr
	Order        []*SortBy
	FrameOptions int
	StartOffset  Expr
	EndOffset    Expr
	Location
}

// GroupingSetKind is the kind of a GroupingSet.
type GroupingSetKind uint8

// Kinds of GroupingSet.
const (
	GroupingSetEmpty GroupingSetKind = iota
	GroupingSetRollup
	GroupingSetCube
	GroupingSetSets
	GroupingSetSimple // never from the parser
)

// GroupingSet is an element of GROUP BY with sets: ROLLUP, CUBE, GROUPING SETS
// or (). It appears as an Expr within SelectStmt.GroupClause and within
// another GroupingSet's Content, nowhere else.
type GroupingSet struct {
	Kind    GroupingSetKind
	Content []Expr
	Location
}

func (*GroupingSet) expr() {}

// SetOperation is UNION, INTERSECT or EXCEPT.
type SetOperation uint8

// Set operations.
const (
	SetOpNone SetOperation = iota
	SetOpUnion
	SetOpIntersect
	SetOpExcept
)

// LockClauseStrength is a row lock's strength, weakest first.
type LockClauseStrength uint8

// Strengths of LockingClause.
const (
	LockForKeyShare LockClauseStrength = iota + 1
	LockForShare
	LockForNoKeyUpdate
	LockForUpdate
)

// LockWaitPolicy is NOWAIT or SKIP LOCKED.
type LockWaitPolicy uint8

// Policies of LockingClause.
const (
	LockWaitBlock LockWaitPolicy = iota
	LockWaitSkip
	LockWaitError
)

// LockingClause is FOR UPDATE and its kin.
type LockingClause struct {
	Rels       []*RangeVar // OF; nil is all
	Strength   LockClauseStrength
	WaitPolicy LockWaitPolicy
}

// String is the strength as SQL spells it.
func (st LockClauseStrength) String() string {
	return [...]string{"", "FOR KEY SHARE", "FOR SHARE", "FOR NO KEY UPDATE", "FOR UPDATE"}[st]
}

// CTEMaterialize is [NOT] MATERIALIZED.
type CTEMaterialize uint8

// Materialization of a CommonTableExpr.
const (
	CTEMaterializeDefault CTEMaterialize = iota
	CTEMaterializeAlways
	CTEMaterializeNever
)

// CTESearchClause is SEARCH BREADTH|DEPTH FIRST BY … SET ….
type CTESearchClause struct {
	Columns      []string
	BreadthFirst bool
	SeqColumn    string
	Location
}

// CTECycleClause is CYCLE … SET … USING ….
type CTECycleClause struct {
	Columns     []string
	MarkColumn  string
	MarkValue   Expr
	MarkDefault Expr
	PathColumn  string
	Location
}

// CommonTableExpr is one WITH query.
type CommonTableExpr struct {
	Name         string
	Columns      []string // aliases; nil none
	Materialized CTEMaterialize
	Query        Statement // *SelectStmt, *InsertStmt, *UpdateStmt or *DeleteStmt
	Search       *CTESearchClause
	Cycle        *CTECycleClause
	Location
}

// WithClause is WITH [RECURSIVE] ….
type WithClause struct {
	CTEs      []*CommonTableExpr
	Recursive bool
	Location
}

// IntoClause is SELECT INTO's or CREATE TABLE AS's target.
type IntoClause struct {
	Rel            *RangeVar
	Columns        []string
	AccessMethod   string
	Options        []*DefElem
	OnCommit       OnCommitAction
	TableSpaceName string
	SkipData       bool // WITH NO DATA
}

// SelectStmt is SELECT, VALUES, TABLE, or a set operation (Op, Larg, Rarg).
//
// A leaf of VALUES has ValuesLists, or LiteralRows if the caller asked for
// them, and no TargetList.
type SelectStmt struct {
	Distinct      bool   // SELECT DISTINCT
	DistinctOn    []Expr // DISTINCT ON (…); Distinct is true too
	Into          *IntoClause
	TargetList    []*ResTarget
	FromClause    []FromItem
	WhereClause   Expr
	GroupClause   []Expr // may hold *GroupingSet
	GroupDistinct bool   // GROUP BY DISTINCT
	HavingClause  Expr
	WindowClause  []*WindowDef

	ValuesLists [][]Expr
	LiteralRows *LiteralRows

	SortClause    []*SortBy
	LimitOffset   Expr
	LimitCount    Expr // a null *Const for LIMIT ALL
	WithTies      bool // FETCH FIRST … WITH TIES
	LockingClause []*LockingClause
	With          *WithClause

	Op         SetOperation
	All        bool
	Larg, Rarg *SelectStmt
}

// InferClause is ON CONFLICT's target.
type InferClause struct {
	IndexElems  []*IndexElem
	WhereClause Expr
	Conname     string // ON CONSTRAINT
	Location
}

// OnConflictClause is ON CONFLICT DO NOTHING or DO UPDATE.
type OnConflictClause struct {
	Update      bool         // DO UPDATE
	Infer       *InferClause // nil without a target
	TargetList  []*ResTarget
	WhereClause Expr
	Location
}

// OverridingKind is INSERT's OVERRIDING.
type OverridingKind uint8

// Kinds of OVERRIDING.
const (
	OverridingNotSet OverridingKind = iota
	OverridingUserValue
	OverridingSystemValue
)

// InsertStmt is INSERT.
type InsertStmt struct {
	Relation   *RangeVar
	Cols       []*ResTarget // nil for all
	Select     *SelectStmt  // nil for DEFAULT VALUES
	OnConflict *OnConflictClause
	Returning  []*ResTarget
	With       *WithClause
	Override   OverridingKind
}

// DeleteStmt is DELETE.
type DeleteStmt struct {
	Relation    *RangeVar
	UsingClause []FromItem
	WhereClause Expr // may be *CurrentOfExpr
	Returning   []*ResTarget
	With        *WithClause
}

// UpdateStmt is UPDATE.
type UpdateStmt struct {
	Relation    *RangeVar
	TargetList  []*ResTarget
	WhereClause Expr // may be *CurrentOfExpr
	FromClause  []FromItem
	Returning   []*ResTarget
	With        *WithClause
}

// MergeAction is what a WHEN clause of MERGE does.
type MergeAction uint8

// Actions of MERGE.
const (
	MergeDoNothing MergeAction = iota
	MergeInsert
	MergeUpdate
	MergeDelete
)

// MergeWhenClause is WHEN [NOT] MATCHED [AND …] THEN ….
type MergeWhenClause struct {
	Matched    bool
	Action     MergeAction
	Override   OverridingKind
	Condition  Expr
	TargetList []*ResTarget
	Values     []Expr // of INSERT; nil for DEFAULT VALUES
}

// MergeStmt is MERGE.
type MergeStmt struct {
	Relation  *RangeVar
	Source    FromItem
	Condition Expr
	Whens     []*MergeWhenClause
	With      *WithClause
}

func (*SelectStmt) stmt() {}
func (*InsertStmt) stmt() {}
func (*DeleteStmt) stmt() {}
func (*UpdateStmt) stmt() {}
func (*MergeStmt) stmt()  {}
