package clients

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"testing"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

func long(t *testing.T) {
	t.Helper()
	if os.Getenv("PGMQDB_LONG") == "" {
		t.Skip("it runs with PGMQDB_LONG")
	}
}

// jdbc is Debian's package of PostgreSQL's JDBC driver.
const jdbc = "/usr/share/java/postgresql.jar"

// TestMoreClients runs programs of further clients, as TestClients does.
func TestMoreClients(t *testing.T) {
	long(t)
	on := start(t)
	t.Run("Node", func(t *testing.T) {
		compare(t, on, &program{dir: node(t, "node_more"), args: []string{"node", "client.js"}})
	})
	t.Run("ActiveRecord", func(t *testing.T) {
		debian(t, []string{"/usr/bin/ruby", "-e", "require 'active_record'; require 'pg'"}, "ruby-activerecord", "ruby-pg")
		compare(t, on, &program{dir: testdata(t, "ruby"), args: []string{"/usr/bin/ruby", "-W0", "client.rb"}})
	})
	t.Run("JDBC", func(t *testing.T) {
		if _, err := exec.LookPath("javac"); err != nil {
			t.Skip("there is no Java compiler")
		}
		debian(t, []string{"test", "-f", jdbc}, "libpostgresql-jdbc-java")
		dir := t.TempDir()
		install(t, testdata(t, "jdbc"), "javac", "-cp", jdbc, "-d", dir, "Client.java")
		compare(t, on, &program{dir: dir, args: []string{"java", "-cp", jdbc + ":" + dir, "Client"}})
	})
	t.Run("Perl", func(t *testing.T) {
		debian(t, []string{"/usr/bin/perl", "-MDBD::Pg", "-e", "1"}, "libdbd-pg-perl")
		compare(t, on, &program{dir: testdata(t, "perl"), args: []string{"/usr/bin/perl", "client.pl"}})
	})
	t.Run("PHP", func(t *testing.T) {
		debian(t, []string{"/usr/bin/php", "-r", "exit(extension_loaded('pgsql') && extension_loaded('pdo_pgsql') ? 0 : 1);"}, "php-cli", "php-pgsql")
		compare(t, on, &program{dir: testdata(t, "php"), args: []string{"/usr/bin/php", "client.php"}})
	})
}

// suite runs a client's own tests on both servers and reports those that fail on pgmqdb alone, but for known ones. ran matches
// its last line, failed the name of a test that failed.
func suite(t *testing.T, on *servers, command func(s *testenv.Server) *program, ran, failed *regexp.Regexp, known []string) {
	t.Helper()
	run := func(s *testenv.Server) []string {
		out := command(s).output(t, s)
		if !ran.MatchString(out) {
			t.Fatalf("the suite did not run to its end on %s:\n%s", s.Name, tail(out))
		}
		var list []string
		for _, m := range failed.FindAllStringSubmatch(out, -1) {
			list = append(list, m[1])
		}
		return list
	}
	want := run(on.postgres)
	for _, name := range run(on.pgmqdb) {
		if !slices.Contains(want, name) && !slices.Contains(known, name) {
			t.Errorf("%s fails on pgmqdb alone", name)
		}
	}
}

// TestSQLAlchemySuite runs the suite by which SQLAlchemy judges dialects.
func TestSQLAlchemySuite(t *testing.T) {
	long(t)
	debian(t, []string{python, "-c", "import sqlalchemy, psycopg2, pytest"}, "python3-sqlalchemy", "python3-psycopg2", "python3-pytest")
	on := start(t)
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(testdata(t, "sqlalchemy_suite"))); err != nil {
		t.Fatal(err)
	}
	command := func(s *testenv.Server) *program {
		const setUp = "create schema test_schema; create schema test_schema_2;"
		if out, err := s.PSQL(t.Context(), setUp); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		uri := "postgresql+psycopg2://postgres@" + s.Host + ":" + port(s) + "/postgres"
		return &program{dir: dir, args: []string{python, "-m", "pytest", "-q", "--dburi", uri, "test_suite.py"}}
	}
	suite(t, on, command, regexp.MustCompile(`\d+ failed, [4-9]\d\d passed`), regexp.MustCompile(`(?m)^(?:FAILED|ERROR) test_suite\.py::(\S+)`),
		[]string{sqlAlchemyTest("FetchLimitOffsetTest", "test_limit_render_multiple_times")}) // LIMIT without ORDER BY
}

// sqlAlchemyTest is a test's name in the suite's output.
func sqlAlchemyTest(class, test string) string { return class + "_postgresql+psycopg2_15_18::" + test }
