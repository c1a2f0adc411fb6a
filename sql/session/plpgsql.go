package session

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner/exec"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/plpgsql"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
	"github.com/pgmqdb/pgmqdb/sql/utility"
)

// plState is what a session keeps of PL/pgSQL.
type plState struct {
	functions map[plKey]*plpgsql.Function
	plain     map[*catalog.Function]*plpgsql.Function // those that have the same types at every call
	env       plEnv
	dynamic   map[string][]plpgsql.Statement // of EXECUTE
	// resumed end the contexts of functions that have caught the cancellation of their statement.
	resumed []context.CancelCauseFunc
	// epoch counts DISCARD PLANS.
	epoch int
	// unnamed counts the portals that have got names of their own.
	unnamed int
	loops   []*loopRows // that run, the innermost last
	// triggers are the columns of the tables whose triggers have fired, by table.
	triggers map[*catalog.Table]*plTriggerTable
}

// plKey is a function with the actual types of its arguments and result, or as the function of a trigger.
type plKey struct {
	fn      *catalog.Function
	types   string
	trigger catalog.Oid
}

// plEnv is the environment of expressions with what it was made for.
type plEnv struct {
	env      *plpgsql.Env
	snap     *catalog.Snapshot
	settings *Settings
	role     catalog.Oid
	trigger  *catalog.Trigger // whose transition tables may be named
}

// plEnvironment is what expressions mean now.
func (s *Session) plEnvironment() *plpgsql.Env {
	snap, role := s.snapshot(), s.role()
	var trigger *catalog.Trigger
	if n := len(s.triggers); n > 0 {
		if d := s.triggers[n-1]; d.OldTable != nil || d.NewTable != nil {
			trigger = d.Trigger
		}
	}
	e := &s.pl.env
	if e.env != nil && e.snap == snap && e.settings == s.settings && e.role == role && e.trigger == trigger {
		return e.env
	}
	if old := e.env; old != nil && e.settings == s.settings && e.role == role && e.trigger == trigger && s.planHolds(e.snap, snap, "") {
		e.snap = snap // temporary objects alone differ, and nothing names them
	}
	*e = plEnv{snap: snap, settings: s.settings, role: role, trigger: trigger}
	e.env = &plpgsql.Env{Sema: s.semaEnv(snap, ""), IO: s.io()}
	v, _, _ := s.settings.raw("plpgsql.check_asserts")
	e.env.Asserts = v != "off"
	e.env.Checks = s.plChecks()
	return e.env
}

// plChecks are plpgsql.extra_warnings and plpgsql.extra_errors.
func (s *Session) plChecks() (c plpgsql.Checks) {
	for _, set := range []struct {
		name  string
		level plpgsql.Level
	}{{"plpgsql.extra_warnings", plpgsql.LevelWarning}, {"plpgsql.extra_errors", plpgsql.LevelError}} {
		v, _, _ := s.settings.raw(set.name)
		for _, word := range strings.Split(v, ",") {
			word = lower(strings.TrimSpace(word))
			if word == "all" || word == "shadowed_variables" {
				c.ShadowedVariables = set.level
			}
			if word == "all" || word == "too_many_rows" {
				c.TooManyRows = set.level
			}
			if word == "all" || word == "strict_multi_assignment" {
				c.MultiAssignment = set.level
			}
		}
	}
	return c
}

// plOptions are the settings by which functions are compiled. What was compiled before they changed stays as it is.
func (s *Session) plOptions() plpgsql.Options {
	o := plpgsql.Options{}
	switch v, _, _ := s.settings.raw("plpgsql.variable_conflict"); v {
	case "use_variable":
		o.Conflict = sema.ConflictUsesVariable
	case "use_column":
		o.Conflict = sema.ConflictUsesColumn
	}
	v, _, _ := s.settings.raw("plpgsql.print_strict_params")
	o.PrintStrictParams = v == "on"
	return o
}

// nonAtomic reports whether a CALL or DO of the client may end the transaction.
func (s *Session) nonAtomic() bool { return s.nesting == 0 && !s.tx.explicit && !s.several }

// pushFrame and popFrame keep what CONTEXT shows of the code that runs.
func (s *Session) pushFrame(f plpgsql.Frame) { s.frames = append(s.frames, f) }

