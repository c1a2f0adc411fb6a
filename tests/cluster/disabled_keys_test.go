package cluster

import "testing"

// Foreign keys that were turned off or on through one node are so for the very next statement through every other, prepared
// ones included, on the side that was named alone; and after a restart.
func TestForeignKeysAreTurnedOffOnEveryNode(t *testing.T) {
	c := start(t, 3)
	c.must(0, `create table parent (id int primary key); create table child (id int primary key, p int references parent on delete restrict)`)
	id := 0
	checked := func(what string, on bool) {
		t.Helper()
		for i := range c.Nodes {
			id++
			if on {
				c.refused(i, "23503", "insert into child values ($1, $2)", id, -id)
			} else {
				c.must(i, "insert into child values ($1, $2)", id, -id)
			}
		}
		if t.Failed() {
			t.Fatal("after ", what)
		}
	}
	acts := func(what string, on bool) {
		t.Helper()
		for i := range c.Nodes {
			id++
			c.must(i, "insert into parent values ($1)", id)
			c.must((i+1)%3, "insert into child values ($1, $1)", id)
			if on {
				c.refused(i, "23503", "delete from parent where id = $1", id)
			} else {
				c.must(i, "delete from parent where id = $1", id)
			}
		}
		if t.Failed() {
			t.Fatal("after ", what)
		}
	}
	for round := range rounds(3, 30) {
		node := func(k int) int { return (round + k) % len(c.Nodes) }
		checked("ENABLE", true)
		acts("ENABLE", true)
		c.must(node(0), "alter table child disable trigger all")
		checked("DISABLE of the child's", false)
		acts("DISABLE of the child's", true)
		c.must(node(1), "alter table parent disable trigger all")
		acts("DISABLE of the parent's", false)
		c.must(node(2), "alter table child enable trigger all")
		checked("ENABLE of the child's", true)
		acts("ENABLE of the child's", false)
		c.must(node(1), "alter table parent enable trigger all")
	}
	c.must(0, "alter table parent disable trigger all")
	c.kill(1)
	c.restart(1)
	checked("a restart", true)
	acts("a restart", false)
}
