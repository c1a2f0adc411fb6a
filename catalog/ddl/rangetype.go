package ddl

import (
	"context"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// RangeSpec is CREATE TYPE … AS RANGE.
type RangeSpec struct {
	Name       Name
	Multirange *Name // nil: PostgreSQL's choice
	catalog.Range
}

// CreateRange creates a range type, the multirange type over it and their constructor functions.
func (x *Tx) CreateRange(ctx context.Context, s *RangeSpec) error {
	t, err := x.newType(ctx, types.RangeClass, s.Name)
	if err != nil {
		return err
	}
	if err := x.shareTypes(ctx, s.Subtype); err != nil {
		return err
	}
	m, err := x.newMultirange(ctx, t, s.Multirange)
	if err != nil {
		return err
	}
	t.Range = &s.Range
	if err := x.addConstructors(ctx, t, catalog.RangeOfBounds, catalog.RangeOfBoundsAndFlags); err != nil {
		return err
	}
	if err := x.addConstructors(ctx, m, catalog.EmptyMultirange, catalog.MultirangeOfRange, catalog.MultirangeOfRanges); err != nil {
		return err
	}
	if err := x.put(ctx, t); err != nil {
		return err
	}
	m.ArrayName = x.arrayTypeName(m.SchemaID, m.Name)
	return x.put(ctx, m)
}

// newMultirange makes the multirange type over a new range type.
func (x *Tx) newMultirange(ctx context.Context, t *catalog.Type, n *Name) (*catalog.Type, error) {
	m := &catalog.Type{OID: types.MultirangeOf(t.OID), SchemaID: t.SchemaID, Owner: t.Owner}
	if n == nil {
		m.Name = multirangeName(t.Name)
		if x.claimTypeName(ctx, m.SchemaID, m.Name) != nil || m.Name == t.Name {
			return nil, errTypeExists(m.Name).WithDetail("Failed while creating a multirange type for type \"%s\".", t.Name).
				WithHint("You can manually specify a multirange type name using the \"multirange_type_name\" attribute.")
		}
		return m, nil
	}
	if n.Schema == catalog.PgCatalogName && builtinType(*n) != nil {
		return nil, errTypeExists(n.Name)
	}
	schema, err := x.creationSchema(ctx, n.Schema, n.Name)
	if err != nil {
		return nil, err
	}
	m.SchemaID, m.Name = schema.OID, n.Name
	if m.SchemaID == t.SchemaID && m.Name == t.Name {
		return nil, errTypeExists(m.Name)
	}
	return m, x.claimTypeName(ctx, m.SchemaID, m.Name)
}

// multirangeName is makeMultirangeTypeName: the first "range" of the name becomes "multirange", or that is added.
func multirangeName(name string) string {
	if before, after, ok := strings.Cut(name, "range"); ok {
		return catalog.Truncate(before+"multirange"+after, catalog.MaxNameBytes)
	}
	return catalog.Truncate(name, catalog.MaxNameBytes-len("_multirange")) + "_multirange"
}

func (x *Tx) addConstructors(ctx context.Context, t *catalog.Type, kinds ...catalog.ConstructorKind) error {
	path, schema := x.searchPath(), x.s.over.SchemaName(t.SchemaID)
	var err error
	x.s.over.Constructors(path, schema, t.Name, func(*catalog.Type, *catalog.Constructor) {
		err = pgerr.New(pgerr.DuplicateFunction, "function %q already exists with same argument types", t.Name)
	})
	if err != nil {
		return err
	}
	first, err := x.cfg.Alloc.OIDs(ctx, len(kinds))
	if err != nil {
		return err
	}
	for i, k := range kinds {
		t.Constructors = append(t.Constructors, catalog.Constructor{OID: first + catalog.Oid(i), SchemaID: t.SchemaID, Name: t.Name, Kind: k})
	}
	return nil
}
