package sema

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// A DO INSTEAD rule puts its action in the place of a statement: the action is done for every row that the statement would
// write. That is PostgreSQL's rewriteRuleAction, done while the names are resolved. What the statement would write is a
// query, whose columns are those of the relation as they were (old) and as they would be (new); it is an item of the
// action's FROM, and OLD and NEW name its columns.

// ruleUse is a rule whose action is being put in a statement's place.
type ruleUse struct {
	relation catalog.Oid
	kind     DMLKind
}

// ruleAnalysis is the analysis of a rule's action. Where source is nil, the action is analysed as it was written, to be
// stored or printed: OLD and NEW are relations that stand in no FROM, and the rules of other relations are left alone.
type ruleAnalysis struct {
	stmt      parse.Statement
	selects   *parse.SelectStmt // the query of an action INSERT … SELECT
	relation  *catalog.Table    // the relation as a table
	source    *Query
	old, new  []int // the columns of source by attribute number less one; nil: there is none
	rel       int   // where source is in the range table of in
	in        *Query
	oldUsed   bool
	newUsed   bool
	attribute func(i int) string // what the action calls a column; "" for none that it can name
}

// ruledStatement is a statement in whose place an action is.
type ruledStatement struct {
	kind      DMLKind
	relation  catalog.Oid
	owner     catalog.Oid // whose action it is
	columns   []catalog.AttNum
	used      []catalog.AttNum // columns of the relation that the statement reads
	written   *RTE             // the relation, in source; nil for INSERT
	source    *RTE             // the rows, in the range table of the action
	ctes      []*CTE           // of the statement itself
	own       []Target         // the RETURNING of the action
	returning bool
}

// Stands returns the kind of the statement as it was given, whatever a rule made of it.
func (d *DML) Stands() DMLKind {
	if d.ruled != nil {
		return d.ruled.kind
	}
	return d.Kind
}

func ruleEvent(k DMLKind) catalog.RuleEvent {
	switch k {
	case Update:
		return catalog.RuleOnUpdate
	case Delete:
		return catalog.RuleOnDelete
	}
	return catalog.RuleOnInsert
}

// written reports whether an action is analysed as it was written.
func (r *ruleAnalysis) written() bool { return r != nil && r.source == nil }

// of reports whether a statement is the action.
func (r *ruleAnalysis) of(stmt *parse.InsertStmt) bool {
	return r != nil && stmt != nil && r.stmt == parse.Statement(stmt)
}

// joins reports whether a query is that of an action INSERT … SELECT.
func (r *ruleAnalysis) joins(sel *parse.SelectStmt) bool { return r != nil && r.selects == sel }

// at reports whether a relation is the target of the action, an UPDATE or DELETE.
func (r *ruleAnalysis) at(v *parse.RangeVar) bool {
	if r == nil {
		return false
	}
	switch s := r.stmt.(type) {
	case *parse.UpdateStmt:
		return s.Relation == v
	case *parse.DeleteStmt:
		return s.Relation == v
	}
	return false
}

// ruleFor finds the rule that takes the place of a statement on a relation; nil: none.
func (a *analyzer) ruleFor(r *parse.RangeVar, kind DMLKind) (catalog.Relation, *catalog.Rule) {
	if a.rule.written() {
		return catalog.Relation{}, nil
	}
	rel, virtual, err := a.relation(r)
	if err != nil || virtual != nil {
		return catalog.Relation{}, nil
	}
	if rel.RelationRules() == nil { // whoever looks for the target will say so
		return rel, nil
	}
	return rel, rel.RuleOn(ruleEvent(kind))
}

// relationTable is a relation as a table: of a view, its columns alone.
func relationTable(rel catalog.Relation) *catalog.Table {
	if rel.View == nil {
		return rel.Table
	}
	t := &catalog.Table{OID: rel.View.OID, SchemaID: rel.View.SchemaID, Name: rel.View.Name, Owner: rel.View.Owner,
		Columns: slices.Clone(rel.View.Columns)}
	for i := range t.Columns {
		t.Columns[i].Num = catalog.AttNum(i + 1)
	}
	return t
}

// ruleTarget is a relation whose rows are not written themselves.
func ruleTarget(rel catalog.Relation, kind DMLKind) *dmlTarget {
	t := relationTable(rel)
	return &dmlTarget{table: t, name: t.Name, kind: kind}
}

