package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

// joinFigure loads data into a cluster, runs a mixed load on it, and lets one node more join: how long it takes until nothing
// moves any more, how much has moved by then, and what the clients notice.
func joinFigure(dir string) error {
	limit, cancel := context.WithTimeout(context.Background(), 2*time.Hour)
	defer cancel()
	c, err := testenv.StartCluster(limit, dir, *nodes, "--groups", fmt.Sprint(*groups))
	if err != nil {
		return err
	}
	defer c.Kill()
	rows := int64(*mib) << 20 / joinRowBytes
	start := time.Now()
	if err := loadJoin(limit, c.Nodes[0], rows); err != nil {
		return err
	}
	fmt.Printf("# loaded %d rows, %d MiB, in %.0f s\n", rows, *mib, time.Since(start).Seconds())

	counts, err := clientCounts()
	if err != nil {
		return err
	}
	l := newJoinLoad(limit, rows)
	defer l.stop()
	for i := range counts[len(counts)-1] {
		if err := l.client(c.Nodes[i%len(c.Nodes)]); err != nil {
			return err
		}
	}
	phase := time.Duration(*seconds * float64(time.Second))
	time.Sleep(2 * time.Second) // until all clients are at work
	before := l.measure(func() time.Duration { time.Sleep(phase); return phase })
	var ready, moved time.Duration
	during := l.measure(func() time.Duration {
		start = time.Now()
		if _, err = c.Join(); err == nil {
			ready = time.Since(start)
			moved, err = awaitRest(limit, c.Nodes[0], start)
		}
		return moved
	})
	if err != nil {
		return err
	}
	after := l.measure(func() time.Duration { time.Sleep(phase); return phase })
	copied, err := movedMiB(limit, c.Nodes[0], *nodes+1)
	if err != nil {
		return err
	}
	if err := l.failure(); err != nil {
		return err
	}
	fmt.Printf("\nNode %d joined %d others with %d data groups. It took clients after %.1f s; nothing moved any more after %.1f s, when\n"+
		"%.0f MiB, the sizes of the groups, had been copied to it: %.1f MiB/s, %.1f s for a GiB.\n\n", *nodes+1, *nodes, *groups, ready.Seconds(), moved.Seconds(),
		copied, copied/moved.Seconds(), moved.Seconds()*1024/max(copied, 1))
	fmt.Println("| | ops/s | of before | median, ms | 99 %, ms | longest pause of a client, ms |\n|---|---|---|---|---|---|")
	for _, p := range []struct {
		name string
		m    phaseFigures
	}{{"before", before}, {"during", during}, {"after", after}} {
		fmt.Printf("| %s | %.0f | %.2f | %.1f | %.1f | %.0f |\n", p.name, p.m.rate, p.m.rate/before.rate, p.m.median, p.m.p99, p.m.pause)
	}
	return nil
}

// joinRowBytes is about what a row takes: its text column has 1,000 bytes.
const joinRowBytes = 1024

// loadJoin fills the table, a transaction for each 8 MiB.
func loadJoin(ctx context.Context, s *testenv.Server, rows int64) error {
	conn, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, `create table w_move (id bigint primary key, n int, body text)`); err != nil {
		return err
	}
	rnd := rand.New(rand.NewSource(1))
	const step = 8 << 20 / joinRowBytes
	for from := int64(1); from <= rows; from += step {
		r, w := io.Pipe()
		go func() {
			body := make([]byte, 500)
			var err error
			for id := from; id < min(from+step, rows+1) && err == nil; id++ {
				rnd.Read(body)
				_, err = fmt.Fprintf(w, "%d\t0\t%x\n", id, body)
			}
			w.CloseWithError(err)
		}()
		if _, err := conn.PgConn().CopyFrom(ctx, r, "copy w_move from stdin"); err != nil {
			return err
		}
	}
	_, err = conn.Exec(ctx, "checkpoint")
	return err
}

