// Package deadlock finds cycles among the waits of one process: row locks of all groups led here, table locks and
// advisory locks of the sessions connected here. Cycles over several nodes are found by package lockmgr, which puts together
// what Detector.Waits and Detector.Bindings of each node say.
//
// Detector implements lock.WaitGraph. A search runs when a wait begins, at once: PostgreSQL waits deadlock_timeout first
// to save the search, ours is cheap (see Add). The victim is the request that closes the cycle, as in PostgreSQL, where it
// is the one whose timeout fires while the cycle exists. A cycle that hangs only on the order of a queue is untied by
// letting a request overtake, as PostgreSQL's rearranging of wait queues does.
package deadlock

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Why a cycle that Add finds is real although edges are read one after the other. Under d.mu nobody starts to wait, so
// whoever waits when the search asks has waited since before it began. An edge W -> X seen at some time can only go when
// X releases or gives up; X, asked later, either waits still (and so has released nothing meanwhile: a waiting owner
// releases nothing) or reports no blockers, and the path ends there.
//
// Why no cycle is missed. A request is in its queue before Add is called. Of all members of a cycle, the one whose Add
// comes last sees all others registered, and their edges exist until one of them moves. A grant by Jump turns an edge
// around, but the one who jumped runs, and will come by Add before it waits again.

// Detector is a wait-for graph. The zero value is not ready; use New.
type Detector struct {
	mu      sync.Mutex
	sources []lock.Source
	waits   map[topo.TxnID][]wait
	lastID  uint64 // of a wait
	// sessionOf and txnOf bind a transaction and the session that holds session-level locks beside it.
	sessionOf map[topo.TxnID]topo.TxnID
	txnOf     map[topo.TxnID]topo.TxnID

	found, untied atomic.Uint64
}

// wait is a registered wait.
type wait struct {
	id    uint64
	since time.Time
	w     lock.Waiter
}

var _ lock.WaitGraph = (*Detector)(nil)

// New returns an empty graph.
func New() *Detector {
	return &Detector{waits: map[topo.TxnID][]wait{}, sessionOf: map[topo.TxnID]topo.TxnID{},
		txnOf: map[topo.TxnID]topo.TxnID{}}
}

// AddSource implements lock.WaitGraph.
func (d *Detector) AddSource(s lock.Source) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sources = append(d.sources, s)
}

// Bind says that txn runs in session: what one waits for, the other waits for. A session calls it before it waits for or
// takes a session-level lock inside a transaction, and, while it holds one, when a transaction begins.
func (d *Detector) Bind(txn, session topo.TxnID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sessionOf[txn] = session
	d.txnOf[session] = txn
}

// Unbind undoes Bind at the transaction's end.
func (d *Detector) Unbind(txn topo.TxnID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s, ok := d.sessionOf[txn]; ok {
		delete(d.sessionOf, txn)
		if d.txnOf[s] == txn {
			delete(d.txnOf, s)
		}
	}
}

// Stats returns how many deadlocks were broken by a victim, and how many by letting a request overtake.
func (d *Detector) Stats() (victims, untied uint64) { return d.found.Load(), d.untied.Load() }

// Add implements lock.WaitGraph. Most waiters block nobody, and the sources say so without a search.
func (d *Detector) Add(w lock.Waiter) *lock.Deadlock {
	d.mu.Lock()
	defer d.mu.Unlock()
	owner := d.process(w.Owner())
	d.lastID++
	d.waits[owner] = append(d.waits[owner], wait{d.lastID, time.Now(), w})
	if !d.blocking(owner) {
		return nil
	}
	for {
		cycle := d.search(owner, w)
		if cycle == nil {
			return nil
		}
		if !untie(cycle) {
			d.found.Add(1)
			d.remove(w)
			return describe(cycle)
		}
		d.untied.Add(1)
	}
}

// Remove implements lock.WaitGraph.
func (d *Detector) Remove(w lock.Waiter) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.remove(w)
}

func (d *Detector) remove(w lock.Waiter) {
	// The wait may have been filed before Bind or Unbind changed the owner's process: look under both names.
	for _, o := range [2]topo.TxnID{d.process(w.Owner()), w.Owner()} {
		ws := d.waits[o]
		for i := range ws {
			if ws[i].w == w {
				if len(ws) == 1 {
					delete(d.waits, o)
				} else {
					d.waits[o] = append(append([]wait(nil), ws[:i]...), ws[i+1:]...)
				}
				return
			}
		}
	}
}

