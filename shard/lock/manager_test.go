package lock

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/shard/topo"
	"pgregory.net/rapid"
)

func owner(n int) topo.TxnID { return topo.TxnID{Node: 1, Epoch: 1, Seq: uint64(n)} }

var ctx = context.Background()

// matrix prints who conflicts, one line a mode, in the order of the modes: X or a dot.
func matrix(c Class, n Mode) string {
	var b strings.Builder
	for m := Mode(1); m <= n; m++ {
		for o := Mode(1); o <= n; o++ {
			if c.Conflicts[m].Has(o) {
				b.WriteByte('X')
			} else {
				b.WriteByte('.')
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestConflictTablesArePostgreSQLs(t *testing.T) {
	const rowTable = "...X\n..XX\n.XXX\nXXXX\n"                                                           // Table 13.3
	const tableTable = ".......X\n......XX\n....XXXX\n...XXXXX\n..XX.XXX\n..XXXXXX\n.XXXXXXX\nXXXXXXXX\n" // Table 13.2
	if got := matrix(rows, Update); got != rowTable {
		t.Errorf("row locks:\n%s", got)
	}
	if got := matrix(tables, AccessExclusiveLock); got != tableTable {
		t.Errorf("table locks:\n%s", got)
	}
	for _, c := range []Class{rows, tables, advisory} {
		for m := Mode(1); m <= maxMode; m++ {
			for o := Mode(1); o <= maxMode; o++ {
				if c.Conflicts[m].Has(o) != c.Conflicts[o].Has(m) {
					t.Errorf("%s: conflict of %d and %d is one-sided", c.Name, m, o)
				}
			}
		}
	}
}

func mustAcquire(t *testing.T, m *Manager, o int, key string, mode Mode) {
	t.Helper()
	if waited, err := m.Acquire(ctx, owner(o), []byte(key), mode, &Options{Policy: NoWait}); err != nil || waited {
		t.Fatalf("owner %d, %s, %v: waited %v, %v", o, key, mode, waited, err)
	}
}

// acquireLater starts a request that must queue, and returns its answer's channel once it is queued.
func acquireLater(t testing.TB, m *Manager, o int, key string, mode Mode, opt *Options) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := m.Acquire(ctx, owner(o), []byte(key), mode, opt)
		done <- err
	}()
	for deadline := time.Now().Add(5 * time.Second); ; {
		for _, e := range m.List() {
			if !e.Granted && e.Owner == owner(o) {
				return done
			}
		}
		select {
		case err := <-done:
			done <- err
			return done
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("owner %d neither queued nor answered", o)
		}
		time.Sleep(10 * time.Microsecond)
	}
}

func TestANewcomerQueuesBehindAConflictingWaiter(t *testing.T) {
	m := NewRows(nil)
	mustAcquire(t, m, 1, "k", KeyShare)
	w2 := acquireLater(t, m, 2, "k", Update, nil)
	w3 := acquireLater(t, m, 3, "k", KeyShare, nil)
	m.ReleaseAll(owner(1))
	if err := <-w2; err != nil {
		t.Fatal(err)
	}
	select {
	case <-w3:
		t.Fatal("a share lock overtook the update that waited before it")
	case <-time.After(10 * time.Millisecond):
	}
	m.ReleaseAll(owner(2))
	if err := <-w3; err != nil {
		t.Fatal(err)
	}
}

func TestAnUpgradeGoesBeforeTheWaitersItBlocks(t *testing.T) {
	m := NewRows(nil)
	mustAcquire(t, m, 1, "k", KeyShare)
	w2 := acquireLater(t, m, 2, "k", Update, nil)
	mustAcquire(t, m, 1, "k", NoKeyUpdate) // would wait for ever behind owner 2
	mustAcquire(t, m, 1, "k", Update)
	m.Release(owner(1), []byte("k"))
	if err := <-w2; err != nil {
		t.Fatal(err)
	}
}

func TestTimeoutCancelAndDropEndAWait(t *testing.T) {
	m := NewRows(nil)
	mustAcquire(t, m, 1, "k", Update)
	if _, err := m.Acquire(ctx, owner(2), []byte("k"), KeyShare, &Options{Policy: SkipLocked}); err != ErrNotAvailable {
		t.Errorf("SkipLocked: %v", err)
	}
	var told []topo.TxnID
	opt := &Options{Timeout: time.Millisecond, OnWait: func(h []topo.TxnID) { told = h }}
	if _, err := m.Acquire(ctx, owner(2), []byte("k"), KeyShare, opt); err != ErrTimeout {
		t.Errorf("timeout: %v", err)
	}
	if len(told) != 1 || told[0] != owner(1) {
		t.Errorf("OnWait was told %v", told)
	}
	cause := errors.New("cancelled by the user")
	c, cancel := context.WithCancelCause(ctx)
	cancel(cause)
	if _, err := m.Acquire(c, owner(2), []byte("k"), KeyShare, nil); err != cause {
		t.Errorf("cancel: %v", err)
	}
	w := acquireLater(t, m, 3, "k", Update, nil)
	m.Clear()
	if err := <-w; err != ErrDropped {
		t.Errorf("drop: %v", err)
	}
	if l := m.List(); len(l) != 0 {
		t.Errorf("left after Clear: %v", l)
	}
	m.ReleaseAll(owner(1))
}

func TestAdvisoryLocksAreCountedAndTheTransactionsEndKeepsTheSessions(t *testing.T) {
	m := NewAdvisory(nil)
	key := AdvisoryKey(5, 0, 42, 1)
	k := string(key[:])
	mustAcquire(t, m, 1, k, AdvisoryExclusiveSession)
	mustAcquire(t, m, 1, k, AdvisoryExclusiveSession)
	mustAcquire(t, m, 1, k, AdvisoryExclusiveTransaction)
	m.ReleaseModes(owner(1), AdvisoryTransaction)
	for i := 0; i < 2; i++ {
		if _, err := m.Acquire(ctx, owner(2), key[:], AdvisorySharedTransaction, &Options{Policy: NoWait}); err != ErrNotAvailable {
			t.Fatalf("after %d unlocks: %v", i, err)
		}
		if !m.ReleaseMode(owner(1), key[:], AdvisoryExclusiveSession) {
			t.Fatal("unlock of a held lock said false")
		}
	}
	if m.ReleaseMode(owner(1), key[:], AdvisoryExclusiveSession) {
		t.Fatal("unlock of a free lock said true")
	}
	mustAcquire(t, m, 2, k, AdvisorySharedTransaction)
	mustAcquire(t, m, 3, k, AdvisorySharedSession)
}

func TestReleaseAllLeavesNothingOfManyLocks(t *testing.T) {
	m := NewRows(nil)
	n := packFrom + 3*releaseChunk
	for i := 0; i < n; i++ {
		mustAcquire(t, m, 1, fmt.Sprint("k", i), Update)
	}
	mustAcquire(t, m, 2, "other", Update)
	if l := m.List(); len(l) != n+1 {
		t.Fatalf("%d entries, want %d", len(l), n+1)
	}
	m.ReleaseAll(owner(1))
	if l := m.List(); len(l) != 1 {
		t.Fatalf("%d entries left", len(l))
	}
	m.ReleaseAll(owner(2))
	nothingLeft(t, m)
}

// nothingLeft looks for anything that an idle manager keeps.
func nothingLeft(t testing.TB, m *Manager) {
	t.Helper()
	for i := range m.keys {
		if n := m.keys[i].heads.n; n > 0 || m.keys[i].packs != nil {
			t.Errorf("shard %d: %d heads, packs %v", i, n, m.keys[i].packs)
		}
		if n := len(m.owners[i].owners); n > 0 {
			t.Errorf("owner shard %d: %d owners", i, n)
		}
	}
	if used := len(m.packers.owners) - len(m.packers.free); used != 0 {
		t.Errorf("%d owners of packed locks", used)
	}
}

// TestPackedLocksAreWaitedForAndReleased runs many owners over keys of which most are packed, some contended.
func TestPackedLocksAreWaitedForAndReleased(t *testing.T) {
	m := NewRows(nil)
	m.packFrom = 4
	held := make([]atomic.Int64, 64)
	var wg sync.WaitGroup
	for o := 1; o <= 8; o++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			rng := rand.New(rand.NewPCG(1, uint64(o)))
			for range 300 {
				shared := rng.Perm(len(held))[:3]
				sort.Ints(shared) // in one order, so that nobody waits in a cycle
				for i := range 40 {
					mustAcquire(t, m, o, fmt.Sprintf("own %d %d", o, i), Update)
				}
				for _, k := range shared {
					if _, err := m.Acquire(ctx, owner(o), fmt.Append(nil, "shared ", k), Update, nil); err != nil {
						t.Error(err)
						return
					}
					if !held[k].CompareAndSwap(0, int64(o)) {
						t.Errorf("owner %d got key %d, which %d holds", o, k, held[k].Load())
					}
				}
				m.Release(owner(o), fmt.Appendf(nil, "own %d %d", o, rng.IntN(40)))
				if got := m.Held(owner(o), fmt.Append(nil, "shared ", shared[0])); got != SetOf(Update) {
					t.Errorf("holds %b", got)
				}
				for _, k := range shared {
					held[k].Store(0)
				}
				m.ReleaseAll(owner(o))
			}
		}()
	}
	wg.Wait()
	nothingLeft(t, m)
}

