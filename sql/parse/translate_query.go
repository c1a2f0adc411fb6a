package parse

import (
	pg "github.com/pganalyze/pg_query_go/v5"
)

func (t *translator) selectStmt(n *pg.SelectStmt) *SelectStmt {
	if n == nil || t.err != nil {
		return nil
	}
	s := &SelectStmt{
		Into: t.intoClause(n.IntoClause), TargetList: t.resTargets(n.TargetList),
		FromClause: t.fromItems(n.FromClause), WhereClause: t.expr(n.WhereClause),
		GroupClause: t.exprs(n.GroupClause), GroupDistinct: n.GroupDistinct, HavingClause: t.expr(n.HavingClause),
		SortClause: t.sortBys(n.SortClause), LimitOffset: t.expr(n.LimitOffset), LimitCount: t.expr(n.LimitCount),
		WithTies: n.LimitOption == pg.LimitOption_LIMIT_OPTION_WITH_TIES,
		With:     t.withClause(n.WithClause), Op: SetOperation(n.Op - 1), All: n.All,
		Larg: t.selectStmt(n.Larg), Rarg: t.selectStmt(n.Rarg),
	}
	s.Distinct = len(n.DistinctClause) > 0
	// Plain DISTINCT is a list of one nil.
	if !(len(n.DistinctClause) == 1 && n.DistinctClause[0].Node == nil) {
		s.DistinctOn = t.exprs(n.DistinctClause)
	}
	for _, w := range n.WindowClause {
		wd, ok := w.Node.(*pg.Node_WindowDef)
		if !ok {
			t.unknown(w, "WINDOW")
			return s
		}
		s.WindowClause = append(s.WindowClause, t.windowDef(wd.WindowDef))
	}
	for _, l := range n.LockingClause {
		lc, ok := l.Node.(*pg.Node_LockingClause)
		if !ok {
			t.unknown(l, "FOR UPDATE")
			return s
		}
		s.LockingClause = append(s.LockingClause, t.lockingClause(lc.LockingClause))
	}
	s.ValuesLists = t.valuesLists(n.ValuesLists)
	return s
}

func (t *translator) valuesLists(nodes []*pg.Node) [][]Expr {
	if len(nodes) == 0 {
		return nil
	}
	out := make([][]Expr, len(nodes))
	for i, n := range nodes {
		l, ok := n.Node.(*pg.Node_List)
		if !ok {
			t.unknown(n, "VALUES")
			return nil
		}
		out[i] = t.exprs(l.List.Items)
	}
	return out
}

func (t *translator) lockingClause(n *pg.LockingClause) *LockingClause {
	return &LockingClause{
		Rels: t.rangeVars(n.LockedRels), Strength: LockClauseStrength(n.Strength - 1),
		WaitPolicy: LockWaitPolicy(n.WaitPolicy - 1),
	}
}

func (t *translator) intoClause(n *pg.IntoClause) *IntoClause {
	if n == nil {
		return nil
	}
	return &IntoClause{
		Rel: t.rangeVar(n.Rel), Columns: t.strings(n.ColNames), AccessMethod: n.AccessMethod,
		Options: t.defElems(n.Options), OnCommit: OnCommitAction(n.OnCommit - 1),
		TableSpaceName: n.TableSpaceName, SkipData: n.SkipData,
	}
}

func (t *translator) resTargets(nodes []*pg.Node) []*ResTarget {
	if len(nodes) == 0 {
		return nil
	}
	out := make([]*ResTarget, len(nodes))
	var source Expr // of the multiple assignment in progress
	for i, n := range nodes {
		r, ok := n.Node.(*pg.Node_ResTarget)
		if !ok {
			t.unknown(n, "a target list")
			return nil
		}
		m := r.ResTarget.Val.GetMultiAssignRef()
		if m == nil || m.Colno == 1 || source == nil {
			out[i] = t.resTarget(r.ResTarget)
			if ref, ok := out[i].Val.(*MultiAssignRef); ok {
				source = ref.Source
			}
			continue
		}
		out[i] = t.resTarget(&pg.ResTarget{
			Name: r.ResTarget.Name, Indirection: r.ResTarget.Indirection, Location: r.ResTarget.Location,
		})
		out[i].Val = &MultiAssignRef{Source: source, Colno: int(m.Colno), Ncolumns: int(m.Ncolumns)}
	}
	return out
}

