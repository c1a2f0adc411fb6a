package exec

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"github.com/pgmqdb/pgmqdb/catalog"
	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/sema"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// planCounting plans a statement under given row counts.
func (d *db) planCounting(sql string, rows func(*catalog.Table) int64) *planner.Plan {
	d.t.Helper()
	st, err := parse.ParseOne(sql)
	if err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
	an, err := sema.Analyze(st, &sema.Env{Catalog: d.snap, SearchPath: []string{"public"}, Text: sql})
	if err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
	p, err := planner.Prepare(an, &planner.Env{Groups: 4, RowCount: rows})
	if err != nil {
		d.t.Fatalf("%s: plan: %v", sql, err)
	}
	return p
}

// TestJoinOrderDoesNotShow plans random joins under random row counts, which lead to different orders and methods: the rows
// are the same.
func TestJoinOrderDoesNotShow(t *testing.T) {
	rng := rand.New(rand.NewSource(11))
	d := newDB(t)
	const tables = 5
	for i := range tables {
		name := fmt.Sprintf("t%d", i)
		d.table(name, []col{{"id", types.Int4Oid, true}, {"a", types.Int4Oid, false}, {"b", types.Int4Oid, false}}, 1, nil, [][]int{{1}})
		var rows []string
		for id := range 12 {
			null := func(n int) string {
				if rng.Intn(6) == 0 {
					return "NULL"
				}
				return fmt.Sprint(rng.Intn(n))
			}
			rows = append(rows, fmt.Sprintf("(%d, %s, %s)", id, null(8), null(4)))
		}
		d.must("INSERT INTO "+name+" VALUES "+strings.Join(rows, ", "), "")
	}
	col := func(i int) string { return fmt.Sprintf("t%d.%s", i, []string{"id", "a", "b"}[rng.Intn(3)]) }
	shapes := map[string]bool{}
	for range 150 {
		from := "t0"
		for i := 1; i < tables; i++ {
			kind := []string{"JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"}[rng.Intn(5)]
			on := fmt.Sprintf("%s = %s", col(rng.Intn(i)), col(i))
			if kind != "FULL JOIN" && rng.Intn(3) == 0 {
				on += fmt.Sprintf(" AND %s < %s", col(rng.Intn(i)), col(i))
			}
			from += fmt.Sprintf(" %s t%d ON %s", kind, i, on)
		}
		var where []string
		for range rng.Intn(3) {
			where = append(where, []string{
				fmt.Sprintf("%s = %s", col(rng.Intn(tables)), col(rng.Intn(tables))),
				fmt.Sprintf("%s IS NULL", col(rng.Intn(tables))),
				fmt.Sprintf("%s > 1", col(rng.Intn(tables))),
				fmt.Sprintf("EXISTS (SELECT FROM t1 x WHERE x.a = %s)", col(rng.Intn(tables))),
				fmt.Sprintf("%s NOT IN (SELECT b FROM t2 WHERE b IS NOT NULL)", col(rng.Intn(tables))),
			}[rng.Intn(5)])
		}
		sql := "SELECT t0.id, t1.id, t2.id, t3.id, t4.id FROM " + from
		if len(where) > 0 {
			sql += " WHERE " + strings.Join(where, " AND ")
		}
		want, first := "", ""
		for try := range 5 {
			counts := map[catalog.Oid]int64{}
			d.snap.Tables(func(t *catalog.Table) bool {
				counts[t.OID] = []int64{1, 12, 500, 100000, 10000000}[rng.Intn(5)]
				return true
			})
			p := d.planCounting(sql, func(t *catalog.Table) int64 { return counts[t.OID] })
			out, _, err := d.run(p)
			if err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
			plan := strings.Join(explainLines(p, planner.ExplainOptions{}), "\n")
			shapes[sql+plan] = true
			if out = sortLines(out); try == 0 {
				want, first = out, plan
			} else if out != want {
				t.Fatalf("%s\n%s\ngives\n%s\nand\n%s\ngives\n%s", sql, first, want, plan, out)
			}
		}
	}
	if len(shapes) < 300 {
		t.Errorf("only %d plans of 150 queries under 5 counts", len(shapes))
	}
}

func explainLines(p *planner.Plan, o planner.ExplainOptions) []string {
	return planner.ExplainTree(p, o).Lines(o)
}
