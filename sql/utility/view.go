package utility

import (
	"context"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

func (e *Env) createView(ctx context.Context, s *parse.ViewStmt) error {
	switch {
	case s.Query.Into != nil:
		return pgerr.New(pgerr.FeatureNotSupported, "views must not contain SELECT INTO")
	}
	analyzed, err := sema.Analyze(s.Query, e.sema())
	if err != nil {
		return err
	}
	spec := &ddl.ViewSpec{Schema: s.View.Schema, Name: s.View.Name, Replace: s.Replace, Persistence: persistence(s.View)}
	targets := analyzed.Columns()
	if len(s.Aliases) > len(targets) {
		return pgerr.New(pgerr.SyntaxError, "CREATE VIEW specifies more column names than columns")
	}
	for i, t := range targets {
		name := t.Name
		if i < len(s.Aliases) {
			name = s.Aliases[i]
		}
		typ := t.Expr.ResultType()
		if typ.Oid == types.UnknownOid {
			typ = types.T(types.TextOid)
		}
		spec.Columns = append(spec.Columns, catalog.Column{Name: name, Type: typ})
	}
	if spec.ViewOptions, err = createOptions(s, analyzed.Query); err != nil {
		return err
	}
	if spec.Query, spec.Deps, err = e.viewText(s.QueryText); err != nil {
		return err
	}
	if spec.Persistence == catalog.Unlogged {
		return pgerr.New(pgerr.SyntaxError, "views cannot be unlogged because they do not have storage")
	}
	if spec.Persistence == catalog.Permanent && e.usesTemp(spec.Deps) {
		spec.Persistence = catalog.Temporary
		e.notice(pgerr.Notice("view %q will be a temporary view", s.View.Name))
	}
	return e.DDL.CreateView(ctx, spec)
}

// usesTemp reports whether one of the relations that a view's query names is temporary: then the view is.
func (e *Env) usesTemp(deps []catalog.ViewDep) bool {
	return slices.ContainsFunc(deps, func(d catalog.ViewDep) bool {
		rel, ok := e.DDL.Overlay().RelationByOID(d.Relation)
		return ok && rel.Persistence() == catalog.Temporary
	})
}

// persistence is what the words before a new relation's name say.
func persistence(r *parse.RangeVar) catalog.Persistence {
	switch r.Persistence {
	case parse.Temporary:
		return catalog.Temporary
	case parse.Unlogged:
		return catalog.Unlogged
	}
	return catalog.Permanent
}

func onCommit(a parse.OnCommitAction) catalog.OnCommit {
	switch a {
	case parse.OnCommitDeleteRows:
		return catalog.DeleteRows
	case parse.OnCommitDrop:
		return catalog.DropTable
	}
	return catalog.PreserveRows
}

// viewText returns a view's query with every relation's name qualified, and the types and enum labels of users by
// references, so that it means the same along any search path; and what it names.
func (e *Env) viewText(text string) (string, []catalog.ViewDep, error) {
	stmt, err := parse.ParseOne(text)
	if err != nil {
		return "", nil, err
	}
	ctes := map[string]bool{}
	var refs []*parse.RangeVar
	walkTree(stmt, func(n any) {
		switch n := n.(type) {
		case *parse.CommonTableExpr:
			ctes[n.Name] = true
		case *parse.RangeVar:
			refs = append(refs, n)
		}
	})
	over := e.DDL.Overlay()
	edits, used, err := e.viewTypes(stmt, text)
	if err != nil {
		return "", nil, err
	}
	var deps []catalog.ViewDep
	for _, r := range refs {
		rel, ok := over.LookupRelation(e.SearchPath, r.Schema, r.Name)
		if r.Schema == "" && ctes[r.Name] || !ok {
			continue // a CTE, or a system relation
		}
		if !slices.ContainsFunc(deps, func(d catalog.ViewDep) bool { return d.Relation == rel.OID() }) {
			deps = append(deps, catalog.ViewDep{Relation: rel.OID()})
		}
		schema := catalog.QuoteIdent(over.SchemaName(rel.SchemaID()))
		switch at := r.Loc(); r.Schema {
		case "":
			edits = append(edits, edit{at, 0, schema + "."})
		case catalog.TempAlias:
			edits = append(edits, edit{at, identLen(text[at:]), schema})
		}
	}
	deps = e.viewColumns(stmt, deps)
	for _, t := range used {
		deps = append(deps, catalog.ViewDep{Relation: t})
	}
	return applyEdits(text, edits), deps, nil
}

// viewTypes finds the types and enum labels of users in a view's query.
func (e *Env) viewTypes(stmt parse.Statement, text string) (edits []edit, used []catalog.Oid, err error) {
	env := e.sema()
	env.Text = text
	analyzed, err := sema.Analyze(stmt, env)
	if err != nil {
		return nil, nil, err
	}
	edits, used = e.typeEdits(stmt, text, env)
	sema.WalkQuery(analyzed.Query, func(n expr.Node, _ int) {
		k, ok := n.(*expr.Const)
		if !ok {
			return
		}
		if change, ok := enumEdit(k, text); ok && !slices.Contains(edits, change) {
			edits = append(edits, change)
			used = addType(used, k.Type)
		}
	})
	return edits, used, nil
}

// viewColumns fills in the columns of tables that a view's query uses.
func (e *Env) viewColumns(stmt parse.Statement, deps []catalog.ViewDep) []catalog.ViewDep {
	over := e.DDL.Overlay()
	star := false
	names := map[string]bool{}
	walkTree(stmt, func(n any) {
		switch n := n.(type) {
		case *parse.ColumnRef:
			star = star || n.Star
			for _, f := range n.Fields {
				names[f] = true
			}
		case *parse.JoinExpr:
			star = star || n.Natural
			for _, u := range n.Using {
				names[u] = true
			}
		}
	})
	// By name only: a column of the same name in another table of the query counts too, which errs on the safe side.
	for i := range deps {
		t := over.Table(deps[i].Relation)
		if t == nil {
			continue
		}
		for _, c := range t.LiveColumns() {
			if star || names[c.Name] || names[t.Name] {
				deps[i].Columns = append(deps[i].Columns, c.Num)
			}
		}
	}
	return deps
}
