package sema

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// A view over one table or updatable view is updatable itself: a statement that writes to it is one on the table, with the
// view's conditions added and its columns replaced by what they stand for. That is PostgreSQL's rewriteTargetView, done
// while the names of the statement are resolved.

// dmlTarget is what INSERT, UPDATE or DELETE names: a table, or a view that stands for one.
type dmlTarget struct {
	table *catalog.Table // where the rows are
	name  string         // of what was named
	kind  DMLKind
	tree  bool // a view's: the rows of those that inherit from the table are meant too
	// Of a view: the views down to the table, outermost first, and the columns of the outermost.
	views []viewUse
	cols  []targetColumn
	// defaults are those that views give to columns of the table.
	defaults map[catalog.AttNum]string
	owner    catalog.Oid // as whom the table is used
	selected []catalog.AttNum
}

// viewUse is a view on the way from what was named to the table.
type viewUse struct {
	view     *catalog.View
	owner    catalog.Oid      // as whom it is used
	selected []catalog.AttNum // columns that the view above reads
	cols     []targetColumn
	where    expr.Node // its own condition, over the table as entry 0 of the range table
}

// targetColumn is a column of a view: what it is of the table, which is entry 0 of the range table. Num is the table's
// column, 0 where it is none; then view, column and why tell PostgreSQL's reason.
type targetColumn struct {
	catalog.Column
	node              expr.Node
	view, column, why string
	used              bool // the statement reads it
}

// ViewCheck is a condition that WITH CHECK OPTION puts on new rows, over the table as entry 0; nil is true.
type ViewCheck struct {
	View string
	Expr expr.Node
}

// The reasons for which views are not updatable.
const (
	notOneRelation  = "Views that do not select from a single table or view are not automatically updatable."
	noUpdatableCols = "Views that have no updatable columns are not automatically updatable."
	notBaseColumn   = "View columns that are not columns of their base relation are not updatable."
	ofWholeRow      = "View columns that return whole-row references are not updatable."
	toUpdateTheView = "To enable %s the view, provide an INSTEAD OF %s trigger or an unconditional ON %s DO INSTEAD rule."
)

// viewRefusal is view_query_is_auto_updatable without the check of columns: why a view is not updatable, "" if it may be.
func viewRefusal(q *Query) string {
	switch {
	case q.Distinct || q.DistinctOn != nil:
		return "Views containing DISTINCT are not automatically updatable."
	case len(q.GroupBy) > 0 || q.GroupingSets != nil:
		return "Views containing GROUP BY are not automatically updatable."
	case q.Having != nil:
		return "Views containing HAVING are not automatically updatable."
	case q.SetOp != nil:
		return "Views containing UNION, INTERSECT, or EXCEPT are not automatically updatable."
	case len(q.CTEs) > 0:
		return "Views containing WITH are not automatically updatable."
	case q.Limit != nil || q.Offset != nil:
		return "Views containing LIMIT or OFFSET are not automatically updatable."
	case q.HasAggs:
		return "Views that return aggregate functions are not automatically updatable."
	case q.HasWindows:
		return "Views that return window functions are not automatically updatable."
	case q.HasSRFs:
		return "Views that return set-returning functions are not automatically updatable."
	}
	leaf, ok := q.From.(RelRef)
	if !ok || q.Values != nil || q.LiteralRows != nil {
		return notOneRelation
	}
	switch r := q.Rels[leaf.Rel]; {
	case r.Kind == RTESubquery && r.View != nil:
	case r.Kind != RTETable || r.Table.MatView != nil:
		return notOneRelation
	case r.Sample != nil:
		return "Views containing TABLESAMPLE are not automatically updatable."
	}
	return ""
}

// ViewRefusal is view_query_is_auto_updatable: why no rows can be written to a view of this query, "" if they can.
func ViewRefusal(q *Query) string {
	if why := viewRefusal(q); why != "" {
		return why
	}
	rel := q.From.(RelRef).Rel
	for _, t := range q.Targets {
		if col, _ := plainColumn(t.Expr, rel); !t.Junk && col >= 0 {
			return ""
		}
	}
	return noUpdatableCols
}

