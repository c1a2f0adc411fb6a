package fsm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// A proposal is a run of commands, each framed as a format byte, the body's length in four little-endian bytes, and the
// body: a kind byte, the epoch, the proposer's clock, and the kind's fields. Numbers are varints, byte strings carry their
// length, lists their count. Decoding aliases the proposal's bytes and bounds every count by the bytes that are left, so
// hostile input costs no more memory than its own size times a small factor.

// The command formats.
const (
	FormatFirst = 1
	FormatMoved = 2 // ItemMoved and Item.Origin
	// Format is the newest one that this binary writes and applies.
	Format = FormatMoved
)

const frameBytes = 5

// ErrFormat says that a proposal holds a command of a format that this binary does not know: it must not go on applying.
var ErrFormat = errors.New("fsm: command format is newer than this binary")

var errMalformed = errors.New("fsm: malformed command")

type kind uint8

const (
	kindPrepare kind = iota + 1
	kindProvision
	kindCommit
	kindResolve
	kindTombstone
	kindForget
	kindFence
	kindLease
	kindHorizon
	kindSequence
	kindIngest
	kindDrop
	kindUpgrade
	kindRelease
)

// AppendCommand appends the encoding of c, behind those of other commands of the proposal.
func AppendCommand(buf []byte, c *Command) []byte {
	start := len(buf)
	buf = append(buf, max(c.Format, 1), 0, 0, 0, 0)
	k, body := c.kind()
	buf = append(buf, byte(k))
	buf = binary.AppendUvarint(buf, uint64(c.Epoch))
	buf = binary.AppendVarint(buf, c.ProposedAtNS)
	buf = body(buf, c)
	binary.LittleEndian.PutUint32(buf[start+1:], uint32(len(buf)-start-frameBytes))
	return buf
}

func (c *Command) kind() (kind, func([]byte, *Command) []byte) {
	switch {
	case c.Prepare != nil:
		return kindPrepare, func(b []byte, c *Command) []byte { return appendPrepare(b, c.Prepare) }
	case c.Provision != nil:
		return kindProvision, func(b []byte, c *Command) []byte { return appendProvision(b, c.Provision) }
	case c.Commit != nil:
		return kindCommit, func(b []byte, c *Command) []byte {
			return appendTS(appendAttempt(b, c.Commit.Txn, c.Commit.Attempt), c.Commit.TS)
		}
	case c.Resolve != nil:
		return kindResolve, func(b []byte, c *Command) []byte {
			b = appendTS(appendAttempt(b, c.Resolve.Txn, c.Resolve.Attempt), c.Resolve.TS)
			return append(b, flags(c.Resolve.Commit, c.Resolve.Final))
		}
	case c.Tombstone != nil:
		return kindTombstone, func(b []byte, c *Command) []byte {
			return appendTS(appendAttempt(b, c.Tombstone.Txn, c.Tombstone.Attempt), c.Tombstone.TS)
		}
	case c.Forget != nil:
		return kindForget, func(b []byte, c *Command) []byte {
			b = binary.AppendUvarint(b, uint64(len(c.Forget.Attempts)))
			for _, a := range c.Forget.Attempts {
				b = appendAttempt(b, a.Txn, a.Attempt)
			}
			return b
		}
	}
	return c.controlKind()
}

