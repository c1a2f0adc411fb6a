package exec

import (
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// setOp is INTERSECT and EXCEPT: the right side is counted, then the left side's rows are judged. When the table of the
// keys is full, rows of either side whose key it has not are put aside, parted by their hash; each part is a set operation
// of its own.
type setOp struct {
	r     *run
	n     *planner.SetOp
	level int

	right operator // of a part
	left  operator
	seen  *keyTable
	count []int64 // of right rows per key
	done  []bool  // keys put out already (without ALL)
	ids   []int32
	sel   []int32
	out   types.Batch

	full    bool
	rights  *parts // nil: all right rows are in seen
	lefts   *parts
	part    int
	sub     *setOp
	ended   bool
	missing []int32
}

func (s *setOp) open() error {
	ts := make([]types.Type, len(s.n.Types))
	for i, t := range s.n.Types {
		ts[i] = types.T(t.Oid)
	}
	s.seen = newKeyTable(ts)
	if s.right == nil {
		var err error
		if s.right, err = s.r.build(s.n.Right); err != nil {
			return err
		}
	}
	for {
		if err := s.r.cancelled(); err != nil {
			return err
		}
		b, err := s.right.next(0)
		if err != nil {
			return err
		}
		if b == nil {
			break
		}
		if err := s.lookUp(b, &s.rights); err != nil {
			return err
		}
		for _, id := range s.ids {
			if id >= 0 {
				s.count[id]++
			}
		}
	}
	s.right.close()
	s.right = nil
	if s.rights != nil {
		if err := s.rights.finish(); err != nil {
			return err
		}
	}
	if s.left != nil {
		return nil
	}
	var err error
	s.left, err = s.r.build(s.n.Left)
	return err
}

// lookUp finds the keys of b's rows, adding those that are new. In a full table they have none (-1) and are put aside.
func (s *setOp) lookUp(b *types.Batch, aside **parts) error {
	cols := vecsOf(b, allKeys(len(b.Cols)))
	if !s.full {
		s.ids = s.seen.insert(cols, b.N, s.ids)
		for len(s.count) < s.seen.len() {
			s.count, s.done = append(s.count, 0), append(s.done, false)
		}
		over, err := s.r.spills(s.seen.bytes+int64(9*len(s.count)), s.r.hashMem())
		s.full = over && s.level < maxPartLevel && len(b.Cols) > 0
		return err
	}
	s.ids = s.seen.find(cols, b.N, s.ids, &s.seen.scratch)
	s.missing = s.missing[:0]
	for i, id := range s.ids {
		if id < 0 {
			s.missing = append(s.missing, int32(i))
		}
	}
	if len(s.missing) == 0 {
		return nil
	}
	if *aside == nil {
		var err error
		if *aside, err = s.r.newParts(s.level); err != nil {
			return err
		}
	}
	return (*aside).add(b, nil, s.seen.scratch, s.missing)
}

func (s *setOp) next(max int) (*types.Batch, error) {
	if s.seen == nil {
		if err := s.open(); err != nil {
			return nil, err
		}
	}
	for {
		if err := s.r.cancelled(); err != nil {
			return nil, err
		}
		if s.ended {
			return s.nextPart(max)
		}
		b, err := s.left.next(0)
		if err != nil {
			return nil, err
		}
		if b == nil {
			s.ended = true
			s.seen, s.count, s.done = &keyTable{}, nil, nil
			if s.lefts != nil {
				if err := s.lefts.finish(); err != nil {
					return nil, err
				}
			}
			continue
		}
		if err := s.lookUp(b, &s.lefts); err != nil {
			return nil, err
		}
		s.sel = s.sel[:0]
		for i, id := range s.ids {
			if id >= 0 && s.keep(id) {
				s.sel = append(s.sel, int32(i))
			}
		}
		if len(s.sel) > 0 {
			return gatherBatch(&s.out, b, s.sel), nil
		}
	}
}

// nextPart judges what was put aside. A part without left rows has no result.
func (s *setOp) nextPart(max int) (*types.Batch, error) {
	for {
		if s.sub != nil {
			b, err := s.sub.next(max)
			if b != nil || err != nil {
				return b, err
			}
			s.sub.close()
			s.sub = nil
		}
		if s.lefts == nil || s.part == len(s.lefts.streams) {
			return nil, nil
		}
		p := s.part
		s.part++
		if s.lefts.streams[p].rows == 0 {
			continue
		}
		right := &streamOp{r: s.r, s: &rowStream{}}
		if s.rights != nil {
			right.s = s.rights.streams[p]
		}
		s.sub = &setOp{r: s.r, n: s.n, level: s.level + 1, right: right, left: &streamOp{r: s.r, s: s.lefts.streams[p]}}
	}
}

// keep judges one left row with key id.
func (s *setOp) keep(id int32) bool {
	in := s.count[id] > 0
	if s.n.All {
		if in {
			s.count[id]--
		}
		return in == (s.n.Kind == sema.Intersect)
	}
	if s.done[id] || in != (s.n.Kind == sema.Intersect) {
		return false
	}
	s.done[id] = true
	return true
}

func (s *setOp) close() {
	if s.sub != nil {
		s.sub.close()
		s.sub = nil
	}
	for _, op := range []operator{s.right, s.left} {
		if op != nil {
			op.close()
		}
	}
	s.rights.close()
	s.lefts.close()
}
