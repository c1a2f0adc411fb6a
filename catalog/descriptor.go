package catalog

import (
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Oid is a PostgreSQL object identifier.
type Oid = types.Oid

// AttNum is a column's attribute number, from 1; it is never reused within its table.
type AttNum int16

// Schema is a namespace.
type Schema struct {
	Local
	OID   Oid
	Name  string
	Owner Oid
	// Session is set for a temporary schema: the session that it belongs to.
	Session topo.TxnID
	ACL     []ACLItem
	Comment string
}

// Table describes an ordinary table. Like every descriptor it is immutable once it is in a Snapshot: a change is a copy
// with a higher Version.
type Table struct {
	Local
	OID      Oid // also its topo.TableID
	SchemaID Oid
	Name     string
	Owner    Oid
	Version  topo.SchemaVersion
	// Columns[i].Num == i+1; dropped columns keep their place, as stored rows are positional.
	Columns []Column
	// RowStorage leads the key of every row. KeyColumns are the columns of the row key after it: the primary key, or the
	// hidden rowid (a column with Hidden set, filled from the node's generator) where there is none.
	RowStorage topo.StorageID
	KeyColumns []AttNum
	// DistColumns decide the slot of a row; a prefix-independent subset of the key or any columns given by
	// distribution_key.
	DistColumns []AttNum
	Indexes     []*Index
	Constraints []*Constraint
	// Inbound lists the foreign keys of other tables (and of this one) that reference this table.
	Inbound     []InboundFK
	Persistence Persistence
	OnCommit    OnCommit // of a temporary table
	MatView     *MatView // nil for what is a table
	// Parents are the tables that it inherits from, in the order given (pg_inherits.inhseqno); Children are those that
	// inherit from it directly, by OID. The two are kept in step: who adds a link alters both tables.
	Parents  []Oid `json:",omitempty"`
	Children []Oid `json:",omitempty"`
	// Partitioning is PARTITION BY: the rows are in Children, which have a Bound. A partition has one parent.
	Partitioning *Partitioning   `json:",omitempty"`
	Bound        *PartitionBound `json:",omitempty"`
	// OfType is the composite type of a typed table (CREATE TABLE … OF), whose columns are the type's attributes; 0 for others.
	OfType Oid `json:",omitempty"`
	// Options are the WITH parameters as given.
	Options []string
	// ReplicaIdentity is pg_class.relreplident where it is not the default 'd'.
	ReplicaIdentity byte `json:",omitempty"`
	// Rules and Triggers are by name.
	Rules    []Rule    `json:",omitempty"`
	Triggers []Trigger `json:",omitempty"`
	// RowSecurity says that Policies, which are by name, decide who sees and writes which rows; ForceRowSecurity, that they do so
	// for the owner too.
	RowSecurity      bool     `json:",omitempty"`
	ForceRowSecurity bool     `json:",omitempty"`
	Policies         []Policy `json:",omitempty"`
	ACL              []ACLItem
	Comment          string

	// derived is set when the table enters a Snapshot; Clone leaves it behind.
	derived *tableDerived
}

// ID returns the table's id for the shard layer.
func (t *Table) ID() topo.TableID { return topo.TableID(t.OID) }

// VersionTag returns what prepares and reads list for this table.
func (t *Table) VersionTag() topo.TableVersion {
	return topo.TableVersion{Table: t.ID(), Version: t.Version}
}

// Identity is a column's GENERATED … AS IDENTITY kind.
type Identity byte

// The identity kinds, as in pg_attribute.attidentity.
const (
	NoIdentity        Identity = 0
	IdentityAlways    Identity = 'a'
	IdentityByDefault Identity = 'd'
)

// Column is one attribute.
type Column struct {
	Num     AttNum
	Name    string
	Type    types.Type
	NotNull bool
	// Default is the DEFAULT expression's SQL text, fully qualified; empty for none.
	Default string
	// DefaultDeps are the sequences and user types that the default names.
	DefaultDeps []Oid
	// Generated says that Default is the expression of GENERATED ALWAYS AS (…) STORED, over the row's other columns;
	// Uses are those that it names.
	Generated bool     `json:",omitempty"`
	Uses      []AttNum `json:",omitempty"`
	// Statistics, Storage and Compression are what ALTER COLUMN SET noted: attstattarget, attstorage and attcompression of
	// pg_attribute; nil and 0 for the defaults.
	Statistics  *int `json:",omitempty"`
	Storage     byte `json:",omitempty"`
	Compression byte `json:",omitempty"`
	Identity    Identity
	// Sequence is the sequence owned by a serial or identity column, or 0.
	Sequence Oid
	// Missing is the value, in text form, of rows stored before the column was added; HasMissing tells an empty string
	// from none.
	Missing    string
	HasMissing bool
	Dropped    bool
	Hidden     bool // the generated row id of a table without a primary key
	// InhCount is the number of parents that have the column; Inherited says that it was not declared here too (not
	// pg_attribute.attislocal).
	InhCount  int  `json:",omitempty"`
	Inherited bool `json:",omitempty"`
	Collation Oid
	ACL       []ACLItem
	Comment   string
}

// Index describes an index.
type Index struct {
	OID     Oid
	Name    string
	Storage topo.StorageID
	Unique  bool
	Primary bool
	Columns []IndexColumn
	// Include are the columns of INCLUDE: no part of the key.
	Include []AttNum `json:",omitempty"`
	// Predicate is the WHERE of a partial index as SQL text over the columns PredicateUses; empty for none. Rows for which
	// it is not true have no entry.
	Predicate     string   `json:",omitempty"`
	PredicateUses []AttNum `json:",omitempty"`
	// Deps are the users' functions that the expressions and the predicate call.
	Deps []Oid `json:",omitempty"`
	// NullsNotDistinct says that NULLs of a unique index are equal.
	NullsNotDistinct bool `json:",omitempty"`
	// Marks is the storage of the marks of an exclusion constraint: whoever adds an entry writes the mark of what the entry is
	// equal in, so that the logs put those that might exclude each other one behind the other. 0 for other indexes.
	Marks topo.StorageID `json:",omitempty"`
	// Method is "hash" for CREATE INDEX … USING hash (which is stored as any other index), as are "gist" and "spgist" of exclusion
	// constraints, "gin" for an index with an entry
	// for each key that a row's values are made of (sql/keyenc/gin.go), and empty for btree.
	Method string
	// Constraint is the OID of the UNIQUE, PRIMARY KEY or EXCLUDE constraint that owns it, or 0.
	Constraint Oid
	// Parent is the index of the partitioned table that this one belongs to, or 0.
	Parent Oid `json:",omitempty"`
	// Invalid, of a partitioned table's: not all partitions have their part of it.
	Invalid bool `json:",omitempty"`
	// RowKey says that the row's own key is this index (a primary key that contains the distribution columns): it has no
	// entries, and its Storage is the table's RowStorage. Otherwise a unique index is global, placed by its columns' hash, and a non-unique one lies beside the row.
	RowKey bool
	// BuiltAt is the snapshot that the index was filled from, 0 where it began with its table. Older snapshots read rows
	// that it has no entries for, and must not use it.
	BuiltAt topo.Timestamp
	// Clustered and ReplicaIdentity are pg_index.indisclustered and indisreplident: what ALTER TABLE noted.
	Clustered       bool     `json:",omitempty"`
	ReplicaIdentity bool     `json:",omitempty"`
	Options         []string `json:",omitempty"` // the WITH parameters
	Comment         string
}

// Global reports whether entries are placed by the index key's own hash.
func (i *Index) Global() bool { return i.Unique && !i.RowKey }

// Excludes reports whether the index is that of an exclusion constraint.
func (i *Index) Excludes() bool { return i.Marks != 0 }

// Gin reports whether the index has any number of entries of a row, which are in no order of its columns.
func (i *Index) Gin() bool { return i.Method == "gin" }

// OnColumns reports whether the index is of columns alone and of all rows: what a constraint or a foreign key can rest on.
func (i *Index) OnColumns() bool {
	for n := range i.Columns {
		if i.Columns[n].Num == 0 {
			return false
		}
	}
	return i.Predicate == ""
}

// IndexColumn is one key column of an index.
type IndexColumn struct {
	Num AttNum // 0: an expression
	// Expr is the expression as SQL text over the columns Uses; Type is its, Name the index's own for it
	// (pg_attribute.attname).
	Expr string     `json:",omitempty"`
	Uses []AttNum   `json:",omitempty"`
	Type types.Type `json:",omitzero"`
	Name string     `json:",omitempty"`
	// Collation is set where COLLATE says another than the column's or the type's. All order alike.
	Collation  Oid `json:",omitempty"`
	Desc       bool
	NullsFirst bool
	// OpClass names the operator class where it is not the type's default one. Under the C collation all classes of a
	// type order alike.
	OpClass string
}

// ConstraintType is pg_constraint.contype.
type ConstraintType byte

// The constraint types.
const (
	Check      ConstraintType = 'c'
	PrimaryKey ConstraintType = 'p'
	Unique     ConstraintType = 'u'
	Foreign    ConstraintType = 'f'
	Exclusion  ConstraintType = 'x'
)

// Constraint is a table constraint. Not-null lives on the column.
type Constraint struct {
	OID        Oid
	Name       string
	Type       ConstraintType
	Columns    []AttNum // the constrained columns in the order written (conkey); 0 is an expression of an exclusion constraint
	Index      Oid      // the index that implements a primary key, unique or exclusion constraint
	Operators  []string `json:",omitempty"` // of an exclusion constraint: that of each key column of its index
	Check      string   // a CHECK's expression as SQL text
	CheckDeps  []Oid    `json:",omitempty"` // the user types that it names
	NoInherit  bool
	InhCount   int  `json:",omitempty"` // as Column.InhCount
	Inherited  bool `json:",omitempty"` // as Column.Inherited
	Parent     Oid  `json:",omitempty"` // the partitioned table's key or foreign key that it belongs to, or 0
	Deferrable bool
	Deferred   bool // INITIALLY DEFERRED
	Validated  bool
	FK         *ForeignKey
	Comment    string
}

// Action is a referential action, as in pg_constraint.confdeltype.
type Action byte

// The referential actions.
const (
	NoAction   Action = 'a'
	Restrict   Action = 'r'
	Cascade    Action = 'c'
	SetNull    Action = 'n'
	SetDefault Action = 'd'
)

// MatchType is MATCH SIMPLE or MATCH FULL, as in pg_constraint.confmatchtype.
type MatchType byte

// The match types.
const (
	MatchSimple MatchType = 's'
	MatchFull   MatchType = 'f'
)

// ForeignKey is the referencing side's description.
type ForeignKey struct {
	RefTable   Oid
	RefColumns []AttNum // parallel to Constraint.Columns (confkey)
	RefIndex   Oid      // the unique index of RefTable that it depends on
	Match      MatchType
	OnDelete   Action
	OnUpdate   Action
	SetColumns []AttNum // ON DELETE SET NULL/DEFAULT (columns), or nil for all
	// Unchecked says that DISABLE TRIGGER ALL on the referencing table has turned its checks off: what is written there
	// needs no parent.
	Unchecked bool `json:",omitempty"`
}

// InboundFK names a foreign key that references a table.
type InboundFK struct {
	Table      Oid // the referencing table
	Constraint Oid
	// Inactive says that DISABLE TRIGGER ALL on the referenced table has turned its actions off, RESTRICT and NO ACTION among
	// them. It is part of the referenced table, so that changing it is a schema change of the table whose writes it concerns.
	Inactive bool `json:",omitempty"`
}

// Sequence describes a sequence; its value lives in the data group of its Storage's slot.
type Sequence struct {
	Local
	OID       Oid
	SchemaID  Oid
	Name      string
	Owner     Oid
	Type      Oid // int2, int4 or int8
	Start     int64
	Increment int64
	Min, Max  int64
	Cache     int64
	Cycle     bool
	// First is the first value of a fresh state: Start, or the value of RESTART WITH. nextval passes it to the shard layer
	// as the start.
	First int64
	// Storage names the sequence's state. ALTER SEQUENCE … RESTART and TRUNCATE RESTART IDENTITY give it a new one, so
	// that a rollback restores the old.
	Storage     topo.StorageID
	OwnedByTab  Oid
	OwnedByCol  AttNum
	OwnedByAuto bool // internal dependency (identity) rather than auto (serial, OWNED BY)
	Persistence Persistence
	ACL         []ACLItem
	Comment     string
}

// View is a stored query. Query is the text of its creation, with relations qualified by their schemas, and types and enum
// labels by references; Deps bind the names in it to objects, so that renaming what the view uses, moving it or adding
// columns to it changes the descriptor of that object alone.
type View struct {
	Local
	OID      Oid
	SchemaID Oid
	Name     string
	Owner    Oid
	Query    string
	Columns  []Column
	// Deps are the tables, views, sequences and user types that the query names, with the columns it uses of each.
	Deps        []ViewDep
	Persistence Persistence
	// Barrier (security_barrier): conditions of queries over the view are judged after its own. Invoker (security_invoker): what
	// it names is used as the querying role and not as the owner. Options are these as they were given.
	Barrier, Invoker bool
	Options          []string
	Rules            []Rule    `json:",omitempty"`
	Triggers         []Trigger `json:",omitempty"` // INSTEAD OF, and of statements
	ACL              []ACLItem
	Comment          string
}

// ViewDep is a relation or user type that a view's query uses. Columns lists the attribute numbers used; nil: the object as
// a whole.
type ViewDep struct {
	Relation Oid
	Columns  []AttNum
	// Schema and Name are what the text calls a relation, and Names its columns (the attributes of a composite type) by
	// attribute number: what they were called at the view's creation. A column that the text cannot name, since it was
	// dropped by then or came later, has no name here.
	Schema string   `json:",omitempty"`
	Name   string   `json:",omitempty"`
	Names  []string `json:",omitempty"`
}

// Role is a user or group.
type Role struct {
	OID         Oid
	Name        string
	Superuser   bool
	Login       bool
	Inherit     bool
	CreateRole  bool
	CreateDB    bool
	Replication bool
	BypassRLS   bool
	ConnLimit   int32  // -1: none
	ValidUntil  string // a timestamptz in text form, or empty
	Password    string // a SCRAM-SHA-256 verifier, or empty
	MemberOf    []Membership
	Comment     string
	// Settings are those of ALTER ROLE … SET and ALTER ROLE … IN DATABASE … SET.
	Settings []RoleSettings `json:",omitempty"`
	// Everyone are those of ALTER ROLE ALL SET, of the bootstrap role alone, which is there as long as the cluster is.
	Everyone []Setting `json:",omitempty"`
}

// Membership is a role's membership of another: a row of pg_auth_members.
type Membership struct {
	Role    Oid // the group
	Grantor Oid
	Admin   bool // WITH ADMIN OPTION
}

// Database is a row of pg_database.
type Database struct {
	OID     Oid
	Name    string
	Owner   Oid
	ACL     []ACLItem
	Comment string

	IsTemplate bool `json:",omitempty"`
	// NoConnections: nobody may connect (datallowconn is false).
	NoConnections bool `json:",omitempty"`
	// ConnLimit is how many connections there may be; nil: no limit.
	ConnLimit *int32 `json:",omitempty"`
	// Settings are those of ALTER DATABASE … SET.
	Settings []Setting `json:",omitempty"`
}

// Setting is a run-time parameter that sessions begin with.
type Setting struct{ Name, Value string }

// RoleSettings are the settings with which a role's sessions begin, in one database or (0) in all.
type RoleSettings struct {
	Database Oid
	Settings []Setting
}

// DefaultPrivileges is what ALTER DEFAULT PRIVILEGES set for the objects of a kind that a role will create, in one schema
// or (Schema 0) in all: a row of pg_default_acl. Those of all schemas take the place of the built-in defaults, those of a
// schema are added to them.
type DefaultPrivileges struct {
	Local
	OID    Oid
	Role   Oid
	Schema Oid
	Kind   ACLKind // ACLRelation, ACLSequence, ACLFunction, ACLType or ACLSchema
	ACL    []ACLItem
}
