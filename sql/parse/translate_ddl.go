package parse

import (
	pg "github.com/pganalyze/pg_query_go/v5"
)

// firstByte is the byte of a protobuf char field, 0 where it is empty.
func firstByte(s string) byte {
	if s == "" {
		return 0
	}
	return s[0]
}

func (t *translator) createStmt(n *pg.CreateStmt) *CreateStmt {
	c := &CreateStmt{
		Relation: t.rangeVar(n.Relation), InhRelations: t.rangeVars(n.InhRelations), Bound: t.partitionBound(n.Partbound),
		PartSpec: t.partitionSpec(n.Partspec), OfType: t.typeName(n.OfTypename), Options: t.defElems(n.Options),
		OnCommit: OnCommitAction(n.Oncommit - 1), TableSpaceName: n.Tablespacename, AccessMethod: n.AccessMethod,
		IfNotExists: n.IfNotExists,
	}
	for _, e := range n.TableElts {
		switch elt := e.Node.(type) {
		case *pg.Node_ColumnDef:
			c.TableElts = append(c.TableElts, t.columnDef(elt.ColumnDef))
		case *pg.Node_Constraint:
			c.TableElts = append(c.TableElts, t.constraint(elt.Constraint))
		case *pg.Node_TableLikeClause:
			c.TableElts = append(c.TableElts, t.tableLikeClause(elt.TableLikeClause))
		default:
			t.unknown(e, "CREATE TABLE")
		}
	}
	return c
}

func (t *translator) tableLikeClause(n *pg.TableLikeClause) *TableLikeClause {
	return &TableLikeClause{Relation: t.rangeVar(n.Relation), Options: n.Options}
}

func (t *translator) partitionSpec(n *pg.PartitionSpec) *PartitionSpec {
	if n == nil {
		return nil
	}
	p := &PartitionSpec{Strategy: PartitionStrategy(n.Strategy - 1), Location: t.loc(n.Location)}
	for _, e := range n.PartParams {
		if e.GetPartitionElem() == nil {
			t.unknown(e, "PARTITION BY")
			return p
		}
		p.Params = append(p.Params, t.partitionElem(e.GetPartitionElem()))
	}
	return p
}

func (t *translator) partitionElem(n *pg.PartitionElem) *PartitionElem {
	e := &PartitionElem{Name: n.Name, Expr: t.expr(n.Expr), Collation: t.name(n.Collation), OpClass: t.name(n.Opclass), Location: t.loc(n.Location)}
	e.ExprText = t.deparse(e.Expr)
	return e
}

func (t *translator) partitionBound(n *pg.PartitionBoundSpec) *PartitionBoundSpec {
	if n == nil {
		return nil
	}
	b := &PartitionBoundSpec{
		Strategy: firstByte(n.Strategy), IsDefault: n.IsDefault, Modulus: n.Modulus, Remainder: n.Remainder, Location: t.loc(n.Location),
	}
	for _, e := range n.Listdatums {
		b.List = append(b.List, t.expr(e))
	}
	b.Lower, b.Upper = t.rangeBound(n.Lowerdatums), t.rangeBound(n.Upperdatums)
	return b
}

// rangeBound translates one end of a range; MINVALUE and MAXVALUE come as column names.
func (t *translator) rangeBound(nodes []*pg.Node) []*PartitionRangeDatum {
	var out []*PartitionRangeDatum
	for _, n := range nodes {
		x := t.expr(n)
		d := &PartitionRangeDatum{Value: x}
		if x != nil {
			d.Location = Location(x.Loc())
		}
		if c, ok := x.(*ColumnRef); ok && len(c.Fields) == 1 && !c.Star {
			switch c.Fields[0] {
			case "minvalue":
				d.Kind = -1
			case "maxvalue":
				d.Kind = 1
			}
		}
		out = append(out, d)
	}
	return out
}

func (t *translator) columnDefs(nodes []*pg.Node) []*ColumnDef {
	var out []*ColumnDef
	for _, n := range nodes {
		c, ok := n.Node.(*pg.Node_ColumnDef)
		if !ok {
			t.unknown(n, "a list of columns")
			return nil
		}
		out = append(out, t.columnDef(c.ColumnDef))
	}
	return out
}

