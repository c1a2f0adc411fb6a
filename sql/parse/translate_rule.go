package parse

import pg "github.com/pganalyze/pg_query_go/v5"

func (t *translator) ruleStmt(n *pg.RuleStmt) *RuleStmt {
	r := &RuleStmt{
		Relation: t.rangeVar(n.Relation), Name: n.Rulename, Where: t.expr(n.WhereClause), Instead: n.Instead, Replace: n.Replace,
	}
	switch n.Event {
	case pg.CmdType_CMD_UPDATE:
		r.Event = RuleOnUpdate
	case pg.CmdType_CMD_INSERT:
		r.Event = RuleOnInsert
	case pg.CmdType_CMD_DELETE:
		r.Event = RuleOnDelete
	}
	for _, a := range n.Actions {
		r.Actions = append(r.Actions, t.stmt(a))
	}
	return r
}