// model is the lock table done plainly: a list of grants and a list of requests a key.
type model struct {
	class Class
	keys  map[string]*modelKey
}

type modelKey struct {
	held  map[int]ModeSet
	queue []modelWait
}

type modelWait struct {
	owner int
	mode  Mode
}

func (k *modelKey) conflicts(c Class, o int, mode Mode) bool {
	for other, held := range k.held {
		if other != o && held&c.Conflicts[mode] != 0 {
			return true
		}
	}
	return false
}

// request returns whether it is granted at once.
func (d *model) request(o int, key string, mode Mode) bool {
	k := d.keys[key]
	if k == nil {
		k = &modelKey{held: map[int]ModeSet{}}
		d.keys[key] = k
	}
	for m := Mode(1); m <= maxMode; m++ {
		if k.held[o].Has(m) && (m == mode || d.class.Conflicts[mode]&^d.class.Conflicts[m] == 0) {
			k.held[o] |= 1 << mode
			return true
		}
	}
	at := len(k.queue)
	for i, w := range k.queue {
		if d.class.Conflicts[w.mode]&k.held[o] != 0 {
			at = i
			break
		}
	}
	ok := !k.conflicts(d.class, o, mode)
	for _, w := range k.queue[:at] {
		ok = ok && !d.class.Conflicts[mode].Has(w.mode)
	}
	if ok {
		k.held[o] |= 1 << mode
		return true
	}
	k.queue = append(k.queue[:at:at], append([]modelWait{{o, mode}}, k.queue[at:]...)...)
	return false
}

