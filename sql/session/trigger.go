package session

import (
	"context"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner/exec"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// maxTriggerDepth bounds triggers that fire triggers; PostgreSQL runs out of its stack somewhere there.
const maxTriggerDepth = 200

// triggerHost is the session as what calls trigger functions.
type triggerHost Session

// CallTrigger implements exec.TriggerHost.
func (h *triggerHost) CallTrigger(ctx context.Context, c *exec.Context, d *exec.TriggerData) ([]types.Datum, error) {
	s := (*Session)(h)
	if len(s.triggers) >= maxTriggerDepth {
		return nil, pgerr.New(pgerr.StatementTooComplex, "stack depth limit exceeded").
			WithHint("Increase the configuration parameter \"max_stack_depth\" (currently 2048kB), after ensuring the platform's stack depth limit is adequate.")
	}
	s.triggers = append(s.triggers, d)
	defer func() { s.triggers = s.triggers[:len(s.triggers)-1] }()
	return s.callTriggerFunction(ctx, c, d)
}

// callTriggerFunction runs the function of a trigger. Who may create triggers with it was asked when this one was created.
func (s *Session) callTriggerFunction(ctx context.Context, _ *exec.Context, d *exec.TriggerData) ([]types.Datum, error) {
	fn := s.snapshot().Function(d.Trigger.Function)
	if fn == nil {
		return nil, pgerr.New(pgerr.UndefinedFunction, "function with OID %d does not exist", d.Trigger.Function)
	}
	leave, err := s.enterNested()
	if err != nil {
		return nil, err
	}
	defer leave()
	restore, err := s.functionSettings(fn)
	if err != nil {
		return nil, err
	}
	defer restore()
	if fn.Language == catalog.LanguagePLpgSQL {
		return s.callPLpgSQLTrigger(ctx, fn, d)
	}
	return nil, pgerr.NotSupported("a trigger function in LANGUAGE " + fn.Language)
}

// Replica implements exec.TriggerHost.
func (h *triggerHost) Replica() bool { return (*Session)(h).replica() }

// truncating fires the triggers of a table that TRUNCATE is about to empty, or has emptied.
func (s *Session) truncating(c *exec.Context, t *catalog.Table, before bool) error {
	if len(t.Triggers) == 0 {
		return nil
	}
	return exec.TruncateTriggers(c, t, before)
}

// transitions are the transition tables of the trigger whose function runs, by name.
func (s *Session) transitions() map[string]*exec.Transition {
	n := len(s.triggers)
	if n == 0 {
		return nil
	}
	d := s.triggers[n-1]
	if d.OldTable == nil && d.NewTable == nil {
		return nil
	}
	out := map[string]*exec.Transition{}
	if d.OldTable != nil {
		out[d.Trigger.OldTable] = d.OldTable
	}
	if d.NewTable != nil {
		out[d.Trigger.NewTable] = d.NewTable
	}
	return out
}

// withTransitions are the system relations, and before them a trigger's transition tables.
type withTransitions struct {
	sema.VirtualTables
	tables map[string]*exec.Transition
}

// transitionOID is the OID of transition tables among virtual ones: of no relation.
const transitionOID catalog.Oid = 0

// Lookup implements sema.VirtualTables.
func (w *withTransitions) Lookup(schema, name string) *sema.VirtualTable {
	if t := w.tables[name]; t != nil && schema == "" {
		v := &sema.VirtualTable{OID: transitionOID, Name: name}
		for _, c := range t.Table.LiveColumns() {
			v.Columns = append(v.Columns, sema.Column{Name: c.Name, Type: c.Type})
		}
		return v
	}
	return w.VirtualTables.Lookup(schema, name)
}

// virtualTables are the relations that a statement may read beside the catalog's.
func (s *Session) virtualTables() sema.VirtualTables {
	if t := s.transitions(); t != nil {
		return &withTransitions{VirtualTables: s.node.System, tables: t}
	}
	return s.node.System
}

// transitionRows gives the rows of a transition table; false where t is none.
func (s *Session) transitionRows(t *sema.VirtualTable, emit func(row []types.Datum) error) (bool, error) {
	if t.OID != transitionOID || t.Schema != "" {
		return false, nil
	}
	from := s.transitions()[t.Name]
	if from == nil {
		return true, pgerr.New(pgerr.UndefinedTable, "relation %q does not exist", t.Name)
	}
	columns := from.Table.LiveColumns()
	row := make([]types.Datum, len(columns))
	for _, r := range from.Rows {
		for i, c := range columns {
			row[i] = r[c.Num-1]
		}
		if err := emit(row); err != nil {
			return true, err
		}
	}
	return true, nil
}
