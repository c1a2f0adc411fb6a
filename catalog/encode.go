package catalog

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
)

// The storages of the catalog group's entries. They are below FirstUserStorage and never renumbered; others that the
// catalog group holds (membership, liveness, timestamps) begin at FirstClusterStorage.
const (
	DescriptorStorage   topo.StorageID = 1  // class, OID -> descriptor
	NameStorage         topo.StorageID = 2  // class, schema OID, name -> OID: the uniqueness of names
	SlotMapStorage      topo.StorageID = 3  // the slot map
	GarbageStorage      topo.StorageID = 4  // storage id -> what it was: to be dropped once no snapshot needs it
	OIDSequence         topo.StorageID = 5  // the counter of OIDs
	StorageSequence     topo.StorageID = 6  // the counter of storage ids
	NodeStorage         topo.StorageID = 7  // node id -> its record
	PlacementStorage    topo.StorageID = 8  // group id -> its replicas
	ClusterSequence     topo.StorageID = 9  // the counter of node ids
	StatisticStorage    topo.StorageID = 10 // storage id of rows -> what ANALYZE found out about them
	RowIDSequence       topo.StorageID = 11 // the counter of blocks of row ids
	FirstClusterStorage topo.StorageID = 64
)

// formatVersion leads every encoded descriptor. A decoder refuses later ones: an old binary must not drop what it does
// not know. Descriptors that have what format 1 had no place for are of format 2, tables of a tree of format 3, tables with
// row-level security of format 4, tables and views with triggers of format 5, and tables with GIN indexes of format 6; and of
// format 7 are tables with foreign keys that are turned off, or with rules that have a comment or do not replace every statement,
// aggregates, and the role with the settings of all. Of format 8 are tables with GIN indexes of text, and the
// extensions with operators or types; and of format 9 tables with exclusion constraints.
const (
	formatVersion         = 1
	formatVersionMore     = 2
	formatVersionTree     = 3
	formatVersionRows     = 4
	formatVersionTriggers = 5
	formatVersionGin      = 6
	formatVersionOff      = 7
	formatVersionText     = 8
	formatVersionExclude  = 9
)

// format returns the first format that knows all that a descriptor has.
func format(o Object) byte {
	switch o := o.(type) {
	case *Table:
		return o.format()
	case *View:
		if slices.ContainsFunc(o.Rules, Rule.later) {
			return formatVersionOff
		}
		if o.Triggers != nil {
			return formatVersionTriggers
		}
		if o.Rules != nil {
			return formatVersionMore
		}
	case *Function:
		if o.Aggregate != nil {
			return formatVersionOff
		}
	case *Extension:
		if o.Name == "citext" || o.Name == "pg_trgm" {
			return formatVersionText
		}
	case *Role:
		if o.Everyone != nil {
			return formatVersionOff
		}
		if o.Settings != nil {
			return formatVersionMore
		}
	case *Database:
		if o.IsTemplate || o.NoConnections || o.ConnLimit != nil || o.Settings != nil {
			return formatVersionMore
		}
	}
	return formatVersion
}

func (t *Table) format() byte {
	if slices.ContainsFunc(t.Indexes, (*Index).Excludes) {
		return formatVersionExclude
	}
	if slices.ContainsFunc(t.Indexes, t.ginText) {
		return formatVersionText
	}
	off := slices.ContainsFunc(t.Inbound, func(in InboundFK) bool { return in.Inactive }) ||
		slices.ContainsFunc(t.Constraints, func(c *Constraint) bool { return c.FK != nil && c.FK.Unchecked })
	if off || slices.ContainsFunc(t.Rules, Rule.later) {
		return formatVersionOff
	}
	if slices.ContainsFunc(t.Indexes, (*Index).Gin) {
		return formatVersionGin
	}
	if t.Triggers != nil {
		return formatVersionTriggers
	}
	if t.RowSecurity || t.ForceRowSecurity || t.Policies != nil {
		return formatVersionRows
	}
	if t.Parents != nil || t.Children != nil || t.Partitioning != nil || t.Bound != nil {
		return formatVersionTree
	}
	later := func(i *Index) bool { return !i.OnColumns() || i.Include != nil || i.NullsNotDistinct }
	if t.Rules != nil || slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Generated }) || slices.ContainsFunc(t.Indexes, later) {
		return formatVersionMore
	}
	return formatVersion
}

// ginText reports whether a GIN index has operator classes that came after the first ones.
func (t *Table) ginText(i *Index) bool {
	return i.Gin() && slices.ContainsFunc(i.Columns, func(c IndexColumn) bool { return t.GinClass(&c) > keyenc.GinJSONBPath })
}

// Encode returns the stored form of a descriptor.
func Encode(o Object) []byte {
	b, err := json.Marshal(o)
	if err != nil { // descriptors hold nothing that JSON cannot
		panic(err)
	}
	return append([]byte{format(o)}, b...)
}

