package catalog

import "github.com/pgmqdb/pgmqdb/shard/topo"

// Class says what kind of object a descriptor describes; it is part of stored keys and never renumbered.
type Class uint8

// The classes of stored descriptors. Indexes and constraints are stored within their table.
const (
	ClassSchema Class = iota + 1
	ClassTable
	ClassSequence
	ClassView
	ClassRole
	ClassDatabase
	ClassDefaultPrivileges
	ClassType
	ClassFunction
	ClassExtension
)

// Object is a descriptor that is stored on its own: *Schema, *Table, *Sequence, *View, *Role, *Database,
// *DefaultPrivileges, *Type, *Function or *Extension.
type Object interface {
	// ObjectID returns the class and OID that name the object.
	ObjectID() ObjectID
}

// ObjectID names a stored descriptor.
type ObjectID struct {
	Class Class
	OID   Oid
	// Database is the OID of the database that the object is in; 0 for DefaultDatabase, and for what is of the cluster.
	Database Oid
}

// ObjectID implements Object.
func (s *Schema) ObjectID() ObjectID { return ObjectID{ClassSchema, s.OID, s.Database} }

// ObjectID implements Object.
func (t *Table) ObjectID() ObjectID { return ObjectID{ClassTable, t.OID, t.Database} }

// ObjectID implements Object.
func (q *Sequence) ObjectID() ObjectID { return ObjectID{ClassSequence, q.OID, q.Database} }

// ObjectID implements Object.
func (v *View) ObjectID() ObjectID { return ObjectID{ClassView, v.OID, v.Database} }

// ObjectID implements Object.
func (r *Role) ObjectID() ObjectID { return ObjectID{Class: ClassRole, OID: r.OID} }

// ObjectID implements Object.
func (d *Database) ObjectID() ObjectID { return ObjectID{Class: ClassDatabase, OID: d.OID} }

// ObjectID implements Object.
func (d *DefaultPrivileges) ObjectID() ObjectID {
	return ObjectID{ClassDefaultPrivileges, d.OID, d.Database}
}

// WithVersion returns the snapshot with another version.
func (s *Snapshot) WithVersion(v topo.Timestamp) *Snapshot {
	c := s.copy()
	c.version = v
	return c
}

// WithSlotMap returns the snapshot with another slot map, which must not change any more.
func (s *Snapshot) WithSlotMap(m *topo.SlotMap) *Snapshot {
	c := s.copy()
	c.slotMap, c.shared = m, new(shape)
	return c
}

// Get returns a stored descriptor, or nil.
func (s *Snapshot) Get(id ObjectID) Object {
	s = s.In(s.home(id))
	switch id.Class {
	case ClassSchema:
		if v := s.Schema(id.OID); v != nil {
			return v
		}
	case ClassTable:
		if v := s.Table(id.OID); v != nil {
			return v
		}
	case ClassSequence:
		if v := s.Sequence(id.OID); v != nil {
			return v
		}
	case ClassView:
		if v := s.View(id.OID); v != nil {
			return v
		}
	case ClassRole:
		if v, ok := s.roles.get(id.OID); ok {
			return v
		}
	case ClassDatabase:
		if v := s.Database(id.OID); v != nil {
			return v
		}
	case ClassDefaultPrivileges:
		if v, ok := s.defaultPrivileges.get(id.OID); ok {
			return v
		}
	case ClassType:
		if v := s.Type(id.OID); v != nil {
			return v
		}
	case ClassFunction:
		if v := s.Function(id.OID); v != nil {
			return v
		}
	case ClassExtension:
		if v := s.Extension(id.OID); v != nil {
			return v
		}
	}
	return nil
}

