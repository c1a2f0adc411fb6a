package pgcat

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// privilegeFunctions are has_table_privilege and its like. All take [user,] object… , privileges.
func privilegeFunctions() map[string]function {
	return map[string]function{
		"has_table_privilege":      relationPrivilege,
		"has_any_column_privilege": relationPrivilege,
		"has_sequence_privilege":   relationPrivilege,
		"has_column_privilege":     columnPrivilege,
		"has_schema_privilege":     schemaPrivilege,
		"has_database_privilege":   databasePrivilege,

		"has_function_privilege": openPrivilege, "has_type_privilege": openPrivilege, "has_language_privilege": openPrivilege,
		"has_tablespace_privilege": ownerPrivilege, "has_foreign_data_wrapper_privilege": ownerPrivilege,
		"has_server_privilege": ownerPrivilege, "has_parameter_privilege": ownerPrivilege,
		"pg_has_role": hasRole,
	}
}

// subject takes the user argument, or the current role where there are only the other n arguments.
func (c *call) subject(n int) (role catalog.Oid, rest int, err error) {
	if len(c.args) <= n {
		r, ok := roleByName(c.scope.snap, c.env.User)
		if !ok {
			return 0, 0, undefinedRole(c.env.User)
		}
		return r.OID, 0, nil
	}
	if !c.textual(0) {
		return c.oid(0), 1, nil
	}
	name := c.args[0].Str()
	if name == "public" {
		return 0, 1, nil
	}
	r, ok := roleByName(c.scope.snap, name)
	if !ok {
		return 0, 0, undefinedRole(name)
	}
	return r.OID, 1, nil
}

func undefinedRole(name string) error {
	return pgerr.New(pgerr.UndefinedObject, "role \"%s\" does not exist", name)
}

// privilege is one of a list of privileges, any of which suffices.
type privilege struct {
	bit   catalog.Privilege // 0 for a privilege that only owners have here
	name  string
	grant bool
}

// privilegesIn reads a list of privileges; valid are the names that the object's kind has.
func privilegesIn(list string, valid string) ([]privilege, error) {
	var out []privilege
	for _, word := range strings.Split(list, ",") {
		name := strings.ToUpper(strings.TrimSpace(word))
		name, grant := strings.CutSuffix(name, " WITH GRANT OPTION")
		if !strings.Contains(" "+valid+" ", " "+name+" ") || name == "" {
			return nil, pgerr.New(pgerr.InvalidParameterValue, "unrecognized privilege type: \"%s\"", strings.TrimSpace(word))
		}
		p := privilege{name: name, grant: grant}
		for _, l := range privilegeLetters {
			if l.name == name {
				p.bit = l.bit
			}
		}
		out = append(out, p)
	}
	return out, nil
}

func anyAllowed(snap *catalog.Snapshot, role, owner catalog.Oid, acl []catalog.ACLItem, want []privilege) types.Datum {
	for _, p := range want {
		if allowed(snap, role, owner, acl, p.bit, p.grant) {
			return yes
		}
	}
	return no
}

// relationArgument finds the relation that argument i names or numbers; ok is false for an OID that is gone.
func (c *call) relationArgument(i int) (f found, ok bool, err error) {
	if c.textual(i) {
		parts, err := splitName(c.args[i].Str())
		if err != nil {
			return f, false, err
		}
		f, err = c.mustFind(parts)
		return f, err == nil, err
	}
	f, ok = c.relation(c.oid(i))
	return f, ok, nil
}

const (
	tablePrivilegeNames = "SELECT INSERT UPDATE DELETE TRUNCATE REFERENCES TRIGGER RULE"
	columnPrivileges    = "SELECT INSERT UPDATE REFERENCES"
	sequencePrivNames   = "USAGE SELECT UPDATE"
)

