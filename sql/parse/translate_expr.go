package parse

import (
	pg "github.com/pganalyze/pg_query_go/v5"
)

// expr translates an expression; nil stays nil.
func (t *translator) expr(n *pg.Node) Expr {
	if n == nil || n.Node == nil || t.err != nil {
		return nil
	}
	switch e := n.Node.(type) {
	case *pg.Node_AConst:
		return t.aConst(e.AConst)
	case *pg.Node_ColumnRef:
		return t.columnRef(e.ColumnRef)
	case *pg.Node_ParamRef:
		return t.paramRef(e.ParamRef)
	case *pg.Node_AExpr:
		return t.aExpr(e.AExpr)
	case *pg.Node_FuncCall:
		return t.funcCall(e.FuncCall)
	case *pg.Node_TypeCast:
		return t.typeCast(e.TypeCast)
	case *pg.Node_BoolExpr:
		return t.boolExpr(e.BoolExpr)
	case *pg.Node_NullTest:
		return t.nullTest(e.NullTest)
	case *pg.Node_BooleanTest:
		return t.booleanTest(e.BooleanTest)
	case *pg.Node_SubLink:
		return t.subLink(e.SubLink)
	case *pg.Node_SetToDefault:
		return t.setToDefault(e.SetToDefault)
	}
	return t.rareExpr(n)
}

// rareExpr goes on with expr's switch.
func (t *translator) rareExpr(n *pg.Node) Expr {
	switch e := n.Node.(type) {
	case *pg.Node_CaseExpr:
		return t.caseExpr(e.CaseExpr)
	case *pg.Node_CoalesceExpr:
		return t.coalesceExpr(e.CoalesceExpr)
	case *pg.Node_MinMaxExpr:
		return t.minMaxExpr(e.MinMaxExpr)
	case *pg.Node_SqlvalueFunction:
		return t.sqlValueFunction(e.SqlvalueFunction)
	case *pg.Node_AArrayExpr:
		return t.aArrayExpr(e.AArrayExpr)
	case *pg.Node_RowExpr:
		return t.rowExpr(e.RowExpr)
	case *pg.Node_AIndirection:
		return t.aIndirection(e.AIndirection)
	case *pg.Node_CollateClause:
		return t.collateClause(e.CollateClause)
	case *pg.Node_NamedArgExpr:
		return t.namedArgExpr(e.NamedArgExpr)
	case *pg.Node_GroupingFunc:
		return t.groupingFunc(e.GroupingFunc)
	case *pg.Node_GroupingSet:
		return t.groupingSet(e.GroupingSet)
	case *pg.Node_MultiAssignRef:
		return t.multiAssignRef(e.MultiAssignRef)
	case *pg.Node_CurrentOfExpr:
		return t.currentOfExpr(e.CurrentOfExpr)
	case *pg.Node_XmlExpr, *pg.Node_XmlSerialize:
		t.refuse("XML", -1)
		return nil
	case *pg.Node_JsonObjectConstructor, *pg.Node_JsonArrayConstructor, *pg.Node_JsonArrayQueryConstructor,
		*pg.Node_JsonObjectAgg, *pg.Node_JsonArrayAgg, *pg.Node_JsonIsPredicate:
		t.refuse("SQL/JSON syntax", -1)
		return nil
	}
	t.unknown(n, "an expression")
	return nil
}

func (t *translator) aConst(n *pg.A_Const) *Const {
	c := &Const{Location: t.loc(n.Location)}
	if n.Isnull {
		c.Kind = ConstNull
		return c
	}
	switch v := n.Val.(type) {
	case *pg.A_Const_Ival:
		c.Kind, c.Ival = ConstInteger, v.Ival.Ival
	case *pg.A_Const_Fval:
		c.Kind, c.Sval = ConstFloat, v.Fval.Fval
	case *pg.A_Const_Sval:
		c.Kind, c.Sval = ConstString, v.Sval.Sval
	case *pg.A_Const_Bsval:
		c.Kind, c.Sval = ConstBit, v.Bsval.Bsval
	case *pg.A_Const_Boolval:
		c.Kind, c.Bval = ConstBool, v.Boolval.Boolval
	default:
		t.refuse("a constant of this kind", c.Loc())
	}
	return c
}

func (t *translator) columnRef(n *pg.ColumnRef) *ColumnRef {
	c := &ColumnRef{Location: t.loc(n.Location)}
	fields := n.Fields
	if k := len(fields); k > 0 && fields[k-1].GetAStar() != nil {
		c.Star = true
		fields = fields[:k-1]
	}
	c.Fields = t.name(fields)
	return c
}

// paramRef makes a literal of $n when the text came from Normalize.
func (t *translator) paramRef(n *pg.ParamRef) *ParamRef {
	p := &ParamRef{Number: int(n.Number), Location: t.loc(n.Location)}
	if t.lits != nil && p.Number >= 1 && p.Number <= len(t.lits) {
		p.Literal, p.LitKind = true, t.lits[p.Number-1]
	}
	return p
}

