// Package cluster proves the product's scenarios on clusters of three and four processes. The numbers are those of
// docs/INVARIANTS.md. Keys are such that parents and children land in different data groups; "every node" means a
// connection to each in turn.
package cluster

import (
	"context"
	"errors"
	"flag"
	"math/rand"
	"os"
	"runtime"
	"slices"
	"sort"
	"strconv"
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
	t    *testing.T
	seed int64
	dbs  []*pgxpool.Pool
}

var ctx = context.Background()

// TestMain lets a few tests run at once: they wait for timeouts most of the time.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.parallel").Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = flag.Set("test.parallel", "3")
	}
	os.Exit(m.Run())
}

// abreast has a test run beside others, but in long runs, whose figures count.
func abreast(t *testing.T) {
	if !long() {
		t.Parallel()
	}
}

// seed is random, or what PGMQDB_SEED says.
func seed(t *testing.T) int64 {
	s := time.Now().UnixNano()
	if env := os.Getenv("PGMQDB_SEED"); env != "" {
		var err error
		if s, err = strconv.ParseInt(env, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("PGMQDB_SEED=%d", s)
	return s
}

// start runs a cluster of n nodes for one test.
func start(t *testing.T, n int, args ...string) *cluster {
	t.Helper()
	abreast(t)
	limit, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	c, err := testenv.StartCluster(limit, t.TempDir(), n, args...)
	if err != nil {
		t.Fatal(err)
	}
	return harness(t, c)
}

func harness(t *testing.T, c *testenv.Cluster) *cluster {
	t.Helper()
	out := &cluster{Cluster: c, t: t, seed: seed(t)}
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

// kill is kill -9 of a node.
func (c *cluster) kill(node int) {
	c.Nodes[node].Kill()
	c.dbs[node].Reset()
}

// restart starts a stopped node and waits until it serves.
func (c *cluster) restart(node int) {
	c.t.Helper()
	if err := c.Nodes[node].Start(); err != nil {
		c.t.Fatal(err)
	}
	c.dbs[node].Reset()
}

// leader is the index of the node that leads a group, once one does.
func (c *cluster) leader(through, group int) int {
	c.t.Helper()
	id := 0
	c.until(20*time.Second, func(ctx context.Context) error {
		err := c.dbs[through].QueryRow(ctx, `select coalesce(leader, 0) from pgmqdb.shards where group_id = $1`, group).Scan(&id)
		if err == nil && id == 0 {
			err = errors.New("the group has no leader at the moment")
		}
		return err
	})
	return id - 1
}

// catalogGroup is the group of the catalog; the others hold data.
const catalogGroup = 1

// other is a node that is none of those.
func (c *cluster) other(nodes ...int) int {
	for i := range c.dbs {
		if !slices.Contains(nodes, i) && c.Nodes[i].Running() {
			return i
		}
	}
	c.t.Fatal("no other node")
	return 0
}

// until repeats what may end in a retryable error, and gives up after a limit. It returns how long it took.
func (c *cluster) until(limit time.Duration, f func(context.Context) error) time.Duration {
	c.t.Helper()
	began := time.Now()
	for {
		ctx, cancel := context.WithTimeout(ctx, limit)
		err := f(ctx)
		cancel()
		if err == nil {
			return time.Since(began)
		}
		if !retryable(err) || time.Since(began) > limit {
			c.t.Fatalf("after %v: %v", time.Since(began), err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// eventually is must with retries.
func (c *cluster) eventually(node int, sql string, args ...any) time.Duration {
	c.t.Helper()
	return c.until(30*time.Second, func(ctx context.Context) error {
		_, err := c.dbs[node].Exec(ctx, sql, args...)
		return err
	})
}

// rounds is how often something is repeated in a short and in a long run.
func rounds(short, many int) int {
	if long() {
		return many
	}
	return short
}

// rnd draws numbers below n, by the seed of the test.
func (c *cluster) rnd() func(n int64) int64 { return rand.New(rand.NewSource(c.seed)).Int63n }
