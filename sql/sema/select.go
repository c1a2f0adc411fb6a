package sema

import (
	"strconv"

	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// topQuery analyses a statement's own SELECT.
func (a *analyzer) topQuery(sel *parse.SelectStmt) (*Query, error) {
	s := a.newScope(nil)
	if err := s.selectStmt(sel); err != nil {
		return nil, err
	}
	return s.q, nil
}

// selectStmt fills the scope's query from a SELECT, VALUES or set operation.
func (s *scope) selectStmt(sel *parse.SelectStmt) error {
	if sel.With != nil {
		if err := s.with(sel.With); err != nil {
			return err
		}
	}
	switch {
	case sel.Op != parse.SetOpNone:
		return s.setOperation(sel)
	case sel.ValuesLists != nil:
		return s.values(sel)
	case sel.LiteralRows != nil:
		return s.literalValues(sel)
	}
	return s.plainSelect(sel)
}

func (s *scope) plainSelect(sel *parse.SelectStmt) error {
	if sel.Into != nil {
		return s.unsupported(-1, "SELECT INTO")
	}
	s.windows = append(s.windows, sel.WindowClause...)
	if err := s.from(sel.FromClause); err != nil {
		return err
	}
	if err := s.targetList(sel.TargetList, inSelect); err != nil {
		return err
	}
	var err error
	if sel.WhereClause != nil {
		done := s.in(inWhere)
		s.q.Where, err = s.boolExpr(sel.WhereClause, "WHERE")
		done()
		if err != nil {
			return err
		}
	}
	if sel.HavingClause != nil {
		done := s.in(inHaving)
		s.q.Having, err = s.boolExpr(sel.HavingClause, "HAVING")
		done()
		if err != nil {
			return err
		}
	}
	if err := s.orderBy(sel.SortClause); err != nil {
		return err
	}
	if err := s.groupBy(sel.GroupClause); err != nil {
		return err
	}
	if sel.Distinct {
		if err := s.distinct(sel); err != nil {
			return err
		}
	}
	if err := s.limit(sel); err != nil {
		return err
	}
	if err := s.windowClause(); err != nil {
		return err
	}
	if err := s.resolveTargets(); err != nil {
		return err
	}
	if err := s.checkGrouping(); err != nil {
		return err
	}
	return s.locking(sel)
}

// resolveTargets makes unknown literals of the select list text.
func (s *scope) resolveTargets() error {
	if s.keepUnknown {
		return nil
	}
	for i := range s.q.Targets {
		n, err := s.resolveUnknown(s.q.Targets[i].Expr)
		if err != nil {
			return err
		}
		s.q.Targets[i].Expr = n
	}
	return nil
}

// targetList analyses a select list or RETURNING.
func (s *scope) targetList(list []*parse.ResTarget, c clause) error {
	defer s.in(c)()
	for _, rt := range list {
		if ref, ok := rt.Val.(*parse.ColumnRef); ok && ref.Star {
			ts, err := s.starColumns(ref)
			if err != nil {
				return err
			}
			s.q.Targets = append(s.q.Targets, ts...)
			continue
		}
		if ind, ok := rt.Val.(*parse.Indirection); ok && len(ind.Steps) > 0 && ind.Steps[len(ind.Steps)-1].Star {
			if err := s.starOfRow(ind); err != nil {
				return err
			}
			continue
		}
		n, err := s.expr(rt.Val)
		if err != nil {
			return err
		}
		t := Target{Expr: n, Name: rt.Name}
		if t.Name == "" {
			t.Name = figureName(rt.Val)
		}
		s.setOrigin(&t)
		s.q.Targets = append(s.q.Targets, t)
	}
	return nil
}

// starOfRow expands (row expression).*.
func (s *scope) starOfRow(ind *parse.Indirection) error {
	base := parse.Expr(ind.Arg)
	if len(ind.Steps) > 1 {
		base = &parse.Indirection{Arg: ind.Arg, Steps: ind.Steps[:len(ind.Steps)-1]}
	}
	n, err := s.expr(base)
	if err != nil {
		return err
	}
	switch r := rowOf(n).(type) {
	case *expr.Row:
		for i, f := range r.Fields {
			s.q.Targets = append(s.q.Targets, Target{Expr: f, Name: r.Names[i]})
		}
		return nil
	case *expr.SetReturning:
		for i, c := range s.outColumns(r) {
			s.q.Targets = append(s.q.Targets, Target{Expr: &expr.Field{Arg: n, Index: i, Type: c.Type, Loc: r.Loc}, Name: c.Name})
		}
		return nil
	}
	return s.errorf(ind.Loc(), pgerr.WrongObjectType, "type %s is not composite", typeString(oidOf(n)))
}

// figureName is the column name that PostgreSQL gives an unnamed expression.
func figureName(e parse.Expr) string {
	if name, _ := guessName(e); name != "" {
		return name
	}
	return "?column?"
}

// guessName returns a name and how good it is: 2 for a name the user wrote, 1 for a type's.
func guessName(e parse.Expr) (string, int) {
	switch e := e.(type) {
	case *parse.ColumnRef:
		if e.Star || len(e.Fields) == 0 {
			return "", 0
		}
		return e.Fields.Last(), 2
	case *parse.Indirection:
		for i := len(e.Steps) - 1; i >= 0; i-- {
			if e.Steps[i].Field != "" {
				return e.Steps[i].Field, 2
			}
		}
		return guessName(e.Arg)
	case *parse.FuncCall:
		return e.Name.Last(), 2
	case *parse.AExpr:
		if e.Kind == parse.AExprNullIf {
			return "nullif", 2
		}
	case *parse.TypeCast:
		name, strength := guessName(e.Arg)
		if strength <= 1 {
			return e.Type.Names.Last(), 1
		}
		return name, strength
	case *parse.CollateClause:
		return guessName(e.Arg)
	case *parse.GroupingFunc:
		return "grouping", 2
	case *parse.SubLink:
		return subLinkName(e)
	case *parse.CaseExpr:
		if e.Defresult != nil {
			if name, strength := guessName(e.Defresult); strength > 1 {
				return name, strength
			}
		}
		return "case", 1
	case *parse.ArrayExpr:
		return "array", 2
	case *parse.RowExpr:
		return "row", 2
	case *parse.CoalesceExpr:
		return "coalesce", 2
	case *parse.MinMaxExpr:
		if e.Least {
			return "least", 2
		}
		return "greatest", 2
	case *parse.SQLValueFunction:
		return [...]string{"current_date", "current_time", "current_time", "current_timestamp", "current_timestamp", "localtime", "localtime",
			"localtimestamp", "localtimestamp", "current_role", "current_user", "user", "session_user", "current_catalog", "current_schema"}[e.Op], 2
	}
	return "", 0
}

func subLinkName(e *parse.SubLink) (string, int) {
	switch e.Type {
	case parse.ExistsSubLink:
		return "exists", 2
	case parse.ArraySubLink:
		return "array", 2
	case parse.ExprSubLink:
		if sel, ok := e.Subselect.(*parse.SelectStmt); ok {
			for sel.Op != parse.SetOpNone {
				sel = sel.Larg
			}
			if len(sel.TargetList) > 0 {
				if n := sel.TargetList[0].Name; n != "" {
					return n, 2
				}
				return guessName(sel.TargetList[0].Val)
			}
		}
	}
	return "", 0
}

// direction settles DESC and NULLS of a sort key.
func (s *scope) direction(sb *parse.SortBy, n expr.Node) (desc, nullsFirst bool, err error) {
	switch sb.Dir {
	case parse.SortByDesc:
		desc = true
	case parse.SortByUsing:
		switch sb.UseOp.Last() {
		case "<":
		case ">":
			desc = true
		default:
			return false, false, s.at(sb.Loc(), pgerr.New(pgerr.WrongObjectType, "operator %s is not a valid ordering operator", sb.UseOp.Last()).
				WithHint("Ordering operators must be \"<\" or \">\" members of btree operator families."))
		}
	}
	nullsFirst = desc
	switch sb.Nulls {
	case parse.SortByNullsFirst:
		nullsFirst = true
	case parse.SortByNullsLast:
		nullsFirst = false
	}
	if t := oidOf(n); t != types.UnknownOid && t != types.RecordOid && expr.LessThanOf(t) == nil {
		return false, false, s.at(locOf(n), noOrdering(t, false))
	}
	return desc, nullsFirst, nil
}

// orderBy analyses ORDER BY: positions and names of the select list, or expressions over the FROM clause.
func (s *scope) orderBy(keys []*parse.SortBy) error {
	for _, sb := range keys {
		i, err := s.sortTarget(sb.Node, inOrderBy, "ORDER BY")
		if err != nil {
			return err
		}
		if s.q.Targets[i].Expr, err = s.resolveUnknown(s.q.Targets[i].Expr); err != nil {
			return err
		}
		k := OrderKey{Target: i}
		if k.Desc, k.NullsFirst, err = s.direction(sb, s.q.Targets[i].Expr); err != nil {
			return err
		}
		dup := false
		for _, have := range s.q.OrderBy {
			dup = dup || have.Target == i
		}
		if !dup {
			s.q.OrderBy = append(s.q.OrderBy, k)
		}
	}
	return nil
}

// sortTarget finds or adds the target that an ORDER BY or DISTINCT ON item means.
func (s *scope) sortTarget(e parse.Expr, c clause, name string) (int, error) {
	switch k := e.(type) {
	case *parse.ColumnRef:
		if len(k.Fields) == 1 && !k.Star {
			if i, err := s.byOutputName(k, name); err != nil || i >= 0 {
				return i, err
			}
		}
	case *parse.Const:
		return s.ordinal(k, name)
	}
	n, err := s.exprIn(e, c)
	if err != nil {
		return 0, err
	}
	for i, t := range s.q.Targets {
		if expr.Equal(t.Expr, n) {
			return i, nil
		}
	}
	s.q.Targets = append(s.q.Targets, Target{Expr: n, Name: figureName(e), Junk: true})
	return len(s.q.Targets) - 1, nil
}

func (s *scope) distinct(sel *parse.SelectStmt) error {
	if sel.DistinctOn == nil {
		s.q.Distinct = true
		for _, k := range s.q.OrderBy {
			if t := s.q.Targets[k.Target]; t.Junk {
				return s.errorf(locOf(t.Expr), pgerr.InvalidColumnReference, "for SELECT DISTINCT, ORDER BY expressions must appear in select list")
			}
		}
		for _, t := range s.q.Targets {
			if o := oidOf(t.Expr); o != types.UnknownOid && o != types.RecordOid && expr.EqualityOf(o) == nil {
				return s.at(locOf(t.Expr), noEquality(o))
			}
		}
		return nil
	}
	var on []int
	for _, e := range sel.DistinctOn {
		i, err := s.sortTarget(e, inDistinctOn, "DISTINCT ON")
		if err != nil {
			return err
		}
		if s.q.Targets[i].Expr, err = s.resolveUnknown(s.q.Targets[i].Expr); err != nil {
			return err
		}
		on = append(on, i)
	}
	s.q.DistinctOn = on
	has := func(i int) bool {
		for _, d := range on {
			if d == i {
				return true
			}
		}
		return false
	}
	covered := map[int]bool{}
	skipped := false
	for _, k := range s.q.OrderBy {
		if !has(k.Target) {
			skipped = true
			continue
		}
		if skipped {
			return s.errorf(sel.DistinctOn[0].Loc(), pgerr.InvalidColumnReference, "SELECT DISTINCT ON expressions must match initial ORDER BY expressions")
		}
		covered[k.Target] = true
	}
	for n, i := range on {
		if skipped && !covered[i] {
			return s.errorf(sel.DistinctOn[n].Loc(), pgerr.InvalidColumnReference, "SELECT DISTINCT ON expressions must match initial ORDER BY expressions")
		}
	}
	return nil
}

func (s *scope) limit(sel *parse.SelectStmt) error {
	one := func(e parse.Expr, c clause) (expr.Node, error) {
		if e == nil {
			return nil, nil
		}
		n, err := s.exprIn(e, c)
		if err != nil {
			return nil, err
		}
		if n, err = s.coerceSpecific(n, types.Int8Oid, c.name()); err != nil {
			return nil, err
		}
		var bad error
		walkVars(n, func(v *expr.Var, level int) {
			if level == 0 && bad == nil {
				bad = s.errorf(v.Loc, pgerr.InvalidColumnReference, "argument of %s must not contain variables", c.name())
			}
		})
		return n, bad
	}
	var err error
	if s.q.Offset, err = one(sel.LimitOffset, inOffset); err != nil {
		return err
	}
	if s.q.Limit, err = one(sel.LimitCount, inLimit); err != nil {
		return err
	}
	if isNull := s.q.Limit != nil && isNullConst(s.q.Limit); isNull {
		if sel.WithTies {
			return s.errorf(-1, pgerr.InvalidRowCountInLimitClause, "row count cannot be null in FETCH FIRST ... WITH TIES clause")
		}
		s.q.Limit = nil
	}
	if sel.WithTies {
		if len(sel.SortClause) == 0 {
			return s.errorf(-1, pgerr.SyntaxError, "WITH TIES cannot be specified without ORDER BY clause")
		}
		s.q.WithTies = true
	}
	return nil
}

// locking analyses FOR UPDATE and its kin.
func (s *scope) locking(sel *parse.SelectStmt) error {
	for _, lc := range sel.LockingClause {
		name := lc.Strength.String()
		var with string
		switch q := s.q; {
		case q.SetOp != nil:
			with = "UNION/INTERSECT/EXCEPT"
		case q.Distinct || q.DistinctOn != nil:
			with = "DISTINCT clause"
		case len(q.GroupBy) > 0 || q.GroupingSets != nil:
			with = "GROUP BY clause"
		case q.Having != nil:
			with = "HAVING clause"
		case q.HasAggs:
			with = "aggregate functions"
		case q.HasWindows:
			with = "window functions"
		case q.HasSRFs:
			with = "set-returning functions in the target list"
		}
		if with != "" {
			return s.errorf(-1, pgerr.FeatureNotSupported, "%s is not allowed with %s", name, with)
		}
		l := Locking{Strength: LockStrength(lc.Strength - parse.LockForKeyShare), NoWait: lc.WaitPolicy == parse.LockWaitError,
			SkipLocked: lc.WaitPolicy == parse.LockWaitSkip}
		if lc.Rels == nil {
			for i, r := range s.q.Rels {
				if r.Kind == RTETable || r.Kind == RTESubquery {
					l.Rels = append(l.Rels, i)
				}
			}
		}
		for _, rv := range lc.Rels {
			i, err := s.lockedRel(rv, name)
			if err != nil {
				return err
			}
			l.Rels = append(l.Rels, i)
		}
		s.q.Locking = append(s.q.Locking, l)
		for _, i := range l.Rels {
			if r := s.q.Rels[i]; r.Kind == RTESubquery {
				lockSubquery(r.Query, l)
			}
		}
	}
	return nil
}

// lockSubquery passes a lock on a subquery of FROM to the tables in it, where it is a plain one.
func lockSubquery(q *Query, l Locking) {
	if q.SetOp != nil || q.Distinct || q.DistinctOn != nil || len(q.GroupBy) > 0 || q.HasAggs || q.HasWindows || q.Values != nil {
		return
	}
	l.Rels = nil
	for i, r := range q.Rels {
		switch r.Kind {
		case RTETable:
			l.Rels = append(l.Rels, i)
		case RTESubquery:
			lockSubquery(r.Query, l)
		}
	}
	if len(l.Rels) > 0 {
		q.Locking = append(q.Locking, l)
	}
}

func (s *scope) lockedRel(rv *parse.RangeVar, name string) (int, error) {
	if rv.Schema != "" {
		return 0, s.errorf(rv.Loc(), pgerr.SyntaxError, "%s must specify unqualified relation names", name)
	}
	for _, it := range s.ns {
		if it.name != rv.Name || it.rel < 0 || !it.relVisible {
			continue
		}
		switch kind := s.q.Rels[it.rel].Kind; kind {
		case RTETable, RTESubquery:
			return it.rel, nil
		default:
			what := map[RTEKind]string{RTEFunction: "a function", RTECTE: "a WITH query", RTEValues: "VALUES", RTEWorkTable: "a WITH query"}[kind]
			if what == "" {
				what = "a system relation"
			}
			return 0, s.errorf(rv.Loc(), pgerr.FeatureNotSupported, "%s cannot be applied to %s", name, what)
		}
	}
	return 0, s.errorf(rv.Loc(), pgerr.UndefinedTable, "relation %q in %s clause not found in FROM clause", rv.Name, name)
}

// outputTargets describe the columns of VALUES and set operations.
func outputTargets(names []string, ts []types.Type) []Target {
	out := make([]Target, len(ts))
	for i, t := range ts {
		out[i] = Target{Expr: &expr.Column{Index: i, Type: t}, Name: names[i]}
	}
	return out
}

func columnNames(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = "column" + strconv.Itoa(i+1)
	}
	return out
}

