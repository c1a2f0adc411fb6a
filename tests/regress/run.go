package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

// fileLimit bounds the time of one script. PostgreSQL needs a few seconds for the longest.
const fileLimit = 3 * time.Minute

// statementLimit is the statement_timeout: a statement that hangs costs itself, not the rest of its file.
const statementLimit = "15s"

// suite is PostgreSQL's src/test/regress, unpacked.
type suite struct {
	dir string
	// work is a copy of data/ that a server running as another user may read, and results/ where it may write.
	work string
}

// openSuite fetches the regression tests when they are missing.
func openSuite(ctx context.Context, work string) (*suite, error) {
	root, err := testenv.ModuleRoot()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(root, "tests/regress/fetch-source"))
	var diag bytes.Buffer
	cmd.Stderr = &diag
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("fetch-source: %w\n%s", err, diag.String())
	}
	s := &suite{dir: strings.TrimSpace(string(out)), work: work}
	for _, dir := range []string{"data", "results"} {
		if err := os.MkdirAll(filepath.Join(work, dir), 0o777); err != nil {
			return nil, err
		}
		if err := os.Chmod(filepath.Join(work, dir), 0o777); err != nil {
			return nil, err
		}
	}
	return s, os.CopyFS(filepath.Join(work, "data"), os.DirFS(filepath.Join(s.dir, "data")))
}

// read returns a script and what PostgreSQL answers to it, in the variants that pg_regress allows.
func (s *suite) read(name string) (script string, expected []string, err error) {
	b, err := os.ReadFile(filepath.Join(s.dir, "sql", name+".sql"))
	if err != nil {
		return "", nil, err
	}
	for _, suffix := range []string{"", "_1", "_2"} {
		e, err := os.ReadFile(filepath.Join(s.dir, "expected", name+suffix+".out"))
		if errors.Is(err, os.ErrNotExist) && suffix != "" {
			continue
		}
		if err != nil {
			return "", nil, err
		}
		expected = append(expected, string(e))
	}
	return string(b), expected, nil
}

// target is a server to score. Each file gets a server, or a database of its own, that holds what test_setup makes.
type target struct {
	name  string
	open  func() (*testenv.Server, func(), error)
	setup func(ctx context.Context, s *suite, server *testenv.Server) error
	db    string
}

// environment is what pg_regress sets for psql.
func (s *suite) environment(server *testenv.Server, file string) []string {
	var env []string
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, "PG") && !strings.HasPrefix(name, "LC_") && name != "LANG" && name != "LANGUAGE" {
			env = append(env, e)
		}
	}
	return append(env, "LC_MESSAGES=C", "LANG=C", "PGTZ=America/Los_Angeles", "PGDATESTYLE=Postgres, MDY",
		"PGOPTIONS=-c intervalstyle=postgres_verbose -c statement_timeout="+statementLimit, "PGAPPNAME=pg_regress/"+file, "PGUSER=postgres",
		"PGHOST="+server.Host, "PGPORT="+strconv.Itoa(server.Port), "PG_ABS_SRCDIR="+s.work, "PG_ABS_BUILDDIR="+s.work,
		"PG_LIBDIR=/usr/lib/postgresql/15/lib", "PG_DLSUFFIX=.so")
}

// psql runs a script as pg_regress does, and returns what it prints.
func (s *suite) psql(ctx context.Context, server *testenv.Server, db, file, script string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, fileLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "psql", "-X", "-a", "-q", "-d", db, "-v", "HIDE_TABLEAM=on", "-v", "HIDE_TOAST_COMPRESSION=on")
	cmd.Env = s.environment(server, file)
	cmd.Stdin = strings.NewReader(script)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if ctx.Err() != nil {
		return out.String(), fmt.Errorf("%s: stopped after %v", file, fileLimit)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return "", err
	}
	return out.String(), nil
}

// After each unit psql is made to print a mark, twice where it echoes its input, so that the outputs of two units cannot run
// together.
const mark = "\\echo @@%d@@\n"

var markLine = regexp.MustCompile(`^(?:\\echo )?@@(\d+)@@$`)

