package fsm

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// replica drives one State through encoded log entries, as raft would.
type replica struct {
	t       testing.TB
	s       *State
	path    string
	index   uint64
	decoder Decoder
}

func newReplica(t testing.TB, opts Options) *replica {
	t.Helper()
	r := &replica{t: t, path: filepath.Join(t.TempDir(), "replica.db")}
	r.open(opts)
	return r
}

func (r *replica) open(opts Options) {
	r.t.Helper()
	if opts.InitialMmapBytes == 0 {
		opts.InitialMmapBytes = 1 << 30
	}
	s, err := Open(r.path, opts)
	if err != nil {
		r.t.Fatal(err)
	}
	r.s = s
	r.t.Cleanup(func() { s.Close() })
	r.index = s.AppliedIndex()
}

// do applies one command in an entry of its own, through the codec.
func (r *replica) do(c Command) Result {
	r.t.Helper()
	defer r.decoder.Reset() // nothing of a command is kept
	cmds, err := r.decoder.Decode(AppendCommand(nil, &c))
	if err != nil {
		r.t.Fatal(err)
	}
	results := make([]Result, 1)
	r.index++
	if err := r.s.Apply(r.index, cmds, results); err != nil {
		r.t.Fatal(err)
	}
	return results[0]
}

func (r *replica) want(c Command, code ResultCode) Result {
	r.t.Helper()
	got := r.do(c)
	if got.Code != code {
		r.t.Fatalf("result %+v, want code %d", got, code)
	}
	return got
}

func (r *replica) flush() {
	r.t.Helper()
	if err := r.s.Sync(); err != nil {
		r.t.Fatal(err)
	}
}

func (r *replica) get(key string, ts topo.Timestamp) string {
	r.t.Helper()
	v, p, err := r.s.Get([]byte(key), ts, Own{})
	if err != nil {
		r.t.Fatal(err)
	}
	// Read with others, a key has the same version.
	var both [2]Version
	n, err := r.s.VisibleOf([][]byte{[]byte(key), []byte(key)}, ts, func(i int, v Version) { both[i] = v })
	if err != nil || (n == 0) != (p != nil) || n != 0 && n != 2 {
		r.t.Fatalf("%q at %d: %d read together, %v, pending %v", key, ts, n, err, p)
	}
	if p != nil {
		return "pending " + p.Txn.String()
	}
	if a, b := fmt.Sprintf("%#v", both), fmt.Sprintf("%#v", [2]Version{v, v}); a != b {
		r.t.Fatalf("%q at %d: %s together, %s alone", key, ts, a, b)
	}
	if v.Value == nil {
		return "-"
	}
	return fmt.Sprintf("%s@%d", v.Value, v.TS)
}

func (r *replica) digest() uint64 {
	r.t.Helper()
	_, d, err := r.s.Digest()
	if err != nil {
		r.t.Fatal(err)
	}
	return d
}

// scan renders a scan's rows.
func (r *replica) scan(o ScanOptions) (rows []string, resume []byte, p *Pending) {
	r.t.Helper()
	resume, p, err := r.s.Scan(o, func(key, value []byte, ts topo.Timestamp) bool {
		rows = append(rows, fmt.Sprintf("%s=%s@%d", key, value, ts))
		return true
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return rows, resume, p
}

func txnID(n int) topo.TxnID { return topo.TxnID{Node: 1, Epoch: 1, Seq: uint64(n)} }

func put(key, value string, seen topo.Timestamp) Item {
	return Item{Kind: ItemPut, Key: []byte(key), Value: []byte(value), Seen: seen, SeenAbsent: seen == 0}
}

func moved(key, to string) Item { return Item{Kind: ItemMoved, Key: []byte(key), Value: []byte(to)} }

func del(key string, seen topo.Timestamp) Item {
	return Item{Kind: ItemDelete, Key: []byte(key), Seen: seen}
}

func onePhase(txn int, ts topo.Timestamp, items ...Item) Command {
	return Command{Prepare: &Prepare{Txn: txnID(txn), Attempt: 1, Primary: 2, OnePhase: true, MinTS: ts, Items: items}}
}

func prepare(txn int, ts topo.Timestamp, items ...Item) Command {
	return Command{Prepare: &Prepare{Txn: txnID(txn), Attempt: 1, Primary: 2, Participants: []topo.GroupID{2, 3}, MinTS: ts, Items: items}}
}

func resolve(txn int, ts topo.Timestamp) Command {
	return Command{Resolve: &Resolve{Txn: txnID(txn), Attempt: 1, Commit: true, TS: ts, Final: true}}
}

func abort(txn int) Command {
	return Command{Resolve: &Resolve{Txn: txnID(txn), Attempt: 1, Final: true}}
}

func horizon(ts topo.Timestamp) Command { return Command{Horizon: &Horizon{TS: ts}} }
