package catalog

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// KeyTest is what is known of one column of the partition keys of the rows wanted.
type KeyTest struct {
	// Known says that anything is; then NULL is not among the values wanted unless Null is set, which wants nothing else.
	Known bool
	Null  bool
	// Eq are the only values wanted, where In is set.
	In bool
	Eq []types.Datum
	// Lo and Hi, where they are set, bound the values.
	Lo, Hi *KeyBound
}

// KeyBound is an end of the values wanted.
type KeyBound struct {
	Value     types.Datum
	Inclusive bool
}

// maxPrunedKeys bounds the keys that are looked up one by one.
const maxPrunedKeys = 1000

// Matching returns the partitions that may have rows that pass the tests, one for each column of the key. hash returns the
// hash of a key.
func (p *Partitions) Matching(tests []KeyTest, hash func(key []types.Datum) (uint64, error)) ([]Oid, error) {
	if keys, ok := p.exactKeys(tests, len(tests)); ok {
		var out []Oid
		for _, key := range keys {
			oid := Oid(0)
			if p.Strategy == HashPartitioning {
				n, err := hash(key)
				if err != nil {
					return nil, err
				}
				oid = p.FindHash(n)
			} else {
				oid = p.FindKey(key)
			}
			if oid != 0 && !slices.Contains(out, oid) {
				out = append(out, oid)
			}
		}
		return out, nil
	}
	var out []Oid
	add := func(oid Oid) {
		if oid != 0 && !slices.Contains(out, oid) {
			out = append(out, oid)
		}
	}
	switch p.Strategy {
	case HashPartitioning:
		for _, h := range p.Hashes {
			add(h.Table)
		}
	case ListPartitioning:
		t := &tests[0]
		for _, e := range p.lists {
			if p.admits(0, t, e.value) {
				add(e.table)
			}
		}
		if !t.Known {
			add(p.Null)
		}
		add(p.Default) // there are always values that are not listed
	default:
		oids, rest := p.matchingRanges(tests)
		for _, oid := range oids {
			add(oid)
		}
		if rest {
			add(p.Default)
		}
	}
	return out, nil
}

// exactKeys returns the only values of the key's first n columns that pass the tests; ok is false where they are too many or
// not known.
func (p *Partitions) exactKeys(tests []KeyTest, n int) (keys [][]types.Datum, ok bool) {
	keys = [][]types.Datum{nil}
	for i := range tests[:n] {
		t := &tests[i]
		var values []types.Datum
		switch {
		case t.Null:
			values = []types.Datum{types.Null}
		case !t.In:
			return nil, false
		}
		for _, d := range t.Eq {
			if p.admits(i, t, d) {
				values = append(values, d)
			}
		}
		if len(keys)*len(values) > maxPrunedKeys {
			return nil, false
		}
		var next [][]types.Datum
		for _, k := range keys {
			for _, v := range values {
				next = append(next, append(slices.Clone(k), v))
			}
		}
		keys = next
	}
	return keys, true
}

// admits reports whether a value of the i-th column passes a test.
func (p *Partitions) admits(i int, t *KeyTest, v types.Datum) bool {
	oid := p.Types[i].Oid
	switch {
	case t.Null:
		return false
	case t.In && !slices.ContainsFunc(t.Eq, func(d types.Datum) bool { return types.Equal(oid, d, v) }):
		return false
	}
	if t.Lo != nil {
		if c := types.Compare(oid, v, t.Lo.Value); c < 0 || c == 0 && !t.Lo.Inclusive {
			return false
		}
	}
	if t.Hi != nil {
		if c := types.Compare(oid, v, t.Hi.Value); c > 0 || c == 0 && !t.Hi.Inclusive {
			return false
		}
	}
	return true
}
