package session

import (
	"context"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner/exec"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/plpgsql"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// plHost is the session as what runs the SQL of PL/pgSQL.
type plHost struct {
	s     *Session
	ctx   context.Context
	clock time.Time
	fresh bool
}

// Prepare implements plpgsql.Host.
func (h *plHost) Prepare(q *plpgsql.Query) error {
	st, _ := q.Prepared.(*statement)
	if st == nil {
		raws, err := parse.Parse(q.Text)
		if err != nil {
			return err
		}
		if len(raws) != 1 {
			return pgerr.NotSupported("a text of several statements in PL/pgSQL")
		}
		var declared []types.Oid
		if q.Scope == nil {
			for _, t := range q.Types() {
				declared = append(declared, t.Declared())
			}
		}
		st = newStatement("", raws[0], q.Text, declared)
		st.function = q.Scope
		q.Prepared = st
	}
	switch u := st.raw.Stmt.(type) {
	case *parse.TransactionStmt:
		return pgerr.New(pgerr.FeatureNotSupported, "unsupported transaction command in PL/pgSQL")
	case *parse.CopyStmt:
		return pgerr.New(pgerr.FeatureNotSupported, "cannot COPY to/from client in PL/pgSQL")
	case *parse.CallStmt:
		c, err := h.s.analyseCall(st, u)
		if err == nil && c.Columns != nil {
			err = pgerr.NotSupported("CALL with output arguments in PL/pgSQL")
		}
		return err
	}
	return h.s.prepare(st)
}

// Run implements plpgsql.Host.
func (h *plHost) Run(q *plpgsql.Query, params []types.Datum, limit int,
	rows func([]expr.RecordColumn, []types.Datum) error) (int64, bool, error) {
	st := q.Prepared.(*statement)
	n := &nestedStatement{st: st, params: params, fresh: h.fresh, clock: h.clock}
	if _, ok := st.raw.Stmt.(*parse.SelectStmt); ok {
		n.limit = limit
	}
	cols := make([]expr.RecordColumn, len(st.columns))
	for i, c := range st.columns {
		cols[i] = expr.RecordColumn{Name: c.Name, Type: c.Type}
	}
	seen := int64(0)
	n.rows = func(b *types.Batch) error {
		for i := range b.N {
			seen++
			if err := rows(cols, b.Row(i)); err != nil {
				return err
			}
		}
		return nil
	}
	got, err := h.s.runNested(h.ctx, n)
	return max(got, seen), len(cols) > 0, err
}

// Subtransaction implements plpgsql.Host.
func (h *plHost) Subtransaction(body func() error) error {
	s := h.s
	at := len(s.tx.savepoints)
	s.pushSavepoint("")
	err := body()
	if err != nil {
		s.restore(&s.tx.savepoints[at])
	}
	s.tx.savepoints = s.tx.savepoints[:at]
	return err
}

// Notice implements plpgsql.Host.
func (h *plHost) Notice(n *pgerr.Error) { h.s.notice(n) }

// Interrupted implements plpgsql.Host.
func (h *plHost) Interrupted() error {
	if err := h.ctx.Err(); err != nil {
		return h.s.interrupted(h.ctx, err)
	}
	return nil
}

// Cast implements plpgsql.Host: an assignment's cast, else by way of text.
func (h *plHost) Cast(d types.Datum, from, to types.Type) (types.Datum, error) {
	if d.IsNull() || from == to || from.Oid == to.Oid && to.Mod < 0 && to.Domain == 0 {
		return d, nil
	}
	n, err := sema.AssignmentCast(from, to, h.s.semaEnv(h.s.snapshot(), ""))
	if err != nil {
		return d, err
	}
	if n == nil || from.Oid == types.UnknownOid {
		return types.ParseText(to, h.Text(d, from), h.s.io())
	}
	c, err := expr.Compile(n, []types.Type{from})
	if err != nil {
		return d, err
	}
	return c.EvalRow(h.s.execContext(h.ctx, nil).Eval, []types.Datum{d})
}

// Text implements plpgsql.Host.
func (h *plHost) Text(d types.Datum, t types.Type) string { return types.Text(t.Oid, d, h.s.io()) }

// Columns implements plpgsql.Host.
func (h *plHost) Columns(t types.Oid) []expr.RecordColumn { return expr.CompositeColumns(t, h.s.io()) }

// Row implements plpgsql.Host.
func (h *plHost) Row(t types.Oid, fields []types.Datum) types.Datum {
	return types.NewComposite(h.s.snapshot().UserType(t), fields)
}

// Assertions implements plpgsql.Host.
func (h *plHost) Assertions() bool {
	v, _, _ := h.s.settings.raw("plpgsql.check_asserts")
	return v != "off"
}

// plType resolves the name of a type in a declaration.
func (s *Session) plType(name string) (types.Type, error) {
	st, err := parse.ParseOne("CREATE FUNCTION f(" + "x " + name + ") LANGUAGE sql") // where %TYPE may be written
	if err != nil {
		return types.Type{}, err
	}
	c, ok := st.(*parse.CreateFunctionStmt)
	if !ok || len(c.Parameters) != 1 {
		return types.Type{}, pgerr.New(pgerr.SyntaxError, "invalid type name \"%s\"", name)
	}
	return sema.ResolveType(c.Parameters[0].Type, s.semaEnv(s.snapshot(), ""))
}

// do is DO.
func (s *Session) do(ctx context.Context, p *portal, u *parse.DoStmt) error {
	body := ""
	for _, d := range u.Args {
		v := ""
		switch a := d.Arg.(type) {
		case parse.NameArg:
			v = string(a)
		case parse.NameListArg:
			v = strings.Join(a, "")
		case *parse.Const:
			v = a.Sval
		}
		if d.Name == "as" {
			body = v
		} else if v != catalog.LanguagePLpgSQL {
			return pgerr.NotSupported("DO in LANGUAGE " + v)
		}
	}
	s.open()
	s.tx.ran = true
	s.tx.txn.StartStatement()
	leave, err := s.enterNested()
	if err != nil {
		return err
	}
	defer leave()
	f := &plpgsql.Function{Source: body, Signature: "inline_code_block", Return: plpgsql.Return{Type: types.T(types.VoidOid)}}
	if err := plpgsql.Parse(f, nil, s.plType); err != nil {
		return inBody(err, p.st.text, body)
	}
	_, err = f.Call(&plHost{s: s, ctx: ctx, clock: time.Now(), fresh: true}, nil, nil, nil)
	return err
}

// inBody moves the position of an error in a body to where that is in the statement, if the body is there as it is.
func inBody(err error, text, body string) error {
	e := pgerr.From(err).Clone()
	if at := strings.Index(text, body); e.Position > 0 && at >= 0 {
		e.Position += utf8.RuneCountInString(text[:at])
	} else if e.Position > 0 {
		e.WithInternal(body, e.Position)
		e.Position = 0
	}
	return e
}

// plFunction reads a function's body, with the actual types of its arguments.
func (s *Session) plFunction(fn *catalog.Function, args []types.Type, result types.Type) (*plpgsql.Function, error) {
	var in []string
	var params []plpgsql.Param
	for _, a := range fn.Args {
		p := plpgsql.Param{Name: a.Name, Type: a.Type, In: a.Mode.Input(), Out: a.Mode.Output()}
		if p.In {
			in = append(in, types.FormatType(types.Type{Oid: a.Type.Oid, Mod: -1, Domain: a.Type.Domain}))
			if k := len(in) - 1; expr.IsPolymorphic(a.Type.Oid) && k < len(args) {
				p.Type = args[k]
			}
		}
		params = append(params, p)
	}
	f := &plpgsql.Function{Source: fn.Source, Signature: fn.Name + "(" + strings.Join(in, ",") + ")",
		Return: plpgsql.Return{Type: result, Set: fn.Set, Procedure: fn.Kind == catalog.Procedure, Trigger: result.Oid == types.TriggerOid}}
	return f, plpgsql.Parse(f, params, s.plType)
}

// plFunctionFor returns a function that was read and that no call uses, with the plans of its statements; done gives it back.
func (s *Session) plFunctionFor(fn *catalog.Function, args []types.Type, result types.Type) (f *plpgsql.Function, done func(), err error) {
	var key strings.Builder
	for _, t := range append(args[:len(args):len(args)], result) {
		key.WriteString(strconv.Itoa(int(t.Declared())))
		key.WriteByte(',')
	}
	k := routineKey{fn, key.String()}
	if free := s.plFunctions[k]; len(free) > 0 {
		f, s.plFunctions[k] = free[len(free)-1], free[:len(free)-1]
	} else if f, err = s.plFunction(fn, args, result); err != nil {
		return nil, nil, err
	}
	return f, func() {
		if s.plFunctions == nil || len(s.plFunctions) >= maxRoutines {
			s.plFunctions = map[routineKey][]*plpgsql.Function{}
		}
		if free := s.plFunctions[k]; len(free) < 8 {
			s.plFunctions[k] = append(free, f)
		}
	}, nil
}

// callPL runs a function in PL/pgSQL; emit takes the rows of a set.
func (s *Session) callPL(ctx *expr.EvalContext, fn *catalog.Function, call *expr.FunctionCall, emit func(row []types.Datum)) (types.Datum, error) {
	f, done, err := s.plFunctionFor(fn, call.Types, call.Result)
	if err != nil {
		return types.Null, err
	}
	defer done()
	h := &plHost{s: s, ctx: callContext(ctx), clock: ctx.StatementTime, fresh: fn.Volatility == 'v'}
	columns := call.Columns
	if columns == nil {
		columns = h.Columns(call.Result.Oid)
	}
	fields := func(r *plpgsql.Row) ([]types.Datum, error) {
		if columns == nil {
			return r.Fields, nil
		}
		if len(columns) != len(r.Fields) {
			return nil, pgerr.New(pgerr.DatatypeMismatch, "structure of query does not match function result type").
				WithDetail("Number of returned columns (%d) does not match expected column count (%d).", len(r.Fields), len(columns))
		}
		out := make([]types.Datum, len(columns))
		for i, c := range columns {
			if out[i], err = h.Cast(r.Fields[i], r.Cols[i].Type, c.Type); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	whole := func(r *plpgsql.Row) (types.Datum, error) {
		v, err := fields(r)
		switch {
		case err != nil:
			return types.Null, err
		case call.Result.Oid.Class() == types.CompositeClass:
			return h.Row(call.Result.Oid, v), nil
		case columns == nil:
			return r.Record(), nil
		}
		return (&plpgsql.Row{Cols: columns, Fields: v}).Record(), nil
	}
	row := call.Result.Kind() == types.KRecord
	out, err := f.Call(h, call.Args, nil, func(d types.Datum, t types.Type, r *plpgsql.Row) (err error) {
		switch {
		case row && r == nil:
			r = &plpgsql.Row{Cols: []expr.RecordColumn{{Type: t}}, Fields: []types.Datum{d}}
		case !row && r != nil && len(r.Fields) != 1:
			return pgerr.New(pgerr.DatatypeMismatch, "structure of query does not match function result type")
		case !row && r != nil:
			d, t = r.Fields[0], r.Cols[0].Type
		}
		switch {
		case !row:
			d, err = h.Cast(d, t, call.Result)
			emit([]types.Datum{d})
		case call.Columns != nil:
			var v []types.Datum
			v, err = fields(r)
			emit(v)
		default:
			d, err = whole(r)
			emit([]types.Datum{d})
		}
		return err
	})
	if err != nil || out.Row == nil {
		if err == nil && row && !out.Value.IsNull() {
			err = pgerr.New(pgerr.DatatypeMismatch, "cannot return non-composite value from function returning composite type")
		}
		if err != nil || out == nil {
			return types.Null, err
		}
		return out.Value, nil
	}
	return whole(out.Row)
}

// openPL runs a function in PL/pgSQL that returns a set.
func (s *Session) openPL(ctx *expr.EvalContext, fn *catalog.Function, call *expr.FunctionCall) (expr.SetIterator, error) {
	out := &rowsIterator{}
	_, err := s.callPL(ctx, fn, call, func(row []types.Datum) { out.rows = append(out.rows, row) })
	return out, err
}

// checkPL is the validator of LANGUAGE plpgsql: the body's syntax.
func (s *Session) checkPL(text string, fn *catalog.Function) error {
	if fn.Language != catalog.LanguagePLpgSQL || !s.checksBodies() {
		return nil
	}
	if _, err := s.plFunction(fn, nil, fn.Result); err != nil {
		return inBody(err, text, fn.Source)
	}
	return nil
}

// callPLTrigger runs a trigger function: the row that goes on, nil for none.
func (s *Session) callPLTrigger(ctx context.Context, fn *catalog.Function, d *exec.TriggerData) ([]types.Datum, error) {
	f, done, err := s.plFunctionFor(fn, nil, fn.Result)
	if err != nil {
		return nil, err
	}
	defer done()
	row := func(from []types.Datum, nulled bool) *plpgsql.Row {
		if from == nil {
			return nil
		}
		r := &plpgsql.Row{}
		for _, c := range d.Table.LiveColumns() {
			v := types.Null
			if int(c.Num) <= len(from) && (!nulled || !c.Generated) {
				v = from[c.Num-1]
			}
			r.Cols, r.Fields = append(r.Cols, expr.RecordColumn{Name: c.Name, Type: c.Type}), append(r.Fields, v)
		}
		return r
	}
	tg, text := d.Trigger, types.NewString
	before := tg.Type&catalog.TriggerBefore != 0
	when, level := "AFTER", "STATEMENT"
	switch {
	case before:
		when = "BEFORE"
	case tg.Type&catalog.TriggerInstead != 0:
		when = "INSTEAD OF"
	}
	if tg.Type&catalog.TriggerRow != 0 {
		level = "ROW"
	}
	op := map[catalog.TriggerType]string{catalog.TriggerInsert: "INSERT", catalog.TriggerUpdate: "UPDATE", catalog.TriggerDelete: "DELETE",
		catalog.TriggerTruncate: "TRUNCATE"}[d.Event]
	argv := types.Null
	if len(tg.Args) > 0 {
		a := &types.Array{Elem: types.TextOid, Dims: []int32{int32(len(tg.Args))}, Lbs: []int32{0}}
		for _, v := range tg.Args {
			a.Elems = append(a.Elems, text(v))
		}
		argv = types.NewArray(a)
	}
	schema := ""
	if n := s.snapshot().Schema(d.Relation.SchemaID()); n != nil {
		schema = n.Name
	}
	name := text(d.Relation.Name())
	t := &plpgsql.Trigger{New: row(d.New, before), Old: row(d.Old, false), Vars: []types.Datum{text(tg.Name), text(when), text(level), text(op),
		types.NewInt(int64(d.Relation.OID())), name, name, text(schema), types.NewInt(int64(len(tg.Args))), argv}}
	h := &plHost{s: s, ctx: ctx, clock: time.Now(), fresh: fn.Volatility == 'v'}
	out, err := f.Call(h, nil, t, nil)
	if err != nil || level != "ROW" || when == "AFTER" || out.Row == nil && out.Value.IsNull() {
		return nil, err
	}
	if out.Row == nil {
		return nil, pgerr.New(pgerr.DatatypeMismatch, "cannot return non-composite value from function returning composite type")
	}
	base := d.New
	if base == nil {
		base = d.Old
	}
	result := make([]types.Datum, len(base))
	cols := d.Table.LiveColumns()
	if len(cols) != len(out.Row.Fields) {
		return nil, pgerr.New(pgerr.DatatypeMismatch, "returned row structure does not match the structure of the triggering table").
			WithDetail("Number of returned columns (%d) does not match expected column count (%d).", len(out.Row.Fields), len(cols))
	}
	for i, c := range cols {
		if result[c.Num-1], err = h.Cast(out.Row.Fields[i], out.Row.Cols[i].Type, c.Type); err != nil {
			return nil, err
		}
	}
	return result, nil
}
