package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// The first node's state file is older than the other nodes when it is killed soon: its log tells of them.
func TestFirstNodeRestartsAtOnce(t *testing.T) {
	c := start(t, 3)
	for range rounds(1, 5) {
		c.kill(0)
		c.restart(0)
	}
	c.eventually(0, treeDDL)
}

// startAll starts all nodes at once, and waits until each serves.
func (c *cluster) startAll() {
	c.t.Helper()
	var wg sync.WaitGroup
	for i, s := range c.Nodes {
		if err := s.StartAsync(); err != nil {
			c.t.Fatal(err)
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := s.Await(90 * time.Second); err != nil {
				c.t.Errorf("node %d: %v", i+1, err)
			}
		}()
	}
	wg.Wait()
	for _, db := range c.dbs {
		db.Reset()
	}
	if c.t.Failed() {
		c.t.FailNow()
	}
}

// Scenario 9: after a restart of all nodes, in good order or by kill -9, every constraint is enforced through each; a node
// that was down during an ADD and a DROP has the exact catalog before it serves; an ADD over rows that violate it fails as
// in PostgreSQL and leaves nothing.
func TestRestartAndMissedDDL(t *testing.T) {
	c := start(t, 3)
	c.must(0, `create table p (id int primary key, code text, n int constraint positive check (n > 0));
		create table c (id int primary key, p int, code text, constraint old foreign key (p) references p)`)
	c.must(1, `insert into p select g, 'code ' || g, g from generate_series(1, 20) g`)
	c.must(2, `insert into c select g, g, 'code ' || g from generate_series(1, 20) g`)

	// Node 3 misses an ADD of two constraints and a DROP of one.
	c.kill(2)
	took := c.until(60*time.Second, func(ctx context.Context) error {
		_, err := c.dbs[0].Exec(ctx, `alter table p add constraint code_key unique (code)`)
		return err
	})
	t.Logf("ADD UNIQUE with a node that has just died: %v", took.Round(time.Millisecond))
	c.must(1, `alter table c add constraint new foreign key (code) references p (code) on delete cascade`)
	c.must(0, `alter table c drop constraint old`)
	c.must(1, `alter table p drop constraint positive`)
	if err := c.Nodes[2].StartAsync(); err != nil {
		t.Fatal(err)
	}
	// The first connection that it takes must know all that.
	conn := c.firstConnection(2)
	for want, sql := range map[string]string{
		"23505": `insert into p values (101, 'code 1', 1)`,
		"23503": `insert into c values (101, 1, 'no such code')`,
		"42704": `alter table c drop constraint old`,
		"":      `insert into c values (102, 999, 'code 3'); insert into p values (102, null, -1)`,
	} {
		if _, err := conn.Exec(ctx, sql); code(err) != want {
			t.Errorf("through the node that came back: %s: %v, want %q", sql, err, want)
		}
	}
	c.dbs[2].Reset()
	c.same(3, 4)

	for _, orderly := range []bool{true, false} {
		var wg sync.WaitGroup
		for i := range c.Nodes {
			wg.Add(1)
			go func() {
				defer wg.Done()
				if !orderly {
					c.kill(i)
				} else if err := c.Nodes[i].Stop(); err != nil {
					t.Error(err)
				}
			}()
		}
		wg.Wait()
		c.startAll()
		for i := range c.dbs {
			c.refused(i, "23505", `insert into p values (103, 'code 2', 1)`)
			c.refused(i, "23503", `insert into c values (103, 1, 'no such code')`)
			c.must(i, `delete from p where code = $1`, fmt.Sprint("code ", 4+i))
			c.must(i, `insert into p values ($1, $2, 1)`, 4+i, fmt.Sprint("code ", 4+i))
			c.expect(i, 0, `select count(*) from c where code = $1`, fmt.Sprint("code ", 4+i))
		}
		c.same(3, 4)
	}
	c.addOverViolations()
}

// firstConnection connects to a node as soon as it takes clients.
func (c *cluster) firstConnection(node int) *pgx.Conn {
	c.t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for {
		short, cancel := context.WithTimeout(ctx, 5*time.Second)
		conn, err := pgx.Connect(short, c.Nodes[node].URL())
		cancel()
		if err == nil {
			c.t.Cleanup(func() { closeConn(conn) })
			return conn
		}
		if time.Now().After(deadline) || !retryable(err) {
			c.t.Fatalf("node %d: %v", node+1, err)
		}
		time.Sleep(time.Millisecond)
	}
}

// addOverViolations tries constraints that rows violate through every node.
func (c *cluster) addOverViolations() {
	t := c.t
	c.must(0, `create table parent (id int primary key); create table bad (id int primary key, u int, p int, n int)`)
	c.must(1, `insert into parent values (1)`)
	c.must(2, `insert into bad values (1, 7, 1, 1), (2, 7, 1, 1), (3, 8, 55, 1), (4, 9, 1, null)`)
	before := c.constraints(0)[1]
	for node, db := range c.dbs {
		for _, x := range []struct{ sql, code, message, detail string }{
			{`alter table bad add constraint bad_u unique (u)`, "23505", `could not create unique index "bad_u"`, "Key (u)=(7) is duplicated."},
			{`alter table bad add constraint bad_p foreign key (p) references parent`, "23503",
				`insert or update on table "bad" violates foreign key constraint "bad_p"`, `Key (p)=(55) is not present in table "parent".`},
			{`alter table bad add constraint bad_c check (id < 4)`, "23514", `check constraint "bad_c" of relation "bad" is violated by some row`, ""},
			{`alter table bad alter n set not null`, "23502", `column "n" of relation "bad" contains null values`, ""},
		} {
			_, err := db.Exec(ctx, x.sql)
			var pe *pgconn.PgError
			if !errors.As(err, &pe) || pe.Code != x.code || pe.Message != x.message || pe.Detail != x.detail {
				t.Errorf("node %d: %s: %+v", node+1, x.sql, err)
			}
		}
		if _, err := db.Exec(ctx, `insert into bad values ($1, 7, 55, null)`, 100+node); err != nil {
			t.Errorf("node %d: a refused constraint is enforced: %v", node+1, err)
		}
	}
	for node := range c.dbs {
		for id, list := range c.constraints(node) {
			if list != before {
				t.Errorf("node %d shows of node %d:\n%s\nbefore the refused ones:\n%s", node+1, id, list, before)
			}
		}
	}
}
