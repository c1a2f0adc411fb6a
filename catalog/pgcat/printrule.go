package pgcat

import (
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/sema"
)

// rule prints CREATE RULE (make_ruledef).
func (p *printer) rule(rel catalog.Relation, r *catalog.Rule, pretty bool) string {
	name := catalog.QualifiedName(p.snap.SchemaName(rel.SchemaID()), rel.Name())
	if pretty {
		name = p.snap.RelationName(p.path, rel)
	}
	text := "CREATE RULE " + catalog.QuoteIdent(r.Name) + " AS\n    ON " + r.Event.String() + " TO " + name
	if r.Where != "" {
		text += "\n   WHERE " + p.ruleWhere(rel, r, pretty)
	}
	text += " DO "
	if !r.Also {
		text += "INSTEAD "
	}
	return text + p.action(rel, r, pretty) + ";"
}

// ruleWhere prints the condition of a rule.
func (p *printer) ruleWhere(rel catalog.Relation, r *catalog.Rule, pretty bool) string {
	stored := strings.TrimPrefix(r.Where, "SELECT ")
	q, err := sema.RuleWhere(rel, r, &sema.Env{Catalog: p.snap, SearchPath: p.path, Virtual: p.system, IOEnv: p.io, Print: true})
	if err != nil {
		return stored
	}
	d := deparser{printer: p, pretty: pretty, indent: indentStd}
	d.spaces = []*namespace{{query: &sema.Query{}}, d.name(q)}
	d.node(q.Where, false)
	if d.failed {
		return stored
	}
	return d.b.String()
}

func (p *printer) action(rel catalog.Relation, r *catalog.Rule, pretty bool) string {
	if r.Action == "" {
		return "NOTHING"
	}
	stored := " " + strings.TrimSuffix(strings.TrimSpace(r.Action), ";")
	a, err := sema.AnalyzeRule(rel, r, &sema.Env{Catalog: p.snap, SearchPath: p.path, Virtual: p.system, IOEnv: p.io, Print: true})
	if err != nil {
		return stored
	}
	d := deparser{printer: p, pretty: pretty, spaces: []*namespace{{query: &sema.Query{}}}}
	d.dml(a)
	if d.failed {
		return stored
	}
	return d.b.String()
}

// dml prints the action of a rule.
func (d *deparser) dml(a *sema.DML) {
	around := &sema.Query{CTEs: a.CTEs}
	d.with(around)
	d.indent += indentStd
	d.b.WriteByte(' ')
	switch {
	case a.Conflict != nil:
		d.failed = true
	case a.Kind == sema.Insert:
		d.insert(a)
	default:
		d.change(a)
	}
}

// target prints the name of what is written, and its alias.
func (d *deparser) target(a *sema.DML, as string) {
	rel, ok := d.snap.RelationByOID(a.Table.OID)
	if !ok {
		d.failed = true
		return
	}
	d.b.WriteString(d.snap.RelationName(d.path, rel))
	if a.Alias != a.Table.Name && a.Alias != "" {
		d.b.WriteString(as + catalog.QuoteIdent(a.Alias))
	}
}

// insert prints INSERT (get_insert_query_def).
func (d *deparser) insert(a *sema.DML) {
	d.b.WriteString("INSERT INTO ")
	d.target(a, " AS ")
	d.b.WriteByte(' ')
	cols := make([]string, len(a.Columns))
	for i, n := range a.Columns {
		cols[i] = a.Table.Columns[n-1].Name
	}
	if len(cols) > 0 {
		d.b.WriteString("(" + quotedList(cols) + ") ")
	}
	switch a.Overriding {
	case 's':
		d.b.WriteString("OVERRIDING SYSTEM VALUE ")
	case 'u':
		d.b.WriteString("OVERRIDING USER VALUE ")
	}
	switch {
	case len(cols) == 0:
		d.b.WriteString("DEFAULT VALUES")
	case a.OneRow:
		d.keyword("VALUES (", -indentStd, indentStd, 2)
		d.spaces = append(d.spaces, d.name(a.Source))
		for i, t := range a.Source.Targets {
			d.comma(i)
			d.top(t.Expr, false)
		}
		d.spaces = d.spaces[:len(d.spaces)-1]
		d.b.WriteByte(')')
	default:
		indent := d.indent
		d.query(a.Source, nil, false)
		d.indent = indent
	}
	row := &sema.RTE{Kind: sema.RTETable, Alias: a.Alias, Table: a.Table, Columns: sema.TableColumns(a.Table)}
	if a.Alias != a.Table.Name {
		row.Written = &parse.Alias{Name: a.Alias}
	}
	d.returning(a, &sema.Query{Rels: []*sema.RTE{row}})
}

// change prints UPDATE and DELETE (get_update_query_def, get_delete_query_def).
func (d *deparser) change(a *sema.DML) {
	d.spaces = append(d.spaces, d.name(a.Source))
	word := " FROM "
	if a.Kind == sema.Delete {
		word = " USING "
		d.b.WriteString("DELETE FROM ")
		d.target(a, " ")
	} else {
		d.b.WriteString("UPDATE ")
		d.target(a, " ")
		d.b.WriteString(" SET ")
		for i, n := range a.Columns {
			d.comma(i)
			d.b.WriteString(catalog.QuoteIdent(a.Table.Columns[n-1].Name) + " = ")
			d.top(a.Source.Targets[i].Expr, false)
		}
	}
	d.fromClause(a.Source, word, 1) // the target comes first
	if a.Source.Where != nil {
		d.keyword(" WHERE ", -indentStd, indentStd, 1)
		d.node(a.Source.Where, false)
	}
	d.spaces = d.spaces[:len(d.spaces)-1]
	d.returning(a, a.Source)
}

func (d *deparser) returning(a *sema.DML, over *sema.Query) {
	if len(a.Returning) == 0 {
		return
	}
	d.keyword(" RETURNING", -indentStd, indentStd, 1)
	q := *over
	d.spaces = append(d.spaces, d.name(over))
	q.Targets = a.Returning
	d.targets(&q, nil, true)
	d.spaces = d.spaces[:len(d.spaces)-1]
}