func (s *Session) popFrame() { s.frames = s.frames[:len(s.frames)-1] }

// trace is CONTEXT of the code that runs.
func (s *Session) trace() string {
	var lines []string
	for _, f := range slices.Backward(s.frames) {
		if l := f.ContextLine(); l != "" {
			lines = append(lines, l)
		}
	}
	return strings.Join(lines, "\n")
}

// do is DO.
func (s *Session) do(ctx context.Context, text string, u *parse.DoStmt) error {
	mayEnd := s.mayEnd
	s.mayEnd = false
	body, language, err := doOptions(text, u)
	if err != nil {
		return err
	}
	switch language {
	case catalog.LanguagePLpgSQL:
	case catalog.LanguageSQL, "internal", "c":
		return pgerr.New(pgerr.FeatureNotSupported, "language \"%s\" does not support inline code execution", language)
	default:
		return pgerr.New(pgerr.UndefinedObject, "language \"%s\" does not exist", language)
	}
	s.open()
	s.tx.ran = true
	if s.nesting == 0 {
		s.tx.txn.StartStatement()
	}
	leave, err := s.enterNested()
	if err != nil {
		return err
	}
	defer leave()
	const name = "inline_code_block"
	src := &plpgsql.Source{Name: name, Signature: name, Body: body, Result: types.T(types.VoidOid), Check: s.checksBodies(),
		Options: s.plOptions()}
	f, err := plpgsql.Compile(src, s.plEnvironment(), s.notice)
	if err != nil {
		return s.inBody(err, body)
	}
	_, err = f.Call(s.newPLHost(ctx, s.statementClock(), false, !mayEnd), &plpgsql.Call{})
	return err
}

// doOptions are the body and the language of a DO.
func doOptions(text string, u *parse.DoStmt) (body, language string, err error) {
	language = catalog.LanguagePLpgSQL
	have := map[string]bool{}
	for _, d := range u.Args {
		if have[d.Name] {
			return "", "", pgerr.New(pgerr.SyntaxError, "conflicting or redundant options").WithPosition(parse.Position(text, d.Loc()))
		}
		have[d.Name] = true
		if v := argText(d); d.Name == "as" {
			body = v
		} else {
			language = v
		}
	}
	if !have["as"] {
		return "", "", pgerr.New(pgerr.SyntaxError, "no inline code specified")
	}
	return body, language, nil
}

// inBody turns an error's position in a body into one in the statement that the client sent, where the body is found there.
func (s *Session) inBody(err error, body string) error {
	e := pgerr.From(err).Clone()
	if e.Position == 0 {
		return e
	}
	if at := utility.Transposed(s.text, body, e.Position); at > 0 {
		return e.WithPosition(at)
	}
	e.WithInternal(body, e.Position)
	e.Position = 0
	return e
}

// plSource is what is compiled of a function that is called with these types.
func (s *Session) plSource(fn *catalog.Function, args []types.Type, result types.Type) *plpgsql.Source {
	src := &plpgsql.Source{Name: fn.Name, Signature: s.snapshot().FunctionSignature(s.searchPath(), fn), Body: fn.Source, Result: result,
		Set: fn.Set, Procedure: fn.Kind == catalog.Procedure, ReadOnly: fn.Volatility != 'v', Polymorphic: expr.IsPolymorphic(fn.Result.Oid),
		Options: s.plOptions()}
	actual, declared := make([]types.Oid, 0, len(args)), make([]types.Oid, 0, len(args))
	for i, a := range fn.Inputs() {
		if i < len(args) {
			actual, declared = append(actual, args[i].Oid), append(declared, a.Type.Oid)
		}
	}
	at := 0
	for i := range fn.Args {
		a := &fn.Args[i]
		t := a.Type
		if expr.IsPolymorphic(t.Oid) || t.Oid == types.RecordOid || t.Oid == types.RecordArrayOid {
			switch {
			case a.Mode.Input() && at < len(args):
				t = args[at]
			case !expr.IsPolymorphic(t.Oid):
			case !a.Mode.Input():
				if _, oid, err := expr.ResolvePolymorphic(actual, declared, t.Oid); err == nil {
					t = types.T(oid)
				}
			}
		}
		if a.Mode.Input() {
			at++
		}
		src.Args = append(src.Args, plpgsql.Argument{Name: a.Name, Type: t, In: a.Mode.Input(), Out: a.Mode.Output()})
	}
	return src
}

