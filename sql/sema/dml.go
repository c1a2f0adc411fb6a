package sema

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// assigned looks a column up that a statement assigns to. Of system columns UPDATE knows that they are there.
func (s *scope) assigned(t *dmlTarget, rt *parse.ResTarget, update bool) (*catalog.Column, error) {
	c := s.boundColumn(t, rt.Name)
	if c == nil {
		switch rt.Name {
		case "ctid", "xmin", "xmax", "cmin", "cmax", "tableoid":
			if !update {
				break
			}
			return nil, s.errorf(rt.Loc(), pgerr.FeatureNotSupported, "cannot assign to system column %q", rt.Name)
		}
		return nil, s.errorf(rt.Loc(), pgerr.UndefinedColumn, "column %q of relation %q does not exist", rt.Name, t.name)
	}
	return c, t.assignable(c)
}

// insertColumns are the columns that INSERT names, or all.
func (s *scope) insertColumns(t *dmlTarget, cols []*parse.ResTarget) ([]*catalog.Column, error) {
	if cols == nil {
		return t.columns(), nil
	}
	var out []*catalog.Column
	for _, rt := range cols {
		c, err := s.assigned(t, rt, false)
		if err != nil {
			return nil, err
		}
		// Several parts of a column may be given, but not beside the whole of it.
		if i := slices.Index(out, c); i >= 0 && (len(rt.Indirection) == 0 || len(cols[i].Indirection) == 0) {
			return nil, s.errorf(rt.Loc(), pgerr.DuplicateColumn, "column %q specified more than once", rt.Name)
		}
		out = append(out, c)
	}
	return out, nil
}

func (a *analyzer) insert(stmt *parse.InsertStmt, parent *scope) (*DML, error) {
	s := a.newScope(parent)
	if stmt.With != nil {
		if err := s.with(stmt.With); err != nil {
			return nil, err
		}
	}
	rel, rule := a.ruleFor(stmt.Relation, Insert)
	if stmt.OnConflict != nil && (rule != nil || len(ruleProducts(rel.RulesBeside(catalog.RuleOnInsert))) > 0 || rel.HasRules(catalog.RuleOnUpdate)) {
		return nil, pgerr.New(pgerr.FeatureNotSupported, "INSERT with ON CONFLICT clause cannot be used with table that has INSERT or UPDATE rules")
	}
	product, takes, err := a.beside(rel, Insert, parent, stmt.With, len(stmt.Returning) > 0)
	if err != nil {
		return nil, err
	}
	if product != nil {
		rule = product
		c := *stmt
		c.Returning = nil
		stmt = &c
	}
	if rule != nil || a.byTriggers(rel, Insert) {
		return a.ruledInsert(s, stmt, rel, rule)
	}
	t, err := a.target(stmt.Relation, Insert)
	if err != nil {
		return nil, err
	}
	d := &DML{Kind: Insert, Table: t.table, target: t, Overriding: overriding(stmt.Override)}
	d.Alias, _ = aliasOf(stmt.Relation.Alias, t.name)
	cols, err := s.insertColumns(t, stmt.Cols)
	if err != nil {
		return nil, err
	}
	if it, err := a.newScope(nil).targetItem(t, stmt.Relation); err == nil {
		s.hidden = []*nsItem{it}
	}
	in := &insertion{scope: s, dml: d, stmt: stmt, cols: cols, parts: partialTargets(stmt.Cols), defaults: make([]expr.Node, len(t.table.Columns)), known: make([]bool, len(t.table.Columns))}
	if err := in.source(); err != nil {
		return nil, err
	}
	if err := in.fillDefaults(); err != nil {
		return nil, err
	}
	if err := in.leave(takes, rel); err != nil {
		return nil, err
	}
	d.CTEs = s.q.CTEs
	if stmt.OnConflict != nil {
		if err := s.onConflict(d, stmt); err != nil {
			return nil, err
		}
	}
	if err := s.returning(d, stmt.Relation, stmt.Returning); err != nil {
		return nil, err
	}
	return d, a.checks(d)
}

