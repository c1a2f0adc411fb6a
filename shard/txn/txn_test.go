package txn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/rpc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

type counter struct{ n atomic.Uint64 }

func (c *counter) Timestamp(context.Context) (topo.Timestamp, error) {
	return topo.Timestamp(c.n.Add(1)), nil
}

// memGroup is a group without a network or a log: proposals apply at once.
type memGroup struct {
	id      topo.GroupID
	state   *fsm.State
	locks   *lock.Manager
	mu      sync.Mutex
	index   uint64
	calls   atomic.Int64
	forgets atomic.Int64 // commands
	// provisions counts those applied.
	provisions atomic.Int64
	// deaf refuses so many Unlocks; silent loses the answers, and the work after it, of so many prepares.
	deaf, silent atomic.Int64
}

func (g *memGroup) ID() topo.GroupID { return g.id }

func (g *memGroup) apply(cmd fsm.Command) fsm.Result {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.index++
	cmd.Epoch = 1
	res := make([]fsm.Result, 1)
	if err := g.state.Apply(g.index, []fsm.Command{cmd}, res); err != nil {
		panic(err)
	}
	return res[0]
}

func (g *memGroup) Get(_ context.Context, r *rpc.GetRequest) (*rpc.GetResponse, error) {
	g.calls.Add(1)
	resp := &rpc.GetResponse{}
	for _, k := range r.Keys {
		if r.Since != nil {
			at, to, _, err := g.state.Moved(k, r.Since[len(resp.Versions)], r.Txn)
			if err != nil {
				return nil, err
			}
			resp.Versions, resp.Links = append(resp.Versions, rpc.Version{TS: at}), append(resp.Links, to)
			continue
		}
		if r.Links {
			resp.Links = append(resp.Links, g.state.Origin(k, fsm.Own{Txn: r.Txn, Seq: r.OwnSeq, RolledBack: r.RolledBack}))
		}
		v, p, err := g.state.Get(k, r.TS, fsm.Own{Txn: r.Txn, Seq: r.OwnSeq, RolledBack: r.RolledBack})
		for ; p != nil; v, p, err = g.state.Get(k, r.TS, fsm.Own{}) {
			runtime.Gosched()
		}
		if err != nil {
			return nil, err
		}
		resp.Versions = append(resp.Versions, rpc.Version(v))
	}
	return resp, nil
}

func (g *memGroup) Scan(_ context.Context, r *rpc.ScanRequest) (*rpc.ScanResponse, error) {
	g.calls.Add(1)
	for {
		resp := &rpc.ScanResponse{}
		resume, p, err := g.state.Scan(fsm.ScanOptions{Lo: r.Lo, Hi: r.Hi, Ranges: r.Ranges, TS: r.TS, Reverse: r.Reverse, KeysOnly: r.KeysOnly,
			MaxRows: r.MaxRows, MaxBytes: r.MaxBytes, Own: fsm.Own{Txn: r.Txn, Seq: r.OwnSeq, RolledBack: r.RolledBack}},
			func(k, v []byte, ts topo.Timestamp) bool { resp.Rows.Append(k, v, ts); return true })
		if err != nil {
			return nil, err
		}
		if p == nil {
			resp.Resume = bytes.Clone(resume)
			return resp, nil
		}
		runtime.Gosched()
	}
}

func (g *memGroup) Lock(ctx context.Context, r *rpc.LockRequest) (*rpc.LockResponse, error) {
	g.calls.Add(1)
	resp := &rpc.LockResponse{}
	for i, k := range r.Keys {
		waited, err := g.locks.Acquire(ctx, r.Txn, k, r.Modes[i], &lock.Options{Policy: r.Policy})
		if err == lock.ErrNotAvailable && r.Policy == lock.SkipLocked {
			if resp.Skipped == nil {
				resp.Skipped = make([]bool, len(r.Keys))
			}
			resp.Skipped[i], resp.Versions = true, append(resp.Versions, rpc.Version{})
			continue
		}
		if err != nil {
			return nil, &rpc.Error{Code: rpc.ErrLockNotAvailable}
		}
		resp.Waited = resp.Waited || waited
		v, p, err := g.state.Latest(k, r.Txn)
		for ; p != nil; v, p, err = g.state.Latest(k, r.Txn) {
			runtime.Gosched()
		}
		if err != nil {
			return nil, err
		}
		resp.Versions = append(resp.Versions, rpc.Version(v))
	}
	return resp, nil
}

