// Package rpc has the calls between the nodes of a cluster.
//
// Group is a raft group as a gateway uses it. A leaseholder implements it (shard/group); Client.Group is the same group at
// another node, and Router.Group finds the node by itself. Server serves a node's groups, and the node's own calls
// (Handler.Call), to others. Gather makes calls to several groups at once, in one message to each node that leads some.
//
// # The wire
//
// A node listens at one address (Mux) for two kinds of connections: raft's, which shard/group reads, and gRPC's, which this
// package does. After the TLS handshake, where there are certificates, the dialer's first four bytes say which it is.
//
// A unary gRPC call costs a stream of its own: headers and trailers, allocations, several hops between goroutines. Here
// streams are made once and used again: a client keeps idle streams (peer), takes one for a call, sends one frame and
// receives one (or a "waiting" frame and then one). So calls need no ids, and a long answer or a long wait holds up no other
// call. A cancelled call cancels its stream, which ends the handler's context at the server; a stream that may have been
// cancelled is never used again.
//
// A batch (gather.go) is a frame with requests to several groups of a node, and its answer one with theirs. Each is run,
// and fails, as if it had come by itself; but the answers of all come together, when the last one is there. So a batch has
// what one step of a statement waits for as a whole, and nothing of two statements.
//
// Frames are hand-written (frame.go, encode.go). A frame that cannot be read is an error of its call, whatever its bytes:
// no length is believed beyond the bytes that are there.
//
// # When an answer is lost
//
// A call that fails on its way is ErrUnavailable: it may be made again elsewhere. For Propose it is ErrNotProposed while the
// request cannot have reached the other node, and ErrAmbiguous afterwards. The end of the caller's context is its cause,
// except for a Propose that was sent, which is ErrAmbiguous too. A batch that gets lost fails every call in it so. Errors of the other node arrive as they were: *Error and
// *pgerr.Error with all fields, the two context errors as such, others as a *RemoteError with their text.
//
// A node that stops answering, though its connections stand, is noticed by pings while calls wait for it (peer.go); a
// caller that does, by the server's keep-alive, so that what it waits for is not kept for it.
package rpc
