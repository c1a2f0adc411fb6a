package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

// pairs is a load of transactions over several groups: each inserts a row, a row that refers to it, and a unique value of
// each. When each was acknowledged is known.
type pairs struct {
	c    *cluster
	mu   sync.Mutex
	at   map[int64]time.Time // acknowledged
	wg   sync.WaitGroup
	quit chan struct{}
}

const pairsDDL = `
create table whole (id bigint primary key, code text not null unique);
create table part (id bigint primary key, whole_id bigint not null references whole, code text not null unique);
create table numbered (id bigserial primary key, n int);
`

func (c *cluster) startPairs(clients int) *pairs {
	c.t.Helper()
	c.must(0, pairsDDL)
	p := &pairs{c: c, at: map[int64]time.Time{}, quit: make(chan struct{})}
	for w := range clients {
		p.wg.Go(func() { p.run(int64(w), w%len(c.Nodes)) })
	}
	return p
}

func (p *pairs) run(w int64, node int) {
	limit, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { <-p.quit; cancel() }()
	conn, err := pgx.Connect(limit, p.c.Nodes[node].URL())
	if err != nil {
		p.c.t.Error(err)
		return
	}
	defer closeConn(conn)
	for i := int64(1); limit.Err() == nil; i++ {
		id := i*1000 + w
		tx, err := conn.Begin(limit)
		if err != nil {
			if conn.IsClosed() {
				return
			}
			continue
		}
		_, err = tx.Exec(limit, `insert into whole values ($1::bigint, 'w' || $1)`, id)
		if err == nil {
			_, err = tx.Exec(limit, `insert into part values ($1::bigint + 500, $1, 'p' || $1)`, id)
		}
		if err == nil {
			_, err = tx.Exec(limit, `insert into numbered (n) values (1)`)
		}
		if err == nil {
			err = tx.Commit(limit)
		}
		switch {
		case err != nil && conn.IsClosed():
			return // the node is dead
		case err != nil:
			_ = tx.Rollback(limit)
			continue // a lease has moved, or there is no majority
		}
		p.mu.Lock()
		p.at[id] = time.Now()
		p.mu.Unlock()
	}
}

// acknowledged is how many are.
func (p *pairs) acknowledged() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.at)
}

func (p *pairs) stop() { close(p.quit); p.wg.Wait() }

// recoverCommand runs pgmqdb recover to its end.
func recoverCommand(t *testing.T, args ...string) (string, error) {
	t.Helper()
	bin, err := testenv.Binary()
	if err != nil {
		t.Fatal(err)
	}
	limit, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(limit, bin, append([]string{"recover"}, args...)...).CombinedOutput()
	return string(out), err
}

// recovered starts the recovered node in the place of a survivor, and has a harness for its cluster.
func (c *cluster) recovered(survivor *testenv.Server, dir string) *cluster {
	c.t.Helper()
	s := survivor.InPlace(dir)
	if err := s.Start(); err != nil {
		c.t.Fatal(err)
	}
	return harness(c.t, testenv.Begin(c.t.TempDir(), s))
}

// judgePairs says what acknowledged transactions are lost: whole ones only, and none that was acknowledged long before the
// end.
func (p *pairs) judge(c *cluster, end time.Time, mayLose bool, longest time.Duration) (lost int) {
	c.t.Helper()
	c.expect(0, 0, `select count(*) from whole w full join part p on p.whole_id = w.id where w.id is null or p.id is null`)
	c.expect(0, c.count(0, `select count(*) from whole`), `select count(*) from numbered`)
	there := map[int64]bool{}
	rows, err := c.dbs[0].Query(ctx, `select id from whole`)
	if err != nil {
		c.t.Fatal(err)
	}
	var id int64
	if _, err := pgx.ForEachRow(rows, []any{&id}, func() error { there[id] = true; return nil }); err != nil {
		c.t.Fatal(err)
	}
	earliest := end
	for id, at := range p.at {
		if !there[id] {
			lost++
			if at.Before(earliest) {
				earliest = at
			}
		}
	}
	c.t.Logf("%d transactions were acknowledged; %d are lost, the earliest %v before the end", len(p.at), lost, end.Sub(earliest))
	switch {
	case lost > 0 && !mayLose:
		c.t.Errorf("%d acknowledged transactions are lost, and the plan said none", lost)
	case end.Sub(earliest) > longest:
		c.t.Errorf("a transaction acknowledged %v before the end is lost", end.Sub(earliest))
	}
	return lost
}

