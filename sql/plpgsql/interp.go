package plpgsql

import (
	"errors"
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Host runs SQL for a function.
type Host interface {
	// Prepare makes a query's plan current: its variables are known then.
	Prepare(q *Query) error
	// Run executes a prepared query, at most limit rows of it (0: all), and reports the rows returned or written. returns says
	// that it is one that returns rows. Rows are valid during the call only.
	Run(q *Query, params []types.Datum, limit int, rows func(cols []expr.RecordColumn, row []types.Datum) error) (n int64, returns bool, err error)
	// Subtransaction runs body and undoes what it did if it fails.
	Subtransaction(body func() error) error
	Notice(n *pgerr.Error)
	// Interrupted is the error of a statement that is to end.
	Interrupted() error
	Cast(d types.Datum, from, to types.Type) (types.Datum, error)
	Text(d types.Datum, t types.Type) string
	// Columns are the fields of a composite type, else nil; Row makes a value of one.
	Columns(t types.Oid) []expr.RecordColumn
	Row(t types.Oid, fields []types.Datum) types.Datum
	Assertions() bool
}

// Row is a row with the names and types of its fields.
type Row struct {
	Cols   []expr.RecordColumn
	Fields []types.Datum
}

// value is a variable's: a row for records and composites (nil: not assigned), else a datum.
type value struct {
	d   types.Datum
	row *Row
}

// frame is an execution.
type frame struct {
	f       *Function
	host    Host
	vals    []value
	rows    int64
	err     *pgerr.Error // that the running handler handles
	emit    func(d types.Datum, t types.Type, row *Row) error
	result  types.Datum
	resType types.Type
	resRow  *Row
	label   string // of EXIT and CONTINUE
}

type signal uint8

const (
	goesOn signal = iota
	exits
	continues
	returns
)

// Result is what a function returned.
type Result struct {
	Value types.Datum
	Type  types.Type
	Row   *Row // of a row, instead of Value
}

// Trigger is what a trigger function is called with.
type Trigger struct {
	New, Old *Row
	Vars     []types.Datum // of triggerNames
}

// Call runs a function. emit takes the rows of a set.
func (f *Function) Call(host Host, args []types.Datum, tr *Trigger, emit func(d types.Datum, t types.Type, row *Row) error) (*Result, error) {
	fr := &frame{f: f, host: host, vals: make([]value, len(f.vars)), emit: emit, result: types.Null}
	f.frame = fr
	defer func() { f.frame = nil }()
	fr.vals[f.found].d = types.NewBool(false)
	for i, v := range f.args {
		fr.store(v, args[i])
	}
	if tr != nil {
		fr.vals[f.new].row, fr.vals[f.old].row = tr.New, tr.Old
		for i, d := range tr.Vars {
			fr.vals[f.old+1+i].d = d
		}
	}
	sig, err := fr.block(f.body)
	if err != nil {
		if r, ok := err.(*raised); ok {
			return nil, r.err
		}
		return nil, err
	}
	if sig != returns && (len(f.outs) == 0 && !f.Return.Set && !f.Return.Procedure && f.Return.Type.Oid != types.VoidOid) {
		return nil, pgerr.New(pgerr.FunctionExecutedNoReturnStatement, "control reached end of function without RETURN").
			WithWhere("PL/pgSQL function %s", f.Signature)
	}
	if len(f.outs) == 1 && !f.Return.Procedure {
		v := f.outs[0]
		d, t := fr.whole(v)
		return &Result{Value: d, Type: t}, nil
	}
	if len(f.outs) > 0 {
		return &Result{Row: fr.outRow()}, nil
	}
	return &Result{Value: fr.result, Type: fr.resType, Row: fr.resRow}, nil
}

func (fr *frame) outRow() *Row {
	r := &Row{}
	for _, v := range fr.f.outs {
		d, t := fr.whole(v)
		r.Cols = append(r.Cols, expr.RecordColumn{Name: fr.f.vars[v].name, Type: t})
		r.Fields = append(r.Fields, d)
	}
	return r
}

// store puts a value of the variable's type into it.
func (fr *frame) store(v int, d types.Datum) {
	x := fr.f.vars[v]
	if !x.record && x.typ.Oid.Class() != types.CompositeClass {
		fr.vals[v].d = d
		return
	}
	fr.vals[v].row = nil
	if !d.IsNull() {
		fr.vals[v].row = fr.rowOf(d)
	} else if !x.record {
		cols := fr.host.Columns(x.typ.Oid)
		fr.vals[v].row = &Row{cols, make([]types.Datum, len(cols))}
	}
}

// rowOf takes a record apart.
func (fr *frame) rowOf(d types.Datum) *Row {
	rec := d.Record()
	if cols := fr.host.Columns(rec.Oid); cols != nil && len(cols) == len(rec.Fields) {
		return &Row{cols, slices.Clone(rec.Fields)}
	}
	r := &Row{Fields: slices.Clone(rec.Fields)}
	for i, t := range rec.Types {
		name := "f" + itoa(i+1)
		if i < len(rec.Names) {
			name = rec.Names[i]
		}
		r.Cols = append(r.Cols, expr.RecordColumn{Name: name, Type: t})
	}
	return r
}

// Record makes a record of a row.
func (r *Row) Record() types.Datum {
	rec := &types.Record{Fields: slices.Clone(r.Fields)}
	for _, c := range r.Cols {
		rec.Types, rec.Names = append(rec.Types, c.Type), append(rec.Names, c.Name)
	}
	return types.NewRecord(rec)
}

// whole is a variable's value as a datum.
func (fr *frame) whole(v int) (types.Datum, types.Type) {
	x := fr.f.vars[v]
	if !x.record && x.typ.Oid.Class() != types.CompositeClass {
		return fr.vals[v].d, x.typ
	}
	r := fr.vals[v].row
	switch {
	case r == nil:
		return types.Null, x.typ
	case x.record:
		return r.Record(), x.typ
	}
	return fr.host.Row(x.typ.Oid, r.Fields), x.typ
}

func (r *Row) field(name string) int {
	return slices.IndexFunc(r.Cols, func(c expr.RecordColumn) bool { return c.Name == name })
}

// fieldOf finds a field of a record variable.
func (fr *frame) fieldOf(v int, name string) (*Row, int, error) {
	x := fr.f.vars[v]
	if !x.record && x.typ.Oid.Class() != types.CompositeClass {
		return nil, 0, pgerr.New(pgerr.WrongObjectType, "variable \"%s\" is not a record", x.name)
	}
	r := fr.vals[v].row
	if r == nil && x.record {
		return nil, 0, pgerr.New(pgerr.ObjectNotInPrerequisiteState, "record \"%s\" is not assigned yet", x.name).
			WithDetail("The tuple structure of a not-yet-assigned record is indeterminate.")
	}
	if r == nil {
		fr.store(v, types.Null)
		r = fr.vals[v].row
	}
	i := r.field(name)
	if i < 0 {
		return nil, 0, pgerr.New(pgerr.UndefinedColumn, "record \"%s\" has no field \"%s\"", x.name, name)
	}
	return r, i, nil
}

// scope is how the analysis finds the variables of a query.
func (q *Query) scope(f *Function) *sema.FunctionScope {
	return &sema.FunctionScope{Variable: func(names []string) (int, types.Type, []string, error) {
		v, rest, ok := q.ns.resolve(names)
		if !ok || f.frame == nil {
			return 0, types.Type{}, nil, nil
		}
		r, t := ref{v: v}, f.vars[v].typ
		if x := f.vars[v]; len(rest) > 0 && (x.record || x.typ.Oid.Class() == types.CompositeClass) {
			row, i, err := f.frame.fieldOf(v, rest[0])
			if err != nil {
				return 0, t, nil, err
			}
			r.field, t, rest = rest[0], row.Cols[i].Type, rest[1:]
		}
		at := slices.Index(q.refs, r)
		if at < 0 {
			at = len(q.refs)
			q.refs, q.types = append(q.refs, r), append(q.types, t)
		}
		q.types[at] = t
		return at + 1, t, rest, nil
	}}
}

// params are the values of a query's variables.
func (fr *frame) params(q *Query) ([]types.Datum, error) {
	for range 2 {
		if err := fr.host.Prepare(q); err != nil {
			return nil, err
		}
		out, same := make([]types.Datum, len(q.refs)), true
		for i, r := range q.refs {
			t := q.types[i]
			if r.field == "" {
				out[i], _ = fr.whole(r.v)
				continue
			}
			row, k, err := fr.fieldOf(r.v, r.field)
			if err != nil {
				return nil, err
			}
			out[i], same = row.Fields[k], same && t == row.Cols[k].Type
		}
		if same {
			return out, nil
		}
		q.Prepared = nil
	}
	return nil, pgerr.Internal("the types of a query's variables change as it is analysed")
}

// run executes a query.
func (fr *frame) run(q *Query, limit int, rows func(cols []expr.RecordColumn, row []types.Datum) error) (n int64, ret bool, err error) {
	params, err := fr.params(q)
	if err == nil {
		n, ret, err = fr.host.Run(q, params, limit, rows)
	}
	if err != nil {
		var in *inner
		if errors.As(err, &in) {
			return 0, false, in.err
		}
		return 0, false, q.where(err)
	}
	return n, ret, nil
}

// inner is an error of who takes a query's rows, not of the query.
type inner struct{ err error }

func (i *inner) Error() string { return i.err.Error() }

// where says of an error which query it is in.
func (q *Query) where(err error) error {
	e := pgerr.From(err).Clone()
	if e.Position > 0 {
		e.WithInternal(q.Written, e.Position+q.Shift)
		e.Position = 0
		return e
	}
	if q.Kind != statementKind && e.Where != "" {
		return e
	}
	return e.WithWhere("%s \"%s\"", q.Kind, q.Written)
}

// eval evaluates an expression.
func (fr *frame) eval(q *Query) (types.Datum, types.Type, error) {
	d, t, found := types.Null, types.Type{}, false
	var over error
	_, _, err := fr.run(q, 2, func(cols []expr.RecordColumn, row []types.Datum) error {
		switch {
		case len(cols) != 1:
			over = pgerr.New(pgerr.SyntaxError, "query returned %d columns", len(cols)).WithWhere("query: %s", q.Written)
		case found:
			over = pgerr.New(pgerr.CardinalityViolation, "query returned more than one row").WithWhere("query: %s", q.Written)
		default:
			d, t, found = row[0], cols[0].Type, true
			return nil
		}
		return &inner{over}
	})
	return d, t, err
}

func (fr *frame) evalTo(q *Query, to types.Type) (types.Datum, error) {
	d, t, err := fr.eval(q)
	if err != nil || d.IsNull() {
		return d, err
	}
	return fr.host.Cast(d, t, to)
}

func (fr *frame) cond(q *Query) (bool, error) {
	d, err := fr.evalTo(q, types.T(types.BoolOid))
	return err == nil && !d.IsNull() && d.Bool(), err
}

// assign puts a value into a target.
func (fr *frame) assign(to target, d types.Datum, t types.Type) error {
	x := fr.f.vars[to.v]
	if to.subscript != nil {
		return fr.assignElement(to, d, t)
	}
	if to.field != "" {
		row, i, err := fr.fieldOf(to.v, to.field)
		if err != nil {
			return err
		}
		if !d.IsNull() {
			if d, err = fr.host.Cast(d, t, row.Cols[i].Type); err != nil {
				return err
			}
		}
		fields := slices.Clone(row.Fields)
		fields[i] = d
		fr.vals[to.v].row = &Row{row.Cols, fields}
		return nil
	}
	if d.IsNull() && x.notNull {
		return pgerr.New(pgerr.NullValueNotAllowed, "null value cannot be assigned to variable \"%s\" declared NOT NULL", x.name)
	}
	row := x.record || x.typ.Oid.Class() == types.CompositeClass
	switch {
	case d.IsNull():
	case row && t.Kind() != types.KRecord:
		return pgerr.New(pgerr.DatatypeMismatch, "cannot assign non-composite value to a record variable")
	case row && !x.record:
		return fr.assignRow(to.v, fr.rowOf(d))
	case !row:
		var err error
		if d, err = fr.host.Cast(d, t, x.typ); err != nil {
			return err
		}
	}
	fr.store(to.v, d)
	return nil
}

// assignRow gives a row variable the fields of a row, by position.
func (fr *frame) assignRow(v int, r *Row) error {
	x := fr.f.vars[v]
	if x.record {
		fr.vals[v].row = &Row{r.Cols, slices.Clone(r.Fields)}
		return nil
	}
	cols := fr.host.Columns(x.typ.Oid)
	out := &Row{cols, make([]types.Datum, len(cols))}
	for i := range min(len(cols), len(r.Fields)) {
		if r.Fields[i].IsNull() {
			continue
		}
		d, err := fr.host.Cast(r.Fields[i], r.Cols[i].Type, cols[i].Type)
		if err != nil {
			return err
		}
		out.Fields[i] = d
	}
	fr.vals[v].row = out
	return nil
}

func (fr *frame) assignElement(to target, d types.Datum, t types.Type) error {
	sub, err := fr.evalTo(to.subscript, types.T(types.Int4Oid))
	if err != nil {
		return err
	}
	if sub.IsNull() {
		return pgerr.New(pgerr.NullValueNotAllowed, "array subscript in assignment must not be null")
	}
	old, at := fr.vals[to.v].d, fr.f.vars[to.v].typ
	if to.field != "" {
		row, i, err := fr.fieldOf(to.v, to.field)
		if err != nil {
			return err
		}
		old, at = row.Fields[i], row.Cols[i].Type
	}
	elem := types.ElemOf(at.Oid)
	if elem == 0 {
		return pgerr.New(pgerr.DatatypeMismatch, "cannot subscript type %s because it does not support subscripting", types.FormatType(at))
	}
	if !d.IsNull() {
		if d, err = fr.host.Cast(d, t, types.Type{Oid: elem, Mod: at.Mod}); err != nil {
			return err
		}
	}
	k, lower := int(sub.Int()), 1
	var elems []types.Datum
	if !old.IsNull() && len(old.Array().Dims) > 0 {
		a := old.Array()
		if len(a.Dims) != 1 {
			return pgerr.New(pgerr.ArraySubscriptError, "wrong number of array subscripts")
		}
		elems, lower = slices.Clone(a.Elems), int(a.Lbs[0])
	} else {
		lower = k
	}
	const maxElements = 1 << 27
	if k-lower >= maxElements || lower-k >= maxElements {
		return pgerr.New(pgerr.ProgramLimitExceeded, "array size exceeds the maximum allowed (%d)", maxElements-1)
	}
	for ; k < lower; lower-- {
		elems = slices.Insert(elems, 0, types.Null)
	}
	for len(elems) <= k-lower {
		elems = append(elems, types.Null)
	}
	elems[k-lower] = d
	arr := types.NewArray(&types.Array{Elem: elem, Dims: []int32{int32(len(elems))}, Lbs: []int32{int32(lower)}, Elems: elems})
	return fr.assign(target{v: to.v, field: to.field}, arr, types.Type{Oid: at.Oid, Mod: -1})
}

// into gives targets the fields of a row; nil: NULL.
func (fr *frame) into(ts []target, r *Row) error {
	if len(ts) == 1 && ts[0].field == "" {
		if x := fr.f.vars[ts[0].v]; x.record || x.typ.Oid.Class() == types.CompositeClass {
			if r != nil && !(len(r.Cols) == 1 && r.Cols[0].Type.Kind() == types.KRecord && !r.Fields[0].IsNull()) {
				return fr.assignRow(ts[0].v, r)
			} else if r != nil {
				return fr.assignRow(ts[0].v, fr.rowOf(r.Fields[0]))
			}
			fr.store(ts[0].v, types.Null)
			return nil
		}
	}
	for i, t := range ts {
		d, typ := types.Null, types.T(types.UnknownOid)
		if r != nil && i < len(r.Fields) {
			d, typ = r.Fields[i], r.Cols[i].Type
		}
		if err := fr.assign(t, d, typ); err != nil {
			return err
		}
	}
	return nil
}

func (fr *frame) setFound(b bool) { fr.vals[fr.f.found].d = types.NewBool(b) }

// inFunction adds to an error where in the function it was.
func (fr *frame) inFunction(err error, ln int, what string) error {
	e := pgerr.From(err).Clone()
	if ln == 0 {
		return e.WithWhere("PL/pgSQL function %s %s", fr.f.Signature, what)
	}
	return e.WithWhere("PL/pgSQL function %s line %d %s", fr.f.Signature, ln, what)
}
