// Package place decides where replicas and leases go, and which nodes are alive. It is pure: Plan looks at a View and names
// the next steps, Liveness looks at heartbeats and clock readings. The catalog group's leaseholder runs both and carries the
// steps out; a successor that knows only the records and the heartbeats goes on where its predecessor stopped, because every
// step is idempotent and the records say what is under way.
package place