// values is VALUES as a query of its own.
func (s *scope) values(sel *parse.SelectStmt) error {
	rows, err := s.valuesRows(sel.ValuesLists)
	if err != nil {
		return err
	}
	ts := make([]types.Type, len(rows[0]))
	for c := range ts {
		col := make([]expr.Node, len(rows))
		for r := range rows {
			col[r] = rows[r][c]
		}
		if s.keepUnknown && allUnknown(col) {
			ts[c] = types.T(types.UnknownOid)
			continue
		}
		if col, ts[c], err = s.unify(col, "VALUES"); err != nil {
			return err
		}
		for r := range rows {
			rows[r][c] = col[r]
		}
	}
	s.q.Values = rows
	s.q.Targets = outputTargets(columnNames(len(ts)), ts)
	return s.tail(sel)
}

func allUnknown(ns []expr.Node) bool {
	for _, n := range ns {
		if oidOf(n) != types.UnknownOid {
			return false
		}
	}
	return true
}

// tail analyses ORDER BY, LIMIT and locking of VALUES and set operations.
func (s *scope) tail(sel *parse.SelectStmt) error {
	n := len(s.q.Targets)
	s.ns = nil
	if s.q.SetOp != nil {
		s.ns = []*nsItem{outputItem("", s.q)}
		for i, leaf := range leaves(s.q, nil) {
			s.hidden = append(s.hidden, outputItem("*SELECT* "+strconv.Itoa(i+1), leaf))
		}
	}
	if err := s.orderBy(sel.SortClause); err != nil {
		return err
	}
	if len(s.q.Targets) > n {
		return s.at(locOf(s.q.Targets[n].Expr), pgerr.New(pgerr.FeatureNotSupported, "invalid UNION/INTERSECT/EXCEPT ORDER BY clause").
			WithDetail("Only result column names can be used, not expressions or functions.").
			WithHint("Add the expression/function to every SELECT, or move the UNION into a FROM clause."))
	}
	if err := s.limit(sel); err != nil {
		return err
	}
	if len(sel.LockingClause) > 0 && s.q.SetOp == nil {
		return s.errorf(-1, pgerr.FeatureNotSupported, "%s cannot be applied to VALUES", sel.LockingClause[0].Strength.String())
	}
	return s.locking(sel)
}

