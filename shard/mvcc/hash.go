package mvcc

import "sync/atomic"

// hashIndex finds a key's node in one or two cache misses, and that a key has none in one: most lookups of a store are of
// keys that did not change lately. It is split into parts by the hash's top bits, so that growing copies a small part only.
// One writer; readers load a part's table once and probe it.
type hashIndex struct{ parts [numParts]part }

const (
	partBits = 6
	numParts = 1 << partBits
)

type part struct {
	table atomic.Pointer[table]
	used  int // the writer's own
}

// table is an open-addressed, linearly probed table of 2^n slots, at most three quarters full. tags[i] is what the hash of
// the key in slot i says, 0 when it is free; it is set after nodes[i]. A search walks the tags, sixteen to a cache line, and
// looks at a node when the tag is the key's.
type table struct {
	tags  []atomic.Uint32
	nodes []atomic.Pointer[entry]
}

func newTable(size int) *table {
	return &table{tags: make([]atomic.Uint32, size), nodes: make([]atomic.Pointer[entry], size)}
}

// tagOf is a hash's tag. A bit of it that is set always tells it from a free slot's; a search begins at the other bits.
func tagOf(hash uint32) uint32 { return hash | 1<<31 }

func (x *hashIndex) find(hash uint64, key *target) *entry {
	t := x.parts[hash>>(64-partBits)].table.Load()
	if t == nil {
		return nil
	}
	mask, tag := uint32(len(t.tags)-1), tagOf(uint32(hash))
	for i := tag & mask; ; i = (i + 1) & mask {
		switch t.tags[i].Load() {
		case tag:
			if e := t.nodes[i].Load(); e.equals(key) {
				return e
			}
		case 0:
			return nil
		}
	}
}

func (x *hashIndex) add(hash uint64, e *entry) {
	p := &x.parts[hash>>(64-partBits)]
	t := p.table.Load()
	if t == nil || (p.used+1)*4 > len(t.tags)*3 {
		size := 16
		if t != nil {
			size = 2 * len(t.tags)
		}
		grown := newTable(size)
		if t != nil {
			for i := range t.tags {
				if tag := t.tags[i].Load(); tag != 0 {
					grown.place(tag, t.nodes[i].Load())
				}
			}
		}
		p.table.Store(grown)
		t = grown
	}
	t.place(tagOf(uint32(hash)), e)
	p.used++
}

func (t *table) place(tag uint32, e *entry) {
	mask := uint32(len(t.tags) - 1)
	i := tag & mask
	for t.tags[i].Load() != 0 {
		i = (i + 1) & mask
	}
	t.nodes[i].Store(e)
	t.tags[i].Store(tag)
}
