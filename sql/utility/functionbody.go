package utility

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// sqlBody binds RETURN or BEGIN ATOMIC as a view's query is bound.
func (b *functionBuilder) sqlBody(s *parse.CreateFunctionStmt) error {
	texts, atomic := parse.SplitBody(s.BodyText)
	var bound []string
	for _, text := range texts {
		stmt, err := parse.ParseOne(text)
		if err != nil {
			return b.inStatement(err, text)
		}
		stored, deps, err := b.boundText(stmt, text, func(env *sema.Env) (*boundUse, error) {
			b.bodyScope(env)
			a, err := sema.Analyze(stmt, env)
			if err != nil {
				return nil, err
			}
			if a.DML != nil {
				return &boundUse{refs: sema.ActionReferences(a.DML), walk: func(f func(expr.Node)) { sema.WalkAction(a.DML, f) }}, nil
			}
			return &boundUse{refs: sema.References(a.Query), keys: a.Keys, walk: func(f func(expr.Node)) { sema.WalkWritten(a.Query, f) }}, nil
		})
		if err != nil {
			return b.inStatement(err, text)
		}
		bound = append(bound, stored)
		b.f.Deps = mergeDeps(b.f.Deps, deps)
	}
	if atomic {
		b.f.Body = "BEGIN ATOMIC\n"
		for _, text := range bound {
			b.f.Body += text + ";\n"
		}
		b.f.Body += "END"
		return nil
	}
	b.f.Body = "RETURN" + strings.TrimPrefix(bound[0], "SELECT")
	return nil
}

// inStatement moves an error's position in a statement of the body to where that is in the whole statement.
func (b *functionBuilder) inStatement(err error, text string) error {
	x := pgerr.From(err).Clone()
	at := strings.Index(b.Text, text[len("SELECT"):])
	if x.Position > 0 && at >= len("SELECT") {
		x.Position += utf8.RuneCountInString(b.Text[:at-len("SELECT")])
	}
	return x
}

// bodyScope says what the statements of the body may name besides what is in the catalog.
func (b *functionBuilder) bodyScope(env *sema.Env) {
	env.NoParams = false
	env.Function = sema.Parameters(b.f)
	for _, a := range b.f.Inputs() {
		env.ParamTypes = append(env.ParamTypes, a.Type)
	}
}

// mergeDeps adds dependencies to others; what both name counts once, with the columns of both.
func mergeDeps(have, add []catalog.ViewDep) []catalog.ViewDep {
	for _, d := range add {
		at := -1
		for i := range have {
			if have[i].Relation == d.Relation {
				at = i
			}
		}
		if at < 0 {
			have = append(have, d)
			continue
		}
		have[at].Columns = append(have[at].Columns, d.Columns...)
	}
	return have
}

// checkFunction is the validator of the function's language, which finds the function in the catalog.
func (e *Env) checkFunction(ctx context.Context, f *catalog.Function) error {
	if f.Language != catalog.LanguageSQL {
		if e.CheckFunction == nil {
			return nil
		}
		return e.CheckFunction(ctx, f)
	}
	if err := checkSQLTypes(f); err != nil {
		return err
	}
	if !e.CheckBodies && f.Body == "" {
		return nil
	}
	err := e.checkSQLBody(f)
	if err == nil {
		return nil
	}
	x := pgerr.From(err).Clone()
	if x.Position > 0 {
		if at := Transposed(e.Text, f.Source, x.Position); at > 0 {
			return x.WithPosition(at)
		}
		x.WithInternal(f.Source, x.Position)
		x.Position = 0
	}
	return x.WithWhere("SQL function \"%s\"", f.Name)
}

// checkSQLBody analyses the statements of a function in SQL.
func (e *Env) checkSQLBody(f *catalog.Function) error {
	if f.Body != "" {
		texts, _ := parse.SplitBody(f.Body)
		stmts := make([]parse.Statement, len(texts))
		for i, text := range texts {
			var err error
			if stmts[i], err = parse.ParseOne(text); err != nil {
				return err
			}
		}
		return e.checkStatements(f, stmts, func(i int, env *sema.Env) { env.Text, env.Bound = "", f.Deps })
	}
	raws, err := parse.Parse(f.Source)
	if err != nil {
		return err
	}
	for _, a := range f.Inputs() {
		if expr.IsPolymorphic(a.Type.Oid) {
			return nil // which types it is called with decides
		}
	}
	stmts := make([]parse.Statement, len(raws))
	for i := range raws {
		stmts[i] = raws[i].Stmt
	}
	return e.checkStatements(f, stmts, func(_ int, env *sema.Env) { env.Text = f.Source })
}