func overriding(k parse.OverridingKind) byte {
	return [...]byte{0, 'u', 's'}[k]
}

// insertion is an INSERT during its analysis.
type insertion struct {
	*scope
	dml  *DML
	stmt *parse.InsertStmt
	cols []*catalog.Column
	// parts are the columns as named, parallel to cols, where any is named in part.
	parts partial
	// defaults are the default expressions by attnum-1, analysed on first use.
	defaults []expr.Node
	known    []bool
}

// source analyses the rows.
func (in *insertion) source() error {
	sel := in.stmt.Select
	if in.rule.of(in.stmt) {
		return in.ruleSource(sel)
	}
	switch {
	case sel == nil:
		in.cols, in.parts = nil, nil
		in.dml.Source = &Query{Values: [][]expr.Node{{}}}
		return nil
	case sel.LiteralRows != nil && plainValues(sel) && in.parts != nil:
		return in.values(expandLiterals(sel.LiteralRows))
	case sel.LiteralRows != nil && plainValues(sel):
		return in.literals(sel.LiteralRows)
	case len(sel.ValuesLists) > 0 && plainValues(sel):
		return in.values(sel.ValuesLists)
	}
	return in.query(sel)
}

// plainValues reports whether a VALUES has nothing beside its rows.
func plainValues(sel *parse.SelectStmt) bool {
	return sel.With == nil && sel.SortClause == nil && sel.LimitCount == nil && sel.LimitOffset == nil && sel.LockingClause == nil
}

// checkCount compares the number of values with that of the columns, and cuts the columns of an INSERT without a list.
func (in *insertion) checkCount(n, extraLoc int) error {
	if n > len(in.cols) {
		return in.errorf(extraLoc, pgerr.SyntaxError, "INSERT has more expressions than target columns")
	}
	if n < len(in.cols) {
		if in.stmt.Cols != nil {
			return in.errorf(in.stmt.Cols[n].Loc(), pgerr.SyntaxError, "INSERT has more target columns than expressions")
		}
		in.cols = in.cols[:n]
	}
	return in.checkAssignable()
}

// checkAssignable refuses columns of a view that stand for no column, and two that stand for one.
func (in *insertion) checkAssignable() error {
	if in.dml.target == nil || in.dml.target.views == nil {
		return nil
	}
	for i, c := range in.cols {
		if err := in.dml.target.assignable(c); err != nil {
			return err
		}
		for _, d := range in.cols[:i] {
			if d != c && d.Num == c.Num {
				return pgerr.New(pgerr.SyntaxError, "multiple assignments to same column %q", in.dml.Table.Columns[c.Num-1].Name)
			}
		}
	}
	return nil
}

func (in *insertion) setColumns() {
	for _, c := range in.cols {
		in.dml.Columns = append(in.dml.Columns, c.Num)
	}
}

func (in *insertion) values(lists [][]parse.Expr) error {
	if len(lists) == 1 && in.hasSetReturning(lists[0]) {
		return in.query(&parse.SelectStmt{TargetList: asTargets(lists[0])})
	}
	defer in.in(inValues)()
	for i, l := range lists {
		if len(l) != len(lists[0]) {
			return in.errorf(l[0].Loc(), pgerr.SyntaxError, "VALUES lists must all be the same length")
		}
		if i == 0 {
			extra := -1
			if len(l) > len(in.cols) {
				extra = l[len(in.cols)].Loc()
			}
			if err := in.checkCount(len(l), extra); err != nil {
				return err
			}
		}
	}
	sub := in.newScope(in.scope)
	sub.clause = inValues
	ruled := in.rule.of(in.stmt)
	if ruled {
		sub.ruleItems()
	}
	rows := make([][]expr.Node, len(lists))
	for i, l := range lists {
		row := make([]expr.Node, len(l))
		for k, e := range l {
			n, err := in.value(sub, k, e)
			if err != nil {
				return err
			}
			row[k] = n
		}
		var err error
		if rows[i], err = in.mergeParts(row); err != nil {
			return err
		}
	}
	in.cols = in.distinctColumns()
	in.setColumns()
	if ruled {
		in.ruleRow(sub.q, rows[0])
		return nil
	}
	sub.q.Values = rows
	in.dml.Source = sub.q
	in.describe()
	return nil
}

