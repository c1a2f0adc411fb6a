package cluster

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Scenario 10: the catalog's leader is killed under load, then a shard's; no acknowledged write is lost, and ordered,
// filtered and paged results are the same through each node.
func TestLeadersAreKilled(t *testing.T) {
	c := start(t, 3)
	l := c.startLoad(2)
	c.must(0, `create table probe (id int primary key, node int)`)
	c.must(0, `create table listed (id int primary key, kind int not null, name text not null, score numeric)`)
	c.must(1, `insert into listed select g, g % 7, 'name ' || (g * 7919) % 1000, case when g % 11 = 0 then null else (g * 31 % 97) / 10.0 end from generate_series(1, 1000) g`)
	time.Sleep(time.Second)
	id := 0
	for round := range rounds(1, 5) {
		for _, group := range []int{catalogGroup, 2 + round%4} {
			victim := c.leader(c.other(), group)
			if took := c.writeAfterKill(victim, &id); took > 20*time.Second {
				t.Errorf("%v passed until a write", took)
			} else {
				t.Logf("kill -9 of the leader of group %d, node %d: the next write of each of 16 keys through another node had succeeded after %v", group, victim+1, took.Round(time.Millisecond))
			}
			c.sameResults(victim)
			time.Sleep(time.Second)
			c.restart(victim)
			c.settle(3)
			c.sameResults(-1)
		}
	}
	c.finish(l)
}

// writeAfterKill kills a node and returns after how long a statement that writes to all groups has succeeded.
func (c *cluster) writeAfterKill(victim int, id *int) time.Duration {
	through := c.other(victim)
	conn, err := pgx.Connect(ctx, c.Nodes[through].URL())
	if err != nil {
		c.t.Fatal(err)
	}
	defer closeConn(conn)
	c.kill(victim)
	return c.until(30*time.Second, func(ctx context.Context) error {
		if conn.IsClosed() {
			if conn, err = pgx.Connect(ctx, c.Nodes[through].URL()); err != nil {
				return err
			}
		}
		*id += 16
		_, err := conn.Exec(ctx, `insert into probe select g, $2 from generate_series($1::int, $1::int + 15) g`, *id, through)
		return err
	})
}

// sameResults compares what queries show through each node but one.
func (c *cluster) sameResults(but int) {
	c.t.Helper()
	for _, sql := range []string{
		`select id, name from listed order by name, id`,
		`select id from listed where kind = 3 and score > 5 order by score desc nulls last, id`,
		`select id, score from listed order by score nulls first, id desc limit 17 offset 40`,
		`select kind, count(*), sum(score), min(name) from listed group by kind order by kind`,
		`select a.id, b.id from listed a join listed b on b.id = a.id + 1 and b.kind = 0 where a.score is not null order by 2 desc limit 25`,
	} {
		var first []string
		for node, db := range c.dbs {
			if node == but {
				continue
			}
			var got []string
			c.until(30*time.Second, func(ctx context.Context) error {
				rows, err := db.Query(ctx, sql)
				if err != nil {
					return err
				}
				got, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (string, error) {
					v, err := r.Values()
					return fmt.Sprint(v...), err
				})
				return err
			})
			if first == nil {
				first = got
			}
			if len(got) == 0 || !slices.Equal(got, first) {
				c.t.Errorf("node %d: %s: %d rows, other than through another node", node+1, sql, len(got))
			}
		}
	}
	// Pages, each through the next node, are the whole.
	var paged []int
	for last := 0; ; {
		var page []int
		node := c.other(but)
		if n := len(paged) / 100 % len(c.dbs); n != but {
			node = n
		}
		c.until(30*time.Second, func(ctx context.Context) error {
			rows, err := c.dbs[node].Query(ctx, `select id from listed where id > $1 order by id limit 100`, last)
			if err != nil {
				return err
			}
			page, err = pgx.CollectRows(rows, pgx.RowTo[int])
			return err
		})
		if len(page) == 0 {
			break
		}
		paged = append(paged, page...)
		last = page[len(page)-1]
	}
	if len(paged) != 1000 || !slices.IsSorted(paged) {
		c.t.Errorf("pages hold %d rows, want 1000 in order", len(paged))
	}
}

// All nodes are restarted in turn, in good order, under load: clients see retryable errors at most.
func TestRollingRestart(t *testing.T) {
	c := start(t, 3)
	l := c.startLoad(2)
	time.Sleep(time.Second)
	for range rounds(1, 4) {
		for i := range c.Nodes {
			if err := c.Nodes[i].Stop(); err != nil {
				t.Error(err)
			}
			c.restart(i)
			c.settle(3)
		}
	}
	c.finish(l)
	var longest time.Duration
	for _, w := range l.workers {
		longest = max(longest, w.longest)
	}
	if longest > 20*time.Second {
		t.Errorf("a client saw a pause of %v", longest)
	}
}
