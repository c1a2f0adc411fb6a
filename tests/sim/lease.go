package sim

import (
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

const (
	// leaseDuration is d: how long an applied command keeps the lease after its propose time. Virtual time passes slowly
	// beside the steps (a few milliseconds in a hundred of them), so it is short.
	leaseDuration = 20 * time.Millisecond
	// maxDriftPerMille bounds how much faster than the holder's clock a successor's may run.
	maxDriftPerMille = 50
	// maxRate keeps any two clocks within that bound: (1+r)/(1-r) < 1.05.
	maxRate = 0.024
)

// machine is a node's hardware: what survives its process. All of it is the scheduler's, which runs while nothing else does.
type machine struct {
	id          topo.NodeID
	pausedUntil time.Time // SIGSTOP: none of the node's steps is taken before
	downUntil   time.Time // killed: the next process starts then
	// CLOCK_BOOTTIME: it read base at the virtual time since, and runs at rate.
	base  int64
	since time.Time
	rate  float64
}

// bootNS reads the machine's CLOCK_BOOTTIME. It goes on while the node is paused.
func (m *machine) bootNS() int64 { return m.base + int64(float64(time.Since(m.since))*m.rate) }

// drift lets the clock run at another rate, in -1..1 of what is allowed.
func (m *machine) drift(x float64) {
	m.base, m.since = m.bootNS(), time.Now()
	m.rate = 1 + x*maxRate
}

func (m *machine) paused() bool { return time.Now().Before(m.pausedUntil) }

// leaseRule decides who holds a group's lease, as one replica knows it: the rule of shard/group/lease.go with its clock
// and its log given from outside. Its state is the replica's memory and ends with the process.
type leaseRule struct {
	self        topo.NodeID
	incarnation uint64
	info        fsm.LeaseInfo
	mine        bool
	expiry      int64 // CLOCK_BOOTTIME
	// lastForeign is when an entry was last applied while another process held the lease, or when this one started.
	lastForeign int64
}

// applied takes in that an entry was applied at now and left the state's lease as info. lease says that it was a Lease
// command; proposedNS is when this process proposed it, 0 if it did not. It reports whether the lease has moved.
func (l *leaseRule) applied(now int64, info fsm.LeaseInfo, lease bool, proposedNS int64) (moved bool) {
	if !l.mine {
		l.lastForeign = now
	}
	if !lease {
		return false
	}
	mine := info.Holder == l.self && info.Incarnation == l.incarnation
	if !mine {
		l.lastForeign = now
	}
	if info.Epoch == l.info.Epoch && info.Holder == l.info.Holder && info.Incarnation == l.info.Incarnation {
		return false
	}
	if !mine || !l.mine {
		l.expiry = 0
	}
	if mine && proposedNS > 0 {
		l.expiry = proposedNS + int64(leaseDuration)
	}
	l.info, l.mine = info, mine
	return true
}

// extend moves the expiry after an own command of an epoch was applied: to its own propose time + d.
func (l *leaseRule) extend(proposedNS int64, epoch topo.LeaseEpoch) {
	if l.mine && epoch == l.info.Epoch {
		l.expiry = max(l.expiry, proposedNS+int64(leaseDuration))
	}
}

// left is how much of the lease remains; nothing may be served by it at 0 or below.
func (l *leaseRule) left(now int64) int64 { return l.expiry - now }

// claim returns the command by which this process asks for the lease, or false while it has to wait. logged is the lease
// as the state has it. A predecessor on the same node needs no wait: the data directory's lock proves it dead.
func (l *leaseRule) claim(now int64, logged fsm.LeaseInfo, f *Faults) (*fsm.Lease, bool) {
	after := ^uint64(0)
	if logged.Epoch != 0 && logged.Holder != l.self {
		after = logged.LastIndex
		d := int64(leaseDuration)
		if !f.SuccessorDoesNotWait && l.lastForeign+d+d*maxDriftPerMille/1000 > now {
			return nil, false
		}
		if f.UnnamedIndex {
			after = ^uint64(0)
		}
	}
	return &fsm.Lease{Epoch: logged.Epoch + 1, Holder: l.self, Incarnation: l.incarnation, AfterIndex: after}, true
}
