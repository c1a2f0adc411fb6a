package parse

import (
	pg "github.com/pganalyze/pg_query_go/v5"
)

func (t *translator) copyStmt(n *pg.CopyStmt) *CopyStmt {
	c := &CopyStmt{
		Relation: t.rangeVar(n.Relation), Columns: t.strings(n.Attlist), IsFrom: n.IsFrom, IsProgram: n.IsProgram,
		Filename: n.Filename, Options: t.defElems(n.Options), WhereClause: t.expr(n.WhereClause),
	}
	if n.Query != nil {
		c.Query = t.stmt(n.Query)
	}
	return c
}

func (t *translator) transactionStmt(n *pg.TransactionStmt) *TransactionStmt {
	return &TransactionStmt{
		Kind: TransactionStmtKind(n.Kind), Options: t.defElems(n.Options), SavepointName: n.SavepointName,
		GID: n.Gid, Chain: n.Chain,
	}
}

func (t *translator) variableSetStmt(n *pg.VariableSetStmt) *VariableSetStmt {
	if n == nil {
		return nil
	}
	v := &VariableSetStmt{Kind: VariableSetKind(n.Kind), Name: n.Name, IsLocal: n.IsLocal}
	if v.Kind == VarSetMulti && v.Name != "TRANSACTION SNAPSHOT" {
		v.Options = t.defElems(n.Args)
	} else {
		v.Args = t.exprs(n.Args)
	}
	return v
}

func (t *translator) variableShowStmt(n *pg.VariableShowStmt) *VariableShowStmt {
	return &VariableShowStmt{Name: n.Name}
}

func (t *translator) alterSystemStmt(n *pg.AlterSystemStmt) *AlterSystemStmt {
	return &AlterSystemStmt{Set: t.variableSetStmt(n.Setstmt)}
}

func (t *translator) constraintsSetStmt(n *pg.ConstraintsSetStmt) *ConstraintsSetStmt {
	return &ConstraintsSetStmt{Constraints: t.rangeVars(n.Constraints), Deferred: n.Deferred}
}

func (t *translator) prepareStmt(n *pg.PrepareStmt) *PrepareStmt {
	return &PrepareStmt{Name: n.Name, ArgTypes: t.typeNames(n.Argtypes), Query: t.stmt(n.Query)}
}

func (t *translator) executeStmt(n *pg.ExecuteStmt) *ExecuteStmt {
	return &ExecuteStmt{Name: n.Name, Params: t.exprs(n.Params)}
}

func (t *translator) deallocateStmt(n *pg.DeallocateStmt) *DeallocateStmt {
	return &DeallocateStmt{Name: n.Name}
}

func (t *translator) declareCursorStmt(n *pg.DeclareCursorStmt) *DeclareCursorStmt {
	q := n.Query.GetSelectStmt()
	if q == nil {
		t.unknown(n.Query, "DECLARE CURSOR")
		return nil
	}
	return &DeclareCursorStmt{PortalName: n.Portalname, Options: int(n.Options), Query: t.selectStmt(q)}
}

func (t *translator) fetchStmt(n *pg.FetchStmt) *FetchStmt {
	return &FetchStmt{
		Direction: FetchDirection(n.Direction - 1), HowMany: n.HowMany, PortalName: n.Portalname, IsMove: n.Ismove,
	}
}

func (t *translator) closePortalStmt(n *pg.ClosePortalStmt) *ClosePortalStmt {
	return &ClosePortalStmt{PortalName: n.Portalname}
}

func (t *translator) explainStmt(n *pg.ExplainStmt) *ExplainStmt {
	return &ExplainStmt{Query: t.stmt(n.Query), Options: t.defElems(n.Options)}
}

func (t *translator) vacuumStmt(n *pg.VacuumStmt) *VacuumStmt {
	v := &VacuumStmt{Options: t.defElems(n.Options), IsVacuum: n.IsVacuumcmd}
	for _, r := range n.Rels {
		vr, ok := r.Node.(*pg.Node_VacuumRelation)
		if !ok {
			t.unknown(r, "VACUUM")
			return v
		}
		v.Rels = append(v.Rels, t.vacuumRelation(vr.VacuumRelation))
	}
	return v
}

