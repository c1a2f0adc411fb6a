// Package plpgsql is PL/pgSQL as PostgreSQL 15 has it. Compile turns the text of a function, or of DO, into a Function; its
// Call runs it.
//
// The parser is PostgreSQL's grammar (pl_gram.y) by hand: it knows the structure of statements, and finds where the SQL
// within them begins and ends; what that is only sql/parse knows. Names are resolved as there: the scanner looks words up in
// the namespace of the place where they stand, and an expression keeps the namespace that it was written in, so that the
// semantic analysis (sema.Variables) finds the same variables when the expression is first evaluated.
//
// Variables are datums, numbered as in PostgreSQL, since errors show the numbers: scalars, records, fields of records, and
// rows, which are lists of the former (the target of INTO a, b).
//
// Expressions that PostgreSQL calls simple, a SELECT of one value from nothing, are compiled to sql/expr and evaluated
// without a statement; their variables are the parameters. All others, and the statements of SQL, are run by the Host, which
// the session implements: it keeps plans, takes locks, begins subtransactions and has the cursors.
//
// CONTEXT: an error collects a line of every function and statement that it leaves. Where it is caught or reported before
// that (EXCEPTION, notices, PG_CONTEXT), the Host knows the lines of those around.
package plpgsql
