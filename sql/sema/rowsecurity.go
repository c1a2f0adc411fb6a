package sema

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Row-level security (PostgreSQL's rowsecurity.c). When a statement has its meaning, the conditions of the policies that hold
// for whoever uses a table are added to the table's range-table entries, and to what a DML statement demands of new rows. The
// permissive policies are alternatives, each restrictive one is demanded besides; without a permissive one there are no rows.
// A plan with such conditions is one for a role.

// securing is the pass over a statement.
type securing struct {
	*analyzer
	perms *Permissions
	open  []catalog.Oid // the tables whose policies' subqueries are being looked at
	found bool
	done  map[*RTE]bool
}

// secure adds the conditions of row-level security to a statement.
func (a *analyzer) secure(an *Analyzed) error {
	if a.env.Catalog == nil || a.env.Role == 0 || a.env.AsWritten || !a.anyRowSecurity() {
		return nil
	}
	s := &securing{analyzer: a, perms: an.Permissions, done: map[*RTE]bool{}}
	var err error
	if an.DML != nil {
		err = s.dml(an.DML)
	} else {
		err = s.query(an.Query, 0)
	}
	an.RowSecurity, an.Tables = s.found, a.tables
	return err
}

// anyRowSecurity looks at the tables of the statement, views expanded: policies are rare.
func (a *analyzer) anyRowSecurity() bool {
	return slices.ContainsFunc(a.tables, func(t *catalog.Table) bool { return t.RowSecurity })
}

func (s *securing) role(owner catalog.Oid) catalog.Oid {
	if owner != 0 {
		return owner
	}
	return s.env.Role
}

// enabled is check_enable_rls: whether the table's policies hold for the role.
func (s *securing) enabled(t *catalog.Table, role catalog.Oid) (bool, error) {
	switch s.env.Catalog.RowSecurityFor(t, role) {
	case catalog.RowSecurityNone:
		return false, nil
	case catalog.RowSecurityBypassed:
		s.found = true
		return false, nil
	}
	s.found = true
	if s.env.NoRowSecurity {
		err := pgerr.New(pgerr.InsufficientPrivilege, "query would be affected by row-level security policy for table %q", t.Name)
		if s.env.Catalog.HasPrivilegesOf(role, t.Owner) {
			err = err.WithHint("To disable the policy for the table's owner, use ALTER TABLE NO FORCE ROW LEVEL SECURITY.")
		}
		return false, err
	}
	return true, nil
}

// query adds conditions to the tables that a query and those in it read, as owner.
func (s *securing) query(q *Query, owner catalog.Oid) error {
	locked := map[int]bool{}
	for _, l := range q.Locking {
		for _, rel := range l.Rels {
			locked[rel] = true
		}
	}
	if err := s.below(q, owner); err != nil {
		return err
	}
	for i, r := range q.Rels {
		if r.Kind != RTETable || s.done[r] {
			continue
		}
		on, err := s.enabled(r.Table, s.role(owner))
		if err != nil {
			return err
		}
		if !on {
			continue
		}
		if locked[i] {
			if err := s.restrict(q, i, owner, catalog.PolicyUpdate); err != nil {
				return err
			}
		}
		if err := s.restrict(q, i, owner, catalog.PolicySelect); err != nil {
			return err
		}
	}
	return nil
}

// below goes on with the queries in q.
func (s *securing) below(q *Query, owner catalog.Oid) (err error) {
	visit := func(sub *Query, owner catalog.Oid) {
		if err == nil && sub != nil {
			err = s.query(sub, owner)
		}
	}
	ownExprs(q, func(n *expr.Node) {
		subqueries(*n, func(sub *Query) {
			if sub.runAs != 0 {
				visit(sub, sub.runAs)
			} else {
				visit(sub, owner)
			}
		})
	})
	for _, r := range q.Rels {
		if r.View != nil {
			visit(r.Query, r.View.RunsAs())
		} else {
			visit(r.Query, owner)
		}
	}
	if q.SetOp != nil {
		visit(q.SetOp.Left, owner)
		visit(q.SetOp.Right, owner)
	}
	for _, c := range q.CTEs {
		visit(c.Query, owner)
		if c.DML != nil && err == nil {
			err = s.dml(c.DML)
		}
	}
	return err
}

// restrict adds the conditions of USING for a command to entry rel of a query.
func (s *securing) restrict(q *Query, rel int, owner catalog.Oid, c catalog.PolicyCommand) error {
	r := q.Rels[rel]
	list, err := s.conditions(r.Table, owner, c, using)
	if err != nil {
		return err
	}
	at := substitution{rel: 0, cols: entryColumns(r.Table, rel)}
	for _, k := range list {
		r.Security = append(r.Security, at.expr(k.Expr, 0))
	}
	return nil
}

// entryColumns are a table's columns, and the system columns, as entry rel of a range table.
func entryColumns(t *catalog.Table, rel int) []targetColumn {
	out := make([]targetColumn, len(t.Columns))
	for i := range t.Columns {
		c := &t.Columns[i]
		out[i] = targetColumn{node: &expr.Var{Rel: rel, Col: i, Type: c.Type, Name: c.Name, Loc: -1}}
	}
	return out
}

// which says what of a policy is meant.
type which uint8

const (
	using   which = iota
	checked       // WITH CHECK, and where there is none USING
)

// conditions are those of a table's policies for a command: the permissive ones as one, then each restrictive one.
func (s *securing) conditions(t *catalog.Table, owner catalog.Oid, c catalog.PolicyCommand, w which) ([]RowCheck, error) {
	if slices.Contains(s.open, t.OID) {
		return nil, pgerr.New(pgerr.InvalidObjectDefinition, "infinite recursion detected in policy for relation %q", t.Name)
	}
	s.open = append(s.open, t.OID)
	defer func() { s.open = s.open[:len(s.open)-1] }()
	var permissive []expr.Node
	var all []RowCheck
	for i := range t.Policies {
		p := &t.Policies[i]
		if !p.AppliesTo(s.env.Catalog, c, s.role(owner)) {
			continue
		}
		e := p.Using
		if w == checked && p.Check != nil {
			e = p.Check
		}
		if e == nil {
			continue
		}
		n, err := s.condition(t, e, owner)
		if err != nil {
			return nil, err
		}
		if p.Permissive {
			permissive = append(permissive, n)
		} else {
			all = append(all, RowCheck{Policy: p.Name, Expr: n})
		}
	}
	one := RowCheck{Expr: &expr.Const{Type: types.T(types.BoolOid), Value: types.NewBool(false), Loc: -1}}
	switch {
	case len(permissive) == 1:
		one.Expr = permissive[0]
	case len(permissive) > 1:
		one.Expr = &expr.BoolOp{Op: expr.Or, Args: permissive, Loc: -1}
	}
	return append([]RowCheck{one}, all...), nil
}

// condition analyses a policy's condition, over the table as entry 0, and secures the subqueries in it.
func (s *securing) condition(t *catalog.Table, e *catalog.PolicyExpr, owner catalog.Oid) (expr.Node, error) {
	a, n, err := analyzePolicy(t, e, s.env)
	if err != nil {
		return nil, err
	}
	for _, k := range a.tables {
		s.addTable(k)
	}
	s.usesVirtual = s.usesVirtual || a.usesVirtual
	subqueries(n, func(q *Query) {
		if err == nil {
			c := &collector{out: s.perms, of: map[*RTE]*permission{}}
			c.query(q, owner)
			err = s.query(q, owner)
		}
	})
	return n, err
}

// analyzePolicy gives a policy's condition its meaning.
func analyzePolicy(t *catalog.Table, e *catalog.PolicyExpr, env *Env) (*analyzer, expr.Node, error) {
	v := &catalog.View{Name: t.Name, Query: e.Query, Deps: e.Deps}
	c := *env
	c.Print = false
	a, q, err := analyzeView(v, &c, 1)
	if err != nil {
		return a, nil, err
	}
	return a, q.Targets[0].Expr, nil
}

// PolicyQuery is the query as which a policy's condition is kept, for those who print it: its only target is the condition.
func PolicyQuery(t *catalog.Table, e *catalog.PolicyExpr, env *Env) (*Query, error) {
	return AnalyzeView(&catalog.View{Name: t.Name, Query: e.Query, Deps: e.Deps}, env)
}

// CheckPolicyExpr judges the condition of a policy as it is written.
func CheckPolicyExpr(e parse.Expr, t *catalog.Table, env *Env) error {
	c := *env
	c.Text = "" // PostgreSQL tells no position here
	a := newAnalyzer(&c)
	s := a.newScope(nil)
	s.clause = inPolicy
	it, err := s.tableItem(t, t.Name, nil, "")
	if err == nil {
		s.ns = []*nsItem{it}
		var n expr.Node
		if n, err = s.expr(e); err == nil {
			_, err = s.coerceBool(n, "POLICY")
		}
	}
	if err != nil {
		return a.positioned(err)
	}
	return nil
}

// dml adds what row-level security means for INSERT, UPDATE and DELETE.
func (s *securing) dml(d *DML) error {
	switch {
	case d.Nothing:
		return nil
	case d.ruled != nil:
		return pgerr.NotSupported("rules together with row-level security")
	}
	for _, c := range d.CTEs {
		if c.Query != nil {
			if err := s.query(c.Query, 0); err != nil {
				return err
			}
		}
		if c.DML != nil {
			if err := s.dml(c.DML); err != nil {
				return err
			}
		}
	}
	owner := catalog.Oid(0)
	if d.target != nil {
		owner = d.target.owner
	}
	on, err := s.enabled(d.Table, s.role(owner))
	if err != nil {
		return err
	}
	if on && d.Kind == Merge {
		return pgerr.NotSupported("MERGE into a table with row-level security")
	}
	if d.Kind != Insert && on {
		r := d.Source.Rels[d.Target]
		s.done[r] = true
		c := catalog.PolicyUpdate
		if d.Kind == Delete {
			c = catalog.PolicyDelete
		}
		if err := s.restrict(d.Source, d.Target, owner, c); err != nil {
			return err
		}
		if s.reads(d.Table) {
			if err := s.restrict(d.Source, d.Target, owner, catalog.PolicySelect); err != nil {
				return err
			}
		}
	}
	if err := s.query(d.Source, 0); err != nil {
		return err
	}
	for _, t := range d.Returning {
		subqueries(t.Expr, func(q *Query) {
			if err == nil {
				err = s.query(q, 0)
			}
		})
	}
	if err != nil || !on || d.Kind == Delete {
		return err
	}
	return s.newRows(d, owner)
}

// reads reports whether the statement needs SELECT on a table that it writes.
func (s *securing) reads(t *catalog.Table) bool {
	return slices.ContainsFunc(s.perms.list, func(p *permission) bool {
		return p.relation == t.OID && p.required&catalog.PrivSelect != 0
	})
}

// newRows adds the checks of the rows that INSERT and UPDATE make.
func (s *securing) newRows(d *DML, owner catalog.Oid) error {
	add := func(to *[]RowCheck, c catalog.PolicyCommand, w which) error {
		list, err := s.conditions(d.Table, owner, c, w)
		*to = append(*to, list...)
		return err
	}
	command := catalog.PolicyInsert
	if d.Kind == Update {
		command = catalog.PolicyUpdate
	}
	reads := s.reads(d.Table)
	if err := add(&d.RowChecks, command, checked); err != nil {
		return err
	}
	if reads {
		if err := add(&d.RowChecks, catalog.PolicySelect, using); err != nil {
			return err
		}
	}
	oc := d.Conflict
	if oc == nil || oc.DoNothing {
		return nil
	}
	if err := add(&oc.ConflictChecks, catalog.PolicyUpdate, using); err != nil {
		return err
	}
	if reads {
		if err := add(&oc.ConflictChecks, catalog.PolicySelect, using); err != nil {
			return err
		}
	}
	if err := add(&oc.RowChecks, catalog.PolicyUpdate, checked); err != nil {
		return err
	}
	if reads {
		return add(&oc.RowChecks, catalog.PolicySelect, using)
	}
	return nil
}
