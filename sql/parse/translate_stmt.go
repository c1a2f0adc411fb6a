package parse

import (
	pg "github.com/pganalyze/pg_query_go/v5"
)

// stmt translates a statement; nil stays nil.
func (t *translator) stmt(n *pg.Node) Statement {
	if n == nil || n.Node == nil || t.err != nil {
		return nil
	}
	switch s := n.Node.(type) {
	case *pg.Node_SelectStmt:
		return t.selectStmt(s.SelectStmt)
	case *pg.Node_InsertStmt:
		return t.insertStmt(s.InsertStmt)
	case *pg.Node_UpdateStmt:
		return t.updateStmt(s.UpdateStmt)
	case *pg.Node_DeleteStmt:
		return t.deleteStmt(s.DeleteStmt)
	case *pg.Node_MergeStmt:
		return t.mergeStmt(s.MergeStmt)
	}
	return t.ddlStmt(n)
}

// ddlStmt goes on with stmt's switch.
func (t *translator) ddlStmt(n *pg.Node) Statement {
	switch s := n.Node.(type) {
	case *pg.Node_CreateStmt:
		return t.createStmt(s.CreateStmt)
	case *pg.Node_CreateTableAsStmt:
		return t.createTableAsStmt(s.CreateTableAsStmt)
	case *pg.Node_IndexStmt:
		return t.indexStmt(s.IndexStmt)
	case *pg.Node_CreateSeqStmt:
		return t.createSeqStmt(s.CreateSeqStmt)
	case *pg.Node_AlterSeqStmt:
		return t.alterSeqStmt(s.AlterSeqStmt)
	case *pg.Node_CreateSchemaStmt:
		return t.createSchemaStmt(s.CreateSchemaStmt)
	case *pg.Node_ViewStmt:
		return t.viewStmt(s.ViewStmt)
	case *pg.Node_RuleStmt:
		return t.ruleStmt(s.RuleStmt)
	case *pg.Node_AlterTableStmt:
		return t.alterTableStmt(s.AlterTableStmt)
	case *pg.Node_AlterDomainStmt:
		return t.alterDomainStmt(s.AlterDomainStmt)
	case *pg.Node_RenameStmt:
		return t.renameStmt(s.RenameStmt)
	case *pg.Node_AlterObjectSchemaStmt:
		return t.alterObjectSchemaStmt(s.AlterObjectSchemaStmt)
	case *pg.Node_AlterOwnerStmt:
		return t.alterOwnerStmt(s.AlterOwnerStmt)
	case *pg.Node_DropStmt:
		return t.dropStmt(s.DropStmt)
	case *pg.Node_TruncateStmt:
		return t.truncateStmt(s.TruncateStmt)
	case *pg.Node_CommentStmt:
		return t.commentStmt(s.CommentStmt)
	case *pg.Node_CreateEnumStmt:
		return t.createEnumStmt(s.CreateEnumStmt)
	case *pg.Node_AlterEnumStmt:
		return t.alterEnumStmt(s.AlterEnumStmt)
	case *pg.Node_CreateRangeStmt:
		return &CreateRangeStmt{TypeName: t.name(s.CreateRangeStmt.TypeName), Params: t.defElems(s.CreateRangeStmt.Params)}
	case *pg.Node_CompositeTypeStmt:
		return t.compositeTypeStmt(s.CompositeTypeStmt)
	case *pg.Node_CreateDomainStmt:
		return t.createDomainStmt(s.CreateDomainStmt)
	case *pg.Node_CreateFunctionStmt:
		return t.createFunctionStmt(s.CreateFunctionStmt)
	case *pg.Node_AlterFunctionStmt:
		return t.alterFunctionStmt(s.AlterFunctionStmt)
	case *pg.Node_CreateTrigStmt:
		return t.createTrigStmt(s.CreateTrigStmt)
	case *pg.Node_CreateExtensionStmt:
		return t.createExtensionStmt(s.CreateExtensionStmt)
	case *pg.Node_AlterExtensionStmt:
		return t.alterExtensionStmt(s.AlterExtensionStmt)
	case *pg.Node_RefreshMatViewStmt:
		return t.refreshMatViewStmt(s.RefreshMatViewStmt)
	}
	return t.utilityStmt(n)
}

