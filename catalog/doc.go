// Package catalog holds what the database knows about itself: descriptors of schemas, tables, indexes, constraints,
// sequences, views, types and roles, and the immutable Snapshot in which they are looked up. It does no I/O. Package
// catalog/store keeps a node's Snapshot up to date with the catalog group's log; package catalog/ddl makes the changes.
//
// A Snapshot never changes: Put and Remove return a new one that shares structure with the old. A descriptor never
// changes once it is in a Snapshot; to alter a table, Clone it, alter the clone and Put it.
package catalog