func relationPrivilege(c *call) (types.Datum, error) {
	role, at, err := c.subject(2)
	if err != nil {
		return null, err
	}
	valid := tablePrivilegeNames
	switch c.name {
	case "has_sequence_privilege":
		valid = sequencePrivNames
	case "has_any_column_privilege":
		valid = columnPrivileges
	}
	want, err := privilegesIn(c.args[at+1].Str(), valid)
	if err != nil {
		return null, err
	}
	f, ok, err := c.relationArgument(at)
	if err != nil || !ok {
		return null, err
	}
	if c.name == "has_sequence_privilege" && f.kind != byte(catalog.KindSequence) {
		return null, pgerr.New(pgerr.WrongObjectType, "\"%s\" is not a sequence", f.name)
	}
	return anyAllowed(c.scope.snap, role, f.owner, f.acl, want), nil
}

func columnPrivilege(c *call) (types.Datum, error) {
	role, at, err := c.subject(3)
	if err != nil {
		return null, err
	}
	want, err := privilegesIn(c.args[at+2].Str(), columnPrivileges)
	if err != nil {
		return null, err
	}
	f, ok, err := c.relationArgument(at)
	if err != nil || !ok {
		return null, err
	}
	if t := f.rel.Table; t != nil {
		if c.textual(at + 1) {
			if name := c.args[at+1].Str(); t.ColumnByName(name) == nil {
				return null, pgerr.New(pgerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", name, f.name)
			}
		} else if col := t.Column(catalog.AttNum(c.args[at+1].Int())); col == nil || col.Dropped {
			return null, nil
		}
	}
	return anyAllowed(c.scope.snap, role, f.owner, f.acl, want), nil
}

func schemaPrivilege(c *call) (types.Datum, error) {
	role, at, err := c.subject(2)
	if err != nil {
		return null, err
	}
	want, err := privilegesIn(c.args[at+1].Str(), "CREATE USAGE")
	if err != nil {
		return null, err
	}
	var s *catalog.Schema
	if c.textual(at) {
		if s = c.scope.snap.SchemaByName(c.args[at].Str()); s == nil {
			return null, pgerr.New(pgerr.InvalidSchemaName, "schema \"%s\" does not exist", c.args[at].Str())
		}
	} else if s = c.scope.snap.Schema(c.oid(at)); s == nil {
		return null, nil
	}
	acl := s.ACL
	if s.OID < catalog.FirstNormalOid && s.ACL == nil {
		acl = []catalog.ACLItem{{Privileges: catalog.PrivUsage}}
	}
	return anyAllowed(c.scope.snap, role, s.Owner, acl, want), nil
}

func databasePrivilege(c *call) (types.Datum, error) {
	role, at, err := c.subject(2)
	if err != nil {
		return null, err
	}
	want, err := privilegesIn(c.args[at+1].Str(), "CREATE TEMPORARY TEMP CONNECT")
	if err != nil {
		return null, err
	}
	var d *catalog.Database
	if c.textual(at) {
		if d = c.scope.snap.DatabaseByName(c.args[at].Str()); d == nil {
			return null, pgerr.New(pgerr.InvalidCatalogName, "database \"%s\" does not exist", c.args[at].Str())
		}
	} else if d = c.scope.snap.Database(c.oid(at)); d == nil {
		return null, nil
	}
	for _, p := range want {
		if !p.grant && p.name != "CREATE" {
			return yes, nil // PUBLIC may connect and make temporary tables
		}
	}
	return flag(member(c.scope.snap, role, d.Owner)), nil
}

// openPrivilege is for objects that PUBLIC may use: built-in functions, types and languages.
func openPrivilege(c *call) (types.Datum, error) {
	if _, _, err := c.subject(2); err != nil {
		return null, err
	}
	return yes, nil
}

// ownerPrivilege is for objects that only a superuser may use.
func ownerPrivilege(c *call) (types.Datum, error) {
	role, _, err := c.subject(2)
	if err != nil {
		return null, err
	}
	return flag(member(c.scope.snap, role, catalog.BootstrapRole)), nil
}

func hasRole(c *call) (types.Datum, error) {
	role, at, err := c.subject(2)
	if err != nil {
		return null, err
	}
	of := catalog.Oid(0)
	if c.textual(at) {
		r, ok := roleByName(c.scope.snap, c.args[at].Str())
		if !ok {
			return null, undefinedRole(c.args[at].Str())
		}
		of = r.OID
	} else {
		of = c.oid(at)
	}
	return flag(member(c.scope.snap, role, of)), nil
}
