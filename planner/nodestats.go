package planner

import "time"

// NodeStats is what one node did in an execution.
type NodeStats struct {
	Rows  int64
	Loops int64
	Time  time.Duration // of the node and its inputs
	First time.Duration // until the first rows came, of all loops

	// Of a sort: how, and how much memory or disk it took.
	SortMethod string
	SortKB     int64
	SortDisk   bool
	// Of a hash join or aggregate: in how many batches it was done (0: it is neither), its memory and what went to disk.
	Batches              int
	Buckets              int64
	MemoryKB, DiskUsedKB int64
}

// Millis are the times of one loop until the first row and until the last, in milliseconds.
func (s *NodeStats) Millis() (first, total float64) {
	loops := float64(max(1, s.Loops)) * 1e6
	return float64(s.First) / loops, float64(s.Time) / loops
}

// LoopRows are the rows of one loop.
func (s *NodeStats) LoopRows() float64 { return float64(s.Rows) / float64(max(1, s.Loops)) }

// SortSpace is where a sort had its rows.
func (s *NodeStats) SortSpace() string {
	if s.SortDisk {
		return "Disk"
	}
	return "Memory"
}