// hasMore reports whether there are descriptors of the class in format 2.
func (c Class) hasMore() bool {
	return c == ClassTable || c == ClassView || c == ClassRole || c == ClassDatabase
}

// knows reports whether descriptors of the class may be in a format.
func (c Class) knows(format byte) bool {
	switch format {
	case formatVersion:
		return true
	case formatVersionMore:
		return c.hasMore()
	case formatVersionTree, formatVersionRows, formatVersionGin, formatVersionExclude:
		return c == ClassTable
	case formatVersionText:
		return c == ClassTable || c == ClassExtension
	case formatVersionTriggers:
		return c == ClassTable || c == ClassView
	case formatVersionOff:
		return c == ClassTable || c == ClassView || c == ClassFunction || c == ClassRole
	}
	return false
}

// Decode reads a stored descriptor of a class.
func Decode(class Class, b []byte) (Object, error) {
	if len(b) == 0 || !class.knows(b[0]) {
		return nil, fmt.Errorf("catalog: descriptor of an unknown format")
	}
	var o Object
	switch class {
	case ClassSchema:
		o = new(Schema)
	case ClassTable:
		o = new(Table)
	case ClassSequence:
		o = new(Sequence)
	case ClassView:
		o = new(View)
	case ClassRole:
		o = new(Role)
	case ClassDatabase:
		o = new(Database)
	case ClassDefaultPrivileges:
		o = new(DefaultPrivileges)
	case ClassType:
		o = new(Type)
	case ClassFunction:
		o = new(Function)
	case ClassExtension:
		o = new(Extension)
	default:
		return nil, fmt.Errorf("catalog: descriptor of unknown class %d", class)
	}
	if err := json.Unmarshal(b[1:], o); err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	if s, ok := o.(*Schema); ok && s.OID < FirstNormalOid && s.ACL == nil {
		// Written before privileges were enforced, when the first schemas had none.
		if s.OID == PublicSchema && s.Owner == BootstrapRole {
			s.Owner = RoleDatabaseOwner
		}
		s.ACL = UsableSchema(s.Owner)
	}
	return o, nil
}

// EncodeSlotMap returns the stored form of a slot map.
func EncodeSlotMap(m *topo.SlotMap) []byte {
	b := append([]byte{formatVersion}, binary.AppendUvarint(nil, m.Version)...)
	for _, g := range m.Groups {
		b = binary.AppendUvarint(b, uint64(g))
	}
	return b
}

// DecodeSlotMap reads a stored slot map.
func DecodeSlotMap(b []byte) (*topo.SlotMap, error) {
	bad := fmt.Errorf("catalog: damaged slot map")
	if len(b) == 0 || b[0] != formatVersion {
		return nil, bad
	}
	b = b[1:]
	next := func() (uint64, bool) {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return 0, false
		}
		b = b[n:]
		return v, true
	}
	m := new(topo.SlotMap)
	var ok bool
	if m.Version, ok = next(); !ok {
		return nil, bad
	}
	for i := range m.Groups {
		g, ok := next()
		if !ok {
			return nil, bad
		}
		m.Groups[i] = topo.GroupID(g)
	}
	return m, nil
}

// DescriptorKey is the key of a descriptor in the catalog group: class and OID, and the database where it is not the default
// one. OIDs are given once in the cluster; only the schemas that every database begins with have the same in all.
func DescriptorKey(id ObjectID) []byte {
	b := topo.AppendStorageID(make([]byte, 0, 13), DescriptorStorage)
	b = binary.BigEndian.AppendUint32(append(b, byte(id.Class)), uint32(id.OID))
	if id.Database != 0 {
		b = binary.BigEndian.AppendUint32(b, uint32(id.Database))
	}
	return b
}

// ParseDescriptorKey reads a DescriptorKey back; ok is false for any other key.
func ParseDescriptorKey(key []byte) (id ObjectID, ok bool) {
	if s, _ := topo.KeyStorageID(key); s != DescriptorStorage || len(key) != 9 && len(key) != 13 {
		return ObjectID{}, false
	}
	id = ObjectID{Class: Class(key[4]), OID: Oid(binary.BigEndian.Uint32(key[5:]))}
	if len(key) == 13 {
		id.Database = Oid(binary.BigEndian.Uint32(key[9:]))
	}
	return id, true
}

// ObjectName is what must be unique in a database (0: the default one, or the cluster): a relation in its schema (Class ClassTable for every kind of relation), a type or function (with the OIDs of its input types) in its
// schema, a schema, role or database (Schema 0), or the role and kind of default privileges.
type ObjectName struct {
	Class  Class
	Schema Oid
	Name   string

	Database Oid
}

// otherDatabase marks the class in the NameKey of a name in another database than the default one.
const otherDatabase = 0x80