func (t *translator) resTarget(n *pg.ResTarget) *ResTarget {
	return &ResTarget{
		Name: n.Name, Indirection: t.subscripts(n.Indirection), Val: t.expr(n.Val), Location: t.loc(n.Location),
	}
}

func (t *translator) fromItems(nodes []*pg.Node) []FromItem {
	if len(nodes) == 0 {
		return nil
	}
	out := make([]FromItem, len(nodes))
	for i, n := range nodes {
		out[i] = t.fromItem(n)
	}
	return out
}

func (t *translator) fromItem(n *pg.Node) FromItem {
	if n == nil || n.Node == nil || t.err != nil {
		return nil
	}
	switch f := n.Node.(type) {
	case *pg.Node_RangeVar:
		return t.rangeVar(f.RangeVar)
	case *pg.Node_JoinExpr:
		return t.joinExpr(f.JoinExpr)
	case *pg.Node_RangeSubselect:
		return t.rangeSubselect(f.RangeSubselect)
	case *pg.Node_RangeFunction:
		return t.rangeFunction(f.RangeFunction)
	case *pg.Node_RangeTableSample:
		return t.rangeTableSample(f.RangeTableSample)
	case *pg.Node_RangeTableFunc:
		t.refuse("XMLTABLE", int(t.loc(f.RangeTableFunc.Location)))
		return nil
	}
	t.unknown(n, "FROM")
	return nil
}

func (t *translator) joinExpr(n *pg.JoinExpr) *JoinExpr {
	return &JoinExpr{
		Type: JoinType(n.Jointype - 1), Natural: n.IsNatural, Larg: t.fromItem(n.Larg), Rarg: t.fromItem(n.Rarg),
		Using: t.strings(n.UsingClause), UsingAlias: t.alias(n.JoinUsingAlias), Quals: t.expr(n.Quals),
		Alias: t.alias(n.Alias),
	}
}

func (t *translator) rangeSubselect(n *pg.RangeSubselect) *RangeSubselect {
	r := &RangeSubselect{
		Lateral: n.Lateral, Subquery: t.stmt(n.Subquery), Alias: t.alias(n.Alias), Location: -1,
	}
	if r.Alias == nil {
		t.fail(missingAlias(t.sql, r))
	}
	return r
}

func (t *translator) rangeFunction(n *pg.RangeFunction) *RangeFunction {
	r := &RangeFunction{
		Lateral: n.Lateral, Ordinality: n.Ordinality, RowsFrom: n.IsRowsfrom,
		Alias: t.alias(n.Alias), Coldefs: t.columnDefs(n.Coldeflist), Location: -1,
	}
	for _, f := range n.Functions {
		l := f.GetList()
		if l == nil || len(l.Items) != 2 {
			t.unknown(f, "ROWS FROM")
			return r
		}
		item := RangeFunctionItem{Func: t.expr(l.Items[0])}
		if d := l.Items[1].GetList(); d != nil {
			item.Coldefs = t.columnDefs(d.Items)
		}
		r.Functions = append(r.Functions, item)
	}
	if len(r.Functions) > 0 && r.Functions[0].Func != nil {
		r.Location = Location(r.Functions[0].Func.Loc())
	}
	return r
}

func (t *translator) rangeTableSample(n *pg.RangeTableSample) *RangeTableSample {
	return &RangeTableSample{
		Relation: t.fromItem(n.Relation), Method: t.name(n.Method), Args: t.exprs(n.Args),
		Repeatable: t.expr(n.Repeatable), Location: t.loc(n.Location),
	}
}

func (t *translator) withClause(n *pg.WithClause) *WithClause {
	if n == nil {
		return nil
	}
	w := &WithClause{Recursive: n.Recursive, Location: t.loc(n.Location)}
	for _, c := range n.Ctes {
		cte, ok := c.Node.(*pg.Node_CommonTableExpr)
		if !ok {
			t.unknown(c, "WITH")
			return w
		}
		w.CTEs = append(w.CTEs, t.commonTableExpr(cte.CommonTableExpr))
	}
	return w
}

func (t *translator) commonTableExpr(n *pg.CommonTableExpr) *CommonTableExpr {
	return &CommonTableExpr{
		Name: n.Ctename, Columns: t.strings(n.Aliascolnames), Materialized: CTEMaterialize(n.Ctematerialized - 1),
		Query: t.stmt(n.Ctequery), Search: t.cteSearchClause(n.SearchClause), Cycle: t.cteCycleClause(n.CycleClause),
		Location: t.loc(n.Location),
	}
}