func (g *memGroup) Unlock(_ context.Context, r *rpc.UnlockRequest) error {
	if g.deaf.Add(-1) >= 0 {
		return &rpc.Error{Code: rpc.ErrUnavailable}
	}
	if r.Keys == nil {
		g.locks.ReleaseAll(r.Txn)
	}
	for _, k := range r.Keys {
		g.locks.Release(r.Txn, k)
	}
	return nil
}

func (g *memGroup) Propose(_ context.Context, cmd *fsm.Command) (fsm.Result, error) {
	res := g.apply(*cmd)
	if cmd.Prepare != nil && g.silent.Add(-1) >= 0 {
		return fsm.Result{}, &rpc.Error{Code: rpc.ErrAmbiguous}
	}
	switch {
	case cmd.Forget != nil:
		g.forgets.Add(1)
	case cmd.Provision != nil:
		g.provisions.Add(1)
	case cmd.Prepare != nil && res.Code == fsm.ResultCommitted:
		g.locks.ReleaseAll(cmd.Prepare.Txn)
	case cmd.Resolve != nil && (cmd.Resolve.Commit || cmd.Resolve.Final):
		g.locks.ReleaseAll(cmd.Resolve.Txn)
	case cmd.Commit != nil:
		g.locks.ReleaseAll(cmd.Commit.Txn)
	}
	return res, nil
}

func (g *memGroup) Outcome(_ context.Context, id topo.TxnID, n topo.Attempt) (*rpc.OutcomeResponse, error) {
	o := g.state.Outcome(id, n)
	return &rpc.OutcomeResponse{Code: rpc.OutcomeCode(o.Code), TS: o.TS, Primary: o.Primary, Participants: o.Participants}, nil
}

func (g *memGroup) NextSequenceValues(context.Context, *rpc.SequenceRequest) (*rpc.SequenceResponse, error) {
	return &rpc.SequenceResponse{AtLimit: true}, nil
}

const storage topo.StorageID = 7

func testKey(groups []*memGroup, n int) Key {
	b := topo.AppendStorageID(nil, storage)
	b = append(b, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	return Key{Group: groups[n%len(groups)].id, Bytes: b}
}

func setup(tb testing.TB, n int, cfg Config) (*Manager, []*memGroup) {
	tb.Helper()
	var groups []*memGroup
	for i := 0; i < n; i++ {
		s, err := fsm.Open(filepath.Join(tb.TempDir(), fmt.Sprint("g", i)), fsm.Options{InitialMmapBytes: 1 << 20})
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { s.Close() })
		g := &memGroup{id: topo.FirstDataGroup + topo.GroupID(i), state: s, locks: lock.NewRows(nil)}
		g.apply(fsm.Command{Lease: &fsm.Lease{Epoch: 1, Holder: 1, Incarnation: 1}})
		groups = append(groups, g)
	}
	cfg.Node, cfg.Epoch, cfg.Clock = 1, 1, &counter{}
	cfg.Groups = func(id topo.GroupID) rpc.Group { return groups[id-topo.FirstDataGroup] }
	m := New(cfg)
	tb.Cleanup(func() { m.Close(context.Background()) })
	return m, groups
}

func ids(groups []*memGroup) (list []topo.GroupID) {
	for _, g := range groups {
		list = append(list, g.id)
	}
	return list
}

// insert locks and puts keys [from, to) in one statement.
func insert(tb testing.TB, t *Txn, groups []*memGroup, from, to int, value string) {
	tb.Helper()
	t.StartStatement()
	for lo := from; lo < to; lo += 1000 {
		hi := min(lo+1000, to)
		reqs := make([]LockRequest, 0, hi-lo)
		for i := lo; i < hi; i++ {
			reqs = append(reqs, LockRequest{Key: testKey(groups, i), Mode: lock.Update, Latest: true})
		}
		out := make([]Locked, len(reqs))
		if err := t.Lock(context.Background(), reqs, lock.Wait, out); err != nil {
			tb.Fatal(err)
		}
		for i := range reqs {
			t.Put(reqs[i].Key, []byte(value), 0)
		}
	}
}

