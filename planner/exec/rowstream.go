package exec

import (
	"github.com/pgmqdb/pgmqdb/sql/keyenc"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// Sizes of what goes to a temporary file at once.
const (
	minBlockBytes = 8 << 10
	maxBlockBytes = 256 << 10
)

// rowStream is a sequence of rows in a temporary file: written once, then read any number of times.
type rowStream struct {
	file   *spillFile
	flush  int64 // bytes of rows that make a block
	buf    *types.Batch
	bytes  int64 // of buf
	enc    *[]byte
	blocks []rowBlock
	rows   int64
	disk   int64
}

// rowBlock is where some of a stream's rows are. first is the number of the first of them.
type rowBlock struct {
	at, size, first int64
	rows            int
}

// streams makes n streams in a file of their own, whose blocks are small enough for all to be filled at a time.
func (r *run) streams(n int) (*spillFile, []*rowStream, error) {
	f, err := r.files.create(r.c.Temp)
	if err != nil {
		return nil, nil, err
	}
	flush := min(max(r.workMem()/int64(2*n), minBlockBytes), maxBlockBytes)
	out := make([]*rowStream, n)
	enc := new([]byte)
	for i := range out {
		out[i] = &rowStream{file: f, flush: flush, enc: enc}
	}
	return f, out, nil
}

// add appends rows of b: those at the positions sel, or all (nil). extra are further columns beside those of b.
func (s *rowStream) add(b *types.Batch, extra []*types.Vec, sel []int32) error {
	n := b.N
	if sel != nil {
		n = len(sel)
	}
	if n == 0 {
		return nil
	}
	if s.buf == nil {
		s.buf = &types.Batch{Cols: make([]types.Vec, len(b.Cols)+len(extra))}
		for c := range s.buf.Cols {
			s.buf.Cols[c] = types.NewVec(columnOf(b, extra, c).Type, 0)
		}
	}
	for c := range s.buf.Cols {
		dst, src := &s.buf.Cols[c], columnOf(b, extra, c)
		from := dst.Len()
		if sel == nil {
			dst.AppendVec(src, 0, n)
		} else {
			dst.Gather(src, sel)
		}
		s.bytes += vecBytes(dst, from)
	}
	s.buf.N += n
	s.rows += int64(n)
	if s.bytes >= s.flush {
		return s.write()
	}
	return nil
}

func columnOf(b *types.Batch, extra []*types.Vec, c int) *types.Vec {
	if c < len(b.Cols) {
		return &b.Cols[c]
	}
	return extra[c-len(b.Cols)]
}

// write makes a block, or as few as are small enough, of the rows in buf.
func (s *rowStream) write() error {
	if s.buf == nil || s.buf.N == 0 {
		return nil
	}
	n := s.buf.N
	per := n
	if s.bytes > 2*s.flush {
		per = max(1, int(int64(n)*s.flush/s.bytes))
	}
	part := s.buf
	for from := 0; from < n; from += per {
		to := min(n, from+per)
		if per < n {
			part = sliceBatch(s.buf, from, to)
		}
		*s.enc = keyenc.AppendBatch((*s.enc)[:0], part)
		at, err := s.file.append(*s.enc)
		if err != nil {
			return err
		}
		size := int64(len(*s.enc))
		s.blocks = append(s.blocks, rowBlock{at, size, s.rows - int64(n-from), to - from})
		s.disk += size
	}
	s.buf.Reset()
	clearRefs(s.buf)
	s.bytes = 0
	if cap(*s.enc) > 4*maxBlockBytes {
		*s.enc = nil
	}
	return nil
}

// clearRefs drops what a batch that was emptied still refers to behind its end.
func clearRefs(b *types.Batch) {
	for c := range b.Cols {
		v := &b.Cols[c]
		clear(v.S[:cap(v.S)])
		clear(v.X[:cap(v.X)])
	}
}

// finish writes what is not in the file yet; the stream is only read from now on.
func (s *rowStream) finish() error {
	err := s.write()
	s.buf = nil
	return err
}

// block reads block i.
func (s *rowStream) block(i int) (*types.Batch, error) {
	data := make([]byte, s.blocks[i].size)
	if err := s.file.read(data, s.blocks[i].at); err != nil {
		return nil, err
	}
	return keyenc.DecodeBatch(data)
}

// streamOp reads a finished stream; it is an operator, so that what was put aside is processed like any input.
type streamOp struct {
	r  *run
	s  *rowStream
	at int
}

func (o *streamOp) next(int) (*types.Batch, error) {
	if o.at >= len(o.s.blocks) {
		return nil, nil
	}
	if err := o.r.cancelled(); err != nil {
		return nil, err
	}
	o.at++
	return o.s.block(o.at - 1)
}

func (o *streamOp) close() {}

// sliceBatch copies some rows of a batch.
func sliceBatch(b *types.Batch, from, to int) *types.Batch {
	out := &types.Batch{Cols: make([]types.Vec, len(b.Cols)), N: to - from}
	for c := range b.Cols {
		out.Cols[c].Type = b.Cols[c].Type
		out.Cols[c].AppendVec(&b.Cols[c], from, to)
	}
	return out
}
