package plpgsql

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

type castKey struct{ from, to types.Type }

// cast is how a value of one type becomes one of another.
type cast struct {
	tree *expr.Compiled // nil: by its text
	none bool           // it is one already
	mod  *expr.Compiled // what a modifier asks of the text's value
}

// cast is exec_cast_value.
func (x *execution) cast(d types.Datum, from, to types.Type) (types.Datum, error) {
	if from.Oid == to.Oid && from.Domain == to.Domain && (to.Mod < 0 || from.Mod == to.Mod) {
		return d, nil
	}
	c := x.casts[castKey{from, to}]
	if c == nil {
		var err error
		if c, err = x.newCast(from, to); err != nil {
			return d, err
		}
		if x.casts == nil {
			x.casts = map[castKey]*cast{}
		}
		x.casts[castKey{from, to}] = c
	}
	switch {
	case c.none:
		return d, nil
	case c.tree != nil:
		return x.evalOver(c.tree, d)
	case !d.IsNull():
		var err error
		if d, err = types.ParseText(types.Type{Oid: to.Oid, Mod: -1}, types.Text(from.Oid, d, x.env.IO), x.env.IO); err != nil {
			return d, err
		}
	}
	if c.mod != nil {
		return x.evalOver(c.mod, d)
	}
	return d, nil
}

// evalOver evaluates an expression over one parameter.
func (x *execution) evalOver(c *expr.Compiled, d types.Datum) (types.Datum, error) {
	x.host.Eval(&x.over)
	x.over.Params = append(x.one[:0], d)
	return c.EvalRow(&x.over, nil)
}

// newCast is get_cast_hashentry.
func (x *execution) newCast(from, to types.Type) (*cast, error) {
	n, err := sema.CastTo(from, to, x.env.Sema)
	if err != nil {
		return nil, err
	}
	c := &cast{}
	if n != nil {
		if _, same := n.(*expr.Param); same {
			c.none = true
			return c, nil
		}
		c.tree, err = expr.Compile(n, nil)
		return c, err
	}
	base := types.Type{Oid: to.Oid, Mod: -1}
	if to.Mod < 0 && to.Domain == 0 {
		return c, nil
	}
	if n, err = sema.CastTo(base, to, x.env.Sema); err != nil || n == nil {
		return c, err
	}
	c.mod, err = expr.Compile(n, nil)
	return c, err
}

// checkDomain judges a row that is a value of a domain.
func (x *execution) checkDomain(domain types.Type, r *record) error {
	n, err := sema.DomainCheck(domain, x.env.Sema)
	if err != nil {
		return err
	}
	c, err := expr.Compile(n, nil)
	if err != nil {
		return err
	}
	d := types.Null
	if r != nil && !r.null {
		d = x.rowDatum(r.typ, r.fields)
	}
	_, err = x.evalOver(c, d)
	return err
}

// compositeRow returns the fields of a composite type.
func (x *execution) compositeRow(oid types.Oid) (*rowType, error) {
	if t := x.rowTypes[oid]; t != nil {
		return t, nil
	}
	u := x.env.Sema.Catalog.UserType(oid)
	if u == nil {
		return nil, pgerr.New(pgerr.UndefinedObject, "type with OID %d does not exist", oid.Serial())
	}
	t := &rowType{of: oid}
	for _, a := range u.Fields {
		if !a.Dropped {
			t.columns = append(t.columns, expr.RecordColumn{Name: a.Name, Type: a.Type})
		}
	}
	if x.rowTypes == nil {
		x.rowTypes = map[types.Oid]*rowType{}
	}
	x.rowTypes[oid] = t
	return t, nil
}

// declaredRow are the fields of a record variable of a composite type. A type that was created anew under its name is the one
// that is meant.
func (x *execution) declaredRow(d *datum) (*rowType, error) {
	if x.env.Sema.Catalog.UserType(d.typ.Oid) == nil && d.typeName != nil {
		env := *x.env.Sema
		env.Text = ""
		t, err := sema.ResolveType(d.typeName, &env)
		if err != nil {
			return nil, err
		}
		if t.Kind() != types.KRecord {
			return nil, pgerr.New(pgerr.WrongObjectType, "type %s is not composite", types.FormatType(t))
		}
		d.typ = t
	}
	return x.compositeRow(d.typ.Oid)
}