// NameKey is the key that holds a name's owner in the catalog group.
func NameKey(n ObjectName) []byte {
	b := topo.AppendStorageID(make([]byte, 0, 13+len(n.Name)), NameStorage)
	if n.Database == 0 {
		b = append(b, byte(n.Class))
	} else {
		b = binary.BigEndian.AppendUint32(append(b, byte(n.Class)|otherDatabase), uint32(n.Database))
	}
	b = binary.BigEndian.AppendUint32(b, uint32(n.Schema))
	return append(b, n.Name...)
}

// NameValue is the value under a NameKey.
func NameValue(oid Oid) []byte { return binary.BigEndian.AppendUint32(nil, uint32(oid)) }

// SlotMapKey is the key of the slot map.
func SlotMapKey() []byte { return topo.AppendStorageID(nil, SlotMapStorage) }

// GarbageKey is the key under which a storage that no published descriptor names is remembered.
func GarbageKey(id topo.StorageID) []byte {
	return topo.AppendStorageID(topo.AppendStorageID(make([]byte, 0, 8), GarbageStorage), id)
}

// ParseGarbageKey reads a GarbageKey back; ok is false for any other key.
func ParseGarbageKey(key []byte) (id topo.StorageID, ok bool) {
	if s, _ := topo.KeyStorageID(key); s != GarbageStorage || len(key) != 8 {
		return 0, false
	}
	return topo.KeyStorageID(key[4:])
}

// NodeKey is the key of a node's record.
func NodeKey(id topo.NodeID) []byte {
	return binary.BigEndian.AppendUint32(topo.AppendStorageID(make([]byte, 0, 8), NodeStorage), uint32(id))
}

// GroupKey is the key of a raft group's record.
func GroupKey(id topo.GroupID) []byte {
	return binary.BigEndian.AppendUint64(topo.AppendStorageID(make([]byte, 0, 12), PlacementStorage), uint64(id))
}

// ParseNodeKey reads a NodeKey back; ok is false for any other key.
func ParseNodeKey(key []byte) (id topo.NodeID, ok bool) {
	if s, _ := topo.KeyStorageID(key); s != NodeStorage || len(key) != 8 {
		return 0, false
	}
	return topo.NodeID(binary.BigEndian.Uint32(key[4:])), true
}

// ParseGroupKey reads a GroupKey back; ok is false for any other key.
func ParseGroupKey(key []byte) (id topo.GroupID, ok bool) {
	if s, _ := topo.KeyStorageID(key); s != PlacementStorage || len(key) != 12 {
		return 0, false
	}
	return topo.GroupID(binary.BigEndian.Uint64(key[4:])), true
}

// EncodeRecord returns the stored form of a *topo.Node, *topo.Group or *TableStats.
func EncodeRecord[R topo.Node | topo.Group | TableStats](r *R) []byte {
	b, err := json.Marshal(r)
	if err != nil { // records hold nothing that JSON cannot
		panic(err)
	}
	return append([]byte{formatVersion}, b...)
}

// DecodeRecord reads what EncodeRecord wrote.
func DecodeRecord[R topo.Node | topo.Group | TableStats](b []byte) (*R, error) {
	if len(b) == 0 || b[0] != formatVersion {
		return nil, fmt.Errorf("catalog: record of an unknown format")
	}
	r := new(R)
	if err := json.Unmarshal(b[1:], r); err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	return r, nil
}

// The values under a GarbageKey.
const (
	GarbageRows     = "r" // rows or index entries, in every data group
	GarbageSequence = "s"
)

// Names returns the names that an object occupies: its own, and a table's indexes'.
func Names(o Object) []ObjectName {
	switch o := o.(type) {
	case *Schema:
		return []ObjectName{{ClassSchema, 0, o.Name, o.Database}}
	case *Table:
		out := make([]ObjectName, 0, 1+len(o.Indexes))
		out = append(out, ObjectName{ClassTable, o.SchemaID, o.Name, o.Database})
		for _, i := range o.Indexes {
			out = append(out, ObjectName{ClassTable, o.SchemaID, i.Name, o.Database})
		}
		return out
	case *Sequence:
		return []ObjectName{{ClassTable, o.SchemaID, o.Name, o.Database}}
	case *View:
		return []ObjectName{{ClassTable, o.SchemaID, o.Name, o.Database}}
	case *Role:
		return []ObjectName{{Class: ClassRole, Name: o.Name}}
	case *Database:
		return []ObjectName{{Class: ClassDatabase, Name: o.Name}}
	case *DefaultPrivileges:
		return []ObjectName{{ClassDefaultPrivileges, o.Schema, strconv.Itoa(int(o.Role)) + string(o.Kind), o.Database}}
	case *Type:
		return []ObjectName{{ClassType, o.SchemaID, o.Name, o.Database}, {ClassType, o.SchemaID, o.ArrayName, o.Database}}
	case *Function:
		return []ObjectName{{ClassFunction, o.SchemaID, o.signature(), o.Database}}
	case *Extension:
		return []ObjectName{{ClassExtension, 0, o.Name, o.Database}}
	}
	return nil
}
