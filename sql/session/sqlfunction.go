package session

import (
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
	"github.com/pgmqdb/pgmqdb/sql/utility"
)

// sqlRoutine is a function in SQL as a session runs it: its statements, with their plans.
type sqlRoutine struct {
	fn     *catalog.Function
	stmts  []*statement
	result *sqlResult
	busy   bool // it is running: a recursive call has its own
}

// sqlResult makes the function's result of the last statement's rows.
type sqlResult struct {
	madeFor []types.Type
	fields  []expr.RecordColumn // of a row
	of      *types.UserType     // the composite type that it is of; nil for record
	casts   []*expr.Compiled
	row     bool
}

// routineKey is a function with the actual types of its arguments and result.
type routineKey struct {
	fn    *catalog.Function
	types string
}

// maxRoutines bounds what a session keeps of functions.
const maxRoutines = 500

// sqlRoutineFor returns a function's statements, parsed; done gives them back.
func (s *Session) sqlRoutineFor(fn *catalog.Function, call *expr.FunctionCall) (r *sqlRoutine, done func(), err error) {
	var key strings.Builder
	for _, t := range call.Types {
		key.WriteString(strconv.Itoa(int(t.Declared())))
		key.WriteByte(',')
	}
	k := routineKey{fn, key.String()}
	if r = s.routines[k]; r != nil && !r.busy {
		r.busy = true
		return r, func() { r.busy = false }, nil
	}
	if r, err = newSQLRoutine(fn, call.Types); err != nil {
		return nil, nil, err
	}
	if s.routines == nil || len(s.routines) >= maxRoutines {
		s.routines = map[routineKey]*sqlRoutine{}
	}
	if s.routines[k] == nil {
		s.routines[k] = r
	}
	r.busy = true
	return r, func() { r.busy = false }, nil
}

// newSQLRoutine parses a function's body.
func newSQLRoutine(fn *catalog.Function, args []types.Type) (*sqlRoutine, error) {
	r := &sqlRoutine{fn: fn}
	declared := make([]types.Oid, len(args))
	for i, a := range fn.Inputs() {
		if declared[i] = a.Type.Declared(); expr.IsPolymorphic(a.Type.Oid) {
			declared[i] = args[i].Declared()
		}
	}
	add := func(raw parse.RawStmt, text string, bound []catalog.ViewDep) {
		st := newStatement("", raw, text, declared)
		st.function, st.bound = sema.Parameters(fn), bound
		r.stmts = append(r.stmts, st)
	}
	if fn.Body == "" {
		raws, err := parse.Parse(fn.Source)
		if err != nil {
			return nil, err
		}
		for _, raw := range raws {
			add(raw, fn.Source, nil)
		}
		return r, nil
	}
	texts, _ := parse.SplitBody(fn.Body)
	for _, text := range texts {
		stmt, err := parse.ParseOne(text)
		if err != nil {
			return nil, err
		}
		add(parse.RawStmt{Stmt: stmt, Len: len(text), Text: text}, text, fn.Deps)
	}
	return r, nil
}

// callSQL runs a function in SQL that returns one value: of the first row of its last statement.
func (s *Session) callSQL(ctx *expr.EvalContext, fn *catalog.Function, call *expr.FunctionCall) (types.Datum, error) {
	out := types.Null
	err := s.runSQL(ctx, fn, call, 1, func(res *sqlResult, row types.Datum, fields []types.Datum) error {
		if out = row; fields != nil {
			out = res.record(fields)
		}
		return nil
	})
	return out, err
}

// openSQL runs a function in SQL that returns a set.
func (s *Session) openSQL(ctx *expr.EvalContext, fn *catalog.Function, call *expr.FunctionCall) (expr.SetIterator, error) {
	out := &rowsIterator{}
	err := s.runSQL(ctx, fn, call, 0, func(res *sqlResult, row types.Datum, fields []types.Datum) error {
		switch {
		case call.Columns != nil && fields == nil:
			fields = make([]types.Datum, len(call.Columns))
			if r := row; !r.IsNull() {
				copy(fields, r.Record().Fields)
			}
		case call.Columns == nil && fields != nil:
			fields = []types.Datum{res.record(fields)}
		case call.Columns == nil:
			fields = []types.Datum{row}
		}
		out.rows = append(out.rows, fields)
		return nil
	})
	return out, err
}

// record makes a row of its fields.
func (r *sqlResult) record(fields []types.Datum) types.Datum {
	if r.of != nil {
		return types.NewComposite(r.of, fields)
	}
	out := &types.Record{Fields: fields}
	for _, c := range r.fields {
		out.Types, out.Names = append(out.Types, c.Type), append(out.Names, c.Name)
	}
	return types.NewRecord(out)
}

// emitRow takes a row of a function's result: as a value, or as fields.
type emitRow func(res *sqlResult, row types.Datum, fields []types.Datum) error