func (c *Command) controlKind() (kind, func([]byte, *Command) []byte) {
	switch {
	case c.Fence != nil:
		return kindFence, func(b []byte, c *Command) []byte {
			b = appendAttempt(b, c.Fence.Txn, c.Fence.Attempt)
			b = append(binary.AppendUvarint(b, uint64(c.Fence.Primary)), byte(c.Fence.Phase))
			return appendTables(b, c.Fence.Tables)
		}
	case c.Lease != nil:
		return kindLease, func(b []byte, c *Command) []byte {
			for _, u := range [...]uint64{uint64(c.Lease.Epoch), uint64(c.Lease.Holder), c.Lease.Incarnation, c.Lease.AfterIndex} {
				b = binary.AppendUvarint(b, u)
			}
			return b
		}
	case c.Horizon != nil:
		return kindHorizon, func(b []byte, c *Command) []byte { return appendTS(b, c.Horizon.TS) }
	case c.Sequence != nil:
		return kindSequence, func(b []byte, c *Command) []byte {
			b = binary.AppendUvarint(b, uint64(c.Sequence.ID))
			b = binary.AppendVarint(b, c.Sequence.Last)
			return append(b, flags(c.Sequence.IsCalled, c.Sequence.Drop))
		}
	case c.Ingest != nil:
		return kindIngest, func(b []byte, c *Command) []byte { return appendIngest(b, c.Ingest) }
	case c.Drop != nil:
		return kindDrop, func(b []byte, c *Command) []byte {
			b = binary.AppendUvarint(b, uint64(len(c.Drop.IDs)))
			for _, id := range c.Drop.IDs {
				b = binary.AppendUvarint(b, uint64(id))
			}
			return b
		}
	case c.Upgrade != nil:
		return kindUpgrade, func(b []byte, c *Command) []byte { return append(b, c.Upgrade.Version) }
	case c.Release != nil:
		return kindRelease, func(b []byte, c *Command) []byte { return appendRelease(b, c.Release) }
	}
	return 0, func(b []byte, _ *Command) []byte { return b }
}

func flags(bits ...bool) byte {
	var f byte
	for i, set := range bits {
		if set {
			f |= 1 << i
		}
	}
	return f
}

func appendTS(b []byte, ts topo.Timestamp) []byte { return binary.AppendUvarint(b, uint64(ts)) }

func appendBytes(b, s []byte) []byte { return append(binary.AppendUvarint(b, uint64(len(s))), s...) }

func appendTxn(b []byte, t topo.TxnID) []byte {
	b = binary.AppendUvarint(b, uint64(t.Node))
	b = binary.AppendUvarint(b, uint64(t.Epoch))
	return binary.AppendUvarint(b, t.Seq)
}

func appendAttempt(b []byte, t topo.TxnID, a topo.Attempt) []byte {
	return binary.AppendUvarint(appendTxn(b, t), uint64(a))
}

func appendTables(b []byte, tables []topo.TableVersion) []byte {
	b = binary.AppendUvarint(b, uint64(len(tables)))
	for _, tv := range tables {
		b = binary.AppendUvarint(b, uint64(tv.Table))
		b = binary.AppendUvarint(b, uint64(tv.Version))
	}
	return b
}

func appendGroups(b []byte, groups []topo.GroupID) []byte {
	b = binary.AppendUvarint(b, uint64(len(groups)))
	for _, g := range groups {
		b = binary.AppendUvarint(b, uint64(g))
	}
	return b
}

func appendRanges(b []byte, ranges []SeqRange) []byte {
	b = binary.AppendUvarint(b, uint64(len(ranges)))
	for _, r := range ranges {
		b = binary.AppendUvarint(b, r.First)
		b = binary.AppendUvarint(b, r.End)
	}
	return b
}

func appendPrepare(b []byte, p *Prepare) []byte {
	b = appendAttempt(b, p.Txn, p.Attempt)
	b = append(b, flags(p.OnePhase, p.Provisioned.Count != 0))
	b = binary.AppendUvarint(b, uint64(p.Primary))
	b = appendGroups(b, p.Participants)
	b = appendTS(appendTS(b, p.StartTS), p.MinTS)
	b = appendTables(b, p.Tables)
	b = binary.AppendUvarint(b, uint64(len(p.Items)))
	for i := range p.Items {
		b = appendItem(b, &p.Items[i])
	}
	if p.Provisioned.Count != 0 {
		b = binary.AppendUvarint(b, p.Provisioned.Count)
		b = binary.LittleEndian.AppendUint64(b, p.Provisioned.Digest)
		b = appendRanges(b, p.Provisioned.RolledBack)
	}
	return b
}

// The flags of an encoded item: which fields follow, and its booleans.
const (
	itemAbsent = 1 << iota
	itemKeepsKey
	itemHasEnd
	itemHasValue
	itemHasF
	itemHasOrigin
	itemFlags = itemAbsent | itemKeepsKey | itemHasEnd | itemHasValue | itemHasF | itemHasOrigin
)

