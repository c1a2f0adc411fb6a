package fk

import (
	"context"

	"github.com/pgmqdb/pgmqdb/catalog"
)

// Fire calls a trigger's function, with the store of the statement that runs by then.
type Fire func(ctx context.Context, s Store) error

// Queue adds the call of an AFTER trigger behind the events so far: to the statement's end, or for a constraint trigger that
// is deferred now to the transaction's. constraint is nil for other triggers. cancel takes a call back that was not made yet.
func (r *Runner) Queue(constraint *catalog.Constraint, fire Fire) (cancel func()) {
	call := &queued{fire: fire, constraint: constraint}
	e := event{kind: triggerEvent, call: call, recheck: true}
	if constraint != nil && r.modes.deferred(constraint) {
		r.deferred = append(r.deferred, e)
	} else {
		r.queue = append(r.queue, e)
	}
	return func() { call.fire = nil }
}

// queued is the call of a trigger.
type queued struct {
	fire       Fire // nil: it was taken back
	constraint *catalog.Constraint
}

// Acting is what an action does before and after it looks for children: as PostgreSQL's is a statement, the child's
// triggers of statements fire, rows found or not.
type Acting interface {
	// Begin begins a DELETE of the foreign key's children, or an UPDATE of their columns (attnum-1), and returns what ends it.
	Begin(ctx context.Context, k *Key, deletes bool, cols []int) (end func() error, err error)
}

// as runs an action as a statement.
func (r *Runner) as(ctx context.Context, k *Key, deletes bool, cols []int, action func() error) error {
	a, ok := r.store.(Acting)
	if !ok {
		return action()
	}
	end, err := a.Begin(ctx, k, deletes, cols)
	if err != nil {
		return err
	}
	if err := action(); err != nil || end == nil {
		return err
	}
	return end()
}
