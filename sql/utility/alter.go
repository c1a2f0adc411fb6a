package utility

import (
	"context"
	"strconv"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// relKinds maps the object types of generic statements that name relations.
var relKinds = map[parse.ObjectType]catalog.RelKind{
	parse.ObjectTable: catalog.KindTable, parse.ObjectIndex: catalog.KindIndex,
	parse.ObjectSequence: catalog.KindSequence, parse.ObjectView: catalog.KindView, parse.ObjectMatView: catalog.KindMatView,
}

func (e *Env) alterTable(ctx context.Context, s *parse.AlterTableStmt) error {
	kind, ok := relKinds[s.ObjType]
	if !ok {
		return pgerr.NotSupported("ALTER " + s.ObjType.String())
	}
	for _, c := range s.Cmds {
		if c.Subtype == parse.ATChangeOwner {
			return e.alterTableOwner(ctx, s, kind)
		}
	}
	if kind == catalog.KindIndex {
		return e.alterIndex(ctx, s)
	}
	rel, found := e.DDL.Overlay().LookupRelation(e.SearchPath, s.Relation.Schema, s.Relation.Name)
	if kind == catalog.KindMatView || kind == catalog.KindTable && rel.Kind == catalog.KindMatView {
		return e.alterMatView(ctx, s, rel)
	}
	if kind == catalog.KindView || kind == catalog.KindTable && found && rel.Kind == catalog.KindView {
		return e.alterView(ctx, s)
	}
	if kind == catalog.KindSequence && len(s.Cmds) == 1 {
		switch s.Cmds[0].Subtype {
		case parse.ATSetLogged:
			return e.DDL.SetSequencePersistence(ctx, objectNameOf(s.Relation), catalog.Permanent, s.MissingOk)
		case parse.ATSetUnlogged:
			return e.DDL.SetSequencePersistence(ctx, objectNameOf(s.Relation), catalog.Unlogged, s.MissingOk)
		}
	}
	if kind != catalog.KindTable {
		return pgerr.NotSupported("this form of ALTER " + s.ObjType.String())
	}
	name := e.name(s.Relation)
	name.Pos, name.Only = 0, !s.Relation.Inh
	if oid, ok := e.DDL.Overlay().LookupType(e.SearchPath, s.Relation.Schema, s.Relation.Name); !found && ok &&
		oid.Class() == types.CompositeClass {
		return pgerr.New(pgerr.WrongObjectType, "%q is a composite type", s.Relation.Name).WithHint("Use ALTER TYPE instead.")
	}
	if !found || rel.Kind != catalog.KindTable {
		return e.DDL.AlterTable(ctx, name, s.MissingOk, nil) // for its error or notice
	}
	if err := e.DDL.MustOwn(name); err != nil {
		return err
	}
	var cmds []ddl.AlterCommand
	t := rel.Table
	for _, c := range s.Cmds {
		cmd, skip, err := e.alterCommand(t, c)
		if err != nil {
			return err
		}
		if skip {
			continue
		}
		cmds = append(cmds, cmd)
		if cmd.Kind == ddl.AddColumn { // later subcommands may name the column
			t = withColumn(t, cmd.Column)
		}
	}
	return e.DDL.AlterTable(ctx, name, s.MissingOk, cmds)
}

// alterMatView is ALTER MATERIALIZED VIEW: what it takes of ALTER TABLE's forms tunes what this storage does not have, but for
// the options.
func (e *Env) alterMatView(ctx context.Context, s *parse.AlterTableStmt, rel catalog.Relation) error {
	name := e.name(s.Relation)
	name.Pos = 0
	if rel.Kind != catalog.KindMatView {
		return e.DDL.AlterMatView(ctx, name, s.MissingOk, nil) // for its error or notice
	}
	if err := e.DDL.MustOwn(name); err != nil {
		return err
	}
	var cmds []ddl.AlterCommand
	for _, c := range s.Cmds {
		action := matViewRefusals[c.Subtype]
		if action != "" {
			return pgerr.New(pgerr.WrongObjectType, "ALTER action %s cannot be performed on relation %q", action, rel.Name()).
				WithDetail("This operation is not supported for materialized views.")
		}
		cmd, skip, err := e.alterCommand(rel.Table, c)
		if err != nil {
			return err
		}
		if !skip {
			cmds = append(cmds, cmd)
		}
	}
	return e.DDL.AlterMatView(ctx, name, s.MissingOk, cmds)
}

// matViewRefusals are the subcommands that materialized views do not have, as messages name them.
var matViewRefusals = map[parse.AlterTableType]string{
	parse.ATAddColumn: "ADD COLUMN", parse.ATDropColumn: "DROP COLUMN", parse.ATAddConstraint: "ADD CONSTRAINT",
	parse.ATDropConstraint: "DROP CONSTRAINT", parse.ATValidateConstraint: "VALIDATE CONSTRAINT", parse.ATAlterConstraint: "ALTER CONSTRAINT",
	parse.ATColumnDefault: "ALTER COLUMN ... SET DEFAULT", parse.ATSetNotNull: "ALTER COLUMN ... SET NOT NULL",
	parse.ATDropNotNull: "ALTER COLUMN ... DROP NOT NULL", parse.ATAddIdentity: "ALTER COLUMN ... ADD IDENTITY",
	parse.ATSetIdentity: "ALTER COLUMN ... SET", parse.ATDropIdentity: "ALTER COLUMN ... DROP IDENTITY",
	parse.ATAlterColumnType: "ALTER COLUMN ... SET DATA TYPE", parse.ATSetLogged: "SET LOGGED", parse.ATSetUnlogged: "SET UNLOGGED",
}

// objectNameOf is a relation's name where PostgreSQL gives no position.
func objectNameOf(r *parse.RangeVar) ddl.Name { return ddl.Name{Schema: r.Schema, Name: r.Name} }

func withColumn(t *catalog.Table, s *ddl.ColumnSpec) *catalog.Table {
	if t.ColumnByName(s.Name) != nil {
		return t
	}
	c := t.Clone()
	c.Columns = append(c.Columns, catalog.Column{Num: catalog.AttNum(len(c.Columns) + 1), Name: s.Name, Type: s.Type, Generated: s.Generated})
	return c
}

func (e *Env) alterTableOwner(ctx context.Context, s *parse.AlterTableStmt, kind catalog.RelKind) error {
	if len(s.Cmds) > 1 {
		return pgerr.NotSupported("OWNER TO together with other subcommands")
	}
	name := e.name(s.Relation)
	name.Pos = 0
	return e.DDL.SetOwner(ctx, kind, name, e.roleName(s.Cmds[0].NewOwner), s.MissingOk)
}

// alterCommand turns one subcommand into ddl's; skip is set for those without effect here.
func (e *Env) alterCommand(t *catalog.Table, c *parse.AlterTableCmd) (out ddl.AlterCommand, skip bool, err error) {
	out = ddl.AlterCommand{Name: c.Name, IfExists: c.MissingOk, Behavior: behavior(c.Behavior)}
	switch c.Subtype {
	case parse.ATAddColumn:
		return e.addColumn(t, c, out)
	case parse.ATDropColumn:
		out.Kind = ddl.DropColumn
	case parse.ATAddConstraint:
		return e.addConstraint(t, c, out)
	case parse.ATDropConstraint:
		out.Kind = ddl.DropConstraint
	case parse.ATValidateConstraint:
		out.Kind = ddl.ValidateConstraint
	case parse.ATAlterConstraint:
		out.Kind = ddl.AlterConstraint
		k := c.Constraint
		out.Constraints = []ddl.ConstraintSpec{{Name: k.Name, Deferrable: k.Deferrable, Deferred: k.InitDeferred}}
	case parse.ATColumnDefault:
		return e.setDefault(t, c, out)
	case parse.ATSetNotNull:
		out.Kind = ddl.SetNotNull
	case parse.ATDropNotNull:
		out.Kind = ddl.DropNotNull
	case parse.ATAddIdentity:
		out.Kind = ddl.AddIdentity
		out.Identity = catalog.Identity(c.Constraint.GeneratedWhen)
		out.Sequence, err = e.sequenceOptions(c.Constraint.Options, true)
	case parse.ATSetIdentity:
		return e.setIdentity(c, out)
	case parse.ATDropIdentity:
		out.Kind = ddl.DropIdentity
	case parse.ATDropExpression:
		out.Kind = ddl.DropExpression
	case parse.ATAlterColumnType:
		return e.alterType(t, c, out)
	case parse.ATSetRelOptions, parse.ATResetRelOptions:
		return e.relOptions(t, c, out)
	case parse.ATClusterOn, parse.ATDropCluster:
		out.Kind = ddl.ClusterOn
	case parse.ATReplicaIdentity:
		out.Kind, out.ReplicaKind = ddl.ReplicaIdentity, c.IdentityType
	case parse.ATSetStatistics:
		out.Kind = ddl.SetStatistics
		out.Target, err = strconv.Atoi(argText(c.Value))
	case parse.ATSetStorage:
		out.Kind, out.Method = ddl.SetStorage, argText(c.Value)
		if !ddl.ValidStorage(out.Method) {
			err = pgerr.New(pgerr.InvalidParameterValue, "invalid storage type %q", out.Method)
		}
	case parse.ATSetCompression:
		out.Kind, out.Method = ddl.SetCompression, argText(c.Value)
	case parse.ATSetOptions, parse.ATResetOptions, parse.ATDropOids:
		skip = true // they tune what this storage does not have, or say what is so anyway
	case parse.ATEnableTrig, parse.ATEnableAlwaysTrig, parse.ATEnableReplicaTrig, parse.ATDisableTrig,
		parse.ATEnableTrigAll, parse.ATDisableTrigAll, parse.ATEnableTrigUser, parse.ATDisableTrigUser:
		out.Kind, out.State, out.System = ddl.SetTriggers, triggerStates[c.Subtype], c.Subtype == parse.ATDisableTrigAll || c.Subtype == parse.ATEnableTrigAll
	case parse.ATAddOf:
		var typ catalog.Oid
		typ, err = e.typedTableType(c.Type)
		out.Kind, out.Type = ddl.AddOf, &ddl.TypeChange{Type: types.T(typ)}
	case parse.ATDropOf:
		out.Kind = ddl.DropOf
	case parse.ATAddInherit:
		out.Kind, out.Parent = ddl.AddInherit, e.name(c.Relation)
	case parse.ATDropInherit:
		out.Kind, out.Parent = ddl.DropInherit, e.name(c.Relation)
	case parse.ATAttachPartition:
		out.Kind, out.Parent = ddl.AttachPartition, e.name(c.Relation)
		if t.Partitioning == nil {
			return out, false, pgerr.New(pgerr.InvalidObjectDefinition, "table %q is not partitioned", t.Name)
		}
		out.Bound, err = e.partitionBound(t, c.Bound)
	case parse.ATDetachPartition:
		out.Kind, out.Parent = ddl.DetachPartition, e.name(c.Relation)
		if c.Concurrent {
			err = pgerr.NotSupported("DETACH PARTITION CONCURRENTLY")
		} else if t.Partitioning == nil {
			err = pgerr.New(pgerr.InvalidObjectDefinition, "table %q is not partitioned", t.Name)
		}
	case parse.ATDetachPartitionFinalize:
		err = pgerr.NotSupported("DETACH PARTITION FINALIZE")
	case parse.ATEnableRowSecurity, parse.ATDisableRowSecurity:
		out.Kind, out.On = ddl.SetRowSecurity, c.Subtype == parse.ATEnableRowSecurity
	case parse.ATForceRowSecurity, parse.ATNoForceRowSecurity:
		out.Kind, out.On = ddl.ForceRowSecurity, c.Subtype == parse.ATForceRowSecurity
	case parse.ATSetLogged:
		out.Kind, out.Persistence = ddl.SetPersistence, catalog.Permanent
	case parse.ATSetUnlogged:
		out.Kind, out.Persistence = ddl.SetPersistence, catalog.Unlogged
	default:
		err = pgerr.NotSupported("this form of ALTER TABLE")
	}
	return out, skip, err
}

func (e *Env) addColumn(t *catalog.Table, c *parse.AlterTableCmd, out ddl.AlterCommand) (ddl.AlterCommand, bool, error) {
	b := &tableBuilder{Env: e, name: t.Name, spec: &ddl.TableSpec{}, alter: t}
	err := b.column(c.Column)
	if err == nil {
		err = b.finish()
	}
	if err != nil {
		return out, false, err
	}
	out.Kind, out.Column, out.Constraints = ddl.AddColumn, &b.spec.Columns[0], b.spec.Constraints
	return out, false, nil
}

func (e *Env) addConstraint(t *catalog.Table, c *parse.AlterTableCmd, out ddl.AlterCommand) (ddl.AlterCommand, bool, error) {
	b := &tableBuilder{Env: e, name: t.Name, spec: &ddl.TableSpec{}, alter: t}
	err := b.tableConstraint(c.Constraint)
	if err == nil {
		err = b.finish()
	}
	out.Kind, out.Constraints = ddl.AddConstraint, b.spec.Constraints
	return out, false, err
}

func (e *Env) setDefault(t *catalog.Table, c *parse.AlterTableCmd, out ddl.AlterCommand) (ddl.AlterCommand, bool, error) {
	out.Kind = ddl.DropDefault
	col := t.ColumnByName(c.Name)
	if col != nil && col.Generated && c.Expr != nil {
		out.Kind = ddl.SetDefault // for its error
		return out, false, nil
	}
	if c.Expr == nil || col == nil {
		return out, false, nil
	}
	scope := sema.ExprScope{Kind: sema.DefaultExpr, Column: col.Name, Type: col.Type}
	x, node, err := e.withoutPositions().expression(c.Expr, c.ExprText, scope)
	if err != nil || isNullDefault(node, col.Type) {
		return out, false, err
	}
	out.Kind, out.Default = ddl.SetDefault, x
	return out, false, nil
}

func (e *Env) setIdentity(c *parse.AlterTableCmd, out ddl.AlterCommand) (ddl.AlterCommand, bool, error) {
	out.Kind = ddl.SetIdentity
	var rest []*parse.DefElem
	for _, o := range c.Options {
		if o.Name != "generated" {
			rest = append(rest, o)
			continue
		}
		if k, ok := o.Arg.(*parse.Const); ok {
			out.Identity = catalog.Identity(k.Ival)
		}
	}
	if len(rest) == 0 {
		return out, false, nil
	}
	var err error
	out.Sequence, err = e.sequenceOptions(rest, true)
	return out, false, err
}

func (e *Env) alterType(t *catalog.Table, c *parse.AlterTableCmd, out ddl.AlterCommand) (ddl.AlterCommand, bool, error) {
	out.Kind = ddl.AlterType
	typ, err := sema.ResolveType(c.Column.Type, e.sema())
	if err != nil {
		return out, false, err
	}
	change := &ddl.TypeChange{Type: typ}
	out.Type = change
	b := &tableBuilder{Env: e}
	if change.Collation, err = b.collation(c.Column.CollClause, typ); err != nil {
		return out, false, err
	}
	col := t.ColumnByName(c.Name)
	if col == nil {
		return out, false, nil
	}
	if c.Column.RawDefault != nil {
		scope := sema.ExprScope{Kind: sema.TransformExpr, Table: t, Column: col.Name, Type: typ}
		if change.Using, _, err = e.expression(c.Column.RawDefault, c.ExprText, scope); err != nil {
			return out, false, err
		}
	}
	if cast, ok := types.CastAllowed(col.Type.Oid, typ.Oid); col.Default == "" || col.Generated ||
		change.Using == nil && col.Type.Oid != typ.Oid && (!ok || cast == types.Explicit) {
		return out, false, nil // without a default, or ddl refuses the change itself
	}
	tree, err := parse.ParseExpr(col.Default)
	if err != nil {
		return out, false, err
	}
	env := e.sema()
	env.Text = ""
	scope := sema.ExprScope{Kind: sema.DefaultExpr, Column: col.Name, Type: typ}
	if _, err := sema.AnalyzeExpr(tree, scope, env); err != nil {
		return out, false, pgerr.New(pgerr.DatatypeMismatch, "default for column %q cannot be cast automatically to type %s",
			col.Name, types.FormatType(types.T(typ.Oid)))
	}
	change.ConvertedDefault = &ddl.Expression{Text: col.Default, Sequences: col.DefaultDeps}
	return out, false, nil
}

func (e *Env) relOptions(t *catalog.Table, c *parse.AlterTableCmd, out ddl.AlterCommand) (ddl.AlterCommand, bool, error) {
	spec := &ddl.TableSpec{}
	if err := e.tableOptions(spec, c.Options); err != nil {
		return out, false, err
	}
	if spec.DistributionKey != nil {
		return out, false, pgerr.NotSupported("changing distribution_key")
	}
	out.Kind = ddl.SetOptions
	for _, o := range t.Options {
		replaced := false
		for _, n := range c.Options {
			replaced = replaced || len(o) > len(n.Name) && o[:len(n.Name)] == n.Name && o[len(n.Name)] == '='
		}
		if !replaced {
			out.Options = append(out.Options, o)
		}
	}
	if c.Subtype == parse.ATSetRelOptions {
		out.Options = append(out.Options, spec.Options...)
	}
	return out, false, nil
}
