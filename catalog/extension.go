package catalog

import (
	"embed"
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Extension is an extension that was created in a database: a row of pg_extension. What belongs to it says so itself
// (Function.Extension), and goes with it alone.
type Extension struct {
	Local
	OID      Oid
	Name     string
	Owner    Oid
	SchemaID Oid // where its objects are
	Version  string
	Comment  string
}

// ObjectID implements Object.
func (e *Extension) ObjectID() ObjectID { return ObjectID{ClassExtension, e.OID, e.Database} }

// Extension returns an extension by OID, or nil.
func (s *Snapshot) Extension(oid Oid) *Extension { v, _ := s.extensions.get(oid); return v }

// Extensions calls f for every extension that was created, in OID order.
func (s *Snapshot) Extensions(f func(*Extension) bool) { values(s.extensions, f) }

// ExtensionNamed returns an extension by name, or nil.
func (s *Snapshot) ExtensionNamed(name string) *Extension {
	var found *Extension
	s.Extensions(func(e *Extension) bool {
		if e.Name == name {
			found = e
		}
		return found == nil
	})
	return found
}

// ExtensionFunction returns the function of an extension that is called by a symbol with arguments of these types, or nil.
func (s *Snapshot) ExtensionFunction(extension, symbol string, args []Oid) (found *Function) {
	e := s.ExtensionNamed(extension)
	if e == nil {
		return nil
	}
	s.Functions(func(f *Function) bool {
		if f.Extension == e.OID && f.Language == LanguageC && f.Source == symbol && slices.Equal(f.InputTypes(), args) {
			found = f
		}
		return found == nil
	})
	return found
}

// extensionDependents adds what belongs to an extension.
func (s *Snapshot) extensionDependents(oid Oid, add addDependent) {
	name := s.Extension(oid).Name
	for i := range ExtensionOperators {
		if o := &ExtensionOperators[i]; o.Extension == name {
			add(Internal, PartOperator, o.OID, 0)
		}
	}
	for i := range ExtensionOpClasses {
		if c := &ExtensionOpClasses[i]; c.Extension == name {
			add(Internal, PartOpClass, c.OID, 0)
		}
	}
	s.Types(func(t *Type) bool {
		if t.Extension == oid {
			add(Internal, PartType, t.OID, 0)
		}
		return true
	})
	s.Functions(func(f *Function) bool {
		if f.Extension == oid {
			add(Internal, PartFunction, f.OID, 0)
		}
		return true
	})
	if e := s.Extension(oid); e == nil || e.Name != BtreeGist {
		return
	}
	s.Tables(func(t *Table) bool {
		for _, i := range t.Indexes {
			if i.Excludes() && i.Method == "gist" && slices.ContainsFunc(i.Columns, func(c IndexColumn) bool { return needsBtreeGist(t.IndexType(&c), c.OpClass) }) {
				add(Normal, PartConstraint, i.Constraint, 0)
			}
		}
		return true
	})
}

// BtreeGist is the extension with operator classes of GiST for the types that btree has them for.
const BtreeGist = "btree_gist"

// needsBtreeGist reports whether a column of a GiST index has its operator class from btree_gist.
func needsBtreeGist(t types.Type, class string) bool {
	kind := t.Oid.Kind()
	return class != "inet_ops" && kind != types.KRange && kind != types.KMultirange
}

// ExtensionControl is what is known of an extension that can be created: PostgreSQL's control file.
type ExtensionControl struct {
	Name, Version, Comment string
}

// AvailableExtensions are the extensions that there are, by name. Plpgsql is part of every database.
var AvailableExtensions = []ExtensionControl{
	{BtreeGist, "1.7", "support for indexing common datatypes in GiST"},
	{"citext", "1.6", "data type for case-insensitive character strings"},
	{"fuzzystrmatch", "1.1", "determine similarities and distance between strings"},
	{"pg_trgm", "1.6", "text similarity measurement and index searching based on trigrams"},
	{"pgcrypto", "1.3", "cryptographic functions"},
	{LanguagePLpgSQL, "1.0", "PL/pgSQL procedural language"},
	{"uuid-ossp", "1.1", "generate universally unique identifiers (UUIDs)"},
}

// AvailableExtension returns an extension that can be created, or nil.
func AvailableExtension(name string) *ExtensionControl {
	for i := range AvailableExtensions {
		if e := &AvailableExtensions[i]; e.Name == name {
			return e
		}
	}
	return nil
}

//go:embed extensions/*.sql
var extensionScripts embed.FS

// Script is the SQL that makes the extension's objects; empty for plpgsql and btree_gist, which have none.
func (e *ExtensionControl) Script() string {
	b, err := extensionScripts.ReadFile("extensions/" + e.Name + ".sql")
	if err != nil {
		return ""
	}
	return string(b)
}
