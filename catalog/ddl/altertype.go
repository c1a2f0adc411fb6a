package ddl

import (
	"context"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// alterTypes is ALTER COLUMN … TYPE of one or more columns of a table. Every conversion reads the rows as they were before
// the statement, so that two columns can change places; the table is rewritten once. It returns the columns that were
// converted: the foreign keys that these are part of are still to be judged.
func (x *Tx) alterTypes(ctx context.Context, table catalog.Oid, list []AlterCommand) (nums []catalog.AttNum, err error) {
	t, err := x.alter(ctx, table)
	if err != nil {
		return nil, err
	}
	exprs := map[catalog.AttNum]string{}
	for i := range list {
		if slices.ContainsFunc(list[:i], func(c AlterCommand) bool { return c.Name == list[i].Name }) {
			return nil, pgerr.New(pgerr.FeatureNotSupported, "cannot alter type of column %q twice", list[i].Name)
		}
		num, expr, err := x.retype(ctx, t, &list[i])
		if err != nil {
			return nil, err
		}
		if expr != "" {
			exprs[num], nums = expr, append(nums, num)
		}
	}
	if len(nums) == 0 {
		return nil, x.putTable(ctx, t)
	}
	return nums, x.rewrite(ctx, t, exprs)
}

// retype gives a column of a table under change its new type. expr computes its values from the old rows; it is empty where
// they stay as they are stored.
func (x *Tx) retype(ctx context.Context, t *catalog.Table, c *AlterCommand) (num catalog.AttNum, expr string, err error) {
	col := columnNamed(t, c.Name)
	if col == nil {
		return 0, "", errNoColumn(c.Name, t.Name)
	}
	if col.Generated && c.Type.Using != nil {
		return 0, "", pgerr.New(pgerr.InvalidColumnDefinition, "cannot specify USING when altering type of generated column").
			WithDetail("Column \"%s\" is a generated column.", col.Name)
	}
	to := c.Type.Type
	if err := x.checkMember(to.Declared(), types.UserOid(types.CompositeClass, t.OID)); err != nil {
		return 0, "", err
	}
	if err := checkColumn(&ColumnSpec{Name: c.Name, Type: to}); err != nil {
		return 0, "", err
	}
	if err := x.typeUsers(t, col); err != nil {
		return 0, "", err
	}
	if col.Identity != catalog.NoIdentity {
		if err := x.alterSequence(ctx, col.Sequence, &SequenceSpec{Type: to.Oid}); err != nil {
			return 0, "", err
		}
	}
	from := col.Type
	if c.Type.Using == nil {
		if cast, ok := types.CastAllowed(from.Oid, to.Oid); from.Oid != to.Oid && (!ok || cast == types.Explicit) {
			name := types.FormatType(to)
			err := pgerr.New(pgerr.DatatypeMismatch, "column %q cannot be cast automatically to type %s", c.Name, types.FormatType(types.T(to.Oid)))
			if col.Generated {
				return 0, "", err
			}
			return 0, "", err.WithHint("You might need to specify \"USING %s::%s\".", catalog.QuoteIdent(c.Name), name)
		}
	}
	if err := x.checkRowTypeUnused(t); err != nil {
		return 0, "", err
	}
	col.Type, col.Collation = to, c.Type.Collation
	if col.Default != "" && c.Type.ConvertedDefault != nil {
		col.Default, col.DefaultDeps = c.Type.ConvertedDefault.Text, c.Type.ConvertedDefault.Deps()
	}
	if err := x.recheckKeys(t, col.Num); err != nil {
		return 0, "", err
	}
	retyped, err := x.retypeIndexes(t, col)
	if err != nil {
		return 0, "", err
	}
	if c.Type.Using == nil && sameStored(from, to) && !retyped {
		return col.Num, "", nil
	}
	if slices.ContainsFunc(t.Indexes, func(i *catalog.Index) bool { return i.Excludes() && slices.Contains(i.Uses(), col.Num) }) {
		return 0, "", pgerr.NotSupported("changing the type of a column of an exclusion constraint")
	}
	expr = catalog.QuoteIdent(c.Name) // converted as by assignment: what does not fit is an error
	switch {
	case c.Type.Using != nil:
		expr = c.Type.Using.Text
	case col.Generated:
		expr = col.Default
	}
	// A rewritten column has its value in every row.
	col.Missing, col.HasMissing = "", false
	return col.Num, expr, nil
}

// retypeIndexes gives the expressions of indexes over a column of a new type their types. retyped says that there are some.
func (x *Tx) retypeIndexes(t *catalog.Table, col *catalog.Column) (retyped bool, err error) {
	for _, i := range t.Indexes {
		method := methodName(i.Method)
		for n := range i.Columns {
			k := &i.Columns[n]
			if k.Num == col.Num {
				if err := mustIndex(col.Type, method, k.OpClass); err != nil {
					return false, err
				}
			}
			if !slices.Contains(k.Uses, col.Num) {
				continue
			}
			if k.Type, k.Name, err = x.cfg.Exprs.IndexType(x.s.over, t, k.Expr, false); err != nil {
				return false, err
			}
			retyped = true
			if err := mustIndex(k.Type, method, k.OpClass); err != nil {
				return false, err
			}
		}
		if slices.Contains(i.PredicateUses, col.Num) {
			retyped = true
			if _, _, err := x.cfg.Exprs.IndexType(x.s.over, t, i.Predicate, true); err != nil {
				return false, err
			}
		}
		renameExpressions(t, i)
	}
	return retyped, nil
}

// renameExpressions gives the expressions of an index names that no other column of it has.
func renameExpressions(t *catalog.Table, i *catalog.Index) {
	specs := make([]IndexColumnSpec, len(i.Columns))
	for n, k := range i.Columns {
		if k.Num != 0 {
			specs[n].Name = t.Column(k.Num).Name
		} else {
			specs[n].Expr, specs[n].Figured = &Expression{}, k.Name
		}
	}
	for n, name := range indexColumnNames(specs, nil) {
		if k := &i.Columns[n]; k.Num == 0 {
			k.Name = name
		}
	}
}

// isView reports whether a part is a view, materialized or not.
func (x *Tx) isView(p catalog.Part) bool {
	if p.Kind == catalog.PartTable {
		t := x.s.over.Table(p.OID)
		return t != nil && t.MatView != nil
	}
	return p.Kind == catalog.PartView
}

// typeUsers refuses the change of a column that a view uses.
func (x *Tx) typeUsers(t *catalog.Table, col *catalog.Column) error {
	users := x.s.over.Dependents(catalog.Part{Kind: catalog.PartColumn, OID: t.OID, Sub: col.Num})
	slices.Reverse(users) // older ones first, as PostgreSQL finds them
	for _, d := range users {
		if d.Kind == catalog.PartColumn {
			return pgerr.New(pgerr.FeatureNotSupported, "cannot alter type of a column used by a generated column").
				WithDetail("Column \"%s\" is used by generated column \"%s\".", col.Name, t.Column(d.Sub).Name)
		}
		if d.Kind == catalog.PartRule {
			return pgerr.New(pgerr.FeatureNotSupported, "cannot alter type of a column used by a view or rule").
				WithDetail("%s depends on column \"%s\"", x.s.over.Describe(x.searchPath(), d.Part), col.Name)
		}
		if d.Kind == catalog.PartPolicy {
			return pgerr.New(pgerr.FeatureNotSupported, "cannot alter type of a column used in a policy definition").
				WithDetail("%s depends on column \"%s\"", x.s.over.Describe(x.searchPath(), d.Part), col.Name)
		}
		if d.Kind == catalog.PartTrigger {
			return pgerr.New(pgerr.FeatureNotSupported, "cannot alter type of a column used in a trigger definition").
				WithDetail("%s depends on column \"%s\"", x.s.over.Describe(x.searchPath(), d.Part), col.Name)
		}
		if x.isView(d.Part) {
			return pgerr.New(pgerr.FeatureNotSupported, "cannot alter type of a column used by a view or rule").
				WithDetail("rule _RETURN on %s depends on column \"%s\"", x.s.over.Describe(x.searchPath(), d.Part), col.Name)
		}
	}
	return nil
}

// recheckKeys judges the types of the foreign keys that a changed column is part of, on either side.
func (x *Tx) recheckKeys(t *catalog.Table, num catalog.AttNum) error {
	for _, k := range t.ForeignKeys() {
		p := t
		if k.FK.RefTable != t.OID {
			p = x.s.over.Table(k.FK.RefTable)
		}
		if err := checkKeyTypes(t, p, k); err != nil {
			return err
		}
	}
	for _, in := range t.Inbound {
		if in.Table == t.OID {
			continue
		}
		child := x.s.over.Table(in.Table)
		if k := child.ConstraintByOID(in.Constraint); slices.Contains(k.FK.RefColumns, num) {
			if err := checkKeyTypes(child, t, k); err != nil {
				return err
			}
		}
	}
	return nil
}

// revalidate judges the foreign keys that a converted column is part of. The part of one that references a partition is no
// key of its own: the parent may be in another.
func (x *Tx) revalidate(ctx context.Context, table catalog.Oid, num catalog.AttNum) error {
	t := x.s.over.Table(table)
	check := func(child *catalog.Table, k *catalog.Constraint) error {
		if !k.Validated || child.ConstraintByOID(k.Parent) != nil {
			return nil
		}
		if err := x.raise(ctx, child.OID, k.FK.RefTable); err != nil {
			return err
		}
		return x.cfg.Backend.ValidateForeignKey(ctx, x.s.over, child, k)
	}
	for _, k := range t.ForeignKeys() {
		if slices.Contains(k.Columns, num) {
			if err := check(t, k); err != nil {
				return err
			}
		}
	}
	for _, in := range t.Inbound {
		child := x.s.over.Table(in.Table)
		if k := child.ConstraintByOID(in.Constraint); in.Table != table && slices.Contains(k.FK.RefColumns, num) {
			if err := check(child, k); err != nil {
				return err
			}
		}
	}
	return nil
}

// sameStored reports whether every stored value of one type is, bytes and meaning, a value of the other.
func sameStored(from, to types.Type) bool {
	if from == to {
		return true
	}
	text := func(t types.Type) bool { return t.Oid == types.TextOid || t.Oid == types.VarcharOid }
	if text(from) && text(to) {
		return to.Oid == types.TextOid || to.Mod < 0 || from.Oid == types.VarcharOid && from.Mod >= 0 && from.Mod <= to.Mod
	}
	if from.Oid == types.NumericOid && to.Oid == types.NumericOid {
		if to.Mod < 0 {
			return true
		}
		if from.Mod >= 0 {
			p, s := types.NumericMod(from.Mod)
			q, r := types.NumericMod(to.Mod)
			return s == r && p <= q
		}
	}
	return false
}
