// Package clients runs programs of real clients (Django, SQLAlchemy and Alembic, Node.js's pg, Knex and Sequelize, GORM) on
// PostgreSQL and on pgmqdb, each in a database that it makes and drops, and compares all that they print: migrations up and
// down, what they find out about schemas, rows, associations and cascades, transactions in transactions, and errors with their
// classes. With PGMQDB_LONG also suites that clients ship and further clients.
//
// What is missing of a client is installed from Debian's packages, npm or the Go module proxy, where the test may do so; it is
// skipped where it may not.
package clients

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

// python is Debian's own, which finds Debian's packages.
const python = "/usr/bin/python3"

// installTimeout and runTimeout bound one client's installation and one program.
const (
	installTimeout = 3 * time.Minute
	runTimeout     = 2 * time.Minute
)

// servers are the two that every program runs on.
type servers struct{ postgres, pgmqdb *testenv.Server }

func start(t *testing.T) *servers {
	t.Helper()
	pg, err := testenv.StartPostgres(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pg.Stop() })
	db, err := testenv.StartPgmqdb(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Stop() })
	return &servers{pg, db}
}

// program is a client's: a command in a directory.
type program struct {
	dir  string
	args []string
	env  []string
}

// run runs a program on a server and returns what it prints.
func (p *program) run(t *testing.T, s *testenv.Server) string {
	t.Helper()
	out, errs, err := p.start(t, s)
	if err != nil {
		t.Fatalf("%s on %s: %v\n%s\n%s", strings.Join(p.args, " "), s.Name, err, tail(out), tail(errs))
	}
	return out
}

// output runs a program that may fail, and returns all that it prints.
func (p *program) output(t *testing.T, s *testenv.Server) string {
	t.Helper()
	out, errs, _ := p.start(t, s)
	return out + errs
}

func (p *program) start(t *testing.T, s *testenv.Server) (out, errs string, err error) {
	ctx, cancel := context.WithTimeout(t.Context(), runTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.args[0], p.args[1:]...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), p.env...)
	cmd.Env = append(cmd.Env, "PGHOST="+s.Host, "PGPORT="+port(s), "TZ=UTC", "PYTHONDONTWRITEBYTECODE=1")
	var o, e strings.Builder
	cmd.Stdout, cmd.Stderr = &o, &e
	err = cmd.Run()
	return o.String(), e.String(), err
}

// compare runs a program on both servers.
func compare(t *testing.T, on *servers, p *program) {
	t.Helper()
	want := p.run(t, on.postgres)
	got := p.run(t, on.pgmqdb)
	if strings.Count(want, "\n") < 10 {
		t.Fatalf("the program printed hardly anything:\n%s", want)
	}
	if d := testenv.Diff(want, got); d != "" {
		t.Errorf("pgmqdb's output differs from PostgreSQL's:\n%s", d)
	}
}

func tail(s string) string {
	const most = 4000
	if len(s) > most {
		return "…" + s[len(s)-most:]
	}
	return s
}

func port(s *testenv.Server) string { return strconv.Itoa(s.Port) }

// apt serializes package installations: one at a time holds dpkg's lock.
var apt sync.Mutex

// debian installs Debian's packages unless check succeeds.
func debian(t *testing.T, check []string, packages ...string) {
	t.Helper()
	apt.Lock()
	defer apt.Unlock()
	present := func() bool { return exec.Command(check[0], check[1:]...).Run() == nil }
	if present() {
		return
	}
	if os.Geteuid() != 0 {
		t.Skipf("not there, and only root can install it: Debian's %s", strings.Join(packages, ", "))
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		t.Skipf("not there, and there is no apt-get: %s", strings.Join(packages, ", "))
	}
	install(t, "", "apt-get", "update", "-qq")
	install(t, "", append([]string{"apt-get", "install", "-y", "-qq", "--no-install-recommends"}, packages...)...)
	if !present() {
		t.Fatalf("%s still fails after the installation of %s", strings.Join(check, " "), strings.Join(packages, ", "))
	}
}

func install(t *testing.T, dir string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), installTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("cannot be installed here: %s: %v\n%s", strings.Join(args, " "), err, tail(string(out)))
	}
}

// testdata returns a directory of the package's testdata.
func testdata(t *testing.T, name string) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// node installs the packages that a lock file of testdata pins, into a directory of their own.
func node(t *testing.T, name string) (dir string) {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("there is no npm")
	}
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(testdata(t, name))); err != nil {
		t.Fatal(err)
	}
	install(t, dir, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	return dir
}

func TestClients(t *testing.T) {
	on := start(t)
	t.Run("Django", func(t *testing.T) {
		debian(t, []string{python, "-c", "import django, psycopg2"}, "python3-django", "python3-psycopg2")
		compare(t, on, &program{dir: testdata(t, "django"), args: []string{python, "client.py"}})
	})
	t.Run("SQLAlchemy", func(t *testing.T) {
		debian(t, []string{python, "-c", "import sqlalchemy, alembic, psycopg2"}, "python3-sqlalchemy", "python3-alembic", "python3-psycopg2")
		compare(t, on, &program{dir: testdata(t, "sqlalchemy"), args: []string{python, "client.py"}})
	})
	t.Run("Node", func(t *testing.T) {
		compare(t, on, &program{dir: node(t, "node"), args: []string{"node", "client.js"}})
	})
	t.Run("GORM", func(t *testing.T) {
		bin := filepath.Join(t.TempDir(), "gorm")
		install(t, testdata(t, "gorm"), "go", "build", "-o", bin, ".")
		compare(t, on, &program{dir: t.TempDir(), args: []string{bin}})
	})
}
