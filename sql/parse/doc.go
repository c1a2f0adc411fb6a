// Package parse turns SQL text into statements of our own tree, and is the
// only importer of pg_query: nothing above it sees a protobuf.
//
// Parse is the entry point. It gives one RawStmt a statement, each with its
// byte range of the text and a Statement: SelectStmt, InsertStmt, CreateStmt
// and so on, named as PostgreSQL names its raw parse nodes. ParseExpr parses
// one expression, as the catalog stores DEFAULT and CHECK. Normalize and
// ParseNormalized let a session plan once for many texts that differ only in
// literals. Position turns a node's byte location into the character position
// that an error carries.
//
// Three promises:
//
//   - What is not carried into the tree is refused with 0A000 naming it, never
//     dropped. A test reads the translation's source and fails when a field of
//     a translated protobuf message is neither read nor known to be unset by
//     the raw grammar.
//   - No text ends the process. The C parser recurses on the system's stack,
//     where an overflow is fatal; a lexer ahead of it measures nesting and
//     chains and answers 54001 first (see depth.go).
//   - Errors are PostgreSQL's, SQLSTATE, message, hint and position.
//
// Trees are immutable once returned and may be shared by goroutines.
package parse
