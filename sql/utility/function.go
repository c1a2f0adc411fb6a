package utility

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

func invalidFunction(format string, args ...any) *pgerr.Error {
	return pgerr.New(pgerr.InvalidFunctionDefinition, format, args...)
}

// createFunction is CREATE FUNCTION and CREATE PROCEDURE.
func (e *Env) createFunction(ctx context.Context, s *parse.CreateFunctionStmt) error {
	name := objectName(s.Name)
	if _, err := e.DDL.FunctionSchema(ctx, name); err != nil {
		return err
	}
	f, err := e.newFunction(s)
	if err != nil {
		return err
	}
	if err := e.DDL.CreateFunction(ctx, &ddl.FunctionSpec{Name: name, Replace: s.Replace, Function: f}); err != nil {
		return err
	}
	return e.checkFunction(ctx, f)
}

// newFunction makes a function's descriptor of the statement that creates it.
func (e *Env) newFunction(s *parse.CreateFunctionStmt) (*catalog.Function, error) {
	f := &catalog.Function{Name: s.Name.Last(), Kind: catalog.PlainFunction, Volatility: 'v', Parallel: 'u', Cost: 100}
	if s.IsProcedure {
		f.Kind = catalog.Procedure
	}
	o, err := e.functionOptions(s)
	if err != nil {
		return nil, err
	}
	if f.Language, err = o.languageOf(s); err != nil {
		return nil, err
	}
	if o.leakproof && !e.DDL.Overlay().Superuser(e.role()) {
		return nil, pgerr.New(pgerr.InsufficientPrivilege, "only superuser can define a leakproof function")
	}
	b := &functionBuilder{Env: e, f: f}
	if err := b.parameters(s); err != nil {
		return nil, err
	}
	if err := b.result(s); err != nil {
		return nil, err
	}
	if err := o.apply(f); err != nil {
		return nil, err
	}
	if err := b.body(s, o); err != nil {
		return nil, err
	}
	return f, polymorphicResult(f)
}

// functionBuilder makes a function's descriptor.
type functionBuilder struct {
	*Env
	f *catalog.Function
	// required is the result type that output arguments ask for; 0 for none.
	required types.Type
}

// typeOf resolves the type of an argument or result, without its modifier; ok is false where there is none of the name.
func (b *functionBuilder) typeOf(t *parse.TypeName) (typ types.Type, err error) {
	named := *t
	named.Setof = false
	env := b.sema()
	env.Text = ""
	typ, err = sema.ResolveType(&named, env)
	if t.PctType && err == nil {
		b.notice(pgerr.Notice("type reference %s converted to %s", t.Names.String()+"%TYPE", types.FormatType(typ)))
	}
	if pgerr.HasCode(err, pgerr.UndefinedObject) {
		err = pgerr.New(pgerr.UndefinedObject, "type %s does not exist", writtenType(t))
	}
	typ.Mod = -1
	return typ, err
}

// writtenType is TypeNameToString.
func writtenType(t *parse.TypeName) string {
	text := t.Names.String()
	for range t.ArrayBounds {
		text += "[]"
	}
	return text
}

// parameters is interpret_function_parameter_list.
func (b *functionBuilder) parameters(s *parse.CreateFunctionStmt) error {
	outs, variadic, haveDefaults := 0, false, false
	noun := b.f.Kind.Noun()
	for _, p := range s.Parameters {
		typ, err := b.typeOf(p.Type)
		if err != nil {
			return err
		}
		mode := catalog.ArgMode(p.Mode)
		if p.Mode == parse.FuncParamDefault {
			mode = catalog.ArgIn
		}
		a := catalog.Argument{Name: p.Name, Mode: mode, Type: typ}
		switch {
		case p.Type.Setof:
			return invalidFunction("%ss cannot accept set arguments", noun)
		case mode.Input() && variadic:
			return invalidFunction("VARIADIC parameter must be the last input parameter")
		case !mode.Input() && s.IsProcedure && variadic:
			return invalidFunction("VARIADIC parameter must be the last parameter")
		case !mode.Input() && s.IsProcedure && haveDefaults:
			return invalidFunction("procedure OUT parameters cannot appear after one with a default value")
		}
		if mode.Output() {
			if outs++; outs == 1 {
				b.required = typ
			}
		}
		if mode == catalog.ArgVariadic {
			variadic = true
			if !variadicType(typ.Declared()) {
				return invalidFunction("VARIADIC parameter must be an array")
			}
		}
		if p.Name != "" && slices.ContainsFunc(b.f.Args, func(o catalog.Argument) bool {
			// A pure input and a pure output may share a name.
			return o.Name == p.Name && (o.Mode.Input() && mode.Input() || o.Mode.Output() && mode.Output())
		}) {
			return invalidFunction("parameter name \"%s\" used more than once", p.Name)
		}
		if p.Default != nil {
			if !mode.Input() {
				return invalidFunction("only input parameters can have default values")
			}
			if a.Default, err = b.defaultOf(p, typ); err != nil {
				return err
			}
			haveDefaults = true
		} else if mode.Input() && haveDefaults {
			return invalidFunction("input parameters after one with a default value must also have defaults")
		}
		b.f.Args = append(b.f.Args, a)
	}
	if outs > 1 || outs > 0 && s.IsProcedure {
		b.required = types.T(types.RecordOid)
	}
	return nil
}