// rowOf takes a value with fields apart.
func (x *execution) rowOf(d types.Datum) (*rowType, []types.Datum) {
	r := d.Record()
	if r.Oid != 0 {
		if t, err := x.compositeRow(r.Oid); err == nil {
			fields := make([]types.Datum, 0, len(t.columns))
			for _, f := range types.RecordFields(r.Oid, r, x.env.IO) {
				fields = append(fields, f.Value)
			}
			return t, fields
		}
	}
	t := &rowType{}
	for i, ft := range r.Types {
		name := "f" + itoa(i+1)
		if r.Names != nil {
			name = r.Names[i]
		}
		t.columns = append(t.columns, expr.RecordColumn{Name: name, Type: ft})
	}
	return t, slices.Clone(r.Fields)
}

// rowDatum makes a value of fields.
func (x *execution) rowDatum(t *rowType, fields []types.Datum) types.Datum {
	if t.of != 0 {
		if u := x.env.Sema.Catalog.UserType(t.of); u != nil {
			return types.NewComposite(u, fields)
		}
	}
	return Record(t.columns, fields)
}

// Record makes a value of type record.
func Record(columns []expr.RecordColumn, fields []types.Datum) types.Datum {
	r := &types.Record{Fields: slices.Clone(fields), Types: make([]types.Type, len(columns)), Names: make([]string, len(columns))}
	for i, c := range columns {
		r.Types[i], r.Names[i] = c.Type, c.Name
	}
	return types.NewRecord(r)
}

// value is exec_eval_datum: the value of a variable, with its type.
func (x *execution) value(d *datum) (types.Datum, types.Type, error) {
	switch d.kind {
	case scalarDatum:
		if x.owned != nil {
			x.owned[d.no] = nil // whoever asks may keep it
		}
		t, err := x.typeOf(d)
		return x.vals[d.no], t, err
	case recordDatum:
		r := x.recs[d.no]
		if r == nil || r.null {
			return types.Null, x.recordType(d), nil
		}
		return x.rowDatum(r.typ, r.fields), x.recordType(d), nil
	case fieldDatum:
		r, at, err := x.fieldOf(d)
		if err != nil {
			return types.Null, types.Type{}, err
		}
		return r.fields[at], r.typ.columns[at].Type, nil
	}
	typ, fields, err := x.rowValue(d)
	if err != nil {
		return types.Null, types.Type{}, err
	}
	return Record(typ.columns, fields), types.T(types.RecordOid), nil
}

// rowValue are the values of a row's members.
func (x *execution) rowValue(d *datum) (*rowType, []types.Datum, error) {
	t := &rowType{}
	var fields []types.Datum
	for i, m := range d.members {
		v, vt, err := x.value(m)
		if err != nil {
			return nil, nil, err
		}
		if m.kind == recordDatum { // of the declared type, whatever it holds
			vt = m.typ
		}
		t.columns = append(t.columns, expr.RecordColumn{Name: d.names[i], Type: vt})
		fields = append(fields, v)
	}
	return t, fields, nil
}

// assign is exec_assign_value.
func (x *execution) assign(to *datum, d types.Datum, from types.Type) error {
	switch to.kind {
	case scalarDatum:
		t := to.typ
		if x.varTypes != nil {
			if vt, ok := x.varTypes[to]; ok {
				t = vt
			}
		}
		v, err := x.cast(d, from, t)
		if err != nil {
			return err
		}
		if v.IsNull() && to.notNull {
			return errNotNull(to)
		}
		x.vals[to.no] = v
		return nil
	case rowDatum:
		if d.IsNull() {
			return x.moveRow(to, nil, nil)
		}
		if from.Kind() != types.KRecord {
			return pgerr.New(pgerr.DatatypeMismatch, "cannot assign non-composite value to a row variable")
		}
		return x.moveDatum(to, d)
	case recordDatum:
		if d.IsNull() {
			if to.notNull {
				return errNotNull(to)
			}
			return x.moveRow(to, nil, nil)
		}
		if from.Kind() != types.KRecord {
			return pgerr.New(pgerr.DatatypeMismatch, "cannot assign non-composite value to a record variable")
		}
		return x.moveDatum(to, d)
	}
	r, at, err := x.fieldOf(to)
	if err != nil {
		return err
	}
	v, err := x.cast(d, from, r.typ.columns[at].Type)
	if err != nil {
		return err
	}
	return x.setField(to.record, r, at, v)
}

// setField changes a field of a record variable.
func (x *execution) setField(d *datum, r *record, at int, v types.Datum) error {
	if d.typ.Domain != 0 {
		changed := &record{typ: r.typ, fields: slices.Clone(r.fields)}
		changed.fields[at] = v
		if err := x.checkDomain(d.typ, changed); err != nil {
			return err
		}
	}
	r.fields[at], r.null = v, false
	return nil
}

