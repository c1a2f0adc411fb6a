package sema

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Calls of simple functions in SQL are expanded before a statement is planned, as inline_function does: the expression that
// the function returns takes the place of the call, so that it can be looked up in an index. What is analysed with
// AsWritten or Print is not planned, and keeps its calls.

// maxInlining bounds how deep functions are expanded within each other.
const maxInlining = 20

// Inline expands calls in a statement that is about to be planned. A call stays as it is where that would change what it
// does: what it returns, how often its arguments are computed, or whom it runs as.
func (a *Analyzed) Inline(env *Env) error {
	if env.Catalog == nil {
		return nil
	}
	in := &inliner{env: env}
	if a.Query != nil {
		in.sets(a, a.Query, nil)
		rewriteQuery(a.Query, 0, func(n expr.Node, _ int) expr.Node { return in.expand(n, 0) })
	}
	if a.DML != nil && a.DML.Source != nil {
		in.sets(a, a.DML.Source, nil)
		rewriteQuery(a.DML.Source, 0, func(n expr.Node, _ int) expr.Node { return in.expand(n, 0) })
	}
	return in.err
}

// InlineExpr is Inline for an expression that a plan looks for in a statement: an index's.
func InlineExpr(n expr.Node, env *Env) expr.Node {
	if env.Catalog == nil {
		return n
	}
	return (&inliner{env: env}).expand(n, 0)
}

type inliner struct {
	env *Env
	err error // of a constant call that cannot be computed
}

// failed is why an expression of constants cannot be computed; nil for others.
func failed(n expr.Node) error {
	constant := true
	expr.Walk(n, func(k expr.Node) bool {
		switch k.(type) {
		case *expr.Var, *expr.Param, *expr.Subquery, *expr.Aggregate, *expr.WindowFunc, *expr.SetReturning, *expr.Grouping:
			constant = false
		}
		return constant
	})
	if !constant {
		return nil
	}
	c, err := expr.Compile(n, nil)
	if err != nil {
		return nil
	}
	return c.Failed()
}

func (in *inliner) expand(n expr.Node, depth int) expr.Node {
	out, err := expr.Rewrite(n, func(k expr.Node) (expr.Node, error) {
		f, ok := k.(*expr.Func)
		if !ok || f.Fn.User == nil || depth >= maxInlining {
			return k, nil
		}
		body := in.body(f)
		if body == nil {
			return k, nil
		}
		body = in.expand(body, depth+1)
		if err := failed(body); err != nil && in.err == nil {
			in.err = pgerr.From(err).Clone().WithWhere("SQL function \"%s\" during inlining", f.Fn.User.Name)
		}
		return body, nil
	})
	if err != nil {
		return n
	}
	return out
}

// body is the expression that a call stands for; nil where it stays a call.
func (in *inliner) body(f *expr.Func) expr.Node {
	fn := in.env.Catalog.Function(f.Fn.User.Oid)
	if fn == nil || fn.Language != catalog.LanguageSQL || fn.Kind != catalog.PlainFunction || fn.Set || fn.SecurityDefiner ||
		len(fn.Config) > 0 || fn.Result.Kind() == types.KRecord || fn.Result.Oid == types.VoidOid || len(f.Args) != len(fn.Inputs()) {
		return nil
	}
	if p, _ := in.env.Catalog.FunctionPrivileges(fn, in.env.Role); in.env.Role != 0 && p&catalog.PrivExecute == 0 {
		return nil // the call says so
	}
	target := in.expression(fn, f)
	if target == nil {
		return nil
	}
	switch {
	case expr.ContainsVolatile(target) && fn.Volatility != 'v', fn.Volatility == 'i' && expr.ContainsMutable(withoutParams(target)):
		return nil
	case fn.Strict && !in.strict(target, len(f.Args)):
		return nil
	}
	return substitute(target, f.Args)
}

