package planner

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Env is what planning needs beside the statement.
type Env struct {
	// RowCount estimates the rows of a table; nil, or a negative answer: unknown. It must be cheap.
	RowCount func(*catalog.Table) int64
	// Statistics are what ANALYZE found out about a table, nil for nothing. nil: nothing is known of any.
	Statistics func(*catalog.Table) *catalog.TableStats
	// Groups is the number of data groups, for EXPLAIN and for estimates; 0: unknown.
	Groups int
	// Methods are the joins that are not wanted. HashBytes is the memory of a hash table, 0 where it is not known.
	Methods   Methods
	HashBytes int64
	// Snapshot is the one that the plan will read at, 0 for one that is drawn later: indexes filled after it are not used.
	Snapshot topo.Timestamp
	// Catalog is that of the statement, for the expressions of indexes; nil: they are not used.
	Catalog *catalog.Snapshot
	// Params are the values of the parameters that the plan is for and no others; nil: any.
	Params []types.Datum
	// ConstraintWork lists, for EXPLAIN, the constraint work that a DML statement on the table entails: one line each
	// ("FK check child_parent_fkey on parent", "Cascade delete on child by child_parent_id_idx"). nil: none.
	ConstraintWork func(*catalog.Table, sema.DMLKind, []catalog.AttNum) []string
}

// Kind is what a plan does at its top.
type Kind uint8

// The kinds of plans.
const (
	Select Kind = iota
	Insert
	Update
	Delete
	Merge
)

// TableUse is what a plan does with a table's rows, the strongest of it.
type TableUse uint8

// The uses of tables.
const (
	TableRead    TableUse = iota
	TableLocked           // by FOR UPDATE and the like
	TableWritten          // the target of INSERT, UPDATE, DELETE or MERGE, or a part of it
)

// Plan is a physical plan. It is immutable, holds no parameter values and may run any number of times, at once too.
type Plan struct {
	Kind Kind
	// Uncounted says that a rule's action is in the place of a statement of another kind: the rows that it writes are not
	// counted for it.
	Uncounted bool
	// Nothing says that a rule did away with the statement.
	Nothing bool
	Root    Node
	// Columns describe the rows returned; nil for a DML statement without RETURNING.
	Columns []Output
	// Tables are all tables read or written, each once.
	Tables []*catalog.Table
	// Versions are the version tags of Tables, Uses what becomes of them.
	Versions []topo.TableVersion
	Uses     []TableUse
	// Writes is set when the plan has DML or row locks anywhere: it cannot run in a READ ONLY transaction.
	Writes bool
	// Locks is set when the plan takes row locks by FOR UPDATE and the like.
	Locks bool
	// Point, if set, is all that the plan does: one row read by its key.
	Point *PointRead
	// CTEs is the number of materialised CTEs, Nodes that of nodes: they size the runtime's tables.
	CTEs  int
	Nodes int
	// Subplans is the number of subplans.
	Subplans int
	// WantsLiterals says that an index might have served the statement had a parameter been a literal: the predicate of a
	// partial index is implied, and the expression of another recognised, by constants alone.
	WantsLiterals bool
	// WantsValues says that the values of parameters would have changed estimates.
	WantsValues bool
	// Since is the oldest snapshot that all indexes of the plan are whole for.
	Since topo.Timestamp
	// Failed is the error of a constant part of an expression; the plan cannot be opened, nor explained. A statement that
	// is only prepared does not report it.
	Failed error
	// Env that the plan was made in; EXPLAIN reads it.
	env *Env
	// stats are what was known of Tables.
	stats []*catalog.TableStats
	cost  float64
}

// Cost is the estimate of what the plan costs in all, in PostgreSQL's units.
func (p *Plan) Cost() float64 { return p.cost }

// EstimatesHold reports whether what is known of the tables is what the plan was made by; now is as in Env.
func (p *Plan) EstimatesHold(now func(*catalog.Table) *catalog.TableStats) bool {
	if p == nil || now == nil {
		return true
	}
	for i, st := range p.stats {
		if now(p.Tables[i]) != st {
			return false
		}
	}
	return true
}

// Output is a column of a result.
type Output struct {
	Name  string
	Type  types.Type
	Table catalog.Oid    // of a plain column; else 0
	Col   catalog.AttNum // of a plain column; else 0
}

// Scalar is an expression ready to run over rows of its operator's input.
type Scalar struct {
	*expr.Compiled
	Node expr.Node // over Columns
	From expr.Node // as analysed, over Vars; for EXPLAIN
	Type types.Type
}

