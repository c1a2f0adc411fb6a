package utility

import (
	"context"
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/catalog/ddl"
	"github.com/pgmqdb/pgmqdb/sql/expr"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

var ruleEvents = map[parse.RuleEvent]catalog.RuleEvent{
	parse.RuleOnUpdate: catalog.RuleOnUpdate, parse.RuleOnInsert: catalog.RuleOnInsert, parse.RuleOnDelete: catalog.RuleOnDelete,
}

func (e *Env) createRule(ctx context.Context, s *parse.RuleStmt) error {
	rel, err := e.DDL.RuleRelation(ctx, ddl.Name{Schema: s.Relation.Schema, Name: s.Relation.Name})
	if err != nil {
		return err
	}
	if err := supportedRule(s); err != nil {
		return err
	}
	spec := &ddl.RuleSpec{Name: s.Name, Event: ruleEvents[s.Event], Replace: s.Replace, Also: !s.Instead}
	if rel.View != nil && (s.Where != nil || !s.Instead) {
		return pgerr.NotSupported("CREATE RULE … WHERE and DO ALSO on a view")
	}
	if s.Where != nil {
		sel := &parse.SelectStmt{TargetList: []*parse.ResTarget{{Val: s.Where, Location: parse.Location(s.Where.Loc())}}}
		if _, err := sema.AnalyzeRuleWhere(sel, rel, spec.Event, e.sema()); err != nil {
			return err
		}
	}
	if len(s.Actions) == 1 {
		d, err := sema.AnalyzeRuleAction(s.Actions[0], rel, spec.Event, e.sema())
		if err != nil {
			return err
		}
		switch {
		case d.Returning == nil:
		case s.Where != nil:
			return pgerr.New(pgerr.FeatureNotSupported, "RETURNING lists are not supported in conditional rules")
		case !s.Instead:
			return pgerr.New(pgerr.FeatureNotSupported, "RETURNING lists are not supported in non-INSTEAD rules")
		}
		if err := returningFits(rel, d.Returning); err != nil {
			return err
		}
		if spec.Action, spec.Deps, err = e.ruleText(s.ActionText, rel, spec.Event); err != nil {
			return err
		}
	}
	if s.Where != nil {
		where, deps, err := e.ruleWhereText(s.WhereText, rel, spec.Event)
		if err != nil {
			return err
		}
		spec.Where, spec.Deps = where, mergeDeps(spec.Deps, deps)
	}
	return e.DDL.CreateRule(ctx, rel, spec)
}

// ruleWhereText is ruleText for a rule's condition, as the one column of a SELECT.
func (e *Env) ruleWhereText(text string, rel catalog.Relation, event catalog.RuleEvent) (string, []catalog.ViewDep, error) {
	text = "SELECT " + text
	stmt, err := parse.ParseOne(text)
	if err != nil {
		return "", nil, err
	}
	sel, ok := stmt.(*parse.SelectStmt)
	if !ok {
		return "", nil, pgerr.Internal("the condition of a rule is no column")
	}
	var refs []sema.Reference
	where, deps, err := e.boundText(stmt, text, func(env *sema.Env) (*boundUse, error) {
		q, err := sema.AnalyzeRuleWhere(sel, rel, event, env)
		if err != nil {
			return nil, err
		}
		refs = sema.References(q)
		return &boundUse{refs: refs, walk: func(f func(expr.Node)) { sema.WalkWritten(q, f) }}, nil
	})
	if err != nil {
		return "", nil, err
	}
	return where, e.withRelation(deps, refs, rel), nil
}

// withRelation adds the relation of a rule to what the rule names.
func (e *Env) withRelation(deps []catalog.ViewDep, refs []sema.Reference, rel catalog.Relation) []catalog.ViewDep {
	if slices.ContainsFunc(deps, func(d catalog.ViewDep) bool { return d.Relation == rel.OID() }) {
		return deps
	}
	over := e.DDL.Overlay()
	own := catalog.ViewDep{Relation: rel.OID(), Schema: over.SchemaName(rel.SchemaID()), Name: rel.Name(), Names: columnNames(rel)}
	for _, r := range refs {
		if r.OID == rel.OID() {
			own.Columns = r.Columns
		}
	}
	return append(deps, own)
}

// supportedRule refuses the rules that there are none of here.
func supportedRule(s *parse.RuleStmt) error {
	switch {
	case s.Event == parse.RuleOnSelect:
		return pgerr.NotSupported("CREATE RULE … ON SELECT")
	case len(s.Actions) > 1:
		return pgerr.NotSupported("CREATE RULE with several actions")
	case len(s.Actions) == 0:
		return nil
	}
	switch act := s.Actions[0].(type) {
	case *parse.InsertStmt:
		return supportedInsert(act)
	case *parse.UpdateStmt:
		return apartFromRows(act.With)
	case *parse.DeleteStmt:
		return apartFromRows(act.With)
	case *parse.SelectStmt:
		return pgerr.NotSupported("CREATE RULE … DO SELECT")
	}
	return pgerr.NotSupported("CREATE RULE … DO NOTIFY")
}

// namesRow returns the first of OLD and NEW that a part of an action names; "" for none.
func namesRow(part any) (name string) {
	walkTree(part, func(n any) {
		if c, ok := n.(*parse.ColumnRef); ok && name == "" && len(c.Fields) > 0 && (c.Fields[0] == "new" || c.Fields[0] == "old") {
			name = strings.ToUpper(c.Fields[0])
		}
	})
	return name
}

// apartFromRows refuses OLD and NEW in the action's own WITH, as PostgreSQL does.
func apartFromRows(w *parse.WithClause) error {
	if row := namesRow(w); row != "" {
		return pgerr.New(pgerr.FeatureNotSupported, "cannot refer to %s within WITH query", row)
	}
	return nil
}

// supportedInsert refuses what an action INSERT cannot do for each row of the statement that it stands for.
func supportedInsert(s *parse.InsertStmt) error {
	if row := namesRow(s.Returning); row != "" {
		return pgerr.NotSupported(row + " in the RETURNING of a rule's INSERT")
	}
	if row := namesRow(s.OnConflict); row != "" {
		return pgerr.NotSupported(row + " in the ON CONFLICT of a rule's INSERT")
	}
	if s.Select != nil && s.Select.With != nil {
		if err := apartFromRows(s.Select.With); err != nil {
			return err
		}
	}
	return apartFromRows(s.With)
}

// returningFits is checkRuleResultList: RETURNING gives the columns of the rule's relation.
func returningFits(rel catalog.Relation, list []sema.Target) error {
	if list == nil {
		return nil
	}
	bad := func(format string, args ...any) *pgerr.Error {
		return pgerr.New(pgerr.InvalidObjectDefinition, format, args...)
	}
	var columns []*catalog.Column
	if rel.View != nil {
		for i := range rel.View.Columns {
			columns = append(columns, &rel.View.Columns[i])
		}
	} else {
		if slices.ContainsFunc(rel.Table.Columns, func(c catalog.Column) bool { return c.Dropped }) {
			return pgerr.New(pgerr.FeatureNotSupported, "cannot create a RETURNING list for a relation containing dropped columns")
		}
		columns = rel.Table.LiveColumns()
	}
	for i, t := range list {
		if i >= len(columns) {
			return bad("RETURNING list has too many entries")
		}
		c, typ := columns[i], t.Expr.ResultType()
		detail := func() string {
			return "RETURNING list entry has type " + types.FormatType(typ) + ", but column has type " + types.FormatType(c.Type) + "."
		}
		switch {
		case typ.Declared() != c.Type.Declared():
			return bad("RETURNING list's entry %d has different type from column %q", i+1, c.Name).WithDetail("%s", detail())
		case typ.Mod != c.Type.Mod && typ.Mod != -1 && c.Type.Mod != -1:
			return bad("RETURNING list's entry %d has different size from column %q", i+1, c.Name).WithDetail("%s", detail())
		}
	}
	if len(list) != len(columns) {
		return bad("RETURNING list has too few entries")
	}
	return nil
}

// ruleText is viewText for a rule's action, which knows the columns of its relation too.
func (e *Env) ruleText(text string, rel catalog.Relation, event catalog.RuleEvent) (string, []catalog.ViewDep, error) {
	stmt, err := parse.ParseOne(text)
	if err != nil {
		return "", nil, err
	}
	var refs []sema.Reference
	action, deps, err := e.boundText(stmt, text, func(env *sema.Env) (*boundUse, error) {
		d, err := sema.AnalyzeRuleAction(stmt, rel, event, env)
		if err != nil {
			return nil, err
		}
		refs = sema.ActionReferences(d)
		return &boundUse{refs: refs, walk: func(f func(expr.Node)) { sema.WalkAction(d, f) }}, nil
	})
	if err != nil {
		return "", nil, err
	}
	return action, e.withRelation(deps, refs, rel), nil
}

// dropOfRelations is DROP RULE and DROP TRIGGER.
func (e *Env) dropOfRelations(ctx context.Context, s *parse.DropStmt) error {
	drop := e.DDL.DropRule
	if s.RemoveType == parse.ObjectTrigger {
		drop = e.DDL.DropTrigger
	}
	for _, o := range s.Objects {
		n := len(o.Name) - 1
		if n < 1 {
			return pgerr.New(pgerr.SyntaxError, "must specify relation and object name")
		}
		if err := drop(ctx, objectName(o.Name[:n]), o.Name[n], s.MissingOk, behavior(s.Behavior)); err != nil {
			return err
		}
	}
	return nil
}
