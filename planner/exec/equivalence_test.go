package exec

import (
	"strings"
	"testing"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// TestEqualColumnsAreJoinedWithoutTheOneBetween: from s.n = k.id and c.n = s.n it follows that c.n = k.id, and c and k are small.
func TestEqualColumnsAreJoinedWithoutTheOneBetween(t *testing.T) {
	d := newDB(t)
	for _, name := range []string{"k", "s", "c"} {
		d.table(name, []col{{"id", types.Int4Oid, true}, {"n", types.Int4Oid, false}}, 1, nil, nil)
	}
	d.must("INSERT INTO k VALUES (1, 1), (2, 1), (3, 0)", "")
	d.must("INSERT INTO s VALUES (10, 1), (11, 2), (12, NULL), (13, 2)", "")
	d.must("INSERT INTO c VALUES (20, 1), (21, 2), (22, 2), (23, NULL)", "")
	sql := "SELECT k.id, s.id, c.id FROM k, s, c WHERE s.n = k.id AND c.n = s.n AND k.n = 1"
	want := "1|10|20\n2|11|21\n2|11|22\n2|13|21\n2|13|22\n"
	plans := map[string]bool{}
	for _, counts := range []map[string]int64{{"k": 100, "s": 1e6, "c": 200}, {"k": 1e6, "s": 10, "c": 1e6}, {"k": 3, "s": 4, "c": 4}} {
		p := d.planCounting(sql, func(t *catalog.Table) int64 { return counts[t.Name] })
		got, _, err := d.run(p)
		if err != nil || sortLines(got) != sortLines(want) {
			t.Errorf("%v: got %v\n%s", counts, err, got)
		}
		plan := strings.Join(explainLines(p, planner.ExplainOptions{}), "\n")
		plans[plan] = true
		// The large side is read last, against the join of the others.
		if s := strings.Index(plan, "on s"); counts["s"] == 1e6 && (s > strings.Index(plan, "on c") || s > strings.Index(plan, "on k") || strings.Count(plan, "Hash Join") != 2) {
			t.Errorf("c and k are not joined first in\n%s", plan)
		}
	}
	if len(plans) < 2 {
		t.Errorf("one plan for all counts")
	}
}
