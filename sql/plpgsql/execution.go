package plpgsql

import (
	"context"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// execution is a call of a function that runs.
type execution struct {
	fn   *Function
	host Host
	call *Call
	ctx  context.Context
	env  *Env
	eval expr.EvalContext
	over expr.EvalContext // of evalOver
	one  [1]types.Datum

	vals []types.Datum // of scalars, by datum number
	recs []*record     // of records
	// owned are the arrays of variables that nobody else has; see elementStore.
	owned []*types.Array
	// varTypes are the types of CASE's variables that are others than declared.
	varTypes map[*datum]types.Type
	rowTypes map[types.Oid]*rowType // of composite types, in env
	casts    map[castKey]*cast

	// Where it is, for CONTEXT.
	stmt  stmt
	decl  *datum // that is being initialised
	phase string

	handled   *pgerr.Error // by the running handler
	processed int64        // ROW_COUNT
	exitLabel string
	ret       result
}

// result is what RETURN returns: a record variable, or a value.
type result struct {
	null  bool
	typ   types.Type
	value types.Datum
	rec   *record
}

// signal is how a statement ended.
type signal uint8

const (
	goesOn signal = iota
	exits
	returns
	continues
)

// Call is a call of a function.
type Call struct {
	Args []types.Datum
	// Expected are the fields that the caller wants of a result with fields; nil: any.
	Expected []expr.RecordColumn
	// Emit takes the rows of a set. It keeps what it gets.
	Emit    func(fields []types.Datum) error
	Trigger *Trigger
}

// Trigger is what a trigger's function is called for.
type Trigger struct {
	Columns []expr.RecordColumn // of the relation
	RowType types.Oid
	// Old and New are rows of it, nil for none.
	Old, New []types.Datum
	ForRow   bool
	// Values are those of the TG_ variables: name, when, level, op, relid, relname, table_name, table_schema, nargs and argv.
	Values []types.Datum
}

// Result is what a function returned.
type Result struct {
	Null  bool
	Value types.Datum
	// Fields and Columns are a row's.
	Fields  []types.Datum
	Columns []expr.RecordColumn
}

// Call runs a function.
func (f *Function) Call(host Host, call *Call) (*Result, error) {
	x := f.idle
	if f.idle = nil; x == nil {
		x = &execution{fn: f, vals: make([]types.Datum, len(f.datums)), recs: make([]*record, len(f.datums))}
	}
	x.host, x.call, x.ctx = host, call, host.Context()
	outer := f.running
	f.running = x
	host.Push(x)
	r, err := x.main()
	host.Pop()
	f.running = outer
	if err != nil {
		return nil, pgerr.From(host.Failure(err)).Clone().WithWhere("%s", x.ContextLine())
	}
	clear(x.vals)
	clear(x.recs)
	*x = execution{fn: f, vals: x.vals, recs: x.recs}
	f.idle = x
	return r, nil
}

// ContextLine implements Frame: plpgsql_exec_error_callback.
func (x *execution) ContextLine() string {
	ln := 0
	switch {
	case x.decl != nil:
		ln = x.decl.line
	case x.stmt != nil:
		ln = x.stmt.lineNo()
	}
	line := "PL/pgSQL function " + x.fn.signature
	switch {
	case x.phase != "" && ln > 0:
		return line + " line " + itoa(ln) + " " + x.phase
	case x.phase != "":
		return line + " " + x.phase
	case x.stmt != nil && ln > 0:
		return line + " line " + itoa(ln) + " at " + x.stmt.kind()
	}
	return line
}

// main is plpgsql_exec_function and plpgsql_exec_trigger.
func (x *execution) main() (*Result, error) {
	x.phase = "during initialization of execution state"
	x.renew()
	f := x.fn
	if t := x.call.Trigger; t != nil {
		x.setTrigger(t)
	} else {
		x.phase = "while storing call arguments into local variables"
		for i, d := range f.args {
			if err := x.storeArgument(d, x.call.Args[i]); err != nil {
				return nil, err
			}
		}
	}
	x.phase = "during function entry"
	x.setFound(false)
	x.phase = ""
	x.stmt = f.body
	if err := x.interrupted(); err != nil {
		return nil, err
	}
	sig, err := x.block(f.body)
	if err != nil {
		return nil, err
	}
	x.stmt = nil
	if sig != returns {
		what := "function"
		if f.ofTrigger {
			what = "trigger procedure"
		}
		return nil, pgerr.New(pgerr.FunctionExecutedNoReturnStatement, "control reached end of %s without RETURN", what)
	}
	if f.ofTrigger {
		x.phase = "during function exit"
		return x.triggerResult()
	}
	x.phase = "while casting return value to function's return type"
	return x.functionResult()
}

// renew takes the host's environment as it is now.
func (x *execution) renew() {
	if env := x.host.Env(); env != x.env {
		x.env = env
		x.host.Eval(&x.eval)
		x.rowTypes, x.casts = nil, nil
	}
}

func (x *execution) interrupted() error {
	if err := x.ctx.Err(); err != nil {
		return x.host.Failure(err)
	}
	return nil
}

// setFound sets FOUND.
func (x *execution) setFound(found bool) { x.vals[x.fn.found.no] = types.NewBool(found) }

// storeArgument gives an argument its value.
func (x *execution) storeArgument(d *datum, v types.Datum) error {
	switch {
	case d.kind == scalarDatum:
		x.vals[d.no] = v
		return nil
	case v.IsNull():
		return x.moveRow(d, nil, nil)
	}
	return x.moveDatum(d, v)
}

// setTrigger gives the variables of a trigger function their values.
func (x *execution) setTrigger(t *Trigger) {
	typ := &rowType{columns: t.Columns, of: t.RowType}
	set := func(d *datum, row []types.Datum) {
		r := &record{typ: typ, fields: row}
		if row == nil || !t.ForRow {
			r.fields, r.null = make([]types.Datum, len(t.Columns)), true
		}
		x.recs[d.no] = r
	}
	set(x.fn.newRow, t.New)
	set(x.fn.oldRow, t.Old)
	for i, d := range x.fn.trigger {
		x.vals[d.no] = t.Values[i]
	}
}

// triggerResult is the row that a trigger function returns.
func (x *execution) triggerResult() (*Result, error) {
	t := x.call.Trigger
	if x.ret.null || !t.ForRow {
		return &Result{Null: true}, nil
	}
	typ, fields := x.returnedRow()
	if err := samePositions(typ.columns, t.Columns, "returned row structure does not match the structure of the triggering table"); err != nil {
		return nil, err
	}
	return &Result{Fields: fields, Columns: t.Columns}, nil
}

// returnedRow is the row that RETURN returned.
func (x *execution) returnedRow() (*rowType, []types.Datum) {
	if r := x.ret.rec; r != nil {
		return r.typ, r.fields
	}
	return x.rowOf(x.ret.value)
}

// functionResult is what a function returns to its caller.
func (x *execution) functionResult() (*Result, error) {
	f := x.fn
	none := &Result{Null: true}
	switch {
	case f.set:
		return none, nil
	case x.ret.null:
		if f.result.Domain != 0 { // which may not allow NULL
			if _, err := x.cast(types.Null, x.ret.typ, f.result); err != nil {
				return nil, err
			}
		}
		return none, nil
	case !f.tuple && x.ret.rec != nil:
		v, err := x.cast(x.rowDatum(x.ret.rec.typ, x.ret.rec.fields), x.ret.typ, f.result)
		return &Result{Value: v, Null: v.IsNull()}, err
	case !f.tuple:
		v, err := x.cast(x.ret.value, x.ret.typ, f.result)
		return &Result{Value: v, Null: v.IsNull()}, err
	}
	typ, fields := x.returnedRow()
	columns := typ.columns
	if want := x.call.Expected; want != nil && !(typ.of != 0 && typ.of == f.result.Oid) {
		if err := samePositions(columns, want, "returned record type does not match expected record type"); err != nil {
			return nil, err
		}
		columns = want
	}
	if f.result.Domain != 0 {
		if err := x.checkDomain(f.result, &record{typ: &rowType{columns: columns, of: f.result.Oid}, fields: fields}); err != nil {
			return nil, err
		}
	}
	return &Result{Fields: fields, Columns: columns}, nil
}

// samePositions is build_attrmap_by_position: whether rows of some columns are rows of others.
func samePositions(from, to []expr.RecordColumn, message string) error {
	mismatch := pgerr.New(pgerr.DatatypeMismatch, message)
	for i := range to {
		if i >= len(from) {
			break
		}
		a, b := from[i].Type, to[i].Type
		if a.Declared() != b.Declared() || a.Mod != b.Mod && b.Mod >= 0 {
			return mismatch.WithDetail("Returned type %s does not match expected type %s in column %d.",
				types.FormatType(a), types.FormatType(b), i+1)
		}
	}
	if len(from) != len(to) {
		return mismatch.WithDetail("Number of returned columns (%d) does not match expected column count (%d).", len(from), len(to))
	}
	return nil
}
