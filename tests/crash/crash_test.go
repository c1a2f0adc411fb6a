// Package crash kills a node at any moment of a write load, restarts it, and checks what must hold then: every
// acknowledged commit is there, no half transaction is, and no constraint is violated. The checker knows the schema and
// what clients were told, and nothing of the server: it recomputes every constraint from dumped rows.
package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

const (
	workers  = 6
	accounts = 40
	balance  = 1000
)

const schema = `
create table parent (id bigint primary key, title text not null unique);
create table child (id bigint primary key, parent_id bigint not null references parent on delete cascade, twin bigint not null);
create table twin (id bigint primary key);
create table account (id int primary key, owner text unique, amount int not null check (amount >= 0));
create index on child (parent_id);
`

// fate is what a client knows of a row.
type fate uint8

const (
	present fate = iota + 1
	absent
	unknown // the server died before it answered
)

// worker is one client; only it writes the rows whose ids are congruent to its number.
type worker struct {
	n       int
	next    int64
	parents map[int64]fate
	kids    map[int64]int64 // child id -> parent id, acknowledged
	maybe   map[int64]bool  // child ids of unanswered inserts
	rnd     *rand.Rand
}

func rounds() int {
	if os.Getenv("PGMQDB_LONG") != "" {
		return 100
	}
	if testing.Short() {
		return 3
	}
	return 10
}

func TestKillAtAnyMoment(t *testing.T) {
	dir := t.TempDir()
	s, err := testenv.StartPgmqdb(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Kill()
	ctx := context.Background()
	setup(t, ctx, s)
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewSource(seed))
	ws := make([]*worker, workers)
	for i := range ws {
		ws[i] = &worker{n: i, next: int64(i), parents: map[int64]fate{}, kids: map[int64]int64{}, maybe: map[int64]bool{},
			rnd: rand.New(rand.NewSource(seed + int64(i)))}
	}
	for round := 0; round < rounds(); round++ {
		var wg sync.WaitGroup
		stop := make(chan struct{})
		for _, w := range ws {
			wg.Add(1)
			go func() { defer wg.Done(); w.run(ctx, s.URL(), stop) }()
		}
		time.Sleep(time.Duration(30+rnd.Intn(700)) * time.Millisecond)
		s.Kill()
		close(stop)
		wg.Wait()
		if err := s.Start(); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		check(t, ctx, s, ws, round)
		if t.Failed() {
			t.Fatalf("round %d, seed %d; node's log:\n%s", round, seed, s.Log())
		}
	}
	total := 0
	for _, w := range ws {
		total += len(w.parents)
	}
	t.Logf("%d parents were written over all rounds", total)
	if total < rounds()*10 {
		t.Errorf("only %d parents were written: the load did not run", total)
	}
}

func setup(t *testing.T, ctx context.Context, s *testenv.Server) {
	t.Helper()
	c, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, schema); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exec(ctx, `insert into account select g, 'owner ' || g, $1 from generate_series(1, $2) g`, balance, accounts); err != nil {
		t.Fatal(err)
	}
}

// run works until the connection breaks or stop closes.
func (w *worker) run(ctx context.Context, url string, stop chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return
	}
	defer c.Close(context.Background())
	for {
		select {
		case <-stop:
			return
		default:
		}
		switch k := w.rnd.Intn(10); {
		case k < 4:
			err = w.insertFamily(ctx, c)
		case k < 6:
			err = w.deleteParent(ctx, c)
		case k < 7:
			err = w.replaceTitle(ctx, c)
		default:
			err = w.transfer(ctx, c)
		}
		if err != nil && c.IsClosed() {
			return
		}
	}
}

// insertFamily inserts a parent, children, and a twin of each child in one transaction.
func (w *worker) insertFamily(ctx context.Context, c *pgx.Conn) error {
	id := w.next
	w.next += workers
	n := w.rnd.Intn(4)
	w.parents[id] = unknown
	var kids []int64
	for i := 0; i < n; i++ {
		kid := id*10 + int64(i)
		w.maybe[kid] = true
		kids = append(kids, kid)
	}
	err := pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `insert into parent values ($1, $2)`, id, fmt.Sprintf("title %d", id)); err != nil {
			return err
		}
		for _, kid := range kids {
			if _, err := tx.Exec(ctx, `insert into child values ($1, $2, $1)`, kid, id); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `insert into twin values ($1)`, kid); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		w.parents[id] = present
		for _, kid := range kids {
			w.kids[kid] = id
			delete(w.maybe, kid)
		}
	} else if !c.IsClosed() {
		w.parents[id] = absent
	}
	return err
}

func (w *worker) pick() (int64, bool) {
	for id, f := range w.parents {
		if f == present {
			return id, true
		}
	}
	return 0, false
}