// variadicType reports whether a VARIADIC parameter may have a type.
func variadicType(t types.Oid) bool {
	switch t {
	case types.AnyarrayOid, types.AnycompatiblearrayOid, types.AnyOid:
		return true
	}
	return types.ElemOf(t) != 0
}

// defaultOf analyses and binds the default of a parameter.
func (b *functionBuilder) defaultOf(p *parse.FunctionParameter, t types.Type) (string, error) {
	scope := sema.ExprScope{Kind: sema.FunctionDefaultExpr, Type: t}
	x, _, err := b.expression(p.Default, p.DefaultText, scope)
	if err != nil {
		return "", err
	}
	for _, oid := range x.Deps() {
		b.depend(oid)
	}
	return x.Text, nil
}

// depend notes an object that the function names.
func (b *functionBuilder) depend(oid catalog.Oid) {
	if !slices.ContainsFunc(b.f.Deps, func(d catalog.ViewDep) bool { return d.Relation == oid }) {
		b.f.Deps = append(b.f.Deps, catalog.ViewDep{Relation: oid})
	}
}

// result settles the type of the result.
func (b *functionBuilder) result(s *parse.CreateFunctionStmt) error {
	f := b.f
	switch {
	case s.IsProcedure:
		f.Result = types.T(types.VoidOid)
		if b.required.Oid != 0 {
			f.Result = b.required
		}
	case s.ReturnType != nil:
		t, err := b.typeOf(s.ReturnType)
		if err != nil {
			return b.noResultType(s, err)
		}
		f.Result, f.Set = t, s.ReturnType.Setof
		if b.required.Oid != 0 && t.Declared() != b.required.Declared() {
			return invalidFunction("function result type must be %s because of OUT parameters", types.FormatType(b.required))
		}
	case b.required.Oid != 0:
		f.Result = b.required
	default:
		return invalidFunction("function result type must be specified")
	}
	if f.Set {
		f.Rows = 1000
	}
	return nil
}

// noResultType is what PostgreSQL says of a result type that is not there: compute_return_type.
func (b *functionBuilder) noResultType(s *parse.CreateFunctionStmt, err error) error {
	if pgerr.HasCode(err, pgerr.UndefinedObject) {
		return pgerr.New(pgerr.UndefinedObject, "type %q does not exist", writtenType(s.ReturnType))
	}
	return err
}

// polymorphicResult is check_valid_polymorphic_signature for the result and the output arguments.
func polymorphicResult(f *catalog.Function) error {
	in := f.InputTypes()
	check := func(t types.Oid) error {
		detail := expr.PolymorphicDetail(t, in)
		if detail == "" {
			return nil
		}
		return invalidFunction("cannot determine result data type").WithDetail("%s", detail)
	}
	for _, a := range f.Outputs() {
		if err := check(a.Type.Oid); err != nil {
			return err
		}
	}
	return check(f.Result.Oid)
}

// body takes the body from AS or from the statement itself.
func (b *functionBuilder) body(s *parse.CreateFunctionStmt, o *functionOptions) error {
	f := b.f
	switch {
	case o.as != nil && s.HasSQLBody:
		return invalidFunction("duplicate function body specified")
	case s.HasSQLBody && f.Language != catalog.LanguageSQL:
		return invalidFunction("inline SQL function body only valid for language SQL")
	case s.HasSQLBody:
		return b.sqlBody(s)
	case o.as == nil:
		return invalidFunction("no function body specified")
	case f.Language == catalog.LanguageC && len(o.as) == 2:
		f.Library, f.Source, f.Cost = o.as[0], o.as[1], 1
		return nil
	case len(o.as) != 1:
		return invalidFunction("only one AS item needed for language \"%s\"", f.Language)
	}
	f.Source = o.as[0]
	return nil
}