// clean expects that pgmqdb check finds nothing.
func (c *cluster) clean() {
	c.t.Helper()
	if out, failed := c.check(0); failed {
		c.t.Errorf("pgmqdb check: %s", out)
	}
}

// Three nodes under load, two of which are lost with their data. The third makes a new cluster, which has all that it had; two
// more nodes join that, and the old ones are told that their time is over.
func TestRecoverFromOneSurvivor(t *testing.T) {
	c := start(t, 3)
	l := c.startLoad(1)
	p := c.startPairs(6)
	time.Sleep(3 * time.Second)
	survivor := c.Nodes[1]
	var end time.Time
	c.expectNoMajority(1, func() {
		var kills sync.WaitGroup
		for _, i := range []int{0, 2} {
			kills.Go(func() { c.Nodes[i].Kill() })
		}
		kills.Wait()
		end = time.Now()
	})
	l.stop()
	p.stop()
	if out, err := recoverCommand(t, "--data", survivor.Dir, "--out", filepath.Join(t.TempDir(), "new")); err == nil ||
		!strings.Contains(out, "in use by another process") && !strings.Contains(out, "is running at") {
		t.Errorf("recovery of a running node: %v, %s", err, out)
	}
	survivor.Kill()
	old := filepath.Join(t.TempDir(), "old")
	if err := os.CopyFS(old, os.DirFS(c.Nodes[0].Dir)); err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, 2} {
		if err := os.RemoveAll(c.Nodes[i].Dir); err != nil {
			t.Fatal(err)
		}
	}

	before := contents(t, survivor.Dir)
	out := filepath.Join(t.TempDir(), "new")
	args := []string{"--data", survivor.Dir, "--out", out}
	began := time.Now()
	plan, err := recoverCommand(t, args...)
	took := time.Since(began)
	t.Logf("planned in %v:\n%s", took, plan)
	if err != nil || !strings.Contains(plan, "nothing was changed") || !strings.Contains(plan, "1 of 3 voters survive") {
		t.Fatalf("the plan: %v\n%s", err, plan)
	}
	if now := contents(t, survivor.Dir); now != before {
		t.Errorf("the plan has changed the survivor's directory:\n%s\nwas\n%s", now, before)
	}
	t.Log(recoverThroughKills(t, c.rnd(), took, out, append(args, "--apply")))
	if again, err := recoverCommand(t, append(args, "--apply")...); err != nil || !strings.Contains(again, "from an earlier run") {
		t.Errorf("recovery again: %v, %s", err, again)
	}

	n := c.recovered(survivor, out)
	p.judge(n, end, true, 3*time.Second)
	n.judge(loadSchema)
	n.clean()
	n.must(0, `insert into whole values (-1, 'after')`)
	n.must(0, `insert into part values (-1, -1, 'after')`)
	n.must(0, `insert into numbered (n) select 2 from generate_series(1, 200)`) // no id twice
	n.refused(0, "23505", `insert into whole values (-2, 'after')`)
	n.refused(0, "23503", `delete from whole where id = -1`)
	n.must(0, `create table later (id bigserial primary key, whole_id bigint references whole on delete cascade, unique (whole_id, id))`)
	n.must(0, `insert into later (whole_id) select id from whole`)
	n.must(0, `alter table part add column more int default 7`)

	const goneMessage = "was recovered from its survivors and goes on as cluster"
	refusesToStart(t, 20*time.Second, goneMessage, startArgs(t, old))
	refusesToStart(t, 20*time.Second, "was recovered into cluster", startArgs(t, survivor.Dir))

	n.join()
	n.join()
	n.settle(3)
	n.judge(loadSchema)
	for i := range 3 {
		n.must(i, `insert into later (whole_id) select id from whole order by id limit 10`)
		n.must(i, `insert into part values ($1::bigint, -1, 'x' || $1)`, -10-i)
	}
	n.clean()
	refusesToStart(t, 20*time.Second, goneMessage, startArgs(t, old))
	n.kill(0) // the recovered one: the others have all
	n.eventually(1, `insert into part values (-20, -1, 'without the first')`)
	n.expect(1, n.count(2, `select count(*) from part`), `select count(*) from part`)
}

