package fk

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// keyDetail prints "(a, b)=(1, x)" as PostgreSQL's ri_ReportViolation does.
func keyDetail(t *catalog.Table, cols []int, vals []types.Datum, env *types.IOEnv) string {
	var names, values strings.Builder
	for i, c := range cols {
		if i > 0 {
			names.WriteString(", ")
			values.WriteString(", ")
		}
		names.WriteString(t.Columns[c].Name)
		if vals[i].IsNull() {
			values.WriteString("null")
		} else {
			values.Write(types.AppendText(nil, t.Columns[c].Type.Oid, vals[i], env))
		}
	}
	return "(" + names.String() + ")=(" + values.String() + ")"
}

// shownKey is keyDetail with a blank before it, or nothing where who is told may not read the key.
func shownKey(t *catalog.Table, cols []int, vals []types.Datum, env *types.IOEnv, shown bool) string {
	if !shown {
		return ""
	}
	return " " + keyDetail(t, cols, vals, env)
}

// MissingParent is the error of a child row without parent; vals are the child's own values, shown to who may read them.
func (k *Key) MissingParent(vals []types.Datum, env *types.IOEnv, shown bool) *pgerr.Error {
	return pgerr.New(pgerr.ForeignKeyViolation, "insert or update on table \"%s\" violates foreign key constraint \"%s\"",
		k.Child.Name, k.Constraint.Name).
		WithDetail("Key%s is not present in table \"%s\".", shownKey(k.Child, k.ChildCols, vals, env, shown), k.Parent.Name).
		WithTable(k.ChildSchema, k.Child.Name).WithConstraint(k.Constraint.Name)
}

func (k *Key) mixedNulls() *pgerr.Error {
	return pgerr.New(pgerr.ForeignKeyViolation, "insert or update on table \"%s\" violates foreign key constraint \"%s\"",
		k.Child.Name, k.Constraint.Name).
		WithDetail("MATCH FULL does not allow mixing of null and nonnull key values.").
		WithTable(k.ChildSchema, k.Child.Name).WithConstraint(k.Constraint.Name)
}

// StillReferenced is the error of a parent whose key has children; vals are the parent's old key, shown to who may
// read it.
func (k *Key) StillReferenced(vals []types.Datum, env *types.IOEnv, shown bool) *pgerr.Error {
	return pgerr.New(pgerr.ForeignKeyViolation,
		"update or delete on table \"%s\" violates foreign key constraint \"%s\" on table \"%s\"",
		k.Parent.Name, k.Declared.Name, k.DeclaredOn.Name).
		WithDetail("Key%s is still referenced from table \"%s\".", shownKey(k.Parent, k.ParentCols, vals, env, shown), k.DeclaredOn.Name).
		WithTable(k.DeclaredSchema, k.DeclaredOn.Name).WithConstraint(k.Declared.Name)
}

// errMovesFrom refuses to move a row away from a table between the one updated and its partition, where a foreign key that
// references that table would have to follow.
func errMovesFrom(t, root *catalog.Table) error {
	return pgerr.New(pgerr.FeatureNotSupported,
		"cannot move tuple across partitions when a non-root ancestor of the source partition is directly referenced in a foreign key").
		WithDetail("A foreign key points to ancestor \"%s\" but not the root ancestor \"%s\".", t.Name, root.Name).
		WithHint("Consider defining the foreign key on table \"%s\".", root.Name)
}

// StillReferencedFrom is the error of a partition that is to go and has a row that a foreign key, declared on a table, references.
func (k *Key) StillReferencedFrom(on *catalog.Table, schema string, vals []types.Datum, env *types.IOEnv, shown bool) *pgerr.Error {
	return pgerr.New(pgerr.ForeignKeyViolation, "removing partition \"%s\" violates foreign key constraint \"%s\"", k.Parent.Name, k.Constraint.Name).
		WithDetail("Key%s is still referenced from table \"%s\".", shownKey(k.Child, k.ChildCols, vals, env, shown), on.Name).
		WithTable(schema, on.Name).WithConstraint(k.Constraint.Name)
}