// ruleItems adds OLD and NEW to the action's range table, and the rows to its FROM.
func (s *scope) ruleItems() {
	r := s.rule
	r.in = s.q
	if r.source == nil {
		for _, name := range []string{"old", "new"} {
			rel := s.addRel(&RTE{Kind: RTETable, Alias: name, Columns: tableColumns(r.relation), Table: r.relation,
				Written: &parse.Alias{Name: name}})
			cols := make([]int, len(r.relation.Columns))
			for i := range cols {
				cols[i] = i
			}
			used := &r.oldUsed
			if name == "new" {
				used = &r.newUsed
			}
			s.ns = append(s.ns, s.ruleItem(name, rel, cols, used))
		}
		return
	}
	r.rel = s.addRel(&RTE{Kind: RTESubquery, Alias: "*RULE*", Columns: queryColumns(r.source), Query: r.source})
	node := JoinNode(RelRef{r.rel})
	if s.q.From != nil {
		node = &Join{Kind: CrossJoin, Left: s.q.From, Right: node, Comma: true}
	}
	s.q.From = node
	if r.old != nil {
		s.ns = append(s.ns, s.ruleItem("old", r.rel, r.old, nil))
	}
	if r.new != nil {
		s.ns = append(s.ns, s.ruleItem("new", r.rel, r.new, nil))
	}
}

// ruleItem is OLD or NEW, whose columns nothing finds by their names alone.
func (s *scope) ruleItem(name string, rel int, cols []int, used *bool) *nsItem {
	it := &nsItem{rel: rel, name: name, relVisible: true, lateralOK: true}
	for i, at := range cols {
		called := s.rule.attribute(i)
		if called == "" {
			continue
		}
		c := &s.rule.relation.Columns[i]
		it.cols = append(it.cols, nsCol{name: called, rel: rel, typ: c.Type, used: used,
			node: &expr.Var{Rel: rel, Col: at, Type: c.Type, Name: called, Loc: -1}})
	}
	return it
}

// ruleSource analyses the rows of an action INSERT: as many for each row of the statement as the action gives.
func (in *insertion) ruleSource(sel *parse.SelectStmt) error {
	if sel == nil {
		in.cols, in.parts = nil, nil
		sub := in.newScope(in.scope)
		sub.ruleItems()
		in.dml.Source = sub.q
		return nil
	}
	lists := sel.ValuesLists
	if sel.LiteralRows != nil {
		lists = expandLiterals(sel.LiteralRows)
	}
	star := func(e parse.Expr) bool {
		c, ok := e.(*parse.ColumnRef)
		return ok && c.Star
	}
	switch {
	case lists != nil && plainValues(sel) && len(lists) == 1 && slices.ContainsFunc(lists[0], star):
		sel = &parse.SelectStmt{TargetList: asTargets(lists[0])}
		in.dml.OneRow = true
	case lists != nil && plainValues(sel) && len(lists) == 1 && !in.hasSetReturning(lists[0]):
		return in.values(lists)
	case lists != nil:
		return pgerr.NotSupported("VALUES of several rows in a rule's action")
	case sel.Op != parse.SetOpNone:
		return pgerr.NotSupported("UNION, INTERSECT or EXCEPT in a rule's action")
	}
	in.rule.selects = sel
	return in.query(sel)
}

// ruleRow makes the only row of an action INSERT … VALUES one for each row of the statement.
func (in *insertion) ruleRow(q *Query, row []expr.Node) {
	for i, n := range row {
		q.Targets = append(q.Targets, Target{Expr: n, Name: in.cols[i].Name})
	}
	in.dml.Source, in.dml.OneRow = q, true
}

// AnalyzeRuleAction analyses the action of a rule for a command on a relation, as it is written.
func AnalyzeRuleAction(stmt parse.Statement, rel catalog.Relation, event catalog.RuleEvent, env *Env) (*DML, error) {
	a := newAnalyzer(env)
	t := relationTable(rel)
	a.rule = &ruleAnalysis{stmt: stmt, relation: t, attribute: a.ruleAttribute(t)}
	d, err := a.ruleStatement(stmt)
	switch {
	case err != nil:
	case event == catalog.RuleOnInsert && a.rule.oldUsed:
		err = pgerr.New(pgerr.InvalidObjectDefinition, "ON INSERT rule cannot use OLD")
	case event == catalog.RuleOnDelete && a.rule.newUsed:
		err = pgerr.New(pgerr.InvalidObjectDefinition, "ON DELETE rule cannot use NEW")
	default:
		return d, nil
	}
	return nil, a.positioned(err)
}