func appendItem(b []byte, it *Item) []byte {
	f := flags(it.SeenAbsent, it.KeepsKey, len(it.End) > 0, it.Value != nil, it.F != 0, it.Origin != nil)
	b = append(b, byte(it.Kind), byte(it.Mode), f)
	b = appendBytes(b, it.Key)
	b = appendTS(b, it.Seen)
	if f&itemHasEnd != 0 {
		b = appendBytes(b, it.End)
	}
	if f&itemHasValue != 0 {
		b = appendBytes(b, it.Value)
	}
	if f&itemHasF != 0 {
		b = appendTS(b, it.F)
	}
	if f&itemHasOrigin != 0 {
		b = appendBytes(b, it.Origin)
	}
	return b
}

// appendOp encodes an operation of a provision. The state keeps operations in this form.
func appendOp(b []byte, op *ProvisionOp) []byte {
	return appendItem(binary.BigEndian.AppendUint64(b, op.Seq), &op.Item)
}

func appendProvision(b []byte, p *Provision) []byte {
	b = appendTxn(b, p.Txn)
	b = binary.AppendUvarint(b, uint64(len(p.Ops)))
	for i := range p.Ops {
		b = appendOp(b, &p.Ops[i])
	}
	return b
}

func appendIngest(b []byte, in *Ingest) []byte {
	b = append(appendTS(b, in.TS), flags(in.Unique))
	b = binary.AppendUvarint(b, uint64(len(in.Entries)))
	for i := range in.Entries {
		b = appendBytes(appendBytes(b, in.Entries[i].Key), in.Entries[i].Value)
	}
	return b
}

// appendRelease encodes a release. The state keeps it in this form.
func appendRelease(b []byte, r *Release) []byte {
	b = appendTS(b, r.ReadTS)
	b = binary.AppendUvarint(b, uint64(len(r.Locks)))
	for i := range r.Locks {
		l := &r.Locks[i]
		b = appendBytes(append(appendTxn(b, l.Txn), byte(l.Mode)), l.Key)
	}
	return b
}

// DecodeCommands decodes a proposal. The commands alias data.
func DecodeCommands(data []byte) ([]Command, error) { return decode(data, nil) }

// Decoder decodes one proposal after the other. For a few items it has memory of its own; what has more takes, between Decode
// and Reset, memory that all decoders share.
type Decoder struct {
	cmds    []Command
	few     []Item
	usedFew int
	items   *[keptItems]Item // nil: none yet
	used    int              // of items
}

// What is used again: enough for many small transactions, or one of a thousand rows over a few groups.
const (
	keptCommands = 64
	fewItems     = 32
	keptItems    = 1024
)

var itemPool = sync.Pool{New: func() any { return new([keptItems]Item) }}

// Decode is DecodeCommands; the commands, and all that hangs on them, are valid until Reset.
func (d *Decoder) Decode(data []byte) ([]Command, error) { return decode(data, d) }

// Reset lets go of what Decode returned.
func (d *Decoder) Reset() {
	clear(d.cmds)
	clear(d.few[:d.usedFew])
	d.usedFew = 0
	if d.items != nil {
		clear(d.items[:d.used])
		itemPool.Put(d.items)
		d.items, d.used = nil, 0
	}
}

// take returns room for n items, which are zero.
func (d *Decoder) take(n int) []Item {
	if d == nil || n > keptItems-d.used {
		return make([]Item, n)
	}
	if n <= fewItems-d.usedFew {
		if d.few == nil {
			d.few = make([]Item, fewItems)
		}
		from := d.usedFew
		d.usedFew += n
		return d.few[from:d.usedFew:d.usedFew]
	}
	if d.items == nil {
		d.items = itemPool.Get().(*[keptItems]Item)
	}
	from := d.used
	d.used += n
	return d.items[from:d.used:d.used]
}

// decode takes memory from kept, unless that is nil.
func decode(data []byte, kept *Decoder) ([]Command, error) {
	n := 0
	for rest := data; len(rest) > 0; n++ {
		if len(rest) < frameBytes {
			return nil, errMalformed
		}
		size := uint64(binary.LittleEndian.Uint32(rest[1:]))
		if size > uint64(len(rest)-frameBytes) {
			return nil, errMalformed
		}
		rest = rest[frameBytes+size:]
	}
	var cmds []Command
	switch {
	case kept == nil || n > keptCommands:
		cmds = make([]Command, n)
	default:
		if kept.cmds == nil {
			kept.cmds = make([]Command, keptCommands)
		}
		cmds = kept.cmds[:n]
	}
	for i := range cmds {
		size := int(binary.LittleEndian.Uint32(data[1:]))
		format := data[0]
		if format == 0 || format > Format {
			return nil, fmt.Errorf("%w: %d", ErrFormat, format)
		}
		d := decoder{b: data[frameBytes : frameBytes+size : frameBytes+size], kept: kept}
		cmds[i].Format = format
		d.command(&cmds[i])
		if d.bad || len(d.b) != 0 {
			return nil, errMalformed
		}
		data = data[frameBytes+size:]
	}
	return cmds, nil
}

