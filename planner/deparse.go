package planner

import (
	"fmt"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// text prints an expression for EXPLAIN, near to the SQL that it came from.
func (e *explainer) text(s *Scalar) string { return exprText(s.From) }

func exprText(n expr.Node) string {
	list := func(ns []expr.Node, sep string) string {
		parts := make([]string, len(ns))
		for i, a := range ns {
			parts[i] = exprText(a)
		}
		return strings.Join(parts, sep)
	}
	switch n := n.(type) {
	case nil:
		return ""
	case *expr.Const:
		return constText(n)
	case *expr.Param:
		return fmt.Sprintf("$%d", n.Index)
	case *expr.Var:
		return n.Name
	case *expr.Column:
		return fmt.Sprintf("column %d", n.Index+1)
	case *expr.OuterColumn:
		return fmt.Sprintf("outer %d", n.Index+1)
	case *expr.Func:
		if n.Fn.Operator != nil {
			if len(n.Args) == 2 {
				return "(" + exprText(n.Args[0]) + " " + n.Fn.Operator.Name + " " + exprText(n.Args[1]) + ")"
			}
			return "(" + n.Fn.Operator.Name + " " + list(n.Args, "") + ")"
		}
		return n.Fn.Name + "(" + list(n.Args, ", ") + ")"
	case *expr.Cast:
		if n.Context == types.Implicit {
			return exprText(n.Arg)
		}
		return "(" + exprText(n.Arg) + ")::" + types.FormatType(n.Type)
	case *expr.BoolOp:
		switch n.Op {
		case expr.And:
			return "(" + list(n.Args, " AND ") + ")"
		case expr.Or:
			return "(" + list(n.Args, " OR ") + ")"
		}
		return "(NOT " + list(n.Args, "") + ")"
	case *expr.IsTest:
		return "(" + exprText(n.Arg) + " IS " + map[bool]string{true: "NOT "}[n.Not] + [...]string{"NULL", "TRUE", "FALSE", "UNKNOWN"}[n.Test] + ")"
	case *expr.AnyAll:
		word := "ANY"
		if n.All {
			word = "ALL"
		}
		return "(" + exprText(n.Left) + " " + operatorText(n.Op) + " " + word + " (" + exprText(n.Array) + "))"
	}
	return rareText(n, list)
}

func operatorText(f *expr.Function) string {
	if f.Operator != nil {
		return f.Operator.Name
	}
	return f.Name
}

func rareText(n expr.Node, list func([]expr.Node, string) string) string {
	switch n := n.(type) {
	case *expr.Coalesce:
		return "COALESCE(" + list(n.Args, ", ") + ")"
	case *expr.ArrayExpr:
		return "ARRAY[" + list(n.Elems, ", ") + "]"
	case *expr.Row:
		return "ROW(" + list(n.Fields, ", ") + ")"
	case *expr.Aggregate:
		if n.Star {
			return n.Fn.Name + "(*)"
		}
		return n.Fn.Name + "(" + list(n.Args, ", ") + ")"
	case *expr.WindowFunc:
		if n.Star {
			return n.Name() + "(*) OVER (?)"
		}
		return n.Name() + "(" + list(n.Args, ", ") + ") OVER (?)"
	case *expr.Subquery:
		if n.Kind == expr.ExistsSubquery {
			return "EXISTS(SubPlan)"
		}
		return "(SubPlan)"
	case *expr.Distinct:
		return "(" + exprText(n.Left) + " IS " + map[bool]string{true: "NOT "}[n.Not] + "DISTINCT FROM " + exprText(n.Right) + ")"
	case *expr.Case:
		return "CASE … END"
	case *expr.SetReturning:
		return n.Fn.Name + "(" + list(n.Args, ", ") + ")"
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", n), "*expr.")
}

func constText(n *expr.Const) string {
	if n.Value.IsNull() {
		return "NULL"
	}
	s := string(types.AppendText(nil, n.Type.Oid, n.Value, types.DefaultIOEnv))
	switch n.Type.Oid.Kind() {
	case types.KInt, types.KFloat, types.KNumeric:
		if n.Type.Oid != types.DateOid && n.Type.Oid != types.TimestampOid && n.Type.Oid != types.TimestamptzOid && n.Type.Oid != types.TimeOid {
			return s
		}
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'::" + types.FormatType(n.Type)
}

// CompileOver compiles an analysed expression over rows of ts: Var{Rel: 0, Col: i} is column i. Package exec uses it for
// CHECK and DEFAULT expressions outside of plans.
func CompileOver(n expr.Node, ts []types.Type) (*Scalar, error) {
	node := mapNode(n, func(m expr.Node) (expr.Node, bool) {
		if v, ok := m.(*expr.Var); ok && v.Level == 0 {
			return &expr.Column{Index: v.Col, Type: v.Type}, true
		}
		return nil, false
	})
	c, err := expr.Compile(node, ts)
	if err != nil {
		return nil, err
	}
	return &Scalar{Compiled: c, Node: node, From: n, Type: n.ResultType()}, nil
}