func (t *translator) columnDef(n *pg.ColumnDef) *ColumnDef {
	if n == nil {
		return nil
	}
	return &ColumnDef{
		Name: n.Colname, Type: t.typeName(n.TypeName), Compression: n.Compression, StorageName: n.StorageName,
		RawDefault: t.expr(n.RawDefault), CollClause: t.collateClause(n.CollClause),
		Constraints: t.constraints(n.Constraints), FdwOptions: t.defElems(n.Fdwoptions), Location: t.loc(n.Location),
	}
}

func (t *translator) constraints(nodes []*pg.Node) []*Constraint {
	var out []*Constraint
	for _, n := range nodes {
		switch c := n.Node.(type) {
		case *pg.Node_Constraint:
			out = append(out, t.constraint(c.Constraint))
		default:
			t.unknown(n, "a list of constraints")
			return nil
		}
	}
	return out
}

func (t *translator) constraint(n *pg.Constraint) *Constraint {
	c := &Constraint{
		Type: ConstrType(n.Contype - 1), Name: n.Conname, Deferrable: n.Deferrable, InitDeferred: n.Initdeferred,
		SkipValidation: n.SkipValidation, InitiallyValid: n.InitiallyValid, NoInherit: n.IsNoInherit,
		Expr: t.expr(n.RawExpr), GeneratedWhen: firstByte(n.GeneratedWhen), NullsNotDistinct: n.NullsNotDistinct,
		Keys: t.strings(n.Keys), Including: t.strings(n.Including), Options: t.defElems(n.Options),
		IndexName: n.Indexname, IndexSpace: n.Indexspace, AccessMethod: n.AccessMethod,
		WhereClause: t.expr(n.WhereClause), PKTable: t.rangeVar(n.Pktable), FKAttrs: t.strings(n.FkAttrs),
		PKAttrs: t.strings(n.PkAttrs), FKMatchType: FKMatch(firstByte(n.FkMatchtype)),
		FKUpdAction: FKAction(firstByte(n.FkUpdAction)), FKDelAction: FKAction(firstByte(n.FkDelAction)),
		FKDelSetCols: t.strings(n.FkDelSetCols), Location: t.loc(n.Location),
	}
	c.ExprText = t.deparse(c.Expr)
	for _, e := range n.Exclusions {
		pair := e.GetList().GetItems()
		if len(pair) != 2 || pair[0].GetIndexElem() == nil || pair[1].GetList() == nil {
			t.unknown(e, "EXCLUDE")
			return c
		}
		c.Exclusions = append(c.Exclusions, &ExclusionElem{
			Elem: t.indexElem(pair[0].GetIndexElem()), Operator: t.name(pair[1].GetList().Items),
		})
	}
	return c
}

// deparse prints an expression that a statement stores; nil is "".
func (t *translator) deparse(e Expr) string {
	if e == nil || t.err != nil {
		return ""
	}
	return Deparse(e)
}

func (t *translator) createTableAsStmt(n *pg.CreateTableAsStmt) *CreateTableAsStmt {
	switch n.Objtype {
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_MATVIEW:
	default:
		t.refuse("CREATE … AS of this kind", -1)
	}
	return &CreateTableAsStmt{
		Query: t.stmt(n.Query), Into: t.intoClause(n.Into), MatView: n.Objtype == pg.ObjectType_OBJECT_MATVIEW,
		IsSelectInto: n.IsSelectInto, IfNotExists: n.IfNotExists,
	}
}

func (t *translator) indexElems(nodes []*pg.Node) []*IndexElem {
	if len(nodes) == 0 {
		return nil
	}
	out := make([]*IndexElem, len(nodes))
	for i, n := range nodes {
		e, ok := n.Node.(*pg.Node_IndexElem)
		if !ok {
			t.unknown(n, "an index")
			return nil
		}
		out[i] = t.indexElem(e.IndexElem)
	}
	return out
}