// plainColumn returns which column of the view's only relation a target is, or -1 and why it is none.
func plainColumn(n expr.Node, rel int) (int, string) {
	switch n := n.(type) {
	case *expr.Var:
		if n.Level == 0 && n.Rel == rel {
			return n.Col, ""
		}
	case *expr.Row:
		if len(n.Names) > 0 {
			return -1, ofWholeRow
		}
	}
	return -1, notBaseColumn
}

// expandView gives a view that is written to its meaning, from its analysed query.
func (a *analyzer) expandView(v *catalog.View, q *Query, kind DMLKind) (*dmlTarget, error) {
	why := viewRefusal(q)
	if kind != Delete {
		why = ViewRefusal(q)
	}
	if why != "" {
		return nil, errNotUpdatable(v, kind, why)
	}
	rel := q.From.(RelRef).Rel
	below := q.Rels[rel]
	if r := (catalog.Relation{View: below.View, Table: below.Table}); !a.rule.written() {
		if a.byTriggers(r, kind) {
			return nil, pgerr.NotSupported("writing through a view to a view with INSTEAD OF triggers")
		}
		if r.HasRules(ruleEvent(kind)) {
			return nil, pgerr.NotSupported("writing through a view to a relation with rules")
		}
	}
	selected := columnsRead(q, rel)
	var t *dmlTarget
	if below.Kind == RTETable {
		a.addTable(below.Table)
		t = &dmlTarget{table: below.Table, kind: kind, cols: tableTargetColumns(below.Table, kind), defaults: map[catalog.AttNum]string{},
			tree: below.Tree != nil, selected: selected}
	} else {
		var err error
		if t, err = a.expandView(below.View, below.Query, kind); err != nil {
			return nil, err
		}
		t.views[0].selected = selected
	}
	owner := v.RunsAs()
	use := viewUse{view: v}
	sub := substitution{rel: rel, cols: t.cols}
	for i, target := range visibleTargets(q) {
		runAs(target.Expr, owner)
		c := targetColumn{Column: catalog.Column{Name: target.Name, Type: target.Expr.ResultType()}}
		if i < len(v.Columns) {
			c.Column = v.Columns[i]
		}
		c.Num = 0
		if col, why := plainColumn(target.Expr, rel); col < 0 {
			c.view, c.column, c.why = v.Name, c.Name, why
			if c.Default != "" && kind == Insert { // it would be assigned
				return nil, c.refused(kind)
			}
		} else {
			b := &t.cols[col]
			c.Num, c.Identity, c.Sequence, c.Generated = b.Num, b.Identity, b.Sequence, b.Generated
			c.view, c.column, c.why = b.view, b.column, b.why
			if c.Default != "" && c.Num != 0 {
				t.defaults[c.Num] = c.Default
			}
		}
		c.node = sub.expr(target.Expr, 0)
		use.cols = append(use.cols, c)
	}
	if q.Where != nil {
		runAs(q.Where, owner)
		use.where = sub.expr(q.Where, 0)
	}
	if len(t.views) > 0 {
		t.views[0].owner = owner
	} else {
		t.owner = owner
	}
	t.views, t.cols, t.name = append([]viewUse{use}, t.views...), slices.Clone(use.cols), v.Name
	return t, nil
}

func errNotUpdatable(v *catalog.View, kind DMLKind, why string) error {
	verb, doing, event := "insert into", "inserting into", "INSERT"
	switch kind {
	case Update:
		verb, doing, event = "update", "updating", "UPDATE"
	case Delete:
		verb, doing, event = "delete from", "deleting from", "DELETE"
	}
	return pgerr.New(pgerr.ObjectNotInPrerequisiteState, "cannot %s view %q", verb, v.Name).WithDetail("%s", why).
		WithHint(toUpdateTheView, doing, event, event)
}