// withoutMajority are statements of every kind, which end within a bound when no group has a majority.
var withoutMajority = []string{
	`select count(*) from account`, `update account set amount = amount`, `insert into claim values (-5, 'x')`, `create table never (id int)`,
	`alter table transfer add column never int`, `create index never on transfer (amount)`, `drop table vote`,
	`alter table vote add constraint never check (id > 0)`, `truncate grandchild`, `begin; lock table parent; commit`,
}

// majorityBound is the longest that a statement may take to say that there is no majority.
const majorityBound = 15 * time.Second

// expectNoMajority has statements under way through a node while others are lost, and expects of each, and of new ones, that it
// ends within a bound, with an error that may be retried and says what is the matter. lose makes the loss.
func (c *cluster) expectNoMajority(node int, lose func()) {
	c.t.Helper()
	var conns []*pgx.Conn
	for range withoutMajority {
		conn, err := pgx.Connect(ctx, c.Nodes[node].URL())
		if err != nil {
			c.t.Fatal(err)
		}
		defer closeConn(conn)
		conns = append(conns, conn)
	}
	lose()
	for _, when := range []string{"at once", "later"} {
		var all sync.WaitGroup
		for i, sql := range withoutMajority {
			all.Go(func() {
				began := time.Now()
				limit, cancel := context.WithTimeout(ctx, 40*time.Second)
				defer cancel()
				_, err := conns[i].Exec(limit, sql)
				took := time.Since(began).Round(time.Millisecond)
				c.t.Logf("%s: %s: after %v: %v", when, sql, took, err)
				if !retryable(err) || lostConnection(err) || took > majorityBound {
					c.t.Errorf("%s without a majority: %v after %v", sql, err, took)
				}
			})
		}
		all.Wait()
	}
	began := time.Now()
	_, err := pgx.Connect(ctx, c.Nodes[node].URL())
	if err == nil || !strings.Contains(err.Error(), "cut off from the cluster") || time.Since(began) > 5*time.Second {
		c.t.Errorf("a connection without a majority: %v after %v", err, time.Since(began))
	}
}

// contents are the names, sizes and times of all files in a directory.
func contents(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			fmt.Fprintln(&b, path, info.Size(), info.ModTime())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// recoverThroughKills kills the command at random moments some times, and then lets it come to its end.
// took is how long planning takes.
func recoverThroughKills(t *testing.T, random func(n int64) int64, took time.Duration, out string, args []string) string {
	t.Helper()
	bin, err := testenv.Binary()
	if err != nil {
		t.Fatal(err)
	}
	killed, text := 0, ""
	for range rounds(8, 40) {
		var said strings.Builder
		cmd := exec.Command(bin, append([]string{"recover"}, args...)...)
		cmd.Stdout, cmd.Stderr = &said, &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		select {
		case err := <-done:
			if err != nil {
				t.Fatalf("recovery after %d kills: %v, %s", killed, err, said.String())
			}
		case <-time.After(time.Duration(random(int64(2*took + 100*time.Millisecond)))):
			killed++
			_ = cmd.Process.Kill()
			<-done
		}
		text = said.String()
		if _, err := os.Stat(out); err == nil {
			break // it appears at once, and whole
		}
	}
	t.Logf("killed %d times", killed)
	again, err := recoverCommand(t, args...)
	if err != nil {
		t.Fatalf("recovery: %v\n%s", err, again)
	}
	text += again
	if _, err := os.Stat(out); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return text
}

// groupsOf says which nodes, by their index, have a replica of each group.
func (c *cluster) groupsOf() map[int][]int {
	c.t.Helper()
	out := map[int][]int{}
	rows, err := c.dbs[0].Query(ctx, `select group_id, replicas from pgmqdb.shards`)
	if err != nil {
		c.t.Fatal(err)
	}
	var id int
	var nodes []int
	if _, err := pgx.ForEachRow(rows, []any{&id, &nodes}, func() error {
		for _, n := range nodes {
			out[id] = append(out[id], n-1)
		}
		return nil
	}); err != nil {
		c.t.Fatal(err)
	}
	return out
}

// withoutVote finds the node of four that has no vote in the catalog group: which one is a matter of who copied it first.
func (c *cluster) withoutVote() int {
	c.t.Helper()
	voting := map[int]bool{0: true}
	for end := time.Now().Add(20 * time.Second); len(voting) < 3 && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		for _, s := range c.Nodes {
			for _, m := range catalogVote.FindAllStringSubmatch(s.Log(), -1) {
				n, _ := strconv.Atoi(m[1])
				voting[n-1] = true
			}
		}
	}
	for i := range c.Nodes {
		if !voting[i] && len(voting) == 3 {
			return i
		}
	}
	c.t.Fatalf("votes in the catalog group: %v", voting)
	return 0
}

