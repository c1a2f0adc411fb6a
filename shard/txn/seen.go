package txn

import (
	"hash/maphash"

	"github.com/pgmqdb/pgmqdb/shard/lock"
	"github.com/pgmqdb/pgmqdb/shard/topo"
)

var hashSeed = maphash.MakeSeed()

func hashKey(key []byte) uint64 { return max(maphash.Bytes(hashSeed, key), 1) }

// seenVersion packs a version seen, whether it was an absence, and whether the key was written or only locked.
type seenVersion uint64

// seenWritten is the bit of a key that was written.
const seenWritten seenVersion = 2

func packSeen(e *entry) seenVersion {
	s := seenVersion(e.seenTS) << 2
	if e.seenAbsent || e.mode == lock.None {
		s |= 1
	}
	if e.last != nil {
		s |= seenWritten
	}
	return s
}

func (s seenVersion) ts() topo.Timestamp { return topo.Timestamp(s >> 2) }
func (s seenVersion) absent() bool       { return s&1 != 0 }
func (s seenVersion) written() bool      { return s&seenWritten != 0 }

// seenTable maps the hashes of keys to versions seen: open addressing, 9 bytes a slot. Few versions are different (an
// insert's are all absences, a table loaded at once has one), so that a slot has a version's number; the versions of those
// beyond the first maxCodes are in a map.
type seenTable struct {
	hashes []uint64 // 0: free; a power of two of them
	codes  []uint8
	n      int
	values []seenVersion         // by code
	code   map[seenVersion]uint8 // the way back
	others map[uint64]seenVersion
}

const (
	maxCodes  = 255
	codeOther = 255
)

// slot returns where a hash is or would be.
func (t *seenTable) slot(hash uint64) int {
	mask := len(t.hashes) - 1
	i := int(hash) & mask
	for t.hashes[i] != 0 && t.hashes[i] != hash {
		i = (i + 1) & mask
	}
	return i
}

func (t *seenTable) get(hash uint64) (seenVersion, bool) {
	if t.n == 0 {
		return 0, false
	}
	i := t.slot(hash)
	switch {
	case t.hashes[i] == 0:
		return 0, false
	case t.codes[i] == codeOther:
		return t.others[hash], true
	}
	return t.values[t.codes[i]], true
}

func (t *seenTable) put(hash uint64, s seenVersion) {
	if 8*(t.n+1) > 7*len(t.hashes) {
		t.grow()
	}
	i := t.slot(hash)
	if t.hashes[i] == 0 {
		t.hashes[i] = hash
		t.n++
	} else if t.codes[i] == codeOther {
		delete(t.others, hash)
	}
	c, ok := t.code[s]
	switch {
	case ok:
	case len(t.values) < maxCodes:
		if t.code == nil {
			t.code = map[seenVersion]uint8{}
		}
		c = uint8(len(t.values))
		t.values = append(t.values, s)
		t.code[s] = c
	default:
		if t.others == nil {
			t.others = map[uint64]seenVersion{}
		}
		c, t.others[hash] = codeOther, s
	}
	t.codes[i] = c
}

func (t *seenTable) grow() {
	hashes, codes := t.hashes, t.codes
	n := max(64, 2*len(hashes))
	t.hashes, t.codes = make([]uint64, n), make([]uint8, n)
	for i, h := range hashes {
		if h != 0 {
			j := t.slot(h)
			t.hashes[j], t.codes[j] = h, codes[i]
		}
	}
}