// leaves are the queries that a tree of set operations combines.
func leaves(q *Query, out []*Query) []*Query {
	if q.SetOp == nil {
		return append(out, q)
	}
	return leaves(q.SetOp.Right, leaves(q.SetOp.Left, out))
}

// outputItem makes the columns of a query's result visible to ORDER BY. What it does with them beyond naming one is an
// error, so that they need not be the real ones.
func outputItem(name string, q *Query) *nsItem {
	it := &nsItem{name: name, colsVisible: true}
	for i, t := range q.Targets {
		if !t.Junk {
			it.cols = append(it.cols, nsCol{name: t.Name, col: i, typ: types.T(oidOf(t.Expr))})
		}
	}
	return it
}

func (s *scope) valuesRows(lists [][]parse.Expr) ([][]expr.Node, error) {
	defer s.in(inValues)()
	rows := make([][]expr.Node, len(lists))
	for i, l := range lists {
		if len(l) != len(lists[0]) {
			return nil, s.errorf(l[0].Loc(), pgerr.SyntaxError, "VALUES lists must all be the same length")
		}
		r, err := s.exprs(l)
		if err != nil {
			return nil, err
		}
		rows[i] = r
	}
	return rows, nil
}

// literalValues is a long VALUES list of literals outside of INSERT: it is analysed as if it were written out.
func (s *scope) literalValues(sel *parse.SelectStmt) error {
	c := *sel
	c.ValuesLists, c.LiteralRows = expandLiterals(sel.LiteralRows), nil
	return s.values(&c)
}

