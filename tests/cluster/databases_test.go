package cluster

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// connectTo opens a session in a database on a node.
func (c *cluster) connectTo(node int, database string) (*pgx.Conn, error) {
	cfg, err := pgx.ParseConfig(c.Nodes[node].URL())
	if err != nil {
		return nil, err
	}
	cfg.Database = database
	return pgx.ConnectConfig(ctx, cfg)
}

// A database that was created on one node is there on every other, with a catalog, advisory locks and notifications of its own;
// it is not dropped while a session of any node is in it, but with FORCE; and nothing of it is left.
func TestDatabasesOnEveryNode(t *testing.T) {
	c := start(t, 3)
	c.must(0, "create table shared (a int)")
	for round := range rounds(2, 40) {
		name := fmt.Sprintf("db%d", round)
		from, other := round%3, (round+1)%3
		c.must(from, "create database "+name)
		conn, err := c.connectTo(other, name)
		if err != nil {
			t.Fatalf("round %d: connecting on node %d to what was created on node %d: %v", round, other+1, from+1, err)
		}
		run := func(sql string) {
			t.Helper()
			if _, err := conn.Exec(ctx, sql); err != nil {
				t.Fatalf("round %d: %s: %v", round, sql, err)
			}
		}
		run(`create type mood as enum ('a', 'b'); create table shared (id serial primary key, m mood, k int unique);
			create table child (s int references shared on delete cascade); create temp table mine (a int)`)
		run("insert into shared (m, k) select 'b', g from generate_series(1, 50) g; insert into child select id from shared")
		run("select pg_advisory_lock(7)")
		c.expect(from, 1, "select (pg_try_advisory_lock(7) and pg_advisory_unlock(7))::int")
		// A third node copies it as soon as nobody is in it.
		c.refused(from, "55006", "drop database "+name)
		copies := (round + 2) % 3
		closeConn(conn)
		c.must(copies, "create database "+name+"_copy template "+name)
		conn, err = c.connectTo(from, name+"_copy")
		if err != nil {
			t.Fatal(err)
		}
		var rows, left int
		if err := conn.QueryRow(ctx, "with d as (delete from shared where k > 10 returning 1) select count(*) from d").Scan(&rows); err != nil || rows != 40 {
			t.Fatalf("round %d: %d rows of the copy were deleted: %v", round, rows, err)
		}
		if err := conn.QueryRow(ctx, "select count(*) from child").Scan(&left); err != nil || left != 10 {
			t.Fatalf("round %d: the copy has %d children after the cascade: %v", round, left, err)
		}
		run("insert into shared (m, k) values ('a', 100)")
		c.must(other, "drop database "+name+"_copy with (force)")
		if err := conn.Ping(ctx); err == nil {
			t.Fatalf("round %d: a session is still in a database that was dropped", round)
		}
		closeConn(conn)
		c.must(other, "drop database "+name)
		for i := range c.Nodes {
			if conn, err := c.connectTo(i, name); err == nil || !strings.Contains(err.Error(), "3D000") {
				closeConn(conn)
				t.Fatalf("round %d: node %d still has the database: %v", round, i+1, err)
			}
		}
	}
	if out, failed := c.check(0); failed {
		t.Fatal(out)
	}
}
