package txn

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// movingSetup is setup with groups that admit moves.
func movingSetup(tb testing.TB, n int, cfg Config) (*Manager, []*memGroup) {
	cfg.Format = func() uint8 { return fsm.Format }
	m, groups := setup(tb, n, cfg)
	for _, g := range groups {
		g.apply(fsm.Command{Upgrade: &fsm.Upgrade{Version: fsm.Format}})
	}
	return m, groups
}

// mover makes random transactions that move rows, put others in their places, and take some of it back. It knows which row
// is under which key.
type mover struct {
	tb     testing.TB
	rng    *rand.Rand
	m      *Manager
	groups []*memGroup
	keys   int
	rows   map[int]string // by key number
	next   int
	steps  map[string]int
}

func (v *mover) key(n int) Key { return testKey(v.groups, n) }

// pick returns a key that holds a row, or a free one; negative when there is none.
func (v *mover) pick(rows map[int]string, taken bool) int {
	for range 4 * v.keys {
		n := v.rng.Intn(v.keys)
		if _, ok := rows[n]; ok == taken {
			return n
		}
	}
	return -1
}

func (v *mover) lock(t *Txn, n int, want string) {
	v.tb.Helper()
	l := lockOne(v.tb, t, v.key(n), lock.Update)
	if string(l.Version.Value) != want {
		v.tb.Fatalf("key %d holds %q, want %q", n, l.Version.Value, want)
	}
}

// fill locks other keys, so that what is locked or written may go ahead before the statement goes on with it.
func (v *mover) fill(t *Txn) {
	for range v.rng.Intn(3) * v.rng.Intn(5) {
		lockOne(v.tb, t, v.key(v.keys+v.rng.Intn(100)), lock.Share)
	}
}

// step does one thing to the rows.
func (v *mover) step(t *Txn, rows map[int]string) {
	from, to := v.pick(rows, true), v.pick(rows, false)
	switch n := v.rng.Intn(10); {
	case n < 6 && from >= 0 && to >= 0:
		v.lock(t, from, rows[from])
		v.fill(t)
		v.lock(t, to, "")
		t.Move(v.key(from), v.key(to), []byte(rows[from]))
		rows[to] = rows[from]
		delete(rows, from)
		v.steps["move"]++
	case n == 6 && from >= 0:
		v.lock(t, from, rows[from])
		v.fill(t)
		t.Delete(v.key(from), 0)
		delete(rows, from)
		v.steps["delete"]++
	case n == 7 && to >= 0:
		v.lock(t, to, "")
		v.next++
		rows[to] = fmt.Sprint("new", v.next)
		t.Put(v.key(to), []byte(rows[to]), 0)
		v.steps["insert"]++
	case n > 7 && from >= 0:
		v.lock(t, from, rows[from])
		v.fill(t)
		t.Put(v.key(from), []byte(rows[from]), KeepsKey)
		v.steps["update"]++
	}
}

func (v *mover) transaction() {
	ctx := context.Background()
	t := v.m.Begin(Options{})
	rows := maps.Clone(v.rows)
	var points []Savepoint
	var then []map[int]string
	for range 1 + v.rng.Intn(12) {
		switch v.rng.Intn(6) {
		case 0:
			points, then = append(points, t.Savepoint()), append(then, maps.Clone(rows))
		case 1:
			if n := len(points); n > 0 {
				i := v.rng.Intn(n)
				t.RollbackTo(points[i])
				rows, points, then = maps.Clone(then[i]), points[:i+1], then[:i+1]
				v.steps["rollback to"]++
			}
		}
		t.StartStatement()
		for range 1 + v.rng.Intn(3) { // of one statement, too: they replace each other in place
			v.step(t, rows)
		}
	}
	if v.rng.Intn(5) == 0 {
		t.Rollback(ctx)
		return
	}
	mustCommit(v.tb, t)
	v.rows = rows
}