// process maps a transaction to its session where they are bound.
func (d *Detector) process(o topo.TxnID) topo.TxnID {
	if s, ok := d.sessionOf[o]; ok {
		return s
	}
	return o
}

func (d *Detector) blocking(owner topo.TxnID) bool {
	txn, bound := d.txnOf[owner]
	for _, s := range d.sources {
		if s.Blocking(owner) || bound && s.Blocking(txn) {
			return true
		}
	}
	return false
}

// step is one edge of the path that a search is on.
type step struct {
	wait    lock.Waiter
	blocker lock.Blocker
}

// frame is a process whose edges a search is going through.
type frame struct {
	edges []step
	next  int
}

// search looks for a path from owner back to it that starts with wait w, depth first, without recursion: a queue may be
// thousands of waiters long.
func (d *Detector) search(owner topo.TxnID, w lock.Waiter) []step {
	visited := map[topo.TxnID]bool{}
	stack := []frame{{edges: edgesOf(nil, w)}}
	for len(stack) > 0 {
		f := &stack[len(stack)-1]
		if f.next == len(f.edges) {
			stack = stack[:len(stack)-1]
			continue
		}
		p := d.process(f.edges[f.next].blocker.Owner)
		f.next++
		if p == owner {
			path := make([]step, len(stack))
			for i := range stack {
				path[i] = stack[i].edges[stack[i].next-1]
			}
			return path
		}
		if visited[p] {
			continue
		}
		visited[p] = true
		var edges []step
		for _, pw := range d.waits[p] {
			edges = edgesOf(edges, pw.w)
		}
		if len(edges) > 0 {
			stack = append(stack, frame{edges: edges})
		}
	}
	return nil
}

func edgesOf(dst []step, w lock.Waiter) []step {
	var buf [8]lock.Blocker
	for _, b := range w.Blockers(buf[:0]) {
		dst = append(dst, step{w, b})
	}
	return dst
}

// untie lets a request overtake that only its place in a queue holds back. It reports whether the cycle is broken.
func untie(cycle []step) bool {
	for _, s := range cycle {
		if s.blocker.Soft && s.wait.Jump() {
			return true
		}
	}
	return false
}

func describe(cycle []step) *lock.Deadlock {
	dl := &lock.Deadlock{}
	for _, s := range cycle {
		dl.Edges = append(dl.Edges, lock.DeadlockEdge{Waiter: s.wait.Owner(), Blocker: s.blocker.Owner, Wait: s.wait.Describe()})
	}
	return dl
}

// Names gives a deadlock's DETAIL what only the upper layers know.
type Names struct {
	// Process returns the backend pid of a transaction or session.
	Process func(topo.TxnID) int32
	// Object names what is awaited, as PostgreSQL's DescribeLockTag does ("relation 16384 of database 5"); the row
	// locks' default is "transaction" and the blocker's id, since that is what PostgreSQL waits for there.
	Object func(lock.DeadlockEdge) string
}

// Detail formats a deadlock as PostgreSQL's DETAIL, one line an edge:
// "Process 1 waits for ShareLock on transaction 7; blocked by process 2."
func Detail(dl *lock.Deadlock, n Names) string {
	var b strings.Builder
	pid := func(o topo.TxnID) string {
		if n.Process != nil {
			return strconv.Itoa(int(n.Process(o)))
		}
		return o.String()
	}
	for i, e := range dl.Edges {
		if i > 0 {
			b.WriteByte('\n')
		}
		mode, object := e.Wait.Name, ""
		if e.Wait.Class == "tuple" {
			mode = "ShareLock"
		}
		if n.Object != nil {
			object = n.Object(e)
		}
		if object == "" {
			if e.Wait.Class == "tuple" {
				object = "transaction " + strconv.FormatUint(e.Blocker.Seq, 10)
			} else {
				object = e.Wait.Class
			}
		}
		b.WriteString("Process " + pid(e.Waiter) + " waits for " + mode + " on " + object +
			"; blocked by process " + pid(e.Blocker) + ".")
	}
	return b.String()
}
