// Package sim runs whole clusters in one process under a seeded scheduler: real shard/fsm replicas, real lock tables, the
// real shard/txn gateway, the real oracle (shard/tso), catalog replicas (catalog/store) and schema changes (catalog/ddl), with
// a simulated network, log, clock and leaseholder between them.
//
// Cluster is a run's world, Group one raft group's log, Node a process, and seat a process's replica of a group with what its
// memory holds as a leaseholder: lock table, register of prepares in flight, highest served read, and the lease by the rule
// of shard/group (leaseRule). Every message, every entry's way into a log and every point at which a leaseholder goes on with
// what it has learnt is a step that the scheduler takes when its seed says so: late, twice, out of order, or never. Between
// steps it applies logs, kills processes (which restart from what they have flushed), stands them still (SIGSTOP), lets their
// CLOCK_BOOTTIME drift, cuts leaders off from their peers and groups from their gateways, moves leadership, raises the horizon
// and flushes replicas.
//
// The workload is foreign-key races over three levels, unique contention, transfers, a counter, SERIALIZABLE transactions,
// registers, and a foreign key that is dropped and added while others write by catalogs of any age. The judges:
//
//   - constraints recomputed from whole snapshots, during the run and at its end; the foreign key where the catalog publishes
//     it at that snapshot
//   - what clients were told of each COMMIT against markers that every writing transaction leaves in two groups
//   - timestamps: each new, and later than every one handed out before it was asked for
//   - linearizability of single keys (porcupine), in linear_test.go
//   - serializability: SERIALIZABLE transactions run again one after the other, by commit timestamp
//   - no prepare or fence is left that recovery does not finish, and no table is shut
//   - digests of all replicas; and every answer of the first node's against a plain model of the state machine, in every
//     fifth run
//
// A run is a function of its seed: goroutines only meet in steps, and the scheduler takes one at a time while everything
// else is blocked (testing/synctest tells when). A seed that fails says how to replay it, with every step printed:
//
//	go test ./tests/sim -run TestReplay -seed N [-quiet]
//	go test ./tests/sim -run TestSimulation -seeds N -first N -keep-going
//	PGMQDB_LONG=1 go test ./tests/sim        # 5,000 seeds, and every broken rule
//	go test ./tests/sim -run TestEveryBroken -v -break PART_OF_ITS_NAME
package sim
