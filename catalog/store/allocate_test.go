package store

import (
	"context"
	"sync"
	"testing"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
)

// counters is a catalog group that has counters and nothing else.
type counters struct {
	rpc.Group
	mu   sync.Mutex
	last map[uint64]int64
}

func (c *counters) NextSequenceValues(_ context.Context, q *rpc.SequenceRequest) (*rpc.SequenceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first := max(c.last[uint64(q.ID)]+1, q.Start)
	c.last[uint64(q.ID)] = first + int64(q.Count) - 1
	return &rpc.SequenceResponse{First: first, Count: q.Count}, nil
}

// Row ids are of one row each, whichever node and whichever of its runs made them, and fit a tid.
func TestRowIDsAreOfOneRow(t *testing.T) {
	c := &counters{last: map[uint64]int64{}}
	var mu sync.Mutex
	seen := map[int64]bool{}
	var all sync.WaitGroup
	for range 3 {
		a := NewAllocator(func() rpc.Group { return c })
		for range 2 { // sessions of a node
			all.Go(func() {
				var ids []int64
				for range rowBlock + 100 {
					id, err := a.RowID(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					ids = append(ids, id)
				}
				mu.Lock()
				defer mu.Unlock()
				for _, id := range ids {
					if seen[id] || id <= 0 || id >= 1<<48 {
						t.Errorf("row id %d", id)
						return
					}
					seen[id] = true
				}
			})
		}
	}
	all.Wait()
	if got := c.last[uint64(catalog.RowIDSequence)]; got != 3*reserve {
		t.Errorf("%d blocks were taken", got)
	}
}
