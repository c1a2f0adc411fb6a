package fsm

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"sort"
	"testing"

	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// model is the state machine without layers, garbage collection or indexes: lists that are searched from end to end.
type model struct {
	versions map[string][]modelVersion // oldest first
	pendings []*modelPending
	outcomes map[attemptID]Result
	shares   map[string]topo.Timestamp
	horizon  topo.Timestamp
	floor    topo.Timestamp
}

type modelVersion struct {
	ts, keyTS topo.Timestamp
	value     []byte
	moved     string
}

type modelPending struct {
	txn   topo.TxnID
	min   topo.Timestamp
	items []Item
	keyTS []topo.Timestamp
}

func newModel() *model {
	return &model{versions: map[string][]modelVersion{}, outcomes: map[attemptID]Result{}, shares: map[string]topo.Timestamp{}}
}

func (m *model) at(key string, ts topo.Timestamp) (v modelVersion) {
	for _, x := range m.versions[key] {
		if x.ts <= ts && x.ts >= v.ts {
			v = x
		}
	}
	return v
}

func (m *model) latest(key string) modelVersion {
	v := m.at(key, topo.MaxTimestamp)
	if v.value == nil && v.ts <= m.horizon {
		return modelVersion{}
	}
	return v
}

func (m *model) apply(c *Command) Result {
	switch {
	case c.Prepare != nil:
		return m.prepare(c.Prepare)
	case c.Resolve != nil:
		return m.resolve(c.Resolve)
	case c.Horizon != nil:
		m.horizon = max(m.horizon, c.Horizon.TS)
		return Result{Code: ResultOK}
	}
	panic("not modelled")
}

func (m *model) prepare(p *Prepare) Result {
	id := attemptID{p.Txn, p.Attempt}
	if r, ok := m.outcomes[id]; ok {
		return r
	}
	for _, q := range m.pendings {
		if q.txn == p.Txn {
			return Result{Code: ResultPrepared, TS: q.min}
		}
	}
	if p.MinTS <= m.horizon {
		return Result{Code: ResultHorizon}
	}
	held := &modelPending{txn: p.Txn, min: max(p.MinTS, m.floor)}
	for i := range p.Items {
		it := &p.Items[i]
		keyTS, r := m.check(it, held)
		if r.Code != ResultOK {
			r.Item = i
			return r
		}
		held.items = append(held.items, *it)
		held.keyTS = append(held.keyTS, keyTS)
	}
	if p.OnePhase {
		m.commit(held, held.min)
		m.outcomes[id] = Result{Code: ResultCommitted, TS: held.min}
		return m.outcomes[id]
	}
	m.pendings = append(m.pendings, held)
	return Result{Code: ResultPrepared, TS: held.min}
}

func (m *model) check(it *Item, held *modelPending) (keyTS topo.Timestamp, r Result) {
	v := m.latest(string(it.Key))
	seen := v.value != nil && v.ts == it.Seen
	if it.Kind == ItemSharedMark {
		seen = v.value != nil && v.keyTS == it.Seen
	}
	if it.SeenAbsent {
		seen = v.value == nil && (v.ts == 0 || v.ts == it.Seen)
	}
	switch it.Kind {
	case ItemExclusive:
		if it.F < m.horizon || m.shares[string(it.Key)] > max(m.horizon, it.F) {
			return 0, Result{Code: ResultShared}
		}
	case ItemReadRange:
		if it.Seen < m.horizon {
			return 0, Result{Code: ResultHorizon}
		}
		for key, list := range m.versions {
			for _, v := range list {
				if v.ts > it.Seen && key >= string(it.Key) && key < string(it.End) {
					return 0, Result{Code: ResultConflict}
				}
			}
		}
	case ItemPutEntry, ItemDeleteEntry, ItemMoved:
	default:
		if !seen {
			return 0, Result{Code: ResultConflict}
		}
		if it.Kind.writes() {
			held.min = max(held.min, v.ts+1)
			if it.KeepsKey && v.value != nil {
				keyTS = v.keyTS
			}
		} else {
			held.min = max(held.min, v.ts)
		}
	}
	for _, p := range m.pendings {
		for i := range p.items {
			if p.txn != held.txn && modelConflict(it, &p.items[i]) {
				return 0, Result{Code: ResultPending}
			}
		}
	}
	return keyTS, Result{Code: ResultOK}
}

