package fsm

import (
	"reflect"
	"testing"

	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// derived lists the fields that no record holds, each with what it is rebuilt from.
var derived = map[string]string{
	"pending.txn":      "the record's key",
	"pending.in":       "the transaction's intents",
	"pending.net":      "intents and rolledBack",
	"pendItem.hints":   "about one replica's layers only; none is safe",
	"intents.txn":      "the record's key",
	"intents.mu":       "a lock",
	"intents.index":    "chunks",
	"pending.wide":     "items",
	"intents.hint":     "a search cache",
	"intents.digest":   "chunks",
	"intents.probes":   "scratch of searches",
	"intents.probing":  "scratch of searches",
	"SequenceState.ID": "the record's key",
	// The table's own field; State.Lease sets the copy that it returns.
	"LeaseInfo.Released": "tables.released",
}

func fullTables() tables {
	t := newTables()
	txn := topo.TxnID{Node: 3, Epoch: 4, Seq: 5}
	t.index, t.version, t.horizon, t.maxTS, t.readFloor = 9, 1, 5, 70, 60
	t.lease = LeaseInfo{Epoch: 1, Holder: 2, Incarnation: 3, LastIndex: 4}
	t.released = &Release{ReadTS: 8, Locks: []HeldLock{{Txn: txn, Mode: lock.Share, Key: []byte("k")}}}
	t.schema[7] = tableState{version: 1, fenced: true, next: 2, txn: txn, attempt: 3, primary: 4}
	t.dropped = []topo.StorageID{4, 8}
	in := newIntents(txn)
	in.add([]ProvisionOp{{1, put("a", "1", 0)}, {2, put("b", "1", 0)}}, nil)
	in.add([]ProvisionOp{{3, put("a", "2", 0)}, {4, moved("a", "c")}}, nil)
	t.intents[txn] = in
	p := &pending{txn: txn, attempt: 2, primary: 3, participants: []topo.GroupID{3, 4}, min: 50, start: 49,
		schema: []topo.TableVersion{{Table: 7, Version: 1}},
		items: []pendItem{{kind: ItemPut, mode: lock.Update, key: []byte("k"), value: []byte("v"), keyTS: 6},
			{kind: ItemDelete, key: []byte("l"), moved: []byte("m")}},
		ranges: []pendRange{{[]byte("a"), []byte("b")}}, provisioned: true, in: in, rolledBack: []SeqRange{{2, 3}}}
	p.net = in.netOps(p.rolledBack)
	p.netKeyTS = []topo.Timestamp{8, 9}
	t.pendings[txn] = p
	id := attemptID{txn, 1}
	t.outcomes[id] = outcome{code: OutcomeCommitted, forgotten: true, primary: 2, ts: 44}
	t.members[id] = []topo.GroupID{2, 3}
	t.shares["parent"] = 33
	t.sequences[12] = SequenceState{Last: -4, IsCalled: true}
	return t
}

// TestEveryFieldOfTheStateIsEncoded fills every field of the state, encodes, decodes and compares, field by field. A field
// added later fails here: first because the fixture leaves it zero, then because its value does not survive.
func TestEveryFieldOfTheStateIsEncoded(t *testing.T) {
	want := fullTables()
	got := newTables()
	for _, key := range want.keys() {
		value := want.encode(key)
		if value == nil {
			t.Fatalf("record %q listed but empty", key)
		}
		if err := got.decode(key, value); err != nil {
			t.Fatal(err)
		}
	}
	sameFields(t, "tables", reflect.ValueOf(want), reflect.ValueOf(got))
}

func sameFields(t *testing.T, name string, want, got reflect.Value) {
	t.Helper()
	if derived[name] != "" {
		return
	}
	switch want.Kind() {
	case reflect.Pointer:
		sameFields(t, name, want.Elem(), got.Elem())
	case reflect.Struct:
		for i := range want.NumField() {
			field := want.Type().Name() + "." + want.Type().Field(i).Name
			if derived[field] == "" && want.Field(i).IsZero() && want.Type() != reflect.TypeFor[pendItem]() {
				t.Errorf("the fixture leaves %s zero", field)
			}
			sameFields(t, field, want.Field(i), got.Field(i))
		}
	case reflect.Map:
		if want.Len() == 0 || want.Len() != got.Len() {
			t.Errorf("%s: %d entries, decoded %d", name, want.Len(), got.Len())
			return
		}
		for it := want.MapRange(); it.Next(); {
			v := got.MapIndex(it.Key())
			if !v.IsValid() {
				t.Errorf("%s: key %v is lost", name, it.Key())
				continue
			}
			sameFields(t, name+"[]", it.Value(), v)
		}
	case reflect.Slice:
		if want.Len() != got.Len() {
			t.Errorf("%s: %d elements, decoded %d", name, want.Len(), got.Len())
			return
		}
		for i := range want.Len() {
			sameFields(t, name+"[]", want.Index(i), got.Index(i))
		}
	default:
		if !want.Equal(got) {
			t.Errorf("%s: %v decoded as %v", name, want, got)
		}
	}
}

func TestDamagedRecordsAreRefusedWithoutPanic(t *testing.T) {
	full := fullTables()
	for _, key := range full.keys() {
		value := full.encode(key)
		for n := range len(value) {
			fresh := newTables()
			if key[0] == recordPending {
				for _, k := range full.keys() {
					if k[0] == recordIntents {
						_ = fresh.decode(k, full.encode(k))
					}
				}
			}
			_ = fresh.decode(key, value[:n])
			for bit := range 8 {
				fresh := newTables()
				flipped := append([]byte(nil), value...)
				flipped[n] ^= 1 << bit
				_ = fresh.decode(key, flipped)
			}
		}
	}
}
