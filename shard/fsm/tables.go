package fsm

import (
	"bytes"
	"slices"
	"sort"
	"sync"

	"github.com/tidwall/btree"

	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/mvcc"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// tables is all of a replica's state but the versions: what the log decided, as plain data. records.go encodes it, field
// by field, for the file and for snapshots alike; a test fails when a field is missing there. Fields that are derived or
// only say what to write next are in transient, not here.
type tables struct {
	index   uint64 // of the last applied log entry
	version uint8  // the cluster version: the newest command format admitted
	lease   LeaseInfo
	// released is set between the Release of lease's epoch and the Lease of the next; immutable.
	released *Release
	horizon  topo.Timestamp
	// maxTS is the highest commit timestamp of any version here.
	maxTS topo.Timestamp
	// readFloor is the highest commit timestamp of a resolved SERIALIZABLE read range: later prepares commit at or above it.
	// Not above it, or a row of such transactions that began before the first committed would climb, one timestamp each,
	// away from the last one that the oracle has handed out, and a snapshot drawn after their acknowledgement would miss
	// them. Equal timestamps suffice: every snapshot has both transactions or neither, and both cannot have read what the
	// other replaced, as a range is refused when it holds a version above its snapshot.
	readFloor topo.Timestamp

	schema    map[topo.TableID]tableState
	dropped   []topo.StorageID // sorted, for ever; copied on change, because readers hold it
	pendings  map[topo.TxnID]*pending
	intents   map[topo.TxnID]*intents
	outcomes  map[attemptID]outcome
	members   map[attemptID][]topo.GroupID // participants of committed attempts whose primary this is
	shares    map[string]topo.Timestamp    // share_ts of rule R2; at or below the horizon means absent
	sequences map[topo.StorageID]SequenceState
}

func newTables() tables {
	return tables{
		version:   1,
		schema:    map[topo.TableID]tableState{},
		pendings:  map[topo.TxnID]*pending{},
		intents:   map[topo.TxnID]*intents{},
		outcomes:  map[attemptID]outcome{},
		members:   map[attemptID][]topo.GroupID{},
		shares:    map[string]topo.Timestamp{},
		sequences: map[topo.StorageID]SequenceState{},
	}
}

// attemptID names one try of one transaction.
type attemptID struct {
	txn     topo.TxnID
	attempt topo.Attempt
}

func (a attemptID) compare(b attemptID) int {
	switch {
	case a.txn.Less(b.txn):
		return -1
	case b.txn.Less(a.txn):
		return 1
	case a.attempt != b.attempt:
		if a.attempt < b.attempt {
			return -1
		}
		return 1
	}
	return 0
}

// outcome is a finished attempt. It goes once it is forgotten and the horizon has reached ts.
type outcome struct {
	code      OutcomeCode // OutcomeCommitted or OutcomeAborted
	forgotten bool
	primary   topo.GroupID
	// ts is the commit timestamp, or of an aborted attempt a timestamp that its start does not exceed.
	ts topo.Timestamp
}

// tableState is a table's admitted version, and the fence that is up.
type tableState struct {
	version topo.SchemaVersion // prepares of older versions are refused
	fenced  bool
	next    topo.SchemaVersion // admitted once the fence opens
	txn     topo.TxnID
	attempt topo.Attempt
	primary topo.GroupID
}

// pending is a prepared attempt. It is immutable once published, but for derived hints.
type pending struct {
	txn          topo.TxnID
	attempt      topo.Attempt
	primary      topo.GroupID
	participants []topo.GroupID
	min          topo.Timestamp
	start        topo.Timestamp
	schema       []topo.TableVersion
	items        []pendItem
	wide         bool // they are in State.wide
	ranges       []pendRange
	// net lists the provisional operations that commit with the attempt, by key; netKeyTS the key versions that those
	// with KeepsKey inherit (nil when there is none).
	provisioned bool
	in          *intents // theirs; nil when nothing was provisioned
	rolledBack  []SeqRange
	net         []opRef
	netKeyTS    []topo.Timestamp
}

// pendItem is a write, lock or mark on a key that waits for its attempt's outcome.
type pendItem struct {
	kind  ItemKind
	mode  lock.Mode // the strength with which it conflicts
	hints mvcc.Flags
	key   []byte
	value []byte         // nil: deletes, or writes nothing
	moved []byte         // where the row that was under the key went; nil: nowhere
	keyTS topo.Timestamp // the key version that a KeepsKey put inherits; 0: the commit timestamp
}

type pendRange struct{ lo, hi []byte }

func (k ItemKind) writes() bool { return k >= ItemPut && k <= ItemDeleteEntry }

func (p *pending) id() attemptID { return attemptID{p.txn, p.attempt} }

func (p *pending) public(key []byte) *Pending {
	return &Pending{Txn: p.txn, Attempt: p.attempt, Primary: p.primary, Min: p.min, Key: bytes.Clone(key)}
}

// pendRef is an item of a pending in the ordered index.
type pendRef struct {
	key  []byte
	p    *pending
	item int
}

func pendRefLess(a, b pendRef) bool {
	if c := bytes.Compare(a.key, b.key); c != 0 {
		return c < 0
	}
	if a.p != b.p {
		if a.p == nil || b.p == nil {
			return a.p == nil
		}
		return a.p.txn.Less(b.p.txn)
	}
	return a.item < b.item
}

// opRef is where a provisional operation is: its chunk in the upper half, its offset there in the lower. In a net list the
// top bits say more: that an earlier operation on the key changed the key, so that the last one's KeepsKey does not hold,
// and that an earlier one relied on another version than the last one, so that not both can hold.
type opRef uint64

const (
	refKeyChanged  opRef = 1 << 63
	refTwoVersions opRef = 1 << 62
	refFlags             = refKeyChanged | refTwoVersions
)

// firstProbe is the chunk number from which on references lead to probes: what a search looks for, as the head of an
// operation.
const (
	firstProbe = 1 << 29
	numProbes  = 4
)

// intents are a transaction's provisional operations, in the order and the encoding in which they came (appendOp), and an
// index by key. Readers of the own transaction hold mu; once prepared nothing is added.
type intents struct {
	txn    topo.TxnID
	chunks [][]byte

	mu     sync.RWMutex
	index  *btree.BTreeG[opRef]
	hint   btree.PathHint
	digest uint64 // the sum of HashOp over all operations

	// probes are in use while probing lacks their number.
	probes  [numProbes][]byte
	probing chan int
}

// opClass separates operations on one key that do not replace each other.
func opClass(k ItemKind) byte {
	if k.writes() {
		return byte(ItemPut)
	}
	return byte(k)
}

func newIntents(txn topo.TxnID) *intents {
	in := &intents{txn: txn, probing: make(chan int, numProbes)}
	for i := range numProbes {
		in.probing <- i
	}
	in.dropIndex()
	return in
}

// dropIndex empties the index: what commits is found by its net operations.
func (in *intents) dropIndex() {
	in.mu.Lock()
	in.index, in.hint = btree.NewBTreeGOptions(in.less, btree.Options{NoLocks: true}), btree.PathHint{}
	in.mu.Unlock()
}

// opHeadBytes is what precedes an operation's key: number, kind, mode and flags.
const opHeadBytes = 11

// head decodes what orders an operation.
func (in *intents) head(r opRef) (key []byte, class byte, seq uint64) {
	d := decoder{b: in.at(r)}
	b := d.b
	seq = uint64(b[0])<<56 | uint64(b[1])<<48 | uint64(b[2])<<40 | uint64(b[3])<<32 | uint64(b[4])<<24 | uint64(b[5])<<16 |
		uint64(b[6])<<8 | uint64(b[7])
	class = opClass(ItemKind(b[8]))
	d.b = b[opHeadBytes:]
	return d.bytes(), class, seq
}

func (in *intents) less(a, b opRef) bool {
	ka, ca, sa := in.head(a)
	kb, cb, sb := in.head(b)
	if c := bytes.Compare(ka, kb); c != 0 {
		return c < 0
	}
	if ca != cb {
		return ca < cb
	}
	return sa < sb
}

// seekGE moves the iterator to the first operation on a key >= key.
func (in *intents) seekGE(it *btree.IterG[opRef], key []byte) bool {
	i := <-in.probing
	// The number 0 and no kind: before every operation on the key.
	in.probes[i] = appendBytes(append(in.probes[i][:0], make([]byte, opHeadBytes)...), key)
	ok := it.Seek(opRef(firstProbe+i) << 32)
	in.probing <- i
	return ok
}

// op decodes an operation; it aliases the chunk.
func (in *intents) op(r opRef) (op ProvisionOp) {
	d := decoder{b: in.at(r)}
	d.op(&op)
	if r&refKeyChanged != 0 {
		op.Item.KeepsKey = false
	}
	return op
}

func (in *intents) at(r opRef) []byte {
	n := r &^ refFlags >> 32
	if n >= firstProbe {
		return in.probes[n-firstProbe]
	}
	return in.chunks[n][uint32(r):]
}

// add appends the operations that are not there yet as one chunk and reports whether there were any. It encodes them in
// scratch, which it returns for the next time: a transaction's chunks are as long as they must be.
func (in *intents) add(ops []ProvisionOp, scratch []byte) (any bool, _ []byte) {
	in.mu.Lock()
	defer in.mu.Unlock()
	n := len(in.chunks)
	in.chunks = append(in.chunks, nil)
	chunk := scratch[:0]
	for i := range ops {
		off := len(chunk)
		chunk = appendOp(chunk, &ops[i])
		in.chunks[n] = chunk
		if !in.link(n, off) {
			chunk = chunk[:off]
		}
	}
	if len(chunk) == 0 {
		in.chunks = in.chunks[:n]
		return false, chunk
	}
	in.chunks[n] = bytes.Clone(chunk)
	return true, chunk
}

// link indexes the operation that ends chunk n; false when its number is there already under that key.
func (in *intents) link(n, off int) bool {
	item := opRef(n)<<32 | opRef(off)
	if first, dup := in.index.SetHint(item, &in.hint); dup {
		in.index.SetHint(first, &in.hint)
		return false
	}
	in.digest += hash64(0, in.chunks[n][off:])
	return true
}

// bytes returns the size of the operations.
func (in *intents) bytes() (n int) {
	for _, chunk := range in.chunks {
		n += len(chunk)
	}
	return n
}

// restore adds a chunk that was stored.
func (in *intents) restore(chunk []byte) bool {
	n := len(in.chunks)
	in.chunks = append(in.chunks, chunk)
	for off := 0; off < len(chunk); {
		d := decoder{b: chunk[off:]}
		var op ProvisionOp
		if d.op(&op); d.bad {
			return false
		}
		end := len(chunk) - len(d.b)
		in.index.SetHint(opRef(n)<<32|opRef(off), &in.hint)
		in.digest += hash64(0, chunk[off:end])
		off = end
	}
	return true
}

func inRanges(ranges []SeqRange, seq uint64) bool {
	for _, r := range ranges {
		if seq >= r.First && seq < r.End {
			return true
		}
	}
	return false
}

// sameVersion reports whether two operations on one key, of one class, can both have been validated.
func sameVersion(a, b *Item) bool {
	if a.Kind == ItemExclusive || a.Kind == ItemMoved {
		return true // the later scan of the children counts, and the later move
	}
	return a.SeenAbsent == b.SeenAbsent && (a.SeenAbsent || a.Seen == b.Seen)
}

// netOps returns what the operations come to: of each key and class the last one that was not rolled back, in key order.
func (in *intents) netOps(rolledBack []SeqRange) []opRef {
	net := make([]opRef, 0, in.index.Len())
	var lastKey []byte
	var lastClass byte
	in.index.Scan(func(r opRef) bool {
		key, class, seq := in.head(r)
		if inRanges(rolledBack, seq) {
			return true
		}
		if n := len(net); n > 0 && class == lastClass && ItemKind(class) != ItemReadRange && bytes.Equal(key, lastKey) {
			prev, this := in.op(net[n-1]), in.op(r)
			if !prev.Item.KeepsKey {
				r |= refKeyChanged
			}
			if net[n-1]&refTwoVersions != 0 || !sameVersion(&prev.Item, &this.Item) {
				r |= refTwoVersions
			}
			net[n-1] = r
		} else {
			net = append(net, r)
		}
		lastKey, lastClass = key, class
		return true
	})
	return net
}

// netMoved returns where the row under the key of net operation i went. Of the operations on one key ItemMoved comes last.
func (p *pending) netMoved(i int) []byte {
	key, _, _ := p.in.head(p.net[i])
	for i++; i < len(p.net); i++ {
		k, class, _ := p.in.head(p.net[i])
		if !bytes.Equal(k, key) {
			break
		}
		if ItemKind(class) == ItemMoved {
			if op := p.in.op(p.net[i]); len(op.Item.Value) > 0 {
				return op.Item.Value
			}
		}
	}
	return nil
}

// netSearch returns the position of the first net operation with a key >= key.
func (p *pending) netSearch(key []byte) int {
	return sort.Search(len(p.net), func(i int) bool {
		k, _, _ := p.in.head(p.net[i])
		return bytes.Compare(k, key) >= 0
	})
}

func hasStorage(ids []topo.StorageID, key []byte) bool {
	if len(ids) == 0 {
		return false
	}
	id, ok := topo.KeyStorageID(key)
	if !ok {
		return false
	}
	_, found := slices.BinarySearch(ids, id)
	return found
}