func expandLiterals(l *parse.LiteralRows) [][]parse.Expr {
	rows := make([][]parse.Expr, l.NumRows())
	for r := range rows {
		rows[r] = make([]parse.Expr, l.NumCols)
		for c := range rows[r] {
			i := r*l.NumCols + c
			k := &parse.Const{Sval: l.Texts[i], Location: parse.Location(l.Locs[i])}
			switch l.Kinds[i] {
			case parse.LitNull:
				k.Kind = parse.ConstNull
			case parse.LitTrue, parse.LitFalse:
				k.Kind, k.Bval = parse.ConstBool, l.Kinds[i] == parse.LitTrue
			case parse.LitString:
				k.Kind = parse.ConstString
			default:
				k.Kind = parse.ConstFloat // constant reads integers from it too
			}
			rows[r][c] = k
		}
	}
	return rows
}

// setOperation is UNION, INTERSECT and EXCEPT.
func (s *scope) setOperation(sel *parse.SelectStmt) error {
	left, err := s.arm(sel.Larg)
	if err != nil {
		return err
	}
	right, err := s.arm(sel.Rarg)
	if err != nil {
		return err
	}
	return s.combine(sel, left, right)
}

func (s *scope) arm(sel *parse.SelectStmt) (*Query, error) {
	if len(sel.LockingClause) > 0 {
		return nil, s.errorf(-1, pgerr.FeatureNotSupported, "%s is not allowed with UNION/INTERSECT/EXCEPT", sel.LockingClause[0].Strength.String())
	}
	return s.subquery(sel, s.lateral, true)
}

