package cluster

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgmqdb/pgmqdb/tests/checker"
)

var referentialActions = []string{"cascade", "restrict", "no action", "set null", "set default"}

// Scenarios 2, 3 and 4 after a fourth node has joined and received shards: every referential action through the node that
// joined, and in long runs through each other one too.
func TestActionsAfterARebalance(t *testing.T) {
	c := start(t, 3)
	var schema checker.Schema
	for round := range rounds(1, 4) {
		for _, action := range referentialActions {
			posts, comments := actionTables(round, action)
			c.must(round%3, fmt.Sprintf(`create table %[1]s (id int primary key, title text unique, author text, body text);
				create table %[2]s (id int primary key, post_id int default 1000 references %[1]s on delete %[3]s, text text);
				insert into %[1]s select g, 'title ' || g, 'me', 'body' from generate_series(1, 10) g;
				insert into %[1]s values (1000, 'default', 'me', 'body');
				insert into %[2]s select g, g %% 10 + 1, 'nice' from generate_series(1, 21) g`, posts, comments, action))
			schema = append(schema,
				checker.Table{Name: posts, Columns: []string{"id", "title", "author", "body"}, Key: []string{"id"}, Unique: [][]string{{"title"}}},
				checker.Table{Name: comments, Columns: []string{"id", "post_id", "text"}, Key: []string{"id"},
					Foreign: []checker.Foreign{foreign("post_id", posts)}})
		}
	}
	c.join()
	c.settle(3)
	for round := range rounds(1, 4) {
		node := (round + 3) % 4
		for _, action := range referentialActions {
			posts, comments := actionTables(round, action)
			c.oneAction(node, action, posts, comments)
		}
	}
	c.judge(schema)
	c.setNullAcrossNodes()
}

func actionTables(round int, action string) (posts, comments string) {
	suffix := fmt.Sprintf("_%d_%s", round, strings.ReplaceAll(action, " ", "_"))
	return "posts" + suffix, "comments" + suffix
}

// oneAction deletes ten parents of 21 children through a node.
func (c *cluster) oneAction(node int, action, posts, comments string) {
	for i := 1; i <= 10; i++ {
		c.refused(node, "23505", fmt.Sprintf(`insert into %s values ($1, $2, 'x', 'y')`, posts), 2000+i, fmt.Sprint("title ", i))
	}
	c.refused(node, "23503", fmt.Sprintf(`insert into %s values (99, 555, 'orphan')`, comments))
	if action == "restrict" || action == "no action" {
		for i := 1; i <= 10; i++ { // each parent has a child on some shard
			c.refused(node, "23503", fmt.Sprintf(`delete from %s where id = $1`, posts), i)
		}
		c.refused(node, "23503", fmt.Sprintf(`delete from %s where id <= 10`, posts))
		for i := range c.dbs {
			c.expect(i, 11, `select count(*) from `+posts)
			c.expect(i, 21, `select count(*) from `+comments)
		}
		// One child after the other goes, through any node; without its last child a parent can go.
		for i := 1; i <= 3; i++ {
			c.must(i%4, fmt.Sprintf(`delete from %s where post_id = $1 and id > 10`, comments), i)
			c.refused(node, "23503", fmt.Sprintf(`delete from %s where id = $1`, posts), i)
			c.must(i%4, fmt.Sprintf(`delete from %s where post_id = $1`, comments), i)
			c.must(node, fmt.Sprintf(`delete from %s where id = $1`, posts), i)
		}
		c.must(c.other(node), `delete from `+comments)
	}
	c.must(node, fmt.Sprintf(`delete from %s where id <= 10`, posts))
	left, gone := 21, 0
	if action == "set null" || action == "set default" {
		gone = 21
	} else {
		left = 0
	}
	for i := range c.dbs {
		c.expect(i, 1, `select count(*) from `+posts)
		c.expect(i, left, `select count(*) from `+comments)
		want := "is null"
		if action == "set default" {
			want = "= 1000"
		}
		c.expect(i, gone, fmt.Sprintf(`select count(*) from %s where post_id %s`, comments, want))
	}
}