var catalogVote = regexp.MustCompile(`msg=placement step="promote group 1 replica \d+ node (\d+) `)

// onlyOn finds two nodes such that some group is on the first and not on the second, and every group on one of them.
func (c *cluster) onlyOn() (first, second int) {
	c.t.Helper()
	groups := c.groupsOf()
	for a := range c.Nodes {
		for b := range c.Nodes {
			all, apart := true, false
			for _, nodes := range groups {
				onA, onB := slices.Contains(nodes, a), slices.Contains(nodes, b)
				all = all && (onA || onB)
				apart = apart || onA && !onB
			}
			if a != b && all && apart {
				return a, b
			}
		}
	}
	c.t.Fatalf("no two nodes as wanted: %v", groups)
	return 0, 0
}

// Four nodes, or five, of which two survive, and one of the two had died before: its groups lack what the others' have. All
// goes back to a moment at which every group has everything. And when asked to keep what is torn, the check names it.
func TestRecoverFromSurvivorsOfDifferentMoments(t *testing.T) {
	c := start(t, rounds(4, 5))
	l := c.startLoad(1)
	p := c.startPairs(6)
	time.Sleep(2 * time.Second)
	first, second := c.onlyOn()
	if err := c.Nodes[first].Stop(); err != nil { // the others take its leases at once, and go on
		t.Error(err)
	}
	stale, before := time.Now(), p.acknowledged()
	for p.acknowledged() < before+30 && time.Since(stale) < 10*time.Second {
		time.Sleep(5 * time.Millisecond)
	}
	t.Logf("%d transactions were acknowledged in %v without the first", p.acknowledged()-before, time.Since(stale))
	for i := range c.Nodes {
		c.Nodes[i].Kill()
	}
	l.stop()
	p.stop()
	for i := range c.Nodes {
		if i != first && i != second {
			if err := os.RemoveAll(c.Nodes[i].Dir); err != nil {
				t.Fatal(err)
			}
		}
	}
	base := []string{"--apply", "--data", c.Nodes[second].Dir, "--data", c.Nodes[first].Dir, "--out"}
	torn := filepath.Join(t.TempDir(), "torn")
	out, err := recoverCommand(t, append(base, torn, "--keep-torn")...)
	t.Logf("kept torn: %s", out)
	if err != nil || !strings.Contains(out, "MISSING in others") || !strings.Contains(out, "kept in part") {
		t.Fatalf("recovery: %v", err)
	}
	k := c.recovered(c.Nodes[second], torn)
	found, failed := k.check(0)
	if !failed {
		t.Errorf("transactions are torn, and the check finds nothing: %s", found)
	}
	k.Kill()

	whole := filepath.Join(t.TempDir(), "whole")
	out, err = recoverCommand(t, append(base, whole)...)
	t.Logf("gone back: %s", out)
	if err != nil || !strings.Contains(out, "Everything goes back to timestamp") {
		t.Fatalf("recovery: %v", err)
	}
	n := c.recovered(c.Nodes[second], whole)
	p.judge(n, stale, true, 3*time.Second)
	n.judge(loadSchema)
	n.clean()
	n.must(0, `insert into numbered (n) select 2 from generate_series(1, 200)`)
	n.join()
	n.join()
	n.settle(3)
	n.judge(loadSchema)
	n.clean()
}

