package ddl

import (
	"context"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// ExtensionSpec is CREATE EXTENSION.
type ExtensionSpec struct {
	Control *catalog.ExtensionControl
	Schema  string // empty for the first of the search path
}

// CreateExtension creates an extension and its types; its functions follow (AddToExtension). All known extensions are trusted ones: who may create objects
// in the database may create them, and what they create for others than superusers belongs to the bootstrap role.
func (x *Tx) CreateExtension(ctx context.Context, s *ExtensionSpec) error {
	x.refresh()
	sc, err := x.extensionSchema(ctx, s.Schema)
	if err != nil {
		return err
	}
	if err := x.mustCreateInDatabase(x.user()); err != nil {
		return pgerr.New(pgerr.InsufficientPrivilege, "permission denied to create extension %q", s.Control.Name).
			WithHint("Must have CREATE privilege on current database to create this extension.")
	}
	e := &catalog.Extension{Name: s.Control.Name, Owner: x.user(), SchemaID: sc.OID, Version: s.Control.Version, Comment: s.Control.Comment}
	if e.OID, err = x.newOID(ctx); err != nil {
		return err
	}
	if err := x.put(ctx, e); err != nil {
		return err
	}
	for _, k := range catalog.ExtensionTypes {
		if k.Extension != e.Name {
			continue
		}
		if _, taken := x.s.over.TypeIn(sc.OID, k.Name); taken {
			return errTypeExists(k.Name)
		}
		t := &catalog.Type{OID: k.OID, SchemaID: sc.OID, Name: k.Name, ArrayName: "_" + k.Name, Owner: x.extensionOwner(), Extension: e.OID}
		if _, taken := x.s.over.TypeIn(sc.OID, t.ArrayName); taken {
			return errTypeExists(t.ArrayName)
		}
		if err := x.put(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// extensionOwner owns what belongs to an extension that the user creates.
func (x *Tx) extensionOwner() catalog.Oid {
	if x.s.over.Superuser(x.user()) {
		return x.user()
	}
	return catalog.BootstrapRole
}

// AddToExtension creates a function of the extension that is being created.
func (x *Tx) AddToExtension(ctx context.Context, extension string, f *catalog.Function) error {
	x.refresh()
	e := x.s.over.ExtensionNamed(extension)
	if e == nil {
		return errNoExtension(extension)
	}
	if x.s.over.FunctionWith(e.SchemaID, f.Name, f.InputTypes()) != nil {
		return errFunctionExists(f.Name)
	}
	f.SchemaID, f.Owner, f.Extension = e.SchemaID, x.extensionOwner(), e.OID
	var err error
	if f.ACL, err = x.s.over.DefaultACLFor(catalog.ACLFunction, f.Owner, e.SchemaID); err != nil {
		return err
	}
	if f.OID, err = x.newOID(ctx); err != nil {
		return err
	}
	return x.put(ctx, f)
}

// extensionSchema is the schema for an extension's objects, held until the commit. Nobody needs a privilege on it.
func (x *Tx) extensionSchema(ctx context.Context, name string) (*catalog.Schema, error) {
	sc := x.s.over.SchemaByName(name)
	if name == "" {
		for _, p := range x.searchPath() {
			if sc = x.s.over.SchemaByName(p); sc != nil && p != catalog.PgCatalogName {
				break
			}
			sc = nil
		}
	}
	switch {
	case sc == nil && name == "":
		return nil, pgerr.New(pgerr.InvalidSchemaName, "no schema has been selected to create in")
	case sc == nil:
		return nil, errNoSchema(name)
	}
	if err := x.shareObject(ctx, sc.ObjectID()); err != nil {
		return nil, err
	}
	if err := x.shareRole(ctx, x.user()); err != nil {
		return nil, err
	}
	if sc = x.s.over.Schema(sc.OID); sc == nil {
		return nil, errNoSchema(name)
	}
	return sc, nil
}

func errExtensionExists(name string) *pgerr.Error {
	return pgerr.New(pgerr.DuplicateObject, "extension %q already exists", name)
}

func errNoExtension(name string) *pgerr.Error {
	return pgerr.New(pgerr.UndefinedObject, "extension %q does not exist", name)
}

// ownExtension finds an extension that the user may change, and holds it. It is nil, after a notice, where it does not exist
// and need not.
func (x *Tx) ownExtension(ctx context.Context, name string, missingOK bool) (*catalog.Extension, error) {
	x.refresh()
	e := x.s.over.ExtensionNamed(name)
	if e == nil && missingOK {
		x.notice(pgerr.Notice("extension %q does not exist, skipping", name))
		return nil, nil
	}
	if e == nil {
		return nil, errNoExtension(name)
	}
	if !x.owns(e.Owner) {
		return nil, catalog.NotOwnerError("extension", name)
	}
	if err := x.lockObjects(ctx, e.ObjectID()); err != nil {
		return nil, err
	}
	if e = x.s.over.Extension(e.OID); e == nil {
		return nil, errNoExtension(name)
	}
	return e, nil
}

// DropExtensions is DROP EXTENSION.
func (x *Tx) DropExtensions(ctx context.Context, names []string, missingOK bool, b Behavior) error {
	var parts []catalog.Part
	for _, n := range names {
		e, err := x.ownExtension(ctx, n, missingOK)
		if err != nil {
			return err
		}
		if e != nil {
			parts = append(parts, catalog.Part{Kind: catalog.PartExtension, OID: e.OID})
		}
	}
	return x.dropParts(ctx, parts, b)
}

// CommentExtension is COMMENT ON EXTENSION.
func (x *Tx) CommentExtension(ctx context.Context, name, text string) error {
	e, err := x.ownExtension(ctx, name, false)
	if err != nil {
		return err
	}
	c := *e
	c.Comment = text
	return x.put(ctx, &c)
}

// SetExtensionSchema is ALTER EXTENSION … SET SCHEMA, which moves what belongs to the extension.
func (x *Tx) SetExtensionSchema(ctx context.Context, name, schema string) error {
	e, err := x.ownExtension(ctx, name, false)
	if err != nil {
		return err
	}
	sc, err := x.creationSchema(ctx, schema, name)
	if err != nil || sc.OID == e.SchemaID {
		return err
	}
	var members []*catalog.Function
	x.s.over.Functions(func(f *catalog.Function) bool {
		if f.Extension == e.OID {
			members = append(members, f)
		}
		return true
	})
	for _, f := range members {
		if err := x.functionNameFree(sc, f.Name, f); err != nil {
			return err
		}
		c := f.Clone()
		c.SchemaID = sc.OID
		if err := x.put(ctx, c); err != nil {
			return err
		}
	}
	for _, k := range catalog.ExtensionTypes {
		t := x.s.over.Type(k.OID)
		if t == nil || t.Extension != e.OID {
			continue
		}
		for _, name := range []string{t.Name, t.ArrayName} {
			if _, taken := x.s.over.TypeIn(sc.OID, name); taken {
				return pgerr.New(pgerr.DuplicateObject, "type %q already exists in schema %q", name, sc.Name)
			}
		}
		c := t.Clone()
		c.SchemaID = sc.OID
		if err := x.put(ctx, c); err != nil {
			return err
		}
	}
	c := *e
	c.SchemaID = sc.OID
	return x.put(ctx, &c)
}
