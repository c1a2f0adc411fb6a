package parse

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	pg "github.com/pganalyze/pg_query_go/v5/parser"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

var (
	rewrite = flag.Bool("rewrite", false, "rewrite the golden files")
	oracle  = flag.String("oracle", "", "psql connection string of a PostgreSQL 15 to compare errors with")
)

// TestGolden prints the trees and errors of testdata's statements. A case is a
// text that ends at a line of four dashes; its outcome stands behind.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no testdata", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		for _, c := range strings.Split(strings.TrimSuffix(string(data), "\n\n"), "\n\n") {
			sql, _, _ := strings.Cut(c, "\n----\n")
			sql = strings.TrimSuffix(sql, "\n----")
			out.WriteString(sql + "\n----\n" + transcript(sql) + "\n")
		}
		if *rewrite {
			if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if out.String() != string(data) {
			t.Errorf("%s differs; run with -rewrite and review the diff", file)
		}
	}
}

func transcript(sql string) string {
	var b strings.Builder
	stmts, err := ParseWith(sql, Options{Notice: func(n *pgerr.Error) { b.WriteString(describe(n)) }})
	if err != nil {
		return b.String() + describe(pgerr.From(err))
	}
	for _, s := range stmts {
		b.WriteString(strconv.Itoa(s.Start) + "+" + strconv.Itoa(s.Len) + " " + dump(s.Stmt, nil) + "\n")
	}
	return b.String()
}

// describe prints an error as errorsOf does psql's.
func describe(e *pgerr.Error) string {
	s := e.Severity + ": " + e.Code + ": " + e.Message + "\n"
	if e.Position > 0 {
		s += "POSITION: " + strconv.Itoa(e.Position) + "\n"
	}
	if e.Detail != "" {
		s += "DETAIL: " + e.Detail + "\n"
	}
	if e.Hint != "" {
		s += "HINT: " + e.Hint + "\n"
	}
	return s
}

// TestErrorsMatchPgQuery proves that calling the C parser past pg_query's own
// entry reads its errors as pg_query does.
func TestErrorsMatchPgQuery(t *testing.T) {
	for _, sql := range brokenTexts {
		_, err := pg.ParseToProtobuf(sql)
		_, got := rawParse(sql, PLStatement, 0)
		if (err == nil) != (got == nil) {
			t.Errorf("%q: %v, pg_query: %v", sql, got, err)
			continue
		}
		if err == nil {
			continue
		}
		want := err.(*pg.Error)
		if got.Message != want.Message || got.Position != want.Cursorpos {
			t.Errorf("%q: %q at %d, pg_query: %q at %d", sql, got.Message, got.Position, want.Message, want.Cursorpos)
		}
	}
}

var brokenTexts = []string{
	"selec 1", "select 'abc", "select \"abc", "select /* x", "select 1 frm t where", "select", "create table t (a int,",
	"select $$abc", "select é é é", "select * from (select 1)", "select * from ( values (1), (2) )",
	"select * from t, (select 1) where a", "select * from (select 1) a join (values (1)) on true",
	"select U&'\\zzzz'", "select E'\\u12'", "select \"\"", "select 0x1F", "select 1_000", "select 12abc", "select $1a", "select 1e", "select 1.5e+", "select 1ee+5",
	"select 1 limit 1 limit 2", "select 1 order by 1 order by 2", "select 1 for update for update of",
	"create table t (a int default 1 check initially deferred)", "select a.*.b from t", "select array[1,2", "select 1 +",
	"insert into t values (1", "insert into t (a, b) valeus (1, 2)", "grant foo", "create index on",
	"create table t (a varchar(10, 20) not null null x)", "select cast(1 as)", "alter table t add column",
	"select 1 fetch first 1 rows with ties", "select distinct on a from t",
	"create trigger x before update or update on t for each row execute function f()",
	"select interval(3) '1' year", "create view v as select 1 union", "set transaction foo",
	"copy t from stdin with (format csv",
	"create table t (a int references u match partial)", "select 1 limit all fetch first row only", "with a as select 1",
	"select count(distinct) from t", "select 1 where current of",
	"select ROW(1,2) overlaps ROW(1)", "create sequence s increment", "select -", "select 1;;select 2 x y",
}

// TestErrorsMatchOracle compares code, message, position and hint with a
// PostgreSQL 15's, when -oracle names one.
func TestErrorsMatchOracle(t *testing.T) {
	if *oracle == "" {
		t.Skip("set -oracle to compare")
	}
	for _, sql := range brokenTexts {
		got := ""
		if _, err := Parse(sql); err != nil {
			got = describe(pgerr.From(err))
		}
		if want := oracleError(t, sql); got != want {
			t.Errorf("%s\ngot  %swant %s", sql, got, want)
		}
	}
}

// oracleError runs the text and reads the error off psql's output, the
// position off its caret.
func oracleError(t *testing.T, sql string) string {
	cmd := exec.Command("psql", *oracle, "-X", "-q", "-v", "VERBOSITY=verbose", "-c", sql)
	out, _ := cmd.CombinedOutput()
	var b strings.Builder
	lines := strings.Split(string(out), "\n")
	for i, l := range lines {
		switch {
		case strings.HasPrefix(l, "ERROR:  "):
			b.WriteString("ERROR: " + strings.TrimPrefix(l, "ERROR:  ") + "\n")
		case strings.HasPrefix(l, "LINE 1: ") && i+1 < len(lines):
			b.WriteString("POSITION: " + strconv.Itoa(len([]rune(lines[i+1]))-len("LINE 1: ")) + "\n")
		case strings.HasPrefix(l, "DETAIL:  "):
			b.WriteString("DETAIL: " + strings.TrimPrefix(l, "DETAIL:  ") + "\n")
		case strings.HasPrefix(l, "HINT:  "):
			b.WriteString("HINT: " + strings.TrimPrefix(l, "HINT:  ") + "\n")
		}
	}
	return b.String()
}

