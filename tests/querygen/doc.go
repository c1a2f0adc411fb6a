// Package querygen compares pgmqdb with PostgreSQL 15 on SQL that nobody wrote: seeded random expressions, queries and
// data-modifying statements over typed tables.
//
// Both servers run the same text. Its outcome is everything that a client sees: the columns with their names and types,
// the rows, the command tag, and of an error every field but the place in the server's source. The outcomes must be
// equal; the differences that are no fault are the rules of rules.go, each with its reason.
//
// The generator is typed, so that most statements run: an expression of a wanted type is made by a producer of that
// type, which is a literal, a column in scope, or a function, an operator or a cast of PostgreSQL's own catalog
// (catalog.go) that pgmqdb does not answer as unsupported. A statement is a tree of nodes (node.go) that prints as SQL;
// it is made by the seed and its number alone, so the two reproduce it.
//
// A statement that differs is shrunk by cutting its tree (shrink.go) for as long as what is left differs in the same way.
//
// What the rows of a query are must not depend on what SQL leaves open. The generator sees to it:
//   - LIMIT, DISTINCT ON, and whatever looks at neighbouring rows (window frames, ordered aggregates) go with an order
//     that ends in the text of every column, so that rows that tie are equal to the letter.
//   - Values that are equal but look different (numeric 1.0 and 1.00, intervals, jsonb numbers, negative zero) are
//     neither grouped nor made distinct: which of them stands for the group is open. The text of them is grouped.
//   - Sums of floats are taken in a stated order.
package querygen
