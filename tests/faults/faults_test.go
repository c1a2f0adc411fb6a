// Package faults breaks what a node stands on: its disk's space, its files, its process. It checks what section 10 of the
// design promises then.
package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgmqdb/pgmqdb/tests/testenv"
)

var ctx = context.Background()

func connect(t *testing.T, s *testenv.Server) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		t.Fatalf("%v\n%s", err, s.Log())
	}
	t.Cleanup(func() { c.Close(ctx) })
	return c
}

func must(t *testing.T, c *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := c.Exec(ctx, sql, args...); err != nil {
		t.Fatalf("%.60s: %v", sql, err)
	}
}

func code(err error) string {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		return pe.Code
	}
	return fmt.Sprint(err)
}

// A disk that fills: 53100 before raft is hurt, reads go on, freeing space heals it.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=900m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("cannot mount a small file system here: %v %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", dir).Run() })
	s, err := testenv.StartPgmqdb(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	c := connect(t, s)
	must(t, c, `create table d (id int primary key, v text)`)
	must(t, c, `insert into d select g, repeat('x', 100) from generate_series(1, 1000) g`)
	filler := filepath.Join(dir, "filler")
	if out, err := exec.Command("fallocate", "-l", "800M", filler).CombinedOutput(); err != nil {
		// Less was free: take what leaves little.
		if out2, err := exec.Command("sh", "-c", "dd if=/dev/zero of="+filler+" bs=1M 2>/dev/null; truncate -s -20M "+filler).CombinedOutput(); err != nil {
			t.Fatalf("%s %s %v", out, out2, err)
		}
	}
	refused := false
	for i := 0; i < 100 && !refused; i++ {
		_, err := c.Exec(ctx, `insert into d values ($1, 'y')`, 10000+i)
		refused = code(err) == "53100"
		if err != nil && !refused {
			t.Fatalf("while the disk fills: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if !refused {
		t.Fatal("writes were not refused on a full disk")
	}
	var n int
	if err := c.QueryRow(ctx, `select count(*) from d where id <= 1000`).Scan(&n); err != nil || n != 1000 {
		t.Errorf("reads on a full disk: %d, %v", n, err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	var last error
	for i := 0; i < 100; i++ {
		if _, last = c.Exec(ctx, `insert into d values ($1, 'z')`, 20000+i); last == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if last != nil {
		t.Errorf("freeing space did not heal it: %v", last)
	}
}

func loaded(t *testing.T) *testenv.Server {
	t.Helper()
	s, err := testenv.StartPgmqdb(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	c := connect(t, s)
	must(t, c, `create table f (id int primary key, v text)`)
	must(t, c, `insert into f select g, repeat('abcdefgh', 50) from generate_series(1, 20000) g`)
	must(t, c, `checkpoint`)
	c.Close(ctx)
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	return s
}

func check(t *testing.T, s *testenv.Server) (string, error) {
	t.Helper()
	bin, err := testenv.Binary()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(bin, "check", "--data", s.Dir).CombinedOutput()
	return string(out), err
}

func TestCheckPassesAHealthyNode(t *testing.T) {
	s := loaded(t)
	if out, err := check(t, s); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	if out, err := check(t, s); err == nil || !strings.Contains(out, "running") {
		t.Errorf("check of a running node: %v\n%s", err, out)
	}
}

// A flipped byte in stored rows is found by check, and a read of it is an error, never other data.
func TestFlippedByte(t *testing.T) {
	s := loaded(t)
	files, _ := filepath.Glob(filepath.Join(s.Dir, "group-*.db"))
	flipped := ""
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		at := strings.Index(string(data), "abcdefghabcdefgh")
		if at < 0 {
			continue
		}
		h, err := os.OpenFile(f, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.WriteAt([]byte{'!'}, int64(at+3)); err != nil {
			t.Fatal(err)
		}
		h.Close()
		flipped = filepath.Base(f)
		break
	}
	if flipped == "" {
		t.Fatal("no stored row was found in the files")
	}
	out, err := check(t, s)
	if err == nil || !strings.Contains(out, flipped) {
		t.Errorf("check did not name %s: %v\n%s", flipped, err, out)
	}
	if err := s.Start(); err != nil {
		return // refusing to start is fine: it said why
	}
	c := connect(t, s)
	var n int
	err = c.QueryRow(ctx, `select count(*) from f where v like '%!%' or length(v) <> 400`).Scan(&n)
	if err == nil {
		t.Errorf("a damaged row was read without an error (%d rows are wrong)", n)
	} else if got := code(err); got != "XX001" {
		t.Errorf("a damaged row: %v", err)
	}
}

// A lost state file is never silently replaced by an empty one: it is rebuilt from the log, or the node says what is wrong.
func TestLostStateFile(t *testing.T) {
	s := loaded(t)
	files, _ := filepath.Glob(filepath.Join(s.Dir, "group-3-*.db"))
	if len(files) != 1 {
		t.Fatalf("state files of group 3: %v", files)
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Logf("refused to start, as it may: %.300s", err)
		return
	}
	c := connect(t, s)
	var n int
	if err := c.QueryRow(ctx, `select count(*) from f`).Scan(&n); err == nil && n != 20000 {
		t.Errorf("%d rows of 20000 are left after a state file was lost", n)
	}
}

// Two nodes on one data directory: the second exits.
func TestSecondProcessIsRefused(t *testing.T) {
	s, err := testenv.StartPgmqdb(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	bin, _ := testenv.Binary()
	port, _ := testenv.FreePort()
	cmd := exec.Command(bin, "start", "--data", s.Dir, "--listen", fmt.Sprintf("127.0.0.1:%d", port), "--http", "")
	done := make(chan error, 1)
	var out []byte
	go func() { o, err := cmd.CombinedOutput(); out = o; done <- err }()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(string(out), "in use by another process") {
			t.Errorf("%v\n%s", err, out)
		}
	case <-time.After(20 * time.Second):
		_ = cmd.Process.Kill()
		t.Error("the second process did not exit")
	}
}

// A listener open to other machines needs passwords.
func TestOpenListenerNeedsPasswords(t *testing.T) {
	bin, err := testenv.Binary()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(bin, "start", "--data", t.TempDir(), "--listen", "0.0.0.0:0", "--http", "").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "scram-sha-256") {
		t.Errorf("%v\n%s", err, out)
	}
}

// A node that was quiet long enough for its horizon to pass everything starts again, after kill -9 and after SIGTERM.
func TestRestartAfterQuiet(t *testing.T) {
	s, err := testenv.StartPgmqdb(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	c := connect(t, s)
	must(t, c, `create table q (id int primary key)`)
	must(t, c, `insert into q select generate_series(1, 100)`)
	for _, stop := range []func(){s.Kill, func() { _ = s.Stop() }, s.Kill} {
		for range 12 { // timestamps go on while nothing is written to the catalog group
			var n int
			if err := c.QueryRow(ctx, `select count(*) from q`).Scan(&n); err != nil || n != 100 {
				t.Fatalf("%d rows, %v", n, err)
			}
			must(t, c, `update q set id = id where id = 1`)
			time.Sleep(500 * time.Millisecond)
		}
		c.Close(ctx)
		stop()
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		c = connect(t, s)
	}
}