func tableTargetColumns(t *catalog.Table, kind DMLKind) []targetColumn {
	out := make([]targetColumn, len(t.Columns))
	for i := range t.Columns {
		c := t.Columns[i]
		c.Default = ""
		out[i] = targetColumn{Column: c, node: &expr.Var{Rel: 0, Col: i, Type: c.Type, Name: c.Name, Loc: -1}}
	}
	if len(t.Children) > 0 || t.Partitioning != nil {
		id := catalog.Column{Name: "tableoid", Type: types.T(types.OidOid)}
		var n expr.Node = &expr.Var{Rel: 0, Col: len(t.Columns), Type: id.Type, Name: id.Name, Loc: -1}
		if kind == Insert && t.Partitioning == nil { // which adds to the table alone
			n = &expr.Const{Type: id.Type, Value: types.NewInt(int64(t.OID)), Loc: -1}
		}
		out = append(out, targetColumn{Column: id, node: n})
	}
	return out
}

func visibleTargets(q *Query) []Target {
	var out []Target
	for _, t := range q.Targets {
		if !t.Junk {
			out = append(out, t)
		}
	}
	return out
}

// columnsRead are the columns of an entry of its range table that a query reads.
func columnsRead(q *Query, rel int) (out []catalog.AttNum) {
	WalkQuery(q, func(n expr.Node, depth int) {
		expr.Walk(n, func(k expr.Node) bool {
			if v, ok := k.(*expr.Var); ok && v.Level == depth && v.Rel == rel && !slices.Contains(out, catalog.AttNum(v.Col+1)) {
				out = append(out, catalog.AttNum(v.Col+1))
			}
			return true
		})
	})
	return out
}

// runAs makes the subqueries of a view's expression read as the view's owner.
func runAs(n expr.Node, owner catalog.Oid) {
	subqueries(n, func(q *Query) {
		if q.runAs == 0 {
			q.runAs = owner
		}
	})
}

// substitution replaces the columns of a view's only relation by what they stand for.
type substitution struct {
	rel  int
	cols []targetColumn
}

func (s substitution) expr(n expr.Node, depth int) expr.Node {
	subqueries(n, func(q *Query) { s.query(q, depth+1) })
	out, _ := expr.Rewrite(n, func(k expr.Node) (expr.Node, error) {
		v, ok := k.(*expr.Var)
		if !ok || v.Level != depth || v.Rel != s.rel {
			return k, nil
		}
		r := s.cols[v.Col].node
		for range depth {
			r = raiseLevels(r, 0)
		}
		return r, nil
	})
	return out
}

func (s substitution) query(q *Query, depth int) {
	ownExprs(q, func(n *expr.Node) { *n = s.expr(*n, depth) })
	ownQueries(q, func(k *Query) { s.query(k, depth+1) })
}

// target resolves what INSERT, UPDATE or DELETE names.
func (a *analyzer) target(r *parse.RangeVar, kind DMLKind) (*dmlTarget, error) {
	rel, v, err := a.relation(r)
	if err != nil {
		return nil, err
	}
	if v != nil {
		return nil, notWritable(v)
	}
	switch rel.Kind {
	case catalog.KindTable:
		a.addTable(rel.Table)
		return &dmlTarget{table: rel.Table, name: rel.Table.Name, kind: kind}, nil
	case catalog.KindView:
		if a.rule.written() {
			return ruleTarget(rel, kind), nil
		}
		q, err := a.viewQuery(rel.View, r.Loc())
		if err != nil {
			return nil, err
		}
		return a.expandView(rel.View, q, kind)
	case catalog.KindMatView:
		if rel.Table.OID == a.env.Populate {
			a.addTable(rel.Table)
			return &dmlTarget{table: rel.Table, name: rel.Table.Name, kind: kind}, nil
		}
		return nil, a.errorf(-1, pgerr.WrongObjectType, "cannot change materialized view %q", r.Name)
	case catalog.KindSequence:
		return nil, a.errorf(-1, pgerr.WrongObjectType, "cannot change sequence %q", r.Name)
	}
	return nil, a.errorf(-1, pgerr.WrongObjectType, "cannot open relation %q", r.Name)
}

// columns are those that INSERT without a list assigns.
func (t *dmlTarget) columns() []*catalog.Column {
	if t.views == nil {
		return t.table.LiveColumns()
	}
	out := make([]*catalog.Column, len(t.cols))
	for i := range t.cols {
		out[i] = &t.cols[i].Column
	}
	return out
}

