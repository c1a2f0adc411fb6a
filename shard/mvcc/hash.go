package mvcc

import "sync/atomic"

// hashIndex finds a key's node in one or two cache misses, and that a key has none in one: most lookups of a store are of
// keys that did not change lately. It is split into parts by the hash's top bits, so that growing copies a small part only.
// One writer; readers load a part's table once and probe it.
type hashIndex struct {
	parts [numParts]part
	// The slabs of nodes, which references count through.
	flat  atomic.Pointer[[]*flatSlab]
	talls atomic.Pointer[[]*tallSlab]
}

const (
	partBits = 6
	numParts = 1 << partBits
)

type part struct {
	table atomic.Pointer[table]
	used  int // the writer's own
}

// table is an open-addressed, linearly probed table of 2^n slots, at most three quarters full. tags[i] is what the hash of
// the key in slot i says, 0 when it is free; it is set after refs[i], which says which node is the key's. A search walks the
// tags, sixteen to a cache line, and looks at a node when the tag is the key's. There are no pointers in it: the garbage
// collector passes it over.
type table struct{ tags, refs []atomic.Uint32 }

func newTable(size int) *table {
	return &table{tags: make([]atomic.Uint32, size), refs: make([]atomic.Uint32, size)}
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
			if e := x.node(nodeRef(t.refs[i].Load())); e.equals(key) {
				return e
			}
		case 0:
			return nil
		}
	}
}

func (x *hashIndex) add(hash uint64, ref nodeRef) {
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
					grown.place(tag, t.refs[i].Load())
				}
			}
		}
		p.table.Store(grown)
		t = grown
	}
	t.place(tagOf(uint32(hash)), uint32(ref))
	p.used++
}

func (t *table) place(tag, ref uint32) {
	mask := uint32(len(t.tags) - 1)
	i := tag & mask
	for t.tags[i].Load() != 0 {
		i = (i + 1) & mask
	}
	t.refs[i].Store(ref)
	t.tags[i].Store(tag)
}

// nodeRef says which node of the slabs one is: its number among those of its kind, and tallRef for a tall one.
type nodeRef uint32

const (
	tallRef   = 1 << 31
	flatNodes = 128 // of a slab
	tallNodes = 32
)

type (
	flatSlab [flatNodes]entry
	tallSlab [tallNodes]tall
)

// tall is a node of more than one level, its tower beside it.
type tall struct {
	entry
	tower [maxHeight - 1]atomic.Pointer[entry]
}

// node returns the node of a reference that was read from a slot.
func (x *hashIndex) node(r nodeRef) *entry {
	if r&tallRef != 0 {
		r &^= tallRef
		return &(*x.talls.Load())[r/tallNodes][r%tallNodes].entry
	}
	return &(*x.flat.Load())[r/flatNodes][r%flatNodes]
}

// nodeSlabs hands out nodes. A slab is in the index before a reference to a node of it is.
type nodeSlabs struct {
	flat   []*flatSlab
	talls  []*tallSlab
	nFlat  uint32
	nTalls uint32
}

func (n *nodeSlabs) take(x *hashIndex, height int) (*entry, nodeRef) {
	if height > 1 {
		i := n.nTalls
		if i%tallNodes == 0 {
			n.talls = append(n.talls, new(tallSlab))
			list := n.talls
			x.talls.Store(&list)
		}
		n.nTalls++
		t := &n.talls[i/tallNodes][i%tallNodes]
		t.entry.tower = &t.tower
		return &t.entry, nodeRef(i | tallRef)
	}
	i := n.nFlat
	if i%flatNodes == 0 {
		n.flat = append(n.flat, new(flatSlab))
		list := n.flat
		x.flat.Store(&list)
	}
	n.nFlat++
	return &n.flat[i/flatNodes][i%flatNodes], nodeRef(i)
}
