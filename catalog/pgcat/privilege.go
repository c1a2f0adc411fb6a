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

		"has_function_privilege": functionPrivilege, "has_type_privilege": typePrivilege, "has_language_privilege": openPrivilege,
		"has_tablespace_privilege": ownerPrivilege, "has_foreign_data_wrapper_privilege": ownerPrivilege,
		"has_server_privilege": ownerPrivilege, "has_parameter_privilege": ownerPrivilege,
		"pg_has_role": hasRole,
	}
}

// subject takes the user argument, or the current role where there are only the other n arguments.
func (c *call) subject(n int) (role catalog.Oid, rest int, err error) {
	if len(c.args) <= n {
		return c.env.Role, 0, nil
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
		for _, l := range catalog.PrivilegeNames {
			if l.Name == name {
				p.bit = l.Bit
			}
		}
		if name == "TEMP" {
			p.bit = catalog.PrivTemporary
		}
		out = append(out, p)
	}
	return out, nil
}

// anyHeld reports whether one of the wanted privileges is among those held.
func anyHeld(want []privilege, privileges, grantable catalog.Privilege) bool {
	for _, p := range want {
		have := privileges
		if p.grant {
			have = grantable
		}
		if have&p.bit != 0 {
			return true
		}
	}
	return false
}

// held returns what a role may do with a relation as a whole.
func (c *call) held(f *found, role catalog.Oid) (privileges, grantable catalog.Privilege) {
	if f.rel.Kind != 0 {
		return c.scope.snap.RelationPrivileges(f.rel, role)
	}
	privileges = c.scope.snap.SystemRelationPrivileges(!f.closed, role)
	if c.scope.snap.Superuser(role) {
		grantable = privileges
	}
	return privileges, grantable
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
	p, g := c.held(&f, role)
	ok = anyHeld(want, p, g)
	if c.name == "has_any_column_privilege" {
		f.rel.Columns(func(n catalog.AttNum, _ *catalog.Column) {
			p, g := c.scope.snap.ColumnPrivileges(f.rel, n, role)
			ok = ok || anyHeld(want, p, g)
		})
	}
	return flag(ok), nil
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
	col := catalog.AttNum(0)
	if c.textual(at + 1) {
		name := c.args[at+1].Str()
		f.rel.Columns(func(n catalog.AttNum, k *catalog.Column) {
			if k.Name == name {
				col = n
			}
		})
		if col == 0 && f.rel.Kind != 0 && f.rel.Kind != catalog.KindSequence {
			return null, pgerr.New(pgerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", name, f.name)
		}
	} else if col = catalog.AttNum(c.args[at+1].Int()); f.rel.Kind != 0 && f.rel.Kind != catalog.KindSequence && f.rel.Column(col) == nil {
		return null, nil
	}
	if p, g := c.held(&f, role); anyHeld(want, p, g) {
		return yes, nil
	}
	p, g := c.scope.snap.ColumnPrivileges(f.rel, col, role)
	return flag(anyHeld(want, p, g)), nil
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
	p, g := c.scope.snap.SchemaPrivileges(s, role)
	return flag(anyHeld(want, p, g)), nil
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
	p, g := c.scope.snap.DatabasePrivileges(d, role)
	return flag(anyHeld(want, p, g)), nil
}

// typePrivilege is has_type_privilege; an array has its element's privileges.
func typePrivilege(c *call) (types.Datum, error) {
	role, at, err := c.subject(2)
	if err != nil {
		return null, err
	}
	want, err := privilegesIn(c.args[at+1].Str(), "USAGE")
	if err != nil {
		return null, err
	}
	oid := catalog.Oid(0)
	if c.textual(at) {
		found, err := c.in(types.RegtypeOid, c.args[at].Str())
		if err != nil {
			return null, err
		}
		oid = catalog.Oid(found)
	} else {
		oid = c.oid(at)
	}
	if elem := types.ElemOf(oid); elem != 0 && oid.IsUser() {
		oid = elem
	}
	if t := c.scope.snap.Type(oid); t != nil {
		p, g := c.scope.typePrivileges(t, role)
		return flag(anyHeld(want, p, g)), nil
	}
	if !oid.IsUser() && types.Lookup(oid) == nil {
		return null, nil
	}
	return yes, nil
}

// openPrivilege is for objects that PUBLIC may use: languages.
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
	return flag(c.scope.snap.Superuser(role)), nil
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
	for _, word := range strings.Split(c.args[at+1].Str(), ",") {
		ok := false
		switch w := strings.ToUpper(strings.TrimSpace(word)); w {
		case "USAGE":
			ok = c.scope.snap.HasPrivilegesOf(role, of)
		case "MEMBER":
			ok = c.scope.snap.IsMember(role, of)
		case "USAGE WITH GRANT OPTION", "USAGE WITH ADMIN OPTION", "MEMBER WITH GRANT OPTION", "MEMBER WITH ADMIN OPTION":
			ok = c.scope.snap.IsAdmin(role, of)
		default:
			return null, pgerr.New(pgerr.InvalidParameterValue, "unrecognized privilege type: \"%s\"", strings.TrimSpace(word))
		}
		if ok {
			return yes, nil
		}
	}
	return no, nil
}
