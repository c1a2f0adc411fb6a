package planner

import "time"

// NodeStats is what one node did in an execution.
type NodeStats struct {
	Rows  int64
	Loops int64
	Time  time.Duration // of the node and its inputs
}
