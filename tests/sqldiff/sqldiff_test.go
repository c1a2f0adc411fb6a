// Package sqldiff runs the same SQL scripts through psql against PostgreSQL 15 and against pgmqdb and demands equal
// output: rows, command tags, notices, and every field of every error.
//
// Each testdata/*.sql runs in a schema of its own. Rows without ORDER BY have no order in either server, so scripts
// order what they print.
package sqldiff

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

var (
	only    = flag.String("script", "", "run only the scripts whose name contains this")
	workMem = flag.String("workmem", "", "run the scripts on pgmqdb with this work_mem: their output does not depend on it")
	keepOut = flag.String("keep", "", "write both outputs of every script into this directory")

	oracle, subject *testenv.Server
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "sqldiff")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	if oracle, err = testenv.StartPostgres(dir, "fsync=off", "autovacuum=off"); err != nil {
		fmt.Println(err)
		return 1
	}
	defer oracle.Stop()
	if subject, err = testenv.StartPgmqdb(dir); err != nil {
		fmt.Println(err)
		return 1
	}
	defer subject.Kill()
	return m.Run()
}

// volatile matches what may differ: source locations of PostgreSQL's C files.
var volatile = regexp.MustCompile(`(?m)^LOCATION: .*\n`)

// temporary matches the names of sessions' temporary schemas, which each server numbers in its own way.
var temporary = regexp.MustCompile(`pg_temp_\d+`)

func runScript(t *testing.T, s *testenv.Server, name, script string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	schema := "s_" + regexp.MustCompile(`\W`).ReplaceAllString(name, "_")
	if out, err := s.PSQL(ctx, "create schema "+schema, "-q"); err != nil {
		t.Fatalf("%s: %v\n%s", s.Name, err, out)
	}
	prologue := fmt.Sprintf("\\set VERBOSITY verbose\nset search_path = %s;\n", schema)
	if *workMem != "" && s == subject {
		prologue = fmt.Sprintf("set work_mem = '%s';\n%s", *workMem, prologue)
	}
	out, err := s.PSQL(ctx, prologue+script, "-a")
	if *workMem != "" && s == subject {
		_, out, _ = strings.Cut(out, "\nSET\n")
	}
	if err != nil && ctx.Err() != nil {
		t.Errorf("%s: timed out", s.Name)
	}
	return temporary.ReplaceAllString(volatile.ReplaceAllString(out, ""), "pg_temp_N")
}

func TestScriptsAnswerAsPostgreSQLDoes(t *testing.T) {
	files, err := filepath.Glob("testdata/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".sql")
		if *only != "" && !strings.Contains(name, *only) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			script, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			want := runScript(t, oracle, name, string(script))
			got := runScript(t, subject, name, string(script))
			if *keepOut != "" {
				_ = os.WriteFile(filepath.Join(*keepOut, name+".postgresql"), []byte(want), 0o644)
				_ = os.WriteFile(filepath.Join(*keepOut, name+".pgmqdb"), []byte(got), 0o644)
			}
			if got != want {
				t.Errorf("output differs:\n%s", testenv.Diff(want, got))
			}
		})
	}
}