// scanAll returns the keys' numbers in the order in which a scan gives them.
func scanAll(tb testing.TB, t *Txn, groups []*memGroup, spec ScanSpec) (list []int, values []string) {
	tb.Helper()
	ctx := context.Background()
	ts, err := t.Snapshot(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	spec.Groups = ids(groups)
	spec.Lo, spec.Hi = topo.AppendStorageID(nil, storage), topo.AppendStorageID(nil, storage+1)
	s, err := t.Scan(ctx, ReadOptions{TS: ts, Own: t.StatementSeq()}, spec)
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
			return list, values
		}
		for i := 0; i < b.Len(); i++ {
			k := b.Key(i)
			n := int(k[4])<<24 | int(k[5])<<16 | int(k[6])<<8 | int(k[7])
			if testKey(groups, n).Group != b.GroupOf(i) {
				tb.Fatalf("row %d is said to be in group %d", n, b.GroupOf(i))
			}
			list, values = append(list, n), append(values, string(b.Value(i)))
		}
	}
}

func mustCommit(tb testing.TB, t *Txn) {
	tb.Helper()
	if err := t.Commit(context.Background()); err != nil {
		tb.Fatal(err)
	}
}

// TestOutcomesAreForgottenManyAtATime, those of the last transactions before Close too.
func TestOutcomesAreForgottenManyAtATime(t *testing.T) {
	const n = 300
	m, groups := setup(t, 3, Config{})
	var done []topo.TxnID
	for i := range n {
		tx := m.Begin(Options{})
		insert(t, tx, groups, 3*i, 3*i+3, "a")
		mustCommit(t, tx)
		done = append(done, tx.ID())
	}
	if err := m.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	ts, _ := m.cfg.Clock.Timestamp(t.Context())
	for _, g := range groups {
		for _, id := range done {
			if code := g.state.Outcome(id, 1).Code; code != fsm.OutcomeCommitted {
				t.Fatalf("outcome %d of %v before the horizon has passed it", code, id)
			}
		}
		g.apply(fsm.Command{Horizon: &fsm.Horizon{TS: ts}})
		for _, id := range done {
			if code := g.state.Outcome(id, 1).Code; code != fsm.OutcomeUnknown {
				t.Fatalf("outcome %d of %v is kept", code, id)
			}
		}
		if c := g.forgets.Load(); c == 0 || c > n/4 {
			t.Errorf("%d commands forget %d outcomes", c, n)
		}
	}
}

func TestOrderedScanMergesGroupsAndOwnOperations(t *testing.T) {
	for _, provision := range []int{0, 2000} {
		m, groups := setup(t, 3, Config{ProvisionBytes: provision})
		tx := m.Begin(Options{})
		insert(t, tx, groups, 0, 2000, "a")
		mustCommit(t, tx)

		tx = m.Begin(Options{Isolation: RepeatableRead})
		insert(t, tx, groups, 2000, 2100, "b")
		tx.StartStatement()
		for i := 0; i < 100; i++ {
			k := testKey(groups, i)
			if err := tx.Lock(context.Background(), []LockRequest{{Key: k, Mode: lock.Update}}, lock.Wait, make([]Locked, 1)); err != nil {
				t.Fatal(err)
			}
			tx.Delete(k, 0)
		}
		if got, _ := scanAll(t, tx, groups, ScanSpec{Ordered: true}); len(got) != 2100 {
			t.Errorf("a statement sees its own deletions: %d rows", len(got))
		}
		tx.StartStatement()
		for _, reverse := range []bool{false, true} {
			got, values := scanAll(t, tx, groups, ScanSpec{Ordered: true, Reverse: reverse, LimitHint: 20})
			if len(got) != 2000 {
				t.Fatalf("reverse %v: %d rows", reverse, len(got))
			}
			for i, n := range got {
				want := 100 + i
				if reverse {
					want = 2099 - i
				}
				if n != want || (n >= 2000) != (values[i] == "b") {
					t.Fatalf("reverse %v: row %d is %d %q, want %d", reverse, i, n, values[i], want)
				}
			}
		}
		tx.Rollback(context.Background())
	}
}

