package exec

import (
	"sort"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// RowStore keeps rows that are read again, in any order and while more come: those of CTEs, work tables, cursors and
// windows. When they are more than its memory holds, all of them go to a temporary file.
type RowStore struct {
	temp  *TempSpace // nil: more than the memory is an error
	files *fileSet
	limit int64

	rows   int64
	used   int64
	pages  []*types.Batch // while in memory
	starts []int64        // of pages
	stream *rowStream

	cache []cachedPage // of the stream, latest first
}

type cachedPage struct {
	first int64
	b     *types.Batch
}

// cachedPages is how many pages of a file are kept, for those who look at several places in turn.
const cachedPages = 4

// NewRowStore makes a store with a memory of limit bytes.
func NewRowStore(temp *TempSpace, limit int64) *RowStore {
	return &RowStore{temp: temp, limit: limit, files: &fileSet{}}
}

func (x *execution) newRowStore() *RowStore {
	return &RowStore{temp: x.c.Temp, limit: x.workMem(), files: &x.files}
}

// Len returns the number of rows; nil has none.
func (s *RowStore) Len() int64 {
	if s == nil {
		return 0
	}
	return s.rows
}

// Add appends a copy of b's rows.
func (s *RowStore) Add(b *types.Batch) error {
	if s.stream != nil {
		s.rows += int64(b.N)
		return s.stream.add(b, nil, nil)
	}
	return s.take(copyBatch(b))
}

// take appends b's rows; b does not change any more.
func (s *RowStore) take(b *types.Batch) error {
	if b.N == 0 {
		return nil
	}
	if s.stream != nil {
		return s.Add(b)
	}
	s.pages, s.starts = append(s.pages, b), append(s.starts, s.rows)
	s.rows += int64(b.N)
	if s.used += batchBytes(b); s.used <= s.limit {
		return nil
	}
	if s.temp == nil {
		return errMemory()
	}
	f, err := s.files.create(s.temp)
	if err != nil {
		return err
	}
	s.stream = &rowStream{file: f, flush: min(max(s.limit/8, minBlockBytes), maxBlockBytes), enc: new([]byte)}
	for _, p := range s.pages {
		if err := s.stream.add(p, nil, nil); err != nil {
			return err
		}
	}
	s.pages, s.starts = nil, nil
	return nil
}

// page returns a batch that has a row, 0 <= row < Len, and the row's place in it. The batch stays as it is.
func (s *RowStore) page(row int64) (b *types.Batch, at int, err error) {
	if s.stream == nil {
		i := sort.Search(len(s.starts), func(i int) bool { return s.starts[i] > row }) - 1
		return s.pages[i], int(row - s.starts[i]), nil
	}
	for i := range s.cache {
		if c := s.cache[i]; row >= c.first && row < c.first+int64(c.b.N) {
			copy(s.cache[1:i+1], s.cache[:i])
			s.cache[0] = c
			return c.b, int(row - c.first), nil
		}
	}
	c := cachedPage{}
	blocks := s.stream.blocks
	i := sort.Search(len(blocks), func(i int) bool { return blocks[i].first > row }) - 1
	if i >= 0 && row < blocks[i].first+int64(blocks[i].rows) {
		c.first = blocks[i].first
		c.b, err = s.stream.block(i)
	} else { // it is not in the file yet
		c.first = s.rows - int64(s.stream.buf.N)
		c.b = copyBatch(s.stream.buf)
	}
	if err != nil {
		return nil, 0, err
	}
	if len(s.cache) < cachedPages {
		s.cache = append(s.cache, cachedPage{})
	}
	copy(s.cache[1:], s.cache)
	s.cache[0] = c
	return c.b, int(row - c.first), nil
}

// Read returns rows from one on: at least one, at most n (0: any number), none at the end. The batch stays as it is.
func (s *RowStore) Read(row int64, n int) (*types.Batch, error) {
	if row >= s.Len() {
		return nil, nil
	}
	b, at, err := s.page(row)
	if err != nil {
		return nil, err
	}
	end := b.N
	if n > 0 {
		end = min(end, at+n)
	}
	if at == 0 && end == b.N {
		return b, nil
	}
	return sliceBatch(b, at, end), nil
}

// Row appends a row's values to dst.
func (s *RowStore) Row(dst []types.Datum, row int64) ([]types.Datum, error) {
	b, at, err := s.page(row)
	if err != nil {
		return dst, err
	}
	return b.AppendRowTo(dst, at), nil
}

// Close drops the rows; nil has none.
func (s *RowStore) Close() {
	if s == nil {
		return
	}
	if s.stream != nil {
		s.stream.file.remove()
	}
	s.pages, s.starts, s.stream, s.cache, s.rows, s.used = nil, nil, nil, nil, 0, 0
}
