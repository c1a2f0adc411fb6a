package exec

import (
	"cmp"
	"slices"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/fk"
	"github.com/pgmqdb/pgmqdb/planner"
)

// TriggerStats is what the calls of one trigger, or of a foreign key's checks or actions, took: a line of EXPLAIN ANALYZE.
type TriggerStats struct {
	Table      catalog.Oid
	Schema     string
	Relation   string
	Trigger    string // empty for a foreign key
	Constraint string // empty for a trigger that is no constraint's
	Calls      int64
	Time       time.Duration

	order  string // PostgreSQL's name of the trigger
	before bool   // a BEFORE trigger
}

// triggerKey tells apart what has a line of its own.
type triggerKey struct {
	table catalog.Oid
	name  string
}

func (s *Instrumentation) noteTrigger(k triggerKey, calls int, took time.Duration, fresh func() *TriggerStats) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.triggers[k]
	if st == nil {
		st = fresh()
		st.Table, st.order = k.table, k.name
		if s.triggers == nil {
			s.triggers = map[triggerKey]*TriggerStats{}
		}
		s.triggers[k] = st
	}
	st.Calls += int64(calls)
	st.Time += took
}

// called notes a call of a trigger's function.
func (s *Instrumentation) called(c *Context, d *TriggerData, took time.Duration) {
	s.noteTrigger(triggerKey{d.Table.OID, d.Trigger.Name}, 1, took, func() *TriggerStats {
		st := &TriggerStats{Schema: schemaName(c, d.Table), Relation: d.Relation.Name(), Trigger: d.Trigger.Name}
		st.before = d.Trigger.Type&catalog.TriggerTiming != 0
		if d.Trigger.Constraint != 0 {
			st.Constraint = d.Trigger.Name
		}
		return st
	})
}

// Keys notes for EXPLAIN ANALYZE what a foreign key entailed for rows of a table: it is an fk.Runner's Observe.
func (s *Instrumentation) Keys(k *fk.Key, acts bool, rows int, took time.Duration) {
	t, schema, name := k.Child, k.ChildSchema, constraintTriggers+"c_"
	if acts {
		t, schema, name = k.Parent, k.ParentSchema, constraintTriggers+"a_"
	}
	s.noteTrigger(triggerKey{t.OID, name + k.Declared.Name}, rows, took, func() *TriggerStats {
		return &TriggerStats{Schema: schema, Relation: t.Name, Constraint: k.Declared.Name}
	})
}

// written are the tables that the statement itself writes.
func (s *Instrumentation) written() map[catalog.Oid]bool {
	out := map[catalog.Oid]bool{}
	for n := range s.nodes {
		m, ok := n.(*planner.ModifyTable)
		if !ok {
			continue
		}
		if m.Table != nil {
			out[m.Table.OID] = true
		}
		if m.Instead != nil {
			out[m.Instead.View.OID] = true
		}
		for i := range m.Leaves {
			out[m.Leaves[i].Table.OID] = true
		}
	}
	return out
}

// Triggers returns what was called, that of target first, by the triggers' names. In PostgreSQL actions of foreign keys are
// statements of their own, but for the AFTER triggers: their BEFORE triggers count elsewhere.
func (s *Instrumentation) Triggers(target catalog.Oid) []*TriggerStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*TriggerStats
	written := s.written()
	for _, st := range s.triggers {
		if st.Calls > 0 && (!st.before || written[st.Table]) {
			out = append(out, st)
		}
	}
	rank := func(st *TriggerStats) int {
		if st.Table == target {
			return 0
		}
		return 1
	}
	slices.SortFunc(out, func(a, b *TriggerStats) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Relation, b.Relation), cmp.Compare(a.order, b.order))
	})
	return out
}
