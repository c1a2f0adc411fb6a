package plpgsql

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// gathered are the first rows of a query that INTO wants.
type gathered struct {
	rows  [][]types.Datum
	limit int
}

func (g *gathered) take(b *types.Batch) error {
	for i := 0; i < b.N && len(g.rows) < g.limit; i++ {
		g.rows = append(g.rows, b.Row(i))
	}
	return nil
}

// sqlStatement is exec_stmt_execsql.
func (x *execution) sqlStatement(s *sqlStmt) error {
	return x.runInto(s.query, s.into, s.strict)
}

func (x *execution) runInto(e *expression, into *datum, strict bool) error {
	params, err := x.ready(e)
	if err != nil {
		return err
	}
	st := e.statement
	class := st.Class()
	level := x.env.Checks.TooManyRows
	one := strict || class == ClassModify || level != LevelNone
	g := &gathered{}
	if into != nil {
		if g.limit = 1; one {
			g.limit = 2
		}
	}
	if err := refusedClass(class, "unsupported transaction command in PL/pgSQL"); err != nil {
		return err
	}
	var out Outcome
	err = x.within(e, func() (err error) {
		out, err = x.host.Run(st, params, g.limit, g.take)
		return err
	})
	x.renew()
	if err != nil {
		return err
	}
	switch {
	case out.Rewritten:
		x.setFound(false)
	case class == ClassSelect || class == ClassModify:
		x.setFound(out.Rows != 0)
	}
	x.processed = out.Rows
	if into == nil {
		if out.Returns {
			err := pgerr.New(pgerr.SyntaxError, "query has no destination for result data")
			if class == ClassSelect {
				err.WithHint("If you want to discard the results of a SELECT, use PERFORM instead.")
			}
			return err
		}
		return nil
	}
	return x.into(out, g, into, strict, class == ClassModify, level, false, func() string { return x.shownParams(e) })
}

// refusedClass refuses what SPI does not execute.
func refusedClass(c Class, transaction string) error {
	switch c {
	case ClassCopy:
		return pgerr.New(pgerr.FeatureNotSupported, "cannot COPY to/from client in PL/pgSQL")
	case ClassTransaction:
		return pgerr.New(pgerr.FeatureNotSupported, transaction)
	}
	return nil
}

// into puts the row that a statement returned into the target of INTO.
func (x *execution) into(out Outcome, g *gathered, target *datum, strict, modifies bool, level Level, dynamic bool, params func() string) error {
	if !out.Returns {
		return pgerr.New(pgerr.SyntaxError, "INTO used with a command that cannot return data")
	}
	detail := func(e *pgerr.Error) *pgerr.Error {
		if x.fn.options.PrintStrictParams {
			if p := params(); p != "" {
				e.Detail = "parameters: " + p
			}
		}
		return e
	}
	typ := &rowType{columns: out.Columns}
	if len(g.rows) == 0 {
		if strict {
			return detail(pgerr.New(pgerr.NoDataFound, "query returned no rows"))
		}
		return x.moveRow(target, typ, nil)
	}
	if len(g.rows) > 1 && (strict || modifies || level != LevelNone) {
		e := detail(pgerr.New(pgerr.TooManyRows, "query returned more than one row"))
		if !dynamic {
			e.WithHint("Make sure the query returns a single row, or use LIMIT 1.")
		}
		if strict || modifies || level == LevelError {
			return e
		}
		x.notice(e.WithSeverity(pgerr.SeverityWarning))
	}
	return x.moveRow(target, typ, g.rows[0])
}

