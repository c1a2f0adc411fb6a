package ddl

import (
	"context"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

const (
	maxColumns      = 1600
	maxIndexColumns = 32
	// rowIDName is the name under which the hidden row id column is stored; lookups by name never find it.
	rowIDName = "rowid"
)

// systemColumns are the names that no user column may have.
var systemColumns = map[string]bool{"ctid": true, "xmin": true, "cmin": true, "xmax": true, "cmax": true, "tableoid": true}

// CreateTable is CREATE TABLE. It returns nil without an error where the table exists and IfNotExists allows it.
func (x *Tx) CreateTable(ctx context.Context, s *TableSpec) (*catalog.Table, error) {
	x.refresh()
	schema, persistence, err := x.relationSchema(ctx, s.Schema, s.Name, s.Persistence)
	if err != nil {
		if x.superuser() && (s.Schema == catalog.PgCatalogName || s.Schema == catalog.InformationSchemaName) {
			return nil, err // PostgreSQL finds it out when it makes the table
		}
		return nil, at(err, s.Pos)
	}
	if s.IfNotExists {
		if _, taken := x.s.over.Relation(schema.OID, s.Name); taken {
			x.noticeExists(s.Name)
			return nil, nil
		}
	}
	t := &catalog.Table{
		SchemaID: schema.OID, Name: s.Name, Owner: x.user(), Version: catalog.FirstTableSchemaVersion,
		Options: slices.Clone(s.Options), Comment: s.Comment, Persistence: persistence, OnCommit: s.OnCommit,
		MatView: s.MatView, OfType: s.OfType,
	}
	if s.HasOnCommit && persistence != catalog.Temporary {
		return nil, pgerr.New(pgerr.InvalidTableDefinition, "ON COMMIT can only be used on temporary tables")
	}
	if t.ACL, err = x.defaultACL(catalog.ACLRelation, schema.OID); err != nil {
		return nil, err
	}
	if err := checkColumns(s.Columns); err != nil {
		return nil, err
	}
	if err := x.shareTypes(ctx, types.T(s.OfType)); err != nil {
		return nil, err
	}
	parents, err := x.lockParents(ctx, s.Parents, persistence == catalog.Temporary, s.Bound != nil)
	if err != nil {
		return nil, err
	}
	if s, err = x.merge(s, parents); err != nil {
		return nil, err
	}
	if len(s.Columns) > maxColumns {
		return nil, pgerr.New(pgerr.TooManyColumns, "tables can have at most %d columns", maxColumns)
	}
	for _, p := range parents {
		t.Parents = append(t.Parents, p.OID)
	}
	if s.Bound != nil {
		if err := x.checkBound(s.Name, parents[0], s.Bound); err != nil {
			return nil, err
		}
		bound := s.Bound.PartitionBound
		t.Bound = &bound
		x.cloneKeys(s, parents[0])
	}
	sequences, err := x.addColumns(ctx, t, s.Columns)
	if err != nil {
		return nil, err
	}
	if err := setPartitioning(t, s.Partitioning); err != nil {
		return nil, err
	}
	if err := markKeysNotNull(t, s.Constraints); err != nil {
		return nil, err
	}
	if _, taken := x.s.over.Relation(schema.OID, s.Name); taken {
		return nil, errRelationExists(s.Name)
	}
	if x.typeNameTaken(schema.OID, s.Name) {
		if oid, _ := x.s.over.TypeIn(schema.OID, s.Name); oid.Class() == types.CompositeClass {
			return nil, errRelationExists(s.Name)
		}
		return nil, errRelationType(s.Name)
	}
	if t.OID, err = x.newOID(ctx); err != nil {
		return nil, err
	}
	if t.RowStorage, err = x.newStorage(ctx); err != nil {
		return nil, err
	}
	if s.MatView != nil {
		for _, d := range s.MatView.Deps {
			if err := x.shareRelation(ctx, d.Relation); err != nil {
				return nil, err
			}
		}
	}
	if err := x.addConstraints(ctx, t, s.Constraints, s.DistributionKey); err != nil {
		return nil, err
	}
	if err := x.putTable(ctx, t); err != nil {
		return nil, err
	}
	for _, q := range sequences {
		q.OwnedByTab = t.OID
		if err := x.put(ctx, q); err != nil {
			return nil, err
		}
	}
	if err := x.link(ctx, t.OID, parents); err != nil {
		return nil, err
	}
	if s.Bound != nil {
		if err := x.validateDefault(ctx, parents[0].OID, t.Bound); err != nil {
			return nil, err
		}
	}
	for i := range s.Indexes {
		ix := s.Indexes[i]
		ix.Table = Name{Schema: schema.Name, Name: s.Name}
		if err := x.CreateIndex(ctx, &ix); err != nil {
			return nil, err
		}
	}
	for _, k := range slices.Clone(x.s.over.Table(t.OID).ForeignKeys()) {
		if x.s.over.InheritedForeignKey(t, k) {
			continue
		}
		if err := x.referenceParts(ctx, t.OID, k.OID); err != nil {
			return nil, err
		}
	}
	if s.Bound != nil {
		if err := x.attachReferenced(ctx, parents[0].OID, t.OID); err != nil {
			return nil, err
		}
		if err := x.attachTriggers(ctx, parents[0].OID, t.OID); err != nil {
			return nil, err
		}
	}
	return x.s.over.Table(t.OID), nil
}

// at gives an error a position where it has none.
func at(err error, pos int) error {
	if e, ok := err.(*pgerr.Error); ok && e.Position == 0 && pos > 0 {
		return e.WithPosition(pos)
	}
	return err
}

// checkColumns is CheckAttributeNamesTypes.
func checkColumns(cols []ColumnSpec) error {
	if len(cols) > maxColumns {
		return pgerr.New(pgerr.TooManyColumns, "tables can have at most %d columns", maxColumns)
	}
	seen := map[string]bool{}
	for i := range cols {
		if c := &cols[i]; seen[c.Name] {
			return pgerr.New(pgerr.DuplicateColumn, "column %q specified more than once", c.Name)
		}
		seen[cols[i].Name] = true
	}
	for i := range cols {
		if err := checkColumn(&cols[i]); err != nil {
			return err
		}
	}
	return nil
}

// checkPseudo refuses columns of pseudo-types.
func checkPseudo(name string, t types.Type) error {
	if info := types.Lookup(t.Oid); info != nil && info.Type == 'p' {
		return pgerr.New(pgerr.InvalidTableDefinition, "column %q has pseudo-type %s", name, types.FormatType(types.T(t.Oid)))
	}
	return nil
}

func checkColumn(c *ColumnSpec) error {
	if systemColumns[c.Name] {
		return pgerr.New(pgerr.DuplicateColumn, "column name %q conflicts with a system column name", c.Name)
	}
	if err := checkPseudo(c.Name, c.Type); err != nil {
		return err
	}
	if !types.Supported(c.Type.Oid) {
		return pgerr.New(pgerr.FeatureNotSupported, "columns of type %s are not supported", types.FormatType(types.T(c.Type.Oid)))
	}
	return nil
}

// addColumns appends columns to a table under construction and builds, without putting them, the sequences of its serial
// and identity columns.
func (x *Tx) addColumns(ctx context.Context, t *catalog.Table, specs []ColumnSpec) ([]*catalog.Sequence, error) {
	var out []*catalog.Sequence
	var names []string
	for i := range specs {
		s := &specs[i]
		if err := x.shareTypes(ctx, s.Type); err != nil {
			return nil, err
		}
		c := catalog.Column{
			Num: catalog.AttNum(len(t.Columns) + 1), Name: s.Name, Type: s.Type, NotNull: s.NotNull,
			Identity: s.Identity, Collation: s.Collation, Comment: s.Comment, InhCount: s.InhCount, Inherited: s.Inherited,
		}
		if s.Default != nil {
			c.Default, c.DefaultDeps, c.Generated = s.Default.Text, s.Default.Deps(), s.Generated
		}
		if s.Sequence != nil {
			q, err := x.columnSequence(ctx, t, s, names)
			if err != nil {
				return nil, err
			}
			q.OwnedByCol, q.OwnedByAuto = c.Num, s.Identity != catalog.NoIdentity
			c.Sequence = q.OID
			c.NotNull = true
			if s.Identity == catalog.NoIdentity {
				c.Default, c.DefaultDeps = SequenceDefault(q.OID), []catalog.Oid{q.OID}
			}
			names = append(names, q.Name)
			out = append(out, q)
		}
		t.Columns = append(t.Columns, c)
	}
	for i := range specs {
		if s := &specs[i]; s.Generated {
			c := &t.Columns[len(t.Columns)-len(specs)+i]
			c.Uses = attributeNumbers(t, s.Default.Columns)
		}
	}
	return out, nil
}

// attributeNumbers returns the numbers of live columns by name.
func attributeNumbers(t *catalog.Table, names []string) []catalog.AttNum {
	var out []catalog.AttNum
	for _, n := range names {
		if c := columnNamed(t, n); c != nil {
			out = append(out, c.Num)
		}
	}
	return out
}

// columnSequence builds the sequence of a serial or identity column; names are those of sequences not yet put.
func (x *Tx) columnSequence(ctx context.Context, t *catalog.Table, s *ColumnSpec, names []string) (*catalog.Sequence, error) {
	name, schema := s.Sequence.Name, t.SchemaID
	if name == "" {
		over := x.s.over
		for _, n := range names {
			over = over.With(&catalog.Sequence{SchemaID: schema, Name: n})
		}
		name = over.ChooseRelationName(t.Name, s.Name, "seq", schema, false)
	} else if s.Sequence.Schema != "" {
		sc, err := x.creationSchema(ctx, s.Sequence.Schema, name)
		if err != nil {
			return nil, err
		}
		schema = sc.OID
	}
	spec := *s.Sequence
	if spec.Type == 0 {
		spec.Type = s.Type.Oid
	}
	q, err := x.newSequence(ctx, schema, name, &spec, s.Identity != catalog.NoIdentity)
	if err == nil {
		q.Persistence = t.Persistence
		q.OwnedByTab, q.Owner = t.OID, t.Owner
	}
	return q, err
}

// markKeysNotNull makes the columns of a primary key NOT NULL.
func markKeysNotNull(t *catalog.Table, specs []ConstraintSpec) error {
	for i := range specs {
		if specs[i].Type != catalog.PrimaryKey {
			continue
		}
		for _, name := range specs[i].Columns {
			if c := columnNamed(t, name); c != nil {
				c.NotNull = true
			}
		}
	}
	return nil
}

// columnNamed finds a live column of a table under construction, to be changed.
func columnNamed(t *catalog.Table, name string) *catalog.Column {
	for i := range t.Columns {
		if c := &t.Columns[i]; c.Name == name && !c.Dropped && !c.Hidden {
			return c
		}
	}
	return nil
}

// addConstraints adds the constraints of CREATE TABLE in PostgreSQL's order: checks, then keys, then, once the row key is
// settled, foreign keys.
func (x *Tx) addConstraints(ctx context.Context, t *catalog.Table, specs []ConstraintSpec, dist []string) error {
	for i := range specs {
		if specs[i].Type == catalog.Check {
			if _, err := x.addCheck(ctx, t, &specs[i]); err != nil {
				return err
			}
		}
	}
	keys, err := keySpecs(t, specs)
	if err != nil {
		return err
	}
	for _, s := range keys {
		if _, _, err := x.addKey(ctx, t, s); err != nil {
			return err
		}
	}
	for i := range specs {
		if specs[i].Type == catalog.Exclusion {
			if _, _, err := x.addExclusion(ctx, t, &specs[i]); err != nil {
				return err
			}
		}
	}
	if err := setDistribution(t, dist); err != nil {
		return err
	}
	if err := x.layOutKeys(ctx, t); err != nil {
		return err
	}
	for i := range specs {
		if specs[i].Type == catalog.Foreign {
			if _, err := x.addForeignKey(ctx, t, &specs[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// keySpecs is transformIndexConstraints: the primary key first, and a UNIQUE that repeats another key is one with it.
func keySpecs(t *catalog.Table, specs []ConstraintSpec) ([]*ConstraintSpec, error) {
	var primary *ConstraintSpec
	var rest, out []*ConstraintSpec
	for i := range specs {
		s := &specs[i]
		switch s.Type {
		case catalog.PrimaryKey:
			if primary != nil {
				return nil, pgerr.New(pgerr.InvalidTableDefinition, "multiple primary keys for table %q are not allowed", t.Name).
					WithPosition(s.Pos)
			}
			primary = s
		case catalog.Unique:
			rest = append(rest, s)
		default:
			continue
		}
		if err := checkKeyColumns(t, s); err != nil {
			return nil, err
		}
	}
	if primary != nil {
		p := *primary
		out = append(out, &p)
	}
next:
	for _, s := range rest {
		for _, prior := range out {
			if slices.Equal(prior.Columns, s.Columns) && slices.Equal(prior.Include, s.Include) &&
				prior.NullsNotDistinct == s.NullsNotDistinct && prior.Deferrable == s.Deferrable && prior.Deferred == s.Deferred {
				if prior.Name == "" {
					prior.Name = s.Name
				}
				continue next
			}
		}
		c := *s
		out = append(out, &c)
	}
	return out, nil
}

// checkKeyColumns is the part of transformIndexConstraint that judges the column list.
func checkKeyColumns(t *catalog.Table, s *ConstraintSpec) error {
	for _, name := range s.Include {
		if columnNamed(t, name) == nil && !systemColumns[name] {
			return pgerr.New(pgerr.UndefinedColumn, "column %q named in key does not exist", name).WithPosition(s.Pos)
		}
	}
	for i, name := range s.Columns {
		if columnNamed(t, name) == nil && !systemColumns[name] {
			return pgerr.New(pgerr.UndefinedColumn, "column %q named in key does not exist", name).WithPosition(s.Pos)
		}
		if slices.Contains(s.Columns[:i], name) {
			kind := "unique"
			if s.Type == catalog.PrimaryKey {
				kind = "primary key"
			}
			return pgerr.New(pgerr.DuplicateColumn, "column %q appears twice in %s constraint", name, kind).WithPosition(max(s.Pos, s.KeyPos))
		}
	}
	return nil
}

// setDistribution resolves the distribution_key option.
func setDistribution(t *catalog.Table, names []string) error {
	t.DistColumns = nil
	for _, name := range names {
		c := columnNamed(t, name)
		if c == nil {
			return pgerr.New(pgerr.UndefinedColumn, "column %q named in distribution_key does not exist", name)
		}
		if slices.Contains(t.DistColumns, c.Num) {
			return pgerr.New(pgerr.DuplicateColumn, "column %q appears twice in distribution_key", name)
		}
		t.DistColumns = append(t.DistColumns, c.Num)
	}
	return nil
}

// layOutKeys settles the row key of a table whose keys are known: the primary key, else a hidden row id; the default
// distribution; and whether the primary key's uniqueness is the row key's own or needs an index of its own. It is
// idempotent.
func (x *Tx) layOutKeys(ctx context.Context, t *catalog.Table) error {
	hidden := t.RowIDColumn()
	pk, index := t.PrimaryKey(), t.PrimaryIndex()
	wasDefault := len(t.DistColumns) == 0 || slices.Equal(t.DistColumns, t.KeyColumns)
	// A deferrable key may have two rows for a while: it cannot be their key.
	if pk == nil || pk.Deferrable {
		if hidden == 0 {
			hidden = catalog.AttNum(len(t.Columns) + 1)
			t.Columns = append(t.Columns, catalog.Column{
				Num: hidden, Name: rowIDName, Type: types.T(types.Int8Oid), NotNull: true, Hidden: true,
			})
		}
		t.KeyColumns = []catalog.AttNum{hidden}
	} else {
		if hidden != 0 {
			t.Columns[hidden-1].Dropped = true
		}
		t.KeyColumns = slices.Clone(pk.Columns)
	}
	if wasDefault {
		t.DistColumns = slices.Clone(t.KeyColumns)
	}
	if index == nil {
		return nil
	}
	index.RowKey = !pk.Deferrable && containsAll(pk.Columns, t.DistColumns)
	if index.RowKey {
		index.Storage = t.RowStorage
		return nil
	}
	var err error
	if index.Storage == 0 || index.Storage == t.RowStorage {
		index.Storage, err = x.newStorage(ctx)
	}
	return err
}

func containsAll(set, of []catalog.AttNum) bool {
	for _, n := range of {
		if !slices.Contains(set, n) {
			return false
		}
	}
	return true
}
