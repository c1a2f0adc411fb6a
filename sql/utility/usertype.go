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

// typeObject is the name of a type that a generic statement names, as a name or as a type.
func typeObject(o *parse.ObjectName) ddl.Name {
	if o.Type != nil {
		return objectName(o.Type.Names)
	}
	return objectName(o.Name)
}

func (e *Env) dropTypes(ctx context.Context, s *parse.DropStmt) error {
	names := make([]ddl.Name, len(s.Objects))
	for i, o := range s.Objects {
		names[i] = typeObject(o)
	}
	return e.DDL.DropTypes(ctx, names, s.RemoveType == parse.ObjectDomain, s.MissingOk, behavior(s.Behavior))
}

func (e *Env) alterEnum(ctx context.Context, s *parse.AlterEnumStmt) error {
	if s.OldVal != "" {
		return e.DDL.RenameEnumValue(ctx, objectName(s.TypeName), s.OldVal, s.NewVal)
	}
	return e.DDL.AddEnumValue(ctx, objectName(s.TypeName), ddl.EnumValue{
		Label: s.NewVal, Neighbor: s.NewValNeighbor, After: s.NewValIsAfter, IfNotExists: s.SkipIfNewValExists,
	})
}

// edit is a part of a stored text to be replaced.
type edit struct {
	loc, len int
	text     string
}

func applyEdits(text string, edits []edit) string {
	slices.SortFunc(edits, func(a, b edit) int { return b.loc - a.loc })
	for _, e := range edits {
		text = text[:e.loc] + e.text + text[e.loc+e.len:]
	}
	return text
}

// typeEdits replaces the names of user types, and of their constructor functions, in a text by references that outlive a renaming, and lists the types.
func (e *Env) typeEdits(tree any, text string, env *sema.Env) (edits []edit, used []catalog.Oid) {
	walkTree(tree, func(n any) {
		if f, ok := n.(*parse.FuncCall); ok && f.Loc() >= 0 && f.Loc() < len(text) && len(f.Name) > 0 && !f.SQLSyntax && env.Catalog != nil {
			if oid := sema.ConstructedType(f.Name, env); oid != 0 {
				used = addType(used, types.T(oid))
				names := qualifierLen(text[f.Loc():], len(f.Name)-1)
				names += identLen(text[f.Loc()+names:])
				edits = append(edits, edit{f.Loc(), names, `"` + types.FormatType(types.T(oid)) + `"`})
			}
			return
		}
		t, ok := n.(*parse.TypeName)
		if !ok || t.Loc() < 0 || t.Loc() >= len(text) || len(t.Names) == 0 || t.PctType {
			return
		}
		typ, err := sema.ResolveType(&parse.TypeName{Names: t.Names, Location: t.Location}, env)
		if err != nil || !typ.Declared().IsUser() {
			return
		}
		used = addType(used, typ)
		names := qualifierLen(text[t.Loc():], len(t.Names)-1)
		names += identLen(text[t.Loc()+names:])
		edits = append(edits, edit{t.Loc(), names, `"` + types.FormatType(types.T(typ.Declared())) + `"`})
	})
	return edits, used
}

func addType(used []catalog.Oid, t types.Type) []catalog.Oid {
	if oid := catalog.TypeOf(t); oid != 0 && !slices.Contains(used, oid) {
		used = append(used, oid)
	}
	return used
}

// enumEdit replaces a literal of an enum, or of an array of one, by its stored form, which outlives a renamed label.
func enumEdit(k *expr.Const, text string) (edit, bool) {
	oid := k.Type.Oid
	if e := types.ElemOf(oid); e != 0 {
		oid = e
	}
	if oid.Class() != types.EnumClass || k.Value.IsNull() || k.Loc < 0 || k.Loc >= len(text) || text[k.Loc] != '\'' {
		return edit{}, false
	}
	stored := expr.QuoteLiteral(string(types.AppendText(nil, k.Type.Oid, k.Value, types.DefaultIOEnv)))
	return edit{k.Loc, literalLen(text[k.Loc:]), stored}, true
}

func (e *Env) createComposite(ctx context.Context, s *parse.CompositeTypeStmt) error {
	e = e.withoutPositions()
	var attrs []types.Attribute
	for _, c := range s.Columns {
		a, err := e.attribute(c)
		if err != nil {
			return err
		}
		attrs = append(attrs, a)
	}
	return e.DDL.CreateComposite(ctx, ddl.Name{Schema: s.Type.Schema, Name: s.Type.Name}, attrs)
}

func (e *Env) attribute(c *parse.ColumnDef) (types.Attribute, error) {
	t, err := sema.ResolveType(c.Type, e.sema())
	if err != nil {
		return types.Attribute{}, err
	}
	if _, err := (&tableBuilder{Env: e}).collation(c.CollClause, t); err != nil {
		return types.Attribute{}, err
	}
	return types.Attribute{Name: c.Name, Type: t}, nil
}

// alterComposite is ALTER TYPE … ADD, DROP and ALTER ATTRIBUTE.
func (e *Env) alterComposite(ctx context.Context, s *parse.AlterTableStmt) error {
	n := ddl.Name{Schema: s.Relation.Schema, Name: s.Relation.Name}
	if err := e.checkComposite(n); err != nil {
		return err
	}
	for _, c := range s.Cmds {
		var err error
		switch c.Subtype {
		case parse.ATAddColumn:
			var a types.Attribute
			if a, err = e.attribute(c.Column); err == nil {
				err = e.DDL.AddAttribute(ctx, n, a, behavior(c.Behavior))
			}
		case parse.ATDropColumn:
			if err = e.dropAttributeUses(ctx, n, c); err == nil {
				err = e.DDL.DropAttribute(ctx, n, c.Name, c.MissingOk, behavior(c.Behavior))
			}
		case parse.ATAlterColumnType:
			var a types.Attribute
			if a, err = e.attribute(c.Column); err == nil {
				a.Name = c.Name
				err = e.DDL.AlterAttribute(ctx, n, a, behavior(c.Behavior))
			}
			if err == nil {
				err = e.recheckDomains(n)
			}
		default:
			err = pgerr.NotSupported("this form of ALTER TYPE")
		}
		if err != nil {
			return err
		}
	}
	return nil
}