// shownParams is format_expr_params.
func (x *execution) shownParams(e *expression) string {
	var b strings.Builder
	for _, d := range e.params {
		v, t, err := x.value(d)
		if err != nil {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString(d.name)
		b.WriteString(" = ")
		x.showParam(&b, v, t)
	}
	return b.String()
}

func (x *execution) showParam(b *strings.Builder, v types.Datum, t types.Type) {
	if v.IsNull() {
		b.WriteString("NULL")
		return
	}
	b.WriteString(parse.QuoteLiteral(x.text(v, t)))
}

// perform is PERFORM.
func (x *execution) perform(s *performStmt) error {
	params, err := x.ready(s.query)
	if err != nil {
		return err
	}
	st := s.query.statement
	switch st.Class() {
	case ClassSelect:
	case ClassSelectInto:
		return pgerr.New(pgerr.SyntaxError, "query is SELECT INTO, but it should be plain SELECT").WithWhere("query: %s", s.query.text)
	default:
		return pgerr.New(pgerr.SyntaxError, "query is not a SELECT").WithWhere("query: %s", s.query.text)
	}
	var out Outcome
	err = x.within(s.query, func() (err error) {
		out, err = x.host.Run(st, params, 0, nil)
		return err
	})
	x.renew()
	if err != nil {
		return err
	}
	x.processed = out.Rows
	x.setFound(out.Rows != 0)
	return nil
}

// dynamicText evaluates the text of EXECUTE.
func (x *execution) dynamicText(e *expression) (string, error) {
	d, t, err := x.evaluate(e)
	if err != nil {
		return "", err
	}
	if d.IsNull() {
		return "", pgerr.New(pgerr.NullValueNotAllowed, "query string argument of EXECUTE is null")
	}
	return x.text(d, t), nil
}

// usingParams evaluates USING.
func (x *execution) usingParams(using []*expression) (params []types.Datum, ts []types.Type, err error) {
	for _, e := range using {
		d, t, err := x.evaluate(e)
		if err != nil {
			return nil, nil, err
		}
		if t.Oid == types.UnknownOid {
			t = types.T(types.TextOid)
		}
		params, ts = append(params, d), append(ts, t)
	}
	return params, ts, nil
}

// dynamicStatements makes the statements of EXECUTE. The expression is what CONTEXT shows.
func (x *execution) dynamicStatements(query *expression, using []*expression) (e *expression, list []Statement, params []types.Datum,
	ts []types.Type, err error) {
	text, err := x.dynamicText(query)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	if params, ts, err = x.usingParams(using); err != nil {
		return nil, nil, nil, nil, err
	}
	e = &expression{text: text, mode: parse.PLStatement, fn: x.fn}
	err = x.within(e, func() (err error) {
		list, err = x.host.PrepareText(text, ts)
		return err
	})
	return e, list, params, ts, err
}

// dynamic is EXECUTE.
func (x *execution) dynamic(s *executeStmt) error {
	e, list, params, ts, err := x.dynamicStatements(s.query, s.using)
	if err != nil {
		return err
	}
	var out Outcome
	g := &gathered{}
	for i, st := range list {
		last := i == len(list)-1
		if last && s.into != nil {
			g.limit = 2
		}
		if out, err = x.runDynamic(e, st, params, g); err != nil {
			return err
		}
	}
	x.processed = out.Rows
	if s.into == nil {
		return nil
	}
	return x.into(out, g, s.into, s.strict, false, LevelNone, true, func() string {
		var b strings.Builder
		for i, v := range params {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString("$" + itoa(i+1) + " = ")
			x.showParam(&b, v, ts[i])
		}
		return b.String()
	})
}

// runDynamic executes a statement of EXECUTE.
func (x *execution) runDynamic(e *expression, st Statement, params []types.Datum, g *gathered) (out Outcome, err error) {
	class := ClassEmpty
	err = x.within(e, func() error {
		if err := x.host.Describe(st); err != nil {
			return err
		}
		if class = st.Class(); class == ClassCopy || class == ClassTransaction || class == ClassSelectInto {
			return nil
		}
		out, err = x.host.Run(st, params, 0, g.take)
		return err
	})
	x.renew()
	if err != nil {
		return out, err
	}
	if class == ClassSelectInto {
		return out, pgerr.New(pgerr.FeatureNotSupported, "EXECUTE of SELECT ... INTO is not implemented").
			WithHint("You might want to use EXECUTE ... INTO or EXECUTE CREATE TABLE ... AS instead.")
	}
	return out, refusedClass(class, "EXECUTE of transaction commands is not implemented")
}

// dynamicCursor makes the one query of a text that a cursor is opened for.
func (x *execution) dynamicCursor(query *expression, using []*expression) (*expression, Statement, []types.Datum, error) {
	e, list, params, _, err := x.dynamicStatements(query, using)
	if err != nil {
		return nil, nil, nil, err
	}
	if len(list) != 1 {
		return nil, nil, nil, pgerr.New(pgerr.InvalidCursorDefinition, "cannot open multi-query plan as cursor")
	}
	err = x.within(e, func() error { return x.host.Describe(list[0]) })
	if err == nil && !opensCursor(list[0]) {
		err = errNoCursor(list[0])
	}
	return e, list[0], params, err
}

// callProcedure is CALL and DO.
func (x *execution) callProcedure(s *callStmt) error {
	params, err := x.ready(s.query)
	if err != nil {
		return err
	}
	st := s.query.statement
	if s.isCall && s.target == nil {
		if s.target, err = x.callTarget(s.query); err != nil {
			return err
		}
	}
	var fields []types.Datum
	typ := &rowType{}
	err = x.within(s.query, func() (err error) {
		fields, typ.columns, err = x.host.Call(st, params)
		return err
	})
	x.renew()
	x.host.Eval(&x.eval) // it may have ended the transaction
	if err != nil || fields == nil || s.target == nil {
		return err
	}
	return x.moveRow(s.target, typ, fields)
}

// callTarget is make_callstmt_target: where the output arguments go.
func (x *execution) callTarget(e *expression) (*datum, error) {
	targets, err := x.host.CallTargets(e.statement)
	if err != nil {
		return nil, err
	}
	row := &datum{kind: rowDatum, name: "(unnamed row)", line: -1}
	for i, t := range targets {
		if t.Param == 0 {
			name := itoa(i + 1)
			if t.Name != "" {
				name = "\"" + t.Name + "\""
			}
			return nil, pgerr.New(pgerr.SyntaxError, "procedure parameter %s is an output parameter but corresponding argument is not writable", name)
		}
		d := e.params[t.Param-1]
		if err := x.checkWritable(d); err != nil {
			return nil, err
		}
		row.members, row.names = append(row.members, d), append(row.names, d.name)
	}
	return row, nil
}
