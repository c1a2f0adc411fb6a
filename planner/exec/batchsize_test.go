package exec

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// TestLongStrings computes more than a GB of strings in the rows of one batch, in every place where an operator computes.
func TestLongStrings(t *testing.T) {
	if testing.Short() {
		t.Skip("computes some GB")
	}
	d, space := newDB(t), tempSpace(t)
	d.table("t", []col{{"id", types.Int4Oid, true}, {"s", types.TextOid, false}}, 1, nil, nil)
	var rows []string
	for id := range 1100 {
		rows = append(rows, fmt.Sprintf("(%d, 'x')", id))
	}
	d.must("INSERT INTO t VALUES "+strings.Join(rows, ", "), "")
	for sql, want := range map[string]string{
		"SELECT id FROM t WHERE length(repeat(s, 1 << 20) || id) = (1 << 20) + 4 AND id < 1003 ORDER BY id":                "|1000\n|1001\n|1002\n",
		"SELECT sum(length(x)), min(right(x, 3)) FROM (SELECT repeat(s, 1 << 20) || id AS x FROM t OFFSET 0) q":            fmt.Sprintf("|%d|000\n", 1100<<20+10+180+2700+400),
		"SELECT length(max(repeat(s, 1 << 20) || id)) FROM t":                                                              "|1048579\n",
		"SELECT count(DISTINCT md5(repeat(s, 1 << 20) || id % 7)) FROM t":                                                  "|7\n",
		"SELECT id FROM t ORDER BY repeat(s, 1 << 20) || id % 10 DESC, id LIMIT 2":                                         "|9\n|19\n",
		"SELECT g, length(string_agg(repeat(s, 1 << 17), '')) FROM (SELECT id % 2 AS g, * FROM t) q GROUP BY g ORDER BY g": "|0|72089600\n|1|72089600\n",
	} {
		got, _, err := d.runWith(space, sql, 4096, 1)
		if err != nil || got != want {
			t.Errorf("%s: %.100q, want %q (%v)", sql, got, want, err)
		}
		space.check(t)
	}
	cur, err := Open(d.context(), d.plan("SELECT repeat(s, 1 << 20) FROM t"))
	if err != nil {
		t.Fatal(err)
	}
	defer cur.Close()
	total := 0
	for {
		b, err := cur.Next(0)
		if err != nil {
			t.Fatal(err)
		}
		if b == nil {
			break
		}
		if n := stringBytes(b.Cols); n > firstBatchRows<<20 {
			t.Errorf("a batch of %d rows has %d bytes", b.N, n)
		}
		total += b.N
	}
	if total != 1100 {
		t.Errorf("%d rows", total)
	}
}
