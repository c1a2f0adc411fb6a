// Package fsm is the deterministic state machine of a raft group: what one replica knows, and how the log changes it.
//
// State holds the versions of all keys (an in-memory delta over a bbolt file) and the tables that make commits safe:
// prepared attempts, outcomes, marks, fences, the lease, the horizon. Apply is the only way to change it. Replicas that
// applied the same log hold the same state, whenever each of them flushed: apply reads no clock, iterates no map where the
// order shows, and treats a tombstone, mark or outcome at or below the logged horizon as absent, dropped or not. Digest
// proves it.
//
// Apply runs in one goroutine; reads, flushes and snapshots run beside it. Three things make that cheap: the delta is
// read without locks up to a bound (the last whole command), the layers hang on one pointer that a flush swaps twice, and
// the tables' lock is held for single changes only. A reader looks for prepared writes before it fixes its bound, and
// apply publishes versions before it lifts a prepare, so a reader never falls between the two.
package fsm
