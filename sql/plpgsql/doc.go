// Package plpgsql is PL/pgSQL: Parse reads a function's body, and Call runs it. What runs SQL is behind Host, which the
// session implements: expressions and statements keep their plans with the parsed function, and its variables are their
// parameters.
package plpgsql
