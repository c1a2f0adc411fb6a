// Package lockmgr makes table locks and advisory locks hold over the nodes of a cluster, and finds deadlocks that span
// nodes. Like all locks these are behaviour, not safety (rule R1): what a lock would have protected is validated when the
// raft logs apply it. So where a node is cut off, or was declared dead and comes back, the aim is to be simple and to end
// well, and the sessions that lost a lock are told.
//
// Manager is the whole of it; Manager.Tables and Manager.Advisory have the methods of a lock.Manager. A node that knows of no
// other pays nothing for it: its locks are those of a local lock.Manager, and no call is made.
//
// # Table locks
//
// The weak modes (AccessShare, RowShare, RowExclusive) conflict with none of themselves, and are taken in the table of the
// own node alone. The strong modes are taken in the tables of all live nodes, in ascending order of node ids, so that two of
// them queue at the lowest node instead of meeting crosswise. A weak request meets a strong lock in its own node's table.
//
// A node that joins, or was away, calls Manager.Sync before it takes clients: it announces itself to every live node, and
// adopts the strong locks that are held there. From then on the others take their strong locks at the newcomer too, whether
// their own view of the cluster has it already or not (tables.go, sync.go).
//
// # Advisory locks
//
// All advisory locks are in one table, at their home: the node that holds the catalog group's lease. Each node remembers what
// its own sessions hold. When the lease moves, the new home asks every live node for that, and grants nothing before all have
// answered or are no longer live; from its answer on, a node takes no grant of an earlier home (home.go has the argument).
//
// # Requests to other nodes
//
// A call may be lost, be late, or be carried out twice. Each owner, a transaction or a session, is driven by one goroutine, so
// its requests have an order; each carries a number that grows. A node carries out a request of an owner once, however often
// it is asked, and none that is older than the last one it saw of that owner (inbox.go). A release is repeated until the node
// answers or is no longer live, and a request is not sent to a node that has not taken in the owner's releases (outbox.go).
//
// # Deadlocks
//
// A cycle of waits at one node is found there at once (package deadlock). A node with a wait older than a few tenths of a
// second tells the home of the advisory locks, which collects all live nodes' waits, looks for cycles, collects again to see
// that the same waits are still there, and breaks one of them (detect.go).
package lockmgr
