package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

// packageLimit bounds a run of one package's tests.
const packageLimit = "5m"

// suite is pgx's test programs, built once.
type suite struct {
	dir      string // a writable copy of the module
	packages []string
}

// build compiles the tests of the packages named, or of all that have tests.
func build(ctx context.Context, dir string, packages []string) (*suite, error) {
	module, err := output(ctx, "", "go", "list", "-m", "-f", "{{.Dir}}", "github.com/jackc/pgx/v5")
	if err != nil {
		return nil, err
	}
	s := &suite{dir: filepath.Join(dir, "pgx"), packages: packages}
	if err := copyTree(s.dir, strings.TrimSpace(module)); err != nil {
		return nil, err
	}
	if len(packages) == 0 {
		list, err := output(ctx, s.dir, "go", "list", "-f", "{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}", "./...")
		if err != nil {
			return nil, err
		}
		for _, p := range strings.Fields(list) {
			p = strings.TrimPrefix(strings.TrimPrefix(p, "github.com/jackc/pgx/v5"), "/")
			if !strings.HasPrefix(p, "examples") && !strings.HasPrefix(p, "testsetup") {
				s.packages = append(s.packages, max(p, "."))
			}
		}
	}
	for _, p := range s.packages {
		if _, err := output(ctx, filepath.Join(s.dir, p), "go", "test", "-c", "-vet=off", "-o", "suite.test", "."); err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
	}
	return s, nil
}

// copyTree copies the module cache's read-only files into writable ones.
func copyTree(to, from string) error {
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return err
	}
	return filepath.Walk(to, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		return os.Chmod(path, info.Mode()|0o200)
	})
}

func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	var diag bytes.Buffer
	cmd.Stderr = &diag
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", name, err, diag.String())
	}
	return string(out), nil
}

// compare runs the tests on both servers.
func compare(ctx context.Context, dir string, packages []string) (*comparison, error) {
	s, err := build(ctx, dir, packages)
	if err != nil {
		return nil, err
	}
	pg, err := testenv.StartPostgres(dir, "fsync=off", "autovacuum=off")
	if err != nil {
		return nil, err
	}
	defer pg.Stop()
	our, err := testenv.StartPgmqdb(dir, "--max-connections", "200")
	if err != nil {
		return nil, err
	}
	defer our.Kill()
	c := &comparison{packages: s.packages, pg: map[string]outcomes{}, our: map[string]outcomes{}}
	for _, server := range []*testenv.Server{pg, our} {
		// What the server does not know of the set-up fails by itself, and then the tests that use it.
		setup, err := os.ReadFile(filepath.Join(s.dir, "testsetup/postgresql_setup.sql"))
		if err != nil {
			return nil, err
		}
		if out, err := server.PSQL(ctx, string(setup), "-q"); err != nil {
			return nil, fmt.Errorf("%w\n%s", err, out)
		}
	}
	for _, p := range s.packages {
		if c.pg[p], err = s.run(ctx, pg, p, nil); err != nil {
			return nil, err
		}
		if c.our[p], err = s.run(ctx, our, p, c.pg[p]); err != nil {
			return nil, err
		}
		x, y := c.counts(p)
		fmt.Printf("# %s: %d pass on PostgreSQL, %d of these on pgmqdb\n", p, x, y)
	}
	return c, nil
}

// outcome is what became of a test.
type outcome struct {
	action string // pass, fail, skip; empty: it did not end
	text   []string
}

// outcomes are those of a package, by test name, subtests with their path.
type outcomes map[string]*outcome

// run runs a package's tests. A test that takes the program down with it, by a panic or by not ending, keeps others from
// running: these are run again without it. expected are the tests that must have ended.
func (s *suite) run(ctx context.Context, server *testenv.Server, pkg string, expected outcomes) (outcomes, error) {
	all := outcomes{}
	pattern := ""
	for {
		got, err := s.once(ctx, server, pkg, pattern)
		if err != nil {
			return nil, err
		}
		ended := 0
		for name, o := range got {
			if old := all[name]; old == nil || old.action == "" {
				all[name] = o
			}
			if o.action != "" && !strings.Contains(name, "/") {
				ended++
			}
		}
		var missing []string
		for name := range expected {
			if o := all[name]; !strings.Contains(name, "/") && o == nil {
				missing = append(missing, name)
			}
		}
		if len(missing) == 0 || ended == 0 && len(got) == 0 {
			return all, nil
		}
		slices.Sort(missing)
		pattern = "^(" + strings.Join(missing, "|") + ")$"
	}
}

