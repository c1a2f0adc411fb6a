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
