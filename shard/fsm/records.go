package fsm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// The one encoder of tables. Every piece of it is a record: a key (a kind letter and the piece's id) and a value. A flush
// writes the records that changed since the last one, a snapshot writes all, a digest hashes all; all three call encode, and
// both ways back call decode. A new field means a new record kind, or a new field at the end of a record and a new
// recordsFormat.

// recordsFormat is the version of the records' encoding, in the meta record. A later one is refused.
const recordsFormat = 1

// The kinds of records. fields (in the test) ties each field of tables to its kind.
const (
	recordMeta     = 'm' // index, version, lease, horizon, maxTS, readFloor
	recordDropped  = 'd'
	recordReleased = 'h' // of a lease that was released and that nobody took yet
	recordTable    = 't'
	recordPending  = 'p'
	recordIntents  = 'i' // one chunk each
	recordOutcome  = 'o' // with members
	recordShare    = 's'
	recordSequence = 'q'
)

var (
	errRecord       = errors.New("malformed record")
	metaRecordKey   = []byte{recordMeta}
	droppedRecordID = []byte{recordDropped}
	releasedRecord  = []byte{recordReleased}
)

func txnRecordKey(kind byte, t topo.TxnID) []byte {
	const room = 1 + 4 + 4 + 8 + 4 // the number of a chunk or an attempt may follow
	b := binary.BigEndian.AppendUint32(append(make([]byte, 0, room), kind), uint32(t.Node))
	b = binary.BigEndian.AppendUint32(b, uint32(t.Epoch))
	return binary.BigEndian.AppendUint64(b, t.Seq)
}

func chunkRecordKey(t topo.TxnID, chunk int) []byte {
	return binary.BigEndian.AppendUint32(txnRecordKey(recordIntents, t), uint32(chunk))
}

func outcomeRecordKey(id attemptID) []byte {
	return binary.BigEndian.AppendUint32(txnRecordKey(recordOutcome, id.txn), uint32(id.attempt))
}

func idRecordKey(kind byte, id uint32) []byte { return binary.BigEndian.AppendUint32([]byte{kind}, id) }

func shareRecordKey(key string) []byte { return append([]byte{recordShare}, key...) }

// keys returns the keys of all records, sorted.
func (t *tables) keys() [][]byte {
	keys := [][]byte{metaRecordKey}
	if len(t.dropped) > 0 {
		keys = append(keys, droppedRecordID)
	}
	if t.released != nil {
		keys = append(keys, releasedRecord)
	}
	for id := range t.schema {
		keys = append(keys, idRecordKey(recordTable, uint32(id)))
	}
	for id := range t.pendings {
		keys = append(keys, txnRecordKey(recordPending, id))
	}
	for id, in := range t.intents {
		for n := range in.chunks {
			keys = append(keys, chunkRecordKey(id, n))
		}
	}
	for id := range t.outcomes {
		keys = append(keys, outcomeRecordKey(id))
	}
	for key, ts := range t.shares {
		if ts > t.horizon {
			keys = append(keys, shareRecordKey(key))
		}
	}
	for id := range t.sequences {
		keys = append(keys, idRecordKey(recordSequence, uint32(id)))
	}
	slices.SortFunc(keys, slices.Compare)
	return keys
}

func txnOfRecord(key []byte) topo.TxnID {
	return topo.TxnID{
		Node:  topo.NodeID(binary.BigEndian.Uint32(key[1:])),
		Epoch: topo.LivenessEpoch(binary.BigEndian.Uint32(key[5:])),
		Seq:   binary.BigEndian.Uint64(key[9:]),
	}
}

func outcomeOfRecord(key []byte) attemptID {
	return attemptID{txnOfRecord(key), topo.Attempt(binary.BigEndian.Uint32(key[17:]))}
}

