// Package pgcat serves PostgreSQL 15's system catalogs, the information schema and the schema pgmqdb from catalog
// snapshots, and computes the functions about them (pg_get_constraintdef, format_type, pg_table_is_visible, …).
//
// A System belongs to a node; an Env says for which session and snapshot it is asked. The shape of every relation
// (columns, OIDs) and the rows that describe what is built in (types, functions, operators, …) are PostgreSQL's own, kept
// as text under pgdata. Rows about the user's objects are made from the Snapshot on first use and kept with it, so that
// the second query on the same snapshot finds them ready. What lives outside the catalog (sessions, locks, sequences'
// values, nodes) is made for each query.
//
// Columns whose content has no counterpart here have the value that PostgreSQL gives them for objects without that
// feature, so that clients which test for it see it absent. Relations whose objects do not exist here are empty.
package pgcat