// Put returns the snapshot with a descriptor added, or replaced where there is one of that ObjectID. The descriptor must
// not change any more.
func (s *Snapshot) Put(o Object) *Snapshot {
	if home := s.home(o.ObjectID()); home != s.database {
		return s.switched(home).Put(o).switched(s.database)
	}
	c := s.copy()
	c.touch(o)
	c.unlink(s.Get(o.ObjectID()))
	switch o := o.(type) {
	case *Schema:
		c.schemas = c.schemas.put(o.OID, o)
		c.schemaNames = c.schemaNames.put(o.Name, o.OID)
	case *Table:
		c.putTable(o)
	case *Sequence:
		c.sequences = c.sequences.put(o.OID, o)
		c.names = c.names.put(relName{o.SchemaID, o.Name}, relRef{kind: KindSequence, oid: o.OID})
	case *View:
		c.views = c.views.put(o.OID, o)
		c.names = c.names.put(relName{o.SchemaID, o.Name}, relRef{kind: KindView, oid: o.OID})
	case *Role:
		c.roles = c.roles.put(o.OID, o)
		c.roleNames = c.roleNames.put(o.Name, o.OID)
	case *Database:
		c.databases = c.databases.put(o.OID, o)
	case *DefaultPrivileges:
		c.defaultPrivileges = c.defaultPrivileges.put(o.OID, o)
	case *Type:
		c.putType(o)
	case *Function:
		c.putFunction(o)
	case *Extension:
		c.extensions = c.extensions.put(o.OID, o)
	}
	return c
}

func (s *Snapshot) putTable(t *Table) {
	if t.derived == nil {
		t.derived = newTableDerived()
	}
	s.tables = s.tables.put(t.OID, t)
	s.names = s.names.put(relName{t.SchemaID, t.Name}, relRef{kind: KindTable, oid: t.OID})
	for _, i := range t.Indexes {
		s.names = s.names.put(relName{t.SchemaID, i.Name}, relRef{kind: KindIndex, oid: i.OID, table: t.OID})
		s.indexes = s.indexes.put(i.OID, t.OID)
	}
	for _, k := range t.Constraints {
		s.constraints = s.constraints.put(k.OID, t.OID)
		s.countConstraintName(t.SchemaID, k.Name, +1)
	}
}

func (s *Snapshot) countConstraintName(schema Oid, name string, by int) {
	key := relName{schema, name}
	n, _ := s.constraintNames.get(key)
	if n += by; n > 0 {
		s.constraintNames = s.constraintNames.put(key, n)
	} else {
		s.constraintNames = s.constraintNames.remove(key)
	}
}

// Remove returns the snapshot without a descriptor.
func (s *Snapshot) Remove(id ObjectID) *Snapshot {
	if home := s.home(id); home != s.database {
		return s.switched(home).Remove(id).switched(s.database)
	}
	c := s.copy()
	if o := s.Get(id); o != nil {
		c.touch(o)
	}
	c.unlink(s.Get(id))
	return c
}

// unlink takes a descriptor and its names out of a snapshot under construction. A name is taken out only where it still
// points to the object: in one transaction, one object may be renamed away and another take its name, and the entries
// are applied one after the other.
func (s *Snapshot) unlink(o Object) {
	switch o := o.(type) {
	case *Schema:
		s.schemas = s.schemas.remove(o.OID)
		if oid, ok := s.schemaNames.get(o.Name); ok && oid == o.OID {
			s.schemaNames = s.schemaNames.remove(o.Name)
		}
	case *Table:
		s.tables = s.tables.remove(o.OID)
		s.dropName(o.SchemaID, o.Name, o.OID)
		for _, i := range o.Indexes {
			s.dropName(o.SchemaID, i.Name, i.OID)
			s.indexes = s.indexes.remove(i.OID)
		}
		for _, k := range o.Constraints {
			s.constraints = s.constraints.remove(k.OID)
			s.countConstraintName(o.SchemaID, k.Name, -1)
		}
	case *Sequence:
		s.sequences = s.sequences.remove(o.OID)
		s.dropName(o.SchemaID, o.Name, o.OID)
	case *View:
		s.views = s.views.remove(o.OID)
		s.dropName(o.SchemaID, o.Name, o.OID)
	case *Role:
		s.roles = s.roles.remove(o.OID)
		if oid, ok := s.roleNames.get(o.Name); ok && oid == o.OID {
			s.roleNames = s.roleNames.remove(o.Name)
		}
	case *Database:
		s.databases = s.databases.remove(o.OID)
	case *DefaultPrivileges:
		s.defaultPrivileges = s.defaultPrivileges.remove(o.OID)
	case *Type:
		s.unlinkType(o)
	case *Function:
		s.unlinkFunction(o)
	case *Extension:
		s.extensions = s.extensions.remove(o.OID)
	}
}

func (s *Snapshot) dropName(schema Oid, name string, oid Oid) {
	if ref, ok := s.names.get(relName{schema, name}); ok && ref.oid == oid {
		s.names = s.names.remove(relName{schema, name})
	}
}
