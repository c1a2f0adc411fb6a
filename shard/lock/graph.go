package lock

import (
	"time"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// WaitGraph is told of every wait and answers whether it closes a cycle. One graph serves all managers of a process, so
// that row, table and advisory waits are seen together. The methods are called without any lock of a Manager held.
type WaitGraph interface {
	// AddSource tells the graph of a manager; called once by New.
	AddSource(Source)
	// Add registers a wait that has just been queued. When the wait closes a cycle it is not registered, and the
	// deadlock is returned: the waiter is the victim.
	Add(Waiter) *Deadlock
	// Remove forgets a wait that Add accepted.
	Remove(Waiter)
}

// Waiter is one queued request as a WaitGraph sees it. Its edges are read from the queue when asked for: while a request
// waits, edges only disappear, except that a request granted by Jump overtakes others.
type Waiter interface {
	// Owner is who waits.
	Owner() topo.TxnID
	// Blockers appends who must move first, none once the wait is over. Waiters that some appended waiter waits for
	// as well may be left out: what can be reached is the same.
	Blockers(dst []Blocker) []Blocker
	// AllBlockers appends all who must move first, without that shortcut: those who hold and those who wait ahead.
	AllBlockers(dst []Blocker) []Blocker
	// Jump grants the request now if nothing but its place in the queue is in the way. It reports whether it did, or
	// the wait was over already.
	Jump() bool
	// Fail ends the wait with an error. It reports whether the request waited still.
	Fail(err error) bool
	// Describe says what is waited for.
	Describe() WaitInfo
}

// Source answers a cheap question that saves most searches for cycles: an owner that blocks nobody closes none.
type Source interface {
	// Blocking reports whether somebody may be waiting for owner here. It may err towards true.
	Blocking(owner topo.TxnID) bool
}

// Blocker is an edge of the graph. A soft edge leads to a request that waits ahead in the queue, a hard one to a holder.
type Blocker struct {
	Owner topo.TxnID
	Soft  bool
}

// WaitInfo describes a request for pg_locks and for the DETAIL of a deadlock.
type WaitInfo struct {
	Class string // "tuple", "relation", "advisory"
	Key   []byte // the caller's to keep
	Mode  Mode
	Name  string // of the mode, as pg_locks shows it
	Since time.Time
}

// DeadlockEdge is one step of a cycle: Waiter waits for what Wait describes, which Blocker holds or is queued for.
type DeadlockEdge struct {
	Waiter, Blocker topo.TxnID
	Wait            WaitInfo
}

// Deadlock is the error of the request that closed a cycle. Edges starts with the victim's own wait and leads back to it.
type Deadlock struct{ Edges []DeadlockEdge }

func (d *Deadlock) Error() string { return "lock: deadlock detected" }
