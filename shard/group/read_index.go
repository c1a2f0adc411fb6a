//go:build readindex

package group

// leaseServesReads is false in binaries built with the tag readindex, which ask raft about every read of rows, as there would
// be need to without leases: tests/bench measures the difference. It is no setting; a user gains nothing by it.
const leaseServesReads = false
