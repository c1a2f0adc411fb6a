// Package pgdump takes a database out of pgmqdb with PostgreSQL 15's own pg_dump and puts it into PostgreSQL and into
// another pgmqdb: the three must then dump alike.
package pgdump

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

const bin = "/usr/lib/postgresql/15/bin/"

func run(t *testing.T, s *testenv.Server, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, bin+program, append([]string{"-h", "127.0.0.1", "-p", fmt.Sprint(s.Port), "-U", "postgres"}, args...)...)
	var errors strings.Builder
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil || errors.Len() > 0 {
		t.Fatalf("%s: %s %v: %v\n%s", s.Name, program, args, err, errors.String())
	}
	return string(out)
}

// volatile matches lines that differ between any two dumps.
var volatile = regexp.MustCompile(`(?m)^(\\(un)?restrict .*|-- Dumped .*)\n`)

// normalised is a dump with the rows of each COPY sorted: tables have no order.
func normalised(dump string) string {
	lines := strings.Split(volatile.ReplaceAllString(dump, ""), "\n")
	for i := 0; i < len(lines); i++ {
		if !strings.HasPrefix(lines[i], "COPY ") {
			continue
		}
		end := i + 1
		for lines[end] != `\.` {
			end++
		}
		slices.Sort(lines[i+1 : end])
		i = end
	}
	return strings.Join(lines, "\n")
}

func TestDumpsRestoreEverywhere(t *testing.T) {
	dir, err := os.MkdirTemp("", "pgdump")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	start := func(name string) *testenv.Server {
		d := filepath.Join(dir, name)
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
		s, err := testenv.StartPgmqdb(d)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Kill)
		return s
	}
	source, plain, archive := start("source"), start("plain"), start("archive")
	oracle, err := testenv.StartPostgres(dir, "fsync=off", "autovacuum=off")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = oracle.Stop() })
	load := func(s *testenv.Server, database, file string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if out, err := s.PSQL(ctx, "", "-q", "-d", database, "-v", "ON_ERROR_STOP=1", "-f", file); err != nil {
			t.Fatalf("%s: %s does not load: %v\n%s", s.Name, filepath.Base(file), err, out)
		}
	}
	for _, name := range []string{"source.sql", "views.sql", "textsearch.sql", "objects.sql", "exclusion.sql"} {
		script := filepath.Join("testdata", name)
		load(source, "postgres", script)
		load(oracle, "postgres", script)
	}

	dump := filepath.Join(dir, "dump.sql")
	run(t, source, "pg_dump", "-f", dump, "postgres")
	text, err := os.ReadFile(dump)
	if err != nil {
		t.Fatal(err)
	}
	want := normalised(string(text))
	same := func(what, got string) {
		t.Helper()
		if got = normalised(got); got != want {
			t.Errorf("%s:\n%s", what, testenv.Diff(want, got))
		}
	}
	same("PostgreSQL's dump after the same script", run(t, oracle, "pg_dump", "postgres"))

	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	for _, s := range []*testenv.Server{plain, archive} {
		if out, err := s.PSQL(ctx, "create role reader", "-q"); err != nil {
			t.Fatal(out)
		}
	}
	if out, err := oracle.PSQL(ctx, "create database restored", "-q"); err != nil {
		t.Fatal(out)
	}
	// A restored expression may print differently from the one that was dumped, casts of constants for one: PostgreSQL's
	// own restore tells how.
	load(oracle, "restored", dump)
	want = normalised(run(t, oracle, "pg_dump", "restored"))
	load(plain, "postgres", dump)
	same("another pgmqdb after the restore", run(t, plain, "pg_dump", "postgres"))

	// The archive format, rows as INSERTs, and a restore by pg_restore.
	custom := filepath.Join(dir, "dump.custom")
	run(t, source, "pg_dump", "-Fc", "--inserts", "--rows-per-insert=2", "-f", custom, "postgres")
	run(t, archive, "pg_restore", "--exit-on-error", "-d", "postgres", custom)
	same("another pgmqdb after pg_restore", run(t, archive, "pg_dump", "postgres"))

	// Rows alone, into tables whose foreign keys are turned off meanwhile.
	if out, err := archive.PSQL(ctx, "create database later", "-q"); err != nil {
		t.Fatal(out)
	}
	run(t, archive, "pg_restore", "--exit-on-error", "--schema-only", "-d", "later", custom)
	run(t, archive, "pg_restore", "--exit-on-error", "--data-only", "--disable-triggers", "-d", "later", custom)
	want = normalised(run(t, archive, "pg_dump", "--data-only", "--disable-triggers", "postgres")) // triggers of users are on now, all of them
	same("another database after pg_restore --disable-triggers", run(t, archive, "pg_dump", "--data-only", "--disable-triggers", "later"))
}
