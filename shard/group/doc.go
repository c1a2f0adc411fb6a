// Package group runs raft groups: it is the only importer of dragonboat. A Host is the process's share of all groups, on
// one data directory; a Replica is its share of one group, and, while it holds the group's lease, serves rpc.Group.
//
// # What a leaseholder keeps in memory
//
// Row locks, the highest served read, and the keys of prepares that are on their way through the log. All of it is lost
// with the lease, unless it is released: then locks and highest read go along. Locks are hints (rule R1). The other two decide commit timestamps: a prepare registers its keys, then
// reads the highest served read and asks for a commit timestamp above it; a read raises the highest served read, then
// looks whether one of its keys is registered, and waits if so. Whichever comes first, the other one sees it: so no
// commit appears beneath a read that was served. A new holder starts from a fresh timestamp, which is above every read
// that any earlier holder served.
//
// # Leases
//
// A command applied by the holder extends the lease to the command's own propose time plus LeaseDuration, by
// CLOCK_BOOTTIME. There are no keep-alives in an idle group: with its lease expired the holder asks raft (ReadIndex)
// whether anything was logged that it has not applied, a successor's Lease among it, and serves if not; a proposal that
// extends the lease goes out beside. See lease.go, and transfer.go for how a lease is given up: on request, when raft has
// another leader, and at a stop.
//
// # Members
//
// A group grows by Replica.AddNonVoting at its leader, StartGroup at the new node, Replica.CaughtUp there, and
// Replica.Promote; it shrinks by Replica.RemoveReplica and Host.StopGroup. A replica id is used once: who comes back with
// its data lost (ErrReplicaLost) comes back under a new one. Raft's messages go over connections that are given in
// TransportConfig.
//
// # Group commit
//
// Callers pack waiting commands themselves; see propose.go.
package group
