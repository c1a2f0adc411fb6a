package catalog

import "github.com/pgmqdb/pgmqdb/sql/types"

// Range is what makes a Type a range type. The multirange over it is a Type of its own, with the same serial.
type Range struct {
	Subtype   types.Type
	Opclass   Oid // operator class that orders the subtype
	Collation Oid // 0 where the subtype has none
	Subdiff   Oid // function that gives the distance of two values of the subtype; 0 for none
}

// Constructor is a function that makes values of a range or multirange type. It has the name and schema that the type had
// when it was created, and keeps them, as in PostgreSQL.
type Constructor struct {
	OID      Oid
	SchemaID Oid
	Name     string
	Kind     ConstructorKind
}

// ConstructorKind tells the constructors of a type apart.
type ConstructorKind uint8

// The constructors: of a range from two bounds, and from two and flags; of a multirange from nothing, from a range, and from
// ranges or an array of them.
const (
	RangeOfBounds ConstructorKind = iota
	RangeOfBoundsAndFlags
	EmptyMultirange
	MultirangeOfRange
	MultirangeOfRanges
)

// Source is the function's pg_proc.prosrc.
func (c *Constructor) Source() string {
	return [...]string{"range_constructor2", "range_constructor3", "multirange_constructor0", "multirange_constructor1",
		"multirange_constructor2"}[c.Kind]
}

// Constructors calls f for the constructor functions of a name, in the given schema or along the search path.
func (s *Snapshot) Constructors(searchPath []string, schema, name string, f func(*Type, *Constructor)) {
	if schema != "" {
		searchPath = []string{BindSchema(searchPath, schema)}
	}
	for _, p := range searchPath {
		sc := s.SchemaByName(p)
		if sc == nil {
			continue
		}
		oid, ok := s.constructors.get(relName{sc.OID, name})
		if !ok {
			continue
		}
		t := s.Type(oid)
		for i := range t.Constructors {
			f(t, &t.Constructors[i])
		}
	}
}
