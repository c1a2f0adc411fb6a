package fsm

import (
	"fmt"
	"math/rand"
	"slices"
	"testing"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// anyCommand adds the commands that the model leaves out.
func (g *generator) anyCommand() Command {
	txn := 1 + g.rng.Intn(g.txn+1)
	id, attempt := txnID(txn), topo.Attempt(1+g.rng.Intn(2))
	big := txnID(1_000_000 + g.rng.Intn(4))
	table := []topo.TableVersion{{Table: topo.TableID(1 + g.rng.Intn(2)), Version: topo.SchemaVersion(1 + g.rng.Intn(4))}}
	switch g.rng.Intn(16) {
	case 0:
		return Command{Tombstone: &Tombstone{Txn: id, Attempt: attempt, TS: g.now}}
	case 1:
		return Command{Forget: &Forget{Attempts: []AttemptID{{id, 1}, {txnID(g.txn), 1}}}}
	case 2:
		return Command{Commit: &CommitRecord{Txn: id, Attempt: 1, TS: g.now}}
	case 3, 4:
		in := &Ingest{TS: g.now - topo.Timestamp(g.rng.Intn(14)), Unique: g.rng.Intn(2) == 0}
		for range 1 + g.rng.Intn(4) {
			in.Entries = append(in.Entries, Entry{[]byte(g.key()), []byte(fmt.Sprint("i", g.rng.Intn(3)))})
		}
		return Command{Ingest: in}
	case 5:
		if g.rng.Intn(8) == 0 {
			return Command{Drop: &DropStorage{IDs: []topo.StorageID{topo.StorageID(1 + g.rng.Intn(3))}}}
		}
		return Command{Sequence: &Sequence{ID: topo.StorageID(g.rng.Intn(3)), Last: int64(g.rng.Intn(100)), Drop: g.rng.Intn(5) == 0}}
	case 6, 7:
		phase := FencePhase(1 + g.rng.Intn(3))
		return Command{Fence: &Fence{Txn: id, Attempt: 1, Primary: 1, Phase: phase, Tables: table}}
	case 8, 9, 10:
		p := &Provision{Txn: big}
		for range 1 + g.rng.Intn(5) {
			op := ProvisionOp{uint64(g.rng.Intn(30)), g.item()}
			switch g.rng.Intn(4) {
			case 0:
				op.Item = moved(string(op.Item.Key), fmt.Sprint("to", g.now))
			case 1:
				op.Item.Origin = []byte(g.key())
			}
			p.Ops = append(p.Ops, op)
		}
		return Command{Format: FormatMoved, Provision: p}
	case 11:
		c := prepare(0, g.now)
		c.Prepare.Txn, c.Prepare.OnePhase = big, g.rng.Intn(2) == 0
		c.Prepare.Provisioned = g.summaries[big]
		return c
	case 12:
		return Command{Resolve: &Resolve{Txn: big, Attempt: 1, Commit: g.rng.Intn(2) == 0, TS: g.now + 1, Final: g.rng.Intn(2) == 0}}
	}
	c := g.next()
	if c.Prepare != nil {
		c.Prepare.Tables = table
	}
	return c
}

// TestEveryCommandIsDeterministicWheneverReplicasFlush runs logs of all commands through replicas that flush, restart and
// recover at different points, and compares every result and the digests.
func TestEveryCommandIsDeterministicWheneverReplicasFlush(t *testing.T) {
	seeds := 40
	if testing.Short() {
		seeds = 8
	}
	codes := map[ResultCode]int{}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) { runDeterminism(t, int64(seed), 400, codes) })
	}
	t.Log("results by code: ", codes)
	for code := ResultOK; code <= ResultDuplicate; code++ {
		if codes[code] == 0 && code != ResultStaleEpoch && !testing.Short() {
			t.Errorf("no command was answered with code %d: the logs prove less than they should", code)
		}
	}
}

func runDeterminism(t *testing.T, seed int64, steps int, codes map[ResultCode]int) {
	g := &generator{rng: rand.New(rand.NewSource(seed)), m: newModel(), now: 20, summaries: map[topo.TxnID]Provisioned{}}
	never, often, chaos := newReplica(t, manual), newReplica(t, manual), newReplica(t, manual)
	never.s.runOps = 1    // how the versions are kept must not show
	never.s.wideItems = 1 // nor how the items of prepares are found
	replicas := []*replica{never, often, chaos}
	var log []loggedEntry
	log = upgraded(log, replicas...)
	for step := range steps {
		c := g.anyCommand()
		g.observe(never)
		log = append(log, loggedEntry{uint64(len(log) + 1), AppendCommand(nil, &c)})
		want := never.do(c)
		codes[want.Code]++
		for i, r := range replicas[1:] {
			if got := r.do(c); got != want {
				t.Fatalf("step %d replica %d: %+v, the one that never flushes says %+v, for %+v", step, i+1, got, want, c)
			}
		}
		g.learn(never, &c, want)
		if g.rng.Intn(3) == 0 {
			often.flush()
		}
		disturb(t, g.rng, chaos, often, log)
		if step%8 == 0 || step == steps-1 {
			compareScans(t, never, often, g.now)
			first := never.digest()
			for i, r := range replicas[1:] {
				if r.digest() != first {
					t.Fatalf("step %d: replica %d has another digest", step, i+1)
				}
			}
		}
	}
	for _, r := range replicas {
		r.flush()
		if err := r.s.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// compareScans reads from two replicas in both directions, at the latest and at earlier timestamps.
func compareScans(t *testing.T, a, b *replica, now topo.Timestamp) {
	t.Helper()
	for _, ts := range []topo.Timestamp{topo.MaxTimestamp, now, now - 3} {
		if ts < a.s.Horizon() {
			continue
		}
		for _, reverse := range []bool{false, true} {
			o := ScanOptions{TS: ts, Reverse: reverse}
			rowsA, _, _ := a.scan(o)
			rowsB, _, _ := b.scan(o)
			if !slices.Equal(rowsA, rowsB) {
				t.Fatalf("scan %+v: %q, the other replica has %q", o, rowsA, rowsB)
			}
		}
	}
}

// observe takes from a replica what the generator's transactions would have read.
func (g *generator) observe(r *replica) {
	clear(g.m.versions)
	g.m.horizon = r.s.Horizon()
	_, _, err := r.s.Scan(ScanOptions{TS: topo.MaxTimestamp}, func(key, value []byte, ts topo.Timestamp) bool {
		v, _, err := r.s.Latest(key, topo.TxnID{})
		if err == nil && v.Value != nil {
			g.m.versions[string(key)] = []modelVersion{{ts: v.TS, keyTS: v.KeyVersion, value: append([]byte{}, v.Value...)}}
		}
		return true
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// learn notes the summaries of provisional operations, so that their prepares pass.
func (g *generator) learn(r *replica, c *Command, res Result) {
	if c.Provision == nil || res.Code != ResultOK {
		return
	}
	in := r.s.t.intents[c.Provision.Txn]
	if in != nil {
		g.summaries[c.Provision.Txn] = Provisioned{Count: uint64(in.index.Len()), Digest: in.digest, RolledBack: []SeqRange{{5, 8}}}
	}
}
