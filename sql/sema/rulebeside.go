package sema

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// Rules that do not replace every statement: those with a condition, and DO ALSO. They make several statements of one: the
// statement itself, which leaves out the rows that a DO INSTEAD rule's condition takes, and for each rule with an action that
// action, for the rows of its condition. Each is analysed as a statement of its own, from the same text (Env.Product); who
// executes it does the actions in the order of the rules' names, behind an INSERT, and before an UPDATE or DELETE.

// ruleProducts are the rules of a relation whose actions are done beside a statement.
func ruleProducts(rules []*catalog.Rule) []*catalog.Rule {
	return slices.DeleteFunc(slices.Clone(rules), func(r *catalog.Rule) bool { return r.Action == "" })
}

// beside judges the rules that stand beside a statement on a relation. It returns the rule whose action is to be analysed in
// the statement's place, nil for the statement itself, and the rules that take rows from this one.
func (a *analyzer) beside(rel catalog.Relation, kind DMLKind, parent *scope, with *parse.WithClause, returning bool) (product *catalog.Rule, takes []*catalog.Rule, err error) {
	if a.rule.written() {
		return nil, nil, nil
	}
	rules := rel.RulesBeside(ruleEvent(kind))
	if len(rules) == 0 {
		return nil, nil, nil
	}
	refuse := func(format string, args ...any) error { return pgerr.New(pgerr.FeatureNotSupported, format, args...) }
	for _, r := range rules {
		if !r.Also {
			takes = append(takes, r)
		}
	}
	switch {
	case returning && len(takes) > 0 && a.env.Product == 0:
		return nil, nil, (&ruleRows{rel: rel, kind: kind}).noReturning()
	case parent != nil && rules[0].Also:
		return nil, nil, refuse("DO ALSO rules are not supported for data-modifying statements in WITH")
	case parent != nil:
		return nil, nil, refuse("conditional DO INSTEAD rules are not supported for data-modifying statements in WITH")
	}
	if a.rule != nil {
		if slices.Contains(a.rewriting, ruleUse{rel.OID(), kind}) {
			return nil, nil, pgerr.New(pgerr.InvalidObjectDefinition, "infinite recursion detected in rules for relation %q", rel.Name())
		}
		return nil, nil, pgerr.NotSupported("a rule whose action is on a relation with rules")
	}
	products := ruleProducts(rules)
	if len(products) > 0 && with != nil {
		return nil, nil, pgerr.NotSupported("WITH in a statement on a relation with rules that do something besides")
	}
	if n := a.env.Product; n > 0 && n <= len(products) {
		return products[n-1], nil, nil
	}
	a.products = len(products)
	return nil, takes, nil
}

// AnalyzeRuleWhere analyses the condition of a rule, the one column of sel: the Where of the query that it returns, in which OLD
// is relation 0 and NEW relation 1.
func AnalyzeRuleWhere(sel *parse.SelectStmt, rel catalog.Relation, event catalog.RuleEvent, env *Env) (*Query, error) {
	a := newAnalyzer(env)
	q, err := a.ruleWhere(sel, rel, event)
	if err != nil {
		return nil, a.positioned(err)
	}
	return q, nil
}

func (a *analyzer) ruleWhere(sel *parse.SelectStmt, rel catalog.Relation, event catalog.RuleEvent) (*Query, error) {
	t := relationTable(rel)
	a.rule = &ruleAnalysis{relation: t, attribute: a.ruleAttribute(t)}
	s := a.newScope(nil)
	s.ruleItems()
	switch event { // there is the one row, and it is known that there could be the other
	case catalog.RuleOnInsert:
		s.hidden, s.ns = s.ns[:1], s.ns[1:]
	case catalog.RuleOnDelete:
		s.hidden, s.ns = s.ns[1:], s.ns[:1]
	}
	done := s.in(inWhere)
	n, err := s.boolExpr(sel.TargetList[0].Val, "WHERE")
	done()
	s.q.Where = n
	return s.q, err
}

// RuleWhere analyses the condition of a stored rule.
func RuleWhere(rel catalog.Relation, rule *catalog.Rule, env *Env) (*Query, error) {
	sel, err := storedWhere(rule)
	if err != nil {
		return nil, err
	}
	c := *env
	c.Text, c.NoParams, c.Role, c.Bound = "", true, 0, rule.Deps
	return AnalyzeRuleWhere(sel, rel, rule.Event, &c)
}

func storedWhere(rule *catalog.Rule) (*parse.SelectStmt, error) {
	stmt, err := parse.ParseOne(rule.Where)
	if err != nil {
		return nil, err
	}
	sel, ok := stmt.(*parse.SelectStmt)
	if !ok || len(sel.TargetList) != 1 {
		return nil, pgerr.Internal("the condition of rule %q is no column", rule.Name)
	}
	return sel, nil
}

