package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// quick are the packages that every run of the tests tries; PGMQDB_LONG runs all.
var quick = []string{"pgxpool"}

// As many of pgx's tests pass as docs/COMPATIBILITY.md says.
func TestAsManyPassAsThePageSays(t *testing.T) {
	page, err := readPage()
	if err != nil {
		t.Fatal(err)
	}
	packages := quick
	if os.Getenv("PGMQDB_LONG") != "" {
		packages = nil
	}
	dir := t.TempDir()
	for p := dir; p != "/" && p != os.TempDir(); p = filepath.Dir(p) {
		_ = os.Chmod(p, 0o755) // the user postgres must get there
	}
	c, err := compare(context.Background(), dir, packages)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range c.packages {
		pg, our := c.counts(p)
		if want := page[p]; our < want {
			t.Errorf("%s: %d of %d tests pass, the page says %d\n%s", p, our, pg, want, c.failures(true))
		}
	}
}