func (e *Env) checkStatements(f *catalog.Function, stmts []parse.Statement, setUp func(i int, env *sema.Env)) error {
	b := &functionBuilder{Env: e, f: f}
	var columns []types.Type
	rows := false
	for i, stmt := range stmts {
		columns, rows = nil, false
		env := e.sema()
		b.bodyScope(env)
		setUp(i, env)
		switch stmt.(type) {
		case *parse.TransactionStmt, *parse.CopyStmt:
			return nil // refused when it is executed
		case *parse.SelectStmt, *parse.InsertStmt, *parse.UpdateStmt, *parse.DeleteStmt, *parse.MergeStmt:
		default:
			continue
		}
		a, err := sema.Analyze(stmt, env)
		if err != nil {
			return err
		}
		rows = a.DML == nil || a.DML.Returning != nil
		for _, t := range a.Columns() {
			columns = append(columns, t.Expr.ResultType())
		}
	}
	env := e.sema()
	env.Text = ""
	fields := sema.ResultFields(f, e.DDL.Overlay(), e.ioEnv())
	_, err := sema.ResultOf(f.Result, fields, columns, rows, env)
	return err
}

func (e *Env) ioEnv() *types.IOEnv {
	if e.IOEnv != nil {
		return e.IOEnv
	}
	return types.DefaultIOEnv
}

// Transposed is where a position in a function's body, in characters from 1, is in the statement that gave the body as a
// literal; 0 where the literal is not found, or more than once: function_parse_error_transpose.
func Transposed(text, source string, position int) int {
	found := 0
	for i := range text {
		at := 0
		switch {
		case text[i] == '\'':
			at = inLiteral(text[i+1:], source, position)
		case text[i] == '$' && strings.HasPrefix(text[i+1:], source) && strings.HasPrefix(text[i+1+len(source):], "$"):
			at = position
		}
		if at == 0 {
			continue
		}
		if found != 0 {
			return 0
		}
		found = utf8.RuneCountInString(text[:i+1]) + at
	}
	return found
}

// inLiteral matches a literal's inside with a text, and returns where a position in the text is in the literal.
func inLiteral(literal, source string, position int) int {
	at, chars, k := 0, 0, 0
	for _, c := range source {
		if k >= len(literal) || !strings.HasPrefix(literal[k:], string(c)) {
			return 0
		}
		chars++
		at++
		if at > 0 && chars == position {
			position = -at
		}
		k += utf8.RuneLen(c)
		if c == '\'' {
			if k >= len(literal) || literal[k] != '\'' {
				return 0
			}
			k++
			at++
		}
	}
	if k >= len(literal) || literal[k] != '\'' || k+1 < len(literal) && literal[k+1] == '\'' {
		return 0
	}
	if position > 0 { // behind the end
		return at + position - chars
	}
	return -position
}

// checkSQLTypes refuses the pseudo-types that functions in SQL cannot have.
func checkSQLTypes(f *catalog.Function) error {
	pseudo := func(t types.Oid) bool {
		in := types.Lookup(t)
		return in != nil && in.Type == 'p' && !expr.IsPolymorphic(t)
	}
	if t := f.Result.Oid; f.Result.Domain == 0 && pseudo(t) && t != types.RecordOid && t != types.VoidOid {
		return invalidFunction("SQL functions cannot return type %s", types.FormatType(f.Result))
	}
	for _, a := range f.Inputs() {
		if a.Type.Domain == 0 && pseudo(a.Type.Oid) {
			return invalidFunction("SQL functions cannot have arguments of type %s", types.FormatType(a.Type))
		}
	}
	return nil
}

// callEdit replaces the name of a user's function in a call by a reference that outlives a renaming.
func callEdit(n expr.Node, text string) (edit, catalog.Oid, bool) {
	var def *expr.UserDef
	loc := -1
	aggregate := func(f *expr.AggFunction, at int) {
		if f != nil && f.User != nil {
			def, loc = &f.User.UserDef, at
		}
	}
	switch k := n.(type) {
	case *expr.Func:
		def, loc = k.Fn.User, k.Loc
	case *expr.SetReturning:
		def, loc = k.Fn.User, k.Loc
	case *expr.Aggregate:
		aggregate(k.Fn, k.Loc)
	case *expr.WindowFunc:
		aggregate(k.Agg, k.Loc)
	}
	if def == nil || loc < 0 || loc >= len(text) {
		return edit{}, 0, false
	}
	length := identLen(text[loc:])
	for loc+length < len(text) && text[loc+length] == '.' {
		length += 1 + identLen(text[loc+length+1:])
	}
	return edit{loc, length, `"` + types.NameRef(types.UserOid(types.RoutineClass, def.Oid)) + `"`}, def.Oid, length > 0
}

// operatorDep is the operator of an extension that an expression applies; 0 for none.
func operatorDep(n expr.Node) catalog.Oid {
	var fn *expr.Function
	switch k := n.(type) {
	case *expr.Func:
		fn = k.Fn
	case *expr.AnyAll:
		fn = k.Op
	case *expr.Distinct:
		fn = k.Eq
	case *expr.NullIf:
		fn = k.Eq
	}
	if fn == nil || fn.Extension == "" {
		return 0
	}
	return fn.Operator.Oid
}

// addEdit adds an edit to others, once.
func addEdit(edits []edit, c edit) []edit {
	if slices.Contains(edits, c) {
		return edits
	}
	return append(edits, c)
}