// decoder reads from the front of b. After a fault bad is set and every read returns zero.
type decoder struct {
	b    []byte
	bad  bool
	kept *Decoder // items are its; nil: new ones
}

func (d *decoder) fail() {
	d.bad = true
	d.b = nil
}

func (d *decoder) u8() byte {
	if len(d.b) == 0 {
		d.fail()
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

func (d *decoder) uvarint() uint64 {
	if len(d.b) > 0 && d.b[0] < 0x80 {
		v := d.b[0]
		d.b = d.b[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) u64() uint64 {
	if len(d.b) < 8 {
		d.fail()
		return 0
	}
	v := binary.LittleEndian.Uint64(d.b)
	d.b = d.b[8:]
	return v
}

// u32 is a varint that must fit 32 bits.
func (d *decoder) u32() uint32 {
	v := d.uvarint()
	if v > 1<<32-1 {
		d.fail()
		return 0
	}
	return uint32(v)
}

func (d *decoder) bytes() []byte {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.fail()
		return nil
	}
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v
}

// count reads the length of a list whose elements take at least size bytes.
func (d *decoder) count(size int) int {
	n := d.uvarint()
	if n > uint64(len(d.b)/size) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) flags(known byte) byte {
	f := d.u8()
	if f&^known != 0 {
		d.fail()
		return 0
	}
	return f
}

func (d *decoder) ts() topo.Timestamp { return topo.Timestamp(d.uvarint()) }

func (d *decoder) txn() topo.TxnID {
	return topo.TxnID{Node: topo.NodeID(d.u32()), Epoch: topo.LivenessEpoch(d.u32()), Seq: d.uvarint()}
}

func (d *decoder) attempt() topo.Attempt { return topo.Attempt(d.u32()) }

func (d *decoder) tables() []topo.TableVersion {
	n := d.count(2)
	if n == 0 {
		return nil
	}
	out := make([]topo.TableVersion, n)
	for i := range out {
		out[i] = topo.TableVersion{Table: topo.TableID(d.u32()), Version: topo.SchemaVersion(d.uvarint())}
	}
	return out
}

func (d *decoder) groups() []topo.GroupID {
	n := d.count(1)
	if n == 0 {
		return nil
	}
	out := make([]topo.GroupID, n)
	for i := range out {
		out[i] = topo.GroupID(d.uvarint())
	}
	return out
}

func (d *decoder) ranges() []SeqRange {
	n := d.count(2)
	if n == 0 {
		return nil
	}
	out := make([]SeqRange, n)
	for i := range out {
		out[i] = SeqRange{First: d.uvarint(), End: d.uvarint()}
	}
	return out
}

func (d *decoder) command(c *Command) {
	k := kind(d.u8())
	c.Epoch = topo.LeaseEpoch(d.uvarint())
	c.ProposedAtNS = d.varint()
	switch k {
	case kindPrepare:
		c.Prepare = d.prepare()
	case kindProvision:
		c.Provision = d.provision()
	case kindCommit:
		c.Commit = &CommitRecord{Txn: d.txn(), Attempt: d.attempt(), TS: d.ts()}
	case kindResolve:
		r := &Resolve{Txn: d.txn(), Attempt: d.attempt(), TS: d.ts()}
		f := d.flags(3)
		r.Commit, r.Final = f&1 != 0, f&2 != 0
		c.Resolve = r
	case kindTombstone:
		c.Tombstone = &Tombstone{Txn: d.txn(), Attempt: d.attempt(), TS: d.ts()}
	case kindForget:
		c.Forget = &Forget{Attempts: make([]AttemptID, d.count(4))}
		for i := range c.Forget.Attempts {
			c.Forget.Attempts[i] = AttemptID{Txn: d.txn(), Attempt: d.attempt()}
		}
	default:
		d.control(k, c)
	}
}

func (d *decoder) control(k kind, c *Command) {
	switch k {
	case kindFence:
		f := &Fence{Txn: d.txn(), Attempt: d.attempt(), Primary: topo.GroupID(d.uvarint()), Phase: FencePhase(d.u8())}
		f.Tables = d.tables()
		c.Fence = f
	case kindLease:
		c.Lease = &Lease{Epoch: topo.LeaseEpoch(d.uvarint()), Holder: topo.NodeID(d.u32()),
			Incarnation: d.uvarint(), AfterIndex: d.uvarint()}
	case kindHorizon:
		c.Horizon = &Horizon{TS: d.ts()}
	case kindSequence:
		q := &Sequence{ID: topo.StorageID(d.u32()), Last: d.varint()}
		f := d.flags(3)
		q.IsCalled, q.Drop = f&1 != 0, f&2 != 0
		c.Sequence = q
	case kindIngest:
		in := &Ingest{TS: d.ts(), Unique: d.flags(1) != 0}
		in.Entries = make([]Entry, d.count(2))
		for i := range in.Entries {
			in.Entries[i] = Entry{Key: d.bytes(), Value: d.bytes()}
		}
		c.Ingest = in
	case kindDrop:
		drop := &DropStorage{IDs: make([]topo.StorageID, d.count(1))}
		for i := range drop.IDs {
			drop.IDs[i] = topo.StorageID(d.u32())
		}
		c.Drop = drop
	case kindUpgrade:
		c.Upgrade = &Upgrade{Version: d.u8()}
	case kindRelease:
		c.Release = d.release()
	default:
		d.fail()
	}
}

func (d *decoder) release() *Release {
	r := &Release{ReadTS: d.ts()}
	if n := d.count(5); n > 0 {
		r.Locks = make([]HeldLock, n)
	}
	for i := range r.Locks {
		l := &r.Locks[i]
		l.Txn, l.Mode = d.txn(), lock.Mode(d.u8())
		if l.Mode < lock.KeyShare || l.Mode > lock.Update {
			d.fail()
		}
		l.Key = d.bytes()
	}
	return r
}

func (d *decoder) prepare() *Prepare {
	p := &Prepare{Txn: d.txn(), Attempt: d.attempt()}
	f := d.flags(3)
	p.OnePhase = f&1 != 0
	p.Primary = topo.GroupID(d.uvarint())
	p.Participants = d.groups()
	p.StartTS, p.MinTS = d.ts(), d.ts()
	p.Tables = d.tables()
	if n := d.count(5); n > 0 {
		p.Items = d.kept.take(n)
		for i := range p.Items {
			d.item(&p.Items[i])
		}
	}
	if f&2 != 0 {
		p.Provisioned = Provisioned{Count: d.uvarint(), Digest: d.u64(), RolledBack: d.ranges()}
	}
	return p
}

func (d *decoder) item(it *Item) {
	it.Kind, it.Mode = ItemKind(d.u8()), lock.Mode(d.u8())
	if it.Kind < ItemPut || it.Kind > ItemMoved || it.Mode > lock.Update {
		d.fail()
		return
	}
	f := d.flags(itemFlags)
	it.Key = d.bytes()
	it.Seen = d.ts()
	it.SeenAbsent, it.KeepsKey = f&itemAbsent != 0, f&itemKeepsKey != 0
	if f&itemHasEnd != 0 {
		it.End = d.bytes()
	}
	if f&itemHasValue != 0 {
		it.Value = d.bytes()
	}
	if f&itemHasF != 0 {
		it.F = d.ts()
	}
	if f&itemHasOrigin != 0 {
		it.Origin = d.bytes()
	}
}

func (d *decoder) op(op *ProvisionOp) {
	if len(d.b) < 8 {
		d.fail()
		return
	}
	op.Seq = binary.BigEndian.Uint64(d.b)
	d.b = d.b[8:]
	d.item(&op.Item)
}

func (d *decoder) provision() *Provision {
	p := &Provision{Txn: d.txn()}
	p.Ops = make([]ProvisionOp, d.count(13))
	for i := range p.Ops {
		d.op(&p.Ops[i])
	}
	return p
}
