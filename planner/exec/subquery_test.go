package exec

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pgmqdb/pgmqdb/sql/types"
)

// TestScalarSubqueriesOfABatchAreLookedUpTogether counts the scans that the values for many rows take.
func TestScalarSubqueriesOfABatchAreLookedUpTogether(t *testing.T) {
	d := newDB(t)
	d.table("o", []col{{"id", types.Int4Oid, true}}, 1, nil, nil)
	d.table("i", []col{{"id", types.Int4Oid, true}, {"oid", types.Int4Oid, false}, {"v", types.Int4Oid, false}}, 1, nil, [][]int{{1}})
	var outer, inner []string
	for i := range 300 {
		outer = append(outer, fmt.Sprintf("(%d)", i))
		if i%3 > 0 {
			inner = append(inner, fmt.Sprintf("(%d, %d, %d)", i, i, i*2), fmt.Sprintf("(%d, %d, %d)", 1000+i, i, i))
		}
	}
	d.must("INSERT INTO o VALUES "+strings.Join(outer, ", "), "")
	d.must("INSERT INTO i VALUES "+strings.Join(inner, ", "), "")
	for sql, of := range map[string]func(int) string{
		"SELECT id, (SELECT sum(v) FROM i WHERE i.oid = o.id) FROM o":                            func(i int) string { return fmt.Sprint(3 * i) },
		"SELECT id, (SELECT i.id FROM i WHERE i.oid = o.id AND v = 2 * i.id) FROM o":             func(i int) string { return fmt.Sprint(i) },
		"SELECT id, (SELECT min(x.id) FROM i JOIN i x ON x.id = i.id WHERE i.oid = o.id) FROM o": func(i int) string { return fmt.Sprint(i) },
	} {
		var want strings.Builder
		for i := range 300 {
			v := "null"
			if i%3 > 0 {
				v = of(i)
			}
			fmt.Fprintf(&want, "%d|%s\n", i, v)
		}
		before := d.txn.scans
		d.must(sql, want.String())
		if n := d.txn.scans - before; n > 20 {
			t.Errorf("%s: %d scans", sql, n)
		}
	}
	d.fails("SELECT id, (SELECT v FROM i WHERE i.oid = o.id) FROM o", "more than one row returned by a subquery used as an expression")
}