// encode returns the value of the record with this key, or nil when the state has none. The value may alias the state's
// immutable bytes.
func (t *tables) encode(key []byte) []byte {
	switch key[0] {
	case recordMeta:
		return t.encodeMeta()
	case recordDropped:
		b := []byte{}
		for _, id := range t.dropped {
			b = topo.AppendStorageID(b, id)
		}
		return b
	case recordReleased:
		if t.released != nil {
			return appendRelease([]byte{}, t.released)
		}
	case recordTable:
		if st, ok := t.schema[topo.TableID(binary.BigEndian.Uint32(key[1:]))]; ok {
			return encodeTable(st)
		}
	case recordPending:
		if p := t.pendings[txnOfRecord(key)]; p != nil {
			return encodePending(p)
		}
	case recordIntents:
		n := int(binary.BigEndian.Uint32(key[17:]))
		if in := t.intents[txnOfRecord(key)]; in != nil && n < len(in.chunks) {
			return in.chunks[n]
		}
	case recordOutcome:
		id := outcomeOfRecord(key)
		if o, ok := t.outcomes[id]; ok {
			b := append([]byte{}, byte(o.code), flags(o.forgotten))
			b = binary.AppendUvarint(b, uint64(o.primary))
			return appendGroups(appendTS(b, o.ts), t.members[id])
		}
	case recordShare:
		if ts := t.shares[string(key[1:])]; ts > t.horizon {
			return appendTS([]byte{}, ts)
		}
	case recordSequence:
		if q, ok := t.sequences[topo.StorageID(binary.BigEndian.Uint32(key[1:]))]; ok {
			return append(binary.AppendVarint([]byte{}, q.Last), flags(q.IsCalled))
		}
	}
	return nil
}

func (t *tables) encodeMeta() []byte {
	b := []byte{recordsFormat, t.version}
	for _, u := range [...]uint64{
		t.index, uint64(t.lease.Epoch), uint64(t.lease.Holder), t.lease.Incarnation, t.lease.LastIndex,
		uint64(t.horizon), uint64(t.maxTS), uint64(t.readFloor),
	} {
		b = binary.AppendUvarint(b, u)
	}
	return b
}

func encodeTable(st tableState) []byte {
	b := binary.AppendUvarint([]byte{flags(st.fenced)}, uint64(st.version))
	if st.fenced {
		b = binary.AppendUvarint(b, uint64(st.next))
		b = binary.AppendUvarint(appendAttempt(b, st.txn, st.attempt), uint64(st.primary))
	}
	return b
}

func encodePending(p *pending) []byte {
	b := binary.AppendUvarint([]byte{}, uint64(p.attempt))
	b = binary.AppendUvarint(b, uint64(p.primary))
	b = appendGroups(b, p.participants)
	b = appendTS(appendTS(b, p.min), p.start)
	b = appendTables(b, p.schema)
	b = binary.AppendUvarint(b, uint64(len(p.items)))
	for i := range p.items {
		it := &p.items[i]
		b = append(b, byte(it.kind), byte(it.mode), flags(it.value != nil, it.moved != nil))
		b = appendTS(appendBytes(appendBytes(b, it.key), it.value), it.keyTS)
		if it.moved != nil {
			b = appendBytes(b, it.moved)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(p.ranges)))
	for _, r := range p.ranges {
		b = appendBytes(appendBytes(b, r.lo), r.hi)
	}
	b = append(b, flags(p.provisioned))
	b = appendRanges(b, p.rolledBack)
	b = binary.AppendUvarint(b, uint64(len(p.netKeyTS)))
	for _, ts := range p.netKeyTS {
		b = appendTS(b, ts)
	}
	return b
}