// expression analyses a function's body: a SELECT of one expression and nothing else.
func (in *inliner) expression(fn *catalog.Function, f *expr.Func) expr.Node {
	text, bound := fn.Source, []catalog.ViewDep(nil)
	if fn.Body != "" {
		texts, _ := parse.SplitBody(fn.Body)
		if len(texts) != 1 {
			return nil
		}
		text, bound = texts[0], fn.Deps
	}
	stmt, err := parse.ParseOne(text)
	sel, ok := stmt.(*parse.SelectStmt)
	if err != nil || !ok || len(sel.TargetList) != 1 {
		return nil
	}
	env := *in.env
	env.Text, env.NoParams, env.Function, env.Bound, env.LiteralBase = "", false, Parameters(fn), bound, 0
	env.ParamTypes = nil
	for _, a := range f.Args {
		env.ParamTypes = append(env.ParamTypes, a.ResultType())
	}
	a, err := Analyze(stmt, &env)
	if err != nil || a.Query == nil || !trivial(a.Query) {
		return nil
	}
	target := a.Query.Targets[0].Expr
	have := target.ResultType()
	if have.Declared() != f.Type.Declared() {
		s := newAnalyzer(&env).newScope(nil)
		if target, err = s.coerceTo(target, f.Type, types.Assignment, -1); err != nil || target == nil {
			return nil
		}
	}
	return target
}

// trivial reports whether a query is one expression alone.
func trivial(q *Query) bool {
	return len(q.Rels) == 0 && len(q.Targets) == 1 && len(q.CTEs) == 0 && q.Where == nil && q.Having == nil && q.Limit == nil && q.Offset == nil &&
		q.SetOp == nil && q.Values == nil && len(q.GroupBy) == 0 && len(q.Windows) == 0 && !q.HasSRFs && !q.HasWindows && !q.Distinct &&
		len(q.OrderBy) == 0 && simpleExpr(q.Targets[0].Expr)
}

// simpleExpr reports whether an expression has no subqueries, aggregates or references to columns.
func simpleExpr(n expr.Node) bool {
	simple := true
	expr.Walk(n, func(k expr.Node) bool {
		switch k.(type) {
		case *expr.Subquery, *expr.Aggregate, *expr.WindowFunc, *expr.SetReturning, *expr.Var:
			simple = false
		}
		return simple
	})
	return simple
}

// strict reports whether a body is NULL where any of n parameters is: it uses each, and nothing but strict functions.
func (in *inliner) strict(n expr.Node, params int) bool {
	used := make([]bool, params)
	strict := true
	expr.Walk(n, func(k expr.Node) bool {
		switch v := k.(type) {
		case *expr.Param:
			used[v.Index-1] = true
		case *expr.Func:
			strict = strict && v.Fn.Strict
		case *expr.Cast:
			strict = strict && v.Domain == nil
		case *expr.Const:
		default:
			strict = false
		}
		return strict
	})
	return strict && !slices.Contains(used, false)
}

// withoutParams puts NULLs in the place of parameters, which are as mutable as the arguments are.
func withoutParams(n expr.Node) expr.Node {
	out, err := expr.Rewrite(n, func(k expr.Node) (expr.Node, error) {
		if p, ok := k.(*expr.Param); ok {
			return &expr.Const{Type: p.Type, Loc: -1}, nil
		}
		return k, nil
	})
	if err != nil {
		return n
	}
	return out
}

// substitute puts arguments in the place of parameters; nil where one that is used several times may differ each time, or
// costs something.
func substitute(n expr.Node, args []expr.Node) expr.Node {
	uses := make([]int, len(args))
	expr.Walk(n, func(k expr.Node) bool {
		if p, ok := k.(*expr.Param); ok {
			uses[p.Index-1]++
		}
		return true
	})
	for i, a := range args {
		cheap := false
		switch a.(type) {
		case *expr.Const, *expr.Param, *expr.Var, *expr.Column:
			cheap = true
		}
		if uses[i] != 1 && (expr.ContainsVolatile(a) || uses[i] > 1 && !cheap) {
			return nil
		}
	}
	out, err := expr.Rewrite(n, func(k expr.Node) (expr.Node, error) {
		if p, ok := k.(*expr.Param); ok {
			return args[p.Index-1], nil
		}
		return k, nil
	})
	if err != nil {
		return nil
	}
	return out
}
