// Package utility carries out the statements that define data: it turns their syntax trees into the specs of catalog/ddl,
// with types resolved and DEFAULT, CHECK and USING expressions analysed, and runs the operation. Execute is the entry
// point; Handles tells which statements it takes. Statements that steer the session (SET, BEGIN, PREPARE, …) are the
// session's own.
//
// Two rules: a clause that is not carried out is refused with 0A000 naming it, never dropped; and what is accepted without
// effect (storage parameters, VACUUM) changes no result.
package utility

import (
	"context"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Env is what a utility statement runs in.
type Env struct {
	DDL *ddl.Tx
	// Text is the text that the statement was parsed from, for error positions.
	Text       string
	SearchPath []string
	Virtual    sema.VirtualTables
	IOEnv      *types.IOEnv
	// Eval evaluates the defaults of added columns; one per statement.
	Eval    *expr.EvalContext
	Backend ddl.Backend
	Notice  func(*pgerr.Error)
	// User and SessionUser are role names, for CURRENT_USER and its kin.
	User, SessionUser string
	// extension says that the statement is of the script of an extension, where functions may be in C.
	extension bool
	// InTransactionBlock is set between BEGIN and COMMIT: some statements are refused there.
	InTransactionBlock bool
	// HashPassword turns a clear password into a SCRAM-SHA-256 verifier; a verifier is returned as it is.
	HashPassword func(role, password string) (string, error)
	// InsertQuery, when set, runs a query of CREATE TABLE AS into the new table and returns the number of rows. Without it
	// the statement is refused.
	InsertQuery func(ctx context.Context, query parse.Statement, into *catalog.Table) (int64, error)
	// ExecuteColumns, when set, describes the rows of an EXECUTE that CREATE TABLE AS runs.
	ExecuteColumns func(s *parse.ExecuteStmt) ([]ResultColumn, error)
	// Refill, when set, gives a materialized view the rows of its query: into its new storages, or concurrently in place of
	// those that it has.
	Refill func(ctx context.Context, t *catalog.Table, concurrently bool) error
	// CheckBodies says that the bodies of functions are checked: check_function_bodies.
	CheckBodies bool
	// Variables are those of the function that executes the statement, for the query of CREATE TABLE AS.
	Variables sema.Variables
	// CheckFunction, when set, is the validator of functions in other languages than SQL.
	CheckFunction func(ctx context.Context, f *catalog.Function) error
	// Truncating, when set, fires the triggers of a table that TRUNCATE is about to empty, or has emptied.
	Truncating func(t *catalog.Table, before bool) error
	// Alone sees to it that nobody is connected to a database.
	Alone ddl.Alone
	// CheckSetting checks a setting that later sessions are to begin with, and returns the value as it is kept: nil for
	// none. Its name is "" for RESET ALL.
	CheckSetting func(s *parse.VariableSetStmt) (name string, value *string, err error)
}

func (e *Env) notice(n *pgerr.Error) {
	if e.Notice != nil {
		e.Notice(n)
	}
}

func (e *Env) pos(loc int) int { return parse.Position(e.Text, loc) }

// sema returns the environment for analysing parts of the statement against the transaction's own catalog.
func (e *Env) sema() *sema.Env {
	return &sema.Env{
		Role: e.role(), Catalog: e.DDL.Overlay(), SearchPath: e.SearchPath, Text: e.Text, Virtual: e.Virtual, NoParams: true, IOEnv: e.IOEnv,
	}
}

// role is the current role, 0 where it is gone.
func (e *Env) role() catalog.Oid {
	if r := e.DDL.Overlay().RoleByName(e.User); r != nil {
		return r.OID
	}
	return 0
}

// Handles reports whether Execute takes the statement.
func Handles(stmt parse.Statement) bool { return Tag(stmt) != "" }

// Execute runs a utility statement and returns its command tag. Errors are *pgerr.Error.
func Execute(ctx context.Context, e *Env, stmt parse.Statement) (tag string, err error) {
	tag = Tag(stmt)
	switch s := stmt.(type) {
	case *parse.CreateStmt:
		err = e.createTable(ctx, s)
	case *parse.CreateTableAsStmt:
		return e.createTableAs(ctx, s)
	case *parse.AlterTableStmt:
		if s.ObjType == parse.ObjectTypeType {
			err = e.alterComposite(ctx, s)
			break
		}
		err = e.alterTable(ctx, s)
	case *parse.IndexStmt:
		err = e.createIndex(ctx, s)
	case *parse.CreateSeqStmt:
		err = e.createSequence(ctx, s)
	case *parse.AlterSeqStmt:
		err = e.alterSequence(ctx, s)
	case *parse.CreateSchemaStmt:
		err = e.createSchema(ctx, s)
	case *parse.ViewStmt:
		err = e.createView(ctx, s)
	case *parse.RuleStmt:
		err = e.createRule(ctx, s)
	case *parse.CreateTrigStmt:
		err = e.createTrigger(ctx, s)
	case *parse.DropStmt:
		err = e.drop(ctx, s)
	case *parse.RenameStmt:
		err = e.rename(ctx, s)
	case *parse.AlterObjectSchemaStmt:
		err = e.setSchema(ctx, s)
	case *parse.AlterOwnerStmt:
		err = e.alterOwner(ctx, s)
	case *parse.TruncateStmt:
		err = e.DDL.Truncate(ctx, names(s.Relations), s.RestartSeqs, behavior(s.Behavior), e.Truncating)
	case *parse.CommentStmt:
		err = e.comment(ctx, s)
	default:
		return e.executeOther(ctx, stmt, tag)
	}
	return tag, err
}

func (e *Env) executeOther(ctx context.Context, stmt parse.Statement, tag string) (string, error) {
	var err error
	switch s := stmt.(type) {
	case *parse.CreatePolicyStmt:
		err = e.createPolicy(ctx, s)
	case *parse.AlterPolicyStmt:
		err = e.alterPolicy(ctx, s)
	case *parse.LockStmt:
		err = e.lockTables(ctx, s)
	case *parse.CreateRoleStmt:
		err = e.createRole(ctx, s)
	case *parse.AlterRoleStmt:
		err = e.alterRole(ctx, s)
	case *parse.DropRoleStmt:
		err = e.dropRoles(ctx, s)
	case *parse.GrantStmt:
		err = e.grant(ctx, s)
	case *parse.GrantRoleStmt:
		err = e.grantRole(ctx, s)
	case *parse.AlterDefaultPrivilegesStmt:
		err = e.alterDefaultPrivileges(ctx, s)
	case *parse.DropOwnedStmt:
		err = e.dropOwned(ctx, s)
	case *parse.ReassignOwnedStmt:
		err = e.reassignOwned(ctx, s)
	case *parse.CreateEnumStmt:
		err = e.DDL.CreateEnum(ctx, objectName(s.TypeName), s.Vals)
	case *parse.CreateFunctionStmt:
		err = e.createFunction(ctx, s)
	case *parse.AlterFunctionStmt:
		err = e.alterFunction(ctx, s)
	case *parse.CreateAggregateStmt:
		err = e.createAggregate(ctx, s)
	case *parse.CreateDomainStmt:
		err = e.createDomain(ctx, s)
	case *parse.AlterDomainStmt:
		err = e.alterDomain(ctx, s)
	case *parse.CreateRangeStmt:
		err = e.createRange(ctx, s)
	case *parse.CompositeTypeStmt:
		err = e.createComposite(ctx, s)
	case *parse.AlterEnumStmt:
		err = e.alterEnum(ctx, s)
	case *parse.RefreshMatViewStmt:
		err = e.refreshMatView(ctx, s)
	case *parse.CreateExtensionStmt:
		err = e.createExtension(ctx, s)
	case *parse.AlterExtensionStmt:
		err = e.alterExtension(s)
	case *parse.VacuumStmt:
		err = e.vacuum(s)
	case *parse.ReindexStmt:
		err = e.reindex(ctx, s)
	case *parse.CreatedbStmt:
		err = e.createDatabase(ctx, s)
	case *parse.DropdbStmt:
		err = e.dropDatabase(ctx, s)
	case *parse.AlterDatabaseStmt:
		err = e.alterDatabase(ctx, s)
	case *parse.AlterDatabaseSetStmt:
		err = e.alterDatabaseSet(ctx, s)
	case *parse.AlterRoleSetStmt:
		err = e.alterRoleSet(ctx, s)
	case *parse.CheckPointStmt: // the log is the only durable store
	default:
		if tag == "" {
			return "", pgerr.Internal("statement %T is not a utility statement", stmt)
		}
		err = pgerr.NotSupported(tag)
	}
	return tag, err
}

func behavior(b parse.DropBehavior) ddl.Behavior {
	if b == parse.DropCascade {
		return ddl.Cascade
	}
	return ddl.Restrict
}

func (e *Env) name(r *parse.RangeVar) ddl.Name {
	return ddl.Name{Schema: r.Schema, Name: r.Name, Pos: e.pos(r.Loc())}
}

// names are those of relations for which PostgreSQL gives no position.
func names(rs []*parse.RangeVar) []ddl.Name {
	out := make([]ddl.Name, len(rs))
	for i, r := range rs {
		out[i] = ddl.Name{Schema: r.Schema, Name: r.Name, Only: !r.Inh}
	}
	return out
}

// objectName is the name of an object of a generic statement, which has no position.
func objectName(n parse.Name) ddl.Name { return ddl.Name{Schema: n.Schema(), Name: n.Last()} }

// roleName resolves a role specification to a name.
func (e *Env) roleName(r *parse.RoleSpec) string {
	switch r.Type {
	case parse.RoleSpecCurrentRole, parse.RoleSpecCurrentUser:
		return e.User
	case parse.RoleSpecSessionUser:
		return e.SessionUser
	case parse.RoleSpecPublic:
		return "public"
	}
	return r.Name
}

// lockTables is LOCK TABLE.
func (e *Env) lockTables(ctx context.Context, s *parse.LockStmt) error {
	if !e.InTransactionBlock {
		return pgerr.New(pgerr.NoActiveSqlTransaction, "LOCK TABLE can only be used in transaction blocks")
	}
	for _, r := range s.Relations {
		rel, ok := e.DDL.Overlay().LookupRelation(e.SearchPath, r.Schema, r.Name)
		if !ok {
			return pgerr.New(pgerr.UndefinedTable, "relation %q does not exist", r.String()).WithPosition(e.pos(r.Loc()))
		}
		if rel.Kind != catalog.KindTable {
			return pgerr.New(pgerr.WrongObjectType, "%q is not a table or view", r.Name)
		}
		tables := []*catalog.Table{rel.Table}
		if r.Inh {
			tables = e.DDL.Overlay().Inheritors(rel.Table)
		}
		for _, t := range tables {
			if err := e.Backend.Lock(ctx, t.OID, ddl.LockMode(s.Mode), s.Nowait); err != nil {
				return err
			}
		}
	}
	return nil
}

// vacuum judges the tables of VACUUM and ANALYZE; old versions are collected as the horizon passes them.
func (e *Env) vacuum(s *parse.VacuumStmt) error {
	if s.IsVacuum && e.InTransactionBlock {
		return pgerr.New(pgerr.ActiveSqlTransaction, "VACUUM cannot run inside a transaction block")
	}
	for _, r := range s.Rels {
		if r.Relation == nil {
			continue
		}
		if _, ok := e.DDL.Overlay().LookupRelation(e.SearchPath, r.Relation.Schema, r.Relation.Name); !ok {
			return pgerr.New(pgerr.UndefinedTable, "relation %q does not exist", r.Relation.String())
		}
	}
	return nil
}
