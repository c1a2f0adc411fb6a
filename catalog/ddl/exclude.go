package ddl

import (
	"context"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// addExclusion appends an EXCLUDE constraint and its index to a table under construction.
func (x *Tx) addExclusion(ctx context.Context, t *catalog.Table, s *ConstraintSpec) (*catalog.Constraint, *catalog.Index, error) {
	if t.Partitioning != nil {
		return nil, nil, pgerr.New(pgerr.FeatureNotSupported, "exclusion constraints are not supported on partitioned tables").WithPosition(s.Pos)
	}
	spec := &s.Exclude.Index
	method := spec.Method
	columns, err := indexColumns(t, spec.Columns, method, true)
	if err != nil {
		return nil, nil, err
	}
	over := x.with(t)
	names := indexColumnNames(spec.Columns, nil)
	name := s.Name
	if name == "" {
		name = over.ChooseRelationName(t.Name, catalog.JoinColumnNames(names), "excl", t.SchemaID, true)
	} else if err := keyNameFree(over, t, name); err != nil {
		return nil, nil, err
	}
	index := &catalog.Index{Name: name, Columns: columns, Options: spec.Options}
	if method != "btree" {
		index.Method = method
	}
	if spec.Predicate != nil {
		index.Predicate, index.PredicateUses = spec.Predicate.Text, attributeNumbers(t, spec.Predicate.Columns)
	}
	index.Deps = spec.functions()
	c := &catalog.Constraint{
		Name: name, Type: catalog.Exclusion, Deferrable: s.Deferrable, Deferred: s.Deferred, Validated: true, Operators: s.Exclude.Operators,
		Comment: s.Comment,
	}
	for i := range columns {
		c.Columns = append(c.Columns, columns[i].Num)
		if columns[i].Num == 0 {
			columns[i].Name = names[i]
		}
	}
	// The index has the lower OID, as in PostgreSQL.
	if index.OID, err = x.newOID(ctx); err != nil {
		return nil, nil, err
	}
	if c.OID, err = x.newOID(ctx); err != nil {
		return nil, nil, err
	}
	if index.Storage, err = x.newStorage(ctx); err != nil {
		return nil, nil, err
	}
	if index.Marks, err = x.newStorage(ctx); err != nil {
		return nil, nil, err
	}
	index.Constraint, c.Index = c.OID, index.OID
	t.Indexes = append(t.Indexes, index)
	t.Constraints = append(t.Constraints, c)
	return c, index, nil
}
