package place

import (
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// A node's right to plan is a lease of its own: it asks the catalog group's leaseholder for it again and again (a heartbeat),
// and an answer is good for LivenessLease from the moment at which the node *asked*. The leaseholder remembers when it last
// *answered*, which is later. So a node whose answers ended LivenessLease ago, by the leaseholder's clock and with an allowance
// for drift, plans no more, and its epoch may be declared over: then its locks are dropped and its transactions finished.
//
// A new leaseholder knows no answers; it counts every node as answered when it took the lease, which is after its
// predecessor's last answer.

const (
	// LivenessLease is how long an answered heartbeat lets a node plan.
	LivenessLease = 3 * time.Second
	// HeartbeatEvery is how often a node asks.
	HeartbeatEvery = 400 * time.Millisecond
	// deadAfter is how long after the last answer a node's epoch is over: LivenessLease and a drift of 5 %, and some
	// patience for a node that is merely slow.
	deadAfter = LivenessLease + LivenessLease/20 + 1350*time.Millisecond
	fenceWait = LivenessLease + LivenessLease/20
)

// Liveness is the leaseholder's memory of heartbeats. Times are readings of a clock that counts suspended time, in
// nanoseconds. It is safe for concurrent use.
type Liveness struct {
	now func() int64

	mu    sync.Mutex
	epoch topo.LeaseEpoch // of the catalog group's lease under which this memory holds
	took  int64
	nodes map[topo.NodeID]*heard
}

type heard struct {
	epoch    topo.LivenessEpoch
	answered int64
	fenced   bool // no more answers under this epoch
	report   any
}

// NewLiveness returns an empty memory; now reads the clock.
func NewLiveness(now func() int64) *Liveness {
	return &Liveness{now: now, nodes: map[topo.NodeID]*heard{}}
}

// Serve enters the lease epoch under which the caller serves; a new one forgets what was known under another.
func (l *Liveness) Serve(epoch topo.LeaseEpoch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if epoch != l.epoch {
		l.epoch, l.took, l.nodes = epoch, l.now(), map[topo.NodeID]*heard{}
	}
}

// Serving returns for how long the leaseholder has served under its lease: from LivenessLease on, a node that it has not
// heard of is not alive.
func (l *Liveness) Serving() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Duration(l.now() - l.took)
}

// Answer notes that a heartbeat of a node under an epoch is about to be answered, with what it reported. False: the epoch
// is fenced, and the node has to ask for another.
func (l *Liveness) Answer(id topo.NodeID, epoch topo.LivenessEpoch, report any) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.nodes[id]
	if h == nil || h.epoch < epoch {
		h = &heard{epoch: epoch}
		l.nodes[id] = h
	}
	if h.epoch != epoch || h.fenced {
		return false
	}
	h.answered, h.report = l.now(), report
	return true
}

// Fence ends the answers to a node's epoch and returns how long to wait until its lease has run out.
func (l *Liveness) Fence(id topo.NodeID, epoch topo.LivenessEpoch) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.nodes[id]
	if h == nil || h.epoch < epoch {
		// Not answered by this leaseholder: by its predecessor at the latest when the lease was taken.
		h = &heard{epoch: epoch, answered: l.took}
		l.nodes[id] = h
	}
	if h.epoch > epoch {
		return 0 // it has another one already
	}
	h.fenced = true
	return max(0, fenceWait-time.Duration(l.now()-h.answered))
}

// Silence returns for how long a node's epoch has not been answered, and whether that is long enough to declare it over. An
// epoch that was not heard of before counts as answered now: its node has just registered, or this leaseholder is new.
func (l *Liveness) Silence(id topo.NodeID, epoch topo.LivenessEpoch) (since time.Duration, over bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.nodes[id]
	if h == nil || h.epoch < epoch {
		h = &heard{epoch: epoch, answered: l.now()}
		l.nodes[id] = h
	}
	if h.epoch > epoch {
		return 0, false
	}
	since = time.Duration(l.now() - h.answered)
	return since, since >= deadAfter || h.fenced && since >= fenceWait
}

// Report returns what a node last reported under an epoch, nil when it was not heard of lately.
func (l *Liveness) Report(id topo.NodeID, epoch topo.LivenessEpoch) any {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.nodes[id]
	if h == nil || h.epoch != epoch || h.fenced || time.Duration(l.now()-h.answered) >= LivenessLease {
		return nil
	}
	return h.report
}
