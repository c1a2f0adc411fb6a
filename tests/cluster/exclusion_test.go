package cluster

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// overlaps counts the pairs of bookings that exclude each other.
const overlaps = `select count(*) from booking a, booking b where a.id < b.id and a.room = b.room and a.during && b.during and a.during <> 'empty'`

// Exclusion constraints hold among clients of all nodes, at every isolation level, in transactions of one statement and of
// several, checked at once or deferred, while the leaders of groups are killed and come back.
func TestExclusionUnderFaults(t *testing.T) {
	c := start(t, 3)
	c.must(0, `create extension btree_gist`)
	c.must(0, `create table booking (id bigint primary key, room int, during int4range,
		constraint alone exclude using gist (room with =, during with &&))`)
	c.must(1, `create table event (id bigint primary key, during int4range, exclude using gist (during with &&) deferrable initially deferred)`)
	b := &bookings{c: c}
	stop := b.run()
	time.Sleep(2 * time.Second)
	for round := range rounds(2, 20) {
		victim := c.leader(c.other(), 2+round%4)
		c.kill(victim)
		time.Sleep(2 * time.Second)
		c.restart(victim)
		time.Sleep(2 * time.Second)
	}
	stop()
	c.expect(0, 0, overlaps)
	c.expect(1, 0, `select count(*) from event a, event b where a.id < b.id and a.during && b.during`)
	if b.done.Load() < 50 || b.refused.Load() < 50 {
		t.Errorf("%d transactions were done and %d refused by a constraint: they did not meet", b.done.Load(), b.refused.Load())
	}
	t.Logf("%d done, %d refused, %d retryable", b.done.Load(), b.refused.Load(), b.retried.Load())
	// What a transaction takes back stands in nobody's way.
	c.must(2, `delete from booking`)
	c.must(2, `insert into booking values (1, 1, '[1,5)')`)
	c.refused(0, "23P01", `insert into booking values (2, 1, '[4,6)')`)
	c.must(1, `delete from booking where id = 1`)
	c.must(0, `insert into booking values (2, 1, '[4,6)')`)
}

// bookings are clients that want the same rooms at the same times.
type bookings struct {
	c                      *cluster
	done, refused, retried atomic.Int64
}

func (b *bookings) run() (stop func()) {
	var over atomic.Bool
	var wg sync.WaitGroup
	for w := range 9 {
		rnd := b.c.rnd()
		for range w * 1000 {
			rnd(2)
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := int64(0); !over.Load(); i++ {
				b.one(w, i, rnd)
			}
		}()
	}
	return func() { over.Store(true); wg.Wait() }
}

// one is a transaction: a booking, or several, or one that is moved in time or to another room, or to another key.
func (b *bookings) one(w int, i int64, rnd func(int64) int64) {
	limit, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	level := []pgx.TxIsoLevel{pgx.ReadCommitted, pgx.RepeatableRead, pgx.Serializable}[w/3]
	id := (i*9 + int64(w)) * 2
	err := pgx.BeginTxFunc(limit, b.c.dbs[w%3], pgx.TxOptions{IsoLevel: level}, func(tx pgx.Tx) error {
		from := rnd(40)
		var err error
		switch rnd(6) {
		case 0, 1:
			_, err = tx.Exec(limit, `insert into booking values ($1, $2, int4range($3, $3 + 4))`, id, rnd(3), from)
		case 2:
			if _, err = tx.Exec(limit, `insert into booking values ($1, 1, int4range($2, $2 + 2))`, id, from); err == nil {
				_, err = tx.Exec(limit, `insert into booking values ($1, 2, int4range($2, $2 + 2))`, id+1, rnd(40))
			}
		case 3:
			_, err = tx.Exec(limit, `update booking set during = int4range($1, $1 + 3), room = $2, id = id + 1000000000 where id = (select max(id) from booking where id < 1000000000)`,
				from, rnd(3))
		case 4:
			_, err = tx.Exec(limit, `delete from booking where during && int4range($1, $1 + 10)`, from)
		case 5:
			if _, err = tx.Exec(limit, `insert into event values ($1, int4range($2, $2 + 3))`, id, from); err == nil && rnd(2) == 0 {
				_, err = tx.Exec(limit, `delete from event where id <> $1 and during && int4range($2, $2 + 20)`, id, from)
			}
		}
		return err
	})
	switch {
	case err == nil:
		b.done.Add(1)
	case code(err) == "23P01":
		b.refused.Add(1)
	case retryable(err) || code(err) == "40P01" || code(err) == "23505":
		b.retried.Add(1)
		time.Sleep(5 * time.Millisecond)
	default:
		b.c.t.Errorf("through node %d: %v", w%3+1, err)
		time.Sleep(100 * time.Millisecond)
	}
}
