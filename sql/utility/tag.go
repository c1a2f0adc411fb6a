package utility

import "github.com/pgmqdb/pgmqdb/sql/parse"

// Tag returns the command tag of a utility statement, as PostgreSQL's CreateCommandTag, and "" for a statement that is
// none, or is the session's own.
func Tag(stmt parse.Statement) string {
	switch s := stmt.(type) {
	case *parse.CreateStmt:
		return "CREATE TABLE"
	case *parse.CreateTableAsStmt:
		if s.MatView {
			return "CREATE MATERIALIZED VIEW"
		}
		if s.IsSelectInto {
			return "SELECT INTO"
		}
		return "CREATE TABLE AS"
	case *parse.AlterTableStmt:
		return "ALTER " + s.ObjType.String()
	case *parse.IndexStmt:
		return "CREATE INDEX"
	case *parse.CreateSeqStmt:
		return "CREATE SEQUENCE"
	case *parse.AlterSeqStmt:
		return "ALTER SEQUENCE"
	case *parse.CreateSchemaStmt:
		return "CREATE SCHEMA"
	case *parse.ViewStmt:
		return "CREATE VIEW"
	case *parse.RuleStmt:
		return "CREATE RULE"
	case *parse.DropStmt:
		return "DROP " + s.RemoveType.String()
	case *parse.RenameStmt:
		t := s.RenameType
		if t == parse.ObjectColumn || t == parse.ObjectAttribute {
			t = s.RelationType
		}
		if t == parse.ObjectTabConstraint {
			t = parse.ObjectTable
		}
		if t == parse.ObjectDomConstraint {
			t = parse.ObjectDomain
		}
		return "ALTER " + t.String()
	case *parse.AlterObjectSchemaStmt:
		return "ALTER " + s.ObjectType.String()
	case *parse.AlterOwnerStmt:
		return "ALTER " + s.ObjectType.String()
	case *parse.TruncateStmt:
		return "TRUNCATE TABLE"
	case *parse.CommentStmt:
		return "COMMENT"
	case *parse.LockStmt:
		return "LOCK TABLE"
	case *parse.VacuumStmt:
		if s.IsVacuum {
			return "VACUUM"
		}
		return "ANALYZE"
	}
	return otherTag(stmt)
}

func otherTag(stmt parse.Statement) string {
	switch s := stmt.(type) {
	case *parse.CreateRoleStmt:
		return "CREATE ROLE"
	case *parse.AlterRoleStmt, *parse.AlterRoleSetStmt:
		return "ALTER ROLE"
	case *parse.DropRoleStmt:
		return "DROP ROLE"
	case *parse.GrantStmt:
		if s.IsGrant {
			return "GRANT"
		}
		return "REVOKE"
	case *parse.GrantRoleStmt:
		if s.IsGrant {
			return "GRANT ROLE"
		}
		return "REVOKE ROLE"
	case *parse.ReindexStmt:
		return "REINDEX"
	case *parse.CheckPointStmt:
		return "CHECKPOINT"
	case *parse.CreateExtensionStmt:
		return "CREATE EXTENSION"
	case *parse.AlterExtensionStmt:
		return "ALTER EXTENSION"
	case *parse.ClusterStmt:
		return "CLUSTER"
	case *parse.CreatedbStmt:
		return "CREATE DATABASE"
	case *parse.DropdbStmt:
		return "DROP DATABASE"
	case *parse.AlterDatabaseStmt, *parse.AlterDatabaseSetStmt:
		return "ALTER DATABASE"
	case *parse.AlterDefaultPrivilegesStmt:
		return "ALTER DEFAULT PRIVILEGES"
	case *parse.DropOwnedStmt:
		return "DROP OWNED"
	case *parse.ReassignOwnedStmt:
		return "REASSIGN OWNED"
	case *parse.CreateEnumStmt, *parse.CreateRangeStmt, *parse.CompositeTypeStmt:
		return "CREATE TYPE"
	case *parse.AlterEnumStmt:
		return "ALTER TYPE"
	case *parse.CreateDomainStmt:
		return "CREATE DOMAIN"
	case *parse.AlterDomainStmt:
		return "ALTER DOMAIN"
	case *parse.CreateFunctionStmt:
		if s.IsProcedure {
			return "CREATE PROCEDURE"
		}
		return "CREATE FUNCTION"
	case *parse.CreateAggregateStmt:
		return "CREATE AGGREGATE"
	case *parse.AlterFunctionStmt:
		return "ALTER " + s.ObjType.String()
	case *parse.CreateTrigStmt:
		return "CREATE TRIGGER"
	case *parse.CreatePolicyStmt:
		return "CREATE POLICY"
	case *parse.AlterPolicyStmt:
		return "ALTER POLICY"
	case *parse.RefreshMatViewStmt:
		return "REFRESH MATERIALIZED VIEW"
	case *parse.AlterSystemStmt:
		return "ALTER SYSTEM"
	case *parse.DoStmt:
		return "DO"
	case *parse.CallStmt:
		return "CALL"
	case *parse.LoadStmt:
		return "LOAD"
	}
	return ""
}