// decode puts a record back. Intents' chunks come before the pendings that use them ('i' < 'p'), and in order.
func (t *tables) decode(key, value []byte) error {
	if len(key) == 0 || !recordKeyFits(key) {
		return fmt.Errorf("record %x: %w", key, errRecord)
	}
	d := decoder{b: slices.Clone(value)}
	switch key[0] {
	case recordMeta:
		t.decodeMeta(&d)
	case recordDropped:
		for len(d.b) >= 4 {
			t.dropped = append(t.dropped, topo.StorageID(binary.BigEndian.Uint32(d.b)))
			d.b = d.b[4:]
		}
	case recordReleased:
		t.released = d.release()
	case recordTable:
		t.schema[topo.TableID(binary.BigEndian.Uint32(key[1:]))] = decodeTable(&d)
	case recordPending:
		t.decodePending(txnOfRecord(key), &d)
	case recordIntents:
		id := txnOfRecord(key)
		in := t.intents[id]
		if in == nil {
			in = newIntents(id)
			t.intents[id] = in
		}
		if int(binary.BigEndian.Uint32(key[17:])) != len(in.chunks) || !in.restore(d.b) {
			d.bad = true
		}
		d.b = nil
	case recordOutcome:
		id := outcomeOfRecord(key)
		o := outcome{code: OutcomeCode(d.u8()), forgotten: d.flags(1) != 0, primary: topo.GroupID(d.uvarint()), ts: d.ts()}
		if groups := d.groups(); groups != nil {
			t.members[id] = groups
		}
		t.outcomes[id] = o
	case recordShare:
		t.shares[string(key[1:])] = d.ts()
	case recordSequence:
		t.sequences[topo.StorageID(binary.BigEndian.Uint32(key[1:]))] = SequenceState{Last: d.varint(), IsCalled: d.flags(1) != 0}
	}
	if d.bad || len(d.b) != 0 {
		return fmt.Errorf("record %x: %w", key, errRecord)
	}
	return nil
}

func recordKeyFits(key []byte) bool {
	switch key[0] {
	case recordMeta, recordDropped, recordReleased:
		return len(key) == 1
	case recordTable, recordSequence:
		return len(key) == 5
	case recordPending:
		return len(key) == 17
	case recordIntents, recordOutcome:
		return len(key) == 21
	case recordShare:
		return true
	}
	return false
}

func (t *tables) decodeMeta(d *decoder) {
	if d.u8() != recordsFormat {
		d.fail()
		return
	}
	t.version = d.u8()
	t.index = d.uvarint()
	t.lease = LeaseInfo{Epoch: topo.LeaseEpoch(d.uvarint()), Holder: topo.NodeID(d.u32()), Incarnation: d.uvarint(), LastIndex: d.uvarint()}
	t.horizon, t.maxTS, t.readFloor = d.ts(), d.ts(), d.ts()
}

func decodeTable(d *decoder) tableState {
	st := tableState{fenced: d.flags(1) != 0, version: topo.SchemaVersion(d.uvarint())}
	if st.fenced {
		st.next = topo.SchemaVersion(d.uvarint())
		st.txn, st.attempt = d.txn(), d.attempt()
		st.primary = topo.GroupID(d.uvarint())
	}
	return st
}

func (t *tables) decodePending(txn topo.TxnID, d *decoder) {
	p := &pending{txn: txn, attempt: d.attempt(), primary: topo.GroupID(d.uvarint()), participants: d.groups()}
	p.min, p.start = d.ts(), d.ts()
	p.schema = d.tables()
	if n := d.count(6); n > 0 {
		p.items = make([]pendItem, n)
	}
	for i := range p.items {
		it := &p.items[i]
		it.kind, it.mode = ItemKind(d.u8()), lock.Mode(d.u8())
		f := d.flags(3)
		it.key, it.value, it.keyTS = d.bytes(), d.bytes(), d.ts()
		if f&1 == 0 {
			it.value = nil
		}
		if f&2 != 0 {
			it.moved = d.bytes()
		}
	}
	if n := d.count(2); n > 0 {
		p.ranges = make([]pendRange, n)
	}
	for i := range p.ranges {
		p.ranges[i] = pendRange{d.bytes(), d.bytes()}
	}
	p.provisioned = d.flags(1) != 0
	p.rolledBack = d.ranges()
	if n := d.count(1); n > 0 {
		p.netKeyTS = make([]topo.Timestamp, n)
		for i := range p.netKeyTS {
			p.netKeyTS[i] = d.ts()
		}
	}
	if p.provisioned {
		in := t.intents[txn]
		if in == nil {
			d.bad = true
			return
		}
		p.in, p.net = in, in.netOps(p.rolledBack)
		if p.netKeyTS != nil && len(p.netKeyTS) != len(p.net) {
			d.bad = true
		}
	}
	if !d.bad {
		t.pendings[txn] = p
	}
}
