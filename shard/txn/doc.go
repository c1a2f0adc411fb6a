// Package txn is the gateway's side of a transaction: snapshot, buffered writes, locks, marks, savepoints and the commit
// protocol over the groups that it touched.
package txn