// Scenario 4: SET NULL across nodes, a concurrent re-pointing, and a NOT NULL column.
func (c *cluster) setNullAcrossNodes() {
	t := c.t
	c.must(0, `create table p (id int primary key); create table c (id int primary key, p int references p on delete set null);
		create table nn (id int primary key, p int not null references p on delete set null)`)
	n := rounds(8, 60)
	for i := range n {
		a, b := i*2+1, i*2+2
		c.must(i%4, `insert into p values ($1), ($2)`, a, b)
		c.must((i+1)%4, `insert into c values ($1, $3), ($2, $3)`, a, b, a)
		tx, err := c.dbs[i%4].Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(ctx, `update c set p = $2 where id = $1`, a, b); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { _, err := c.dbs[(i+2)%4].Exec(ctx, `delete from p where id = $1`, a); done <- err }()
		if i%2 == 0 {
			time.Sleep(time.Duration(i%5) * 5 * time.Millisecond)
		}
		if err := tx.Commit(ctx); err != nil {
			t.Errorf("re-pointing: %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("deleting: %v", err)
		}
		c.expect(3, 1, `select count(*) from c where id = $1 and p = $2`, a, b)
		c.expect(3, 1, `select count(*) from c where id = $1 and p is null`, b)
	}
	c.must(1, `insert into nn values (1, 2)`)
	for i := range 4 {
		c.refused(i, "23502", `delete from p where id = 2`)
		c.expect(i, 1, `select count(*) from p where id = 2`)
		c.expect(i, 1, `select count(*) from nn where p = 2`)
	}
	c.judge(checker.Schema{
		{Name: "p", Columns: []string{"id"}, Key: []string{"id"}},
		{Name: "c", Columns: []string{"id", "p"}, Key: []string{"id"}, Foreign: []checker.Foreign{foreign("p", "p")}},
		{Name: "nn", Columns: []string{"id", "p"}, Key: []string{"id"}, NotNull: []string{"p"}, Foreign: []checker.Foreign{foreign("p", "p")}},
	})
}

// Scenario 6: INSERT of a child against DELETE of its parent, from different nodes.
func TestForeignKeyRace(t *testing.T) {
	c := start(t, 3)
	n := rounds(300, 10000)
	c.must(0, `create table p (id int primary key); create table c (id int primary key, p int references p)`)
	c.must(0, `insert into p select g from generate_series(1, $1::int) g`, n)
	const abreast = 8
	var wg sync.WaitGroup
	outcomes := make([][2]string, n+1)
	for w := range abreast {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := w + 1; i <= n; i += abreast {
				ready, done := make(chan struct{}), make(chan struct{})
				go func() {
					defer close(done)
					<-ready
					_, err := c.dbs[i%3].Exec(ctx, `insert into c values ($1, $1)`, i)
					outcomes[i][0] = code(err)
				}()
				close(ready)
				_, err := c.dbs[(i+1+i/3%2)%3].Exec(ctx, `delete from p where id = $1`, i)
				outcomes[i][1] = code(err)
				<-done
			}
		}()
	}
	wg.Wait()
	seen := map[[2]string]int{}
	for i := 1; i <= n; i++ {
		seen[outcomes[i]]++
		for _, e := range outcomes[i] {
			if e != "" && e != "23503" && e != "40P01" {
				t.Errorf("round %d: %v", i, e)
			}
		}
		if outcomes[i][0] == "" && outcomes[i][1] == "" {
			t.Errorf("round %d: both succeeded", i)
		}
	}
	t.Logf("outcomes of INSERT and DELETE: %v", seen)
	if seen[[2]string{"", "23503"}] == 0 || seen[[2]string{"23503", ""}] == 0 {
		t.Errorf("one side always wins: there was no race")
	}
	c.judge(checker.Schema{
		{Name: "p", Columns: []string{"id"}, Key: []string{"id"}},
		{Name: "c", Columns: []string{"id", "p"}, Key: []string{"id"}, Foreign: []checker.Foreign{foreign("p", "p")}},
	})
}

// connections opens one connection a client, spread over the nodes.
func (c *cluster) connections(n int) []*pgx.Conn {
	c.t.Helper()
	out := make([]*pgx.Conn, n)
	for i := range out {
		conn, err := pgx.Connect(ctx, c.Nodes[i%len(c.Nodes)].URL())
		if err != nil {
			c.t.Fatal(err)
		}
		out[i] = conn
		c.t.Cleanup(func() { closeConn(conn) })
	}
	return out
}