// settle grants what can be granted and returns the owners.
func (d *model) settle(key string) (granted []int) {
	k := d.keys[key]
	var keep []modelWait
	for _, w := range k.queue {
		ok := !k.conflicts(d.class, w.owner, w.mode)
		for _, p := range keep {
			ok = ok && !d.class.Conflicts[w.mode].Has(p.mode)
		}
		if ok {
			k.held[w.owner] |= 1 << w.mode
			granted = append(granted, w.owner)
		} else {
			keep = append(keep, w)
		}
	}
	k.queue = keep
	return granted
}

func TestManagerAgreesWithAPlainModel(t *testing.T) {
	for _, c := range []struct {
		class Class
		modes Mode
	}{{rows, Update}, {tables, AccessExclusiveLock}} {
		t.Run(c.class.Name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) { runModel(rt, c.class, c.modes) })
		})
	}
}

func runModel(t *rapid.T, class Class, modes Mode) {
	m := New(class, nil)
	m.packFrom = rapid.SampledFrom([]int{0, 1, packFrom}).Draw(t, "packFrom")
	d := &model{class: class, keys: map[string]*modelKey{}}
	waiting := map[int]<-chan error{}
	keys := []string{"a", "b"}
	granted := func(key string) {
		for _, o := range d.settle(key) {
			select {
			case err := <-waiting[o]:
				if err != nil {
					t.Fatalf("owner %d: %v", o, err)
				}
			case <-time.After(5 * time.Second):
				t.Fatalf("owner %d was not granted %s", o, key)
			}
			delete(waiting, o)
		}
	}
	for i := rapid.IntRange(1, 40).Draw(t, "steps"); i > 0; i-- {
		o := rapid.IntRange(1, 5).Draw(t, "owner")
		if waiting[o] != nil {
			continue
		}
		key := rapid.SampledFrom(keys).Draw(t, "key")
		if rapid.IntRange(0, 3).Draw(t, "op") == 0 {
			m.ReleaseAll(owner(o))
			for _, k := range keys {
				if d.keys[k] != nil {
					delete(d.keys[k].held, o)
					granted(k)
				}
			}
			continue
		}
		mode := Mode(rapid.IntRange(1, int(modes)).Draw(t, "mode"))
		want := d.request(o, key, mode)
		done := make(chan error, 1)
		if want {
			waited, err := m.Acquire(ctx, owner(o), []byte(key), mode, &Options{Policy: NoWait})
			if err != nil || waited {
				t.Fatalf("owner %d should have %v of %s: %v", o, mode, key, err)
			}
			continue
		}
		go func() {
			_, err := m.Acquire(ctx, owner(o), []byte(key), mode, nil)
			done <- err
		}()
		waiting[o] = done
		waitQueued(t, m, o, done)
	}
	for _, k := range keys {
		if d.keys[k] == nil {
			continue
		}
		for _, h := range m.Holders([]byte(k)) {
			if d.keys[k].held[int(h.Owner.Seq)] != h.Modes {
				t.Fatalf("%s: owner %v holds %b, the model says %b", k, h.Owner, h.Modes, d.keys[k].held[int(h.Owner.Seq)])
			}
		}
	}
	m.Clear()
	for _, done := range waiting {
		<-done
	}
}