func asTargets(es []parse.Expr) []*parse.ResTarget {
	out := make([]*parse.ResTarget, len(es))
	for i, e := range es {
		out[i] = &parse.ResTarget{Val: e, Location: parse.Location(e.Loc())}
	}
	return out
}

// hasSetReturning finds calls of set-returning functions, which make a one-row VALUES a select list.
func (in *insertion) hasSetReturning(es []parse.Expr) bool {
	for _, e := range es {
		if f, ok := e.(*parse.FuncCall); ok && expr.IsSetReturning(f.Name.Last()) {
			return true
		}
	}
	return false
}

// describe sets the targets of a VALUES source.
func (in *insertion) describe() {
	names, ts := make([]string, len(in.cols)), make([]types.Type, len(in.cols))
	for i, c := range in.cols {
		names[i], ts[i] = c.Name, c.Type
	}
	in.dml.Source.Targets = outputTargets(names, ts)
}

// value analyses one value of VALUES for column k of the list; one for a part of a column is not coerced yet.
func (in *insertion) value(s *scope, k int, e parse.Expr) (expr.Node, error) {
	c := in.cols[k]
	if def, ok := e.(*parse.SetToDefault); ok {
		if in.parts.at(k) {
			return nil, in.partDefault(in.parts[k])
		}
		n, err := in.defaultOf(c)
		if err != nil {
			return nil, err
		}
		if n == nil {
			n = &expr.Const{Type: c.Type, Loc: def.Loc()}
		}
		return n, nil
	}
	if err := in.checkGenerated(c); err != nil {
		return nil, err
	}
	n, err := s.expr(e)
	if err != nil {
		return nil, err
	}
	if in.ignores(c) {
		if n, err = in.defaultOf(c); err != nil {
			return nil, err
		}
		return n, nil
	}
	if in.parts.at(k) {
		return n, nil
	}
	return in.assign(n, c.Type, c.Name, e.Loc())
}

// ignores reports whether OVERRIDING USER VALUE replaces a column's values by its default.
func (in *insertion) ignores(c *catalog.Column) bool {
	return in.dml.Overriding == 'u' && c.Identity != catalog.NoIdentity
}

// checkGenerated refuses a value for a column that has none but its own.
func (in *insertion) checkGenerated(c *catalog.Column) error {
	if c.Generated {
		return pgerr.New(pgerr.GeneratedAlways, "cannot insert a non-DEFAULT value into column %q", in.baseName(c)).
			WithDetail("Column %q is a generated column.", in.baseName(c))
	}
	if c.Identity == catalog.IdentityAlways && in.dml.Overriding == 0 {
		return pgerr.New(pgerr.GeneratedAlways, "cannot insert a non-DEFAULT value into column %q", in.baseName(c)).
			WithDetail("Column %q is an identity column defined as GENERATED ALWAYS.", in.baseName(c)).
			WithHint("Use OVERRIDING SYSTEM VALUE to override.")
	}
	return nil
}

// baseName is the name of a column in the table.
func (in *insertion) baseName(c *catalog.Column) string { return in.dml.Table.Columns[c.Num-1].Name }

