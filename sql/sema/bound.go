package sema

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// What a view's text names is bound at its creation (catalog.ViewDep): the text is read as it was then, with the names and
// the columns that relations and composite types had, and its tree refers to the objects themselves. So a view follows its
// objects to other names and schemas without being written again, and a star in it stands for the columns of its creation.

// AnalyzeView gives a view's query its meaning.
func AnalyzeView(v *catalog.View, env *Env) (*Query, error) {
	a, q, err := analyzeView(v, env, 0)
	if err != nil && a != nil {
		err = a.positioned(err)
	}
	return q, err
}

func analyzeView(v *catalog.View, env *Env, depth int) (*analyzer, *Query, error) {
	stmt, err := parse.ParseOne(v.Query)
	if err != nil {
		return nil, nil, err
	}
	sel, ok := stmt.(*parse.SelectStmt)
	if !ok {
		return nil, nil, pgerr.Internal("view %q is not a query", v.Name)
	}
	c := *env
	c.Text, c.NoParams, c.Role, c.Bound = "", true, 0, v.Deps
	c.Print = env.Print && depth == 0
	a := newAnalyzer(&c)
	a.viewDepth = depth
	q, err := a.topQuery(sel)
	return a, q, err
}

// bound finds the relation that a name in a view's text is bound to.
func (a *analyzer) bound(r *parse.RangeVar) (catalog.Relation, bool) {
	if a.env.Catalog == nil || r.Schema == "" {
		return catalog.Relation{}, false
	}
	for i := range a.env.Bound {
		if d := &a.env.Bound[i]; d.Name == r.Name && d.Schema == r.Schema {
			return a.env.Catalog.RelationByOID(d.Relation)
		}
	}
	return catalog.Relation{}, false
}

// boundNames are the column names that a view's text knows a relation or composite type by; nil where it is not bound.
func (a *analyzer) boundNames(oid catalog.Oid) []string {
	for i := range a.env.Bound {
		if d := &a.env.Bound[i]; d.Relation == oid {
			return d.Names
		}
	}
	return nil
}

// boundColumn finds a column of what a statement writes to: in a rule's action, by the name that its text knows.
func (a *analyzer) boundColumn(t *dmlTarget, name string) *catalog.Column {
	oid := t.table.OID
	if t.views != nil {
		oid = t.views[0].view.OID
	}
	names := a.boundNames(oid)
	if names == nil {
		return t.column(name)
	}
	i := slices.Index(names, name)
	switch {
	case i < 0:
		return nil
	case t.views != nil:
		return &t.cols[i].Column
	}
	return &t.table.Columns[i]
}

// boundItem is item for an entry whose columns have the given names and no others; nil: their own.
func (s *scope) boundItem(rel int, name string, aliases, names []string, skip func(i int) bool) (*nsItem, error) {
	if names == nil {
		return s.item(rel, name, aliases, -1, skip)
	}
	n, err := s.item(rel, name, nil, -1, func(i int) bool { return i >= len(names) || names[i] == "" || skip != nil && skip(i) })
	if err != nil {
		return nil, err
	}
	n.bound = true
	s.q.Rels[rel].Known = names
	for i := range n.cols {
		n.cols[i].name = names[n.cols[i].col]
		if i < len(aliases) {
			n.cols[i].name = aliases[i]
		}
	}
	return n, nil
}

// boundType gives a composite type the attributes that a view's text knows; later ones are as if dropped.
func (a *analyzer) boundType(u *types.UserType) *types.UserType {
	if u == nil {
		return nil
	}
	names := a.boundNames(u.Oid)
	if names == nil {
		return u
	}
	out := &types.UserType{Oid: u.Oid, Name: u.Name, Labels: u.Labels, Fields: slices.Clone(u.Fields)}
	for i := range out.Fields {
		f := &out.Fields[i]
		f.Dropped = f.Dropped || i >= len(names) || names[i] == ""
		if !f.Dropped {
			f.Name = names[i]
		}
	}
	return out
}

// Reference is an object that a query refers to: a relation with the columns used of it, or a composite type whose
// attributes are selected.
type Reference struct {
	OID     catalog.Oid
	Columns []catalog.AttNum
}

// References lists the tables, views and composite types that a query refers to itself, what its views refer to left out.
func References(q *Query) []Reference {
	var r references
	w := writtenWalk{rel: r.rel, node: r.node}
	w.query(q)
	for i := range r {
		slices.Sort(r[i].Columns)
	}
	return r
}

type references []Reference

func (r *references) add(oid catalog.Oid) *Reference {
	at := slices.IndexFunc(*r, func(k Reference) bool { return k.OID == oid })
	if at < 0 {
		at = len(*r)
		*r = append(*r, Reference{OID: oid})
	}
	return &(*r)[at]
}

func (r *references) column(oid catalog.Oid, n catalog.AttNum) {
	if k := r.add(oid); !slices.Contains(k.Columns, n) {
		k.Columns = append(k.Columns, n)
	}
}

func (r *references) rel(e *RTE) {
	switch {
	case e.Table != nil:
		r.add(e.Table.OID)
	case e.View != nil:
		r.add(e.View.OID)
	}
}

func (r *references) node(n expr.Node, levels []*Query) {
	switch k := n.(type) {
	case *expr.Var:
		at := len(levels) - 1 - k.Level
		if at < 0 || k.Rel >= len(levels[at].Rels) {
			return
		}
		switch e := levels[at].Rels[k.Rel]; {
		case e.Table != nil && (k.Col < 0 || k.Col >= len(e.Table.Columns)): // a system column
		case e.Table != nil:
			r.column(e.Table.OID, e.Table.Columns[k.Col].Num)
		case e.View != nil:
			r.column(e.View.OID, attNum(k.Col+1))
		}
	case *expr.Field:
		if t := k.Arg.ResultType().Declared(); t.Class() == types.CompositeClass && k.Name != "" {
			r.add(t)
		}
	}
}

// WalkWritten calls f for every node of what a query's text holds itself: not for the queries of its views.
func WalkWritten(q *Query, f func(n expr.Node)) {
	w := writtenWalk{rel: func(*RTE) {}, node: func(n expr.Node, _ []*Query) { f(n) }}
	w.query(q)
}

// writtenWalk visits the range-table entries and the nodes of a query and of those below it, but not of views.
type writtenWalk struct {
	rel    func(e *RTE)
	node   func(n expr.Node, levels []*Query)
	levels []*Query // the queries around, innermost last
}

func (w *writtenWalk) query(q *Query) {
	w.levels = append(w.levels, q)
	for _, e := range q.Rels {
		if w.rel(e); e.Query != nil && e.View == nil {
			w.query(e.Query)
		}
	}
	ownExprs(q, func(n *expr.Node) { w.expr(*n) })
	if q.SetOp != nil {
		w.query(q.SetOp.Left)
		w.query(q.SetOp.Right)
	}
	for _, c := range q.CTEs {
		if c.Query != nil {
			w.query(c.Query)
		}
	}
	w.levels = w.levels[:len(w.levels)-1]
}

func (w *writtenWalk) expr(n expr.Node) {
	expr.Walk(n, func(k expr.Node) bool {
		w.node(k, w.levels)
		if s, ok := k.(*expr.Subquery); ok {
			if q, ok := s.Query.(*Query); ok {
				w.query(q)
			}
		}
		return true
	})
}
