package cluster

import (
	"context"
	"fmt"
	"math/rand"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgmqdb/pgmqdb/tests/checker"
)

var treeSchema = checker.Schema{
	{Name: "users", Columns: []string{"id"}, Key: []string{"id"}},
	{Name: "posts", Columns: []string{"id", "user_id"}, Key: []string{"id"}, NotNull: []string{"user_id"},
		Foreign: []checker.Foreign{foreign("user_id", "users")}},
	{Name: "comments", Columns: []string{"id", "post_id"}, Key: []string{"id"}, NotNull: []string{"post_id"},
		Foreign: []checker.Foreign{foreign("post_id", "posts")}},
}

const (
	treeDDL = `create table users (id int primary key);
		create table posts (id int primary key, user_id int not null references users on delete cascade);
		create table comments (id int primary key, post_id int not null references posts on delete cascade)`
	// A user of 2 posts with 3 comments each.
	insertTree = `with u as (insert into users values ($1) returning id),
		p as (insert into posts select $1::int * 10 + g, $1 from generate_series(1, 2) g returning id)
		insert into comments select $1::int * 100 + g, $1::int * 10 + g % 2 + 1 from generate_series(1, 6) g`
	treeCounts = `select (select count(*) from users where id = $1), (select count(*) from posts where user_id = $1),
		(select count(*) from comments where id / 100 = $1)`
)

// Scenario 5: all levels of a cascade go or none does, and every snapshot through every node shows all or nothing.
func TestCascadeIsAtomicOverNodes(t *testing.T) {
	c := start(t, 3)
	c.must(0, treeDDL)
	c.must(1, `create table pinned (id int primary key, comment_id int references comments on delete restrict)`)
	for i := 1; i <= rounds(6, 60); i++ {
		c.must(i%3, insertTree, i)
		c.must((i+1)%3, `insert into pinned values ($1, $2)`, i, i*100+4)
		c.refused((i+2)%3, "23503", `delete from users where id = $1`, i)
		for node := range c.dbs {
			c.expect(node, 9, `select sum(x)::int from (`+treeSum+`) s(x)`, i)
		}
		c.must(i%3, `delete from pinned where id = $1`, i)
		stop := c.watchTree(i, -1)
		time.Sleep(2 * time.Millisecond)
		c.must((i+2)%3, `delete from users where id = $1`, i)
		stop()
		for node := range c.dbs {
			c.expect(node, 0, `select sum(x)::int from (`+treeSum+`) s(x)`, i)
		}
	}
	// A cycle and a self-reference end.
	c.must(0, `create table a (id int primary key, b int); create table b (id int primary key, a int references a on delete cascade);
		alter table a add foreign key (b) references b on delete cascade deferrable;
		create table self (id int primary key, up int references self on delete cascade)`)
	c.must(1, `insert into a select g, null from generate_series(1, 10) g`)
	c.must(2, `insert into b select g, g from generate_series(1, 10) g`)
	c.must(0, `update a set b = id % 10 + 1`)
	c.must(1, `insert into self select g, nullif(g / 2, 0) from generate_series(1, 31) g`)
	c.must(2, `update self set up = 31 where id = 1`)
	c.must(2, `delete from a where id = 4`)
	c.must(1, `delete from self where id = 7`)
	for node := range c.dbs {
		c.expect(node, 0, `select (select count(*) from a) + (select count(*) from b) + (select count(*) from self)`)
	}
	c.judge(treeSchema)
}

const treeSum = `select count(*) from users where id = $1 union all select count(*) from posts where user_id = $1
	union all select count(*) from comments where id / 100 = $1`

// watchTree looks at a tree through all nodes but one until the returned function is called: it is whole or gone, and gone
// for good.
func (c *cluster) watchTree(user, but int) (stop func()) {
	var done atomic.Bool
	var wg sync.WaitGroup
	for node, db := range c.dbs {
		if node == but {
			continue
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			gone := false
			for !done.Load() {
				var n [3]int
				limit, cancel := context.WithTimeout(ctx, 30*time.Second)
				err := db.QueryRow(limit, treeCounts, user).Scan(&n[0], &n[1], &n[2])
				cancel()
				switch {
				case err != nil && retryable(err) && but >= 0:
				case err != nil:
					c.t.Errorf("reading through node %d: %v", node+1, err)
					return
				case n == [3]int{}:
					gone = true
				case n != [3]int{1, 2, 6}:
					c.t.Errorf("user %d: node %d shows a state between: %v", user, node+1, n)
					return
				case gone:
					c.t.Errorf("user %d: node %d shows again what was gone", user, node+1)
					return
				}
				time.Sleep(time.Millisecond)
			}
		}()
	}
	return func() { done.Store(true); wg.Wait() }
}

// Scenario 5 under kill -9 of any node in the middle of the cascade: the one that runs it, a leader, or another.
func TestKillInTheMiddleOfACascade(t *testing.T) {
	c := start(t, 3)
	rnd := rand.New(rand.NewSource(c.seed))
	c.must(0, treeDDL)
	var slowest time.Duration
	outcomes := map[string]int{}
	for i := 1; i <= rounds(4, 200); i++ {
		through, victim := i%3, rnd.Intn(3)
		c.eventually(through, insertTree, i)
		conn, err := pgx.Connect(ctx, c.Nodes[through].URL())
		if err != nil {
			t.Fatal(err)
		}
		stop := c.watchTree(i, victim)
		result := make(chan error, 1)
		go func() {
			limit, cancel := context.WithTimeout(ctx, 40*time.Second)
			defer cancel()
			_, err := conn.Exec(limit, `delete from users where id = $1`, i)
			result <- err
		}()
		time.Sleep(time.Duration(rnd.Intn(12000)) * time.Microsecond)
		c.kill(victim)
		began := time.Now()
		err = <-result
		slowest = max(slowest, time.Since(began))
		switch {
		case err == nil:
			outcomes["acknowledged"]++
		case lostConnection(err):
			outcomes["connection lost"]++
		default:
			outcomes[code(err)]++
		}
		if err != nil && !retryable(err) {
			t.Errorf("round %d: deleting through node %d while node %d is killed: %v", i, through+1, victim+1, err)
		}
		stop()
		c.restart(victim)
		go closeConn(conn)
		c.judgeTree(i, err)
		if t.Failed() {
			t.Fatalf("round %d: node %d was killed, deleting through node %d", i, victim+1, through+1)
		}
	}
	t.Logf("deletions: %v; slowest %v", outcomes, slowest.Round(time.Millisecond))
	c.judge(treeSchema)
}

// judgeTree checks that all nodes show the same of a user, all or nothing, and what the deletion's outcome allows. What is
// left is removed.
func (c *cluster) judgeTree(user int, err error) {
	c.t.Helper()
	var first [3]int
	for node, db := range c.dbs {
		var n [3]int
		c.until(30*time.Second, func(ctx context.Context) error { return db.QueryRow(ctx, treeCounts, user).Scan(&n[0], &n[1], &n[2]) })
		if node == 0 {
			first = n
		}
		if n != first || n != [3]int{} && n != [3]int{1, 2, 6} {
			c.t.Errorf("user %d: node %d shows %v, node 1 %v", user, node+1, n, first)
		}
	}
	switch gone := first == [3]int{}; {
	case err == nil && !gone:
		c.t.Errorf("user %d: the acknowledged deletion is lost", user)
	case err != nil && !inDoubt(err) && gone:
		c.t.Errorf("user %d: the refused deletion (%v) took place", user, err)
	case !gone:
		c.eventually(0, fmt.Sprintf(`delete from users where id = %d`, user))
	}
}