func setOpName(op parse.SetOperation) string {
	return [...]string{"", "UNION", "INTERSECT", "EXCEPT"}[op]
}

// combine unifies the columns of the arms and completes the query.
func (s *scope) combine(sel *parse.SelectStmt, left, right *Query) error {
	name := setOpName(sel.Op)
	lc, rc := queryColumns(left), queryColumns(right)
	if len(lc) != len(rc) {
		loc := -1
		if t := visibleTarget(right, 0); t != nil {
			loc = locOf(t.Expr)
		}
		return s.errorf(loc, pgerr.SyntaxError, "each %s query must have the same number of columns", name)
	}
	names, ts := make([]string, len(lc)), make([]types.Type, len(lc))
	for i := range lc {
		names[i] = lc[i].Name
		pair := []expr.Node{armColumn(left, i), armColumn(right, i)}
		if s.keepUnknown && allUnknown(pair) {
			ts[i] = types.T(types.UnknownOid)
			continue
		}
		both, t, err := s.unify(pair, name)
		if err != nil {
			return err
		}
		if lc[i].Type.Mod != rc[i].Type.Mod {
			t.Mod = -1
		}
		ts[i] = t
		if !(sel.Op == parse.SetOpUnion && sel.All) && expr.EqualityOf(t.Oid) == nil {
			return s.at(locOf(pair[0]), noEquality(t.Oid))
		}
		left, err = s.setArmColumn(left, i, both[0], pair[0], t.Oid)
		if err != nil {
			return err
		}
		if right, err = s.setArmColumn(right, i, both[1], pair[1], t.Oid); err != nil {
			return err
		}
	}
	s.q.SetOp = &SetOp{Kind: SetOpKind(sel.Op - parse.SetOpUnion), All: sel.All, Left: left, Right: right}
	s.q.Targets = outputTargets(names, ts)
	return s.tail(sel)
}