// TestRowsAreFollowedHoweverTheyMove: whoever saw rows locks each of them where it is, after any number of transactions with
// any number of moves, and finds no other in its place.
func TestRowsAreFollowedHoweverTheyMove(t *testing.T) {
	steps := map[string]int{}
	for seed := range 240 {
		// Operations are sent ahead never, now and then, or always.
		bytes := []int{1 << 20, 1, 1000, 1500, 2000, 3000}[seed%6]
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) { followMoves(t, int64(seed), bytes, steps) })
	}
	t.Log(steps)
	for _, what := range []string{"move", "delete", "insert", "update", "rollback to", "followed", "gone", "sent ahead"} {
		if steps[what] == 0 {
			t.Errorf("%s: none", what)
		}
	}
}

func followMoves(t *testing.T, seed int64, provisionBytes int, steps map[string]int) {
	ctx := context.Background()
	m, groups := movingSetup(t, 3, Config{ProvisionBytes: provisionBytes})
	v := &mover{tb: t, rng: rand.New(rand.NewSource(seed)), m: m, groups: groups, keys: 10, rows: map[int]string{}, steps: steps}
	first := m.Begin(Options{})
	for n := range 6 {
		v.rows[n] = fmt.Sprint("row", n)
		insert(t, first, groups, n, n+1, v.rows[n])
	}
	mustCommit(t, first)
	for round := range 4 {
		waiter := m.Begin(Options{})
		waiter.StartStatement()
		ts, err := waiter.Snapshot(ctx)
		if err != nil {
			t.Fatal(err)
		}
		seen := maps.Clone(v.rows)
		for range 1 + v.rng.Intn(4) {
			v.transaction()
			if v.rng.Intn(3) == 0 {
				g := groups[v.rng.Intn(len(groups))]
				g.apply(fsm.Command{Horizon: &fsm.Horizon{TS: ts}})
				if err := g.state.Sync(); err != nil {
					t.Fatal(err)
				}
			}
		}
		now := map[string]int{}
		for n, row := range v.rows {
			now[row] = n
		}
		var reqs []LockRequest
		var want []string
		held := map[int]bool{}
		for n, row := range seen {
			reqs, want = append(reqs, LockRequest{Key: v.key(n), Mode: lock.Update, AsOf: ts}), append(want, row)
			if at, ok := now[row]; ok {
				held[at] = true
			}
		}
		out := make([]Locked, len(reqs))
		if err := waiter.Lock(ctx, reqs, lock.Wait, out); err != nil {
			t.Fatal(err)
		}
		for i := range out {
			at, alive := now[want[i]]
			switch {
			case alive && string(out[i].Version.Value) != want[i]:
				t.Fatalf("round %d: %s, now under %d, was followed to %q", round, want[i], at, out[i].Version.Value)
			case !alive && out[i].Version.Exists():
				t.Fatalf("round %d: %s is gone, and was followed to %q", round, want[i], out[i].Version.Value)
			case !alive:
				steps["gone"]++
			case string(reqs[i].Key.Bytes) != string(v.key(at).Bytes):
				steps["followed"]++
			}
		}
		v.wantLocked(held)
		waiter.Rollback(ctx)
	}
	for _, g := range groups {
		steps["sent ahead"] += int(g.provisions.Load())
	}
}

// wantLocked wants exactly these keys to be locked. The locks of transactions that have just ended go a little later.
func (v *mover) wantLocked(held map[int]bool) {
	v.tb.Helper()
	other := v.m.Begin(Options{})
	defer other.Rollback(context.Background())
	for n := range v.keys {
		req := []LockRequest{{Key: v.key(n), Mode: lock.Update, Latest: true}}
		err := other.Lock(context.Background(), req, lock.NoWait, make([]Locked, 1))
		for began := time.Now(); err != nil && !held[n] && time.Since(began) < 5*time.Second; {
			time.Sleep(time.Millisecond)
			err = other.Lock(context.Background(), req, lock.NoWait, make([]Locked, 1))
		}
		if (err != nil) != held[n] {
			v.tb.Fatalf("key %d: %v, locked should be %v", n, err, held[n])
		}
	}
}

