package catalog

import "sync"

// The databases of a cluster share its roles, its OIDs and storages, and the Snapshot: each has its own schemas and all that
// is in them. A Snapshot shows one of them, as a session sees the catalog; In shows another. What is done to a descriptor is
// done in the database that the descriptor says.

// The OIDs of the databases that CREATE DATABASE copies.
const (
	Template1 Oid = 1
	Template0 Oid = 4
)

// Local is the part of a descriptor that says in which database it is.
type Local struct {
	// Database is the database's OID; 0 stands for DefaultDatabase.
	Database Oid `json:",omitempty"`
}

func (l *Local) local() *Local { return l }

// localObject is a descriptor of a database, as opposed to one of the cluster.
type localObject interface{ local() *Local }

// SetDatabase says in which database a descriptor is that is not in a Snapshot yet. It does nothing to those of the cluster.
func SetDatabase(o Object, database Oid) {
	if l, ok := o.(localObject); ok {
		l.local().Database = localID(database)
	}
}

// localID is a database's OID in descriptors, keys and ObjectIDs.
func localID(database Oid) Oid {
	if database == DefaultDatabase {
		return 0
	}
	return database
}

// Local reports whether objects of the class are in a database.
func (c Class) Local() bool { return c != ClassRole && c != ClassDatabase }

// contents is what one database has for itself.
type contents struct {
	shape       *shape
	schemas     pmap[Oid, *Schema]
	schemaNames pmap[string, Oid]
	tables      pmap[Oid, *Table]
	sequences   pmap[Oid, *Sequence]
	views       pmap[Oid, *View]
	types       pmap[Oid, *Type]
	typeNames   pmap[relName, Oid] // of types and their array types
	functions   pmap[Oid, *Function]
	// functionNames are the functions of a name, by OID.
	functionNames pmap[relName, []Oid]
	// constructors are the types whose constructor functions have a name: all of one type share it.
	constructors pmap[relName, Oid]
	names        pmap[relName, relRef]
	indexes      pmap[Oid, Oid] // index -> table
	constraints  pmap[Oid, Oid] // constraint -> table
	// constraintNames counts the constraints of each name in a schema; tables may share one.
	constraintNames   pmap[relName, int]
	defaultPrivileges pmap[Oid, *DefaultPrivileges]
	extensions        pmap[Oid, *Extension]
}

// otherViews are one catalog as seen from several databases: each is the same Snapshot whenever it is asked for.
type otherViews struct {
	mu sync.Mutex
	of map[Oid]*Snapshot
}

// DatabaseID returns the OID of the database that the snapshot shows.
func (s *Snapshot) DatabaseID() Oid { return s.database }

// ID names an object of the database that the snapshot shows, or of the cluster.
func (s *Snapshot) ID(class Class, oid Oid) ObjectID {
	id := ObjectID{Class: class, OID: oid}
	if class.Local() {
		id.Database = localID(s.database)
	}
	return id
}

// In returns the catalog as it is seen from a database. Called twice it returns the same.
func (s *Snapshot) In(database Oid) *Snapshot {
	if s.database == database {
		return s
	}
	s.others.mu.Lock()
	defer s.others.mu.Unlock()
	if v := s.others.of[database]; v != nil {
		return v
	}
	v := s.switched(database)
	v.others = s.others
	if s.others.of == nil {
		s.others.of = map[Oid]*Snapshot{s.database: s}
	}
	s.others.of[database] = v
	return v
}

// switched is a copy that shows another database.
func (s *Snapshot) switched(database Oid) *Snapshot {
	c := s.copy()
	own := s.contents
	c.stored = c.stored.put(s.database, &own)
	if there, ok := c.stored.get(database); ok {
		c.contents = *there
	} else {
		c.contents = newContents()
	}
	c.database = database
	return c
}

