// Package exec runs physical plans. Operators pull batches of typed columns from each other; short statements by key go
// around them (point.go). All writes, those of cascades included, go through Writer, which keeps rows and index entries
// together, takes the locks and judges NOT NULL, CHECK and UNIQUE as PostgreSQL does.
//
// What does not fit into an operator's memory goes to temporary files: tempfile.go says how.
//
// A newcomer needs Context (what an execution runs in), Run and Open, and Writer.
//
// Caveats. A batch that an operator returns is valid until it is asked for the next one. Nothing here is bound to a
// plan's parameters before execution: plans are shared by sessions.
package exec