func modelConflict(a, b *Item) bool {
	in := func(w, r *Item) bool {
		return w.Kind.writes() && r.Kind == ItemReadRange && bytes.Compare(w.Key, r.Key) >= 0 && bytes.Compare(w.Key, r.End) < 0
	}
	if in(a, b) || in(b, a) {
		return true
	}
	return bytes.Equal(a.Key, b.Key) && conflicts[conflictMode(a)]&(1<<conflictMode(b)) != 0
}

func (m *model) commit(p *modelPending, ts topo.Timestamp) {
	for i := range p.items {
		it := &p.items[i]
		key := string(it.Key)
		switch {
		case it.Kind.writes():
			v := modelVersion{ts: ts, keyTS: ts, value: it.Value}
			if p.keyTS[i] != 0 {
				v.keyTS = p.keyTS[i]
			}
			if i+1 < len(p.items) && p.items[i+1].Kind == ItemMoved {
				v.moved = string(p.items[i+1].Value)
			}
			m.versions[key] = append(m.versions[key], v)
		case it.Kind == ItemSharedMark:
			m.shares[key] = max(m.shares[key], ts)
		case it.Kind == ItemReadRange:
			m.floor = max(m.floor, ts)
		}
	}
}

func (m *model) resolve(c *Resolve) Result {
	id := attemptID{c.Txn, c.Attempt}
	if r, ok := m.outcomes[id]; ok {
		return r
	}
	for i, p := range m.pendings {
		if p.txn == c.Txn {
			if c.Commit && c.TS < p.min {
				return Result{Code: ResultMismatch}
			}
			m.pendings = append(m.pendings[:i:i], m.pendings[i+1:]...)
			r := Result{Code: ResultAborted}
			if c.Commit {
				m.commit(p, c.TS)
				r = Result{Code: ResultCommitted, TS: c.TS}
			}
			m.outcomes[id] = r
			return r
		}
	}
	if c.Commit && c.TS <= m.horizon {
		return Result{Code: ResultCommitted, TS: c.TS}
	}
	if c.Commit {
		return Result{Code: ResultMismatch}
	}
	m.outcomes[id] = Result{Code: ResultAborted}
	return m.outcomes[id]
}

// generator makes random commands that often succeed: it looks into the model for what a transaction would have seen.
type generator struct {
	rng  *rand.Rand
	m    *model
	now  topo.Timestamp
	txn  int
	open []int

	summaries map[topo.TxnID]Provisioned
}

func (g *generator) key() string {
	k := topo.AppendStorageID(nil, topo.StorageID(1+g.rng.Intn(2)))
	return string(append(k, "\x00\x00ab\x00\xff"[g.rng.Intn(5):][:g.rng.Intn(2)+1]...)) + string(rune('a'+g.rng.Intn(6)))
}

func (g *generator) item() Item {
	key := g.key()
	v := g.m.latest(key)
	it := Item{Key: []byte(key), Seen: v.ts, SeenAbsent: v.value == nil}
	if g.rng.Intn(12) == 0 {
		it.Seen = topo.Timestamp(g.rng.Intn(int(g.now)))
	}
	switch g.rng.Intn(12) {
	case 0, 1, 2, 3:
		it.Kind, it.Value = ItemPut, []byte(fmt.Sprint("v", g.now))
		it.KeepsKey = g.rng.Intn(2) == 0
	case 4, 5:
		it.Kind = ItemDelete
	case 6:
		it.Kind, it.Mode = ItemLock, lock.Mode(1+g.rng.Intn(4))
	case 7, 8:
		it.Kind = ItemSharedMark
		if v.value != nil && it.Seen == v.ts {
			it.Seen = v.keyTS
		}
	case 9:
		it.Kind, it.F = ItemExclusive, g.now-topo.Timestamp(g.rng.Intn(4))
	case 10:
		it.Kind, it.Value = ItemPutEntry, []byte{}
		it.Key = append([]byte("entry"), byte(g.rng.Intn(5)))
	case 11:
		end := g.key()
		if end < key {
			key, end = end, key
		}
		it = Item{Kind: ItemReadRange, Key: []byte(key), End: []byte(end), Seen: g.now - topo.Timestamp(g.rng.Intn(6))}
	}
	return it
}

