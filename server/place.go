package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/tso"
)

// How this node finds the others: addresses, leaseholders, the oracle.

// leaseHolder is who holds a group's lease as far as this node's own replica knows.
func (s *Server) leaseHolder(id topo.GroupID) topo.NodeID {
	if r := s.host.Replica(id); r != nil {
		info, _ := r.Lease()
		return info.Holder
	}
	return 0
}

// nodesOf lists the nodes with a replica of a group that may hold its lease: those that are alive first.
func (s *Server) nodesOf(id topo.GroupID) []topo.NodeID {
	t := s.catalog.Topology()
	g := t.Groups[id]
	if g == nil {
		return []topo.NodeID{s.id.Node} // before the first catalog is written
	}
	var live, dead []topo.NodeID
	for _, r := range g.Replicas {
		switch n := t.Nodes[r.Node]; {
		case r.Role == topo.Learner:
		case n != nil && n.Dead:
			dead = append(dead, r.Node)
		default:
			live = append(live, r.Node)
		}
	}
	return append(live, dead...)
}

func (s *Server) remoteGroup(node topo.NodeID, id topo.GroupID) rpc.Group {
	if a := s.addressOf(node); a != "" {
		return s.client.Group(a, id)
	}
	return nil
}

// dialRaft connects raft to a node by its raftName.
func (s *Server) dialRaft(ctx context.Context, name string) (net.Conn, error) {
	a := s.addressOf(nodeNamed(name))
	if a == "" {
		return nil, fmt.Errorf("the address of %s is not known", name)
	}
	return rpc.Dial(ctx, a, rpc.Raft, s.dialTLS)
}

// clock draws timestamps here while this node holds the catalog group's lease, and from the node that does otherwise.
type clock struct {
	s      *Server
	remote *tso.Remote
}

// isRemote reports whether another node hands out the timestamps.
func (c *clock) isRemote() bool {
	r := c.s.host.Replica(topo.CatalogGroup)
	if r == nil {
		return true
	}
	_, mine := r.Lease()
	return !mine
}

// Timestamp implements tso.Clock.
func (c *clock) Timestamp(ctx context.Context) (topo.Timestamp, error) {
	if r := c.s.host.Replica(topo.CatalogGroup); r != nil {
		if _, mine := r.Lease(); mine {
			ts, err := c.s.oracle.Timestamp(ctx)
			if e := (*rpc.Error)(nil); !errors.As(err, &e) || e.Code != rpc.ErrNotLeaseholder {
				return ts, err
			}
		}
	}
	return c.remote.Timestamp(ctx)
}

// askTimestamps draws from the holder's oracle.
func (s *Server) askTimestamps(ctx context.Context, n int) (topo.Timestamp, error) {
	b, err := s.atHolder(ctx, methodTimestamp, appendNumber(nil, uint64(n)))
	if err != nil {
		return 0, err
	}
	first, ok := readNumber(b)
	if !ok {
		return 0, errors.New("damaged answer of the timestamp oracle")
	}
	return topo.Timestamp(first), nil
}

// catalogOracle is the catalog group as the oracle sees it, whichever replica of it this node has at the time.
type catalogOracle struct{ s *Server }

func (c catalogOracle) ConfirmLease(ctx context.Context) (topo.LeaseEpoch, error) {
	r, err := c.s.replica(topo.CatalogGroup)
	if err != nil {
		return 0, err
	}
	return r.ConfirmLease(ctx)
}

func (c catalogOracle) LoggedWindow(ctx context.Context) (topo.Timestamp, error) {
	r, err := c.s.replica(topo.CatalogGroup)
	if err != nil {
		return 0, err
	}
	return r.LoggedWindow(ctx)
}

func (c catalogOracle) LogWindow(ctx context.Context, epoch topo.LeaseEpoch, end topo.Timestamp) error {
	r, err := c.s.replica(topo.CatalogGroup)
	if err != nil {
		return err
	}
	return r.LogWindow(ctx, epoch, end)
}

// followCatalog fills the catalog from the replica's file and follows what it applies.
func (s *Server) followCatalog(st *fsm.State) {
	s.reloadCatalog(st)
	st.Watch(s.catalog.Apply)
}

// reloadCatalog fills the catalog anew after a snapshot was installed.
func (s *Server) reloadCatalog(st *fsm.State) {
	if err := s.catalog.Load(st); err != nil {
		s.fail(fmt.Errorf("reading the catalog: %w", err))
	}
}

// clusterTLS makes the configuration of connections between nodes; nil without certificates.
func (s *Server) clusterTLS() (*tls.Config, error) {
	c := &s.cfg
	if c.ClusterCert == "" {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(c.ClusterCert, c.ClusterKey)
	if err != nil {
		return nil, err
	}
	pem, err := os.ReadFile(c.ClusterCA)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate", c.ClusterCA)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool, ClientCAs: pool,
		ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13}, nil
}

// lockEnv is what the lock manager knows of the cluster.
type lockEnv struct{ s *Server }

func (e lockEnv) Self() (topo.NodeID, topo.LivenessEpoch) { return e.s.id.Node, e.s.member.Epoch() }

// Live implements lockmgr.Env. This node counts as live whatever others think of it.
func (e lockEnv) Live() []topo.NodeID {
	t := e.s.catalog.Topology()
	ids := make([]topo.NodeID, 0, len(t.Nodes))
	for _, id := range t.NodeIDs() {
		if n := t.Nodes[id]; id == e.s.id.Node || !n.Dead && n.Epoch != 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

func (e lockEnv) CatalogHolder() (topo.NodeID, topo.LeaseEpoch, bool) {
	id, epoch := e.s.catalogHolder()
	return id, epoch, id != 0
}

func (e lockEnv) Call(ctx context.Context, node topo.NodeID, method string, body []byte) ([]byte, error) {
	return e.s.callNode(ctx, node, method, body)
}
