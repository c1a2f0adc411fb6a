package sema

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// A view with INSTEAD OF triggers is written by them: the statement gives them the rows that it would write, as they were
// and as they would be, which are found as for a rule.

// InsteadOf says of a DML that the triggers of a view get the rows: Source has a column for each of the view's as it was,
// from Old on, and as it would be, from New on (-1: not at all). RETURNING is over the row that the triggers leave,
// Var{Rel: 0}, and the columns of Source, Var{Rel: 1}.
type InsteadOf struct {
	View     *catalog.View
	Old, New int
	used     []catalog.AttNum
	written  *RTE
}

func triggerEvent(k DMLKind) catalog.TriggerType {
	switch k {
	case Update:
		return catalog.TriggerUpdate
	case Delete:
		return catalog.TriggerDelete
	}
	return catalog.TriggerInsert
}

// byTriggers reports whether the triggers of a view take the place of a statement on it.
func (a *analyzer) byTriggers(rel catalog.Relation, kind DMLKind) bool {
	return rel.View != nil && !a.rule.written() && rel.View.HasInstead(triggerEvent(kind))
}

// insteadOf makes the statement one for the triggers of a view. s is the scope of its RETURNING, in which the view is entry
// rel.
func (s *scope) insteadOf(rows *ruleRows, cols []catalog.AttNum, rel int, read func() []catalog.AttNum, list []*parse.ResTarget) (*DML, error) {
	d := &DML{Kind: rows.kind, Table: rows.table, Source: rows.query, Columns: cols,
		Instead: &InsteadOf{View: rows.rel.View, Old: -1, New: -1, written: rows.query.relAt(rel)}}
	if rows.old != nil {
		d.Instead.Old = rows.old[0]
	}
	if rows.new != nil {
		d.Instead.New = rows.new[0]
	}
	if len(list) > 0 {
		out := &DML{Kind: rows.kind, Target: rel}
		if err := s.returningList(out, list); err != nil {
			return nil, err
		}
		for _, t := range out.Returning {
			t.Expr = replaceVars(t.Expr, 0, func(v *expr.Var) expr.Node {
				if v.Rel == rel {
					return &expr.Var{Rel: 0, Col: v.Col, Type: v.Type, Name: v.Name, Loc: v.Loc}
				}
				own := *v
				own.Level = 0
				d.Source.Targets = append(d.Source.Targets, Target{Expr: &own, Name: v.Name})
				return &expr.Var{Rel: 1, Col: len(d.Source.Targets) - 1, Type: v.Type, Name: v.Name, Loc: v.Loc}
			})
			d.Returning = append(d.Returning, t)
		}
	}
	d.Instead.used = read()
	return d, nil
}

// relAt returns an entry of the range table; nil: there is none.
func (q *Query) relAt(rel int) *RTE {
	if rel >= len(q.Rels) {
		return nil
	}
	return q.Rels[rel]
}

// insteadPermissions adds what a statement that triggers take over needs: of the view, as whoever gives it.
func (c *collector) insteadPermissions(d *DML) {
	required := map[DMLKind]catalog.Privilege{Insert: catalog.PrivInsert, Update: catalog.PrivUpdate, Delete: catalog.PrivDelete}[d.Kind]
	if len(d.Instead.used) > 0 {
		required |= catalog.PrivSelect
	}
	p := &permission{relation: d.Instead.View.OID, required: required, selected: d.Instead.used}
	switch d.Kind {
	case Insert:
		p.inserted = d.Columns
	case Update:
		p.updated = d.Columns
	}
	c.out.list = append(c.out.list, p)
	c.ctes(d.CTEs, 0)
	c.query(d.Source, 0)
	if w := c.of[d.Instead.written]; w != nil { // what is read of it is counted above
		c.out.list = slices.DeleteFunc(c.out.list, func(k *permission) bool { return k == w })
	}
	for _, t := range d.Returning {
		subqueries(t.Expr, func(q *Query) { c.query(q, 0) })
	}
}

// errConflictInstead refuses ON CONFLICT for the rows of triggers.
func errConflictInstead() error {
	return pgerr.NotSupported("INSERT with ON CONFLICT into a view with INSTEAD OF triggers")
}

// insteadInsert is insteadOf for INSERT.
func (a *analyzer) insteadInsert(s *scope, stmt *parse.InsertStmt, d *DML, rows *ruleRows) (*DML, error) {
	if stmt.OnConflict != nil {
		return nil, errConflictInstead()
	}
	rs := a.newScope(s.parent)
	rs.ctes = s.ctes
	at := rs.addRel(&RTE{Kind: RTESubquery, Alias: d.Alias, Columns: tableColumns(rows.table), Query: rows.query})
	it, err := rs.relationItem(at, d.Alias, rows.rel, rows.table)
	if err != nil {
		return nil, err
	}
	rs.ns = []*nsItem{it}
	out, err := rs.insteadOf(rows, d.Columns, at, it.noteReads(), stmt.Returning)
	if err == nil {
		out.CTEs, out.Instead.written = s.q.CTEs, nil
	}
	return out, err
}