// TestDeparseReadsBack proves that a printed expression parses to the same
// tree, and that printing is stable.
func TestDeparseReadsBack(t *testing.T) {
	for _, text := range []string{
		"1", "-1", "1.50", "'it''s'", "b'101'", "x'1f'", "NULL", "TRUE", "a", "t.a", "\"A b\".c", "a + b * c - d", "a = 1 AND b <> 2 OR NOT c",
		"a IS NULL", "a IS NOT TRUE", "a IN (1, 2)", "a NOT IN ('x')", "a BETWEEN 1 AND 2", "a NOT BETWEEN SYMMETRIC 1 AND b + 1",
		"a LIKE 'x%'", "a NOT ILIKE 'x' ESCAPE '!'", "a SIMILAR TO 'x'", "a NOT SIMILAR TO 'x' ESCAPE 'y'",
		"a::varchar(10)", "CAST(a AS numeric(10,2)[])", "a::timestamp(3) with time zone", "'1'::interval day to second(3)",
		"interval '1' year", "date '2020-01-01'", "coalesce(a, 1)", "greatest(a, b)", "least(a)", "nullif(a, 1)",
		"CASE a WHEN 1 THEN 'x' ELSE 'y' END", "CASE WHEN a THEN 1 END", "now()", "f(a, b => 1)", "f(VARIADIC a)",
		"count(*)", "count(DISTINCT a ORDER BY b DESC NULLS LAST) FILTER (WHERE c)", "percentile_cont(0.5) WITHIN GROUP (ORDER BY a)",
		"ARRAY[1, 2]", "ARRAY[[1],[2]]", "ROW(1, 2)", "(1, 2)", "ROW()", "(a).b", "(a).*", "a[1]", "a[1:2]", "(f(a))[1].b",
		"a = ANY (b)", "a < ALL (ARRAY[1])", "a IS DISTINCT FROM b", "a IS NOT DISTINCT FROM b", "a OPERATOR(pg_catalog.+) b",
		"CURRENT_DATE", "CURRENT_TIMESTAMP(3)", "current_user", "a COLLATE \"C\"", "- a", "@ a", "a || b", "nextval('s'::regclass)",
		"t.*", "\"user\"", "\"case\" + 1", "$1", "DEFAULT", "not (a and b)", "-(1)", "- (-1)", "-9223372036854775808",
	} {
		e, err := ParseExpr(text)
		if err != nil {
			if text != "DEFAULT" {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		printed := Deparse(e)
		back, err := ParseExpr(printed)
		if err != nil {
			t.Errorf("%s printed %s: %v", text, printed, err)
			continue
		}
		if g, w := dump(back, nil), dump(e, nil); g != w {
			t.Errorf("%s printed %s\ngot  %s\nwant %s", text, printed, g, w)
		}
	}
	for _, text := range []string{"extract(year from a)", "trim(both 'x' from a)", "overlay(a placing b from 1)",
		"a AT TIME ZONE 'UTC'", "position('a' in b)", "substring(a from 1 for 2)", "a is normalized"} {
		e, err := ParseExpr(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if _, err := ParseExpr(Deparse(e)); err != nil {
			t.Errorf("%s printed %s: %v", text, Deparse(e), err)
		}
	}
}

func TestParseExprTakesOneExpressionOnly(t *testing.T) {
	for _, text := range []string{"", "1, 2", "1 AS a", "1 FROM t", "1; SELECT 2", "1 WHERE true", "1 UNION SELECT 2", "1 LIMIT 1", "DISTINCT 1"} {
		if _, err := ParseExpr(text); err == nil {
			t.Errorf("accepted %q", text)
		}
	}
}

func TestInvalidBytesAreRefused(t *testing.T) {
	for sql, want := range map[string]string{
		"select '\xff'":         "0xff",
		"select '\xc3('":        "0xc3 0x28",
		"select \x00":           "0x00",
		"select '\xe2\x82":      "0xe2 0x82",
		"select '\xed\xa0\x80'": "0xed 0xa0 0x80",
	} {
		_, err := Parse(sql)
		e := pgerr.From(err)
		if e == nil || e.Code != pgerr.CharacterNotInRepertoire ||
			e.Message != "invalid byte sequence for encoding \"UTF8\": "+want {
			t.Errorf("%q: %v", sql, err)
		}
	}
}

// FuzzParse proves that no text ends the process or disagrees with its
// normalized form.
func FuzzParse(f *testing.F) {
	for _, s := range append(append([]string{}, brokenTexts...), normalizable...) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		l := lexer{sql: sql}
		for last := -1; ; {
			tok := l.next()
			if tok.kind == tokEOF || tok.kind == tokError {
				break
			}
			if tok.end <= last {
				t.Fatalf("no progress at %d", last)
			}
			last = tok.end
		}
		stmt, err := ParseOne(sql)
		key, lits, ok := Normalize(sql)
		if !ok {
			return
		}
		norm, normErr := ParseNormalized(key)
		if err != nil || normErr != nil {
			if (err == nil) != (normErr == nil) {
				t.Fatalf("%q: %v, key %q: %v", sql, err, key, normErr)
			}
			return
		}
		if g, w := dump(norm, lits), dump(stmt, nil); g != w {
			t.Fatalf("%q key %q\ngot  %s\nwant %s", sql, key, g, w)
		}
	})
}