func (w *worker) deleteParent(ctx context.Context, c *pgx.Conn) error {
	id, ok := w.pick()
	if !ok {
		return nil
	}
	w.parents[id] = unknown
	tag, err := c.Exec(ctx, `delete from parent where id = $1`, id)
	if err == nil {
		if tag.RowsAffected() != 1 {
			return fmt.Errorf("parent %d was gone", id)
		}
		w.parents[id] = absent
	} else if !c.IsClosed() {
		w.parents[id] = present
	}
	return err
}

// replaceTitle moves a unique value away and back, in two statements of one transaction.
func (w *worker) replaceTitle(ctx context.Context, c *pgx.Conn) error {
	id, ok := w.pick()
	if !ok {
		return nil
	}
	return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `update parent set title = $2 where id = $1`, id, fmt.Sprintf("other %d", id)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `update parent set title = $2 where id = $1`, id, fmt.Sprintf("title %d", id))
		return err
	})
}

// transfer moves money; deadlocks and the check constraint may refuse it.
func (w *worker) transfer(ctx context.Context, c *pgx.Conn) error {
	a, b, n := w.rnd.Intn(accounts)+1, w.rnd.Intn(accounts)+1, w.rnd.Intn(300)
	if a == b {
		return nil
	}
	return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `update account set amount = amount - $2 where id = $1`, a, n); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `update account set amount = amount + $2 where id = $1`, b, n)
		return err
	})
}

// check dumps all tables and recomputes everything from the rows.
func check(t *testing.T, ctx context.Context, s *testenv.Server, ws []*worker, round int) {
	t.Helper()
	c, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		t.Fatalf("round %d: connect: %v", round, err)
	}
	defer c.Close(ctx)
	parents := dump2[int64, string](t, ctx, c, `select id, title from parent`)
	children := dump2[int64, int64](t, ctx, c, `select id, parent_id from child`)
	twins := dump2[int64, int64](t, ctx, c, `select id, id from twin`)
	amounts := dump2[int, int](t, ctx, c, `select id, amount from account`)

	titles := map[string]int64{}
	for id, title := range parents {
		if other, dup := titles[title]; dup {
			t.Errorf("title %q is held by %d and %d", title, id, other)
		}
		titles[title] = id
		if title != fmt.Sprintf("title %d", id) {
			t.Errorf("parent %d has title %q: half a transaction", id, title)
		}
		// The unique index finds the row, too.
		var found int64
		if len(titles) <= 50 {
			if err := c.QueryRow(ctx, `select id from parent where title = $1`, title).Scan(&found); err != nil || found != id {
				t.Errorf("title %q is not found by its index: %d, %v", title, found, err)
			}
		}
	}
	for id, p := range children {
		if _, ok := parents[p]; !ok {
			t.Errorf("child %d is an orphan of parent %d", id, p)
		}
		if _, ok := twins[id]; !ok {
			t.Errorf("child %d has no twin: half a transaction", id)
		}
	}
	sum := 0
	for _, a := range amounts {
		sum += a
	}
	if sum != accounts*balance || len(amounts) != accounts {
		t.Errorf("%d accounts hold %d, expected %d with %d", len(amounts), sum, accounts, accounts*balance)
	}
	for _, w := range ws {
		w.settle(t, parents, children)
	}
}

// settle compares what the worker was told with what is there, and learns the fate of unanswered statements.
func (w *worker) settle(t *testing.T, parents map[int64]string, children map[int64]int64) {
	t.Helper()
	for id, f := range w.parents {
		_, there := parents[id]
		switch {
		case f == present && !there:
			t.Errorf("acknowledged parent %d is lost", id)
		case f == absent && there:
			t.Errorf("parent %d is back after its acknowledged delete", id)
		}
		if there {
			w.parents[id] = present
		} else {
			w.parents[id] = absent
		}
	}
	for kid := range w.maybe {
		if p, there := children[kid]; there {
			w.kids[kid] = p
		}
		delete(w.maybe, kid)
	}
	for kid, p := range w.kids {
		_, there := children[kid]
		if w.parents[p] == present && !there {
			t.Errorf("child %d of living parent %d is lost", kid, p)
		}
		if w.parents[p] == absent {
			delete(w.kids, kid)
		}
	}
}

func dump2[K comparable, V any](t *testing.T, ctx context.Context, c *pgx.Conn, sql string) map[K]V {
	t.Helper()
	rows, err := c.Query(ctx, sql)
	if err != nil {
		t.Fatal(err)
	}
	out := map[K]V{}
	var k K
	var v V
	_, err = pgx.ForEachRow(rows, []any{&k, &v}, func() error {
		if _, dup := out[k]; dup {
			return errors.New("a primary key occurs twice")
		}
		out[k] = v
		return nil
	})
	if err != nil {
		t.Errorf("%s: %v", sql, err)
	}
	return out
}
