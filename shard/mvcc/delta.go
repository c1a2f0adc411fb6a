// Package mvcc is the in-memory delta of a replica: the versions that were applied and not yet flushed to disk.
//
// A Delta is written by one goroutine (apply) and read by any number beside it, without locks. It only ever grows: a flush
// freezes the whole delta, writes it out and drops it, so nothing is removed from one. Each key is one node of a skip list
// (for order) that also hangs in a hash table (for point reads), and heads a chain of its versions, newest timestamp first.
//
// Every version carries the number of the command that wrote it. A reader fixes a bound when it starts and passes over what
// later commands wrote, so it sees commands whole, and a scan of any length costs the writer nothing. The alternative, a
// copy-on-write tree, makes each write after a scan began copy the path to its key, and needs a lock around the root.
package mvcc

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"sync/atomic"
	"unsafe"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Bound numbers the commands of one process's applying, from 1: a reader with bound b sees what commands <= b wrote.
type Bound uint64

// Unbounded sees everything; only the writing goroutine may use it.
const Unbounded = Bound(1<<flagShift - 1)

// Version is one version of a key. The chain's fields are set before the version is published and never change, but next.
type Version struct {
	TS    topo.Timestamp
	KeyTS topo.Timestamp // the key version: moved by insert, delete and key change only
	// data is nil for a tombstone and otherwise the value, or both behind what moved says (see appendMoved).
	data []byte
	seq  Bound // the command that wrote it, and flags in the top bits
	next atomic.Pointer[Version]
}

// Flags qualify a version for its readers and the flush. Those that a caller gives are hints about this replica's layers,
// never logged.
type Flags uint8

const (
	// Newest says that no older layer holds a version of the key with a timestamp at or above this one's.
	Newest Flags = 1 << iota
	// Lone says that no older layer holds any version of the key.
	Lone
	// moved says that the version tells where the row before it went. Put sets it.
	moved
)

const flagShift = 61

// Seq returns the number of the command that wrote the version.
func (v *Version) Seq() Bound { return v.seq & Unbounded }

// Flags returns the version's flags.
func (v *Version) Flags() Flags { return Flags(v.seq >> flagShift) }

// Tombstone reports whether the version is a deletion.
func (v *Version) Tombstone() bool { return v.Value() == nil }

// Value returns the version's value: nil for a tombstone, and otherwise not nil.
func (v *Version) Value() []byte {
	if v.Flags()&moved == 0 {
		return v.data
	}
	value, _ := splitMoved(v.data)
	return value
}

// Moved returns where the row went that was under the key until this version, nil when it went nowhere.
func (v *Version) Moved() []byte {
	if v.Flags()&moved == 0 {
		return nil
	}
	_, to := splitMoved(v.data)
	return to
}

// appendMoved appends the data of a version that tells where the row before it went: few do, so that the others need no
// room for it.
func appendMoved(buf, to, value []byte) []byte {
	live := byte(0)
	if value != nil {
		live = 1
	}
	buf = binary.AppendUvarint(append(buf, live), uint64(len(to)))
	return append(append(buf, to...), value...)
}

func splitMoved(data []byte) (value, to []byte) {
	n, w := binary.Uvarint(data[1:])
	from, end := 1+w, 1+w+int(n)
	if data[0] != 0 {
		value = data[end:len(data):len(data)]
	}
	return value, data[from:end:end]
}

// Next returns the version before v in time, or nil.
func (v *Version) Next() *Version { return v.next.Load() }

const maxHeight = 14

// entry is a key's node. At level 0 the list is linked both ways; a reader that walks back may miss a node inserted after
// it began, which its bound would hide anyway.
//
// It fills one cache line. The key's first bytes are repeated in it as numbers, so that a search compares most nodes without
// touching their keys' memory.
type entry struct {
	prefix [2]uint64 // prefixBytes, big-endian, zero-padded
	data   *byte
	size   uint32
	head   atomic.Pointer[Version] // never nil once linked
	next0  atomic.Pointer[entry]
	prev0  atomic.Pointer[entry] // nil: the list's head
	tower  *[maxHeight - 1]atomic.Pointer[entry]
}

