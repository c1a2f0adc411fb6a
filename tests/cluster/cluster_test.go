// Package cluster proves the product's scenarios on clusters of three and four processes. The numbers are those of
// docs/INVARIANTS.md. Keys are such that parents and children land in different data groups; "every node" means a
// connection to each in turn.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

func long() bool { return os.Getenv("PGMQDB_LONG") != "" }

// cluster is a running cluster with a pool of connections to each node.
type cluster struct {
	*testenv.Cluster
	t   *testing.T
	dbs []*pgxpool.Pool
}

var ctx = context.Background()

// start runs a cluster of n nodes for one test.
func start(t *testing.T, n int, args ...string) *cluster {
	t.Helper()
	limit, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	c, err := testenv.StartCluster(limit, t.TempDir(), n, args...)
	if err != nil {
		t.Fatal(err)
	}
	out := &cluster{Cluster: c, t: t}
	t.Cleanup(func() {
		for _, db := range out.dbs {
			go db.Close() // connections to a stopped node do not end by themselves
		}
		c.Kill()
		if t.Failed() {
			for i, s := range c.Nodes {
				t.Logf("node %d:\n%s", i+1, s.Log())
			}
		}
	})
	for _, s := range c.Nodes {
		out.connect(s)
	}
	return out
}

func (c *cluster) connect(s *testenv.Server) {
	c.t.Helper()
	cfg, err := pgxpool.ParseConfig(s.URL())
	if err != nil {
		c.t.Fatal(err)
	}
	cfg.MaxConns = 32
	db, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		c.t.Fatal(err)
	}
	c.dbs = append(c.dbs, db)
}

// join adds a node and connects to it.
func (c *cluster) join() {
	c.t.Helper()
	s, err := c.Join()
	if err != nil {
		c.t.Fatal(err)
	}
	c.connect(s)
}

func (c *cluster) settle(replicas int) {
	c.t.Helper()
	limit, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	if err := c.AwaitReplicas(limit, replicas); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) must(node int, sql string, args ...any) {
	c.t.Helper()
	if _, err := c.dbs[node].Exec(ctx, sql, args...); err != nil {
		c.t.Fatalf("node %d: %.80s: %v", node+1, sql, err)
	}
}

func code(err error) string {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		return pe.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func (c *cluster) refused(node int, want, sql string, args ...any) {
	c.t.Helper()
	if _, err := c.dbs[node].Exec(ctx, sql, args...); code(err) != want {
		c.t.Errorf("node %d: %.80s: got %v, want SQLSTATE %s", node+1, sql, err, want)
	}
}

func (c *cluster) count(node int, sql string, args ...any) (n int) {
	c.t.Helper()
	if err := c.dbs[node].QueryRow(ctx, sql, args...).Scan(&n); err != nil {
		c.t.Fatalf("node %d: %s: %v", node+1, sql, err)
	}
	return n
}

func (c *cluster) expect(node int, want int, sql string, args ...any) {
	c.t.Helper()
	if got := c.count(node, sql, args...); got != want {
		c.t.Errorf("node %d: %s: %d, want %d", node+1, sql, got, want)
	}
}

// constraints returns what one node says of every node's constraints, a list a node.
func (c *cluster) constraints(node int) map[int]string {
	c.t.Helper()
	rows, err := c.dbs[node].Query(ctx, `select node, schema, "table", "constraint", type::text, definition from pgmqdb.constraints_by_node`)
	if err != nil {
		c.t.Fatal(err)
	}
	lists := map[int][]string{}
	var id int
	var f [5]string
	if _, err := pgx.ForEachRow(rows, []any{&id, &f[0], &f[1], &f[2], &f[3], &f[4]}, func() error {
		lists[id] = append(lists[id], strings.Join(f[:], "|"))
		return nil
	}); err != nil {
		c.t.Fatal(err)
	}
	out := map[int]string{}
	for id, l := range lists {
		sort.Strings(l)
		out[id] = strings.Join(l, "\n")
	}
	return out
}

// Scenario 1: the same constraints on every node, however they were made and whenever a node joined.
func TestCatalogUniformity(t *testing.T) {
	c := start(t, 3)
	for i := range 3 {
		c.must(i, fmt.Sprintf(`create table parent%d (id int primary key, code text unique)`, i))
		c.must((i+1)%3, fmt.Sprintf(`create table child%d (id int primary key, p int references parent%d on delete cascade, n int check (n > 0))`, i, i))
		c.must((i+2)%3, fmt.Sprintf(`alter table child%d add constraint extra%d foreign key (n) references parent%d`, i, i, i))
	}
	c.same(3, 18)
	c.join()
	c.same(4, 18)
	c.must(3, `alter table child1 drop constraint extra1`)
	c.same(4, 17)
}

// same checks that every node shows n constraints on each of nodes nodes, all the same.
func (c *cluster) same(nodes, n int) {
	c.t.Helper()
	for i := range c.dbs {
		lists := c.constraints(i)
		if len(lists) != nodes {
			c.t.Fatalf("node %d shows the constraints of %d nodes, want %d", i+1, len(lists), nodes)
		}
		for id, l := range lists {
			if l != lists[1] || strings.Count(l, "\n")+1 != n {
				c.t.Errorf("by node %d, node %d has other constraints (want %d):\n%s\nnode 1 has:\n%s", i+1, id, n, l, lists[1])
			}
		}
	}
}

// Scenario 2, the founding one: a fourth node joins and receives shards; then deletions through each node leave nothing.
func TestCascadesAfterARebalance(t *testing.T) {
	for _, through := range []int{3, 0, 1, 2} {
		t.Run(fmt.Sprintf("node %d", through+1), func(t *testing.T) {
			c := start(t, 3)
			c.must(0, `create table posts (id int primary key, title text unique, author text, body text)`)
			c.must(0, `create table comments (id int primary key, post_id int references posts on delete cascade, text text)`)
			c.must(1, `insert into posts select g, 'title ' || g, 'me', 'body' from generate_series(1, 10) g`)
			c.must(2, `insert into comments select g, g % 10 + 1, 'nice' from generate_series(1, 21) g`)
			c.join()
			c.settle(3)
			if n := c.count(3, `select count(*) from pgmqdb.shards where kind = 'data' and 4 = any(replicas)`); n == 0 {
				t.Error("node 4 received no shard")
			}
			c.expect(through, 10, `select count(*) from posts`)
			for i := 1; i <= 10; i++ {
				c.refused(through, "23505", `insert into posts values ($1, $2, 'x', 'y')`, 100+i, fmt.Sprint("title ", i))
			}
			c.refused(through, "23503", `insert into comments values (99, 42, 'orphan')`)
			tag, err := c.dbs[through].Exec(ctx, `delete from posts`)
			if err != nil || tag.RowsAffected() != 10 {
				t.Errorf("%v, %v", tag, err)
			}
			for i := range c.dbs {
				c.expect(i, 0, `select count(*) from posts`)
				c.expect(i, 0, `select count(*) from comments`)
			}
		})
		if !long() && through == 0 {
			break
		}
	}
}
