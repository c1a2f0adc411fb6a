package cluster

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

// check runs `pgmqdb check` through a node; failed is set when it exits with 1.
func (c *cluster) check(node int) (out string, failed bool) {
	c.t.Helper()
	bin, err := testenv.Binary()
	if err != nil {
		c.t.Fatal(err)
	}
	limit, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	b, err := exec.CommandContext(limit, bin, "check", "--url", c.Nodes[node].URL()).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 1) {
		c.t.Fatalf("%v: %s", err, b)
	}
	return string(b), err != nil
}

var summaryLine = regexp.MustCompile(`^checked \d+ tables, \d+ rows, \d+ index entries in 4 groups at snapshot \d+\n$`)

// A healthy cluster checks clean through every node while it is written to, and every replica is compared.
func TestCheckUnderWrites(t *testing.T) {
	c := start(t, 3)
	c.must(0, `create table posts (id int primary key, code text unique, n int check (n >= 0));
		create table comments (id int primary key, post int references posts on delete cascade on update cascade, code text references posts (code)
			on delete set null on update cascade, body text);
		create index on comments (post, body desc);
		create index on posts using gin ((array[code, n::text]));
		create index on comments using gin (string_to_array(body || ' ' || coalesce(code, 'none'), ' ')) where post > 10;
		create table tree (id int primary key, boss int references tree on delete cascade);
		create table placed (a int, b int, c int, unique (a), primary key (b, c)) with (distribution_key = 'c')`)
	c.must(0, `insert into posts select g, 'c' || g, g from generate_series(1, 300) g`)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var written atomic.Int64
	statements := []string{
		`insert into comments select $1 * 10 + g, ($1 + g) % 300 + 1, null, 'x' || g from generate_series(0, 5) g on conflict do nothing`,
		`delete from posts where id = $1 % 300 + 1`,
		`insert into posts values ($1 % 300 + 1, 'd' || $1, 1) on conflict do nothing`,
		`update posts set code = 'e' || $1, n = n + 1 where id = ($1 * 7) % 300 + 1`,
		`update comments set code = (select max(code) from posts where id = $1 % 300 + 1) where id = $1 * 10`,
		`insert into tree values ($1, nullif($1 - 1, 0)) on conflict do nothing`,
		`delete from tree where id = $1 % 97`,
		`insert into placed values ($1 % 50, $1, $1 % 9) on conflict do nothing`,
		`update placed set c = c + 1 where a = $1 % 50`,
	}
	for w := range 6 {
		wg.Go(func() {
			for i := w + 1; ; i += 6 {
				select {
				case <-stop:
					return
				default:
				}
				_, err := c.dbs[w%3].Exec(ctx, statements[(i/6)%len(statements)], i)
				switch code(err) {
				case "":
					written.Add(1)
				case "23503", "23505", "40001", "40P01":
				default:
					t.Errorf("%s: %v", statements[(i/6)%len(statements)], err)
					return
				}
			}
		})
	}
	first, slowest := time.Now(), time.Duration(0)
	for round := 0; time.Since(first) < 4*time.Second; round++ {
		before, began := written.Load(), time.Now()
		out, failed := c.check(round % 3)
		slowest = max(slowest, time.Since(began))
		if failed || !summaryLine.MatchString(out) {
			t.Errorf("node %d:\n%s", round%3+1, out)
		}
		if written.Load() == before {
			t.Errorf("round %d: nothing was written while the check ran", round)
		}
	}
	close(stop)
	wg.Wait()
	t.Logf("the slowest check took %s", slowest.Round(time.Millisecond))
	out, failed := c.check(0)
	if failed || !summaryLine.MatchString(out) {
		t.Errorf("at rest:\n%s", out)
	}
	t.Logf("%d statements; %s", written.Load(), out)
}

// A replica that says something else than the others is found by its digest, though it serves nobody.
func TestCheckComparesReplicas(t *testing.T) {
	c := start(t, 3)
	c.must(0, `create table t (id int primary key, a text); insert into t select g, 'x' from generate_series(1, 100) g`)
	if out, failed := c.check(1); failed {
		t.Fatal(out)
	}
	// What is flushed now stays ahead of what follows in the log.
	c.must(2, `checkpoint`)
	c.must(0, `insert into t select g, 'y' from generate_series(101, 200) g`)
	c.must(0, `insert into t select g, 'z' from generate_series(201, 300) g`)
	c.Nodes[2].Kill()
	files, err := filepath.Glob(filepath.Join(c.Nodes[2].Dir, "group-*.db"))
	if err != nil {
		t.Fatal(err)
	}
	damaged := 0
	for _, f := range files {
		if !strings.HasPrefix(filepath.Base(f), "group-1-") && damageReplica(t, f) {
			damaged++
		}
	}
	if damaged == 0 {
		t.Fatal("no replica's file is behind its log")
	}
	if err := c.Nodes[2].Start(); err != nil {
		t.Fatal(err)
	}
	c.settle(3)
	out, failed := c.check(0)
	if n := strings.Count(out, "the replicas differ after entry"); !failed || n != damaged {
		t.Errorf("%d replicas were damaged, %d groups differ:\n%s", damaged, n, out)
	}
}

// damageReplica makes a stopped replica's file one that took another entry from the log than the one that is there.
func damageReplica(t *testing.T, path string) bool {
	state, err := fsm.Open(path, fsm.Options{ManualFlush: true})
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	index := state.AppliedIndex()
	if index == 0 {
		return false
	}
	cmd := fsm.Command{Epoch: state.Lease().Epoch, Ingest: &fsm.Ingest{TS: state.MaxTS(), Entries: []fsm.Entry{
		{Key: topo.AppendStorageID(nil, 987654), Value: []byte{}}}}}
	results := make([]fsm.Result, 1)
	if err := state.Apply(index+1, []fsm.Command{cmd}, results); err != nil || results[0].Code != fsm.ResultOK {
		t.Fatalf("%v %+v", err, results)
	}
	if err := state.Sync(); err != nil {
		t.Fatal(err)
	}
	return true
}