// AnalyzeRule analyses the action of a stored rule, as it was written.
func AnalyzeRule(rel catalog.Relation, rule *catalog.Rule, env *Env) (*DML, error) {
	stmt, err := parse.ParseOne(rule.Action)
	if err != nil {
		return nil, err
	}
	c := *env
	c.Text, c.NoParams, c.Role, c.Bound = "", true, 0, rule.Deps
	return AnalyzeRuleAction(stmt, rel, rule.Event, &c)
}

// ruleAttribute names the columns of the relation as the action knows them.
func (a *analyzer) ruleAttribute(t *catalog.Table) func(i int) string {
	names := a.boundNames(t.OID)
	return func(i int) string {
		switch c := &t.Columns[i]; {
		case c.Dropped || c.Hidden || names != nil && i >= len(names):
			return ""
		case names != nil:
			return names[i]
		default:
			return c.Name
		}
	}
}

func (a *analyzer) ruleStatement(stmt parse.Statement) (*DML, error) {
	switch s := stmt.(type) {
	case *parse.InsertStmt:
		return a.insert(s, nil)
	case *parse.UpdateStmt:
		return a.update(s, nil)
	case *parse.DeleteStmt:
		return a.delete(s, nil)
	}
	return nil, pgerr.Internal("a rule's action is %T", stmt)
}

// ruleRows are the rows that a statement would write.
type ruleRows struct {
	rel      catalog.Relation
	kind     DMLKind
	table    *catalog.Table
	query    *Query
	old, new []int
}

// instead puts a rule's action in the place of a statement.
func (s *scope) instead(rule *catalog.Rule, rows *ruleRows, ctes []*CTE) (*DML, *ruleAnalysis, error) {
	use := ruleUse{rows.rel.OID(), rows.kind}
	ruled := &ruledStatement{kind: rows.kind, relation: use.relation, owner: rows.rel.Owner(), ctes: ctes}
	if rule.Action == "" {
		if s.parent != nil {
			return nil, nil, pgerr.New(pgerr.FeatureNotSupported, "DO INSTEAD NOTHING rules are not supported for data-modifying statements in WITH")
		}
		return &DML{Kind: rows.kind, Table: rows.table, Source: &Query{}, Nothing: true, ruled: ruled}, nil, nil
	}
	if slices.Contains(s.rewriting, use) {
		return nil, nil, pgerr.New(pgerr.InvalidObjectDefinition, "infinite recursion detected in rules for relation %q", rows.rel.Name())
	}
	stmt, err := parse.ParseOne(rule.Action)
	if err != nil {
		return nil, nil, err
	}
	c := *s.env
	c.Text, c.NoParams, c.Role, c.Bound, c.Print = "", true, 0, rule.Deps, false
	b := newAnalyzer(&c)
	b.rewriting = append(slices.Clone(s.rewriting), use)
	b.rule = &ruleAnalysis{stmt: stmt, relation: rows.table, source: rows.query, old: rows.old, new: rows.new, attribute: b.ruleAttribute(rows.table)}
	d, err := b.ruleStatement(stmt)
	if err != nil {
		return nil, nil, err
	}
	for _, t := range b.tables {
		s.addTable(t)
	}
	s.keys = append(s.keys, b.keys...)
	s.usesVirtual = s.usesVirtual || b.usesVirtual
	if d.ruled != nil || d.Nothing {
		return nil, nil, pgerr.NotSupported("a rule whose action is on a relation with rules")
	}
	if d.Kind == Insert && b.rule.selects != nil && !d.OneRow && slices.ContainsFunc(ctes, func(c *CTE) bool { return c.DML != nil }) {
		return nil, nil, pgerr.New(pgerr.FeatureNotSupported,
			"INSERT...SELECT rule actions are not supported for queries having data-modifying statements in WITH")
	}
	ruled.own, ruled.source = d.Returning, b.rule.in.Rels[b.rule.rel]
	d.ruled = ruled
	d.CTEs = append(slices.Clone(ctes), d.CTEs...)
	return d, b.rule, nil
}

// noReturning is the error for RETURNING where the rule has none.
func (r *ruleRows) noReturning() error {
	verb := map[DMLKind]string{Insert: "INSERT", Update: "UPDATE", Delete: "DELETE"}[r.kind]
	return pgerr.New(pgerr.FeatureNotSupported, "cannot perform %s RETURNING on relation %q", verb, r.rel.Name()).
		WithHint("You need an unconditional ON %s DO INSTEAD rule with a RETURNING clause.", verb)
}

