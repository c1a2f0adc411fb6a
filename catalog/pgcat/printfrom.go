package pgcat

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
)

// fromItem prints an item of FROM (get_from_clause_item).
func (d *deparser) fromItem(q *sema.Query, n sema.JoinNode) {
	if j, ok := n.(*sema.Join); ok {
		d.join(q, j)
		return
	}
	d.rel(q, n.(sema.RelRef).Rel)
}

func (d *deparser) join(q *sema.Query, j *sema.Join) {
	e, names := d.spaces[len(d.spaces)-1].shape(j)
	if e == nil {
		d.failed = true
		return
	}
	left, right := sides(j)
	cross := j.Kind == sema.CrossJoin
	word := " JOIN "
	switch {
	case j.Swapped:
		word = " RIGHT JOIN "
	case j.Kind == sema.LeftJoin:
		word = " LEFT JOIN "
	case j.Kind == sema.FullJoin:
		word = " FULL JOIN "
	case cross:
		word = " CROSS JOIN "
	}
	outer := !d.pretty || e.Written != nil
	inner := d.pretty && !aliased(q, right)
	d.parens(outer, func() {
		d.fromItem(q, left)
		d.keyword(word, -indentStd, indentStd, indentJoin)
		d.parens(inner, func() { d.fromItem(q, right) })
		switch {
		case len(names.using) > 0:
			d.b.WriteString(" USING (" + quotedList(names.using) + ")")
			if e.Shape.UsingAlias != "" {
				d.b.WriteString(" AS " + catalog.QuoteIdent(e.Shape.UsingAlias))
			}
		case j.On != nil && e.Shape.Natural:
			d.b.WriteString(" ON TRUE")
		case j.On != nil:
			d.b.WriteString(" ON ")
			d.parens(!d.pretty, func() { d.node(j.On, false) })
		}
	})
	if e.Written != nil {
		d.b.WriteString(" " + catalog.QuoteIdent(names.name))
		d.columnList(names)
	}
}

// aliased reports whether a side of a join needs no parentheses: an entry of its own, or a join with an alias.
func aliased(q *sema.Query, n sema.JoinNode) bool {
	j, ok := n.(*sema.Join)
	return !ok || !j.Comma && q.Rels[j.Entry].Written != nil
}

// parens puts what f prints in parentheses where they are needed.
func (d *deparser) parens(needed bool, f func()) {
	if needed {
		d.b.WriteByte('(')
	}
	f()
	if needed {
		d.b.WriteByte(')')
	}
}

func (d *deparser) columnList(n *relNames) {
	if n.show && len(n.list) > 0 {
		d.b.WriteString("(" + quotedList(n.list) + ")")
	}
}

// rel prints an entry of the range table.
func (d *deparser) rel(q *sema.Query, i int) {
	r, n := q.Rels[i], &d.spaces[len(d.spaces)-1].rels[i]
	if r.Lateral {
		d.b.WriteString("LATERAL ")
	}
	plain := n.name // the name that needs no alias
	switch {
	case r.Kind == sema.RTETable:
		plain = r.Table.Name
		if r.Only {
			d.b.WriteString("ONLY ")
		}
		d.relation(r.Table.Relation())
	case r.View != nil:
		plain = r.View.Name
		d.relation(catalog.Relation{Kind: catalog.KindView, View: r.View})
	case r.Kind == sema.RTECatalog:
		plain = r.Virtual.Name
		d.virtual(r.Virtual)
	case r.Kind == sema.RTESubquery, r.Kind == sema.RTEValues:
		d.parens(true, func() { d.query(r.Query, nil, true) })
	case r.Kind == sema.RTECTE, r.Kind == sema.RTEWorkTable:
		plain = r.CTE.Name
		d.b.WriteString(catalog.QuoteIdent(plain))
	case r.Kind == sema.RTEFunction:
		plain = ""
		d.functions(r)
	default:
		d.failed = true
		return
	}
	if r.Written != nil || n.show || n.name != plain {
		d.b.WriteString(" " + catalog.QuoteIdent(n.name))
	}
	if f := r.Funcs; len(f) == 1 && f[0].Columns != nil && !r.Ordinality {
		d.columnDefs(f[0].Columns, n.list)
	} else {
		d.columnList(n)
	}
	if r.Sample != nil {
		d.sample(r.Sample)
	}
}

