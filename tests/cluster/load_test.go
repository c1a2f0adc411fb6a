package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgmqdb/pgmqdb/tests/checker"
)

// load is a mixed load from clients on every node: families with cascades, foreign keys between clients, deferrable uniques,
// contended uniques, and transfers of money. Like a program with a multi-host connection string, a client whose connection
// is lost, or whose node says that it cannot serve, goes on at another node. An error that a client need not expect is a
// failure, whatever the faults.
type load struct {
	t    *testing.T
	seed int64

	mu       sync.Mutex
	urls     []string
	parents  []int64 // acknowledged and not known to be deleted, of all workers
	problems []error
	slow     []string // what took long, for the log

	workers []*worker
	stopped atomic.Bool
	wg      sync.WaitGroup
}

// worker is one client.
type worker struct {
	ledger
	l       *load
	n       int64
	rnd     *rand.Rand
	conn    *pgx.Conn
	at      int // the node that it is connected to
	nextID  int64
	doing   string         // the operation
	counts  map[string]int // transactions by outcome: "acknowledged", or an SQLSTATE
	last    time.Time      // of the latest acknowledged transaction
	longest time.Duration  // between two acknowledged transactions
}

const (
	opTimeout      = 40 * time.Second
	slowOperation  = 5 * time.Second
	connectTimeout = 3 * time.Second
)

// startLoad makes the load's tables and starts perNode clients on each node.
func (c *cluster) startLoad(perNode int) *load {
	c.t.Helper()
	c.must(0, loadDDL)
	c.must(0, `insert into account select g, 'owner ' || g, $1 from generate_series(1, $2::int) g`, balance, accounts)
	l := &load{t: c.t, seed: c.seed}
	for _, s := range c.Nodes {
		l.urls = append(l.urls, s.URL())
	}
	for i := range perNode * len(c.Nodes) {
		l.addWorker(i % len(c.Nodes))
	}
	c.t.Cleanup(l.stop)
	return l
}

func (l *load) addWorker(node int) {
	n := int64(len(l.workers))
	w := &worker{ledger: newLedger(), l: l, n: n, rnd: rand.New(rand.NewSource(l.seed + n)), at: node, counts: map[string]int{}, last: time.Now()}
	l.workers = append(l.workers, w)
	l.wg.Add(1)
	go func() { defer l.wg.Done(); w.run() }()
}

// addNode lets clients use a node that has joined, with a worker of its own.
func (l *load) addNode(url string) {
	l.mu.Lock()
	l.urls = append(l.urls, url)
	n := len(l.urls) - 1
	l.mu.Unlock()
	l.addWorker(n)
}

func (l *load) stop() {
	l.stopped.Store(true)
	l.wg.Wait()
}

// acknowledged is the number of acknowledged transactions of a load that was stopped.
func (l *load) acknowledged() (n int) {
	for _, w := range l.workers {
		n += w.counts["acknowledged"]
	}
	return n
}

func (l *load) problem(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.problems = append(l.problems, err)
}

func (l *load) failed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.problems) > 0
}

// finish stops the load and judges: through each of the nodes, with every node up and the cluster settled.
func (c *cluster) finish(l *load, nodes ...int) {
	c.t.Helper()
	l.stop()
	counts := map[string]int{}
	longest, doubts := time.Duration(0), 0
	for _, w := range l.workers {
		for k, n := range w.counts {
			counts[k] += n
		}
		longest = max(longest, w.longest)
		doubts += len(w.unknown) + len(w.doubtful) + len(w.doubtfulTransfers)
	}
	c.t.Logf("%d clients: %v; longest pause of a client %v; %d in doubt", len(l.workers), counts, longest.Round(time.Millisecond), doubts)
	if doubts > 0 {
		time.Sleep(2 * time.Second) // a transaction in doubt may be under way still
	}
	if n := l.acknowledged(); n < 20*len(l.workers) && !l.failed() {
		c.t.Errorf("only %d transactions were acknowledged: the load did not run", n)
	}
	for _, s := range l.slow[:min(len(l.slow), 20)] {
		c.t.Log(s)
	}
	for i, p := range l.problems {
		if i == 10 {
			c.t.Errorf("and %d more", len(l.problems)-10)
			break
		}
		c.t.Error(p)
	}
	if len(nodes) == 0 {
		for i := range c.dbs {
			nodes = append(nodes, i)
		}
	}
	d := c.judge(loadSchema, nodes...)
	var ledgers []*ledger
	for _, w := range l.workers {
		ledgers = append(ledgers, &w.ledger)
	}
	if err := judge(ledgers, d); err != nil {
		c.t.Errorf("rows against the clients' ledgers: %v", err)
	}
}

// judge dumps through the nodes, all of them by default, compares and recomputes all constraints.
func (c *cluster) judge(s checker.Schema, nodes ...int) checker.Dump {
	c.t.Helper()
	if len(nodes) == 0 {
		for i := range c.dbs {
			nodes = append(nodes, i)
		}
	}
	var dbs []checker.Beginner
	for _, i := range nodes {
		dbs = append(dbs, c.dbs[i])
	}
	limit, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	d, err := s.Judge(limit, dbs...)
	if err != nil {
		c.t.Errorf("the checker: %v", err)
	}
	return d
}

// lostConnection reports whether an error is not an answer of a server.
func lostConnection(err error) bool {
	var pe *pgconn.PgError
	return !errors.As(err, &pe)
}