// armColumn is column i of an arm as an expression of its type; literals are themselves.
func armColumn(q *Query, i int) expr.Node {
	t := visibleTarget(q, i)
	return t.Expr
}

// setArmColumn puts the unified expression of a column in place: in the arm's select list where that does not change the
// arm's meaning, else in a query around it.
func (s *scope) setArmColumn(q *Query, i int, unified, was expr.Node, to types.Oid) (*Query, error) {
	if unified == was {
		return q, nil
	}
	if q.SetOp == nil && q.Values == nil && !q.Distinct && q.DistinctOn == nil && !orderedBy(q, i) {
		visibleTarget(q, i).Expr = unified
		return q, nil
	}
	if oidOf(was) == types.UnknownOid {
		if err := s.resolveArm(q, i, to); err != nil {
			return nil, err
		}
		return q, nil
	}
	want := make([]types.Oid, 0, len(q.Targets))
	for k, c := range queryColumns(q) {
		if k == i {
			c.Type.Oid = to
		}
		want = append(want, c.Type.Oid)
	}
	return s.castOutput(q, want), nil
}

func orderedBy(q *Query, i int) bool {
	t := visibleTarget(q, i)
	for _, k := range q.OrderBy {
		if &q.Targets[k.Target] == t {
			return true
		}
	}
	return false
}

// resolveArm gives a column of unknown literals its type, in the arms of a nested set operation and in VALUES too.
func (s *scope) resolveArm(q *Query, i int, to types.Oid) error {
	t := visibleTarget(q, i)
	var err error
	switch {
	case q.SetOp != nil:
		for _, arm := range []*Query{q.SetOp.Left, q.SetOp.Right} {
			if err = s.resolveArm(arm, i, to); err != nil {
				return err
			}
		}
		t.Expr = &expr.Column{Index: i, Type: types.T(to)}
	case q.Values != nil:
		for _, row := range q.Values {
			if row[i], err = s.coerceType(row[i], to, types.Implicit, -1); err != nil {
				return err
			}
		}
		t.Expr = &expr.Column{Index: i, Type: types.T(to)}
	default:
		t.Expr, err = s.coerceType(t.Expr, to, types.Implicit, -1)
	}
	return err
}