// TestScanOfManyRangesReadsWhatLiesInThem covers own operations, buffered and sent ahead, batches that end anywhere, and
// more ranges than one request takes.
func TestScanOfManyRangesReadsWhatLiesInThem(t *testing.T) {
	const rows = 3 * maxScanRanges
	at := func(n int) []byte { return testKey([]*memGroup{{}}, n).Bytes }
	for _, provision := range []int{0, 2000} {
		m, groups := setup(t, 3, Config{ProvisionBytes: provision})
		tx := m.Begin(Options{})
		insert(t, tx, groups, 0, rows/2, "a")
		mustCommit(t, tx)
		tx = m.Begin(Options{Isolation: Serializable})
		insert(t, tx, groups, rows/2, rows, "b")
		for n := 5; n < rows/2; n += 7 {
			k := testKey(groups, n)
			if err := tx.Lock(context.Background(), []LockRequest{{Key: k, Mode: lock.Update}}, lock.Wait, make([]Locked, 1)); err != nil {
				t.Fatal(err)
			}
			tx.Delete(k, 0)
		}
		tx.StartStatement()
		rng := rand.New(rand.NewSource(int64(provision)))
		for _, step := range []int{1, 2, 40, 3000} {
			var ranges []KeyRange
			in := map[int]bool{}
			for n := rng.Intn(3); n < rows; n += 1 + rng.Intn(step) {
				end := n + 1 + rng.Intn(step)
				if len(ranges) > 0 && rng.Intn(4) == 0 {
					n++
					end++
				}
				ranges = append(ranges, KeyRange{Lo: at(n), Hi: at(end)})
				for ; n < end; n++ {
					in[n] = n < rows && (n >= rows/2 || n%7 != 5)
				}
			}
			if step == 1 && len(ranges) <= maxScanRanges {
				t.Fatalf("%d ranges fit one request", len(ranges))
			}
			var want []int
			for n := range rows {
				if in[n] {
					want = append(want, n)
				}
			}
			for _, ordered := range []bool{true, false} {
				got, _ := scanAll(t, tx, groups, ScanSpec{Ordered: ordered, Ranges: ranges, LimitHint: 1 + rng.Intn(500)})
				if !ordered {
					slices.Sort(got)
				}
				if !slices.Equal(got, want) {
					t.Fatalf("step %d, ordered %v: %d rows, want %d", step, ordered, len(got), len(want))
				}
			}
		}
		tx.Rollback(context.Background())
	}
}

// TestManyRangesAreTrackedOneByOne: a SERIALIZABLE transaction that read some ranges is refused for a change in one of them,
// not for one between them.
func TestManyRangesAreTrackedOneByOne(t *testing.T) {
	for n, conflict := range map[int]bool{15: true, 25: false, 35: true, 45: false} {
		m, groups := setup(t, 3, Config{})
		tx := m.Begin(Options{})
		insert(t, tx, groups, 10, 20, "a")
		mustCommit(t, tx)
		tx = m.Begin(Options{Isolation: Serializable})
		at := func(n int) []byte { return testKey(groups, n).Bytes }
		ranges := []KeyRange{{Lo: at(10), Hi: at(20)}, {Lo: at(30), Hi: at(40)}}
		if got, _ := scanAll(t, tx, groups, ScanSpec{Ranges: ranges}); len(got) != 10 {
			t.Fatal(got)
		}
		insert(t, tx, groups, 100, 101, "a")
		other := m.Begin(Options{})
		k := testKey(groups, n)
		if err := other.Lock(context.Background(), []LockRequest{{Key: k, Mode: lock.Update}}, lock.Wait, make([]Locked, 1)); err != nil {
			t.Fatal(err)
		}
		other.Put(k, []byte("other"), 0)
		mustCommit(t, other)
		if err := tx.Commit(context.Background()); (err != nil) != conflict {
			t.Errorf("a write of %d: %v", n, err)
		}
	}
}

// TestAKeyThatWentAheadStaysOwnHoweverOftenItIsLocked: what is under it is absent, and known to be so from the first lock on.
func TestAKeyThatWentAheadStaysOwnHoweverOftenItIsLocked(t *testing.T) {
	m, groups := setup(t, 2, Config{ProvisionBytes: 2000})
	tx := m.Begin(Options{})
	insert(t, tx, groups, 0, 1000, "a")
	for n := range 1000 {
		for try := range 3 {
			req := LockRequest{Key: testKey(groups, n), Mode: lock.KeyShare, Latest: true, ExistenceOnly: n%2 == 0}
			out := make([]Locked, 1)
			if err := tx.Lock(context.Background(), []LockRequest{req}, lock.WaitIfExists, out); err != nil {
				t.Fatal(err)
			}
			if v := out[0].Version; !v.Exists() || !v.Own {
				t.Fatalf("key %d, lock %d: %+v", n, try, v)
			}
		}
	}
	mustCommit(t, tx)
}

