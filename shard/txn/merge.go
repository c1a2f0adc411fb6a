package txn

import (
	"bytes"
	"context"

	"github.com/pgmqdb/pgmqdb/shard/topo"
)

// mergeScan merges the groups' rows into one key order. Keys of one storage are distinct across groups, so that ties do
// not occur; if they did, the lower position would come first.
type mergeScan struct {
	scans   []*groupScan
	reverse bool
	heap    []cursor
	begun   bool
	rows    int // of the next batch
	wanted  int // rows that the reader said it would read; 0: it did not, or has read them
}

// cursor is a group's current row.
type cursor struct {
	s *groupScan
	b *Batch
	i int
}

func newMergeScan(scans []*groupScan, reverse bool) *mergeScan {
	m := &mergeScan{scans: scans, reverse: reverse, rows: scans[0].rows, wanted: scans[0].spec.LimitHint}
	if m.wanted > 0 {
		m.rows = min(max(m.wanted, minBatchRows), maxBatchRows)
	}
	return m
}

func (m *mergeScan) less(a, b *cursor) bool {
	c := bytes.Compare(a.b.Key(a.i), b.b.Key(b.i))
	if m.reverse {
		return c > 0
	}
	return c < 0
}

// begin fetches the first batch of every group at the same time.
func (m *mergeScan) begin(ctx context.Context) error {
	m.begun = true
	for i := 0; i < len(m.scans); i += stepGroups {
		step(ctx, m.scans[i:min(i+stepGroups, len(m.scans))])
	}
	for _, s := range m.scans {
		b, err := s.Next(ctx)
		if err != nil {
			return err
		}
		if b != nil {
			m.heap = append(m.heap, cursor{s: s, b: b})
		}
	}
	for i := len(m.heap)/2 - 1; i >= 0; i-- {
		m.down(i)
	}
	return nil
}

func (m *mergeScan) down(i int) {
	h := m.heap
	for {
		l := 2*i + 1
		if l >= len(h) {
			return
		}
		if r := l + 1; r < len(h) && m.less(&h[r], &h[l]) {
			l = r
		}
		if !m.less(&h[l], &h[i]) {
			return
		}
		h[i], h[l] = h[l], h[i]
		i = l
	}
}

// Next returns the next batch in key order, or nil at the end.
func (m *mergeScan) Next(ctx context.Context) (*Batch, error) {
	if !m.begun {
		if err := m.begin(ctx); err != nil {
			return nil, err
		}
	}
	if len(m.heap) == 0 {
		return nil, nil
	}
	rows := m.rows
	if m.wanted > 0 {
		rows = min(rows, max(m.wanted, minBatchRows))
	}
	out := &Batch{}
	out.Data = make([]byte, 0, rows*32)
	out.Ends = make([]uint32, 0, 2*rows)
	out.Versions = make([]topo.Timestamp, 0, rows)
	out.Groups = make([]topo.GroupID, 0, rows)
	for len(m.heap) > 0 && out.Len() < rows && len(out.Data) < maxBatchBytes {
		c := &m.heap[0]
		out.Append(c.b.Key(c.i), c.b.Value(c.i), c.b.Versions[c.i])
		out.Groups = append(out.Groups, c.s.g.id)
		c.i++
		if c.i == c.b.Len() {
			b, err := c.s.Next(ctx)
			if err != nil {
				return nil, err
			}
			if b != nil {
				c.b, c.i = b, 0
			} else {
				last := len(m.heap) - 1
				m.heap[0] = m.heap[last]
				m.heap = m.heap[:last]
			}
		}
		m.down(0)
	}
	m.rows, m.wanted = min(4*m.rows, maxBatchRows), max(m.wanted-out.Len(), 0)
	return out, nil
}

func (m *mergeScan) Close() {
	for _, s := range m.scans {
		s.Close()
	}
	m.heap = nil
}