func (t *translator) indexElem(n *pg.IndexElem) *IndexElem {
	if n.Indexcolname != "" {
		t.refuse("an index column name", -1)
	}
	e := &IndexElem{
		Name: n.Name, Expr: t.expr(n.Expr), Collation: t.name(n.Collation), OpClass: t.name(n.Opclass),
		OpClassOpts: t.defElems(n.Opclassopts), Ordering: SortByDir(n.Ordering - 1),
		Nulls: SortByNulls(n.NullsOrdering - 1),
	}
	e.ExprText = t.deparse(e.Expr)
	return e
}

func (t *translator) indexStmt(n *pg.IndexStmt) *IndexStmt {
	s := &IndexStmt{
		Name: n.Idxname, Relation: t.rangeVar(n.Relation), AccessMethod: n.AccessMethod, TableSpace: n.TableSpace,
		Params: t.indexElems(n.IndexParams), Including: t.indexElems(n.IndexIncludingParams),
		Options: t.defElems(n.Options), WhereClause: t.expr(n.WhereClause), Unique: n.Unique,
		NullsNotDistinct: n.NullsNotDistinct, Concurrent: n.Concurrent, IfNotExists: n.IfNotExists,
	}
	s.WhereText = t.deparse(s.WhereClause)
	return s
}

func (t *translator) createSeqStmt(n *pg.CreateSeqStmt) *CreateSeqStmt {
	return &CreateSeqStmt{
		Sequence: t.rangeVar(n.Sequence), Options: t.defElems(n.Options), IfNotExists: n.IfNotExists,
	}
}

func (t *translator) alterSeqStmt(n *pg.AlterSeqStmt) *AlterSeqStmt {
	return &AlterSeqStmt{Sequence: t.rangeVar(n.Sequence), Options: t.defElems(n.Options), MissingOk: n.MissingOk}
}

func (t *translator) createSchemaStmt(n *pg.CreateSchemaStmt) *CreateSchemaStmt {
	c := &CreateSchemaStmt{Name: n.Schemaname, AuthRole: t.roleSpec(n.Authrole), IfNotExists: n.IfNotExists}
	for _, e := range n.SchemaElts {
		c.Elts = append(c.Elts, t.stmt(e))
	}
	return c
}

func (t *translator) viewStmt(n *pg.ViewStmt) *ViewStmt {
	q := n.Query.GetSelectStmt()
	if q == nil {
		t.unknown(n.Query, "CREATE VIEW")
		return nil
	}
	return &ViewStmt{
		View: t.rangeVar(n.View), Aliases: t.strings(n.Aliases), Query: t.selectStmt(q), Replace: n.Replace,
		Options: t.defElems(n.Options), WithCheckOption: ViewCheckOption(n.WithCheckOption - 1),
	}
}

