package session

import (
	"sort"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// activity lists the node's sessions, for pg_stat_activity and pg_locks.
type activity struct {
	mu      sync.Mutex
	entries map[*activityEntry]struct{}
}

// activityEntry is one session as others see it.
type activityEntry struct {
	start   Startup
	opened  time.Time
	session *Session

	mu      sync.Mutex
	query   string
	began   time.Time
	running bool
	// checkInterval is client_connection_check_interval as the statement began.
	checkInterval time.Duration
	status        byte
	txn           topo.TxnID
}

func (a *activity) add(s *Session) *activityEntry {
	e := &activityEntry{start: s.start, opened: time.Now(), session: s, status: 'I'}
	a.mu.Lock()
	if a.entries == nil {
		a.entries = map[*activityEntry]struct{}{}
	}
	a.entries[e] = struct{}{}
	a.mu.Unlock()
	return e
}

// count is the number of sessions that a role logged into.
func (a *activity) count(role catalog.Oid) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for e := range a.entries {
		if e.session.loginRole == role {
			n++
		}
	}
	return n
}

func (a *activity) remove(e *activityEntry) {
	a.mu.Lock()
	delete(a.entries, e)
	a.mu.Unlock()
}

func (e *activityEntry) begin(query string) {
	e.mu.Lock()
	e.query, e.began, e.running, e.checkInterval = query, time.Now(), true, e.session.settings.ConnectionCheck
	e.mu.Unlock()
}

func (e *activityEntry) end(s *Session) {
	e.mu.Lock()
	e.running, e.status = false, s.TxStatus()
	e.mu.Unlock()
}

// InterruptAfter ends the statements that have run for longer than d with what why returns, which is asked for if there are
// any.
func (n *Node) InterruptAfter(d time.Duration, why func() *pgerr.Error) {
	var long []*Session
	n.activity.mu.Lock()
	for e := range n.activity.entries {
		e.mu.Lock()
		if e.running && time.Since(e.began) > d {
			long = append(long, e.session)
		}
		e.mu.Unlock()
	}
	n.activity.mu.Unlock()
	if len(long) == 0 {
		return
	}
	err := why()
	for _, s := range long {
		s.interrupt(err)
	}
}

// Activity is one row of pg_stat_activity.
type Activity struct {
	PID              int32
	User, Database   string
	Remote           string
	Started, QueryAt time.Time
	State, Query     string
	ApplicationName  string
}

// Activity returns the node's sessions by process id.
func (n *Node) Activity() []Activity {
	n.activity.mu.Lock()
	defer n.activity.mu.Unlock()
	out := make([]Activity, 0, len(n.activity.entries))
	for e := range n.activity.entries {
		e.mu.Lock()
		state := "idle"
		switch {
		case e.running:
			state = "active"
		case e.status == 'T':
			state = "idle in transaction"
		case e.status == 'E':
			state = "idle in transaction (aborted)"
		}
		out = append(out, Activity{PID: e.start.PID, User: e.start.User, Database: e.start.Database, Remote: e.start.Remote,
			Started: e.opened, QueryAt: e.began, State: state, Query: e.query})
		e.mu.Unlock()
	}
	sort.Slice(out, func(i, j int) bool { return out[i].PID < out[j].PID })
	return out
}

// Owners calls f with every session, and every transaction that one has open, as the owner of locks.
func (n *Node) Owners(f func(owner topo.TxnID, pid int32)) {
	n.activity.mu.Lock()
	defer n.activity.mu.Unlock()
	for e := range n.activity.entries {
		f(e.session.owner, e.start.PID)
		e.mu.Lock()
		txn := e.txn
		e.mu.Unlock()
		if !txn.IsZero() {
			f(txn, e.start.PID)
		}
	}
}

// PIDOf returns the process id of the session that owns locks as owner: its own id, or that of its open transaction; 0
// when there is none.
func (n *Node) PIDOf(owner topo.TxnID) int32 {
	if e := n.sessionOf(owner); e != nil {
		return e.start.PID
	}
	return 0
}

// sessionOf finds the session that owns locks as owner.
func (n *Node) sessionOf(owner topo.TxnID) *activityEntry {
	n.activity.mu.Lock()
	defer n.activity.mu.Unlock()
	for e := range n.activity.entries {
		e.mu.Lock()
		mine := e.session.owner == owner || e.txn == owner
		e.mu.Unlock()
		if mine {
			return e
		}
	}
	return nil
}

// bind notes the session's open transaction.
func (e *activityEntry) bind(txn topo.TxnID) {
	e.mu.Lock()
	e.txn = txn
	e.mu.Unlock()
}
