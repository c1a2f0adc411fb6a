package cluster

import (
	"fmt"
	"math/rand"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const partitionedDDL = `create table parent (id int primary key, v int) partition by range (id);
	create table parent_1 partition of parent for values from (0) to (40);
	create table parent_2 partition of parent for values from (40) to (80) partition by hash (id);
	create table parent_2a partition of parent_2 for values with (modulus 2, remainder 0);
	create table parent_2b partition of parent_2 for values with (modulus 2, remainder 1);
	create table parent_d partition of parent default;
	create table child (id bigint, p int not null references parent on update cascade, primary key (id, p)) partition by list (p);
	create table child_d partition of child default;
	create table child_7 partition of child for values in (7, 47, 87);
	create table strict (id bigint primary key, p int references parent);
	insert into parent select g, 0 from generate_series(0, 99) g`

// Foreign keys from and to partitioned tables hold on every node while rows of both sides move between partitions and
// partitions come and go.
func TestForeignKeysOfPartitions(t *testing.T) {
	c := start(t, 3)
	c.must(0, partitionedDDL)
	const clients = 9
	conns := c.connections(clients)
	var done atomic.Int64
	stop := time.Now().Add(time.Duration(rounds(8, 60)) * time.Second)
	var wg sync.WaitGroup
	for w, conn := range conns {
		wg.Add(1)
		r := rand.New(rand.NewSource(c.seed + int64(w)))
		go func() {
			defer wg.Done()
			for i := 0; time.Now().Before(stop); i++ {
				id, p, q := w*1000000+i, r.Intn(100), r.Intn(100)
				sql := ""
				switch r.Intn(8) {
				case 0, 1:
					sql = fmt.Sprintf(`insert into child values (%d, %d)`, id, p)
				case 2:
					sql = fmt.Sprintf(`insert into strict values (%d, %d)`, id, p)
				case 3:
					sql = fmt.Sprintf(`update child set p = %d where p = %d and id %% 3 = 0`, q, p)
				case 4:
					sql = fmt.Sprintf(`update parent set id = %d where id = %d`, q, p)
				case 5:
					sql = fmt.Sprintf(`delete from parent where id = %d`, p)
				case 6:
					sql = fmt.Sprintf(`insert into parent values (%d, 1) on conflict (id) do update set v = parent.v + 1`, p)
				default:
					sql = fmt.Sprintf(`delete from child where p = %d; delete from strict where p = %d`, p, p)
				}
				_, err := conn.Exec(ctx, sql)
				switch code(err) {
				case "":
					done.Add(1)
				case "23503", "23505", "40001", "40P01":
				default:
					t.Errorf("client %d: %s: %v", w, sql, err)
				}
			}
		}()
	}
	for i := 0; time.Now().Before(stop); i++ {
		node := i % 3
		for _, sql := range []string{
			`alter table child detach partition child_7`,
			`alter table child attach partition child_7 for values in (7, 47, 87)`,
			`create table parent_x partition of parent for values from (1000) to (1010)`,
			`alter table parent detach partition parent_x`,
			`drop table parent_x`,
		} {
			if _, err := c.dbs[node].Exec(ctx, sql); err != nil && code(err) != "40001" && code(err) != "40P01" && code(err) != "23514" && code(err) != "42P01" &&
				code(err) != "42P07" && code(err) != "42809" {
				t.Errorf("%s: %v", sql, err)
			}
		}
	}
	wg.Wait()
	if done.Load() == 0 {
		t.Error("nothing was done")
	}
	for i := range c.dbs {
		c.expect(i, 0, `select count(*) from child c where not exists (select from parent p where p.id = c.p)`)
		c.expect(i, 0, `select count(*) from strict c where not exists (select from parent p where p.id = c.p)`)
		c.expect(i, 0, `select count(*) from (select id from parent group by id having count(*) > 1) d`)
	}
	c.clean()
}