func TestRollbackToDropsOperationsSentAheadToo(t *testing.T) {
	for _, provision := range []int{0, 3000} {
		m, groups := setup(t, 2, Config{ProvisionBytes: provision})
		tx := m.Begin(Options{})
		insert(t, tx, groups, 0, 50, "kept")
		sp := tx.Savepoint()
		insert(t, tx, groups, 50, 150, "dropped")
		tx.StartStatement() // what is full goes ahead with the next call
		scanAll(t, tx, groups, ScanSpec{})
		tx.RollbackTo(sp)
		insert(t, tx, groups, 100, 120, "again")
		tx.StartStatement()
		if got, _ := scanAll(t, tx, groups, ScanSpec{}); len(got) != 70 {
			t.Errorf("provision %d: %d rows before COMMIT", provision, len(got))
		}
		mustCommit(t, tx)
		if got, _ := scanAll(t, m.Begin(Options{}), groups, ScanSpec{}); len(got) != 70 {
			t.Errorf("provision %d: %d rows after COMMIT", provision, len(got))
		}
	}
}

// lockOne locks a key of the test's storage.
func lockOne(tb testing.TB, t *Txn, k Key, mode lock.Mode) Locked {
	tb.Helper()
	var out [1]Locked
	if err := t.Lock(context.Background(), []LockRequest{{Key: k, Mode: mode, Latest: true}}, lock.Wait, out[:]); err != nil {
		tb.Fatal(err)
	}
	return out[0]
}

// loseLocks is what a move of the lease does to a group's locks.
func (g *memGroup) loseLocks() {
	g.locks.Clear()
	g.locks = lock.NewRows(nil)
}

// TestWhatWentAheadIsValidatedLikeItems loses the locks of a transaction, lets another one commit, and expects a refusal
// whether the transaction's part is in the prepare or went ahead of it, and whatever was rolled back in between.
func TestWhatWentAheadIsValidatedLikeItems(t *testing.T) {
	ctx := context.Background()
	update := func(t *testing.T, m *Manager, k Key) {
		o := m.Begin(Options{})
		lockOne(t, o, k, lock.NoKeyUpdate)
		o.Put(k, []byte("theirs"), KeepsKey)
		mustCommit(t, o)
	}
	addChild := func(t *testing.T, m *Manager, k Key) {
		o := m.Begin(Options{})
		l := lockOne(t, o, k, lock.KeyShare)
		o.MarkShared(k, l.Version.KeyVersion)
		o.Put(Key{Group: k.Group, Bytes: append(bytes.Clone(k.Bytes), 'c')}, nil, 0)
		mustCommit(t, o)
	}
	remove := func(t *testing.T, m *Manager, k Key) {
		o := m.Begin(Options{})
		lockOne(t, o, k, lock.Update)
		o.Delete(k, 0)
		mustCommit(t, o)
	}
	// ahead sends what is buffered ahead.
	goes := false
	ahead := func(t *testing.T, tx *Txn) {
		tx.StartStatement()
		if !goes {
			return
		}
		if err := tx.provision(ctx); err != nil {
			t.Fatal(err)
		}
	}
	cases := []struct {
		name    string
		do      func(t *testing.T, tx *Txn, k Key)
		theirs  func(t *testing.T, m *Manager, k Key)
		refused bool
	}{
		{"a delete's mark that follows it", func(t *testing.T, tx *Txn, k Key) {
			lockOne(t, tx, k, lock.Update)
			tx.Delete(k, 0)
			f, _ := tx.FreshTimestamp(ctx)
			ahead(t, tx)
			tx.MarkExclusive(k, f)
			ahead(t, tx)
		}, addChild, true},
		{"a mark replaced, and the replacement rolled back", func(t *testing.T, tx *Txn, k Key) {
			lockOne(t, tx, k, lock.Update)
			tx.Delete(k, 0)
			f, _ := tx.FreshTimestamp(ctx)
			tx.MarkExclusive(k, f)
			sp := tx.Savepoint()
			tx.MarkExclusive(k, topo.MaxTimestamp>>1)
			ahead(t, tx)
			tx.RollbackTo(sp)
		}, addChild, true},
		{"a lock whose write is rolled back", func(t *testing.T, tx *Txn, k Key) {
			lockOne(t, tx, k, lock.NoKeyUpdate)
			sp := tx.Savepoint()
			tx.Put(k, []byte("undone"), KeepsKey)
			ahead(t, tx)
			tx.RollbackTo(sp)
		}, update, true},
		{"a lock made stronger, and that rolled back", func(t *testing.T, tx *Txn, k Key) {
			lockOne(t, tx, k, lock.Share)
			sp := tx.Savepoint()
			lockOne(t, tx, k, lock.Update)
			ahead(t, tx)
			tx.RollbackTo(sp)
		}, update, true},
		{"a lock and its write rolled back together", func(t *testing.T, tx *Txn, k Key) {
			sp := tx.Savepoint()
			lockOne(t, tx, k, lock.NoKeyUpdate)
			tx.Put(k, []byte("undone"), KeepsKey)
			ahead(t, tx)
			tx.RollbackTo(sp)
		}, update, false},
		{"a shared mark after a write that was rolled back", func(t *testing.T, tx *Txn, k Key) {
			sp := tx.Savepoint()
			lockOne(t, tx, k, lock.NoKeyUpdate)
			tx.Put(k, []byte("undone"), KeepsKey)
			ahead(t, tx)
			tx.RollbackTo(sp)
			tx.StartStatement()
			l := lockOne(t, tx, k, lock.KeyShare)
			tx.MarkShared(k, l.Version.KeyVersion)
			ahead(t, tx)
		}, remove, true},
		{"a shared mark whose write is rolled back", func(t *testing.T, tx *Txn, k Key) {
			l := lockOne(t, tx, k, lock.KeyShare)
			tx.MarkShared(k, l.Version.KeyVersion)
			sp := tx.Savepoint()
			lockOne(t, tx, k, lock.NoKeyUpdate)
			tx.Put(k, []byte("undone"), KeepsKey)
			ahead(t, tx)
			tx.RollbackTo(sp)
		}, remove, true},
	}
	for _, c := range cases {
		for _, goes = range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, ahead %v", c.name, goes), func(t *testing.T) {
				m, groups := setup(t, 2, Config{})
				k := testKey(groups, 0)
				tx := m.Begin(Options{})
				insert(t, tx, groups, 0, 4, "a")
				mustCommit(t, tx)

				tx = m.Begin(Options{})
				c.do(t, tx, k)
				other := testKey(groups, 2)
				lockOne(t, tx, other, lock.Update)
				tx.Put(other, []byte("b"), 0)
				if sent := tx.groups[0].prov.sent > 0; sent != goes {
					t.Fatalf("sent ahead: %v", sent)
				}
				if tx.unlocking != nil {
					<-tx.unlocking
				}
				groups[0].loseLocks()
				c.theirs(t, m, k)
				if err := tx.Commit(ctx); (err != nil) != c.refused {
					t.Errorf("COMMIT: %v", err)
				}
			})
		}
	}
}

