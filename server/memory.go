package server

import (
	"os"
	"runtime"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/pgmqdb/pgmqdb/shard/group"
)

// How the garbage collector is paced. Most of the time a node's live heap is small beside its unflushed deltas, and
// collecting it too often costs more than its memory: it may grow to gcPercent beyond what was live. From where that would
// grow beyond a target the percentage falls, down to a minimum. Near the soft limit the collector gives memory back to the
// system and works as hard as it must: a sixteenth more than what is live, within bounds.
//
// A large transaction keeps memory until it is flushed, on top of all the rest, and is to be held to a bound (half a GiB):
// while there is one, the collector works harder, which costs the transaction and everyone else speed.
//
// GOGC and GOMEMLIMIT override each; mapped state files come on top.
const (
	gcPercent       = 200
	minMemoryLimit  = 640 << 20
	maxMemoryLimit  = 1 << 30
	memoryPartLimit = 12 // the limit is at most 1/12 of the memory
	largeBytes      = 24 << 20
)

// pace is how the collector works in one of the two cases.
type pace struct {
	target     uint64 // bytes of heap from which the percentage falls
	minPercent int
	softLimit  int64 // bytes, the lowest
}

var (
	usualPace = pace{target: 576 << 20, minPercent: 50, softLimit: minMemoryLimit}
	largePace = pace{target: 336 << 20, minPercent: 30, softLimit: 376 << 20} // while largeBytes or more are sent ahead
)

func limitMemory() *pacer {
	p := &pacer{sample: []runtimemetrics.Sample{{Name: "/gc/heap/live:bytes"}}}
	p.percents = os.Getenv("GOGC") == ""
	if os.Getenv("GOMEMLIMIT") == "" {
		p.limits = minMemoryLimit
		var info unix.Sysinfo_t
		if unix.Sysinfo(&info) == nil {
			p.limits = min(max(int64(info.Totalram)*int64(info.Unit)/memoryPartLimit, minMemoryLimit), maxMemoryLimit)
		}
	}
	p.set(0, usualPace)
	p.next()
	return p
}

// pacer sets the percentage and the limit anew after every collection.
type pacer struct {
	percents bool  // whether it sets the percentage
	limits   int64 // the highest soft limit that it sets; 0: it sets none
	sample   []runtimemetrics.Sample
	host     atomic.Pointer[group.Host] // nil until the node has one

	percent int
	limit   int64
}

// collected is an object without any reference: its cleanup runs after the next collection.
type collected struct{ _ *pacer }

func (p *pacer) next() { runtime.AddCleanup(&collected{}, (*pacer).adjust, p) }

func (p *pacer) adjust() {
	runtimemetrics.Read(p.sample)
	p.set(p.sample[0].Value.Uint64(), p.pace())
	p.next()
}

// pace looks for large transactions.
func (p *pacer) pace() pace {
	host := p.host.Load()
	if host == nil {
		return usualPace
	}
	var n int64
	for _, r := range host.Replicas() {
		n += r.State().SentAheadBytes()
	}
	if n >= largeBytes {
		return largePace
	}
	return usualPace
}

// set adjusts the collector to what is live. Each change stops the world for a moment, so both go in steps.
func (p *pacer) set(live uint64, by pace) {
	if percent := by.percentFor(live); p.percents && percent != p.percent {
		p.percent = percent
		debug.SetGCPercent(percent)
	}
	const step = 16 << 20
	rounded := int64((live + step) / step * step)
	limit := min(max(rounded*17/16, by.softLimit), p.limits)
	if p.limits != 0 && limit != p.limit {
		p.limit = limit
		debug.SetMemoryLimit(limit)
	}
}

// percentFor returns by how much a heap of which live bytes survived may grow.
func (by pace) percentFor(live uint64) int {
	const step = 5
	if live >= by.target {
		return by.minPercent
	}
	percent := int((by.target - live) * 100 / max(live, 1<<20))
	return min(max(percent/step*step, by.minPercent), gcPercent)
}