// alterTableTypes maps pg_query's subcommands to ours.
var alterTableTypes = map[pg.AlterTableType]AlterTableType{
	pg.AlterTableType_AT_AddColumn:               ATAddColumn,
	pg.AlterTableType_AT_ColumnDefault:           ATColumnDefault,
	pg.AlterTableType_AT_DropNotNull:             ATDropNotNull,
	pg.AlterTableType_AT_SetNotNull:              ATSetNotNull,
	pg.AlterTableType_AT_DropExpression:          ATDropExpression,
	pg.AlterTableType_AT_SetStatistics:           ATSetStatistics,
	pg.AlterTableType_AT_SetOptions:              ATSetOptions,
	pg.AlterTableType_AT_ResetOptions:            ATResetOptions,
	pg.AlterTableType_AT_SetStorage:              ATSetStorage,
	pg.AlterTableType_AT_SetCompression:          ATSetCompression,
	pg.AlterTableType_AT_DropColumn:              ATDropColumn,
	pg.AlterTableType_AT_AddConstraint:           ATAddConstraint,
	pg.AlterTableType_AT_AlterConstraint:         ATAlterConstraint,
	pg.AlterTableType_AT_ValidateConstraint:      ATValidateConstraint,
	pg.AlterTableType_AT_DropConstraint:          ATDropConstraint,
	pg.AlterTableType_AT_AlterColumnType:         ATAlterColumnType,
	pg.AlterTableType_AT_ChangeOwner:             ATChangeOwner,
	pg.AlterTableType_AT_ClusterOn:               ATClusterOn,
	pg.AlterTableType_AT_DropCluster:             ATDropCluster,
	pg.AlterTableType_AT_SetLogged:               ATSetLogged,
	pg.AlterTableType_AT_SetUnLogged:             ATSetUnlogged,
	pg.AlterTableType_AT_DropOids:                ATDropOids,
	pg.AlterTableType_AT_SetAccessMethod:         ATSetAccessMethod,
	pg.AlterTableType_AT_SetTableSpace:           ATSetTableSpace,
	pg.AlterTableType_AT_SetRelOptions:           ATSetRelOptions,
	pg.AlterTableType_AT_ResetRelOptions:         ATResetRelOptions,
	pg.AlterTableType_AT_EnableTrig:              ATEnableTrig,
	pg.AlterTableType_AT_EnableAlwaysTrig:        ATEnableAlwaysTrig,
	pg.AlterTableType_AT_EnableReplicaTrig:       ATEnableReplicaTrig,
	pg.AlterTableType_AT_DisableTrig:             ATDisableTrig,
	pg.AlterTableType_AT_EnableTrigAll:           ATEnableTrigAll,
	pg.AlterTableType_AT_DisableTrigAll:          ATDisableTrigAll,
	pg.AlterTableType_AT_EnableTrigUser:          ATEnableTrigUser,
	pg.AlterTableType_AT_DisableTrigUser:         ATDisableTrigUser,
	pg.AlterTableType_AT_EnableRule:              ATEnableRule,
	pg.AlterTableType_AT_EnableAlwaysRule:        ATEnableAlwaysRule,
	pg.AlterTableType_AT_EnableReplicaRule:       ATEnableReplicaRule,
	pg.AlterTableType_AT_DisableRule:             ATDisableRule,
	pg.AlterTableType_AT_AddInherit:              ATAddInherit,
	pg.AlterTableType_AT_DropInherit:             ATDropInherit,
	pg.AlterTableType_AT_AddOf:                   ATAddOf,
	pg.AlterTableType_AT_DropOf:                  ATDropOf,
	pg.AlterTableType_AT_ReplicaIdentity:         ATReplicaIdentity,
	pg.AlterTableType_AT_EnableRowSecurity:       ATEnableRowSecurity,
	pg.AlterTableType_AT_DisableRowSecurity:      ATDisableRowSecurity,
	pg.AlterTableType_AT_ForceRowSecurity:        ATForceRowSecurity,
	pg.AlterTableType_AT_NoForceRowSecurity:      ATNoForceRowSecurity,
	pg.AlterTableType_AT_AttachPartition:         ATAttachPartition,
	pg.AlterTableType_AT_DetachPartition:         ATDetachPartition,
	pg.AlterTableType_AT_DetachPartitionFinalize: ATDetachPartitionFinalize,
	pg.AlterTableType_AT_AddIdentity:             ATAddIdentity,
	pg.AlterTableType_AT_SetIdentity:             ATSetIdentity,
	pg.AlterTableType_AT_DropIdentity:            ATDropIdentity,
}

func (t *translator) alterTableStmt(n *pg.AlterTableStmt) *AlterTableStmt {
	a := &AlterTableStmt{Relation: t.rangeVar(n.Relation), ObjType: ObjectType(n.Objtype), MissingOk: n.MissingOk}
	for _, c := range n.Cmds {
		cmd, ok := c.Node.(*pg.Node_AlterTableCmd)
		if !ok {
			t.unknown(c, "ALTER TABLE")
			return a
		}
		a.Cmds = append(a.Cmds, t.alterTableCmd(cmd.AlterTableCmd))
	}
	return a
}

