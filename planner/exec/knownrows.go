package exec

import (
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// knownRows is the set of rows that a recursive UNION has seen. The first are in a table in memory. When it is full, further
// ones go to files, parted by their hash, and a filter in memory tells most rows that are new from those that may be known.
// The latter are held until there are many, or the round ends, and are then looked for in the files together.
type knownRows struct {
	r      *run
	mem    *keyTable
	disk   *parts
	filter rowFilter
	held   *types.Batch
	bytes  int64 // of held
	hashes []uint64
	ids    []int32
	sel    []int32
}

func newKnownRows(r *run, ts []types.Type) *knownRows {
	base := make([]types.Type, len(ts))
	for i, t := range ts {
		base[i] = types.T(t.Oid)
	}
	return &knownRows{r: r, mem: newKeyTable(base)}
}

// fresh returns a copy of the rows of b that are new for certain; they are known from now on.
func (k *knownRows) fresh(b *types.Batch) (*types.Batch, error) {
	cols := vecsOf(b, allKeys(len(b.Cols)))
	k.sel = k.sel[:0]
	if k.disk == nil {
		before := int32(k.mem.len())
		k.ids = k.mem.insert(cols, b.N, k.ids)
		for i, id := range k.ids {
			if id >= before {
				k.sel = append(k.sel, int32(i))
				before = id + 1
			}
		}
		over, err := k.r.spills(k.mem.bytes, k.r.hashMem())
		if err != nil {
			return nil, err
		}
		if over && len(cols) > 0 {
			if k.disk, err = k.r.newParts(0); err != nil {
				return nil, err
			}
			k.filter.limit = k.r.hashMem() / 2
			k.held = types.NewBatch(k.mem.types, 0)
		}
		return gatherBatch(&types.Batch{}, b, k.sel), nil
	}
	k.ids = k.mem.find(cols, b.N, k.ids, &k.mem.scratch)
	var hold []int32
	for i, id := range k.ids {
		switch h := k.mem.scratch[i]; {
		case id >= 0:
		case k.filter.add(h):
			k.sel = append(k.sel, int32(i))
		default:
			hold = append(hold, int32(i))
			k.hashes = append(k.hashes, h)
		}
	}
	for c := range k.held.Cols {
		from := k.held.Cols[c].Len()
		k.held.Cols[c].Gather(cols[c], hold)
		k.bytes += vecBytes(&k.held.Cols[c], from)
	}
	k.held.N += len(hold)
	if err := k.disk.add(b, nil, k.mem.scratch, k.sel); err != nil {
		return nil, err
	}
	return gatherBatch(&types.Batch{}, b, k.sel), nil
}

// full reports whether the rows held are to be judged before more come.
func (k *knownRows) full() bool { return k.bytes > k.r.hashMem()/2 }

// judge returns those of the rows held that are new; they are known from now on. No row is held then.
func (k *knownRows) judge() (*types.Batch, error) {
	if k.held == nil || k.held.N == 0 {
		return &types.Batch{}, nil
	}
	held, hashes := k.held, k.hashes
	k.held, k.hashes, k.bytes = types.NewBatch(k.mem.types, 0), nil, 0
	wanted := newKeyTable(k.mem.types)
	first := []int32{} // by key of wanted: its first row
	for i, id := range wanted.insert(vecsOf(held, allKeys(len(held.Cols))), held.N, nil) {
		if int(id) == len(first) {
			first = append(first, int32(i))
		}
	}
	known := make([]bool, len(first))
	for p, rows := range k.disk.deal(hashes, held.N, nil) {
		if len(rows) == 0 {
			continue
		}
		if err := k.mark(k.disk.streams[p], wanted, known); err != nil {
			return nil, err
		}
	}
	k.sel = k.sel[:0]
	for id, row := range first {
		if !known[id] {
			k.sel = append(k.sel, row)
		}
	}
	if len(k.sel) > 0 {
		if err := k.disk.add(held, nil, hashes, k.sel); err != nil {
			return nil, err
		}
	}
	return gatherBatch(&types.Batch{}, held, k.sel), nil
}

// mark notes which of the wanted rows are in a stream.
func (k *knownRows) mark(s *rowStream, wanted *keyTable, known []bool) error {
	look := func(b *types.Batch) {
		k.ids = wanted.find(vecsOf(b, allKeys(len(b.Cols))), b.N, k.ids, &wanted.scratch)
		for _, id := range k.ids {
			if id >= 0 {
				known[id] = true
			}
		}
	}
	for i := range s.blocks {
		if err := k.r.cancelled(); err != nil {
			return err
		}
		b, err := s.block(i)
		if err != nil {
			return err
		}
		look(b)
	}
	if s.buf != nil && s.buf.N > 0 {
		look(s.buf)
	}
	return nil
}

// close removes the files; nil has none.
func (k *knownRows) close() {
	if k != nil {
		k.disk.close()
	}
}

// rowFilter is a Bloom filter over hashes that grows: when a layer is full, the next is twice its size.
type rowFilter struct {
	limit  int64 // bytes; when they are used the last layer takes all that comes
	used   int64
	layers []filterLayer
}

type filterLayer struct {
	bits []uint64
	rows int
}

const (
	firstLayerWords = 1 << 10
	bitsPerRow      = 12
	filterProbes    = 4
)

// add notes a hash; false: it may have been noted before.
func (f *rowFilter) add(h uint64) bool {
	for i := range f.layers {
		if f.layers[i].has(h) {
			return false
		}
	}
	n := len(f.layers)
	if n == 0 || f.layers[n-1].full() && (f.used == 0 || f.used+int64(16*len(f.layers[n-1].bits)) <= f.limit) {
		words := firstLayerWords
		if n > 0 {
			words = 2 * len(f.layers[n-1].bits)
		}
		f.layers = append(f.layers, filterLayer{bits: make([]uint64, words)})
		f.used += int64(8 * words)
		n++
	}
	l := &f.layers[n-1]
	l.rows++
	l.each(h, func(word *uint64, bit uint64) bool {
		*word |= bit
		return true
	})
	return true
}

func (l *filterLayer) full() bool { return l.rows*bitsPerRow > len(l.bits)*64 }

func (l *filterLayer) has(h uint64) bool {
	return l.each(h, func(word *uint64, bit uint64) bool { return *word&bit != 0 })
}

// each calls f for the places of a hash until it returns false, and reports whether it never did.
func (l *filterLayer) each(h uint64, f func(word *uint64, bit uint64) bool) bool {
	step := (h * 0x9e3779b97f4a7c15) | 1
	for range filterProbes {
		h += step
		at := h >> 20 & uint64(len(l.bits)*64-1)
		if !f(&l.bits[at/64], 1<<(at%64)) {
			return false
		}
	}
	return true
}