// finish settles what the statement returns. s is the scope that its RETURNING sees, in which the relation is entry rel.
func (r *ruleRows) finish(s *scope, d *DML, act *ruleAnalysis, rel int, list []*parse.ResTarget) (*DML, error) {
	own := d.Returning
	d.Returning = nil
	if len(list) == 0 {
		return d, nil
	}
	if len(own) == 0 {
		return nil, r.noReturning()
	}
	out := &DML{Kind: r.kind, Target: rel}
	if err := s.returningList(out, list); err != nil {
		return nil, err
	}
	d.ruled.returning = true
	var refused error
	replace := func(v *expr.Var) expr.Node {
		switch {
		case v.Rel == rel:
		case d.Kind == Insert:
			refused = pgerr.NotSupported("columns of FROM in RETURNING of what a rule makes an INSERT")
			return v
		default:
			return &expr.Var{Rel: act.rel, Col: act.column(v), Type: v.Type, Name: v.Name, Loc: v.Loc}
		}
		at := 0
		for i := range r.table.Columns {
			if c := &r.table.Columns[i]; !c.Dropped && !c.Hidden {
				if i == v.Col && at < len(own) {
					return own[at].Expr
				}
				at++
			}
		}
		refused = pgerr.NotSupported("system columns in RETURNING of a relation with rules")
		return v
	}
	for _, t := range out.Returning {
		t.Expr = replaceVars(t.Expr, 0, replace)
		d.Returning = append(d.Returning, t)
	}
	return d, refused
}

// column makes a column of the statement's FROM one of the rows.
func (r *ruleAnalysis) column(v *expr.Var) int {
	own := *v
	own.Level = 0
	r.source.Targets = append(r.source.Targets, Target{Expr: &own, Name: v.Name})
	e := r.in.Rels[r.rel]
	e.Columns = append(e.Columns, Column{Name: v.Name, Type: v.Type})
	return len(e.Columns) - 1
}

// replaceVars replaces the columns of a query's own range table, in an expression of it at depth 0.
func replaceVars(n expr.Node, depth int, f func(*expr.Var) expr.Node) expr.Node {
	var query func(q *Query, depth int)
	query = func(q *Query, depth int) {
		ownExprs(q, func(n *expr.Node) { *n = replaceVars(*n, depth, f) })
		ownQueries(q, func(k *Query) { query(k, depth+1) })
	}
	subqueries(n, func(q *Query) { query(q, depth+1) })
	out, _ := expr.Rewrite(n, func(k expr.Node) (expr.Node, error) {
		v, ok := k.(*expr.Var)
		if !ok || v.Level != depth {
			return k, nil
		}
		r := f(v)
		for range depth {
			r = raiseLevels(r, 0)
		}
		return r, nil
	})
	return out
}

// TableColumns are the columns of a table as an entry of a range table has them.
func TableColumns(t *catalog.Table) []Column { return tableColumns(t) }

// ruledInsert is INSERT into a relation with a rule for it.
func (a *analyzer) ruledInsert(s *scope, stmt *parse.InsertStmt, rel catalog.Relation, rule *catalog.Rule) (*DML, error) {
	t := ruleTarget(rel, Insert)
	d := &DML{Kind: Insert, Table: t.table, target: t, Overriding: overriding(stmt.Override)}
	d.Alias, _ = aliasOf(stmt.Relation.Alias, t.name)
	cols, err := s.insertColumns(t, stmt.Cols)
	if err != nil {
		return nil, err
	}
	in := &insertion{scope: s, dml: d, stmt: stmt, cols: cols, parts: partialTargets(stmt.Cols), defaults: make([]expr.Node, len(t.table.Columns)), known: make([]bool, len(t.table.Columns))}
	if err := in.source(); err != nil {
		return nil, err
	}
	if err := in.fillDefaults(); err != nil {
		return nil, err
	}
	rows := in.ruleRows(rel)
	if rule == nil {
		return a.insteadInsert(s, stmt, d, rows)
	}
	if err := rows.only(s, rule); err != nil {
		return nil, err
	}
	act, r, err := s.instead(rule, rows, s.q.CTEs)
	if err != nil {
		return nil, err
	}
	act.ruled.columns = d.Columns
	rs := a.newScope(s.parent)
	rs.ctes = s.ctes
	at := rs.addRel(&RTE{Kind: RTESubquery, Alias: d.Alias, Columns: tableColumns(t.table), Query: rows.query})
	it, err := rs.relationItem(at, d.Alias, rel, t.table)
	if err != nil {
		return nil, err
	}
	rs.ns = []*nsItem{it}
	read := it.noteReads()
	act, err = rows.finish(rs, act, r, at, stmt.Returning)
	if err == nil {
		act.ruled.used = read()
	}
	return act, err
}