func (t *translator) aExpr(n *pg.A_Expr) *AExpr {
	e := &AExpr{
		Kind: AExprKind(n.Kind - 1), Name: t.name(n.Name),
		Lexpr: t.expr(n.Lexpr), Location: t.loc(n.Location),
	}
	if l := n.Rexpr.GetList(); l != nil {
		e.List = t.exprs(l.Items)
	} else {
		e.Rexpr = t.expr(n.Rexpr)
	}
	if e.Kind > AExprNotBetweenSym {
		t.refuse("an operator expression of this kind", e.Loc())
	}
	return e
}

func (t *translator) funcCall(n *pg.FuncCall) *FuncCall {
	return &FuncCall{
		Name: t.name(n.Funcname), Args: t.exprs(n.Args), AggOrder: t.sortBys(n.AggOrder),
		AggFilter: t.expr(n.AggFilter), AggWithinGroup: n.AggWithinGroup, AggStar: n.AggStar,
		AggDistinct: n.AggDistinct, FuncVariadic: n.FuncVariadic,
		SQLSyntax: n.Funcformat == pg.CoercionForm_COERCE_SQL_SYNTAX,
		Over:      t.windowDef(n.Over), Location: t.loc(n.Location),
	}
}

func (t *translator) typeCast(n *pg.TypeCast) *TypeCast {
	return &TypeCast{Arg: t.expr(n.Arg), Type: t.typeName(n.TypeName), Location: t.loc(n.Location)}
}

func (t *translator) boolExpr(n *pg.BoolExpr) *BoolExpr {
	return &BoolExpr{Op: BoolExprType(n.Boolop - 1), Args: t.exprs(n.Args), Location: t.loc(n.Location)}
}

func (t *translator) nullTest(n *pg.NullTest) *NullTest {
	return &NullTest{
		Arg: t.expr(n.Arg), Not: n.Nulltesttype == pg.NullTestType_IS_NOT_NULL, Location: t.loc(n.Location),
	}
}

func (t *translator) booleanTest(n *pg.BooleanTest) *BooleanTest {
	return &BooleanTest{Arg: t.expr(n.Arg), Test: BoolTestType(n.Booltesttype - 1), Location: t.loc(n.Location)}
}

func (t *translator) subLink(n *pg.SubLink) *SubLink {
	s := &SubLink{
		Testexpr: t.expr(n.Testexpr), OperName: t.name(n.OperName),
		Subselect: t.stmt(n.Subselect), Location: t.loc(n.Location),
	}
	switch n.SubLinkType {
	case pg.SubLinkType_EXISTS_SUBLINK:
		s.Type = ExistsSubLink
	case pg.SubLinkType_ALL_SUBLINK:
		s.Type = AllSubLink
	case pg.SubLinkType_ANY_SUBLINK:
		s.Type = AnySubLink
	case pg.SubLinkType_EXPR_SUBLINK:
		s.Type = ExprSubLink
	case pg.SubLinkType_ARRAY_SUBLINK:
		s.Type = ArraySubLink
	default:
		t.refuse("a subquery of this kind", s.Loc())
	}
	return s
}

func (t *translator) setToDefault(n *pg.SetToDefault) *SetToDefault {
	return &SetToDefault{t.loc(n.Location)}
}

func (t *translator) caseExpr(n *pg.CaseExpr) *CaseExpr {
	c := &CaseExpr{Arg: t.expr(n.Arg), Defresult: t.expr(n.Defresult), Location: t.loc(n.Location)}
	for _, a := range n.Args {
		w, ok := a.Node.(*pg.Node_CaseWhen)
		if !ok {
			t.unknown(a, "CASE")
			return c
		}
		c.Whens = append(c.Whens, t.caseWhen(w.CaseWhen))
	}
	return c
}

func (t *translator) caseWhen(n *pg.CaseWhen) *CaseWhen {
	return &CaseWhen{Expr: t.expr(n.Expr), Result: t.expr(n.Result), Location: t.loc(n.Location)}
}

func (t *translator) coalesceExpr(n *pg.CoalesceExpr) *CoalesceExpr {
	return &CoalesceExpr{Args: t.exprs(n.Args), Location: t.loc(n.Location)}
}

func (t *translator) minMaxExpr(n *pg.MinMaxExpr) *MinMaxExpr {
	return &MinMaxExpr{Least: n.Op == pg.MinMaxOp_IS_LEAST, Args: t.exprs(n.Args), Location: t.loc(n.Location)}
}

func (t *translator) sqlValueFunction(n *pg.SQLValueFunction) *SQLValueFunction {
	f := &SQLValueFunction{Op: SQLValueFunctionOp(n.Op - 1), Typmod: int(n.Typmod), Location: t.loc(n.Location)}
	if f.Op > CurrentSchema {
		t.refuse("a function of this kind", f.Loc())
	}
	return f
}