func (e *entry) key() []byte { return unsafe.Slice(e.data, e.size) }

// target is a key that a search looks for.
type target struct {
	key    []byte
	prefix [2]uint64
}

func newTarget(key []byte) target { return target{key, prefixOf(key)} }

func prefixOf(key []byte) (p [2]uint64) {
	if len(key) >= 16 {
		return [2]uint64{binary.BigEndian.Uint64(key), binary.BigEndian.Uint64(key[8:])}
	}
	var b [16]byte
	copy(b[:], key)
	return [2]uint64{binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint64(b[8:])}
}

// before reports whether the node's key sorts before the target. Where the prefixes differ they decide, padded or not:
// a padding zero sorts as the end of a key does. Where they are equal and one key ends within them, the longer key goes on
// with zeroes, and sorts behind.
func (e *entry) before(t *target) bool {
	if e.prefix[0] != t.prefix[0] {
		return e.prefix[0] < t.prefix[0]
	}
	if e.prefix[1] != t.prefix[1] {
		return e.prefix[1] < t.prefix[1]
	}
	if e.size <= prefixBytes || len(t.key) <= prefixBytes {
		return int(e.size) < len(t.key)
	}
	return bytes.Compare(e.key(), t.key) < 0
}

// equals reports whether the node's key is the target.
func (e *entry) equals(t *target) bool {
	return int(e.size) == len(t.key) && e.prefix == t.prefix && (e.size <= prefixBytes || bytes.Equal(e.key(), t.key))
}

const prefixBytes = 16

func (e *entry) next(level int) *entry {
	if level == 0 {
		return e.next0.Load()
	}
	return e.tower[level-1].Load()
}

func (e *entry) setNext(level int, n *entry) {
	if level == 0 {
		e.next0.Store(n)
	} else {
		e.tower[level-1].Store(n)
	}
}

// Delta holds versions by key and time. Create one with New.
type Delta struct {
	head   entry // before all keys; its tower is full
	tail   atomic.Pointer[entry]
	height atomic.Int32
	index  hashIndex
	runs   atomic.Pointer[[]*run] // what large commits wrote; nil: none
	bytes  atomic.Int64
	keys   int64
	count  int64

	// The writer's own: where the last insertion was, so that sorted input does not search from the top; the random
	// state of tower heights; and slabs that nodes, versions, towers and bytes are cut from.
	splice   [maxHeight]*entry
	rng      uint64
	nodes    nodeSlabs
	versions []Version
	data     []byte
}

// What a key and a version cost beside their bytes.
const (
	entryBytes   = 64 + 21
	versionBytes = 56
)

var (
	seed  = maphash.MakeSeed()
	empty = []byte{}
)

// New returns an empty delta.
func New() *Delta {
	d := &Delta{rng: 0x9E3779B97F4A7C15}
	d.head.tower = new([maxHeight - 1]atomic.Pointer[entry])
	d.height.Store(1)
	for i := range d.splice {
		d.splice[i] = &d.head
	}
	return d
}

// Bytes returns about how much memory the delta holds.
func (d *Delta) Bytes() int64 { return d.bytes.Load() }

// Keys and Versions count; only the writer may ask, or anyone once the delta is frozen.
func (d *Delta) Keys() int64 { return d.keys }

// Versions returns the number of versions.
func (d *Delta) Versions() int64 { return d.count }

// Copy returns a copy of b in the delta's memory, for keys and values whose bytes belong to someone else.
// The copy is never nil.
func (d *Delta) Copy(b []byte) []byte {
	if len(b) == 0 {
		return empty
	}
	if len(b) > len(d.data) {
		if len(b) > 4<<10 {
			return append(make([]byte, 0, len(b)), b...)
		}
		d.data = make([]byte, 64<<10)
	}
	c := d.data[:len(b):len(b)]
	d.data = d.data[len(b):]
	copy(c, b)
	return c
}

