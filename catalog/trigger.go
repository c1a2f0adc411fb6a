package catalog

import (
	"slices"
	"strings"
)

// TriggerType are the bits of pg_trigger.tgtype: when a trigger fires, for what, and how often.
type TriggerType int16

// The bits of a TriggerType. Without TriggerBefore and TriggerInstead it fires after the event, without TriggerRow once a
// statement.
const (
	TriggerRow TriggerType = 1 << iota
	TriggerBefore
	TriggerInsert
	TriggerDelete
	TriggerUpdate
	TriggerTruncate
	TriggerInstead

	// TriggerEvents are the bits that say what a trigger fires for, TriggerTiming those that say when.
	TriggerEvents = TriggerInsert | TriggerDelete | TriggerUpdate | TriggerTruncate
	TriggerTiming = TriggerBefore | TriggerInstead
)

// TriggerState is pg_trigger.tgenabled: in which session_replication_role a trigger fires.
type TriggerState byte

// The states of triggers.
const (
	TriggerFiresOrigin  TriggerState = 'O' // in origin and local
	TriggerFiresReplica TriggerState = 'R'
	TriggerFiresAlways  TriggerState = 'A'
	TriggerDisabled     TriggerState = 'D'
)

// Trigger is a trigger of a table or view. The triggers that PostgreSQL makes for foreign keys are none: package fk does
// what they do.
type Trigger struct {
	OID      Oid
	Name     string
	Function Oid
	Type     TriggerType
	State    TriggerState
	// Columns are those of UPDATE OF; nil: all.
	Columns []AttNum `json:",omitempty"`
	Args    []string `json:",omitempty"`
	// When is the condition of WHEN as SQL text over OLD and NEW, bound by Deps as a view's query is; empty for none.
	When string    `json:",omitempty"`
	Deps []ViewDep `json:",omitempty"`
	// OldTable and NewTable are the names of transition tables; empty for none.
	OldTable string `json:",omitempty"`
	NewTable string `json:",omitempty"`
	// Constraint is the OID of a constraint trigger's constraint, 0 for other triggers; From the table of its FROM.
	Constraint Oid  `json:",omitempty"`
	From       Oid  `json:",omitempty"`
	Deferrable bool `json:",omitempty"`
	Deferred   bool `json:",omitempty"` // INITIALLY DEFERRED
	// Parent is the trigger of the partitioned table that it was cloned from, or 0.
	Parent  Oid    `json:",omitempty"`
	Comment string `json:",omitempty"`
}

// Fires reports whether the trigger fires at a timing (TriggerBefore, TriggerInstead or 0: after), for an event and as often
// (TriggerRow or 0) as the bits say.
func (g *Trigger) Fires(timing, event, level TriggerType) bool {
	return g.Type&TriggerTiming == timing && g.Type&event != 0 && g.Type&TriggerRow == level
}

// Enabled reports whether the trigger fires in a session_replication_role.
func (g *Trigger) Enabled(replica bool) bool {
	if replica {
		return g.State == TriggerFiresReplica || g.State == TriggerFiresAlways
	}
	return g.State == TriggerFiresOrigin || g.State == TriggerFiresAlways
}

// RelationTriggers returns the triggers of a table or view by name, which is the order in which they fire.
func (r Relation) RelationTriggers() []Trigger {
	switch {
	case r.View != nil:
		return r.View.Triggers
	case r.Table != nil && r.Kind != KindIndex:
		return r.Table.Triggers
	}
	return nil
}

// HasInstead reports whether a view has a trigger INSTEAD OF an event.
func (v *View) HasInstead(event TriggerType) bool {
	return slices.ContainsFunc(v.Triggers, func(g Trigger) bool { return g.Fires(TriggerInstead, event, TriggerRow) })
}

// TriggerNamed finds a trigger of the relation; nil: there is none.
func (r Relation) TriggerNamed(name string) *Trigger {
	list := r.RelationTriggers()
	if i, ok := FindTrigger(list, name); ok {
		return &list[i]
	}
	return nil
}

// FindTrigger finds the place of a name among triggers by name.
func FindTrigger(list []Trigger, name string) (at int, found bool) {
	return slices.BinarySearchFunc(list, name, func(g Trigger, name string) int { return strings.Compare(g.Name, name) })
}

// EachTrigger calls f for every trigger, with its relation, until it returns false.
func (s *Snapshot) EachTrigger(f func(rel Relation, g *Trigger) bool) {
	more := true
	of := func(rel Relation, list []Trigger) bool {
		for i := range list {
			if more = f(rel, &list[i]); !more {
				return false
			}
		}
		return true
	}
	s.Views(func(v *View) bool { return of(Relation{Kind: KindView, View: v}, v.Triggers) })
	if more {
		s.Tables(func(t *Table) bool { return of(t.Relation(), t.Triggers) })
	}
}

// Trigger finds a trigger by its OID; nil if there is none.
func (s *Snapshot) Trigger(oid Oid) (rel Relation, trigger *Trigger) {
	s.EachTrigger(func(r Relation, g *Trigger) bool {
		if g.OID == oid {
			rel, trigger = r, g
		}
		return trigger == nil
	})
	return rel, trigger
}

// triggersOn adds the triggers that depend on a relation (col 0) or one of its columns, or call a function.
func (s *Snapshot) triggersOn(of Oid, col AttNum, add addDependent) {
	s.EachTrigger(func(rel Relation, g *Trigger) bool {
		used := slices.ContainsFunc(g.Deps, func(d ViewDep) bool {
			return d.Relation == of && (col == 0 && of != rel.OID() || col != 0 && slices.Contains(d.Columns, col))
		})
		switch {
		case g.Parent != 0 && rel.OID() != of:
		case rel.OID() == of && col == 0 || g.From == of && col == 0:
			add(Auto, PartTrigger, g.OID, 0)
		case used || rel.OID() == of && slices.Contains(g.Columns, col) || g.Function == of && col == 0:
			add(Normal, PartTrigger, g.OID, 0)
		}
		return true
	})
}

// clonesOf adds the clones of a partitioned table's trigger, which go with it.
func (s *Snapshot) clonesOf(trigger Oid, add addDependent) {
	rel, g := s.Trigger(trigger)
	if g == nil || rel.Table == nil {
		return
	}
	for _, oid := range rel.Table.Children {
		if t := s.Table(oid); t != nil {
			for i := range t.Triggers {
				if t.Triggers[i].Parent == trigger {
					add(Internal, PartTrigger, t.Triggers[i].OID, 0)
				}
			}
		}
	}
}