func errNotNull(d *datum) *pgerr.Error {
	return pgerr.New(pgerr.NullValueNotAllowed, "null value cannot be assigned to variable \"%s\" declared NOT NULL", d.name)
}

// moveDatum is exec_move_row_from_datum.
func (x *execution) moveDatum(to *datum, d types.Datum) error {
	t, fields := x.rowOf(d)
	return x.moveRow(to, t, fields)
}

// moveRow is exec_move_row: a row goes into a record or the members of a row variable. Without fields it is a row of NULLs, and
// without a type NULL.
func (x *execution) moveRow(to *datum, t *rowType, fields []types.Datum) error {
	if to.kind == rowDatum {
		return x.moveToMembers(to, t, fields)
	}
	if t == nil {
		if to.typ.Domain != 0 {
			if err := x.checkDomain(to.typ, nil); err != nil {
				return err
			}
		}
		x.recs[to.no] = nil
		return nil
	}
	typ := t
	if to.typ.Oid != types.RecordOid {
		var err error
		if typ, err = x.declaredRow(to); err != nil {
			return err
		}
	}
	r := &record{typ: typ}
	switch {
	case fields == nil:
		r.fields = make([]types.Datum, len(typ.columns))
	case typ == t || sameColumns(t.columns, typ.columns):
		r.fields = slices.Clone(fields)
	default:
		var err error
		if r.fields, err = x.convert(typ.columns, t, fields); err != nil {
			return err
		}
	}
	if to.typ.Domain != 0 {
		if err := x.checkDomain(to.typ, r); err != nil {
			return err
		}
	}
	x.recs[to.no] = r
	return nil
}

// sameColumns is compatible_tupdescs.
func sameColumns(from, to []expr.RecordColumn) bool {
	return slices.EqualFunc(from, to, func(a, b expr.RecordColumn) bool {
		return a.Type.Declared() == b.Type.Declared() && (b.Type.Mod < 0 || a.Type.Mod == b.Type.Mod)
	})
}

// convert makes the fields of some columns of those of a row, one after the other.
func (x *execution) convert(to []expr.RecordColumn, t *rowType, fields []types.Datum) ([]types.Datum, error) {
	out := make([]types.Datum, len(to))
	for i, c := range to {
		v, from := types.Null, types.T(types.UnknownOid)
		if i < len(fields) {
			v, from = fields[i], t.columns[i].Type
		} else if err := x.multiAssignment(t); err != nil {
			return nil, err
		}
		var err error
		if out[i], err = x.cast(v, from, c.Type); err != nil {
			return nil, err
		}
	}
	if len(fields) > len(to) {
		if err := x.multiAssignment(t); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// multiAssignment is the check strict_multi_assignment, which has found that the numbers of fields differ.
func (x *execution) multiAssignment(t *rowType) error {
	level := x.env.Checks.MultiAssignment
	if level == LevelNone || t == nil {
		return nil
	}
	setting := "extra_warnings"
	if level == LevelError {
		setting = "extra_errors"
	}
	e := pgerr.New(pgerr.DatatypeMismatch, "number of source and target fields in assignment does not match").
		WithDetail("%s check of %s is active.", "strict_multi_assignment", setting).
		WithHint("Make sure the query returns the exact list of columns.")
	if level == LevelError {
		return e
	}
	x.notice(e.WithSeverity(pgerr.SeverityWarning))
	return nil
}

// moveToMembers gives the members of a row variable the fields of a row.
func (x *execution) moveToMembers(to *datum, t *rowType, fields []types.Datum) error {
	for i, m := range to.members {
		v, from := types.Null, types.T(types.UnknownOid)
		switch {
		case i < len(fields):
			v, from = fields[i], t.columns[i].Type
		case fields != nil:
			if err := x.multiAssignment(t); err != nil {
				return err
			}
		}
		if err := x.assign(m, v, from); err != nil {
			return err
		}
	}
	if len(fields) > len(to.members) {
		return x.multiAssignment(t)
	}
	return nil
}

func (x *execution) notice(e *pgerr.Error) {
	if e.Where == "" {
		e.Where = x.host.Trace()
	}
	x.host.Notice(e)
}

// text is convert_value_to_string.
func (x *execution) text(d types.Datum, t types.Type) string { return types.Text(t.Oid, d, x.env.IO) }

// checkWritable is exec_check_assignable.
func (x *execution) checkWritable(d *datum) error {
	switch {
	case d.kind == fieldDatum:
		return x.checkWritable(d.record)
	case d.constant:
		return pgerr.New(pgerr.ErrorInAssignment, "variable \"%s\" is declared CONSTANT", d.name)
	}
	return nil
}
