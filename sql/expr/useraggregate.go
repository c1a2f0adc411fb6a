package expr

import (
	"fmt"
	"slices"
	"sync"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// AggregateDef is the definition of an aggregate that a user created, as calls need it.
type AggregateDef struct {
	UserDef
	// State is the type of the running value, polymorphic ones unresolved. It begins with Init, a text, or NULL.
	State types.Type
	Init  *string
	// Transition makes the next state of a state and the arguments of a row; Final the result of the last state, which is
	// itself the result where Final is nil. FinalExtra says that Final has NULLs for arguments behind the state.
	Transition, Final *Function
	FinalExtra        bool
	// FinalModifies says that Final changes the state, so that no later row can go on from it.
	FinalModifies bool

	mu       sync.Mutex
	compiled map[string]*aggregateCode
}

// aggregateCode is how an aggregate is computed for arguments of certain types.
type aggregateCode struct {
	state             types.Type
	transition, final *Compiled
	err               error
}

// NewUserAggregate makes a user's aggregate known to resolution. It is compared as functions are.
func NewUserAggregate(d *AggregateDef) *UserFunction {
	p := &proc{oid: d.Oid, name: d.Name, kind: 'a', ret: d.Result.Oid, names: d.Names}
	for _, a := range d.Args {
		p.args = append(p.args, a.Oid)
	}
	if d.Variadic {
		p.variadic = variadicElem(p.args[len(p.args)-1])
	}
	// Its rows count in their order, for all that is known of the transition; and the session's goroutine calls it.
	p.agg = &AggFunction{Oid: d.Oid, Name: d.Name, Kind: PlainAggregate, Args: p.args, Result: p.ret, Volatility: Immutable, Variadic: p.variadic,
		OrderSensitive: true, User: d}
	if d.Transition != nil && d.Transition.Supported() && (d.Final == nil || d.Final.Supported()) {
		p.agg.newState = rowAgg(func(args []types.Type, _ types.Type) accumulator { return &userAcc{def: d, code: d.code(args)} })
	}
	return &UserFunction{p: p}
}

// Scalar is the function as expressions call it; nil for what is none.
func (f *UserFunction) Scalar() *Function { return f.p.fn }

// FunctionByOid finds a function of the system that is no aggregate and returns no set; nil: there is none.
func FunctionByOid(oid types.Oid) *Function {
	if p := procsByOid[oid]; p != nil {
		return p.fn
	}
	return nil
}

// Unchecked is the function as what its caller need not be allowed to call: what an aggregate is made of is its owner's.
func (f *Function) Unchecked() *Function {
	if f.User == nil {
		return f
	}
	c, d := *f, *f.User
	d.Unchecked = true
	c.User = &d
	return &c
}

// code returns how the aggregate is computed for arguments of some types.
func (d *AggregateDef) code(args []types.Type) *aggregateCode {
	key := fmt.Sprint(args)
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.compiled[key]
	if c == nil {
		c = d.compile(args)
		if d.compiled == nil {
			d.compiled = map[string]*aggregateCode{}
		}
		d.compiled[key] = c
	}
	return c
}

func (d *AggregateDef) compile(args []types.Type) *aggregateCode {
	c := &aggregateCode{state: d.State}
	declared, actual := make([]types.Oid, len(d.Args)), make([]types.Oid, len(args))
	for i, a := range d.Args {
		declared[i] = a.Oid
	}
	for i, a := range args {
		actual[i] = a.Oid
	}
	_, state, err := ResolvePolymorphic(actual, declared, d.State.Oid)
	if err != nil {
		c.err = err
		return c
	}
	if state != d.State.Oid {
		c.state = types.T(state)
	}
	if c.transition, c.err = callOn(d.Transition, append([]types.Type{c.state}, args...)); c.err != nil || d.Final == nil {
		return c
	}
	in := []types.Type{c.state}
	if d.FinalExtra {
		in = append(in, args...)
	}
	c.final, c.err = callOn(d.Final, in)
	return c
}

// callOn compiles the call of a function on a row of its arguments.
func callOn(f *Function, row []types.Type) (*Compiled, error) {
	args, actual := make([]Node, len(row)), make([]types.Oid, len(row))
	for i, t := range row {
		args[i], actual[i] = &Column{Index: i, Type: t}, t.Oid
	}
	result := types.T(f.Result)
	if f.User != nil {
		result = f.User.Result
	}
	if _, ret, err := ResolvePolymorphic(actual, f.Args, f.Result); err == nil && ret != result.Oid {
		result = types.T(ret)
	}
	return Compile(&Func{Fn: f, Args: args, Type: result, Loc: -1}, row)
}

// userAcc is the state of a user's aggregate: what ExecAggTransFunction does.
type userAcc struct {
	def     *AggregateDef
	code    *aggregateCode
	state   types.Datum
	row     []types.Datum
	started bool
	// first says that there is no state yet: a strict transition takes the first value for it.
	first bool
}

// start takes the first value of the state.
func (a *userAcc) start(ctx *EvalContext) error {
	if a.started {
		return nil
	}
	a.started = true
	if a.code.err != nil {
		return a.code.err
	}
	if ctx.Session == nil {
		return errNoSession
	}
	if err := ctx.Session.MayAggregate(a.def.Oid); err != nil {
		return err
	}
	if a.def.Init == nil {
		a.first = true
		return nil
	}
	var err error
	a.state, err = types.ParseText(a.code.state, *a.def.Init, ctx.IO())
	return err
}

func (a *userAcc) add(ctx *EvalContext, args []types.Datum) error {
	if err := a.start(ctx); err != nil {
		return err
	}
	if a.def.Transition.Strict {
		switch {
		case slices.ContainsFunc(args, types.Datum.IsNull):
			return nil
		case a.first:
			a.state, a.first = args[0], false
			return nil
		case a.state.IsNull(): // it became NULL, and stays it
			return nil
		}
	}
	a.first = false
	a.row = append(append(a.row[:0], a.state), args...)
	var err error
	a.state, err = a.code.transition.EvalRow(ctx, a.row)
	return err
}

func (a *userAcc) merge(*EvalContext, accumulator) error {
	return pgerr.Internal("states of aggregate %s are not combined", a.def.Name)
}

func (a *userAcc) result(ctx *EvalContext) (types.Datum, error) {
	if err := a.start(ctx); err != nil {
		return types.Null, err
	}
	if a.def.Final == nil {
		return a.state, nil
	}
	row := make([]types.Datum, len(a.def.Final.Args))
	row[0] = a.state
	return a.code.final.EvalRow(ctx, row)
}

func (a *userAcc) size() int64 { return 128 + stateBytes(a.state) }

// stateBytes estimates what a state holds.
func stateBytes(d types.Datum) int64 {
	switch d.Kind() {
	case types.KString:
		return int64(len(d.Str()))
	case types.KArray:
		return int64(len(d.Array().Elems)) * 48
	}
	return 32
}