// utilityStmt goes on with ddlStmt's switch.
func (t *translator) utilityStmt(n *pg.Node) Statement {
	switch s := n.Node.(type) {
	case *pg.Node_CopyStmt:
		return t.copyStmt(s.CopyStmt)
	case *pg.Node_TransactionStmt:
		return t.transactionStmt(s.TransactionStmt)
	case *pg.Node_VariableSetStmt:
		return t.variableSetStmt(s.VariableSetStmt)
	case *pg.Node_VariableShowStmt:
		return t.variableShowStmt(s.VariableShowStmt)
	case *pg.Node_AlterSystemStmt:
		return t.alterSystemStmt(s.AlterSystemStmt)
	case *pg.Node_ConstraintsSetStmt:
		return t.constraintsSetStmt(s.ConstraintsSetStmt)
	case *pg.Node_PrepareStmt:
		return t.prepareStmt(s.PrepareStmt)
	case *pg.Node_ExecuteStmt:
		return t.executeStmt(s.ExecuteStmt)
	case *pg.Node_DeallocateStmt:
		return t.deallocateStmt(s.DeallocateStmt)
	case *pg.Node_DeclareCursorStmt:
		return t.declareCursorStmt(s.DeclareCursorStmt)
	case *pg.Node_FetchStmt:
		return t.fetchStmt(s.FetchStmt)
	case *pg.Node_ClosePortalStmt:
		return t.closePortalStmt(s.ClosePortalStmt)
	case *pg.Node_ExplainStmt:
		return t.explainStmt(s.ExplainStmt)
	case *pg.Node_VacuumStmt:
		return t.vacuumStmt(s.VacuumStmt)
	case *pg.Node_LockStmt:
		return t.lockStmt(s.LockStmt)
	case *pg.Node_DiscardStmt:
		return t.discardStmt(s.DiscardStmt)
	case *pg.Node_ListenStmt:
		return t.listenStmt(s.ListenStmt)
	case *pg.Node_NotifyStmt:
		return t.notifyStmt(s.NotifyStmt)
	case *pg.Node_UnlistenStmt:
		return t.unlistenStmt(s.UnlistenStmt)
	case *pg.Node_LoadStmt:
		return t.loadStmt(s.LoadStmt)
	case *pg.Node_DoStmt:
		return t.doStmt(s.DoStmt)
	case *pg.Node_PlassignStmt:
		return t.plAssignStmt(s.PlassignStmt)
	case *pg.Node_CallStmt:
		return t.callStmt(s.CallStmt)
	case *pg.Node_CheckPointStmt:
		return &CheckPointStmt{}
	case *pg.Node_DefineStmt:
		if c := t.defineStmt(s.DefineStmt); c != nil {
			return c
		}
	}
	return t.roleStmt(n)
}

// roleStmt goes on with utilityStmt's switch.
func (t *translator) roleStmt(n *pg.Node) Statement {
	switch s := n.Node.(type) {
	case *pg.Node_GrantStmt:
		return t.grantStmt(s.GrantStmt)
	case *pg.Node_GrantRoleStmt:
		return t.grantRoleStmt(s.GrantRoleStmt)
	case *pg.Node_AlterDefaultPrivilegesStmt:
		return t.alterDefaultPrivilegesStmt(s.AlterDefaultPrivilegesStmt)
	case *pg.Node_CreateRoleStmt:
		return t.createRoleStmt(s.CreateRoleStmt)
	case *pg.Node_AlterRoleStmt:
		return t.alterRoleStmt(s.AlterRoleStmt)
	case *pg.Node_AlterRoleSetStmt:
		return t.alterRoleSetStmt(s.AlterRoleSetStmt)
	case *pg.Node_DropRoleStmt:
		return t.dropRoleStmt(s.DropRoleStmt)
	case *pg.Node_DropOwnedStmt:
		return t.dropOwnedStmt(s.DropOwnedStmt)
	case *pg.Node_ReassignOwnedStmt:
		return t.reassignOwnedStmt(s.ReassignOwnedStmt)
	case *pg.Node_CreatedbStmt:
		return t.createdbStmt(s.CreatedbStmt)
	case *pg.Node_DropdbStmt:
		return t.dropdbStmt(s.DropdbStmt)
	case *pg.Node_AlterDatabaseStmt:
		return t.alterDatabaseStmt(s.AlterDatabaseStmt)
	case *pg.Node_AlterDatabaseSetStmt:
		return t.alterDatabaseSetStmt(s.AlterDatabaseSetStmt)
	case *pg.Node_ReindexStmt:
		return t.reindexStmt(s.ReindexStmt)
	case *pg.Node_ClusterStmt:
		return t.clusterStmt(s.ClusterStmt)
	case *pg.Node_CreatePolicyStmt:
		return t.createPolicyStmt(s.CreatePolicyStmt)
	case *pg.Node_AlterPolicyStmt:
		return t.alterPolicyStmt(s.AlterPolicyStmt)
	}
	t.refuse(statementName(n), -1)
	return nil
}

