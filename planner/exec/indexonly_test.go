package exec

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"github.com/pgmqdb/pgmqdb/planner"
	"github.com/pgmqdb/pgmqdb/sql/types"
)

// TestIndexOnlyScansAnswerAsScansOfRows asks the same of a table with indexes, after random writes, and of one without.
func TestIndexOnlyScansAnswerAsScansOfRows(t *testing.T) {
	rng := rand.New(rand.NewSource(3))
	d := newDB(t)
	cols := []col{{"id", types.Int4Oid, true}, {"a", types.Int4Oid, false}, {"b", types.TextOid, false}, {"c", types.Int8Oid, true},
		{"n", types.NumericOid, false}}
	d.table("x", cols, 1, [][]int{{3}, {2, 1}}, [][]int{{1}, {2, 1}, {4}})
	d.table("y", cols, 1, nil, nil)
	for i := range 120 {
		a, b := fmt.Sprint(rng.Intn(9)), fmt.Sprintf("'b%d'", rng.Intn(200))
		if rng.Intn(6) == 0 {
			a = "NULL"
		}
		if rng.Intn(6) == 0 {
			b = "NULL"
		}
		write := fmt.Sprintf("INSERT INTO %%s VALUES (%d, %s, %s, %d, %d.50)", i, a, b, 1000-i, i%5)
		switch {
		case i%7 == 3:
			write = fmt.Sprintf("UPDATE %%s SET a = %s WHERE id = %d", a, rng.Intn(i))
		case i%7 == 5:
			write = fmt.Sprintf("DELETE FROM %%s WHERE id = %d", rng.Intn(i))
		}
		for _, table := range []string{"x", "y"} {
			if _, err := d.query(fmt.Sprintf(write, table)); err != nil && !strings.Contains(err.Error(), "duplicate") {
				t.Fatal(err)
			} else if err != nil {
				break // neither has the row
			}
		}
	}
	only := 0
	for _, q := range []string{"SELECT a FROM %s", "SELECT a, id FROM %s WHERE a > 3", "SELECT a, count(*) FROM %s GROUP BY a", "SELECT b, a, id FROM %s",
		"SELECT b FROM %s WHERE b IN ('b1', 'b2', 'b3', 'b4', 'b5', 'b6', 'b7')", "SELECT count(b), min(b), max(a) FROM %s WHERE b > 'b1'",
		"SELECT id FROM %s WHERE c = 950", "SELECT c, id FROM %s WHERE c > 900 AND id %% 3 = 1", "SELECT sum(c) FROM %s WHERE c IN (999, 950, 12)",
		"SELECT c FROM %s ORDER BY c DESC LIMIT 5", "SELECT b, a FROM %s ORDER BY b, a, id", "SELECT n FROM %s WHERE n = 1.5",
		"SELECT o.id, i.id FROM %[1]s o JOIN %[1]s i ON o.a = i.a WHERE o.id < 9", "SELECT id FROM %[1]s o WHERE EXISTS (SELECT FROM %[1]s i WHERE i.c = o.id + 880)",
		"SELECT id, (SELECT count(*) FROM %[1]s i WHERE i.a = o.id) FROM %[1]s o"} {
		if strings.Contains(strings.Join(planner.Explain(d.plan(fmt.Sprintf(q, "x"))), "\n"), "Index Only Scan") {
			only++
		}
		got, err := d.query(fmt.Sprintf(q, "x"))
		want, err2 := d.query(fmt.Sprintf(q, "y"))
		if err != nil || err2 != nil || sortLines(got) != sortLines(want) {
			t.Errorf("%s: got %v\n%s, want %v\n%s", q, err, got, err2, want)
		}
	}
	if only < 10 {
		t.Errorf("only %d of the queries read nothing but an index", only)
	}
}
