package plpgsql

import (
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

func errNotComposite() error {
	return pgerr.New(pgerr.DatatypeMismatch, "cannot return non-composite value from function returning composite type")
}

// returns is exec_stmt_return.
func (x *execution) returns(s *returnStmt) (signal, error) {
	f := x.fn
	if f.set {
		return returns, nil
	}
	x.ret = result{null: true}
	switch {
	case s.variable != nil:
		return returns, x.returnVariable(s.variable)
	case s.value != nil:
		d, t, err := x.evaluate(s.value)
		if err != nil {
			return goesOn, err
		}
		x.ret = result{null: d.IsNull(), value: d, typ: t}
		if f.tuple && !d.IsNull() && t.Kind() != types.KRecord {
			return goesOn, errNotComposite()
		}
		return returns, nil
	}
	if f.result.Oid == types.VoidOid && !f.ofTrigger && !f.procedure {
		x.ret = result{value: types.NewString(""), typ: f.result}
	}
	return returns, nil
}

// returnVariable makes the value of a variable the result.
func (x *execution) returnVariable(d *datum) error {
	switch d.kind {
	case recordDatum:
		r := x.recs[d.no]
		x.ret = result{null: r == nil || r.null, rec: r, typ: x.recordType(d)}
		return nil
	case rowDatum:
		typ, fields, err := x.rowValue(d)
		x.ret = result{rec: &record{typ: typ, fields: fields}, typ: types.T(types.RecordOid)}
		return err
	}
	v, t, err := x.value(d)
	if err != nil {
		return err
	}
	x.ret = result{null: v.IsNull(), value: v, typ: t}
	if x.fn.tuple && !v.IsNull() {
		return errNotComposite()
	}
	return nil
}

// expected are the fields of the rows of a set.
func (x *execution) expected() []expr.RecordColumn {
	switch {
	case x.call.Expected != nil:
		return x.call.Expected
	case !x.fn.tuple:
		return []expr.RecordColumn{{Type: x.fn.result}}
	}
	return nil
}

// returnNext is exec_stmt_return_next.
func (x *execution) returnNext(s *returnNextStmt) error {
	if x.call.Emit == nil {
		return pgerr.New(pgerr.FeatureNotSupported, "set-valued function called in context that cannot accept a set")
	}
	want := x.expected()
	if s.variable != nil {
		return x.returnNextVariable(s.variable, want)
	}
	d, t, err := x.evaluate(s.value)
	if err != nil {
		return err
	}
	if !x.fn.tuple {
		return x.emitScalar(d, t, want)
	}
	if d.IsNull() {
		return x.call.Emit(make([]types.Datum, len(want)))
	}
	if t.Kind() != types.KRecord {
		return errNotComposite()
	}
	typ, fields := x.rowOf(d)
	return x.emitRow(typ, fields, want, "returned record type does not match expected record type")
}

func (x *execution) emitScalar(d types.Datum, t types.Type, want []expr.RecordColumn) error {
	if len(want) != 1 {
		return pgerr.New(pgerr.DatatypeMismatch, "wrong result type supplied in RETURN NEXT")
	}
	v, err := x.cast(d, t, want[0].Type)
	if err != nil {
		return err
	}
	return x.call.Emit([]types.Datum{v})
}

func (x *execution) emitRow(typ *rowType, fields []types.Datum, want []expr.RecordColumn, message string) error {
	if want != nil {
		if err := samePositions(typ.columns, want, message); err != nil {
			return err
		}
	}
	return x.call.Emit(append([]types.Datum(nil), fields...))
}

func (x *execution) returnNextVariable(d *datum, want []expr.RecordColumn) error {
	switch d.kind {
	case recordDatum:
		r := x.recs[d.no]
		if r == nil {
			var err error
			if r, err = x.instantiate(d); err != nil {
				return err
			}
		}
		return x.emitRow(r.typ, r.fields, want, "wrong record type supplied in RETURN NEXT")
	case rowDatum:
		typ, fields, err := x.rowValue(d)
		if err != nil {
			return err
		}
		if want != nil && len(want) != len(fields) {
			return pgerr.New(pgerr.DatatypeMismatch, "wrong record type supplied in RETURN NEXT")
		}
		_ = typ
		return x.call.Emit(fields)
	}
	v, t, err := x.value(d)
	if err != nil {
		return err
	}
	return x.emitScalar(v, t, want)
}

// returnQuery is exec_stmt_return_query.
func (x *execution) returnQuery(s *returnQueryStmt) error {
	if x.call.Emit == nil {
		return pgerr.New(pgerr.FeatureNotSupported, "set-valued function called in context that cannot accept a set")
	}
	var n int64
	var err error
	if s.query != nil {
		n, err = x.returnStatic(s.query)
	} else {
		n, err = x.returnDynamic(s)
	}
	if err != nil {
		return err
	}
	x.processed = n
	x.setFound(n != 0)
	return nil
}

func (x *execution) returnStatic(e *expression) (int64, error) {
	params, err := x.ready(e)
	if err != nil {
		return 0, err
	}
	var n int64
	err = x.within(e, func() error {
		n, err = x.emitQuery(e.statement, params)
		return err
	})
	x.renew()
	return n, err
}

func (x *execution) returnDynamic(s *returnQueryStmt) (int64, error) {
	e, list, params, _, err := x.dynamicStatements(s.dynamic, s.using)
	if err != nil {
		return 0, err
	}
	var n int64
	err = x.within(e, func() error {
		if len(list) == 0 {
			return errNoRows("empty")
		}
		for _, st := range list { // the count is that of the last
			if err = x.host.Describe(st); err != nil {
				return err
			}
			if n, err = x.emitQuery(st, params); err != nil {
				return err
			}
		}
		return nil
	})
	x.renew()
	return n, err
}

func errNoRows(tag string) error {
	return pgerr.New(pgerr.SyntaxError, "%s query does not return tuples", tag)
}

// emitQuery executes a query whose rows are the set's.
func (x *execution) emitQuery(st Statement, params []types.Datum) (int64, error) {
	if st.Class() != ClassShow && st.Columns() == nil {
		if n, ok := st.(interface{ Tag() string }); ok {
			return 0, errNoRows(n.Tag())
		}
		return 0, errNoRows("non-SELECT")
	}
	want := x.expected()
	const message = "structure of query does not match function result type"
	if want != nil && st.Columns() != nil {
		if err := samePositions(st.Columns(), want, message); err != nil {
			return 0, err
		}
	}
	var n int64
	_, err := x.host.Run(st, params, 0, func(b *types.Batch) error {
		for i := range b.N {
			n++
			if err := x.call.Emit(b.Row(i)); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}