// once runs a package's test program.
func (s *suite) once(ctx context.Context, server *testenv.Server, pkg, pattern string) (outcomes, error) {
	args := []string{"tool", "test2json", "-p", pkg, "./suite.test", "-test.v=test2json", "-test.timeout", packageLimit}
	if pattern != "" {
		args = append(args, "-test.run", pattern)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = filepath.Join(s.dir, pkg)
	cmd.Env = environment(server)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	got, err := read(pipe)
	_ = cmd.Wait() // failing tests make it fail
	return got, err
}

func environment(server *testenv.Server) []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "PG") {
			env = append(env, e)
		}
	}
	return append(env, "PGX_TEST_DATABASE="+server.URL(), "PGX_TEST_TCP_CONN_STRING="+server.URL())
}

// temporary matches directories of one run in the names of subtests.
var temporary = regexp.MustCompile(`/\S*/Test\w+/\d+/`)

// read follows the events of a test program.
func read(r io.Reader) (outcomes, error) {
	got := outcomes{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e struct{ Action, Test, Output string }
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Test == "" {
			continue
		}
		e.Test = temporary.ReplaceAllString(e.Test, "/tmp/…/")
		o := got[e.Test]
		if o == nil {
			o = &outcome{}
			got[e.Test] = o
		}
		switch e.Action {
		case "pass", "fail", "skip":
			o.action = e.Action
		case "output":
			o.text = append(o.text, e.Output)
		}
	}
	return got, lines.Err()
}

// unordered are tests that read a table without ORDER BY and demand the order of its insertion: chance decides them here.
var unordered = regexp.MustCompile(`^Test(Conn|Pool|Tx)Copy(From|With)`)

// leaves are the tests without subtests, sorted, but those that hang on the order of rows.
func (o outcomes) leaves() []string {
	parents := map[string]bool{}
	for name := range o {
		for i := range name {
			if name[i] == '/' {
				parents[name[:i]] = true
			}
		}
	}
	var names []string
	for name := range o {
		if !parents[name] && !unordered.MatchString(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (o outcomes) passed(test string) bool { return o[test] != nil && o[test].action == "pass" }

// output is what a test and those above it printed.
func (o outcomes) output(test string) string {
	var b strings.Builder
	for name := test; ; name = name[:strings.LastIndexByte(name, '/')] {
		if r := o[name]; r != nil {
			for _, l := range r.text {
				b.WriteString("    " + l)
			}
		}
		if !strings.Contains(name, "/") {
			return b.String()
		}
	}
}

var (
	serverError = regexp.MustCompile(`(?:ERROR|FATAL): .*?\(SQLSTATE \w+\)`)
	noise       = regexp.MustCompile(`^\s*(=== |--- |\s*$)`)
	location    = regexp.MustCompile(`^\s*\S+\.go:\d+: ?`)
	names       = regexp.MustCompile(`"[^"]*"|\b\d[\d.]*\b`)
)

// why is the first thing that says why a test failed.
func (o outcomes) why(test string) string {
	r := o[test]
	if r == nil {
		if i := strings.LastIndexByte(test, '/'); i > 0 {
			return o.why(test[:i])
		}
		return "did not run"
	}
	first := ""
	for _, l := range strings.Split(o.output(test), "\n") {
		if m := serverError.FindString(l); m != "" {
			return m
		}
		if strings.Contains(l, "panic:") {
			return strings.TrimSpace(l)
		}
		if first == "" && !noise.MatchString(l) && !strings.Contains(l, "Error Trace:") {
			first = strings.TrimSpace(location.ReplaceAllString(l, ""))
		}
	}
	if r.action == "skip" {
		return "skipped: " + first
	}
	return first
}

func general(why string) string { return names.ReplaceAllString(why, "…") }
