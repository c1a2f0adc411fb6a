// Package schemas loads database schemas of real applications, as Debian packages ship them, unchanged into PostgreSQL 15
// and into pgmqdb, fills them with rows, and demands equal answers: rows, command tags, errors, and psql's descriptions.
//
// No copy of a schema is kept here. The test takes the file of an installed package, or asks apt for the package and
// unpacks it into a temporary directory.
package schemas

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

// applications lists what is loaded. The name is that of the testdata script with rows and queries.
var applications = []struct{ name, pkg, file string }{
	{"pdns", "pdns-backend-pgsql", "usr/share/pdns-backend-pgsql/schema/schema.pgsql.sql"},
	{"freeradius", "freeradius-config", "etc/freeradius/3.0/mods-config/sql/main/postgresql/schema.sql"},
	{"ejabberd", "ejabberd", "usr/share/ejabberd/sql/pg.new.sql"},
	{"bacula", "bacula-director-pgsql", "usr/share/dbconfig-common/data/bacula-director-pgsql/install/pgsql"},
	{"roundcube", "roundcube-core", "usr/share/roundcube/SQL/postgres.initial.sql"},
}

// schemaFile returns the path of a package's file. It skips the test where the package is not installed and apt cannot
// deliver it.
func schemaFile(t *testing.T, pkg, file string) string {
	t.Helper()
	if path := filepath.Join("/", file); exists(path) {
		return path
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		t.Skipf("%s is not installed and there is no apt-get to fetch it with", pkg)
	}
	dir := t.TempDir()
	out, err := download(dir, pkg)
	if err != nil && os.Getuid() == 0 {
		// The lists of packages may be missing or older than the archive.
		_ = command(dir, 3*time.Minute, "apt-get", "update", "-qq").Run()
		out, err = download(dir, pkg)
	}
	if err != nil {
		t.Skipf("%s is not installed, and apt-get download fails: %v\n%s", pkg, err, out)
	}
	debs, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(debs) != 1 {
		t.Fatalf("apt-get download %s left %v", pkg, debs)
	}
	if out, err := command(dir, time.Minute, "dpkg-deb", "-x", debs[0], "files").CombinedOutput(); err != nil {
		t.Fatalf("dpkg-deb: %v\n%s", err, out)
	}
	path := filepath.Join(dir, "files", file)
	if !exists(path) {
		t.Fatalf("%s has no %s", debs[0], file)
	}
	return path
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func download(dir, pkg string) ([]byte, error) {
	// The sandbox is a user that cannot write into a private temporary directory.
	return command(dir, 2*time.Minute, "apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", pkg).CombinedOutput()
}

func command(dir string, limit time.Duration, name string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Cancel = func() error { defer cancel(); return cmd.Process.Kill() }
	return cmd
}

var location = regexp.MustCompile(`(?m)^LOCATION: .*\n`)

// load runs the schema file as its documentation says, then the script, and returns what psql printed.
func load(t *testing.T, s *testenv.Server, file, script string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	loaded, err := s.PSQL(ctx, "", "-v", "ON_ERROR_STOP=1", "-f", file)
	if err != nil {
		t.Fatalf("%s: %s does not load: %v\n%s", s.Name, filepath.Base(file), err, loaded)
	}
	described, err := s.PSQL(ctx, `\d`, "-At")
	if err != nil {
		t.Fatalf("%s: %v\n%s", s.Name, err, described)
	}
	// Every relation of the schema is described, whatever the package's version has.
	input := strings.Builder{}
	input.WriteString("\\set VERBOSITY verbose\n" + script + "\n\\d\n\\di\n")
	for line := range strings.Lines(described) {
		if f := strings.Split(line, "|"); len(f) > 2 && f[0] == "public" {
			input.WriteString(`\d "` + f[1] + "\"\n")
		}
	}
	out, err := s.PSQL(ctx, input.String(), "-a")
	if ctx.Err() != nil {
		t.Fatalf("%s: timed out: %v\n%s", s.Name, err, out)
	}
	return loaded + location.ReplaceAllString(out, "")
}

func TestDebianSchemasAnswerAsInPostgreSQL(t *testing.T) {
	for _, app := range applications {
		t.Run(app.name, func(t *testing.T) {
			file := schemaFile(t, app.pkg, app.file)
			script, err := os.ReadFile(filepath.Join("testdata", app.name+".sql"))
			if err != nil {
				t.Fatal(err)
			}
			dir, err := os.MkdirTemp("", "schemas")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(dir) })
			oracle, err := testenv.StartPostgres(dir, "fsync=off", "autovacuum=off")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = oracle.Stop() })
			subject, err := testenv.StartPgmqdb(dir)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(subject.Kill)
			want := load(t, oracle, file, string(script))
			if got := load(t, subject, file, string(script)); got != want {
				t.Errorf("output differs:\n%s", testenv.Diff(want, got))
			}
		})
	}
}
