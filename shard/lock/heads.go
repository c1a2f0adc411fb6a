package lock

import "bytes"

// headTable finds heads by the hash of their key: chains in a power of two of buckets. Heads come and go with every row that
// is written, so it does less than a map: a head is found, put in and taken out by a step or two along its chain.
type headTable struct {
	buckets []*head
	n       int
}

const (
	minBuckets = 16
	// maxIdleBuckets is what an empty table may keep.
	maxIdleBuckets = 1024
)

// bucket is where heads of a hash are. The hash's last bits have chosen the shard.
func (t *headTable) bucket(hash uint64) **head {
	return &t.buckets[hash/numShards&uint64(len(t.buckets)-1)]
}

func (t *headTable) find(hash uint64, key []byte) *head {
	if t.n == 0 {
		return nil
	}
	h := *t.bucket(hash)
	for h != nil && (h.hash != hash || !bytes.Equal(h.key, key)) {
		h = h.next
	}
	return h
}

// add puts in a head that is not there.
func (t *headTable) add(h *head) {
	if t.n == len(t.buckets) {
		old := t.buckets
		t.buckets = make([]*head, max(minBuckets, 2*len(old)))
		for _, o := range old {
			for o != nil {
				next := o.next
				b := t.bucket(o.hash)
				o.next, *b = *b, o
				o = next
			}
		}
	}
	b := t.bucket(h.hash)
	h.next, *b = *b, h
	t.n++
}

// remove takes out a head that is there.
func (t *headTable) remove(h *head) {
	b := t.bucket(h.hash)
	for *b != h {
		b = &(*b).next
	}
	*b = h.next
	if t.n--; t.n == 0 && len(t.buckets) > maxIdleBuckets {
		t.buckets = nil
	}
}

// clear empties the table.
func (t *headTable) clear() { *t = headTable{} }

// all calls f for every head until it returns false. f may not change the table.
func (t *headTable) all(f func(h *head) bool) bool {
	for _, h := range t.buckets {
		for ; h != nil; h = h.next {
			if !f(h) {
				return false
			}
		}
	}
	return true
}