func (t *translator) vacuumRelation(n *pg.VacuumRelation) *VacuumRelation {
	return &VacuumRelation{Relation: t.rangeVar(n.Relation), Columns: t.strings(n.VaCols)}
}

func (t *translator) lockStmt(n *pg.LockStmt) *LockStmt {
	return &LockStmt{Relations: t.rangeVars(n.Relations), Mode: LockMode(n.Mode), Nowait: n.Nowait}
}

func (t *translator) discardStmt(n *pg.DiscardStmt) *DiscardStmt {
	return &DiscardStmt{Target: DiscardMode(n.Target - 1)}
}

func (t *translator) listenStmt(n *pg.ListenStmt) *ListenStmt {
	return &ListenStmt{Channel: n.Conditionname}
}

func (t *translator) notifyStmt(n *pg.NotifyStmt) *NotifyStmt {
	return &NotifyStmt{Channel: n.Conditionname, Payload: n.Payload}
}

func (t *translator) unlistenStmt(n *pg.UnlistenStmt) *UnlistenStmt {
	return &UnlistenStmt{Channel: n.Conditionname}
}

func (t *translator) loadStmt(n *pg.LoadStmt) *LoadStmt { return &LoadStmt{Filename: n.Filename} }

func (t *translator) plAssignStmt(n *pg.PLAssignStmt) *PLAssignStmt {
	return &PLAssignStmt{
		Name: n.Name, Indirection: t.subscripts(n.Indirection), Names: int(n.Nnames), Val: t.selectStmt(n.Val), Location: t.loc(n.Location),
	}
}

func (t *translator) doStmt(n *pg.DoStmt) *DoStmt { return &DoStmt{Args: t.defElems(n.Args)} }

func (t *translator) callStmt(n *pg.CallStmt) *CallStmt {
	return &CallStmt{Call: t.funcCall(n.Funccall)}
}

func (t *translator) accessPrivs(nodes []*pg.Node) []*AccessPriv {
	var out []*AccessPriv
	for _, n := range nodes {
		p, ok := n.Node.(*pg.Node_AccessPriv)
		if !ok {
			t.unknown(n, "GRANT")
			return nil
		}
		out = append(out, t.accessPriv(p.AccessPriv))
	}
	return out
}

func (t *translator) accessPriv(n *pg.AccessPriv) *AccessPriv {
	return &AccessPriv{Name: n.PrivName, Columns: t.strings(n.Cols)}
}

func (t *translator) grantStmt(n *pg.GrantStmt) *GrantStmt {
	if n == nil {
		return nil
	}
	g := &GrantStmt{
		IsGrant: n.IsGrant, TargetType: GrantTargetType(n.Targtype - 1), ObjType: ObjectType(n.Objtype),
		Privileges: t.accessPrivs(n.Privileges), Grantees: t.roleSpecs(n.Grantees), GrantOption: n.GrantOption,
		Grantor: t.roleSpec(n.Grantor), Behavior: DropBehavior(n.Behavior - 1),
	}
	for _, o := range n.Objects {
		if rv := o.GetRangeVar(); rv != nil {
			g.Relations = append(g.Relations, t.rangeVar(rv))
		} else {
			g.Objects = append(g.Objects, t.object(o))
		}
	}
	return g
}

func (t *translator) grantRoleStmt(n *pg.GrantRoleStmt) *GrantRoleStmt {
	return &GrantRoleStmt{
		Granted: t.accessPrivs(n.GrantedRoles), Grantees: t.roleSpecs(n.GranteeRoles), IsGrant: n.IsGrant,
		Options: t.defElems(n.Opt), Grantor: t.roleSpec(n.Grantor), Behavior: DropBehavior(n.Behavior - 1),
	}
}