// routineName is how a generic statement names a function.
func (e *Env) routineName(kind parse.ObjectType, o *parse.ObjectName) (*ddl.RoutineName, error) {
	r := &ddl.RoutineName{Name: objectName(o.Name), Unspecified: o.ArgsUnspecified}
	switch kind {
	case parse.ObjectFunction:
		r.Kind = catalog.PlainFunction
	case parse.ObjectProcedure:
		r.Kind = catalog.Procedure
	case parse.ObjectAggregate:
		r.Kind = catalog.AggregateFunction
	}
	b := &functionBuilder{Env: e}
	for _, t := range o.Args {
		if t == nil {
			continue
		}
		typ, err := b.typeOf(t)
		if err != nil {
			return nil, err
		}
		if r.Args != nil {
			r.Written += ","
		}
		r.Args, r.Written = append(r.Args, typ), r.Written+writtenType(t)
	}
	if r.Kind == catalog.PlainFunction || r.Kind == catalog.AggregateFunction {
		return r, nil
	}
	for _, p := range o.AllArgs {
		typ, err := b.typeOf(p.Type)
		if err != nil {
			return nil, err
		}
		r.All = append(r.All, typ)
	}
	return r, nil
}

// routine finds the function that a generic statement names; nil where there is none and missingOK says so.
func (e *Env) routine(kind parse.ObjectType, o *parse.ObjectName, missingOK bool) (*catalog.Function, error) {
	r, err := e.routineName(kind, o)
	if err != nil {
		if missingOK && pgerr.HasCode(err, pgerr.UndefinedObject) {
			e.notice(pgerr.Notice("%s, skipping", missingType(o)))
			return nil, nil
		}
		return nil, err
	}
	found, err := e.DDL.FindRoutine(r, missingOK && !isBuiltin(r))
	if pgerr.HasCode(err, pgerr.UndefinedFunction) && isBuiltin(r) {
		return nil, pgerr.New(pgerr.DependentObjectsStillExist, "cannot drop function %s because it is required by the database system",
			strings.ReplaceAll(expr.Signature(catalog.QuoteIdent(r.Name.Name), oids(r.Args)), ", ", ","))
	}
	return found, err
}

// missingType says of the types that a routine's name lists which is not there.
func missingType(o *parse.ObjectName) string {
	for _, t := range o.Args {
		if t != nil && types.ByName(t.Names.Last()) == nil {
			return "type \"" + writtenType(t) + "\" does not exist"
		}
	}
	return "function does not exist"
}

func oids(list []types.Type) []types.Oid {
	out := make([]types.Oid, len(list))
	for i, t := range list {
		out[i] = t.Declared()
	}
	return out
}

// isBuiltin reports whether a routine's name is that of a function of the system.
func isBuiltin(r *ddl.RoutineName) bool {
	if r.Name.Schema != "" && r.Name.Schema != catalog.PgCatalogName || r.Unspecified {
		return false
	}
	return expr.HasFunction(r.Name.Name, oids(r.Args))
}

// dropFunctions is DROP FUNCTION, PROCEDURE and ROUTINE.
func (e *Env) dropFunctions(ctx context.Context, s *parse.DropStmt) error {
	var list []*catalog.Function
	for _, o := range s.Objects {
		f, err := e.routine(s.RemoveType, o, s.MissingOk)
		if err != nil {
			return err
		}
		if f != nil && f.Aggregate != nil && s.RemoveType != parse.ObjectAggregate {
			return errAggregate(f).WithHint("Use DROP AGGREGATE to drop aggregate functions.")
		}
		if f != nil {
			list = append(list, f)
		}
	}
	return e.DDL.DropFunctions(ctx, list, behavior(s.Behavior))
}

// isRoutine reports whether a kind of object is one of functions.
func isRoutine(t parse.ObjectType) bool {
	return t == parse.ObjectFunction || t == parse.ObjectProcedure || t == parse.ObjectRoutine || t == parse.ObjectAggregate
}

// errAggregate refuses an aggregate where a function is wanted.
func errAggregate(f *catalog.Function) *pgerr.Error {
	return pgerr.New(pgerr.WrongObjectType, "\"%s\" is an aggregate function", f.Name)
}

// alterFunction is ALTER FUNCTION, PROCEDURE and ROUTINE with options.
func (e *Env) alterFunction(ctx context.Context, s *parse.AlterFunctionStmt) error {
	f, err := e.routine(s.ObjType, s.Object, false)
	if err != nil {
		return err
	}
	if f.Aggregate != nil {
		return errAggregate(f)
	}
	return e.DDL.AlterFunction(ctx, f, func(c *catalog.Function) error {
		o := &functionOptions{Env: e, procedure: f.Kind == catalog.Procedure}
		for _, d := range s.Actions {
			if err := o.read(d); err != nil {
				return err
			}
		}
		if o.leakproof && !e.DDL.Overlay().Superuser(e.role()) {
			return pgerr.New(pgerr.InsufficientPrivilege, "only superuser can define a leakproof function")
		}
		return o.apply(c)
	})
}

// number reads the value of COST and ROWS.
func number(c *parse.Const) float32 {
	if c.Kind == parse.ConstInteger {
		return float32(c.Ival)
	}
	v, err := strconv.ParseFloat(c.Sval, 32)
	if err != nil {
		return 0
	}
	return float32(v)
}
