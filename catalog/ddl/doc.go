// Package ddl changes the catalog within a transaction. A Tx is a private overlay over the node's catalog Snapshot, bound
// to one transaction: its operations check and word their errors as PostgreSQL 15 does, show their effect in Overlay at
// once, and buffer the changed descriptors as ordinary writes to the catalog group. Nothing is parsed here; expressions
// are SQL text that the caller has analysed.
//
// # Stale constraints
//
// No node may write by an old version of a table once a change of it is committed, or is being validated (ARCHITECTURE
// §6). Each table that existed before gets its next SchemaVersion at the first change, once per transaction, and a fence
// in every data group: raised before anything is validated, copied or built against the table's rows, at the latest in
// BeforeCommit; opened by AfterCommit, lowered by AfterAbort. From raise to open no prepare of another transaction that
// names the table is admitted. A table that the transaction itself created needs none. Nor do changes that writers need not
// know of (Tx.annotate): they keep the version.
//
// # Concurrent DDL
//
// Descriptor keys and name keys in the catalog group are locked as rows are. Whoever waited for one finds a newer version
// than its snapshot had, lets the local replica catch up, moves its overlay onto the newer snapshot and looks again. What a
// change relies on without changing it (the schema a table is created in) is locked in share mode, which travels into the
// commit like every lock.
package ddl
