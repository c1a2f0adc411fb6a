// Package topo holds the numbers and maps that placement needs: nodes, raft groups, hash slots, timestamps, epochs and
// versions. It knows no table's meaning and no constraint; every package under shard and the catalog name things by it.
package topo

import (
	"encoding/binary"
	"fmt"
)

// Timestamp orders commits and snapshots over the whole cluster. It is a counter handed out by the timestamp oracle, not
// a clock reading. Zero means "none". A snapshot at T sees exactly the versions whose commit timestamp is <= T.
type Timestamp uint64

// MaxTimestamp is later than every timestamp that the oracle hands out; a read at it sees the latest committed version.
const MaxTimestamp Timestamp = 1<<63 - 1

// NodeID names a node for ever; it is never reused after a node was removed.
type NodeID uint32

// GroupID names a raft group.
type GroupID uint64

// CatalogGroup is the one raft group that holds the catalog; data groups follow it.
const (
	CatalogGroup   GroupID = 1
	FirstDataGroup GroupID = 2
)

// Slot is the hash bucket of a distribution key: 0 <= Slot < NumSlots.
type Slot uint16

// NumSlots is fixed for the life of a cluster: stored rows were placed by it.
const NumSlots = 1024

// LeaseEpoch counts the leaseholders of one group; it only grows. Zero means that no lease was ever taken.
type LeaseEpoch uint64

// LivenessEpoch counts the incarnations of one node process as the catalog group knows them.
type LivenessEpoch uint32

// TableID is a table's OID.
type TableID uint32

// StorageID names one key range of rows or index entries. TRUNCATE and rewrites give a table new ones. It leads every key.
type StorageID uint32

// SchemaVersion counts the published changes of one table's descriptor, and of the foreign keys that reach it.
type SchemaVersion uint64

// TableVersion says which version of a table a command was planned against.
type TableVersion struct {
	Table   TableID
	Version SchemaVersion
}

// TxnID names a transaction: the node that coordinates it, that node's liveness epoch, and a counter.
type TxnID struct {
	Node  NodeID
	Epoch LivenessEpoch
	Seq   uint64
}

// IsZero reports whether the id names no transaction.
func (t TxnID) IsZero() bool { return t == TxnID{} }

// XID is the id in the 32 bits that PostgreSQL's transaction ids have: xmin of the rows that the transaction writes. Of one
// node's process it counts up; two transactions of different processes have the same by chance alone.
func (t TxnID) XID() uint32 {
	x := uint32(t.Seq)
	if t.Node > 1 || t.Epoch > 1 {
		h := (uint64(t.Node)<<32 ^ uint64(t.Epoch)) * 0x9e3779b97f4a7c15
		x += uint32(h >> 32)
	}
	return max(x, firstXID)
}

// firstXID is the first id of a transaction in PostgreSQL: 0 to 2 mean something else.
const firstXID = 3

// XID is the id that stands for the transaction of a timestamp, where nothing else says which it was.
func (t Timestamp) XID() uint32 { return max(uint32(t), firstXID) }

// Less orders ids, for deterministic iteration only.
func (t TxnID) Less(u TxnID) bool {
	if t.Node != u.Node {
		return t.Node < u.Node
	}
	if t.Epoch != u.Epoch {
		return t.Epoch < u.Epoch
	}
	return t.Seq < u.Seq
}

func (t TxnID) String() string { return fmt.Sprintf("%d.%d.%d", t.Node, t.Epoch, t.Seq) }

// Attempt counts the tries of one transaction's commit, from 1.
type Attempt uint32

// SlotMap says which data group serves each slot. It is immutable once published.
type SlotMap struct {
	Version uint64
	Groups  [NumSlots]GroupID
}

// NewSlotMap spreads the slots evenly over n data groups (n >= 1), round robin.
func NewSlotMap(n int) *SlotMap {
	m := &SlotMap{Version: 1}
	for i := range m.Groups {
		m.Groups[i] = FirstDataGroup + GroupID(i%n)
	}
	return m
}

// Group returns the data group of a slot.
func (m *SlotMap) Group(s Slot) GroupID { return m.Groups[s%NumSlots] }

// DataGroups returns the distinct groups of the map in ascending order.
func (m *SlotMap) DataGroups() []GroupID {
	seen := map[GroupID]bool{}
	var out []GroupID
	for _, g := range m.Groups {
		if !seen[g] {
			seen[g] = true
			out = append(out, g)
		}
	}
	for i := 1; i < len(out); i++ {
		for j := i; j > 0 && out[j] < out[j-1]; j-- {
			out[j], out[j-1] = out[j-1], out[j]
		}
	}
	return out
}

// AppendStorageID starts a key: four big-endian bytes, so that one storage is one contiguous range.
func AppendStorageID(buf []byte, id StorageID) []byte {
	return binary.BigEndian.AppendUint32(buf, uint32(id))
}

// KeyStorageID reads the storage id that leads a key; ok is false when the key is too short to have one.
func KeyStorageID(key []byte) (id StorageID, ok bool) {
	if len(key) < 4 {
		return 0, false
	}
	return StorageID(binary.BigEndian.Uint32(key)), true
}
