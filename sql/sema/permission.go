package sema

import (
	"slices"
	"sync/atomic"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
)

// Permissions are what a statement needs of its relations, in the order in which PostgreSQL checks it: those of a query
// before those of the queries in it. They are found out at analysis and checked at each execution.
type Permissions struct {
	list []*permission
	// granted is whom Check answered last: a plan mostly runs again for the same role under the same catalog.
	granted atomic.Pointer[grantee]
}

type grantee struct {
	snap *catalog.Snapshot
	role catalog.Oid
}

// permission is what a statement needs of one relation: PostgreSQL's RTEPermissionInfo.
type permission struct {
	relation catalog.Oid
	virtual  *VirtualTable // of a system relation, or a sequence that is read
	// owner is the view's owner as whom the relation is used, 0 for the current role.
	owner    catalog.Oid
	required catalog.Privilege
	// The columns that are read and written. Where there are none, a privilege on any column will do.
	selected, inserted, updated []catalog.AttNum
}

// Check returns 42501 for the first relation that role (or the owner of the view that uses it) may not use.
func (p *Permissions) Check(snap *catalog.Snapshot, role catalog.Oid) error {
	if g := p.granted.Load(); g != nil && g.snap == snap && g.role == role {
		return nil
	}
	for _, n := range p.list {
		if err := n.check(snap, role); err != nil {
			return err
		}
	}
	p.granted.Store(&grantee{snap, role})
	return nil
}

// check is ExecCheckRTEPerms.
func (n *permission) check(snap *catalog.Snapshot, role catalog.Oid) error {
	if n.owner != 0 {
		role = n.owner
	}
	rel, ok := snap.RelationByOID(n.relation)
	if !ok {
		if n.virtual == nil || n.required&^snap.SystemRelationPrivileges(!n.virtual.Closed, role) == 0 {
			return nil
		}
		noun := "table"
		if n.virtual.View {
			noun = "view"
		}
		return catalog.DeniedError(noun, n.virtual.Name)
	}
	held, _ := snap.RelationPrivileges(rel, role)
	missing := n.required &^ held
	if missing == 0 {
		return nil
	}
	denied := missing&^(catalog.PrivSelect|catalog.PrivInsert|catalog.PrivUpdate) != 0 ||
		missing&catalog.PrivSelect != 0 && !columnsAllow(snap, rel, role, catalog.PrivSelect, n.selected) ||
		missing&catalog.PrivInsert != 0 && !columnsAllow(snap, rel, role, catalog.PrivInsert, n.inserted) ||
		missing&catalog.PrivUpdate != 0 && !columnsAllow(snap, rel, role, catalog.PrivUpdate, n.updated)
	if denied {
		return catalog.DeniedError(rel.Noun(), rel.Name())
	}
	return nil
}

// Writes reports whether the statement assigns a column of a relation.
func (p *Permissions) Writes(relation catalog.Oid, col catalog.AttNum) bool {
	if p == nil {
		return false
	}
	return slices.ContainsFunc(p.list, func(n *permission) bool {
		return n.relation == relation && (slices.Contains(n.inserted, col) || slices.Contains(n.updated, col))
	})
}

// Without returns the permissions without the right to insert into a relation.
func (p *Permissions) Without(relation catalog.Oid) *Permissions {
	out := &Permissions{}
	for _, n := range p.list {
		if n.relation != relation || n.required != catalog.PrivInsert {
			out.list = append(out.list, n)
		}
	}
	return out
}

// WritePermanent reports whether the statement writes, or locks rows of, a relation that is not temporary.
func (p *Permissions) WritePermanent(snap *catalog.Snapshot) bool {
	if p == nil {
		return true
	}
	return slices.ContainsFunc(p.list, func(n *permission) bool {
		rel, ok := snap.RelationByOID(n.relation)
		return n.required&^catalog.PrivSelect != 0 && !(ok && rel.Persistence() == catalog.Temporary)
	})
}