// TestAMovedRowIsFollowedAcrossGroupsUnderTheSameKey: a row whose placement changes keeps its key and changes its group.
func TestAMovedRowIsFollowedAcrossGroupsUnderTheSameKey(t *testing.T) {
	ctx := context.Background()
	m, groups := movingSetup(t, 2, Config{})
	a := testKey(groups, 0)
	b := Key{Group: groups[1].id, Bytes: a.Bytes}
	first := m.Begin(Options{})
	insert(t, first, groups, 0, 1, "row")
	mustCommit(t, first)
	waiter := m.Begin(Options{})
	ts, err := waiter.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	mv := m.Begin(Options{})
	lockOne(t, mv, a, lock.Update)
	lockOne(t, mv, b, lock.Update)
	mv.Move(a, b, []byte("row'"))
	mustCommit(t, mv)
	out := make([]Locked, 1)
	if err := waiter.Lock(ctx, []LockRequest{{Key: a, Mode: lock.NoKeyUpdate, AsOf: ts}}, lock.Wait, out); err != nil {
		t.Fatal(err)
	}
	if string(out[0].Version.Value) != "row'" || !out[0].Waited {
		t.Errorf("%+v", out[0])
	}
	waiter.Put(b, []byte("row''"), KeepsKey)
	mustCommit(t, waiter)
	check := m.Begin(Options{})
	if _, values := scanBytes(t, check, groups); fmt.Sprint(values) != "[row'']" {
		t.Error(values)
	}
}

// scanBytes is scanAll for keys that are not in the group of their number.
func scanBytes(tb testing.TB, t *Txn, groups []*memGroup) (keys, values []string) {
	tb.Helper()
	ctx := context.Background()
	ts, err := t.Snapshot(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	s, err := t.Scan(ctx, ReadOptions{TS: ts}, ScanSpec{Groups: ids(groups), Lo: topo.AppendStorageID(nil, storage),
		Hi: topo.AppendStorageID(nil, storage+1)})
	if err != nil {
		tb.Fatal(err)
	}
	defer s.Close()
	for {
		b, err := s.Next(ctx)
		if err != nil {
			tb.Fatal(err)
		}
		if b == nil {
			return keys, values
		}
		for i := range b.Len() {
			keys, values = append(keys, string(b.Key(i))), append(values, string(b.Value(i)))
		}
	}
}

// TestRepeatableReadTellsAMoveFromADeletion by the messages of PostgreSQL.
func TestRepeatableReadTellsAMoveFromADeletion(t *testing.T) {
	ctx := context.Background()
	for _, format := range []uint8{fsm.FormatFirst, fsm.FormatMoved} {
		m, groups := movingSetup(t, 3, Config{})
		m.cfg.Format = func() uint8 { return format }
		first := m.Begin(Options{})
		insert(t, first, groups, 0, 4, "row")
		mustCommit(t, first)
		reader := m.Begin(Options{Isolation: RepeatableRead})
		if _, err := reader.Snapshot(ctx); err != nil {
			t.Fatal(err)
		}
		w := m.Begin(Options{})
		for n := range 6 {
			lockOne(t, w, testKey(groups, n), lock.Update)
		}
		w.Move(testKey(groups, 0), testKey(groups, 4), []byte("row"))
		w.Delete(testKey(groups, 1), 0)
		w.Put(testKey(groups, 2), []byte("changed"), KeepsKey)
		w.Move(testKey(groups, 3), testKey(groups, 5), []byte("row"))
		w.StartStatement()
		w.Put(testKey(groups, 3), []byte("another"), 0)
		mustCommit(t, w)
		want := []string{"update", "delete", "update", "update"}
		if format == fsm.FormatFirst {
			want[0] = "delete" // nobody knows better
		}
		for n, what := range want {
			err := reader.Lock(ctx, []LockRequest{{Key: testKey(groups, n), Mode: lock.Update}}, lock.Wait, make([]Locked, 1))
			var pe *pgerr.Error
			if !errors.As(err, &pe) || pe.Message != "could not serialize access due to concurrent "+what || IsConcurrentDelete(err) != (what == "delete") {
				t.Errorf("format %d, key %d: %v, want %s", format, n, err, what)
			}
		}
		reader.Rollback(ctx)
	}
}
