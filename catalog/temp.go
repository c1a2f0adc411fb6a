package catalog

import (
	"strconv"
	"strings"
)

// A session's temporary relations lie in a schema of its own, pg_temp_N, which is made at first use. They are relations like
// any other: stored in the data groups, known to every node's catalog, and changed in transactions; but only their session
// may read and write them. An effective search path has one temporary schema at most, the session's, so that pg_temp is
// resolved by the path alone.

// TempAlias is the name by which a session calls its temporary schema.
const TempAlias = "pg_temp"

const tempPrefix = TempAlias + "_"

// TempSchemaName is the name of a temporary schema.
func TempSchemaName(oid Oid) string { return tempPrefix + strconv.FormatUint(uint64(oid), 10) }

// IsTempSchemaName reports whether a name is of the form that temporary schemas have.
func IsTempSchemaName(name string) bool { return strings.HasPrefix(name, tempPrefix) }

// Temporary reports whether the schema holds a session's temporary relations.
func (s *Schema) Temporary() bool { return !s.Session.IsZero() }

// TempSchema returns the name of the temporary schema in an effective search path, "" where there is none.
func TempSchema(searchPath []string) string {
	for _, n := range searchPath {
		if IsTempSchemaName(n) {
			return n
		}
	}
	return ""
}

// BindSchema replaces pg_temp by the session's temporary schema, where it has one.
func BindSchema(searchPath []string, schema string) string {
	if schema == TempAlias {
		if own := TempSchema(searchPath); own != "" {
			return own
		}
	}
	return schema
}

// SchemaNamed is SchemaByName of what a client writes: pg_temp is the session's temporary schema.
func (s *Snapshot) SchemaNamed(searchPath []string, name string) *Schema {
	return s.SchemaByName(BindSchema(searchPath, name))
}

// Persistence says how long a relation lives, as pg_class.relpersistence does.
type Persistence byte

// The persistences. Unlogged relations are stored as permanent ones are.
const (
	Permanent Persistence = 0
	Unlogged  Persistence = 'u'
	Temporary Persistence = 't'
)

// Letter is pg_class.relpersistence.
func (p Persistence) Letter() byte {
	if p == Permanent {
		return 'p'
	}
	return byte(p)
}

// OnCommit says what becomes of a temporary table at the end of each transaction.
type OnCommit byte

// The actions of ON COMMIT.
const (
	PreserveRows OnCommit = iota
	DeleteRows
	DropTable
)

// Persistence returns a relation's persistence; an index has its table's.
func (r Relation) Persistence() Persistence {
	switch r.Kind {
	case KindSequence:
		return r.Sequence.Persistence
	case KindView:
		return r.View.Persistence
	}
	if r.Table != nil {
		return r.Table.Persistence
	}
	return Permanent
}

// shape stands for all that a database, or what databases share, holds but for sessions' temporary objects.
type shape struct{ _ byte }

// Alike reports whether two snapshots differ at most in temporary objects: whoever names none finds the same in both.
func (s *Snapshot) Alike(t *Snapshot) bool {
	return s == t || s != nil && t != nil && s.database == t.database && s.shape == t.shape && s.shared == t.shared
}

// touch gives a snapshot under construction another shape, unless what changes in it is temporary.
func (s *Snapshot) touch(o Object) {
	temporary := false
	switch o := o.(type) {
	case *Schema:
		temporary = o.Temporary()
	case *Table:
		temporary = o.Persistence == Temporary
	case *Sequence:
		temporary = o.Persistence == Temporary
	case *View:
		temporary = o.Persistence == Temporary
	case *Role, *Database:
		s.shared = new(shape)
		return
	}
	if !temporary {
		s.shape = new(shape)
	}
}
