package utility

import (
	"context"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

func (e *Env) drop(ctx context.Context, s *parse.DropStmt) error {
	if s.Concurrent && e.InTransactionBlock {
		return pgerr.New(pgerr.ActiveSqlTransaction, "DROP INDEX CONCURRENTLY cannot run inside a transaction block")
	}
	if s.Concurrent && len(s.Objects) > 1 {
		return pgerr.New(pgerr.FeatureNotSupported, "DROP INDEX CONCURRENTLY does not support dropping multiple objects")
	}
	if s.Concurrent && s.Behavior == parse.DropCascade {
		return pgerr.New(pgerr.FeatureNotSupported, "DROP INDEX CONCURRENTLY does not support CASCADE")
	}
	if s.RemoveType == parse.ObjectSchema {
		names := make([]string, len(s.Objects))
		for i, o := range s.Objects {
			names[i] = o.Name.Last()
		}
		return e.DDL.DropSchemas(ctx, names, s.MissingOk, behavior(s.Behavior))
	}
	if s.RemoveType == parse.ObjectTypeType || s.RemoveType == parse.ObjectDomain {
		return e.dropTypes(ctx, s)
	}
	if s.RemoveType == parse.ObjectRule || s.RemoveType == parse.ObjectTrigger {
		return e.dropOfRelations(ctx, s)
	}
	if s.RemoveType == parse.ObjectPolicy {
		return e.dropPolicies(ctx, s)
	}
	if isRoutine(s.RemoveType) {
		return e.dropFunctions(ctx, s)
	}
	if s.RemoveType == parse.ObjectExtension {
		return e.dropExtensions(ctx, s)
	}
	kind, ok := relKinds[s.RemoveType]
	if !ok {
		return e.dropOther(s)
	}
	names := make([]ddl.Name, len(s.Objects))
	for i, o := range s.Objects {
		names[i] = objectName(o.Name)
	}
	return e.DDL.Drop(ctx, kind, names, s.MissingOk, behavior(s.Behavior))
}

func (e *Env) rename(ctx context.Context, s *parse.RenameStmt) error {
	var name ddl.Name
	if s.Relation != nil {
		name = ddl.Name{Schema: s.Relation.Schema, Name: s.Relation.Name, Only: !s.Relation.Inh}
	}
	if isRoutine(s.RenameType) {
		f, err := e.routine(s.RenameType, s.Object, false)
		if err != nil {
			return err
		}
		return e.DDL.RenameFunction(ctx, f, s.Newname)
	}
	switch s.RenameType {
	case parse.ObjectTable, parse.ObjectIndex, parse.ObjectSequence, parse.ObjectView, parse.ObjectMatView:
		return e.DDL.RenameRelation(ctx, relKinds[s.RenameType], name, s.Newname, s.MissingOk)
	case parse.ObjectDatabase:
		return e.DDL.RenameDatabase(ctx, s.Subname, s.Newname, e.Alone)
	case parse.ObjectColumn:
		return e.DDL.RenameColumn(ctx, name, s.Subname, s.Newname, s.MissingOk)
	case parse.ObjectPolicy:
		return e.DDL.RenamePolicy(ctx, name, s.Subname, s.Newname)
	case parse.ObjectTabConstraint:
		return e.DDL.RenameConstraint(ctx, name, s.Subname, s.Newname, s.MissingOk)
	case parse.ObjectTrigger:
		return e.DDL.RenameTrigger(ctx, name, s.Subname, s.Newname)
	case parse.ObjectRule:
		return e.DDL.RenameRule(ctx, name, s.Subname, s.Newname)
	case parse.ObjectSchema:
		return e.DDL.RenameSchema(ctx, s.Subname, s.Newname)
	case parse.ObjectTypeType, parse.ObjectDomain:
		return e.DDL.RenameType(ctx, typeObject(s.Object), s.Newname)
	case parse.ObjectAttribute:
		return e.DDL.RenameAttribute(ctx, name, s.Subname, s.Newname, behavior(s.Behavior))
	case parse.ObjectDomConstraint:
		return e.DDL.RenameDomainConstraint(ctx, typeObject(s.Object), s.Subname, s.Newname)
	case parse.ObjectRole:
		return e.DDL.RenameRole(ctx, s.Subname, s.Newname)
	}
	return pgerr.NotSupported("ALTER " + s.RenameType.String() + " RENAME")
}

func (e *Env) setSchema(ctx context.Context, s *parse.AlterObjectSchemaStmt) error {
	if s.ObjectType == parse.ObjectTypeType || s.ObjectType == parse.ObjectDomain {
		return e.DDL.SetTypeSchema(ctx, typeObject(s.Object), s.NewSchema)
	}
	if isRoutine(s.ObjectType) {
		f, err := e.routine(s.ObjectType, s.Object, false)
		if err != nil {
			return err
		}
		return e.DDL.SetFunctionSchema(ctx, f, s.NewSchema)
	}
	if s.ObjectType == parse.ObjectExtension {
		return e.DDL.SetExtensionSchema(ctx, s.Object.Name.Last(), s.NewSchema)
	}
	kind, ok := relKinds[s.ObjectType]
	if !ok || s.Relation == nil {
		return pgerr.NotSupported("ALTER " + s.ObjectType.String() + " SET SCHEMA")
	}
	return e.DDL.SetSchema(ctx, kind, ddl.Name{Schema: s.Relation.Schema, Name: s.Relation.Name}, s.NewSchema, s.MissingOk)
}

func (e *Env) alterOwner(ctx context.Context, s *parse.AlterOwnerStmt) error {
	owner := e.roleName(s.NewOwner)
	if s.ObjectType == parse.ObjectSchema {
		return e.DDL.SetSchemaOwner(ctx, s.Object.Name.Last(), owner)
	}
	if s.ObjectType == parse.ObjectDatabase {
		return e.DDL.SetDatabaseOwner(ctx, s.Object.Name.Last(), owner)
	}
	if s.ObjectType == parse.ObjectTypeType || s.ObjectType == parse.ObjectDomain {
		return e.DDL.SetTypeOwner(ctx, typeObject(s.Object), owner)
	}
	if isRoutine(s.ObjectType) {
		f, err := e.routine(s.ObjectType, s.Object, false)
		if err != nil {
			return err
		}
		return e.DDL.SetFunctionOwner(ctx, f, owner)
	}
	return pgerr.NotSupported("ALTER " + s.ObjectType.String() + " OWNER TO")
}

func (e *Env) comment(ctx context.Context, s *parse.CommentStmt) error {
	if s.ObjType == parse.ObjectTypeType || s.ObjType == parse.ObjectDomain {
		return e.DDL.CommentType(ctx, typeObject(s.Object), s.Comment)
	}
	if isRoutine(s.ObjType) {
		f, err := e.routine(s.ObjType, s.Object, false)
		if err != nil {
			return err
		}
		return e.DDL.AlterFunction(ctx, f, func(c *catalog.Function) error {
			c.Comment = s.Comment
			return nil
		})
	}
	n := s.Object.Name
	owner := func() ddl.Name { return objectName(n[:len(n)-1]) }
	var t ddl.CommentTarget
	switch s.ObjType {
	case parse.ObjectTable, parse.ObjectIndex, parse.ObjectSequence, parse.ObjectView, parse.ObjectMatView:
		t = ddl.CommentTarget{Kind: catalog.PartTable, Relation: objectName(n), RelKind: relKinds[s.ObjType]}
	case parse.ObjectColumn:
		if len(n) < 2 {
			return pgerr.New(pgerr.SyntaxError, "column name must be qualified")
		}
		t = ddl.CommentTarget{Kind: catalog.PartColumn, Relation: owner(), Sub: n.Last()}
	case parse.ObjectTabConstraint:
		t = ddl.CommentTarget{Kind: catalog.PartConstraint, Relation: owner(), Sub: n.Last()}
	case parse.ObjectPolicy:
		return e.DDL.CommentPolicy(ctx, owner(), n.Last(), s.Comment)
	case parse.ObjectTrigger:
		return e.DDL.CommentTrigger(ctx, owner(), n.Last(), s.Comment)
	case parse.ObjectRule:
		return e.DDL.CommentRule(ctx, owner(), n.Last(), s.Comment)
	case parse.ObjectDomConstraint:
		return e.DDL.CommentDomainConstraint(ctx, typeObject(s.Object), n.Last(), s.Comment)
	case parse.ObjectSchema:
		t = ddl.CommentTarget{Kind: catalog.PartSchema, Sub: n.Last()}
	case parse.ObjectRole:
		t = ddl.CommentTarget{Role: true, Sub: n.Last()}
	case parse.ObjectDatabase:
		t = ddl.CommentTarget{Database: true, Sub: n.Last()}
	case parse.ObjectExtension:
		if n.Last() == catalog.LanguagePLpgSQL { // pg_dump writes it
			return nil
		}
		return e.DDL.CommentExtension(ctx, n.Last(), s.Comment)
	default:
		return pgerr.NotSupported("COMMENT ON " + s.ObjType.String())
	}
	return e.DDL.Comment(ctx, t, s.Comment)
}
