// Package isolation runs interleaved sessions against PostgreSQL 15 and against pgmqdb and demands equal transcripts: the
// rows, command tags and errors of every step, which steps wait, and after which other step they go on.
//
// A script in testdata is lines:
//
//	# a comment
//	setup: SQL      run before every case, in a schema of its own
//	case NAME       a new case: new schema, new sessions
//	s1: SQL         a step of session s1, sent when every earlier step has finished or waits
//	await s1        let s1's waiting step finish by itself (a lock_timeout)
//
// PostgreSQL runs first and says which steps wait. Where it waits, pgmqdb must still be waiting a while later; where it
// does not, pgmqdb has as long as it needs. So a slow machine never fails a step that is right.
package isolation

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

var oracle, subject *testenv.Server

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "isolation")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	// With a short deadlock_timeout it is the session that closes a cycle whose check finds it, as in pgmqdb.
	if oracle, err = testenv.StartPostgres(dir, "fsync=off", "autovacuum=off", "deadlock_timeout=10ms"); err != nil {
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

// step is one line of a case. With sql empty it waits for the session to finish what it does.
type step struct{ session, sql string }

// script is a case with what runs before it.
type script struct {
	name  string
	setup []string
	steps []step
}

func parseFile(path string) ([]script, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var setup []string
	var out []script
	in := bufio.NewScanner(f)
	for n := 1; in.Scan(); n++ {
		line := strings.TrimSpace(in.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		if name, ok := strings.CutPrefix(line, "case "); ok {
			out = append(out, script{name: name, setup: setup})
			continue
		}
		if s, ok := strings.CutPrefix(line, "await "); ok && len(out) > 0 {
			out[len(out)-1].steps = append(out[len(out)-1].steps, step{session: s})
			continue
		}
		who, sql, ok := strings.Cut(line, ": ")
		switch {
		case ok && who == "setup" && len(out) == 0:
			setup = append(setup, sql)
		case ok && len(out) > 0:
			out[len(out)-1].steps = append(out[len(out)-1].steps, step{who, sql})
		default:
			return nil, fmt.Errorf("%s:%d: %q is no step", path, n, line)
		}
	}
	return out, in.Err()
}

func TestScriptsInterleaveAsInPostgreSQL(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) {
			cases, err := parseFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range cases {
				t.Run(c.name, func(t *testing.T) { compare(t, c) })
			}
		})
	}
}

// The conflict table of the four row-lock modes, "13.3.2. Row-Level Locks": every mode held against every mode asked for,
// with NOWAIT, SKIP LOCKED and waiting.
func TestRowLockModesConflictAsInPostgreSQL(t *testing.T) {
	setup := []string{
		"create table t (id int primary key, v text)",
		"insert into t values (1, 'a'), (2, 'b')",
	}
	modes := []string{"update", "no key update", "share", "key share"}
	for _, held := range modes {
		for _, asked := range modes {
			sel := "select * from t where id = 1 for "
			c := script{name: held + " against " + asked, setup: setup, steps: []step{
				{"s1", "begin"}, {"s1", sel + held},
				{"s2", sel + asked + " nowait"},
				{"s2", sel + asked + " skip locked"},
				{"s2", "select * from t order by id for " + asked + " skip locked"},
				{"s2", "begin"}, {"s2", sel + asked},
				{"s1", sel + asked + " nowait"},
				{"s1", "commit"},
				{"s1", sel + held + " nowait"},
				{"s2", "rollback"},
			}}
			t.Run(c.name, func(t *testing.T) { compare(t, c) })
		}
	}
}

// What writers and foreign keys take, against every mode.
func TestWritersTakeTheRowLocksOfPostgreSQL(t *testing.T) {
	setup := []string{
		"create table t (id int primary key, u int unique, v text)",
		"create table c (id int primary key, t int references t)",
		"insert into t values (1, 1, 'a'), (2, 2, 'b')",
	}
	writers := []string{
		"update t set v = 'w' where id = 1", "update t set u = 7 where id = 1", "update t set id = 7 where id = 1",
		"delete from t where id = 1", "insert into c values (1, 1)",
	}
	for i, w := range writers {
		for _, mode := range []string{"update", "no key update", "share", "key share"} {
			sel := "select id, u, v from t where id = 1 for " + mode
			first := script{name: fmt.Sprintf("writer %d before %s", i, mode), setup: setup, steps: []step{
				{"s1", "begin"}, {"s1", w}, {"s2", sel + " nowait"}, {"s2", sel}, {"s1", "commit"},
			}}
			second := script{name: fmt.Sprintf("writer %d after %s", i, mode), setup: setup, steps: []step{
				{"s1", "begin"}, {"s1", sel}, {"s2", w}, {"s1", "rollback"}, {"s2", "select * from t order by id"},
			}}
			t.Run(first.name, func(t *testing.T) { compare(t, first) })
			t.Run(second.name, func(t *testing.T) { compare(t, second) })
		}
	}
}

// compare runs the case on both servers and demands one transcript.
func compare(t *testing.T, c script) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), caseLimit)
	defer cancel()
	var want, got string
	for range maxPlays {
		asked := &oracleWaits{}
		want = play(ctx, t, oracle, c, asked)
		got = play(ctx, t, subject, c, &subjectWaits{answers: asked.answers})
		if want == got {
			return
		}
		// On a busy machine PostgreSQL's timer of an earlier waiter may find the deadlock that a later one closed.
		if !strings.Contains(want, "40P01") || !strings.Contains(got, "40P01") {
			break
		}
	}
	t.Errorf("PostgreSQL:\n%s\npgmqdb:\n%s", want, got)
}

// maxPlays is how often a case of a deadlock is played until the victims agree.
const maxPlays = 3