// Of some group nothing is left: that is refused, and carried out when it is accepted, and then says what is missing.
func TestRecoverWithoutAGroup(t *testing.T) {
	c := start(t, 4)
	c.must(0, `create table t (id int primary key, code text unique)`)
	c.must(0, `insert into t select g, 'c' || g from generate_series(1, 1000) g`)
	// A commit is acknowledged before all groups have resolved it, and of one that is prepared only what is left is taken back.
	// Reading waits for the leaseholders, and a check until all replicas are where they are.
	c.expect(0, 1000, `select count(*) from t`)
	if found, failed := c.check(0); failed {
		t.Fatal(found)
	}
	survivor, lost := -1, 0
	for id, nodes := range c.groupsOf() {
		for i := range c.Nodes {
			if !slices.Contains(nodes, i) {
				survivor, lost = i, id
			}
		}
	}
	if survivor < 0 {
		t.Fatalf("every node has every group: %v", c.groupsOf())
	}
	for i := range c.Nodes {
		c.Nodes[i].Kill()
	}
	dir := filepath.Join(t.TempDir(), "new")
	args := []string{"--apply", "--data", c.Nodes[survivor].Dir, "--out", dir}
	out, err := recoverCommand(t, args...)
	if err == nil || !strings.Contains(out, fmt.Sprintf("group %d: NOTHING IS LEFT", lost)) || !strings.Contains(out, "--lose-groups") {
		t.Errorf("recovery without group %d: %v\n%s", lost, err, out)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("it was refused, and made a directory")
	}
	out, err = recoverCommand(t, append(args, "--lose-groups")...)
	t.Log(out)
	if err != nil || !strings.Contains(out, "COME BACK EMPTY") || !strings.Contains(out, "public.t") {
		t.Fatalf("recovery: %v", err)
	}
	n := c.recovered(c.Nodes[survivor], dir)
	if rows := n.count(0, `select count(*) from t`); rows < 400 || rows >= 1000 {
		t.Errorf("%d rows of 1000", rows)
	}
	if found, failed := n.check(0); !failed {
		t.Errorf("rows and entries are lost, and the check finds nothing: %s", found)
	}
	n.must(0, `create table u (id int primary key, code text unique)`)
	n.must(0, `insert into u select g, 'c' || g from generate_series(1, 1000) g`)
}

// A data group loses its majority, and the catalog keeps it: what needs the group ends within a bound, and the rest goes on.
func TestADataGroupWithoutMajority(t *testing.T) {
	c := start(t, 4)
	c.must(0, `create table t (id int primary key, n int)`)
	c.must(0, `insert into t select g, g from generate_series(1, 100) g`)
	groups := c.groupsOf()
	lost, other, idle := -1, -1, c.withoutVote()
	for id, nodes := range groups {
		if id == catalogGroup || !slices.Contains(nodes, idle) {
			continue
		}
		for _, i := range nodes {
			if i != idle && i != 0 {
				lost, other = id, i
			}
		}
	}
	if lost < 0 {
		t.Fatalf("no group is on node %d: %v", idle+1, groups)
	}
	statements := []string{`alter table t add column m int`, `create index on t (n)`, `update t set n = n + 1`, `select sum(n) from t`}
	var conns []*pgx.Conn
	for range statements {
		conn, err := pgx.Connect(ctx, c.Nodes[0].URL())
		if err != nil {
			t.Fatal(err)
		}
		defer closeConn(conn)
		conns = append(conns, conn)
	}
	c.Nodes[idle].Kill()
	c.Nodes[other].Kill()
	time.Sleep(6 * time.Second) // their epochs are over
	for i, sql := range statements {
		began := time.Now()
		limit, cancel := context.WithTimeout(ctx, 40*time.Second)
		_, err := conns[i].Exec(limit, sql)
		cancel()
		took := time.Since(began)
		t.Logf("%s: after %v: %v", sql, took, err)
		if !retryable(err) || lostConnection(err) || took > majorityBound {
			t.Errorf("%s without a majority of group %d: %v after %v", sql, lost, err, took)
		}
	}
	c.expect(0, 4, `select count(*) from pgmqdb.nodes`)
	if err := c.Nodes[idle].Start(); err != nil {
		t.Fatal(err)
	}
	if err := c.Nodes[other].Start(); err != nil {
		t.Fatal(err)
	}
	c.settle(3)
	c.eventually(0, `alter table t add column m int`)
	c.eventually(0, `create index on t (n)`)
	c.eventually(0, `update t set m = n`)
	c.expect(0, 100, `select count(*) from t where m = n`)
	c.clean()
}
