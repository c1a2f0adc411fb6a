package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/group"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// gone reports whether nobody listens where a connection was tried.
func gone(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// cutOff says why this node may not plan, to clients and in the log. The answer serves for a moment: clients that try again
// and again shall not make it ask as often.
type cutOff struct {
	mu  sync.Mutex
	at  time.Time
	err *pgerr.Error
}

const (
	cutOffLasts = time.Second
	// On a node that is cut off for cutOffPatience, no statement goes on for longer than statementAlone: what it waits for, a
	// group's majority or another node's part of a table lock, may never come.
	cutOffPatience = 4 * time.Second
	statementAlone = 8 * time.Second
	cutOffLooks    = 8 // in cutOffPatience
)

// cutOffFor is how long the node has had no right to plan, 0 when it has it.
func (m *member) cutOffFor() time.Duration {
	until := m.liveUntil.Load()
	if until == 0 {
		return 0 // it is starting
	}
	return max(0, time.Duration(group.BootNS()-until))
}

// endWaits ends the statements that wait in vain. It counts how often it finds the node cut off: a process that was merely
// stopped for a while is back in a moment.
func (m *member) endWaits(ctx context.Context) {
	t := time.NewTicker(cutOffPatience / cutOffLooks)
	defer t.Stop()
	found := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if m.cutOffFor() == 0 {
			found = 0
		} else if found++; found > cutOffLooks {
			m.s.node.InterruptAfter(statementAlone, m.s.cutOffError)
		}
	}
}

// cutOffError asks the catalog group's voters, and names those that do not answer.
func (s *Server) cutOffError() *pgerr.Error {
	c := &s.cut
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.at) < cutOffLasts {
		return c.err
	}
	e := pgerr.New(pgerr.CannotConnectNow, "this node is cut off from the cluster").
		WithHint("The transaction might succeed if retried on another node.")
	voters, silent := s.silentVoters()
	switch need := len(voters)/2 + 1; {
	case len(voters)-len(silent) < need:
		e = e.WithDetail("%s, of the catalog group's %d voters: it needs %d.", doNotAnswer(silent), len(voters), need).
			WithHint("Retry when they are back. What to do when they are lost for good is in docs/operations.md.")
	case len(silent) > 0:
		e = e.WithDetail("%s; the others have not agreed on a leaseholder yet.", doNotAnswer(silent))
	}
	c.at, c.err = time.Now(), e
	return e
}

// silentVoters are the nodes whose replicas of the catalog group vote, and those of them that do not answer.
func (s *Server) silentVoters() (voters, silent []topo.NodeID) {
	g := s.catalog.Topology().Groups[topo.CatalogGroup]
	if g == nil {
		return nil, nil
	}
	var addresses []string
	var asked []topo.NodeID
	for _, r := range g.Replicas {
		if r.Role == topo.Learner {
			continue
		}
		voters = append(voters, r.Node)
		if r.Node != s.id.Node {
			asked = append(asked, r.Node)
			addresses = append(addresses, s.addressOf(r.Node))
		}
	}
	ctx, cancel := context.WithTimeout(s.life, helloTimeout)
	defer cancel()
	for i, p := range s.greetAll(ctx, addresses, &helloRequest{}) {
		if p.err != nil || p.resp.Node != asked[i] {
			silent = append(silent, asked[i])
		}
	}
	slices.Sort(silent)
	return voters, silent
}

func doNotAnswer(ids []topo.NodeID) string {
	if len(ids) == 1 {
		return fmt.Sprintf("Node %d does not answer", ids[0])
	}
	return fmt.Sprintf("Nodes %s do not answer", enumerated(ids))
}

// enumerated lists numbers as a sentence does.
func enumerated[N ~uint32 | ~uint64](ids []N) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = fmt.Sprint(id)
	}
	if n := len(words); n > 1 {
		words = append(words[:n-2], words[n-2]+" and "+words[n-1])
	}
	return strings.Join(words, ", ")
}