// relation prints a relation's name, qualified where the search path or a CTE of that name hides it.
func (d *deparser) relation(r catalog.Relation) {
	for _, s := range d.spaces {
		if slices.ContainsFunc(s.query.CTEs, func(c *sema.CTE) bool { return c.Name == r.Name() }) {
			d.b.WriteString(catalog.QualifiedName(d.snap.SchemaName(r.SchemaID()), r.Name()))
			return
		}
	}
	d.b.WriteString(d.snap.RelationName(d.path, r))
}

// virtual prints the name of a system relation, or of a sequence.
func (d *deparser) virtual(v *sema.VirtualTable) {
	switch s := d.snap.Sequence(v.OID); {
	case s != nil:
		d.relation(catalog.Relation{Kind: catalog.KindSequence, Sequence: s})
	case v.Schema == pgCatalog || slices.Contains(d.path, v.Schema):
		d.b.WriteString(catalog.QuoteIdent(v.Name))
	default:
		d.b.WriteString(catalog.QualifiedName(v.Schema, v.Name))
	}
}

// functions prints the functions of an item: one alone, several arrays of UNNEST, or ROWS FROM.
func (d *deparser) functions(r *sema.RTE) {
	f := r.Funcs
	var arrays []expr.Node
	for i := range f {
		if c, ok := f[i].Call.(*expr.SetReturning); ok && c.Fn.Name == "unnest" && len(c.Args) == 1 && f[i].Columns == nil {
			arrays = append(arrays, c.Args[0])
		}
	}
	switch {
	case len(f) == 1 && (f[0].Columns == nil || !r.Ordinality):
		d.fromCall(f[0].Call)
	case len(arrays) == len(f):
		d.call("UNNEST", arrays, true)
	default:
		d.b.WriteString("ROWS FROM(")
		for i := range f {
			d.comma(i)
			d.fromCall(f[i].Call)
			if f[i].Columns != nil {
				d.b.WriteString(" AS ")
				d.columnDefs(f[i].Columns, nil)
			}
		}
		d.b.WriteByte(')')
	}
	if r.Ordinality {
		d.b.WriteString(" WITH ORDINALITY")
	}
}

// fromCall prints a function of FROM. What does not look like one to the grammar is cast to its own type, which changes
// nothing (get_rule_expr_funccall).
func (d *deparser) fromCall(n expr.Node) {
	if _, set := n.(*expr.SetReturning); set || looksLikeFunction(n) {
		d.node(n, true)
		return
	}
	d.b.WriteString("CAST(")
	d.node(n, false)
	d.b.WriteString(" AS " + d.typeName(n.ResultType()) + ")")
}

// columnDefs prints a column definition list (get_from_clause_coldeflist); names, where there are any, are the columns'.
func (d *deparser) columnDefs(cols []expr.RecordColumn, names []string) {
	d.b.WriteByte('(')
	for i, c := range cols {
		d.comma(i)
		name := c.Name
		if i < len(names) {
			name = names[i]
		}
		d.b.WriteString(catalog.QuoteIdent(name) + " " + d.typeName(c.Type))
	}
	d.b.WriteByte(')')
}

func (d *deparser) sample(s *sema.TableSample) {
	method := "bernoulli"
	if s.System {
		method = "system"
	}
	d.b.WriteString(" TABLESAMPLE " + method + " (")
	d.node(s.Percent, false)
	d.b.WriteByte(')')
	if s.Seed != nil {
		d.b.WriteString(" REPEATABLE (")
		d.node(s.Seed, false)
		d.b.WriteByte(')')
	}
}