// Node is a physical operator.
type Node interface {
	// Base returns what all nodes share.
	Base() *Props
	// Inputs are the nodes it pulls from.
	Inputs() []Node
}

// Props is what all nodes share.
type Props struct {
	ID    int          // dense within the plan
	Types []types.Type // of the output columns
	Rows  float64      // estimate
}

// Base returns p.
func (p *Props) Base() *Props { return p }

// Bound is one end of a key range.
type Bound struct {
	Value     *Scalar
	Inclusive bool
}

// Access says which keys of a table are read. Its scalars have no input row: they use constants, parameters and outer
// values, and are evaluated at execution. In a LookupJoin, Eq is over the outer row instead.
type Access struct {
	// Index is the index used; nil: the rows themselves, by their key or all of them.
	Index *catalog.Index
	// Columns are the key's columns in key order: those of Index, or the table's KeyColumns.
	Columns []catalog.IndexColumn
	// Eq holds the values of the leading columns. In, if set, is an array: column len(Eq) equals one of its elements.
	// Otherwise Lo and Hi bound column len(Eq).
	Eq     []*Scalar
	In     *Scalar
	Lo, Hi *Bound
	// NotNull drops the NULLs of column len(Eq), which lie inside a range open at that end.
	NotNull bool
	// Point: Eq and In cover a unique key, so that each key finds at most one row.
	Point bool
	// Dist are positions in Eq of the table's distribution columns (len(Eq) stands for In), so that the groups are known
	// from the key; nil: the rows may be in any group.
	Dist []int
	// IndexOnly: the entries of Index hold all columns that are put out (EntryColumn); no rows are read.
	IndexOnly bool
	// Ordered: the rows come in key order over all groups, from the end when Reverse.
	Ordered, Reverse bool
	// Never: the condition is a contradiction.
	Never bool
	// Gin are conditions that Index, a GIN index, narrows the rows down for: those come for which all of them may be true.
	// Filter, or the condition of the join that the scan is run for, has the conditions again. TableRows is the estimate of
	// the table's rows: where an execution finds the keys in too many of them, it reads the table instead.
	Gin       []GinCond
	TableRows float64
}

// GinCond is a condition "key Op Query" on a key column of a GIN index.
type GinCond struct {
	Column int // in Access.Columns
	Op     string
	Query  *Scalar
}

// FullScan reports whether the access reads the whole table.
func (a *Access) FullScan() bool { return a.Index == nil && a.Unbounded() }

// Unbounded reports whether the access reads all rows, or all entries of its index.
func (a *Access) Unbounded() bool {
	return len(a.Eq) == 0 && a.In == nil && a.Lo == nil && a.Hi == nil && a.Gin == nil && !a.NotNull && !a.Never
}

// SystemColumns is the number of columns that a scan with RowRef appends: the row's key (bytea), its group (int8) and
// its version's timestamp (int8, 0 for the transaction's own).
const SystemColumns = 3

// Scan reads a table.
type Scan struct {
	Props
	Table  *catalog.Table
	Alias  string
	Access Access
	// Cols are the attribute numbers put out; with RowRef the SystemColumns follow.
	Cols   []catalog.AttNum
	RowRef bool
	// Xmin: xmin (xid) follows the Cols, before the SystemColumns.
	Xmin bool
	// Filter is over Cols; nil: none.
	Filter *Scalar
	// FilterCols are the positions in Cols that Filter reads; they are decoded first.
	FilterCols []int
	Read       float64 // estimate of the rows read, of which Filter keeps some
}

// PointRead is a plan that reads one row by its row key and puts out plain columns of it.
type PointRead struct {
	Scan *Scan
	// Cols are the attribute numbers put out.
	Cols []catalog.AttNum
	// KeyIsDist says that the key columns are the distribution columns, in the same order.
	KeyIsDist bool
}

// VirtualScan reads a pg_catalog or information_schema relation.
type VirtualScan struct {
	Props
	Table *sema.VirtualTable
	Cols  []int // columns put out
}

// Values computes rows from expressions without input; no columns and one row for a SELECT without FROM.
type Values struct {
	Props
	Rows [][]*Scalar
}

// LiteralRows puts out a batch of literals.
type LiteralRows struct {
	Props
	Batch *types.Batch
}

// Filter keeps the rows for which Cond is true. A Cond without input columns is evaluated once, before the input.
type Filter struct {
	Props
	Input   Node
	Cond    *Scalar
	OneTime bool
}

// Sample keeps the rows that TABLESAMPLE chooses. Key is the input column with the rows' keys.
type Sample struct {
	Props
	Input   Node
	Key     int
	System  bool
	Percent *Scalar
	Seed    *Scalar // nil without REPEATABLE
}

