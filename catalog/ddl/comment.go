package ddl

import (
	"context"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// CommentTarget is what COMMENT ON names. Kind picks the fields: a relation by Relation and RelKind; a column or
// constraint of the table Relation by Sub; a schema, role or database by Sub alone.
type CommentTarget struct {
	Kind     catalog.PartKind
	Role     bool
	Database bool
	Relation Name
	RelKind  catalog.RelKind
	Sub      string
}

// Comment is COMMENT ON; an empty text removes the comment.
func (x *Tx) Comment(ctx context.Context, target CommentTarget, text string) error {
	switch {
	case target.Role:
		return x.commentRole(ctx, target.Sub, text)
	case target.Database:
		return x.commentDatabase(ctx, target.Sub, text)
	case target.Kind == catalog.PartSchema:
		s, err := x.lockSchema(ctx, target.Sub)
		if err != nil {
			return err
		}
		if err := x.mustOwnSchema(s); err != nil {
			return err
		}
		c := *s
		c.Comment = text
		return x.put(ctx, &c)
	}
	rel, _, err := x.findRelation(ctx, catalog.KindTable, target.Relation, false, ShareUpdateExclusiveLock)
	if err != nil {
		return err
	}
	sub := target.Kind == catalog.PartColumn || target.Kind == catalog.PartConstraint
	if !sub && rel.Kind != target.RelKind || target.Kind == catalog.PartConstraint && rel.Kind != catalog.KindTable {
		kind := target.RelKind
		if sub {
			kind = catalog.KindTable
		}
		return pgerr.New(pgerr.WrongObjectType, "%q is not %s", rel.Name(), kindNouns[kind].article)
	}
	if !x.owns(rel.Owner()) {
		noun := rel.Noun()
		if sub {
			noun = "relation"
		}
		return catalog.NotOwnerError(noun, rel.Name())
	}
	switch rel.Kind {
	case catalog.KindSequence:
		q := *rel.Sequence
		q.Comment = text
		return x.put(ctx, &q)
	case catalog.KindView:
		return x.commentView(ctx, *rel.View, target, text)
	}
	return x.commentTable(ctx, rel, target, text)
}

func (x *Tx) commentTable(ctx context.Context, rel catalog.Relation, target CommentTarget, text string) error {
	t, err := x.annotate(ctx, rel.Table.OID)
	if err != nil {
		return err
	}
	switch {
	case target.Kind == catalog.PartColumn:
		c := columnNamed(t, target.Sub)
		if c == nil {
			return errNoColumn(target.Sub, t.Name)
		}
		c.Comment = text
	case target.Kind == catalog.PartConstraint:
		k := t.ConstraintByName(target.Sub)
		if k == nil {
			return pgerr.New(pgerr.UndefinedObject, "constraint %q for table %q does not exist", target.Sub, t.Name)
		}
		k.Comment = text
	case rel.Kind == catalog.KindIndex:
		t.IndexByOID(rel.Index.OID).Comment = text
	default:
		t.Comment = text
	}
	return x.putTable(ctx, t)
}

func (x *Tx) commentView(ctx context.Context, v catalog.View, target CommentTarget, text string) error {
	if target.Kind != catalog.PartColumn {
		v.Comment = text
		return x.put(ctx, &v)
	}
	v.Columns = append([]catalog.Column(nil), v.Columns...)
	for i := range v.Columns {
		if v.Columns[i].Name == target.Sub {
			v.Columns[i].Comment = text
			return x.put(ctx, &v)
		}
	}
	return errNoColumn(target.Sub, v.Name)
}

func (x *Tx) commentRole(ctx context.Context, name, text string) error {
	r, err := x.lockRole(ctx, name)
	if err != nil {
		return err
	}
	// Roles have no owners: whoever may make them may comment on them.
	if r.Superuser && !x.superuser() {
		return denied("must be superuser")
	}
	if !x.createsRoles() {
		return denied("must have CREATEROLE privilege")
	}
	c := *r
	c.Comment = text
	return x.put(ctx, &c)
}

func (x *Tx) commentDatabase(ctx context.Context, name, text string) error {
	d := x.s.over.DatabaseByName(name)
	if d == nil {
		x.notice(pgerr.NewWarning(pgerr.UndefinedDatabase, "database %q does not exist", name))
		return nil
	}
	if !x.owns(d.Owner) {
		return catalog.NotOwnerError("database", name)
	}
	c := *d
	c.Comment = text
	return x.put(ctx, &c)
}
