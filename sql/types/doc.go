// Package types holds SQL values and everything PostgreSQL's built-in types can
// do without a catalog: text and binary input and output, comparison, hashing,
// casts, and the arithmetic of numeric, dates and intervals.
//
// A newcomer needs five types. Oid names a type and Type adds its modifier.
// Datum is one value; it does not carry its type, which is always known
// statically beside it. Vec is one column of values in the physical form of its
// Kind and Batch is some columns of equal length. IOEnv is the part of a
// session's settings on which text forms depend.
//
// Text and errors are PostgreSQL 15's, byte for byte where a client might parse
// them. The collation is C: text compares as bytes.
//
// Caveats. Of types that users create (enums, domains, composites) only what their
// OIDs tell is known here; see usertype.go. A reg* type needs IOEnv.RegOut and
// IOEnv.RegIn to be shown and read by name, an enum IOEnv.UserType. A Datum or
// Vec of strings refers to memory that others own (rows, protocol buffers); that
// memory must never change while the value lives.
package types
