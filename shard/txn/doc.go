// Package txn is the gateway's side of a transaction: snapshot, buffered writes, locks, marks, savepoints and the commit
// protocol over the groups that it touched.
//
// Manager makes transactions (Begin) and finishes those of others that were met prepared and stuck (Recover). Txn is one
// transaction; one session drives it, though scans that it opened may be read from several goroutines. Writes stay in a
// buffer per group (buffer.go) until COMMIT turns them into one fsm.Prepare per group (prepare.go, commit.go); what
// outgrows the buffer goes ahead as provisional intents (provision.go).
//
// Caveats. Keys and values given to Put, Delete, Lock and the marks are kept, not copied: the caller never changes them
// afterwards. After any error of a statement the caller rolls back, to a savepoint or altogether. Commit and Rollback end
// the Txn; nothing may be called on it afterwards but Commit's own accessors.
//
// Isolation. READ COMMITTED draws a snapshot per statement, REPEATABLE READ and SERIALIZABLE one per transaction. A
// SERIALIZABLE transaction that writes validates at commit every range that it read: no version above its snapshot up to
// its commit timestamp. So each such transaction reads what it would have read at its commit timestamp, and commit order
// is a serial order. One that writes nothing needs no validation: it saw exactly the commits at or below its snapshot,
// which is a prefix of that serial order, so it takes its place there. (The read-only anomaly of snapshot isolation needs
// writers whose reads are not valid at their commit; here there are none among SERIALIZABLE transactions.)
package txn
