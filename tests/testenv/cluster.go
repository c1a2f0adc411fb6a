package testenv

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
)

// Cluster is some nodes of one cluster, each a process of its own. Nodes[i] has node id i+1.
type Cluster struct {
	Nodes   []*Server
	dir     string
	args    []string
	network *Network // nil: all nodes on the loopback interface
	tags    string
}

// StartCluster starts n nodes, one after the other, and waits until they hold what they should.
func StartCluster(ctx context.Context, dir string, n int, args ...string) (*Cluster, error) {
	return (&Cluster{dir: dir, args: args}).start(ctx, n)
}

// StartClusterWith is StartCluster of a program that was built with tags.
func StartClusterWith(ctx context.Context, tags, dir string, n int, args ...string) (*Cluster, error) {
	return (&Cluster{dir: dir, args: args, tags: tags}).start(ctx, n)
}

// StartClusterIn is StartCluster with every node in a namespace of its own.
func StartClusterIn(ctx context.Context, network *Network, dir string, n int, args ...string) (*Cluster, error) {
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte(networkPassword), 0o600); err != nil {
		return nil, err
	}
	args = append([]string{"--auth", "scram-sha-256", "--superuser-password-file", password}, args...)
	return (&Cluster{dir: dir, args: args, network: network}).start(ctx, n)
}

func (c *Cluster) start(ctx context.Context, n int) (*Cluster, error) {
	for range n {
		if _, err := c.Join(); err != nil {
			c.Kill()
			return nil, err
		}
	}
	if err := c.AwaitReplicas(ctx, min(n, 3)); err != nil {
		c.Kill()
		return nil, err
	}
	return c, nil
}

// Join starts one node more.
func (c *Cluster) Join() (*Server, error) {
	args := c.args
	if len(c.Nodes) > 0 {
		args = append([]string{"--join", c.contact().ClusterAddress()}, args...)
	}
	dir := filepath.Join(c.dir, fmt.Sprint("n", len(c.Nodes)+1))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var s *Server
	var err error
	if c.network == nil {
		s, err = newPgmqdb(dir, args)
	} else {
		s, err = c.network.newServer(dir, args)
	}
	if err == nil {
		s.tags = c.tags
		err = s.Start()
	}
	if s != nil {
		c.Nodes = append(c.Nodes, s)
	}
	return s, err
}

// contact is a running node.
func (c *Cluster) contact() *Server {
	for _, s := range c.Nodes {
		if s.Running() {
			return s
		}
	}
	return c.Nodes[0]
}

// Kill is kill -9 of all nodes.
func (c *Cluster) Kill() {
	for _, s := range c.Nodes {
		s.Kill()
	}
}

// AwaitReplicas waits until every data group has n replicas and a leader, the catalog has one on every running node, and
// nothing is moving or about to: in a cluster of three or more every running node holds a data group.
func (c *Cluster) AwaitReplicas(ctx context.Context, n int) error {
	running := 0
	for _, s := range c.Nodes {
		if s.Running() {
			running++
		}
	}
	var last string
	for {
		ok, state := c.settled(ctx, n, running)
		if ok {
			return nil
		}
		last = state
		select {
		case <-ctx.Done():
			return fmt.Errorf("the cluster does not settle with %d replicas: %s", n, last)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (c *Cluster) settled(ctx context.Context, n, running int) (ok bool, state string) {
	short, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var conn *pgx.Conn
	err := fmt.Errorf("no node is running")
	for _, s := range c.Nodes {
		if !s.Running() {
			continue
		}
		if conn, err = pgx.Connect(short, s.URL()); err == nil {
			break
		}
	}
	if err != nil {
		return false, err.Error()
	}
	defer conn.Close(short)
	var bad int
	err = conn.QueryRow(short, `select (select count(*) from pgmqdb.shards where state <> 'ok' or leader is null
		or kind = 'data' and array_length(replicas, 1) <> $1 or kind = 'catalog' and array_length(replicas, 1) < $2)
		+ (select count(*) from pgmqdb.rebalance where state = 'copying')
		+ (select count(*) from pgmqdb.nodes where $2 >= 3 and state = 'live' and replicas < 2),
		coalesce((select string_agg(group_id || ':' || state || replicas::text, ' ') from pgmqdb.shards), '')`,
		n, running).Scan(&bad, &state)
	if err != nil {
		return false, err.Error()
	}
	return bad == 0, state
}

// Begin is a cluster of one node, which runs; more may join it.
func Begin(dir string, first *Server) *Cluster { return &Cluster{Nodes: []*Server{first}, dir: dir} }