// statementNames are the SQL names of the statements that have no translation.
var statementNames = map[string]string{
	"AlterExtensionContentsStmt":   "ALTER EXTENSION",
	"CreateTableSpaceStmt":         "CREATE TABLESPACE",
	"DropTableSpaceStmt":           "DROP TABLESPACE",
	"AlterTableSpaceOptionsStmt":   "ALTER TABLESPACE",
	"AlterTableMoveAllStmt":        "ALTER TABLE ALL IN TABLESPACE",
	"CreateFdwStmt":                "CREATE FOREIGN DATA WRAPPER",
	"AlterFdwStmt":                 "ALTER FOREIGN DATA WRAPPER",
	"CreateForeignServerStmt":      "CREATE SERVER",
	"AlterForeignServerStmt":       "ALTER SERVER",
	"CreateForeignTableStmt":       "CREATE FOREIGN TABLE",
	"CreateUserMappingStmt":        "CREATE USER MAPPING",
	"AlterUserMappingStmt":         "ALTER USER MAPPING",
	"DropUserMappingStmt":          "DROP USER MAPPING",
	"ImportForeignSchemaStmt":      "IMPORT FOREIGN SCHEMA",
	"CreateAmStmt":                 "CREATE ACCESS METHOD",
	"CreateEventTrigStmt":          "CREATE EVENT TRIGGER",
	"AlterEventTrigStmt":           "ALTER EVENT TRIGGER",
	"CreatePLangStmt":              "CREATE LANGUAGE",
	"DefineStmt":                   "CREATE OPERATOR, TYPE, TEXT SEARCH or COLLATION",
	"CreateOpClassStmt":            "CREATE OPERATOR CLASS",
	"CreateOpFamilyStmt":           "CREATE OPERATOR FAMILY",
	"AlterOpFamilyStmt":            "ALTER OPERATOR FAMILY",
	"SecLabelStmt":                 "SECURITY LABEL",
	"CreateStatsStmt":              "CREATE STATISTICS",
	"AlterStatsStmt":               "ALTER STATISTICS",
	"AlterObjectDependsStmt":       "ALTER … DEPENDS ON EXTENSION",
	"AlterOperatorStmt":            "ALTER OPERATOR",
	"AlterTypeStmt":                "ALTER TYPE",
	"AlterDatabaseRefreshCollStmt": "ALTER DATABASE REFRESH COLLATION VERSION",
	"CreateConversionStmt":         "CREATE CONVERSION",
	"CreateCastStmt":               "CREATE CAST",
	"CreateTransformStmt":          "CREATE TRANSFORM",
	"AlterTSDictionaryStmt":        "ALTER TEXT SEARCH DICTIONARY",
	"AlterTSConfigurationStmt":     "ALTER TEXT SEARCH CONFIGURATION",
	"CreatePublicationStmt":        "CREATE PUBLICATION",
	"AlterPublicationStmt":         "ALTER PUBLICATION",
	"CreateSubscriptionStmt":       "CREATE SUBSCRIPTION",
	"AlterSubscriptionStmt":        "ALTER SUBSCRIPTION",
	"DropSubscriptionStmt":         "DROP SUBSCRIPTION",
	"AlterCollationStmt":           "ALTER COLLATION",
}

func statementName(n *pg.Node) string {
	name := nodeName(n)
	if s, ok := statementNames[name]; ok {
		return s
	}
	return name
}
