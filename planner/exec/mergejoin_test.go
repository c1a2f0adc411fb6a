package exec

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/pgmqdb/pgmqdb/planner"
)

// joinQueries join big and other in all the ways that a merge join has.
var joinQueries = []string{
	"SELECT b.id, o.id, o.s FROM big b JOIN other o ON b.k = o.k",
	"SELECT b.id, o.id FROM big b JOIN other o ON b.k = o.k AND b.f = o.f",
	"SELECT b.id, o.id FROM big b JOIN other o ON b.s = o.s AND b.id < o.id",
	"SELECT b.id, o.id FROM big b LEFT JOIN other o ON b.k = o.k AND o.f > 30 AND b.id < o.id",
	"SELECT b.id, o.id FROM big b RIGHT JOIN other o ON b.s = o.s",
	"SELECT b.id, o.id FROM big b FULL JOIN other o ON b.k = o.k AND b.s = o.s",
	"SELECT b.id, o.id FROM big b FULL JOIN other o ON b.k = o.k AND b.id < o.id + 2000",
	"SELECT b.id, o.id FROM (SELECT * FROM big WHERE id < 50) b FULL JOIN other o ON b.id = o.id",
	"SELECT b.id, o.id FROM big b FULL JOIN (SELECT * FROM other WHERE id % 2000 = 0) o ON b.id = o.id",
	"SELECT id FROM big b WHERE EXISTS (SELECT FROM other o WHERE o.s = b.s)",
	"SELECT id FROM big b WHERE EXISTS (SELECT FROM other o WHERE o.k = b.k AND o.id < b.id)",
	"SELECT id FROM big b WHERE NOT EXISTS (SELECT FROM other o WHERE o.k = b.k AND o.id <> b.id)",
	"SELECT count(*), sum(b.id), sum(o.id) FROM big b JOIN other o ON b.f = o.f WHERE b.id < 700",
	"SELECT count(*), sum(b.id), sum(o.id) FROM big b LEFT JOIN other o ON b.f = o.f AND b.id + o.id < 3000 WHERE b.id < 300",
	"SELECT count(*), sum(b.id), sum(o.id) FROM big b FULL JOIN other o ON b.f = o.f AND b.id + o.id < 600",
	"SELECT id FROM big b WHERE EXISTS (SELECT FROM other o WHERE o.f = b.f AND o.id = b.id + 7)",
	"SELECT id FROM big b WHERE NOT EXISTS (SELECT FROM other o WHERE o.f = b.f AND o.id = b.id + 7)",
}

// TestMergeJoinsAsHashJoins sees merge joins, in memory and with groups of equal keys in files, give what hash joins give.
func TestMergeJoinsAsHashJoins(t *testing.T) {
	d := spillDB(t)
	space := tempSpace(t)
	for _, sql := range joinQueries {
		d.methods = planner.Methods{}
		want, _, err := d.runWith(space, sql, 1<<18, 1)
		if err != nil {
			t.Fatal(sql, err)
		}
		d.methods = planner.Methods{NoHashJoin: true, NoNestLoop: true}
		if plan := d.plan(sql); !uses[*planner.MergeJoin](plan.Root) {
			t.Errorf("%s: no merge join", sql)
			continue
		}
		for _, kb := range []int{64, 1 << 18} {
			got, _, err := d.runWith(space, sql, kb, 1)
			if err != nil {
				t.Fatal(sql, err)
			}
			if sortedLines(got) != sortedLines(want) {
				t.Errorf("%s: with %d kB of memory %d rows, and not %d", sql, kb, strings.Count(got, "\n"), strings.Count(want, "\n"))
			}
		}
	}
	space.check(t)
}

func sortedLines(s string) string {
	lines := strings.Split(s, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// uses reports whether a plan has a node of a type.
func uses[N planner.Node](n planner.Node) bool {
	if _, ok := n.(N); ok {
		return true
	}
	return slices.ContainsFunc(n.Inputs(), uses[N])
}

// TestMergeJoinsAgainstNaive compares with loops, with few keys and many.
func TestMergeJoinsAgainstNaive(t *testing.T) {
	rng := rand.New(rand.NewSource(11))
	for round := range 20 {
		d := newDB(t)
		d.methods = planner.Methods{NoHashJoin: true, NoNestLoop: true}
		var ix [][]int
		if round%3 == 0 {
			ix = [][]int{{1}}
		}
		names := []string{"l", "r"}
		var keys [2][]int
		for i, name := range names {
			d.table(name, []col{{"id", 23, true}, {"k", 23, false}}, 1, nil, ix)
			n, distinct := rng.Intn(3000), 1+rng.Intn(2000)
			if round%4 == 0 {
				distinct = 2
				n = rng.Intn(1600)
			}
			var rows []string
			for id := range n {
				k := rng.Intn(distinct)
				keys[i] = append(keys[i], k)
				rows = append(rows, fmt.Sprintf("(%d, %d)", id, k))
			}
			if n > 0 {
				d.must("INSERT INTO "+name+" VALUES "+strings.Join(rows, ", "), "")
			}
		}
		count := map[int]int{}
		for _, k := range keys[1] {
			count[k]++
		}
		seen := map[int]bool{}
		inner, lonely := 0, 0
		for _, k := range keys[0] {
			seen[k] = true
			if inner += count[k]; count[k] == 0 {
				lonely++
			}
		}
		right := 0
		for _, k := range keys[1] {
			if !seen[k] {
				right++
			}
		}
		for sql, want := range map[string]int{
			"SELECT count(*) FROM l JOIN r ON l.k = r.k":                                     inner,
			"SELECT count(*) FROM l LEFT JOIN r ON l.k = r.k":                                inner + lonely,
			"SELECT count(*) FROM l FULL JOIN r ON l.k = r.k":                                inner + lonely + right,
			"SELECT count(*) FROM l WHERE EXISTS (SELECT FROM r WHERE r.k = l.k)":            len(keys[0]) - lonely,
			"SELECT count(*) FROM l WHERE NOT EXISTS (SELECT FROM r WHERE r.k = l.k)":        lonely,
			"SELECT count(*) FROM (SELECT l.k FROM l JOIN r ON l.k = r.k ORDER BY l.k) AS x": inner,
		} {
			d.must(sql, fmt.Sprintf("%d\n", want))
		}
	}
}
