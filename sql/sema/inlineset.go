package sema

import (
	"cmp"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// A function in SQL that returns a set and stands in FROM is expanded into a subquery, as inline_set_returning_function does:
// the rest of the statement can then choose how its tables are read. What the function reads is read by the statement, so that
// its tables and what they ask of the role become the statement's own.

// sets expands the calls in the FROM of a query and of those in it. within are the functions whose bodies the query is in: one
// that calls itself is expanded once.
func (in *inliner) sets(a *Analyzed, q *Query, within []catalog.Oid) {
	bodies := map[*Query]catalog.Oid{}
	for i, r := range q.Rels {
		if r.Kind != RTEFunction || r.Ordinality || len(within) >= maxInlining || wholeRowOf(q, i) {
			continue
		}
		if body, of := in.set(a, r, within); body != nil {
			r.Kind, r.Query, r.Lateral, r.Func = RTESubquery, body, usesVars(r.Func), nil
			bodies[body] = of
		}
	}
	below := func(sub *Query) {
		if of, ok := bodies[sub]; ok {
			in.sets(a, sub, append(slices.Clip(within), of))
			return
		}
		in.sets(a, sub, within)
	}
	ownExprs(q, func(n *expr.Node) { subqueries(*n, below) })
	ownQueries(q, below)
}

// usesVars reports whether an expression refers to columns, be they of the queries around.
func usesVars(n expr.Node) bool {
	found := false
	expr.Walk(n, func(k expr.Node) bool {
		_, isVar := k.(*expr.Var)
		found = found || isVar
		return !found
	})
	return found
}

// wholeRowOf reports whether a query, or one in it, refers to an item of its range table as a whole.
func wholeRowOf(q *Query, rel int) bool {
	found := false
	WalkQuery(q, func(n expr.Node, depth int) {
		expr.Walk(n, func(k expr.Node) bool {
			if v, ok := k.(*expr.Var); ok && v.Level == depth && v.Rel == rel && v.Col < 0 {
				found = true
			}
			return !found
		})
	})
	return found
}

// set is the query that a call in FROM stands for, and the function; nil where it stays a call.
func (in *inliner) set(a *Analyzed, r *RTE, within []catalog.Oid) (*Query, catalog.Oid) {
	call, ok := r.Func.(*expr.SetReturning)
	if !ok || call.Fn.User == nil || slices.Contains(within, call.Fn.User.Oid) {
		return nil, 0
	}
	fn := in.env.Catalog.Function(call.Fn.User.Oid)
	if fn == nil || fn.Language != catalog.LanguageSQL || fn.Kind != catalog.PlainFunction || fn.Volatility == 'v' || fn.Strict ||
		fn.SecurityDefiner || len(fn.Config) > 0 || call.Fn.User.Void() || len(call.Args) != len(fn.Inputs()) {
		return nil, 0
	}
	for _, arg := range call.Args {
		if expr.ContainsVolatile(arg) || !simpleArgument(arg) {
			return nil, 0
		}
	}
	if p, _ := in.env.Catalog.FunctionPrivileges(fn, in.env.Role); in.env.Role != 0 && p&catalog.PrivExecute == 0 {
		return nil, 0 // the call says so
	}
	body := in.query(fn, call, r)
	if body == nil {
		return nil, 0
	}
	lateral := slices.ContainsFunc(call.Args, usesVars)
	if lateral && (body.Query.Limit != nil || body.Query.Offset != nil) {
		return nil, 0
	}
	rewriteQuery(body.Query, 0, func(n expr.Node, depth int) expr.Node { return withArguments(n, call.Args, depth+1) })
	a.absorb(body)
	return body.Query, fn.OID
}

// simpleArgument reports whether an argument may be computed for each row that the function reads, or not at all.
func simpleArgument(n expr.Node) bool {
	simple := true
	expr.Walk(n, func(k expr.Node) bool {
		switch k.(type) {
		case *expr.Subquery, *expr.Aggregate, *expr.WindowFunc, *expr.SetReturning, *expr.Grouping:
			simple = false
		}
		return simple
	})
	return simple
}

// withArguments puts arguments in the place of a body's parameters, in a query that is levels below theirs.
func withArguments(n expr.Node, args []expr.Node, levels int) expr.Node {
	out, err := expr.Rewrite(n, func(k expr.Node) (expr.Node, error) {
		p, ok := k.(*expr.Param)
		if !ok || p.Index < 1 || p.Index > len(args) {
			return k, nil
		}
		arg := args[p.Index-1]
		for range levels {
			arg = raiseLevels(arg, 0)
		}
		return arg, nil
	})
	if err != nil {
		return n
	}
	return out
}

// query analyses the body of a function: one SELECT whose columns are those of the call's item.
func (in *inliner) query(fn *catalog.Function, call *expr.SetReturning, r *RTE) *Analyzed {
	text, bound := fn.Source, []catalog.ViewDep(nil)
	if fn.Body != "" {
		texts, _ := parse.SplitBody(fn.Body)
		if len(texts) != 1 {
			return nil
		}
		text, bound = texts[0], fn.Deps
	}
	stmt, err := parse.ParseOne(text)
	if _, ok := stmt.(*parse.SelectStmt); err != nil || !ok {
		return nil
	}
	env := *in.env
	env.Text, env.NoParams, env.Function, env.Bound, env.LiteralBase, env.Variables = text, false, Parameters(fn), bound, 0, nil
	env.ParamTypes = nil
	for _, arg := range call.Args {
		env.ParamTypes = append(env.ParamTypes, arg.ResultType())
	}
	body, err := Analyze(stmt, &env)
	if err != nil && in.err == nil {
		e := pgerr.From(err).Clone()
		if e.Position > 0 {
			e.WithInternal(text, e.Position)
			e.Position = 0
		}
		in.err = e.WithWhere("SQL function \"%s\" during inlining", fn.Name)
	}
	if err != nil || body.Query == nil || len(body.Query.Locking) > 0 || slices.ContainsFunc(body.Query.CTEs, func(c *CTE) bool { return c.DML != nil }) {
		return nil
	}
	fields := call.Columns
	if fields == nil {
		fields = ResultFields(fn, in.env.Catalog, cmp.Or(in.env.IOEnv, types.DefaultIOEnv))
	}
	columns := queryColumns(body.Query)
	have := make([]types.Type, len(columns))
	for i, c := range columns {
		have[i] = c.Type
	}
	res, err := ResultOf(call.Type, fields, have, true, &env)
	if err != nil || res.Row || len(columns) != len(r.Columns) {
		return nil
	}
	if body.Query, err = converted(body.Query, columns, res.Casts); err != nil {
		return nil
	}
	for i, c := range queryColumns(body.Query) {
		if c.Type.Declared() != r.Columns[i].Type.Declared() {
			return nil
		}
	}
	return body
}

// converted is a query whose columns were converted, if any is to be.
func converted(q *Query, columns []Column, casts []expr.Node) (*Query, error) {
	plain := true
	for _, c := range casts {
		_, isColumn := c.(*expr.Column)
		plain = plain && isColumn
	}
	if plain {
		return q, nil
	}
	out := &Query{Rels: []*RTE{{Kind: RTESubquery, Alias: "*SELECT*", Columns: columns, Query: q}}, From: RelRef{0}}
	for i, c := range casts {
		n, err := expr.Rewrite(c, func(k expr.Node) (expr.Node, error) {
			if col, ok := k.(*expr.Column); ok {
				return &expr.Var{Col: col.Index, Type: col.Type, Name: columns[col.Index].Name, Loc: -1}, nil
			}
			return k, nil
		})
		if err != nil {
			return nil, err
		}
		out.Targets = append(out.Targets, Target{Expr: n, Name: columns[i].Name})
	}
	return out, nil
}

// absorb makes what a query needs the statement's own.
func (a *Analyzed) absorb(b *Analyzed) {
	for _, t := range b.Tables {
		if !slices.Contains(a.Tables, t) {
			a.Tables = append(a.Tables, t)
		}
	}
	for _, k := range b.Keys {
		if !slices.Contains(a.Keys, k) {
			a.Keys = append(a.Keys, k)
		}
	}
	a.Virtual, a.RowSecurity = a.Virtual || b.Virtual, a.RowSecurity || b.RowSecurity
	if a.Permissions != nil && b.Permissions != nil {
		a.Permissions.list = append(a.Permissions.list, b.Permissions.list...)
	}
}
