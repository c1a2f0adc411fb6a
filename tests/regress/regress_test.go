package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// quick are the files that every run of the tests scores; PGMQDB_LONG scores all.
var quick = []string{"boolean", "int4", "select_having", "delete", "limit", "transactions", "insert_conflict", "date"}

// openForTest skips where PostgreSQL's source package cannot be had.
func openForTest(t *testing.T) (*suite, string) {
	t.Helper()
	dir := t.TempDir()
	for p := dir; p != "/" && p != os.TempDir(); p = filepath.Dir(p) {
		_ = os.Chmod(p, 0o755)
	}
	s, err := openSuite(context.Background(), filepath.Join(dir, "abs"))
	if err != nil {
		t.Skipf("no PostgreSQL regression tests: %v", err)
	}
	return s, dir
}

// The page's scores are reached: no file falls below what docs/COMPATIBILITY.md says.
func TestScoresOfThePageAreReached(t *testing.T) {
	page, err := readPage()
	if err != nil {
		t.Fatal(err)
	}
	s, dir := openForTest(t)
	names := quick
	if os.Getenv("PGMQDB_LONG") != "" {
		names = files
	}
	target := pgmqdbTarget(dir)
	for _, f := range names {
		t.Run(f, func(t *testing.T) {
			want, ok := page[f]
			if !ok {
				t.Fatalf("the page has no row for %s", f)
			}
			score, err := s.run(context.Background(), target, f)
			if err != nil {
				t.Fatal(err)
			}
			equal, counted, out := score.counts()
			if counted != want.counted || out != want.out {
				t.Errorf("%d statements count and %d are left out, the page says %d and %d: write it anew", counted, out, want.counted, want.out)
			}
			if equal < want.equal {
				var b strings.Builder
				printDifferences(&b, score)
				t.Errorf("%d of %d statements are equal, the page says %d\n%s", equal, counted, want.equal, b.String())
			}
		})
	}
}

// PostgreSQL itself reaches everything: units are cut, run, aligned and compared as they should be.
func TestPostgreSQLScoresAll(t *testing.T) {
	s, dir := openForTest(t)
	target, stop, err := postgresTarget(context.Background(), s, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	names := append([]string{"copy2", "copyselect", "strings", "create_table"}, quick...)
	if os.Getenv("PGMQDB_LONG") != "" {
		names = files
	}
	for _, f := range names {
		score, err := s.run(context.Background(), target, f)
		if err != nil {
			t.Fatal(err)
		}
		if equal, counted, _ := score.counts(); equal < counted-1 || counted == 0 {
			var b strings.Builder
			printDifferences(&b, score)
			t.Errorf("%s: %d of %d\n%s", f, equal, counted, b.String())
		}
	}
}

func TestUnitsEndWhereThePsqlLexerEndsThem(t *testing.T) {
	script := strings.Join([]string{
		"-- a comment; with a semicolon", "select 1,", "  ';' /* ; */, $a$ ; $a$, E'\\';', \"x;\";", "",
		"select 2 \\; select 3;", "create rule r as on insert to t do also (select 1; select 2);",
		"create function f() returns int begin atomic select 1; select 2; end;", "\\d t", "select 4 \\gset",
		"copy t from stdin;", "1;", "\\.", "select 5;"}, "\n")
	var got []string
	for _, u := range readScript(script, "") {
		got = append(got, fmt.Sprint(u.line, " ", len(u.lines), " ", len(u.data)))
	}
	want := []string{"1 3 0", "4 2 0", "6 1 0", "7 1 0", "8 1 0", "9 1 0", "10 1 2", "13 1 0"}
	if !slices.Equal(got, want) {
		t.Errorf("units are %q, want %q", got, want)
	}
}

func TestExpectedOutputIsDealtOut(t *testing.T) {
	script := "select 1;\n\n-- why\ncopy t from stdin;\n1\n\\.\ncopy missing from stdin;\nselect 2;\n"
	expected := "select 1;\n one\n-- why\ncopy t from stdin;\nERROR:  a\ncopy missing from stdin;\nERROR:  b\nselect 2;\n two\n"
	var got []string
	for _, u := range readScript(script, expected) {
		got = append(got, strings.Join(u.output, ",")+" "+strings.Join(u.data, ","))
	}
	want := []string{" one ", `ERROR:  a 1,\.`, "ERROR:  b ", " two "}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOrderCountsAsFarAsOrderByFixesIt(t *testing.T) {
	out := func(rows ...string) []string {
		return append(append([]string{" a | b ", "---+---"}, rows...), fmt.Sprintf("(%d rows)", len(rows)))
	}
	x := out(" 1 | x ", " 1 | y ", " 2 | z ")
	ties := out(" 1 | y ", " 1 | x ", " 2 | z ")
	moved := out(" 2 | z ", " 1 | x ", " 1 | y ")
	other := out(" 1 | x ", " 1 | x ", " 2 | z ")
	for _, c := range []struct {
		sql  string
		got  []string
		want bool
	}{
		{"select a, b from t", moved, true}, {"select a, b from t", other, false},
		{"select a, b from t order by a", ties, true}, {"select a, b from t order by 1", ties, true},
		{"select a, b from t order by a", moved, false}, {"select a, b from t order by a, b", ties, false},
		{"select a, b from t order by -a", ties, false}, {"insert into t values (1) returning *", moved, true},
	} {
		if got := equal(x, c.got, orderOf(parseTree(c.sql), map[string]order{})); got != c.want {
			t.Errorf("%s: equal is %v for %q", c.sql, got, c.got)
		}
	}
}

func TestRulesLeaveOutWhatTheySay(t *testing.T) {
	r := newRules()
	rows := []string{" a ", "---", " 1 ", "(1 row)"}
	for _, c := range []struct{ sql, want string }{
		{"create table t (a int)", ""},
		{"explain select 1", byPlan},
		{"create function f() returns int language sql as 'select 1'", byCode},
		{"select f()", byDepends},
		{"create view v as select f()", byDepends},
		{"select * from v", byDepends},
		{"drop view v", byDepends},
		{"create table v (a int)", ""},
		{"select * from v", ""},
		{"begin", ""},
		{"insert into t select f()", byDepends},
		{"select * from t", byDepends},
		{"rollback", ""},
		{"select * from t", ""},
		{"create trigger g before insert on t execute function f()", byCode},
		{"update t set a = 2", byDepends},
		{"create table s (a int) tablespace x", bySpace},
		{"select * from v limit 1", byOrder},
		{"select * from v order by a limit 1", ""},
		{"select array_agg(a) from v", byOrder},
		{"select array_agg(a order by a) from v", ""},
		{"select array_agg(a) from (select * from v order by a) s", ""},
		{"select row_number() over () from v", byOrder},
		{"select row_number() over w from v window w as (order by a)", ""},
		{"select distinct on (a) * from v", byOrder},
		{"declare c cursor for select * from v", ""},
		{"fetch 1 from c", byOrder},
	} {
		u := &unit{sql: c.sql, output: rows}
		if got := r.leaveOut(u, parseTree(c.sql)); got != c.want {
			t.Errorf("%s: left out by %q, want %q", c.sql, got, c.want)
		}
	}
}
