package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// What a node asks others before it takes part: whether they are of its cluster, whether it understands their log, whether its
// clock is theirs, and whether it is running already. Any node answers, whatever state it is in.

const (
	// helloTimeout bounds one question.
	helloTimeout = time.Second
	// maxClockSkew is how far a wall clock may be off. Nothing is ordered by clocks; they show in now() and in defaults that
	// call it, and there a node with another time than the rest is a mistake.
	maxClockSkew = 10 * time.Second
	// copyPatience is how long a node that is said to be running already waits for the other one to end: longer than the
	// liveness lease, under which a killed one still counts as alive where nobody can ask it.
	copyPatience = 5 * time.Second
)

// helloRequest asks a node who it is, and where it knows another one to be.
type helloRequest struct{ Node topo.NodeID }

// helloResponse is the answer.
type helloResponse struct {
	Cluster        uint64
	Node           topo.NodeID
	Instance       string
	Run            string   // of this process alone
	Version        string   // of the program
	Format         uint8    // the newest command format that the program understands
	ClusterVersion uint8    // the newest that the cluster uses
	ClockNS        int64    // the wall clock
	Address        string   // of the node asked for; empty when it is not known
	Replaced       []uint64 // the clusters that Cluster took the place of
}

// hello answers helloRequest.
func (s *Server) hello(_ context.Context, q *helloRequest) (*helloResponse, error) {
	return &helloResponse{Cluster: s.id.Cluster, Node: s.id.Node, Instance: s.id.Instance, Run: s.run, Version: Version,
		Format: fsm.Format, ClusterVersion: s.clusterVersion(), ClockNS: time.Now().UnixNano(), Address: s.addressOf(q.Node),
		Replaced: s.id.Replaced}, nil
}

// clusterVersion is the newest command format in use, as far as this node has applied the catalog group's log.
func (s *Server) clusterVersion() uint8 {
	if r := s.host.Replica(topo.CatalogGroup); r != nil {
		return r.State().ClusterVersion()
	}
	return fsm.Format
}

// refusedError ends a node that may not take part; trying again changes nothing.
type refusedError struct{ msg string }

func (e *refusedError) Error() string { return e.msg }

func refused(format string, args ...any) error { return &refusedError{fmt.Sprintf(format, args...)} }

// askHello asks the node at an address. When it cannot be reached the error is the connection's own: a *rpc.TrustError, or the
// system's.
func (s *Server) askHello(ctx context.Context, address string, q *helloRequest) (resp *helloResponse, skew time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, helloTimeout)
	defer cancel()
	asked := time.Now()
	resp = new(helloResponse)
	if err = s.callAddress(ctx, address, methodHello, q, resp); err != nil {
		// gRPC tells no causes.
		again, stop := context.WithTimeout(context.WithoutCancel(ctx), helloTimeout)
		defer stop()
		conn, cause := rpc.Dial(again, address, rpc.Calls, s.dialTLS)
		if cause != nil {
			return nil, 0, cause
		}
		conn.Close()
		return nil, 0, err
	}
	took := time.Since(asked)
	skew = asked.Add(took / 2).Sub(time.Unix(0, resp.ClockNS)).Abs()
	return resp, max(0, skew-took/2), nil
}

// acceptable reports whether this program can take part in a peer's cluster.
func acceptable(address string, resp *helloResponse) error {
	if resp.ClusterVersion > fsm.Format {
		return refused("this program (version %s) understands command format %d, and the cluster of the node at %s (version %s) uses %d: "+
			"start a newer one", Version, fsm.Format, address, resp.Version, resp.ClusterVersion)
	}
	return nil
}

func clockOff(address string, skew time.Duration) error {
	return refused("this machine's clock is off by %s from that of the node at %s; at most %s is allowed", skew.Round(time.Second),
		address, maxClockSkew)
}

// peerAnswer is what one address answered.
type peerAnswer struct {
	address string
	resp    *helloResponse
	skew    time.Duration
	err     error
}

// greetAll asks all addresses at once.
func (s *Server) greetAll(ctx context.Context, addresses []string, q *helloRequest) []peerAnswer {
	out := make([]peerAnswer, len(addresses))
	var wg sync.WaitGroup
	for i, a := range addresses {
		wg.Go(func() {
			out[i].address = a
			out[i].resp, out[i].skew, out[i].err = s.askHello(ctx, a, q)
		})
	}
	wg.Wait()
	return out
}

