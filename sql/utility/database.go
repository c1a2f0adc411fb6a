package utility

import (
	"context"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// forbidBlock refuses a command inside a transaction block.
func (e *Env) forbidBlock(command string) error {
	if e.InTransactionBlock {
		return pgerr.New(pgerr.ActiveSqlTransaction, "%s cannot run inside a transaction block", command)
	}
	return nil
}

func (e *Env) createDatabase(ctx context.Context, s *parse.CreatedbStmt) error {
	if err := e.forbidBlock("CREATE DATABASE"); err != nil {
		return err
	}
	spec := &ddl.DatabaseSpec{Name: s.Name}
	seen := map[string]bool{}
	for _, o := range s.Options {
		if seen[o.Name] {
			return pgerr.New(pgerr.SyntaxError, "conflicting or redundant options").WithPosition(e.pos(o.Loc()))
		}
		seen[o.Name] = true
		if err := e.databaseOption(spec, o, true); err != nil {
			return err
		}
	}
	return e.DDL.CreateDatabase(ctx, spec, e.Alone)
}

func (e *Env) alterDatabase(ctx context.Context, s *parse.AlterDatabaseStmt) error {
	spec := &ddl.DatabaseSpec{Name: s.Name}
	seen := map[string]bool{}
	for _, o := range s.Options {
		if seen[o.Name] {
			return pgerr.New(pgerr.SyntaxError, "conflicting or redundant options").WithPosition(e.pos(o.Loc()))
		}
		seen[o.Name] = true
		switch o.Name {
		case "is_template", "allow_connections", "connection_limit", "tablespace":
		default:
			return pgerr.New(pgerr.SyntaxError, "option \"%s\" not recognized", o.Name).WithPosition(e.pos(o.Loc()))
		}
		if o.Name == "tablespace" {
			if err := e.forbidBlock("ALTER DATABASE SET TABLESPACE"); err != nil {
				return err
			}
		}
		if err := e.databaseOption(spec, o, false); err != nil {
			return err
		}
	}
	return e.DDL.AlterDatabase(ctx, spec)
}

// onlyLocale is the collation of every database.
const onlyLocale = "c.utf8"

// databaseOption reads an option of CREATE and ALTER DATABASE. DEFAULT has no argument.
func (e *Env) databaseOption(d *ddl.DatabaseSpec, o *parse.DefElem, create bool) error {
	text := argText(o.Arg)
	switch o.Name {
	case "owner":
		d.Owner = text
		switch strings.ToLower(text) { // as the grammar gives them: reserved words
		case "current_user", "current_role":
			d.Owner = e.User
		case "session_user":
			d.Owner = e.SessionUser
		}
	case "template":
		d.Template = text
	case "is_template", "allow_connections":
		on, err := e.boolOption(o)
		if err != nil {
			return err
		}
		if o.Name == "is_template" {
			d.IsTemplate = on
		} else {
			d.AllowConnections = on
		}
	case "connection_limit":
		limit, err := connLimit(o)
		if err != nil {
			return err
		}
		d.ConnLimit = &limit
	case "oid":
		n, err := int64Arg(o)
		if err != nil {
			return err
		}
		if *n < int64(catalog.FirstNormalOid) {
			return pgerr.New(pgerr.InvalidParameterValue, "OIDs less than %d are reserved for system objects", catalog.FirstNormalOid)
		}
		return pgerr.NotSupported("CREATE DATABASE OID")
	case "tablespace":
		if o.Arg != nil && text != "pg_default" {
			return pgerr.New(pgerr.UndefinedObject, "tablespace \"%s\" does not exist", text)
		}
	default:
		if !create {
			return nil
		}
		return e.databaseForm(o, text)
	}
	return nil
}

// databaseForm judges the options that say how a database keeps its text and files: there is one way.
func (e *Env) databaseForm(o *parse.DefElem, text string) error {
	switch o.Name {
	case "encoding":
		if o.Arg == nil {
			return nil
		}
		switch strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(text)) {
		case "utf8", "unicode", "6":
			return nil
		}
		return pgerr.NotSupported("encoding \"" + text + "\"")
	case "locale", "lc_collate", "lc_ctype":
		if o.Arg == nil || strings.ReplaceAll(strings.ToLower(text), "-", "") == onlyLocale {
			return nil
		}
		return pgerr.NotSupported("locale \"" + text + "\"")
	case "locale_provider":
		switch strings.ToLower(text) {
		case "libc":
			return nil
		case "icu":
			return pgerr.NotSupported("locale provider icu")
		}
		return pgerr.New(pgerr.InvalidObjectDefinition, "unrecognized locale provider: %s", text)
	case "icu_locale", "collation_version":
		return pgerr.NotSupported("CREATE DATABASE " + strings.ToUpper(o.Name))
	case "strategy":
		switch strings.ToLower(text) {
		case "wal_log", "file_copy":
			return nil
		}
		return pgerr.New(pgerr.InvalidParameterValue, "invalid create database strategy \"%s\"", text).
			WithHint("Valid strategies are \"wal_log\", and \"file_copy\".")
	case "location":
		e.notice(pgerr.NewWarning(pgerr.FeatureNotSupported, "LOCATION is not supported anymore").WithHint("Consider using tablespaces instead."))
		return nil
	}
	return pgerr.New(pgerr.SyntaxError, "option \"%s\" not recognized", o.Name).WithPosition(e.pos(o.Loc()))
}