// TestASecondWriteDoesNotHideALostLock: the first write was made from a version that is no longer the latest.
func TestASecondWriteDoesNotHideALostLock(t *testing.T) {
	for _, provision := range []int{0, 1} {
		m, groups := setup(t, 1, Config{ProvisionBytes: provision})
		k := testKey(groups, 0)
		tx := m.Begin(Options{})
		insert(t, tx, groups, 0, 1, "a")
		mustCommit(t, tx)
		write := func(tx *Txn, value string) error {
			tx.StartStatement()
			var out [1]Locked
			if err := tx.Lock(context.Background(), []LockRequest{{Key: k, Mode: lock.NoKeyUpdate}}, lock.Wait, out[:]); err != nil {
				return err
			}
			tx.Put(k, []byte(value), KeepsKey)
			return nil
		}
		tx = m.Begin(Options{})
		if err := write(tx, "mine"); err != nil {
			t.Fatal(err)
		}
		tx.StartStatement()
		if err := tx.ready(context.Background(), true); err != nil {
			t.Fatal(err)
		}
		groups[0].loseLocks()
		o := m.Begin(Options{})
		if err := write(o, "theirs"); err != nil {
			t.Fatal(err)
		}
		mustCommit(t, o)
		err := write(tx, "mine again")
		if err == nil {
			err = tx.Commit(context.Background())
		}
		if pgerr.Code(err) != pgerr.SerializationFailure {
			t.Errorf("provision %d: a lost update: %v", provision, err)
		}
	}
}

