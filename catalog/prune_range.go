package catalog

import (
	"slices"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// keyCut is a place between the keys of a table partitioned by range: before all the keys that begin with prefix, or after them.
type keyCut struct {
	prefix []types.Datum
	after  bool
}

// matchingRanges returns the partitions by range that may have rows that pass the tests; rest says that there may be such rows
// in none of them. The leading columns whose values are known, and the ends of the next one's, are ends of the keys wanted.
func (p *Partitions) matchingRanges(tests []KeyTest) (out []Oid, rest bool) {
	if slices.ContainsFunc(tests, func(t KeyTest) bool { return t.Null }) {
		return nil, true // NULLs are in no range
	}
	exact := 0
	prefixes := [][]types.Datum{nil}
	for exact < len(tests) {
		more, ok := p.exactKeys(tests, exact+1)
		if !ok {
			break
		}
		prefixes, exact = more, exact+1
	}
	var lo, hi *KeyBound
	if exact < len(tests) {
		lo, hi = p.ends(exact, &tests[exact])
	}
	if n := exact + 1; n < len(tests) || lo == nil && hi == nil {
		rest = len(prefixes) > 0 // a column of which nothing is known may be NULL
	}
	for _, prefix := range prefixes {
		from, to := keyCut{prefix: prefix}, keyCut{prefix: prefix, after: true}
		if lo != nil {
			from = keyCut{append(slices.Clone(prefix), lo.Value), !lo.Inclusive}
		}
		if hi != nil {
			to = keyCut{append(slices.Clone(prefix), hi.Value), hi.Inclusive}
		}
		if lo != nil && hi != nil {
			if c := types.Compare(p.Types[exact].Oid, lo.Value, hi.Value); c > 0 || c == 0 && (from.after || !to.after) {
				continue // nothing is between them
			}
		}
		for i := range p.ranges {
			if r := &p.ranges[i]; p.compareCut(from, r.To) < 0 && p.compareCut(to, r.From) > 0 {
				out = append(out, r.Table)
			}
		}
		rest = rest || p.hasGap(from, to)
	}
	return out, rest
}

// ends returns the ends of the values of the i-th column that pass a test: of a list too long to look up its values, the least
// and the greatest.
func (p *Partitions) ends(i int, t *KeyTest) (lo, hi *KeyBound) {
	lo, hi = t.Lo, t.Hi
	if !t.In || len(t.Eq) == 0 {
		return lo, hi
	}
	oid := p.Types[i].Oid
	compare := func(a, b types.Datum) int { return types.Compare(oid, a, b) }
	if least := slices.MinFunc(t.Eq, compare); lo == nil || compare(least, lo.Value) > 0 {
		lo = &KeyBound{Value: least, Inclusive: true}
	}
	if greatest := slices.MaxFunc(t.Eq, compare); hi == nil || compare(greatest, hi.Value) < 0 {
		hi = &KeyBound{Value: greatest, Inclusive: true}
	}
	return lo, hi
}

// hasGap reports whether keys between two cuts are in no range.
func (p *Partitions) hasGap(from, to keyCut) bool {
	if len(p.ranges) == 0 {
		return true
	}
	for i := range p.ranges {
		// What is between the range before this one, or the beginning, and this one.
		begin := p.ranges[i].From
		open := begin[0].Kind != MinValue
		if i > 0 {
			before := p.ranges[i-1].To
			open = p.CompareBounds(before, begin) < 0 && p.compareCut(to, before) > 0
		}
		if open && p.compareCut(from, begin) < 0 {
			return true
		}
	}
	end := p.ranges[len(p.ranges)-1].To
	return end[0].Kind != MaxValue && p.compareCut(to, end) > 0
}

// compareCut compares a cut with a range's bound, which is itself the cut before the key that it names.
func (p *Partitions) compareCut(c keyCut, b []BoundDatum) int {
	for i, d := range c.prefix {
		if b[i].Kind != PlainValue {
			return -int(b[i].Kind)
		}
		if n := types.Compare(p.Types[i].Oid, d, b[i].Value); n != 0 {
			return n
		}
	}
	if n := len(c.prefix); n < len(b) {
		if c.after && b[n].Kind == MaxValue || !c.after && b[n].Kind == MinValue {
			return 0
		}
	} else if !c.after {
		return 0
	}
	if c.after {
		return 1
	}
	return -1
}