// render writes the script that psql reads. A COPY from standard input is a file of its own, with its rows: a server that
// refuses the COPY makes psql read the rows as SQL, one that wrongly accepts it makes psql read SQL as rows, and either ends
// with that file.
func (s *suite) render(units []*unit) (string, error) {
	var b strings.Builder
	for _, u := range units {
		lines := strings.Join(append(append([]string{}, u.lines...), u.data...), "\n") + "\n"
		if len(u.data) > 0 || u.copies() {
			path := filepath.Join(s.work, "results", fmt.Sprintf("unit%d.sql", u.number))
			if err := os.WriteFile(path, []byte(lines), 0o644); err != nil {
				return "", err
			}
			lines = `\i ` + path + "\n"
		}
		b.WriteString(lines)
		fmt.Fprintf(&b, mark, u.number)
	}
	return b.String(), nil
}

var includedFrom = regexp.MustCompile(`^psql:\S*/results/unit\d+\.sql:\d+: `)

// split cuts psql's output at the marks and takes the echo out. A unit that psql did not come to has no entry.
func (s *suite) split(units []*unit, output string) [][]string {
	outputs := make([][]string, len(units))
	var segment []string
	for _, line := range splitLines(output) {
		m := markLine.FindStringSubmatch(line)
		if m == nil {
			if !strings.HasPrefix(line, `\i `+s.work) {
				segment = append(segment, includedFrom.ReplaceAllString(line, ""))
			}
			continue
		}
		if i, err := strconv.Atoi(m[1]); err == nil && i < len(units) && outputs[i] == nil {
			copied := *units[i]
			copied.output = nil
			a := &aligner{out: segment, last: &unit{}}
			a.place(&copied)
			a.finish()
			outputs[i] = append([]string{}, copied.output...)
			if len(a.last.lines) == 0 { // nothing was echoed
				outputs[i] = append(outputs[i], a.last.output...)
			}
		}
		segment = nil
	}
	return outputs
}

// postgresTarget is the machine's own PostgreSQL: every file has a copy of one prepared database.
func postgresTarget(ctx context.Context, s *suite, dir string) (*target, func(), error) {
	server, err := testenv.StartPostgres(dir, "fsync=off", "max_prepared_transactions=2")
	if err != nil {
		return nil, nil, err
	}
	stop := func() { _ = server.Stop() }
	const settings = `ALTER DATABASE %[1]s SET lc_messages TO 'C'; ALTER DATABASE %[1]s SET lc_monetary TO 'C';
		ALTER DATABASE %[1]s SET lc_numeric TO 'C'; ALTER DATABASE %[1]s SET lc_time TO 'C';
		ALTER DATABASE %[1]s SET bytea_output TO 'hex'; ALTER DATABASE %[1]s SET timezone_abbreviations TO 'Default';`
	t := &target{name: "postgresql", db: "regression"}
	t.open = func() (*testenv.Server, func(), error) { return server, func() {}, nil }
	t.setup = func(ctx context.Context, s *suite, server *testenv.Server) error {
		out, err := server.PSQL(ctx, "DROP DATABASE IF EXISTS regression;\nCREATE DATABASE regression TEMPLATE=template0 LC_COLLATE='C' LC_CTYPE='C';\n"+
			fmt.Sprintf(settings, "regression")+rolesAway, "-q", "-v", "ON_ERROR_STOP=1")
		if err != nil {
			return fmt.Errorf("%w\n%s", err, out)
		}
		return nil
	}
	return t, stop, nil
}

// rolesAway drops what a file left of roles.
const rolesAway = `
SELECT format('DROP ROLE %I', rolname) FROM pg_roles WHERE rolname LIKE 'regress%' \gexec
`

// pgmqdbTarget is a fresh node for every file.
func pgmqdbTarget(dir string) *target {
	n := 0
	t := &target{name: "pgmqdb", db: "regression"}
	t.open = func() (*testenv.Server, func(), error) {
		n++
		own := filepath.Join(dir, fmt.Sprint("node", n))
		if err := os.MkdirAll(own, 0o755); err != nil {
			return nil, nil, err
		}
		server, err := testenv.StartPgmqdb(own)
		if err != nil {
			return nil, nil, err
		}
		return server, func() { server.Kill(); _ = os.RemoveAll(own) }, nil
	}
	t.setup = func(ctx context.Context, s *suite, server *testenv.Server) error {
		out, err := server.PSQL(ctx, "CREATE DATABASE regression;", "-q")
		if strings.Contains(out, "not supported") {
			t.db = "postgres"
		}
		if err != nil && !strings.Contains(out, "not supported") {
			return fmt.Errorf("%w\n%s", err, out)
		}
		return nil
	}
	return t
}
