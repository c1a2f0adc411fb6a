package exec

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// TestJoinsAgainstNaive joins random tables, through whatever operators the planner chooses, and compares with loops.
func TestJoinsAgainstNaive(t *testing.T) {
	rng := rand.New(rand.NewSource(7))
	for round := range 30 {
		d := newDB(t)
		keyed := round%2 == 0
		var ix [][]int
		if keyed {
			ix = [][]int{{1}}
		}
		d.table("l", []col{{"id", types.Int4Oid, true}, {"k", types.Int4Oid, false}}, 1, nil, ix)
		d.table("r", []col{{"id", types.Int4Oid, true}, {"k", types.Int4Oid, false}}, 1, nil, ix)
		l, r := randomTable(d, rng, "l"), randomTable(d, rng, "r")
		eq := func(a, b *int) bool { return a != nil && b != nil && *a == *b }
		var inner, left, full, semi, anti strings.Builder
		matched := map[int]bool{}
		for i, a := range l {
			hit := false
			for j, b := range r {
				if eq(a, b) {
					hit, matched[j] = true, true
					fmt.Fprintf(&inner, "%d|%d\n", i, j)
				}
			}
			if hit {
				fmt.Fprintf(&semi, "%d\n", i)
			} else {
				fmt.Fprintf(&anti, "%d\n", i)
				fmt.Fprintf(&left, "%d|null\n", i)
			}
		}
		for j := range r {
			if !matched[j] {
				fmt.Fprintf(&full, "null|%d\n", j)
			}
		}
		d.must("SELECT l.id, r.id FROM l JOIN r ON l.k = r.k", inner.String())
		d.must("SELECT l.id, r.id FROM l, r WHERE l.k - r.k = 0", inner.String())
		d.must("SELECT l.id, r.id FROM l LEFT JOIN r ON l.k = r.k", inner.String()+left.String())
		d.must("SELECT l.id, r.id FROM l FULL JOIN r ON l.k = r.k", inner.String()+left.String()+full.String())
		d.must("SELECT id FROM l WHERE EXISTS (SELECT FROM r WHERE r.k = l.k)", semi.String())
		d.must("SELECT id FROM l WHERE k IN (SELECT k FROM r)", semi.String())
		d.must("SELECT id FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k)", anti.String())
		d.must("SELECT id FROM l WHERE k = ANY (SELECT k + 0 FROM r)", semi.String())
	}
}

// randomTable fills a table (id, k) with up to 1,500 rows and returns k by id.
func randomTable(d *db, rng *rand.Rand, name string) []*int {
	n := rng.Intn(60)
	if rng.Intn(5) == 0 {
		n = rng.Intn(1500)
	}
	var rows []string
	var out []*int
	for i := range n {
		if rng.Intn(8) == 0 {
			out = append(out, nil)
			rows = append(rows, fmt.Sprintf("(%d, NULL)", i))
			continue
		}
		k := rng.Intn(n/2 + 1)
		out = append(out, &k)
		rows = append(rows, fmt.Sprintf("(%d, %d)", i, k))
	}
	if n > 0 {
		d.must("INSERT INTO "+name+" VALUES "+strings.Join(rows, ", "), "")
	}
	return out
}
