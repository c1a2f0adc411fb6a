package group

import (
	"fmt"
	"runtime"
	"testing"
)

func TestRaftMakesRoomForFewEntries(t *testing.T) {
	n := open(t, t.TempDir(), nil)
	commit := func(from, to int) (bytes uint64) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for i := from; i < to; i++ {
			n.mustPut(t, "v", fmt.Sprint(i))
		}
		runtime.ReadMemStats(&after)
		return (after.TotalAlloc - before.TotalAlloc) / uint64(to-from)
	}
	commit(0, 100)
	// With raft's own setting it is 48 KB. The timestamp, the row and what the log store needs are a few.
	if bytes := commit(100, 1100); bytes > 24<<10 {
		t.Errorf("a commit of one row allocates %d bytes", bytes)
	} else {
		t.Logf("a commit of one row allocates %d bytes", bytes)
	}
}