// condition is a rule's condition over the rows of a relation as they are and as they would be, by attribute number less one.
func (s *scope) condition(rule *catalog.Rule, rel catalog.Relation, old, new []expr.Node) (expr.Node, error) {
	sel, err := storedWhere(rule)
	if err != nil {
		return nil, err
	}
	c := *s.env
	c.Text, c.NoParams, c.Role, c.Bound, c.Print, c.Product, c.Variables, c.Function = "", true, 0, rule.Deps, false, 0, nil, nil
	b := newAnalyzer(&c)
	q, err := b.ruleWhere(sel, rel, rule.Event)
	if err != nil {
		return nil, err
	}
	for _, t := range b.tables {
		s.addTable(t)
	}
	s.keys = append(s.keys, b.keys...)
	s.usesVirtual = s.usesVirtual || b.usesVirtual
	subqueries(q.Where, func(sub *Query) { sub.runAs = rel.Owner() })
	return replaceVars(q.Where, 0, func(v *expr.Var) expr.Node {
		row := old
		if v.Rel == 1 {
			row = new
		}
		if v.Col < 0 || v.Col >= len(row) {
			return &expr.Const{Type: v.Type, Loc: -1}
		}
		return row[v.Col]
	}), nil
}

// untaken is the condition for the rows that the rules leave to the statement; nil: all.
func (s *scope) untaken(takes []*catalog.Rule, rel catalog.Relation, old, new []expr.Node) (expr.Node, error) {
	var parts []expr.Node
	for _, r := range takes {
		n, err := s.condition(r, rel, old, new)
		if err != nil {
			return nil, err
		}
		parts = append(parts, &expr.IsTest{Test: expr.IsTrue, Arg: n, Not: true, Loc: -1})
	}
	switch len(parts) {
	case 0:
		return nil, nil
	case 1:
		return parts[0], nil
	}
	return &expr.BoolOp{Op: expr.And, Args: parts, Loc: -1}, nil
}

// leave keeps the rows that rules take from the query of an UPDATE or DELETE, whose target is its first relation. set are the
// new values of columns.
func (s *scope) leave(takes []*catalog.Rule, rel catalog.Relation, t *catalog.Table, set func(c *catalog.Column) expr.Node) error {
	old, new := make([]expr.Node, len(t.Columns)), make([]expr.Node, len(t.Columns))
	for i := range t.Columns {
		c := &t.Columns[i]
		old[i] = &expr.Var{Rel: 0, Col: i, Type: c.Type, Name: c.Name, Loc: -1}
		if new[i] = set(c); new[i] == nil {
			new[i] = old[i]
		}
	}
	cond, err := s.untaken(takes, rel, old, new)
	switch {
	case err != nil || cond == nil:
	case s.q.Where == nil:
		s.q.Where = cond
	default:
		s.q.Where = &expr.BoolOp{Op: expr.And, Args: []expr.Node{s.q.Where, cond}, Loc: -1}
	}
	return err
}

// leave keeps the rows that rules take from the source of an INSERT.
func (in *insertion) leave(takes []*catalog.Rule, rel catalog.Relation) error {
	if len(takes) == 0 {
		return nil
	}
	rows := wrap(in.ruleRows(rel).query)
	new := make([]expr.Node, len(rows.Targets))
	for i := range new {
		new[i] = rows.Targets[i].Expr
	}
	var err error
	if rows.Where, err = in.untaken(takes, rel, nil, new); err != nil {
		return err
	}
	rows.Targets = nil
	for _, n := range in.dml.Columns {
		c := &in.dml.Table.Columns[n-1]
		rows.Targets = append(rows.Targets, Target{Expr: new[n-1], Name: c.Name})
	}
	in.dml.Source = rows
	return nil
}

// ruleRows are the rows that an INSERT would write.
func (in *insertion) ruleRows(rel catalog.Relation) *ruleRows {
	d := in.dml
	rows := &ruleRows{rel: rel, kind: Insert, table: d.Table, query: &Query{}}
	if in.stmt.Select != nil {
		rows.query = wrap(d.Source)
	}
	given := rows.query.Targets
	rows.query.Targets = nil
	for i := range d.Table.Columns {
		c := &d.Table.Columns[i]
		var n expr.Node
		if k := slices.Index(d.Columns, c.Num); k >= 0 {
			n = given[k].Expr
		} else if n = d.Defaults[i]; n == nil {
			n = nullColumn(c)
		}
		rows.new = append(rows.new, i)
		rows.query.Targets = append(rows.query.Targets, Target{Expr: n, Name: c.Name})
	}
	return rows
}

// only leaves of the rows those that a rule's condition takes.
func (r *ruleRows) only(s *scope, rule *catalog.Rule) error {
	if rule.Where == "" {
		return nil
	}
	q := wrap(r.query)
	row := func(at []int) []expr.Node {
		out := make([]expr.Node, len(at))
		for i, k := range at {
			out[i] = q.Targets[k].Expr
		}
		return out
	}
	var err error
	q.Where, err = s.condition(rule, r.rel, row(r.old), row(r.new))
	r.query = q
	return err
}
