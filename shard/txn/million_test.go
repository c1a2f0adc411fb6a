package txn

import (
	"os"
	"runtime"
	"testing"
	"time"
)

// TestAMillionRowsInOneTransaction runs with TXN_MILLION=1 and reports time and heap.
func TestAMillionRowsInOneTransaction(t *testing.T) {
	if os.Getenv("TXN_MILLION") == "" {
		t.Skip("TXN_MILLION is not set")
	}
	const rows = 1_000_000
	m, groups := setup(t, 4, Config{})
	heap := func() int64 {
		var ms runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&ms)
		return int64(ms.HeapAlloc) >> 20
	}
	before, start := heap(), time.Now()
	tx := m.Begin(Options{})
	insert(t, tx, groups, 0, rows, "some value of a row that is a bit longer, as rows of tables mostly are")
	t.Logf("inserted after %v, heap + %d MB", time.Since(start), heap()-before)
	sent := uint64(0)
	for _, g := range tx.groups {
		sent += g.prov.sent
		g.tree, g.prov.keys = nil, seenTable{}
	}
	t.Logf("without the gateway's part + %d MB; %d operations sent ahead", heap()-before, sent)
	tx.Rollback(t.Context())
	tx = m.Begin(Options{})
	start = time.Now()
	insert(t, tx, groups, 0, rows, "some value of a row that is a bit longer, as rows of tables mostly are")
	mustCommit(t, tx)
	t.Logf("inserted and committed after %v, heap + %d MB", time.Since(start), heap()-before)
}