func nullColumn(c *catalog.Column) expr.Node {
	if c.Dropped {
		return &expr.Const{Type: types.T(types.Int4Oid), Loc: -1}
	}
	return &expr.Const{Type: c.Type, Loc: -1}
}

// relationItem names the columns of a relation that stands as an entry of the range table.
func (s *scope) relationItem(rel int, name string, of catalog.Relation, t *catalog.Table) (*nsItem, error) {
	it, err := s.item(rel, name, nil, -1, func(i int) bool { return t.Columns[i].Dropped || t.Columns[i].Hidden })
	if err == nil && name == of.Name() {
		it.schema = s.env.Catalog.SchemaName(of.SchemaID())
	}
	return it, err
}

// noteReads watches which columns of an item are read; what it returns lists them.
func (it *nsItem) noteReads() func() []catalog.AttNum {
	used := make([]bool, len(it.cols))
	for i := range it.cols {
		it.cols[i].used = &used[i]
	}
	return func() (out []catalog.AttNum) {
		for i, u := range used {
			if u {
				out = append(out, catalog.AttNum(it.cols[i].col+1))
			}
		}
		return out
	}
}

// ruledUpdate is UPDATE of a relation with a rule for it.
func (a *analyzer) ruledUpdate(s *scope, stmt *parse.UpdateStmt, rel catalog.Relation, rule *catalog.Rule) (*DML, error) {
	t := ruleTarget(rel, Update)
	it, err := s.ruledFrom(rel, t, stmt.Relation, stmt.FromClause)
	if err != nil {
		return nil, err
	}
	read := it.noteReads()
	if err := s.ruledWhere(t, rel, stmt.WhereClause); err != nil {
		return nil, err
	}
	cols, exprs, err := s.assignments(t, stmt.TargetList)
	if err != nil {
		return nil, err
	}
	rows := s.oldRows(rel, t, it.rel)
	var nums []catalog.AttNum
	for i := range t.table.Columns {
		c := &t.table.Columns[i]
		n := rows.query.Targets[i].Expr
		if k := slices.IndexFunc(cols, func(x *catalog.Column) bool { return x.Num == c.Num }); k >= 0 {
			n = exprs[k]
			nums = append(nums, c.Num)
		}
		rows.new = append(rows.new, len(rows.query.Targets))
		rows.query.Targets = append(rows.query.Targets, Target{Expr: n, Name: c.Name})
	}
	return s.ruledChange(rule, rows, it, nums, read, stmt.Returning)
}

// ruledDelete is DELETE from a relation with a rule for it.
func (a *analyzer) ruledDelete(s *scope, stmt *parse.DeleteStmt, rel catalog.Relation, rule *catalog.Rule) (*DML, error) {
	t := ruleTarget(rel, Delete)
	it, err := s.ruledFrom(rel, t, stmt.Relation, stmt.UsingClause)
	if err != nil {
		return nil, err
	}
	read := it.noteReads()
	if err := s.ruledWhere(t, rel, stmt.WhereClause); err != nil {
		return nil, err
	}
	return s.ruledChange(rule, s.oldRows(rel, t, it.rel), it, nil, read, stmt.Returning)
}

// ruledFrom builds the range table of the rows that an UPDATE or DELETE would write: the relation, and its FROM.
func (s *scope) ruledFrom(rel catalog.Relation, t *dmlTarget, r *parse.RangeVar, items []parse.FromItem) (*nsItem, error) {
	name, _ := aliasOf(r.Alias, t.name)
	var it *nsItem
	var err error
	if rel.View != nil {
		it, err = s.viewItem(rel.View, name, nil, r)
	} else if it, err = s.tableItem(rel.Table, name, nil, r.Schema); err == nil && r.Inh {
		s.expand(it)
	}
	if err != nil {
		return nil, err
	}
	s.q.From = RelRef{it.rel}
	it.lateralOnly, it.lateralOK = true, false
	s.ns = []*nsItem{it}
	if s.rule.at(r) {
		s.ruleItems()
	}
	return it, s.from(items)
}

func (s *scope) ruledWhere(t *dmlTarget, rel catalog.Relation, where parse.Expr) error {
	if _, ok := where.(*parse.CurrentOfExpr); ok {
		if rel.View != nil {
			return pgerr.New(pgerr.FeatureNotSupported, "WHERE CURRENT OF on a view is not implemented")
		}
		return pgerr.NotSupported("WHERE CURRENT OF on a table with rules")
	}
	return s.setWhere(t, where)
}

