package utility

import (
	"context"
	"slices"
	"strconv"

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
		if t.Collation == sema.NoCollation {
			return pgerr.New(pgerr.IndeterminateCollation, "could not determine which collation to use for view column %q", name).
				WithHint("Use the COLLATE clause to set the collation explicitly.")
		}
		spec.Columns = append(spec.Columns, catalog.Column{Name: name, Type: typ, Collation: t.Collation})
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

// viewText returns a view's query with every relation's name qualified, and user types, enum labels and regclass values by
// references, so that it means the same along any search path; and what it names, with the names that it has for it.
func (e *Env) viewText(text string) (string, []catalog.ViewDep, error) {
	stmt, err := parse.ParseOne(text)
	if err != nil {
		return "", nil, err
	}
	return e.boundText(stmt, text, func(env *sema.Env) (*boundUse, error) {
		analyzed, err := sema.Analyze(stmt, env)
		if err != nil {
			return nil, err
		}
		q := analyzed.Query
		return &boundUse{refs: sema.References(q), keys: analyzed.Keys, walk: func(f func(expr.Node)) { sema.WalkWritten(q, f) }}, nil
	})
}

// boundUse is what a text that is to be stored refers to, and a walk over the nodes that it holds.
type boundUse struct {
	refs []sema.Reference
	keys []catalog.Oid
	walk func(f func(n expr.Node))
}

// boundText is viewText for a statement; analyze gives it its meaning, with the text's own positions.
func (e *Env) boundText(stmt parse.Statement, text string, analyze func(env *sema.Env) (*boundUse, error)) (string, []catalog.ViewDep, error) {
	ctes := map[string]bool{}
	var refs []*parse.RangeVar
	locked := map[*parse.RangeVar]bool{}
	walkTree(stmt, func(n any) {
		switch n := n.(type) {
		case *parse.CommonTableExpr:
			ctes[n.Name] = true
		case *parse.RangeVar:
			refs = append(refs, n)
		case *parse.LockingClause:
			for _, r := range n.Rels { // they name items of FROM
				locked[r] = true
			}
		}
	})
	over := e.DDL.Overlay()
	env := e.sema()
	env.Text, env.AsWritten = text, true
	use, err := analyze(env)
	if err != nil {
		return "", nil, err
	}
	edits, used := e.viewConstants(stmt, text, env, use.walk)
	used = append(used, use.keys...)
	var deps []catalog.ViewDep
	for _, r := range refs {
		rel, ok := over.LookupRelation(e.SearchPath, r.Schema, r.Name)
		if r.Schema == "" && ctes[r.Name] || !ok || locked[r] {
			continue // a CTE, or a system relation
		}
		schema := over.SchemaName(rel.SchemaID())
		if !slices.ContainsFunc(deps, func(d catalog.ViewDep) bool { return d.Relation == rel.OID() }) {
			deps = append(deps, catalog.ViewDep{Relation: rel.OID(), Schema: schema, Name: r.Name, Names: columnNames(rel)})
		}
		switch at := r.Loc(); r.Schema {
		case "":
			edits = append(edits, edit{at, 0, catalog.QuoteIdent(schema) + "."})
		case catalog.TempAlias:
			edits = append(edits, edit{at, identLen(text[at:]), catalog.QuoteIdent(schema)})
		}
	}
	return applyEdits(text, edits), bindTypes(over, bindColumns(deps, use.refs), used), nil
}

// viewConstants finds the types, enum labels and relations' OIDs in a view's query, and what it names by them.
func (e *Env) viewConstants(stmt parse.Statement, text string, env *sema.Env, walk func(f func(n expr.Node))) (edits []edit, used []catalog.Oid) {
	edits, used = e.typeEdits(stmt, text, env)
	change := func(c edit) { edits = addEdit(edits, c) }
	walk(func(n expr.Node) {
		if c, oid, ok := callEdit(n, text); ok {
			if change(c); !slices.Contains(used, oid) {
				used = append(used, oid)
			}
		}
		if oid := operatorDep(n); oid != 0 && !slices.Contains(used, oid) {
			used = append(used, oid)
		}
		k, ok := n.(*expr.Const)
		if !ok {
			return
		}
		if c, ok := enumEdit(k, text); ok {
			change(c)
			used = addType(used, k.Type)
		}
		if k.Type.Oid != types.RegclassOid || k.Value.IsNull() || k.Loc < 0 || k.Loc >= len(text) {
			return
		}
		oid := catalog.Oid(k.Value.Int())
		if _, known := env.Catalog.RelationByOID(oid); known && text[k.Loc] == '\'' {
			change(edit{k.Loc, literalLen(text[k.Loc:]), "'" + strconv.Itoa(int(oid)) + "'"})
			if !slices.Contains(used, oid) {
				used = append(used, oid)
			}
		}
	})
	return edits, used
}

// columnNames are the names of a relation's columns by number; those that nothing can name have none.
func columnNames(rel catalog.Relation) []string {
	columns := []catalog.Column(nil)
	switch {
	case rel.View != nil:
		columns = rel.View.Columns
	case rel.Table != nil:
		columns = rel.Table.Columns
	}
	names := make([]string, len(columns))
	for i := range columns {
		if c := &columns[i]; !c.Dropped && !c.Hidden {
			names[i] = c.Name
		}
	}
	return names
}

// bindColumns notes the columns that a view's query uses of each relation, and the composite types whose attributes it
// selects.
func bindColumns(deps []catalog.ViewDep, refs []sema.Reference) []catalog.ViewDep {
	for _, r := range refs {
		at := slices.IndexFunc(deps, func(d catalog.ViewDep) bool { return d.Relation == r.OID })
		switch {
		case at >= 0:
			deps[at].Columns = r.Columns
		case r.OID.Class() == types.CompositeClass:
			deps = append(deps, catalog.ViewDep{Relation: r.OID})
		}
	}
	return deps
}

// bindTypes adds the types and other objects that a view's query names, and the names of composite types' attributes.
func bindTypes(over *catalog.Snapshot, deps []catalog.ViewDep, used []catalog.Oid) []catalog.ViewDep {
	for _, oid := range used {
		if !slices.ContainsFunc(deps, func(d catalog.ViewDep) bool { return d.Relation == oid }) {
			deps = append(deps, catalog.ViewDep{Relation: oid})
		}
	}
	for i := range deps {
		d := &deps[i]
		u := over.UserType(d.Relation)
		if d.Relation.Class() != types.CompositeClass || u == nil {
			continue
		}
		for _, f := range u.Fields {
			if f.Dropped {
				f.Name = ""
			}
			d.Names = append(d.Names, f.Name)
		}
	}
	return deps
}
