package deadlock

import (
	"time"

	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Wait is one registered wait, for a search over several processes.
type Wait struct {
	ID       uint64 // never given twice in one process
	Owner    topo.TxnID
	Info     lock.WaitInfo
	Blockers []lock.Blocker // never empty
}

// Binding says that a transaction runs in a session; see Bind.
type Binding struct{ Txn, Session topo.TxnID }

// Waits returns the waits that are not over. With all set, Blockers has everyone who is in the way, not only those that the
// rest cannot be reached through.
func (d *Detector) Waits(all bool) []Wait {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []Wait
	for _, ws := range d.waits {
		for _, x := range ws {
			w := Wait{ID: x.id, Owner: x.w.Owner(), Info: x.w.Describe()}
			if all {
				w.Blockers = x.w.AllBlockers(nil)
			} else {
				w.Blockers = x.w.Blockers(nil)
			}
			if len(w.Blockers) > 0 {
				out = append(out, w)
			}
		}
	}
	return out
}

// Bindings returns the relations that Bind made.
func (d *Detector) Bindings() []Binding {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make([]Binding, 0, len(d.sessionOf))
	for t, s := range d.sessionOf {
		out = append(out, Binding{t, s})
	}
	return out
}

// LongWaits returns how many waits began before a time, and the highest id among them.
func (d *Detector) LongWaits(before time.Time) (n int, newest uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, ws := range d.waits {
		for _, x := range ws {
			if x.since.Before(before) {
				n, newest = n+1, max(newest, x.id)
			}
		}
	}
	return n, newest
}

// Break makes the wait with an id the victim of a deadlock that was found elsewhere. It reports whether the wait still was.
func (d *Detector) Break(id uint64, dl *lock.Deadlock) bool {
	w := d.find(id)
	if w == nil || !w.Fail(dl) {
		return false
	}
	d.found.Add(1)
	return true
}

// Jump lets the wait with an id overtake those that wait ahead, if nothing else is in its way. It reports whether the wait is
// over.
func (d *Detector) Jump(id uint64) bool {
	w := d.find(id)
	if w == nil {
		return true
	}
	if !w.Jump() {
		return false
	}
	d.untied.Add(1)
	return true
}

func (d *Detector) find(id uint64) lock.Waiter {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, ws := range d.waits {
		for _, x := range ws {
			if x.id == id {
				return x.w
			}
		}
	}
	return nil
}
