package utility

import (
	"context"
	"slices"
	"strconv"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// createAggregate is CREATE AGGREGATE: DefineAggregate and AggregateCreate, their checks in the same order.
func (e *Env) createAggregate(ctx context.Context, s *parse.CreateAggregateStmt) error {
	name := objectName(s.Name)
	if _, err := e.DDL.FunctionSchema(ctx, name); err != nil {
		return err
	}
	f, err := e.newAggregate(s)
	if err != nil {
		return err
	}
	return e.DDL.CreateFunction(ctx, &ddl.FunctionSpec{Name: name, Replace: s.Replace, Function: f})
}

// newAggregate makes an aggregate's descriptor of the statement that creates it.
func (e *Env) newAggregate(s *parse.CreateAggregateStmt) (*catalog.Function, error) {
	if s.Ordered {
		return nil, pgerr.NotSupported("CREATE AGGREGATE of an ordered-set aggregate")
	}
	o, err := e.aggregateOptions(s)
	if err != nil {
		return nil, err
	}
	f := &catalog.Function{Name: s.Name.Last(), Kind: catalog.AggregateFunction, Volatility: 'i', Parallel: o.parallel, Cost: 1,
		Aggregate: &catalog.Aggregate{FinalExtra: o.finalExtra, FinalModify: o.finalModify, Space: o.space, Init: o.init}}
	b := &aggregateBuilder{functionBuilder: functionBuilder{Env: e, f: f}, o: o, a: f.Aggregate}
	if err := b.arguments(s); err != nil {
		return nil, err
	}
	if err := b.state(); err != nil {
		return nil, err
	}
	return f, b.supports()
}

// aggregateOptions are the attributes of CREATE AGGREGATE as they are written; nil for those that are not.
type aggregateOptions struct {
	base, stype                          *parse.TypeName
	sfunc, final, combine, serial, deser parse.Name
	sortop                               parse.Name
	finalExtra                           bool
	finalModify                          catalog.ModifiesType
	parallel                             byte
	space                                int32
	init                                 *string
}

func (e *Env) aggregateOptions(s *parse.CreateAggregateStmt) (*aggregateOptions, error) {
	o := &aggregateOptions{finalModify: catalog.ModifiesNothing, parallel: 'u'}
	for _, d := range s.Definition {
		if err := e.readAggregateOption(o, d); err != nil {
			return nil, err
		}
	}
	switch {
	case o.stype == nil:
		return nil, invalidFunction("aggregate stype must be specified")
	case o.sfunc == nil:
		return nil, invalidFunction("aggregate sfunc must be specified")
	case s.OldStyle && o.base == nil:
		return nil, invalidFunction("aggregate input type must be specified")
	case !s.OldStyle && o.base != nil:
		return nil, invalidFunction("basetype is redundant with aggregate input type specification")
	}
	return o, nil
}

func (e *Env) readAggregateOption(o *aggregateOptions, d *parse.DefElem) (err error) {
	switch d.Name {
	case "sfunc", "sfunc1":
		o.sfunc, err = nameOption(d)
	case "finalfunc":
		o.final, err = nameOption(d)
	case "combinefunc":
		o.combine, err = nameOption(d)
	case "serialfunc":
		o.serial, err = nameOption(d)
	case "deserialfunc":
		o.deser, err = nameOption(d)
	case "sortop":
		o.sortop, err = nameOption(d)
	case "basetype":
		o.base, err = typeOption(d)
	case "stype", "stype1":
		o.stype, err = typeOption(d)
	case "finalfunc_extra":
		o.finalExtra, err = booleanOption(d)
	case "finalfunc_modify":
		o.finalModify, err = modifyOption(d)
	case "sspace":
		c, ok := d.Arg.(*parse.Const)
		if !ok || c.Kind != parse.ConstInteger {
			return pgerr.New(pgerr.SyntaxError, "%s requires an integer value", d.Name)
		}
		o.space = int32(c.Ival)
	case "initcond", "initcond1":
		text, err := stringOption(d)
		if err != nil {
			return err
		}
		o.init = &text
	case "parallel":
		w := word(d)
		if w != "safe" && w != "restricted" && w != "unsafe" {
			return pgerr.New(pgerr.SyntaxError, "parameter \"parallel\" must be SAFE, RESTRICTED, or UNSAFE")
		}
		o.parallel = w[0]
	case "msfunc", "minvfunc", "mstype", "msspace", "mfinalfunc", "mfinalfunc_extra", "mfinalfunc_modify", "minitcond":
		return pgerr.NotSupported("CREATE AGGREGATE with moving-aggregate mode")
	case "hypothetical":
		on, err := booleanOption(d)
		if on && err == nil {
			err = invalidFunction("only ordered-set aggregates can be hypothetical")
		}
		return err
	default:
		e.notice(pgerr.NewWarning(pgerr.SyntaxError, "aggregate attribute \"%s\" not recognized", d.Name))
	}
	return err
}

// nameOption is defGetQualifiedName.
func nameOption(d *parse.DefElem) (parse.Name, error) {
	switch a := d.Arg.(type) {
	case nil:
		return nil, pgerr.New(pgerr.SyntaxError, "%s requires a parameter", d.Name)
	case *parse.TypeName:
		return a.Names, nil
	case parse.NameArg:
		return parse.Name{string(a)}, nil
	case parse.NameListArg:
		return parse.Name(a), nil
	}
	return nil, pgerr.New(pgerr.SyntaxError, "argument of %s must be a name", d.Name)
}

// typeOption is defGetTypeName.
func typeOption(d *parse.DefElem) (*parse.TypeName, error) {
	switch a := d.Arg.(type) {
	case nil:
		return nil, pgerr.New(pgerr.SyntaxError, "%s requires a parameter", d.Name)
	case *parse.TypeName:
		return a, nil
	case parse.NameArg:
		return &parse.TypeName{Names: parse.Name{string(a)}, Location: -1}, nil
	}
	return nil, pgerr.New(pgerr.SyntaxError, "argument of %s must be a type name", d.Name)
}

// stringOption is defGetString.
func stringOption(d *parse.DefElem) (string, error) {
	switch a := d.Arg.(type) {
	case parse.NameArg:
		return string(a), nil
	case *parse.TypeName:
		return writtenType(a), nil
	case *parse.Const:
		if a.Kind == parse.ConstInteger {
			return strconv.FormatInt(int64(a.Ival), 10), nil
		}
		return a.Sval, nil
	}
	return "", pgerr.New(pgerr.SyntaxError, "%s requires a parameter", d.Name)
}

// booleanOption is defGetBoolean.
func booleanOption(d *parse.DefElem) (bool, error) {
	if d.Arg == nil {
		return true, nil
	}
	text, err := stringOption(d)
	if err != nil {
		return false, err
	}
	switch text {
	case "true", "on", "1":
		return true, nil
	case "false", "off", "0":
		return false, nil
	}
	return false, pgerr.New(pgerr.SyntaxError, "%s requires a Boolean value", d.Name)
}

func modifyOption(d *parse.DefElem) (catalog.ModifiesType, error) {
	text, err := stringOption(d)
	if err != nil {
		return 0, err
	}
	switch text {
	case "read_only":
		return catalog.ModifiesNothing, nil
	case "shareable":
		return catalog.ModifiesShareable, nil
	case "read_write":
		return catalog.ModifiesState, nil
	}
	return 0, pgerr.New(pgerr.SyntaxError, "parameter \"%s\" must be READ_ONLY, SHAREABLE, or READ_WRITE", d.Name)
}

// aggregateBuilder makes an aggregate's descriptor.
type aggregateBuilder struct {
	functionBuilder
	o *aggregateOptions
	a *catalog.Aggregate
}

// arguments settles the aggregate's arguments.
func (b *aggregateBuilder) arguments(s *parse.CreateAggregateStmt) error {
	if !s.OldStyle {
		return b.parameters(&parse.CreateFunctionStmt{Parameters: s.Parameters})
	}
	if len(b.o.base.Names) == 1 && slices.Contains([]string{"any", "ANY"}, b.o.base.Names[0]) {
		return nil
	}
	t, err := b.resolve(b.o.base)
	if err == nil {
		b.f.Args = []catalog.Argument{{Mode: catalog.ArgIn, Type: t}}
	}
	return err
}

// resolve is typenameTypeId.
func (b *aggregateBuilder) resolve(t *parse.TypeName) (types.Type, error) {
	typ, err := b.typeOf(t)
	if pgerr.HasCode(err, pgerr.UndefinedObject) {
		err = pgerr.New(pgerr.UndefinedObject, "type %q does not exist", writtenType(t))
	}
	return typ, err
}

// state settles the type of the state and reads its first value.
func (b *aggregateBuilder) state() error {
	t, err := b.resolve(b.o.stype)
	if err != nil {
		return err
	}
	b.a.State = t
	in := types.Lookup(t.Oid)
	pseudo := t.Domain == 0 && in != nil && in.Type == 'p'
	if pseudo && !expr.IsPolymorphic(t.Oid) && !(t.Oid == types.InternalOid && b.DDL.Overlay().Superuser(b.role())) {
		return invalidFunction("aggregate transition data type cannot be %s", types.FormatType(t))
	}
	switch internal := t.Oid == types.InternalOid; {
	case b.o.serial != nil && b.o.deser != nil && !internal:
		return invalidFunction("serialization functions may be specified only when the aggregate transition data type is %s", "internal")
	case (b.o.serial == nil) != (b.o.deser == nil):
		return invalidFunction("must specify both or neither of serialization and deserialization functions")
	}
	if b.o.init != nil && !pseudo {
		if _, err := types.ParseText(t, *b.o.init, b.ioEnv()); err != nil {
			return err
		}
	}
	if detail := expr.PolymorphicDetail(t.Oid, b.f.InputTypes()); detail != "" {
		return invalidFunction("cannot determine transition data type").WithDetail("%s", detail)
	}
	return nil
}

// support finds a function that the aggregate is to be made of.
func (b *aggregateBuilder) support(name parse.Name, args []types.Oid) (*sema.SupportFunction, error) {
	env := b.sema()
	env.Text = ""
	f, err := sema.ResolveSupport(name, args, env)
	if err != nil {
		return nil, err
	}
	over := b.DDL.Overlay()
	if u := over.Function(f.Oid); u != nil {
		if p, _ := over.FunctionPrivileges(u, b.role()); p&catalog.PrivExecute == 0 {
			return nil, catalog.DeniedError(u.Kind.Noun(), u.Name)
		}
		b.depend(u.OID)
	}
	return f, nil
}

// typeText prints a type as messages do.
func (b *aggregateBuilder) typeText(oid types.Oid) string {
	over := b.DDL.Overlay()
	return over.FormatType(b.SearchPath, over.ValueType(oid))
}

// supports finds the functions and settles the type of the result.
func (b *aggregateBuilder) supports() error {
	state, in := b.a.State.Declared(), b.f.InputTypes()
	withState := append([]types.Oid{state}, in...)
	transition, err := b.support(b.o.sfunc, withState)
	switch {
	case err != nil:
		return err
	case transition.Result != state:
		return pgerr.New(pgerr.DatatypeMismatch, "return type of transition function %s is not %s", b.o.sfunc.String(), b.typeText(state))
	case transition.Strict && b.o.init == nil && (len(in) == 0 || !types.BinaryCoercible(in[0], state)):
		return invalidFunction("must not omit initial value when transition function is strict and transition type is not compatible with input type")
	}
	b.a.Transition = transition.Oid
	b.f.Result = b.a.State
	if b.o.final != nil {
		if err := b.finalFunction(state, withState); err != nil {
			return err
		}
	}
	if b.o.combine != nil {
		f, err := b.support(b.o.combine, []types.Oid{state, state})
		switch {
		case err != nil:
			return err
		case f.Result != state:
			return pgerr.New(pgerr.DatatypeMismatch, "return type of combine function %s is not %s", b.o.combine.String(), b.typeText(state))
		case state == types.InternalOid && f.Strict:
			return invalidFunction("combine function with transition type %s must not be declared STRICT", "internal")
		}
		b.a.Combine = f.Oid
	}
	if err := b.serialization(); err != nil {
		return err
	}
	if detail := expr.PolymorphicDetail(b.f.Result.Oid, in); detail != "" {
		return invalidFunction("cannot determine result data type").WithDetail("%s", detail)
	}
	if b.f.Result.Oid == types.InternalOid && !slices.Contains(in, types.InternalOid) {
		return invalidFunction("unsafe use of pseudo-type \"internal\"").
			WithDetail("A function returning \"internal\" must have at least one \"internal\" argument.")
	}
	if b.o.sortop != nil {
		return b.sortOperator(in)
	}
	return nil
}

func (b *aggregateBuilder) finalFunction(state types.Oid, withState []types.Oid) error {
	args := []types.Oid{state}
	if b.o.finalExtra {
		args = withState
	}
	f, err := b.support(b.o.final, args)
	if err != nil {
		return err
	}
	if b.o.finalExtra && f.Strict {
		return invalidFunction("final function with extra arguments must not be declared STRICT")
	}
	b.a.Final, b.f.Result = f.Oid, b.DDL.Overlay().ValueType(f.Result)
	return nil
}

// serialization finds the functions that make bytes of an internal state and the other way round.
func (b *aggregateBuilder) serialization() error {
	for _, s := range []struct {
		name   parse.Name
		noun   string
		args   []types.Oid
		result types.Oid
		to     *catalog.Oid
	}{{b.o.serial, "serialization", []types.Oid{types.InternalOid}, types.ByteaOid, &b.a.Serial},
		{b.o.deser, "deserialization", []types.Oid{types.ByteaOid, types.InternalOid}, types.InternalOid, &b.a.Deserial}} {
		if s.name == nil {
			continue
		}
		f, err := b.support(s.name, s.args)
		if err != nil {
			return err
		}
		if f.Result != s.result {
			return pgerr.New(pgerr.DatatypeMismatch, "return type of %s function %s is not %s", s.noun, s.name.String(), b.typeText(s.result))
		}
		*s.to = f.Oid
	}
	return nil
}

// sortOperator finds the operator by which the aggregate is its least value, as MIN is.
func (b *aggregateBuilder) sortOperator(in []types.Oid) error {
	if len(in) != 1 {
		return invalidFunction("sort operator can only be specified for single-argument aggregates")
	}
	name := b.o.sortop
	f, err := expr.ResolveOperator(name.Last(), []types.Oid{in[0], in[0]})
	if err != nil || f.Operator.Left != in[0] || f.Operator.Right != in[0] {
		text := b.typeText(in[0])
		return pgerr.New(pgerr.UndefinedFunction, "operator does not exist: %s %s %s", text, name.String(), text)
	}
	b.a.SortOp = f.Operator.Oid
	return nil
}
