package lockmgr

import (
	"context"
	"sync/atomic"
	"time"
)

// watch is what a node remembers of the long waits that it reported.
type watch struct {
	newest   uint64    // the highest id of a reported wait
	reported time.Time // when the last report arrived
	busy     atomic.Bool
	arrived  atomic.Uint64 // newest of the report that arrived last, plus one; 0: taken in
}

// reportAgain is how often the search is asked for while there are only waits that it has seen. A cycle is complete when the
// youngest of its waits is; this is for what a search missed because a node did not answer.
const reportAgain = 2 * time.Second

// watchWaits looks after what changes by itself: this node's liveness epoch, its time as the home, nodes that die while they
// are asked, and waits that have become long.
func (m *Manager) watchWaits() {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-m.life.Done():
			return
		case <-t.C:
			m.checkEpoch()
			m.Advisory.tick()
			m.cancelCalls()
			m.reportWaits()
		}
	}
}

// reportWaits tells the holder of the catalog group's lease when there are waits that deserve a search over all nodes.
func (m *Manager) reportWaits() {
	if m.cfg.Detector == nil || m.alone() {
		return
	}
	w := &m.watch
	if n := w.arrived.Swap(0); n > 0 {
		w.newest, w.reported = n-1, time.Now()
	}
	n, newest := m.cfg.Detector.LongWaits(time.Now().Add(-m.cfg.LongWait))
	if n == 0 || newest <= w.newest && time.Since(w.reported) < reportAgain || w.busy.Load() {
		return
	}
	holder, _, ok := m.env.CatalogHolder()
	if !ok {
		return
	}
	if holder == m.self {
		m.search.start(m)
		w.arrived.Store(newest + 1)
		return
	}
	w.busy.Store(true)
	m.spawn(func() {
		defer w.busy.Store(false)
		ctx, cancel := context.WithTimeout(m.life, callTimeout)
		defer cancel()
		if _, err := call[doneReply](ctx, m, holder, methodLongWait, struct{}{}, callTimeout); err == nil {
			w.arrived.Store(newest + 1)
		}
	})
}
