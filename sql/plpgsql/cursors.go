package plpgsql

import (
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// cursorName is the name that a cursor variable has, empty for none. It must not be that of an open cursor.
func (x *execution) cursorName(d *datum) (string, error) {
	v := x.vals[d.no]
	if v.IsNull() {
		return "", nil
	}
	if x.host.CursorOpen(v.Str()) {
		return "", pgerr.New(pgerr.DuplicateCursor, "cursor \"%s\" already in use", v.Str())
	}
	return v.Str(), nil
}

// openAs opens a cursor for a statement; a variable without a name gets that of the cursor, which named says.
func (x *execution) openAs(d *datum, name string, e *expression, st Statement, params []types.Datum, options int) (string, bool, error) {
	anonymous := name == ""
	if !opensCursor(st) {
		return "", false, errNoCursor(st)
	}
	err := x.within(e, func() (err error) {
		name, err = x.host.OpenCursor(name, st, params, options)
		return err
	})
	x.renew()
	if err != nil || !anonymous {
		return name, false, err
	}
	if err := x.checkWritable(d); err != nil {
		return name, false, err
	}
	x.vals[d.no] = types.NewString(name)
	return name, true, nil
}

// openBound opens a cursor for a query, once its arguments have been evaluated.
func (x *execution) openBound(d *datum, args, query *expression, options int) (name string, named bool, err error) {
	if name, err = x.cursorName(d); err != nil {
		return "", false, err
	}
	if args != nil {
		if err := x.runInto(args, d.cursorArgs, false); err != nil {
			return "", false, err
		}
	}
	params, err := x.ready(query)
	if err != nil {
		return "", false, err
	}
	return x.openAs(d, name, query, query.statement, params, options)
}

// open is OPEN.
func (x *execution) open(s *openStmt) error {
	switch {
	case s.dynamic != nil:
		name, err := x.cursorName(s.cursor)
		if err != nil {
			return err
		}
		e, st, params, err := x.dynamicCursor(s.dynamic, s.using)
		if err != nil {
			return err
		}
		_, _, err = x.openAs(s.cursor, name, e, st, params, s.options)
		return err
	case s.query != nil:
		_, _, err := x.openBound(s.cursor, nil, s.query, s.options)
		return err
	}
	_, _, err := x.openBound(s.cursor, s.args, s.cursor.cursorQuery, s.cursor.cursorOptions)
	return err
}

// openName is the name of the open cursor that a variable stands for.
func (x *execution) openName(d *datum) (string, error) {
	v := x.vals[d.no]
	if v.IsNull() {
		return "", pgerr.New(pgerr.NullValueNotAllowed, "cursor variable \"%s\" is null", d.name)
	}
	if !x.host.CursorOpen(v.Str()) {
		return "", pgerr.New(pgerr.UndefinedCursor, "cursor \"%s\" does not exist", v.Str())
	}
	return v.Str(), nil
}

// fetch is FETCH and MOVE.
func (x *execution) fetch(s *fetchStmt) error {
	name, err := x.openName(s.cursor)
	if err != nil {
		return err
	}
	count := s.count
	if s.howMany != nil {
		d, err := x.evaluateTo(s.howMany, intType)
		if err != nil {
			return err
		}
		if d.IsNull() {
			return pgerr.New(pgerr.NullValueNotAllowed, "relative or absolute cursor position is null")
		}
		count = d.Int()
	}
	g := &gathered{limit: 1}
	typ := &rowType{columns: x.host.CursorColumns(name)}
	var rows func(columns []expr.RecordColumn, b *types.Batch) error
	if !s.move {
		rows = func(_ []expr.RecordColumn, b *types.Batch) error { return g.take(b) }
	}
	n, err := x.host.FetchCursor(name, s.direction, count, rows)
	x.renew()
	if err != nil {
		return err
	}
	if !s.move {
		var row []types.Datum
		if len(g.rows) > 0 {
			row = g.rows[0]
		}
		if err := x.moveRow(s.target, typ, row); err != nil {
			return err
		}
	}
	x.processed = n
	x.setFound(n != 0)
	return nil
}

// close is CLOSE.
func (x *execution) close(s *closeStmt) error {
	name, err := x.openName(s.cursor)
	if err != nil {
		return err
	}
	return x.host.CloseCursor(name)
}

// diagnostics is GET DIAGNOSTICS.
func (x *execution) diagnostics(s *diagnosticsStmt) error {
	if s.stacked && x.handled == nil {
		return pgerr.New(pgerr.StackedDiagnosticsAccessedWithoutActiveHandler,
			"GET STACKED DIAGNOSTICS cannot be used outside an exception handler")
	}
	text := types.T(types.TextOid)
	for _, it := range s.items {
		var err error
		switch e := x.handled; it.item {
		case "row_count":
			err = x.assign(it.target, types.NewInt(x.processed), types.T(types.Int8Oid))
		case "pg_context":
			err = x.assign(it.target, types.NewString(x.host.Trace()), text)
		default:
			v := map[string]string{"pg_exception_context": e.Where, "pg_exception_detail": e.Detail, "pg_exception_hint": e.Hint,
				"returned_sqlstate": e.Code, "message_text": e.Message, "column_name": e.Column, "constraint_name": e.Constraint,
				"pg_datatype_name": e.DataType, "table_name": e.Table, "schema_name": e.Schema}[it.item]
			err = x.assign(it.target, types.NewString(v), text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// raise is exec_stmt_raise.
func (x *execution) raise(s *raiseStmt) error {
	if s.condition == "" && !s.formatted && s.options == nil {
		if x.handled != nil {
			return x.handled.Clone()
		}
		return pgerr.New(pgerr.StackedDiagnosticsAccessedWithoutActiveHandler, "RAISE without parameters cannot be used outside an exception handler")
	}
	r := &raised{Error: &pgerr.Error{Severity: s.level}}
	if s.condition != "" {
		if err := r.setCode(s.condition); err != nil {
			return err
		}
	}
	if s.formatted {
		text, err := x.raiseMessage(s)
		if err != nil {
			return err
		}
		r.Message, r.given = text, true
	}
	for _, o := range s.options {
		if err := x.raiseOption(r, o); err != nil {
			return err
		}
	}
	if (r.Code == "" || r.Code == pgerr.SuccessfulCompletion) && s.level == pgerr.SeverityError {
		r.Code = pgerr.RaiseException
	}
	if !r.given {
		if r.Message = r.condition; r.Message == "" {
			if r.Message = r.Code; r.Message == "" {
				r.Message = pgerr.SuccessfulCompletion
			}
		}
	}
	if s.level == pgerr.SeverityError {
		return r.Error
	}
	if r.Code == "" {
		if r.Code = pgerr.SuccessfulCompletion; s.level == pgerr.SeverityWarning {
			r.Code = pgerr.Warning
		}
	}
	x.notice(r.Error)
	return nil
}

// raised is what a RAISE is about to raise.
type raised struct {
	*pgerr.Error
	condition string
	given     bool // there is a message
}

// setCode is plpgsql_recognize_err_condition.
func (r *raised) setCode(condition string) error {
	switch codes := byName[condition]; {
	case isState(condition):
		r.Code = condition
	case codes != nil:
		r.Code = codes[0]
	default:
		return pgerr.New(pgerr.UndefinedObject, "unrecognized exception condition \"%s\"", condition)
	}
	r.condition = condition
	return nil
}

func (x *execution) raiseMessage(s *raiseStmt) (string, error) {
	var b []byte
	at := 0
	for i := 0; i < len(s.message); i++ {
		c := s.message[i]
		if c != '%' {
			b = append(b, c)
			continue
		}
		if i+1 < len(s.message) && s.message[i+1] == '%' {
			b = append(b, '%')
			i++
			continue
		}
		d, t, err := x.evaluate(s.params[at])
		if err != nil {
			return "", err
		}
		at++
		if d.IsNull() {
			b = append(b, "<NULL>"...)
			continue
		}
		b = append(b, x.text(d, t)...)
	}
	return string(b), nil
}

func (x *execution) raiseOption(r *raised, o raiseOption) error {
	d, t, err := x.evaluate(o.value)
	if err != nil {
		return err
	}
	if d.IsNull() {
		return pgerr.New(pgerr.NullValueNotAllowed, "RAISE statement option cannot be null")
	}
	text := x.text(d, t)
	twice := func(name string) error {
		return pgerr.New(pgerr.SyntaxError, "RAISE option already specified: %s", name)
	}
	set := func(field *string, name string) error {
		if *field != "" {
			return twice(name)
		}
		*field = text
		return nil
	}
	switch o.name {
	case "errcode":
		if r.Code != "" {
			return twice("ERRCODE")
		}
		return r.setCode(text)
	case "message":
		if r.given {
			return twice("MESSAGE")
		}
		r.Message, r.given = text, true
		return nil
	case "detail":
		return set(&r.Detail, "DETAIL")
	case "hint":
		return set(&r.Hint, "HINT")
	case "column":
		return set(&r.Column, "COLUMN")
	case "constraint":
		return set(&r.Constraint, "CONSTRAINT")
	case "datatype":
		return set(&r.DataType, "DATATYPE")
	case "table":
		return set(&r.Table, "TABLE")
	}
	return set(&r.Schema, "SCHEMA")
}