// Project computes columns. Passing is set when all are plain input columns: their positions. ByRow says that several
// are volatile, or that one calls a volatile function of a user: each row is computed as a whole before the next, and none
// before it is wanted, since what one does the other may see.
type Project struct {
	Props
	Input   Node
	Exprs   []*Scalar
	Passing []int
	ByRow   bool
}

// ProjectSet computes columns of which some are set-returning: one output row per element of the longest set, the
// shorter ones filled with NULL.
type ProjectSet struct {
	Props
	Input Node
	Items []SetItem
}

// SetItem is a column of a ProjectSet: Set when it is a set-returning call with Args over the input, else Expr.
type SetItem struct {
	Expr *Scalar
	Set  *expr.SetReturning
	Args []*Scalar
}

// FunctionScan runs a function in FROM. Set is nil for a scalar function, which yields one row.
type FunctionScan struct {
	Props
	Set        *expr.SetReturning
	Args       []*Scalar
	Expr       *Scalar
	Width      int // columns of the function's rows
	Ordinality bool
}

// JoinType is what a join puts out.
type JoinType uint8

// The join types. Semi and Anti put out left rows with and without a match; NullAnti is NOT IN: a NULL on either side of
// the comparison makes the row vanish unless the right side is empty.
const (
	Inner JoinType = iota
	LeftOuter
	FullOuter
	Semi
	Anti
	NullAnti
)

// HashJoin builds a hash table of Right and probes it with Left. Output: the columns Out of left ++ right.
type HashJoin struct {
	Props
	Type        JoinType
	Left, Right Node
	LeftKeys    []*Scalar
	RightKeys   []*Scalar
	KeyTypes    []types.Type // under which keys are hashed and compared
	// Cond is the residual condition over left ++ right; nil: none.
	Cond *Scalar
	Out  []int
	// Lookup, if set, does the same by reading Right by key; it is taken when Left turns out to have at most LookupRows
	// rows.
	Lookup     *LookupJoin
	LookupRows int
	// Swapped: the sides were exchanged so that the smaller is built (EXPLAIN only).
	Swapped bool
}

// MergeJoin joins two inputs that come sorted by its keys. Output: left ++ right, of Semi and Anti left alone.
type MergeJoin struct {
	Props
	Type        JoinType
	Left, Right Node
	LeftKeys    []*Scalar
	RightKeys   []*Scalar
	Keys        []SortKey // type and direction of each
	Cond        *Scalar   // the residual condition over left ++ right; nil: none
}

// LookupJoin reads, for each batch of Left, the rows of a table whose key equals Access.Eq (over left rows).
// Inner is the table's scan (its Filter applies to the rows read); output as in HashJoin.
type LookupJoin struct {
	Props
	Type  JoinType
	Left  Node
	Inner *Scan // Access.Eq over left's columns
	Cond  *Scalar
	Out   []int
}

// NestLoop compares every pair. Right is read once and kept, unless Lateral: then it runs for each left row with Args
// (over the left row) as outer values.
type NestLoop struct {
	Props
	Type        JoinType
	Left, Right Node
	Cond        *Scalar
	Out         []int
	Lateral     bool
	Args        []*Scalar
}

// Aggregate groups by Keys and computes Aggs; output: keys, then aggregates, then one int4 column for each GROUPING().
type Aggregate struct {
	Props
	Input Node
	Keys  []*Scalar
	Aggs  []Agg
	// Sets are the grouping sets as positions in Keys; nil: one set of all keys.
	Sets [][]int
	// Groupings are the arguments of GROUPING calls, as positions in Keys.
	Groupings [][]int
	// Parallel: workers aggregate parts of the input and their tables are merged.
	Parallel bool
	// Sorted: the rows of a group come one after the other, and the groups go out in their order.
	Sorted bool
}

// Agg is one aggregate of an Aggregate.
type Agg struct {
	Fn       *expr.AggFunction
	Args     []*Scalar
	Distinct bool
	OrderBy  []SortKey // Col is one of Args, Expr is over the input
	Filter   *Scalar
	Direct   []*Scalar // over the group's keys: direct arguments of an ordered-set aggregate
	Type     types.Type
}

// SortKey sorts by a column or an expression.
type SortKey struct {
	Col        int     // when Expr is nil
	Expr       *Scalar // over the input
	Type       types.Type
	Desc       bool
	NullsFirst bool
}