// boolOption is defGetBoolean; nil for DEFAULT.
func (e *Env) boolOption(o *parse.DefElem) (*bool, error) {
	if o.Arg == nil {
		return nil, nil
	}
	on := true
	switch strings.ToLower(argText(o.Arg)) {
	case "1", "true", "on":
	case "0", "false", "off":
		on = false
	default:
		return nil, pgerr.New(pgerr.SyntaxError, "%s requires a Boolean value", o.Name)
	}
	return &on, nil
}

func (e *Env) dropDatabase(ctx context.Context, s *parse.DropdbStmt) error {
	if err := e.forbidBlock("DROP DATABASE"); err != nil {
		return err
	}
	force := false
	for _, o := range s.Options {
		if o.Name != "force" {
			return pgerr.New(pgerr.SyntaxError, "unrecognized DROP DATABASE option \"%s\"", o.Name).WithPosition(e.pos(o.Loc()))
		}
		force = true
	}
	return e.DDL.DropDatabase(ctx, s.Name, s.MissingOk, force, e.Alone)
}

func (e *Env) alterDatabaseSet(ctx context.Context, s *parse.AlterDatabaseSetStmt) error {
	if e.DDL.Overlay().DatabaseByName(s.Name) == nil {
		return pgerr.New(pgerr.UndefinedDatabase, "database \"%s\" does not exist", s.Name)
	}
	name, value, err := e.CheckSetting(s.Set)
	if err != nil {
		return err
	}
	return e.DDL.SetForDatabase(ctx, s.Name, name, value)
}

func (e *Env) alterRoleSet(ctx context.Context, s *parse.AlterRoleSetStmt) error {
	if s.Role == nil && s.Database == "" {
		name, value, err := e.CheckSetting(s.Set)
		if err != nil {
			return err
		}
		return e.DDL.SetForAll(ctx, name, value)
	}
	if s.Role == nil { // of all roles in a database: the database's
		return e.alterDatabaseSet(ctx, &parse.AlterDatabaseSetStmt{Name: s.Database, Set: s.Set})
	}
	role := e.roleName(s.Role)
	if e.DDL.Overlay().RoleByName(role) == nil {
		return pgerr.New(pgerr.UndefinedObject, "role \"%s\" does not exist", role)
	}
	name, value, err := e.CheckSetting(s.Set)
	if err != nil {
		return err
	}
	return e.DDL.SetForRole(ctx, role, s.Database, name, value)
}