// checkOthers asks the nodes that this one knew when it last ran whether it may start. It comes before raft: a copy of a data
// directory has the same replicas under the same ids, and must not vote beside the original.
//
// Who does not answer has no say. So two copies can run side by side when neither reaches the other, nor a node that knows
// where the other is: then both vote and answer as one replica, and an entry can be lost that the group took for replicated.
// Only the groups whose majority such a pair makes up can be harmed; on the first registration that reaches a leaseholder
// after that, one of the two is refused and ends.
func (s *Server) checkOthers(ctx context.Context) error {
	refusal := s.checkOnce(ctx)
	for deadline := time.Now().Add(copyPatience); errors.Is(refusal, errRunning) && time.Now().Before(deadline); {
		s.log.Warn("waiting for the other process to end", "err", refusal)
		if !sleep(ctx, copyPatience/10) {
			return context.Cause(ctx)
		}
		refusal = s.checkOnce(ctx)
	}
	return refusal
}

var errRunning = errors.New("this data directory is a copy of its own, or is in use elsewhere")

func (s *Server) checkOnce(ctx context.Context) error {
	known := s.id.contacts()
	join := s.cfg.Join
	asked := map[string]bool{s.address: true}
	var next []string
	for _, a := range append(slices.Collect(maps.Values(known)), join) {
		if a != "" && !asked[a] {
			asked[a] = true
			next = append(next, a)
		}
	}
	answered, off := 0, []peerAnswer(nil)
	for len(next) > 0 {
		answers := s.greetAll(ctx, next, &helloRequest{Node: s.id.Node})
		next = nil
		for _, p := range answers {
			switch {
			case p.err != nil:
				s.log.Debug("asking another node", "at", p.address, "err", p.err)
				continue
			case slices.Contains(p.resp.Replaced, s.id.Cluster):
				return replacedError(s.cfg.DataDir, s.id.Cluster, p.resp, p.address)
			case p.resp.Cluster != s.id.Cluster && p.address == join:
				return refused("%s belongs to node %d of cluster %d, and the node at %s to cluster %d: start it without --join, "+
					"or join with an empty directory", s.cfg.DataDir, s.id.Node, s.id.Cluster, join, p.resp.Cluster)
			case p.resp.Cluster != s.id.Cluster:
				continue // the address is another's by now
			case p.resp.Node == s.id.Node && p.resp.Run != s.run:
				return fmt.Errorf("node %d is running at %s: %w", s.id.Node, p.address, errRunning)
			}
			if err := acceptable(p.address, p.resp); err != nil {
				return err
			}
			if answered++; p.skew > maxClockSkew {
				off = append(off, p)
			}
			// Where the others know this node to be is where the original may be.
			if a := p.resp.Address; a != "" && !asked[a] {
				asked[a] = true
				next = append(next, a)
			}
		}
	}
	if len(off)*2 > answered { // otherwise it is the other's clock
		return clockOff(off[0].address, off[0].skew)
	}
	return nil
}

// checkRunning refuses a registration while another process runs under the same id.
func (h *holder) checkRunning(ctx context.Context, q *registerRequest) error {
	s := h.s
	n := s.catalog.Topology().Nodes[q.Node]
	if n == nil || n.Dead || n.Epoch == 0 || q.Node == s.id.Node && q.Run == s.run {
		return nil
	}
	report := h.report(n)
	if report != nil && report.Run == q.Run {
		return nil
	}
	at := n.Address
	resp, _, err := s.askHello(ctx, at, &helloRequest{})
	switch {
	case err == nil && resp.Cluster == s.id.Cluster && resp.Node == q.Node && resp.Run != q.Run:
		return pgerr.New(pgerr.ObjectInUse, "node %d is running at %s", q.Node, at)
	case err == nil || gone(err) || report == nil:
		return nil
	}
	// It was heard of a moment ago and does not answer now: until its right to plan has run out it may only be slow.
	return pgerr.New(pgerr.ObjectInUse, "node %d was running at %s a moment ago", q.Node, at).WithDetail("%v", err)
}
