package mvcc

import "sync/atomic"

// hashIndex finds a key's node in one or two cache misses. It is split into parts by the hash's top bits, so that growing
// copies a small part only. One writer; readers load a part's table once and probe it.
type hashIndex struct{ parts [numParts]part }

const (
	partBits = 6
	numParts = 1 << partBits
)

type part struct {
	table atomic.Pointer[table]
	used  int // the writer's own
}

// table is an open-addressed, linearly probed table of 2^n slots, at most three quarters full.
type table struct{ slots []atomic.Pointer[entry] }

func (x *hashIndex) find(hash uint64, key *target) *entry {
	t := x.parts[hash>>(64-partBits)].table.Load()
	if t == nil {
		return nil
	}
	mask := uint32(len(t.slots) - 1)
	for i := uint32(hash) & mask; ; i = (i + 1) & mask {
		e := t.slots[i].Load()
		if e == nil {
			return nil
		}
		if e.hash == uint32(hash) && e.equals(key) {
			return e
		}
	}
}

func (x *hashIndex) add(hash uint64, e *entry) {
	p := &x.parts[hash>>(64-partBits)]
	t := p.table.Load()
	if t == nil || (p.used+1)*4 > len(t.slots)*3 {
		size := 16
		if t != nil {
			size = 2 * len(t.slots)
		}
		grown := &table{slots: make([]atomic.Pointer[entry], size)}
		if t != nil {
			for i := range t.slots {
				if old := t.slots[i].Load(); old != nil {
					grown.place(old)
				}
			}
		}
		p.table.Store(grown)
		t = grown
	}
	t.place(e)
	p.used++
}

func (t *table) place(e *entry) {
	mask := uint32(len(t.slots) - 1)
	i := e.hash & mask
	for t.slots[i].Load() != nil {
		i = (i + 1) & mask
	}
	t.slots[i].Store(e)
}