func waitQueued(t *rapid.T, m *Manager, o int, done <-chan error) {
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Microsecond) {
		for _, e := range m.List() {
			if !e.Granted && e.Owner == owner(o) {
				return
			}
		}
		select {
		case err := <-done:
			t.Fatalf("owner %d did not wait: %v", o, err)
		default:
		}
	}
	t.Fatalf("owner %d did not queue", o)
}

func BenchmarkUncontended(b *testing.B) {
	m := NewRows(nil)
	key := []byte("\x00\x00\x00\x07some-primary-key")
	b.ReportAllocs()
	for i := 0; i < b.N; i++ {
		o := topo.TxnID{Node: 1, Epoch: 1, Seq: uint64(i)}
		if _, err := m.Acquire(ctx, o, key, Update, nil); err != nil {
			b.Fatal(err)
		}
		m.ReleaseAll(o)
	}
}

func BenchmarkUncontendedParallel(b *testing.B) {
	m := NewRows(nil)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		key := []byte(fmt.Sprintf("\x00\x00\x00\x07%p", pb))
		o := topo.TxnID{Node: 1, Epoch: 1, Seq: uint64(time.Now().UnixNano())}
		for pb.Next() {
			o.Seq++
			if _, err := m.Acquire(ctx, o, key, Update, nil); err != nil {
				b.Fatal(err)
			}
			m.ReleaseAll(o)
		}
	})
}