// maxPLFunctions bounds what a session keeps of functions that were compiled.
const maxPLFunctions = 500

// plFunction returns a function that is compiled for the types that it is called with.
func (s *Session) plFunction(fn *catalog.Function, args []types.Type, result types.Type, trigger catalog.Oid) (*plpgsql.Function, error) {
	k := plKey{fn: fn, trigger: trigger}
	polymorphic := expr.IsPolymorphic(fn.Result.Oid) || slices.ContainsFunc(fn.Args, func(a catalog.Argument) bool {
		return expr.IsPolymorphic(a.Type.Oid) || a.Type.Oid == types.RecordOid || a.Type.Oid == types.RecordArrayOid
	})
	if polymorphic {
		var b strings.Builder
		for _, t := range append(slices.Clone(args), result) {
			b.WriteString(strconv.Itoa(int(t.Declared())))
			b.WriteByte(',')
		}
		k.types = b.String()
	}
	if f := s.pl.functions[k]; f != nil {
		return f, nil
	}
	src := s.plSource(fn, args, result)
	src.Trigger = trigger != 0
	if !src.Trigger && fn.Result.Oid == types.TriggerOid && fn.Result.Domain == 0 {
		return nil, pgerr.New(pgerr.FeatureNotSupported, "trigger functions can only be called as triggers").
			WithWhere("compilation of PL/pgSQL function \"%s\" near line 1", fn.Name)
	}
	f, err := plpgsql.Compile(src, s.plEnvironment(), s.notice)
	if err != nil {
		e := pgerr.From(err).Clone()
		if e.Position > 0 {
			e.WithInternal(fn.Source, e.Position)
			e.Position = 0
			e.WithWhere("compilation of PL/pgSQL function \"%s\" near line %d", fn.Name, lineAt(fn.Source, e.InternalPosition))
		}
		return nil, e
	}
	if s.pl.functions == nil || len(s.pl.functions) >= maxPLFunctions {
		s.pl.functions, s.pl.plain = map[plKey]*plpgsql.Function{}, map[*catalog.Function]*plpgsql.Function{}
	}
	s.pl.functions[k] = f
	if !polymorphic && trigger == 0 {
		s.pl.plain[fn] = f
	}
	return f, nil
}

// lineAt is the line of a position, in characters.
func lineAt(text string, position int) int {
	line := 1
	for _, c := range text {
		if position--; position <= 0 {
			break
		}
		if c == '\n' {
			line++
		}
	}
	return line
}

// checkPLpgSQL is the validator of PL/pgSQL.
func (s *Session) checkPLpgSQL(fn *catalog.Function) error {
	pseudo := func(t types.Type) bool {
		in := types.Lookup(t.Oid)
		return t.Domain == 0 && in != nil && in.Type == 'p' && t.Oid != types.RecordOid && !expr.IsPolymorphic(t.Oid)
	}
	trigger := fn.Result.Oid == types.TriggerOid && fn.Result.Domain == 0
	if !trigger && pseudo(fn.Result) && fn.Result.Oid != types.VoidOid {
		return pgerr.New(pgerr.FeatureNotSupported, "PL/pgSQL functions cannot return type %s", types.FormatType(fn.Result))
	}
	for _, a := range fn.Args {
		if pseudo(a.Type) {
			return pgerr.New(pgerr.FeatureNotSupported, "PL/pgSQL functions cannot accept type %s", types.FormatType(a.Type))
		}
	}
	if !s.checksBodies() {
		return nil
	}
	var args []types.Type
	for _, a := range fn.Inputs() {
		args = append(args, forValidation(a.Type))
	}
	src := s.plSource(fn, args, forValidation(fn.Result))
	for i := range src.Args {
		src.Args[i].Type = forValidation(src.Args[i].Type)
	}
	src.Trigger, src.Check, src.Validate = trigger, true, true
	warn := func(n *pgerr.Error) { s.notice(pgerr.From(s.inBody(n, fn.Source))) }
	if _, err := plpgsql.Compile(src, s.plEnvironment(), warn); err != nil {
		return s.inBody(err, fn.Source)
	}
	return nil
}

