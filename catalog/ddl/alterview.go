package ddl

import (
	"context"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// SetViewDefault gives a column of a view a default, which INSERT on the view uses, or takes it with def nil.
func (x *Tx) SetViewDefault(ctx context.Context, n Name, missingOK bool, column string, def *Expression) error {
	return x.alterView(ctx, n, missingOK, func(v *catalog.View) error {
		i := slices.IndexFunc(v.Columns, func(c catalog.Column) bool { return c.Name == column })
		if i < 0 {
			return pgerr.New(pgerr.UndefinedColumn, "column %q of relation %q does not exist", column, v.Name)
		}
		c := &v.Columns[i]
		c.Default, c.DefaultDeps = "", nil
		if def != nil {
			c.Default, c.DefaultDeps = def.Text, def.Sequences
		}
		return nil
	})
}

// alterView changes a copy of a view and stores it.
func (x *Tx) alterView(ctx context.Context, n Name, missingOK bool, change func(v *catalog.View) error) error {
	rel, ok, err := x.findOwned(ctx, catalog.KindView, n, missingOK, false)
	if err != nil || !ok {
		return err
	}
	v := *rel.View
	v.Columns = slices.Clone(v.Columns)
	if err := change(&v); err != nil {
		return err
	}
	return x.put(ctx, &v)
}
