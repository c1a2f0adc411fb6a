// Package lock is an in-memory lock manager: first come, first served queues over keys, with modes and a conflict table
// that the user of it chooses. It serves row locks at a leaseholder (four modes), table locks at a gateway (eight modes)
// and advisory locks; see NewRows, NewTables and NewAdvisory.
//
// A Manager is a hint (rule R1): nothing is safe because a lock is held here. It orders transactions so that they seldom
// fail when the log validates what they relied on.
//
// Start with Manager.Acquire and Manager.ReleaseAll. A request that has to wait is shown to a WaitGraph, which answers
// whether the wait closes a cycle; shard/deadlock implements it.
package lock