// runSQL runs a function's statements and gives the rows of the last one, as a value or as fields, to emit.
func (s *Session) runSQL(ctx *expr.EvalContext, fn *catalog.Function, call *expr.FunctionCall, limit int,
	emit emitRow) error {
	r, done, err := s.sqlRoutineFor(fn, call)
	if err != nil {
		return pgerr.From(err).Clone().WithWhere("SQL function \"%s\" during startup", fn.Name)
	}
	defer done()
	frame := &sqlFrame{function: fn.Name}
	s.pushFrame(frame)
	defer s.popFrame()
	for i, st := range r.stmts {
		frame.statement = i + 1
		n := &nestedStatement{st: st, params: call.Args, fresh: fn.Volatility == 'v', clock: ctx.StatementTime}
		err := s.allowedInSQL(fn, st.raw.Stmt)
		if err == nil && i == len(r.stmts)-1 && !call.Def.Void() {
			err = s.runLast(ctx, r, call, n, limit, emit)
		} else if err == nil {
			_, err = s.runNested(callContext(ctx), n)
		}
		if err != nil {
			return inFunction(err, fn.Name, st.text, i+1)
		}
	}
	if len(r.stmts) == 0 && !call.Def.Void() {
		_, err := sema.ResultOf(call.Result, nil, nil, false, s.semaEnv(s.snapshot(), ""))
		return err
	}
	return nil
}

// sqlFrame is a function in SQL that runs.
type sqlFrame struct {
	function  string
	statement int
}

// ContextLine implements plpgsql.Frame.
func (f *sqlFrame) ContextLine() string {
	return "SQL function \"" + f.function + "\" statement " + strconv.Itoa(f.statement)
}

// inFunction adds where an error happened; a position that it has is one in the function's text.
func inFunction(err error, name, text string, statement int) error {
	e := pgerr.From(err).Clone()
	if e.Position > 0 {
		e.WithInternal(text, e.Position)
		e.Position = 0
	}
	return e.WithWhere("SQL function \"%s\" statement %d", name, statement)
}

// allowedInSQL refuses what functions in SQL cannot execute.
func (s *Session) allowedInSQL(fn *catalog.Function, stmt parse.Statement) error {
	switch u := stmt.(type) {
	case *parse.TransactionStmt:
		name := map[parse.TransactionStmtKind]string{parse.TransBegin: "BEGIN", parse.TransStart: "START TRANSACTION",
			parse.TransCommit: "COMMIT", parse.TransRollback: "ROLLBACK", parse.TransSavepoint: "SAVEPOINT",
			parse.TransRelease: "RELEASE", parse.TransRollbackTo: "ROLLBACK TO SAVEPOINT"}[u.Kind]
		return pgerr.New(pgerr.FeatureNotSupported, "%s is not allowed in an SQL function", name)
	case *parse.CopyStmt:
		return pgerr.New(pgerr.FeatureNotSupported, "cannot COPY to/from client in an SQL function")
	}
	if fn.Volatility == 'v' {
		return nil
	}
	name := ""
	switch u := stmt.(type) {
	case *parse.SelectStmt:
		return nil
	case *parse.InsertStmt:
		name = "INSERT"
	case *parse.UpdateStmt:
		name = "UPDATE"
	case *parse.DeleteStmt:
		name = "DELETE"
	case *parse.MergeStmt:
		name = "MERGE"
	case *parse.VariableShowStmt:
		return nil
	default:
		name = utility.Tag(u)
	}
	return pgerr.New(pgerr.FeatureNotSupported, "%s is not allowed in a non-volatile function", name)
}

// runLast runs the last statement, whose rows are the result.
func (s *Session) runLast(ctx *expr.EvalContext, r *sqlRoutine, call *expr.FunctionCall, n *nestedStatement, limit int,
	emit emitRow) error {
	if err := s.prepare(n.st); err != nil {
		return err
	}
	res, err := s.resultOf(r, call, n.st)
	if err != nil {
		return err
	}
	if _, isSelect := n.st.raw.Stmt.(*parse.SelectStmt); isSelect {
		n.limit = limit
	}
	emitted := 0
	n.rows = func(b *types.Batch) error {
		for i := range b.N {
			if limit > 0 && emitted >= limit {
				return nil
			}
			emitted++
			row := b.Row(i)
			fields := row
			if res.casts != nil {
				fields = make([]types.Datum, len(res.casts))
				for k, c := range res.casts {
					if fields[k], err = c.EvalRow(ctx, row); err != nil {
						return err
					}
				}
			}
			if res.row || call.Result.Kind() != types.KRecord {
				err = emit(res, fields[0], nil)
			} else {
				err = emit(res, types.Null, fields)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	_, err = s.runNested(callContext(ctx), n)
	return err
}

// resultOf returns how the last statement's rows become the result.
func (s *Session) resultOf(r *sqlRoutine, call *expr.FunctionCall, st *statement) (*sqlResult, error) {
	cols := make([]types.Type, len(st.columns))
	for i, c := range st.columns {
		cols[i] = c.Type
	}
	if r.result != nil && sameTypes(r.result.madeFor, cols) {
		return r.result, nil
	}
	fields := call.Columns
	if fields == nil {
		fields = expr.CompositeColumns(call.Result.Oid, s.io())
	}
	fr, err := sema.ResultOf(call.Result, fields, cols, plannable(st.raw.Stmt) && st.columns != nil, s.semaEnv(s.snapshot(), ""))
	if err != nil {
		return nil, err
	}
	res := &sqlResult{madeFor: cols, row: fr.Row, fields: fields}
	if call.Result.Oid.Class() == types.CompositeClass {
		res.of = s.snapshot().UserType(call.Result.Oid)
	}
	if fields == nil {
		for i, c := range st.columns {
			res.fields = append(res.fields, expr.RecordColumn{Name: c.Name, Type: cols[i]})
		}
	}
	for _, n := range fr.Casts {
		c, err := expr.Compile(n, cols)
		if err != nil {
			return nil, err
		}
		res.casts = append(res.casts, c)
	}
	r.result = res
	return res, nil
}

func sameTypes(a, b []types.Type) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