// Sort sorts; with Limit set (and Offset), only the first Limit+Offset rows are kept. The rows come sorted by the first
// Presorted keys already, so that those which agree in them are sorted by themselves; Runs estimates how many such runs
// there are.
type Sort struct {
	Props
	Input     Node
	Keys      []SortKey
	Limit     *Scalar
	Off       *Scalar
	Presorted int
	Runs      float64
}

// Limit is LIMIT/OFFSET. With Ties, which may be empty but not nil then, rows equal to the last one in those keys follow it.
type Limit struct {
	Props
	Input  Node
	Limit  *Scalar
	Offset *Scalar
	Ties   []SortKey
	Read   float64 // estimate of the rows taken from Input, those that Offset skips included
}

// Distinct drops rows equal to an earlier one in Cols. Sorted: equal rows come one after the other.
type Distinct struct {
	Props
	Input  Node
	Cols   []int
	Sorted bool
}

// Append puts out the rows of all inputs.
type Append struct {
	Props
	Children []Node
	// Root is the partitioned table whose partitions the children read, Leaves the partition of each; Prune says which are
	// left out when the plan runs. nil: none.
	Root   *catalog.Table
	Leaves []catalog.Oid
	Prune  []Prune
}

// SetOp is INTERSECT or EXCEPT, by hash.
type SetOp struct {
	Props
	Kind        sema.SetOpKind
	All         bool
	Left, Right Node
}

// With materialises CTEs on first use (data-modifying ones are run whether used or not) and runs Input.
type With struct {
	Props
	Input Node
	CTEs  []*CTEPlan
}

// CTEPlan is a materialised CTE: Plan's rows, kept in slot ID of the runtime.
type CTEPlan struct {
	ID   int
	Name string
	Plan Node
	// Modifies: a data-modifying CTE, run to its end in any case.
	Modifies bool
}

// CTEScan reads a materialised CTE.
type CTEScan struct {
	Props
	CTE  *CTEPlan
	Name string
}

// RecursiveUnion computes a recursive CTE: Base's rows, then Step's over the rows of the round before (WorkTable ID),
// until none are new. Without All duplicates are dropped.
type RecursiveUnion struct {
	Props
	ID          int
	Start, Step Node
	All         bool
}

// WorkTableScan reads the last round of the RecursiveUnion with the same ID.
type WorkTableScan struct {
	Props
	ID int
}

// LockRows locks the rows of Targets as they come. Rows that changed since the snapshot are read again (READ COMMITTED)
// and judged by Recheck; columns of the input that come from the table are replaced.
type LockRows struct {
	Props
	Input   Node
	Targets []LockTarget
	// Recheck is over the input row; nil: none.
	Recheck *Scalar
}

// LockTarget is one table whose rows are locked.
type LockTarget struct {
	Table  *catalog.Table
	Tree   []*catalog.Table // the tables that the rows may be of, where Table stands for a tree
	Mode   lock.Mode
	Policy lock.WaitPolicy
	Ref    int // first of the SystemColumns in the input
	Xmin   int // xmin in the input; negative: none
	// Cols[i] is the input column that holds attribute i+1, or -1.
	Cols []int
}

// ModifyTable is INSERT, UPDATE, DELETE or MERGE. Its output is RETURNING's rows, or none.
type ModifyTable struct {
	Props
	Kind  Kind
	Table *catalog.Table
	Input Node
	// Insert: Values[attnum-1] is over the input row; nil: NULL.
	Values []*Scalar
	// Direct, for Insert: Values[i] is input column Direct[i] (>= 0), or computed (-1).
	Direct []int
	// SelfInput: the input reads a table that the statement writes (rows are collected first where the order matters).
	Conflict *Conflict
	// Update, Delete and Merge: the row reference and where the target's columns are in the input (see LockTarget).
	Target LockTarget
	// Actions are what Merge does; its Recheck is the join's condition.
	Actions []MergeAction
	// Update: Columns[i] is set to Set[i], over the input row.
	Columns []catalog.AttNum
	Set     []*Scalar
	// Recheck is evaluated on the input row with the target's columns replaced by the latest version; nil: none.
	Recheck *Scalar
	// Unique: no target row comes twice in the input.
	Unique bool
	// Generated are computed, for Insert and Update, when the new row has its other columns; Checks then judge it.
	Generated []Generated
	Checks    []Check
	// ViewChecks are those of WITH CHECK OPTION, by the name of the view, judged after the row was written. They are over the
	// new row as Returning has it, without the input row.
	ViewChecks []Check
	// RowChecks are what row-level security demands of new rows, named by the policy; they are over the same row.
	RowChecks []Check
	// Leaves are, where Table stands for a tree, the tables that rows are written to, with what completes and judges their
	// rows (Generated and Checks are empty then); nil: Table.
	// Columns, Set and Target are in terms of Table.
	Leaves []Leaf
	// Returning is over new row's columns by attnum-1 (Delete: the old row's), for a tree followed by tableoid, ++ the input
	// row (Update and Delete) ++ the new row's xmin and xmax.
	Returning []*Scalar
	// KeyChange: an update may change columns of the row's key, of a unique index or of its placement.
	KeyChange bool
	// Main is set for the statement's own DML, false for one inside WITH.
	Main bool
	// Instead is set where a view's triggers carry the statement out: then all else but Kind, Input and Returning is empty,
	// and Table only names the view's columns.
	Instead *Instead
	// ByRow says that the statement calls volatile functions of users: each row is written before the next is computed, for
	// they may look at it.
	ByRow bool
}

