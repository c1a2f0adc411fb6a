package ddl

import (
	"context"
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// RuleSpec is CREATE RULE, whose names are bound as a view's are. Where and Also are as in catalog.Rule.
type RuleSpec struct {
	Name    string
	Event   catalog.RuleEvent
	Replace bool
	Action  string
	Where   string
	Also    bool
	Deps    []catalog.ViewDep
}

// RuleRelation finds and locks the table or view that a rule is for; only its owner may go on.
func (x *Tx) RuleRelation(ctx context.Context, n Name) (catalog.Relation, error) {
	x.refresh()
	for {
		rel, err := x.find(n)
		if err != nil {
			return rel, err
		}
		switch rel.Kind {
		case catalog.KindIndex:
			return rel, pgerr.New(pgerr.WrongObjectType, "%q is an index", rel.Name())
		case catalog.KindMatView:
			return rel, pgerr.New(pgerr.FeatureNotSupported, "rules on materialized views are not supported")
		case catalog.KindSequence:
			return rel, pgerr.New(pgerr.WrongObjectType, "relation %q cannot have rules", rel.Name()).
				WithDetail("This operation is not supported for sequences.")
		}
		if err := x.mustOwn(rel); err != nil {
			return rel, err
		}
		if rel.Table != nil {
			if err := x.lock(ctx, rel.Table.OID, AccessExclusiveLock); err != nil {
				return rel, err
			}
		} else if err := x.lockObjects(ctx, rel.View.ObjectID()); err != nil {
			return rel, err
		}
		if again, err := x.find(n); err == nil && again.OID() == rel.OID() {
			return again, nil
		}
	}
}

// CreateRule is CREATE [OR REPLACE] RULE on a relation that RuleRelation found.
func (x *Tx) CreateRule(ctx context.Context, rel catalog.Relation, s *RuleSpec) error {
	for _, d := range s.Deps {
		if err := x.shareRelation(ctx, d.Relation); err != nil {
			return err
		}
	}
	rule := catalog.Rule{Name: s.Name, Event: s.Event, Action: s.Action, Where: s.Where, Also: s.Also, Deps: s.Deps}
	rules := slices.Clone(rel.RelationRules())
	for i := range rules {
		if k := &rules[i]; k.Event == s.Event && k.Name != s.Name && k.Replaces() != rule.Replaces() {
			return pgerr.NotSupported("an unconditional DO INSTEAD rule beside other rules for the command")
		}
	}
	at, found := slices.BinarySearchFunc(rules, s.Name, func(r catalog.Rule, name string) int { return strings.Compare(r.Name, name) })
	if found {
		if !s.Replace {
			return pgerr.New(pgerr.DuplicateObject, "rule %q for relation %q already exists", s.Name, rel.Name())
		}
		rule.OID, rule.Comment = rules[at].OID, rules[at].Comment
		rules[at] = rule
		return x.putRules(ctx, rel, rules)
	}
	var err error
	if rule.OID, err = x.newOID(ctx); err != nil {
		return err
	}
	return x.putRules(ctx, rel, slices.Insert(rules, at, rule))
}

// alterRule finds a rule of a relation for change.
func (x *Tx) alterRule(ctx context.Context, n Name, name string) (rel catalog.Relation, rules []catalog.Rule, at int, err error) {
	if rel, err = x.RuleRelation(ctx, n); err != nil {
		return rel, nil, 0, err
	}
	rules = slices.Clone(rel.RelationRules())
	if at = slices.IndexFunc(rules, func(r catalog.Rule) bool { return r.Name == name }); at < 0 {
		err = pgerr.New(pgerr.UndefinedObject, "rule %q for relation %q does not exist", name, rel.Name())
	}
	return rel, rules, at, err
}

// RenameRule is ALTER RULE … RENAME TO.
func (x *Tx) RenameRule(ctx context.Context, n Name, name, to string) error {
	rel, rules, at, err := x.alterRule(ctx, n, name)
	exists := func(name string) bool {
		return name == "_RETURN" && rel.View != nil || slices.ContainsFunc(rules, func(r catalog.Rule) bool { return r.Name == name })
	}
	switch {
	case err != nil && rel.View != nil && name == "_RETURN":
		return pgerr.New(pgerr.InvalidObjectDefinition, "renaming an ON SELECT rule is not allowed")
	case err != nil:
		return err
	case exists(to):
		return pgerr.New(pgerr.DuplicateObject, "rule %q for relation %q already exists", to, rel.Name())
	}
	rule := rules[at]
	rule.Name = to
	rules = slices.Delete(rules, at, at+1)
	at, _ = slices.BinarySearchFunc(rules, to, func(r catalog.Rule, name string) int { return strings.Compare(r.Name, name) })
	return x.putRules(ctx, rel, slices.Insert(rules, at, rule))
}

// CommentRule is COMMENT ON RULE.
func (x *Tx) CommentRule(ctx context.Context, n Name, name, text string) error {
	x.refresh()
	found, err := x.find(n)
	switch {
	case err != nil:
		return err
	case !slices.ContainsFunc(found.RelationRules(), func(r catalog.Rule) bool { return r.Name == name }):
		return pgerr.New(pgerr.UndefinedObject, "rule %q for relation %q does not exist", name, found.Name())
	case !x.owns(found.Owner()):
		return catalog.NotOwnerError("relation", found.Name())
	}
	rel, rules, at, err := x.alterRule(ctx, n, name)
	if err != nil {
		return err
	}
	rules[at].Comment = text
	return x.putRules(ctx, rel, rules)
}

// DropRule is DROP RULE.
func (x *Tx) DropRule(ctx context.Context, n Name, name string, missingOK bool, b Behavior) error {
	x.refresh()
	if missingOK && x.skipped(n) {
		return nil
	}
	rel, err := x.find(n)
	if err != nil {
		return err
	}
	rules := rel.RelationRules()
	at := slices.IndexFunc(rules, func(r catalog.Rule) bool { return r.Name == name })
	switch {
	case at < 0 && name == "_RETURN" && rel.Kind == catalog.KindView:
		noun := "view " + x.s.over.RelationName(x.searchPath(), rel)
		return pgerr.New(pgerr.DependentObjectsStillExist, "cannot drop rule _RETURN on %s because %s requires it", noun, noun).
			WithHint("You can drop %s instead.", noun)
	case at < 0 && missingOK:
		x.notice(pgerr.Notice("rule %q for relation %q does not exist, skipping", name, n.String()))
		return nil
	case at < 0:
		return pgerr.New(pgerr.UndefinedObject, "rule %q for relation %q does not exist", name, rel.Name())
	}
	if rel, err = x.RuleRelation(ctx, n); err != nil {
		return err
	}
	return x.dropParts(ctx, []catalog.Part{{Kind: catalog.PartRule, OID: rules[at].OID}}, b)
}

// removeRule takes a rule from its relation.
func (x *Tx) removeRule(ctx context.Context, oid catalog.Oid) error {
	rel, rule := x.s.over.Rule(oid)
	if rule == nil {
		return nil
	}
	rules := slices.DeleteFunc(slices.Clone(rel.RelationRules()), func(r catalog.Rule) bool { return r.OID == oid })
	if len(rules) == 0 {
		rules = nil
	}
	return x.putRules(ctx, rel, rules)
}

func (x *Tx) putRules(ctx context.Context, rel catalog.Relation, rules []catalog.Rule) error {
	if rel.View != nil {
		v := *rel.View
		v.Rules = rules
		return x.put(ctx, &v)
	}
	t, err := x.alter(ctx, rel.Table.OID)
	if err != nil {
		return err
	}
	t.Rules = rules
	return x.putTable(ctx, t)
}
