package server

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/pgmqdb/pgmqdb/shard/fsm"
	"github.com/pgmqdb/pgmqdb/shard/group"
	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// remains makes what is left of a group by applying commands, one an entry.
func remains(t *testing.T, g topo.GroupID, cmds ...fsm.Command) *candidate {
	t.Helper()
	st, err := fsm.Open(filepath.Join(t.TempDir(), "state.db"), fsm.Options{InitialMmapBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	for i := range cmds {
		res := make([]fsm.Result, 1)
		if err := st.Apply(uint64(i+1), cmds[i:i+1], res); err != nil {
			t.Fatal(err)
		}
		if c := res[0].Code; c != fsm.ResultOK && c != fsm.ResultPrepared && c != fsm.ResultCommitted {
			t.Fatalf("group %d, command %d: result %d", g, i, c)
		}
	}
	return &candidate{Remains: &group.Remains{Group: g, Replica: 1, State: st}}
}

func prepared(seq uint64, min topo.Timestamp, key string, participants ...topo.GroupID) fsm.Command {
	return fsm.Command{Prepare: &fsm.Prepare{Txn: topo.TxnID{Node: 1, Epoch: 1, Seq: seq}, Attempt: 1, Primary: 2, Participants: participants, MinTS: min,
		Items: []fsm.Item{{Kind: fsm.ItemPut, Mode: lock.Update, Key: []byte(key), Value: []byte(key), SeenAbsent: true}}}}
}

func committed(seq uint64, ts topo.Timestamp) fsm.Command {
	return fsm.Command{Commit: &fsm.CommitRecord{Txn: topo.TxnID{Node: 1, Epoch: 1, Seq: seq}, Attempt: 1, TS: ts}}
}

func resolvedAt(seq uint64, ts topo.Timestamp) fsm.Command {
	return fsm.Command{Resolve: &fsm.Resolve{Txn: topo.TxnID{Node: 1, Epoch: 1, Seq: seq}, Attempt: 1, Commit: true, TS: ts}}
}

func horizonAt(ts topo.Timestamp) fsm.Command { return fsm.Command{Horizon: &fsm.Horizon{TS: ts}} }

// Each transaction is judged by what all groups know of it together.
func TestRecoveryJudgesTransactions(t *testing.T) {
	// Group 2 is the primary of all, and lists the participants.
	two := []topo.GroupID{2, 3}
	cases := []struct {
		name                  string
		primary, other        []fsm.Command
		lost                  bool // nothing is left of group 3
		keepTorn              bool
		commit, aborted, torn int
		keep                  topo.Timestamp
		tooLate               bool
		// there says which of the keys a, in group 2, and b, in group 3, are there after it was settled and rewritten.
		there string
	}{
		{name: "committed, resolved in one", primary: []fsm.Command{prepared(1, 10, "a", two...), committed(1, 12)},
			other: []fsm.Command{prepared(1, 11, "b")}, commit: 1, keep: topo.MaxTimestamp, there: "ab"},
		{name: "committed, known by the other alone", primary: []fsm.Command{prepared(1, 10, "a", two...)},
			other: []fsm.Command{prepared(1, 11, "b"), resolvedAt(1, 12)}, commit: 1, keep: topo.MaxTimestamp, there: "ab"},
		{name: "prepared everywhere", primary: []fsm.Command{prepared(1, 10, "a", two...)}, other: []fsm.Command{prepared(1, 11, "b")},
			commit: 1, keep: topo.MaxTimestamp, there: "ab"},
		{name: "prepared at the primary alone", primary: []fsm.Command{prepared(1, 10, "a", two...)}, aborted: 1, keep: topo.MaxTimestamp},
		{name: "prepared at the other alone", other: []fsm.Command{prepared(1, 11, "b")}, aborted: 1, keep: topo.MaxTimestamp},
		{name: "committed, missing at the other", primary: []fsm.Command{prepared(1, 10, "a", two...), committed(1, 12)}, torn: 1, keep: 11},
		{name: "committed, missing at the other, kept", primary: []fsm.Command{prepared(1, 10, "a", two...), committed(1, 12)}, torn: 1,
			keepTorn: true, keep: topo.MaxTimestamp, there: "a"},
		{name: "committed, missing at the primary", other: []fsm.Command{prepared(1, 11, "b"), resolvedAt(1, 12)}, torn: 1, keep: 11},
		{name: "torn, and another after it", primary: []fsm.Command{prepared(1, 10, "x", two...), committed(1, 12), prepared(2, 20, "a", two...)},
			other: []fsm.Command{prepared(2, 21, "b")}, torn: 1, aborted: 1, keep: 11},
		{name: "torn, and another before it", primary: []fsm.Command{prepared(2, 5, "a", two...), prepared(1, 10, "x", two...), committed(1, 12)},
			other: []fsm.Command{prepared(2, 6, "b")}, torn: 1, commit: 1, keep: 11, there: "ab"},
		{name: "torn too long ago", primary: []fsm.Command{prepared(1, 10, "a", two...), committed(1, 12), horizonAt(15)}, torn: 1, tooLate: true,
			keep: topo.MaxTimestamp, there: "a"},
		{name: "forgotten by the other", primary: []fsm.Command{prepared(1, 10, "a", two...), committed(1, 12)},
			other: []fsm.Command{horizonAt(15)}, keep: topo.MaxTimestamp, there: "a"},
		{name: "committed, and a group is lost", primary: []fsm.Command{prepared(1, 10, "a", two...), committed(1, 12)}, lost: true,
			keep: topo.MaxTimestamp, there: "a"},
		{name: "prepared, and a group is lost", primary: []fsm.Command{prepared(1, 10, "a", two...)}, lost: true, aborted: 1, keep: topo.MaxTimestamp},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := &recovery{RecoverConfig: RecoverConfig{KeepTorn: c.keepTorn}, id: &identity{Node: 9}, groups: two,
				chosen: map[topo.GroupID]*candidate{2: remains(t, 2, c.primary...)}}
			if !c.lost {
				r.chosen[3] = remains(t, 3, c.other...)
			}
			if err := r.decide(); err != nil {
				t.Fatal(err)
			}
			v := &r.verdict
			if len(v.commit) != c.commit || len(v.aborted) != c.aborted || len(v.torn) != c.torn || v.keep != c.keep || (v.tooLate != "") != c.tooLate {
				t.Errorf("verdict %+v", v)
			}
			if err := r.settle(); err != nil {
				t.Fatal(err)
			}
			there := ""
			for _, g := range slices.Sorted(maps.Keys(r.chosen)) {
				path := filepath.Join(t.TempDir(), fmt.Sprint(g))
				if err := r.chosen[g].State.Rewrite(path, v.keep, nil); err != nil {
					t.Fatal(err)
				}
				st, err := fsm.Open(path, fsm.Options{InitialMmapBytes: 1 << 20})
				if err != nil {
					t.Fatal(err)
				}
				defer st.Close()
				key := map[topo.GroupID]string{2: "a", 3: "b"}[g]
				if found, pending, err := st.Get([]byte(key), topo.MaxTimestamp, fsm.Own{}); err != nil || pending != nil {
					t.Errorf("%v, %v", pending, err)
				} else if found.Value != nil {
					there += key
				}
			}
			if there != c.there {
				t.Errorf("there is %q, want %q", there, c.there)
			}
		})
	}
}
