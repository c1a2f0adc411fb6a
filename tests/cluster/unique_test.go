package cluster

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/tests/checker"
)

var holderSchema = checker.Schema{
	{Name: "owner", Columns: []string{"id"}, Key: []string{"id"}},
	{Name: "holder", Columns: []string{"id", "value", "owner"}, Key: []string{"id"}, NotNull: []string{"value"},
		Unique: [][]string{{"value"}}, Foreign: []checker.Foreign{foreign("owner", "owner")}},
}

const holderDDL = `create table owner (id int primary key);
	create table holder (id bigint primary key, value text not null unique, owner int references owner on delete cascade)`

// Scenario 7: one value wanted by all clients has one holder, and distinct values do not get in each other's way.
func TestUniqueContention(t *testing.T) {
	c := start(t, 3)
	c.must(0, holderDDL)
	const clients = 64
	each := rounds(15, 100)
	conns := c.connections(clients)
	var won, refused atomic.Int64
	var wg sync.WaitGroup
	for w, conn := range conns {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range each {
				_, err := conn.Exec(ctx, `insert into holder values ($1, 'wanted', null)`, w*1000+i)
				switch code(err) {
				case "":
					won.Add(1)
				case "23505":
					refused.Add(1)
				default:
					t.Errorf("client %d: %v", w, err)
				}
			}
		}()
	}
	wg.Wait()
	if won.Load() != 1 || refused.Load() != int64(clients*each-1) {
		t.Errorf("%d inserted the value and %d were refused, of %d", won.Load(), refused.Load(), clients*each)
	}
	const distinct = 200
	for i := range distinct {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if _, err := c.dbs[i%3].Exec(ctx, `insert into holder values ($1, $2, null)`, 1000000+i, fmt.Sprint("distinct ", i)); err != nil {
				t.Errorf("a distinct value: %v", err)
			}
		}()
	}
	wg.Wait()
	c.expect(2, distinct+1, `select count(*) from holder`)
	c.judge(holderSchema)
}

// Scenario 8: a value's life through updates, deletions and cascades, and at most one holder while a leader is killed and a
// node joins.
func TestUniqueLifeCycle(t *testing.T) {
	c := start(t, 3)
	c.must(0, holderDDL)
	c.must(0, `insert into owner select g from generate_series(1, 3) g`)
	for i := range rounds(6, 60) {
		a, b, d := i%3, (i+1)%3, (i+2)%3
		c.must(a, `insert into holder values (1, 'x', 1), (2, 'y', 2)`)
		c.refused(b, "23505", `update holder set value = 'x' where id = 2`)
		c.must(d, `update holder set value = 'z' where id = 1`)
		c.refused(a, "23505", `insert into holder values (3, 'z', 3)`)
		c.must(b, `insert into holder values (3, 'x', 3)`) // free after UPDATE
		c.must(d, `delete from holder where id = 3`)
		c.must(a, `insert into holder values (4, 'x', 3)`) // free after DELETE
		c.must(b, `delete from owner where id = 3`)
		c.must(d, `insert into holder values (5, 'x', 1)`) // free after a cascade
		c.must(a, `insert into owner values (3)`)
		c.must(b, `delete from holder`)
	}
	c.uniqueUnderFaults()
}

// uniqueUnderFaults has each value wanted by a client on each node, while a leader is killed and a node joins.
func (c *cluster) uniqueUnderFaults() {
	t := c.t
	var stop atomic.Bool
	var value atomic.Int64
	var mu sync.Mutex
	acked := map[string]int64{} // value to id
	doubtful := map[int64]bool{}
	var wg sync.WaitGroup
	for w := range 6 {
		db := c.dbs[w%3]
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := int64(0); !stop.Load(); i++ {
				// Clients want much the same values at the same time.
				v := fmt.Sprint("value ", value.Add(1)/4)
				id := i*10 + int64(w)
				limit, cancel := context.WithTimeout(ctx, opTimeout)
				_, err := db.Exec(limit, `insert into holder values ($1, $2, $3)`, id, v, i%3+1)
				cancel()
				mu.Lock()
				switch {
				case err == nil:
					if o, twice := acked[v]; twice {
						t.Errorf("%q was given to rows %d and %d", v, o, id)
					}
					acked[v] = id
				case code(err) == "23505":
				case !retryable(err):
					t.Errorf("through node %d: %v", w%3+1, err)
				case inDoubt(err):
					doubtful[id] = true
				}
				mu.Unlock()
				if err != nil && code(err) != "23505" {
					time.Sleep(20 * time.Millisecond)
				}
			}
		}()
	}
	time.Sleep(time.Second)
	victim := c.leader(0, 2)
	c.kill(victim)
	time.Sleep(4 * time.Second)
	c.restart(victim)
	c.join()
	c.settle(3)
	time.Sleep(time.Second)
	stop.Store(true)
	wg.Wait()
	d := c.judge(holderSchema)
	t.Logf("%d values given, %d in doubt", len(acked), len(doubtful))
	there := indexed(d)
	for v, id := range acked {
		if there[rowKey{"holder", id}] != textRow(id, v, id/10%3+1) {
			t.Errorf("%q was given to row %d, which is now %s", v, id, orNothing(there[rowKey{"holder", id}]))
		}
	}
	rows := 0
	for k := range there {
		if k.table == "holder" && !doubtful[k.id] {
			rows++
		}
	}
	if rows > len(acked) || len(acked) < 20 {
		t.Errorf("%d rows are there, %d were given", rows, len(acked))
	}
}
