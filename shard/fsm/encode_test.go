package fsm

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

func everyCommand() []Command {
	txn := topo.TxnID{Node: 1, Epoch: 2, Seq: 1 << 40}
	tables := []topo.TableVersion{{Table: 16384, Version: 3}}
	items := []Item{
		put("k", "v", 0), del("k", 9), {Kind: ItemPutEntry, Key: []byte("e"), Value: []byte{}},
		{Kind: ItemLock, Mode: lock.Share, Key: []byte("l"), Seen: 4, KeepsKey: true}, mark("p", 5), exclusive("p", 1<<60), readRange("a", "b", 7),
	}
	cmds := []Command{
		{Prepare: &Prepare{Txn: txn, Attempt: 2, Primary: 3, Participants: []topo.GroupID{3, 4}, OnePhase: true, StartTS: 8, MinTS: 9,
			Tables: tables, Items: items, Provisioned: Provisioned{Count: 2, Digest: 1 << 63, RolledBack: []SeqRange{{1, 2}}}}},
		{Provision: &Provision{Txn: txn, Ops: []ProvisionOp{{7, items[0]}, {1 << 50, items[1]}}}},
		{Commit: &CommitRecord{Txn: txn, Attempt: 1, TS: 5}},
		{Resolve: &Resolve{Txn: txn, Attempt: 1, Commit: true, TS: 5, Final: true}},
		{Tombstone: &Tombstone{Txn: txn, Attempt: 1, TS: 3}},
		{Forget: &Forget{Attempts: []AttemptID{{txn, 1}, {txnID(77), 3}}}},
		{Fence: &Fence{Txn: txn, Attempt: 1, Primary: 1, Phase: FenceOpen, Tables: tables}},
		{Lease: &Lease{Epoch: 4, Holder: 2, Incarnation: 1 << 63, AfterIndex: 77}},
		{Horizon: &Horizon{TS: 1 << 62}},
		{Sequence: &Sequence{ID: 5, Last: -1 << 63, IsCalled: true, Drop: true}},
		{Ingest: &Ingest{TS: 4, Unique: true, Entries: []Entry{{[]byte("k"), []byte("v")}}}},
		{Drop: &DropStorage{IDs: []topo.StorageID{1, 1 << 31}}},
		{Upgrade: &Upgrade{Version: 1}},
		{Release: &Release{ReadTS: 1 << 40, Locks: []HeldLock{{txn, lock.Update, []byte("k")}, {txn, lock.KeyShare, []byte("l")}}}},
	}
	for i := range cmds {
		cmds[i].Format, cmds[i].Epoch, cmds[i].ProposedAtNS = 1, 7, -5
	}
	return cmds
}

func TestEveryCommandSurvivesTheCodec(t *testing.T) {
	want := everyCommand()
	var buf []byte
	for i := range want {
		buf = AppendCommand(buf, &want[i])
	}
	got, err := DecodeCommands(buf)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("command %d: %+v, want %+v", i, got[i], want[i])
		}
	}
	for n := range buf {
		_, _ = DecodeCommands(buf[:n])
	}
}

// TestADecoderDecodesWhatDecodeCommandsDoes feeds one decoder proposals that fit into what it keeps and that do not.
func TestADecoderDecodesWhatDecodeCommandsDoes(t *testing.T) {
	var d Decoder
	for n := range 60 {
		var buf []byte
		for range 1 + n%7*(keptCommands/5) {
			items := make([]Item, n*n%(keptItems/3))
			for i := range items {
				items[i] = put(fmt.Sprint(n, i), "v", topo.Timestamp(i))
			}
			c := prepare(n+1, 5, items...)
			buf = AppendCommand(buf, &c)
		}
		for _, c := range everyCommand() {
			buf = AppendCommand(buf, &c)
		}
		want, err := DecodeCommands(buf)
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.Decode(buf)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("round %d: %v", n, err)
		}
		if n%5 == 0 {
			_, err = d.Decode(buf[:len(buf)-1]) // a fault leaves nothing behind
			if err == nil {
				t.Fatal("a cut proposal was decoded")
			}
		}
		d.Reset()
	}
}

// FuzzDecodeCommands proves that no bytes make the decoder panic, and that what decodes encodes to the same commands.
func FuzzDecodeCommands(f *testing.F) {
	for _, c := range everyCommand() {
		f.Add(AppendCommand(nil, &c))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cmds, err := DecodeCommands(data)
		if err != nil {
			return
		}
		var buf []byte
		for i := range cmds {
			buf = AppendCommand(buf, &cmds[i])
		}
		again, err := DecodeCommands(buf)
		if err != nil || len(again) != len(cmds) {
			t.Fatalf("re-encoded: %v", err)
		}
		var buf2 []byte
		for i := range again {
			buf2 = AppendCommand(buf2, &again[i])
		}
		if string(buf2) != string(buf) {
			t.Fatal("encoding is not stable")
		}
	})
}