// forValidation is the type that a polymorphic one stands for while the types of calls are not known.
func forValidation(t types.Type) types.Type {
	switch t.Oid {
	case types.AnyarrayOid, types.AnycompatiblearrayOid:
		return types.T(types.Int4ArrayOid)
	case types.AnyrangeOid, types.AnycompatiblerangeOid:
		return types.T(types.Int4RangeOid)
	case types.AnymultirangeOid, types.AnycompatiblemultirangeOid:
		return types.T(types.Int4MultirangeOid)
	}
	if expr.IsPolymorphic(t.Oid) {
		return types.T(types.Int4Oid)
	}
	return t
}

// plCall makes the call of a function.
func (s *Session) plCall(ctx *expr.EvalContext, fn *catalog.Function, call *expr.FunctionCall, emit func([]types.Datum) error) (*plpgsql.Result, error) {
	mayEnd := s.mayEnd && !fn.SecurityDefiner && len(fn.Config) == 0
	s.mayEnd = false
	f := s.pl.plain[fn]
	if f == nil {
		ts := call.Types
		for i, a := range fn.Inputs() { // an argument declared as record is one of what is given
			if r := call.Args[i].Record(); a.Type.Oid == types.RecordOid && r != nil && r.Oid != 0 {
				ts = slices.Clone(ts)
				ts[i] = types.T(r.Oid)
			}
		}
		var err error
		if f, err = s.plFunction(fn, ts, call.Result, 0); err != nil {
			return nil, err
		}
	}
	expected := call.Columns
	if expected == nil {
		expected = expr.CompositeColumns(call.Result.Oid, s.io())
	}
	h := s.newPLHost(callContext(ctx), ctx.StatementTime, fn.Volatility != 'v', !mayEnd)
	return f.Call(h, &plpgsql.Call{Args: call.Args, Expected: expected, Emit: emit})
}

// callPLpgSQL runs a function in PL/pgSQL that returns one value.
func (s *Session) callPLpgSQL(ctx *expr.EvalContext, fn *catalog.Function, call *expr.FunctionCall) (types.Datum, error) {
	r, err := s.plCall(ctx, fn, call, nil)
	if err != nil || r.Null {
		return types.Null, err
	}
	if r.Columns == nil {
		return r.Value, nil
	}
	return s.rowDatum(call.Result.Oid, r.Columns, r.Fields), nil
}

// rowDatum makes a value of a composite type, or of record.
func (s *Session) rowDatum(oid types.Oid, columns []expr.RecordColumn, fields []types.Datum) types.Datum {
	if oid.Class() == types.CompositeClass {
		return types.NewComposite(s.snapshot().UserType(oid), fields)
	}
	return plpgsql.Record(columns, fields)
}

// openPLpgSQL runs a function in PL/pgSQL that returns a set.
func (s *Session) openPLpgSQL(ctx *expr.EvalContext, fn *catalog.Function, call *expr.FunctionCall) (expr.SetIterator, error) {
	set := &storedSet{}
	width := len(call.Columns)
	whole := call.Columns == nil && call.Result.Kind() == types.KRecord
	columns := expr.CompositeColumns(call.Result.Oid, s.io())
	ts := []types.Type{call.Result}
	if width > 0 {
		ts = ts[:0]
		for _, c := range call.Columns {
			ts = append(ts, c.Type)
		}
	}
	set.rows = exec.NewRowStore(s.spill, s.storeMemory())
	batch := types.NewBatch(ts, 0)
	_, err := s.plCall(ctx, fn, call, func(fields []types.Datum) error {
		if whole {
			fields = []types.Datum{s.rowDatum(call.Result.Oid, columns, fields)}
		}
		if batch.AppendRow(fields); batch.N < types.BatchSize {
			return nil
		}
		err := set.rows.Add(batch)
		batch.Reset()
		return err
	})
	if err == nil && batch.N > 0 {
		err = set.rows.Add(batch)
	}
	if err != nil {
		set.rows.Close()
		return nil, err
	}
	return set, nil
}

// storedSet yields rows that are all there, in a file if they are many.
type storedSet struct {
	rows *exec.RowStore
	at   int64
}

// Close lets the rows go.
func (r *storedSet) Close() { r.rows.Close() }

// Next implements expr.SetIterator.
func (r *storedSet) Next(_ *expr.EvalContext, row []types.Datum) (bool, error) {
	if r.at >= r.rows.Len() {
		r.rows.Close()
		return false, nil
	}
	got, err := r.rows.Row(nil, r.at)
	copy(row, got)
	r.at++
	return true, err
}