// oldRows are the rows of a relation that the scope's query reads, as they are.
func (s *scope) oldRows(rel catalog.Relation, t *dmlTarget, at int) *ruleRows {
	rows := &ruleRows{rel: rel, kind: t.kind, table: t.table, query: s.q}
	for i := range t.table.Columns {
		c := &t.table.Columns[i]
		var n expr.Node = &expr.Var{Rel: at, Col: i, Type: c.Type, Name: c.Name, Loc: -1}
		if c.Dropped {
			n = nullColumn(c)
		}
		rows.old = append(rows.old, i)
		rows.query.Targets = append(rows.query.Targets, Target{Expr: n, Name: c.Name})
	}
	return rows
}

func (s *scope) ruledChange(rule *catalog.Rule, rows *ruleRows, it *nsItem, cols []catalog.AttNum, read func() []catalog.AttNum,
	returning []*parse.ResTarget) (*DML, error) {
	ctes := s.q.CTEs
	s.q.CTEs = nil
	if rule == nil {
		d, err := s.insteadOf(rows, cols, it.rel, read, returning)
		if err == nil {
			d.CTEs = ctes
		}
		return d, err
	}
	written := rows.query.Rels[it.rel]
	if err := rows.only(s, rule); err != nil {
		return nil, err
	}
	d, act, err := s.instead(rule, rows, ctes)
	if err != nil {
		return nil, err
	}
	d, err = rows.finish(s, d, act, it.rel, returning)
	if err == nil {
		d.ruled.columns, d.ruled.used, d.ruled.written = cols, read(), written
	}
	return d, err
}

// ruled adds what a statement with a rule's action in its place needs: of the relation and of its own FROM as whoever
// gives it, and the action's as the owner of the relation.
func (c *collector) ruled(d *DML) {
	r := d.ruled
	required := map[DMLKind]catalog.Privilege{Insert: catalog.PrivInsert, Update: catalog.PrivUpdate, Delete: catalog.PrivDelete}[r.kind]
	if len(r.used) > 0 {
		required |= catalog.PrivSelect
	}
	p := &permission{relation: r.relation, required: required, selected: r.used}
	switch r.kind {
	case Insert:
		p.inserted = r.columns
	case Update:
		p.updated = r.columns
	}
	c.out.list = append(c.out.list, p)
	if d.Nothing {
		return
	}
	rows := r.source.Query
	c.ctes(r.ctes, 0)
	c.query(rows, 0)
	if w := c.of[r.written]; w != nil { // what is read of it is counted above
		c.out.list = slices.DeleteFunc(c.out.list, func(k *permission) bool { return k == w })
	}
	own := *d
	own.ruled, own.Returning, own.CTEs = nil, r.own, d.CTEs[len(r.ctes):]
	r.source.Query = nil
	first := len(c.out.list)
	c.dml(&own)
	r.source.Query = rows
	for _, k := range c.out.list[first:] {
		if k.owner == 0 {
			k.owner = r.owner
		}
	}
	for _, t := range d.Returning { // its subqueries are the statement's; the rest was counted with the rows
		subqueries(t.Expr, func(q *Query) { c.query(q, 0) })
	}
}

// ActionReferences lists what a rule's action refers to.
func ActionReferences(d *DML) []Reference {
	var r references
	w := writtenWalk{rel: r.rel, node: r.node}
	r.add(d.Table.OID)
	for _, n := range d.Columns {
		r.column(d.Table.OID, n)
	}
	w.query(&Query{CTEs: d.CTEs})
	w.query(d.Source)
	around := d.Source
	if d.Kind == Insert {
		around = &Query{Rels: []*RTE{{Kind: RTETable, Table: d.Table}}}
	}
	w.levels = []*Query{around}
	for _, t := range d.Returning {
		w.expr(t.Expr)
	}
	for i := range r {
		slices.Sort(r[i].Columns)
	}
	return r
}

// WalkAction calls f for every node of what a rule's action holds itself.
func WalkAction(d *DML, f func(n expr.Node)) {
	w := writtenWalk{rel: func(*RTE) {}, node: func(n expr.Node, _ []*Query) { f(n) }}
	w.query(&Query{CTEs: d.CTEs})
	w.query(d.Source)
	for _, t := range d.Returning {
		w.expr(t.Expr)
	}
}
