package plpgsql

import (
	"strconv"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// expression is sema.Variables for its own text: names mean what they meant where it was written, and variables have the types
// that they have in the execution that runs.

// Column implements sema.Variables: resolve_column_ref.
func (e *expression) Column(names []string, star, missing bool) (*sema.Variable, error) {
	n := len(names)
	if star {
		n++
	}
	if n > 3 {
		return nil, nil
	}
	lookup := names
	if star {
		lookup = append(append([]string(nil), names...), "*") // what is no scalar
	}
	at, used := e.ns.find(lookup)
	if at == nil {
		return nil, nil
	}
	d := e.fn.datums[at.no]
	scalar, whole, field := n, n, n-1
	switch {
	case star:
		scalar, whole, field = 0, n-1, 0
	case n == 1:
		field = 0
	case n == 3:
		scalar, whole = 0, 0
	}
	if at.kind == nsVariable {
		if used == scalar {
			return e.parameter(d)
		}
		return nil, nil
	}
	switch used {
	case whole:
		return e.parameter(d)
	case field:
		name := names[n-1]
		for _, f := range d.fields {
			if f.name == name {
				return e.field(f, missing)
			}
		}
		if missing {
			return nil, noField(d, name)
		}
	}
	return nil, nil
}

func noField(d *datum, field string) *pgerr.Error {
	return pgerr.New(pgerr.UndefinedColumn, "record \"%s\" has no field \"%s\"", d.name, field)
}

// field is the parameter of a field of a record.
func (e *expression) field(f *datum, _ bool) (*sema.Variable, error) { return e.parameter(f) }

// Numbered implements sema.Variables.
func (e *expression) Numbered(n int) *sema.Variable {
	at, _ := e.ns.find([]string{"$" + strconv.Itoa(n)})
	if at == nil {
		return nil
	}
	v, err := e.parameter(e.fn.datums[at.no])
	if err != nil {
		return nil
	}
	return v
}

// Conflict implements sema.Variables.
func (e *expression) Conflict() sema.VariableConflict { return e.fn.options.Conflict }

// Types implements sema.Variables.
func (e *expression) Types() []types.Type { return e.types }

// parameter is make_datum_param.
func (e *expression) parameter(d *datum) (*sema.Variable, error) {
	t, err := e.fn.running.typeOf(d)
	if err != nil {
		return nil, err
	}
	for i, p := range e.params {
		if p == d {
			e.types[i] = t
			return &sema.Variable{Param: i + 1, Type: t}, nil
		}
	}
	e.params, e.types = append(e.params, d), append(e.types, t)
	return &sema.Variable{Param: len(e.params), Type: t}, nil
}

// typeOf is plpgsql_exec_get_datum_type_info.
func (x *execution) typeOf(d *datum) (types.Type, error) {
	switch d.kind {
	case scalarDatum:
		if t, ok := x.varTypes[d]; ok {
			return t, nil
		}
		return d.typ, nil
	case recordDatum:
		return x.recordType(d), nil
	}
	r, at, err := x.fieldOf(d)
	if err != nil {
		return types.Type{}, err
	}
	return r.typ.columns[at].Type, nil
}

// recordType is the type of a record variable: the declared one, or where that is RECORD the value's.
func (x *execution) recordType(d *datum) types.Type {
	if r := x.recs[d.no]; r != nil && d.typ.Oid == types.RecordOid && r.typ.of != 0 {
		return types.T(r.typ.of)
	}
	return d.typ
}

// fieldOf finds the field that a datum stands for, in its record.
func (x *execution) fieldOf(d *datum) (*record, int, error) {
	r := x.recs[d.record.no]
	if r == nil {
		var err error
		if r, err = x.instantiate(d.record); err != nil {
			return nil, 0, err
		}
	}
	if d.seen == r.typ {
		return r, d.at, nil
	}
	for i, c := range r.typ.columns {
		if c.Name == d.name {
			d.seen, d.at = r.typ, i
			return r, i, nil
		}
	}
	return nil, 0, noField(d.record, d.name)
}

// instantiate is instantiate_empty_record_variable: it stays NULL, but has fields.
func (x *execution) instantiate(d *datum) (*record, error) {
	if d.typ.Oid == types.RecordOid {
		return nil, pgerr.New(pgerr.ObjectNotInPrerequisiteState, "record \"%s\" is not assigned yet", d.name).
			WithDetail("The tuple structure of a not-yet-assigned record is indeterminate.")
	}
	typ, err := x.declaredRow(d)
	if err != nil {
		return nil, err
	}
	r := &record{typ: typ, fields: make([]types.Datum, len(typ.columns)), null: true}
	x.recs[d.no] = r
	return r, nil
}
