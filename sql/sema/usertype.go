package sema

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// userType resolves the name of a type that a user created. Stored expressions name it by OID (types.ParseNameRef).
func (a *analyzer) userType(t *parse.TypeName) (types.Type, error) {
	none := types.Type{}
	undefined := func() (types.Type, error) {
		return none, a.errorf(t.Loc(), pgerr.UndefinedObject, "type %q does not exist", t.Names.String())
	}
	snap := a.env.Catalog
	if snap == nil {
		return undefined()
	}
	oid, ok := types.ParseNameRef(t.Names.Last())
	if !ok {
		schema := ""
		if n := len(t.Names); n > 1 {
			schema = t.Names[n-2]
			if snap.SchemaNamed(a.env.SearchPath, schema) == nil {
				return none, a.errorf(t.Loc(), pgerr.InvalidSchemaName, "schema %q does not exist", schema)
			}
		}
		if oid, ok = snap.LookupType(a.env.SearchPath, schema, t.Names.Last()); !ok {
			return undefined()
		}
	}
	if len(t.Typmods) > 0 {
		return none, a.errorf(t.Loc(), pgerr.SyntaxError, "type modifier is not allowed for type %q", t.Names.Last())
	}
	if oid.Class() == types.DomainClass || types.ElemOf(oid).Class() == types.DomainClass {
		return a.domainType(t, oid)
	}
	if len(t.ArrayBounds) > 0 {
		if array := types.ArrayOf(oid); array != 0 {
			oid = array
		}
	}
	return types.T(oid), nil
}

// domainType is the type of values of a domain, or of arrays of it.
func (a *analyzer) domainType(t *parse.TypeName, oid types.Oid) (types.Type, error) {
	array := len(t.ArrayBounds) > 0
	if e := types.ElemOf(oid); e != 0 {
		oid, array = e, true
	}
	d := a.env.Catalog.Type(oid)
	if d == nil || d.Domain == nil {
		return types.Type{}, a.errorf(t.Loc(), pgerr.UndefinedObject, "type %q does not exist", t.Names.String())
	}
	typ := d.DomainType(array)
	if typ.Oid == 0 {
		return types.Type{}, a.unsupported(t.Loc(), "an array of a domain over an array")
	}
	return typ, nil
}

// named puts the names of user types into an error's texts.
func (a *analyzer) named(err *pgerr.Error) *pgerr.Error {
	if a.env.Catalog == nil {
		return err
	}
	return NameTypes(err, a.env.Catalog, a.env.SearchPath)
}

// NameTypes puts the names of user types into the texts of an error made where no catalog is.
func NameTypes(err *pgerr.Error, snap *catalog.Snapshot, path []string) *pgerr.Error {
	expand := func(s string) string { return snap.ExpandTypeNames(path, s) }
	message, detail, hint := expand(err.Message), expand(err.Detail), expand(err.Hint)
	if message == err.Message && detail == err.Detail && hint == err.Hint {
		return err
	}
	out := err.Clone()
	out.Message, out.Detail, out.Hint = message, detail, hint
	return out
}
