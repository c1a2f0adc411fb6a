package server

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/group"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// identity is what a node has to know before it can open its data: who it is in which cluster, and which replica of the
// catalog group is its. Everything else it reads from that replica.
type identity struct {
	Format   int         `json:"format"`
	Instance string      `json:"instance"` // made before the first question to a cluster, so that a repeated join is one join
	Cluster  uint64      `json:"cluster"`
	Node     topo.NodeID `json:"node"`
	// CatalogReplica is the id of this node's replica of the catalog group; CatalogJoined tells that it was added to a
	// group that existed.
	CatalogReplica uint64 `json:"catalog_replica"`
	CatalogJoined  bool   `json:"catalog_joined"`
	// Contacts are where the nodes were when this one last knew, itself included. They serve until its catalog replica knows
	// better: to find the others, and to find out before raft runs whether this node is running elsewhere.
	Contacts map[topo.NodeID]string `json:"contacts,omitempty"`
	// Replaced are the clusters that this one took the place of, when it was recovered from their survivors.
	Replaced []uint64 `json:"replaced,omitempty"`

	mu sync.Mutex // guards the fields but Format, Instance, Cluster and Node, which never change once the node has started
}

const (
	identityFormat = 1
	identityFile   = "cluster.json"
)

// loadIdentity reads the data directory's identity, or makes one with nothing in it but the instance.
func loadIdentity(dir string) (*identity, error) {
	name := filepath.Join(dir, identityFile)
	data, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return &identity{Format: identityFormat, Instance: hex.EncodeToString(randomBytes(16))}, nil
	}
	if err != nil {
		return nil, err
	}
	id := new(identity)
	if err := json.Unmarshal(data, id); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", name, err)
	}
	if id.Format != identityFormat {
		return nil, fmt.Errorf("%s has format %d, this program reads %d", name, id.Format, identityFormat)
	}
	return id, nil
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// newCluster makes the identity that of the first node of a new cluster.
func (id *identity) newCluster(first topo.NodeID) {
	id.Cluster, id.Node, id.CatalogReplica = binary.BigEndian.Uint64(randomBytes(8))|1, first, 1
}

// contacts returns a copy of Contacts, never nil.
func (id *identity) contacts() map[topo.NodeID]string {
	id.mu.Lock()
	defer id.mu.Unlock()
	if id.Contacts == nil {
		return map[topo.NodeID]string{}
	}
	return maps.Clone(id.Contacts)
}

// update changes the identity and saves it.
func (id *identity) update(dir string, change func()) error {
	id.mu.Lock()
	change()
	id.mu.Unlock()
	return id.save(dir)
}

// save replaces the file: after a crash there is the old content or the new.
func (id *identity) save(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	data, err := json.MarshalIndent(id, "", "  ")
	if err != nil {
		return err
	}
	return group.WriteFileDurably(filepath.Join(dir, identityFile), append(data, '\n'))
}

// raftName is how raft names a node: a name and no address, so that a node's address may change between its runs.
func raftName(id topo.NodeID) string { return fmt.Sprintf("node-%d", id) }

// nodeNamed reads a raftName back, 0 when it is none.
func nodeNamed(name string) topo.NodeID {
	var id topo.NodeID
	if _, err := fmt.Sscanf(name, "node-%d", &id); err != nil {
		return 0
	}
	return id
}

// errRemoved ends a node that the cluster has removed.
var errRemoved = errors.New("this node was removed from the cluster: its data directory cannot be used any more")

// joinCluster asks the cluster at an address to take this node in, until it does or ctx ends.
func (s *Server) joinCluster(ctx context.Context, contact string) error {
	if contact == s.address {
		return fmt.Errorf("--join %s is this node's own address", contact)
	}
	req := joinRequest{Instance: s.id.Instance, Address: s.address, SQL: s.listener.Addr().String(), Format: fsm.Format}
	var resp joinResponse
	err := retryUntil(ctx, func(ctx context.Context) error {
		err := s.mayJoin(ctx, contact)
		if err == nil {
			err = s.callAddress(ctx, contact, methodJoin, &req, &resp)
		}
		if err != nil && !final(err) {
			s.log.Warn("the cluster does not answer yet", "at", contact, "err", err)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("joining the cluster at %s: %w", contact, err)
	}
	return s.id.update(s.cfg.DataDir, func() {
		s.id.Cluster, s.id.Node = resp.Cluster, resp.Node
		s.id.CatalogReplica, s.id.CatalogJoined = resp.CatalogReplica, true
		s.id.Contacts, s.id.Replaced = resp.Contacts, resp.Replaced
	})
}

// mayJoin asks the contact what the cluster is like, before it takes this node in.
func (s *Server) mayJoin(ctx context.Context, contact string) error {
	resp, skew, err := s.askHello(ctx, contact, &helloRequest{})
	if err != nil {
		return err
	}
	if err := acceptable(contact, resp); err != nil {
		return err
	}
	if skew > maxClockSkew {
		return clockOff(contact, skew)
	}
	return nil
}

// keepContacts saves where the nodes are whenever that changes.
func (s *Server) keepContacts(ctx context.Context) {
	for {
		changed := s.catalog.Changed()
		now := map[topo.NodeID]string{}
		t := s.catalog.Topology()
		for _, id := range t.NodeIDs() {
			now[id] = t.Nodes[id].Address
		}
		if !maps.Equal(now, s.id.contacts()) {
			if err := s.id.update(s.cfg.DataDir, func() { s.id.Contacts = now }); err != nil {
				s.log.Warn("saving where the other nodes are", "err", err)
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