// query is INSERT … SELECT.
func (in *insertion) query(sel *parse.SelectStmt) error {
	q, err := in.subquery(sel, false, true)
	if err != nil {
		return err
	}
	cols := queryColumns(q)
	extra := -1
	if len(cols) > len(in.cols) {
		extra = locOf(visibleTarget(q, len(in.cols)).Expr)
	}
	if err := in.checkCount(len(cols), extra); err != nil {
		return err
	}
	for _, c := range in.cols {
		if err := in.checkGenerated(c); err != nil {
			return err
		}
	}
	direct := q.SetOp == nil && q.Values == nil && !q.Distinct && q.DistinctOn == nil && len(q.OrderBy) == 0 && !q.HasSRFs
	for i := range cols {
		t := visibleTarget(q, i)
		if t.Expr.ResultType().Oid == types.UnknownOid && !direct {
			if err := in.resolveArm(q, i, in.cols[i].Type.Oid); err != nil {
				return err
			}
		}
	}
	if !direct {
		loc := make([]int, len(cols))
		for i := range cols {
			loc[i] = locOf(visibleTarget(q, i).Expr)
		}
		q = wrap(q)
	}
	for i, c := range in.cols {
		t := visibleTarget(q, i)
		switch {
		case in.ignores(c):
			t.Expr, err = in.defaultOf(c)
		case in.parts.at(i):
		case oidOf(t.Expr) == types.RecordOid && c.Type.Oid.Class() == types.CompositeClass:
			// PostgreSQL sees a column of the query here, not the row constructor that it is made of.
			err = in.errorf(locOf(t.Expr), pgerr.CannotCoerce, "cannot cast type %s to %s", "record", typeString(c.Type.Oid))
		default:
			t.Expr, err = in.assign(t.Expr, c.Type, c.Name, locOf(t.Expr))
		}
		if err != nil {
			return err
		}
	}
	in.dml.Source = q
	err = in.mergeTargets(q)
	in.setColumns()
	return err
}

// fillDefaults sets the defaults of the columns that are not assigned.
func (in *insertion) fillDefaults() error {
	t := in.dml.Table
	in.dml.Defaults = make([]expr.Node, len(t.Columns))
	for i := range t.Columns {
		c := &t.Columns[i]
		if c.Dropped || c.Hidden || slices.Contains(in.dml.Columns, c.Num) {
			continue
		}
		n, err := in.defaultOf(c)
		if err != nil {
			return err
		}
		in.dml.Defaults[i] = n
	}
	return nil
}

// defaultOf returns a column's default, nil for NULL.
func (in *insertion) defaultOf(c *catalog.Column) (expr.Node, error) {
	i := int(c.Num) - 1
	if !in.known[i] {
		n, err := in.columnDefault(in.overridden(c))
		if err != nil {
			return nil, err
		}
		in.defaults[i], in.known[i] = n, true
	}
	return in.defaults[i], nil
}

// overridden is the column with the default that a view gives it.
func (in *insertion) overridden(c *catalog.Column) *catalog.Column {
	if in.dml.target == nil {
		return c
	}
	return in.dml.target.withDefault(c)
}

// columnDefault analyses a column's default: an identity's next value, or the DEFAULT expression. nil is NULL.
func (a *analyzer) columnDefault(c *catalog.Column) (expr.Node, error) {
	if c.Identity != catalog.NoIdentity {
		next := expr.NextIdentity()
		if next == nil {
			return nil, pgerr.Internal("no function nextval")
		}
		n := &expr.Func{Fn: next, Type: types.T(types.Int8Oid), Loc: -1,
			Args: []expr.Node{&expr.Const{Type: types.T(types.RegclassOid), Value: types.NewInt(int64(c.Sequence)), Loc: -1}}}
		return a.coerceMod(n, c.Type, types.Assignment, -1)
	}
	if c.Generated { // which is computed once the row is complete
		return nil, nil
	}
	if c.Default == "" {
		if c.Type.Domain != 0 {
			return a.domainDefault(c.Type)
		}
		return nil, nil
	}
	e, err := parse.ParseExpr(c.Default)
	if err != nil {
		return nil, err
	}
	return AnalyzeExpr(e, ExprScope{Kind: DefaultExpr, Column: c.Name, Type: c.Type}, a.stored())
}

// stored is the Env for expressions that the catalog stores: they have no parameters and no positions.
func (a *analyzer) stored() *Env {
	env := *a.env
	env.Text, env.NoParams, env.ParamTypes, env.Role = "", true, nil, 0
	return &env
}

