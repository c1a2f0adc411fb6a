package ddl

import (
	"context"
	"slices"
	"strconv"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// CreateIndex is CREATE INDEX.
func (x *Tx) CreateIndex(ctx context.Context, s *IndexSpec) error {
	t, err := x.lockIndexed(ctx, s.Table)
	if err != nil {
		return err
	}
	if t.Persistence == catalog.Temporary && !x.cfg.Temp.IsTempSchema(t.SchemaID) {
		return pgerr.New(pgerr.FeatureNotSupported, "cannot create indexes on temporary tables of other sessions")
	}
	if err := x.mustCreateIn(x.s.over.Schema(t.SchemaID), x.user()); err != nil {
		return err
	}
	if s.Name != "" {
		if _, taken := x.s.over.Relation(t.SchemaID, s.Name); taken {
			if s.IfNotExists {
				x.noticeExists(s.Name)
				return nil
			}
			return errRelationExists(s.Name)
		}
	}
	method := methodName(s.Method)
	switch {
	case s.Unique && method != "btree":
		return pgerr.New(pgerr.FeatureNotSupported, "access method %q does not support unique indexes", method)
	case len(s.Include) > 0 && method != "btree":
		return pgerr.New(pgerr.FeatureNotSupported, "access method %q does not support included columns", method)
	case len(s.Columns) > 1 && method == "hash":
		return pgerr.New(pgerr.FeatureNotSupported, "access method %q does not support multicolumn indexes", method)
	}
	if t, err = x.alter(ctx, t.OID); err != nil {
		return err
	}
	if len(s.Columns)+len(s.Include) > maxIndexColumns {
		return pgerr.New(pgerr.TooManyColumns, "cannot use more than %d columns in an index", maxIndexColumns)
	}
	columns, err := indexColumns(t, s.Columns, method, false)
	if err != nil {
		return err
	}
	if s.Unique {
		if err := coversPartitionKey(t, "UNIQUE", columns); err != nil {
			return err
		}
	}
	include, err := includedColumns(t, s.Include, false)
	if err != nil {
		return err
	}
	names := indexColumnNames(s.Columns, s.Include)
	name := s.Name
	if name == "" {
		name = x.s.over.ChooseRelationName(t.Name, catalog.JoinColumnNames(names), "idx", t.SchemaID, false)
	}
	for i := range columns {
		if columns[i].Num == 0 {
			columns[i].Name = names[i]
		}
	}
	index := &catalog.Index{
		Name: name, Unique: s.Unique, Columns: columns, Include: include, NullsNotDistinct: s.NullsNotDistinct,
		Options: s.Options, Comment: s.Comment, Parent: s.Parent,
	}
	if s.Predicate != nil {
		index.Predicate, index.PredicateUses = s.Predicate.Text, attributeNumbers(t, s.Predicate.Columns)
	}
	index.Deps = s.functions()
	if method != "btree" {
		index.Method = method
	}
	if index.OID, err = x.newOID(ctx); err != nil {
		return err
	}
	if index.Storage, err = x.newStorage(ctx); err != nil {
		return err
	}
	t.Indexes = append(t.Indexes, index)
	if err := x.buildIndexes(ctx, t, index); err != nil {
		return err
	}
	return x.indexPartitions(ctx, t.OID, index.OID, s)
}

// indexPartitions makes the index of a partitioned table in its partitions.
func (x *Tx) indexPartitions(ctx context.Context, table, index catalog.Oid, s *IndexSpec) error {
	t := x.s.over.Table(table)
	if t.Partitioning == nil {
		return nil
	}
	if s.Table.Only {
		return x.onlyParent(ctx, table, index)
	}
	for _, oid := range x.s.over.PartitionOrder(t) {
		if err := x.ensureIndex(ctx, table, index, oid); err != nil {
			return err
		}
	}
	return nil
}

// indexColumnNames is ChooseIndexColumnNames: every column of an index has a name that no other has.
func indexColumnNames(cols []IndexColumnSpec, include []string) []string {
	var out []string
	add := func(name string) {
		if name == "" {
			name = "expr"
		}
		free := name
		for i := 1; slices.Contains(out, free); i++ {
			suffix := strconv.Itoa(i)
			free = catalog.Truncate(name, catalog.MaxNameBytes-len(suffix)) + suffix
		}
		out = append(out, free)
	}
	for i := range cols {
		if cols[i].Expr != nil {
			add(cols[i].Figured)
		} else {
			add(cols[i].Name)
		}
	}
	for _, n := range include {
		add(n)
	}
	return out
}

// includedColumns resolves the columns of INCLUDE.
func includedColumns(t *catalog.Table, names []string, inConstraint bool) ([]catalog.AttNum, error) {
	var out []catalog.AttNum
	for _, n := range names {
		c := columnNamed(t, n)
		switch {
		case c == nil && systemColumns[n]:
			return nil, pgerr.New(pgerr.FeatureNotSupported, "index creation on system columns is not supported")
		case c == nil && inConstraint:
			return nil, pgerr.New(pgerr.UndefinedColumn, "column %q named in key does not exist", n)
		case c == nil:
			return nil, pgerr.New(pgerr.UndefinedColumn, "column %q does not exist", n)
		}
		out = append(out, c.Num)
	}
	return out, nil
}

func methodName(m string) string {
	if m == "" {
		return "btree"
	}
	return m
}

// lockIndexed resolves the table of CREATE INDEX.
func (x *Tx) lockIndexed(ctx context.Context, n Name) (*catalog.Table, error) {
	x.refresh()
	if err := x.MustOwn(n); err != nil {
		return nil, err
	}
	rel, err := x.find(n)
	if err != nil {
		n.Pos = 0
		return nil, at(err, n.Pos)
	}
	if rel.Kind != catalog.KindTable && rel.Kind != catalog.KindMatView {
		e := pgerr.New(pgerr.WrongObjectType, "cannot create index on relation %q", rel.Name())
		switch rel.Kind {
		case catalog.KindView:
			e.WithDetail("This operation is not supported for views.")
		case catalog.KindSequence:
			e.WithDetail("This operation is not supported for sequences.")
		case catalog.KindIndex:
			e.WithDetail("This operation is not supported for indexes.")
		}
		return nil, e
	}
	return x.lockKind(ctx, rel.Kind, n, ShareLock)
}

// buildIndexes puts a table that got new indexes and fills them from its rows.
func (x *Tx) buildIndexes(ctx context.Context, t *catalog.Table, indexes ...*catalog.Index) error {
	if err := x.putTable(ctx, t); err != nil {
		return err
	}
	if err := x.raise(ctx, t.OID); err != nil {
		return err
	}
	built := t.Clone() // t itself is in the overlay now
	for _, i := range indexes {
		if i.RowKey {
			continue
		}
		x.build(i.Storage)
		at, err := x.cfg.Backend.BuildIndex(ctx, t, i)
		if err != nil {
			return err
		}
		built.IndexByOID(i.OID).BuiltAt = at
	}
	return x.putTable(ctx, built)
}

// functions are the users' functions that an index's expressions and predicate call.
func (s *IndexSpec) functions() (out []catalog.Oid) {
	add := func(e *Expression) {
		if e == nil {
			return
		}
		for _, oid := range e.Functions {
			if !slices.Contains(out, oid) {
				out = append(out, oid)
			}
		}
	}
	for i := range s.Columns {
		add(s.Columns[i].Expr)
	}
	add(s.Predicate)
	return out
}