// TestRollbackToKeepsALockThatWentAhead: a lock taken before the savepoint, and again after it, is held to the end.
func TestRollbackToKeepsALockThatWentAhead(t *testing.T) {
	m, groups := setup(t, 1, Config{ProvisionBytes: 1})
	k := testKey(groups, 0)
	tx := m.Begin(Options{})
	insert(t, tx, groups, 0, 1, "a")
	tx.StartStatement()
	lockOne(t, tx, testKey(groups, 1), lock.Update) // sends the insert ahead
	sp := tx.Savepoint()
	lockOne(t, tx, k, lock.Update)
	tx.Put(k, []byte("b"), 0)
	tx.RollbackTo(sp)
	if tx.unlocking != nil {
		<-tx.unlocking
	}
	o := m.Begin(Options{})
	if err := o.Lock(context.Background(), []LockRequest{{Key: k, Mode: lock.Update}}, lock.NoWait, make([]Locked, 1)); err == nil {
		t.Error("another transaction got the lock of a key that the transaction inserted")
	}
	o.Rollback(context.Background())
	mustCommit(t, tx)
}

// TestTheHorizonStaysBelowAnExclusiveMark: an F below the horizon would be refused.
func TestTheHorizonStaysBelowAnExclusiveMark(t *testing.T) {
	ctx := context.Background()
	m, groups := setup(t, 1, Config{ProvisionBytes: 1})
	tx := m.Begin(Options{})
	insert(t, tx, groups, 0, 1, "a")
	mustCommit(t, tx)
	tx = m.Begin(Options{})
	k := testKey(groups, 0)
	lockOne(t, tx, k, lock.Update)
	f, err := tx.FreshTimestamp(ctx)
	if err != nil {
		t.Fatal(err)
	}
	tx.Delete(k, 0)
	tx.MarkExclusive(k, f)
	for range 3 {
		tx.StartStatement()
		if _, err := tx.Snapshot(ctx); err != nil {
			t.Fatal(err)
		}
	}
	h, ok := m.OldestSnapshot()
	if !ok || h > f {
		t.Fatalf("the oldest snapshot is %d, the mark's %d", h, f)
	}
	groups[0].apply(fsm.Command{Horizon: &fsm.Horizon{TS: h}})
	mustCommit(t, tx)
}

func TestRepeatableReadRefusesANewerVersion(t *testing.T) {
	ctx := context.Background()
	m, groups := setup(t, 1, Config{})
	tx := m.Begin(Options{})
	insert(t, tx, groups, 0, 2, "a")
	mustCommit(t, tx)
	old := m.Begin(Options{Isolation: RepeatableRead})
	if _, err := old.Snapshot(ctx); err != nil {
		t.Fatal(err)
	}
	tx = m.Begin(Options{})
	insert(t, tx, groups, 0, 1, "b")
	mustCommit(t, tx)
	err := old.Lock(ctx, []LockRequest{{Key: testKey(groups, 0), Mode: lock.NoKeyUpdate}}, lock.Wait, make([]Locked, 1))
	if !errors.Is(err, &pgerr.Error{Code: pgerr.SerializationFailure}) {
		t.Errorf("a newer version: %v", err)
	}
	if err := old.Lock(ctx, []LockRequest{{Key: testKey(groups, 1), Mode: lock.NoKeyUpdate}}, lock.Wait, make([]Locked, 1)); err != nil {
		t.Errorf("an old version: %v", err)
	}
	old.Rollback(ctx)
}

func TestDeleteAndInsertOfAKeyIsOneReplacement(t *testing.T) {
	m, groups := setup(t, 1, Config{})
	tx := m.Begin(Options{})
	insert(t, tx, groups, 0, 1, "a")
	mustCommit(t, tx)
	tx = m.Begin(Options{})
	k := testKey(groups, 0)
	if err := tx.Lock(context.Background(), []LockRequest{{Key: k, Mode: lock.Update}}, lock.Wait, make([]Locked, 1)); err != nil {
		t.Fatal(err)
	}
	tx.Delete(k, 0)
	tx.StartStatement()
	tx.Put(k, []byte("b"), KeepsKey)
	parts := tx.buildAttempt(1, 100)
	if len(parts) != 1 || len(parts[0].prepare.Items) != 1 {
		t.Fatalf("%d items", len(parts[0].prepare.Items))
	}
	if it := parts[0].prepare.Items[0]; it.Kind != fsm.ItemPut || it.KeepsKey {
		t.Errorf("kind %d, keeps key %v: the deletion in between changed the key", it.Kind, it.KeepsKey)
	}
	mustCommit(t, tx)
}