func (g *generator) next() Command {
	g.now += topo.Timestamp(g.rng.Intn(3))
	switch n := g.rng.Intn(20); {
	case n < 8 || n < 14 && len(g.open) == 0 || len(g.open) > 4 && n < 4:
		g.txn++
		c := onePhase(g.txn, g.now)
		for range 1 + g.rng.Intn(3) {
			it := g.unique(c.Prepare.Items)
			c.Prepare.Items = append(c.Prepare.Items, it)
			if !it.SeenAbsent && (it.Kind == ItemPut || it.Kind == ItemDelete) && g.rng.Intn(2) == 0 {
				c.Prepare.Items = append(c.Prepare.Items, moved(string(it.Key), fmt.Sprint("to", g.now)))
				c.Format = FormatMoved
			}
		}
		if g.rng.Intn(2) == 0 {
			c.Prepare.OnePhase = false
			g.open = append(g.open, g.txn)
		}
		return c
	case n < 18 && len(g.open) > 0:
		i := g.rng.Intn(len(g.open))
		txn := g.open[i]
		if g.rng.Intn(5) > 0 {
			g.open = append(g.open[:i], g.open[i+1:]...)
		}
		g.now += 2
		if g.rng.Intn(4) == 0 {
			return abort(txn)
		}
		return resolve(txn, g.now)
	}
	return horizon(g.now - topo.Timestamp(g.rng.Intn(12)))
}

// unique returns an item on a key that the transaction has no item of: a prepare holds one net operation a key.
func (g *generator) unique(items []Item) Item {
	for {
		it := g.item()
		clash := false
		for i := range items {
			clash = clash || bytes.Equal(items[i].Key, it.Key)
		}
		if !clash {
			return it
		}
	}
}

// TestReplicasAgreeWithTheModelWheneverTheyFlush runs one random log through replicas that flush, restart and recover from
// each other's snapshots at different points.
func TestReplicasAgreeWithTheModelWheneverTheyFlush(t *testing.T) {
	seeds := 60
	if testing.Short() {
		seeds = 8
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) { runModel(t, int64(seed), 300) })
	}
}

type loggedEntry struct {
	index uint64
	data  []byte
}

