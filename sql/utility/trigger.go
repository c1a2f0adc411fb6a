package utility

import (
	"context"
	"slices"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

var triggerStates = map[parse.AlterTableType]catalog.TriggerState{
	parse.ATEnableTrig: catalog.TriggerFiresOrigin, parse.ATEnableTrigAll: catalog.TriggerFiresOrigin,
	parse.ATEnableTrigUser: catalog.TriggerFiresOrigin, parse.ATEnableAlwaysTrig: catalog.TriggerFiresAlways,
	parse.ATEnableReplicaTrig: catalog.TriggerFiresReplica, parse.ATDisableTrig: catalog.TriggerDisabled,
	parse.ATDisableTrigAll: catalog.TriggerDisabled, parse.ATDisableTrigUser: catalog.TriggerDisabled,
}

// createTrigger is CREATE TRIGGER, judged in the order of PostgreSQL's CreateTrigger.
func (e *Env) createTrigger(ctx context.Context, s *parse.CreateTrigStmt) error {
	rel, err := e.DDL.TriggerRelation(ctx, objectNameOf(s.Relation))
	if err != nil {
		return err
	}
	spec := &ddl.TriggerSpec{Name: s.Name, Replace: s.Replace, Constraint: s.IsConstraint, Columns: s.Columns, Args: s.Args,
		Type: catalog.TriggerType(s.Timing | s.Events), Deferrable: s.Deferrable, Deferred: s.InitDeferred}
	if s.Row {
		spec.Type |= catalog.TriggerRow
	}
	if err := triggerFits(rel, spec.Type, len(s.Transitions) > 0); err != nil {
		return err
	}
	if s.ConstrRel != nil {
		from, err := e.DDL.Find(objectNameOf(s.ConstrRel))
		if err != nil {
			return err
		}
		spec.From = from.OID()
		if err := e.DDL.MayTrigger(rel); err != nil {
			return err
		}
		if err := e.DDL.MayTrigger(from); err != nil {
			return err
		}
	} else if err := e.DDL.MayTrigger(rel); err != nil {
		return err
	}
	if err := triggerForm(spec.Type, s); err != nil {
		return err
	}
	if err := e.transitionTables(rel, spec, s.Transitions); err != nil {
		return err
	}
	if s.WhenClause != nil {
		if err := e.triggerWhen(rel, spec, s); err != nil {
			return err
		}
	}
	if spec.Function, err = e.triggerFunction(ctx, s.FuncName); err != nil {
		return err
	}
	return e.DDL.CreateTrigger(ctx, rel, spec)
}

// triggerFits refuses triggers that a relation of a kind cannot have.
func triggerFits(rel catalog.Relation, g catalog.TriggerType, transitions bool) error {
	wrong := func(kind, detail string) error {
		return pgerr.New(pgerr.WrongObjectType, "%q is a %s", rel.Name(), kind).WithDetail("%s", detail)
	}
	row := g&catalog.TriggerRow != 0
	switch {
	case rel.Table != nil && g&catalog.TriggerInstead != 0:
		return wrong("table", "Tables cannot have INSTEAD OF triggers.")
	case rel.Table != nil && rel.Table.Partitioning != nil && row && transitions:
		return pgerr.New(pgerr.FeatureNotSupported, "%q is a partitioned table", rel.Name()).
			WithDetail("ROW triggers with transition tables are not supported on partitioned tables.")
	case rel.View != nil && row && g&catalog.TriggerInstead == 0:
		return wrong("view", "Views cannot have row-level BEFORE or AFTER triggers.")
	case rel.View != nil && g&catalog.TriggerTruncate != 0:
		return wrong("view", "Views cannot have TRUNCATE triggers.")
	}
	return nil
}

// triggerForm refuses combinations that no relation has.
func triggerForm(g catalog.TriggerType, s *parse.CreateTrigStmt) error {
	instead, row := g&catalog.TriggerInstead != 0, g&catalog.TriggerRow != 0
	problem := ""
	switch {
	case row && g&catalog.TriggerTruncate != 0:
		problem = "TRUNCATE FOR EACH ROW triggers are not supported"
	case instead && !row:
		problem = "INSTEAD OF triggers must be FOR EACH ROW"
	case instead && s.WhenClause != nil:
		problem = "INSTEAD OF triggers cannot have WHEN conditions"
	case instead && len(s.Columns) > 0:
		problem = "INSTEAD OF triggers cannot have column lists"
	default:
		return nil
	}
	return pgerr.New(pgerr.FeatureNotSupported, "%s", problem)
}

// transitionTables reads REFERENCING.
func (e *Env) transitionTables(rel catalog.Relation, spec *ddl.TriggerSpec, list []parse.TriggerTransition) error {
	for _, t := range list {
		if err := transitionFits(rel, spec, t); err != nil {
			return err
		}
		name, word, events := &spec.OldTable, "OLD", catalog.TriggerDelete|catalog.TriggerUpdate
		allowed := "a DELETE or UPDATE trigger"
		if t.New {
			name, word, events = &spec.NewTable, "NEW", catalog.TriggerInsert|catalog.TriggerUpdate
			allowed = "an INSERT or UPDATE trigger"
		}
		switch {
		case spec.Type&events == 0:
			return pgerr.New(pgerr.InvalidObjectDefinition, "%s TABLE can only be specified for %s", word, allowed)
		case *name != "":
			return pgerr.New(pgerr.InvalidObjectDefinition, "%s TABLE cannot be specified multiple times", word)
		}
		*name = t.Name
	}
	if spec.OldTable != "" && spec.OldTable == spec.NewTable {
		return pgerr.New(pgerr.InvalidObjectDefinition, "OLD TABLE name and NEW TABLE name cannot be the same")
	}
	return nil
}

// transitionFits refuses a transition table that a trigger cannot have.
func transitionFits(rel catalog.Relation, spec *ddl.TriggerSpec, t parse.TriggerTransition) error {
	unsupported := func(format string) *pgerr.Error { return pgerr.New(pgerr.FeatureNotSupported, "%s", format) }
	events := 0
	for _, e := range []catalog.TriggerType{catalog.TriggerInsert, catalog.TriggerUpdate, catalog.TriggerDelete} {
		if spec.Type&e != 0 {
			events++
		}
	}
	switch row := spec.Type&catalog.TriggerRow != 0; {
	case !t.Table:
		return unsupported("ROW variable naming in the REFERENCING clause is not supported").
			WithHint("Use OLD TABLE or NEW TABLE for naming transition tables.")
	case rel.View != nil:
		return pgerr.New(pgerr.WrongObjectType, "%q is a view", rel.Name()).WithDetail("Triggers on views cannot have transition tables.")
	case row && rel.Table.Bound != nil:
		return unsupported("ROW triggers with transition tables are not supported on partitions")
	case row && len(rel.Table.Parents) > 0:
		return unsupported("ROW triggers with transition tables are not supported on inheritance children")
	case spec.Type&catalog.TriggerTiming != 0:
		return pgerr.New(pgerr.InvalidObjectDefinition, "transition table name can only be specified for an AFTER trigger")
	case spec.Type&catalog.TriggerTruncate != 0:
		return unsupported("TRUNCATE triggers with transition tables are not supported")
	case events != 1:
		return unsupported("transition tables cannot be specified for triggers with more than one event")
	case len(spec.Columns) > 0:
		return unsupported("transition tables cannot be specified for triggers with column lists")
	}
	return nil
}

// triggerWhen judges the condition as it was written, and binds its names.
func (e *Env) triggerWhen(rel catalog.Relation, spec *ddl.TriggerSpec, s *parse.CreateTrigStmt) error {
	if _, err := sema.AnalyzeTriggerWhen(s.WhenClause, rel, spec.Type, e.sema()); err != nil {
		return err
	}
	stmt, err := parse.ParseOne("SELECT " + s.WhenText)
	if err != nil {
		return err
	}
	when := s.WhenClause
	if sel, ok := stmt.(*parse.SelectStmt); ok && len(sel.TargetList) == 1 { // its places are those of the text
		when = sel.TargetList[0].Val
	}
	text, deps, err := e.boundText(stmt, "SELECT "+s.WhenText, func(env *sema.Env) (*boundUse, error) {
		q, err := sema.AnalyzeTriggerWhen(when, rel, spec.Type, env)
		if err != nil {
			return nil, err
		}
		return &boundUse{refs: sema.References(q), walk: func(f func(expr.Node)) { sema.WalkWritten(q, f) }}, nil
	})
	if err != nil {
		return err
	}
	print := e.sema()
	print.Text, print.Print = s.WhenText, true
	q, err := sema.AnalyzeTriggerWhen(when, rel, spec.Type, print)
	if err != nil {
		return err
	}
	spec.When, spec.Deps = text[len("SELECT "):], e.withOwn(deps, rel, sema.TriggerColumns(q))
	return nil
}

// withOwn adds to what a text names the relation that it is for, whose columns it knows without naming it.
func (e *Env) withOwn(deps []catalog.ViewDep, rel catalog.Relation, columns []catalog.AttNum) []catalog.ViewDep {
	deps = slices.DeleteFunc(deps, func(d catalog.ViewDep) bool { return d.Relation == rel.OID() })
	return append(deps, catalog.ViewDep{Relation: rel.OID(), Schema: e.DDL.Overlay().SchemaName(rel.SchemaID()), Name: rel.Name(),
		Names: columnNames(rel), Columns: columns})
}

// triggerFunction finds the function that a trigger is to call.
func (e *Env) triggerFunction(ctx context.Context, n parse.Name) (catalog.Oid, error) {
	var found catalog.Oid
	result := types.Oid(0)
	if fn := e.userTriggerFunction(n); fn != nil {
		over := e.DDL.Overlay()
		if have, _ := over.FunctionPrivileges(fn, e.role()); have&catalog.PrivExecute == 0 {
			return 0, catalog.DeniedError(fn.Kind.Noun(), fn.Name)
		}
		if fn.Result.Oid != types.TriggerOid {
			return 0, pgerr.New(pgerr.InvalidObjectDefinition, "function %s must return type trigger", n.String())
		}
		return fn.OID, e.DDL.ShareFunction(ctx, fn)
	}
	if schema := n.Schema(); schema == "" || schema == catalog.PgCatalogName {
		expr.Procs(func(p expr.ProcInfo) bool {
			if p.Name == n.Last() && len(p.Args) == 0 {
				found, result = p.Oid, p.Result
			}
			return found == 0
		})
	}
	switch {
	case found == 0:
		return 0, pgerr.New(pgerr.UndefinedFunction, "function %s() does not exist", n.String())
	case result != types.TriggerOid:
		return 0, pgerr.New(pgerr.InvalidObjectDefinition, "function %s must return type trigger", n.String())
	}
	return found, nil
}

// userTriggerFunction finds a function without arguments that a user made; nil: there is none.
func (e *Env) userTriggerFunction(n parse.Name) *catalog.Function {
	over := e.DDL.Overlay()
	path := e.SearchPath
	if schema := n.Schema(); schema != "" {
		path = []string{catalog.BindSchema(e.SearchPath, schema)}
	}
	for _, name := range path {
		if sc := over.SchemaByName(name); sc != nil {
			if f := over.FunctionWith(sc.OID, n.Last(), nil); f != nil {
				return f
			}
		}
	}
	return nil
}
