package parse

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// dump prints a tree without locations, with literals in their places.
func dump(v any, lits []Literal) string {
	var b strings.Builder
	dumpValue(&b, reflect.ValueOf(v), lits)
	return b.String()
}

func dumpValue(b *strings.Builder, v reflect.Value, lits []Literal) {
	switch v.Kind() {
	case reflect.Invalid:
	case reflect.Interface:
		dumpValue(b, v.Elem(), lits)
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		if p, ok := v.Interface().(*ParamRef); ok && p.Literal {
			l := lits[p.Number-1]
			if l.Kind != p.LitKind {
				b.WriteString("KIND MISMATCH ")
			}
			rows := LiteralRows{NumCols: 1, Kinds: []LiteralKind{l.Kind}, Texts: []string{l.Text}, Locs: []int32{0}}
			c := rows.Const(0)
			v = reflect.ValueOf(&c)
		}
		dumpValue(b, v.Elem(), lits)
	case reflect.Struct:
		b.WriteString(v.Type().Name() + "{")
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if f.Type == reflect.TypeFor[Location]() || f.Name == "Text" && v.Type().Name() == "RawStmt" {
				continue
			}
			if fv := v.Field(i); !fv.IsZero() {
				b.WriteString(f.Name + ":")
				dumpValue(b, fv, lits)
				b.WriteString(" ")
			}
		}
		b.WriteString("}")
	case reflect.Slice:
		b.WriteString("[")
		for i := range v.Len() {
			dumpValue(b, v.Index(i), lits)
			b.WriteString(",")
		}
		b.WriteString("]")
	default:
		switch x := v.Interface().(type) {
		case string:
			fmt.Fprintf(b, "%q", x)
		case Persistence, FKAction, FKMatch, FunctionParameterMode, LiteralKind:
			fmt.Fprintf(b, "%c", x)
		default:
			fmt.Fprint(b, x)
		}
	}
}

var normalizable = []string{
	"SELECT * FROM t WHERE id = 5", "select a, 'x' from t where id=-5 and b = 'it''s'",
	"INSERT INTO t (a, b) VALUES (1, 'x'), (-2.5, 'y')", "insert into t values (99999999999, now(), 'x', null, true)",
	"UPDATE t SET a = a - 1, b = 'x' WHERE id = 7", "DELETE FROM t WHERE id IN (1, 2,3) RETURNING 1",
	"SELECT a FROM t WHERE b BETWEEN 1 AND 2 ORDER BY 1 LIMIT 10", "select 1 from t where a->>'k' = 'v' limit 1",
	"select 1 from t where d > date '2020-01-01' and e = '5'::int and f = -5::int8",
	"insert into t values (1) on conflict (id) do update set a = 5", "select 1 from t where a=1 and b='x'and c='é'",
	"update t set a = -9223372036854775808, b = -2147483648, c = - 4 where x < -1;",
	"select a from t join u on t.a = 1 where length(b) = 5 and c = f('x', 1)", "select 1 from t where a = .5 and b=1e3",
	"select 1 from t where a[1] = 2 and x::varchar(10) = 'y'", "select 1 from t where a <-1 and b>=-2",
}

// TestNormalizedTreeIsTheTree proves that a key's tree with the literals put
// back is the text's own.
func TestNormalizedTreeIsTheTree(t *testing.T) {
	for _, sql := range normalizable {
		key, lits, ok := Normalize(sql)
		if !ok {
			t.Errorf("not normalized: %s", sql)
			continue
		}
		got, err := ParseNormalized(key)
		if err != nil {
			t.Errorf("%s: %q: %v", sql, key, err)
			continue
		}
		want, err := ParseOne(sql)
		if err != nil {
			t.Fatal(sql, err)
		}
		if g, w := dump(got, lits), dump(want, nil); g != w {
			t.Errorf("%s\nkey %q\ngot  %s\nwant %s", sql, key, g, w)
		}
		for _, l := range lits {
			if c := sql[l.Pos]; c != '\'' && c != '-' && c != '.' && (c < '0' || c > '9') {
				t.Errorf("%s: literal at %d", sql, l.Pos)
			}
		}
	}
}

func TestNormalizeGivesUp(t *testing.T) {
	for _, sql := range []string{
		"", "SELECT 1", "select 5 from t", "select 1 from t limit 5", "select 1 from t where a = $1 and b = 2",
		"select 1 from t where a = E'x'", "select 1 from t where a = 5; select 2", "select 1 from t where a = 5 -- c",
		"select 1 from t where a in (select 5)", "with a as (select 1) select 1 from a where b = 5",
		"select 1 from t where a = 5 union select 2", "select 1 from t where a = 'x' 'y'", "select 1 from t where a = 'x",
		"select 1 from t where a = '\xff'", "select 1 from t where a = 'a\x00'", "select 1 from t where a = $$x$$",
		"select 1 from t where a = 5x", "create table t (a int default 5)", "select 1 from t where (a = 5",
	} {
		if key, _, ok := Normalize(sql); ok {
			t.Errorf("normalized %q to %q", sql, key)
		}
	}
}

func TestNormalizeAllocatesNothing(t *testing.T) {
	key, lits := make([]byte, 0, 1024), make([]Literal, 0, 16)
	if n := testing.AllocsPerRun(100, func() { NormalizeInto(key, lits, normalizable[0]) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkNormalizePoint(b *testing.B) {
	key, lits := make([]byte, 0, 1024), make([]Literal, 0, 16)
	for b.Loop() {
		NormalizeInto(key, lits, "SELECT id, name, balance FROM accounts WHERE id = 123456 AND owner = 'somebody'")
	}
}

func BenchmarkParsePoint(b *testing.B) {
	for b.Loop() {
		if _, err := Parse("SELECT id, name, balance FROM accounts WHERE id = 123456 AND owner = 'somebody'"); err != nil {
			b.Fatal(err)
		}
	}
}
