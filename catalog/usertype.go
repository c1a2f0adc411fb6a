package catalog

import (
	"slices"
	"strings"
	"sync"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Type describes a type that a user created: an enum, a domain, a range, the multirange over one, or a standalone composite
// type; its OID tells which. The row types of tables and views have no descriptor of their own.
type Type struct {
	Local
	OID      Oid
	SchemaID Oid
	Name     string
	// ArrayName is the name of the array type over it.
	ArrayName string
	Owner     Oid

	Labels []types.EnumLabel `json:",omitempty"` // of an enum, in order
	Domain *Domain           `json:",omitempty"` // of a domain
	Range  *Range            `json:",omitempty"` // of a range
	Attrs  []types.Attribute `json:",omitempty"` // of a composite type, by number; dropped ones keep their place

	// Constructors are the functions that make values of a range or multirange.
	Constructors []Constructor `json:",omitempty"`

	// Extension is the extension that the type belongs to, or 0.
	Extension Oid `json:",omitempty"`

	ACL     []ACLItem
	Comment string

	// derived is set when the type enters a Snapshot.
	derived *typeDerived
}

// typeDerived is the form in which package types knows the definition, made on first use.
type typeDerived struct {
	once sync.Once
	def  *types.UserType
}

// Definition returns the definition that values are read and printed by.
func (t *Type) Definition() *types.UserType {
	t.derived.once.Do(func() {
		t.derived.def = &types.UserType{Oid: t.OID, Name: t.Name, Labels: t.Labels, Fields: t.Attrs}
	})
	return t.derived.def
}

// Clone returns a copy that may be altered.
func (t *Type) Clone() *Type {
	c := *t
	c.derived = nil
	c.Labels = append([]types.EnumLabel(nil), t.Labels...)
	c.Constructors = slices.Clone(t.Constructors)
	c.Attrs = slices.Clone(t.Attrs)
	if t.Domain != nil {
		d := *t.Domain
		d.Checks = slices.Clone(d.Checks)
		c.Domain = &d
	}
	return &c
}

// ArrayOID returns the OID of the array type.
func (t *Type) ArrayOID() Oid { return types.Lookup(t.OID).ArrayOid }

// ObjectID implements Object.
func (t *Type) ObjectID() ObjectID { return ObjectID{ClassType, t.OID, t.Database} }

// Type returns a user type by OID, or nil.
func (s *Snapshot) Type(oid Oid) *Type { v, _ := s.types.get(oid); return v }

// Types calls f for every user type in OID order.
func (s *Snapshot) Types(f func(*Type) bool) { values(s.types, f) }

// UserType returns the definition of an enum or composite type; nil where there is none. It is IOEnv.UserType.
func (s *Snapshot) UserType(oid Oid) *types.UserType {
	if t := s.Type(oid); t != nil {
		return t.Definition()
	}
	if oid.Class() != types.CompositeClass {
		return nil
	}
	if t := s.Table(oid.Serial()); t != nil {
		return t.derive().rowType
	}
	if v := s.View(oid.Serial()); v != nil {
		return &types.UserType{Oid: oid, Name: v.Name, Fields: attributes(v.Columns)}
	}
	return nil
}

// attributes are columns as the attributes of their row type. The row id behind the columns is none.
func attributes(columns []Column) []types.Attribute {
	if n := len(columns); n > 0 && columns[n-1].Hidden {
		columns = columns[:n-1]
	}
	out := make([]types.Attribute, len(columns))
	for i := range columns {
		c := &columns[i]
		out[i] = types.Attribute{Name: c.Name, Type: c.Type, Dropped: c.Dropped || c.Hidden}
	}
	return out
}

// RowType returns the OID of a relation's row type; 0 for those that have none.
func (r Relation) RowType() Oid {
	if r.Kind != KindTable && r.Kind != KindView {
		return 0
	}
	return types.UserOid(types.CompositeClass, r.OID())
}

// TypeIn returns the OID of the user type of that name in a schema: one of its own, or an array type.
func (s *Snapshot) TypeIn(schema Oid, name string) (oid Oid, ok bool) {
	if oid, ok = s.typeNames.get(relName{schema, name}); ok {
		return oid, true
	}
	if r, found := s.Relation(schema, name); found && r.RowType() != 0 {
		return r.RowType(), true
	}
	if elem, array := strings.CutPrefix(name, "_"); array {
		if r, found := s.Relation(schema, elem); found && r.RowType() != 0 {
			return types.ArrayOf(r.RowType()), true
		}
	}
	return 0, false
}

// LookupType resolves a possibly qualified name of a user type.
func (s *Snapshot) LookupType(searchPath []string, schema, name string) (oid Oid, ok bool) {
	if schema != "" {
		searchPath = []string{BindSchema(searchPath, schema)}
	}
	for _, p := range searchPath {
		if sc := s.SchemaByName(p); sc != nil {
			if oid, ok = s.TypeIn(sc.OID, name); ok {
				return oid, true
			}
		}
	}
	return 0, false
}

// TypeName prints the name of a user type as format_type does: qualified unless the search path finds it.
func (s *Snapshot) TypeName(searchPath []string, oid Oid) string {
	if f := s.Function(oid.Serial()); f != nil && oid.Class() == types.RoutineClass {
		return s.FunctionName(searchPath, f)
	}
	schema, name, ok := s.typeIdentity(oid)
	if !ok {
		return "???"
	}
	if types.ByName(name) == nil {
		if found, ok := s.LookupType(searchPath, "", name); ok && found == oid {
			return QuoteIdent(name)
		}
	}
	return QualifiedName(s.SchemaName(schema), name)
}

// typeIdentity returns the schema and name of a user type or row type.
func (s *Snapshot) typeIdentity(oid Oid) (schema Oid, name string, ok bool) {
	if t := s.Type(oid); t != nil {
		return t.SchemaID, t.Name, true
	}
	if oid.Class() == types.CompositeClass {
		if r, found := s.RelationByOID(oid.Serial()); found && r.RowType() == oid {
			return r.SchemaID(), r.Name(), true
		}
	}
	return 0, "", false
}

// HasType reports whether a user type or row type, or for an array type its element type, exists.
func (s *Snapshot) HasType(oid Oid) bool {
	if e := types.ElemOf(oid); e != 0 {
		oid = e
	}
	_, _, ok := s.typeIdentity(oid)
	return ok
}

// FormatType prints a type as format_type does, user types by name.
func (s *Snapshot) FormatType(searchPath []string, t types.Type) string {
	return s.ExpandTypeNames(searchPath, types.FormatType(t))
}

// ExpandTypeNames puts the names of user types into a text made with types.FormatType.
func (s *Snapshot) ExpandTypeNames(searchPath []string, text string) string {
	return types.ExpandNames(text, func(oid Oid) string { return s.TypeName(searchPath, oid) })
}

// putType enters a type into a snapshot under construction.
func (s *Snapshot) putType(t *Type) {
	if t.Range != nil {
		types.LearnRange(t.OID, t.Range.Subtype)
	}
	if t.derived == nil {
		t.derived = new(typeDerived)
	}
	s.types = s.types.put(t.OID, t)
	s.typeNames = s.typeNames.put(relName{t.SchemaID, t.Name}, t.OID)
	s.typeNames = s.typeNames.put(relName{t.SchemaID, t.ArrayName}, t.ArrayOID())
	for _, c := range t.Constructors {
		s.constructors = s.constructors.put(relName{c.SchemaID, c.Name}, t.OID)
	}
}

func (s *Snapshot) unlinkType(t *Type) {
	s.types = s.types.remove(t.OID)
	for _, c := range t.Constructors {
		if have, ok := s.constructors.get(relName{c.SchemaID, c.Name}); ok && have == t.OID {
			s.constructors = s.constructors.remove(relName{c.SchemaID, c.Name})
		}
	}
	for name, oid := range map[string]Oid{t.Name: t.OID, t.ArrayName: t.ArrayOID()} {
		if have, ok := s.typeNames.get(relName{t.SchemaID, name}); ok && have == oid {
			s.typeNames = s.typeNames.remove(relName{t.SchemaID, name})
		}
	}
}

// TypeOf returns the user type that a column's type depends on: itself, or the element type of an array type; 0 for a
// built-in type.
func TypeOf(t types.Type) Oid {
	oid := t.Declared()
	if e := types.ElemOf(oid); oid.IsUser() && e != 0 {
		return e
	}
	if oid.IsUser() {
		return oid
	}
	return 0
}

// typeDependents adds what depends on a user type or on its array type, which is a part of it.
func (s *Snapshot) typeDependents(oid Oid, add addDependent) {
	if types.ElemOf(oid) == 0 {
		add(Internal, PartType, types.ArrayOf(oid), 0)
	}
	s.typeUsers(oid, add)
	if oid.Class() == types.RangeClass {
		add(Internal, PartType, types.MultirangeOf(oid), 0)
	}
	s.viewsOn(oid, 0, add)
}

// typeUsers adds the tables and types that name a type or function.
func (s *Snapshot) typeUsers(oid Oid, add addDependent) {
	s.Tables(func(t *Table) bool {
		if t.OfType == oid {
			add(Normal, PartTable, t.OID, 0)
		}
		for i := range t.Columns {
			c := &t.Columns[i]
			if c.Dropped {
				continue
			}
			if c.Type.Declared() == oid {
				add(Normal, PartColumn, t.OID, c.Num)
			}
			switch {
			case !slices.Contains(c.DefaultDeps, oid):
			case c.Generated:
				add(Normal, PartColumn, t.OID, c.Num)
			default:
				add(Normal, PartDefault, t.OID, c.Num)
			}
		}
		for _, i := range t.Indexes {
			if slices.Contains(i.Deps, oid) {
				add(Normal, PartIndex, i.OID, 0)
			}
		}
		for _, c := range t.Constraints {
			if slices.Contains(c.CheckDeps, oid) {
				add(Normal, PartConstraint, c.OID, 0)
			}
		}
		return true
	})
	s.Types(func(t *Type) bool {
		if t.Range != nil && t.Range.Subtype.Declared() == oid {
			add(Normal, PartType, t.OID, 0)
		}
		for _, a := range t.Attrs {
			if !a.Dropped && a.Type.Declared() == oid {
				add(Normal, PartType, t.OID, 0)
			}
		}
		if d := t.Domain; d != nil && (d.Base.Declared() == oid || slices.Contains(d.Deps, oid)) {
			add(Normal, PartType, t.OID, 0)
		}
		return true
	})
}

// Domain is what makes a Type a domain.
type Domain struct {
	// Base is the type under it, perhaps another domain.
	Base      types.Type
	NotNull   bool
	Default   string // the DEFAULT expression's SQL text; empty for none
	Deps      []Oid  `json:",omitempty"` // what the default names
	Checks    []DomainCheck
	Collation Oid
}

// DomainCheck is a CHECK constraint of a domain.
type DomainCheck struct {
	OID       Oid
	Name      string
	Expr      string // over VALUE
	Deps      []Oid  `json:",omitempty"`
	Validated bool
	Comment   string
}

// DomainType returns the type of values of a domain, or with array set of arrays of it.
func (t *Type) DomainType(array bool) types.Type {
	out := types.Type{Oid: t.Domain.Base.Oid, Mod: t.Domain.Base.Mod, Domain: t.OID}
	if array {
		out.Oid, out.Domain = types.ArrayOf(out.Oid), t.ArrayOID()
	}
	return out
}

// DomainConstraint returns a constraint of a domain and the domain by the constraint's OID; nil, nil when there is none.
func (s *Snapshot) DomainConstraint(oid Oid) (found *Type, check *DomainCheck) {
	s.Types(func(t *Type) bool {
		if t.Domain != nil {
			for i := range t.Domain.Checks {
				if c := &t.Domain.Checks[i]; c.OID == oid {
					found, check = t, c
				}
			}
		}
		return found == nil
	})
	return found, check
}

// DomainConstraintDef prints a constraint of a domain as pg_get_constraintdef does; expr is the printed condition.
func DomainConstraintDef(c *DomainCheck, expr string) string {
	def := "CHECK (" + expr + ")"
	if !c.Validated {
		def += " NOT VALID"
	}
	return def
}

// ValueType returns the type of values of what an OID names: of a domain or an array of one, their base type's.
func (s *Snapshot) ValueType(oid Oid) types.Type {
	elem := oid
	if oid.IsUser() && types.ElemOf(oid) != 0 {
		elem = types.ElemOf(oid)
	}
	if t := s.Type(elem); t != nil && t.Domain != nil {
		return t.DomainType(elem != oid)
	}
	return types.T(oid)
}