// column finds a column by name; nil if there is none.
func (t *dmlTarget) column(name string) *catalog.Column {
	if t.views == nil {
		return t.table.ColumnByName(name)
	}
	for i := range t.cols {
		if t.cols[i].Name == name {
			return &t.cols[i].Column
		}
	}
	return nil
}

// assignable refuses a column of a view that is no column of the table.
func (t *dmlTarget) assignable(c *catalog.Column) error {
	if t.views == nil || c.Num != 0 {
		return nil
	}
	i := slices.IndexFunc(t.cols, func(k targetColumn) bool { return k.Name == c.Name })
	return t.cols[i].refused(t.kind)
}

// refused is the error for an assignment to a column of a view that is no column of the table.
func (c *targetColumn) refused(kind DMLKind) error {
	verb := "update"
	if kind == Insert {
		verb = "insert into"
	}
	return pgerr.New(pgerr.FeatureNotSupported, "cannot %s column %q of view %q", verb, c.column, c.view).WithDetail("%s", c.why)
}

// baseColumn is a column as the table has it.
func (t *dmlTarget) baseColumn(c *catalog.Column) *catalog.Column {
	if t.views == nil || c.Num == 0 {
		return c
	}
	return &t.table.Columns[c.Num-1]
}

// meaning is what a view's column is of the table's columns.
func (t *dmlTarget) meaning(c *catalog.Column) expr.Node {
	return t.cols[slices.IndexFunc(t.cols, func(k targetColumn) bool { return k.Name == c.Name })].node
}

// read notes that the statement reads a column.
func (t *dmlTarget) read(c *catalog.Column) {
	for i := range t.cols {
		if t.views != nil && &t.cols[i].Column == c {
			t.cols[i].used = true
		}
	}
}

// withDefault is a column of the table with the default that it gets: that of a view takes the place of its own.
func (t *dmlTarget) withDefault(c *catalog.Column) *catalog.Column {
	if t.views == nil || c.Num == 0 {
		return c
	}
	own := t.table.Columns[c.Num-1]
	if d, ok := t.defaults[c.Num]; ok {
		own.Default, own.Identity = d, catalog.NoIdentity
	}
	return &own
}

// updateDefault is a column with what UPDATE's DEFAULT means: of a view its own default, and NULL where it has none.
func (t *dmlTarget) updateDefault(c *catalog.Column) *catalog.Column {
	if t.views == nil {
		return c
	}
	own := *c
	own.Identity = catalog.NoIdentity
	return &own
}

// targetItem puts the target in the range table and names its columns.
func (s *scope) targetItem(t *dmlTarget, r *parse.RangeVar) (*nsItem, error) {
	name, _ := aliasOf(r.Alias, t.name)
	if t.views == nil {
		it, err := s.tableItem(t.table, name, nil, r.Schema)
		if err != nil {
			return nil, err
		}
		if r.Alias != nil {
			it.schema = ""
		}
		if s.rule.written() {
			s.q.Rels[it.rel].Written = r.Alias
		}
		return it, nil
	}
	it := s.viewTargetItem(t, name)
	if r.Alias == nil {
		it.schema = s.env.Catalog.SchemaName(t.views[0].view.SchemaID)
	}
	return it, nil
}

// viewTargetItem is targetItem, and that of EXCLUDED, for a view.
func (s *scope) viewTargetItem(t *dmlTarget, name string) *nsItem {
	rel := s.addRel(&RTE{Kind: RTETable, Alias: name, Columns: tableColumns(t.table), Table: t.table})
	it := &nsItem{rel: rel, name: name, relVisible: true, colsVisible: true}
	for i := range t.cols {
		c := &t.cols[i]
		node := c.node
		if rel != 0 {
			node = substitution{rel: 0, cols: shifted(t, rel)}.expr(node, 0)
		}
		it.cols = append(it.cols, nsCol{name: c.Name, rel: rel, typ: c.Type, node: node, used: &c.used})
	}
	return it
}

