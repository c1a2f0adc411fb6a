package expr

import "github.com/pgmqdb/pgmqdb/sql/types"

// WindowKind names what a window function computes.
type WindowKind uint8

// The window functions of PostgreSQL 15.
const (
	RowNumber WindowKind = iota
	Rank
	DenseRank
	PercentRank
	CumeDist
	Ntile
	Lag
	Lead
	FirstValue
	LastValue
	NthValue
)

var windowKinds = map[string]WindowKind{"row_number": RowNumber, "rank": Rank, "dense_rank": DenseRank, "percent_rank": PercentRank,
	"cume_dist": CumeDist, "ntile": Ntile, "lag": Lag, "lead": Lead, "first_value": FirstValue, "last_value": LastValue, "nth_value": NthValue}

// WindowFunction is one overload of a window function proper: a row of pg_proc of kind 'w'.
type WindowFunction struct {
	Oid    types.Oid
	Name   string
	Args   []types.Oid
	Result types.Oid // may be polymorphic: a call's type is WindowFunc.Type
	Kind   WindowKind
}

// WindowFunc is a call with OVER: of Fn, or of the aggregate Agg over the frame of each row.
type WindowFunc struct {
	Fn     *WindowFunction // nil for an aggregate
	Agg    *AggFunction    // nil for a window function proper
	Args   []Node
	Star   bool
	Filter Node // of aggregates
	Window int  // position in the query's list of windows
	Type   types.Type
	Loc    int
}

// ResultType implements Node.
func (n *WindowFunc) ResultType() types.Type { return n.Type }

// Pos implements Node.
func (n *WindowFunc) Pos() int { return n.Loc }

// Name returns the function's name.
func (n *WindowFunc) Name() string {
	if n.Fn != nil {
		return n.Fn.Name
	}
	return n.Agg.Name
}
