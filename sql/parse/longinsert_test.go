package parse

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

var someLiterals = []string{"1", "-7", "- 8", "007", "2147483647", "2147483648", "-2147483648", "-2147483649", "1.50",
	".5", "5.", "1e5", "-1.5e-3", "99999999999999999999", "'x'", "'it''s'", "'é, (b)'", "''", "NULL", "true", "FALSE",
	" 3 ", "/* c */ 4", "-0", "0"}

// randomInsert makes an INSERT of literals; now and then one that is not of
// the fast shape.
func randomInsert(r *rand.Rand) string {
	var b strings.Builder
	b.WriteString([]string{"INSERT INTO t VALUES ", "insert into s.t (a, \"b c\") values\n",
		"INSERT INTO t AS x (a) OVERRIDING SYSTEM VALUE VALUES"}[r.IntN(3)])
	cols := 1 + r.IntN(4)
	for i := range 1 + r.IntN(60) {
		if i > 0 {
			b.WriteString([]string{",", ", ", "\n,"}[r.IntN(3)])
		}
		b.WriteString("(")
		for c := range cols {
			if c > 0 {
				b.WriteString(",")
			}
			lit := someLiterals[r.IntN(len(someLiterals))]
			if r.IntN(1500) == 0 {
				lit = []string{"DEFAULT", "1+1", "f(1)", "'a'::int", "+1", "'a'\n'b'", "E'x'", "$1", "1x", "'"}[r.IntN(10)]
			}
			b.WriteString(lit)
		}
		b.WriteString(")")
	}
	b.WriteString([]string{"", ";", " ON CONFLICT (a) DO UPDATE SET b = excluded.b + 1 WHERE t.c > 5", " RETURNING *, a + 1 AS q",
		" -- tail\n", "; SELECT 1", " RETURN", " + 1"}[r.IntN(8)])
	return b.String()
}

// TestLongInsertEqualsGeneralParse compares the hand lexer with the general
// parser, locations included.
func TestLongInsertEqualsGeneralParse(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	fast := 0
	for range 3000 {
		sql := randomInsert(r)
		got, ok := parseLongInsert(sql, Options{})
		if !ok {
			continue
		}
		fast++
		tr := &translator{sql: sql}
		want, err := tr.parse(sql, nil)
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\ngot  %s\nwant %s", sql, dump(got, nil), dump(want, nil))
		}
	}
	if fast < 500 {
		t.Errorf("only %d of the texts took the fast path", fast)
	}
}

// TestLiteralRowsOnRequest proves that the compact form says what the long
// form says.
func TestLiteralRowsOnRequest(t *testing.T) {
	sql := "INSERT INTO t VALUES (1, 'a')" + strings.Repeat(", (2, 'b')", 50) + " RETURNING a"
	compact, err := ParseWith(sql, Options{LiteralRows: true})
	if err != nil {
		t.Fatal(err)
	}
	long, err := Parse(sql)
	if err != nil {
		t.Fatal(err)
	}
	rows := compact[0].Stmt.(*InsertStmt).Select.LiteralRows
	if rows == nil || !reflect.DeepEqual(rows.ValuesLists(), long[0].Stmt.(*InsertStmt).Select.ValuesLists) {
		t.Errorf("rows differ: %+v", rows)
	}
}

func BenchmarkLongInsert(b *testing.B) {
	sql := "INSERT INTO t VALUES (1, 'a', 1.5, NULL)" + strings.Repeat(", (123456, 'some text', 12.25, NULL)", 999)
	for _, o := range []Options{{}, {LiteralRows: true}} {
		b.Run(map[bool]string{false: "consts", true: "rows"}[o.LiteralRows], func(b *testing.B) {
			for b.Loop() {
				if _, err := ParseWith(sql, o); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/4000, "ns/value")
		})
	}
}