// shifted are a table's columns as another entry of the range table.
func shifted(t *dmlTarget, rel int) []targetColumn {
	out := tableTargetColumns(t.table, t.kind)
	for i := range out {
		if v, ok := out[i].node.(*expr.Var); ok {
			own := *v
			own.Rel = rel
			out[i].node = &own
		}
	}
	return out
}

// restrict adds the conditions of the views to the rows that an UPDATE or DELETE reads: those of inner views first.
func (s *scope) restrict(t *dmlTarget) {
	for _, u := range t.views {
		switch {
		case u.where == nil:
		case s.q.Where == nil:
			s.q.Where = u.where
		default:
			s.q.Where = &expr.BoolOp{Op: expr.And, Args: []expr.Node{u.where, s.q.Where}, Loc: -1}
		}
	}
}

// viewChecks are the conditions of WITH CHECK OPTION. CASCADED means the views below too; those are judged first.
func (t *dmlTarget) viewChecks() (out []ViewCheck) {
	cascaded := false
	for _, u := range t.views {
		option := u.view.CheckOption()
		cascaded = cascaded || option == catalog.CascadedCheck
		if cascaded || option == catalog.LocalCheck && u.where != nil {
			out = append([]ViewCheck{{View: u.view.Name, Expr: u.where}}, out...)
		}
	}
	return out
}

// viewPermissions adds what a statement needs of the views that it writes through, and to target what it needs of the table.
func (c *collector) viewPermissions(t *dmlTarget, target *permission) {
	required := target.required &^ catalog.PrivSelect
	if slices.ContainsFunc(t.cols, func(k targetColumn) bool { return k.used }) {
		required |= catalog.PrivSelect
	}
	for i, u := range t.views {
		p := &permission{relation: u.view.OID, owner: u.owner, required: required, selected: u.selected,
			inserted: u.columnsOf(target.inserted), updated: u.columnsOf(target.updated)}
		if i == 0 {
			for k := range t.cols {
				if t.cols[k].used {
					p.selected = append(p.selected, catalog.AttNum(k+1))
				}
			}
		}
		c.out.list = append(c.out.list, p)
	}
	target.required, target.owner, target.selected = required, t.owner, t.selected
}

// columnsOf are the view's columns for columns of the table.
func (u *viewUse) columnsOf(nums []catalog.AttNum) (out []catalog.AttNum) {
	for _, n := range nums {
		if i := slices.IndexFunc(u.cols, func(c targetColumn) bool { return c.Num == n }); i >= 0 {
			out = append(out, catalog.AttNum(i+1))
		}
	}
	return out
}

// ViewEvents are what may be done to a view, as pg_relation_is_updatable counts it: 4 UPDATE, 8 INSERT, 16 DELETE. columns
// tells which columns may be assigned.
func ViewEvents(v *catalog.View, env *Env) (events int, columns []bool) {
	events, columns = viewEvents(v, env)
	rel := catalog.Relation{Kind: catalog.KindView, View: v}
	for e, bit := range map[catalog.RuleEvent]int{catalog.RuleOnUpdate: 4, catalog.RuleOnInsert: 8, catalog.RuleOnDelete: 16} {
		if rel.RuleOn(e) != nil {
			events |= bit
		}
	}
	return events, columns
}

// viewEvents is ViewEvents without rules.
func viewEvents(v *catalog.View, env *Env) (events int, columns []bool) {
	a := newAnalyzer(env)
	columns = make([]bool, len(v.Columns))
	q, err := a.viewQuery(v, -1)
	if err != nil {
		return 0, columns
	}
	t, err := a.expandView(v, q, Delete)
	if err != nil {
		return 0, columns
	}
	events = 16
	for i := range t.cols {
		if i < len(columns) && t.cols[i].Num != 0 {
			columns[i], events = true, 28
		}
	}
	return events, columns
}

// notWritable is the error for a write of a virtual table.
func notWritable(v *VirtualTable) error {
	if v.Schema == "" { // a transition table
		return pgerr.New(pgerr.WrongObjectType, "relation %q cannot be the target of a modifying statement", v.Name)
	}
	return pgerr.New(pgerr.InsufficientPrivilege, "permission denied for table %s", v.Name)
}