func (t *translator) alterTableCmd(n *pg.AlterTableCmd) *AlterTableCmd {
	sub, ok := alterTableTypes[n.Subtype]
	if !ok {
		t.refuse("ALTER TABLE subcommand "+n.Subtype.String(), -1)
	}
	c := &AlterTableCmd{
		Subtype: sub, Name: n.Name, Num: int(n.Num), NewOwner: t.roleSpec(n.Newowner),
		Behavior: DropBehavior(n.Behavior - 1), MissingOk: n.MissingOk,
	}
	if n.Def == nil || n.Def.Node == nil {
		return c
	}
	switch d := n.Def.Node.(type) {
	case *pg.Node_ColumnDef:
		c.Column = t.columnDef(d.ColumnDef)
		c.ExprText = t.deparse(c.Column.RawDefault)
	case *pg.Node_Constraint:
		c.Constraint = t.constraint(d.Constraint)
	case *pg.Node_RangeVar:
		c.Relation = t.rangeVar(d.RangeVar)
	case *pg.Node_TypeName:
		c.Type = t.typeName(d.TypeName)
	case *pg.Node_ReplicaIdentityStmt:
		c.IdentityType, c.Name = firstByte(d.ReplicaIdentityStmt.IdentityType), d.ReplicaIdentityStmt.Name
	case *pg.Node_PartitionCmd:
		t.partitionCmd(c, d.PartitionCmd)
	default:
		t.alterTableDef(c, n.Def)
	}
	return c
}

func (t *translator) partitionCmd(c *AlterTableCmd, n *pg.PartitionCmd) {
	c.Relation, c.Bound, c.Concurrent = t.rangeVar(n.Name), t.partitionBound(n.Bound), n.Concurrent
}

// alterTableDef translates a subcommand's argument that is a list, a value or
// an expression.
func (t *translator) alterTableDef(c *AlterTableCmd, def *pg.Node) {
	switch c.Subtype {
	case ATSetOptions, ATResetOptions, ATSetRelOptions, ATResetRelOptions, ATSetIdentity:
		c.Options = t.defElems(def.GetList().GetItems())
	case ATSetStatistics, ATSetStorage, ATSetCompression:
		c.Value = t.defArg(def, -1)
	case ATColumnDefault:
		c.Expr = t.expr(def)
		c.ExprText = t.deparse(c.Expr)
	default:
		t.unknown(def, "ALTER TABLE")
	}
}

func (t *translator) alterDomainStmt(n *pg.AlterDomainStmt) *AlterDomainStmt {
	a := &AlterDomainStmt{
		Subtype: firstByte(n.Subtype), TypeName: t.name(n.TypeName), Name: n.Name,
		Behavior: DropBehavior(n.Behavior - 1), MissingOk: n.MissingOk,
	}
	if c := n.Def.GetConstraint(); c != nil {
		a.Constraint = t.constraint(c)
	} else {
		a.Expr = t.expr(n.Def)
		a.ExprText = t.deparse(a.Expr)
	}
	return a
}

func (t *translator) renameStmt(n *pg.RenameStmt) *RenameStmt {
	return &RenameStmt{
		RenameType: ObjectType(n.RenameType), RelationType: ObjectType(n.RelationType),
		Relation: t.rangeVar(n.Relation), Object: t.object(n.Object), Subname: n.Subname, Newname: n.Newname,
		Behavior: DropBehavior(n.Behavior - 1), MissingOk: n.MissingOk,
	}
}

func (t *translator) alterObjectSchemaStmt(n *pg.AlterObjectSchemaStmt) *AlterObjectSchemaStmt {
	return &AlterObjectSchemaStmt{
		ObjectType: ObjectType(n.ObjectType), Relation: t.rangeVar(n.Relation), Object: t.object(n.Object),
		NewSchema: n.Newschema, MissingOk: n.MissingOk,
	}
}

func (t *translator) alterOwnerStmt(n *pg.AlterOwnerStmt) *AlterOwnerStmt {
	return &AlterOwnerStmt{
		ObjectType: ObjectType(n.ObjectType), Relation: t.rangeVar(n.Relation), Object: t.object(n.Object),
		NewOwner: t.roleSpec(n.Newowner),
	}
}

