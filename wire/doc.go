// Package wire speaks PostgreSQL's frontend/backend protocol 3.0: start-up, TLS, authentication, the simple and the
// extended query protocol, COPY and cancellation. A Server accepts connections; each gets a session.Session, to which
// the connection is the session.Client.
//
// A connection is one goroutine that reads a message, lets the session act on it and flushes at Sync, Flush and the end
// of a simple query, so that pipelined messages cost one write. Bytes from clients are never trusted: message bodies are
// bounded before they are read, tighter before authentication than after.
package wire
