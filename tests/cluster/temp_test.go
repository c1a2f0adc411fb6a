package cluster

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Temporary tables are their session's: others find them in the catalog, on every node, and cannot use them; with the
// session, however it ends, they are gone, and nothing of them is left in any group.
func TestTemporaryTablesEndWithTheirSession(t *testing.T) {
	c := start(t, 3)
	c.must(0, "create sequence numbers")
	open := func(node int) (*pgx.Conn, string) {
		conn, err := pgx.Connect(ctx, c.Nodes[node].URL())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close(ctx) })
		for _, sql := range []string{
			"create temp table p (a int primary key, b text unique)",
			"create temp table ch (a int primary key default nextval('numbers'), p int references p on delete cascade)",
			"insert into p select g, 'row ' || g from generate_series(1, 200) g",
			"insert into ch (p) select a from p",
			"create temp view v as select p.b from p join ch on ch.p = p.a",
			"create materialized view if not exists m as select 1 as one",
			"delete from p where a % 2 = 0",
		} {
			if _, err := conn.Exec(ctx, sql); err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
		}
		var n int
		var schema string
		if err := conn.QueryRow(ctx, "select count(*), pg_my_temp_schema()::regnamespace from v").Scan(&n, &schema); err != nil || n != 100 {
			t.Fatalf("%d rows, %v", n, err)
		}
		return conn, schema
	}
	gone := func(schema string, limit time.Duration) {
		t.Helper()
		began := time.Now()
		for node := range c.Nodes {
			for left := 1; c.Nodes[node].Running() && left > 0; time.Sleep(50 * time.Millisecond) {
				if time.Since(began) > limit {
					t.Fatalf("%s is still there on node %d after %v", schema, node+1, limit)
				}
				c.until(limit, func(ctx context.Context) error {
					return c.dbs[node].QueryRow(ctx, "select count(*) from pg_namespace where nspname = $1", schema).Scan(&left)
				})
			}
		}
	}
	conn, schema := open(1)
	for node := range c.Nodes {
		c.expect(node, 1, "select count(*) from pg_class where relname = 'ch' and relpersistence = 't' and relnamespace = $1::regnamespace", schema)
		for _, sql := range []string{"select * from %s.p", "insert into %s.p values (1)", "select * from %s.v", "delete from %s.ch", "truncate %s.ch"} {
			c.refused(node, "0A000", fmt.Sprintf(sql, schema))
		}
		c.refused(node, "42P01", "select * from p")
		c.refused(node, "2BP01", "drop sequence numbers")
	}
	conn.Close(ctx)
	gone(schema, 10*time.Second)

	// Its node is killed: another drops what it had once its liveness epoch is over.
	_, schema = open(2)
	c.kill(2)
	gone(schema, 40*time.Second)
	c.restart(2)

	// Dropped by others, it ends its session.
	conn, schema = open(2)
	c.must(0, "drop schema "+schema+" cascade")
	if _, err := conn.Exec(ctx, "select 1"); code(err) != "57P01" {
		t.Errorf("a session whose temporary schema was dropped answers %v", err)
	}
	c.eventually(0, "drop sequence numbers")
	c.clean()
}
