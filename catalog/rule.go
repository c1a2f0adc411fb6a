package catalog

import "slices"

// RuleEvent is the command that a rule replaces, as pg_rewrite.ev_type has it.
type RuleEvent byte

// The events of rules.
const (
	RuleOnUpdate RuleEvent = '2'
	RuleOnInsert RuleEvent = '3'
	RuleOnDelete RuleEvent = '4'
)

// String returns the command's name.
func (e RuleEvent) String() string {
	switch e {
	case RuleOnUpdate:
		return "UPDATE"
	case RuleOnInsert:
		return "INSERT"
	}
	return "DELETE"
}

// Rule is a rule of a table or view. Its action is kept as a view's query is: its text with qualified names, and what they are
// bound to. An empty action is NOTHING.
type Rule struct {
	OID    Oid
	Name   string
	Event  RuleEvent
	Action string `json:",omitempty"`
	// Where is the condition, as the one column of a SELECT; empty for none. Also says that the statement is done, too.
	Where   string    `json:",omitempty"`
	Also    bool      `json:",omitempty"`
	Deps    []ViewDep `json:",omitempty"`
	Comment string    `json:",omitempty"`
}

// later reports whether the rule has what programs of before do not know.
func (r Rule) later() bool { return !r.Replaces() || r.Comment != "" }

// Replaces reports whether the rule's action takes the place of every statement of its kind.
func (r Rule) Replaces() bool { return !r.Also && r.Where == "" }

// RelationRules returns the rules of a table or view by name; the one that makes a view is not among them.
func (r Relation) RelationRules() []Rule {
	switch {
	case r.View != nil:
		return r.View.Rules
	case r.Table != nil && r.Kind != KindIndex:
		return r.Table.Rules
	}
	return nil
}

// RuleOn returns the rule that replaces a command on the relation: the first by name, or nil.
func (r Relation) RuleOn(e RuleEvent) *Rule {
	rules := r.RelationRules()
	if i := slices.IndexFunc(rules, func(k Rule) bool { return k.Event == e && k.Replaces() }); i >= 0 {
		return &rules[i]
	}
	return nil
}

// RulesBeside returns the rules for a command on the relation that do not replace it, by name. There are none beside one that
// does.
func (r Relation) RulesBeside(e RuleEvent) (out []*Rule) {
	rules := r.RelationRules()
	for i := range rules {
		if k := &rules[i]; k.Event == e && !k.Replaces() {
			out = append(out, k)
		}
	}
	return out
}

// HasRules reports whether there are rules for a command on the relation.
func (r Relation) HasRules(e RuleEvent) bool { return r.RuleOn(e) != nil || r.RulesBeside(e) != nil }

// EachRule calls f for every rule that was created as one, with its relation, until it returns false.
func (s *Snapshot) EachRule(f func(rel Relation, r *Rule) bool) {
	more := true
	of := func(rel Relation, rules []Rule) bool {
		for i := range rules {
			if more = f(rel, &rules[i]); !more {
				return false
			}
		}
		return true
	}
	s.Views(func(v *View) bool { return of(Relation{Kind: KindView, View: v}, v.Rules) })
	if more {
		s.Tables(func(t *Table) bool { return of(t.Relation(), t.Rules) })
	}
}

// Rule finds a rule by its OID; nil if there is none.
func (s *Snapshot) Rule(oid Oid) (rel Relation, rule *Rule) {
	s.EachRule(func(r Relation, k *Rule) bool {
		if k.OID == oid {
			rel, rule = r, k
		}
		return rule == nil
	})
	return rel, rule
}
