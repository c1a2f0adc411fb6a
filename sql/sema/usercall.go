package sema

import (
	"slices"
	"strconv"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// userFunctions are the forms in which calls know a function that a user created: as an expression calls it, and as CALL
// does, which gives output arguments too.
type userFunctions struct {
	inputs, all *expr.UserFunction
}

// known makes a function known to calls. The result is the same for as long as the function is.
func known(f *catalog.Function, snap *catalog.Snapshot) *userFunctions {
	return f.Derived(func() any {
		u := &userFunctions{inputs: expr.NewUserFunction(definition(f, snap, false))}
		u.all = u.inputs
		if f.Kind == catalog.Procedure && len(f.Outputs()) > 0 {
			u.all = expr.NewUserFunction(definition(f, snap, true))
		}
		return u
	}).(*userFunctions)
}

// Definition is what calls of a function need to know of it.
func Definition(f *catalog.Function, snap *catalog.Snapshot) *expr.UserDef {
	return definition(f, snap, false)
}

func definition(f *catalog.Function, snap *catalog.Snapshot, all bool) *expr.UserDef {
	d := &expr.UserDef{Oid: f.OID, Name: f.Name, Procedure: f.Kind == catalog.Procedure, Variadic: f.Variadic(), Defaults: f.Defaults(),
		Result: f.Result, Set: f.Set, Volatility: expr.Volatility(f.Volatility), Strict: f.Strict}
	if f.Language == catalog.LanguageC {
		d.Native = f.Source
	}
	named := false
	for i := range f.Args {
		a := &f.Args[i]
		if !a.Mode.Input() && !(all && a.Mode == catalog.ArgOut) {
			continue
		}
		d.Args = append(d.Args, a.Type)
		d.Names = append(d.Names, a.Name)
		named = named || a.Name != ""
	}
	if !named {
		d.Names = nil
	}
	outs := f.Outputs()
	if len(outs) == 1 && f.Kind == catalog.PlainFunction {
		d.OutName = outs[0].Name
		return d
	}
	for i, a := range outs {
		name := a.Name
		if name == "" {
			name = "column" + strconv.Itoa(i+1)
		}
		d.Columns = append(d.Columns, expr.RecordColumn{Name: name, Type: a.Type})
	}
	return d
}

// userFunction makes a function known to resolution.
func (a *analyzer) userFunction(f *catalog.Function) *expr.UserFunction {
	if f.Kind == catalog.AggregateFunction {
		return knownAggregate(f, a.env.Catalog)
	}
	u := known(f, a.env.Catalog)
	if a.calling {
		return u.all
	}
	return u.inputs
}

// functionsNamed are the functions of a name in a schema or along a path, the first ones first.
func (a *analyzer) functionsNamed(path []string, schema, name string) []*expr.UserFunction {
	if schema != "" {
		path = []string{catalog.BindSchema(path, schema)}
	}
	before := schema == "" && slices.Contains(path, catalog.PgCatalogName)
	var out []*expr.UserFunction
	for _, p := range path {
		if p == catalog.PgCatalogName {
			before = false
		}
		sc := a.env.Catalog.SchemaByName(p)
		if sc == nil {
			continue
		}
		for _, f := range a.env.Catalog.FunctionsNamed(sc.OID, name) {
			u := a.userFunction(f)
			if before {
				u = u.Before()
			}
			out = append(out, u)
		}
	}
	return out
}

// userDef is the definition of the user's function that a call was resolved to; nil for others.
func userDef(r *expr.Resolved) *expr.UserDef {
	switch {
	case r.Fn != nil:
		return r.Fn.User
	case r.Set != nil:
		return r.Set.User
	}
	return nil
}

// errProcedure is the error for a procedure that an expression calls.
func (s *scope) errProcedure(f *parse.FuncCall, args []expr.Node) error {
	return s.at(f.Loc(), pgerr.New(pgerr.WrongObjectType, "%s is a procedure", expr.Signature(f.Name.String(), oidsOf(args))).
		WithHint("To call a procedure, use CALL."))
}

// userCall makes the call of a user's function: its arguments have the declared types, and defaults stand for those that
// were left out.
func (s *scope) userCall(f *parse.FuncCall, r *expr.Resolved, def *expr.UserDef, args []expr.Node, names []string) (expr.Node, error) {
	full := slices.Clone(args)
	declared := slices.Clone(r.Args)
	if !r.Spread && !s.env.Print && !s.env.AsWritten {
		for i := len(args); i < len(def.Args); i++ {
			d, err := s.defaultArg(r, i)
			if err != nil {
				return nil, err
			}
			full = append(full, d)
			declared = append(declared, def.Args[i].Oid)
		}
	}
	want, ret, err := expr.ResolvePolymorphic(oidsOf(full), declared, def.Result.Oid)
	if err != nil {
		return nil, s.at(f.Loc(), err)
	}
	for i, a := range full {
		t := types.T(want[i])
		if k := min(i, len(def.Args)-1); def.Args[k].Domain != 0 && !(r.Spread && i >= r.SpreadFrom) {
			t = def.Args[k]
		}
		n, err := s.coerceTo(a, t, types.Implicit, -1)
		if err != nil {
			return nil, err
		}
		if n == nil {
			return nil, s.noFunction(f, f.Name.String(), args, names)
		}
		full[i] = n
	}
	result := def.Result
	if ret != def.Result.Oid {
		result = types.T(ret)
	}
	call := &expr.Func{Fn: r.Fn, Args: full, Type: result, Loc: f.Loc(), Variadic: f.FuncVariadic}
	if _, err := s.spread(r, call); err != nil {
		return nil, err
	}
	if r.Set == nil {
		if s.env.Print {
			call.Names = names
		}
		return call, nil
	}
	if err := s.setsAllowed(f); err != nil {
		return nil, err
	}
	set := &expr.SetReturning{Fn: r.Set, Args: call.Args, Type: result, Loc: f.Loc()}
	if def.Columns != nil {
		set.Columns = recordOf(def, set.Args)
	}
	return set, nil
}

// recordOf are the fields of the record that a call returns.
func recordOf(def *expr.UserDef, args []expr.Node) []expr.RecordColumn {
	ts := make([]types.Type, len(args))
	for i, a := range args {
		ts[i] = a.ResultType()
	}
	return def.ResolvedColumns(ts)
}

func userColumns(def *expr.UserDef, args []expr.Node) []Column {
	var out []Column
	for _, c := range recordOf(def, args) {
		out = append(out, Column{Name: c.Name, Type: c.Type})
	}
	return out
}

// defaultArg is the default of an argument that a call leaves out; nil where it has none that is known.
func (s *scope) defaultArg(r *expr.Resolved, i int) (expr.Node, error) {
	def := userDef(r)
	if def == nil {
		return r.DefaultArg(i), nil
	}
	f := s.env.Catalog.Function(def.Oid)
	if f == nil {
		return nil, pgerr.Internal("function %d is not in the catalog", def.Oid)
	}
	at := 0
	for k := range f.Args {
		a := &f.Args[k]
		if !a.Mode.Input() && !(s.calling && a.Mode == catalog.ArgOut) {
			continue
		}
		if at == i && a.Default != "" {
			return s.analyzeDefault(a)
		}
		at++
	}
	return nil, nil
}

func (s *scope) analyzeDefault(a *catalog.Argument) (expr.Node, error) {
	tree, err := parse.ParseExpr(a.Default)
	if err != nil {
		return nil, err
	}
	env := *s.env
	env.Text, env.NoParams, env.Role, env.Function, env.Bound, env.LiteralBase = "", true, 0, nil, nil, 0
	return AnalyzeExpr(tree, ExprScope{Kind: FunctionDefaultExpr, Type: a.Type}, &env)
}
