// Package sim runs whole clusters in one process under a seeded scheduler: real shard/fsm replicas, real lock tables and
// the real shard/txn gateway, with a simulated network, log and leaseholder between them.
//
// Cluster is a run's world, Group one raft group with its leaseholder's volatile state, and every message between gateway
// and leaseholder is a step that the scheduler takes when its seed says so: late, twice, out of order, or never. Between
// steps it kills coordinators, moves leases (which empties lock tables, in-flight registers and highest reads), raises the
// horizon and flushes replicas. The workload checks what it reads; the oracles check what is left (oracle.go).
//
// A run is a function of its seed: goroutines only meet in steps, and the scheduler takes one at a time while everything
// else is blocked (testing/synctest tells when). To replay a failure: go test ./tests/sim -run TestSimulation -seed N.
package sim
