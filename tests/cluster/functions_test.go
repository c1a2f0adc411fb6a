package cluster

import (
	"fmt"
	"testing"
)

// A function that was created, replaced, altered or dropped through one node is so through every other as soon as that is
// acknowledged, in statements that were prepared before too; and all nodes have it after a restart.
func TestFunctionsOnEveryNode(t *testing.T) {
	c := start(t, 3)
	c.must(0, `create table t (a int primary key, b int);
		create function put(k int, v int default 0) returns int language sql as 'insert into t values (k, v) returning a';
		create procedure fill(n int, inout done int default null) language sql
			as 'insert into t select g, g from generate_series(1000, 999 + n) g; select n'`)
	for i := range c.Nodes {
		var got int
		if err := c.dbs[i].QueryRow(ctx, "select put($1, 7)", i+1).Scan(&got); err != nil || got != i+1 {
			t.Fatalf("node %d: put returned %d: %v", i+1, got, err)
		}
	}
	for version := range rounds(5, 30) {
		from := version % len(c.Nodes)
		c.must(from, fmt.Sprintf("create or replace function version() returns int language sql stable as 'select %d'", version))
		c.must(from, fmt.Sprintf("create or replace function public.version_of(t) returns int language sql as 'select $1.b * 100 + %d'", version))
		for i := range c.Nodes {
			var got int
			if err := c.dbs[i].QueryRow(ctx, "select public.version_of(t) from t where a = 1").Scan(&got); err != nil || got != 700+version {
				t.Fatalf("version %d of node %d, seen through node %d: %d, %v", version, from+1, i+1, got, err)
			}
		}
	}
	var done int
	if err := c.dbs[1].QueryRow(ctx, "call fill(50)").Scan(&done); err != nil || done != 50 {
		t.Fatalf("CALL returned %d: %v", done, err)
	}
	c.must(2, "create table d (a int primary key, b int check (public.version_of(row(a, b)::t) >= 0))")
	for i := range c.Nodes {
		c.kill(i)
	}
	c.startAll()
	for i := range c.Nodes {
		var n, got int
		if err := c.dbs[i].QueryRow(ctx, "select (select count(*) from t), put(2000 + $1::int)", i).Scan(&n, &got); err != nil || n != 53+i || got != 2000+i {
			t.Fatalf("after the restart, node %d: %d, %v", i+1, got, err)
		}
		if _, err := c.dbs[i].Exec(ctx, "insert into d values ($1, -1)", i); code(err) != "23514" {
			t.Fatalf("after the restart, the check by a function is not kept through node %d: %v", i+1, err)
		}
	}
	if _, err := c.dbs[1].Exec(ctx, "drop function public.version_of(t)"); code(err) != "2BP01" {
		t.Fatalf("a function that a constraint calls was dropped: %v", err)
	}
	c.must(1, "drop function public.version_of(t) cascade; drop function put")
	for i := range c.Nodes {
		if _, err := c.dbs[i].Exec(ctx, "select put(1)"); code(err) != "42883" {
			t.Fatalf("a function dropped through node 2 is there through node %d: %v", i+1, err)
		}
	}
}
