package plpgsql

import (
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// raised is an error that has its CONTEXT.
type raised struct{ err error }

func (r *raised) Error() string { return r.err.Error() }

func (fr *frame) stmts(list []stmt) (signal, error) {
	for _, s := range list {
		if err := fr.host.Interrupted(); err != nil {
			return goesOn, err
		}
		sig, err := fr.exec(s)
		if err != nil {
			if r, ok := err.(*raised); ok {
				return goesOn, r
			}
			return goesOn, &raised{fr.inFunction(err, s.at(), "at "+kindOf(s))}
		}
		if sig != goesOn {
			return sig, nil
		}
	}
	return goesOn, nil
}

// kindOf is CONTEXT's name of a statement.
func kindOf(s stmt) string {
	switch s := s.(type) {
	case *block:
		return "statement block"
	case *assign:
		return "assignment"
	case *ifStmt:
		return "IF"
	case *caseStmt:
		return "CASE"
	case *loop:
		if s.cond != nil {
			return "WHILE"
		}
		return "LOOP"
	case *forRange:
		return "FOR with integer loop variable"
	case *forQuery:
		if s.dynamic != nil {
			return "FOR over EXECUTE statement"
		}
		return "FOR over SELECT rows"
	case *forEach:
		return "FOREACH over array"
	case *exit:
		if s.proceeds {
			return "CONTINUE"
		}
		return "EXIT"
	case *returnStmt:
		return "RETURN"
	case *returnNext:
		return "RETURN NEXT"
	case *returnQuery:
		return "RETURN QUERY"
	case *sqlStmt:
		if s.perform {
			return "PERFORM"
		}
		return "SQL statement"
	case *execute:
		return "EXECUTE"
	case *raise:
		return "RAISE"
	case *assert:
		return "ASSERT"
	case *diagnostics:
		return "GET DIAGNOSTICS"
	}
	return "NULL"
}

// block runs a block; its caller takes the CONTEXT off of what fails.
func (fr *frame) block(b *block) (sig signal, err error) {
	for _, v := range b.vars {
		x := fr.f.vars[v]
		fr.vals[v] = value{}
		if x.init == nil {
			fr.store(v, types.Null)
			continue
		}
		d, t, err := fr.eval(x.init)
		if err == nil {
			err = fr.assign(target{v: v}, d, t)
		}
		if err != nil {
			return goesOn, &raised{fr.inFunction(err, x.line, "during statement block local variable initialization")}
		}
	}
	if b.handlers == nil {
		sig, err = fr.stmts(b.body)
	} else {
		err = fr.host.Subtransaction(func() (err error) { sig, err = fr.stmts(b.body); return err })
		if err != nil && fr.host.Interrupted() == nil {
			sig, err = fr.handle(b, err)
		}
	}
	if err == nil && sig == exits && fr.label != "" && fr.label == b.label {
		sig = goesOn
	}
	return sig, err
}

// handle runs the handler of an error, if the block has one.
func (fr *frame) handle(b *block, err error) (signal, error) {
	cause := err
	if r, ok := err.(*raised); ok {
		cause = r.err
	}
	e := pgerr.From(cause)
	for _, h := range b.handlers {
		if !h.catches(e.Code) {
			continue
		}
		before := fr.err
		fr.err = e
		defer func() { fr.err = before }()
		fr.vals[b.state[0]].d, fr.vals[b.state[1]].d = types.NewString(e.Code), types.NewString(e.Message)
		return fr.stmts(h.body)
	}
	return goesOn, err
}

func (h *handler) catches(code string) bool {
	return slices.ContainsFunc(h.codes, func(c string) bool {
		return c == code || c == "" && code != pgerr.QueryCanceled && code != pgerr.AssertFailure || strings.HasSuffix(c, "000") && c[:2] == code[:2]
	})
}

// loops decides what a signal from a loop's body does: done says that the loop ends, with sig.
func (fr *frame) loops(sig signal, label string) (done bool, out signal) {
	switch sig {
	case exits:
		if fr.label == "" || fr.label == label {
			return true, goesOn
		}
		return true, exits
	case continues:
		if fr.label == "" || fr.label == label {
			return false, goesOn
		}
		return true, continues
	case returns:
		return true, returns
	}
	return false, goesOn
}

func (fr *frame) exec(s stmt) (signal, error) {
	switch s := s.(type) {
	case *block:
		return fr.block(s)
	case *assign:
		d, t, err := fr.eval(s.expr)
		if err == nil {
			err = fr.assign(s.to, d, t)
		}
		return goesOn, err
	case *ifStmt:
		for _, b := range s.branches {
			if ok, err := fr.cond(b.cond); err != nil {
				return goesOn, err
			} else if ok {
				return fr.stmts(b.body)
			}
		}
		return fr.stmts(s.otherwise)
	case *caseStmt:
		for _, b := range s.branches {
			if ok, err := fr.cond(b.cond); err != nil {
				return goesOn, err
			} else if ok {
				return fr.stmts(b.body)
			}
		}
		if !s.hasElse {
			return goesOn, pgerr.New(pgerr.CaseNotFound, "case not found").WithHint("CASE statement is missing ELSE part.")
		}
		return fr.stmts(s.otherwise)
	case *loop:
		for {
			if s.cond != nil {
				if ok, err := fr.cond(s.cond); err != nil || !ok {
					return goesOn, err
				}
			} else if err := fr.host.Interrupted(); err != nil {
				return goesOn, err
			}
			sig, err := fr.stmts(s.body)
			if err != nil {
				return goesOn, err
			}
			if done, out := fr.loops(sig, s.label); done {
				return out, nil
			}
		}
	case *forRange:
		return fr.forRange(s)
	case *forQuery:
		return fr.forQuery(s)
	case *forEach:
		return fr.forEach(s)
	case *exit:
		if s.when != nil {
			if ok, err := fr.cond(s.when); err != nil || !ok {
				return goesOn, err
			}
		}
		fr.label = s.label
		if s.proceeds {
			return continues, nil
		}
		return exits, nil
	case *returnStmt:
		return returns, fr.returns(s)
	case *returnNext:
		return goesOn, fr.returnNext(s)
	case *returnQuery:
		q := s.query
		var params []types.Datum
		var err error
		if s.dynamic != nil {
			if q, params, err = fr.dynamic(s.dynamic, s.using); err != nil {
				return goesOn, err
			}
		}
		n, _, err := fr.runWith(q, params, s.dynamic != nil, 0, func(cols []expr.RecordColumn, row []types.Datum) error {
			return fr.emit(types.Null, types.Type{}, &Row{cols, slices.Clone(row)})
		})
		fr.rows = n
		fr.setFound(n > 0)
		return goesOn, err
	case *sqlStmt:
		return goesOn, fr.sql(s)
	case *execute:
		q, params, err := fr.dynamic(s.text, s.using)
		if err != nil {
			return goesOn, err
		}
		_, err = fr.runInto(q, params, true, s.into, s.strict)
		return goesOn, err
	case *raise:
		return goesOn, fr.raise(s)
	case *assert:
		return goesOn, fr.assert(s)
	case *diagnostics:
		return goesOn, fr.diagnostics(s)
	}
	return goesOn, nil
}

func (fr *frame) forRange(s *forRange) (signal, error) {
	bound := func(q *Query, what string) (int64, error) {
		d, err := fr.evalTo(q, types.T(types.Int4Oid))
		if err == nil && d.IsNull() {
			err = pgerr.New(pgerr.NullValueNotAllowed, "%s of FOR loop cannot be null", what)
		}
		if err != nil {
			return 0, err
		}
		return d.Int(), nil
	}
	from, err := bound(s.from, "lower bound")
	if err != nil {
		return goesOn, err
	}
	to, err := bound(s.to, "upper bound")
	if err != nil {
		return goesOn, err
	}
	by := int64(1)
	if s.by != nil {
		if by, err = bound(s.by, "BY value"); err != nil {
			return goesOn, err
		}
		if by <= 0 {
			return goesOn, pgerr.New(pgerr.InvalidParameterValue, "BY value of FOR loop must be greater than zero")
		}
	}
	found, sig := false, goesOn
	for i := from; !s.reverse && i <= to || s.reverse && i >= to; {
		found = true
		fr.vals[s.v].d = types.NewInt(i)
		if err := fr.host.Interrupted(); err != nil {
			return goesOn, err
		}
		got, err := fr.stmts(s.body)
		if err != nil {
			return goesOn, err
		}
		var done bool
		if done, sig = fr.loops(got, s.label); done {
			break
		}
		if s.reverse {
			i -= by
		} else {
			i += by
		}
	}
	fr.setFound(found)
	return sig, nil
}

func (fr *frame) forQuery(s *forQuery) (signal, error) {
	q := s.query
	var params []types.Datum
	var err error
	if s.dynamic != nil {
		if q, params, err = fr.dynamic(s.dynamic, s.using); err != nil {
			return goesOn, err
		}
	}
	var rows []*Row
	if _, _, err := fr.runWith(q, params, s.dynamic != nil, 0, func(cols []expr.RecordColumn, row []types.Datum) error {
		rows = append(rows, &Row{cols, slices.Clone(row)})
		return nil
	}); err != nil {
		return goesOn, err
	}
	sig := goesOn
	if len(rows) == 0 {
		if err := fr.into(s.into, nil); err != nil {
			return goesOn, err
		}
	}
	for _, r := range rows {
		if err := fr.into(s.into, r); err != nil {
			return goesOn, err
		}
		got, err := fr.stmts(s.body)
		if err != nil {
			return goesOn, err
		}
		var done bool
		if done, sig = fr.loops(got, s.label); done {
			break
		}
	}
	fr.setFound(len(rows) > 0)
	return sig, nil
}

func (fr *frame) forEach(s *forEach) (signal, error) {
	d, t, err := fr.eval(s.array)
	if err != nil {
		return goesOn, err
	}
	if d.IsNull() {
		return goesOn, pgerr.New(pgerr.NullValueNotAllowed, "FOREACH expression must not be null")
	}
	elem := types.ElemOf(t.Oid)
	if elem == 0 {
		return goesOn, pgerr.New(pgerr.DatatypeMismatch, "FOREACH expression must yield an array, not type %s", types.FormatType(t))
	}
	sig := goesOn
	for _, e := range d.Array().Elems {
		if err := fr.assign(s.into, e, types.Type{Oid: elem, Mod: t.Mod}); err != nil {
			return goesOn, err
		}
		got, err := fr.stmts(s.body)
		if err != nil {
			return goesOn, err
		}
		var done bool
		if done, sig = fr.loops(got, s.label); done {
			break
		}
	}
	fr.setFound(len(d.Array().Elems) > 0)
	return sig, nil
}

func (fr *frame) returns(s *returnStmt) error {
	if s.expr == nil {
		return nil
	}
	d, t, err := fr.eval(s.expr)
	if err != nil {
		return err
	}
	if fr.result, fr.resType = d, t; d.IsNull() {
		return nil
	}
	if r := fr.f.Return; t.Kind() == types.KRecord {
		fr.resRow = fr.rowOf(d)
	} else if !r.Trigger && r.Type.Oid != types.RecordOid {
		fr.result, err = fr.host.Cast(d, t, r.Type)
	}
	return err
}

func (fr *frame) returnNext(s *returnNext) error {
	if s.expr == nil {
		if len(fr.f.outs) == 0 {
			return pgerr.New(pgerr.SyntaxError, "RETURN NEXT must have a parameter")
		}
		return fr.emit(types.Null, types.Type{}, fr.outRow())
	}
	d, t, err := fr.eval(s.expr)
	if err != nil {
		return err
	}
	if t.Kind() == types.KRecord && !d.IsNull() {
		return fr.emit(types.Null, t, fr.rowOf(d))
	}
	return fr.emit(d, t, nil)
}

// dynamic makes a query of a text; its parameters are USING's.
func (fr *frame) dynamic(text *Query, using []*Query) (*Query, []types.Datum, error) {
	d, err := fr.evalTo(text, types.T(types.TextOid))
	if err == nil && d.IsNull() {
		err = pgerr.New(pgerr.NullValueNotAllowed, "query string argument of EXECUTE is null")
	}
	if err != nil {
		return nil, nil, err
	}
	q := &Query{Text: d.Str(), Written: d.Str(), Kind: statementKind}
	var params []types.Datum
	for _, u := range using {
		d, t, err := fr.eval(u)
		if err != nil {
			return nil, nil, err
		}
		if t.Oid == types.UnknownOid {
			t = types.T(types.TextOid)
		}
		params, q.types = append(params, d), append(q.types, t)
	}
	return q, params, nil
}

// Types are the types of the parameters of EXECUTE.
func (q *Query) Types() []types.Type { return q.types }

// runWith runs a query with its variables, or one of EXECUTE with its parameters.
func (fr *frame) runWith(q *Query, params []types.Datum, dynamic bool, limit int, rows func([]expr.RecordColumn, []types.Datum) error) (int64, bool, error) {
	if !dynamic {
		return fr.run(q, limit, rows)
	}
	err := fr.host.Prepare(q)
	var n int64
	var ret bool
	if err == nil {
		n, ret, err = fr.host.Run(q, params, limit, rows)
	}
	if err != nil {
		err = q.where(err)
	}
	return n, ret, err
}

// runInto runs a statement and gives INTO its first row.
func (fr *frame) runInto(q *Query, params []types.Datum, dynamic bool, into []target, strict bool) (returned bool, err error) {
	limit := 0
	if into != nil {
		limit = 2
	}
	var first *Row
	seen := 0
	n, ret, err := fr.runWith(q, params, dynamic, limit, func(cols []expr.RecordColumn, row []types.Datum) error {
		if seen++; seen == 1 && into != nil {
			first = &Row{cols, slices.Clone(row)}
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	fr.rows = n
	if !dynamic {
		fr.setFound(n > 0)
	}
	if into == nil {
		return ret, nil
	}
	fr.rows = int64(min(seen, 1))
	switch {
	case !ret:
		return ret, pgerr.New(pgerr.SyntaxError, "INTO used with a command that cannot return data")
	case strict && first == nil:
		return ret, pgerr.New(pgerr.NoDataFound, "query returned no rows")
	case strict && seen > 1:
		return ret, pgerr.New(pgerr.TooManyRows, "query returned more than one row").WithHint("Make sure the query returns a single row, or use LIMIT 1.")
	}
	return ret, fr.into(into, first)
}

func (fr *frame) sql(s *sqlStmt) error {
	ret, err := fr.runInto(s.query, nil, false, s.into, s.strict)
	if err == nil && ret && s.into == nil && !s.perform {
		return pgerr.New(pgerr.SyntaxError, "query has no destination for result data").
			WithHint("If you want to discard the results of a SELECT, use PERFORM instead.")
	}
	return err
}

func (fr *frame) raise(s *raise) error {
	if s.level == "" {
		if fr.err == nil {
			return pgerr.New(pgerr.StackedDiagnosticsAccessedWithoutActiveHandler, "RAISE without parameters cannot be used outside an exception handler")
		}
		return &raised{fr.err}
	}
	e := &pgerr.Error{Severity: strings.ToUpper(s.level), Code: "00000", Message: s.name}
	switch s.level {
	case "exception":
		e.Severity, e.Code = pgerr.SeverityError, pgerr.RaiseException
	case "warning":
		e.Code = "01000"
	}
	code := func(name string) {
		if e.Code = name; conditions[name] != nil {
			e.Code = conditions[name][0]
		}
	}
	if s.name != "" {
		code(s.name)
	}
	if s.hasText {
		var b strings.Builder
		arg := 0
		for i := 0; i < len(s.format); i++ {
			switch {
			case s.format[i] != '%':
				b.WriteByte(s.format[i])
			case i+1 < len(s.format) && s.format[i+1] == '%':
				b.WriteByte('%')
				i++
			default:
				d, t, err := fr.eval(s.args[arg])
				if err != nil {
					return err
				}
				arg++
				b.WriteString(fr.text(d, t))
			}
		}
		e.Message = b.String()
	}
	for _, o := range s.options {
		d, t, err := fr.eval(o.expr)
		if err != nil {
			return err
		}
		if d.IsNull() {
			return pgerr.New(pgerr.NullValueNotAllowed, "RAISE statement option cannot be null")
		}
		v := fr.text(d, t)
		if o.name == "errcode" {
			if conditions[v] == nil && len(v) != 5 {
				return pgerr.New(pgerr.UndefinedObject, "unrecognized exception condition \"%s\"", v)
			}
			code(v)
			if e.Message == "" {
				e.Message = v
			}
			continue
		}
		*map[string]*string{"message": &e.Message, "detail": &e.Detail, "hint": &e.Hint, "column": &e.Column, "constraint": &e.Constraint,
			"table": &e.Table, "schema": &e.Schema, "datatype": &e.DataType}[o.name] = v
	}
	if s.level == "exception" {
		return e
	}
	fr.host.Notice(e.WithWhere("PL/pgSQL function %s line %d at RAISE", fr.f.Signature, s.at()))
	return nil
}

func (fr *frame) text(d types.Datum, t types.Type) string {
	if d.IsNull() {
		return "<NULL>"
	}
	return fr.host.Text(d, t)
}

func (fr *frame) assert(s *assert) error {
	if !fr.host.Assertions() {
		return nil
	}
	ok, err := fr.cond(s.cond)
	if err != nil || ok {
		return err
	}
	message := "assertion failed"
	if s.message != nil {
		d, t, err := fr.eval(s.message)
		if err != nil {
			return err
		}
		if !d.IsNull() {
			message = fr.text(d, t)
		}
	}
	return pgerr.New(pgerr.AssertFailure, "%s", message)
}

func (fr *frame) diagnostics(s *diagnostics) error {
	if s.stacked && fr.err == nil {
		return pgerr.New(pgerr.StackedDiagnosticsAccessedWithoutActiveHandler, "GET STACKED DIAGNOSTICS cannot be used outside an exception handler")
	}
	for _, it := range s.items {
		if it.item == "row_count" {
			if err := fr.assign(it.to, types.NewInt(fr.rows), types.T(types.Int8Oid)); err != nil {
				return err
			}
			continue
		}
		e := fr.err
		v, ok := map[string]string{"returned_sqlstate": e.Code, "message_text": e.Message, "pg_exception_detail": e.Detail,
			"pg_exception_hint": e.Hint, "pg_exception_context": e.Where, "column_name": e.Column, "constraint_name": e.Constraint,
			"table_name": e.Table, "schema_name": e.Schema, "pg_datatype_name": e.DataType}[it.item]
		if !ok {
			return pgerr.NotSupported("GET STACKED DIAGNOSTICS with " + strings.ToUpper(it.item))
		}
		if err := fr.assign(it.to, types.NewString(v), types.T(types.TextOid)); err != nil {
			return err
		}
	}
	return nil
}
