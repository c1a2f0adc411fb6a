package cluster

import (
	"fmt"
	"strings"
	"testing"
)

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
