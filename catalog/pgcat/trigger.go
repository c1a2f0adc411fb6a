package pgcat

import (
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

const classTrigger catalog.Oid = 2620

// triggerSources are the catalog of triggers and the views of information_schema over it.
func triggerSources() map[string]*source {
	return map[string]*source{
		"pg_catalog.pg_trigger": {columns: "oid tgrelid tgparentid tgname tgfoid tgtype tgenabled tgisinternal tgconstrrelid " +
			"tgconstrindid tgconstraint tgdeferrable tginitdeferred tgnargs tgattr tgargs tgqual tgoldtable tgnewtable",
			rows: triggerRows},
		"information_schema.triggers": {columns: "trigger_catalog trigger_schema trigger_name event_manipulation " +
			"event_object_catalog event_object_schema event_object_table action_order action_condition action_statement " +
			"action_orientation action_timing action_reference_old_table action_reference_new_table", rows: infoTriggers},
		"information_schema.triggered_update_columns": {columns: "trigger_catalog trigger_schema trigger_name event_object_catalog " +
			"event_object_schema event_object_table event_object_column", rows: infoTriggerColumns},
	}
}

func triggerRows(b *builder) {
	b.snap.EachTrigger(func(rel catalog.Relation, g *catalog.Trigger) bool {
		var args strings.Builder
		for _, a := range g.Args {
			args.WriteString(a + "\x00")
		}
		columns := make([]types.Datum, len(g.Columns))
		for i, n := range g.Columns {
			columns[i] = num(n)
		}
		name := func(s string) types.Datum {
			if s == "" {
				return null
			}
			return str(s)
		}
		b.add(num(g.OID), num(rel.OID()), num(g.Parent), str(g.Name), num(g.Function), num(g.Type), char(byte(g.State)), no, num(g.From),
			num(0), num(g.Constraint), flag(g.Deferrable), flag(g.Deferred), num(len(g.Args)), types.NewArray1(types.Int2Oid, columns),
			types.NewBytes([]byte(args.String())), name(g.When), name(g.OldTable), name(g.NewTable))
		return true
	})
}

// triggerDepends are the rows of what triggers belong to and of what they name.
func (b *builder) triggerDepends(rel catalog.Relation, g *catalog.Trigger) {
	b.depend(classTrigger, g.OID, 0, classClass, rel.OID(), 0, catalog.Auto)
	if g.Constraint != 0 {
		b.depend(classConstraint, g.Constraint, 0, classTrigger, g.OID, 0, catalog.Internal)
	}
	if g.Function >= catalog.FirstNormalOid {
		b.depend(classTrigger, g.OID, 0, classProc, g.Function, 0, catalog.Normal)
	}
	if g.From != 0 {
		b.depend(classTrigger, g.OID, 0, classClass, g.From, 0, catalog.Auto)
	}
	if g.Parent != 0 {
		b.depend(classTrigger, g.OID, 0, classTrigger, g.Parent, 0, catalog.Partition)
	}
	for _, n := range g.Columns {
		b.depend(classTrigger, g.OID, 0, classClass, rel.OID(), n, catalog.Normal)
	}
	for _, d := range g.Deps {
		for _, n := range d.Columns {
			b.depend(classTrigger, g.OID, 0, classClass, d.Relation, n, catalog.Normal)
		}
		if len(d.Columns) == 0 && d.Relation != rel.OID() {
			b.depend(classTrigger, g.OID, 0, classOf(d.Relation), d.Relation, 0, catalog.Normal)
		}
	}
}

// constraintTriggers are the rows that constraint triggers have in pg_constraint.
func (b *builder) constraintTriggers() {
	b.snap.EachTrigger(func(rel catalog.Relation, g *catalog.Trigger) bool {
		if g.Constraint != 0 {
			b.add(num(g.Constraint), str(g.Name), num(rel.SchemaID()), char('t'), flag(g.Deferrable), flag(g.Deferred), yes, num(rel.OID()),
				num(0), num(0), char(' '), char(' '), char(' '), yes, null, null, null, null, null, null, null, num(0), num(0), yes, num(0), null)
		}
		return true
	})
}

// triggerWhen prints the condition of a trigger.
func (p *printer) triggerWhen(rel catalog.Relation, g *catalog.Trigger, pretty bool) string {
	q, err := sema.TriggerWhen(rel, g, &sema.Env{Catalog: p.snap, SearchPath: p.path, Virtual: p.system, IOEnv: p.io, Print: true})
	if err != nil {
		return g.When
	}
	d := deparser{printer: p, pretty: pretty}
	d.spaces = []*namespace{{query: &sema.Query{}}, d.name(q)}
	d.node(q.Where, false)
	if d.failed {
		return g.When
	}
	return d.b.String()
}

func (p *printer) triggerFunction(g *catalog.Trigger) string {
	name, ok := p.io.RegOut(types.RegprocOid, uint32(g.Function))
	if f := p.snap.Function(g.Function); f != nil {
		name = p.snap.FunctionName(p.path, f)
	} else if !ok {
		name = "-"
	}
	args := make([]string, len(g.Args))
	for i, a := range g.Args {
		args[i] = quoteLiteral(a)
	}
	return name + "(" + strings.Join(args, ", ") + ")"
}

// triggerEvents prints what a trigger fires for.
func triggerEvents(rel catalog.Relation, g *catalog.Trigger) string {
	var events []string
	if g.Type&catalog.TriggerInsert != 0 {
		events = append(events, "INSERT")
	}
	if g.Type&catalog.TriggerDelete != 0 {
		events = append(events, "DELETE")
	}
	if g.Type&catalog.TriggerUpdate != 0 {
		event := "UPDATE"
		if g.Columns != nil {
			event += " OF " + quotedList(rel.Table.ColumnNames(g.Columns))
		}
		events = append(events, event)
	}
	if g.Type&catalog.TriggerTruncate != 0 {
		events = append(events, "TRUNCATE")
	}
	return strings.Join(events, " OR ")
}

func triggerTiming(g *catalog.Trigger) string {
	switch {
	case g.Type&catalog.TriggerBefore != 0:
		return "BEFORE"
	case g.Type&catalog.TriggerInstead != 0:
		return "INSTEAD OF"
	}
	return "AFTER"
}

// triggerLevel is ROW or STATEMENT.
func triggerLevel(g *catalog.Trigger) string {
	if g.Type&catalog.TriggerRow != 0 {
		return "ROW"
	}
	return "STATEMENT"
}

// trigger prints CREATE TRIGGER (pg_get_triggerdef_worker).
func (p *printer) trigger(rel catalog.Relation, g *catalog.Trigger, pretty bool) string {
	var b strings.Builder
	name := func(rel catalog.Relation) string {
		if pretty {
			return p.snap.RelationName(p.path, rel)
		}
		return catalog.QualifiedName(p.snap.SchemaName(rel.SchemaID()), rel.Name())
	}
	b.WriteString("CREATE ")
	if g.Constraint != 0 {
		b.WriteString("CONSTRAINT ")
	}
	b.WriteString("TRIGGER " + catalog.QuoteIdent(g.Name) + " " + triggerTiming(g) + " " + triggerEvents(rel, g) + " ON " + name(rel) + " ")
	if g.Constraint != 0 {
		if from, ok := p.snap.RelationByOID(g.From); ok {
			b.WriteString("FROM " + p.snap.RelationName(p.path, from) + " ")
		}
		if !g.Deferrable {
			b.WriteString("NOT ")
		}
		b.WriteString("DEFERRABLE INITIALLY ")
		if g.Deferred {
			b.WriteString("DEFERRED ")
		} else {
			b.WriteString("IMMEDIATE ")
		}
	}
	if g.OldTable != "" || g.NewTable != "" {
		b.WriteString("REFERENCING ")
		if g.OldTable != "" {
			b.WriteString("OLD TABLE AS " + catalog.QuoteIdent(g.OldTable) + " ")
		}
		if g.NewTable != "" {
			b.WriteString("NEW TABLE AS " + catalog.QuoteIdent(g.NewTable) + " ")
		}
	}
	b.WriteString("FOR EACH " + triggerLevel(g) + " ")
	if g.When != "" {
		b.WriteString("WHEN (" + p.triggerWhen(rel, g, pretty) + ") ")
	}
	b.WriteString("EXECUTE FUNCTION " + p.triggerFunction(g))
	return b.String()
}

func triggerDef(c *call) (types.Datum, error) {
	rel, g := c.scope.snap.Trigger(c.oid(0))
	if g == nil {
		return null, nil
	}
	return str(c.defs.trigger(rel, g, c.flag(1))), nil
}

// seesTriggers calls f for the triggers of relations that the role may do more with than read.
func (b *builder) seesTriggers(f func(rel catalog.Relation, g *catalog.Trigger)) {
	b.snap.EachTrigger(func(rel catalog.Relation, g *catalog.Trigger) bool {
		if !b.othersTemp(rel.SchemaID()) && b.sees(rel, exceptSelect) {
			f(rel, g)
		}
		return true
	})
}

// infoTriggers has a row for each event of a trigger.
func infoTriggers(b *builder) {
	order := func(rel catalog.Relation, g *catalog.Trigger, event catalog.TriggerType) int {
		n := 1
		list := rel.RelationTriggers()
		for i := range list {
			k := &list[i]
			if k.Name < g.Name && k.Fires(g.Type&catalog.TriggerTiming, event, g.Type&catalog.TriggerRow) {
				n++
			}
		}
		return n
	}
	name := func(s string) types.Datum {
		if s == "" {
			return null
		}
		return str(s)
	}
	b.seesTriggers(func(rel catalog.Relation, g *catalog.Trigger) {
		for _, e := range []struct {
			bit  catalog.TriggerType
			name string
		}{{catalog.TriggerInsert, "INSERT"}, {catalog.TriggerDelete, "DELETE"}, {catalog.TriggerUpdate, "UPDATE"}} {
			if g.Type&e.bit == 0 {
				continue
			}
			when := null
			if g.When != "" && b.owns(rel.Owner()) {
				when = str(b.defs.triggerWhen(rel, g, false))
			}
			db, schema := str(b.env.Database), str(b.snap.SchemaName(rel.SchemaID()))
			b.add(db, schema, str(g.Name), str(e.name), db, schema, str(rel.Name()), num(order(rel, g, e.bit)), when,
				str("EXECUTE FUNCTION "+b.defs.triggerFunction(g)), str(triggerLevel(g)), str(triggerTiming(g)), name(g.OldTable), name(g.NewTable))
		}
	})
}

func infoTriggerColumns(b *builder) {
	b.seesTriggers(func(rel catalog.Relation, g *catalog.Trigger) {
		db, schema := str(b.env.Database), str(b.snap.SchemaName(rel.SchemaID()))
		columns := slices.Clone(g.Columns)
		slices.Sort(columns)
		for _, c := range columns {
			b.add(db, schema, str(g.Name), db, schema, str(rel.Name()), str(rel.Table.Columns[c-1].Name))
		}
	})
}