func (t *translator) alterDefaultPrivilegesStmt(n *pg.AlterDefaultPrivilegesStmt) *AlterDefaultPrivilegesStmt {
	return &AlterDefaultPrivilegesStmt{Options: t.defElems(n.Options), Action: t.grantStmt(n.Action)}
}

func (t *translator) createRoleStmt(n *pg.CreateRoleStmt) *CreateRoleStmt {
	return &CreateRoleStmt{Type: RoleStmtType(n.StmtType - 1), Role: n.Role, Options: t.defElems(n.Options)}
}

func (t *translator) alterRoleStmt(n *pg.AlterRoleStmt) *AlterRoleStmt {
	return &AlterRoleStmt{Role: t.roleSpec(n.Role), Options: t.defElems(n.Options), Drop: n.Action < 0}
}

func (t *translator) alterRoleSetStmt(n *pg.AlterRoleSetStmt) *AlterRoleSetStmt {
	return &AlterRoleSetStmt{Role: t.roleSpec(n.Role), Database: n.Database, Set: t.variableSetStmt(n.Setstmt)}
}

func (t *translator) dropRoleStmt(n *pg.DropRoleStmt) *DropRoleStmt {
	return &DropRoleStmt{Roles: t.roleSpecs(n.Roles), MissingOk: n.MissingOk}
}

func (t *translator) dropOwnedStmt(n *pg.DropOwnedStmt) *DropOwnedStmt {
	return &DropOwnedStmt{Roles: t.roleSpecs(n.Roles), Behavior: DropBehavior(n.Behavior - 1)}
}

func (t *translator) reassignOwnedStmt(n *pg.ReassignOwnedStmt) *ReassignOwnedStmt {
	return &ReassignOwnedStmt{Roles: t.roleSpecs(n.Roles), NewRole: t.roleSpec(n.Newrole)}
}

func (t *translator) createdbStmt(n *pg.CreatedbStmt) *CreatedbStmt {
	return &CreatedbStmt{Name: n.Dbname, Options: t.defElems(n.Options)}
}

func (t *translator) dropdbStmt(n *pg.DropdbStmt) *DropdbStmt {
	return &DropdbStmt{Name: n.Dbname, MissingOk: n.MissingOk, Options: t.defElems(n.Options)}
}

func (t *translator) alterDatabaseStmt(n *pg.AlterDatabaseStmt) *AlterDatabaseStmt {
	return &AlterDatabaseStmt{Name: n.Dbname, Options: t.defElems(n.Options)}
}

func (t *translator) alterDatabaseSetStmt(n *pg.AlterDatabaseSetStmt) *AlterDatabaseSetStmt {
	return &AlterDatabaseSetStmt{Name: n.Dbname, Set: t.variableSetStmt(n.Setstmt)}
}

func (t *translator) reindexStmt(n *pg.ReindexStmt) *ReindexStmt {
	return &ReindexStmt{
		Kind: ReindexObjectType(n.Kind - 1), Relation: t.rangeVar(n.Relation), Name: n.Name,
		Params: t.defElems(n.Params),
	}
}

func (t *translator) clusterStmt(n *pg.ClusterStmt) *ClusterStmt {
	return &ClusterStmt{Relation: t.rangeVar(n.Relation), IndexName: n.Indexname, Params: t.defElems(n.Params)}
}

func (t *translator) createPolicyStmt(n *pg.CreatePolicyStmt) *CreatePolicyStmt {
	return &CreatePolicyStmt{
		Name: n.PolicyName, Table: t.rangeVar(n.Table), CmdName: n.CmdName, Permissive: n.Permissive,
		Roles: t.roleSpecs(n.Roles), Qual: t.expr(n.Qual), WithCheck: t.expr(n.WithCheck),
	}
}

func (t *translator) alterPolicyStmt(n *pg.AlterPolicyStmt) *AlterPolicyStmt {
	return &AlterPolicyStmt{
		Name: n.PolicyName, Table: t.rangeVar(n.Table), Roles: t.roleSpecs(n.Roles), Qual: t.expr(n.Qual), WithCheck: t.expr(n.WithCheck),
	}
}
