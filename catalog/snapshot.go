package catalog

import (
	"cmp"
	"strings"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// The OIDs of what exists from the start, PostgreSQL's where it has them.
const (
	PgCatalogSchema         Oid = 11
	PublicSchema            Oid = 2200
	InformationSchema       Oid = 13000
	BootstrapRole           Oid = 10 // the superuser postgres
	DefaultDatabase         Oid = 5
	DefaultCollation        Oid = 100
	FirstNormalOid          Oid = 16384
	PgCatalogName               = "pg_catalog"
	InformationSchemaName       = "information_schema"
	PublicName                  = "public"
	FirstUserStorage            = topo.StorageID(256) // storages below are the catalog's own
	FirstTableSchemaVersion     = topo.SchemaVersion(1)
)

// RelKind is pg_class.relkind.
type RelKind byte

// The kinds of relations; they share one name space per schema.
const (
	KindTable    RelKind = 'r'
	KindIndex    RelKind = 'i'
	KindSequence RelKind = 'S'
	KindView     RelKind = 'v'
	KindMatView  RelKind = 'm'
)

// Relation is what a name in a schema stands for. Table is set for tables and materialized views, and for indexes as the
// indexed table.
type Relation struct {
	Kind     RelKind
	Table    *Table
	Index    *Index
	Sequence *Sequence
	View     *View
}

// OID returns the relation's OID, 0 for the zero Relation.
func (r Relation) OID() Oid {
	switch r.Kind {
	case KindTable, KindMatView:
		return r.Table.OID
	case KindIndex:
		return r.Index.OID
	case KindSequence:
		return r.Sequence.OID
	case KindView:
		return r.View.OID
	}
	return 0
}

// Name returns the relation's unqualified name.
func (r Relation) Name() string {
	switch r.Kind {
	case KindTable, KindMatView:
		return r.Table.Name
	case KindIndex:
		return r.Index.Name
	case KindSequence:
		return r.Sequence.Name
	case KindView:
		return r.View.Name
	}
	return ""
}

// SchemaID returns the OID of the relation's schema.
func (r Relation) SchemaID() Oid {
	switch r.Kind {
	case KindTable, KindMatView, KindIndex:
		return r.Table.SchemaID
	case KindSequence:
		return r.Sequence.SchemaID
	case KindView:
		return r.View.SchemaID
	}
	return 0
}

// Owner returns the OID of the owning role.
func (r Relation) Owner() Oid {
	switch r.Kind {
	case KindTable, KindMatView, KindIndex:
		return r.Table.Owner
	case KindSequence:
		return r.Sequence.Owner
	case KindView:
		return r.View.Owner
	}
	return 0
}

// relName is a name in a schema.
type relName struct {
	schema Oid
	name   string
}

func compareRelName(a, b relName) int {
	if c := cmp.Compare(a.schema, b.schema); c != 0 {
		return c
	}
	return strings.Compare(a.name, b.name)
}

// relRef is the owner of a name: the relation, and for an index its table.
type relRef struct {
	kind  RelKind
	oid   Oid
	table Oid
}

// Snapshot is an immutable state of the catalog. It may be used by any number of goroutines.
type Snapshot struct {
	contents  // of the database that the snapshot shows
	database  Oid
	stored    pmap[Oid, *contents] // of the other databases
	others    *otherViews
	shared    *shape // of what follows
	version   topo.Timestamp
	slotMap   *topo.SlotMap
	roles     pmap[Oid, *Role]
	roleNames pmap[string, Oid]
	databases pmap[Oid, *Database]
}

// NewSnapshot returns an empty snapshot, which shows the default database.
func NewSnapshot() *Snapshot {
	oid := cmp.Compare[Oid]
	return &Snapshot{
		contents:  newContents(),
		database:  DefaultDatabase,
		stored:    pmap[Oid, *contents]{compare: oid},
		others:    new(otherViews),
		shared:    new(shape),
		roles:     pmap[Oid, *Role]{compare: oid},
		roleNames: pmap[string, Oid]{compare: strings.Compare},
		databases: pmap[Oid, *Database]{compare: oid},
	}
}

func newContents() contents {
	oid := cmp.Compare[Oid]
	return contents{
		shape:        new(shape),
		schemas:      pmap[Oid, *Schema]{compare: oid},
		schemaNames:  pmap[string, Oid]{compare: strings.Compare},
		tables:       pmap[Oid, *Table]{compare: oid},
		sequences:    pmap[Oid, *Sequence]{compare: oid},
		views:        pmap[Oid, *View]{compare: oid},
		types:        pmap[Oid, *Type]{compare: oid},
		typeNames:    pmap[relName, Oid]{compare: compareRelName},
		constructors: pmap[relName, Oid]{compare: compareRelName},
		functions:    pmap[Oid, *Function]{compare: oid},
		names:        pmap[relName, relRef]{compare: compareRelName},
		indexes:      pmap[Oid, Oid]{compare: oid},
		constraints:  pmap[Oid, Oid]{compare: oid},

		constraintNames:   pmap[relName, int]{compare: compareRelName},
		functionNames:     pmap[relName, []Oid]{compare: compareRelName},
		defaultPrivileges: pmap[Oid, *DefaultPrivileges]{compare: oid},
		extensions:        pmap[Oid, *Extension]{compare: oid},
	}
}

// Version returns the latest commit timestamp that the snapshot includes.
func (s *Snapshot) Version() topo.Timestamp { return s.version }

// SlotMap returns the placement of slots; nil before the bootstrap content is written.
func (s *Snapshot) SlotMap() *topo.SlotMap { return s.slotMap }

// Schema returns a schema by OID, or nil.
func (s *Snapshot) Schema(oid Oid) *Schema { v, _ := s.schemas.get(oid); return v }

// SchemaByName returns a schema by name, or nil.
func (s *Snapshot) SchemaByName(name string) *Schema {
	if oid, ok := s.schemaNames.get(name); ok {
		return s.Schema(oid)
	}
	return nil
}

// SchemaName returns a schema's name, empty when there is none.
func (s *Snapshot) SchemaName(oid Oid) string {
	if sc := s.Schema(oid); sc != nil {
		return sc.Name
	}
	return ""
}

// Table returns a table by OID, or nil.
func (s *Snapshot) Table(oid Oid) *Table { v, _ := s.tables.get(oid); return v }

// Sequence returns a sequence by OID, or nil.
func (s *Snapshot) Sequence(oid Oid) *Sequence { v, _ := s.sequences.get(oid); return v }

// View returns a view by OID, or nil.
func (s *Snapshot) View(oid Oid) *View { v, _ := s.views.get(oid); return v }

// Role returns a role by OID, a predefined one included, or nil.
func (s *Snapshot) Role(oid Oid) *Role {
	if v, ok := s.roles.get(oid); ok {
		return v
	}
	return predefinedRole(func(r *Role) bool { return r.OID == oid })
}

// RoleByName returns a role by name, a predefined one included, or nil.
func (s *Snapshot) RoleByName(name string) *Role {
	if oid, ok := s.roleNames.get(name); ok {
		return s.Role(oid)
	}
	return predefinedRole(func(r *Role) bool { return r.Name == name })
}

// RoleName returns a role's name, empty when there is none.
func (s *Snapshot) RoleName(oid Oid) string {
	if r := s.Role(oid); r != nil {
		return r.Name
	}
	return ""
}

// Database returns a database by OID, or nil.
func (s *Snapshot) Database(oid Oid) *Database { v, _ := s.databases.get(oid); return v }

// DatabaseByName returns a database by name, or nil.
func (s *Snapshot) DatabaseByName(name string) (found *Database) {
	s.databases.all(func(_ Oid, d *Database) bool {
		if d.Name == name {
			found = d
		}
		return found == nil
	})
	return found
}

// Index returns an index and its table by the index's OID; nil, nil when there is none.
func (s *Snapshot) Index(oid Oid) (*Table, *Index) {
	if tab, ok := s.indexes.get(oid); ok {
		t := s.Table(tab)
		return t, t.IndexByOID(oid)
	}
	return nil, nil
}

// Constraint returns a constraint and its table by the constraint's OID; nil, nil when there is none.
func (s *Snapshot) Constraint(oid Oid) (*Table, *Constraint) {
	if tab, ok := s.constraints.get(oid); ok {
		t := s.Table(tab)
		return t, t.ConstraintByOID(oid)
	}
	return nil, nil
}

// Relation returns what name stands for in a schema; ok is false when it is free.
func (s *Snapshot) Relation(schema Oid, name string) (rel Relation, ok bool) {
	ref, ok := s.names.get(relName{schema, name})
	if !ok {
		return Relation{}, false
	}
	return s.resolve(ref), true
}

// RelationByOID returns the table, index, sequence or view with an OID.
func (s *Snapshot) RelationByOID(oid Oid) (rel Relation, ok bool) {
	if t := s.Table(oid); t != nil {
		return t.Relation(), true
	}
	if t, i := s.Index(oid); i != nil {
		return Relation{Kind: KindIndex, Table: t, Index: i}, true
	}
	if q := s.Sequence(oid); q != nil {
		return Relation{Kind: KindSequence, Sequence: q}, true
	}
	if v := s.View(oid); v != nil {
		return Relation{Kind: KindView, View: v}, true
	}
	return Relation{}, false
}

func (s *Snapshot) resolve(ref relRef) Relation {
	switch ref.kind {
	case KindTable:
		return s.Table(ref.oid).Relation()
	case KindIndex:
		t := s.Table(ref.table)
		return Relation{Kind: KindIndex, Table: t, Index: t.IndexByOID(ref.oid)}
	case KindSequence:
		return Relation{Kind: KindSequence, Sequence: s.Sequence(ref.oid)}
	}
	return Relation{Kind: KindView, View: s.View(ref.oid)}
}

// LookupRelation resolves a possibly qualified name: in schema when that is not empty, else in the first schema of
// searchPath (names; those that do not exist are passed over) that has the name. System relations are not in the
// Snapshot: the caller asks catalog/pgcat where ok is false, and before it for pg_catalog.
func (s *Snapshot) LookupRelation(searchPath []string, schema, name string) (rel Relation, ok bool) {
	if schema != "" {
		if sc := s.SchemaNamed(searchPath, schema); sc != nil {
			return s.Relation(sc.OID, name)
		}
		return Relation{}, false
	}
	for _, p := range searchPath {
		if sc := s.SchemaByName(p); sc != nil {
			if rel, ok = s.Relation(sc.OID, name); ok {
				return rel, true
			}
		}
	}
	return Relation{}, false
}

// Schemas calls f for every schema in OID order until it returns false; it is an iterator for range.
func (s *Snapshot) Schemas(f func(*Schema) bool) { values(s.schemas, f) }

// Tables calls f for every table in OID order.
func (s *Snapshot) Tables(f func(*Table) bool) { values(s.tables, f) }

// Sequences calls f for every sequence in OID order.
func (s *Snapshot) Sequences(f func(*Sequence) bool) { values(s.sequences, f) }

// Views calls f for every view in OID order.
func (s *Snapshot) Views(f func(*View) bool) { values(s.views, f) }

// Roles calls f for every role, the predefined ones first.
func (s *Snapshot) Roles(f func(*Role) bool) {
	for _, p := range predefinedRoles {
		if _, stored := s.roles.get(p.OID); !stored && !f(p) {
			return
		}
	}
	values(s.roles, f)
}

// DefaultPrivileges calls f for all that ALTER DEFAULT PRIVILEGES set, in OID order.
func (s *Snapshot) DefaultPrivileges(f func(*DefaultPrivileges) bool) { values(s.defaultPrivileges, f) }

// Databases calls f for every database in OID order.
func (s *Snapshot) Databases(f func(*Database) bool) { values(s.databases, f) }

// RelationsIn calls f for every relation of a schema in name order.
func (s *Snapshot) RelationsIn(schema Oid, f func(Relation) bool) {
	s.names.ascend(relName{schema: schema}, func(n relName, ref relRef) bool {
		return n.schema == schema && f(s.resolve(ref))
	})
}

func values[V any](m pmap[Oid, V], f func(V) bool) {
	m.all(func(_ Oid, v V) bool { return f(v) })
}
