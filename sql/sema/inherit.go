package sema

import (
	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Inheritance. A table that others inherit from stands, unless ONLY is written, for the rows of its whole tree. Its
// range-table entry then lists the tables in Tree, itself included, and has two columns more than the table: tableoid, which
// differs from row to row, and its row key, which only cursors
// read. All else of the analysis sees the table alone; privileges are asked of it alone too.

// expand makes the entry of a table stand for the table's tree, if it has one.
func (s *scope) expand(it *nsItem) {
	r := s.q.Rels[it.rel]
	if s.env.Catalog == nil || len(r.Table.Children) == 0 && r.Table.Partitioning == nil {
		return
	}
	r.Tree, r.Inner = s.treeOf(r.Table)
	r.Columns = append(r.Columns, Column{Name: "tableoid", Type: types.T(types.OidOid)}, Column{Type: types.T(types.ByteaOid)})
	it.tree = true
}

// treeOf returns the tables of a tree that have rows, and those that are partitioned.
func (a *analyzer) treeOf(t *catalog.Table) (rows, inner []*catalog.Table) {
	rows = []*catalog.Table{}
	if t.Partitioning != nil {
		leaves, partitioned := a.env.Catalog.PartitionLeaves(t)
		rows, inner = append(rows, leaves...), partitioned
	} else {
		rows = append(rows, a.env.Catalog.Inheritors(t)...)
	}
	for _, k := range append(inner[:len(inner):len(inner)], rows...) {
		a.addTable(k)
	}
	return rows, inner
}

// leaves finds the tables that a DML statement writes, with their checks, and the partitioned tables that say which.
func (a *analyzer) leaves(d *DML) error {
	var tree []*catalog.Table
	t := d.Table
	switch {
	case d.Kind != Insert:
		tree, d.Route = d.Source.Rels[d.Target].Tree, d.Source.Rels[d.Target].Inner
	case t.Partitioning != nil && a.env.Catalog != nil:
		tree, d.Route = a.treeOf(t)
	}
	if tree != nil {
		d.Leaves = make([]Leaf, 0, len(tree))
	}
	for _, k := range tree {
		l := Leaf{Table: k}
		if d.Kind != Delete {
			var err error
			if l.Generated, err = a.tableGenerated(k); err != nil {
				return err
			}
			if l.Checks, err = a.tableChecks(k); err != nil {
				return err
			}
		}
		d.Leaves = append(d.Leaves, l)
	}
	for t.Bound != nil && a.env.Catalog != nil {
		t = a.env.Catalog.Table(t.Parents[0])
		a.addTable(t)
		d.Route = append(d.Route, t)
	}
	return nil
}

// tableOID is the tableoid of an item's rows: one for all, or the last column of the entry of a tree.
func (it *nsItem) tableOID(level, loc int) expr.Node {
	if it.tree {
		return &expr.Var{Rel: it.rel, Col: len(it.table.Columns), Level: level, Type: types.T(types.OidOid), Name: "tableoid", Loc: loc}
	}
	oid := types.Oid(0)
	if it.table != nil {
		oid = it.table.OID
	} else {
		oid = it.virtual.OID
	}
	return &expr.Const{Type: types.T(types.OidOid), Value: types.NewInt(int64(oid)), Loc: loc}
}

// writtenItem is targetItem for the target of UPDATE, DELETE and MERGE: rows of all tables of the tree are meant.
func (s *scope) writtenItem(t *dmlTarget, r *parse.RangeVar) (*nsItem, error) {
	it, err := s.targetItem(t, r)
	if err == nil && (t.tree || t.views == nil && r.Inh) {
		s.expand(it)
	}
	return it, err
}
