package exec

import (
	"math/bits"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// maxPartLevel bounds how often what does not fit is parted again: rows that are still together then have equal keys.
const maxPartLevel = 8

// parts deals rows out to streams by their hash. Rows of one key are in one part. What does not fit when a part is
// processed is parted by further bits of the hash: by those of the next level.
type parts struct {
	file    *spillFile
	streams []*rowStream
	shift   uint // the part is the bits of the hash from here
	sel     [][]int32
}

// newParts makes parts for a hash table of the operator's memory.
func (r *run) newParts(level int) (*parts, error) {
	n := 4
	for n < 32 && int64(n)*4*minBlockBytes <= r.hashMem() {
		n *= 2
	}
	f, s, err := r.streams(n)
	if err != nil {
		return nil, err
	}
	width := bits.TrailingZeros(uint(n))
	return &parts{file: f, streams: s, shift: uint(64 - width*(level+1)), sel: make([][]int32, n)}, nil
}

// of returns the part of a hash.
func (p *parts) of(h uint64) int { return int(h>>p.shift) & (len(p.streams) - 1) }

// deal sorts rows by part: the rows at the positions sel (all: nil) of a batch, of which the first n have these hashes.
func (p *parts) deal(hashes []uint64, n int, sel []int32) [][]int32 {
	for i := range p.sel {
		p.sel[i] = p.sel[i][:0]
	}
	if sel == nil {
		for i := range n {
			k := p.of(hashes[i])
			p.sel[k] = append(p.sel[k], int32(i))
		}
		return p.sel
	}
	for _, i := range sel {
		k := p.of(hashes[i])
		p.sel[k] = append(p.sel[k], i)
	}
	return p.sel
}

// add writes rows (positions sel, or all) to their parts, with further columns beside the batch's.
func (p *parts) add(b *types.Batch, extra []*types.Vec, hashes []uint64, sel []int32) error {
	for i, rows := range p.deal(hashes, b.N, sel) {
		if len(rows) == 0 {
			continue
		}
		if err := p.streams[i].add(b, extra, rows); err != nil {
			return err
		}
	}
	return nil
}

// finish ends the writing.
func (p *parts) finish() error {
	for _, s := range p.streams {
		if err := s.finish(); err != nil {
			return err
		}
	}
	return nil
}

// close removes the file; nil has none.
func (p *parts) close() {
	if p != nil {
		p.file.remove()
	}
}

// used is the number of parts that have rows.
func (p *parts) used() int {
	n := 0
	for _, s := range p.streams {
		if s.rows > 0 {
			n++
		}
	}
	return n
}