// InitialSchemas returns the schemas that a database begins with where it has no other template.
func InitialSchemas(database Oid) []Object {
	const owner = BootstrapRole
	list := []Object{
		&Schema{OID: PgCatalogSchema, Name: PgCatalogName, Owner: owner, ACL: UsableSchema(owner), Comment: "system catalog schema"},
		&Schema{OID: InformationSchema, Name: InformationSchemaName, Owner: owner, ACL: UsableSchema(owner)},
		&Schema{OID: PublicSchema, Name: PublicName, Owner: RoleDatabaseOwner, ACL: UsableSchema(RoleDatabaseOwner),
			Comment: "standard public schema"},
	}
	for _, o := range list {
		SetDatabase(o, database)
	}
	return list
}

// TemplateDatabases returns the templates that a cluster begins with, and their schemas.
func TemplateDatabases() []Object {
	const owner = BootstrapRole
	acl := []ACLItem{{Grantor: owner, Privileges: PrivConnect}, {Grantee: owner, Grantor: owner, Privileges: ACLDatabase.All()}}
	list := []Object{
		&Database{OID: Template1, Name: "template1", Owner: owner, ACL: acl, IsTemplate: true,
			Comment: "default template for new databases"},
		&Database{OID: Template0, Name: "template0", Owner: owner, ACL: acl, IsTemplate: true, NoConnections: true,
			Comment: "unmodifiable empty database"},
	}
	list = append(list, InitialSchemas(Template1)...)
	return append(list, InitialSchemas(Template0)...)
}

// SettingsIn returns the role's settings in one database, or (0) in all.
func (r *Role) SettingsIn(database Oid) []Setting {
	for _, x := range r.Settings {
		if x.Database == database {
			return x.Settings
		}
	}
	return nil
}

// WithSettings returns a copy of the role with other settings in a database.
func (r *Role) WithSettings(database Oid, list []Setting) *Role {
	c := *r
	c.Settings = nil
	for _, x := range r.Settings {
		if x.Database != database {
			c.Settings = append(c.Settings, x)
		}
	}
	if len(list) > 0 {
		c.Settings = append(c.Settings, RoleSettings{database, list})
	}
	return &c
}

// copy returns a copy to be altered.
func (s *Snapshot) copy() *Snapshot {
	c := *s
	c.others = new(otherViews)
	return &c
}

// home is the database that an object is in; that of the snapshot for one of the cluster.
func (s *Snapshot) home(id ObjectID) Oid {
	switch {
	case !id.Class.Local():
		return s.database
	case id.Database == 0:
		return DefaultDatabase
	}
	return id.Database
}

// With returns the snapshot with a new descriptor in the database that it shows.
func (s *Snapshot) With(o Object) *Snapshot {
	if o.ObjectID().Database == 0 {
		SetDatabase(o, s.database)
	}
	return s.Put(o)
}

// EachDatabase calls f with the catalog as it is seen from every database, the default one first; it is an iterator for
// range.
func (s *Snapshot) EachDatabase(f func(*Snapshot) bool) {
	if !f(s.In(DefaultDatabase)) {
		return
	}
	s.Databases(func(d *Database) bool { return d.OID == DefaultDatabase || f(s.In(d.OID)) })
}

// AllTables calls f for every table of every database.
func (s *Snapshot) AllTables(f func(*Table) bool) {
	s.EachDatabase(func(v *Snapshot) (more bool) {
		more = true
		v.Tables(func(t *Table) bool { more = f(t); return more })
		return more
	})
}

// AllSequences calls f for every sequence of every database.
func (s *Snapshot) AllSequences(f func(*Sequence) bool) {
	s.EachDatabase(func(v *Snapshot) (more bool) {
		more = true
		v.Sequences(func(q *Sequence) bool { more = f(q); return more })
		return more
	})
}

// CurrentDatabase returns the database that the snapshot shows; nil when it is gone.
func (s *Snapshot) CurrentDatabase() *Database { return s.Database(s.database) }
