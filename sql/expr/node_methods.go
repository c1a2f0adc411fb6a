package expr

import "github.com/pgmqdb/pgmqdb/sql/types"

var boolType = types.T(types.BoolOid)

// ResultType implements Node.
func (n *Const) ResultType() types.Type { return n.Type }

// Pos implements Node.
func (n *Const) Pos() int { return n.Loc }

// ResultType implements Node.
func (n *Param) ResultType() types.Type { return n.Type }

// Pos implements Node.
func (n *Param) Pos() int { return n.Loc }

// ResultType implements Node.
func (n *Var) ResultType() types.Type { return n.Type }

// Pos implements Node.
func (n *Var) Pos() int { return n.Loc }

// ResultType implements Node.
func (n *Column) ResultType() types.Type { return n.Type }

// Pos implements Node.
func (*Column) Pos() int { return -1 }

// ResultType implements Node.
func (n *OuterColumn) ResultType() types.Type { return n.Type }

// Pos implements Node.
func (*OuterColumn) Pos() int { return -1 }

// ResultType implements Node.
func (n *Func) ResultType() types.Type { return n.Type }

// Pos implements Node.
func (n *Func) Pos() int { return n.Loc }

// Live are the row's fields without those of dropped attributes.
func (n *Row) Live() []Node {
	if n.Names == nil {
		return n.Fields
	}
	out := make([]Node, 0, len(n.Fields))
	for i, f := range n.Fields {
		if n.Names[i] != "" {
			out = append(out, f)
		}
	}
	return out
}

// ResultType implements Node.
func (n *Collate) ResultType() types.Type { return n.Arg.ResultType() }

// Pos implements Node.
func (n *Collate) Pos() int { return n.Loc }

// ResultType implements Node.
func (n *Cast) ResultType() types.Type { return n.Type }

// Pos implements Node.
func (n *Cast) Pos() int { return n.Loc }

// ResultType implements Node.
func (*BoolOp) ResultType() types.Type { return boolType }

// Pos implements Node.
func (n *BoolOp) Pos() int { return n.Loc }

// ResultType implements Node.
func (*IsTest) ResultType() types.Type { return boolType }

// Pos implements Node.
func (n *IsTest) Pos() int { return n.Loc }

// ResultType implements Node.
func (*Distinct) ResultType() types.Type { return boolType }

// Pos implements Node.
func (n *Distinct) Pos() int { return n.Loc }

// ResultType implements Node.
func (n *Case) ResultType() types.Type { return n.Type }

// Pos implements Node.
func (n *Case) Pos() int { return n.Loc }

// ResultType implements Node.
func (n *Coalesce) ResultType() types.Type { return n.Type }

// Pos implements Node.
func (n *Coalesce) Pos() int { return n.Loc }

// ResultType implements Node.
func (n *MinMax) ResultType() types.Type { return n.Type }

// Pos implements Node.
func (n *MinMax) Pos() int { return n.Loc }

// ResultType implements Node.
func (n *NullIf) ResultType() types.Type { return n.Type }

// Pos implements Node.
func (n *NullIf) Pos() int { return n.Loc }

// ResultType implements Node.
func (*AnyAll) ResultType() types.Type { return boolType }

// Pos implements Node.
func (n *AnyAll) Pos() int { return n.Loc }

// ResultType implements Node.
func (n *ArrayExpr) ResultType() types.Type { return n.Type }

// Pos implements Node.
func (n *ArrayExpr) Pos() int { return n.Loc }

// ResultType implements Node.
func (n *Subscript) ResultType() types.Type { return n.Type }

// Pos implements Node.
func (n *Subscript) Pos() int { return n.Loc }

// ResultType implements Node.
func (n *Store) ResultType() types.Type { return n.Type }

// Pos implements Node.
func (n *Store) Pos() int { return n.Loc }

// ResultType implements Node.
func (n *Row) ResultType() types.Type { return n.Type }

// Pos implements Node.
func (n *Row) Pos() int { return n.Loc }

// ResultType implements Node.
func (n *Field) ResultType() types.Type { return n.Type }

// Pos implements Node.
func (n *Field) Pos() int { return n.Loc }

// ResultType implements Node.
func (n *Subquery) ResultType() types.Type { return n.Type }

// Pos implements Node.
func (n *Subquery) Pos() int { return n.Loc }

// ResultType implements Node.
func (n *Aggregate) ResultType() types.Type { return n.Type }

// Pos implements Node.
func (n *Aggregate) Pos() int { return n.Loc }

// ResultType implements Node.
func (*Grouping) ResultType() types.Type { return types.T(types.Int4Oid) }

// Pos implements Node.
func (n *Grouping) Pos() int { return n.Loc }

// ResultType implements Node.
func (n *SQLValue) ResultType() types.Type { return n.Type }

// Pos implements Node.
func (n *SQLValue) Pos() int { return n.Loc }

// ResultType implements Node.
func (n *SetReturning) ResultType() types.Type { return n.Type }

// Pos implements Node.
func (n *SetReturning) Pos() int { return n.Loc }

// ResultType implements Node.
func (n *Default) ResultType() types.Type { return n.Type }

// Pos implements Node.
func (n *Default) Pos() int { return n.Loc }
