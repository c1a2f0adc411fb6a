package sema

import (
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// TableSample is TABLESAMPLE on a table: by rows (BERNOULLI) or by blocks of neighbouring rows (SYSTEM). Its expressions
// refer to nothing.
type TableSample struct {
	System  bool
	Percent expr.Node // float4
	Seed    expr.Node // float8; nil without REPEATABLE
}

func (s *scope) tableSample(r *parse.RangeTableSample) (JoinNode, []*nsItem, error) {
	node, ns, err := s.fromItem(r.Relation)
	if err != nil {
		return nil, nil, err
	}
	rte := s.q.Rels[ns[0].rel]
	if rte.Kind != RTETable {
		return nil, nil, s.errorf(r.Relation.Loc(), pgerr.FeatureNotSupported, "TABLESAMPLE clause can only be applied to tables and materialized views")
	}
	method := r.Method.Last()
	if method != "bernoulli" && method != "system" {
		return nil, nil, s.errorf(r.Loc(), pgerr.UndefinedObject, "tablesample method %s does not exist", r.Method.String())
	}
	if len(r.Args) != 1 {
		return nil, nil, s.errorf(r.Loc(), pgerr.InvalidTablesampleArgument, "tablesample method %s requires 1 argument, not %d", method, len(r.Args))
	}
	sample := &TableSample{System: method == "system"}
	if sample.Percent, err = s.sampleArg(r.Args[0], types.Float4Oid, "TABLESAMPLE"); err != nil {
		return nil, nil, err
	}
	if r.Repeatable != nil {
		if sample.Seed, err = s.sampleArg(r.Repeatable, types.Float8Oid, "REPEATABLE"); err != nil {
			return nil, nil, err
		}
	}
	rte.Sample = sample
	return node, ns, nil
}

func (s *scope) sampleArg(e parse.Expr, t types.Oid, construct string) (expr.Node, error) {
	n, err := s.exprIn(e, inFromFunction)
	if err != nil {
		return nil, err
	}
	if n, err = s.coerceSpecific(n, t, construct); err != nil {
		return nil, err
	}
	expr.Walk(n, func(k expr.Node) bool {
		switch k.(type) {
		case *expr.Var, *expr.Subquery:
			if err == nil {
				err = s.unsupported(locOf(k), "a column or subquery in "+construct)
			}
		}
		return true
	})
	return n, err
}