func (t *translator) aArrayExpr(n *pg.A_ArrayExpr) *ArrayExpr {
	return &ArrayExpr{Elements: t.exprs(n.Elements), Location: t.loc(n.Location)}
}

func (t *translator) rowExpr(n *pg.RowExpr) *RowExpr {
	return &RowExpr{
		Args: t.exprs(n.Args), Explicit: n.RowFormat == pg.CoercionForm_COERCE_EXPLICIT_CALL,
		Location: t.loc(n.Location),
	}
}

// aIndirection keeps an Indirection even where Arg is a constant or parameter.
func (t *translator) aIndirection(n *pg.A_Indirection) Expr {
	arg := t.expr(n.Arg)
	if arg == nil {
		return nil
	}
	return &Indirection{Arg: arg, Steps: t.subscripts(n.Indirection)}
}

func (t *translator) subscripts(nodes []*pg.Node) []Subscript {
	if len(nodes) == 0 {
		return nil
	}
	out := make([]Subscript, len(nodes))
	for i, n := range nodes {
		switch s := n.Node.(type) {
		case *pg.Node_String_:
			out[i].Field = s.String_.Sval
		case *pg.Node_AStar:
			out[i].Star = true
		case *pg.Node_AIndices:
			out[i] = t.aIndices(s.AIndices)
		default:
			t.unknown(n, "a subscript")
		}
	}
	return out
}

func (t *translator) aIndices(n *pg.A_Indices) Subscript {
	return Subscript{Slice: n.IsSlice, Lidx: t.expr(n.Lidx), Uidx: t.expr(n.Uidx)}
}

func (t *translator) namedArgExpr(n *pg.NamedArgExpr) *NamedArgExpr {
	return &NamedArgExpr{Name: n.Name, Arg: t.expr(n.Arg), Location: t.loc(n.Location)}
}

func (t *translator) groupingFunc(n *pg.GroupingFunc) *GroupingFunc {
	return &GroupingFunc{Args: t.exprs(n.Args), Location: t.loc(n.Location)}
}

func (t *translator) groupingSet(n *pg.GroupingSet) *GroupingSet {
	g := &GroupingSet{Content: t.exprs(n.Content), Location: t.loc(n.Location)}
	switch n.Kind {
	case pg.GroupingSetKind_GROUPING_SET_EMPTY:
		g.Kind = GroupingSetEmpty
	case pg.GroupingSetKind_GROUPING_SET_ROLLUP:
		g.Kind = GroupingSetRollup
	case pg.GroupingSetKind_GROUPING_SET_CUBE:
		g.Kind = GroupingSetCube
	case pg.GroupingSetKind_GROUPING_SET_SETS:
		g.Kind = GroupingSetSets
	default:
		t.refuse("a grouping set of this kind", g.Loc())
	}
	return g
}

// multiAssignRef translates one target of a multiple assignment; resTargets
// makes the targets share one source.
func (t *translator) multiAssignRef(n *pg.MultiAssignRef) Expr {
	src := t.expr(n.Source)
	if src == nil {
		return nil
	}
	return &MultiAssignRef{Source: src, Colno: int(n.Colno), Ncolumns: int(n.Ncolumns)}
}

func (t *translator) currentOfExpr(n *pg.CurrentOfExpr) *CurrentOfExpr {
	if n.CursorParam != 0 {
		t.refuse("WHERE CURRENT OF a parameter", -1)
	}
	return &CurrentOfExpr{CursorName: n.CursorName}
}

func (t *translator) sortBys(nodes []*pg.Node) []*SortBy {
	if len(nodes) == 0 {
		return nil
	}
	out := make([]*SortBy, len(nodes))
	for i, n := range nodes {
		s, ok := n.Node.(*pg.Node_SortBy)
		if !ok {
			t.unknown(n, "ORDER BY")
			return nil
		}
		out[i] = t.sortBy(s.SortBy)
	}
	return out
}

func (t *translator) sortBy(n *pg.SortBy) *SortBy {
	return &SortBy{
		Node: t.expr(n.Node), Dir: SortByDir(n.SortbyDir - 1), Nulls: SortByNulls(n.SortbyNulls - 1),
		UseOp: t.name(n.UseOp), Location: t.loc(n.Location),
	}
}

func (t *translator) windowDef(n *pg.WindowDef) *WindowDef {
	if n == nil {
		return nil
	}
	return &WindowDef{
		Name: n.Name, Refname: n.Refname, Partition: t.exprs(n.PartitionClause), Order: t.sortBys(n.OrderClause),
		FrameOptions: int(n.FrameOptions), StartOffset: t.expr(n.StartOffset), EndOffset: t.expr(n.EndOffset),
		Location: t.loc(n.Location),
	}
}