// columnsAllow reports whether a role has a privilege on all the columns, or with none given on any.
func columnsAllow(snap *catalog.Snapshot, rel catalog.Relation, role catalog.Oid, p catalog.Privilege, cols []catalog.AttNum) bool {
	if len(cols) == 0 {
		any := false
		rel.Columns(func(n catalog.AttNum, _ *catalog.Column) {
			have, _ := snap.ColumnPrivileges(rel, n, role)
			any = any || have&p != 0
		})
		return any
	}
	for _, n := range cols {
		if have, _ := snap.ColumnPrivileges(rel, n, role); have&p == 0 {
			return false
		}
	}
	return true
}

// TablePermissions are those of a statement that is not analysed: COPY.
func TablePermissions(t *catalog.Table, required catalog.Privilege, selected, inserted []catalog.AttNum) *Permissions {
	return &Permissions{list: []*permission{{relation: t.OID, required: required, selected: selected, inserted: inserted}}}
}

// collector finds a statement's permissions.
type collector struct {
	out   *Permissions
	of    map[*RTE]*permission
	stack []*Query // the query being looked at and those around it, innermost last
}

func permissions(an *Analyzed) *Permissions {
	c := &collector{out: &Permissions{}, of: map[*RTE]*permission{}}
	if an.DML != nil {
		c.dml(an.DML)
	} else {
		c.query(an.Query, 0)
	}
	return c.out
}

func (c *collector) add(r *RTE, p *permission) *permission {
	c.out.list = append(c.out.list, p)
	c.of[r] = p
	return p
}

// relations adds the query's own relations.
func (c *collector) relations(q *Query, owner catalog.Oid) {
	for _, r := range q.Rels {
		switch {
		case c.of[r] != nil:
		case r.Kind == RTETable:
			c.add(r, &permission{relation: r.Table.OID, owner: owner, required: catalog.PrivSelect})
		case r.Kind == RTECatalog:
			c.add(r, &permission{relation: r.Virtual.OID, virtual: r.Virtual, owner: owner, required: catalog.PrivSelect})
		}
	}
}

// query adds what a query and those in it need, as owner, and marks the columns that they read.
func (c *collector) query(q *Query, owner catalog.Oid) {
	c.relations(q, owner)
	c.stack = append(c.stack, q)
	for _, r := range q.Rels {
		switch {
		case r.Query == nil:
		case r.View != nil:
			c.add(r, &permission{relation: r.View.OID, owner: owner, required: catalog.PrivSelect})
			c.query(r.Query, r.View.RunsAs())
		default:
			c.query(r.Query, owner)
		}
	}
	if q.SetOp != nil {
		c.query(q.SetOp.Left, owner)
		c.query(q.SetOp.Right, owner)
	}
	c.ctes(q.CTEs, owner)
	ownExprs(q, func(n *expr.Node) { c.expression(*n, owner) })
	for _, l := range q.Locking {
		for _, rel := range l.Rels {
			c.lock(q.Rels[rel])
		}
	}
	c.stack = c.stack[:len(c.stack)-1]
}

// ctes leaves out those that nobody reads: they are not run.
func (c *collector) ctes(list []*CTE, owner catalog.Oid) {
	for _, e := range list {
		switch {
		case e.DML != nil:
			c.dml(e.DML)
		case e.Query != nil && e.Refs > 0:
			c.query(e.Query, owner)
		}
	}
}

// expression marks the columns that an expression reads and adds its subqueries.
func (c *collector) expression(n expr.Node, owner catalog.Oid) {
	expr.Walk(n, func(k expr.Node) bool {
		if namesCursor(k) {
			return false
		}
		switch v := k.(type) {
		case *expr.Var:
			if at := len(c.stack) - 1 - v.Level; at >= 0 && v.Rel < len(c.stack[at].Rels) {
				c.mark(c.stack[at].Rels[v.Rel], catalog.AttNum(v.Col+1))
			}
		case *expr.Subquery:
			if q, ok := v.Query.(*Query); ok {
				if q.runAs != 0 {
					c.query(q, q.runAs)
				} else {
					c.query(q, owner)
				}
			}
		}
		return true
	})
}