func (t *translator) dropStmt(n *pg.DropStmt) *DropStmt {
	return &DropStmt{
		Objects: t.objects(n.Objects), RemoveType: ObjectType(n.RemoveType), Behavior: DropBehavior(n.Behavior - 1),
		MissingOk: n.MissingOk, Concurrent: n.Concurrent,
	}
}

func (t *translator) truncateStmt(n *pg.TruncateStmt) *TruncateStmt {
	return &TruncateStmt{
		Relations: t.rangeVars(n.Relations), RestartSeqs: n.RestartSeqs, Behavior: DropBehavior(n.Behavior - 1),
	}
}

func (t *translator) commentStmt(n *pg.CommentStmt) *CommentStmt {
	return &CommentStmt{
		ObjType: ObjectType(n.Objtype), Object: t.object(n.Object), Comment: n.Comment, IsNull: n.Comment == "",
	}
}

func (t *translator) createEnumStmt(n *pg.CreateEnumStmt) *CreateEnumStmt {
	return &CreateEnumStmt{TypeName: t.name(n.TypeName), Vals: t.strings(n.Vals)}
}

func (t *translator) alterEnumStmt(n *pg.AlterEnumStmt) *AlterEnumStmt {
	return &AlterEnumStmt{
		TypeName: t.name(n.TypeName), OldVal: n.OldVal, NewVal: n.NewVal, NewValNeighbor: n.NewValNeighbor,
		NewValIsAfter: n.NewValIsAfter, SkipIfNewValExists: n.SkipIfNewValExists,
	}
}

func (t *translator) compositeTypeStmt(n *pg.CompositeTypeStmt) *CompositeTypeStmt {
	return &CompositeTypeStmt{Type: t.rangeVar(n.Typevar), Columns: t.columnDefs(n.Coldeflist)}
}

func (t *translator) createDomainStmt(n *pg.CreateDomainStmt) *CreateDomainStmt {
	return &CreateDomainStmt{
		DomainName: t.name(n.Domainname), Type: t.typeName(n.TypeName), CollClause: t.collateClause(n.CollClause),
		Constraints: t.constraints(n.Constraints),
	}
}

func (t *translator) createTrigStmt(n *pg.CreateTrigStmt) *CreateTrigStmt {
	c := &CreateTrigStmt{
		Replace: n.Replace, IsConstraint: n.Isconstraint, Name: n.Trigname, Relation: t.rangeVar(n.Relation),
		FuncName: t.name(n.Funcname), Args: t.strings(n.Args), Row: n.Row, Timing: int(n.Timing),
		Events: int(n.Events), Columns: t.strings(n.Columns), WhenClause: t.expr(n.WhenClause),
		Deferrable: n.Deferrable, InitDeferred: n.Initdeferred, ConstrRel: t.rangeVar(n.Constrrel),
	}
	if c.WhenClause != nil {
		c.WhenText = t.deparse(c.WhenClause)
	}
	for _, r := range n.TransitionRels {
		if k, ok := r.Node.(*pg.Node_TriggerTransition); ok {
			c.Transitions = append(c.Transitions, TriggerTransition{Name: k.TriggerTransition.Name, New: k.TriggerTransition.IsNew, Table: k.TriggerTransition.IsTable})
		}
	}
	return c
}

func (t *translator) createExtensionStmt(n *pg.CreateExtensionStmt) *CreateExtensionStmt {
	return &CreateExtensionStmt{Name: n.Extname, IfNotExists: n.IfNotExists, Options: t.defElems(n.Options)}
}

func (t *translator) alterExtensionStmt(n *pg.AlterExtensionStmt) *AlterExtensionStmt {
	out := &AlterExtensionStmt{Name: n.Extname}
	for _, o := range t.defElems(n.Options) {
		switch a := o.Arg.(type) {
		case NameArg:
			out.NewVersion = string(a)
		case *Const:
			out.NewVersion = a.Sval
		}
	}
	return out
}

func (t *translator) refreshMatViewStmt(n *pg.RefreshMatViewStmt) *RefreshMatViewStmt {
	return &RefreshMatViewStmt{Concurrent: n.Concurrent, SkipData: n.SkipData, Relation: t.rangeVar(n.Relation)}
}