// retryable says which errors a client must expect of a cluster whose nodes fail.
func retryable(err error) bool {
	switch c := code(err); c {
	case "40001", "40P01", "57P03", "57P01":
		return true
	default:
		return lostConnection(err) || strings.HasPrefix(c, "08")
	}
}

// inDoubt reports whether a COMMIT, or a statement by itself, that ended in err may have committed.
func inDoubt(err error) bool {
	c := code(err)
	return lostConnection(err) || strings.HasPrefix(c, "08") || c == "57P01"
}

func (w *worker) run() {
	defer func() {
		if w.conn != nil {
			closeConn(w.conn)
		}
	}()
	for !w.l.stopped.Load() && !w.l.failed() {
		limit, cancel := context.WithTimeout(ctx, opTimeout)
		w.step(limit)
		cancel()
		if !long() { // other tests run beside this one
			time.Sleep(time.Duration(w.rnd.Intn(3000)) * time.Microsecond)
		}
	}
}

func closeConn(c *pgx.Conn) {
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_ = c.Close(short)
}

// connect finds a node that answers, beginning at the one where the client was.
func (w *worker) connect(ctx context.Context) bool {
	w.l.mu.Lock()
	urls := w.l.urls
	w.l.mu.Unlock()
	short, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := pgx.Connect(short, urls[w.at%len(urls)])
	if err == nil {
		w.conn = conn
		return true
	}
	w.counts["no connection"]++
	if !retryable(err) {
		w.l.problem(fmt.Errorf("client %d: connecting to node %d: %w", w.n, w.at%len(urls)+1, err))
	}
	w.at = (w.at + 1) % len(urls)
	time.Sleep(20 * time.Millisecond)
	return false
}

func (w *worker) step(ctx context.Context) {
	if (w.conn == nil || w.conn.IsClosed()) && !w.connect(ctx) {
		return
	}
	began, node := time.Now(), w.at+1
	err := w.operate(ctx)
	if took := time.Since(began); took > slowOperation {
		w.l.mu.Lock()
		w.l.slow = append(w.l.slow, fmt.Sprintf("client %d through node %d: %s took %v from %s, and ended with: %v", w.n, node, w.doing,
			took.Round(time.Millisecond), began.UTC().Format(time.StampMilli), err))
		w.l.mu.Unlock()
	}
	if err == nil {
		return
	}
	if !retryable(err) {
		w.l.problem(fmt.Errorf("client %d through node %d: %w", w.n, w.at+1, err))
	}
	if lostConnection(err) || strings.HasPrefix(code(err), "57P") || strings.HasPrefix(code(err), "08") {
		closeConn(w.conn)
		w.at++ // another node may do better
		w.l.mu.Lock()
		w.at %= len(w.l.urls)
		w.l.mu.Unlock()
	}
}

func (w *worker) operate(ctx context.Context) error {
	k := w.rnd.Intn(100)
	for _, o := range operations {
		if k -= o.share; k < 0 {
			w.doing = o.name
			return o.run(w, ctx)
		}
	}
	panic("the shares are not 100 in all")
}

func (w *worker) id() int64 {
	w.nextID++
	return w.nextID*idStep + w.n
}

// done counts a transaction's outcome and says which it is.
func (w *worker) done(err error) (committed bool) {
	if err == nil {
		now := time.Now()
		w.longest = max(w.longest, now.Sub(w.last))
		w.last = now
		w.counts["acknowledged"]++
		return true
	}
	if lostConnection(err) {
		w.counts["connection lost"]++
	} else {
		w.counts[code(err)]++
	}
	return false
}

// attempt runs f in a transaction. doubt says that it may have committed although err is not nil.
func (w *worker) attempt(ctx context.Context, f func(pgx.Tx) error) (doubt bool, err error) {
	tx, err := w.conn.Begin(ctx)
	if err != nil {
		w.done(err)
		return false, err
	}
	if err := f(tx); err != nil {
		w.done(err)
		_ = tx.Rollback(ctx)
		return false, err
	}
	err = tx.Commit(ctx)
	w.done(err)
	return err != nil && inDoubt(err), err
}

// alone runs one statement by itself, which must affect n rows.
func (w *worker) alone(ctx context.Context, n int64, sql string, args ...any) (doubt bool, err error) {
	tag, err := w.conn.Exec(ctx, sql, args...)
	w.done(err)
	if err == nil && tag.RowsAffected() != n {
		w.l.problem(fmt.Errorf("client %d through node %d: %s %v: %s, want %d rows", w.n, w.at+1, sql, args, tag, n))
	}
	return err != nil && inDoubt(err), err
}

// note records an outcome in the ledger.
func (w *worker) note(c changes, doubt bool, err error) error {
	switch {
	case err == nil:
		w.apply(c)
	case doubt:
		w.doubt(c)
	}
	return err
}

// exec runs a statement that must affect n rows.
func (w *worker) exec(ctx context.Context, tx pgx.Tx, n int64, sql string, args ...any) error {
	tag, err := tx.Exec(ctx, sql, args...)
	if err == nil && tag.RowsAffected() != n {
		w.l.problem(fmt.Errorf("client %d through node %d: %s %v: %s, want %d rows", w.n, w.at+1, sql, args, tag, n))
	}
	return err
}
