package utility

import (
	"context"
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
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
			return err
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
			return err
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

// checkFunction is the validator of the function's language.
func (e *Env) checkFunction(ctx context.Context, f *catalog.Function, s *parse.CreateFunctionStmt) error {
	if f.Language == catalog.LanguageSQL {
		return checkSQLTypes(f)
	}
	if e.CheckFunction != nil {
		return e.CheckFunction(ctx, f)
	}
	return nil
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
	switch k := n.(type) {
	case *expr.Func:
		def, loc = k.Fn.User, k.Loc
	case *expr.SetReturning:
		def, loc = k.Fn.User, k.Loc
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

// addEdit adds an edit to others, once.
func addEdit(edits []edit, c edit) []edit {
	if slices.Contains(edits, c) {
		return edits
	}
	return append(edits, c)
}