// awaitRest waits until nothing has moved, and nothing has to, for a while, and returns when that began.
func awaitRest(ctx context.Context, s *testenv.Server, start time.Time) (time.Duration, error) {
	const quiet = 3 * time.Second
	conn, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	last, since := "", time.Now()
	for {
		var state string
		var busy int
		err := conn.QueryRow(ctx, `select (select count(*) from pgmqdb.rebalance where state in ('copying', 'pending'))
			+ (select count(*) from pgmqdb.shards where state <> 'ok')
			+ (select count(*) from pgmqdb.nodes where state = 'live' and replicas < 2),
			(select string_agg(group_id || ':' || leader || replicas::text, ' ' order by group_id) from pgmqdb.shards)`).Scan(&busy, &state)
		switch {
		case err != nil:
			return 0, err
		case busy > 0 || state != last:
			last, since = state, time.Now()
		case time.Since(since) > quiet:
			return since.Sub(start), nil
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// movedMiB is what was copied to a node, in MiB, as the list of moves has it.
func movedMiB(ctx context.Context, s *testenv.Server, node int) (mib float64, err error) {
	conn, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	err = conn.QueryRow(ctx, `select coalesce(sum(bytes_total), 0) / 1048576.0 from pgmqdb.rebalance where to_node = $1 and state = 'done'`,
		node).Scan(&mib)
	return mib, err
}

// joinLoad is the clients: of ten operations of each, five read a row, three update one, and two insert one.
type joinLoad struct {
	ctx    context.Context
	cancel context.CancelFunc
	rows   int64
	next   atomic.Int64
	wg     sync.WaitGroup

	mu      sync.Mutex
	clients []*joinClient
	err     error
}

// joinClient has the operations of one client since the last look.
type joinClient struct {
	mu   sync.Mutex
	done []operation
}

// operation is one that succeeded.
type operation struct {
	at time.Time // its end
	ms float64
}

func newJoinLoad(ctx context.Context, rows int64) *joinLoad {
	l := &joinLoad{rows: rows}
	l.ctx, l.cancel = context.WithCancel(ctx)
	l.next.Store(rows)
	return l
}

// stop ends all clients.
func (l *joinLoad) stop() {
	l.cancel()
	l.wg.Wait()
}

func (l *joinLoad) failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// client starts a client on a node.
func (l *joinLoad) client(s *testenv.Server) error {
	conn, err := pgx.Connect(l.ctx, s.URL())
	if err != nil {
		return err
	}
	c := &joinClient{}
	l.mu.Lock()
	l.clients = append(l.clients, c)
	seed := int64(len(l.clients))
	l.mu.Unlock()
	l.wg.Go(func() {
		defer conn.Close(context.Background())
		rnd := rand.New(rand.NewSource(seed))
		for start := time.Now(); l.ctx.Err() == nil; {
			if err := l.operation(conn, rnd); err != nil {
				if l.ctx.Err() == nil && !retryable(err) {
					l.mu.Lock()
					l.err = err
					l.mu.Unlock()
					return
				}
				continue // to the client, the operation goes on until it succeeds
			}
			now := time.Now()
			c.mu.Lock()
			c.done = append(c.done, operation{now, float64(now.Sub(start).Microseconds()) / 1000})
			c.mu.Unlock()
			start = now
		}
	})
	return nil
}

func (l *joinLoad) operation(conn *pgx.Conn, rnd *rand.Rand) error {
	id := rnd.Int63n(l.rows) + 1
	var err error
	switch k := rnd.Intn(10); {
	case k < 5:
		var n int
		err = conn.QueryRow(l.ctx, `select n from w_move where id = $1`, id).Scan(&n)
	case k < 8:
		_, err = conn.Exec(l.ctx, `update w_move set n = n + 1 where id = $1`, id)
	default:
		_, err = conn.Exec(l.ctx, `insert into w_move values ($1, 0, $2)`, l.next.Add(1), "inserted meanwhile")
	}
	return err
}

// retryable reports whether a client has to expect an error, and tries again.
func retryable(err error) bool {
	var pe *pgconn.PgError
	return errors.As(err, &pe) && (pe.Code == "40001" || pe.Code == "40P01")
}

// phaseFigures is what the clients noticed in a while; times are in milliseconds.
type phaseFigures struct{ rate, median, p99, pause float64 }

// measure runs f, and returns what the clients noticed in the time that f returns, from its beginning.
func (l *joinLoad) measure(f func() time.Duration) phaseFigures {
	l.drain()
	start := time.Now()
	elapsed := f()
	var took []float64
	for _, o := range l.drain() {
		if o.at.Sub(start) < elapsed {
			took = append(took, o.ms)
		}
	}
	if len(took) == 0 {
		return phaseFigures{}
	}
	slices.Sort(took)
	return phaseFigures{rate: float64(len(took)) / elapsed.Seconds(), median: took[len(took)/2], p99: took[len(took)*99/100],
		pause: took[len(took)-1]}
}

// drain takes what the clients have noted.
func (l *joinLoad) drain() (done []operation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.clients {
		c.mu.Lock()
		done = append(done, c.done...)
		c.done = c.done[:0]
		c.mu.Unlock()
	}
	return done
}