func TestALockedKeyIsNotAskedForAgain(t *testing.T) {
	m, groups := setup(t, 1, Config{})
	tx := m.Begin(Options{})
	insert(t, tx, groups, 0, 10, "a")
	before := groups[0].calls.Load()
	insert(t, tx, groups, 0, 10, "b")
	if n := groups[0].calls.Load() - before; n != 0 {
		t.Errorf("%d calls for keys that are locked and known", n)
	}
	mustCommit(t, tx)
}

// eventuallyUnlocked waits for a group's lock table to be empty.
func eventuallyUnlocked(t *testing.T, g *memGroup) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); len(g.locks.List()) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("locks are left: %v", g.locks.List())
		}
	}
}

func TestLocksAreReleasedThoughTheFirstUnlockIsLost(t *testing.T) {
	m, groups := setup(t, 1, Config{})
	tx := m.Begin(Options{})
	var out [1]Locked
	if err := tx.Lock(context.Background(), []LockRequest{{Key: testKey(groups, 1), Mode: lock.Update}}, lock.Wait, out[:]); err != nil {
		t.Fatal(err)
	}
	groups[0].deaf.Store(3)
	tx.Rollback(context.Background())
	eventuallyUnlocked(t, groups[0])
}

func TestLocksAreReleasedThoughTheAnswerOfAOnePhaseCommitIsLost(t *testing.T) {
	m, groups := setup(t, 1, Config{OutcomeTimeout: 50 * time.Millisecond})
	tx := m.Begin(Options{})
	var out [1]Locked
	if err := tx.Lock(context.Background(), []LockRequest{{Key: testKey(groups, 1), Mode: lock.Update}}, lock.Wait, out[:]); err != nil {
		t.Fatal(err)
	}
	tx.Put(testKey(groups, 1), []byte("x"), 0)
	groups[0].silent.Store(1 << 20) // until the coordinator asks by a tombstone
	mustCommit(t, tx)
	eventuallyUnlocked(t, groups[0])
}

func TestReadRangesAreJoinedAndWidened(t *testing.T) {
	var r readRanges
	for i := 0; i < 10*maxReadRanges; i++ {
		k := topo.AppendStorageID(nil, storage)
		k = append(k, byte(i>>8), byte(i), 0)
		r.add(k, after(k))
	}
	r.compact()
	if len(r.list) > maxReadRanges {
		t.Errorf("%d ranges", len(r.list))
	}
	for i := 1; i < len(r.list); i++ {
		if bytes.Compare(r.list[i-1].hi, r.list[i].lo) > 0 {
			t.Fatalf("ranges %d and %d overlap", i-1, i)
		}
	}
}

func TestALargeTransactionGoesAhead(t *testing.T) {
	rows := 100_000
	if testing.Short() {
		rows = 20_000
	}
	m, groups := setup(t, 4, Config{ProvisionBytes: 1 << 20})
	tx := m.Begin(Options{})
	insert(t, tx, groups, 0, rows, "some value of a row that is a bit longer")
	if tx.groups[0].prov.sent == 0 {
		t.Fatal("nothing was sent ahead")
	}
	mustCommit(t, tx)
	if got, _ := scanAll(t, m.Begin(Options{}), groups, ScanSpec{KeysOnly: true}); len(got) != rows {
		t.Errorf("%d rows", len(got))
	}
}

func BenchmarkInsert1000Rows(b *testing.B) {
	m, groups := setup(b, 4, Config{})
	keys := make([]Key, 1000)
	reqs := make([]LockRequest, len(keys))
	value := make([]byte, 60)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		b.StopTimer()
		for i := range keys {
			keys[i] = testKey(groups, n)
			reqs[i] = LockRequest{Key: keys[i], Mode: lock.Update, Latest: true}
			n++
		}
		t := m.Begin(Options{})
		out := make([]Locked, len(reqs))
		calls := t.planLocks(reqs, lock.Wait, out)
		for i := range calls {
			calls[i].resp = &rpc.LockResponse{Versions: make([]rpc.Version, len(calls[i].at))}
		}
		t = m.Begin(Options{})
		b.StartTimer()
		t.planLocks(reqs, lock.Wait, out)
		for i := range calls {
			calls[i].g = t.group(calls[i].g.id)
			if err := t.granted(context.Background(), &calls[i], reqs, out, make([]bool, len(reqs))); err != nil {
				b.Fatal(err)
			}
		}
		for i := range keys {
			t.Put(keys[i], value, 0)
		}
		t.buildAttempt(1, 100)
	}
}
