package ddl

import (
	"context"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// A database is its descriptor and the descriptors that are in it. CREATE DATABASE copies those of a template, with OIDs and
// storages of their own, and the rows; DROP DATABASE removes them. Either runs while nobody is connected to the database that it
// reads or removes: Databases.Alone has seen to that, and keeps others out until the transaction's end.

// DatabaseSpec is CREATE and ALTER DATABASE; nil and "" mean "not given".
type DatabaseSpec struct {
	Name, Owner, Template string
	IsTemplate            *bool
	AllowConnections      *bool
	ConnLimit             *int32
	OID                   catalog.Oid
}

// Alone waits a little until no other session is connected to a database, and keeps new ones out until the transaction's end.
// It returns how many are left; with force they are terminated first. What is read of a template's tables counts as of then.
type Alone func(ctx context.Context, d *catalog.Database, force bool) (others int, err error)

func errNoDatabase(name string) *pgerr.Error {
	return pgerr.New(pgerr.UndefinedDatabase, "database \"%s\" does not exist", name)
}

// errBusy is the error for a database with sessions.
func errBusy(what, name string, others int) error {
	detail := "There are %d other sessions using the database."
	if others == 1 {
		detail = "There is %d other session using the database."
	}
	return pgerr.New(pgerr.ObjectInUse, "%s \"%s\" is being accessed by other users", what, name).WithDetail(detail, others)
}

// CreateDatabase is CREATE DATABASE.
func (x *Tx) CreateDatabase(ctx context.Context, s *DatabaseSpec, alone Alone) error {
	x.refresh()
	owner := x.user()
	if s.Owner != "" {
		r := x.s.over.RoleByName(s.Owner)
		if r == nil {
			return errNoRole(s.Owner)
		}
		owner = r.OID
	}
	if u := x.s.over.Role(x.user()); u == nil || !u.Superuser && !u.CreateDB {
		return denied("permission denied to create database")
	}
	if err := x.mustBeMember(x.s.over.Role(owner)); err != nil {
		return err
	}
	template, err := x.templateFor(ctx, s.Template)
	if err != nil {
		return err
	}
	if !template.IsTemplate && !x.owns(template.Owner) {
		return denied("permission denied to copy database \"%s\"", template.Name)
	}
	if x.s.over.DatabaseByName(s.Name) != nil {
		return pgerr.New(pgerr.DuplicateDatabase, "database \"%s\" already exists", s.Name)
	}
	others, err := alone(ctx, template, false)
	if err != nil {
		return err
	}
	if others > 0 {
		return errBusy("source database", template.Name, others)
	}
	if err := x.shareRole(ctx, owner); err != nil {
		return err
	}
	d := &catalog.Database{OID: s.OID, Name: s.Name, Owner: owner}
	if d.OID == 0 {
		if d.OID, err = x.newOID(ctx); err != nil {
			return err
		}
	}
	s.apply(d)
	if err := x.put(ctx, d); err != nil {
		return err
	}
	return x.copyDatabase(ctx, template.OID, d.OID)
}

func (s *DatabaseSpec) apply(d *catalog.Database) {
	if s.IsTemplate != nil {
		d.IsTemplate = *s.IsTemplate
	}
	if s.AllowConnections != nil {
		d.NoConnections = !*s.AllowConnections
	}
	if s.ConnLimit != nil {
		d.ConnLimit = s.ConnLimit
		if *s.ConnLimit < 0 {
			d.ConnLimit = nil
		}
	}
}

// templateFor finds a template database. Clusters that began without them get template0 and template1 here.
func (x *Tx) templateFor(ctx context.Context, name string) (*catalog.Database, error) {
	if name == "" {
		name = "template1"
	}
	if x.s.over.Database(catalog.Template1) == nil && x.s.over.Database(catalog.Template0) == nil {
		for _, o := range catalog.TemplateDatabases() {
			if err := x.put(ctx, o); err != nil {
				return nil, err
			}
		}
	}
	d := x.s.over.DatabaseByName(name)
	if d == nil {
		return nil, pgerr.New(pgerr.UndefinedDatabase, "template database \"%s\" does not exist", name)
	}
	return d, nil
}

// objectsOf lists what is in a database, but for sessions' temporary objects.
func objectsOf(v *catalog.Snapshot) []catalog.Object {
	var list []catalog.Object
	temporary := map[catalog.Oid]bool{}
	add := func(schema catalog.Oid, o catalog.Object) bool {
		if !temporary[schema] {
			list = append(list, o)
		}
		return true
	}
	v.Schemas(func(o *catalog.Schema) bool {
		temporary[o.OID] = o.Temporary()
		return add(o.OID, o)
	})
	v.Types(func(o *catalog.Type) bool { return add(o.SchemaID, o) })
	v.Sequences(func(o *catalog.Sequence) bool { return add(o.SchemaID, o) })
	v.Tables(func(o *catalog.Table) bool { return add(o.SchemaID, o) })
	v.Views(func(o *catalog.View) bool { return add(o.SchemaID, o) })
	v.Functions(func(o *catalog.Function) bool { return add(o.SchemaID, o) })
	v.Extensions(func(o *catalog.Extension) bool { return add(o.SchemaID, o) })
	v.DefaultPrivileges(func(o *catalog.DefaultPrivileges) bool { return add(o.Schema, o) })
	return list
}

// cloning gives the objects of a copied database OIDs and storages of their own.
type cloning struct {
	oids     map[catalog.Oid]catalog.Oid
	storages map[topo.StorageID]topo.StorageID
}

// collect notes the OIDs and storages that an object has.
func (c *cloning) collect(o catalog.Object) {
	oid := func(id catalog.Oid) {
		if id >= catalog.FirstNormalOid && id.Class() != types.ExtensionClass {
			c.oids[id.Serial()] = 0
		}
	}
	oid(o.ObjectID().OID)
	switch o := o.(type) {
	case *catalog.Table:
		for _, id := range tableStorages(o) {
			c.storages[id] = 0
		}
		for _, i := range o.Indexes {
			oid(i.OID)
		}
		for _, k := range o.Constraints {
			oid(k.OID)
		}
		for i := range o.Triggers {
			oid(o.Triggers[i].OID)
			oid(o.Triggers[i].Constraint)
		}
	case *catalog.View:
		for i := range o.Triggers {
			oid(o.Triggers[i].OID)
		}
	case *catalog.Sequence:
		c.storages[o.Storage] = 0
	case *catalog.Type:
		if o.Domain != nil {
			for _, k := range o.Domain.Checks {
				oid(k.OID)
			}
		}
	}
}

// renumber replaces every OID and storage in a descriptor that is the copy's own.
func (c *cloning) renumber(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			c.renumber(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			switch f := v.Type().Field(i); {
			case f.Type.Kind() == reflect.String && expressionFields[f.Name]:
				v.Field(i).SetString(c.renumberText(v.Field(i).String()))
			case f.IsExported():
				c.renumber(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			c.renumber(v.Index(i))
		}
	case reflect.Uint32:
		switch id := v.Interface().(type) {
		case catalog.Oid:
			if now := c.oids[id.Serial()]; now != 0 {
				v.SetUint(uint64(id-id.Serial()) + uint64(now))
			}
		case topo.StorageID:
			if now := c.storages[id]; now != 0 {
				v.SetUint(uint64(now))
			}
		}
	}
}

// expressionFields are the fields of descriptors that are SQL text. Names of types and of relations in them are references by
// OID; see utility's bindNames.
var expressionFields = map[string]bool{"Default": true, "Check": true, "Expr": true, "Predicate": true, "Query": true,
	"Body": true, "Action": true, "When": true}

// relationRef is how a stored expression refers to a relation.
var relationRef = regexp.MustCompile(`(?i)(?:\b(?:nextval|currval|setval)\(\s*)'(\d+)'|'(\d+)'\s*::\s*(?:pg_catalog\.)?regclass\b`)

// renumberText replaces the references in an expression's text.
func (c *cloning) renumberText(text string) string {
	text = types.ExpandNames(text, func(id catalog.Oid) string {
		if now := c.oids[id.Serial()]; now != 0 {
			id = id - id.Serial() + now
		}
		return types.FormatType(types.T(id))
	})
	return relationRef.ReplaceAllStringFunc(text, func(ref string) string {
		i := strings.IndexByte(ref, '\'') + 1
		j := i + strings.IndexByte(ref[i:], '\'')
		n, err := strconv.ParseUint(ref[i:j], 10, 32)
		if now := c.oids[catalog.Oid(n)]; err == nil && now != 0 {
			return ref[:i] + strconv.FormatUint(uint64(now), 10) + ref[j:]
		}
		return ref
	})
}

// copyDatabase fills a new database with copies of what is in another.
func (x *Tx) copyDatabase(ctx context.Context, from, to catalog.Oid) error {
	source := x.s.over.In(from)
	list := objectsOf(source)
	c := &cloning{oids: map[catalog.Oid]catalog.Oid{}, storages: map[topo.StorageID]topo.StorageID{}}
	for _, o := range list {
		c.collect(o)
	}
	if err := x.allocate(ctx, c); err != nil {
		return err
	}
	var tables []Rewrite
	for _, o := range list {
		clone, err := catalog.Decode(o.ObjectID().Class, catalog.Encode(o))
		if err != nil {
			return pgerr.Internal("%v", err)
		}
		c.renumber(reflect.ValueOf(clone))
		catalog.SetDatabase(clone, to)
		switch k := clone.(type) {
		case *catalog.Sequence:
			if err := x.cfg.Backend.CopySequence(ctx, o.(*catalog.Sequence), k); err != nil {
				return err
			}
		case *catalog.Table:
			k.Version = catalog.FirstTableSchemaVersion
			for _, i := range k.Indexes {
				i.BuiltAt = 0
			}
			tables = append(tables, Rewrite{Old: o.(*catalog.Table), New: k})
		}
		if err := x.put(ctx, clone); err != nil {
			return err
		}
	}
	for _, r := range tables {
		x.build(tableStorages(r.New)...)
		if err := x.cfg.Backend.RewriteTable(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// allocate takes the numbers of a copy.
func (x *Tx) allocate(ctx context.Context, c *cloning) error {
	if n := len(c.oids); n > 0 {
		next, err := x.cfg.Alloc.OIDs(ctx, n)
		if err != nil {
			return err
		}
		for _, old := range slices.Sorted(maps.Keys(c.oids)) {
			c.oids[old] = next
			next++
		}
	}
	if n := len(c.storages); n > 0 {
		next, err := x.cfg.Alloc.Storages(ctx, n)
		if err != nil {
			return err
		}
		for _, old := range slices.Sorted(maps.Keys(c.storages)) {
			c.storages[old] = next
			next++
		}
	}
	return nil
}

// DropDatabase is DROP DATABASE.
func (x *Tx) DropDatabase(ctx context.Context, name string, missingOK, force bool, alone Alone) error {
	x.refresh()
	d := x.s.over.DatabaseByName(name)
	if d == nil {
		if missingOK {
			x.notice(pgerr.Notice("database \"%s\" does not exist, skipping", name))
			return nil
		}
		return errNoDatabase(name)
	}
	switch {
	case !x.owns(d.Owner):
		return catalog.NotOwnerError("database", name)
	case d.IsTemplate:
		return pgerr.New(pgerr.WrongObjectType, "cannot drop a template database")
	case d.OID == x.s.over.DatabaseID():
		return pgerr.New(pgerr.ObjectInUse, "cannot drop the currently open database")
	}
	others, err := alone(ctx, d, force)
	if err != nil {
		return err
	}
	if others > 0 {
		return errBusy("database", name, others)
	}
	if err := x.lockObjects(ctx, d.ObjectID()); err != nil {
		return err
	}
	if d = x.s.over.DatabaseByName(name); d == nil {
		return errNoDatabase(name)
	}
	if err := x.emptyDatabase(ctx, x.s.over.In(d.OID)); err != nil {
		return err
	}
	if err := x.forgetDatabase(ctx, d.OID); err != nil {
		return err
	}
	return x.remove(ctx, d)
}

// emptyDatabase removes all that is in a database.
func (x *Tx) emptyDatabase(ctx context.Context, v *catalog.Snapshot) error {
	var list []catalog.Object
	v.Schemas(func(o *catalog.Schema) bool { list = append(list, o); return true })
	v.Types(func(o *catalog.Type) bool { list = append(list, o); return true })
	v.Views(func(o *catalog.View) bool { list = append(list, o); return true })
	v.Functions(func(o *catalog.Function) bool { list = append(list, o); return true })
	v.DefaultPrivileges(func(o *catalog.DefaultPrivileges) bool { list = append(list, o); return true })
	var rows, sequences []topo.StorageID
	v.Tables(func(t *catalog.Table) bool {
		list = append(list, t)
		rows = append(rows, tableStorages(t)...)
		// What a lost transaction may still prepare is refused.
		if x.s.bumped == nil {
			x.s.bumped = map[catalog.Oid]topo.SchemaVersion{}
		}
		x.s.bumped[t.OID] = t.Version + 1
		return true
	})
	v.Sequences(func(q *catalog.Sequence) bool {
		list = append(list, q)
		sequences = append(sequences, q.Storage)
		return true
	})
	if err := x.garbage(ctx, catalog.GarbageRows, rows...); err != nil {
		return err
	}
	if err := x.garbage(ctx, catalog.GarbageSequence, sequences...); err != nil {
		return err
	}
	for _, o := range list {
		if err := x.remove(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// forgetDatabase removes the settings that roles have in a database.
func (x *Tx) forgetDatabase(ctx context.Context, database catalog.Oid) error {
	var roles []*catalog.Role
	x.s.over.Roles(func(r *catalog.Role) bool {
		if r.SettingsIn(database) != nil {
			roles = append(roles, r)
		}
		return true
	})
	for _, r := range roles {
		if err := x.lockObjects(ctx, r.ObjectID()); err != nil {
			return err
		}
		if now := x.s.over.Role(r.OID); now != nil {
			if err := x.put(ctx, now.WithSettings(database, nil)); err != nil {
				return err
			}
		}
	}
	return nil
}

// lockDatabase resolves a database by name and locks its descriptor; the current role must own it.
func (x *Tx) lockDatabase(ctx context.Context, name string) (*catalog.Database, error) {
	x.refresh()
	d := x.s.over.DatabaseByName(name)
	if d == nil {
		return nil, errNoDatabase(name)
	}
	if !x.owns(d.Owner) {
		return nil, catalog.NotOwnerError("database", name)
	}
	if err := x.lockObjects(ctx, d.ObjectID()); err != nil {
		return nil, err
	}
	if d = x.s.over.DatabaseByName(name); d == nil {
		return nil, errNoDatabase(name)
	}
	return d, nil
}

// RenameDatabase is ALTER DATABASE … RENAME TO.
func (x *Tx) RenameDatabase(ctx context.Context, name, to string, alone Alone) error {
	d, err := x.lockDatabase(ctx, name)
	if err != nil {
		return err
	}
	if u := x.s.over.Role(x.user()); u == nil || !u.Superuser && !u.CreateDB {
		return denied("permission denied to rename database")
	}
	if x.s.over.DatabaseByName(to) != nil {
		return pgerr.New(pgerr.DuplicateDatabase, "database \"%s\" already exists", to)
	}
	if d.OID == x.s.over.DatabaseID() {
		return pgerr.New(pgerr.FeatureNotSupported, "current database cannot be renamed")
	}
	others, err := alone(ctx, d, false)
	if err != nil {
		return err
	}
	if others > 0 {
		return errBusy("database", name, others)
	}
	c := *d
	c.Name = to
	return x.put(ctx, &c)
}

// AlterDatabase is ALTER DATABASE with options.
func (x *Tx) AlterDatabase(ctx context.Context, s *DatabaseSpec) error {
	d, err := x.lockDatabase(ctx, s.Name)
	if err != nil {
		return err
	}
	if s.AllowConnections != nil && !*s.AllowConnections && d.OID == x.s.over.DatabaseID() {
		return pgerr.New(pgerr.InvalidParameterValue, "cannot disallow connections for current database")
	}
	c := *d
	s.apply(&c)
	return x.put(ctx, &c)
}

// changeSettings applies SET (value), RESET (nil) and RESET ALL (name "") to a list of settings.
func changeSettings(list []catalog.Setting, name string, value *string) []catalog.Setting {
	if name == "" {
		return nil
	}
	i := slices.IndexFunc(list, func(s catalog.Setting) bool { return s.Name == name })
	list = slices.Clone(list)
	switch {
	case value == nil && i >= 0:
		return slices.Delete(list, i, i+1)
	case value == nil:
		return list
	case i >= 0:
		list[i].Value = *value
		return list
	}
	return append(list, catalog.Setting{Name: name, Value: *value})
}

// SetForDatabase is ALTER DATABASE … SET and RESET; see changeSettings.
func (x *Tx) SetForDatabase(ctx context.Context, database, name string, value *string) error {
	d, err := x.lockDatabase(ctx, database)
	if err != nil {
		return err
	}
	c := *d
	if c.Settings = changeSettings(d.Settings, name, value); len(c.Settings) == 0 {
		c.Settings = nil
	}
	return x.put(ctx, &c)
}

// SetForAll is ALTER ROLE ALL SET and RESET; see changeSettings.
func (x *Tx) SetForAll(ctx context.Context, name string, value *string) error {
	if !x.superuser() {
		return denied("must be superuser to alter settings globally")
	}
	x.refresh()
	r, err := x.lockRole(ctx, x.s.over.Role(catalog.BootstrapRole).Name)
	if err != nil {
		return err
	}
	c := *r
	if c.Everyone = changeSettings(r.Everyone, name, value); len(c.Everyone) == 0 {
		c.Everyone = nil
	}
	return x.put(ctx, &c)
}

// SetForRole is ALTER ROLE … [IN DATABASE …] SET and RESET; see changeSettings.
func (x *Tx) SetForRole(ctx context.Context, role, database, name string, value *string) error {
	r, err := x.lockRole(ctx, role)
	if err != nil {
		return err
	}
	in := catalog.Oid(0)
	if database != "" {
		d := x.s.over.DatabaseByName(database)
		if d == nil {
			return errNoDatabase(database)
		}
		if err := x.shareObject(ctx, d.ObjectID()); err != nil {
			return err
		}
		in = d.OID
	}
	switch {
	case r.Superuser && !x.superuser():
		return denied("must be superuser to alter superusers")
	case !r.Superuser && !x.createsRoles() && r.OID != x.user():
		return denied("permission denied")
	}
	return x.put(ctx, r.WithSettings(in, changeSettings(r.SettingsIn(in), name, value)))
}
