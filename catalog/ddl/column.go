package ddl

import (
	"context"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// alterColumn carries out the subcommands of ALTER COLUMN that leave stored rows as they are.
func (x *Tx) alterColumn(ctx context.Context, t *catalog.Table, c *AlterCommand) error {
	col := columnNamed(t, c.Name)
	if col == nil {
		if systemColumns[c.Name] {
			return pgerr.New(pgerr.FeatureNotSupported, "cannot alter system column %q", c.Name)
		}
		return errNoColumn(c.Name, t.Name)
	}
	switch c.Kind {
	case SetDefault, DropDefault:
		return x.columnDefault(ctx, t, col, c)
	case SetNotNull:
		return x.setNotNull(ctx, t, col)
	case DropNotNull:
		return x.dropNotNull(ctx, t, col)
	case AddIdentity:
		return x.addIdentity(ctx, t, col, c)
	case SetIdentity:
		return x.setIdentity(ctx, t, col, c)
	case DropIdentity:
		return x.dropIdentity(ctx, t, col, c)
	case SetStatistics:
		return x.setStatistics(ctx, t, col, c.Target)
	case SetStorage:
		return x.setStorage(ctx, t, col, c.Method)
	case SetCompression:
		return x.setCompression(ctx, t, col, c.Method)
	case DropExpression:
		return x.dropExpression(ctx, t, col, c)
	}
	return pgerr.NotSupported("this form of ALTER TABLE")
}

func (x *Tx) columnDefault(ctx context.Context, t *catalog.Table, col *catalog.Column, c *AlterCommand) error {
	if col.Identity != catalog.NoIdentity {
		err := pgerr.New(pgerr.SyntaxError, "column %q of relation %q is an identity column", col.Name, t.Name)
		if c.Kind == DropDefault {
			err.WithHint("Use ALTER TABLE ... ALTER COLUMN ... DROP IDENTITY instead.")
		}
		return err
	}
	if col.Generated {
		err := pgerr.New(pgerr.SyntaxError, "column %q of relation %q is a generated column", col.Name, t.Name)
		if c.Kind == DropDefault {
			err.WithHint("Use ALTER TABLE ... ALTER COLUMN ... DROP EXPRESSION instead.")
		}
		return err
	}
	col.Default, col.DefaultDeps = "", nil
	if c.Kind == SetDefault {
		col.Default, col.DefaultDeps = c.Default.Text, c.Default.Deps()
	}
	return x.putTable(ctx, t)
}

func (x *Tx) setNotNull(ctx context.Context, t *catalog.Table, col *catalog.Column) error {
	if col.NotNull {
		return nil
	}
	col.NotNull = true
	if err := x.putTable(ctx, t); err != nil {
		return err
	}
	if err := x.raise(ctx, t.OID); err != nil {
		return err
	}
	return x.cfg.Backend.ValidateNotNull(ctx, t, col)
}

func (x *Tx) dropNotNull(ctx context.Context, t *catalog.Table, col *catalog.Column) error {
	if !col.NotNull {
		return nil
	}
	if col.Identity != catalog.NoIdentity {
		return pgerr.New(pgerr.SyntaxError, "column %q of relation %q is an identity column", col.Name, t.Name)
	}
	if pk := t.PrimaryKey(); pk != nil && slices.Contains(pk.Columns, col.Num) {
		return pgerr.New(pgerr.InvalidTableDefinition, "column %q is in a primary key", col.Name)
	}
	col.NotNull = false
	return x.putTable(ctx, t)
}

func (x *Tx) addIdentity(ctx context.Context, t *catalog.Table, col *catalog.Column, c *AlterCommand) error {
	const state = pgerr.ObjectNotInPrerequisiteState
	switch {
	case col.Type.Oid != types.Int2Oid && col.Type.Oid != types.Int4Oid && col.Type.Oid != types.Int8Oid:
		return invalid("identity column type must be smallint, integer, or bigint")
	case !col.NotNull:
		return pgerr.New(state, "column %q of relation %q must be declared NOT NULL before identity can be added", col.Name, t.Name)
	case col.Identity != catalog.NoIdentity:
		return pgerr.New(state, "column %q of relation %q is already an identity column", col.Name, t.Name)
	case col.Default != "":
		return pgerr.New(state, "column %q of relation %q already has a default value", col.Name, t.Name)
	}
	spec := &ColumnSpec{Name: col.Name, Type: types.T(col.Type.Oid), Identity: c.Identity, Sequence: c.Sequence}
	if spec.Sequence == nil {
		spec.Sequence = &SequenceSpec{}
	}
	q, err := x.columnSequence(ctx, t, spec, nil)
	if err != nil {
		return err
	}
	q.OwnedByCol, q.OwnedByAuto, q.Owner = col.Num, true, t.Owner
	if err := x.put(ctx, q); err != nil {
		return err
	}
	col.Identity, col.Sequence = c.Identity, q.OID
	return x.putTable(ctx, t)
}

func (x *Tx) setIdentity(ctx context.Context, t *catalog.Table, col *catalog.Column, c *AlterCommand) error {
	if col.Identity == catalog.NoIdentity {
		return pgerr.New(pgerr.ObjectNotInPrerequisiteState, "column %q of relation %q is not an identity column", col.Name, t.Name)
	}
	if c.Sequence != nil {
		if err := x.alterSequence(ctx, col.Sequence, c.Sequence); err != nil {
			return err
		}
	}
	if c.Identity != catalog.NoIdentity {
		col.Identity = c.Identity
	}
	return x.putTable(ctx, t)
}

func (x *Tx) dropIdentity(ctx context.Context, t *catalog.Table, col *catalog.Column, c *AlterCommand) error {
	if col.Identity == catalog.NoIdentity {
		if c.IfExists {
			x.notice(pgerr.Notice("column %q of relation %q is not an identity column, skipping", col.Name, t.Name))
			return nil
		}
		return pgerr.New(pgerr.ObjectNotInPrerequisiteState, "column %q of relation %q is not an identity column", col.Name, t.Name)
	}
	q := x.s.over.Sequence(col.Sequence)
	col.Identity, col.Sequence = catalog.NoIdentity, 0
	if err := x.putTable(ctx, t); err != nil {
		return err
	}
	if err := x.garbage(ctx, catalog.GarbageSequence, q.Storage); err != nil {
		return err
	}
	return x.remove(ctx, q)
}

// dropExpression makes a generated column an ordinary one, which keeps its values.
func (x *Tx) dropExpression(ctx context.Context, t *catalog.Table, col *catalog.Column, c *AlterCommand) error {
	if !col.Generated {
		if c.IfExists {
			x.notice(pgerr.Notice("column %q of relation %q is not a stored generated column, skipping", col.Name, t.Name))
			return nil
		}
		return pgerr.New(pgerr.ObjectNotInPrerequisiteState, "column %q of relation %q is not a stored generated column", col.Name, t.Name)
	}
	col.Default, col.DefaultDeps, col.Generated, col.Uses = "", nil, false, nil
	return x.putTable(ctx, t)
}
