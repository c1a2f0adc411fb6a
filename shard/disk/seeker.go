package disk

import (
	"bytes"
	"fmt"
	"runtime/debug"

	"go.etcd.io/bbolt"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// Seeker looks up key after key in one pinned view. It remembers where it stands: keys that come in order and lie close
// together, as those of one transaction often do, cost a step of the cursor and no search from the root. Close it soon, as a
// Reader; whoever holds one must not ask for another Reader, because a flush that remaps lets no new one begin and waits for
// those that there are.
type Seeker struct {
	r *Reader
	c *bbolt.Cursor
	// Unless lost is set, the cursor is on k (nil: the end), and the file has nothing from the disk key from up to k.
	lost    bool
	k, v    []byte
	from    []byte
	want    []byte // scratch
	strayed int    // how many times in a row steps did not lead to the key
}

const (
	// nearSteps entries are stepped over before a search takes over.
	nearSteps = 4
	// maxStrayed searches after steps in vain, and keys are taken to lie apart.
	maxStrayed = 4
)

// Seeker returns a seeker over the present view.
func (db *DB) Seeker() (*Seeker, error) {
	r, err := db.Reader()
	if err != nil {
		return nil, err
	}
	s, _ := r.seekers.Get().(*Seeker)
	if s == nil {
		s = &Seeker{r: r, c: r.rows.Cursor()}
	}
	s.lost, s.strayed = true, 0
	return s, nil
}

// Close gives the view up.
func (s *Seeker) Close() {
	r := s.r
	r.seekers.Put(s)
	r.Release()
}

// Get is Reader.Get. The row's bytes are valid until the seeker is closed.
func (s *Seeker) Get(key []byte, ts topo.Timestamp) (row Row, ok bool, err error) {
	defer s.r.db.contain(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	s.want = appendVersionKey(s.want[:0], key, ts)
	s.move()
	n := len(s.from) - tsBytes
	if len(s.k) != len(s.from) || string(s.k[:n]) != string(s.from[:n]) {
		return Row{}, false, nil
	}
	_, row.TS, _ = splitVersionKey(s.k)
	if row.KeyTS, row.Value, row.Moved, err = decodeValue(s.k, s.v, row.TS); err != nil {
		return Row{}, false, s.r.db.corrupt(fmt.Errorf("version of key %x: %w", key, err))
	}
	return row, true, nil
}

// move goes to the first entry at or behind want, which it makes from.
func (s *Seeker) move() {
	if !s.step() {
		s.lost = true
		s.k, s.v = s.c.Seek(s.want)
		s.lost = false
	}
	s.from, s.want = s.want, s.from
}

// seekerWalk goes through disk keys, best in order, by a Seeker. Its user sees to faults of the mapped file.
type seekerWalk Seeker

func (w *seekerWalk) Seek(diskKey []byte) (k, v []byte) {
	s := (*Seeker)(w)
	s.want = append(s.want[:0], diskKey...)
	s.move()
	return s.k, s.v
}

func (w *seekerWalk) Next() (k, v []byte) {
	s := (*Seeker)(w)
	if s.k != nil {
		s.from = append(append(s.from[:0], s.k...), 0)
		s.lost = true
		s.k, s.v = s.c.Next()
		s.lost = false
	}
	return s.k, s.v
}

// step moves the cursor to the first entry at or behind want, if it is near.
func (s *Seeker) step() bool {
	if s.lost || s.strayed >= maxStrayed || bytes.Compare(s.want, s.from) < 0 {
		return false
	}
	for n := 0; s.k != nil && bytes.Compare(s.k, s.want) < 0; n++ {
		if n == nearSteps {
			s.strayed++
			return false
		}
		s.lost = true // should the step panic
		s.k, s.v = s.c.Next()
		s.lost = false
	}
	s.strayed = 0
	return true
}