// checks analyses the table's generated columns and CHECK constraints.
func (a *analyzer) checks(d *DML) error {
	if d.target != nil {
		d.ViewChecks = d.target.viewChecks()
	}
	err := a.leaves(d)
	if err != nil || d.Leaves != nil {
		return err
	}
	if d.Generated, err = a.tableGenerated(d.Table); err == nil {
		d.Checks, err = a.tableChecks(d.Table)
	}
	return err
}

func (a *analyzer) tableGenerated(t *catalog.Table) ([]GeneratedColumn, error) {
	var out []GeneratedColumn
	for _, c := range t.GeneratedColumns() {
		e, err := parse.ParseExpr(c.Default)
		if err != nil {
			return nil, err
		}
		n, err := AnalyzeExpr(e, ExprScope{Kind: GeneratedExpr, Table: t, Column: c.Name, Type: c.Type}, a.stored())
		if err != nil {
			return nil, err
		}
		out = append(out, GeneratedColumn{Num: c.Num, Expr: n})
	}
	return out, nil
}

func (a *analyzer) tableChecks(t *catalog.Table) ([]CheckConstraint, error) {
	var out []CheckConstraint
	for _, c := range t.Constraints {
		if c.Type != catalog.Check {
			continue
		}
		e, err := parse.ParseExpr(c.Check)
		if err != nil {
			return nil, err
		}
		n, err := AnalyzeExpr(e, ExprScope{Kind: CheckExpr, Table: t}, a.stored())
		if err != nil {
			return nil, err
		}
		out = append(out, CheckConstraint{Name: c.Name, Expr: n})
	}
	// PostgreSQL checks in the order of the names.
	slices.SortFunc(out, func(x, y CheckConstraint) int {
		switch {
		case x.Name < y.Name:
			return -1
		case x.Name > y.Name:
			return 1
		}
		return 0
	})
	return out, nil
}

// returning analyses RETURNING. For INSERT the scope holds nothing yet.
func (s *scope) returning(d *DML, r *parse.RangeVar, list []*parse.ResTarget) error {
	if len(list) == 0 {
		return nil
	}
	if d.Kind == Insert {
		rs := s.newScope(s.parent)
		rs.ctes = s.ctes
		if len(s.hidden) > 1 {
			rs.hidden = s.hidden[1:] // the row excluded by ON CONFLICT
		}
		it, err := rs.targetItem(d.target, r)
		if err != nil {
			return err
		}
		if d.Table.Partitioning != nil {
			rs.expand(it)
		}
		rs.ns = []*nsItem{it}
		return rs.returningList(d, list)
	}
	return s.returningList(d, list)
}

func (s *scope) returningList(d *DML, list []*parse.ResTarget) error {
	saved := s.q.Targets
	s.q.Targets, s.returns = nil, d.Target+1
	defer func() { s.returns = 0 }()
	if err := s.targetList(list, inReturning); err != nil {
		return err
	}
	if err := s.resolveTargets(); err != nil {
		return err
	}
	d.Returning, s.q.Targets = s.q.Targets, saved
	return nil
}

