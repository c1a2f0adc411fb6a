package ddl

import (
	"context"
	"fmt"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// addCheck appends a CHECK constraint to a table under construction.
func (x *Tx) addCheck(ctx context.Context, t *catalog.Table, s *ConstraintSpec) (*catalog.Constraint, error) {
	name := s.Name
	if name == "" {
		col := ""
		if len(s.Check.Columns) == 1 {
			col = s.Check.Columns[0]
		}
		name = x.with(t).ChooseConstraintName(t.Name, col, "check", t.SchemaID, nil)
	} else if k := t.ConstraintByName(name); k != nil {
		creating := x.s.over.Table(t.OID) == nil
		if creating && k.InhCount == 0 { // both are of this CREATE TABLE
			return nil, pgerr.New(pgerr.DuplicateObject, "check constraint %q already exists", name)
		}
		return k, x.mergeCheck(t, k, s, creating || s.Inherited)
	}
	if s.NoInherit && t.Partitioning != nil {
		return nil, pgerr.New(pgerr.InvalidTableDefinition, "cannot add NO INHERIT constraint to partitioned table %q", t.Name)
	}
	c := &catalog.Constraint{
		Name: name, Type: catalog.Check, Check: s.Check.Text, CheckDeps: s.Check.named(), NoInherit: s.NoInherit, Validated: !s.NotValid,
		Comment: s.Comment, InhCount: s.InhCount, Inherited: s.Inherited,
	}
	for _, n := range s.Check.Columns {
		col := columnNamed(t, n)
		if col == nil {
			return nil, pgerr.New(pgerr.UndefinedColumn, "column %q does not exist", n)
		}
		c.Columns = append(c.Columns, col.Num)
	}
	var err error
	if c.OID, err = x.newOID(ctx); err != nil {
		return nil, err
	}
	t.Constraints = append(t.Constraints, c)
	return c, nil
}

// addKey appends a PRIMARY KEY or UNIQUE constraint and its index to a table under construction. Its row key and storages
// are layOutKeys' business for a primary key.
func (x *Tx) addKey(ctx context.Context, t *catalog.Table, s *ConstraintSpec) (*catalog.Constraint, *catalog.Index, error) {
	primary := s.Type == catalog.PrimaryKey
	if primary && t.PrimaryKey() != nil {
		return nil, nil, pgerr.New(pgerr.InvalidTableDefinition, "multiple primary keys for table %q are not allowed", t.Name)
	}
	cols := make([]IndexColumnSpec, len(s.Columns))
	for i, n := range s.Columns {
		cols[i].Name = n
	}
	columns, err := indexColumns(t, cols, "btree", true)
	if err != nil {
		return nil, nil, err
	}
	if len(s.Columns)+len(s.Include) > maxIndexColumns {
		return nil, nil, pgerr.New(pgerr.TooManyColumns, "cannot use more than %d columns in an index", maxIndexColumns)
	}
	include, err := includedColumns(t, s.Include, true)
	if err != nil {
		return nil, nil, err
	}
	if err := coversPartitionKey(t, map[bool]string{true: "PRIMARY KEY", false: "UNIQUE"}[primary], columns); err != nil {
		return nil, nil, err
	}
	over := x.with(t)
	name := s.Name
	switch {
	case name != "":
		if err := keyNameFree(over, t, name); err != nil {
			return nil, nil, err
		}
	case primary:
		name = over.ChooseRelationName(t.Name, "", "pkey", t.SchemaID, true)
	default:
		name = over.ChooseRelationName(t.Name, catalog.JoinColumnNames(indexColumnNames(cols, s.Include)), "key", t.SchemaID, true)
	}
	index := &catalog.Index{
		Name: name, Unique: true, Primary: primary, Columns: columns, Include: include, NullsNotDistinct: s.NullsNotDistinct,
		Parent: s.ParentIndex,
	}
	c := &catalog.Constraint{
		Name: name, Type: s.Type, Deferrable: s.Deferrable, Deferred: s.Deferred, Validated: true, Comment: s.Comment,
		InhCount: s.InhCount, Inherited: s.Inherited, Parent: s.Parent,
	}
	for _, k := range columns {
		c.Columns = append(c.Columns, k.Num)
		if primary {
			t.Columns[k.Num-1].NotNull = true
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
	index.Constraint, c.Index = c.OID, index.OID
	t.Indexes = append(t.Indexes, index)
	t.Constraints = append(t.Constraints, c)
	return c, index, nil
}

// keyNameFree judges a name given to a key constraint, which is also its index's.
func keyNameFree(over *catalog.Snapshot, t *catalog.Table, name string) error {
	if _, taken := over.Relation(t.SchemaID, name); taken {
		return errRelationExists(name)
	}
	if t.ConstraintByName(name) != nil {
		return pgerr.New(pgerr.DuplicateObject, "constraint %q for relation %q already exists", name, t.Name)
	}
	return nil
}

// indexColumns resolves and judges the key columns of an index. inConstraint picks the wording of a missing column.
func indexColumns(t *catalog.Table, specs []IndexColumnSpec, method string, inConstraint bool) ([]catalog.IndexColumn, error) {
	if len(specs) > maxIndexColumns {
		return nil, pgerr.New(pgerr.TooManyColumns, "cannot use more than %d columns in an index", maxIndexColumns)
	}
	out := make([]catalog.IndexColumn, len(specs))
	for i, s := range specs {
		if s.Expr != nil {
			if err := mustIndex(s.Type, method, s.OpClass); err != nil {
				return nil, err
			}
			out[i] = catalog.IndexColumn{
				Expr: s.Expr.Text, Uses: attributeNumbers(t, s.Expr.Columns), Type: s.Type,
				Desc: s.Desc, NullsFirst: s.NullsFirst, OpClass: s.OpClass, Collation: s.Collation,
			}
			continue
		}
		c := columnNamed(t, s.Name)
		switch {
		case c == nil && systemColumns[s.Name]:
			return nil, pgerr.New(pgerr.FeatureNotSupported, "index creation on system columns is not supported")
		case c == nil && inConstraint:
			return nil, pgerr.New(pgerr.UndefinedColumn, "column %q named in key does not exist", s.Name)
		case c == nil:
			return nil, pgerr.New(pgerr.UndefinedColumn, "column %q does not exist", s.Name)
		}
		if err := mustIndex(c.Type, method, s.OpClass); err != nil {
			return nil, err
		}
		out[i] = catalog.IndexColumn{Num: c.Num, Desc: s.Desc, NullsFirst: s.NullsFirst, OpClass: s.OpClass, Collation: s.Collation}
	}
	return out, nil
}

// mustIndex refuses a type that no index of a method can hold, under an operator class if one is named.
func mustIndex(t types.Type, method, class string) error {
	if method == "gin" {
		return mustIndexKeys(t, class)
	}
	if Indexable(t.Oid) {
		return nil
	}
	return errNoOperatorClass(t, method)
}

// mustIndexKeys is mustIndex of a GIN index.
func mustIndexKeys(t types.Type, class string) error {
	c := keyenc.DefaultGinClass(t.Oid)
	named := keyenc.GinClassNamed(class)
	switch {
	case class != "" && named == 0:
		return pgerr.NotSupported("operator class \"" + class + "\" of access method \"gin\"")
	case named != 0 && !named.Accepts(t.Oid):
		return pgerr.New(pgerr.DatatypeMismatch, "operator class %q does not accept data type %s", class, types.FormatType(types.T(t.Oid)))
	case named == keyenc.GinTrigram:
	case c == 0:
		return errNoOperatorClass(t, "gin")
	case c == keyenc.GinArray && !Indexable(t.Oid):
		return pgerr.New(pgerr.UndefinedFunction, "could not identify a comparison function for type %s",
			types.FormatType(types.T(types.ElemOf(t.Oid))))
	}
	return nil
}

func errNoOperatorClass(t types.Type, method string) error {
	return pgerr.New(pgerr.UndefinedObject, "data type %s has no default operator class for access method %q",
		types.FormatType(types.T(t.Oid)), method).
		WithHint("You must specify an operator class for the index or define a default operator class for the data type.")
}

// Indexable reports whether a type has a default btree operator class.
func Indexable(t types.Oid) bool {
	switch t {
	case types.JsonOid, types.XmlOid, types.PointOid, types.LsegOid, types.PathOid, types.BoxOid, types.PolygonOid,
		types.LineOid, types.CircleOid, types.XidOid, types.CidOid, types.AclitemOid, types.RefcursorOid, types.JsonpathOid,
		types.PgNodeTreeOid, types.Int2vectorOid:
		return false
	}
	if elem := types.ElemOf(t); elem != 0 && t != types.OidvectorOid {
		return Indexable(elem)
	}
	return true
}

// addForeignKey appends a FOREIGN KEY to a table under construction or altered, and notes it on the referenced table,
// which is put (a self-reference stays in t).
func (x *Tx) addForeignKey(ctx context.Context, t *catalog.Table, s *ConstraintSpec) (*catalog.Constraint, error) {
	parent, err := x.referencedTable(ctx, t, s.FK.RefTable)
	if err != nil {
		return nil, err
	}
	if err := x.checkPersistence(t, parent); err != nil {
		return nil, err
	}
	c := &catalog.Constraint{
		Type: catalog.Foreign, Deferrable: s.Deferrable, Deferred: s.Deferred, Validated: !s.NotValid, Comment: s.Comment,
		InhCount: s.InhCount, Inherited: s.Inherited, Parent: s.Parent,
	}
	fk := &catalog.ForeignKey{RefTable: parent.OID, Match: s.FK.Match, OnDelete: s.FK.OnDelete, OnUpdate: s.FK.OnUpdate}
	c.FK = fk
	if c.Columns, err = foreignColumns(t, s.Columns); err != nil {
		return nil, err
	}
	if fk.SetColumns, err = setColumns(t, s, c.Columns); err != nil {
		return nil, err
	}
	if err := generatedReference(t, c); err != nil {
		return nil, err
	}
	if err := resolveReference(parent, s.FK.RefColumns, fk); err != nil {
		return nil, err
	}
	if err := x.mustReference(parent, fk.RefColumns); err != nil {
		return nil, err
	}
	if len(c.Columns) != len(fk.RefColumns) {
		return nil, pgerr.New(pgerr.InvalidForeignKey, "number of referencing and referenced columns for foreign key disagree")
	}
	if c.Name = s.Name; c.Name == "" {
		c.Name = x.with(t).ChooseConstraintName(t.Name, catalog.JoinColumnNames(s.Columns), "fkey", t.SchemaID, nil)
	} else if t.ConstraintByName(c.Name) != nil {
		return nil, pgerr.New(pgerr.DuplicateObject, "constraint %q for relation %q already exists", c.Name, t.Name)
	}
	if err := checkKeyTypes(t, parent, c); err != nil {
		return nil, err
	}
	if c.OID, err = x.newOID(ctx); err != nil {
		return nil, err
	}
	t.Constraints = append(t.Constraints, c)
	inbound := catalog.InboundFK{Table: t.OID, Constraint: c.OID}
	if parent == t {
		t.Inbound = append(t.Inbound, inbound)
		return c, nil
	}
	p, err := x.alter(ctx, parent.OID)
	if err != nil {
		return nil, err
	}
	p.Inbound = append(p.Inbound, inbound)
	return c, x.putTable(ctx, p)
}

// generatedReference refuses actions that would assign to a generated column.
func generatedReference(t *catalog.Table, c *catalog.Constraint) error {
	for _, n := range c.Columns {
		if !t.Column(n).Generated {
			continue
		}
		refuse := func(event string) error {
			return pgerr.New(pgerr.SyntaxError, "invalid %s action for foreign key constraint containing generated column", event)
		}
		switch c.FK.OnUpdate {
		case catalog.SetNull, catalog.SetDefault, catalog.Cascade:
			return refuse("ON UPDATE")
		}
		switch c.FK.OnDelete {
		case catalog.SetNull, catalog.SetDefault:
			return refuse("ON DELETE")
		}
	}
	return nil
}

// referencedTable resolves the table that a foreign key references; it may be t itself, not yet in the catalog.
func (x *Tx) referencedTable(ctx context.Context, t *catalog.Table, n Name) (*catalog.Table, error) {
	n.Pos = 0
	over := x.s.over
	x.s.over = x.with(t)
	rel, err := x.find(n)
	x.s.over = over
	if err != nil {
		return nil, err
	}
	if rel.Kind != catalog.KindTable {
		return nil, pgerr.New(pgerr.WrongObjectType, "referenced relation %q is not a table", rel.Name())
	}
	if rel.Table.OID == t.OID {
		return t, nil
	}
	if err := x.lock(ctx, rel.Table.OID, ShareRowExclusiveLock); err != nil {
		return nil, err
	}
	parent := x.s.over.Table(rel.Table.OID)
	if parent == nil {
		return nil, errNoRelation(n)
	}
	return parent, nil
}

// foreignColumns is transformColumnNameList.
func foreignColumns(t *catalog.Table, names []string) ([]catalog.AttNum, error) {
	var out []catalog.AttNum
	for _, n := range names {
		c := columnNamed(t, n)
		if c == nil {
			if systemColumns[n] {
				return nil, pgerr.New(pgerr.FeatureNotSupported, "system columns cannot be used in foreign keys")
			}
			return nil, pgerr.New(pgerr.UndefinedColumn, "column %q referenced in foreign key constraint does not exist", n)
		}
		if len(out) >= maxIndexColumns {
			return nil, pgerr.New(pgerr.TooManyColumns, "cannot have more than %d keys in a foreign key", maxIndexColumns)
		}
		out = append(out, c.Num)
	}
	return out, nil
}

func setColumns(t *catalog.Table, s *ConstraintSpec, keys []catalog.AttNum) ([]catalog.AttNum, error) {
	named, err := foreignColumns(t, s.FK.SetColumns)
	if err != nil {
		return nil, err
	}
	var cols []catalog.AttNum
	for _, n := range named {
		if slices.Contains(cols, n) {
			continue
		}
		cols = append(cols, n)
		if !slices.Contains(keys, n) {
			return nil, pgerr.New(pgerr.InvalidColumnReference,
				"column %q referenced in ON DELETE SET action must be part of foreign key", t.Columns[n-1].Name)
		}
	}
	return cols, nil
}

// resolveReference finds the unique index that a foreign key depends on: the primary key's where no columns are named.
func resolveReference(p *catalog.Table, names []string, fk *catalog.ForeignKey) error {
	if names == nil {
		pk := p.PrimaryKey()
		if pk == nil {
			return pgerr.New(pgerr.UndefinedObject, "there is no primary key for referenced table %q", p.Name)
		}
		if pk.Deferrable {
			return pgerr.New(pgerr.ObjectNotInPrerequisiteState, "cannot use a deferrable primary key for referenced table %q", p.Name)
		}
		fk.RefColumns, fk.RefIndex = slices.Clone(pk.Columns), pk.Index
		return nil
	}
	cols, err := foreignColumns(p, names)
	if err != nil {
		return err
	}
	fk.RefColumns = cols
	for i, n := range cols {
		if slices.Contains(cols[:i], n) {
			return pgerr.New(pgerr.InvalidForeignKey, "foreign key referenced-columns list must not contain duplicates")
		}
	}
	deferrable := false
	for _, i := range p.Indexes {
		if !i.Unique || !i.OnColumns() || len(i.Columns) != len(cols) || !indexCovers(i, cols) {
			continue
		}
		if k := p.ConstraintByOID(i.Constraint); k != nil && k.Deferrable {
			deferrable = true
			continue
		}
		fk.RefIndex = i.OID
		return nil
	}
	if deferrable {
		return pgerr.New(pgerr.ObjectNotInPrerequisiteState, "cannot use a deferrable unique constraint for referenced table %q", p.Name)
	}
	return pgerr.New(pgerr.InvalidForeignKey, "there is no unique constraint matching given keys for referenced table %q", p.Name)
}

func indexCovers(i *catalog.Index, cols []catalog.AttNum) bool {
	for _, k := range i.Columns {
		if !slices.Contains(cols, k.Num) {
			return false
		}
	}
	return true
}

func checkKeyTypes(t, p *catalog.Table, c *catalog.Constraint) error {
	for i, n := range c.Columns {
		child, ref := t.Column(n), p.Column(c.FK.RefColumns[i])
		if !comparableKeys(child.Type.Oid, ref.Type.Oid) {
			return pgerr.New(pgerr.DatatypeMismatch, "foreign key constraint %q cannot be implemented", c.Name).
				WithDetail("%s", fmt.Sprintf("Key columns \"%s\" and \"%s\" are of incompatible types: %s and %s.",
					child.Name, ref.Name, types.FormatType(types.T(child.Type.Oid)), types.FormatType(types.T(ref.Type.Oid))))
		}
	}
	return nil
}

// keyFamily names the btree operator families that have operators across types.
func keyFamily(t types.Oid) string {
	switch t {
	case types.Int2Oid, types.Int4Oid, types.Int8Oid:
		return "integer"
	case types.Float4Oid, types.Float8Oid:
		return "float"
	case types.TextOid, types.VarcharOid, types.NameOid:
		return "text"
	case types.DateOid, types.TimestampOid, types.TimestamptzOid:
		return "datetime"
	}
	return ""
}

// comparableKeys reports whether the referenced column's operator family compares it with the referencing type, directly
// or after an implicit cast to the referenced type.
func comparableKeys(child, ref types.Oid) bool {
	if child == ref || keyFamily(child) != "" && keyFamily(child) == keyFamily(ref) {
		return true
	}
	if keyFamily(ref) == "text" {
		ref = types.TextOid
	}
	cast, ok := types.CastAllowed(child, ref)
	return ok && cast == types.Implicit
}
