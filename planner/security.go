package planner

import (
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// planSecured plans a table with row-level security: of the query's own conditions only those that can tell nothing of a row
// may see rows that the policies hide. They serve keys as usual; the others are judged above.
func (q *query) planSecured(f *fromItem, r *sema.RTE, conds []*conj) (*fromItem, error) {
	var first, above []*conj
	for _, n := range r.Security {
		for _, k := range splitAnd(nil, n) {
			first = append(first, q.newConj(k))
		}
	}
	for _, c := range conds {
		switch {
		case leakproof(c.node):
			first = append(first, c)
		case !c.derived:
			above = append(above, c)
		}
	}
	f, err := q.planTable(f, r, first)
	if err != nil {
		return nil, err
	}
	return q.filterItem(f, above)
}

// leakproof reports whether a condition consists of what PostgreSQL marks so and cannot fail: comparisons of types of a fixed
// size and of texts.
func leakproof(n expr.Node) bool {
	ok := true
	visit(n, func(m expr.Node) bool {
		switch m := m.(type) {
		case *expr.Var, *expr.Const, *expr.Param, *expr.BoolOp, *expr.IsTest, *expr.Distinct:
		case *expr.Func:
			ok = ok && commuted[operatorName(m)] != "" && leakproofType(m.Args[0].ResultType().Oid) && leakproofType(m.Args[1].ResultType().Oid)
		case *expr.AnyAll:
			ok = ok && m.Op.Operator != nil && commuted[m.Op.Operator.Name] != "" && leakproofType(m.Left.ResultType().Oid)
		default:
			ok = false
		}
		return ok
	})
	return ok
}

func leakproofType(t types.Oid) bool {
	switch t {
	case types.BoolOid, types.Int2Oid, types.Int4Oid, types.Int8Oid, types.OidOid, types.Float4Oid, types.Float8Oid, types.DateOid,
		types.TimestampOid, types.TimestamptzOid, types.UuidOid, types.TextOid, types.VarcharOid, types.NameOid, types.ByteaOid:
		return true
	}
	return false
}