func (a *analyzer) update(stmt *parse.UpdateStmt, parent *scope) (*DML, error) {
	s := a.newScope(parent)
	if stmt.With != nil {
		if err := s.with(stmt.With); err != nil {
			return nil, err
		}
	}
	rel, rule := a.ruleFor(stmt.Relation, Update)
	product, takes, err := a.beside(rel, Update, parent, stmt.With, len(stmt.Returning) > 0)
	if err != nil {
		return nil, err
	}
	if product != nil {
		rule = product
		c := *stmt
		c.Returning = nil
		stmt = &c
	}
	if rule != nil || a.byTriggers(rel, Update) {
		return a.ruledUpdate(s, stmt, rel, rule)
	}
	t, err := a.target(stmt.Relation, Update)
	if err != nil {
		return nil, err
	}
	d := &DML{Kind: Update, Table: t.table, target: t, Source: s.q}
	d.Alias, _ = aliasOf(stmt.Relation.Alias, t.name)
	if err := s.targetAndFrom(t, stmt.Relation, stmt.FromClause); err != nil {
		return nil, err
	}
	if err := s.setWhere(t, stmt.WhereClause); err != nil {
		return nil, err
	}
	s.restrict(t)
	if err := s.returning(d, stmt.Relation, stmt.Returning); err != nil {
		return nil, err
	}
	cols, exprs, err := s.assignments(t, stmt.TargetList)
	if err != nil {
		return nil, err
	}
	for i, c := range cols {
		d.Columns = append(d.Columns, c.Num)
		s.q.Targets = append(s.q.Targets, Target{Expr: exprs[i], Name: c.Name})
	}
	err = s.leave(takes, rel, t.table, func(c *catalog.Column) expr.Node {
		if i := slices.IndexFunc(cols, func(k *catalog.Column) bool { return k.Num == c.Num }); i >= 0 {
			return exprs[i]
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	d.CTEs = s.q.CTEs
	s.q.CTEs = nil
	return d, a.checks(d)
}

func (s *scope) setWhere(t *dmlTarget, where parse.Expr) error {
	if where == nil {
		return nil
	}
	defer s.in(inWhere)()
	if c, ok := where.(*parse.CurrentOfExpr); ok {
		if t.views != nil {
			return pgerr.New(pgerr.FeatureNotSupported, "WHERE CURRENT OF on a view is not implemented")
		}
		var err error
		s.q.Where, err = s.currentOf(c, 0)
		return err
	}
	n, err := s.boolExpr(where, "WHERE")
	s.q.Where = n
	return err
}

// targetAndFrom builds the range table of UPDATE and DELETE: the target first, then the FROM or USING items.
func (s *scope) targetAndFrom(t *dmlTarget, r *parse.RangeVar, items []parse.FromItem) error {
	it, err := s.writtenItem(t, r)
	if err != nil {
		return err
	}
	s.q.From = RelRef{it.rel}
	it.lateralOnly, it.lateralOK = true, false
	s.ns = []*nsItem{it}
	if s.rule.at(r) {
		s.ruleItems()
	}
	return s.from(items)
}

// assignments analyses the SET clause.
func (s *scope) assignments(t *dmlTarget, list []*parse.ResTarget) (cols []*catalog.Column, exprs []expr.Node, err error) {
	defer s.in(inUpdateSource)()
	for _, rt := range list {
		c, err := s.assigned(t, rt, true)
		if err != nil {
			return nil, nil, err
		}
		at := slices.IndexFunc(cols, func(k *catalog.Column) bool { return k.Num == c.Num })
		if at >= 0 && (len(rt.Indirection) == 0 || !partAssigned(exprs[at])) {
			return nil, nil, s.errorf(-1, pgerr.SyntaxError, "multiple assignments to same column %q", t.table.Columns[c.Num-1].Name)
		}
		n, err := s.assignment(t, c, rt)
		if err == nil && len(rt.Indirection) > 0 {
			container := s.targetColumn(c)
			if at >= 0 {
				container = exprs[at]
			}
			n, err = s.assignPart(container, rt, n)
		}
		if err != nil {
			return nil, nil, err
		}
		if at >= 0 {
			exprs[at] = n
			continue
		}
		cols, exprs = append(cols, c), append(exprs, n)
	}
	return cols, exprs, nil
}

// assignment analyses the value for a column; one for a part of it is not coerced yet.
func (s *scope) assignment(t *dmlTarget, c *catalog.Column, rt *parse.ResTarget) (expr.Node, error) {
	val := rt.Val
	if m, ok := val.(*parse.MultiAssignRef); ok {
		switch src := m.Source.(type) {
		case *parse.RowExpr:
			items, err := s.rowItems(src.Args)
			if err != nil {
				return nil, err
			}
			if len(items) != m.Ncolumns {
				return nil, s.errorf(src.Loc(), pgerr.SyntaxError, "number of columns does not match number of values")
			}
			item := items[m.Colno-1]
			if item.node != nil {
				return s.assignNode(t, c, rt, item.node, src.Loc())
			}
			val = item.written
		case *parse.SubLink:
			n, err := s.subqueryColumn(src, m)
			if err != nil {
				return nil, err
			}
			return s.assignNode(t, c, rt, n, src.Loc())
		default:
			return nil, s.errorf(m.Loc(), pgerr.FeatureNotSupported, "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression")
		}
	}
	if _, ok := val.(*parse.SetToDefault); ok {
		if len(rt.Indirection) > 0 {
			return nil, s.partDefault(rt)
		}
		if t.views != nil { // the view's default is a value like any other to the table
			if err := mayAssign(t.baseColumn(c)); err != nil {
				return nil, err
			}
		}
		n, err := s.columnDefault(t.updateDefault(c))
		if err == nil && n == nil {
			n = &expr.Const{Type: c.Type, Loc: val.Loc()}
		}
		return n, err
	}
	if err := mayAssign(t.baseColumn(c)); err != nil {
		return nil, err
	}
	n, err := s.expr(val)
	if err != nil || len(rt.Indirection) > 0 {
		return n, err
	}
	return s.assign(n, c.Type, c.Name, val.Loc())
}

// assignNode is assignment of a value that is analysed already.
func (s *scope) assignNode(t *dmlTarget, c *catalog.Column, rt *parse.ResTarget, n expr.Node, loc int) (expr.Node, error) {
	if err := mayAssign(t.baseColumn(c)); err != nil {
		return nil, err
	}
	if len(rt.Indirection) > 0 {
		return n, nil
	}
	return s.assign(n, c.Type, c.Name, loc)
}

// subqueryColumn is one column of SET (a, b) = (SELECT …), as a scalar subquery of its own.
func (s *scope) subqueryColumn(src *parse.SubLink, m *parse.MultiAssignRef) (expr.Node, error) {
	q, err := s.sublinkQuery(src)
	if err != nil {
		return nil, err
	}
	cols := queryColumns(q)
	if len(cols) != m.Ncolumns {
		return nil, s.errorf(src.Loc(), pgerr.SyntaxError, "number of columns does not match number of values")
	}
	return scalarColumn(q, m.Colno-1, src.Loc()), nil
}

func (a *analyzer) delete(stmt *parse.DeleteStmt, parent *scope) (*DML, error) {
	s := a.newScope(parent)
	if stmt.With != nil {
		if err := s.with(stmt.With); err != nil {
			return nil, err
		}
	}
	rel, rule := a.ruleFor(stmt.Relation, Delete)
	product, takes, err := a.beside(rel, Delete, parent, stmt.With, len(stmt.Returning) > 0)
	if err != nil {
		return nil, err
	}
	if product != nil {
		rule = product
		c := *stmt
		c.Returning = nil
		stmt = &c
	}
	if rule != nil || a.byTriggers(rel, Delete) {
		return a.ruledDelete(s, stmt, rel, rule)
	}
	t, err := a.target(stmt.Relation, Delete)
	if err != nil {
		return nil, err
	}
	d := &DML{Kind: Delete, Table: t.table, target: t, Source: s.q}
	d.Alias, _ = aliasOf(stmt.Relation.Alias, t.name)
	if err := s.targetAndFrom(t, stmt.Relation, stmt.UsingClause); err != nil {
		return nil, err
	}
	if err := s.setWhere(t, stmt.WhereClause); err != nil {
		return nil, err
	}
	s.restrict(t)
	if err := s.returning(d, stmt.Relation, stmt.Returning); err != nil {
		return nil, err
	}
	if err := s.leave(takes, rel, t.table, func(*catalog.Column) expr.Node { return nil }); err != nil {
		return nil, err
	}
	d.CTEs = s.q.CTEs
	s.q.CTEs = nil
	return d, a.leaves(d)
}