func (c *collector) mark(r *RTE, col catalog.AttNum) {
	if p := c.of[r]; p != nil {
		p.required |= catalog.PrivSelect
		if !slices.Contains(p.selected, col) {
			p.selected = append(p.selected, col)
		}
	}
}

// lock adds what FOR UPDATE and its like need of a range-table entry, and of what is behind a view or a subquery.
func (c *collector) lock(r *RTE) {
	if p := c.of[r]; p != nil {
		p.required |= catalog.PrivUpdate
	}
	if r.Query != nil {
		for _, in := range r.Query.Rels {
			c.lock(in)
		}
	}
}

// dml adds what an INSERT, UPDATE, DELETE or MERGE needs. Its target comes first.
func (c *collector) dml(d *DML) {
	if d.ruled != nil {
		c.ruled(d)
		return
	}
	if d.Instead != nil {
		c.insteadPermissions(d)
		return
	}
	target := &permission{relation: d.Table.OID}
	switch d.Kind {
	case Insert:
		c.add(&RTE{}, target)
		target.required, target.inserted = catalog.PrivInsert, d.Columns
		row := &RTE{Kind: RTETable, Table: d.Table}
		c.of[row] = target
		if d.target.views != nil {
			c.of[row] = &permission{} // what is read is read of the view
		}
		c.stack = append(c.stack, &Query{})
		c.query(d.Source, 0)
		c.ctes(d.CTEs, 0)
		c.stack[len(c.stack)-1] = &Query{Rels: []*RTE{row, row}} // the row, and EXCLUDED
		c.conflict(d, target)
		c.returning(d)
		if d.target.views != nil {
			c.viewPermissions(d.target, target)
		}
		c.stack = c.stack[:len(c.stack)-1]
		return
	case Update:
		target.required, target.updated = catalog.PrivUpdate, d.Columns
	case Delete:
		target.required = catalog.PrivDelete
	case Merge:
		for i := range d.Actions {
			target.merge(&d.Actions[i])
		}
		if target.required == 0 { // DO NOTHING alone reads the target
			target.required = catalog.PrivSelect
		}
	}
	through := d.target != nil && d.target.views != nil
	c.add(d.Source.Rels[d.Target], target)
	if through {
		c.of[d.Source.Rels[d.Target]] = &permission{} // what is read is read of the view
		c.viewPermissions(d.target, target)
	}
	c.query(d.Source, 0)
	c.stack = append(c.stack, d.Source)
	c.ctes(d.CTEs, 0)
	for i := range d.Actions {
		c.expression(d.Actions[i].Cond, 0)
		for _, n := range d.Actions[i].Set {
			c.expression(n, 0)
		}
	}
	c.returning(d)
	c.stack = c.stack[:len(c.stack)-1]
}

// merge adds what a WHEN clause does to the target of MERGE.
func (n *permission) merge(a *MergeAction) {
	switch {
	case a.Nothing:
	case a.Kind == Insert:
		n.required |= catalog.PrivInsert
		n.inserted = append(n.inserted, a.Columns...)
	case a.Kind == Update:
		n.required |= catalog.PrivUpdate
		n.updated = append(n.updated, a.Columns...)
	case a.Kind == Delete:
		n.required |= catalog.PrivDelete
	}
}

func (c *collector) returning(d *DML) {
	for _, t := range d.Returning {
		c.expression(t.Expr, 0)
	}
}

// conflict adds what ON CONFLICT needs: the columns of its target are read.
func (c *collector) conflict(d *DML, target *permission) {
	oc := d.Conflict
	if oc == nil {
		return
	}
	for _, x := range oc.Arbiters {
		for _, col := range x.Columns {
			target.required |= catalog.PrivSelect
			target.selected = append(target.selected, col.Num)
		}
	}
	if oc.DoNothing {
		return
	}
	target.required |= catalog.PrivUpdate
	target.updated = oc.Columns
	for _, n := range oc.Set {
		c.expression(n, 0)
	}
	if oc.Where != nil {
		c.expression(oc.Where, 0)
	}
}
