package server

import (
	"os"
	"runtime"
	"runtime/debug"
	runtimemetrics "runtime/metrics"

	"golang.org/x/sys/unix"
)

// How the garbage collector is paced. Most of the time a node's live heap is small beside its unflushed deltas, and
// collecting it too often costs more than its memory: it may grow to gcPercent beyond what was live. What a bulk load or a
// large transaction keeps is another matter: from where that would grow beyond gcTarget the percentage falls, down to
// gcMinPercent. Near the soft limit the collector gives memory back to the system and works as hard as it must: that is
// softLimit, or an eighth more than what is live, up to a part of the machine's memory within bounds. GOGC and GOMEMLIMIT
// override each; mapped state files come on top.
const (
	gcPercent       = 200
	gcMinPercent    = 30
	gcTarget        = 336 << 20
	softLimit       = 376 << 20
	minMemoryLimit  = 640 << 20
	maxMemoryLimit  = 1 << 30
	memoryPartLimit = 12 // the limit is at most 1/12 of the memory
)

func limitMemory() {
	p := &pacer{sample: []runtimemetrics.Sample{{Name: "/gc/heap/live:bytes"}}}
	p.percents = os.Getenv("GOGC") == ""
	if os.Getenv("GOMEMLIMIT") == "" {
		p.limits = minMemoryLimit
		var info unix.Sysinfo_t
		if unix.Sysinfo(&info) == nil {
			p.limits = min(max(int64(info.Totalram)*int64(info.Unit)/memoryPartLimit, minMemoryLimit), maxMemoryLimit)
		}
	}
	p.set(0)
	p.next()
}

// pacer sets the percentage and the limit anew after every collection.
type pacer struct {
	percents bool  // whether it sets the percentage
	limits   int64 // the highest soft limit that it sets; 0: it sets none
	sample   []runtimemetrics.Sample

	percent int
	limit   int64
}

// collected is an object without any reference: its cleanup runs after the next collection.
type collected struct{ _ *pacer }

func (p *pacer) next() { runtime.AddCleanup(&collected{}, (*pacer).adjust, p) }

func (p *pacer) adjust() {
	runtimemetrics.Read(p.sample)
	p.set(p.sample[0].Value.Uint64())
	p.next()
}

// set adjusts the collector to what is live. Each change stops the world for a moment, so both go in steps.
func (p *pacer) set(live uint64) {
	if percent := gcPercentFor(live); p.percents && percent != p.percent {
		p.percent = percent
		debug.SetGCPercent(percent)
	}
	const step = 32 << 20
	limit := min(max(int64((live+step)/step*step)*9/8, softLimit), p.limits)
	if p.limits != 0 && limit != p.limit {
		p.limit = limit
		debug.SetMemoryLimit(limit)
	}
}

// gcPercentFor returns by how much a heap of which live bytes survived may grow.
func gcPercentFor(live uint64) int {
	const step = 5
	if live >= gcTarget {
		return gcMinPercent
	}
	percent := int((gcTarget - live) * 100 / max(live, 1<<20))
	return min(max(percent/step*step, gcMinPercent), gcPercent)
}