func runModel(t *testing.T, seed int64, steps int) {
	g := &generator{rng: rand.New(rand.NewSource(seed)), m: newModel(), now: 20}
	never, often, chaos := newReplica(t, manual), newReplica(t, manual), newReplica(t, manual)
	often.s.wideItems = 2
	replicas := []*replica{never, often, chaos}
	var log []loggedEntry
	log = upgraded(log, replicas...)
	for step := range steps {
		c := g.next()
		log = append(log, loggedEntry{uint64(len(log) + 1), AppendCommand(nil, &c)})
		want := g.m.apply(&c)
		for i, r := range replicas {
			got := r.do(c)
			got.Other, got.OtherAttempt, got.OtherPrimary = topo.TxnID{}, 0, 0
			if c.Horizon != nil {
				got.TS = 0
			}
			if got != want {
				t.Fatalf("step %d replica %d: %+v, the model says %+v, for %s", step, i, got, want, describe(&c))
			}
		}
		if g.rng.Intn(3) == 0 {
			often.flush()
		}
		disturb(t, g.rng, chaos, often, log)
		if step%10 == 0 {
			compare(t, g, step, replicas)
		}
	}
	for _, r := range replicas {
		r.flush()
		if err := r.s.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	compare(t, g, steps, replicas)
}

// upgraded begins a log with the newest format.
func upgraded(log []loggedEntry, replicas ...*replica) []loggedEntry {
	c := Command{Upgrade: &Upgrade{Version: Format}}
	for _, r := range replicas {
		r.want(c, ResultOK)
	}
	return append(log, loggedEntry{uint64(len(log) + 1), AppendCommand(nil, &c)})
}

// disturb flushes, restarts or recovers a replica.
func disturb(t *testing.T, rng *rand.Rand, r, from *replica, log []loggedEntry) {
	switch rng.Intn(40) {
	case 0, 1:
		r.flush()
	case 2, 3:
		r.s.Close()
		r.open(manual)
		for _, e := range log {
			if e.index <= r.index {
				continue
			}
			cmds, err := DecodeCommands(e.data)
			if err != nil {
				t.Fatal(err)
			}
			if err := r.s.Apply(e.index, cmds, make([]Result, len(cmds))); err != nil {
				t.Fatal(err)
			}
			r.index = e.index
		}
	case 4:
		snap, err := from.s.PrepareSnapshot()
		if err != nil {
			t.Fatal(err)
		}
		var buf bytes.Buffer
		if err := from.s.SaveSnapshot(snap, &buf, nil); err != nil {
			t.Fatal(err)
		}
		if err := r.s.RecoverFromSnapshot(&buf, nil); err != nil {
			t.Fatal(err)
		}
		r.index = r.s.AppliedIndex()
	}
}

func compare(t *testing.T, g *generator, step int, replicas []*replica) {
	t.Helper()
	first := replicas[0].digest()
	for i, r := range replicas {
		if d := r.digest(); d != first {
			t.Fatalf("step %d: replica %d has another digest", step, i)
		}
	}
	keys := make([]string, 0, len(g.m.versions))
	for key := range g.m.versions {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	ts := g.m.horizon + topo.Timestamp(g.rng.Intn(int(g.now-g.m.horizon)+3))
	var rows []string
	blockedAt := ""
	for _, key := range keys {
		want := "-"
		v := g.m.at(key, ts)
		if v.value != nil {
			want = fmt.Sprintf("%s@%d", v.value, v.ts)
		}
		if p := g.m.pendingWrite(key, ts); p != nil {
			want = "pending " + p.txn.String()
		}
		for i, r := range replicas {
			if got := r.get(key, ts); got != want {
				t.Fatalf("step %d: replica %d reads %q at %d as %s, the model as %s", step, i, key, ts, got, want)
			}
		}
		if g.m.pendingWrite(key, topo.MaxTimestamp) == nil {
			at, to := g.m.moved(key, ts)
			for i, r := range replicas {
				gotAt, gotTo, p, err := r.s.Moved([]byte(key), ts, topo.TxnID{})
				if p != nil || err != nil || gotAt != at || string(gotTo) != to {
					t.Fatalf("step %d: replica %d says of %q at %d that it went to %q at %d (%v, %v), the model to %q at %d",
						step, i, key, ts, gotTo, gotAt, p, err, to, at)
				}
			}
		}
		if blockedAt == "" && v.value != nil {
			rows = append(rows, key+"="+want)
		}
	}
	for i, r := range replicas {
		got, _, p := r.scan(ScanOptions{TS: ts})
		want := rows
		if p != nil {
			n := sort.SearchStrings(rows, string(p.Key))
			want = rows[:n]
		}
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Fatalf("step %d: replica %d scans %q at %d, the model %q", step, i, got, ts, want)
		}
	}
}

// moved says when the row that the key held at ts ended there, and where it went.
func (m *model) moved(key string, ts topo.Timestamp) (at topo.Timestamp, to string) {
	for _, v := range m.versions[key] {
		if v.ts > ts && (v.value == nil || v.keyTS > ts) && (at == 0 || v.ts < at) {
			at, to = v.ts, v.moved
		}
	}
	return at, to
}

func (m *model) pendingWrite(key string, ts topo.Timestamp) *modelPending {
	for _, p := range m.pendings {
		for i := range p.items {
			if p.min <= ts && p.items[i].Kind.writes() && string(p.items[i].Key) == key {
				return p
			}
		}
	}
	return nil
}

func describe(c *Command) string {
	if c.Prepare != nil {
		return fmt.Sprintf("%+v", *c.Prepare)
	}
	if c.Resolve != nil {
		return fmt.Sprintf("%+v", *c.Resolve)
	}
	return fmt.Sprintf("%+v", *c.Horizon)
}

func TestDamagedFileIsReportedWithItsName(t *testing.T) {
	r := newReplica(t, manual)
	for i := range 200 {
		r.want(onePhase(i+1, 10, put(fmt.Sprintf("key%04d", i), "some value of the row", 0)), ResultCommitted)
	}
	r.flush()
	r.s.Close()
	data, err := os.ReadFile(r.path)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewSource(1))
	for n := range 60 {
		torn := bytes.Clone(data)
		if at := bytes.Index(torn, []byte("some value of the row")); n%2 == 0 && at > 0 {
			torn[at+3] ^= 1
		} else {
			page := 2 + rng.Intn(len(torn)/4096-2)
			rng.Read(torn[page*4096:][:512])
		}
		path := filepath.Join(t.TempDir(), "torn.db")
		if err := os.WriteFile(path, torn, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(path, Options{ManualFlush: true, InitialMmapBytes: 1 << 26})
		if err == nil {
			err = s.Check(t.Context())
			rows := 0
			_, _, scanErr := s.Scan(ScanOptions{TS: 50}, func(k, v []byte, ts topo.Timestamp) bool {
				if string(v) != "some value of the row" {
					t.Fatalf("a scan returned damaged bytes: %q", v)
				}
				rows++
				return true
			})
			if scanErr != nil && !IsCorrupt(scanErr) {
				t.Fatal(scanErr)
			}
			if scanErr == nil && rows != 200 && err == nil {
				t.Fatalf("%d rows and no error", rows)
			}
			s.Close()
		}
		if err != nil && !IsCorrupt(err) {
			t.Fatal(err)
		}
		if n%2 == 0 && err == nil {
			t.Fatal("a flipped bit went unnoticed")
		}
	}
}