// Put adds a version of key, which it replaces when it has the same timestamp. With copied set, key and value are the
// delta's to keep; otherwise it copies them. A nil value is a tombstone. to, if not nil, is where the row that the version
// replaces went.
func (d *Delta) Put(key []byte, ts, keyTS topo.Timestamp, value, to []byte, seq Bound, flags Flags, copied bool) {
	if len(d.versions) == 0 {
		d.versions = make([]Version, 128)
	}
	v := &d.versions[0]
	d.versions = d.versions[1:]
	switch {
	case to != nil:
		flags |= moved
		v.data = appendMoved(make([]byte, 0, 1+binary.MaxVarintLen64+len(to)+len(value)), to, value)
	case value != nil && copied:
		v.data = value
	case value != nil:
		v.data = d.Copy(value)
	}
	v.TS, v.KeyTS, v.seq = ts, keyTS, seq|Bound(flags)<<flagShift
	d.count++
	size := int64(versionBytes + len(v.data))
	h, t := maphash.Bytes(seed, key), newTarget(key)
	if e := d.index.find(h, &t); e != nil {
		e.add(v)
	} else {
		if !copied {
			key = d.Copy(key)
		}
		size += int64(entryBytes + len(key))
		t.key = key
		d.insert(&t, h, v)
	}
	d.bytes.Add(size)
}

// add links v into the chain by its timestamp. Readers see the chain with or without v, never broken.
func (e *entry) add(v *Version) {
	link := &e.head
	cur := link.Load()
	for cur != nil && cur.TS > v.TS {
		link = &cur.next
		cur = link.Load()
	}
	if cur != nil && cur.TS == v.TS {
		v.next.Store(cur.next.Load())
	} else {
		v.next.Store(cur)
	}
	link.Store(v)
}

func (d *Delta) randomHeight() int {
	d.rng ^= d.rng << 13
	d.rng ^= d.rng >> 7
	d.rng ^= d.rng << 17
	h, r := 1, d.rng
	for h < maxHeight && r&3 == 0 {
		h++
		r >>= 2
	}
	return h
}

// insert links a new key: into the skip list from the bottom up, then into the hash index.
func (d *Delta) insert(t *target, hash uint64, v *Version) {
	height := d.randomHeight()
	e, ref := d.nodes.take(&d.index, height)
	e.prefix, e.data, e.size = t.prefix, unsafe.SliceData(t.key), uint32(len(t.key))
	e.head.Store(v)
	d.seek(t)
	for l := 0; l < height; l++ {
		e.setNext(l, d.splice[l].next(l))
	}
	if d.splice[0] != &d.head {
		e.prev0.Store(d.splice[0])
	}
	succ := e.next0.Load()
	for l := 0; l < height; l++ {
		d.splice[l].setNext(l, e)
		d.splice[l] = e
	}
	if succ != nil {
		succ.prev0.Store(e)
	} else {
		d.tail.Store(e)
	}
	if int32(height) > d.height.Load() {
		d.height.Store(int32(height))
	}
	d.keys++
	d.index.add(hash, ref)
}

// seek sets splice[l] to the last node before key at each level, starting from the lowest level whose old splice still
// brackets key: that is level 0 for sorted input.
func (d *Delta) seek(t *target) {
	top := int(d.height.Load())
	l := 0
	for ; l < top; l++ {
		p := d.splice[l]
		if p != &d.head && !p.before(t) {
			continue
		}
		if n := p.next(l); n == nil || !n.before(t) {
			break
		}
	}
	p := &d.head
	if l < top {
		p = d.splice[l]
	}
	for l--; l >= 0; l-- {
		for n := p.next(l); n != nil && n.before(t); n = p.next(l) {
			p = n
		}
		d.splice[l] = p
	}
}

// Get returns the newest version of key with a timestamp <= ts that the bound admits, or nil.
func (d *Delta) Get(key []byte, ts topo.Timestamp, bound Bound) *Version {
	t := newTarget(key)
	e := d.index.find(maphash.Bytes(seed, key), &t)
	var v *Version
	if e != nil {
		v = visible(e.head.Load(), ts, bound)
	}
	if runs := d.runs.Load(); runs != nil {
		v = newestInRuns(*runs, v, key, ts, bound)
	}
	return v
}

func visible(v *Version, ts topo.Timestamp, bound Bound) *Version {
	for v != nil && (v.TS > ts || v.Seq() > bound) {
		v = v.next.Load()
	}
	return v
}
