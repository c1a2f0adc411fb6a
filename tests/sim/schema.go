package sim

import (
	"encoding/binary"
	"hash/fnv"

	"github.com/pgmqdb/pgmqdb/shard/topo"
	"github.com/pgmqdb/pgmqdb/shard/txn"
)

// The tables of the workload, as storages.
const (
	parents       topo.StorageID = 10 // parent id -> note; what children reference while the catalog says so
	children      topo.StorageID = 11 // child id -> parent id
	byParent      topo.StorageID = 12 // (parent id, child id), beside the child
	rows          topo.StorageID = 13 // row id -> unique value
	values        topo.StorageID = 14 // unique value -> row id
	accounts      topo.StorageID = 15 // account -> balance
	doctors       topo.StorageID = 16 // doctor -> on call
	counters      topo.StorageID = 17 // one counter
	markers       topo.StorageID = 18 // two per writing transaction, in two groups
	grandchildren topo.StorageID = 19 // grandchild id -> child id; they reference children, always
	byChild       topo.StorageID = 20 // (child id, grandchild id), beside the grandchild
	registers     topo.StorageID = 21 // for the judge of linearizability
	serials       topo.StorageID = 22 // for the judge of serializability
	wanderers     topo.StorageID = 23 // rows that change their keys
)

// stored are the storages of a whole image, markers excepted.
var stored = []topo.StorageID{parents, children, byParent, rows, values, accounts, doctors, counters, grandchildren, byChild, serials,
	wanderers}

const (
	numParents   = 5
	numValues    = 5
	numAccounts  = 6
	numDoctors   = 2
	numRegisters = 2
	numSerials   = 4
	balance      = 100
)

func key(id topo.StorageID, parts ...uint32) []byte {
	b := topo.AppendStorageID(make([]byte, 0, 4+4*len(parts)), id)
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, p)
	}
	return b
}

// part returns column i of a key.
func part(k []byte, i int) uint32 { return binary.BigEndian.Uint32(k[4+4*i:]) }

func num(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

func toNum(b []byte) uint32 { return binary.BigEndian.Uint32(b) }

// at places a key by the hash of its first column and its storage's own salt: parents and children differ.
func (c *Cluster) at(id topo.StorageID, first uint32) topo.GroupID {
	h := fnv.New32a()
	h.Write(key(id, first))
	return topo.FirstDataGroup + topo.GroupID((h.Sum32()>>8)%uint32(len(c.groups)))
}

// row is a key placed by its first column.
func (c *Cluster) row(id topo.StorageID, first uint32) txn.Key {
	return txn.Key{Group: c.at(id, first), Bytes: key(id, first)}
}

// entry is the byParent entry of a child, beside it.
func (c *Cluster) entry(parent, child uint32) txn.Key {
	return txn.Key{Group: c.at(children, child), Bytes: key(byParent, parent, child)}
}

// entryOf is the byChild entry of a grandchild, beside it.
func (c *Cluster) entryOf(child, grandchild uint32) txn.Key {
	return txn.Key{Group: c.at(grandchildren, grandchild), Bytes: key(byChild, child, grandchild)}
}

func (c *Cluster) allGroups() []topo.GroupID { return groupIDs(c.groups) }
