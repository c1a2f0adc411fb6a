// Package fsm is the deterministic state machine of a raft group.
package fsm