// MergeAction is a WHEN clause of MERGE; its scalars are over the input row. Set is by Columns for Update, and by attnum-1
// for Insert, nil: NULL.
type MergeAction struct {
	Matched bool
	Kind    Kind
	Nothing bool
	Cond    *Scalar // nil: always
	Columns []catalog.AttNum
	Set     []*Scalar
}

// Generated is a generated column: its position (attnum-1) and its value over the table's columns by attnum-1.
type Generated struct {
	Col   int
	Value *Scalar
}

// Leaf is a table of a tree that is written.
type Leaf struct {
	Table     *catalog.Table
	Generated []Generated
	Checks    []Check
}

// Check is a CHECK constraint over the table's columns by attnum-1.
type Check struct {
	Name string
	Cond *Scalar
}

// Conflict is ON CONFLICT. Set and Where are over the existing row's columns by attnum-1 ++ the excluded row's.
type Conflict struct {
	DoNothing bool
	// RowChecks are those of policies on the row that UPDATE makes, ConflictChecks on the one that it finds.
	RowChecks, ConflictChecks []Check
	// Arbiters are the unique indexes judged (RowKey ones included); empty: all.
	Arbiters []*catalog.Index
	Columns  []catalog.AttNum
	Set      []*Scalar
	Where    *Scalar
}

// Subplan is what the planner puts in expr.Subquery.Query: a plan that runs with the Subquery's Outer values.
type Subplan struct {
	ID   int // dense within the plan
	Kind expr.SubqueryKind
	Root Node
	// Batch: it is of an expr.Subquery's Batched.
	Batch bool
}

func (n *Scan) Inputs() []Node           { return nil }
func (n *VirtualScan) Inputs() []Node    { return nil }
func (n *Values) Inputs() []Node         { return nil }
func (n *LiteralRows) Inputs() []Node    { return nil }
func (n *Filter) Inputs() []Node         { return []Node{n.Input} }
func (n *Sample) Inputs() []Node         { return []Node{n.Input} }
func (n *Project) Inputs() []Node        { return []Node{n.Input} }
func (n *ProjectSet) Inputs() []Node     { return []Node{n.Input} }
func (n *FunctionScan) Inputs() []Node   { return nil }
func (n *HashJoin) Inputs() []Node       { return []Node{n.Left, n.Right} }
func (n *MergeJoin) Inputs() []Node      { return []Node{n.Left, n.Right} }
func (n *LookupJoin) Inputs() []Node     { return []Node{n.Left, n.Inner} }
func (n *NestLoop) Inputs() []Node       { return []Node{n.Left, n.Right} }
func (n *Aggregate) Inputs() []Node      { return []Node{n.Input} }
func (n *Sort) Inputs() []Node           { return []Node{n.Input} }
func (n *Limit) Inputs() []Node          { return []Node{n.Input} }
func (n *Distinct) Inputs() []Node       { return []Node{n.Input} }
func (n *Append) Inputs() []Node         { return n.Children }
func (n *SetOp) Inputs() []Node          { return []Node{n.Left, n.Right} }
func (n *CTEScan) Inputs() []Node        { return nil }
func (n *RecursiveUnion) Inputs() []Node { return []Node{n.Start, n.Step} }
func (n *WorkTableScan) Inputs() []Node  { return nil }
func (n *LockRows) Inputs() []Node       { return []Node{n.Input} }
func (n *ModifyTable) Inputs() []Node    { return []Node{n.Input} }

// Inputs lists the CTEs' plans before the input.
func (n *With) Inputs() []Node {
	var out []Node
	for _, c := range n.CTEs {
		out = append(out, c.Plan)
	}
	return append(out, n.Input)
}
