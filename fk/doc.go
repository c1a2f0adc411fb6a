// Package fk turns the foreign keys of the catalog into constraint programs and runs them at the end of statements.
//
// A Program is what a write to one table entails: the Checks of its own foreign keys and the Actions of the foreign keys
// that reference it. It is compiled once per catalog snapshot (Programs). A Runner belongs to one transaction; the
// executor hands it the row images of each statement in batches, and Flush does what PostgreSQL's RI triggers do after
// the statement: it works through a queue of events, first in first out, in rounds. An event's cascade writes rows, and
// those writes are events of their own at the queue's end; so a chain of any length, or a cycle, is a sequence of batched
// scatters, never a recursion and never one query a row.
//
// What makes it safe across groups is rule R2: the referenced unique-key entry is the serialization point. A Check locks
// that entry KEY SHARE, reads its latest version and leaves a shared mark there; an Action starts when the writer holds
// the entry in Update mode, and only then draws the timestamp F of its children scan, which travels with the entry's
// exclusive mark. The entry's log orders the two whatever happens to the locks meanwhile.
//
// Package fk sees rows through the small Store interface and knows neither keys' bytes nor groups.
package fk