func (t *translator) cteSearchClause(n *pg.CTESearchClause) *CTESearchClause {
	if n == nil {
		return nil
	}
	return &CTESearchClause{
		Columns: t.strings(n.SearchColList), BreadthFirst: n.SearchBreadthFirst, SeqColumn: n.SearchSeqColumn,
		Location: t.loc(n.Location),
	}
}

func (t *translator) cteCycleClause(n *pg.CTECycleClause) *CTECycleClause {
	if n == nil {
		return nil
	}
	return &CTECycleClause{
		Columns: t.strings(n.CycleColList), MarkColumn: n.CycleMarkColumn, MarkValue: t.expr(n.CycleMarkValue),
		MarkDefault: t.expr(n.CycleMarkDefault), PathColumn: n.CyclePathColumn, Location: t.loc(n.Location),
	}
}

func (t *translator) insertStmt(n *pg.InsertStmt) *InsertStmt {
	return &InsertStmt{
		Relation: t.rangeVar(n.Relation), Cols: t.resTargets(n.Cols), Select: t.selectStmt(n.SelectStmt.GetSelectStmt()),
		OnConflict: t.onConflictClause(n.OnConflictClause), Returning: t.resTargets(n.ReturningList),
		With: t.withClause(n.WithClause), Override: t.overriding(n.Override),
	}
}

func (t *translator) overriding(k pg.OverridingKind) OverridingKind {
	if k == pg.OverridingKind_OVERRIDING_KIND_UNDEFINED {
		return OverridingNotSet
	}
	return OverridingKind(k - 1)
}

func (t *translator) onConflictClause(n *pg.OnConflictClause) *OnConflictClause {
	if n == nil {
		return nil
	}
	return &OnConflictClause{
		Update: n.Action == pg.OnConflictAction_ONCONFLICT_UPDATE, Infer: t.inferClause(n.Infer),
		TargetList: t.resTargets(n.TargetList), WhereClause: t.expr(n.WhereClause), Location: t.loc(n.Location),
	}
}

func (t *translator) inferClause(n *pg.InferClause) *InferClause {
	if n == nil {
		return nil
	}
	return &InferClause{
		IndexElems: t.indexElems(n.IndexElems), WhereClause: t.expr(n.WhereClause), Conname: n.Conname,
		Location: t.loc(n.Location),
	}
}

func (t *translator) deleteStmt(n *pg.DeleteStmt) *DeleteStmt {
	return &DeleteStmt{
		Relation: t.rangeVar(n.Relation), UsingClause: t.fromItems(n.UsingClause), WhereClause: t.expr(n.WhereClause),
		Returning: t.resTargets(n.ReturningList), With: t.withClause(n.WithClause),
	}
}

func (t *translator) updateStmt(n *pg.UpdateStmt) *UpdateStmt {
	return &UpdateStmt{
		Relation: t.rangeVar(n.Relation), TargetList: t.resTargets(n.TargetList), WhereClause: t.expr(n.WhereClause),
		FromClause: t.fromItems(n.FromClause), Returning: t.resTargets(n.ReturningList), With: t.withClause(n.WithClause),
	}
}

func (t *translator) mergeStmt(n *pg.MergeStmt) *MergeStmt {
	m := &MergeStmt{
		Relation: t.rangeVar(n.Relation), Source: t.fromItem(n.SourceRelation), Condition: t.expr(n.JoinCondition),
		With: t.withClause(n.WithClause),
	}
	for _, c := range n.MergeWhenClauses {
		w, ok := c.Node.(*pg.Node_MergeWhenClause)
		if !ok {
			t.unknown(c, "MERGE")
			return m
		}
		m.Whens = append(m.Whens, t.mergeWhenClause(w.MergeWhenClause))
	}
	return m
}

func (t *translator) mergeWhenClause(n *pg.MergeWhenClause) *MergeWhenClause {
	w := &MergeWhenClause{
		Matched: n.Matched, Override: t.overriding(n.Override), Condition: t.expr(n.Condition),
		TargetList: t.resTargets(n.TargetList), Values: t.exprs(n.Values),
	}
	switch n.CommandType {
	case pg.CmdType_CMD_INSERT:
		w.Action = MergeInsert
	case pg.CmdType_CMD_UPDATE:
		w.Action = MergeUpdate
	case pg.CmdType_CMD_DELETE:
		w.Action = MergeDelete
	case pg.CmdType_CMD_NOTHING:
		w.Action = MergeDoNothing
	default:
		t.refuse("a MERGE action of this kind", -1)
	}
	return w
}