// plTriggerTable is a table as trigger functions see its rows.
type plTriggerTable struct {
	columns []expr.RecordColumn
	live    []int // attnum-1 of the columns
}

func (s *Session) plTable(t *catalog.Table) *plTriggerTable {
	if p := s.pl.triggers[t]; p != nil {
		return p
	}
	p := &plTriggerTable{}
	for i := range t.Columns {
		if c := &t.Columns[i]; !c.Dropped && !c.Hidden {
			p.columns = append(p.columns, expr.RecordColumn{Name: c.Name, Type: c.Type})
			p.live = append(p.live, int(c.Num)-1)
		}
	}
	if s.pl.triggers == nil || len(s.pl.triggers) > maxPLFunctions {
		s.pl.triggers = map[*catalog.Table]*plTriggerTable{}
	}
	s.pl.triggers[t] = p
	return p
}

// fields are the columns of a row that trigger functions see.
func (p *plTriggerTable) fields(row []types.Datum) []types.Datum {
	if row == nil {
		return nil
	}
	out := make([]types.Datum, len(p.live))
	for i, at := range p.live {
		out[i] = row[at]
	}
	return out
}

// callPLpgSQLTrigger runs the function of a trigger.
func (s *Session) callPLpgSQLTrigger(ctx context.Context, fn *catalog.Function, d *exec.TriggerData) ([]types.Datum, error) {
	s.mayEnd = false
	f, err := s.plFunction(fn, nil, types.Type{Oid: types.RecordOid, Mod: -1}, d.Trigger.OID)
	if err != nil {
		return nil, err
	}
	g, p := d.Trigger, s.plTable(d.Table)
	t := &plpgsql.Trigger{Columns: p.columns, RowType: types.UserOid(types.CompositeClass, d.Relation.OID()), Old: p.fields(d.Old),
		New: p.fields(d.New), ForRow: g.Type&catalog.TriggerRow != 0, Values: s.triggerValues(d)}
	if d.Event == catalog.TriggerUpdate && g.Type&catalog.TriggerBefore != 0 && t.New != nil {
		for i, at := range p.live { // they are computed afterwards
			if d.Table.Columns[at].Generated {
				t.New[i] = types.Null
			}
		}
	}
	h := s.newPLHost(ctx, s.statementClock(), fn.Volatility != 'v', true)
	r, err := f.Call(h, &plpgsql.Call{Trigger: t})
	if err != nil || r.Null {
		return nil, err
	}
	out := slices.Clone(d.New)
	if d.New == nil {
		out = slices.Clone(d.Old)
	}
	for i, at := range p.live {
		out[at] = r.Fields[i]
	}
	return out, nil
}

// triggerValues are the values of the TG_ variables.
func (s *Session) triggerValues(d *exec.TriggerData) []types.Datum {
	g := d.Trigger
	when, level, op := "AFTER", "STATEMENT", "INSERT"
	switch {
	case g.Type&catalog.TriggerBefore != 0:
		when = "BEFORE"
	case g.Type&catalog.TriggerInstead != 0:
		when = "INSTEAD OF"
	}
	if g.Type&catalog.TriggerRow != 0 {
		level = "ROW"
	}
	switch d.Event {
	case catalog.TriggerUpdate:
		op = "UPDATE"
	case catalog.TriggerDelete:
		op = "DELETE"
	case catalog.TriggerTruncate:
		op = "TRUNCATE"
	}
	args := types.Null
	if len(g.Args) > 0 {
		a := &types.Array{Elem: types.TextOid, Dims: []int32{int32(len(g.Args))}, Lbs: []int32{0}}
		for _, v := range g.Args {
			a.Elems = append(a.Elems, types.NewString(v))
		}
		args = types.NewArray(a)
	}
	name, schema := d.Relation.Name(), s.snapshot().SchemaName(d.Relation.SchemaID())
	return []types.Datum{types.NewString(g.Name), types.NewString(when), types.NewString(level), types.NewString(op),
		types.NewInt(int64(d.Relation.OID())), types.NewString(name), types.NewString(name), types.NewString(schema),
		types.NewInt(int64(len(g.Args))), args}
}
